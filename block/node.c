// SPDX-License-Identifier: MIT
/*
 * Open block devices: /dev/vda and its partitions.
 *
 * A device node on any file system borrows the device's page cache: opening it
 * points inode->mapping there, so read, write and mmap are the page cache's.
 * A read-only device can be opened for writing, as on Linux; then each write is EPERM.
 *
 * Tests: tests/system/test_block_device.py, test_devices.py.
 */
#include <asm/ioctl.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <arch/uaccess.h>
#include <tarn/block.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/mm.h>
#include <tarn/pagecache.h>
#include <tarn/thread.h>
#include "block.h"

static int bdev_open(struct inode *inode, struct file *f)
{
	struct bdev *b = bdev_find(inode->rdev);

	if (!b)
		return -ENXIO;
	inode->mapping = b->inode->mapping;
	f->private = b;
	return 0;
}

static ssize_t bdev_file_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return pagecache_read(f, to, pos);
}

static ssize_t bdev_file_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct bdev *b = f->private;
	u64 size = bdev_bytes(b);
	size_t cut = 0;
	ssize_t n;

	if (bdev_read_only(b))
		return -EPERM;
	if ((u64)*pos >= size)
		return from->count ? -ENOSPC : 0;
	if (from->count > size - (u64)*pos) {
		cut = from->count - (size - (u64)*pos);
		from->count -= cut;
	}
	rwsem_write_lock(&b->inode->lock);
	n = pagecache_write(b->inode->mapping, from, pos);
	rwsem_write_unlock(&b->inode->lock);
	from->count += cut;
	n = file_written(f, (u64)*pos, n);
	balance_dirty();
	return n;
}

static loff_t bdev_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	struct bdev *b = f->private;
	loff_t base = whence == SEEK_CUR ? f->pos : whence == SEEK_END ? (loff_t)bdev_bytes(b) : 0;

	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
		return -EINVAL;
	f->pos = offset;
	return offset;
}

static int bdev_fsync(struct file *f, u64 first, u64 last, bool datasync)
{
	struct bdev *b = f->private;
	int err = mapping_write_range(b->inode->mapping, first, last);
	int flush = bdev_flush(b->disk);

	return err ? err : flush;
}

/* BLKDISCARD, BLKZEROOUT: { start, length } in bytes. */
static long ioctl_range(struct file *f, unsigned int cmd, void __user *arg)
{
	struct bdev *b = f->private;
	struct mapping *m = b->inode->mapping;
	u64 range[2], first, last;
	int err;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (bdev_read_only(b))
		return -EPERM;
	if (copy_from_user(range, arg, sizeof(range)))
		return -EFAULT;
	if ((range[0] | range[1]) & (SECTOR_SIZE - 1))
		return -EINVAL;
	if (!range[1] || range[0] > bdev_bytes(b) || range[1] > bdev_bytes(b) - range[0])
		return -EINVAL;
	err = mapping_write_range(m, range[0], range[0] + range[1] - 1);
	if (err)
		return err;
	first = range[0] >> PAGE_SHIFT;
	last = (range[0] + range[1] - 1) >> PAGE_SHIFT;
	rwsem_write_lock(&m->invalidate_lock); /* nobody reads the old bytes in meanwhile */
	mapping_unmap_range(m, first, last, false);
	pagecache_drop_clean(m, first, last);
	err = (cmd == BLKDISCARD ? bdev_discard_sectors : bdev_zero_sectors)(
		b, range[0] >> SECTOR_SHIFT, range[1] >> SECTOR_SHIFT);
	rwsem_write_unlock(&m->invalidate_lock);
	return err;
}

static long ioctl_flush(struct bdev *b)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	err = bdev_sync(b);
	pagecache_drop_clean(b->inode->mapping, 0, ~0ull);
	return err;
}

static long ioctl_set_read_only(struct bdev *b, const int __user *arg)
{
	int on;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (get_user(on, arg))
		return -EFAULT;
	atomic_store(&b->set_read_only, on);
	return 0;
}

static long ioctl_geometry(struct bdev *b, void __user *arg)
{
	struct hd_geometry g = { .heads = 16, .sectors = 63, .start = b->start };

	g.cylinders = (unsigned short)MIN(b->sectors / (16 * 63), (u64)0xffff);
	return copy_to_user(arg, &g, sizeof(g));
}

static long bdev_ioctl(struct file *f, unsigned int cmd, unsigned long raw)
{
	struct bdev *b = f->private;
	void __user *arg = (void __user *)raw;

	switch (cmd) {
	case BLKGETSIZE64:
		return put_user((u64)bdev_bytes(b), (u64 __user *)arg);
	case BLKGETSIZE:
		return put_user((ulong)b->sectors, (ulong __user *)arg);
	case BLKSSZGET:
		return put_user((int)b->limits.block_size, (int __user *)arg);
	case BLKPBSZGET:
	case BLKIOMIN:
		return put_user((u32)b->limits.block_size, (u32 __user *)arg);
	case BLKBSZGET:
		return put_user((int)PAGE_SIZE, (int __user *)arg);
	case BLKIOOPT:
		return put_user((u32)0, (u32 __user *)arg);
	case BLKALIGNOFF:
		return put_user((int)0, (int __user *)arg);
	case BLKROGET:
		return put_user((int)bdev_read_only(b), (int __user *)arg);
	case BLKROSET:
		return ioctl_set_read_only(b, arg);
	case BLKSECTGET:
		return put_user((u16)MIN(b->limits.max_sectors, 0xffffu), (u16 __user *)arg);
	case BLKROTATIONAL:
		return put_user((u16)b->limits.rotational, (u16 __user *)arg);
	case BLKDISCARDZEROES:
		return put_user((u32)0, (u32 __user *)arg);
	case BLKFLSBUF:
		return ioctl_flush(b);
	case BLKDISCARD:
	case BLKZEROOUT:
		return ioctl_range(f, cmd, arg);
	case HDIO_GETGEO:
		return ioctl_geometry(b, arg);
	default:
		return b->ops->ioctl ? b->ops->ioctl(b->driver, cmd, raw) : -ENOTTY;
	}
}

/* The device's page cache serves faults. */
static int bdev_mmap(struct file *f, struct vma *v)
{
	return 0;
}

const struct file_ops bdev_fops = {
	.read = bdev_file_read,
	.write = bdev_file_write,
	.llseek = bdev_llseek,
	.open = bdev_open,
	.ioctl = bdev_ioctl,
	.mmap = bdev_mmap,
	.fsync = bdev_fsync,
};
