// SPDX-License-Identifier: MIT
/*
 * Extent trees: reading.
 *
 * The root is in the inode (four entries), every other node is a block.  A node
 * of depth 0 holds extents, one of greater depth indexes whose key is the first
 * block of what lies below.  Nodes are checked the first time they are seen: the
 * header always, checksum, order and ranges once per stay in the cache.  A
 * child's depth must be one less than its parent's, so bad pointers cannot lead
 * in a circle.
 *
 * Locks: the inode's map_lock.
 */
#include "ext4.h"

#define ROOT_ENTRIES 4u

u32 ext4_node_capacity(const struct ext4_fs *fs)
{
	return (fs->block_size - sizeof(struct ext4_extent_header)) / sizeof(struct ext4_extent);
}

void ext4_extent_init(struct inode *inode)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_extent_header *eh = (struct ext4_extent_header *)ei->block;

	memset(ei->block, 0, sizeof(ei->block));
	eh->magic = cpu_to_le16(EXTENT_MAGIC);
	eh->max = cpu_to_le16(ROOT_ENTRIES);
}

/* ---- checking ---- */

static const char *leaf_problem(const struct ext4_fs *fs, struct ext4_extent_header *eh)
{
	const struct ext4_extent *e = ext4_extents(eh);
	u64 next = 0;

	for (u32 i = 0; i < le16_to_cpu(eh->entries); i++, e++) {
		u32 block = le32_to_cpu(e->block), len = ext4_ext_len(e);

		if (!len || block < next || (u64)block + len > 1ull << 32)
			return "extents overlap or are out of order";
		if (!ext4_blocks_valid(fs, ext4_ext_pblk(e), len))
			return "extent outside the data area";
		next = (u64)block + len;
	}
	return NULL;
}

static const char *index_problem(const struct ext4_fs *fs, struct ext4_extent_header *eh)
{
	const struct ext4_extent_idx *ix = ext4_indexes(eh);
	u64 next = 0;

	if (!eh->entries.raw)
		return "extent index without entries";
	for (u32 i = 0; i < le16_to_cpu(eh->entries); i++, ix++) {
		if (le32_to_cpu(ix->block) < next)
			return "extent index out of order";
		if (!ext4_blocks_valid(fs, ext4_idx_pblk(ix), 1))
			return "extent index outside the data area";
		next = (u64)le32_to_cpu(ix->block) + 1;
	}
	return NULL;
}

static const char *header_problem(const struct ext4_extent_header *eh, u32 depth, u32 capacity)
{
	if (le16_to_cpu(eh->magic) != EXTENT_MAGIC)
		return "extent node without magic";
	if (le16_to_cpu(eh->depth) != depth)
		return "extent node of the wrong depth";
	if (!eh->max.raw || le16_to_cpu(eh->max) > capacity ||
	    le16_to_cpu(eh->entries) > le16_to_cpu(eh->max))
		return "extent node with too many entries";
	return NULL;
}

static const char *entries_problem(const struct ext4_fs *fs, struct ext4_extent_header *eh)
{
	return eh->depth.raw ? index_problem(fs, eh) : leaf_problem(fs, eh);
}

int ext4_extent_check_root(struct inode *inode)
{
	struct ext4_extent_header *eh = (struct ext4_extent_header *)EXT4_I(inode)->block;
	struct ext4_fs *fs = EXT4_FS(inode);
	u32 depth = le16_to_cpu(eh->depth);
	const char *problem = depth > EXTENT_DEPTH_MAX ? "extent tree too deep" :
							  header_problem(eh, depth, ROOT_ENTRIES);

	if (!problem)
		problem = entries_problem(fs, eh);
	return problem ? ext4_corrupt(fs, inode->ino, "%s", problem) : 0;
}

static le32 *node_csum(struct ext4_extent_header *eh)
{
	return (le32 *)(ext4_extents(eh) + le16_to_cpu(eh->max));
}

static struct buffer *read_node(struct inode *inode, u64 block, u32 depth)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct buffer *bh = ext4_bread(fs, block);
	struct ext4_extent_header *eh;
	const char *problem;

	if (IS_ERR(bh))
		return bh;
	eh = bh->data;
	problem = header_problem(eh, depth, ext4_node_capacity(fs));
	if (!problem && le16_to_cpu(eh->max) < 2) /* a full node is split: each half has an entry */
		problem = "extent node without room";
	if (!problem && !ext4_verified(bh, VERIFIED_EXTENT)) {
		if (fs->metadata_csum && le32_to_cpu(*node_csum(eh)) !=
						 ext4_extent_csum(EXT4_I(inode)->csum_seed, eh))
			problem = "extent node checksum is wrong";
		else
			problem = entries_problem(fs, eh);
		if (!problem)
			ext4_set_verified(bh, VERIFIED_EXTENT);
	}
	if (!problem)
		return bh;
	buffer_put(bh);
	return ERR_PTR(ext4_corrupt(fs, inode->ino, "%s (block %llu)", problem,
				    (unsigned long long)block));
}

/* ---- the path to a block ---- */

/* The last entry whose key is <= @lblk, or -1.  Extents and indexes both begin with their key. */
static int search_node(struct ext4_extent_header *eh, u32 lblk)
{
	int lo = 0, hi = le16_to_cpu(eh->entries);

	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;

		if (le32_to_cpu(ext4_extents(eh)[mid].block) <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

void ext4_path_put(ext4_path_t path)
{
	for (u32 i = 0; i <= EXTENT_DEPTH_MAX; i++) {
		buffer_put(path[i].bh);
		path[i].bh = NULL;
	}
}

int ext4_path_find(struct inode *inode, u32 lblk, ext4_path_t path, u32 *depth)
{
	struct ext4_extent_header *eh = (struct ext4_extent_header *)EXT4_I(inode)->block;
	u32 level = 0, d = le16_to_cpu(eh->depth);

	memset(path, 0, sizeof(ext4_path_t));
	*depth = d;
	path[0].eh = eh;
	path[0].pos = search_node(eh, lblk);
	while (level < d) {
		struct ext4_path *p = &path[level];
		struct buffer *bh;

		if (p->pos < 0)
			p->pos = 0; /* before everything: the way to the first leaf */
		bh = read_node(inode, ext4_idx_pblk(&ext4_indexes(p->eh)[p->pos]), d - level - 1);
		if (IS_ERR(bh)) {
			ext4_path_put(path);
			return (int)PTR_ERR(bh);
		}
		level++;
		path[level].bh = bh;
		path[level].eh = bh->data;
		path[level].pos = search_node(bh->data, lblk);
	}
	return 0;
}

u64 ext4_path_next(ext4_path_t path, u32 depth)
{
	for (int level = (int)depth; level >= 0; level--) {
		struct ext4_path *p = &path[level];

		if (p->pos + 1 < le16_to_cpu(p->eh->entries))
			return le32_to_cpu(ext4_extents(p->eh)[p->pos + 1].block);
	}
	return ~0ull;
}

int ext4_extent_lookup(struct inode *inode, struct ext4_map *map)
{
	const struct ext4_extent *e;
	ext4_path_t path;
	u32 depth, off;
	u64 next;
	int err = ext4_path_find(inode, map->lblk, path, &depth);

	if (err)
		return err;
	e = path[depth].pos < 0 ? NULL : &ext4_extents(path[depth].eh)[path[depth].pos];
	off = e ? map->lblk - le32_to_cpu(e->block) : 0;
	if (e && off < ext4_ext_len(e)) {
		map->pblk = ext4_ext_pblk(e) + off;
		map->len = MIN(map->len, ext4_ext_len(e) - off);
		map->flags = ext4_ext_unwritten(e) ? MAP_UNWRITTEN : MAP_MAPPED;
	} else {
		next = ext4_path_next(path, depth);
		map->pblk = 0;
		map->flags = MAP_HOLE;
		map->len = (u32)MIN((u64)map->len, next - map->lblk);
	}
	ext4_path_put(path);
	return 0;
}

/* ---- changing a node ---- */

int ext4_node_access(struct ext4_handle *h, struct ext4_path *p)
{
	return p->bh ? ext4_access(h, p->bh) : 0;
}

void ext4_node_changed(struct ext4_handle *h, struct inode *inode, struct ext4_path *p)
{
	if (!p->bh) /* the root: written with the inode */
		return;
	if (h->fs->metadata_csum)
		*node_csum(p->eh) = cpu_to_le32(ext4_extent_csum(EXT4_I(inode)->csum_seed, p->eh));
	ext4_dirty(h, p->bh);
}

int ext4_path_fix_keys(struct ext4_handle *h, struct inode *inode, ext4_path_t path, u32 level)
{
	while (level > 0 && path[level].eh->entries.raw) {
		le32 key = ext4_extents(path[level].eh)[0].block;
		struct ext4_path *up = &path[level - 1];
		int err;

		if (ext4_indexes(up->eh)[up->pos].block.raw == key.raw)
			return 0;
		err = ext4_node_access(h, up);
		if (err)
			return err;
		ext4_indexes(up->eh)[up->pos].block = key;
		ext4_node_changed(h, inode, up);
		if (up->pos)
			return 0;
		level--;
	}
	return 0;
}
