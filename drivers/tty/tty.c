// SPDX-License-Identifier: MIT
/*
 * Terminals: open, read, write, poll, hangup; what all drivers share.
 *
 * Input arrives in an interrupt (or from a pty's master) and passes the line
 * discipline at once; what finds no room waits in the backlog, and a driver
 * whose backlog grows is throttled, so a long paste into a busy program is
 * slowed down rather than lost.
 *
 * A read sleeps on read_waitq, a write on write_waitq until the driver says
 * tty_wake_writers().  tty_internal.h tells the locks.
 */
#include <arch/uaccess.h>
#include <asm/fcntl.h>
#include <tarn/cred.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/inode.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include "tty_internal.h"

#define TTY_MAX_HARDWARE 16u
#define TTY_CHUNK 256u

/* What stty sane gives, 38400 baud as Linux's default. */
static const struct ktermios tty_default_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD | HUPCL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {
		[VINTR] = 003, [VQUIT] = 034, [VERASE] = 0177, [VKILL] = 025, [VEOF] = 004,
		[VMIN] = 1, [VSTART] = 021, [VSTOP] = 023, [VSUSP] = 032, [VREPRINT] = 022,
		[VDISCARD] = 017, [VWERASE] = 027, [VLNEXT] = 026,
	},
	.c_ispeed = 38400,
	.c_ospeed = 38400,
};

static struct tty *hardware[TTY_MAX_HARDWARE]; /* [I] after boot */
static u32 hardware_count;

/* ---- making and counting ---- */

static size_t ldisc_write(void *ctx, const u8 *data, size_t n)
{
	struct tty *t = ctx;

	return t->ops->write(t, data, n);
}

static size_t ldisc_room(void *ctx)
{
	struct tty *t = ctx;

	return t->ops->write_room ? t->ops->write_room(t) : (size_t)-1;
}

static void ldisc_flush(void *ctx)
{
	struct tty *t = ctx;

	if (t->ops->flush)
		t->ops->flush(t);
}

static const struct n_tty_ops ldisc_ops = {
	.write = ldisc_write,
	.room = ldisc_room,
	.flush = ldisc_flush,
};

struct tty *tty_create(const char *name, kdev_t dev, const struct tty_ops *ops, void *driver)
{
	struct tty *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return ERR_PTR(-ENOMEM);
	strscpy(t->name, name, sizeof(t->name));
	t->dev = dev;
	t->ops = ops;
	t->driver = driver;
	ref_init(&t->refs, 1);
	mutex_init(&t->read_lock, "tty read", LR_TTY);
	mutex_init(&t->write_lock, "tty write", LR_TTY);
	mutex_init(&t->termios_lock, "tty termios", LR_TTY);
	spin_init(&t->lock, "tty", LR_TTY_SPIN);
	waitq_init(&t->read_waitq);
	waitq_init(&t->write_waitq);
	n_tty_init(&t->n, &ldisc_ops, t);
	t->n.tio = tty_default_termios;
	if (KDEV_MAJOR(dev) != 136 && hardware_count < TTY_MAX_HARDWARE)
		hardware[hardware_count++] = t;
	return t;
}

void tty_get(struct tty *t)
{
	ref_get(&t->refs);
}

void tty_put(struct tty *t)
{
	if (!ref_put(&t->refs))
		return;
	if (t->ops->destroy)
		t->ops->destroy(t);
	kfree(t);
}

struct tty *tty_find(kdev_t dev)
{
	for (u32 i = 0; i < hardware_count; i++)
		if (hardware[i]->dev == dev) {
			tty_get(hardware[i]);
			return hardware[i];
		}
	return NULL;
}

struct tty *tty_find_name(const char *name)
{
	for (u32 i = 0; i < hardware_count; i++)
		if (str_eq(hardware[i]->name, name)) {
			tty_get(hardware[i]);
			return hardware[i];
		}
	return NULL;
}

void *tty_driver_data(struct tty *t)
{
	return t->driver;
}

kdev_t tty_dev(const struct tty *t)
{
	return t->dev;
}

const char *tty_name(const struct tty *t)
{
	return t->name;
}

/* ---- input ---- */

static u64 take_signals(struct tty *t)
{
	u64 signals = t->n.signals;

	t->n.signals = 0;
	return signals;
}

static void packet_events(struct tty *t)
{
	u8 events = t->n.packet;

	t->n.packet = 0;
	if (events && t->ops->packet)
		t->ops->packet(t, events);
}

/* After the line discipline took input, no lock held: who must hear of it. */
static void input_done(struct tty *t, u64 signals, bool readable, bool started)
{
	for (int sig = 1; signals >> sig; sig++)
		if (signals & BIT(sig))
			tty_signal_foreground(t, sig);
	if (readable)
		waitq_wake_all(&t->read_waitq, POLLIN | POLLRDNORM);
	if (started)
		waitq_wake_all(&t->write_waitq, POLLOUT | POLLWRNORM);
}

static u32 backlog_used(const struct tty *t)
{
	return t->backlog_head - t->backlog_tail;
}

static void set_throttle_locked(struct tty *t, bool on)
{
	if (t->throttled == on)
		return;
	t->throttled = on;
	if (t->ops->throttle)
		t->ops->throttle(t, on);
}

/* Lets the backlog into the line discipline as far as there is room. */
static void backlog_drain(struct tty *t)
{
	while (backlog_used(t)) {
		u32 at = t->backlog_tail % TTY_BACKLOG;
		u32 run = MIN(backlog_used(t), TTY_BACKLOG - at);
		size_t took = n_tty_receive(&t->n, t->backlog + at, run);

		t->backlog_tail += (u32)took;
		if (took < run)
			break;
	}
	if (backlog_used(t) <= TTY_BACKLOG / 4)
		set_throttle_locked(t, false);
}

/* How many of the @n found room. */
static size_t backlog_add(struct tty *t, const u8 *data, size_t n)
{
	size_t done = 0;

	while (done < n && backlog_used(t) < TTY_BACKLOG)
		t->backlog[t->backlog_head++ % TTY_BACKLOG] = data[done++];
	if (backlog_used(t) >= TTY_BACKLOG / 2)
		set_throttle_locked(t, true);
	return done;
}

size_t tty_receive_some(struct tty *t, const u8 *data, size_t n)
{
	u64 flags = spin_lock_irqsave(&t->lock), signals;
	bool was_stopped = t->n.stopped, readable, started;
	size_t done = 0;

	backlog_drain(t);
	if (!backlog_used(t))
		done = n_tty_receive(&t->n, data, n);
	done += backlog_add(t, data + done, n - done);
	signals = take_signals(t);
	packet_events(t);
	readable = n_tty_readable(&t->n, 1);
	started = was_stopped && !t->n.stopped;
	spin_unlock_irqrestore(&t->lock, flags);
	input_done(t, signals, readable, started);
	return done;
}

void tty_receive(struct tty *t, const u8 *data, size_t n)
{
	tty_receive_some(t, data, n); /* what is beyond the backlog is lost: the line does not wait */
}

size_t tty_receive_room(struct tty *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	size_t room = TTY_BACKLOG - backlog_used(t);

	spin_unlock_irqrestore(&t->lock, flags);
	return room;
}

void tty_flush_backlog(struct tty *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);

	t->backlog_tail = t->backlog_head;
	set_throttle_locked(t, false);
	spin_unlock_irqrestore(&t->lock, flags);
}

void tty_receive_flagged(struct tty *t, u8 c, enum n_tty_flag flag)
{
	u64 flags = spin_lock_irqsave(&t->lock), signals;
	bool readable;

	backlog_drain(t);
	n_tty_receive_flagged(&t->n, c, flag);
	signals = take_signals(t);
	readable = n_tty_readable(&t->n, 1);
	spin_unlock_irqrestore(&t->lock, flags);
	input_done(t, signals, readable, false);
}

void tty_wake_writers(struct tty *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);

	n_tty_flush_echo(&t->n);
	spin_unlock_irqrestore(&t->lock, flags);
	if (waitq_active(&t->write_waitq))
		waitq_wake_all(&t->write_waitq, POLLOUT | POLLWRNORM);
}

/* ---- flow and flushing ---- */

void tty_flow(struct tty *t, bool stop)
{
	u64 flags = spin_lock_irqsave(&t->lock);

	if (stop)
		n_tty_stop(&t->n);
	else
		n_tty_start(&t->n);
	packet_events(t);
	spin_unlock_irqrestore(&t->lock, flags);
	if (!stop)
		waitq_wake_all(&t->write_waitq, POLLOUT | POLLWRNORM);
}

/* tcflush(3): @queue TCIFLUSH, TCOFLUSH, TCIOFLUSH. */
void tty_flush(struct tty *t, int queue)
{
	u64 flags = spin_lock_irqsave(&t->lock);

	if (queue != TCOFLUSH) {
		n_tty_flush_input(&t->n);
		t->backlog_tail = t->backlog_head;
		set_throttle_locked(t, false);
	}
	if (queue != TCIFLUSH) {
		t->n.out_tail = t->n.out_head;
		ldisc_flush(t);
		t->n.packet |= TIOCPKT_FLUSHWRITE;
	}
	packet_events(t);
	spin_unlock_irqrestore(&t->lock, flags);
	if (t->ops->input_room)
		t->ops->input_room(t);
	waitq_wake_all(&t->write_waitq, POLLOUT | POLLWRNORM);
}

static bool drained(struct tty *t)
{
	return !t->ops->pending || t->ops->pending(t) == 0;
}

int tty_wait_drained(struct tty *t)
{
	return wait_event_interruptible(&t->write_waitq, drained(t));
}

/* ---- open and close ---- */

static bool tty_file_dead(const struct tty_file *tf)
{
	return atomic_load_explicit(&tf->tty->hangups, memory_order_acquire) != tf->hangups;
}

static int tty_count_open(struct tty *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	bool refused = t->exclusive && t->opens && !capable(CAP_SYS_ADMIN);

	if (!refused)
		t->opens++;
	spin_unlock_irqrestore(&t->lock, flags);
	return refused ? -EBUSY : 0;
}

int tty_open_file(struct tty *t, struct file *f)
{
	struct tty_file *tf = kmalloc(sizeof(*tf), GFP_KERNEL);
	int err = tf ? 0 : -ENOMEM;

	if (!err)
		err = tty_count_open(t);
	if (err) {
		kfree(tf);
		tty_put(t);
		return err;
	}
	tf->tty = t;
	tf->hangups = atomic_load(&t->hangups);
	f->ops = &tty_fops;
	f->private = tf;
	f->mode |= FMODE_NO_POS;
	if (t->ops->open)
		t->ops->open(t);
	tty_open_acquire(t, f);
	return 0;
}

static int tty_open(struct inode *inode, struct file *f)
{
	struct tty *t;

	if (inode->rdev == KDEV(5, 0)) {
		t = tty_current_get();
		if (!t)
			return -ENXIO;
		f->flags |= O_NOCTTY;
	} else if (inode->rdev == KDEV(5, 1)) {
		t = console_tty_get();
		f->flags |= O_NOCTTY;
	} else if (KDEV_MAJOR(inode->rdev) == 136) {
		t = pty_slave_get(KDEV_MINOR(inode->rdev), inode);
		if (IS_ERR(t))
			return PTR_ERR(t);
	} else {
		t = tty_find(inode->rdev);
	}
	return t ? tty_open_file(t, f) : -ENODEV;
}

static void tty_release(struct file *f)
{
	struct tty_file *tf = f->private;
	struct tty *t = tf->tty;
	u64 flags = spin_lock_irqsave(&t->lock);
	bool last = --t->opens == 0;

	if (last)
		t->exclusive = false;
	spin_unlock_irqrestore(&t->lock, flags);
	if (last && t->ops->close)
		t->ops->close(t);
	kfree(tf);
	tty_put(t);
}

/* In steps of 8 s: else whoever may stat a terminal learns when each key was pressed. */
void tty_touch(struct file *f, u32 which)
{
	struct inode *inode = f->inode;
	s64 was = which == ATTR_ATIME ? inode->atime.tv_sec : inode->mtime.tv_sec; /* a guess is enough */

	if ((was ^ realtime_coarse().tv_sec) & ~7)
		inode_touch(inode, which);
}

/* ---- read ---- */

/* When a read in raw mode may return: VMIN and VTIME as termios(3) tells. */
struct read_rule {
	u32 min;          /* bytes that end the read; 1 in canonical mode */
	u64 time;         /* ns; 0: none */
	bool canonical;
};

static struct read_rule read_rule_of(struct tty *t)
{
	struct ktermios *tio = &t->n.tio;
	struct read_rule r = { .min = 1, .canonical = tio->c_lflag & ICANON };

	if (!r.canonical) {
		r.min = tio->c_cc[VMIN];
		r.time = tio->c_cc[VTIME] * (NSEC_PER_SEC / 10);
	}
	return r;
}

static bool read_ready(struct tty *t, const struct tty_file *tf)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	bool ready = n_tty_readable(&t->n, 1);

	spin_unlock_irqrestore(&t->lock, flags);
	return ready || tty_file_dead(tf);
}

/* One piece out of the line discipline, and the backlog behind it in. */
static size_t read_piece(struct tty *t, u8 *buf, size_t max, bool *end)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	size_t n = n_tty_read(&t->n, buf, max, end);
	u64 signals = 0;

	if (backlog_used(t)) {
		backlog_drain(t);
		signals = take_signals(t);
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (signals)
		input_done(t, signals, false, false);
	return n;
}

/* Copies what is there: bytes, or -EFAULT.  *@end: the read is over. */
static ssize_t read_available(struct tty *t, struct iov_iter *to, bool *end)
{
	u8 buf[TTY_CHUNK];
	ssize_t total = 0;

	*end = false;
	while (to->count && !*end) {
		size_t n = read_piece(t, buf, MIN(to->count, sizeof(buf)), end);
		size_t copied = iov_copy_to(to, buf, n);

		total += copied;
		if (copied < n)
			return total ? total : -EFAULT;
		if (!n)
			break;
	}
	return total;
}

/* Who waits while a pty's master goes hears of it by EIO; after any other hangup, and later, reads end. */
static int dead_read(struct tty *t)
{
	return t->ops->gone && t->ops->gone(t) ? -EIO : -ETIMEDOUT;
}

/* Sleeps for more input: 0, or why the read ends (-ETIMEDOUT: VTIME is over, or nothing comes any more). */
static int read_wait(struct tty *t, struct file *f, const struct read_rule *rule, ktime_t deadline)
{
	if (tty_file_dead(f->private))
		return dead_read(t);
	if (!rule->canonical && !rule->min && !rule->time)
		return -ETIMEDOUT;
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_deadline(&t->read_waitq, read_ready(t, f->private), deadline);
}

static ktime_t read_deadline(const struct read_rule *rule, ssize_t total, ktime_t start)
{
	if (!rule->time)
		return KTIME_MAX;
	if (!rule->min)
		return start + rule->time;
	return total ? clock_monotonic() + rule->time : KTIME_MAX;
}

static ssize_t read_locked(struct tty *t, struct file *f, struct iov_iter *to)
{
	ktime_t start = clock_monotonic();
	ssize_t total = 0;

	for (;;) {
		struct read_rule rule = read_rule_of(t);
		bool end;
		ssize_t n;
		int err;

		if (!read_ready(t, f->private)) {
			err = read_wait(t, f, &rule, read_deadline(&rule, total, start));
			if (err == -ETIMEDOUT)
				return total;
			if (!err && tty_file_dead(f->private))
				err = dead_read(t);
			if (err)
				return total || err == -ETIMEDOUT ? total : err;
			err = tty_check_job(t, SIGTTIN);
			if (err)
				return total ? total : err;
			continue;
		}
		if (tty_file_dead(f->private))
			return total;
		n = read_available(t, to, &end);
		if (n < 0)
			return total ? total : n;
		total += n;
		if (end || !to->count || (rule.canonical ? total : total >= MAX(rule.min, 1u)))
			return total;
	}
}

static ssize_t tty_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct tty_file *tf = f->private;
	struct tty *t = tf->tty;
	ssize_t n;
	int err;

	if (tty_file_dead(tf) || !to->count)
		return 0;
	err = tty_check_job(t, SIGTTIN);
	if (err)
		return err;
	if (f->flags & O_NONBLOCK) {
		if (!mutex_trylock(&t->read_lock))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&t->read_lock)) {
		return -ERESTARTSYS;
	}
	n = read_locked(t, f, to);
	mutex_unlock(&t->read_lock);
	if (n > 0 && t->ops->input_room)
		t->ops->input_room(t);
	if (n > 0)
		tty_touch(f, ATTR_ATIME);
	return n;
}

/* ---- write ---- */

static bool write_ready(struct tty *t, const struct tty_file *tf)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	bool ready = n_tty_writable(&t->n);

	spin_unlock_irqrestore(&t->lock, flags);
	return ready || tty_file_dead(tf);
}

/* All of @buf, with waits: bytes written before *@err happened. */
static size_t write_piece(struct tty *t, struct file *f, const u8 *buf, size_t n, int *err)
{
	size_t done = 0;

	for (;;) {
		u64 flags;

		if (tty_file_dead(f->private) || (t->ops->gone && t->ops->gone(t))) {
			*err = -EIO;
			return done;
		}
		flags = spin_lock_irqsave(&t->lock);
		done += n_tty_write(&t->n, buf + done, n - done);
		spin_unlock_irqrestore(&t->lock, flags);
		if (done == n)
			return done;
		*err = f->flags & O_NONBLOCK
			       ? -EAGAIN
			       : wait_event_interruptible(&t->write_waitq,
							  write_ready(t, f->private));
		if (*err)
			return done;
	}
}

static ssize_t write_locked(struct tty *t, struct file *f, struct iov_iter *from)
{
	u8 buf[TTY_CHUNK];
	ssize_t total = 0;
	int err = 0;

	while (from->count && !err) {
		size_t n = iov_copy_from(buf, from, MIN(from->count, sizeof(buf))), done;

		if (!n)
			return total ? total : -EFAULT;
		done = write_piece(t, f, buf, n, &err);
		total += done;
		if (done < n)
			iov_revert(from, n - done);
		cond_resched();
	}
	return total ? total : err;
}

static ssize_t tty_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct tty_file *tf = f->private;
	struct tty *t = tf->tty;
	ssize_t n;
	int err;

	if (tty_file_dead(tf))
		return -EIO;
	if (t->n.tio.c_lflag & TOSTOP) {
		err = tty_check_job(t, SIGTTOU);
		if (err)
			return err;
	}
	if (f->flags & O_NONBLOCK) {
		if (!mutex_trylock(&t->write_lock))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&t->write_lock)) {
		return -ERESTARTSYS;
	}
	n = write_locked(t, f, from);
	mutex_unlock(&t->write_lock);
	if (n > 0)
		tty_touch(f, ATTR_MTIME);
	return n;
}

/* ---- poll, ioctl ---- */

static u32 tty_poll(struct file *f, struct poll_wait *w)
{
	struct tty_file *tf = f->private;
	struct tty *t = tf->tty;
	struct read_rule rule = read_rule_of(t);
	u32 mask = 0;
	u64 flags;

	poll_on(w, &t->read_waitq);
	poll_on(w, &t->write_waitq);
	if (tty_file_dead(tf))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	flags = spin_lock_irqsave(&t->lock);
	if (n_tty_readable(&t->n, rule.time ? 1 : rule.min))
		mask |= POLLIN | POLLRDNORM;
	if (n_tty_writable(&t->n))
		mask |= POLLOUT | POLLWRNORM;
	spin_unlock_irqrestore(&t->lock, flags);
	return mask;
}

static long tty_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct tty_file *tf = f->private;

	if (tty_file_dead(tf))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	return tty_ioctl_common(tf->tty, f, cmd, arg);
}

/*
 * Input only: a program that writes from its handler would otherwise be told of
 * the room which its own output made, for ever.
 */
int tty_async_reason(struct file *f, u32 events)
{
	return events & POLLIN && !(events & (POLLHUP | POLLPRI)) ? POLL_IN : 0;
}

static pid_t tty_async_group(struct file *f)
{
	struct tty_file *tf = f->private;

	return atomic_load(&tf->tty->pgrp);
}

const struct file_ops tty_fops = {
	.open = tty_open,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.release = tty_release,
	.async_reason = tty_async_reason,
	.async_group = tty_async_group,
};

/* ---- hangup ---- */

void tty_hangup(struct tty *t)
{
	atomic_fetch_add_explicit(&t->hangups, 1, memory_order_acq_rel);
	tty_hangup_session(t);
	tty_flush(t, TCIOFLUSH);
	tty_flow(t, false);
	if (t->ops->hangup)
		t->ops->hangup(t);
	waitq_wake_all(&t->read_waitq, POLLIN | POLLHUP | POLLERR);
	waitq_wake_all(&t->write_waitq, POLLOUT | POLLHUP | POLLERR);
}

/* vhangup(2): the caller's own terminal. */
long sys_vhangup(void)
{
	struct tty *t;

	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	t = tty_current_get();
	if (t) {
		tty_hangup(t);
		tty_put(t);
	}
	return 0;
}

void tty_init(void)
{
	assert(chrdev_register(KDEV(4, 64), 4, "ttyS", &tty_fops) == 0);
	assert(chrdev_register(KDEV(136, 0), 4096, "pts", &tty_fops) == 0);
	console_init();
	pty_init();
	devpts_init();
}
