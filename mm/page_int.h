// SPDX-License-Identifier: MIT
/* Between the files of the page allocator and reclaim: zones, watermarks, early ranges. */
#pragma once

#include <tarn/page.h>

struct mm;

enum { ZONE_DMA32, ZONE_NORMAL, NR_ZONES };

/* A run of frames, [start, end). */
struct frame_range {
	pfn_t start, end;
};

/* RAM that page_early_alloc left over; page_init gives it to the buddy allocator. */
unsigned int page_early_left(const struct frame_range **out);
/* Frames of RAM the machine has, usable or not. */
u64 page_ram_frames(void);

/*
 * Free frames against three marks: user allocations stop at min, the kernel's
 * own at half of it, atomic ones and reclaim itself at nothing.  Below low
 * the reclaim thread starts, and it works until high.
 */
struct page_marks {
	u64 min, low, high;
};
extern struct page_marks page_marks; /* [I] after page_init */
/* Frames in the buddy lists (per-CPU lists not counted): stale at once. */
u64 page_free_frames(void);
/* Per-CPU lists of all CPUs back to the buddy allocator; interrupts on. */
void page_drain_all(void);
/* Another owner, whom nobody else can meet meanwhile. */
void page_change_state(struct page *p, enum page_state state);
/* Marks set from what the allocator manages. */
u64 page_managed_frames(void);

#ifdef TARN_DEBUG /* mm/page_debug.c */
/* Free frames may not be touched; handed out they may.  Fresh: at boot, not filled. */
void page_poison_fresh(struct page *p, unsigned int order);
void page_poison(struct page *p, unsigned int order);
void page_unpoison(struct page *p, unsigned int order);
#else
static inline void page_poison_fresh(struct page *p, unsigned int order) { }
static inline void page_poison(struct page *p, unsigned int order) { }
static inline void page_unpoison(struct page *p, unsigned int order) { }
#endif

/* mm/reclaim.c, mm/oom.c, mm/lru.c */
void reclaim_wake(void);
/* True if something was or is being killed, so that a retry makes sense. */
bool oom_kill(gfp_t gfp, unsigned int order);
/* mm/oom_reap.c: the private pages of a killed process, the only one in @mm; false: its mappings are being changed. */
bool oom_reap(struct mm *mm);
void lru_forget(struct page *p);

/* mm/page_early.c, for page_init */
void page_array_map(void);
void page_for_each_unusable(void (*fn)(pfn_t start, pfn_t end));
