// SPDX-License-Identifier: MIT
/*
 * The page tables of the address sanitizer's shadow (debug builds).
 *
 *   first instructions   one read-only page of zeros, through one shared table a level, behind the
 *                        whole shadow; real shadow for the image (its globals, the boot stack)
 *   arch_mmu_init()      real shadow for all RAM in the direct map, an eighth of it
 *   shadow_map()         for areas and stacks in the vmalloc range, when they are first used; it
 *                        stays, as their addresses are used again
 *
 * The page array and device registers keep the page of zeros: nothing is poisoned there.
 *
 * Compiled without checks.  Lock: shadow_lock for replacing a shared table or page by an own one.
 */
#include <arch/boot.h>
#include <arch/shadow.h>
#include <tarn/kasan.h>
#include <tarn/mm.h>
#include <tarn/page.h>
#include <tarn/panic.h>
#include "shadow.h"
#include "x86.h"

#define TABLE_BITS (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define LEAF_BITS (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)

#define PAGE_ALIGNED SECTION(".bss.page_aligned") ALIGNED(4096)

extern pte_t early_pml4[];
extern char __shadow_image_start[], __shadow_image_end[]; /* less than one page table maps */

/* zeros[level]: every entry leads to zeros[level - 1]; zeros[0] maps zero_page throughout. */
static pte_t zeros[PT_LEVELS - 1][PT_ENTRIES] PAGE_ALIGNED;
static u8 zero_page[PAGE_SIZE] PAGE_ALIGNED;
static pte_t image_tables[PT_LEVELS - 1][PT_ENTRIES] PAGE_ALIGNED;

static struct spinlock shadow_lock = SPINLOCK_INIT("shadow", LR_LEAF);

static u64 shadow_address(u64 addr)
{
	return (addr >> SHADOW_SHIFT) + SHADOW_OFFSET;
}

/* Of an address in the image.  virt_to_phys() is checked code, and looks at a variable: there is no shadow yet. */
static phys_t image_phys(const void *p)
{
	return (u64)p - kernel_at.image;
}

static pte_t entry_of(const void *p, u64 bits)
{
	return pte_make(image_phys(p) >> PAGE_SHIFT, bits);
}

static void fill(pte_t *table, pte_t e)
{
	for (unsigned int i = 0; i < PT_ENTRIES; i++)
		table[i] = e;
}

void shadow_early_init(void)
{
	u64 image = shadow_address(kernel_at.image);

	fill(zeros[0], entry_of(zero_page, PTE_PRESENT | PTE_ACCESSED));
	fill(zeros[1], entry_of(zeros[0], TABLE_BITS));
	fill(zeros[2], entry_of(zeros[1], TABLE_BITS));
	for (u64 va = SHADOW_BASE; va < SHADOW_END; va += PT_SPAN(3))
		early_pml4[pt_index(va, 3)] = entry_of(zeros[2], TABLE_BITS);

	for (unsigned int l = 0; l < PT_LEVELS - 1; l++)
		fill(image_tables[l], zeros[l][0]);
	early_pml4[pt_index(image, 3)] = entry_of(image_tables[2], TABLE_BITS);
	image_tables[2][pt_index(image, 2)] = entry_of(image_tables[1], TABLE_BITS);
	image_tables[1][pt_index(image, 1)] = entry_of(image_tables[0], TABLE_BITS);
	for (char *p = __shadow_image_start; p < __shadow_image_end; p += PAGE_SIZE)
		image_tables[0][(p - __shadow_image_start) >> PAGE_SHIFT] = entry_of(p, LEAF_BITS);
}

/* ---- replacing what is shared ---- */

static pte_t *shared_table(unsigned int level)
{
	return level ? zeros[level - 1] : (pte_t *)zero_page;
}

/* Where pages come from, and where one that was drawn in vain goes. */
struct source {
	phys_t (*take)(void); /* zeroed; ~0: none */
	void (*give)(phys_t page);
};

/*
 * Makes entry @e, which leads to a table of @level or, 0, to a page of shadow, lead to one of its own, drawn
 * from @from: a table that shows the shared zeros, or a page of @byte.  False: there is none.
 */
static bool own(pte_t *e, unsigned int level, const struct source *from, u8 byte)
{
	pte_t shared = pte_load(e);
	phys_t page;

	if (pte_phys(shared) != image_phys(shared_table(level)))
		return true;
	page = from->take();
	if (page == ~0ul)
		return false;
	if (level)
		fill(phys_to_virt(page), zeros[level - 1][0]);
	else if (byte)
		for (u64 i = 0; i < PAGE_SIZE; i++)
			((u8 *)phys_to_virt(page))[i] = byte;
	spin_lock(&shadow_lock);
	if (pte_load(e).v == shared.v) {
		pte_store(e, pte_make(page >> PAGE_SHIFT,
				      (level ? TABLE_BITS : LEAF_BITS) | (x86.nx ? PTE_NX : 0)));
		page = ~0ul;
	}
	spin_unlock(&shadow_lock);
	if (page != ~0ul)
		from->give(page);
	return true;
}

static bool own_page(u64 va, const struct source *from, u8 byte)
{
	pte_t *t = kernel_mm.root;

	for (unsigned int l = PT_LEVELS - 1; l > 0; l--) {
		if (!own(&t[pt_index(va, l)], l, from, 0))
			return false;
		t = pt_table(pte_load(&t[pt_index(va, l)]));
	}
	return own(&t[pt_index(va, 0)], 0, from, byte);
}

static bool own_range(u64 start, u64 end, const struct source *from, u8 byte)
{
	start = ALIGN_DOWN(shadow_address(start), PAGE_SIZE);
	end = ALIGN_UP(shadow_address(end), PAGE_SIZE);
	for (u64 va = start; va < end; va += PAGE_SIZE)
		if (!own_page(va, from, byte))
			return false;
	return true;
}

/* ---- boot ---- */

void shadow_fill_root(pte_t *root)
{
	for (u64 va = SHADOW_BASE; va < SHADOW_END; va += PT_SPAN(3))
		root[pt_index(va, 3)] = early_pml4[pt_index(va, 3)];
}

static void never_given(phys_t page)
{
	panic("the boot CPU races with itself");
}

void shadow_map_ram(phys_t (*alloc_page)(void))
{
	const struct source boot = { alloc_page, never_given };

	for (unsigned int i = 0; i < boot_info.map_count; i++) {
		const struct mem_range *m = &boot_info.map[i];

		if (m->type == 1)
			own_range(kernel_at.direct_map + m->start, kernel_at.direct_map + m->end,
				  &boot, 0);
	}
	/* The root's entries are copied into every address space: they may not change later. */
	for (u64 va = shadow_address(VMALLOC_WINDOW); va < shadow_address(VMALLOC_END);
	     va += PT_SPAN(3))
		own(&kernel_mm.root[pt_index(va, 3)], 3, &boot, 0);
}

/* ---- later ---- */

static phys_t take_frame(void)
{
	struct page *p = page_alloc_one(GFP_KERNEL | GFP_ZERO, PS_KERNEL);

	return p ? page_phys(p) : ~0ul;
}

static void give_frame(phys_t page)
{
	page_put(pfn_to_page(page >> PAGE_SHIFT));
}

bool shadow_map(u64 start, u64 end)
{
	static const struct source frames = { take_frame, give_frame };
	bool ok = own_range(start, end, &frames, KASAN_VMALLOC);

	/* Another CPU may still know the page of zeros, which it cannot write. */
	tlb_flush_range(NULL, ALIGN_DOWN(shadow_address(start), PAGE_SIZE),
			ALIGN_UP(shadow_address(end), PAGE_SIZE));
	return ok;
}
