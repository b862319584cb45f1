// SPDX-License-Identifier: MIT
/*
 * Where the kernel lies: another place at each boot, so that an address learnt on one machine, or from the
 * published image, is worth nothing on the next.
 *
 *   image         KERNEL_BASE + a multiple of IMAGE_STEP; its physical place stays where the loader put it
 *   direct map    any GiB of the first half of its window
 *   page array    any GiB of the first half of its window
 *   vmalloc       any page of the first half of its areas; stacks and devices likewise, in theirs
 *
 * head.S calls kaslr_init() once, on the early tables and at the linked address.  It draws a number, maps
 * the image at its place as well, and adds the distance to each absolute address in the image: those that
 * tools/build/relocs.py found in the linked file.  The list lies behind the image and is free memory
 * afterwards.  head.S then jumps to an address that was one of them, and starts again with stack and GS base.
 * The code here runs while its own constants change: it keeps what it needs in registers, as physical addresses.
 *
 * The number is RDRAND's, or the time since power-on where there is none, which is little.  Nothing hides the
 * addresses from a user who times faults and prefetches on a CPU that leaks them: docs/security.md.
 *
 * Compiled without checks: there is neither canary nor shadow yet.
 * Tests: tests/system/test_kaslr.py.
 */
#include <arch/boot.h>
#include <arch/mmu.h>
#include <tarn/page.h>
#include "offsets.h"
#include "pvh.h"
#include "x86.h"

#ifdef TARN_DEBUG
#define IMAGE_STEP (16ul << 20) /* what one table of the image's shadow spans */
#else
#define IMAGE_STEP HUGE_SIZE /* the early tables have no smaller pages */
#endif
#define IMAGE_WINDOW (2ul << 30) /* the code model's: addresses are 32 bits, sign-extended */
#define IMAGE_MIN (64ul << 20)   /* beyond the linked image: both are mapped for a moment */
#define IMAGE_TOP (16ul << 20)   /* the last addresses stay free: pointers that are errors */
#define GIB_SHIFT 30
#define EARLY_GIBS 4 /* of the direct map, in the early tables */
#define KSTACK_SLOT (2ul * KERNEL_STACK_SIZE)

/* Written here, before the image's final mapping makes it read-only. */
SECTION(".placed") struct kernel_place kernel_at = {
	.direct_map = DIRECT_MAP_WINDOW,
	.page_array = PAGE_ARRAY_WINDOW,
	.vmalloc = VMALLOC_WINDOW,
	.device = DEVICE_WINDOW,
	.stacks = KSTACK_WINDOW,
	.image = KERNEL_BASE,
};

extern pte_t early_pml4[], early_pdpt[], early_pdpt_direct[], early_pdpt_kernel[], early_pd_image[];
void kaslr_init(void); /* for head.S */
extern u64 pvh_start_info;
extern char __kernel_start[], __kernel_end[], __relocs_start[];

/* By its physical address, which the early tables map as it is; opaque to the compiler. */
static void *early_pointer(const void *linked)
{
	u64 phys = (u64)linked - KERNEL_BASE;

	__asm__("" : "+r"(phys));
	return (void *)phys;
}

/* ---- the number ---- */

static u64 mix(u64 x)
{
	x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdul;
	x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ul;
	return x ^ (x >> 33);
}

static u64 hard_to_guess(void)
{
	u32 eax = 1, ebx, ecx = 0, edx;
	u64 v = 0;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (ecx & BIT(30)) /* a failing one gives 0 */
		__asm__ volatile("rdrand %0" : "=r"(v) : : "cc");
	return mix(v ^ mix(rdtsc()));
}

static u64 draw(u64 *state, u64 below)
{
	*state += 0x9e3779b97f4a7c15ul;
	return (u64)(((unsigned __int128)mix(*state) * below) >> 64);
}

/* Words behind " -- " are init's. */
static bool is_off(const char *cmdline)
{
	static const char word[] = "nokaslr";
	bool starts = true;

	for (const char *c = cmdline; c && *c; c++) {
		const char *w = word, *at = c;

		while (starts && *w && *at == *w)
			at++, w++;
		if (starts && !*w && (!*at || *at == ' '))
			return true;
		if (starts && c[0] == '-' && c[1] == '-' && (!c[2] || c[2] == ' '))
			return false;
		starts = *c == ' ';
	}
	return false;
}

/* ---- the early tables ---- */

static void map_direct_map(struct kernel_place *p)
{
	pte_t *pml4 = early_pointer(early_pml4), *identity = early_pointer(early_pdpt);
	pte_t *pdpt = early_pointer(early_pdpt_direct);

	for (unsigned int i = 0; i < EARLY_GIBS; i++)
		pdpt[pt_index(p->direct_map, 2) + i] = identity[i];
	pml4[pt_index(p->direct_map, 3)].v = (u64)pdpt | PTE_PRESENT | PTE_WRITE;
}

/* The image, at its linked place too: code runs there. */
static void map_both_images(u64 place_image)
{
	pte_t *pdpt = early_pointer(early_pdpt_kernel), *pd = early_pointer(early_pd_image);
	u64 start = ALIGN_DOWN((u64)early_pointer(__kernel_start), HUGE_SIZE);
	u64 end = (u64)early_pointer(__kernel_end);

	for (u64 pa = start; pa < end; pa += HUGE_SIZE) {
		u64 to = (place_image - KERNEL_BASE + pa) / HUGE_SIZE;

		pd[pa / HUGE_SIZE].v = pd[to].v = pa | PTE_PRESENT | PTE_WRITE | PTE_HUGE;
	}
	for (unsigned int i = 0; i < 2; i++)
		pdpt[PT_ENTRIES - 2 + i].v = (u64)(pd + i * PT_ENTRIES) | PTE_PRESENT | PTE_WRITE;
	write_cr3((u64)early_pointer(early_pml4));
}

/* ---- the image's absolute addresses ---- */

/*
 * Distances from one address to the next, seven bits a byte, the last of each with bit 7 clear; 0 ends the
 * list.  @at: what the first counts from, physical.
 */
static const u8 *add_to_each(const u8 *list, u64 at, u64 distance, bool wide)
{
	for (;;) {
		u64 step = 0;
		unsigned int shift = 0;

		do {
			step |= (u64)(*list & 0x7f) << shift;
			shift += 7;
		} while (*list++ & 0x80);
		if (!step)
			return list;
		at += step;
		if (wide)
			*(u64 *)at += distance;
		else
			*(u32 *)at += (u32)distance;
	}
}

static void relocate(u64 distance)
{
	u64 base = (u64)early_pointer((const void *)KERNEL_BASE);
	const u8 *list = early_pointer(__relocs_start);

	list = add_to_each(list, base, distance, false);
	add_to_each(list, base, distance, true);
}

static void draw_places(struct kernel_place *p)
{
	u64 state = hard_to_guess();
	u64 image_end = (u64)early_pointer(__kernel_end);
	u64 steps = (IMAGE_WINDOW - IMAGE_TOP - IMAGE_MIN - image_end) / IMAGE_STEP;

	p->image += IMAGE_MIN + draw(&state, steps) * IMAGE_STEP;
	/* The early tables have one table of GiBs for the direct map: its first four lie in it. */
	p->direct_map += (draw(&state, DIRECT_MAP_SPAN / 2 >> PT_SHIFT(3)) << PT_SHIFT(3)) +
			 (draw(&state, PT_ENTRIES - EARLY_GIBS + 1) << GIB_SHIFT);
	p->page_array += draw(&state, PAGE_ARRAY_SPAN / 2 >> GIB_SHIFT) << GIB_SHIFT;
	p->vmalloc += draw(&state, (KSTACK_WINDOW - VMALLOC_WINDOW) / 2 >> PAGE_SHIFT)
		      << PAGE_SHIFT;
	p->device += draw(&state, DEVICE_SPAN / 2 >> PAGE_SHIFT) << PAGE_SHIFT;
	p->stacks += draw(&state, KSTACK_SPAN / 2 / KSTACK_SLOT) * KSTACK_SLOT;
}

void kaslr_init(void)
{
	const struct pvh_start *start = *(struct pvh_start **)early_pointer(&pvh_start_info);
	struct kernel_place *p = early_pointer(&kernel_at);

	if (start->magic == PVH_MAGIC && !is_off((const char *)start->cmdline))
		draw_places(p);
	map_direct_map(p);
	if (p->image == KERNEL_BASE)
		return;
	map_both_images(p->image);
	relocate(p->image - KERNEL_BASE);
}
