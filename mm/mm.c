// SPDX-License-Identifier: MIT
/*
 * Birth and death of address spaces.
 *
 * Two counts: users are threads and visitors that want the mappings; refs keep
 * the struct and its top table for CPUs that still have it loaded while they
 * run kernel threads.  All users together hold one ref.
 *
 *   users > 0       mappings live
 *   users == 0      everything is unmapped, once
 *   refs == 0       top table and struct are freed
 */
#include <tarn/errptr.h>
#include <tarn/slab.h>
#include <tarn/work.h>
#include "mm_int.h"
#include "swap.h"

struct mm kernel_mm = {
	.users = { 1 },
	.refs = { 1 },
};
static struct kmem_cache *mm_cache;

#define DEFAULT_MMAP_BASE (USER_END - (1ul << 30))

/* ---- all address spaces, in the order of the swap clock ---- */

static struct spinlock all_lock = SPINLOCK_INIT("all mms", LR_LEAF);
static struct list all GUARDED_BY(&all_lock) = LIST_INIT(all);
static u32 nr_all GUARDED_BY(&all_lock);

u32 mm_count_live(void)
{
	return READ_UNLOCKED(nr_all);
}

struct mm *mm_first_get(void)
{
	struct mm *mm;

	spin_lock(&all_lock);
	LIST_FOR_EACH(mm, &all, all_node)
		if (mm_get_unless_dead(mm))
			break;
	if (&mm->all_node == &all)
		mm = NULL;
	spin_unlock(&all_lock);
	return mm;
}

void mm_move_last(struct mm *mm)
{
	spin_lock(&all_lock);
	list_move_tail(&all, &mm->all_node);
	spin_unlock(&all_lock);
}

struct mm *mm_next_get(struct mm *prev)
{
	struct mm *mm;

	spin_lock(&all_lock);
	mm = prev ? list_next(&all, prev, all_node) : list_first(&all, struct mm, all_node);
	while (mm && !mm_get_unless_dead(mm))
		mm = list_next(&all, mm, all_node);
	spin_unlock(&all_lock);
	if (prev)
		mm_put_later(prev);
	return mm;
}

struct mm *mm_create(void)
{
	struct mm *mm = kmem_cache_alloc(mm_cache, GFP_KERNEL | GFP_ZERO);
	struct page *root;

	if (!mm)
		return NULL;
	root = page_alloc_one(GFP_KERNEL | GFP_ZERO, PS_TABLE);
	if (!root) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	spin_init(&root->pt_lock, "page table", LR_PT);
	mm->root = page_address(root);
	mmu_init_root(mm->root);
	ref_init(&mm->users, 1);
	ref_init(&mm->refs, 1);
	rwsem_init(&mm->map_lock, "mm", LR_MM);
	mm->mmap_base = DEFAULT_MMAP_BASE;
	pkeys_init(mm);
	mm->table_pages = 1;
	spin_lock(&all_lock);
	list_add_tail(&all, &mm->all_node);
	nr_all++;
	spin_unlock(&all_lock);
	return mm;
}

static void finish(struct mm *mm)
{
	spin_lock(&all_lock);
	list_del(&mm->all_node);
	nr_all--;
	spin_unlock(&all_lock);
	unmap_everything(mm);
	if (mm->exe_file)
		file_put(mm->exe_file);
	mm->exe_file = NULL;
	mm_drop(mm);
}

void mm_put(struct mm *mm)
{
	if (ref_put(&mm->users))
		finish(mm);
}

/* ---- for callers that may hold any lock: the last put goes to a worker ---- */

static struct spinlock dying_lock = SPINLOCK_INIT("dying mms", LR_LEAF);
static struct list dying = LIST_INIT(dying); /* mm->dying_node */
static struct work dying_work;

static void bury(struct work *w)
{
	for (;;) {
		struct mm *mm;

		spin_lock(&dying_lock);
		mm = list_first(&dying, struct mm, dying_node);
		if (mm)
			list_del(&mm->dying_node);
		spin_unlock(&dying_lock);
		if (!mm)
			return;
		finish(mm);
		atomic_fetch_sub(&mms_dying, 1);
	}
}

void mm_put_later(struct mm *mm)
{
	if (!ref_put(&mm->users))
		return;
	atomic_fetch_add(&mms_dying, 1); /* from now on: the OOM killer asks before the worker runs */
	spin_lock(&dying_lock);
	list_add_tail(&dying, &mm->dying_node);
	spin_unlock(&dying_lock);
	work_queue(&dying_work);
}

void mm_hold(struct mm *mm)
{
	ref_get(&mm->refs);
}

void mm_drop(struct mm *mm)
{
	if (mm == &kernel_mm || !ref_put(&mm->refs))
		return;
	page_put(virt_to_page(mm->root));
	kmem_cache_free(mm_cache, mm);
}

void mm_init(void)
{
	mm_cache = kmem_cache_create("mm", sizeof(struct mm), 0, NULL);
	rwsem_init(&kernel_mm.map_lock, "kernel mm", LR_MM);
	vma_life_init();
	fault_init();
	huge_init();
	lru_init();
	work_init(&dying_work, bury);
	kstack_init();
	swap_init();
	reclaim_init();
}
