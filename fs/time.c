// SPDX-License-Identifier: MIT
/* File times: utimensat(2) and its elders, and when reading updates the access time. */
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/time_types.h>
#include <linux/utime.h>
#include <linux/stat.h>
#include <arch/uaccess.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/time.h>

#include "internal.h"

/* utimensat(2)'s special tv_nsec: not in a UAPI header. */
#define ABI_UTIME_NOW 0x3fffffffl
#define ABI_UTIME_OMIT 0x3ffffffel
#define DAY 86400

/* ---- access time ---- */

static s64 compare(struct timespec64 a, struct timespec64 b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec - b.tv_sec : a.tv_nsec - b.tv_nsec;
}

static bool atime_wanted(const struct mount *m, const struct inode *inode)
{
	u32 f = atomic_load_explicit(&m->flags, memory_order_relaxed) |
		atomic_load_explicit(&m->super->flags, memory_order_relaxed);

	if (f & (MS_NOATIME | MS_RDONLY))
		return false;
	if (mode_is_dir(inode->mode) && (f & MS_NODIRATIME))
		return false;
	return !(inode->attr_flags & S_NOATIME);
}

/* With relatime: if it is older than the last change, or than a day; and never what it is already. */
bool atime_would_change(const struct mount *m, struct inode *inode)
{
	struct timespec64 was = inode->atime;

	if (!atime_wanted(m, inode))
		return false;
	/* First what needs no clock: most files were read after they were changed. */
	if ((atomic_load_explicit(&m->flags, memory_order_relaxed) & MS_RELATIME) &&
	    compare(inode->mtime, was) < 0 && compare(inode->ctime, was) < 0)
		return realtime_coarse().tv_sec - was.tv_sec >= DAY;
	return compare(was, inode_now(inode)) != 0;
}

void atime_update(const struct path *p)
{
	struct inode *inode = p->dentry->inode;

	if (atime_would_change(p->mnt, inode))
		inode_touch(inode, ATTR_ATIME);
}

void file_accessed(struct file *f)
{
	if (!(file_flags(f) & O_NOATIME))
		atime_update(&f->path);
}

/* ---- utimensat(2) ---- */

/* What @times (two: access, modification; NULL: now, both) ask for. */
static int times_to_attr(const struct timespec64 *times, struct setattr *a)
{
	a->valid = ATTR_CTIME;
	if (!times) {
		a->valid |= ATTR_ATIME | ATTR_MTIME;
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		u32 which = i ? ATTR_MTIME : ATTR_ATIME;
		u32 set = i ? ATTR_MTIME_SET : ATTR_ATIME_SET;
		s64 ns = times[i].tv_nsec;

		if (ns == ABI_UTIME_OMIT)
			continue;
		a->valid |= which;
		if (ns == ABI_UTIME_NOW)
			continue;
		if (ns < 0 || ns >= (s64)NSEC_PER_SEC)
			return -EINVAL;
		a->valid |= set;
	}
	a->atime = times[0];
	a->mtime = times[1];
	return 0;
}

/* inode->lock held.  Who may write may set both to now; anything else is the owner's, and nothing for +i or +a. */
static int may_set_times(struct inode *inode, u32 valid)
{
	bool both_now = (valid & (ATTR_ATIME | ATTR_MTIME)) == (ATTR_ATIME | ATTR_MTIME) &&
			!(valid & (ATTR_ATIME_SET | ATTR_MTIME_SET));

	if (inode->attr_flags & (both_now ? S_IMMUTABLE : S_IMMUTABLE | S_APPEND))
		return -EPERM;
	if (inode_owner_or_capable(inode))
		return 0;
	return both_now ? inode_permission(inode, MAY_WRITE) : -EPERM;
}

static int set_times(const struct path *p, const struct timespec64 *times)
{
	struct inode *inode = p->dentry->inode;
	struct setattr a = { 0 };
	int err = times_to_attr(times, &a);

	if (err)
		return err;
	if (times && times[0].tv_nsec == ABI_UTIME_OMIT && times[1].tv_nsec == ABI_UTIME_OMIT)
		return 0;
	err = mount_want_write(p->mnt);
	if (err)
		return err;
	rwsem_write_lock(&inode->lock);
	err = may_set_times(inode, a.valid);
	if (!err)
		err = setattr_locked(p->dentry, &a);
	rwsem_write_unlock(&inode->lock);
	return err;
}

static long do_utimes(int dfd, const char __user *name, const struct timespec64 *times, int flags)
{
	struct path p;
	struct fdref r;
	int err;

	if (name) {
		err = path_at_user(dfd, name, flags, &p);
		if (err)
			return err;
		err = set_times(&p, times);
		path_put(&p);
		return err;
	}
	if (dfd == AT_FDCWD)
		return -EFAULT;
	if (flags)
		return -EINVAL;
	r = fd_ref((unsigned int)dfd);
	if (!r.file)
		return -EBADF;
	err = set_times(&r.file->path, times);
	fd_unref(r);
	return err;
}

long sys_utimensat(int dfd, const char __user *name, const void __user *utimes, int flags)
{
	struct timespec64 t[2];

	if (utimes) {
		if (copy_from_user(t, utimes, sizeof(t)))
			return -EFAULT;
		if (t[0].tv_nsec == ABI_UTIME_OMIT && t[1].tv_nsec == ABI_UTIME_OMIT)
			return 0;
	}
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return do_utimes(dfd, name, utimes ? t : NULL, flags);
}

long sys_futimesat(int dfd, const char __user *name, const void __user *utimes)
{
	struct __kernel_old_timeval tv[2];
	struct timespec64 t[2];

	if (!utimes)
		return do_utimes(dfd, name, NULL, 0);
	if (copy_from_user(tv, utimes, sizeof(tv)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return -EINVAL;
		t[i] = (struct timespec64){ tv[i].tv_sec, tv[i].tv_usec * 1000 };
	}
	return do_utimes(dfd, name, t, 0);
}

long sys_utimes(const char __user *name, const void __user *utimes)
{
	return sys_futimesat(AT_FDCWD, name, utimes);
}

long sys_utime(const char __user *name, const void __user *utimes)
{
	struct timespec64 t[2] = { { 0 } };
	struct utimbuf ub;

	if (!utimes)
		return do_utimes(AT_FDCWD, name, NULL, 0);
	if (copy_from_user(&ub, utimes, sizeof(ub)))
		return -EFAULT;
	t[0].tv_sec = ub.actime;
	t[1].tv_sec = ub.modtime;
	return do_utimes(AT_FDCWD, name, t, 0);
}
