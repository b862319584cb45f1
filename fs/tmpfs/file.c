// SPDX-License-Identifier: MIT
/*
 * Regular files of tmpfs: the page cache is the file.
 *
 * Under pressure pages go to swap (mm/shmem.c) and come back when they are used.
 * A hole has no page.  read(2) gives zeros for it without making one; a write
 * or a fault through a mapping makes it.
 */
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <tarn/mm.h>
#include <tarn/string.h>
#include <tarn/thread.h>

#include "../internal.h"
#include "tmpfs.h"

/* From one page; bytes, 0 at the end of the file, or -errno. */
static ssize_t read_some(struct inode *inode, struct iov_iter *to, u64 pos)
{
	size_t offset = pos % PAGE_SIZE, n = MIN(PAGE_SIZE - offset, to->count), got;
	struct page *p;
	u64 size;

	if (pos >= inode_size(inode))
		return 0;
	p = shmem_read_page(&inode->data, pos >> PAGE_SHIFT);
	if (IS_ERR(p))
		return PTR_ERR(p);
	size = inode_size(inode); /* again: what was cut off meanwhile is no hole */
	n = pos < size ? MIN(n, size - pos) : 0;
	if (p) {
		got = iov_copy_to(to, (char *)page_address(p) + offset, n);
		page_put(p);
	} else {
		got = iov_zero(to, n);
	}
	return got || !n ? (ssize_t)got : -EFAULT;
}

static ssize_t read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t done = 0, n = 0;

	while (to->count && (n = read_some(f->inode, to, (u64)*pos)) > 0) {
		*pos += n;
		done += n;
		cond_resched();
	}
	if (!done)
		return n;
	file_accessed(f);
	return done;
}

/* Asked with the file locked, as seals are added: who waited for the lock meets those that came meanwhile. */
static int may_write(struct inode *inode, u64 pos, u64 count)
{
	u32 seals = TI(inode)->seals;

	if (unlikely(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	if (unlikely((seals & F_SEAL_GROW) && pos + count > inode_size(inode)))
		return -EPERM;
	return 0;
}

/*
 * With F_SEAL_GROW the whole pages of a write that lie in the file are written, as on
 * Linux, which asks page by page.  A seal that comes only now is met by may_write.
 */
static ssize_t write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	if (unlikely(READ_ONCE(TI(f->inode)->seals) & F_SEAL_GROW) && *pos >= 0) {
		u64 size = inode_size(f->inode), at = (u64)*pos, whole = size & ~(PAGE_SIZE - 1);

		if (from->count > size - MIN(at, size) && at < whole)
			from->count = MIN(from->count, (size_t)(whole - at));
	}
	return file_write_generic(f, from, pos);
}

/* The page of @index, locked, up to date, with a reference; made if there is room. */
static int get_page(struct inode *inode, u64 index, struct page **out)
{
	struct page *p = pagecache_find_locked(&inode->data, index);
	int err;

	if (!p) {
		if (shmem_is_hole(&inode->data, index) &&
		    (tmpfs_full(inode->super, 1) || (!TI(inode)->promised && !mm_may_commit(1))))
			return -ENOSPC;
		p = pagecache_grab(&inode->data, index, GFP_USER);
		if (!p)
			return -ENOMEM;
	}
	if (!page_test(p, PG_UPTODATE)) {
		err = shmem_fill(&inode->data, p);
		if (err) {
			page_unlock(p);
			page_put(p);
			return err;
		}
		tmpfs_account(inode);
	}
	*out = p;
	return 0;
}

static int write_begin(struct mapping *m, u64 pos, u32 len, struct page **page)
{
	return get_page(m->host, pos >> PAGE_SHIFT, page);
}

/* The page is in the file and counted: there was room for it, even if there is less than none by now. */
static int make_writable(struct mapping *m, struct page *page)
{
	inode_touch(m->host, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

const struct mapping_ops tmpfs_mapping_ops = {
	.write_begin = write_begin,
	.make_writable = make_writable,
};

int tmpfs_setattr(struct inode *inode, const struct setattr *attr)
{
	u32 seals = TI(inode)->seals;

	if (attr->valid & ATTR_SIZE) {
		u64 size = inode_size(inode);

		if (((seals & F_SEAL_SHRINK) && attr->size < size) ||
		    ((seals & F_SEAL_GROW) && attr->size > size))
			return -EPERM;
	}
	/* No page is filled from a slot on its way out. */
	rwsem_write_lock(&inode->data.invalidate_lock);
	setattr_generic(inode, attr);
	rwsem_write_unlock(&inode->data.invalidate_lock);
	if (attr->valid & ATTR_SIZE)
		tmpfs_account(inode);
	return 0;
}

/* ---- fallocate ---- */

static int allocate(struct inode *inode, u64 offset, u64 len)
{
	u64 last = (offset + len - 1) >> PAGE_SHIFT;

	if (tmpfs_full(inode->super, last - (offset >> PAGE_SHIFT) + 1) &&
	    tmpfs_full(inode->super, last - (offset >> PAGE_SHIFT) + 1 -
				     MIN(shmem_pages(&inode->data), last)))
		return -ENOSPC;
	for (u64 i = offset >> PAGE_SHIFT; i <= last; i++) {
		struct page *p;
		int err = get_page(inode, i, &p);

		if (err)
			return err;
		page_mark_dirty(p);
		page_unlock(p);
		page_put(p);
		if (fatal_signal_pending())
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int fallocate(struct file *f, int mode, u64 offset, u64 len)
{
	struct inode *inode = f->inode;
	struct tmpfs_inode *t = TI(inode);
	int err;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (t->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		rwsem_write_lock(&inode->data.invalidate_lock);
		pagecache_punch(&inode->data, offset, offset + len - 1);
		rwsem_write_unlock(&inode->data.invalidate_lock);
		tmpfs_account(inode);
		return 0;
	}
	if (mode & ~FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	if ((t->seals & F_SEAL_GROW) && offset + len > inode_size(inode))
		return -EPERM;
	err = allocate(inode, offset, len);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && offset + len > inode_size(inode)) {
		pagecache_extended(&inode->data, inode_size(inode));
		atomic_store(&inode->size, offset + len);
	}
	return err;
}

/* ---- holes ---- */

static loff_t llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	struct mapping *m = &f->inode->data;
	u64 size = inode_size(f->inode), index = (u64)offset >> PAGE_SHIFT, found;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return llseek_generic(f, offset, whence);
	if (offset < 0 || (u64)offset >= size)
		return -ENXIO;
	found = whence == SEEK_DATA ? shmem_next_data(m, index) :
				      shmem_next_hole(m, index, DIV_ROUND_UP(size, PAGE_SIZE));
	found = MIN(found, ~0ull >> PAGE_SHIFT);
	if (found > index)
		offset = (loff_t)(found << PAGE_SHIFT);
	if (whence == SEEK_DATA && ((u64)offset >= size || found == ~0ull >> PAGE_SHIFT))
		return -ENXIO;
	f->pos = (loff_t)MIN((u64)offset, size);
	return f->pos;
}

static int nothing_to_sync(struct file *f, u64 first, u64 last, bool datasync)
{
	return 0;
}

/* The page cache serves the mapping; one that comes after F_SEAL_FUTURE_WRITE never writes. */
static int mmap(struct file *f, struct vma *v)
{
	if (READ_ONCE(TI(f->inode)->seals) & F_SEAL_FUTURE_WRITE && v->flags & VM_SHARED) {
		if (v->flags & VM_WRITE)
			return -EPERM;
		v->flags &= ~(u32)VM_MAYWRITE;
	}
	file_accessed(f);
	return 0;
}

const struct file_ops tmpfs_file_fops = {
	.read = read,
	.write = write,
	.llseek = llseek,
	.mmap = mmap,
	.fsync = nothing_to_sync,
	.fallocate = fallocate,
};

const struct inode_ops tmpfs_file_inode_ops = {
	.setattr = tmpfs_setattr,
	.may_write = may_write,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
};

const struct inode_ops tmpfs_link_ops = {
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
};

const struct inode_ops tmpfs_special_ops = {
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
};
