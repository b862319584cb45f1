// SPDX-License-Identifier: MIT
/*
 * ICMPv6 (RFC 4443): echo, errors out and in; hands ND to nd.c and MLD to mcast.c. Rules and budget as icmp4.c's.
 */
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/in6.h>
#include "inet_internal.h"

#define QUOTE_MAX (1280u - 40 - 8) /* RFC 4443 2.4 (c): the whole fits the smallest MTU */

static void set_checksum(struct packet *p, const struct inet_addr *src, const struct inet_addr *dst)
{
	struct icmp_header *h = (void *)p->data;

	h->csum.raw = 0;
	h->csum.raw = inet_fold(
		packet_csum(p, 0, p->len, inet_pseudo_csum(src, dst, IPPROTO_ICMPV6, p->len)));
	p->csum_state = CSUM_NONE;
	p->transport = packet_offset(p);
}

static int output6(struct net *net, struct packet *p, struct flow *f, const struct inet_cork *c)
{
	struct route *r;
	int err;

	f->v6 = true;
	f->protocol = IPPROTO_ICMPV6;
	r = route_out(net, f);
	if (IS_ERR(r)) {
		packet_free(p);
		return (int)PTR_ERR(r);
	}
	set_checksum(p, &f->src, &f->dst);
	inet_count(net, true, ICMP_OUT_MSGS);
	err = inet_send(net, p, r, f, c);
	route_put(r);
	return err;
}

/* No route is asked: the device is known, and its addresses may still be tentative. */
int icmp6_output(struct net *net, struct packet *p, struct net_device *d,
		 const struct inet_addr *src, const struct inet_addr *dst, u8 hops)
{
	struct ip6_header *h;

	set_checksum(p, src, dst);
	h = packet_push(p, sizeof(*h));
	h->flow = cpu_to_be32(6u << 28);
	h->payload = cpu_to_be16((u16)(p->len - sizeof(*h)));
	h->next = IPPROTO_ICMPV6;
	h->hops = hops;
	memcpy(h->src, src, 16);
	memcpy(h->dst, dst, 16);
	p->dev = d;
	p->protocol = 0x86dd; /* ETH_P_IPV6 */
	p->network = packet_offset(p);
	inet_count(net, true, ICMP_OUT_MSGS);
	return neigh_send(p, d, dst, addr_is_multicast(dst) ? ROUTE_MULTICAST : ROUTE_UNICAST);
}

/* ---- errors that we send ---- */

/* The upper-layer protocol of the packet at @h, past extension headers; its offset. False: not within @linear. */
static bool upper_layer(const u8 *h, u32 linear, u8 *next, u32 *at)
{
	*next = ((const struct ip6_header *)h)->next;
	*at = sizeof(struct ip6_header);
	for (u32 i = 0, len; i < 8; i++) {
		if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING &&
		    *next != IPPROTO_DSTOPTS && *next != IPPROTO_FRAGMENT)
			return true;
		if (*at + 8 > linear)
			return false;
		if (*next == IPPROTO_FRAGMENT && get_be16(h + *at + 2) & ~7u)
			return false; /* not the first fragment */
		len = *next == IPPROTO_FRAGMENT ? 8 : (h[*at + 1] + 1u) * 8;
		*next = h[*at];
		*at += len;
	}
	return false;
}

static bool may_complain(struct packet *about, const u8 *start, u32 linear, u8 type, u8 code)
{
	const struct ip6_header *h = (void *)start;
	struct inet_addr src = addr_from_bytes(h->src), dst = addr_from_bytes(h->dst);
	bool for_group = type == ICMPV6_PKT_TOOBIG ||
			 (type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_OPTION);
	u32 at;
	u8 next;

	if (addr_is_zero(&src) || addr_is_multicast(&src))
		return false;
	if (!for_group && (addr_is_multicast(&dst) || about->pkt_type == PACKET_BROADCAST ||
			   about->pkt_type == PACKET_MULTICAST))
		return false;
	if (!upper_layer(start, linear, &next, &at))
		return false;
	return next != IPPROTO_ICMPV6 || (at < linear && start[at] >= 128 && start[at] != 137);
}

void icmp6_send(struct net *net, struct packet *about, u8 type, u8 code, u32 info)
{
	u8 *start = packet_header(about, about->network);
	const struct ip6_header *h = (void *)start;
	struct inet_cork cork = { .pmtudisc = IPV6_PMTUDISC_DONT };
	struct flow f = { .v6 = true };
	struct icmp_header *ih;
	struct packet *p;

	if (about->network == NO_HEADER || start + sizeof(*h) > about->data + about->head_len ||
	    !may_complain(about, start, (u32)(about->data + about->head_len - start), type, code))
		return;
	if (about->dev && !(about->dev->flags & IFF_LOOPBACK) && !icmp_allowed(net)) {
		inet_count(net, true, ICMP_OUT_LIMITED);
		return;
	}
	p = packet_alloc(GFP_ATOMIC);
	if (!p)
		return;
	ih = packet_put(p, sizeof(*ih));
	*ih = (struct icmp_header){ .type = type, .code = code, .info = cpu_to_be32(info) };
	icmp_quote(p, about, QUOTE_MAX);
	p->mark = about->mark;
	f.dst = addr_from_bytes(h->src);
	f.src = addr_from_bytes(h->dst);
	if (addr_is_linklocal(&f.dst) && about->dev)
		f.oif = about->dev->ifindex;
	if (!inet_addr_is_local(net, &f.src, NULL))
		f.src = (struct inet_addr){ .d = { 0 } };
	inet_count(net, true, ICMP_OUT_ERRORS);
	output6(net, p, &f, &cork);
}

/* ---- what comes in ---- */

static void echo(struct net *net, struct packet *p)
{
	struct inet_in in = *packet_cb(p, struct inet_in);
	struct inet_cork cork = { .tos = in.tos, .pmtudisc = IPV6_PMTUDISC_DONT };
	struct icmp_header *h = (void *)p->data;
	struct flow f = { .dst = in.src, .src = in.dst };

	if (net->inet->conf.echo_ignore_all) {
		packet_free(p);
		return;
	}
	if (in.flags & INET_IN_MULTICAST)
		f.src = (struct inet_addr){ .d = { 0 } };
	if (addr_is_linklocal(&f.dst) || in.flags & INET_IN_MULTICAST)
		f.oif = in.iif;
	packet_orphan(p);
	h->type = ICMPV6_ECHO_REPLY;
	output6(net, p, &f, &cork);
}

static void error(struct net *net, struct packet *p)
{
	struct icmp_header h = *(struct icmp_header *)p->data;
	struct inet_in *in = packet_cb(p, struct inet_in);
	const struct ip6_header *q;
	u32 at, have;
	u8 next;

	packet_pull(p, sizeof(h));
	have = MIN(p->len, 128u); /* headers beyond that are nobody's honest quote */
	if (have < sizeof(*q) + 8 || !packet_need(p, have) ||
	    !upper_layer(p->data, have, &next, &at) || at + 8 > have) {
		inet_count(net, true, ICMP_IN_ERRORS);
		packet_free(p);
		return;
	}
	q = (void *)p->data;
	in->src = addr_from_bytes(q->src);
	in->dst = addr_from_bytes(q->dst);
	if (addr_is_v4(&in->src) || addr_is_v4(&in->dst) ||
	    !inet_addr_is_local(net, &in->src, NULL)) {
		packet_free(p);
		return;
	}
	packet_pull(p, at);
	p->transport = packet_offset(p);
	transport_error(net, p, next, h.type, h.code, be32_to_cpu(h.info));
	packet_free(p);
}

static bool is_mld(u8 type)
{
	return type == ICMPV6_MGM_QUERY || type == ICMPV6_MGM_REPORT ||
	       type == ICMPV6_MGM_REDUCTION || type == ICMPV6_MLD2_REPORT;
}

void icmp6_receive(struct net *net, struct packet *p)
{
	u8 type;

	inet_count(net, true, ICMP_IN_MSGS);
	if (!packet_need(p, sizeof(struct icmp_header)) || !inet_csum_ok(p, IPPROTO_ICMPV6)) {
		inet_count(net, true, ICMP_IN_CSUM_ERRORS);
		inet_count(net, true, ICMP_IN_ERRORS);
		packet_free(p);
		return;
	}
	type = p->data[0];
	if (type == ICMPV6_ECHO_REQUEST) {
		echo(net, p);
	} else if (type >= 1 && type <= 4) {
		error(net, p);
	} else if (type >= 133 && type <= 137) {
		nd_receive(net, p, type);
	} else if (is_mld(type)) {
		mcast_receive_mld(net, p);
	} else {
		if (type == ICMPV6_ECHO_REPLY)
			ping_receive(net, p, true);
		packet_free(p);
	}
}
