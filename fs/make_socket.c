// SPDX-License-Identifier: MIT
/* The node that bind(2) of a Unix socket makes: mknod(2) with a kernel string that gives the path back. */
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/mount.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/process.h>
#include "internal.h"

/* The walk stands in the parent directory, which is locked. @out NULL: only says why it could not be made. */
static int make_locked(struct walk *w, mode_t mode, struct path *out)
{
	struct inode *dir = w->path.dentry->inode;
	struct dentry *d = lookup_locked(w->path.dentry, &w->last, w->flags);
	int err = PTR_ERR_OR_ZERO(d);

	if (err)
		return err;
	if (d->inode)
		err = -EEXIST;
	else if (w->trailing_slash)
		err = -ENOENT;
	if (!err)
		err = mount_want_write(w->path.mnt);
	if (!err)
		err = perm_create(dir);
	if (!err && !out) {
		dentry_put(d);
		return 0;
	}
	if (!err)
		err = dir->ops->mknod ? dir->ops->mknod(dir, d, mode, 0) : -EPERM;
	if (err) {
		dentry_put(d);
		return err;
	}
	notify_name(dir, &d->name, IN_CREATE, 0);
	mount_get(w->path.mnt);
	*out = (struct path){ .mnt = w->path.mnt, .dentry = d };
	return 0;
}

int path_make_socket(const char *name, mode_t mode, struct path *out)
{
	struct inode *dir;
	struct walk w;
	int err = walk_begin(&w, AT_FDCWD, NULL, name, 0);

	if (!err)
		err = walk_parent(&w);
	if (!err && w.last_kind != LAST_NAME)
		err = -EEXIST;
	if (!err) {
		dir = w.path.dentry->inode;
		rwsem_write_lock(&dir->lock);
		err = make_locked(&w, mode_for_new(dir, mode), out);
		rwsem_write_unlock(&dir->lock);
	}
	walk_end(&w);
	return err;
}
