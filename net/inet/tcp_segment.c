// SPDX-License-Identifier: MIT
/*
 * TCP: a header around what leaves a connection.
 *
 * What waits in the write queue is never sent itself: a clone goes down (its pages are shared, its buf is its
 * own), so that the bytes stay until they are acknowledged and a second transmission is the same call.
 * One packet may be many segments: it says gso_size, and the device or packet_segment() cuts it.
 *
 * Each segment carries an acknowledgement, so sending anything settles the one that is due.
 */
#include "tcp.h"

/* Our timestamp clock: milliseconds and a secret offset (RFC 7323 5.4, 7.1). */
u32 tcp_ts_now(const struct tcp_sock *t)
{
	return tcp_now_ms() + t->ts_offset;
}

static u32 syn_options(struct tcp_sock *t, u8 *at, u8 flags)
{
	struct tcp_net *n = tcp_net(tcp_sock(t)->net);
	bool answer = flags & TH_ACK;

	return tcp_options_syn(n, at, MIN(t->mtu - (t->inet.route->v6 ? 60 : 40), 65495u),
			       answer ? t->sack_ok : n->sack, answer ? t->ts_ok : n->timestamps,
			       tcp_ts_now(t), t->ts_recent,
			       !answer || t->wscale_ok ? (n->window_scaling ? t->rcv_wscale : -1)
						       : -1);
}

/* What a segment says about ours being received; the ACK that was due is on its way. */
static void ack_rides(struct tcp_sock *t)
{
	t->ack_pending = 0;
	t->has_dsack = false;
	t->last_ack_sent = t->rcv_nxt;
	if (t->quickacks)
		t->quickacks--;
	tcp_timer_stop(t, &t->delack_timer);
}

static u8 ecn_flags(struct tcp_sock *t, u8 flags, bool data)
{
	if (flags & TH_SYN) {
		if (!(flags & TH_ACK))
			return t->ecn & ECN_ASKED ? TH_ECE | TH_CWR : 0;
		return t->ecn & ECN_OK ? TH_ECE : 0;
	}
	flags = t->ecn & ECN_DEMAND_ECE ? TH_ECE : 0;
	if (data && t->ecn & ECN_SEND_CWR) {
		t->ecn &= (u8)~ECN_SEND_CWR;
		flags |= TH_CWR;
	}
	return flags;
}

static void offload(struct tcp_sock *t, struct packet *p, const struct flow *f, u32 header_len,
		    u32 data)
{
	struct tcp_header *h = (struct tcp_header *)p->data;
	u32 sum = inet_pseudo_csum(&f->src, &f->dst, IPPROTO_TCP, p->len), mss = tcp_mss_now(t);

	h->csum.raw = csum_fold16(sum);
	p->csum_state = CSUM_PARTIAL;
	p->csum_start = p->transport;
	p->csum_offset = offsetof(struct tcp_header, csum);
	if (data > mss) {
		p->gso_type = f->v6 ? GSO_TCP6 : GSO_TCP4;
		p->gso_size = (u16)mss;
		p->gso_segs = (u16)DIV_ROUND_UP(data, mss);
	}
	t->segs_out += data > mss ? p->gso_segs : 1;
}

static int ip_send(struct tcp_sock *t, struct packet *p, struct flow *f)
{
	struct inet_sock *i = &t->inet;
	struct inet_cork c = {
		.ttl = i->ttl,
		.tos = f->tos,
		.pmtudisc = i->pmtudisc,
		.options = i->options,
		.options_len = i->options_len,
	};

	tcp_count(tcp_sock(t)->net, TCPC_OUT_SEGS);
	return inet_send(tcp_sock(t)->net, p, i->route, f, &c);
}

static void fill(struct tcp_sock *t, struct tcp_header *h, u32 seq, u8 flags, u32 len, u16 window)
{
	*h = (struct tcp_header){
		.sport = t->inet.sport, .dport = t->inet.dport,
		.seq = cpu_to_be32(seq), .ack = cpu_to_be32(flags & TH_ACK ? t->rcv_nxt : 0),
		.offset = (u8)(len / 4 << 4), .flags = flags, .window = cpu_to_be16(window),
	};
	if (t->snd_urgent && seq_gt(t->snd_up, seq) && t->snd_up - seq < 0xffff) {
		h->flags |= TH_URG;
		h->urgent = cpu_to_be16((u16)(t->snd_up - seq));
	}
}

/* The route, asked anew if it is not valid any more. */
bool tcp_refresh_route(struct tcp_sock *t)
{
	struct route *r = inet_sock_route(&t->inet);

	if (IS_ERR(r)) {
		t->soft_error = (int)-PTR_ERR(r);
		return false;
	}
	route_put(r); /* t->inet.route keeps it */
	return true;
}

/* Sends @p (payload at ->data): owns it.  0 or -errno, which TCP takes as a loss. */
int tcp_send_header(struct tcp_sock *t, struct packet *p, u32 seq, u8 flags)
{
	u8 options[40];
	u32 data = p->len, n;
	bool ect = t->ecn & ECN_OK && data && !seq_lt(seq, t->snd_nxt);
	struct flow f;
	u16 window;

	if (!tcp_refresh_route(t)) {
		packet_free(p);
		return -EHOSTUNREACH;
	}
	n = flags & TH_SYN ? syn_options(t, options, flags) : tcp_options_put(t, options);
	window = flags & TH_SYN ? (u16)MIN(t->rcv_wnd, 65535u)
				: (u16)(tcp_window_select(t) >> t->rcv_wscale);
	flags |= ecn_flags(t, flags, data);
	packet_push(p, sizeof(struct tcp_header) + n);
	p->transport = packet_offset(p);
	fill(t, (struct tcp_header *)p->data, seq, flags, sizeof(struct tcp_header) + n,
	     flags & TH_RST ? 0 : window);
	memcpy(p->data + sizeof(struct tcp_header), options, n);
	inet_sock_flow(&t->inet, &f);
	f.tos = (u8)((t->inet.tos & ~3u) | (ect ? 2 : 0));
	offload(t, p, &f, sizeof(struct tcp_header) + n, data);
	if (flags & TH_ACK)
		ack_rides(t);
	return ip_send(t, p, &f);
}

/* Sends what packet @p of the write queue holds.  False: no memory, nothing was sent. */
bool tcp_transmit(struct tcp_sock *t, struct packet *p)
{
	struct tcp_cb *cb = tcp_cb(p);
	struct packet *c = packet_clone(p, GFP_ATOMIC);

	if (!c)
		return false;
	cb->sent = t->last_sent = net_now();
	t->bytes_sent += p->len;
	if (p->len)
		t->data_out += DIV_ROUND_UP(p->len, t->mss);
	tcp_send_header(t, c, cb->seq, cb->flags);
	return true;
}
