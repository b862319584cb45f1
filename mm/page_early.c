// SPDX-License-Identifier: MIT
/*
 * Frames before the allocator: boot_info's memory map turned into ranges of
 * usable RAM, and a bump allocator over them for the first page tables.
 *
 * Left out of the ranges: everything below 1 MiB (firmware data, the start-up
 * code of other CPUs), the kernel image, the initrd, and whatever the map does
 * not call RAM.  Frames are taken from the lowest address up, because only
 * low memory is mapped when the first ones are needed.
 *
 * No locks: the boot CPU alone runs.
 */
#include <arch/boot.h>
#include <tarn/string.h>
#include "page_int.h"

#define MAX_RANGES 160
#define LOW_LIMIT (1024 * 1024)

static struct frame_range ram[MAX_RANGES];    /* [I] after page_early_init: RAM as the map has it */
static unsigned int ram_count;
static struct frame_range usable[MAX_RANGES]; /* shrinks from the front while the bump allocator works */
static unsigned int usable_count;

static void range_sort(struct frame_range *r, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++) {
		struct frame_range key = r[i];
		unsigned int j = i;

		for (; j > 0 && r[j - 1].start > key.start; j--)
			r[j] = r[j - 1];
		r[j] = key;
	}
}

/* Firmware maps may overlap; later ranges lose what earlier ones have. */
static unsigned int range_clip_overlaps(struct frame_range *r, unsigned int n)
{
	unsigned int kept = 0;
	pfn_t end = 0;

	for (unsigned int i = 0; i < n; i++) {
		pfn_t start = MAX(r[i].start, end);

		if (start >= r[i].end)
			continue;
		end = r[i].end;
		r[kept++] = (struct frame_range){ start, end };
	}
	return kept;
}

static void read_map(void)
{
	for (unsigned int i = 0; i < boot_info.map_count && ram_count < 128; i++) {
		const struct mem_range *m = &boot_info.map[i];
		pfn_t start = (m->start + PAGE_SIZE - 1) >> PAGE_SHIFT;
		pfn_t end = m->end >> PAGE_SHIFT;

		if (m->type == 1 && start < end)
			ram[ram_count++] = (struct frame_range){ start, end };
	}
	range_sort(ram, ram_count);
	ram_count = range_clip_overlaps(ram, ram_count);
}

/* Takes the bytes [start, end) out of usable[]. */
static void exclude(phys_t start, phys_t end)
{
	struct frame_range cut = { start >> PAGE_SHIFT, (end + PAGE_SIZE - 1) >> PAGE_SHIFT };
	unsigned int n = usable_count;

	if (start >= end)
		return;
	for (unsigned int i = 0; i < n; i++) {
		struct frame_range *r = &usable[i];

		if (cut.end <= r->start || cut.start >= r->end)
			continue;
		if (cut.end < r->end) {
			assert(usable_count < MAX_RANGES);
			usable[usable_count++] = (struct frame_range){ cut.end, r->end };
		}
		r->end = MAX(r->start, cut.start);
	}
	range_sort(usable, usable_count);
	usable_count = range_clip_overlaps(usable, usable_count);
}

static void exclude_map_holes(void)
{
	for (unsigned int i = 0; i < boot_info.map_count; i++)
		if (boot_info.map[i].type != 1)
			exclude(boot_info.map[i].start, boot_info.map[i].end);
}

void page_early_init(void)
{
	read_map();
	memcpy(usable, ram, sizeof(usable));
	usable_count = ram_count;
	exclude(0, LOW_LIMIT);
	exclude(arch_kernel_start(), arch_kernel_end());
	exclude(boot_info.initrd_start, boot_info.initrd_end);
	exclude_map_holes();
	if (!usable_count)
		boot_fail("no usable memory in the boot loader's map");
}

phys_t page_early_alloc(void)
{
	for (unsigned int i = 0; i < usable_count; i++) {
		phys_t p;

		if (usable[i].start >= usable[i].end)
			continue;
		p = usable[i].start++ << PAGE_SHIFT;
		clear_page(phys_to_virt(p));
		return p;
	}
	boot_fail("not enough memory for the kernel's first tables");
}

unsigned int page_early_left(const struct frame_range **out)
{
	*out = usable;
	return usable_count;
}

bool pfn_valid(pfn_t pfn)
{
	for (unsigned int i = 0; i < ram_count; i++)
		if (pfn >= ram[i].start && pfn < ram[i].end)
			return true;
	return false;
}

u64 page_ram_frames(void)
{
	u64 n = 0;

	for (unsigned int i = 0; i < ram_count; i++)
		n += ram[i].end - ram[i].start;
	return n;
}

/*
 * The struct page array, mapped in steps of the largest buddy block so that a
 * buddy's struct always exists; what is not RAM is marked reserved by page_init.
 */
void page_array_map(void)
{
	pfn_t step = 1ul << PAGE_MAX_ORDER;
	pfn_t done = 0;

	for (unsigned int i = 0; i < ram_count; i++) {
		pfn_t start = MAX(ALIGN_DOWN(ram[i].start, step), done);
		pfn_t end = ALIGN_UP(ram[i].end, step);

		if (start < end)
			arch_map_page_array(start, end);
		done = MAX(done, end);
	}
}

/* Calls @fn for each run of frames that has structs but is not in usable[]. */
void page_for_each_unusable(void (*fn)(pfn_t start, pfn_t end))
{
	pfn_t step = 1ul << PAGE_MAX_ORDER;
	pfn_t at = 0;
	unsigned int u = 0;

	for (unsigned int i = 0; i < ram_count; i++) {
		pfn_t end = ALIGN_UP(ram[i].end, step);

		at = MAX(at, ALIGN_DOWN(ram[i].start, step));
		while (at < end) {
			while (u < usable_count && usable[u].end <= at)
				u++;
			if (u == usable_count || usable[u].start >= end) {
				fn(at, end);
				at = end;
			} else {
				if (usable[u].start > at)
					fn(at, usable[u].start);
				at = MIN(usable[u].end, end);
			}
		}
	}
}
