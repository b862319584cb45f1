// SPDX-License-Identifier: MIT
/* The vmalloc range's division, between vmalloc.c and kstack.c. */
#pragma once

#include <tarn/page.h>

/* Areas below, then the window of the stacks; the upper half is arch's, for devices. */
#define VMALLOC_AREAS_END KSTACK_WINDOW

#define KERNEL_DATA \
	(PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_NX)

/* Fresh frames behind [va, va + pages): false, and nothing mapped, when there are none. */
bool vmalloc_map(u64 va, u64 pages, gfp_t gfp);
/* Unmaps, flushes every TLB, frees the frames.  Interrupts on. */
void vmalloc_unmap(u64 va, u64 pages);
