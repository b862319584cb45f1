// SPDX-License-Identifier: MIT
/*
 * The lists of file pages: which were used lately, which can go.
 *
 *   new -> inactive --second access--> active --no access seen--> inactive -> evicted
 *
 * A page is on at most one list (PG_LRU); PG_ACTIVE says which.  Reclaim takes
 * pages off the inactive list's tail in batches ("isolates" them) and puts back
 * what it keeps.  Pages of memory-only files (tmpfs) have a pair of lists of
 * their own, which only swap makes worth looking at.  Anonymous pages are on no
 * list: swap_out.c walks their address spaces.
 *
 * Locks: lru_lock (LR_LRU, irqs off).
 */
#include <tarn/list.h>
#include "lru.h"
#include "mm_int.h"
#include "page_int.h"

static struct spinlock lru_lock = SPINLOCK_INIT("lru", LR_LRU);
/* By kind; [0] inactive, [1] active; head: young */
static struct list lists[LRU_KINDS][2] GUARDED_BY(&lru_lock);
static u64 sizes[LRU_KINDS][2] GUARDED_BY(&lru_lock);

void lru_init(void)
{
	for (int k = 0; k < LRU_KINDS; k++) {
		list_init(&lists[k][0]);
		list_init(&lists[k][1]);
	}
}

void lru_get_kind_sizes(enum lru_kind kind, u64 *active, u64 *inactive)
{
	*inactive = READ_UNLOCKED(sizes[kind][0]);
	*active = READ_UNLOCKED(sizes[kind][1]);
}

void lru_get_sizes(u64 *active, u64 *inactive)
{
	lru_get_kind_sizes(LRU_FILE, active, inactive);
}

u64 lru_file_pages(void)
{
	u64 active, inactive;

	lru_get_sizes(&active, &inactive);
	return active + inactive;
}

static enum lru_kind kind_of(const struct page *p)
{
	return page_test(p, PG_SWAPBACKED) ? LRU_SHMEM : LRU_FILE;
}

static int which(const struct page *p)
{
	return page_test(p, PG_ACTIVE) ? 1 : 0;
}

static void put_on(struct page *p) MUST_HOLD(&lru_lock)
{
	int l = which(p);

	page_set(p, PG_LRU);
	list_add(&lists[kind_of(p)][l], &p->lru);
	sizes[kind_of(p)][l]++;
}

static void take_off(struct page *p) MUST_HOLD(&lru_lock)
{
	list_del(&p->lru);
	sizes[kind_of(p)][which(p)]--;
	page_clear(p, PG_LRU);
}

void lru_add(struct page *p)
{
	u64 flags = spin_lock_irqsave(&lru_lock);

	put_on(p);
	spin_unlock_irqrestore(&lru_lock, flags);
}

/* The frame is being freed: nobody else has it. */
void lru_forget(struct page *p)
{
	u64 flags = spin_lock_irqsave(&lru_lock);

	if (page_test(p, PG_LRU))
		take_off(p);
	spin_unlock_irqrestore(&lru_lock, flags);
}

static void activate(struct page *p)
{
	u64 flags = spin_lock_irqsave(&lru_lock);

	if (page_test(p, PG_LRU) && !page_test(p, PG_ACTIVE)) {
		take_off(p);
		page_set(p, PG_ACTIVE);
		put_on(p);
	}
	spin_unlock_irqrestore(&lru_lock, flags);
}

void lru_mark_accessed(struct page *p)
{
	if (!page_test(p, PG_REFERENCED)) {
		page_set(p, PG_REFERENCED);
		return;
	}
	if (!page_test(p, PG_ACTIVE) && page_test(p, PG_LRU))
		activate(p);
}

unsigned int lru_isolate(enum lru_kind kind, bool active, struct page **pages, unsigned int max)
{
	unsigned int n = 0, looked = 0;
	u64 flags = spin_lock_irqsave(&lru_lock);

	while (n < max && looked++ < 4 * max) {
		struct page *p = list_last(&lists[kind][active], struct page, lru);

		if (!p)
			break;
		/* One whose count is 0 is on its way out and waits for our lock. */
		if (page_get_unless_zero(p)) {
			take_off(p);
			pages[n++] = p;
		} else {
			list_move(&lists[kind][active], &p->lru);
		}
	}
	spin_unlock_irqrestore(&lru_lock, flags);
	return n;
}

bool lru_take(struct page *p)
{
	u64 flags = spin_lock_irqsave(&lru_lock);
	bool was_on = page_test(p, PG_LRU);

	if (was_on)
		take_off(p);
	spin_unlock_irqrestore(&lru_lock, flags);
	return was_on;
}

void lru_put_back(struct page *p, bool active)
{
	u64 flags = spin_lock_irqsave(&lru_lock);

	if (active)
		page_set(p, PG_ACTIVE);
	else
		page_clear(p, PG_ACTIVE);
	put_on(p);
	spin_unlock_irqrestore(&lru_lock, flags);
	page_put(p);
}
