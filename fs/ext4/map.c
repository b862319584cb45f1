// SPDX-License-Identifier: MIT
/*
 * From a file's blocks to the disk's: one interface over extent trees and
 * indirect blocks, with the last answer remembered.
 *
 * The remembered run (ei->cache) serves sequential reading and rewriting
 * without a walk.  It holds mapped runs only, so allocation need not drop it;
 * whatever unmaps or converts does.
 *
 * Locks: map_lock, shared to look and exclusive to change.  cache_lock guards
 * the remembered run; it is filled while map_lock is held, so a run that was
 * just removed cannot come back.
 */
#include "ext4.h"

u64 ext4_max_bytes(const struct ext4_fs *fs, bool extents)
{
	u64 per = fs->block_size / 4, blocks;

	if (extents)
		return ((1ull << 32) - 1) << fs->block_bits;
	blocks = 12 + per + per * per + per * per * per;
	return MIN(blocks, (1ull << 32) - 1) << fs->block_bits;
}

static bool cache_find(struct ext4_inode *ei, struct ext4_map *map)
{
	bool hit;

	spin_lock(&ei->cache_lock);
	hit = map->lblk - ei->cache.lblk < ei->cache.len;
	if (hit) {
		u32 off = map->lblk - ei->cache.lblk;

		map->pblk = ei->cache.pblk + off;
		map->len = MIN(map->len, ei->cache.len - off);
		map->flags = ei->cache.flags;
	}
	spin_unlock(&ei->cache_lock);
	return hit;
}

static void cache_fill(struct ext4_inode *ei, const struct ext4_map *map)
{
	if (map->flags == MAP_HOLE)
		return;
	spin_lock(&ei->cache_lock);
	ei->cache = *map;
	spin_unlock(&ei->cache_lock);
}

static void ext4_map_cache_drop(struct inode *inode)
{
	struct ext4_inode *ei = EXT4_I(inode);

	spin_lock(&ei->cache_lock);
	ei->cache.len = 0;
	spin_unlock(&ei->cache_lock);
}

static int look_up(struct inode *inode, struct ext4_map *map)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_map run = { .lblk = map->lblk, .len = ~0u - map->lblk };
	int err;

	if (cache_find(ei, map))
		return 0;
	rwsem_read_lock(&ei->map_lock);
	err = ei->flags & IFL_EXTENTS ? ext4_extent_lookup(inode, &run) : ext4_ind_lookup(inode, &run);
	if (!err)
		cache_fill(ei, &run);
	rwsem_read_unlock(&ei->map_lock);
	if (err)
		return err;
	run.len = MIN(run.len, map->len);
	*map = run;
	return 0;
}

static bool is_enough(const struct ext4_map *map, u32 flags)
{
	if (map->flags & MAP_MAPPED)
		return true;
	return (map->flags & MAP_UNWRITTEN) && !(flags & MAP_CREATE);
}

int ext4_map_blocks(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags)
{
	struct ext4_inode *ei = EXT4_I(inode);
	u32 want = map->len;
	int err, e;

	assert(want);
	if (map->lblk == ~0u)
		return -EFBIG;
	err = look_up(inode, map);
	if (err || !h || is_enough(map, flags))
		return err;
	map->len = MIN(want, ~0u - map->lblk);
	rwsem_write_lock(&ei->map_lock);
	if (ei->flags & IFL_EXTENTS)
		err = ext4_extent_map(h, inode, map, flags);
	else
		err = ext4_ind_map(h, inode, map, flags);
	ext4_map_cache_drop(inode);
	if (!err)
		cache_fill(ei, map);
	e = ext4_write_inode(h, inode); /* also then: the tree may have grown before it failed */
	rwsem_write_unlock(&ei->map_lock);
	return err ? err : e;
}

static int remove_step(struct inode *inode, u32 first, u32 last, bool *done)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_handle h;
	int err = ext4_start(&h, EXT4_FS(inode), CREDITS_TRUNCATE), e;

	if (err)
		return err;
	rwsem_write_lock(&ei->map_lock);
	ext4_map_cache_drop(inode);
	if (ei->flags & IFL_EXTENTS)
		err = ext4_extent_remove(&h, inode, first, last, done);
	else
		err = ext4_ind_remove(&h, inode, first, last, done);
	e = ext4_write_inode(&h, inode);
	rwsem_write_unlock(&ei->map_lock);
	err = err ? err : e;
	e = ext4_stop(&h);
	return err ? err : e;
}

int ext4_remove_range(struct inode *inode, u32 first, u32 last)
{
	bool done = false;
	int err = 0;

	while (!done && !err) {
		err = remove_step(inode, first, last, &done);
		cond_resched();
	}
	return err;
}
