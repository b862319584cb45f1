// SPDX-License-Identifier: MIT
/*
 * A device's own page cache: what /dev/vda shows and what buffers lie on.
 *
 * Pages are read and written whole, unless buffers are on them: then single
 * blocks are, because a page may hold one dirty block of metadata between
 * blocks that belong to files (buffer.c).
 *
 * The last page of a device whose size is no multiple of the page's is zero
 * behind the end.
 */
#include <tarn/block.h>
#include <tarn/buffer.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/inode.h>
#include <tarn/pagecache.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>
#include "block.h"

#define WRITE_BATCH 32

static struct bdev *bdev_of_mapping(const struct mapping *m)
{
	return m->host->private;
}

u64 bdev_bytes(const struct bdev *b)
{
	return b->sectors << SECTOR_SHIFT;
}

/* How many bytes of page @index the device has: a multiple of 512. */
static u32 bytes_of_page(const struct bdev *b, u64 index)
{
	u64 start = index << PAGE_SHIFT, end = bdev_bytes(b);

	return start >= end ? 0 : (u32)MIN(end - start, (u64)PAGE_SIZE);
}

/* ---- reading ---- */

static void read_done(struct bio *bio)
{
	for (u32 i = 0; i < bio->nvecs; i++) {
		struct page *p = bio->vecs[i].page;

		page_read_done(p, bio->status == 0);
	}
	bio_free(bio);
}

/* True if no I/O is needed for @p, or it was done; the page is unlocked then. */
static bool read_without_bio(struct bdev *b, struct page *p)
{
	u32 bytes = bytes_of_page(b, p->index);

	if (page_test(p, PG_PRIVATE)) {
		page_read_done(p, buffers_read_page(p) == 0);
		return true;
	}
	if (bytes < PAGE_SIZE)
		memset((char *)page_address(p) + bytes, 0, PAGE_SIZE - bytes);
	if (bytes)
		return false;
	page_read_done(p, true);
	return true;
}

static struct bio *start_bio(struct bdev *b, enum bio_op op, u64 pos, u32 vecs,
			     void (*done)(struct bio *bio))
{
	struct bio *bio = bio_alloc(b, op, pos >> SECTOR_SHIFT, vecs, GFP_NOFS);

	if (bio)
		bio->done = done;
	return bio;
}

static void bdev_read_pages(struct mapping *m, struct page **pages, unsigned int n)
{
	struct bdev *b = bdev_of_mapping(m);
	struct bio *bio = NULL;
	u64 next = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct page *p = pages[i];
		u64 index = p->index;

		if (bio && index != next) {
			bio_submit(bio);
			bio = NULL;
		}
		if (read_without_bio(b, p))
			continue;
		if (bio && !bio_add_page(bio, p, 0, bytes_of_page(b, index))) {
			bio_submit(bio);
			bio = NULL;
		}
		if (!bio) {
			bio = start_bio(b, BIO_READ, index << PAGE_SHIFT, n - i, read_done);
			if (!bio) {
				page_read_done(p, false);
				continue;
			}
			bio_add_page(bio, p, 0, bytes_of_page(b, index));
		}
		next = index + 1;
	}
	if (bio)
		bio_submit(bio);
}

/* ---- writing ---- */

/* One bio being filled: contiguous ranges of pages under writeback. */
struct write_run {
	struct bdev *b;
	struct bio *bio;
	u64 end;        /* where the next range must start, bytes */
};

/* The file system that is mounted from here has its blocks on our pages: syncfs tells of them. */
static void tell_holder(struct bdev *b, int err)
{
	struct super *sb;

	rcu_read_lock();
	sb = rcu_dereference(b->holder);
	if (sb)
		errseq_set(&sb->wb_error, err);
	rcu_read_unlock();
}

static void write_done(struct bio *bio)
{
	if (bio->status)
		tell_holder(bio->bdev, bio->status);
	for (u32 i = 0; i < bio->nvecs; i++) {
		struct bio_vec *v = &bio->vecs[i];

		if (bio->status && page_test(v->page, PG_PRIVATE))
			buffers_write_failed(v->page, v->offset, v->len);
		page_end_writeback(v->page, bio->status);
	}
	bio_free(bio);
}

static void run_submit(struct write_run *run)
{
	if (run->bio)
		bio_submit(run->bio);
	run->bio = NULL;
}

/* @p is under writeback; that ends when this range is written. */
static void run_add(struct write_run *run, struct page *p, u32 offset, u32 len)
{
	u64 pos = (p->index << PAGE_SHIFT) + offset;

	if (run->bio && (pos != run->end || !bio_add_page(run->bio, p, offset, len)))
		run_submit(run);
	if (!run->bio) {
		run->bio = start_bio(run->b, BIO_WRITE, pos, BIO_MAX_VECS, write_done);
		if (!run->bio) {
			tell_holder(run->b, -ENOMEM);
			page_end_writeback(p, -ENOMEM);
			return;
		}
		bio_add_page(run->bio, p, offset, len);
	}
	run->end = pos + len;
}

/* All dirty ranges but the last are written at once: pages with several are rare. */
static void write_buffers(struct write_run *run, struct page *p)
{
	u32 offset = 0, len, next, next_len;
	int err = 0;

	if (!buffers_next_dirty(p, &offset, &len)) {
		page_end_writeback(p, 0);
		return;
	}
	for (;;) {
		int e;

		next = offset + len;
		if (next >= PAGE_SIZE || !buffers_next_dirty(p, &next, &next_len))
			break;
		e = bio_page_wait(run->b, BIO_WRITE, p, offset, len,
				  (p->index << PAGE_SHIFT) + offset);
		if (e) {
			buffers_write_failed(p, offset, len);
			err = e;
		}
		offset = next;
		len = next_len;
	}
	if (err) {
		tell_holder(run->b, err);
		mapping_set_error(p->mapping, err);
	}
	run_add(run, p, offset, len);
}

static void write_page(struct write_run *run, struct page *p)
{
	u32 bytes = bytes_of_page(run->b, p->index);

	if (page_test(p, PG_PRIVATE))
		write_buffers(run, p);
	else if (bytes)
		run_add(run, p, 0, bytes);
	else
		page_end_writeback(p, 0);
}

static int bdev_write_pages(struct mapping *m, struct writeback *wb)
{
	struct write_run run = { .b = bdev_of_mapping(m) };
	struct page *pages[WRITE_BATCH];
	unsigned int n;

	while (wb->budget &&
	       (n = mapping_next_dirty(m, wb, pages, (u32)MIN(wb->budget, (u64)WRITE_BATCH)))) {
		for (unsigned int i = 0; i < n; i++) {
			struct page *p = pages[i];

			if (page_test(p, PG_LOCKED | PG_WRITEBACK))
				run_submit(&run); /* what we hold back may be what it waits for */
			page_lock(p);
			if (p->mapping == m && wb->wait)
				page_wait_writeback(p);
			if (p->mapping == m && !page_test(p, PG_WRITEBACK) &&
			    page_start_writeback(p))
				write_page(&run, p);
			page_unlock(p);
			page_put(p);
		}
		if (wb->budget != ~0ull)
			wb->budget -= n;
		cond_resched();
	}
	run_submit(&run);
	return 0;
}

static int bdev_write_end(struct mapping *m, u64 pos, u32 len, u32 copied, struct page *p)
{
	u32 offset = (u32)(pos & (PAGE_SIZE - 1));

	if (!page_test(p, PG_UPTODATE)) {
		if (copied < len)
			copied = 0;
		else
			page_set(p, PG_UPTODATE);
	}
	if (copied) {
		if (page_test(p, PG_PRIVATE))
			buffers_mark_written(p, offset, offset + copied);
		page_mark_dirty(p);
	}
	page_unlock(p);
	page_put(p);
	return (int)copied;
}

static int bdev_make_writable(struct mapping *m, struct page *p)
{
	if (page_test(p, PG_PRIVATE))
		buffers_mark_written(p, 0, PAGE_SIZE);
	return 0;
}

const struct mapping_ops bdev_mapping_ops = {
	.read_pages = bdev_read_pages,
	.write_end = bdev_write_end,
	.make_writable = bdev_make_writable,
	.write_pages = bdev_write_pages,
	.invalidate = buffers_invalidate,
	.dirtied = inode_pages_dirtied,
};

/* ---- by bytes ---- */

int bdev_read(struct bdev *b, u64 offset, void *buf, size_t len)
{
	u64 size = bdev_bytes(b);
	char *to = buf;

	if (offset > size || len > size - offset)
		return -EINVAL;
	while (len) {
		u32 in_page = (u32)(offset & (PAGE_SIZE - 1));
		size_t n = MIN(len, PAGE_SIZE - in_page);
		struct page *p = pagecache_read_page(b->inode->mapping, offset >> PAGE_SHIFT);

		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		memcpy(to, (char *)page_address(p) + in_page, n);
		page_put(p);
		to += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int bdev_sync(struct bdev *b)
{
	int err = mapping_write_range(b->inode->mapping, 0, ~0ull);
	int flush = bdev_flush(b->disk);

	return err ? err : flush;
}
