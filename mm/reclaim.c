// SPDX-License-Identifier: MIT
/*
 * Reclaim: making frames free when they run out.
 *
 * Clean file pages go from the inactive list, unmapped first if need be; a page
 * accessed since the last look moves to the active list, whose old end refills
 * the inactive one.  Dirty pages are left to the flusher, which is woken.
 * Anonymous pages go to swap (swap_out.c) in a proportion that vm.swappiness sets.
 * Beside that, caches with a shrinker (dentries, inodes, buffers, stacks) and
 * empty slabs give back their share.
 *
 * Who: the reclaim thread, woken below the low mark, works until the high one.
 * An allocation that finds nothing even so reclaims by itself (direct reclaim),
 * and after several vain rounds calls the OOM killer (oom.c).
 *
 * While a thread reclaims it has TF_RECLAIM: its own allocations may use the
 * reserve and never reclaim again.
 */
#include <tarn/errptr.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/waitq.h>
#include <tarn/work.h>
#include "lru.h"
#include "mm_int.h"
#include "page_int.h"
#include "pagecache_int.h"
#include "swap.h"
#include "vmstat.h"

#define BATCH 32u
#define PRIORITIES 8

u32 vm_swappiness = 60;

static struct waitq reclaim_waitq = WAITQ_INIT(reclaim_waitq);
static bool reclaim_wanted;
static void (*_Atomic wake_flusher)(void);
static struct spinlock shrinkers_lock = SPINLOCK_INIT("shrinkers", LR_LEAF);
static struct list shrinkers = LIST_INIT(shrinkers); /* only grows: walked without the lock */

void shrinker_register(struct shrinker *s)
{
	spin_lock(&shrinkers_lock);
	list_add_tail_rcu(&shrinkers, &s->node);
	spin_unlock(&shrinkers_lock);
}

void reclaim_set_flusher(void (*wake)(void))
{
	atomic_store(&wake_flusher, wake);
}

/* ---- file pages ---- */

enum verdict { FREED, KEEP_INACTIVE, KEEP_ACTIVE, GONE, TO_SWAP };

/* Locked.  What becomes of a page from the inactive list's end? */
static enum verdict judge(struct page *p, bool *dirty)
{
	bool locked;
	u32 accesses;

	if (!p->mapping)
		return GONE;
	if (page_test(p, PG_WRITEBACK))
		return KEEP_INACTIVE;
	accesses = page_test_accessed(p, &locked);
	if (locked)
		return KEEP_ACTIVE;
	if (accesses) {
		/* Mapped and used: once is a second chance, twice is the active list. */
		return page_test(p, PG_REFERENCED) ? KEEP_ACTIVE :
						     (page_set(p, PG_REFERENCED), KEEP_INACTIVE);
	}
	if (page_test_and_clear(p, PG_REFERENCED) && page_mapped(p))
		return KEEP_INACTIVE;
	if (page_test(p, PG_DIRTY)) {
		*dirty = true;
		return KEEP_INACTIVE;
	}
	if (page_test(p, PG_SWAPBACKED))
		return shmem_swap_out(p) ? TO_SWAP : KEEP_ACTIVE;
	page_unmap_all(p);
	return cache_evict(p) ? FREED : KEEP_INACTIVE;
}

static enum verdict judge_isolated(struct page *p, bool *dirty)
{
	enum verdict v;

	if (!page_trylock(p))
		return KEEP_INACTIVE;
	v = judge(p, dirty);
	if (v != FREED && v != TO_SWAP)
		page_unlock(p);
	return v;
}

_Static_assert(BATCH <= SWAP_CLUSTER, "what goes to swap is written at once");

static u64 shrink_inactive(enum lru_kind kind, u64 scan, bool *dirty)
{
	struct page *pages[BATCH];
	u64 freed = 0;

	while (scan) {
		unsigned int n = lru_isolate(kind, false, pages, (unsigned int)MIN(scan, (u64)BATCH));
		unsigned int to_swap = 0;

		if (!n)
			break;
		vm_count(VM_SCANNED, n);
		for (unsigned int i = 0; i < n; i++) {
			switch (judge_isolated(pages[i], dirty)) {
			case FREED:
				freed++;
				break;
			case GONE:
				page_put(pages[i]);
				break;
			case KEEP_INACTIVE:
				lru_put_back(pages[i], false);
				break;
			case KEEP_ACTIVE:
				lru_put_back(pages[i], true);
				break;
			case TO_SWAP:
				pages[to_swap++] = pages[i];
				break;
			}
		}
		freed += swap_write(pages, to_swap);
		scan -= MIN(scan, (u64)n);
		cond_resched();
	}
	vm_count(VM_RECLAIMED, (s64)freed);
	return freed;
}

/* Old active pages become inactive unless they were used again. */
static void shrink_active(enum lru_kind kind, u64 scan)
{
	struct page *pages[BATCH];

	while (scan) {
		unsigned int n = lru_isolate(kind, true, pages, (unsigned int)MIN(scan, (u64)BATCH));

		if (!n)
			break;
		for (unsigned int i = 0; i < n; i++) {
			bool used = page_test_and_clear(pages[i], PG_REFERENCED);

			lru_put_back(pages[i], used);
		}
		scan -= MIN(scan, (u64)n);
		cond_resched();
	}
}

/* @part: per cent of what the priority says. */
static u64 shrink_lists(enum lru_kind kind, int priority, u64 part, bool *dirty)
{
	u64 active, inactive;

	lru_get_kind_sizes(kind, &active, &inactive);
	/* In need the active ones too, however few: what is left of the inactive may be in use. */
	if (active > inactive || !priority)
		shrink_active(kind, MAX((active >> priority) * part / 100, (u64)BATCH));
	return shrink_inactive(kind, MAX((inactive >> priority) * part / 100, (u64)BATCH), dirty);
}

/* File pages are nearly gone. */
static bool files_are_few(void)
{
	return page_free_frames() + lru_file_pages() <= page_marks.high;
}

u64 reclaim_readahead_limit(void)
{
	return files_are_few() ? lru_file_pages() / 8 : ~0ul;
}

/* ---- anonymous pages, and those of memory-only files ---- */

#define IN_FLIGHT_MAX 512u /* pages on their way to swap, before more are sent */

/* As vm.swappiness weighs the two kinds, s parts of these to 200 - s of files: per cent of the files' pace;
 * where files are few, only these can help. */
static u64 swap_part(void)
{
	u64 s = MIN(vm_swappiness, 200u);
	u64 part = s * 100 / (201 - s);

	return files_are_few() ? MAX(part, 100ul) : part;
}

static u64 shrink_anon(int priority)
{
	u64 anon = MAX(vm_sum(VM_PAGES_FIRST + PS_ANON) >> priority, (u64)BATCH);
	u64 part = swap_part(), freed;
	bool dirty;

	if (!swap_possible() || !part)
		return 0;
	while (swap_in_flight() >= IN_FLIGHT_MAX)
		(void)swap_wait_written();
	freed = swap_cache_shrink(MAX(swap_cached_pages() >> priority, (u64)BATCH));
	if (swap_free_slots())
		freed += shrink_lists(LRU_SHMEM, priority, part, &dirty);
	return freed + swap_out_anon(anon * part / 100);
}

/* ---- other caches ---- */

static u64 shrink_caches(int priority, gfp_t gfp)
{
	struct shrinker *s;
	u64 freed = 0;

	LIST_FOR_EACH_RCU(s, &shrinkers, node) {
		u64 have = s->count();
		u64 want = MIN(have, MAX(have >> priority, 64ul));

		if (want)
			freed += s->scan(want, gfp);
	}
	if (freed || priority < 2)
		return slab_shrink();
	return 0;
}

/* ---- the two callers ---- */

static u64 one_round(int priority, gfp_t gfp)
{
	void (*wake)(void) = atomic_load(&wake_flusher);
	bool dirty = false;
	u64 freed;

	freed = shrink_lists(LRU_FILE, priority, 100, &dirty);
	if (dirty && wake)
		wake();
	freed += shrink_anon(priority);
	return freed + shrink_caches(priority, gfp);
}

u64 reclaim_pages(u64 want, gfp_t gfp)
{
	u64 freed = 0;

	if (!(gfp & GFP_RECLAIM) || current->flags & TF_RECLAIM)
		return 0;
	current->flags |= TF_RECLAIM;
	for (int priority = PRIORITIES; priority >= 0 && freed < want; priority--)
		freed += one_round(priority, gfp);
	if (page_free_frames() < page_marks.min)
		(void)swap_wait_written();
	current->flags &= ~(u32)TF_RECLAIM;
	return freed;
}

void reclaim_wake(void)
{
	if (READ_ONCE(reclaim_wanted))
		return;
	WRITE_ONCE(reclaim_wanted, true);
	waitq_wake_all(&reclaim_waitq, 0);
}

static int reclaim_thread(void *unused)
{
	current->flags |= TF_RECLAIM;
	for (;;) {
		int vain = 0;

		(void)WAIT_EVENT(&reclaim_waitq, READ_ONCE(reclaim_wanted), TS_IDLE, KTIME_MAX, false);
		for (int priority = PRIORITIES; page_free_frames() < page_marks.high && vain < 3;) {
			if (one_round(priority, GFP_KERNEL))
				vain = 0;
			else if (priority)
				priority--;
			else
				vain++;
		}
		if (vain)
			sleep_ns(100 * NSEC_PER_MSEC); /* until writeback or an exit helps */
		WRITE_ONCE(reclaim_wanted, false);
	}
	return 0;
}

static void reclaim_start(struct work *w)
{
	if (IS_ERR(kthread_start(reclaim_thread, NULL, "kswapd0")))
		pr_warn("memory: the reclaim thread could not be started");
}

void reclaim_init(void)
{
	static struct work start;

	/* Threads exist later in the boot: the first worker starts ours. */
	work_init(&start, reclaim_start);
	work_queue(&start);
}

/* Objects of one kind may hold others (a dentry its inode), so some rounds are needed. */
u64 caches_drop_all(void)
{
	u64 freed, all = 0;

	for (int round = 0; round < 10; round++) {
		freed = shrink_caches(0, GFP_KERNEL);
		all += freed;
		if (!freed)
			break;
	}
	return all;
}

u64 pagecache_drop_all(void)
{
	u64 active, inactive, dropped = 0;
	bool dirty = false;

	lru_get_sizes(&active, &inactive);
	shrink_active(LRU_FILE, active);
	for (int i = 0; i < 3; i++) {
		lru_get_sizes(&active, &inactive);
		dropped += shrink_inactive(LRU_FILE, inactive, &dirty);
	}
	return dropped;
}
