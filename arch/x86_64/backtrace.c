// SPDX-License-Identifier: MIT
/* What a panic shows: registers, and the callers by the chain of frame pointers. */
#include <arch/boot.h>
#include <arch/frame.h>
#include <arch/mmu.h>
#include <arch/uaccess.h>
#include <tarn/printk.h>
#include "x86.h"

#define MAX_FRAMES 64

/* Each frame: the caller's rbp, the return address.  Frames go up, or the chain is broken. */
void arch_backtrace(const struct regs *regs, void (*fn)(void *arg, u64 addr), void *arg)
{
	u64 frame = regs ? regs->rbp : (u64)__builtin_frame_address(0);

	if (regs)
		fn(arg, regs->rip);
	for (unsigned int i = 0; i < MAX_FRAMES; i++) {
		u64 pair[2];

		if (frame < KERNEL_HALF || !IS_ALIGNED(frame, 8) ||
		    copy_from_kernel_nofault(pair, (void *)frame, sizeof(pair)) || !pair[1])
			return;
		fn(arg, pair[1]);
		if (pair[0] <= frame)
			return;
		frame = pair[0];
	}
}

void arch_show_regs(const struct regs *r)
{
	pr_err("rip %04lx:%016lx rsp %04lx:%016lx flags %08lx error %lx", (ulong)r->cs,
	       (ulong)r->rip, (ulong)r->ss, (ulong)r->rsp, (ulong)r->rflags, (ulong)r->orig_rax);
	pr_err("rax %016lx rbx %016lx rcx %016lx rdx %016lx", (ulong)r->rax, (ulong)r->rbx,
	       (ulong)r->rcx, (ulong)r->rdx);
	pr_err("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", (ulong)r->rsi, (ulong)r->rdi,
	       (ulong)r->rbp, (ulong)r->r8);
	pr_err("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", (ulong)r->r9, (ulong)r->r10,
	       (ulong)r->r11, (ulong)r->r12);
	pr_err("r13 %016lx r14 %016lx r15 %016lx cr2 %016lx", (ulong)r->r13, (ulong)r->r14,
	       (ulong)r->r15, (ulong)read_cr2());
	pr_err("cr0 %08lx cr3 %016lx cr4 %08lx", (ulong)read_cr0(), (ulong)read_cr3(),
	       (ulong)read_cr4());
}
