// SPDX-License-Identifier: MIT
/*
 * Names: lookup, create, link, unlink, mkdir, rmdir, rename, symlink, mknod,
 * tmpfile.
 *
 * Each operation is one handle.  What may drop an inode's last reference
 * (inode_put, which would open a handle to free it) comes after ext4_stop().
 *
 * Locks: VFS holds the directories' inode->lock and that of inodes which are
 * unlinked, linked or moved.
 */
#include <linux/fs.h>
#include <tarn/dentry.h>
#include "ext4.h"

#define CREDITS_NAME (CREDITS_DIR + CREDITS_ALLOC + 2 * CREDITS_INODE)

static int stop(struct ext4_handle *h, int err)
{
	int e = ext4_stop(h);

	return err ? err : e;
}

static int ext4_lookup(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = NULL;
	struct ext4_entry e;
	int err = ext4_dir_find(dir, &dentry->name, &e);
	u32 ino;

	if (err && err != -ENOENT)
		return err;
	if (!err) {
		ino = le32_to_cpu(e.de->ino);
		buffer_put(e.bh);
		if (ino == dir->ino)
			return ext4_corrupt(EXT4_FS(dir), dir->ino, "contains itself");
		inode = ext4_iget(dir->super, ino, 0);
		if (IS_ERR(inode))
			return (int)PTR_ERR(inode);
	}
	dentry_add(dentry, inode);
	return 0;
}

/* ---- new names ---- */

/* The end of every creating call: the name, the inode, the dentry; or everything undone. */
static int add_or_undo(struct ext4_handle *h, struct inode *dir, struct dentry *dentry,
		       struct inode *inode, int err)
{
	if (!err)
		err = ext4_dir_add(h, dir, &dentry->name, (u32)inode->ino, inode->mode);
	if (err)
		inode->nlink = 0;
	if (!err)
		err = ext4_write_inode(h, inode);
	err = stop(h, err);
	if (err) {
		inode->nlink = 0;
		inode_put(inode);
		return err;
	}
	dentry_instantiate(dentry, inode);
	return 0;
}

static int create_node(struct inode *dir, struct dentry *dentry, mode_t mode, kdev_t dev)
{
	struct ext4_handle h;
	struct inode *inode;
	int err = ext4_start(&h, EXT4_FS(dir), CREDITS_NAME);

	if (err)
		return err;
	inode = ext4_new_inode(&h, dir, mode);
	if (IS_ERR(inode))
		return stop(&h, (int)PTR_ERR(inode));
	inode->rdev = dev;
	ext4_set_ops(inode);
	return add_or_undo(&h, dir, dentry, inode, 0);
}

static int ext4_create(struct inode *dir, struct dentry *dentry, mode_t mode)
{
	return create_node(dir, dentry, (mode & ~(mode_t)S_IFMT) | S_IFREG, 0);
}

static int ext4_mknod(struct inode *dir, struct dentry *dentry, mode_t mode, kdev_t dev)
{
	return create_node(dir, dentry, mode, dev);
}

static int ext4_tmpfile(struct inode *dir, mode_t mode, struct inode **out)
{
	struct ext4_handle h;
	struct inode *inode;
	int err;

	if (!dir->nlink) /* a removed directory */
		return -EPERM;
	err = ext4_start(&h, EXT4_FS(dir), CREDITS_NAME);
	if (err)
		return err;
	inode = ext4_new_inode(&h, dir, (mode & ~(mode_t)S_IFMT) | S_IFREG);
	if (IS_ERR(inode))
		return stop(&h, (int)PTR_ERR(inode));
	ext4_set_ops(inode);
	inode->nlink = 0;
	err = ext4_orphan_add(&h, inode);
	if (!err)
		err = ext4_write_inode(&h, inode);
	err = stop(&h, err);
	if (err)
		inode_put(inode);
	else
		*out = inode;
	return err;
}

/* Longer targets have a block, which is metadata: it never is in the page cache. */
static int write_target(struct ext4_handle *h, struct inode *inode, const char *target, u32 len)
{
	struct ext4_map map = { .len = 1 };
	struct buffer *bh;
	int err;

	if (ext4_has_incompat(h->fs, INCOMPAT_EXTENTS)) {
		EXT4_I(inode)->flags |= IFL_EXTENTS;
		ext4_extent_init(inode);
	}
	err = ext4_map_blocks(h, inode, &map, MAP_CREATE);
	if (err)
		return err;
	bh = ext4_new_buffer(h, inode, map.pblk);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	memcpy(bh->data, target, len);
	ext4_dirty(h, bh);
	buffer_put(bh);
	return 0;
}

static int ext4_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	size_t len = strlen(target);
	struct ext4_handle h;
	struct inode *inode;
	int err;

	if (len >= EXT4_FS(dir)->block_size)
		return -ENAMETOOLONG;
	err = ext4_start(&h, EXT4_FS(dir), CREDITS_NAME + CREDITS_ALLOC);
	if (err)
		return err;
	inode = ext4_new_inode(&h, dir, S_IFLNK | 0777);
	if (IS_ERR(inode))
		return stop(&h, (int)PTR_ERR(inode));
	ext4_set_ops(inode);
	atomic_store(&inode->size, len);
	if (len < sizeof(EXT4_I(inode)->block)) {
		memcpy(EXT4_I(inode)->block, target, len + 1);
		inode->link = (const char *)EXT4_I(inode)->block;
	} else {
		err = write_target(&h, inode, target, (u32)len);
	}
	return add_or_undo(&h, dir, dentry, inode, err);
}

static const char *ext4_get_link(struct inode *inode, struct dentry *dentry, void **done)
{
	struct ext4_map map = { .len = 1 };
	u64 size = inode_size(inode);
	struct buffer *bh;
	char *text;
	int err;

	if (inode->link)
		return inode->link;
	err = ext4_map_blocks(NULL, inode, &map, 0);
	if (err)
		return ERR_PTR(err);
	if (map.flags != MAP_MAPPED || size >= EXT4_FS(inode)->block_size)
		return ERR_PTR(ext4_corrupt(EXT4_FS(inode), inode->ino, "symlink without its text"));
	bh = ext4_bread(EXT4_FS(inode), map.pblk);
	if (IS_ERR(bh))
		return ERR_CAST(bh);
	text = kmalloc(size + 1, GFP_KERNEL);
	if (text) {
		memcpy(text, bh->data, size);
		text[size] = 0;
	}
	buffer_put(bh);
	*done = text;
	return text ? text : ERR_PTR(-ENOMEM);
}

/* ---- link counts of directories ---- */

/* Only with dir_nlink, which no kernel turns on by itself, and an index are there more than can be counted. */
static bool dir_full(const struct inode *dir)
{
	return dir->nlink >= LINKS_MAX && !(ext4_has_ro(EXT4_FS(dir), RO_DIR_NLINK) &&
					    (EXT4_I(dir)->flags & IFL_INDEX));
}

/* One subdirectory more, after dir_full().  A count of 1 says "too many to count" and stays. */
static void dir_link_add(struct inode *dir)
{
	if (dir->nlink == 1)
		return;
	dir->nlink = dir->nlink >= LINKS_MAX ? 1 : dir->nlink + 1;
}

static void dir_link_drop(struct inode *dir)
{
	if (dir->nlink > 2)
		dir->nlink--;
}

static int ext4_mkdir(struct inode *dir, struct dentry *dentry, mode_t mode)
{
	struct ext4_handle h;
	struct inode *inode;
	u32 links = dir->nlink;
	int err;

	if (dir_full(dir))
		return -EMLINK;
	err = ext4_start(&h, EXT4_FS(dir), CREDITS_NAME + CREDITS_ALLOC);
	if (err)
		return err;
	inode = ext4_new_inode(&h, dir, (mode & ~(mode_t)S_IFMT) | S_IFDIR);
	if (IS_ERR(inode))
		return stop(&h, (int)PTR_ERR(inode));
	ext4_set_ops(inode);
	inode->nlink = 2;
	err = ext4_dir_make_empty(&h, inode, (u32)dir->ino);
	if (!err)
		err = ext4_write_inode(&h, inode);
	if (!err)
		dir_link_add(dir); /* written with the directory, by ext4_dir_add */
	err = add_or_undo(&h, dir, dentry, inode, err);
	if (err && dir->nlink != links) {
		dir->nlink = links;
		inode_mark_dirty(dir);
	}
	return err;
}

static int ext4_link(struct inode *old, struct inode *dir, struct dentry *dentry)
{
	struct ext4_handle h;
	int err;

	if (old->nlink >= LINKS_MAX)
		return -EMLINK;
	err = ext4_start(&h, EXT4_FS(dir), CREDITS_NAME);
	if (err)
		return err;
	err = ext4_dir_add(&h, dir, &dentry->name, (u32)old->ino, old->mode);
	if (!err) {
		inode_touch(old, ATTR_CTIME);
		if (old->nlink++ == 0) /* from O_TMPFILE */
			err = ext4_orphan_del(&h, old);
		if (!err)
			err = ext4_write_inode(&h, old);
	}
	err = stop(&h, err);
	if (!err) {
		inode_get(old);
		dentry_instantiate(dentry, old);
	}
	return err;
}

/* ---- names that go ---- */

/* The entry of @dentry, which must be its inode's. */
static int find_entry(struct inode *dir, struct dentry *dentry, struct ext4_entry *e)
{
	int err = ext4_dir_find(dir, &dentry->name, e);

	if (err)
		return err;
	if (le32_to_cpu(e->de->ino) == dentry->inode->ino)
		return 0;
	buffer_put(e->bh);
	return ext4_corrupt(EXT4_FS(dir), dir->ino, "an entry changed under us");
}

/* One link less, within a handle. */
static int drop_link(struct ext4_handle *h, struct inode *inode, bool all)
{
	int err = 0;

	inode_touch(inode, ATTR_CTIME);
	if (all)
		inode->nlink = 0;
	else if (inode->nlink)
		inode->nlink--;
	if (!inode->nlink)
		err = ext4_orphan_add(h, inode);
	return err ? err : ext4_write_inode(h, inode);
}

static int ext4_unlink(struct inode *dir, struct dentry *dentry)
{
	struct ext4_handle h;
	struct ext4_entry e;
	int err = ext4_start(&h, EXT4_FS(dir), CREDITS_NAME);

	if (err)
		return err;
	err = find_entry(dir, dentry, &e);
	if (!err) {
		err = ext4_dir_remove(&h, dir, &e);
		buffer_put(e.bh);
		if (!err)
			err = drop_link(&h, dentry->inode, false);
	}
	return stop(&h, err);
}

static int ext4_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct ext4_handle h;
	struct ext4_entry e;
	int err = ext4_dir_is_empty(dentry->inode);

	if (err != 1)
		return err ? err : -ENOTEMPTY;
	err = ext4_start(&h, EXT4_FS(dir), CREDITS_NAME);
	if (err)
		return err;
	err = find_entry(dir, dentry, &e);
	if (!err) {
		u32 links = dir->nlink;

		dir_link_drop(dir);
		err = ext4_dir_remove(&h, dir, &e);
		buffer_put(e.bh);
		if (err)
			dir->nlink = links;
		else
			err = drop_link(&h, dentry->inode, true);
	}
	return stop(&h, err);
}

/* ---- rename ---- */

/* A moved directory's ".." */
static int set_parent(struct ext4_handle *h, struct inode *inode, struct inode *parent)
{
	struct ext4_entry e;
	int err = ext4_dir_find_dotdot(inode, &e);

	if (err)
		return err;
	err = ext4_access(h, e.bh);
	if (!err)
		ext4_dir_set(h, inode, &e, (u32)parent->ino, S_IFDIR);
	buffer_put(e.bh);
	return err;
}

static int set_entry(struct ext4_handle *h, struct inode *dir, struct ext4_entry *e,
		     struct inode *inode)
{
	int err = ext4_access(h, e->bh);

	if (err)
		return err;
	ext4_dir_set(h, dir, e, (u32)inode->ino, inode->mode);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return ext4_write_inode(h, dir);
}

/* The new name leads to @inode; what it led to before loses a link. */
static int take_over(struct ext4_handle *h, struct inode *new_dir, struct dentry *new_dentry,
		     struct inode *inode)
{
	struct inode *victim = new_dentry->inode;
	struct ext4_entry e;
	int err;

	if (!victim)
		return ext4_dir_add(h, new_dir, &new_dentry->name, (u32)inode->ino, inode->mode);
	err = find_entry(new_dir, new_dentry, &e);
	if (err)
		return err;
	err = set_entry(h, new_dir, &e, inode);
	buffer_put(e.bh);
	return err ? err : drop_link(h, victim, mode_is_dir(victim->mode));
}

/* The old name goes, or leads to @whiteout. */
static int leave_old(struct ext4_handle *h, struct inode *dir, struct dentry *old,
		     struct inode *whiteout)
{
	struct ext4_entry e;
	/* Looked up again: adding the new name may have split this block. */
	int err = find_entry(dir, old, &e);

	if (err)
		return err;
	err = whiteout ? ext4_write_inode(h, whiteout) : 0;
	if (!err)
		err = whiteout ? set_entry(h, dir, &e, whiteout) : ext4_dir_remove(h, dir, &e);
	buffer_put(e.bh);
	return err;
}

/* RENAME_WHITEOUT: a device 0:0, which union file systems take for "nothing below, either".  NULL: not asked. */
static struct inode *whiteout_new(struct ext4_handle *h, struct inode *dir, u32 flags)
{
	struct inode *inode;

	if (!(flags & RENAME_WHITEOUT))
		return NULL;
	inode = ext4_new_inode(h, dir, S_IFCHR);
	if (!IS_ERR(inode))
		ext4_set_ops(inode);
	return inode;
}

static int do_rename(struct ext4_handle *h, struct inode *old_dir, struct dentry *old,
		     struct inode *new_dir, struct dentry *new_dentry, struct inode *whiteout)
{
	struct inode *inode = old->inode;
	bool moved_dir = mode_is_dir(inode->mode) && old_dir != new_dir;
	bool victim_dir = new_dentry->inode && mode_is_dir(new_dentry->inode->mode);
	u32 links = new_dir->nlink;
	int err;

	if (moved_dir && !victim_dir) /* in a victim's place it adds nothing: that may be full */
		dir_link_add(new_dir);
	else if (!moved_dir && victim_dir)
		dir_link_drop(new_dir);
	err = take_over(h, new_dir, new_dentry, inode); /* writes new_dir */
	if (err) {
		new_dir->nlink = links;
		return err;
	}
	if (moved_dir) {
		err = set_parent(h, inode, new_dir);
		dir_link_drop(old_dir);
	}
	inode_touch(inode, ATTR_CTIME);
	if (!err)
		err = ext4_write_inode(h, inode);
	return err ? err : leave_old(h, old_dir, old, whiteout);
}

static int exchange(struct ext4_handle *h, struct inode *old_dir, struct dentry *old,
		    struct inode *new_dir, struct dentry *new_dentry)
{
	struct inode *a = old->inode, *b = new_dentry->inode;
	bool a_dir = mode_is_dir(a->mode), b_dir = mode_is_dir(b->mode);
	struct ext4_entry ea, eb;
	int err = find_entry(old_dir, old, &ea);

	if (err)
		return err;
	err = find_entry(new_dir, new_dentry, &eb);
	if (err) {
		buffer_put(ea.bh);
		return err;
	}
	if (old_dir != new_dir && a_dir != b_dir) {
		dir_link_add(a_dir ? new_dir : old_dir);
		dir_link_drop(a_dir ? old_dir : new_dir);
	}
	err = set_entry(h, old_dir, &ea, b);
	if (!err)
		err = set_entry(h, new_dir, &eb, a);
	buffer_put(ea.bh);
	buffer_put(eb.bh);
	if (!err && old_dir != new_dir && a_dir)
		err = set_parent(h, a, new_dir);
	if (!err && old_dir != new_dir && b_dir)
		err = set_parent(h, b, old_dir);
	inode_touch(a, ATTR_CTIME);
	inode_touch(b, ATTR_CTIME);
	if (!err)
		err = ext4_write_inode(h, a);
	return err ? err : ext4_write_inode(h, b);
}

/* Would one of the directories have a subdirectory too many? */
static bool rename_overfills(struct inode *old_dir, const struct inode *inode, struct inode *new_dir,
			     const struct inode *victim, bool swap)
{
	bool goes = mode_is_dir(inode->mode), comes = victim && mode_is_dir(victim->mode);

	if (old_dir == new_dir || goes == comes)
		return false;
	return goes ? dir_full(new_dir) : swap && dir_full(old_dir);
}

static int ext4_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		       struct dentry *new_dentry, u32 flags)
{
	struct inode *inode = old->inode, *victim = new_dentry->inode, *whiteout;
	bool swap = flags & RENAME_EXCHANGE;
	struct ext4_handle h;
	int err;

	if (victim == inode)
		return 0;
	if (swap && !victim)
		return -ENOENT;
	if (!swap && victim && mode_is_dir(victim->mode)) {
		err = ext4_dir_is_empty(victim);
		if (err != 1)
			return err ? err : -ENOTEMPTY;
	}
	if (rename_overfills(old_dir, inode, new_dir, victim, swap))
		return -EMLINK;
	err = ext4_start(&h, EXT4_FS(old_dir), 3 * CREDITS_NAME);
	if (err)
		return err;
	whiteout = whiteout_new(&h, old_dir, flags);
	err = PTR_ERR_OR_ZERO(whiteout);
	if (err)
		return stop(&h, err);
	err = swap ? exchange(&h, old_dir, old, new_dir, new_dentry) :
		     do_rename(&h, old_dir, old, new_dir, new_dentry, whiteout);
	err = stop(&h, err);
	if (whiteout) {
		if (err)
			whiteout->nlink = 0;
		inode_put(whiteout);
	}
	return err;
}

const struct inode_ops ext4_dir_inode_ops = {
	.lookup = ext4_lookup,
	.create = ext4_create,
	.link = ext4_link,
	.unlink = ext4_unlink,
	.symlink = ext4_symlink,
	.mkdir = ext4_mkdir,
	.rmdir = ext4_rmdir,
	.mknod = ext4_mknod,
	.rename = ext4_rename,
	.setattr = ext4_setattr,
	.getattr = ext4_getattr,
	.tmpfile = ext4_tmpfile,
	.getxattr = ext4_getxattr,
	.setxattr = ext4_setxattr,
	.listxattr = ext4_listxattr,
};

const struct inode_ops ext4_symlink_inode_ops = {
	.get_link = ext4_get_link,
	.setattr = ext4_setattr,
	.getattr = ext4_getattr,
	.getxattr = ext4_getxattr,
	.setxattr = ext4_setxattr,
	.listxattr = ext4_listxattr,
};
