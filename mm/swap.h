// SPDX-License-Identifier: MIT
/*
 * Swap: what the files of mm/ offer one another about anonymous memory that leaves.
 *
 * A slot is one page of a swap area, named by a number that fits a page table
 * entry and a tree: the area above SWAP_AREA_SHIFT, the page in the area below.
 *
 * A slot's count says how many page table entries and tmpfs files hold it.  A
 * page that is on its way out or in is also in the swap cache, where everybody
 * finds it by its slot (swap_cache.c); a slot is free when nobody counts it and
 * the cache does not have it.
 */
#pragma once

#include <tarn/page.h>
#include <tarn/radix.h>

struct bdev;
struct file;
struct mapping;
struct mm;
struct vma;

#define SWAP_AREAS 29u /* as many as Linux on x86-64 */
#define SWAP_AREA_SHIFT 40
#define SWAP_CLUSTER 32u /* pages written, and slots taken, in a row */

static inline u64 swap_slot(u32 area, u64 page)
{
	return (u64)area << SWAP_AREA_SHIFT | page;
}
static inline u32 swap_slot_area(u64 slot)
{
	return (u32)(slot >> SWAP_AREA_SHIFT);
}
static inline u64 swap_slot_page(u64 slot)
{
	return slot & (BIT(SWAP_AREA_SHIFT) - 1);
}

/* Pages [first, first + count) of an area lie at @sector. */
struct swap_extent {
	u64 first, count, sector;
};

/*
 * struct swap_area - one partition or file of slots.
 *
 * The struct is never freed, so that whoever holds a stale slot may still ask;
 * what is below map goes with swapoff, when no slot is in use.
 */
struct swap_area {
	struct spinlock lock;                   /* LR_SWAP, irqs off */
	u64 slots GUARDED_BY(&lock);            /* 0: not in use */
	u64 used GUARDED_BY(&lock);             /* without slot 0 and bad ones */
	u64 next GUARDED_BY(&lock);             /* where the search for a free slot goes on */
	u16 *map GUARDED_BY(&lock);             /* count of each slot, SLOT_CACHED, SLOT_BAD */
	ulong *taken GUARDED_BY(&lock);         /* a bit per slot that is not free */
	struct radix_root cache GUARDED_BY(&lock); /* page in area -> struct page */
	struct list pages GUARDED_BY(&lock);    /* page->lru of those; head: young */
	u64 cached GUARDED_BY(&lock);
	bool closing GUARDED_BY(&lock);         /* swapoff: no slot is given out */
	u64 usable;                             /* swap_lock: slots that pages can have */
	s16 prio;                               /* swap_lock */
	struct list node;                       /* swap_lock: by priority */
	struct file *file;                      /* swap_lock; what swapon(2) opened */
	struct bdev *bdev;                      /* constant while slots != 0 */
	struct swap_extent *extents;            /* the same: sorted, without holes */
	u32 nr_extents;                         /* the same */
};
extern struct swap_area swap_areas[SWAP_AREAS];

/* ---- swap_area.c: slots ---- */
#define SLOT_CACHED 0x8000u
#define SLOT_BAD 0x7fffu
#define SLOT_COUNT_MAX 0x7ffeu

/* A free slot with count 0 that the caller puts a page in at once; its area is locked (irqs in *flags).
 * NULL: swap is full. */
struct swap_area *swap_take_slot(u64 *page, u64 *flags);
/* One holder more: 0, or -ENOMEM when there are too many.  The caller has a count of the slot already. */
int swap_dup(u64 slot);
/* One holder less.  Any context. */
void swap_free(u64 slot);
/* How many hold it; 0 for a slot that is free. */
u32 swap_count(u64 slot);
/* The slot's area with its lock held if the slot exists; else NULL. */
struct swap_area *swap_lock_area(u64 slot, u64 *flags);
void swap_unlock_area(struct swap_area *a, u64 flags);
/* @page of @a has neither count nor page any more; a->lock held. */
void swap_release_slot(struct swap_area *a, u64 page);
/* Slots in all areas, and free ones. */
u64 swap_total_slots(void);
u64 swap_free_slots(void);
/* More than half is taken: a page that came back gives its slot up. */
bool swap_is_scarce(void);
void swap_init(void);
/* An area comes and goes: swap_lock held. */
extern struct mutex swap_lock; /* LR_SWAPON: the list of areas */
void swap_area_open(struct swap_area *a) MUST_HOLD(&swap_lock);
void swap_area_close(struct swap_area *a) MUST_HOLD(&swap_lock);
struct swap_area *swap_next_area(struct swap_area *a) MUST_HOLD(&swap_lock); /* NULL: first; by priority */

/* ---- swap_cache.c ---- */
/* The page of @slot with a reference, or NULL. */
struct page *swap_cache_find(u64 slot);
/* Gives locked @p a fresh slot and puts it into the cache, dirty; the caller gives the cache its reference.  False:
 * swap is full. */
bool swap_cache_add_new(struct page *p);
/* A locked new page for @slot, to be read, which gains a reference: 0, -ENOENT (the slot is free), -EEXIST, -ENOMEM. */
int swap_cache_add(struct page *p, u64 slot);
/* Takes that back: nobody has seen it. */
void swap_cache_forget(struct page *p);
/* Locked, not under writeback: out of the cache; the slot goes too if nobody counts it. */
void swap_cache_delete(struct page *p);
/* Locked; nobody but the cache and the caller has it, and it is clean or its slot uncounted:
 * out of the cache and freed, true. */
bool swap_cache_evict(struct page *p);
/* The same for a caller that holds a reference he puts anyway: if nothing needs the page or its slot. */
void swap_cache_try_drop(struct page *p);
/* The write of @p ended.  Any context. */
void swap_cache_written(struct page *p, int err);
/* Looks at up to @scan pages of the cache, writes and frees those that nobody maps; how many. */
u64 swap_cache_shrink(u64 scan);
u64 swap_cached_pages(void);
/* swapoff: pages of @a that need no slot give it up.  0 or -EINTR. */
int swap_cache_empty(struct swap_area *a);
/* The end of a user's reference to an anonymous page: the last user's takes page and slot along. */
static inline void swap_put_page(struct page *p)
{
	if (unlikely(page_test(p, PG_SWAPCACHE)))
		swap_cache_try_drop(p);
	page_put(p);
}

/* ---- swap_io.c ---- */
/* Writes locked pages of the cache that only it and the caller have; unlocks and puts all. How many went out. */
unsigned int swap_write(struct page **pages, unsigned int n);
/* Fills locked pages with rising slots of one area; each is unlocked when its data is there. */
void swap_start_read(struct page **pages, unsigned int n);
/* True if there was a write to wait for: some of them are over, or a while has passed. */
bool swap_wait_written(void);
u32 swap_in_flight(void);

/* ---- swap_in.c ---- */
/* The page of @slot, referenced, locked and up to date, in the cache; ERR_PTR(-ENOENT: the slot was given up,
 * -ENOMEM, -EIO, -EINTR killed).  *major: it was read. */
struct page *swap_read_page(u64 slot, gfp_t gfp, bool *major);
/* The swap entry @e of @v at @addr gets its page back; map_lock shared.  0 (perhaps to be tried again), -ENOMEM,
 * -EFAULT: it cannot be read, -EINTR killed. */
int fault_swap(struct vma *v, u64 addr, pte_t e, bool write, gfp_t gfp, bool *major);
/* @p, whose only entry's table is locked, gives its slot up: true, and it may become writable. */
bool swap_reuse(struct page *p);

/* ---- swap_off.c ---- */
/* Every slot of @a, which gives none out, is emptied: 0, -ENOMEM, -EINTR, -EFAULT. */
int swap_bring_back(struct swap_area *a);

/* ---- shmem.c ---- */
/* Pages [first, last] of a memory-only file, as far as nobody uses them at the moment. */
void shmem_swap_out_range(struct mapping *m, u64 first, u64 last);
/* swap_bring_back for them, once over all files: 0, -ENOMEM, -EINTR, -EIO. */
int shmem_bring_back(const struct swap_area *a);

/* ---- swap_out.c ---- */
/* The clock: looks at about @scan anonymous entries of address spaces; pages freed or on their way out. */
u64 swap_out_anon(u64 scan);
/* madvise(MADV_PAGEOUT): the anonymous pages of [start, end), used or not.  map_lock shared. */
void swap_out_range(struct vma *v, u64 start, u64 end);
/* True if something could be swapped out. */
bool swap_possible(void);
