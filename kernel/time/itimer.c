// SPDX-License-Identifier: MIT
/*
 * Interval timers of a process: alarm(2), setitimer(2), RLIMIT_CPU and RLIMIT_RTTIME.
 *
 * ITIMER_REAL is a timer whose call-back sends SIGALRM; taking that arms it again.
 * ITIMER_VIRTUAL and ITIMER_PROF, and the limits, are looked at by the tick of
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
	signal_process(container_of(timer, struct process, itimer_real), SIGALRM);
}

/*
 * The next period begins when SIGALRM is taken, not before: as on Linux, a period
 * of a microsecond costs what its signals cost, and nothing when SIGALRM is ignored.
 */
void itimer_real_dequeued(struct process *p)
{
	u64 interval = p->itimer_real_interval, missed;

	if (interval && !atomic_load(&p->itimer_real.queued))
		timer_arm(&p->itimer_real,
			  timer_forward(p->itimer_real.expires, interval, arch_clock_ns(), &missed));
}

void process_timers_init(struct process *p)
{
	p->posix_timers = (struct rb_root)RB_ROOT_INIT;
	list_init(&p->ignored_timers);
	p->next_timer_id = 0;
	timer_init(&p->itimer_real, real_fired);
	p->itimer_real_interval = 0;
	atomic_store(&p->cpu_time, 0);
	p->itimer_cpu[0].value = p->itimer_cpu[0].interval = 0;
	p->itimer_cpu[1].value = p->itimer_cpu[1].interval = 0;
}

void process_timers_exec(struct process *p)
{
	posix_timers_delete_all(p);
}

/* What is left and the interval; @stop: and the timer shall not go on. */
static void real_get(struct process *p, bool stop, u64 *value, u64 *interval)
{
	ktime_t now = arch_clock_ns();
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);

	*interval = p->itimer_real_interval;
	*value = 0;
	if (atomic_load(&p->itimer_real.queued)) /* at least 1: due, but the signal is yet to come */
		*value = p->itimer_real.expires > now ? p->itimer_real.expires - now : 1;
	if (stop)
		p->itimer_real_interval = 0;
	process_unlock_signals(sh, irq);
	if (stop) /* not under the lock, which its call-back takes: no SIGALRM of the old setting comes later */
		timer_cancel_sync(&p->itimer_real);
}

static void real_set(struct process *p, u64 value, u64 interval)
{
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);

	p->itimer_real_interval = value ? interval : 0;
	if (value)
		timer_arm(&p->itimer_real, ktime_add(arch_clock_ns(), value));
	process_unlock_signals(sh, irq);
}

void process_timers_exit(struct process *p)
{
	u64 value, interval;

	real_get(p, true, &value, &interval);
	posix_timers_delete_all(p);
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
	real_get(p, set != NULL, value, interval);
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

/*
 * The signal of a limit on CPU time, both in the limit's unit: SIGXCPU at the soft one,
 * which then moves on by @step, SIGKILL at the hard one. One signal a tick, so that
 * whoever jumped over both still gets SIGXCPU first. setrlimit(2) at this moment wins.
 */
static void check_limit(struct process *p, unsigned int which, u64 used, u64 step)
{
	u64 soft = READ_ONCE(p->rlimits[which].cur), hard = READ_ONCE(p->rlimits[which].max);

	if (used >= soft && soft < hard) {
		__atomic_compare_exchange_n(&p->rlimits[which].cur, &soft, soft + step, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
		signal_process(p, SIGXCPU);
	} else if (used >= hard) {
		signal_process(p, SIGKILL);
	}
}

/* What @t ran since it was last counted becomes its process's. */
static u64 count_cpu_time(struct thread *t)
{
	u64 sum = READ_ONCE(t->se.sum_exec), more = sum - t->se.counted;

	t->se.counted = sum;
	return atomic_fetch_add_explicit(&t->process->cpu_time, more, memory_order_relaxed) + more;
}

void cpu_timers_thread_exit(struct thread *t)
{
	u64 irq = irq_save(); /* the tick counts too */

	(void)count_cpu_time(t);
	irq_restore(irq);
}

static void check_limits(struct process *p, struct thread *t)
{
	u64 used = count_cpu_time(t);

	if (unlikely(READ_ONCE(p->rlimits[RLIMIT_CPU].cur) != ~0ull))
		check_limit(p, RLIMIT_CPU, used / NSEC_PER_SEC, 1);
	if (unlikely(policy_is_rt(&t->se)) && READ_ONCE(p->rlimits[RLIMIT_RTTIME].cur) != ~0ull)
		check_limit(p, RLIMIT_RTTIME, t->se.rt_run / NSEC_PER_USEC, 1000000);
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
	check_limits(p, t);
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
