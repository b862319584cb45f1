// SPDX-License-Identifier: MIT
/* The signal frame on the user stack: Linux's rt_sigframe to the byte. */
#pragma once

struct regs;
struct ksiginfo;
struct abi_sigaction;

/*
 * Builds the frame for @sig on the user stack (@altstack_top != 0: on the
 * alternate stack that ends there) and points @regs at the handler.  @mask is the
 * mask sigreturn puts back.  Returns 0 or -EFAULT: the stack cannot hold it.
 */
int arch_signal_push(struct regs *regs, const struct abi_sigaction *act, int sig,
		     const struct ksiginfo *info, u64 mask, u64 altstack_top);
/*
 * Undoes the topmost frame: registers, FPU, and *mask, the mask to put back;
 * the alternate stack setting is restored by the caller from the frame's uc_stack, given in *uc_stack
 * (a struct sigaltstack in kernel memory).  0 or -EFAULT (the caller then sends SIGSEGV).
 */
int arch_signal_pop(struct regs *regs, u64 *mask, void *uc_stack);
/* A system call that a signal interrupted is made to run again: rip back over the
 * instruction, rax to @number. */
void arch_restart_call(struct regs *regs, u64 number);
/* AT_MINSIGSTKSZ: the most a frame takes from the stack. */
size_t arch_signal_frame_size(void);
