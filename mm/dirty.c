// SPDX-License-Identifier: MIT
/*
 * Dirty pages: from a store to the disk.
 *
 *   clean --page_mark_dirty--> dirty --page_start_writeback--> writeback --end--> clean
 *                                 ^------- a store meanwhile -------'
 *
 * PG_DIRTY is the truth, the tree's tags are how it is found; they are set after
 * and cleared with it under tree_lock.  A shared mapping can store only where
 * page_mark_dirty was called since the last page_start_writeback, because that
 * write-protects first.  Memory-only mappings (no write_pages) have no dirty
 * pages at all.
 *
 * Errors: wb_error holds an errno, whether anybody saw it, and a count, so that
 * each open file reports each error once (fsync(2)).
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "page_int.h"
#include "pagecache_int.h"
#include "vmstat.h"

u32 vm_dirty_background_ratio = 10;
u32 vm_dirty_ratio = 20;
u64 vm_dirty_background_bytes;
u64 vm_dirty_bytes;
u32 vm_dirty_expire_centisecs = 3000;
u32 vm_dirty_writeback_centisecs = 500;

bool page_mark_dirty(struct page *p)
{
	struct mapping *m = p->mapping;
	bool first = false;
	u64 flags;

	if (!m || !m->ops->write_pages || page_test(p, PG_DIRTY) || page_test_and_set(p, PG_DIRTY))
		return false;
	flags = spin_lock_irqsave(&m->tree_lock);
	/* It left the file before it was marked, so nobody has uncounted it or will. */
	if (p->mapping != m && page_test_and_clear(p, PG_DIRTY)) {
		spin_unlock_irqrestore(&m->tree_lock, flags);
		return false;
	}
	/* A buffer's page is not locked: its writeback may have begun already, and takes no tag away later. */
	if (p->mapping == m && page_test(p, PG_DIRTY)) {
		first = !radix_tagged(&m->pages, PC_DIRTY);
		radix_tag_set(&m->pages, p->index, PC_DIRTY);
	}
	vm_count(VM_DIRTY, 1);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	if (first && m->ops->dirtied)
		m->ops->dirtied(m);
	return true;
}

bool page_start_writeback(struct page *p)
{
	struct mapping *m = p->mapping;
	u64 flags;

	assert(page_test(p, PG_LOCKED) && m);
	page_wait_writeback(p);
	page_mkclean(p);
	if (!page_test_and_clear(p, PG_DIRTY)) {
		flags = spin_lock_irqsave(&m->tree_lock);
		radix_tag_clear(&m->pages, p->index, PC_TOWRITE);
		spin_unlock_irqrestore(&m->tree_lock, flags);
		return false;
	}
	flags = spin_lock_irqsave(&m->tree_lock);
	radix_tag_clear(&m->pages, p->index, PC_DIRTY);
	radix_tag_clear(&m->pages, p->index, PC_TOWRITE);
	radix_tag_set(&m->pages, p->index, PC_WRITEBACK);
	page_set(p, PG_WRITEBACK);
	vm_count(VM_DIRTY, -1);
	vm_count(VM_WRITEBACK, 1);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	(void)cache_zero_tail(p);
	page_clear(p, PG_STALE_TAIL);
	return true;
}

void page_end_writeback(struct page *p, int err)
{
	struct mapping *m = p->mapping;
	u64 flags;

	if (err) {
		page_set(p, PG_ERROR);
		mapping_set_error(m, err);
	}
	flags = spin_lock_irqsave(&m->tree_lock);
	radix_tag_clear(&m->pages, p->index, PC_WRITEBACK);
	vm_count(VM_WRITEBACK, -1);
	vm_count(VM_PGOUT, 1);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	page_clear_writeback(p);
}

/* ---- finding what to write ---- */

unsigned int mapping_next_dirty(struct mapping *m, struct writeback *wb, struct page **pages,
				unsigned int max)
{
	int tag = wb->wait ? PC_TOWRITE : PC_DIRTY;
	unsigned int got = 0;

	while (got < max) {
		struct page *batch[CACHE_BATCH];
		unsigned int n = cache_find_batch(m, &wb->first, wb->last, tag, batch);

		if (!n)
			break;
		for (unsigned int i = 0; i < n; i++) {
			if (got < max) {
				pages[got++] = batch[i];
				continue;
			}
			/* More than asked for: the next call begins here. */
			wb->first = MIN(wb->first, batch[i]->index);
			page_put(batch[i]);
		}
	}
	return got;
}

/* What is dirty now, and only that, will be written: later stores must not keep fsync going. */
static void tag_for_sync(struct mapping *m, u64 first, u64 last)
{
	void *found[48];
	u64 at[48];
	unsigned int n;

	do {
		u64 flags = spin_lock_irqsave(&m->tree_lock);

		n = radix_gang_lookup_tag(&m->pages, found, at, first, last, ARRAY_SIZE(found),
					  PC_DIRTY);
		for (unsigned int i = 0; i < n; i++)
			radix_tag_set(&m->pages, at[i], PC_TOWRITE);
		spin_unlock_irqrestore(&m->tree_lock, flags);
		if (n)
			first = at[n - 1] + 1;
		cond_resched();
	} while (n == ARRAY_SIZE(found) && first && first <= last);
}

static void wait_range(struct mapping *m, u64 first, u64 last)
{
	struct page *pages[CACHE_BATCH];
	unsigned int n;

	if (!radix_tagged(&m->pages, PC_WRITEBACK))
		return;
	while ((n = cache_find_batch(m, &first, last, PC_WRITEBACK, pages)))
		for (unsigned int i = 0; i < n; i++) {
			page_wait_writeback(pages[i]);
			page_put(pages[i]);
		}
}

int mapping_write_range(struct mapping *m, u64 first_byte, u64 last_byte)
{
	u64 first = first_byte >> PAGE_SHIFT, last = last_byte >> PAGE_SHIFT;
	struct writeback wb = { .first = first, .last = last, .budget = ~0ul, .wait = true };
	u32 seen = atomic_load(&m->wb_error);
	int err = 0, late;

	if (!m->ops->write_pages)
		return 0;
	if (radix_tagged(&m->pages, PC_DIRTY)) {
		tag_for_sync(m, first, last);
		err = m->ops->write_pages(m, &wb);
	}
	wait_range(m, first, last);
	late = mapping_check_error(m, &seen);
	return err ? err : late;
}

int mapping_start_writeback(struct mapping *m)
{
	struct writeback wb = { .first = 0, .last = ~0ul, .budget = ~0ul };

	if (!m->ops->write_pages || !radix_tagged(&m->pages, PC_DIRTY))
		return 0;
	return m->ops->write_pages(m, &wb);
}

/* ---- errors ---- */

#define ERR_MASK 0xfffu
#define ERR_SEEN 0x1000u
#define ERR_STEP 0x2000u

void mapping_set_error(struct mapping *m, int err)
{
	u32 old = atomic_load(&m->wb_error), new;

	do {
		new = (old & ~(ERR_MASK | ERR_SEEN)) | ((u32)-err & ERR_MASK);
		if (old & ERR_SEEN)
			new += ERR_STEP;
	} while (new != old && !atomic_compare_exchange_weak(&m->wb_error, &old, new));
}

u32 mapping_sample_error(struct mapping *m)
{
	u32 now = atomic_load(&m->wb_error);

	return now & ERR_MASK && !(now & ERR_SEEN) ? 0 : now;
}

int mapping_check_error(struct mapping *m, u32 *seen)
{
	u32 now = atomic_load(&m->wb_error);

	if (now == *seen)
		return 0;
	while (!(now & ERR_SEEN) &&
	       !atomic_compare_exchange_weak(&m->wb_error, &now, now | ERR_SEEN))
		;
	now |= ERR_SEEN;
	if (now == *seen)
		return 0;
	*seen = now;
	return -(int)(now & ERR_MASK);
}

/* ---- limits ---- */

static u64 limit_pages(u64 bytes, u32 ratio, u64 available)
{
	return bytes ? bytes >> PAGE_SHIFT : available * ratio / 100;
}

void dirty_get_state(struct dirty_state *out)
{
	u64 active, inactive, available;

	lru_get_sizes(&active, &inactive);
	available = page_free_frames() + active + inactive;
	out->dirty = vm_sum(VM_DIRTY);
	out->writeback = vm_sum(VM_WRITEBACK);
	out->limit = limit_pages(vm_dirty_bytes, vm_dirty_ratio, available);
	out->background_limit =
		limit_pages(vm_dirty_background_bytes, vm_dirty_background_ratio, available);
	if (out->background_limit >= out->limit)
		out->background_limit = out->limit / 2;
}
