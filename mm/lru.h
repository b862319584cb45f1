// SPDX-License-Identifier: MIT
/* The lists of file pages, for reclaim.  mm/lru.c. */
#pragma once

#include <tarn/pagecache.h>

/* Up to @max pages off the old end of a list, each with a reference. */
unsigned int lru_isolate(bool active, struct page **pages, unsigned int max);
/* Onto the young end; the reference is put. */
void lru_put_back(struct page *p, bool active);
