// SPDX-License-Identifier: MIT
/*
 * timer_create(2)'s timers.
 *
 *   disarmed -> armed -> (signal queued) -> armed or disarmed
 *
 * A timer owns one queue entry for its signal, so sending cannot fail.  While
 * the signal waits in the queue the timer does not run: at dequeue it is moved
 * forward past now, and the periods it skipped are the overrun count.  So a
 * period of a nanosecond costs no more than the signals that are taken.
 *
 * Locks: process->posix_timers and each timer's fields are under sighand->lock.
 * A timer's memory is freed through RCU after it is off the list, its hardware
 * timer is cancelled and its signal is out of the queue.
 *
 * Not there: CPU-time clocks (ENOTSUP), and moving an absolute realtime timer
 * when the clock is set.
 */
#include <linux/time.h>
#include <linux/time_types.h>
#include <arch/time.h>
#include <arch/uaccess.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/process.h>
#include <tarn/signal.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include "time.h"

#define MAX_TIMERS 4096u
/* A signal that is ignored is never dequeued: the timer then runs on at this pace at most. */
#define IGNORED_PERIOD_NS (1 * NSEC_PER_MSEC)

struct posix_timer {
	struct list node;            /* process->posix_timers */
	struct process *process;     /* [I] lives longer than the timer */
	int id;                      /* [I] */
	int clock;                   /* [I] */
	int notify;                  /* [I] SIGEV_* without THREAD_ID's flag taken apart */
	struct thread *target;       /* [I] counted; SIGEV_THREAD_ID */
	struct timer timer;
	u64 interval;                /* 0: one shot */
	ktime_t expires;             /* monotonic; 0: disarmed */
	u64 overrun_now, overrun_last; /* being counted; of the last signal taken */
	bool deleted;
	struct sigitem item;
	struct rcu_head rcu;
};

static void timer_fired(struct timer *timer)
{
	struct posix_timer *pt = container_of(timer, struct posix_timer, timer);
	ktime_t now = arch_clock_ns();
	bool sent;
	u64 missed;

	if (READ_ONCE(pt->deleted))
		return;
	sent = signal_send_item(pt->process, pt->target, &pt->item);
	if (!pt->interval)
		return;
	if (sent && !list_empty(&pt->item.node))
		return; /* goes on at dequeue */
	pt->expires = timer_forward(pt->expires, pt->interval, now, &missed);
	timer_arm(&pt->timer, MAX(pt->expires, now + IGNORED_PERIOD_NS));
}

/* sighand->lock held. */
void posix_timer_dequeued(struct posix_timer *pt, struct ksiginfo *info)
{
	u64 missed = 0;

	if (pt->interval && !pt->deleted && pt->expires) {
		pt->expires = timer_forward(pt->expires, pt->interval, arch_clock_ns(), &missed);
		timer_arm(&pt->timer, pt->expires);
	}
	pt->overrun_last = MIN(missed, (u64)INT32_MAX);
	info->si.si_overrun = (int)pt->overrun_last;
}

/* sighand->lock held. */
static struct posix_timer *find_locked(struct process *p, int id)
{
	struct posix_timer *pt;

	LIST_FOR_EACH (pt, &p->posix_timers, node)
		if (pt->id == id)
			return pt;
	return NULL;
}

static int take_event(struct posix_timer *pt, const void __user *uevent)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	siginfo_t *si = &pt->item.info.si;

	ev.sigev_value.sival_int = pt->id;
	if (uevent && copy_from_user(&ev, uevent, sizeof(ev)))
		return -EFAULT;
	pt->notify = ev.sigev_notify & ~SIGEV_THREAD_ID;
	if (pt->notify != SIGEV_NONE && pt->notify != SIGEV_SIGNAL && pt->notify != SIGEV_THREAD)
		return -EINVAL;
	if (pt->notify != SIGEV_NONE && (ev.sigev_signo < 1 || ev.sigev_signo > NSIG_TOTAL))
		return -EINVAL;
	if (ev.sigev_notify & SIGEV_THREAD_ID) {
		struct thread *t = thread_find_get(ev.sigev_notify_thread_id);

		if (!t || t->process != pt->process) {
			if (t)
				thread_put(t);
			return -EINVAL;
		}
		pt->target = t;
	}
	si->si_signo = ev.sigev_signo;
	si->si_code = SI_TIMER;
	si->si_tid = pt->id;
	si->si_value = ev.sigev_value;
	return 0;
}

static bool clock_has_timers(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_TAI;
}

static int add_timer(struct posix_timer *pt)
{
	struct process *p = pt->process;
	struct posix_timer *other;
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);
	u32 n = 0;

	LIST_FOR_EACH (other, &p->posix_timers, node)
		n++;
	if (n < MAX_TIMERS) {
		do {
			pt->id = (int)(p->next_timer_id++ & INT32_MAX);
		} while (find_locked(p, pt->id));
		pt->item.info.si.si_tid = pt->id;
		list_add_tail(&p->posix_timers, &pt->node);
	}
	process_unlock_signals(sh, irq);
	return n < MAX_TIMERS ? 0 : -EAGAIN;
}

static void free_timer(struct rcu_head *h)
{
	kfree(container_of(h, struct posix_timer, rcu));
}

/* Off the list already. */
static void destroy(struct posix_timer *pt)
{
	timer_cancel_sync(&pt->timer);
	signal_cancel_item(pt->process, &pt->item);
	if (pt->target)
		thread_put(pt->target);
	rcu_call(&pt->rcu, free_timer);
}

static int delete_timer(struct process *p, int id)
{
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);
	struct posix_timer *pt = id < 0 ? list_first(&p->posix_timers, struct posix_timer, node) :
					  find_locked(p, id);

	if (pt) {
		list_del(&pt->node);
		WRITE_ONCE(pt->deleted, true);
	}
	process_unlock_signals(sh, irq);
	if (!pt)
		return -EINVAL;
	destroy(pt);
	return 0;
}

void posix_timers_delete_all(struct process *p)
{
	while (!list_empty(&p->posix_timers))
		(void)delete_timer(p, -1);
}

long sys_timer_create(int clock, void __user *event, int __user *timerid)
{
	struct process *p = current->process;
	struct posix_timer *pt;
	s64 now;
	int id, err = clock_read(clock, &now);

	if (err)
		return err;
	if (!clock_has_timers(clock))
		return -EOPNOTSUPP;
	pt = kzalloc(sizeof(*pt), GFP_KERNEL);
	if (!pt)
		return -EAGAIN;
	pt->process = p;
	pt->clock = clock;
	pt->item.timer = pt;
	list_init(&pt->item.node);
	timer_init(&pt->timer, timer_fired);
	err = take_event(pt, event);
	if (err)
		goto free;
	pt->item.target = pt->target;
	err = add_timer(pt);
	if (err)
		goto put_target;
	if (!event)
		pt->item.info.si.si_int = pt->id;
	id = pt->id; /* from here on another thread may delete it */
	err = put_user(id, timerid);
	if (err)
		(void)delete_timer(p, id);
	return err;

put_target:
	if (pt->target)
		thread_put(pt->target);
free:
	kfree(pt);
	return err;
}

long sys_timer_delete(int timerid)
{
	return timerid < 0 ? -EINVAL : delete_timer(current->process, timerid);
}

/* sighand->lock held. */
static void timer_left(struct posix_timer *pt, u64 *value, u64 *interval)
{
	ktime_t now = arch_clock_ns(), end = pt->expires;
	u64 missed;

	*interval = pt->interval;
	*value = 0;
	if (!end)
		return;
	if (end <= now && pt->interval)
		end = timer_forward(end, pt->interval, now, &missed);
	if (end > now)
		*value = end - now;
	else if (atomic_load(&pt->timer.queued))
		*value = 1;
}

static int give_itimerspec(void __user *out, u64 value, u64 interval)
{
	struct __kernel_itimerspec __user *u = out;
	int err = ktime_to_user_timespec(&u->it_interval, interval);

	return err ? err : ktime_to_user_timespec(&u->it_value, value);
}

long sys_timer_gettime(int timerid, void __user *uvalue)
{
	struct process *p = current->process;
	u64 irq, value = 0, interval = 0;
	struct sighand *sh = process_lock_signals(p, &irq);
	struct posix_timer *pt = find_locked(p, timerid);

	if (pt)
		timer_left(pt, &value, &interval);
	process_unlock_signals(sh, irq);
	return pt ? give_itimerspec(uvalue, value, interval) : -EINVAL;
}

long sys_timer_getoverrun(int timerid)
{
	struct process *p = current->process;
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);
	struct posix_timer *pt = find_locked(p, timerid);
	long n = pt ? (long)pt->overrun_last : -EINVAL;

	process_unlock_signals(sh, irq);
	return n;
}

/* sighand->lock held; the hardware timer is not armed and its signal not queued. */
static void set_locked(struct posix_timer *pt, int flags, u64 value, u64 interval)
{
	pt->interval = interval;
	pt->overrun_last = 0;
	if (!value) {
		pt->expires = 0;
		return;
	}
	pt->expires = flags & TIMER_ABSTIME ? clock_to_monotonic(pt->clock, (s64)value) :
					      arch_clock_ns() + value;
	if (!pt->expires)
		pt->expires = 1;
	if (pt->notify == SIGEV_NONE)
		return; /* nobody is told: what is left is counted when somebody asks */
	timer_arm(&pt->timer, pt->expires);
}

long sys_timer_settime(int timerid, int flags, const void __user *uvalue, void __user *uold)
{
	const struct __kernel_itimerspec __user *u = uvalue;
	u64 irq, value, interval, old_value = 0, old_interval = 0;
	struct process *p = current->process;
	struct posix_timer *pt;
	struct sighand *sh;
	int err;

	if (!uvalue)
		return -EINVAL;
	err = ktime_from_user_timespec(&value, &u->it_value);
	if (!err)
		err = ktime_from_user_timespec(&interval, &u->it_interval);
	if (err)
		return err;
	sh = process_lock_signals(p, &irq);
	pt = find_locked(p, timerid);
	if (pt) {
		timer_left(pt, &old_value, &old_interval);
		timer_cancel(&pt->timer);
		set_locked(pt, flags, value, value ? interval : 0);
	}
	process_unlock_signals(sh, irq);
	if (!pt)
		return -EINVAL;
	return uold ? give_itimerspec(uold, old_value, old_interval) : 0;
}
