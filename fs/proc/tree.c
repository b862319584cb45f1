// SPDX-License-Identifier: MIT
/*
 * The static part of /proc: names that are not about one process.
 *
 * Built once, before the first mount, from the linker sets proc_entries and
 * sysctls.  Names never change afterwards, so nothing locks them; who owns a
 * file and its permissions may, except below /proc/sys.
 */
#include <asm/fcntl.h>
#include <linux/fs.h>
#include <tarn/errno.h>
#include <tarn/cred.h>
#include <tarn/errptr.h>
#include <tarn/panic.h>
#include <tarn/parse.h>
#include <tarn/poll.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#include "proc_internal.h"

#define FIRST_STATIC_INO 0xf0000000u

struct proc_node proc_root = {
	.mode = S_IFDIR | 0555,
	.ino = 1,
	.children = LIST_INIT(proc_root.children),
};

struct proc_node *proc_node_find(struct proc_node *dir, const struct qstr *name)
{
	struct proc_node *n;

	LIST_FOR_EACH(n, &dir->children, sibling)
		if (strlen(n->name) == name->len && !memcmp(n->name, name->name, name->len))
			return n;
	return NULL;
}

static struct proc_node *node_add(struct proc_node *dir, const char *name, size_t len, mode_t mode)
{
	static u64 next_ino = FIRST_STATIC_INO;
	struct proc_node *n = kzalloc(sizeof(*n), GFP_KERNEL);

	assert(n && len < sizeof(n->name));
	memcpy(n->name, name, len);
	n->mode = mode;
	n->in_sys = dir->in_sys;
	n->ino = next_ino++;
	n->parent = dir;
	list_init(&n->children);
	list_add_tail(&dir->children, &n->sibling);
	return n;
}

/* Makes the directories of @path below @dir and then the last name with @mode. */
static struct proc_node *path_add(struct proc_node *dir, const char *path, mode_t mode)
{
	const char *slash;

	while ((slash = strchr(path, '/'))) {
		struct qstr name = { .name = path, .len = (u32)(slash - path) };
		struct proc_node *sub = proc_node_find(dir, &name);

		dir = sub ? sub : node_add(dir, path, name.len, S_IFDIR | 0555);
		path = slash + 1;
	}
	return node_add(dir, path, strlen(path), mode);
}

static void link_add(const char *path, const char *target)
{
	path_add(&proc_root, path, S_IFLNK | 0777)->target = target;
}

void proc_tree_build(void)
{
	struct proc_node *sys = path_add(&proc_root, "sys", S_IFDIR | 0555);

	sys->in_sys = true;
	SET_FOR_EACH(const struct proc_entry, e, proc_entries) {
		mode_t mode = e->mode ? e->mode : e->write ? 0644 : 0444;
		struct proc_node *n;

		n = path_add(&proc_root, e->path, S_IFREG | mode);
		n->entry = e;
		SET_FOR_EACH(const struct proc_event, v, proc_events)
			if (!strcmp(v->path, e->path))
				n->event = v;
	}
	SET_FOR_EACH(const struct sysctl, s, sysctls) {
		mode_t mode = s->min == s->max && !s->str ? 0444 : 0644;

		assert(!!s->value + !!s->at + !!s->str == 1);
		path_add(sys, s->path, S_IFREG | mode)->sysctl = s;
	}
	link_add("mounts", "self/mounts");
}

/* ---- contents ---- */

static const struct proc_node *file_node(struct file *f)
{
	return to_proc(f->inode)->node;
}

/* current's number; only current changes current->ns. */
static int *sysctl_value(const struct sysctl *s)
{
	return s->at ? s->at(current->ns) : s->value;
}

static int sysctl_show(const struct sysctl *s, struct strbuf *out)
{
	if (s->str)
		strbuf_printf(out, "%s\n", s->str);
	else
		strbuf_printf(out, "%d\n", READ_ONCE(*sysctl_value(s)));
	return 0;
}

static ssize_t sysctl_write(const struct sysctl *s, char *text, size_t n)
{
	char *word = parse_trim(text);
	int v;

	if (s->cap && !capable(s->cap))
		return -EPERM;
	if (s->str) {
		if (strlen(word) >= s->str_size)
			return -EINVAL;
		strscpy(s->str, word, s->str_size);
		return n;
	}
	if (parse_int(word, 0, &v) || v < s->min || v > s->max)
		return -EINVAL;
	WRITE_ONCE(*sysctl_value(s), v);
	return n;
}

static int node_show(struct file *f, struct strbuf *out)
{
	const struct proc_node *n = file_node(f);

	return n->sysctl ? sysctl_show(n->sysctl, out) : n->entry->show(out);
}

static ssize_t node_write(struct file *f, char *text, size_t n)
{
	const struct proc_node *node = file_node(f);

	if (node->sysctl)
		return sysctl_write(node->sysctl, text, n);
	return node->entry->write ? node->entry->write(text, n) : -EIO;
}

static const struct text_ops node_text = { .show = node_show, .write = node_write };

static const struct proc_event *event_of(struct file *f)
{
	return file_node(f)->event;
}

static int node_open(struct inode *inode, struct file *f)
{
	int err = text_file_open(f, &node_text);

	if (!err && event_of(f))
		*text_file_event(f) = atomic_load(event_of(f)->count);
	return err;
}

static u32 node_poll(struct file *f, struct poll_wait *w)
{
	u32 ready = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM, now;
	const struct proc_event *e = event_of(f);

	if (!e)
		return ready;
	poll_on(w, e->waitq);
	now = atomic_load(e->count);
	if (now == *text_file_event(f))
		return POLLIN | POLLRDNORM;
	*text_file_event(f) = now;
	return POLLIN | POLLRDNORM | POLLERR | POLLPRI;
}

static const struct file_ops node_fops = {
	.open = node_open,
	.read = text_file_read,
	.write = text_file_write,
	.llseek = text_file_llseek,
	.poll = node_poll,
	.release = text_file_release,
};

/* ---- directories ---- */

static int node_lookup(struct inode *dir, struct dentry *d)
{
	struct proc_node *node = to_proc(dir)->node;
	struct proc_node *child = proc_node_find(node, &d->name);
	struct inode *inode;

	if (!child)
		return node == &proc_root ? proc_pid_lookup(dir, d) : (dentry_add(d, NULL), 0);
	inode = proc_node_inode(dir->super, child);
	if (!inode)
		return -ENOMEM;
	dentry_add(d, inode);
	return 0;
}

bool proc_emit_dots(struct file *f, struct dir_emit *e, u64 *pos)
{
	if (*pos == 0) {
		if (!e->emit(e, ".", 1, f->inode->ino, 4, 1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		u64 up = f->path.dentry->parent->inode->ino;

		if (!e->emit(e, "..", 2, up, 4, 2))
			return false;
		*pos = 2;
	}
	return true;
}

/* Cookies: 0, 1 the dots, 2 + n the n-th static name; the root goes on with processes. */
static int node_iterate(struct file *f, struct dir_emit *e, u64 *pos)
{
	const struct proc_node *dir = file_node(f);
	struct proc_node *n;
	u64 i = 2;

	if (!proc_emit_dots(f, e, pos))
		return 0;
	LIST_FOR_EACH(n, &dir->children, sibling) {
		if (i == *pos) {
			if (!e->emit(e, n->name, (u32)strlen(n->name), n->ino, (n->mode >> 12) & 15,
				     i + 1))
				return 0;
			*pos = i + 1;
		}
		i++;
	}
	return dir == &proc_root ? proc_pid_iterate(f->inode->super, e, pos) : 0;
}

static const char *node_get_link(struct inode *inode, struct dentry *d, void **done)
{
	return to_proc(inode)->node->target;
}

/* ---- attributes ---- */

static int node_setattr(struct inode *inode, const struct setattr *a)
{
	struct proc_node *n = to_proc(inode)->node;

	setattr_copy(inode, a);
	WRITE_ONCE(n->mode, inode->mode);
	WRITE_ONCE(n->uid, inode->uid);
	WRITE_ONCE(n->gid, inode->gid);
	return 0;
}

static int sys_setattr(struct inode *inode, const struct setattr *a)
{
	if (a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		return -EPERM;
	setattr_copy(inode, a);
	return 0;
}

/* Settings are for root by name: no capability opens them, and none is needed (capabilities(7)). */
static int sys_permission(struct inode *inode, int mask)
{
	const struct cred *c = current_cred();
	u32 want = (u32)mask & (MAY_READ | MAY_WRITE | MAY_EXEC), mode = inode->mode;

	if (c->euid == 0)
		mode >>= 6;
	else if (c->egid == 0 || cred_in_group(c, 0))
		mode >>= 3;
	return want & ~mode ? -EACCES : 0;
}

static const struct inode_ops node_dir_ops = { .lookup = node_lookup, .setattr = node_setattr };
static const struct inode_ops node_file_ops = { .setattr = node_setattr };
static const struct inode_ops node_link_ops = { .get_link = node_get_link, .setattr = node_setattr };
static const struct inode_ops sys_dir_ops = {
	.lookup = node_lookup,
	.setattr = sys_setattr,
	.permission = sys_permission,
};
static const struct inode_ops sys_file_ops = { .setattr = sys_setattr, .permission = sys_permission };
static const struct file_ops node_dir_fops = { .iterate = node_iterate };

struct inode *proc_node_inode(struct super *sb, struct proc_node *node)
{
	struct inode *inode = proc_inode_new(sb, node->ino, READ_ONCE(node->mode), NULL);

	if (!inode)
		return NULL;
	inode->uid = READ_ONCE(node->uid);
	inode->gid = READ_ONCE(node->gid);
	to_proc(inode)->node = node;
	if (mode_is_dir(node->mode)) {
		inode->ops = node->in_sys ? &sys_dir_ops : &node_dir_ops;
		inode->fops = &node_dir_fops;
	} else if (mode_is_lnk(node->mode)) {
		inode->ops = &node_link_ops;
	} else {
		inode->ops = node->in_sys ? &sys_file_ops : &node_file_ops;
		inode->fops = &node_fops;
	}
	return inode;
}
