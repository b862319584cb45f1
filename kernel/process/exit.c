// SPDX-License-Identifier: MIT
/*
 * How threads and processes end.
 *
 * A thread lets go of its objects one by one while it is still an ordinary
 * thread that may sleep; then, under the tree lock, it stops being counted.
 * A thread other than the leader leaves the tables at once.  The last one of a
 * process, whichever it is, makes the process a zombie: children go to a new
 * parent, the parent hears of it, and wait4(2) reaps (or nobody cares and it is
 * reaped on the spot).
 *
 * Children are handed over (family.c) before the parent is told, so that a
 * parent that waits sees no half-dead family.
 */
#include "internal.h"

#include <arch/mmu.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/futex.h>
#include <tarn/ipc.h>
#include <tarn/mm.h>
#include <tarn/path.h>
#include <tarn/poll.h>
#include <tarn/printk.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/time.h>
#include <tarn/tty.h>

/* ---- letting go ---- */

void thread_vfork_release(struct thread *t)
{
	struct waitq *q;
	u64 irq;

	if (!READ_ONCE(t->vfork_done))
		return;
	irq = spin_lock_irqsave(&proc_tree_lock);
	q = t->vfork_done;
	/* The queue is on the parent's stack; the parent takes the tree lock before it leaves. */
	t->vfork_done = NULL;
	if (q)
		waitq_wake_all(q, 0);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

/* pthread_join(3) and robust mutexes learn that the thread is gone, while its memory is still there. */
void thread_leave_mm(void)
{
	struct thread *t = current;

	futex_exit_robust(t);
	t->robust_list = NULL;
	if (!t->clear_child_tid)
		return;
	if (ref_read(&t->mm->users) > 1 && !put_user(0, t->clear_child_tid))
		futex_wake_user((u32 __user *)t->clear_child_tid, 1, true);
	t->clear_child_tid = NULL;
}

static void exit_mm(struct thread *t)
{
	struct mm *mm = t->mm;

	if (!mm)
		return;
	thread_leave_mm();
	spin_lock(&t->lock);
	t->mm = NULL;
	spin_unlock(&t->lock);
	irq_disable();
	mmu_switch(NULL);
	irq_enable();
	thread_vfork_release(t);
	mm_put(mm);
}

static void note_peak_rss(struct thread *t)
{
	struct rusage_sum *sum = &t->process->dead_threads;
	struct sighand *s;
	u64 irq;

	if (!t->mm)
		return;
	s = process_lock_signals(t->process, &irq);
	sum->max_rss = MAX(sum->max_rss, mm_peak_rss(t->mm));
	process_unlock_signals(s, irq);
}

static void exit_files(struct thread *t)
{
	struct files *files = t->files;
	struct fs_context *fs = t->fs;
	struct namespaces *ns = t->ns;

	spin_lock(&t->lock);
	t->files = NULL;
	spin_unlock(&t->lock);
	/* Closing may still need a root and a namespace (a path in a message, an unlink). */
	if (files)
		files_put(files);
	spin_lock(&t->lock);
	t->fs = NULL;
	t->ns = NULL;
	spin_unlock(&t->lock);
	if (fs)
		fs_context_put(fs);
	if (ns)
		namespaces_put(ns);
}

static void exit_exe(struct process *p)
{
	struct file *exe;

	mutex_lock(&p->exec_lock);
	exe = p->exe;
	p->exe = NULL;
	mutex_unlock(&p->exec_lock);
	if (exe) {
		file_allow_write(exe);
		file_put(exe);
	}
}

/* What a process as a whole gives back, by its last thread, which may still sleep. */
static void process_exit_resources(struct process *p)
{
	process_timers_exit(p);
	exit_exe(p);
	if (READ_ONCE(p->session->leader) == p)
		tty_session_leader_exit(p->session);
}

static void NORETURN init_died(int status)
{
	vfs_sync();
	boot_fail("init (process 1) %s %d; file systems are synced",
		  status & 0x7f ? "was killed by signal" : "ended with status",
		  status & 0x7f ? status & 0x7f : status >> 8 & 0xff);
}

/* ---- telling the others ---- */

static int process_exit_status(const struct process *p)
{
	return p->group_exit ? p->group_exit_code : p->leader->exit_code;
}

static void fill_exit_info(struct ksiginfo *info, const struct process *p)
{
	int status = process_exit_status(p);
	const u64 tick = NSEC_PER_SEC / 100; /* USER_HZ */

	memset(info, 0, sizeof(*info));
	info->si.si_signo = p->exit_signal;
	info->si.si_pid = p->pid;
	info->si.si_uid = p->leader->cred->uid;
	info->si.si_utime = (long)(p->dead_threads.utime / tick);
	info->si.si_stime = (long)(p->dead_threads.stime / tick);
	info->si.si_code = status & 0x80 ? CLD_DUMPED : status & 0x7f ? CLD_KILLED : CLD_EXITED;
	info->si.si_status = status & 0x7f ? status & 0x7f : status >> 8;
}

bool process_notify_parent(struct process *p)
{
	struct process *parent = p->parent;
	bool ignored = false, autoreap = false;
	struct ksiginfo info;
	struct sighand *s;
	u64 irq;

	assert_held(&proc_tree_lock);
	fill_exit_info(&info, p);
	if (p->parent_exec_id != READ_ONCE(parent->exec_id))
		info.si.si_signo = SIGCHLD;
	if (info.si.si_signo == SIGCHLD) {
		s = process_lock_signals(parent, &irq);
		assert_held(&s->lock);
		ignored = s->action[SIGCHLD - 1].handler == (u64)SIG_IGN;
		autoreap = ignored || s->action[SIGCHLD - 1].flags & SA_NOCLDWAIT ||
			   parent->is_kernel;
		process_unlock_signals(s, irq);
	}
	/* clone(2) takes any byte; what is no signal is not sent. */
	if (info.si.si_signo > 0 && info.si.si_signo <= NSIG_TOTAL && !ignored)
		signal_send_process(parent, &info);
	waitq_wake_all(&parent->wait_children, 0);
	return autoreap;
}

/* The last thread is going.  True if nobody will wait for the process: the caller releases it. */
static bool process_die(struct process *p)
{
	assert(list_empty(&p->children));
	p->zombie = true;
	if (p->session->leader == p)
		p->session->leader = NULL;
	pgrp_anchor_lost(p, p);
	waitq_wake_all(&p->pidfd_waitq, POLLIN | POLLRDNORM);
	family_zombie_join(p);
	if (!process_notify_parent(p))
		return false;
	family_zombie_leave(p);
	p->reaped = true;
	return true;
}

/* ---- the end ---- */

/* True for the last thread that begins to exit. */
static bool begin_exit(struct thread *t)
{
	struct process *p = t->process;
	bool last, now_stopped;
	struct sighand *s;
	u64 irq;

	t->flags |= TF_EXITING;
	s = process_lock_signals(p, &irq);
	last = --p->live == 0;
	now_stopped = signal_leave_group_stop(t);
	process_unlock_signals(s, irq);
	if (now_stopped)
		signal_notify_parent_stop(p, CLD_STOPPED);
	return last;
}

/* From here @t is not counted any more; it only has to switch away. */
static void finish_exit(struct thread *t)
{
	struct process *p = t->process;
	struct list dead = LIST_INIT(dead);
	u64 irq = spin_lock_irqsave(&proc_tree_lock);
	struct sighand *s = p->sighand;
	bool reap = false;

	family_hand_over(t, ~0u, &dead);
	spin_lock(&s->lock);
	rusage_add_thread(&p->dead_threads, t);
	cpu_timers_thread_exit(t);
	t->counted_dead = true;
	sigqueue_flush(&t->sig);
	p->nthreads--;
	if (p->leader != t)
		thread_unlink(t);
	if (p->exec_thread)
		thread_wake(p->exec_thread);
	spin_unlock(&s->lock);
	if (p->nthreads == 0 && !p->is_kernel)
		reap = process_die(p);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	family_release_dead(&dead);
	if (reap)
		process_release(p);
}

void NORETURN thread_exit(int code)
{
	struct thread *t = current;
	struct process *p = t->process;
	bool last = begin_exit(t);

	t->exit_code = code;
	if (last && p == init_process)
		init_died(p->group_exit ? p->group_exit_code : code);
	note_peak_rss(t);
	exit_mm(t);
	if (last)
		shm_process_exit(t->ns->ipc, p);
	exit_files(t);
	if (last && !p->is_kernel)
		process_exit_resources(p);
	family_before_exit(t);
	finish_exit(t);
	sched_exit();
}

void NORETURN process_exit_group(int status)
{
	struct process *p = current->process;
	struct thread *t;
	u64 irq;
	struct sighand *s = process_lock_signals(p, &irq);

	if (p->group_exit) {
		status = p->group_exit_code;
	} else if (p->exec_thread && p->exec_thread != current) {
		status = 0; /* an exec of another thread ends this one alone */
	} else {
		p->group_exit = true;
		p->group_exit_code = status;
		LIST_FOR_EACH(t, &p->threads, group_node)
			if (t != current)
				signal_kill_thread(t);
	}
	process_unlock_signals(s, irq);
	thread_exit(status);
}

long sys_exit(int code)
{
	thread_exit((code & 0xff) << 8);
}

long sys_exit_group(int code)
{
	process_exit_group((code & 0xff) << 8);
}
