// SPDX-License-Identifier: MIT
/*
 * Memory on the host: page frames, kmalloc, object caches.
 *
 * Frames lie in one array, so that page_address() and virt_to_page() are the
 * kernel's; those that are free are poisoned for the address sanitizer, and so
 * is what a freed object was.  Everything in use is counted: a test that leaves
 * something behind fails.
 */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <tarn/lib_alloc.h>
#include <tarn/pagecache.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <tarn/vmalloc.h>
#include "../../mm/mm_int.h"
#include "host.h"

#define FRAMES 16384u /* 64 MiB */

static struct page frame_array[FRAMES];
struct page *const host_frames = frame_array;
char host_memory[FRAMES * PAGE_SIZE] ALIGNED(PAGE_SIZE);
static u32 free_frames[FRAMES], nr_free;
static u32 used_frames_at_first; /* never used before: from here on */
static long objects, frames;
static long allowed = -1;

static bool may_allocate(void)
{
	if (allowed < 0)
		return true;
	if (!allowed)
		return false;
	allowed--;
	return true;
}

void host_fail_memory(long n)
{
	allowed = n;
}

long host_memory_used(void)
{
	return objects + frames;
}

/* ---- frames ---- */

phys_t virt_to_phys(const void *v)
{
	return (phys_t)((const char *)v - host_memory);
}

struct page *page_alloc(gfp_t gfp, unsigned int order, enum page_state state)
{
	u32 pfn;

	assert(order == 0); /* rows of frames are pages_alloc()'s here */
	if (!may_allocate() || (!nr_free && used_frames_at_first == FRAMES))
		return NULL;
	pfn = nr_free ? free_frames[--nr_free] : used_frames_at_first++;
	__asan_unpoison_memory_region(host_memory + pfn * PAGE_SIZE, PAGE_SIZE);
	memset(host_memory + pfn * PAGE_SIZE, gfp & GFP_ZERO ? 0 : 0xa5, PAGE_SIZE);
	memset(&host_frames[pfn], 0, sizeof(struct page));
	host_frames[pfn].state = (u8)state;
	atomic_store(&host_frames[pfn].refs, 1);
	frames++;
	return &host_frames[pfn];
}

void page_put(struct page *p)
{
	u32 pfn = (u32)(p - host_frames);

	if (ref_lower(&p->refs) != 1)
		return;
	assert(!page_test(p, PG_LOCKED | PG_DIRTY | PG_WRITEBACK | PG_PRIVATE));
	p->state = PS_FREE;
	__asan_poison_memory_region(host_memory + pfn * PAGE_SIZE, PAGE_SIZE);
	free_frames[nr_free++] = pfn;
	frames--;
}

void *pages_alloc(gfp_t gfp, unsigned int order)
{
	return calloc(1, PAGE_SIZE << order); /* the inode and dentry hashes: they stay */
}

void clear_page(void *dst)
{
	memset(dst, 0, PAGE_SIZE);
}

/* ---- objects ---- */

void *kmalloc(size_t size, gfp_t gfp)
{
	char *p = may_allocate() ? malloc(size) : NULL;

	if (!p)
		return NULL;
	memset(p, gfp & GFP_ZERO ? 0 : 0xa5, size);
	objects++;
	return p;
}

void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return size && n > ~0ul / size ? NULL : kzalloc(n * size, gfp);
}

void kfree(const void *p)
{
	if (p)
		objects--;
	free((void *)p);
}

void *krealloc(void *p, size_t size, gfp_t gfp)
{
	if (!may_allocate())
		return NULL;
	if (!p)
		objects++;
	return realloc(p, size);
}

void *vmalloc(size_t size)
{
	return kzalloc(size, GFP_KERNEL);
}

void vfree(void *p)
{
	kfree(p);
}

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

static void free_object(struct rcu_head *h)
{
	kfree(h);
}

void kfree_rcu(void *p)
{
	rcu_call(p, free_object);
}

void lib_free_rcu(void *p)
{
	rcu_call(p, free_object);
}

/* ---- caches ---- */

struct kmem_cache {
	size_t size;
	void (*ctor)(void *obj);
};

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, void (*ctor)(void *obj))
{
	struct kmem_cache *c = malloc(sizeof(*c));

	*c = (struct kmem_cache){ .size = size, .ctor = ctor };
	return c;
}

void kmem_cache_is_reclaimable(struct kmem_cache *c)
{
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	void *obj = kmalloc(c->size, gfp);

	if (obj && c->ctor)
		c->ctor(obj);
	return obj;
}

void kmem_cache_free(struct kmem_cache *c, void *obj)
{
	kfree(obj);
}

/* ---- reclaim: there is none ---- */

void shrinker_register(struct shrinker *s)
{
}

u64 reclaim_pages(u64 want, gfp_t gfp)
{
	return 0;
}

u64 reclaim_readahead_limit(void)
{
	return 64;
}

void mem_get_stats(struct mem_stats *out)
{
	*out = (struct mem_stats){ .total = FRAMES, .free = FRAMES - (u64)frames };
}

void lru_add(struct page *p)
{
}

void lru_mark_accessed(struct page *p)
{
}
