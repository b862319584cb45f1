// SPDX-License-Identifier: MIT
/*
 * Small integers for objects: PIDs, timers, shared memory ids.
 *
 * Ids are 0 to IDR_MAX.  Pointers as in radix.h: not odd.  A NULL pointer
 * reserves its id: idr_find gives NULL for it until idr_replace publishes the
 * object, so nobody finds it half made.
 *
 * Locks: the caller serialises all but idr_find and idr_next, which also run in
 * an RCU read section.  Allocation never sleeps (lib_alloc_atomic).
 */
#pragma once

#include <tarn/radix.h>

#define IDR_MAX 0x7fffffffu

struct idr {
	struct radix_root tree;
	u32 cursor;			/* where the next cyclic search begins */
};

#define IDR_INIT { .tree = RADIX_INIT, .cursor = 0 }

void idr_init(struct idr *idr);

/* Lowest free id in [min, max]: the id, -ENOSPC, or -ENOMEM. */
int idr_alloc(struct idr *idr, void *ptr, u32 min, u32 max) WARN_UNUSED;
/* First free id after the last one given out here, wrapping from max to min. */
int idr_alloc_cyclic(struct idr *idr, void *ptr, u32 min, u32 max) WARN_UNUSED;
/* This very id: 0, -EEXIST, -ENOMEM. */
int idr_alloc_at(struct idr *idr, void *ptr, u32 id) WARN_UNUSED;

void *idr_find(const struct idr *idr, u32 id);
/* The old pointer (NULL if reserved); nothing happens when @id is free. */
void *idr_replace(struct idr *idr, u32 id, void *ptr);
void *idr_remove(struct idr *idr, u32 id);
/* First published pointer with an id >= *@id, which is set to it; NULL if there is none. */
void *idr_next(const struct idr *idr, u32 *id);

static inline bool idr_empty(const struct idr *idr)
{
	return radix_empty(&idr->tree);
}

/* @ptr a typed pointer, @id a u32.  The body may remove the current id. */
#define IDR_FOR_EACH(idr, ptr, id)                                                \
	for (id = 0; (ptr = idr_next(idr, &id)) != NULL; id++)
