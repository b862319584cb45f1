// SPDX-License-Identifier: MIT
/* Proof that offsets.h tells assembly the truth. */
#include <arch/frame.h>
#include <tarn/thread.h>
#include "offsets.h"

#define SAME(number, type, field) \
	_Static_assert((number) == offsetof(struct type, field), #type "." #field)

SAME(CPU_SELF, cpu, self);
SAME(CPU_CURRENT, cpu, running);
SAME(CPU_KERNEL_SP, cpu, kernel_sp);
SAME(CPU_USER_SP, cpu, user_sp);
SAME(CPU_CANARY, cpu, canary);
SAME(CPU_RELAX_COUNT, cpu, relax_count);

SAME(REGS_R15, regs, r15);
SAME(REGS_R12, regs, r12);
SAME(REGS_RBP, regs, rbp);
SAME(REGS_RBX, regs, rbx);
SAME(REGS_R11, regs, r11);
SAME(REGS_R10, regs, r10);
SAME(REGS_R9, regs, r9);
SAME(REGS_R8, regs, r8);
SAME(REGS_RAX, regs, rax);
SAME(REGS_RCX, regs, rcx);
SAME(REGS_RDX, regs, rdx);
SAME(REGS_RSI, regs, rsi);
SAME(REGS_RDI, regs, rdi);
SAME(REGS_ORIG_RAX, regs, orig_rax);
SAME(REGS_RIP, regs, rip);
SAME(REGS_CS, regs, cs);
SAME(REGS_RFLAGS, regs, rflags);
SAME(REGS_RSP, regs, rsp);
SAME(REGS_SS, regs, ss);
_Static_assert(REGS_SIZE == sizeof(struct regs), "struct regs");

SAME(THREAD_PENDING, thread, pending);
_Static_assert(KERNEL_STACK_SIZE == KSTACK_SIZE, "kernel stack");
