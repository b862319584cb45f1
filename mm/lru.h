// SPDX-License-Identifier: MIT
/* The lists of file pages, for reclaim.  mm/lru.c. */
#pragma once

#include <tarn/pagecache.h>

enum lru_kind {
	LRU_FILE,
	LRU_SHMEM, /* of memory-only files: they can only go to swap */
	LRU_KINDS,
};

void lru_get_kind_sizes(enum lru_kind kind, u64 *active, u64 *inactive);
/* Up to @max pages off the old end of a list, each with a reference. */
unsigned int lru_isolate(enum lru_kind kind, bool active, struct page **pages, unsigned int max);
/* A page of the caller's off its list; false: it is on none. */
bool lru_take(struct page *p);
/* Onto the young end; the reference is put. */
void lru_put_back(struct page *p, bool active);
