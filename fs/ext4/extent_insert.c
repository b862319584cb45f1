// SPDX-License-Identifier: MIT
/*
 * Extent trees: adding and converting.
 *
 * Adding merges with a neighbour if that touches it on the disk too.  If the
 * leaf is full, the lowest full node whose parent has room is split, which is
 * repeated until the leaf has room; a full root first moves down one level.  A
 * split at the end of a file leaves the old node full but for one entry, so
 * files written from front to back get dense trees.
 *
 * Converting a part of an unwritten extent makes up to three of one.  The
 * steps are ordered so that running out of room in the middle leaves a tree
 * that still maps every block.
 *
 * Locks: map_lock held for writing; the caller writes the inode, which holds
 * the root.
 */
#include "ext4.h"

/* ---- a node ---- */

static void node_insert(struct ext4_extent_header *eh, int at, const void *entry)
{
	struct ext4_extent *e = ext4_extents(eh);
	u32 n = le16_to_cpu(eh->entries);

	assert(n < le16_to_cpu(eh->max) && at >= 0 && (u32)at <= n);
	memmove(&e[at + 1], &e[at], (n - (u32)at) * sizeof(*e));
	memcpy(&e[at], entry, sizeof(*e));
	eh->entries = cpu_to_le16((u16)(n + 1));
}

static void node_remove(struct ext4_extent_header *eh, int at)
{
	struct ext4_extent *e = ext4_extents(eh);
	u32 n = le16_to_cpu(eh->entries);

	memmove(&e[at], &e[at + 1], (n - (u32)at - 1) * sizeof(*e));
	eh->entries = cpu_to_le16((u16)(n - 1));
}

static bool node_full(const struct ext4_extent_header *eh)
{
	return le16_to_cpu(eh->entries) >= le16_to_cpu(eh->max);
}

/* ---- growing and splitting ---- */

static struct buffer *new_node(struct ext4_handle *h, struct inode *inode, u64 goal, u32 depth)
{
	struct buffer *bh = ext4_new_meta(h, inode, goal);
	struct ext4_extent_header *eh;

	if (IS_ERR(bh))
		return bh;
	eh = bh->data;
	eh->magic = cpu_to_le16(EXTENT_MAGIC);
	eh->max = cpu_to_le16((u16)ext4_node_capacity(h->fs));
	eh->depth = cpu_to_le16((u16)depth);
	ext4_set_verified(bh, VERIFIED_EXTENT);
	return bh;
}

static void set_index(struct ext4_extent_idx *ix, le32 key, u64 block)
{
	ix->block = key;
	ix->leaf_lo = cpu_to_le32((u32)block);
	ix->leaf_hi = cpu_to_le16((u16)(block >> 32));
	ix->unused = cpu_to_le16(0);
}

/* The root's entries move into a block, the root becomes an index of one. */
static int grow(struct ext4_handle *h, struct inode *inode, u64 goal)
{
	struct ext4_extent_header *root = (struct ext4_extent_header *)EXT4_I(inode)->block;
	u32 depth = le16_to_cpu(root->depth), n = le16_to_cpu(root->entries);
	struct ext4_path p = { 0 };

	if (depth == EXTENT_DEPTH_MAX)
		return -EFBIG;
	p.bh = new_node(h, inode, goal, depth);
	if (IS_ERR(p.bh))
		return (int)PTR_ERR(p.bh);
	p.eh = p.bh->data;
	memcpy(ext4_extents(p.eh), ext4_extents(root), n * sizeof(struct ext4_extent));
	p.eh->entries = cpu_to_le16((u16)n);
	ext4_node_changed(h, inode, &p);
	set_index(&ext4_indexes(root)[0], ext4_extents(p.eh)[0].block, p.bh->block);
	root->entries = cpu_to_le16(1);
	root->depth = cpu_to_le16((u16)(depth + 1));
	buffer_put(p.bh);
	return 0;
}

/* path[level] is full, path[level - 1] has room. */
static int split(struct ext4_handle *h, struct inode *inode, ext4_path_t path, u32 level, u64 goal)
{
	struct ext4_path *left = &path[level], *up = &path[level - 1], right = { 0 };
	u32 n = le16_to_cpu(left->eh->entries);
	u32 keep = left->pos == (int)n - 1 ? n - 1 : n / 2;
	struct ext4_extent_idx ix;
	int err = ext4_node_access(h, left);

	if (!err)
		err = ext4_node_access(h, up);
	if (err)
		return err;
	right.bh = new_node(h, inode, goal, le16_to_cpu(left->eh->depth));
	if (IS_ERR(right.bh))
		return (int)PTR_ERR(right.bh);
	right.eh = right.bh->data;
	memcpy(ext4_extents(right.eh), ext4_extents(left->eh) + keep,
	       (n - keep) * sizeof(struct ext4_extent));
	right.eh->entries = cpu_to_le16((u16)(n - keep));
	left->eh->entries = cpu_to_le16((u16)keep);
	set_index(&ix, ext4_extents(right.eh)[0].block, right.bh->block);
	node_insert(up->eh, up->pos + 1, &ix);
	ext4_node_changed(h, inode, &right);
	ext4_node_changed(h, inode, left);
	ext4_node_changed(h, inode, up);
	buffer_put(right.bh);
	return 0;
}

/* One step towards a leaf with room; the path is stale afterwards. */
static int make_room(struct ext4_handle *h, struct inode *inode, ext4_path_t path, u32 depth, u64 goal)
{
	int level = (int)depth;

	while (level > 0 && node_full(path[level - 1].eh))
		level--;
	return level ? split(h, inode, path, (u32)level, goal) : grow(h, inode, goal);
}

/* ---- merging ---- */

static bool can_merge(const struct ext4_extent *a, const struct ext4_extent *b)
{
	u32 len = ext4_ext_len(a), max = EXTENT_LEN_MAX - ext4_ext_unwritten(a);

	return ext4_ext_unwritten(a) == ext4_ext_unwritten(b) && len + ext4_ext_len(b) <= max &&
	       le32_to_cpu(a->block) + len == le32_to_cpu(b->block) &&
	       ext4_ext_pblk(a) + len == ext4_ext_pblk(b);
}

/* Joins entry @at with the one after it, if they touch. */
static bool merge_right(struct ext4_extent_header *eh, int at)
{
	struct ext4_extent *e = ext4_extents(eh) + at;

	if (at < 0 || at + 1 >= le16_to_cpu(eh->entries) || !can_merge(e, e + 1))
		return false;
	ext4_ext_set_len(e, ext4_ext_len(e) + ext4_ext_len(e + 1), ext4_ext_unwritten(e));
	node_remove(eh, at + 1);
	return true;
}

/* Adds @e to a neighbour in the leaf at @p; false if none fits. */
static bool merge_new(struct ext4_path *p, const struct ext4_extent *e)
{
	struct ext4_extent *at = ext4_extents(p->eh) + p->pos;

	if (p->pos >= 0 && can_merge(at, e)) {
		ext4_ext_set_len(at, ext4_ext_len(at) + ext4_ext_len(e), ext4_ext_unwritten(at));
		merge_right(p->eh, p->pos);
		return true;
	}
	at++;
	if (p->pos + 1 < le16_to_cpu(p->eh->entries) && can_merge(e, at)) {
		u32 len = ext4_ext_len(at) + ext4_ext_len(e);

		at->block = e->block;
		ext4_ext_set_pblk(at, ext4_ext_pblk(e));
		ext4_ext_set_len(at, len, ext4_ext_unwritten(at));
		return true;
	}
	return false;
}

/* 0: done; 1: no room, the tree was changed to make some; or -errno. */
static int try_insert(struct ext4_handle *h, struct inode *inode, const struct ext4_extent *e,
		      bool merge)
{
	struct ext4_path *leaf;
	ext4_path_t path;
	u32 depth;
	int err = ext4_path_find(inode, le32_to_cpu(e->block), path, &depth);

	if (err)
		return err;
	leaf = &path[depth];
	err = ext4_node_access(h, leaf);
	if (err)
		goto out;
	if (!merge || !merge_new(leaf, e)) {
		if (node_full(leaf->eh)) {
			err = make_room(h, inode, path, depth, ext4_ext_pblk(e));
			err = err ? err : 1;
			goto out;
		}
		node_insert(leaf->eh, leaf->pos + 1, e);
	}
	ext4_node_changed(h, inode, leaf);
	err = ext4_path_fix_keys(h, inode, path, depth);
out:
	ext4_path_put(path);
	return err;
}

static int insert(struct ext4_handle *h, struct inode *inode, u32 lblk, u32 len, u64 pblk,
		  bool unwritten, bool merge)
{
	struct ext4_extent e = { .block = cpu_to_le32(lblk) };
	int err;

	ext4_ext_set_len(&e, len, unwritten);
	ext4_ext_set_pblk(&e, pblk);
	do {
		err = try_insert(h, inode, &e, merge);
	} while (err == 1);
	return err;
}

int ext4_extent_insert(struct ext4_handle *h, struct inode *inode, u32 lblk, u32 len, u64 pblk,
		       bool unwritten)
{
	return insert(h, inode, lblk, len, pblk, unwritten, true);
}

/* ---- converting ---- */

/*
 * Sets the length of the extent that begins at @lblk.  Written, it joins its
 * neighbours.  Unwritten, it is a piece that convert() is cutting or restoring
 * and must still be found by its start: a neighbour that the whole extent was
 * too long for would take the piece in.
 */
static int set_extent(struct ext4_handle *h, struct inode *inode, u32 lblk, u32 len, bool unwritten)
{
	struct ext4_path *leaf;
	ext4_path_t path;
	u32 depth;
	int err = ext4_path_find(inode, lblk, path, &depth);

	if (err)
		return err;
	leaf = &path[depth];
	if (leaf->pos < 0 || le32_to_cpu(ext4_extents(leaf->eh)[leaf->pos].block) != lblk)
		err = ext4_corrupt(h->fs, inode->ino, "extent leaf holds blocks before its key");
	else
		err = ext4_node_access(h, leaf);
	if (!err) {
		ext4_ext_set_len(&ext4_extents(leaf->eh)[leaf->pos], len, unwritten);
		if (!unwritten) {
			merge_right(leaf->eh, leaf->pos);
			merge_right(leaf->eh, leaf->pos - 1);
		}
		ext4_node_changed(h, inode, leaf);
	}
	ext4_path_put(path);
	return err;
}

/* [map->lblk, + map->len) lies inside the unwritten extent @e (a copy): it becomes written. */
static int convert(struct ext4_handle *h, struct inode *inode, const struct ext4_extent *e,
		   struct ext4_map *map)
{
	u32 start = le32_to_cpu(e->block), head = map->lblk - start;
	u32 kept = head + map->len, tail = ext4_ext_len(e) - kept;
	u64 pblk = ext4_ext_pblk(e);
	int err = 0;

	if (tail) {
		err = set_extent(h, inode, start, kept, true);
		if (err)
			return err;
		/* Not merged, like the pieces: it touches what it was cut from. */
		err = insert(h, inode, start + kept, tail, pblk + kept, true, false);
		if (err) {
			set_extent(h, inode, start, kept + tail, true);
			return err;
		}
	}
	if (!head)
		return set_extent(h, inode, start, map->len, false);
	err = set_extent(h, inode, start, head, true);
	if (err)
		return err;
	err = ext4_extent_insert(h, inode, map->lblk, map->len, pblk + head, false);
	if (err)
		set_extent(h, inode, start, kept, true);
	return err;
}

/* ---- mapping ---- */

static u64 choose_goal(struct inode *inode, ext4_path_t path, u32 depth, u32 lblk)
{
	struct ext4_inode *ei = EXT4_I(inode);
	const struct ext4_path *leaf = &path[depth];

	if (leaf->pos >= 0) {
		const struct ext4_extent *e = &ext4_extents(leaf->eh)[leaf->pos];

		return ext4_ext_pblk(e) + (lblk - le32_to_cpu(e->block));
	}
	if (ei->last_pblk)
		return ei->last_pblk;
	if (leaf->bh)
		return leaf->bh->block;
	return 0;
}

static int allocate(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags,
		    u64 goal)
{
	bool unwritten = flags & MAP_CREATE_UNWRITTEN;
	u32 len = MIN(map->len, EXTENT_LEN_MAX - unwritten);
	u64 block;
	int err = ext4_alloc_blocks(h, inode, goal, &len, flags & MAP_RESERVED, &block);

	if (err)
		return err;
	err = ext4_extent_insert(h, inode, map->lblk, len, block, unwritten);
	if (err) {
		ext4_free_blocks(h, inode, block, len, false);
		return err;
	}
	EXT4_I(inode)->last_lblk = map->lblk + len;
	EXT4_I(inode)->last_pblk = block + len;
	map->len = len;
	map->pblk = block;
	map->flags = unwritten ? MAP_UNWRITTEN : MAP_MAPPED;
	return 0;
}

int ext4_extent_map(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags)
{
	struct ext4_extent e = { 0 };
	bool inside = false;
	ext4_path_t path;
	u32 depth, off;
	u64 goal, next;
	int err = ext4_path_find(inode, map->lblk, path, &depth);

	if (err)
		return err;
	if (path[depth].pos >= 0) {
		e = ext4_extents(path[depth].eh)[path[depth].pos];
		inside = map->lblk - le32_to_cpu(e.block) < ext4_ext_len(&e);
	}
	goal = choose_goal(inode, path, depth, map->lblk);
	next = ext4_path_next(path, depth);
	ext4_path_put(path);

	if (!inside) {
		map->len = (u32)MIN((u64)map->len, next - map->lblk);
		return allocate(h, inode, map, flags, goal);
	}
	off = map->lblk - le32_to_cpu(e.block);
	map->len = MIN(map->len, ext4_ext_len(&e) - off);
	map->pblk = ext4_ext_pblk(&e) + off;
	map->flags = ext4_ext_unwritten(&e) ? MAP_UNWRITTEN : MAP_MAPPED;
	if (map->flags == MAP_MAPPED || !(flags & MAP_CREATE))
		return 0;
	err = convert(h, inode, &e, map);
	if (!err)
		map->flags = MAP_MAPPED;
	return err;
}
