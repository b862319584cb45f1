// SPDX-License-Identifier: MIT
/*
 * The swap cache: anonymous pages that have a slot.
 *
 *   anonymous --clock: gets a slot--> cached, dirty --> writeback --> clean --> freed
 *                                        |  ^             |             |        |
 *                                        |  +-- mapped read-only by a fault --+  |
 *                                        +-- stored to: gives its slot up        |
 *                                 filling (locked) <--------- fault -------------+
 *
 * The cache has one reference.  A page in it is nowhere mapped writable: a store
 * faults and takes the page out, if nobody else counts the slot, or a copy.  So
 * what was written stays true, and a clean page can go without being written
 * again.
 *
 * A page is written only when nobody but the cache and the writer has it: not
 * mapped (any more) in any address space, not pinned by anybody who might still
 * store to it.
 *
 * Locks: the area's lock guards its tree and list; membership of a page changes
 * under the page lock too.  A lookup takes its reference under the area's lock,
 * and eviction lets the count go to 0 under it, so neither misses the other.
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "swap.h"
#include "vmstat.h"

struct page *swap_cache_find(u64 slot)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	u64 flags;
	struct swap_area *a = swap_lock_area(slot, &flags);
	struct page *p;

	if (!a)
		return NULL;
	p = radix_lookup(&a->cache, swap_slot_page(slot));
	/* Who comes with a stale slot may meet a file's page on its way in, whose count is about to be set. */
	if (p && !page_get_unless_zero(p))
		p = NULL;
	swap_unlock_area(a, flags);
	return p;
}

/* ---- in ---- */

static int insert(struct swap_area *a, struct page *p, u64 page) MUST_HOLD(&a->lock)
{
	int err = radix_insert(&a->cache, page, p);

	if (err)
		return err;
	a->map[page] |= SLOT_CACHED;
	a->cached++;
	p->index = swap_slot((u32)(a - swap_areas), page);
	page_set(p, PG_SWAPCACHE);
	list_add(&a->pages, &p->lru);
	return 0;
}

bool swap_cache_add_new(struct page *p)
	NO_LOCK_CHECK /* through swap_take_slot */
{
	u64 page, flags;
	struct swap_area *a = swap_take_slot(&page, &flags);
	int err;

	if (!a)
		return false;
	page_set(p, PG_DIRTY | PG_UPTODATE);
	err = insert(a, p, page);
	if (err) {
		page_clear(p, PG_DIRTY);
		swap_release_slot(a, page);
	}
	swap_unlock_area(a, flags);
	return !err;
}

int swap_cache_add(struct page *p, u64 slot)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	u64 flags, page = swap_slot_page(slot);
	struct swap_area *a = swap_lock_area(slot, &flags);
	int err;

	if (!a)
		return -ENOENT;
	if (a->map[page] & SLOT_CACHED)
		err = -EEXIST;
	else if (!a->map[page] || a->map[page] == SLOT_BAD)
		err = -ENOENT;
	else
		err = insert(a, p, page);
	if (!err)
		page_get(p);
	swap_unlock_area(a, flags);
	return err;
}

/* ---- out ---- */

/* The tree, the list and the slot forget @p; the cache's reference is still there. */
static void forget(struct swap_area *a, struct page *p) MUST_HOLD(&a->lock)
{
	u64 page = swap_slot_page(p->index);

	radix_delete(&a->cache, page);
	list_del(&p->lru);
	a->cached--;
	a->map[page] &= (u16)~SLOT_CACHED;
	if (!a->map[page])
		swap_release_slot(a, page);
	page_clear(p, PG_SWAPCACHE | PG_DIRTY);
}

void swap_cache_forget(struct page *p)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	u64 flags;
	struct swap_area *a = swap_lock_area(p->index, &flags);

	forget(a, p);
	swap_unlock_area(a, flags);
}

void swap_cache_delete(struct page *p)
{
	assert(page_test(p, PG_LOCKED) && page_test(p, PG_SWAPCACHE) && !page_test(p, PG_WRITEBACK));
	swap_cache_forget(p);
	page_put(p);
}

/* All @refs references are the cache's and the caller's: the page goes, whatever flags say of it. */
static bool freeze(struct swap_area *a, struct page *p, u32 refs) MUST_HOLD(&a->lock)
{
	if (!atomic_compare_exchange_strong(&p->refs, &refs, 0))
		return false;
	forget(a, p);
	return true;
}

static void free_frozen(struct page *p)
{
	page_clear(p, PG_LOCKED | PG_WRITEBACK | PG_WAITERS);
	atomic_store(&p->refs, 1);
	page_put(p);
}

bool swap_cache_evict(struct page *p)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	struct swap_area *a;
	bool needless, gone = false;
	u64 flags;

	if (page_test(p, PG_WRITEBACK))
		return false;
	a = swap_lock_area(p->index, &flags);
	needless = !page_test(p, PG_DIRTY) || a->map[swap_slot_page(p->index)] == SLOT_CACHED;
	if (needless)
		gone = freeze(a, p, 2);
	swap_unlock_area(a, flags);
	if (gone)
		free_frozen(p);
	return gone;
}

void swap_cache_try_drop(struct page *p)
{
	if (!page_trylock(p))
		return;
	/* Ours and the cache's: with no count nobody can come for it. */
	if (page_test(p, PG_SWAPCACHE) && !page_test(p, PG_WRITEBACK) &&
	    atomic_load(&p->refs) == 2 && !swap_count(p->index))
		swap_cache_delete(p);
	page_unlock(p);
}

/*
 * Mostly nobody wants the page any more, and the frame is free right here, in
 * the disk's interrupt.  Whoever waits for the write has a reference.
 */
void swap_cache_written(struct page *p, int err)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	u64 flags;
	struct swap_area *a = swap_lock_area(p->index, &flags);
	bool gone;

	vm_count(VM_WRITEBACK, -1);
	if (err)
		page_set(p, PG_DIRTY | PG_ERROR);
	gone = !err && freeze(a, p, 1);
	if (!gone)
		list_move_tail(&a->pages, &p->lru);
	swap_unlock_area(a, flags);
	if (gone)
		free_frozen(p);
	else
		page_clear_writeback(p);
}

u64 swap_cached_pages(void)
{
	u64 n = 0;

	for (u32 i = 0; i < SWAP_AREAS; i++)
		n += READ_UNLOCKED(swap_areas[i].cached);
	return n;
}

/* ---- shrinking: pages that nobody maps ---- */

/* Up to @max pages from the old end that only the cache has, referenced; all that were looked at become young. */
static unsigned int take_old(struct swap_area *a, struct page **pages, unsigned int max, u64 *scan)
{
	unsigned int n = 0;
	u64 flags = spin_lock_irqsave(&a->lock);

	for (u64 looked = a->cached; looked && *scan && n < max; looked--, --*scan) {
		struct page *p = list_last(&a->pages, struct page, lru);

		list_move(&a->pages, &p->lru);
		if (atomic_load(&p->refs) != 1 || page_test(p, PG_WRITEBACK | PG_LOCKED))
			continue;
		page_get(p);
		pages[n++] = p;
	}
	spin_unlock_irqrestore(&a->lock, flags);
	return n;
}

static u64 shrink_batch(struct page **pages, unsigned int n)
{
	unsigned int dirty = 0;
	u64 freed = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct page *p = pages[i];

		if (!page_trylock(p)) {
			page_put(p);
		} else if (!page_test(p, PG_SWAPCACHE)) {
			page_unlock(p);
			page_put(p);
		} else if (swap_cache_evict(p)) {
			freed++;
		} else {
			pages[dirty++] = p;
		}
	}
	return freed + swap_write(pages, dirty);
}

u64 swap_cache_shrink(u64 scan)
{
	struct page *pages[SWAP_CLUSTER];
	u64 freed = 0;

	for (u32 i = 0; i < SWAP_AREAS; i++) {
		struct swap_area *a = &swap_areas[i];
		u64 left = MIN(scan, READ_UNLOCKED(a->cached));
		unsigned int n;

		while (left && (n = take_old(a, pages, SWAP_CLUSTER, &left)))
			freed += shrink_batch(pages, n);
	}
	return freed;
}

/* The next page at or after *at, which moves behind it, with a reference; NULL: none. */
static struct page *next_cached(struct swap_area *a, u64 *at)
{
	u64 flags = spin_lock_irqsave(&a->lock);
	struct page *p = NULL;
	void *found;

	if (radix_gang_lookup(&a->cache, &found, at, *at, ~0ul, 1)) {
		p = found;
		++*at;
		if (!page_get_unless_zero(p))
			p = NULL; /* on its way in: the next walk meets it */
	}
	spin_unlock_irqrestore(&a->lock, flags);
	return p;
}

int swap_cache_empty(struct swap_area *a)
{
	struct page *p;
	u64 at = 0;

	while ((p = next_cached(a, &at))) {
		int err = page_lock_killable(p);

		if (!err) {
			page_wait_writeback(p);
			if (page_test(p, PG_SWAPCACHE) && !swap_count(p->index))
				swap_cache_delete(p);
			page_unlock(p);
		}
		page_put(p);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}
