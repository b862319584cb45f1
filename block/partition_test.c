// SPDX-License-Identifier: MIT
/*
 * Partition tables: made by hand, and damaged at random.
 * test-sources: block/partition.c lib/crc.c lib/string.c
 */
#include <tarn/crc.h>
#include <tarn/endian.h>
#include <tarn/slab.h>
#include "block.h"
#include "test.h"

#define SECTORS 4096

static u8 disk[SECTORS * 512];

void *kmalloc(size_t size, gfp_t gfp)
{
	return malloc(size);
}

void kfree(const void *p)
{
	free((void *)p);
}

static int read_disk(void *arg, u64 offset, void *buf, size_t len)
{
	if (offset > sizeof(disk) || len > sizeof(disk) - offset)
		return -22; /* EINVAL, as bdev_read() */
	memcpy(buf, disk + offset, len);
	return 0;
}

static int parse(struct partition *out)
{
	return partitions_parse(read_disk, NULL, SECTORS, 512, out, PARTITIONS_MAX);
}

static void mbr_entry(u64 sector, u32 slot, u8 type, u32 start, u32 sectors)
{
	u8 *s = disk + sector * 512, *e = s + 446 + slot * 16;

	e[4] = type;
	put_le32(e + 8, start);
	put_le32(e + 12, sectors);
	put_le16(s + 510, 0xaa55);
}

static void gpt(u64 lba, u64 other, u64 entries_lba)
{
	u8 *h = disk + lba * 512, *e = disk + entries_lba * 512;

	memset(e, 0, 128 * 128);
	for (u32 i = 0; i < 3; i++) {
		u8 *p = e + i * 2 * 128; /* numbers 1, 3, 5 */

		memset(p, 0x11 + (int)i, 32);
		put_le64(p + 32, 100 + i * 100);
		put_le64(p + 40, 199 + i * 100);
	}
	memcpy(h, "EFI PART", 8);
	put_le32(h + 8, 0x10000);
	put_le32(h + 12, 92);
	put_le32(h + 16, 0);
	put_le64(h + 24, lba);
	put_le64(h + 32, other);
	put_le64(h + 72, entries_lba);
	put_le32(h + 80, 128);
	put_le32(h + 84, 128);
	put_le32(h + 88, ~crc32(~0u, e, 128 * 128));
	put_le32(h + 16, ~crc32(~0u, h, 92));
}

static void make_gpt(void)
{
	memset(disk, 0, sizeof(disk));
	mbr_entry(0, 0, 0xee, 1, SECTORS - 1);
	gpt(1, SECTORS - 1, 2);
	gpt(SECTORS - 1, 1, SECTORS - 33);
}

TEST(no_table)
{
	struct partition p[PARTITIONS_MAX];

	memset(disk, 0, sizeof(disk));
	EXPECT_EQ(parse(p), 0);
}

TEST(mbr_primary_and_logical)
{
	struct partition p[PARTITIONS_MAX];

	memset(disk, 0, sizeof(disk));
	put_le32(disk + 440, 0xdeadbeef);
	mbr_entry(0, 0, 0x83, 64, 1000);
	mbr_entry(0, 1, 0x05, 2000, 2000);
	mbr_entry(2000, 0, 0x83, 10, 100);
	mbr_entry(2000, 1, 0x05, 500, 500);
	mbr_entry(2500, 0, 0x82, 10, 200);
	ASSERT(parse(p) == 4);
	EXPECT_EQ(p[0].number, 1);
	EXPECT_EQ(p[0].start, 64);
	EXPECT_EQ(p[0].sectors, 1000);
	EXPECT_STR(p[0].uuid, "deadbeef-01");
	EXPECT_EQ(p[1].sectors, 2);
	EXPECT_EQ(p[2].number, 5);
	EXPECT_EQ(p[2].start, 2010);
	EXPECT_EQ(p[3].number, 6);
	EXPECT_EQ(p[3].start, 2510);
	EXPECT_EQ(p[3].sectors, 200);
}

TEST(mbr_chain_in_a_circle_ends)
{
	struct partition p[PARTITIONS_MAX];

	memset(disk, 0, sizeof(disk));
	mbr_entry(0, 1, 0x0f, 2000, 2000);
	mbr_entry(2000, 0, 0x83, 10, 100);
	mbr_entry(2000, 1, 0x05, 100, 500);
	mbr_entry(2100, 0, 0x83, 10, 100);
	mbr_entry(2100, 1, 0x05, 100, 500);
	EXPECT(parse(p) > 1);
}

TEST(mbr_past_the_end_is_cut_or_dropped)
{
	struct partition p[PARTITIONS_MAX];

	memset(disk, 0, sizeof(disk));
	mbr_entry(0, 0, 0x83, SECTORS - 10, 1000);
	mbr_entry(0, 1, 0x83, SECTORS, 1000);
	ASSERT(parse(p) == 1);
	EXPECT_EQ(p[0].sectors, 10);
}

TEST(gpt_numbers_and_uuids)
{
	struct partition p[PARTITIONS_MAX];

	make_gpt();
	ASSERT(parse(p) == 3);
	EXPECT_EQ(p[0].number, 1);
	EXPECT_EQ(p[1].number, 3);
	EXPECT_EQ(p[1].start, 200);
	EXPECT_EQ(p[1].sectors, 100);
	EXPECT_STR(p[0].uuid, "11111111-1111-1111-1111-111111111111");
}

TEST(gpt_spare_header_serves)
{
	struct partition p[PARTITIONS_MAX];

	make_gpt();
	disk[512 + 40] ^= 1;
	EXPECT_EQ(parse(p), 3);
	disk[(SECTORS - 1) * 512 + 40] ^= 1;
	EXPECT_EQ(parse(p), 1); /* what is left is the protective entry */
}

TEST(damage_never_hurts)
{
	struct partition p[PARTITIONS_MAX];

	for (int round = 0; round < 3000; round++) {
		make_gpt();
		mbr_entry(0, 1, 0x05, 2000, 2000);
		mbr_entry(2000, 0, 0x83, 10, 100);
		for (u64 k = 1 + test_random_below(8); k--;) {
			static const u64 where[] = { 0, 512, 1024, 2000 * 512, (SECTORS - 1) * 512 };

			disk[where[test_random_below(5)] + test_random_below(512)] = (u8)test_random();
		}
		if (test_random_below(2)) { /* let the checksum hold so that the rest is reached */
			put_le32(disk + 512 + 16, 0);
			put_le32(disk + 512 + 16, ~crc32(~0u, disk + 512, 92));
		}
		for (int i = 0, n = parse(p); i < n; i++)
			EXPECT(p[i].start && p[i].start + p[i].sectors <= SECTORS);
	}
}
