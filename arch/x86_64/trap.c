// SPDX-License-Identifier: MIT
/*
 * Exceptions: a user's become signals, the kernel's are mended by the
 * exception table or end in a panic.
 *
 * Entered from entry.S with interrupts off.  A user trap enables them at once;
 * a kernel page fault on a user address enables them if the interrupted code
 * had them on, because mm_fault() may sleep.
 */
#include <arch/frame.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <tarn/mm.h>
#include <tarn/panic.h>
#include <tarn/printk.h>
#include <tarn/thread.h>
#include <tarn/vmalloc.h>
#include "extable.h"
#include "gdt.h"
#include "offsets.h"
#include "smp.h"
#include "trap.h"
#include "x86.h"

/* Page fault error code */
#define PF_PRESENT BIT(0)
#define PF_WRITE BIT(1)
#define PF_USER BIT(2)
#define PF_RESERVED BIT(3)
#define PF_FETCH BIT(4)

enum {
	TRAP_DE = 0,
	TRAP_DB = 1,
	TRAP_NMI = 2,
	TRAP_BP = 3,
	TRAP_OF = 4,
	TRAP_BR = 5,
	TRAP_UD = 6,
	TRAP_NM = 7,
	TRAP_DF = 8,
	TRAP_TS = 10,
	TRAP_NP = 11,
	TRAP_SS = 12,
	TRAP_GP = 13,
	TRAP_PF = 14,
	TRAP_MF = 16,
	TRAP_AC = 17,
	TRAP_MC = 18,
	TRAP_XF = 19,
};

static const char *const trap_names[32] = {
	"divide error",
	"debug",
	"NMI",
	"breakpoint",
	"overflow",
	"bound range",
	"invalid opcode",
	"device not available",
	"double fault",
	"coprocessor segment",
	"invalid TSS",
	"segment not present",
	"stack segment fault",
	"general protection fault",
	"page fault",
	"reserved (15)",
	"x87 error",
	"alignment check",
	"machine check",
	"SIMD error",
	"virtualization",
	"control protection",
};

/* ---- the interrupt descriptor table ---- */

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};

static struct gate idt[256] ALIGNED(16);
extern const char vector_stubs[][16];

static void gate_set(unsigned int vec, unsigned int ist, unsigned int dpl)
{
	u64 addr = (u64)vector_stubs[vec];

	idt[vec] = (struct gate){
		.offset_low = (u16)addr,
		.selector = GDT_KERNEL_CS,
		.ist = (u8)ist,
		.type = (u8)(0x8e | dpl << 5), /* present interrupt gate: clears IF */
		.offset_mid = (u16)(addr >> 16),
		.offset_high = (u32)(addr >> 32),
	};
}

void idt_init(void)
{
	for (unsigned int v = 0; v < 256; v++)
		gate_set(v, 0, 0);
	gate_set(TRAP_DF, IST_DOUBLE_FAULT + 1, 0);
	gate_set(TRAP_NMI, IST_NMI + 1, 0);
	gate_set(TRAP_MC, IST_MACHINE_CHECK + 1, 0);
	gate_set(TRAP_BP, 0, 3); /* int3 is a user's right; int $0x80 is not: #GP, SIGSEGV */
}

void idt_load(void)
{
	struct {
		u16 limit;
		u64 base;
	} PACKED p = { sizeof(idt) - 1, (u64)idt };

	__asm__ volatile("lidt %0" ::"m"(p));
}

/* ---- the exception table ---- */

extern const struct ex_entry __start___ex_table[], __stop___ex_table[];

/* A few dozen entries: a walk is short beside the fault that led here. */
static const struct ex_entry *ex_find(u64 rip)
{
	for (const struct ex_entry *e = __start___ex_table; e < __stop___ex_table; e++) {
		u64 from = (u64)&e->from + (u64)(s64)e->from;
		u64 to = (u64)&e->to + (u64)(s64)e->to;

		if (rip >= from && rip < to)
			return e;
	}
	return NULL;
}

static bool trap_fixup(struct regs *r)
{
	const struct ex_entry *e = ex_find(r->rip);

	if (e)
		r->rip = ex_fixup(e);
	return e != NULL;
}

/* ---- user traps ---- */

/* Remembers the trap for the signal frame; from here on the frame is no system call's. */
static void trap_note(struct regs *r, unsigned int vec, u64 error, u64 addr)
{
	struct arch_thread *t = &current->arch;

	t->trap_number = vec;
	t->error_code = error;
	t->fault_addr = addr;
}

/* Which of the six x87 or SSE exceptions: status bits that are set and not masked. */
static int fpe_code(u32 raised)
{
	if (raised & 0x01)
		return FPE_FLTINV;
	if (raised & 0x04)
		return FPE_FLTDIV;
	if (raised & 0x08)
		return FPE_FLTOVF;
	if (raised & 0x12)
		return FPE_FLTUND; /* underflow, denormal */
	if (raised & 0x20)
		return FPE_FLTRES;
	return 0;
}

static int x87_code(void)
{
	u16 status, control;

	__asm__ volatile("fnstsw %0; fnstcw %1" : "=m"(status), "=m"(control));
	return fpe_code(status & ~control & 0x3f);
}

static int simd_code(void)
{
	u32 mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return fpe_code(mxcsr & ~(mxcsr >> 7) & 0x3f);
}

static void debug_trap(struct regs *r)
{
	u64 dr6;

	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("movq %0, %%dr6" ::"r"(0xffff0ff0ul));
	irq_enable();
	signal_fault(SIGTRAP, dr6 & BIT(14) ? TRAP_TRACE : TRAP_BRKPT, r->rip);
}

static void user_trap(struct regs *r, unsigned int vec)
{
	u64 error = r->orig_rax;
	int code;

	r->orig_rax = (u64)-1;
	trap_note(r, vec, error == (u64)-1 ? 0 : error, current->arch.fault_addr);
	switch (vec) {
	case TRAP_DB:
		debug_trap(r);
		return;
	case TRAP_MF:
		code = x87_code(); /* before interrupts: the FPU is still this thread's */
		irq_enable();
		signal_fault(SIGFPE, code, r->rip);
		return;
	case TRAP_XF:
		code = simd_code();
		irq_enable();
		signal_fault(SIGFPE, code, r->rip);
		return;
	}
	irq_enable();
	switch (vec) {
	case TRAP_DE:
		signal_fault(SIGFPE, FPE_INTDIV, r->rip);
		return;
	case TRAP_BP:
		signal_fault(SIGTRAP, SI_KERNEL, 0);
		return;
	case TRAP_UD:
		signal_fault(SIGILL, ILL_ILLOPN, r->rip);
		return;
	case TRAP_TS:
	case TRAP_NP:
	case TRAP_SS:
		signal_fault(SIGBUS, SI_KERNEL, 0);
		return;
	case TRAP_AC:
		signal_fault(SIGBUS, BUS_ADRALN, 0);
		return;
	default:
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		return;
	}
}

/* ---- from entry.S ---- */

void trap_dispatch(struct regs *r, unsigned int vec)
{
	if (regs_from_user(r)) {
		user_trap(r, vec);
		return;
	}
	if (trap_fixup(r))
		return;
	panic_regs(r, "%s in the kernel", vec < 32 && trap_names[vec] ? trap_names[vec] : "trap");
}

/* An access that the CPU makes in the kernel's name (a far return's, under QEMU) and SMAP forbids: no page is missing. */
static bool smap_forbids(u64 error)
{
	return x86.smap && (error & (PF_USER | PF_PRESENT)) == PF_PRESENT;
}

void page_fault_user(struct regs *r, u64 addr)
{
	u64 error = r->orig_rax;
	u32 flags = FAULT_USER;
	int sig, code = SEGV_MAPERR;

	r->orig_rax = (u64)-1;
	if (error & PF_WRITE)
		flags |= FAULT_WRITE;
	if (error & PF_FETCH)
		flags |= FAULT_EXEC;
	irq_enable();
	if (unlikely(error & PF_RESERVED))
		panic_regs(r, "reserved bits in a page table, address 0x%lx", (ulong)addr);
	sig = addr < USER_END && likely(!smap_forbids(error)) ? mm_fault(addr, flags, &code) : SIGSEGV;
	if (likely(sig <= 0))
		return;
	/* Whether the kernel has a page there is not for user space to know, as on Linux. */
	trap_note(r, TRAP_PF, addr < USER_END ? error : error | PF_PRESENT, addr);
	signal_fault(sig, code, addr);
}

static void NORETURN kernel_fault_panic(struct regs *r, u64 addr)
{
	u64 error = r->orig_rax;

	if (kstack_is_guard(addr))
		panic_regs(r, "kernel stack overflow at 0x%lx", (ulong)addr);
	panic_regs(r, "kernel %s at 0x%lx (%s, error 0x%lx)",
		   error & PF_FETCH ? "jump" : error & PF_WRITE ? "write" : "read", (ulong)addr,
		   addr < PAGE_SIZE ? "null pointer" : error & PF_PRESENT ? "protection" : "not mapped",
		   (ulong)error);
}

void page_fault_kernel(struct regs *r, u64 addr)
{
	const struct ex_entry *e = ex_find(r->rip);
	u32 flags = r->orig_rax & PF_WRITE ? FAULT_WRITE : 0;
	int code, sig = SIGSEGV;

	if (unlikely(!e))
		kernel_fault_panic(r, addr);
	if (e->kind == EX_FAULT && addr < USER_END && current->mm && (r->rflags & RFLAGS_IF)) {
		irq_enable();
		sig = mm_fault(addr, flags, &code);
		irq_disable();
	}
	if (sig)
		r->rip = ex_fixup(e);
}

/* A SYSCALL executed with TF set: SIGTRAP after it.  Interrupts off before and after. */
void trap_stepped_syscall(struct regs *r)
{
	trap_note(r, TRAP_DB, 0, 0);
	irq_enable();
	signal_fault(SIGTRAP, TRAP_TRACE, r->rip);
	irq_disable();
	return_to_user_work(r);
}

/* A return to an address that is no address (sigreturn, ptrace). */
void trap_bad_user_rip(struct regs *r)
{
	trap_note(r, TRAP_GP, 0, 0);
	irq_enable();
	signal_fault(SIGSEGV, SI_KERNEL, 0);
	irq_disable();
}

/* NMI, #MC, #DF: on their own stacks, maybe in the middle of anything. */
void paranoid_dispatch(struct regs *r, unsigned int vec)
{
	if (vec == TRAP_NMI) {
		smp_nmi();
		return;
	}
	if (vec == TRAP_DF && kstack_is_guard(r->rsp - 8))
		panic_regs(r, "kernel stack overflow, rsp 0x%lx", (ulong)r->rsp);
	if (vec == TRAP_DF && kstack_is_guard(read_cr2()))
		panic_regs(r, "kernel stack overflow at 0x%lx", (ulong)read_cr2());
	panic_regs(r, "%s", trap_names[vec]);
}
