// SPDX-License-Identifier: MIT
/* The alternate signal stack: sigaltstack(2); and the way back from a handler, rt_sigreturn(2). */
#include "internal.h"

#include <arch/frame.h>
#include <arch/signal.h>
#include <tarn/syscall.h>

/* With SS_AUTODISARM nobody is ever on it: it was given up when the handler began. */
bool altstack_in_use(const struct thread *t, u64 sp)
{
	if (t->altstack_flags & SS_AUTODISARM)
		return false;
	return sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

long altstack_set(u64 sp, int flags, u64 size, u64 user_sp)
{
	struct thread *t = current;
	u32 mode = (u32)flags & ~SS_AUTODISARM;

	if (altstack_in_use(t, user_sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		sp = 0;
		size = 0;
	} else if (size < MINSIGSTKSZ) {
		return -ENOMEM;
	}
	t->altstack_sp = sp;
	t->altstack_size = size;
	t->altstack_flags = (u32)flags;
	return 0;
}

long sys_sigaltstack(const void __user *uss, void __user *uold)
{
	struct thread *t = current;
	u64 sp = thread_regs(t)->rsp;
	stack_t new, old = { 0 };
	long err = 0;

	if (uss && copy_from_user(&new, uss, sizeof(new)))
		return -EFAULT;
	old.ss_sp = (void *)t->altstack_sp;
	old.ss_size = t->altstack_size;
	old.ss_flags = (int)(t->altstack_flags & SS_AUTODISARM);
	if (!t->altstack_size)
		old.ss_flags |= SS_DISABLE;
	else if (altstack_in_use(t, sp))
		old.ss_flags |= SS_ONSTACK;
	if (uss)
		err = altstack_set((u64)new.ss_sp, new.ss_flags, new.ss_size, sp);
	if (!err && uold)
		err = copy_to_user(uold, &old, sizeof(old));
	return err;
}

long sys_rt_sigreturn(void)
{
	struct regs *regs = thread_regs(current);
	stack_t ss;
	u64 mask;

	if (arch_signal_pop(regs, &mask, &ss)) {
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	signal_set_mask(mask);
	/* A frame that user space edited may ask for nonsense: then the setting stays, as on Linux. */
	(void)altstack_set((u64)ss.ss_sp, ss.ss_flags, ss.ss_size, regs->rsp);
	regs->orig_rax = ~0ull; /* what the interrupted call returned is no result to restart on */
	return (long)regs_result(regs);
}
