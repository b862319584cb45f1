// SPDX-License-Identifier: MIT
/* What the CPU keeps of a thread while it does not run, and how threads are switched. */
#pragma once

struct thread;
struct regs;
struct user_fpregs;

struct arch_thread {
	u64 sp;          /* kernel stack pointer while switched out */
	u64 fs_base;     /* user TLS; live in the CPU while running */
	u64 gs_base;
	void *fpu;       /* XSAVE (or FXSAVE) image, 64-byte aligned; NULL for kernel threads */
	u64 trap_number; /* of the last exception, for signal frames */
	u64 error_code;
	u64 fault_addr;
	u16 ds, es, fs, gs; /* user selectors; live in the CPU while running */
	u32 fpu_cpu;     /* the CPU whose registers last held the image; ~0: none does */
};

/* Prepares @t to run @fn(@arg) in the kernel when first switched to; returning from @fn is a bug. */
void arch_thread_init_kernel(struct thread *t, void (*fn)(void *arg), void *arg);
/*
 * Prepares @t, a fork or clone of current, to return to user mode with current's registers,
 * result 0, FPU state copied; @stack is its user stack pointer or 0 to keep; @tls its FS base
 * if @set_tls.  0 or -ENOMEM.
 */
int arch_thread_init_user(struct thread *t, u64 stack, bool set_tls, u64 tls);
/* Gives @t a fresh FPU image if it has none (first exec of a kernel-born thread).  0 or -ENOMEM. */
int arch_thread_alloc_fpu(struct thread *t);
void arch_thread_free(struct thread *t);
/* Fresh user state for exec: registers zero, FPU initial, bases 0, rip @entry, rsp @stack. */
void arch_thread_exec(struct regs *regs, u64 entry, u64 stack);

/* Saves @prev, loads @next; interrupts off.  Returns on @prev's next turn, with the thread that ran before it. */
struct thread *arch_switch(struct thread *prev, struct thread *next);
/*
 * What a thread runs before anything else, with interrupts off: the start code that the two
 * arch_thread_init_* set up calls it with the thread that ran before (kernel/sched/switch.c).
 * It lets go of the run queue.  The start code then enables interrupts, or returns to user mode
 * by the usual way out.
 */
void sched_finish_switch(struct thread *prev);
/* From a kernel thread that has exec'd: loads current's frame and enters user mode. */
void NORETURN arch_enter_user(void);

/* arch_prctl(2)'s ARCH_SET_FS and its like for current.  */
long arch_do_prctl(struct thread *t, int option, u64 arg);

/*
 * Called by the entry code with interrupts off before each return to user mode when
 * anything is pending
 * (current->pending != 0; the scheduler sets TP_RESCHED there as well as cpu->need_resched): kernel/ handles signals, rescheduling, stops (it enables
 * interrupts while it works and returns with them off).
 */
void return_to_user_work(struct regs *regs);
/* Called by the entry code for each system call, interrupts on: dispatches and sets regs->rax. */
void syscall_dispatch(struct regs *regs);
