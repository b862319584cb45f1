// SPDX-License-Identifier: MIT
/*
 * The two bitmaps of a group: reading, checking, making those that mkfs left
 * for later, and their checksums in the descriptor.
 *
 * A bitmap on disk is bytes with bit 0 first, which on a little-endian machine
 * is the layout of lib/bitmap: it is used in place.
 *
 * A group whose bitmap does not hold together is marked broken: nothing is
 * allocated there, the rest of the file system goes on (read-only, unless
 * errors=continue).
 *
 * Locks: the group's lock is held throughout.
 */
#include "ext4.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bitmaps are used in place"
#endif

static void set_range(struct ext4_fs *fs, u32 group, ulong *map, u64 block, u64 count)
{
	u64 start = ext4_group_start(fs, group), end = start + ext4_group_blocks(fs, group);
	u64 from = MAX(block, start), to = MIN(block + count, end);

	if (from < to)
		bitmap_set_range(map, from - start, to - from);
}

/* What BLOCK_UNINIT stands for: only this group's own metadata is in use, and what is past the end. */
static void make_block_bitmap(struct ext4_fs *fs, u32 group, void *map)
{
	const struct ext4_group_desc *gd = ext4_desc(fs, group);
	u32 n = ext4_group_blocks(fs, group);

	memset(map, 0, fs->block_size);
	set_range(fs, group, map, ext4_group_start(fs, group), ext4_group_base_blocks(fs, group));
	set_range(fs, group, map, ext4_desc_block_bitmap(fs, gd), 1);
	set_range(fs, group, map, ext4_desc_inode_bitmap(fs, gd), 1);
	set_range(fs, group, map, ext4_desc_inode_table(fs, gd), fs->itable_blocks);
	bitmap_set_range(map, n, (size_t)fs->block_size * 8 - n);
}

static void make_inode_bitmap(struct ext4_fs *fs, void *map)
{
	memset(map, 0, fs->block_size);
	bitmap_set_range(map, fs->inodes_per_group,
			 (size_t)fs->block_size * 8 - fs->inodes_per_group);
}

static bool csum_matches(const struct ext4_fs *fs, u32 want, le16 lo, le16 hi)
{
	u32 have = le16_to_cpu(lo);

	if (fs->desc_size < DESC_SIZE_64)
		return have == (want & 0xffff);
	return (have | (u32)le16_to_cpu(hi) << 16) == want;
}

static void csum_store(const struct ext4_fs *fs, u32 csum, le16 *lo, le16 *hi)
{
	*lo = cpu_to_le16((u16)csum);
	if (fs->desc_size >= DESC_SIZE_64)
		*hi = cpu_to_le16((u16)(csum >> 16));
}

static struct buffer *broken(struct ext4_fs *fs, u32 group, struct buffer *bh, const char *what)
{
	fs->group[group].broken = true;
	buffer_put(bh);
	return ERR_PTR(ext4_corrupt(fs, 0, "group %u: %s", group, what));
}

/* The group keeps its flag: the next one to want the bitmap makes it. */
static struct buffer *refused(struct buffer *bh, int err)
{
	buffer_put(bh);
	return ERR_PTR(err);
}

/* ---- blocks ---- */

static struct buffer *check_block_bitmap(struct ext4_fs *fs, u32 group, struct buffer *bh)
{
	const struct ext4_group_desc *gd = ext4_desc(fs, group);
	u32 n = ext4_group_blocks(fs, group), bytes = fs->blocks_per_group / 8;

	if (fs->metadata_csum &&
	    !csum_matches(fs, ext4_bitmap_csum(fs, bh->data, bytes), gd->block_bitmap_csum_lo,
			  gd->block_bitmap_csum_hi))
		return broken(fs, group, bh, "block bitmap checksum is wrong");
	if (n - bitmap_weight(bh->data, n) != ext4_desc_free_blocks(fs, gd))
		return broken(fs, group, bh, "block bitmap and descriptor disagree");
	ext4_set_verified(bh, VERIFIED_BLOCK_BITMAP);
	return bh;
}

static struct buffer *new_block_bitmap(struct ext4_handle *h, struct ext4_fs *fs, u32 group)
{
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	struct buffer *bh = buffer_get_new(fs->bdev, ext4_desc_block_bitmap(fs, gd), fs->block_size);
	u32 n = ext4_group_blocks(fs, group), free;
	int err;

	if (IS_ERR(bh))
		return bh;
	err = ext4_bitmap_access(h, group, bh);
	if (err)
		return refused(bh, err);
	make_block_bitmap(fs, group, bh->data);
	ext4_set_verified(bh, VERIFIED_BLOCK_BITMAP);
	free = n - (u32)bitmap_weight(bh->data, n);
	if (free != ext4_desc_free_blocks(fs, gd))
		return broken(fs, group, bh, "unused group with a wrong free count");
	gd->flags = cpu_to_le16(le16_to_cpu(gd->flags) & ~BG_BLOCK_UNINIT);
	ext4_block_bitmap_changed(h, group, bh);
	return bh;
}

struct buffer *ext4_block_bitmap(struct ext4_handle *h, struct ext4_fs *fs, u32 group)
{
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	struct buffer *bh;

	if (fs->group[group].broken)
		return ERR_PTR(-EUCLEAN);
	if ((fs->metadata_csum || fs->gdt_csum) && (le16_to_cpu(gd->flags) & BG_BLOCK_UNINIT))
		return new_block_bitmap(h, fs, group);
	bh = ext4_bread(fs, ext4_desc_block_bitmap(fs, gd));
	if (IS_ERR(bh) || ext4_verified(bh, VERIFIED_BLOCK_BITMAP))
		return bh;
	return check_block_bitmap(fs, group, bh);
}

int ext4_bitmap_access(struct ext4_handle *h, u32 group, struct buffer *bh)
{
	int err = ext4_access(h, bh);

	return err ? err : ext4_access(h, h->fs->gdt[group / h->fs->descs_per_block]);
}

void ext4_block_bitmap_changed(struct ext4_handle *h, u32 group, struct buffer *bh)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_group_desc *gd = ext4_desc(fs, group);

	if (fs->metadata_csum)
		csum_store(fs, ext4_bitmap_csum(fs, bh->data, fs->blocks_per_group / 8),
			   &gd->block_bitmap_csum_lo, &gd->block_bitmap_csum_hi);
	ext4_dirty(h, bh);
	ext4_desc_changed(h, group);
}

/* ---- inodes ---- */

static struct buffer *check_inode_bitmap(struct ext4_fs *fs, u32 group, struct buffer *bh)
{
	const struct ext4_group_desc *gd = ext4_desc(fs, group);
	u32 n = fs->inodes_per_group;

	if (fs->metadata_csum &&
	    !csum_matches(fs, ext4_bitmap_csum(fs, bh->data, n / 8), gd->inode_bitmap_csum_lo,
			  gd->inode_bitmap_csum_hi))
		return broken(fs, group, bh, "inode bitmap checksum is wrong");
	if (n - bitmap_weight(bh->data, n) != ext4_desc_free_inodes(fs, gd))
		return broken(fs, group, bh, "inode bitmap and descriptor disagree");
	ext4_set_verified(bh, VERIFIED_INODE_BITMAP);
	return bh;
}

static struct buffer *new_inode_bitmap(struct ext4_handle *h, struct ext4_fs *fs, u32 group)
{
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	struct buffer *bh = buffer_get_new(fs->bdev, ext4_desc_inode_bitmap(fs, gd), fs->block_size);
	int err;

	if (IS_ERR(bh))
		return bh;
	err = ext4_bitmap_access(h, group, bh);
	if (err)
		return refused(bh, err);
	make_inode_bitmap(fs, bh->data);
	ext4_set_verified(bh, VERIFIED_INODE_BITMAP);
	gd->flags = cpu_to_le16(le16_to_cpu(gd->flags) & ~BG_INODE_UNINIT);
	ext4_inode_bitmap_changed(h, group, bh);
	return bh;
}

struct buffer *ext4_inode_bitmap(struct ext4_handle *h, struct ext4_fs *fs, u32 group)
{
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	struct buffer *bh;

	if (fs->group[group].broken)
		return ERR_PTR(-EUCLEAN);
	if ((fs->metadata_csum || fs->gdt_csum) && (le16_to_cpu(gd->flags) & BG_INODE_UNINIT))
		return new_inode_bitmap(h, fs, group);
	bh = ext4_bread(fs, ext4_desc_inode_bitmap(fs, gd));
	if (IS_ERR(bh) || ext4_verified(bh, VERIFIED_INODE_BITMAP))
		return bh;
	return check_inode_bitmap(fs, group, bh);
}

void ext4_inode_bitmap_changed(struct ext4_handle *h, u32 group, struct buffer *bh)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_group_desc *gd = ext4_desc(fs, group);

	if (fs->metadata_csum)
		csum_store(fs, ext4_bitmap_csum(fs, bh->data, fs->inodes_per_group / 8),
			   &gd->inode_bitmap_csum_lo, &gd->inode_bitmap_csum_hi);
	ext4_dirty(h, bh);
	ext4_desc_changed(h, group);
}
