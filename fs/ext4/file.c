// SPDX-License-Identifier: MIT
/*
 * Open files: reading and writing go through the page cache; here is what is
 * left: fsync, stat, and the table.
 *
 * fsync without a journal: the file's pages, its inode, then every dirty block
 * of metadata of the device, because the bitmaps, tree blocks and directories
 * that the file hangs from are among them; then a flush of the disk's cache.
 * For the same reason any such block that could not be written, by whomever, is
 * an error of each file that was open then.
 */
#include <linux/stat.h>
#include "ext4.h"

int ext4_fsync(struct file *f, u64 first, u64 last, bool datasync)
{
	struct inode *inode = f->inode;
	struct ext4_fs *fs = EXT4_FS(inode);
	int err = mapping_write_range(inode->mapping, first, last), e;

	if (ext4_read_only(fs))
		return atomic_load(&fs->aborted) ? -EROFS : err;
	e = ext4_vfs_write_inode(inode, true);
	err = err ? err : e;
	e = bdev_sync(fs->bdev);
	err = err ? err : e;
	e = mapping_check_error(fs->bdev->inode->mapping, &f->meta_seen);
	return err ? err : e;
}

int ext4_getattr(struct inode *inode, struct kstat *out)
{
	static const struct {
		u32 disk, stat;
	} table[] = { { IFL_APPEND, STATX_ATTR_APPEND },
		      { IFL_IMMUTABLE, STATX_ATTR_IMMUTABLE },
		      { IFL_NODUMP, STATX_ATTR_NODUMP } };

	stat_generic(inode, out);
	out->blocks += (u64)atomic_load(&EXT4_I(inode)->delayed) << (EXT4_FS(inode)->block_bits - 9);
	for (u32 i = 0; i < ARRAY_SIZE(table); i++) {
		out->attributes_mask |= table[i].stat;
		if (EXT4_I(inode)->flags & table[i].disk)
			out->attributes |= table[i].stat;
	}
	if (inode->btime.tv_sec || inode->btime.tv_nsec) {
		out->btime = inode->btime;
		out->result_mask |= STATX_BTIME;
	}
	return 0;
}

static int ext4_file_open(struct inode *inode, struct file *f)
{
	if ((f->mode & FMODE_WRITE) && atomic_load(&EXT4_FS(inode)->aborted))
		return -EROFS;
	return 0;
}

/* The page cache serves faults; make_writable() places what is stored to. */
static int ext4_file_mmap(struct file *f, struct vma *v)
{
	return 0;
}

const struct file_ops ext4_file_ops = {
	.read = file_read_generic,
	.write = file_write_generic,
	.llseek = ext4_file_llseek,
	.ioctl = ext4_ioctl,
	.mmap = ext4_file_mmap,
	.open = ext4_file_open,
	.fsync = ext4_fsync,
	.fallocate = ext4_fallocate,
};

const struct inode_ops ext4_file_inode_ops = {
	.setattr = ext4_setattr,
	.getattr = ext4_getattr,
	.getxattr = ext4_getxattr,
	.setxattr = ext4_setxattr,
	.listxattr = ext4_listxattr,
};

const struct inode_ops ext4_special_inode_ops = {
	.setattr = ext4_setattr,
	.getattr = ext4_getattr,
	.getxattr = ext4_getxattr,
	.setxattr = ext4_setxattr,
	.listxattr = ext4_listxattr,
};
