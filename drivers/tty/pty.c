// SPDX-License-Identifier: MIT
/*
 * Pseudo terminals, pty(7): a terminal whose line is another file.
 *
 *   program -> slave write -> line discipline -> ring -> master read
 *   master write -> line discipline (echo into the ring) -> slave read
 *
 * Opening /dev/ptmx makes a pair: the open file is the master, the slave
 * appears in devpts.  Life of a pair:
 *   fresh    the slave was never opened: the master waits
 *   open     somebody has the slave
 *   left     the last slave file is closed: the master reads what is left, then EIO;
 *            what it writes waits for the next who opens the slave
 *   gone     the master is closed: the slave is hung up and its name is gone
 *
 * How many pairs there may be: kernel.pty.max; who lacks CAP_SYS_RESOURCE leaves
 * kernel.pty.reserve of them, so that root gets in when a user holds all he may.
 *
 * Tests: tests/abi/pty.c, pty_edges.c, pty_limits.c.
 *
 * Locks: pty->lock (LR_DEVICE, irqs off, under tty->lock) guards the ring and
 * the packet byte; ptys_lock the table of numbers.
 */
#include <arch/uaccess.h>
#include <asm/fcntl.h>
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/dentry.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/idr.h>
#include <tarn/inode.h>
#include <tarn/poll.h>
#include <tarn/printf.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/ring.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "tty_internal.h"

#define PTY_MAX 4096u
#define PTY_RING_ORDER 1u
#define PTY_CHUNK 256u
#define MASTER_HOLDS 4095u /* a flush of the slave's output leaves these: they count as arrived */

struct pty {
	struct tty *tty;                  /* [I] the slave's; owns this struct */
	unsigned int index;               /* [I] */
	struct inode *inode;              /* [I] in devpts; counted until gone */
	struct spinlock lock;
	struct ring ring;                 /* lock; how full it is, also without */
	u8 packet_events;                 /* lock to write */
	bool packet;                      /* lock: TIOCPKT */
	bool locked;                      /* lock: TIOCSPTLCK */
	bool gone, left;                  /* lock to write: see above */
	struct user *user;                /* [I] charged for the pair; NULL: not yet */
	struct waitq master_waitq;
};

static struct mutex ptys_lock = MUTEX_INIT(ptys_lock, "ptys", LR_TASK_WORK);
static struct idr ptys = IDR_INIT;        /* ptys_lock */
static int pty_count;                     /* ptys_lock to write */
static int pty_max = PTY_MAX, pty_reserve = 1024;

static const struct sysctl pty_max_sysctl = {
	.path = "kernel/pty/max",
	.value = &pty_max,
	.min = 0,
	.max = PTY_MAX,
};
SECTION_SET(sysctls, pty_max_sysctl);

static const struct sysctl pty_reserve_sysctl = {
	.path = "kernel/pty/reserve",
	.value = &pty_reserve,
	.min = 0,
	.max = INT32_MAX,
};
SECTION_SET(sysctls, pty_reserve_sysctl);

static int nr_show(struct strbuf *out)
{
	strbuf_printf(out, "%d\n", READ_ONCE(pty_count));
	return 0;
}
static const struct proc_entry pty_nr_entry = { "sys/kernel/pty/nr", nr_show, NULL, 0 };
SECTION_SET(proc_entries, pty_nr_entry);

/* ---- the slave as a terminal driver ---- */

static size_t slave_write(struct tty *t, const u8 *data, size_t n)
{
	struct pty *p = t->driver;
	u64 flags = spin_lock_irqsave(&p->lock);
	u32 took = ring_write(&p->ring, data, (u32)n);

	spin_unlock_irqrestore(&p->lock, flags);
	if (took && waitq_active(&p->master_waitq))
		waitq_wake_all(&p->master_waitq, POLLIN | POLLRDNORM);
	return took;
}

static size_t slave_room(struct tty *t)
{
	struct pty *p = t->driver;

	return ring_space(&p->ring);
}

/* What the master holds already is not the slave's to take back, only what is on the way. */
static void slave_flush(struct tty *t)
{
	struct pty *p = t->driver;
	u64 flags = spin_lock_irqsave(&p->lock);

	if (ring_used(&p->ring) > MASTER_HOLDS)
		p->ring.head = p->ring.tail + MASTER_HOLDS;
	spin_unlock_irqrestore(&p->lock, flags);
}

static void master_input_clear(struct pty *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	ring_clear(&p->ring);
	spin_unlock_irqrestore(&p->lock, flags);
}

static void slave_input_room(struct tty *t)
{
	struct pty *p = t->driver;

	if (waitq_active(&p->master_waitq))
		waitq_wake_all(&p->master_waitq, POLLOUT | POLLWRNORM);
}

static void slave_packet(struct tty *t, u8 events)
{
	struct pty *p = t->driver;
	u64 flags = spin_lock_irqsave(&p->lock);
	bool wanted = p->packet;

	if (wanted) {
		if (events & (TIOCPKT_STOP | TIOCPKT_START))
			p->packet_events &= ~(TIOCPKT_STOP | TIOCPKT_START);
		if (events & (TIOCPKT_DOSTOP | TIOCPKT_NOSTOP))
			p->packet_events &= ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
		p->packet_events |= events;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (wanted)
		waitq_wake_all(&p->master_waitq, POLLPRI | POLLIN | POLLRDNORM);
}

static bool slave_gone(struct tty *t)
{
	struct pty *p = t->driver;

	return READ_ONCE(p->gone);
}

static void slave_open(struct tty *t)
{
	struct pty *p = t->driver;

	WRITE_ONCE(p->left, false);
}

static void slave_close(struct tty *t)
{
	struct pty *p = t->driver;

	WRITE_ONCE(p->left, true);
	waitq_wake_all(&p->master_waitq, POLLIN | POLLOUT | POLLHUP);
}

static void slave_destroy(struct tty *t)
{
	struct pty *p = t->driver;

	pages_free(p->ring.data, PTY_RING_ORDER);
	if (p->user)
		charge_return(p->user, CHARGE_PTYS, 1);
	kfree(p);
}

static const struct tty_ops slave_ops = {
	.write = slave_write,
	.write_room = slave_room,
	.flush = slave_flush,
	.input_room = slave_input_room,
	.packet = slave_packet,
	.gone = slave_gone,
	.open = slave_open,
	.close = slave_close,
	.destroy = slave_destroy,
};

/* ---- the table ---- */

struct tty *pty_slave_get(unsigned int index, const struct inode *inode)
{
	struct tty *t = ERR_PTR(-EIO);
	struct pty *p;

	mutex_lock(&ptys_lock);
	p = idr_find(&ptys, index);
	if (p && p->inode == inode && !p->locked) {
		t = p->tty;
		tty_get(t);
	}
	mutex_unlock(&ptys_lock);
	return t;
}

struct inode *pty_inode_get(unsigned int index)
{
	struct inode *inode = NULL;
	struct pty *p;

	mutex_lock(&ptys_lock);
	p = index < PTY_MAX ? idr_find(&ptys, index) : NULL;
	if (p) {
		inode = p->inode;
		inode_get(inode);
	}
	mutex_unlock(&ptys_lock);
	return inode;
}

bool pty_next(unsigned int *index)
{
	u32 id = *index;
	bool found;

	mutex_lock(&ptys_lock);
	found = idr_next(&ptys, &id) != NULL;
	mutex_unlock(&ptys_lock);
	*index = id;
	return found;
}

/* ---- making a pair ---- */

static struct pty *pty_alloc(int index)
{
	struct pty *p = kzalloc(sizeof(*p), GFP_KERNEL);
	void *buf = pages_alloc(GFP_KERNEL, PTY_RING_ORDER);
	char name[16];

	if (!p || !buf)
		goto no_memory;
	snprintf(name, sizeof(name), "pts/%d", index);
	p->tty = tty_create(name, KDEV(136, index), &slave_ops, p);
	if (IS_ERR(p->tty))
		goto no_memory;
	p->tty->n.tio.c_cflag &= ~HUPCL;
	p->index = (unsigned int)index;
	p->locked = true;
	spin_init(&p->lock, "pty", LR_DEVICE);
	waitq_init(&p->master_waitq);
	ring_init(&p->ring, buf, PAGE_SIZE << PTY_RING_ORDER);
	return p;

no_memory:
	if (buf)
		pages_free(buf, PTY_RING_ORDER);
	kfree(p);
	return ERR_PTR(-ENOMEM);
}

static int index_reserve(void)
{
	s64 limit = READ_ONCE(pty_max) - (capable(CAP_SYS_RESOURCE) ? 0 : (s64)READ_ONCE(pty_reserve));
	int index = -ENOSPC;

	mutex_lock(&ptys_lock);
	if (pty_count + 1 < limit)
		index = idr_alloc(&ptys, NULL, 0, PTY_MAX - 1);
	if (index >= 0)
		pty_count++;
	mutex_unlock(&ptys_lock);
	return index;
}

static void index_release(unsigned int index)
{
	mutex_lock(&ptys_lock);
	idr_remove(&ptys, index);
	pty_count--;
	mutex_unlock(&ptys_lock);
}

static struct pty *pty_make(void)
{
	int index = index_reserve();
	struct pty *p;

	if (index < 0)
		return ERR_PTR(index);
	p = pty_alloc(index);
	if (IS_ERR(p)) {
		index_release((unsigned int)index);
		return p;
	}
	p->user = charge_current(CHARGE_PTYS, 1, CHARGE_NO_LIMIT);
	p->inode = devpts_inode_new(p->index);
	if (!p->inode) {
		index_release(p->index);
		tty_put(p->tty);
		return ERR_PTR(-ENOMEM);
	}
	mutex_lock(&ptys_lock);
	idr_replace(&ptys, p->index, p);
	mutex_unlock(&ptys_lock);
	return p;
}

static int ptmx_open(struct inode *inode, struct file *f)
{
	struct pty *p = pty_make();

	if (IS_ERR(p))
		return PTR_ERR(p);
	f->ops = &ptmx_fops;
	f->private = p;
	f->mode |= FMODE_NO_POS;
	return 0;
}

static void master_release(struct file *f)
{
	struct pty *p = f->private;

	index_release(p->index);
	WRITE_ONCE(p->gone, true);
	devpts_inode_gone(p->inode);
	tty_hangup(p->tty);
	tty_put(p->tty);
}

/* ---- the master as a file ---- */

static bool master_has_input(struct pty *p)
{
	return !ring_empty(&p->ring) || READ_ONCE(p->packet_events) || READ_ONCE(p->left);
}

/* Next bytes for the master: in packet mode a control byte alone, or 0 and data. */
static u32 master_take(struct pty *p, u8 *buf, u32 max)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	u32 n = 0;

	if (p->packet && p->packet_events) {
		buf[n++] = p->packet_events;
		p->packet_events = 0;
	} else if (!p->packet) {
		n = ring_read(&p->ring, buf, max);
	} else if (!ring_empty(&p->ring)) {
		buf[n++] = TIOCPKT_DATA;
		n += ring_read(&p->ring, buf + 1, max - 1);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return n;
}

static ssize_t master_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct pty *p = f->private;
	u8 buf[PTY_CHUNK * 2];
	ssize_t total = 0;
	u32 n;
	int err;

	if (!to->count)
		return 0;
	while (!(n = master_take(p, buf, (u32)MIN(to->count, sizeof(buf))))) {
		if (READ_ONCE(p->left))
			return -EIO;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&p->master_waitq, master_has_input(p));
		if (err)
			return err;
	}
	do {
		size_t copied = iov_copy_to(to, buf, n);

		total += copied;
		if (copied < n) {
			total = total ? total : -EFAULT;
			break;
		}
		if (READ_ONCE(p->packet) || !to->count)
			break;
		n = master_take(p, buf, (u32)MIN(to->count, sizeof(buf)));
	} while (n);
	tty_wake_writers(p->tty);
	if (total > 0)
		tty_touch(f, ATTR_ATIME);
	return total;
}

static ssize_t master_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct pty *p = f->private;
	u8 buf[PTY_CHUNK];
	ssize_t total = 0;
	int err = 0;

	while (from->count && !err) {
		size_t n = iov_copy_from(buf, from, MIN(from->count, sizeof(buf))), done = 0;

		if (!n)
			return total ? total : -EFAULT;
		while (done < n && !err) {
			done += tty_receive_some(p->tty, buf + done, n - done);
			if (done == n)
				break;
			err = f->flags & O_NONBLOCK
				      ? -EAGAIN
				      : wait_event_interruptible(&p->master_waitq,
								 tty_receive_room(p->tty));
		}
		total += done;
		if (done < n)
			iov_revert(from, n - done);
		cond_resched();
	}
	if (total)
		tty_touch(f, ATTR_MTIME);
	return total ? total : err;
}

static u32 master_poll(struct file *f, struct poll_wait *w)
{
	struct pty *p = f->private;
	u32 mask = 0;

	poll_on(w, &p->master_waitq);
	if (!ring_empty(&p->ring))
		mask |= POLLIN | POLLRDNORM;
	if (READ_ONCE(p->packet_events))
		mask |= POLLPRI | POLLIN | POLLRDNORM;
	if (tty_receive_room(p->tty))
		mask |= POLLOUT | POLLWRNORM;
	if (READ_ONCE(p->left))
		mask |= POLLHUP;
	return mask;
}

/* ---- the master's ioctls ---- */

/* TIOCGPTPEER: the slave as a new descriptor, found beside the ptmx that was opened. */
static long open_peer(struct pty *p, struct file *f, int flags)
{
	struct path base = f->path, path;
	struct file *slave;
	char name[24];
	int err;

	if (base.dentry->inode->super != p->inode->super)
		snprintf(name, sizeof(name), "pts/%u", p->index);
	else
		snprintf(name, sizeof(name), "%u", p->index);
	base.dentry = base.dentry->parent;
	err = path_lookup_from(&base, name, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	slave = path.dentry->inode == p->inode ? file_open_path(&path, (u32)flags, current_cred())
					       : ERR_PTR(-ENOENT);
	path_put(&path);
	return IS_ERR(slave) ? PTR_ERR(slave) : fd_add(slave, (u32)flags & O_CLOEXEC);
}

static long set_flag(struct pty *p, bool *flag, const int __user *in)
{
	u64 flags;
	int on;

	if (get_user(on, in))
		return -EFAULT;
	flags = spin_lock_irqsave(&p->lock);
	if (flag == &p->packet && on && !p->packet)
		p->packet_events = 0;
	*flag = on;
	spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

static long send_signal(struct pty *p, unsigned long sig)
{
	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	tty_signal_foreground(p->tty, (int)sig);
	return 0;
}

static long master_flush(struct pty *p, unsigned long queue)
{
	if (queue != TCIFLUSH && queue != TCOFLUSH && queue != TCIOFLUSH)
		return -EINVAL;
	if (queue != TCOFLUSH)
		master_input_clear(p);
	if (queue != TCIFLUSH)
		tty_flush_backlog(p->tty); /* what the line discipline took has arrived */
	tty_wake_writers(p->tty);
	return 0;
}

static long master_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct pty *p = f->private;
	int __user *user = (int __user *)arg;

	switch (cmd) {
	case TIOCGPTN:
		return put_user((int)p->index, user);
	case TIOCSPTLCK:
		return set_flag(p, &p->locked, user);
	case TIOCGPTLCK:
		return put_user((int)p->locked, user);
	case TIOCPKT:
		return set_flag(p, &p->packet, user);
	case TIOCGPKT:
		return put_user((int)p->packet, user);
	case TIOCGPTPEER:
		return open_peer(p, f, (int)arg);
	case TIOCSIG:
		return send_signal(p, arg);
	case FIONREAD:
		return put_user((int)ring_used(&p->ring), user);
	case TCFLSH:
		return master_flush(p, arg);
	}
	return tty_ioctl_common(p->tty, f, cmd, arg);
}

const struct file_ops ptmx_fops = {
	.open = ptmx_open,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.release = master_release,
	.async_reason = tty_async_reason,
};

static struct device ptmx_device = {
	.name = "ptmx",
	.subsystem = "tty",
	.dev = KDEV(5, 2),
	.node_mode = 0666,
};

void pty_init(void)
{
	assert(chrdev_register(KDEV(5, 2), 1, "ptmx", &ptmx_fops) == 0);
	device_add(&ptmx_device);
}
