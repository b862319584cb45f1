// SPDX-License-Identifier: MIT
/*
 * From a cache page to the page tables that show it.
 *
 * mapping->vmas has every mapping of the file (file_maps.c); a page's address in
 * one is arithmetic.  mapping->vmas_lock keeps mappings and their tables in place
 * during the walk, without anybody's map_lock.  Interrupts stay on, so TLB
 * flushes may wait for other CPUs under it.
 */
#include "file_maps.h"
#include "gather.h"
#include "mm_int.h"
#include "pgtable.h"
#include "vmstat.h"
#include "zap.h"

/* The locked table whose entry *pte shows @p at @addr; NULL: it does not. */
static struct page *lock_entry(struct vma *v, u64 addr, struct page *p, pte_t **pte)
	NO_LOCK_CHECK /* returns with the table's lock */
{
	struct page *table = pt_find(v->mm, addr);
	pte_t e;

	if (!table)
		return NULL;
	*pte = pt_entry(table, addr);
	spin_lock(&table->pt_lock);
	e = pte_load(*pte);
	if (pte_counted(e) && pte_page(e) == p)
		return table;
	spin_unlock(&table->pt_lock);
	return NULL;
}

/* Calls @fn for each entry that shows @page, its table locked.  What @fn returned, or-ed; true: it changed and
 * must be flushed. */
struct walk {
	struct page *page;
	bool (*fn)(struct walk *w, struct vma *v, pte_t *pte);
	u32 found;
	bool locked;
};

static void walk_page(struct walk *w)
{
	struct mapping *m = w->page->mapping;
	u64 index = w->page->index;
	struct vma *v;

	spin_lock(&m->vmas_lock);
	FILE_MAPS_FOR_EACH(v, &m->vmas, index, index) {
		u64 addr = v->start + ((index - v->pgoff) << PAGE_SHIFT);
		struct page *table;
		bool changed;
		pte_t *pte;

		table = lock_entry(v, addr, w->page, &pte);
		if (!table)
			continue;
		assert_held(&table->pt_lock);
		changed = w->fn(w, v, pte);
		spin_unlock(&table->pt_lock);
		if (changed)
			tlb_flush_range(v->mm, addr, addr + PAGE_SIZE);
		if (!page_mapped(w->page))
			break;
	}
	spin_unlock(&m->vmas_lock);
}

static bool clean_entry(struct walk *w, struct vma *v, pte_t *pte)
{
	pte_t e = pte_load(pte);

	if (!(e.v & (PTE_WRITE | PTE_DIRTY)))
		return false;
	e = pte_clear_bits(pte, PTE_WRITE | PTE_DIRTY);
	w->found += !!(e.v & PTE_DIRTY);
	return true;
}

bool page_mkclean(struct page *p)
{
	struct walk w = { .page = p, .fn = clean_entry };

	if (!p->mapping || !page_mapped(p))
		return false;
	walk_page(&w);
	return w.found;
}

static bool unmap_entry(struct walk *w, struct vma *v, pte_t *pte)
{
	pte_t e = pte_take(pte);

	w->found += !!(e.v & PTE_ACCESSED);
	atomic_fetch_sub_explicit(vma_is_shmem(v) ? &v->mm->rss_shmem : &v->mm->rss_file, 1,
				  memory_order_relaxed);
	page_mapcount_dec(w->page);
	page_put(w->page); /* not the last: the caller has one until the flush is over */
	return true;
}

void page_unmap_all(struct page *p)
{
	struct walk w = { .page = p, .fn = unmap_entry };

	if (p->mapping && page_mapped(p))
		walk_page(&w);
}

static bool age_entry(struct walk *w, struct vma *v, pte_t *pte)
{
	w->locked |= !!(v->flags & VM_LOCKED);
	if (!(pte_load(pte).v & PTE_ACCESSED))
		return false;
	(void)pte_clear_bits(pte, PTE_ACCESSED);
	w->found++;
	/* No flush: a stale TLB entry only hides one access from the next look. */
	return false;
}

u32 page_test_accessed(struct page *p, bool *locked)
{
	struct walk w = { .page = p, .fn = age_entry };

	*locked = false;
	if (!p->mapping || !page_mapped(p))
		return 0;
	walk_page(&w);
	*locked = w.locked;
	return w.found;
}

void mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool even_cows)
{
	struct vma *v;

	if (rb_empty(&m->vmas))
		return;
	spin_lock(&m->vmas_lock);
	FILE_MAPS_FOR_EACH(v, &m->vmas, first, last) {
		struct zap z = { .vma = v, .what = even_cows ? ZAP_ALL : ZAP_CACHE };
		u64 from = MAX(first, v->pgoff) - v->pgoff;
		u64 to = MIN(last - v->pgoff, vma_pages(v) - 1) + 1;
		struct gather g;

		gather_begin(&g, v->mm, false);
		zap_range(&g, &z, v->start + (from << PAGE_SHIFT), v->start + (to << PAGE_SHIFT));
		gather_end(&g);
	}
	spin_unlock(&m->vmas_lock);
}
