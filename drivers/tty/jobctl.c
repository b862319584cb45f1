// SPDX-License-Identifier: MIT
/*
 * Job control: a session's controlling terminal and its foreground group.
 *
 * A terminal controls at most one session and a session has at most one
 * terminal: session->tty and tty->session point at each other, both counted,
 * both under proc_tree_lock.  Only the foreground group may read; others get
 * SIGTTIN, and SIGTTOU for changing settings (or writing, with TOSTOP), unless
 * they are orphaned or ignore it (credentials(7), setpgid(2), tcsetpgrp(3)).
 */
#include <arch/uaccess.h>
#include <asm/fcntl.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/process.h>
#include "tty_internal.h"

/* ---- signals ---- */

/* *@session: whose group it must be; a terminal may remember a number that is somebody else's by now. */
static void send_group(struct session *const *session, pid_t pgid, int sig)
{
	struct ksiginfo info;

	if (pgid <= 0)
		return;
	siginfo_kernel(&info, sig);
	signal_pgrp(session, pgid, &info);
}

void tty_signal_foreground(struct tty *t, int sig)
{
	send_group(&t->session, atomic_load(&t->pgrp), sig);
}

pid_t tty_foreground(struct tty *t)
{
	pid_t pgrp = atomic_load(&t->pgrp);

	return pgrp > 0 ? pgrp : -1;
}

static bool signal_has_no_effect(int sig) NO_LOCK_CHECK
{
	struct sighand *s;
	bool ignored;
	u64 irq;

	if (current->blocked & SIGMASK(sig))
		return true;
	s = process_lock_signals(current->process, &irq);
	ignored = s->action[sig - 1].handler == (u64)(ulong)SIG_IGN;
	process_unlock_signals(s, irq);
	return ignored;
}

/* Whether @t controls current's session and current is not in its foreground group; *pgid: current's group. */
static bool in_background(struct tty *t, pid_t *pgid)
{
	struct process *p = current->process;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);
	pid_t foreground = atomic_load(&t->pgrp);
	bool back = t->session && p->session == t->session && !p->no_tty && foreground > 0 &&
		    p->pgrp->id != foreground;

	*pgid = p->pgrp ? p->pgrp->id : 0;
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return back;
}

int tty_check_job(struct tty *t, int sig)
{
	pid_t pgid;

	if (!in_background(t, &pgid))
		return 0;
	if (signal_has_no_effect(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_is_orphaned(pgid))
		return -EIO;
	send_group(&t->session, pgid, sig);
	return -ERESTARTSYS;
}

/* ---- getting and losing the controlling terminal ---- */

struct tty *tty_current_get(void)
{
	struct session *s;
	struct tty *t;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	s = current->process->session;
	t = s && !current->process->no_tty ? s->tty : NULL;
	if (t)
		tty_get(t);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return t;
}

/* What detaching leaves to be put when no lock is held. */
struct detached {
	struct session *session;
	struct tty *tty;
	pid_t pgrp;
};

static struct detached detach_locked(struct session *s, struct tty *t)
{
	struct detached d = { .pgrp = atomic_load(&t->pgrp) };

	if (!s || s->tty != t)
		return (struct detached){ 0 };
	d.session = s;
	d.tty = t;
	s->tty = NULL;
	t->session = NULL;
	atomic_store(&t->pgrp, 0);
	return d;
}

static void detached_put(struct detached d)
{
	if (!d.tty)
		return;
	session_put(d.session);
	tty_put(d.tty);
}

static void attach_locked(struct session *s, struct tty *t)
{
	ref_get(&s->refs);
	tty_get(t);
	s->tty = t;
	t->session = s;
	atomic_store(&t->pgrp, current->process->pgrp->id);
}

/* A session leader that has none gets the terminal it opens, if that one is free. */
void tty_open_acquire(struct tty *t, struct file *f)
{
	struct process *p = current->process;
	struct session *s;
	u64 irq;

	if ((f->flags & O_NOCTTY) || !(f->mode & FMODE_READ))
		return;
	irq = spin_lock_irqsave(&proc_tree_lock);
	s = p->session;
	if (s && s->leader == p && !s->tty && !t->session)
		attach_locked(s, t);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

static long set_controlling(struct tty *t, struct file *f, bool steal)
{
	struct process *p = current->process;
	struct detached old = { 0 };
	struct session *s;
	long err = 0;
	bool may_steal = steal && capable(CAP_SYS_ADMIN);
	bool may_read = (f->mode & FMODE_READ) || capable(CAP_SYS_ADMIN);
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	s = p->session;
	if (s && s->leader == p && s->tty == t) {
		err = 0;
	} else if (!s || s->leader != p || s->tty || (t->session && !may_steal) || !may_read) {
		err = -EPERM;
	} else {
		if (t->session)
			old = detach_locked(t->session, t);
		attach_locked(s, t);
	}
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	detached_put(old);
	return err;
}

void tty_session_leader_exit(struct session *s)
{
	struct detached d = { 0 };
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	if (s->tty)
		d = detach_locked(s, s->tty);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	if (!d.tty)
		return;
	send_group(&d.session, d.pgrp, SIGHUP);
	send_group(&d.session, d.pgrp, SIGCONT);
	detached_put(d);
}

/* Hangup: the leader and the foreground group hear of it, and the session loses its terminal. */
void tty_hangup_session(struct tty *t)
{
	struct detached d = { 0 };
	struct process *leader = NULL;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	if (t->session) {
		leader = t->session->leader;
		if (leader)
			process_get(leader);
		d = detach_locked(t->session, t);
	}
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	if (leader) {
		signal_process(leader, SIGHUP);
		signal_process(leader, SIGCONT);
		process_put(leader);
	}
	send_group(&d.session, d.pgrp, SIGHUP);
	detached_put(d);
}

/*
 * TIOCNOTTY: when a session leader lets go, the whole session loses the terminal; any other process
 * loses it for itself and for the children it makes from then on.
 */
static long give_up(struct tty *t)
{
	struct process *p = current->process;
	struct session *s = NULL;
	bool mine;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);

	mine = p->session && p->session->tty == t && !p->no_tty;
	if (mine && p->session->leader == p)
		s = p->session; /* which lives as long as its leader */
	else if (mine)
		p->no_tty = true;
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	if (s)
		tty_session_leader_exit(s);
	return mine ? 0 : -ENOTTY;
}

/* ---- ioctls ---- */

static bool is_controlling(struct tty *t)
{
	struct tty *mine = tty_current_get();
	bool same = mine == t;

	if (mine)
		tty_put(mine);
	return same;
}

static long get_pgrp(struct tty *t, bool master, int __user *out)
{
	if (!master && !is_controlling(t))
		return -ENOTTY;
	return put_user((int)atomic_load(&t->pgrp), out);
}

static long set_pgrp(struct tty *t, const int __user *in)
{
	struct session *s;
	struct thread *member;
	int pgid, err;
	u64 irq;

	if (!is_controlling(t))
		return -ENOTTY;
	err = tty_check_job(t, SIGTTOU);
	if (err)
		return err;
	if (get_user(pgid, in))
		return -EFAULT;
	if (pgid < 0)
		return -EINVAL;
	/* current's own session: it cannot go away under us. */
	s = current->process->session;
	if (!pgrp_in_session(pgid, s)) {
		member = thread_find_get(pgid);
		if (!member)
			return -ESRCH;
		thread_put(member);
		return -EPERM;
	}
	irq = spin_lock_irqsave(&proc_tree_lock);
	if (t->session == s)
		atomic_store(&t->pgrp, pgid);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return 0;
}

static long get_sid(struct tty *t, bool master, int __user *out)
{
	u64 irq;
	int id;

	if (!master && !is_controlling(t))
		return -ENOTTY;
	irq = spin_lock_irqsave(&proc_tree_lock);
	id = t->session ? t->session->id : 0;
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return id ? put_user(id, out) : -ENOTTY;
}

/* @f's own terminal is @t, or @f is the master of @t, a pty's slave. */
long tty_jobctl_ioctl(struct tty *t, struct file *f, unsigned int cmd, unsigned long arg)
{
	bool master = f->ops != &tty_fops;

	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(t, f, arg == 1);
	case TIOCNOTTY:
		return give_up(t);
	case TIOCGPGRP:
		return get_pgrp(t, master, (int __user *)arg);
	case TIOCSPGRP:
		return set_pgrp(t, (const int __user *)arg);
	case TIOCGSID:
		return get_sid(t, master, (int __user *)arg);
	}
	return -ENOIOCTLCMD;
}
