// SPDX-License-Identifier: MIT
/* Clear, flush, then free: see gather.h. */
#include <tarn/pagecache.h>
#include <tarn/slab.h>
#include "gather.h"
#include "pgtable.h"
#include "swap.h"

void gather_begin(struct gather *g, struct mm *mm, bool dying)
{
	g->mm = mm;
	g->start = ~0ul;
	g->end = 0;
	g->dying = dying;
	g->count = 0;
	g->cap = GATHER_INLINE;
	g->pages = g->inline_pages;
	list_init(&g->tables);
	g->rss_anon = g->rss_file = g->rss_shmem = g->swap = 0;
}

/* More room on the first overflow; without memory the small array is flushed more often. */
static void grow(struct gather *g)
{
	ulong *more;

	if (g->pages != g->inline_pages)
		return;
	more = pages_alloc(GFP_ATOMIC | GFP_NORETRY, 0);
	if (!more)
		return;
	for (u32 i = 0; i < g->count; i++)
		more[i] = g->pages[i];
	g->pages = more;
	g->cap = PAGE_SIZE / sizeof(*more);
}

static bool keep(struct gather *g, struct page *p, ulong mark)
{
	g->pages[g->count++] = (ulong)p | mark;
	if (gather_full(g))
		grow(g);
	return !gather_full(g);
}

bool gather_page(struct gather *g, u64 addr, struct page *p, bool stored)
{
	gather_addr(g, addr);
	if (!g->dying)
		return keep(g, p, stored ? GATHER_STORED : 0);
	swap_put_page(p);
	return true;
}

void gather_row(struct gather *g, u64 addr, struct page *first)
{
	gather_range(g, addr, addr + HUGE_SIZE);
	if (g->dying)
		row_put(first);
	else
		keep(g, first, GATHER_ROW);
}

static void put(ulong kept)
{
	struct page *p = (struct page *)(kept & ~GATHER_MARKS);

	if (kept & GATHER_ROW) {
		row_put(p);
		return;
	}
	if (kept & GATHER_STORED)
		page_mark_dirty(p);
	swap_put_page(p);
}

void gather_table(struct gather *g, struct page *table)
{
	list_add(&g->tables, &table->lru);
	atomic_fetch_sub_explicit(&g->mm->table_pages, 1, memory_order_relaxed);
}

static void free_tables(struct gather *g)
{
	struct page *t;

	while ((t = list_first(&g->tables, struct page, lru))) {
		list_del(&t->lru);
		page_put(t);
	}
}

void gather_flush(struct gather *g)
{
	bool tables = !list_empty(&g->tables);

	if (tables)
		tlb_flush_mm(g->mm);
	else if (g->start < g->end && !g->dying)
		tlb_flush_range(g->mm, g->start, g->end);
	g->start = ~0ul;
	g->end = 0;
	for (u32 i = 0; i < g->count; i++)
		put(g->pages[i]);
	g->count = 0;
	free_tables(g);
}

void gather_end(struct gather *g)
{
	gather_flush(g);
	if (g->pages != g->inline_pages)
		pages_free(g->pages, 0);
	if (g->rss_anon)
		atomic_fetch_sub_explicit(&g->mm->rss_anon, g->rss_anon, memory_order_relaxed);
	if (g->swap)
		atomic_fetch_sub_explicit(&g->mm->swap_used, g->swap, memory_order_relaxed);
	if (g->rss_file)
		atomic_fetch_sub_explicit(&g->mm->rss_file, g->rss_file, memory_order_relaxed);
	if (g->rss_shmem)
		atomic_fetch_sub_explicit(&g->mm->rss_shmem, g->rss_shmem, memory_order_relaxed);
}
