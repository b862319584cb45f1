// SPDX-License-Identifier: MIT
/*
 * ioctl_tty(2): settings, window size, flow, queues.  Job control's calls are in
 * jobctl.c, a pty master's own in pty.c, a driver's own behind ops->ioctl.
 */
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/poll.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/string.h>
#include "tty_internal.h"

/* ---- speeds ---- */

static const struct {
	u32 code, baud;
} speeds[] = {
	{ B0, 0 }, { B50, 50 }, { B75, 75 }, { B110, 110 }, { B134, 134 }, { B150, 150 },
	{ B200, 200 }, { B300, 300 }, { B600, 600 }, { B1200, 1200 }, { B1800, 1800 },
	{ B2400, 2400 }, { B4800, 4800 }, { B9600, 9600 }, { B19200, 19200 }, { B38400, 38400 },
	{ B57600, 57600 }, { B115200, 115200 }, { B230400, 230400 }, { B460800, 460800 },
	{ B500000, 500000 }, { B576000, 576000 }, { B921600, 921600 }, { B1000000, 1000000 },
	{ B1152000, 1152000 }, { B1500000, 1500000 }, { B2000000, 2000000 },
	{ B2500000, 2500000 }, { B3000000, 3000000 }, { B3500000, 3500000 },
	{ B4000000, 4000000 },
};

static u32 code_baud(u32 code, u32 other)
{
	if (code == BOTHER)
		return other;
	for (u32 i = 0; i < ARRAY_SIZE(speeds); i++)
		if (speeds[i].code == code)
			return speeds[i].baud;
	return 9600;
}

u32 termios_baud(const struct ktermios *t)
{
	return code_baud(t->c_cflag & CBAUD, t->c_ospeed);
}

/* c_ispeed and c_ospeed from the codes in c_cflag; an input code of 0 means the output's. */
static void settle_speeds(struct ktermios *t)
{
	u32 in = (t->c_cflag & CIBAUD) >> IBSHIFT;

	t->c_ospeed = termios_baud(t);
	t->c_ispeed = in == B0 ? t->c_ospeed : code_baud(in, t->c_ispeed);
}

/* ---- settings ---- */

static struct ktermios get_settings(struct tty *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	struct ktermios tio = t->n.tio;

	spin_unlock_irqrestore(&t->lock, flags);
	return tio;
}

/* The new settings become valid; the input side may now hold a readable line. */
static void apply(struct tty *t, const struct ktermios *new)
{
	struct ktermios old;
	u8 events;
	u64 flags;

	mutex_lock(&t->termios_lock);
	flags = spin_lock_irqsave(&t->lock);
	old = t->n.tio;
	t->n.tio = *new;
	n_tty_termios_changed(&t->n, &old);
	events = t->n.packet;
	t->n.packet = 0;
	if (events && t->ops->packet)
		t->ops->packet(t, events);
	spin_unlock_irqrestore(&t->lock, flags);
	if (t->ops->set_termios)
		t->ops->set_termios(t, &old);
	mutex_unlock(&t->termios_lock);
	tty_receive_some(t, NULL, 0); /* what waited may pass by the new rules */
	if (t->ops->input_room)
		t->ops->input_room(t);
	waitq_wake_all(&t->read_waitq, POLLIN | POLLRDNORM);
	waitq_wake_all(&t->write_waitq, POLLOUT | POLLWRNORM);
}

enum when { NOW, DRAIN, FLUSH };

static long set_settings(struct tty *t, struct ktermios *new, enum when when)
{
	int err = tty_check_job(t, SIGTTOU);

	if (err)
		return err;
	settle_speeds(new);
	if (when == FLUSH)
		tty_flush(t, TCIFLUSH);
	if (when != NOW) {
		err = tty_wait_drained(t);
		if (err)
			return err;
	}
	apply(t, new);
	return 0;
}

/* struct termios is the front of struct ktermios, struct termios2 all of it. */
_Static_assert(offsetof(struct ktermios, c_cc) == offsetof(struct termios, c_cc), "same front");
_Static_assert(sizeof(struct ktermios) == sizeof(struct termios2), "same struct");

static long set_from_user(struct tty *t, const void __user *in, size_t size, enum when when)
{
	struct ktermios new = get_settings(t);

	if (copy_from_user(&new, in, size))
		return -EFAULT;
	return set_settings(t, &new, when);
}

static long get_termio(struct tty *t, struct termio __user *out)
{
	struct ktermios k = get_settings(t);
	struct termio old = {
		.c_iflag = (u16)k.c_iflag,
		.c_oflag = (u16)k.c_oflag,
		.c_cflag = (u16)k.c_cflag,
		.c_lflag = (u16)k.c_lflag,
		.c_line = k.c_line,
	};

	memcpy(old.c_cc, k.c_cc, NCC);
	return copy_to_user(out, &old, sizeof(old));
}

static long set_termio(struct tty *t, const struct termio __user *in, enum when when)
{
	struct ktermios k = get_settings(t);
	struct termio old;

	if (copy_from_user(&old, in, sizeof(old)))
		return -EFAULT;
	k.c_iflag = (k.c_iflag & 0xffff0000) | old.c_iflag;
	k.c_oflag = (k.c_oflag & 0xffff0000) | old.c_oflag;
	k.c_cflag = (k.c_cflag & 0xffff0000) | old.c_cflag;
	k.c_lflag = (k.c_lflag & 0xffff0000) | old.c_lflag;
	k.c_line = old.c_line;
	memcpy(k.c_cc, old.c_cc, NCC);
	return set_settings(t, &k, when);
}

static long settings_ioctl(struct tty *t, unsigned int cmd, void __user *p)
{
	struct ktermios k;

	switch (cmd) {
	case TCGETS:
		k = get_settings(t);
		return copy_to_user(p, &k, sizeof(struct termios));
	case TCGETS2:
		k = get_settings(t);
		return copy_to_user(p, &k, sizeof(struct termios2));
	case TCSETS:
		return set_from_user(t, p, sizeof(struct termios), NOW);
	case TCSETSW:
		return set_from_user(t, p, sizeof(struct termios), DRAIN);
	case TCSETSF:
		return set_from_user(t, p, sizeof(struct termios), FLUSH);
	case TCSETS2:
		return set_from_user(t, p, sizeof(struct termios2), NOW);
	case TCSETSW2:
		return set_from_user(t, p, sizeof(struct termios2), DRAIN);
	case TCSETSF2:
		return set_from_user(t, p, sizeof(struct termios2), FLUSH);
	case TCGETA:
		return get_termio(t, p);
	case TCSETA:
		return set_termio(t, p, NOW);
	case TCSETAW:
		return set_termio(t, p, DRAIN);
	case TCSETAF:
		return set_termio(t, p, FLUSH);
	}
	return -ENOIOCTLCMD;
}

/* ---- window size ---- */

static void tty_resize(struct tty *t, const struct winsize *ws)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	bool same = memcmp(&t->winsize, ws, sizeof(*ws)) == 0;

	t->winsize = *ws;
	spin_unlock_irqrestore(&t->lock, flags);
	if (!same)
		tty_signal_foreground(t, SIGWINCH);
}

static long window_ioctl(struct tty *t, unsigned int cmd, void __user *p)
{
	struct winsize ws;
	u64 flags;

	if (cmd == TIOCSWINSZ) {
		if (copy_from_user(&ws, p, sizeof(ws)))
			return -EFAULT;
		tty_resize(t, &ws);
		return 0;
	}
	flags = spin_lock_irqsave(&t->lock);
	ws = t->winsize;
	spin_unlock_irqrestore(&t->lock, flags);
	return copy_to_user(p, &ws, sizeof(ws));
}

/* ---- queues and flow ---- */

/* TCXONC: output off and on; TCIOFF and TCION send the flow characters to the other side. */
static long flow_ioctl(struct tty *t, unsigned long action)
{
	struct ktermios tio = get_settings(t);
	int err = tty_check_job(t, SIGTTOU);
	u8 c;

	if (err)
		return err;
	switch (action) {
	case TCOOFF:
	case TCOON:
		tty_flow(t, action == TCOOFF);
		return 0;
	case TCIOFF:
	case TCION:
		c = tio.c_cc[action == TCIOFF ? VSTOP : VSTART];
		if (c)
			t->ops->write(t, &c, 1);
		return 0;
	}
	return -EINVAL;
}

static long flush_ioctl(struct tty *t, unsigned long queue)
{
	int err = tty_check_job(t, SIGTTOU);

	if (err)
		return err;
	if (queue != TCIFLUSH && queue != TCOFLUSH && queue != TCIOFLUSH)
		return -EINVAL;
	tty_flush(t, (int)queue);
	return 0;
}

/* 0: nobody without CAP_SYS_ADMIN types for others (Linux 6.2); 1 as Debian 12's kernel, which has no such word. */
static int legacy_tiocsti = 1;
static const struct sysctl legacy_tiocsti_sysctl = {
	.path = "dev/tty/legacy_tiocsti",
	.value = &legacy_tiocsti,
	.min = 0,
	.max = 1,
};
SECTION_SET(sysctls, legacy_tiocsti_sysctl);

/* TIOCSTI: a byte as if typed, into one's own controlling terminal (a master is nobody's). */
static long type_byte(struct tty *t, bool master, const u8 __user *in)
{
	struct tty *mine = tty_current_get();
	bool allowed = mine == t && !master && READ_ONCE(legacy_tiocsti);
	u8 c;

	if (mine)
		tty_put(mine);
	if (!allowed && !capable(CAP_SYS_ADMIN))
		return READ_ONCE(legacy_tiocsti) ? -EPERM : -EIO;
	if (get_user(c, in))
		return -EFAULT;
	tty_receive(t, &c, 1);
	return 0;
}

static long exclusive_ioctl(struct tty *t, unsigned int cmd, int __user *out)
{
	u64 flags;
	int on;

	flags = spin_lock_irqsave(&t->lock);
	if (cmd != TIOCGEXCL)
		t->exclusive = cmd == TIOCEXCL;
	on = t->exclusive;
	spin_unlock_irqrestore(&t->lock, flags);
	return cmd == TIOCGEXCL ? put_user(on, out) : 0;
}

static long queue_ioctl(struct tty *t, bool master, unsigned int cmd, unsigned long arg)
{
	int __user *out = (int __user *)arg;
	u64 flags;
	int n, err;

	switch (cmd) {
	case FIONREAD:
		flags = spin_lock_irqsave(&t->lock);
		n = (int)n_tty_available(&t->n);
		spin_unlock_irqrestore(&t->lock, flags);
		return put_user(n, out);
	case TIOCOUTQ:
		return put_user((int)(t->ops->pending ? t->ops->pending(t) : 0), out);
	case TCFLSH:
		return flush_ioctl(t, arg);
	case TCXONC:
		return flow_ioctl(t, arg);
	case TIOCSTI:
		return type_byte(t, master, (const u8 __user *)arg);
	case TCSBRK:
	case TCSBRKP:
		err = tty_check_job(t, SIGTTOU);
		return err ? err : tty_wait_drained(t);
	}
	return -ENOIOCTLCMD;
}

static long misc_ioctl(struct tty *t, unsigned int cmd, unsigned long arg)
{
	int __user *out = (int __user *)arg;
	int value;

	switch (cmd) {
	case TIOCEXCL:
	case TIOCNXCL:
	case TIOCGEXCL:
		return exclusive_ioctl(t, cmd, out);
	case TIOCGETD:
		return put_user(0, out); /* N_TTY, the only one */
	case TIOCSETD:
		if (get_user(value, out))
			return -EFAULT;
		return value == 0 ? 0 : -EINVAL;
	case TIOCGDEV:
		return put_user((u32)(KDEV_MAJOR(t->dev) << 8 | KDEV_MINOR(t->dev)),
				(u32 __user *)arg);
	case TIOCGSOFTCAR:
		value = !!(get_settings(t).c_cflag & CLOCAL);
		return put_user(value, out);
	case TIOCVHANGUP:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		tty_hangup(t);
		return 0;
	}
	return -ENOIOCTLCMD;
}

long tty_ioctl_common(struct tty *t, struct file *f, unsigned int cmd, unsigned long arg)
{
	long ret;

	if (cmd == TIOCGWINSZ || cmd == TIOCSWINSZ)
		return window_ioctl(t, cmd, (void __user *)arg);
	ret = settings_ioctl(t, cmd, (void __user *)arg);
	if (ret == -ENOIOCTLCMD)
		ret = tty_jobctl_ioctl(t, f, cmd, arg);
	if (ret == -ENOIOCTLCMD)
		ret = queue_ioctl(t, f->ops != &tty_fops, cmd, arg);
	if (ret == -ENOIOCTLCMD)
		ret = misc_ioctl(t, cmd, arg);
	if (ret == -ENOIOCTLCMD && t->ops->ioctl)
		ret = t->ops->ioctl(t, cmd, arg);
	return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
}
