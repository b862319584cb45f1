// SPDX-License-Identifier: MIT
/*
 * Extended attributes: xattr(7).  Who may touch which namespace is decided
 * here; storing them is the file system's.
 */
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>

#include "internal.h"

/* 0, or why @mask (MAY_READ, MAY_WRITE) of @name is not for current. */
static int may_xattr(struct inode *inode, const char *name, int mask)
{
	if ((mask & MAY_WRITE) && (inode->attr_flags & (S_IMMUTABLE | S_APPEND)))
		return -EPERM;
	if (str_starts_with(name, XATTR_SYSTEM_PREFIX))
		return (mask & MAY_WRITE) && !inode_owner_or_capable(inode) ? -EPERM : 0;
	if (str_starts_with(name, XATTR_SECURITY_PREFIX)) {
		if (!(mask & MAY_WRITE))
			return 0;
		return capable(str_eq(name, XATTR_NAME_CAPS) ? CAP_SETFCAP : CAP_SYS_ADMIN) ? 0 : -EPERM;
	}
	if (str_starts_with(name, XATTR_TRUSTED_PREFIX)) {
		if (capable(CAP_SYS_ADMIN))
			return 0;
		return (mask & MAY_WRITE) ? -EPERM : -ENODATA;
	}
	if (str_starts_with(name, XATTR_USER_PREFIX)) {
		if (!mode_is_reg(inode->mode) && !mode_is_dir(inode->mode))
			return (mask & MAY_WRITE) ? -EPERM : -ENODATA;
		if (mode_is_dir(inode->mode) && (inode->mode & S_ISVTX) && (mask & MAY_WRITE) &&
		    !inode_owner_or_capable(inode))
			return -EPERM;
	}
	return inode_permission(inode, mask);
}

static int copy_name(char *name, const char __user *uname)
{
	ssize_t n = strncpy_from_user(name, uname, XATTR_NAME_MAX + 1);

	if (n == 0 || n == -E2BIG)
		return -ERANGE;
	return n < 0 ? (int)n : 0;
}

/* @value NULL: remove. */
static int set_on(const struct path *p, const char *name, const void *value, size_t size, int flags)
{
	struct inode *inode = p->dentry->inode;
	int err = mount_want_write(p->mnt);

	if (!err)
		err = may_xattr(inode, name, MAY_WRITE);
	if (err)
		return err;
	if (!inode->ops->setxattr)
		return -EOPNOTSUPP;
	rwsem_write_lock(&inode->lock);
	if (value && str_eq(name, XATTR_NAME_CAPS))
		inode->no_file_caps = false;
	err = inode->ops->setxattr(inode, name, value, size, flags);
	rwsem_write_unlock(&inode->lock);
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

static long do_set(const struct path *p, const char __user *uname, const void __user *uvalue,
		   size_t size, int flags)
{
	char name[XATTR_NAME_MAX + 1];
	void *value;
	long err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = copy_name(name, uname);
	if (err)
		return err;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	value = kmalloc(size ? size : 1, GFP_KERNEL);
	if (!value)
		return -ENOMEM;
	err = size ? copy_from_user(value, uvalue, size) : 0;
	if (!err)
		err = set_on(p, name, value, size, flags);
	kfree(value);
	return err;
}

static long do_remove(const struct path *p, const char __user *uname)
{
	char name[XATTR_NAME_MAX + 1];
	int err = copy_name(name, uname);

	return err ? err : set_on(p, name, NULL, 0, XATTR_REPLACE);
}

static long do_get(const struct path *p, const char __user *uname, void __user *uvalue, size_t size)
{
	struct inode *inode = p->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	void *value = NULL;
	ssize_t n = copy_name(name, uname);

	if (!n)
		n = may_xattr(inode, name, MAY_READ);
	if (n)
		return n;
	if (!inode->ops->getxattr)
		return -EOPNOTSUPP;
	size = MIN(size, (size_t)XATTR_SIZE_MAX);
	if (size) {
		value = kmalloc(size, GFP_KERNEL);
		if (!value)
			return -ENOMEM;
	}
	n = inode->ops->getxattr(inode, name, value, size);
	if (n > 0 && size && copy_to_user(uvalue, value, (size_t)n))
		n = -EFAULT;
	kfree(value);
	return n;
}

/* trusted.* is not even named to others. */
static size_t hide_trusted(char *list, size_t len)
{
	size_t out = 0;

	for (size_t at = 0; at < len;) {
		size_t n = strlen(list + at) + 1;

		if (!str_starts_with(list + at, XATTR_TRUSTED_PREFIX)) {
			memmove(list + out, list + at, n);
			out += n;
		}
		at += n;
	}
	return out;
}

static long do_list(const struct path *p, char __user *ulist, size_t size)
{
	struct inode *inode = p->dentry->inode;
	char *list;
	ssize_t n;

	if (!inode->ops->listxattr)
		return 0; /* nothing is set where nothing can be: no error, for cp -a and ls */
	list = kmalloc(XATTR_LIST_MAX, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	n = inode->ops->listxattr(inode, list, XATTR_LIST_MAX);
	if (n == -ERANGE)
		n = -E2BIG;
	if (n > 0 && !capable(CAP_SYS_ADMIN))
		n = (ssize_t)hide_trusted(list, (size_t)n);
	if (n > 0 && size) {
		if ((size_t)n > size)
			n = -ERANGE;
		else if (copy_to_user(ulist, list, (size_t)n))
			n = -EFAULT;
	}
	kfree(list);
	return n;
}

/* ---- by path, by path without following, by descriptor ---- */

#define BY_PATH(lookup, call)                                                          \
	({                                                                             \
		struct path p;                                                         \
		long ret_ = path_lookup_user(AT_FDCWD, path, (lookup), &p);            \
		if (!ret_) {                                                           \
			ret_ = (call);                                                 \
			path_put(&p);                                                  \
		}                                                                      \
		ret_;                                                                  \
	})
#define BY_FD(call)                                                                    \
	({                                                                             \
		struct fdref r_ = fd_ref((unsigned int)fd);                            \
		long ret_ = -EBADF;                                                    \
		if (r_.file) {                                                         \
			const struct path p = r_.file->path;                           \
			ret_ = (call);                                                 \
			fd_unref(r_);                                                  \
		}                                                                      \
		ret_;                                                                  \
	})

long sys_setxattr(const char __user *path, const char __user *name, const void __user *value,
		  size_t size, int flags)
{
	return BY_PATH(LOOKUP_FOLLOW, do_set(&p, name, value, size, flags));
}

long sys_lsetxattr(const char __user *path, const char __user *name, const void __user *value,
		   size_t size, int flags)
{
	return BY_PATH(0, do_set(&p, name, value, size, flags));
}

long sys_fsetxattr(int fd, const char __user *name, const void __user *value, size_t size, int flags)
{
	return BY_FD(do_set(&p, name, value, size, flags));
}

long sys_getxattr(const char __user *path, const char __user *name, void __user *value, size_t size)
{
	return BY_PATH(LOOKUP_FOLLOW, do_get(&p, name, value, size));
}

long sys_lgetxattr(const char __user *path, const char __user *name, void __user *value, size_t size)
{
	return BY_PATH(0, do_get(&p, name, value, size));
}

long sys_fgetxattr(int fd, const char __user *name, void __user *value, size_t size)
{
	return BY_FD(do_get(&p, name, value, size));
}

long sys_listxattr(const char __user *path, char __user *list, size_t size)
{
	return BY_PATH(LOOKUP_FOLLOW, do_list(&p, list, size));
}

long sys_llistxattr(const char __user *path, char __user *list, size_t size)
{
	return BY_PATH(0, do_list(&p, list, size));
}

long sys_flistxattr(int fd, char __user *list, size_t size)
{
	return BY_FD(do_list(&p, list, size));
}

long sys_removexattr(const char __user *path, const char __user *name)
{
	return BY_PATH(LOOKUP_FOLLOW, do_remove(&p, name));
}

long sys_lremovexattr(const char __user *path, const char __user *name)
{
	return BY_PATH(0, do_remove(&p, name));
}

long sys_fremovexattr(int fd, const char __user *name)
{
	return BY_FD(do_remove(&p, name));
}
