// SPDX-License-Identifier: MIT
/* Small kernel objects: caches with per-CPU magazines, and kmalloc over them.  mm/slab.c. */
#pragma once

#include <tarn/page.h>

/* NULL: no memory.  Aligned to 16 (to 64 from 64 bytes on); above 8 KiB whole pages, up to 4 MiB. */
void *kmalloc(size_t size, gfp_t gfp);
void *kzalloc(size_t size, gfp_t gfp);
/* n * size, NULL on overflow too; zeroed. */
void *kcalloc(size_t n, size_t size, gfp_t gfp);
void *krealloc(void *p, size_t size, gfp_t gfp);
void kfree(const void *p); /* NULL is fine */
size_t kmalloc_size(const void *p);
char *kstrdup(const char *s, gfp_t gfp);
char *kmemdup(const void *p, size_t n, gfp_t gfp);
/* kfree after present RCU readers are done. */
void kfree_rcu(void *p);

struct kmem_cache;
/* @align 0: natural. @ctor (or NULL) runs once per object when its slab is made; objects return constructed. */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     void (*ctor)(void *obj));
/* Says that a shrinker gives its objects back under pressure: SReclaimable of /proc/meminfo. */
void kmem_cache_is_reclaimable(struct kmem_cache *c);
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *c, void *obj);
/* Empty slabs back to the page allocator; pages freed. */
u64 slab_shrink(void);
struct strbuf;
void slab_show(struct strbuf *out); /* /proc/slabinfo */
void slab_init(void);

/*
 * A cache that can give memory back (dentries, inodes, buffers).  Called by
 * reclaim, may sleep; @count returns how many objects could go, @scan tries to
 * free @n and returns how many it freed.
 */
struct shrinker {
	const char *name;
	u64 (*count)(void);
	u64 (*scan)(u64 n, gfp_t gfp);
	struct list node;
};
void shrinker_register(struct shrinker *s);
