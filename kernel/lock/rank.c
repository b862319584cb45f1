// SPDX-License-Identifier: MIT
/*
 * Where a thread may sleep, and in debug builds the order of locks.
 *
 * might_sleep() is in every build.  With TARN_DEBUG each CPU keeps the
 * spinlocks it holds and each thread the sleeping locks, newest last; taking a
 * lock whose rank is above one that is held panics with both names.  An
 * interrupt handler starts afresh: it may not take what the interrupted code
 * holds (those locks are taken with interrupts off), but order across the two
 * means nothing.
 *
 * Reclaim may evict an inode, which takes the locks of its file system: so an
 * allocation that allows it panics under such a lock, whether memory is short
 * or not.
 */
#include <tarn/cpu.h>
#include <tarn/lock.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/thread.h>

void might_sleep(const char *what)
{
	const struct cpu *c = this_cpu();

	if (unlikely((c->spin_depth | c->irq_depth) && !panic_in_progress()))
		panic("%s may sleep: %u spinlocks held, %u interrupts deep", what, c->spin_depth,
		      c->irq_depth);
}

#ifdef TARN_DEBUG
#define MAX_HELD 32

struct held_lock {
	const void *lock;
	const char *name;
	u32 rank;
	u32 irq_depth;
};
struct held_locks {
	u32 n;
	struct held_lock lock[MAX_HELD];
};

static DEFINE_PERCPU(struct held_locks, held_spin);

/* NULL: not tracked (too early, or no memory when the thread was made). */
static struct held_locks *held_set(bool spin)
{
	if (spin)
		return this_percpu(held_spin);
	return current ? current->held : NULL;
}

static void check_order(const struct held_locks *set, const char *name, u32 rank, bool nested,
			u32 depth)
{
	for (u32 i = 0; set && i < set->n; i++) {
		const struct held_lock *h = &set->lock[i];

		if (h->irq_depth != depth || h->rank < rank || (h->rank == rank && nested))
			continue;
		panic("lock order: %s (rank %u) taken under %s (rank %u)", name, rank, h->name,
		      h->rank);
	}
}

void lock_rank_acquire(const void *lock, const char *name, u32 rank, bool spin, bool nested)
{
	u64 flags;

	if (panic_in_progress())
		return;
	flags = irq_save();
	check_order(held_set(true), name, rank, nested, this_cpu()->irq_depth);
	if (this_cpu()->irq_depth == 0)
		check_order(held_set(false), name, rank, nested, 0);
	irq_restore(flags);
	lock_rank_push(lock, name, rank, spin);
}

void lock_rank_push(const void *lock, const char *name, u32 rank, bool spin)
{
	u64 flags = irq_save();
	struct held_locks *set = held_set(spin);

	if (set && set->n < MAX_HELD)
		set->lock[set->n++] = (struct held_lock){ lock, name, rank, this_cpu()->irq_depth };
	irq_restore(flags);
}

void lock_rank_release(const void *lock, bool spin)
{
	u64 flags = irq_save();
	struct held_locks *set = held_set(spin);

	for (u32 i = set ? set->n : 0; i-- > 0;) {
		if (set->lock[i].lock != lock)
			continue;
		for (; i + 1 < set->n; i++)
			set->lock[i] = set->lock[i + 1];
		set->n--;
		break;
	}
	irq_restore(flags);
}

void lock_rank_reclaim(void)
{
	const struct held_locks *set = held_set(false);

	if (!set || current->flags & TF_RECLAIM) /* who reclaims never does so again */
		return;
	for (u32 i = 0; i < set->n; i++) {
		const struct held_lock *h = &set->lock[i];

		if (h->rank >= LR_FS_TRANS && h->rank <= LR_BUFFER && !panic_in_progress())
			panic("memory is asked for with GFP_KERNEL or GFP_USER under %s (rank %u)",
			      h->name, h->rank);
	}
}
#endif
