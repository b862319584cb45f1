// SPDX-License-Identifier: MIT
/*
 * Locks, waiting and RCU with a single thread.
 *
 * Nobody else can hold a lock, so taking one that is held is a deadlock and ends
 * the run.  Each lock is checked as the debug kernel does: the order of
 * lock_rank.h, nothing taken twice, nothing given back that is not held.
 *
 * A thread that waits lets the disk finish what it has (disk.c); if that changes
 * nothing it would wait for ever, which ends the run as well.
 */
#include <tarn/lock.h>
#include <tarn/printk.h>
#include <tarn/rcu.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>
#include "host.h"

#define HELD_MAX 128

static struct held {
	const void *lock;
	u32 rank;
	const char *name;
} held[HELD_MAX];
static u32 nr_held;

static void take(const void *lock, u32 rank, const char *name, bool nested)
{
	for (u32 i = 0; i < nr_held; i++) {
		if (held[i].lock == lock)
			panic("lock %s is taken twice", name);
		if (held[i].rank > rank || (held[i].rank == rank && !nested))
			panic("lock %s is taken while %s is held", name, held[i].name);
	}
	assert(nr_held < HELD_MAX);
	held[nr_held++] = (struct held){ lock, rank, name };
}

static void give(const void *lock, const char *name)
{
	u32 i = nr_held;

	while (i && held[i - 1].lock != lock)
		i--;
	if (!i)
		panic("lock %s is given back and was not held", name);
	nr_held--;
	for (i--; i < nr_held; i++)
		held[i] = held[i + 1];
}

static bool is_held(const void *lock)
{
	for (u32 i = 0; i < nr_held; i++)
		if (held[i].lock == lock)
			return true;
	return false;
}

bool host_locks_free(void)
{
	for (u32 i = 0; i < nr_held; i++)
		pr_err("%s is held\n", held[i].name);
	return !nr_held;
}

/* ---- spinlocks ---- */

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

void spin_lock(struct spinlock *l) NO_LOCK_CHECK
{
	take(l, l->rank, l->name, false);
}

void spin_lock_nested(struct spinlock *l) NO_LOCK_CHECK
{
	take(l, l->rank, l->name, true);
}

bool spin_trylock(struct spinlock *l) NO_LOCK_CHECK
{
	if (is_held(l))
		return false;
	take(l, l->rank, l->name, true);
	return true;
}

void spin_unlock(struct spinlock *l) NO_LOCK_CHECK
{
	give(l, l->name);
}

u64 spin_lock_irqsave(struct spinlock *l) NO_LOCK_CHECK
{
	spin_lock(l);
	return 0;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags) NO_LOCK_CHECK
{
	spin_unlock(l);
}

bool spin_is_held(const struct spinlock *l)
{
	return is_held(l);
}

/* ---- mutexes ---- */

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
	m->name = name;
	m->rank = (u16)rank;
}

void mutex_lock(struct mutex *m) NO_LOCK_CHECK
{
	take(m, m->rank, m->name, false);
}

void mutex_lock_nested(struct mutex *m) NO_LOCK_CHECK
{
	take(m, m->rank, m->name, true);
}

bool mutex_trylock(struct mutex *m) NO_LOCK_CHECK
{
	if (is_held(m))
		return false;
	take(m, m->rank, m->name, true);
	return true;
}

void mutex_unlock(struct mutex *m) NO_LOCK_CHECK
{
	give(m, m->name);
}

bool mutex_is_held(const struct mutex *m)
{
	return is_held(m);
}

/* ---- reader-writer locks: a reader is told from a writer only by ->writer ---- */

void rwsem_init(struct rwsem *s, const char *name, enum lock_rank rank)
{
	s->name = name;
	s->rank = (u16)rank;
	atomic_store(&s->writer, NULL);
}

void rwsem_read_lock(struct rwsem *s) NO_LOCK_CHECK
{
	take(s, s->rank, s->name, false);
}

void rwsem_read_unlock(struct rwsem *s) NO_LOCK_CHECK
{
	assert(!atomic_load(&s->writer));
	give(s, s->name);
}

void rwsem_write_lock(struct rwsem *s) NO_LOCK_CHECK
{
	take(s, s->rank, s->name, false);
	atomic_store(&s->writer, current);
}

void rwsem_write_lock_nested(struct rwsem *s) NO_LOCK_CHECK
{
	take(s, s->rank, s->name, true);
	atomic_store(&s->writer, current);
}

void rwsem_write_unlock(struct rwsem *s) NO_LOCK_CHECK
{
	assert(atomic_load(&s->writer));
	atomic_store(&s->writer, NULL);
	give(s, s->name);
}

void rwsem_downgrade(struct rwsem *s) NO_LOCK_CHECK
{
	assert(atomic_load(&s->writer));
	atomic_store(&s->writer, NULL);
}

bool rwsem_is_write_held(const struct rwsem *s)
{
	return is_held(s) && atomic_load(&s->writer);
}

/* ---- waiting ---- */

void waitq_init(struct waitq *q)
{
	list_init(&q->waiters);
}

void waitq_prepare(struct waitq *q, struct wait_entry *e, enum thread_state state, bool exclusive)
{
}

void waitq_finish(struct wait_entry *e)
{
}

void waitq_wake_one(struct waitq *q, u32 events)
{
}

void waitq_wake_all(struct waitq *q, u32 events)
{
}

static void wait_for_disk(void)
{
	for (u32 i = 0; i < nr_held; i++)
		if (held[i].rank >= LR_SPIN_FIRST)
			panic("a sleep while %s is held", held[i].name);
	if (!host_complete_io())
		panic("a wait that nothing will end");
}

bool schedule_deadline(ktime_t deadline)
{
	wait_for_disk();
	return false;
}

void waitq_fire(struct waitq *q, _Atomic bool *fired)
{
	atomic_store(fired, true);
}

void waitq_await(struct waitq *q, _Atomic bool *fired)
{
	while (!atomic_load(fired))
		wait_for_disk();
}

bool thread_sleep_interrupted(enum thread_state state)
{
	return false;
}

bool fatal_signal_pending(void)
{
	return false;
}

void cond_resched(void)
{
}

void sched_yield_current(void)
{
	wait_for_disk();
}

void cpu_relax(void)
{
	panic("a loop that nothing will end");
}

/* ---- RCU: call-backs run at the barrier, that is, as late as they may ---- */

static struct rcu_head *waiting;

void rcu_read_lock(void)
{
}

void rcu_read_unlock(void)
{
}

void rcu_call(struct rcu_head *h, void (*fn)(struct rcu_head *h))
{
	h->fn = fn;
	h->next = waiting;
	waiting = h;
}

void host_rcu_barrier(void)
{
	while (waiting) {
		struct rcu_head *h = waiting;

		waiting = h->next;
		h->fn(h);
	}
}
