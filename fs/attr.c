// SPDX-License-Identifier: MIT
/* Changing attributes: chmod, chown, truncate, access, fallocate and their variants. */
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <linux/xattr.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/process.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

/* ---- rights that a file gives who runs it: set-id bits, security.capability ---- */

/* The mode without them.  Set-group-id that gives no right (no group execute) stays for the group's members. */
static mode_t mode_without_set_id(const struct inode *inode)
{
	const struct cred *c = current_cred();
	mode_t m = inode->mode & ~(mode_t)S_ISUID;

	if ((m & S_IXGRP) || (!cred_in_group(c, inode->gid) && !cred_capable(c, CAP_FSETID)))
		m &= ~(mode_t)S_ISGID;
	return m;
}

static bool has_file_caps(struct inode *inode)
{
	ssize_t n;

	if (inode->no_file_caps || !inode->ops->getxattr)
		return false;
	n = inode->ops->getxattr(inode, XATTR_NAME_CAPS, NULL, 0);
	/* Other errors: what cannot be read is not believed away; removing it will say why. */
	inode->no_file_caps = n == -ENODATA || n == -EOPNOTSUPP;
	return !inode->no_file_caps;
}

static int drop_file_caps(struct inode *inode)
{
	int err;

	if (!has_file_caps(inode))
		return 0;
	if (!inode->ops->setxattr)
		return -EPERM;
	err = inode->ops->setxattr(inode, XATTR_NAME_CAPS, NULL, 0, XATTR_REPLACE);
	inode->no_file_caps = !err;
	return err;
}

/* The bits that @a takes away join what it changes. */
static void drop_set_id(const struct inode *inode, struct setattr *a)
{
	mode_t m = mode_without_set_id(inode);

	if (m == inode->mode || (a->valid & ATTR_MODE))
		return;
	a->mode = m;
	a->valid |= ATTR_MODE;
}

/* Both times are utimes(2)'s work; one alone tells that the file was read or written. */
static u32 change_events(u32 valid)
{
	u32 times = valid & (ATTR_ATIME | ATTR_MTIME), events = 0;

	if (valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
		events |= IN_ATTRIB;
	if (valid & ATTR_SIZE)
		events |= IN_MODIFY;
	if (times == (ATTR_ATIME | ATTR_MTIME))
		events |= IN_ATTRIB;
	else if (times)
		events |= times == ATTR_ATIME ? IN_ACCESS : IN_MODIFY;
	return events;
}

/* New contents take the rights of regular files only. */
static bool drops_for_content(struct inode *inode)
{
	if (!mode_is_reg(inode->mode))
		return false;
	if (unlikely(inode->mode & (S_ISUID | S_ISGID)) && !capable(CAP_FSETID) &&
	    mode_without_set_id(inode) != inode->mode)
		return true;
	return unlikely(!inode->no_file_caps) && has_file_caps(inode);
}

/* ---- all changes of attributes ---- */

static int setattr_allowed(const struct inode *inode, u32 valid)
{
	if (inode->attr_flags & S_IMMUTABLE)
		return -EPERM;
	if ((valid & ATTR_SIZE) && (inode->attr_flags & S_SWAPFILE))
		return -ETXTBSY;
	if ((inode->attr_flags & S_APPEND) &&
	    (valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_SIZE | ATTR_ATIME_SET | ATTR_MTIME_SET)))
		return -EPERM;
	return 0;
}

int setattr_locked(struct dentry *d, struct setattr *a)
{
	struct inode *inode = d->inode;
	u32 drop = a->valid & (ATTR_DROP_OWNER | ATTR_DROP_CONTENT);
	int err = setattr_allowed(inode, a->valid);

	a->valid &= ~drop;
	if (err)
		return err;
	/* A chown's loss of bits counts as the caller's chmod, new contents' does not. */
	if (drop & ATTR_DROP_OWNER)
		drop_set_id(inode, a);
	err = setattr_prepare(inode, a);
	if (err)
		return err;
	if ((drop & ATTR_DROP_CONTENT) && mode_is_reg(inode->mode) && !capable(CAP_FSETID))
		drop_set_id(inode, a);
	if (drop && ((drop & ATTR_DROP_OWNER) || mode_is_reg(inode->mode)))
		err = drop_file_caps(inode);
	if (err)
		return err;
	err = inode->ops->setattr ? inode->ops->setattr(inode, a) : setattr_generic(inode, a);
	if (!err)
		notify_dentry(d, change_events(a->valid));
	return err;
}

int path_setattr(const struct path *p, struct setattr *a)
{
	struct inode *inode = p->dentry->inode;
	int err = mount_want_write(p->mnt);

	if (err)
		return err;
	rwsem_write_lock(&inode->lock);
	err = setattr_locked(p->dentry, a);
	rwsem_write_unlock(&inode->lock);
	return err;
}

/* Before each write, inode->lock held: times, and no rights for contents of another's making. */
int file_modified(struct file *f)
{
	struct inode *inode = f->inode;
	struct timespec64 now;

	if (unlikely(drops_for_content(inode))) {
		struct setattr a = { .valid = ATTR_DROP_CONTENT | ATTR_CTIME };
		int err = setattr_locked(f->path.dentry, &a);

		if (err)
			return err;
	}
	now = inode_now(inode);
	if (inode->mtime.tv_sec == now.tv_sec && inode->mtime.tv_nsec == now.tv_nsec &&
	    inode->ctime.tv_sec == now.tv_sec && inode->ctime.tv_nsec == now.tv_nsec)
		return 0;
	inode_touch(inode, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

/* ---- chmod, chown ---- */

static int chmod_path(const struct path *p, mode_t mode)
{
	struct setattr a = { .valid = ATTR_MODE | ATTR_CTIME, .mode = mode & 07777 };

	if (mode_is_lnk(p->dentry->inode->mode))
		return -EOPNOTSUPP;
	return path_setattr(p, &a);
}

long sys_fchmodat(int dfd, const char __user *name, mode_t mode)
{
	struct path p;
	int err = path_lookup_user(dfd, name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = chmod_path(&p, mode);
	path_put(&p);
	return err;
}

long sys_chmod(const char __user *name, mode_t mode)
{
	return sys_fchmodat(AT_FDCWD, name, mode);
}

long sys_fchmod(unsigned int fd, mode_t mode)
{
	struct fdref r = fd_ref(fd);
	int err;

	if (!r.file)
		return -EBADF;
	err = chmod_path(&r.file->path, mode);
	fd_unref(r);
	return err;
}

static int chown_path(const struct path *p, uid_t uid, gid_t gid)
{
	struct setattr a = { .valid = ATTR_CTIME, .uid = uid, .gid = gid };

	if (uid != (uid_t)-1)
		a.valid |= ATTR_UID;
	if (gid != (gid_t)-1)
		a.valid |= ATTR_GID;
	if (!mode_is_dir(p->dentry->inode->mode))
		a.valid |= ATTR_DROP_OWNER;
	return path_setattr(p, &a);
}

long sys_fchownat(int dfd, const char __user *name, uid_t uid, gid_t gid, int flag)
{
	struct path p;
	int err;

	if (flag & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = path_at_user(dfd, name, flag, &p);
	if (err)
		return err;
	err = chown_path(&p, uid, gid);
	path_put(&p);
	return err;
}

long sys_chown(const char __user *name, uid_t uid, gid_t gid)
{
	return sys_fchownat(AT_FDCWD, name, uid, gid, 0);
}

long sys_lchown(const char __user *name, uid_t uid, gid_t gid)
{
	return sys_fchownat(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(unsigned int fd, uid_t uid, gid_t gid)
{
	struct fdref r = fd_ref(fd);
	int err;

	if (!r.file)
		return -EBADF;
	err = chown_path(&r.file->path, uid, gid);
	fd_unref(r);
	return err;
}

/* ---- truncate ---- */

static int truncate_path(const struct path *p, u64 size)
{
	struct setattr a = {
		.valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME | ATTR_DROP_CONTENT,
		.size = size,
	};

	return path_setattr(p, &a);
}

int vfs_truncate(const struct path *p, u64 size)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if (mode_is_dir(inode->mode))
		return -EISDIR;
	if (!mode_is_reg(inode->mode))
		return -EINVAL;
	err = mount_want_write(p->mnt);
	if (!err)
		err = inode_permission(inode, MAY_WRITE);
	if (!err && (inode->attr_flags & S_APPEND))
		err = -EPERM;
	if (!err)
		err = inode_get_write(inode);
	if (err)
		return err;
	err = truncate_path(p, size);
	inode_put_write(inode);
	return err;
}

long sys_truncate(const char __user *name, long length)
{
	struct path p;
	int err;

	if (length < 0)
		return -EINVAL;
	err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	err = vfs_truncate(&p, (u64)length);
	path_put(&p);
	return err;
}

long sys_ftruncate(unsigned int fd, long length)
{
	struct fdref r;
	struct file *f;
	int err = 0;

	if (length < 0)
		return -EINVAL;
	r = fd_ref(fd);
	f = r.file;
	if (!f)
		return -EBADF;
	if (!mode_is_reg(f->inode->mode) || !(f->mode & FMODE_WRITE))
		err = -EINVAL;
	else if (f->inode->attr_flags & S_APPEND)
		err = -EPERM;
	else
		err = truncate_path(&f->path, (u64)length);
	fd_unref(r);
	return err;
}

/* ---- access ---- */

/* What access(2) judges by: real ids, and of the capabilities what a program with them would have. */
static struct cred *real_ids(void)
{
	const struct cred *c = current_cred();
	struct cred *real;

	if (c->uid == c->fsuid && c->gid == c->fsgid &&
	    c->cap_effective == (c->uid ? 0 : c->cap_permitted))
		return NULL;
	real = cred_copy(c);
	if (!real)
		return ERR_PTR(-ENOMEM);
	real->fsuid = real->uid;
	real->fsgid = real->gid;
	if (!(real->securebits & SECBIT_NO_SETUID_FIXUP))
		real->cap_effective = real->uid ? 0 : real->cap_permitted;
	return real;
}

static int access_path(const struct path *p, int mode)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if ((mode & MAY_EXEC) && mode_is_reg(inode->mode) &&
	    (atomic_load(&p->mnt->flags) & MS_NOEXEC))
		return -EACCES;
	err = inode_permission(inode, mode);
	if (err || !(mode & MAY_WRITE))
		return err;
	if (mode_is_reg(inode->mode) || mode_is_dir(inode->mode) || mode_is_lnk(inode->mode))
		return mount_want_write(p->mnt);
	return 0;
}

long sys_faccessat2(int dfd, const char __user *name, int mode, int flags)
{
	struct cred *real = NULL;
	struct path p;
	int err;

	if (mode & ~7)
		return -EINVAL;
	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & AT_EACCESS)) {
		real = real_ids();
		if (IS_ERR(real))
			return PTR_ERR(real);
		current->real_cred_override = real;
	}
	err = path_at_user(dfd, name, flags & ~AT_EACCESS, &p);
	if (!err) {
		err = mode ? access_path(&p, mode) : 0;
		path_put(&p);
	}
	if (real) {
		current->real_cred_override = NULL;
		cred_put(real);
	}
	return err;
}

long sys_faccessat(int dfd, const char __user *name, int mode)
{
	return sys_faccessat2(dfd, name, mode, 0);
}

long sys_access(const char __user *name, int mode)
{
	return sys_faccessat2(AT_FDCWD, name, mode, 0);
}

/* ---- fallocate ---- */

static int fallocate_mode_ok(int mode)
{
	const int exclusive = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
			      FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE;
	int one = mode & exclusive;

	if (mode & ~(exclusive | FALLOC_FL_KEEP_SIZE | FALLOC_FL_UNSHARE_RANGE))
		return -EOPNOTSUPP;
	if (one & (one - 1))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) && (mode & ~one))
		return -EINVAL;
	return 0;
}

int file_fallocate(struct file *f, int mode, u64 offset, u64 len)
{
	struct inode *inode = f->inode;
	int err;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if ((inode->mode & S_IFMT) == S_IFIFO)
		return -ESPIPE;
	if (mode_is_dir(inode->mode))
		return -EISDIR;
	if (!mode_is_reg(inode->mode))
		return -ENODEV;
	if (offset + len > inode->super->max_bytes)
		return -EFBIG;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + len > inode_size(inode) &&
	    offset + len > rlimit_cur(RLIMIT_FSIZE))
		return file_too_large();
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	err = mount_want_write(f->path.mnt);
	if (err)
		return err;
	rwsem_write_lock(&inode->lock);
	if ((inode->attr_flags & S_IMMUTABLE) ||
	    ((inode->attr_flags & S_APPEND) && (mode & ~FALLOC_FL_KEEP_SIZE)))
		err = -EPERM;
	else if (inode->attr_flags & S_SWAPFILE)
		err = -ETXTBSY;
	if (!err)
		err = file_modified(f);
	if (!err)
		err = f->ops->fallocate(f, mode, offset, len);
	rwsem_write_unlock(&inode->lock);
	if (!err)
		notify_file(f, IN_MODIFY);
	return err;
}

long sys_fallocate(int fd, int mode, loff_t offset, loff_t len)
{
	struct fdref r = fd_ref((unsigned int)fd);
	int err;

	if (!r.file)
		return -EBADF;
	if (offset < 0 || len <= 0)
		err = -EINVAL;
	else if (offset > 0x7fffffffffffffffll - len)
		err = -EFBIG;
	else
		err = fallocate_mode_ok(mode);
	if (!err)
		err = file_fallocate(r.file, mode, (u64)offset, (u64)len);
	fd_unref(r);
	return err;
}
