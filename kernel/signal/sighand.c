// SPDX-License-Identifier: MIT
/*
 * The table of handlers, and the lock in it.
 *
 * Shared by threads and by CLONE_SIGHAND.  exec gives a process a table of its
 * own, so others lock it by process_lock_signals(), which looks again after it
 * has the lock; the struct is freed after an RCU grace period.
 */
#include "internal.h"

struct sighand *sighand_alloc(void)
{
	struct sighand *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	ref_init(&s->refs, 1);
	spin_init(&s->lock, "sighand", LR_SIGNAL);
	waitq_init(&s->signalfd_waitq);
	return s;
}

struct sighand *sighand_copy(struct sighand *old)
{
	struct sighand *s = sighand_alloc();
	u64 irq;

	if (!s)
		return NULL;
	irq = spin_lock_irqsave(&old->lock);
	memcpy(s->action, old->action, sizeof(s->action));
	spin_unlock_irqrestore(&old->lock, irq);
	return s;
}

void sighand_put(struct sighand *s)
{
	if (!ref_put(&s->refs))
		return;
	waitq_dissolve(&s->signalfd_waitq);
	kfree_rcu(s);
}

struct sighand *process_lock_signals(struct process *p, u64 *irq)
	NO_LOCK_CHECK /* returns with the lock of what it returns */
{
	struct sighand *s;

	rcu_read_lock();
	for (;;) {
		s = rcu_dereference(p->sighand);
		*irq = spin_lock_irqsave(&s->lock);
		if (likely(s == READ_ONCE(p->sighand)))
			break;
		spin_unlock_irqrestore(&s->lock, *irq);
	}
	rcu_read_unlock();
	return s;
}

/* Handlers live in the old program.  What is ignored stays ignored (execve(2)); the flags go. */
static void reset_handlers(struct sighand *s)
{
	for (int i = 0; i < NSIG_TOTAL; i++) {
		struct abi_sigaction *a = &s->action[i];
		u64 handler = a->handler == (u64)SIG_IGN ? (u64)SIG_IGN : (u64)SIG_DFL;

		*a = (struct abi_sigaction){ .handler = handler };
	}
}

void signal_exec(struct thread *t)
{
	struct sighand *s = t->process->sighand;
	u64 irq;

	irq = spin_lock_irqsave(&s->lock);
	reset_handlers(s);
	spin_unlock_irqrestore(&s->lock, irq);
	t->altstack_sp = 0;
	t->altstack_size = 0;
	t->altstack_flags = SS_DISABLE;
}
