// SPDX-License-Identifier: MIT
/*
 * Making and removing names: mkdir, mknod, symlink, link, unlink, rmdir.
 * rename(2) is in rename.c.
 *
 * Each walks to the parent, locks the directory, looks the last name up, asks
 * for permission and lets the file system do it.  Errors come in Linux's order:
 * EEXIST before EROFS before EACCES when creating, EROFS before ENOENT when
 * removing.
 */
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/mount.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

/* A name about to be made: the directory is locked, @dentry negative. */
struct creation {
	struct walk w;
	char *name;          /* to free at the end, or NULL */
	struct inode *dir;
	struct dentry *dentry;
};

static int create_lookup(struct creation *c, bool want_dir) NO_LOCK_CHECK /* create_end() unlocks */
{
	int err;

	if (c->w.last_kind != LAST_NAME)
		return -EEXIST;
	c->dir = c->w.path.dentry->inode;
	rwsem_write_lock(&c->dir->lock);
	c->dentry = lookup_locked(c->w.path.dentry, &c->w.last, c->w.flags);
	err = PTR_ERR_OR_ZERO(c->dentry);
	if (!err && c->dentry->inode)
		err = -EEXIST;
	if (!err && c->w.trailing_slash && !want_dir)
		err = -ENOENT;
	if (!err)
		err = mount_want_write(c->w.path.mnt);
	if (!err)
		err = perm_create(c->dir);
	if (err) {
		if (!IS_ERR(c->dentry))
			dentry_put(c->dentry);
		rwsem_write_unlock(&c->dir->lock);
	}
	return err;
}

/* @name must live until create_end(). */
static int create_begin_at(struct creation *c, int dfd, const char *name, bool want_dir)
{
	int err = walk_begin(&c->w, dfd, NULL, name, 0);

	c->name = NULL;
	if (!err)
		err = walk_parent(&c->w);
	if (!err)
		err = create_lookup(c, want_dir);
	if (err)
		walk_end(&c->w);
	return err;
}

static int create_begin(struct creation *c, int dfd, const char __user *uname, bool want_dir)
{
	char *name = path_name_get(uname, false);
	int err;

	if (IS_ERR(name))
		return (int)PTR_ERR(name);
	err = create_begin_at(c, dfd, name, want_dir);
	if (err)
		path_name_put(name);
	else
		c->name = name;
	return err;
}

static void create_end(struct creation *c, int err, u32 flags) NO_LOCK_CHECK /* create_lookup() locked */
{
	if (!err)
		notify_name(c->dir, &c->dentry->name, IN_CREATE | flags, 0);
	rwsem_write_unlock(&c->dir->lock);
	dentry_put(c->dentry);
	walk_end(&c->w);
	if (c->name)
		path_name_put(c->name);
}

static int do_mkdir(struct creation *c, mode_t mode)
{
	int err = -EPERM;

	mode = mode_for_new(c->dir, S_IFDIR | (mode & 01777));
	if (c->dir->ops->mkdir)
		err = c->dir->ops->mkdir(c->dir, c->dentry, mode);
	create_end(c, err, NOTIFY_IS_DIR);
	return err;
}

long sys_mkdirat(int dfd, const char __user *name, mode_t mode)
{
	struct creation c;
	int err = create_begin(&c, dfd, name, true);

	return err ? err : do_mkdir(&c, mode);
}

int kernel_mkdir(const char *name, mode_t mode)
{
	struct creation c;
	int err = create_begin_at(&c, AT_FDCWD, name, true);

	return err ? err : do_mkdir(&c, mode);
}

long sys_mkdir(const char __user *name, mode_t mode)
{
	return sys_mkdirat(AT_FDCWD, name, mode);
}

/* ---- mknod ---- */

/* Whiteouts, devices 0:0, are for everybody: nothing can be done with them. */
static int mknod_type_ok(mode_t mode, u32 dev)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFCHR:
		return !dev || capable(CAP_MKNOD) ? 0 : -EPERM;
	case S_IFBLK:
		return capable(CAP_MKNOD) ? 0 : -EPERM;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static kdev_t decode_dev(u32 dev)
{
	return KDEV((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

static int do_mknod(struct creation *c, mode_t mode, kdev_t rdev)
{
	const struct inode_ops *ops = c->dir->ops;
	mode_t type = mode & S_IFMT;

	if (type != S_IFCHR && type != S_IFBLK)
		rdev = 0;
	mode = mode_for_new(c->dir, type ? mode : S_IFREG | mode);
	if (type == 0 || type == S_IFREG)
		return ops->create ? ops->create(c->dir, c->dentry, mode) : -EACCES;
	return ops->mknod ? ops->mknod(c->dir, c->dentry, mode, rdev) : -EPERM;
}

long sys_mknodat(int dfd, const char __user *name, mode_t mode, unsigned int dev)
{
	struct creation c;
	int err = mknod_type_ok(mode, dev);

	if (err)
		return err;
	err = create_begin(&c, dfd, name, false);
	if (err)
		return err;
	err = do_mknod(&c, mode & (S_IFMT | 07777), decode_dev(dev));
	create_end(&c, err, 0);
	return err;
}

int kernel_mknod(const char *name, mode_t mode, kdev_t dev)
{
	struct creation c;
	int err = create_begin_at(&c, AT_FDCWD, name, false);

	if (err)
		return err;
	err = do_mknod(&c, mode, dev);
	create_end(&c, err, 0);
	return err;
}

long sys_mknod(const char __user *name, mode_t mode, unsigned int dev)
{
	return sys_mknodat(AT_FDCWD, name, mode, dev);
}

/* ---- symlink, link ---- */

static int do_symlink(struct creation *c, const char *target)
{
	int err = c->dir->ops->symlink ? c->dir->ops->symlink(c->dir, c->dentry, target) : -EPERM;

	create_end(c, err, 0);
	return err;
}

int kernel_symlink(const char *target, const char *name)
{
	struct creation c;
	int err = create_begin_at(&c, AT_FDCWD, name, false);

	return err ? err : do_symlink(&c, target);
}

long sys_symlinkat(const char __user *utarget, int newdfd, const char __user *name)
{
	char *target = path_name_get(utarget, false);
	struct creation c;
	int err;

	if (IS_ERR(target))
		return PTR_ERR(target);
	err = create_begin(&c, newdfd, name, false);
	if (!err)
		err = do_symlink(&c, target);
	path_name_put(target);
	return err;
}

long sys_symlink(const char __user *target, const char __user *name)
{
	return sys_symlinkat(target, AT_FDCWD, name);
}

static int link_inode(struct creation *c, struct inode *inode)
{
	int err = 0;

	if (inode->super != c->dir->super)
		return -EXDEV;
	if (inode->attr_flags & (S_APPEND | S_IMMUTABLE))
		return -EPERM;
	if (!c->dir->ops->link || mode_is_dir(inode->mode))
		return -EPERM;
	rwsem_write_lock(&inode->lock);
	if (!inode->nlink && !(READ_UNLOCKED(inode->state) & IS_LINKABLE))
		err = -ENOENT;
	if (!err)
		err = c->dir->ops->link(inode, c->dir, c->dentry);
	if (!err && (READ_UNLOCKED(inode->state) & IS_LINKABLE)) {
		spin_lock(&inode->spin);
		inode->state &= ~(u32)IS_LINKABLE;
		spin_unlock(&inode->spin);
	}
	rwsem_write_unlock(&inode->lock);
	return err;
}

int kernel_link(const char *from, const char *to)
{
	struct creation c;
	struct path old;
	int err = path_lookup(from, 0, &old);

	if (err)
		return err;
	err = create_begin_at(&c, AT_FDCWD, to, false);
	if (!err) {
		err = old.mnt == c.w.path.mnt ? link_inode(&c, old.dentry->inode) : -EXDEV;
		create_end(&c, err, 0);
	}
	path_put(&old);
	return err;
}

long sys_linkat(int olddfd, const char __user *from, int newdfd, const char __user *to, int flags)
{
	u32 lookup = (flags & AT_SYMLINK_FOLLOW) ? LOOKUP_FOLLOW : 0;
	struct creation c;
	struct path old;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH) {
		if (!capable(CAP_DAC_READ_SEARCH))
			return -ENOENT;
		lookup |= LOOKUP_EMPTY;
	}
	err = path_lookup_user(olddfd, from, lookup, &old);
	if (err)
		return err;
	err = create_begin(&c, newdfd, to, false);
	if (!err) {
		err = old.mnt == c.w.path.mnt ? perm_hard_link(old.dentry->inode) : -EXDEV;
		if (!err)
			err = link_inode(&c, old.dentry->inode);
		if (!err)
			notify_dentry_self(old.dentry, IN_ATTRIB);
		create_end(&c, err, 0);
	}
	path_put(&old);
	return err;
}

long sys_link(const char __user *from, const char __user *to)
{
	return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- unlink, rmdir ---- */

/* dir->lock held; @d is positive. */
static int do_unlink(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->inode;
	int err = perm_delete(dir, d, false);

	if (err)
		return err;
	if (!dir->ops->unlink)
		return -EPERM;
	rwsem_write_lock(&inode->lock);
	err = dentry_is_mountpoint(d) ? -EBUSY : dir->ops->unlink(dir, d);
	rwsem_write_unlock(&inode->lock);
	if (!err) {
		notify_dentry_self(d, IN_ATTRIB);
		dentry_delete(d);
		notify_name(dir, &d->name, IN_DELETE, 0); /* whoever hears of it does not find it */
	}
	return err;
}

static int do_rmdir(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->inode;
	int err = perm_delete(dir, d, true);

	if (err)
		return err;
	if (!dir->ops->rmdir)
		return -EPERM;
	rwsem_write_lock_nested(&inode->lock);
	err = dentry_is_mountpoint(d) ? -EBUSY : dir->ops->rmdir(dir, d);
	if (!err)
		inode_set_dead(inode);
	rwsem_write_unlock(&inode->lock);
	if (!err) {
		dentry_prune_children(d);
		dentry_delete(d);
		notify_name(dir, &d->name, IN_DELETE | NOTIFY_IS_DIR, 0);
	}
	return err;
}

/* Reached by walk_parent.  The inode's end (freeing its blocks) comes after the directory's lock. */
static int remove_last(struct walk *w, bool want_dir)
{
	struct inode *dir = w->path.dentry->inode, *inode = NULL;
	struct dentry *d;
	int err = mount_want_write(w->path.mnt);

	if (err)
		return err;
	rwsem_write_lock(&dir->lock);
	d = lookup_locked(w->path.dentry, &w->last, w->flags);
	err = PTR_ERR_OR_ZERO(d);
	if (err)
		goto unlock;
	if (!d->inode) {
		err = -ENOENT;
		goto put;
	}
	if (!want_dir && w->trailing_slash) {
		err = mode_is_dir(d->inode->mode) ? -EISDIR : -ENOTDIR;
		goto put;
	}
	inode = d->inode;
	inode_get(inode);
	err = want_dir ? do_rmdir(dir, d) : do_unlink(dir, d);
put:
	dentry_put(d);
unlock:
	rwsem_write_unlock(&dir->lock);
	if (inode)
		inode_put(inode);
	return err;
}

static long do_remove(int dfd, const char __user *uname, bool want_dir)
{
	char *name = path_name_get(uname, false);
	struct walk w;
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	err = walk_begin(&w, dfd, NULL, name, 0);
	if (!err)
		err = walk_parent(&w);
	if (!err && w.last_kind != LAST_NAME) {
		if (!want_dir)
			err = -EISDIR;
		else if (w.last_kind == LAST_DOTDOT)
			err = -ENOTEMPTY;
		else
			err = w.last_kind == LAST_DOT ? -EINVAL : -EBUSY;
	}
	if (!err)
		err = remove_last(&w, want_dir);
	walk_end(&w);
	path_name_put(name);
	return err;
}

long sys_unlinkat(int dfd, const char __user *name, int flag)
{
	if (flag & ~AT_REMOVEDIR)
		return -EINVAL;
	return do_remove(dfd, name, flag & AT_REMOVEDIR);
}

long sys_unlink(const char __user *name)
{
	return do_remove(AT_FDCWD, name, false);
}

long sys_rmdir(const char __user *name)
{
	return do_remove(AT_FDCWD, name, true);
}
