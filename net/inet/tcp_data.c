// SPDX-License-Identifier: MIT
/*
 * TCP: bytes that came: in order, early, or again; and the stream's end.
 *
 * In order they go to t->in, whose first byte is copied_seq. Early ones wait in a tree by sequence number, cut so
 * that none overlap (a tree: a peer that sends every second byte must not make us walk, CVE-2018-5390); their number
 * and, through rmem, their true size are bounded. Each early or repeated one is acknowledged at once
 * (RFC 5681 4.2), with SACK.
 *
 * Memory: what is kept counts with all it takes. Over the buffer's size early data goes first; in-order data
 * is still taken while the offered window covers it, but small pieces are put together, so that a peer
 * who sends single bytes pays in bytes.
 */
#include <linux/poll.h>
#include "tcp.h"

#define OFO_MAX 4096u

/* ---- early ---- */

static void ofo_erase(struct tcp_sock *t, struct packet *p)
{
	rb_erase(&t->ofo, &tcp_cb(p)->rb, NULL);
	t->ofo_count--;
}

static struct packet *ofo_packet(struct rb_node *n)
{
	struct tcp_cb *cb = rb_entry_or_null(n, struct tcp_cb, rb);

	return cb ? container_of((u64(*)[6])cb, struct packet, cb) : NULL;
}

void tcp_ofo_purge(struct tcp_sock *t)
{
	struct packet *p;

	while ((p = ofo_packet(rb_first(&t->ofo))) != NULL) {
		ofo_erase(t, p);
		packet_free(p);
	}
	t->nr_sacks = 0;
}

static void trim_front(struct packet *p, u32 seq)
{
	struct tcp_cb *cb = tcp_cb(p);

	packet_consume(p, MIN(seq - cb->seq, p->len));
	cb->seq = seq;
}

static void trim_back(struct packet *p, u32 end)
{
	struct tcp_cb *cb = tcp_cb(p);

	packet_trim(p, end - cb->seq);
	cb->end_seq = end;
	cb->flags &= (u8)~TH_FIN;
}

/* What of @p lies before @next in the tree; @next goes if @p covers it. */
static void clear_after(struct tcp_sock *t, struct packet *p)
{
	struct packet *next;

	while ((next = ofo_packet(rb_next(&tcp_cb(p)->rb))) != NULL) {
		if (seq_le(tcp_cb(p)->end_seq, tcp_cb(next)->seq))
			return;
		if (seq_lt(tcp_cb(p)->end_seq, tcp_cb(next)->end_seq)) {
			trim_back(p, tcp_cb(next)->seq);
			return;
		}
		ofo_erase(t, next);
		packet_free(next);
	}
}

static void note_dsack(struct tcp_sock *t, u32 start, u32 end)
{
	if (!t->sack_ok || !tcp_net(tcp_sock(t)->net)->dsack)
		return;
	t->dsack = (struct tcp_range){ start, end };
	t->has_dsack = true;
}

/* False: all of it was there. */
static bool ofo_insert(struct tcp_sock *t, struct packet *p)
{
	struct rb_node *parent = NULL, **link = &t->ofo.node;
	struct tcp_cb *cb = tcp_cb(p);

	while (*link) {
		struct tcp_cb *o = rb_entry(*link, struct tcp_cb, rb);

		parent = *link;
		if (seq_lt(cb->seq, o->seq)) {
			link = &parent->left;
			continue;
		}
		if (seq_le(cb->end_seq, o->end_seq))
			return false;
		if (seq_lt(cb->seq, o->end_seq))
			trim_front(p, o->end_seq);
		link = &parent->right;
	}
	rb_insert(&t->ofo, &cb->rb, parent, link, NULL);
	t->ofo_count++;
	clear_after(t, p);
	return true;
}

static bool too_much(const struct tcp_sock *t, const struct packet *p)
{
	return atomic_load_explicit(&t->inet.sk.rmem, memory_order_relaxed) + (u64)p->truesize >
	       t->rcvbuf;
}

/* Twice the buffer: a window that was offered before packets turned out to be wasteful is honoured. */
static bool far_too_much(const struct tcp_sock *t, const struct packet *p)
{
	return atomic_load_explicit(&t->inet.sk.rmem, memory_order_relaxed) + (u64)p->truesize >
	       2ull * t->rcvbuf;
}

static void early(struct tcp_sock *t, struct packet *p)
{
	u32 seq = tcp_cb(p)->seq, end = tcp_cb(p)->end_seq;

	t->ack_pending |= ACK_NOW;
	if (t->ofo_count >= OFO_MAX || far_too_much(t, p)) {
		atomic_fetch_add_explicit(&tcp_sock(t)->drops, 1, memory_order_relaxed);
		packet_free(p);
		return;
	}
	packet_charge_receive(p, tcp_sock(t));
	if (!ofo_insert(t, p)) {
		note_dsack(t, seq, end);
		packet_free(p);
		return;
	}
	if (t->sack_ok)
		tcp_sacks_update(t, seq, end);
}

/* ---- in order ---- */

/* Few bytes are moved behind the last ones: a packet for each would take far more than it holds. */
static bool put_together(struct tcp_sock *t, struct packet *p)
{
	struct packet *last = list_last(&t->in.list, struct packet, node);
	void *room;

	if (!last || p->len > PACKET_INLINE || last->nr_frags || last->more ||
	    tcp_cb(last)->end_seq != tcp_cb(p)->seq)
		return false;
	room = packet_put(last, p->len);
	if (!room)
		return false;
	packet_read(p, 0, room, p->len);
	tcp_cb(last)->end_seq = tcp_cb(p)->seq + p->len;
	t->in.bytes += p->len;
	packet_free(p);
	return true;
}

/* @p begins at rcv_nxt. Takes it; true if it was the end. */
static bool append(struct tcp_sock *t, struct packet *p, bool charged)
{
	struct tcp_cb *cb = tcp_cb(p);
	bool fin = cb->flags & TH_FIN;

	t->rcv_nxt = cb->end_seq;
	t->bytes_received += p->len;
	if (!p->len) {
		packet_free(p);
		return fin;
	}
	cb->end_seq -= fin;
	if (put_together(t, p))
		return fin;
	if (!charged)
		packet_charge_receive(p, tcp_sock(t));
	packet_enqueue(&t->in, p);
	return fin;
}

static bool take_early(struct tcp_sock *t)
{
	struct packet *p;
	bool fin = false;

	while (!fin && (p = ofo_packet(rb_first(&t->ofo))) != NULL &&
	       seq_le(tcp_cb(p)->seq, t->rcv_nxt)) {
		ofo_erase(t, p);
		if (seq_le(tcp_cb(p)->end_seq, t->rcv_nxt)) {
			packet_free(p);
			continue;
		}
		if (seq_lt(tcp_cb(p)->seq, t->rcv_nxt))
			trim_front(p, t->rcv_nxt);
		fin = append(t, p, true);
		t->ack_pending |= ACK_NOW; /* a hole was filled: RFC 5681 4.2 */
	}
	tcp_sacks_trim(t);
	return fin;
}

static void in_order(struct tcp_sock *t, struct packet *p)
{
	bool fin;

	if (seq_lt(tcp_cb(p)->seq, t->rcv_nxt)) {
		note_dsack(t, tcp_cb(p)->seq, t->rcv_nxt);
		t->ack_pending |= ACK_NOW;
		trim_front(p, t->rcv_nxt);
	}
	if (too_much(t, p) && !rb_empty(&t->ofo)) {
		tcp_count(tcp_sock(t)->net, TCPC_OFO_PRUNED);
		tcp_ofo_purge(t);
	}
	tcp_ack_schedule(t);
	fin = append(t, p, false);
	if (!rb_empty(&t->ofo))
		fin |= take_early(t);
	if (fin)
		tcp_fin_received(t);
	if (tcp_sock(t)->socket &&
	    tcp_readable(t) >= (u32)MAX(tcp_sock(t)->socket->opt.rcvlowat, 1))
		sock_wake(tcp_sock(t), POLLIN | POLLRDNORM);
}

/* ---- what came ---- */

/* What the peer sends in a segment, and whether it begins anew after a pause: delayed ACKs. */
static void learn(struct tcp_sock *t, const struct tcp_seg *s)
{
	ktime_t now = net_now();
	u32 len = s->p->gso_size ? s->p->gso_size : s->data_len;

	if (len > t->rcv_mss || (len >= TCP_MSS_DEFAULT && !(s->flags & TH_PSH)))
		t->rcv_mss = MIN(len, MAX(t->mss + 12, TCP_MSS_DEFAULT));
	if (s->data_len >= t->rcv_mss / 2)
		t->rcv_ratio = MIN(MAX((u32)((u64)s->data_len * 256 / s->p->truesize), 16u), 240u);
	if (now - t->last_data_in > t->rto && !t->pingpong)
		t->quickacks = TCP_QUICKACKS;
	t->last_data_in = now;
	t->data_in++;
}

static struct packet *keep(struct tcp_seg *s)
{
	struct packet *p = s->p;
	struct tcp_cb *cb;

	s->p = NULL;
	packet_pull(p, s->header_len);
	packet_orphan(p);
	cb = tcp_cb(p);
	memset(cb, 0, sizeof(*cb));
	cb->seq = s->seq + !!(s->flags & TH_SYN);
	cb->end_seq = s->end_seq;
	cb->flags = s->flags & TH_FIN;
	return p;
}

/* Sixth to eighth step of RFC 9293 3.10.7.4: the text, and FIN. */
void tcp_data_receive(struct tcp_sock *t, struct tcp_seg *s)
{
	u32 edge = t->rcv_nxt + tcp_window_receive(t);
	struct packet *p;

	if (s->seq == s->end_seq)
		return;
	if (seq_le(s->end_seq, t->rcv_nxt)) {
		note_dsack(t, s->seq, s->end_seq);
		t->ack_pending |= ACK_NOW;
		t->quickacks = TCP_QUICKACKS;
		return;
	}
	/* Nothing fits; the end of the stream alone takes no room. */
	if ((seq_ge(s->seq, edge) && s->data_len) ||
	    (s->data_len && too_much(t, s->p) && edge == t->rcv_nxt)) {
		t->ack_pending |= ACK_NOW;
		return;
	}
	learn(t, s);
	p = keep(s);
	if (seq_gt(tcp_cb(p)->end_seq - (tcp_cb(p)->flags & TH_FIN), edge))
		trim_back(p, edge);
	if (seq_gt(tcp_cb(p)->seq, t->rcv_nxt))
		early(t, p);
	else
		in_order(t, p);
}

/* The peer will send no more. */
void tcp_fin_received(struct tcp_sock *t)
{
	t->fin_received = true;
	t->shut |= TCP_SHUT_RD;
	t->ack_pending |= ACK_NOW;
	tcp_ofo_purge(t);
	switch (t->state) {
	case TCP_ESTABLISHED:
		tcp_set_state(t, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT1: /* both at once: ours is not acknowledged yet */
		tcp_set_state(t, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT2:
		tcp_send_ack(t);
		tcp_timewait_enter(t);
		break;
	}
	sock_wake(tcp_sock(t),
		  POLLIN | POLLRDNORM | POLLRDHUP | (t->shut & TCP_SHUT_WR ? POLLHUP : 0));
}
