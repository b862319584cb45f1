// SPDX-License-Identifier: MIT
/*
 * TCP: TIME_WAIT (RFC 9293 3.6.1): who closed first answers for the connection for a minute.
 *
 * Old duplicates must not reach a new connection of the same tuple, and a lost last ACK must be said again. That needs
 * few numbers, so a small object takes the connection's place. A new SYN ends it early if it cannot be
 * an old one: a higher sequence number or a later timestamp (RFC 6191): a busy client is not made to wait.
 * Their number is limited (net.ipv4.tcp_max_tw_buckets): beyond it a connection is just gone.
 */
#include <tarn/slab.h>
#include "tcp.h"

static void timewait_free(struct rcu_head *h)
{
	kfree(container_of(h, struct tcp_timewait, rcu));
}

void tcp_timewait_put(struct tcp_timewait *w)
{
	if (ref_put(&w->refs))
		rcu_call(&w->rcu, timewait_free);
}

void tcp_timewait_drop(struct tcp_timewait *w)
{
	struct tcp_net *n = tcp_net(w->net);

	if (!tcp_table_remove(w->net, &w->hashed))
		return;
	spin_lock(&n->timewait_lock);
	list_del(&w->node);
	n->nr_timewait--;
	spin_unlock(&n->timewait_lock);
	if (net_timer_cancel(&w->timer))
		tcp_timewait_put(w);
	tcp_timewait_put(w);
}

static void timewait_due(struct net_timer *timer)
{
	struct tcp_timewait *w = container_of(timer, struct tcp_timewait, timer);

	if (!net_timer_armed(timer))
		tcp_timewait_drop(w);
	tcp_timewait_put(w);
}

static void arm(struct tcp_timewait *w)
{
	if (net_timer_arm(&w->timer, net_now() + TCP_TIMEWAIT_NS))
		ref_get(&w->refs);
}

static struct tcp_timewait *timewait_new(struct tcp_sock *t)
{
	struct tcp_timewait *w = kzalloc(sizeof(*w), GFP_ATOMIC);

	if (!w)
		return NULL;
	w->hashed = (struct tcp_hashed){ .key = t->hashed.key,
					 .kind = TCP_KIND_TIMEWAIT,
					 .refs = &w->refs };
	ref_init(&w->refs, 2); /* the table's, ours */
	w->net = tcp_sock(t)->net;
	w->snd_nxt = t->snd_nxt;
	w->rcv_nxt = t->rcv_nxt;
	w->rcv_wnd = tcp_window_receive(t);
	w->ts_ok = t->ts_ok;
	w->ts_recent = t->ts_recent;
	w->ts_recent_time = net_now();
	w->ts_offset = t->ts_offset;
	w->tos = t->inet.tos;
	w->uid = tcp_sock(t)->uid;
	net_timer_init(&w->timer, timewait_due);
	return w;
}

/* Both FINs are acknowledged: the socket is done, its tuple is not. */
void tcp_timewait_enter(struct tcp_sock *t)
{
	struct tcp_net *n = tcp_net(tcp_sock(t)->net);
	struct tcp_timewait *w =
		READ_ONCE(n->nr_timewait) < (u32)n->max_tw_buckets ? timewait_new(t) : NULL;

	if (w) {
		spin_lock(&n->timewait_lock);
		list_add_tail(&n->timewaits, &w->node);
		n->nr_timewait++;
		spin_unlock(&n->timewait_lock);
		arm(w);
		if (tcp_table_replace(w->net, &t->hashed, &w->hashed))
			sock_put(tcp_sock(t));
		tcp_timewait_put(w);
		tcp_count(w->net, TCPC_TW);
	}
	tcp_done(t);
}

/* May a connection of our own take the tuple? (RFC 6191: a second later the timestamps differ.) */
bool tcp_timewait_may_go(struct tcp_timewait *w, ktime_t now)
{
	return w->ts_ok && now - w->ts_recent_time > NSEC_PER_SEC;
}

static void answer(struct tcp_timewait *w)
{
	struct tcp_reply r = {
		.seq = w->snd_nxt,
		.ack = w->rcv_nxt,
		.flags = TH_ACK,
		.window = (u16)MIN(w->rcv_wnd, 65535u),
		.tos = w->tos,
		.ts = w->ts_ok,
		.tsval = tcp_now_ms() + w->ts_offset,
		.tsecr = w->ts_recent,
	};

	tcp_reply(w->net, &w->hashed.key, &r);
}

static bool newer_syn(const struct tcp_timewait *w, const struct tcp_seg *s)
{
	if ((s->flags & (TH_SYN | TH_RST | TH_ACK)) != TH_SYN)
		return false;
	if (w->ts_ok && s->opt.has_ts)
		return (s32)(s->opt.tsval - w->ts_recent) > 0 || seq_gt(s->seq, w->rcv_nxt);
	return seq_gt(s->seq, w->rcv_nxt);
}

bool tcp_timewait_input(struct net *net, struct tcp_timewait *w, struct tcp_seg *s)
{
	bool old = w->ts_ok && s->opt.has_ts && (s32)(s->opt.tsval - w->ts_recent) < 0;

	if (newer_syn(w, s)) {
		tcp_timewait_drop(w);
		return true;
	}
	if (s->flags & TH_RST) {
		if (s->seq == w->rcv_nxt && !tcp_net(net)->rfc1337)
			tcp_timewait_drop(w);
		return false;
	}
	if (s->seq == w->rcv_nxt && s->seq == s->end_seq && !old)
		return false; /* a plain ACK */
	if (s->flags & TH_FIN && !old)
		arm(w);
	answer(w);
	return false;
}
