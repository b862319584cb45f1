// SPDX-License-Identifier: MIT
/*
 * fork, vfork, clone, clone3: one function, thread_clone(), makes a thread.
 *
 * The flags only decide, object by object, whether the new thread shares the
 * caller's or gets a copy: mm, files, fs context, handlers, namespaces, and the
 * process itself (CLONE_THREAD).  Everything that can fail happens before the
 * thread is linked where others can find it.
 *
 * A signal to the caller's group must not miss the child, so a call with a
 * signal pending at the moment of linking starts over (ERESTARTNOINTR).
 */
#include "internal.h"

#include <asm/fcntl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <tarn/fail.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/mm.h>
#include <tarn/path.h>
#include <tarn/syscall.h>

/* Absent: -EINVAL.  For CLONE_NEWNS fs/mount.c could copy the mounts, root and cwd along; nothing calls it. */
#define NAMESPACES_ABSENT                                                                \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS)

static long check_flags(const struct clone_args_k *a)
{
	u64 f = a->flags;

	if ((f & CLONE_THREAD && !(f & CLONE_SIGHAND)) || (f & CLONE_SIGHAND && !(f & CLONE_VM)))
		return -EINVAL;
	if (f & CLONE_NEWNS && f & CLONE_FS)
		return -EINVAL;
	if (f & CLONE_CLEAR_SIGHAND && f & CLONE_SIGHAND)
		return -EINVAL;
	if (f & CLONE_PIDFD && f & (CLONE_THREAD | CLONE_DETACHED))
		return -EINVAL;
	if (f & CLONE_PARENT && current->process == init_process)
		return -EINVAL;
	if (f & CLONE_THREAD && f & (CLONE_NEWUSER | CLONE_NEWPID))
		return -EINVAL;
	if (f & (NAMESPACES_ABSENT | CLONE_NEWUTS) & ~CLONE_NEWUSER &&
	    !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return f & NAMESPACES_ABSENT ? -EINVAL : 0;
}

static long check_limits(void)
{
	u64 mine = charge_of(current->cred->user, CHARGE_THREADS);

	if (mine >= rlimit_cur(RLIMIT_NPROC) && current->cred->user != &root_user &&
	    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -EAGAIN;
	return thread_count() >= thread_limit() ? -EAGAIN : 0;
}

/* ---- the objects ---- */

static long clone_files(struct thread *t, u64 flags)
{
	struct files *files = current->files;

	if (flags & CLONE_FILES || !files) {
		if (files)
			ref_get(&files->refs);
	} else {
		files = files_copy(files, ~0u);
		if (IS_ERR_OR_NULL(files))
			return files ? PTR_ERR(files) : -ENOMEM;
	}
	t->files = files;
	return 0;
}

static long clone_fs(struct thread *t, u64 flags)
{
	struct fs_context *fs = current->fs;

	if (flags & CLONE_FS || !fs) {
		if (fs)
			ref_get(&fs->refs);
	} else {
		fs = fs_context_copy(fs);
		if (IS_ERR_OR_NULL(fs))
			return fs ? PTR_ERR(fs) : -ENOMEM;
	}
	t->fs = fs;
	return 0;
}

static long clone_mm(struct thread *t, u64 flags)
{
	struct mm *mm = current->mm;

	if (!mm)
		return 0;
	if (flags & CLONE_VM) {
		mm_get(mm);
	} else {
		mm = mm_fork(mm);
		if (IS_ERR_OR_NULL(mm))
			return mm ? PTR_ERR(mm) : -ENOMEM;
	}
	t->mm = mm;
	return 0;
}

static long clone_namespaces(struct thread *t, u64 flags)
{
	struct namespaces *ns = namespaces_clone(flags, current->ns);

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	t->ns = ns;
	return 0;
}

/* CLONE_CLEAR_SIGHAND: what is ignored stays so. */
static void clear_handlers(struct sighand *s) NO_LOCK_CHECK /* nobody else knows @s yet */
{
	for (int i = 0; i < NSIG_TOTAL; i++)
		if (s->action[i].handler != (u64)SIG_IGN)
			s->action[i] = (struct abi_sigaction){ 0 };
}

static long clone_handlers(struct process *p, u64 flags)
{
	struct sighand *s = current->process->sighand;

	if (flags & CLONE_SIGHAND) {
		ref_get(&s->refs);
		p->sighand = s;
		return 0;
	}
	p->sighand = sighand_copy(s);
	if (!p->sighand)
		return -ENOMEM;
	if (flags & CLONE_CLEAR_SIGHAND)
		clear_handlers(p->sighand);
	return 0;
}

/* ---- the process ---- */

static void share_exe(struct process *p, struct process *from)
{
	mutex_lock(&from->exec_lock);
	p->dumpable = from->dumpable;
	if (from->exe) {
		p->exe = file_get(from->exe);
		/* Cannot fail: @from denies already. */
		if (file_deny_write(p->exe)) {
			file_put(p->exe);
			p->exe = NULL;
		}
	}
	mutex_unlock(&from->exec_lock);
}

static struct process *clone_process(const struct clone_args_k *a)
{
	struct process *from = current->process;
	struct process *p;

	p = process_alloc();
	if (!p)
		return ERR_PTR(-ENOMEM);
	if (clone_handlers(p, a->flags)) {
		process_put(p);
		return ERR_PTR(-ENOMEM);
	}
	spin_lock(&from->rlimit_lock);
	memcpy(p->rlimits, from->rlimits, sizeof(p->rlimits));
	spin_unlock(&from->rlimit_lock);
	share_exe(p, from);
	p->oom_score_adj = from->oom_score_adj;
	p->exit_signal = a->flags & CLONE_PARENT ? from->exit_signal : a->exit_signal;
	return p;
}

static void process_discard(struct process *p)
{
	if (p->exe) {
		file_allow_write(p->exe);
		file_put(p->exe);
	}
	process_put(p);
}

/* ---- the thread ---- */

static void thread_inherit(struct thread *t, const struct clone_args_k *a)
{
	struct thread *me = current;
	bool own_stack = !(a->flags & CLONE_VM) || a->flags & CLONE_VFORK;

	t->cred = cred_get(me->cred);
	t->flags = TF_FORKNOEXEC;
	fail_inherit(t);
	strscpy(t->comm, me->comm, sizeof(t->comm));
	t->blocked = me->blocked;
	t->altstack_flags = SS_DISABLE;
	if (own_stack) {
		t->altstack_sp = me->altstack_sp;
		t->altstack_size = me->altstack_size;
		t->altstack_flags = me->altstack_flags;
	}
	t->personality = me->personality;
	t->no_new_privs = me->no_new_privs;
	t->timer_slack_ns = t->default_timer_slack_ns = me->timer_slack_ns;
	t->exit_signal = a->flags & CLONE_THREAD ? -1 : a->exit_signal;
	if (a->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = a->child_tid;
	sched_fork(t);
}

static void thread_drop_objects(struct thread *t)
{
	if (t->files)
		files_put(t->files);
	if (t->fs)
		fs_context_put(t->fs);
	if (t->ns)
		namespaces_put(t->ns);
	if (t->mm)
		mm_put(t->mm);
	t->files = NULL;
	t->fs = NULL;
	t->ns = NULL;
	t->mm = NULL;
}

static long thread_fill(struct thread *t, const struct clone_args_k *a)
{
	long err;

	thread_inherit(t, a);
	err = clone_files(t, a->flags);
	if (!err)
		err = clone_fs(t, a->flags);
	if (!err)
		err = clone_namespaces(t, a->flags);
	if (!err)
		err = clone_mm(t, a->flags);
	if (!err)
		err = arch_thread_init_user(t, a->stack, a->flags & CLONE_SETTLS, a->tls);
	return err;
}

/* ---- becoming visible ---- */

/* Before the pid leads to it. */
static void link_new_process(struct process *p, struct thread *t, pid_t pid, u64 flags)
{
	struct process *me = current->process;
	struct process *parent = flags & CLONE_PARENT ? me->parent : me;

	p->leader = t;
	p->pid = pid;
	family_add(p, parent, flags & CLONE_PARENT ? me->parent_thread : current);
	p->parent_exec_id = flags & CLONE_PARENT ? me->parent_exec_id : READ_ONCE(me->exec_id);
	process_join_pgrp(p, me->pgrp);
	p->no_tty = me->no_tty;
}

/* 0 or -ERESTARTNOINTR: a signal is pending, which the child may not miss. */
static long link_thread(struct thread *t, struct process *p, struct pid_slot *slot, u64 flags)
{
	struct sighand *s = p->sighand;
	u64 irq = spin_lock_irqsave(&proc_tree_lock);
	bool again;

	spin_lock(&s->lock);
	again = signal_pending();
	if (!again) {
		if (p != current->process)
			link_new_process(p, t, slot->nr, flags);
		thread_link(t, p, slot);
	} else {
		pid_release_if_unused(slot);
	}
	spin_unlock(&s->lock);
	spin_unlock_irqrestore(&proc_tree_lock, irq);
	return again ? -ERESTARTNOINTR : 0;
}

/* The ids that user space asked for in memory.  A bad address is the caller's loss, as on Linux. */
static void tell_ids(struct thread *t, const struct clone_args_k *a, pid_t tid)
{
	if (a->flags & CLONE_PARENT_SETTID && put_user(tid, a->parent_tid))
		return;
	if (!(a->flags & CLONE_CHILD_SETTID))
		return;
	if (a->flags & CLONE_VM) {
		if (put_user(tid, a->child_tid))
			return;
	} else {
		mm_access(t->mm, (u64)a->child_tid, &tid, sizeof(tid), true, false);
	}
}

struct pidfd_pending {
	int fd;
	struct file *file;
};

/* The number reaches user space before the descriptor works, so nothing has to be taken back. */
static long pidfd_prepare(struct process *p, const struct clone_args_k *a, struct pidfd_pending *out)
{
	int fd = fd_reserve(0, O_CLOEXEC);

	if (fd < 0)
		return fd;
	out->file = pidfd_file(p, O_RDWR);
	if (IS_ERR(out->file) || put_user(fd, a->pidfd)) {
		long err = IS_ERR(out->file) ? PTR_ERR(out->file) : -EFAULT;

		if (!IS_ERR(out->file))
			file_put(out->file);
		fd_unreserve((unsigned int)fd);
		return err;
	}
	out->fd = fd;
	return 0;
}

static void vfork_wait(struct thread *t, struct waitq *done)
{
	u64 irq;

	/* Killed: the child goes on without us. */
	(void)wait_event_killable(done, !READ_ONCE(t->vfork_done));
	irq = spin_lock_irqsave(&proc_tree_lock);
	t->vfork_done = NULL;
	spin_unlock_irqrestore(&proc_tree_lock, irq);
}

static long thread_start(struct thread *t, const struct clone_args_k *a)
{
	struct waitq done;
	pid_t tid = t->tid;

	if (!(a->flags & CLONE_VFORK)) {
		sched_start(t);
		return tid;
	}
	waitq_init(&done);
	t->vfork_done = &done;
	thread_get(t);
	sched_start(t);
	vfork_wait(t, &done);
	thread_put(t);
	return tid;
}

static long clone_into(struct thread *t, struct process *p, const struct clone_args_k *a)
{
	struct pidfd_pending pidfd = { .fd = -1 };
	struct pid_slot *slot;
	long err = thread_fill(t, a);

	if (err)
		return err;
	if (a->flags & CLONE_PIDFD) {
		err = pidfd_prepare(p, a, &pidfd);
		if (err)
			return err;
	}
	err = pid_reserve(a->set_tid, &slot);
	if (!err)
		err = link_thread(t, p, slot, a->flags);
	if (err) {
		if (pidfd.fd >= 0) {
			fd_unreserve((unsigned int)pidfd.fd);
			file_put(pidfd.file);
		}
		return err;
	}
	if (pidfd.fd >= 0)
		fd_install((unsigned int)pidfd.fd, pidfd.file);
	tell_ids(t, a, t->tid);
	return 0;
}

long thread_clone(const struct clone_args_k *a)
{
	struct process *p = current->process;
	struct thread *t;
	long err = check_flags(a);

	if (!err && signal_pending())
		err = -ERESTARTNOINTR;
	if (!err)
		err = check_limits();
	if (err)
		return err;
	t = thread_alloc();
	if (!t)
		return -ENOMEM;
	if (!(a->flags & CLONE_THREAD)) {
		p = clone_process(a);
		if (IS_ERR(p)) {
			thread_put(t);
			return PTR_ERR(p);
		}
	}
	err = clone_into(t, p, a);
	if (!err)
		return thread_start(t, a);
	thread_drop_objects(t);
	thread_put(t);
	if (p != current->process)
		process_discard(p);
	return err;
}
