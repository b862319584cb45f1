// SPDX-License-Identifier: MIT
/*
 * Page tables of an address space, as mm/ walks them.
 *
 * A level 0 entry of a user address is one of
 *   none      0
 *   present   the hardware follows it
 *   blocked   PROT_NONE on a page that stays: not present, frame and bits kept
 *   swap      not present, PTE_SWAP_MARK set: the page is in a swap slot (swap.h)
 *
 * Lock: the level 0 table's own pt_lock (LR_PT) for its entries; the parent
 * table's pt_lock to hang in a table.  Tables go only with map_lock exclusive
 * and after every file mapping of their range left mapping->vmas.
 */
#pragma once

#include <tarn/mm.h>

#define PTE_SWAP_MARK BIT(4)
#define PTE_BLOCKED PTE_SOFT2
/*
 * Not stored to since clear_refs took the write bit: the opposite of Linux's
 * soft-dirty bit, so that an entry made by whoever knows nothing of it counts
 * as dirty.  It never stands beside PTE_WRITE.
 */
#define PTE_UNTOUCHED PTE_SOFT3

/* Names a slot, of which it holds one count. */
static inline bool pte_swap(pte_t e)
{
	return (e.v & (PTE_PRESENT | PTE_SWAP_MARK)) == PTE_SWAP_MARK;
}
static inline u64 pte_swap_slot(pte_t e)
{
	return e.v >> PTE_SWAP_SHIFT;
}
/* Points at a frame: present or blocked. */
static inline bool pte_mapped(pte_t e)
{
	return e.v && !(e.v & PTE_SWAP_MARK);
}
static inline struct page *pte_page(pte_t e)
{
	return pfn_to_page(pte_pfn(e));
}
/* A frame that is counted: not the zero page. */
static inline bool pte_counted(pte_t e)
{
	return pte_mapped(e) && !(e.v & PTE_SPECIAL);
}

/* The table's page that holds the level 0 entry of @addr; NULL: there is none. */
struct page *pt_find(struct mm *mm, u64 addr);
/* The same, made if it is absent; NULL: no memory.  May sleep. */
struct page *pt_get(struct mm *mm, u64 addr);
static inline pte_t *pt_entry(struct page *table, u64 addr)
{
	return (pte_t *)page_address(table) + pt_index(addr, 0);
}
/* The end of what one level 0 table maps. */
static inline u64 pt_table_end(u64 addr)
{
	return (addr | (PT_SPAN(1) - 1)) + 1;
}
/* First address >= @addr and < @end that may have a level 0 table (then *table is it), or @end. */
u64 pt_next_table(struct mm *mm, u64 addr, u64 end, struct page **table);

struct gather;
/* Gives the tables that only mapped [floor, ceiling), seen from [start, end), to @g. */
void pt_free_tables(struct gather *g, u64 start, u64 end, u64 floor, u64 ceiling);
