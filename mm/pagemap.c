// SPDX-License-Identifier: MIT
/*
 * /proc/PID/pagemap: one 64-bit word for each page of an address space, and the
 * accessed bits that /proc/PID/clear_refs clears.
 *
 * The frame's number is for CAP_SYS_ADMIN only: who knows it can aim at a
 * neighbour in DRAM.
 *
 * Soft-dirty: clear_refs 4 takes the write bits and marks entries and mappings
 * untouched.  A store faults and its entry loses the mark; a new mapping has
 * none.  What is not marked is soft-dirty: too often, never too seldom.
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include "gather.h"
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"

#define PM_PRESENT BIT(63)
#define PM_SWAP BIT(62)       /* in slot (bits 5 to 54) of swap area (bits 0 to 4) */
#define PM_FILE BIT(61)       /* of a file, or shared anonymous memory */
#define PM_SOFT_DIRTY BIT(55)
#define PM_EXCLUSIVE BIT(56)  /* mapped once in all */
#define PM_FRAME (BIT(55) - 1)

static u64 word_of(pte_t e, bool frames)
{
	u64 word = PM_PRESENT;
	struct page *p;

	if (pte_swap(e))
		return PM_SWAP | (frames ? swap_slot_page(pte_swap_slot(e)) << 5 |
						   swap_slot_area(pte_swap_slot(e)) : 0);
	if (!pte_mapped(e))
		return 0;
	if (frames)
		word |= pte_pfn(e) & PM_FRAME;
	if (!pte_counted(e))
		return word;
	p = pte_page(e);
	if (p->state != PS_ANON)
		word |= PM_FILE;
	if (entry_sharers(e) == 1)
		word |= PM_EXCLUSIVE;
	return word;
}

/* Could the program have stored through @e, and is it not known that it did not?  A swapped page lost its mark. */
static bool soft_dirty(const struct vma *v, pte_t e)
{
	if (pte_swap(e))
		return true;
	return pte_counted(e) && !(e.v & PTE_UNTOUCHED) &&
	       (v->flags & VM_SHARED || pte_page(e)->state == PS_ANON);
}

/* Adds the words of @n pages from @addr on, all behind one level 1 entry. */
static void table_words(const struct vma *v, u64 addr, u64 *out, u64 n, bool frames)
{
	u64 base = ALIGN_DOWN(addr, HUGE_SIZE);
	struct pt_place at;

	do { /* asked for as a whole: who only looks splits no leaf */
		if (pt_next(v->mm, base, base + HUGE_SIZE, &at) != base)
			return;
	} while (!pt_lock_place(&at, base));
	for (u64 i = 0; i < n; i++, addr += PAGE_SIZE) {
		pte_t e = pt_place_entry(&at, addr);

		out[i] |= word_of(e, frames) | (soft_dirty(v, e) ? PM_SOFT_DIRTY : 0);
	}
	spin_unlock(&at.table->pt_lock);
}

/* [start, end) of @v, whose first word is *out.  All of a mapping that came since the watch began is new. */
static void vma_words(const struct vma *v, u64 start, u64 end, u64 *out, bool frames)
{
	u64 stop;

	for (u64 i = 0; i < (end - start) >> PAGE_SHIFT; i++)
		out[i] = v->untouched ? 0 : PM_SOFT_DIRTY;
	for (u64 addr = start; addr < end; addr = stop) {
		stop = MIN(end, pt_table_end(addr));
		table_words(v, addr, out + ((addr - start) >> PAGE_SHIFT),
			    (stop - addr) >> PAGE_SHIFT, frames);
	}
}

void mm_pagemap(struct mm *mm, u64 addr, u64 *out, size_t n, bool frames)
{
	u64 end = addr + n * PAGE_SIZE;

	for (size_t i = 0; i < n; i++)
		out[i] = 0;
	rwsem_read_lock(&mm->map_lock);
	for (struct vma *v = vma_find(mm, addr); v && v->start < end; v = vma_next(v)) {
		u64 from = MAX(addr, v->start);

		vma_words(v, from, MIN(end, v->end), out + ((from - addr) >> PAGE_SHIFT), frames);
	}
	rwsem_read_unlock(&mm->map_lock);
}

/* ---- soft-dirty: map_lock exclusive ---- */

/* The entry for [addr, end), 4 KiB or a leaf. */
static void mark_one(struct gather *g, pte_t *pte, u64 addr, u64 end)
{
	if (!pte_counted(pte_load(pte)))
		return;
	pte_store(pte, (pte_t){ (pte_take(pte).v & ~PTE_WRITE) | PTE_UNTOUCHED });
	gather_range(g, addr, end);
}

static void mark_untouched(struct vma *v)
{
	struct pt_place at;
	struct gather g;
	u64 addr = v->start;

	v->untouched = true;
	gather_begin(&g, v->mm, false);
	while ((addr = pt_next(v->mm, addr, v->end, &at)) < v->end) {
		u64 stop = MIN(v->end, pt_table_end(addr));

		if (!pt_lock_place(&at, addr))
			continue;
		if (at.leaf)
			mark_one(&g, leaf_entry(at.table, addr), addr, stop);
		for (; !at.leaf && addr < stop; addr += PAGE_SIZE)
			mark_one(&g, pt_entry(at.table, addr), addr, addr + PAGE_SIZE);
		spin_unlock(&at.table->pt_lock);
		addr = stop;
		cond_resched();
	}
	gather_end(&g);
}

static void watch_stores(struct mm *mm)
{
	rwsem_write_lock(&mm->map_lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v))
		if (!(v->flags & VM_IO))
			mark_untouched(v);
	rwsem_write_unlock(&mm->map_lock);
}

/* ---- accessed bits ---- */

/* Of the entry for [addr, end), 4 KiB or a leaf. */
static void clear_one(struct gather *g, pte_t *pte, u64 addr, u64 end)
{
	if (!(pte_load(pte).v & PTE_ACCESSED) || !pte_mapped(pte_load(pte)))
		return;
	(void)pte_clear_bits(pte, PTE_ACCESSED);
	gather_range(g, addr, end);
}

void clear_accessed(struct vma *v, u64 start, u64 end)
{
	struct pt_place at;
	struct gather g;
	u64 addr = start;

	gather_begin(&g, v->mm, false);
	while ((addr = pt_next(v->mm, addr, end, &at)) < end) {
		u64 stop = MIN(end, pt_table_end(addr));

		if (!pt_lock_place(&at, addr))
			continue;
		if (at.leaf)
			clear_one(&g, leaf_entry(at.table, addr), addr, stop);
		for (; !at.leaf && addr < stop; addr += PAGE_SIZE)
			clear_one(&g, pt_entry(at.table, addr), addr, addr + PAGE_SIZE);
		spin_unlock(&at.table->pt_lock);
		addr = stop;
	}
	gather_end(&g);
}

void mm_clear_refs(struct mm *mm, enum clear_refs which)
{
	if (which == CLEAR_REFS_SOFT_DIRTY) {
		watch_stores(mm);
		return;
	}
	rwsem_read_lock(&mm->map_lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		if (which != CLEAR_REFS_ALL && (which == CLEAR_REFS_ANON) == !!v->file)
			continue;
		clear_accessed(v, v->start, v->end);
		cond_resched();
	}
	rwsem_read_unlock(&mm->map_lock);
}
