// SPDX-License-Identifier: MIT
/*
 * TCP: what to do about loss.
 *
 *	OPEN --loss found--> RECOVERY --all of then acknowledged--> OPEN     (RFC 6675, 6582)
 *	any  --RTO--------> LOSS     --all of then acknowledged--> OPEN      (RFC 5681 3.1, 6298 5)
 *	OPEN --ECN echo---> CWR      --all of then acknowledged--> OPEN      (RFC 3168)
 *
 * In RECOVERY the window follows what is delivered (PRR, RFC 6937), so that it arrives at ssthresh at the end
 * without a burst or a pause. What is marked LOST leaves first, then new data.
 *
 * Undo: a retransmission that was not needed shows itself by an ACK that echoes a timestamp older than it
 * (Eifel, RFC 3522), or by duplicates reported for each (RFC 3708): the windows are then put back.
 *
 * Peers without SACK: three duplicate ACKs, then a hole per partial ACK (NewReno, RFC 6582).
 */
#include "tcp.h"

static u32 cb_len(struct packet *p)
{
	return tcp_cb(p)->end_seq - tcp_cb(p)->seq;
}

/* ---- entering ---- */

static void remember(struct tcp_sock *t)
{
	t->undo = true;
	t->undo_seq = t->snd_una;
	t->undo_cwnd = t->cwnd;
	t->undo_ssthresh = t->ssthresh;
	t->undo_retrans = 0;
	t->retransmit_ts = 0;
}

static void enter_recovery(struct tcp_sock *t)
{
	remember(t);
	t->prr_start = MAX(t->snd_nxt - t->snd_una, 1u);
	t->prr_delivered = t->prr_out = 0;
	t->recovery_point = t->snd_nxt;
	t->ssthresh = MAX(t->cc->ssthresh(t), 2 * t->mss);
	if (t->cc->event)
		t->cc->event(t, false);
	t->ca_state = CA_RECOVERY;
	t->ecn |= t->ecn & ECN_OK ? ECN_SEND_CWR : 0;
}

/* Congestion without loss: the window goes down, nothing is sent again. */
void tcp_enter_cwr(struct tcp_sock *t)
{
	if (t->ca_state > CA_CWR)
		return;
	t->undo = false;
	t->ssthresh = MAX(t->cc->ssthresh(t), 2 * t->mss);
	if (t->cc->event)
		t->cc->event(t, false);
	t->cwnd = MIN(t->cwnd, t->ssthresh);
	t->recovery_point = t->snd_nxt;
	t->ca_state = CA_CWR;
	t->ecn |= t->ecn & ECN_OK ? ECN_SEND_CWR : 0;
}

/* The RTO: nothing is believed to be on its way any more. */
void tcp_enter_loss(struct tcp_sock *t)
{
	struct packet *p = list_first(&t->sent, struct packet, node);
	bool renege = p && tcp_cb(p)->state & SEG_SACKED; /* the peer threw away what it had (RFC 2018 8) */

	if (t->ca_state < CA_LOSS || seq_ge(t->snd_una, t->recovery_point)) {
		remember(t);
		t->ssthresh = MAX(t->cc->ssthresh(t), 2 * t->mss);
		if (t->cc->event)
			t->cc->event(t, true);
	}
	LIST_FOR_EACH(p, &t->sent, node) {
		u8 state = tcp_cb(p)->state;

		if (state & SEG_SACKED && !renege)
			continue;
		tcp_mark(t, p, SEG_LOST | (state & SEG_EVER));
	}
	t->cwnd = t->mss;
	t->recovery_point = t->snd_nxt;
	t->ca_state = CA_LOSS;
	t->dupacks = 0;
	t->tlp_out = false;
	t->ecn |= t->ecn & ECN_OK ? ECN_SEND_CWR : 0;
}

/* ---- sending again ---- */

/* False: no memory. */
bool tcp_retransmit(struct tcp_sock *t, struct packet *p)
{
	struct tcp_cb *cb = tcp_cb(p);

	if (!tcp_transmit(t, p))
		return false;
	tcp_mark(t, p, (u8)(cb->state | SEG_EVER | (cb->state & SEG_LOST ? SEG_RETRANS : 0)));
	cb->retransmits = (u16)MIN(cb->retransmits + 1u, 65535u);
	t->prr_out += cb_len(p);
	t->undo_retrans++;
	if (!t->retransmit_ts)
		t->retransmit_ts = tcp_ts_now(t);
	if (!t->first_retransmit)
		t->first_retransmit = net_now();
	t->total_retrans += MAX(DIV_ROUND_UP(p->len, t->mss), 1u);
	t->bytes_retrans += p->len;
	tcp_count(tcp_sock(t)->net, TCPC_RETRANS_SEGS);
	return true;
}

/* @p may leave: as much of it as the windows allow, in full segments, one at least. */
static bool retransmit_part(struct tcp_sock *t, struct packet *p, u32 room)
{
	u32 mss = tcp_mss_now(t), n = MAX(room / mss, 1u) * mss;

	if (seq_ge(tcp_cb(p)->seq, t->snd_una + MAX(t->snd_wnd, mss)))
		return false; /* the peer took its window back: the persist timer's work */
	if (p->len > n && !tcp_split(t, p, n))
		return false;
	return tcp_retransmit(t, p);
}

void tcp_retransmit_lost(struct tcp_sock *t)
{
	struct packet *p;

	if (t->lost == t->retrans)
		return;
	LIST_FOR_EACH(p, &t->sent, node) {
		u32 flight = tcp_flight(t);

		if ((tcp_cb(p)->state & (SEG_LOST | SEG_RETRANS)) != SEG_LOST)
			continue;
		if (flight >= t->cwnd || !retransmit_part(t, p, t->cwnd - flight))
			break;
	}
	if (!net_timer_armed(&t->rtx_timer))
		tcp_rtx_arm(t);
}

/* ---- the way out ---- */

static void forget_losses(struct tcp_sock *t)
{
	struct packet *p;

	LIST_FOR_EACH(p, &t->sent, node)
		tcp_mark(t, p, tcp_cb(p)->state & (SEG_SACKED | SEG_EVER));
}

static bool was_needless(struct tcp_sock *t, const struct tcp_acked *a)
{
	if (!t->undo || !t->retransmit_ts)
		return false;
	if (a->acked && a->has_ts && t->ts_ok && a->tsecr && (s32)(a->tsecr - t->retransmit_ts) < 0)
		return true;
	return a->dsack && !t->undo_retrans;
}

static void put_back(struct tcp_sock *t)
{
	forget_losses(t);
	t->cwnd = MAX(t->cwnd, t->undo_cwnd);
	t->ssthresh = MAX(t->ssthresh, t->undo_ssthresh);
	t->backoff = 0;
	tcp_rto_set(t);
	t->undo = false;
	t->ca_state = CA_OPEN;
	t->dupacks = 0;
}

static void leave(struct tcp_sock *t)
{
	if (t->ca_state == CA_RECOVERY)
		t->cwnd = MIN(t->cwnd, t->ssthresh);
	t->ca_state = CA_OPEN;
	t->dupacks = 0;
	if (!t->undo_retrans)
		t->undo = false;
}

/* NewReno: the first hole is lost with the third duplicate, the next one with each partial ACK. */
static void reno_detect(struct tcp_sock *t, const struct tcp_acked *a)
{
	struct packet *p = list_first(&t->sent, struct packet, node);
	bool partial =
		t->ca_state == CA_RECOVERY && a->acked && seq_lt(t->snd_una, t->recovery_point);

	if (!p || !(t->dupacks == 3 || partial) || tcp_cb(p)->state & SEG_LOST ||
	    (t->ca_state == CA_LOSS))
		return;
	if (p->len > t->mss && !tcp_split(t, p, t->mss))
		return;
	tcp_mark(t, p, SEG_LOST | (tcp_cb(p)->state & SEG_EVER));
}

/* RFC 6937 3: how much may be sent for what this ACK delivered. */
static void prr(struct tcp_sock *t, const struct tcp_acked *a)
{
	u32 pipe = tcp_flight(t), delivered = a->delivered, limit;
	s64 send;

	if (!t->sack_ok && !a->acked)
		delivered = t->mss; /* a duplicate ACK says that a segment left */
	t->prr_delivered += delivered;
	if (pipe > t->ssthresh) {
		send = (s64)div_round_up_u64((u64)t->prr_delivered * t->ssthresh, t->prr_start) -
		       t->prr_out;
	} else {
		limit = t->prr_delivered > t->prr_out ? t->prr_delivered - t->prr_out : 0;
		if (a->acked && !a->new_loss)
			limit = MAX(limit, delivered) + t->mss;
		send = MIN(t->ssthresh - pipe, limit);
	}
	if (!t->prr_out && send < t->mss)
		send = t->mss; /* the fast retransmission itself */
	t->cwnd = pipe + (u32)MAX(send, (s64)0);
}

void tcp_recover(struct tcp_sock *t, struct tcp_acked *a)
{
	if (was_needless(t, a))
		put_back(t);
	if (t->ca_state >= CA_CWR && seq_ge(t->snd_una, t->recovery_point))
		leave(t);
	if (!t->sack_ok)
		reno_detect(t, a);
	if (t->lost && t->ca_state < CA_RECOVERY)
		enter_recovery(t);
	if (t->ca_state == CA_RECOVERY)
		prr(t, a);
	else if (a->acked && t->ca_state != CA_CWR)
		tcp_cc_acked(t, a->acked);
	tcp_retransmit_lost(t);
}
