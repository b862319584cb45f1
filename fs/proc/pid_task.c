// SPDX-License-Identifier: MIT
/*
 * /proc/PID/task: the threads of a process, each with a directory of its own.
 *
 * Tests: tests/abi/proc_files.c (task_counts_its_threads), tests/abi/proc_attack.c.
 */
#include <tarn/errno.h>
#include <tarn/printf.h>

#include "proc_internal.h"

#define TASK_BATCH 64 /* thread ids that one walk of a process's threads finds */

static int task_lookup(struct inode *dir, struct dentry *d)
{
	struct process *p = to_proc(dir)->thread->process;
	struct thread *t;
	pid_t tid;

	if (!proc_name_to_pid(&d->name, &tid))
		return -ENOENT;
	t = thread_find_get(tid);
	if (t && t->process != p) {
		thread_put(t);
		t = NULL;
	}
	return t ? proc_pid_attach(dir, d, t, true) : -ENOENT;
}

/* Puts @tid at its place among the @n smallest so far; how many there are now. */
static u32 batch_add(pid_t *tids, u32 n, pid_t tid)
{
	u32 i;

	if (n == TASK_BATCH && tid >= tids[n - 1])
		return n;
	if (n < TASK_BATCH)
		n++;
	for (i = n - 1; i && tids[i - 1] > tid; i--)
		tids[i] = tids[i - 1];
	tids[i] = tid;
	return n;
}

/*
 * The smallest thread ids of @p from @tid on, rising; how many.  Cookies are ids,
 * so threads that come and go neither repeat nor hide others.  A batch at a
 * time: a walk for each of 10,000 threads would hold the CPU for long.
 */
static u32 task_batch(struct process *p, pid_t tid, pid_t *tids)
{
	struct thread *t;
	u32 n = 0;

	rcu_read_lock();
	LIST_FOR_EACH_RCU(t, &p->threads, group_node)
		if (t->tid >= tid)
			n = batch_add(tids, n, t->tid);
	rcu_read_unlock();
	return n;
}

static int task_iterate(struct file *f, struct dir_emit *e, u64 *pos)
{
	struct process *p = to_proc(f->inode)->thread->process;
	pid_t tids[TASK_BATCH];
	char name[12];
	u32 n;

	if (proc_thread_gone(to_proc(f->inode)))
		return -ENOENT;
	if (!proc_emit_dots(f, e, pos))
		return 0;
	while (*pos <= LAST_PID && (n = task_batch(p, (pid_t)(*pos - 2), tids)) != 0) {
		for (u32 i = 0; i < n; i++) {
			int len = snprintf(name, sizeof(name), "%d", tids[i]);
			u64 next = (u64)tids[i] + 3;

			if (!e->emit(e, name, (u32)len, PID_INO(tids[i], 0x8000), 4, next))
				return 0;
			*pos = next;
		}
		cond_resched();
	}
	return 0;
}

/* A directory has a link from each directory in it. */
static int task_getattr(struct inode *inode, struct kstat *out)
{
	const struct process *p = to_proc(inode)->thread->process;

	stat_generic(inode, out);
	out->nlink += p->nthreads + (atomic_load(&p->leader->state) == TS_DEAD);
	return 0;
}

const struct inode_ops pid_task_ops = {
	.lookup = task_lookup,
	.setattr = proc_setattr,
	.getattr = task_getattr,
};
const struct file_ops pid_task_fops = { .iterate = task_iterate };
