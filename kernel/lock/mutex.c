// SPDX-License-Identifier: MIT
/*
 * Mutexes: a sleeping lock with one owner.
 *
 *   free (owner NULL) -> held -> free
 *
 * Taking is one compare-and-swap.  A thread that finds it held spins while the
 * owner is on a CPU (it will soon be done), else it sleeps as an exclusive
 * waiter.  Letting go stores NULL and wakes one waiter, which competes again:
 * a running thread may get in before it, which keeps the lock busy.
 *
 * The spinner looks into the owner's struct thread without a reference: threads
 * are freed through RCU and the spinner does not sleep meanwhile.
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#define SPIN_LIMIT 200

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
	atomic_store_explicit(&m->owner, NULL, memory_order_relaxed);
	m->rank = rank;
	m->name = name;
	waitq_init(&m->waiters);
}

static bool mutex_take(struct mutex *m)
{
	struct thread *none = NULL;

	return atomic_compare_exchange_strong_explicit(&m->owner, &none, current,
						       memory_order_acquire, memory_order_relaxed);
}

static bool mutex_spin(struct mutex *m)
{
	for (unsigned int i = 0; i < SPIN_LIMIT; i++) {
		struct thread *owner = atomic_load_explicit(&m->owner, memory_order_relaxed);

		if (!owner && mutex_take(m))
			return true;
		if (owner && !atomic_load_explicit(&owner->on_cpu, memory_order_relaxed))
			return false;
		if (this_cpu()->need_resched)
			return false;
		cpu_relax();
	}
	return false;
}

static NOINLINE int mutex_wait(struct mutex *m, enum thread_state state)
{
	int err;

	if (atomic_load_explicit(&m->owner, memory_order_relaxed) == current)
		panic("mutex %s: thread %d holds it already", m->name, current->tid);
	if (mutex_spin(m))
		return 0;
	err = WAIT_EVENT(&m->waiters, mutex_take(m), state, KTIME_MAX, true);
	if (!err)
		return 0;
	/* A wake-up meant for us may have come with the signal: pass it on. */
	if (!atomic_load(&m->owner))
		waitq_wake_one(&m->waiters, 0);
	return -EINTR;
}

static int mutex_lock_state(struct mutex *m, enum thread_state state, bool nested)
{
	int err = 0;

	might_sleep(m->name);
	lock_rank_acquire(m, m->name, m->rank, false, nested);
	if (unlikely(!mutex_take(m)))
		err = mutex_wait(m, state);
	if (err)
		lock_rank_release(m, false);
	return err;
}

void mutex_lock(struct mutex *m) NO_LOCK_CHECK
{
	(void)mutex_lock_state(m, TS_UNINTERRUPTIBLE, false);
}

void mutex_lock_nested(struct mutex *m) NO_LOCK_CHECK
{
	(void)mutex_lock_state(m, TS_UNINTERRUPTIBLE, true);
}

int mutex_lock_killable(struct mutex *m) NO_LOCK_CHECK
{
	return mutex_lock_state(m, TS_KILLABLE, false);
}

int mutex_lock_interruptible(struct mutex *m) NO_LOCK_CHECK
{
	return mutex_lock_state(m, TS_INTERRUPTIBLE, false);
}

bool mutex_trylock(struct mutex *m) NO_LOCK_CHECK
{
	if (!mutex_take(m))
		return false;
	lock_rank_push(m, m->name, m->rank, false);
	return true;
}

void mutex_unlock(struct mutex *m) NO_LOCK_CHECK
{
	if (unlikely(atomic_load_explicit(&m->owner, memory_order_relaxed) != current))
		panic("mutex %s: thread %d does not hold it", m->name, current->tid);
	lock_rank_release(m, false);
	atomic_store_explicit(&m->owner, NULL, memory_order_release);
	if (waitq_active(&m->waiters))
		waitq_wake_one(&m->waiters, 0);
}

bool mutex_is_held(const struct mutex *m)
{
	return atomic_load_explicit(&m->owner, memory_order_relaxed) == current;
}
