// SPDX-License-Identifier: MIT
/*
 * struct regs: the one register frame.  Traps, interrupts, system calls,
 * signals, ptrace and core dumps all see user registers through it.  It lies at
 * the top of the thread's kernel stack while the thread is in the kernel.
 *
 * The order is that of Linux's struct user_regs_struct up to ss, so
 * PTRACE_GETREGS copies it as it is.
 */
#pragma once

struct regs {
	u64 r15, r14, r13, r12, rbp, rbx;
	u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 orig_rax; /* call number on a system call; -1 on interrupts; error code on traps */
	u64 rip, cs, rflags, rsp, ss;
};

struct thread;

/* The frame with which @t entered the kernel from user mode. */
struct regs *thread_regs(const struct thread *t);

static inline bool regs_from_user(const struct regs *r)
{
	return (r->cs & 3) == 3;
}

/* What a system call was asked and what it answers, in ABI order. */
static inline u64 regs_call_number(const struct regs *r)
{
	return r->orig_rax;
}
static inline u64 regs_call_arg(const struct regs *r, unsigned int n)
{
	const u64 args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

	return args[n];
}
static inline u64 regs_result(const struct regs *r)
{
	return r->rax;
}
static inline void regs_set_result(struct regs *r, u64 value)
{
	r->rax = value;
}
/* ptrace: the flags a user may set, whatever @flags holds; the others as they must be. */
void regs_set_flags(struct regs *regs, u64 flags);
