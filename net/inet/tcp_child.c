// SPDX-License-Identifier: MIT
/*
 * TCP: the connection that a request became.
 *
 * It takes the request's place in the table, so that no segment finds neither; it has the listener's
 * settings (socket(7): accepted sockets inherit them) and its maker, who pays; it stands in the accept queue
 * without a struct socket until accept(2) gives it one.
 */
#include <tarn/errptr.h>
#include "tcp.h"

static void inherit(struct tcp_sock *t, const struct tcp_sock *l)
{
	struct inet_sock *i = &t->inet;
	const struct inet_sock *from = &l->inet;

	i->v6only = from->v6only;
	i->ttl = from->ttl;
	i->mc_ttl = from->mc_ttl;
	i->tos = from->tos;
	i->min_ttl = from->min_ttl;
	i->pmtudisc = from->pmtudisc;
	i->recverr = from->recverr;
	i->mc_loop = from->mc_loop;
	i->mc_all = from->mc_all;
	i->cmsg_wanted = from->cmsg_wanted;
	i->bound_if = from->bound_if;
	i->transparent = from->transparent;
	i->freebind = from->freebind;
	t->nonagle = l->nonagle;
	t->cork = l->cork;
	t->keep_idle = l->keep_idle;
	t->keep_interval = l->keep_interval;
	t->keep_count = l->keep_count;
	t->user_timeout_ms = l->user_timeout_ms;
	t->mss_user = l->mss_user;
	t->linger2 = l->linger2;
	t->cc = l->cc;
	t->rcvbuf = l->rcvbuf;
}

static void fill_sequence(struct tcp_sock *t, const struct tcp_request *r, const struct tcp_seg *s)
{
	t->iss = r->iss;
	t->snd_una = t->snd_nxt = t->write_seq = t->snd_sml = t->pushed_seq = r->iss + 1;
	t->irs = r->irs;
	t->rcv_nxt = t->copied_seq = t->rcv_wup = t->last_ack_sent = r->irs + 1;
	t->rcv_wnd = r->rcv_wnd;
	t->snd_wl1 = s->seq;
	t->ts_ok = r->ts_ok;
	t->sack_ok = r->sack_ok;
	t->wscale_ok = r->wscale_ok;
	t->snd_wscale = r->wscale_ok ? r->snd_wscale : 0;
	t->rcv_wscale = r->wscale_ok ? r->rcv_wscale : 0;
	t->ts_recent = r->ts_recent;
	t->ts_recent_time = tcp_now_ms();
	t->ts_offset = r->ts_offset;
	t->mss_peer = MAX((u32)r->mss, TCP_MSS_MIN + 12);
	t->ecn = r->ecn ? ECN_OK : 0;
	t->snd_wnd = (u32)s->window << t->snd_wscale;
	t->max_window = t->snd_wnd;
}

static void fill_addresses(struct tcp_sock *t, const struct tcp_key *k)
{
	struct inet_sock *i = &t->inet;
	struct route *route;

	i->rcv_addr = i->src = k->local;
	i->dst = k->remote;
	i->sport = k->lport;
	i->dport = k->rport;
	t->hashed.key = *k;
	route = inet_sock_route(i);
	if (!IS_ERR(route))
		route_put(route);
}

/* Into the table, for the request if there is one. */
static bool enter_table(struct net *net, struct tcp_request *r, struct tcp_sock *t)
{
	bool in;

	sock_get(tcp_sock(t));
	in = r->hashed.refs ? tcp_table_replace(net, &r->hashed, &t->hashed)
			    : tcp_table_insert(net, &t->hashed);
	if (!in)
		sock_put(tcp_sock(t));
	return in;
}

/* Listener locked.  With a reference for the caller and one for the accept queue, its spinlock held. */
struct tcp_sock *tcp_child_new(struct tcp_sock *l, struct tcp_request *r,
			       struct tcp_seg *s) NO_LOCK_CHECK
{
	struct sock *from = tcp_sock(l);
	struct sock *sk = sock_alloc(from->net, &tcp_sock_ops, from->family, from->type,
				     from->protocol, GFP_ATOMIC);
	struct tcp_sock *t = tcp_sk(sk);

	if (!sk)
		return NULL;
	if (from->user)
		sock_set_user(sk, from->user, from->uid);
	inet_sock_setup(&t->inet, l->inet.v6);
	tcp_sock_init(t);
	inherit(t, l);
	fill_addresses(t, &r->hashed.key);
	fill_sequence(t, r, s);
	spin_lock_nested(&sk->lock);
	if (!enter_table(from->net, r, t)) {
		spin_unlock(&sk->lock);
		sock_put(sk);
		return NULL;
	}
	inet_inherit_port(&t->inet, &l->inet);
	if (r->sent && !r->retries)
		tcp_rtt_sample(t, (s64)(net_now() - r->sent));
	tcp_established(t);
	tcp_count(from->net, TCPC_PASSIVE_OPENS);
	sock_get(sk);
	spin_lock(&l->listen->queue_lock);
	list_add_tail(&l->listen->accept, &t->accept_node);
	l->listen->nr_accept++;
	spin_unlock(&l->listen->queue_lock);
	return t;
}
