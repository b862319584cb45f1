// SPDX-License-Identifier: MIT
/*
 * Interval timers of a process: alarm(2), setitimer(2), and RLIMIT_CPU.
 *
 * ITIMER_REAL is a timer whose call-back sends SIGALRM and arms it again.
 * ITIMER_VIRTUAL and ITIMER_PROF, and the limit, are looked at by the tick of
 * whichever CPU runs a thread of the process; their precision is the tick's.
 * All under sighand->lock.
 */
#include <linux/time.h>
#include <linux/time_types.h>
#include <arch/time.h>
#include <arch/uaccess.h>
#include <tarn/errno.h>
#include <tarn/process.h>
#include <tarn/signal.h>
#include <tarn/syscall.h>
#include "../sched/sched.h"
#include "time.h"

static void real_fired(struct timer *timer)
{
	struct process *p = container_of(timer, struct process, itimer_real);
	u64 interval = READ_ONCE(p->itimer_real_interval), missed;
	ktime_t now = arch_clock_ns();

	signal_process(p, SIGALRM);
	if (interval)
		timer_arm(timer, MAX(timer_forward(timer->expires, interval, now, &missed),
				     now + TIMER_MIN_PERIOD_NS));
}

void process_timers_init(struct process *p)
{
	list_init(&p->posix_timers);
	p->next_timer_id = 0;
	timer_init(&p->itimer_real, real_fired);
	p->itimer_real_interval = 0;
	p->itimer_cpu[0].value = p->itimer_cpu[0].interval = 0;
	p->itimer_cpu[1].value = p->itimer_cpu[1].interval = 0;
}

void process_timers_exec(struct process *p)
{
	posix_timers_delete_all(p);
}

void process_timers_exit(struct process *p)
{
	WRITE_ONCE(p->itimer_real_interval, 0);
	timer_cancel_sync(&p->itimer_real);
	posix_timers_delete_all(p);
}

static void real_get(struct process *p, u64 *value, u64 *interval)
{
	ktime_t now = arch_clock_ns(), end = READ_ONCE(p->itimer_real.expires);

	*interval = p->itimer_real_interval;
	*value = 0;
	if (atomic_load(&p->itimer_real.queued))
		*value = end > now ? end - now : 1; /* due, but the signal is yet to come */
}

static void real_set(struct process *p, u64 value, u64 interval)
{
	WRITE_ONCE(p->itimer_real_interval, 0);
	timer_cancel_sync(&p->itimer_real);
	if (!value)
		return;
	p->itimer_real_interval = interval;
	timer_arm(&p->itimer_real, arch_clock_ns() + value);
}

static void cpu_exchange(struct process *p, int which, const u64 *set, u64 *value, u64 *interval)
{
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);

	*value = p->itimer_cpu[which].value;
	*interval = p->itimer_cpu[which].interval;
	if (set) {
		p->itimer_cpu[which].value = set[0];
		p->itimer_cpu[which].interval = set[0] ? set[1] : 0;
	}
	process_unlock_signals(sh, irq);
}

static void exchange(int which, const u64 *set, u64 *value, u64 *interval)
{
	struct process *p = current->process;

	if (which != ITIMER_REAL) {
		cpu_exchange(p, which - ITIMER_VIRTUAL, set, value, interval);
		return;
	}
	real_get(p, value, interval);
	if (set)
		real_set(p, set[0], set[1]);
}

static struct __kernel_old_timeval to_timeval(u64 ns)
{
	/* What is left of a running timer is never shown as 0. */
	u64 us = DIV_ROUND_UP(ns, NSEC_PER_USEC);

	return (struct __kernel_old_timeval){ (long)(us / 1000000), (long)(us % 1000000) };
}

static int give_itimer(void __user *uvalue, u64 value, u64 interval)
{
	struct __kernel_old_itimerval k = { .it_interval = to_timeval(interval),
					    .it_value = to_timeval(value) };

	return copy_to_user(uvalue, &k, sizeof(k));
}

long sys_getitimer(int which, void __user *uvalue)
{
	u64 value, interval;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	exchange(which, NULL, &value, &interval);
	return give_itimer(uvalue, value, interval);
}

long sys_setitimer(int which, const void __user *unew, void __user *uold)
{
	const struct __kernel_old_itimerval __user *un = unew;
	u64 set[2] = { 0, 0 }, value, interval;
	int err = 0;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	if (unew) {
		err = ktime_from_user_timeval(&set[0], &un->it_value);
		if (!err)
			err = ktime_from_user_timeval(&set[1], &un->it_interval);
		if (err)
			return err;
	}
	exchange(which, set, &value, &interval);
	return uold ? give_itimer(uold, value, interval) : 0;
}

long sys_alarm(unsigned int seconds)
{
	u64 set[2] = { seconds * NSEC_PER_SEC, 0 }, value, interval, left;

	exchange(ITIMER_REAL, set, &value, &interval);
	left = (value + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	return value && !left ? 1 : (long)left;
}

static bool itimer_run(struct process *p, int which, u64 ns)
{
	u64 *value = &p->itimer_cpu[which].value;

	if (!*value)
		return false;
	if (*value > ns) {
		*value -= ns;
		return false;
	}
	*value = p->itimer_cpu[which].interval;
	return true;
}

static void check_cpu_limit(struct process *p)
{
	u64 soft = READ_ONCE(p->rlimits[RLIMIT_CPU].cur), hard = READ_ONCE(p->rlimits[RLIMIT_CPU].max);
	u64 u, s, sum;

	if (likely(soft == ~0ull))
		return;
	process_cpu_times(p, &u, &s);
	sum = u + s;
	if (hard != ~0ull && sum / NSEC_PER_SEC >= hard)
		signal_process(p, SIGKILL);
	else if (sum / NSEC_PER_SEC >= soft && sum % NSEC_PER_SEC < TICK_NS)
		signal_process(p, SIGXCPU); /* once a second */
}

/* Interrupts off.  Unset timers are seen without the lock: the common case costs two loads. */
void cpu_timers_tick(struct thread *t, bool user, u64 ns)
{
	struct process *p = t->process;
	bool virt, prof;
	struct sighand *sh;
	u64 irq;

	if (READ_ONCE(p->zombie))
		return;
	check_cpu_limit(p);
	if (likely(!READ_ONCE(p->itimer_cpu[0].value) && !READ_ONCE(p->itimer_cpu[1].value)))
		return;
	sh = process_lock_signals(p, &irq);
	virt = user && itimer_run(p, 0, ns);
	prof = itimer_run(p, 1, ns);
	process_unlock_signals(sh, irq);
	if (virt)
		signal_process(p, SIGVTALRM);
	if (prof)
		signal_process(p, SIGPROF);
}
