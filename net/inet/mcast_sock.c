// SPDX-License-Identifier: MIT
/*
 * Multicast memberships of sockets: IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, MCAST_JOIN_GROUP and their opposites.
 *
 * The list is changed with the socket locked and net->config held, and read under RCU by delivery.
 * Limit: net.ipv4.igmp_max_memberships a socket; IPv6: GROUPS6_MAX. Absent: source filters.
 */
#include <linux/if.h>
#include "inet_internal.h"

#define GROUPS6_MAX 256u

struct membership {
	struct list node;
	struct inet_addr group;
	int ifindex;
};

static struct membership *find(const struct inet_sock *s, const struct inet_addr *group,
			       int ifindex)
{
	struct membership *m;

	LIST_FOR_EACH_RCU(m, &s->memberships, node)
		if (addr_equal(&m->group, group) && (!ifindex || m->ifindex == ifindex))
			return m;
	return NULL;
}

static struct net_device *first_multicast(struct net *net)
{
	struct net_device *d;

	LIST_FOR_EACH_RCU(d, &net->devices, node)
		if (device_up(d) && d->flags & IFF_MULTICAST && !(d->flags & IFF_LOOPBACK))
			return d;
	return NULL;
}

struct net_device *mcast_device(struct net *net, const struct inet_addr *group, int ifindex)
{
	struct flow f = { .dst = *group,
			  .v6 = !addr_is_v4(group),
			  .src = addr_is_v4(group) ? addr_from_v4((be32){ 0 })
						   : (struct inet_addr){ .d = { 0 } } };
	struct net_device *d = NULL;
	struct route *r;

	if (ifindex)
		return device_get_by_index(net, ifindex);
	r = route_out(net, &f);
	rcu_read_lock();
	if (!IS_ERR(r))
		d = r->dev;
	else if (f.v6)
		d = first_multicast(net);
	if (d)
		device_get(d);
	rcu_read_unlock();
	if (!IS_ERR(r))
		route_put(r);
	return d;
}

static u32 count(const struct inet_sock *s)
{
	struct membership *m;
	u32 n = 0;

	LIST_FOR_EACH(m, &s->memberships, node)
		n++;
	return n;
}

static int join_locked(struct inet_sock *s, struct net_device *d, const struct inet_addr *group)
{
	u32 limit = addr_is_v4(group) ? (u32)READ_ONCE(s->sk.net->inet->conf.igmp_max_memberships)
				      : GROUPS6_MAX;
	struct membership *m;
	int err;

	if (find(s, group, d->ifindex))
		return -EADDRINUSE;
	if (count(s) >= limit)
		return -ENOBUFS;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOBUFS;
	m->group = *group;
	m->ifindex = d->ifindex;
	err = mcast_join(d, group);
	if (err)
		kfree(m);
	else
		list_add_tail_rcu(&s->memberships, &m->node);
	return err;
}

int inet_join(struct inet_sock *s, const struct inet_addr *group, int ifindex)
{
	struct net *net = s->sk.net;
	struct net_device *d;
	int err;

	if (!addr_is_multicast(group))
		return -EINVAL;
	d = mcast_device(net, group, ifindex);
	if (!d)
		return -ENODEV;
	sock_lock(&s->sk);
	mutex_lock(&net->config);
	err = join_locked(s, d, group);
	mutex_unlock(&net->config);
	sock_unlock(&s->sk);
	device_put(d);
	return err;
}

static void drop(struct inet_sock *s, struct membership *m)
{
	struct net_device *d = device_by_index(s->sk.net, m->ifindex);

	if (d)
		mcast_leave(d, &m->group);
	list_del_rcu(&m->node);
	kfree_rcu(m);
}

int inet_leave(struct inet_sock *s, const struct inet_addr *group, int ifindex)
{
	struct net *net = s->sk.net;
	struct membership *m;

	sock_lock(&s->sk);
	mutex_lock(&net->config);
	m = find(s, group, ifindex);
	if (m)
		drop(s, m);
	mutex_unlock(&net->config);
	sock_unlock(&s->sk);
	return m ? 0 : -EADDRNOTAVAIL;
}

/* The socket is closed: nobody else changes the list. */
void inet_leave_all(struct inet_sock *s)
{
	struct membership *m;

	if (list_empty(&s->memberships))
		return;
	mutex_lock(&s->sk.net->config);
	while ((m = list_first(&s->memberships, struct membership, node)))
		drop(s, m);
	mutex_unlock(&s->sk.net->config);
}

/* IP_MULTICAST_ALL (on by default): also what others joined. A packet's chain is locked: RCU readers here. */
bool inet_wants_group(const struct inet_sock *s, const struct inet_addr *group, int ifindex)
{
	bool all = addr_is_v4(group) ? s->mc_all : s->mc_all6, joined;

	rcu_read_lock();
	joined = find(s, group, ifindex);
	rcu_read_unlock();
	return joined || all;
}
