// SPDX-License-Identifier: MIT
/*
 * File system types and super blocks: what is mounted.  fs/super.c.
 *
 * Life of a super block:  new -> active (refs > 0) -> dead (shut down) -> freed (passive 0)
 *   Mounts, and a mount(2) on its way, are its active references; the last one's
 *   put writes everything and calls put_super.  Who only walks the list of all
 *   holds a passive one, takes umount_lock shared and looks at `dead`.
 *
 * [I] fixed once created, [a] atomic; other fields name their lock.
 */
#pragma once

#include <tarn/errseq.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>

struct bdev;
struct dentry;
struct inode;
struct strbuf;
struct super;

/* What mount(2) was asked. */
struct mount_args {
	const char *source;  /* as given; may be NULL */
	u32 flags;           /* MS_* that concern the super block (MS_RDONLY ...) */
	char *data;          /* options text; may be edited while parsing */
};

struct fs_type {
	const char *name;
	bool needs_device;
	/* A new or shared super block with a reference, ->root set; or ERR_PTR. */
	struct super *(*mount)(const struct fs_type *type, const struct mount_args *args);
};
/* Leaf plug-in: SECTION_SET(filesystems, foo_fs). */
const struct fs_type *fs_type_find(const char *name);

/* statfs(2)'s answer: blocks in units of bsize, which are bytes. */
struct kstatfs {
	u64 type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags;
};

/*
 * op            locks held       may sleep   NULL means
 * alloc_inode   none             yes         plain struct inode
 * free_inode    none             no (RCU)    kmem free of the plain one; inode->super may be gone
 * write_inode   none             yes         attributes need no writing
 * evict         none; last ref   yes         mapping_destroy() only; must call it itself otherwise
 * sync          none             yes         nothing beyond inodes and pages
 * put_super     umount_lock      yes         nothing
 * statfs        none             yes         -ENOSYS
 * remount       umount_lock      yes         options are ignored; ro/rw honoured
 * show_options  none             yes         none to show
 */
struct super_ops {
	struct inode *(*alloc_inode)(struct super *sb);
	void (*free_inode)(struct inode *inode);
	int (*write_inode)(struct inode *inode, bool wait);
	void (*evict)(struct inode *inode);
	int (*sync)(struct super *sb, bool wait);
	void (*put_super)(struct super *sb);
	int (*statfs)(struct super *sb, struct kstatfs *out);
	int (*remount)(struct super *sb, u32 flags, char *data);
	void (*show_options)(struct super *sb, struct strbuf *out);
};

struct super {
	const struct fs_type *type;      /* [I] */
	const struct super_ops *ops;     /* [I] */
	kdev_t dev;                      /* [I] st_dev */
	struct bdev *bdev;               /* [I] NULL: none */
	u32 block_size;                  /* [I] bytes */
	u64 max_bytes;                   /* [I] largest file */
	u64 magic;                       /* [I] for statfs */
	_Atomic u32 flags;               /* MS_RDONLY | MS_NOSUID ...; umount_lock to write */
	char id[32];                     /* [I] name in log lines: "vda" */
	struct dentry *root;             /* [I] counted */
	struct refcount refs;            /* active: mounts, and mount(2) on its way; 0 shuts it down */
	struct refcount passive;         /* keeps the struct: actives count as one, visitors of the list */
	bool dead;                       /* shut down; umount_lock */
	struct rwsem umount_lock;        /* read: work inside; write: mount state changes */
	struct mutex rename_lock;        /* LR_RENAME */
	struct list all_node;            /* in the list of all super blocks: fs/super.c, its supers_lock */
	struct spinlock inodes_lock;     /* LR_INODE_SPIN */
	struct list inodes GUARDED_BY(&inodes_lock);
	struct list dirty GUARDED_BY(&inodes_lock);   /* inode->dirty_node, oldest first */
	u32 time_gran;                   /* [I] ns */
	bool no_dcache_children;         /* names are never cached (proc) */
	struct errseq wb_error;          /* [a] what writing anything of it met, for syncfs */
	bool rootless;                   /* [I] never mounted, but its inodes can be dirty: block devices' */
	void *private;                   /* the file system's own */
	struct rcu_head rcu;
};

/* A fresh super block, refs 1, on the list; NULL: no memory. @dev 0: an anonymous device number is taken. */
struct super *super_alloc(const struct fs_type *type, const struct super_ops *ops, kdev_t dev);
void super_put(struct super *sb);
/* For file systems on a device: "/dev/vda1", "vda1", "UUID=..", "PARTUUID=.." -> the device, not
 * claimed (the file system does bdev_claim after super_find found nothing), or ERR_PTR. */
struct bdev *super_open_device(const char *source, bool read_only);
/* An already mounted super block of @type on @bdev with a new reference, or NULL. */
struct super *super_find(const struct fs_type *type, struct bdev *bdev);

/* ---- all of them ---- */

/* sync(2): all dirty pages, inodes, super blocks, device caches. */
void vfs_sync(void);
/* Before poweroff: sync, then everything read-only. */
void vfs_shutdown(void);
