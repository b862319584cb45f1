// SPDX-License-Identifier: MIT
/*
 * The virtual file system: super blocks, inodes, dentries, mounts, open files.
 * fs/.
 *
 * References:  file -> path (mount, dentry) -> inode -> super.
 *   A dentry holds its inode and its parent; a mount holds its root dentry and
 *   super block.  Unused dentries and inodes stay cached until pressure.
 *
 * Locks: a directory's inode->lock guards its entries, on disk and in the
 *   dcache; a file's inode->lock serialises writers, truncation and attribute
 *   changes.  Order: lock_rank.h.
 */
#pragma once

#include <linux/stat.h>
#include <tarn/cred.h>
#include <tarn/iov.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/pagecache.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>
#include <tarn/time.h>

struct dentry;
struct inode;
struct file;
struct mount;
struct super;
struct fs_type;
struct vma;
struct poll_wait;
struct kstatfs;
struct strbuf;
struct bdev;
struct pipe;

#define NAME_MAX_LEN 255
#define PATH_MAX_LEN 4096

/* A name with its hash, not NUL-terminated. */
struct qstr {
	const char *name;
	u32 len, hash;
};

/* ---- file system types and super blocks ---- */

/* What mount(2) was asked. */
struct mount_args {
	const char *source;  /* as given; may be NULL */
	u32 flags;           /* MS_* that concern the super block (MS_RDONLY ...) */
	char *data;          /* options text; may be edited while parsing */
};

struct fs_type {
	const char *name;
	bool needs_device;
	bool nodev_listed;   /* reserved for /proc/filesystems order */
	/* A new or shared super block with a reference, ->root set; or ERR_PTR. */
	struct super *(*mount)(const struct fs_type *type, const struct mount_args *args);
};
/* Leaf plug-in: SECTION_SET(filesystems, foo_fs). */
const struct fs_type *fs_type_find(const char *name);

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
	bool dead;                       /* shut down: umount_lock */
	struct rwsem umount_lock;        /* read: work inside; write: mount state changes */
	struct mutex rename_lock;        /* LR_RENAME */
	struct list all_node;            /* list of all super blocks */
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

/* ---- inodes ---- */

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

struct kstatfs {
	u64 type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags;
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

struct inode_locks;              /* flock and fcntl locks: fs/locks.c */
struct inotify_marks;

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
	u64 blocks;                      /* 512-byte units; spin */
	struct timespec64 atime, mtime, ctime, btime; /* spin */
	u64 version;                     /* bumped by each change; spin */
	const struct file_ops *fops;     /* [I] */
	struct mapping data;

	struct refcount refs;            /* 0: on the unused list or being freed (inode_hash_lock decides) */
	struct spinlock spin;            /* LR_INODE_SPIN */
	u32 state GUARDED_BY(&spin);     /* IS_* */
	ktime_t dirtied_at;
	struct waitq state_waitq;
	struct hlist_node hash_node;
	union {
		struct list super_node;  /* super->inodes */
		void (*free)(struct inode *inode); /* once evicted: super's free_inode */
	};
	struct list dirty_node;          /* super->dirty */
	struct list lru_node;
	struct list aliases;             /* dentries: spin */
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
void inode_unlock_new(struct inode *inode);
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
/* Writes attributes and pages: 0 or the first error. */
int inode_sync(struct inode *inode, bool datasync);
void inode_touch(struct inode *inode, u32 which /* ATTR_ATIME | ATTR_MTIME | ATTR_CTIME */);
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
void stat_generic(struct inode *inode, struct kstat *out);
/* Checks a setattr against permissions and limits (lock held): 0, -EPERM, -EFBIG ... */
int setattr_prepare(struct inode *inode, struct setattr *attr);
/* Copies mode, owner, times into the inode and marks it dirty; not the size. */
void setattr_copy(struct inode *inode, const struct setattr *attr);
int setattr_generic(struct inode *inode, const struct setattr *attr);

/* ---- dentries ---- */

#define DF_ROOT BIT(0)
#define DF_MOUNTED BIT(1)       /* something is mounted here in some namespace */
#define DF_UNHASHED BIT(2)
#define DF_LRU BIT(4)
#define DF_REFERENCED BIT(5)
#define DF_PINNED BIT(6)        /* the file system holds a reference of its own until unlink (tmpfs) */

/*
 * op          may sleep   NULL means
 * revalidate  yes         always valid. false: look it up again (proc)
 * delete      no          keep unused dentries cached; true: drop at last put
 * name        yes         the plain name: for pseudo files ("pipe:[12]", "/memfd:x (deleted)")
 */
struct dentry_ops {
	bool (*revalidate)(struct dentry *d);
	bool (*delete)(const struct dentry *d);
	void (*name)(struct dentry *d, struct strbuf *out);
};

#define DENTRY_INLINE 40
struct dentry {
	/* Read by lock-free walks: first cache line */
	struct seqcount seq;            /* name, parent, inode, hashed change under it */
	_Atomic u32 flags;              /* DF_* [a] */
	struct hlist_node hash_node;
	struct dentry *parent;          /* counted; itself for a root */
	struct qstr name;
	struct inode *inode;            /* NULL: negative; counted */

	struct refcount_or_dead {
		_Atomic s32 n;              /* >= 0 references (0: unused, cached), < 0 dead */
	} refs;
	struct spinlock lock;           /* LR_DENTRY: children, the fields above */
	const struct dentry_ops *ops;   /* [I] */
	struct super *super;            /* [I] */
	struct list children;           /* child->sibling: lock */
	struct list sibling;            /* parent's lock */
	struct list alias;              /* inode->aliases: inode->spin */
	struct list lru;
	void *private;                  /* the file system's own */
	char inline_name[DENTRY_INLINE];
	struct rcu_head rcu;
};

/* A new child, not hashed, refs 1; NULL: no memory. */
struct dentry *dentry_alloc(struct dentry *parent, const struct qstr *name);
struct dentry *dentry_alloc_root(struct inode *inode); /* takes the inode's reference */
/* A dentry outside of any directory; ops->name says how it shows.  Takes the inode's reference; NULL: no memory. */
struct dentry *dentry_alloc_pseudo(struct inode *inode, const char *name, const struct dentry_ops *ops);
/* lookup's answer: attaches @inode (reference taken over; NULL: negative) and hashes. */
void dentry_add(struct dentry *d, struct inode *inode);
/* create's answer: a negative hashed dentry becomes @inode's. */
void dentry_instantiate(struct dentry *d, struct inode *inode);
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
/* Unhash: the next walk looks the name up again. */
void dentry_drop(struct dentry *d);
/* Forget a cached subtree (a process that ended in /proc); in-use ones are unhashed. */
void dentry_invalidate(struct dentry *d);
/* The cached child, with a reference, or NULL. No locks needed. */
struct dentry *dentry_lookup(struct dentry *parent, const struct qstr *name);
struct qstr qstr_make(const struct dentry *parent, const char *name, u32 len);

/* ---- paths and mounts ---- */

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(const struct path *p);

struct mount {
	struct mount *parent;            /* namespace lock; NULL: root or detached */
	struct dentry *mountpoint;       /* counted */
	struct dentry *root;             /* [I] counted */
	struct super *super;             /* [I] counted */
	struct refcount refs;
	_Atomic u32 flags;               /* MNT_* of mount(2): MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_RDONLY ... */
	u32 id;                          /* [I] for mountinfo */
	u32 peer_group, master_group;    /* propagation; 0: private */
	struct mount_ns *ns;             /* NULL: detached */
	struct list children, sibling, ns_node;
	struct hlist_node hash_node;     /* (parent, mountpoint) -> mount */
	char *source;                    /* [I] first column of /proc/mounts */
	struct mount *copy;              /* its twin while a tree is copied: namespace lock */
	struct rcu_head rcu;
};

struct mount_ns {
	struct refcount refs;
	struct mount *root;
	struct list mounts;              /* in order of mounting */
	u64 event;                       /* bumped by each change: poll on /proc/mounts */
	u64 inum;
};

/* Where a thread stands: shared by CLONE_FS. */
struct fs_context {
	struct refcount refs;
	struct spinlock lock;
	struct path root, cwd;
	u32 umask;
};
struct fs_context *fs_context_copy(struct fs_context *old);
void fs_context_put(struct fs_context *fs);
void fs_get_root(struct path *out); /* current's, with references */
void fs_get_cwd(struct path *out);

#define LOOKUP_FOLLOW BIT(0)      /* the last component, if a symlink */
#define LOOKUP_DIRECTORY BIT(1)
#define LOOKUP_EMPTY BIT(3)       /* "" means dfd itself */
#define LOOKUP_BENEATH BIT(5)     /* openat2 RESOLVE_* */
#define LOOKUP_IN_ROOT BIT(6)
#define LOOKUP_NO_XDEV BIT(7)
#define LOOKUP_NO_SYMLINKS BIT(8)
#define LOOKUP_NO_MAGICLINKS BIT(9)

/* Resolves a user path from @dfd (AT_FDCWD or a descriptor); *out with references.  0 or -errno. */
int path_lookup_user(int dfd, const char __user *name, u32 flags, struct path *out);
/* The same for a kernel string; from current's root and cwd. */
int path_lookup(const char *name, u32 flags, struct path *out);
int path_lookup_from(const struct path *base, const char *name, u32 flags, struct path *out);
/* bind(2) of a Unix socket: makes the node @name (a kernel string) of type S_IFSOCK; *out with references (NULL: only
 * says what would be wrong).
 * 0, -EADDRINUSE when the name exists, -errno. */
int path_make_socket(const char *name, mode_t mode, struct path *out);
/* Magic links (/proc/PID/fd/N): get_link calls this with the target and returns NULL. */
void link_jump(struct path *target); /* takes the references */
/* Frees what get_link left in *done. */
void link_done(void *done);
/* Whole path as getcwd(2) and /proc show it, relative to @root; " (deleted)" added when unlinked.  Start of the
 * text inside @buf or ERR_PTR(-ENAMETOOLONG); *unreachable when not below @root. */
char *path_format(const struct path *p, const struct path *root, char *buf, size_t size,
		  bool *unreachable);
/* A user string of a path: kmalloc'ed (path_name_put), ERR_PTR(-EFAULT, -ENAMETOOLONG, -ENOENT for ""). */
char *path_name_get(const char __user *uname, bool empty_ok);
void path_name_put(char *name);

/* mount(2) without user pointers: mounts @type on @target. */
int mount_fs(const char *source, const char *target, const char *type, u32 flags, char *data);
/* The first mount: becomes current's root.  0 or -errno. */
int mount_root(const char *source, const char *type, u32 flags, char *data);
/* A super block no namespace shows (pipes, sockets, memfd): panics at boot if it fails. */
struct mount *mount_internal(const struct fs_type *type);
/* 0, or -EROFS when the mount or super block is read-only. */
int mount_want_write(const struct mount *m);
struct mount_ns *mount_ns_copy(struct mount_ns *old);
/* The same, and @fs (of the new thread) stands in the copy from now on. */
struct mount_ns *mount_ns_copy_fs(struct mount_ns *old, struct fs_context *fs);
void mount_ns_put(struct mount_ns *ns);
/* Woken by mount_ns_event() of any namespace; ns->event tells whether it was this one. */
struct waitq *mount_event_waitq(void);
/* /proc/mounts, mountinfo (@kind 0, 1). */
int mount_ns_show(struct mount_ns *ns, const struct path *root, int kind, struct strbuf *out);

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

/* ---- open files ---- */

struct dir_emit {
	/* False: stop (buffer full); the entry was not taken. @type DT_*, @pos: cookie of the entry after this. */
	bool (*emit)(struct dir_emit *d, const char *name, u32 len, u64 ino, u8 type, u64 next_pos);
	void *data;
};

/*
 * op          locks held         may sleep   NULL means
 * read        f->pos_lock if the file has a position and not FMODE_OWN_POS   yes   -EINVAL
 * write       same               yes         -EINVAL
 * llseek      pos_lock           yes         llseek_generic for regular files and dirs; open sets FMODE_NO_POS for -ESPIPE
 * iterate     pos_lock, dir lock shared   yes   -ENOTDIR; starts at *pos, keeps it
 * poll        none               no          always ready: POLLIN | POLLOUT
 * ioctl       none               yes         -ENOTTY
 * mmap        map_lock           yes         -ENODEV; sets v->ops or leaves NULL for the page cache
 * open        none               yes         nothing to do
 * flush       none; each close   yes         nothing
 * release     none; last put     yes         nothing
 * fsync       none               yes         -EINVAL
 * fallocate   inode->lock        yes         -EOPNOTSUPP
 * splice_read none               yes         generic: read through a kernel page
 * show_fdinfo none               yes         nothing beyond pos, flags, mnt_id
 * async_reason a waitq's lock    no          no SIGIO: O_ASYNC does nothing.  POLL_IN ... for a wake-up of
 *                                            poll's queues with @events; 0: not worth a signal
 * async_group none               no          nobody owns the file until F_SETOWN; else the group, 0: the caller
 */
struct file_ops {
	ssize_t (*read)(struct file *f, struct iov_iter *to, loff_t *pos);
	ssize_t (*write)(struct file *f, struct iov_iter *from, loff_t *pos);
	loff_t (*llseek)(struct file *f, loff_t offset, int whence);
	int (*iterate)(struct file *f, struct dir_emit *d, u64 *pos);
	u32 (*poll)(struct file *f, struct poll_wait *w);
	long (*ioctl)(struct file *f, unsigned int cmd, unsigned long arg);
	int (*mmap)(struct file *f, struct vma *v);
	int (*open)(struct inode *inode, struct file *f);
	int (*flush)(struct file *f);
	void (*release)(struct file *f);
	int (*fsync)(struct file *f, u64 first, u64 last, bool datasync);
	int (*fallocate)(struct file *f, int mode, u64 offset, u64 len);
	ssize_t (*splice_read)(struct file *f, loff_t *pos, struct pipe *to, size_t len, u32 flags);
	void (*show_fdinfo)(struct file *f, struct strbuf *out);
	int (*async_reason)(struct file *f, u32 events);
	pid_t (*async_group)(struct file *f);
};
/* async_reason of a file that has no more to tell than data to read and room to write. */
int async_reason_in_out(struct file *f, u32 events);

#define FMODE_READ BIT(0)
#define FMODE_WRITE BIT(1)
#define FMODE_NO_POS BIT(3)     /* no file position: pipes, sockets, ttys; -ESPIPE on pread, and on seek unless it has llseek */
#define FMODE_PATH BIT(4)       /* O_PATH */
#define FMODE_OWN_POS BIT(6)    /* has a position of its own kind with its own lock: no pos_lock to read, write */
#define FMODE_WRITER BIT(5)     /* counted in inode->write_count */

struct file {
	const struct file_ops *ops;     /* [I] */
	struct inode *inode;            /* [I] = path.dentry->inode */
	struct path path;               /* [I] counted */
	struct refcount refs;
	_Atomic u32 flags;              /* O_*: open(2), changed by fcntl F_SETFL */
	u32 mode;                       /* FMODE_* [I] */
	struct mutex pos_lock;          /* LR_FILE_POS */
	loff_t pos GUARDED_BY(&pos_lock);
	struct readahead ra;
	/* What its owner was told of already, cursors of errseq.h: */
	_Atomic u32 wb_seen;            /* [a] of inode->mapping: fsync */
	_Atomic u32 meta_seen;          /* [a] of what the file system keeps on its device: fsync */
	_Atomic u32 sb_seen;            /* [a] of the super block: syncfs */
	const struct cred *cred;        /* [I] who opened it */
	_Atomic(struct file_owner *) owner; /* [a] tarn/fasync.h; NULL until somebody is named */
	struct list epoll_items;        /* fs/epoll.c: LR_LEAF lock inside it */
	void *private;                  /* the implementation's own */
	struct rcu_head rcu;
};

static inline struct file *file_get(struct file *f)
{
	ref_get(&f->refs);
	return f;
}
/* The last put releases, at once; may sleep. */
void file_put(struct file *f);
/* For who holds locks: if it was the last reference, a worker releases the file soon. */
void file_put_later(struct file *f);

/* Opens @path (its own references are taken, the caller keeps his): permission already checked.  ERR_PTR. */
struct file *file_open_path(const struct path *path, u32 flags, const struct cred *cred);
/* open(2) for the kernel (exec, initramfs): with permission checks of current. */
struct file *file_open(const char *name, u32 flags, mode_t mode);
/* A file on an internal super block: pipes, sockets, eventfd, memfd...  @name for /proc/PID/fd ("anon_inode:[x]").
 * @private is stored before it returns; ERR_PTR(-ENOMEM, -ENFILE). */
struct file *file_anon(const char *name, const struct file_ops *ops, void *private, u32 flags);
/* Like it with its own inode (reference taken over, also on error), for pipes and sockets.  A @name without
 * colon and slash gets the inode's number: "pipe" shows as "pipe:[12]". */
struct file *file_anon_inode(struct inode *inode, const char *name, const struct file_ops *ops,
			     void *private, u32 flags);
/* With a unique st_ino; @mode with its type.  NULL: no memory. */
struct inode *inode_anon(mode_t mode);
u64 file_count(void); /* open files, for /proc/sys/fs/file-nr */
extern int nr_open;   /* fs.nr_open: no descriptor, and no RLIMIT_NOFILE, is larger */

/* Kernel-side I/O on an open file. Bytes or -errno; *pos NULL: the file's own. */
ssize_t file_read(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t file_write(struct file *f, struct iov_iter *from, loff_t *pos);
ssize_t kernel_read(struct file *f, void *buf, size_t n, loff_t *pos);
ssize_t kernel_write(struct file *f, const void *buf, size_t n, loff_t *pos);
/* fallocate(2), its arguments checked. */
int file_fallocate(struct file *f, int mode, u64 offset, u64 len);
/* With the error of any writeback since this open file was told last. */
int file_fsync(struct file *f, u64 first, u64 last, bool datasync);
/* After a write that moved *pos to @end: what O_SYNC and its like ask for.  @n, or -errno. */
ssize_t file_written(struct file *f, u64 end, ssize_t n);
/* For file systems' file_ops.write: O_APPEND, limits, times, set-id bits, inode->lock, pagecache_write,
 * O_SYNC, dirty throttling. */
ssize_t file_write_generic(struct file *f, struct iov_iter *from, loff_t *pos);
ssize_t file_read_generic(struct file *f, struct iov_iter *to, loff_t *pos);
loff_t llseek_generic(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock);
/* Of files whose position means nothing: any seek succeeds and moves nothing, as on Linux. */
loff_t llseek_nowhere(struct file *f, loff_t offset, int whence);
/* deny_write for exec: 0 or -ETXTBSY; allow undoes. */
/* Times and set-id bits before a change of contents; inode->lock held.  0 or -errno. */
int file_modified(struct file *f);
int file_deny_write(struct file *f);
void file_allow_write(struct file *f);

/* Names made by the kernel itself, with current's rights and umask; 0 or -errno. */
int kernel_mkdir(const char *name, mode_t mode);
int kernel_mknod(const char *name, mode_t mode, kdev_t dev);
int kernel_symlink(const char *target, const char *name);
int kernel_link(const char *from, const char *to);

/* ---- descriptors: fs/fd.c ---- */
struct files {
	struct refcount refs;
	struct spinlock lock;               /* LR_FILES */
	struct fdtable *table;              /* RCU */
	u32 next_fd;                        /* hint: lowest that may be free */
	struct rcu_head rcu;
};
struct files *files_alloc(void);
struct files *files_copy(struct files *old, u32 max_fds);
void files_put(struct files *files);
void files_close_on_exec(struct files *files);

/* With a reference, or NULL (closed, or O_PATH unless fd_get_raw). */
struct file *fd_get(unsigned int fd);
struct file *fd_get_raw(unsigned int fd);
/* Cheap form: no atomic when the table is not shared; fd_put must be called by the same thread. */
struct fdref {
	struct file *file;
	bool counted;
};
struct fdref fd_ref(unsigned int fd);
struct fdref fd_ref_raw(unsigned int fd); /* O_PATH too */
static inline void fd_unref(struct fdref r)
{
	if (r.counted)
		file_put(r.file);
}
/* Lowest free descriptor >= @min, not visible until fd_install. -EMFILE. */
int fd_reserve(u32 min, u32 flags /* O_CLOEXEC */);
void fd_install(unsigned int fd, struct file *f); /* takes the reference */
void fd_unreserve(unsigned int fd);
/* No descriptor of current is this large: for select(2). */
u32 fd_table_size(void);
/* reserve + install; on error the file is put. */
int fd_add(struct file *f, u32 flags);
/* Of any thread, @t being counted: its next open descriptor >= @fd, -1 at the end. */
int thread_next_fd(struct thread *t, unsigned int fd);
/* Its file @fd with a reference, and, unless @cloexec is NULL, whether exec closes it; NULL: not open. */
struct file *thread_file(struct thread *t, unsigned int fd, bool *cloexec);
/* FMODE_* of its file @fd, without a reference that would have to be put; false: not open. */
bool thread_file_mode(struct thread *t, unsigned int fd, u32 *mode);

/* ---- locks, notifications ---- */
/* Before a close: POSIX locks of the closing files table go. */
void locks_on_close(struct file *f, struct files *owner);
void locks_on_release(struct file *f);
void locks_show(struct strbuf *out);
#define NOTIFY_IS_DIR BIT(30)
/* inotify event on @inode and, with @dentry's name, on its parent.  Cheap when nobody watches. */
void notify_dentry(struct dentry *d, u32 in_event);
void notify_file(struct file *f, u32 in_event);
void notify_name(struct inode *dir, const struct qstr *name, u32 in_event, u32 cookie);
void notify_inode_gone(struct inode *inode);

/* ---- start and stop ---- */
void vfs_init(void);
/* Unpacks a cpio archive (newc, gzip'ed if the magic says so) into current's root. 0 or -errno. */
int initramfs_unpack(const void *data, size_t size);
/* sync(2): all dirty pages, inodes, super blocks, device caches. */
void vfs_sync(void);
/* Before poweroff: sync, then everything read-only. */
void vfs_shutdown(void);
/* Writers wait here while too much is dirty: fs/writeback.c. */
void balance_dirty(void);
