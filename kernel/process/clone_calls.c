// SPDX-License-Identifier: MIT
/* The system calls over thread_clone(): fork, vfork, clone, clone3; set_tid_address. */
#include "internal.h"

#include <linux/sched.h>
#include <tarn/syscall.h>

long sys_fork(void)
{
	struct clone_args_k a = { .exit_signal = SIGCHLD };

	return thread_clone(&a);
}

long sys_vfork(void)
{
	struct clone_args_k a = { .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD };

	return thread_clone(&a);
}

long sys_clone(unsigned long flags, unsigned long stack, int __user *parent_tid,
	       int __user *child_tid, unsigned long tls)
{
	struct clone_args_k a = {
		.flags = (u32)flags & ~CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.stack = stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.pidfd = parent_tid, /* this call has no argument of its own for it */
	};

	if (a.flags & CLONE_PIDFD && a.flags & CLONE_PARENT_SETTID)
		return -EINVAL;
	return thread_clone(&a);
}

/* A struct from user space that may be shorter or longer than ours; what we do not know must be 0. */
static long copy_versioned(void *to, size_t ours, const void __user *from, size_t theirs)
{
	const u8 __user *tail = (const u8 __user *)from + ours;
	u8 byte;

	memset(to, 0, ours);
	if (copy_from_user(to, from, MIN(ours, theirs)))
		return -EFAULT;
	for (size_t i = ours; i < theirs; i++, tail++) {
		if (get_user(byte, tail))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

/* Only one pid namespace exists, so set_tid has at most one entry. */
static long set_tid_from_user(const struct clone_args *u, pid_t *tid)
{
	if (!u->set_tid && !u->set_tid_size)
		return 0;
	if (!u->set_tid || u->set_tid_size != 1)
		return -EINVAL;
	if (get_user(*tid, (pid_t __user *)u->set_tid))
		return -EFAULT;
	if (*tid <= 0 || *tid >= 4 * 1024 * 1024)
		return -EINVAL;
	return capable(CAP_SYS_ADMIN) || capable(CAP_CHECKPOINT_RESTORE) ? 0 : -EPERM;
}

static long check_clone_args(const struct clone_args *u)
{
	const u64 known = 0xffffffffull | CLONE_CLEAR_SIGHAND;

	/* CLONE_INTO_CGROUP: there are no control groups. */
	if (u->flags & ~known || u->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME)))
		return -EINVAL;
	if (u->flags & CLONE_NEWTIME)
		return -EINVAL;
	if (u->exit_signal & ~(u64)CSIGNAL || u->exit_signal > NSIG_TOTAL)
		return -EINVAL;
	if (u->flags & (CLONE_THREAD | CLONE_PARENT) && u->exit_signal)
		return -EINVAL;
	if (!u->stack != !u->stack_size)
		return -EINVAL;
	if (u->stack && !user_range_ok((void __user *)u->stack, u->stack_size))
		return -EINVAL;
	return 0;
}

long sys_clone3(void __user *uargs, size_t size)
{
	struct clone_args u;
	struct clone_args_k a = { 0 };
	long err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	err = copy_versioned(&u, sizeof(u), uargs, size);
	if (!err)
		err = check_clone_args(&u);
	if (!err)
		err = set_tid_from_user(&u, &a.set_tid);
	if (err)
		return err;
	a.flags = u.flags;
	a.exit_signal = (int)u.exit_signal;
	a.stack = u.stack ? u.stack + u.stack_size : 0;
	a.tls = u.tls;
	a.parent_tid = (int __user *)u.parent_tid;
	a.child_tid = (int __user *)u.child_tid;
	a.pidfd = (int __user *)u.pidfd;
	return thread_clone(&a);
}

long sys_set_tid_address(int __user *tidptr)
{
	current->clear_child_tid = tidptr;
	return current->tid;
}
