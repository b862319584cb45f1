// SPDX-License-Identifier: MIT
/*
 * /proc/PID and /proc/PID/task/TID: names that exist while the thread does.
 *
 * Inodes hold the thread struct; a dentry whose thread has gone fails
 * revalidation, and its text answers ESRCH.
 */
#include <linux/ptrace.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/parse.h>
#include <tarn/printf.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>

#include "proc_internal.h"

#define FIRST_PID_POS 1024u /* cookies of processes in /proc: this + pid */

bool proc_thread_gone(struct proc_inode *p)
{
	const struct thread *t = p->thread;

	if (!p->is_task)
		return READ_ONCE(t->process->reaped);
	return READ_ONCE(t->process->reaped) ||
	       (atomic_load(&t->state) == TS_DEAD && t != t->process->leader);
}

void proc_inode_own(struct inode *inode, struct thread *t)
{
	const struct cred *c;
	uid_t uid = 0;
	gid_t gid = 0;

	rcu_read_lock();
	c = rcu_dereference(t->cred);
	/* Directories that anyone may list keep the owner even when there is no program, or not a dumpable one. */
	if (c && ((READ_ONCE(t->mm) && t->process->dumpable) || inode->mode == (S_IFDIR | 0555))) {
		uid = c->euid;
		gid = c->egid;
	}
	rcu_read_unlock();
	WRITE_ONCE(inode->uid, uid);
	WRITE_ONCE(inode->gid, gid);
}

bool proc_may_access(struct thread *t)
{
	return thread_may_access(t, ACCESS_FS_IDS);
}

int proc_guard(struct thread *t) NO_LOCK_CHECK
{
	if (mutex_lock_killable(&t->process->exec_lock))
		return -EINTR;
	if (proc_may_access(t))
		return 0;
	mutex_unlock(&t->process->exec_lock);
	return -EACCES;
}

void proc_unguard(struct thread *t) NO_LOCK_CHECK
{
	mutex_unlock(&t->process->exec_lock);
}

static bool pid_revalidate(struct dentry *d)
{
	struct inode *inode = d->inode;
	struct proc_inode *p;

	if (!inode)
		return false; /* the number may have come into use */
	p = to_proc(inode);
	if (proc_thread_gone(p))
		return false;
	proc_inode_own(inode, p->thread);
	return true;
}

static bool pid_delete(const struct dentry *d)
{
	return true; /* holding on to a dentry would hold on to a thread */
}

const struct dentry_ops proc_pid_dentry_ops = {
	.revalidate = pid_revalidate,
	.delete = pid_delete,
};

/* ---- files with text ---- */

static int entry_show(struct file *f, struct strbuf *out)
{
	struct proc_inode *p = to_proc(f->inode);
	int err;

	if (proc_thread_gone(p))
		return -ESRCH;
	if (!p->entry->show)
		return -EINVAL;
	if (!p->entry->guarded)
		return p->entry->show(p->thread, out);
	/* Again: the thread may have become somebody else's since the open. */
	err = proc_guard(p->thread);
	if (err)
		return err;
	err = p->entry->show(p->thread, out);
	proc_unguard(p->thread);
	return err;
}

static ssize_t entry_write(struct file *f, char *text, size_t n)
{
	struct proc_inode *p = to_proc(f->inode);

	if (proc_thread_gone(p))
		return -ESRCH;
	if (!p->entry->write)
		return -EIO;
	/* The right to write is that of the program which was there at the open: a set-user-ID one may have come. */
	if (p->thread->process != current->process) {
		int err;

		proc_inode_own(f->inode, p->thread);
		err = inode_permission(f->inode, MAY_WRITE);
		if (err)
			return err;
	}
	return p->entry->write(p->thread, text, n);
}

static const struct text_ops entry_text = { .show = entry_show, .write = entry_write };

static int entry_open(struct inode *inode, struct file *f)
{
	struct proc_inode *p = to_proc(inode);

	if (p->entry->guarded && !proc_may_access(p->thread))
		return -EACCES;
	return text_file_open(f, &entry_text);
}

static const struct file_ops entry_fops = {
	.open = entry_open,
	.read = text_file_read,
	.write = text_file_write,
	.llseek = text_file_llseek,
	.release = text_file_release,
};

/* ---- magic links ---- */

static const char *entry_get_link(struct inode *inode, struct dentry *d, void **done)
{
	struct proc_inode *p = to_proc(inode);
	struct path target;
	int err;

	err = proc_guard(p->thread);
	if (err)
		return ERR_PTR(err);
	err = p->entry->link(p->thread, &target);
	proc_unguard(p->thread);
	if (err)
		return ERR_PTR(err);
	link_jump(&target);
	return NULL;
}

static const struct inode_ops entry_file_ops = { .setattr = proc_setattr };
static const struct inode_ops entry_link_ops = { .get_link = entry_get_link, .setattr = proc_setattr };

/* ---- the PID directory ---- */

static int entry_attach(struct inode *dir, struct dentry *d, const struct pid_entry *e, u32 n)
{
	struct proc_inode *parent = to_proc(dir);
	struct inode *inode;

	thread_get(parent->thread);
	inode = proc_inode_new(dir->super, PID_INO(parent->thread->tid, n), e->mode,
			       parent->thread);
	if (!inode)
		return -ENOMEM;
	to_proc(inode)->entry = e;
	to_proc(inode)->is_task = parent->is_task;
	inode->ops = e->ops ? e->ops : mode_is_lnk(e->mode) ? &entry_link_ops : &entry_file_ops;
	inode->fops = e->fops ? e->fops : e->show_mm ? &pid_mm_text_fops : &entry_fops;
	d->ops = &proc_pid_dentry_ops;
	dentry_add(d, inode);
	return 0;
}

static bool name_is(const struct qstr *q, const char *s)
{
	return strlen(s) == q->len && !memcmp(q->name, s, q->len);
}

static bool entry_is_here(const struct pid_entry *e, const struct proc_inode *dir)
{
	return dir->is_task ? !e->leader_only : !e->task_only;
}

static int pid_dir_lookup(struct inode *dir, struct dentry *d)
{
	struct proc_inode *p = to_proc(dir);

	for (u32 i = 0; i < pid_nentries; i++)
		if (name_is(&d->name, pid_entries[i].name) && entry_is_here(&pid_entries[i], p))
			return proc_thread_gone(p) ? -ENOENT :
						     entry_attach(dir, d, &pid_entries[i], i + 1);
	return -ENOENT;
}

static int pid_dir_iterate(struct file *f, struct dir_emit *e, u64 *pos)
{
	struct proc_inode *p = to_proc(f->inode);

	if (proc_thread_gone(p))
		return -ENOENT;
	if (!proc_emit_dots(f, e, pos))
		return 0;
	/* The position is whatever user space seeked to. */
	for (u64 i = *pos - 2; i < pid_nentries; i++) {
		const struct pid_entry *pe = &pid_entries[i];

		if (entry_is_here(pe, p) &&
		    !e->emit(e, pe->name, (u32)strlen(pe->name), PID_INO(p->thread->tid, i + 1),
			     (pe->mode >> 12) & 15, i + 3))
			return 0;
		*pos = i + 3;
	}
	return 0;
}

/* ---- mounts that hide ---- */

/* False: this mount hides @t from current at @least and above. */
static bool proc_shows(const struct super *sb, struct thread *t, enum hide_pid least)
{
	const struct proc_super *ps = sb->private;
	enum hide_pid hide = READ_ONCE(ps->hide);

	if (likely(hide < least))
		return true;
	if (hide != HIDE_NOT_PTRACEABLE && cred_in_group(current_cred(), READ_ONCE(ps->gid)))
		return true;
	return proc_may_access(t);
}

static int pid_permission(struct inode *inode, int mask)
{
	const struct proc_super *ps = inode->super->private;

	if (!proc_shows(inode->super, to_proc(inode)->thread, HIDE_NO_ACCESS))
		return READ_ONCE(ps->hide) >= HIDE_INVISIBLE ? -ENOENT : -EPERM;
	return perm_generic(inode, mask);
}

static int pid_getattr(struct inode *inode, struct kstat *out)
{
	if (!proc_shows(inode->super, to_proc(inode)->thread, HIDE_INVISIBLE))
		return -ENOENT;
	stat_generic(inode, out);
	return 0;
}

static const struct inode_ops pid_dir_ops = {
	.lookup = pid_dir_lookup,
	.setattr = proc_setattr,
	.permission = pid_permission,
	.getattr = pid_getattr,
};
static const struct file_ops pid_dir_fops = { .iterate = pid_dir_iterate };

struct process *proc_dir_process(struct file *f)
{
	struct proc_inode *i;

	if (f->ops != &pid_dir_fops)
		return NULL;
	i = to_proc(f->inode);
	return i->is_task ? NULL : i->thread->process;
}

int proc_pid_attach(struct inode *dir, struct dentry *d, struct thread *t, bool is_task)
{
	struct inode *inode = proc_inode_new(dir->super, PID_INO(t->tid, is_task ? 0x8000 : 0),
					     S_IFDIR | 0555, t);

	if (!inode)
		return -ENOMEM;
	to_proc(inode)->is_task = is_task;
	inode->ops = &pid_dir_ops;
	inode->fops = &pid_dir_fops;
	inode->attr_flags = S_IMMUTABLE; /* so utimes(2) and chown(2) of it are refused, as on Linux */
	d->ops = &proc_pid_dentry_ops;
	dentry_add(d, inode);
	return 0;
}

bool proc_name_to_pid(const struct qstr *name, pid_t *out)
{
	u64 v = 0;

	if (!name->len || name->len > 9 || (name->name[0] == '0' && name->len > 1))
		return false;
	for (u32 i = 0; i < name->len; i++) {
		if (!char_is_digit(name->name[i]))
			return false;
		v = v * 10 + (u64)(name->name[i] - '0');
	}
	*out = (pid_t)v;
	return true;
}

/* ---- self and thread-self ---- */

static const char *self_get_link(struct inode *inode, struct dentry *d, void **done)
{
	bool thread_self = inode->ino == 3;
	char *text = kmalloc(40, GFP_KERNEL);

	if (!text)
		return ERR_PTR(-ENOMEM);
	if (thread_self)
		snprintf(text, 40, "%d/task/%d", current->process->pid, current->tid);
	else
		snprintf(text, 40, "%d", current->process->pid);
	*done = text;
	return text;
}
static const struct inode_ops self_ops = { .get_link = self_get_link, .setattr = proc_setattr };

static int self_attach(struct inode *dir, struct dentry *d, u64 ino)
{
	struct inode *inode = proc_inode_new(dir->super, ino, S_IFLNK | 0777, NULL);

	if (!inode)
		return -ENOMEM;
	inode->ops = &self_ops;
	dentry_add(d, inode);
	return 0;
}

int proc_pid_lookup(struct inode *dir, struct dentry *d)
{
	struct thread *t;
	pid_t pid;

	if (name_is(&d->name, "self"))
		return self_attach(dir, d, 2);
	if (name_is(&d->name, "thread-self"))
		return self_attach(dir, d, 3);
	if (!proc_name_to_pid(&d->name, &pid))
		return -ENOENT;
	/* Any thread's id names its process here, though only leaders are listed. */
	t = thread_find_get(pid);
	if (!t)
		return -ENOENT;
	if (t->tid != t->process->pid) {
		struct thread *leader;

		rcu_read_lock();
		leader = READ_ONCE(t->process->leader);
		if (leader && !ref_get_unless_zero(&leader->refs))
			leader = NULL;
		rcu_read_unlock();
		thread_put(t);
		t = leader;
	}
	if (t && !proc_shows(dir->super, t, HIDE_NOT_PTRACEABLE)) {
		thread_put(t);
		t = NULL;
	}
	return t ? proc_pid_attach(dir, d, t, false) : -ENOENT;
}

static bool self_emit(struct dir_emit *e, u64 *pos, u64 at, const char *name, u64 ino)
{
	if (*pos > at)
		return true;
	if (!e->emit(e, name, (u32)strlen(name), ino, 10, at + 1))
		return false;
	*pos = at + 1;
	return true;
}

/* The number of the first process at or after @pid that is to be listed; 0: none. */
static pid_t pid_next(const struct super *sb, pid_t pid)
{
	struct process *p;
	pid_t found = 0;

	rcu_read_lock();
	while (!found && (p = process_next(pid)) != NULL) {
		if (proc_shows(sb, READ_ONCE(p->leader), HIDE_INVISIBLE))
			found = p->pid;
		pid = p->pid + 1;
	}
	rcu_read_unlock();
	return found;
}

int proc_pid_iterate(const struct super *sb, struct dir_emit *e, u64 *pos)
{
	char name[12];
	pid_t pid;

	if (!self_emit(e, pos, FIRST_PID_POS - 2, "self", 2) ||
	    !self_emit(e, pos, FIRST_PID_POS - 1, "thread-self", 3))
		return 0;
	if (*pos - FIRST_PID_POS > LAST_PID)
		return 0;
	for (pid = pid_next(sb, (pid_t)(*pos - FIRST_PID_POS)); pid; pid = pid_next(sb, pid + 1)) {
		int len = snprintf(name, sizeof(name), "%d", pid);

		if (!e->emit(e, name, (u32)len, PID_INO(pid, 0), 4, FIRST_PID_POS + (u64)pid + 1))
			return 0;
		*pos = FIRST_PID_POS + (u64)pid + 1;
	}
	return 0;
}
