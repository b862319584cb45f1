// SPDX-License-Identifier: MIT
/* Reference counts: a count that reached 0 never rises again, and that is checked. */
#pragma once

#include <stdatomic.h>
#include <tarn/panic.h>

struct refcount {
	_Atomic u32 n;
};

static inline void ref_init(struct refcount *r, u32 n)
{
	atomic_store_explicit(&r->n, n, memory_order_relaxed);
}
static inline u32 ref_read(const struct refcount *r)
{
	return atomic_load_explicit(&r->n, memory_order_relaxed);
}
static inline void ref_get(struct refcount *r)
{
	u32 old = atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);

	assert(old != 0);
}
/* For objects found through RCU: false if the last reference is already gone. */
static inline bool ref_get_unless_zero(struct refcount *r)
{
	u32 n = atomic_load_explicit(&r->n, memory_order_relaxed);

	while (n)
		if (atomic_compare_exchange_weak_explicit(&r->n, &n, n + 1, memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}
/* True when this was the last one: the caller frees. */
static inline bool ref_put(struct refcount *r)
{
	u32 old = atomic_fetch_sub_explicit(&r->n, 1, memory_order_acq_rel);

	assert(old != 0);
	return old == 1;
}
