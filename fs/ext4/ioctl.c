// SPDX-License-Identifier: MIT
/*
 * ioctl(2) on files and directories: chattr's flags, the generation, and the
 * map of a file's extents.
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/mount.h>
#include "ext4.h"

/* What chattr(1) may change here.  Others (data journalling, projects, case folding) are refused. */
#define CHANGEABLE                                                                \
	(0x1u | 0x2u | 0x4u | IFL_SYNC | IFL_IMMUTABLE | IFL_APPEND | IFL_NODUMP | IFL_NOATIME | \
	 0x400u | 0x8000u | IFL_DIRSYNC | IFL_TOPDIR)

static int may_set_flags(const struct inode *inode, u32 old, u32 new)
{
	if (!inode_owner_or_capable(inode))
		return -EACCES;
	if (((old ^ new) & (IFL_IMMUTABLE | IFL_APPEND)) && !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	if ((new & ~old & IFL_USER_MODIFIABLE & ~CHANGEABLE) || ((old ^ new) & IFL_EXTENTS))
		return -EOPNOTSUPP;
	return 0;
}

static int set_flags_locked(struct inode *inode, u32 new)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_handle h;
	int err, e;

	if (!mode_is_dir(inode->mode))
		new &= IFL_REG_ONLY_MASK;
	err = may_set_flags(inode, ei->flags, new);
	if (!err)
		err = ext4_start(&h, EXT4_FS(inode), CREDITS_INODE);
	if (err)
		return err;
	rwsem_write_lock(&ei->map_lock);
	ei->flags = (ei->flags & ~CHANGEABLE) | (new & CHANGEABLE);
	ext4_set_attr_flags(inode);
	inode_touch(inode, ATTR_CTIME);
	err = ext4_write_inode(&h, inode);
	rwsem_write_unlock(&ei->map_lock);
	e = ext4_stop(&h);
	return err ? err : e;
}

static long set_flags(struct file *f, u32 __user *arg)
{
	struct inode *inode = f->inode;
	u32 new;
	int err;

	if (get_user(new, arg))
		return -EFAULT;
	err = mount_want_write(f->path.mnt);
	if (err)
		return err;
	rwsem_write_lock(&inode->lock);
	err = set_flags_locked(inode, new);
	rwsem_write_unlock(&inode->lock);
	return err;
}

/* ---- FIEMAP ---- */

/* The mapped run at or after *lblk: 1 and *map, or 0 at the end. */
static int next_run(struct inode *inode, u64 *lblk, u64 end, struct ext4_map *map)
{
	while (*lblk < end) {
		int err;

		*map = (struct ext4_map){ .lblk = (u32)*lblk, .len = (u32)(end - *lblk) };
		err = ext4_map_blocks(NULL, inode, map, 0);
		if (err)
			return err;
		if (map->flags != MAP_HOLE)
			return 1;
		*lblk += map->len;
		cond_resched();
	}
	return 0;
}

static int put_extent(const struct ext4_fs *fs, struct fiemap __user *arg, u32 n,
		      const struct ext4_map *map, bool last)
{
	struct fiemap_extent fe = { .fe_logical = (u64)map->lblk << fs->block_bits,
				    .fe_physical = map->pblk << fs->block_bits,
				    .fe_length = (u64)map->len << fs->block_bits };

	if (map->flags & MAP_UNWRITTEN)
		fe.fe_flags |= FIEMAP_EXTENT_UNWRITTEN;
	if (last)
		fe.fe_flags |= FIEMAP_EXTENT_LAST;
	return copy_to_user(&arg->fm_extents[n], &fe, sizeof(fe));
}

/* The blocks [*lblk, *end) that are asked about; lengths of "everything" are cut at the largest file. */
static int fiemap_range(const struct ext4_fs *fs, const struct fiemap *fm, u64 *lblk, u64 *end)
{
	u64 max = ext4_max_bytes(fs, true), bytes;

	if (!fm->fm_length)
		return -EINVAL;
	if (fm->fm_start >= max)
		return -EFBIG;
	bytes = MIN(fm->fm_length, max - fm->fm_start);
	*lblk = fm->fm_start >> fs->block_bits;
	*end = (fm->fm_start + bytes + fs->block_size - 1) >> fs->block_bits;
	return 0;
}

static long fiemap(struct inode *inode, struct fiemap __user *arg)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u64 limit = ext4_max_bytes(fs, true) >> fs->block_bits, lblk, end, ahead;
	struct ext4_map map, next;
	struct fiemap fm;
	int more;

	if (copy_from_user(&fm, arg, sizeof(fm)))
		return -EFAULT;
	if (!ext4_has_blocks_field(inode))
		return -EOPNOTSUPP;
	more = fiemap_range(fs, &fm, &lblk, &end);
	if (more)
		return more;
	if (fm.fm_flags & ~(u32)(FIEMAP_FLAG_SYNC | FIEMAP_FLAG_CACHE)) {
		fm.fm_flags &= ~(u32)(FIEMAP_FLAG_SYNC | FIEMAP_FLAG_CACHE);
		return copy_to_user(arg, &fm, sizeof(fm)) ? -EFAULT : -EBADR;
	}
	/* Delayed blocks have no place yet: give them one. */
	more = mapping_write_range(inode->mapping, 0, ~0ull);
	if (more)
		return more;
	fm.fm_mapped_extents = 0;
	more = next_run(inode, &lblk, end, &map);
	while (more > 0 && (!fm.fm_extent_count || fm.fm_mapped_extents < fm.fm_extent_count)) {
		ahead = (u64)map.lblk + map.len;
		more = next_run(inode, &ahead, limit, &next);
		if (more >= 0 && fm.fm_extent_count &&
		    put_extent(fs, arg, fm.fm_mapped_extents, &map, !more))
			return -EFAULT;
		fm.fm_mapped_extents++;
		if (more > 0 && next.lblk >= end)
			break;
		map = next;
	}
	if (more < 0)
		return more;
	return copy_to_user(arg, &fm, sizeof(fm));
}

long ext4_ioctl(struct file *f, unsigned int cmd, unsigned long raw)
{
	struct inode *inode = f->inode;
	void __user *arg = (void __user *)raw;

	switch (cmd) {
	case FS_IOC_GETFLAGS: /* an int, whatever the number says */
		return put_user(EXT4_I(inode)->flags & IFL_USER_VISIBLE, (u32 __user *)arg);
	case FS_IOC_SETFLAGS:
		return set_flags(f, arg);
	case FS_IOC_GETVERSION:
		return put_user(inode->generation, (u32 __user *)arg);
	case FS_IOC_FIEMAP:
		return fiemap(inode, arg);
	default:
		return -ENOTTY;
	}
}
