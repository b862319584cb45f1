// SPDX-License-Identifier: MIT
/* Directories of tmpfs.  The directory's inode->lock is held exclusively, or shared to read. */
#include <abi_fs.h>
#include <linux/fs.h>
#include <tarn/string.h>

#include "../internal.h"
#include "tmpfs.h"

#define ENTRY_SIZE 20 /* what an entry adds to the directory's st_size, as Linux shows it */

static u64 cookie_of(const struct dentry *d)
{
	return (u64)(ulong)d->private;
}

static int lookup(struct inode *dir, struct dentry *d)
{
	dentry_add(d, NULL);
	return 0;
}

static int add_cookie(struct inode *dir, struct dentry *d)
{
	struct tmpfs_inode *t = TI(dir);
	int err = radix_insert(&t->entries, t->next_cookie, d);

	if (err)
		return err;
	d->private = (void *)(ulong)t->next_cookie++;
	atomic_fetch_add(&dir->size, ENTRY_SIZE);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

static void drop_cookie(struct inode *dir, struct dentry *d)
{
	radix_delete(&TI(dir)->entries, cookie_of(d));
	atomic_fetch_sub(&dir->size, ENTRY_SIZE);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
}

static void pin(struct dentry *d)
{
	dentry_get(d);
	atomic_fetch_or(&d->flags, DF_PINNED);
}

/* The caller still has a reference of his own. */
static void unpin(struct dentry *d)
{
	if (atomic_fetch_and(&d->flags, ~(u32)DF_PINNED) & DF_PINNED)
		dentry_put(d);
}

/* @inode (taken over) becomes @d's. */
static int insert(struct inode *dir, struct dentry *d, struct inode *inode)
{
	int err;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	err = add_cookie(dir, d);
	if (err) {
		inode->nlink = 0;
		inode_put(inode);
		return err;
	}
	dentry_instantiate(d, inode);
	pin(d);
	return 0;
}

static int mknod(struct inode *dir, struct dentry *d, mode_t mode, kdev_t dev)
{
	return insert(dir, d, tmpfs_new_inode(dir->super, dir, mode, dev));
}

static int create(struct inode *dir, struct dentry *d, mode_t mode)
{
	return mknod(dir, d, mode, 0);
}

static int mkdir(struct inode *dir, struct dentry *d, mode_t mode)
{
	int err = mknod(dir, d, mode, 0);

	if (!err)
		dir->nlink++;
	return err;
}

static int symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct inode *inode;
	char *text;

	if (strlen(target) >= TMPFS_LONG_LINK && tmpfs_full(dir->super, 1))
		return -ENOSPC;
	inode = tmpfs_new_inode(dir->super, dir, S_IFLNK | 0777, 0);
	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	text = kstrdup(target, GFP_KERNEL);
	if (!text) {
		inode->nlink = 0;
		inode_put(inode);
		return -ENOMEM;
	}
	inode->link = text;
	atomic_store(&inode->size, strlen(text));
	tmpfs_account(inode);
	return insert(dir, d, inode);
}

static int link(struct inode *old, struct inode *dir, struct dentry *d)
{
	int err = add_cookie(dir, d);

	if (err)
		return err;
	inode_get(old);
	old->nlink++;
	inode_touch(old, ATTR_CTIME);
	dentry_instantiate(d, old);
	pin(d);
	return 0;
}

static int unlink(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->inode;

	drop_cookie(dir, d);
	inode->nlink--;
	inode_touch(inode, ATTR_CTIME);
	unpin(d);
	return 0;
}

static bool is_empty(struct inode *dir)
{
	return radix_empty(&TI(dir)->entries);
}

static int rmdir(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->inode;

	if (!is_empty(inode))
		return -ENOTEMPTY;
	drop_cookie(dir, d);
	inode->nlink = 0;
	dir->nlink--;
	inode_touch(inode, ATTR_CTIME);
	unpin(d);
	return 0;
}

/* ---- rename ---- */

static void move_nlink(struct inode *old_dir, struct inode *new_dir, const struct inode *what)
{
	if (old_dir != new_dir && mode_is_dir(what->mode)) {
		old_dir->nlink--;
		new_dir->nlink++;
	}
}

static int exchange(struct inode *old_dir, struct dentry *a, struct inode *new_dir, struct dentry *b)
{
	void *cookie = a->private;

	radix_replace(&TI(old_dir)->entries, cookie_of(a), b);
	radix_replace(&TI(new_dir)->entries, cookie_of(b), a);
	a->private = b->private;
	b->private = cookie;
	move_nlink(old_dir, new_dir, a->inode);
	move_nlink(new_dir, old_dir, b->inode);
	inode_touch(b->inode, ATTR_CTIME);
	return 0;
}

/* @old takes the target's place among the entries, and its cookie. */
static void replace(struct inode *new_dir, struct dentry *old, struct dentry *target)
{
	struct inode *inode = target->inode;

	radix_replace(&TI(new_dir)->entries, cookie_of(target), old);
	old->private = target->private;
	if (mode_is_dir(inode->mode)) {
		inode->nlink = 0;
		new_dir->nlink--;
	} else {
		inode->nlink--;
	}
	inode_touch(inode, ATTR_CTIME);
	unpin(target);
}

/* What RENAME_WHITEOUT leaves under the old name: a device 0:0, here not yet to be found.  ERR_PTR; NULL: not asked. */
static struct dentry *whiteout_alloc(struct inode *dir, const struct dentry *old, u32 flags)
{
	struct inode *inode;
	struct dentry *w;

	if (!(flags & RENAME_WHITEOUT))
		return NULL;
	inode = tmpfs_new_inode(dir->super, dir, S_IFCHR, 0);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	w = dentry_alloc(old->parent, &old->name);
	if (!w) {
		inode->nlink = 0;
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	dentry_attach(w, inode);
	return w;
}

static void whiteout_free(struct dentry *w)
{
	if (w) {
		w->inode->nlink = 0;
		dentry_put(w);
	}
}

/*
 * What was @dir's entry @cookie has a new one: the old goes, or becomes the
 * whiteout @w's.  That is hashed while the moved dentry still has the name, too:
 * who looks without the lock finds the one or the other.
 */
static void leave(struct inode *dir, u64 cookie, struct dentry *w)
{
	if (!w) {
		radix_delete(&TI(dir)->entries, cookie);
		atomic_fetch_sub(&dir->size, ENTRY_SIZE);
		return;
	}
	radix_replace(&TI(dir)->entries, cookie, w);
	w->private = (void *)(ulong)cookie;
	dentry_hash(w);
	pin(w);
	dentry_put(w);
}

static int move(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		struct dentry *target, u32 flags)
{
	u64 old_cookie = cookie_of(old);
	struct dentry *w;
	int err = 0;

	if (target->inode && mode_is_dir(target->inode->mode) && !is_empty(target->inode))
		return -ENOTEMPTY;
	w = whiteout_alloc(old_dir, old, flags);
	if (IS_ERR(w))
		return (int)PTR_ERR(w);
	if (target->inode)
		replace(new_dir, old, target);
	else
		err = add_cookie(new_dir, old);
	if (err) {
		whiteout_free(w);
		return err;
	}
	leave(old_dir, old_cookie, w);
	move_nlink(old_dir, new_dir, old->inode);
	return 0;
}

static int rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		  struct dentry *target, u32 flags)
{
	int err = flags & RENAME_EXCHANGE ? exchange(old_dir, old, new_dir, target) :
					    move(old_dir, old, new_dir, target, flags);

	if (err)
		return err;
	inode_touch(old_dir, ATTR_MTIME | ATTR_CTIME);
	inode_touch(new_dir, ATTR_MTIME | ATTR_CTIME);
	inode_touch(old->inode, ATTR_CTIME);
	return 0;
}

static int tmpfile(struct inode *dir, mode_t mode, struct inode **out)
{
	struct inode *inode = tmpfs_new_inode(dir->super, dir, mode, 0);

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	inode->nlink = 0;
	*out = inode;
	return 0;
}

/* ---- reading ---- */

static bool emit_dots(struct file *f, struct dir_emit *e, u64 *pos)
{
	const struct dentry *d = f->path.dentry;

	if (*pos == 0) {
		if (!e->emit(e, ".", 1, d->inode->ino, DT_DIR, 1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!e->emit(e, "..", 2, d->parent->inode->ino, DT_DIR, FIRST_COOKIE))
			return false;
		*pos = FIRST_COOKIE;
	}
	return true;
}

static int iterate(struct file *f, struct dir_emit *e, u64 *pos)
{
	struct tmpfs_inode *t = TI(f->inode);
	void *batch[16];

	if (!emit_dots(f, e, pos))
		return 0;
	for (;;) {
		unsigned n = radix_gang_lookup(&t->entries, batch, NULL, *pos, ~0ull,
					       ARRAY_SIZE(batch));

		for (unsigned i = 0; i < n; i++) {
			struct dentry *d = batch[i];
			u64 next = cookie_of(d) + 1;

			if (!e->emit(e, d->name.name, d->name.len, d->inode->ino,
				     MODE_TO_DT(d->inode->mode), next))
				return 0;
			*pos = next;
		}
		if (n < ARRAY_SIZE(batch))
			return 0;
	}
}

static loff_t dir_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	if (whence == SEEK_CUR && __builtin_add_overflow(offset, f->pos, &offset))
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	f->pos = offset;
	return offset;
}

static int nothing_to_sync(struct file *f, u64 first, u64 last, bool datasync)
{
	return 0;
}

const struct inode_ops tmpfs_dir_ops = {
	.lookup = lookup,
	.create = create,
	.link = link,
	.unlink = unlink,
	.symlink = symlink,
	.mkdir = mkdir,
	.rmdir = rmdir,
	.mknod = mknod,
	.rename = rename,
	.tmpfile = tmpfile,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
};

const struct file_ops tmpfs_dir_fops = {
	.iterate = iterate,
	.llseek = dir_llseek,
	.fsync = nothing_to_sync,
};
