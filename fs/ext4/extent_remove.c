// SPDX-License-Identifier: MIT
/*
 * Extent trees: removing a range, from its end towards its start.
 *
 * Each step handles the last extent that reaches into the range, changes the
 * tree first and frees the blocks after.  A node that runs empty leaves its
 * parent; a tree of one small leaf moves back into the inode.
 *
 * Locks: map_lock held for writing; the caller writes the inode.
 */
#include "ext4.h"

#define STEPS_PER_HANDLE 8

static void entry_remove(struct ext4_extent_header *eh, int at)
{
	struct ext4_extent *e = ext4_extents(eh);
	u32 n = le16_to_cpu(eh->entries);

	memmove(&e[at], &e[at + 1], (n - (u32)at - 1) * sizeof(*e));
	eh->entries = cpu_to_le16((u16)(n - 1));
}

/* path[level] has no entries: it and the parents that run empty with it go. */
static int drop_empty(struct ext4_handle *h, struct inode *inode, ext4_path_t path, u32 level)
{
	while (level > 0 && !path[level].eh->entries.raw) {
		struct ext4_path *up = &path[level - 1];
		int err = ext4_node_access(h, up);

		if (!err)
			err = ext4_free_blocks(h, inode, path[level].bh->block, 1, true);
		if (err)
			return err;
		entry_remove(up->eh, up->pos);
		ext4_node_changed(h, inode, up);
		level--;
	}
	if (!path[0].eh->entries.raw) {
		path[0].eh->depth = cpu_to_le16(0);
		return 0;
	}
	return ext4_path_fix_keys(h, inode, path, level);
}

/* A root with a single child whose entries fit into the root. */
static int collapse(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_extent_header *root = (struct ext4_extent_header *)EXT4_I(inode)->block;

	while (root->depth.raw && le16_to_cpu(root->entries) == 1) {
		struct ext4_extent_header *eh;
		struct buffer *bh;
		ext4_path_t path;
		u32 depth, n;
		int err = ext4_path_find(inode, 0, path, &depth);

		if (err)
			return err;
		bh = path[1].bh;
		eh = path[1].eh;
		n = le16_to_cpu(eh->entries);
		if (n <= le16_to_cpu(root->max)) {
			memcpy(ext4_extents(root), ext4_extents(eh), n * sizeof(struct ext4_extent));
			root->entries = cpu_to_le16((u16)n);
			root->depth = eh->depth;
			err = ext4_free_blocks(h, inode, bh->block, 1, true);
		}
		ext4_path_put(path);
		if (err || n > le16_to_cpu(root->max))
			return err;
	}
	return 0;
}

/* The part [from, to] of the extent at the path's end goes; @e points at it. */
static int cut(struct ext4_handle *h, struct inode *inode, ext4_path_t path, u32 depth, u32 from,
	       u32 to)
{
	struct ext4_path *leaf = &path[depth];
	struct ext4_extent *e = &ext4_extents(leaf->eh)[leaf->pos];
	u32 start = le32_to_cpu(e->block), len = ext4_ext_len(e), last = start + len - 1;
	bool unwritten = ext4_ext_unwritten(e);
	u64 pblk = ext4_ext_pblk(e);
	int err = ext4_node_access(h, leaf);

	if (err)
		return err;
	if (from > start) {
		ext4_ext_set_len(e, from - start, unwritten);
		ext4_node_changed(h, inode, leaf);
		if (to == last)
			return 0;
		/* A hole in the middle: the rest becomes an extent of its own. */
		err = ext4_extent_insert(h, inode, to + 1, last - to, pblk + (to + 1 - start),
					 unwritten);
		return err;
	}
	if (to < last) {
		e->block = cpu_to_le32(to + 1);
		ext4_ext_set_pblk(e, pblk + (to + 1 - start));
		ext4_ext_set_len(e, last - to, unwritten);
	} else {
		entry_remove(leaf->eh, leaf->pos);
	}
	if (!leaf->eh->entries.raw)
		return drop_empty(h, inode, path, depth);
	ext4_node_changed(h, inode, leaf);
	return leaf->pos == 0 ? ext4_path_fix_keys(h, inode, path, depth) : 0;
}

/* If splitting found no room, the extent gets its old length back. */
static void uncut(struct ext4_handle *h, struct inode *inode, u32 start, u32 len)
{
	ext4_path_t path;
	u32 depth;

	if (ext4_path_find(inode, start, path, &depth))
		return;
	if (path[depth].pos >= 0) {
		struct ext4_extent *e = &ext4_extents(path[depth].eh)[path[depth].pos];

		if (le32_to_cpu(e->block) == start) {
			ext4_ext_set_len(e, len, ext4_ext_unwritten(e));
			ext4_node_changed(h, inode, &path[depth]);
		}
	}
	ext4_path_put(path);
}

/* 1: something went; 0: nothing is left in the range; or -errno. */
static int remove_last(struct ext4_handle *h, struct inode *inode, u32 first, u32 last)
{
	bool directory = mode_is_dir(inode->mode);
	struct ext4_extent e;
	u32 depth, start, len, from, to;
	ext4_path_t path;
	int err = ext4_path_find(inode, last, path, &depth);

	if (err)
		return err;
	if (path[depth].pos < 0)
		goto nothing;
	e = ext4_extents(path[depth].eh)[path[depth].pos];
	start = le32_to_cpu(e.block);
	len = ext4_ext_len(&e);
	if ((u64)start + len <= first)
		goto nothing;
	from = MAX(first, start);
	to = MIN(last, start + len - 1);
	err = cut(h, inode, path, depth, from, to);
	ext4_path_put(path);
	if (err) {
		if (from > start && to < start + len - 1)
			uncut(h, inode, start, len);
		return err;
	}
	err = ext4_free_blocks(h, inode, ext4_ext_pblk(&e) + (from - start), to - from + 1,
			       directory || mode_is_lnk(inode->mode));
	return err ? err : 1;

nothing:
	ext4_path_put(path);
	return 0;
}

int ext4_extent_remove(struct ext4_handle *h, struct inode *inode, u32 first, u32 last, bool *done)
{
	*done = false;
	for (int i = 0; i < STEPS_PER_HANDLE; i++) {
		int more = remove_last(h, inode, first, last);

		if (more < 0)
			return more;
		if (!more) {
			*done = true;
			break;
		}
	}
	EXT4_I(inode)->last_pblk = 0;
	return *done ? collapse(h, inode) : 0;
}
