// SPDX-License-Identifier: MIT
/*
 * Delivery: what a thread does about its pending signals on the way back to
 * user mode.
 *
 * signal_next() carries out default actions (ignore, stop, die) and returns
 * with a signal that has a handler; signal_deliver() builds its frame.  The
 * decision whether an interrupted system call starts again is made in one place
 * each: restart_for_handler() and restart_without_handler().
 *
 * A stop of the group: the thread that takes the stop signal marks all others
 * (stop_pending, stopping_threads); each goes to sleep when it gets here; the
 * last one tells the parent.
 */
#include "internal.h"

#include <arch/frame.h>
#include <arch/signal.h>
#include <asm/unistd.h>
#include <tarn/printk.h>
#include <tarn/syscall.h>

/* ---- stopping ---- */

void signal_notify_parent_stop(struct process *p, int code)
{
	struct process *parent;
	struct abi_sigaction act;
	struct ksiginfo info;
	struct sighand *s;
	u64 irq, irq2;

	memset(&info, 0, sizeof(info));
	info.si.si_signo = SIGCHLD;
	info.si.si_code = code;
	info.si.si_pid = p->pid;
	info.si.si_uid = current->cred->uid;
	info.si.si_status = code == CLD_CONTINUED ? SIGCONT : p->stop_signal;
	irq = spin_lock_irqsave(&proc_tree_lock);
	parent = p->parent;
	s = process_lock_signals(parent, &irq2);
	assert_held(&s->lock);
	act = s->action[SIGCHLD - 1];
	process_unlock_signals(s, irq2);
	if (act.handler != (u64)SIG_IGN && !(act.flags & SA_NOCLDSTOP))
		signal_send_process(parent, &info);
	waitq_wake_all(&parent->wait_children, 0);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

/* One thread less to stop; true: it was the last.  Signal lock. */
static bool one_less_to_stop(struct thread *t)
{
	struct process *p = t->process;

	t->stop_pending = false;
	if (!p->stopping_threads || --p->stopping_threads)
		return false;
	p->stopped = true;
	p->stop_waitable = true;
	p->cont_waitable = false;
	return true;
}

bool signal_leave_group_stop(struct thread *t)
{
	return t->stop_pending && one_less_to_stop(t) && t->process->live;
}

static void begin_group_stop(struct process *p, int sig)
{
	struct thread *t;

	/* SIGCONT or SIGKILL came while the lock was dropped. */
	if (!p->stop_dequeued || p->group_exit)
		return;
	p->stop_dequeued = false;
	p->stop_signal = sig;
	p->stopping_threads = 0;
	LIST_FOR_EACH(t, &p->threads, group_node) {
		if (t->flags & TF_EXITING || atomic_load(&t->state) == TS_STOPPED)
			continue;
		t->stop_pending = true;
		p->stopping_threads++;
		signal_wake(t);
	}
}

/* Stands still until SIGCONT or SIGKILL.  Drops and retakes the signal lock. */
static struct sighand *stand_still(struct sighand *s, u64 *irq)
{
	struct thread *t = current;
	bool last = one_less_to_stop(t);

	/* Under the lock: a SIGCONT that comes now finds us stopped and wakes us. */
	thread_set_state(TS_STOPPED);
	process_unlock_signals(s, *irq);
	if (last)
		signal_notify_parent_stop(t->process, CLD_STOPPED);
	schedule();
	return process_lock_signals(t->process, irq);
}

/* ---- the next signal to handle ---- */

/* Default action of a signal that nobody handles.  Drops and retakes the lock; may not return. */
static struct sighand *default_action(struct sighand *s, int sig, u64 *irq)
{
	struct process *p = current->process;
	u64 mask = SIGMASK(sig);
	bool orphaned;

	if (mask & SIG_IGNORED)
		return s;
	if (p == init_process && !p->fault_forced)
		return s;
	if (!(mask & SIG_STOPS)) {
		process_unlock_signals(s, *irq);
		if (p == init_process)
			pr_err("init takes signal %d at ip %lx, sp %lx\n", sig,
			       (ulong)thread_regs(current)->rip, (ulong)thread_regs(current)->rsp);
		process_exit_group(sig);
	}
	if (sig != SIGSTOP) {
		/* Nobody could continue an orphaned job: terminal stops do not count there. */
		process_unlock_signals(s, *irq);
		orphaned = pgrp_is_orphaned(READ_ONCE(p->pgrp)->id);
		s = process_lock_signals(p, irq);
		if (orphaned)
			return s;
	}
	begin_group_stop(p, sig);
	return s;
}

/* Things that come before any signal.  True: look again. */
static bool group_business(struct sighand **s, u64 *irq)
{
	struct thread *t = current;
	struct process *p = t->process;
	int code = p->notify_parent;

	if (code) {
		p->notify_parent = 0;
		process_unlock_signals(*s, *irq);
		signal_notify_parent_stop(p, code);
		*s = process_lock_signals(p, irq);
		return true;
	}
	if (p->group_exit || (p->exec_thread && p->exec_thread != t)) {
		process_unlock_signals(*s, *irq);
		process_exit_group(SIGKILL);
	}
	if (!t->stop_pending)
		return false;
	*s = stand_still(*s, irq);
	return true;
}

/* The next signal with a handler, its info and action; 0: none. */
static int signal_next(struct ksiginfo *info, struct abi_sigaction *act)
{
	struct thread *t = current;
	u64 irq;
	struct sighand *s = process_lock_signals(t->process, &irq);
	int sig;

	for (;;) {
		if (group_business(&s, &irq))
			continue;
		sig = signal_dequeue(~t->blocked, info);
		if (!sig)
			break;
		assert_held(&s->lock);
		*act = s->action[sig - 1];
		if (act->handler == (u64)SIG_IGN)
			continue;
		if (act->handler == (u64)SIG_DFL) {
			s = default_action(s, sig, &irq);
			continue;
		}
		if (act->flags & SA_RESETHAND)
			s->action[sig - 1].handler = (u64)SIG_DFL;
		break;
	}
	process_unlock_signals(s, irq);
	return sig;
}

/* ---- system calls that were interrupted ---- */

static bool in_system_call(const struct regs *regs)
{
	return (s64)regs->orig_rax >= 0;
}

static void restart_for_handler(struct regs *regs, const struct abi_sigaction *act)
{
	if (!in_system_call(regs))
		return;
	switch (-(s64)regs_result(regs)) {
	case ERESTARTSYS:
		if (act->flags & SA_RESTART)
			arch_restart_call(regs, regs->orig_rax);
		else
			regs_set_result(regs, (u64)-EINTR);
		break;
	case ERESTARTNOINTR:
		arch_restart_call(regs, regs->orig_rax);
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		regs_set_result(regs, (u64)-EINTR);
		break;
	}
	regs->orig_rax = ~0ull; /* decided: a second signal must not decide again */
}

static void restart_without_handler(struct regs *regs)
{
	if (!in_system_call(regs))
		return;
	switch (-(s64)regs_result(regs)) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
		arch_restart_call(regs, regs->orig_rax);
		regs->orig_rax = ~0ull;
		break;
	case ERESTART_RESTARTBLOCK:
		arch_restart_call(regs, __NR_restart_syscall);
		regs->orig_rax = ~0ull;
		break;
	}
}

long sys_restart_syscall(void)
{
	struct thread *t = current;

	return t->restart.fn ? t->restart.fn(t) : -EINTR;
}

/* ---- building the frame ---- */

static u64 mask_for_frame(struct thread *t)
{
	if (atomic_fetch_and(&t->pending, ~(u32)TP_RESTORE_MASK) & TP_RESTORE_MASK)
		return t->saved_mask;
	return t->blocked;
}

static u64 altstack_top_for(const struct thread *t, const struct abi_sigaction *act, u64 sp)
{
	if (!(act->flags & SA_ONSTACK) || !t->altstack_size || altstack_in_use(t, sp))
		return 0;
	return t->altstack_sp + t->altstack_size;
}

/* The frame did not fit: the program cannot be told, so it dies; a handler of SIGSEGV is tried for others. */
static void frame_failed(int sig)
{
	struct sighand *s;
	u64 irq;

	if (sig == SIGSEGV) {
		s = process_lock_signals(current->process, &irq);
		assert_held(&s->lock);
		s->action[SIGSEGV - 1].handler = (u64)SIG_DFL;
		process_unlock_signals(s, irq);
	}
	signal_fault(SIGSEGV, SI_KERNEL, 0);
}

static void handle_signal(struct regs *regs, int sig, const struct ksiginfo *info,
			  const struct abi_sigaction *act)
{
	struct thread *t = current;
	u64 top = altstack_top_for(t, act, regs->rsp);
	u64 blocked = t->blocked | act->mask;

	restart_for_handler(regs, act);
	if (arch_signal_push(regs, act, sig, info, mask_for_frame(t), top)) {
		frame_failed(sig);
		return;
	}
	if (t->altstack_flags & SS_AUTODISARM) {
		t->altstack_sp = t->altstack_size = 0;
		t->altstack_flags = SS_DISABLE;
	}
	if (!(act->flags & SA_NODEFER))
		blocked |= SIGMASK(sig);
	signal_set_mask(blocked);
}

void signal_deliver(struct regs *regs)
{
	struct abi_sigaction act;
	struct ksiginfo info;
	bool any = false;
	int sig;

	while (atomic_load(&current->pending) & (TP_SIGNAL | TP_EXIT)) {
		sig = signal_next(&info, &act);
		if (!sig)
			break;
		handle_signal(regs, sig, &info, &act);
		any = true;
	}
	if (!any)
		restart_without_handler(regs);
	signal_restore_mask();
}
