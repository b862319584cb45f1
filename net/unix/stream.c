// SPDX-License-Identifier: MIT
/*
 * Streams: bytes in order.  A send makes pieces of at most a few pages, so that
 * reader and writer work at the same time; a receive takes what is there, and
 * does not mix bytes of different senders' credentials (SO_PASSCRED) nor read
 * past a piece that brought open files.
 */
#include <linux/fcntl.h>
#include <tarn/errptr.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "unix.h"

/* A piece and its header fill 16 KiB: whole pages of kmalloc. */
#define PIECE_MAX (4 * PAGE_SIZE - sizeof(struct unix_buf))

/* ---- sending ---- */

/* Why nothing can be sent; 0: it can. */
static int send_state(struct unix_sock *u)
{
	if (READ_ONCE(u->shutdown) & UNIX_SHUT_WR)
		return -EPIPE;
	if (READ_ONCE(u->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	return 0;
}

/* 0, or -EPIPE: the peer reads no more. */
static int push(struct unix_sock *u, struct unix_buf *b)
{
	struct unix_sock *peer = u->peer;
	bool open;

	spin_lock(&peer->lock);
	open = peer->state == UNIX_CONNECTED && !(peer->shutdown & UNIX_SHUT_RD);
	if (open)
		unix_enqueue(peer, b);
	spin_unlock(&peer->lock);
	if (!open) {
		unix_buf_free(b);
		return -EPIPE;
	}
	if (waitq_active(&peer->wait))
		waitq_wake_all(&peer->wait, POLLIN | POLLRDNORM);
	return 0;
}

static ssize_t send_pieces(struct unix_sock *u, struct msg *m, struct scm *scm, u32 flags)
{
	ssize_t sent = 0;
	int err;

	while (m->iter.count) {
		struct unix_buf *b;
		size_t len;

		err = send_state(u);
		if (!err)
			err = unix_wait_room(u, flags);
		if (!err)
			err = send_state(u);
		if (err)
			return sent ? sent : err;
		len = MIN(m->iter.count, PIECE_MAX);
		b = unix_buf_make(u, m, len, scm);
		if (IS_ERR(b))
			return sent ? sent : PTR_ERR(b);
		err = push(u, b);
		if (err)
			return sent ? sent : err;
		sent += (ssize_t)len;
	}
	return sent;
}

static ssize_t stream_send(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk;
	struct scm scm;
	ssize_t n;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->namelen)
		return READ_ONCE(u->state) == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	err = unix_take_error(u);
	if (!err)
		err = send_state(u);
	if (!err)
		err = scm_parse(&scm, m);
	if (err)
		return err;
	WRITE_ONCE(u->sndbuf, s->opt.sndbuf);
	n = send_pieces(u, m, &scm, flags);
	scm_free(&scm);
	return n;
}

/* ---- receiving ---- */

/* The piece after @b (NULL: the first) or NULL.  Only the holder of read_lock takes pieces off. */
static struct unix_buf *next_piece(struct unix_sock *u, struct unix_buf *b)
{
	struct unix_buf *n;

	spin_lock(&u->lock);
	n = b ? list_next(&u->queue, b, node) : list_first(&u->queue, struct unix_buf, node);
	spin_unlock(&u->lock);
	return n;
}

static void drop_piece(struct unix_sock *u, struct unix_buf *b)
{
	spin_lock(&u->lock);
	list_del(&b->node);
	u->queued--;
	spin_unlock(&u->lock);
	unix_buf_free(b);
}

static bool stream_ready(struct unix_sock *u)
{
	return !list_empty(&u->queue) || (READ_ONCE(u->shutdown) & UNIX_SHUT_RD) ||
	       atomic_load(&u->error) || READ_ONCE(u->state) == UNIX_CLOSED;
}

/* A receive under way. */
struct receive {
	struct socket *s;
	struct msg *m;
	u32 flags;
	size_t target;               /* enough to return with */
	ssize_t got;
	ktime_t deadline;
	bool has_cred;               /* cred is that of the bytes so far */
	struct abi_ucred cred;
	struct unix_files *files;
	struct unix_buf *peeked;     /* MSG_PEEK: the last piece looked at */
};

static bool same_sender(const struct receive *r, const struct unix_buf *b)
{
	return !r->has_cred || !r->s->opt.passcred || memcmp(&r->cred, &b->cred, sizeof(r->cred)) == 0;
}

/* The files of @b: taken, or for a peek doubled. */
static void take_files(struct receive *r, struct unix_buf *b)
{
	if (r->flags & MSG_PEEK) {
		r->files = unix_files_dup(b->files);
		return;
	}
	unix_inflight(b->files, -1);
	r->files = b->files;
	b->files = NULL;
}

/* Copies from one piece: false when the receive is over (r->got says with what). */
static bool take_piece(struct receive *r, struct unix_buf *b)
{
	struct unix_sock *u = r->s->sk;
	size_t want = MIN((size_t)(b->len - b->off), r->m->iter.count);
	bool had_files = b->files;
	size_t n;

	if (!same_sender(r, b))
		return false;
	n = iov_copy_to(&r->m->iter, b->data + b->off, want);
	if (n < want && !n) {
		if (!r->got)
			r->got = -EFAULT;
		return false;
	}
	r->got += (ssize_t)n;
	r->cred = b->cred;
	r->has_cred = true;
	if (had_files)
		take_files(r, b);
	if (r->flags & MSG_PEEK) {
		r->peeked = b;
		return n == want && !had_files && r->m->iter.count;
	}
	b->off += (u32)n;
	if (b->off == b->len)
		drop_piece(u, b);
	return n == want && !had_files && r->m->iter.count;
}

/* Nothing is there: 0 after a wait, 1 when the receive is over, -errno. read_lock is dropped meanwhile. */
static int wait_more(struct receive *r) NO_LOCK_CHECK
{
	struct unix_sock *u = r->s->sk;
	int err;

	if (r->got >= (ssize_t)r->target)
		return 1;
	if (atomic_load(&u->error))
		return r->got ? 1 : unix_take_error(u);
	if (READ_ONCE(u->shutdown) & UNIX_SHUT_RD)
		return list_empty(&u->queue) || (r->flags & MSG_PEEK) ? 1 : 0;
	if (READ_ONCE(u->state) != UNIX_CONNECTED)
		return -EINVAL;
	if (!r->deadline)
		return -EAGAIN;
	mutex_unlock(&u->read_lock);
	err = wait_event_deadline(&u->wait, stream_ready(u), r->deadline);
	mutex_lock(&u->read_lock);
	r->peeked = NULL;
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err ? socket_intr(r->s->opt.rcvtimeo) : 0;
}

static void receive_pieces(struct receive *r)
{
	struct unix_sock *u = r->s->sk;
	int err;

	for (;;) {
		struct unix_buf *b = next_piece(u, r->peeked);

		if (b) {
			if (!take_piece(r, b))
				return;
			continue;
		}
		/* A peek does not wait for more than it has: it would find the same bytes again. */
		err = r->got > 0 && (r->flags & MSG_PEEK) ? 1 : wait_more(r);
		if (err < 0 && !r->got)
			r->got = err;
		if (err)
			return;
	}
}

static ssize_t stream_receive(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk;
	struct receive r = {
		.s = s,
		.m = m,
		.flags = flags,
		.target = flags & MSG_WAITALL ? m->iter.count
					      : MIN((size_t)s->opt.rcvlowat, m->iter.count),
		.deadline = socket_deadline(s->opt.rcvtimeo, flags & MSG_DONTWAIT),
	};

	if (READ_ONCE(u->state) == UNIX_LISTEN || READ_ONCE(u->state) == UNIX_FRESH)
		return -EINVAL;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	m->namelen = 0;
	if (!m->iter.count)
		return 0;
	r.target = MAX(r.target, (size_t)1);
	mutex_lock(&u->read_lock);
	receive_pieces(&r);
	mutex_unlock(&u->read_lock);
	if (r.has_cred)
		scm_deliver(s, m, &r.cred, r.files, flags);
	return r.got;
}

/* ---- poll ---- */

static u32 stream_poll(struct socket *s, struct poll_wait *w)
{
	struct unix_sock *u = s->sk;
	u32 mask = 0, shut;

	poll_on(w, &u->wait);
	shut = READ_ONCE(u->shutdown);
	if (atomic_load(&u->error))
		mask |= POLLERR;
	if (shut == (UNIX_SHUT_RD | UNIX_SHUT_WR))
		mask |= POLLHUP;
	if (shut & UNIX_SHUT_RD)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (!list_empty(&u->queue) || !list_empty(&u->embryos))
		mask |= POLLIN | POLLRDNORM;
	if (READ_ONCE(u->state) == UNIX_FRESH)
		mask |= POLLHUP;
	if (READ_ONCE(u->state) != UNIX_LISTEN && unix_is_writable(u))
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return mask;
}

const struct proto_ops unix_stream_ops = {
	.family = AF_UNIX,
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.socketpair = unix_socketpair,
	.getname = unix_getname,
	.sendmsg = stream_send,
	.recvmsg = stream_receive,
	.shutdown = unix_shutdown,
	.poll = stream_poll,
	.ioctl = unix_ioctl,
	.setsockopt = unix_setsockopt,
	.getsockopt = unix_getsockopt,
	.release = unix_release,
};
