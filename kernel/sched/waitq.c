// SPDX-License-Identifier: MIT
/*
 * Wait queues.  The race a sleep must win is drawn in include/tarn/waitq.h.
 *
 * Sleepers that share a wake-up stand at the head of the list, exclusive ones
 * at its end in order of arrival, so a walk wakes all of the former and then as
 * many of the latter as it was asked to.  A woken sleeper takes itself off.
 */
#include <arch/time.h>
#include <tarn/waitq.h>
#include <tarn/work.h>

void waitq_init(struct waitq *q)
{
	spin_init(&q->lock, "waitq", LR_WAITQ);
	list_init(&q->waiters);
}

static void enqueue(struct waitq *q, struct wait_entry *e) MUST_HOLD(&q->lock)
{
	e->queue = q;
	if (e->exclusive)
		list_add_tail(&q->waiters, &e->node);
	else
		list_add(&q->waiters, &e->node);
}

void waitq_add(struct waitq *q, struct wait_entry *e)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	enqueue(q, e);
	spin_unlock_irqrestore(&q->lock, flags);
	/* The caller tests its condition next; see waitq_active(). */
	atomic_thread_fence(memory_order_seq_cst);
}

void waitq_remove(struct wait_entry *e)
{
	struct waitq *q = READ_ONCE(e->queue);
	u64 flags;

	if (!q)
		return;
	flags = spin_lock_irqsave(&q->lock);
	if (e->queue) {
		list_del(&e->node);
		e->queue = NULL;
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void waitq_dissolve(struct waitq *q)
{
	struct wait_entry *e;
	u64 flags = spin_lock_irqsave(&q->lock);

	while ((e = list_first(&q->waiters, struct wait_entry, node))) {
		list_del(&e->node);
		e->queue = NULL;
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

static bool wake_entry(struct wait_entry *e, u32 events)
{
	if (events && e->events && !(events & e->events))
		return false;
	return e->wake ? e->wake(e, events) : thread_wake(e->thread);
}

static void wake_n_locked(struct waitq *q, u32 events, unsigned int n) MUST_HOLD(&q->lock)
{
	struct wait_entry *e, *next;

	LIST_FOR_EACH_SAFE (e, next, &q->waiters, node) {
		bool exclusive = e->exclusive;

		if (wake_entry(e, events) && exclusive && --n == 0)
			break;
	}
}

/* ---- what wake functions left for later ---- */

static struct spinlock left_lock = SPINLOCK_INIT("wait_later", LR_LEAF);
static struct wait_later *left GUARDED_BY(&left_lock);

static void run_later(struct wait_later *l)
{
	struct wait_later *next;

	for (; l; l = next) {
		next = l->next;
		l->fn(l);
	}
}

static void run_left(struct work *w)
{
	u64 flags = spin_lock_irqsave(&left_lock);
	struct wait_later *l = left;

	left = NULL;
	spin_unlock_irqrestore(&left_lock, flags);
	run_later(l);
}

static struct work left_work = { .node = LIST_INIT(left_work.node), .fn = run_left };

static void leave_to_worker(struct wait_later *l)
{
	struct wait_later *last = l;
	u64 flags;

	while (last->next)
		last = last->next;
	flags = spin_lock_irqsave(&left_lock);
	last->next = left;
	left = l;
	spin_unlock_irqrestore(&left_lock, flags);
	work_queue(&left_work);
}

void waitq_later(struct wait_later *l)
{
	struct cpu *c = this_cpu();

	l->depth = c->spin_depth;
	l->next = c->wait_later;
	c->wait_later = l;
}

/* What was asked for under the queue's lock that current holds; a wake-up within a wake-up leaves it to the outer. */
static NOINLINE struct wait_later *take_later(struct cpu *c)
{
	struct wait_later *l = c->wait_later;

	if (l->depth < c->spin_depth)
		return NULL;
	c->wait_later = NULL;
	return l;
}

void waitq_wake_n(struct waitq *q, u32 events, unsigned int n)
{
	u64 flags = spin_lock_irqsave(&q->lock);
	struct wait_later *later = NULL;
	struct cpu *c;

	wake_n_locked(q, events, n);
	c = this_cpu();
	if (unlikely(c->wait_later))
		later = take_later(c);
	spin_unlock_irqrestore(&q->lock, flags);
	if (unlikely(later)) {
		if (this_cpu()->spin_depth)
			leave_to_worker(later);
		else
			run_later(later);
	}
}

void waitq_wake_one(struct waitq *q, u32 events)
{
	waitq_wake_n(q, events, 1);
}

void waitq_wake_all(struct waitq *q, u32 events)
{
	waitq_wake_n(q, events, ~0u);
}

void waitq_fire(struct waitq *q, _Atomic bool *fired)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	atomic_store_explicit(fired, true, memory_order_release);
	wake_n_locked(q, 0, ~0u);
	spin_unlock_irqrestore(&q->lock, flags);
}

void waitq_await(struct waitq *q, _Atomic bool *fired)
{
	wait_event(q, atomic_load_explicit(fired, memory_order_acquire));
	/* Not before waitq_fire() let go of the lock. */
	spin_unlock_irqrestore(&q->lock, spin_lock_irqsave(&q->lock));
}

void waitq_prepare(struct waitq *q, struct wait_entry *e, enum thread_state state, bool exclusive)
{
	if (!e->queue) {
		u64 flags = spin_lock_irqsave(&q->lock);

		e->thread = current;
		e->exclusive = exclusive;
		enqueue(q, e);
		spin_unlock_irqrestore(&q->lock, flags);
	}
	thread_set_state(state);
}

void waitq_finish(struct wait_entry *e)
{
	if (!e->thread)
		return; /* never prepared: the condition was true at once */
	thread_set_state(TS_RUNNING);
	waitq_remove(e);
}

struct sleep_timer {
	struct timer timer;
	struct thread *thread;
	_Atomic bool fired;
};

static void sleep_timer_fired(struct timer *timer)
{
	struct sleep_timer *s = container_of(timer, struct sleep_timer, timer);

	atomic_store(&s->fired, true);
	thread_wake(s->thread);
}

bool schedule_deadline(ktime_t deadline)
{
	struct sleep_timer s = { .thread = current };

	if (deadline == KTIME_MAX) {
		schedule();
		return false;
	}
	if (deadline <= arch_clock_ns()) {
		thread_set_state(TS_RUNNING);
		return true;
	}
	timer_init(&s.timer, sleep_timer_fired);
	timer_arm(&s.timer, deadline);
	schedule();
	timer_cancel_sync(&s.timer); /* the call-back may be at work on this frame */
	return atomic_load(&s.fired);
}

bool schedule_realtime(s64 at)
{
	struct sleep_timer s = { .thread = current };

	if (at <= clock_realtime()) {
		thread_set_state(TS_RUNNING);
		return true;
	}
	timer_init(&s.timer, sleep_timer_fired);
	timer_arm_realtime(&s.timer, at);
	schedule();
	timer_cancel_sync(&s.timer);
	return atomic_load(&s.fired);
}
