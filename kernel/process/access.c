// SPDX-License-Identifier: MIT
/*
 * Who may look into another process: ptrace(2), "Ptrace access mode checking".
 *
 * One's own process, always.  Another one if all its user and group ids are
 * ours, its program may be dumped, and it has no capability that we lack; with
 * CAP_SYS_PTRACE, any.  /proc judges by the file system ids and effective
 * capabilities, system calls by the real ids and permitted ones.
 */
#include "internal.h"

#include <tarn/mm.h>

static bool same_ids(const struct cred *me, const struct cred *c, enum access_ids which)
{
	uid_t uid = which == ACCESS_REAL_IDS ? me->uid : me->fsuid;
	gid_t gid = which == ACCESS_REAL_IDS ? me->gid : me->fsgid;

	return uid == c->euid && uid == c->suid && uid == c->uid && gid == c->egid &&
	       gid == c->sgid && gid == c->gid;
}

bool thread_may_access(struct thread *t, enum access_ids which)
{
	const struct cred *me = current_cred(), *c;
	bool ok;

	if (t->process == current->process)
		return true;
	rcu_read_lock();
	c = rcu_dereference(t->cred);
	ok = c && t->process->dumpable && same_ids(me, c, which) &&
	     !(c->cap_permitted &
	       ~(which == ACCESS_REAL_IDS ? me->cap_permitted : me->cap_effective));
	rcu_read_unlock();
	return ok || capable(CAP_SYS_PTRACE);
}

struct mm *thread_mm_access(struct thread *t, enum access_ids which)
{
	struct process *p = t->process;
	struct mm *mm;

	/* An exec under way might be judged by its old credentials and be shown with its new memory. */
	if (mutex_lock_killable(&p->exec_lock))
		return ERR_PTR(-EINTR);
	mm = thread_mm_get(t);
	if (mm && mm != current->mm && !thread_may_access(t, which)) {
		mm_put_later(mm);
		mm = ERR_PTR(-EACCES);
	}
	mutex_unlock(&p->exec_lock);
	return mm;
}
