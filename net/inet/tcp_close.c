// SPDX-License-Identifier: MIT
/*
 * TCP: the ways a connection ends (RFC 9293 3.10.4, 3.6).
 *
 *	shutdown     FIN is queued, the state follows at once: FIN_WAIT1 or LAST_ACK
 *	close        the same; but with unread data, or SO_LINGER of 0, a reset (RFC 2525 2.17)
 *	RST, time    tcp_fail(): an error for the user, reported once
 *	TIME_WAIT    a small object takes the connection's place in the table (tcp_timewait.c)
 *
 * After close the protocol goes on without a socket ("orphan"), bounded in each state by a timer: FIN_WAIT1,
 * CLOSING and LAST_ACK by retransmission, a shut window by persist, FIN_WAIT2 by keep.
 */
#include <linux/poll.h>
#include <tarn/slab.h>
#include "tcp.h"

void tcp_set_state(struct tcp_sock *t, enum tcp_state s)
{
	WRITE_ONCE(t->state, (u8)s);
}

static void purge_list(struct list *l)
{
	struct packet *p;

	while ((p = list_first(l, struct packet, node)) != NULL) {
		list_del(&p->node);
		packet_free(p);
	}
}

static void purge_writes(struct tcp_sock *t)
{
	purge_list(&t->sent);
	purge_list(&t->unsent);
	t->sacked = t->lost = t->retrans = 0;
	t->snd_una = t->snd_nxt = t->write_seq;
}

/* Nothing more will happen.  What the user has not read stays readable. */
void tcp_done(struct tcp_sock *t)
{
	struct sock *sk = tcp_sock(t);

	if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECV)
		tcp_count(sk->net, TCPC_ATTEMPT_FAILS);
	tcp_set_state(t, TCP_CLOSE);
	t->shut |= TCP_SHUT_RD | TCP_SHUT_WR;
	tcp_timers_stop(t);
	purge_writes(t);
	tcp_ofo_purge(t);
	t->ack_pending = 0;
	if (tcp_table_remove(sk->net, &t->hashed))
		sock_put(sk);
	if (!sk->socket)
		inet_unbind_port(&t->inet);
	else
		sock_wake(sk, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP | POLLHUP);
}

/* @err (positive; 0: none) is what the user hears. */
void tcp_fail(struct tcp_sock *t, int err)
{
	if (err)
		sock_set_error(tcp_sock(t), err);
	tcp_done(t);
	if (err && tcp_sock(t)->socket)
		sock_wake(tcp_sock(t), POLLERR);
}

/* Tells the peer by a reset. */
void tcp_abort(struct tcp_sock *t, int err)
{
	if (TCPF(t->state) & (TCPF_SYNCED & ~TCPF(TCP_TIME_WAIT)))
		tcp_send_reset(t);
	tcp_fail(t, err);
}

void tcp_shutdown_send(struct tcp_sock *t)
{
	t->shut |= TCP_SHUT_WR;
	if (t->state == TCP_ESTABLISHED || t->state == TCP_SYN_RECV)
		tcp_set_state(t, TCP_FIN_WAIT1);
	else if (t->state == TCP_CLOSE_WAIT)
		tcp_set_state(t, TCP_LAST_ACK);
	else
		return;
	if (!tcp_queue_fin(t)) {
		tcp_abort(t, ENOBUFS);
		return;
	}
	t->cork = false;
	tcp_push(t, true);
}

static ktime_t fin_timeout(const struct tcp_sock *t)
{
	int seconds = t->linger2 ? t->linger2 : tcp_net(t->inet.sk.net)->fin_timeout;

	return (ktime_t)MAX(seconds, 0) * NSEC_PER_SEC;
}

static void orphan_waits(struct tcp_sock *t)
{
	if (t->state != TCP_FIN_WAIT2)
		return;
	if (t->linger2 < 0) {
		tcp_abort(t, 0);
		return;
	}
	tcp_keep_arm(t, fin_timeout(t));
}

/* Our FIN arrived. */
void tcp_fin_acked(struct tcp_sock *t)
{
	switch (t->state) {
	case TCP_FIN_WAIT1:
		tcp_set_state(t, TCP_FIN_WAIT2);
		if (!tcp_sock(t)->socket)
			orphan_waits(t);
		else
			sock_wake(tcp_sock(t), POLLOUT | POLLWRNORM);
		break;
	case TCP_CLOSING:
		tcp_timewait_enter(t);
		break;
	case TCP_LAST_ACK:
		tcp_done(t);
		break;
	}
}

/* Socket owned, already without its struct socket. */
void tcp_close(struct tcp_sock *t, bool linger_reset)
{
	bool unread = tcp_readable(t);

	packet_queue_purge(&t->in);
	if (t->state == TCP_LISTEN) {
		tcp_listen_stop(t);
		inet_unbind_port(&t->inet);
	} else if (t->state == TCP_CLOSE) {
		inet_unbind_port(&t->inet);
	} else if (t->state == TCP_SYN_SENT) {
		tcp_done(t);
	} else if (unread || linger_reset) {
		if (unread)
			tcp_count(tcp_sock(t)->net, TCPC_ABORT_ON_CLOSE);
		tcp_abort(t, 0);
	} else {
		tcp_shutdown_send(t);
		orphan_waits(t);
	}
}

/* The last reference went. */
void tcp_destroy(struct sock *sk)
{
	struct tcp_sock *t = tcp_sk(sk);

	purge_list(&t->sent);
	purge_list(&t->unsent);
	packet_queue_purge(&t->in);
	tcp_ofo_purge(t);
	kfree(t->listen);
	inet_unbind_port(&t->inet);
	inet_sock_free(&t->inet);
}

const struct sock_ops tcp_sock_ops = {
	.name = "TCP",
	.size = sizeof(struct tcp_sock),
	.backlog_receive = tcp_backlog_receive,
	.deferred = tcp_deferred,
	.destroy = tcp_destroy,
};
