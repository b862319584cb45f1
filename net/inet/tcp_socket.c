// SPDX-License-Identifier: MIT
/*
 * TCP sockets: connect, listen, accept, shutdown, close, poll.  Data is in tcp_message.c, options in tcp_sockopt.c.
 *
 * Here threads wait; the protocol below never does. A wait gives the socket up and looks at the state again.
 *
 * What a user may see of a connection is its state and three facts more: `conn` (was it ever asked for, did it
 * stand), the error of the socket, which is reported once, and what is in the queues. Poll reads them without a lock;
 * whoever changes one wakes afterwards.
 */
#include <tarn/poll.h>
#include "inet_internal.h"
#include "tcp.h"

extern const struct proto_ops tcp_ops4, tcp_ops6;

static struct tcp_sock *tcp_of(struct socket *s)
{
	return tcp_sk(s->sk);
}

/* ---- connect ---- */

#define TCPF_CONNECTING (TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV))

/* Sleeps until the handshake is over: 0 or -errno. Socket owned. */
static int wait_connected(struct tcp_sock *t, ktime_t deadline)
{
	while (TCPF(t->state) & TCPF_CONNECTING) {
		int err = sock_wait(tcp_sock(t), POLLOUT, deadline);

		if (err && TCPF(t->state) & TCPF_CONNECTING)
			return err;
	}
	return 0;
}

/* What became of it. */
static int connect_result(struct socket *s, struct tcp_sock *t)
{
	int err;

	if (t->state != TCP_CLOSE) {
		t->conn = TCP_CONN_DONE;
		return 0;
	}
	err = socket_take_error(s);
	if (t->conn == TCP_CONN_ASKED) {
		t->conn = TCP_CONN_NONE;
		tcp_forget_peer(t);
	}
	return err ? err : -ECONNABORTED;
}

static int connect_wait(struct socket *s, struct tcp_sock *t, u32 file_flags)
{
	ktime_t deadline = socket_deadline(s->opt.sndtimeo, file_flags & O_NONBLOCK);
	int err = wait_connected(t, deadline);

	if (err == -ERESTARTSYS)
		return socket_intr(s->opt.sndtimeo);
	if (err)
		return -EINPROGRESS; /* also when SO_SNDTIMEO passed: socket(7) */
	return connect_result(s, t);
}

/* connect(2) with AF_UNSPEC: as new. */
static int disconnect(struct tcp_sock *t)
{
	if (t->state == TCP_LISTEN)
		tcp_listen_stop(t);
	else if (t->state != TCP_CLOSE)
		tcp_abort(t, t->state == TCP_SYN_SENT ? ECONNRESET : 0);
	tcp_forget_peer(t);
	t->conn = TCP_CONN_NONE;
	t->shut = 0;
	t->fin_received = t->fin_queued = false;
	packet_queue_purge(&t->in);
	atomic_store(&tcp_sock(t)->error, 0);
	return 0;
}

/* Nobody's address means this machine, as on BSD. */
static void any_is_loopback(struct inet_addr *a)
{
	if (!addr_is_any(a))
		return;
	if (addr_is_v4(a))
		*a = addr_from_v4((be32)BE32_CONST(0x7f000001));
	else
		*a = (struct inet_addr){ .w = { [3] = BE32_CONST(1) } };
}

static int connect_new(struct tcp_sock *t, const void *addr, int len)
{
	struct inet_sock *i = &t->inet;
	struct inet_addr a;
	int scope = 0, err;
	be16 port;

	err = inet_addr_get(i, addr, len, &a, &port, &scope);
	if (err)
		return err;
	if (addr_is_v4(&a) && i->v6 && i->v6only)
		return -ENETUNREACH;
	if (i->v6 && !i->num && !addr_is_v4(&a) && addr_is_any(&a))
		a = (struct inet_addr){ .w = { [3] = BE32_CONST(1) } };
	any_is_loopback(&a);
	if (addr_is_multicast(&a))
		return -ENETUNREACH;
	if (scope)
		i->bound_if = scope;
	err = tcp_connect_to(t, &a, port);
	if (!err)
		t->conn = TCP_CONN_ASKED;
	return err;
}

static int tcp_connect(struct socket *s, const void *addr, int len, u32 file_flags)
{
	struct tcp_sock *t = tcp_of(s);
	u16 family;
	int err;

	if (len < (int)sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	sock_lock(tcp_sock(t));
	if (family == AF_UNSPEC) {
		err = disconnect(t);
	} else if (t->conn == TCP_CONN_ASKED) {
		err = file_flags & O_NONBLOCK && TCPF(t->state) & TCPF_CONNECTING
			      ? -EALREADY
			      : connect_wait(s, t, file_flags);
	} else if (t->conn == TCP_CONN_DONE || t->state == TCP_LISTEN) {
		err = -EISCONN;
	} else {
		err = connect_new(t, addr, len);
		if (!err)
			err = connect_wait(s, t, file_flags);
	}
	sock_unlock(tcp_sock(t));
	return err;
}

/* ---- listen, accept ---- */

/* A port if there is none yet; and two listeners share one only as SO_REUSEPORT allows. */
static int listen_port(struct tcp_sock *t)
{
	int err;

	atomic_store(&t->inet.listening, true);
	err = t->inet.num ? inet_recheck_port(&t->inet) : inet_bind_port(&t->inet, 0);
	if (err)
		atomic_store(&t->inet.listening, t->state == TCP_LISTEN);
	return err;
}

static int tcp_listen(struct socket *s, int backlog)
{
	struct tcp_sock *t = tcp_of(s);
	int err = 0;

	sock_lock(tcp_sock(t));
	if (t->conn != TCP_CONN_NONE || (t->state != TCP_CLOSE && t->state != TCP_LISTEN))
		err = -EINVAL;
	if (!err)
		err = listen_port(t);
	if (!err)
		err = tcp_listen_start(t, (u32)backlog);
	sock_unlock(tcp_sock(t));
	return err;
}

/* A connection gets its struct socket, and with it its user's settings. */
static void graft(struct tcp_sock *child, struct socket *new_sock, const struct socket *l)
{
	struct sock *sk = tcp_sock(child);

	sock_lock(sk);
	new_sock->opt = l->opt;
	new_sock->opt.peek_off = -1;
	new_sock->sk = sk;
	new_sock->error = &sk->error;
	sk->socket = new_sock;
	child->conn = TCP_CONN_DONE;
	sock_unlock(sk);
}

static int accept_wait(struct socket *s, struct tcp_sock *t, ktime_t deadline,
		       struct tcp_sock **child)
{
	int err;

	for (;;) {
		if (t->state != TCP_LISTEN)
			return -EINVAL;
		*child = tcp_accept_take(t);
		if (*child)
			return 0;
		if (!deadline)
			return -EAGAIN;
		err = sock_wait(tcp_sock(t), POLLIN, deadline);
		if (err && !READ_ONCE(t->listen->nr_accept))
			return err == -ERESTARTSYS ? socket_intr(s->opt.rcvtimeo) : -EAGAIN;
	}
}

static int tcp_accept(struct socket *s, struct socket *new_sock, u32 file_flags)
{
	struct tcp_sock *t = tcp_of(s), *child = NULL;
	int err;

	sock_lock(tcp_sock(t));
	err = accept_wait(s, t, socket_deadline(s->opt.rcvtimeo, file_flags & O_NONBLOCK), &child);
	sock_unlock(tcp_sock(t));
	if (!err)
		graft(child, new_sock, s);
	return err;
}

/* ---- shutdown, close ---- */

static int tcp_shutdown(struct socket *s, int how)
{
	struct tcp_sock *t = tcp_of(s);
	u8 bits = (u8)(how + 1);
	int err = 0;

	if (how < 0 || how > 2)
		return -EINVAL;
	sock_lock(tcp_sock(t));
	if (t->state == TCP_CLOSE) {
		err = -ENOTCONN;
	} else if (t->state == TCP_LISTEN) {
		if (bits & TCP_SHUT_RD)
			tcp_listen_stop(t);
	} else if (t->state == TCP_SYN_SENT) {
		tcp_fail(t, 0);
		t->conn = TCP_CONN_NONE;
	} else {
		t->shut |= bits;
		if (bits & TCP_SHUT_WR)
			tcp_shutdown_send(t);
	}
	sock_wake(tcp_sock(t), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP | POLLHUP);
	sock_unlock(tcp_sock(t));
	return err;
}

#define TCPF_FIN_UNDER_WAY (TCPF(TCP_FIN_WAIT1) | TCPF(TCP_CLOSING) | TCPF(TCP_LAST_ACK))

/* SO_LINGER: until what was sent is acknowledged, or the time passed (socket(7)). */
static void linger(struct tcp_sock *t, u32 seconds)
{
	ktime_t deadline = ktime_add(clock_monotonic(), seconds * NSEC_PER_SEC);

	if (tcp_readable(t) || !(TCPF(t->state) & TCPF_MAY_SEND))
		return;
	tcp_shutdown_send(t);
	while (TCPF(t->state) & TCPF_FIN_UNDER_WAY)
		if (sock_wait(tcp_sock(t), 0, deadline))
			return;
}

static void tcp_release(struct socket *s)
{
	struct tcp_sock *t = tcp_of(s);
	struct sock *sk = tcp_sock(t);

	sock_lock(sk);
	if (s->opt.linger && s->opt.linger_seconds > 0)
		linger(t, (u32)s->opt.linger_seconds);
	sk->socket = NULL;
	sk->dead = true;
	tcp_close(t, s->opt.linger && !s->opt.linger_seconds);
	sock_unlock(sk);
	s->sk = NULL;
	sock_put(sk);
}

/* ---- poll ---- */

/* poll(2), by the table of tests/abi/net_tcp.c. */
static u32 tcp_poll(struct socket *s, struct poll_wait *w)
{
	struct tcp_sock *t = tcp_of(s);
	u8 state, shut;
	u32 mask = 0;

	poll_on(w, &tcp_sock(t)->wait);
	state = READ_ONCE(t->state);
	shut = READ_ONCE(t->shut);
	if (state == TCP_LISTEN)
		return READ_ONCE(t->listen->nr_accept) ? POLLIN | POLLRDNORM : 0;
	if (shut == (TCP_SHUT_RD | TCP_SHUT_WR) || state == TCP_CLOSE)
		mask |= POLLHUP;
	if (shut & TCP_SHUT_RD)
		mask |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (!(TCPF(state) & TCPF_CONNECTING)) {
		if (tcp_has(t, (u32)MAX(s->opt.rcvlowat, 1)))
			mask |= POLLIN | POLLRDNORM;
		if (shut & TCP_SHUT_WR || tcp_writable(t))
			mask |= POLLOUT | POLLWRNORM;
		if (READ_ONCE(t->urg_state) & URG_VALID)
			mask |= POLLPRI;
	}
	if (atomic_load_explicit(&tcp_sock(t)->error, memory_order_acquire) ||
	    !list_empty(&tcp_sock(t)->errors.list))
		mask |= POLLERR;
	return mask;
}

/* A connection that is gone, or not there yet, has no peer. */
static int tcp_getname(struct socket *s, void *addr, bool peer)
{
	if (peer && TCPF(READ_ONCE(tcp_of(s)->state)) & (TCPF(TCP_CLOSE) | TCPF(TCP_SYN_SENT)))
		return -ENOTCONN;
	return inet_getname(s, addr, peer);
}

/* ---- what there is ---- */

#define TCP_OPS(fam)                                                              \
	{                                                                         \
		.family = (fam),                                                  \
		.bind = inet_bind,                                                \
		.connect = tcp_connect,                                           \
		.listen = tcp_listen,                                             \
		.accept = tcp_accept,                                             \
		.getname = tcp_getname,                                           \
		.sendmsg = tcp_sendmsg,                                           \
		.recvmsg = tcp_recvmsg,                                           \
		.shutdown = tcp_shutdown,                                         \
		.poll = tcp_poll,                                                 \
		.ioctl = tcp_ioctl,                                               \
		.setsockopt = tcp_setsockopt,                                     \
		.getsockopt = tcp_getsockopt,                                     \
		.release = tcp_release,                                           \
		.peek_off = true,                                                 \
	}

const struct proto_ops tcp_ops4 = TCP_OPS(AF_INET), tcp_ops6 = TCP_OPS(AF_INET6);

static int tcp_kind_init(struct inet_sock *i)
{
	return tcp_sock_init((struct tcp_sock *)i);
}

static const struct inet_kind tcp_kind = {
	.type = SOCK_STREAM,
	.protocol = IPPROTO_TCP,
	.ops4 = &tcp_ops4,
	.ops6 = &tcp_ops6,
	.sock_ops = &tcp_sock_ops,
	.own_ports = true,
	.init = tcp_kind_init,
};
SECTION_SET(inet_kinds, tcp_kind);
