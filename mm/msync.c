// SPDX-License-Identifier: MIT
/* msync(2) and mincore(2): mappings against their files and the page cache. */
#include <linux/mman.h>
#include <arch/uaccess.h>
#include <tarn/errno.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"
#include "vma.h"

/* ---- msync ---- */

struct sync_step {
	struct file *file; /* to be synced, with a reference; NULL: nothing in this step */
	u64 first, last;   /* bytes */
};

/* Looks at the mapping at *addr and moves behind it.  -ENOMEM at a hole, which is passed over. */
static int sync_next(struct mm *mm, u64 *addr, u64 end, int flags, struct sync_step *s)
{
	struct vma *v;
	int err = 0;

	s->file = NULL;
	rwsem_read_lock(&mm->map_lock);
	v = vma_find(mm, *addr);
	if (!v || v->start >= end) {
		*addr = end;
		err = -ENOMEM;
	} else {
		u64 to = MIN(end, v->end);

		if (v->start > *addr)
			err = -ENOMEM;
		if (flags & MS_INVALIDATE && v->flags & VM_LOCKED) {
			*addr = end;
			err = -EBUSY;
		} else if (vma_mapping(v) && v->flags & VM_SHARED) {
			s->file = file_get(v->file);
			s->first = vma_index(v, MAX(*addr, v->start)) << PAGE_SHIFT;
			s->last = (vma_index(v, to - 1) << PAGE_SHIFT) + PAGE_SIZE - 1;
		}
		*addr = MAX(*addr, to);
	}
	rwsem_read_unlock(&mm->map_lock);
	return err;
}

long sys_msync(unsigned long start, size_t len, int flags)
{
	u64 end = start + ALIGN_UP(len, PAGE_SIZE), addr = start;
	struct sync_step s;
	int err = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || !IS_ALIGNED(start, PAGE_SIZE) ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	if (end < start || end > USER_END)
		return -ENOMEM;
	while (addr < end) {
		int step = sync_next(current->mm, &addr, end, flags, &s);

		if (step == -EBUSY)
			return step;
		if (step)
			err = step;
		if (!s.file)
			continue;
		/* MS_ASYNC: the pages are dirty already and will be written. */
		if (flags & MS_SYNC && s.file->ops->fsync) {
			step = file_fsync(s.file, s.first, s.last, false);
			if (step)
				err = step;
		}
		file_put(s.file);
	}
	return err;
}

/*
 * ---- mincore ----
 *
 * What is cached of a file tells what others read; only who could write the
 * file, or owns it, may know.  To anybody else all of it seems to be there.
 */

#define CORE_BATCH 256u

bool vma_file_is_ours(const struct vma *v)
{
	struct inode *inode = v->file ? v->file->inode : NULL;

	if (!inode)
		return vma_is_anon(v);
	return inode_owner_or_capable(inode) || !inode_permission(inode, MAY_WRITE);
}

static u8 resident(struct vma *v, u64 addr)
{
	struct mapping *m = vma_mapping(v);
	pte_t e = pt_peek(v->mm, addr);
	struct page *p;
	u8 in;

	if (pte_mapped(e))
		return 1;
	if (!m && !pte_swap(e))
		return 0;
	p = pte_swap(e) ? swap_cache_find(pte_swap_slot(e)) : pagecache_find(m, vma_index(v, addr));
	if (!p)
		return 0;
	in = page_test(p, PG_UPTODATE);
	page_put(p);
	return in;
}

static int core_batch(struct mm *mm, u64 addr, unsigned int n, u8 *out)
{
	struct vma *judged = NULL;
	bool known = false;
	int err = 0;

	rwsem_read_lock(&mm->map_lock);
	for (unsigned int i = 0; i < n && !err; i++, addr += PAGE_SIZE) {
		struct vma *v = vma_at(mm, addr);

		if (!v)
			err = -ENOMEM;
		else if (v != judged)
			known = vma_file_is_ours(judged = v);
		if (!err)
			out[i] = known ? resident(v, addr) : 1;
	}
	rwsem_read_unlock(&mm->map_lock);
	return err;
}

long sys_mincore(unsigned long start, size_t len, u8 __user *vec)
{
	u64 pages = (len + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u8 buf[CORE_BATCH];

	if (!IS_ALIGNED(start, PAGE_SIZE))
		return -EINVAL;
	if (start > USER_END || len > USER_END - start)
		return -ENOMEM;
	if (!user_range_ok(vec, pages))
		return -EFAULT;
	while (pages) {
		unsigned int n = (unsigned int)MIN(pages, (u64)CORE_BATCH);
		int err = core_batch(current->mm, start, n, buf);

		if (!err)
			err = copy_to_user(vec, buf, n);
		if (err)
			return err;
		start += (u64)n << PAGE_SHIFT;
		vec += n;
		pages -= n;
	}
	return 0;
}
