// SPDX-License-Identifier: MIT
/*
 * sendfile(2), splice(2), tee(2), vmsplice(2): bytes from file to file without
 * a stop in user space.
 *
 * Files on the page cache give their pages themselves: into a pipe by
 * reference, to anything else as the source of its write op.  Other files are
 * read through a kernel buffer.
 *
 * A slot that goes from a pipe to a file is taken out of the pipe for the time
 * of the write, with its place reserved, because the write may take locks that
 * come before the pipe's; what the file did not take is put back.
 */
#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/inode.h>
#include <tarn/notify.h>
#include <tarn/pagecache.h>
#include <tarn/poll.h>
#include <tarn/signal.h>
#include <tarn/slab.h>
#include <tarn/socket.h>
#include <tarn/syscall.h>
#include "pipe_internal.h"

#ifndef SPLICE_F_NONBLOCK
#define SPLICE_F_MOVE 1 /* splice(2); not in a UAPI header */
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_MORE 4
#define SPLICE_F_GIFT 8
#endif
#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

#define BATCH 16u
#define BOUNCE_ORDER 4u
#define MAX_BYTES 0x7ffff000ul /* as one read(2) or write(2) moves at most */

/* ---- pages of a cached file ---- */

static bool is_cached(const struct file *f)
{
	return f->ops->read == file_read_generic;
}

/* One page of @f, read ahead as read(2) would; ERR_PTR. */
static struct page *cached_page(struct file *f, u64 index, u64 want)
{
	struct mapping *m = f->inode->mapping;
	struct page *page = pagecache_find(m, index);

	if (!page)
		readahead_sync(m, &f->ra, index, want);
	else if (page_test(page, PG_READAHEAD))
		readahead_async(m, &f->ra, page, index);
	if (page && page_test(page, PG_UPTODATE))
		return page;
	if (page)
		page_put(page);
	return pagecache_read_page(m, index);
}

/* Up to BATCH pieces of @f from @pos, within the file and @len: how many, or -errno if none. */
static int collect(struct file *f, u64 pos, size_t len, struct iov_page *out)
{
	u64 size = inode_size(f->inode);
	unsigned int n = 0;

	len = pos < size ? MIN(len, (size_t)(size - pos)) : 0;
	while (len && n < BATCH) {
		u32 offset = pos & (PAGE_SIZE - 1);
		u32 piece = (u32)MIN(len, PAGE_SIZE - offset);
		struct page *page = cached_page(f, pos >> PAGE_SHIFT,
						DIV_ROUND_UP(len, PAGE_SIZE));

		if (IS_ERR(page))
			return n ? (int)n : (int)PTR_ERR(page);
		out[n++] = (struct iov_page){ .page = page, .offset = offset, .len = piece };
		pos += piece;
		len -= piece;
	}
	return (int)n;
}

static void put_pages(struct iov_page *pages, unsigned int n)
{
	while (n--)
		page_put(pages[n].page);
}

/* One batch of cached pages into @out's write op: bytes written, 0 at the end of the file. */
static ssize_t send_cached(struct file *out, loff_t *out_pos, struct file *in, loff_t pos, size_t len)
{
	struct iov_page pages[BATCH];
	struct iov_iter it;
	int n = collect(in, (u64)pos, len, pages);
	ssize_t done;

	if (n <= 0)
		return n;
	iov_init_pages(&it, pages, (unsigned int)n);
	done = file_write(out, &it, out_pos);
	put_pages(pages, (unsigned int)n);
	if (done > 0)
		notify_file(in, IN_ACCESS); /* file_write told of the other */
	return done;
}

/* The same through a buffer, for files that are made up as they are read. */
static ssize_t send_bounced(struct file *out, loff_t *out_pos, struct file *in, loff_t pos, size_t len,
			    void *bounce)
{
	struct iov_iter it;
	ssize_t n;

	iov_init_kernel(&it, bounce, MIN(len, PAGE_SIZE << BOUNCE_ORDER));
	n = file_read(in, &it, &pos);
	if (n <= 0)
		return n;
	iov_init_kernel(&it, bounce, (size_t)n);
	return file_write(out, &it, out_pos);
}

/* One batch into a pipe by reference; waits for room for the first page only. */
static ssize_t push_cached(struct pipe *to, struct file *in, loff_t pos, size_t len, bool nonblock)
{
	struct iov_page pages[BATCH];
	int n = collect(in, (u64)pos, len, pages);
	ssize_t total = 0, err = 0;

	if (n <= 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (err >= 0)
			err = pipe_push_page(to, pages[i].page, pages[i].offset, pages[i].len,
					     nonblock || total);
		if (err >= 0)
			total += err; /* the reference is the pipe's now */
		else
			page_put(pages[i].page);
	}
	if (total)
		notify_file(in, IN_ACCESS);
	return total ? total : err;
}

/* Fills @page from somewhere: bytes, 0, -errno. */
typedef ssize_t fill_fn(void *source, struct page *page);

/* One fresh page into a pipe.  Its place comes first: what was read and does not fit would be lost. */
static ssize_t push_filled(struct pipe *to, fill_fn *fill, void *source, bool nonblock)
{
	struct page *page;
	ssize_t n = pipe_reserve(to, nonblock);

	if (n)
		return n;
	page = page_alloc_one(GFP_KERNEL, PS_KERNEL);
	n = page ? fill(source, page) : -ENOMEM;
	if (n > 0) {
		pipe_push_reserved(to, page, 0, (u32)n);
		return n;
	}
	pipe_unreserve(to);
	if (page)
		page_put(page);
	return n;
}

/* ---- what can splice ---- */

/*
 * Files with contents, pipes, sockets and devices.  Directories cannot, nor what is
 * only a number or a queue of records: eventfd, timerfd, signalfd, inotify, epoll.
 */
static bool can_splice(const struct file *f)
{
	switch (f->inode->mode & S_IFMT) {
	case S_IFDIR:
		return false;
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		return true;
	default:
		return !(f->mode & FMODE_NO_POS);
	}
}

/* The range that is asked for ends before the last position. */
static bool range_fits(loff_t pos, size_t len)
{
	return pos >= 0 && len <= (size_t)(0x7fffffffffffffffll - pos);
}

/* ---- positions ---- */

/* Where a transfer stands: at the caller's offset, or at the file's own. */
struct cursor {
	struct file *file;
	loff_t pos;
	loff_t __user *user; /* NULL: the file's */
	bool none;           /* the file has no position */
};

static int cursor_begin(struct cursor *c, struct file *f, loff_t __user *user)
{
	*c = (struct cursor){ .file = f, .user = user, .none = f->mode & FMODE_NO_POS };
	if (user) {
		if (c->none)
			return -ESPIPE;
		if (get_user(c->pos, user))
			return -EFAULT;
		return c->pos < 0 ? -EINVAL : 0;
	}
	if (!c->none) {
		mutex_lock(&f->pos_lock);
		c->pos = f->pos;
		mutex_unlock(&f->pos_lock);
	}
	return 0;
}

static int cursor_end(struct cursor *c)
{
	if (c->user)
		return put_user(c->pos, c->user);
	if (!c->none) {
		mutex_lock(&c->file->pos_lock);
		c->file->pos = c->pos;
		mutex_unlock(&c->file->pos_lock);
	}
	return 0;
}

static loff_t *cursor_pos(struct cursor *c)
{
	return c->none ? NULL : &c->pos;
}

/* ---- into a pipe ---- */

struct file_source {
	struct cursor *in;
	size_t len;
	bool nonblock;
};

/* SPLICE_F_NONBLOCK is for a socket, too; other files wait, as on Linux. */
static ssize_t fill_from_file(void *source, struct page *page)
{
	struct file_source *s = source;
	struct socket *sock = s->nonblock ? file_socket(s->in->file) : NULL;
	struct msg m = { 0 };
	struct iov_iter it;

	iov_init_kernel(&it, page_address(page), MIN(s->len, PAGE_SIZE));
	if (!sock)
		return file_read(s->in->file, &it, cursor_pos(s->in));
	m.iter = it;
	return sock->ops->recvmsg ? sock->ops->recvmsg(sock, &m, MSG_DONTWAIT) : -EOPNOTSUPP;
}

/* Reading goes on without waiting for anybody but a disk. */
static bool reads_at_once(const struct cursor *in)
{
	const struct inode *inode = in->file->inode;

	return !in->none && (is_cached(in->file) ||
			     (mode_is_reg(inode->mode) && (u64)in->pos < inode_size(inode)));
}

/*
 * Waits for room and for the first bytes, then takes what comes and fits, as
 * Linux does for splice and sendfile: whoever fills a pipe he alone reads must
 * not sleep in the middle.
 */
static ssize_t file_to_pipe(struct pipe *to, struct cursor *in, size_t len, bool nonblock)
{
	ssize_t total = 0, n = 0;

	while (len && (!total || reads_at_once(in))) {
		struct file_source source = { .in = in, .len = len, .nonblock = nonblock };
		bool now = nonblock || total;

		if (is_cached(in->file)) {
			n = push_cached(to, in->file, in->pos, len, now);
			in->pos += MAX(n, (ssize_t)0);
		} else {
			n = push_filled(to, fill_from_file, &source, now);
		}
		if (n <= 0)
			break;
		total += n;
		len -= (size_t)n;
		if (thread_sleep_interrupted(TS_INTERRUPTIBLE)) /* a reader may keep up with us for long */
			break;
		cond_resched();
	}
	return total ? total : n;
}

/* ---- sendfile ---- */

static ssize_t send_some(struct cursor *out, struct cursor *in, size_t len, void *bounce)
{
	if (!is_cached(in->file))
		return send_bounced(out->file, cursor_pos(out), in->file, in->pos, len, bounce);
	return send_cached(out->file, cursor_pos(out), in->file, in->pos, len);
}

static ssize_t send_all(struct cursor *out, struct cursor *in, size_t len)
{
	void *bounce = NULL;
	ssize_t total = 0, n = 0;

	if (!is_cached(in->file)) {
		bounce = pages_alloc(GFP_KERNEL, BOUNCE_ORDER);
		if (!bounce)
			return -ENOMEM;
	}
	while (len) {
		n = send_some(out, in, len, bounce);
		if (n <= 0)
			break;
		in->pos += n;
		total += n;
		len -= (size_t)n;
		if (thread_sleep_interrupted(TS_INTERRUPTIBLE))
			break;
		cond_resched();
	}
	if (bounce)
		pages_free(bounce, BOUNCE_ORDER);
	return total ? total : n;
}

static ssize_t sendfile_files(struct file *out, struct file *in, loff_t __user *offset, size_t count)
{
	struct pipe *pipe = file_pipe(out);
	struct cursor from, to;
	ssize_t n;
	int err;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if ((in->mode & FMODE_NO_POS) && !offset)
		return -EINVAL;
	if (out->flags & O_APPEND)
		return -EINVAL;
	err = cursor_begin(&from, in, offset);
	if (!err)
		err = cursor_begin(&to, out, NULL);
	if (!err && ((!from.none && !range_fits(from.pos, count)) || !can_splice(in) || !can_splice(out)))
		err = -EINVAL;
	if (err)
		return err;
	count = MIN(count, MAX_BYTES);
	n = pipe ? file_to_pipe(pipe, &from, count, out->flags & O_NONBLOCK) :
		   send_all(&to, &from, count);
	if (n == -EPIPE && pipe)
		signal_self(SIGPIPE);
	if (n > 0) {
		cursor_end(&to);
		if (!offset)
			cursor_end(&from);
	}
	/* Told even when nothing came; whoever cannot be told has lost count, not data. */
	return offset && cursor_end(&from) ? -EFAULT : n;
}

long sys_sendfile(int out_fd, int in_fd, loff_t __user *offset, size_t count)
{
	struct fdref in = fd_ref((unsigned int)in_fd), out = fd_ref((unsigned int)out_fd);
	long ret = -EBADF;

	if (in.file && out.file)
		ret = sendfile_files(out.file, in.file, offset, count);
	fd_unref(in);
	fd_unref(out);
	return ret;
}

/* ---- pipe to pipe ---- */

static void lock_both(struct pipe *a, struct pipe *b) NO_LOCK_CHECK
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct pipe *a, struct pipe *b) NO_LOCK_CHECK
{
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
}

/* Shows slots in the other pipe, too, as far as there are some and there is room: bytes. */
static ssize_t copy_slots(struct pipe *to, struct pipe *from, size_t len) NO_LOCK_CHECK
{
	ssize_t total = 0;

	for (u32 i = from->tail; i != from->head && len && !pipe_full(to); i++) {
		struct pipe_slot *s = &from->slots[i & (from->nslots - 1)];
		u32 n = (u32)MIN((size_t)s->len, len);

		page_get(s->page);
		s->own = false; /* two pipes show it now: nothing may be added to it */
		pipe_slot_add(to, s->page, s->offset, n, false)->packet = s->packet;
		total += n;
		len -= n;
	}
	return total;
}

/* The same, and they leave the first. */
static ssize_t move_slots(struct pipe *to, struct pipe *from, size_t len) NO_LOCK_CHECK
{
	ssize_t total = copy_slots(to, from, len);

	for (size_t left = (size_t)total; left;) {
		struct pipe_slot *s = pipe_tail(from);
		u32 n = (u32)MIN((size_t)s->len, left);

		s->offset += n;
		s->len -= n;
		left -= n;
		if (!s->len)
			pipe_slot_drop(from, s);
	}
	return total;
}

/* Waits until @pass has something to do in both pipes: bytes, 0 at the end, -errno. */
static ssize_t pass_slots(struct pipe *to, struct pipe *from, size_t len, bool nonblock,
			  ssize_t (*pass)(struct pipe *to, struct pipe *from, size_t len))
{
	for (;;) {
		bool starved, gone, room, room_left;
		ssize_t n;
		int err;

		lock_both(to, from);
		gone = !to->readers;
		n = gone ? -EPIPE : pass(to, from, len);
		starved = !pipe_used(from);
		gone |= pipe_at_end(from);
		room = !pipe_full(to);
		room_left = !pipe_full(from);
		unlock_both(to, from);
		if (n > 0)
			pipe_wake_readers(to);
		/* Who else waits for what is there, or for the room that there is, may go on. */
		if (!starved)
			pipe_wake_readers(from);
		if (room)
			pipe_wake_writers(to);
		if (room_left)
			pipe_wake_writers(from);
		if (n || gone)
			return n;
		if (nonblock)
			return -EAGAIN;
		mutex_lock(starved ? &from->lock : &to->lock);
		err = 0;
		if (starved && !pipe_used(from) && !pipe_at_end(from))
			err = pipe_wait_readable(from);
		else if (!starved && pipe_full(to) && to->readers)
			err = pipe_wait_writable(to);
		mutex_unlock(starved ? &from->lock : &to->lock);
		if (err)
			return err;
	}
}

/* ---- splice ---- */

/* Takes the first slot out of the pipe, its place reserved: 1, 0 at the end, -errno. */
static int slot_take(struct pipe *p, struct pipe_slot *out, bool nonblock)
{
	int ret = 1;

	mutex_lock(&p->lock);
	while (ret == 1 && !pipe_used(p)) {
		if (pipe_at_end(p))
			ret = 0;
		else if (nonblock)
			ret = -EAGAIN;
		else if (pipe_wait_readable(p))
			ret = -ERESTARTSYS;
	}
	if (ret == 1) {
		*out = *pipe_tail(p);
		p->tail++;
		p->reserved++;
		p->taken++;
	}
	mutex_unlock(&p->lock);
	return ret;
}

/* @done bytes of the slot went away; the rest is put back in front. */
static void slot_return(struct pipe *p, struct pipe_slot *s, size_t done)
{
	bool gone = done == s->len, more, end;

	mutex_lock(&p->lock);
	p->reserved--;
	p->taken--;
	if (!gone) {
		s->offset += (u32)done;
		s->len -= (u32)done;
		p->tail--;
		*pipe_tail(p) = *s;
	}
	more = pipe_used(p);
	end = pipe_at_end(p);
	mutex_unlock(&p->lock);
	if (gone) {
		page_put(s->page);
		pipe_wake_writers(p);
	}
	if (end)
		waitq_wake_all(&p->readable, POLLIN | POLLRDNORM | POLLHUP);
	else if (more)
		pipe_wake_readers(p);
}

static ssize_t pipe_to_file(struct cursor *out, struct pipe *from, size_t len, bool nonblock)
{
	ssize_t total = 0, n = 0;

	while (len) {
		struct pipe_slot s;
		struct iov_page piece;
		struct iov_iter it;
		int got = slot_take(from, &s, nonblock || total);

		if (got <= 0) {
			n = got;
			break;
		}
		piece = (struct iov_page){ .page = s.page, .offset = s.offset,
					   .len = (u32)MIN((size_t)s.len, len) };
		iov_init_pages(&it, &piece, 1);
		n = file_write(out->file, &it, cursor_pos(out));
		slot_return(from, &s, n > 0 ? (size_t)n : 0);
		if (n <= 0)
			break;
		total += n;
		len -= (size_t)n;
		if ((u32)n < piece.len)
			break;
	}
	return total ? total : n;
}

static ssize_t splice_cursors(struct cursor *in, struct cursor *out, size_t len, unsigned int flags)
{
	struct pipe *from = file_pipe(in->file), *to = file_pipe(out->file);
	bool nonblock = flags & SPLICE_F_NONBLOCK;

	if (from && to) {
		if (from == to)
			return -EINVAL;
		nonblock |= (in->file->flags | out->file->flags) & O_NONBLOCK;
		return pass_slots(to, from, len, nonblock, move_slots);
	}
	if (from) {
		if (out->file->flags & O_APPEND)
			return -EINVAL;
		return pipe_to_file(out, from, len, nonblock || (in->file->flags & O_NONBLOCK));
	}
	return file_to_pipe(to, in, len, nonblock || (out->file->flags & O_NONBLOCK));
}

static ssize_t splice_files(struct file *in, loff_t __user *off_in, struct file *out,
			    loff_t __user *off_out, size_t len, unsigned int flags)
{
	struct cursor from, to;
	ssize_t n;
	int err;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!file_pipe(in) && !file_pipe(out))
		return -EINVAL;
	if ((file_pipe(in) && off_in) || (file_pipe(out) && off_out))
		return -ESPIPE;
	/* A socket's offset is EINVAL here, ESPIPE only for sendfile. */
	if ((off_in && (in->mode & FMODE_NO_POS)) || (off_out && (out->mode & FMODE_NO_POS)))
		return -EINVAL;
	if (!can_splice(in) || !can_splice(out))
		return -EINVAL;
	err = cursor_begin(&from, in, off_in);
	if (!err)
		err = cursor_begin(&to, out, off_out);
	if (!err && ((!from.none && !range_fits(from.pos, len)) || (!to.none && !range_fits(to.pos, len))))
		err = -EINVAL;
	if (err)
		return err;
	n = splice_cursors(&from, &to, MIN(len, MAX_BYTES), flags);
	if (n == -EPIPE && file_pipe(out))
		signal_self(SIGPIPE);
	if (n > 0) {
		err = cursor_end(&from);
		if (!err)
			err = cursor_end(&to);
	}
	return err ? err : n;
}

long sys_splice(int fd_in, loff_t __user *off_in, int fd_out, loff_t __user *off_out, size_t len,
		unsigned int flags)
{
	struct fdref in, out;
	long ret = -EBADF;

	if (!len)
		return 0; /* whatever else is wrong, as Linux has it */
	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	in = fd_ref((unsigned int)fd_in);
	out = fd_ref((unsigned int)fd_out);
	if (in.file && out.file)
		ret = splice_files(in.file, off_in, out.file, off_out, len, flags);
	fd_unref(in);
	fd_unref(out);
	return ret;
}

/* ---- tee ---- */

static ssize_t tee_files(struct file *in, struct file *out, size_t len, unsigned int flags)
{
	struct pipe *from = file_pipe(in), *to = file_pipe(out);
	ssize_t n;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!from || !to || from == to)
		return -EINVAL;
	n = pass_slots(to, from, len,
		       (flags & SPLICE_F_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK), copy_slots);
	if (n == -EPIPE)
		signal_self(SIGPIPE);
	return n;
}

long sys_tee(int fd_in, int fd_out, size_t len, unsigned int flags)
{
	struct fdref in, out;
	long ret = -EBADF;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_ref((unsigned int)fd_in);
	out = fd_ref((unsigned int)fd_out);
	if (in.file && out.file)
		ret = tee_files(in.file, out.file, len, flags);
	fd_unref(in);
	fd_unref(out);
	return ret;
}

/* ---- vmsplice ---- */

/* The pages are copied rather than lent: a program cannot tell, save by the time it takes. */
static ssize_t fill_from_user(void *source, struct page *page)
{
	struct iov_iter *from = source;
	size_t n = iov_copy_from(page_address(page), from, MIN(from->count, PAGE_SIZE));

	return n ? (ssize_t)n : -EFAULT;
}

/* O_NONBLOCK is not asked, as on Linux. */
static ssize_t user_to_pipe(struct pipe *to, struct iov_iter *from, bool nonblock)
{
	ssize_t total = 0, n = 0;

	while (from->count) {
		n = push_filled(to, fill_from_user, from, nonblock || total);
		if (n <= 0)
			break;
		total += n;
		if (thread_sleep_interrupted(TS_INTERRUPTIBLE))
			break;
		cond_resched();
	}
	if (!total && n == -EPIPE)
		signal_self(SIGPIPE);
	return total ? total : n;
}

static ssize_t vmsplice_file(struct file *f, const struct iovec __user *uvec, unsigned long segs,
			     bool nonblock)
{
	struct iovec stack[IOV_ON_STACK], *heap = NULL;
	struct pipe *pipe = file_pipe(f);
	struct iov_iter it;
	ssize_t n;
	int err;

	if (!pipe)
		return -EBADF;
	err = iov_import(&it, uvec, segs, stack, &heap);
	if (err)
		return err;
	n = f->mode & FMODE_WRITE ? user_to_pipe(pipe, &it, nonblock) : file_read(f, &it, NULL);
	kfree(heap);
	return n;
}

long sys_vmsplice(int fd, const struct iovec __user *iov, unsigned long segs, unsigned int flags)
{
	struct fdref r;
	long ret = -EBADF;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	r = fd_ref((unsigned int)fd);
	if (r.file)
		ret = vmsplice_file(r.file, iov, segs, flags & SPLICE_F_NONBLOCK);
	fd_unref(r);
	return ret;
}
