// SPDX-License-Identifier: MIT
/* What the cases share (cases.h), and the first of them: does a disk that mkfs made mount, and stay clean? */
#include <tarn/printf.h>
#include "cases.h"

struct disk *begin(u32 kib, const char *options)
{
	u8 *image = host_mkfs(kib, options);
	struct disk *d;

	if (!image)
		host_die("mkfs.ext4 failed");
	d = disk_new(image, kib);
	EXPECT_EQ(vol_mount(d, false), 0);
	return d;
}

static bool examine(struct disk *d)
{
	return EXPECT_EQ(host_fsck(d->bytes, d->sectors * SECTOR_SIZE), 0);
}

void end(struct disk *d)
{
	if (volume)
		vol_unmount();
	examine(d);
	disk_free(d);
}

bool again(struct disk *d)
{
	vol_unmount();
	examine(d);
	disk_forget_cache(d);
	return EXPECT_EQ(vol_mount(d, false), 0);
}

void fill(u8 *buf, size_t n, u32 seed)
{
	u32 x = seed * 2654435761u + 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		buf[i] = (u8)(x >> 24);
	}
}

bool filled(const u8 *buf, size_t n, u32 seed)
{
	u8 *want = malloc(n);
	bool same;

	fill(want, n, seed);
	same = !memcmp(buf, want, n);
	free(want);
	return same;
}

bool put(const char *path, u64 pos, size_t n, u32 seed)
{
	u8 *buf = malloc(n);
	bool ok;

	fill(buf, n, seed);
	ok = vol_write(path, pos, buf, n) == (ssize_t)n;
	free(buf);
	return ok;
}

bool get(const char *path, u64 pos, size_t n, u32 seed)
{
	u8 *buf = malloc(n);
	bool ok = vol_read(path, pos, buf, n) == (ssize_t)n && filled(buf, n, seed);

	free(buf);
	return ok;
}

bool zeros(const char *path, u64 pos, size_t n)
{
	u8 *buf = malloc(n);
	bool ok = vol_read(path, pos, buf, n) == (ssize_t)n && !memchr_inv(buf, 0, n);

	free(buf);
	return ok;
}

bool make_files(const char *prefix, u32 n)
{
	char path[300];
	bool ok = true;

	for (u32 i = 0; i < n && ok; i++) {
		snprintf(path, sizeof(path), "%s%u", prefix, i);
		ok = EXPECT_EQ(vol_make(path, S_IFREG | 0644), 0);
	}
	return ok;
}

bool have_files(const char *prefix, u32 n)
{
	char path[300];
	bool ok = true;

	for (u32 i = 0; i < n && ok; i++) {
		struct inode *inode;

		snprintf(path, sizeof(path), "%s%u", prefix, i);
		inode = vol_get(path);
		ok = EXPECT_EQ(PTR_ERR_OR_ZERO(inode), 0);
		if (ok)
			inode_put(inode);
	}
	return ok;
}

bool drop_files(const char *prefix, u32 n, u32 step)
{
	char path[300];
	bool ok = true;

	for (u32 i = 0; i < n && ok; i += step) {
		snprintf(path, sizeof(path), "%s%u", prefix, i);
		ok = EXPECT_EQ(vol_unlink(path), 0);
	}
	return ok;
}

static struct kstat stat_of(const char *path)
{
	struct inode *inode = vol_get(path);
	struct kstat st = { .size = ~0ull, .blocks = ~0ull };

	if (IS_ERR(inode))
		return st;
	inode->ops->getattr(inode, &st);
	inode_put(inode);
	return st;
}

u64 size_of(const char *path)
{
	return stat_of(path).size;
}

u64 blocks_of(const char *path)
{
	return stat_of(path).blocks;
}

static struct kstatfs statfs(void)
{
	struct kstatfs st;

	volume->ops->statfs(volume, &st);
	return st;
}

u64 free_blocks(void)
{
	return statfs().bfree;
}

u64 free_inodes(void)
{
	return statfs().ffree;
}

/* ---- mounting ---- */

TEST(mount_nothing_done_stays_clean)
{
	struct disk *d = begin(4096, "");

	EXPECT_EQ(vol_list("", NULL), 3); /* . .. lost+found */
	end(d);
}

TEST(mount_read_only_writes_nothing)
{
	struct disk *d = begin(4096, "");

	EXPECT(vol_make("f", S_IFREG | 0644) == 0);
	vol_unmount();
	disk_forget_cache(d);
	d->writes = 0;
	EXPECT_EQ(vol_mount(d, true), 0);
	EXPECT(vol_walk() > 0);
	vol_unmount();
	EXPECT_EQ(d->writes, 0);
	end(d);
}

TEST(mount_every_profile)
{
	static const char *const options[] = {
		"-b 1024", "-b 2048", "-b 4096", "-t ext2", "-t ext3", "-t ext2 -b 1024", "-I 128", "-I 512 -b 1024",
		"-O ^metadata_csum", "-O ^metadata_csum,uninit_bg", "-O ^64bit", "-O ^extents,^64bit", "-O ^flex_bg",
		"-O ^resize_inode", "-O ^dir_index", "-O ^has_journal", "-O ^filetype", "-O ^sparse_super,^resize_inode",
		"-O meta_bg,^resize_inode -b 1024", "-g 512 -b 1024", "-O ^extra_isize", "-O large_dir", "-O metadata_csum_seed",
	};

	for (u32 i = 0; i < ARRAY_SIZE(options); i++) {
		struct disk *d;

		ROW(options[i]);
		d = begin(8192, options[i]);
		EXPECT_EQ(vol_make("d", S_IFDIR | 0755), 0);
		EXPECT_EQ(vol_make("d/f", S_IFREG | 0644), 0);
		EXPECT(put("d/f", 0, 70000, 1));
		EXPECT_EQ(vol_symlink("d/f", "l"), 0);
		EXPECT(again(d));
		EXPECT(get("d/f", 0, 70000, 1));
		EXPECT_EQ(vol_unlink("d/f"), 0);
		EXPECT_EQ(vol_rmdir("d"), 0);
		end(d);
	}
}
