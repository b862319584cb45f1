// SPDX-License-Identifier: MIT
/*
 * Paths: a dentry seen through a mount, and the walks that find one.  fs/path.c.
 *
 * A struct path that somebody keeps holds references to both; path_put() drops them.
 */
#pragma once

#include <tarn/lock.h>
#include <tarn/refcount.h>

struct dentry;
struct mount;

#define PATH_MAX_LEN 4096 /* bytes, the NUL included */

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(const struct path *p);

/* Where a thread stands: shared by CLONE_FS. */
struct fs_context {
	struct refcount refs;
	struct spinlock lock;                         /* LR_LEAF */
	struct path root, cwd;                        /* counted; lock */
	u32 umask;                                    /* lock to write */
};
struct fs_context *fs_context_copy(struct fs_context *old);
void fs_context_put(struct fs_context *fs);
void fs_get_root(struct path *out); /* current's, with references */
void fs_get_cwd(struct path *out);

/* ---- walks ---- */

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
/* bind(2) of a Unix socket: makes the node @name (a kernel string) of type S_IFSOCK; *out with
 * references (NULL: only says what would be wrong).  0, -EADDRINUSE when the name exists, -errno. */
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

/* Names made by the kernel itself, with current's rights and umask; 0 or -errno. */
int kernel_mkdir(const char *name, mode_t mode);
int kernel_mknod(const char *name, mode_t mode, kdev_t dev);
int kernel_symlink(const char *target, const char *name);
int kernel_link(const char *from, const char *to);
