// SPDX-License-Identifier: MIT
/* Advisory locks for locks.c, locks_list.c and locks_show.c; locks_list.c's head tells how they work. */
#pragma once

#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/refcount.h>
#include <tarn/waitq.h>

#define RANGE_END 0x7fffffffffffffffull

struct user;
struct inode;

enum lock_kind { LK_FLOCK, LK_POSIX, LK_OFD };

/* A lock that is held, or (on the caller's stack, never on a list) one that is asked for. */
struct flk {
	struct list node;        /* inode_locks->lock */
	struct list waiters;     /* graph_lock: struct lock_waiter */
	struct user *user;       /* [I] charged for it; NULL: not yet on a list */
	enum lock_kind kind;     /* [I] */
	const void *owner;       /* [I] struct files (POSIX) or struct file */
	pid_t pid;               /* [I] who asked, for F_GETLK; -1 for OFD */
	short type;              /* F_RDLCK, F_WRLCK */
	u64 start, end;          /* inclusive; inode_locks->lock */
};

struct inode_locks {
	struct spinlock lock;    /* LR_FILE_LOCKS */
	struct list flocks GUARDED_BY(&lock);
	struct list records GUARDED_BY(&lock); /* by start */
	struct refcount refs;    /* the inode's, and each reader's of /proc/locks */
	kdev_t dev;              /* [I] */
	u64 ino;                 /* [I] */
	struct list all_node;    /* all_lock */
};

/* Who sleeps until @blocker goes or changes. */
struct lock_waiter {
	struct list node;        /* graph_lock: blocker->waiters */
	struct hlist_node owner_node; /* graph_lock: POSIX waiters by owner */
	struct flk *blocker;     /* graph_lock to write; NULL: look again */
	const struct flk *req;   /* [I] */
	struct waitq waitq;
};

/* The inode's, made if @make; NULL: there are none, or no memory. */
struct inode_locks *locks_of(struct inode *inode, bool make);
bool flk_overlap(const struct flk *a, const struct flk *b);
/* A lock on @list that keeps @want from being set. */
struct flk *flk_conflict(const struct list *list, const struct flk *want);
/* @k becomes a charged copy of @req, to be put on a list.  False: the user has as many as he may. */
bool flk_fill(struct flk *k, const struct flk *req);
/* The same for what is left of @old, one of its user's; there is no limit for that. */
void flk_fill_rest(struct flk *k, const struct flk *old);
void flk_free_list(struct list *dead);
/* For the locks that a call adds to what the user has: true if he may, and then they count until locks_unpromise(). */
bool locks_promise(u32 n);
void locks_unpromise(u32 n);

void lock_waiter_init(struct lock_waiter *w, const struct flk *req);
/* With the inode's lock held: @w waits for @blocker.  -EDEADLK: that would close a circle. */
int lock_wait_for(struct lock_waiter *w, struct flk *blocker);
/* Sleeps until the blocker goes: 0 or -ERESTARTSYS. */
int lock_wait(struct lock_waiter *w);
/* With the inode's lock held: @k goes or changes. */
void locks_let_go(struct flk *k);

/* For locks_show.c: the next of all, with a reference; puts @last. */
struct inode_locks *locks_next(struct inode_locks *last);
extern struct spinlock locks_graph_lock;
