// SPDX-License-Identifier: MIT
/*
 * SOL_IPV6 options, ipv6(7). Most numbers must be whole ints here. Not here, and -ENOPROTOOPT: extension headers to
 * send (IPV6_RTHDR, IPV6_HOPOPTS, IPV6_DSTOPTS), flow label management, IPV6_ADDR_PREFERENCES, source filters.
 */
#include <linux/capability.h>
#include <linux/if.h>
#include <tarn/cred.h>
#include <tarn/process.h>
#include "inet_internal.h"

static const struct {
	u8 name, bit;
} wants[] = {
	{ IPV6_RECVPKTINFO, INET_CMSG_PKTINFO6 }, { IPV6_RECVHOPLIMIT, INET_CMSG_HOPLIMIT },
	{ IPV6_RECVTCLASS, INET_CMSG_TCLASS }, { IPV6_FLOWINFO, INET_CMSG_FLOWINFO },
	{ IPV6_2292PKTINFO, INET_CMSG_PKTINFO_OLD }, /* RFC 2292's: busybox */
	{ IPV6_2292HOPLIMIT, INET_CMSG_HOPLIMIT_OLD },
};

static int want_bit(int name)
{
	for (u32 i = 0; i < ARRAY_SIZE(wants); i++)
		if (wants[i].name == name)
			return wants[i].bit;
	return -1;
}

static int membership(struct inet_sock *s, int name, const void *val, int len)
{
	struct ipv6_mreq m;
	struct inet_addr a;

	if (len < (int)sizeof(m))
		return -EINVAL;
	if (s->sk.type == SOCK_STREAM)
		return -EPROTO;
	memcpy(&m, val, sizeof(m));
	a = addr_from_bytes(&m.ipv6mr_multiaddr);
	if (addr_is_v4(&a))
		return -EINVAL;
	return name == IPV6_ADD_MEMBERSHIP ? inet_join(s, &a, m.ipv6mr_ifindex)
					   : inet_leave(s, &a, m.ipv6mr_ifindex);
}

static int set_v6only(struct inet_sock *s, int v)
{
	int err = 0;

	sock_lock(&s->sk);
	if (s->num)
		err = -EINVAL;
	else
		s->v6only = v != 0;
	sock_unlock(&s->sk);
	return err;
}

static int set_multicast_if(struct inet_sock *s, int v)
{
	bool there;

	if (s->sk.type == SOCK_STREAM)
		return -ENOPROTOOPT;
	if (v) {
		if (v < 0)
			return -ENODEV;
		if (s->bound_if && s->bound_if != v)
			return -EINVAL;
		rcu_read_lock();
		there = device_by_index(s->sk.net, v);
		rcu_read_unlock();
		if (!there)
			return -ENODEV;
	}
	s->mc_index = v;
	return 0;
}

static int set_hops(s16 *hops, int v)
{
	if (v < -1 || v > 255)
		return -EINVAL;
	*hops = (s16)v;
	return 0;
}

static int set_number(struct inet_sock *s, int name, int v)
{
	switch (name) {
	case IPV6_V6ONLY:
		return set_v6only(s, v);
	case IPV6_UNICAST_HOPS:
		return set_hops(&s->hops6, v);
	case IPV6_MULTICAST_HOPS:
		if (s->sk.type == SOCK_STREAM)
			return -ENOPROTOOPT;
		return set_hops(&s->mc_hops6, v);
	case IPV6_TCLASS:
		return set_hops(&s->tclass6, v == -1 ? 0 : v);
	case IPV6_MULTICAST_LOOP:
		if (v != 0 && v != 1)
			return -EINVAL;
		s->mc_loop = v;
		return 0;
	case IPV6_MULTICAST_IF:
		return set_multicast_if(s, v);
	case IPV6_MULTICAST_ALL:
		s->mc_all6 = v != 0;
		return 0;
	case IPV6_MTU_DISCOVER:
		if (v < IPV6_PMTUDISC_DONT || v > IPV6_PMTUDISC_OMIT)
			return -EINVAL;
		s->pmtudisc6 = (u8)v;
		return 0;
	case IPV6_RECVERR:
		s->recverr6 = v != 0;
		return 0;
	case IPV6_DONTFRAG:
		s->dontfrag6 = v != 0;
		return 0;
	case IPV6_MINHOPCOUNT:
		if (v < 0 || v > 255)
			return -EINVAL;
		s->min_hops6 = (u8)v;
		return 0;
	case IPV6_FREEBIND:
		s->freebind = v != 0;
		return 0;
	case IPV6_TRANSPARENT:
		if (v && !capable(CAP_NET_RAW) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		s->transparent = v != 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

int inet_setsockopt6(struct inet_sock *s, int name, const void *val, int len)
{
	int v = 0, bit = want_bit(name);

	switch (name) {
	case IPV6_ADD_MEMBERSHIP:
	case IPV6_DROP_MEMBERSHIP:
		return membership(s, name, val, len);
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return inet_group_request(s, name, val, len);
	}
	if (len >= (int)sizeof(v))
		memcpy(&v, val, sizeof(v));
	else
		return -EINVAL;
	if (bit >= 0) {
		sock_lock(&s->sk);
		s->cmsg_wanted = v ? s->cmsg_wanted | 1u << bit : s->cmsg_wanted & ~(1u << bit);
		sock_unlock(&s->sk);
		return 0;
	}
	return set_number(s, name, v);
}

static int get_mtu(struct inet_sock *s, int *v)
{
	struct route *r;

	sock_lock(&s->sk);
	r = addr_is_any(&s->dst) ? ERR_PTR(-ENOTCONN) : inet_sock_route(s);
	sock_unlock(&s->sk);
	if (IS_ERR(r))
		return -ENOTCONN;
	*v = (int)route_mtu(r);
	route_put(r);
	return 0;
}

static int get_number(struct inet_sock *s, int name, int *v)
{
	int bit = want_bit(name), hops = READ_ONCE(s->sk.net->inet->conf.default_hops);

	if (bit >= 0) {
		*v = !!(s->cmsg_wanted & 1u << bit);
		return 0;
	}
	switch (name) {
	case IPV6_V6ONLY:
		*v = s->v6only;
		return 0;
	case IPV6_UNICAST_HOPS:
		*v = s->hops6 >= 0 ? s->hops6 : hops;
		return 0;
	case IPV6_MULTICAST_HOPS:
		*v = s->mc_hops6 >= 0 ? s->mc_hops6 : 1;
		return 0;
	case IPV6_TCLASS:
		*v = MAX(s->tclass6, (s16)0);
		return 0;
	case IPV6_MULTICAST_LOOP:
		*v = s->mc_loop;
		return 0;
	case IPV6_MULTICAST_IF:
		*v = s->mc_index;
		return 0;
	case IPV6_MULTICAST_ALL:
		*v = s->mc_all6;
		return 0;
	case IPV6_MTU_DISCOVER:
		*v = s->pmtudisc6;
		return 0;
	case IPV6_RECVERR:
		*v = s->recverr6;
		return 0;
	case IPV6_DONTFRAG:
		*v = s->dontfrag6;
		return 0;
	case IPV6_MINHOPCOUNT:
		*v = s->min_hops6;
		return 0;
	case IPV6_FREEBIND:
		*v = s->freebind;
		return 0;
	case IPV6_TRANSPARENT:
		*v = s->transparent;
		return 0;
	case IPV6_MTU:
		return get_mtu(s, v);
	}
	return -ENOPROTOOPT;
}

int inet_getsockopt6(struct inet_sock *s, int name, void *val, int *len)
{
	int v, err = get_number(s, name, &v);

	if (err)
		return err;
	*len = MIN(*len, (int)sizeof(v));
	memcpy(val, &v, (size_t)*len);
	return 0;
}
