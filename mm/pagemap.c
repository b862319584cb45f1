// SPDX-License-Identifier: MIT
/*
 * /proc/PID/pagemap: one 64-bit word for each page of an address space, and the
 * accessed bits that /proc/PID/clear_refs clears.
 *
 * The frame's number is for CAP_SYS_ADMIN only: who knows it can aim at a
 * neighbour in DRAM.  Soft-dirty bits are not kept.
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
	if (page_sharers(p) == 1)
		word |= PM_EXCLUSIVE;
	return word;
}

/* Words of [addr, addr + n pages) of one level 0 table. */
static void table_words(struct page *table, u64 addr, u64 *out, size_t n, bool frames)
{
	spin_lock(&table->pt_lock);
	for (size_t i = 0; i < n; i++, addr += PAGE_SIZE)
		out[i] = word_of(pte_load(pt_entry(table, addr)), frames);
	spin_unlock(&table->pt_lock);
}

void mm_pagemap(struct mm *mm, u64 addr, u64 *out, size_t n, bool frames)
{
	u64 end = addr + n * PAGE_SIZE, at = addr;
	struct page *table;

	for (size_t i = 0; i < n; i++)
		out[i] = 0;
	rwsem_read_lock(&mm->map_lock);
	while ((at = pt_next_table(mm, at, end, &table)) < end) {
		u64 stop = MIN(end, pt_table_end(at));

		table_words(table, at, out + ((at - addr) >> PAGE_SHIFT), (stop - at) >> PAGE_SHIFT,
			    frames);
		at = stop;
	}
	rwsem_read_unlock(&mm->map_lock);
}

/* ---- accessed bits ---- */

void clear_accessed(struct vma *v, u64 start, u64 end)
{
	struct page *table;
	struct gather g;
	u64 addr = start;

	gather_begin(&g, v->mm, false);
	while ((addr = pt_next_table(v->mm, addr, end, &table)) < end) {
		u64 stop = MIN(end, pt_table_end(addr));

		spin_lock(&table->pt_lock);
		for (; addr < stop; addr += PAGE_SIZE) {
			pte_t *pte = pt_entry(table, addr);

			if (!(pte_load(pte).v & PTE_ACCESSED) || !pte_mapped(pte_load(pte)))
				continue;
			(void)pte_clear_bits(pte, PTE_ACCESSED);
			gather_addr(&g, addr);
		}
		spin_unlock(&table->pt_lock);
	}
	gather_end(&g);
}

void mm_clear_refs(struct mm *mm, enum clear_refs which)
{
	rwsem_read_lock(&mm->map_lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		if (which != CLEAR_REFS_ALL && (which == CLEAR_REFS_ANON) == !!v->file)
			continue;
		clear_accessed(v, v->start, v->end);
		cond_resched();
	}
	rwsem_read_unlock(&mm->map_lock);
}
