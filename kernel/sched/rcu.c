// SPDX-License-Identifier: MIT
/*
 * RCU: waiting until every reader that was there has gone.
 *
 * The kernel is not preempted, so a CPU that switched threads, was in user mode
 * or was idle has no old reader.  A grace period gets a number; each CPU notes
 * the newest number it saw at a quiescent point; the period is over when every
 * CPU has noted it or is idle.  CPUs that take long are kicked.
 *
 * Call-backs wait on per-CPU lists.  One thread collects them all, waits for a
 * grace period, and runs them: batches form by themselves.
 *
 * Idle and interrupts: a handler on an idle CPU is a reader too, so idle counts
 * only at irq_depth 0, and the handler's first read is ordered after the
 * increment by rcu_read_lock()'s fence.
 */
#include <tarn/errptr.h>
#include <tarn/panic.h>
#include <tarn/waitq.h>
#include <tarn/work.h>
#include "sched.h"

#define KICK_AFTER 2 /* polls */
#define POLL_NS (1 * NSEC_PER_MSEC)

struct rcu_cpu {
	struct spinlock lock; /* rank LR_RCU, irqs off */
	struct rcu_head *first, **last GUARDED_BY(&lock);
	_Atomic u64 seen;     /* [a] newest grace period seen at a quiescent point */
	_Atomic bool idle;    /* [a] */
} CACHE_ALIGNED;

static struct rcu_cpu rcu_cpus[MAX_CPUS];
static _Atomic u64 grace_period;          /* [a] number of the newest one */
static _Atomic bool callbacks_pending;    /* [a] the thread has work */
static struct waitq rcu_waitq = WAITQ_INIT(rcu_waitq);

void rcu_init(void) NO_LOCK_CHECK /* one CPU, no callbacks yet */
{
	for (u32 c = 0; c < MAX_CPUS; c++) {
		struct rcu_cpu *r = &rcu_cpus[c];

		spin_init(&r->lock, "rcu", LR_RCU);
		r->last = &r->first;
	}
}

void rcu_read_lock(void)
{
	if (unlikely(this_cpu()->irq_depth))
		atomic_thread_fence(memory_order_seq_cst);
#ifdef TARN_DEBUG
	current->rcu_depth++;
#else
	barrier();
#endif
}

void rcu_read_unlock(void)
{
#ifdef TARN_DEBUG
	assert(current->rcu_depth > 0);
	current->rcu_depth--;
#else
	barrier();
#endif
}

void rcu_quiescent(void)
{
	struct rcu_cpu *r = &rcu_cpus[cpu_id()];
	u64 gp = atomic_load_explicit(&grace_period, memory_order_acquire);

	if (atomic_load_explicit(&r->seen, memory_order_relaxed) != gp)
		atomic_store_explicit(&r->seen, gp, memory_order_seq_cst);
}

void rcu_enter_idle(void)
{
	atomic_store(&rcu_cpus[cpu_id()].idle, true);
}

void rcu_leave_idle(void)
{
	atomic_store(&rcu_cpus[cpu_id()].idle, false);
}

static bool cpu_passed(u32 cpu, u64 gp)
{
	struct rcu_cpu *r = &rcu_cpus[cpu];

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&r->seen) >= gp)
		return true;
	return atomic_load(&r->idle) && READ_ONCE(cpus[cpu]->irq_depth) == 0;
}

static void wait_grace_period(void)
{
	u64 gp = atomic_fetch_add(&grace_period, 1) + 1;

	rcu_quiescent();
	FOR_EACH_CPU (c) {
		for (unsigned int polls = 0; !cpu_passed(c, gp); polls++) {
			if (polls == KICK_AFTER) {
				u64 flags = spin_lock_irqsave(&runqs[c].lock);

				runq_resched(&runqs[c]);
				spin_unlock_irqrestore(&runqs[c].lock, flags);
			}
			sleep_ns(POLL_NS);
		}
	}
}

void rcu_call(struct rcu_head *h, void (*fn)(struct rcu_head *h))
{
	u64 flags = irq_save();
	struct rcu_cpu *r = &rcu_cpus[cpu_id()];

	h->fn = fn;
	h->next = NULL;
	spin_lock(&r->lock);
	*r->last = h;
	r->last = &h->next;
	spin_unlock(&r->lock);
	irq_restore(flags);
	/* The thread is woken where no lock is held: deferred_wakes(). */
	if (!atomic_load_explicit(&callbacks_pending, memory_order_relaxed))
		atomic_store(&callbacks_pending, true);
}

void rcu_wake_pending(void)
{
	if (unlikely(atomic_load_explicit(&callbacks_pending, memory_order_relaxed)) &&
	    waitq_active(&rcu_waitq))
		waitq_wake_one(&rcu_waitq, 0);
}

static struct rcu_head *take_callbacks(void)
{
	struct rcu_head *all = NULL, **end = &all;

	FOR_EACH_CPU (c) {
		struct rcu_cpu *r = &rcu_cpus[c];
		u64 flags = spin_lock_irqsave(&r->lock);

		if (r->first) {
			*end = r->first;
			end = r->last;
			r->first = NULL;
			r->last = &r->first;
		}
		spin_unlock_irqrestore(&r->lock, flags);
	}
	return all;
}

static int rcu_thread(void *arg)
{
	for (;;) {
		struct rcu_head *h, *next;

		(void)WAIT_EVENT(&rcu_waitq, atomic_load(&callbacks_pending), TS_IDLE, KTIME_MAX, false);
		atomic_store(&callbacks_pending, false);
		h = take_callbacks();
		if (!h)
			continue;
		wait_grace_period();
		for (; h; h = next) {
			next = h->next;
			h->fn(h);
			cond_resched();
		}
	}
	return 0;
}

struct rcu_sync {
	struct rcu_head head;
	struct waitq waitq;
	_Atomic bool done;
};

static void sync_done(struct rcu_head *h)
{
	struct rcu_sync *s = container_of(h, struct rcu_sync, head);

	waitq_fire(&s->waitq, &s->done);
}

void rcu_synchronize(void)
{
	struct rcu_sync s = { .done = false };

	might_sleep("rcu_synchronize");
	waitq_init(&s.waitq);
	rcu_call(&s.head, sync_done);
	rcu_wake_pending();
	waitq_await(&s.waitq, &s.done);
}

static void start_rcu_thread(void)
{
	struct thread *t = kthread_start(rcu_thread, NULL, "rcu");

	if (IS_ERR(t))
		panic("no memory for the RCU thread");
}

/* kernel/main.c: the threads that other parts count on. */
void kthreads_init(void);
void kthreads_init(void)
{
	start_rcu_thread();
	work_init_workers();
	load_init();
}
