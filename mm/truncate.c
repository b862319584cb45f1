// SPDX-License-Identifier: MIT
/*
 * Taking file pages out of the cache: truncation, hole punching, dropping what
 * is clean.
 *
 * Truncation's order, with the size already set: unmap (SIGBUS from now on),
 * zero the tail of the last page, drop the pages, and unmap once more what a
 * fault put back between (fault_file.c has the two columns).
 */
#include <tarn/errptr.h>
#include <tarn/rcu.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pagecache_int.h"

unsigned int cache_find_batch(struct mapping *m, u64 *index, u64 last, int tag, struct page **pages)
{
	void *found[CACHE_BATCH];
	u64 at[CACHE_BATCH];
	unsigned int n, got = 0;

	if (*index > last)
		return 0;
	do {
		rcu_read_lock();
		n = tag == CACHE_ANY ? radix_gang_lookup(&m->pages, found, at, *index, last, CACHE_BATCH) :
				       radix_gang_lookup_tag(&m->pages, found, at, *index, last,
							     CACHE_BATCH, (enum radix_tag)tag);
		rcu_read_unlock();
		for (unsigned int i = 0; i < n; i++) {
			/* One whose count is 0 just now may stay after all: passing over it would leave it in the file. */
			struct page *p = pagecache_find(m, at[i]);

			if (p)
				pages[got++] = p;
		}
		if (n)
			*index = at[n - 1] + 1 ? at[n - 1] + 1 : ~0ul;
	} while (n && !got && *index <= last);
	return got;
}

static void drop_page(struct mapping *m, struct page *p)
{
	page_lock(p);
	if (p->mapping == m) {
		page_wait_writeback(p);
		page_unmap_all(p);
		cache_remove(p);
	}
	page_unlock(p);
	page_put(p);
}

void cache_drop_range(struct mapping *m, u64 first, u64 last)
{
	struct page *pages[CACHE_BATCH];
	u64 start = first;
	unsigned int n;

	while ((n = cache_find_batch(m, &first, last, CACHE_ANY, pages))) {
		for (unsigned int i = 0; i < n; i++)
			drop_page(m, pages[i]);
		cond_resched();
	}
	if (m->swap)
		shmem_drop(m, start, last);
}

/* Page locked: bytes [off, end) become zero, in memory and, by being dirty, on disk if they were not. */
static void zero_bytes(struct page *p, size_t off, size_t end)
{
	char *bytes = (char *)page_address(p) + off;
	bool stale = end == PAGE_SIZE && page_test_and_clear(p, PG_STALE_TAIL);

	if (memchr_inv(bytes, 0, end - off)) {
		memset(bytes, 0, end - off);
		stale = true;
	}
	if (stale)
		page_mark_dirty(p);
}

/*
 * Bytes [from, to) of one page become zero.  A page that is not cached is read
 * first, or the bytes on disk would come back when the file grows; a hole reads
 * as zeros and stays one.
 */
static void zero_part(struct mapping *m, u64 from, u64 to)
{
	u64 index = from >> PAGE_SHIFT;
	struct page *p = m->ops->read_pages || !shmem_is_hole(m, index) ? cache_read(m, index, false) :
									  NULL;

	if (IS_ERR_OR_NULL(p)) {
		if (p)
			mapping_set_error(m, (int)PTR_ERR(p));
		return;
	}
	page_lock(p);
	if (p->mapping == m)
		zero_bytes(p, from % PAGE_SIZE, from % PAGE_SIZE + (to - from));
	page_unlock(p);
	page_put(p);
}

void pagecache_extended(struct mapping *m, u64 old_size)
{
	size_t off = old_size % PAGE_SIZE;
	struct page *p = off ? pagecache_find_locked(m, old_size >> PAGE_SHIFT) : NULL;

	if (!p)
		return;
	if (page_test(p, PG_UPTODATE))
		zero_bytes(p, off, PAGE_SIZE);
	page_unlock(p);
	page_put(p);
}

void pagecache_truncate(struct mapping *m, u64 size)
{
	u64 first = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	mapping_unmap_range(m, first, ~0ul, true);
	if (size % PAGE_SIZE)
		zero_part(m, size, ALIGN_UP(size, PAGE_SIZE));
	cache_drop_range(m, first, ~0ul);
	mapping_unmap_range(m, first, ~0ul, true);
}

void pagecache_punch(struct mapping *m, u64 first_byte, u64 last_byte)
{
	u64 first = (first_byte + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u64 end = (last_byte + 1) >> PAGE_SHIFT; /* first page that stays */

	if (first_byte >> PAGE_SHIFT == last_byte >> PAGE_SHIFT && first >= end) {
		zero_part(m, first_byte, last_byte + 1);
		return;
	}
	if (first_byte % PAGE_SIZE)
		zero_part(m, first_byte, ALIGN_UP(first_byte, PAGE_SIZE));
	if ((last_byte + 1) % PAGE_SIZE)
		zero_part(m, ALIGN_DOWN(last_byte + 1, PAGE_SIZE), last_byte + 1);
	if (first >= end)
		return;
	mapping_unmap_range(m, first, end - 1, false);
	cache_drop_range(m, first, end - 1);
	mapping_unmap_range(m, first, end - 1, false);
}

u64 pagecache_drop_clean(struct mapping *m, u64 first, u64 last)
{
	struct page *pages[CACHE_BATCH];
	unsigned int n;
	u64 dropped = 0;

	if (m->unevictable)
		return 0;
	while ((n = cache_find_batch(m, &first, last, CACHE_ANY, pages))) {
		for (unsigned int i = 0; i < n; i++) {
			struct page *p = pages[i];

			if (page_trylock(p)) {
				if (p->mapping == m && cache_evict(p)) {
					dropped++;
					continue;
				}
				page_unlock(p);
			}
			page_put(p);
		}
		cond_resched();
	}
	return dropped;
}
