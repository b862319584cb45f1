// SPDX-License-Identifier: MIT
/*
 * Datagrams and sequenced packets: messages that stay whole.  A message longer
 * than the receiver's buffer is cut (MSG_TRUNC).  A receiver takes at most
 * net.unix.max_dgram_qlen messages; senders to a full one wait on its peer_wait.
 */
#include <linux/fcntl.h>
#include <tarn/errptr.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/string.h>
#include "unix.h"

/*
 * Pollers of sockets whose peer is full.  One queue for all, because a poller may
 * outlive the peer; it is woken only when a full queue gets room.
 */
static struct waitq room_waitq = WAITQ_INIT(room_waitq);

static bool queue_full(struct unix_sock *u)
{
	return READ_ONCE(u->queued) > (u32)READ_ONCE(unix_max_dgram_qlen);
}

/* ---- connect ---- */

/* Whether @u accepts datagrams of @from: a connected socket only its peer's. */
static bool may_send(struct unix_sock *from, struct unix_sock *to)
{
	struct unix_sock *only = READ_ONCE(to->peer);

	return !only || only == from;
}

static void set_peer(struct unix_sock *u, struct unix_sock *peer)
{
	struct unix_sock *old;

	spin_lock(&u->lock);
	old = u->peer;
	u->peer = peer;
	spin_unlock(&u->lock);
	if (old) {
		waitq_wake_all(&old->peer_wait, POLLOUT);
		unix_put(old);
	}
}

static int dgram_connect(struct socket *s, const void *addr, int len, u32 file_flags)
{
	const struct sockaddr_un *un = addr;
	struct unix_sock *u = s->sk, *peer;
	int err;

	if (len >= (int)sizeof(un->sun_family) && un->sun_family == AF_UNSPEC) {
		set_peer(u, NULL);
		return 0;
	}
	err = unix_check_address(addr, len);
	if (!err && s->opt.passcred && !READ_ONCE(u->addr))
		err = unix_autobind(u);
	if (err)
		return err;
	peer = unix_find(un, len, u->type);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	if (!may_send(u, peer)) {
		unix_put(peer);
		return -EPERM;
	}
	set_peer(u, peer);
	return 0;
}

/* ---- sending ---- */

/* Where the message goes, with a reference; ERR_PTR. */
static struct unix_sock *target_of(struct unix_sock *u, struct msg *m)
{
	struct unix_sock *to;
	int err;

	if (m->namelen) {
		err = unix_check_address(m->name, m->namelen);
		return err ? ERR_PTR(err) : unix_find(m->name, m->namelen, u->type);
	}
	spin_lock(&u->lock);
	to = u->peer;
	if (to)
		unix_get(to);
	spin_unlock(&u->lock);
	return to ? to : ERR_PTR(-ENOTCONN);
}

static bool can_deliver(struct unix_sock *to)
{
	return !queue_full(to) || READ_ONCE(to->state) == UNIX_CLOSED ||
	       (READ_ONCE(to->shutdown) & UNIX_SHUT_RD);
}

/* Waits until the receiver has a place: 0 or -errno. */
static int wait_place(struct socket *s, struct unix_sock *to, u32 flags)
{
	ktime_t deadline = socket_deadline(s->opt.sndtimeo, flags & MSG_DONTWAIT);
	int err;

	if (can_deliver(to))
		return 0;
	if (!deadline)
		return -EAGAIN;
	err = wait_event_deadline(&to->peer_wait, can_deliver(to), deadline);
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err ? socket_intr(s->opt.sndtimeo) : 0;
}

/* 0, 1 (full again), -ECONNREFUSED (closed), -EPIPE, -EPERM. */
static int deliver(struct unix_sock *u, struct unix_sock *to, struct unix_buf *b)
{
	int err = 0;

	spin_lock(&to->lock);
	if (to->state == UNIX_CLOSED)
		err = u->type == SOCK_SEQPACKET ? -EPIPE : -ECONNREFUSED;
	else if (to->shutdown & UNIX_SHUT_RD)
		err = -EPIPE;
	else if (u->type == SOCK_DGRAM && !may_send(u, to))
		err = -EPERM;
	else if (queue_full(to) && u != to)
		err = 1;
	else
		unix_enqueue(to, b);
	spin_unlock(&to->lock);
	if (!err)
		waitq_wake_one(&to->wait, POLLIN | POLLRDNORM);
	return err;
}

static ssize_t send_to(struct socket *s, struct unix_sock *to, struct msg *m, struct scm *scm, u32 flags)
{
	struct unix_sock *u = s->sk;
	size_t len = m->iter.count;
	struct unix_buf *b;
	int err = unix_wait_room(u, flags);

	if (err)
		return err;
	b = unix_buf_make(u, m, len, scm);
	if (IS_ERR(b))
		return PTR_ERR(b);
	do {
		err = wait_place(s, to, flags);
		if (!err)
			err = deliver(u, to, b);
	} while (err == 1);
	if (!err)
		return (ssize_t)len;
	unix_buf_free(b);
	/* A connected datagram socket whose peer has gone forgets it. */
	if (err == -ECONNREFUSED && READ_ONCE(u->peer) == to && u->type == SOCK_DGRAM)
		set_peer(u, NULL);
	return err;
}

static ssize_t dgram_send(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk, *to;
	struct scm scm;
	ssize_t n;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (READ_ONCE(u->shutdown) & UNIX_SHUT_WR)
		return -EPIPE;
	WRITE_ONCE(u->sndbuf, s->opt.sndbuf);
	if (m->iter.count > s->opt.sndbuf - 32)
		return -EMSGSIZE;
	if (s->opt.passcred && !READ_ONCE(u->addr)) {
		err = unix_autobind(u);
		if (err)
			return err;
	}
	to = target_of(u, m);
	if (IS_ERR(to))
		return PTR_ERR(to);
	n = scm_parse(&scm, m);
	if (!n) {
		n = send_to(s, to, m, &scm, flags);
		scm_free(&scm);
	}
	unix_put(to);
	return n;
}

static ssize_t seqpacket_send(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk;
	int err = unix_take_error(u);

	if (err)
		return err;
	if (READ_ONCE(u->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	m->namelen = 0;
	return dgram_send(s, m, flags);
}

/* ---- receiving ---- */

static bool message_ready(struct unix_sock *u)
{
	return !list_empty(&u->queue) || (READ_ONCE(u->shutdown) & UNIX_SHUT_RD) ||
	       atomic_load(&u->error);
}

/*
 * The first message: off the queue, or for a peek still on it (read_lock keeps it there).
 * *was_full: taking it made room in a full queue.
 */
static struct unix_buf *take_message(struct unix_sock *u, u32 flags, bool *was_full)
{
	struct unix_buf *b;

	spin_lock(&u->lock);
	b = list_first(&u->queue, struct unix_buf, node);
	if (b && !(flags & MSG_PEEK)) {
		list_del(&b->node);
		*was_full = queue_full(u);
		u->queued--;
	}
	spin_unlock(&u->lock);
	return b;
}

/* Returns with read_lock held and a message, or without the lock: ERR_PTR, NULL at the end. */
static struct unix_buf *wait_message(struct socket *s, u32 flags, bool *was_full) NO_LOCK_CHECK
{
	ktime_t deadline = socket_deadline(s->opt.rcvtimeo, flags & MSG_DONTWAIT);
	struct unix_sock *u = s->sk;
	struct unix_buf *b;
	int err;

	for (;;) {
		mutex_lock(&u->read_lock);
		b = take_message(u, flags, was_full);
		if (b)
			return b;
		mutex_unlock(&u->read_lock);
		err = unix_take_error(u);
		if (err)
			return ERR_PTR(err);
		if (READ_ONCE(u->shutdown) & UNIX_SHUT_RD)
			return NULL;
		if (!deadline)
			return ERR_PTR(-EAGAIN);
		err = WAIT_EVENT(&u->wait, message_ready(u), TS_INTERRUPTIBLE, deadline, true);
		if (err && message_ready(u))
			waitq_wake_one(&u->wait, POLLIN | POLLRDNORM);
		if (err == -ETIMEDOUT)
			return ERR_PTR(-EAGAIN);
		if (err)
			return ERR_PTR(socket_intr(s->opt.rcvtimeo));
	}
}

static void copy_sender(struct msg *m, const struct unix_buf *b)
{
	m->namelen = 0;
	if (!m->name || !b->from)
		return;
	memcpy(m->name, &b->from->name, (size_t)b->from->len);
	m->namelen = b->from->len;
}

/* A message left the queue. */
static void room_made(struct unix_sock *u, bool was_full)
{
	if (waitq_active(&u->peer_wait))
		waitq_wake_all(&u->peer_wait, POLLOUT | POLLWRNORM);
	if (was_full && waitq_active(&room_waitq))
		waitq_wake_all(&room_waitq, POLLOUT | POLLWRNORM);
}

static ssize_t dgram_receive(struct socket *s, struct msg *m, u32 flags) NO_LOCK_CHECK
{
	struct unix_sock *u = s->sk;
	struct unix_files *files = NULL;
	struct abi_ucred cred;
	struct unix_buf *b;
	bool was_full = false;
	size_t n, want;
	ssize_t ret;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	m->namelen = 0;
	b = wait_message(s, flags, &was_full);
	if (IS_ERR_OR_NULL(b))
		return PTR_ERR(b);
	want = MIN((size_t)b->len, m->iter.count);
	n = iov_copy_to(&m->iter, b->data, want);
	if (n < b->len && n == want)
		m->flags |= MSG_TRUNC;
	ret = n < want ? -EFAULT : (ssize_t)(flags & MSG_TRUNC ? b->len : n);
	copy_sender(m, b);
	cred = b->cred;
	if (flags & MSG_PEEK) {
		if (b->files)
			files = unix_files_dup(b->files);
	} else {
		if (b->files) {
			unix_inflight(b->files, -1);
			files = b->files;
			b->files = NULL;
		}
		unix_buf_free(b);
	}
	mutex_unlock(&u->read_lock);
	if (!(flags & MSG_PEEK))
		room_made(u, was_full);
	scm_deliver(s, m, &cred, files, flags);
	return ret;
}

static ssize_t seqpacket_receive(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk;

	if (READ_ONCE(u->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	return dgram_receive(s, m, flags);
}

/* ---- poll ---- */

/* With a peer, writing also needs a place in its queue. */
static bool peer_has_place(struct unix_sock *u, struct poll_wait *w)
{
	struct unix_sock *peer;
	bool ok;

	if (w && (w->events & (POLLOUT | POLLWRNORM)))
		poll_on(w, &room_waitq);
	spin_lock(&u->lock);
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&u->lock);
	if (!peer)
		return true;
	ok = !queue_full(peer);
	unix_put(peer);
	return ok;
}

static u32 dgram_poll(struct socket *s, struct poll_wait *w)
{
	struct unix_sock *u = s->sk;
	u32 mask = 0, shut;

	poll_on(w, &u->wait);
	shut = READ_ONCE(u->shutdown);
	if (atomic_load(&u->error))
		mask |= POLLERR;
	if (shut & UNIX_SHUT_RD)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (shut == (UNIX_SHUT_RD | UNIX_SHUT_WR))
		mask |= POLLHUP;
	if (!list_empty(&u->queue) || !list_empty(&u->embryos))
		mask |= POLLIN | POLLRDNORM;
	if (u->type == SOCK_SEQPACKET && READ_ONCE(u->state) == UNIX_FRESH)
		mask |= POLLHUP;
	if (peer_has_place(u, w) && READ_ONCE(u->state) != UNIX_LISTEN && unix_is_writable(u))
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return mask;
}

const struct proto_ops unix_dgram_ops = {
	.family = AF_UNIX,
	.bind = unix_bind,
	.connect = dgram_connect,
	.socketpair = unix_socketpair,
	.getname = unix_getname,
	.sendmsg = dgram_send,
	.recvmsg = dgram_receive,
	.shutdown = unix_shutdown,
	.poll = dgram_poll,
	.ioctl = unix_ioctl,
	.setsockopt = unix_setsockopt,
	.getsockopt = unix_getsockopt,
	.release = unix_release,
};

const struct proto_ops unix_seqpacket_ops = {
	.family = AF_UNIX,
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.socketpair = unix_socketpair,
	.getname = unix_getname,
	.sendmsg = seqpacket_send,
	.recvmsg = seqpacket_receive,
	.shutdown = unix_shutdown,
	.poll = dgram_poll,
	.ioctl = unix_ioctl,
	.setsockopt = unix_setsockopt,
	.getsockopt = unix_getsockopt,
	.release = unix_release,
};
