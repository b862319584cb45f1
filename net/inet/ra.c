// SPDX-License-Identifier: MIT
/*
 * Routers and what they advertise: RFC 4861 6.3, RFC 4862 5.5 (addresses made from prefixes), link-local addresses.
 *
 * A device that comes up gets fe80::/64 + an EUI-64 of its hardware address. Once that is known to be
 * unique, routers are solicited three times. Advertisements come in the receive context; what they
 * change needs net->config, so they are copied to a worker's list, bounded.
 *
 * Absent: temporary addresses (RFC 8981), route information options, redirects.
 */
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/in6.h>
#include <linux/netlink.h>
#include "inet_internal.h"

#define RA_WAITING 16u
#define OPT_PREFIX 3u
#define OPT_MTU 5u
#define PREFIX_ONLINK 0x80u
#define PREFIX_AUTO 0x40u
#define SOLICITATIONS 3u
#define SOLICIT_NS (4 * NSEC_PER_SEC)
#define TWO_HOURS 7200u
#define PREFIXES_MAX 16u /* addresses that routers may make us take, a device: net.ipv6.conf.*.max_addresses */

struct ra {
	struct list node;
	int ifindex;
	struct inet_addr router;
	u32 len;
	u8 data[200];
};

/* ---- our own part of an address ---- */

static bool eui64(const struct net_device *d, u8 *id)
{
	if (d->type != ARPHRD_ETHER || d->addr_len != 6)
		return false;
	memcpy(id, d->addr, 3);
	id[3] = 0xff;
	id[4] = 0xfe;
	memcpy(id + 5, d->addr + 3, 3);
	id[0] ^= 2; /* universal/local: RFC 4291 2.5.1 */
	return true;
}

void nd_device_up(struct net_device *d)
{
	struct inet_address spec = { .local = { .b = { 0xfe, 0x80 } },
				     .plen = 64,
				     .scope = RT_SCOPE_LINK,
				     .valid_until = KTIME_MAX,
				     .preferred_until = KTIME_MAX };

	if (eui64(d, spec.local.b + 8)) {
		spec.peer = spec.local;
		inet_address_add(d, &spec, true);
	}
}

/* ---- solicitations ---- */

static void solicit_routers(struct net_device *d)
{
	static const struct inet_addr all_routers = { .b = { 0xff, 2, [15] = 2 } };
	struct packet *p = packet_alloc(GFP_ATOMIC);
	struct icmp_header *h;
	struct inet_addr src;
	bool have;
	u8 *o;

	if (!p)
		return;
	rcu_read_lock();
	have = inet_select_source(d->net, d, &all_routers, RT_SCOPE_LINK, &src);
	rcu_read_unlock();
	h = packet_put(p, sizeof(*h));
	*h = (struct icmp_header){ .type = 133 };
	if (have && d->addr_len == 6) {
		o = packet_put(p, 8);
		o[0] = o[1] = 1;
		memcpy(o + 2, d->addr, 6);
	}
	if (!have)
		src = (struct inet_addr){ .d = { 0 } };
	icmp6_output(d->net, p, d, &src, &all_routers, 255);
}

void ra_link_ready(struct net_device *d)
{
	struct in_device *in = inet_dev(d, true);

	if (!in->accept_ra || d->net->inet->conf.ip6_forward || d->flags & IFF_LOOPBACK)
		return;
	in->rs_left = SOLICITATIONS;
	in->rs_at = net_now();
}

ktime_t ra_tick(struct in_device *in, ktime_t now)
{
	if (in->rs_left && in->rs_at <= now) {
		in->rs_left--;
		in->rs_at = now + SOLICIT_NS;
		solicit_routers(in->dev);
	}
	return in->rs_left ? in->rs_at : KTIME_MAX;
}

/* ---- what they say ---- */

static void default_route(struct net_device *d, const struct ra *ra, u32 lifetime)
{
	struct fib_entry e = { .v6 = true,
			       .type = RTN_UNICAST,
			       .protocol = RTPROT_RA,
			       .table = RT_TABLE_MAIN,
			       .metric = 1024,
			       .dev = d,
			       .has_gateway = true,
			       .gateway = ra->router };

	if (!lifetime) {
		fib_del(d->net, &e);
		return;
	}
	e.expires = net_now() + lifetime * NSEC_PER_SEC;
	fib_keep(d->net, &e);
	inet_tick_soon(d->net, e.expires);
}

static void onlink_route(struct net_device *d, const struct inet_addr *prefix, u8 plen,
			 u32 lifetime)
{
	struct fib_entry e = { .v6 = true,
			       .type = RTN_UNICAST,
			       .protocol = RTPROT_KERNEL,
			       .table = RT_TABLE_MAIN,
			       .metric = 256,
			       .dev = d,
			       .prefix = addr_masked(prefix, plen),
			       .plen = plen };

	if (!lifetime) {
		fib_del(d->net, &e);
		return;
	}
	if (lifetime != 0xffffffffu) {
		e.expires = net_now() + lifetime * NSEC_PER_SEC;
		inet_tick_soon(d->net, e.expires);
	}
	fib_keep(d->net, &e);
}

static ktime_t end_of(u32 lifetime)
{
	return lifetime == 0xffffffffu ? KTIME_MAX : net_now() + lifetime * NSEC_PER_SEC;
}

static u32 count_made(const struct in_device *in)
{
	struct inet_address *a;
	u32 n = 0;

	LIST_FOR_EACH(a, &in->addrs, node)
		n += !!(atomic_load(&a->flags) & IFA_F_MANAGETEMPADDR) ||
		     a->protocol == IFAPROT_KERNEL_RA;
	return n;
}

/* RFC 4862 5.5.3: a new address, or other lifetimes of the one there. (e): no stranger shortens one below two hours. */
static void prefix_address(struct net_device *d, const struct inet_addr *prefix, u32 valid,
			   u32 preferred)
{
	struct in_device *in = inet_dev(d, true);
	struct inet_address spec = { .local = *prefix,
				     .plen = 64,
				     .scope = RT_SCOPE_UNIVERSE,
				     .protocol = IFAPROT_KERNEL_RA,
				     .flags = IFA_F_NOPREFIXROUTE };
	struct inet_address *a;

	if (!eui64(d, spec.local.b + 8))
		return;
	spec.peer = spec.local;
	spec.valid_until = end_of(valid);
	spec.preferred_until = end_of(preferred);
	a = inet_address_find(d, &spec.local);
	if (!a) {
		if (valid && count_made(in) < PREFIXES_MAX)
			inet_address_add(d, &spec, true);
		return;
	}
	if (a->protocol != IFAPROT_KERNEL_RA)
		return;
	if (valid <= TWO_HOURS && spec.valid_until < a->valid_until)
		spec.valid_until = MIN(a->valid_until, end_of(TWO_HOURS));
	a->valid_until = spec.valid_until;
	a->preferred_until = spec.preferred_until;
	if (preferred)
		atomic_fetch_and(&a->flags, ~(u32)IFA_F_DEPRECATED);
	inet_tick_soon(d->net, MIN(a->valid_until, a->preferred_until));
}

static void take_prefix(struct net_device *d, const u8 *o)
{
	struct inet_addr prefix = addr_from_bytes(o + 16);
	u32 valid = get_be32(o + 4), preferred = get_be32(o + 8);
	u8 plen = o[2];

	if (plen > 128 || addr_is_linklocal(&prefix) || addr_is_multicast(&prefix) ||
	    addr_is_v4(&prefix) || preferred > valid)
		return;
	if (o[3] & PREFIX_ONLINK)
		onlink_route(d, &prefix, plen, valid);
	if (o[3] & PREFIX_AUTO && plen == 64 && inet_dev(d, true)->autoconf)
		prefix_address(d, &prefix, valid, preferred);
}

static void take_options(struct net_device *d, const struct ra *ra)
{
	struct in_device *in = inet_dev(d, true);
	u32 at = 16;

	while (at + 8 <= ra->len) {
		const u8 *o = ra->data + at;
		u32 len = o[1] * 8u;

		if (!len || at + len > ra->len)
			return;
		if (o[0] == OPT_PREFIX && len == 32)
			take_prefix(d, o);
		else if (o[0] == OPT_MTU && len == 8 && get_be32(o + 4) >= 1280 &&
			 get_be32(o + 4) <= d->mtu)
			in->mtu6 = get_be32(o + 4);
		at += len;
	}
}

static void process(struct net *net, const struct ra *ra)
{
	struct net_device *d = device_by_index(net, ra->ifindex);
	struct in_device *in = d ? inet_dev(d, true) : NULL;

	if (!in || !device_up(d) || !in->accept_ra || net->inet->conf.ip6_forward)
		return;
	in->rs_left = 0;
	if (ra->data[4])
		in->hop_limit = ra->data[4];
	default_route(d, ra, get_be16(ra->data + 6));
	take_options(d, ra);
	fib_changed(net);
}

/* ---- from the receive context to the worker ---- */

void ra_work(struct inet_net *n)
{
	struct ra *ra;

	for (;;) {
		spin_lock(&n->ra_lock);
		ra = list_first(&n->ras, struct ra, node);
		if (ra) {
			list_del(&ra->node);
			n->nr_ras--;
		}
		spin_unlock(&n->ra_lock);
		if (!ra)
			return;
		if (!atomic_load(&n->dying))
			process(n->net, ra);
		kfree(ra);
	}
}

void ra_receive(struct net *net, struct packet *p, const struct inet_in *in)
{
	struct inet_net *n = net->inet;
	struct ra *ra;

	if (!addr_is_linklocal(&in->src))
		return;
	ra = kmalloc(sizeof(*ra), GFP_ATOMIC);
	if (!ra)
		return;
	ra->ifindex = p->dev->ifindex;
	ra->router = in->src;
	ra->len = MIN(p->head_len, (u32)sizeof(ra->data));
	memcpy(ra->data, p->data, ra->len);
	spin_lock(&n->ra_lock);
	if (n->nr_ras < RA_WAITING) {
		list_add_tail(&n->ras, &ra->node);
		n->nr_ras++;
		ra = NULL;
	}
	spin_unlock(&n->ra_lock);
	kfree(ra);
	work_queue(&n->tick);
}
