// SPDX-License-Identifier: MIT
/*
 * Indexes that user space chooses, where a CPU runs ahead of their check.
 *
 * A mispredicted `if (i < n)` lets the CPU load table[i] for any i before it notices, and what it
 * loaded can be read from the caches' timing (Spectre, variant 1).  Masking the index after the
 * check by a value that depends on it, without a branch, leaves nothing to predict.
 */
#pragma once

#include <tarn/types.h>

/* @index if it is below @size, else 0; by arithmetic.  After the check, before the load. */
static inline u64 index_nospec(u64 index, u64 size)
{
	u64 mask;

	/* The carry of index - size: all ones if index is below. */
	__asm__ volatile("cmpq %2, %1\n\tsbbq %0, %0" : "=r"(mask) : "r"(index), "g"(size) : "cc");
	return index & mask;
}
