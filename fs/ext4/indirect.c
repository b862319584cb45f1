// SPDX-License-Identifier: MIT
/*
 * Block maps of ext2 and ext3: twelve direct blocks, then trees of one, two and
 * three levels whose nodes are blocks of 32-bit block numbers.
 *
 * A block's place is a list of offsets: into i_block, then into each indirect
 * block.  Nodes carry no checksum and no header; every number is checked when
 * it is followed.  There are no unwritten blocks here.
 *
 * Locks: map_lock; the caller writes the inode.
 */
#include "ext4.h"

#define DIRECT 12u

struct place {
	u32 offset[4];
	u32 depth;              /* indirect blocks on the way */
	u32 room;               /* entries from the last offset to the end of its node */
};

static u32 per_block(const struct ext4_fs *fs)
{
	return fs->block_size / 4;
}

static int find_place(const struct ext4_fs *fs, u32 lblk, struct place *p)
{
	u32 per = per_block(fs), bits = fs->block_bits - 2;
	u64 n = lblk;

	if (n < DIRECT) {
		*p = (struct place){ .offset = { lblk }, .room = DIRECT - lblk };
		return 0;
	}
	n -= DIRECT;
	for (u32 depth = 1; depth <= 3; depth++) {
		u64 span = 1ull << (bits * depth);

		if (n >= span) {
			n -= span;
			continue;
		}
		p->depth = depth;
		p->offset[0] = DIRECT + depth - 1;
		for (u32 i = 1; i <= depth; i++)
			p->offset[i] = (u32)(n >> (bits * (depth - i))) & (per - 1);
		p->room = per - p->offset[depth];
		return 0;
	}
	return -EFBIG;
}

static struct buffer *read_ind(struct inode *inode, u32 block)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct buffer *bh;

	if (!ext4_blocks_valid(fs, block, 1))
		return ERR_PTR(ext4_corrupt(fs, inode->ino, "indirect block %u outside the data area",
					    block));
	bh = ext4_bread(fs, block);
	if (!IS_ERR(bh))
		ext4_set_verified(bh, VERIFIED_INDIRECT); /* whatever it was checked as before, it is not that */
	return bh;
}

/* How many entries from @at on have the pattern of the first: contiguous blocks, or empty. */
static u32 run_of(const le32 *at, u32 max)
{
	u32 first = le32_to_cpu(at[0]), n = 1;

	while (n < max && le32_to_cpu(at[n]) == (first ? first + n : 0))
		n++;
	return n;
}

int ext4_ind_lookup(struct inode *inode, struct ext4_map *map)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	le32 *node = EXT4_I(inode)->block;
	struct buffer *bh = NULL;
	struct place p = { 0 };
	u64 missing = 0;
	u32 first, level = 0;
	int err = find_place(fs, map->lblk, &p);

	if (err)
		return err;
	for (; level < p.depth; level++) {
		u32 block = le32_to_cpu(node[p.offset[level]]);
		struct buffer *next;

		if (!block) {
			/* The hole reaches at least to the end of what this entry spans. */
			for (u32 i = level + 1; i <= p.depth; i++)
				missing = missing * per_block(fs) + (per_block(fs) - 1 - p.offset[i]);
			break;
		}
		next = read_ind(inode, block);
		buffer_put(bh);
		if (IS_ERR(next))
			return (int)PTR_ERR(next);
		bh = next;
		node = bh->data;
	}
	if (level < p.depth) {
		map->len = (u32)MIN((u64)map->len, missing + 1);
		map->flags = MAP_HOLE;
		map->pblk = 0;
		buffer_put(bh);
		return 0;
	}
	first = le32_to_cpu(node[p.offset[level]]);
	map->len = run_of(&node[p.offset[level]], MIN(map->len, p.room));
	map->flags = first ? MAP_MAPPED : MAP_HOLE;
	map->pblk = first;
	buffer_put(bh);
	if (first && !ext4_blocks_valid(fs, first, map->len))
		return ext4_corrupt(fs, inode->ino, "block %u outside the data area", first);
	return 0;
}

/* ---- allocating ---- */

static struct buffer *new_ind(struct ext4_handle *h, struct inode *inode, u64 goal)
{
	struct buffer *bh = ext4_new_meta(h, inode, goal);
	u64 block;

	if (IS_ERR(bh))
		return bh;
	block = bh->block;
	if (block > UINT32_MAX) { /* the map has 32 bits */
		buffer_put(bh);
		ext4_free_blocks(h, inode, block, 1, false);
		return ERR_PTR(-ENOSPC);
	}
	ext4_set_verified(bh, VERIFIED_INDIRECT);
	return bh;
}

static u64 goal_near(struct inode *inode, const le32 *node, u32 at, u32 lblk)
{
	const struct ext4_inode *ei = EXT4_I(inode);

	if (ei->last_pblk && ei->last_lblk == lblk)
		return ei->last_pblk;
	for (u32 i = at; i--;)
		if (node[i].raw)
			return (u64)le32_to_cpu(node[i]) + (at - i);
	return ei->last_pblk;
}

/* The node that holds the last offset; missing indirect blocks are made.  *bh NULL: the inode. */
static int make_way(struct ext4_handle *h, struct inode *inode, const struct place *p, u32 lblk,
		    struct buffer **bh)
{
	le32 *node = EXT4_I(inode)->block;
	struct buffer *cur = NULL;

	for (u32 level = 0; level < p->depth; level++) {
		le32 *slot = &node[p->offset[level]];
		struct buffer *next;
		int err;

		if (slot->raw) {
			next = read_ind(inode, le32_to_cpu(*slot));
		} else {
			err = cur ? ext4_access(h, cur) : 0;
			next = err ? ERR_PTR(err) :
				     new_ind(h, inode, goal_near(inode, node, p->offset[level], lblk));
			if (!IS_ERR(next)) {
				ext4_dirty(h, next);
				*slot = cpu_to_le32((u32)next->block);
				if (cur)
					ext4_dirty(h, cur);
			}
		}
		buffer_put(cur);
		if (IS_ERR(next))
			return (int)PTR_ERR(next);
		cur = next;
		node = cur->data;
	}
	*bh = cur;
	return 0;
}

static int fill_holes(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags,
		      le32 *slot, u64 goal)
{
	struct ext4_inode *ei = EXT4_I(inode);
	u32 len = map->len;
	u64 block;
	int err = ext4_alloc_blocks(h, inode, goal, &len, flags & MAP_RESERVED, &block);

	if (err)
		return err;
	if (block + len > 1ull << 32) {
		ext4_free_blocks(h, inode, block, len, false);
		return -ENOSPC;
	}
	for (u32 i = 0; i < len; i++)
		slot[i] = cpu_to_le32((u32)(block + i));
	ei->last_lblk = map->lblk + len;
	ei->last_pblk = block + len;
	map->len = len;
	map->pblk = block;
	map->flags = MAP_MAPPED;
	return 0;
}

int ext4_ind_map(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct buffer *bh = NULL;
	struct place p = { 0 };
	le32 *node;
	u32 at;
	int err = find_place(fs, map->lblk, &p);

	if (!err && (flags & MAP_CREATE_UNWRITTEN))
		err = -EOPNOTSUPP;
	if (!err)
		err = make_way(h, inode, &p, map->lblk, &bh);
	if (err)
		return err;
	node = bh ? bh->data : EXT4_I(inode)->block;
	at = p.offset[p.depth];
	map->len = run_of(&node[at], MIN(map->len, p.room));
	if (node[at].raw) {
		map->pblk = le32_to_cpu(node[at]);
		map->flags = MAP_MAPPED;
		if (!ext4_blocks_valid(fs, map->pblk, map->len))
			err = ext4_corrupt(fs, inode->ino, "block %llu outside the data area",
					   (unsigned long long)map->pblk);
	} else {
		err = bh ? ext4_access(h, bh) : 0;
		if (!err)
			err = fill_holes(h, inode, map, flags, &node[at],
					 goal_near(inode, node, at, map->lblk));
		if (!err && bh)
			ext4_dirty(h, bh);
	}
	buffer_put(bh);
	return err;
}

/* ---- removing ---- */

struct removal {
	struct ext4_handle *h;
	struct inode *inode;
	u32 first, last;
	u32 budget;             /* blocks of pointers that may still be touched in this handle */
};

static int free_data(struct removal *r, u32 block, u32 count)
{
	bool meta = mode_is_dir(r->inode->mode) || mode_is_lnk(r->inode->mode);

	return ext4_free_blocks(r->h, r->inode, block, count, meta);
}

/* Data pointers [from, to] of a node: contiguous runs are freed together. */
static int clear_leaf(struct removal *r, le32 *node, u32 from, u32 to)
{
	for (u32 i = from; i <= to;) {
		u32 n = run_of(&node[i], to - i + 1), block = le32_to_cpu(node[i]);
		int err = block ? free_data(r, block, n) : 0;

		if (err)
			return err;
		memset(&node[i], 0, n * sizeof(*node));
		i += n;
	}
	return 0;
}

static bool all_zero(const le32 *node, u32 n)
{
	return !memchr_inv(node, 0, n * sizeof(*node));
}

/*
 * The tree below *slot, @depth levels of indirect blocks, spans blocks
 * [base, base + per^depth).  1: done; 0: budget spent; -errno.
 */
static int clear_tree(struct removal *r, le32 *slot, u32 depth, u64 base)
{
	struct ext4_fs *fs = EXT4_FS(r->inode);
	u32 per = per_block(fs), bits = fs->block_bits - 2;
	u64 span = 1ull << (bits * (depth - 1)); /* of one entry */
	u64 from = r->first > base ? (r->first - base) / span : 0;
	u64 to = r->last >= base ? (r->last - base) / span : 0;
	struct buffer *bh;
	int ret = 1;

	if (!slot->raw || r->last < base || r->first >= base + span * per)
		return 1;
	if (!r->budget)
		return 0;
	bh = read_ind(r->inode, le32_to_cpu(*slot));
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	ret = ext4_access(r->h, bh);
	to = MIN(to, (u64)per - 1);
	if (!ret && depth == 1) {
		r->budget--;
		ret = clear_leaf(r, bh->data, (u32)from, (u32)to);
		ret = ret ? ret : 1;
	} else if (!ret) {
		ret = 1;
		for (s64 i = (s64)to; ret == 1 && i >= (s64)from; i--)
			ret = clear_tree(r, (le32 *)bh->data + i, depth - 1, base + (u64)i * span);
	}
	ext4_dirty(r->h, bh);
	if (ret == 1 && all_zero(bh->data, per)) {
		ret = ext4_free_blocks(r->h, r->inode, bh->block, 1, true);
		*slot = cpu_to_le32(0);
		ret = ret ? ret : 1;
	}
	buffer_put(bh);
	return ret;
}

int ext4_ind_remove(struct ext4_handle *h, struct inode *inode, u32 first, u32 last, bool *done)
{
	struct removal r = { .h = h, .inode = inode, .first = first, .last = last, .budget = 8 };
	struct ext4_fs *fs = EXT4_FS(inode);
	struct ext4_inode *ei = EXT4_I(inode);
	u32 bits = fs->block_bits - 2;
	u64 base[4] = { 0, DIRECT };
	int ret = 1;

	base[2] = base[1] + (1ull << bits);
	base[3] = base[2] + (1ull << 2 * bits);
	for (u32 depth = 3; ret == 1 && depth; depth--)
		ret = clear_tree(&r, &ei->block[DIRECT + depth - 1], depth, base[depth]);
	if (ret == 1 && first < DIRECT) {
		int err = clear_leaf(&r, ei->block, first, MIN(last, DIRECT - 1));

		ret = err ? err : 1;
	}
	ei->last_pblk = 0;
	*done = ret == 1;
	return ret < 0 ? ret : 0;
}
