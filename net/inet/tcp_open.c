// SPDX-License-Identifier: MIT
/*
 * TCP: a socket is born; an active open (RFC 9293 3.10.1).
 *
 * The table decides whether a tuple is free: a port is taken by putting the connection in, in one step with the
 * check.  A tuple in TIME_WAIT may be taken again after a second if timestamps tell the two connections' segments
 * apart (RFC 6191).
 */
#include <tarn/errptr.h>
#include "tcp.h"

/* What all have before anything is known of the peer. */
int tcp_sock_init(struct tcp_sock *t)
{
	t->state = TCP_CLOSE;
	t->hashed.kind = TCP_KIND_SOCK;
	t->hashed.refs = &tcp_sock(t)->refs;
	list_init(&t->sent);
	list_init(&t->unsent);
	list_init(&t->accept_node);
	packet_queue_init(&t->in);
	t->cc = &tcp_cubic;
	t->mss_peer = t->mss = TCP_MSS_DEFAULT;
	t->ssthresh = ~0u >> 1;
	t->cwnd = 10 * t->mss;
	t->rto = TCP_RTO_INIT;
	t->rcv_mss = TCP_MSS_DEFAULT;
	tcp_timers_init(t);
	tcp_window_init(t);
	t->cc->init(t);
	return 0;
}

static bool take_tuple(struct tcp_sock *t)
{
	struct net *net = tcp_sock(t)->net;
	struct tcp_hashed *old;
	struct tcp_timewait *w;

	tcp_key_of(&t->inet, &t->hashed.key);
	sock_get(tcp_sock(t));
	if (tcp_table_insert(net, &t->hashed))
		return true;
	rcu_read_lock();
	old = tcp_lookup(net, &t->hashed.key);
	if (old && old->kind == TCP_KIND_TIMEWAIT) {
		w = container_of(old, struct tcp_timewait, hashed);
		if (tcp_timewait_may_go(w, net_now())) {
			t->iss = w->snd_nxt + 65535 + 2;
			tcp_timewait_drop(w);
		}
		tcp_timewait_put(w);
	} else if (old && old->kind == TCP_KIND_REQUEST) {
		tcp_request_put(container_of(old, struct tcp_request, hashed));
	} else if (old) {
		sock_put(&container_of(old, struct tcp_sock, hashed)->inet.sk);
	}
	rcu_read_unlock();
	if (tcp_table_insert(net, &t->hashed))
		return true;
	sock_put(tcp_sock(t));
	return false;
}

static int check_port(struct inet_sock *s, u16 port)
{
	struct tcp_sock *t = (struct tcp_sock *)s;

	s->sport = cpu_to_be16(port);
	return take_tuple(t) ? 0 : -EADDRNOTAVAIL;
}

/* The SYN waits in the queue like data: it is repeated and acknowledged the same way. */
static int send_syn(struct tcp_sock *t)
{
	struct packet *p = packet_alloc(GFP_KERNEL);

	if (!p)
		return -ENOBUFS;
	tcp_queue_data(t, p);
	tcp_cb(p)->flags = TH_SYN;
	tcp_cb(p)->end_seq++;
	t->write_seq++;
	list_del(&p->node);
	list_add_tail(&t->sent, &p->node);
	t->snd_nxt = t->write_seq;
	tcp_set_state(t, TCP_SYN_SENT);
	tcp_count(tcp_sock(t)->net, TCPC_ACTIVE_OPENS);
	tcp_transmit(t, p);
	tcp_rtx_arm(t);
	return 0;
}

static int start(struct tcp_sock *t)
{
	struct net *net = tcp_sock(t)->net;

	if (!t->iss)
		t->iss = tcp_isn(net, &t->hashed.key);
	t->ts_offset = tcp_ts_offset(net, &t->hashed.key);
	t->snd_una = t->snd_nxt = t->write_seq = t->snd_sml = t->pushed_seq = t->iss;
	t->ecn = tcp_net(net)->ecn == 1 ? ECN_ASKED : 0;
	t->shut = 0;
	tcp_window_init(t);
	tcp_mss_sync(t);
	return send_syn(t);
}

static int choose_route(struct tcp_sock *t)
{
	struct inet_sock *i = &t->inet;
	struct route *r;
	struct flow f;

	inet_sock_flow(i, &f);
	r = route_out(tcp_sock(t)->net, &f);
	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	if (r->kind == ROUTE_BROADCAST || r->kind == ROUTE_MULTICAST) {
		route_put(r);
		return -ENETUNREACH;
	}
	i->src = f.src;
	if (addr_is_any(&i->rcv_addr))
		i->rcv_addr = f.src;
	if (i->route)
		route_put(i->route);
	i->route = r;
	return 0;
}

int tcp_connect_to(struct tcp_sock *t, const struct inet_addr *dst, be16 port)
{
	struct inet_sock *i = &t->inet;
	struct inet_addr bound = i->rcv_addr;
	int err;

	i->dst = *dst;
	i->dport = port;
	t->iss = 0;
	err = choose_route(t);
	if (!err)
		err = i->num ? check_port(i, i->num) : inet_connect_port(i, check_port);
	if (!err)
		err = start(t);
	if (err) {
		if (tcp_table_remove(tcp_sock(t)->net, &t->hashed))
			sock_put(tcp_sock(t));
		i->rcv_addr = bound;
		tcp_forget_peer(t);
	}
	return err;
}

/* As before connect(2): what bind(2) chose stays. */
void tcp_forget_peer(struct tcp_sock *t)
{
	struct inet_sock *i = &t->inet;

	i->dst = (struct inet_addr){ 0 };
	i->dport = (be16){ 0 };
	if (!i->bound_addr)
		i->rcv_addr = i->src = i->v6 ? (struct inet_addr){ 0 } : addr_from_v4((be32){ 0 });
	if (!i->bound_port)
		inet_unbind_port(i);
	if (i->route)
		route_put(i->route);
	i->route = NULL;
}
