// SPDX-License-Identifier: MIT
/*
 * The page lock and waiting for writeback.
 *
 * A page has no room for a wait queue, so sleepers share a table of them by
 * hash; PG_WAITERS tells the one who unlocks that somebody may be there.
 *
 *   sleeper                              who unlocks
 *   on the queue
 *   sets PG_WAITERS, tests PG_LOCKED     clears PG_LOCKED, reads the old flags
 *   sleeps if it is set                  wakes the queue if PG_WAITERS was set
 *
 * Both act on one word atomically, so one of them sees the other.
 */
#include <tarn/errno.h>
#include <tarn/hash.h>
#include <tarn/page.h>
#include <tarn/waitq.h>
#include "mm_int.h"

#define WAITQ_BITS 7

static struct waitq page_waitqs[1 << WAITQ_BITS];

void page_lock_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(page_waitqs); i++)
		waitq_init(&page_waitqs[i]);
}

static struct waitq *page_waitq(const struct page *p)
{
	return &page_waitqs[hash_ptr(p) & (ARRAY_SIZE(page_waitqs) - 1)];
}

static void page_wake(struct page *p)
{
	page_clear(p, PG_WAITERS);
	waitq_wake_all(page_waitq(p), 0);
}

bool page_trylock(struct page *p)
{
	return !page_test(p, PG_LOCKED) && !page_test_and_set(p, PG_LOCKED);
}

static bool lock_or_announce(struct page *p)
{
	page_set(p, PG_WAITERS);
	return page_trylock(p);
}

void page_lock(struct page *p)
{
	if (!page_trylock(p))
		wait_event(page_waitq(p), lock_or_announce(p));
}

int page_lock_killable(struct page *p)
{
	if (page_trylock(p))
		return 0;
	return wait_event_killable(page_waitq(p), lock_or_announce(p)) ? -EINTR : 0;
}

void page_unlock(struct page *p)
{
	u32 old = atomic_fetch_and_explicit(&p->flags, ~(u32)PG_LOCKED, memory_order_acq_rel);

	assert(old & PG_LOCKED);
	if (old & PG_WAITERS)
		page_wake(p);
}

static bool writeback_over(struct page *p)
{
	if (!page_test(p, PG_WRITEBACK))
		return true;
	page_set(p, PG_WAITERS);
	return !page_test(p, PG_WRITEBACK);
}

void page_wait_writeback(struct page *p)
{
	if (page_test(p, PG_WRITEBACK))
		wait_event(page_waitq(p), writeback_over(p));
}

/* The end of writeback: clears the flag and wakes.  Any context. */
void page_clear_writeback(struct page *p)
{
	u32 old = atomic_fetch_and_explicit(&p->flags, ~(u32)PG_WRITEBACK, memory_order_acq_rel);

	assert(old & PG_WRITEBACK);
	if (old & PG_WAITERS)
		page_wake(p);
}
