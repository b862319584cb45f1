// SPDX-License-Identifier: MIT
/*
 * TCP: which segments are lost (RACK) and how the last ones are found out (TLP), RFC 8985.
 *
 * RACK looks at time, not at numbers: what was sent before a segment that has arrived, by more than a reordering
 * window, is lost. So a lost retransmission is found as well, and reordering costs no retransmissions once it
 * was seen: the window is then a quarter of the round trip and grows with each needless one (7.2).
 * Without reordering three segments' worth of SACK close the window at once, as RFC 6675 has it.
 *
 * When the last segments of a flight are lost nothing comes back that could tell. A probe after two round
 * trips (the last segment again, or a new one) makes the peer say what it has, long before the RTO.
 *
 * Both share the retransmission timer with the RTO: t->rtx_kind says which it waits for.
 */
#include "tcp.h"

static bool sent_after(ktime_t t1, u32 end1, ktime_t t2, u32 end2)
{
	return t1 > t2 || (t1 == t2 && seq_gt(end1, end2));
}

/* @p was delivered (6.2, step 2). */
void tcp_rack_acked(struct tcp_sock *t, struct packet *p, struct tcp_acked *a)
{
	struct tcp_cb *cb = tcp_cb(p);
	ktime_t rtt = net_now() - cb->sent;

	if (cb->state & SEG_EVER && rtt < t->min_rtt_us * NSEC_PER_USEC)
		return; /* it was the first copy that arrived */
	if (sent_after(cb->sent, cb->end_seq, t->rack_sent, t->rack_end)) {
		t->rack_sent = cb->sent;
		t->rack_end = cb->end_seq;
		t->rack_rtt = rtt;
	}
}

static ktime_t reo_window(const struct tcp_sock *t)
{
	u64 us = (u64)t->min_rtt_us / 4 * MAX(t->reo_mult, 1u);

	if (!t->reordering_seen && (t->ca_state >= CA_RECOVERY || t->sacked > 2 * t->mss))
		return 0;
	return MIN(us, (u64)t->srtt_us8 / 8) * NSEC_PER_USEC;
}

/* Marks what must be lost; waits for what may still come (6.2, step 5). */
void tcp_rack_detect(struct tcp_sock *t, struct tcp_acked *a)
{
	ktime_t now = net_now(), window, wait = 0;
	struct packet *p;

	if (a->dsack) {
		t->reordering_seen = true;
		t->reo_mult = MIN(MAX(t->reo_mult, 1u) + 1, 16u);
	}
	if (!t->sack_ok || !t->rack_sent || (!t->sacked && !t->retrans))
		return;
	window = reo_window(t);
	LIST_FOR_EACH(p, &t->sent, node) {
		struct tcp_cb *cb = tcp_cb(p);

		if (cb->state & SEG_SACKED || (cb->state & SEG_LOST && !(cb->state & SEG_RETRANS)))
			continue;
		if (!sent_after(t->rack_sent, t->rack_end, cb->sent, cb->end_seq))
			continue;
		if (cb->sent + t->rack_rtt + window <= now) {
			tcp_mark(t, p, SEG_LOST | (cb->state & SEG_EVER));
			a->new_loss = true;
		} else {
			wait = MAX(wait, cb->sent + t->rack_rtt + window - now);
		}
	}
	if (wait) {
		t->rtx_kind = RTX_RACK;
		tcp_timer_set(t, &t->rtx_timer, now + wait);
	}
}

/* ---- tail loss probes (7) ---- */

/* True: the timer waits for a probe. */
bool tcp_tlp_arm(struct tcp_sock *t)
{
	ktime_t wait;

	if (!t->sack_ok || t->ca_state != CA_OPEN || t->sacked || t->lost || t->tlp_out ||
	    !t->srtt_us8 || !(TCPF(t->state) & TCPF_SYNCED) || t->state == TCP_SYN_RECV)
		return false;
	wait = MAX(2 * (t->srtt_us8 / 8) * NSEC_PER_USEC, 2 * NSEC_PER_MSEC);
	if (t->snd_nxt - t->snd_una <= t->mss)
		wait += TCP_DELACK_MAX;
	if (wait >= t->rto)
		return false;
	t->rtx_kind = RTX_TLP;
	tcp_timer_set(t, &t->rtx_timer, net_now() + wait);
	return true;
}

/* New data if there is any and it may go, else the last segment again (7.3). */
void tcp_tlp_fire(struct tcp_sock *t)
{
	struct packet *p = list_last(&t->sent, struct packet, node);
	u32 nxt = t->snd_nxt, len;

	t->tlp_out = true;
	tcp_count(t->inet.sk.net, TCPC_LOSS_PROBES);
	tcp_push(t, true);
	t->tlp_retransmitted = t->snd_nxt == nxt;
	if (t->tlp_retransmitted) {
		len = p->len;
		if (len > t->mss) {
			struct packet *tail = tcp_split(t, p, (len - 1) / t->mss * t->mss);

			p = tail ? tail : p;
		}
		tcp_mark(t, p, tcp_cb(p)->state | SEG_EVER);
		tcp_transmit(t, p);
	}
	t->tlp_end = t->snd_nxt;
	tcp_rtx_arm(t);
}

/* The probe's answer (7.4): if the probe itself mended a loss, the network was congested. */
void tcp_tlp_acked(struct tcp_sock *t, const struct tcp_seg *s, const struct tcp_acked *a)
{
	if (!t->tlp_out || seq_lt(s->ack, t->tlp_end))
		return;
	if (!t->tlp_retransmitted || a->dsack || (s->ack == t->tlp_end && !a->acked)) {
		t->tlp_out = false; /* new data, or both copies arrived */
	} else if (seq_gt(s->ack, t->tlp_end)) {
		t->tlp_out = false;
		if (t->ca_state == CA_OPEN)
			tcp_enter_cwr(t);
	}
}
