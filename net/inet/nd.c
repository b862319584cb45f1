// SPDX-License-Identifier: MIT
/*
 * Neighbour discovery (RFC 4861): solicitations and advertisements; duplicate detection (RFC 4862 5.4).
 * Routers' advertisements are in ra.c.
 *
 * Every message must have hop limit 255: it came from this link. Options advance by 8 bytes
 * at least. An advertisement that nobody asked for changes known neighbours alone.
 */
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/in6.h>
#include "inet_internal.h"

#define NS 135u
#define NA 136u
#define NA_ROUTER 0x80000000u
#define NA_SOLICITED 0x40000000u
#define NA_OVERRIDE 0x20000000u
#define OPT_SOURCE 1u
#define OPT_TARGET 2u
#define RETRANS_NS NSEC_PER_SEC

static const struct inet_addr all_nodes = { .b = { 0xff, 2, [15] = 1 } };

/* ff02::1:ffXX:XXXX, the group of all whose address ends alike (RFC 4291 2.7.1). */
static struct inet_addr nd_solicited_group(const struct inet_addr *a)
{
	return (struct inet_addr){ .b = { 0xff, 2, [11] = 1, 0xff, a->b[13], a->b[14], a->b[15] } };
}

/* ---- sending ---- */

static void send(struct net_device *d, u8 type, u32 flags, const struct inet_addr *target,
		 const struct inet_addr *src, const struct inet_addr *dst, u8 option)
{
	struct packet *p = packet_alloc(GFP_ATOMIC);
	struct nd_header *h;
	u8 *o;

	if (!p)
		return;
	h = packet_put(p, sizeof(*h));
	*h = (struct nd_header){ .type = type, .flags = cpu_to_be32(flags) };
	memcpy(h->target, target, 16);
	if (option && d->addr_len == 6) {
		o = packet_put(p, 8);
		o[0] = option;
		o[1] = 1;
		memcpy(o + 2, d->addr, 6);
	}
	icmp6_output(d->net, p, d, src, dst, 255);
}

/* An address of @d to ask from; a tentative one is none. */
static bool link_source(struct net_device *d, const struct inet_addr *dst, struct inet_addr *src)
{
	bool have;

	rcu_read_lock();
	have = inet_select_source(d->net, d, dst, RT_SCOPE_LINK, src);
	rcu_read_unlock();
	return have;
}

void nd_solicit(struct net_device *d, const struct inet_addr *addr, const u8 *hw)
{
	struct inet_addr group = nd_solicited_group(addr), src;

	if (link_source(d, addr, &src))
		send(d, NS, 0, addr, &src, hw ? addr : &group, OPT_SOURCE);
}

/* ---- duplicates ---- */

static void probe(struct inet_address *a)
{
	struct inet_addr group = nd_solicited_group(&a->local), none = { .d = { 0 } };

	send(a->dev, NS, 0, &a->local, &none, &group, 0);
}

void nd_dad_start(struct inet_address *a)
{
	struct in_device *in = inet_dev(a->dev, true);
	struct inet_addr group = nd_solicited_group(&a->local);

	if (!(a->dev->flags & IFF_LOOPBACK))
		mcast_join(a->dev, &group);
	if (!(atomic_load(&a->flags) & IFA_F_TENTATIVE))
		return;
	if (!in->dad_transmits) {
		atomic_fetch_and(&a->flags, ~(u32)IFA_F_TENTATIVE);
		return;
	}
	a->probes_left = (u8)MIN(in->dad_transmits, 10);
	a->probe_at = net_now();
	inet_tick_soon(a->dev->net, a->probe_at);
}

static void dad_done(struct inet_address *a)
{
	atomic_fetch_and(&a->flags, ~(u32)(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC));
	a->probe_at = KTIME_MAX;
	fib_changed(a->dev->net);
	SET_FOR_EACH(const struct inet_listener, l, inet_listeners)
		if (l->address)
			l->address(a->dev->net, a, false);
	if (addr_is_linklocal(&a->local))
		ra_link_ready(a->dev);
}

ktime_t nd_tick(struct net_device *d, ktime_t now)
{
	struct in_device *in = inet_dev(d, true);
	ktime_t next = KTIME_MAX;
	struct inet_address *a;

	if (!in)
		return next;
	LIST_FOR_EACH(a, &in->addrs, node) {
		if (a->probe_at > now || atomic_load(&a->flags) & IFA_F_DADFAILED) {
			next = MIN(next, a->probe_at);
			continue;
		}
		if (!a->probes_left) {
			dad_done(a);
			continue;
		}
		a->probes_left--;
		a->probe_at = now + RETRANS_NS;
		probe(a);
		next = MIN(next, a->probe_at);
	}
	return MIN(next, ra_tick(in, now));
}

/* Somebody else has it, or asks for it at the same time: it is never used (RFC 4862 5.4.3, 5.4.4). */
static bool dad_conflict(struct net_device *d, const struct inet_addr *target)
{
	struct inet_address *a = inet_address_find(d, target);

	if (!a || !(atomic_load(&a->flags) & IFA_F_TENTATIVE))
		return false;
	atomic_fetch_or(&a->flags, IFA_F_DADFAILED);
	return true;
}

/* ---- receiving ---- */

static const u8 *nd_option(const struct packet *p, u32 at, u8 type, u32 min_len)
{
	while (at + 8 <= p->head_len) {
		u32 len = p->data[at + 1] * 8u;

		if (!len || at + len > p->head_len)
			return NULL;
		if (p->data[at] == type && len >= min_len)
			return p->data + at;
		at += len;
	}
	return NULL;
}

static void receive_ns(struct net *net, struct packet *p, const struct inet_in *in)
{
	const struct nd_header *h = (void *)p->data;
	struct inet_addr target = addr_from_bytes(h->target);
	const u8 *lladdr = nd_option(p, sizeof(*h), OPT_SOURCE, 8);
	bool dad = addr_is_zero(&in->src);
	struct net_device *d = p->dev;
	struct neigh *n;

	if (addr_is_multicast(&target) || (dad && (lladdr || !addr_is_multicast(&in->dst))))
		return;
	if (dad_conflict(d, &target) || !inet_addr_is_local(net, &target, d))
		return;
	if (dad) {
		send(d, NA, NA_OVERRIDE, &target, &target, &all_nodes, OPT_TARGET);
		return;
	}
	if (lladdr && d->addr_len == 6) {
		n = neigh_get_or_make(d, &in->src);
		if (n) {
			neigh_update(n, lladdr + 2, NUD_STALE, true);
			neigh_put(n);
		}
	}
	send(d, NA, NA_SOLICITED | NA_OVERRIDE, &target, &target, &in->src, OPT_TARGET);
}

static void receive_na(struct net *net, struct packet *p, const struct inet_in *in)
{
	const struct nd_header *h = (void *)p->data;
	struct inet_addr target = addr_from_bytes(h->target);
	const u8 *lladdr = nd_option(p, sizeof(*h), OPT_TARGET, 8);
	u32 flags = be32_to_cpu(h->flags);
	struct neigh *n;

	if (addr_is_multicast(&target) || (flags & NA_SOLICITED && addr_is_multicast(&in->dst)))
		return;
	if (dad_conflict(p->dev, &target) || inet_addr_is_local(net, &target, p->dev))
		return;
	n = neigh_find(p->dev, &target);
	if (!n)
		return;
	if (lladdr || n->state & NUD_VALID_)
		neigh_update(n, lladdr ? lladdr + 2 : NULL,
			     flags & NA_SOLICITED ? NUD_REACHABLE : NUD_STALE, flags & NA_OVERRIDE);
	if (flags & NA_ROUTER)
		n->flags |= NTF_ROUTER;
	neigh_put(n);
}

/* Owns @p. Its options are looked at in one piece: longer messages than that are nobody's honest ones. */
void nd_receive(struct net *net, struct packet *p, u8 type)
{
	struct inet_in in = *packet_cb(p, struct inet_in);
	u32 min = type == NS || type == NA ? sizeof(struct nd_header) : type == 134 ? 16 : 8;

	if (in.ttl == 255 && !p->data[1] && p->len >= min && packet_need(p, MIN(p->len, 200u)) &&
	    p->head_len >= min) {
		if (type == NS)
			receive_ns(net, p, &in);
		else if (type == NA)
			receive_na(net, p, &in);
		else if (type == 134)
			ra_receive(net, p, &in);
	}
	packet_free(p);
}
