// SPDX-License-Identifier: MIT
/*
 * Sockets as files: what read, write, poll, ioctl and close do on them, and how
 * one is made.  The calls of socket(2) and its relatives are in calls.c and
 * message.c, SOL_SOCKET's options in option.c; families register themselves.
 */
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/sockios.h>
#include <tarn/errptr.h>
#include <tarn/fasync.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include "net_internal.h"

#define MAX_FAMILIES 46

static int (*families[MAX_FAMILIES])(struct socket *s, int type, int protocol); /* [I] after boot */

int socket_register_family(int family, int (*create)(struct socket *s, int type, int protocol))
{
	if (family < 0 || family >= MAX_FAMILIES)
		return -EINVAL;
	families[family] = create;
	return 0;
}

/* ---- file operations ---- */

static ssize_t socket_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct socket *s = f->private;
	struct msg m = { .iter = *to };
	ssize_t n;

	if (!to->count)
		return 0; /* read(2) of nothing waits for nothing, unlike recv(2) */
	if (!s->ops->recvmsg)
		return -EOPNOTSUPP;
	n = s->ops->recvmsg(s, &m, f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	*to = m.iter;
	return n;
}

static ssize_t socket_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct socket *s = f->private;
	struct msg m = { .iter = *from };
	ssize_t n;

	if (!s->ops->sendmsg)
		return -EOPNOTSUPP;
	n = s->ops->sendmsg(s, &m, f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	*from = m.iter;
	if (n == -EAGAIN || (n > 0 && m.iter.count))
		fasync_no_room(f);
	if (n == -EPIPE && s->type == SOCK_STREAM)
		signal_self(SIGPIPE);
	return n;
}

static u32 socket_poll(struct file *f, struct poll_wait *w)
{
	struct socket *s = f->private;

	return s->ops->poll(s, w);
}

static long socket_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct socket *s = f->private;
	long ret = fasync_socket_ioctl(f, cmd, arg);

	if (ret != -ENOTTY)
		return ret;
	if (s->ops->ioctl)
		ret = s->ops->ioctl(s, cmd, arg);
	return ret == -ENOTTY ? device_ioctl(current_net(), cmd, arg) : ret;
}

static void socket_release(struct file *f)
{
	struct socket *s = f->private;

	if (s->sk && s->ops->release)
		s->ops->release(s);
	kfree_rcu(s); /* the receive context may be looking at its options */
}

/* Room is told only to a sender who found none: every receive makes some. */
static int socket_async_reason(struct file *f, u32 events)
{
	if (events & POLLHUP)
		return POLL_HUP;
	if (events & POLLIN)
		return POLL_IN;
	return events & POLLOUT && fasync_wanted_room(f) ? POLL_OUT : 0;
}

static const struct file_ops socket_fops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
	.async_reason = socket_async_reason,
};

struct socket *file_socket(struct file *f)
{
	return f->ops == &socket_fops ? f->private : NULL;
}

/* ---- making one ---- */

static struct socket *socket_alloc(int family, int type, int protocol, const struct proto_ops *ops)
{
	struct socket *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->ops = ops;
	s->opt = (struct socket_options){
		.sndbuf = (u32)READ_ONCE(net_wmem_default),
		.rcvbuf = (u32)READ_ONCE(net_rmem_default),
		.rcvlowat = 1,
		.rcvtimeo = KTIME_MAX,
		.sndtimeo = KTIME_MAX,
		.incoming_cpu = -1,
		.peek_off = -1,
		.max_pacing_rate = ~0ull,
	};
	return s;
}

/* Takes over @s, also on failure. */
static struct file *socket_file(struct socket *s, u32 flags)
{
	struct inode *inode = inode_anon(S_IFSOCK | 0777);
	struct file *f = inode ? file_anon_inode(inode, "socket", &socket_fops, s,
						 O_RDWR | (flags & O_NONBLOCK))
			       : ERR_PTR(-ENOMEM);

	if (IS_ERR(f)) {
		if (s->sk && s->ops->release)
			s->ops->release(s);
		kfree(s);
		return f;
	}
	s->file = f;
	s->inode = inode;
	return f;
}

struct file *socket_file_new(int family, int type, int protocol, const struct proto_ops *ops, u32 flags)
{
	struct socket *s = socket_alloc(family, type, protocol, ops);

	return s ? socket_file(s, flags) : ERR_PTR(-ENOMEM);
}

struct file *socket_create(int family, int type, int protocol, u32 flags)
{
	struct socket *s;
	int err;

	if (family < 0 || family >= MAX_FAMILIES || !families[family])
		return ERR_PTR(-EAFNOSUPPORT);
	if (type < 0 || type > SOCK_TYPE_MASK)
		return ERR_PTR(-EINVAL);
	s = socket_alloc(family, type, protocol, NULL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	err = families[family](s, type, protocol);
	if (err) {
		kfree(s);
		return ERR_PTR(err);
	}
	return socket_file(s, flags);
}
