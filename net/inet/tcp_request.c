// SPDX-License-Identifier: MIT
/*
 * TCP: half-open connections (SYN-RECEIVED of a listener, RFC 9293 3.10.7.2 and .4).
 *
 * A SYN may be a lie, so it costs a small object, not a connection. The object stands in the table of connections
 * and in its listener's list, and goes from both at once; its timer repeats the SYN-ACK, at doubling times.
 *
 * References: one for table and list together, one for the armed timer, and those of look-ups. It is used with its
 * listener locked, but for the timer, which touches `retries` and the lists only.
 */
#include <linux/poll.h>
#include <tarn/errptr.h>
#include <tarn/slab.h>
#include "tcp.h"

static void request_free(struct rcu_head *h)
{
	struct tcp_request *r = container_of(h, struct tcp_request, rcu);

	sock_put(tcp_sock(r->listener));
	kfree(r);
}

void tcp_request_put(struct tcp_request *r)
{
	if (ref_put(&r->refs))
		rcu_call(&r->rcu, request_free);
}

/* It is out of the table: out of the list as well. */
static void unlist(struct tcp_request *r)
{
	struct tcp_listen *l = r->listener->listen;

	spin_lock(&l->queue_lock);
	list_del(&r->node);
	l->nr_requests--;
	spin_unlock(&l->queue_lock);
	if (net_timer_cancel(&r->timer))
		tcp_request_put(r);
	tcp_request_put(r);
}

void tcp_request_drop(struct tcp_request *r)
{
	if (tcp_table_remove(tcp_sock(r->listener)->net, &r->hashed))
		unlist(r);
}

/* ---- the SYN-ACK ---- */

static u32 our_mss(struct net *net, const struct tcp_key *k)
{
	struct flow f = { .src = k->local,
			  .dst = k->remote,
			  .protocol = IPPROTO_TCP,
			  .v6 = !addr_is_v4(&k->remote) };
	struct route *r = route_out(net, &f);
	u32 mss = TCP_MSS_DEFAULT;

	if (!IS_ERR(r)) {
		mss = route_mtu(r) - MIN(route_mtu(r) / 2, f.v6 ? 60u : 40u);
		if (r->advmss)
			mss = MIN(mss, r->advmss);
		route_put(r);
	}
	return MIN(mss, 65495u);
}

static void send_synack(struct tcp_request *r)
{
	struct net *net = tcp_sock(r->listener)->net;
	u8 options[40];
	struct tcp_reply reply = {
		.seq = r->iss,
		.ack = r->irs + 1,
		.flags = (u8)(TH_SYN | TH_ACK | (r->ecn ? TH_ECE : 0)),
		.window = (u16)r->rcv_wnd,
		.options = options,
	};

	reply.options_len = tcp_options_syn(tcp_net(net), options, our_mss(net, &r->hashed.key),
					    r->sack_ok, r->ts_ok, tcp_now_ms() + r->ts_offset,
					    r->ts_recent, r->wscale_ok ? r->rcv_wscale : -1);
	tcp_reply(net, &r->hashed.key, &reply);
}

static void arm(struct tcp_request *r)
{
	if (net_timer_arm(&r->timer, net_now() + (TCP_RTO_INIT << MIN((u32)r->retries, 6u))))
		ref_get(&r->refs);
}

static void request_due(struct net_timer *timer)
{
	struct tcp_request *r = container_of(timer, struct tcp_request, timer);
	struct tcp_net *n = tcp_net(tcp_sock(r->listener)->net);

	if (r->retries >= n->synack_retries) {
		tcp_request_drop(r);
	} else if (READ_ONCE(r->hashed.in_table)) {
		r->retries++;
		send_synack(r);
		arm(r);
	}
	tcp_request_put(r);
}

/* ---- a SYN ---- */

static void fill(struct tcp_request *r, struct tcp_sock *l, const struct tcp_seg *s)
{
	struct net *net = tcp_sock(l)->net;
	const struct tcp_net *n = tcp_net(net);

	r->hashed =
		(struct tcp_hashed){ .key = s->key, .kind = TCP_KIND_REQUEST, .refs = &r->refs };
	r->listener = l;
	r->irs = s->seq;
	r->iss = tcp_isn(net, &s->key);
	r->ts_offset = tcp_ts_offset(net, &s->key);
	r->mss = s->opt.mss ? s->opt.mss : TCP_MSS_DEFAULT;
	r->ts_ok = n->timestamps && s->opt.has_ts;
	r->ts_recent = s->opt.tsval;
	r->sack_ok = n->sack && s->opt.sack_ok;
	r->wscale_ok = n->window_scaling && s->opt.has_wscale;
	r->snd_wscale = s->opt.wscale;
	r->rcv_wscale = tcp_window_scale(MAX(l->rcvbuf, (u32)n->rmem[2]));
	r->rcv_wnd = MIN(l->rcvbuf / 2, 65535u);
	r->ecn = n->ecn && (s->flags & (TH_ECE | TH_CWR)) == (TH_ECE | TH_CWR) && !s->ect;
	r->iif = s->iif;
}

static void send_cookie(struct tcp_sock *l, const struct tcp_seg *s)
{
	struct net *net = tcp_sock(l)->net;
	u8 options[40];
	struct tcp_reply reply = {
		.ack = s->seq + 1, .flags = TH_SYN | TH_ACK, .options = options,
		.window = (u16)MIN((u32)tcp_net(net)->rmem[1] / 2, 65535u),
	};

	reply.seq =
		tcp_cookie_make(net, &s->key, s->seq, s->opt.mss ? s->opt.mss : TCP_MSS_DEFAULT);
	reply.options_len = tcp_options_syn(tcp_net(net), options, our_mss(net, &s->key), false,
					    false, 0, 0, -1);
	tcp_count(net, TCPC_SYNCOOKIES_SENT);
	tcp_reply(net, &s->key, &reply);
}

static void listed(struct tcp_sock *l, struct tcp_request *r)
{
	struct tcp_listen *q = l->listen;

	spin_lock(&q->queue_lock);
	list_add_tail(&q->requests, &r->node);
	q->nr_requests++;
	spin_unlock(&q->queue_lock);
}

static bool accept_full(const struct tcp_sock *l)
{
	return READ_ONCE(l->listen->nr_accept) > l->listen->backlog;
}

/* Listener locked. */
void tcp_request_new(struct tcp_sock *l, struct tcp_seg *s)
{
	struct net *net = tcp_sock(l)->net;
	u32 most = MAX(MIN(l->listen->backlog, (u32)tcp_net(net)->max_syn_backlog), 8u);
	struct tcp_request *r;

	if (accept_full(l)) {
		tcp_count(net, TCPC_LISTEN_OVERFLOWS);
		tcp_count(net, TCPC_LISTEN_DROPS);
		return;
	}
	if (READ_ONCE(l->listen->nr_requests) >= most) {
		if (tcp_net(net)->syncookies)
			send_cookie(l, s);
		else
			tcp_count(net, TCPC_LISTEN_DROPS);
		return;
	}
	r = kzalloc(sizeof(*r), GFP_ATOMIC);
	if (!r)
		return;
	fill(r, l, s);
	ref_init(&r->refs, 2); /* table and list; ours */
	sock_get(tcp_sock(l));
	net_timer_init(&r->timer, request_due);
	listed(l, r);
	if (tcp_table_insert(net, &r->hashed)) {
		r->sent = net_now();
		send_synack(r);
		arm(r);
	} else {
		unlist(r);
	}
	tcp_request_put(r);
}

/* ---- what follows the SYN ---- */

static void to_accept(struct tcp_sock *l, struct tcp_request *r, struct tcp_seg *s) NO_LOCK_CHECK
{
	struct tcp_sock *child = tcp_child_new(l, r, s);

	if (!child) {
		tcp_count(tcp_sock(l)->net, TCPC_LISTEN_DROPS);
		return;
	}
	if (r->hashed.refs)
		unlist(r);
	tcp_input(child, s);
	spin_unlock(&tcp_sock(child)->lock);
	sock_put(tcp_sock(child)); /* tcp_child_new()'s */
	sock_wake(tcp_sock(l), POLLIN | POLLRDNORM);
}

static void last_ack(struct tcp_sock *l, struct tcp_request *r, struct tcp_seg *s)
{
	struct net *net = tcp_sock(l)->net;

	if (l->defer_accept && !s->data_len && !(s->flags & TH_FIN) &&
	    r->retries < l->defer_accept && r->hashed.refs) {
		r->acked = true; /* TCP_DEFER_ACCEPT: data makes it a connection */
		return;
	}
	if (accept_full(l)) {
		tcp_count(net, TCPC_LISTEN_OVERFLOWS);
		if (tcp_net(net)->abort_on_overflow)
			tcp_reset_stranger(net, s);
		r->acked = true;
		return;
	}
	to_accept(l, r, s);
}

static bool paws_rejects(const struct tcp_request *r, const struct tcp_seg *s)
{
	return r->ts_ok && s->opt.has_ts && (s32)(s->opt.tsval - r->ts_recent) < 0;
}

static void answer(struct tcp_request *r)
{
	struct tcp_reply reply = {
		.seq = r->iss + 1,
		.ack = r->irs + 1,
		.flags = TH_ACK,
		.window = (u16)r->rcv_wnd,
		.ts = r->ts_ok,
		.tsval = tcp_now_ms() + r->ts_offset,
		.tsecr = r->ts_recent,
	};

	tcp_reply(tcp_sock(r->listener)->net, &r->hashed.key, &reply);
}

/* Listener locked.  @r may be a cookie's: then it is in no table and has no references. */
void tcp_request_input(struct tcp_sock *l, struct tcp_request *r, struct tcp_seg *s)
{
	u32 next = r->irs + 1;

	if (s->flags & TH_SYN && !(s->flags & (TH_ACK | TH_RST)) && s->seq == r->irs) {
		send_synack(r); /* ours was lost */
		return;
	}
	if (paws_rejects(r, s) || seq_lt(s->end_seq, next) || seq_gt(s->seq, next + r->rcv_wnd)) {
		if (!(s->flags & TH_RST))
			answer(r);
		return;
	}
	if (s->flags & TH_RST) {
		if (s->seq == next)
			tcp_request_drop(r);
		else
			answer(r);
		return;
	}
	if (s->flags & TH_SYN)
		answer(r);
	else if (!(s->flags & TH_ACK))
		return;
	else if (s->ack != r->iss + 1)
		tcp_reset_stranger(tcp_sock(l)->net, s);
	else
		last_ack(l, r, s);
}
