// SPDX-License-Identifier: MIT
/*
 * Users: what is counted per user rather than per process (charge.c) hangs on them.
 *
 * A hash table of the users that some cred or charged object refers to.  The
 * lock is taken with interrupts off: the last reference may go with a signal
 * that an interrupt handler dropped.
 */
#include "internal.h"

#define USER_BUCKETS 64

static struct spinlock user_lock = SPINLOCK_INIT("user", LR_LEAF);
static struct user *buckets[USER_BUCKETS];

/* Never freed: its own reference is kept for ever.  Not in the table: found by its number. */
struct user root_user = { .uid = 0, .refs = 1 };

static struct user **user_bucket(uid_t uid)
{
	return &buckets[(uid ^ (uid >> 6)) % USER_BUCKETS];
}

static struct user *user_lookup_locked(uid_t uid)
{
	struct user *u = *user_bucket(uid);

	while (u && u->uid != uid)
		u = u->next;
	return u;
}

void user_get(struct user *u)
{
	atomic_fetch_add_explicit(&u->refs, 1, memory_order_relaxed);
}

struct user *user_find_or_make(uid_t uid)
{
	struct user *fresh, *u;
	u64 irq;

	if (uid == 0) {
		user_get(&root_user);
		return &root_user;
	}
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	fresh->uid = uid;
	irq = spin_lock_irqsave(&user_lock);
	u = user_lookup_locked(uid);
	if (!u) {
		u = fresh;
		u->next = *user_bucket(uid);
		*user_bucket(uid) = u;
	}
	user_get(u);
	spin_unlock_irqrestore(&user_lock, irq);
	if (u != fresh)
		kfree(fresh);
	return u;
}

static void user_unhash(struct user *u)
{
	struct user **link = user_bucket(u->uid);

	while (*link != u)
		link = &(*link)->next;
	*link = u->next;
}

void user_put(struct user *u)
{
	u64 irq = spin_lock_irqsave(&user_lock);
	bool last = atomic_fetch_sub_explicit(&u->refs, 1, memory_order_acq_rel) == 1;

	if (last)
		user_unhash(u);
	spin_unlock_irqrestore(&user_lock, irq);
	if (last)
		kfree(u);
}
