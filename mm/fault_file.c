// SPDX-License-Identifier: MIT
/*
 * Faults on file mappings: pages of the cache, or of a driver's own.
 *
 * A read fault maps up to 16 cached pages around the address at once.  A store
 * through a shared mapping of a file on disk comes here for each clean page:
 * the file system makes sure of room (make_writable), the page becomes dirty,
 * and only then is the entry writable.  Writeback takes the permission away
 * again (page_mkclean).
 *
 * Against truncation, which sets the size, unmaps, drops the pages, and unmaps
 * once more if anybody maps the file:
 *
 *   fault                          truncation
 *   stores the entry          (A)  i_size = new
 *   reads page->mapping, i_size    page->mapping = NULL
 *   takes the entry back if   (B)  unmaps: looks at the entry
 *     the page is not there now
 *
 * A full barrier after (A); the table's lock orders (B).  One of the two sees
 * the other, so no entry stays for a page that left the file.
 *
 * A private copy has no way back to the file, so it is made with the page
 * locked and still there: truncation drops the page later, and unmaps again,
 * copies included, after that.
 */
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/rcu.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pgtable.h"
#include "zap.h"

#define AROUND 16u

static u64 file_pages(const struct mapping *m)
{
	return (inode_size(m->host) + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Stores through shared mappings need no permission of the file system: memory only. */
static bool writable_at_once(const struct vma *v, const struct mapping *m)
{
	return v->flags & VM_SHARED && v->flags & VM_WRITE && m->unevictable;
}

static _Atomic s64 *rss_of(struct vma *v, const struct mapping *m)
{
	return m->unevictable ? &v->mm->rss_shmem : &v->mm->rss_file;
}

/* ---- after mapping: did the page leave meanwhile?  (B) ---- */

static bool still_there(const struct mapping *m, const struct page *p, u64 index)
{
	return READ_ONCE(p->mapping) == m && index < file_pages(m);
}

static void take_back(struct vma *v, u64 addr)
{
	struct zap z = { .vma = v, .what = ZAP_CACHE, .may_resched = false };
	struct gather g;

	gather_begin(&g, v->mm, false);
	zap_range(&g, &z, addr, addr + PAGE_SIZE);
	gather_end(&g);
}

/* ---- mapping several ---- */

struct around {
	struct vma *v;
	struct mapping *m;
	struct page *table;
	u64 fault_addr;
	u64 first, last;               /* file pages, inclusive */
	u64 base;                      /* address of @first */
	unsigned int n;
	struct page *page[AROUND];     /* with references */
	u64 index[AROUND];
};

/* The window: aligned, inside the mapping, the table and the file. */
static bool around_window(struct around *a, u64 addr)
{
	u64 start = ALIGN_DOWN(addr, AROUND * PAGE_SIZE);
	u64 end = start + AROUND * PAGE_SIZE;
	u64 size = file_pages(a->m);
	u64 index = vma_index(a->v, addr);

	start = MAX(start, a->v->start);
	end = MIN(end, a->v->end);
	if (index >= size)
		return false;
	a->fault_addr = addr;
	a->base = start;
	a->first = index - ((addr - start) >> PAGE_SHIFT);
	a->last = MIN(a->first + ((end - start) >> PAGE_SHIFT), size) - 1;
	return true;
}

static void around_collect(struct around *a)
{
	void *found[AROUND];
	u64 index[AROUND];
	unsigned int n;

	rcu_read_lock();
	n = radix_gang_lookup(&a->m->pages, found, index, a->first, a->last, AROUND);
	for (unsigned int i = 0; i < n; i++) {
		struct page *p = found[i];

		if (!page_test(p, PG_UPTODATE) || !page_get_unless_zero(p))
			continue;
		if (READ_ONCE(p->mapping) != a->m || p->index != index[i]) {
			page_put(p);
			continue;
		}
		a->page[a->n] = p;
		a->index[a->n++] = index[i];
	}
	rcu_read_unlock();
}

/* Stores the entries that are free; the references of those stay.  How many; *hit: the faulting one. */
static unsigned int around_store(struct around *a, u64 bits, bool *hit)
{
	unsigned int stored = 0;

	spin_lock(&a->table->pt_lock);
	for (unsigned int i = 0; i < a->n; i++) {
		u64 addr = a->base + ((a->index[i] - a->first) << PAGE_SHIFT);
		pte_t *pte = pt_entry(a->table, addr);
		struct page *p = a->page[i];
		bool target = addr == a->fault_addr;

		if (!pte_none(pte_load(pte))) {
			*hit |= target;
			continue;
		}
		page_mapcount_inc(p);
		page_get(p);
		pte_store(pte, pte_make(page_to_pfn(p),
					target ? bits : bits & ~(u64)PTE_ACCESSED));
		*hit |= target;
		stored++;
	}
	spin_unlock(&a->table->pt_lock);
	return stored;
}

static u64 read_bits(const struct vma *v, const struct mapping *m)
{
	u64 bits = vma_pte_bits(v);

	return writable_at_once(v, m) ? bits | PTE_WRITE | PTE_DIRTY : bits;
}

/* Maps what the cache has around @addr; true if that covers @addr. */
static bool map_around(struct vma *v, struct mapping *m, u64 addr, struct page *table)
{
	struct around a = { .v = v, .m = m, .table = table };
	unsigned int stored;
	bool hit = false;

	if (!around_window(&a, addr))
		return false;
	around_collect(&a);
	stored = around_store(&a, read_bits(v, m), &hit);
	if (stored)
		atomic_fetch_add_explicit(rss_of(v, m), stored, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int i = 0; i < a.n; i++) {
		if (!still_there(m, a.page[i], a.index[i])) {
			u64 at = a.base + ((a.index[i] - a.first) << PAGE_SHIFT);

			take_back(v, at);
			hit &= at != addr;
		} else if (a.base + ((a.index[i] - a.first) << PAGE_SHIFT) == addr) {
			lru_mark_accessed(a.page[i]);
		}
		page_put(a.page[i]);
	}
	return hit;
}

/* ---- mapping one ---- */

/* Maps @p, whose reference is taken over, over an empty entry (or @p's own read-only one). */
static void map_page(struct vma *v, u64 addr, struct page *table, struct page *p, u64 bits)
{
	pte_t *pte = pt_entry(table, addr);
	struct mapping *m = vma_mapping(v);
	pte_t e;

	spin_lock(&table->pt_lock);
	e = pte_load(pte);
	if (pte_none(e)) {
		if (p->state == PS_CACHE && m) {
			page_mapcount_inc(p);
			atomic_fetch_add_explicit(rss_of(v, m), 1, memory_order_relaxed);
		}
		pte_store(pte, pte_make(page_to_pfn(p), bits));
		p = NULL;
	} else if (pte_mapped(e) && pte_page(e) == p && bits & PTE_WRITE) {
		pte_store(pte, pte_make(page_to_pfn(p), bits));
		tlb_flush_local(addr);
	}
	spin_unlock(&table->pt_lock);
	if (p)
		page_put(p);
}

/*
 * A hole of a file that lives in memory: its file system counts the page, or has no room (SIGBUS).
 * Such a page is writable at once, so none may enter the file behind an end that truncation has set.
 */
static struct page *fill_hole(struct mapping *m, u64 index)
{
	struct page *p;
	int err = -EFAULT;

	rwsem_read_lock(&m->invalidate_lock);
	if (index < file_pages(m))
		err = m->ops->write_begin(m, index << PAGE_SHIFT, PAGE_SIZE, &p);
	rwsem_read_unlock(&m->invalidate_lock);
	if (err)
		return ERR_PTR(err);
	page_unlock(p);
	return p;
}

/* The page behind @index for a fault: from the cache, or read, a window at a time. */
static struct page *get_page(struct vma *v, struct mapping *m, u64 index, bool *major)
{
	struct page *p = pagecache_find(m, index);

	if (p && page_test(p, PG_UPTODATE)) {
		if (page_test(p, PG_READAHEAD))
			readahead_async(m, &v->file->ra, p, index);
		return p;
	}
	if (p)
		page_put(p);
	*major = m->ops->read_pages || (shmem_swapped(m) && !shmem_is_hole(m, index));
	if (!m->ops->read_pages)
		return fill_hole(m, index);
	if (!(v->flags & VM_RAND_READ)) {
		if (v->flags & VM_SEQ_READ)
			readahead_sync(m, &v->file->ra, index, 1);
		else if (reclaim_readahead_limit() >= 2 * AROUND)
			readahead_force(m, ALIGN_DOWN(index, AROUND), 2 * AROUND);
	}
	return pagecache_read_page(m, index);
}

int fault_copy(struct vma *v, u64 addr, pte_t old, struct page *p)
{
	int err = page_lock_killable(p);

	if (err)
		return err;
	if (still_there(vma_mapping(v), p, vma_index(v, addr)))
		err = install_private(v, addr, old, p);
	page_unlock(p);
	return err;
}

/* A store into a shared mapping: @p, referenced, becomes dirty and writable.  The reference is taken over. */
static int map_shared_write(struct vma *v, u64 addr, struct page *table, struct page *p)
{
	struct mapping *m = vma_mapping(v);
	int err = 0;

	if (!m->unevictable)
		inode_touch(m->host, ATTR_MTIME | ATTR_CTIME);
	err = page_lock_killable(p);
	if (err)
		goto put;
	if (!still_there(m, p, vma_index(v, addr)))
		goto unlock; /* truncated: the access comes again and meets SIGBUS */
	err = m->host->attr_flags & (S_SWAPFILE | S_IMMUTABLE) ? -EPERM : 0;
	if (err)
		goto unlock;
	if (m->ops->make_writable)
		err = m->ops->make_writable(m, p);
	if (err)
		goto unlock;
	page_mark_dirty(p);
	page_get(p);
	map_page(v, addr, table, p, vma_pte_bits(v) | PTE_WRITE | PTE_DIRTY);
	atomic_thread_fence(memory_order_seq_cst);
	if (!still_there(m, p, vma_index(v, addr)))
		take_back(v, addr);
unlock:
	page_unlock(p);
put:
	page_put(p);
	return err;
}

int fault_shared_write(struct vma *v, u64 addr)
{
	struct page *table = pt_find(v->mm, addr);
	struct mapping *m = vma_mapping(v);
	struct page *p = NULL;
	pte_t *pte, e;

	if (!table)
		return 0;
	pte = pt_entry(table, addr);
	spin_lock(&table->pt_lock);
	e = pte_load(pte);
	if (pte_counted(e) && !(e.v & PTE_WRITE)) {
		p = pte_page(e);
		if (!m)
			pte_store(pte, (pte_t){ (e.v & ~PTE_UNTOUCHED) | PTE_WRITE | PTE_DIRTY });
		else
			page_get(p);
	}
	spin_unlock(&table->pt_lock);
	tlb_flush_local(addr);
	return p && m ? map_shared_write(v, addr, table, p) : 0;
}

/* Pages of a driver or the kernel: mapped as they are, copied for a private store. */
static int fault_special(struct vma *v, u64 addr, bool write, struct page *table)
{
	struct page *p;
	u64 bits = vma_pte_bits(v);
	int err = v->ops->fault(v, vma_index(v, addr), write, &p);

	if (err)
		return err;
	if (write && !(v->flags & VM_SHARED)) {
		err = install_private(v, addr, (pte_t){ 0 }, p);
		page_put(p);
		return err;
	}
	if (v->flags & VM_SHARED && v->flags & VM_WRITE)
		bits |= PTE_WRITE | PTE_DIRTY;
	map_page(v, addr, table, p, bits);
	return 0;
}

int fault_file(struct vma *v, u64 addr, bool write, bool *major)
{
	struct page *table = pt_get(v->mm, addr);
	struct mapping *m = vma_mapping(v);
	u64 index = vma_index(v, addr);
	struct page *p;
	int err = 0;

	if (!table)
		return -ENOMEM;
	if (!m)
		return fault_special(v, addr, write, table);
	if (index >= file_pages(m))
		return -EFAULT;
	if ((!write || writable_at_once(v, m)) && map_around(v, m, addr, table))
		return 0;
	p = get_page(v, m, index, major);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	if (write && !(v->flags & VM_SHARED)) {
		err = fault_copy(v, addr, (pte_t){ 0 }, p);
		page_put(p);
		return err;
	}
	if (write && !writable_at_once(v, m))
		return map_shared_write(v, addr, table, p);
	page_get(p);
	map_page(v, addr, table, p, read_bits(v, m));
	atomic_thread_fence(memory_order_seq_cst);
	if (!still_there(m, p, index))
		take_back(v, addr);
	page_put(p);
	return 0;
}
