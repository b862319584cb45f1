// SPDX-License-Identifier: MIT
/*
 * Deferred work: functions that want a thread to run in.
 *
 *   idle -> pending (on the list) -> running -> idle, or pending again
 *
 * One list, a few worker threads.  A work that is queued again while it runs
 * waits for its own end, so it never runs twice at once.  fn may free the work:
 * it is not touched afterwards.
 */
#include <arch/time.h>
#include <tarn/errptr.h>
#include <tarn/panic.h>
#include <tarn/waitq.h>
#include <tarn/work.h>
#include "sched.h"

#define MAX_WORKERS 4

static struct spinlock work_lock = SPINLOCK_INIT("work", LR_WORK);
static struct list work_list GUARDED_BY(&work_lock) = LIST_INIT(work_list);
static struct work *running[MAX_WORKERS] GUARDED_BY(&work_lock);
static struct waitq work_waitq = WAITQ_INIT(work_waitq);  /* workers */
static struct waitq flush_waitq = WAITQ_INIT(flush_waitq); /* work_flush() */

void work_init(struct work *w, void (*fn)(struct work *w))
{
	list_init(&w->node);
	w->fn = fn;
	w->pending = false;
}

bool work_queue(struct work *w)
{
	u64 flags = spin_lock_irqsave(&work_lock);
	bool queued = !w->pending;

	if (queued) {
		w->pending = true;
		list_add_tail(&work_list, &w->node);
	}
	spin_unlock_irqrestore(&work_lock, flags);
	if (queued)
		waitq_wake_one(&work_waitq, 0);
	return queued;
}

static bool is_running(const struct work *w) MUST_HOLD(&work_lock)
{
	for (u32 i = 0; i < MAX_WORKERS; i++)
		if (running[i] == w)
			return true;
	return false;
}

static struct work *next_work(u32 worker)
{
	u64 flags = spin_lock_irqsave(&work_lock);
	struct work *w, *found = NULL;

	LIST_FOR_EACH (w, &work_list, node) {
		if (is_running(w))
			continue;
		found = w;
		list_del_init(&w->node);
		w->pending = false;
		running[worker] = w;
		break;
	}
	spin_unlock_irqrestore(&work_lock, flags);
	return found;
}

static int worker_thread(void *arg)
{
	u32 me = (u32)(u64)arg;

	for (;;) {
		struct work *w = NULL;
		u64 flags;

		(void)WAIT_EVENT(&work_waitq, (w = next_work(me)) != NULL, TS_IDLE,
				 KTIME_MAX, true);
		w->fn(w);
		flags = spin_lock_irqsave(&work_lock);
		running[me] = NULL;
		spin_unlock_irqrestore(&work_lock, flags);
		if (waitq_active(&flush_waitq))
			waitq_wake_all(&flush_waitq, 0);
		cond_resched();
	}
	return 0;
}

static bool work_is_idle(struct work *w)
{
	u64 flags = spin_lock_irqsave(&work_lock);
	bool idle = !w->pending && !is_running(w);

	spin_unlock_irqrestore(&work_lock, flags);
	return idle;
}

void work_flush(struct work *w)
{
	wait_event(&flush_waitq, work_is_idle(w));
}

static void delayed_work_due(struct timer *timer)
{
	work_queue(&container_of(timer, struct delayed_work, timer)->work);
}

void delayed_work_init(struct delayed_work *d, void (*fn)(struct work *w))
{
	work_init(&d->work, fn);
	timer_init(&d->timer, delayed_work_due);
}

void delayed_work_queue(struct delayed_work *d, u64 delay_ns)
{
	timer_arm(&d->timer, arch_clock_ns() + delay_ns);
}

void delayed_work_cancel_sync(struct delayed_work *d)
{
	u64 flags;

	timer_cancel_sync(&d->timer);
	flags = spin_lock_irqsave(&work_lock);
	if (d->work.pending) {
		list_del_init(&d->work.node);
		d->work.pending = false;
	}
	spin_unlock_irqrestore(&work_lock, flags);
	work_flush(&d->work);
}

void work_init_workers(void)
{
	u32 n = MIN(MAX(nr_cpus, 2u), (u32)MAX_WORKERS);

	for (u32 i = 0; i < n; i++)
		if (IS_ERR(kthread_start(worker_thread, (void *)(u64)i, "worker/%u", i)))
			panic("no memory for worker threads");
}
