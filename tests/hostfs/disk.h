// SPDX-License-Identifier: MIT
/*
 * A disk in memory: block device operations over an array.
 *
 * Requests wait until somebody waits for them (host_complete_io), and then end
 * in any order, as no order is promised between flushes.  Errors can be planted,
 * and what is written can be recorded, to build the disk anew as it was after any
 * of the writes.
 */
#pragma once

#include <tarn/block.h>

struct disk_event {
	enum bio_op op;         /* BIO_WRITE, BIO_FLUSH */
	u64 sector;
	u32 bytes;
	u8 *data;               /* owned */
};

struct disk {
	u8 *bytes;              /* owned */
	u64 sectors;
	struct bdev *bdev;
	struct list queue;      /* bios under way */
	/* Planted errors: requests of @fail_op on [fail_first, fail_last] end with -EIO, @fail_after of them later. */
	bool fail;
	enum bio_op fail_op;
	u64 fail_first, fail_last;
	u32 fail_after, failed; /* failed: how many did */
	bool record;
	struct disk_event *events;
	u32 nr_events, max_events;
	u8 *base;               /* what the recording began with */
	u32 reads, writes, flushes;
};

/* Once, before the first. */
void disk_boot(void);
/* @bytes is taken over; its length in KiB. */
struct disk *disk_new(u8 *bytes, u32 kib);
/* The page cache over it goes too; it must not be mounted. */
void disk_free(struct disk *d);
/* Its cached pages are dropped, for images that were changed behind them. */
void disk_forget_cache(struct disk *d);
void disk_fail(struct disk *d, enum bio_op op, u64 first, u64 last, u32 after);
void disk_record(struct disk *d);
/* What the disk holds after the first @n events, malloc'ed. */
u8 *disk_rebuild(const struct disk *d, u32 n);
