// SPDX-License-Identifier: MIT
/*
 * Credentials: who a thread is, what it may do.
 *
 * A struct cred never changes once a thread runs with it; a change copies,
 * edits and commits.  Others look at a thread's cred under RCU.  cred.user
 * always belongs to cred.uid: whoever edits uid calls cred_set_user().
 */
#include "internal.h"
#include "caps.h"
#include "cred_edit.h"


struct cred root_cred = {
	.refs = { 1 },
	.cap_effective = CAP_ALL,
	.cap_permitted = CAP_ALL,
	.cap_bounding = CAP_ALL,
	.user = &root_user,
};

static void cred_free_rcu(struct rcu_head *h)
{
	struct cred *c = container_of(h, struct cred, rcu);

	user_put(c->user);
	kfree(c->groups);
	kfree(c);
}

void cred_put(const struct cred *cc)
{
	struct cred *c = (struct cred *)cc;

	if (ref_put(&c->refs))
		rcu_call(&c->rcu, cred_free_rcu);
}

struct cred *cred_copy(const struct cred *old)
{
	struct cred *c = (struct cred *)kmemdup(old, sizeof(*old), GFP_KERNEL);

	if (!c)
		return NULL;
	ref_init(&c->refs, 1);
	if (old->ngroups) {
		c->groups = (gid_t *)kmemdup(old->groups, old->ngroups * sizeof(gid_t), GFP_KERNEL);
		if (!c->groups) {
			kfree(c);
			return NULL;
		}
	}
	user_get(c->user);
	return c;
}

int cred_set_user(struct cred *c, uid_t uid)
{
	struct user *u;

	if (uid != c->user->uid) {
		u = user_find_or_make(uid);
		if (!u)
			return -ENOMEM;
		user_put(c->user);
		c->user = u;
	}
	c->uid = uid;
	return 0;
}

/* A program that could not be looked at before must not become readable by a change of ids. */
static void hide_after_change(const struct cred *old, const struct cred *new)
{
	bool more_caps = (new->cap_permitted & ~old->cap_permitted) != 0;

	if (old->euid == new->euid && old->egid == new->egid && old->fsuid == new->fsuid &&
	    old->fsgid == new->fsgid && !more_caps)
		return;
	current->process->dumpable = false;
	current->pdeath_signal = 0;
}

void cred_commit(struct cred *new)
{
	const struct cred *old = current->cred;

	hide_after_change(old, new);
	if (new->user != old->user) {
		charge_try(new->user, CHARGE_THREADS, 1, CHARGE_NO_LIMIT);
		charge_drop(old->user, CHARGE_THREADS, 1);
	}
	rcu_assign(current->cred, new);
	cred_put(old);
}

const struct cred *thread_cred_get(struct thread *t)
{
	const struct cred *c;

	rcu_read_lock();
	do {
		c = rcu_dereference(t->cred);
	} while (!ref_get_unless_zero((struct refcount *)&c->refs));
	rcu_read_unlock();
	return c;
}

const struct cred *current_cred(void)
{
	return current->real_cred_override ? current->real_cred_override : current->cred;
}

bool cred_in_group(const struct cred *c, gid_t gid)
{
	u32 low = 0, high = c->ngroups;

	if (gid == c->fsgid)
		return true;
	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (c->groups[mid] == gid)
			return true;
		if (c->groups[mid] < gid)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

bool cred_capable(const struct cred *c, int cap)
{
	return c->cap_effective >> cap & 1;
}

bool capable(int cap)
{
	return cred_capable(current_cred(), cap);
}
