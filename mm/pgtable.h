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
 * A level 1 entry is none, a level 0 table, or a leaf: PTE_HUGE set, 2 MiB of
 * anonymous memory of one mapping, present or blocked (leaf.c).
 *
 * Lock: the level 0 table's own pt_lock (LR_PT) for its entries; the parent
 * table's pt_lock to hang in a table, and for a leaf.  Tables go only with
 * map_lock exclusive and after every file mapping of their range left
 * mapping->vmas; a leaf may go or become a table at any time its table is not
 * locked.  So who asks for the level 0 table of an address (pt_find, pt_get) has
 * the leaf there split, and a walk over a range (pt_next) meets only leaves that
 * lie whole in it, and says so.
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

/* Of a level 1 entry; or of a mapped one that pt_peek and its like read: it comes from a leaf. */
static inline bool pte_leaf(pte_t e)
{
	return e.v & PTE_HUGE;
}

/* The table's page that holds the level 0 entry of @addr, a leaf split; NULL: there is none. */
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

/* ---- walking, with leaves ---- */

/* Where a walk stands: at a level 0 table, or at a level 1 table's leaf. */
struct pt_place {
	struct page *table;
	bool leaf;
};
/* First address >= @addr and < @end that has a leaf or may have a level 0 table (then *at is it), or @end.
 * A leaf that does not lie whole in [addr, end) is split. */
u64 pt_next(struct mm *mm, u64 addr, u64 end, struct pt_place *at);
/* Locks what pt_next found.  False, nothing locked: the leaf went meanwhile, look again. */
bool pt_lock_place(const struct pt_place *at, u64 addr) TRY_ACQUIRES(true, &at->table->pt_lock);
/* What shows @addr, as a level 0 entry would; with PTE_HUGE if it comes from a leaf. */
pte_t pt_place_entry(const struct pt_place *at, u64 addr);
/* The same without a lock: stale at once. */
pte_t pt_peek(struct mm *mm, u64 addr);
/* The same, and the lock of its table, which is returned; NULL: no table. */
struct page *pt_lock_entry(struct mm *mm, u64 addr, pte_t *e);

/* ---- leaves (leaf.c): what is called up is a level 1 table ---- */

/* The level 1 table for @addr; NULL: there is none. */
struct page *pt_find_upper(struct mm *mm, u64 addr);
/* The same, made if it is absent; NULL: no memory.  May sleep. */
struct page *pt_get_upper(struct mm *mm, u64 addr);
static inline pte_t *leaf_entry(struct page *up, u64 addr)
{
	return (pte_t *)page_address(up) + pt_index(addr, 1);
}
/* The entry that leaf @e stands for at @addr. */
static inline pte_t leaf_piece(pte_t e, u64 addr)
{
	return (pte_t){ (e.v & ~(u64)PTE_HUGE) + ((u64)pt_index(addr, 0) << PAGE_SHIFT) };
}
/* The spare table that each leaf has; NULL: no memory.  May sleep. */
struct page *leaf_spare_alloc(struct mm *mm, gfp_t gfp);
void leaf_spare_free(struct mm *mm, struct page *spare);
/* Over an empty entry; @spare is taken over. */
void leaf_set(struct page *up, u64 addr, pte_t e, struct page *spare) MUST_HOLD(&up->pt_lock);
/* Takes the leaf away, and its spare. */
pte_t leaf_take(struct page *up, u64 addr, struct page **spare) MUST_HOLD(&up->pt_lock);
/* A leaf becomes a level 0 table.  What the entry is now: a table, or whatever a leaf was replaced with. */
pte_t leaf_split(struct mm *mm, struct page *up, u64 addr);
pte_t leaf_split_locked(struct mm *mm, struct page *up, u64 addr) MUST_HOLD(&up->pt_lock);
/* Nobody else has one of the leaf's pages.  Its lock is held. */
bool leaf_is_sole(pte_t e);

/* ---- rows: the frames that leaves show (leaf.c) ---- */

/* The first frame behind leaf @e, or behind a piece of one. */
static inline struct page *leaf_row(pte_t e)
{
	return pfn_to_page(ALIGN_DOWN(pte_pfn(e), (pfn_t)HUGE_FRAMES));
}
static inline s32 row_leaves(const struct page *first)
{
	return atomic_load_explicit(&first->mapcount, memory_order_acquire);
}
/* A fresh row, before its first leaf is seen. */
static inline void row_init(struct page *first)
{
	atomic_store_explicit(&first->mapcount, 1, memory_order_relaxed);
}
/* A frame behind leaf @e, whose table is locked, gets a reference more. */
static inline void row_hold(pte_t e)
{
	if (!page_test(leaf_row(e), PG_ROW_HELD))
		page_set(leaf_row(e), PG_ROW_HELD);
}
/* One more leaf: a copy of one whose table is locked. */
static inline void row_get(struct page *first)
{
	atomic_fetch_add_explicit(&first->mapcount, 1, memory_order_relaxed);
}
/*
 * How many entries show the counted page behind @e; what else holds an anonymous one for a moment counts as
 * well.  Leaves of its row are one reference, however many they are.
 */
static inline u32 entry_sharers(pte_t e)
{
	const struct page *p = pte_page(e), *first = leaf_row(e);
	u32 cached = page_test(p, PG_SWAPCACHE) ? 1 : 0;
	u32 n = p->refs > cached ? p->refs - cached : 1;

	if (p->state != PS_ANON)
		return (u32)MAX(p->mapcount, 1);
	if (!pfn_valid(page_to_pfn(first)) || first->state != PS_ANON || row_leaves(first) <= 1)
		return n;
	return n + (u32)row_leaves(first) - 1;
}
/* One leaf less, which is in no table and no TLB any more. */
void row_put(struct page *first);

struct gather;
/* Gives the tables that only mapped [floor, ceiling), seen from [start, end), to @g. */
void pt_free_tables(struct gather *g, u64 start, u64 end, u64 floor, u64 ceiling);
