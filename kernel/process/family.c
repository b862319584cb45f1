// SPDX-License-Identifier: MIT
/*
 * Parents and children: who waits for whom, who inherits whom, which process
 * groups are orphaned.
 *
 * A child belongs to a process, and there to the thread that made it: that one's
 * end raises PR_SET_PDEATHSIG and hands the child to another thread of the
 * process; the last thread's end hands it to the nearest subreaper or to init.
 *
 * Everything a user may have thousands of costs the same for each however many
 * there are.  Zombies that wait for their parent stand in a tree by their place
 * among its children, so that wait(2) takes them in the order of birth, as Linux
 * does.  A group counts its anchors: members whose parent is in another group of
 * the session (the shell of a job); without any it is orphaned.  Children change
 * hands a few at a time, with the lock dropped in between.
 *
 * Locks: the tree lock for everything.  Tests: tests/abi/proc_wait.c, proc_ids.c.
 */
#include "internal.h"

#include <tarn/time.h>

#define HANDED_AT_ONCE 64

/* ---- children ---- */

static u64 last_birth; /* tree lock */

static void zombie_insert(struct process *c)
{
	struct rb_root *root = &c->parent->zombies;
	struct rb_node **link = &root->node, *above = NULL;

	while (*link) {
		above = *link;
		link = c->birth < rb_entry(above, struct process, zombie_node)->birth ? &above->left : &above->right;
	}
	rb_insert(root, &c->zombie_node, above, link, NULL);
}

void family_zombie_leave(struct process *c)
{
	if (rb_is_clear(&c->zombie_node))
		return;
	rb_erase(&c->parent->zombies, &c->zombie_node, NULL);
	rb_clear(&c->zombie_node);
}

void family_zombie_join(struct process *c)
{
	assert_held(&proc_tree_lock);
	zombie_insert(c);
}

static void link_child(struct process *c, struct process *parent, struct thread *maker)
{
	c->birth = ++last_birth;
	list_add_tail(&parent->children, &c->sibling);
	if (maker)
		list_add_tail(&maker->children, &c->by_thread);
	rcu_assign(c->parent, parent);
	c->parent_thread = maker;
}

void family_add(struct process *c, struct process *parent, struct thread *maker)
{
	assert_held(&proc_tree_lock);
	link_child(c, parent, maker);
}

static void unlink_child(struct process *c)
{
	family_zombie_leave(c);
	list_del_init(&c->sibling);
	list_del_init(&c->by_thread);
}

void family_leave(struct process *c)
{
	assert_held(&proc_tree_lock);
	unlink_child(c);
}

/* ---- orphaned groups ---- */

static bool is_anchor(const struct process *p)
{
	const struct process *parent = p->parent;

	return !p->zombie && parent && parent != init_process && parent->pgrp != p->pgrp &&
	       parent->session == p->pgrp->session;
}

void pgrp_count_anchor(struct process *p)
{
	bool anchor = is_anchor(p);

	assert_held(&proc_tree_lock);
	if (anchor == p->anchor)
		return;
	p->anchor = anchor;
	p->pgrp->anchors += anchor ? 1 : -1;
}

void pgrp_count_children(struct process *p)
{
	struct process *c;

	LIST_FOR_EACH(c, &p->children, sibling)
		if (c->pgrp)
			pgrp_count_anchor(c);
}

/* A job whose last link to its shell goes: if somebody in it is stopped, nobody could continue it. */
static void hangup_if_stopped(struct pgrp *g, const struct process *dying)
{
	struct process *p;
	bool stopped = false;

	LIST_FOR_EACH(p, &g->members, pgrp_node)
		if (p != dying && p->stopped)
			stopped = true;
	if (!stopped)
		return;
	LIST_FOR_EACH(p, &g->members, pgrp_node) {
		signal_process(p, SIGHUP);
		signal_process(p, SIGCONT);
	}
}

void pgrp_anchor_lost(struct process *p, const struct process *dying)
{
	bool was = p->anchor;

	pgrp_count_anchor(p);
	if (was && !p->anchor && !p->pgrp->anchors)
		hangup_if_stopped(p->pgrp, dying);
}

/* ---- inheritance ---- */

/* A thread of @p that is not on its way out, or NULL. */
static struct thread *living_thread(struct process *p)
{
	struct thread *t;

	LIST_FOR_EACH(t, &p->threads, group_node)
		if (!(READ_ONCE(t->flags) & TF_EXITING))
			return t;
	return NULL;
}

/* The nearest ancestor that asked to get orphans, or init. */
static struct process *new_parent_for(struct process *p)
{
	struct process *a;

	for (a = p->parent; a && a != init_process && !a->is_kernel; a = a->parent)
		if (a->is_subreaper && !a->group_exit && living_thread(a))
			return a;
	return init_process;
}

/* From the thread that dies, with its rights. */
static void send_pdeath_signal(struct process *child)
{
	struct ksiginfo info;
	struct thread *t;

	LIST_FOR_EACH(t, &child->threads, group_node) {
		if (!t->pdeath_signal || signal_check_permission(t, t->pdeath_signal))
			continue;
		siginfo_user(&info, t->pdeath_signal, SI_USER);
		signal_send_process(child, &info);
	}
}

/* @c goes from @p to @heir; if it is dead and the new parent does not care, to @dead. */
static void hand_to_heir(struct process *c, struct process *p, struct process *heir, struct list *dead)
{
	bool waits = !rb_is_clear(&c->zombie_node);
	struct thread *maker = living_thread(heir);

	unlink_child(c);
	link_child(c, heir, maker ? maker : heir->leader);
	c->exit_signal = SIGCHLD;
	send_pdeath_signal(c);
	if (!c->zombie) {
		pgrp_anchor_lost(c, p);
	} else if (waits && process_notify_parent(c)) {
		c->reaped = true;
		list_del_init(&c->sibling);
		list_add_tail(dead, &c->sibling);
	} else if (waits) {
		zombie_insert(c);
	}
}

static void hand_to_thread(struct process *c, struct thread *maker)
{
	list_del(&c->by_thread);
	list_add_tail(&maker->children, &c->by_thread);
	c->parent_thread = maker;
	send_pdeath_signal(c);
}

void family_hand_over(struct thread *t, u32 most, struct list *dead)
{
	struct process *p = t->process, *heir, *c;
	struct thread *other;

	assert_held(&proc_tree_lock);
	if (list_empty(&t->children))
		return;
	other = living_thread(p);
	heir = other ? NULL : new_parent_for(p);
	while (most-- && (c = list_first(&t->children, struct process, by_thread))) {
		if (other)
			hand_to_thread(c, other);
		else
			hand_to_heir(c, p, heir, dead);
	}
}

void family_release_dead(struct list *dead)
{
	struct process *c, *tmp;

	LIST_FOR_EACH_SAFE(c, tmp, dead, sibling)
		process_release(c);
}

void family_before_exit(struct thread *t)
{
	struct list dead = LIST_INIT(dead);
	bool more = !list_empty(&t->children); /* what comes later, finish_exit() hands over */
	u64 irq;

	while (more) {
		irq = spin_lock_irqsave(&proc_tree_lock);
		family_hand_over(t, HANDED_AT_ONCE, &dead);
		more = !list_empty(&t->children);
		spin_unlock_irqrestore(&proc_tree_lock, irq);
		family_release_dead(&dead);
		list_init(&dead);
		cond_resched();
	}
}
