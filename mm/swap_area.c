// SPDX-License-Identifier: MIT
/*
 * Slots of swap areas: who has one, which is free.
 *
 * Areas are used by priority, those of one priority in turn, a cluster of
 * slots each, so that pages that leave together lie together.
 *
 * Life of a slot:
 *
 *   free --page leaves (cached)--> cached, counted by entries --written, evicted--> counted
 *    ^                                 |        ^                                      |
 *    +--- no count, not cached <-------+        +----------- fault: read again --------+
 *
 * Locks: swap_lock (LR_SWAPON) guards the list of areas for swapon and swapoff;
 * list_lock guards its order for those who take slots; a->lock the slots.
 */
#include <tarn/bitmap.h>
#include <tarn/errno.h>
#include "mm_int.h"
#include "swap.h"

struct swap_area swap_areas[SWAP_AREAS];
struct mutex swap_lock = MUTEX_INIT(swap_lock, "swap", LR_SWAPON);

static struct spinlock list_lock = SPINLOCK_INIT("swap areas", LR_SWAP_LIST);
static struct list areas GUARDED_BY(&list_lock) = LIST_INIT(areas);
static u32 cluster_left GUARDED_BY(&list_lock); /* slots until the first area's turn is over */
static _Atomic s64 total_slots, free_slots;

void swap_init(void)
{
	for (u32 i = 0; i < SWAP_AREAS; i++) {
		spin_init(&swap_areas[i].lock, "swap area", LR_SWAP);
		list_init(&swap_areas[i].pages);
		radix_init(&swap_areas[i].cache);
	}
}

u64 swap_total_slots(void)
{
	return (u64)atomic_load_explicit(&total_slots, memory_order_relaxed);
}

u64 swap_free_slots(void)
{
	return (u64)MAX(atomic_load_explicit(&free_slots, memory_order_relaxed), (s64)0);
}

bool swap_is_scarce(void)
{
	return swap_free_slots() * 2 < swap_total_slots();
}

/* ---- the list ---- */

/* Behind all of its priority and above. */
static void list_in(struct swap_area *a) MUST_HOLD(&list_lock)
{
	struct swap_area *o;

	LIST_FOR_EACH(o, &areas, node)
		if (o->prio < a->prio)
			break;
	list_add_tail(&o->node, &a->node);
}

void swap_area_open(struct swap_area *a)
{
	u64 flags = spin_lock_irqsave(&list_lock);

	list_in(a);
	atomic_fetch_add(&total_slots, (s64)a->usable);
	spin_lock(&a->lock);
	a->closing = false;
	atomic_fetch_add(&free_slots, (s64)(a->usable - a->used));
	spin_unlock(&a->lock);
	spin_unlock_irqrestore(&list_lock, flags);
}

void swap_area_close(struct swap_area *a)
{
	u64 flags = spin_lock_irqsave(&list_lock);

	list_del(&a->node);
	cluster_left = 0;
	atomic_fetch_sub(&total_slots, (s64)a->usable);
	spin_lock(&a->lock);
	a->closing = true;
	atomic_fetch_sub(&free_slots, (s64)(a->usable - a->used));
	spin_unlock(&a->lock);
	spin_unlock_irqrestore(&list_lock, flags);
}

struct swap_area *swap_next_area(struct swap_area *a)
	NO_LOCK_CHECK /* the list changes only with swap_lock; turns of equals do not matter */
{
	struct swap_area *best = NULL;

	/* By priority, then by place: a walk that turns of the list cannot confuse. */
	for (struct swap_area *o = swap_areas; o < swap_areas + SWAP_AREAS; o++) {
		if (!o->file || (a && (o->prio > a->prio || (o->prio == a->prio && o <= a))))
			continue;
		if (!best || o->prio > best->prio)
			best = o;
	}
	return best;
}

/* ---- taking and giving back ---- */

static u64 find_free(struct swap_area *a) MUST_HOLD(&a->lock)
{
	u64 page;

	if (a->closing || a->used == a->usable)
		return 0;
	page = bitmap_find_next_zero(a->taken, a->slots, a->next);
	if (page >= a->slots)
		page = bitmap_find_next_zero(a->taken, a->slots, 0);
	return page < a->slots ? page : 0;
}

/* @a gave a slot: its equals have their turn after a cluster. */
static void count_turn(struct swap_area *a) MUST_HOLD(&list_lock)
{
	if (cluster_left && --cluster_left)
		return;
	list_del(&a->node);
	list_in(a);
	cluster_left = SWAP_CLUSTER;
}

struct swap_area *swap_take_slot(u64 *page, u64 *flags)
	NO_LOCK_CHECK /* returns with the area's lock */
{
	struct swap_area *a;

	if (!swap_free_slots())
		return NULL;
	*flags = irq_save();
	spin_lock(&list_lock);
	LIST_FOR_EACH(a, &areas, node) {
		spin_lock(&a->lock);
		*page = find_free(a);
		if (*page) {
			bitmap_set(a->taken, *page);
			a->used++;
			a->next = *page + 1;
			atomic_fetch_sub_explicit(&free_slots, 1, memory_order_relaxed);
			count_turn(a);
			spin_unlock(&list_lock);
			return a;
		}
		spin_unlock(&a->lock);
	}
	spin_unlock(&list_lock);
	irq_restore(*flags);
	return NULL;
}

void swap_release_slot(struct swap_area *a, u64 page)
{
	assert_held(&a->lock);
	assert(!a->map[page] && bitmap_test(a->taken, page));
	bitmap_clear(a->taken, page);
	a->used--;
	if (!a->closing)
		atomic_fetch_add_explicit(&free_slots, 1, memory_order_relaxed);
}

/* ---- counting ---- */

struct swap_area *swap_lock_area(u64 slot, u64 *flags)
	NO_LOCK_CHECK /* returns with the lock, or NULL */
{
	struct swap_area *a = &swap_areas[swap_slot_area(slot) % SWAP_AREAS];

	*flags = spin_lock_irqsave(&a->lock);
	if (swap_slot_page(slot) < a->slots)
		return a;
	spin_unlock_irqrestore(&a->lock, *flags);
	return NULL;
}

void swap_unlock_area(struct swap_area *a, u64 flags)
	NO_LOCK_CHECK /* swap_lock_area took it */
{
	spin_unlock_irqrestore(&a->lock, flags);
}

int swap_dup(u64 slot)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	u64 flags, page = swap_slot_page(slot);
	struct swap_area *a = swap_lock_area(slot, &flags);
	int err = 0;

	assert(a);
	if ((a->map[page] & ~SLOT_CACHED) >= SLOT_COUNT_MAX)
		err = -ENOMEM;
	else
		a->map[page]++;
	swap_unlock_area(a, flags);
	return err;
}

u32 swap_count(u64 slot)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	u64 flags;
	struct swap_area *a = swap_lock_area(slot, &flags);
	u32 n = a ? a->map[swap_slot_page(slot)] & ~SLOT_CACHED : 0;

	if (a)
		swap_unlock_area(a, flags);
	return n == SLOT_BAD ? 0 : n;
}

void swap_free(u64 slot)
	NO_LOCK_CHECK /* through swap_lock_area */
{
	u64 flags, page = swap_slot_page(slot);
	struct swap_area *a = swap_lock_area(slot, &flags);
	struct page *p = NULL;
	u16 left;

	assert(a && a->map[page] & ~SLOT_CACHED);
	left = --a->map[page];
	if (!left)
		swap_release_slot(a, page);
	else if (left == SLOT_CACHED)
		p = radix_lookup(&a->cache, page);
	if (p)
		page_get(p);
	swap_unlock_area(a, flags);
	if (!p)
		return;
	swap_cache_try_drop(p);
	page_put(p);
}
