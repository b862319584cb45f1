// SPDX-License-Identifier: MIT
/*
 * IPv6, in: RFC 8200. Header, then extension headers with a limit on their number
 * and bytes, then the transport; or forwarded.
 *
 * Unknown options obey the two high bits of their type (4.2). Routing headers are refused if they
 * have segments left (type 0: RFC 5095). Jumbograms are not for us: their payload length of 0 is an error.
 */
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in6.h>
#include "inet_internal.h"

#define EXT_HEADERS_MAX 8u
#define EXT_BYTES_MAX 256u

static void drop(struct net *net, struct packet *p, enum inet_counter why)
{
	inet_count(net, true, why);
	packet_free(p);
}

static void problem(struct net *net, struct packet *p, u8 code, u32 at)
{
	icmp6_send(net, p, ICMPV6_PARAMPROB, code, at);
	drop(net, p, IP_IN_HDR_ERRORS);
}

/* Type-length-value options of a hop-by-hop or destination header at ->data + 2 .. @len. False: @p is gone. */
static bool check_options(struct net *net, struct packet *p, u32 len, u32 offset)
{
	const u8 *o = p->data;

	for (u32 at = 2; at < len;) {
		u32 n;

		if (o[at] == 0) { /* Pad1 */
			at++;
			continue;
		}
		n = at + 1 < len ? o[at + 1] + 2u : len + 1;
		if (at + n > len) {
			problem(net, p, ICMPV6_HDR_FIELD, offset + at);
			return false;
		}
		if (o[at] == 1 || o[at] == 5) { /* PadN, router alert */
			at += n;
			continue;
		}
		switch (o[at] >> 6) {
		case 0:
			break;
		case 1:
			drop(net, p, IP_IN_HDR_ERRORS);
			return false;
		case 3:
			if (addr_is_multicast(&packet_cb(p, struct inet_in)->dst)) {
				drop(net, p, IP_IN_HDR_ERRORS);
				return false;
			}
			/* fall through */
		default:
			problem(net, p, ICMPV6_UNK_OPTION, offset + at);
			return false;
		}
		at += n;
	}
	return true;
}

/* The extension header of type *next at ->data: stepped over, *next the following.  False: @p is gone. */
static bool take_extension(struct net *net, struct packet *p, u8 *next, u32 index)
{
	u32 offset = (u32)(packet_offset(p) - p->network), len;

	if (!packet_need(p, 8) || !packet_need(p, (p->data[1] + 1u) * 8) ||
	    offset > EXT_BYTES_MAX) {
		drop(net, p, IP_IN_HDR_ERRORS);
		return false;
	}
	len = (p->data[1] + 1u) * 8;
	if (*next == IPPROTO_HOPOPTS && index) {
		problem(net, p, ICMPV6_UNK_NEXTHDR, offset);
		return false;
	}
	if (*next == IPPROTO_ROUTING) {
		if (p->data[3]) {
			problem(net, p, ICMPV6_HDR_FIELD, offset + 2);
			return false;
		}
	} else if (!check_options(net, p, len, offset)) {
		return false;
	}
	*next = p->data[0];
	packet_pull(p, len);
	return true;
}

static bool is_extension(u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS;
}

/* Past all extension headers; NULL: it is gone. ->data is then at the transport header. */
static struct packet *take_extensions(struct net *net, struct packet *p, u8 *next)
{
	struct inet_in in = *packet_cb(p, struct inet_in);

	for (u32 i = 0; i < EXT_HEADERS_MAX; i++) {
		if (*next == IPPROTO_FRAGMENT) {
			p = frag_receive(net, p, true, packet_offset(p), next);
			if (!p)
				return NULL;
			*packet_cb(p, struct inet_in) = in;
		} else if (!is_extension(*next)) {
			return p;
		} else if (!take_extension(net, p, next, i)) {
			return NULL;
		}
	}
	drop(net, p, IP_IN_HDR_ERRORS);
	return NULL;
}

static void deliver_local(struct net *net, struct packet *p, const struct flow *f)
{
	const struct ip6_header *h = (void *)p->data;
	struct inet_in *in = packet_cb(p, struct inet_in);
	u8 next = h->next;

	*in = (struct inet_in){ .src = f->src, .dst = f->dst, .iif = p->dev->ifindex, .ttl = h->hops, .tos = f->tos };
	if (addr_is_multicast(&f->dst))
		in->flags = INET_IN_MULTICAST;
	packet_pull(p, sizeof(*h));
	p = take_extensions(net, p, &next);
	if (!p)
		return;
	if (next == IPPROTO_NONE) {
		packet_free(p);
		return;
	}
	p->transport = packet_offset(p);
	inet_count(net, true, IP_IN_DELIVERS);
	inet_deliver(net, p, next, true);
}

static void forward(struct net *net, struct packet *p, struct route *r)
{
	struct ip6_header *h = (void *)p->data;
	u32 mtu = route_mtu(r);

	if (p->pkt_type != PACKET_HOST) {
		packet_free(p);
	} else if (h->hops <= 1) {
		icmp6_send(net, p, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
		packet_free(p);
	} else if (p->len > mtu && !p->gso_size) {
		icmp6_send(net, p, ICMPV6_PKT_TOOBIG, 0, mtu);
		packet_free(p);
	} else {
		h->hops--;
		if (p->csum_state == CSUM_COMPLETE)
			p->csum_state = CSUM_NONE;
		inet_count(net, true, IP_FORWARDED);
		ip6_output(net, p, r);
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
		icmp6_send(net, p, ICMPV6_DEST_UNREACH, ICMPV6_NOROUTE, 0);
		break;
	case ROUTE_IN_PROHIBIT:
		icmp6_send(net, p, ICMPV6_DEST_UNREACH, ICMPV6_ADM_PROHIBITED, 0);
		break;
	case ROUTE_IN_DROP:
		break;
	}
	drop(net, p, IP_IN_ADDR_ERRORS);
}

static bool take_header(struct packet *p)
{
	const struct ip6_header *h;
	u32 total;

	if (!packet_need(p, sizeof(*h)))
		return false;
	h = (void *)p->data;
	total = be16_to_cpu(h->payload) + (u32)sizeof(*h);
	if (be32_to_cpu(h->flow) >> 28 != 6 || total > p->len ||
	    (total == sizeof(*h) && h->next == IPPROTO_HOPOPTS))
		return false;
	if (p->len > total) {
		packet_trim(p, total);
		if (p->csum_state == CSUM_COMPLETE)
			p->csum_state = CSUM_NONE;
	}
	p->network = packet_offset(p);
	return true;
}

/* Mapped addresses on the wire would be IPv4's to every table here: refused (RFC 4942 2.2). */
static bool forged(const struct inet_addr *a)
{
	return addr_is_v4(a);
}

void ip6_receive(struct packet *p)
{
	struct net *net = p->dev->net;
	struct flow f = { .v6 = true, .iif = p->dev->ifindex, .mark = p->mark };
	const struct ip6_header *h;

	if (p->pkt_type == PACKET_OTHERHOST) {
		packet_free(p);
		return;
	}
	inet_count(net, true, IP_IN_RECEIVES);
	if (!inet_dev(p->dev, true) || !take_header(p)) {
		drop(net, p, IP_IN_HDR_ERRORS);
		return;
	}
	h = (void *)p->data;
	f.src = addr_from_bytes(h->src);
	f.dst = addr_from_bytes(h->dst);
	f.tos = (u8)(be32_to_cpu(h->flow) >> 20);
	f.flowlabel = be32_to_cpu(h->flow) & 0xfffff;
	f.protocol = h->next;
	packet_cb(p, struct inet_in)->dst = f.dst;
	if (forged(&f.src) || forged(&f.dst)) {
		drop(net, p, IP_IN_ADDR_ERRORS);
		return;
	}
	dispatch(net, p, &f);
}

static const struct packet_type ip6_type = { .protocol = ETH_P_IPV6, .receive = ip6_receive };
SECTION_SET(packet_types, ip6_type);
