// SPDX-License-Identifier: MIT
/*
 * TCP: segments that no socket sends: SYN-ACKs of requests, TIME_WAIT's ACKs, resets for strangers.
 *
 * RFC 9293 3.10.7.1: a segment that belongs to nobody is answered with a reset whose
 * sequence number is what the other side expects, so that it is believed; a reset never is.
 */
#include "tcp.h"

static void put_header(struct packet *p, const struct tcp_key *k, const struct tcp_reply *r,
		       u32 options_len)
{
	u32 len = sizeof(struct tcp_header) + options_len;
	struct tcp_header *h = packet_push(p, len);
	u8 *opt = (u8 *)(h + 1);

	*h = (struct tcp_header){
		.sport = k->lport,
		.dport = k->rport,
		.seq = cpu_to_be32(r->seq),
		.ack = cpu_to_be32(r->ack),
		.offset = (u8)(len / 4 << 4),
		.flags = r->flags,
		.window = cpu_to_be16(r->window),
	};
	if (r->options) {
		memcpy(opt, r->options, options_len);
	} else if (r->ts) {
		opt[0] = opt[1] = 1;
		opt[2] = 8;
		opt[3] = 10;
		put_be32(opt + 4, r->tsval);
		put_be32(opt + 8, r->tsecr);
	}
	p->transport = packet_offset(p);
	h->csum.raw = csum_fold16(inet_pseudo_csum(&k->local, &k->remote, IPPROTO_TCP, p->len));
	p->csum_state = CSUM_PARTIAL;
	p->csum_start = p->transport;
	p->csum_offset = offsetof(struct tcp_header, csum);
}

void tcp_reply(struct net *net, const struct tcp_key *k, const struct tcp_reply *r)
{
	struct flow f = {
		.src = k->local,
		.dst = k->remote,
		.sport = k->lport,
		.dport = k->rport,
		.protocol = IPPROTO_TCP,
		.tos = r->tos,
		.v6 = !addr_is_v4(&k->remote),
		.oif = r->oif,
	};
	struct inet_cork c = { .tos = r->tos };
	struct route *route = route_out(net, &f);
	struct packet *p;

	if (IS_ERR(route))
		return;
	p = packet_alloc(GFP_ATOMIC);
	if (p) {
		put_header(p, k, r, r->options ? r->options_len : (r->ts ? 12 : 0));
		tcp_count(net, TCPC_OUT_SEGS);
		inet_send(net, p, route, &f, &c);
	}
	route_put(route);
}

void tcp_reset_stranger(struct net *net, const struct tcp_seg *s)
{
	struct tcp_reply r = { .flags = TH_RST };

	if (s->flags & TH_RST)
		return;
	if (s->flags & TH_ACK) {
		r.seq = s->ack;
	} else {
		r.ack = s->end_seq;
		r.flags |= TH_ACK;
	}
	tcp_count(net, TCPC_OUT_RSTS);
	tcp_reply(net, &s->key, &r);
}
