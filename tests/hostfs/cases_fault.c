// SPDX-License-Identifier: MIT
/*
 * Disks that fail and disks that lie: errors on reads and writes, no memory, structures that make no sense.  What is
 * damaged is refused or reported; nothing but that may happen, and nothing is left behind.
 */
#include <linux/falloc.h>
#include <tarn/printf.h>
#include "cases.h"

/* Everything the cases would believe rests on this: does e2fsck see one bit? */
TEST(examination_finds_planted_damage)
{
	struct disk *d = begin(4096, "-b 1024");

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT(put("f", 0, 100000, 1));
	vol_unmount();
	EXPECT_EQ(host_fsck(d->bytes, d->sectors * SECTOR_SIZE), 0);
	d->bytes[1024 + 0x10] ^= 1; /* s_free_inodes_count, and with it the checksum */
	EXPECT(host_fsck(d->bytes, d->sectors * SECTOR_SIZE) != 0);
	d->bytes[1024 + 0x10] ^= 1;
	end(d);
}

TEST(write_error_is_told_by_fsync)
{
	struct disk *d = begin(8192, "");

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT(put("f", 0, 4096, 1));
	EXPECT_EQ(vol_fsync("f"), 0);
	EXPECT(put("f", 0, 4096, 2));
	disk_fail(d, BIO_WRITE, 0, ~0ull, 0);
	EXPECT_EQ(vol_fsync("f"), -EIO);
	d->fail = false;
	vol_unmount();
	EXPECT(host_fsck_repair(d->bytes, d->sectors * SECTOR_SIZE) <= 1);
	end(d);
}

TEST(read_error_is_eio_and_passes)
{
	struct disk *d = begin(8192, "");
	u8 buf[100];

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT(put("f", 0, 100000, 1));
	EXPECT(again(d));
	EXPECT(vol_list("", NULL) > 0);
	EXPECT(size_of("f") == 100000);
	disk_fail(d, BIO_READ, 0, ~0ull, 0);
	EXPECT_EQ(vol_read("f", 50000, buf, 100), -EIO);
	d->fail = false;
	EXPECT(get("f", 0, 100000, 1));
	end(d);
}

/* Some of everything; what fails, fails. */
static void some_work(u32 seed)
{
	char name[32];

	for (u32 i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "w%u", (seed + i) % 9);
		(void)vol_make(name, i % 4 ? S_IFREG | 0644 : S_IFDIR | 0755);
		(void)put(name, i * 3000, 9000, i);
		(void)vol_fallocate(name, 0, 20000, 30000);
		(void)vol_setxattr(name, "user.x", name, 3);
		(void)vol_fallocate(name, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 9000);
		(void)vol_symlink(name, "link");
		(void)vol_rename(name, i % 3 ? "link" : "other", 0);
		(void)vol_truncate("other", i * 1111);
		(void)vol_fsync("other");
		(void)vol_rmdir(name);
		(void)vol_unlink("link");
	}
	(void)vol_sync();
}

/* The first, second, third ... write of a piece of work fails, and all after it. */
TEST(write_errors_everywhere_leave_what_e2fsck_mends)
{
	for (u32 after = 0; after < 40; after += 3) {
		struct disk *d = begin(2048, "-b 1024 -N 64");

		host_quiet(true);
		disk_fail(d, BIO_WRITE, 0, ~0ull, after);
		some_work(after);
		vol_unmount();
		host_quiet(false);
		EXPECT(host_fsck_repair(d->bytes, d->sectors * SECTOR_SIZE) <= 1);
		end(d);
	}
}

TEST(read_errors_everywhere_do_no_harm)
{
	for (u32 after = 0; after < 12; after++) {
		struct disk *d = begin(2048, "-b 1024 -N 64");

		some_work(1);
		EXPECT(again(d));
		host_quiet(true);
		disk_fail(d, BIO_READ, 0, ~0ull, after);
		some_work(2);
		(void)vol_walk();
		d->fail = false;
		vol_unmount();
		host_quiet(false);
		EXPECT(host_fsck_repair(d->bytes, d->sectors * SECTOR_SIZE) <= 1);
		end(d);
	}
}

TEST(no_memory_anywhere_leaves_nothing_behind)
{
	for (u32 after = 0; after < 300; after += 13) {
		struct disk *d = begin(2048, "-b 1024 -N 64");
		u8 buf[100];

		some_work(1);
		host_quiet(true);
		for (u32 i = 0; i < 20; i++) {
			char name[16];

			snprintf(name, sizeof(name), "m%u", i);
			host_fail_memory(after + i);
			(void)vol_make(name, i & 1 ? S_IFREG | 0644 : S_IFDIR | 0755);
			(void)vol_write("w1", i * 5000, "x", 1);
			(void)vol_read("w2", 0, buf, sizeof(buf));
			(void)vol_unlink("w3");
			(void)vol_setxattr(name, "user.x", buf, 50);
			host_fail_memory(-1);
		}
		vol_unmount();
		host_quiet(false);
		EXPECT(host_fsck_repair(d->bytes, d->sectors * SECTOR_SIZE) <= 1);
		end(d);
	}
}

/* What debugfs breaks on a good disk, and what mounting says. */
static int mount_broken(const char *options, const char *request)
{
	u8 *image = host_mkfs(4096, options);
	struct disk *d;
	int err;

	EXPECT_EQ(host_debugfs(image, 4096ul << 10, request), 0);
	d = disk_new(image, 4096);
	host_quiet(true);
	err = vol_mount(d, false);
	if (!err) {
		(void)vol_walk();
		some_work(3);
		vol_unmount();
	}
	host_quiet(false);
	disk_free(d);
	return err;
}

TEST(super_blocks_that_make_no_sense_are_refused)
{
	static const char *const requests[] = {
		"ssv log_block_size 9", "ssv log_block_size 3", "ssv blocks_per_group 0", "ssv inodes_per_group 0",
		"ssv inodes_per_group 7", "ssv blocks_count 4000000000", "ssv first_data_block 77", "ssv inode_size 100",
		"ssv inodes_count 5", "ssv first_ino 4000000000", "ssv desc_size 3", "ssv feature_incompat 0x40000",
	};

	for (u32 i = 0; i < ARRAY_SIZE(requests); i++) {
		ROW(requests[i]);
		EXPECT(mount_broken("-b 1024 -O ^metadata_csum", requests[i]) < 0);
	}
}

TEST(descriptors_that_make_no_sense_are_refused)
{
	static const char *const requests[] = {
		"set_bg 0 block_bitmap 1", "set_bg 0 block_bitmap 0", "set_bg 0 inode_bitmap 2", "set_bg 0 inode_table 1",
		"set_bg 0 inode_table 999999", "set_bg 0 block_bitmap 4294967295",
		/* On what belongs to another group, here of 1024 blocks. */
		"set_bg 1 block_bitmap 40", "set_bg 3 inode_table 20", "set_bg 2 inode_bitmap 2",
	};

	for (u32 i = 0; i < ARRAY_SIZE(requests); i++) {
		ROW(requests[i]);
		EXPECT(mount_broken("-b 1024 -g 1024 -O ^metadata_csum,^flex_bg,^resize_inode", requests[i]) < 0);
	}
}
