// SPDX-License-Identifier: MIT
/*
 * Bios: one contiguous transfer between pages and a disk.
 *
 * Life of a bio:  allocated -> filled -> submitted -> completed -> freed
 *   The submitter owns it until bio_submit(); the driver until bio_complete();
 *   then ->done owns it again, in interrupt context.
 *
 * A write that frees memory must not need memory it cannot get, so a few bios
 * are kept in reserve.  Whoever finds kmalloc empty and may sleep takes one and,
 * when those are gone too, waits for one to come back: bios complete by
 * themselves, so the wait ends.
 *
 * Locks: reserve_lock guards the reserve, irqs off (->done frees bios).
 */
#include <tarn/block.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include <tarn/waitq.h>
#include "block.h"

#define RESERVE_BIOS 32
#define RESERVE_VECS 16

static struct spinlock reserve_lock = SPINLOCK_INIT("bio_reserve", LR_LEAF);
static struct list reserve GUARDED_BY(&reserve_lock) = LIST_INIT(reserve);
static struct waitq reserve_waitq = WAITQ_INIT(reserve_waitq);

static size_t bio_bytes(u32 vecs)
{
	return sizeof(struct bio) + vecs * sizeof(struct bio_vec);
}

static struct bio *reserve_take(void)
{
	u64 irq = spin_lock_irqsave(&reserve_lock);
	struct bio *bio = list_first(&reserve, struct bio, node);

	if (bio)
		list_del(&bio->node);
	spin_unlock_irqrestore(&reserve_lock, irq);
	return bio;
}

static void reserve_give(struct bio *bio)
{
	u64 irq = spin_lock_irqsave(&reserve_lock);

	list_add(&reserve, &bio->node);
	spin_unlock_irqrestore(&reserve_lock, irq);
	if (waitq_active(&reserve_waitq))
		waitq_wake_one(&reserve_waitq, 0);
}

/* Fewer vecs than asked for are fine: the caller's bio_add_page() says "full" earlier. */
static struct bio *bio_from_reserve(gfp_t gfp)
{
	struct bio *bio = reserve_take();

	if (!bio && (gfp & GFP_RECLAIM))
		wait_event(&reserve_waitq, (bio = reserve_take()) != NULL);
	return bio;
}

struct bio *bio_alloc(struct bdev *bdev, enum bio_op op, u64 sector, u32 vecs, gfp_t gfp)
{
	bool from_reserve = false;
	struct bio *bio;

	vecs = MIN(vecs, (u32)BIO_MAX_VECS);
	bio = kmalloc(bio_bytes(vecs), gfp & GFP_RECLAIM ? gfp | GFP_NORETRY : gfp);
	if (!bio) {
		bio = bio_from_reserve(gfp);
		if (!bio)
			return NULL;
		from_reserve = true;
		vecs = MIN(vecs, (u32)RESERVE_VECS);
	}
	*bio = (struct bio){
		.bdev = bdev,
		.op = op,
		.sector = sector,
		.max_vecs = vecs,
		.from_reserve = from_reserve,
	};
	return bio;
}

void bio_free(struct bio *bio)
{
	if (bio->from_reserve)
		reserve_give(bio);
	else
		kfree(bio);
}

bool bio_add_page(struct bio *bio, struct page *p, u32 offset, u32 len)
{
	const struct disk_limits *lim = &bio->bdev->limits;

	assert(!((offset | len) & (SECTOR_SIZE - 1)) && len);
	if (bio->nvecs == bio->max_vecs)
		return false;
	if (lim->max_segments && bio->nvecs == lim->max_segments)
		return false;
	if (lim->max_sectors && bio->sectors + (len >> SECTOR_SHIFT) > lim->max_sectors)
		return false;
	bio->vecs[bio->nvecs++] = (struct bio_vec){ .page = p, .offset = offset, .len = len };
	bio->sectors += len >> SECTOR_SHIFT;
	return true;
}

static void bio_finish(struct bio *bio, int status)
{
	bio->status = status;
	bio->done(bio);
}

void bio_complete(struct bio *bio, int status)
{
	struct bdev *b = bio->bdev;

	atomic_fetch_sub_explicit(&b->in_flight, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->io_ns, clock_monotonic() - bio->started,
				  memory_order_relaxed);
	if (unlikely(status) && status != -EOPNOTSUPP)
		pr_err("%s: %s of %u sectors at %llu failed: error %d\n", b->name,
		       bio->op == BIO_READ ? "read" : bio->op == BIO_FLUSH ? "flush" : "write",
		       bio->sectors, (unsigned long long)(bio->sector - b->start), status);
	bio_finish(bio, status);
}

static void bio_count(struct bio *bio)
{
	struct bdev *b = bio->bdev;
	bool read = bio->op == BIO_READ;

	bio->started = clock_monotonic();
	atomic_fetch_add_explicit(&b->in_flight, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(read ? &b->reads : &b->writes, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(read ? &b->read_sectors : &b->write_sectors, bio->sectors,
				  memory_order_relaxed);
	if (read)
		current->read_bytes += (u64)bio->sectors << SECTOR_SHIFT;
}

/* 0 when the driver must see the bio; 1 when there is nothing to do; or -errno. */
static int bio_check(const struct bio *bio)
{
	const struct bdev *b = bio->bdev;
	const struct disk_limits *lim = &b->limits;

	if (bio->op == BIO_FLUSH)
		return lim->has_flush ? 0 : 1;
	if (bio->op != BIO_READ && lim->read_only)
		return -EROFS;
	if (bio->op == BIO_DISCARD && !lim->max_discard_sectors)
		return -EOPNOTSUPP;
	if (bio->op == BIO_WRITE_ZEROES && !lim->max_write_zeroes_sectors)
		return -EOPNOTSUPP;
	if (bio->sector > b->sectors || bio->sectors > b->sectors - bio->sector)
		return -EIO;
	return bio->sectors ? 0 : 1;
}

void bio_submit(struct bio *bio)
{
	struct bdev *b = bio->bdev;
	int err = bio_check(bio);

	if (unlikely(err)) {
		if (err == -EIO)
			pr_err("%s: access past the end: sector %llu, %u sectors of %llu\n", b->name,
			       (unsigned long long)bio->sector, bio->sectors,
			       (unsigned long long)b->sectors);
		bio_finish(bio, err < 0 ? err : 0);
		return;
	}
	bio->sector += b->start;
	bio_count(bio);
	b->ops->submit(b->driver, bio);
}

struct bio_waiter {
	struct waitq waitq;
	_Atomic bool done;
};

static void bio_wake_waiter(struct bio *bio)
{
	struct bio_waiter *w = bio->private;

	waitq_fire(&w->waitq, &w->done);
}

static int bio_wait_once(struct bio *bio)
{
	struct bio_waiter w = { .done = false };

	waitq_init(&w.waitq);
	bio->done = bio_wake_waiter;
	bio->private = &w;
	bio->flags |= BIO_SYNC;
	bio_submit(bio);
	waitq_await(&w.waitq, &w.done);
	return bio->status;
}

int bio_submit_wait(struct bio *bio)
{
	bool flush_after = bio->op == BIO_WRITE && (bio->flags & BIO_FUA);
	int err = bio_wait_once(bio);

	if (!err && flush_after)
		err = bdev_flush(bio->bdev->disk);
	return err;
}

int bio_page_wait(struct bdev *b, enum bio_op op, struct page *p, u32 offset, u32 len, u64 pos)
{
	struct bio *bio = bio_alloc(b, op, pos >> SECTOR_SHIFT, 1, GFP_NOFS);
	int err;

	if (!bio)
		return -ENOMEM;
	bio_add_page(bio, p, offset, len);
	err = bio_submit_wait(bio);
	bio_free(bio);
	return err;
}

int bdev_flush(struct bdev *b)
{
	struct bio *bio;
	int err;

	if (!b->limits.has_flush)
		return 0;
	bio = bio_alloc(b, BIO_FLUSH, 0, 0, GFP_NOFS);
	if (!bio)
		return -ENOMEM;
	err = bio_submit_wait(bio);
	bio_free(bio);
	return err;
}

/* Requests without data, of at most @max sectors each; 0: the device has none of these. */
static int bdev_dataless(struct bdev *b, enum bio_op op, u64 sector, u64 count, u32 max)
{
	if (!max)
		return -EOPNOTSUPP;
	while (count) {
		struct bio *bio = bio_alloc(b, op, sector, 0, GFP_NOFS);
		u32 n = (u32)MIN(count, (u64)max);
		int err;

		if (!bio)
			return -ENOMEM;
		bio->sectors = n;
		err = bio_submit_wait(bio);
		bio_free(bio);
		if (err)
			return err;
		sector += n;
		count -= n;
		cond_resched();
	}
	return 0;
}

static int zero_by_writing(struct bdev *b, u64 sector, u64 count)
{
	struct page *zero = page_alloc(GFP_NOFS | GFP_ZERO, 0, PS_KERNEL);
	int err = 0;

	if (!zero)
		return -ENOMEM;
	while (count && !err) {
		u64 left = MIN(count, (u64)2048);
		struct bio *bio = bio_alloc(b, BIO_WRITE, sector, BIO_MAX_VECS, GFP_NOFS);

		if (!bio) {
			err = -ENOMEM;
			break;
		}
		while (left) {
			u32 n = (u32)MIN(left, (u64)(PAGE_SIZE >> SECTOR_SHIFT));

			if (!bio_add_page(bio, zero, 0, n << SECTOR_SHIFT))
				break;
			left -= n;
		}
		sector += bio->sectors;
		count -= bio->sectors;
		err = bio_submit_wait(bio);
		bio_free(bio);
	}
	page_put(zero);
	return err;
}

int bdev_zero_sectors(struct bdev *b, u64 sector, u64 count)
{
	int err = bdev_dataless(b, BIO_WRITE_ZEROES, sector, count, b->limits.max_write_zeroes_sectors);

	return err == -EOPNOTSUPP ? zero_by_writing(b, sector, count) : err;
}

int bdev_discard_sectors(struct bdev *b, u64 sector, u64 count)
{
	return bdev_dataless(b, BIO_DISCARD, sector, count, b->limits.max_discard_sectors);
}

void bio_init_reserve(void)
{
	for (int i = 0; i < RESERVE_BIOS; i++) {
		struct bio *bio = kmalloc(bio_bytes(RESERVE_VECS), GFP_KERNEL);

		if (!bio)
			panic("no memory for the bio reserve");
		bio->from_reserve = true;
		reserve_give(bio);
	}
}
