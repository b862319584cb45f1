// SPDX-License-Identifier: MIT
/*
 * Permissions: the only place that decides who may do what with a file.
 *
 * File accesses are judged by fsuid, fsgid, the supplementary groups and the
 * effective capabilities of current_cred(); root is nothing but capabilities.
 * See path_resolution(7), capabilities(7).
 */
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/process.h>
#include <tarn/super.h>
#include <tarn/thread.h>

#include "internal.h"

/* The rwx bits that apply to @c. */
static u32 mode_for(const struct cred *c, struct owner o)
{
	mode_t m = o.mode;

	if (c->fsuid == o.uid)
		return (m >> 6) & 7;
	/* Groups matter only where they differ from others. */
	if (((m >> 3) ^ m) & 7 && cred_in_group(c, o.gid))
		return (m >> 3) & 7;
	return m & 7;
}

int perm_generic(struct inode *inode, int mask)
{
	const struct cred *c = current_cred();
	u32 want = (u32)mask & (MAY_READ | MAY_WRITE | MAY_EXEC);
	struct owner o = inode_owner(inode);

	if (!(want & ~mode_for(c, o)))
		return 0;
	if (mode_is_dir(o.mode)) {
		if (!(want & MAY_WRITE) && cred_capable(c, CAP_DAC_READ_SEARCH))
			return 0;
		return cred_capable(c, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (want == MAY_READ && cred_capable(c, CAP_DAC_READ_SEARCH))
		return 0;
	/* A file nobody may execute, root may not either. */
	if ((!(want & MAY_EXEC) || (o.mode & 0111)) && cred_capable(c, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *inode, int mask)
{
	if (mask & MAY_WRITE) {
		u32 sb_flags = atomic_load_explicit(&inode->super->flags, memory_order_relaxed);

		if ((sb_flags & MS_RDONLY) && (mode_is_reg(inode->mode) ||
					       mode_is_dir(inode->mode) || mode_is_lnk(inode->mode)))
			return -EROFS;
		if (inode->attr_flags & S_IMMUTABLE)
			return -EPERM;
	}
	if (inode->ops->permission)
		return inode->ops->permission(inode, mask);
	/* Every walk comes here for search permission: mostly all have it. */
	if (mask == MAY_EXEC && (inode->mode & 0111) == 0111)
		return 0;
	return perm_generic(inode, mask);
}

bool inode_owner_or_capable(const struct inode *inode)
{
	const struct cred *c = current_cred();

	return c->fsuid == inode->uid || cred_capable(c, CAP_FOWNER);
}

/* In a sticky directory only the owner of file or directory removes or renames. */
int perm_sticky(const struct inode *dir, const struct inode *victim)
{
	const struct cred *c = current_cred();
	struct owner o = inode_owner(dir);

	if (!(o.mode & S_ISVTX) || c->fsuid == READ_ONCE(victim->uid) || c->fsuid == o.uid ||
	    cred_capable(c, CAP_FOWNER))
		return 0;
	return -EPERM;
}

int perm_create(struct inode *dir)
{
	if (READ_UNLOCKED(dir->state) & IS_DEAD_DIR)
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

/*
 * Set-group-id is judged before the umask takes group execute away: else the
 * umask would decide whether a stranger's file keeps the directory's group's right.
 */
mode_t mode_for_new(const struct inode *dir, mode_t mode)
{
	const struct cred *c = current_cred();
	struct owner o = inode_owner(dir);

	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && (o.mode & S_ISGID) &&
	    !mode_is_dir(mode) && !cred_in_group(c, o.gid) && !cred_capable(c, CAP_FSETID))
		mode &= ~(mode_t)S_ISGID;
	if (!(atomic_load_explicit(&dir->super->flags, memory_order_relaxed) & MS_POSIXACL))
		mode &= ~(mode_t)current->fs->umask;
	return mode;
}

/* unlink(2), rmdir(2), rename(2) of @victim (positive) out of @dir. */
int perm_delete(struct inode *dir, struct dentry *victim, bool want_dir)
{
	struct inode *inode = victim->inode;
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);

	if (err)
		return err;
	if (dir->attr_flags & S_APPEND)
		return -EPERM;
	if (perm_sticky(dir, inode) || (inode->attr_flags & (S_IMMUTABLE | S_APPEND | S_SWAPFILE)))
		return -EPERM;
	if (want_dir) {
		if (!mode_is_dir(inode->mode))
			return -ENOTDIR;
		if (victim->parent == victim)
			return -EBUSY;
	} else if (mode_is_dir(inode->mode)) {
		return -EISDIR;
	}
	if (READ_UNLOCKED(dir->state) & IS_DEAD_DIR)
		return -ENOENT;
	return 0;
}

static int may_open_type(const struct path *p, u32 flags, int mask)
{
	u32 mnt = atomic_load_explicit(&p->mnt->flags, memory_order_relaxed) |
		  atomic_load_explicit(&p->mnt->super->flags, memory_order_relaxed);
	mode_t mode = p->dentry->inode->mode;

	switch (mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		return (mask & MAY_WRITE) || (flags & O_TRUNC) ? -EISDIR : 0;
	case S_IFBLK:
	case S_IFCHR:
		return (mnt & MS_NODEV) ? -EACCES : 0;
	case S_IFSOCK:
		return -ENXIO;
	case S_IFREG:
		return (mask & MAY_WRITE) || (flags & O_TRUNC) ? mount_want_write(p->mnt) : 0;
	default:
		return 0;
	}
}

/* open(2) of an existing file. */
int perm_open(const struct path *p, u32 flags)
{
	static const u8 masks[4] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
				     MAY_READ | MAY_WRITE };
	struct inode *inode = p->dentry->inode;
	int mask = masks[flags & O_ACCMODE];
	int err;

	if (flags & O_TRUNC)
		mask |= MAY_WRITE;
	err = may_open_type(p, flags, mask);
	if (err)
		return err;
	err = inode_permission(inode, mask);
	if (err)
		return err;
	if (inode->attr_flags & S_APPEND) {
		if ((mask & MAY_WRITE) && !(flags & O_APPEND))
			return -EPERM;
		if (flags & O_TRUNC)
			return -EPERM;
	}
	if ((flags & O_NOATIME) && !inode_owner_or_capable(inode))
		return -EPERM;
	return 0;
}

/* ---- changing attributes ---- */

static int may_chown(const struct inode *inode, const struct setattr *a)
{
	const struct cred *c = current_cred();

	if (cred_capable(c, CAP_CHOWN))
		return 0;
	if ((a->valid & ATTR_UID) && (c->fsuid != inode->uid || a->uid != inode->uid))
		return -EPERM;
	if ((a->valid & ATTR_GID) &&
	    (c->fsuid != inode->uid || (a->gid != inode->gid && !cred_in_group(c, a->gid))))
		return -EPERM;
	return 0;
}

int setattr_prepare(struct inode *inode, struct setattr *a)
{
	const struct cred *c = current_cred();
	u32 valid = a->valid;
	int err;

	if (valid & ATTR_SIZE) {
		if (a->size > inode->super->max_bytes)
			return -EFBIG;
		if (a->size > inode_size(inode) && a->size > rlimit_cur(RLIMIT_FSIZE))
			return file_too_large();
	}
	if (valid & (ATTR_UID | ATTR_GID)) {
		err = may_chown(inode, a);
		if (err)
			return err;
	}
	if (valid & ATTR_MODE) {
		gid_t gid = (valid & ATTR_GID) ? a->gid : inode->gid;

		if (!inode_owner_or_capable(inode))
			return -EPERM;
		if (!cred_in_group(c, gid) && !cred_capable(c, CAP_FSETID))
			a->mode &= ~(mode_t)S_ISGID;
	}
	if ((valid & (ATTR_ATIME_SET | ATTR_MTIME_SET)) && !inode_owner_or_capable(inode))
		return -EPERM;
	return 0;
}

void setattr_copy(struct inode *inode, const struct setattr *a)
{
	struct timespec64 now = inode_now(inode);
	struct owner o = { inode->mode, inode->uid, inode->gid };

	if (a->valid & ATTR_UID)
		o.uid = a->uid;
	if (a->valid & ATTR_GID)
		o.gid = a->gid;
	if (a->valid & ATTR_MODE)
		o.mode = (inode->mode & S_IFMT) | (a->mode & 07777);
	if (a->valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
		inode_set_owner(inode, o);
	spin_lock(&inode->spin);
	if (a->valid & ATTR_ATIME)
		inode->atime = (a->valid & ATTR_ATIME_SET) ? a->atime : now;
	if (a->valid & ATTR_MTIME)
		inode->mtime = (a->valid & ATTR_MTIME_SET) ? a->mtime : now;
	if (a->valid & ATTR_CTIME)
		inode->ctime = now;
	inode->version++;
	spin_unlock(&inode->spin);
	inode_mark_dirty(inode);
}

int setattr_generic(struct inode *inode, const struct setattr *a)
{
	/* Files made of text (/proc, /sys) have no size to change: O_TRUNC and truncate(2) leave them as they are. */
	if ((a->valid & ATTR_SIZE) && inode->mapping->ops) {
		u64 old = inode_size(inode);

		if (a->size > old)
			pagecache_extended(inode->mapping, old);
		atomic_store_explicit(&inode->size, a->size, memory_order_release);
		pagecache_truncate(inode->mapping, a->size);
	}
	setattr_copy(inode, a);
	return 0;
}
