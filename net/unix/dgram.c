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

/* The length counts for strangers only: who is connected to @u, and @u to him, is held by SO_SNDBUF. */
static bool full_for(struct unix_sock *from, struct unix_sock *u)
{
	return READ_ONCE(u->queued) > READ_ONCE(u->backlog) && from != u && READ_ONCE(u->peer) != from;
}

/* ---- connect ---- */

/* Whether @to accepts datagrams of @from: a connected socket only its peer's. */
static bool may_send(struct unix_sock *from, struct unix_sock *to)
{
	struct unix_sock *only = READ_ONCE(to->peer);

	return !only || only == from;
}

/*
 * @u has left @old: what was sent to it by then is thrown away, and @old, if
 * still connected to @u, is told so.  read_lock: a reader may hold a message.
 */
static void drop_received(struct unix_sock *u, struct unix_sock *old)
{
	struct list queue = LIST_INIT(queue);
	bool told;

	mutex_lock(&u->read_lock);
	spin_lock(&u->lock);
	unix_take_queue(u, &queue);
	spin_unlock(&u->lock);
	mutex_unlock(&u->read_lock);
	if (list_empty(&queue))
		return;
	unix_free_queue(&queue);
	waitq_wake_all(&u->peer_wait, POLLOUT | POLLWRNORM);
	spin_lock(&old->lock);
	told = old->state != UNIX_CLOSED && old->peer == u;
	if (told)
		atomic_store(&old->error, ECONNRESET);
	spin_unlock(&old->lock);
	if (told)
		unix_wake(old, POLLERR, UNIX_WAKE_ALL);
}

/* Takes over the reference to @peer. */
static void set_peer(struct unix_sock *u, struct unix_sock *peer)
{
	struct unix_sock *old;

	spin_lock(&u->lock);
	old = u->peer;
	u->peer = peer;
	spin_unlock(&u->lock);
	if (!old)
		return;
	waitq_wake_all(&old->peer_wait, POLLOUT);
	if (old != peer)
		drop_received(u, old);
	unix_put(old);
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

static bool can_deliver(struct unix_sock *u, struct unix_sock *to)
{
	return !full_for(u, to) || READ_ONCE(to->state) == UNIX_CLOSED ||
	       (READ_ONCE(to->shutdown) & UNIX_SHUT_RD);
}

/* Waits until the receiver has a place: 0 or -errno. */
static int wait_place(struct socket *s, struct unix_sock *to, u32 flags)
{
	ktime_t deadline = socket_deadline(s->opt.sndtimeo, flags & MSG_DONTWAIT);
	int err;

	if (can_deliver(s->sk, to))
		return 0;
	if (!deadline)
		return -EAGAIN;
	err = wait_event_deadline(&to->peer_wait, can_deliver(s->sk, to), deadline);
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
	else if (full_for(u, to))
		err = 1;
	if (!err) {
		unix_buf_note(b, u, to);
		unix_enqueue(to, b);
	}
	spin_unlock(&to->lock);
	if (!err)
		unix_wake(to, POLLIN | POLLRDNORM, 1);
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

/* With a target that was found: 0 or why nothing of this size can go to it. */
static int check_size(struct socket *s, struct msg *m)
{
	struct unix_sock *u = s->sk;
	int err = s->opt.passcred && !READ_ONCE(u->addr) ? unix_autobind(u) : 0;

	if (err)
		return err;
	return m->iter.count > READ_ONCE(u->sndbuf) - 32 ? -EMSGSIZE : 0;
}

static ssize_t dgram_send(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk, *to;
	struct scm scm;
	ssize_t n = scm_parse(&scm, m);

	if (n)
		return n;
	to = flags & MSG_OOB ? ERR_PTR(-EOPNOTSUPP) : target_of(u, m);
	n = PTR_ERR_OR_ZERO(to);
	if (!n) {
		n = check_size(s, m);
		if (!n)
			n = send_to(s, to, m, &scm, flags);
		unix_put(to);
	}
	scm_free(&scm);
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

/* @seen messages were looked at in vain: a peek had passed over them. */
static bool message_ready(struct unix_sock *u, u32 seen)
{
	return READ_ONCE(u->queued) != seen || (READ_ONCE(u->shutdown) & UNIX_SHUT_RD) ||
	       atomic_load(&u->error);
}

/* What a receive found. */
struct found {
	struct unix_buf *buf;
	size_t skip;         /* SO_PEEK_OFF: bytes of it that were looked at before */
	bool was_full;       /* taking it made room in a full queue */
};

/* SO_PEEK_OFF: the message that the offset is in, and where in it. An empty one is seen once. */
static struct unix_buf *peek_message(struct unix_sock *u, int off, size_t *skip) MUST_HOLD(&u->lock)
{
	struct unix_buf *b;
	size_t left = off > 0 ? (size_t)off : 0;

	LIST_FOR_EACH(b, &u->queue, node) {
		if (off < 0 || left < b->len || (!b->len && !left && !b->peeked))
			break;
		left -= b->len;
	}
	if (&b->node == &u->queue)
		return NULL;
	if (!b->len)
		b->peeked = true;
	*skip = left;
	return b;
}

/* The first message: off the queue, or for a peek still on it (read_lock keeps it there). */
static bool take_message(struct socket *s, u32 flags, struct found *f)
{
	struct unix_sock *u = s->sk;

	*f = (struct found){ 0 };
	spin_lock(&u->lock);
	if (flags & MSG_PEEK)
		f->buf = peek_message(u, READ_ONCE(s->opt.peek_off), &f->skip);
	else
		f->buf = list_first(&u->queue, struct unix_buf, node);
	if (f->buf && !(flags & MSG_PEEK)) {
		f->was_full = u->queued > u->backlog;
		unix_dequeue(u, f->buf);
	}
	spin_unlock(&u->lock);
	return f->buf;
}

/* What a receive returns that found nothing and does not wait; a pending error goes before all messages. */
static int nothing_there(struct unix_sock *u, bool waits)
{
	bool end = READ_ONCE(u->shutdown) & UNIX_SHUT_RD;

	/* As Linux: a datagram socket that was shut says so to whom waits only. */
	if (end && (waits || u->type == SOCK_SEQPACKET))
		return 0;
	return waits ? 1 : -EAGAIN;
}

/* 1, read_lock held and a message; or without the lock: 0 at the end, -errno. */
static int wait_message(struct socket *s, u32 flags, struct found *f) NO_LOCK_CHECK
{
	ktime_t deadline = socket_deadline(s->opt.rcvtimeo, flags & MSG_DONTWAIT);
	struct unix_sock *u = s->sk;
	int err;

	for (;;) {
		u32 seen = flags & MSG_PEEK && READ_ONCE(s->opt.peek_off) >= 0 ? READ_ONCE(u->queued) : 0;

		err = unix_take_error(u);
		if (err)
			return err;
		mutex_lock(&u->read_lock);
		if (take_message(s, flags, f))
			return 1;
		mutex_unlock(&u->read_lock);
		err = nothing_there(u, deadline);
		if (err <= 0)
			return err;
		err = WAIT_EVENT(&u->wait, message_ready(u, seen), TS_INTERRUPTIBLE, deadline, true);
		if (err && message_ready(u, seen))
			unix_wake(u, POLLIN | POLLRDNORM, 1);
		if (err == -ETIMEDOUT)
			return -EAGAIN;
		if (err)
			return socket_intr(s->opt.rcvtimeo);
	}
}

/* A message left the queue. */
static void room_made(struct unix_sock *u, bool was_full)
{
	if (waitq_active(&u->peer_wait))
		waitq_wake_all(&u->peer_wait, POLLOUT | POLLWRNORM);
	if (was_full && waitq_active(&room_waitq))
		waitq_wake_all(&room_waitq, POLLOUT | POLLWRNORM);
}

/* Copies the message that was found, from f->skip on: what recvmsg(2) returns. */
static ssize_t copy_message(struct socket *s, struct msg *m, const struct found *f, u32 flags)
{
	size_t left = f->buf->len - f->skip, want = MIN(left, m->iter.count);
	size_t n = iov_copy_to(&m->iter, f->buf->data + f->skip, want);

	if (n < want)
		return -EFAULT;
	if (n < left)
		m->flags |= MSG_TRUNC;
	if (m->name)
		unix_copy_sender(m, f->buf->sender);
	if (READ_ONCE(s->opt.peek_off) >= 0)
		unix_peek_moved(s, flags, flags & MSG_PEEK ? n : f->buf->len);
	return (ssize_t)(flags & MSG_TRUNC ? left : n);
}

static ssize_t dgram_receive(struct socket *s, struct msg *m, u32 flags) NO_LOCK_CHECK
{
	struct unix_sock *u = s->sk;
	struct unix_files *files;
	struct abi_ucred cred;
	struct found f = { 0 };
	ktime_t when;
	ssize_t ret;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	m->namelen = 0;
	ret = wait_message(s, flags, &f);
	if (ret <= 0)
		return ret;
	ret = copy_message(s, m, &f, flags);
	cred = f.buf->cred;
	when = f.buf->when;
	if (flags & MSG_PEEK)
		files = f.buf->files ? unix_files_dup(f.buf->files) : NULL;
	else
		files = unix_take_files(u, f.buf);
	if (!(flags & MSG_PEEK))
		unix_buf_free(f.buf);
	mutex_unlock(&u->read_lock);
	if (!(flags & MSG_PEEK))
		room_made(u, f.was_full);
	if (ret < 0) {
		unix_files_free(files);
		return ret;
	}
	if (s->opt.timestamp)
		put_timestamp(m, s, when);
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
	ok = !full_for(u, peer);
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
	.getsockopt = unix_getsockopt,
	.sndbuf_changed = unix_sndbuf_changed,
	.peek_off = true,
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
	.getsockopt = unix_getsockopt,
	.sndbuf_changed = unix_sndbuf_changed,
	.peek_off = true,
	.release = unix_release,
};
