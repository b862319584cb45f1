// SPDX-License-Identifier: MIT
/*
 * A file's size and its holes: truncate, fallocate, and the end of its blocks.
 *
 * Order of a shrinking truncate: the new size and an entry on the orphan list
 * reach the inode first, then pages go, then blocks in steps, each step a
 * handle of its own.  A crash in between is finished at the next mount.
 *
 * Bytes behind the end of the file in its last block are zero on the disk, so
 * that growing again shows zeros: pagecache_truncate() sees to it.
 *
 * Locks: inode->lock held for writing by the caller; invalidate_lock around the
 * pages' and the blocks' going, so that no page is filled between the two;
 * handles are opened inside.
 */
#include <linux/falloc.h>
#include "ext4.h"

#define LAST_BLOCK 0xfffffffeu

static u64 round_up_block(const struct ext4_fs *fs, u64 x)
{
	return ALIGN_UP(x, (u64)fs->block_size);
}

static bool has_blocks(struct inode *inode)
{
	const struct ext4_inode *ei = EXT4_I(inode);

	if (!ext4_has_blocks_field(inode))
		return false;
	if (ei->flags & IFL_EXTENTS)
		return ((const struct ext4_extent_header *)ei->block)->entries.raw;
	return memchr_inv(ei->block, 0, sizeof(ei->block));
}

static int start_shrink(struct inode *inode, u64 size)
{
	struct ext4_handle h;
	int err = ext4_start(&h, EXT4_FS(inode), CREDITS_INODE * 2), stop;

	if (err)
		return err;
	err = ext4_orphan_add(&h, inode);
	if (!err) {
		atomic_store_explicit(&inode->size, size, memory_order_release);
		err = ext4_write_inode(&h, inode);
	}
	stop = ext4_stop(&h);
	return err ? err : stop;
}

static int end_shrink(struct inode *inode)
{
	struct ext4_handle h;
	int err = ext4_start(&h, EXT4_FS(inode), CREDITS_INODE * 2), stop;

	if (err)
		return err;
	if (inode->nlink)
		err = ext4_orphan_del(&h, inode);
	stop = ext4_stop(&h);
	return err ? err : stop;
}

static int shrink(struct inode *inode, u64 size)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u64 first = round_up_block(fs, size) >> fs->block_bits;
	int err, e;

	err = start_shrink(inode, size);
	if (err)
		return err;
	rwsem_write_lock(&inode->mapping->invalidate_lock);
	pagecache_truncate(inode->mapping, size);
	if (first <= LAST_BLOCK && has_blocks(inode))
		err = ext4_remove_range(inode, (u32)first, LAST_BLOCK);
	ext4_forget_part(inode, size, first, ~0ull);
	rwsem_write_unlock(&inode->mapping->invalidate_lock);
	e = end_shrink(inode);
	return err ? err : e;
}

static int trim_end(struct inode *inode, u64 size)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u64 first = round_up_block(fs, size) >> fs->block_bits;
	int err;

	if (!has_blocks(inode) || first > LAST_BLOCK)
		return 0;
	rwsem_write_lock(&inode->mapping->invalidate_lock);
	err = ext4_remove_range(inode, (u32)first, LAST_BLOCK);
	rwsem_write_unlock(&inode->mapping->invalidate_lock);
	return err;
}

static void grow_to(struct inode *inode, u64 size)
{
	u64 old = inode_size(inode);

	if (size <= old)
		return;
	pagecache_extended(inode->mapping, old);
	atomic_store_explicit(&inode->size, size, memory_order_release);
	ext4_protect_part(inode, old);
	inode_mark_dirty(inode);
}

int ext4_set_size(struct inode *inode, u64 size)
{
	struct ext4_inode *ei = EXT4_I(inode);
	u64 old = inode_size(inode);

	if (size > ext4_max_bytes(EXT4_FS(inode), ei->flags & IFL_EXTENTS))
		return -EFBIG;
	if (size < old)
		return shrink(inode, size);
	if (size == old) /* fallocate may have left blocks behind the end: those go */
		return trim_end(inode, size);
	grow_to(inode, size);
	return 0;
}

int ext4_setattr(struct inode *inode, const struct setattr *attr)
{
	struct ext4_handle h;
	int err, stop;

	if (attr->valid & ATTR_SIZE) {
		if (!mode_is_reg(inode->mode))
			return mode_is_dir(inode->mode) ? -EISDIR : -EINVAL;
		err = ext4_set_size(inode, attr->size);
		if (err)
			return err;
	}
	setattr_copy(inode, attr);
	if (!(attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID)))
		return 0; /* times: with the next write_inode */
	err = ext4_start(&h, EXT4_FS(inode), CREDITS_INODE);
	if (err)
		return err;
	rwsem_read_lock(&EXT4_I(inode)->map_lock);
	err = ext4_write_inode(&h, inode);
	rwsem_read_unlock(&EXT4_I(inode)->map_lock);
	stop = ext4_stop(&h);
	return err ? err : stop;
}

int ext4_free_all_blocks(struct inode *inode)
{
	return has_blocks(inode) ? ext4_remove_range(inode, 0, LAST_BLOCK) : 0;
}

/* ---- fallocate(2) ---- */

static int allocate_range(struct inode *inode, u64 offset, u64 len)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u64 lblk = offset >> fs->block_bits;
	u64 end = round_up_block(fs, offset + len) >> fs->block_bits;

	if (end > LAST_BLOCK)
		return -EFBIG;
	while (lblk < end) {
		struct ext4_map map = { .lblk = (u32)lblk, .len = (u32)(end - lblk) };
		struct ext4_handle h;
		int err, stop;

		if (fatal_signal_pending())
			return -EINTR;
		err = ext4_start(&h, fs, CREDITS_ALLOC);
		if (err)
			return err;
		err = ext4_map_blocks(&h, inode, &map, MAP_CREATE_UNWRITTEN);
		stop = ext4_stop(&h);
		if (err || stop)
			return err ? err : stop;
		lblk += map.len;
		cond_resched();
	}
	return 0;
}

static int punch(struct inode *inode, u64 offset, u64 len)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u64 end = MIN(offset + len, round_up_block(fs, inode_size(inode)));
	u64 first = round_up_block(fs, offset), last = ALIGN_DOWN(end, (u64)fs->block_size);
	int err = 0;

	if (offset >= end)
		return 0;
	rwsem_write_lock(&inode->mapping->invalidate_lock);
	pagecache_punch(inode->mapping, offset, end - 1); /* parts of blocks become zeros */
	if (first < last && has_blocks(inode))
		err = ext4_remove_range(inode, (u32)(first >> fs->block_bits),
					(u32)((last >> fs->block_bits) - 1));
	ext4_forget_part(inode, offset, first >> fs->block_bits, last >> fs->block_bits);
	ext4_forget_part(inode, end, first >> fs->block_bits, last >> fs->block_bits);
	rwsem_write_unlock(&inode->mapping->invalidate_lock);
	return err;
}

int ext4_fallocate(struct file *f, int mode, u64 offset, u64 len)
{
	struct inode *inode = f->inode;
	struct ext4_inode *ei = EXT4_I(inode);
	bool keep = mode & FALLOC_FL_KEEP_SIZE;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (!mode_is_reg(inode->mode))
		return -ENODEV;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		err = keep ? punch(inode, offset, len) : -EOPNOTSUPP;
	} else if (!(ei->flags & IFL_EXTENTS)) {
		err = -EOPNOTSUPP; /* a block map cannot say "unwritten" */
	} else if (offset + len > ext4_max_bytes(EXT4_FS(inode), true)) {
		err = -EFBIG;
	} else {
		err = mode & FALLOC_FL_ZERO_RANGE ? punch(inode, offset, len) : 0;
		if (!err)
			err = allocate_range(inode, offset, len);
		if (!err && !keep)
			grow_to(inode, offset + len);
	}
	if (!err)
		inode_touch(inode, ATTR_MTIME | ATTR_CTIME);
	return err;
}
