// SPDX-License-Identifier: MIT
/* The table of names in /proc/PID, and the small ones' contents. */
#include <asm/fcntl.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/mm.h>
#include <tarn/mount.h>
#include <tarn/parse.h>
#include <tarn/poll.h>
#include <tarn/string.h>

#include "proc_internal.h"

#define DEFAULT_SLACK_NS 50000 /* as a thread starts: kernel/process/thread.c */

/* ---- magic links ---- */

static int link_exe(struct thread *t, struct path *out)
{
	struct file *exe = t->process->exe; /* exec_lock is held: proc_guard() */

	if (!exe)
		return -ENOENT;
	*out = exe->path;
	path_get(out);
	return 0;
}

static int link_fs(struct thread *t, struct path *out, bool root)
{
	struct fs_context *fs;
	u64 irq = spin_lock_irqsave(&t->lock);

	fs = t->fs;
	if (fs)
		ref_get(&fs->refs);
	spin_unlock_irqrestore(&t->lock, irq);
	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	spin_unlock(&fs->lock);
	fs_context_put(fs);
	return 0;
}

static int link_root(struct thread *t, struct path *out)
{
	return link_fs(t, out, true);
}

static int link_cwd(struct thread *t, struct path *out)
{
	return link_fs(t, out, false);
}

/* ---- mounts: as the thread sees them; poll tells of changes ---- */

static struct mount_ns *mount_ns_get_of(struct thread *t)
{
	struct mount_ns *ns = NULL;
	u64 irq = spin_lock_irqsave(&t->lock);

	if (t->ns) {
		ns = t->ns->mnt;
		ref_get(&ns->refs);
	}
	spin_unlock_irqrestore(&t->lock, irq);
	return ns;
}

static int mounts_show_kind(struct file *f, struct strbuf *out, int kind)
{
	struct thread *t = to_proc(f->inode)->thread;
	struct mount_ns *ns = mount_ns_get_of(t);
	struct path root;
	int err;

	if (!ns)
		return -EINVAL;
	err = link_fs(t, &root, true);
	if (!err) {
		err = mount_ns_show(ns, &root, kind, out);
		path_put(&root);
	}
	mount_ns_put(ns);
	return err;
}

static int mounts_show(struct file *f, struct strbuf *out)
{
	return mounts_show_kind(f, out, 0);
}

static int mountinfo_show(struct file *f, struct strbuf *out)
{
	return mounts_show_kind(f, out, 1);
}

static const struct text_ops mounts_text = { .show = mounts_show };
static const struct text_ops mountinfo_text = { .show = mountinfo_show };

static int mounts_open_with(struct inode *inode, struct file *f, const struct text_ops *ops)
{
	struct mount_ns *ns = mount_ns_get_of(to_proc(inode)->thread);
	int err;

	if (!ns)
		return -EINVAL;
	err = text_file_open(f, ops);
	if (!err)
		*text_file_event(f) = (u32)READ_ONCE(ns->event);
	mount_ns_put(ns);
	return err;
}

static int mounts_open(struct inode *inode, struct file *f)
{
	return mounts_open_with(inode, f, &mounts_text);
}

static int mountinfo_open(struct inode *inode, struct file *f)
{
	return mounts_open_with(inode, f, &mountinfo_text);
}

static u32 mounts_poll(struct file *f, struct poll_wait *w)
{
	struct mount_ns *ns = mount_ns_get_of(to_proc(f->inode)->thread);
	u32 mask = POLLIN | POLLRDNORM, event;

	poll_on(w, mount_event_waitq());
	if (!ns)
		return mask;
	event = (u32)READ_ONCE(ns->event);
	if (event != *text_file_event(f)) {
		*text_file_event(f) = event;
		mask |= POLLERR | POLLPRI;
	}
	mount_ns_put(ns);
	return mask;
}

const struct file_ops pid_mounts_fops = {
	.open = mounts_open,
	.read = text_file_read,
	.llseek = text_file_llseek,
	.poll = mounts_poll,
	.release = text_file_release,
};
const struct file_ops pid_mountinfo_fops = {
	.open = mountinfo_open,
	.read = text_file_read,
	.llseek = text_file_llseek,
	.poll = mounts_poll,
	.release = text_file_release,
};

/* ---- oom score ---- */

static int oom_adj_show(struct thread *t, struct strbuf *out)
{
	strbuf_printf(out, "%d\n", READ_ONCE(t->process->oom_score_adj));
	return 0;
}

static ssize_t oom_adj_write(struct thread *t, char *text, size_t n)
{
	int v;

	if (parse_int(parse_trim(text), 10, &v) || v < -1000 || v > 1000)
		return -EINVAL;
	if (v < t->process->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	WRITE_ONCE(t->process->oom_score_adj, v);
	return n;
}

static int oom_score_show(struct thread *t, struct strbuf *out)
{
	strbuf_printf(out, "%u\n", oom_score(t->process));
	return 0;
}

/* ---- children: of the process, for the kernel keeps no record of which thread forked ---- */

static int children_show(struct thread *t, struct strbuf *out)
{
	struct process *p = t->process, *child;
	pid_t last = 0;
	u64 irq;

	if (t != p->leader)
		return 0;
	/* A few at a time: the list may be long, the lock is everybody's, and the text may need memory. */
	for (;;) {
		pid_t pids[64];
		u32 n = 0;

		irq = spin_lock_irqsave(&proc_tree_lock);
		LIST_FOR_EACH(child, &p->children, sibling) {
			if (child->pid > last && n < ARRAY_SIZE(pids))
				pids[n++] = child->pid;
		}
		spin_unlock_irqrestore(&proc_tree_lock, irq);
		for (u32 i = 0; i < n; i++)
			strbuf_printf(out, "%d ", pids[i]);
		if (n < ARRAY_SIZE(pids))
			return 0;
		last = pids[n - 1];
	}
}

/* ---- timer slack ---- */

/* Others' slack is for who may change their priority: proc_pid_timerslack_ns(5). */
static bool slack_allowed(const struct thread *t)
{
	return t == current || capable(CAP_SYS_NICE);
}

static int slack_show(struct thread *t, struct strbuf *out)
{
	if (!slack_allowed(t))
		return -EPERM;
	strbuf_printf(out, "%lu\n", READ_ONCE(t->timer_slack_ns));
	return 0;
}

static ssize_t slack_write(struct thread *t, char *text, size_t n)
{
	u64 v;

	if (!slack_allowed(t))
		return -EPERM;
	if (parse_u64(parse_trim(text), 10, &v))
		return -EINVAL;
	WRITE_ONCE(t->timer_slack_ns, v ? v : DEFAULT_SLACK_NS);
	return (ssize_t)n;
}

/* ---- user_namespaces(7): there is the first one only, whose maps are set for good ---- */

static int id_map_show(struct thread *t, struct strbuf *out)
{
	strbuf_printf(out, "%10u %10u %10u\n", 0u, 0u, ~0u);
	return 0;
}

static ssize_t id_map_write(struct thread *t, char *text, size_t n)
{
	return -EPERM;
}

static int setgroups_show(struct thread *t, struct strbuf *out)
{
	strbuf_puts(out, "allow\n");
	return 0;
}

static ssize_t setgroups_write(struct thread *t, char *text, size_t n)
{
	char *word = parse_trim(text);

	if (!strcmp(word, "allow"))
		return (ssize_t)n;
	return strcmp(word, "deny") ? -EINVAL : -EPERM; /* the group map is set: too late to deny */
}

#define DIRECTORY(n, m) .name = n, .mode = S_IFDIR | (m)
#define TEXT(n, m, s) .name = n, .mode = S_IFREG | (m), .show = s
#define MM_TEXT(n, m, s) .name = n, .mode = S_IFREG | (m), .show_mm = s
#define LINK(n, l) .name = n, .mode = S_IFLNK | 0777, .guarded = true, .link = l

const struct pid_entry pid_entries[] = {
	{ DIRECTORY("task", 0555), .leader_only = true, .ops = &pid_task_ops,
	  .fops = &pid_task_fops },
	{ DIRECTORY("fd", 0500), .ops = &pid_fd_ops, .fops = &pid_fd_fops },
	{ DIRECTORY("fdinfo", 0555), .ops = &pid_fdinfo_ops, .fops = &pid_fdinfo_fops },
	{ LINK("exe", link_exe) },
	{ LINK("cwd", link_cwd) },
	{ LINK("root", link_root) },
	{ TEXT("stat", 0444, pid_show_stat), .leader_only = true },
	{ TEXT("stat", 0444, pid_show_task_stat), .task_only = true },
	{ TEXT("status", 0444, pid_show_status) },
	{ TEXT("statm", 0444, pid_show_statm) },
	{ TEXT("comm", 0644, pid_show_comm), .write = pid_write_comm },
	{ TEXT("cmdline", 0444, pid_show_cmdline) },
	{ MM_TEXT("environ", 0400, pid_show_environ) },
	{ MM_TEXT("auxv", 0400, pid_show_auxv) },
	{ MM_TEXT("maps", 0444, pid_show_maps) },
	{ MM_TEXT("smaps", 0444, pid_show_smaps) },
	{ MM_TEXT("smaps_rollup", 0444, pid_show_smaps_rollup) },
	{ .name = "pagemap", .mode = S_IFREG | 0400, .fops = &pid_pagemap_fops },
	{ .name = "clear_refs", .mode = S_IFREG | 0200, .fops = &pid_clear_refs_fops },
	{ .name = "mem", .mode = S_IFREG | 0600, .fops = &pid_mem_fops },
	{ TEXT("io", 0400, pid_show_io), .guarded = true, .leader_only = true },
	{ TEXT("io", 0400, pid_show_task_io), .guarded = true, .task_only = true },
	{ TEXT("children", 0444, children_show), .task_only = true },
	{ TEXT("timerslack_ns", 0666, slack_show), .write = slack_write, .leader_only = true },
	{ TEXT("uid_map", 0644, id_map_show), .write = id_map_write },
	{ TEXT("gid_map", 0644, id_map_show), .write = id_map_write },
	{ TEXT("projid_map", 0644, id_map_show), .write = id_map_write },
	{ TEXT("setgroups", 0644, setgroups_show), .write = setgroups_write },
	{ TEXT("limits", 0444, pid_show_limits) },
	{ .name = "mounts", .mode = S_IFREG | 0444, .fops = &pid_mounts_fops },
	{ .name = "mountinfo", .mode = S_IFREG | 0444, .fops = &pid_mountinfo_fops },
	{ TEXT("oom_score", 0444, oom_score_show) },
	{ TEXT("oom_score_adj", 0644, oom_adj_show), .write = oom_adj_write },
};
const u32 pid_nentries = ARRAY_SIZE(pid_entries);
