// SPDX-License-Identifier: MIT
/*
 * Slabs: caches of equal objects, with a magazine of free ones per CPU.
 *
 * A slab is a block of pages cut into objects; its struct page holds the list
 * of free ones.  A magazine is a stack of free objects that only its CPU
 * touches (interrupts off, no lock): almost every allocation and free ends
 * there.  An empty magazine is filled to half from the slabs, a full one gives
 * its older half back, under the cache's lock.
 *
 * Life of an object:  in a slab's list -> in a magazine <-> in use
 * Life of a slab:     empty -> partial -> full (on no list) -> partial -> empty -> freed
 *   A few empty slabs stay; slab_shrink() gives back all.
 *
 * A slab has the cache's order, at which little is lost, unless no row of so
 * many frames is free just now: then the least that holds an object will do.
 * Nobody should be killed, and no interrupt go without, for the sake of a row.
 *
 * The link of a free object lies in its first word, or behind it when the cache
 * has a constructor, whose work must survive.  It is stored mixed with a secret and with its own
 * place, so that whoever writes to a freed object cannot choose what is handed out next.
 *
 * A new slab's objects are handed out in an order of its own, so that nobody can place two of them side by side.
 *
 * init_on_alloc=1 and init_on_free=1 (off by default) zero objects that have no constructor.
 *
 * Locks: cache->lock (LR_SLAB, irqs off).  Pages are allocated without it.
 */
#include <tarn/cmdline.h>
#include <tarn/cpu.h>
#include <tarn/fail.h>
#include <tarn/hash.h>
#include <tarn/math.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/usercopy.h>
#include "slab_int.h"

#define EMPTY_KEPT 2u

static bool init_on_alloc, init_on_free; /* [I] after slab_init(): what init_on_alloc= and init_on_free= say */
static u64 link_secret;                  /* [I] after slab_init() */

static struct spinlock caches_lock = SPINLOCK_INIT("caches", LR_LEAF);
static struct list all_caches = LIST_INIT(all_caches); /* only grows: read without the lock */
static struct kmem_cache cache_of_caches;

/* ---- links of free objects ---- */

/* What a link to @to is stored as at @where, and back. */
static u64 link_code(const void *where, u64 to)
{
	return to ^ link_secret ^ __builtin_bswap64((u64)where);
}

static void link_set(const struct kmem_cache *c, void *obj, const void *next)
{
	u64 *where = (u64 *)link_of(c, obj);

	*where = link_code(where, (u64)next);
}

/* The free object behind @obj of @s, or NULL; what a stray store left there is no link.  Wipes the link:
 * with init_on_free nobody zeroes the object again, and nobody learns the secret. */
static inline void *link_take(const struct kmem_cache *c, const struct page *s, void *obj)
{
	u64 *where = (u64 *)link_of(c, obj);
	u64 next = link_code(where, *where);

	if (unlikely(next - (u64)page_address(s) >= PAGE_SIZE << s->order && next))
		panic("%s: the free object at %p was written to", c->name, obj);
	*where = 0;
	return (void *)next;
}

/* ---- slabs: cache->lock held ---- */

/* Up to @n objects, all of one slab, to @out; how many. */
static u32 slab_pop(struct kmem_cache *c, void **out, u32 n) MUST_HOLD(&c->lock)
{
	struct page *s = list_first(&c->partial, struct page, slab_node);
	void *obj;
	u32 got;

	if (!s) {
		s = list_first(&c->empty, struct page, slab_node);
		if (!s)
			return 0;
		c->nr_empty--;
		list_move(&c->partial, &s->slab_node);
	}
	obj = s->freelist;
	for (got = 0; got < n && obj; obj = link_take(c, s, obj))
		out[got++] = obj;
	s->freelist = obj;
	s->inuse += got;
	if (s->inuse == s->objects)
		list_del_init(&s->slab_node);
	c->nr_taken += got;
	return got;
}

static void count_slab(struct kmem_cache *c, const struct page *s) MUST_HOLD(&c->lock)
{
	c->nr_slabs++;
	c->nr_pages += 1ul << s->order;
	c->nr_objects += s->objects;
}

static void uncount_slab(struct kmem_cache *c, const struct page *s) MUST_HOLD(&c->lock)
{
	c->nr_slabs--;
	c->nr_pages -= 1ul << s->order;
	c->nr_objects -= s->objects;
}

/* A slab that became superfluous goes to @doomed. */
static void slab_push(struct kmem_cache *c, void *obj, struct list *doomed) MUST_HOLD(&c->lock)
{
	struct page *s = slab_of(obj);

	if (unlikely(s->freelist == obj))
		panic("%s: %p is freed twice", c->name, obj);
	link_set(c, obj, s->freelist);
	s->freelist = obj;
	c->nr_taken--;
	if (s->inuse-- == s->objects)
		list_add(&c->partial, &s->slab_node);
	if (s->inuse)
		return;
	if (c->nr_empty < EMPTY_KEPT) {
		list_move(&c->empty, &s->slab_node);
		c->nr_empty++;
	} else {
		list_move(doomed, &s->slab_node);
		uncount_slab(c, s);
	}
}

static u64 free_slabs(struct list *doomed)
{
	struct page *s;
	u64 pages = 0;

	while ((s = list_first(doomed, struct page, slab_node))) {
		pages += 1ul << s->order;
		list_del(&s->slab_node);
		page_put(s);
	}
	return pages;
}

static u32 objects_in(const struct kmem_cache *c, u32 order)
{
	return (u32)(PAGE_SIZE << order) / c->stride;
}

static struct page *slab_pages(const struct kmem_cache *c, gfp_t gfp)
{
	struct page *s = NULL;

	gfp &= ~(GFP_ZERO | GFP_DMA32);
	if (c->order > c->min_order) /* only what lies ready, above the reserve */
		s = page_alloc((gfp & ~GFP_RECLAIM) | GFP_USER_BIT | GFP_NORETRY, c->order, PS_SLAB);
	return s ? s : page_alloc(gfp, c->min_order, PS_SLAB);
}

/* A number that differs from slab to slab: RDRAND's would cost more than the slab. */
static u64 next_random(void)
{
	static _Atomic u64 count; /* [a] */

	return hash_u64(link_secret ^ atomic_fetch_add_explicit(&count, 1, memory_order_relaxed));
}

static u32 gcd(u32 a, u32 b)
{
	while (b) {
		u32 r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* Every object once: from a place drawn, by a stride drawn that has no divisor in common with their number. */
static void link_objects(struct kmem_cache *c, struct page *s)
{
	u64 random = next_random();
	u32 n = s->objects, step = 1 + (u32)(random >> 32) % n, at = (u32)random % n;

	while (gcd(step, n) != 1)
		step++;
	step %= n;
	for (u32 i = 0; i < n; i++) {
		void *obj = (char *)page_address(s) + (size_t)at * c->stride;

		link_set(c, obj, s->freelist);
		s->freelist = obj;
		at = at + step < n ? at + step : at + step - n;
	}
}

static bool slab_grow(struct kmem_cache *c, gfp_t gfp)
{
	struct page *s = slab_pages(c, gfp);
	char *base;
	u64 flags;

	if (!s)
		return false;
	base = page_address(s);
	s->cache = c;
	s->objects = objects_in(c, s->order);
	s->inuse = 0;
	s->freelist = NULL;
	for (u32 i = s->objects; i-- > 0;) {
		void *obj = base + (size_t)i * c->stride;

		object_made(c, obj);
		if (c->ctor)
			c->ctor(obj);
		object_unused(c, obj);
	}
	link_objects(c, s);
	flags = spin_lock_irqsave(&c->lock);
	list_add(&c->empty, &s->slab_node);
	c->nr_empty++;
	count_slab(c, s);
	spin_unlock_irqrestore(&c->lock, flags);
	return true;
}

/* ---- magazines ---- */

/* This CPU gets a magazine for @c.  A handler may have made one meanwhile. */
static void magazine_make(struct kmem_cache *c)
{
	struct kmem_cache *from = kmalloc_cache(sizeof(struct magazine));
	struct magazine *m, **slot;
	u64 flags;

	if (!from)
		return; /* at boot, while the first caches are made */
	m = slab_alloc_direct(from, GFP_ATOMIC);
	if (!m)
		return;
	m->count = 0;
	flags = irq_save();
	slot = &c->mag[cpu_id()];
	if (!*slot) {
		*slot = m;
		m = NULL;
	}
	irq_restore(flags);
	if (m)
		kfree(m);
}

/* One object, and half a magazine more for later. */
static void *pop_and_refill(struct kmem_cache *c)
{
	u64 flags = spin_lock_irqsave(&c->lock);
	struct magazine *m = c->mag[cpu_id()];
	void *obj = NULL;
	u32 got = slab_pop(c, &obj, 1);

	while (got && m && m->count < c->mag_cap / 2) {
		got = slab_pop(c, &m->obj[m->count], c->mag_cap / 2 - m->count);
		m->count += got;
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return obj;
}

void *slab_alloc_direct(struct kmem_cache *c, gfp_t gfp)
{
	for (;;) {
		void *obj = pop_and_refill(c);

		if (obj)
			return obj;
		if (!slab_grow(c, gfp))
			return NULL;
	}
}

static NOINLINE void *alloc_slow(struct kmem_cache *c, gfp_t gfp)
{
	if (!READ_ONCE(c->mag[cpu_id()]))
		magazine_make(c);
	return slab_alloc_direct(c, gfp);
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	struct magazine *m;
	void *obj = NULL;
	u64 flags;

	if (gfp_calls_fs(gfp))
		lock_rank_reclaim();
	if (fail_allocation(c->size, gfp))
		return NULL;
	flags = irq_save();
	m = c->mag[cpu_id()];
	if (likely(m && m->count))
		obj = m->obj[--m->count];
	irq_restore(flags);
	if (unlikely(!obj)) {
		obj = alloc_slow(c, gfp);
		if (!obj)
			return NULL;
	}
	object_given(c, obj);
	if (gfp & GFP_ZERO || unlikely(init_on_alloc && !c->ctor))
		memset(obj, 0, c->size);
	return obj;
}

/* The oldest @n of this CPU's magazine back to their slabs; interrupts off. */
static void magazine_drain(struct kmem_cache *c, struct magazine *m, u32 n, struct list *doomed)
{
	spin_lock(&c->lock);
	for (u32 i = 0; i < n; i++)
		slab_push(c, m->obj[i], doomed);
	spin_unlock(&c->lock);
	m->count -= n;
	for (u32 i = 0; i < m->count; i++)
		m->obj[i] = m->obj[i + n];
}

static NOINLINE void free_slow(struct kmem_cache *c, void *obj)
{
	struct list doomed;
	struct magazine *m;
	u64 flags;

	list_init(&doomed);
	if (!READ_ONCE(c->mag[cpu_id()]))
		magazine_make(c);
	flags = irq_save();
	m = c->mag[cpu_id()];
	if (m) {
		if (m->count == c->mag_cap)
			magazine_drain(c, m, c->mag_cap / 2, &doomed);
		m->obj[m->count++] = obj;
	} else {
		spin_lock(&c->lock);
		slab_push(c, obj, &doomed);
		spin_unlock(&c->lock);
	}
	irq_restore(flags);
	free_slabs(&doomed);
}

/* To the magazine, or past a full one. */
ALWAYS_INLINE void slab_release(struct kmem_cache *c, void *obj)
{
	struct magazine *m;
	u64 flags = irq_save();

	m = c->mag[cpu_id()];
	if (likely(m && m->count < c->mag_cap)) {
		if (unlikely(m->count && m->obj[m->count - 1] == obj))
			panic("%s: %p is freed twice", c->name, obj);
		m->obj[m->count++] = obj;
		irq_restore(flags);
		return;
	}
	irq_restore(flags);
	free_slow(c, obj);
}

void kmem_cache_free(struct kmem_cache *c, void *obj)
{
	struct page *s = slab_of(obj);

	if (unlikely(s->state != PS_SLAB || s->cache != c))
		panic("%s: freeing %p, which is not an object of it", c->name, obj);
	if (unlikely(init_on_free && !c->ctor))
		object_wipe(c, obj);
	if (!object_quarantined(c, obj))
		slab_release(c, obj);
}

struct kmem_cache *slab_cache_of(const void *obj)
{
	struct page *s = slab_of(obj);

	return s->state == PS_SLAB ? s->cache : NULL;
}

u32 slab_object_size(const struct kmem_cache *c)
{
	return c->size;
}

/* ---- caches ---- */

/* The order at which little is lost and a slab is worth its lock. */
static u32 pick_order(u32 stride)
{
	for (u32 order = 0; order < 3; order++) {
		u32 bytes = (u32)PAGE_SIZE << order;

		if (bytes / stride >= 8 && bytes % stride <= bytes / 8)
			return order;
	}
	return 3;
}

static void cache_setup(struct kmem_cache *c, const char *name, size_t size, size_t align,
			void (*ctor)(void *obj))
{
	size_t bytes = MAX(size, sizeof(void *));

	if (!align)
		align = bytes >= CACHE_LINE ? CACHE_LINE : bytes >= 16 ? 16 : 8;
	c->name = name;
	c->size = (u32)size;
	c->ctor = ctor;
	if (ctor || OBJECT_EXTRA) {
		c->link = (u32)ALIGN_UP(bytes, sizeof(void *));
		bytes = c->link + sizeof(void *) + OBJECT_EXTRA;
	}
	c->stride = (u32)ALIGN_UP(bytes, align);
	c->order = pick_order(c->stride);
	while (!objects_in(c, c->min_order))
		c->min_order++;
	assert(c->min_order <= c->order && is_pow2(align));
	c->mag_cap = c->stride <= 512 ? MAGAZINE_MAX : c->stride <= 2048 ? 16 : 8;
	spin_init(&c->lock, name, LR_SLAB);
	list_init(&c->partial);
	list_init(&c->empty);
}

static void cache_announce(struct kmem_cache *c)
{
	u64 flags = spin_lock_irqsave(&caches_lock);

	list_add_tail_rcu(&all_caches, &c->node);
	spin_unlock_irqrestore(&caches_lock, flags);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     void (*ctor)(void *obj))
{
	struct kmem_cache *c = kmem_cache_alloc(&cache_of_caches, GFP_KERNEL | GFP_ZERO);

	if (!c)
		boot_fail("not enough memory for the object cache %s", name);
	cache_setup(c, name, size, align, ctor);
	cache_announce(c);
	return c;
}

void kmem_cache_is_reclaimable(struct kmem_cache *c)
{
	c->reclaimable = true;
}

u64 slab_reclaimable_pages(void)
{
	struct kmem_cache *c;
	u64 pages = 0;

	LIST_FOR_EACH_RCU(c, &all_caches, node)
		if (c->reclaimable)
			pages += READ_UNLOCKED(c->nr_pages);
	return pages;
}

void slab_init(void)
{
	init_on_alloc = boot_options.init_on_alloc;
	init_on_free = boot_options.init_on_free;
	link_secret = arch_boot_secret();
#ifndef TARN_DEBUG
	usercopy_checked = boot_options.hardened_usercopy;
#endif
	cache_setup(&cache_of_caches, "kmem_cache", sizeof(struct kmem_cache), 0, NULL);
	cache_announce(&cache_of_caches);
	kmalloc_init();
}

/* ---- giving back, showing ---- */

static void flush_magazines(void *unused)
{
	struct kmem_cache *c;
	struct list doomed;
	u64 flags;

	quarantine_flush();
	list_init(&doomed);
	flags = irq_save();
	LIST_FOR_EACH_RCU(c, &all_caches, node) {
		struct magazine *m = c->mag[cpu_id()];

		if (m && m->count)
			magazine_drain(c, m, m->count, &doomed);
	}
	irq_restore(flags);
	free_slabs(&doomed);
}

static u64 cache_shrink(struct kmem_cache *c)
{
	struct list doomed;
	struct page *s;
	u64 flags;

	list_init(&doomed);
	flags = spin_lock_irqsave(&c->lock);
	LIST_FOR_EACH(s, &c->empty, slab_node)
		uncount_slab(c, s);
	list_splice_tail(&doomed, &c->empty);
	c->nr_empty = 0;
	spin_unlock_irqrestore(&c->lock, flags);
	return free_slabs(&doomed);
}

u64 slab_shrink(void)
{
	struct kmem_cache *c;
	u64 pages = 0;

	flush_magazines(NULL);
	cpu_call_others(flush_magazines, NULL);
	LIST_FOR_EACH_RCU(c, &all_caches, node)
		pages += cache_shrink(c);
	return pages;
}

void slab_show(struct strbuf *out)
{
	struct kmem_cache *c;

	strbuf_puts(out, "slabinfo - version: 2.1\n"
			 "# name            <active_objs> <num_objs> <objsize> <objperslab> "
			 "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : "
			 "slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	LIST_FOR_EACH_RCU(c, &all_caches, node) {
		u64 slabs = READ_UNLOCKED(c->nr_slabs);

		strbuf_printf(out,
			      "%-17s %6lu %6lu %6u %4u %4u : tunables %4u %4u %4u : "
			      "slabdata %6lu %6lu %6u\n",
			      c->name, (ulong)READ_UNLOCKED(c->nr_taken), (ulong)READ_UNLOCKED(c->nr_objects),
			      c->stride, objects_in(c, c->order), 1u << c->order, c->mag_cap, c->mag_cap / 2, 0,
			      (ulong)slabs, (ulong)slabs, 0);
	}
}
