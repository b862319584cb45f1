// SPDX-License-Identifier: MIT
/*
 * Open files: what open(2) makes and a descriptor names.  fs/file.c, open.c, read_write.c.
 *
 * References:  file -> path (mount, dentry) -> inode -> super block.
 *   The last file_put() calls release, at once.
 *
 * Lock: pos_lock serialises those who move the position, as POSIX asks of read(2).
 *
 * [I] fixed once created, [a] atomic; other fields name their lock.
 */
#pragma once

#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/pagecache.h>
#include <tarn/path.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>

struct cred;
struct file;
struct file_owner;
struct files;
struct inode;
struct iov_iter;
struct pipe;
struct poll_wait;
struct strbuf;
struct vma;

struct dir_emit {
	/* False: stop (buffer full); the entry was not taken. @type DT_*, @next_pos: cookie of the entry after this. */
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
	struct readahead ra;            /* hints: racing readers may confuse it, no more */
	/* What its owner was told of already, cursors of errseq.h: */
	_Atomic u32 wb_seen;            /* [a] of inode->mapping: fsync */
	_Atomic u32 meta_seen;          /* [a] of what the file system keeps on its device: fsync */
	_Atomic u32 sb_seen;            /* [a] of the super block: syncfs */
	const struct cred *cred;        /* [I] who opened it */
	_Atomic(struct file_owner *) owner; /* [a] tarn/fasync.h; NULL until somebody is named */
	struct list epoll_items;        /* who polls it: fs/epoll.c, under its items_lock */
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
/* Times and set-id bits before a change of contents; inode->lock held.  0 or -errno. */
int file_modified(struct file *f);
/* For exec: 0 or -ETXTBSY; allow undoes. */
int file_deny_write(struct file *f);
void file_allow_write(struct file *f);

/* ---- locks of files: fs/locks.c ---- */

/* Before a close: POSIX locks of the closing files table go. */
void locks_on_close(struct file *f, struct files *owner);
void locks_on_release(struct file *f);
void locks_show(struct strbuf *out);
