// SPDX-License-Identifier: MIT
/* Between the files of the page cache. */
#pragma once

#include <tarn/pagecache.h>

struct page *cache_add_new(struct mapping *m, u64 index, gfp_t gfp);
/* Fills locked pages; each is unlocked when it is done. */
void cache_start_read(struct mapping *m, struct page **pages, unsigned int n);
/* pagecache_read_page; @lock_inval false: the caller has invalidate_lock or needs none. */
struct page *cache_read(struct mapping *m, u64 index, bool lock_inval);
bool cache_zero_tail(struct page *p);
void cache_remove(struct page *p);
bool cache_evict(struct page *p);
void cache_drop_range(struct mapping *m, u64 first, u64 last);
/* With references, ascending from *index on, which moves behind the last; all are <= @last.  0: none left. */
#define CACHE_BATCH 16u
unsigned int cache_find_batch(struct mapping *m, u64 *index, u64 last, int tag, struct page **pages);
#define CACHE_ANY (-1)
/* ---- shmem.c ---- */
/* Locked @p, which the caller has a reference of, leaves the file for the swap cache, to be swap_write()n: false
 * if it cannot. */
bool shmem_swap_out(struct page *p);
/* Slots of [first, last] are given up. */
void shmem_drop(struct mapping *m, u64 first, u64 last);
