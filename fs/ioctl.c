// SPDX-License-Identifier: MIT
/* ioctl(2): the requests that every file answers alike; the rest is the file's. */
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <arch/uaccess.h>
#include <tarn/fasync.h>
#include <tarn/inode.h>
#include <tarn/super.h>
#include <tarn/syscall.h>

#include "internal.h"

static long set_flag(struct file *f, u32 flag, unsigned long arg)
{
	int on;

	if (get_user(on, (int __user *)arg))
		return -EFAULT;
	if (on)
		atomic_fetch_or(&f->flags, flag);
	else
		atomic_fetch_and(&f->flags, ~flag);
	return 0;
}

/*
 * Sharing blocks between files: no file system here can.  What the arguments
 * are wrong about is said first, as programs (cp) tell the cases apart.
 */
static long clone_refused(const struct file *from, const struct file *to)
{
	if (from->inode->super != to->inode->super)
		return -EXDEV;
	if (mode_is_dir(from->inode->mode) || mode_is_dir(to->inode->mode))
		return -EISDIR;
	if (!mode_is_reg(from->inode->mode) || !mode_is_reg(to->inode->mode))
		return -EINVAL;
	if (!(from->mode & FMODE_READ) || !(to->mode & FMODE_WRITE) || (file_flags(to) & O_APPEND))
		return -EBADF;
	return -EOPNOTSUPP;
}

static long clone_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct file_clone_range range;
	struct fdref from;
	long ret;

	if (cmd == FICLONE)
		range.src_fd = (int)arg;
	else if (copy_from_user(&range, (void __user *)arg, sizeof(range)))
		return -EFAULT;
	from = fd_ref((unsigned int)range.src_fd);
	if (!from.file)
		return -EBADF;
	ret = clone_refused(from.file, f);
	fd_unref(from);
	return ret;
}

/* FIOASYNC: unlike F_SETFL it says so where there is no SIGIO. */
static long set_async(struct file *f, unsigned int fd, unsigned long arg)
{
	int on;

	if (get_user(on, (int __user *)arg))
		return -EFAULT;
	if (!on == !(file_flags(f) & FASYNC))
		return 0;
	return fasync_set(f, (int)fd, on);
}

static long regular_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case FIONREAD:
		return put_user((int)((s64)inode_size(f->inode) - READ_UNLOCKED(f->pos)), (int __user *)arg);
	case FIGETBSZ:
		return put_user((int)f->inode->super->block_size, (int __user *)arg);
	default:
		return -ENOTTY;
	}
}

static long do_ioctl(struct file *f, unsigned int fd, unsigned int cmd, unsigned long arg)
{
	long ret = -ENOTTY;

	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return sys_fcntl(fd, F_SETFD, cmd == FIOCLEX ? FD_CLOEXEC : 0);
	case FICLONE:
	case FICLONERANGE:
		return clone_ioctl(f, cmd, arg);
	case FIONBIO:
		return set_flag(f, O_NONBLOCK, arg);
	case FIOASYNC:
		return set_async(f, fd, arg);
	case FIOQSIZE:
		if (mode_is_reg(f->inode->mode) || mode_is_dir(f->inode->mode) ||
		    mode_is_lnk(f->inode->mode))
			return put_user((s64)inode_size(f->inode), (s64 __user *)arg);
		return -ENOTTY;
	}
	if (f->ops->ioctl)
		ret = f->ops->ioctl(f, cmd, arg);
	if (ret == -ENOTTY && (mode_is_reg(f->inode->mode) || mode_is_dir(f->inode->mode)))
		ret = regular_ioctl(f, cmd, arg);
	return ret;
}

long sys_ioctl(unsigned int fd, unsigned int cmd, unsigned long arg)
{
	struct fdref r = fd_ref(fd);
	long ret;

	if (!r.file)
		return -EBADF;
	ret = do_ioctl(r.file, fd, cmd, arg);
	fd_unref(r);
	return ret;
}
