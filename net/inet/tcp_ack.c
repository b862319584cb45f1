// SPDX-License-Identifier: MIT
/*
 * TCP: an acknowledgement came: what it frees, what it tells.
 *
 * RFC 9293 3.10.7.4, fifth step, in this order:
 *
 *	1. is it one? beyond what was sent, or older than any window: answered, not believed (RFC 5961 5.2)
 *	2. the peer's window
 *	3. the scoreboard: what SACK says (tcp_sack.c)
 *	4. what is acknowledged leaves the queue; times of it feed RTT and RACK
 *	5. what must be lost then (tcp_rack.c), and what to do about it (tcp_recover.c)
 *	6. the retransmission timer starts again, only if something new was acknowledged
 *
 * Everything that counts bytes in flight goes through tcp_mark().
 */
#include "tcp.h"
#include <linux/poll.h>

u32 tcp_flight(const struct tcp_sock *t)
{
	return t->snd_nxt - t->snd_una - t->sacked - t->lost + t->retrans;
}

/* RFC 5961 7, 10: answers to what may be forged are limited, per connection (CVE-2016-5696). */
static void challenge(struct tcp_sock *t)
{
	u32 second = tcp_now_ms() / 500;

	if (t->challenge_stamp != second) {
		t->challenge_stamp = second;
		t->challenge_count = 0;
	}
	if (t->challenge_count++ >= 5)
		return;
	tcp_count(t->inet.sk.net, TCPC_CHALLENGE_ACK);
	tcp_send_ack(t);
}

static bool believable(struct tcp_sock *t, const struct tcp_seg *s)
{
	if (seq_gt(s->ack, t->snd_nxt) || seq_lt(s->ack, t->snd_una - MAX(t->max_window, 1u))) {
		challenge(t);
		return false;
	}
	return true;
}

static void window_update(struct tcp_sock *t, const struct tcp_seg *s)
{
	u32 win = (u32)s->window << (s->flags & TH_SYN ? 0 : t->snd_wscale);

	if (!seq_gt(s->ack, t->snd_una) && !seq_gt(s->seq, t->snd_wl1) &&
	    !(s->seq == t->snd_wl1 && win > t->snd_wnd))
		return;
	t->snd_wl1 = s->seq;
	t->snd_wnd = win;
	if (win > t->max_window)
		t->max_window = win;
}

/* ---- the write queue ---- */

/* @p, or its first bytes, left the network and was sent once: a measure of the round trip. */
static void note_times(struct tcp_sock *t, struct packet *p, struct tcp_acked *a)
{
	struct tcp_cb *cb = tcp_cb(p);

	if (cb->state & SEG_EVER)
		a->retrans_acked = true;
	else if (!(cb->state & SEG_SACKED) && a->rtt_ns < 0)
		a->rtt_ns = (s64)(net_now() - cb->sent);
	if (!(cb->state & SEG_SACKED))
		tcp_rack_acked(t, p, a);
}

static void take_first(struct tcp_sock *t, struct packet *p, u32 n, struct tcp_acked *a)
{
	struct tcp_cb *cb = tcp_cb(p);
	u8 state = cb->state;

	note_times(t, p, a);
	if (!(state & SEG_SACKED))
		a->delivered += n;
	tcp_mark(t, p, state & SEG_EVER);
	cb->seq += n;
	packet_consume(p, MIN(n, p->len));
	cb->flags &= (u8)~TH_SYN;
	tcp_mark(t, p, state);
}

static void take_all(struct tcp_sock *t, struct packet *p, struct tcp_acked *a)
{
	struct tcp_cb *cb = tcp_cb(p);

	note_times(t, p, a);
	if (!(cb->state & SEG_SACKED))
		a->delivered += cb->end_seq - cb->seq;
	tcp_mark(t, p, 0);
	list_del(&p->node);
	packet_free(p);
}

static void take_acked(struct tcp_sock *t, u32 ack, struct tcp_acked *a)
{
	struct packet *p;

	a->acked = ack - t->snd_una;
	while ((p = list_first(&t->sent, struct packet, node)) && seq_lt(tcp_cb(p)->seq, ack)) {
		if (seq_gt(tcp_cb(p)->end_seq, ack)) {
			take_first(t, p, ack - tcp_cb(p)->seq, a);
			break;
		}
		take_all(t, p, a);
	}
	t->snd_una = ack;
	t->bytes_acked += a->acked;
	if (t->snd_urgent && seq_ge(ack, t->snd_up))
		t->snd_urgent = false;
	a->fin_acked = t->fin_queued && ack == t->write_seq;
}

/* ---- what follows ---- */

static void measure(struct tcp_sock *t, struct tcp_acked *a)
{
	s32 ms;

	if (a->rtt_ns < 0 && a->acked && a->has_ts && a->tsecr) {
		ms = (s32)(tcp_ts_now(t) - a->tsecr);
		if (ms >= 0 && ms < 60000)
			a->rtt_ns = MAX(ms, 1) * (s64)NSEC_PER_MSEC;
	}
	if (a->rtt_ns >= 0)
		tcp_rtt_sample(t, a->rtt_ns);
	t->delivered += DIV_ROUND_UP(a->delivered, t->mss);
}

/* Congestion on the way, says the peer (RFC 3168 6.1.2): once in a round trip. */
static void ecn_echo(struct tcp_sock *t, const struct tcp_seg *s)
{
	if (!(t->ecn & ECN_OK) || !(s->flags & TH_ECE) || s->flags & TH_SYN ||
	    seq_lt(t->snd_una, t->ecn_point))
		return;
	t->ecn_point = t->snd_nxt;
	tcp_enter_cwr(t);
}

static void count_duplicates(struct tcp_sock *t, const struct tcp_seg *s, u32 wnd_before,
			     struct tcp_acked *a)
{
	if (a->acked)
		t->dupacks = 0;
	else if (s->ack == t->snd_una && !s->data_len && !(s->flags & (TH_SYN | TH_FIN)) &&
		 t->snd_wnd == wnd_before && !list_empty(&t->sent))
		t->dupacks++;
}

static void timers(struct tcp_sock *t, const struct tcp_acked *a)
{
	if (list_empty(&t->sent)) {
		tcp_timer_stop(t, &t->rtx_timer);
		t->first_retransmit = 0;
		return;
	}
	if (!a->acked && net_timer_armed(&t->rtx_timer))
		return;
	if (a->acked)
		t->first_retransmit = 0;
	if (t->rtx_kind == RTX_RACK && net_timer_armed(&t->rtx_timer))
		return; /* armed by this very ACK; the wait for an RTO follows it */
	if (!tcp_tlp_arm(t))
		tcp_rtx_arm(t);
}

static void room_again(struct tcp_sock *t)
{
	if (t->inet.sk.socket && tcp_writable(t))
		sock_wake(&t->inet.sk, POLLOUT | POLLWRNORM);
}

/* False: the segment is not to be looked at any further. */
bool tcp_ack_receive(struct tcp_sock *t, const struct tcp_seg *s)
{
	struct tcp_acked a = { .rtt_ns = -1, .has_ts = s->opt.has_ts, .tsecr = s->opt.tsecr };
	u32 wnd_before = t->snd_wnd;

	if (!believable(t, s))
		return false;
	t->last_ack_in = net_now();
	t->probes = 0;
	t->soft_error = 0;
	if (seq_ge(s->ack, t->snd_una))
		window_update(t, s);
	if (list_empty(&t->sent))
		return true;
	if (t->rtx_kind == RTX_RACK && seq_gt(s->ack, t->snd_una))
		tcp_timer_stop(t, &t->rtx_timer);
	if (t->sack_ok)
		tcp_sack_receive(t, s, &a);
	if (seq_gt(s->ack, t->snd_una))
		take_acked(t, s->ack, &a);
	count_duplicates(t, s, wnd_before, &a);
	measure(t, &a);
	ecn_echo(t, s);
	tcp_tlp_acked(t, s, &a);
	tcp_rack_detect(t, &a);
	tcp_recover(t, &a);
	timers(t, &a);
	tcp_recount(t);
	if (a.acked)
		room_again(t);
	if (a.fin_acked)
		tcp_fin_acked(t);
	return true;
}
