// SPDX-License-Identifier: MIT
/*
 * Pages to and from the disk behind a swap area: clusters of neighbouring slots
 * become one bio each.
 *
 * A file's blocks were looked up at swapon, so the file system is not called
 * here: writing out works while a transaction waits for memory.
 */
#include <tarn/block.h>
#include <tarn/errno.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include <tarn/waitq.h>
#include "mm_int.h"
#include "swap.h"
#include "vmstat.h"

#define PAGE_SECTORS (PAGE_SIZE / SECTOR_SIZE)
#define WAIT_WRITTEN (100 * NSEC_PER_MSEC)

static _Atomic u32 in_flight, completions;
static struct waitq written_waitq = WAITQ_INIT(written_waitq);

u32 swap_in_flight(void)
{
	return atomic_load_explicit(&in_flight, memory_order_relaxed);
}

bool swap_wait_written(void)
{
	u32 seen = atomic_load(&completions);

	if (!swap_in_flight())
		return false;
	(void)WAIT_EVENT(&written_waitq, atomic_load(&completions) != seen || !swap_in_flight(),
			 TS_UNINTERRUPTIBLE, clock_monotonic() + WAIT_WRITTEN, false);
	return true;
}

/* Where page @page of @a lies on the disk.  Extents have no holes between them. */
static u64 sector_of(const struct swap_area *a, u64 page)
{
	u32 low = 0, high = a->nr_extents;

	while (high - low > 1) {
		u32 mid = (low + high) / 2;

		if (a->extents[mid].first <= page)
			low = mid;
		else
			high = mid;
	}
	return a->extents[low].sector + (page - a->extents[low].first) * PAGE_SECTORS;
}

/* A bio that grows while pages lie in a row. */
struct run {
	struct bio *bio;
	enum bio_op op;
	void (*done)(struct bio *bio);
};

static void run_submit(struct run *r)
{
	if (r->bio)
		bio_submit(r->bio);
	r->bio = NULL;
}

/* False: no memory. */
static bool run_add(struct run *r, struct page *p)
{
	struct swap_area *a = &swap_areas[swap_slot_area(p->index)];
	u64 sector = sector_of(a, swap_slot_page(p->index));

	if (r->bio && r->bio->bdev == a->bdev && r->bio->sector + r->bio->sectors == sector &&
	    bio_add_page(r->bio, p, 0, PAGE_SIZE))
		return true;
	run_submit(r);
	r->bio = bio_alloc(a->bdev, r->op, sector, SWAP_CLUSTER, GFP_NOFS);
	if (!r->bio)
		return false;
	r->bio->done = r->done;
	return bio_add_page(r->bio, p, 0, PAGE_SIZE);
}

/* ---- out ---- */

static void write_done(struct bio *bio)
{
	u32 n = bio->nvecs;

	for (u32 i = 0; i < n; i++)
		swap_cache_written(bio->vecs[i].page, bio->status);
	bio_free(bio);
	atomic_fetch_sub(&in_flight, n);
	atomic_fetch_add(&completions, n);
	if (waitq_active(&written_waitq))
		waitq_wake_all(&written_waitq, 0);
}

/* Locked.  The cache and we have it, and nobody who could store to it. */
static bool may_write(const struct page *p)
{
	return !page_test(p, PG_WRITEBACK) && atomic_load(&p->refs) == 2;
}

static void start_write(struct run *r, struct page *p)
{
	page_clear(p, PG_DIRTY | PG_ERROR);
	page_set(p, PG_WRITEBACK);
	vm_count_irq(VM_WRITEBACK, 1);
	atomic_fetch_add(&in_flight, 1);
	/* Ours goes first, so that the end of the write can free the page: writeback keeps it until then. */
	page_unlock(p);
	page_put(p);
	if (run_add(r, p))
		return;
	swap_cache_written(p, -ENOMEM);
	atomic_fetch_sub(&in_flight, 1);
}

unsigned int swap_write(struct page **pages, unsigned int n)
{
	struct run r = { .op = BIO_WRITE, .done = write_done };
	unsigned int out = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct page *p = pages[i];

		if (may_write(p) && swap_cache_evict(p)) {
			out++;
		} else if (may_write(p)) {
			start_write(&r, p);
			vm_count(VM_SWAPOUT, 1);
			out++;
		} else {
			page_unlock(p);
			page_put(p);
		}
	}
	run_submit(&r);
	return out;
}

/* ---- in ---- */

static void fill_done(struct page *p, bool ok)
{
	page_set(p, ok ? PG_UPTODATE : PG_ERROR);
	page_unlock(p);
}

static void read_done(struct bio *bio)
{
	for (u32 i = 0; i < bio->nvecs; i++)
		fill_done(bio->vecs[i].page, !bio->status);
	bio_free(bio);
}

void swap_start_read(struct page **pages, unsigned int n)
{
	struct run r = { .op = BIO_READ, .done = read_done };

	vm_count(VM_SWAPIN, n);
	for (unsigned int i = 0; i < n; i++)
		if (!run_add(&r, pages[i]))
			fill_done(pages[i], false);
	run_submit(&r);
}
