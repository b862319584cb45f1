// SPDX-License-Identifier: MIT
/* Virtually contiguous kernel memory, each area followed by an unmapped guard page.  mm/vmalloc.c. */
#pragma once

/* Zeroed; NULL: no memory.  May sleep. */
void *vmalloc(size_t size);
void vfree(void *p);
/* A kernel stack with a guard page below; cached per CPU.  NULL: no memory. */
void *kstack_alloc(void);
void kstack_free(void *stack);
/* Names the guard page a fault hit ("stack of thread 12") for the panic message; false: not a guard page. */
bool kstack_is_guard(u64 addr);
