// SPDX-License-Identifier: MIT
/* Allocation up to the full disk, the life of inodes with and without names, attributes in all their places. */
#include <linux/falloc.h>
#include <tarn/printf.h>
#include "cases.h"

#define KIB 1024ul
#define MIB (1024 * KIB)

/* ---- allocation ---- */

TEST(full_disk_says_so_and_recovers)
{
	struct disk *d = begin(4096, "-b 1024");
	u64 before = free_blocks(), pos = 0;
	u8 *buf = malloc(64 * KIB);
	ssize_t n;

	fill(buf, 64 * KIB, 1);
	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	while ((n = vol_write("f", pos, buf, 64 * KIB)) > 0)
		pos += (u64)n;
	EXPECT_EQ(n, -ENOSPC);
	EXPECT_EQ(vol_fsync("f"), 0); /* what was promised has a place */
	EXPECT_EQ(vol_write("g", 0, buf, 1), -ENOENT);
	EXPECT(again(d));
	EXPECT(pos > (before - 200) * KIB);
	EXPECT(get("f", 0, 64 * KIB, 1));
	EXPECT_EQ(vol_unlink("f"), 0);
	EXPECT(again(d));
	EXPECT_EQ(free_blocks(), before);
	end(d);
	free(buf);
}

TEST(full_disk_of_holes_written_in_between)
{
	struct disk *d = begin(4096, "-b 1024");
	ssize_t n = 1;
	u64 i;

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	for (i = 0; n > 0; i++) { /* each block an extent: the tree needs room as well */
		n = vol_write("f", i * 2 * KIB, "x", 1);
		if (i % 64 == 63)
			EXPECT_EQ(vol_fsync("f"), 0);
	}
	EXPECT_EQ(n, -ENOSPC);
	EXPECT_EQ(vol_fsync("f"), 0);
	EXPECT(again(d));
	EXPECT_EQ(vol_truncate("f", 0), 0);
	end(d);
}

TEST(full_disk_by_fallocate)
{
	struct disk *d = begin(8192, "-b 4096");
	u64 free = free_blocks();

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_fallocate("f", 0, 0, 100 * MIB), -ENOSPC);
	EXPECT(again(d));
	EXPECT_EQ(vol_truncate("f", 0), 0);
	EXPECT(again(d));
	EXPECT_EQ(free_blocks(), free);
	end(d);
}

TEST(full_inode_table)
{
	struct disk *d = begin(4096, "-b 1024 -N 64");
	char name[16];
	int err = 0;
	u32 i;

	for (i = 0; !err && i < 200; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		err = vol_make(name, S_IFREG | 0644);
	}
	EXPECT_EQ(err, -ENOSPC);
	EXPECT_EQ(free_inodes(), 0);
	EXPECT_EQ(vol_make("d", S_IFDIR | 0755), -ENOSPC);
	EXPECT_EQ(vol_unlink("f3"), 0);
	EXPECT_EQ(vol_make("d", S_IFDIR | 0755), 0);
	end(d);
}

TEST(directory_on_a_full_disk)
{
	struct disk *d = begin(2048, "-b 1024 -N 512");
	int err = 0;
	char name[300];

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_fallocate("f", 0, 0, 100 * MIB), -ENOSPC);
	for (u32 i = 0; !err && i < 400; i++) {
		snprintf(name, sizeof(name), "d%0200u", i);
		err = vol_make(name, S_IFDIR | 0755);
	}
	EXPECT_EQ(err, -ENOSPC);
	EXPECT(again(d));
	EXPECT_EQ(vol_unlink("f"), 0);
	EXPECT_EQ(vol_make("e", S_IFDIR | 0755), 0);
	end(d);
}

TEST(files_over_many_groups)
{
	struct disk *d = begin(32768, "-b 1024 -g 1024");
	char name[16];

	for (u32 i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		EXPECT_EQ(vol_make(name, S_IFREG | 0644), 0);
		EXPECT(put(name, 0, 1100 * KIB, i));
	}
	EXPECT(again(d));
	for (u32 i = 0; i < 20; i += 2) {
		snprintf(name, sizeof(name), "f%u", i);
		EXPECT_EQ(vol_unlink(name), 0);
	}
	EXPECT_EQ(vol_make("big", S_IFREG | 0644), 0);
	EXPECT(put("big", 0, 10 * MIB, 77));
	EXPECT(again(d));
	EXPECT(get("big", 0, 10 * MIB, 77));
	EXPECT(get("f1", 0, 1100 * KIB, 1));
	end(d);
}

TEST(uninit_groups_are_made_when_used)
{
	struct disk *d = begin(65536, "-b 1024 -O ^metadata_csum,uninit_bg -N 4096");

	for (u32 i = 0; i < 30; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		EXPECT_EQ(vol_make(name, S_IFDIR | 0755), 0);
		strscpy(name + strlen(name), "/f", 3);
		EXPECT_EQ(vol_make(name, S_IFREG | 0644), 0);
		EXPECT(put(name, 0, MIB, i));
	}
	end(d);
}

TEST(overwrite_keeps_its_blocks)
{
	struct disk *d = begin(8192, "");
	u64 free;

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT(put("f", 0, MIB, 1));
	vol_sync();
	free = free_blocks();
	for (u32 i = 2; i < 6; i++) {
		EXPECT(put("f", 0, MIB, i));
		EXPECT_EQ(vol_fsync("f"), 0);
	}
	EXPECT_EQ(free_blocks(), free);
	end(d);
}

TEST(deleted_before_written_takes_nothing)
{
	struct disk *d = begin(8192, "");
	u64 free = free_blocks();

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT(put("f", 0, MIB, 1));
	EXPECT(free_blocks() < free);
	EXPECT_EQ(vol_unlink("f"), 0);
	EXPECT_EQ(free_blocks(), free);
	end(d);
}

/* ---- the life of inodes ---- */

TEST(unlinked_while_open_lives_on)
{
	struct disk *d = begin(8192, "");
	struct inode *inode;
	u64 free = free_blocks();
	u8 buf[5000];

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT(put("f", 0, 5000, 1));
	inode = vol_get("f");
	EXPECT_EQ(vol_unlink("f"), 0);
	EXPECT_EQ(vol_sync(), 0);
	EXPECT(vol_read_inode(inode, 0, buf, 5000) == 5000 && filled(buf, 5000, 1));
	EXPECT_EQ(vol_write_inode(inode, 5000, buf, 5000), 5000);
	inode_put(inode);
	EXPECT_EQ(vol_sync(), 0);
	EXPECT_EQ(free_blocks(), free);
	end(d);
}

/* The disk as it is at this moment, as a power cut would leave it. */
static struct disk *cut(struct disk *d)
{
	size_t bytes = d->sectors * SECTOR_SIZE;
	u8 *image = malloc(bytes);

	EXPECT_EQ(vol_sync(), 0);
	memcpy(image, d->bytes, bytes);
	vol_unmount();
	disk_free(d);
	return disk_new(image, (u32)(bytes >> 10));
}

TEST(orphans_are_freed_by_the_next_mount)
{
	struct disk *d = begin(8192, "");
	u64 inodes = free_inodes(), blocks = free_blocks();
	struct inode *open[5];
	char name[8];

	for (u32 i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		EXPECT_EQ(vol_make(name, S_IFREG | 0644), 0);
		EXPECT(put(name, 0, 100 * KIB, i));
		open[i] = vol_get(name);
		EXPECT_EQ(vol_unlink(name), 0);
	}
	inode_put(open[2]); /* leaves the middle of the list */
	open[2] = NULL;
	{
		size_t bytes = d->sectors * SECTOR_SIZE;
		u8 *image = malloc(bytes);

		EXPECT_EQ(vol_sync(), 0);
		memcpy(image, d->bytes, bytes);
		for (u32 i = 0; i < 5; i++)
			if (open[i])
				inode_put(open[i]);
		end(d);
		d = disk_new(image, (u32)(bytes >> 10));
	}
	EXPECT_EQ(vol_mount(d, false), 0);
	EXPECT_EQ(free_inodes(), inodes);
	EXPECT_EQ(free_blocks(), blocks);
	end(d);
}

TEST(dirty_flag_is_off_while_mounted)
{
	struct disk *d = begin(4096, "-O ^has_journal");

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	d = cut(d);
	EXPECT(!(d->bytes[1024 + 0x3a] & 1)); /* s_state: EXT4_VALID_FS */
	EXPECT_EQ(vol_mount(d, false), 0);
	EXPECT(have_files("f", 0));
	vol_unmount();
	EXPECT(host_fsck_repair(d->bytes, d->sectors * SECTOR_SIZE) <= 1);
	end(d);
}

TEST(tmpfile_gets_a_name_or_goes)
{
	struct disk *d = begin(4096, "");
	u64 inodes = free_inodes();
	struct inode *inode = vol_tmpfile("");

	EXPECT(!IS_ERR(inode));
	EXPECT_EQ(inode->nlink, 0);
	EXPECT_EQ(vol_write_inode(inode, 0, "hello", 5), 5);
	EXPECT_EQ(vol_sync(), 0);
	inode_put(inode);
	EXPECT_EQ(free_inodes(), inodes);
	end(d);
}

TEST(inode_number_used_again_is_a_new_file)
{
	struct disk *d = begin(4096, "");
	struct kstat a, b;
	struct inode *inode;

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT(put("f", 0, 9000, 1));
	EXPECT_EQ(vol_setxattr("f", "user.x", "y", 1), 0);
	inode = vol_get("f");
	inode->ops->getattr(inode, &a);
	inode_put(inode);
	EXPECT_EQ(vol_unlink("f"), 0);
	EXPECT(again(d));
	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	inode = vol_get("f");
	inode->ops->getattr(inode, &b);
	inode_put(inode);
	EXPECT_EQ(a.ino, b.ino);
	EXPECT_EQ(size_of("f"), 0);
	EXPECT_EQ(vol_getxattr("f", "user.x", NULL, 0), -ENODATA);
	end(d);
}

TEST(special_files_keep_their_numbers)
{
	struct disk *d = begin(4096, "");
	struct inode *inode;

	EXPECT_EQ(vol_make("c", S_IFCHR | 0600), 0);
	EXPECT_EQ(vol_make("b", S_IFBLK | 0600), 0);
	EXPECT_EQ(vol_make("p", S_IFIFO | 0600), 0);
	EXPECT_EQ(vol_make("s", S_IFSOCK | 0600), 0);
	EXPECT(again(d));
	inode = vol_get("c");
	EXPECT_EQ(inode->rdev, KDEV(1, 3));
	EXPECT_EQ(inode->mode, S_IFCHR | 0600);
	inode_put(inode);
	EXPECT_EQ(vol_unlink("c"), 0);
	EXPECT_EQ(vol_unlink("b"), 0);
	end(d);
}

TEST(symlinks_short_and_long)
{
	static const u32 lengths[] = { 1, 58, 59, 60, 61, 500, 1023 };
	struct disk *d = begin(4096, "-b 1024");
	char target[1100], got[1100], name[8];
	int want;

	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(target, 'a' + (int)i, sizeof(target));
		target[lengths[i]] = 0;
		snprintf(name, sizeof(name), "l%u", i);
		EXPECT_EQ(vol_symlink(target, name), 0);
	}
	memset(target, 'x', 1024);
	target[1024] = 0;
	EXPECT_EQ(vol_symlink(target, "long"), -ENAMETOOLONG);
	EXPECT(again(d));
	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		snprintf(name, sizeof(name), "l%u", i);
		want = (int)lengths[i];
		EXPECT_EQ(vol_readlink(name, got, sizeof(got)), want);
		EXPECT_EQ(got[want - 1], 'a' + i);
		EXPECT_EQ(vol_unlink(name), 0);
	}
	end(d);
}

TEST(mode_changes_reach_the_disk)
{
	struct disk *d = begin(4096, "");
	struct inode *inode;

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_chmod("f", S_IFREG | 04711), 0);
	EXPECT(again(d));
	inode = vol_get("f");
	EXPECT_EQ(inode->mode, S_IFREG | 04711);
	inode_put(inode);
	end(d);
}

/* ---- extended attributes ---- */

TEST(xattr_in_the_inode)
{
	struct disk *d = begin(4096, "-I 256");
	char buf[64];

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_setxattr("f", "user.name", "value", 5), 0);
	EXPECT_EQ(vol_setxattr("f", "trusted.t", "", 0), 0);
	EXPECT(again(d));
	EXPECT(vol_getxattr("f", "user.name", buf, sizeof(buf)) == 5 && !memcmp(buf, "value", 5));
	EXPECT_EQ(vol_getxattr("f", "trusted.t", buf, sizeof(buf)), 0);
	EXPECT_EQ(blocks_of("f"), 0);
	EXPECT_EQ(vol_setxattr("f", "user.name", NULL, 0), 0);
	EXPECT_EQ(vol_getxattr("f", "user.name", buf, sizeof(buf)), -ENODATA);
	end(d);
}

TEST(xattr_block_of_small_inodes)
{
	struct disk *d = begin(4096, "-I 128 -b 1024");
	char value[900];

	memset(value, 'v', sizeof(value));
	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_setxattr("f", "user.a", value, 100), 0);
	EXPECT_EQ(vol_setxattr("f", "user.b", value, 300), 0);
	EXPECT_EQ(vol_setxattr("f", "user.c", value, 900), -ENOSPC);
	EXPECT(again(d));
	EXPECT_EQ(vol_getxattr("f", "user.a", value, sizeof(value)), 100);
	EXPECT_EQ(vol_getxattr("f", "user.b", value, sizeof(value)), 300);
	EXPECT_EQ(blocks_of("f"), 2);
	EXPECT_EQ(vol_setxattr("f", "user.a", NULL, 0), 0);
	EXPECT_EQ(vol_setxattr("f", "user.b", NULL, 0), 0);
	EXPECT_EQ(blocks_of("f"), 0);
	end(d);
}

TEST(xattr_replaced_by_longer_and_shorter)
{
	struct disk *d = begin(4096, "-I 256 -b 4096");
	char value[3000], got[3000];

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	for (u32 i = 0; i < 60; i++) {
		size_t n = i * 977 % 3000;

		memset(value, (int)i, sizeof(value));
		EXPECT_EQ(vol_setxattr("f", "user.v", value, n), 0);
		EXPECT_EQ(vol_setxattr("f", i & 1 ? "user.w" : "security.x", value, n % 40), 0);
		EXPECT_EQ(vol_getxattr("f", "user.v", got, sizeof(got)), n);
		EXPECT(!memcmp(got, value, n));
	}
	end(d);
}

TEST(xattr_many_names)
{
	struct disk *d = begin(4096, "-b 4096");
	char name[32], list[8192];
	u32 n = 0;

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	for (;; n++) {
		int err;

		snprintf(name, sizeof(name), "user.number%u", n);
		err = vol_setxattr("f", name, name, strlen(name));
		if (err) {
			EXPECT_EQ(err, -ENOSPC);
			break;
		}
	}
	EXPECT(n > 50);
	EXPECT(again(d));
	EXPECT(vol_listxattr("f", list, sizeof(list)) > (ssize_t)(n * 12));
	for (u32 i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "user.number%u", (i * 31) % n);
		if (i < n)
			vol_setxattr("f", name, NULL, 0);
	}
	end(d);
}

TEST(xattr_goes_with_its_inode)
{
	struct disk *d = begin(4096, "-b 1024 -I 128");
	u64 free = free_blocks();

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_setxattr("f", "user.a", "b", 1), 0);
	EXPECT_EQ(free_blocks(), free - 1);
	EXPECT_EQ(vol_unlink("f"), 0);
	EXPECT_EQ(free_blocks(), free);
	end(d);
}
