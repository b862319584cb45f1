// SPDX-License-Identifier: MIT
/*
 * From a flow to a route: ip-route's answer for what we send, and what becomes of what came in.
 *
 * Most answers of one table entry are alike (same device, gateway, source), so the
 * entry keeps one counted struct route and hands it out; only a destination with a
 * path MTU of its own, or a source that the entry does not name, gets one made for it.
 * Answers are dated by inet_net.generation: whoever keeps one asks route_valid().
 * Path MTUs that were learned are in pmtu.c.
 */
#include <linux/if.h>
#include "inet_internal.h"

#define MTU_MIN6 1280u   /* RFC 8200 5 */

/* ---- objects ---- */

/* All answers of a namespace, so that a device that goes is let go of: sockets keep theirs until they are used. */
struct listed_route {
	struct route r;
	struct list node;       /* inet_net.routes; route_lock */
	struct inet_net *owner; /* [I] */
};

static void route_free(struct rcu_head *h)
{
	struct listed_route *l = container_of(h, struct listed_route, r.rcu);

	spin_lock(&l->owner->route_lock);
	list_del(&l->node);
	spin_unlock(&l->owner->route_lock);
	device_put(l->r.dev);
	kfree(l);
}

/* Readers of ->dev are in an RCU section; the device waits for those before it is freed. */
void route_flush_device(struct net_device *d)
{
	struct net *net = d->net;
	struct listed_route *l;

	if (d == net->loopback)
		return;
	spin_lock(&net->inet->route_lock);
	LIST_FOR_EACH(l, &net->inet->routes, node)
		if (l->r.dev == d) {
			device_get(net->loopback);
			rcu_assign(l->r.dev, net->loopback);
			device_put(d);
		}
	spin_unlock(&net->inet->route_lock);
}

void route_get(struct route *r)
{
	ref_get(&r->refs);
}

void route_put(struct route *r)
{
	if (r && ref_put(&r->refs))
		rcu_call(&r->rcu, route_free);
}

bool route_valid(struct net *net, const struct route *r)
{
	return r->generation ==
		       atomic_load_explicit(&net->inet->generation, memory_order_acquire) &&
	       !(atomic_load(&r->mtu_expires) && atomic_load(&r->mtu_expires) <= net_now());
}

static u32 device_mtu(const struct net_device *d, bool v6)
{
	struct in_device *in = v6 ? inet_dev(d, true) : NULL;
	u32 mtu = MIN(READ_ONCE(d->mtu), PACKET_MAX);

	if (in && in->mtu6)
		mtu = MIN(mtu, in->mtu6);
	return v6 ? MAX(mtu, MTU_MIN6) : mtu;
}

u32 route_mtu(const struct route *r)
{
	u32 mtu = atomic_load_explicit(&r->mtu, memory_order_relaxed);

	return mtu ? mtu : device_mtu(r->dev, r->v6);
}

struct answer {
	struct fib_entry *entry;     /* NULL: none was asked */
	struct net_device *dev;
	struct inet_addr gateway, src;
	u8 kind;
};

static struct route *route_make(struct net *net, const struct answer *a, bool v6)
{
	struct listed_route *l = kzalloc(sizeof(*l), GFP_ATOMIC);
	const struct fib_entry *e = a->entry;
	struct route *r = &l->r;

	if (!l)
		return ERR_PTR(-ENOBUFS);
	ref_init(&r->refs, 1);
	r->generation = atomic_load_explicit(&net->inet->generation, memory_order_acquire);
	r->kind = a->kind;
	r->v6 = v6;
	r->dev = a->dev;
	device_get(a->dev);
	r->gateway = a->gateway;
	r->src = a->src;
	if (e) {
		atomic_store(&r->mtu, e->mtu);
		r->mtu_locked = e->mtu_locked;
		r->advmss = e->advmss;
		r->initcwnd = e->initcwnd;
		r->window = e->window;
		r->rto_min = e->rto_min;
	}
	l->owner = net->inet;
	spin_lock(&net->inet->route_lock);
	list_add_tail(&net->inet->routes, &l->node);
	spin_unlock(&net->inet->route_lock);
	return r;
}

/* ---- the answer ---- */

static bool entry_route_fits(struct net *net, struct route *r, const struct answer *a)
{
	return r && r->kind == a->kind && addr_equal(&r->src, &a->src) && r->dev == a->dev &&
	       route_valid(net, r);
}

/* The entry's own answer, or a new one which becomes it.  RCU: an old one is freed later than its last reader. */
static struct route *entry_route(struct net *net, const struct answer *a, bool v6)
{
	struct route *r = rcu_dereference(a->entry->cached), *old;

	if (entry_route_fits(net, r, a) && ref_get_unless_zero(&r->refs))
		return r;
	r = route_make(net, a, v6);
	if (IS_ERR(r))
		return r;
	route_get(r);
	old = __atomic_exchange_n(&a->entry->cached, r, __ATOMIC_ACQ_REL);
	route_put(old);
	return r;
}

static struct route *answer(struct net *net, const struct answer *a, const struct flow *f)
{
	struct pmtu *m = NULL;
	struct route *r;

	if (a->kind == ROUTE_UNICAST &&
	    atomic_load_explicit(&net->inet->nr_pmtu, memory_order_relaxed))
		m = pmtu_find(net, &f->dst);
	if (a->entry && !m)
		return entry_route(net, a, f->v6);
	r = route_make(net, a, f->v6);
	if (!IS_ERR(r) && m && m->expires > net_now() && !r->mtu_locked && m->mtu < route_mtu(r)) {
		atomic_store(&r->mtu, m->mtu);
		atomic_store(&r->mtu_expires, m->expires);
	}
	return r;
}

static u8 kind_of(u8 rtn)
{
	return rtn == RTN_LOCAL || rtn == RTN_ANYCAST ? ROUTE_LOCAL
	       : rtn == RTN_BROADCAST		      ? ROUTE_BROADCAST
	       : rtn == RTN_MULTICAST		      ? ROUTE_MULTICAST
						      : ROUTE_UNICAST;
}

/* From a table's entry. Our own addresses are reached by the loopback, with themselves as source. */
static struct route *answer_entry(struct net *net, struct fib_entry *e, struct flow *f)
{
	struct answer a = {
		.entry = e, .dev = e->dev, .kind = kind_of(e->type), .gateway = e->gateway
	};

	if (a.kind == ROUTE_LOCAL)
		a.dev = net->loopback;
	if (!a.dev)
		return ERR_PTR(-ENETUNREACH);
	if (addr_is_any(&f->src)) {
		const struct inet_addr *towards = e->has_gateway && !f->v6 ? &e->gateway : &f->dst;
		u8 scope = e->scope == RT_SCOPE_HOST ? RT_SCOPE_HOST : RT_SCOPE_LINK;

		if (e->has_src && (!f->v6 || a.kind != ROUTE_LOCAL))
			f->src = e->src;
		else if (a.kind == ROUTE_LOCAL)
			f->src = f->dst;
		else if (!inet_select_source(net, e->dev, towards, scope, &f->src))
			f->src = f->v6 ? f->src : addr_from_v4((be32){ 0 });
		if (a.kind == ROUTE_LOCAL && !f->v6 && addr_is_loopback(&f->dst) &&
		    !addr_is_loopback(&f->src))
			f->src = f->dst;
		if (f->v6 && addr_is_any(&f->src))
			return ERR_PTR(-EADDRNOTAVAIL);
	}
	a.src = f->src;
	f->oif = a.dev->ifindex;
	return answer(net, &a, f);
}

/* On this device's link, whatever the tables say. */
static struct route *answer_link(struct net *net, struct net_device *d, struct flow *f, u8 kind)
{
	struct answer a = { .dev = d, .kind = kind };

	if (addr_is_any(&f->src) && !inet_select_source(net, d, &f->dst, RT_SCOPE_LINK, &f->src))
		f->src = f->v6 ? (struct inet_addr){ .d = { 0 } } : addr_from_v4((be32){ 0 });
	a.src = f->src;
	f->oif = d->ifindex;
	return answer(net, &a, f);
}

/* ---- out ---- */

static bool limited_broadcast(const struct inet_addr *a)
{
	return addr_is_v4(a) && addr_v4(a).raw == 0xffffffffu;
}

/* A source that the sender named must be one of ours. */
static int check_source4(struct net *net, const struct flow *f)
{
	if (addr_is_any(&f->src))
		return 0;
	if (addr_is_multicast(&f->src) || limited_broadcast(&f->src))
		return -EINVAL;
	if (f->transparent || inet_addr_is_local(net, &f->src, NULL))
		return 0;
	return -EINVAL;
}

static struct net_device *device_of_source(struct net *net, const struct inet_addr *src)
{
	struct fib_entry *e =
		addr_is_any(src) ? NULL : fib_lookup_table(net, false, RT_TABLE_LOCAL, src, 0);

	return e && e->type == RTN_LOCAL ? e->dev : NULL;
}

static struct route *out4(struct net *net, struct flow *f)
{
	struct net_device *d = NULL;
	struct fib_entry *e;
	int err = check_source4(net, f);

	if (err)
		return ERR_PTR(err);
	if (f->oif) {
		d = device_by_index(net, f->oif);
		if (!d)
			return ERR_PTR(-ENODEV);
		if (!device_up(d) || !inet_dev(d, false))
			return ERR_PTR(-ENETUNREACH);
	} else if (addr_is_multicast(&f->dst) || limited_broadcast(&f->dst)) {
		d = device_of_source(net, &f->src); /* old multicast programs bind to choose a device */
	}
	if (addr_is_any(&f->dst)) {
		f->dst = f->src;
		if (addr_is_any(&f->dst))
			f->dst = addr_from_v4(cpu_to_be32(0x7f000001u));
	}
	if (d && (limited_broadcast(&f->dst) || addr_is_multicast(&f->dst)))
		return answer_link(net, d, f,
				   limited_broadcast(&f->dst) ? ROUTE_BROADCAST : ROUTE_MULTICAST);
	if (d && f->dontroute && !inet_addr_is_local(net, &f->dst, NULL))
		return answer_link(net, d, f, ROUTE_UNICAST);
	e = fib_lookup(net, f);
	if (IS_ERR(e)) {
		if (d && PTR_ERR(e) == -ENETUNREACH) /* a device but no route: the destination is on its link */
			return answer_link(net, d, f, ROUTE_UNICAST);
		return ERR_CAST(e);
	}
	if (addr_is_multicast(&f->dst) || limited_broadcast(&f->dst)) {
		if (!e->dev)
			return ERR_PTR(-ENETUNREACH);
		if (addr_is_any(&f->src) && e->has_src)
			f->src = e->src;
		return answer_link(net, e->dev, f,
				   limited_broadcast(&f->dst) ? ROUTE_BROADCAST : ROUTE_MULTICAST);
	}
	if (f->dontroute && e->has_gateway)
		return ERR_PTR(-ENETUNREACH);
	return answer_entry(net, e, f);
}

static struct route *out6(struct net *net, struct flow *f)
{
	bool link =
		addr_is_linklocal(&f->dst) || (f->dst.b[0] == 0xff && addr_scope6(&f->dst) <= 2);
	struct net_device *d = f->oif ? device_by_index(net, f->oif) : NULL;
	struct fib_entry *e;

	if (f->oif && !d)
		return ERR_PTR(-ENODEV);
	if (!addr_is_any(&f->src) && !f->transparent && addr_is_multicast(&f->src))
		return ERR_PTR(-EINVAL);
	if (d && addr_is_multicast(&f->dst)) {
		if (!device_up(d) || !inet_dev(d, true))
			return ERR_PTR(-ENETUNREACH);
		return answer_link(net, d, f, ROUTE_MULTICAST);
	}
	/* Own addresses are reached whatever device was asked for; a link's addresses by that link alone. */
	e = fib_lookup_table(net, true, RT_TABLE_LOCAL, &f->dst, 0);
	if (!(e && e->type == RTN_LOCAL && (!link || !f->oif || e->dev->ifindex == f->oif)))
		e = fib_lookup(net, f);
	if (IS_ERR(e))
		return ERR_CAST(e);
	return answer_entry(net, e, f);
}

struct route *route_out(struct net *net, struct flow *f)
{
	struct route *r;

	rcu_read_lock();
	r = f->v6 ? out6(net, f) : out4(net, f);
	rcu_read_unlock();
	return r;
}

/* ---- in ---- */

/* Sources that nobody may have: RFC 1122 3.2.1.3, RFC 6890.  Ours, from outside, is a forgery, too. */
static bool martian_source(struct net *net, struct net_device *dev, const struct flow *f)
{
	if (addr_is_multicast(&f->src) || limited_broadcast(&f->src))
		return true;
	if (dev->flags & IFF_LOOPBACK)
		return false;
	if (addr_is_loopback(&f->src) || addr_is_loopback(&f->dst))
		return true;
	return !f->v6 && !addr_is_any(&f->src) && inet_addr_is_local(net, &f->src, NULL);
}

static enum route_in in_group(struct net_device *dev, const struct flow *f)
{
	if (f->v6 && addr_scope6(&f->dst) <= 1 && !(dev->flags & IFF_LOOPBACK))
		return ROUTE_IN_DROP; /* interface-local: never from a wire */
	return mcast_joined(dev, &f->dst) ? ROUTE_IN_LOCAL : ROUTE_IN_DROP;
}

static enum route_in forward(struct net *net, struct net_device *dev, const struct flow *f,
			     struct fib_entry *e, struct route **out)
{
	struct in_device *in = inet_dev(dev, f->v6);
	struct flow copy = *f;
	struct route *r;

	if (!(f->v6 ? net->inet->conf.ip6_forward : net->inet->conf.ip_forward) &&
	    !(in && in->forwarding))
		return ROUTE_IN_DROP;
	if (addr_is_any(&f->src) || addr_is_linklocal(&f->src) || addr_is_linklocal(&f->dst))
		return ROUTE_IN_DROP;
	if (!e->dev)
		return ROUTE_IN_UNREACHABLE;
	copy.oif = 0;
	r = answer_entry(net, e, &copy);
	if (IS_ERR(r))
		return ROUTE_IN_UNREACHABLE;
	*out = r;
	return ROUTE_IN_FORWARD;
}

enum route_in route_in(struct net *net, struct net_device *dev, const struct flow *f,
		       struct route **out)
{
	struct fib_entry *e;

	if (martian_source(net, dev, f))
		return ROUTE_IN_DROP;
	if (addr_is_multicast(&f->dst))
		return in_group(dev, f);
	if (limited_broadcast(&f->dst))
		return ROUTE_IN_LOCAL;
	if (addr_is_any(&f->dst)) /* 0.0.0.0 was a broadcast once; only as such, and only without a source */
		return !f->v6 && addr_is_any(&f->src) ? ROUTE_IN_LOCAL : ROUTE_IN_DROP;
	e = fib_lookup(net, f);
	if (IS_ERR(e)) {
		if (!(f->v6 ? net->inet->conf.ip6_forward : net->inet->conf.ip_forward))
			return ROUTE_IN_DROP;
		return PTR_ERR(e) == -EACCES ? ROUTE_IN_PROHIBIT :
		       PTR_ERR(e) == -EINVAL ? ROUTE_IN_DROP : ROUTE_IN_UNREACHABLE;
	}
	if (e->type == RTN_LOCAL || e->type == RTN_BROADCAST || e->type == RTN_ANYCAST)
		return ROUTE_IN_LOCAL;
	return forward(net, dev, f, e, out);
}
