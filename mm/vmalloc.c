// SPDX-License-Identifier: MIT
/*
 * vmalloc: virtually contiguous kernel memory with an unmapped guard page
 * behind each area.
 *
 * The lower half of the vmalloc range is this file's; the kernel stacks have a
 * window at its top (kstack.c), and the upper half is left to arch for device
 * registers.  Addresses are taken in rising order and freed ones are reused
 * by areas of the same size, so page tables are found warm.
 *
 * Locks: areas_lock (LR_LEAF) for the table of areas and free addresses.
 */
#include <tarn/errptr.h>
#include <tarn/hash.h>
#include <tarn/kasan.h>
#include <tarn/list.h>
#include <tarn/slab.h>
#include <tarn/vmalloc.h>
#include "vmalloc_int.h"
#include "vmstat.h"

#define HASH_SIZE 64
#define REUSE_SCAN 32

struct area {
	struct hlist_node node; /* used[], by address */
	struct list free_node;  /* free_areas */
	u64 va;                 /* [I] */
	u64 pages;              /* [I] without the guard */
};

static struct spinlock areas_lock = SPINLOCK_INIT("vmalloc", LR_LEAF);
static struct hlist_head used[HASH_SIZE] GUARDED_BY(&areas_lock);
static struct list free_areas GUARDED_BY(&areas_lock) = LIST_INIT(free_areas);
static u64 used_bytes GUARDED_BY(&areas_lock); /* from kernel_at.vmalloc on, ever taken */

static struct hlist_head *bucket(u64 va)
{
	return &used[hash_u64(va) % HASH_SIZE];
}

/* A freed area of exactly this size, off the list; NULL: none near the front. */
static struct area *area_reuse(u64 pages) MUST_HOLD(&areas_lock)
{
	struct area *a;
	int scanned = 0;

	LIST_FOR_EACH(a, &free_areas, free_node) {
		if (a->pages == pages) {
			list_del(&a->free_node);
			return a;
		}
		if (++scanned == REUSE_SCAN)
			break;
	}
	return NULL;
}

static struct area *area_get(u64 pages)
{
	struct area *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	struct area *a;

	if (!fresh)
		return NULL;
	spin_lock(&areas_lock);
	a = area_reuse(pages);
	if (!a && pages < (VMALLOC_AREAS_END - kernel_at.vmalloc - used_bytes) >> PAGE_SHIFT) {
		a = fresh;
		fresh = NULL;
		a->va = kernel_at.vmalloc + used_bytes;
		a->pages = pages;
		used_bytes += (pages + 1) << PAGE_SHIFT;
	}
	if (a)
		hlist_add_head(bucket(a->va), &a->node);
	spin_unlock(&areas_lock);
	kfree(fresh);
	return a;
}

static struct area *area_find_remove(u64 va)
{
	struct hlist_node *n;
	struct area *found = NULL;

	spin_lock(&areas_lock);
	for (n = bucket(va)->first; n && !found; n = n->next) {
		struct area *a = container_of(n, struct area, node);

		if (a->va == va)
			found = a;
	}
	if (found)
		hlist_del(&found->node);
	spin_unlock(&areas_lock);
	return found;
}

static void area_put(struct area *a)
{
	spin_lock(&areas_lock);
	list_add(&free_areas, &a->free_node);
	spin_unlock(&areas_lock);
}

/* Frames leave only when no TLB can reach them: an array holds up to a chunk of them meanwhile. */
#define UNMAP_CHUNK 64

void vmalloc_unmap(u64 va, u64 pages)
{
	phys_t frames[UNMAP_CHUNK];

	vm_count(VM_VMALLOC, -(s64)pages);
	while (pages) {
		u64 n = MIN(pages, (u64)UNMAP_CHUNK);

		for (u64 i = 0; i < n; i++)
			frames[i] = mmu_unmap_kernel(va + (i << PAGE_SHIFT));
		tlb_flush_range(NULL, va, va + (n << PAGE_SHIFT));
		for (u64 i = 0; i < n; i++)
			if (frames[i] != ~(phys_t)0)
				page_put(pfn_to_page(frames[i] >> PAGE_SHIFT));
		va += n << PAGE_SHIFT;
		pages -= n;
	}
}

bool vmalloc_map(u64 va, u64 pages, gfp_t gfp)
{
	if (!shadow_map(va, va + (pages << PAGE_SHIFT)))
		return false;
	for (u64 i = 0; i < pages; i++) {
		struct page *p = page_alloc_one(gfp, PS_KERNEL);

		if (!p || mmu_map_kernel(va + (i << PAGE_SHIFT), page_phys(p), KERNEL_DATA)) {
			if (p)
				page_put(p);
			vm_count(VM_VMALLOC, (s64)i);
			vmalloc_unmap(va, i);
			return false;
		}
	}
	vm_count(VM_VMALLOC, (s64)pages);
	return true;
}

void *vmalloc(size_t size)
{
	u64 pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct area *a;

	if (!pages || size > VMALLOC_AREAS_END - kernel_at.vmalloc)
		return NULL;
	a = area_get(pages);
	if (!a)
		return NULL;
	if (!vmalloc_map(a->va, pages, GFP_KERNEL | GFP_ZERO)) {
		area_put(area_find_remove(a->va));
		return NULL;
	}
	kasan_limit((void *)a->va, size, pages << PAGE_SHIFT, KASAN_VMALLOC);
	return (void *)a->va;
}

void vfree(void *p)
{
	struct area *a;

	if (!p)
		return;
	a = area_find_remove((u64)p);
	if (!a)
		panic("vfree of %p, which is no area", p);
	kasan_poison(p, a->pages << PAGE_SHIFT, KASAN_VMALLOC);
	vmalloc_unmap(a->va, a->pages);
	area_put(a);
}
