// SPDX-License-Identifier: MIT
/*
 * Files and their blocks: extents inserted, joined, split and removed, holes, unwritten ranges, deep trees; the
 * same through the block maps of ext2.  What a file reads is compared before and after its caches went.
 */
#include <linux/falloc.h>
#include "cases.h"

#define KIB 1024ul
#define MIB (1024 * KIB)

static void new_file(const char *path)
{
	EXPECT_EQ(vol_make(path, S_IFREG | 0644), 0);
}

TEST(extent_one_run_is_one_extent)
{
	struct disk *d = begin(16384, "");

	new_file("f");
	EXPECT(put("f", 0, 4 * MIB, 1));
	EXPECT(again(d));
	EXPECT(get("f", 0, 4 * MIB, 1));
	EXPECT_EQ(blocks_of("f"), 4 * MIB / 512); /* no tree block */
	end(d);
}

TEST(extent_every_other_block_makes_a_tree)
{
	struct disk *d = begin(16384, "-b 1024");

	new_file("f");
	for (u32 i = 0; i < 700; i++)
		EXPECT(put("f", (u64)i * 2048, 1024, i));
	EXPECT(again(d));
	for (u32 i = 0; i < 700; i++) {
		EXPECT(get("f", (u64)i * 2048, 1024, i));
		EXPECT(i == 699 || zeros("f", (u64)i * 2048 + 1024, 1024));
	}
	EXPECT(blocks_of("f") > 1400);
	end(d);
}

TEST(extent_tree_of_three_levels_and_back)
{
	struct disk *d = begin(65536, "-b 1024 -N 64");
	u64 free;

	new_file("f");
	vol_sync();
	free = free_blocks();
	for (u32 i = 0; i < 8000; i++) /* 84 extents a leaf: 96 leaves, 2 index blocks */
		EXPECT(put("f", (u64)i * 3072, 512, i));
	EXPECT(again(d));
	for (u32 i = 0; i < 8000; i += 7)
		EXPECT(get("f", (u64)i * 3072, 512, i));
	EXPECT_EQ(vol_truncate("f", 0), 0);
	EXPECT(again(d));
	EXPECT_EQ(free_blocks(), free);
	end(d);
}

TEST(extent_backwards_joins_to_one_run)
{
	struct disk *d = begin(8192, "");

	new_file("f");
	for (u32 i = 64; i--;)
		EXPECT(put("f", i * 4096ul, 4096, i));
	EXPECT(again(d));
	for (u32 i = 0; i < 64; i++)
		EXPECT(get("f", i * 4096ul, 4096, i));
	EXPECT_EQ(blocks_of("f"), 64 * 8);
	end(d);
}

TEST(extent_hole_punched_in_the_middle)
{
	struct disk *d = begin(8192, "");

	new_file("f");
	EXPECT(put("f", 0, MIB, 1));
	EXPECT_EQ(vol_fallocate("f", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100 * KIB, 200 * KIB), 0);
	EXPECT(again(d));
	EXPECT(zeros("f", 100 * KIB, 200 * KIB));
	EXPECT_EQ(blocks_of("f"), (MIB - 200 * KIB) / 512);
	EXPECT(put("f", 150 * KIB, 10 * KIB, 2));
	EXPECT(again(d));
	EXPECT(get("f", 150 * KIB, 10 * KIB, 2));
	EXPECT(zeros("f", 100 * KIB, 50 * KIB));
	end(d);
}

TEST(extent_punch_of_parts_of_blocks)
{
	struct disk *d = begin(4096, "-b 1024");

	new_file("f");
	EXPECT(put("f", 0, 10000, 1));
	EXPECT_EQ(vol_fallocate("f", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1500, 3000), 0);
	EXPECT(again(d));
	EXPECT(zeros("f", 1500, 3000));
	EXPECT(get("f", 0, 1500, 1));
	EXPECT_EQ(size_of("f"), 10000);
	end(d);
}

TEST(extent_punch_everywhere_leaves_nothing)
{
	struct disk *d = begin(8192, "-b 1024");
	u64 free;

	new_file("f");
	vol_sync();
	free = free_blocks();
	EXPECT(put("f", 0, MIB, 1));
	for (u32 i = 0; i < 1024; i += 2) /* from one extent to 512, then to none */
		EXPECT_EQ(vol_fallocate("f", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * KIB, KIB), 0);
	EXPECT(again(d));
	for (u32 i = 1; i < 1024; i += 2)
		EXPECT_EQ(vol_fallocate("f", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * KIB, KIB), 0);
	EXPECT(zeros("f", 0, MIB));
	EXPECT_EQ(blocks_of("f"), 0);
	EXPECT(again(d));
	EXPECT_EQ(blocks_of("f"), 0);
	EXPECT_EQ(free_blocks(), free);
	end(d);
}

TEST(unwritten_reads_zeros)
{
	struct disk *d = begin(8192, "");

	new_file("dirt"); /* the blocks hold something */
	EXPECT(put("dirt", 0, 2 * MIB, 9));
	EXPECT(again(d));
	EXPECT_EQ(vol_unlink("dirt"), 0);
	new_file("f");
	EXPECT_EQ(vol_fallocate("f", 0, 0, 2 * MIB), 0);
	EXPECT(again(d));
	EXPECT_EQ(size_of("f"), 2 * MIB);
	EXPECT(zeros("f", 0, 2 * MIB));
	end(d);
}

TEST(unwritten_split_in_three_by_a_write)
{
	struct disk *d = begin(8192, "");

	new_file("f");
	EXPECT_EQ(vol_fallocate("f", 0, 0, MIB), 0);
	EXPECT(put("f", 400 * KIB, 8 * KIB, 1));
	EXPECT(again(d));
	EXPECT(get("f", 400 * KIB, 8 * KIB, 1));
	EXPECT(zeros("f", 0, 400 * KIB));
	EXPECT(zeros("f", 408 * KIB, 616 * KIB));
	EXPECT_EQ(blocks_of("f"), MIB / 512);
	end(d);
}

TEST(unwritten_filled_piece_by_piece)
{
	struct disk *d = begin(8192, "-b 1024");

	new_file("f");
	EXPECT_EQ(vol_fallocate("f", 0, 0, 512 * KIB), 0);
	for (u32 i = 0; i < 512; i++) {
		EXPECT(put("f", (i * 197 % 512) * KIB, KIB, i * 197 % 512));
		if (i % 50 == 0)
			EXPECT_EQ(vol_fsync("f"), 0);
	}
	EXPECT(again(d));
	for (u32 i = 0; i < 512; i++)
		EXPECT(get("f", i * KIB, KIB, i));
	end(d);
}

TEST(unwritten_longer_than_one_extent)
{
	struct disk *d = begin(65536, "-b 1024");

	new_file("f");
	EXPECT_EQ(vol_fallocate("f", 0, 0, 40 * MIB), 0); /* 40960 blocks, an extent has 32767 */
	EXPECT(put("f", 32766 * KIB, 4 * KIB, 3));
	EXPECT(again(d));
	EXPECT(get("f", 32766 * KIB, 4 * KIB, 3));
	EXPECT(zeros("f", 32770 * KIB, 100 * KIB));
	end(d);
}

TEST(unwritten_behind_the_end_kept_and_trimmed)
{
	struct disk *d = begin(8192, "-b 1024");

	new_file("f");
	EXPECT(put("f", 0, 100, 1));
	EXPECT_EQ(vol_fallocate("f", FALLOC_FL_KEEP_SIZE, 0, MIB), 0);
	EXPECT(again(d));
	EXPECT_EQ(size_of("f"), 100);
	EXPECT_EQ(blocks_of("f"), MIB / 512);
	EXPECT_EQ(vol_truncate("f", 100), 0);
	EXPECT(again(d));
	EXPECT_EQ(blocks_of("f"), 2);
	end(d);
}

TEST(zero_range_over_data)
{
	struct disk *d = begin(8192, "");

	new_file("f");
	EXPECT(put("f", 0, 64 * KIB, 1));
	EXPECT_EQ(vol_fallocate("f", FALLOC_FL_ZERO_RANGE, 5000, 30000), 0);
	EXPECT(again(d));
	EXPECT(zeros("f", 5000, 30000));
	EXPECT(get("f", 0, 5000, 1));
	EXPECT_EQ(size_of("f"), 64 * KIB);
	end(d);
}

TEST(sparse_file_of_many_gigabytes)
{
	struct disk *d = begin(8192, "-b 1024");

	new_file("f");
	EXPECT(put("f", 1ull << 40, 1000, 1));
	EXPECT(put("f", 3ull << 30, 1000, 2));
	EXPECT(again(d));
	EXPECT(get("f", 1ull << 40, 1000, 1));
	EXPECT(get("f", 3ull << 30, 1000, 2));
	EXPECT_EQ(vol_seek("f", 0, 3 /* SEEK_DATA */), 3ull << 30);
	EXPECT_EQ(vol_truncate("f", 4ull << 30), 0);
	EXPECT(zeros("f", (4ull << 30) - 100, 100));
	end(d);
}

TEST(seek_data_and_hole)
{
	struct disk *d = begin(8192, "");

	new_file("f");
	EXPECT(put("f", 40960, 4096, 1));
	EXPECT(put("f", 81920, 100, 1));
	EXPECT(again(d));
	EXPECT_EQ(vol_seek("f", 0, 3), 40960);
	EXPECT_EQ(vol_seek("f", 40960, 4), 45056);
	EXPECT_EQ(vol_seek("f", 45056, 3), 81920);
	EXPECT_EQ(vol_seek("f", 81920, 4), 82020);
	EXPECT_EQ(vol_seek("f", 82020, 3), -ENXIO);
	end(d);
}

TEST(truncate_zeroes_the_rest_of_the_block)
{
	struct disk *d = begin(8192, "");

	new_file("f");
	EXPECT(put("f", 0, 8192, 1));
	EXPECT_EQ(vol_truncate("f", 5000), 0);
	EXPECT_EQ(vol_truncate("f", 8192), 0);
	EXPECT(again(d));
	EXPECT(get("f", 0, 5000, 1));
	EXPECT(zeros("f", 5000, 3192));
	end(d);
}

TEST(block_map_direct_to_triple)
{
	struct disk *d = begin(32768, "-t ext2 -b 1024");
	static const u64 at[] = { 0, 11, 12, 267, 268, 269, 12 + 256 + 65536 - 1, 12 + 256 + 65536, 12 + 256 + 65536 + 70000 };
	u64 free;

	new_file("f");
	vol_sync();
	free = free_blocks();
	for (u32 i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT(put("f", at[i] * KIB, KIB, i));
	EXPECT(again(d));
	for (u32 i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT(get("f", at[i] * KIB, KIB, i));
	for (u32 i = ARRAY_SIZE(at); i--;) {
		EXPECT_EQ(vol_truncate("f", at[i] * KIB), 0);
		EXPECT(i < 3 || get("f", at[i - 1] * KIB, KIB, i - 1));
	}
	EXPECT(again(d));
	EXPECT_EQ(free_blocks(), free);
	end(d);
}

TEST(block_map_refuses_fallocate)
{
	struct disk *d = begin(8192, "-t ext3");

	new_file("f");
	EXPECT_EQ(vol_fallocate("f", 0, 0, 4096), -EOPNOTSUPP);
	EXPECT(put("f", 0, 300 * KIB, 1));
	EXPECT_EQ(vol_fallocate("f", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 100 * KIB), 0);
	EXPECT(again(d));
	EXPECT(zeros("f", 8192, 100 * KIB));
	end(d);
}

/* Random operations on one file against a model in memory. */
static void random_file(const char *options)
{
	enum { SIZE = 600 * KIB };
	struct disk *d = begin(16384, options);
	u8 *model = calloc(1, SIZE), *buf = malloc(SIZE);
	u64 size = 0;

	new_file("f");
	for (u32 i = 0; i < 400; i++) {
		u64 pos = test_random_below(SIZE - 40000), n = 1 + test_random_below(40000);

		switch (test_random_below(6)) {
		case 0:
			EXPECT_EQ(vol_truncate("f", pos), 0);
			if (pos < size)
				memset(model + pos, 0, size - pos);
			size = pos;
			break;
		case 1:
			EXPECT_EQ(vol_fallocate("f", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, n), 0);
			memset(model + pos, 0, n);
			break;
		case 2:
			if (!vol_fallocate("f", 0, pos, n))
				size = MAX(size, pos + n);
			break;
		case 3:
			EXPECT_EQ(vol_drop_pages("f"), 0);
			break;
		default:
			fill(buf, n, i);
			EXPECT_EQ(vol_write("f", pos, buf, n), n);
			memcpy(model + pos, buf, n);
			size = MAX(size, pos + n);
		}
		EXPECT_EQ(size_of("f"), size);
		EXPECT(vol_read("f", 0, buf, SIZE) == (ssize_t)size && !memcmp(buf, model, size));
		if (i % 100 == 99)
			EXPECT(again(d));
	}
	free(model);
	free(buf);
	end(d);
}

TEST(random_file_1k)
{
	random_file("-b 1024");
}

TEST(random_file_2k)
{
	random_file("-b 2048");
}

TEST(random_file_4k)
{
	random_file("-b 4096");
}

TEST(random_file_block_map)
{
	random_file("-t ext2 -b 1024");
}

/* A block smaller than its page kept its promise, and came back as a block of zeros at writeback. */
TEST(punch_takes_promises_of_blocks_within_a_page)
{
	struct disk *d = begin(8192, "-b 1024");

	new_file("f");
	EXPECT(put("f", 0, 8192, 1));
	EXPECT_EQ(vol_fallocate("f", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1024, 6144), 0);
	EXPECT_EQ(vol_fsync("f"), 0);
	EXPECT_EQ(blocks_of("f"), 4);
	EXPECT_EQ(vol_truncate("f", 500), 0);
	EXPECT(put("f", 1024, 2048, 2));
	EXPECT_EQ(vol_truncate("f", 500), 0);
	EXPECT_EQ(vol_truncate("f", 4096), 0);
	EXPECT_EQ(vol_fsync("f"), 0);
	EXPECT_EQ(blocks_of("f"), 2);
	EXPECT(again(d));
	EXPECT(zeros("f", 500, 3596));
	end(d);
}
