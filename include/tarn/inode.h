// SPDX-License-Identifier: MIT
/*
 * Inodes: files without their names.  fs/inode.c, attr.c, perm.c.
 *
 * Life:  new (IS_NEW) -> in use <-> unused (refs 0, cached) -> freeing -> freed
 *   A dentry holds its inode, and the inode's file system outlives it.  Unused
 *   ones stay cached until memory is short; without a link the last put evicts.
 *
 * Locks: a directory's lock guards its entries, on disk and in the dcache; a
 *   file's serialises writers, truncation and changes of attributes.  spin
 *   guards what is read without it: state, times, aliases.  Order: lock_rank.h.
 *
 * [I] fixed once created, [a] atomic; other fields name their lock.
 */
#pragma once

#include <linux/stat.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/pagecache.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>
#include <tarn/time.h>

struct dentry;
struct file_ops;
struct inode_locks;
struct inotify_marks;
struct pipe;
struct super;
struct unix_sock;

/* What chmod(2), chown(2), truncate(2) and utimensat(2) change. */
struct setattr {
	u32 valid;              /* ATTR_* */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	u64 size;
	struct timespec64 atime, mtime, ctime;
};
#define ATTR_MODE BIT(0)
#define ATTR_UID BIT(1)
#define ATTR_GID BIT(2)
#define ATTR_SIZE BIT(3)
#define ATTR_ATIME BIT(4)
#define ATTR_MTIME BIT(5)
#define ATTR_CTIME BIT(6)
#define ATTR_ATIME_SET BIT(7)   /* the value given, not now */
#define ATTR_MTIME_SET BIT(8)
#define ATTR_DROP_OWNER BIT(9)  /* chown: set-id bits and file capabilities go, whoever asks */
#define ATTR_OPEN BIT(10)       /* from O_TRUNC */
#define ATTR_DROP_CONTENT BIT(11) /* new contents: they go unless CAP_FSETID; no question of ownership */

/* What stat(2) and statx(2) say. */
struct kstat {
	u64 ino, size, blocks;   /* blocks of 512 bytes */
	kdev_t dev, rdev;
	mode_t mode;
	u32 nlink, blksize;
	uid_t uid;
	gid_t gid;
	struct timespec64 atime, mtime, ctime, btime;
	u32 result_mask;         /* STATX_* */
	u64 attributes, attributes_mask, mnt_id;
};

/*
 * All directory operations: the directory's inode->lock is held exclusively (lookup: at least shared).
 * VFS has checked permissions, names (length, "." and ".."), existence and read-only state.
 *
 * op          lock on        may sleep   NULL means
 * lookup      dir shared     yes         -ENOTDIR. Calls dentry_add(dentry, inode or NULL); 0 or -errno
 * create..    dir            yes         -EPERM (mknod, symlink, link: -EPERM). Calls dentry_instantiate
 * unlink      dir and inode  yes         -EPERM; drops nlink; VFS handles the dentry
 * rename      both dirs, and yes         -EPERM (EINVAL for flags). target may be negative. flags: RENAME_NOREPLACE
 *             inodes moved               was handled by VFS; RENAME_EXCHANGE, RENAME_WHITEOUT reach here
 * get_link    none           yes         not a symlink. *done gets what link_done frees; ERR_PTR
 * setattr     inode          yes         setattr_generic: in-memory only
 * may_write   inode          no          every write(2) may; 0 or -errno, with place and length as they will be
 * getattr     none           yes         stat_generic
 * permission  none           no          perm_generic
 * tmpfile     dir            yes         -EOPNOTSUPP
 * getxattr..  inode (set)    yes         -EOPNOTSUPP.  size 0: asks the length
 * update_time inode->spin    no          marks the inode dirty
 */
struct inode_ops {
	int (*lookup)(struct inode *dir, struct dentry *dentry);
	int (*create)(struct inode *dir, struct dentry *dentry, mode_t mode);
	int (*link)(struct inode *old, struct inode *dir, struct dentry *dentry);
	int (*unlink)(struct inode *dir, struct dentry *dentry);
	int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target);
	int (*mkdir)(struct inode *dir, struct dentry *dentry, mode_t mode);
	int (*rmdir)(struct inode *dir, struct dentry *dentry);
	int (*mknod)(struct inode *dir, struct dentry *dentry, mode_t mode, kdev_t dev);
	int (*rename)(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		      struct dentry *new_dentry, u32 flags);
	/* Target text, valid until link_done(*done); may instead jump: see link_jump(). */
	const char *(*get_link)(struct inode *inode, struct dentry *dentry, void **done);
	int (*setattr)(struct inode *inode, const struct setattr *attr);
	int (*may_write)(struct inode *inode, u64 pos, u64 count);
	int (*getattr)(struct inode *inode, struct kstat *out);
	int (*permission)(struct inode *inode, int mask);
	int (*tmpfile)(struct inode *dir, mode_t mode, struct inode **out);
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *value, size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *value, size_t size,
			int flags); /* value NULL: remove */
	ssize_t (*listxattr)(struct inode *inode, char *list, size_t size);
};

/* inode->attr_flags (chattr) */
#define S_SYNC BIT(0)
#define S_NOATIME BIT(1)
#define S_APPEND BIT(2)
#define S_IMMUTABLE BIT(3)
#define S_DIRSYNC BIT(4)
#define S_NODUMP BIT(5)
#define S_SWAPFILE BIT(6)       /* pages are swapped to its blocks: it stays as it is */

/* inode->state: inode->spin */
#define IS_NEW BIT(0)            /* being filled by its first finder; others wait */
#define IS_DIRTY_ATTR BIT(1)     /* attributes need write_inode */
#define IS_DIRTY_PAGES BIT(2)
#define IS_WRITEBACK BIT(3)      /* the flusher has it */
#define IS_FREEING BIT(4)
#define IS_DIRTY_TIME BIT(5)
#define IS_LINKABLE BIT(7)       /* from O_TMPFILE: linkat(2) may give it its first name */
#define IS_DEAD_DIR BIT(6)       /* removed: no more entries; inode->lock too */

struct inode {
	/* Hot for path walks */
	/* Who may: written together by inode_set_owner(); where two of them count, inode_owner() reads them. */
	mode_t mode;                     /* type bits [I], permissions: lock */
	uid_t uid;                       /* lock */
	gid_t gid;                       /* lock */
	u32 attr_flags;                  /* S_IMMUTABLE, S_APPEND ... ; lock */
	const struct inode_ops *ops;     /* [I] */
	struct super *super;             /* [I] */
	struct mapping *mapping;         /* [I] &data, or a block device's */
	u64 ino;                         /* [I] */
	struct seqcount owner_seq;       /* of mode, uid, gid; spin to write */

	bool no_file_caps;               /* known to have no security.capability; lock */
	struct rwsem lock;               /* LR_INODE or LR_INODE_DIR */
	_Atomic u64 size;                /* [a] lock to write */
	u32 nlink;                       /* lock */
	u32 generation;                  /* [I] */
	kdev_t rdev;                     /* [I] device nodes */
	u32 blkbits;                     /* [I] log2 of st_blksize */
	u64 blocks;                      /* in units of 512 bytes; spin */
	struct timespec64 atime, mtime, ctime, btime; /* spin; birth (btime) is [I] */
	u64 version;                     /* bumped by each change; spin */
	const struct file_ops *fops;     /* [I] */
	struct mapping data;

	struct refcount refs;            /* 0: on the unused list or being freed (inode_hash_lock decides) */
	struct spinlock spin;            /* LR_INODE_SPIN */
	u32 state GUARDED_BY(&spin);     /* IS_* */
	ktime_t dirtied_at;              /* when it went on super->dirty; super->inodes_lock */
	struct waitq state_waitq;        /* own lock inside: woken when IS_NEW and IS_WRITEBACK go */
	struct hlist_node hash_node;     /* by super and ino: its bucket's lock, fs/inode.c */
	union {
		struct list super_node;  /* in super->inodes: its inodes_lock */
		void (*free)(struct inode *inode); /* once evicted: super's free_inode */
	};
	struct list dirty_node;          /* in super->dirty: its inodes_lock */
	struct list lru_node;            /* unused ones, oldest first: lru_lock of fs/inode.c */
	struct list aliases;             /* dentry->alias; spin */
	_Atomic s32 write_count;         /* [a] > 0 open for writing, < 0 being executed (ETXTBSY) */
	struct inode_locks *locks;       /* fs/locks.c */
	struct inotify_marks *marks;     /* fs/inotify.c */
	union {                          /* by type, spin */
		struct pipe *pipe;           /* FIFO while open */
		/* Short symlink text [I], followed under RCU: free it in free_inode, not in evict. */
		const char *link;
		struct unix_sock *sock;      /* bound socket */
	};
	void *private;                   /* the file system's own */
	struct rcu_head rcu;
};

static inline bool mode_is_dir(mode_t m) { return (m & S_IFMT) == S_IFDIR; }
static inline bool mode_is_reg(mode_t m) { return (m & S_IFMT) == S_IFREG; }
static inline bool mode_is_lnk(mode_t m) { return (m & S_IFMT) == S_IFLNK; }
static inline u64 inode_size(const struct inode *i)
{
	return atomic_load_explicit(&i->size, memory_order_acquire);
}

/* A fresh inode of @sb, refs 1, not hashed (pipes, sockets, tmpfs); NULL: no memory. */
struct inode *inode_new(struct super *sb);
/* The cached inode @ino or a new one with IS_NEW that the caller fills and inode_unlock_new()s, or
 * inode_fail_new()s.  NULL: no memory. */
struct inode *inode_get_or_new(struct super *sb, u64 ino);
/* Makes a new inode findable (create): hashed under its ino. */
void inode_hash(struct inode *inode);
/* It is filled: whoever waits for it goes on. */
void inode_unlock_new(struct inode *inode);
/* It could not be: whoever waits looks again; the reference is gone. */
void inode_fail_new(struct inode *inode);
static inline void inode_get(struct inode *i)
{
	ref_get(&i->refs);
}
/* The last reference of an unlinked inode evicts it (frees blocks): may sleep. */
void inode_put(struct inode *inode);
/* Attributes changed: write_inode will be called. */
void inode_mark_dirty(struct inode *inode);
/* mapping_ops.dirtied of every file system on a device. */
void inode_pages_dirtied(struct mapping *m);
/* The times @which (ATTR_ATIME | ATTR_MTIME | ATTR_CTIME) become inode_now(), and the inode dirty. */
void inode_touch(struct inode *inode, u32 which);
/* The time of day as this file system can keep it. */
struct timespec64 inode_now(struct inode *inode);
/* Mode and owner as they stood at one moment: never the old mode beside the new owner.  No locks, any context. */
struct owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};
static inline struct owner inode_owner(const struct inode *inode)
{
	struct owner o;
	u32 seq;

	do {
		seq = seq_read_begin(&inode->owner_seq);
		o = (struct owner){ READ_ONCE(inode->mode), READ_ONCE(inode->uid), READ_ONCE(inode->gid) };
	} while (seq_read_retry(&inode->owner_seq, seq));
	return o;
}
/* All three at once; inode->lock held, or nobody else has the inode. */
void inode_set_owner(struct inode *inode, struct owner o);
/* mode, owner (set-gid directories), for a new inode in @dir. */
void inode_init_owner(struct inode *inode, const struct inode *dir, mode_t mode);
/* fops and mapping for S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK: @rdev kept. */
void inode_init_special(struct inode *inode, mode_t mode, kdev_t rdev);
/* What stat(2) says of an inode whose numbers are all in the struct. */
void stat_generic(struct inode *inode, struct kstat *out);
/* Checks a setattr against permissions and limits (lock held): 0, -EPERM, -EFBIG ... */
int setattr_prepare(struct inode *inode, struct setattr *attr);
/* Copies mode, owner, times into the inode and marks it dirty; not the size. */
void setattr_copy(struct inode *inode, const struct setattr *attr);
/* setattr for file systems in memory: both of the above. */
int setattr_generic(struct inode *inode, const struct setattr *attr);

/* ---- permissions: fs/perm.c ---- */

#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
#define MAY_APPEND 8
/* 0, -EACCES, -EROFS, -EPERM (immutable). */
int inode_permission(struct inode *inode, int mask);
int perm_generic(struct inode *inode, int mask);
/* current owns it or has CAP_FOWNER. */
bool inode_owner_or_capable(const struct inode *inode);

/* With a unique st_ino on the internal super block; @mode with its type.  NULL: no memory. */
struct inode *inode_anon(mode_t mode);
/* Writers wait here while too much is dirty: fs/writeback.c. */
void balance_dirty(void);
