// SPDX-License-Identifier: MIT
/*
 * Hardened user copies: a length that a user could make too long does not carry a copy out of its object.
 *
 * Only copies whose length is no constant are looked at (arch/uaccess.h); what the compiler knows, it checked.
 *
 *   direct map, a slab's page   the bytes lie within one object of its cache
 *   direct map, other pages     they lie within the allocation, where it is of more than one page
 *   this thread's stack         they lie on it wholly
 *   kernel text                 refused, by its alias in the direct map too
 *   anything else               vmalloc areas and stacks end in unmapped pages: let through
 *
 * hardened_usercopy=on|off, Linux's word; off by default for its cost, which docs/security.md has.  The debug
 * kernel always checks.
 *
 * Tests: fault-usercopy-* of debug/slab_faults.c (tests/system/test_debug_kernel.py), tests/system/test_hardening.py.
 */
#include <tarn/panic.h>
#include <tarn/thread.h>
#include <tarn/usercopy.h>
#include "slab_int.h"

extern char __text_start[], __text_end[];

bool usercopy_checked = true; /* until slab_init() knows */

static NOINLINE void NORETURN refuse(const void *p, size_t n, bool to_user, const char *what)
{
	panic("usercopy: %zu bytes %s user space at %p leave %s", n, to_user ? "to" : "from", p,
	      what);
}

static NOINLINE void check_slab(const struct page *s, const void *p, size_t n, bool to_user)
{
	const struct kmem_cache *c = s->cache;
	u64 offset = ((u64)p - (u64)page_address(s)) % c->stride;

	if (offset > c->size || n > c->size - offset)
		refuse(p, n, to_user, c->name);
}

static NOINLINE void check_row(const struct page *page, const void *p, size_t n, bool to_user)
{
	const struct page *first = page->state == PS_TAIL ? page->head : page;
	u64 offset = (u64)p - (u64)page_address(first), size = PAGE_SIZE << first->order;

	if (first->state == PS_SLAB)
		check_slab(first, p, n, to_user);
	else if (offset > size || n > size - offset)
		refuse(p, n, to_user, "their pages");
}

static bool overlaps(u64 a, size_t n, u64 start, u64 end)
{
	return a < end && a + n > start;
}

static NOINLINE void check_reserved(const void *p, size_t n, bool to_user)
{
	u64 start = (u64)phys_to_virt(virt_to_phys(__text_start));

	if (overlaps((u64)p, n, start, start + (u64)(__text_end - __text_start)))
		refuse(p, n, to_user, "the kernel's text alone");
}

static void check_direct(const void *p, size_t n, bool to_user)
{
	const struct page *page = pfn_to_page(((u64)p - kernel_at.direct_map) >> PAGE_SHIFT);

	if (page->state == PS_SLAB)
		check_slab(page, p, n, to_user);
	else if (page->state == PS_TAIL || page->state == PS_KERNEL)
		check_row(page, p, n, to_user);
	else if (unlikely(page->state == PS_RESERVED))
		check_reserved(p, n, to_user);
}

void usercopy_check(const void *p, size_t n, bool to_user)
{
	u64 a = (u64)p, stack = (u64)current->kstack;

	if (!n)
		return; /* of nothing, the address may be any */
	if (a - stack < KSTACK_SIZE) {
		if (unlikely(n > stack + KSTACK_SIZE - a))
			refuse(p, n, to_user, "the stack");
	} else if (a < VMALLOC_WINDOW) {
		if (unlikely(a < kernel_at.direct_map))
			refuse(p, n, to_user, "the kernel's memory");
		check_direct(p, n, to_user);
	} else if (unlikely(a + n < a || overlaps(a, n, (u64)__text_start, (u64)__text_end))) {
		refuse(p, n, to_user, "the kernel's data");
	}
}
