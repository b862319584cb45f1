// SPDX-License-Identifier: MIT
/*
 * Addresses of devices, both families, and the routes that come and go with them.
 *
 * An address makes, while its device is up:
 *
 *	IPv4	local ADDR/32 in table local; PREFIX in main, scope link, with ADDR as source;
 *		broadcast BRD/32 in table local (devices with IFF_BROADCAST, and loopback)
 *	IPv6	local ADDR/128 in table local; PREFIX in main, metric 256
 *
 * An IPv6 address is first tentative: it is probed for (RFC 4862 5.4, nd.c) and nobody uses it meanwhile.
 * Lifetimes make it deprecated, then remove it (addr_tick()). IPv4 addresses know secondaries: a further
 * one of the same prefix, which goes with the first.
 *
 * Locks: net->config to change, RCU to read. Limit: ADDRESSES_MAX a device and family.
 */
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include "inet_internal.h"

#define ADDRESSES_MAX 1024u

/* ---- a device's part ---- */

struct in_device *inet_dev_make(struct net_device *d, bool v6)
{
	struct in_device *in = inet_dev(d, v6);

	if (in)
		return in;
	_Static_assert(sizeof(struct in6_device) == sizeof(struct in_device),
		       "one struct under two names");
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in)
		return NULL;
	in->dev = d;
	in->v6 = v6;
	list_init(&in->addrs);
	list_init(&in->groups);
	in->accept_ra = in->autoconf = in->dad_transmits = 1;
	in->hop_limit = 64;
	in->rs_at = KTIME_MAX;
	if (v6)
		rcu_assign(d->ip6, container_of(in, struct in6_device, in));
	else
		rcu_assign(d->ip4, (struct in_device *)in);
	return in;
}

static void in_device_free(struct rcu_head *h)
{
	kfree(container_of(h, struct in_device, rcu));
}

/* ---- finding ---- */

struct inet_address *inet_address_find(struct net_device *d, const struct inet_addr *local)
{
	struct in_device *in = inet_dev(d, !addr_is_v4(local));
	struct inet_address *a;

	if (!in)
		return NULL;
	LIST_FOR_EACH_RCU(a, &in->addrs, node)
		if (addr_equal(&a->local, local))
			return a;
	return NULL;
}

/* The local table knows; tentative addresses are in it, and are no one's yet. */
bool inet_addr_is_local(struct net *net, const struct inet_addr *a, const struct net_device *dev)
{
	bool v6 = !addr_is_v4(a);
	struct fib_entry *e = fib_lookup_table(net, v6, RT_TABLE_LOCAL, a, 0);
	struct inet_address *ia;

	if (!e || e->type != RTN_LOCAL || (dev && e->dev != dev))
		return false;
	if (!v6 || !e->dev)
		return true;
	ia = inet_address_find(e->dev, a);
	return !ia || !(atomic_load(&ia->flags) & IFA_F_TENTATIVE) ||
	       atomic_load(&ia->flags) & IFA_F_OPTIMISTIC;
}

bool inet_addr_is_broadcast(struct net *net, const struct inet_addr *a,
			    const struct net_device *dev)
{
	struct fib_entry *e;

	if (!addr_is_v4(a))
		return false;
	if (addr_v4(a).raw == 0xffffffffu || !addr_v4(a).raw)
		return true;
	e = fib_lookup_table(net, false, RT_TABLE_LOCAL, a, dev ? dev->ifindex : 0);
	return e && e->type == RTN_BROADCAST;
}

/* ---- the routes of an address ---- */

static void route_of(struct inet_address *a, struct fib_entry *e, u8 type)
{
	*e = (struct fib_entry){
		.type = type,
		.protocol = RTPROT_KERNEL,
		.v6 = !addr_is_v4(&a->local),
		.dev = a->dev,
		.table = type == RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
		.plen = 128,
		.prefix = a->local,
	};
	e->scope = e->v6 ? RT_SCOPE_UNIVERSE : type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK;
	if (!e->v6) {
		e->has_src = true;
		e->src = a->local;
	}
}

static void change_route(struct inet_address *a, const struct fib_entry *e, bool add)
{
	if (add)
		fib_add(a->dev->net, e, NLM_F_CREATE | NLM_F_APPEND);
	else
		fib_del(a->dev->net, e);
}

static bool others_prefix(struct inet_address *a)
{
	struct in_device *in = inet_dev(a->dev, !addr_is_v4(&a->local));
	struct inet_address *o;

	LIST_FOR_EACH(o, &in->addrs, node)
		if (o != a && o->plen == a->plen &&
		    !(atomic_load(&o->flags) & IFA_F_NOPREFIXROUTE) &&
		    addr_prefix_equal(&o->peer, &a->peer, a->plen + (in->v6 ? 0 : 96)))
			return true;
	return false;
}

static void prefix_route(struct inet_address *a, bool add)
{
	struct fib_entry e;
	u32 bits;

	route_of(a, &e, RTN_UNICAST);
	bits = a->plen + (e.v6 ? 0 : 96);
	if (atomic_load(&a->flags) & (IFA_F_NOPREFIXROUTE | IFA_F_SECONDARY))
		return;
	if (bits == 128 && addr_equal(&a->peer, &a->local))
		return;
	if (!add && others_prefix(a) && e.v6)
		return; /* one of the same prefix keeps it alive */
	e.plen = (u8)bits;
	e.prefix = addr_masked(&a->peer, bits);
	e.metric = a->metric ? a->metric : e.v6 ? 256 : 0;
	if (!e.v6 && addr_is_loopback(&a->local)) { /* all of 127/8 is here */
		e.type = RTN_LOCAL;
		e.table = RT_TABLE_LOCAL;
		e.scope = RT_SCOPE_HOST;
	}
	if (e.v6 && a->dev->flags & IFF_LOOPBACK && bits == 128)
		return;
	if (a->plen || e.v6)
		change_route(a, &e, add);
}

static void broadcast_route(struct inet_address *a, bool add)
{
	struct fib_entry e;

	if (!addr_is_v4(&a->local) || a->plen > 30 ||
	    !(a->dev->flags & (IFF_BROADCAST | IFF_LOOPBACK)))
		return;
	route_of(a, &e, RTN_BROADCAST);
	e.prefix = a->broadcast;
	if (addr_is_any(&e.prefix)) {
		if (!(a->dev->flags & IFF_LOOPBACK))
			return;
		e.prefix = a->local;
		e.prefix.w[3].raw |= cpu_to_be32(0xffffffffu >> a->plen).raw;
	}
	change_route(a, &e, add);
}

static void address_routes(struct inet_address *a, bool add)
{
	struct fib_entry e;

	if (add && !device_up(a->dev))
		return;
	route_of(a, &e, RTN_LOCAL);
	change_route(a, &e, add);
	prefix_route(a, add);
	broadcast_route(a, add);
	fib_changed(a->dev->net);
}

/* ---- adding and removing ---- */

static void notify(struct inet_address *a, bool gone)
{
	struct net *net = a->dev->net;

	SET_FOR_EACH(const struct inet_listener, l, inet_listeners)
		if (l->address)
			l->address(net, a, gone);
}

/* 0: @spec may be added; it is a secondary if *secondary. */
static int check_new(struct in_device *in, const struct inet_address *spec, bool *secondary)
{
	struct inet_address *a;
	u32 n = 0;

	*secondary = false;
	LIST_FOR_EACH(a, &in->addrs, node) {
		if (addr_equal(&a->local, &spec->local) && (in->v6 || a->plen == spec->plen))
			return -EEXIST;
		if (!in->v6 && a->plen == spec->plen && !(a->flags & IFA_F_SECONDARY) &&
		    addr_prefix_equal(&a->peer, &spec->peer, spec->plen + 96u))
			*secondary = true;
		n++;
	}
	return n < ADDRESSES_MAX ? 0 : -ENOBUFS;
}

int inet_address_add(struct net_device *d, const struct inet_address *spec, bool v6)
{
	struct in_device *in = inet_dev_make(d, v6);
	struct inet_address *a;
	bool secondary;
	int err;

	if (!in)
		return -ENOBUFS;
	if (in->disable)
		return -EACCES;
	err = check_new(in, spec, &secondary);
	if (err)
		return err;
	a = (void *)kmemdup(spec, sizeof(*spec), GFP_KERNEL);
	if (!a)
		return -ENOBUFS;
	a->dev = d;
	if (secondary)
		a->flags |= IFA_F_SECONDARY;
	a->created = a->updated = net_now();
	a->probe_at = KTIME_MAX;
	if (a->valid_until == KTIME_MAX)
		a->flags |= IFA_F_PERMANENT;
	if (v6 && !(a->flags & IFA_F_NODAD) && !(d->flags & (IFF_LOOPBACK | IFF_NOARP)))
		a->flags |= IFA_F_TENTATIVE;
	list_add_tail_rcu(&in->addrs, &a->node);
	address_routes(a, true);
	if (v6 && device_up(d))
		nd_dad_start(a);
	if (a->preferred_until != KTIME_MAX || a->valid_until != KTIME_MAX)
		inet_tick_soon(d->net, MIN(a->preferred_until, a->valid_until));
	notify(a, false);
	return 0;
}

void inet_address_del(struct inet_address *a)
{
	struct in_device *in = inet_dev(a->dev, !addr_is_v4(&a->local));
	struct inet_address *o, *tmp;

	address_routes(a, false);
	list_del_rcu(&a->node);
	fib_changed(a->dev->net);
	notify(a, true);
	if (!in->v6 && !(a->flags & IFA_F_SECONDARY)) /* its secondaries go with it */
		LIST_FOR_EACH_SAFE(o, tmp, &in->addrs, node)
			if (o->flags & IFA_F_SECONDARY && o->plen == a->plen &&
			    addr_prefix_equal(&o->peer, &a->peer, a->plen + 96u)) {
				address_routes(o, false);
				list_del_rcu(&o->node);
				notify(o, true);
				kfree_rcu(o);
			}
	kfree_rcu(a);
}

ktime_t addr_tick(struct net_device *d, ktime_t now)
{
	ktime_t next = KTIME_MAX;

	for (int v6 = 0; v6 < 2; v6++) {
		struct in_device *in = inet_dev(d, v6);
		struct inet_address *a, *tmp;

		if (!in)
			continue;
		LIST_FOR_EACH_SAFE(a, tmp, &in->addrs, node) {
			if (a->valid_until <= now) {
				inet_address_del(a);
				return now; /* others may have gone with it */
			}
			if (a->preferred_until <= now)
				atomic_fetch_or(&a->flags, IFA_F_DEPRECATED);
			else
				next = MIN(next, a->preferred_until);
			next = MIN(next, a->valid_until);
		}
	}
	return next;
}

/* ---- devices ---- */

static void add_loopback(struct net_device *d, bool v6)
{
	struct inet_address spec = { .plen = v6 ? 128 : 8,
				     .scope = RT_SCOPE_HOST,
				     .valid_until = KTIME_MAX,
				     .preferred_until = KTIME_MAX };

	spec.local = v6 ? (struct inet_addr){ .b = { [15] = 1 } }
			: addr_from_v4(cpu_to_be32(0x7f000001u));
	spec.peer = spec.local;
	memcpy(spec.label, v6 ? "" : d->name, v6 ? 1 : IFNAMSIZ);
	if (!inet_address_find(d, &spec.local))
		inet_address_add(d, &spec, v6);
}

/* ff00::/8 leaves by every device that is up: RFC 4291's groups have no other route. */
static void multicast_route6(struct net_device *d, bool add)
{
	struct fib_entry e = { .type = RTN_MULTICAST,
			       .protocol = RTPROT_KERNEL,
			       .v6 = true,
			       .dev = d,
			       .metric = 256,
			       .table = RT_TABLE_LOCAL,
			       .plen = 8,
			       .prefix = { .b = { 0xff } } };

	if (d->flags & IFF_LOOPBACK)
		return;
	if (add)
		fib_add(d->net, &e, NLM_F_CREATE | NLM_F_APPEND);
	else
		fib_del(d->net, &e);
}

static void device_came_up(struct net_device *d)
{
	struct inet_address *a;
	struct in_device *in;

	if (!inet_dev_make(d, false) || (d->mtu >= 1280 && !inet_dev_make(d, true)))
		return;
	if (d->flags & IFF_LOOPBACK) {
		add_loopback(d, false);
		add_loopback(d, true);
	}
	for (int v6 = 0; v6 < 2; v6++) {
		in = inet_dev(d, v6);
		if (!in)
			continue;
		LIST_FOR_EACH(a, &in->addrs, node) {
			address_routes(a, true);
			if (v6)
				nd_dad_start(a); /* given while the device was down */
		}
	}
	mcast_device_up(d);
	if (inet_dev(d, true)) {
		multicast_route6(d, true);
		nd_device_up(d);
	}
	fib_changed(d->net);
}

/* Down: routes and neighbours go; IPv6 addresses that the kernel made, too (RFC 4862); others stay. */
static void device_went_down(struct net_device *d)
{
	struct in_device *in = inet_dev(d, true);
	struct inet_address *a, *tmp;

	if (in)
		LIST_FOR_EACH_SAFE(a, tmp, &in->addrs, node)
			inet_address_del(a);
	fib_flush_device(d);
	neigh_flush_device(d);
	fib_changed(d->net);
}

static void device_gone(struct net_device *d)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct in_device *in = inet_dev(d, v6);
		struct inet_address *a;

		if (!in)
			continue;
		while ((a = list_first(&in->addrs, struct inet_address, node)))
			inet_address_del(a);
		mcast_device_gone(in);
		if (v6)
			rcu_assign(d->ip6, NULL);
		else
			rcu_assign(d->ip4, NULL);
		rcu_call(&in->rcu, in_device_free);
	}
	fib_flush_device(d);
	neigh_flush_device(d);
	fib_changed(d->net);
	route_flush_device(d);
}

void addr_device_event(struct net_device *d, enum net_event e)
{
	switch (e) {
	case NETDEV_REGISTER:
		inet_dev_make(d, false);
		inet_dev_make(d, true);
		break;
	case NETDEV_UP:
		device_came_up(d);
		break;
	case NETDEV_DOWN:
		device_went_down(d);
		break;
	case NETDEV_MTU:
	case NETDEV_CHANGE:
	case NETDEV_ADDR:
		fib_changed(d->net);
		break;
	case NETDEV_UNREGISTER:
		device_gone(d);
		break;
	default:
		break;
	}
}
