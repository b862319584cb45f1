// SPDX-License-Identifier: MIT
/*
 * Process ids: one table from number to thread, process group and session.
 *
 * A number is given out in rising order and wraps at pid_max, so that it is
 * reused as late as possible.  It stays taken while a process group or session
 * still has it as its name, even when the thread is long gone.
 *
 * Locks: the tree lock for changes; lookups run under RCU.
 */
#include "internal.h"

#include <tarn/idr.h>
#include <tarn/proc.h>

#define FIRST_PID_AFTER_WRAP 300 /* as Linux: low numbers stay with the system's daemons */

struct spinlock proc_tree_lock = SPINLOCK_INIT("proc_tree", LR_PROC_TREE);

static struct idr pids = IDR_INIT;
static pid_t last_pid;
static int pid_max = 32768;

static const struct sysctl pid_max_sysctl = {
	.path = "kernel/pid_max",
	.value = &pid_max,
	.min = FIRST_PID_AFTER_WRAP + 1,
	.max = 4 * 1024 * 1024,
};
SECTION_SET(sysctls, pid_max_sysctl);

pid_t pid_last(void)
{
	return READ_ONCE(last_pid);
}

static u64 next_serial; /* tree lock */

static int pid_take_number(struct pid_slot *s, pid_t want)
{
	u32 min = last_pid >= FIRST_PID_AFTER_WRAP ? FIRST_PID_AFTER_WRAP : 2; /* 1 is init's */
	int nr;

	if (want) {
		nr = idr_alloc_at(&pids, s, (u32)want);
		return nr ? nr : want;
	}
	nr = idr_alloc_cyclic(&pids, s, min, (u32)pid_max - 1);
	if (nr == -ENOSPC)
		return -EAGAIN;
	if (nr > 0)
		last_pid = nr;
	return nr;
}

int pid_reserve(pid_t want, struct pid_slot **out)
{
	struct pid_slot *s = kzalloc(sizeof(*s), GFP_KERNEL);
	u64 irq;
	int nr;

	if (!s)
		return -ENOMEM;
	irq = spin_lock_irqsave(&proc_tree_lock);
	nr = pid_take_number(s, want);
	if (nr > 0) {
		s->serial = ++next_serial;
		WRITE_ONCE(s->nr, nr);
	}
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	if (nr < 0) {
		kfree(s);
		return nr;
	}
	*out = s;
	return 0;
}

struct pid_slot *pid_find(pid_t nr)
{
	return nr > 0 ? idr_find(&pids, (u32)nr) : NULL;
}

void pid_release_if_unused(struct pid_slot *s)
{
	assert_held(&proc_tree_lock);
	if (s->thread || s->pgrp || s->session)
		return;
	idr_remove(&pids, (u32)s->nr);
	kfree_rcu(s);
}

bool pid_name_of(pid_t nr, struct pid_name *out)
{
	struct pid_slot *s;

	rcu_read_lock();
	s = pid_find(nr);
	/* A number just reserved, for a thread that may never be, is nobody's yet. */
	if (s && (s->thread || s->pgrp || s->session))
		*out = (struct pid_name){ .nr = nr, .serial = s->serial };
	else
		s = NULL;
	rcu_read_unlock();
	return s;
}

static struct pid_slot *slot_named(const struct pid_name *name)
{
	struct pid_slot *s = pid_find(name->nr);

	return s && s->serial == name->serial ? s : NULL;
}

struct thread *pid_name_thread(const struct pid_name *name)
{
	struct pid_slot *s = slot_named(name);

	return s ? rcu_dereference(s->thread) : NULL;
}

struct pgrp *pid_name_pgrp(const struct pid_name *name)
{
	struct pid_slot *s = slot_named(name);

	return s ? rcu_dereference(s->pgrp) : NULL;
}

struct pgrp *pgrp_find(pid_t id)
{
	struct pid_slot *s = pid_find(id);

	return s ? rcu_dereference(s->pgrp) : NULL;
}

struct thread *thread_find(pid_t tid)
{
	struct pid_slot *s = pid_find(tid);

	return s ? rcu_dereference(s->thread) : NULL;
}

struct thread *thread_find_get(pid_t tid)
{
	struct thread *t;

	rcu_read_lock();
	t = thread_find(tid);
	if (t && !ref_get_unless_zero(&t->refs))
		t = NULL;
	rcu_read_unlock();
	return t;
}

struct thread *thread_next_get(pid_t tid)
{
	struct thread *t = NULL;
	struct pid_slot *s;
	u32 nr;

	rcu_read_lock();
	for (nr = (u32)tid; (s = idr_next(&pids, &nr)) != NULL; nr++) {
		t = rcu_dereference(s->thread);
		if (t && !t->process->is_kernel && ref_get_unless_zero(&t->refs))
			break;
	}
	rcu_read_unlock();
	return s ? t : NULL;
}

struct process *process_find_get(pid_t pid)
{
	struct process *p = NULL;
	struct thread *t;

	rcu_read_lock();
	t = thread_find(pid);
	if (t && t->process->pid == pid && ref_get_unless_zero(&t->process->refs))
		p = t->process;
	rcu_read_unlock();
	return p;
}

struct process *process_next(pid_t pid)
{
	struct pid_slot *s;
	struct thread *t;
	u32 nr;

	for (nr = pid > 0 ? (u32)pid : 1; (s = idr_next(&pids, &nr)) != NULL; nr++) {
		t = rcu_dereference(s->thread);
		if (t && t->process->pid == (pid_t)nr && !t->process->is_kernel)
			return t->process;
	}
	return NULL;
}
