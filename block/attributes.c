// SPDX-License-Identifier: MIT
/*
 * /sys/block/DISK/queue: what a disk can do, for lsblk, fdisk, mkfs and udev's rules
 * (Documentation/ABI/stable/sysfs-block).  Every number is one that the kernel goes by; what it has no
 * notion of (a scheduler, merging) has the word that says so.
 *
 * Tests: tests/system/test_devices.py.
 */
#include <tarn/block.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/sysfs.h>
#include "block.h"

enum what {
	BLOCK_SIZE, SECTORS_KB, SEGMENTS, SEGMENT_SIZE, ROTATIONAL, DISCARD_GRANULARITY, DISCARD_BYTES,
	ZEROES_BYTES, ZERO, WRITE_CACHE, SCHEDULER, ZONED, NOMERGES, INFLIGHT, RANGE,
};

struct queue_file {
	const char *name;
	enum what what;
};

static const struct queue_file queue_files[] = {
	{ "logical_block_size", BLOCK_SIZE },
	{ "physical_block_size", BLOCK_SIZE },
	{ "hw_sector_size", BLOCK_SIZE },
	{ "minimum_io_size", BLOCK_SIZE },
	{ "optimal_io_size", ZERO },
	{ "max_sectors_kb", SECTORS_KB },
	{ "max_hw_sectors_kb", SECTORS_KB },
	{ "max_segments", SEGMENTS },
	{ "max_segment_size", SEGMENT_SIZE },
	{ "rotational", ROTATIONAL },
	{ "discard_granularity", DISCARD_GRANULARITY },
	{ "discard_max_bytes", DISCARD_BYTES },
	{ "discard_max_hw_bytes", DISCARD_BYTES },
	{ "discard_zeroes_data", ZERO },
	{ "write_zeroes_max_bytes", ZEROES_BYTES },
	{ "write_same_max_bytes", ZERO },
	{ "write_cache", WRITE_CACHE },
	{ "scheduler", SCHEDULER },
	{ "zoned", ZONED },
	{ "nomerges", NOMERGES },
	{ "add_random", ZERO },
	{ "fua", ZERO },
	{ "dax", ZERO },
	{ "stable_writes", ZERO },
};

static const struct queue_file disk_files[] = {
	{ "removable", ZERO },
	{ "hidden", ZERO },
	{ "alignment_offset", ZERO },
	{ "discard_alignment", ZERO },
	{ "inflight", INFLIGHT },
	{ "range", RANGE },
};

struct arg {
	struct bdev *b;
	enum what what;
};

static u64 number(const struct disk_limits *l, enum what what)
{
	switch (what) {
	case BLOCK_SIZE:
		return l->block_size;
	case SECTORS_KB:
		return l->max_sectors / 2;
	case SEGMENTS:
		return l->max_segments;
	case SEGMENT_SIZE:
		return PAGE_SIZE;
	case ROTATIONAL:
		return l->rotational;
	case DISCARD_GRANULARITY:
		return l->max_discard_sectors ? l->block_size : 0;
	case DISCARD_BYTES:
		return (u64)l->max_discard_sectors << SECTOR_SHIFT;
	case ZEROES_BYTES:
		return (u64)l->max_write_zeroes_sectors << SECTOR_SHIFT;
	case NOMERGES:
		return 2; /* requests go to the driver as they come */
	case RANGE:
		return 16;
	default:
		return 0;
	}
}

static int file_show(void *p, struct strbuf *out)
{
	const struct arg *a = p;
	const struct disk_limits *l = &a->b->limits;

	switch (a->what) {
	case WRITE_CACHE:
		strbuf_puts(out, l->has_flush ? "write back\n" : "write through\n");
		return 0;
	case SCHEDULER:
		strbuf_puts(out, "[none]\n");
		return 0;
	case ZONED:
		strbuf_puts(out, "none\n");
		return 0;
	case INFLIGHT: /* reads and writes are not counted apart: all stand in the second */
		strbuf_printf(out, "%8u %8llu\n", 0, (unsigned long long)a->b->in_flight);
		return 0;
	default:
		strbuf_printf(out, "%llu\n", (unsigned long long)number(l, a->what));
		return 0;
	}
}

static const struct sysfs_file_ops ops = { .show = file_show };

static void files_add(struct bdev *b, struct sysfs_node *dir, const struct queue_file *files, u32 n)
{
	struct arg *args = dir ? kcalloc(n, sizeof(*args), GFP_KERNEL) : NULL;

	for (u32 i = 0; args && i < n; i++) {
		args[i] = (struct arg){ b, files[i].what };
		sysfs_file(dir, files[i].name, 0444, &ops, &args[i]);
	}
}

void disk_files_add(struct bdev *b, struct sysfs_node *dir)
{
	if (!dir)
		return;
	files_add(b, dir, disk_files, ARRAY_SIZE(disk_files));
	files_add(b, sysfs_dir(dir, "queue"), queue_files, ARRAY_SIZE(queue_files));
}
