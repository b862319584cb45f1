// SPDX-License-Identifier: MIT
/*
 * The way back for swapoff: every slot of an area is emptied.
 *
 * All address spaces are walked for entries of the area, each as if it had
 * faulted, and all memory-only files; what only the swap cache has is dropped.  fork and mremap may carry
 * an entry from a place not yet seen to one already passed, so walks go on
 * until no slot is in use.
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"

#define BATCH 64u    /* pages with map_lock held at a stretch */
#define MEMORY_TRIES 50u

/* ---- address spaces ---- */

/* The first entry of @a in [addr, end) of one table; its address, or @end. */
static u64 find_entry(const struct swap_area *a, struct page *table, u64 addr, u64 end, pte_t *e)
{
	spin_lock(&table->pt_lock);
	for (; addr < end; addr += PAGE_SIZE) {
		*e = pte_load(pt_entry(table, addr));
		if (pte_swap(*e) && &swap_areas[swap_slot_area(pte_swap_slot(*e))] == a)
			break;
	}
	spin_unlock(&table->pt_lock);
	return addr;
}

static int vma_back(const struct swap_area *a, struct vma *v, u64 *addr, unsigned int *left)
{
	struct pt_place at;
	bool major = false;
	int err = 0;

	while (!err && *left && (*addr = pt_next(v->mm, *addr, v->end, &at)) < v->end) {
		u64 stop = MIN(v->end, pt_table_end(*addr));
		pte_t e;

		*addr = at.leaf ? stop : find_entry(a, at.table, *addr, stop, &e);
		if (*addr < stop) {
			err = fault_swap(v, *addr, e, false, GFP_USER | GFP_NORETRY, &major);
			--*left;
		}
	}
	return err;
}

/* One batch of @mm from *addr on; *addr is 0 when it was the last. */
static int mm_back(const struct swap_area *a, struct mm *mm, u64 *addr)
{
	unsigned int left = BATCH;
	struct vma *v;
	int err = 0;

	rwsem_read_lock(&mm->map_lock);
	for (v = vma_find(mm, *addr); v && left && !err;) {
		*addr = MAX(*addr, v->start);
		if (v->has_anon)
			err = vma_back(a, v, addr, &left);
		if (!err && left)
			v = vma_next(v);
	}
	rwsem_read_unlock(&mm->map_lock);
	if (!v)
		*addr = 0;
	return err;
}

/* -ENOMEM: other pages may be on their way out. */
static int after_error(int err, unsigned int *tries)
{
	if (err != -ENOMEM || ++*tries > MEMORY_TRIES)
		return err; /* 0, too */
	if (!swap_wait_written())
		sleep_ns(10 * NSEC_PER_MSEC);
	return 0;
}

static int mms_back(const struct swap_area *a, unsigned int *tries)
{
	struct mm *mm = NULL;
	int err = 0;

	while (!err && (mm = mm_next_get(mm))) {
		u64 addr = 0;

		if (!mm->swap_used)
			continue;
		do {
			err = mm_back(a, mm, &addr);
			if (err)
				err = after_error(err, tries);
			if (!err && signal_pending())
				err = -EINTR;
			cond_resched();
		} while (!err && addr);
	}
	if (mm && err)
		mm_put_later(mm);
	return err;
}

/* ---- all ---- */

/* Would everything fit?  What is free, what can be dropped, and room in other areas. */
static bool fits(const struct swap_area *a)
{
	struct mem_stats s;

	mem_get_stats(&s);
	return READ_UNLOCKED(a->used) <= s.available + swap_free_slots();
}

int swap_bring_back(struct swap_area *a)
{
	unsigned int tries = 0;
	int err;

	if (!fits(a))
		return -ENOMEM;
	while (READ_UNLOCKED(a->used)) {
		err = mms_back(a, &tries);
		if (!err)
			err = after_error(shmem_bring_back(a), &tries);
		if (!err)
			err = swap_cache_empty(a);
		if (err)
			return err;
		if (signal_pending())
			return -EINTR;
		cond_resched();
	}
	return 0;
}
