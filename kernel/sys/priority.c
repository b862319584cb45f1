// SPDX-License-Identifier: MIT
/*
 * getpriority(2) and setpriority(2): nice values of a process, a process group
 * or all processes of a user: of each of their threads.
 *
 * Threads are walked by id, each with a reference, so nothing is locked while
 * one is changed.  Tests: tests/abi/proc_misc.c.
 */
#include <linux/resource.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/process.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

/* The answers of one call over all it was asked for. */
struct priority_call {
	int nice;      /* to set */
	bool set;
	int best;      /* highest 20 - nice seen; 0: nobody */
	int err;       /* of the last thread that could not be changed; -ESRCH: none found */
};

static uid_t owner_of(const struct thread *t, bool effective)
{
	const struct cred *c;
	uid_t uid;

	rcu_read_lock();
	c = rcu_dereference(t->cred);
	uid = effective ? c->euid : c->uid;
	rcu_read_unlock();
	return uid;
}

static int set_one(struct thread *t, int nice)
{
	uid_t mine = current_cred()->euid;
	u64 limit = READ_ONCE(t->process->rlimits[RLIMIT_NICE].cur);

	if (mine != owner_of(t, true) && mine != owner_of(t, false) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < t->se.nice && (u64)(20 - nice) > limit && !capable(CAP_SYS_NICE))
		return -EACCES;
	return sched_set_nice(t, nice);
}

static void visit(struct thread *t, struct priority_call *call)
{
	int err;

	call->best = MAX(call->best, 20 - t->se.nice);
	if (!call->set) {
		call->err = 0;
		return;
	}
	err = set_one(t, call->nice);
	if (err || call->err == -ESRCH)
		call->err = err;
}

static bool selected(const struct thread *t, int which, int who)
{
	const struct pgrp *g;
	bool yes;

	if (which == PRIO_USER)
		return owner_of(t, false) == (uid_t)who;
	rcu_read_lock();
	g = rcu_dereference(t->process->pgrp);
	yes = g && g->id == who;
	rcu_read_unlock();
	return yes;
}

static void visit_many(int which, int who, struct priority_call *call)
{
	struct thread *t;
	pid_t tid;

	for (tid = 1; (t = thread_next_get(tid)); tid++) {
		tid = t->tid;
		if (selected(t, which, who))
			visit(t, call);
		thread_put(t);
		cond_resched();
	}
}

static int run_call(int which, int who, struct priority_call *call)
{
	struct thread *t;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	call->err = -ESRCH;
	if (which == PRIO_PROCESS) {
		t = thread_find_get(who ? who : current->tid);
		if (!t)
			return -ESRCH;
		visit(t, call);
		thread_put(t);
		return call->err;
	}
	if (!who)
		who = which == PRIO_USER ? (int)current_cred()->uid : current->process->pgrp->id;
	visit_many(which, who, call);
	return call->err;
}

long sys_getpriority(int which, int who)
{
	struct priority_call call = { 0 };
	int err = run_call(which, who, &call);

	return err ? err : call.best;
}

long sys_setpriority(int which, int who, int nice)
{
	struct priority_call call = { .set = true, .nice = MIN(MAX(nice, -20), 19) };

	return run_call(which, who, &call);
}
