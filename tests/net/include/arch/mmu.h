// SPDX-License-Identifier: MIT
/* <arch/mmu.h> of the network's host build: frames lie in one mapping, their struct pages in another. */
#pragma once

#define PAGE_ARRAY_BASE 0x200000000000ul
#define DIRECT_MAP_BASE 0x210000000000ul
#define USER_END 0x00007ffffffff000ul

typedef struct {
	u64 v;
} pte_t;

static inline void *phys_to_virt(phys_t p)
{
	return (void *)(p + DIRECT_MAP_BASE);
}
static inline phys_t virt_to_phys(const void *v)
{
	return (phys_t)v - DIRECT_MAP_BASE;
}
