// SPDX-License-Identifier: MIT
/*
 * Taking pages out of an address space: the loop under munmap, madvise,
 * truncation and exit.
 *
 * The level 0 table's lock is held for one table at a time and dropped when the
 * gather is full, because its flush waits for other CPUs.
 */
#include <tarn/thread.h>
#include "gather.h"
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"
#include "vmstat.h"
#include "zap.h"

/* An entry of @v that pointed at counted page @p is gone: bookkeeping.  The table's lock is held. */
static void forget(struct gather *g, struct vma *v, struct page *p, pte_t e)
{
	if (p->state == PS_ANON) {
		g->rss_anon++;
		return;
	}
	if (p->state != PS_CACHE)
		return;
	if (vma_is_shmem(v))
		g->rss_shmem++;
	else
		g->rss_file++;
	if (e.v & PTE_ACCESSED && !(v->flags & VM_SEQ_READ))
		lru_mark_accessed(p);
	page_mapcount_dec(p);
}

static bool wanted(const struct zap *z, pte_t e)
{
	struct page *p;

	if (z->what == ZAP_ALL)
		return true;
	if (!pte_counted(e))
		return z->what == ZAP_ANON;
	p = pte_page(e);
	return (p->state == PS_ANON) == (z->what == ZAP_ANON);
}

/* The leaf at @addr, whose table @up is locked: all of it goes. */
static u64 zap_leaf(struct gather *g, struct page *up, u64 addr) MUST_HOLD(&up->pt_lock)
{
	struct page *spare;
	pte_t e = leaf_take(up, addr, &spare);

	leaf_spare_free(g->mm, spare); /* no CPU ever walked it */
	g->rss_anon += HUGE_FRAMES;
	gather_row(g, addr, pte_page(e));
	return addr + HUGE_SIZE;
}

/* A shared page that stays in its file: the mapping's stores are to reach the disk.  Truncation's never are. */
static bool leaves_stores(const struct zap *z, pte_t e)
{
	return e.v & PTE_WRITE && z->may_resched && pte_page(e)->state == PS_CACHE;
}

/* From @addr on in one table; returns where it stopped (the gather is full) or @end. */
static u64 zap_table(struct gather *g, const struct zap *z, struct page *table, u64 addr, u64 end)
	MUST_HOLD(&table->pt_lock)
{
	pte_t *pte = pt_entry(table, addr);
	bool room = true;

	for (; addr < end && room; addr += PAGE_SIZE, pte++) {
		pte_t e = pte_load(pte);

		if (pte_none(e) || !wanted(z, e))
			continue;
		if (g->dying)
			pte_store(pte, (pte_t){ 0 });
		else
			e = pte_take(pte);
		if (pte_counted(e)) {
			forget(g, z->vma, pte_page(e), e);
			room = gather_page(g, addr, pte_page(e), leaves_stores(z, e));
		} else if (pte_swap(e)) {
			swap_free(pte_swap_slot(e));
			g->swap++;
			gather_addr(g, addr); /* the clock that put it here may not have flushed yet */
		} else {
			gather_addr(g, addr);
		}
	}
	return addr;
}

void zap_range(struct gather *g, const struct zap *z, u64 start, u64 end)
{
	struct pt_place at;
	u64 addr = start;

	while ((addr = pt_next(g->mm, addr, end, &at)) < end) {
		u64 stop = MIN(end, pt_table_end(addr));

		if (!pt_lock_place(&at, addr))
			continue;
		if (!at.leaf)
			addr = zap_table(g, z, at.table, addr, stop);
		else if (z->what == ZAP_CACHE)
			addr = stop;
		else
			addr = zap_leaf(g, at.table, addr);
		spin_unlock(&at.table->pt_lock);
		if (gather_full(g))
			gather_flush(g);
		if (z->may_resched)
			cond_resched();
	}
}

void zap_vma(struct gather *g, struct vma *v, u64 start, u64 end)
{
	struct zap z = { .vma = v, .what = ZAP_ALL, .may_resched = true };

	zap_range(g, &z, start, end);
}
