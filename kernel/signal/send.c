// SPDX-License-Identifier: MIT
/*
 * Sending a signal: is it wanted, where is it queued, who wakes up.
 *
 * A signal to a process goes into the process's queue; one thread that does
 * not block it is woken to take it (the leader if it can), and if none can, it
 * waits for whoever unblocks it first.  A signal that will surely kill marks
 * the whole group at once, so that killable sleeps end without a round trip.
 *
 * SIGCONT and the stop signals cancel each other here, at sending: SIGCONT
 * continues a stopped process even when it is blocked or ignored.
 */
#include "internal.h"

#include <tarn/mm.h>
#include <tarn/poll.h>

/* ---- siginfo ---- */

void siginfo_kernel(struct ksiginfo *info, int sig)
{
	memset(info, 0, sizeof(*info));
	info->si.si_signo = sig;
	info->si.si_code = SI_KERNEL;
}

void siginfo_user(struct ksiginfo *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->si.si_signo = sig;
	info->si.si_code = code;
	info->si.si_pid = current->process->pid;
	info->si.si_uid = current->cred->uid;
}

/* ---- waking ---- */

void signal_wake(struct thread *t)
{
	atomic_fetch_or(&t->pending, TP_SIGNAL);
	if (t != current && !thread_wake_states(t, BIT(TS_INTERRUPTIBLE)))
		thread_kick(t);
}

void signal_kill_thread(struct thread *t)
{
	t->sig.pending |= SIGMASK(SIGKILL);
	t->stop_pending = false;
	atomic_fetch_or(&t->pending, TP_SIGNAL | TP_EXIT);
	if (t != current &&
	    !thread_wake_states(t, BIT(TS_INTERRUPTIBLE) | BIT(TS_KILLABLE) | BIT(TS_STOPPED) |
					   BIT(TS_TRACED)))
		thread_kick(t);
}

static void kill_group(struct process *p, int sig)
{
	struct thread *t;

	p->group_exit = true;
	p->group_exit_code = sig;
	p->stopped = false;
	p->stopping_threads = 0;
	LIST_FOR_EACH(t, &p->threads, group_node)
		if (!t->counted_dead)
			signal_kill_thread(t);
}

static bool thread_wants(const struct thread *t, int sig)
{
	if (t->blocked & SIGMASK(sig) || t->flags & TF_EXITING)
		return false;
	if (sig == SIGKILL)
		return true;
	if (atomic_load(&t->state) == TS_STOPPED || atomic_load(&t->state) == TS_TRACED)
		return false;
	return t == current || !(atomic_load(&t->pending) & TP_SIGNAL);
}

static struct thread *choose_thread(struct process *p, int sig)
{
	struct thread *t;

	if (thread_wants(p->leader, sig))
		return p->leader;
	LIST_FOR_EACH(t, &p->threads, group_node)
		if (thread_wants(t, sig))
			return t;
	return NULL;
}

/* Will @sig, taken by @t, end the process without further ado (no handler, no core file)? */
static bool is_surely_fatal(struct process *p, struct thread *t, int sig)
{
	u64 mask = SIGMASK(sig);

	assert_held(&p->sighand->lock);
	if (p->sighand->action[sig - 1].handler != (u64)SIG_DFL)
		return false;
	if (mask & (SIG_IGNORED | SIG_STOPS | SIG_CORES) || t->real_blocked & mask)
		return false;
	return p != init_process;
}

/* @t NULL: to the process. */
static void signal_complete(struct process *p, struct thread *t, int sig)
{
	if (!t)
		t = choose_thread(p, sig);
	else if (!thread_wants(t, sig))
		t = NULL;
	if (!t)
		return;
	if (is_surely_fatal(p, t, sig))
		kill_group(p, sig);
	else
		signal_wake(t);
}

/* ---- stop and continue ---- */

void signal_flush_process(struct process *p, u64 set)
{
	struct thread *t;

	sigqueue_remove(&p->sig, set);
	LIST_FOR_EACH(t, &p->threads, group_node)
		sigqueue_remove(&t->sig, set);
}

static void continue_process(struct process *p)
{
	struct thread *t;

	p->stop_dequeued = false;
	if (p->stopped) {
		p->stopped = false;
		p->stop_waitable = false;
		p->cont_waitable = true;
		p->notify_parent = CLD_CONTINUED;
	} else if (p->stopping_threads) {
		p->notify_parent = CLD_STOPPED;
	}
	p->stopping_threads = 0;
	LIST_FOR_EACH(t, &p->threads, group_node) {
		t->stop_pending = false;
		if (p->notify_parent)
			atomic_fetch_or(&t->pending, TP_SIGNAL);
		thread_wake_states(t, BIT(TS_STOPPED));
	}
}

/* What happens at sending whatever becomes of the signal.  False: the process is past signals. */
static bool signal_prepare(struct process *p, int sig)
{
	/* A process that was reaped has no leader any more, but may still be held by somebody. */
	if (p->group_exit || !p->live)
		return false;
	if (SIGMASK(sig) & SIG_STOPS) {
		signal_flush_process(p, SIGMASK(SIGCONT));
	} else if (sig == SIGCONT) {
		signal_flush_process(p, SIG_STOPS);
		continue_process(p);
	}
	return true;
}

/* A blocked signal is never ignored: its handler may change before it is unblocked. */
static bool is_ignored(struct process *p, const struct thread *t, int sig)
{
	u64 mask = SIGMASK(sig);
	u64 handler;

	assert_held(&p->sighand->lock);
	handler = p->sighand->action[sig - 1].handler;
	if ((t->blocked | t->real_blocked) & mask)
		return false;
	if (handler == (u64)SIG_IGN)
		return true;
	if (handler != (u64)SIG_DFL)
		return false;
	return mask & SIG_IGNORED || p == init_process;
}

/* ---- sending ---- */

/* Signal lock held; @t NULL: to the process. */
static int send_locked(struct process *p, struct thread *t, const struct ksiginfo *info)
{
	int sig = info->si.si_signo;
	int err;

	if (!signal_prepare(p, sig) || is_ignored(p, t ? t : p->leader, sig))
		return 0;
	err = sigqueue_add(t ? &t->sig : &p->sig, p, info);
	if (err)
		return MIN(err, 0); /* what is pending already is news to nobody */
	if (waitq_active(&p->sighand->signalfd_waitq))
		waitq_wake_all(&p->sighand->signalfd_waitq, POLLIN);
	signal_complete(p, t, sig);
	return 0;
}

static int send(struct process *p, struct thread *t, const struct ksiginfo *info)
{
	struct sighand *s;
	u64 irq;
	int err;

	if (p->is_kernel)
		return 0;
	s = process_lock_signals(p, &irq);
	err = t && t->counted_dead ? -ESRCH : send_locked(p, t, info);
	process_unlock_signals(s, irq);
	return err;
}

int signal_send_thread(struct thread *t, const struct ksiginfo *info)
{
	return send(t->process, t, info);
}

int signal_send_process(struct process *p, const struct ksiginfo *info)
{
	return send(p, NULL, info);
}

void signal_process(struct process *p, int sig)
{
	struct ksiginfo info;

	siginfo_kernel(&info, sig);
	send(p, NULL, &info);
}

void signal_self(int sig)
{
	struct ksiginfo info;

	siginfo_user(&info, sig, SI_USER);
	send(current->process, current, &info);
}

void signal_pgrp(struct session *const *session, pid_t pgid, const struct ksiginfo *info)
{
	struct process *p;
	struct pgrp *g;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	g = pgrp_find(pgid);
	if (g && g->session == *session)
		LIST_FOR_EACH(p, &g->members, pgrp_node)
			send(p, NULL, info);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

/* ---- a POSIX timer's own item ---- */

enum item_sent signal_send_item(struct process *p, struct thread *t, struct sigitem *item)
{
	int sig = item->info.si.si_signo;
	struct sigqueue *q = t ? &t->sig : &p->sig;

	if (!list_empty(&item->node))
		return ITEM_QUEUED;
	if ((t && t->counted_dead) || !signal_prepare(p, sig))
		return ITEM_LOST;
	if (is_ignored(p, t ? t : p->leader, sig))
		return ITEM_IGNORED;
	item->target = t;
	list_add_tail(&q->items, &item->node);
	q->pending |= SIGMASK(sig);
	if (waitq_active(&p->sighand->signalfd_waitq))
		waitq_wake_all(&p->sighand->signalfd_waitq, POLLIN);
	signal_complete(p, t, sig);
	return ITEM_QUEUED;
}

void signal_cancel_item(struct process *p, struct sigitem *item)
{
	struct sigqueue *q = item->target ? &item->target->sig : &p->sig;
	int sig = item->info.si.si_signo;
	struct sigitem *other;
	bool more = false;
	u64 irq;
	struct sighand *s = process_lock_signals(p, &irq);

	if (!list_empty(&item->node)) {
		list_del_init(&item->node);
		LIST_FOR_EACH(other, &q->items, node)
			more |= other->info.si.si_signo == sig;
		if (!more)
			q->pending &= ~SIGMASK(sig);
	}
	process_unlock_signals(s, irq);
}

/* ---- faults ---- */

void signal_fault(int sig, int code, u64 addr)
{
	struct thread *t = current;
	struct process *p = t->process;
	struct abi_sigaction *act;
	struct ksiginfo info;
	struct sighand *s;
	u64 irq;

	memset(&info, 0, sizeof(info));
	info.si.si_signo = sig;
	info.si.si_code = code;
	info.si.si_addr = (void *)addr;
	if (sig == SIGSEGV && code == SEGV_PKUERR)
		info.si.si_pkey = mm_pkey_at(t->mm, addr);
	s = process_lock_signals(p, &irq);
	act = &s->action[sig - 1];
	/* Going back to the instruction would only fault again, for ever. */
	if (t->blocked & SIGMASK(sig) || act->handler == (u64)SIG_IGN) {
		act->handler = (u64)SIG_DFL;
		t->blocked &= ~SIGMASK(sig);
	}
	if (act->handler == (u64)SIG_DFL)
		p->fault_forced = true;
	sigqueue_add(&t->sig, p, &info);
	signal_wake(t);
	process_unlock_signals(s, irq);
}

bool fatal_signal_pending(void)
{
	return atomic_load_explicit(&current->pending, memory_order_relaxed) & TP_EXIT;
}

bool thread_sleep_interrupted(enum thread_state state)
{
	if (state == TS_INTERRUPTIBLE)
		return signal_pending();
	return state == TS_KILLABLE && fatal_signal_pending();
}
