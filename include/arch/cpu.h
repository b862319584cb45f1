// SPDX-License-Identifier: MIT
/* The CPU itself: who am I, interrupts on and off, waiting, stopping. */
#pragma once

struct cpu;
struct thread;

#define RFLAGS_IF 0x200ul
#define CPU_RELAX_COUNT 48 /* of struct cpu.relax_count */
#define ARCH_MACHINE "x86_64" /* as uname(2) has it */

struct mm;

/* x86's own part of struct cpu. */
struct arch_cpu {
	u32 apic_id;               /* [I] */
	struct cpu_tables *tables; /* [I] GDT, TSS and the fault stacks: arch/x86_64/gdt.c */
	struct thread *fpu_owner;  /* whose image the FPU registers hold: thread.c */
	struct mm *loaded_mm;      /* whose tables CR3 points to, counted; NULL: the kernel's (tlb.c) */
	bool lazy_tlb;             /* loaded_mm is only kept warm: a kernel thread runs */
	_Atomic u64 calls;         /* [a] bit per CPU that wants a function run here: ipi.c */
};

static ALWAYS_INLINE struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(c));
	return c;
}

/* Not volatile: a thread's own pointer is the same on whatever CPU it runs. */
static ALWAYS_INLINE struct thread *current_thread(void)
{
	struct thread *t;

	__asm__("movq %%gs:8, %0" : "=r"(t));
	return t;
}
#define current current_thread()

static ALWAYS_INLINE u64 irq_flags(void)
{
	u64 f;

	__asm__ volatile("pushfq; popq %0" : "=r"(f)::"memory");
	return f;
}
static ALWAYS_INLINE bool irqs_enabled(void)
{
	return irq_flags() & RFLAGS_IF;
}
static ALWAYS_INLINE void irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}
static ALWAYS_INLINE void irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}
/* Interrupts off; returns what irq_restore() takes to put the old state back. */
static ALWAYS_INLINE u64 irq_save(void)
{
	u64 f = irq_flags();

	irq_disable();
	return f;
}
static ALWAYS_INLINE void irq_restore(u64 flags)
{
	if (flags & RFLAGS_IF)
		irq_enable();
}
/* A hypervisor may give this CPU's time to others at any moment. */
extern bool cpu_may_be_taken; /* [I] after arch_boot_init() */

/*
 * A turn of a waiting loop.  Under QEMU's TCG each PAUSE leaves the emulated CPU's loop and takes
 * the emulator's big lock, which the CPU we wait for needs to see an interrupt: a TLB flush took 40 ms
 * instead of 20 us.  There only one turn in 65536 pauses (a single-threaded emulator needs some).
 */
extern bool cpu_pause_rarely; /* [I] after arch_boot_init() */
static ALWAYS_INLINE void cpu_relax(void)
{
	u8 again = 1;

	if (cpu_pause_rarely)
		__asm__ volatile("incw %%gs:%c1; setnz %0"
				 : "=q"(again)
				 : "i"(CPU_RELAX_COUNT)
				 : "memory", "cc");
	if (!cpu_pause_rarely || !again)
		__builtin_ia32_pause();
	barrier();
}

/*
 * Sleep until the next interrupt.  Called with interrupts off after the idle
 * loop saw nothing to do; returns with them on.  A wake-up that came in between
 * is not lost: sti takes effect after the hlt begins.
 */
static ALWAYS_INLINE void cpu_idle_wait(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

/* Stops the other CPUs by an NMI and waits a little for them; for panics.  Any context. */
void cpu_stop_others(void);
/* Never returns; the other CPUs are stopped first. */
void NORETURN cpu_halt_all(void);
/* Calls @fn(@arg) on every other online CPU from an interrupt; waits until all have run it.
 * Interrupts must be on: the waiter serves requests from others meanwhile. */
void cpu_call_others(void (*fn)(void *arg), void *arg);
/* The same for the CPUs in @mask (bit per CPU); the caller's own bit is ignored. */
void cpu_call_mask(u64 mask, void (*fn)(void *arg), void *arg);
/* Makes @cpu look at need_resched soon.  Any context. */
void cpu_kick(u32 cpu);
/* Text for /proc/cpuinfo of one CPU. */
struct strbuf;
void cpu_show_info(struct strbuf *out, u32 cpu);
/* 64 bits of CPU randomness (RDRAND) if there is any; false otherwise.  Seed material only. */
bool cpu_random(u64 *out);
/* A number that is hard to guess, before there is a generator: RDRAND's, or little more than the time of boot. */
u64 arch_boot_secret(void);
/* AT_HWCAP and AT_HWCAP2 for the auxiliary vector, AT_PLATFORM's string. */
u64 cpu_hwcap(void);
u64 cpu_hwcap2(void);
