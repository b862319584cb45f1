// SPDX-License-Identifier: MIT
/*
 * AF_UNIX, unix(7): what stream, datagram and sequenced-packet sockets share.
 * unix.h tells the states and locks.
 */
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/sockios.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include "unix.h"

int unix_max_dgram_qlen = 512;

/* ---- life ---- */

struct unix_sock *unix_alloc(int type)
{
	struct unix_sock *u = kzalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return NULL;
	ref_init(&u->refs, 1);
	u->type = type;
	spin_init(&u->lock, "unix", LR_UNIX);
	mutex_init(&u->read_lock, "unix read", LR_SOCKET);
	list_init(&u->queue);
	list_init(&u->embryos);
	list_init(&u->embryo_node);
	list_init(&u->inflight_node);
	waitq_init(&u->wait);
	waitq_init(&u->peer_wait);
	u->sndbuf = 212992;
	u->self_cred = unix_cred_now();
	unix_table_add(u);
	return u;
}

void unix_put(struct unix_sock *u)
{
	if (!ref_put(&u->refs))
		return;
	unix_table_remove(u);
	if (u->addr)
		unix_addr_put(u->addr);
	kfree(u);
}

void unix_lock_two(struct unix_sock *a, struct unix_sock *b) NO_LOCK_CHECK
{
	if (a == b) {
		spin_lock(&a->lock);
		return;
	}
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

void unix_unlock_two(struct unix_sock *a, struct unix_sock *b) NO_LOCK_CHECK
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

int unix_take_error(struct unix_sock *u)
{
	return atomic_load_explicit(&u->error, memory_order_relaxed) ? -atomic_exchange(&u->error, 0) : 0;
}

void unix_enqueue(struct unix_sock *to, struct unix_buf *b)
{
	list_add_tail(&to->queue, &b->node);
	to->queued++;
}

static int unix_create(struct socket *s, int type, int protocol)
{
	struct unix_sock *u;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	switch (type) {
	case SOCK_STREAM:
		s->ops = &unix_stream_ops;
		break;
	case SOCK_RAW: /* as Linux: another word for datagrams */
	case SOCK_DGRAM:
		s->type = type = SOCK_DGRAM;
		s->ops = &unix_dgram_ops;
		break;
	case SOCK_SEQPACKET:
		s->ops = &unix_seqpacket_ops;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	u = unix_alloc(type);
	if (!u)
		return -ENOMEM;
	u->socket = s;
	s->sk = u;
	return 0;
}

/* ---- the end ---- */

/* The other end of a connection learns that this one is gone; @reset: with data unread. */
static void disconnect(struct unix_sock *u, struct unix_sock *peer, bool reset)
{
	spin_lock(&peer->lock);
	peer->shutdown |= UNIX_SHUT_RD | UNIX_SHUT_WR;
	if (reset)
		atomic_store(&peer->error, ECONNRESET);
	spin_unlock(&peer->lock);
	waitq_wake_all(&peer->wait, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLHUP | POLLERR);
}

static void release_sock(struct unix_sock *u, bool embryo);

static void release_embryos(struct unix_sock *u, struct list *embryos)
{
	struct unix_sock *e;

	while ((e = list_first(embryos, struct unix_sock, embryo_node))) {
		list_del_init(&e->embryo_node);
		release_sock(e, true);
	}
}

static void free_queue(struct list *queue)
{
	struct unix_buf *b;

	while ((b = list_first(queue, struct unix_buf, node))) {
		list_del(&b->node);
		unix_buf_free(b);
	}
}

/* Drops the file's (or the accept queue's) reference to @u. */
static void release_sock(struct unix_sock *u, bool embryo)
{
	struct list queue = LIST_INIT(queue), embryos = LIST_INIT(embryos);
	struct unix_sock *peer;

	unix_unname(u);
	spin_lock(&u->lock);
	u->state = UNIX_CLOSED;
	u->shutdown = UNIX_SHUT_RD | UNIX_SHUT_WR;
	u->socket = NULL;
	peer = u->peer;
	u->peer = NULL;
	list_splice_tail(&queue, &u->queue);
	u->queued = 0;
	list_splice_tail(&embryos, &u->embryos);
	u->waiting = 0;
	spin_unlock(&u->lock);
	waitq_wake_all(&u->wait, POLLHUP);
	waitq_wake_all(&u->peer_wait, POLLOUT | POLLWRNORM);
	if (peer) {
		if (u->type != SOCK_DGRAM)
			disconnect(u, peer, embryo || !list_empty(&queue));
		unix_put(peer);
	}
	release_embryos(u, &embryos);
	free_queue(&queue);
	unix_put(u);
}

void unix_release(struct socket *s)
{
	release_sock(s->sk, false);
	s->sk = NULL;
	unix_gc_schedule();
}

/* ---- shared operations ---- */

int unix_socketpair(struct socket *a, struct socket *b)
{
	struct unix_sock *ua = a->sk, *ub = b->sk;

	unix_get(ua);
	unix_get(ub);
	ua->peer = ub;
	ub->peer = ua;
	ua->peer_cred = ub->peer_cred = unix_cred_now();
	ua->has_peer_cred = ub->has_peer_cred = true;
	if (ua->type != SOCK_DGRAM)
		ua->state = ub->state = UNIX_CONNECTED;
	return 0;
}

/* What one end shuts, the other end of a connection sees mirrored. */
int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = s->sk, *peer;
	u32 bits = (u32)how + 1; /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */
	u32 mirrored = (bits & UNIX_SHUT_RD ? UNIX_SHUT_WR : 0) | (bits & UNIX_SHUT_WR ? UNIX_SHUT_RD : 0);

	spin_lock(&u->lock);
	u->shutdown |= bits;
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&u->lock);
	if (peer && u->type != SOCK_DGRAM) {
		spin_lock(&peer->lock);
		peer->shutdown |= mirrored;
		spin_unlock(&peer->lock);
		waitq_wake_all(&peer->wait, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLHUP);
	}
	waitq_wake_all(&u->wait, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLHUP);
	if (peer)
		unix_put(peer);
	return 0;
}

/* FIONREAD: a stream's bytes, else the first message's. */
static int bytes_waiting(struct unix_sock *u)
{
	struct unix_buf *b;
	int n = 0;

	spin_lock(&u->lock);
	LIST_FOR_EACH(b, &u->queue, node) {
		n += (int)(b->len - b->off);
		if (u->type != SOCK_STREAM)
			break;
	}
	spin_unlock(&u->lock);
	return n;
}

long unix_ioctl(struct socket *s, unsigned int cmd, unsigned long arg)
{
	struct unix_sock *u = s->sk;

	switch (cmd) {
	case FIONREAD:
		if (READ_ONCE(u->state) == UNIX_LISTEN)
			return -EINVAL;
		return put_user(bytes_waiting(u), (int __user *)arg);
	case TIOCOUTQ:
		return put_user((int)atomic_load(&u->wmem), (int __user *)arg);
	}
	return -ENOTTY;
}

int unix_setsockopt(struct socket *s, int level, int name, const void __user *val, int len)
{
	return level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
}

static int put_struct(const void *data, int size, void __user *val, int __user *ulen)
{
	int len;

	if (get_user(len, ulen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = MIN(len, size);
	if (copy_to_user(val, data, (size_t)len))
		return -EFAULT;
	return put_user(len, ulen);
}

int unix_getsockopt(struct socket *s, int level, int name, void __user *val, int __user *len)
{
	struct unix_sock *u = s->sk;
	struct abi_ucred c = { .pid = 0, .uid = (u32)-1, .gid = (u32)-1 };
	int listening;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_PEERCRED:
		spin_lock(&u->lock);
		if (u->has_peer_cred)
			c = u->peer_cred;
		spin_unlock(&u->lock);
		return put_struct(&c, sizeof(c), val, len);
	case SO_ACCEPTCONN:
		listening = READ_ONCE(u->state) == UNIX_LISTEN;
		return put_struct(&listening, sizeof(listening), val, len);
	}
	return -ENOPROTOOPT;
}

void unix_init(void)
{
	socket_register_family(AF_UNIX, unix_create);
	unix_gc_init();
}
