// SPDX-License-Identifier: MIT
/*
 * Which CPU a thread runs on.
 *
 * A waking thread goes back to its CPU if that is idle, else to any idle one it
 * may use, else back to its CPU, where its cache is warm.  A new thread goes to
 * an idle CPU or the one with the fewest threads.  A CPU that runs out of work
 * takes a waiting thread from the busiest; a busy one with threads waiting
 * wakes an idle one to do so at its tick.  And busy ones even out among each other:
 * now and then a CPU takes a thread from the one under most pressure - the weights
 * of what is runnable there - if that leaves the two closer.
 */
#include "sched.h"

_Atomic u64 idle_mask;

static u64 allowed(const struct thread *t)
{
	u64 online = nr_cpus >= 64 ? ~0ull : BIT(nr_cpus) - 1;
	u64 mask = READ_ONCE(t->se.affinity) & online;

	return mask ? mask : online;
}

/* Claims an idle CPU of @mask, @prefer first; -1: none. */
static int claim_idle(u64 mask, u32 prefer)
{
	u64 idle = atomic_load_explicit(&idle_mask, memory_order_relaxed) & mask;

	if (!idle)
		return -1;
	if (!(idle & BIT(prefer)))
		prefer = (u32)__builtin_ctzll(idle);
	/* Cleared at once, so that the next waking thread looks elsewhere. */
	atomic_fetch_and_explicit(&idle_mask, ~BIT(prefer), memory_order_relaxed);
	return (int)prefer;
}

static u32 least_loaded(u64 mask, u32 prefer)
{
	u32 best = (mask & BIT(prefer)) ? prefer : (u32)__builtin_ctzll(mask);

	for (u64 rest = mask; rest; rest &= rest - 1) {
		u32 c = (u32)__builtin_ctzll(rest);

		if (READ_UNLOCKED(runqs[c].nr_running) < READ_UNLOCKED(runqs[best].nr_running))
			best = c;
	}
	return best;
}

u32 place_thread(struct thread *t, bool fresh)
{
	u64 mask = allowed(t);
	u32 prev = fresh ? cpu_id() : READ_ONCE(t->cpu);
	int idle = claim_idle(mask, prev);

	if (idle >= 0)
		return (u32)idle;
	if (fresh || !(mask & BIT(prev)))
		return least_loaded(mask, prev);
	return prev;
}

/* @t is RQ_MOVING: nobody else may queue it.  Interrupts off or on. */
void enqueue_moving(struct thread *t, bool fresh)
{
	struct runq *rq = &runqs[place_thread(t, fresh)];
	u64 flags = spin_lock_irqsave(&rq->lock);

	runq_enqueue(rq, t, fresh);
	runq_check_preempt(rq, t);
	spin_unlock_irqrestore(&rq->lock, flags);
}

static bool may_move_to(const struct thread *t, u32 cpu)
{
	return t->se.affinity & BIT(cpu);
}

/* The waiting thread of @rq that @cpu may take: the fair one that would wait longest. */
static struct thread *find_movable(struct runq *rq, u32 cpu) MUST_HOLD(&rq->lock)
{
	struct thread *t;

	LIST_FOR_EACH(t, &rq->rt, se.rt_node)
		if (may_move_to(t, cpu))
			return t;
	for (struct rb_node *n = rb_last(&rq->fair); n; n = rb_prev(n)) {
		t = rb_entry(n, struct thread, se.node);
		if (may_move_to(t, cpu))
			return t;
	}
	return NULL;
}

static bool steal_from(struct runq *rq, struct runq *victim) MUST_HOLD(&rq->lock) NO_LOCK_CHECK
{
	struct thread *t;

	/* Two CPUs may look at each other: only try. */
	if (!spin_trylock(&victim->lock))
		return false;
	t = victim->nr_running > 1 ? find_movable(victim, rq->cpu) : NULL;
	if (t) {
		runq_dequeue(victim, t);
		runq_enqueue(rq, t, false);
	}
	spin_unlock(&victim->lock);
	return t != NULL;
}

bool steal_work(struct runq *rq)
{
	u32 tried = rq->cpu, best, most;

	for (u32 round = 0; round < 2; round++) {
		best = rq->cpu;
		most = 1;
		FOR_EACH_CPU (c) {
			u32 n = READ_ONCE(runqs[c].nr_running);

			if (c != rq->cpu && c != tried && n > most) {
				most = n;
				best = c;
			}
		}
		if (best == rq->cpu)
			return false;
		if (steal_from(rq, &runqs[best]))
			return true;
		tried = best;
	}
	return false;
}

/* More than any number of fair threads weighs: they leave a CPU that a real-time thread keeps busy. */
#define RT_PRESSURE (1u << 24)
#define MAX_LOOKED_AT 32 /* threads that may not move stand in the way of few */

u32 pressure_of(const struct thread *t)
{
	return policy_is_rt(&t->se) ? RT_PRESSURE : t->se.weight;
}

/* A waiting thread of @victim that @cpu may take and that is lighter than @below. */
static struct thread *find_lighter(struct runq *victim, u32 cpu, u64 below) MUST_HOLD(&victim->lock)
{
	struct thread *t;
	u32 n = 0;

	LIST_FOR_EACH(t, &victim->rt, se.rt_node)
		if (t->se.pressure < below && may_move_to(t, cpu))
			return t;
	for (struct rb_node *r = rb_last(&victim->fair); r && n < MAX_LOOKED_AT; r = rb_prev(r), n++) {
		t = rb_entry(r, struct thread, se.node);
		if (t->se.pressure < below && may_move_to(t, cpu))
			return t;
	}
	return NULL;
}

static void pull_from(struct runq *rq, struct runq *victim) NO_LOCK_CHECK
{
	struct thread *t = NULL;

	spin_lock(&rq->lock);
	if (spin_trylock(&victim->lock)) {
		/* Lighter than the difference: what moves does not make this CPU the busier one by more. */
		if (victim->pressure > rq->pressure && victim->nr_running > 1)
			t = find_lighter(victim, rq->cpu, victim->pressure - rq->pressure);
		if (t) {
			runq_dequeue(victim, t);
			runq_enqueue(rq, t, false);
			runq_check_preempt(rq, t);
		}
		spin_unlock(&victim->lock);
	}
	spin_unlock(&rq->lock);
}

void balance(struct runq *rq)
{
	u64 mine = READ_UNLOCKED(rq->pressure), most = mine;
	u32 best = rq->cpu;

	FOR_EACH_CPU (c) {
		u64 p = READ_UNLOCKED(runqs[c].pressure);

		if (READ_UNLOCKED(runqs[c].nr_running) > 1 && p > most) {
			most = p;
			best = c;
		}
	}
	if (best != rq->cpu)
		pull_from(rq, &runqs[best]);
}

void kick_an_idle_cpu(void)
{
	int c = claim_idle(~0ull, 0);

	if (c < 0)
		return;
	WRITE_ONCE(cpus[c]->need_resched, true);
	cpu_kick((u32)c);
}
