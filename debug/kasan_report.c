// SPDX-License-Identifier: MIT
/*
 * What the address sanitizer says before it ends the kernel: the kind of error, who did it, what
 * lies there, who allocated and freed it.  docs/debugging.md shows how to read one.
 */
#include <stdatomic.h>
#include <tarn/kasan.h>
#include <tarn/page.h>
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include "kasan_int.h"

static const char *kind_of(u8 shadow)
{
	switch (shadow) {
	case KASAN_STACK_LEFT:
	case KASAN_STACK_MIDDLE:
	case KASAN_STACK_RIGHT:
		return "stack-out-of-bounds";
	case KASAN_VMALLOC:
		return "vmalloc-out-of-bounds";
	case KASAN_GLOBAL:
		return "global-out-of-bounds";
	case KASAN_FREED:
		return "use-after-free";
	case KASAN_SLAB:
	case KASAN_KMALLOC:
	case KASAN_PAGE_TAIL:
		return "slab-out-of-bounds";
	case KASAN_PAGE_FREE:
		return "use-after-free of a page";
	default:
		return "out-of-bounds";
	}
}

/* The byte that says why: of a partial group of eight it is the next one. */
static u8 reason(u64 bad)
{
	const u8 *s = (const u8 *)shadow_of((void *)bad);

	return *s < SHADOW_GRAIN ? s[1] : *s;
}

static void show_shadow(u64 addr)
{
	u64 line = (u64)shadow_of((void *)addr) & ~15ul;

	printk(LOG_EMERG, "Shadow of 0x%lx (a byte for eight):", (ulong)addr);
	for (u64 l = line - 16; l <= line + 16; l += 16) {
		char text[64];
		int n = 0;

		for (u64 i = l; i < l + 16; i++)
			n += scnprintf(text + n, sizeof(text) - (size_t)n, " %02x", *(u8 *)i);
		printk(LOG_EMERG, "%s%s", l == line ? ">" : " ", text);
	}
}

static void describe(u64 addr)
{
	if (!slab_describe(addr) && addr >= kernel_at.direct_map && addr < VMALLOC_WINDOW &&
	    pfn_valid((addr - kernel_at.direct_map) >> PAGE_SHIFT)) {
		const struct page *p = virt_to_page((void *)addr);

		printk(LOG_EMERG, "It is in page %lx, state %u, refs %u",
		       (ulong)page_to_pfn(p), p->state, p->refs);
	}
	show_shadow(addr);
}

static _Atomic bool reporting; /* [a] what the report itself touches does not matter */

void kasan_report(u64 addr, u64 bad, size_t n, bool write, u64 ip)
{
	char name[96];

	if (panic_in_progress() || atomic_exchange(&reporting, true))
		return;
	if (!symbol_format(ip, name, sizeof(name)))
		scnprintf(name, sizeof(name), "0x%lx", (ulong)ip);
	console_loglevel = 8;
	printk(LOG_EMERG, "KASan: %s: %s of size %zu at 0x%lx in %s", kind_of(reason(bad)),
	       write ? "write" : "read", n, (ulong)addr, name);
	describe(bad);
	panic("KASan: %s in %s", kind_of(reason(bad)), name);
}

void kasan_bad_free(const void *p, const char *what)
{
	console_loglevel = 8;
	printk(LOG_EMERG, "KASan: %s of 0x%lx", what, (ulong)p);
	describe((u64)p);
	panic("KASan: %s", what);
}
