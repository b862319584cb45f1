// SPDX-License-Identifier: MIT
/*
 * What advisory locks are made of: the lists of an inode, who waits for whom,
 * who pays.
 *
 * An inode has two lists, guarded by a lock of its own: flocks, and record locks
 * (POSIX and OFD) sorted by start.  One user's many locks slow down those who
 * lock the same file, nobody else.
 *
 * Who cannot have a lock waits for one that is in the way, the blocker.  A lock
 * that goes, shrinks or changes lets go of all its waiters: each looks at its list
 * again, and may find the next blocker.  So an edge of the graph always leads to a
 * lock that is there, and each new edge is looked at for the circle that EDEADLK
 * reports: a circle is found when its last edge comes, and no edge is stale.
 *
 *   waiter                            holder of A
 *   list lock: A is in the way
 *     graph lock: edge to A           list lock: A goes
 *   sleeps                              graph lock: the edge goes, wakes
 *   list lock: B is in the way ...
 *
 * Only POSIX waiters are asked about (LK_POSIX owners are processes; an open file
 * may be used by any), and as on Linux threads of one process are one owner.
 *
 * Locks: inode_locks->lock, then graph_lock, taken only if somebody waits; all_lock
 *   for the list that /proc/locks walks.
 * Limit: a user's locks take at most 1/64 of memory (ENOLCK), root's excepted.
 * Tests: tests/abi/ev_locks.c
 */
#include <linux/fcntl.h>
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/hash.h>
#include <tarn/inode.h>
#include <tarn/page.h>
#include <tarn/slab.h>
#include <tarn/super.h>
#include <tarn/thread.h>

#include "internal.h"
#include "locks_internal.h"

#define MAX_CYCLE 64 /* edges that are followed; Linux follows 10 */
#define OWNER_BUCKETS 256

struct spinlock locks_graph_lock = SPINLOCK_INIT("lock graph", LR_LOCK_GRAPH);
static struct hlist_head waiting[OWNER_BUCKETS]; /* graph_lock: POSIX waiters by owner */
static struct spinlock all_lock = SPINLOCK_INIT("all file locks", LR_LEAF);
static struct list all_locks = LIST_INIT(all_locks);

/* ---- an inode's lists ---- */

static struct inode_locks *locks_alloc(const struct inode *inode)
{
	struct inode_locks *l = kzalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return NULL;
	spin_init(&l->lock, "file locks", LR_FILE_LOCKS);
	list_init(&l->flocks);
	list_init(&l->records);
	ref_init(&l->refs, 1);
	l->dev = inode->super->dev;
	l->ino = inode->ino;
	return l;
}

struct inode_locks *locks_of(struct inode *inode, bool make)
{
	struct inode_locks *l = READ_ONCE(inode->locks), *fresh;

	if (l || !make)
		return l;
	fresh = locks_alloc(inode);
	if (!fresh)
		return NULL;
	spin_lock(&all_lock);
	l = inode->locks;
	if (!l) {
		list_add_tail(&all_locks, &fresh->all_node);
		rcu_assign(inode->locks, fresh);
	}
	spin_unlock(&all_lock);
	if (!l)
		return fresh;
	kfree(fresh);
	return l;
}

static void locks_put(struct inode_locks *l)
{
	if (!ref_put(&l->refs))
		return;
	spin_lock(&all_lock);
	list_del(&l->all_node);
	spin_unlock(&all_lock);
	kfree(l);
}

void inode_locks_free(struct inode *inode)
{
	if (inode->locks)
		locks_put(inode->locks);
	inode->locks = NULL;
}

struct inode_locks *locks_next(struct inode_locks *last)
{
	struct inode_locks *l;

	spin_lock(&all_lock);
	l = last ? list_next(&all_locks, last, all_node) :
		   list_first(&all_locks, struct inode_locks, all_node);
	/* One whose last reference is gone waits for our lock to leave the list. */
	while (l && !ref_get_unless_zero(&l->refs))
		l = list_next(&all_locks, l, all_node);
	spin_unlock(&all_lock);
	if (last)
		locks_put(last);
	return l;
}

bool flk_overlap(const struct flk *a, const struct flk *b)
{
	return a->start <= b->end && b->start <= a->end;
}

struct flk *flk_conflict(const struct list *list, const struct flk *want)
{
	struct flk *k;

	LIST_FOR_EACH(k, list, node) {
		if (k->start > want->end)
			break; /* sorted; flocks all start at 0 */
		if (k->owner != want->owner && flk_overlap(k, want) &&
		    (k->type == F_WRLCK || want->type == F_WRLCK))
			return k;
	}
	return NULL;
}

/* ---- who pays ---- */

static u64 most = 1024; /* set at boot */

void locks_limit_init(u64 pages)
{
	most = MAX(most, pages * PAGE_SIZE / 64 / sizeof(struct flk));
}

/* A capability is asked for only where it matters. */
static u64 limit(void)
{
	bool many = charge_of(current->cred->user, CHARGE_FILE_LOCKS) + 2 > most;

	return many && capable(CAP_SYS_RESOURCE) ? CHARGE_NO_LIMIT : most;
}

bool locks_promise(u32 n)
{
	return charge_try(current->cred->user, CHARGE_FILE_LOCKS, n, limit());
}

void locks_unpromise(u32 n)
{
	charge_drop(current->cred->user, CHARGE_FILE_LOCKS, n);
}

static void fill(struct flk *k, const struct flk *like, struct user *u)
{
	*k = *like;
	list_init(&k->waiters);
	k->user = u;
	user_get(u);
}

bool flk_fill(struct flk *k, const struct flk *req)
{
	struct user *u = current->cred->user;

	if (!charge_try(u, CHARGE_FILE_LOCKS, 1, limit()))
		return false;
	fill(k, req, u);
	return true;
}

void flk_fill_rest(struct flk *k, const struct flk *old)
{
	struct user *u = old->user ? old->user : current->cred->user;

	charge_try(u, CHARGE_FILE_LOCKS, 1, CHARGE_NO_LIMIT);
	fill(k, old, u);
}

void flk_free_list(struct list *dead)
{
	struct flk *k;

	while ((k = list_first(dead, struct flk, node)) != NULL) {
		list_del(&k->node);
		charge_return(k->user, CHARGE_FILE_LOCKS, 1);
		kfree(k);
	}
}

/* ---- who waits for whom ---- */

static struct hlist_head *bucket(const void *owner)
{
	return &waiting[hash_ptr(owner) % OWNER_BUCKETS];
}

static const struct flk *owner_waits_for(const void *owner) MUST_HOLD(&locks_graph_lock)
{
	struct lock_waiter *w;

	HLIST_FOR_EACH(w, bucket(owner), owner_node)
		if (w->req->owner == owner)
			return w->blocker;
	return NULL;
}

static bool deadlocks(const struct flk *req, const struct flk *blocker) MUST_HOLD(&locks_graph_lock)
{
	for (int i = 0; blocker && i < MAX_CYCLE; i++) {
		if (blocker->owner == req->owner)
			return true;
		blocker = owner_waits_for(blocker->owner);
	}
	return false;
}

void lock_waiter_init(struct lock_waiter *w, const struct flk *req)
{
	*w = (struct lock_waiter){ .req = req };
	waitq_init(&w->waitq);
}

int lock_wait_for(struct lock_waiter *w, struct flk *blocker)
{
	bool posix = w->req->kind == LK_POSIX;
	int err = 0;

	spin_lock(&locks_graph_lock);
	if (posix && deadlocks(w->req, blocker)) {
		err = -EDEADLK;
	} else {
		w->blocker = blocker;
		list_add_tail(&blocker->waiters, &w->node);
		if (posix)
			hlist_add_head(bucket(w->req->owner), &w->owner_node);
	}
	spin_unlock(&locks_graph_lock);
	return err;
}

static void drop_edge(struct lock_waiter *w) MUST_HOLD(&locks_graph_lock)
{
	list_del(&w->node);
	if (w->req->kind == LK_POSIX)
		hlist_del(&w->owner_node);
	WRITE_ONCE(w->blocker, NULL);
}

/* The lock is taken even if the edge is gone: who dropped it may still be waking us. */
int lock_wait(struct lock_waiter *w)
{
	int err = wait_event_interruptible(&w->waitq, !READ_ONCE(w->blocker));

	spin_lock(&locks_graph_lock);
	if (w->blocker)
		drop_edge(w);
	spin_unlock(&locks_graph_lock);
	return err;
}

/* No waiter comes without the inode's lock, which the caller holds; those that are there may give up. */
void locks_let_go(struct flk *k)
{
	struct lock_waiter *w;

	if (list_empty(&k->waiters))
		return;
	spin_lock(&locks_graph_lock);
	while ((w = list_first(&k->waiters, struct lock_waiter, node)) != NULL) {
		drop_edge(w);
		waitq_wake_all(&w->waitq, 0);
	}
	spin_unlock(&locks_graph_lock);
}
