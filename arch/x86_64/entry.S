// SPDX-License-Identifier: MIT
/*
 * Every way into the kernel and out of it.
 *
 *   system call   swapgs, one stack switch, a full struct regs, interrupts on,
 *                 syscall_dispatch(), out by SYSRET (IRET when SYSRET cannot
 *                 restore what is asked)
 *   trap, irq     the CPU pushes ss..rip (on the thread's stack from user mode);
 *                 a stub of 16 bytes per vector adds the error code and the
 *                 vector number; trap_dispatch() or irq_dispatch()
 *   NMI, #MC, #DF on stacks of their own, trusting neither rsp nor GS base
 *
 * GS base is the CPU's struct cpu in the kernel and the user's in user mode.
 * It is swapped exactly where cs changes ring, with interrupts off on both
 * sides; what can arrive in between anyway (NMI, #MC, #DF) takes the third way.
 *
 * User flags that would hurt: SYSCALL clears them through SFMASK.  Gates clear
 * TF, NT, RF and IF in hardware and leave DF and AC to us: cld and USER_CLOSE in every
 * entry.  (AC without SMAP means alignment checks in ring 3 only.)
 *
 * Frames: a user frame ends the chain of frame pointers (rbp = 0).
 */
#include "asm.h"
#include "offsets.h"
#include <asm/processor-flags.h>

	.section .entry.text, "ax", @progbits

/* ---- the register frame ---- */

/* Below orig_rax, rdi already pushed. */
.macro PUSH_REST rax=%rax
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq \rax
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm

.macro POP_CALLEE_SAVED
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
.endm

.macro POP_ALL
	POP_CALLEE_SAVED
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
.endm

/* ---- system calls ---- */

	.balign 64
	.globl syscall_entry
syscall_entry:
	swapgs
	movq %rsp, %gs:CPU_USER_SP
	movq %gs:CPU_KERNEL_SP, %rsp
	pushq $GDT_USER_DS
	pushq %gs:CPU_USER_SP
	pushq %r11
	pushq $GDT_USER_CS
	pushq %rcx
	pushq %rax			/* orig_rax: the call's number */
	pushq %rdi
	PUSH_REST $-38			/* ENOSYS until somebody knows better */
	xorl %ebp, %ebp
	movq %rsp, %rdi
	subq $8, %rsp			/* the ABI wants 16-byte alignment */
	sti
	call syscall_dispatch
	addq $8, %rsp
	cli

	movq %gs:CPU_CURRENT, %rax
	cmpl $0, THREAD_PENDING(%rax)
	jne syscall_work
syscall_exit:
	/*
	 * SYSRET loads rip from rcx and flags from r11; both must be what the frame says.
	 * They are not after exec, sigreturn or ptrace.  A rip that is not canonical would fault
	 * in ring 0 with the user's stack: the highest user page is never mapped, so a
	 * call's own rcx is at most USER_END; anything else leaves by IRET.
	 */
	movq REGS_RCX(%rsp), %rcx
	cmpq %rcx, REGS_RIP(%rsp)
	jne user_exit_iret
	movq REGS_R11(%rsp), %r11
	cmpq %r11, REGS_RFLAGS(%rsp)
	jne user_exit_iret
	movq %rcx, %rax
	shrq $47, %rax
	jnz user_exit_iret
	testl $(X86_EFLAGS_TF | X86_EFLAGS_RF | X86_EFLAGS_NT), %r11d
	jnz syscall_stepped
	POP_CALLEE_SAVED
	addq $8, %rsp			/* r11: loaded */
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	addq $8, %rsp			/* rcx: loaded */
	popq %rdx
	popq %rsi
	popq %rdi
	movq (REGS_RSP - REGS_ORIG_RAX)(%rsp), %rsp
	swapgs
	sysretq

syscall_work:
	movq %rsp, %rdi
	subq $8, %rsp
	call return_to_user_work
	addq $8, %rsp
	jmp syscall_exit

/* A single-stepped SYSCALL traps after it, as every other instruction does. */
syscall_stepped:
	testl $X86_EFLAGS_TF, %r11d
	jz user_exit_iret
	movq %rsp, %rdi
	subq $8, %rsp
	call trap_stepped_syscall
	addq $8, %rsp
	jmp user_exit_iret

/* ---- the way back to user mode by IRET ---- */

/* Interrupts in any state, rsp at a user frame. */
	.globl user_exit
user_exit:
	cli
	movq %gs:CPU_CURRENT, %rax
	cmpl $0, THREAD_PENDING(%rax)
	jne user_work
user_exit_iret:
	/* IRET to an address that is not canonical faults in ring 0 on some CPUs: never try. */
	movq REGS_RIP(%rsp), %rcx
	movq %rcx, %rax
	shlq $16, %rax
	sarq $16, %rax
	cmpq %rcx, %rax
	jne user_bad_rip
	POP_ALL
	addq $8, %rsp			/* orig_rax */
	swapgs
	iretq

user_work:
	movq %rsp, %rdi
	subq $8, %rsp
	call return_to_user_work
	addq $8, %rsp
	jmp user_exit_iret

user_bad_rip:
	movq %rsp, %rdi
	subq $8, %rsp
	call trap_bad_user_rip		/* sends SIGSEGV; interrupts off again */
	addq $8, %rsp
	jmp user_exit

/* void arch_enter_user(void): leave the kernel through current's frame, forgetting this stack. */
	.globl arch_enter_user
arch_enter_user:
	cli
	movq %gs:CPU_KERNEL_SP, %rsp
	subq $REGS_SIZE, %rsp
	xorl %ebp, %ebp
	jmp user_exit

/* A new user thread's first instructions: switch_stacks() returned here, %rax = who ran before. */
	.globl fork_return
fork_return:
	xorl %ebp, %ebp
	movq %rax, %rdi
	call thread_first_run
	movq %gs:CPU_KERNEL_SP, %rsp
	subq $REGS_SIZE, %rsp
	jmp user_exit

/* A new kernel thread's: %r12 = function, %r13 = argument. */
	.globl kthread_entry
kthread_entry:
	xorl %ebp, %ebp
	movq %rax, %rdi
	call thread_first_run
	movq %r13, %rdi
	call *%r12
	ud2				/* a kernel thread ends by sched_exit() */

/*
 * struct thread *switch_stacks(u64 *save_sp, u64 load_sp, struct thread *prev):
 * what C's ABI wants kept goes to the stack; prev comes out again on the other side.
 */
	.globl switch_stacks
switch_stacks:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	movq %rdx, %rax
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

/* ---- traps and interrupts ---- */

/* edi = vector; orig_rax and rdi pushed. */
	.balign 16
trap_common:
	cld
	USER_CLOSE
	PUSH_REST
	movl %edi, %esi
	movq %rsp, %rdi
	testb $3, REGS_CS(%rsp)
	jz trap_from_kernel
	swapgs
	FENCE_SWAPGS_USER
	xorl %ebp, %ebp
	subq $8, %rsp
	call trap_dispatch
	addq $8, %rsp
	jmp user_exit
trap_from_kernel:
	FENCE_SWAPGS_KERNEL
	subq $8, %rsp
	call trap_dispatch
	addq $8, %rsp
	jmp kernel_exit

	.balign 16
irq_common:
	cld
	USER_CLOSE
	PUSH_REST
	movl %edi, %esi
	movq %rsp, %rdi
	testb $3, REGS_CS(%rsp)
	jz irq_from_kernel
	swapgs
	FENCE_SWAPGS_USER
	xorl %ebp, %ebp
	subq $8, %rsp
	call irq_dispatch
	addq $8, %rsp
	jmp user_exit
irq_from_kernel:
	FENCE_SWAPGS_KERNEL
	subq $8, %rsp
	call irq_dispatch
	addq $8, %rsp
kernel_exit:
	POP_ALL
	addq $8, %rsp
	iretq

/* Page faults are the hot trap: a stub without detours. */
	.balign 16
page_fault_entry:			/* the CPU pushed the error code */
	pushq %rdi
	cld
	USER_CLOSE
	PUSH_REST
	movq %rsp, %rdi
	movq %cr2, %rsi
	testb $3, REGS_CS(%rsp)
	jz 1f
	swapgs
	FENCE_SWAPGS_USER
	xorl %ebp, %ebp
	subq $8, %rsp
	call page_fault_user
	addq $8, %rsp
	jmp user_exit
1:	FENCE_SWAPGS_KERNEL
	subq $8, %rsp
	call page_fault_kernel
	addq $8, %rsp
	jmp kernel_exit

/*
 * NMI, machine check, double fault.  Above the frame lies the struct cpu pointer
 * (gdt.c).  The old GS base, whoever's it is, goes back at the end.
 */
	.balign 16
paranoid_entry:
	cld
	USER_CLOSE
	PUSH_REST
	movl %edi, %r12d
	movl $0xc0000101, %ecx
	rdmsr
	movl %eax, %r13d
	movl %edx, %r14d
	movq REGS_SIZE(%rsp), %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	movq %rsp, %rdi
	movl %r12d, %esi
	subq $8, %rsp
	call paranoid_dispatch
	addq $8, %rsp
	movl $0xc0000101, %ecx
	movl %r13d, %eax
	movl %r14d, %edx
	wrmsr
	jmp kernel_exit

/* ---- one stub per vector, 16 bytes apart ---- */

	.balign 16
	.globl vector_stubs
vector_stubs:
	.set vec, 0
	.rept 256
	.balign 16
	.if vec == 14
	jmp page_fault_entry
	.else
	.if !(vec == 8 || (vec >= 10 && vec <= 13) || vec == 17 || vec == 21 || vec == 29 || vec == 30)
	pushq $-1
	.endif
	pushq %rdi
	movl $vec, %edi
	.if vec == 2 || vec == 8 || vec == 18
	jmp paranoid_entry
	.elseif vec < 32
	jmp trap_common
	.else
	jmp irq_common
	.endif
	.endif
	.set vec, vec + 1
	.endr

	.section .note.GNU-stack, "", @progbits
