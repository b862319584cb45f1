// SPDX-License-Identifier: MIT
/*
 * TCP: what may leave now.
 *
 * tcp_push() sends from the head of `unsent` as long as three agree: the peer's window (right edges are compared,
 * never lengths: a peer may take its window back), the congestion window, and good sense about small segments:
 *
 *	Nagle (RFC 9293 3.7.4) in Minshall's form: a segment that is not full waits only for an earlier small one.
 *	Corked (TCP_CORK, MSG_MORE): it waits for more bytes, 200 ms at most.
 *	Silly windows (RFC 9293 3.8.6.2.1): less than a segment is sent into a small window only if it is half of the
 *	largest we ever saw.
 *
 * As many full segments as fit leave as one packet.
 */
#include "tcp.h"

#define GSO_LIMIT 61440u  /* payload of one packet: with all headers below PACKET_MAX */

static u32 cb_len(struct packet *p)
{
	return tcp_cb(p)->end_seq - tcp_cb(p)->seq;
}

/* Payload of a full segment now: what SACK options take is missing. */
u32 tcp_mss_now(const struct tcp_sock *t)
{
	return MAX(t->mss + (t->ts_ok ? 12 : 0) - tcp_options_len(t), TCP_MSS_MIN);
}

/* The path's MTU may have changed: full segments follow (RFC 1191, 8201). */
void tcp_mss_sync(struct tcp_sock *t)
{
	struct route *r = t->inet.route;
	u32 mtu = r ? route_mtu(r) : 576, mss;

	t->mtu = mtu;
	mss = mtu - MIN(mtu / 2, (r && r->v6 ? 60u : 40u) + t->inet.options_len);
	if (r && r->advmss)
		mss = MIN(mss, r->advmss);
	if (t->mss_user)
		mss = MIN(mss, t->mss_user);
	mss = MIN(mss, t->mss_peer);
	if (t->max_window) /* two segments at least shall fit a small window, or the peer's delayed ACKs stop us */
		mss = MIN(mss, MAX(t->max_window / 2, 68u));
	mss = MIN(mss, GSO_LIMIT / 2 + 12); /* the largest packet is a number of full segments on any device */
	t->mss = MAX(mss, TCP_MSS_MIN + 12) - (t->ts_ok ? 12 : 0);
}

/* ---- how much ---- */

static bool nagle_holds(const struct tcp_sock *t)
{
	if (t->cork)
		return true;
	return !t->nonagle && seq_gt(t->snd_sml, t->snd_una) && seq_le(t->snd_sml, t->snd_nxt);
}

static u32 window_room(const struct tcp_sock *t)
{
	s32 room = (s32)(t->snd_una + t->snd_wnd - t->snd_nxt);

	return room > 0 ? (u32)room : 0;
}

static u32 cwnd_room(struct tcp_sock *t)
{
	u32 flight = tcp_flight(t);

	if (!flight)
		return MAX(t->cwnd, t->mss);
	return t->cwnd > flight ? t->cwnd - flight : 0;
}

/* How much of @p, the next one, leaves as one packet; 0: nothing now. */
static u32 may_send(struct tcp_sock *t, struct packet *p, bool force)
{
	u32 len = cb_len(p), mss = tcp_mss_now(t), win = window_room(t), cwnd = cwnd_room(t);
	u32 most = MIN(MIN(win, cwnd), GSO_LIMIT);

	t->cwnd_limited |= cwnd < len && cwnd < win;
	if (len <= most) {
		if (force || tcp_cb(p)->flags & TH_FIN || !(len % mss) ||
		    !list_is_last(&t->unsent, &p->node) || !nagle_holds(t))
			return len;
		return len - len % mss;
	}
	if (most >= mss)
		return most - most % mss;
	if (win < mss && win <= cwnd && win && (force || win >= t->max_window / 2))
		return win;
	return 0;
}

/* ---- out ---- */

static void idle_restart(struct tcp_sock *t)
{
	u32 start = tcp_initial_cwnd(t);

	if (t->snd_una != t->snd_nxt || net_now() - t->last_sent < t->rto)
		return;
	if (!tcp_net(t->inet.sk.net)->slow_start_after_idle || t->cwnd <= start)
		return;
	t->ssthresh = MAX(t->ssthresh, t->cwnd / 4 * 3);
	t->cwnd = start;
	if (t->cc->restart)
		t->cc->restart(t);
}

static bool send_one(struct tcp_sock *t, struct packet *p)
{
	struct tcp_cb *cb = tcp_cb(p);

	cb->flags |= TH_ACK;
	if (list_is_last(&t->unsent, &p->node) ||
	    (seq_gt(t->pushed_seq, cb->seq) && seq_le(t->pushed_seq, cb->end_seq)))
		cb->flags |= TH_PSH;
	if (t->ack_pending & ACK_SCHEDULED && p->len)
		t->pingpong = true;
	if (!tcp_transmit(t, p))
		return false;
	list_del(&p->node);
	list_add_tail(&t->sent, &p->node);
	t->snd_nxt = cb->end_seq;
	if (p->len % t->mss)
		t->snd_sml = cb->end_seq;
	if (t->ca_state >= CA_RECOVERY)
		t->prr_out += cb_len(p);
	t->max_flight = MAX(t->max_flight, tcp_flight(t));
	if (!tcp_tlp_arm(t) && !net_timer_armed(&t->rtx_timer))
		tcp_rtx_arm(t);
	return true;
}

/* @force: small segments too. */
void tcp_push(struct tcp_sock *t, bool force)
{
	struct packet *p;
	u32 n;

	if (!(TCPF(t->state) &
	      (TCPF_MAY_SEND | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_LAST_ACK) | TCPF(TCP_CLOSING))))
		return;
	if (list_empty(&t->unsent))
		return;
	tcp_mss_sync(t);
	idle_restart(t);
	t->cwnd_limited = false;
	while ((p = list_first(&t->unsent, struct packet, node)) &&
	       (n = may_send(t, p, force)) > 0) {
		if (n < cb_len(p) && !tcp_split(t, p, n))
			break;
		if (!send_one(t, p))
			break;
	}
	tcp_persist_check(t);
}

void tcp_queue_data(struct tcp_sock *t, struct packet *p)
{
	struct tcp_cb *cb = tcp_cb(p);

	memset(cb, 0, sizeof(*cb));
	cb->seq = t->write_seq;
	t->write_seq += p->len;
	cb->end_seq = t->write_seq;
	list_add_tail(&t->unsent, &p->node);
}

/* The stream's end: on the last piece that waits, or alone.  False: no memory. */
bool tcp_queue_fin(struct tcp_sock *t)
{
	struct packet *p = list_last(&t->unsent, struct packet, node);

	if (!p) {
		p = packet_alloc(GFP_ATOMIC);
		if (!p)
			return false;
		tcp_queue_data(t, p);
	}
	tcp_cb(p)->flags |= TH_FIN;
	tcp_cb(p)->end_seq++;
	t->write_seq++;
	t->fin_queued = true;
	return true;
}

/* ---- acknowledgements and other empty segments ---- */

static void send_empty(struct tcp_sock *t, u32 seq, u8 flags)
{
	struct packet *p = packet_alloc(GFP_ATOMIC);

	if (p) {
		tcp_send_header(t, p, seq, flags);
	} else if (flags == TH_ACK) { /* later, then */
		t->ack_pending = ACK_SCHEDULED;
		tcp_timer_set(t, &t->delack_timer, net_now() + TCP_DELACK_MAX);
	}
}

/* RFC 9293 3.8.6.1's sequence number: what was sent last, or less if the peer took its window back. */
static u32 acceptable_seq(const struct tcp_sock *t)
{
	u32 edge = t->snd_una + t->snd_wnd;

	return seq_lt(edge, t->snd_nxt) && t->snd_nxt - edge >= BIT(t->snd_wscale) ? edge
										   : t->snd_nxt;
}

void tcp_send_ack(struct tcp_sock *t)
{
	if (t->state != TCP_CLOSE)
		send_empty(t, acceptable_seq(t), TH_ACK);
}

void tcp_send_reset(struct tcp_sock *t)
{
	tcp_count(t->inet.sk.net, TCPC_OUT_RSTS);
	send_empty(t, acceptable_seq(t), TH_RST | TH_ACK);
}

/* Asks the peer for its window: what it offers of data if anything, else a byte that it has already. */
void tcp_send_probe(struct tcp_sock *t)
{
	if (!list_empty(&t->unsent) && window_room(t)) {
		tcp_push(t, true);
		if (t->snd_una != t->snd_nxt)
			return;
	}
	send_empty(t, t->snd_una - 1, TH_ACK);
}

/* Data came: an ACK is due, at once or soon (RFC 9293 3.8.6.3, 5681 4.2); tcp_ack_check() decides. */
void tcp_ack_schedule(struct tcp_sock *t)
{
	t->ack_pending |= ACK_SCHEDULED;
}

void tcp_ack_check(struct tcp_sock *t)
{
	ktime_t wait = MIN(MAX(t->srtt_us8 / 32 * NSEC_PER_USEC, TCP_DELACK_MIN), TCP_DELACK_MAX);

	if (!t->ack_pending)
		return;
	if (t->ack_pending & ACK_NOW || t->rcv_nxt - t->rcv_wup > t->rcv_mss ||
	    (t->quickacks && !t->pingpong) || !rb_empty(&t->ofo)) {
		tcp_send_ack(t);
	} else if (!net_timer_armed(&t->delack_timer)) {
		tcp_timer_set(t, &t->delack_timer, net_now() + wait);
	}
}
