// SPDX-License-Identifier: MIT
/*
 * System calls on scheduling: policies, priorities, affinity.
 *
 * Permissions are sched(7)'s: one's own user may lower a thread, CAP_SYS_NICE
 * or the limits RLIMIT_NICE and RLIMIT_RTPRIO let one raise it.
 * SCHED_DEADLINE is not there (EINVAL).
 */
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/process.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include "../sched/sched.h"

long sys_sched_yield(void)
{
	sched_yield_current();
	return 0;
}

/* A reference, current for 0; NULL: none. */
static struct thread *target_get(pid_t pid)
{
	if (pid)
		return thread_find_get(pid);
	thread_get(current);
	return current;
}

static bool same_owner(const struct thread *t)
{
	const struct cred *mine = current_cred(), *its;
	bool same;

	rcu_read_lock();
	its = rcu_dereference(t->cred);
	same = mine->euid == its->uid || mine->euid == its->euid;
	rcu_read_unlock();
	return same || capable(CAP_SYS_NICE);
}

/* RLIMIT_NICE of the thread's own process lets it down to @nice. */
static bool within_nice_limit(const struct thread *t, int nice)
{
	return (u64)(20 - nice) <= READ_ONCE(t->process->rlimits[RLIMIT_NICE].cur);
}

/* What sched_setattr(2), the widest of the calls, asks for. */
struct wish {
	int policy; /* -1: as it is, reset_on_fork too */
	int priority;
	int nice;   /* matters to SCHED_NORMAL and SCHED_BATCH */
	bool reset_on_fork;
};

static bool is_fair(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH;
}

static bool is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool rt_allowed(const struct thread *t, const struct wish *w)
{
	u64 limit = READ_ONCE(t->process->rlimits[RLIMIT_RTPRIO].cur);

	if (w->policy != t->se.policy && !limit)
		return false;
	return w->priority <= t->se.rt_priority || (u64)w->priority <= limit;
}

/* Without CAP_SYS_NICE: sched(7), and the order in which Linux looks does not show. */
static bool wish_allowed(const struct thread *t, const struct wish *w)
{
	if (is_fair(w->policy) && w->nice < t->se.nice && !within_nice_limit(t, w->nice))
		return false;
	if (is_rt(w->policy) && !rt_allowed(t, w))
		return false;
	/* SCHED_IDLE is like a nice of 20: leaving it is going up. */
	if (t->se.policy == SCHED_IDLE && w->policy != SCHED_IDLE && !within_nice_limit(t, t->se.nice))
		return false;
	return same_owner(t) && (!t->se.reset_on_fork || w->reset_on_fork);
}

/* 0, -EINVAL, -EPERM. */
static int grant(struct thread *t, struct wish *w)
{
	int err;

	if (w->policy < 0) {
		w->policy = t->se.policy;
		w->reset_on_fork = t->se.reset_on_fork;
	}
	if (!is_fair(w->policy) && !is_rt(w->policy) && w->policy != SCHED_IDLE)
		return -EINVAL;
	if (is_rt(w->policy) ? w->priority < 1 || w->priority > 99 : w->priority != 0)
		return -EINVAL;
	if (!wish_allowed(t, w) && !capable(CAP_SYS_NICE))
		return -EPERM;
	err = sched_set_policy(t, w->policy, w->priority);
	if (!err && is_fair(w->policy) && w->nice != t->se.nice)
		err = sched_set_nice(t, w->nice);
	if (!err)
		t->se.reset_on_fork = w->reset_on_fork;
	return err;
}

static long set_scheduler(pid_t pid, int policy, const void __user *uparam)
{
	struct sched_param param;
	struct thread *t;
	struct wish w;
	int err;

	if (pid < 0 || !uparam)
		return -EINVAL;
	if (copy_from_user(&param, uparam, sizeof(param)))
		return -EFAULT;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	w = (struct wish){ .policy = policy < 0 ? -1 : policy & ~SCHED_RESET_ON_FORK,
			   .priority = param.sched_priority,
			   .nice = t->se.nice,
			   .reset_on_fork = policy >= 0 && policy & SCHED_RESET_ON_FORK };
	err = grant(t, &w);
	thread_put(t);
	return err;
}

long sys_sched_setscheduler(pid_t pid, int policy, const void __user *uparam)
{
	return policy < 0 ? -EINVAL : set_scheduler(pid, policy, uparam);
}

long sys_sched_setparam(pid_t pid, const void __user *uparam)
{
	return set_scheduler(pid, -1, uparam);
}

long sys_sched_getparam(pid_t pid, void __user *uparam)
{
	struct sched_param param;
	struct thread *t;

	if (pid < 0 || !uparam)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	param.sched_priority = t->se.rt_priority;
	thread_put(t);
	return copy_to_user(uparam, &param, sizeof(param));
}

long sys_sched_getscheduler(pid_t pid)
{
	struct thread *t;
	long policy;

	if (pid < 0)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	policy = t->se.policy | (t->se.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	thread_put(t);
	return policy;
}

static bool policy_known(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_FIFO || policy == SCHED_RR ||
	       policy == SCHED_BATCH || policy == SCHED_IDLE || policy == SCHED_DEADLINE;
}

long sys_sched_get_priority_max(int policy)
{
	if (!policy_known(policy))
		return -EINVAL;
	return policy == SCHED_FIFO || policy == SCHED_RR ? 99 : 0;
}

long sys_sched_get_priority_min(int policy)
{
	if (!policy_known(policy))
		return -EINVAL;
	return policy == SCHED_FIFO || policy == SCHED_RR ? 1 : 0;
}

long sys_sched_rr_get_interval(pid_t pid, void __user *interval)
{
	struct thread *t;
	u64 ns;

	if (pid < 0)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	ns = t->se.policy == SCHED_RR ? RR_SLICE_NS : t->se.policy == SCHED_FIFO ? 0 : SLICE_NS;
	thread_put(t);
	return ktime_to_user_timespec(interval, ns);
}

long sys_sched_setaffinity(pid_t pid, unsigned int len, const unsigned long __user *umask)
{
	struct thread *t;
	u64 mask = 0;
	long err;

	if (copy_from_user(&mask, umask, MIN((size_t)len, sizeof(mask))))
		return -EFAULT;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	err = same_owner(t) ? sched_set_affinity(t, mask) : -EPERM;
	thread_put(t);
	return err;
}

long sys_sched_getaffinity(pid_t pid, unsigned int len, unsigned long __user *umask)
{
	u64 online = nr_cpus >= 64 ? ~0ull : BIT(nr_cpus) - 1, mask;
	struct thread *t;

	if (len < sizeof(mask) || len % sizeof(unsigned long))
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	mask = t->se.affinity & online;
	thread_put(t);
	if (copy_to_user(umask, &mask, sizeof(mask)))
		return -EFAULT;
	return sizeof(mask);
}

/* sched_setattr(2)'s struct grows: what we do not know must be zero, and E2BIG tells the size that is known. */
static int read_attr(struct sched_attr *attr, void __user *uattr)
{
	u32 __user *usize = uattr, size;
	char tail;

	memset(attr, 0, sizeof(*attr));
	if (get_user(size, usize))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		goto too_big;
	for (u32 i = sizeof(*attr); i < size; i++) {
		if (copy_from_user(&tail, (char __user *)uattr + i, 1))
			return -EFAULT;
		if (tail)
			goto too_big;
	}
	if (copy_from_user(attr, uattr, MIN((size_t)size, sizeof(*attr))))
		return -EFAULT;
	if (attr->sched_flags & SCHED_FLAG_UTIL_CLAMP && size < SCHED_ATTR_SIZE_VER1)
		return -EINVAL;
	return 0;

too_big:
	return put_user((u32)sizeof(*attr), usize) ? -EFAULT : -E2BIG;
}

static int apply_attr(struct thread *t, const struct sched_attr *attr)
{
	struct wish w = { .policy = (int)attr->sched_policy,
			  .priority = (int)MIN(attr->sched_priority, 100u),
			  .nice = MIN(MAX(attr->sched_nice, -20), 19),
			  .reset_on_fork = attr->sched_flags & SCHED_FLAG_RESET_ON_FORK };

	if (attr->sched_flags & ~(u64)SCHED_FLAG_ALL)
		return -EINVAL;
	if (attr->sched_flags & SCHED_FLAG_KEEP_POLICY)
		w.policy = -1;
	if (attr->sched_flags & SCHED_FLAG_KEEP_PARAMS) {
		w.nice = t->se.nice;
		if (is_rt(t->se.policy))
			w.priority = t->se.rt_priority;
	}
	if (attr->sched_flags & SCHED_FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP; /* as where Linux has it not built in */
	return grant(t, &w);
}

long sys_sched_setattr(pid_t pid, void __user *uattr, unsigned int flags)
{
	struct sched_attr attr;
	struct thread *t;
	int err;

	if (pid < 0 || !uattr || flags)
		return -EINVAL;
	err = read_attr(&attr, uattr);
	if (err)
		return err;
	if ((int)attr.sched_policy < 0)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	err = apply_attr(t, &attr);
	thread_put(t);
	return err;
}

long sys_sched_getattr(pid_t pid, void __user *uattr, unsigned int size, unsigned int flags)
{
	struct sched_attr attr;
	struct thread *t;

	if (pid < 0 || !uattr || flags || size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	memset(&attr, 0, sizeof(attr));
	attr.size = MIN(size, (unsigned int)sizeof(attr));
	attr.sched_policy = t->se.policy;
	if (is_rt(t->se.policy))
		attr.sched_priority = t->se.rt_priority;
	else
		attr.sched_nice = t->se.nice;
	attr.sched_flags = t->se.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	thread_put(t);
	return copy_to_user(uattr, &attr, attr.size);
}
