// SPDX-License-Identifier: MIT
/* What the files of mm/ say to each other. */
#pragma once

#include <tarn/mm.h>
#include <tarn/pagecache.h>

/* page_lock.c */
void page_lock_init(void);
void page_clear_writeback(struct page *p);

/* commit.c: pages promised */
u64 commit_used(void);
u64 commit_limit(void);

/* lru.c: pages on the lists of file pages */
void lru_get_sizes(u64 *active, u64 *inactive);

/* kstack.c, when workers exist */
void kstack_init(void);
