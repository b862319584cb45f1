// SPDX-License-Identifier: MIT
/*
 * Extended attributes of tmpfs: a short list per inode, inode->spin.  VFS has judged names and rights.
 *
 * None in the user namespace, as on Linux 6.1: whoever may write a file in
 * /tmp could fill memory with them, which no limit of the file system sees.
 */
#include <linux/xattr.h>
#include <tarn/string.h>

#include "../internal.h"
#include "tmpfs.h"

static bool known_prefix(const char *name)
{
	return str_starts_with(name, XATTR_TRUSTED_PREFIX) ||
	       str_starts_with(name, XATTR_SECURITY_PREFIX);
}

/* inode->spin held. */
static struct tmpfs_xattr *find(struct inode *inode, const char *name)
{
	struct tmpfs_xattr *x;

	LIST_FOR_EACH(x, &TI(inode)->xattrs, node)
		if (str_eq(x->name, name))
			return x;
	return NULL;
}

static void xattr_free(struct tmpfs_xattr *x)
{
	if (x) {
		kfree(x->name);
		kfree(x);
	}
}

ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
	struct tmpfs_xattr *x;
	ssize_t n;

	if (!known_prefix(name))
		return -EOPNOTSUPP;
	spin_lock(&inode->spin);
	x = find(inode, name);
	n = x ? (ssize_t)x->size : -ENODATA;
	if (n > 0 && size) {
		if ((size_t)n > size)
			n = -ERANGE;
		else
			memcpy(value, x->value, (size_t)n);
	}
	spin_unlock(&inode->spin);
	return n;
}

static struct tmpfs_xattr *make(const char *name, const void *value, size_t size)
{
	struct tmpfs_xattr *x = kmalloc(sizeof(*x) + size, GFP_KERNEL);

	if (!x)
		return NULL;
	x->name = kstrdup(name, GFP_KERNEL);
	if (!x->name) {
		kfree(x);
		return NULL;
	}
	x->size = size;
	memcpy(x->value, value, size);
	return x;
}

int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct tmpfs_xattr *new = NULL, *old;
	int err = 0;

	if (!known_prefix(name))
		return -EOPNOTSUPP;
	if (value) {
		new = make(name, value, size);
		if (!new)
			return -ENOMEM;
	}
	spin_lock(&inode->spin);
	old = find(inode, name);
	if (old && (flags & XATTR_CREATE))
		err = -EEXIST;
	else if (!old && (!value || (flags & XATTR_REPLACE)))
		err = -ENODATA;
	if (!err) {
		if (old)
			list_del(&old->node);
		if (new)
			list_add_tail(&TI(inode)->xattrs, &new->node);
	}
	spin_unlock(&inode->spin);
	xattr_free(err ? new : old);
	if (!err)
		inode_touch(inode, ATTR_CTIME);
	return err;
}

ssize_t tmpfs_listxattr(struct inode *inode, char *list, size_t size)
{
	struct tmpfs_xattr *x;
	size_t at = 0;

	spin_lock(&inode->spin);
	LIST_FOR_EACH(x, &TI(inode)->xattrs, node) {
		size_t n = strlen(x->name) + 1;

		if (size && at + n <= size)
			memcpy(list + at, x->name, n);
		at += n;
	}
	spin_unlock(&inode->spin);
	return size && at > size ? -ERANGE : (ssize_t)at;
}

void tmpfs_free_xattrs(struct inode *inode)
{
	struct tmpfs_xattr *x;

	while ((x = list_first(&TI(inode)->xattrs, struct tmpfs_xattr, node)) != NULL) {
		list_del(&x->node);
		xattr_free(x);
	}
}
