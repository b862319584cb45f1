// SPDX-License-Identifier: MIT
/*
 * Which of our addresses a packet leaves with, if its sender named none.
 *
 * IPv4: one of the outgoing device whose prefix holds the destination, else the device's first primary one of
 * sufficient scope, else one of another device. IPv6: RFC 6724 section 5, rules 1 to 8 in order, over all
 * addresses of the device, and of others if that has none (the weak model, as Linux has it).
 */
#include <linux/if.h>
#include "inet_internal.h"

/* ---- IPv4 ---- */

static struct inet_address *select4_on(struct net_device *d, const struct inet_addr *dst, u8 scope)
{
	struct in_device *in = inet_dev(d, false);
	struct inet_address *a, *best = NULL;

	if (!in)
		return NULL;
	LIST_FOR_EACH_RCU(a, &in->addrs, node) {
		if (atomic_load(&a->flags) & IFA_F_SECONDARY || a->scope > scope)
			continue;
		if (addr_prefix_equal(&a->peer, dst, a->plen + 96u))
			return a;
		if (!best)
			best = a;
	}
	return best;
}

static bool select4(struct net *net, struct net_device *dev, const struct inet_addr *dst, u8 scope,
		    struct inet_addr *src)
{
	struct inet_address *a = dev ? select4_on(dev, dst, scope) : NULL;
	struct net_device *d;

	if (!a)
		LIST_FOR_EACH_RCU(d, &net->devices, node) {
			a = d->flags & IFF_LOOPBACK ? NULL : select4_on(d, dst, scope);
			if (a && a->scope != RT_SCOPE_LINK)
				break;
			a = NULL;
		}
	if (a)
		*src = a->local;
	return a;
}

/* ---- IPv6 ---- */

/* RFC 6724 2.1, the default table: labels only, as precedence sorts destinations and that is getaddrinfo's. */
static u32 label6(const struct inet_addr *a)
{
	static const struct {
		struct inet_addr prefix;
		u8 len, label;
	} table[] = {
		{ { .b = { [15] = 1 } }, 128, 0 },                 /* ::1 */
		{ { .b = { [10] = 0xff, [11] = 0xff } }, 96, 4 },  /* mapped */
		{ { .b = { 0 } }, 96, 3 },                         /* compatible */
		{ { .b = { 0x20, 0x01, 0, 0 } }, 32, 6 },          /* Teredo (Linux: 6) */
		{ { .b = { 0x20, 0x01, 0, 0x10 } }, 28, 7 },       /* ORCHID */
		{ { .b = { 0x3f, 0xfe } }, 16, 12 },               /* 6bone */
		{ { .b = { 0x20, 0x02 } }, 16, 2 },                /* 6to4 */
		{ { .b = { 0xfe, 0xc0 } }, 10, 11 },               /* site-local */
		{ { .b = { 0xfc } }, 7, 5 },                       /* unique local */
	};

	for (u32 i = 0; i < ARRAY_SIZE(table); i++)
		if (addr_prefix_equal(a, &table[i].prefix, table[i].len))
			return table[i].label;
	return 1;
}

static u32 common_bits(const struct inet_addr *a, const struct inet_addr *b, u32 limit)
{
	u32 n = 0;

	while (n < limit && !((a->b[n / 8] ^ b->b[n / 8]) & (0x80 >> (n % 8))))
		n++;
	return n;
}

/* Rule 2: the smallest scope that still reaches the destination; if none does, the largest. */
static int compare_scope(const struct inet_addr *a, const struct inet_addr *b,
			 const struct inet_addr *dst)
{
	int sa = addr_scope6(a), sb = addr_scope6(b), sd = addr_scope6(dst);

	if (sa == sb)
		return 0;
	if (sa < sb)
		return sa < sd ? -1 : 1;
	return sb < sd ? 1 : -1;
}

/* Positive: @a is better. */
static int compare6(const struct inet_address *a, const struct inet_address *b,
		    const struct inet_addr *dst, const struct net_device *dev)
{
	u32 fa = a->flags, fb = b->flags;
	int c;

	c = (int)addr_equal(&a->local, dst) - (int)addr_equal(&b->local, dst); /* 1 */
	if (!c)
		c = compare_scope(&a->local, &b->local, dst);                  /* 2 */
	if (!c)
		c = !!(fb & IFA_F_DEPRECATED) - !!(fa & IFA_F_DEPRECATED);     /* 3 */
	if (!c)
		c = (int)(a->dev == dev) - (int)(b->dev == dev);               /* 5 */
	if (!c)
		c = (int)(label6(&a->local) == label6(dst)) - (int)(label6(&b->local) == label6(dst)); /* 6 */
	if (!c)
		c = (int)common_bits(&a->local, dst, a->plen) - (int)common_bits(&b->local, dst, b->plen); /* 8 */
	return c;
}

static struct inet_address *select6_on(struct net_device *d, const struct inet_addr *dst,
				       const struct net_device *dev, struct inet_address *best)
{
	struct in_device *in = inet_dev(d, true);
	struct inet_address *a;

	if (!in)
		return best;
	LIST_FOR_EACH_RCU(a, &in->addrs, node) {
		u32 flags = atomic_load(&a->flags);

		if ((flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC)) ||
		    flags & IFA_F_DADFAILED)
			continue;
		if (!best || compare6(a, best, dst, dev) > 0)
			best = a;
	}
	return best;
}

static bool select6(struct net *net, struct net_device *dev, const struct inet_addr *dst,
		    struct inet_addr *src)
{
	bool link = addr_scope6(dst) <= 2 && !addr_is_loopback(dst);
	struct inet_address *best = NULL;
	struct net_device *d;

	if (link && dev) /* a link's addresses mean something on that link alone */
		best = select6_on(dev, dst, dev, NULL);
	else
		LIST_FOR_EACH_RCU(d, &net->devices, node)
			if (device_up(d))
				best = select6_on(d, dst, dev, best);
	if (best)
		*src = best->local;
	return best;
}

bool inet_select_source(struct net *net, struct net_device *dev, const struct inet_addr *dst,
			u8 scope, struct inet_addr *src)
{
	return addr_is_v4(dst) ? select4(net, dev, dst, scope, src) : select6(net, dev, dst, src);
}
