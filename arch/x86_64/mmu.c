// SPDX-License-Identifier: MIT
/*
 * The kernel's half of every address space.
 *
 * The kernel root table has all its top-level entries from the start (direct
 * map, vmalloc, devices, page array, image), so that a copy of its upper half
 * into a new root never needs an update.  Below them tables only grow.
 *
 * Kernel mappings are global and never executable, except the text.  W^X holds
 * for every mapping: the image is mapped by 4 KiB pages with the protection of
 * its sections, the direct map and everything else is NX.  Text and read-only data are
 * read-only in the direct map as well: no alias of them can be written.
 *
 * Tests: tarn.test=wx (mmu_selftest.c) walks all of it, and stores through the alias.
 *
 * Locks: table_lock guards adding a table; leaves belong to their caller.
 */
#include <arch/boot.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/mm.h>
#include <tarn/page.h>
#include <tarn/panic.h>
#include <tarn/string.h>
#include "shadow.h"
#include "x86.h"

#define GIB (1ul << 30)
#define LOW_MAPPED 0x100000ul /* BIOS data, EBDA, MP and ACPI tables */
#define MAX_FIRMWARE_RANGE (16ul << 20)
static u64 kernel_bits; /* [I] PTE_GLOBAL if there is PGE, PTE_NX if there is NX */
static struct spinlock table_lock = SPINLOCK_INIT("kernel page tables", LR_LEAF);
static struct spinlock device_lock = SPINLOCK_INIT("device mappings", LR_LEAF);
static u64 device_bytes GUARDED_BY(&device_lock); /* mapped so far */

extern char __kernel_start[], __text_start[], __text_end[], __rodata_start[], __rodata_end[],
	__data_start[], __kernel_end[];

phys_t virt_to_phys(const void *v)
{
	u64 a = (u64)v;

	return a >= KERNEL_BASE ? a - kernel_at.image : a - kernel_at.direct_map;
}

static u64 leaf_bits(u64 bits)
{
	return (bits | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | (kernel_bits & PTE_GLOBAL)) &
	       (x86.nx ? ~0ul : ~PTE_NX);
}

/* ---- building, before the page allocator ---- */

static phys_t (*early_page)(void); /* only during arch_mmu_init() and arch_map_page_array() */

/* Frames drawn in search of an aligned one: they become tables and small pages. */
static phys_t spare[PT_ENTRIES];
static unsigned int nspare;

static phys_t early_take(void)
{
	return nspare ? spare[--nspare] : early_page();
}

static pte_t *early_next(pte_t *e)
{
	if (!pte_present(*e))
		pte_store(e, pte_make(early_take() >> PAGE_SHIFT,
				      PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY));
	return pt_table(*e);
}

/* The entry of @va at @level, tables above it made as needed; a larger page that covers it
 * already is returned instead. */
static pte_t *early_entry(u64 va, unsigned int level)
{
	pte_t *t = kernel_mm.root;

	for (unsigned int l = PT_LEVELS - 1; l > level; l--) {
		pte_t *e = &t[pt_index(va, l)];

		if (pte_present(*e) && (e->v & PTE_HUGE))
			return e;
		t = early_next(e);
	}
	return &t[pt_index(va, level)];
}

/* Ranges may overlap: what is mapped stays. */
static void early_map(u64 va, phys_t pa, unsigned int level, u64 bits)
{
	pte_t *e = early_entry(va, level);

	if (!pte_present(*e))
		pte_store(e, pte_make(pa >> PAGE_SHIFT, leaf_bits(bits) | (level ? PTE_HUGE : 0)));
}

/* A table of smaller pages lies where a page of @level would go. */
static bool early_is_split(u64 va, unsigned int level)
{
	pte_t *e = early_entry(va, level);

	return level && pte_present(*e) && !(e->v & PTE_HUGE);
}

/* [start, end) in the direct map by the largest pages that fit. */
static void map_direct(phys_t start, phys_t end)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	while (start < end) {
		unsigned int level = 0;

		if (IS_ALIGNED(start, HUGE_SIZE) && end - start >= HUGE_SIZE)
			level = 1;
		if (x86.gib_pages && IS_ALIGNED(start, GIB) && end - start >= GIB)
			level = 2;
		while (early_is_split(kernel_at.direct_map + start, level))
			level--;
		early_map(kernel_at.direct_map + start, start, level, PTE_WRITE | PTE_NX);
		start += PT_SPAN(level);
	}
}

/*
 * RAM, and what firmware keeps its tables in.  Big reserved ranges are device
 * windows (PCI configuration space): those are mapped uncached by their drivers.
 */
static void map_physical_memory(void)
{
	map_direct(0, LOW_MAPPED);
	for (unsigned int i = 0; i < boot_info.map_count; i++) {
		const struct mem_range *m = &boot_info.map[i];
		bool firmware = m->type >= 2 && m->type <= 4 && m->end <= 4 * GIB &&
				m->end - m->start <= MAX_FIRMWARE_RANGE;

		if (m->type == 1 || firmware)
			map_direct(MAX(m->start, LOW_MAPPED), m->end);
	}
	map_direct(boot_info.initrd_start, boot_info.initrd_end);
}

static void map_image(const char *start, const char *end, u64 bits)
{
	for (u64 va = (u64)start; va < (u64)end; va += PAGE_SIZE)
		early_map(va, virt_to_phys((void *)va), 0, bits);
}

/*
 * What nobody may write, by its other address: before the rest of the direct map, which leaves alone what
 * it finds.  The 2 MiB around it become small pages.
 */
static void map_read_only_alias(const char *start, const char *end)
{
	for (phys_t pa = virt_to_phys(start); pa < virt_to_phys(end); pa += PAGE_SIZE)
		early_map(kernel_at.direct_map + pa, pa, 0, PTE_NX);
}

static void load_root(void)
{
	write_cr3(virt_to_phys(kernel_mm.root));
}

void arch_mmu_init(phys_t (*alloc_page)(void))
{
	bugs_init(); /* patches text, which is read-only afterwards */
	early_page = alloc_page;
	kernel_bits = x86.pge ? PTE_GLOBAL : 0;
	kernel_mm.root = phys_to_virt(alloc_page());
	map_read_only_alias(__text_start, __data_start);
	map_physical_memory();
	map_image(__text_start, __text_end, 0);
	map_image(__rodata_start, __rodata_end, PTE_NX);
	map_image(__data_start, __kernel_end, PTE_WRITE | PTE_NX);
	/* Top-level entries for what grows later. */
	for (u64 va = VMALLOC_WINDOW; va < DEVICE_WINDOW; va += PT_SPAN(3))
		early_entry(va, 2);
	early_entry(DEVICE_WINDOW, 2);
	shadow_fill_root(kernel_mm.root);
	load_root();
	shadow_map_ram(alloc_page);
}

/*
 * One 2 MiB piece of the page array.  The allocator gives single frames; it
 * mostly gives them in order, so 512 of them make a large page, if the first is
 * aligned.  With @plenty of memory that is worth the frames in front.
 */
static void map_array_piece(u64 va, bool plenty)
{
	static phys_t frames[PT_ENTRIES];
	bool whole = true;

	frames[0] = early_page();
	while (plenty && nspare < PT_ENTRIES && !IS_ALIGNED(frames[0], HUGE_SIZE)) {
		spare[nspare++] = frames[0];
		frames[0] = early_page();
	}
	for (unsigned int i = 1; i < PT_ENTRIES; i++) {
		frames[i] = early_page();
		whole = whole && frames[i] == frames[0] + i * PAGE_SIZE;
	}
	if (whole && IS_ALIGNED(frames[0], HUGE_SIZE)) {
		early_map(va, frames[0], 1, PTE_WRITE | PTE_NX);
		return;
	}
	for (unsigned int i = 0; i < PT_ENTRIES; i++)
		early_map(va + i * PAGE_SIZE, frames[i], 0, PTE_WRITE | PTE_NX);
}

void arch_map_page_array(pfn_t start, pfn_t end)
{
	u64 from = ALIGN_DOWN((u64)pfn_to_page(start), PAGE_SIZE);
	u64 to = ALIGN_UP((u64)pfn_to_page(end), PAGE_SIZE);
	bool plenty = end - start >= (256ul << 20) >> PAGE_SHIFT;

	while (from < to) {
		u64 piece = ALIGN_DOWN(from, HUGE_SIZE), next = MIN(piece + HUGE_SIZE, to);

		if (next - from >= HUGE_SIZE / 2 && !pte_present(*early_entry(piece, 1))) {
			map_array_piece(piece, plenty);
			from = next;
			continue;
		}
		for (; from < next; from += PAGE_SIZE)
			if (!pte_present(*early_entry(from, 0)))
				early_map(from, early_take(), 0, PTE_WRITE | PTE_NX);
	}
}

/* ---- later ---- */

void mmu_init_root(pte_t *root)
{
	memcpy(root + PT_ENTRIES / 2, kernel_mm.root + PT_ENTRIES / 2,
	       PT_ENTRIES / 2 * sizeof(pte_t));
}

/* The table under @e, made if absent; NULL: no memory. */
static pte_t *kernel_next(pte_t *e)
{
	struct page *p;

	if (pte_present(pte_load(e)))
		return pt_table(pte_load(e));
	p = page_alloc_one(GFP_KERNEL | GFP_ZERO, PS_TABLE);
	if (!p)
		return NULL;
	spin_lock(&table_lock);
	if (!pte_present(*e)) {
		pte_store(e, pte_make(page_to_pfn(p),
				      PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY));
		p = NULL;
	}
	spin_unlock(&table_lock);
	if (p)
		page_put(p);
	return pt_table(pte_load(e));
}

int mmu_map_kernel(u64 va, phys_t pa, u64 pte_bits)
{
	pte_t *t = kernel_mm.root;

	if (!pte_present(t[pt_index(va, 3)]))
		return -ENOMEM; /* not in a window that arch_mmu_init() prepared */
	for (unsigned int l = PT_LEVELS - 1; l > 0; l--) {
		t = kernel_next(&t[pt_index(va, l)]);
		if (!t)
			return -ENOMEM;
	}
	pte_store(&t[pt_index(va, 0)], pte_make(pa >> PAGE_SHIFT, leaf_bits(pte_bits)));
	return 0;
}

phys_t mmu_unmap_kernel(u64 va)
{
	pte_t *t = kernel_mm.root;
	pte_t old;

	for (unsigned int l = PT_LEVELS - 1; l > 0; l--) {
		pte_t e = pte_load(&t[pt_index(va, l)]);

		if (!pte_present(e) || (e.v & PTE_HUGE))
			return ~0ul;
		t = pt_table(e);
	}
	old = pte_take(&t[pt_index(va, 0)]);
	return pte_present(old) ? pte_phys(old) : ~0ul;
}

void *mmu_map_device(phys_t pa, size_t size)
{
	phys_t first = ALIGN_DOWN(pa, PAGE_SIZE);
	u64 len = ALIGN_UP(pa + size, PAGE_SIZE) - first;
	u64 va;

	spin_lock(&device_lock);
	va = kernel_at.device + device_bytes;
	device_bytes += len + PAGE_SIZE; /* an unmapped page between two devices */
	spin_unlock(&device_lock);
	for (u64 off = 0; off < len; off += PAGE_SIZE)
		if (mmu_map_kernel(va + off, first + off, PTE_WRITE | PTE_NX | PTE_UNCACHED))
			return NULL;
	return (void *)(va + (pa - first));
}
