// SPDX-License-Identifier: MIT
/* fsync(2), sync(2), sync_file_range(2), and advice about files: fadvise64(2), readahead(2). */
#include <linux/fadvise.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <tarn/inode.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

int file_fsync(struct file *f, u64 first, u64 last, bool datasync)
{
	int err, late;

	if (!f->ops->fsync)
		return -EINVAL;
	err = f->ops->fsync(f, first, last, datasync);
	late = mapping_check_error(f->inode->mapping, &f->wb_seen);
	return err ? err : late;
}

static long fsync_fd(unsigned int fd, bool datasync)
{
	struct fdref r = fd_ref(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = file_fsync(r.file, 0, ~0ull, datasync);
	fd_unref(r);
	return err;
}

long sys_fsync(unsigned int fd)
{
	return fsync_fd(fd, false);
}

long sys_fdatasync(unsigned int fd)
{
	return fsync_fd(fd, true);
}

long sys_sync(void)
{
	vfs_sync();
	return 0;
}

long sys_syncfs(int fd)
{
	struct fdref r = fd_ref((unsigned int)fd);
	struct super *sb;
	long err = 0, late;

	if (!r.file)
		return -EBADF;
	sb = r.file->inode->super;
	rwsem_read_lock(&sb->umount_lock);
	if (!sb->dead)
		err = super_sync(sb, true);
	rwsem_read_unlock(&sb->umount_lock);
	late = errseq_check(&sb->wb_error, &r.file->sb_seen);
	fd_unref(r);
	return err ? err : late;
}

static long sync_range(struct file *f, u64 first, u64 last, u32 flags)
{
	struct mapping *m = f->inode->mapping;
	mode_t type = f->inode->mode & S_IFMT;
	int err, late;

	if (type != S_IFREG && type != S_IFBLK && type != S_IFDIR)
		return -ESPIPE;
	if (!m->ops || !m->ops->write_pages)
		return 0;
	if (flags & (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER)) {
		err = mapping_write_range(m, first, last);
		late = mapping_check_error(m, &f->wb_seen);
		return err ? err : late;
	}
	return (flags & SYNC_FILE_RANGE_WRITE) ? mapping_start_writeback(m) : 0;
}

long sys_sync_file_range(int fd, loff_t offset, loff_t count, unsigned int flags)
{
	struct fdref r;
	loff_t end;
	long err;

	r = fd_ref((unsigned int)fd);
	if (!r.file)
		return -EBADF;
	if (flags & ~(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		      SYNC_FILE_RANGE_WAIT_AFTER))
		err = -EINVAL;
	else if (offset < 0 || count < 0 || __builtin_add_overflow(offset, count, &end))
		err = -EINVAL;
	else
		err = sync_range(r.file, (u64)offset, count ? (u64)end - 1 : ~0ull, flags);
	fd_unref(r);
	return err;
}

/* ---- advice ---- */

static long advise(struct file *f, u64 offset, u64 len, int advice)
{
	struct mapping *m = f->inode->mapping;
	u64 end = len && offset + len > offset ? offset + len : ~0ull;
	struct readahead fresh;

	readahead_init(&fresh);
	switch (advice) {
	case POSIX_FADV_NORMAL:
		f->ra.max = fresh.max;
		return 0;
	case POSIX_FADV_SEQUENTIAL:
		f->ra.max = fresh.max * 2;
		return 0;
	case POSIX_FADV_RANDOM:
		f->ra.max = 0;
		return 0;
	case POSIX_FADV_WILLNEED:
		end = MIN(end, inode_size(m->host));
		if (m->ops && m->ops->read_pages && end > offset)
			readahead_force(m, offset >> PAGE_SHIFT,
					((end - 1) >> PAGE_SHIFT) - (offset >> PAGE_SHIFT) + 1);
		return 0;
	case POSIX_FADV_DONTNEED:
		if (!m->ops || !m->ops->write_pages)
			return 0;
		mapping_start_writeback(m);
		/* Whole pages only: part of one may be wanted still. */
		offset = (offset + PAGE_SIZE - 1) >> PAGE_SHIFT;
		end >>= PAGE_SHIFT;
		if (end > offset)
			pagecache_drop_clean(m, offset, end - 1);
		return 0;
	case POSIX_FADV_NOREUSE:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_fadvise64(int fd, loff_t offset, size_t len, int advice)
{
	struct fdref r = fd_ref((unsigned int)fd);
	long err;

	if (!r.file)
		return -EBADF;
	if ((r.file->inode->mode & S_IFMT) == S_IFIFO)
		err = -ESPIPE;
	else if (offset < 0 || (s64)len < 0)
		err = -EINVAL;
	else
		err = advise(r.file, (u64)offset, len, advice);
	fd_unref(r);
	return err;
}

long sys_readahead(int fd, loff_t offset, size_t count)
{
	struct fdref r = fd_ref((unsigned int)fd);
	long err;

	if (!r.file)
		return -EBADF;
	if (!(r.file->mode & FMODE_READ))
		err = -EBADF;
	else if (!mode_is_reg(r.file->inode->mode) && (r.file->inode->mode & S_IFMT) != S_IFBLK)
		err = -EINVAL;
	else
		err = offset < 0 || !count ? 0 :
					     advise(r.file, (u64)offset, count, POSIX_FADV_WILLNEED);
	fd_unref(r);
	return err;
}
