// SPDX-License-Identifier: MIT
/*
 * SOL_IP options, ip(7), for all protocols of this folder: Linux's numbers, ranges and errors.
 *
 * A value may be given as an int or as one byte, and is told as one byte if that is all the room there is.
 * What is not here is -ENOPROTOOPT: source filters, IP_MSFILTER, IP_NODEFRAG outside raw sockets, IPsec policies.
 *
 * Tests: tests/abi/net_options.c.
 */
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/ip.h>
#include <tarn/cred.h>
#include <tarn/process.h>
#include "inet_internal.h"

/* Options that ask for a control message. */
static const struct {
	u8 name, bit;
} wants[] = {
	{ IP_PKTINFO, INET_CMSG_PKTINFO },	 { IP_RECVTTL, INET_CMSG_TTL },
	{ IP_RECVTOS, INET_CMSG_TOS },		 { IP_RECVOPTS, INET_CMSG_RECVOPTS },
	{ IP_RETOPTS, INET_CMSG_RETOPTS },	 { IP_RECVORIGDSTADDR, INET_CMSG_ORIGDST },
	{ IP_RECVFRAGSIZE, INET_CMSG_FRAGSIZE },
};

static int want_bit(int name)
{
	for (u32 i = 0; i < ARRAY_SIZE(wants); i++)
		if (wants[i].name == name)
			return wants[i].bit;
	return -1;
}

/* ---- set ---- */

static int set_ip_options(struct inet_sock *s, const u8 *val, int len)
{
	void *copy = NULL, *old;
	u32 at = 0;

	if (len > 40)
		return -EINVAL;
	while (at < (u32)len && val[at] != IPOPT_END) {
		u32 n = val[at] == IPOPT_NOOP ? 1 : at + 1 < (u32)len ? val[at + 1] : 0;

		if (!n || (n < 2 && val[at] != IPOPT_NOOP) || at + n > (u32)len)
			return -EINVAL;
		if (val[at] == IPOPT_LSRR || val[at] == IPOPT_SSRR)
			return -EINVAL; /* source routes are not built: CAVEATS.md */
		at += n;
	}
	if (len) {
		copy = kzalloc(ALIGN_UP((u32)len, 4u), GFP_KERNEL);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, val, (size_t)len);
	}
	sock_lock(&s->sk);
	old = s->options;
	s->options = copy;
	s->options_len = ALIGN_UP((u32)len, 4u);
	sock_unlock(&s->sk);
	kfree(old); /* senders copied theirs with the socket locked */
	return 0;
}

static int set_multicast_if(struct inet_sock *s, const void *val, int len)
{
	struct ip_mreqn m = { 0 };
	struct inet_addr local;
	struct fib_entry *e;
	int err = 0;

	if (s->sk.type == SOCK_STREAM)
		return -EINVAL;
	if (len < (int)sizeof(struct in_addr))
		return -EINVAL;
	if (len >= (int)sizeof(m))
		memcpy(&m, val, sizeof(m));
	else if (len >= (int)sizeof(struct ip_mreq))
		memcpy(&m, val, sizeof(struct ip_mreq));
	else
		memcpy(&m.imr_address, val, sizeof(struct in_addr));
	if (!m.imr_ifindex && !m.imr_address.s_addr) {
		s->mc_index = 0;
		s->mc_src = addr_from_v4((be32){ 0 });
		return 0;
	}
	local = addr_from_v4((be32){ m.imr_address.s_addr });
	rcu_read_lock();
	if (!m.imr_ifindex) {
		e = fib_lookup_table(s->sk.net, false, RT_TABLE_LOCAL, &local, 0);
		if (e && e->type == RTN_LOCAL && e->dev)
			m.imr_ifindex = e->dev->ifindex;
	}
	if (!m.imr_ifindex || !device_by_index(s->sk.net, m.imr_ifindex))
		err = -EADDRNOTAVAIL;
	else if (s->bound_if && s->bound_if != m.imr_ifindex)
		err = -EINVAL;
	rcu_read_unlock();
	if (!err) {
		s->mc_index = m.imr_ifindex;
		s->mc_src = local;
	}
	return err;
}

static int membership(struct inet_sock *s, int name, const void *val, int len)
{
	struct ip_mreqn m = { 0 };
	struct inet_addr group, local;
	struct fib_entry *e;

	if (len < (int)sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&m, val, MIN((size_t)len, sizeof(m)));
	group = addr_from_v4((be32){ m.imr_multiaddr.s_addr });
	local = addr_from_v4((be32){ m.imr_address.s_addr });
	if (s->sk.type == SOCK_STREAM)
		return -EPROTO;
	if (!m.imr_ifindex && m.imr_address.s_addr) {
		rcu_read_lock();
		e = fib_lookup_table(s->sk.net, false, RT_TABLE_LOCAL, &local, 0);
		m.imr_ifindex = e && e->type == RTN_LOCAL && e->dev ? e->dev->ifindex : 0;
		rcu_read_unlock();
		if (!m.imr_ifindex)
			return name == IP_ADD_MEMBERSHIP ? -ENODEV : -EADDRNOTAVAIL;
	}
	return name == IP_ADD_MEMBERSHIP ? inet_join(s, &group, m.imr_ifindex)
					 : inet_leave(s, &group, m.imr_ifindex);
}

/* MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP: RFC 3678 5.1, both families. */
int inet_group_request(struct inet_sock *s, int name, const void *val, int len)
{
	struct group_req g;
	struct inet_addr a;
	int scope;
	be16 port;
	int err;

	if (len < (int)sizeof(g))
		return -EINVAL;
	memcpy(&g, val, sizeof(g));
	err = inet_addr_get(s, &g.gr_group, sizeof(g.gr_group), &a, &port, &scope);
	if (err)
		return -EINVAL;
	return name == MCAST_JOIN_GROUP ? inet_join(s, &a, (int)g.gr_interface)
					: inet_leave(s, &a, (int)g.gr_interface);
}

static int set_number(struct inet_sock *s, int name, int v)
{
	switch (name) {
	case IP_TOS:
		s->tos = s->sk.type == SOCK_STREAM ? (u8)((v & ~3) | (s->tos & 3)) : (u8)v;
		return 0;
	case IP_TTL:
		if (v != -1 && (v < 1 || v > 255))
			return -EINVAL;
		s->ttl = v == -1 ? 0 : (u8)v;
		return 0;
	case IP_MTU_DISCOVER:
		if (v < IP_PMTUDISC_DONT || v > IP_PMTUDISC_OMIT)
			return -EINVAL;
		s->pmtudisc = (u8)v;
		return 0;
	case IP_RECVERR:
		s->recverr = v != 0;
		return 0;
	case IP_MULTICAST_TTL:
		if (s->sk.type == SOCK_STREAM)
			return -EINVAL;
		if (v < -1 || v > 255)
			return -EINVAL;
		s->mc_ttl = v == -1 ? 1 : (u8)v;
		return 0;
	case IP_MULTICAST_LOOP:
		s->mc_loop = v != 0;
		return 0;
	case IP_MULTICAST_ALL:
		if (v != 0 && v != 1)
			return -EINVAL;
		s->mc_all = v;
		return 0;
	case IP_FREEBIND:
		s->freebind = v != 0;
		return 0;
	case IP_TRANSPARENT:
		if (v && !capable(CAP_NET_RAW) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		s->transparent = v != 0;
		return 0;
	case IP_MINTTL:
		if (v < 0 || v > 255)
			return -EINVAL;
		s->min_ttl = (u8)v;
		return 0;
	case IP_BIND_ADDRESS_NO_PORT:
		s->no_port = v != 0;
		return 0;
	case IP_HDRINCL:
		if (s->sk.type != SOCK_RAW)
			return -ENOPROTOOPT;
		s->hdrincl = v != 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int set4(struct inet_sock *s, int name, const void *val, int len)
{
	int v = 0, bit = want_bit(name);

	switch (name) {
	case IP_OPTIONS:
		return set_ip_options(s, val, len);
	case IP_MULTICAST_IF:
		return set_multicast_if(s, val, len);
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		return membership(s, name, val, len);
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return inet_group_request(s, name, val, len);
	}
	if (len >= (int)sizeof(v))
		memcpy(&v, val, sizeof(v));
	else if (len >= 1)
		v = *(const u8 *)val;
	else if (name == IP_MULTICAST_TTL || name == IP_MULTICAST_ALL ||
		 name == IP_MULTICAST_LOOP || name == IP_TTL || name == IP_MINTTL)
		return -EINVAL;
	if (bit >= 0) {
		sock_lock(&s->sk);
		s->cmsg_wanted = v ? s->cmsg_wanted | 1u << bit : s->cmsg_wanted & ~(1u << bit);
		sock_unlock(&s->sk);
		return 0;
	}
	return set_number(s, name, v);
}

int inet_setsockopt(struct socket *sock, int level, int name, const void *val, int len)
{
	struct inet_sock *s = sock->sk;

	if (level == IPPROTO_IP)
		return set4(s, name, val, len);
	if (level == IPPROTO_IPV6 && s->v6)
		return inet_setsockopt6(s, name, val, len);
	return -ENOPROTOOPT;
}

/* ---- get ---- */

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
	int bit = want_bit(name);

	if (bit >= 0) {
		*v = !!(s->cmsg_wanted & 1u << bit);
		return 0;
	}
	switch (name) {
	case IP_TOS:
		*v = s->tos;
		return 0;
	case IP_TTL:
		*v = s->ttl ? s->ttl : READ_ONCE(s->sk.net->inet->conf.default_ttl);
		return 0;
	case IP_MTU_DISCOVER:
		*v = s->pmtudisc;
		return 0;
	case IP_RECVERR:
		*v = s->recverr;
		return 0;
	case IP_MULTICAST_TTL:
		*v = s->mc_ttl;
		return 0;
	case IP_MULTICAST_LOOP:
		*v = s->mc_loop;
		return 0;
	case IP_MULTICAST_ALL:
		*v = s->mc_all;
		return 0;
	case IP_FREEBIND:
		*v = s->freebind;
		return 0;
	case IP_TRANSPARENT:
		*v = s->transparent;
		return 0;
	case IP_MINTTL:
		*v = s->min_ttl;
		return 0;
	case IP_BIND_ADDRESS_NO_PORT:
		*v = s->no_port;
		return 0;
	case IP_HDRINCL:
		*v = s->hdrincl;
		return s->sk.type == SOCK_RAW ? 0 : -ENOPROTOOPT;
	case IP_MTU:
		return get_mtu(s, v);
	}
	return -ENOPROTOOPT;
}

static int get_ip_options(struct inet_sock *s, void *val, int *len)
{
	sock_lock(&s->sk);
	*len = s->v6 ? 0 : MIN(*len, (int)s->options_len);
	if (*len)
		memcpy(val, s->options, (size_t)*len);
	sock_unlock(&s->sk);
	return 0;
}

/* One byte is told if there is no room for an int and it fits (Linux, from the time when options were bytes). */
int inet_put_number(int v, void *val, int *len)
{
	if (*len < (int)sizeof(v) && *len > 0 && v >= 0 && v <= 255) {
		*(u8 *)val = (u8)v;
		*len = 1;
		return 0;
	}
	*len = MIN(*len, (int)sizeof(v));
	memcpy(val, &v, (size_t)*len);
	return 0;
}

static int get4(struct inet_sock *s, int name, void *val, int *len)
{
	int v, err;

	if (name == IP_OPTIONS)
		return get_ip_options(s, val, len);
	if (name == IP_MULTICAST_IF) {
		be32 a = addr_is_v4(&s->mc_src) ? addr_v4(&s->mc_src) : (be32){ 0 };

		*len = MIN(*len, (int)sizeof(a));
		memcpy(val, &a, (size_t)*len);
		return 0;
	}
	err = get_number(s, name, &v);
	return err ? err : inet_put_number(v, val, len);
}

int inet_getsockopt(struct socket *sock, int level, int name, void *val, int *len)
{
	struct inet_sock *s = sock->sk;

	if (level == IPPROTO_IP)
		return get4(s, name, val, len);
	if (level == IPPROTO_IPV6 && s->v6)
		return inet_getsockopt6(s, name, val, len);
	return level == IPPROTO_IPV6 ? -ENOPROTOOPT : -EOPNOTSUPP;
}
