// SPDX-License-Identifier: MIT
/*
 * TCP: a segment's header and options, taken apart and put together.
 *
 * Everything on the wire is an attacker's.  tcp_segment_parse() is the one place that reads a header: it
 * checks that the bytes are there, that the data offset lies inside, and that the checksum is right; the rest of
 * TCP sees struct tcp_seg only.  The walk over options advances by at least two bytes an option and
 * never leaves the header; an option of a wrong length is skipped, what is cut short ends the walk.
 *
 * Options that are understood: MSS (RFC 9293 3.7.1), window scale and timestamps (RFC 7323), SACK (RFC 2018).
 * Tests: tests/net/script_open.c.
 */
#include "tcp.h"

#define OPT_END 0u
#define OPT_NOP 1u
#define OPT_MSS 2u
#define OPT_WSCALE 3u
#define OPT_SACK_OK 4u
#define OPT_SACK 5u
#define OPT_TS 8u

static void parse_sacks(const u8 *at, u32 len, struct tcp_options *o)
{
	if ((len - 2) % 8)
		return;
	o->nr_sacks = (u8)MIN((len - 2) / 8, (u32)TCP_SACKS);
	for (u32 i = 0; i < o->nr_sacks; i++) {
		o->sacks[i].start = get_be32(at + 2 + 8 * i);
		o->sacks[i].end = get_be32(at + 6 + 8 * i);
	}
}

static void parse_one(const u8 *at, u32 len, bool syn, struct tcp_options *o)
{
	switch (at[0]) {
	case OPT_MSS:
		if (syn && len == 4)
			o->mss = get_be16(at + 2);
		break;
	case OPT_WSCALE:
		if (syn && len == 3) {
			o->has_wscale = true;
			o->wscale = (u8)MIN((u32)at[2], TCP_WSCALE_MAX);
		}
		break;
	case OPT_SACK_OK:
		if (syn && len == 2)
			o->sack_ok = true;
		break;
	case OPT_SACK:
		if (!syn && len >= 10)
			parse_sacks(at, len, o);
		break;
	case OPT_TS:
		if (len == 10) {
			o->has_ts = true;
			o->tsval = get_be32(at + 2);
			o->tsecr = get_be32(at + 6);
		}
		break;
	}
}

/* The options of a header, @len bytes at @at. */
void tcp_options_parse(const u8 *at, u32 len, bool syn, struct tcp_options *o)
{
	memset(o, 0, sizeof(*o));
	while (len && at[0] != OPT_END) {
		u32 n = 1;

		if (at[0] != OPT_NOP) {
			if (len < 2 || at[1] < 2 || at[1] > len)
				return;
			n = at[1];
			parse_one(at, n, syn, o);
		}
		at += n;
		len -= n;
	}
}

static bool checksum_good(struct packet *p, const struct inet_in *in)
{
	u32 sum;

	if (p->csum_state == CSUM_VALID || p->csum_state == CSUM_PARTIAL)
		return true;
	sum = packet_csum(p, 0, p->len, inet_pseudo_csum(&in->src, &in->dst, IPPROTO_TCP, p->len));
	if (csum_fold(sum))
		return false;
	p->csum_state = CSUM_VALID;
	return true;
}

static void fill(struct tcp_seg *s, struct packet *p, const struct tcp_header *h)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);

	s->p = p;
	s->key = (struct tcp_key){
		.local = in->dst, .remote = in->src, .lport = h->dport, .rport = h->sport
	};
	s->seq = be32_to_cpu(h->seq);
	s->ack = be32_to_cpu(h->ack);
	s->flags = h->flags;
	s->window = be16_to_cpu(h->window);
	s->urgent = be16_to_cpu(h->urgent);
	s->data_len = p->len - s->header_len;
	s->end_seq = s->seq + s->data_len + !!(s->flags & TH_SYN) + !!(s->flags & TH_FIN);
	s->tos = in->tos;
	s->ect = in->tos & 3;
	s->ce = (in->tos & 3) == 3 || p->ip_ect_ce;
	s->iif = in->iif;
}

/* False: malformed, or its checksum is wrong.  ->data stays at the header. */
bool tcp_segment_parse(struct packet *p, struct tcp_seg *s)
{
	const struct tcp_header *h;

	if (!packet_need(p, sizeof(*h)))
		return false;
	h = (const struct tcp_header *)p->data;
	s->header_len = (u8)(h->offset >> 4 << 2);
	if (s->header_len < sizeof(*h) || !packet_need(p, s->header_len))
		return false;
	if (!checksum_good(p, packet_cb(p, struct inet_in)))
		return false;
	h = (const struct tcp_header *)p->data;
	fill(s, p, h);
	tcp_options_parse(p->data + sizeof(*h), s->header_len - sizeof(*h), s->flags & TH_SYN,
			  &s->opt);
	return true;
}

/* ---- ours ---- */

static u32 put_ts(u8 *at, u32 tsval, u32 tsecr)
{
	at[0] = OPT_NOP;
	at[1] = OPT_NOP;
	at[2] = OPT_TS;
	at[3] = 10;
	put_be32(at + 4, tsval);
	put_be32(at + 8, tsecr);
	return 12;
}

/* Options of a SYN or SYN-ACK; @wscale <0: not offered.  Their length, at most 24. */
u32 tcp_options_syn(const struct tcp_net *n, u8 *at, u32 mss, bool sack, bool ts, u32 tsval,
		    u32 tsecr, int wscale)
{
	u32 len = 4;

	at[0] = OPT_MSS;
	at[1] = 4;
	put_be16(at + 2, (u16)mss);
	if (sack) {
		at[len] = OPT_SACK_OK;
		at[len + 1] = 2;
		at[len + 2] = at[len + 3] = OPT_NOP;
		len += 4;
	}
	if (ts)
		len += put_ts(at + len, tsval, tsecr);
	if (wscale >= 0) {
		at[len] = OPT_NOP;
		at[len + 1] = OPT_WSCALE;
		at[len + 2] = 3;
		at[len + 3] = (u8)wscale;
		len += 4;
	}
	return len;
}

static u32 sacks_to_tell(const struct tcp_sock *t)
{
	u32 room = t->ts_ok ? 3 : 4;

	return t->sack_ok ? MIN((u32)t->nr_sacks + t->has_dsack, room) : 0;
}

/* How long the options of the next segment (not a SYN) are. */
u32 tcp_options_len(const struct tcp_sock *t)
{
	u32 n = sacks_to_tell(t);

	return (t->ts_ok ? 12 : 0) + (n ? 4 + 8 * n : 0);
}

static void put_range(u8 *at, const struct tcp_range *r)
{
	put_be32(at, r->start);
	put_be32(at + 4, r->end);
}

/* Writes them: the duplicate first (RFC 2883 4), then the newest ranges (RFC 2018 4). */
u32 tcp_options_put(const struct tcp_sock *t, u8 *at)
{
	u32 n = sacks_to_tell(t), len = 0, i = 0;

	if (t->ts_ok)
		len = put_ts(at, tcp_ts_now(t), t->ts_recent);
	if (!n)
		return len;
	at[len] = at[len + 1] = OPT_NOP;
	at[len + 2] = OPT_SACK;
	at[len + 3] = (u8)(2 + 8 * n);
	len += 4;
	if (t->has_dsack) {
		put_range(at + len, &t->dsack);
		i++;
	}
	for (u32 k = 0; i < n; i++, k++)
		put_range(at + len + 8 * i, &t->sacks[k]);
	return len + 8 * n;
}
