// SPDX-License-Identifier: MIT
/*
 * TCP: the answer to our SYN (RFC 9293 3.10.7.3), and what both sides do when a connection stands.
 *
 *	SYN-ACK: established; ACK or the first data follow at once
 *	SYN alone: both opened at the same time (figure 7): SYN_RECV, our SYN again with an ACK
 *	RST with a right ACK: refused
 */
#include <linux/poll.h>
#include "tcp.h"

/* Socket locked; options and windows are known. */
void tcp_established(struct tcp_sock *t)
{
	tcp_mss_sync(t);
	t->cwnd = tcp_initial_cwnd(t);
	t->ssthresh = ~0u >> 1;
	t->cc->init(t);
	t->quickacks = TCP_QUICKACKS;
	t->tune_time = t->last_data_in = net_now();
	t->tune_seq = t->copied_seq;
	t->tune_space = t->rcv_wnd;
	tcp_set_state(t, TCP_ESTABLISHED);
	/* Armed in any case: SO_KEEPALIVE may be set at any time, and is looked at when it fires. */
	tcp_keep_arm(
		t, (t->keep_idle ? t->keep_idle : (u32)tcp_net(tcp_sock(t)->net)->keepalive_time) *
			   NSEC_PER_SEC);
	sock_wake(tcp_sock(t), POLLOUT | POLLWRNORM);
}

static void take_options(struct tcp_sock *t, const struct tcp_seg *s)
{
	const struct tcp_net *n = tcp_net(tcp_sock(t)->net);

	t->ts_ok = n->timestamps && s->opt.has_ts;
	t->sack_ok = n->sack && s->opt.sack_ok;
	t->wscale_ok = n->window_scaling && s->opt.has_wscale;
	t->snd_wscale = t->wscale_ok ? s->opt.wscale : 0;
	if (!t->wscale_ok)
		t->rcv_wscale = 0;
	t->mss_peer = s->opt.mss ? MAX((u32)s->opt.mss, TCP_MSS_MIN + 12) : TCP_MSS_DEFAULT;
	if (t->ts_ok) {
		t->ts_recent = s->opt.tsval;
		t->ts_recent_time = tcp_now_ms();
	}
	t->irs = s->seq;
	t->rcv_nxt = t->copied_seq = t->rcv_wup = t->last_ack_sent = s->seq + 1;
	t->snd_wnd = t->max_window = s->window;
	t->snd_wl1 = s->seq;
}

static void both_opened(struct tcp_sock *t, const struct tcp_seg *s)
{
	struct packet *p = list_first(&t->sent, struct packet, node);

	take_options(t, s);
	if (!(s->flags & TH_ECE && s->flags & TH_CWR) || !(t->ecn & ECN_ASKED))
		t->ecn = 0;
	else
		t->ecn |= ECN_OK;
	tcp_set_state(t, TCP_SYN_RECV);
	if (!p)
		return;
	tcp_cb(p)->flags |= TH_ACK;
	tcp_transmit(t, p);
}

static void syn_acked(struct tcp_sock *t, struct tcp_seg *s)
{
	take_options(t, s);
	t->ecn = t->ecn & ECN_ASKED && (s->flags & (TH_ECE | TH_CWR)) == TH_ECE ? ECN_OK : 0;
	tcp_ack_receive(t, s);
	tcp_established(t);
	t->shut = 0;
	s->seq++; /* data on a SYN-ACK, if any, follows the SYN */
	s->flags &= (u8)~TH_SYN;
	t->ack_pending = ACK_NOW;
	tcp_data_receive(t, s);
	if (t->state == TCP_CLOSE)
		return;
	tcp_push(t, false);
	tcp_ack_check(t);
}

void tcp_synsent_input(struct tcp_sock *t, struct tcp_seg *s)
{
	bool ack = s->flags & TH_ACK;

	if (ack && (seq_le(s->ack, t->iss) || seq_gt(s->ack, t->snd_nxt))) {
		tcp_reset_stranger(tcp_sock(t)->net, s);
		return;
	}
	/* An echoed timestamp of another connection (RFC 7323 3.2). */
	if (ack && s->opt.has_ts && s->opt.tsecr && (s32)(tcp_ts_now(t) - s->opt.tsecr) < 0) {
		tcp_reset_stranger(tcp_sock(t)->net, s);
		return;
	}
	if (s->flags & TH_RST) {
		if (ack)
			tcp_fail(t, ECONNREFUSED);
		return;
	}
	if (!(s->flags & TH_SYN))
		return;
	if (ack)
		syn_acked(t, s);
	else
		both_opened(t, s);
}
