// SPDX-License-Identifier: MIT
/*
 * rename(2), renameat2(2).
 *
 * Locks: super->rename_lock when two directories take part, so that the tree's
 * shape stands still; then the directories, an ancestor first, else by
 * address; then the inodes moved, directories before others, by address.
 *
 * "trap": with one directory above the other, the entry of the upper one that
 * leads to the lower.  Moving it would make a loop, replacing it is ENOTEMPTY.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/inotify.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/slab.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

struct renaming {
	struct walk from, to;
	struct dentry *old_dir, *new_dir, *trap;
	struct dentry *old, *new;
	u32 flags;
	char *new_name, *old_name; /* dentry_name_dup'ed */
};

static _Atomic u32 next_cookie = 1;

/* The child of @upper on the way down to @lower, or NULL.  rename_lock held: parents stand still. */
static struct dentry *child_towards(struct dentry *upper, struct dentry *lower)
{
	for (struct dentry *d = lower; d->parent != d; d = d->parent)
		if (d->parent == upper)
			return d;
	return NULL;
}

static void lock_dirs(struct renaming *r) NO_LOCK_CHECK
{
	struct dentry *a = r->old_dir, *b = r->new_dir, *first;

	r->trap = NULL;
	if (a == b) {
		rwsem_write_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&a->super->rename_lock);
	r->trap = child_towards(a, b);
	first = a;
	if (!r->trap) {
		r->trap = child_towards(b, a);
		if (r->trap || b->inode < a->inode)
			first = b;
	}
	rwsem_write_lock(&first->inode->lock);
	rwsem_write_lock_nested(&(first == a ? b : a)->inode->lock);
}

static void unlock_dirs(struct renaming *r) NO_LOCK_CHECK
{
	rwsem_write_unlock(&r->old_dir->inode->lock);
	if (r->old_dir != r->new_dir) {
		rwsem_write_unlock(&r->new_dir->inode->lock);
		mutex_unlock(&r->old_dir->super->rename_lock);
	}
}

/* ---- the inodes moved ---- */

static void lock_one(struct inode *inode) ACQUIRES(&inode->lock)
{
	rwsem_write_lock_nested(&inode->lock);
}

static void lock_moved(struct inode *a, struct inode *b) NO_LOCK_CHECK
{
	bool b_first;

	if (!b) {
		lock_one(a);
		return;
	}
	if (mode_is_dir(a->mode) != mode_is_dir(b->mode))
		b_first = mode_is_dir(b->mode);
	else
		b_first = b < a;
	lock_one(b_first ? b : a);
	lock_one(b_first ? a : b);
}

static void unlock_moved(struct inode *a, struct inode *b) NO_LOCK_CHECK
{
	rwsem_write_unlock(&a->lock);
	if (b)
		rwsem_write_unlock(&b->lock);
}

/* ---- checks ---- */

/* Both looked up: what the names alone forbid. */
static int check_names(const struct renaming *r)
{
	bool exchange = r->flags & RENAME_EXCHANGE;

	if (!r->old->inode)
		return -ENOENT;
	if ((r->flags & RENAME_NOREPLACE) && r->new->inode)
		return -EEXIST;
	if (exchange) {
		if (!r->new->inode)
			return -ENOENT;
		if (!mode_is_dir(r->new->inode->mode) && r->to.trailing_slash)
			return -ENOTDIR;
	}
	if (!mode_is_dir(r->old->inode->mode)) {
		if (r->from.trailing_slash)
			return -ENOTDIR;
		if (!exchange && r->to.trailing_slash)
			return -ENOTDIR;
	}
	if (r->old == r->trap)
		return -EINVAL;
	if (r->new == r->trap)
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_permissions(const struct renaming *r)
{
	struct inode *od = r->old_dir->inode, *nd = r->new_dir->inode;
	bool is_dir = mode_is_dir(r->old->inode->mode);
	bool exchange = r->flags & RENAME_EXCHANGE;
	int err = perm_delete(od, r->old, is_dir);

	if (err)
		return err;
	if (!r->new->inode)
		err = perm_create(nd);
	else
		err = perm_delete(nd, r->new,
				  exchange ? mode_is_dir(r->new->inode->mode) : is_dir);
	if (err)
		return err;
	if (!od->ops->rename)
		return -EPERM;
	if (od == nd)
		return 0;
	/* A directory's ".." is written when it moves. */
	if (is_dir)
		err = inode_permission(r->old->inode, MAY_WRITE);
	if (!err && exchange && mode_is_dir(r->new->inode->mode))
		err = inode_permission(r->new->inode, MAY_WRITE);
	return err;
}

/* ---- doing it ---- */

/* @moved has gone from @old_name of @from to @new_name of @to, in the place of @target if there was one. */
static void tell(struct dentry *moved, struct dentry *from, const struct qstr *old_name,
		 struct dentry *to, const struct qstr *new_name, struct dentry *target)
{
	u32 cookie = atomic_fetch_add(&next_cookie, 1);
	u32 dir = mode_is_dir(moved->inode->mode) ? NOTIFY_IS_DIR : 0;

	notify_name(from->inode, old_name, IN_MOVED_FROM | dir, cookie);
	notify_name(to->inode, new_name, IN_MOVED_TO | dir, cookie);
	if (target)
		notify_dentry_self(target, IN_ATTRIB);
	notify_dentry_self(moved, IN_MOVE_SELF); /* without IN_ISDIR, as on Linux */
}

/* The file system has done it: the dcache follows. */
static void move_dentries(struct renaming *r)
{
	struct inode *target = r->new->inode;

	if (r->flags & RENAME_EXCHANGE) {
		u32 a_len = r->new->name.len, b_len = r->old->name.len;
		struct qstr a = { r->new_name, a_len, 0 }, b = { r->old_name, b_len, 0 };

		tell(r->old, r->old_dir, &b, r->new_dir, &a, NULL);
		tell(r->new, r->new_dir, &a, r->old_dir, &b, NULL);
		dentry_exchange(r->old, r->new, r->new_name, r->old_name);
		r->old_name = NULL;
	} else {
		struct qstr from = { r->old->name.name, r->old->name.len, 0 };
		struct qstr to = { r->new_name, r->new->name.len, 0 };

		if (target && mode_is_dir(target->mode)) {
			inode_set_dead(target);
			dentry_prune_children(r->new);
		}
		tell(r->old, r->old_dir, &from, r->new_dir, &to, target ? r->new : NULL);
		dentry_drop(r->new);
		dentry_move(r->old, r->new_dir, r->new_name, to.len);
	}
	r->new_name = NULL;
}

static int do_rename(struct renaming *r)
{
	struct inode *source = r->old->inode, *target = r->new->inode;
	int err;

	if (source == target)
		return 0;
	err = check_permissions(r);
	if (err)
		return err;
	r->new_name = dentry_name_dup(&r->new->name);
	if (r->flags & RENAME_EXCHANGE)
		r->old_name = dentry_name_dup(&r->old->name);
	if (!r->new_name || ((r->flags & RENAME_EXCHANGE) && !r->old_name))
		return -ENOMEM;
	lock_moved(source, target);
	if (dentry_is_mountpoint(r->old) || dentry_is_mountpoint(r->new))
		err = -EBUSY;
	else
		err = r->old_dir->inode->ops->rename(r->old_dir->inode, r->old, r->new_dir->inode,
						     r->new, r->flags & ~(u32)RENAME_NOREPLACE);
	unlock_moved(source, target);
	if (!err)
		move_dentries(r);
	return err;
}

static int lookup_and_rename(struct renaming *r)
{
	int err;

	r->old = lookup_locked(r->old_dir, &r->from.last, r->from.flags);
	if (IS_ERR(r->old))
		return (int)PTR_ERR(r->old);
	r->new = lookup_locked(r->new_dir, &r->to.last, r->to.flags);
	err = PTR_ERR_OR_ZERO(r->new);
	if (!err) {
		err = check_names(r);
		if (!err)
			err = do_rename(r);
		dentry_put(r->new);
	}
	dentry_put(r->old);
	return err;
}

/* Both walks stand at their parents.  A replaced inode's end comes after the locks. */
static int rename_last(struct renaming *r)
{
	struct dentry *target;
	struct inode *victim = NULL;
	int err;

	if (r->from.path.mnt != r->to.path.mnt)
		return -EXDEV;
	if (r->from.last_kind != LAST_NAME)
		return -EBUSY;
	if (r->to.last_kind != LAST_NAME)
		return (r->flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
	err = mount_want_write(r->from.path.mnt);
	if (err)
		return err;
	r->old_dir = r->from.path.dentry;
	r->new_dir = r->to.path.dentry;
	lock_dirs(r);
	target = dentry_lookup(r->new_dir, &r->to.last);
	if (target && target->inode) {
		victim = target->inode;
		inode_get(victim);
	}
	if (target)
		dentry_put(target);
	err = lookup_and_rename(r);
	unlock_dirs(r);
	if (victim)
		inode_put(victim);
	kfree(r->new_name);
	kfree(r->old_name);
	return err;
}

static int check_flags(u32 flags)
{
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	return 0;
}

static int rename_names(int olddfd, const char *from, int newdfd, const char *to, u32 flags)
{
	struct renaming *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

	if (!r)
		return -ENOMEM;
	r->flags = flags;
	err = walk_begin(&r->from, olddfd, NULL, from, 0);
	if (!err)
		err = walk_parent(&r->from);
	if (!err) {
		err = walk_begin(&r->to, newdfd, NULL, to, 0);
		if (!err)
			err = walk_parent(&r->to);
		if (!err)
			err = rename_last(r);
		walk_end(&r->to);
	}
	walk_end(&r->from);
	kfree(r);
	return err;
}

long sys_renameat2(int olddfd, const char __user *ufrom, int newdfd, const char __user *uto,
		   unsigned int flags)
{
	char *from, *to;
	long err = check_flags(flags);

	if (err)
		return err;
	from = path_name_get(ufrom, false);
	if (IS_ERR(from))
		return PTR_ERR(from);
	to = path_name_get(uto, false);
	err = PTR_ERR_OR_ZERO(to);
	if (!err) {
		err = rename_names(olddfd, from, newdfd, to, flags);
		path_name_put(to);
	}
	path_name_put(from);
	return err;
}

long sys_renameat(int olddfd, const char __user *from, int newdfd, const char __user *to)
{
	return sys_renameat2(olddfd, from, newdfd, to, 0);
}

long sys_rename(const char __user *from, const char __user *to)
{
	return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}
