// SPDX-License-Identifier: MIT
/*
 * A mounted disk, used by path: what the system calls of fs/ do, without users,
 * permissions and descriptors.  The locks of each operation are taken as there.
 *
 * Paths begin at the root, "a/b/c"; "" is the root.  0 or -errno.
 */
#pragma once

#include <linux/stat.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/path.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include "disk.h"

extern struct super *volume; /* what is mounted; NULL: nothing */

int vol_mount(struct disk *d, bool read_only);
void vol_unmount(void);
int vol_remount(bool read_only);
int vol_sync(void);

/* With a reference, or ERR_PTR. */
struct inode *vol_get(const char *path);
/* A file, directory or other node, by the type in @mode. */
int vol_make(const char *path, mode_t mode);
int vol_symlink(const char *target, const char *path);
int vol_readlink(const char *path, char *buf, size_t size);
int vol_link(const char *old, const char *path);
int vol_unlink(const char *path);
int vol_rmdir(const char *path);
int vol_rename(const char *from, const char *to, u32 flags);
/* A file without a name, with a reference; ERR_PTR. */
struct inode *vol_tmpfile(const char *dir);

ssize_t vol_write(const char *path, u64 pos, const void *buf, size_t n);
ssize_t vol_read(const char *path, u64 pos, void *buf, size_t n);
ssize_t vol_write_inode(struct inode *inode, u64 pos, const void *buf, size_t n);
ssize_t vol_read_inode(struct inode *inode, u64 pos, void *buf, size_t n);
int vol_truncate(const char *path, u64 size);
int vol_fallocate(const char *path, int mode, u64 pos, u64 len);
int vol_fsync(const char *path);
loff_t vol_seek(const char *path, loff_t pos, int whence);
/* Its cached pages go: written first. */
int vol_drop_pages(const char *path);

int vol_chmod(const char *path, mode_t mode);
int vol_setxattr(const char *path, const char *name, const void *value, size_t n);
ssize_t vol_getxattr(const char *path, const char *name, void *value, size_t n);
ssize_t vol_listxattr(const char *path, char *list, size_t n);

/* How many names the directory shows, "." and ".." with them; @each (or NULL) gets each. */
int vol_list(const char *path, void (*each)(const char *name, u32 len, u64 ino, u8 type));
/* Everything below the root is looked up, stat'ed, listed and read: how many names, or the first error. */
int vol_walk(void);
