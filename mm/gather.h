// SPDX-License-Identifier: MIT
/*
 * struct gather: what one unmap took away and may not free yet.
 *
 * A frame may be reused only when no TLB can reach it, so an unmap clears
 * entries, flushes once, and only then frees frames and page tables.  The
 * gather carries the frames across that flush.  mm/gather.c.
 *
 * Until the flush another thread may store through its TLB into a page whose
 * entry is cleared, when writeback may have cleaned it and found no entry to
 * protect: a page that was writable through a shared mapping is marked dirty
 * once more after the flush.
 *
 * At the end of an address space (dying) no CPU will run its user code again:
 * frames go at once, and one flush before the tables go stops the CPUs that
 * still walk them.
 */
#pragma once

#include <tarn/mm.h>

#define GATHER_INLINE 32

/* Marks in a gathered frame's address */
#define GATHER_ROW 1ul    /* the first of a row */
#define GATHER_STORED 2ul /* a shared mapping may store into it until the flush */
#define GATHER_MARKS (GATHER_ROW | GATHER_STORED)

struct gather {
	struct mm *mm;
	u64 start, end;           /* what must be flushed: empty if start >= end */
	bool dying;
	u32 count, cap;
	ulong *pages;             /* inline_pages, or a page of them: frames with marks */
	struct list tables;       /* page->lru of tables that left the tree */
	s64 rss_anon, rss_file, rss_shmem, swap; /* entries taken: subtracted at the end */
	ulong inline_pages[GATHER_INLINE];
};

void gather_begin(struct gather *g, struct mm *mm, bool dying);
/* Takes over the reference a cleared entry for @addr had; @stored: dirty again after the flush.  False: full,
 * call gather_flush (no page table lock held) before the next. */
bool gather_page(struct gather *g, u64 addr, struct page *p, bool stored);
/* The same for a leaf of a row. */
void gather_row(struct gather *g, u64 addr, struct page *first);
/* An entry without a counted frame went, or lost a permission. */
static inline void gather_range(struct gather *g, u64 start, u64 end)
{
	if (start < g->start)
		g->start = start;
	if (end > g->end)
		g->end = end;
}
static inline void gather_addr(struct gather *g, u64 addr)
{
	gather_range(g, addr, addr + PAGE_SIZE);
}
static inline bool gather_full(const struct gather *g)
{
	return g->count == g->cap;
}
void gather_table(struct gather *g, struct page *table);
void gather_flush(struct gather *g);
void gather_end(struct gather *g);
