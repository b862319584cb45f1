// SPDX-License-Identifier: MIT
/*
 * Who may look into another process: ptrace(2), "Ptrace access mode checking".
 *
 * One's own process, always.  Another one if all its user and group ids are
 * ours, its program may be dumped, and it has no capability that we lack; with
 * CAP_SYS_PTRACE, any.  /proc judges by the file system ids and effective
 * capabilities, system calls by the real ids and permitted ones.
 *
 * To change another process's memory, or to read it as a debugger does
 * (ACCESS_ATTACH), kernel.yama.ptrace_scope is asked as well.  Its default is 0,
 * as Debian's kernel has it.  prctl(PR_SET_PTRACER) is absent.
 *
 * Tests: tests/abi/proc_attack.c.
 */
#include "internal.h"

#include <tarn/mm.h>
#include <tarn/parse.h>
#include <tarn/proc.h>

/* ---- kernel.yama.ptrace_scope: Linux's Documentation/admin-guide/LSM/Yama.rst ---- */

enum scope { SCOPE_CLASSIC, SCOPE_DESCENDANTS, SCOPE_CAPABLE, SCOPE_NOBODY };
static u32 ptrace_scope; /* [a] */

static int scope_show(struct strbuf *out)
{
	strbuf_printf(out, "%u\n", READ_ONCE(ptrace_scope));
	return 0;
}

static ssize_t scope_write(const char *text, size_t n)
{
	u32 v;

	if (!capable(CAP_SYS_PTRACE))
		return -EPERM;
	if (parse_u32(text, 10, &v) || v > SCOPE_NOBODY)
		return -EINVAL;
	if (READ_ONCE(ptrace_scope) == SCOPE_NOBODY && v != SCOPE_NOBODY)
		return -EINVAL; /* from there is no way back */
	WRITE_ONCE(ptrace_scope, v);
	return (ssize_t)n;
}

static const struct proc_entry scope_file = { "sys/kernel/yama/ptrace_scope", scope_show, scope_write, 0 };
SECTION_SET(proc_entries, scope_file);

static bool is_descendant(const struct process *p)
{
	bool found;

	rcu_read_lock();
	while (p && p != current->process)
		p = rcu_dereference(p->parent);
	found = p != NULL;
	rcu_read_unlock();
	return found;
}

static bool scope_allows(const struct thread *t)
{
	switch (READ_ONCE(ptrace_scope)) {
	case SCOPE_CLASSIC:
		return true;
	case SCOPE_DESCENDANTS:
		return is_descendant(t->process) || capable(CAP_SYS_PTRACE);
	case SCOPE_CAPABLE:
		return capable(CAP_SYS_PTRACE);
	default:
		return false;
	}
}

/* ---- ids ---- */

static bool same_ids(const struct cred *me, const struct cred *c, bool real)
{
	uid_t uid = real ? me->uid : me->fsuid;
	gid_t gid = real ? me->gid : me->fsgid;

	return uid == c->euid && uid == c->suid && uid == c->uid && gid == c->egid &&
	       gid == c->sgid && gid == c->gid;
}

bool thread_may_access(struct thread *t, u32 how)
{
	const struct cred *me = current_cred(), *c;
	bool real = how & ACCESS_REAL_IDS, ok;

	if (t->process == current->process)
		return true;
	rcu_read_lock();
	c = rcu_dereference(t->cred);
	ok = c && t->process->dumpable && same_ids(me, c, real) &&
	     !(c->cap_permitted &
	       ~(real ? me->cap_permitted : me->cap_effective));
	rcu_read_unlock();
	return (ok || capable(CAP_SYS_PTRACE)) && (!(how & ACCESS_ATTACH) || scope_allows(t));
}

struct mm *thread_mm_access(struct thread *t, u32 how)
{
	struct process *p = t->process;
	struct mm *mm;

	/* An exec under way might be judged by its old credentials and be shown with its new memory. */
	if (mutex_lock_killable(&p->exec_lock))
		return ERR_PTR(-EINTR);
	mm = thread_mm_get(t);
	if (mm && mm != current->mm && !thread_may_access(t, how)) {
		mm_put_later(mm);
		mm = ERR_PTR(-EACCES);
	}
	mutex_unlock(&p->exec_lock);
	return mm;
}
