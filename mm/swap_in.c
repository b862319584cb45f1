// SPDX-License-Identifier: MIT
/*
 * Pages come back: from a slot into memory, and into the entry that held it.
 *
 * A fault reads the aligned window of eight slots around its own: what left
 * together is often wanted together.  Neighbours are brought in only as far as
 * free memory allows.
 *
 * Two processes that fault on one slot find the same page in the swap cache and
 * share it read-only.  A store by the only one left takes the page out of the
 * cache, and the slot is free.
 */
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"

#define WINDOW 8u

/* A locked page in the cache for @slot with a reference, to be filled; ERR_PTR. */
static struct page *new_page(u64 slot, gfp_t gfp)
{
	struct page *p = page_alloc_one(gfp, PS_ANON);
	int err;

	if (!p)
		return ERR_PTR(-ENOMEM);
	atomic_store_explicit(&p->flags, PG_LOCKED, memory_order_relaxed);
	err = swap_cache_add(p, slot);
	if (!err)
		return p;
	page_unlock(p);
	page_put(p);
	return ERR_PTR(err);
}

/* Starts reading @slot and what lies around it.  0, -EEXIST: it is in the cache; -ENOENT, -ENOMEM. */
static int start_read(u64 slot, gfp_t gfp)
{
	struct page *pages[WINDOW], *wanted = new_page(slot, gfp);
	u64 first = ALIGN_DOWN(slot, WINDOW);
	unsigned int n = 0;

	if (IS_ERR(wanted))
		return (int)PTR_ERR(wanted);
	for (u64 s = first; s < first + WINDOW; s++) {
		struct page *p = wanted;

		if (s != slot)
			p = swap_count(s) ? new_page(s, GFP_USER_BIT | GFP_NORETRY) : NULL;
		if (!IS_ERR_OR_NULL(p))
			pages[n++] = p;
	}
	swap_start_read(pages, n);
	for (unsigned int i = 0; i < n; i++)
		page_put(pages[i]);
	return 0;
}

/* Locked and found in the cache: is it what we came for?  0, -EAGAIN, -EIO. */
static int judge(struct page *p, u64 slot)
{
	if (!page_test(p, PG_SWAPCACHE) || p->index != slot)
		return -EAGAIN;
	if (page_test(p, PG_UPTODATE))
		return 0;
	swap_cache_delete(p); /* could not be read: the next who comes tries again */
	return -EIO;
}

struct page *swap_read_page(u64 slot, gfp_t gfp, bool *major)
{
	for (;;) {
		struct page *p = swap_cache_find(slot);
		int err;

		if (!p) {
			err = start_read(slot, gfp);
			if (err && err != -EEXIST)
				return ERR_PTR(err);
			*major = true;
			continue;
		}
		err = page_lock_killable(p);
		if (!err) {
			err = judge(p, slot);
			if (!err)
				return p;
			page_unlock(p);
		}
		page_put(p);
		if (err != -EAGAIN)
			return ERR_PTR(err);
	}
}

/* ---- into an entry ---- */

static pte_t entry_for(const struct vma *v, const struct page *p, bool writable)
{
	u64 bits = vma_pte_bits(v) | PTE_DIRTY;

	if (writable && v->flags & VM_WRITE)
		bits |= PTE_WRITE;
	return pte_make(page_to_pfn(p), bits);
}

/* @p is locked; the entry that led here held the only count of its slot, and only the cache has the page. */
static bool is_alone(const struct page *p)
{
	return swap_count(p->index) == 1 && atomic_load(&p->refs) == 2 && !page_test(p, PG_WRITEBACK);
}

static void map_in(struct vma *v, u64 addr, struct page *table, pte_t old, struct page *p, bool write)
{
	pte_t *pte = pt_entry(table, addr);
	u64 slot = p->index;
	bool alone;

	spin_lock(&table->pt_lock);
	if (pte_load(pte).v != old.v) {
		spin_unlock(&table->pt_lock);
		return;
	}
	alone = is_alone(p) && (write || swap_is_scarce());
	page_get(p);
	pte_store(pte, entry_for(v, p, alone && write));
	swap_free(slot);
	if (alone)
		swap_cache_delete(p);
	atomic_fetch_add_explicit(&v->mm->rss_anon, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&v->mm->swap_used, 1, memory_order_relaxed);
	spin_unlock(&table->pt_lock);
}

int fault_swap(struct vma *v, u64 addr, pte_t e, bool write, gfp_t gfp, bool *major)
{
	struct page *table = pt_find(v->mm, addr);
	struct page *p = swap_read_page(pte_swap_slot(e), gfp, major);

	if (IS_ERR(p)) {
		int err = (int)PTR_ERR(p);

		return err == -ENOENT ? 0 : err == -EIO ? -EFAULT : err;
	}
	/* A store will want the page without its slot, which must not be written any more then. */
	if (write)
		page_wait_writeback(p);
	map_in(v, addr, table, e, p, write);
	page_unlock(p);
	swap_put_page(p);
	return 0;
}

bool swap_reuse(struct page *p)
{
	bool ours;

	if (!page_test(p, PG_SWAPCACHE) || atomic_load(&p->refs) != 2 || !page_trylock(p))
		return false;
	ours = page_test(p, PG_SWAPCACHE) && !page_test(p, PG_WRITEBACK) &&
	       atomic_load(&p->refs) == 2 && !swap_count(p->index);
	if (ours)
		swap_cache_delete(p);
	page_unlock(p);
	return ours;
}
