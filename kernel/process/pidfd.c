// SPDX-License-Identifier: MIT
/*
 * pidfd_open(2) and its kin: a descriptor that stands for one process and for
 * no later one with the same number.
 *
 * The file holds a reference on the process, which outlives its reaping:
 * signals then give ESRCH.  Readable once the process is dead.
 */
#include "internal.h"

#include <asm/fcntl.h>
#include <linux/pidfd.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/poll.h>
#include <tarn/proc.h>
#include <tarn/strbuf.h>
#include <tarn/syscall.h>

static u32 pidfd_poll(struct file *f, struct poll_wait *w)
{
	struct process *p = f->private;

	poll_on(w, &p->pidfd_waitq);
	return READ_ONCE(p->zombie) ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
	process_put(f->private);
}

static void pidfd_show(struct file *f, struct strbuf *out)
{
	const struct process *p = f->private;
	pid_t pid = READ_ONCE(p->reaped) ? -1 : p->pid;

	strbuf_printf(out, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.show_fdinfo = pidfd_show,
};

struct file *pidfd_file(struct process *p, u32 flags)
{
	struct file *f;

	process_get(p);
	f = file_anon("anon_inode:[pidfd]", &pidfd_ops, p, flags);
	if (IS_ERR(f))
		process_put(p);
	return f;
}

struct process *pidfd_process_get(unsigned int fd, bool *nonblock)
{
	struct fdref r = fd_ref(fd);
	struct process *p = ERR_PTR(-EBADF);

	if (!r.file)
		return p;
	if (r.file->ops == &pidfd_ops) {
		p = r.file->private;
		process_get(p);
		*nonblock = atomic_load_explicit(&r.file->flags, memory_order_relaxed) & O_NONBLOCK;
	}
	fd_unref(r);
	return p;
}

/* What a signal may be sent by: also the directory /proc/PID, open for more than O_PATH. */
static struct process *signal_target_get(unsigned int fd)
{
	struct fdref r = fd_ref(fd);
	struct process *p;

	if (!r.file)
		return ERR_PTR(-EBADF);
	p = r.file->ops == &pidfd_ops ? r.file->private : proc_dir_process(r.file);
	if (p)
		process_get(p);
	fd_unref(r);
	return p ? p : ERR_PTR(-EBADF);
}

long sys_pidfd_open(pid_t pid, unsigned int flags)
{
	struct process *p;
	struct thread *t;
	struct file *f;

	if (flags & ~PIDFD_NONBLOCK || pid <= 0)
		return -EINVAL;
	p = process_find_get(pid);
	if (!p) {
		t = thread_find_get(pid);
		if (!t)
			return -ESRCH;
		thread_put(t);
		return -EINVAL; /* a thread that is no leader */
	}
	f = pidfd_file(p, O_RDWR | (flags & O_NONBLOCK));
	process_put(p);
	return IS_ERR(f) ? PTR_ERR(f) : fd_add(f, O_CLOEXEC);
}

static long info_from_user(struct ksiginfo *info, int sig, const void __user *uinfo,
			   const struct process *target)
{
	long err = siginfo_from_user(info, sig, uinfo);

	if (err)
		return err;
	if (info->si.si_signo != sig)
		return -EINVAL;
	/* As rt_sigqueueinfo(2): a thread may claim so to itself only. */
	return siginfo_claims_sender(info) && target->pid != current->tid ? -EPERM : 0;
}

long sys_pidfd_send_signal(int pidfd, int sig, void __user *uinfo, unsigned int flags)
{
	struct ksiginfo info;
	struct process *p;
	long err = 0;

	if (flags)
		return -EINVAL;
	p = signal_target_get((unsigned int)pidfd);
	if (IS_ERR(p))
		return PTR_ERR(p);
	if (uinfo)
		err = info_from_user(&info, sig, uinfo, p);
	else
		siginfo_user(&info, sig, SI_USER);
	if (!err) {
		rcu_read_lock(); /* a process that is not reaped yet keeps its leader for so long */
		err = READ_ONCE(p->reaped)
			      ? -ESRCH
			      : signal_check_permission(rcu_dereference(p->leader), sig);
		rcu_read_unlock();
	}
	if (!err && sig)
		err = signal_send_process(p, &info);
	process_put(p);
	return err;
}

static struct file *file_of_process(struct process *p, unsigned int fd)
{
	struct file *f = ERR_PTR(-ESRCH);
	struct thread *t = NULL;

	rcu_read_lock();
	if (!READ_ONCE(p->reaped)) {
		t = rcu_dereference(p->leader);
		if (!ref_get_unless_zero(&t->refs))
			t = NULL;
	}
	rcu_read_unlock();
	if (!t)
		return f;
	/* Not while an exec changes its rights. */
	if (mutex_lock_killable(&p->exec_lock)) {
		f = ERR_PTR(-EINTR);
	} else {
		f = thread_may_access(t, ACCESS_REAL_IDS) ? thread_file(t, fd, NULL)
							  : ERR_PTR(-EPERM);
		mutex_unlock(&p->exec_lock);
	}
	thread_put(t);
	return f ? f : ERR_PTR(-EBADF);
}

long sys_pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	struct process *p;
	struct file *f;
	bool nonblock;

	if (flags)
		return -EINVAL;
	p = pidfd_process_get((unsigned int)pidfd, &nonblock);
	if (IS_ERR(p))
		return PTR_ERR(p);
	f = file_of_process(p, (unsigned int)fd);
	process_put(p);
	return IS_ERR(f) ? PTR_ERR(f) : fd_add(f, O_CLOEXEC);
}
