// SPDX-License-Identifier: MIT
/*
 * lseek(2) with SEEK_DATA and SEEK_HOLE: by the extents, and by what the page
 * cache holds that has no extents yet.
 *
 * Blocks that are written are data.  Those that are not (holes, and what
 * fallocate reserved) are data only where a page is dirty or being written: its
 * blocks come with writeback.  The pages are looked at between two looks at the
 * map, so that what is written back meanwhile is seen in one of the places.
 *
 * Locks: inode->lock shared keeps write(2) and truncation out.
 * Tests: tests/abi/fs_holes.c.
 */
#include <linux/fs.h>
#include "ext4.h"

/* A piece of the file, in bytes; the last one ends with the file. */
struct piece {
	u64 start, end;
	bool data;
};

/* The first byte in [@first, @end) on a page with @tag, or @end. */
static u64 first_tagged(struct inode *inode, u64 first, u64 end, enum radix_tag tag)
{
	void *entry;
	u64 index;
	unsigned n;

	rcu_read_lock();
	n = radix_gang_lookup_tag(&inode->mapping->pages, &entry, &index, first >> PAGE_SHIFT,
				  (end - 1) >> PAGE_SHIFT, 1, tag);
	rcu_read_unlock();
	return n ? MAX(first, index << PAGE_SHIFT) : end;
}

static int map_piece(struct inode *inode, u64 pos, u64 size, struct piece *out)
{
	u32 bits = inode->blkbits;
	struct ext4_map map = { .lblk = (u32)(pos >> bits) };
	int err;

	map.len = (u32)(((size - 1) >> bits) - map.lblk + 1);
	err = ext4_map_blocks(NULL, inode, &map, 0);
	if (err)
		return err;
	out->start = pos;
	out->end = MIN(size, ((u64)map.lblk + map.len) << bits);
	out->data = (map.flags & (MAP_MAPPED | MAP_UNWRITTEN)) == MAP_MAPPED;
	return 0;
}

/* What begins at @pos, which lies below @size. */
static int piece_at(struct inode *inode, u64 pos, u64 size, struct piece *out)
{
	u64 dirty, end;
	int err = map_piece(inode, pos, size, out);

	if (err || out->data)
		return err;
	end = out->end;
	dirty = first_tagged(inode, pos, end, PC_DIRTY);
	dirty = MIN(dirty, first_tagged(inode, pos, end, PC_WRITEBACK));
	err = map_piece(inode, pos, size, out);
	if (err || out->data)
		return err;
	out->data = dirty == pos;
	if (out->data)
		end = ALIGN_UP(pos + 1, PAGE_SIZE);
	else
		end = dirty;
	out->end = MIN(out->end, end);
	return 0;
}

static loff_t seek_locked(struct inode *inode, u64 pos, bool want_data)
{
	u64 size = inode_size(inode);
	struct piece p;
	int err;

	if (pos >= size) /* negative ones, too */
		return -ENXIO;
	for (; pos < size; pos = p.end) {
		err = piece_at(inode, pos, size, &p);
		if (err)
			return err;
		if (p.data == want_data)
			return (loff_t)pos;
		if (fatal_signal_pending())
			return -EINTR;
		cond_resched();
	}
	return want_data ? -ENXIO : (loff_t)size;
}

loff_t ext4_file_llseek(struct file *f, loff_t offset, int whence)
{
	struct inode *inode = f->inode;
	loff_t pos;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return llseek_generic(f, offset, whence);
	rwsem_read_lock(&inode->lock);
	pos = seek_locked(inode, (u64)offset, whence == SEEK_DATA);
	rwsem_read_unlock(&inode->lock);
	if (pos >= 0)
		f->pos = pos;
	return pos;
}
