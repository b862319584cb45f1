// SPDX-License-Identifier: MIT
/*
 * Reaching into address spaces by other ways than user copies: pinned pages,
 * another process's memory, a futex's identity.
 */
#include <tarn/errno.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pgtable.h"
#include "vma.h"

/* The page mapped at @addr, with a reference; NULL: none that suits. */
static struct page *mapped_page(struct vma *v, u64 addr, bool write)
{
	struct page *p = NULL, *table;
	pte_t e;

	table = pt_lock_entry(v->mm, addr, &e);
	if (!table)
		return NULL;
	assert_held(&table->pt_lock);
	if (pte_mapped(e) && (!write || e.v & PTE_WRITE)) {
		p = pte_page(e);
		if (pte_leaf(e))
			row_hold(e);
		page_get(p);
	}
	spin_unlock(&table->pt_lock);
	return p;
}

/*
 * A store that the mapping forbids but a debugger may do: the page must be an
 * anonymous one of this address space alone; NULL: not yet.
 */
static struct page *forced_page(struct vma *v, u64 addr)
{
	struct page *p = NULL, *table;
	pte_t e;

	table = pt_lock_entry(v->mm, addr, &e);
	if (!table)
		return NULL;
	assert_held(&table->pt_lock);
	if (pte_counted(e) && pte_page(e)->state == PS_ANON &&
	    (!pte_leaf(e) || row_leaves(leaf_row(e)) == 1) &&
	    atomic_load(&pte_page(e)->refs) == 1) {
		p = pte_page(e);
		if (pte_leaf(e))
			row_hold(e);
		page_get(p);
	}
	spin_unlock(&table->pt_lock);
	return p;
}

#define TRIES 20

/* map_lock shared.  0 and *out with a reference, or -errno. */
static int get_user_page(struct vma *v, u64 addr, bool write, bool force, struct page **out)
{
	u32 need = write ? (force ? VM_MAYWRITE : VM_WRITE) : force ? VM_MAYREAD : VM_READ;
	bool forced_write = write && !(v->flags & VM_WRITE);
	bool major = false;
	int err;

	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	if (!(v->flags & need) || v->flags & VM_IO)
		return -EFAULT;
	if (forced_write && v->flags & VM_SHARED)
		return -EFAULT;
	for (int try = 0; try < TRIES; try++) {
		*out = forced_write ? forced_page(v, addr) : mapped_page(v, addr, write);
		if (*out)
			return 0;
		/* A forced store: brought in by reading first, then copied. */
		err = fault_in_page(v, addr, write && !forced_write, &major);
		if (!err && forced_write)
			err = fault_cow(v, addr);
		if (err)
			return err == -EINTR ? err : err == -ENOMEM ? err : -EFAULT;
	}
	return -EFAULT;
}

static struct vma *vma_for_access(struct mm *mm, u64 addr)
{
	return addr < USER_END ? vma_at(mm, addr) : NULL;
}

long mm_pin_pages(struct mm *mm, u64 start, unsigned int n, bool write, struct page **pages)
{
	unsigned int got = 0;
	int err = 0;

	rwsem_read_lock(&mm->map_lock);
	for (; got < n && !err; start += PAGE_SIZE) {
		struct vma *v = vma_for_access(mm, start);

		err = v ? get_user_page(v, start, write, false, &pages[got]) : -EFAULT;
		if (!err)
			got++;
	}
	rwsem_read_unlock(&mm->map_lock);
	return got ? (long)got : err;
}

/* Writeback may have cleaned the page between our fault and our store. */
static void mark_written(struct page *p)
{
	if (p->state != PS_CACHE)
		return;
	page_lock(p);
	if (p->mapping)
		page_mark_dirty(p);
	page_unlock(p);
}

void mm_unpin_pages(struct page **pages, unsigned int n, bool wrote)
{
	for (unsigned int i = 0; i < n; i++) {
		if (wrote)
			mark_written(pages[i]);
		page_put(pages[i]);
	}
}

/* Bytes within one page. */
static size_t access_page(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force)
{
	struct vma *v;
	struct page *p;
	int err;

	rwsem_read_lock(&mm->map_lock);
	v = vma_for_access(mm, addr);
	err = v ? get_user_page(v, addr, write, force, &p) : -EFAULT;
	rwsem_read_unlock(&mm->map_lock);
	if (err)
		return 0;
	if (write)
		memcpy((char *)page_address(p) + addr % PAGE_SIZE, buf, n);
	else
		memcpy(buf, (char *)page_address(p) + addr % PAGE_SIZE, n);
	mm_unpin_pages(&p, 1, write);
	return n;
}

size_t mm_access(struct mm *mm, u64 addr, void *buf, size_t len, bool write, bool force)
{
	size_t done = 0;

	while (done < len) {
		u64 at = addr + done;
		size_t n = MIN(len - done, PAGE_SIZE - at % PAGE_SIZE);

		if (access_page(mm, at, (char *)buf + done, n, write, force) != n)
			break;
		done += n;
	}
	return done;
}

/*
 * A private futex is known by its address.  A shared one in a file mapping is
 * known by the file and the place in it, so that two processes meet; in
 * private memory nobody else can mean the same word, and the address serves.
 */
int mm_futex_key(u64 uaddr, bool shared, bool write, struct futex_key *key)
{
	struct mm *mm = current->mm;
	struct vma *v;
	int err = 0;

	if (uaddr >= USER_END)
		return -EFAULT;
	*key = (struct futex_key){ (u64)mm, ALIGN_DOWN(uaddr, PAGE_SIZE), (u32)(uaddr % PAGE_SIZE) };
	if (!shared)
		return 0;
	rwsem_read_lock(&mm->map_lock);
	v = vma_at(mm, uaddr);
	if (!v || !(v->flags & (write ? VM_WRITE : VM_READ))) {
		err = -EFAULT;
	} else if (v->flags & VM_SHARED && vma_mapping(v)) {
		key->word0 = (u64)vma_mapping(v);
		key->word1 = vma_index(v, uaddr);
	}
	rwsem_read_unlock(&mm->map_lock);
	return err;
}
