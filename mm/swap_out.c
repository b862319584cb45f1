// SPDX-License-Identifier: MIT
/*
 * The clock: anonymous pages leave address spaces.
 *
 * An anonymous page does not know who maps it.  So a hand goes round all address
 * spaces instead and looks at entries: one used since the last round loses its
 * accessed bit, one that was not becomes a swap entry and its page goes to the
 * swap cache.  A leaf that was not used is split first.  A page that several processes share after fork leaves when the
 * last of its entries has been replaced.
 *
 *   under the table's lock         after it
 *   page lock (only tried)
 *   slot, swap cache
 *   entry -> swap entry
 *                                  TLBs flushed: nobody can store to it any more
 *                                  written (swap_io.c) if nobody else has it
 *
 * Whoever faults on the entry meanwhile waits for the page lock.
 *
 * Runs in any allocation, with any lock of the allocator's callers held: it
 * only tries map_lock and page locks, and never calls a file system.
 */
#include <tarn/thread.h>
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"
#include "vmstat.h"

struct sweep {
	struct vma *v;
	u64 scan;                  /* entries still to look at */
	bool force;                /* used or not */
	u64 gone;                  /* pages freed or on their way out */
	u64 low, high;             /* addresses whose entries changed */
	unsigned int n;
	struct page *pages[SWAP_CLUSTER]; /* locked, with the entries' references */
};

bool swap_possible(void)
{
	return swap_free_slots() || swap_cached_pages();
}

static void sweep_begin(struct sweep *s, u64 scan, bool force)
{
	*s = (struct sweep){ .scan = scan, .force = force, .low = ~0ul };
}

/* No table's lock held. */
static void sweep_flush(struct sweep *s)
{
	if (!s->n)
		return;
	tlb_flush_range(s->v->mm, s->low, s->high);
	s->gone += swap_write(s->pages, s->n);
	s->n = 0;
	s->low = ~0ul;
	s->high = 0;
}

/* A writable entry is the page's only one: more references are somebody who reaches it by other ways. */
static bool is_pinned(const struct page *p, pte_t e)
{
	return e.v & PTE_WRITE && atomic_load(&p->refs) != 1;
}

/* Locked @p, which @e points at, is in the cache with a count of its slot for the entry. */
static bool take_count(struct page *p, pte_t e)
{
	if (page_test(p, PG_SWAPCACHE))
		return swap_dup(p->index) == 0;
	if (is_pinned(p, e) || !swap_cache_add_new(p))
		return false;
	page_get(p);
	return swap_dup(p->index) == 0;
}

static void replace_entry(struct sweep *s, u64 addr, pte_t *pte, struct page *p)
{
	struct mm *mm = s->v->mm;

	(void)pte_take(pte);
	pte_store(pte, pte_make_swap(p->index));
	atomic_fetch_sub_explicit(&mm->rss_anon, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&mm->swap_used, 1, memory_order_relaxed);
	s->pages[s->n++] = p;
	s->low = MIN(s->low, addr);
	s->high = MAX(s->high, addr + PAGE_SIZE);
}

static void look_at(struct sweep *s, u64 addr, pte_t *pte)
{
	pte_t e = pte_load(pte);
	struct page *p;

	if (!pte_counted(e))
		return;
	p = pte_page(e);
	if (p->state != PS_ANON)
		return;
	s->scan--;
	if (!s->force && e.v & PTE_ACCESSED) {
		(void)pte_clear_bits(pte, PTE_ACCESSED);
		return;
	}
	if (!page_trylock(p))
		return;
	if (take_count(p, e))
		replace_entry(s, addr, pte, p);
	else
		page_unlock(p);
}

/* From @addr on in one table; returns where it stopped. */
static u64 sweep_table(struct sweep *s, struct page *table, u64 addr, u64 end)
{
	spin_lock(&table->pt_lock);
	for (; addr < end && s->scan && s->n < SWAP_CLUSTER; addr += PAGE_SIZE)
		look_at(s, addr, pt_entry(table, addr));
	spin_unlock(&table->pt_lock);
	return addr;
}

/* A leaf's accessed bit speaks for all its pages: true if they stay.  Else it is a table from now on. */
static bool leaf_stays(struct sweep *s, const struct pt_place *at, u64 addr)
{
	pte_t *slot = leaf_entry(at->table, addr);
	bool used;

	if (!pt_lock_place(at, addr))
		return false;
	used = !s->force && pte_clear_bits(slot, PTE_ACCESSED).v & PTE_ACCESSED;
	if (!used)
		(void)leaf_split_locked(s->v->mm, at->table, addr);
	spin_unlock(&at->table->pt_lock);
	s->scan -= used ? MIN(s->scan, (u64)HUGE_FRAMES) : 0;
	return used;
}

/* From @addr on in the mapping; returns where it stopped. */
static u64 sweep_vma(struct sweep *s, struct vma *v, u64 addr, u64 end)
{
	struct pt_place at;

	s->v = v;
	while (s->scan && (addr = pt_next(v->mm, addr, end, &at)) < end) {
		if (at.leaf) {
			addr += leaf_stays(s, &at, addr) ? HUGE_SIZE : 0;
			continue;
		}
		addr = sweep_table(s, at.table, addr, MIN(end, pt_table_end(addr)));
		if (s->n == SWAP_CLUSTER)
			sweep_flush(s);
		cond_resched();
	}
	sweep_flush(s);
	return s->scan ? end : addr;
}

static bool may_leave(const struct vma *v)
{
	return v->has_anon && !(v->flags & (VM_LOCKED | VM_IO));
}

/* From the hand on; true when it has come to the end. */
static bool sweep_mm(struct sweep *s, struct mm *mm)
{
	u64 hand = READ_ONCE(mm->swap_hand);
	struct vma *v;

	for (v = vma_find(mm, hand); v && s->scan; v = vma_next(v)) {
		hand = MAX(hand, v->start);
		hand = may_leave(v) ? sweep_vma(s, v, hand, v->end) : v->end;
	}
	WRITE_ONCE(mm->swap_hand, v ? hand : 0);
	return !v;
}

/* True when @mm's turn is over: swept to its end, or somebody changes its mappings. */
static bool visit(struct sweep *s, struct mm *mm)
	NO_LOCK_CHECK /* the checker takes a tried shared lock for an exclusive one */
{
	bool over;

	if (!rwsem_read_trylock(&mm->map_lock))
		return true;
	over = sweep_mm(s, mm);
	rwsem_read_unlock(&mm->map_lock);
	return over;
}

u64 swap_out_anon(u64 scan)
{
	struct sweep s;

	sweep_begin(&s, scan, false);
	for (u32 visits = mm_count_live(); visits && s.scan && swap_free_slots(); visits--) {
		struct mm *mm = mm_first_get();

		if (!mm)
			break;
		if (visit(&s, mm))
			mm_move_last(mm);
		mm_put_later(mm);
	}
	return s.gone;
}

void swap_out_range(struct vma *v, u64 start, u64 end)
{
	struct sweep s;

	sweep_begin(&s, ~0ul, true);
	sweep_vma(&s, v, start, end);
}
