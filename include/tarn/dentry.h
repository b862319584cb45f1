// SPDX-License-Identifier: MIT
/*
 * Dentries: names in directories, as the dcache remembers them.  fs/dcache.c.
 *
 * Life:  new -> hashed <-> unused (refs 0, still hashed) -> dead -> freed
 *   A dentry holds its inode and its parent.  A negative one (no inode) says that
 *   the name does not exist.
 *
 * Walks read the first cache line without locks and look at seq again afterwards.
 */
#pragma once

#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/rcu.h>

struct dentry;
struct inode;
struct strbuf;
struct super;

#define NAME_MAX_LEN 255

/* A name with its hash, not NUL-terminated. */
struct qstr {
	const char *name;
	u32 len, hash;
};

#define DF_ROOT BIT(0)
#define DF_MOUNTED BIT(1)       /* something is mounted here in some namespace */
#define DF_UNHASHED BIT(2)
#define DF_LRU BIT(4)
#define DF_REFERENCED BIT(5)
#define DF_PINNED BIT(6)        /* the file system holds a reference of its own until unlink (tmpfs) */

/*
 * op          may sleep   NULL means
 * revalidate  yes         always valid. false: look it up again (proc)
 * delete      no          keep unused dentries cached; true: drop at last put
 * name        yes         the plain name: for pseudo files ("pipe:[12]", "/memfd:x (deleted)")
 */
struct dentry_ops {
	bool (*revalidate)(struct dentry *d);
	bool (*delete)(const struct dentry *d);
	void (*name)(struct dentry *d, struct strbuf *out);
};

#define DENTRY_INLINE 40
struct dentry {
	/* Read by lock-free walks: first cache line */
	struct seqcount seq;            /* name, parent, inode, hashed change under it */
	_Atomic u32 flags;              /* DF_* [a] */
	struct hlist_node hash_node;    /* by parent and name: its bucket's lock, fs/dcache.c */
	struct dentry *parent;          /* counted; itself for a root; seq, lock */
	struct qstr name;               /* seq, lock */
	struct inode *inode;            /* NULL: negative; counted; seq, lock */

	struct refcount_or_dead {
		_Atomic s32 n;              /* >= 0 references (0: unused, cached), < 0 dead */
	} refs;
	struct spinlock lock;           /* LR_DENTRY: children, the fields above */
	const struct dentry_ops *ops;   /* [I] */
	struct super *super;            /* [I] */
	struct list children;           /* child->sibling: lock */
	struct list sibling;            /* parent's lock */
	struct list alias;              /* inode->aliases: inode->spin */
	struct list lru;                /* unused ones, oldest first: lru_lock of fs/dcache.c */
	void *private;                  /* the file system's own */
	char inline_name[DENTRY_INLINE]; /* where name.name points if it fits; as name */
	struct rcu_head rcu;
};

/* A new child, not hashed, refs 1; NULL: no memory. */
struct dentry *dentry_alloc(struct dentry *parent, const struct qstr *name);
struct dentry *dentry_alloc_root(struct inode *inode); /* takes the inode's reference */
/* A dentry outside of any directory; ops->name says how it shows.  Takes the inode's reference; NULL: no memory. */
struct dentry *dentry_alloc_pseudo(struct inode *inode, const char *name, const struct dentry_ops *ops);
/* lookup's answer: attaches @inode (reference taken over; NULL: negative) and hashes. */
void dentry_add(struct dentry *d, struct inode *inode);
/* create's answer: a negative hashed dentry becomes @inode's. */
void dentry_instantiate(struct dentry *d, struct inode *inode);
/* The caller has a reference, or its parent's inode->lock. */
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
/* Unhash: the next walk looks the name up again. */
void dentry_drop(struct dentry *d);
/* Forget a cached subtree (a process that ended in /proc); in-use ones are unhashed. */
void dentry_invalidate(struct dentry *d);
/* The cached child, with a reference, or NULL. No locks needed. */
struct dentry *dentry_lookup(struct dentry *parent, const struct qstr *name);
/* @name hashed as a name in @parent; the text stays the caller's. */
struct qstr qstr_make(const struct dentry *parent, const char *name, u32 len);
