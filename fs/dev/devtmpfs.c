// SPDX-License-Identifier: MIT
/*
 * devtmpfs: a tmpfs that the kernel fills with a node for each device.
 *
 * There is one instance; every mount shows it.  devtmpfs_add() works before
 * anybody mounts it and makes the folders a name like "input/mice" needs.
 */
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <tarn/device.h>
#include <tarn/string.h>

#include "../internal.h"
#include "../tmpfs/tmpfs.h"

static struct super *devtmpfs; /* [I] from devfs_init() on, with a reference for ever */

static struct super *devtmpfs_mount(const struct fs_type *type, const struct mount_args *args)
{
	if (!super_get_active(devtmpfs))
		return ERR_PTR(-ENODEV);
	return devtmpfs;
}

static const struct fs_type devtmpfs_fs = {
	.name = "devtmpfs",
	.mount = devtmpfs_mount,
};
SECTION_SET(filesystems, devtmpfs_fs);

/* The child @name of @dir, made a directory if @make; dir's lock held.  ERR_PTR. */
static struct dentry *child_dir(struct dentry *dir, const struct qstr *name, bool make)
{
	struct dentry *d = lookup_locked(dir, name, 0);
	int err = 0;

	if (IS_ERR(d))
		return d;
	if (!d->inode)
		err = make ? dir->inode->ops->mkdir(dir->inode, d, S_IFDIR | 0755) : -ENOENT;
	else if (!mode_is_dir(d->inode->mode))
		err = -ENOTDIR;
	if (err) {
		dentry_put(d);
		return ERR_PTR(err);
	}
	return d;
}

/* The directory that @name's last part belongs in, with a reference; *last is that part. */
static struct dentry *parent_of(const char *name, bool make, const char **last)
{
	struct dentry *dir = devtmpfs->root, *next;
	const char *slash;

	dentry_get(dir);
	while ((slash = strchr(name, '/')) != NULL) {
		struct qstr q = qstr_make(dir, name, (u32)(slash - name));

		rwsem_write_lock(&dir->inode->lock);
		next = child_dir(dir, &q, make);
		rwsem_write_unlock(&dir->inode->lock);
		dentry_put(dir);
		if (IS_ERR(next))
			return next;
		dir = next;
		name = slash + 1;
	}
	*last = name;
	return dir;
}

int devtmpfs_add(const char *name, mode_t mode, kdev_t dev)
{
	const char *last;
	struct dentry *dir = parent_of(name, true, &last), *d;
	struct qstr q;
	int err;

	if (IS_ERR(dir))
		return (int)PTR_ERR(dir);
	q = qstr_make(dir, last, (u32)strlen(last));
	rwsem_write_lock(&dir->inode->lock);
	d = lookup_locked(dir, &q, 0);
	err = PTR_ERR_OR_ZERO(d);
	if (!err) {
		err = d->inode ? -EEXIST : dir->inode->ops->mknod(dir->inode, d, mode, dev);
		if (!err) /* whoever runs: devices are root's */
			inode_set_owner(d->inode, (struct owner){ .mode = mode });
		dentry_put(d);
	}
	rwsem_write_unlock(&dir->inode->lock);
	dentry_put(dir);
	return err;
}

void devfs_init(void)
{
	devtmpfs = tmpfs_make_super(&devtmpfs_fs, "mode=755");
	if (IS_ERR(devtmpfs))
		panic("no memory for devtmpfs");
	memdev_init();
}
