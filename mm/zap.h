// SPDX-License-Identifier: MIT
/* Taking pages out of an address space.  mm/zap.c. */
#pragma once

#include "gather.h"

enum zap_what {
	ZAP_ALL,
	ZAP_CACHE, /* only pages of the file's cache: private copies stay */
	ZAP_ANON,  /* only anonymous pages, swap entries and the zero page */
};

struct zap {
	struct vma *vma;
	enum zap_what what;
	bool may_resched; /* no spinlock is held */
};

/* map_lock held, or mapping->vmas_lock for a file mapping. */
void zap_range(struct gather *g, const struct zap *z, u64 start, u64 end);
void zap_vma(struct gather *g, struct vma *v, u64 start, u64 end);
