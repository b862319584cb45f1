// SPDX-License-Identifier: MIT
/*
 * Streams: bytes in order.  A send makes pieces of at most a few pages, so that
 * reader and writer work at the same time; a receive takes what is there, and
 * does not mix bytes of different senders' credentials (SO_PASSCRED) nor read
 * past a piece that brought open files.
 */
#include <linux/fcntl.h>
#include <tarn/errptr.h>
#include <tarn/fasync.h>
#include <tarn/file.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "unix.h"

/* A piece and its header fill 16 KiB: whole pages of kmalloc. */
#define PIECE_MAX (4 * PAGE_SIZE - sizeof(struct unix_buf))

/* ---- sending ---- */

/* An urgent byte also comes as SIGURG, if the file has an owner; the last one may be closing it. */
static void signal_urgent(struct unix_sock *peer)
{
	struct file *f;

	spin_lock(&peer->lock);
	f = peer->socket ? peer->socket->file : NULL;
	if (f && !ref_get_unless_zero(&f->refs))
		f = NULL;
	spin_unlock(&peer->lock);
	if (!f)
		return;
	fasync_urgent(f);
	file_put(f);
}

/* 0, or -EPIPE: the peer reads no more. @b, urgent or not, is used up. */
static int push(struct unix_sock *u, struct unix_buf *b, bool urgent)
{
	struct unix_sock *peer = u->peer;
	bool open;

	spin_lock(&peer->lock);
	open = peer->state == UNIX_CONNECTED && !(peer->shutdown & UNIX_SHUT_RD);
	if (open) {
		unix_buf_note(b, u, peer);
		unix_enqueue(peer, b);
		if (urgent)
			peer->oob = b; /* one that was there becomes an ordinary byte */
	}
	spin_unlock(&peer->lock);
	if (!open) {
		unix_buf_free(b);
		return -EPIPE;
	}
	unix_wake(peer, POLLIN | POLLRDNORM | (urgent ? POLLPRI : 0), UNIX_WAKE_ALL);
	if (urgent)
		signal_urgent(peer);
	return 0;
}

static int send_piece(struct unix_sock *u, struct msg *m, size_t len, struct scm *scm, u32 flags, bool urgent)
{
	int err = unix_wait_room(u, flags);
	struct unix_buf *b;

	if (err)
		return err;
	b = unix_buf_make(u, m, len, scm);
	return IS_ERR(b) ? (int)PTR_ERR(b) : push(u, b, urgent);
}

/* The last byte of a message with MSG_OOB is the urgent one. */
static ssize_t send_pieces(struct unix_sock *u, struct msg *m, struct scm *scm, u32 flags)
{
	size_t urgent = flags & MSG_OOB ? 1 : 0;
	ssize_t sent = 0;
	int err;

	while (m->iter.count) {
		bool last = m->iter.count == urgent;
		size_t len = last ? 1 : MIN(m->iter.count - urgent, (size_t)PIECE_MAX);

		err = send_piece(u, m, len, scm, flags, last);
		if (err)
			return sent ? sent : err;
		sent += (ssize_t)len;
	}
	return sent;
}

/* Why nothing can be sent; 0: it can. */
static int send_state(struct unix_sock *u, const struct msg *m)
{
	bool connected = READ_ONCE(u->state) == UNIX_CONNECTED;

	if (m->namelen)
		return connected ? -EISCONN : -EOPNOTSUPP;
	if (!connected)
		return -ENOTCONN;
	return READ_ONCE(u->shutdown) & UNIX_SHUT_WR ? -EPIPE : 0;
}

/* A reset that waits in SO_ERROR comes behind the end: EPIPE tells of it, and the error stays. */
static ssize_t stream_send(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk;
	struct scm scm;
	ssize_t n = scm_parse(&scm, m);

	if (n)
		return n;
	if ((flags & MSG_OOB) && !m->iter.count)
		n = -EOPNOTSUPP;
	else
		n = send_state(u, m);
	if (!n)
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

static ALWAYS_INLINE void drop_piece(struct unix_sock *u, struct unix_buf *b)
{
	spin_lock(&u->lock);
	unix_dequeue(u, b);
	spin_unlock(&u->lock);
	unix_buf_free(b);
}

static bool stream_ready(struct unix_sock *u)
{
	return !list_empty(&u->queue) || (READ_ONCE(u->shutdown) & UNIX_SHUT_RD) ||
	       atomic_load(&u->error) || READ_ONCE(u->state) == UNIX_CLOSED;
}

/* Where a peek begins: behind what SO_PEEK_OFF says was looked at. */
static size_t peek_skip(const struct socket *s, u32 flags)
{
	int off;

	if (likely(!(flags & MSG_PEEK)))
		return 0;
	off = READ_ONCE(s->opt.peek_off);
	return off > 0 ? (size_t)off : 0;
}

/* Waits for something behind what a peek has passed over. */
static int wait_beyond(struct unix_sock *u, u32 queued, ktime_t deadline)
{
	return wait_event_deadline(&u->wait,
				   READ_ONCE(u->queued) != queued || (READ_ONCE(u->shutdown) & UNIX_SHUT_RD) ||
					   atomic_load(&u->error) || READ_ONCE(u->state) == UNIX_CLOSED,
				   deadline);
}

/* A receive under way. */
struct receive {
	struct socket *s;
	struct msg *m;
	u32 flags;
	size_t target;               /* enough to return with */
	ssize_t got;
	ktime_t deadline;
	size_t skip;                 /* SO_PEEK_OFF: bytes still to be passed over */
	bool has_cred;               /* cred is that of the bytes so far */
	struct abi_ucred cred;
	struct unix_files *files;
	struct unix_buf *peeked;     /* MSG_PEEK: the last piece looked at */
	u32 seen;                    /* how many pieces were queued before the last look */
};

static bool same_sender(const struct receive *r, const struct unix_buf *b)
{
	return !r->has_cred || !r->s->opt.passcred || memcmp(&r->cred, &b->cred, sizeof(r->cred)) == 0;
}

/* The files of @b: taken, or for a peek doubled. */
static void take_files(struct receive *r, struct unix_buf *b)
{
	if (r->flags & MSG_PEEK)
		r->files = unix_files_dup(b->files);
	else
		r->files = unix_take_files(r->s->sk, b);
}

/* What the first piece decides for all that follow. */
static void take_sender(struct receive *r, const struct unix_buf *b)
{
	if (r->has_cred)
		return;
	if (r->m->name)
		unix_copy_sender(r->m, b->sender);
	r->cred = b->cred;
	r->has_cred = true;
}

/* Copies from one piece: false when the receive is over (r->got says with what). */
static bool take_piece(struct receive *r, struct unix_buf *b)
{
	struct unix_sock *u = r->s->sk;
	size_t want = MIN((size_t)(b->len - b->off) - r->skip, r->m->iter.count);
	bool had_files = b->files;
	size_t n;

	if (!same_sender(r, b))
		return false;
	n = iov_copy_to(&r->m->iter, b->data + b->off + r->skip, want);
	if (n < want && !n) {
		if (!r->got)
			r->got = -EFAULT;
		return false;
	}
	r->got += (ssize_t)n;
	take_sender(r, b);
	if (had_files)
		take_files(r, b);
	if (READ_ONCE(r->s->opt.peek_off) >= 0)
		unix_peek_moved(r->s, r->flags, n);
	r->skip = 0;
	if (r->flags & MSG_PEEK) {
		r->peeked = b;
	} else {
		b->off += (u32)n;
		if (b->off == b->len)
			drop_piece(u, b);
	}
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
	err = r->peeked ? wait_beyond(u, r->seen, r->deadline)
			: wait_event_deadline(&u->wait, stream_ready(u), r->deadline);
	mutex_lock(&u->read_lock);
	r->peeked = NULL;
	r->skip = peek_skip(r->s, r->flags);
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err ? socket_intr(r->s->opt.rcvtimeo) : 0;
}

/* The urgent byte, or what recv(MSG_OOB) left of it. */
static inline bool is_mark(const struct unix_sock *u, const struct unix_buf *b)
{
	return b == READ_ONCE(u->oob) || b->off == b->len;
}

/*
 * The urgent byte is no part of the stream unless SO_OOBINLINE is set: a read
 * ends in front of it, and the next one throws it away (a peek looks behind
 * it).  One that recv(MSG_OOB) took has left an empty piece as the mark.
 * True: @b is not for this read; *over: which ends with it.
 */
static NOINLINE bool pass_mark(struct receive *r, struct unix_buf *b, bool *over)
{
	struct unix_sock *u = r->s->sk;
	bool taken = b->off == b->len;

	*over = r->got > 0;
	if (*over)
		return true;
	if (r->flags & MSG_PEEK) {
		if (!taken && r->s->opt.oobinline)
			return false;
		r->peeked = b;
		return true;
	}
	if (!taken && r->s->opt.oobinline) {
		spin_lock(&u->lock);
		u->oob = NULL;
		spin_unlock(&u->lock);
		return false;
	}
	drop_piece(u, b);
	return true;
}

/* SO_PEEK_OFF goes past @b, or into it. */
static NOINLINE bool skip_piece(struct receive *r, struct unix_buf *b)
{
	size_t left = b->len - b->off;

	if (r->skip < left)
		return false;
	r->skip -= left;
	r->peeked = b;
	return true;
}

static void receive_pieces(struct receive *r)
{
	struct unix_sock *u = r->s->sk;
	bool over;
	int err;

	for (;;) {
		struct unix_buf *b;

		r->seen = READ_ONCE(u->queued);
		b = next_piece(u, r->peeked);
		if (b) {
			if (unlikely(is_mark(u, b)) && pass_mark(r, b, &over)) {
				if (over)
					return;
				continue;
			}
			if (unlikely(r->skip) && skip_piece(r, b))
				continue;
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

/* recv(MSG_OOB): the urgent byte, wherever it stands in the queue. */
static ssize_t receive_urgent(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk;
	struct unix_buf *b = NULL;
	ssize_t n;

	mutex_lock(&u->read_lock);
	spin_lock(&u->lock);
	if (!s->opt.oobinline)
		b = u->oob;
	if (b && !(flags & MSG_PEEK))
		u->oob = NULL;
	spin_unlock(&u->lock);
	n = b ? (ssize_t)iov_copy_to(&m->iter, b->data, MIN(m->iter.count, (size_t)1)) : -EINVAL;
	if (b && !(flags & MSG_PEEK))
		b->off = b->len;
	mutex_unlock(&u->read_lock);
	if (b)
		m->flags |= MSG_OOB;
	return n == 0 && m->iter.count ? -EFAULT : n < 0 ? n : 1;
}

/* Field by field: most of cred's kin is written before it is read, and clearing all costs as much as a lock. */
static inline void receive_init(struct receive *r, struct socket *s, struct msg *m, u32 flags)
{
	size_t enough = flags & MSG_WAITALL ? m->iter.count : MIN((size_t)s->opt.rcvlowat, m->iter.count);

	r->s = s;
	r->m = m;
	r->flags = flags;
	r->target = MAX(enough, (size_t)1);
	r->got = 0;
	r->deadline = socket_deadline(s->opt.rcvtimeo, flags & MSG_DONTWAIT);
	r->skip = peek_skip(s, flags);
	r->has_cred = false;
	r->files = NULL;
	r->peeked = NULL;
}

static ssize_t stream_receive(struct socket *s, struct msg *m, u32 flags)
{
	struct unix_sock *u = s->sk;
	struct receive r;

	m->namelen = 0;
	if (READ_ONCE(u->state) != UNIX_CONNECTED)
		return -EINVAL;
	if (flags & MSG_OOB)
		return receive_urgent(s, m, flags);
	receive_init(&r, s, m, flags);
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
	if (READ_ONCE(u->oob))
		mask |= POLLPRI;
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
	.getsockopt = unix_getsockopt,
	.sndbuf_changed = unix_sndbuf_changed,
	.peek_off = true,
	.release = unix_release,
};
