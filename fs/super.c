// SPDX-License-Identifier: MIT
/*
 * Super blocks: file systems in use, shared by all their mounts.
 *
 * Life:  alive (refs > 0: mounts) -> shut down (dead) -> freed
 *   The last super_put shuts down at once, in the caller's time, so that a
 *   device is free when umount(2) returns: caches are emptied, everything is
 *   written, put_super runs.  Visitors of the list (sync, the flusher) hold
 *   only `passive`, take umount_lock shared and look at `dead`.
 */
#include <linux/mount.h>
#include <tarn/block.h>
#include <tarn/idr.h>
#include <tarn/inode.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/strbuf.h>
#include <tarn/super.h>
#include <tarn/thread.h>

#include "internal.h"

static struct spinlock supers_lock = SPINLOCK_INIT("supers", LR_LEAF);
static struct list supers GUARDED_BY(&supers_lock) = LIST_INIT(supers);
static struct spinlock anon_dev_lock = SPINLOCK_INIT("anon_dev", LR_INODE_HASH);
static struct idr anon_devs GUARDED_BY(&anon_dev_lock) = IDR_INIT;

const struct fs_type *fs_type_find(const char *name)
{
	SET_FOR_EACH(const struct fs_type, type, filesystems)
		if (str_eq(type->name, name))
			return type;
	return NULL;
}

/* Major 0: minors from 1 up, as for every file system without a device. */
static kdev_t anon_dev_take(void)
{
	int id;

	spin_lock(&anon_dev_lock);
	id = idr_alloc(&anon_devs, &anon_devs, 1, 0xfffff);
	spin_unlock(&anon_dev_lock);
	return id < 0 ? 0 : KDEV(0, id);
}

static void anon_dev_release(kdev_t dev)
{
	if (KDEV_MAJOR(dev) != 0 || dev == 0)
		return;
	spin_lock(&anon_dev_lock);
	idr_remove(&anon_devs, KDEV_MINOR(dev));
	spin_unlock(&anon_dev_lock);
}

struct super *super_alloc(const struct fs_type *type, const struct super_ops *ops, kdev_t dev)
{
	struct super *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return NULL;
	sb->type = type;
	sb->ops = ops;
	sb->dev = dev ? dev : anon_dev_take();
	sb->block_size = PAGE_SIZE;
	sb->max_bytes = 0x7ffffffffffff000ull;
	sb->time_gran = 1;
	strscpy(sb->id, type->name, sizeof(sb->id));
	ref_init(&sb->refs, 1);
	ref_init(&sb->passive, 1);
	rwsem_init(&sb->umount_lock, "umount", LR_SB_UMOUNT);
	mutex_init(&sb->rename_lock, "rename", LR_RENAME);
	spin_init(&sb->inodes_lock, "super_inodes", LR_INODE_SPIN);
	list_init(&sb->inodes);
	list_init(&sb->dirty);
	spin_lock(&supers_lock);
	list_add_tail(&supers, &sb->all_node);
	spin_unlock(&supers_lock);
	return sb;
}

static void super_free_rcu(struct rcu_head *h)
{
	kfree(container_of(h, struct super, rcu));
}

/* Walks under RCU may still look at the struct through an inode. */
static void passive_put(struct super *sb)
{
	if (!ref_put(&sb->passive))
		return;
	spin_lock(&supers_lock);
	list_del(&sb->all_node);
	spin_unlock(&supers_lock);
	rcu_call(&sb->rcu, super_free_rcu);
}

/* Writes what is dirty: pages and attributes of each inode, then what the file system keeps itself. */
static int sync_inodes(struct super *sb, bool wait)
{
	struct inode *inode;
	int err = 0, e;
	u64 limit;

	/* Those dirtied after we began are left: a busy writer must not keep us for ever. */
	limit = clock_monotonic();
	for (;;) {
		spin_lock(&sb->inodes_lock);
		inode = list_first(&sb->dirty, struct inode, dirty_node);
		if (!inode || inode->dirtied_at > limit) {
			spin_unlock(&sb->inodes_lock);
			return err;
		}
		list_del_init(&inode->dirty_node);
		rcu_read_lock();
		spin_unlock(&sb->inodes_lock);
		if (!inode_grab(inode)) {
			rcu_read_unlock();
			continue;
		}
		rcu_read_unlock();
		e = inode_writeback(inode, wait);
		if (e && !err)
			err = e;
		inode_put(inode);
		cond_resched();
	}
}

/* An inode with pages being written, with a reference; *@retry: one was found that is being freed. */
static struct inode *next_under_writeback(struct super *sb, bool *retry)
{
	struct inode *inode, *found = NULL;

	*retry = false;
	rcu_read_lock();
	spin_lock(&sb->inodes_lock);
	LIST_FOR_EACH(inode, &sb->inodes, super_node)
		if (radix_tagged(&inode->data.pages, PC_WRITEBACK)) {
			found = inode;
			break;
		}
	spin_unlock(&sb->inodes_lock);
	if (found && !inode_grab(found)) {
		found = NULL;
		*retry = true;
	}
	rcu_read_unlock();
	return found;
}

/* Pages whose writing the flusher or the first pass began: wait for them. */
static void wait_inodes(struct super *sb)
{
	struct inode *inode;
	bool retry;

	for (;;) {
		inode = next_under_writeback(sb, &retry);
		if (retry) {
			sched_yield_current();
			continue;
		}
		if (!inode)
			return;
		mapping_write_range(&inode->data, 0, ~0ull);
		inode_put(inode);
	}
}

/* A file open for writing or unlinked but open: read-only would take its blocks for ever. */
static bool super_has_writers(struct super *sb)
{
	struct inode *inode;
	bool busy = false;

	spin_lock(&sb->inodes_lock);
	LIST_FOR_EACH(inode, &sb->inodes, super_node)
		if (atomic_load(&inode->write_count) > 0 ||
		    (inode->nlink == 0 && ref_read(&inode->refs) && inode->mode))
			busy = true;
	spin_unlock(&sb->inodes_lock);
	return busy;
}

int super_sync(struct super *sb, bool wait)
{
	int err = 0, e;

	if (atomic_load(&sb->flags) & MS_RDONLY)
		return 0;
	if (wait)
		sync_inodes(sb, false); /* all in flight before the first wait */
	err = sync_inodes(sb, wait);
	if (wait)
		wait_inodes(sb);
	if (sb->ops && sb->ops->sync) {
		e = sb->ops->sync(sb, wait);
		if (e && !err)
			err = e;
	}
	return err;
}

static void super_shutdown(struct super *sb)
{
	struct dentry *root = sb->root;

	if (root) {
		super_sync(sb, true);
		inotify_unmount(sb);
		dentry_shrink_super(sb);
		rwsem_write_lock(&sb->umount_lock);
		sb->dead = true;
		rwsem_write_unlock(&sb->umount_lock);
		super_sync(sb, true);
		dentry_drop(root);
		sb->root = NULL;
		dentry_put(root);
		inode_shrink_super(sb);
	} else {
		sb->dead = true;
	}
	if (!list_empty(&sb->inodes))
		pr_err("%s: inodes are still in use at unmount\n", sb->id);
	rwsem_write_lock(&sb->umount_lock);
	sb->dead = true;
	if (sb->ops && sb->ops->put_super)
		sb->ops->put_super(sb);
	rwsem_write_unlock(&sb->umount_lock);
	anon_dev_release(sb->dev);
}

void super_put(struct super *sb)
{
	if (!ref_put(&sb->refs))
		return;
	super_shutdown(sb);
	passive_put(sb);
}

bool super_get_active(struct super *sb)
{
	return ref_get_unless_zero(&sb->refs);
}

struct super *super_find(const struct fs_type *type, struct bdev *bdev)
{
	struct super *sb, *found = NULL;

	spin_lock(&supers_lock);
	LIST_FOR_EACH(sb, &supers, all_node)
		if (sb->type == type && sb->bdev == bdev && sb->root && super_get_active(sb)) {
			found = sb;
			break;
		}
	spin_unlock(&supers_lock);
	return found;
}

void super_for_each(void (*fn)(struct super *sb, void *arg), void *arg)
{
	struct super *sb, *prev = NULL;

	spin_lock(&supers_lock);
	LIST_FOR_EACH(sb, &supers, all_node) {
		if (!ref_get_unless_zero(&sb->passive))
			continue;
		spin_unlock(&supers_lock);
		if (prev)
			passive_put(prev);
		prev = sb; /* stays on the list while we hold it */
		rwsem_read_lock(&sb->umount_lock);
		if (!sb->dead && (sb->root || sb->rootless))
			fn(sb, arg);
		rwsem_read_unlock(&sb->umount_lock);
		spin_lock(&supers_lock);
	}
	spin_unlock(&supers_lock);
	if (prev)
		passive_put(prev);
}

/* At shutdown: read-only even if somebody still writes; umount_lock is held shared by super_for_each(). */
void super_freeze(struct super *sb)
{
	u32 flags = atomic_load(&sb->flags);
	char none[1] = "";

	if (flags & MS_RDONLY)
		return;
	super_sync(sb, true);
	if (sb->bdev && sb->ops && sb->ops->remount)
		(void)sb->ops->remount(sb, flags | MS_RDONLY, none);
	atomic_fetch_or(&sb->flags, MS_RDONLY);
}

int super_remount(struct super *sb, u32 flags, char *data)
{
	u32 old = atomic_load(&sb->flags);
	bool to_ro = (flags & MS_RDONLY) && !(old & MS_RDONLY);
	int err = 0;

	if (to_ro)
		super_sync(sb, true);
	rwsem_write_lock(&sb->umount_lock);
	if (to_ro && super_has_writers(sb))
		err = -EBUSY;
	if (!(flags & MS_RDONLY) && (old & MS_RDONLY) && sb->bdev && bdev_read_only(sb->bdev))
		err = -EACCES;
	if (!err && sb->ops && sb->ops->remount)
		err = sb->ops->remount(sb, flags, data);
	if (!err)
		atomic_store(&sb->flags, (old & ~MS_RMT_MASK) | (flags & MS_RMT_MASK));
	rwsem_write_unlock(&sb->umount_lock);
	return err;
}

/* "/dev/vda1" by the node's number, or by name before /dev is there. */
static struct bdev *device_by_path(const char *source)
{
	const char *name = str_starts_with(source, "/dev/") ? source + 5 : source;
	struct bdev *b = NULL;
	struct path p;
	int err;

	if (current->fs && current->fs->root.dentry) { /* not for the first mount */
		err = path_lookup(source, LOOKUP_FOLLOW, &p);
		if (!err) {
			bool block = (p.dentry->inode->mode & S_IFMT) == S_IFBLK;

			b = block ? bdev_find(p.dentry->inode->rdev) : ERR_PTR(-ENOTBLK);
			path_put(&p);
			return b ? b : ERR_PTR(-ENXIO);
		}
		if (name == source)
			return ERR_PTR(err);
	}
	b = bdev_find_name(name);
	return b ? b : ERR_PTR(source[0] == '/' ? -ENOENT : -ENODEV);
}

static struct bdev *device_by_partuuid(const char *uuid)
{
	struct bdev *b = NULL;

	while ((b = bdev_next(b)) != NULL)
		if (b->partuuid[0] && strcasecmp(b->partuuid, uuid) == 0)
			return b;
	return ERR_PTR(-ENODEV);
}

struct bdev *super_open_device(const char *source, bool read_only)
{
	if (!source || !*source)
		return ERR_PTR(-EINVAL);
	if (str_starts_with(source, "PARTUUID="))
		return device_by_partuuid(source + 9);
	/* UUID= and LABEL= are file system contents: user space (blkid) resolves them. */
	if (str_starts_with(source, "UUID=") || str_starts_with(source, "LABEL="))
		return ERR_PTR(-ENODEV);
	return device_by_path(source);
}
