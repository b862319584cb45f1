// SPDX-License-Identifier: MIT
/*
 * tarn.test=wx: no kernel mapping is writable and executable, and none lets text or read-only data be
 * written, by whatever address.  Every leaf of the kernel's half is looked at; then stores are tried.
 */
#include <arch/uaccess.h>
#include <tarn/boot_test.h>
#include <tarn/mm.h>
#include <tarn/printk.h>
#include <tarn/vmalloc.h>
#include "x86.h"

size_t copy_nofault(void *to, const void *from, size_t n);
extern char __text_start[], __text_end[], __rodata_start[], __data_start[];

static const u64 secret = 0x7461726e;

static bool is_fixed(phys_t pa)
{
	return pa >= virt_to_phys(__text_start) && pa < virt_to_phys(__data_start);
}

static const char *check_leaf(u64 va, pte_t e, unsigned int level)
{
	bool writable = e.v & PTE_WRITE, runs = x86.nx && !(e.v & PTE_NX);

	if (writable && runs)
		return "a mapping is writable and executable";
	if (runs && (va < (u64)__text_start || va >= (u64)__text_end))
		return "something else than the text is executable";
	for (u64 off = 0; writable && off < PT_SPAN(level); off += PAGE_SIZE)
		if (is_fixed(pte_phys(e) + off))
			return "text or read-only data has a writable mapping";
	return NULL;
}

static u64 sign_extend(u64 va)
{
	return (u64)((s64)(va << 16) >> 16);
}

/* Depth is bounded by PT_LEVELS. */
static const char *check_table(const pte_t *t, unsigned int level, u64 va, u64 *leaves)
{
	const char *why = NULL;

	for (unsigned int i = 0; i < PT_ENTRIES && !why; i++, va += PT_SPAN(level)) {
		if (!pte_present(t[i]))
			continue;
		if (level && !(t[i].v & PTE_HUGE)) {
			why = check_table(pt_table(t[i]), level - 1, va, leaves);
			continue;
		}
		why = check_leaf(va, t[i], level);
		++*leaves;
	}
	return why;
}

/* The windows of arch/mmu.h; a debug build's shadow, whose tables are shared, is left out. */
static const char *check_windows(void)
{
	static const struct {
		u64 start, end;
	} windows[] = {
		{ DIRECT_MAP_WINDOW, VMALLOC_END },
		{ PAGE_ARRAY_WINDOW, PAGE_ARRAY_WINDOW + PAGE_ARRAY_SPAN },
		{ KERNEL_BASE, 0 },
	};
	const char *why = NULL;
	u64 leaves = 0;

	for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
		unsigned int end = windows[w].end ? pt_index(windows[w].end, 3) : PT_ENTRIES;

		for (unsigned int i = pt_index(windows[w].start, 3); i < end && !why; i++) {
			pte_t e = kernel_mm.root[i];

			if (pte_present(e))
				why = check_table(pt_table(e), 2, sign_extend((u64)i << PT_SHIFT(3)),
						  &leaves);
		}
	}
	return why ? why : leaves > 100 ? NULL : "the walk found almost nothing";
}

static bool can_store(const void *at)
{
	u8 same = *(const volatile u8 *)at;

	return copy_nofault((void *)at, &same, 1) == 0;
}

static const char *test_wx(void)
{
	const char *why = check_windows();
	char *area = vmalloc(PAGE_SIZE);

	if (why)
		return why;
	if (!area || !can_store(area) || !can_store(phys_to_virt(virt_to_phys(__data_start))))
		return "what may be written cannot be";
	vfree(area);
	if (can_store(&secret) || can_store(__text_start))
		return "the image's text or read-only data can be written";
	if (can_store(phys_to_virt(virt_to_phys(&secret))) ||
	    can_store(phys_to_virt(virt_to_phys(__text_start))))
		return "text or read-only data can be written through the direct map";
	return NULL;
}

static const struct boot_test wx_test = { "wx", test_wx };
SECTION_SET(boot_tests, wx_test);

/* tarn.test=placed: where kaslr.c put everything, for tests/system/test_kaslr.py; and that it stays so. */
static const char *test_placed(void)
{
	static u64 *const own = &kernel_at.image;

	pr_info("placed: image at 0x%016lx", (ulong)kernel_at.image);
	pr_info("placed: direct map at 0x%016lx", (ulong)kernel_at.direct_map);
	pr_info("placed: page array at 0x%016lx", (ulong)kernel_at.page_array);
	pr_info("placed: vmalloc at 0x%016lx", (ulong)kernel_at.vmalloc);
	pr_info("placed: stacks at 0x%016lx", (ulong)kernel_at.stacks);
	pr_info("placed: devices at 0x%016lx", (ulong)kernel_at.device);
	if (can_store(&kernel_at))
		return "the places can be written";
	if (*own != kernel_at.image || virt_to_phys(own) >= 4 * (1ul << 30) ||
	    *(u64 *)phys_to_virt(virt_to_phys(own)) != *own)
		return "the image is not where it says";
	return NULL;
}

static const struct boot_test placed_test = { "placed", test_placed };
SECTION_SET(boot_tests, placed_test);
