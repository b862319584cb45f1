// SPDX-License-Identifier: MIT
/*
 * Pipes and FIFOs, pipe(7) and fifo(7): a ring of page pieces with two ends.
 *
 * Each slot refers to a part of a page.  Pages that writers fill are the pipe's
 * own and a later write may join the last one; pages that splice(2) put in are
 * only referred to.  head (next slot to fill) and tail (next to drain) run
 * freely, so head - tail is the number of filled slots.
 *
 * A write of at most PIPE_BUF bytes is atomic: it waits until it fits whole.
 *
 * Life: born with one count per open end; freed with the last of them.  A
 * FIFO's pipe hangs on its inode (inode->spin) while somebody has it open.
 *
 * Sleepers are exclusive: each write wakes one reader and each read one writer,
 * who passes the wake-up on if there is more to do.  Who did not sleep passes
 * nothing on: EPOLLET would take it for news.
 *
 * Limits: the slots of a user's pipes are charged (CHARGE_PIPE_PAGES).  Beyond
 * fs.pipe-user-pages-soft an ordinary user's new pipes have two slots and none grows,
 * beyond -hard there are no new ones; fs.pipe-max-size is for each: pipe(7).
 * Tests: tests/abi/io_more.c, ev_pipe.c, ev_limits.c
 */
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/inode.h>
#include <tarn/poll.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/syscall.h>
#include "pipe_internal.h"

int pipe_max_size = 1 << 20; /* fs.pipe-max-size */

static const struct sysctl pipe_max_sysctl = {
	.path = "fs/pipe-max-size",
	.value = &pipe_max_size,
	.min = PAGE_SIZE,
	.max = 1 << 30,
};
SECTION_SET(sysctls, pipe_max_sysctl);

/* Pages of one user's pipes; 0: no limit. */
static int user_pages_soft = 16384, user_pages_hard;

#define PAGES_SYSCTL(name)                                                             \
	static const struct sysctl user_pages_##name##_sysctl = {                      \
		.path = "fs/pipe-user-pages-" #name, .value = &user_pages_##name,      \
		.min = 0, .max = 0x7fffffff };                                         \
	SECTION_SET(sysctls, user_pages_##name##_sysctl)
PAGES_SYSCTL(soft);
PAGES_SYSCTL(hard);

#define FEW_SLOTS 2u /* of a pipe beyond the soft limit */

/* ---- slots ---- */

static struct page *pipe_page_new(struct pipe *p)
{
	struct page *page = p->spare;

	if (page) {
		p->spare = NULL;
		return page;
	}
	return page_alloc_one(GFP_KERNEL, PS_KERNEL);
}

void pipe_slot_drop(struct pipe *p, struct pipe_slot *s)
{
	/* Nobody else refers to it: keep it for the next write. */
	if (s->own && !p->spare && atomic_load(&s->page->refs) == 1)
		p->spare = s->page;
	else
		page_put(s->page);
	s->page = NULL;
	s->len = 0;
	p->tail++;
}

struct pipe_slot *pipe_slot_add(struct pipe *p, struct page *page, u32 offset, u32 len, bool own)
{
	struct pipe_slot *s = &p->slots[p->head++ & (p->nslots - 1)];

	*s = (struct pipe_slot){ .page = page, .offset = offset, .len = len, .own = own };
	return s;
}

/* ---- who pays for the slots ---- */

static bool is_ordinary(void)
{
	return !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

static u64 pages_limit(int sysctl)
{
	return sysctl ? (u64)sysctl : CHARGE_NO_LIMIT;
}

/* @n more for @u, which those with rights always get. */
static bool slots_charge(struct user *u, u32 n, u64 limit)
{
	return charge_try(u, CHARGE_PIPE_PAGES, n, limit) ||
	       (!is_ordinary() && charge_try(u, CHARGE_PIPE_PAGES, n, CHARGE_NO_LIMIT));
}

/* How many slots a new pipe of @u has, charged; 0: none. */
static u32 slots_for_new(struct user *u)
{
	u64 soft = pages_limit(READ_ONCE(user_pages_soft)), hard = pages_limit(READ_ONCE(user_pages_hard));
	u32 n = MIN(PIPE_SLOTS, (u32)READ_ONCE(pipe_max_size) / (u32)PAGE_SIZE);

	if (n < PIPE_SLOTS && capable(CAP_SYS_RESOURCE))
		n = PIPE_SLOTS;
	n = 1u << (31 - __builtin_clz(n));
	if (slots_charge(u, n, soft)) {
		if (charge_of(u, CHARGE_PIPE_PAGES) <= hard || !is_ordinary())
			return n;
		charge_drop(u, CHARGE_PIPE_PAGES, n);
		return 0;
	}
	return slots_charge(u, FEW_SLOTS, hard) ? FEW_SLOTS : 0;
}

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	p->user = current->cred->user;
	p->nslots = slots_for_new(p->user);
	p->slots = p->nslots ? kcalloc(p->nslots, sizeof(*p->slots), GFP_KERNEL) : NULL;
	if (!p->slots) {
		charge_drop(p->user, CHARGE_PIPE_PAGES, p->nslots);
		kfree(p);
		return NULL;
	}
	user_get(p->user);
	mutex_init(&p->lock, "pipe", LR_PIPE);
	waitq_init(&p->readable);
	waitq_init(&p->writable);
	return p;
}

/* Nobody else knows it any more. */
static void pipe_free(struct pipe *p) NO_LOCK_CHECK
{
	while (pipe_used(p))
		pipe_slot_drop(p, pipe_tail(p));
	if (p->spare)
		page_put(p->spare);
	charge_return(p->user, CHARGE_PIPE_PAGES, p->nslots);
	kfree(p->slots);
	kfree(p);
}

/* ---- waking ---- */

void pipe_wake_readers(struct pipe *p)
{
	if (waitq_active(&p->readable))
		waitq_wake_one(&p->readable, POLLIN | POLLRDNORM);
}

void pipe_wake_writers(struct pipe *p)
{
	if (waitq_active(&p->writable))
		waitq_wake_one(&p->writable, POLLOUT | POLLWRNORM);
}

static bool may_read(struct pipe *p)
{
	return READ_ONCE(p->head) != READ_ONCE(p->tail) || pipe_at_end(p);
}

static bool may_write(struct pipe *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail) + READ_ONCE(p->reserved) <
		       READ_ONCE(p->nslots) ||
	       !READ_ONCE(p->readers);
}

/* Waits without the lock; on a signal the wake-up this sleeper may have eaten goes on to the next. */
int pipe_wait_readable(struct pipe *p) NO_LOCK_CHECK
{
	int err;

	mutex_unlock(&p->lock);
	err = wait_event_exclusive(&p->readable, may_read(p));
	if (err && may_read(p))
		pipe_wake_readers(p);
	mutex_lock(&p->lock);
	return err;
}

int pipe_wait_writable(struct pipe *p) NO_LOCK_CHECK
{
	int err;

	mutex_unlock(&p->lock);
	err = wait_event_exclusive(&p->writable, may_write(p));
	if (err && may_write(p))
		pipe_wake_writers(p);
	mutex_lock(&p->lock);
	return err;
}

/* ---- reading ---- */

/* Drains slots into @to; bytes, or -EFAULT.  Stops after one packet. */
static ssize_t drain(struct pipe *p, struct iov_iter *to) MUST_HOLD(&p->lock)
{
	ssize_t total = 0;

	while (pipe_used(p) && to->count) {
		struct pipe_slot *s = pipe_tail(p);
		u32 want = (u32)MIN((size_t)s->len, to->count);
		size_t n = iov_copy_to(to, (u8 *)page_address(s->page) + s->offset, want);
		bool packet = s->packet;

		total += n;
		s->offset += n;
		s->len -= n;
		if (n < want)
			return total ? total : -EFAULT;
		if (!s->len || packet)
			pipe_slot_drop(p, s);
		if (packet)
			break;
	}
	return total;
}

static ssize_t pipe_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct pipe *p = f->private;
	bool more, full, slept = false;
	ssize_t n = 0;
	int err;

	if (!to->count)
		return 0;
	mutex_lock(&p->lock);
	while (!pipe_used(p)) {
		n = 0;
		if (pipe_at_end(p))
			goto out;
		n = -EAGAIN;
		if (f->flags & O_NONBLOCK)
			goto out;
		err = pipe_wait_readable(p);
		n = err;
		if (err)
			goto out;
		slept = true;
	}
	full = pipe_full(p);
	n = drain(p, to);
	more = slept && pipe_used(p);
	full = full && !pipe_full(p); /* it was, and a writer may have slept on that */
	mutex_unlock(&p->lock);
	if (full)
		pipe_wake_writers(p);
	if (more)
		pipe_wake_readers(p);
	return n;
out:
	mutex_unlock(&p->lock);
	return n;
}

/* ---- writing ---- */

/* The last slot, if @len more bytes may join it. */
static struct pipe_slot *joinable(struct pipe *p, size_t len) MUST_HOLD(&p->lock)
{
	struct pipe_slot *s;

	if (!pipe_used(p) || !len)
		return NULL;
	s = &p->slots[(p->head - 1) & (p->nslots - 1)];
	if (!s->own || s->packet || s->offset + s->len + len > PAGE_SIZE)
		return NULL;
	return s;
}

/* Part of a page joins the last slot, so that later pages stay whole. Bytes; 0: no; -EFAULT. */
static ssize_t join(struct pipe *p, struct iov_iter *from) MUST_HOLD(&p->lock)
{
	size_t part = from->count & (PAGE_SIZE - 1), n;
	struct pipe_slot *s = joinable(p, part);

	if (!s)
		return 0;
	n = iov_copy_from((u8 *)page_address(s->page) + s->offset + s->len, from, part);
	s->len += n;
	return n == part ? (ssize_t)n : -EFAULT;
}

/* Fills one free slot: bytes, -ENOMEM, -EFAULT. */
static ssize_t fill_slot(struct pipe *p, struct iov_iter *from, bool packet)
	MUST_HOLD(&p->lock)
{
	struct page *page = pipe_page_new(p);
	size_t want = MIN(from->count, PAGE_SIZE), n;

	if (!page)
		return -ENOMEM;
	n = iov_copy_from(page_address(page), from, want);
	if (n < want) {
		iov_revert(from, n);
		page_put(page);
		return -EFAULT;
	}
	pipe_slot_add(p, page, 0, (u32)n, true)->packet = packet;
	return n;
}

/* Fills free slots until the data or the slots end. */
static ssize_t fill(struct pipe *p, struct iov_iter *from, bool packet) MUST_HOLD(&p->lock)
{
	ssize_t total = 0;

	while (from->count && !pipe_full(p)) {
		ssize_t n = fill_slot(p, from, packet);

		if (n < 0)
			return total ? total : n;
		total += n;
	}
	return total;
}

static int wait_room(struct pipe *p, struct file *f) NO_LOCK_CHECK
{
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	/* Who sleeps with data in the ring must not leave the other side asleep. */
	if (pipe_used(p))
		pipe_wake_readers(p);
	return pipe_wait_writable(p);
}

/* *@broken: data is left and nobody will read it.  *@slept: the wake-up of this writer is to be passed on. */
static ssize_t write_locked(struct pipe *p, struct file *f, struct iov_iter *from, bool *broken,
			    bool *slept) MUST_HOLD(&p->lock)
{
	bool packet = f->flags & O_DIRECT;
	ssize_t total = 0, n;
	int err;

	for (;;) {
		if (!p->readers) {
			*broken = true;
			return total ? total : -EPIPE;
		}
		n = packet || total ? 0 : join(p, from);
		if (n >= 0 && from->count) {
			total += n;
			n = fill(p, from, packet);
		}
		if (n < 0)
			return total ? total : n;
		total += n;
		if (!from->count)
			return total;
		err = wait_room(p, f);
		if (err)
			return total ? total : err;
		*slept = true;
	}
}

static ssize_t pipe_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct pipe *p = f->private;
	bool room, broken = false, slept = false;
	ssize_t n;

	if (!from->count)
		return 0;
	mutex_lock(&p->lock);
	n = write_locked(p, f, from, &broken, &slept);
	room = slept && !pipe_full(p);
	mutex_unlock(&p->lock);
	if (n > 0)
		pipe_wake_readers(p);
	if (room)
		pipe_wake_writers(p);
	if (broken) /* even if part was written: pipe(7) */
		signal_self(SIGPIPE);
	return n;
}

/* ---- pages by reference ---- */

int pipe_reserve(struct pipe *p, bool nonblock)
{
	int err = 0;
	bool room;

	mutex_lock(&p->lock);
	while (!err && p->readers && pipe_full(p))
		err = nonblock ? -EAGAIN : pipe_wait_writable(p);
	if (!err && !p->readers)
		err = -EPIPE;
	if (!err)
		p->reserved++;
	room = !pipe_full(p);
	mutex_unlock(&p->lock);
	if (room)
		pipe_wake_writers(p);
	return err;
}

void pipe_unreserve(struct pipe *p)
{
	mutex_lock(&p->lock);
	p->reserved--;
	mutex_unlock(&p->lock);
	pipe_wake_writers(p);
}

void pipe_push_reserved(struct pipe *p, struct page *page, u32 offset, u32 len)
{
	mutex_lock(&p->lock);
	p->reserved--;
	pipe_slot_add(p, page, offset, len, false);
	mutex_unlock(&p->lock);
	pipe_wake_readers(p);
}

ssize_t pipe_push_page(struct pipe *p, struct page *page, u32 offset, u32 len, bool nonblock)
{
	int err = pipe_reserve(p, nonblock);

	if (err)
		return err;
	pipe_push_reserved(p, page, offset, len);
	return len;
}

/* ---- poll, ioctl, size ---- */

/* A pipe has no position: pos is set once at open and only read here. */
static u32 pipe_poll(struct file *f, struct poll_wait *w) NO_LOCK_CHECK
{
	struct pipe *p = f->private;
	u32 used, mask = 0, mode = f->mode;

	if (mode & FMODE_READ)
		poll_on(w, &p->readable);
	if (mode & FMODE_WRITE)
		poll_on(w, &p->writable);
	used = READ_ONCE(p->head) - READ_ONCE(p->tail);
	if (mode & FMODE_READ) {
		if (used)
			mask |= POLLIN | POLLRDNORM;
		/* A FIFO opened before any writer came is not hung up: pos holds how many had come. */
		if (!READ_ONCE(p->writers) && f->pos != (loff_t)READ_ONCE(p->writer_opens))
			mask |= POLLHUP;
	}
	if (mode & FMODE_WRITE) {
		if (used + READ_ONCE(p->reserved) < READ_ONCE(p->nslots))
			mask |= POLLOUT | POLLWRNORM;
		if (!READ_ONCE(p->readers))
			mask |= POLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct pipe *p = f->private;
	int bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	for (u32 i = p->tail; i != p->head; i++)
		bytes += (int)p->slots[i & (p->nslots - 1)].len;
	mutex_unlock(&p->lock);
	return put_user(bytes, (int __user *)arg);
}

static u32 round_up_power(u32 n)
{
	u32 v = 1;

	while (v < n)
		v <<= 1;
	return v;
}

/* @slots replaces the ring: false if what is in the pipe does not fit. */
static bool slots_replace(struct pipe *p, struct pipe_slot *slots, u32 n) MUST_HOLD(&p->lock)
{
	u32 used = pipe_used(p);

	if (used + p->reserved > n)
		return false;
	for (u32 i = 0; i < used; i++)
		slots[i] = p->slots[(p->tail + i) & (p->nslots - 1)];
	kfree(p->slots);
	p->slots = slots;
	p->nslots = n;
	p->tail = 0;
	p->head = used;
	return true;
}

/* The difference is charged; a pipe may always get smaller. */
static long set_slots(struct pipe *p, struct pipe_slot *slots, u32 n) MUST_HOLD(&p->lock)
{
	u64 limit = MIN(pages_limit(READ_ONCE(user_pages_soft)), pages_limit(READ_ONCE(user_pages_hard)));
	u32 had = p->nslots;

	if (n > had && (u64)n * PAGE_SIZE > (u64)pipe_max_size && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (n > had && !slots_charge(p->user, n - had, limit))
		return -EPERM;
	if (!slots_replace(p, slots, n)) {
		charge_drop(p->user, CHARGE_PIPE_PAGES, n > had ? n - had : 0);
		return -EBUSY;
	}
	charge_drop(p->user, CHARGE_PIPE_PAGES, n < had ? had - n : 0);
	return (long)(n * PAGE_SIZE);
}

static long set_size(struct pipe *p, unsigned long size)
{
	struct pipe_slot *slots;
	long ret;
	u32 n;

	if (size > BIT(31))
		return -EINVAL;
	n = round_up_power((u32)MAX(DIV_ROUND_UP(size, PAGE_SIZE), 1ul));
	/* Asked again under the lock: before, so that nobody makes us get that much memory. */
	if (n > READ_ONCE(p->nslots) && (u64)n * PAGE_SIZE > (u64)pipe_max_size &&
	    !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	slots = kcalloc(n, sizeof(*slots), GFP_KERNEL);
	if (!slots)
		return -ENOMEM;
	mutex_lock(&p->lock);
	ret = set_slots(p, slots, n);
	mutex_unlock(&p->lock);
	if (ret < 0)
		kfree(slots);
	else
		pipe_wake_writers(p);
	return ret;
}

long pipe_fcntl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct pipe *p = file_pipe(f);

	if (!p)
		return -EBADF;
	return cmd == F_SETPIPE_SZ ? set_size(p, arg) : (long)(p->nslots * PAGE_SIZE);
}

/* ---- open and close ---- */

static void count_end(struct pipe *p, u32 mode, int by)
{
	if (mode & FMODE_READ)
		p->readers += by;
	if (mode & FMODE_WRITE)
		p->writers += by;
}

/* A file of the pipe is gone; the last one frees it. */
static void pipe_put_end(struct pipe *p, struct inode *inode, u32 mode)
{
	bool last;

	mutex_lock(&p->lock);
	count_end(p, mode, -1);
	mutex_unlock(&p->lock);
	/* The side that stays sees the end of file or the broken pipe. */
	waitq_wake_all(&p->readable, POLLIN | POLLRDNORM | POLLHUP);
	waitq_wake_all(&p->writable, POLLOUT | POLLWRNORM | POLLERR);
	spin_lock(&inode->spin);
	last = --p->files == 0;
	if (last)
		inode->pipe = NULL;
	spin_unlock(&inode->spin);
	if (last)
		pipe_free(p);
}

static void pipe_release(struct file *f)
{
	pipe_put_end(f->private, f->inode, f->mode);
}

/* The FIFO's pipe with one more file, made if nobody has it open. */
static struct pipe *fifo_get(struct inode *inode)
{
	struct pipe *fresh = NULL, *p;

	for (;;) {
		spin_lock(&inode->spin);
		p = inode->pipe;
		if (!p && fresh)
			p = inode->pipe = fresh;
		if (p)
			p->files++;
		spin_unlock(&inode->spin);
		if (p)
			break;
		fresh = pipe_alloc();
		if (!fresh)
			return NULL;
	}
	if (fresh && p != fresh)
		pipe_free(fresh);
	return p;
}

/* Waits until the other side has been opened since @seen, even if it is closed again. */
static int wait_partner(struct waitq *q, u32 *opens, u32 seen)
{
	return wait_event_interruptible(q, READ_ONCE(*opens) != seen);
}

static int fifo_open(struct inode *inode, struct file *f) NO_LOCK_CHECK
{
	bool reads = f->mode & FMODE_READ, writes = f->mode & FMODE_WRITE;
	struct pipe *p = fifo_get(inode);
	u32 seen_readers, seen_writers, readers, writers;
	int err = 0;

	if (!p)
		return -ENOMEM;
	f->private = p;
	f->mode |= FMODE_NO_POS;
	mutex_lock(&p->lock);
	if (writes && !reads && (f->flags & O_NONBLOCK) && !p->readers && !p->nameless) {
		mutex_unlock(&p->lock);
		pipe_put_end(p, inode, 0);
		return -ENXIO;
	}
	count_end(p, f->mode, 1);
	p->reader_opens += reads;
	p->writer_opens += writes;
	seen_readers = p->reader_opens;
	seen_writers = p->writer_opens;
	readers = p->readers;
	writers = p->writers;
	mutex_unlock(&p->lock);
	f->pos = -1;
	waitq_wake_all(&p->readable, 0);
	waitq_wake_all(&p->writable, 0);

	if (p->nameless)
		return 0;
	if (reads && !writers) {
		if (f->flags & O_NONBLOCK)
			f->pos = seen_writers;
		else
			err = wait_partner(&p->readable, &p->writer_opens, seen_writers);
	} else if (writes && !readers) {
		err = wait_partner(&p->writable, &p->reader_opens, seen_readers);
	}
	if (err)
		pipe_put_end(p, inode, f->mode);
	return err;
}

const struct file_ops fifo_fops = {
	.open = fifo_open,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
	.async_reason = async_reason_in_out,
};

struct pipe *file_pipe(struct file *f)
{
	return f->ops == &fifo_fops ? f->private : NULL;
}

/* ---- pipe(2) ---- */

int pipe_create(u32 flags, struct file **rd, struct file **wr) NO_LOCK_CHECK
{
	struct inode *inode = inode_anon(S_IFIFO | 0600);
	struct pipe *p = pipe_alloc();

	if (!inode || !p)
		goto no_pipe;
	p->readers = p->writers = p->reader_opens = p->writer_opens = 1;
	p->files = 2;
	p->nameless = true;
	inode->fops = &fifo_fops; /* /proc/PID/fd/N opens it again */
	inode->pipe = p;
	inode_get(inode);
	*rd = file_anon_inode(inode, "pipe", &fifo_fops, p, O_RDONLY | (flags & O_NONBLOCK));
	if (IS_ERR(*rd)) {
		inode_put(inode);
		pipe_free(p);
		return PTR_ERR(*rd);
	}
	*wr = file_anon_inode(inode, "pipe", &fifo_fops, p,
			      O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)));
	if (IS_ERR(*wr)) {
		pipe_put_end(p, inode, FMODE_WRITE);
		file_put(*rd);
		return PTR_ERR(*wr);
	}
	(*rd)->pos = -1;
	return 0;

no_pipe:
	if (inode)
		inode_put(inode);
	if (p)
		pipe_free(p);
	return -ENFILE; /* as Linux says, of the hard limit and of memory */
}

/* The descriptors become visible only after user space has the numbers. */
static long pipe_fds(int __user *ufds, u32 flags)
{
	struct file *rd, *wr;
	int fds[2];
	int err = pipe_create(flags, &rd, &wr);

	if (err)
		return err;
	err = fds[0] = fd_reserve(0, flags & O_CLOEXEC);
	if (err < 0)
		goto put_files;
	err = fds[1] = fd_reserve(0, flags & O_CLOEXEC);
	if (err < 0)
		goto unreserve_rd;
	err = copy_to_user(ufds, fds, sizeof(fds));
	if (err)
		goto unreserve_wr;
	fd_install((unsigned int)fds[0], rd);
	fd_install((unsigned int)fds[1], wr);
	return 0;

unreserve_wr:
	fd_unreserve((unsigned int)fds[1]);
unreserve_rd:
	fd_unreserve((unsigned int)fds[0]);
put_files:
	file_put(wr);
	file_put(rd);
	return err;
}

long sys_pipe2(int __user *fds, int flags)
{
	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	return pipe_fds(fds, (u32)flags);
}

long sys_pipe(int __user *fds)
{
	return pipe_fds(fds, 0);
}
