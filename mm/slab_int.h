// SPDX-License-Identifier: MIT
/* Between slab.c, kmalloc.c and, in debug builds, slab_debug.c. */
#pragma once

#include <tarn/cpu.h>
#include <tarn/slab.h>

#define MAGAZINE_MAX 32u

struct magazine {
	u32 count;
	void *obj[MAGAZINE_MAX];
};

struct kmem_cache {
	struct magazine *mag[MAX_CPUS]; /* each CPU's own, irqs off; NULL: not made yet */
	const char *name;               /* [I] */
	u32 size;                       /* [I] as asked for */
	u32 stride;                     /* [I] from object to object */
	u32 link;                       /* [I] offset of a free object's link */
	u32 order, min_order;           /* [I] of its slabs; of those made where no larger row is free */
	u32 mag_cap;                    /* [I] */
	bool reclaimable;               /* [I] once in use */
	void (*ctor)(void *obj);        /* [I] */
	struct spinlock lock CACHE_ALIGNED; /* LR_SLAB, irqs off */
	struct list partial GUARDED_BY(&lock);
	struct list empty GUARDED_BY(&lock);
	u32 nr_empty GUARDED_BY(&lock);
	u64 nr_slabs GUARDED_BY(&lock), nr_pages GUARDED_BY(&lock), nr_objects GUARDED_BY(&lock);
	u64 nr_taken GUARDED_BY(&lock); /* objects in use or in magazines */
	struct list node;               /* all_caches */
};

static inline void **link_of(const struct kmem_cache *c, void *obj)
{
	return (void **)((char *)obj + c->link);
}

static inline struct page *slab_of(const void *obj)
{
	struct page *p = virt_to_page(obj);

	return p->state == PS_TAIL ? p->head : p;
}

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

/* The end of kmem_cache_free(): back to this CPU's magazine. */
void slab_release(struct kmem_cache *c, void *obj);

/* ---- the address sanitizer's part: slab_debug.c, empty in release builds ---- */

#ifdef TARN_DEBUG
/* Who allocated or freed an object: the low halves of return addresses, innermost first. */
#define TRAIL_DEPTH 7
struct trail {
	u32 frame[TRAIL_DEPTH];
	s32 tid;
};

/* Behind each object and its link: for reports, and the distance to the next object. */
struct object_extra {
	struct trail allocated, freed;
	void *next; /* in the quarantine */
};
#define OBJECT_EXTRA sizeof(struct object_extra)

/* An object's shadow through its life: made (the constructor may run), unused, given. */
void object_made(struct kmem_cache *c, void *obj);
void object_unused(struct kmem_cache *c, void *obj);
void object_given(struct kmem_cache *c, void *obj);
/* Only @size bytes of it were asked for. */
void object_limit(void *obj, size_t size);
/* True: kept back for a while; slab_release() comes later.  A bad free ends in a report. */
bool object_quarantined(struct kmem_cache *c, void *obj);
/* This CPU's quarantine back to the slabs. */
void quarantine_flush(void);
/* Zeroes it, however little of it was asked for. */
void object_wipe(struct kmem_cache *c, void *obj);
#else
#define OBJECT_EXTRA 0ul
static inline void object_wipe(struct kmem_cache *c, void *obj)
{
	__builtin_memset(obj, 0, c->size);
}
static inline void object_made(struct kmem_cache *c, void *obj) { }
static inline void object_unused(struct kmem_cache *c, void *obj) { }
static inline void object_given(struct kmem_cache *c, void *obj) { }
static inline void object_limit(void *obj, size_t size) { }
static inline bool object_quarantined(struct kmem_cache *c, void *obj)
{
	return false;
}
static inline void quarantine_flush(void) { }
#endif
