// SPDX-License-Identifier: MIT
/* Directories: names, listing, the hashed index up to three levels, renames, link counts. */
#include <linux/fs.h>
#include <tarn/printf.h>
#include "cases.h"

static char long_name[256];

static const char *name_of(u32 i, u32 len)
{
	snprintf(long_name, sizeof(long_name), "%0*u", (int)len, i);
	return long_name;
}

/* @n names of @len bytes in the root; more is in @d's size. */
static bool fill_dir(const char *dir, u32 n, u32 len)
{
	char path[600];
	bool ok = EXPECT_EQ(vol_make(dir, S_IFDIR | 0755), 0);

	ok &= EXPECT_EQ(vol_make("one", S_IFREG | 0644), 0);
	for (u32 i = 0; i < n && ok; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, name_of(i, len));
		ok = EXPECT_EQ(i % 5 ? vol_link("one", path) : vol_make(path, S_IFREG | 0600), 0);
	}
	return ok;
}

static bool check_dir(const char *dir, u32 n, u32 len, u32 step)
{
	char path[600];
	bool ok = true;

	for (u32 i = 0; i < n && ok; i += step) {
		struct inode *inode;

		snprintf(path, sizeof(path), "%s/%s", dir, name_of(i, len));
		inode = vol_get(path);
		ok = EXPECT_EQ(PTR_ERR_OR_ZERO(inode), 0);
		if (ok)
			inode_put(inode);
	}
	return ok && EXPECT_EQ(vol_list(dir, NULL), n + 2);
}

static bool empty_dir(const char *dir, u32 n, u32 len)
{
	char path[600];
	bool ok = true;

	for (u32 i = 0; i < n && ok; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, name_of((i * 7919) % n, len));
		ok = EXPECT_EQ(vol_unlink(path), 0);
	}
	return ok && EXPECT_EQ(vol_list(dir, NULL), 2) && EXPECT_EQ(vol_rmdir(dir), 0);
}

static void grow_and_shrink(const char *options, u32 kib, u32 n, u32 len)
{
	struct disk *d = begin(kib, options);

	EXPECT(fill_dir("d", n, len));
	EXPECT(check_dir("d", n, len, 3));
	EXPECT(again(d));
	EXPECT(check_dir("d", n, len, 1));
	EXPECT(empty_dir("d", n, len));
	end(d);
}

TEST(dir_one_block)
{
	grow_and_shrink("-b 1024", 4096, 20, 12);
}

TEST(dir_linear_without_index)
{
	grow_and_shrink("-b 1024 -O ^dir_index", 4096, 499, 12);
}

TEST(dir_index_of_one_level)
{
	grow_and_shrink("-b 1024", 8192, 499, 12);
}

TEST(dir_index_of_two_levels)
{
	grow_and_shrink("-b 1024 -N 2000", 16384, 4999, 60);
}

TEST(dir_index_of_three_levels)
{
	grow_and_shrink("-b 1024 -O large_dir -N 12000", 65536, 43003, 250);
}

TEST(dir_index_full_without_large_dir)
{
	struct disk *d = begin(65536, "-b 1024 -N 256");
	char path[600];
	int err = 0;
	u32 i;

	EXPECT_EQ(vol_make("d", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("one", S_IFREG | 0644), 0);
	for (i = 0; i < 60000 && !err; i++) { /* 124 * 126 leaves of 3 at most */
		snprintf(path, sizeof(path), "d/%s", name_of(i, 250));
		err = vol_link("one", path);
	}
	EXPECT_EQ(err, -ENOSPC);
	EXPECT(again(d));
	EXPECT(vol_list("d", NULL) == (int)i + 1);
	end(d);
}

TEST(dir_longest_names)
{
	grow_and_shrink("", 8192, 200, 255);
}

TEST(dir_hash_of_each_kind)
{
	static const char *const kinds[] = { "hash_alg=legacy", "hash_alg=half_md4", "hash_alg=tea" };
	char options[64];

	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		u8 *image;
		struct disk *d;

		ROW(kinds[i]);
		image = host_mkfs(8192, "-b 1024");
		snprintf(options, sizeof(options), "ssv def_hash_version %s", kinds[i] + 9);
		EXPECT_EQ(host_debugfs(image, 8192ul << 10, options), 0);
		d = disk_new(image, 8192);
		EXPECT_EQ(vol_mount(d, false), 0);
		EXPECT(fill_dir("d", 400, 30));
		EXPECT(again(d));
		EXPECT(check_dir("d", 400, 30, 1));
		end(d);
	}
}

TEST(dir_names_beyond_ascii)
{
	struct disk *d = begin(8192, "-b 1024");
	char path[64];

	EXPECT_EQ(vol_make("d", S_IFDIR | 0755), 0);
	for (u32 i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "d/\xc3\xa4\xff%u\x80\x01", i);
		EXPECT_EQ(vol_make(path, S_IFREG | 0644), 0);
	}
	EXPECT(again(d));
	for (u32 i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "d/\xc3\xa4\xff%u\x80\x01", i);
		EXPECT_EQ(vol_unlink(path), 0);
	}
	end(d);
}

TEST(dir_room_of_deleted_names_is_used_again)
{
	struct disk *d = begin(8192, "-b 1024 -N 4096");
	u64 size;

	EXPECT_EQ(vol_make("d", S_IFDIR | 0755), 0);
	EXPECT(make_files("d/a", 300));
	size = size_of("d");
	for (u32 i = 0; i < 5; i++) {
		EXPECT(drop_files("d/a", 300, 1));
		EXPECT(make_files("d/a", 300));
	}
	EXPECT_EQ(size_of("d"), size);
	end(d);
}

TEST(dir_depth)
{
	struct disk *d = begin(8192, "-b 1024 -N 600");
	char path[1024] = "";

	for (u32 i = 0; i < 200; i++) {
		strscpy(path + strlen(path), i ? "/d" : "d", 4);
		EXPECT_EQ(vol_make(path, S_IFDIR | 0755), 0);
	}
	EXPECT(again(d));
	EXPECT_EQ(vol_list(path, NULL), 2);
	while (path[0]) {
		char *slash = strrchr(path, '/');

		EXPECT_EQ(vol_rmdir(path), 0);
		*(slash ? slash : path) = 0;
	}
	end(d);
}

TEST(dir_rmdir_refuses_what_is_not_empty)
{
	struct disk *d = begin(4096, "");

	EXPECT_EQ(vol_make("d", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("d/e", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_rmdir("d"), -ENOTEMPTY);
	EXPECT_EQ(vol_unlink("d"), -EISDIR);
	EXPECT_EQ(vol_rmdir("d/e"), 0);
	EXPECT_EQ(vol_rmdir("d"), 0);
	end(d);
}

TEST(rename_within_and_across)
{
	struct disk *d = begin(4096, "");

	EXPECT_EQ(vol_make("a", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("b", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("a/f", S_IFREG | 0644), 0);
	EXPECT(put("a/f", 0, 5000, 1));
	EXPECT_EQ(vol_rename("a/f", "a/g", 0), 0);
	EXPECT_EQ(vol_rename("a/g", "b/h", 0), 0);
	EXPECT(again(d));
	EXPECT(get("b/h", 0, 5000, 1));
	EXPECT_EQ(vol_list("a", NULL), 2);
	end(d);
}

TEST(rename_over_a_file_frees_it)
{
	struct disk *d = begin(4096, "");
	u64 blocks, inodes;

	EXPECT_EQ(vol_make("new", S_IFREG | 0644), 0);
	EXPECT(put("new", 0, 5000, 1));
	vol_sync();
	blocks = free_blocks();
	inodes = free_inodes();
	EXPECT_EQ(vol_make("old", S_IFREG | 0644), 0);
	EXPECT(put("old", 0, 900000, 2));
	vol_sync();
	EXPECT_EQ(vol_rename("new", "old", 0), 0);
	EXPECT(again(d));
	EXPECT(get("old", 0, 5000, 1));
	EXPECT_EQ(free_blocks(), blocks);
	EXPECT_EQ(free_inodes(), inodes);
	end(d);
}

TEST(rename_of_a_directory_moves_dotdot)
{
	struct disk *d = begin(4096, "");

	EXPECT_EQ(vol_make("a", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("b", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("a/d", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_rename("a/d", "b/d", 0), 0);
	EXPECT_EQ(vol_rename("b", "b/d/x", 0), -EINVAL);
	EXPECT(again(d));
	EXPECT_EQ(vol_rmdir("a"), 0);
	end(d);
}

TEST(rename_over_an_empty_directory)
{
	struct disk *d = begin(4096, "");

	EXPECT_EQ(vol_make("a", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("a/f", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_make("b", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_rename("a", "b", 0), 0);
	EXPECT_EQ(vol_make("c", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_rename("c", "b", 0), -ENOTEMPTY);
	end(d);
}

TEST(rename_exchanges_file_and_directory)
{
	struct disk *d = begin(4096, "");

	EXPECT_EQ(vol_make("a", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("a/x", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("b", S_IFDIR | 0755), 0);
	EXPECT_EQ(vol_make("b/y", S_IFREG | 0644), 0);
	EXPECT_EQ(vol_rename("a/x", "b/y", RENAME_EXCHANGE), 0);
	EXPECT(again(d));
	EXPECT_EQ(vol_list("b/y", NULL), 2);
	EXPECT_EQ(vol_list("a/x", NULL), -ENOTDIR);
	end(d);
}

TEST(link_counts_and_the_last_link)
{
	struct disk *d = begin(4096, "");
	u64 inodes = free_inodes();

	EXPECT_EQ(vol_make("f", S_IFREG | 0644), 0);
	for (u32 i = 0; i < 50; i++)
		EXPECT_EQ(vol_link("f", name_of(i, 3)), 0);
	EXPECT(put("f", 0, 3000, 1));
	EXPECT_EQ(vol_unlink("f"), 0);
	EXPECT(again(d));
	EXPECT(get(name_of(7, 3), 0, 3000, 1));
	for (u32 i = 0; i < 50; i++)
		EXPECT_EQ(vol_unlink(name_of(i, 3)), 0);
	EXPECT(again(d));
	EXPECT_EQ(free_inodes(), inodes);
	end(d);
}

TEST(many_subdirectories)
{
	struct disk *d = begin(16384, "-b 1024 -N 3000");

	for (u32 i = 0; i < 2000; i++)
		EXPECT_EQ(vol_make(name_of(i, 5), S_IFDIR | 0755), 0);
	EXPECT(again(d));
	for (u32 i = 0; i < 2000; i += 2)
		EXPECT_EQ(vol_rmdir(name_of(i, 5)), 0);
	end(d);
}
