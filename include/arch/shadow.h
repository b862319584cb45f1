// SPDX-License-Identifier: MIT
/*
 * Where the address sanitizer's shadow lies (debug builds): one byte for eight of the kernel's half.
 * The Makefile gives the same offset to the compiler.
 */
#pragma once

#define SHADOW_SHIFT 3
#define SHADOW_GRAIN (1u << SHADOW_SHIFT)
#define SHADOW_OFFSET 0xdffffc0000000000ul
#define SHADOW_BASE 0xffffec0000000000ul /* of KERNEL_HALF */
#define SHADOW_END 0xfffffc0000000000ul

static inline s8 *shadow_of(const void *p)
{
	return (s8 *)(((u64)p >> SHADOW_SHIFT) + SHADOW_OFFSET);
}

/* Shadow for the image, and a page of zeros ("all may be touched") for everything else. */
void shadow_early_init(void);
