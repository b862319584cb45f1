// SPDX-License-Identifier: MIT
/*
 * Open files: the objects behind descriptors.
 *
 * Life:  allocated -> open -> released (last put, at once) -> freed through RCU,
 *   as lookups in a shared descriptor table may still look at the struct.
 *
 * inode->write_count keeps writers and running programs apart (ETXTBSY):
 * above 0 it counts files open for writing, below 0 programs being run.
 *
 * Files that no directory holds (pipes, sockets, eventfd ...) live on one
 * internal super block.
 */
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <tarn/block.h>
#include <tarn/cred.h>
#include <tarn/fasync.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/notify.h>
#include <tarn/poll.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>
#include <tarn/work.h>

#include "internal.h"

static struct kmem_cache *file_cache;
static _Atomic u64 nr_files;
static struct mount *anon_mount;         /* [I] after file_cache_init() */
static struct inode *anon_shared_inode;  /* [I] */
static _Atomic u64 next_anon_ino = 1;

u64 file_count(void)
{
	return atomic_load(&nr_files);
}

struct file *file_alloc(u32 flags, const struct cred *cred)
{
	struct file *f;

	if (file_limit_reached(atomic_load_explicit(&nr_files, memory_order_relaxed)))
		return ERR_PTR(-ENFILE);
	f = kmem_cache_alloc(file_cache, GFP_KERNEL);
	if (!f)
		return ERR_PTR(-ENOMEM);
	memset(f, 0, sizeof(*f));
	ref_init(&f->refs, 1);
	atomic_store_explicit(&f->flags, flags, memory_order_relaxed);
	mutex_init(&f->pos_lock, "file_pos", LR_FILE_POS);
	list_init(&f->epoll_items);
	f->cred = cred_get(cred);
	atomic_fetch_add_explicit(&nr_files, 1, memory_order_relaxed);
	return f;
}

static void file_free_rcu(struct rcu_head *h)
{
	kmem_cache_free(file_cache, container_of(h, struct file, rcu));
}

static void file_free_unopened(struct file *f)
{
	cred_put(f->cred);
	atomic_fetch_sub_explicit(&nr_files, 1, memory_order_relaxed);
	rcu_call(&f->rcu, file_free_rcu);
}

/* ---- writers against programs ---- */

static bool count_up(_Atomic s32 *count, s32 step)
{
	s32 n = atomic_load(count);

	while (step > 0 ? n >= 0 : n <= 0)
		if (atomic_compare_exchange_weak(count, &n, n + step))
			return true;
	return false;
}

int inode_get_write(struct inode *inode)
{
	return count_up(&inode->write_count, 1) ? 0 : -ETXTBSY;
}

void inode_put_write(struct inode *inode)
{
	atomic_fetch_sub(&inode->write_count, 1);
}

void file_uncount_writer(struct file *f)
{
	if (f->mode & FMODE_WRITER)
		inode_put_write(f->inode);
	f->mode &= ~(u32)FMODE_WRITER;
}

int file_deny_write(struct file *f)
{
	return count_up(&f->inode->write_count, -1) ? 0 : -ETXTBSY;
}

void file_allow_write(struct file *f)
{
	atomic_fetch_add(&f->inode->write_count, 1);
}

/* ---- open and release ---- */

static bool counts_writers(const struct inode *inode)
{
	return mode_is_reg(inode->mode);
}

/* What goes wrong from now on, and what nobody was told of yet, is @f's to tell. */
static void sample_errors(struct file *f)
{
	struct inode *inode = f->inode;
	struct super *sb = inode->super;

	/* Opening a device has changed inode->mapping. */
	atomic_store(&f->wb_seen, mapping_sample_error(inode->mapping));
	atomic_store(&f->sb_seen, errseq_sample(&sb->wb_error));
	if (sb->bdev)
		atomic_store(&f->meta_seen, mapping_sample_error(sb->bdev->inode->mapping));
}

/* O_DIRECT is for what lies on a disk. */
bool inode_takes_direct(const struct inode *inode)
{
	return (mode_is_reg(inode->mode) && inode->super->bdev) || (inode->mode & S_IFMT) == S_IFBLK;
}

/* @f has its path; on an error it is as before. */
static int file_do_open(struct file *f)
{
	static const struct file_ops path_only;
	struct inode *inode = f->path.dentry->inode;
	u32 flags = file_flags(f);
	int err;

	f->inode = inode;
	if (flags & O_PATH) {
		f->mode = FMODE_PATH | FMODE_NO_POS;
		f->ops = &path_only;
		return 0;
	}
	if ((flags & O_DIRECT) && !inode_takes_direct(inode))
		return -EINVAL;
	f->mode = (flags + 1) & (FMODE_READ | FMODE_WRITE);
	if ((f->mode & FMODE_WRITE) && counts_writers(inode)) {
		err = inode_get_write(inode);
		if (err)
			return err;
		f->mode |= FMODE_WRITER;
	}
	f->ops = inode->fops;
	readahead_init(&f->ra);
	if (f->ops->open) {
		err = f->ops->open(inode, f);
		if (err) {
			if (f->mode & FMODE_WRITER)
				inode_put_write(inode);
			return err;
		}
	}
	sample_errors(f);
	atomic_store(&f->flags, file_flags(f) & ~(u32)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC));
	return 0;
}

struct file *file_open_path(const struct path *path, u32 flags, const struct cred *cred)
{
	struct file *f = file_alloc(flags & ~(u32)O_CLOEXEC, cred);
	int err;

	if (IS_ERR(f))
		return f;
	f->path = *path;
	path_get(path);
	err = file_do_open(f);
	if (err) {
		path_put(&f->path);
		file_free_unopened(f);
		return ERR_PTR(err);
	}
	if (!(flags & (O_PATH | O_TRUNC))) /* open.c tells of it when the file has been cut */
		notify_file(f, IN_OPEN);
	return f;
}

static void file_release(struct file *f)
{
	struct inode *inode = f->inode;

	if (!(f->mode & FMODE_PATH))
		notify_file(f, (f->mode & FMODE_WRITE) ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (!list_empty(&f->epoll_items))
		epoll_file_released(f);
	if (f->owner)
		fasync_released(f);
	if (inode->locks)
		locks_on_release(f);
	if (f->ops->release)
		f->ops->release(f);
	if (f->mode & FMODE_WRITER)
		inode_put_write(inode);
	path_put(&f->path);
	file_free_unopened(f);
}

void file_put(struct file *f)
{
	if (ref_put(&f->refs))
		file_release(f);
}

/* ---- the last reference in the wrong place ---- */

/* A release may sleep and take locks of any rank.  Files to be released, linked by their rcu.next. */
static struct spinlock late_lock = SPINLOCK_INIT("late_files", LR_LEAF);
static struct rcu_head *late_files GUARDED_BY(&late_lock);

static struct file *take_late(void)
{
	struct rcu_head *h;

	spin_lock(&late_lock);
	h = late_files;
	if (h)
		late_files = h->next;
	spin_unlock(&late_lock);
	return h ? container_of(h, struct file, rcu) : NULL;
}

static void release_late(struct work *w)
{
	struct file *f;

	while ((f = take_late()))
		file_release(f);
}

static struct work late_work = { .node = LIST_INIT(late_work.node), .fn = release_late };

void file_put_later(struct file *f)
{
	if (!ref_put(&f->refs))
		return;
	spin_lock(&late_lock);
	f->rcu.next = late_files;
	late_files = &f->rcu;
	spin_unlock(&late_lock);
	work_queue(&late_work);
}

/* ---- files without a name ---- */

static void pseudo_name(struct dentry *d, struct strbuf *out)
{
	strbuf_puts(out, d->name.name);
	if (!strchr(d->name.name, ':') && !strchr(d->name.name, '/'))
		strbuf_printf(out, ":[%llu]", (unsigned long long)d->inode->ino);
}

static const struct dentry_ops pseudo_dentry_ops = {
	.name = pseudo_name,
};

static struct file *open_pseudo(struct inode *inode, const char *name, const struct file_ops *ops,
				void *private, u32 flags)
{
	struct dentry *d = dentry_alloc_pseudo(inode, name, &pseudo_dentry_ops);
	struct file *f;

	if (!d) {
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	f = file_alloc(flags & ~(u32)O_CLOEXEC, current_cred());
	if (IS_ERR(f)) {
		dentry_put(d);
		return f;
	}
	mount_get(anon_mount);
	f->path = (struct path){ anon_mount, d };
	f->inode = inode;
	f->ops = ops;
	f->mode = (flags + 1) & (FMODE_READ | FMODE_WRITE);
	f->private = private;
	return f;
}

struct file *file_anon(const char *name, const struct file_ops *ops, void *private, u32 flags)
{
	struct file *f;

	inode_get(anon_shared_inode);
	f = open_pseudo(anon_shared_inode, name, ops, private, flags);
	if (!IS_ERR(f))
		f->mode |= FMODE_NO_POS;
	return f;
}

struct file *file_anon_inode(struct inode *inode, const char *name, const struct file_ops *ops,
			     void *private, u32 flags)
{
	struct file *f = open_pseudo(inode, name, ops, private, flags);

	if (!IS_ERR(f))
		f->mode |= FMODE_NO_POS;
	return f;
}

struct inode *inode_anon(mode_t mode)
{
	struct inode *inode = inode_new(anon_mount->super);
	const struct cred *c = current_cred();

	if (!inode)
		return NULL;
	inode->ino = atomic_fetch_add(&next_anon_ino, 1);
	inode->mode = mode;
	inode->uid = c->fsuid;
	inode->gid = c->fsgid;
	inode->atime = inode->mtime = inode->ctime = inode_now(inode);
	return inode;
}

static int anon_statfs(struct super *sb, struct kstatfs *out)
{
	return 0;
}

static const struct super_ops anon_super_ops = {
	.statfs = anon_statfs,
};

/* What fstatfs(2) tells of a file without a name: pipes and sockets have file systems of their own on Linux. */
u64 anon_magic(const struct inode *inode)
{
	switch (inode->mode & S_IFMT) {
	case S_IFIFO:
		return PIPEFS_MAGIC;
	case S_IFSOCK:
		return SOCKFS_MAGIC;
	default:
		return ANON_INODE_FS_MAGIC;
	}
}

static struct super *anon_mount_fs(const struct fs_type *type, const struct mount_args *args)
{
	struct super *sb = super_alloc(type, &anon_super_ops, 0);
	struct inode *inode;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->magic = ANON_INODE_FS_MAGIC;
	sb->no_dcache_children = true;
	atomic_store(&sb->flags, MS_NODEV | MS_NOEXEC);
	inode = inode_new(sb);
	if (inode) {
		inode->ino = atomic_fetch_add(&next_anon_ino, 1);
		inode->mode = S_IFDIR | 0555;
		sb->root = dentry_alloc_root(inode);
	}
	if (!sb->root) {
		super_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return sb;
}

static const struct fs_type anon_fs = {
	.name = "anon_inodefs",
	.mount = anon_mount_fs,
};

void file_cache_init(void)
{
	file_cache = kmem_cache_create("file", sizeof(struct file), 64, NULL);
	if (!file_cache)
		panic("no memory for files");
	file_limits_init();
	anon_mount = mount_internal(&anon_fs);
	anon_shared_inode = inode_anon(0600);
	if (!anon_shared_inode)
		panic("no memory for files");
}
