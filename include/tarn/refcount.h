// SPDX-License-Identifier: MIT
/*
 * Reference counts: a count that reached 0 never rises again, and that is checked; one that rises
 * too far sticks.
 *
 * A fault that forgets to drop references could be repeated until a count of 32 bits
 * wraps and an object in use is freed.  From REF_TOO_MANY on a count is set to REF_STUCK again at each
 * change: the object is never freed, and the log says so once.  Between the addition and
 * the setting others may change the count too; 2^30 of them would have to, at once.
 *
 * ref_raise() and ref_lower() are for counts that are no struct refcount (frames, buffers).
 *
 * Tests: tarn.test=refcount (kernel/refcount.c).
 */
#pragma once

#include <stdatomic.h>
#include <tarn/panic.h>

#define REF_TOO_MANY 0x80000000u
#define REF_STUCK 0xc0000000u

struct refcount {
	_Atomic u32 n;
};

/* A count was 0 or too large when it changed: panics, or makes it stick.  Out of line. */
void ref_bad_change(_Atomic u32 *n, u32 old);

static inline void ref_raise(_Atomic u32 *n)
{
	u32 old = atomic_fetch_add_explicit(n, 1, memory_order_relaxed);

	if (unlikely((s32)old <= 0))
		ref_bad_change(n, old);
}
/* The count before. */
static inline u32 ref_lower(_Atomic u32 *n)
{
	u32 old = atomic_fetch_sub_explicit(n, 1, memory_order_acq_rel);

	if (unlikely((s32)old <= 0))
		ref_bad_change(n, old);
	return old;
}
static inline bool ref_raise_unless_zero(_Atomic u32 *n)
{
	u32 old = atomic_load_explicit(n, memory_order_relaxed);

	while (old)
		if (atomic_compare_exchange_weak_explicit(n, &old, old + 1, memory_order_acquire,
							  memory_order_relaxed)) {
			if (unlikely((s32)old < 0))
				ref_bad_change(n, old);
			return true;
		}
	return false;
}

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
	ref_raise(&r->n);
}
/* For objects found through RCU: false if the last reference is already gone. */
static inline bool ref_get_unless_zero(struct refcount *r)
{
	return ref_raise_unless_zero(&r->n);
}
/* True when this was the last one: the caller frees. */
static inline bool ref_put(struct refcount *r)
{
	return ref_lower(&r->n) == 1;
}
