// SPDX-License-Identifier: MIT
/*
 * Multicast groups: which a device listens to, and the reports that tell routers (IGMPv3, RFC 3376; MLDv2,
 * RFC 3810), any-source only: a record "exclude nothing" for a group that is joined, "include nothing" for one left.
 *
 * Groups are counted per device; the link layer hears of the first and of the last member. A query is
 * answered after a random part of the time it allows, by the worker (tick.c). Memberships of
 * sockets are in mcast_sock.c.
 *
 * Locks: net->config to change groups, RCU to read.
 */
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/igmp.h>
#include <linux/in6.h>
#include "inet_internal.h"

#define RECORD_EXCLUDE 2u     /* mode is exclude */
#define RECORD_TO_INCLUDE 3u
#define RECORD_TO_EXCLUDE 4u
#define ROBUSTNESS 2u         /* a change is told so many times */
#define REPORT_GAP_NS NSEC_PER_SEC

void mcast_hw_address(const struct inet_addr *group, u8 *hw)
{
	memset(hw, 0, DEVICE_ADDR_MAX);
	if (addr_is_v4(group)) { /* RFC 1112 6.4 */
		const u8 m[6] = {
			0x01, 0x00, 0x5e, group->b[13] & 0x7f, group->b[14], group->b[15]
		};

		memcpy(hw, m, 6);
	} else {                 /* RFC 2464 7 */
		const u8 m[6] = {
			0x33, 0x33, group->b[12], group->b[13], group->b[14], group->b[15]
		};

		memcpy(hw, m, 6);
	}
}

static struct inet_group *group_find(const struct net_device *d, const struct inet_addr *addr)
{
	struct in_device *in = inet_dev(d, !addr_is_v4(addr));
	struct inet_group *g;

	if (in)
		LIST_FOR_EACH_RCU(g, &in->groups, node)
			if (addr_equal(&g->addr, addr))
				return g;
	return NULL;
}

/* All hosts' groups need no member: 224.0.0.1, ff02::1, ff01::1. */
static bool everybodys(const struct inet_addr *a)
{
	static const struct inet_addr nodes = { .b = { 0xff, 2, [15] = 1 } },
				      here = { .b = { 0xff, 1, [15] = 1 } };

	if (addr_is_v4(a))
		return be32_to_cpu(addr_v4(a)) == 0xe0000001u;
	return addr_equal(a, &nodes) || addr_equal(a, &here);
}

bool mcast_joined(const struct net_device *d, const struct inet_addr *group)
{
	return everybodys(group) || group_find(d, group);
}

/* ---- reports ---- */

static void report4(struct net_device *d, const struct inet_addr *group, u8 record)
{
	struct net *net = d->net;
	struct flow f = { .dst = addr_from_v4(cpu_to_be32(0xe0000016u)),
			  .oif = d->ifindex,
			  .protocol = IPPROTO_IGMP };
	static const u8 alert[4] = { 148, 4, 0, 0 }; /* router alert: RFC 2113 */
	struct inet_cork cork = { .ttl = 1,
				  .tos = 0xc0,
				  .options = alert,
				  .options_len = sizeof(alert),
				  .pmtudisc = IP_PMTUDISC_DO };
	struct packet *p = packet_alloc(GFP_ATOMIC);
	struct route *r;
	u8 *b;

	if (!p)
		return;
	b = packet_put(p, 16);
	memset(b, 0, 16);
	b[0] = IGMPV3_HOST_MEMBERSHIP_REPORT;
	b[7] = 1; /* records */
	b[8] = record;
	memcpy(b + 12, &group->w[3], 4);
	((struct icmp_header *)b)->csum.raw = inet_fold(packet_csum(p, 0, 16, 0));
	p->transport = packet_offset(p);
	r = route_out(net, &f);
	if (IS_ERR(r)) {
		packet_free(p);
		return;
	}
	inet_send(net, p, r, &f, &cork);
	route_put(r);
}

static void report6(struct net_device *d, const struct inet_addr *group, u8 record)
{
	static const struct inet_addr mld_routers = { .b = { 0xff, 2, [15] = 0x16 } };
	static const u8 alert[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct packet *p = packet_alloc(GFP_ATOMIC);
	struct inet_addr src = { .d = { 0 } };
	struct ip6_header *h;
	u8 *b;

	if (!p)
		return;
	b = packet_put(p, 28);
	memset(b, 0, 28);
	b[0] = 143; /* MLDv2 report */
	b[7] = 1;
	b[8] = record;
	memcpy(b + 12, group, 16);
	rcu_read_lock();
	inet_select_source(d->net, d, &mld_routers, RT_SCOPE_LINK, &src);
	rcu_read_unlock();
	((struct icmp_header *)b)->csum.raw = inet_fold(
		packet_csum(p, 0, 28, inet_pseudo_csum(&src, &mld_routers, IPPROTO_ICMPV6, 28)));
	p->transport = packet_offset(p);
	b = packet_push(p, 8); /* hop-by-hop: router alert, RFC 2711 */
	memcpy(b, alert, sizeof(alert));
	h = packet_push(p, sizeof(*h));
	*h = (struct ip6_header){
		.flow = cpu_to_be32(6u << 28),
		.payload = cpu_to_be16(36),
		.next = IPPROTO_HOPOPTS,
		.hops = 1,
	};
	memcpy(h->src, &src, 16);
	memcpy(h->dst, &mld_routers, 16);
	p->protocol = ETH_P_IPV6;
	p->network = packet_offset(p);
	p->dev = d;
	neigh_send(p, d, &mld_routers, ROUTE_MULTICAST);
}

/* Link-local groups of IPv6 with scope below link, and everybody's, are nobody's business. */
static void report(struct net_device *d, const struct inet_addr *group, u8 record)
{
	if (d->flags & IFF_LOOPBACK || !device_up(d) || everybodys(group))
		return;
	if (addr_is_v4(group))
		report4(d, group, record);
	else if (addr_scope6(group) >= 2)
		report6(d, group, record);
}

ktime_t mcast_tick(struct net_device *d, ktime_t now)
{
	ktime_t next = KTIME_MAX;

	for (int v6 = 0; v6 < 2; v6++) {
		struct in_device *in = inet_dev(d, v6);
		struct inet_group *g;

		if (!in)
			continue;
		LIST_FOR_EACH(g, &in->groups, node) {
			if (atomic_load(&g->report_at) <= now) {
				report(d, &g->addr,
				       g->reports_left ? RECORD_TO_EXCLUDE : RECORD_EXCLUDE);
				if (g->reports_left)
					g->reports_left--;
				atomic_store(&g->report_at,
					     g->reports_left ? now + REPORT_GAP_NS : KTIME_MAX);
			}
			next = MIN(next, (ktime_t)atomic_load(&g->report_at));
		}
	}
	return next;
}

/* @group NULL: all. Receive context, RCU. */
void mcast_query(struct net_device *d, const struct inet_addr *group, u32 max_delay_ms)
{
	ktime_t at = net_now() + (u64)(inet_random() % MAX(max_delay_ms, 1u)) * NSEC_PER_MSEC;
	struct in_device *in = inet_dev(d, group && !addr_is_v4(group));
	struct inet_group *g;

	if (!in)
		return;
	LIST_FOR_EACH_RCU(g, &in->groups, node)
	if ((!group || addr_is_any(group) || addr_equal(&g->addr, group)) &&
	    atomic_load(&g->report_at) > at)
		atomic_store(&g->report_at, at);
	inet_tick_soon(d->net, at);
}

void mcast_receive_igmp(struct net *net, struct packet *p)
{
	struct inet_addr group;

	if (packet_need(p, 8) && !inet_fold(packet_csum(p, 0, p->len, 0)) &&
	    p->data[0] == IGMP_HOST_MEMBERSHIP_QUERY) {
		group = addr_from_v4(be32_at(p->data + 4));
		mcast_query(p->dev, &group, p->data[1] ? p->data[1] * 100u : 10000);
	}
	packet_free(p);
}

void mcast_receive_mld(struct net *net, struct packet *p)
{
	struct inet_in *in = packet_cb(p, struct inet_in);
	struct inet_addr group;

	if (p->data[0] == 130 && packet_need(p, 24) && addr_is_linklocal(&in->src) &&
	    in->ttl == 1) {
		group = addr_from_bytes(p->data + 8);
		if (!addr_is_v4(&group))
			mcast_query(p->dev, &group, get_be16(p->data + 4));
	}
	packet_free(p);
}

/* ---- joining ---- */

int mcast_join(struct net_device *d, const struct inet_addr *group)
{
	struct in_device *in = inet_dev_make(d, !addr_is_v4(group));
	struct inet_group *g = in ? group_find(d, group) : NULL;
	u8 hw[DEVICE_ADDR_MAX];

	if (!in)
		return -ENOMEM;
	if (g) {
		g->users++;
		return 0;
	}
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	g->addr = *group;
	g->dev = d;
	g->users = 1;
	g->reports_left = ROBUSTNESS;
	atomic_store(&g->report_at, net_now());
	list_add_tail_rcu(&in->groups, &g->node);
	if (d->addr_len == 6 && !(d->flags & IFF_LOOPBACK)) {
		mcast_hw_address(group, hw);
		device_multicast(d, hw, true);
	}
	inet_tick_soon(d->net, net_now());
	return 0;
}

static void group_remove(struct inet_group *g)
{
	u8 hw[DEVICE_ADDR_MAX];

	list_del_rcu(&g->node);
	if (g->dev->addr_len == 6 && !(g->dev->flags & IFF_LOOPBACK)) {
		mcast_hw_address(&g->addr, hw);
		device_multicast(g->dev, hw, false);
	}
	kfree_rcu(g);
}

void mcast_leave(struct net_device *d, const struct inet_addr *group)
{
	struct inet_group *g = group_find(d, group);

	if (!g || --g->users)
		return;
	report(d, group, RECORD_TO_INCLUDE);
	group_remove(g);
}

void mcast_device_up(struct net_device *d)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct in_device *in = inet_dev(d, v6);
		struct inet_group *g;

		if (in)
			LIST_FOR_EACH(g, &in->groups, node) {
				g->reports_left = ROBUSTNESS;
				atomic_store(&g->report_at, net_now());
			}
	}
	inet_tick_soon(d->net, net_now());
}

void mcast_device_gone(struct in_device *in)
{
	struct inet_group *g;

	while ((g = list_first(&in->groups, struct inet_group, node)))
		group_remove(g);
}
