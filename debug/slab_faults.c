// SPDX-License-Identifier: MIT
/*
 * Planted faults of what the release kernel has as well: links of free objects, bounds of user copies.
 *
 * The address sanitizer would see each of them first: stores are made by assembly, frees past its quarantine.
 */
#include <arch/uaccess.h>
#include <tarn/thread.h>
#include "../mm/slab_int.h"
#include "planted.h"

static volatile size_t forty = 40;
static volatile long sink; /* written last, or the call that finds the fault would be no call but a jump */
extern char __text_start[];

static struct kmem_cache *cache_with(void **first, void **second)
{
	struct kmem_cache *c = kmem_cache_create("fault-links", 64, 0, NULL);

	*first = kmem_cache_alloc(c, GFP_KERNEL);
	*second = kmem_cache_alloc(c, GFP_KERNEL);
	return c;
}

/* Magazines and quarantines are emptied: the object is in its slab's list, which @other keeps. */
FAULT(link_store, "link-store")
{
	void *p, *other;
	struct kmem_cache *c = cache_with(&p, &other);

	kmem_cache_free(c, p);
	(void)slab_shrink();
	__asm__ volatile("movq %1, (%0)" : : "r"(link_of(c, p)), "r"(other) : "memory");
	while (kmem_cache_alloc(c, GFP_KERNEL))
		;
}

FAULT(magazine_twice, "magazine-twice")
{
	void *p, *other;
	struct kmem_cache *c = cache_with(&p, &other);

	slab_release(c, p);
	slab_release(c, p);
	sink = 1;
}

FAULT(slab_twice, "slab-twice")
{
	void *p, *other;
	struct kmem_cache *c = cache_with(&p, &other);

	slab_release(c, p);
	(void)slab_shrink();
	slab_release(c, p);
	sink = (long)slab_shrink();
}

/* ---- user copies: none gets as far as touching user memory ---- */

static void __user *const somewhere = (void __user *)0x10000;

FAULT(usercopy_to, "usercopy-to")
{
	char *p = kzalloc(64, GFP_KERNEL);

	sink = copy_to_user(somewhere, p + 32, forty);
}

FAULT(usercopy_from, "usercopy-from")
{
	char *p = kzalloc(64, GFP_KERNEL);

	sink = copy_from_user(p + 32, somewhere, forty);
}

FAULT(usercopy_text, "usercopy-text")
{
	sink = copy_to_user(somewhere, __text_start, forty);
}

FAULT(usercopy_alias, "usercopy-alias")
{
	sink = copy_to_user(somewhere, phys_to_virt(virt_to_phys(__text_start)), forty);
}

FAULT(usercopy_stack, "usercopy-stack")
{
	sink = copy_to_user(somewhere, (char *)current->kstack + KSTACK_SIZE - 32, forty);
}

FAULT(usercopy_pages, "usercopy-pages")
{
	char *p = pages_alloc(GFP_KERNEL, 1);

	sink = copy_to_user(somewhere, p + 2 * PAGE_SIZE - 32, forty);
}
