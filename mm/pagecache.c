// SPDX-License-Identifier: MIT
/*
 * The page cache: finding, adding, filling and evicting a file's pages.
 *
 * Lookups take no lock: under RCU they read the tree, take a reference unless
 * the count is 0, and look again.  A frame may be freed and serve something
 * else between the two steps; then the second look finds another page, the
 * reference is dropped, and with it, if it was the last, the frame.
 *
 *   lookup                          eviction (page locked)
 *   p = tree[index]
 *   refs 2 -> 3 (fails if 0)        refs 2 -> 0, or it is not evicted
 *   tree[index] still p?            tree[index] = NULL; frees p
 *
 * Eviction may think better of it and set refs to 2 again, so a count of 0 is
 * waited for and never taken for "gone".
 *
 * A page in the cache has one reference of the tree's.  page->mapping changes
 * under the page lock and tree_lock both; either is enough to read it.
 *
 * Locks: page lock, then tree_lock (irqs off).  invalidate_lock: pagecache.h.
 */
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/rcu.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pagecache_int.h"
#include "vmstat.h"

void mapping_init(struct mapping *m, struct inode *host, const struct mapping_ops *ops)
	NO_LOCK_CHECK /* nobody else knows @m yet */
{
	m->host = host;
	m->ops = ops;
	spin_init(&m->tree_lock, "mapping tree", LR_MAPPING_TREE);
	radix_init(&m->pages);
	m->nrpages = 0;
	spin_init(&m->vmas_lock, "mapping vmas", LR_MAPPING_VMAS);
	m->vmas = (struct rb_root)RB_ROOT_INIT;
	rwsem_init(&m->invalidate_lock, "invalidate", LR_MAPPING_INVAL);
	m->writeback_index = 0;
	m->wb_error = (struct errseq){ 0 };
	atomic_store(&m->writable_maps, 0);
	m->gfp = GFP_USER;
	m->unevictable = false;
	m->swap = NULL;
}

void mapping_destroy(struct mapping *m)
{
	assert(rb_empty(&m->vmas));
	if (shmem_pages(m))
		cache_drop_range(m, 0, ~0ul);
	assert(!shmem_pages(m));
}

/* ---- finding ---- */

struct page *pagecache_find(struct mapping *m, u64 index)
{
	struct page *p;

	rcu_read_lock();
	while ((p = radix_lookup(&m->pages, index))) {
		if (!page_get_unless_zero(p)) {
			cpu_relax(); /* being evicted: gone from the tree in a moment, or back */
			continue;
		}
		if (radix_lookup(&m->pages, index) == p)
			break;
		page_put(p);
	}
	rcu_read_unlock();
	return p;
}

struct page *pagecache_find_locked(struct mapping *m, u64 index)
{
	for (;;) {
		struct page *p = pagecache_find(m, index);

		if (!p)
			return NULL;
		page_lock(p);
		if (p->mapping == m)
			return p;
		page_unlock(p);
		page_put(p);
	}
}

/* ---- adding ---- */

/* A fresh page in the tree, locked, with a reference; -EEXIST, -ENOMEM. */
struct page *cache_add_new(struct mapping *m, u64 index, gfp_t gfp)
{
	struct page *p = page_alloc_one(gfp, PS_CACHE);
	u64 flags;
	int err;

	if (!p)
		return ERR_PTR(-ENOMEM);
	atomic_store_explicit(&p->flags, PG_LOCKED, memory_order_relaxed);
	p->index = index;
	page_get(p); /* the tree's; added, not set: a lookup that comes too late may hold one as well */
	flags = spin_lock_irqsave(&m->tree_lock);
	p->mapping = m;
	err = radix_insert(&m->pages, index, p);
	if (!err)
		m->nrpages++;
	else
		p->mapping = NULL;
	spin_unlock_irqrestore(&m->tree_lock, flags);
	if (err) {
		page_unlock(p);
		page_put(p);
		page_put(p);
		return ERR_PTR(err);
	}
	if (m->unevictable)
		vm_count(VM_SHMEM, 1);
	if (m->swap)
		page_set(p, PG_SWAPBACKED);
	if (m->swap || !m->unevictable)
		lru_add(p);
	return p;
}

struct page *pagecache_grab(struct mapping *m, u64 index, gfp_t gfp)
{
	int tries = 0;

	for (;;) {
		struct page *p = pagecache_find_locked(m, index);

		if (p)
			return p;
		p = cache_add_new(m, index, gfp);
		if (!IS_ERR(p))
			return p;
		if (PTR_ERR(p) == -ENOMEM) {
			/* The tree's nodes come from the reserve: make some, once. */
			if (tries++ || !(gfp & GFP_RECLAIM) || !reclaim_pages(16, gfp))
				return NULL;
		}
	}
}

/* ---- filling ---- */

/*
 * Zeroes what is past the end of file; true if it was not zero before.  Any
 * context; the page is locked or in nobody's hands.
 */
bool cache_zero_tail(struct page *p)
{
	u64 size = inode_size(p->mapping->host);
	u64 start = p->index << PAGE_SHIFT;
	size_t off = size > start ? size - start : 0;
	char *tail;

	if (start + PAGE_SIZE <= size)
		return false;
	tail = (char *)page_address(p) + off;
	if (!memchr_inv(tail, 0, PAGE_SIZE - off))
		return false;
	memset(tail, 0, PAGE_SIZE - off);
	return true;
}

void page_read_done(struct page *p, bool ok)
{
	if (ok) {
		if (cache_zero_tail(p))
			page_set(p, PG_STALE_TAIL);
		page_clear(p, PG_ERROR);
		page_set(p, PG_UPTODATE);
	} else {
		page_set(p, PG_ERROR);
	}
	page_unlock(p);
}

void cache_start_read(struct mapping *m, struct page **pages, unsigned int n)
{
	vm_count_irq(VM_PGIN, n);
	m->ops->read_pages(m, pages, n);
}

/* Waits for a page being filled: 0, -EIO, -EINTR (killed), -EAGAIN (it left the cache). */
static int wait_filled(struct mapping *m, struct page *p)
{
	int err = page_lock_killable(p);

	if (err)
		return err;
	if (p->mapping != m)
		err = -EAGAIN;
	else if (!page_test(p, PG_UPTODATE))
		err = -EIO;
	page_unlock(p);
	return err;
}

/* One try: up to date with a reference, or ERR_PTR; -EAGAIN: again. */
static struct page *read_once(struct mapping *m, u64 index, bool lock_inval)
	NO_LOCK_CHECK /* locks only if asked to */
{
	struct page *p;
	int err = 0;

	if (lock_inval)
		rwsem_read_lock(&m->invalidate_lock);
	p = pagecache_grab(m, index, m->gfp);
	if (p && !page_test(p, PG_UPTODATE) && m->ops->read_pages) {
		cache_start_read(m, &p, 1);
	} else if (p) {
		err = page_test(p, PG_UPTODATE) ? 0 : shmem_fill(m, p);
		page_unlock(p);
	}
	if (lock_inval)
		rwsem_read_unlock(&m->invalidate_lock);
	if (!p)
		return ERR_PTR(-ENOMEM);
	if (page_test(p, PG_UPTODATE))
		return p;
	if (!err)
		err = wait_filled(m, p);
	if (!err)
		return p;
	page_put(p);
	return ERR_PTR(err);
}

struct page *cache_read(struct mapping *m, u64 index, bool lock_inval)
{
	for (;;) {
		struct page *p = pagecache_find(m, index);

		if (p && page_test(p, PG_UPTODATE))
			return p;
		if (p)
			page_put(p);
		p = read_once(m, index, lock_inval);
		if (PTR_ERR_OR_ZERO(p) != -EAGAIN)
			return p;
	}
}

struct page *pagecache_read_page(struct mapping *m, u64 index)
{
	return cache_read(m, index, true);
}

/* ---- leaving ---- */

/* Dirty is forgotten with the page; tree_lock held. */
static void uncount(struct mapping *m, struct page *p) MUST_HOLD(&m->tree_lock)
{
	m->nrpages--;
	p->mapping = NULL;
	if (page_test_and_clear(p, PG_DIRTY))
		vm_count(VM_DIRTY, -1);
	if (m->unevictable)
		vm_count(VM_SHMEM, -1);
}

/* Locked, not under writeback, not mapped: out of the tree, whoever else holds it. */
void cache_remove(struct page *p)
{
	struct mapping *m = p->mapping;
	u64 flags;

	if (page_test(p, PG_PRIVATE) && m->ops->invalidate)
		m->ops->invalidate(p);
	flags = spin_lock_irqsave(&m->tree_lock);
	radix_delete(&m->pages, p->index);
	uncount(m, p);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	page_put(p);
}

/* Locked; the caller's reference and the tree's are the only ones, or false.  On true the page is freed. */
bool cache_evict(struct page *p)
{
	struct mapping *m = p->mapping;
	u32 two = 2;
	u64 flags;

	if (!m || page_test(p, PG_DIRTY | PG_WRITEBACK) || page_mapped(p) ||
	    atomic_load(&p->refs) != 2)
		return false;
	if (page_test(p, PG_PRIVATE) && m->ops->invalidate)
		m->ops->invalidate(p);
	flags = spin_lock_irqsave(&m->tree_lock);
	if (!atomic_compare_exchange_strong(&p->refs, &two, 0)) {
		spin_unlock_irqrestore(&m->tree_lock, flags);
		return false;
	}
	if (page_test(p, PG_DIRTY | PG_WRITEBACK | PG_PRIVATE)) {
		atomic_store(&p->refs, 2);
		spin_unlock_irqrestore(&m->tree_lock, flags);
		return false;
	}
	radix_delete(&m->pages, p->index);
	uncount(m, p);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	page_clear(p, PG_LOCKED);
	atomic_store(&p->refs, 1);
	page_put(p);
	return true;
}
