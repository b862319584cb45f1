// SPDX-License-Identifier: MIT
/* Damaged images for the fuzzers (fuzz.h). */
#include <stdlib.h>
#include <linux/falloc.h>
#include <tarn/printf.h>
#include <tarn/string.h>
#include "fuzz.h"

#define KIB 512u
#define UNIT 1024u      /* what a patch is counted in */
#define UNITS (KIB * 1024 / UNIT)
#define PATCHES_MAX 24

static const char *const options[] = {
	"-b 1024 -N 128 -O ^has_journal,^metadata_csum,^resize_inode",
	"-b 1024 -N 128 -t ext2",
	"-b 4096 -N 128 -O ^has_journal,^metadata_csum,^resize_inode,^flex_bg",
	"-b 1024 -N 128 -g 256 -I 128 -O ^has_journal,^metadata_csum,uninit_bg,^resize_inode,^flex_bg",
	"-b 2048 -N 128 -O ^has_journal,^metadata_csum,^64bit,large_dir,^resize_inode",
	"-b 1024 -N 128 -O ^has_journal,metadata_csum,^resize_inode",
};
#define BASES ARRAY_SIZE(options)

static struct {
	u8 *image;
	u16 units[UNITS];       /* that are not empty */
	u32 nr_units;
} base[BASES];

/* Some of everything: trees, an indexed directory, attributes in inode and block, long and short links. */
static void populate(void)
{
	char name[64];
	static u8 value[700];

	vol_make("d", S_IFDIR | 0755);
	for (u32 i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "d/%040u", i);
		if (i)
			vol_link("d/0000000000000000000000000000000000000000", name);
		else
			vol_make(name, S_IFREG | 0644);
	}
	vol_make("tree", S_IFREG | 0644);
	for (u32 i = 0; i < 14; i++)
		vol_write("tree", (u64)i * 8192, "x", 1);
	vol_make("unwritten", S_IFREG | 0644);
	vol_fallocate("unwritten", 0, 0, 20000);
	vol_setxattr("unwritten", "user.small", value, 10);
	vol_setxattr("unwritten", "trusted.large", value, 500);
	vol_symlink("d/0000000000000000000000000000000000000000", "short");
	memset(value, 'l', 200);
	value[200] = 0;
	vol_symlink((char *)value, "long");
	vol_make("null", S_IFCHR | 0666);
	vol_make("e", S_IFDIR | 0755);
	vol_make("e/f", S_IFREG | 0600);
	vol_write("e/f", 0, value, 200);
}

static void make_base(u32 i)
{
	struct disk *d = disk_new(host_mkfs(KIB, options[i]), KIB);

	if (vol_mount(d, false))
		host_die("a base image does not mount");
	populate();
	vol_unmount();
	base[i].image = malloc(KIB * 1024);
	memcpy(base[i].image, d->bytes, KIB * 1024);
	disk_free(d);
	for (u32 u = 0; u < UNITS; u++)
		if (memchr_inv(base[i].image + u * UNIT, 0, UNIT))
			base[i].units[base[i].nr_units++] = (u16)u;
}

static void start(void)
{
	host_boot();
	host_quiet(true);
	for (u32 i = 0; i < BASES; i++)
		make_base(i);
}

u32 fuzz_byte(struct fuzz_input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

u32 fuzz_word(struct fuzz_input *in)
{
	u32 low = fuzz_byte(in);

	return low | fuzz_byte(in) << 8;
}

/* where (a unit that is not empty, an offset in it), how many bytes (up to 8), the bytes; a count comes first. */
static void patch(struct fuzz_input *in, u8 *image, u32 i)
{
	u32 n = fuzz_byte(in) % (PATCHES_MAX + 1);

	while (n-- && in->at < in->end) {
		u32 unit = base[i].units[fuzz_word(in) % base[i].nr_units];
		u32 offset = fuzz_word(in) % UNIT, len = 1 + fuzz_byte(in) % 8;

		for (; len-- && offset < UNIT; offset++)
			image[unit * UNIT + offset] = (u8)fuzz_byte(in);
	}
}

static long used_at_start;

struct disk *fuzz_disk(struct fuzz_input *in)
{
	u8 *image = malloc(KIB * 1024);
	u32 i = fuzz_byte(in) % BASES;

	if (!base[0].image) {
		start();
		used_at_start = host_memory_used();
	}
	memcpy(image, base[i].image, KIB * 1024);
	patch(in, image, i);
	return disk_new(image, KIB);
}

void fuzz_end(struct disk *d)
{
	if (volume)
		vol_unmount();
	disk_free(d);
	if (host_memory_used() != used_at_start)
		host_die("memory was left behind");
	if (!host_locks_free())
		host_die("a lock was left held");
}
