// SPDX-License-Identifier: MIT
/* Between slab.c and kmalloc.c. */
#pragma once

#include <tarn/slab.h>

/* Past the magazines: for the magazines themselves. */
void *slab_alloc_direct(struct kmem_cache *c, gfp_t gfp);
/* The cache an object came from; NULL: not from a slab. */
struct kmem_cache *slab_cache_of(const void *obj);
u32 slab_object_size(const struct kmem_cache *c);
/* The cache of kmalloc's size class for @size; NULL: whole pages. */
struct kmem_cache *kmalloc_cache(size_t size);
void kmalloc_init(void);
/* Pages of caches whose objects can go under pressure. */
u64 slab_reclaimable_pages(void);
