// SPDX-License-Identifier: MIT
/*
 * Free frames in debug builds: poisoned in the shadow, so that the kernel may not touch them, and
 * filled with a pattern, so that a store the sanitizer cannot see - a program's through a stale
 * TLB entry, a device's - is found when the frame is handed out.
 *
 * A filled frame says so in page->private, which free frames do not use: frames that were never
 * handed out are not filled.  Compiled without address checks.
 */
#include <tarn/kasan.h>
#include <tarn/panic.h>
#include <tarn/string.h>
#include "page_int.h"

#define PATTERN 0xaaaaaaaaaaaaaaaaul
#define FILLED ((void *)0x706f69736f6eul)

void *memset_unchecked(void *dst, int c, size_t n);

void page_poison_fresh(struct page *p, unsigned int order)
{
	kasan_poison(page_address(p), PAGE_SIZE << order, KASAN_PAGE_FREE);
}

void page_poison(struct page *p, unsigned int order)
{
	memset_unchecked(page_address(p), (u8)PATTERN, PAGE_SIZE << order);
	for (unsigned int i = 0; i < 1u << order; i++)
		p[i].private = FILLED;
	page_poison_fresh(p, order);
}

static void check_pattern(struct page *p)
{
	const u64 *word = page_address(p);

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(u64); i++)
		if (unlikely(word[i] != PATTERN))
			panic("page %lx was written to while it was free: 0x%lx at offset %zu",
			      (ulong)page_to_pfn(p), (ulong)word[i], i * sizeof(u64));
}

void page_unpoison(struct page *p, unsigned int order)
{
	for (unsigned int i = 0; i < 1u << order; i++) {
		if (p[i].private != FILLED)
			continue;
		check_pattern(&p[i]);
		p[i].private = NULL;
	}
	kasan_unpoison(page_address(p), PAGE_SIZE << order);
}
