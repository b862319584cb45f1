// SPDX-License-Identifier: MIT
/*
 * TCP: the scoreboard: which of the sent bytes the peer has (RFC 2018, 2883, 6675), and what we say of our own.
 *
 * The board is the queue of sent packets itself: each has a state, SACKED, LOST, RETRANS.
 *
 *	on its way -> SACKED
 *	on its way -> LOST -> LOST+RETRANS -> SACKED
 *	                  <-               (lost again)
 *
 * tcp_mark() is the one place where states change, and with them the three sums that make the pipe.
 *
 * A range may end within a packet, which is cut there; but pieces below a segment are not made, or a peer
 * could turn our queue into dust (CVE-2019-11478): such an end is rounded inwards.
 * Tests: tests/net/script_loss.c.
 */
#include "tcp.h"

static void count(struct tcp_sock *t, u8 state, u32 len)
{
	if (state & SEG_SACKED)
		t->sacked += len;
	if (state & SEG_LOST)
		t->lost += len;
	if (state & SEG_RETRANS)
		t->retrans += len;
}

void tcp_mark(struct tcp_sock *t, struct packet *p, u8 state)
{
	struct tcp_cb *cb = tcp_cb(p);
	u32 len = cb->end_seq - cb->seq;

	count(t, cb->state, 0u - len);
	count(t, state, len);
	cb->state = state;
}

/* Debug builds and the simulator: the sums are the states'. */
void tcp_recount(const struct tcp_sock *t)
{
#if defined(TARN_DEBUG) || defined(TARN_NET_HOST)
	u32 sacked = 0, lost = 0, retrans = 0, seq = t->snd_una;
	struct packet *p;

	LIST_FOR_EACH(p, &t->sent, node) {
		struct tcp_cb *cb = tcp_cb(p);
		u32 len = cb->end_seq - cb->seq;

		assert(cb->seq == seq);
		seq = cb->end_seq;
		sacked += cb->state & SEG_SACKED ? len : 0;
		lost += cb->state & SEG_LOST ? len : 0;
		retrans += cb->state & SEG_RETRANS ? len : 0;
		assert(!(cb->state & SEG_RETRANS) || cb->state & SEG_LOST);
	}
	assert(seq == t->snd_nxt);
	assert(sacked == t->sacked && lost == t->lost && retrans == t->retrans);
#endif
}

struct packet *tcp_split(struct tcp_sock *t, struct packet *p, u32 n)
{
	struct tcp_cb *cb = tcp_cb(p), *rest_cb;
	struct packet *rest =
		n < p->len ? packet_slice(p, n, p->len - n, GFP_ATOMIC) : packet_alloc(GFP_ATOMIC);

	if (!rest)
		return NULL;
	packet_trim(p, MIN(n, p->len));
	rest_cb = tcp_cb(rest);
	*rest_cb = *cb;
	rest_cb->seq = cb->end_seq - (cb->end_seq - cb->seq - n);
	cb->end_seq = rest_cb->seq;
	cb->flags &= (u8)~(TH_FIN | TH_PSH);
	rest_cb->flags &= (u8)~TH_SYN;
	list_add(&p->node, &rest->node);
	packet_charge_send(rest, tcp_sock(t));
	return rest;
}

/* ---- what the peer says ---- */

/* RFC 2883 4: the first range tells of a duplicate if it lies below the ACK, or inside of the second. */
static bool is_dsack(const struct tcp_seg *s)
{
	const struct tcp_range *r = s->opt.sacks;

	if (!s->opt.nr_sacks || !seq_lt(r[0].start, r[0].end))
		return false;
	if (seq_le(r[0].end, s->ack))
		return true;
	return s->opt.nr_sacks > 1 && seq_ge(r[0].start, r[1].start) && seq_le(r[0].end, r[1].end);
}

/* Ranges that can be true, by rising start: how many. */
static u32 sort_ranges(const struct tcp_sock *t, const struct tcp_seg *s, struct tcp_range *out)
{
	u32 n = 0, k;

	for (u32 i = 0; i < s->opt.nr_sacks; i++) {
		struct tcp_range r = s->opt.sacks[i];

		if (!seq_lt(r.start, r.end) || seq_gt(r.end, t->snd_nxt) ||
		    seq_lt(r.start, t->snd_una))
			continue;
		for (k = n++; k && seq_lt(r.start, out[k - 1].start); k--)
			out[k] = out[k - 1];
		out[k] = r;
	}
	return n;
}

/* The part of @p that @r covers as a packet of its own; NULL: less than a segment, or no memory. */
static struct packet *cut_out(struct tcp_sock *t, struct packet *p, const struct tcp_range *r)
{
	struct tcp_cb *cb = tcp_cb(p);
	u32 n;

	if (seq_lt(cb->seq, r->start)) {
		n = DIV_ROUND_UP(r->start - cb->seq, t->mss) * t->mss;
		if (n >= p->len)
			return NULL;
		p = tcp_split(t, p, n);
		if (!p)
			return NULL;
		cb = tcp_cb(p);
	}
	if (seq_gt(cb->end_seq, r->end)) {
		n = seq_gt(r->end, cb->seq) ? (r->end - cb->seq) / t->mss * t->mss : 0;
		if (!n || n >= p->len || !tcp_split(t, p, n))
			return NULL;
	}
	return p;
}

static void mark_sacked(struct tcp_sock *t, struct packet *p, u32 highest, struct tcp_acked *a)
{
	struct tcp_cb *cb = tcp_cb(p);
	u32 len = cb->end_seq - cb->seq;

	if (!(cb->state & SEG_EVER)) {
		a->rtt_ns = (s64)(net_now() - cb->sent);
		if (seq_lt(cb->seq, highest))
			t->reordering_seen = true; /* it came after what was sent later */
	}
	a->newly_sacked += len;
	a->delivered += len;
	tcp_rack_acked(t, p, a);
	tcp_mark(t, p, SEG_SACKED | (cb->state & SEG_EVER));
}

static u32 highest_sacked(const struct tcp_sock *t)
{
	struct packet *p;

	LIST_FOR_EACH_REVERSE(p, &t->sent, node)
		if (tcp_cb(p)->state & SEG_SACKED)
			return tcp_cb(p)->end_seq;
	return t->snd_una;
}

static void apply_ranges(struct tcp_sock *t, const struct tcp_range *r, u32 n, struct tcp_acked *a)
{
	u32 highest = highest_sacked(t), i = 0;
	struct packet *p = list_first(&t->sent, struct packet, node), *part;

	while (p && i < n) {
		struct tcp_cb *cb = tcp_cb(p);

		if (seq_ge(cb->seq, r[i].end)) {
			i++;
			continue;
		}
		part = NULL;
		if (!(cb->state & SEG_SACKED) && seq_gt(cb->end_seq, r[i].start))
			part = cut_out(t, p, &r[i]);
		if (part) {
			mark_sacked(t, part, highest, a);
			p = part;
		}
		p = list_next(&t->sent, p, node);
	}
}

void tcp_sack_receive(struct tcp_sock *t, const struct tcp_seg *s, struct tcp_acked *a)
{
	struct tcp_range r[TCP_SACKS];
	u32 n;

	if (!s->opt.nr_sacks)
		return;
	a->dsack = is_dsack(s);
	if (a->dsack && t->undo_retrans)
		t->undo_retrans--;
	n = sort_ranges(t, s, r);
	if (n)
		apply_ranges(t, r, n, a);
}

/* ---- what we say ---- */

static void forget_range(struct tcp_sock *t, u32 i)
{
	t->nr_sacks--;
	for (; i < t->nr_sacks; i++)
		t->sacks[i] = t->sacks[i + 1];
}

/* [@start, @end) arrived out of order: it comes first, joined with what it touches (RFC 2018 4). */
void tcp_sacks_update(struct tcp_sock *t, u32 start, u32 end)
{
	struct tcp_range new = { start, end };

	for (u32 i = 0; i < t->nr_sacks;) {
		if (seq_lt(new.end, t->sacks[i].start) || seq_gt(new.start, t->sacks[i].end)) {
			i++;
			continue;
		}
		if (seq_lt(t->sacks[i].start, new.start))
			new.start = t->sacks[i].start;
		if (seq_gt(t->sacks[i].end, new.end))
			new.end = t->sacks[i].end;
		forget_range(t, i);
	}
	if (t->nr_sacks == TCP_SACKS)
		t->nr_sacks--;
	for (u32 i = t->nr_sacks++; i; i--)
		t->sacks[i] = t->sacks[i - 1];
	t->sacks[0] = new;
}

/* rcv_nxt moved: ranges below it are acknowledged the plain way. */
void tcp_sacks_trim(struct tcp_sock *t)
{
	for (u32 i = 0; i < t->nr_sacks;)
		if (seq_le(t->sacks[i].end, t->rcv_nxt) || rb_empty(&t->ofo))
			forget_range(t, i);
		else
			i++;
}
