// SPDX-License-Identifier: MIT
/*
 * Memory for lib/: the kernel's mm/slab.c provides these, tests/host/alloc.c
 * does on the host.
 *
 * Memory is not zeroed and aligned to 16.  NULL when there is none.  Sizes run
 * from a few bytes to the megabytes of a long /proc file.  The radix tree's
 * node, sizeof(struct radix_node) = 576 bytes, is by far the most frequent
 * atomic request: a size class of its own pays.
 */
#pragma once

void *lib_alloc(size_t size) WARN_UNUSED;		/* may sleep */
void *lib_alloc_atomic(size_t size) WARN_UNUSED;	/* never sleeps; any lock may be held */
void lib_free(void *p);					/* NULL is fine; never sleeps */

/*
 * Free @p (not NULL) after an RCU grace period; never sleeps, never fails.  The
 * first LIB_RCU_SPACE bytes of the object belong to this function from here on
 * (a queue link and the like): readers must not look at them.
 */
#define LIB_RCU_SPACE 16
void lib_free_rcu(void *p);
