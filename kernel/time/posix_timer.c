// SPDX-License-Identifier: MIT
/*
 * timer_create(2)'s timers.
 *
 *   disarmed -> armed -> waiting (its signal is queued) -> armed or disarmed
 *                     -> ignored (nobody wants the signal) -> armed
 *
 * A timer owns one queue entry for its signal, so sending cannot fail. No timer
 * runs for nothing: while its signal waits in the queue, or is ignored, it is not
 * armed. At dequeue, or when a handler comes or the signal is blocked, it moves
 * forward past now, and the periods it skipped are the overrun count. So a period
 * of a nanosecond costs no more than the signals that are taken, and an ignored
 * one costs nothing. (Linux before 6.13 let those run on at the tick's pace.)
 *
 * Each timer is charged to its maker like a queued signal (RLIMIT_SIGPENDING).
 *
 * Locks: everything is under sighand->lock, also the call-back, so a settime on
 * another CPU is before it or after it: `armed` tells which setting fired.
 * A timer's memory is freed through RCU after it is out of the tree, its hardware
 * timer is cancelled and its signal is out of the queue.
 *
 * Not there: CPU-time clocks (EOPNOTSUPP).  Tests: tests/abi/time_posix.c.
 */
#include <linux/time.h>
#include <linux/time_types.h>
#include <arch/time.h>
#include <arch/uaccess.h>
#include <tarn/charge.h>
#include <tarn/errno.h>
#include <tarn/process.h>
#include <tarn/signal.h>
#include <tarn/slab.h>
#include <tarn/syscall.h>
#include "time.h"

struct posix_timer {
	struct rb_node node;         /* process->posix_timers, by id */
	struct list ignored_node;    /* process->ignored_timers; empty: not there */
	struct process *process;     /* [I] lives longer than the timer */
	struct user *user;           /* [I] charged */
	int id;                      /* [I] */
	int clock;                   /* [I] */
	int notify;                  /* [I] SIGEV_* without THREAD_ID's flag taken apart */
	struct thread *target;       /* [I] counted; SIGEV_THREAD_ID */
	struct timer timer;
	bool realtime;               /* expires is wall clock time: it was set absolutely */
	bool armed;                  /* the hardware timer will come, or its call-back is on the way */
	bool waiting;                /* fired, and goes on when its signal is taken */
	bool deleted;
	u64 interval;                /* 0: one shot */
	ktime_t expires;             /* of its clock; 0: disarmed */
	u64 overrun, overrun_last;   /* since the last signal taken; what that one said */
	struct sigitem item;
	struct rcu_head rcu;
};

static ktime_t now_for(const struct posix_timer *pt)
{
	return pt->realtime ? (ktime_t)clock_realtime() : arch_clock_ns();
}

static void arm_locked(struct posix_timer *pt)
{
	pt->armed = true;
	if (pt->realtime)
		timer_arm_realtime(&pt->timer, (s64)MIN(pt->expires, KTIME_MAX >> 1));
	else
		timer_arm(&pt->timer, pt->expires);
}

/* On to the next point after now; @lost of those up to now are overruns besides the missed ones. */
static void go_on_locked(struct posix_timer *pt, u64 lost)
{
	u64 missed;

	pt->expires = timer_forward(pt->expires, pt->interval, now_for(pt), &missed);
	pt->overrun += missed + lost;
	arm_locked(pt);
}

static void expire_locked(struct posix_timer *pt)
{
	pt->armed = false;
	switch (signal_send_item(pt->process, pt->target, &pt->item)) {
	case ITEM_QUEUED:
		pt->waiting = pt->interval != 0;
		break;
	case ITEM_IGNORED:
		if (pt->interval)
			list_add_tail(&pt->process->ignored_timers, &pt->ignored_node);
		break;
	case ITEM_LOST: /* its thread is gone: as on Linux, that was the last */
		break;
	}
}

static void timer_fired(struct timer *timer)
{
	struct posix_timer *pt = container_of(timer, struct posix_timer, timer);
	u64 irq;
	struct sighand *sh = process_lock_signals(pt->process, &irq);

	if (!pt->deleted && pt->armed) {
		if (now_for(pt) >= pt->expires)
			expire_locked(pt);
		else if (!atomic_load(&timer->queued))
			arm_locked(pt); /* the clock was set back meanwhile */
	}
	process_unlock_signals(sh, irq);
}

/* sighand->lock held. */
void posix_timer_dequeued(struct posix_timer *pt, struct ksiginfo *info)
{
	info->si.si_overrun = 0;
	if (!pt->waiting || pt->deleted)
		return; /* one shot, or the signal of an earlier setting */
	pt->waiting = false;
	go_on_locked(pt, 0);
	pt->overrun_last = MIN(pt->overrun, (u64)INT32_MAX);
	pt->overrun = 0;
	info->si.si_overrun = (int)pt->overrun_last;
}

void posix_timer_dropped(struct posix_timer *pt)
{
	if (!pt->waiting || pt->deleted)
		return;
	pt->waiting = false;
	go_on_locked(pt, 1);
}

void posix_timers_wanted(struct process *p, u64 signals)
{
	struct posix_timer *pt, *next;

	LIST_FOR_EACH_SAFE (pt, next, &p->ignored_timers, ignored_node) {
		if (!(SIGMASK(pt->item.info.si.si_signo) & signals))
			continue;
		list_del_init(&pt->ignored_node);
		go_on_locked(pt, 1);
	}
}

/* ---- making and finding ---- */

/* sighand->lock held. */
static struct posix_timer *find_locked(struct process *p, int id)
{
	struct rb_node *n = p->posix_timers.node;

	while (n) {
		struct posix_timer *pt = rb_entry(n, struct posix_timer, node);

		if (id == pt->id)
			return pt;
		n = id < pt->id ? n->left : n->right;
	}
	return NULL;
}

static void insert_locked(struct process *p, struct posix_timer *pt)
{
	struct rb_node *parent = NULL, **link = &p->posix_timers.node;

	while (*link) {
		parent = *link;
		link = pt->id < rb_entry(parent, struct posix_timer, node)->id ? &parent->left :
										 &parent->right;
	}
	rb_insert(&p->posix_timers, &pt->node, parent, link, NULL);
}

static bool event_known(const struct sigevent *ev)
{
	switch (ev->sigev_notify) {
	case SIGEV_NONE:
		return true;
	case SIGEV_SIGNAL:
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
	case SIGEV_THREAD:
		return ev->sigev_signo >= 1 && ev->sigev_signo <= NSIG_TOTAL;
	}
	return false;
}

static int take_event(struct posix_timer *pt, const struct sigevent *ev)
{
	siginfo_t *si = &pt->item.info.si;

	if (!event_known(ev))
		return -EINVAL;
	pt->notify = ev->sigev_notify & ~SIGEV_THREAD_ID;
	if (ev->sigev_notify & SIGEV_THREAD_ID) {
		struct thread *t = thread_find_get(ev->sigev_notify_thread_id);

		if (!t || t->process != pt->process) {
			if (t)
				thread_put(t);
			return -EINVAL;
		}
		pt->target = t;
	}
	si->si_signo = ev->sigev_signo;
	si->si_code = SI_TIMER;
	si->si_value = ev->sigev_value;
	return 0;
}

static bool clock_has_timers(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_TAI;
}

/* Gives it an id; @own_value: that is also what its signal carries. */
static int add_timer(struct posix_timer *pt, bool own_value)
{
	struct process *p = pt->process;
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);
	int id;

	do {
		id = (int)(p->next_timer_id++ & INT32_MAX);
	} while (find_locked(p, id));
	pt->id = id;
	pt->item.info.si.si_tid = id;
	if (own_value)
		pt->item.info.si.si_int = id;
	insert_locked(p, pt);
	process_unlock_signals(sh, irq);
	return id;
}

static void free_timer(struct rcu_head *h)
{
	kfree(container_of(h, struct posix_timer, rcu));
}

/* Out of the tree already. */
static void destroy(struct posix_timer *pt)
{
	timer_cancel_sync(&pt->timer);
	signal_cancel_item(pt->process, &pt->item);
	if (pt->target)
		thread_put(pt->target);
	charge_return(pt->user, CHARGE_SIGNALS, 1);
	rcu_call(&pt->rcu, free_timer);
}

static int delete_timer(struct process *p, int id)
{
	u64 irq;
	struct sighand *sh = process_lock_signals(p, &irq);
	struct posix_timer *pt = id < 0 ? rb_entry_or_null(p->posix_timers.node, struct posix_timer, node) :
					  find_locked(p, id);

	if (pt) {
		rb_erase(&p->posix_timers, &pt->node, NULL);
		list_del_init(&pt->ignored_node);
		pt->deleted = true;
	}
	process_unlock_signals(sh, irq);
	if (!pt)
		return -EINVAL;
	destroy(pt);
	return 0;
}

void posix_timers_delete_all(struct process *p)
{
	while (!delete_timer(p, -1))
		cond_resched();
}

static struct posix_timer *timer_new(int clock)
{
	struct user *u = charge_current(CHARGE_SIGNALS, 1, rlimit_cur(RLIMIT_SIGPENDING));
	struct posix_timer *pt = u ? kzalloc(sizeof(*pt), GFP_KERNEL) : NULL;

	if (!pt) {
		if (u)
			charge_return(u, CHARGE_SIGNALS, 1);
		return NULL;
	}
	pt->process = current->process;
	pt->user = u;
	pt->clock = clock;
	pt->item.timer = pt;
	list_init(&pt->item.node);
	list_init(&pt->ignored_node);
	timer_init(&pt->timer, timer_fired);
	return pt;
}

long sys_timer_create(int clock, void __user *uevent, int __user *timerid)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct posix_timer *pt;
	s64 now;
	int id, err;

	if (uevent && copy_from_user(&event, uevent, sizeof(event)))
		return -EFAULT;
	err = clock_read(clock, &now);
	if (err)
		return err;
	if (!clock_has_timers(clock))
		return -EOPNOTSUPP;
	pt = timer_new(clock);
	if (!pt)
		return -EAGAIN;
	err = take_event(pt, &event);
	if (err) {
		charge_return(pt->user, CHARGE_SIGNALS, 1);
		kfree(pt);
		return err;
	}
	pt->item.target = pt->target;
	id = add_timer(pt, !uevent); /* from here on another thread may delete it */
	err = put_user(id, timerid);
	if (err)
		(void)delete_timer(pt->process, id);
	return err;
}

long sys_timer_delete(int timerid)
{
	return timerid < 0 ? -EINVAL : delete_timer(current->process, timerid);
}

/* ---- setting and looking ---- */

/* sighand->lock held. */
static void timer_left(struct posix_timer *pt, u64 *value, u64 *interval)
{
	ktime_t now = now_for(pt), end = pt->expires;
	u64 missed;

	*interval = pt->interval;
	*value = 0;
	if (!end)
		return;
	if (end <= now && pt->interval)
		end = timer_forward(end, pt->interval, now, &missed);
	if (end > now)
		*value = end - now;
	else if (pt->armed)
		*value = 1; /* due, but the signal is yet to come */
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

/* sighand->lock held. What an earlier setting queued stays in the queue, but means nothing to this one. */
static void set_locked(struct posix_timer *pt, int flags, u64 value, u64 interval)
{
	timer_cancel(&pt->timer);
	list_del_init(&pt->ignored_node);
	pt->armed = pt->waiting = false;
	pt->interval = interval;
	pt->overrun = pt->overrun_last = 0;
	pt->expires = 0;
	if (!value)
		return;
	pt->realtime = flags & TIMER_ABSTIME && clock_is_realtime(pt->clock);
	if (pt->realtime)
		pt->expires = (ktime_t)MAX(clock_to_realtime(pt->clock, (s64)value), (s64)1);
	else
		pt->expires = flags & TIMER_ABSTIME ? value : ktime_add(arch_clock_ns(), value);
	if (pt->notify != SIGEV_NONE) /* else nobody is told: what is left is counted when somebody asks */
		arm_locked(pt);
}

long sys_timer_settime(int timerid, int flags, const void __user *uvalue, void __user *uold)
{
	u64 irq, value, interval, old_value = 0, old_interval = 0;
	struct process *p = current->process;
	struct posix_timer *pt;
	struct sighand *sh;
	int err;

	if (!uvalue)
		return -EINVAL;
	err = ktime_from_user_itimerspec(&value, &interval, uvalue);
	if (err)
		return err;
	sh = process_lock_signals(p, &irq);
	pt = find_locked(p, timerid);
	if (pt) {
		timer_left(pt, &old_value, &old_interval);
		set_locked(pt, flags, value, value ? interval : 0);
	}
	process_unlock_signals(sh, irq);
	if (!pt)
		return -EINVAL;
	return uold ? give_itimerspec(uold, old_value, old_interval) : 0;
}
