// SPDX-License-Identifier: MIT
/* kill(2) and its kin: who may send, to whom, with what information. */
#include "internal.h"

#include <tarn/syscall.h>

int signal_check_permission(struct thread *target, int sig)
{
	const struct cred *me = current->cred, *c;
	struct process *p = target->process;
	bool ok;

	if (sig < 0 || sig > NSIG_TOTAL)
		return -EINVAL;
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

/* Everybody but init and the caller.  Whom current may not signal does not count: on Linux there are always others. */
static long kill_all(const struct ksiginfo *info, int sig)
{
	struct process *p;
	long err, ret = 0;
	pid_t pid;

	rcu_read_lock();
	for (p = process_next(2); p; p = process_next(pid + 1)) {
		pid = p->pid;
		if (p == current->process)
			continue;
		err = kill_one(p, info, sig);
		if (err != -EPERM)
			ret = err;
	}
	rcu_read_unlock();
	return ret;
}

long sys_kill(pid_t pid, int sig)
{
	struct ksiginfo info;

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

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	siginfo_user(&info, sig, SI_TKILL);
	return kill_thread(tgid, tid, &info, sig);
}

long sys_tkill(pid_t tid, int sig)
{
	struct ksiginfo info;

	if (tid <= 0)
		return -EINVAL;
	siginfo_user(&info, sig, SI_TKILL);
	return kill_thread(-1, tid, &info, sig);
}

/* ---- siginfo from user space ---- */

/* Does Linux know which fields belong to @code of @sig?  Codes of a signal count from 1. */
static bool layout_known(int sig, int code)
{
	static const u8 last_code[] = { [SIGILL] = NSIGILL,   [SIGFPE] = NSIGFPE,   [SIGSEGV] = NSIGSEGV,
					[SIGBUS] = NSIGBUS,   [SIGTRAP] = NSIGTRAP, [SIGCHLD] = NSIGCHLD,
					[SIGPOLL] = NSIGPOLL, [SIGSYS] = NSIGSYS };

	if (code == SI_KERNEL)
		return true;
	if (code > SI_USER)
		return code <= ((size_t)sig < ARRAY_SIZE(last_code) && last_code[sig] ? last_code[sig] : NSIGPOLL);
	return code >= SI_DETHREAD || code == SI_ASYNCNL;
}

#define SIGINFO_FIELDS 48 /* no layout has more bytes; the other 80 are room to grow */

long siginfo_from_user(struct ksiginfo *info, int sig, const void __user *uinfo)
{
	char *rest = (char *)&info->si + SIGINFO_FIELDS;

	if (copy_from_user(&info->si, uinfo, sizeof(info->si)))
		return -EFAULT;
	if (!layout_known(sig, info->si.si_code) && memchr_inv(rest, 0, sizeof(info->si) - SIGINFO_FIELDS))
		return -E2BIG;
	memset(rest, 0, sizeof(info->si) - SIGINFO_FIELDS);
	return 0;
}

bool siginfo_claims_sender(const struct ksiginfo *info)
{
	return info->si.si_code >= 0 || info->si.si_code == SI_TKILL;
}

/* Only to itself may a thread send what claims a sender. */
long sys_rt_sigqueueinfo(pid_t pid, int sig, void __user *uinfo)
{
	struct ksiginfo info;
	long err = siginfo_from_user(&info, sig, uinfo);

	if (err)
		return err;
	info.si.si_signo = sig;
	if (siginfo_claims_sender(&info) && pid != current->tid)
		return -EPERM;
	return kill_process(pid, &info, sig);
}

long sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, void __user *uinfo)
{
	struct ksiginfo info;
	long err = siginfo_from_user(&info, sig, uinfo);

	if (err)
		return err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	info.si.si_signo = sig;
	if (siginfo_claims_sender(&info) && tid != current->tid)
		return -EPERM;
	return kill_thread(tgid, tid, &info, sig);
}
