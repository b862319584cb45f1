// SPDX-License-Identifier: MIT
/*
 * Locks: spinlock, mutex, rwsem, seqcount.  kernel/lock/.
 *
 * Which to take: a spinlock for a few dozen instructions that do not sleep
 * (the _irqsave form if an interrupt handler takes it too); a mutex or rwsem
 * otherwise.  Sleeping with a spinlock held or with interrupts off panics in
 * every build.  Ranks are in lock_rank.h.
 */
#pragma once

#include <stdatomic.h>
#include <arch/cpu.h>
#include <tarn/list.h>
#include <tarn/lock_rank.h>
#include <tarn/panic.h>

/* A ticket lock: fair, one cache line of traffic per hand-over. */
struct LOCK_TYPE("spinlock") spinlock {
	_Atomic u16 next, owner;
	u16 rank;
	u16 cpu_plus_1; /* holder, for assert_held and self-deadlock reports; 0: free */
	const char *name;
};
#define SPINLOCK_INIT(lock_name, lock_rank) { .name = (lock_name), .rank = (lock_rank) }

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank);
void spin_lock(struct spinlock *l) ACQUIRES(l);
bool spin_trylock(struct spinlock *l) TRY_ACQUIRES(true, l);
void spin_unlock(struct spinlock *l) RELEASES(l);
/* A second lock of the same rank, in the order its rank states. */
void spin_lock_nested(struct spinlock *l) ACQUIRES(l);
u64 WARN_UNUSED spin_lock_irqsave(struct spinlock *l) ACQUIRES(l);
void spin_unlock_irqrestore(struct spinlock *l, u64 flags) RELEASES(l);
/* Interrupts are known to be on before, or off already in a handler. */
void spin_lock_irq(struct spinlock *l) ACQUIRES(l);
void spin_unlock_irq(struct spinlock *l) RELEASES(l);
bool spin_is_held(const struct spinlock *l); /* by this CPU */

/* A queue of waiting threads; see waitq.h for its calls. */
struct waitq {
	struct spinlock lock;
	struct list waiters GUARDED_BY(&lock);
};

struct thread;

/* A sleeping lock with one owner.  Spins a little while the owner runs, then sleeps. */
struct LOCK_TYPE("mutex") mutex {
	struct thread *_Atomic owner;
	u16 rank;
	const char *name;
	struct waitq waiters;
};
#define MUTEX_INIT(var, lock_name, lock_rank)                                          \
	{ .name = (lock_name), .rank = (lock_rank),                                    \
	  .waiters = { .lock = SPINLOCK_INIT(lock_name, LR_WAITQ),                     \
		       .waiters = LIST_INIT((var).waiters.waiters) } }

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank);
void mutex_lock(struct mutex *m) ACQUIRES(m);
void mutex_lock_nested(struct mutex *m) ACQUIRES(m);
/* -EINTR when a fatal or any signal is pending (killable / interruptible). */
int WARN_UNUSED mutex_lock_killable(struct mutex *m) TRY_ACQUIRES(0, m);
int WARN_UNUSED mutex_lock_interruptible(struct mutex *m) TRY_ACQUIRES(0, m);
bool mutex_trylock(struct mutex *m) TRY_ACQUIRES(true, m);
void mutex_unlock(struct mutex *m) RELEASES(m);
bool mutex_is_held(const struct mutex *m); /* by current */

/* Many readers or one writer; who must wait is served in order of arrival, so nobody starves. */
struct LOCK_TYPE("rwsem") rwsem {
	_Atomic u64 count;               /* [a] RWSEM_* in kernel/lock/rwsem.c */
	u16 rank;
	const char *name;
	struct thread *_Atomic writer;   /* [a] holder, for assert_held */
	struct waitq waiters;
};
void rwsem_init(struct rwsem *s, const char *name, enum lock_rank rank);
void rwsem_read_lock(struct rwsem *s) ACQUIRES_SHARED(s);
bool rwsem_read_trylock(struct rwsem *s) TRY_ACQUIRES(true, s);
void rwsem_read_unlock(struct rwsem *s) RELEASES_SHARED(s);
void rwsem_write_lock(struct rwsem *s) ACQUIRES(s);
void rwsem_write_lock_nested(struct rwsem *s) ACQUIRES(s);
int WARN_UNUSED rwsem_write_lock_killable(struct rwsem *s) TRY_ACQUIRES(0, s);
bool rwsem_write_trylock(struct rwsem *s) TRY_ACQUIRES(true, s);
void rwsem_write_unlock(struct rwsem *s) RELEASES(s);
void rwsem_downgrade(struct rwsem *s); /* writer becomes reader without a gap */
bool rwsem_is_write_held(const struct rwsem *s);

/*
 * Debug builds: the order of locks.  A lock that is not one of the above (the page lock) reports
 * itself through these; in release builds they are nothing.  @spin: held by the CPU, else by current.
 */
#ifdef TARN_DEBUG
void lock_rank_acquire(const void *lock, const char *name, u32 rank, bool spin, bool nested);
void lock_rank_push(const void *lock, const char *name, u32 rank, bool spin); /* a trylock: no check */
void lock_rank_release(const void *lock, bool spin);
void lock_rank_reclaim(void); /* current may reclaim through file systems now */
#else
static inline void lock_rank_acquire(const void *lock, const char *name, u32 rank, bool spin,
				     bool nested)
{
}
static inline void lock_rank_push(const void *lock, const char *name, u32 rank, bool spin)
{
}
static inline void lock_rank_release(const void *lock, bool spin)
{
}
static inline void lock_rank_reclaim(void)
{
}
#endif
/* First line of whatever may sleep: panics with a spinlock held or in an interrupt handler. */
void might_sleep(const char *what);

/* Checked at run time, and believed by the lock checker: for locks it cannot follow, such as
 * those of an object that a function returns locked. */
static inline void spin_assert_held(const struct spinlock *l) ASSERTS_HELD(l)
{
	assert(spin_is_held(l));
}
static inline void mutex_assert_held(const struct mutex *m) ASSERTS_HELD(m)
{
	assert(mutex_is_held(m));
}
static inline void rwsem_assert_held(const struct rwsem *s) ASSERTS_HELD(s)
{
	assert(rwsem_is_write_held(s));
}
#define assert_held(l)                                                           \
	_Generic((l), struct spinlock *: spin_assert_held,                       \
		 const struct spinlock *: spin_assert_held,                      \
		 struct mutex *: mutex_assert_held,                              \
		 const struct mutex *: mutex_assert_held,                        \
		 struct rwsem *: rwsem_assert_held,                              \
		 const struct rwsem *: rwsem_assert_held)(l)

/* Readers retry when a writer passed; writers hold a lock of their own. */
struct seqcount {
	_Atomic u32 seq;
};
static inline u32 seq_read_begin(const struct seqcount *s)
{
	u32 v;

	while ((v = atomic_load_explicit(&s->seq, memory_order_acquire)) & 1)
		cpu_relax();
	return v;
}
static inline bool seq_read_retry(const struct seqcount *s, u32 start)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&s->seq, memory_order_relaxed) != start;
}
static inline void seq_write_begin(struct seqcount *s)
{
	atomic_fetch_add_explicit(&s->seq, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}
static inline void seq_write_end(struct seqcount *s)
{
	atomic_fetch_add_explicit(&s->seq, 1, memory_order_release);
}
