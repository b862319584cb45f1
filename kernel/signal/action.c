// SPDX-License-Identifier: MIT
/* rt_sigaction(2), and waiting for a signal without a handler: rt_sigtimedwait(2). */
#include "internal.h"

#include <tarn/math.h>
#include <tarn/nospec.h>
#include <tarn/syscall.h>
#include <tarn/time.h>

#define SA_KNOWN                                                                          \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | \
	 SA_RESETHAND | SA_RESTORER)

static void action_change(int sig, const struct abi_sigaction *new, struct abi_sigaction *old)
{
	struct process *p = current->process;
	struct abi_sigaction *act;
	bool ignores;
	u64 irq;
	struct sighand *s = process_lock_signals(p, &irq);

	act = &s->action[index_nospec((u64)sig - 1, ARRAY_SIZE(s->action))];
	*old = *act;
	if (new) {
		*act = *new;
		act->flags &= SA_KNOWN;
		act->mask &= ~SIG_UNMASKABLE;
		ignores = act->handler == (u64)SIG_IGN ||
			  (act->handler == (u64)SIG_DFL && SIGMASK(sig) & SIG_IGNORED);
		if (ignores) /* also what is blocked: POSIX */
			signal_flush_process(p, SIGMASK(sig));
		else if (unlikely(!list_empty(&p->ignored_timers)))
			posix_timers_wanted(p, SIGMASK(sig));
	}
	process_unlock_signals(s, irq);
}

long sys_rt_sigaction(int sig, const struct abi_sigaction __user *uact,
		      struct abi_sigaction __user *uold, size_t size)
{
	struct abi_sigaction new, old;

	if (size != sizeof(u64))
		return -EINVAL;
	if (uact && copy_from_user(&new, uact, sizeof(new)))
		return -EFAULT;
	if (!sig_valid(sig) || (uact && SIGMASK(sig) & SIG_UNMASKABLE))
		return -EINVAL;
	action_change(sig, uact ? &new : NULL, &old);
	return uold ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

static int take_one(u64 set, struct ksiginfo *info)
{
	u64 irq;
	struct sighand *s = process_lock_signals(current->process, &irq);
	int sig = signal_dequeue(set, info);

	process_unlock_signals(s, irq);
	return sig;
}

/* While waiting, @set is not blocked, so that senders choose and wake this thread. */
static void open_mask(u64 set)
{
	struct thread *t = current;
	u64 irq;
	struct sighand *s = process_lock_signals(t->process, &irq);

	t->real_blocked = t->blocked;
	t->blocked &= ~set;
	signal_recalc(t);
	process_unlock_signals(s, irq);
}

static int close_mask_and_take(u64 set, struct ksiginfo *info)
{
	struct thread *t = current;
	u64 irq;
	struct sighand *s = process_lock_signals(t->process, &irq);
	int sig;

	t->blocked = t->real_blocked;
	t->real_blocked = 0;
	sig = signal_dequeue(set, info);
	process_unlock_signals(s, irq);
	return sig;
}

static int wait_for_one(u64 set, struct ksiginfo *info, ktime_t deadline)
{
	open_mask(set);
	thread_set_state(TS_INTERRUPTIBLE);
	if (!signal_pending())
		schedule_deadline(deadline);
	thread_set_state(TS_RUNNING);
	return close_mask_and_take(set, info);
}

long sys_rt_sigtimedwait(const u64 __user *uset, void __user *uinfo, const void __user *timeout,
			 size_t size)
{
	ktime_t wait = 0, deadline = KTIME_MAX;
	struct ksiginfo info;
	u64 set;
	int sig;
	long err = sigset_from_user(&set, uset, size);

	if (!err && timeout)
		err = ktime_from_user_timespec(&wait, timeout);
	if (err)
		return err;
	set &= ~SIG_UNMASKABLE;
	sig = take_one(set, &info);
	if (!sig && (!timeout || wait)) {
		if (timeout && add_overflow(clock_monotonic(), wait, &deadline))
			deadline = KTIME_MAX;
		sig = wait_for_one(set, &info, deadline);
		if (!sig && signal_pending())
			return -EINTR;
	}
	if (!sig)
		return timeout ? -EAGAIN : -EINTR;
	if (uinfo && copy_to_user(uinfo, &info.si, sizeof(info.si)))
		return -EFAULT;
	return sig;
}
