// SPDX-License-Identifier: MIT
/*
 * exec in a process of many threads: the caller ends the others and becomes
 * the leader, with the process's id.
 *
 * The others are told to die and each exits on its own; the caller sleeps until
 * it is the only one.  If it was not the leader, the leader is by then dead but
 * still in the tables, because its number is the process's: the caller takes
 * that number and the leader's place.
 */
#include <tarn/radix.h>

#include "internal.h"

/* Tells the others.  False: somebody else ends the process, or execs already.  Signal lock. */
static bool kill_others(struct process *p)
{
	struct thread *t;

	if (p->group_exit || p->exec_thread)
		return false;
	p->exec_thread = current;
	p->stopping_threads = 0;
	p->stopped = false;
	LIST_FOR_EACH(t, &p->threads, group_node)
		if (t != current && !t->counted_dead)
			signal_kill_thread(t);
	return true;
}

static int wait_until_single(struct process *p)
{
	struct sighand *s;
	u64 irq;

	for (;;) {
		s = process_lock_signals(p, &irq);
		if (p->group_exit || p->nthreads == 1)
			break;
		thread_set_state(TS_KILLABLE);
		process_unlock_signals(s, irq);
		schedule();
	}
	p->exec_thread = p->group_exit ? NULL : p->exec_thread;
	process_unlock_signals(s, irq);
	return p->group_exit ? -EINTR : 0;
}

int exec_become_single(void)
{
	struct process *p = current->process;
	struct sighand *s;
	bool ok = true;
	int err = 0;
	u64 irq;

	s = process_lock_signals(p, &irq);
	if (p->nthreads > 1)
		ok = kill_others(p);
	process_unlock_signals(s, irq);
	if (!ok)
		return -EAGAIN;
	if (READ_ONCE(p->exec_thread) == current)
		err = wait_until_single(p);
	if (err)
		return err;
	if (p->leader != current)
		thread_take_leadership();
	s = process_lock_signals(p, &irq);
	p->exec_thread = NULL;
	process_unlock_signals(s, irq);
	return 0;
}

int exec_unshare_handlers(void)
{
	struct process *p = current->process;
	struct sighand *old = p->sighand, *new;
	u64 irq;

	if (ref_read(&old->refs) == 1)
		return 0;
	new = sighand_copy(old);
	if (!new)
		return -ENOMEM;
	irq = spin_lock_irqsave(&proc_tree_lock);
	spin_lock(&old->lock);
	rcu_assign(p->sighand, new);
	spin_unlock(&old->lock);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	sighand_put(old);
	return 0;
}
