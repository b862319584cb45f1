// SPDX-License-Identifier: MIT
/*
 * A run queue's operations over both classes: FIFO and RR threads always run
 * before fair ones.
 *
 * A thread with se.on_rq == RQ_YES is the queue's curr or waits in one of its
 * structures; nr_running counts both.
 */
#include <arch/time.h>
#include "sched.h"

struct runq runqs[MAX_CPUS];

/* t->cpu changes only under the lock of the queue it names. */
struct runq *thread_runq_lock(struct thread *t, u64 *flags) NO_LOCK_CHECK
{
	for (;;) {
		struct runq *rq = &runqs[READ_ONCE(t->cpu)];

		*flags = spin_lock_irqsave(&rq->lock);
		if (likely(t->cpu == rq->cpu))
			return rq;
		spin_unlock_irqrestore(&rq->lock, *flags);
	}
}

void runq_enqueue(struct runq *rq, struct thread *t, bool fresh)
{
	t->cpu = rq->cpu;
	if (policy_is_rt(&t->se)) {
		rt_insert(rq, t, false);
	} else {
		fair_place(rq, t, fresh);
		fair_insert(rq, t);
	}
	t->se.on_rq = RQ_YES;
	t->se.pressure = pressure_of(t);
	rq->pressure += t->se.pressure;
	rq->nr_running++;
}

void runq_dequeue(struct runq *rq, struct thread *t)
{
	if (!policy_is_rt(&t->se))
		fair_leave(rq, t);
	if (t != rq->curr) {
		if (policy_is_rt(&t->se))
			list_del(&t->se.rt_node);
		else
			fair_remove(rq, t);
	}
	t->se.on_rq = RQ_NO;
	rq->pressure -= t->se.pressure;
	rq->nr_running--;
}

/* Its turn is used up, or it yielded: behind its equals. */
static NOINLINE void rt_put_back(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock)
{
	rt_insert(rq, t, t->se.rr_left > 0);
	if (t->se.rr_left == 0)
		t->se.rr_left = RR_SLICE_NS;
}

void runq_put_back(struct runq *rq, struct thread *t)
{
	if (likely(!policy_is_rt(&t->se)))
		fair_insert(rq, t);
	else
		rt_put_back(rq, t);
}

struct thread *runq_pick(struct runq *rq)
{
	struct thread *rt = list_first(&rq->rt, struct thread, se.rt_node), *t = NULL;

	if (likely(!rt) || rt_gives_way(rq))
		t = fair_best(rq);
	if (t) {
		fair_remove(rq, t);
		return t;
	}
	if (!rt)
		return rq->idle;
	list_del(&rt->se.rt_node);
	return rt;
}

/* Apart, so that the common case below needs no frame. */
static NOINLINE bool rt_update(struct runq *rq, struct thread *t, u64 delta, ktime_t now)
	MUST_HOLD(&rq->lock)
{
	t->se.rt_run += delta;
	rt_charge(rq, delta, now);
	if (t->se.policy == SCHED_FIFO)
		return false;
	t->se.rr_left -= MIN(t->se.rr_left, delta);
	return t->se.rr_left == 0;
}

bool runq_update(struct runq *rq, ktime_t now)
{
	struct thread *t = rq->curr;
	u64 delta = now - t->se.exec_start;

	if ((s64)delta <= 0)
		return false;
	t->se.exec_start = now;
	if (t == rq->idle)
		return false;
	WRITE_ONCE(t->se.sum_exec, t->se.sum_exec + delta);
	if (likely(!policy_is_rt(&t->se)))
		return fair_charge(rq, t, delta);
	return rt_update(rq, t, delta, now);
}

void runq_resched(struct runq *rq)
{
	struct cpu *c = cpus[rq->cpu];

	if (c->need_resched)
		return;
	WRITE_ONCE(c->need_resched, true);
	atomic_fetch_or(&rq->curr->pending, TP_RESCHED);
	if (c != this_cpu())
		cpu_kick(rq->cpu);
}

void runq_check_preempt(struct runq *rq, struct thread *t)
{
	struct thread *c = rq->curr;

	if (c == rq->idle) {
		runq_resched(rq);
		return;
	}
	if (policy_is_rt(&t->se)) {
		if (policy_is_rt(&c->se) ? t->se.rt_priority > c->se.rt_priority
					 : !rq->rt_throttled)
			runq_resched(rq);
		return;
	}
	if (policy_is_rt(&c->se)) {
		if (rq->rt_throttled)
			runq_resched(rq);
		return;
	}
	runq_update(rq, arch_clock_ns());
	if (c->se.policy == SCHED_IDLE && t->se.policy != SCHED_IDLE)
		runq_resched(rq);
	else if (t->se.policy == SCHED_BATCH || t->se.policy == SCHED_IDLE)
		return;
	else if (c->se.sum_exec - c->se.turn_start >= WAKE_GRAN_NS && fair_before(rq, t, c))
		runq_resched(rq);
}
