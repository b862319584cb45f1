// SPDX-License-Identifier: MIT
/* A mounted disk, used by path (volume.h). */
#include <stdlib.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <tarn/slab.h>
#include <tarn/thread.h>
#include "../../fs/internal.h"
#include "../../mm/pagecache_int.h"
#include "host.h"
#include "volume.h"

struct super *volume;

/* ---- mounting ---- */

int vol_mount(struct disk *d, bool read_only)
{
	struct mount_args args = { .source = d->bdev->name, .flags = read_only ? MS_RDONLY : 0 };
	const struct fs_type *type = fs_type_find("ext4");
	struct super *sb = type->mount(type, &args);

	assert(host_locks_free());
	if (IS_ERR(sb)) {
		host_rcu_barrier();
		return (int)PTR_ERR(sb);
	}
	volume = sb;
	return 0;
}

void vol_unmount(void)
{
	super_put(volume);
	volume = NULL;
	while (host_complete_io())
		;
	host_rcu_barrier();
	assert(host_locks_free());
}

int vol_remount(bool read_only)
{
	char none[1] = "";

	return super_remount(volume, read_only ? MS_RDONLY : 0, none);
}

int vol_sync(void)
{
	return super_sync(volume, true);
}

/* ---- walking ---- */

/* The child @name of @dir, perhaps negative, with a reference; the directory's lock is held. */
static struct dentry *look_up(struct dentry *dir, const struct qstr *name)
{
	struct dentry *d = dentry_lookup(dir, name);
	int err;

	if (d)
		return d;
	d = dentry_alloc(dir, name);
	if (!d)
		return ERR_PTR(-ENOMEM);
	err = dir->inode->ops->lookup ? dir->inode->ops->lookup(dir->inode, d) : -ENOTDIR;
	if (!err)
		return d;
	dentry_put(d);
	return ERR_PTR(err);
}

/* The directory that holds @path's last name, with a reference, and that name. */
static struct dentry *parent_of(const char *path, struct qstr *last)
{
	struct dentry *dir = volume->root, *next;
	const char *slash;

	dentry_get(dir);
	for (;; path = slash + 1) {
		slash = strchr(path, '/');
		*last = qstr_make(dir, path, (u32)(slash ? (size_t)(slash - path) : strlen(path)));
		if (!slash)
			break;
		rwsem_read_lock(&dir->inode->lock);
		next = look_up(dir, last);
		rwsem_read_unlock(&dir->inode->lock);
		dentry_put(dir);
		if (IS_ERR(next))
			return next;
		dir = next;
		if (!dir->inode || !mode_is_dir(dir->inode->mode)) {
			next = ERR_PTR(dir->inode ? -ENOTDIR : -ENOENT);
			dentry_put(dir);
			return next;
		}
	}
	return dir;
}

struct inode *vol_get(const char *path)
{
	struct inode *inode;
	struct qstr last;
	struct dentry *dir = parent_of(path, &last), *d;

	if (IS_ERR(dir))
		return ERR_CAST(dir);
	if (!last.len) {
		inode = dir->inode;
		inode_get(inode);
		dentry_put(dir);
		return inode;
	}
	rwsem_read_lock(&dir->inode->lock);
	d = look_up(dir, &last);
	rwsem_read_unlock(&dir->inode->lock);
	dentry_put(dir);
	if (IS_ERR(d))
		return ERR_CAST(d);
	inode = d->inode;
	if (inode)
		inode_get(inode);
	dentry_put(d);
	return inode ? inode : ERR_PTR(-ENOENT);
}

/* ---- names ---- */

struct place {
	struct dentry *dir, *d;
};

/* The directory locked, the name looked up.  0 or -errno. */
static int place_begin(struct place *p, const char *path) NO_LOCK_CHECK
{
	struct qstr last;
	int err;

	p->dir = parent_of(path, &last);
	if (IS_ERR(p->dir))
		return (int)PTR_ERR(p->dir);
	rwsem_write_lock(&p->dir->inode->lock);
	p->d = look_up(p->dir, &last);
	if (!IS_ERR(p->d))
		return 0;
	err = (int)PTR_ERR(p->d);
	rwsem_write_unlock(&p->dir->inode->lock);
	dentry_put(p->dir);
	return err;
}

static int place_end(struct place *p, int err) NO_LOCK_CHECK
{
	rwsem_write_unlock(&p->dir->inode->lock);
	dentry_put(p->d);
	dentry_put(p->dir);
	assert(host_locks_free());
	return err;
}

int vol_make(const char *path, mode_t mode)
{
	const struct inode_ops *ops;
	struct place p;
	int err = place_begin(&p, path);

	if (err)
		return err;
	ops = p.dir->inode->ops;
	if (p.d->inode)
		err = -EEXIST;
	else if (mode_is_dir(mode))
		err = ops->mkdir(p.dir->inode, p.d, mode);
	else if (mode_is_reg(mode))
		err = ops->create(p.dir->inode, p.d, mode);
	else
		err = ops->mknod(p.dir->inode, p.d, mode, KDEV(1, 3));
	return place_end(&p, err);
}

int vol_symlink(const char *target, const char *path)
{
	struct place p;
	int err = place_begin(&p, path);

	if (err)
		return err;
	err = p.d->inode ? -EEXIST : p.dir->inode->ops->symlink(p.dir->inode, p.d, target);
	return place_end(&p, err);
}

int vol_readlink(const char *path, char *buf, size_t size)
{
	struct inode *inode = vol_get(path);
	void *done = NULL;
	const char *text;
	int n = -EINVAL;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	if (inode->ops->get_link) {
		text = inode->ops->get_link(inode, NULL, &done);
		n = IS_ERR(text) ? (int)PTR_ERR(text) : (int)strscpy(buf, text, size);
		kfree(done);
	}
	inode_put(inode);
	return n;
}

int vol_link(const char *old, const char *path)
{
	struct inode *inode = vol_get(old);
	struct place p;
	int err;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	err = mode_is_dir(inode->mode) ? -EPERM : place_begin(&p, path); /* link(2) */
	if (!err) {
		rwsem_write_lock(&inode->lock);
		err = p.d->inode ? -EEXIST : p.dir->inode->ops->link(inode, p.dir->inode, p.d);
		rwsem_write_unlock(&inode->lock);
		place_end(&p, err);
	}
	inode_put(inode);
	return err;
}

static int remove_name(const char *path, bool dir)
{
	struct inode *inode;
	struct place p;
	int err = place_begin(&p, path);

	if (err)
		return err;
	inode = p.d->inode;
	if (!inode)
		return place_end(&p, -ENOENT);
	if (mode_is_dir(inode->mode) != dir)
		return place_end(&p, dir ? -ENOTDIR : -EISDIR);
	inode_get(inode);
	rwsem_write_lock_nested(&inode->lock);
	if (dir)
		err = p.dir->inode->ops->rmdir(p.dir->inode, p.d);
	else
		err = p.dir->inode->ops->unlink(p.dir->inode, p.d);
	if (!err && dir) {
		inode_set_dead(inode);
		dentry_prune_children(p.d);
	}
	rwsem_write_unlock(&inode->lock);
	if (!err)
		dentry_delete(p.d);
	place_end(&p, err);
	inode_put(inode);
	return err;
}

int vol_unlink(const char *path)
{
	return remove_name(path, false);
}

int vol_rmdir(const char *path)
{
	return remove_name(path, true);
}

struct inode *vol_tmpfile(const char *path)
{
	struct inode *dir = vol_get(path), *inode;
	int err;

	if (IS_ERR(dir))
		return dir;
	rwsem_write_lock(&dir->lock);
	err = dir->ops->tmpfile(dir, S_IFREG | 0600, &inode);
	rwsem_write_unlock(&dir->lock);
	inode_put(dir);
	return err ? ERR_PTR(err) : inode;
}

/* ---- renaming ---- */

static void move_dentries(struct dentry *old, struct dentry *dir, struct dentry *new, u32 flags)
{
	char *name = dentry_name_dup(&new->name), *other;

	if (flags & RENAME_EXCHANGE) {
		other = dentry_name_dup(&old->name);
		dentry_exchange(old, new, name, other);
		return;
	}
	if (new->inode && mode_is_dir(new->inode->mode)) {
		inode_set_dead(new->inode);
		dentry_prune_children(new);
	}
	dentry_drop(new);
	dentry_move(old, dir, name, new->name.len);
}

/* Directories and the names in them are locked as lock_rank.h says: nobody else is here, so "nested" will do. */
static int rename_locked(struct dentry *from, const struct qstr *a, struct dentry *to, const struct qstr *b,
			 u32 flags, struct inode **victim)
{
	struct dentry *old = look_up(from, a), *new;
	int err;

	if (IS_ERR(old))
		return (int)PTR_ERR(old);
	new = look_up(to, b);
	err = PTR_ERR_OR_ZERO(new);
	if (!err && (!old->inode || (!new->inode && (flags & RENAME_EXCHANGE))))
		err = -ENOENT;
	if (!err && dentry_is_below(to, old))
		err = -EINVAL;
	if (!err && new->inode && dentry_is_below(from, new)) /* a loop: the VFS lets no such through */
		err = flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (!err && new->inode && !(flags & RENAME_EXCHANGE) &&
	    mode_is_dir(new->inode->mode) != mode_is_dir(old->inode->mode))
		err = mode_is_dir(new->inode->mode) ? -EISDIR : -ENOTDIR;
	if (!err && old->inode != new->inode) {
		if (new->inode) {
			*victim = new->inode;
			inode_get(*victim);
		}
		err = from->inode->ops->rename(from->inode, old, to->inode, new, flags);
		if (!err)
			move_dentries(old, to, new, flags);
	}
	if (!IS_ERR(new))
		dentry_put(new);
	dentry_put(old);
	return err;
}

int vol_rename(const char *from, const char *to, u32 flags)
{
	struct inode *victim = NULL;
	struct dentry *a, *b;
	struct qstr name_a, name_b;
	int err;

	a = parent_of(from, &name_a);
	if (IS_ERR(a))
		return (int)PTR_ERR(a);
	b = parent_of(to, &name_b);
	if (IS_ERR(b)) {
		dentry_put(a);
		return (int)PTR_ERR(b);
	}
	mutex_lock(&volume->rename_lock);
	rwsem_write_lock(&a->inode->lock);
	if (b != a)
		rwsem_write_lock_nested(&b->inode->lock);
	err = rename_locked(a, &name_a, b, &name_b, flags, &victim);
	if (b != a)
		rwsem_write_unlock(&b->inode->lock);
	rwsem_write_unlock(&a->inode->lock);
	mutex_unlock(&volume->rename_lock);
	if (victim)
		inode_put(victim);
	dentry_put(a);
	dentry_put(b);
	return err;
}
