// SPDX-License-Identifier: MIT
/* /proc/PID/fd and fdinfo: the open files of a process as links and as text. */
#include <asm/fcntl.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/mount.h>
#include <tarn/parse.h>
#include <tarn/printf.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#include "proc_internal.h"

#define FD_INO(tid, fd) ((u64)(tid) << 32 | 1u << 31 | (u32)(fd))

static mode_t link_mode(u32 fmode)
{
	return S_IFLNK | 0100 | (fmode & FMODE_READ ? 0400 : 0) | (fmode & FMODE_WRITE ? 0200 : 0);
}

static const char *fd_get_link(struct inode *inode, struct dentry *d, void **done)
{
	struct proc_inode *p = to_proc(inode);
	struct path target;
	struct file *file;

	int err = proc_guard(p->thread);

	if (err)
		return ERR_PTR(err);
	file = thread_file(p->thread, (unsigned int)p->fd, NULL);
	proc_unguard(p->thread);
	if (!file)
		return ERR_PTR(-ENOENT);
	target = file->path;
	path_get(&target);
	file_put(file);
	link_jump(&target);
	return NULL;
}

static const struct inode_ops fd_link_ops = { .get_link = fd_get_link, .setattr = proc_setattr };

static int fdinfo_show(struct file *f, struct strbuf *out)
{
	struct proc_inode *p = to_proc(f->inode);
	bool cloexec = false;
	struct file *file;
	int err = proc_guard(p->thread); /* again: the program may be another since the open */

	if (err)
		return err;
	file = thread_file(p->thread, (unsigned int)p->fd, &cloexec);
	proc_unguard(p->thread);
	if (!file)
		return -ENOENT;
	strbuf_printf(out, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n",
		      (long long)READ_UNLOCKED(file->pos),
		      atomic_load(&file->flags) | (cloexec ? O_CLOEXEC : 0),
		      file->path.mnt ? file->path.mnt->id : 0,
		      (unsigned long long)file->inode->ino);
	if (file->ops->show_fdinfo)
		file->ops->show_fdinfo(file, out);
	file_put_later(file); /* the text's lock is held */
	return 0;
}

static const struct text_ops fdinfo_text = { .show = fdinfo_show };

static int fdinfo_open(struct inode *inode, struct file *f)
{
	if (!proc_may_access(to_proc(inode)->thread))
		return -EACCES;
	return text_file_open(f, &fdinfo_text);
}

static const struct inode_ops fdinfo_file_ops = { .setattr = proc_setattr };
static const struct file_ops fdinfo_fops = {
	.open = fdinfo_open,
	.read = text_file_read,
	.llseek = text_file_llseek,
	.release = text_file_release,
};

/* A descriptor's dentry is good while the descriptor is open. */
static bool fd_revalidate(struct dentry *d)
{
	struct proc_inode *p;
	u32 fmode;

	if (!d->inode)
		return false;
	p = to_proc(d->inode);
	if (proc_thread_gone(p) || !thread_file_mode(p->thread, (unsigned int)p->fd, &fmode))
		return false;
	/* The link's permission bits say how the file is open, and the number may have been reused. */
	if (mode_is_lnk(d->inode->mode))
		d->inode->mode = link_mode(fmode);
	return true;
}

static bool fd_delete(const struct dentry *d)
{
	return true;
}

static const struct dentry_ops fd_dentry_ops = {
	.revalidate = fd_revalidate,
	.delete = fd_delete,
};

/* The descriptor a name stands for; -1: none. */
static int name_to_fd(const struct qstr *name)
{
	char text[12];
	int fd;

	if (!name->len || name->len >= sizeof(text) || (name->name[0] == '0' && name->len > 1) ||
	    !char_is_digit(name->name[0]))
		return -1;
	memcpy(text, name->name, name->len);
	text[name->len] = '\0';
	return parse_int(text, 10, &fd) ? -1 : fd;
}

static int fd_dir_lookup(struct inode *dir, struct dentry *d, bool info)
{
	struct proc_inode *parent = to_proc(dir);
	int fd = name_to_fd(&d->name);
	struct inode *inode;
	mode_t mode;
	u32 fmode;

	if (fd < 0 || !thread_file_mode(parent->thread, (unsigned int)fd, &fmode))
		return -ENOENT;
	mode = info ? S_IFREG | 0444 : link_mode(fmode);
	thread_get(parent->thread);
	inode = proc_inode_new(dir->super, FD_INO(parent->thread->tid, fd) + info, mode,
			       parent->thread);
	if (!inode)
		return -ENOMEM;
	to_proc(inode)->fd = fd;
	to_proc(inode)->is_task = parent->is_task;
	inode->ops = info ? &fdinfo_file_ops : &fd_link_ops;
	if (info)
		inode->fops = &fdinfo_fops;
	d->ops = &fd_dentry_ops;
	dentry_add(d, inode);
	return 0;
}

static int fd_lookup(struct inode *dir, struct dentry *d)
{
	return fd_dir_lookup(dir, d, false);
}

static int fdinfo_lookup(struct inode *dir, struct dentry *d)
{
	return fd_dir_lookup(dir, d, true);
}

/* Cookies are 2 + descriptor. */
static int fd_dir_iterate(struct file *f, struct dir_emit *e, u64 *pos, u8 type)
{
	struct thread *t = to_proc(f->inode)->thread;
	char name[12];
	int fd;

	if (proc_thread_gone(to_proc(f->inode)))
		return -ENOENT;
	/* The program may be another since the open. */
	if (!proc_may_access(t) && inode_permission(f->inode, MAY_READ))
		return -EACCES;
	if (!proc_emit_dots(f, e, pos) || *pos - 2 > INT32_MAX)
		return 0;
	while ((fd = thread_next_fd(t, (unsigned int)(*pos - 2))) >= 0) {
		int len = snprintf(name, sizeof(name), "%d", fd);

		if (!e->emit(e, name, (u32)len, FD_INO(t->tid, fd), type, (u64)fd + 3))
			break;
		*pos = (u64)fd + 3;
	}
	return 0;
}

static int fd_iterate(struct file *f, struct dir_emit *e, u64 *pos)
{
	return fd_dir_iterate(f, e, pos, 10);
}

static int fdinfo_iterate(struct file *f, struct dir_emit *e, u64 *pos)
{
	return fd_dir_iterate(f, e, pos, 8);
}

/* One's own descriptors may be seen always, also after a change of ids that left the directory to root. */
static int fd_permission(struct inode *inode, int mask)
{
	return to_proc(inode)->thread->process == current->process ? 0 : perm_generic(inode, mask);
}

/* Neither a listing nor a look-up tells a stranger which descriptors there are. */
static int fdinfo_permission(struct inode *inode, int mask)
{
	return proc_may_access(to_proc(inode)->thread) ? perm_generic(inode, mask) : -EACCES;
}

const struct inode_ops pid_fd_ops = {
	.lookup = fd_lookup,
	.setattr = proc_setattr,
	.permission = fd_permission,
};
const struct inode_ops pid_fdinfo_ops = {
	.lookup = fdinfo_lookup,
	.setattr = proc_setattr,
	.permission = fdinfo_permission,
};
const struct file_ops pid_fd_fops = { .iterate = fd_iterate };
const struct file_ops pid_fdinfo_fops = { .iterate = fdinfo_iterate };
