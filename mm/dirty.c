// SPDX-License-Identifier: MIT
/*
 * Dirty pages: from a store to the disk.
 *
 *   clean --page_mark_dirty--> dirty --page_start_writeback--> writeback --end--> clean
 *                                 ^------- a store meanwhile -------'
 *
 * PG_DIRTY is the truth, the tree's tags are how it is found; both change under
 * tree_lock, because a buffer's page is marked without the page lock.  A shared
 * mapping can store only where page_mark_dirty was called since the last
 * page_start_writeback, because that write-protects first.  Memory-only mappings
 * (no write_pages) have no dirty pages at all.
 *
 * Errors: whoever writes, the mapping and its super block remember what failed
 * (errseq.h), and each open file reports it once (fsync(2), syncfs(2)).  Nobody
 * but who asks for an open file makes an error a known one.
 */
#include <tarn/errno.h>
#include <tarn/super.h>
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
	bool fresh, first = false;
	u64 flags;

	if (!m || !m->ops->write_pages || page_test(p, PG_DIRTY))
		return false;
	flags = spin_lock_irqsave(&m->tree_lock);
	/* One that left its file meanwhile was uncounted then, if it was dirty. */
	fresh = p->mapping == m && !page_test(p, PG_DIRTY);
	if (fresh) {
		first = !radix_tagged(&m->pages, PC_DIRTY);
		/* The tag before the flag: who finds the flag leaves it at that, and fsync goes by the tag. */
		radix_tag_set(&m->pages, p->index, PC_DIRTY);
		page_set(p, PG_DIRTY);
		vm_count(VM_DIRTY, 1);
		current->write_bytes += PAGE_SIZE; /* the flusher writes it, but this one caused it */
	}
	spin_unlock_irqrestore(&m->tree_lock, flags);
	if (first && m->ops->dirtied)
		m->ops->dirtied(m);
	return fresh;
}

bool page_start_writeback(struct page *p)
{
	struct mapping *m = p->mapping;
	bool dirty;
	u64 flags;

	assert(page_test(p, PG_LOCKED) && m);
	page_wait_writeback(p);
	page_mkclean(p);
	flags = spin_lock_irqsave(&m->tree_lock);
	/* A mark that comes before this is written now; one that comes after it sets the tag behind us. */
	dirty = page_test(p, PG_DIRTY);
	if (dirty) {
		/* fsync looks for what is dirty, then for what is under writeback, without the lock: this
		 * order shows the page to it as one or the other, or both, at any time. */
		page_set(p, PG_WRITEBACK);
		radix_tag_set(&m->pages, p->index, PC_WRITEBACK);
		page_clear(p, PG_DIRTY);
		radix_tag_clear(&m->pages, p->index, PC_DIRTY);
		vm_count(VM_DIRTY, -1);
		vm_count(VM_WRITEBACK, 1);
	}
	radix_tag_clear(&m->pages, p->index, PC_TOWRITE);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	if (!dirty)
		return false;
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
	u32 then = errseq_now(&m->wb_error);
	int err = 0, late;

	if (!m->ops->write_pages)
		return 0;
	if (radix_tagged(&m->pages, PC_DIRTY)) {
		tag_for_sync(m, first, last);
		err = m->ops->write_pages(m, &wb);
	}
	wait_range(m, first, last);
	late = errseq_since(&m->wb_error, then);
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

void mapping_set_error(struct mapping *m, int err)
{
	errseq_set(&m->wb_error, err);
	errseq_set(&m->host->super->wb_error, err);
}

u32 mapping_sample_error(struct mapping *m)
{
	return errseq_sample(&m->wb_error);
}

int mapping_check_error(struct mapping *m, _Atomic u32 *seen)
{
	return errseq_check(&m->wb_error, seen);
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
