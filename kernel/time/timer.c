// SPDX-License-Identifier: MIT
/*
 * Timers: one tree per CPU over the hardware's one-shot timer.
 *
 *   idle -> queued -> running -> idle, or queued again by its call-back
 *
 * A timer is armed on the CPU that arms it.  The hardware is programmed only
 * when a timer comes to be the earliest; a cancelled one may cause an interrupt
 * that finds nothing to do, which costs less than programming twice.
 *
 * timer->busy is a bit lock of whoever arms or cancels, so timer->cpu cannot
 * change under them.  Expiry takes only the tree's lock: it publishes the timer
 * as `running` before it clears `queued`, so timer_cancel_sync() sees one of
 * the two until the call-back is over.
 *
 * A point of the wall clock has a tree of its own, by wall clock time: when that
 * clock is set the order in the tree stays right, and only when the hardware
 * shall fire is looked up again, on every CPU.
 */
#include <arch/time.h>
#include <tarn/cpu.h>
#include <tarn/time.h>
#include "../sched/sched.h"
#include "time.h"

/* Timers of one clock, by expiry. */
struct timer_base {
	struct rb_root tree;
	struct rb_node *first;
};

enum { MONOTONIC, REALTIME, BASES };

struct timer_cpu {
	struct spinlock lock;           /* rank LR_TIMER, irqs off */
	struct timer_base base[BASES] GUARDED_BY(&lock);
	ktime_t programmed;             /* this CPU, irqs off: when the hardware will fire */
	bool expiring;                  /* this CPU: the interrupt programs the hardware at its end */
	struct timer *_Atomic running;  /* [a] */
} CACHE_ALIGNED;

static struct timer_cpu timer_cpus[MAX_CPUS] = {
	[0 ... MAX_CPUS - 1] = { .lock = SPINLOCK_INIT("timers", LR_TIMER),
				 .programmed = KTIME_MAX },
};

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

static u64 timer_grab(struct timer *t)
{
	u64 flags = irq_save();

	while (atomic_exchange_explicit(&t->busy, true, memory_order_acquire))
		cpu_relax();
	return flags;
}

static void timer_let_go(struct timer *t, u64 flags)
{
	atomic_store_explicit(&t->busy, false, memory_order_release);
	irq_restore(flags);
}

static void tree_remove(struct timer_cpu *tc, struct timer *t) MUST_HOLD(&tc->lock)
{
	struct timer_base *b = &tc->base[t->realtime];

	if (b->first == &t->node)
		b->first = rb_next(&t->node);
	rb_erase(&b->tree, &t->node, NULL);
}

static void tree_insert(struct timer_cpu *tc, struct timer *t) MUST_HOLD(&tc->lock)
{
	struct timer_base *b = &tc->base[t->realtime];
	struct rb_node *parent = NULL, **link = &b->tree.node;
	bool first = true;

	while (*link) {
		parent = *link;
		if (t->expires < rb_entry(parent, struct timer, node)->expires) {
			link = &parent->left;
		} else {
			link = &parent->right;
			first = false;
		}
	}
	rb_insert(&b->tree, &t->node, parent, link, NULL);
	if (first)
		b->first = &t->node;
}

/* When the hardware shall fire for a timer of @base. */
static ktime_t in_hardware_time(int base, ktime_t expires)
{
	return base == REALTIME ? realtime_to_monotonic((s64)expires) : expires;
}

static bool dequeue(struct timer *t)
{
	struct timer_cpu *tc = &timer_cpus[t->cpu];
	bool was;

	if (!atomic_load(&t->queued))
		return false;
	spin_lock(&tc->lock);
	was = atomic_load(&t->queued);
	if (was) {
		tree_remove(tc, t);
		atomic_store(&t->queued, false);
	}
	spin_unlock(&tc->lock);
	return was;
}

static void arm(struct timer *t, int base, ktime_t expires)
{
	u64 flags = timer_grab(t);
	struct timer_cpu *tc = &timer_cpus[cpu_id()];

	dequeue(t);
	spin_lock(&tc->lock);
	t->cpu = cpu_id();
	t->realtime = base == REALTIME;
	t->expires = expires;
	tree_insert(tc, t);
	atomic_store(&t->queued, true);
	/* After the timer is in the tree: whoever sets the clock now finds it there, or we see the new clock. */
	expires = in_hardware_time(base, expires);
	spin_unlock(&tc->lock);
	if (expires < tc->programmed && !tc->expiring) {
		tc->programmed = expires;
		arch_timer_set(expires);
	}
	timer_let_go(t, flags);
}

void timer_arm(struct timer *t, ktime_t expires)
{
	arm(t, MONOTONIC, expires);
}

void timer_arm_realtime(struct timer *t, s64 at)
{
	arm(t, REALTIME, (ktime_t)MAX(at, (s64)0));
}

bool timer_cancel(struct timer *t)
{
	u64 flags = timer_grab(t);
	bool was = dequeue(t);

	timer_let_go(t, flags);
	return was;
}

static bool is_running(const struct timer *t)
{
	FOR_EACH_CPU (c)
		if (atomic_load(&timer_cpus[c].running) == t)
			return true;
	return false;
}

bool timer_cancel_sync(struct timer *t)
{
	bool was = false;

	do {
		was |= timer_cancel(t);
		while (is_running(t))
			cpu_relax();
	} while (atomic_load(&t->queued));
	return was;
}

/* The timer that is due first, and when in hardware time; NULL: none is armed. */
static struct timer *earliest(struct timer_cpu *tc, ktime_t *when) MUST_HOLD(&tc->lock)
{
	struct timer *best = NULL;

	*when = KTIME_MAX;
	for (int b = 0; b < BASES; b++) {
		struct timer *t = rb_entry_or_null(tc->base[b].first, struct timer, node);
		ktime_t at = t ? in_hardware_time(b, t->expires) : KTIME_MAX;

		if (t && (!best || at < *when)) {
			best = t;
			*when = at;
		}
	}
	return best;
}

/* The next timer that was due at @now, out of the tree and marked running; NULL: none, and *next is when. */
static struct timer *take_expired(struct timer_cpu *tc, ktime_t now, ktime_t *next)
{
	struct timer *t;

	spin_lock(&tc->lock);
	t = earliest(tc, next);
	if (t && *next > now)
		t = NULL;
	if (t) {
		tree_remove(tc, t);
		atomic_store(&tc->running, t);
		atomic_store(&t->queued, false);
	}
	spin_unlock(&tc->lock);
	return t;
}

/* The wall clock was set: this CPU's hardware timer anew. */
static void reprogram(void *unused)
{
	struct timer_cpu *tc;
	u64 flags = irq_save();

	tc = &timer_cpus[cpu_id()];
	spin_lock(&tc->lock);
	(void)earliest(tc, &tc->programmed);
	spin_unlock(&tc->lock);
	if (!tc->expiring)
		arch_timer_set(tc->programmed);
	irq_restore(flags);
}

void timers_clock_was_set(void)
{
	reprogram(NULL);
	cpu_call_others(reprogram, NULL);
}

#define MIN_PAUSE_NS (20 * NSEC_PER_USEC)
#define MAX_PAUSE_NS (1 * NSEC_PER_MSEC) /* the clock also counts what an emulator's host took from us */

void timer_interrupt(const struct regs *regs)
{
	struct timer_cpu *tc = &timer_cpus[cpu_id()];
	ktime_t start = arch_clock_ns(), now, next;
	struct runq *rq = this_runq();
	struct timer *t;

	rq->tick_regs = regs;
	tc->expiring = true;
	/* What was due at the start, and no more: a call-back may arm its timer for at once. */
	while ((t = take_expired(tc, start, &next))) {
		t->fn(t);
		atomic_store(&tc->running, NULL);
	}
	now = arch_clock_ns();
	if (next <= now) /* threads get as long as the call-backs took */
		next = now + MIN(MAX(now - start, MIN_PAUSE_NS), MAX_PAUSE_NS);
	tc->expiring = false;
	tc->programmed = next;
	arch_timer_set(next);
	rq->tick_regs = NULL;
}

ktime_t timer_forward(ktime_t last, u64 interval, ktime_t now, u64 *missed)
{
	u64 n = now >= last ? (now - last) / interval : 0;

	*missed = n;
	return ktime_add(last + n * interval, interval);
}
