// SPDX-License-Identifier: MIT
/*
 * Taking a killed process's memory before it dies.
 *
 * A victim of the OOM killer may sleep for a lock whose holder waits for just
 * the memory that the victim should give back:
 *
 *   holder                              victim
 *   takes a directory's lock
 *   allocates: nothing is free          waits for the directory's lock
 *   OOM killer: the victim must go      killed, but asleep until the lock is free
 *
 * So its private pages are taken out of its address space from here.  It cannot
 * miss them: every thread has been told to die, a fault never leads back to user
 * mode then, and one in a user copy ends the copy.  That holds only if every other
 * process in the same address space is told, too, which the caller has made sure of.
 */
#include "gather.h"
#include "mm_int.h"
#include "page_int.h"
#include "zap.h"

static bool may_be_taken(const struct vma *v)
{
	return v->has_anon && !(v->flags & (VM_SHARED | VM_IO));
}

bool oom_reap(struct mm *mm)
	NO_LOCK_CHECK /* the checker takes a tried shared lock for an exclusive one */
{
	struct gather g;

	if (!rwsem_read_trylock(&mm->map_lock))
		return false;
	gather_begin(&g, mm, false);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		struct zap z = { .vma = v, .what = ZAP_ANON, .may_resched = true };

		if (may_be_taken(v))
			zap_range(&g, &z, v->start, v->end);
	}
	gather_end(&g);
	rwsem_read_unlock(&mm->map_lock);
	return true;
}
