// SPDX-License-Identifier: MIT
/*
 * The fair class: earliest eligible virtual deadline first.
 *
 * A thread's virtual time advances with what it runs, slower the heavier its
 * weight (nice).  The queue's average V, weighted, is the time an ideal machine
 * would have given everybody.  A thread that is not ahead of V is eligible; of
 * the eligible ones that with the earliest deadline (its virtual time plus one
 * slice) runs.  A thread that sleeps takes its lag, V minus its own time, along
 * and gets it back when it wakes, within bounds.
 *
 * The tree is ordered by deadline; each node knows the smallest virtual time
 * below it, so that one walk down finds the first eligible one.
 * V is kept as base + avg_sum / load, with base moved along so that the
 * products stay small.
 */
#include <tarn/math.h>
#include "sched.h"

#define LAG_LIMIT_NS (2 * SLICE_NS)

/* Each step of nice is a factor of 5/4 in CPU time. */
u32 weight_of(int policy, int nice)
{
	u64 w = (u64)NICE_0_WEIGHT << 16;

	if (policy == SCHED_IDLE)
		return IDLE_POLICY_WEIGHT;
	for (; nice < 0; nice++)
		w = w * 5 / 4;
	for (; nice > 0; nice--)
		w = w * 4 / 5;
	return (u32)(w >> 16);
}

static u64 to_virtual(const struct thread *t, u64 ns)
{
	return t->se.weight == NICE_0_WEIGHT ? ns : ns * NICE_0_WEIGHT / t->se.weight;
}

static struct thread *node_thread(struct rb_node *n)
{
	return rb_entry(n, struct thread, se.node);
}

static u64 node_min(struct rb_node *n, u64 best)
{
	if (n && (s64)(node_thread(n)->se.min_vruntime - best) < 0)
		return node_thread(n)->se.min_vruntime;
	return best;
}

static bool update_min(struct rb_node *n)
{
	struct thread *t = node_thread(n);
	u64 best = node_min(n->right, node_min(n->left, t->se.vruntime));
	bool changed = t->se.min_vruntime != best;

	t->se.min_vruntime = best;
	return changed;
}

static const struct rb_augment min_augment = { .update = update_min };

/* Sum and load with the running thread, if it is one of ours and stays. */
static void totals(struct runq *rq, s64 *sum, u64 *load) MUST_HOLD(&rq->lock)
{
	const struct thread *c = rq->curr;

	*sum = rq->avg_sum;
	*load = rq->load;
	if (c && c != rq->idle && c->se.on_rq == RQ_YES && !policy_is_rt(&c->se)) {
		*sum += (s64)c->se.weight * (s64)(c->se.vruntime - rq->base);
		*load += c->se.weight;
	}
}

static u64 average(struct runq *rq) MUST_HOLD(&rq->lock)
{
	s64 sum;
	u64 load;

	totals(rq, &sum, &load);
	if (!load)
		return rq->base;
	if (sum < 0)
		sum -= (s64)load - 1; /* round down */
	return rq->base + (u64)(sum / (s64)load);
}

static bool eligible(struct runq *rq, u64 vruntime) MUST_HOLD(&rq->lock)
{
	s64 sum;
	u64 load;

	totals(rq, &sum, &load);
	return sum >= (s64)(vruntime - rq->base) * (s64)load;
}

static void move_base(struct runq *rq) MUST_HOLD(&rq->lock)
{
	s64 step = (s64)(average(rq) - rq->base);

	rq->avg_sum -= step * (s64)rq->load;
	rq->base += (u64)step;
}

void fair_insert(struct runq *rq, struct thread *t)
{
	struct rb_node *parent = NULL, **link = &rq->fair.node;

	while (*link) {
		parent = *link;
		link = (s64)(t->se.deadline - node_thread(parent)->se.deadline) < 0 ?
			       &parent->left :
			       &parent->right;
	}
	t->se.min_vruntime = t->se.vruntime;
	rb_insert(&rq->fair, &t->se.node, parent, link, &min_augment);
	rq->avg_sum += (s64)t->se.weight * (s64)(t->se.vruntime - rq->base);
	rq->load += t->se.weight;
}

void fair_remove(struct runq *rq, struct thread *t)
{
	rb_erase(&rq->fair, &t->se.node, &min_augment);
	rq->avg_sum -= (s64)t->se.weight * (s64)(t->se.vruntime - rq->base);
	rq->load -= t->se.weight;
}

void fair_place(struct runq *rq, struct thread *t, bool fresh)
{
	u64 slice = to_virtual(t, SLICE_NS);
	s64 limit = (s64)to_virtual(t, LAG_LIMIT_NS), lag = fresh ? 0 : t->se.lag;
	s64 sum;
	u64 load;

	lag = MIN(MAX(lag, -limit), limit);
	totals(rq, &sum, &load);
	if (load) /* its coming moves the average towards it: allow for that */
		lag = lag * (s64)(load + t->se.weight) / (s64)load;
	t->se.vruntime = average(rq) - (u64)lag;
	t->se.deadline = t->se.vruntime + (fresh ? slice / 2 : slice);
}

void fair_leave(struct runq *rq, struct thread *t)
{
	s64 limit = (s64)to_virtual(t, LAG_LIMIT_NS);
	s64 lag = (s64)(average(rq) - t->se.vruntime);

	t->se.lag = MIN(MAX(lag, -limit), limit);
}

struct thread *fair_best(struct runq *rq)
{
	struct rb_node *n = rq->fair.node;

	move_base(rq);
	while (n) {
		struct thread *t = node_thread(n);

		if (n->left && eligible(rq, node_thread(n->left)->se.min_vruntime))
			n = n->left;
		else if (eligible(rq, t->se.vruntime))
			return t;
		else
			n = n->right;
	}
	/* Rounding may leave nobody eligible: take the first by deadline. */
	return rb_entry_or_null(rb_first(&rq->fair), struct thread, se.node);
}

bool fair_before(struct runq *rq, struct thread *a, struct thread *b)
{
	return eligible(rq, a->se.vruntime) && (s64)(a->se.deadline - b->se.deadline) < 0;
}

void fair_yield(struct runq *rq, struct thread *t)
{
	if (rq->nr_running < 2 || !eligible(rq, t->se.vruntime))
		return;
	t->se.vruntime = t->se.deadline;
	t->se.deadline += to_virtual(t, SLICE_NS);
}

bool fair_charge(struct runq *rq, struct thread *t, u64 delta)
{
	t->se.vruntime += to_virtual(t, delta);
	if ((s64)(t->se.vruntime - t->se.deadline) < 0)
		return false;
	t->se.deadline = t->se.vruntime + to_virtual(t, SLICE_NS);
	return true;
}
