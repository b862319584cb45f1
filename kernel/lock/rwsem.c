// SPDX-License-Identifier: MIT
/*
 * Reader-writer locks that sleep.
 *
 * count:  RWSEM_WRITER   a writer holds it
 *         RWSEM_WAITERS  somebody is queued: the fast paths are closed
 *         the rest       RWSEM_READER for each reader
 *
 * Without waiters, taking and letting go is one atomic operation.  With
 * waiters, newcomers queue behind them, and whoever lets go last grants the
 * lock to the head of the queue: one writer, or all readers up to the next
 * writer.  A granted waiter owns the lock when it wakes, so nobody starves.
 *
 * A queued thread costs two context switches and closes the fast paths for all,
 * so who finds the lock held first spins a little, while the writer is on a CPU
 * and nobody is queued.
 *
 * While RWSEM_WAITERS is set nobody adds to the count but rwsem_grant(), under
 * the queue's lock; others only subtract, and who reaches 0 grants.
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#define RWSEM_WRITER 1ull
#define RWSEM_WAITERS 2ull
#define RWSEM_READER 4ull

#define SPIN_LIMIT 200

/* A queued thread; on its own stack. */
struct rwsem_waiter {
	struct list node;
	struct thread *thread;
	bool writer;
	_Atomic bool granted;
};

void rwsem_init(struct rwsem *s, const char *name, enum lock_rank rank)
{
	atomic_store_explicit(&s->count, 0, memory_order_relaxed);
	atomic_store_explicit(&s->writer, NULL, memory_order_relaxed);
	s->rank = rank;
	s->name = name;
	waitq_init(&s->waiters);
}

static bool take_read(struct rwsem *s)
{
	u64 c = atomic_load_explicit(&s->count, memory_order_relaxed);

	while (!(c & (RWSEM_WRITER | RWSEM_WAITERS)))
		if (atomic_compare_exchange_weak_explicit(&s->count, &c, c + RWSEM_READER,
							  memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

static bool take_write(struct rwsem *s)
{
	u64 c = 0;

	return atomic_compare_exchange_strong_explicit(&s->count, &c, RWSEM_WRITER,
						       memory_order_acquire, memory_order_relaxed);
}

static bool rwsem_spin(struct rwsem *s, bool writer)
{
	for (unsigned int i = 0; i < SPIN_LIMIT; i++) {
		const struct thread *owner;

		if (writer ? take_write(s) : take_read(s))
			return true;
		if (atomic_load_explicit(&s->count, memory_order_relaxed) & RWSEM_WAITERS)
			return false;
		owner = atomic_load_explicit(&s->writer, memory_order_relaxed);
		if (owner && !atomic_load_explicit(&owner->on_cpu, memory_order_relaxed))
			return false;
		if (this_cpu()->need_resched)
			return false;
		cpu_relax();
	}
	return false;
}

/* Hands the lock to @w.  Its frame may be gone as soon as granted is set. */
static void grant_one(struct rwsem_waiter *w)
{
	struct thread *t = w->thread;

	list_del(&w->node);
	atomic_store_explicit(&w->granted, true, memory_order_release);
	thread_wake(t);
}

/* Gives the lock to who is first in line, if it is free for that one. */
static void rwsem_grant(struct rwsem *s) MUST_HOLD(&s->waiters.lock)
{
	struct rwsem_waiter *w;

	while ((w = list_first(&s->waiters.waiters, struct rwsem_waiter, node))) {
		u64 c = atomic_load(&s->count);

		if (c & RWSEM_WRITER)
			return;
		if (w->writer) {
			if (c >= RWSEM_READER)
				return;
			atomic_fetch_or(&s->count, RWSEM_WRITER);
			grant_one(w);
			break;
		}
		atomic_fetch_add(&s->count, RWSEM_READER);
		grant_one(w);
	}
	if (list_empty(&s->waiters.waiters))
		atomic_fetch_and(&s->count, ~RWSEM_WAITERS);
}

static void grant_slow(struct rwsem *s)
{
	u64 flags = spin_lock_irqsave(&s->waiters.lock);

	if (!list_empty(&s->waiters.waiters))
		rwsem_grant(s);
	spin_unlock_irqrestore(&s->waiters.lock, flags);
}

/* A fatal signal: leave the queue, unless the lock came first. */
static bool waiter_leave(struct rwsem *s, struct rwsem_waiter *w)
{
	u64 flags = spin_lock_irqsave(&s->waiters.lock);
	bool left = !atomic_load(&w->granted);

	if (left) {
		list_del(&w->node);
		rwsem_grant(s); /* those behind may go now */
	}
	spin_unlock_irqrestore(&s->waiters.lock, flags);
	return left;
}

static NOINLINE int rwsem_wait(struct rwsem *s, bool writer, enum thread_state state)
{
	struct rwsem_waiter w = { .thread = current, .writer = writer };
	u64 flags;

	if (rwsem_spin(s, writer))
		return 0;
	flags = spin_lock_irqsave(&s->waiters.lock);
	list_add_tail(&s->waiters.waiters, &w.node);
	atomic_fetch_or(&s->count, RWSEM_WAITERS);
	rwsem_grant(s); /* it may have become free before the bit closed the fast paths */
	spin_unlock_irqrestore(&s->waiters.lock, flags);
	for (;;) {
		thread_set_state(state);
		if (atomic_load_explicit(&w.granted, memory_order_acquire))
			break;
		if (thread_sleep_interrupted(state)) {
			thread_set_state(TS_RUNNING);
			if (waiter_leave(s, &w))
				return -EINTR;
			return 0;
		}
		schedule();
	}
	thread_set_state(TS_RUNNING);
	return 0;
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
		grant_slow(s);
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
		grant_slow(s);
}

void rwsem_downgrade(struct rwsem *s)
{
	u64 c;

	assert(rwsem_is_write_held(s));
	atomic_store_explicit(&s->writer, NULL, memory_order_relaxed);
	c = atomic_fetch_add_explicit(&s->count, RWSEM_READER - RWSEM_WRITER,
				      memory_order_acq_rel);
	if (c & RWSEM_WAITERS)
		grant_slow(s); /* readers at the head may join */
}

bool rwsem_is_write_held(const struct rwsem *s)
{
	return atomic_load_explicit(&s->writer, memory_order_relaxed) == current;
}
