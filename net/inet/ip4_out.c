// SPDX-License-Identifier: MIT
/*
 * IPv4, out: a header before what a transport made, fragments if it is too long, a neighbour, the device.
 *
 * Fragmenting (RFC 791 3.2): the payload is cut into slices that share pages with it;
 * each gets a header of its own. What may not be cut is refused with EMSGSIZE
 * (our own) or "fragmentation needed" (forwarded). GSO packets are cut further down.
 *
 * Identifications (RFC 6864): 0 where DF makes them meaningless; else a counter chosen by a keyed
 * hash of the flow, with a keyed start, so that none tells of another's traffic.
 */
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include "inet_internal.h"

/* RFC 1071 over whole words, as they lie in memory; 0 for a header that is right. */
u16 ip4_checksum(const void *header, u32 len)
{
	u64 sum = 0;
	u32 word;

	for (u32 i = 0; i + 4 <= len; i += 4) {
		memcpy(&word, (const u8 *)header + i, 4);
		sum += word;
	}
	return inet_fold((u32)(sum & 0xffffffffu) + (u32)(sum >> 32) +
			 ((sum & 0xffffffffu) + (sum >> 32) > 0xffffffffu));
}

static void set_checksum(struct ip4_header *h)
{
	h->csum.raw = 0;
	h->csum.raw = ip4_checksum(h, (h->version_ihl & 15u) * 4);
}

static u16 next_id(struct net *net, be32 src, be32 dst, u8 protocol, u32 count)
{
	u32 key[3] = { src.raw, dst.raw, protocol };
	u64 h = net_hash(net, key, sizeof(key));

	return (u16)((h >> 32) + atomic_fetch_add(&net->inet->ids[h % 64], MAX(count, 1u)));
}

/* ---- to the device ---- */

/* Groups that somebody here joined, and broadcasts, come back, too: a copy, unless the sender wants none. */
static void loop_back(struct net *net, struct packet *p, struct route *r,
		      const struct inet_addr *dst)
{
	struct inet_sock *s = (struct inet_sock *)p->sk;
	struct packet *copy;
	bool wanted = r->kind == ROUTE_BROADCAST ||
		      ((!s || s->mc_loop) && mcast_joined(r->dev, dst));

	if (!wanted || r->dev->flags & IFF_LOOPBACK)
		return;
	copy = packet_clone(p, GFP_ATOMIC);
	if (!copy)
		return;
	copy->dev = r->dev;
	copy->protocol = p->protocol;
	inet_loop(net, copy);
}

int ip4_output(struct net *net, struct packet *p, struct route *r)
{
	const struct ip4_header *h = (void *)p->data;
	struct inet_addr dst = addr_from_v4(h->dst), next = r->gateway;
	u8 ttl = h->ttl;

	if (addr_is_zero(&next) || addr_is_any(&next))
		next = dst;
	p->dev = r->dev;
	p->protocol = ETH_P_IP;
	p->network = packet_offset(p);
	if (r->kind == ROUTE_MULTICAST || r->kind == ROUTE_BROADCAST) {
		loop_back(net, p, r, &dst);
		if (!ttl) {
			packet_free(p);
			return 0;
		}
	}
	return neigh_send(p, r->dev, &next, r->kind);
}

/* ---- fragments ---- */

static int send_slice(struct net *net, struct packet *whole, struct route *r,
		      const struct ip4_header *model, u32 hlen, u32 from, u32 n, bool last)
{
	struct packet *f = packet_slice(whole, from, n, GFP_ATOMIC);
	struct ip4_header *h;

	if (!f)
		return -ENOMEM;
	h = packet_push(f, hlen);
	memcpy(h, model, hlen);
	h->total = cpu_to_be16((u16)(hlen + n));
	h->frag = cpu_to_be16((u16)((be16_to_cpu(model->frag) & (IP4_DF | IP4_MF)) +
				    (be16_to_cpu(model->frag) & IP4_OFFSET) + from / 8));
	if (!last)
		h->frag.raw |= cpu_to_be16(IP4_MF).raw;
	set_checksum(h);
	f->mark = whole->mark;
	f->priority = whole->priority;
	inet_count(net, false, IP_FRAG_CREATES);
	return ip4_output(net, f, r);
}

/* After the first fragment, options that are not to be copied become no-operations (RFC 791 3.1). */
static void blank_options(u8 *header, u32 hlen)
{
	u32 at = 20;

	while (at < hlen) {
		u32 len = header[at] <= 1 ? 1 : at + 1 < hlen ? header[at + 1] : 0;

		if (header[at] == IPOPT_END || len < 1 || (header[at] > 1 && len < 2) ||
		    at + len > hlen)
			return;
		if (!(header[at] & IPOPT_COPY))
			memset(header + at, IPOPT_NOOP, len);
		at += len;
	}
}

/* Owns @p, whose header is at ->data. */
static int fragment(struct net *net, struct packet *p, struct route *r, u32 mtu)
{
	u8 model[60];
	u32 hlen, step, len, from;
	int err = 0;

	if (p->csum_state == CSUM_PARTIAL && !packet_csum_complete(p)) {
		packet_free(p);
		return -EINVAL;
	}
	hlen = (p->data[0] & 15u) * 4;
	memcpy(model, p->data, hlen);
	packet_pull(p, hlen);
	len = p->len;
	step = mtu > hlen + 8 ? (mtu - hlen) & ~7u : 0;
	if (!step)
		err = -EMSGSIZE;
	for (from = 0; from < len && !err; from += step) {
		err = send_slice(net, p, r, (void *)model, hlen, from, MIN(step, len - from),
				 len - from <= step);
		if (!from)
			blank_options(model, hlen);
	}
	inet_count(net, false, err ? IP_FRAG_FAILS : IP_FRAG_OKS);
	packet_free(p);
	return err;
}

/* Header in place: cut if it must be.  @may: it may be cut. Owns @p. */
int ip4_output_fit(struct net *net, struct packet *p, struct route *r, u32 mtu, bool may)
{
	if (p->len <= mtu || p->gso_size)
		return ip4_output(net, p, r);
	if (!may) {
		inet_count(net, false, IP_FRAG_FAILS);
		packet_free(p);
		return -EMSGSIZE;
	}
	return fragment(net, p, r, mtu);
}

/* ---- our own ---- */

static u32 cork_mtu(const struct route *r, u8 pmtudisc)
{
	if (pmtudisc == IP_PMTUDISC_PROBE || pmtudisc == IP_PMTUDISC_INTERFACE ||
	    pmtudisc == IP_PMTUDISC_OMIT)
		return MIN(READ_ONCE(r->dev->mtu), PACKET_MAX);
	return route_mtu(r);
}

static bool may_fragment(const struct packet *p, const struct route *r, const struct inet_cork *c,
			 u32 mtu, bool *df)
{
	bool never = c->nofrag || c->pmtudisc == IP_PMTUDISC_DO || c->pmtudisc == IP_PMTUDISC_PROBE;

	*df = never || (c->pmtudisc == IP_PMTUDISC_WANT && (p->len <= mtu || p->gso_size) && !r->mtu_locked);
	return !never && c->pmtudisc != IP_PMTUDISC_INTERFACE;
}

int ip4_send(struct net *net, struct packet *p, struct route *r, const struct flow *f,
	     const struct inet_cork *c)
{
	u32 hlen = 20 + ALIGN_UP(c->options_len, 4u), mtu = cork_mtu(r, c->pmtudisc);
	struct ip4_header *h;
	bool df, may;

	inet_count(net, false, IP_OUT_REQUESTS);
	if (hlen > 60 || p->len + hlen > PACKET_MAX) {
		packet_free(p);
		return -EMSGSIZE;
	}
	h = packet_push(p, hlen);
	may = may_fragment(p, r, c, mtu, &df);
	*h = (struct ip4_header){
		.version_ihl = (u8)(0x40 | hlen / 4),
		.tos = c->tos,
		.total = cpu_to_be16((u16)p->len),
		.frag = cpu_to_be16(df ? IP4_DF : 0),
		.protocol = f->protocol,
		.src = addr_v4(&f->src),
		.dst = addr_v4(&f->dst),
		.ttl = c->ttl,
	};
	if (!c->ttl && r->kind != ROUTE_MULTICAST)
		h->ttl = (u8)net->inet->conf.default_ttl;
	if (!df || p->gso_size)
		h->id = cpu_to_be16(next_id(net, h->src, h->dst, f->protocol, p->gso_segs));
	if (hlen > 20) {
		memset(h + 1, 0, hlen - 20);
		memcpy(h + 1, c->options, c->options_len);
	}
	set_checksum(h);
	return ip4_output_fit(net, p, r, mtu, may);
}
