// SPDX-License-Identifier: MIT
/* The disk in memory (disk.h), and block/disk.c's part of a device: names, claims, the inode of its page cache. */
#include <stdlib.h>
#include <linux/stat.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/inode.h>
#include <tarn/pagecache.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include "../../block/block.h"
#include "../../fs/internal.h"
#include "../../mm/pagecache_int.h"
#include "disk.h"
#include "host.h"

static struct super *bdev_super;
static const struct fs_type bdev_fs = { .name = "bdev" };
static const struct super_ops bdev_super_ops = { 0 };
static struct disk *the_disk; /* one at a time */

/* ---- requests ---- */

static void submit(void *driver, struct bio *bio)
{
	struct disk *d = driver;

	list_add_tail(&d->queue, &bio->node);
}

static void note(struct disk *d, struct bio *bio, const u8 *data)
{
	struct disk_event *e;

	if (!d->record)
		return;
	if (d->nr_events == d->max_events) {
		struct disk_event *more = calloc(d->max_events * 2 + 64, sizeof(*more));

		if (d->events)
			memcpy(more, d->events, d->nr_events * sizeof(*more));
		free(d->events);
		d->events = more;
		d->max_events = d->max_events * 2 + 64;
	}
	e = &d->events[d->nr_events++];
	*e = (struct disk_event){ .op = bio->op, .sector = bio->sector, .bytes = bio->sectors * SECTOR_SIZE };
	if (data) {
		e->data = malloc(e->bytes);
		memcpy(e->data, data, e->bytes);
	}
}

static void move_data(struct disk *d, struct bio *bio)
{
	u8 *at = d->bytes + bio->sector * SECTOR_SIZE, *start = at;

	for (u32 i = 0; i < bio->nvecs; i++) {
		struct bio_vec *v = &bio->vecs[i];
		char *page = (char *)page_address(v->page) + v->offset;

		assert(v->offset + v->len <= PAGE_SIZE);
		if (bio->op == BIO_READ)
			memcpy(page, at, v->len);
		else
			memcpy(at, page, v->len);
		at += v->len;
	}
	if (bio->op == BIO_WRITE_ZEROES)
		memset(start, 0, bio->sectors * SECTOR_SIZE);
	if (bio->op == BIO_WRITE || bio->op == BIO_WRITE_ZEROES)
		note(d, bio, start);
}

static bool shall_fail(struct disk *d, const struct bio *bio)
{
	if (!d->fail || bio->op != d->fail_op || bio->sector > d->fail_last ||
	    bio->sector + bio->sectors <= d->fail_first)
		return false;
	if (d->fail_after) {
		d->fail_after--;
		return false;
	}
	d->failed++;
	return true;
}

static void finish(struct disk *d, struct bio *bio)
{
	if (shall_fail(d, bio)) {
		bio_complete(bio, -EIO);
		return;
	}
	assert(bio->sector + bio->sectors <= d->sectors);
	switch (bio->op) {
	case BIO_FLUSH:
		d->flushes++;
		note(d, bio, NULL);
		break;
	case BIO_READ:
		d->reads++;
		move_data(d, bio);
		break;
	default:
		d->writes++;
		move_data(d, bio);
	}
	bio_complete(bio, 0);
}

bool host_complete_io(void)
{
	struct disk *d = the_disk;
	struct bio *bio;
	u32 n = 0;

	if (!d)
		return false;
	/* The last first: whoever relies on an order finds out. */
	while (!list_empty(&d->queue)) {
		bio = LIST_ENTRY(d->queue.prev, struct bio, node);
		list_del(&bio->node);
		finish(d, bio);
		n++;
	}
	return n;
}

static const struct disk_ops memory_ops = { .submit = submit };

/* ---- the device ---- */

static struct inode *make_inode(struct bdev *b)
{
	struct inode *inode = inode_new(bdev_super);

	assert(inode);
	inode->mode = S_IFBLK | 0600;
	inode->rdev = b->dev;
	inode->ino = b->dev;
	inode->blkbits = PAGE_SHIFT;
	inode->private = b;
	atomic_store(&inode->size, bdev_bytes(b));
	mapping_init(&inode->data, inode, &bdev_mapping_ops);
	inode->data.gfp = GFP_USER_NOFS;
	rwsem_init(&inode->data.invalidate_lock, "disk cache", LR_BDEV_MAPPING);
	inode->mapping = &inode->data;
	return inode;
}

void disk_boot(void)
{
	bdev_super = super_alloc(&bdev_fs, &bdev_super_ops, 0);
	bdev_super->rootless = true;
}

struct disk *disk_new(u8 *bytes, u32 kib)
{
	struct disk *d = calloc(1, sizeof(*d));
	struct bdev *b = calloc(1, sizeof(*b));

	*d = (struct disk){ .bytes = bytes, .sectors = (u64)kib * 2, .bdev = b };
	list_init(&d->queue);
	strscpy(b->name, "mem", sizeof(b->name));
	b->dev = KDEV(8, 1);
	b->sectors = d->sectors;
	b->disk = b;
	b->ops = &memory_ops;
	b->driver = d;
	b->limits = (struct disk_limits){ .block_size = SECTOR_SIZE, .has_flush = true,
					  .max_write_zeroes_sectors = 2048 };
	b->inode = make_inode(b);
	assert(!the_disk);
	the_disk = d;
	return d;
}

void disk_forget_cache(struct disk *d)
{
	while (host_complete_io())
		;
	cache_drop_range(d->bdev->inode->mapping, 0, ~0ul);
}

void disk_free(struct disk *d)
{
	assert(!d->bdev->claimed);
	d->fail = false; /* what an aborted file system left dirty goes now, as the flusher would see to it */
	mapping_write_range(d->bdev->inode->mapping, 0, ~0ull);
	while (host_complete_io())
		;
	d->bdev->inode->nlink = 0;
	inode_put(d->bdev->inode);
	host_rcu_barrier();
	for (u32 i = 0; i < d->nr_events; i++)
		free(d->events[i].data);
	free(d->events);
	free(d->base);
	free(d->bytes);
	free(d->bdev);
	free(d);
	the_disk = NULL;
}

/* ---- errors and recordings ---- */

void disk_fail(struct disk *d, enum bio_op op, u64 first, u64 last, u32 after)
{
	d->fail = true;
	d->fail_op = op;
	d->fail_first = first;
	d->fail_last = last;
	d->fail_after = after;
}

void disk_record(struct disk *d)
{
	d->base = malloc(d->sectors * SECTOR_SIZE);
	memcpy(d->base, d->bytes, d->sectors * SECTOR_SIZE);
	d->record = true;
}

u8 *disk_rebuild(const struct disk *d, u32 n)
{
	u8 *image = malloc(d->sectors * SECTOR_SIZE);

	memcpy(image, d->base, d->sectors * SECTOR_SIZE);
	for (u32 i = 0; i < n; i++)
		if (d->events[i].data)
			memcpy(image + d->events[i].sector * SECTOR_SIZE, d->events[i].data,
			       d->events[i].bytes);
	return image;
}

/* ---- as block/disk.c has it ---- */

struct bdev *bdev_next(struct bdev *prev)
{
	return prev || !the_disk ? NULL : the_disk->bdev;
}

struct bdev *bdev_find(kdev_t dev)
{
	return the_disk && the_disk->bdev->dev == dev ? the_disk->bdev : NULL;
}

struct bdev *bdev_find_name(const char *name)
{
	return the_disk && str_eq(name, the_disk->bdev->name) ? the_disk->bdev : NULL;
}

bool bdev_read_only(const struct bdev *b)
{
	return b->limits.read_only || atomic_load(&b->set_read_only);
}

int bdev_claim(struct bdev *b, bool read_only)
{
	if (!read_only && bdev_read_only(b))
		return -EROFS;
	if (b->claimed)
		return -EBUSY;
	b->claimed = true;
	return 0;
}

void bdev_release(struct bdev *b)
{
	assert(b->claimed);
	b->claimed = false;
}
