// SPDX-License-Identifier: MIT
/*
 * kmalloc: objects of any size from a row of caches; whole pages above 8 KiB.
 *
 * From 64 bytes on each class is a multiple of a cache line, so that no two
 * objects share one.  576 is a class because the radix tree's nodes are the
 * most frequent large object of all.
 */
#include <tarn/kasan.h>
#include <tarn/lib_alloc.h>
#include <tarn/math.h>
#include <tarn/rcu.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "slab_int.h"

#define SMALL_MAX 1024
#define CLASS_MAX 8192

static const struct {
	u32 size;
	const char *name;
} classes[] = {
	{ 16, "kmalloc-16" },     { 32, "kmalloc-32" },     { 48, "kmalloc-48" },
	{ 64, "kmalloc-64" },     { 128, "kmalloc-128" },   { 192, "kmalloc-192" },
	{ 256, "kmalloc-256" },   { 320, "kmalloc-320" },   { 384, "kmalloc-384" },
	{ 448, "kmalloc-448" },   { 512, "kmalloc-512" },   { 576, "kmalloc-576" },
	{ 640, "kmalloc-640" },   { 768, "kmalloc-768" },   { 1024, "kmalloc-1k" },
	{ 1280, "kmalloc-1280" }, { 1600, "kmalloc-1600" }, { 2048, "kmalloc-2k" },
	{ 2688, "kmalloc-2688" }, { 4096, "kmalloc-4k" },   { 8192, "kmalloc-8k" },
};
static struct kmem_cache *caches[ARRAY_SIZE(classes)]; /* [I] after kmalloc_init */
static u8 small_class[SMALL_MAX / 16 + 1];             /* [I] (size + 15) / 16 -> class */

void kmalloc_init(void)
{
	unsigned int c = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(small_class); i++) {
		while (classes[c].size < i * 16)
			c++;
		small_class[i] = (u8)c;
	}
	for (c = 0; c < ARRAY_SIZE(classes); c++)
		caches[c] = kmem_cache_create(classes[c].name, classes[c].size,
					      classes[c].size < 64 ? 16 : 64, NULL);
}

struct kmem_cache *kmalloc_cache(size_t size)
{
	unsigned int c;

	if (size <= SMALL_MAX)
		return caches[small_class[(size + 15) / 16]];
	if (size > CLASS_MAX)
		return NULL;
	for (c = small_class[SMALL_MAX / 16]; classes[c].size < size; c++)
		;
	return caches[c];
}

static unsigned int order_of(size_t size)
{
	return size <= PAGE_SIZE ? 0 : bit_width((size - 1) >> PAGE_SHIFT);
}

void *kmalloc(size_t size, gfp_t gfp)
{
	struct kmem_cache *c = kmalloc_cache(size);
	void *obj;

	if (likely(c)) {
		obj = kmem_cache_alloc(c, gfp);
		object_limit(obj, size);
		return obj;
	}
	if (size > PAGE_SIZE << PAGE_MAX_ORDER)
		return NULL;
	obj = pages_alloc(gfp, order_of(size));
	if (obj)
		kasan_limit(obj, size, PAGE_SIZE << order_of(size), KASAN_PAGE_TAIL);
	return obj;
}

void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kmalloc(array_size(n, size), gfp | GFP_ZERO);
}

void kfree(const void *ptr)
{
	void *obj = (void *)ptr;
	struct kmem_cache *c;

	if (!obj)
		return;
	c = slab_cache_of(obj);
	if (likely(c))
		kmem_cache_free(c, obj);
	else
		pages_free(obj, virt_to_page(obj)->order);
}

size_t kmalloc_size(const void *p)
{
	struct kmem_cache *c = slab_cache_of(p);

	return c ? slab_object_size(c) : PAGE_SIZE << virt_to_page(p)->order;
}

/* How much of @p may be touched, for the sanitizer. */
static void limit(void *p, size_t size)
{
	if (slab_cache_of(p))
		object_limit(p, size);
	else
		kasan_limit(p, size, kmalloc_size(p), KASAN_PAGE_TAIL);
}

void *krealloc(void *p, size_t size, gfp_t gfp)
{
	void *new;

	if (!p)
		return kmalloc(size, gfp);
	if (size <= kmalloc_size(p)) {
		limit(p, size);
		return p;
	}
	limit(p, kmalloc_size(p));
	new = kmalloc(size, gfp);
	if (!new)
		return NULL;
	memcpy(new, p, kmalloc_size(p));
	kfree(p);
	return new;
}

char *kmemdup(const void *p, size_t n, gfp_t gfp)
{
	char *new = kmalloc(n, gfp);

	return new ? memcpy(new, p, n) : NULL;
}

char *kstrdup(const char *s, gfp_t gfp)
{
	return kmemdup(s, strlen(s) + 1, gfp);
}

/* ---- what lib/ asks for ---- */

void *lib_alloc(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

void *lib_alloc_atomic(size_t size)
{
	return kmalloc(size, GFP_ATOMIC);
}

void lib_free(void *p)
{
	kfree(p);
}

static void lib_free_after_rcu(struct rcu_head *h)
{
	kfree(h);
}

_Static_assert(sizeof(struct rcu_head) <= LIB_RCU_SPACE, "the object's first bytes are the link");

void lib_free_rcu(void *p)
{
	rcu_call(p, lib_free_after_rcu);
}
