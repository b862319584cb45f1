// SPDX-License-Identifier: MIT
/*
 * Process groups and sessions by system call: setpgid, setsid and their
 * questions; the plain id calls.
 */
#include "internal.h"

#include <tarn/syscall.h>

long sys_getpid(void)
{
	return current->process->pid;
}

long sys_gettid(void)
{
	return current->tid;
}

long sys_getppid(void)
{
	long pid;

	rcu_read_lock();
	pid = rcu_dereference(current->process->parent)->pid;
	rcu_read_unlock();
	return pid;
}

static struct process *process_or_self_get(pid_t pid)
{
	struct process *p = current->process;
	struct thread *t;

	if (pid) {
		t = thread_find_get(pid); /* a thread's id will do, as on Linux */
		if (!t)
			return NULL;
		p = t->process;
		process_get(p);
		thread_put(t);
		return p;
	}
	process_get(p);
	return p;
}

long sys_getpgid(pid_t pid)
{
	struct process *p = process_or_self_get(pid);
	long id;

	if (!p)
		return -ESRCH;
	rcu_read_lock();
	id = rcu_dereference(p->pgrp)->id;
	rcu_read_unlock();
	process_put(p);
	return id;
}

long sys_getpgrp(void)
{
	return sys_getpgid(0);
}

long sys_getsid(pid_t pid)
{
	struct process *p = process_or_self_get(pid);
	long id;

	if (!p)
		return -ESRCH;
	rcu_read_lock();
	id = rcu_dereference(p->session)->id;
	rcu_read_unlock();
	process_put(p);
	return id;
}

/* May current put @p into another group?  Tree lock. */
static long setpgid_allowed(struct process *p)
{
	struct process *me = current->process;

	if (p != me) {
		if (p->parent != me || p->reaped)
			return -ESRCH;
		if (p->session != me->session)
			return -EPERM;
		if (p->did_exec)
			return -EACCES;
	}
	return p->session->leader == p || p->session->id == p->pid ? -EPERM : 0;
}

/* Moves @p to group @pgid: an existing one of its session, or (with @fresh) its own new one.  Tree lock. */
static long setpgid_locked(struct process *p, pid_t pgid, struct pgrp **fresh)
{
	struct pgrp *g = pgrp_find(pgid);
	long err = setpgid_allowed(p);

	if (err)
		return err;
	if (g && g->session != p->session)
		return -EPERM;
	if (!g) {
		if (pgid != p->pid)
			return -EPERM;
		g = *fresh;
		*fresh = NULL;
		g->id = pgid;
		g->session = p->session;
		ref_get(&g->session->refs);
		rcu_assign(pid_find(pgid)->pgrp, g);
	}
	if (g == p->pgrp)
		return 0;
	process_leave_pgrp(p);
	process_join_pgrp(p, g);
	return 0;
}

static struct pgrp *pgrp_alloc(void)
{
	struct pgrp *g = kzalloc(sizeof(*g), GFP_KERNEL);

	if (g)
		list_init(&g->members);
	return g;
}

long sys_setpgid(pid_t pid, pid_t pgid)
{
	struct pgrp *fresh;
	struct process *p;
	long err;
	u64 irq;

	if (pid < 0 || pgid < 0)
		return -EINVAL;
	p = pid ? process_find_get(pid) : current->process;
	if (!p)
		return -ESRCH;
	fresh = pgrp_alloc();
	err = -ENOMEM;
	if (fresh) {
		irq = spin_lock_irqsave(&proc_tree_lock);
		err = setpgid_locked(p, pgid ? pgid : p->pid, &fresh);
		spin_unlock_irqrestore(&proc_tree_lock, irq);
	}
	kfree(fresh);
	if (pid)
		process_put(p);
	return err;
}

/* Both new objects get their place; -EPERM if some group has our number already.  Tree lock. */
static long setsid_locked(struct process *p, struct session *s, struct pgrp *g)
{
	struct pid_slot *slot = pid_find(p->pid);

	if (slot->pgrp || slot->session)
		return -EPERM;
	s->id = p->pid;
	s->leader = p;
	ref_init(&s->refs, 1); /* the group's */
	g->id = p->pid;
	g->session = s;
	rcu_assign(slot->session, s);
	rcu_assign(slot->pgrp, g);
	process_leave_pgrp(p);
	process_join_pgrp(p, g);
	p->no_tty = false; /* a new session has none to let go of */
	return 0;
}

long sys_setsid(void)
{
	struct process *p = current->process;
	struct session *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct pgrp *g = pgrp_alloc();
	long err = -ENOMEM;
	u64 irq;

	if (s && g) {
		irq = spin_lock_irqsave(&proc_tree_lock);
		err = setsid_locked(p, s, g);
		spin_unlock_irqrestore(&proc_tree_lock, irq);
	}
	if (!err)
		return p->pid;
	kfree(s);
	kfree(g);
	return err;
}
