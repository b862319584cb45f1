// SPDX-License-Identifier: MIT
/* Shared among the files of tmpfs. */
#pragma once

#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/radix.h>
#include <tarn/slab.h>
#include <tarn/super.h>

#define FIRST_COOKIE 2 /* 0 is ".", 1 is ".." */

struct tmpfs_xattr {
	struct list node;
	char *name;
	size_t size;
	char value[];
};

struct tmpfs_inode {
	struct inode vfs;
	struct shmem_swap swap;     /* mm/shmem.c */
	struct radix_root entries;  /* directory: cookie -> dentry, pinned; inode->lock */
	u64 next_cookie;            /* inode->lock */
	u64 accounted;              /* pages counted in the super block: inode->spin */
	u64 promised;               /* [I] pages committed for its whole life */
	u32 seals;                  /* F_SEAL_*: inode->lock */
	struct list xattrs;         /* inode->spin */
};

#define TMPFS_LONG_LINK 128 /* bytes: such a symlink's text counts as a page */

struct tmpfs_super {
	_Atomic s64 used_pages, used_inodes; /* [a] */
	u64 max_pages, max_inodes;           /* 0: no limit; umount_lock to write */
	_Atomic u64 next_ino;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool size_given, inodes_given;
	bool noswap;                         /* pages of its files stay in memory */
};

static inline struct tmpfs_inode *TI(struct inode *inode)
{
	return container_of(inode, struct tmpfs_inode, vfs);
}
static inline struct tmpfs_super *TS(struct super *sb)
{
	return sb->private;
}

extern const struct inode_ops tmpfs_dir_ops, tmpfs_file_inode_ops, tmpfs_link_ops,
	tmpfs_special_ops;
extern const struct file_ops tmpfs_dir_fops, tmpfs_file_fops;
extern const struct mapping_ops tmpfs_mapping_ops;

/* A new inode owned as by its creation in @dir (NULL: none); ERR_PTR(-ENOSPC, -ENOMEM). */
struct inode *tmpfs_new_inode(struct super *sb, const struct inode *dir, mode_t mode, kdev_t dev);
/* The super block's count of pages follows the inode's. */
void tmpfs_account(struct inode *inode);
bool tmpfs_full(struct super *sb, u64 pages);
int tmpfs_setattr(struct inode *inode, const struct setattr *attr);

ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *value, size_t size);
int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size,
		   int flags);
ssize_t tmpfs_listxattr(struct inode *inode, char *list, size_t size);
void tmpfs_free_xattrs(struct inode *inode);

/* Filled through devtmpfs_add: the one instance every mount of devtmpfs shows. */
struct super *tmpfs_make_super(const struct fs_type *type, const char *options);
