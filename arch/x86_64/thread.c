// SPDX-License-Identifier: MIT
/*
 * What a thread is to the CPU: its register frame, its FPU image, its segment
 * bases; and the switch from one to the next.
 *
 * kstack of a thread that is in the kernel, from the top down: struct regs (for a
 * user thread), C frames, and while it does not run, what switch_stacks() pushed.
 *
 * FPU registers are saved at every switch away from a user thread.  They are
 * loaded at the switch to one unless this CPU's registers still hold that very
 * image (a kernel thread ran in between): cpu->arch.fpu_owner says so, and
 * whoever changes an image behind the CPU's back resets arch.fpu_cpu.
 *
 * User GS base lies in KERNEL_GS_BASE while we are in the kernel.
 */
#include <asm/prctl.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/mm.h>
#include <tarn/panic.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <arch/frame.h>
#include <arch/uaccess.h>
#include "fpu.h"
#include "offsets.h"
#include "x86.h"

#define NO_CPU (~0u)

struct thread *switch_stacks(u64 *save_sp, u64 load_sp, struct thread *prev);
void thread_first_run(struct thread *prev);
extern const char fork_return[], kthread_entry[];

/* What switch_stacks() pops. */
struct switch_frame {
	u64 r15, r14, r13, r12, rbx, rbp, rip;
};

static u64 stack_top(const struct thread *t)
{
	return (u64)t->kstack + KSTACK_SIZE;
}

struct regs *thread_regs(const struct thread *t)
{
	return (struct regs *)stack_top(t) - 1;
}

static struct switch_frame *new_switch_frame(struct thread *t, const char *entry)
{
	/* 16 bytes of the frame's tail are alignment: at @entry rsp is a multiple of 16. */
	u64 top = ALIGN_DOWN(stack_top(t) - sizeof(struct regs), 16);
	struct switch_frame *f = (struct switch_frame *)top - 1;

	memset(f, 0, sizeof(*f));
	f->rip = (u64)entry;
	t->arch.sp = (u64)f;
	t->arch.fpu_cpu = NO_CPU;
	return f;
}

void arch_thread_init_kernel(struct thread *t, void (*fn)(void *arg), void *arg)
{
	struct switch_frame *f = new_switch_frame(t, kthread_entry);

	memset(thread_regs(t), 0, sizeof(struct regs));
	f->r12 = (u64)fn;
	f->r13 = (u64)arg;
}

int arch_thread_alloc_fpu(struct thread *t)
{
	void *image;

	if (t->arch.fpu)
		return 0;
	/* The image and a scratch buffer for images that come from user space. */
	image = kmalloc(2 * ALIGN_UP(fpu_size, 64u), GFP_KERNEL);
	if (!image)
		return -ENOMEM;
	fpu_image_init(image);
	t->arch.fpu = image;
	t->arch.fpu_cpu = NO_CPU;
	return 0;
}

void arch_thread_free(struct thread *t)
{
	kfree(t->arch.fpu);
	t->arch.fpu = NULL;
}

/* ---- segment registers and bases: live for current, in arch_thread otherwise ---- */

static void save_segments(struct arch_thread *a)
{
	__asm__ volatile("movw %%ds, %0; movw %%es, %1; movw %%fs, %2; movw %%gs, %3"
			 : "=m"(a->ds), "=m"(a->es), "=m"(a->fs), "=m"(a->gs));
	/*
	 * Without FSGSBASE a program changes its bases through arch_prctl() only, and
	 * what that set is in the struct already.
	 */
	if (x86.fsgsbase) {
		a->fs_base = rdfsbase();
		__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(a->gs_base)::"memory");
	}
}

/* Selectors first: loading one sets the base. */
static void load_selectors(const struct arch_thread *a)
{
	__asm__ volatile("movw %0, %%ds; movw %1, %%es; movw %2, %%fs" ::"m"(a->ds), "m"(a->es),
			 "m"(a->fs));
	__asm__ volatile("swapgs; movw %0, %%gs; swapgs" ::"m"(a->gs) : "memory");
}

static void load_segments(const struct arch_thread *prev, const struct arch_thread *next)
{
	bool selectors = prev->ds | prev->es | prev->fs | prev->gs | next->ds | next->es |
			 next->fs | next->gs;

	if (unlikely(selectors))
		load_selectors(next);
	if (x86.fsgsbase) {
		wrfsbase(next->fs_base);
		__asm__ volatile("swapgs; wrgsbase %0; swapgs" ::"r"(next->gs_base) : "memory");
		return;
	}
	if (selectors || prev->fs_base != next->fs_base)
		wrmsr(MSR_FS_BASE, next->fs_base);
	if (selectors || prev->gs_base != next->gs_base)
		wrmsr(MSR_KERNEL_GS_BASE, next->gs_base);
}

/* ---- the switch ---- */

/* The FPU registers of this CPU are @t's image, if they are not already. */
static void fpu_restore(struct thread *t)
{
	struct cpu *c = this_cpu();

	if (c->arch.fpu_owner == t && t->arch.fpu_cpu == c->id)
		return;
	fpu_load(t->arch.fpu);
	c->arch.fpu_owner = t;
	t->arch.fpu_cpu = c->id;
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	struct cpu *c = this_cpu();

	if (prev->arch.fpu) {
		fpu_save(prev->arch.fpu);
		c->arch.fpu_owner = prev;
		prev->arch.fpu_cpu = c->id;
	}
	save_segments(&prev->arch);
	c->running = next;
	c->kernel_sp = stack_top(next);
	gdt_set_kernel_stack(c, c->kernel_sp);
	load_segments(&prev->arch, &next->arch);
	if (next->arch.fpu)
		fpu_restore(next);
	return switch_stacks(&prev->arch.sp, next->arch.sp, prev);
}

/* The end of schedule() for a thread that has never run: its scheduler half, interrupts on. */
void thread_first_run(struct thread *prev)
{
	sched_finish_switch(prev);
	irq_enable();
}

/* ---- user threads ---- */

void fpu_reload_current(void)
{
	u64 flags = irq_save();

	fpu_load(current->arch.fpu);
	this_cpu()->arch.fpu_owner = current;
	current->arch.fpu_cpu = cpu_id();
	irq_restore(flags);
}

int arch_thread_init_user(struct thread *t, u64 stack, bool set_tls, u64 tls)
{
	struct regs *r = thread_regs(t);
	struct arch_thread *a = &t->arch;
	u64 flags;
	int err;

	if (set_tls && tls >= USER_END)
		return -EPERM; /* the switch to it would fault */
	err = arch_thread_alloc_fpu(t);
	if (err)
		return err;
	new_switch_frame(t, fork_return);
	flags = irq_save();
	fpu_save(current->arch.fpu);
	save_segments(&current->arch);
	irq_restore(flags);
	fpu_image_copy(a->fpu, current->arch.fpu);
	a->ds = current->arch.ds;
	a->es = current->arch.es;
	a->fs = current->arch.fs;
	a->gs = current->arch.gs;
	a->fs_base = current->arch.fs_base;
	a->gs_base = current->arch.gs_base;

	*r = *thread_regs(current);
	r->rax = 0;
	if (stack)
		r->rsp = stack;
	if (set_tls) {
		a->fs = 0;
		a->fs_base = tls;
	}
	return 0;
}

void arch_thread_exec(struct regs *regs, u64 entry, u64 stack)
{
	struct arch_thread *a = &current->arch;
	u64 flags;

	memset(regs, 0, sizeof(*regs));
	regs->orig_rax = (u64)-1;
	regs->rip = entry;
	regs->cs = GDT_USER_CS;
	regs->ss = GDT_USER_DS;
	regs->rsp = stack;
	regs->rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED;

	flags = irq_save();
	a->ds = a->es = a->fs = a->gs = 0;
	a->fs_base = a->gs_base = 0;
	load_selectors(a);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	fpu_image_init(a->fpu);
	fpu_reload_current();
	irq_restore(flags);
}

void regs_set_flags(struct regs *regs, u64 flags)
{
	const u64 user = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |
			 X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_OF |
			 X86_EFLAGS_RF | X86_EFLAGS_AC | X86_EFLAGS_NT;

	regs->rflags = (regs->rflags & ~user) | (flags & user) | X86_EFLAGS_IF | X86_EFLAGS_FIXED;
}

/* ---- arch_prctl(2) ---- */

static void refresh_bases(struct thread *t)
{
	u64 flags = irq_save();

	if (t == current)
		save_segments(&t->arch);
	irq_restore(flags);
}

static void set_base(struct thread *t, bool gs, u64 base)
{
	u64 flags = irq_save();

	*(gs ? &t->arch.gs_base : &t->arch.fs_base) = base;
	*(gs ? &t->arch.gs : &t->arch.fs) = 0;
	if (t == current && gs) {
		load_selectors(&t->arch);
		wrmsr(MSR_FS_BASE, t->arch.fs_base);
		wrmsr(MSR_KERNEL_GS_BASE, base);
	} else if (t == current) {
		__asm__ volatile("movw %0, %%fs" ::"m"(t->arch.fs));
		wrmsr(MSR_FS_BASE, base);
	}
	irq_restore(flags);
}

long arch_do_prctl(struct thread *t, int option, u64 arg)
{
	switch (option) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (arg >= USER_END)
			return -EPERM;
		refresh_bases(t);
		set_base(t, option == ARCH_SET_GS, arg);
		return 0;
	case ARCH_GET_FS:
	case ARCH_GET_GS:
		refresh_bases(t);
		return put_user(option == ARCH_GET_GS ? t->arch.gs_base : t->arch.fs_base,
				(u64 __user *)arg);
	case ARCH_GET_CPUID: /* may programs use cpuid: they always may */
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV; /* what Linux says of a CPU that cannot forbid it */
	default:
		return -EINVAL;
	}
}
