// SPDX-License-Identifier: MIT
/*
 * Page frames: struct page and the frame allocator.  mm/page.c.
 *
 * Each frame's state is explicit.  Freeing a frame that is not live, or
 * allocating one that is not free, panics in every build.
 */
#pragma once

#include <stdatomic.h>
#include <arch/mmu.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/refcount.h>

enum page_state {
	PS_FREE,     /* in the buddy allocator or a per-CPU list; 0, so that a zeroed array begins free */
	PS_RESERVED, /* never allocatable: firmware, kernel image, holes */
	PS_KERNEL,   /* allocated, for the kernel's own use */
	PS_SLAB,
	PS_TABLE,    /* a page table */
	PS_ANON,     /* anonymous user memory, shared copy-on-write by refs */
	PS_CACHE,    /* in a file's page cache */
	PS_TAIL,     /* not the first frame of an allocation of order > 0 */
	PS_COUNT,
};
#define PAGE_MAX_ORDER 10u /* the largest block: 4 MiB */

/* page->flags [a] */
#define PG_LOCKED BIT(0)
#define PG_UPTODATE BIT(1)   /* contents are the file's */
#define PG_DIRTY BIT(2)
#define PG_WRITEBACK BIT(3)
#define PG_REFERENCED BIT(4)
#define PG_ACTIVE BIT(5)     /* on the active LRU list */
#define PG_LRU BIT(6)        /* on an LRU list */
#define PG_ERROR BIT(7)
#define PG_PRIVATE BIT(8)    /* page->private is the file system's or buffer layer's */
#define PG_WAITERS BIT(9)    /* somebody sleeps on the page lock or writeback */
#define PG_READAHEAD BIT(10) /* reading this page starts the next read-ahead */
#define PG_STALE_TAIL BIT(13) /* on disk the bytes past the end of file are not zero; in memory they are */
#define PG_SWAPBACKED BIT(15) /* PS_CACHE: of a memory-only file, its place to go is swap */
#define PG_ROW_HELD BIT(16)   /* first of a row: somebody may have frames of it otherwise than by leaves */
#define PG_SWAPCACHE BIT(14)  /* PS_ANON: in the swap cache, index is its slot */

struct mapping;
struct kmem_cache;

struct page {
	_Atomic u32 refs;          /* [a] 0: free */
	_Atomic s32 mapcount;      /* [a] PS_CACHE: page table entries that point here; first of a row: leaves (mm/leaf.c) */
	_Atomic u32 flags;         /* [a] PG_* */
	u8 state;                  /* enum page_state: the owner's */
	u8 order;                  /* of the allocation, on its first frame */
	u8 free_order;             /* first frame of a free block in the buddy lists: its order + 1; else 0 */
	u8 unused;
	union {
		struct {               /* PS_FREE, PS_CACHE, PS_ANON: a list of the owner */
			struct list lru;
			struct mapping *mapping; /* PS_CACHE: NULL once truncated away; page lock or tree_lock */
			u64 index;               /* PS_CACHE: page number in the file; PG_SWAPCACHE: slot */
			void *private;           /* with PG_PRIVATE; page lock */
		};
		struct {               /* PS_SLAB */
			struct list slab_node;
			struct kmem_cache *cache;
			void *freelist;
			u32 inuse, objects;
			struct page *slab_head;
		};
		struct {               /* PS_TABLE */
			struct spinlock pt_lock; /* rank LR_PT */
			u64 pt_va;               /* first address it maps (debug) */
			struct page *pt_spare;   /* of a level 1 table: one kept for each of its leaves, in a
						  * chain through this field; pt_lock */
		};
		struct page *head;     /* PS_TAIL */
	};
} ALIGNED(64);
_Static_assert(sizeof(struct page) == 64, "one cache line a frame");

static inline struct page *pfn_to_page(pfn_t pfn)
{
	return (struct page *)PAGE_ARRAY_BASE + pfn;
}
static inline pfn_t page_to_pfn(const struct page *p)
{
	return (pfn_t)(p - (const struct page *)PAGE_ARRAY_BASE);
}
static inline phys_t page_phys(const struct page *p)
{
	return page_to_pfn(p) << PAGE_SHIFT;
}
static inline void *page_address(const struct page *p)
{
	return phys_to_virt(page_phys(p));
}
static inline struct page *virt_to_page(const void *v)
{
	return pfn_to_page(virt_to_phys(v) >> PAGE_SHIFT);
}
/* True if there is a struct page for this frame (RAM). */
bool pfn_valid(pfn_t pfn);

/* How hard an allocation may try. */
typedef u32 gfp_t;
#define GFP_ATOMIC 0u              /* may not sleep; dips into the reserve */
#define GFP_RECLAIM BIT(0)         /* may sleep and reclaim, also through file systems */
#define GFP_NOFS_BIT BIT(1)        /* but not call into file systems (a transaction is open) */
#define GFP_ZERO BIT(2)
#define GFP_USER_BIT BIT(3)        /* for user memory or page cache: stops above the kernel's reserve */
#define GFP_NORETRY BIT(4)         /* give up early, no OOM killer */
#define GFP_DMA32 BIT(5)           /* below 4 GiB */
#define GFP_KERNEL GFP_RECLAIM
#define GFP_NOFS (GFP_RECLAIM | GFP_NOFS_BIT)
#define GFP_USER (GFP_RECLAIM | GFP_USER_BIT)
/* Waits as long as GFP_USER does, while GFP_NOFS gives up sooner. */
#define GFP_USER_NOFS (GFP_NOFS | GFP_USER_BIT)
#define GFP_USER_ZERO (GFP_USER | GFP_ZERO)
/* The allocation may evict inodes: not under a file system's own locks (debug builds look: lock_rank_reclaim()). */
static inline bool gfp_calls_fs(gfp_t gfp)
{
	return (gfp & (GFP_RECLAIM | GFP_NOFS_BIT)) == GFP_RECLAIM;
}

/* 2^order frames, refs 1, state @state; NULL: no memory.  Physically contiguous and aligned. */
struct page *page_alloc(gfp_t gfp, unsigned int order, enum page_state state);
static inline struct page *page_alloc_one(gfp_t gfp, enum page_state state)
{
	return page_alloc(gfp, 0, state);
}
/* Drops a reference; the last one frees. */
void page_put(struct page *p);
/*
 * HUGE_FRAMES frames in an aligned row for one 2 MiB entry.  They are single frames, each with a
 * reference of its own: one may be shared, replaced or freed without the others.  Only what lies
 * ready is given (NULL: nothing does): no reclaim, and none that would soon start it.  Zeroed.
 */
#define HUGE_FRAMES 512u
struct page *page_alloc_row(enum page_state state);
/*
 * Drops a reference of each up to the first that has flags, or whose last reference it is not: how many.
 * If that is all of them they go back as one block.  The rest is the caller's to put one by one.
 */
unsigned int page_put_row(struct page *first);
static inline void page_get(struct page *p)
{
	ref_raise(&p->refs);
}
static inline bool page_get_unless_zero(struct page *p)
{
	return ref_raise_unless_zero(&p->refs);
}
/* By address, for the kernel's own: zeroed if GFP_ZERO. */
void *pages_alloc(gfp_t gfp, unsigned int order);
void pages_free(void *addr, unsigned int order);

/* Before the allocator: boot_info's map to frames.  Boot order: page_early_init, arch_mmu_init, page_init. */
void page_early_init(void);
phys_t page_early_alloc(void); /* one zeroed frame, never freed */
void page_init(void);

static inline bool page_test(const struct page *p, u32 flag)
{
	return atomic_load_explicit(&p->flags, memory_order_acquire) & flag;
}
static inline void page_set(struct page *p, u32 flag)
{
	atomic_fetch_or_explicit(&p->flags, flag, memory_order_acq_rel);
}
static inline void page_clear(struct page *p, u32 flag)
{
	atomic_fetch_and_explicit(&p->flags, ~flag, memory_order_acq_rel);
}
static inline bool page_test_and_set(struct page *p, u32 flag)
{
	return atomic_fetch_or_explicit(&p->flags, flag, memory_order_acq_rel) & flag;
}
static inline bool page_test_and_clear(struct page *p, u32 flag)
{
	return atomic_fetch_and_explicit(&p->flags, ~flag, memory_order_acq_rel) & flag;
}

/* The page lock: sleeps.  Guards contents being filled, mapping, PG_UPTODATE. */
void page_lock(struct page *p);
int WARN_UNUSED page_lock_killable(struct page *p);
bool page_trylock(struct page *p);
void page_unlock(struct page *p);
void page_wait_writeback(struct page *p);

struct mem_stats {
	u64 total, free, reserved;               /* pages */
	u64 available;                           /* what a new program could get without swapping */
	u64 cached, anon, slab, slab_reclaimable, tables, kstacks, vmalloc;
	u64 active_file, inactive_file, active_anon, inactive_anon;
	u64 dirty, writeback, mapped, shmem, swap_total, swap_free, swap_cached, committed, commit_limit;
	u64 pgfault, pgmajfault, pgpgin, pgpgout, pgalloc, pgfree, pswpin, pswpout, oom_kills;
	u64 anon_huge;             /* pages in 2 MiB entries; one that two processes share counts twice */
	u64 thp_alloc, thp_fallback, thp_split;
};
void mem_get_stats(struct mem_stats *out);

void copy_page(void *dst, const void *src);   /* arch/x86_64/string: whole pages */
void clear_page(void *dst);
