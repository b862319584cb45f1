// SPDX-License-Identifier: MIT
/*
 * TCP: listening: a SYN becomes a request, the handshake's last ACK a connection in the accept queue.
 *
 * Linux's rules for full queues, which servers are tuned by:
 *
 *	backlog + 1 connections wait for accept(2). More: the last ACK is dropped and the request kept; its
 *	SYN-ACK is repeated, so the client is served once there is room. New SYNs are dropped.
 *	As many requests as the backlog says, then SYN cookies (tcp_cookie.c): the SYN costs nothing.
 *
 * A closed listener's requests go, and its unaccepted connections are reset.
 */
#include <linux/poll.h>
#include <tarn/slab.h>
#include "tcp.h"

int tcp_listen_start(struct tcp_sock *t, u32 backlog)
{
	struct tcp_listen *l = t->listen;

	if (t->state == TCP_LISTEN) {
		l->backlog = backlog;
		return 0;
	}
	if (!l)
		l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	spin_init(&l->queue_lock, "tcp accept", LR_SOCK_QUEUE);
	list_init(&l->requests);
	list_init(&l->accept);
	l->backlog = backlog;
	l->nr_accept = l->nr_requests = 0;
	t->listen = l;
	tcp_set_state(t, TCP_LISTEN);
	tcp_listen_insert(t);
	return 0;
}

static struct tcp_request *first_request(struct tcp_listen *l)
{
	struct tcp_request *r;

	spin_lock(&l->queue_lock);
	r = list_first(&l->requests, struct tcp_request, node);
	if (r)
		ref_get(&r->refs);
	spin_unlock(&l->queue_lock);
	return r;
}

/* The oldest connection that waits, with its reference; NULL. */
struct tcp_sock *tcp_accept_take(struct tcp_sock *t)
{
	struct tcp_listen *l = t->listen;
	struct tcp_sock *child;

	spin_lock(&l->queue_lock);
	child = list_first(&l->accept, struct tcp_sock, accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		l->nr_accept--;
	}
	spin_unlock(&l->queue_lock);
	return child;
}

/* Socket owned. */
void tcp_listen_stop(struct tcp_sock *t)
{
	struct tcp_request *r;
	struct tcp_sock *child;

	tcp_listen_remove(t);
	tcp_set_state(t, TCP_CLOSE);
	atomic_store(&t->inet.listening, false);
	while ((r = first_request(t->listen)) != NULL) {
		tcp_request_drop(r);
		tcp_request_put(r);
	}
	while ((child = tcp_accept_take(t)) != NULL) {
		sock_lock(tcp_sock(child));
		tcp_abort(child, 0);
		sock_unlock(tcp_sock(child));
		sock_put(tcp_sock(child));
	}
}

/* A connection that was made while this segment waited in the listener's backlog. */
static void to_child(struct tcp_sock *t, struct tcp_seg *s)
{
	struct sock *sk = tcp_sock(t);

	spin_lock_nested(&sk->lock);
	if (!sk->owned)
		tcp_input(t, s);
	else if (sock_backlog_add(sk, s->p))
		s->p = NULL;
	spin_unlock(&sk->lock);
}

static void stranger(struct tcp_sock *l, struct tcp_seg *s)
{
	struct net *net = tcp_sock(l)->net;
	struct tcp_request cookie = { .listener = l };

	if (s->flags & TH_RST)
		return;
	if (!(s->flags & TH_ACK)) {
		if (s->flags & TH_SYN && !(s->flags & TH_FIN))
			tcp_request_new(l, s);
		return;
	}
	if (!(s->flags & TH_SYN) && tcp_net(net)->syncookies &&
	    tcp_cookie_check(net, &s->key, s->seq - 1, s->ack - 1, &cookie.mss)) {
		tcp_count(net, TCPC_SYNCOOKIES_RECV);
		cookie.hashed.key = s->key;
		cookie.irs = s->seq - 1;
		cookie.iss = s->ack - 1;
		cookie.rcv_wnd = MIN((u32)tcp_net(net)->rmem[1] / 2, 65535u);
		tcp_request_input(l, &cookie, s);
		return;
	}
	tcp_reset_stranger(net, s);
}

/* Listener locked. */
void tcp_listen_input(struct tcp_sock *l, struct tcp_seg *s)
{
	struct tcp_hashed *h;

	rcu_read_lock();
	h = tcp_lookup(tcp_sock(l)->net, &s->key);
	rcu_read_unlock();
	if (!h) {
		stranger(l, s);
	} else if (h->kind == TCP_KIND_REQUEST) {
		struct tcp_request *r = container_of(h, struct tcp_request, hashed);

		if (r->listener == l)
			tcp_request_input(l, r, s);
		tcp_request_put(r);
	} else if (h->kind == TCP_KIND_SOCK) {
		struct tcp_sock *t = container_of(h, struct tcp_sock, hashed);

		to_child(t, s);
		sock_put(tcp_sock(t));
	} else {
		tcp_timewait_put(container_of(h, struct tcp_timewait, hashed));
	}
}
