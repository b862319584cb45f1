// SPDX-License-Identifier: MIT
/*
 * What the boot loader told us, and the order of starting.  kernel/main.c calls
 * these in its plain list.
 */
#pragma once

struct regs;

/* The boot thread's kernel stack, KSTACK_SIZE bytes. */
extern char boot_stack[];

struct mem_range {
	phys_t start, end;
	u32 type; /* 1 RAM, 2 reserved, 3 ACPI data, 4 ACPI NVS */
};

struct boot_info {
	char cmdline[4096];
	struct mem_range map[128];
	unsigned int map_count;
	phys_t initrd_start, initrd_end; /* 0, 0: none */
	phys_t rsdp;                     /* 0: search for it */
};
extern struct boot_info boot_info; /* [I] after arch_boot_init() */

/* First physical address after the kernel image. */
phys_t arch_kernel_end(void);
phys_t arch_kernel_start(void);

/* kernel/main.c: where the boot assembly ends up.  %gs points at CPU 0's struct cpu (its canary set),
 * interrupts are off, the stack is the boot stack (at least 16 KiB; CPU 0's idle thread keeps it). */
void NORETURN kernel_main(void);
/* IDT, GDT, CPU features, early console.  No allocation. */
void arch_boot_init(void);
/* Direct map of all RAM, struct page array's mapping, final kernel protections (W^X).
 * @alloc_page gives zeroed frames before the page allocator exists. */
void arch_mmu_init(phys_t (*alloc_page)(void));
/* Maps the struct page array for frames [start, end); same allocator. */
void arch_map_page_array(pfn_t start, pfn_t end);
/* LAPIC, IO-APIC, from the MADT, MP table, or defaults; uses acpi_find_table(). */
void arch_irq_init(void);
/* Starts the other CPUs, each on the stack of the thread that sched_idle_create(cpu) gives, with
 * cpu->current and cpu->idle set to it; each ends up in cpu_main() (kernel/) on its idle thread. */
void smp_init(void);
/* kernel/main.c: what a started CPU runs; interrupts off. */
void NORETURN cpu_main(void);
/* Console output before drivers, and in panics: polled COM1. */
void arch_early_putc(char c);
/* Power: S5 or reset by whatever this machine has (ACPI, i8042, microvm, triple fault last). */
void NORETURN arch_poweroff(void);
void NORETURN arch_reboot(void);
/* A QEMU exit status that is not 0 (isa-debug-exit at 0xf4), then halt. */
void NORETURN arch_panic_exit(void);
/* Calls @fn(@arg, return address) for each frame from @regs (or the caller if NULL) outward; stops at bad memory. */
void arch_backtrace(const struct regs *regs, void (*fn)(void *arg, u64 addr), void *arg);
void arch_show_regs(const struct regs *regs);
