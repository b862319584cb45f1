// SPDX-License-Identifier: MIT
/*
 * Block groups: descriptors, and where in a group things lie.
 *
 * All descriptor blocks are read and checked at mount and stay referenced; a
 * descriptor is changed in place under its group's lock.  From the descriptors
 * comes the list of zones, the runs of blocks that are the file system's own:
 * a file that claims one of those is corrupt.
 */
#include <tarn/sort.h>
#include <tarn/vmalloc.h>
#include "ext4.h"

u64 ext4_group_start(const struct ext4_fs *fs, u32 group)
{
	return fs->first_data_block + (u64)group * fs->blocks_per_group;
}

u32 ext4_group_blocks(const struct ext4_fs *fs, u32 group)
{
	u64 left = fs->blocks_count - ext4_group_start(fs, group);

	return (u32)MIN(left, (u64)fs->blocks_per_group);
}

/* ---- fields of a descriptor: the high halves exist only in large ones ---- */

struct ext4_group_desc *ext4_desc(struct ext4_fs *fs, u32 group)
{
	struct buffer *bh = fs->gdt[group / fs->descs_per_block];

	return (struct ext4_group_desc *)((char *)bh->data +
					  (size_t)(group % fs->descs_per_block) * fs->desc_size);
}

static bool desc_is_large(const struct ext4_fs *fs)
{
	return fs->desc_size >= DESC_SIZE_64;
}

#define DESC_BLOCK(name, lo, hi)                                                  \
	u64 ext4_desc_##name(const struct ext4_fs *fs, const struct ext4_group_desc *gd) \
	{                                                                         \
		u64 v = le32_to_cpu(gd->lo);                                      \
		return desc_is_large(fs) ? v | (u64)le32_to_cpu(gd->hi) << 32 : v; \
	}
#define DESC_COUNT(name, lo, hi)                                                  \
	u32 ext4_desc_##name(const struct ext4_fs *fs, const struct ext4_group_desc *gd) \
	{                                                                         \
		u32 v = le16_to_cpu(gd->lo);                                      \
		return desc_is_large(fs) ? v | (u32)le16_to_cpu(gd->hi) << 16 : v; \
	}                                                                         \
	void ext4_desc_set_##name(const struct ext4_fs *fs, struct ext4_group_desc *gd, u32 n) \
	{                                                                         \
		gd->lo = cpu_to_le16((u16)n);                                     \
		if (desc_is_large(fs))                                            \
			gd->hi = cpu_to_le16((u16)(n >> 16));                     \
	}
DESC_BLOCK(block_bitmap, block_bitmap_lo, block_bitmap_hi)
DESC_BLOCK(inode_bitmap, inode_bitmap_lo, inode_bitmap_hi)
DESC_BLOCK(inode_table, inode_table_lo, inode_table_hi)
DESC_COUNT(free_blocks, free_blocks_lo, free_blocks_hi)
DESC_COUNT(free_inodes, free_inodes_lo, free_inodes_hi)
DESC_COUNT(used_dirs, used_dirs_lo, used_dirs_hi)
DESC_COUNT(itable_unused, itable_unused_lo, itable_unused_hi)

void ext4_desc_changed(struct ext4_handle *h, u32 group)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_group_desc *gd = ext4_desc(fs, group);
	struct ext4_group *g = &fs->group[group];

	g->free_blocks = ext4_desc_free_blocks(fs, gd);
	g->free_inodes = ext4_desc_free_inodes(fs, gd);
	g->used_dirs = ext4_desc_used_dirs(fs, gd);
	if (fs->metadata_csum || fs->gdt_csum)
		gd->checksum = cpu_to_le16(ext4_desc_csum(fs, group, gd));
	ext4_dirty(h, fs->gdt[group / fs->descs_per_block]);
}

/* ---- the layout of a group ---- */

static bool is_power_of(u32 n, u32 base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

bool ext4_group_has_super(const struct ext4_fs *fs, u32 group)
{
	if (group == 0)
		return true;
	if (fs->compat & COMPAT_SPARSE_SUPER2)
		return group == le32_to_cpu(fs->super->backup_bgs[0]) ||
		       group == le32_to_cpu(fs->super->backup_bgs[1]);
	if (group == 1 || !ext4_has_ro(fs, RO_SPARSE_SUPER))
		return true;
	return is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

static bool in_meta_bg(const struct ext4_fs *fs, u32 group)
{
	return ext4_has_incompat(fs, INCOMPAT_META_BG) &&
	       group / fs->descs_per_block >= le32_to_cpu(fs->super->first_meta_bg);
}

u32 ext4_group_base_blocks(const struct ext4_fs *fs, u32 group)
{
	bool super = ext4_group_has_super(fs, group);
	u32 in_meta = group % fs->descs_per_block, gdt = fs->gdt_blocks;

	if (in_meta_bg(fs, group))
		return super + (in_meta <= 1 || in_meta == fs->descs_per_block - 1);
	if (!super)
		return 0;
	if (ext4_has_incompat(fs, INCOMPAT_META_BG))
		gdt = MIN(gdt, le32_to_cpu(fs->super->first_meta_bg));
	return 1 + gdt + le16_to_cpu(fs->super->reserved_gdt_blocks);
}

/* Where descriptor block @i lies. */
static u64 gdt_block(const struct ext4_fs *fs, u32 i)
{
	u32 first = i * fs->descs_per_block;

	if (in_meta_bg(fs, first))
		return ext4_group_start(fs, first) + ext4_group_has_super(fs, first);
	return fs->super_bh->block + 1 + i;
}

/* ---- zones ---- */

static int zone_cmp(const void *a, const void *b, void *arg)
{
	const struct ext4_zone *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Bitmaps and inode tables of whatever groups, the super block and the descriptors in use: does one lie on another? */
static int zones_apart(struct ext4_fs *fs)
{
	sort(fs->zones, fs->nr_zones, sizeof(*fs->zones), zone_cmp, NULL);
	for (u32 i = 1; i < fs->nr_zones; i++)
		if (fs->zones[i].start < fs->zones[i - 1].end)
			return ext4_corrupt(
				fs, 0, "bitmaps, inode tables or descriptors overlap at block %llu",
				(unsigned long long)fs->zones[i].start);
	return 0;
}

static void zones_merge(struct ext4_fs *fs)
{
	u32 n = 0;

	sort(fs->zones, fs->nr_zones, sizeof(*fs->zones), zone_cmp, NULL);
	for (u32 i = 0; i < fs->nr_zones; i++) {
		struct ext4_zone z = fs->zones[i];

		if (n && z.start <= fs->zones[n - 1].end)
			fs->zones[n - 1].end = MAX(fs->zones[n - 1].end, z.end);
		else
			fs->zones[n++] = z;
	}
	fs->nr_zones = n;
}

/* One more, or, without a table, one more to be counted.  @last: the one before, which it may continue. */
static void zone_add(struct ext4_fs *fs, struct ext4_zone *last, u64 start, u64 count)
{
	bool goes_on = last->end == start && last->end;

	if (!count)
		return;
	*last = (struct ext4_zone){ goes_on ? last->start : start, start + count };
	if (!goes_on)
		fs->nr_zones++;
	if (fs->zones)
		fs->zones[fs->nr_zones - 1] = *last;
}

/*
 * Kind by kind: in flexible groups bitmaps lie beside bitmaps and tables beside
 * tables, and so a disk of 16 TiB has a few thousand zones, not half a million.
 */
static void zones_collect(struct ext4_fs *fs)
{
	struct ext4_zone last[4] = { 0 };

	fs->nr_zones = 0;
	zone_add(fs, &last[0], fs->super_bh->block, 1);
	for (u32 i = 0; i < fs->gdt_blocks; i++)
		zone_add(fs, &last[0], gdt_block(fs, i), 1);
	for (u32 i = 0; i < fs->groups; i++)
		zone_add(fs, &last[1], ext4_desc_block_bitmap(fs, ext4_desc(fs, i)), 1);
	for (u32 i = 0; i < fs->groups; i++)
		zone_add(fs, &last[2], ext4_desc_inode_bitmap(fs, ext4_desc(fs, i)), 1);
	for (u32 i = 0; i < fs->groups; i++)
		zone_add(fs, &last[3], ext4_desc_inode_table(fs, ext4_desc(fs, i)),
			 fs->itable_blocks);
}

/* What begins the groups, copies and room to grow with it: may lie on the above, as it did before a resize. */
static void zones_collect_bases(struct ext4_fs *fs)
{
	struct ext4_zone last = { 0 };

	for (u32 i = 0; i < fs->groups; i++)
		zone_add(fs, &last, ext4_group_start(fs, i), ext4_group_base_blocks(fs, i));
}

static int zones_build(struct ext4_fs *fs)
{
	int err;

	zones_collect(fs); /* counts */
	zones_collect_bases(fs);
	fs->zones = vmalloc(fs->nr_zones * sizeof(*fs->zones));
	if (!fs->zones)
		return -ENOMEM;
	zones_collect(fs);
	err = zones_apart(fs);
	if (err)
		return err;
	zones_collect_bases(fs);
	zones_merge(fs);
	return 0;
}

bool ext4_blocks_valid(const struct ext4_fs *fs, u64 block, u64 count)
{
	u32 lo = 0, hi = fs->nr_zones;

	if (block <= fs->first_data_block || block >= fs->blocks_count ||
	    count > fs->blocks_count - block)
		return false;
	while (lo < hi) { /* the first zone that ends behind @block */
		u32 mid = lo + (hi - lo) / 2;

		if (fs->zones[mid].end <= block)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == fs->nr_zones || fs->zones[lo].start >= block + count;
}

/* ---- loading ---- */

static bool range_ok(const struct ext4_fs *fs, u64 block, u64 count)
{
	return block >= fs->first_data_block && block < fs->blocks_count &&
	       count <= fs->blocks_count - block;
}

/* Does it lie on the super block or the descriptors that are in use? */
static bool on_super(const struct ext4_fs *fs, u64 block)
{
	u32 gdt = fs->gdt_blocks;

	if (ext4_has_incompat(fs, INCOMPAT_META_BG))
		gdt = MIN(gdt, le32_to_cpu(fs->super->first_meta_bg));
	return block <= fs->super_bh->block + gdt;
}

static int check_desc(struct ext4_fs *fs, u32 group)
{
	const struct ext4_group_desc *gd = ext4_desc(fs, group);
	u64 blocks = ext4_desc_block_bitmap(fs, gd), inodes = ext4_desc_inode_bitmap(fs, gd);
	u64 table = ext4_desc_inode_table(fs, gd);

	if ((fs->metadata_csum || fs->gdt_csum) &&
	    ext4_desc_csum(fs, group, gd) != le16_to_cpu(gd->checksum))
		return ext4_corrupt(fs, 0, "group %u: descriptor checksum is wrong", group);
	if (!range_ok(fs, blocks, 1) || !range_ok(fs, inodes, 1) ||
	    !range_ok(fs, table, fs->itable_blocks))
		return ext4_corrupt(fs, 0, "group %u: bitmaps or inode table outside the disk",
				    group);
	if (on_super(fs, blocks) || on_super(fs, inodes) || on_super(fs, table))
		return ext4_corrupt(
			fs, 0, "group %u: bitmaps or inode table on the super block or descriptors",
			group);
	if (blocks == inodes || blocks - table < fs->itable_blocks ||
	    inodes - table < fs->itable_blocks)
		return ext4_corrupt(fs, 0, "group %u: bitmaps and inode table overlap", group);
	if (ext4_desc_free_blocks(fs, gd) > ext4_group_blocks(fs, group) ||
	    ext4_desc_free_inodes(fs, gd) > fs->inodes_per_group ||
	    ext4_desc_itable_unused(fs, gd) > fs->inodes_per_group)
		return ext4_corrupt(fs, 0, "group %u: impossible counts", group);
	return 0;
}

static int read_gdt(struct ext4_fs *fs)
{
	for (u32 i = 0; i < fs->gdt_blocks; i++)
		if (range_ok(fs, gdt_block(fs, i), 1))
			buffer_prefetch(fs->bdev, gdt_block(fs, i), fs->block_size);
	for (u32 i = 0; i < fs->gdt_blocks; i++) {
		u64 block = gdt_block(fs, i);
		struct buffer *bh;

		if (!range_ok(fs, block, 1))
			return ext4_corrupt(fs, 0, "descriptor block %u lies outside the disk", i);
		bh = ext4_bread(fs, block);
		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		fs->gdt[i] = bh;
	}
	return 0;
}

static int load_groups(struct ext4_fs *fs)
{
	u64 blocks = 0, inodes = 0;

	for (u32 i = 0; i < fs->groups; i++) {
		const struct ext4_group_desc *gd = ext4_desc(fs, i);
		struct ext4_group *g = &fs->group[i];
		int err = check_desc(fs, i);

		if (err)
			return err;
		mutex_init(&g->lock, "ext4_group", LR_FS_ALLOC);
		g->free_blocks = ext4_desc_free_blocks(fs, gd);
		g->free_inodes = ext4_desc_free_inodes(fs, gd);
		g->used_dirs = ext4_desc_used_dirs(fs, gd);
		g->largest = ~0u;
		blocks += g->free_blocks;
		inodes += g->free_inodes;
		fs->overhead += ext4_group_base_blocks(fs, i) + fs->itable_blocks + 2;
	}
	fs->overhead += fs->first_data_block;
	atomic_store(&fs->free_blocks, blocks);
	atomic_store(&fs->free_inodes, inodes);
	return 0;
}

int ext4_groups_load(struct ext4_fs *fs)
{
	int err;

	/* Of a disk of 16 TiB these are 8 MiB, more than kmalloc gives in one piece. */
	fs->gdt = vmalloc(fs->gdt_blocks * sizeof(*fs->gdt));
	fs->group = vmalloc(fs->groups * sizeof(*fs->group));
	if (!fs->gdt || !fs->group) {
		pr_err("ext4 (%s): not enough memory for its %u block groups\n", fs->sb->id,
		       fs->groups);
		return -ENOMEM;
	}
	err = read_gdt(fs);
	if (!err)
		err = load_groups(fs);
	return err ? err : zones_build(fs);
}

void ext4_groups_free(struct ext4_fs *fs)
{
	for (u32 i = 0; fs->gdt && i < fs->gdt_blocks; i++)
		buffer_put(fs->gdt[i]);
	vfree(fs->gdt);
	vfree(fs->group);
	vfree(fs->zones);
}
