// SPDX-License-Identifier: MIT
/*
 * Signal-driven I/O: O_ASYNC, F_SETOWN, F_SETSIG of fcntl(2).
 *
 * With O_ASYNC a file's owner gets a signal when poll(2) would answer anew.  So
 * the file stands on its own wait queues, as an epoll set would, and nothing
 * else in the kernel knows of it; a file without O_ASYNC pays nothing.  Which
 * wake-ups are worth a signal, and what si_code they have, its kind decides
 * (file_ops.async_reason).
 *
 * A wake function runs under the queue's lock, below those that sending takes:
 * it notes the reason and asks for a call when that lock is dropped
 * (waitq_later).  By then the file may be gone; the owner is counted for that.
 *
 * The owner is a number with its serial (struct pid_name), not a reference: the
 * dead are not kept, and who has the number later is not signalled.  Who set the
 * owner is remembered, and may signal only whom kill(2) would let him.
 *
 * Tests: tests/abi/sig_io.c.
 */
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <linux/fcntl.h>
#include <tarn/cred.h>
#include <tarn/fasync.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/waitq.h>

#include "internal.h"

#define QUEUES 4 /* no file's poll stands on more */

/* What fcntl(2) sets. */
struct ownership {
	int type;              /* F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP */
	struct pid_name name;  /* nr 0: nobody */
	uid_t uid, euid;       /* who set it */
	int sig;               /* 0: SIGIO without details */
};

struct file_owner {
	struct refcount refs;        /* the file's, and one while ->later is pending */
	struct spinlock lock;        /* LR_LEAF */
	struct ownership is GUARDED_BY(&lock);
	struct mutex async_lock;     /* LR_SLEEP_LEAF: O_ASYNC goes on or off */
	struct file *file;           /* [I] valid while an entry is queued */
	_Atomic int fd;              /* [a] by which O_ASYNC was set: si_fd */
	u32 nqueues;                 /* async_lock */
	struct wait_entry entry[QUEUES]; /* async_lock */
	_Atomic u32 reasons;         /* [a] bit POLL_IN ...: to be told */
	_Atomic bool queued;         /* [a] ->later is pending */
	_Atomic bool no_room;        /* [a] fasync_no_room() */
	struct wait_later later;
};

static void owner_put(struct file_owner *o)
{
	if (ref_put(&o->refs))
		kfree(o);
}

/* ---- sending ---- */

/* POSIX names si_band by poll(2)'s events. */
static long band_of(int reason)
{
	static const long band[] = {
		[POLL_IN] = POLLIN | POLLRDNORM,
		[POLL_OUT] = POLLOUT | POLLWRNORM | POLLWRBAND,
		[POLL_MSG] = POLLIN | POLLRDNORM | POLLMSG,
		[POLL_ERR] = POLLERR,
		[POLL_PRI] = POLLPRI | POLLRDBAND,
		[POLL_HUP] = POLLHUP | POLLERR,
	};

	return band[reason];
}

/* Signals whose positive codes mean something of their own. */
static bool has_own_codes(int sig)
{
	const u64 set = SIGMASK(SIGILL) | SIGMASK(SIGFPE) | SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) |
			SIGMASK(SIGTRAP) | SIGMASK(SIGCHLD) | SIGMASK(SIGSYS);

	return set & SIGMASK(sig);
}

/* As kill(2) by who set the owner: his ids of then against @t's of now.  RCU. */
static bool may_signal(const struct ownership *is, struct thread *t)
{
	const struct cred *c = rcu_dereference(t->cred);

	return is->euid == 0 || is->euid == c->suid || is->euid == c->uid || is->uid == c->suid ||
	       is->uid == c->uid;
}

static int send_one(const struct ownership *is, struct thread *t, const struct ksiginfo *info)
{
	return is->type == F_OWNER_TID ? signal_send_thread(t, info) :
					 signal_send_process(t->process, info);
}

/* SIGIO if no signal was chosen, or if its queue is full.  RCU or the tree lock. */
static void tell_one(const struct ownership *is, struct thread *t, int fd, int reason)
{
	struct ksiginfo info;

	if (!may_signal(is, t))
		return;
	if (is->sig) {
		memset(&info, 0, sizeof(info));
		info.si.si_signo = is->sig;
		info.si.si_code = has_own_codes(is->sig) ? SI_SIGIO : reason;
		info.si.si_band = band_of(reason);
		info.si.si_fd = fd;
		if (!send_one(is, t, &info))
			return;
	}
	siginfo_kernel(&info, SIGIO);
	send_one(is, t, &info);
}

static void urge_one(const struct ownership *is, struct thread *t, int fd, int reason)
{
	struct ksiginfo info;

	if (!may_signal(is, t))
		return;
	siginfo_kernel(&info, SIGURG);
	send_one(is, t, &info);
}

typedef void tell_fn(const struct ownership *is, struct thread *t, int fd, int reason);

static void tell_group(const struct ownership *is, tell_fn *tell, int fd, int reason)
{
	struct process *p;
	struct pgrp *g;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	g = pid_name_pgrp(&is->name);
	if (g)
		LIST_FOR_EACH(p, &g->members, pgrp_node)
			if (!p->is_kernel)
				tell(is, p->leader, fd, reason);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

static void tell_owner(struct file_owner *o, tell_fn *tell, int fd, int reason)
{
	struct ownership is;
	struct thread *t;
	u64 irq = spin_lock_irqsave(&o->lock);

	is = o->is;
	spin_unlock_irqrestore(&o->lock, irq);
	if (!is.name.nr)
		return;
	if (is.type == F_OWNER_PGRP) {
		tell_group(&is, tell, fd, reason);
		return;
	}
	rcu_read_lock();
	t = pid_name_thread(&is.name);
	if (t)
		tell(&is, t, fd, reason);
	rcu_read_unlock();
}

static struct file_owner *owner_of(struct file *f)
{
	return atomic_load_explicit(&f->owner, memory_order_acquire);
}

void fasync_urgent(struct file *f)
{
	struct file_owner *o = owner_of(f);

	if (o)
		tell_owner(o, urge_one, 0, 0);
}

/* ---- from the wake-up to the signal ---- */

static void tell_reasons(struct wait_later *l)
{
	struct file_owner *o = container_of(l, struct file_owner, later);
	u32 reasons;

	atomic_store(&o->queued, false); /* first: a wake-up from now on queues again */
	reasons = atomic_exchange(&o->reasons, 0);
	for (int i = 0; reasons >> i; i++)
		if (reasons & BIT(i))
			tell_owner(o, tell_one, atomic_load(&o->fd), i);
	owner_put(o);
}

static bool woken(struct wait_entry *e, u32 events)
{
	struct file_owner *o = e->data;
	int reason = o->file->ops->async_reason(o->file, events);

	if (!reason)
		return false;
	atomic_fetch_or(&o->reasons, BIT(reason));
	if (!atomic_exchange(&o->queued, true)) {
		ref_get(&o->refs);
		waitq_later(&o->later);
	}
	return false;
}

/* Whatever reads and writes the two ends of a ring: the only reasons are data and room. */
int async_reason_in_out(struct file *f, u32 events)
{
	if (events & POLLIN)
		return POLL_IN;
	return events & POLLOUT ? POLL_OUT : 0;
}

/* ---- O_ASYNC on and off ---- */

static struct file_owner *owner_make(struct file *f)
{
	struct file_owner *o = owner_of(f), *none = NULL;

	if (o)
		return o;
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return NULL;
	ref_init(&o->refs, 1);
	spin_init(&o->lock, "file_owner", LR_LEAF);
	mutex_init(&o->async_lock, "async", LR_SLEEP_LEAF);
	o->file = f;
	o->later.fn = tell_reasons;
	if (!atomic_compare_exchange_strong(&f->owner, &none, o)) {
		kfree(o);
		return none;
	}
	return o;
}

struct async_poll {
	struct poll_wait wait;
	struct file_owner *owner;
};

static void stand_on(struct poll_wait *w, struct waitq *q)
{
	struct file_owner *o = container_of(w, struct async_poll, wait)->owner;
	struct wait_entry *e;

	assert(o->nqueues < QUEUES);
	e = &o->entry[o->nqueues++];
	*e = (struct wait_entry){ .wake = woken, .data = o };
	waitq_add(q, e);
}

/* async_lock. */
static void register_async(struct file *f, struct file_owner *o)
{
	struct async_poll ap = { .wait = { .add = stand_on, .events = ~0u }, .owner = o };

	if (!o->nqueues)
		file_poll(f, &ap.wait);
}

static void unregister_async(struct file_owner *o)
{
	while (o->nqueues)
		waitq_remove(&o->entry[--o->nqueues]);
}

static void own(struct file_owner *o, int type, const struct pid_name *name, bool force)
{
	const struct cred *me = current->cred;
	u64 irq = spin_lock_irqsave(&o->lock);

	if (force || !o->is.name.nr) {
		o->is.type = type;
		o->is.name = *name;
		if (name->nr) {
			o->is.uid = me->uid;
			o->is.euid = me->euid;
		}
	}
	spin_unlock_irqrestore(&o->lock, irq);
}

/* Terminals have an owner unless one was named: the foreground group, or who asks. */
static void own_by_default(struct file *f, struct file_owner *o)
{
	struct pid_name name;
	pid_t pgrp;

	if (!f->ops->async_group)
		return;
	pgrp = f->ops->async_group(f);
	if (pid_name_of(pgrp > 0 ? pgrp : current->process->pid, &name))
		own(o, pgrp > 0 ? F_OWNER_PGRP : F_OWNER_PID, &name, false);
}

int fasync_set(struct file *f, int fd, bool on)
{
	struct file_owner *o;

	if (!f->ops->async_reason)
		return -ENOTTY;
	o = on ? owner_make(f) : owner_of(f);
	if (!o)
		return on ? -ENOMEM : 0;
	mutex_lock(&o->async_lock);
	if (on) {
		atomic_store(&o->fd, fd);
		own_by_default(f, o);
		register_async(f, o);
		atomic_fetch_or(&f->flags, FASYNC);
	} else {
		unregister_async(o);
		atomic_fetch_and(&f->flags, ~(u32)FASYNC);
	}
	mutex_unlock(&o->async_lock);
	return 0;
}

void fasync_released(struct file *f)
{
	struct file_owner *o = owner_of(f);

	unregister_async(o);
	owner_put(o);
}

void fasync_no_room(struct file *f)
{
	struct file_owner *o = owner_of(f);

	if (o)
		atomic_store(&o->no_room, true);
}

bool fasync_wanted_room(struct file *f)
{
	struct file_owner *o = owner_of(f);

	return o && atomic_exchange(&o->no_room, false);
}

/* ---- the owner, by fcntl(2) and ioctl(2) ---- */

static long set_owner(struct file *f, int type, pid_t nr)
{
	struct pid_name name = { 0 };
	struct file_owner *o;

	if (nr && !pid_name_of(nr, &name))
		return -ESRCH;
	o = owner_make(f);
	if (!o)
		return -ENOMEM;
	own(o, type, &name, true);
	return 0;
}

/* Negative: a process group. */
static long set_owner_signed(struct file *f, int who)
{
	if (who == -0x7fffffff - 1)
		return -EINVAL;
	return set_owner(f, who < 0 ? F_OWNER_PGRP : F_OWNER_PID, who < 0 ? -who : who);
}

static struct ownership ownership_of(struct file *f)
{
	struct ownership is = { .type = F_OWNER_TID };
	struct file_owner *o = owner_of(f);
	u64 irq;

	if (!o)
		return is;
	irq = spin_lock_irqsave(&o->lock);
	is = o->is;
	spin_unlock_irqrestore(&o->lock, irq);
	return is;
}

/* The number, if it still names what the type says; else 0. */
static pid_t owner_number(const struct ownership *is)
{
	struct thread *t;
	bool there;

	rcu_read_lock();
	t = pid_name_thread(&is->name);
	if (is->type == F_OWNER_PGRP)
		there = pid_name_pgrp(&is->name);
	else
		there = t && (is->type == F_OWNER_TID || t->process->pid == is->name.nr);
	rcu_read_unlock();
	return there ? is->name.nr : 0;
}

static int get_owner_signed(struct file *f)
{
	struct ownership is = ownership_of(f);
	pid_t nr = owner_number(&is);

	return is.type == F_OWNER_PGRP ? -nr : nr;
}

static long set_owner_ex(struct file *f, const struct f_owner_ex __user *u)
{
	struct f_owner_ex ex;

	if (copy_from_user(&ex, u, sizeof(ex)))
		return -EFAULT;
	if (ex.type != F_OWNER_TID && ex.type != F_OWNER_PID && ex.type != F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(f, ex.type, ex.pid);
}

static long get_owner_ex(struct file *f, struct f_owner_ex __user *u)
{
	struct ownership is = ownership_of(f);
	struct f_owner_ex ex = { .type = is.type, .pid = owner_number(&is) };

	return copy_to_user(u, &ex, sizeof(ex));
}

static long set_signal(struct file *f, unsigned long sig)
{
	struct file_owner *o;
	u64 irq;

	if (sig > NSIG_TOTAL)
		return -EINVAL;
	o = owner_make(f);
	if (!o)
		return -ENOMEM;
	irq = spin_lock_irqsave(&o->lock);
	o->is.sig = (int)sig;
	spin_unlock_irqrestore(&o->lock, irq);
	return 0;
}

static long get_owner_ids(struct file *f, u32 __user *ids)
{
	struct ownership is = ownership_of(f);

	return put_user(is.uid, &ids[0]) || put_user(is.euid, &ids[1]) ? -EFAULT : 0;
}

long fasync_fcntl(struct file *f, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_SETOWN:
		return set_owner_signed(f, (int)arg);
	case F_GETOWN:
		return get_owner_signed(f);
	case F_SETOWN_EX:
		return set_owner_ex(f, (const struct f_owner_ex __user *)arg);
	case F_GETOWN_EX:
		return get_owner_ex(f, (struct f_owner_ex __user *)arg);
	case F_SETSIG:
		return set_signal(f, arg);
	case F_GETSIG:
		return ownership_of(f).sig;
	default: /* F_GETOWNER_UIDS */
		return get_owner_ids(f, (u32 __user *)arg);
	}
}

long fasync_socket_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	int who;

	switch (cmd) {
	case FIOSETOWN:
	case SIOCSPGRP:
		if (get_user(who, (int __user *)arg))
			return -EFAULT;
		return set_owner_signed(f, who);
	case FIOGETOWN:
	case SIOCGPGRP:
		return put_user(get_owner_signed(f), (int __user *)arg);
	}
	return -ENOTTY;
}
