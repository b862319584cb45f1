// SPDX-License-Identifier: MIT
/*
 * TCP sockets: sendmsg and recvmsg, and how long they wait.
 *
 * A send waits for room until all is queued; a receive until there is something (SO_RCVLOWAT), or all of it
 * (MSG_WAITALL). What was moved before an error is the answer; the error waits for the next call.
 * The order of a receive's tests is Linux's: data first, then the pending error, then the end of the stream.
 */
#include <tarn/poll.h>
#include <tarn/process.h>
#include "inet_internal.h"
#include "tcp.h"

/* ---- send ---- */

/* -EPIPE becomes the pending error, once. */
static int send_error(struct socket *s)
{
	int err = socket_take_error(s);

	return err ? err : -EPIPE;
}

static bool may_send(const struct tcp_sock *t)
{
	return TCPF(t->state) & TCPF_MAY_SEND && !(t->shut & TCP_SHUT_WR) &&
	       !atomic_load_explicit(&t->inet.sk.error, memory_order_relaxed);
}

/* Handshakes first, then room: 0 or -errno. */
static int send_wait(struct socket *s, struct tcp_sock *t, ktime_t deadline)
{
	int err = sock_wait(tcp_sock(t), POLLOUT, deadline);

	if (err == -ERESTARTSYS)
		return socket_intr(s->opt.sndtimeo);
	return err ? -EAGAIN : 0;
}

static bool connecting(const struct tcp_sock *t)
{
	return TCPF(t->state) & (TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV));
}

static ssize_t send_all(struct socket *s, struct tcp_sock *t, struct msg *m, u32 flags)
{
	ktime_t deadline = socket_deadline(s->opt.sndtimeo, flags & MSG_DONTWAIT);
	ssize_t done = 0, n;

	for (;;) {
		if (connecting(t)) {
			n = -EAGAIN;
		} else if (!may_send(t)) {
			return done ? done : send_error(s);
		} else {
			n = m->iter.count ? tcp_stream_send(t, &m->iter, m->iter.count, flags) : 0;
			done += MAX(n, (ssize_t)0);
			if (!m->iter.count || (n < 0 && n != -EAGAIN))
				return done ? done : n;
		}
		if (n == -EAGAIN) {
			n = send_wait(s, t, deadline);
			if (n)
				return done ? done : n;
		}
	}
}

ssize_t tcp_sendmsg(struct socket *s, struct msg *m, u32 flags)
{
	struct tcp_sock *t = tcp_sk(s->sk);
	ssize_t n;

	if (flags & 0x20000000u)
		return -EOPNOTSUPP;
	sock_lock(tcp_sock(t));
	n = send_all(s, t, m, flags);
	sock_unlock(tcp_sock(t));
	return n;
}

/* ---- receive ---- */

static ssize_t receive_oob(struct socket *s, struct tcp_sock *t, struct msg *m, u32 flags)
{
	u8 byte = (u8)t->urg_state;

	if (s->opt.oobinline || !t->urg_state || t->urg_state & URG_READ)
		return -EINVAL; /* nothing, or read already */
	if (t->state == TCP_CLOSE && t->conn == TCP_CONN_NONE)
		return -ENOTCONN;
	if (!(t->urg_state & URG_VALID))
		return t->state == TCP_CLOSE || t->shut & TCP_SHUT_RD ? 0 : -EAGAIN;
	m->flags |= MSG_OOB;
	if (!(flags & MSG_PEEK))
		t->urg_state = URG_READ;
	if (!m->iter.count) {
		m->flags |= MSG_TRUNC;
		return 0;
	}
	return iov_copy_to(&m->iter, &byte, 1) ? 1 : -EFAULT;
}

/* Nothing is there: 1: wait; 0: the end; -errno. */
static int receive_state(struct socket *s, struct tcp_sock *t, bool some)
{
	if (t->fin_received)
		return 0;
	if (atomic_load_explicit(&tcp_sock(t)->error, memory_order_relaxed))
		return some ? 0 : socket_take_error(s);
	if (t->shut & TCP_SHUT_RD && t->conn != TCP_CONN_NONE)
		return 0;
	if (t->state == TCP_CLOSE || t->state == TCP_LISTEN)
		return t->conn == TCP_CONN_NONE ? -ENOTCONN : 0;
	return 1;
}

static ssize_t receive_some(struct tcp_sock *t, struct msg *m, size_t n, u32 flags, u32 *offset)
{
	return tcp_stream_receive(t, flags & MSG_TRUNC ? NULL : &m->iter, n, flags & MSG_PEEK,
				  offset);
}

static ssize_t receive_all(struct socket *s, struct tcp_sock *t, struct msg *m, u32 flags)
{
	size_t want = m->iter.count,
	       least = flags & MSG_WAITALL ? want : MIN((size_t)MAX(s->opt.rcvlowat, 1), want),
	       done = 0;
	ktime_t deadline = socket_deadline(s->opt.rcvtimeo, flags & MSG_DONTWAIT);
	u32 offset = flags & MSG_PEEK && s->opt.peek_off > 0 ? (u32)s->opt.peek_off : 0;
	ssize_t n;
	int err;

	for (;;) {
		n = receive_some(t, m, want - done, flags, &offset);
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if (done >= least && (done || !want))
			return (ssize_t)done;
		if (n)
			continue;
		err = receive_state(s, t, done);
		if (err <= 0)
			return done ? (ssize_t)done : err;
		if (!deadline)
			return done ? (ssize_t)done : -EAGAIN;
		err = sock_wait(tcp_sock(t), POLLIN | POLLPRI | POLLRDHUP, deadline);
		if (err && !tcp_has(t, 1))
			return done ? (ssize_t)done
				    : (err == -ERESTARTSYS ? socket_intr(s->opt.rcvtimeo)
							   : -EAGAIN);
	}
}

static void peeked(struct socket *s, ssize_t n, u32 flags)
{
	if (n > 0 && s->opt.peek_off >= 0)
		s->opt.peek_off = flags & MSG_PEEK ? s->opt.peek_off + (int)n
						   : MAX(s->opt.peek_off - (int)n, 0);
}

ssize_t tcp_recvmsg(struct socket *s, struct msg *m, u32 flags)
{
	struct tcp_sock *t = tcp_sk(s->sk);
	ssize_t n;

	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(&t->inet, m, flags);
	m->namelen = 0;
	sock_lock(tcp_sock(t));
	if (t->state == TCP_LISTEN)
		n = -ENOTCONN;
	else if (flags & MSG_OOB)
		n = receive_oob(s, t, m, flags);
	else
		n = receive_all(s, t, m, flags);
	peeked(s, n, flags);
	sock_unlock(tcp_sock(t));
	return n;
}
