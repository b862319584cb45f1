// SPDX-License-Identifier: MIT
/*
 * Block devices: requests, partitions, the device's own page cache.  block/.
 *
 * A file system submits a struct bio; the driver completes it from its
 * interrupt.  Several are in flight at once; order is not promised but by
 * waiting or a flush.
 */
#pragma once

#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/page.h>

#define SECTOR_SHIFT 9
#define SECTOR_SIZE 512u

enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH, BIO_DISCARD, BIO_WRITE_ZEROES };
#define BIO_FUA BIT(0)    /* on stable storage when bio_submit_wait() returns; not for bio_submit() */
#define BIO_SYNC BIT(1)   /* somebody waits */

struct bio_vec {
	struct page *page;
	u32 offset, len; /* bytes, multiples of 512 */
};

struct bdev;

/*
 * struct bio - one contiguous transfer.  The submitter owns it until @done runs.
 * @done: any context, irqs may be off; it may free the bio.
 */
struct bio {
	struct bdev *bdev;
	enum bio_op op;
	u32 flags;
	u64 sector;             /* of @bdev; bio_submit() adds a partition's start: drivers see the disk's */
	u32 sectors;            /* length in 512 bytes: kept by bio_add_page(); set by hand when there are no vecs */
	u32 nvecs, max_vecs;
	ktime_t started;        /* [I] block/bio.c: for statistics */
	bool from_reserve;      /* [I] block/bio.c */
	int status;             /* 0 or -errno, valid in @done */
	void (*done)(struct bio *bio);
	void *private;
	struct list node;       /* driver's queue */
	struct bio_vec vecs[];
};
#define BIO_MAX_VECS 256

/* NULL: no memory (GFP_NOFS and stronger succeed for small @vecs through a reserve). */
struct bio *bio_alloc(struct bdev *bdev, enum bio_op op, u64 sector, u32 vecs, gfp_t gfp);
void bio_free(struct bio *bio);
/* False: full, or not contiguous with the device's limits; submit and start another. */
bool bio_add_page(struct bio *bio, struct page *p, u32 offset, u32 len);
/* Hands it to the driver; a range outside the device completes with -EIO at once. */
void bio_submit(struct bio *bio);
/* And waits: 0 or -errno.  May sleep. */
int bio_submit_wait(struct bio *bio);
/* Reads or writes [offset, offset + len) of one page at byte @pos of @b and waits: 0 or -errno. */
int bio_page_wait(struct bdev *b, enum bio_op op, struct page *p, u32 offset, u32 len, u64 pos);

/*
 * A whole disk's driver side.
 * submit: any context that may sleep for queue space; completes through bio_complete().
 */
struct disk_ops {
	void (*submit)(void *disk, struct bio *bio);
	int (*ioctl)(void *disk, unsigned int cmd, unsigned long arg); /* NULL: -ENOTTY */
};
struct disk_limits {
	u32 max_segments, max_sectors;
	u32 block_size;        /* logical, bytes */
	bool read_only, has_flush, rotational;
	u32 max_discard_sectors, max_write_zeroes_sectors; /* of one request; 0: the device cannot */
};
/* From a driver's interrupt: ends @bio. */
void bio_complete(struct bio *bio, int status);

struct inode;
struct mapping;
struct super;
/* struct bdev - a disk or a partition of one. */
struct bdev {
	kdev_t dev;                   /* [I] */
	char name[16];                /* [I] "vda", "vda1" */
	u64 start, sectors;           /* [I] in 512 bytes; start 0 for a disk */
	struct bdev *disk;            /* [I] itself for a disk */
	const struct disk_ops *ops;   /* [I] disk's */
	void *driver;                 /* [I] for ops */
	struct disk_limits limits;    /* [I] */
	struct inode *inode;          /* [I] holds the device's page cache */
	u32 openers;                  /* bdev_lock */
	_Atomic bool set_read_only;   /* [a] BLKROSET; limits.read_only: the hardware */
	bool claimed;                 /* a file system is mounted: exclusive */
	struct super *holder;         /* RCU: that, to be told of blocks that cannot be written; NULL: none */
	char partuuid[40];            /* [I] "" for none */
	struct list node;
	_Atomic u64 reads, writes, read_sectors, write_sectors, in_flight, io_ns;
};
/* Registers a disk ("vda", major from the driver), reads its partition table (MBR, GPT) and makes the device
 * nodes known to devtmpfs and sysfs.  ERR_PTR. */
struct bdev *disk_register(const char *name, kdev_t first_dev, u64 sectors,
			   const struct disk_ops *ops, void *driver,
			   const struct disk_limits *limits);
struct bdev *bdev_find(kdev_t dev);
struct bdev *bdev_find_name(const char *name);
/* After @prev (NULL: first) in the list, for /proc/partitions and sysfs. */
struct bdev *bdev_next(struct bdev *prev);
/* The hardware, or somebody by BLKROSET for it or for its disk. */
bool bdev_read_only(const struct bdev *b);
/* Exclusive: -EBUSY if mounted already; read-write on a read-only device: -EROFS. */
int bdev_claim(struct bdev *b, bool read_only);
void bdev_release(struct bdev *b);
/* Dirty pages of the device's own cache to the disk, then a flush. */
int bdev_sync(struct bdev *b);
int bdev_flush(struct bdev *b);
/* Copies [offset, offset + len) from the device's cache: 0, -EIO, -ENOMEM; -EINVAL past the end. */
int bdev_read(struct bdev *b, u64 offset, void *buf, size_t len);
/* Zeroes or discards [sector, sector + count) on the disk itself; the cache is the caller's business.
 * -EIO, -ENOMEM; discarding -EOPNOTSUPP where the device cannot. */
int bdev_zero_sectors(struct bdev *b, u64 sector, u64 count);
int bdev_discard_sectors(struct bdev *b, u64 sector, u64 count);
void block_init(void);

struct file_ops;
extern const struct file_ops bdev_fops; /* /dev/vda: read, write, mmap, ioctl */
