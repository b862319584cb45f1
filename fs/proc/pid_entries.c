// SPDX-License-Identifier: MIT
/* The table of names in /proc/PID, and the small ones' contents. */
#include <asm/fcntl.h>
#include <tarn/errno.h>
#include <tarn/mm.h>
#include <tarn/parse.h>
#include <tarn/poll.h>

#include "proc_internal.h"

/* ---- magic links ---- */

static int link_exe(struct thread *t, struct path *out)
{
	struct file *exe;

	mutex_lock(&t->process->exec_lock);
	exe = t->process->exe;
	if (exe) {
		*out = exe->path;
		path_get(out);
	}
	mutex_unlock(&t->process->exec_lock);
	return exe ? 0 : -ENOENT;
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
	{ TEXT("clear_refs", 0200, NULL), .write = pid_write_clear_refs },
	{ .name = "mem", .mode = S_IFREG | 0600, .fops = &pid_mem_fops },
	{ TEXT("io", 0400, pid_show_io), .guarded = true },
	{ TEXT("limits", 0444, pid_show_limits) },
	{ .name = "mounts", .mode = S_IFREG | 0444, .fops = &pid_mounts_fops },
	{ .name = "mountinfo", .mode = S_IFREG | 0444, .fops = &pid_mountinfo_fops },
	{ TEXT("oom_score_adj", 0644, oom_adj_show), .write = oom_adj_write },
};
const u32 pid_nentries = ARRAY_SIZE(pid_entries);
