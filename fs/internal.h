// SPDX-License-Identifier: MIT
/* What the files of fs/ offer one another and nobody else. */
#pragma once

#include <tarn/dentry.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/path.h>

struct fdtable;
struct kstat;
struct mount;
struct setattr;
struct super;

/* ---- dcache.c ---- */
void dcache_init(void);
/* The name is gone from the disk: the dentry becomes negative, or unhashed if others hold it. */
void dentry_delete(struct dentry *d);
/* Kills unused cached children (of a removed directory), so that it can go too. */
void dentry_prune_children(struct dentry *d);
/* Every unused dentry of @sb is freed; returns how many are still in use. */
u64 dentry_shrink_super(struct super *sb);
/* A reference, unless it is dying.  RCU. */
bool dentry_get_unless_dead(struct dentry *d);
/* A name in memory of its own, for dentry_move: NULL: no memory. */
extern _Atomic u64 rename_count; /* [a] changes around each change of a name */
char *dentry_name_dup(const struct qstr *name);
/* @d moves to @new_parent as @name (a dentry_name_dup).  Both directories are locked. */
void dentry_move(struct dentry *d, struct dentry *new_parent, char *name, u32 len);
void dentry_exchange(struct dentry *a, struct dentry *b, char *a_name, char *b_name);
/* @d lies below @ancestor or is it. */
bool dentry_is_below(const struct dentry *d, const struct dentry *ancestor);
/* As dentry_lookup under RCU without a reference: *seq for a later check. */
struct dentry *dentry_lookup_rcu(const struct dentry *parent, const struct qstr *name, u32 *seq);
u32 name_hash(const struct dentry *parent, const char *name, u32 len);
/* A directory has one name: true if another hashed alias of d->inode is there (bad image). */
bool dentry_dir_has_other_alias(struct dentry *d);

static inline bool dentry_is_hashed(const struct dentry *d)
{
	return !(atomic_load_explicit(&d->flags, memory_order_relaxed) & DF_UNHASHED);
}

/* Gives a new dentry its inode (reference taken over) without hashing it. */
void dentry_attach(struct dentry *d, struct inode *inode);
/* From now on walks find it. */
void dentry_hash(struct dentry *d);

/* ---- inode.c ---- */
void inode_cache_init(void);
/* A reference to an inode found on a list, also an unused one; false: it is being freed. */
bool inode_grab(struct inode *inode);
void inode_shrink_super(struct super *sb);
void inode_fix_rank(struct inode *inode);
/* Writes a dirty inode back: pages and attributes. */
int inode_writeback(struct inode *inode, bool wait);
/* A removed directory: no more entries.  inode->lock held or nobody else has it. */
void inode_set_dead(struct inode *inode);
/* relatime, noatime: after a read. */
void file_accessed(struct file *f);
void atime_update(const struct path *p);
bool atime_would_change(const struct mount *m, struct inode *inode); /* also under RCU */

/* ---- super.c ---- */
bool super_get_active(struct super *sb);
/* Calls @fn for each live super block, its umount_lock held shared. */
void super_for_each(void (*fn)(struct super *sb, void *arg), void *arg);
int super_sync(struct super *sb, bool wait);
void super_freeze(struct super *sb);
int super_remount(struct super *sb, u32 flags, char *data);

/* ---- mount.c ---- */
extern struct spinlock mount_lock;
extern struct seqcount mount_seq;
void mount_get(struct mount *m);
void mount_put(struct mount *m);
/* What is mounted on @p, with a reference, or NULL. */
struct mount *mount_at(struct mount *parent, struct dentry *mountpoint);
/* The same under RCU without one. */
struct mount *mount_at_rcu(const struct mount *parent, const struct dentry *mountpoint);
/* Moves *@p, while it is a mount's root, to the mount point below; false: it is the top. References move along. */
bool mount_up(struct path *p);
/* Moves *@p, while something is mounted on it, to the root of that. */
void mount_down(struct path *p);
bool dentry_is_mountpoint(struct dentry *d);
int mount_do(const char *source, const struct path *target, const char *type, u32 flags, char *data);

/* ---- path.c: see the head comment there ---- */
enum last_kind { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk {
	struct path path;        /* where the walk stands; counted unless rcu */
	struct inode *inode;     /* of path.dentry */
	u32 seq;                 /* path.dentry's, while rcu */
	u32 mount_seq;
	u64 renames;             /* rename_count at the start, for scoped walks */
	bool rcu;
	bool trailing;           /* the step is to the last name of the path, or of a link that ends it */
	bool trailing_slash;
	u32 flags;               /* LOOKUP_* */
	u32 links;               /* symlinks followed */
	enum last_kind last_kind;
	struct qstr last;
	const char *name;        /* what is left to walk */
	const char *original;
	char *flat;              /* kmalloc'ed text name points into, or NULL */
	const char *saved[3];    /* rcu: text to go on with after a link's own */
	u32 depth;
	struct path root;        /* where "/" and ".." end; counted unless rcu */
	struct path start;       /* where it began; its owner outlives the walk, or start_counted */
	struct path jump;        /* link_jump's target while get_link runs */
	bool have_start;         /* start was given, is dirfd's or counted; else the working directory */
	bool start_counted;
	struct fdref dirfd;
	struct walk *outer;
};

/* Begins at @dfd (a descriptor or AT_FDCWD) or, not NULL, at @base.  walk_end() in any case. */
int walk_begin(struct walk *w, int dfd, const struct path *base, const char *name, u32 flags);
void walk_end(struct walk *w);
/* To the parent of the last component: w->path (counted), w->last, w->last_kind, trailing_slash. */
int walk_parent(struct walk *w);
/* After walk_parent: @d, the last component, is a symlink: w goes to the parent of its target, w->last
 * names that; a magic link's target itself comes as LAST_ROOT. */
int walk_follow_last(struct walk *w, struct dentry *d);
/* From the start to the end: w->path. */
int walk_whole(struct walk *w);
/* The child @name of @dir, looked up on disk if need be; dir->inode->lock held exclusively. ERR_PTR. */
struct dentry *lookup_locked(struct dentry *dir, const struct qstr *name, u32 flags);
/* The same without the lock. */
struct dentry *lookup_child(struct dentry *dir, const struct qstr *name, u32 flags);
int resolve_path(int dfd, const char *name, u32 flags, struct path *out);
/* AT_* flags of the *at calls that look a path up: 0 or -errno. */
int path_at_user(int dfd, const char __user *name, int at_flags, struct path *out);

/* ---- perm.c ---- */
int perm_delete(struct inode *dir, struct dentry *victim, bool want_dir);
int perm_create(struct inode *dir);
int perm_open(const struct path *p, u32 flags);
int perm_sticky(const struct inode *dir, const struct inode *victim);

/* What a new file in @dir gets of @mode (with its type): the umask, and no set-group-id without the right to it. */
mode_t mode_for_new(const struct inode *dir, mode_t mode);

/* ---- sticky.c: 0, -EACCES or -EPERM ---- */
int perm_follow_link(const struct inode *dir, const struct inode *link);
int perm_hard_link(struct inode *inode);
int perm_open_for_create(const struct inode *dir, const struct inode *inode);

/* ---- file.c ---- */
void file_cache_init(void);
u64 anon_magic(const struct inode *inode);
struct file *file_alloc(u32 flags, const struct cred *cred); /* ERR_PTR(-ENFILE, -ENOMEM) */
void file_limits_init(void);
bool file_limit_reached(u64 open);
bool inode_takes_direct(const struct inode *inode);
int inode_get_write(struct inode *inode);        /* 0 or -ETXTBSY */
void inode_put_write(struct inode *inode);
void file_uncount_writer(struct file *f);        /* just opened: it does not keep programs from running */

/* ---- inotify.c ---- */
/* To watchers of the inode itself, not of its parent. */
void notify_dentry_self(struct dentry *d, u32 event);

/* ---- read_write.c ---- */
int file_too_large(void);

/* ---- others ---- */
int vfs_create(const struct path *dir, struct dentry *d, mode_t mode);
int vfs_truncate(const struct path *p, u64 size);
int setattr_locked(struct dentry *d, struct setattr *attr);
int path_setattr(const struct path *p, struct setattr *attr);
int path_getattr(const struct path *p, struct kstat *out);
long fcntl_lock(struct file *f, unsigned int cmd, unsigned long arg, unsigned int fd);
long memfd_fcntl(struct file *f, unsigned int cmd, unsigned long arg);
/* Limits of what a user may have: a machine with @pages of memory starts. */
void locks_limit_init(u64 pages);
void epoll_limit_init(u64 pages);
void inotify_limit_init(u64 pages);
void inotify_free_marks(struct inode *inode);
void tmpfs_init(void);
void devfs_init(void);
void memdev_init(void);
void writeback_init(void);
/* balance_dirty() without its rate limit. */
void balance_dirty_now(void);
void mount_init(void);
/* The file system goes: watches of its inodes end with IN_UNMOUNT. */
void inotify_unmount(struct super *sb);
void inode_locks_free(struct inode *inode);

static inline u32 file_flags(const struct file *f)
{
	return atomic_load_explicit(&f->flags, memory_order_relaxed);
}
