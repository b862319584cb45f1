// SPDX-License-Identifier: MIT
/*
 * Processes as members: of the tree of parents and children, of process groups
 * and sessions; how the first ones come to be.
 *
 * A process holds one reference on itself while it is in the tree, and each of
 * its threads holds one while the thread's struct lives.  A group is freed with
 * its last member; a session when no group and no terminal refers to it.
 */
#include "internal.h"

#include <tarn/fd.h>
#include <tarn/path.h>
#include <tarn/poll.h>
#include <tarn/time.h>
#include <tarn/mm.h>

struct process *init_process;

static struct sighand kernel_sighand = {
	.refs = { 1 },
	.lock = SPINLOCK_INIT("sighand", LR_SIGNAL),
	.signalfd_waitq = WAITQ_INIT(kernel_sighand.signalfd_waitq),
};

static struct session kernel_session = { .refs = { 1 } };
static struct pgrp kernel_pgrp = {
	.session = &kernel_session,
	.members = LIST_INIT(kernel_process.pgrp_node), /* for ever: so it is never freed */
};

struct process kernel_process = {
	.refs = { 1 },
	.threads = LIST_INIT(kernel_process.threads),
	.children = LIST_INIT(kernel_process.children),
	.sibling = LIST_INIT(kernel_process.sibling),
	.pgrp_node = LIST_INIT(kernel_pgrp.members),
	.ignored_timers = LIST_INIT(kernel_process.ignored_timers),
	.pgrp = &kernel_pgrp,
	.session = &kernel_session,
	.sighand = &kernel_sighand,
	.sig.items = LIST_INIT(kernel_process.sig.items),
	.wait_children = WAITQ_INIT(kernel_process.wait_children),
	.pidfd_waitq = WAITQ_INIT(kernel_process.pidfd_waitq),
	.exec_lock = MUTEX_INIT(kernel_process.exec_lock, "exec", LR_PROC_EXEC),
	.rlimit_lock = SPINLOCK_INIT("rlimit", LR_LEAF),
	.is_kernel = true,
};

/* ---- alloc and free ---- */

struct process *process_alloc(void)
{
	struct process *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	ref_init(&p->refs, 1);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->by_thread);
	rb_clear(&p->zombie_node);
	list_init(&p->pgrp_node);
	sigqueue_init(&p->sig);
	waitq_init(&p->wait_children);
	waitq_init(&p->pidfd_waitq);
	mutex_init(&p->exec_lock, "exec", LR_PROC_EXEC);
	spin_init(&p->rlimit_lock, "rlimit", LR_LEAF);
	process_timers_init(p);
	p->exit_signal = SIGCHLD;
	p->dumpable = true;
	p->start_time = clock_monotonic();
	return p;
}

static void process_free_rcu(struct rcu_head *h)
{
	struct process *p = container_of(h, struct process, rcu);

	if (p->sighand)
		sighand_put(p->sighand);
	kfree(p);
}

void process_put(struct process *p)
{
	if (ref_put(&p->refs))
		rcu_call(&p->rcu, process_free_rcu);
}

/* ---- groups and sessions ---- */

static void session_free_slot(struct session *s)
{
	struct pid_slot *slot = pid_find(s->id);

	if (slot && slot->session == s) {
		rcu_assign(slot->session, NULL);
		pid_release_if_unused(slot);
	}
	kfree_rcu(s);
}

/* Tree lock held. */
static void session_put_locked(struct session *s)
{
	if (ref_put(&s->refs))
		session_free_slot(s);
}

void session_put(struct session *s)
{
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	session_put_locked(s);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

void process_join_pgrp(struct process *p, struct pgrp *g)
{
	assert_held(&proc_tree_lock);
	rcu_assign(p->pgrp, g);
	rcu_assign(p->session, g->session);
	list_add_tail(&g->members, &p->pgrp_node);
	pgrp_count_anchor(p);
	pgrp_count_children(p);
}

void process_leave_pgrp(struct process *p)
{
	struct pgrp *g = p->pgrp;
	struct pid_slot *slot;

	assert_held(&proc_tree_lock);
	list_del_init(&p->pgrp_node);
	g->anchors -= p->anchor;
	p->anchor = false;
	if (!list_empty(&g->members))
		return;
	slot = pid_find(g->id);
	if (slot && slot->pgrp == g) {
		rcu_assign(slot->pgrp, NULL);
		pid_release_if_unused(slot);
	}
	session_put_locked(g->session);
	kfree_rcu(g);
}

bool pgrp_is_orphaned(pid_t pgid)
{
	u64 irq = spin_lock_irqsave(&proc_tree_lock);
	struct pgrp *g = pgrp_find(pgid);
	bool orphaned = !g || !g->anchors;

	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return orphaned;
}

bool pgrp_in_session(pid_t pgid, struct session *s)
{
	u64 irq = spin_lock_irqsave(&proc_tree_lock);
	struct pgrp *g = pgrp_find(pgid);
	bool in = g && g->session == s;

	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return in;
}

/* ---- out of the tree ---- */

void process_release(struct process *p)
{
	struct sighand *s;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	assert(p->zombie && list_empty(&p->children));
	p->reaped = true;
	family_leave(p);
	process_leave_pgrp(p);
	s = p->sighand;
	spin_lock(&s->lock);
	thread_unlink(p->leader);
	sigqueue_flush(&p->sig);
	spin_unlock(&s->lock);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	waitq_wake_all(&p->pidfd_waitq, POLLIN | POLLRDNORM | POLLHUP);
	process_put(p);
}

/* ---- the first ones ---- */

void process_init(void)
{
	signal_init();
}

int process_adopt_kthread(struct thread *t)
{
	struct pid_slot *slot;
	u64 irq;
	int err = pid_reserve(0, &slot);

	if (err)
		return err;
	t->flags |= TF_KTHREAD;
	t->cred = cred_get(&root_cred);
	t->blocked = ~0ull;
	irq = spin_lock_irqsave(&proc_tree_lock);
	spin_lock(&kernel_sighand.lock);
	thread_link(t, &kernel_process, slot);
	spin_unlock(&kernel_sighand.lock);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return 0;
}

static void rlimits_of_init(struct process *p)
{
	const u64 infinity = ~0ull;
	u64 threads = thread_limit() / 2;

	for (unsigned int i = 0; i < RLIM_COUNT; i++)
		p->rlimits[i] = (struct rlimit64_pair){ infinity, infinity };
	p->rlimits[RLIMIT_STACK] = (struct rlimit64_pair){ 8 << 20, infinity };
	p->rlimits[RLIMIT_CORE].cur = 0;
	p->rlimits[RLIMIT_NPROC] = (struct rlimit64_pair){ threads, threads };
	p->rlimits[RLIMIT_NOFILE] = (struct rlimit64_pair){ 1024, 4096 };
	p->rlimits[RLIMIT_MEMLOCK] = (struct rlimit64_pair){ 8 << 20, 8 << 20 };
	p->rlimits[RLIMIT_SIGPENDING] = (struct rlimit64_pair){ threads, threads };
	p->rlimits[RLIMIT_MSGQUEUE] = (struct rlimit64_pair){ 819200, 819200 };
	p->rlimits[RLIMIT_NICE] = (struct rlimit64_pair){ 0, 0 };
	p->rlimits[RLIMIT_RTPRIO] = (struct rlimit64_pair){ 0, 0 };
}

static struct fs_context *fs_context_of_init(void)
{
	struct fs_context *fs = kzalloc(sizeof(*fs), GFP_KERNEL);

	if (fs) {
		ref_init(&fs->refs, 1);
		spin_init(&fs->lock, "fs_context", LR_LEAF);
		fs->umask = 022;
	}
	return fs;
}

/* Session and group 0, as Linux's init has until it calls setsid(2). */
static void link_init(struct process *p, struct thread *t, struct pid_slot *slot)
{
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	spin_lock(&p->sighand->lock);
	p->pid = slot->nr;
	p->leader = t;
	family_add(p, &kernel_process, NULL);
	process_join_pgrp(p, &kernel_pgrp);
	thread_link(t, p, slot);
	init_process = p;
	spin_unlock(&p->sighand->lock);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

struct thread *process_create_init(void (*fn)(void *arg), void *arg)
{
	struct process *p = process_alloc();
	struct thread *t = thread_alloc();
	struct pid_slot *slot;

	if (!p || !t || pid_reserve(1, &slot))
		panic("no memory or no pid 1 for init");
	p->sighand = sighand_alloc();
	t->files = files_alloc();
	t->fs = fs_context_of_init();
	if (!p->sighand || !t->files || !t->fs)
		panic("no memory for init");
	t->cred = cred_get(&root_cred);
	t->ns = &init_namespaces;
	t->flags |= TF_FORKNOEXEC;
	strscpy(t->comm, "init", sizeof(t->comm));
	rlimits_of_init(p);
	sched_fork(t);
	arch_thread_init_kernel(t, fn, arg);
	link_init(p, t, slot);
	return t;
}
