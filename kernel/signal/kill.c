// SPDX-License-Identifier: MIT
/* kill(2) and its kin: who may send, to whom, with what information. */
#include "internal.h"

#include <tarn/syscall.h>

int signal_check_permission(struct thread *target, int sig)
{
	const struct cred *me = current->cred, *c;
	struct process *p = target->process;
	bool ok;

	if (p == current->process)
		return 0;
	rcu_read_lock();
	c = rcu_dereference(target->cred);
	ok = me->euid == c->suid || me->euid == c->uid || me->uid == c->suid || me->uid == c->uid ||
	     cred_capable(me, CAP_KILL);
	if (!ok && sig == SIGCONT)
		ok = rcu_dereference(p->session) == current->process->session;
	rcu_read_unlock();
	return ok ? 0 : -EPERM;
}

/* @info for signal 0 is not looked at.  RCU or tree lock held. */
static long kill_one(struct process *p, const struct ksiginfo *info, int sig)
{
	long err = signal_check_permission(rcu_dereference(p->leader), sig);

	return err || !sig ? err : signal_send_process(p, info);
}

static long kill_process(pid_t pid, const struct ksiginfo *info, int sig)
{
	struct thread *t;
	long err = -ESRCH;

	rcu_read_lock();
	t = thread_find(pid); /* the id of any of its threads will do, as on Linux */
	if (t)
		err = kill_one(t->process, info, sig);
	rcu_read_unlock();
	return err;
}

static long kill_pgrp(pid_t pgid, const struct ksiginfo *info, int sig)
{
	u64 irq = spin_lock_irqsave(&proc_tree_lock);
	struct pgrp *g = pgid ? pgrp_find(pgid) : current->process->pgrp;
	long err = -ESRCH;
	bool sent = false;
	struct process *p;

	if (g)
		LIST_FOR_EACH(p, &g->members, pgrp_node) {
			if (p->is_kernel)
				continue;
			err = kill_one(p, info, sig);
			sent |= !err;
		}
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return sent ? 0 : err;
}

/* Everybody but init and the caller. */
static long kill_all(const struct ksiginfo *info, int sig)
{
	struct process *p;
	long err = -ESRCH;
	bool sent = false;
	pid_t pid;

	rcu_read_lock();
	for (p = process_next(2); p; p = process_next(pid + 1)) {
		pid = p->pid;
		if (p == current->process)
			continue;
		err = kill_one(p, info, sig);
		sent |= err != -EPERM;
	}
	rcu_read_unlock();
	return sent ? 0 : err;
}

long sys_kill(pid_t pid, int sig)
{
	struct ksiginfo info;

	if (sig && !sig_valid(sig))
		return -EINVAL;
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	siginfo_user(&info, sig, SI_USER);
	if (pid > 0)
		return kill_process(pid, &info, sig);
	if (pid == -1)
		return kill_all(&info, sig);
	return kill_pgrp(-pid, &info, sig);
}

/* To thread @tid of process @tgid (-1: whichever). */
static long kill_thread(pid_t tgid, pid_t tid, const struct ksiginfo *info, int sig)
{
	struct thread *t;
	long err = -ESRCH;

	rcu_read_lock();
	t = thread_find(tid);
	if (t && (tgid == -1 || t->process->pid == tgid)) {
		err = signal_check_permission(t, sig);
		if (!err && sig)
			err = signal_send_thread(t, info);
	}
	rcu_read_unlock();
	return err;
}

long sys_tgkill(pid_t tgid, pid_t tid, int sig)
{
	struct ksiginfo info;

	if (tgid <= 0 || tid <= 0 || (sig && !sig_valid(sig)))
		return -EINVAL;
	siginfo_user(&info, sig, SI_TKILL);
	return kill_thread(tgid, tid, &info, sig);
}

long sys_tkill(pid_t tid, int sig)
{
	struct ksiginfo info;

	if (tid <= 0 || (sig && !sig_valid(sig)))
		return -EINVAL;
	siginfo_user(&info, sig, SI_TKILL);
	return kill_thread(-1, tid, &info, sig);
}

/* Only to oneself may a siginfo claim to come from kill(2) or the kernel. */
static long queue_info(struct ksiginfo *info, pid_t tgid, int sig, const void __user *uinfo)
{
	if (copy_from_user(&info->si, uinfo, sizeof(info->si)))
		return -EFAULT;
	info->si.si_signo = sig;
	if ((info->si.si_code >= 0 || info->si.si_code == SI_TKILL) && tgid != current->process->pid)
		return -EPERM;
	return sig && !sig_valid(sig) ? -EINVAL : 0;
}

long sys_rt_sigqueueinfo(pid_t pid, int sig, void __user *uinfo)
{
	struct ksiginfo info;
	long err = queue_info(&info, pid, sig, uinfo);

	return err ? err : kill_process(pid, &info, sig);
}

long sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, void __user *uinfo)
{
	struct ksiginfo info;
	long err;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	err = queue_info(&info, tgid, sig, uinfo);
	return err ? err : kill_thread(tgid, tid, &info, sig);
}
