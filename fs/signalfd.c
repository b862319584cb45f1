// SPDX-License-Identifier: MIT
/*
 * signalfd(2): signals of the reader, taken by read(2) instead of a handler.
 *
 * A poll stands on the queue of the handlers (sighand) that the poller had at
 * that time.  poll(2) leaves before it could exec; an epoll set stays until it
 * goes or the handlers do, whose last put takes everybody off the queue
 * (waitq_dissolve).
 *
 * Tests: tests/abi/signal.c, proc_wait.c.
 */
#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>

struct signalfd {
	_Atomic u64 mask;            /* [a] */
};

/* ---- the record a read gives ---- */

static void fill_timer(struct signalfd_siginfo *out, const siginfo_t *si)
{
	out->ssi_tid = (u32)si->si_tid;
	out->ssi_overrun = (u32)si->si_overrun;
	out->ssi_ptr = (u64)(ulong)si->si_ptr;
	out->ssi_int = si->si_int;
}

static void fill_child(struct signalfd_siginfo *out, const siginfo_t *si)
{
	out->ssi_pid = (u32)si->si_pid;
	out->ssi_uid = si->si_uid;
	out->ssi_status = si->si_status;
	out->ssi_utime = (u64)si->si_utime;
	out->ssi_stime = (u64)si->si_stime;
}

static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP;
}

static void fill(struct signalfd_siginfo *out, const siginfo_t *si)
{
	memset(out, 0, sizeof(*out));
	out->ssi_signo = (u32)si->si_signo;
	out->ssi_errno = si->si_errno;
	out->ssi_code = si->si_code;
	if (si->si_code == SI_TIMER) {
		fill_timer(out, si);
	} else if (si->si_code > 0 && si->si_code != SI_KERNEL && si->si_signo == SIGCHLD) {
		fill_child(out, si);
	} else if (si->si_code > 0 && si->si_code != SI_KERNEL && is_fault(si->si_signo)) {
		out->ssi_addr = (u64)(ulong)si->si_addr;
	} else if (si->si_code > 0 && si->si_code != SI_KERNEL && si->si_signo == SIGPOLL) {
		out->ssi_band = (u32)si->si_band;
		out->ssi_fd = si->si_fd;
	} else {
		out->ssi_pid = (u32)si->si_pid;
		out->ssi_uid = si->si_uid;
		out->ssi_ptr = (u64)(ulong)si->si_ptr;
		out->ssi_int = si->si_int;
	}
}

/* ---- reading ---- */

static int dequeue(struct signalfd *s, struct ksiginfo *info)
{
	struct sighand *h;
	u64 irq;
	int sig;

	h = process_lock_signals(current->process, &irq);
	sig = signal_dequeue(atomic_load(&s->mask), info);
	signal_recalc(current);
	process_unlock_signals(h, irq);
	return sig;
}

static bool is_pending(struct signalfd *s)
{
	u64 pending = READ_ONCE(current->sig.pending) | READ_ONCE(current->process->sig.pending);

	return pending & atomic_load(&s->mask);
}

static ssize_t signalfd_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct signalfd *s = f->private;
	struct signalfd_siginfo record;
	struct ksiginfo info;
	ssize_t total = 0;
	int err;

	if (to->count < sizeof(record))
		return -EINVAL;
	while (to->count >= sizeof(record)) {
		if (!dequeue(s, &info)) {
			if (total)
				break;
			if (f->flags & O_NONBLOCK)
				return -EAGAIN;
			err = wait_event_interruptible(&current->process->sighand->signalfd_waitq,
						       is_pending(s));
			if (err)
				return err;
			continue;
		}
		fill(&record, &info.si);
		if (iov_copy_to(to, &record, sizeof(record)) != sizeof(record))
			return total ? total : -EFAULT;
		total += sizeof(record);
	}
	return total;
}

/* ---- poll ---- */

static u32 signalfd_poll(struct file *f, struct poll_wait *w)
{
	struct signalfd *s = f->private;

	poll_on(w, &current->process->sighand->signalfd_waitq);
	return is_pending(s) ? POLLIN | POLLRDNORM : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->private);
}

static void signalfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct signalfd *s = f->private;

	strbuf_printf(out, "sigmask:\t%016llx\n", (unsigned long long)atomic_load(&s->mask));
}

static const struct file_ops signalfd_fops = {
	.llseek = llseek_nowhere,
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_fdinfo = signalfd_show_fdinfo,
};

/* ---- the calls ---- */

static long signalfd_new(u64 mask, int flags)
{
	struct signalfd *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct file *f;

	if (!s)
		return -ENOMEM;
	atomic_store(&s->mask, mask);
	f = file_anon("anon_inode:[signalfd]", &signalfd_fops, s, O_RDWR | (flags & SFD_NONBLOCK));
	if (IS_ERR(f)) {
		kfree(s);
		return PTR_ERR(f);
	}
	return fd_add(f, flags & SFD_CLOEXEC);
}

static long signalfd_change(int fd, u64 mask)
{
	struct fdref r = fd_ref((unsigned int)fd);
	struct signalfd *s;
	long ret = fd;

	if (!r.file)
		return -EBADF;
	if (r.file->ops == &signalfd_fops) {
		s = r.file->private;
		atomic_store(&s->mask, mask);
		waitq_wake_all(&current->process->sighand->signalfd_waitq, POLLIN);
	} else {
		ret = -EINVAL;
	}
	fd_unref(r);
	return ret;
}

long sys_signalfd4(int fd, const u64 __user *umask, size_t sigsetsize, int flags)
{
	u64 mask;

	if ((flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)) || sigsetsize != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, umask, sizeof(mask)))
		return -EFAULT;
	mask &= ~SIG_UNMASKABLE;
	return fd == -1 ? signalfd_new(mask, flags) : signalfd_change(fd, mask);
}

long sys_signalfd(int fd, const u64 __user *mask, size_t sigsetsize)
{
	return sys_signalfd4(fd, mask, sigsetsize, 0);
}
