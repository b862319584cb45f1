// SPDX-License-Identifier: MIT
/*
 * prctl(2): odds and ends of a thread or process; personality(2), arch_prctl(2).
 *
 * An option that is not here returns EINVAL, which is what Linux says to
 * options it was built without.
 */
#include "internal.h"
#include "caps.h"

#include <linux/prctl.h>
#include <linux/securebits.h>
#include <tarn/mm.h>
#include <tarn/syscall.h>

static long set_name(const char __user *uname)
{
	struct thread *t = current;
	char name[sizeof(t->comm)] = { 0 };
	ssize_t n = strncpy_from_user(name, uname, sizeof(name) - 1);

	if (n == -EFAULT)
		return n;
	name[sizeof(name) - 1] = 0;
	spin_lock(&t->lock);
	memcpy(t->comm, name, sizeof(name));
	spin_unlock(&t->lock);
	return 0;
}

static long get_name(char __user *uname)
{
	char name[sizeof(current->comm)] = { 0 };

	strscpy(name, current->comm, sizeof(name));
	return copy_to_user(uname, name, sizeof(name));
}

static long set_pdeath(unsigned long sig)
{
	if (sig > NSIG_TOTAL)
		return -EINVAL;
	current->pdeath_signal = (int)sig;
	return 0;
}

static long set_dumpable(unsigned long on)
{
	if (on > 1)
		return -EINVAL;
	current->process->dumpable = on;
	return 0;
}

static long no_new_privs(int option, unsigned long a2, unsigned long a3, unsigned long a4,
			 unsigned long a5)
{
	if (a3 || a4 || a5)
		return -EINVAL;
	if (option == PR_GET_NO_NEW_PRIVS)
		return a2 ? -EINVAL : current->no_new_privs;
	if (a2 != 1)
		return -EINVAL;
	current->no_new_privs = true;
	return 0;
}

static long thp_disable(int option, unsigned long a2, unsigned long a3, unsigned long a4,
			unsigned long a5)
{
	if (a3 || a4 || a5)
		return -EINVAL;
	if (option == PR_GET_THP_DISABLE)
		return a2 ? -EINVAL : current->mm->thp_disabled;
	return mm_set_thp_disabled(a2);
}

static long set_timer_slack(unsigned long ns)
{
	current->timer_slack_ns = (long)ns <= 0 ? current->default_timer_slack_ns : ns;
	return 0;
}

/* Times are counted exactly (PR_TIMING_STATISTICAL is what Linux calls its way; the other is refused). */
static long set_timing(unsigned long how)
{
	return how == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
}

long sys_prctl(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct process *p = current->process;

	switch (option) {
	case PR_SET_NAME:
		return set_name((const char __user *)a2);
	case PR_GET_NAME:
		return get_name((char __user *)a2);
	case PR_SET_PDEATHSIG:
		return set_pdeath(a2);
	case PR_GET_PDEATHSIG:
		return put_user(current->pdeath_signal, (int __user *)a2);
	case PR_SET_DUMPABLE:
		return set_dumpable(a2);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
		return no_new_privs(option, a2, a3, a4, a5);
	case PR_SET_CHILD_SUBREAPER:
		p->is_subreaper = a2 != 0;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user((int)p->is_subreaper, (int __user *)a2);
	case PR_SET_KEEPCAPS:
		return caps_set_keepcaps(a2);
	case PR_GET_KEEPCAPS:
		return current->cred->securebits >> SECURE_KEEP_CAPS & 1;
	case PR_SET_SECUREBITS:
		return caps_set_securebits(a2);
	case PR_GET_SECUREBITS:
		return current->cred->securebits;
	case PR_CAPBSET_READ:
		return caps_bound_read(a2);
	case PR_CAPBSET_DROP:
		return caps_bound_drop(a2);
	case PR_CAP_AMBIENT:
		return a4 || a5 ? -EINVAL : caps_ambient(a2, a3);
	case PR_SET_TIMERSLACK:
		return set_timer_slack(a2);
	case PR_GET_TIMERSLACK:
		return (long)current->timer_slack_ns;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return set_timing(a2);
	case PR_SET_THP_DISABLE:
	case PR_GET_THP_DISABLE:
		return thp_disable(option, a2, a3, a4, a5);
	case PR_GET_TID_ADDRESS:
		return put_user((u64)current->clear_child_tid, (u64 __user *)a2);
	default:
		return -EINVAL;
	}
}

long sys_arch_prctl(int option, unsigned long arg)
{
	return arch_do_prctl(current, option, arg);
}

long sys_personality(unsigned int persona)
{
	unsigned int old = current->personality;

	if (persona != 0xffffffff)
		current->personality = persona;
	return old;
}
