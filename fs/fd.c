// SPDX-License-Identifier: MIT
/*
 * Descriptors: the table from small integers to open files.
 *
 * Locks: files->lock guards changes.  Lookups need none: while only one thread
 *   has the table nobody can change it under it, otherwise they run under RCU,
 *   take a reference conditionally and look at the slot again.  Tables grow by
 *   copying; old ones go through RCU.
 */
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <arch/uaccess.h>
#include <tarn/bitmap.h>
#include <tarn/fasync.h>
#include <tarn/inode.h>
#include <tarn/nospec.h>
#include <tarn/pipe.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

struct fdtable {
	u32 max;              /* [I] slots: a multiple of 64 */
	struct file **file;   /* [I] slots: files->lock to write */
	ulong *open;          /* bit per slot taken, also before fd_install */
	ulong *cloexec;
	struct rcu_head rcu;
};

/* The slot of @fd, which is below t->max, also where the CPU only guesses so. */
static struct file **slot_of(const struct fdtable *t, unsigned int fd)
{
	return &t->file[index_nospec(fd, t->max)];
}

static struct fdtable *table_alloc(u32 max)
{
	size_t words = BITMAP_WORDS(max);
	struct fdtable *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->max = max;
	t->file = kzalloc(max * sizeof(*t->file) + 2 * words * sizeof(ulong), GFP_KERNEL);
	if (!t->file) {
		kfree(t);
		return NULL;
	}
	t->open = (ulong *)(t->file + max);
	t->cloexec = t->open + words;
	return t;
}

static void table_free_rcu(struct rcu_head *h)
{
	struct fdtable *t = container_of(h, struct fdtable, rcu);

	kfree(t->file);
	kfree(t);
}

static void table_copy(struct fdtable *to, const struct fdtable *from)
{
	u32 n = MIN(to->max, from->max);

	memcpy(to->file, from->file, n * sizeof(*to->file));
	memcpy(to->open, from->open, BITMAP_WORDS(n) * sizeof(ulong));
	memcpy(to->cloexec, from->cloexec, BITMAP_WORDS(n) * sizeof(ulong));
}

/* files->lock held, dropped meanwhile.  Room for slot @fd: 0, -EMFILE, -ENOMEM. */
static int table_grow(struct files *files, u32 fd) MUST_HOLD(&files->lock)
{
	u32 max = MAX(files->table->max * 2, 64u);
	struct fdtable *t, *old;

	if (fd >= (u32)READ_ONCE(nr_open))
		return -EMFILE;
	while (max <= fd)
		max *= 2;
	spin_unlock(&files->lock);
	t = table_alloc(max);
	spin_lock(&files->lock);
	if (!t)
		return -ENOMEM;
	old = files->table;
	if (old->max >= max) { /* another thread grew it */
		table_free_rcu(&t->rcu);
		return 0;
	}
	table_copy(t, old);
	rcu_assign(files->table, t);
	rcu_call(&old->rcu, table_free_rcu);
	return 0;
}

/* ---- tables ---- */

struct files *files_alloc(void)
{
	struct files *files = kzalloc(sizeof(*files), GFP_KERNEL);

	if (!files)
		return NULL;
	files->table = table_alloc(64);
	if (!files->table) {
		kfree(files);
		return NULL;
	}
	ref_init(&files->refs, 1);
	spin_init(&files->lock, "files", LR_FILES);
	return files;
}

/* The copy's slots below @max_fds: references, and no holes for reservations that are not installed. */
static void take_files(struct fdtable *t, u32 max_fds)
{
	for (u32 fd = 0; fd < t->max; fd++) {
		struct file *f = t->file[fd];

		if (fd >= max_fds || !f) {
			t->file[fd] = NULL;
			bitmap_clear(t->open, fd);
			bitmap_clear(t->cloexec, fd);
		} else {
			file_get(f);
		}
	}
}

struct files *files_copy(struct files *old, u32 max_fds)
{
	struct files *files = kzalloc(sizeof(*files), GFP_KERNEL);
	struct fdtable *t;
	u32 max;

	if (!files)
		return NULL;
	ref_init(&files->refs, 1);
	spin_init(&files->lock, "files", LR_FILES);
	for (;;) {
		size_t top;

		/* Only as large as its highest open descriptor needs. */
		spin_lock(&old->lock);
		top = old->table->max;
		while (top > 64 && bitmap_find_next_set(old->table->open, top, top - 64) == top)
			top -= 64;
		spin_unlock(&old->lock);
		max = (u32)top;
		t = table_alloc(max);
		if (!t) {
			kfree(files);
			return NULL;
		}
		spin_lock(&old->lock);
		if (bitmap_find_next_set(old->table->open, old->table->max, max) >=
		    old->table->max)
			break;
		spin_unlock(&old->lock); /* grew meanwhile */
		table_free_rcu(&t->rcu);
	}
	table_copy(t, old->table);
	take_files(t, max_fds);
	spin_unlock(&old->lock);
	files->table = t;
	return files;
}

static void close_file(struct file *f, struct files *owner)
{
	if (f->ops->flush && !(f->mode & FMODE_PATH))
		f->ops->flush(f);
	if (f->inode->locks)
		locks_on_close(f, owner);
	file_put(f);
}

static void files_free_rcu(struct rcu_head *h)
{
	struct files *files = container_of(h, struct files, rcu);

	table_free_rcu(&files->table->rcu);
	kfree(files);
}

void files_put(struct files *files)
{
	struct fdtable *t = files->table;
	size_t fd;

	if (!ref_put(&files->refs))
		return;
	BITMAP_FOR_EACH(fd, t->open, t->max) {
		if (t->file[fd])
			close_file(t->file[fd], files);
		cond_resched();
	}
	rcu_call(&files->rcu, files_free_rcu);
}

/* files->lock held.  The slot is free afterwards. */
static struct file *take_slot(struct files *files, u32 fd)
{
	struct fdtable *t = files->table;
	struct file *f = t->file[fd];

	rcu_assign(t->file[fd], NULL);
	bitmap_clear(t->open, fd);
	bitmap_clear(t->cloexec, fd);
	if (fd < files->next_fd)
		files->next_fd = fd;
	return f;
}

void files_close_on_exec(struct files *files)
{
	size_t fd = 0;

	spin_lock(&files->lock);
	for (;;) {
		struct fdtable *t = files->table;
		struct file *f;

		fd = bitmap_find_next_set(t->cloexec, t->max, fd);
		if (fd >= t->max)
			break;
		if (!t->file[fd]) { /* being opened by somebody who shares the table */
			fd++;
			continue;
		}
		f = take_slot(files, (u32)fd);
		spin_unlock(&files->lock);
		close_file(f, files);
		spin_lock(&files->lock);
	}
	spin_unlock(&files->lock);
}

u32 fd_table_size(void)
{
	u32 max;

	rcu_read_lock();
	max = rcu_dereference(current->files->table)->max;
	rcu_read_unlock();
	return max;
}

/* ---- another's table ---- */

/*
 * /proc and pidfd_getfd(2) look at tables of others.  They hold no reference to the table: whoever has the
 * last one closes all files, and that must not be somebody who holds a directory's lock.  RCU keeps what
 * they look at, also while its owner exits.
 */
int thread_next_fd(struct thread *t, unsigned int fd)
{
	struct files *files;
	int found = -1;

	rcu_read_lock();
	files = READ_ONCE(t->files);
	if (files) {
		spin_lock(&files->lock);
		for (; found < 0 && fd < files->table->max; fd++)
			if (files->table->file[fd])
				found = (int)fd;
		spin_unlock(&files->lock);
	}
	rcu_read_unlock();
	return found;
}

/* Under RCU: file @fd, which may be closed meanwhile and is not counted; NULL: not open. */
static struct file *look_up(const struct thread *t, unsigned int fd, bool *cloexec)
{
	struct files *files = READ_ONCE(t->files);
	struct file *f = NULL;

	if (!files)
		return NULL;
	spin_lock(&files->lock);
	if (fd < files->table->max) {
		f = *slot_of(files->table, fd);
		if (cloexec)
			*cloexec = bitmap_test(files->table->cloexec, fd);
	}
	spin_unlock(&files->lock);
	return f;
}

struct file *thread_file(struct thread *t, unsigned int fd, bool *cloexec)
{
	struct file *f;

	rcu_read_lock();
	f = look_up(t, fd, cloexec);
	if (f && !ref_get_unless_zero(&f->refs))
		f = NULL; /* closed this moment */
	rcu_read_unlock();
	return f;
}

bool thread_file_mode(struct thread *t, unsigned int fd, u32 *mode)
{
	const struct file *f;

	rcu_read_lock();
	f = look_up(t, fd, NULL);
	if (f)
		*mode = f->mode;
	rcu_read_unlock();
	return f;
}

/* ---- lookup ---- */

static struct file *lookup_shared(struct files *files, unsigned int fd)
{
	struct file *f;

	rcu_read_lock();
	for (;;) {
		struct fdtable *t = rcu_dereference(files->table);

		f = fd < t->max ? rcu_dereference(*slot_of(t, fd)) : NULL;
		if (!f)
			break;
		if (!ref_get_unless_zero(&f->refs))
			continue; /* closed this moment: the slot will say so */
		if (rcu_dereference(t->file[fd]) == f && rcu_dereference(files->table) == t)
			break;
		rcu_read_unlock();
		file_put(f);
		rcu_read_lock();
	}
	rcu_read_unlock();
	return f;
}

struct fdref fd_ref_raw(unsigned int fd)
{
	struct files *files = current->files;
	struct fdtable *t;

	if (unlikely(ref_read(&files->refs) != 1))
		return (struct fdref){ lookup_shared(files, fd), true };
	t = files->table;
	return (struct fdref){ fd < t->max ? *slot_of(t, fd) : NULL, false };
}

static NOINLINE struct fdref ref_shared(struct files *files, unsigned int fd)
{
	struct file *f = lookup_shared(files, fd);

	if (f && unlikely(f->mode & FMODE_PATH)) {
		file_put(f);
		f = NULL;
	}
	return (struct fdref){ f, f };
}

/* Nearly every call begins here. */
struct fdref fd_ref(unsigned int fd)
{
	struct files *files = current->files;
	struct fdtable *t;
	struct file *f = NULL;

	if (unlikely(ref_read(&files->refs) != 1))
		return ref_shared(files, fd);
	t = files->table;
	if (likely(fd < t->max)) {
		f = t->file[fd];
		if (f && unlikely(f->mode & FMODE_PATH))
			f = NULL;
	}
	return (struct fdref){ f, false };
}

struct file *fd_get_raw(unsigned int fd)
{
	struct fdref r = fd_ref_raw(fd);

	return r.file && !r.counted ? file_get(r.file) : r.file;
}

struct file *fd_get(unsigned int fd)
{
	struct fdref r = fd_ref(fd);

	return r.file && !r.counted ? file_get(r.file) : r.file;
}

/* ---- new descriptors ---- */

static int reserve_locked(struct files *files, u32 min, u32 flags) MUST_HOLD(&files->lock)
{
	u64 limit = MIN(rlimit_cur(RLIMIT_NOFILE), (u64)READ_ONCE(nr_open));
	struct fdtable *t;
	size_t fd;
	int err;

	for (;;) {
		t = files->table;
		fd = bitmap_find_next_zero(t->open, t->max, MAX(min, files->next_fd));
		if (fd < min)
			fd = min;
		if (fd >= limit)
			return -EMFILE;
		if (fd < t->max)
			break;
		err = table_grow(files, (u32)fd);
		if (err)
			return err;
	}
	bitmap_set(t->open, fd);
	if (flags & O_CLOEXEC)
		bitmap_set(t->cloexec, fd);
	else
		bitmap_clear(t->cloexec, fd);
	if (min <= files->next_fd)
		files->next_fd = (u32)fd + 1;
	return (int)fd;
}

int fd_reserve(u32 min, u32 flags)
{
	struct files *files = current->files;
	int fd;

	spin_lock(&files->lock);
	fd = reserve_locked(files, min, flags);
	spin_unlock(&files->lock);
	return fd;
}

void fd_install(unsigned int fd, struct file *f)
{
	struct files *files = current->files;

	spin_lock(&files->lock);
	rcu_assign(files->table->file[fd], f);
	spin_unlock(&files->lock);
}

void fd_unreserve(unsigned int fd)
{
	spin_lock(&current->files->lock);
	take_slot(current->files, fd);
	spin_unlock(&current->files->lock);
}

int fd_add(struct file *f, u32 flags)
{
	struct files *files = current->files;
	int fd;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	spin_lock(&files->lock);
	fd = reserve_locked(files, 0, flags);
	if (fd >= 0)
		rcu_assign(files->table->file[fd], f);
	spin_unlock(&files->lock);
	if (fd < 0)
		file_put(f);
	return fd;
}

/* ---- close(2), dup(2) ---- */

long sys_close(unsigned int fd)
{
	struct files *files = current->files;
	struct file *f = NULL;

	spin_lock(&files->lock);
	if (fd < files->table->max && *slot_of(files->table, fd))
		f = take_slot(files, fd);
	spin_unlock(&files->lock);
	if (!f)
		return -EBADF;
	close_file(f, files);
	return 0;
}

static long dup_min(unsigned int fd, u32 min, u32 flags)
{
	struct file *f = fd_get_raw(fd);
	int new;

	if (!f)
		return -EBADF;
	new = fd_reserve(min, flags);
	if (new < 0)
		file_put(f);
	else
		fd_install((unsigned int)new, f);
	return new;
}

long sys_dup(unsigned int fd)
{
	return dup_min(fd, 0, 0);
}

/* Puts @f (its reference) at @fd, closing what was there. */
static long dup_to(struct file *f, unsigned int fd, u32 flags)
{
	struct files *files = current->files;
	struct file *old = NULL;
	struct fdtable *t;
	int err = 0;

	spin_lock(&files->lock);
	if (fd >= files->table->max)
		err = table_grow(files, fd);
	t = files->table;
	if (!err && !t->file[fd] && bitmap_test(t->open, fd))
		err = -EBUSY; /* another thread is opening it */
	if (!err) {
		old = t->file[fd];
		bitmap_set(t->open, fd);
		if (flags & O_CLOEXEC)
			bitmap_set(t->cloexec, fd);
		else
			bitmap_clear(t->cloexec, fd);
		rcu_assign(t->file[fd], f);
	}
	spin_unlock(&files->lock);
	if (err) {
		file_put(f);
		return err;
	}
	if (old)
		close_file(old, files);
	return fd;
}

static long do_dup3(unsigned int oldfd, unsigned int newfd, u32 flags)
{
	struct file *f;

	if (newfd >= rlimit_cur(RLIMIT_NOFILE))
		return -EBADF;
	f = fd_get_raw(oldfd);
	if (!f)
		return -EBADF;
	return dup_to(f, newfd, flags);
}

long sys_dup3(unsigned int oldfd, unsigned int newfd, int flags)
{
	if (flags & ~O_CLOEXEC)
		return -EINVAL;
	if (oldfd == newfd)
		return -EINVAL;
	return do_dup3(oldfd, newfd, (u32)flags);
}

long sys_dup2(unsigned int oldfd, unsigned int newfd)
{
	if (oldfd == newfd) {
		struct fdref r = fd_ref_raw(oldfd);

		if (!r.file)
			return -EBADF;
		fd_unref(r);
		return newfd;
	}
	return do_dup3(oldfd, newfd, 0);
}

/* ---- close_range(2) ---- */

static void close_many(struct files *files, u32 first, u32 last)
{
	u32 fd = first;

	spin_lock(&files->lock);
	while (fd <= last && fd < files->table->max) {
		struct file *f;

		fd = (u32)bitmap_find_next_set(files->table->open, files->table->max, fd);
		if (fd > last || fd >= files->table->max)
			break;
		f = files->table->file[fd] ? take_slot(files, fd) : NULL;
		fd++;
		if (f) {
			spin_unlock(&files->lock);
			close_file(f, files);
			spin_lock(&files->lock);
		}
	}
	spin_unlock(&files->lock);
}

static void cloexec_many(struct files *files, u32 first, u32 last)
{
	struct fdtable *t;

	spin_lock(&files->lock);
	t = files->table;
	for (u32 fd = first; fd <= last && fd < t->max; fd++)
		if (t->file[fd])
			bitmap_set(t->cloexec, fd);
	spin_unlock(&files->lock);
}

/* A table of our own (CLOSE_RANGE_UNSHARE). */
static int unshare_files(void)
{
	struct files *old = current->files, *files;

	if (ref_read(&old->refs) == 1)
		return 0;
	files = files_copy(old, ~0u);
	if (!files)
		return -ENOMEM;
	spin_lock(&current->lock);
	current->files = files;
	spin_unlock(&current->lock);
	files_put(old);
	return 0;
}

long sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	int err;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = unshare_files();
		if (err)
			return err;
	}
	if (flags & CLOSE_RANGE_CLOEXEC)
		cloexec_many(current->files, first, last);
	else
		close_many(current->files, first, last);
	return 0;
}

/* ---- fcntl(2) ---- */

static long get_cloexec(unsigned int fd)
{
	struct files *files = current->files;
	long on;

	spin_lock(&files->lock);
	on = fd < files->table->max && bitmap_test(files->table->cloexec, fd);
	spin_unlock(&files->lock);
	return on ? FD_CLOEXEC : 0;
}

static long set_cloexec(unsigned int fd, bool on)
{
	struct files *files = current->files;

	spin_lock(&files->lock);
	if (fd < files->table->max && files->table->file[fd]) {
		if (on)
			bitmap_set(files->table->cloexec, fd);
		else
			bitmap_clear(files->table->cloexec, fd);
	}
	spin_unlock(&files->lock);
	return 0;
}

static long set_flags(struct file *f, unsigned int fd, u32 flags)
{
	const u32 changeable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
	u32 old = file_flags(f);
	long err;

	if ((f->inode->attr_flags & S_APPEND) && ((old ^ flags) & O_APPEND))
		return -EPERM;
	/* Of a pipe it means packets. */
	if ((flags & O_DIRECT) && !inode_takes_direct(f->inode) && (f->inode->mode & S_IFMT) != S_IFIFO)
		return -EINVAL;
	if ((flags & O_NOATIME) && !(old & O_NOATIME) && !inode_owner_or_capable(f->inode))
		return -EPERM;
	if (f->ops->async_reason && ((old ^ flags) & FASYNC)) {
		err = fasync_set(f, (int)fd, flags & FASYNC);
		if (err)
			return err;
	}
	atomic_fetch_and(&f->flags, ~changeable | flags);
	atomic_fetch_or(&f->flags, changeable & flags);
	return 0;
}

static long do_fcntl(struct file *f, unsigned int fd, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= rlimit_cur(RLIMIT_NOFILE))
			return -EINVAL;
		return dup_min(fd, (u32)arg, cmd == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0);
	case F_GETFD:
		return get_cloexec(fd);
	case F_SETFD:
		return set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return file_flags(f);
	}
	if (f->mode & FMODE_PATH)
		return -EBADF;
	switch (cmd) {
	case F_SETFL:
		return set_flags(f, fd, (u32)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return fcntl_lock(f, cmd, arg, fd);
	case F_SETOWN:
	case F_GETOWN:
	case F_SETSIG:
	case F_GETSIG:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
	case F_GETOWNER_UIDS:
		return fasync_fcntl(f, cmd, arg);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return pipe_fcntl(f, cmd, arg);
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return memfd_fcntl(f, cmd, arg);
	default: /* leases, dnotify and hints are not there */
		return -EINVAL;
	}
}

long sys_fcntl(unsigned int fd, unsigned int cmd, unsigned long arg)
{
	struct fdref r = fd_ref_raw(fd);
	long ret;

	if (!r.file)
		return -EBADF;
	ret = do_fcntl(r.file, fd, cmd, arg);
	fd_unref(r);
	return ret;
}
