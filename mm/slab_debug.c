// SPDX-License-Identifier: MIT
/*
 * What debug builds know of a slab's objects: their redzones, who had them, and a quarantine.
 *
 *   | object | link | extra: trails of allocation and free | object | ...
 *
 * Only the bytes that were asked for may be touched; all behind them is the redzone.  A freed
 * object is not handed out again at once: it waits in its CPU's quarantine, first in first out,
 * until QUARANTINE_BYTES of younger ones stand behind it, so that a use after free finds
 * poisoned shadow and not somebody else's object.
 *
 * Compiled without address checks.  The quarantine: each CPU's own, interrupts off.
 */
#include <arch/shadow.h>
#include <tarn/kasan.h>
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/thread.h>
#include "slab_int.h"

#define QUARANTINE_BYTES (512u << 10)

struct quarantine {
	void *first, *last;
	u32 bytes;
};
static DEFINE_PERCPU(struct quarantine, quarantine);

void *memset_unchecked(void *dst, int c, size_t n);

static struct object_extra *extra_of(const struct kmem_cache *c, void *obj)
{
	return (struct object_extra *)(link_of(c, obj) + 1);
}

/* The callers, by the chain of frame pointers on this thread's stack. */
static NOINLINE void trail_take(struct trail *trail)
{
	const u64 *frame = __builtin_frame_address(0);
	const struct thread *t = current;
	u64 low = t ? (u64)t->kstack : 0;
	u32 skip = 2;

	trail->tid = t ? t->tid : -1;
	for (u32 n = 0; n < TRAIL_DEPTH;) {
		bool inside = low && (u64)frame - low < KSTACK_SIZE - 2 * sizeof(u64);

		if (skip) {
			skip--;
		} else {
			trail->frame[n++] = inside ? (u32)frame[1] : 0;
		}
		if (inside)
			frame = (const u64 *)frame[0];
	}
}

/* ---- an object's life ---- */

void object_made(struct kmem_cache *c, void *obj)
{
	*extra_of(c, obj) = (struct object_extra){ 0 };
	kasan_limit(obj, c->size, c->stride, KASAN_SLAB);
}

void object_unused(struct kmem_cache *c, void *obj)
{
	kasan_poison(obj, c->stride, KASAN_SLAB);
}

void object_given(struct kmem_cache *c, void *obj)
{
	kasan_limit(obj, c->size, c->stride, KASAN_SLAB);
	trail_take(&extra_of(c, obj)->allocated);
}

void object_limit(void *obj, size_t size)
{
	if (obj)
		kasan_limit(obj, size, slab_of(obj)->cache->size, KASAN_KMALLOC);
}

static void quarantine_drop(u32 limit)
{
	u64 flags = irq_save();
	struct quarantine *q = this_percpu(quarantine);

	while (q->bytes > limit) {
		void *obj = q->first;
		struct kmem_cache *c = slab_of(obj)->cache;

		q->first = extra_of(c, obj)->next;
		q->bytes -= c->stride;
		slab_release(c, obj);
		q = this_percpu(quarantine);
	}
	irq_restore(flags);
}

void quarantine_flush(void)
{
	quarantine_drop(0);
}

static void quarantine_add(struct kmem_cache *c, void *obj)
{
	u64 flags = irq_save();
	struct quarantine *q = this_percpu(quarantine);

	extra_of(c, obj)->next = NULL;
	if (q->bytes)
		extra_of(slab_of(q->last)->cache, q->last)->next = obj;
	else
		q->first = obj;
	q->last = obj;
	q->bytes += c->stride;
	irq_restore(flags);
}

void object_wipe(struct kmem_cache *c, void *obj)
{
	memset_unchecked(obj, 0, c->size);
}

bool object_quarantined(struct kmem_cache *c, void *obj)
{
	u64 offset = (u64)obj - (u64)page_address(slab_of(obj));
	u8 shadow = *(u8 *)shadow_of(obj);

	if (offset % c->stride)
		kasan_bad_free(obj, "free of an address inside an object");
	if (shadow == KASAN_FREED || shadow == KASAN_SLAB)
		kasan_bad_free(obj, "double free");
	kasan_poison(obj, c->stride, KASAN_FREED);
	trail_take(&extra_of(c, obj)->freed);
	quarantine_add(c, obj);
	quarantine_drop(QUARANTINE_BYTES);
	return true;
}

/* ---- reports ---- */

static void trail_show(const char *what, const struct trail *trail)
{
	if (!trail->frame[0])
		return;
	printk(LOG_EMERG, "%s by thread %d:", what, trail->tid);
	for (u32 i = 0; i < TRAIL_DEPTH && trail->frame[i]; i++) {
		u64 addr = KERNEL_BASE | trail->frame[i];
		char name[96];

		if (!symbol_format(addr, name, sizeof(name)))
			scnprintf(name, sizeof(name), "?");
		printk(LOG_EMERG, "  %016lx %s", (ulong)addr, name);
	}
}

bool slab_describe(u64 addr)
{
	const struct page *s;
	struct kmem_cache *c;
	u64 start, offset;

	if (addr < kernel_at.direct_map || addr >= VMALLOC_WINDOW ||
	    !pfn_valid((addr - kernel_at.direct_map) >> PAGE_SHIFT))
		return false;
	s = slab_of((void *)addr);
	if (s->state != PS_SLAB)
		return false;
	c = s->cache;
	start = addr - (addr - (u64)page_address(s)) % c->stride;
	offset = addr - start;
	printk(LOG_EMERG, "It is %lu bytes %s an object of %u bytes at 0x%lx, cache %s",
	       (ulong)(offset < c->size ? offset : offset - c->size),
	       offset < c->size ? "into" : "behind", c->size, (ulong)start, c->name);
	trail_show("Allocated", &extra_of(c, (void *)start)->allocated);
	trail_show("Freed", &extra_of(c, (void *)start)->freed);
	return true;
}
