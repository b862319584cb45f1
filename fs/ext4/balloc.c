// SPDX-License-Identifier: MIT
/*
 * Block allocation: runs of blocks near a goal.
 *
 * Data is allocated when dirty pages are written, so one call usually asks for
 * a whole file, or a megabyte of one.  The search:
 *   1. at the goal itself, if enough is free there: files grow in place;
 *   2. the group of the goal, then the others in circular order: the first run
 *      that is long enough;
 *   3. nothing is: the longest run of the first group that has any.
 * Each group remembers below which block nothing is free and how long its
 * longest run is at most, so full and shattered groups are skipped unread.
 *
 * Promises (delayed allocation): a dirty page without a block holds a promise;
 * ext4_reserve() makes one only while free blocks, less all promises and a
 * margin for tree blocks, cover it.  So writing it back does not fail for room.
 * Whoever allocates without a promise makes one for the time of the search: what
 * is promised to others is not taken, by root neither.
 *
 * Locks: one group's lock at a time.
 */
#include <tarn/cred.h>
#include "ext4.h"

#define GOOD_RUN 16u            /* at the goal, this much is enough to start with */
#define MARGIN 32u              /* blocks kept for trees of delayed data */

struct request {
	struct ext4_handle *h;
	u32 want;               /* blocks, at most */
	u32 min;                /* a run shorter than this is not taken in this pass */
	u32 at;                 /* start looking here, in the group */
	bool exact;             /* at @at only */
	u32 found, len;         /* result, in the group */
};

/* ---- one group ---- */

static u32 run_length(const ulong *map, u32 n, u32 start, u32 max)
{
	u32 limit = MIN(n, start + MIN(max, n));

	return (u32)bitmap_find_next_set(map, limit, start) - start;
}

/* The first run of at least r->min blocks at or after r->at; remembers the longest seen. */
static bool scan_group(struct request *r, struct ext4_group *g, const ulong *map, u32 n)
{
	u32 bit = MAX(r->at, g->first_free), longest = 0;
	bool whole = r->at <= g->first_free;

	while (bit < n) {
		u32 start = (u32)bitmap_find_next_zero(map, n, bit), len;

		if (whole && !longest)
			g->first_free = start;
		if (start >= n)
			break;
		len = run_length(map, n, start, r->want);
		if (len > longest) {
			longest = len;
			r->found = start;
			r->len = len;
			if (len >= r->min)
				return true;
		}
		bit = start + len + 1;
	}
	if (whole && longest < r->want)
		g->largest = longest;
	return false;
}

static bool take_at_goal(struct request *r, const ulong *map, u32 n)
{
	if (r->at >= n || bitmap_test(map, r->at))
		return false;
	r->found = r->at;
	r->len = run_length(map, n, r->at, r->want);
	return r->len >= MIN(r->want, GOOD_RUN);
}

static int mark_used(struct request *r, u32 group, struct buffer *bh)
{
	struct ext4_fs *fs = r->h->fs;
	struct ext4_group *g = &fs->group[group];
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	int err = ext4_bitmap_access(r->h, group, bh);

	if (err)
		return err;
	bitmap_set_range(bh->data, r->found, r->len);
	if (r->found == g->first_free)
		g->first_free = r->found + r->len;
	ext4_desc_set_free_blocks(fs, gd, ext4_desc_free_blocks(fs, gd) - r->len);
	ext4_block_bitmap_changed(r->h, group, bh);
	return 1;
}

/* 1: took r->found, r->len; 0: nothing that fits here; or -errno. */
static int try_group(struct request *r, u32 group)
{
	struct ext4_fs *fs = r->h->fs;
	struct ext4_group *g = &fs->group[group];
	u32 n = ext4_group_blocks(fs, group);
	struct buffer *bh;
	int got = 0;

	if (READ_ONCE(g->free_blocks) < r->min || READ_ONCE(g->largest) < r->min)
		return 0;
	mutex_lock(&g->lock);
	bh = ext4_block_bitmap(r->h, fs, group);
	if (IS_ERR(bh)) {
		mutex_unlock(&g->lock);
		return g->broken ? 0 : (int)PTR_ERR(bh);
	}
	if (r->exact)
		got = take_at_goal(r, bh->data, n);
	else
		got = scan_group(r, g, bh->data, n);
	if (got && !ext4_blocks_valid(fs, ext4_group_start(fs, group) + r->found, r->len)) {
		g->broken = true;
		ext4_corrupt(fs, 0, "group %u: metadata is marked free", group);
		got = 0;
	}
	if (got)
		got = mark_used(r, group, bh);
	mutex_unlock(&g->lock);
	buffer_put(bh);
	return got;
}

/* ---- all groups ---- */

static int search(struct request *r, u32 first, u32 goal_bit, u32 *group)
{
	struct ext4_fs *fs = r->h->fs;

	for (u32 i = 0; i < fs->groups; i++) {
		int got;

		*group = (first + i) % fs->groups;
		r->at = i ? 0 : goal_bit;
		got = try_group(r, *group);
		if (got)
			return got;
		cond_resched();
	}
	/* What lies before the goal in its own group comes last. */
	*group = first;
	r->at = 0;
	return goal_bit ? try_group(r, first) : 0;
}

static int find_blocks(struct request *r, u64 goal, u64 *block)
{
	struct ext4_fs *fs = r->h->fs;
	u32 group, bit;
	int got;

	if (goal < fs->first_data_block || goal >= fs->blocks_count)
		goal = fs->first_data_block;
	group = (u32)((goal - fs->first_data_block) / fs->blocks_per_group);
	bit = (u32)((goal - fs->first_data_block) % fs->blocks_per_group);

	r->at = bit;
	r->min = 1;
	r->exact = true;
	got = try_group(r, group);
	r->exact = false;
	/* Long enough, then half, then whatever there is. */
	for (r->min = r->want; !got && r->min; r->min /= 4)
		got = search(r, (u32)((goal - fs->first_data_block) / fs->blocks_per_group), bit,
			     &group);
	if (!got) {
		r->min = 1;
		got = search(r, group, 0, &group);
	}
	if (got <= 0)
		return got < 0 ? got : -ENOSPC;
	*block = ext4_group_start(fs, group) + r->found;
	return 0;
}

/* ---- counting ---- */

static bool may_use_reserved(const struct ext4_fs *fs)
{
	const struct cred *c = current_cred();

	return cred_capable(c, CAP_SYS_RESOURCE) || c->fsuid == le16_to_cpu(fs->super->def_resuid) ||
	       (le16_to_cpu(fs->super->def_resgid) &&
		cred_in_group(c, le16_to_cpu(fs->super->def_resgid)));
}

/* Free blocks that nobody was promised. */
static u64 unpromised(const struct ext4_fs *fs)
{
	u64 free = atomic_load(&fs->free_blocks), promised = atomic_load(&fs->delayed);

	promised += promised / 64;
	return free > promised ? free - promised : 0;
}

int ext4_reserve(struct ext4_fs *fs, u32 n)
{
	u64 keep = MARGIN;

	atomic_fetch_add(&fs->delayed, n);
	if (unpromised(fs) > fs->reserved_blocks + keep)
		return 0;
	if (unpromised(fs) > keep && may_use_reserved(fs))
		return 0;
	atomic_fetch_sub(&fs->delayed, n);
	return -ENOSPC;
}

void ext4_unreserve(struct ext4_fs *fs, u32 n)
{
	u64 old = atomic_fetch_sub(&fs->delayed, n);

	assert(old >= n);
}

/* Promises the caller as many of @n blocks as nobody else was promised; 0: there are none. */
static u32 claim(struct ext4_fs *fs, u32 n)
{
	while (n && ext4_reserve(fs, n))
		n /= 2;
	return n;
}

static void inode_count_blocks(struct inode *inode, s64 blocks)
{
	u32 shift = EXT4_FS(inode)->block_bits - 9;

	spin_lock(&inode->spin);
	inode->blocks += (u64)(blocks * (1ll << shift));
	spin_unlock(&inode->spin);
}

static u64 ext4_inode_goal(struct inode *inode)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u32 group = (u32)((inode->ino - 1) / fs->inodes_per_group);

	/* In a flex group the tables of all its groups come first: data goes to the inode's own. */
	return ext4_group_start(fs, group);
}

int ext4_alloc_blocks(struct ext4_handle *h, struct inode *inode, u64 goal, u32 *count, bool promised,
		      u64 *block)
{
	struct ext4_fs *fs = h->fs;
	struct request r = { .h = h, .want = MIN(*count, fs->blocks_per_group) };
	u32 claimed = 0;
	int err;

	/* Blocks promised to dirty pages are free in the bitmaps, but not for others to take. */
	if (!promised) {
		r.want = claimed = claim(fs, r.want);
		if (!claimed)
			return -ENOSPC;
	}
	err = find_blocks(&r, goal ? goal : ext4_inode_goal(inode), block);
	if (!err) {
		*count = r.len;
		atomic_fetch_sub(&fs->free_blocks, r.len);
		inode_count_blocks(inode, r.len);
	}
	ext4_unreserve(fs, claimed);
	return err;
}

int ext4_alloc_meta(struct ext4_handle *h, struct inode *inode, u64 goal, u64 *block)
{
	struct request r = { .h = h, .want = 1 };
	int err = find_blocks(&r, goal ? goal : ext4_inode_goal(inode), block);

	if (err)
		return err;
	atomic_fetch_sub(&h->fs->free_blocks, 1);
	inode_count_blocks(inode, 1);
	return 0;
}

/* ---- freeing ---- */

static int free_in_group(struct ext4_handle *h, u32 group, u32 bit, u32 count)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_group *g = &fs->group[group];
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	struct buffer *bh;
	int err = 0;

	mutex_lock(&g->lock);
	bh = ext4_block_bitmap(h, fs, group);
	if (IS_ERR(bh)) {
		mutex_unlock(&g->lock);
		return (int)PTR_ERR(bh);
	}
	if (bitmap_find_next_zero(bh->data, bit + count, bit) != bit + count) {
		err = ext4_corrupt(fs, 0, "group %u: freeing free blocks at %u, %u long", group, bit,
				   count);
	} else if (!(err = ext4_bitmap_access(h, group, bh))) {
		bitmap_clear_range(bh->data, bit, count);
		g->first_free = MIN(g->first_free, bit);
		g->largest = ~0u;
		ext4_desc_set_free_blocks(fs, gd, ext4_desc_free_blocks(fs, gd) + count);
		ext4_block_bitmap_changed(h, group, bh);
		atomic_fetch_add(&fs->free_blocks, count);
	}
	mutex_unlock(&g->lock);
	buffer_put(bh);
	return err;
}

int ext4_free_blocks(struct ext4_handle *h, struct inode *inode, u64 block, u64 count, bool metadata)
{
	struct ext4_fs *fs = h->fs;

	if (!ext4_blocks_valid(fs, block, count))
		return ext4_corrupt(fs, inode->ino, "claims blocks %llu, %llu long",
				    (unsigned long long)block, (unsigned long long)count);
	if (metadata)
		ext4_forget(h, block, count);
	inode_count_blocks(inode, -(s64)count);
	while (count) {
		u64 rel = block - fs->first_data_block;
		u32 bit = (u32)(rel % fs->blocks_per_group);
		u32 n = (u32)MIN(count, (u64)(fs->blocks_per_group - bit));
		int err = free_in_group(h, (u32)(rel / fs->blocks_per_group), bit, n);

		if (err)
			return err;
		block += n;
		count -= n;
	}
	return 0;
}
