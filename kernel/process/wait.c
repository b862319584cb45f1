// SPDX-License-Identifier: MIT
/*
 * wait4(2) and waitid(2): a parent learns what became of its children.
 *
 * A request takes, under the tree lock, the first child that has something to
 * report: the one that was named, the first of the zombies, or (if stops and
 * continuations are asked for) of all.  A zombie is claimed there (reaped = true), so that of two
 * threads waiting only one gets it, and released after the lock is dropped.
 */
#include "internal.h"

#include <linux/resource.h>
#include <linux/wait.h>
#include <tarn/syscall.h>

struct wait_request {
	/* Asked */
	int type;                /* P_ALL, P_PID, P_PGID */
	pid_t id;
	struct process *target;  /* P_PIDFD: this one and no other */
	int options;
	/* Found */
	struct process *found;   /* NULL: nothing yet; counted */
	bool reap;               /* a zombie that is ours to release */
	bool any;                /* some child fits the question, now or later */
	pid_t pid;
	uid_t uid;
	int cause;               /* CLD_* */
	int status;              /* as wait4 has it */
	struct rusage_sum usage;
};

static bool wait_eligible(const struct wait_request *w, const struct process *c)
{
	bool clone_child = c->exit_signal != SIGCHLD;

	if (c->reaped)
		return false;
	if (w->options & __WNOTHREAD && c->parent_thread != current)
		return false;
	if (w->target && c != w->target)
		return false;
	if (w->type == P_PID && c->pid != w->id)
		return false;
	if (w->type == P_PGID && c->pgrp->id != w->id)
		return false;
	return w->options & __WALL || clone_child == !!(w->options & __WCLONE);
}

static void wait_report(struct wait_request *w, struct process *c, int cause, int status)
{
	w->found = c;
	w->pid = c->pid;
	w->uid = c->leader->cred->uid;
	w->cause = cause;
	w->status = status;
}

static void add_children_usage(struct process *parent, struct process *c)
{
	u64 irq;
	struct sighand *s = process_lock_signals(parent, &irq);

	rusage_add(&parent->children_usage, &c->dead_threads);
	rusage_add(&parent->children_usage, &c->children_usage);
	process_unlock_signals(s, irq);
}

static bool wait_zombie(struct wait_request *w, struct process *c)
{
	int status = c->group_exit ? c->group_exit_code : c->leader->exit_code;

	if (!c->zombie || !(w->options & WEXITED))
		return false;
	wait_report(w, c, status & 0x80 ? CLD_DUMPED : status & 0x7f ? CLD_KILLED : CLD_EXITED,
		    status);
	w->usage = c->dead_threads;
	rusage_add(&w->usage, &c->children_usage);
	if (!(w->options & WNOWAIT)) {
		c->reaped = true;
		family_zombie_leave(c);
		w->reap = true;
		add_children_usage(c->parent, c);
	}
	return true;
}

static bool wait_stopped(struct wait_request *w, struct process *c)
{
	struct sighand *s;
	bool hit;
	u64 irq;

	if (!(w->options & WUNTRACED) || !READ_ONCE(c->stop_waitable))
		return false;
	s = process_lock_signals(c, &irq);
	hit = c->stopped && c->stop_waitable;
	if (hit) {
		wait_report(w, c, CLD_STOPPED, c->stop_signal << 8 | 0x7f);
		if (!(w->options & WNOWAIT))
			c->stop_waitable = false;
	}
	process_unlock_signals(s, irq);
	return hit;
}

static bool wait_continued(struct wait_request *w, struct process *c)
{
	struct sighand *s;
	bool hit;
	u64 irq;

	if (!(w->options & WCONTINUED) || !READ_ONCE(c->cont_waitable))
		return false;
	s = process_lock_signals(c, &irq);
	hit = c->cont_waitable;
	if (hit) {
		wait_report(w, c, CLD_CONTINUED, 0xffff);
		if (!(w->options & WNOWAIT))
			c->cont_waitable = false;
	}
	process_unlock_signals(s, irq);
	return hit;
}

/* True: @c has what was asked for. */
static bool wait_try(struct wait_request *w, struct process *c)
{
	if (!wait_eligible(w, c))
		return false;
	/* A zombie has nothing more to tell to those who do not want its end. */
	w->any |= !c->zombie;
	if (!wait_zombie(w, c) && !wait_stopped(w, c) && !wait_continued(w, c))
		return false;
	process_get(c);
	return true;
}

/* The one child that was named. */
static void scan_one(struct wait_request *w)
{
	struct process *c = w->target;
	struct thread *t;

	if (!c) {
		t = thread_find(w->id);
		c = t && t->process->pid == w->id ? t->process : NULL;
	}
	if (c && c->parent == current->process)
		wait_try(w, c);
}

/* Whatever the request asks, no child but a zombie can have it. */
static void scan_zombies(struct wait_request *w)
{
	struct rb_node *n;
	struct process *c;

	for (n = rb_first(&current->process->zombies); n; n = rb_next(n))
		if (wait_try(w, rb_entry(n, struct process, zombie_node)))
			return;
	LIST_FOR_EACH(c, &current->process->children, sibling) {
		w->any = !c->zombie && wait_eligible(w, c);
		if (w->any)
			return;
	}
}

static void scan_all(struct wait_request *w)
{
	struct process *c;

	LIST_FOR_EACH(c, &current->process->children, sibling)
		if (wait_try(w, c))
			return;
}

/* True when the wait is over: something was found, or there is nothing to wait for. */
static bool wait_scan(struct wait_request *w)
{
	u64 irq;

	if (w->found)
		return true; /* the wait's condition is evaluated again after it came true */
	irq = spin_lock_irqsave(&proc_tree_lock);
	w->any = false;
	if (w->target || w->type == P_PID)
		scan_one(w);
	else if (w->options & (WUNTRACED | WCONTINUED))
		scan_all(w);
	else
		scan_zombies(w);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return w->found || !w->any;
}

/* 0 and w->found (NULL: WNOHANG and nothing), or -errno.  The caller does wait_done(). */
static long wait_for_child(struct wait_request *w)
{
	if (!wait_scan(w)) {
		if (w->options & WNOHANG)
			return 0;
		if (wait_event_interruptible(&current->process->wait_children, wait_scan(w)))
			return -ERESTARTSYS;
	}
	if (!w->found)
		return -ECHILD;
	if (w->cause == CLD_STOPPED || w->cause == CLD_CONTINUED)
		rusage_of_process(w->found, &w->usage);
	if (w->reap)
		process_release(w->found);
	process_put(w->found);
	return 0;
}

static long put_usage(const struct wait_request *w, void __user *uusage)
{
	struct rusage ru;

	if (!uusage)
		return 0;
	rusage_to_user_form(&w->usage, &ru);
	return copy_to_user(uusage, &ru, sizeof(ru));
}

long sys_wait4(pid_t pid, int __user *status, int options, void __user *usage)
{
	struct wait_request w = { .type = P_ALL, .options = options | WEXITED };
	long err;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	if (pid > 0) {
		w.type = P_PID;
		w.id = pid;
	} else if (pid != -1) {
		w.type = P_PGID;
		w.id = pid ? -pid : READ_ONCE(current->process->pgrp)->id;
	}
	err = wait_for_child(&w);
	if (err || !w.found)
		return err;
	if ((status && put_user(w.status, status)) || put_usage(&w, usage))
		return -EFAULT;
	return w.pid;
}

/* si_status: the exit code or a signal number, not wait4's combination. */
static int wait_info_status(const struct wait_request *w)
{
	switch (w->cause) {
	case CLD_EXITED:
	case CLD_STOPPED:
		return w->status >> 8 & 0xff;
	case CLD_CONTINUED:
		return SIGCONT;
	default:
		return w->status & 0x7f;
	}
}

/* Only the fields that wait sets; the rest of the caller's siginfo stays as it was. */
static long put_wait_info(const struct wait_request *w, siginfo_t __user *info)
{
	bool got = w->found;

	if (put_user(got ? SIGCHLD : 0, &info->si_signo) || put_user(0, &info->si_errno) ||
	    put_user(got ? w->cause : 0, &info->si_code) ||
	    put_user(got ? w->pid : 0, &info->si_pid) || put_user(got ? w->uid : 0, &info->si_uid) ||
	    put_user(got ? wait_info_status(w) : 0, &info->si_status))
		return -EFAULT;
	return 0;
}

/* @which and @id of waitid(2) into the request. */
static long waitid_target(struct wait_request *w, int which, pid_t id, bool *nonblock)
{
	w->type = which;
	w->id = id;
	switch (which) {
	case P_ALL:
		return 0;
	case P_PID:
		return id > 0 ? 0 : -EINVAL;
	case P_PGID:
		if (!id)
			w->id = READ_ONCE(current->process->pgrp)->id;
		return id >= 0 ? 0 : -EINVAL;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		w->type = P_ALL;
		w->target = pidfd_process_get((unsigned int)id, nonblock);
		if (!IS_ERR(w->target))
			return 0;
		id = (pid_t)PTR_ERR(w->target);
		w->target = NULL;
		return id;
	default:
		return -EINVAL;
	}
}

long sys_waitid(int which, pid_t id, void __user *uinfo, int options, void __user *usage)
{
	struct wait_request w = { .options = options };
	bool nonblock = false;
	long err;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			__WCLONE | __WALL) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	err = waitid_target(&w, which, id, &nonblock);
	if (err)
		return err;
	if (nonblock)
		w.options |= WNOHANG;
	err = wait_for_child(&w);
	if (w.target)
		process_put(w.target);
	if (!err && !w.found && nonblock && !(options & WNOHANG))
		err = -EAGAIN;
	if (err)
		return err;
	if (w.found && put_usage(&w, usage))
		return -EFAULT;
	return uinfo ? put_wait_info(&w, uinfo) : 0;
}
