// SPDX-License-Identifier: MIT
/*
 * Segments, the task state segment and the fault stacks of each CPU.
 *
 * Selectors are Linux's, because programs see them (cs 0x33, ss 0x2b).  The
 * double fault, NMI and machine check have stacks of their own: the first
 * because the kernel stack may be the reason, the others because they can
 * come when rsp or GS base are still the user's.  The 16 bytes above such a
 * stack hold the CPU's struct cpu pointer, so that their entry code finds it
 * without trusting GS base (entry.S, paranoid_entry).
 */
#include <tarn/cpu.h>
#include <tarn/page.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include "gdt.h"
#include "offsets.h"
#include "x86.h"

#define FAULT_STACK_SIZE 8192
#define GDT_ENTRIES 16

/* The hardware's 64-bit TSS. */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap_base;
} PACKED;
_Static_assert(sizeof(struct tss) == 104, "TSS");

struct fault_stack {
	u8 bytes[FAULT_STACK_SIZE - 16];
	struct cpu *cpu; /* [I] */
	u64 zero;
} ALIGNED(16);

struct cpu_tables {
	u64 gdt[GDT_ENTRIES];
	struct tss tss ALIGNED(8);
	struct fault_stack stacks[IST_COUNT];
};

static struct cpu_tables boot_tables;

struct descriptor_ptr {
	u16 limit;
	u64 base;
} PACKED;

/* Builds @t (NULL: the boot CPU's) for @c. */
void gdt_init(struct cpu *c, struct cpu_tables *t)
{
	u64 base, limit = sizeof(struct tss) - 1;

	if (!t)
		t = &boot_tables;
	c->arch.tables = t;
	t->gdt[GDT_KERNEL_CS / 8] = 0x00af9b000000ffff;
	t->gdt[GDT_KERNEL_DS / 8] = 0x00cf93000000ffff;
	/* GDT_USER_CS32 stays empty: from a 32-bit segment SYSCALL would enter at CSTAR, which leads nowhere. */
	t->gdt[GDT_USER_DS / 8] = 0x00cff3000000ffff;
	t->gdt[GDT_USER_CS / 8] = 0x00affb000000ffff;
	/* A byte-granular read-only data segment whose limit is the CPU's number (node 0). */
	t->gdt[GDT_CPU_NUMBER / 8] = 0x0040f50000000000 | (c->id & 0xffff) |
				     (u64)(c->id >> 16 & 0xf) << 48;
	base = (u64)&t->tss;
	t->gdt[GDT_TSS / 8] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 |
			      (base >> 24 & 0xff) << 56;
	t->gdt[GDT_TSS / 8 + 1] = base >> 32;
	t->tss.iomap_base = sizeof(struct tss); /* past the limit: no ports for users */
	for (unsigned int i = 0; i < IST_COUNT; i++) {
		t->stacks[i].cpu = c;
		t->tss.ist[i] = (u64)&t->stacks[i].cpu;
	}
}

/* The running CPU is @c: uses its tables from now on.  GS base is set again, as loading gs may clear it. */
void gdt_load(struct cpu *c)
{
	struct cpu_tables *t = c->arch.tables;
	struct descriptor_ptr p = { sizeof(t->gdt) - 1, (u64)t->gdt };

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs\n\t"
			 "movl %2, %%eax\n\t"
			 "movl %%eax, %%ss\n\t"
			 "movl %3, %%eax\n\t"
			 "ltr %%ax"
			 :
			 : "m"(p), "i"(GDT_KERNEL_CS), "i"(GDT_KERNEL_DS), "i"(GDT_TSS)
			 : "rax", "memory");
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, (u64)c);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}

struct cpu_tables *gdt_alloc(void)
{
	return pages_alloc(GFP_KERNEL | GFP_ZERO, 3);
}
_Static_assert(sizeof(struct cpu_tables) <= PAGE_SIZE << 3, "gdt_alloc's order");

/* Where the CPU pushes a frame when an interrupt comes from user mode. */
void gdt_set_kernel_stack(struct cpu *c, u64 top)
{
	c->arch.tables->tss.rsp[0] = top;
}
