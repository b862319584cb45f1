// SPDX-License-Identifier: MIT
/*
 * The page frame allocator: buddy lists in two zones, per-CPU lists in front.
 *
 * A block of 2^order frames starts at a multiple of its size.  Allocating
 * splits a larger one, freeing merges with the neighbour ("buddy") while that
 * is free and whole.  Only the first frame of a free block says so
 * (free_order), so that a frame in a per-CPU list, in use or reserved is never
 * taken for a buddy: merging looks at free_order alone.
 *
 * Life of a frame:  reserved | free -> (kernel, slab, table, anon, cache) -> free
 *   page_put() of the last reference frees.  A frame that is not live when it
 *   is put, or not free when it is allocated, panics.
 *
 * References may be held for a moment by a page cache lookup that comes too
 * late (see pagecache.c): such a frame is freed by that lookup's page_put.
 *
 * Locks: zone->lock (LR_PAGES, irqs off).  Per-CPU lists need interrupts off.
 */
#include <arch/boot.h>
#include <tarn/cmdline.h>
#include <tarn/cpu.h>
#include <tarn/fail.h>
#include <tarn/pagecache.h>
#include <tarn/printk.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include "mm_int.h"
#include "page_int.h"
#include "vmstat.h"

#define DMA32_END (1ul << (32 - PAGE_SHIFT))
#define CPU_LIST_MAX 128u
#define CPU_LIST_BATCH 32u

struct zone {
	struct spinlock lock;                                   /* LR_PAGES, irqs off */
	struct list free[PAGE_MAX_ORDER + 1] GUARDED_BY(&lock); /* by order */
	u64 nr_free;                                            /* lock to write; frames */
} CACHE_ALIGNED;

static struct zone zones[NR_ZONES];
struct page_marks page_marks;
static u64 managed; /* frames the allocator was given; page_init */

/* Hot frames of one CPU: a stack, the last freed is the first reused.  Interrupts off. */
struct cpu_pages {
	u32 count;
	struct page *stack[CPU_LIST_MAX];
};
static DEFINE_PERCPU(struct cpu_pages, cpu_pages);

static struct zone *page_zone(const struct page *p)
{
	return &zones[page_to_pfn(p) < DMA32_END ? ZONE_DMA32 : ZONE_NORMAL];
}

u64 page_free_frames(void)
{
	return READ_ONCE(zones[ZONE_DMA32].nr_free) + READ_ONCE(zones[ZONE_NORMAL].nr_free);
}

u64 page_managed_frames(void)
{
	return managed;
}

/* ---- buddy lists ---- */

static void block_add(struct zone *z, struct page *p, unsigned int order) MUST_HOLD(&z->lock)
{
	p->free_order = (u8)(order + 1);
	list_add(&z->free[order], &p->lru);
}

static void block_remove(struct page *p)
{
	p->free_order = 0;
	list_del(&p->lru);
}

/* The first frame of a block, unlinked; NULL: none that large. */
static struct page *zone_take(struct zone *z, unsigned int order) MUST_HOLD(&z->lock)
{
	for (unsigned int o = order; o <= PAGE_MAX_ORDER; o++) {
		struct page *p = list_first(&z->free[o], struct page, lru);

		if (!p)
			continue;
		assert(p->free_order == o + 1 && p->state == PS_FREE);
		block_remove(p);
		while (o > order) {
			o--;
			block_add(z, p + (1u << o), o);
		}
		z->nr_free -= 1ul << order;
		return p;
	}
	return NULL;
}

/* Every frame of the block is PS_FREE already. */
static void zone_give(struct zone *z, struct page *p, unsigned int order) MUST_HOLD(&z->lock)
{
	pfn_t pfn = page_to_pfn(p);

	z->nr_free += 1ul << order;
	for (; order < PAGE_MAX_ORDER; order++) {
		struct page *buddy = pfn_to_page(pfn ^ (1ul << order));

		if (buddy->free_order != order + 1)
			break;
		assert(buddy->state == PS_FREE);
		block_remove(buddy);
		pfn &= ~(1ul << order);
	}
	block_add(z, pfn_to_page(pfn), order);
}

/* ---- per-CPU lists: interrupts off ---- */

static void cpu_list_refill(struct cpu_pages *c, u64 floor)
{
	for (int i = NR_ZONES - 1; i >= 0 && !c->count; i--) {
		struct zone *z = &zones[i];

		if (!READ_ONCE(z->nr_free) || page_free_frames() <= floor + CPU_LIST_BATCH)
			continue;
		spin_lock(&z->lock);
		while (c->count < CPU_LIST_BATCH) {
			struct page *p = zone_take(z, 0);

			if (!p)
				break;
			c->stack[c->count++] = p;
		}
		spin_unlock(&z->lock);
	}
}

/* Gives the coldest @n back. */
static void cpu_list_drain(struct cpu_pages *c, u32 n)
	NO_LOCK_CHECK /* keeps a zone's lock from one page to the next */
{
	struct zone *held = NULL;

	for (u32 i = 0; i < n; i++) {
		struct zone *z = page_zone(c->stack[i]);

		if (z != held) {
			if (held)
				spin_unlock(&held->lock);
			spin_lock(&z->lock);
			held = z;
		}
		zone_give(z, c->stack[i], 0);
	}
	if (held)
		spin_unlock(&held->lock);
	c->count -= n;
	for (u32 i = 0; i < c->count; i++)
		c->stack[i] = c->stack[i + n];
}

static void drain_this_cpu(void *unused)
{
	u64 flags = irq_save();
	struct cpu_pages *c = this_percpu(cpu_pages);

	cpu_list_drain(c, c->count);
	irq_restore(flags);
}

void page_drain_all(void)
{
	drain_this_cpu(NULL);
	if (irqs_enabled())
		cpu_call_others(drain_this_cpu, NULL);
}

static struct page *take_one(u64 floor)
{
	u64 flags = irq_save();
	struct cpu_pages *c = this_percpu(cpu_pages);
	struct page *p = NULL;

	if (!c->count)
		cpu_list_refill(c, floor);
	if (c->count)
		p = c->stack[--c->count];
	irq_restore(flags);
	return p;
}

static struct page *take_block(unsigned int order, u64 floor, int top_zone)
{
	for (int i = top_zone; i >= 0; i--) {
		struct zone *z = &zones[i];
		struct page *p;
		u64 flags;

		if (page_free_frames() < floor + (1ul << order))
			return NULL;
		flags = spin_lock_irqsave(&z->lock);
		p = zone_take(z, order);
		spin_unlock_irqrestore(&z->lock, flags);
		if (p)
			return p;
	}
	return NULL;
}

/* ---- allocating ---- */

/* How many free frames this request must leave. */
static u64 request_floor(gfp_t gfp)
{
	if (current && (current->flags & TF_RECLAIM))
		return 0;
	if (gfp & GFP_USER_BIT)
		return page_marks.min;
	return gfp & GFP_RECLAIM ? page_marks.min / 2 : 0;
}

static struct page *take(gfp_t gfp, unsigned int order, u64 floor)
{
	struct page *p;

	if (order == 0 && !(gfp & GFP_DMA32)) {
		p = take_one(floor);
		if (p)
			return p;
	}
	return take_block(order, floor, gfp & GFP_DMA32 ? ZONE_DMA32 : ZONE_NORMAL);
}

#define SLOW_TRIES 16
#define WRITE_TRIES 500 /* of 10 ms: while many pages are on their way to a disk, room will come */

#define FEW_TRIES 50 /* while any page is */
#define VAIN_TRIES 4 /* before somebody is killed */
#define ROW_TRIES (4 * SLOW_TRIES) /* for a row of frames, while single ones are free */

static bool disk_will_help(unsigned int try)
{
	u64 few = try < FEW_TRIES ? 0 : CPU_LIST_BATCH;

	return try < WRITE_TRIES && vm_sum(VM_DIRTY) + vm_sum(VM_WRITEBACK) > few;
}

/* True: try again.  Frees something, or waits, or kills. */
static bool make_room(gfp_t gfp, unsigned int order, unsigned int try)
{
	bool freed = reclaim_pages(MAX(32ul, 2ul << order), gfp);

	if (freed && try < SLOW_TRIES)
		return true;
	if (gfp & GFP_NORETRY || order > 3 || fatal_signal_pending())
		return false;
	if (disk_will_help(try)) {
		sleep_ns(10 * NSEC_PER_MSEC);
		return true;
	}
	if (gfp & GFP_NOFS_BIT) {
		/* Others can make room where we may not: let them. */
		if (try < SLOW_TRIES) {
			sleep_ns(NSEC_PER_MSEC);
			return true;
		}
		if (!(gfp & GFP_USER_BIT))
			return false;
	}
	/* There are frames, but no row of them: nobody is killed for that. */
	if (order && page_free_frames() > page_marks.low)
		return freed && try < ROW_TRIES;
	return try < VAIN_TRIES || oom_kill(gfp, order);
}

static struct page *take_slow(gfp_t gfp, unsigned int order)
{
	struct page *p;

	reclaim_wake();
	if (!(gfp & GFP_RECLAIM) || current->flags & TF_RECLAIM)
		return gfp & GFP_NORETRY ? NULL : take(gfp, order, 0);
	for (unsigned int try = 0;; try++) {
		if (order > 0 || try > 0)
			page_drain_all();
		p = take(gfp, order, request_floor(gfp));
		if (p)
			return p;
		if (!make_room(gfp, order, try))
			break;
	}
	/* A dying thread may use the reserve: it will give back more. */
	return fatal_signal_pending() ? take(gfp, order, 0) : NULL;
}

static void page_prepare(struct page *p, unsigned int order, enum page_state state)
{
	if (unlikely(p->state != PS_FREE || atomic_load_explicit(&p->refs, memory_order_relaxed)))
		panic("page %lx is in use (state %u, refs %u) but was on a free list",
		      (ulong)page_to_pfn(p), p->state, p->refs);
	page_unpoison(p, order);
	p->state = (u8)state;
	p->order = (u8)order;
	atomic_store_explicit(&p->mapcount, 0, memory_order_relaxed);
	atomic_store_explicit(&p->flags, 0, memory_order_relaxed);
	p->mapping = NULL;
	p->private = NULL;
	for (unsigned int i = 1; i < 1u << order; i++) {
		assert(p[i].state == PS_FREE && !p[i].free_order);
		p[i].state = PS_TAIL;
		p[i].head = p;
	}
	atomic_store_explicit(&p->refs, 1, memory_order_release);
}

static void count_pages(enum page_state state, unsigned int order, bool in)
{
	s64 n = 1l << order;
	u64 flags = irq_save();

	vm_count(VM_PAGES_FIRST + state, in ? n : -n);
	vm_count(in ? VM_ALLOC : VM_FREE, n);
	irq_restore(flags);
}

void page_change_state(struct page *p, enum page_state state)
{
	count_pages(p->state, 0, false);
	p->state = (u8)state;
	count_pages(state, 0, true);
}

struct page *page_alloc(gfp_t gfp, unsigned int order, enum page_state state)
{
	struct page *p;

	if (gfp_calls_fs(gfp))
		lock_rank_reclaim();
	if (order > PAGE_MAX_ORDER || fail_allocation(PAGE_SIZE << order, gfp))
		return NULL;
	p = take(gfp, order, request_floor(gfp));
	if (unlikely(!p)) {
		p = take_slow(gfp, order);
		if (!p)
			return NULL;
	}
	page_prepare(p, order, state);
	count_pages(state, order, true);
	if (gfp & GFP_ZERO || unlikely(boot_options.init_on_alloc))
		for (unsigned int i = 0; i < 1u << order; i++)
			clear_page(page_address(p + i));
	if (unlikely(page_free_frames() < page_marks.low))
		reclaim_wake();
	return p;
}

/* ---- rows: an order 9 block as single frames ---- */

#define ROW_ORDER 9u
_Static_assert(HUGE_FRAMES == 1u << ROW_ORDER, "a row is what one level 1 entry maps");

struct page *page_alloc_row(enum page_state state)
{
	struct page *p = take_block(ROW_ORDER, page_marks.high, ZONE_NORMAL);

	if (!p)
		return NULL;
	for (unsigned int i = 0; i < HUGE_FRAMES; i++) {
		page_prepare(p + i, 0, state);
		clear_page(page_address(p + i));
	}
	count_pages(state, ROW_ORDER, true);
	return p;
}

/* ---- freeing ---- */

static void NORETURN bad_free(const struct page *p)
{
	panic("bad free of page %lx: state %u, refs %u, mapcount %d, flags %x",
	      (ulong)page_to_pfn(p), p->state, p->refs, p->mapcount, p->flags);
}

static void check_free(const struct page *p)
{
	if (unlikely(p->state == PS_FREE || p->state == PS_RESERVED || p->state == PS_TAIL ||
		     p->mapcount || p->flags & (PG_LOCKED | PG_WRITEBACK)))
		bad_free(p);
	if (unlikely(p->state == PS_CACHE && p->mapping))
		bad_free(p);
}

/* Out of its owner's hands; free for the allocator to give on. */
static void retire(struct page *p)
{
	check_free(p);
	if (p->flags & PG_LRU)
		lru_forget(p);
	for (unsigned int i = 1; i < 1u << p->order; i++) {
		assert(p[i].state == PS_TAIL && p[i].head == p);
		p[i].state = PS_FREE;
	}
	p->state = PS_FREE;
	page_poison(p, p->order);
}

/* init_on_free=1 */
static void wipe(struct page *p, unsigned int order)
{
	for (unsigned int i = 0; i < 1u << order; i++)
		clear_page(page_address(p + i));
}

static void give_one(struct page *p)
{
	u64 flags = irq_save();
	struct cpu_pages *c = this_percpu(cpu_pages);

	if (c->count == CPU_LIST_MAX)
		cpu_list_drain(c, CPU_LIST_MAX / 2);
	c->stack[c->count++] = p;
	irq_restore(flags);
}

static void give_block(struct page *p, unsigned int order)
{
	struct zone *z = page_zone(p);
	u64 flags = spin_lock_irqsave(&z->lock);

	zone_give(z, p, order);
	spin_unlock_irqrestore(&z->lock, flags);
}

static void page_free_now(struct page *p)
{
	unsigned int order = p->order;

	count_pages(p->state, order, false);
	if (unlikely(boot_options.init_on_free))
		wipe(p, order);
	retire(p);
	if (order == 0)
		give_one(p);
	else
		give_block(p, order);
}

/* True: it was the last reference. */
static bool drop_ref(struct page *p)
{
	u32 old = atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel);

	if (unlikely((s32)old <= 0)) {
		if (old == 0)
			bad_free(p);
		ref_bad_change(&p->refs, old);
	}
	return old == 1;
}

void page_put(struct page *p)
{
	if (drop_ref(p))
		page_free_now(p);
}

/* The first @n frames of a row had no other reference, but the next: no block.  Returns @put. */
static unsigned int free_singly(struct page *first, unsigned int n, unsigned int put)
{
	for (unsigned int i = 0; i < n; i++)
		page_free_now(first + i);
	return put;
}

unsigned int page_put_row(struct page *first)
{
	enum page_state state = first->state;
	unsigned int n = 0;

	/* One look at each frame: what retire() does for a frame without flags. */
	for (; n < HUGE_FRAMES; n++) {
		struct page *p = first + n;

		if (unlikely(atomic_load_explicit(&p->flags, memory_order_relaxed)))
			return free_singly(first, n, n);
		if (unlikely(!drop_ref(p)))
			return free_singly(first, n, n + 1);
		if (unlikely(p->state != state || p->order || p->mapcount))
			bad_free(p);
	}
	count_pages(state, ROW_ORDER, false);
	for (n = 0; n < HUGE_FRAMES; n++)
		first[n].state = PS_FREE;
	if (unlikely(boot_options.init_on_free))
		wipe(first, ROW_ORDER);
	page_poison(first, ROW_ORDER);
	give_block(first, ROW_ORDER);
	return n;
}

void *pages_alloc(gfp_t gfp, unsigned int order)
{
	struct page *p = page_alloc(gfp, order, PS_KERNEL);

	return p ? page_address(p) : NULL;
}

void pages_free(void *addr, unsigned int order)
{
	struct page *p = virt_to_page(addr);

	if (p->state != PS_KERNEL || p->order != order)
		bad_free(p);
	page_put(p);
}

/* ---- start ---- */

/* Frames [start, end), all PS_FREE, as the largest aligned blocks. */
static void give_range(pfn_t start, pfn_t end)
{
	while (start < end) {
		unsigned int order = start ? (unsigned int)__builtin_ctzl(start) : PAGE_MAX_ORDER;

		order = MIN(order, PAGE_MAX_ORDER);
		while (start + (1ul << order) > end)
			order--;
		page_poison_fresh(pfn_to_page(start), order);
		give_block(pfn_to_page(start), order);
		managed += 1ul << order;
		start += 1ul << order;
	}
}

static void mark_reserved(pfn_t start, pfn_t end)
{
	for (; start < end; start++)
		pfn_to_page(start)->state = PS_RESERVED;
}

/* 1/256 of memory, at least 1 MiB and at most 16, and a margin for kswapd to work in. */
static void set_marks(void)
{
	u64 min = managed / 256;

	min = MIN(MAX(min, 256ul), 4096ul);
	page_marks.min = min;
	page_marks.low = min * 2;
	page_marks.high = min * 3;
}

void page_init(void)
{
	const struct frame_range *left;
	unsigned int n;

	for (int i = 0; i < NR_ZONES; i++) {
		spin_init(&zones[i].lock, "zone", LR_PAGES);
		for (unsigned int o = 0; o <= PAGE_MAX_ORDER; o++)
			list_init(&zones[i].free[o]);
	}
	page_lock_init();
	page_array_map();
	page_for_each_unusable(mark_reserved);
	n = page_early_left(&left);
	for (unsigned int i = 0; i < n; i++)
		give_range(left[i].start, left[i].end);
	set_marks();
	pr_info("memory: %lu KiB usable of %lu KiB", (ulong)managed * 4,
		(ulong)page_ram_frames() * 4);
}
