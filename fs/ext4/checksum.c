// SPDX-License-Identifier: MIT
/*
 * Checksums of metadata.
 *
 * crc32c over a seed and the structure with its own checksum field as zero.
 * The seed is the file system's UUID (or stands in the super block), and for
 * what belongs to one inode its number and generation after that.  Older file
 * systems (uninit_bg) have a crc16 over the group descriptors only.
 */
#include <tarn/crc.h>
#include "ext4.h"

static const u8 zeros[4];

u32 ext4_super_csum(const struct ext4_super *es)
{
	return crc32c(~0u, es, offsetof(struct ext4_super, checksum));
}

u16 ext4_desc_csum(const struct ext4_fs *fs, u32 group, const struct ext4_group_desc *gd)
{
	const u32 at = offsetof(struct ext4_group_desc, checksum), after = at + 2;
	le32 number = cpu_to_le32(group);

	if (fs->metadata_csum) {
		u32 crc = crc32c(fs->csum_seed, &number, sizeof(number));

		crc = crc32c(crc, gd, at);
		crc = crc32c(crc, zeros, 2);
		return (u16)crc32c(crc, (const u8 *)gd + after, fs->desc_size - after);
	}
	if (fs->gdt_csum) {
		u16 crc = crc16(0xffff, fs->super->uuid, sizeof(fs->super->uuid));

		crc = crc16(crc, &number, sizeof(number));
		crc = crc16(crc, gd, at);
		if (fs->desc_size > after)
			crc = crc16(crc, (const u8 *)gd + after, fs->desc_size - after);
		return crc;
	}
	return 0;
}

u32 ext4_bitmap_csum(const struct ext4_fs *fs, const void *map, u32 bytes)
{
	return crc32c(fs->csum_seed, map, bytes);
}

u32 ext4_inode_seed(const struct ext4_fs *fs, u64 ino, u32 generation)
{
	le32 words[2] = { cpu_to_le32((u32)ino), cpu_to_le32(generation) };

	return crc32c(fs->csum_seed, words, sizeof(words));
}

u32 ext4_inode_csum(const struct ext4_fs *fs, u32 seed, struct ext4_disk_inode *di)
{
	const u32 lo = offsetof(struct ext4_disk_inode, checksum_lo);
	const u32 hi = offsetof(struct ext4_disk_inode, checksum_hi);
	const u8 *p = (const u8 *)di;
	u32 crc = crc32c(seed, p, lo);

	crc = crc32c(crc, zeros, 2);
	crc = crc32c(crc, p + lo + 2, INODE_SIZE_OLD - lo - 2);
	if (fs->inode_size == INODE_SIZE_OLD)
		return crc & 0xffff;
	crc = crc32c(crc, p + INODE_SIZE_OLD, hi - INODE_SIZE_OLD);
	if (le16_to_cpu(di->extra_isize) < hi + 2 - INODE_SIZE_OLD)
		return crc32c(crc, p + hi, fs->inode_size - hi) & 0xffff;
	crc = crc32c(crc, zeros, 2);
	return crc32c(crc, p + hi + 2, fs->inode_size - hi - 2);
}

u32 ext4_extent_csum(u32 seed, const struct ext4_extent_header *eh)
{
	return crc32c(seed, eh, sizeof(*eh) + le16_to_cpu(eh->max) * sizeof(struct ext4_extent));
}

u32 ext4_dir_csum(u32 seed, const void *block, u32 block_size)
{
	return crc32c(seed, block, block_size - DIR_TAIL_SIZE);
}

u32 ext4_dx_csum(u32 seed, const void *block, u32 count_offset, u32 count,
		 const struct ext4_dx_tail *tail)
{
	u32 crc = crc32c(seed, block, count_offset + count * sizeof(struct ext4_dx_entry));

	crc = crc32c(crc, &tail->reserved, sizeof(tail->reserved));
	return crc32c(crc, zeros, sizeof(tail->checksum));
}

u32 ext4_xattr_block_csum(const struct ext4_fs *fs, u64 block, struct ext4_xattr_header *h)
{
	const u32 at = offsetof(struct ext4_xattr_header, checksum);
	le64 number = cpu_to_le64(block);
	u32 crc = crc32c(fs->csum_seed, &number, sizeof(number));

	crc = crc32c(crc, h, at);
	crc = crc32c(crc, zeros, sizeof(h->checksum));
	return crc32c(crc, (const u8 *)h + at + 4, fs->block_size - at - 4);
}
