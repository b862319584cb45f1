// SPDX-License-Identifier: MIT
/*
 * Reading and writing through open files: read(2) and its variants, lseek(2),
 * copy_file_range(2), and the generic write path of page-cached files.
 *
 * pos_lock makes read and write of one open file description atomic towards
 * its position.  It is not taken while only this thread can reach the file.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/inotify.h>
#include <linux/mount.h>
#include <arch/uaccess.h>
#include <tarn/inode.h>
#include <tarn/notify.h>
#include <tarn/process.h>
#include <tarn/signal.h>
#include <tarn/slab.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

#define MAX_RW 0x7ffff000ul /* as Linux: one call moves no more */
#define COPY_CHUNK (64ul << 10)
#define WRITE_PIECE (1ul << 20)
#define BALANCE_AT_ONCE (64u << 10) /* bytes of one write after which dirty pages are counted */

/* ---- one file, one position ---- */

static void clamp_iter(struct iov_iter *it)
{
	if (it->count > MAX_RW)
		it->count = MAX_RW;
}

/* A length that, from @pos on, ends beyond the last position is no length for any file. */
static bool ends_too_far(loff_t pos, size_t count)
{
	loff_t end;

	return __builtin_add_overflow(pos, count, &end);
}

static ssize_t read_at(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t n;

	if (!(f->mode & FMODE_READ))
		return -EBADF;
	if (!f->ops->read)
		return mode_is_dir(f->inode->mode) ? -EISDIR : -EINVAL;
	if (ends_too_far(*pos, to->count))
		return -EINVAL;
	clamp_iter(to);
	n = f->ops->read(f, to, pos);
	current->syscr++;
	if (n > 0) {
		current->rchar += (u64)n;
		notify_file(f, IN_ACCESS);
	}
	return n;
}

static ssize_t write_at(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t n;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	if (ends_too_far(*pos, from->count))
		return -EINVAL;
	clamp_iter(from);
	n = f->ops->write(f, from, pos);
	current->syscw++;
	if (n > 0) {
		current->wchar += (u64)n;
		notify_file(f, IN_MODIFY);
	}
	return n;
}

static bool pos_needs_lock(const struct file *f, bool counted)
{
	return !(f->mode & (FMODE_NO_POS | FMODE_OWN_POS)) && (counted || ref_read(&f->refs) > 1);
}

typedef ssize_t rw_fn(struct file *f, struct iov_iter *it, loff_t *pos);

/* At the file's own position. */
static ssize_t rw_own_pos(struct file *f, struct iov_iter *it, bool counted, rw_fn *fn)
{
	loff_t none = 0;
	ssize_t n;

	if (f->mode & FMODE_NO_POS)
		return fn(f, it, &none);
	if (!pos_needs_lock(f, counted))
		return fn(f, it, &f->pos);
	mutex_lock(&f->pos_lock);
	n = fn(f, it, &f->pos);
	mutex_unlock(&f->pos_lock);
	return n;
}

ssize_t file_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return pos ? read_at(f, to, pos) : rw_own_pos(f, to, true, read_at);
}

ssize_t file_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	return pos ? write_at(f, from, pos) : rw_own_pos(f, from, true, write_at);
}

ssize_t kernel_read(struct file *f, void *buf, size_t n, loff_t *pos)
{
	struct iov_iter it;

	iov_init_kernel(&it, buf, n);
	return file_read(f, &it, pos);
}

ssize_t kernel_write(struct file *f, const void *buf, size_t n, loff_t *pos)
{
	struct iov_iter it;

	iov_init_kernel(&it, (void *)buf, n);
	return file_write(f, &it, pos);
}

/* ---- page-cached files ---- */

ssize_t file_read_generic(struct file *f, struct iov_iter *to, loff_t *pos)
{
	size_t asked = to->count;
	ssize_t n = pagecache_read(f, to, pos);

	if (n >= 0 && asked) /* at the end of the file, too */
		file_accessed(f);
	return n;
}

/* -EFBIG, with the signal that goes with RLIMIT_FSIZE. */
int file_too_large(void)
{
	signal_self(SIGXFSZ);
	return -EFBIG;
}

/* How much of @count may be written at @pos: 0 and more, or -EFBIG. */
static ssize_t write_limit(const struct file *f, u64 pos, u64 count)
{
	u64 limit = rlimit_cur(RLIMIT_FSIZE), max = f->inode->super->max_bytes;

	if (!count)
		return 0;
	if (pos >= limit)
		return file_too_large();
	if (pos >= max)
		return -EFBIG;
	count = MIN(count, limit - pos);
	return (ssize_t)MIN(count, max - pos);
}

/* In pieces, so that one large write cannot fill memory with dirty pages. */
static ssize_t write_pieces(struct file *f, struct iov_iter *from, loff_t *pos)
{
	bool on_device = f->inode->super->bdev;
	size_t left = from->count;
	ssize_t done = 0, n;

	while (left) {
		size_t piece = MIN(left, WRITE_PIECE);

		from->count = piece;
		n = pagecache_write(f->inode->mapping, from, pos);
		if (n <= 0)
			return done ? done : n;
		done += n;
		left -= (size_t)n;
		if ((size_t)n < piece || fatal_signal_pending())
			break;
		if (left && on_device)
			balance_dirty_now();
	}
	return done;
}

/* inode->lock held. */
static ssize_t write_locked(struct file *f, struct iov_iter *from, loff_t *pos)
{
	const struct inode_ops *ops = f->inode->ops;
	size_t asked = from->count;
	ssize_t n;
	int err;

	if (unlikely(f->inode->attr_flags & S_SWAPFILE))
		return -ETXTBSY;
	if (unlikely(f->inode->attr_flags & S_IMMUTABLE)) /* also for who opened it before */
		return -EPERM;
	if ((file_flags(f) & O_APPEND) || from->append)
		*pos = (loff_t)inode_size(f->inode);
	n = write_limit(f, (u64)*pos, asked);
	if (n <= 0)
		return n;
	err = ops->may_write ? ops->may_write(f->inode, (u64)*pos, (u64)n) : 0;
	if (!err)
		err = file_modified(f);
	if (err)
		return err;
	from->count = (size_t)n;
	n = write_pieces(f, from, pos);
	from->count = asked - (n > 0 ? (size_t)n : 0);
	return n;
}

/* Of a device's node it is the device's own inode that has a say. */
static bool is_sync(const struct file *f)
{
	struct inode *inode = f->inode->mapping->host;

	return (file_flags(f) & O_DSYNC) || (inode->attr_flags & S_SYNC) ||
	       (atomic_load_explicit(&inode->super->flags, memory_order_relaxed) & MS_SYNCHRONOUS);
}

ssize_t file_written(struct file *f, u64 end, ssize_t n)
{
	int err = 0;

	if (n > 0 && unlikely(is_sync(f)))
		err = file_fsync(f, end - (u64)n, end - 1, (file_flags(f) & __O_SYNC) == 0);
	return err ? err : n;
}

ssize_t file_write_generic(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->inode;
	ssize_t n;

	rwsem_write_lock(&inode->lock);
	n = write_locked(f, from, pos);
	rwsem_write_unlock(&inode->lock);
	n = file_written(f, (u64)*pos, n);
	if (n >= (ssize_t)BALANCE_AT_ONCE && inode->super->bdev)
		balance_dirty_now(); /* a look at every sixteenth of these would come too late */
	else if (n > 0 && inode->super->bdev)
		balance_dirty();
	return n;
}

/* ---- read(2), write(2) ---- */

static int user_buffer(struct iov_iter *it, void __user *buf, size_t count)
{
	iov_init_user(it, buf, count);
	return user_range_ok(buf, count) ? 0 : -EFAULT;
}

long sys_read(unsigned int fd, void __user *buf, size_t count)
{
	struct fdref r = fd_ref(fd);
	struct iov_iter it;
	ssize_t n;

	if (!r.file)
		return -EBADF;
	n = user_buffer(&it, buf, count);
	if (!n)
		n = rw_own_pos(r.file, &it, r.counted, read_at);
	else if (!(r.file->mode & FMODE_READ))
		n = -EBADF;
	fd_unref(r);
	return n;
}

long sys_write(unsigned int fd, const void __user *buf, size_t count)
{
	struct fdref r = fd_ref(fd);
	struct iov_iter it;
	ssize_t n;

	if (!r.file)
		return -EBADF;
	n = user_buffer(&it, (void __user *)buf, count);
	if (!n)
		n = rw_own_pos(r.file, &it, r.counted, write_at);
	else if (!(r.file->mode & FMODE_WRITE))
		n = -EBADF;
	fd_unref(r);
	return n;
}

static ssize_t rw_at(struct file *f, struct iov_iter *it, loff_t pos, rw_fn *fn)
{
	if (pos < 0)
		return -EINVAL;
	if (f->mode & FMODE_NO_POS)
		return -ESPIPE;
	return fn(f, it, &pos);
}

static long prw(unsigned int fd, void __user *buf, size_t count, loff_t pos, rw_fn *fn)
{
	struct iov_iter it;
	struct fdref r;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	r = fd_ref(fd);
	if (!r.file)
		return -EBADF;
	n = user_buffer(&it, buf, count);
	if (!n)
		n = rw_at(r.file, &it, pos, fn);
	fd_unref(r);
	return n;
}

long sys_pread64(unsigned int fd, void __user *buf, size_t count, loff_t pos)
{
	return prw(fd, buf, count, pos, read_at);
}

long sys_pwrite64(unsigned int fd, const void __user *buf, size_t count, loff_t pos)
{
	return prw(fd, (void __user *)buf, count, pos, write_at);
}

/* ---- vectors ---- */

/* RWF_*: what this one call wants besides the file's flags. */
static int check_rwf(int flags)
{
	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
		return -EOPNOTSUPP;
	return (flags & RWF_NOWAIT) ? -EOPNOTSUPP : 0; /* promising not to block is not there */
}

static long rwv(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		const loff_t *pos, int flags, bool write)
{
	rw_fn *fn = write ? write_at : read_at;
	struct iovec stack[IOV_ON_STACK], *heap = NULL;
	struct iov_iter it;
	struct fdref r = fd_ref((unsigned int)fd);
	ssize_t n;

	if (!r.file)
		return -EBADF;
	n = iov_import(&it, vec, vlen, stack, &heap);
	if (!n && it.count) /* of nothing, anything is well */
		n = check_rwf(flags);
	if (!n) {
		loff_t at = pos ? *pos : 0;

		it.append = flags & RWF_APPEND;
		n = pos ? rw_at(r.file, &it, at, fn) : rw_own_pos(r.file, &it, r.counted, fn);
		if (n > 0 && write && (flags & (RWF_DSYNC | RWF_SYNC))) {
			int err = file_fsync(r.file, 0, ~0ull, !(flags & RWF_SYNC));

			n = err ? err : n;
		}
	}
	kfree(heap);
	fd_unref(r);
	return n;
}

long sys_readv(unsigned long fd, const struct iovec __user *vec, unsigned long vlen)
{
	return rwv(fd, vec, vlen, NULL, 0, false);
}

long sys_writev(unsigned long fd, const struct iovec __user *vec, unsigned long vlen)
{
	return rwv(fd, vec, vlen, NULL, 0, true);
}

long sys_preadv2(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		 unsigned long pos_l, unsigned long pos_h, int flags)
{
	loff_t pos = (loff_t)pos_l;

	return rwv(fd, vec, vlen, pos == -1 ? NULL : &pos, flags, false);
}

long sys_pwritev2(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		  unsigned long pos_l, unsigned long pos_h, int flags)
{
	loff_t pos = (loff_t)pos_l;

	return rwv(fd, vec, vlen, pos == -1 ? NULL : &pos, flags, true);
}

long sys_preadv(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		unsigned long pos_l, unsigned long pos_h)
{
	loff_t pos = (loff_t)pos_l;

	return pos < 0 ? -EINVAL : rwv(fd, vec, vlen, &pos, 0, false);
}

long sys_pwritev(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		 unsigned long pos_l, unsigned long pos_h)
{
	loff_t pos = (loff_t)pos_l;

	return pos < 0 ? -EINVAL : rwv(fd, vec, vlen, &pos, 0, true);
}

/* ---- lseek(2) ---- */

loff_t llseek_generic(struct file *f, loff_t offset, int whence)
{
	loff_t size = (loff_t)inode_size(f->inode->mapping->host);

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (__builtin_add_overflow(offset, f->pos, &offset))
			return -EINVAL;
		break;
	case SEEK_END:
		if (__builtin_add_overflow(offset, size, &offset))
			return -EINVAL;
		break;
	case SEEK_DATA: /* a file system that knows no holes: all is data, one hole at the end */
		if (offset < 0 || offset >= size)
			return -ENXIO;
		break;
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		offset = size;
		break;
	default:
		return -EINVAL;
	}
	if (offset < 0 || (u64)offset > MAX(f->inode->super->max_bytes, (u64)size))
		return -EINVAL;
	f->pos = offset;
	return offset;
}

loff_t llseek_nowhere(struct file *f, loff_t offset, int whence)
{
	return 0;
}

long sys_lseek(unsigned int fd, loff_t offset, unsigned int whence)
{
	struct fdref r = fd_ref(fd);
	struct file *f = r.file;
	loff_t ret;

	if (!f)
		return -EBADF;
	if (whence > SEEK_MAX) {
		ret = -EINVAL;
	} else if (f->mode & FMODE_NO_POS && !f->ops->llseek) {
		ret = -ESPIPE;
	} else {
		mutex_lock(&f->pos_lock);
		ret = f->ops->llseek ? f->ops->llseek(f, offset, (int)whence) :
				       llseek_generic(f, offset, (int)whence);
		mutex_unlock(&f->pos_lock);
	}
	fd_unref(r);
	return ret;
}

/* ---- copy_file_range(2) ---- */

static int copy_checks(const struct file *in, const struct file *out, u32 flags)
{
	if (flags)
		return -EINVAL;
	if (mode_is_dir(in->inode->mode) || mode_is_dir(out->inode->mode))
		return -EISDIR;
	if (!mode_is_reg(in->inode->mode) || !mode_is_reg(out->inode->mode))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) ||
	    (file_flags(out) & O_APPEND))
		return -EBADF;
	if (in->inode->super != out->inode->super)
		return -EXDEV;
	if (out->inode->attr_flags & S_IMMUTABLE)
		return -EPERM;
	return 0;
}

static ssize_t copy_loop(struct file *in, loff_t *from, struct file *out, loff_t *to, size_t len)
{
	void *buf = kmalloc(COPY_CHUNK, GFP_KERNEL);
	ssize_t done = 0, n = 0, put = 0;

	if (!buf)
		return -ENOMEM;
	while ((size_t)done < len) {
		n = kernel_read(in, buf, MIN(len - (size_t)done, COPY_CHUNK), from);
		if (n <= 0)
			break;
		put = kernel_write(out, buf, (size_t)n, to);
		if (put != n)
			*from -= n - MAX(put, (ssize_t)0);
		if (put <= 0)
			break;
		done += put;
		if (put != n || fatal_signal_pending())
			break;
		cond_resched();
	}
	kfree(buf);
	if (done)
		return done;
	return n < 0 ? n : put;
}

/* Linux's order of errors: what wraps around, what the target cannot hold, overlap, what is no position. */
static ssize_t copy_range(struct file *in, loff_t *from, struct file *out, loff_t *to, size_t len)
{
	loff_t size = (loff_t)inode_size(in->inode);

	if ((u64)*from + len < (u64)*from || (u64)*to + len < (u64)*to)
		return -EOVERFLOW;
	len = *from < size ? MIN(len, (u64)size - (u64)*from) : 0;
	if (*to >= 0 && (u64)*to >= rlimit_cur(RLIMIT_FSIZE))
		return file_too_large();
	if (*to >= 0 && (u64)*to >= out->inode->super->max_bytes)
		return -EFBIG;
	if (in->inode == out->inode && (u64)*to + len > (u64)*from && (u64)*from + len > (u64)*to)
		return -EINVAL;
	if (*from < 0 || *to < 0)
		return -EINVAL;
	return copy_loop(in, from, out, to, MIN(len, MAX_RW));
}

static int get_pos(struct file *f, loff_t __user *upos, loff_t *pos)
{
	if (upos)
		return get_user(*pos, upos);
	mutex_lock(&f->pos_lock);
	*pos = f->pos;
	mutex_unlock(&f->pos_lock);
	return 0;
}

static int set_pos(struct file *f, loff_t __user *upos, loff_t pos)
{
	if (upos)
		return put_user(pos, upos);
	mutex_lock(&f->pos_lock);
	f->pos = pos;
	mutex_unlock(&f->pos_lock);
	return 0;
}

long sys_copy_file_range(int fd_in, loff_t __user *off_in, int fd_out, loff_t __user *off_out,
			 size_t len, unsigned int flags)
{
	struct fdref in = fd_ref((unsigned int)fd_in), out;
	loff_t from, to;
	ssize_t n = -EBADF;

	if (!in.file)
		return -EBADF;
	out = fd_ref((unsigned int)fd_out);
	if (!out.file)
		goto put_in;
	n = copy_checks(in.file, out.file, flags);
	if (!n && (get_pos(in.file, off_in, &from) || get_pos(out.file, off_out, &to)))
		n = -EFAULT;
	if (n)
		goto put_out;
	n = copy_range(in.file, &from, out.file, &to, len);
	if (n > 0 && (set_pos(in.file, off_in, from) || set_pos(out.file, off_out, to)))
		n = -EFAULT;
put_out:
	fd_unref(out);
put_in:
	fd_unref(in);
	return n;
}
