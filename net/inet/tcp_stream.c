// SPDX-License-Identifier: MIT
/*
 * TCP: bytes between a user and the queues: what sendmsg and recvmsg do when they do not wait.
 *
 * Sent bytes are copied once, into pages that stay until they are acknowledged; small writes fill up the last packet
 * that has not left. Read bytes leave the queue as they are copied.
 * Socket owned: no segment is worked on meanwhile, so queues stand still while a copy sleeps.
 */
#include "tcp.h"

#define STREAM_PACKET 61440u

/* ---- out ---- */

/* SO_SNDBUF, or what the congestion window needs: as much again as is under way, with what packets take. */
static u32 tcp_sndbuf(const struct tcp_sock *t)
{
	const struct tcp_net *n = tcp_net(t->inet.sk.net);
	struct socket *s = t->inet.sk.socket;

	if (s && s->opt.bufs_locked & 1)
		return s->opt.sndbuf;
	return MAX(131072u, (u32)MIN(4ull * t->cwnd, (u64)n->wmem[2]));
}

/* TCP_NOTSENT_LOWAT, tcp(7): as much waits to be sent for the first time as the user allows. */
static bool enough_unsent(const struct tcp_sock *t)
{
	u32 limit = READ_ONCE(t->notsent_lowat);

	return limit && READ_ONCE(t->write_seq) - READ_ONCE(t->snd_nxt) >= limit;
}

/* Bytes that may be queued now. */
u32 tcp_room(const struct tcp_sock *t)
{
	u32 buf = tcp_sndbuf(t),
	    used = atomic_load_explicit(&t->inet.sk.wmem, memory_order_relaxed);

	return used < buf && !enough_unsent(t) ? buf - used : 0;
}

bool tcp_writable(const struct tcp_sock *t)
{
	u32 used = atomic_load_explicit(&t->inet.sk.wmem, memory_order_relaxed);

	return used + used / 2 <= tcp_sndbuf(t) && !enough_unsent(t);
}

static struct packet *open_packet(struct tcp_sock *t)
{
	struct packet *p = list_last(&t->unsent, struct packet, node);

	if (!p || p->len >= STREAM_PACKET || tcp_cb(p)->flags & TH_FIN ||
	    p->nr_frags + 2u > PACKET_FRAGS)
		return NULL;
	return p;
}

/* Up to @n bytes behind the last ones: how many, or -errno. */
static ssize_t append(struct tcp_sock *t, struct iov_iter *from, size_t n)
{
	struct packet *p = open_packet(t), *fresh = NULL;
	ssize_t got;

	if (!p)
		p = fresh = packet_alloc(GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	got = packet_from_iov(p, from, MIN(n, (size_t)(STREAM_PACKET - p->len)), GFP_KERNEL);
	if (got <= 0) {
		if (fresh)
			packet_free(fresh);
		return got;
	}
	if (fresh) {
		tcp_queue_data(t, p);
	} else {
		packet_orphan(p);
		tcp_cb(p)->end_seq += (u32)got;
		t->write_seq += (u32)got;
	}
	packet_charge_send(p, tcp_sock(t));
	return got;
}

/* Queues up to @n bytes and sends what may leave: how many; -EAGAIN: no room; -EFAULT, -ENOMEM. */
ssize_t tcp_stream_send(struct tcp_sock *t, struct iov_iter *from, size_t n, u32 flags)
{
	ssize_t done = 0, got = 0;
	u32 room;

	while ((size_t)done < n) {
		room = tcp_room(t);
		got = room ? append(t, from, MIN(n - (size_t)done, (size_t)room)) : -EAGAIN;
		if (got <= 0)
			break;
		done += got;
		if (t->write_seq - t->snd_nxt > MAX(t->max_window / 2, STREAM_PACKET))
			tcp_push(t, false);
	}
	if (done && flags & MSG_OOB) {
		t->snd_up = t->write_seq;
		t->snd_urgent = true;
	}
	if (done) {
		t->pushed_seq = t->write_seq;
		if (flags & MSG_MORE && !t->cork) {
			t->cork = true;
			tcp_push(t, false);
			t->cork = false;
		} else {
			tcp_push(t, flags & MSG_OOB);
		}
	}
	return done ? done : got;
}

/* ---- in ---- */

/* Bytes that a read gives without waiting. */
u32 tcp_readable(const struct tcp_sock *t)
{
	u32 n = t->in.bytes;
	struct packet *p = list_first((struct list *)&t->in.list, struct packet, node);

	if (p)
		n -= t->copied_seq - tcp_cb(p)->seq;
	if (n && t->urg_state && t->rcv_up - t->copied_seq < n &&
	    !(t->inet.sk.socket && t->inet.sk.socket->opt.oobinline))
		n--;
	return n;
}

/* For poll: counters alone, no packet is looked at. The stream's end counts as no byte. */
bool tcp_has(const struct tcp_sock *t, u32 n)
{
	u32 have = READ_ONCE(t->rcv_nxt) - READ_ONCE(t->copied_seq) - READ_ONCE(t->fin_received);

	return READ_ONCE(t->in.count) && (s32)have >= (s32)n;
}

/* The urgent byte is next, or ahead: how far a read may go; 0: it is here and is stepped over. */
static u32 up_to_mark(struct tcp_sock *t, u32 seq, u32 n, bool any)
{
	u32 ahead = t->rcv_up - seq;

	if (!t->urg_state || ahead >= n)
		return n;
	if (ahead)
		return ahead;
	if (t->inet.sk.socket && t->inet.sk.socket->opt.oobinline)
		return any ? 0 : n;
	return 0;
}

static void drop_read(struct tcp_sock *t)
{
	struct packet *p;

	while ((p = packet_peek(&t->in)) != NULL && seq_le(tcp_cb(p)->end_seq, t->copied_seq)) {
		packet_unqueue(&t->in, p);
		packet_free(p);
	}
	if (t->urg_state && seq_gt(t->copied_seq, t->rcv_up))
		t->urg_state = 0;
}

/*
 * Copies up to @n bytes; @peek: leaves them, beginning *@peek_offset bytes further on, which moves.
 * Bytes; 0: none are there; -EFAULT.
 */
ssize_t tcp_stream_receive(struct tcp_sock *t, struct iov_iter *to, size_t n, bool peek,
			   u32 *peek_offset)
{
	u32 seq = t->copied_seq + (peek ? *peek_offset : 0), at, take;
	struct packet *p = packet_peek(&t->in);
	size_t done = 0, got;

	while (p && done < n) {
		at = seq - tcp_cb(p)->seq;
		if (at >= p->len) {
			p = list_next(&t->in.list, p, node);
			continue;
		}
		take = up_to_mark(t, seq, (u32)MIN((size_t)(p->len - at), n - done), done);
		if (!take) {
			if (done)
				break;
			seq++; /* over the urgent byte */
			continue;
		}
		got = to ? packet_to_iov(p, at, to, take) : take; /* MSG_TRUNC: thrown away */
		done += got;
		seq += (u32)got;
		if (got < take)
			break;
	}
	if (peek) {
		*peek_offset = seq - t->copied_seq;
	} else if (seq != t->copied_seq) {
		t->copied_seq = seq;
		drop_read(t);
		tcp_window_read(t);
	}
	return done || !p || !n || !tcp_readable(t) ? (ssize_t)done : -EFAULT;
}
