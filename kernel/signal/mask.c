// SPDX-License-Identifier: MIT
/*
 * The mask of blocked signals: changing it, changing it for one call, and
 * waiting with it (sigsuspend, pause).
 */
#include "internal.h"

#include <tarn/syscall.h>

long sigset_from_user(u64 *set, const u64 __user *uset, size_t size)
{
	if (size != sizeof(*set))
		return -EINVAL;
	return get_user(*set, uset);
}

/* Signals to the process that current was to take and now blocks: somebody else should look. */
static void retarget(struct process *p, u64 newly_blocked)
{
	struct thread *t;

	newly_blocked &= p->sig.pending;
	if (!newly_blocked || p->nthreads <= 1)
		return;
	LIST_FOR_EACH(t, &p->threads, group_node)
		if (t != current && !(t->flags & TF_EXITING) && newly_blocked & ~t->blocked)
			signal_wake(t);
}

void signal_set_mask(u64 set)
{
	struct thread *t = current;
	struct sighand *s;
	u64 irq;

	set &= ~SIG_UNMASKABLE;
	if (set == t->blocked)
		return;
	s = process_lock_signals(t->process, &irq);
	retarget(t->process, set & ~t->blocked);
	if (unlikely(!list_empty(&t->process->ignored_timers))) /* what is blocked is not ignored */
		posix_timers_wanted(t->process, set & ~t->blocked);
	t->blocked = set;
	signal_recalc(t);
	process_unlock_signals(s, irq);
}

int signal_set_temporary_mask(const u64 __user *uset, size_t size)
{
	struct thread *t = current;
	u64 set;
	long err;

	if (!uset)
		return 0;
	err = sigset_from_user(&set, uset, size);
	if (err)
		return (int)err;
	t->saved_mask = t->blocked;
	atomic_fetch_or(&t->pending, TP_RESTORE_MASK);
	signal_set_mask(set);
	return 0;
}

void signal_restore_mask(void)
{
	struct thread *t = current;

	if (atomic_load_explicit(&t->pending, memory_order_relaxed) & TP_RESTORE_MASK) {
		atomic_fetch_and(&t->pending, ~(u32)TP_RESTORE_MASK);
		signal_set_mask(t->saved_mask);
	}
}

long sys_rt_sigprocmask(int how, const u64 __user *uset, u64 __user *old, size_t size)
{
	u64 was = current->blocked, set;
	long err;

	if (size != sizeof(u64))
		return -EINVAL;
	if (uset) {
		err = sigset_from_user(&set, uset, size);
		if (err)
			return err;
		switch (how) {
		case SIG_BLOCK:
			set |= was;
			break;
		case SIG_UNBLOCK:
			set = was & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_mask(set);
	}
	return old ? put_user(was, old) : 0;
}

long sys_rt_sigpending(u64 __user *uset, size_t size)
{
	struct thread *t = current;
	struct sighand *s;
	u64 irq, set;

	if (size > sizeof(set))
		return -EINVAL;
	s = process_lock_signals(t->process, &irq);
	set = (t->sig.pending | t->process->sig.pending) & t->blocked;
	process_unlock_signals(s, irq);
	return copy_to_user(uset, &set, size);
}

static long sleep_for_signal(void)
{
	for (;;) {
		thread_set_state(TS_INTERRUPTIBLE);
		if (signal_pending())
			break;
		schedule();
	}
	thread_set_state(TS_RUNNING);
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(const u64 __user *uset, size_t size)
{
	u64 set;
	long err = sigset_from_user(&set, uset, size);

	if (err)
		return err;
	current->saved_mask = current->blocked;
	atomic_fetch_or(&current->pending, TP_RESTORE_MASK);
	signal_set_mask(set);
	return sleep_for_signal();
}

long sys_pause(void)
{
	return sleep_for_signal();
}
