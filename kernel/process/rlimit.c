// SPDX-License-Identifier: MIT
/* Resource limits: prlimit64(2) and the older forms of it. */
#include "internal.h"

#include <linux/resource.h>
#include <tarn/file.h>
#include <tarn/nospec.h>
#include <tarn/syscall.h>

_Static_assert(RLIM_COUNT == RLIM_NLIMITS, "one slot a limit");

/* Old value to *old, then *new (if given) takes effect.  0, -EINVAL, -EPERM. */
static long rlimit_change(struct process *p, unsigned int which, const struct rlimit64_pair *new,
			  struct rlimit64_pair *old)
{
	long err = 0;

	if (which >= RLIM_COUNT)
		return -EINVAL;
	which = (unsigned int)index_nospec(which, RLIM_COUNT);
	if (new && new->cur > new->max)
		return -EINVAL;
	if (new && which == RLIMIT_NOFILE && new->max > (u64)READ_ONCE(nr_open))
		return -EPERM;
	spin_lock(&p->rlimit_lock);
	*old = p->rlimits[which];
	if (new && new->max > old->max && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	else if (new)
		p->rlimits[which] = *new;
	spin_unlock(&p->rlimit_lock);
	return err;
}

/* Looking at or changing another's limits: same user in every respect, or CAP_SYS_RESOURCE. */
static bool prlimit_allowed(struct thread *t)
{
	const struct cred *me = current->cred, *c;
	bool same;

	rcu_read_lock();
	c = rcu_dereference(t->cred);
	same = me->uid == c->uid && me->uid == c->euid && me->uid == c->suid && me->gid == c->gid &&
	       me->gid == c->egid && me->gid == c->sgid;
	rcu_read_unlock();
	return same || capable(CAP_SYS_RESOURCE);
}

/* The right is looked at and used while @t cannot become somebody else's program. */
static long change_of(struct thread *t, unsigned int which, const struct rlimit64_pair *new,
		      struct rlimit64_pair *old)
{
	struct process *p = t->process;
	long err;

	if (p == current->process)
		return rlimit_change(p, which, new, old);
	if (mutex_lock_killable(&p->exec_lock))
		return -EINTR;
	err = prlimit_allowed(t) ? rlimit_change(p, which, new, old) : -EPERM;
	mutex_unlock(&p->exec_lock);
	return err;
}

long sys_prlimit64(pid_t pid, unsigned int which, const void __user *new_limit,
		   void __user *old_limit)
{
	struct rlimit64_pair new, old;
	struct thread *t;
	long err;

	if (new_limit && copy_from_user(&new, new_limit, sizeof(new)))
		return -EFAULT;
	t = pid ? thread_find_get(pid) : current;
	if (!t)
		return -ESRCH;
	err = change_of(t, which, new_limit ? &new : NULL, &old);
	if (pid)
		thread_put(t);
	if (!err && old_limit)
		err = copy_to_user(old_limit, &old, sizeof(old));
	return err;
}

long sys_getrlimit(unsigned int which, void __user *rlim)
{
	return sys_prlimit64(0, which, NULL, rlim);
}

long sys_setrlimit(unsigned int which, const void __user *rlim)
{
	struct rlimit64_pair new, old;

	if (copy_from_user(&new, rlim, sizeof(new)))
		return -EFAULT;
	return rlimit_change(current->process, which, &new, &old);
}
