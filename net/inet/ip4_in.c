// SPDX-License-Identifier: MIT
/*
 * IPv4, in: RFC 791, RFC 1122 3.2. The header is checked before anything is believed, the packet cut to the
 * length that it names, reassembled, and handed to the transport; or forwarded (RFC 1812 5.2).
 *
 * Source routes are refused (accept_source_route 0, Linux's default, which has no switch here); other options
 * are checked for their lengths and passed on untouched.
 */
#include <linux/if.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include "inet_internal.h"

static void drop(struct net *net, struct packet *p, enum inet_counter why)
{
	inet_count(net, false, why);
	packet_free(p);
}

/* 0, or the offset of the bad byte (Parameter problem); source routes are bad. */
static u32 check_options(const u8 *h, u32 hlen)
{
	for (u32 at = 20; at < hlen;) {
		u32 len;

		if (h[at] == IPOPT_END)
			return 0;
		if (h[at] == IPOPT_NOOP) {
			at++;
			continue;
		}
		len = at + 1 < hlen ? h[at + 1] : 0;
		if (len < 2 || at + len > hlen)
			return at;
		if (h[at] == IPOPT_LSRR || h[at] == IPOPT_SSRR)
			return at;
		at += len;
	}
	return 0;
}

/* The header is whole, sane, in one piece at ->data, and ->len is what it says. */
static bool take_header(struct net *net, struct packet *p)
{
	const struct ip4_header *h;
	u32 hlen, total;

	if (!packet_need(p, sizeof(*h)))
		return false;
	h = (void *)p->data;
	hlen = (h->version_ihl & 15u) * 4;
	if (h->version_ihl >> 4 != 4 || hlen < sizeof(*h) || !packet_need(p, hlen))
		return false;
	h = (void *)p->data;
	total = be16_to_cpu(h->total);
	if (total < hlen || total > p->len || ip4_checksum(h, hlen))
		return false;
	if (p->len > total) {
		packet_trim(p, total);
		if (p->csum_state == CSUM_COMPLETE)
			p->csum_state = CSUM_NONE; /* its sum covers the padding */
	}
	p->network = packet_offset(p);
	return true;
}

/* ---- to us ---- */

static void deliver_local(struct net *net, struct packet *p, const struct flow *f)
{
	const struct ip4_header *h = (void *)p->data;
	struct inet_in *in = packet_cb(p, struct inet_in);
	u32 hlen;
	u8 next = h->protocol;

	if (be16_to_cpu(h->frag) & (IP4_MF | IP4_OFFSET)) {
		p = frag_receive(net, p, false, 0, &next);
		if (!p)
			return;
		h = (void *)packet_header(p, p->network);
		in = packet_cb(p, struct inet_in);
	}
	hlen = (h->version_ihl & 15u) * 4;
	*in = (struct inet_in){ .src = f->src, .dst = f->dst, .iif = p->dev->ifindex, .options_len = (u16)(hlen - 20),
				.ttl = h->ttl, .tos = h->tos };
	if (addr_is_multicast(&f->dst))
		in->flags = INET_IN_MULTICAST;
	else if (inet_addr_is_broadcast(net, &f->dst, NULL))
		in->flags = INET_IN_BROADCAST;
	packet_pull(p, hlen);
	p->transport = packet_offset(p);
	inet_count(net, false, IP_IN_DELIVERS);
	inet_deliver(net, p, h->protocol, false);
}

/* ---- onward ---- */

static void forward(struct net *net, struct packet *p, struct route *r)
{
	struct ip4_header *h = (void *)p->data;
	u32 mtu = route_mtu(r);

	if (p->pkt_type != PACKET_HOST) {
		packet_free(p);
	} else if (h->ttl <= 1) {
		icmp_send(net, p, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		packet_free(p);
	} else if (p->len > mtu && !p->gso_size && be16_to_cpu(h->frag) & IP4_DF) {
		inet_count(net, false, IP_FRAG_FAILS);
		icmp_send(net, p, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
		packet_free(p);
	} else {
		u32 hlen = (h->version_ihl & 15u) * 4;

		h->ttl--;
		h->csum.raw = 0;
		h->csum.raw = ip4_checksum(h, hlen);
		if (p->csum_state == CSUM_COMPLETE)
			p->csum_state = CSUM_NONE;
		inet_count(net, false, IP_FORWARDED);
		ip4_output_fit(net, p, r, mtu, true);
	}
	route_put(r);
}

static void dispatch(struct net *net, struct packet *p, const struct flow *f)
{
	struct route *r = NULL;

	switch (route_in(net, p->dev, f, &r)) {
	case ROUTE_IN_LOCAL:
		deliver_local(net, p, f);
		return;
	case ROUTE_IN_FORWARD:
		forward(net, p, r);
		return;
	case ROUTE_IN_UNREACHABLE:
		icmp_send(net, p, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
		break;
	case ROUTE_IN_PROHIBIT:
		icmp_send(net, p, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
		break;
	case ROUTE_IN_DROP:
		break;
	}
	drop(net, p, IP_IN_ADDR_ERRORS);
}

void ip4_receive(struct packet *p)
{
	struct net *net = p->dev->net;
	const struct ip4_header *h;
	struct flow f = { .iif = p->dev->ifindex };
	u32 bad;

	if (p->pkt_type == PACKET_OTHERHOST) {
		packet_free(p);
		return;
	}
	inet_count(net, false, IP_IN_RECEIVES);
	if (!inet_dev(p->dev, false) || !take_header(net, p)) {
		drop(net, p, IP_IN_HDR_ERRORS);
		return;
	}
	h = (void *)p->data;
	bad = check_options(p->data, (h->version_ihl & 15u) * 4);
	f.src = addr_from_v4(h->src);
	f.dst = addr_from_v4(h->dst);
	f.protocol = h->protocol;
	f.tos = h->tos;
	f.mark = p->mark;
	if (bad) {
		icmp_send(net, p, ICMP_PARAMETERPROB, 0, bad << 24);
		drop(net, p, IP_IN_HDR_ERRORS);
		return;
	}
	dispatch(net, p, &f);
}

static const struct packet_type ip4_type = { .protocol = ETH_P_IP, .receive = ip4_receive };
SECTION_SET(packet_types, ip4_type);
