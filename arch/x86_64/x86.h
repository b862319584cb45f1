// SPDX-License-Identifier: MIT
/* The instructions and registers that only arch/x86_64 touches. */
#pragma once

#include <asm/processor-flags.h>

#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103
#define MSR_APIC_BASE 0x1b
#define MSR_SYSENTER_CS 0x174

#define EFER_SCE BIT(0)
#define EFER_NXE BIT(11)

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}
static inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};
static inline struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(sub));
	return r;
}

#define CONTROL_REGISTER(n)                                               \
	static inline u64 read_cr##n(void)                                \
	{                                                                 \
		u64 v;                                                    \
		__asm__ volatile("movq %%cr" #n ", %0" : "=r"(v));        \
		return v;                                                 \
	}                                                                 \
	static inline void write_cr##n(u64 v)                             \
	{                                                                 \
		__asm__ volatile("movq %0, %%cr" #n ::"r"(v) : "memory"); \
	}
CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)

static inline void invlpg(u64 addr)
{
	__asm__ volatile("invlpg (%0)" ::"r"(addr) : "memory");
}
static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (u64)hi << 32 | lo;
}
static inline u64 rdfsbase(void)
{
	u64 v;

	__asm__ volatile("rdfsbase %0" : "=r"(v)::"memory");
	return v;
}
static inline void wrfsbase(u64 v)
{
	__asm__ volatile("wrfsbase %0" ::"r"(v) : "memory");
}

/* What this machine's CPUs can do: found once by the boot CPU, before anything uses it. */
struct x86_features {
	bool nx, smep, smap, umip, pge, fsgsbase, xsave, gib_pages, rdrand, rdtscp, erms, invariant_tsc,
		rdpid, pku;
	u32 family, model, stepping;
	u32 hwcap; /* CPUID 1 EDX: AT_HWCAP */
	u8 phys_bits, virt_bits;
	char vendor[13], name[49];
};
extern struct x86_features x86;

/* cpu.c */
void cpu_detect(void);
void cpu_patch_smap(void);
/* CR0, CR4, EFER, syscall MSRs, FPU of the running CPU. */
void cpu_setup(void);

/* bugs.c: fences that this machine does not need become NOPs.  Before W^X, one CPU, words parsed. */
void bugs_init(void);
struct strbuf;
void bugs_show_flags(struct strbuf *out);

/* gdt.c */
struct cpu;
struct cpu_tables;
extern struct cpu boot_cpu;
void gdt_init(struct cpu *c, struct cpu_tables *t);
void gdt_load(struct cpu *c);
struct cpu_tables *gdt_alloc(void);
void gdt_set_kernel_stack(struct cpu *c, u64 top);

/* trap.c */
void idt_init(void);
void idt_load(void);
