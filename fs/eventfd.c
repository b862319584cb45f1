// SPDX-License-Identifier: MIT
/*
 * eventfd(2): a 64-bit counter as a file.  Reading waits for it to be more than
 * 0, writing waits until the sum fits below 2^64 - 1.
 *
 * Locks: ctx->lock (irqs off) guards the count.
 */
#include <abi_fs.h>
#include <linux/fcntl.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/poll.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>

#define COUNT_MAX (~0ull - 1)

struct eventfd {
	struct spinlock lock;
	u64 count;                   /* lock to write */
	bool semaphore;              /* [I] reads take 1 */
	struct waitq waitq;
};

/* What a read gets; 0: nothing is there. */
static u64 eventfd_take(struct eventfd *e)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	u64 got = e->semaphore && e->count ? 1 : e->count;

	e->count -= got;
	spin_unlock_irqrestore(&e->lock, flags);
	return got;
}

static bool eventfd_add(struct eventfd *e, u64 n)
{
	u64 flags = spin_lock_irqsave(&e->lock);
	bool fits = COUNT_MAX - e->count >= n;

	if (fits)
		e->count += n;
	spin_unlock_irqrestore(&e->lock, flags);
	return fits;
}

static ssize_t eventfd_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct eventfd *e = f->private;
	u64 got;
	int err;

	if (to->count < sizeof(got))
		return -EINVAL;
	while (!(got = eventfd_take(e))) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->waitq, READ_ONCE(e->count) > 0);
		if (err)
			return err;
	}
	if (waitq_active(&e->waitq))
		waitq_wake_all(&e->waitq, POLLOUT | POLLWRNORM);
	return iov_copy_to(to, &got, sizeof(got)) == sizeof(got) ? (ssize_t)sizeof(got) : -EFAULT;
}

static ssize_t write_number(struct file *f, struct iov_iter *from)
{
	struct eventfd *e = f->private;
	u64 n;
	int err;

	if (iov_copy_from(&n, from, sizeof(n)) != sizeof(n))
		return -EFAULT;
	if (n == ~0ull)
		return -EINVAL;
	while (!eventfd_add(e, n)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->waitq, COUNT_MAX - READ_ONCE(e->count) >= n);
		if (err)
			return err;
	}
	if (waitq_active(&e->waitq))
		waitq_wake_all(&e->waitq, POLLIN | POLLRDNORM);
	return sizeof(n);
}

/* What is left of the vector's first element that has something. */
static size_t first_piece(const struct iov_iter *it)
{
	if (it->kind != IOV_USER)
		return it->count;
	for (u32 i = 0; i < it->nr_segs; i++) {
		size_t left = it->iov[i].iov_len - (i ? 0 : it->done_in_seg);

		if (left)
			return MIN(left, it->count);
	}
	return 0;
}

/* Each element of writev(2)'s vector is a write of its own, as on Linux: no number is put together from two. */
static ssize_t eventfd_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t total = 0, n;
	size_t piece;

	do {
		piece = first_piece(from);
		n = piece < sizeof(u64) ? -EINVAL : write_number(f, from);
		if (n < 0)
			return total ? total : n;
		total += n;
	} while (piece == sizeof(u64) && from->count);
	return total;
}

static u32 eventfd_poll(struct file *f, struct poll_wait *w)
{
	struct eventfd *e = f->private;
	u64 count;

	poll_on(w, &e->waitq);
	count = READ_ONCE(e->count);
	return (count ? POLLIN | POLLRDNORM : 0) | (count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0);
}

static void eventfd_release(struct file *f)
{
	kfree(f->private);
}

static void eventfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct eventfd *e = f->private;

	strbuf_printf(out, "eventfd-count: %16llx\n", (unsigned long long)READ_ONCE(e->count));
}

static const struct file_ops eventfd_fops = {
	.llseek = llseek_nowhere,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.show_fdinfo = eventfd_show_fdinfo,
};

long sys_eventfd2(unsigned int count, int flags)
{
	struct eventfd *e;
	struct file *f;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | ABI_EFD_SEMAPHORE))
		return -EINVAL;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	spin_init(&e->lock, "eventfd", LR_DEVICE);
	e->count = count;
	e->semaphore = flags & ABI_EFD_SEMAPHORE;
	waitq_init(&e->waitq);
	f = file_anon("anon_inode:[eventfd]", &eventfd_fops, e, O_RDWR | (flags & O_NONBLOCK));
	if (IS_ERR(f)) {
		kfree(e);
		return PTR_ERR(f);
	}
	return fd_add(f, flags & O_CLOEXEC);
}

long sys_eventfd(unsigned int count)
{
	return sys_eventfd2(count, 0);
}
