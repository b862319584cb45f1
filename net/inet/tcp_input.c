// SPDX-License-Identifier: MIT
/*
 * TCP: a segment came: whose it is, and what RFC 9293 3.10.7 says about it, in its order.
 *
 *	tcp_receive()     taken apart, looked up, delivered: in place, or to the backlog of a socket in use
 *	tcp_input()       a connection's: sequence number, RST, SYN, ACK, urgent data, data, FIN
 *
 * What a stranger can forge with a guess has no effect but an answer (RFC 5961): a reset counts only at exactly
 * rcv_nxt, a SYN never, an ACK within what was sent. PAWS (RFC 7323 5) drops what an earlier lap of the
 * sequence numbers left on the way.
 *
 * Tests: tests/net/.
 */
#include <linux/icmp.h>
#include <linux/poll.h>
#include <tarn/rcu.h>
#include "tcp.h"

#define PAWS_FORGETS (24u * 24 * 3600 * 1000) /* ms: a timestamp that old says nothing (RFC 7323 5.5) */

/* ---- is it acceptable? ---- */

static void challenge(struct tcp_sock *t)
{
	u32 second = tcp_now_ms() / 500;

	if (t->challenge_stamp != second) {
		t->challenge_stamp = second;
		t->challenge_count = 0;
	}
	if (t->challenge_count++ < 5) {
		tcp_count(tcp_sock(t)->net, TCPC_CHALLENGE_ACK);
		tcp_send_ack(t);
	}
}

static bool paws_rejects(const struct tcp_sock *t, const struct tcp_seg *s)
{
	return t->ts_ok && s->opt.has_ts && t->ts_recent &&
	       (s32)(s->opt.tsval - t->ts_recent) < 0 &&
	       tcp_now_ms() - t->ts_recent_time < PAWS_FORGETS && !(s->flags & TH_RST);
}

/* An old duplicate: acknowledged again, with the range it covers (RFC 2883). */
static void answer_old(struct tcp_sock *t, const struct tcp_seg *s)
{
	if (s->end_seq != s->seq && seq_lt(s->seq, t->rcv_nxt) && t->sack_ok &&
	    tcp_net(tcp_sock(t)->net)->dsack) {
		t->dsack =
			(struct tcp_range){ s->seq, seq_lt(s->end_seq, t->rcv_nxt) ? s->end_seq
										   : t->rcv_nxt };
		t->has_dsack = true;
	}
	if (s->end_seq == s->seq) /* no data: two peers must not answer each other for ever */
		challenge(t);
	else
		tcp_send_ack(t);
}

static bool in_window(const struct tcp_sock *t, const struct tcp_seg *s)
{
	return seq_ge(s->end_seq, t->rcv_wup) && seq_le(s->seq, t->rcv_nxt + tcp_window_receive(t));
}

static void reset_received(struct tcp_sock *t)
{
	static const u8 errors[] = {
		[TCP_SYN_RECV] = ECONNREFUSED,
		[TCP_CLOSE_WAIT] = EPIPE,
		[TCP_CLOSING] = 0,
		[TCP_LAST_ACK] = 0,
		[TCP_ESTABLISHED] = ECONNRESET,
		[TCP_FIN_WAIT1] = ECONNRESET,
		[TCP_FIN_WAIT2] = ECONNRESET,
	};

	tcp_count(tcp_sock(t)->net, TCPC_ESTAB_RESETS);
	tcp_fail(t, t->state < ARRAY_SIZE(errors) ? errors[t->state] : ECONNRESET);
}

/* First to fourth step of 3.10.7.4. */
static bool acceptable(struct tcp_sock *t, const struct tcp_seg *s)
{
	if (paws_rejects(t, s)) {
		tcp_count(tcp_sock(t)->net, TCPC_PAWS_ESTAB);
		answer_old(t, s);
		return false;
	}
	if (!in_window(t, s)) {
		if (s->flags & TH_RST)
			return false;
		if (s->flags & TH_SYN)
			challenge(t);
		else
			answer_old(t, s);
		return false;
	}
	if (s->flags & TH_RST) {
		if (s->seq == t->rcv_nxt)
			reset_received(t);
		else
			challenge(t);
		return false;
	}
	if (s->flags & TH_SYN && !(t->state == TCP_SYN_RECV && s->seq == t->irs)) {
		challenge(t);
		return false;
	}
	if (t->ts_ok && s->opt.has_ts && seq_le(s->seq, t->last_ack_sent)) {
		t->ts_recent = s->opt.tsval;
		t->ts_recent_time = tcp_now_ms();
	}
	return s->flags & TH_ACK;
}

/* ---- ECN, the receiver's side (RFC 3168 6.1.3) ---- */

static void ecn_receive(struct tcp_sock *t, const struct tcp_seg *s)
{
	if (!(t->ecn & ECN_OK))
		return;
	if (s->flags & TH_CWR)
		t->ecn &= (u8)~ECN_DEMAND_ECE;
	if (s->ce) {
		t->ecn |= ECN_DEMAND_ECE;
		t->ack_pending |= ACK_NOW;
	}
}

/* ---- a connection's segment ---- */

/* The ACK of our SYN-ACK; false: it is not. */
static bool handshake_done(struct tcp_sock *t, const struct tcp_seg *s)
{
	if (!seq_gt(s->ack, t->snd_una) || seq_gt(s->ack, t->snd_nxt)) {
		tcp_reset_stranger(tcp_sock(t)->net, s);
		return false;
	}
	t->snd_wnd = (u32)s->window << t->snd_wscale;
	t->snd_wl1 = s->seq;
	t->max_window = MAX(t->max_window, t->snd_wnd);
	tcp_established(t);
	return true;
}

/* Bytes for a user who closed: he said that he will not read (RFC 2525 2.17, and Linux). */
static bool data_after_close(struct tcp_sock *t, const struct tcp_seg *s)
{
	u32 fin = !!(s->flags & TH_FIN);

	if (tcp_sock(t)->socket ||
	    !(TCPF(t->state) & (TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2))) || !s->data_len ||
	    !seq_gt(s->end_seq - fin, t->rcv_nxt))
		return false;
	tcp_count(tcp_sock(t)->net, TCPC_ABORT_ON_DATA);
	tcp_send_reset(t);
	tcp_done(t);
	return true;
}

static void data_and_fin(struct tcp_sock *t, struct tcp_seg *s)
{
	if (s->flags & TH_URG)
		tcp_urgent_receive(t, s);
	if (TCPF(t->state) & (TCPF(TCP_ESTABLISHED) | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)))
		tcp_data_receive(t, s);
}

/* Socket locked.  Takes s->p (and clears it) if it keeps the packet. */
void tcp_input(struct tcp_sock *t, struct tcp_seg *s)
{
	t->segs_in += MAX((u32)s->p->gso_segs, 1u);
	if (t->state == TCP_CLOSE) {
		tcp_reset_stranger(tcp_sock(t)->net, s);
		return;
	}
	if (t->state == TCP_SYN_SENT) {
		tcp_synsent_input(t, s);
		return;
	}
	if (!acceptable(t, s))
		return;
	if (t->state == TCP_SYN_RECV && !handshake_done(t, s))
		return;
	ecn_receive(t, s);
	if (!tcp_ack_receive(t, s) || t->state == TCP_CLOSE || data_after_close(t, s))
		return;
	data_and_fin(t, s);
	if (t->state == TCP_CLOSE)
		return;
	tcp_push(t, false);
	tcp_ack_check(t);
}

/* ---- delivery ---- */

static void process(struct tcp_sock *t, struct tcp_seg *s)
{
	if (t->state == TCP_LISTEN)
		tcp_listen_input(t, s);
	else
		tcp_input(t, s);
}

/* What came while a thread owned the socket; the header was good when it came. */
void tcp_backlog_receive(struct sock *sk, struct packet *p)
{
	struct tcp_seg s;

	if (tcp_segment_parse(p, &s))
		process(tcp_sk(sk), &s);
	else
		s.p = p;
	packet_free(s.p);
}

static void deliver(struct tcp_sock *t, struct tcp_seg *s)
{
	struct sock *sk = tcp_sock(t);

	spin_lock(&sk->lock);
	if (!sk->owned) {
		process(t, s);
	} else if (sock_backlog_add(sk, s->p)) {
		s->p = NULL;
	} else {
		atomic_fetch_add_explicit(&sk->drops, 1, memory_order_relaxed);
	}
	spin_unlock(&sk->lock);
}

static void to_listener(struct net *net, struct tcp_seg *s)
{
	struct tcp_sock *l = tcp_listen_lookup(net, s);

	if (!l) {
		tcp_reset_stranger(net, s);
		return;
	}
	deliver(l, s);
	sock_put(tcp_sock(l));
}

static void dispatch(struct net *net, struct tcp_seg *s)
{
	struct tcp_hashed *h = tcp_lookup(net, &s->key);

	if (!h) {
		to_listener(net, s);
	} else if (h->kind == TCP_KIND_SOCK) {
		struct tcp_sock *t = container_of(h, struct tcp_sock, hashed);

		deliver(t, s);
		sock_put(tcp_sock(t));
	} else if (h->kind == TCP_KIND_REQUEST) {
		struct tcp_request *r = container_of(h, struct tcp_request, hashed);

		deliver(r->listener, s);
		tcp_request_put(r);
	} else {
		struct tcp_timewait *w = container_of(h, struct tcp_timewait, hashed);

		if (tcp_timewait_input(net, w, s))
			to_listener(net, s);
		tcp_timewait_put(w);
	}
}

static void tcp_receive(struct net *net, struct packet *p)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	struct tcp_seg s = { .p = p };

	tcp_count(net, TCPC_IN_SEGS);
	if (in->flags & (INET_IN_MULTICAST | INET_IN_BROADCAST) || addr_is_any(&in->src)) {
		packet_free(p);
		return;
	}
	if (!tcp_segment_parse(p, &s)) {
		tcp_count(net, TCPC_IN_ERRS);
		packet_free(p);
		return;
	}
	dispatch(net, &s);
	packet_free(s.p);
}

/* ---- ICMP about what we sent (RFC 5927): believed only if it quotes what is under way ---- */

static bool mtu_error(bool v4, u8 type, u8 code)
{
	return v4 ? type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED : type == 2;
}

static void lower_mtu(struct tcp_sock *t, u32 mtu)
{
	struct packet *p;
	u32 before = t->mss;
	struct flow f;

	inet_sock_flow(&t->inet, &f);
	route_set_pmtu(tcp_sock(t)->net, &f, mtu);
	tcp_refresh_route(t);
	tcp_mss_sync(t);
	if (t->mss >= before)
		return;
	LIST_FOR_EACH(p, &t->sent, node)
		if (p->len > t->mss && !(tcp_cb(p)->state & SEG_SACKED))
			tcp_mark(t, p, SEG_LOST | (tcp_cb(p)->state & SEG_EVER));
	tcp_retransmit_lost(t);
}

static void error_about(struct tcp_sock *t, u32 seq, u8 type, u8 code, u32 info)
{
	bool v4 = addr_is_v4(&t->inet.dst);
	int err = v4 ? (type == ICMP_DEST_UNREACH && code >= ICMP_PROT_UNREACH &&
					code <= ICMP_PORT_UNREACH
				? ECONNREFUSED
				: EHOSTUNREACH)
		     : (type == 1 && code == 4 ? ECONNREFUSED : EHOSTUNREACH);

	if (t->state == TCP_CLOSE || t->state == TCP_LISTEN || seq_lt(seq, t->snd_una) ||
	    !seq_lt(seq, t->snd_nxt))
		return;
	if (mtu_error(v4, type, code))
		lower_mtu(t, info);
	else if (v4 ? type != ICMP_DEST_UNREACH && type != ICMP_TIME_EXCEEDED
		    : type != 1 && type != 3)
		return;
	else if (t->state == TCP_SYN_SENT && (v4 ? type == ICMP_DEST_UNREACH : type == 1))
		tcp_fail(t, err);
	else
		t->soft_error = err;
}

static void tcp_error(struct net *net, struct packet *p, u8 type, u8 code, u32 info)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	struct tcp_header head;
	struct tcp_hashed *h;
	struct tcp_key k;

	if (p->len < 8)
		return;
	packet_read(p, 0, &head, 8);
	k = (struct tcp_key){
		.local = in->src, .remote = in->dst, .lport = head.sport, .rport = head.dport
	};
	h = tcp_lookup(net, &k);
	if (!h)
		return;
	if (h->kind == TCP_KIND_SOCK) {
		struct tcp_sock *t = container_of(h, struct tcp_sock, hashed);

		spin_lock(&tcp_sock(t)->lock);
		if (!tcp_sock(t)->owned) /* a busy one hears of the next */
			error_about(t, be32_to_cpu(head.seq), type, code, info);
		spin_unlock(&tcp_sock(t)->lock);
		sock_put(tcp_sock(t));
	} else if (h->kind == TCP_KIND_REQUEST) {
		tcp_request_put(container_of(h, struct tcp_request, hashed));
	} else {
		tcp_timewait_put(container_of(h, struct tcp_timewait, hashed));
	}
}

static const struct transport tcp_transport = {
	.protocol = IPPROTO_TCP,
	.receive = tcp_receive,
	.error = tcp_error,
};
SECTION_SET(transports, tcp_transport);
