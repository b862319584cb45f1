// SPDX-License-Identifier: MIT
/*
 * Inode allocation.
 *
 * A file goes to its directory's group, so that a directory's inodes and their
 * data lie together.  A directory goes near its parent while there is room, but
 * directories at the top (in the root, or in one marked with chattr +T) are
 * spread over the disk: each starts in a group with more free inodes and blocks
 * than the average and the fewest directories (Orlov's policy).
 *
 * Within a group the lowest free number is taken.  That keeps the never-used
 * end of the table, which mkfs may have left unwritten, behind itable_unused.
 *
 * Locks: one group's lock at a time.
 */
#include <tarn/random.h>
#include <tarn/time.h>
#include "ext4.h"

/* ---- which group ---- */

static u32 parent_group(const struct ext4_fs *fs, const struct inode *dir)
{
	return (u32)((dir->ino - 1) / fs->inodes_per_group);
}

static u32 top_dir_group(struct ext4_fs *fs)
{
	u64 avg_inodes = atomic_load(&fs->free_inodes) / fs->groups;
	u64 avg_blocks = atomic_load(&fs->free_blocks) / fs->groups;
	u32 start = atomic_fetch_add(&fs->next_dir_group, 1) % fs->groups;
	u32 best = fs->groups, fewest = ~0u;

	for (u32 i = 0; i < fs->groups; i++) {
		u32 group = (start + i) % fs->groups;
		const struct ext4_group *g = &fs->group[group];

		if (!g->free_inodes || g->free_inodes < avg_inodes || g->free_blocks < avg_blocks)
			continue;
		if (g->used_dirs < fewest) {
			fewest = g->used_dirs;
			best = group;
		}
	}
	return best;
}

static bool room_for_dir(const struct ext4_fs *fs, u32 group)
{
	const struct ext4_group *g = &fs->group[group];
	u64 avg_inodes = atomic_load(&fs->free_inodes) / fs->groups;
	u64 avg_blocks = atomic_load(&fs->free_blocks) / fs->groups;

	return g->free_inodes > avg_inodes / 4 && g->free_blocks > avg_blocks / 4 &&
	       g->used_dirs < fs->inodes_per_group / 4;
}

static u32 choose_group(struct ext4_fs *fs, const struct inode *dir, mode_t mode)
{
	u32 parent = parent_group(fs, dir);

	if (!mode_is_dir(mode))
		return parent;
	if (dir->ino == INO_ROOT || (EXT4_I(dir)->flags & IFL_TOPDIR)) {
		u32 group = top_dir_group(fs);

		return group < fs->groups ? group : parent;
	}
	for (u32 i = 0; i < fs->groups; i++)
		if (room_for_dir(fs, (parent + i) % fs->groups))
			return (parent + i) % fs->groups;
	return parent;
}

/* ---- taking a number ---- */

/* A group that gets its first inode needs its block bitmap too: they are initialised together. */
static int settle_block_bitmap(struct ext4_handle *h, u32 group)
{
	struct buffer *bh = ext4_block_bitmap(h, h->fs, group);

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	buffer_put(bh);
	return 0;
}

static void count_used(struct ext4_handle *h, u32 group, u32 bit, mode_t mode)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	u32 unused = fs->inodes_per_group - bit - 1;

	ext4_desc_set_free_inodes(fs, gd, ext4_desc_free_inodes(fs, gd) - 1);
	if (mode_is_dir(mode))
		ext4_desc_set_used_dirs(fs, gd, ext4_desc_used_dirs(fs, gd) + 1);
	if ((fs->metadata_csum || fs->gdt_csum) && ext4_desc_itable_unused(fs, gd) > unused)
		ext4_desc_set_itable_unused(fs, gd, unused);
}

/* The inode number, 0: none free here, or -errno. */
static s64 take_in_group(struct ext4_handle *h, u32 group, mode_t mode)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_group *g = &fs->group[group];
	struct buffer *bh = NULL;
	s64 ino = 0;
	int err;
	u32 bit;

	if (!READ_ONCE(g->free_inodes) || g->broken)
		return 0;
	mutex_lock(&g->lock);
	if (!g->free_inodes)
		goto out;
	ino = settle_block_bitmap(h, group);
	if (!ino)
		bh = ext4_inode_bitmap(h, fs, group);
	if (ino || IS_ERR(bh)) {
		ino = g->broken ? 0 : ino ? ino : PTR_ERR(bh);
		bh = NULL;
		goto out;
	}
	bit = (u32)bitmap_find_next_zero(bh->data, fs->inodes_per_group, 0);
	if (bit >= fs->inodes_per_group)
		goto out;
	ino = (s64)group * fs->inodes_per_group + bit + 1;
	if (ino < fs->first_ino) {
		g->broken = true;
		ino = ext4_corrupt(fs, (u64)ino, "a reserved inode is marked free");
		goto out;
	}
	err = ext4_bitmap_access(h, group, bh);
	if (err) {
		ino = err;
		goto out;
	}
	bitmap_set(bh->data, bit);
	count_used(h, group, bit, mode);
	ext4_inode_bitmap_changed(h, group, bh);
	atomic_fetch_sub(&fs->free_inodes, 1);
out:
	mutex_unlock(&g->lock);
	buffer_put(bh);
	return ino;
}

static s64 take_number(struct ext4_handle *h, const struct inode *dir, mode_t mode)
{
	struct ext4_fs *fs = h->fs;
	u32 first = choose_group(fs, dir, mode);

	for (u32 i = 0; i < fs->groups; i++) {
		s64 ino = take_in_group(h, (first + i) % fs->groups, mode);

		if (ino)
			return ino;
		cond_resched();
	}
	return -ENOSPC;
}

static int give_back(struct ext4_handle *h, u64 ino, bool is_dir)
{
	struct ext4_fs *fs = h->fs;
	u32 group = (u32)((ino - 1) / fs->inodes_per_group);
	u32 bit = (u32)((ino - 1) % fs->inodes_per_group);
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	struct ext4_group *g = &fs->group[group];
	struct buffer *bh;
	int err = 0;

	mutex_lock(&g->lock);
	bh = ext4_inode_bitmap(h, fs, group);
	if (IS_ERR(bh)) {
		mutex_unlock(&g->lock);
		return (int)PTR_ERR(bh);
	}
	if (!bitmap_test(bh->data, bit)) {
		err = ext4_corrupt(fs, ino, "freed twice");
	} else if (!(err = ext4_bitmap_access(h, group, bh))) {
		bitmap_clear(bh->data, bit);
		ext4_desc_set_free_inodes(fs, gd, ext4_desc_free_inodes(fs, gd) + 1);
		if (is_dir && ext4_desc_used_dirs(fs, gd))
			ext4_desc_set_used_dirs(fs, gd, ext4_desc_used_dirs(fs, gd) - 1);
		ext4_inode_bitmap_changed(h, group, bh);
		atomic_fetch_add(&fs->free_inodes, 1);
	}
	mutex_unlock(&g->lock);
	buffer_put(bh);
	return err;
}

int ext4_free_inode(struct ext4_handle *h, struct inode *inode)
{
	return give_back(h, inode->ino, mode_is_dir(inode->mode));
}

/* ---- the new inode ---- */

static u32 inherited_flags(const struct ext4_fs *fs, const struct inode *dir, mode_t mode)
{
	u32 flags = EXT4_I(dir)->flags & IFL_INHERITED;

	if (mode_is_reg(mode))
		flags &= IFL_REG_ONLY_MASK;
	else if (!mode_is_dir(mode))
		flags &= IFL_OTHER_MASK;
	if (ext4_has_incompat(fs, INCOMPAT_EXTENTS) && (mode_is_reg(mode) || mode_is_dir(mode)))
		flags |= IFL_EXTENTS;
	return flags;
}

static void fill_new(struct inode *inode, const struct inode *dir, mode_t mode)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct ext4_inode *ei = EXT4_I(inode);

	inode_init_owner(inode, dir, mode);
	inode->nlink = 1;
	inode->blkbits = fs->block_bits;
	inode->generation = (u32)random_u64();
	inode->atime = inode->mtime = inode->ctime = inode->btime = inode_now(inode);
	ei->csum_seed = ext4_inode_seed(fs, inode->ino, inode->generation);
	ei->extra_isize = (u16)fs->want_extra_isize;
	ei->flags = inherited_flags(fs, dir, mode);
	if (ei->flags & IFL_EXTENTS)
		ext4_extent_init(inode);
	ext4_set_attr_flags(inode);
}

/* Nothing of the slot's former owner may stay: xattrs lie behind the fields. */
static int clear_slot(struct ext4_handle *h, u64 ino)
{
	struct ext4_disk_inode *di;
	struct buffer *bh;
	int err = ext4_raw_inode(h->fs, ino, &bh, &di);

	if (err)
		return err;
	err = ext4_access(h, bh);
	if (!err) {
		buffer_lock(bh);
		memset(di, 0, h->fs->inode_size);
		buffer_unlock(bh);
	}
	buffer_put(bh);
	return err;
}

struct inode *ext4_new_inode(struct ext4_handle *h, struct inode *dir, mode_t mode)
{
	struct inode *inode = inode_new(dir->super);
	s64 ino;
	int err;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	ino = take_number(h, dir, mode);
	if (ino < 0) {
		inode_put(inode);
		return ERR_PTR(ino);
	}
	inode->ino = (u64)ino;
	err = clear_slot(h, inode->ino);
	if (err) {
		give_back(h, inode->ino, mode_is_dir(mode));
		inode_put(inode);
		return ERR_PTR(err);
	}
	fill_new(inode, dir, mode);
	EXT4_I(inode)->live = true;
	inode_hash(inode);
	return inode;
}
