// SPDX-License-Identifier: MIT
/*
 * IPv6, out: header, the sender's extension headers, fragments made by the source alone (RFC 8200 4.5, 5),
 * a neighbour, the device.
 */
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include "inet_internal.h"

static void loop_back(struct net *net, struct packet *p, struct route *r,
		      const struct inet_addr *dst)
{
	struct inet_sock *s = (struct inet_sock *)p->sk;
	struct packet *copy;

	if (r->dev->flags & IFF_LOOPBACK || (s && !s->mc_loop) || !mcast_joined(r->dev, dst))
		return;
	copy = packet_clone(p, GFP_ATOMIC);
	if (!copy)
		return;
	copy->dev = r->dev;
	copy->protocol = ETH_P_IPV6;
	inet_loop(net, copy);
}

int ip6_output(struct net *net, struct packet *p, struct route *r)
{
	const struct ip6_header *h = (void *)p->data;
	struct inet_addr dst = addr_from_bytes(h->dst), next = r->gateway;
	u8 hops = h->hops;

	if (addr_is_zero(&next))
		next = dst;
	p->dev = r->dev;
	p->protocol = ETH_P_IPV6;
	p->network = packet_offset(p);
	if (addr_is_multicast(&dst)) {
		loop_back(net, p, r, &dst);
		/* Interface-local ones, and those of no hops, stay here. */
		if (!(r->dev->flags & IFF_LOOPBACK) && (!hops || addr_scope6(&dst) <= 1)) {
			packet_free(p);
			return 0;
		}
	}
	return neigh_send(p, r->dev, &next, r->kind);
}

static void put_header(struct net *net, struct packet *p, const struct flow *f,
		       const struct inet_cork *c, u8 next, u8 hops)
{
	struct ip6_header *h = packet_push(p, sizeof(*h));

	h->flow = cpu_to_be32(6u << 28 | (u32)c->tos << 20 | (f->flowlabel & 0xfffff));
	h->payload = cpu_to_be16((u16)(p->len - sizeof(*h)));
	h->next = next;
	h->hops = hops;
	memcpy(h->src, &f->src, 16);
	memcpy(h->dst, &f->dst, 16);
}

/* @p holds the fragmentable part, which begins with a header of type @next. */
static int fragment(struct net *net, struct packet *p, struct route *r, const struct flow *f,
		    const struct inet_cork *c, u8 next, u8 hops, u32 mtu)
{
	u32 step = (mtu - sizeof(struct ip6_header) - sizeof(struct ip6_frag_header)) & ~7u,
	    len = p->len;
	be32 id = { inet_random() };
	int err = 0;

	if (p->csum_state == CSUM_PARTIAL && !packet_csum_complete(p))
		err = -EINVAL;
	for (u32 from = 0; from < len && !err; from += step) {
		u32 n = MIN(step, len - from);
		struct packet *s = packet_slice(p, from, n, GFP_ATOMIC);
		struct ip6_frag_header *fh;

		if (!s) {
			err = -ENOMEM;
			break;
		}
		fh = packet_push(s, sizeof(*fh));
		*fh = (struct ip6_frag_header){
			.next = next, .id = id, .frag = cpu_to_be16((u16)(from | (from + n < len)))
		};
		s->mark = p->mark;
		s->priority = p->priority;
		put_header(net, s, f, c, IPPROTO_FRAGMENT, hops);
		inet_count(net, true, IP_FRAG_CREATES);
		err = ip6_output(net, s, r);
	}
	inet_count(net, true, err ? IP_FRAG_FAILS : IP_FRAG_OKS);
	packet_free(p);
	return err;
}

static u8 hops_of(struct net *net, const struct route *r, const struct inet_cork *c,
		  const struct flow *f)
{
	struct in_device *in = inet_dev(r->dev, true);

	if (c->ttl || addr_is_multicast(&f->dst))
		return c->ttl;
	return in && r->kind == ROUTE_UNICAST && net->inet->conf.default_hops == 64
		       ? in->hop_limit
		       : (u8)net->inet->conf.default_hops;
}

int ip6_send(struct net *net, struct packet *p, struct route *r, const struct flow *f,
	     const struct inet_cork *c)
{
	u32 mtu = c->pmtudisc == IPV6_PMTUDISC_PROBE || c->pmtudisc == IPV6_PMTUDISC_INTERFACE ||
				  c->pmtudisc == IPV6_PMTUDISC_OMIT
			  ? MIN(READ_ONCE(r->dev->mtu), PACKET_MAX)
			  : route_mtu(r);
	u8 hops = hops_of(net, r, c, f), next = f->protocol;
	bool never =
		c->nofrag || c->pmtudisc == IPV6_PMTUDISC_DO || c->pmtudisc == IPV6_PMTUDISC_PROBE;

	inet_count(net, true, IP_OUT_REQUESTS);
	if (p->len + c->options_len + 48 > PACKET_MAX || c->options_len > 64) {
		packet_free(p);
		return -EMSGSIZE;
	}
	if (c->options_len) { /* built by option6.c: its last "next header" byte is ours to fill */
		u8 *o = packet_push(p, c->options_len);

		memcpy(o, c->options, c->options_len);
		next = o[0];
		o[0] = f->protocol;
	}
	if (p->len + sizeof(struct ip6_header) > mtu && !p->gso_size) {
		if (never) {
			packet_free(p);
			return -EMSGSIZE;
		}
		return fragment(net, p, r, f, c, next, hops, MAX(mtu, 1280u));
	}
	put_header(net, p, f, c, next, hops);
	return ip6_output(net, p, r);
}
