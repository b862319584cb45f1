// SPDX-License-Identifier: MIT
/*
 * What the PVH loader left in memory, copied to boot_info before that memory
 * is used for anything else; and the order in which the boot CPU is set up.
 */
#include <arch/boot.h>
#include <arch/mmu.h>
#include <tarn/cpu.h>
#include <tarn/string.h>
#include "pvh.h"
#include "smp.h"
#include "string_pick.h"
#include "x86.h"

struct boot_info boot_info;
extern u64 pvh_start_info;
extern char __kernel_start[], __kernel_end[];
extern char __percpu_start[], __percpu_end[], __percpu_boot[];

phys_t arch_kernel_start(void)
{
	return virt_to_phys(__kernel_start);
}

phys_t arch_kernel_end(void)
{
	return virt_to_phys(__kernel_end);
}

static void add_range(phys_t start, phys_t end, u32 type)
{
	struct mem_range *m = &boot_info.map[boot_info.map_count];

	if (start >= end || boot_info.map_count == ARRAY_SIZE(boot_info.map))
		return;
	*m = (struct mem_range){ start, end, type };
	boot_info.map_count++;
}

/* RAM below LOW_RESERVED is kept out: firmware data and the AP trampoline live there. */
static void copy_memory_map(const struct pvh_mem *mem, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		phys_t start = mem[i].addr, end = start + mem[i].size;

		if (end < start)
			continue;
		if (mem[i].type == 1 && start < LOW_RESERVED) {
			add_range(start, MIN(end, (phys_t)LOW_RESERVED), 2);
			start = LOW_RESERVED;
		}
		add_range(start, end, mem[i].type);
	}
}

static void copy_start_info(void)
{
	const struct pvh_start *s = phys_to_virt(pvh_start_info);

	if (s->magic != PVH_MAGIC)
		return; /* page_early_init() will find no memory and say so */
	if (s->cmdline)
		strscpy(boot_info.cmdline, phys_to_virt(s->cmdline), sizeof(boot_info.cmdline));
	if (s->nr_modules) {
		const struct pvh_module *m = phys_to_virt(s->modules);

		boot_info.initrd_start = m->addr;
		boot_info.initrd_end = m->addr + m->size;
	}
	boot_info.rsdp = s->rsdp;
	if (s->version >= 1)
		copy_memory_map(phys_to_virt(s->memmap), s->memmap_entries);
}

/* The template stays as the compiler made it, for the CPUs to come. */
static void boot_percpu(void)
{
	memcpy(__percpu_boot, __percpu_start, (size_t)(__percpu_end - __percpu_start));
	boot_cpu.percpu_offset = __percpu_boot - __percpu_start;
}

void arch_boot_init(void)
{
	boot_percpu();
	copy_start_info();
	cpu_detect();
	cpu_patch_smap();
	gdt_init(&boot_cpu, NULL);
	gdt_load(&boot_cpu);
	idt_init();
	idt_load();
	cpu_setup();
	string_pick();
}
