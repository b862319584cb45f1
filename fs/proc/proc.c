// SPDX-License-Identifier: MIT
/* The proc file system: its super block and inodes.  tree.c and pid.c have the names. */
#include <linux/magic.h>
#include <linux/mount.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#include "proc_internal.h"

#define PROC_MAX_POS 0x7fffffff /* as Linux: how far one may seek in a directory */

static struct kmem_cache *proc_inodes;          /* [I] */
static struct super *proc_super;                /* the only one; mount_lock */
static struct mutex mount_lock = MUTEX_INIT(mount_lock, "proc mount", LR_MODULE_INIT);

static struct inode *proc_alloc_inode(struct super *sb)
{
	struct proc_inode *p = kmem_cache_alloc(proc_inodes, GFP_KERNEL | GFP_ZERO);

	return p ? &p->inode : NULL;
}

static void proc_free_inode(struct inode *inode)
{
	kmem_cache_free(proc_inodes, to_proc(inode));
}

static void proc_evict(struct inode *inode)
{
	struct proc_inode *p = to_proc(inode);

	mapping_destroy(&inode->data);
	if (p->thread)
		thread_put(p->thread);
}

static int proc_statfs(struct super *sb, struct kstatfs *out)
{
	out->type = PROC_SUPER_MAGIC;
	out->bsize = PAGE_SIZE;
	out->namelen = NAME_MAX_LEN;
	return 0;
}

static const struct super_ops proc_super_ops = {
	.alloc_inode = proc_alloc_inode,
	.free_inode = proc_free_inode,
	.evict = proc_evict,
	.statfs = proc_statfs,
};

struct inode *proc_inode_new(struct super *sb, u64 ino, mode_t mode, struct thread *t)
{
	struct inode *inode = inode_new(sb);

	if (!inode) {
		if (t)
			thread_put(t);
		return NULL;
	}
	inode->ino = ino;
	inode->mode = mode;
	inode->nlink = mode_is_dir(mode) ? 2 : 1;
	inode->atime = inode->mtime = inode->ctime = inode->btime = realtime_coarse();
	to_proc(inode)->thread = t;
	if (t)
		proc_inode_own(inode, t);
	return inode;
}

int proc_setattr(struct inode *inode, const struct setattr *a)
{
	if (a->valid & ATTR_MODE)
		return -EPERM;
	setattr_copy(inode, a);
	return 0;
}

static struct super *super_make(const struct fs_type *type)
{
	struct super *sb = super_alloc(type, &proc_super_ops, 0);
	struct inode *root;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->block_size = 1024;
	sb->magic = PROC_SUPER_MAGIC;
	sb->max_bytes = PROC_MAX_POS;
	strscpy(sb->id, "proc", sizeof(sb->id));
	root = proc_node_inode(sb, &proc_root);
	sb->root = root ? dentry_alloc_root(root) : NULL;
	if (!sb->root) {
		super_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return sb;
}

/* Every mount shows the same super block, which then lives for good. */
static struct super *proc_mount(const struct fs_type *type, const struct mount_args *args)
{
	struct super *sb;

	mutex_lock(&mount_lock);
	if (!proc_inodes) {
		proc_inodes = kmem_cache_create("proc_inode", sizeof(struct proc_inode), 0, NULL);
		proc_tree_build();
	}
	sb = proc_super;
	if (!sb) {
		sb = super_make(type);
		if (!IS_ERR(sb))
			proc_super = sb;
	}
	if (!IS_ERR(sb))
		ref_get(&sb->refs);
	mutex_unlock(&mount_lock);
	return sb;
}

static const struct fs_type proc_fs = {
	.name = "proc",
	.mount = proc_mount,
};
SECTION_SET(filesystems, proc_fs);
