// SPDX-License-Identifier: MIT
/*
 * Wait queues: the one way to sleep for an event.  kernel/sched/waitq.c.
 *
 * The same queue serves sleepers, poll(2) and epoll: an entry has a wake
 * function, and wakers say which poll events happened (0: something did).
 * Exclusive entries stand behind the others; a wake-up ends after one of them
 * took it.
 *
 * The race that wait_event() avoids:
 *
 *   sleeper                          waker
 *   waitq_prepare: on the queue,     condition = true
 *     state = sleeping               waitq_wake: finds the sleeper,
 *   tests the condition                state = running
 *   schedule()  (returns at once if state is running)
 */
#pragma once

#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/thread.h>

struct wait_entry {
	struct list node;
	struct waitq *queue;  /* NULL: not queued */
	struct thread *thread;
	void *data;           /* for @wake */
	/* Called with the queue's lock held, irqs off.  True: this entry took the event (ends an
	 * exclusive wake-up).  NULL: wake @thread. */
	bool (*wake)(struct wait_entry *e, u32 events);
	bool exclusive;
	u32 events;           /* poll mask this entry cares for; 0: all */
};

/* A plain sleeper's: waitq_prepare() does the rest. */
static inline void waitq_entry_init(struct wait_entry *e)
{
	e->queue = NULL;
	e->thread = NULL;
	e->wake = NULL;
	e->events = 0;
}

/*
 * For a wake function that needs locks which rank before a queue's: @fn runs when the wake-up has let go of the
 * queue, at once if the waker holds no other spinlock, else in a worker.  Not again before it ran.
 */
struct wait_later {
	struct wait_later *next;
	u32 depth;
	void (*fn)(struct wait_later *l);
};
void waitq_later(struct wait_later *l);

void waitq_init(struct waitq *q);
#define WAITQ_INIT(var)                                                          \
	{ .lock = SPINLOCK_INIT(#var, LR_WAITQ), .waiters = LIST_INIT((var).waiters) }

/* Adds an entry that is not a plain sleeper (poll, epoll). */
void waitq_add(struct waitq *q, struct wait_entry *e);
/* Safe when not queued. */
void waitq_remove(struct wait_entry *e);
/* Any context.  @events: POLL* bits that became true, 0 when that has no meaning. */
void waitq_wake_one(struct waitq *q, u32 events);
void waitq_wake_all(struct waitq *q, u32 events);
/* Up to @n exclusive waiters. */
void waitq_wake_n(struct waitq *q, u32 events, unsigned int n);
/*
 * One event, and then the queue goes: for a queue on the sleeper's stack.  The
 * flag is set under the queue's lock, and the sleeper takes that lock once before
 * it returns, so nobody touches the queue afterwards.  Fired once, any context.
 */
void waitq_fire(struct waitq *q, _Atomic bool *fired);
void waitq_await(struct waitq *q, _Atomic bool *fired);
static inline bool waitq_active(struct waitq *q)
{
	atomic_thread_fence(memory_order_seq_cst);
	return !list_empty(&q->waiters);
}

/*
 * The queue goes before those that stand on it (epoll sets): they are taken off.
 * It must be freed through RCU, as they may be about to leave by themselves.
 */
void waitq_dissolve(struct waitq *q);

/* The two halves of a sleep, for loops that wait_event cannot express. */
void waitq_prepare(struct waitq *q, struct wait_entry *e, enum thread_state state, bool exclusive);
void waitq_finish(struct wait_entry *e);

/* schedule() with a limit in arch_clock_ns time; true if the limit passed.  KTIME_MAX: none. */
bool schedule_deadline(ktime_t deadline);

/*
 * The value is 0, or -ERESTARTSYS (a signal; TS_KILLABLE: a fatal one), or
 * -ETIMEDOUT.  @cond is evaluated several times, never with the queue's lock.
 */
#define WAIT_EVENT(q, cond, state, deadline, excl)                               \
	({                                                                       \
		int wait_err = 0;                                                \
		struct wait_entry wait_e;                                        \
		waitq_entry_init(&wait_e);                                       \
		while (!(cond)) {                                                \
			waitq_prepare((q), &wait_e, (state), (excl));            \
			if (cond)                                                \
				break;                                           \
			if (thread_sleep_interrupted(state)) {                   \
				wait_err = -ERESTARTSYS;                         \
				break;                                           \
			}                                                        \
			if (schedule_deadline(deadline) && !(cond)) {            \
				wait_err = -ETIMEDOUT;                           \
				break;                                           \
			}                                                        \
		}                                                                \
		waitq_finish(&wait_e);                                           \
		wait_err;                                                        \
	})
#define wait_event(q, cond) ((void)WAIT_EVENT(q, cond, TS_UNINTERRUPTIBLE, KTIME_MAX, false))
#define wait_event_interruptible(q, cond) WAIT_EVENT(q, cond, TS_INTERRUPTIBLE, KTIME_MAX, false)
#define wait_event_killable(q, cond) WAIT_EVENT(q, cond, TS_KILLABLE, KTIME_MAX, false)
#define wait_event_deadline(q, cond, t) WAIT_EVENT(q, cond, TS_INTERRUPTIBLE, t, false)
#define wait_event_exclusive(q, cond) WAIT_EVENT(q, cond, TS_INTERRUPTIBLE, KTIME_MAX, true)
