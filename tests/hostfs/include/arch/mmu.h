// SPDX-License-Identifier: MIT
/* Page frames on the host: an array of pages and one of struct page (memory.c).  No page tables. */
#pragma once

#define phys_to_virt arch_phys_to_virt
#include_next <arch/mmu.h>
#undef phys_to_virt
#undef PAGE_ARRAY_BASE

extern struct page *const host_frames;
extern char host_memory[];
#define PAGE_ARRAY_BASE host_frames

static inline void *phys_to_virt(phys_t p)
{
	return host_memory + p;
}
