// SPDX-License-Identifier: MIT
/*
 * Ticket spinlocks.  Taking one draws a number from `next` and waits until
 * `owner` shows it; letting go shows the next number.  Fair, and waiters only
 * read the line until it changes.
 *
 * In a virtual machine nobody draws a number in advance: whoever finds the lock free takes it.  With
 * more CPUs than the host gives, the next in line is often one that does not run, and each
 * hand-over would take a turn of the host's scheduler.
 *
 * cpu->spin_depth counts what this CPU holds: a thread that tries to sleep with
 * a count above 0 panics (might_sleep, schedule).  The holder's number in the
 * lock turns waiting for oneself into a panic instead of a hang.
 */
#include <arch/cpu.h>
#include <tarn/cpu.h>
#include <tarn/lock.h>
#include <tarn/panic.h>

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
	atomic_store_explicit(&l->next, 0, memory_order_relaxed);
	atomic_store_explicit(&l->owner, 0, memory_order_relaxed);
	l->rank = rank;
	l->cpu_plus_1 = 0;
	l->name = name;
}

/* Takes it when nobody holds or awaits it. */
static ALWAYS_INLINE bool spin_take_free(struct spinlock *l)
{
	u16 owner = atomic_load_explicit(&l->owner, memory_order_relaxed);
	u16 free = owner;

	return atomic_compare_exchange_strong_explicit(&l->next, &free, (u16)(owner + 1),
						       memory_order_acquire, memory_order_relaxed);
}

static void wait_fairly(struct spinlock *l)
{
	u16 ticket = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);

	while (atomic_load_explicit(&l->owner, memory_order_acquire) != ticket)
		cpu_relax();
}

static void wait_greedily(struct spinlock *l)
{
	do {
		while (atomic_load_explicit(&l->owner, memory_order_relaxed) !=
		       atomic_load_explicit(&l->next, memory_order_relaxed))
			cpu_relax();
	} while (!spin_take_free(l));
}

static NOINLINE void spin_wait(struct spinlock *l)
{
	if (READ_ONCE(l->cpu_plus_1) == cpu_id() + 1 && !panic_in_progress())
		panic("spinlock %s: this CPU holds it already", l->name);
	if (cpu_may_be_taken)
		wait_greedily(l);
	else
		wait_fairly(l);
}

static ALWAYS_INLINE void spin_take(struct spinlock *l)
{
	this_cpu()->spin_depth++;
	if (unlikely(!spin_take_free(l)))
		spin_wait(l);
	WRITE_ONCE(l->cpu_plus_1, (u16)(cpu_id() + 1));
}

void spin_lock(struct spinlock *l) NO_LOCK_CHECK
{
	lock_rank_acquire(l, l->name, l->rank, true, false);
	spin_take(l);
}

void spin_lock_nested(struct spinlock *l) NO_LOCK_CHECK
{
	lock_rank_acquire(l, l->name, l->rank, true, true);
	spin_take(l);
}

bool spin_trylock(struct spinlock *l) NO_LOCK_CHECK
{
	if (!spin_take_free(l))
		return false;
	this_cpu()->spin_depth++;
	WRITE_ONCE(l->cpu_plus_1, (u16)(cpu_id() + 1));
	lock_rank_push(l, l->name, l->rank, true);
	return true;
}

void spin_unlock(struct spinlock *l) NO_LOCK_CHECK
{
	u16 owner = atomic_load_explicit(&l->owner, memory_order_relaxed);

	lock_rank_release(l, true);
	WRITE_ONCE(l->cpu_plus_1, 0);
	atomic_store_explicit(&l->owner, (u16)(owner + 1), memory_order_release);
	this_cpu()->spin_depth--;
}

u64 spin_lock_irqsave(struct spinlock *l) NO_LOCK_CHECK
{
	u64 flags = irq_save();

	spin_lock(l);
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags) NO_LOCK_CHECK
{
	spin_unlock(l);
	irq_restore(flags);
}

void spin_lock_irq(struct spinlock *l) NO_LOCK_CHECK
{
	irq_disable();
	spin_lock(l);
}

void spin_unlock_irq(struct spinlock *l) NO_LOCK_CHECK
{
	spin_unlock(l);
	irq_enable();
}

bool spin_is_held(const struct spinlock *l)
{
	return READ_ONCE(l->cpu_plus_1) == cpu_id() + 1;
}
