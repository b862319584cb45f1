// SPDX-License-Identifier: MIT
/*
 * open(2) and its kin.
 *
 * Opening what exists is a plain walk, a permission check and a struct file.
 * O_CREAT walks to the parent, and only when the name is not cached as
 * existing takes the directory's lock to look and create in one step; a final
 * symlink sends it round again from the link's target.
 */
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/printf.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

#define OPEN_FLAGS                                                                            \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | \
	 __O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |   \
	 O_CLOEXEC | O_PATH | __O_TMPFILE)
#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)

struct open_args {
	u32 flags;  /* O_* */
	mode_t mode;
	u32 lookup; /* LOOKUP_* */
};

/* Flags that contradict each other, before any look at the name; sets a->lookup's own bits. */
static int check_flags(struct open_args *a)
{
	u32 f = a->flags;

	if (f & O_PATH) /* the others do not count, contradictory or not */
		f &= PATH_FLAGS;
	if (f & __O_SYNC)
		f |= O_DSYNC;
	if (f & __O_TMPFILE) {
		if (!(f & O_DIRECTORY) || (f & O_CREAT))
			return -EINVAL;
		if (!(f & (O_WRONLY | O_RDWR)))
			return -EINVAL;
	} else if ((f & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
		return -EINVAL;
	}
	if (!(f & O_NOFOLLOW))
		a->lookup |= LOOKUP_FOLLOW;
	if (f & O_DIRECTORY)
		a->lookup |= LOOKUP_DIRECTORY;
	a->flags = f;
	a->mode &= 07777;
	return 0;
}

static int truncate_opened(struct file *f)
{
	struct setattr attr = {
		.valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME | ATTR_OPEN | ATTR_DROP_CONTENT,
		.size = 0,
	};
	int err;

	if (!mode_is_reg(f->inode->mode))
		return 0;
	err = inode_get_write(f->inode); /* O_RDONLY | O_TRUNC writes, too */
	if (err)
		return err;
	err = path_setattr(&f->path, &attr);
	inode_put_write(f->inode);
	return err;
}

/* @p exists: its permissions are asked unless we have just @created it. */
static struct file *open_existing(const struct path *p, const struct open_args *a, bool created)
{
	u32 flags = a->flags;
	struct file *f;
	int err;

	if (flags & O_PATH)
		return file_open_path(p, flags, current_cred());
	if (!created) {
		err = perm_open(p, flags);
		if (err)
			return ERR_PTR(err);
	}
	f = file_open_path(p, flags, current_cred());
	if (!IS_ERR(f) && (flags & O_TRUNC) && !created) {
		err = truncate_opened(f);
		if (err) {
			file_put(f);
			return ERR_PTR(err);
		}
	}
	if (!IS_ERR(f) && (flags & O_TRUNC))
		notify_file(f, IN_OPEN);
	return f;
}

/* ---- O_CREAT ---- */

/* dir->lock held, @d negative: makes the file. */
int vfs_create(const struct path *dir, struct dentry *d, mode_t mode)
{
	struct inode *inode = dir->dentry->inode;
	int err = mount_want_write(dir->mnt);

	if (!err)
		err = perm_create(inode);
	if (err)
		return err;
	if (!inode->ops->create)
		return -EACCES;
	err = inode->ops->create(inode, d, S_IFREG | (mode & 07777));
	if (!err)
		notify_name(inode, &d->name, IN_CREATE, 0);
	return err;
}

/* The last name: found, or created under the directory's lock.  With a reference. */
static struct dentry *find_or_create(struct walk *w, const struct open_args *a, bool *created)
{
	struct inode *dir = w->path.dentry->inode;
	struct dentry *d = dentry_lookup(w->path.dentry, &w->last);
	int err = 0;

	if (d && d->inode && !(d->ops && d->ops->revalidate))
		return d;
	if (d)
		dentry_put(d);
	rwsem_write_lock(&dir->lock);
	d = lookup_locked(w->path.dentry, &w->last, w->flags);
	if (!IS_ERR(d) && !d->inode) {
		err = vfs_create(&w->path, d, mode_for_new(dir, S_IFREG | a->mode));
		*created = !err;
	}
	rwsem_write_unlock(&dir->lock);
	if (err) {
		dentry_put(d);
		return ERR_PTR(err);
	}
	return d;
}

/* After the walk: w->path is the file. */
static struct file *open_found(struct walk *w, const struct open_args *a)
{
	if (a->flags & O_EXCL)
		return ERR_PTR(-EEXIST);
	if (mode_is_dir(w->path.dentry->inode->mode))
		return ERR_PTR(-EISDIR);
	return open_existing(&w->path, a, false);
}

/* O_CREAT found @p, in w->path. */
static struct file *open_instead(struct walk *w, struct path *p, const struct open_args *a)
{
	struct inode *inode;
	int err = 0;

	mount_down(p);
	inode = p->dentry->inode;
	if (p->mnt != w->path.mnt && (w->flags & LOOKUP_NO_XDEV))
		err = -EXDEV;
	else if (a->flags & O_EXCL)
		err = -EEXIST;
	else if (mode_is_dir(inode->mode))
		err = -EISDIR;
	else
		err = perm_open_for_create(w->path.dentry->inode, inode);
	return err ? ERR_PTR(err) : open_existing(p, a, false);
}

static struct file *open_create(struct walk *w, const struct open_args *a)
{
	bool created = false;
	struct dentry *d;
	struct file *f;
	struct path p;
	int err = walk_parent(w);

	for (;;) {
		if (err)
			return ERR_PTR(err);
		if (w->last_kind == LAST_DOTDOT)
			return ERR_PTR((a->flags & O_EXCL) ? -EEXIST : -EISDIR);
		if (w->last_kind != LAST_NAME)
			return open_found(w, a);
		if (w->trailing_slash)
			return ERR_PTR(-EISDIR);
		d = find_or_create(w, a, &created);
		if (IS_ERR(d))
			return ERR_CAST(d);
		if (created || (a->flags & O_EXCL) || !mode_is_lnk(d->inode->mode) ||
		    (a->flags & O_NOFOLLOW))
			break;
		err = walk_follow_last(w, d);
		dentry_put(d);
	}
	mount_get(w->path.mnt);
	p = (struct path){ w->path.mnt, d };
	f = created ? open_existing(&p, a, true) : open_instead(w, &p, a);
	path_put(&p);
	return f;
}

/* ---- O_TMPFILE ---- */

static struct file *open_tmpfile_in(const struct path *dir, const struct open_args *a)
{
	struct inode *di = dir->dentry->inode, *inode = NULL;
	char text[24];
	struct qstr name = { text, 0, 0 };
	struct dentry *d;
	struct file *f;
	struct path p;
	int err;

	err = mount_want_write(dir->mnt);
	if (!err)
		err = inode_permission(di, MAY_WRITE | MAY_EXEC);
	if (err)
		return ERR_PTR(err);
	if (!di->ops->tmpfile)
		return ERR_PTR(-EOPNOTSUPP);
	rwsem_write_lock(&di->lock);
	err = di->ops->tmpfile(di, mode_for_new(di, S_IFREG | a->mode), &inode);
	rwsem_write_unlock(&di->lock);
	if (err)
		return ERR_PTR(err);
	name.len = (u32)scnprintf(text, sizeof(text), "#%llu", (unsigned long long)inode->ino);
	d = dentry_alloc(dir->dentry, &name);
	if (!d) {
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	if (!(a->flags & O_EXCL)) {
		spin_lock(&inode->spin);
		inode->state |= IS_LINKABLE;
		spin_unlock(&inode->spin);
	}
	dentry_attach(d, inode);
	p = (struct path){ dir->mnt, d };
	f = file_open_path(&p, a->flags & ~(u32)O_TMPFILE, current_cred());
	dentry_put(d);
	return f;
}

/* ---- together ---- */

static struct file *open_walk(struct walk *w, const struct open_args *a)
{
	int err;

	if (a->flags & O_CREAT)
		return open_create(w, a);
	err = walk_whole(w);
	if (err)
		return ERR_PTR(err);
	if (a->flags & __O_TMPFILE)
		return open_tmpfile_in(&w->path, a);
	return open_existing(&w->path, a, false);
}

static struct file *do_open(int dfd, const char *name, const struct open_args *a)
{
	struct file *f;
	struct walk w;
	int err = walk_begin(&w, dfd, NULL, name, a->lookup);

	f = err ? ERR_PTR(err) : open_walk(&w, a);
	walk_end(&w);
	return f;
}

struct file *file_open(const char *name, u32 flags, mode_t mode)
{
	struct open_args a = { .flags = flags & OPEN_FLAGS, .mode = mode };
	int err = check_flags(&a);

	return err ? ERR_PTR(err) : do_open(AT_FDCWD, name, &a);
}

static long open_fd(int dfd, const char __user *uname, struct open_args *a)
{
	struct file *f;
	char *name;
	int fd = check_flags(a);

	if (fd)
		return fd;
	name = path_name_get(uname, a->lookup & LOOKUP_EMPTY);
	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = fd_reserve(0, a->flags & O_CLOEXEC);
	if (fd >= 0) {
		f = do_open(dfd, name, a);
		if (IS_ERR(f)) {
			fd_unreserve((unsigned int)fd);
			fd = (int)PTR_ERR(f);
		} else {
			fd_install((unsigned int)fd, f);
		}
	}
	path_name_put(name);
	return fd;
}

long sys_openat(int dfd, const char __user *path, int flags, mode_t mode)
{
	struct open_args a = { .flags = ((u32)flags & OPEN_FLAGS) | O_LARGEFILE, .mode = mode };

	return open_fd(dfd, path, &a);
}

long sys_open(const char __user *path, int flags, mode_t mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(const char __user *path, mode_t mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static int resolve_flags(u64 resolve, u32 *lookup)
{
	static const struct {
		u64 resolve;
		u32 lookup;
	} map[] = {
		{ RESOLVE_NO_XDEV, LOOKUP_NO_XDEV },
		{ RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGICLINKS },
		{ RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS },
		{ RESOLVE_BENEATH, LOOKUP_BENEATH },
		{ RESOLVE_IN_ROOT, LOOKUP_IN_ROOT },
	};

	if ((resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return -EINVAL;
	for (u32 i = 0; i < ARRAY_SIZE(map); i++) {
		if (resolve & map[i].resolve)
			*lookup |= map[i].lookup;
		resolve &= ~map[i].resolve;
	}
	/* "only from the cache": -EAGAIN is always a permitted answer. */
	if (resolve == RESOLVE_CACHED)
		return -EAGAIN;
	return resolve ? -EINVAL : 0;
}

/* Later, larger versions of the struct are fine as long as what we do not know is 0. */
static int copy_how(struct open_how *how, const void __user *uhow, size_t size)
{
	u8 tail[64];

	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(how, uhow, sizeof(*how)))
		return -EFAULT;
	for (size_t at = sizeof(*how); at < size;) {
		size_t n = MIN(size - at, sizeof(tail));

		if (copy_from_user(tail, (const char __user *)uhow + at, n))
			return -EFAULT;
		if (memchr_inv(tail, 0, n))
			return -E2BIG;
		at += n;
	}
	return 0;
}

long sys_openat2(int dfd, const char __user *path, void __user *uhow, size_t size)
{
	struct open_args a = { 0 };
	struct open_how how;
	int err = copy_how(&how, uhow, size);

	if (err)
		return err;
	if (how.flags & ~(u64)OPEN_FLAGS)
		return -EINVAL;
	if ((how.flags & (O_CREAT | __O_TMPFILE)) ? (how.mode & ~07777ull) != 0 : how.mode != 0)
		return -EINVAL;
	if ((how.flags & O_PATH) && (how.flags & ~(u64)PATH_FLAGS))
		return -EINVAL;
	err = resolve_flags(how.resolve, &a.lookup);
	if (err)
		return err;
	a.flags = (u32)how.flags;
	a.mode = (mode_t)how.mode;
	return open_fd(dfd, path, &a);
}
