// SPDX-License-Identifier: MIT
/*
 * Read-ahead: a window that grows while a file is read in order.
 *
 *   |---- window: size ----|
 *   start          marker  |          async_size pages from the marker to the end
 *
 * A miss starts a window (readahead_sync): a small one at first, twice the last
 * one when it follows it.  The marker page (PG_READAHEAD) starts the next window
 * before the reader arrives there (readahead_async), so that a steady reader
 * never waits.  A miss out of order reads only what was asked for.
 *
 * Pages are added locked and handed to the file system in runs; it unlocks each
 * when its data is there.  Failing allocations end the window quietly; where few
 * file pages are left it is cut to a part of them (reclaim_readahead_limit).
 */
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include "mm_int.h"
#include "pagecache_int.h"

#define DEFAULT_MAX 64u /* pages */
#define FIRST_WINDOW 8u
#define RUN 32u

void readahead_init(struct readahead *ra)
{
	*ra = (struct readahead){ .max = DEFAULT_MAX, .prev = ~0ul };
}

static void submit(struct mapping *m, struct page **run, unsigned int n)
{
	if (!n)
		return;
	cache_start_read(m, run, n);
	for (unsigned int i = 0; i < n; i++)
		page_put(run[i]);
}

/* Brings in what is missing of [start, start + count); @marker's page announces the next window. */
static void read_window(struct mapping *m, u64 start, u64 count, u64 marker)
{
	u64 pages = (inode_size(m->host) + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct page *run[RUN];
	unsigned int n = 0;
	u64 end;

	if (start >= pages || !m->ops->read_pages)
		return;
	end = MIN(pages, start + MIN(count, reclaim_readahead_limit()));
	rwsem_read_lock(&m->invalidate_lock);
	for (u64 index = start; index < end; index++) {
		struct page *p = radix_lookup(&m->pages, index) ?
					 NULL :
					 cache_add_new(m, index, m->gfp | GFP_NORETRY);

		if (IS_ERR(p) && PTR_ERR(p) != -EEXIST)
			break;
		if (IS_ERR_OR_NULL(p)) {
			submit(m, run, n);
			n = 0;
			continue;
		}
		if (index == marker)
			page_set(p, PG_READAHEAD);
		run[n++] = p;
		if (n == RUN) {
			submit(m, run, n);
			n = 0;
		}
	}
	submit(m, run, n);
	rwsem_read_unlock(&m->invalidate_lock);
}

static void start_window(struct mapping *m, struct readahead *ra)
{
	read_window(m, ra->start, ra->size, ra->start + ra->size - ra->async_size);
}

void readahead_sync(struct mapping *m, struct readahead *ra, u64 index, u64 want)
{
	u32 max = ra->max;

	want = MIN(MAX(want, 1ul), (u64)MAX(max, RUN));
	if (!max) {
		read_window(m, index, want, ~0ul);
		return;
	}
	if (index == ra->start + ra->size && ra->size)
		ra->size = MIN(ra->size * 2, max);
	else if (!index || index == ra->prev || index == ra->prev + 1)
		ra->size = MIN(MAX((u32)want * 2, FIRST_WINDOW), max);
	else {
		read_window(m, index, want, ~0ul);
		return;
	}
	ra->size = MAX(ra->size, MIN((u32)want, max));
	ra->start = index;
	ra->async_size = ra->size > want ? ra->size - (u32)want : ra->size;
	start_window(m, ra);
}

void readahead_async(struct mapping *m, struct readahead *ra, struct page *p, u64 index)
{
	u64 hole;

	if (!page_test_and_clear(p, PG_READAHEAD) || !ra->max)
		return;
	if (index >= ra->start && index < ra->start + ra->size) {
		ra->start += ra->size;
		ra->size = MIN(MAX(ra->size * 2, FIRST_WINDOW), ra->max);
	} else {
		/* Somebody else's window: ours begins where the cache ends. */
		if (!radix_next_hole(&m->pages, index + 1, index + ra->max, &hole))
			return;
		ra->start = hole;
		ra->size = ra->max;
	}
	ra->async_size = ra->size;
	start_window(m, ra);
}

void readahead_force(struct mapping *m, u64 first, u64 count)
{
	/* Not the whole of memory at once, whatever a program asks for. */
	read_window(m, first, MIN(count, 8192ul), ~0ul);
}
