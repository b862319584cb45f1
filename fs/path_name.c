// SPDX-License-Identifier: MIT
/*
 * Names in and out: path strings from user space, whole paths as getcwd(2) and
 * /proc show them, and where a thread stands (root, working directory, umask).
 */
#include <linux/fcntl.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

/* ---- in ---- */

char *path_name_get(const char __user *uname, bool empty_ok)
{
	char *name = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	ssize_t n;

	if (!name)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(name, uname, PATH_MAX_LEN);
	if (likely(n > 0 || (n == 0 && empty_ok)))
		return name;
	kfree(name);
	if (n == 0)
		return ERR_PTR(-ENOENT);
	return ERR_PTR(n == -E2BIG ? -ENAMETOOLONG : n);
}

void path_name_put(char *name)
{
	kfree(name);
}

int path_lookup_user(int dfd, const char __user *uname, u32 flags, struct path *out)
{
	char *name = path_name_get(uname, flags & LOOKUP_EMPTY);
	int err;

	if (IS_ERR(name))
		return (int)PTR_ERR(name);
	err = resolve_path(dfd, name, flags, out);
	path_name_put(name);
	return err;
}

int path_at_user(int dfd, const char __user *name, int at_flags, struct path *out)
{
	u32 flags = (at_flags & AT_SYMLINK_NOFOLLOW) ? 0 : LOOKUP_FOLLOW;

	if (at_flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	if (at_flags & AT_EMPTY_PATH)
		flags |= LOOKUP_EMPTY;
	return path_lookup_user(dfd, name, flags, out);
}

/* ---- out: built from the end of the buffer backwards ---- */

struct path_out {
	char *start, *at;
};

static bool prepend(struct path_out *o, const char *text, u32 len)
{
	if ((size_t)(o->at - o->start) < len)
		return false;
	o->at -= len;
	memcpy(o->at, text, len);
	return true;
}

static bool prepend_name(struct path_out *o, const struct dentry *d)
{
	const char *text;
	u32 len, seq;

	do {
		seq = seq_read_begin(&d->seq);
		text = READ_ONCE(d->name.name);
		len = READ_ONCE(d->name.len);
	} while (seq_read_retry(&d->seq, seq));
	return prepend(o, text, len) && prepend(o, "/", 1);
}

/* RCU.  0, -ENAMETOOLONG; *unreachable: it ends at no known root. */
static int build_path(const struct path *p, const struct path *root, struct path_out *o,
		      bool *unreachable)
{
	const struct dentry *d = p->dentry;
	const struct mount *m = p->mnt;
	const char *end = o->at;

	*unreachable = false;
	while (d != root->dentry || m != root->mnt) {
		const struct dentry *parent = READ_ONCE(d->parent);

		if (d == m->root || parent == d) {
			const struct mount *up = READ_ONCE(m->parent);
			const struct dentry *at = READ_ONCE(m->mountpoint);

			if (d != m->root || !up || !at) {
				*unreachable = true;
				break;
			}
			d = at;
			m = up;
			continue;
		}
		if (!prepend_name(o, d))
			return -ENAMETOOLONG;
		d = parent;
	}
	if (o->at == end && !prepend(o, "/", 1))
		return -ENAMETOOLONG;
	return 0;
}

/* Files that no directory holds name themselves. */
static char *format_pseudo(const struct dentry *d, char *buf, size_t size)
{
	struct strbuf text = STRBUF_INIT;
	char *at = ERR_PTR(-ENAMETOOLONG);

	d->ops->name((struct dentry *)d, &text);
	if (!text.error && text.len < size) {
		at = buf + size - text.len - 1;
		memcpy(at, strbuf_str(&text), text.len + 1);
	}
	strbuf_free(&text);
	return at;
}

char *path_format(const struct path *p, const struct path *root, char *buf, size_t size,
		  bool *unreachable)
{
	static const char deleted[] = " (deleted)";
	struct path_out o;
	u32 tries = 0, seq;
	u64 renames;
	bool un;
	int err;

	if (p->dentry->ops && p->dentry->ops->name) {
		if (unreachable)
			*unreachable = false;
		return format_pseudo(p->dentry, buf, size);
	}
	if (size < 2)
		return ERR_PTR(-ENAMETOOLONG);
	do {
		o = (struct path_out){ buf, buf + size - 1 };
		*o.at = '\0';
		if (!dentry_is_hashed(p->dentry) && p->dentry->parent != p->dentry &&
		    !prepend(&o, deleted, sizeof(deleted) - 1))
			return ERR_PTR(-ENAMETOOLONG);
		rcu_read_lock();
		renames = atomic_load(&rename_count);
		seq = seq_read_begin(&mount_seq);
		err = build_path(p, root, &o, &un);
		if (!seq_read_retry(&mount_seq, seq) && renames == atomic_load(&rename_count))
			tries = 100; /* nothing moved meanwhile */
		rcu_read_unlock();
	} while (++tries < 10);
	if (unreachable)
		*unreachable = un;
	return err ? ERR_PTR(err) : o.at;
}

long sys_getcwd(char __user *ubuf, unsigned long size)
{
	struct path root, cwd;
	bool unreachable;
	char *buf, *at;
	long n;

	buf = kmalloc(PATH_MAX_LEN + 16, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	fs_get_root(&root);
	fs_get_cwd(&cwd);
	if (!dentry_is_hashed(cwd.dentry) && cwd.dentry->parent != cwd.dentry) {
		n = -ENOENT;
		goto out;
	}
	at = path_format(&cwd, &root, buf + 16, PATH_MAX_LEN, &unreachable);
	n = PTR_ERR_OR_ZERO(at);
	if (n)
		goto out;
	if (unreachable) { /* outside of our root, as a chroot leaves it */
		at -= 13;
		if (at < buf) {
			n = -ENAMETOOLONG;
			goto out;
		}
		memcpy(at, "(unreachable)", 13);
	}
	n = (long)strlen(at) + 1;
	if ((unsigned long)n > size)
		n = -ERANGE;
	else if (copy_to_user(ubuf, at, (size_t)n))
		n = -EFAULT;
out:
	path_put(&cwd);
	path_put(&root);
	kfree(buf);
	return n;
}

/* ---- where a thread stands ---- */

void fs_get_root(struct path *out)
{
	struct fs_context *fs = current->fs;

	spin_lock(&fs->lock);
	*out = fs->root;
	if (out->dentry)
		path_get(out);
	spin_unlock(&fs->lock);
}

void fs_get_cwd(struct path *out)
{
	struct fs_context *fs = current->fs;

	spin_lock(&fs->lock);
	*out = fs->cwd;
	if (out->dentry)
		path_get(out);
	spin_unlock(&fs->lock);
}

struct fs_context *fs_context_copy(struct fs_context *old)
{
	struct fs_context *fs = kzalloc(sizeof(*fs), GFP_KERNEL);

	if (!fs)
		return NULL;
	ref_init(&fs->refs, 1);
	spin_init(&fs->lock, "fs_context", LR_LEAF);
	spin_lock(&old->lock);
	fs->root = old->root;
	fs->cwd = old->cwd;
	fs->umask = old->umask;
	if (fs->root.dentry) {
		path_get(&fs->root);
		path_get(&fs->cwd);
	}
	spin_unlock(&old->lock);
	return fs;
}

void fs_context_put(struct fs_context *fs)
{
	if (!ref_put(&fs->refs))
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kfree(fs);
}

/* Takes over @p's references. */
static void set_place(struct path *place, const struct path *p)
{
	struct path old;

	spin_lock(&current->fs->lock);
	old = *place;
	*place = *p;
	spin_unlock(&current->fs->lock);
	path_put(&old);
}

static int enter(struct path *p)
{
	int err = inode_permission(p->dentry->inode, MAY_EXEC);

	if (err)
		path_put(p);
	else
		set_place(&current->fs->cwd, p);
	return err;
}

long sys_chdir(const char __user *uname)
{
	struct path p;
	int err = path_lookup_user(AT_FDCWD, uname, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	return err ? err : enter(&p);
}

long sys_fchdir(unsigned int fd)
{
	struct fdref r = fd_ref_raw(fd);
	struct path p;

	if (!r.file)
		return -EBADF;
	p = r.file->path;
	path_get(&p);
	fd_unref(r);
	if (!mode_is_dir(p.dentry->inode->mode)) {
		path_put(&p);
		return -ENOTDIR;
	}
	return enter(&p);
}

long sys_chroot(const char __user *uname)
{
	struct path p;
	int err = path_lookup_user(AT_FDCWD, uname, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_EXEC);
	if (!err && !capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (err)
		path_put(&p);
	else
		set_place(&current->fs->root, &p);
	return err;
}

long sys_umask(int mask)
{
	u32 old = current->fs->umask;

	WRITE_ONCE(current->fs->umask, (u32)mask & 0777);
	return old;
}
