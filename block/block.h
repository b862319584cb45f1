// SPDX-License-Identifier: MIT
/* Private to block/: what its files share. */
#pragma once

#include <tarn/block.h>

struct file;

/* bio.c */
void bio_init_reserve(void);

/* cache.c: the device's own page cache */
struct mapping_ops;
extern const struct mapping_ops bdev_mapping_ops;
u64 bdev_bytes(const struct bdev *b);

/* buffer.c: what cache.c needs to know of the buffers on a page */
void buffer_init(void);
/* Reads the blocks of a locked page that are not up to date and waits: 0 or -EIO. */
int buffers_read_page(struct page *p);
/* Takes the dirty ranges of @p one after the other, from *offset on, and marks them clean. */
bool buffers_next_dirty(struct page *p, u32 *offset, u32 *len);
/* Bytes [from, to) were written by way of the page: their buffers are valid, and dirty. */
void buffers_mark_written(struct page *p, u32 from, u32 to);
/* A write failed: the blocks in [offset, offset + len) say so. */
void buffers_write_failed(struct page *p, u32 offset, u32 len);
/* mapping_ops.invalidate */
void buffers_invalidate(struct page *p);

/* attributes.c: /sys/block/DISK/queue and what else is a disk's only */
struct sysfs_node;
void disk_files_add(struct bdev *b, struct sysfs_node *dir);

/* partition.c */
struct partition {
	u32 number;             /* 1 .. */
	u64 start, sectors;     /* 512-byte units */
	char uuid[40];          /* PARTUUID as text */
};
#define PARTITIONS_MAX 64
/*
 * A disk's partitions, in the order of their numbers.  @read copies @len bytes
 * at @offset and gives 0 or -errno.  How many were found (0: no table, or one
 * that makes no sense), or -errno of @read, or -ENOMEM.
 */
int partitions_parse(int (*read)(void *disk, u64 offset, void *buf, size_t len), void *disk,
		     u64 sectors, u32 sector_size, struct partition *out, u32 max);
