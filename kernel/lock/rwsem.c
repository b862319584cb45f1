// SPDX-License-Identifier: MIT
/*
 * Reader-writer locks that sleep.
 *
 * count:  RWSEM_WRITER   a writer holds it
 *         RWSEM_WAITERS  somebody is queued
 *         RWSEM_HANDOFF  the head of the queue waited long: it is next
 *         the rest       RWSEM_READER for each reader
 *
 * Taking and letting go is one atomic operation.  A lock that is let go while
 * threads are queued is not handed over: the head is woken and takes it, unless
 * somebody who is running was faster.  Handing over would leave the lock idle
 * for two context switches a turn, and make a convoy of all who use it often.
 * What keeps it fair: readers do not join readers past the queue, and a head
 * that waited HANDOFF_NS closes the fast paths to all but itself.
 *
 * A reader at the head takes the readers behind it along.
 *
 *   unlock                       waiter
 *   count: free      (A)         count |= WAITERS   (B)
 *   was WAITERS set? wake head   can it be taken?  else sleep
 *
 * (A) and (B) are read-modify-writes of one word: one of the two sees the other.
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include <tarn/waitq.h>

#define RWSEM_WRITER 1ull
#define RWSEM_WAITERS 2ull
#define RWSEM_HANDOFF 4ull
#define RWSEM_READER 8ull

#define SPIN_LIMIT 200
#define HANDOFF_NS (2 * NSEC_PER_MSEC)

/* A queued thread; on its own stack. */
struct rwsem_waiter {
	struct list node;
	struct thread *thread;
	ktime_t since;
	bool writer;
	bool granted;          /* taken along by a reader at the head: waiters.lock */
};

void rwsem_init(struct rwsem *s, const char *name, enum lock_rank rank)
{
	atomic_store_explicit(&s->count, 0, memory_order_relaxed);
	atomic_store_explicit(&s->writer, NULL, memory_order_relaxed);
	s->rank = rank;
	s->name = name;
	waitq_init(&s->waiters);
}

/* By whom the queue lets pass. */
static bool is_free(u64 c, bool writer)
{
	if (c & (RWSEM_WRITER | RWSEM_HANDOFF))
		return false;
	return c < RWSEM_READER || (!writer && !(c & RWSEM_WAITERS));
}

static bool take(struct rwsem *s, bool writer)
{
	u64 c = atomic_load_explicit(&s->count, memory_order_relaxed);

	while (is_free(c, writer))
		if (atomic_compare_exchange_weak_explicit(&s->count, &c,
							  c + (writer ? RWSEM_WRITER : RWSEM_READER),
							  memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

static bool take_read(struct rwsem *s)
{
	return take(s, false);
}

static bool take_write(struct rwsem *s)
{
	return take(s, true);
}

static bool rwsem_spin(struct rwsem *s, bool writer)
{
	for (unsigned int i = 0; i < SPIN_LIMIT; i++) {
		const struct thread *owner;

		if (take(s, writer))
			return true;
		owner = atomic_load_explicit(&s->writer, memory_order_relaxed);
		if (owner && !atomic_load_explicit(&owner->on_cpu, memory_order_relaxed))
			return false;
		if (this_cpu()->need_resched)
			return false;
		cpu_relax();
	}
	return false;
}

/* ---- the queue: waiters.lock held ---- */

static struct rwsem_waiter *head(struct rwsem *s) MUST_HOLD(&s->waiters.lock)
{
	return list_first(&s->waiters.waiters, struct rwsem_waiter, node);
}

/* Readers that now stand at the head get the lock, which a reader holds. */
static void grant_readers(struct rwsem *s) MUST_HOLD(&s->waiters.lock)
{
	struct rwsem_waiter *w;

	while ((w = head(s)) && !w->writer) {
		struct thread *t = w->thread;

		atomic_fetch_add(&s->count, RWSEM_READER);
		list_del(&w->node);
		w->granted = true; /* its frame goes when waiters.lock does */
		thread_wake(t);
	}
}

/* @w leaves the queue: what its place meant goes with it. */
static void leave(struct rwsem *s, struct rwsem_waiter *w) MUST_HOLD(&s->waiters.lock)
{
	u64 over = head(s) == w ? RWSEM_HANDOFF : 0;

	list_del(&w->node);
	if (list_empty(&s->waiters.waiters))
		over |= RWSEM_WAITERS;
	if (over)
		atomic_fetch_and(&s->count, ~over);
}

/* The head takes the lock if nobody has it, whatever the queue says to others. */
static bool head_takes(struct rwsem *s, struct rwsem_waiter *w) MUST_HOLD(&s->waiters.lock)
{
	u64 c = atomic_load_explicit(&s->count, memory_order_relaxed);

	do {
		if (c & RWSEM_WRITER || (w->writer && c >= RWSEM_READER))
			return false;
	} while (!atomic_compare_exchange_weak(&s->count, &c,
					       c + (w->writer ? RWSEM_WRITER : RWSEM_READER)));
	leave(s, w);
	if (!w->writer) {
		grant_readers(s);
		if (list_empty(&s->waiters.waiters))
			atomic_fetch_and(&s->count, ~RWSEM_WAITERS);
	}
	return true;
}

/* Is it ours?  A head that waited long sees to it that nobody else gets in first. */
static bool turn_came(struct rwsem *s, struct rwsem_waiter *w) MUST_HOLD(&s->waiters.lock)
{
	if (w->granted)
		return true;
	if (head(s) != w)
		return false;
	if (head_takes(s, w))
		return true;
	if (clock_monotonic() - w->since < HANDOFF_NS)
		return false;
	atomic_fetch_or(&s->count, RWSEM_HANDOFF);
	return head_takes(s, w);
}

static void wake_head_locked(struct rwsem *s) MUST_HOLD(&s->waiters.lock)
{
	struct rwsem_waiter *w = head(s);

	if (w)
		thread_wake(w->thread);
}

static NOINLINE void wake_head(struct rwsem *s)
{
	u64 flags = spin_lock_irqsave(&s->waiters.lock);

	wake_head_locked(s);
	spin_unlock_irqrestore(&s->waiters.lock, flags);
}

/* A fatal signal came: those behind may go now. */
static void give_up(struct rwsem *s, struct rwsem_waiter *w) MUST_HOLD(&s->waiters.lock)
{
	leave(s, w);
	wake_head_locked(s);
}

static NOINLINE int rwsem_wait(struct rwsem *s, bool writer, enum thread_state state)
{
	struct rwsem_waiter w = { .thread = current, .writer = writer };
	bool interrupted = false;
	u64 flags;

	if (rwsem_spin(s, writer))
		return 0;
	w.since = clock_monotonic();
	flags = spin_lock_irqsave(&s->waiters.lock);
	list_add_tail(&s->waiters.waiters, &w.node);
	atomic_fetch_or(&s->count, RWSEM_WAITERS);
	while (!turn_came(s, &w)) {
		thread_set_state(state);
		interrupted = thread_sleep_interrupted(state);
		if (interrupted) {
			thread_set_state(TS_RUNNING);
			give_up(s, &w);
			break;
		}
		spin_unlock_irqrestore(&s->waiters.lock, flags);
		schedule();
		flags = spin_lock_irqsave(&s->waiters.lock);
	}
	spin_unlock_irqrestore(&s->waiters.lock, flags);
	return interrupted ? -EINTR : 0;
}

void rwsem_read_lock(struct rwsem *s) NO_LOCK_CHECK
{
	might_sleep(s->name);
	lock_rank_acquire(s, s->name, s->rank, false, false);
	if (unlikely(!take_read(s)))
		(void)rwsem_wait(s, false, TS_UNINTERRUPTIBLE);
}

bool rwsem_read_trylock(struct rwsem *s) NO_LOCK_CHECK
{
	if (!take_read(s))
		return false;
	lock_rank_push(s, s->name, s->rank, false);
	return true;
}

void rwsem_read_unlock(struct rwsem *s) NO_LOCK_CHECK
{
	u64 c;

	lock_rank_release(s, false);
	c = atomic_fetch_sub_explicit(&s->count, RWSEM_READER, memory_order_acq_rel);
	assert(c >= RWSEM_READER);
	if (unlikely((c & RWSEM_WAITERS) && c - RWSEM_READER < RWSEM_READER))
		wake_head(s);
}

static int write_lock_state(struct rwsem *s, enum thread_state state, bool nested)
{
	int err = 0;

	might_sleep(s->name);
	lock_rank_acquire(s, s->name, s->rank, false, nested);
	if (unlikely(!take_write(s)))
		err = rwsem_wait(s, true, state);
	if (err)
		lock_rank_release(s, false);
	else
		atomic_store_explicit(&s->writer, current, memory_order_relaxed);
	return err;
}

void rwsem_write_lock(struct rwsem *s) NO_LOCK_CHECK
{
	(void)write_lock_state(s, TS_UNINTERRUPTIBLE, false);
}

void rwsem_write_lock_nested(struct rwsem *s) NO_LOCK_CHECK
{
	(void)write_lock_state(s, TS_UNINTERRUPTIBLE, true);
}

int rwsem_write_lock_killable(struct rwsem *s) NO_LOCK_CHECK
{
	return write_lock_state(s, TS_KILLABLE, false);
}

bool rwsem_write_trylock(struct rwsem *s) NO_LOCK_CHECK
{
	if (!take_write(s))
		return false;
	lock_rank_push(s, s->name, s->rank, false);
	atomic_store_explicit(&s->writer, current, memory_order_relaxed);
	return true;
}

void rwsem_write_unlock(struct rwsem *s) NO_LOCK_CHECK
{
	u64 c;

	assert(rwsem_is_write_held(s));
	lock_rank_release(s, false);
	atomic_store_explicit(&s->writer, NULL, memory_order_relaxed);
	c = atomic_fetch_and_explicit(&s->count, ~RWSEM_WRITER, memory_order_acq_rel);
	if (unlikely(c & RWSEM_WAITERS))
		wake_head(s);
}

void rwsem_downgrade(struct rwsem *s)
{
	u64 c;

	assert(rwsem_is_write_held(s));
	atomic_store_explicit(&s->writer, NULL, memory_order_relaxed);
	c = atomic_fetch_add_explicit(&s->count, RWSEM_READER - RWSEM_WRITER,
				      memory_order_acq_rel);
	if (c & RWSEM_WAITERS)
		wake_head(s); /* a reader there may join */
}

bool rwsem_is_write_held(const struct rwsem *s)
{
	return atomic_load_explicit(&s->writer, memory_order_relaxed) == current;
}
