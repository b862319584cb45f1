// SPDX-License-Identifier: MIT
/*
 * ioctls of inet sockets, ip(7), netdevice(7), arp(7): bytes waiting, addresses of devices, routes, ARP entries.
 * What is about devices themselves is net/core/device_ioctl.c's. Changes need CAP_NET_ADMIN.
 */
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/ipv6.h>
#include <linux/ipv6_route.h>
#include <linux/netlink.h>
#include <linux/route.h>
#include <linux/sockios.h>
#include <tarn/cred.h>
#include <tarn/math.h>
#include <tarn/process.h>
#include "inet_internal.h"

/* ---- addresses of devices ---- */

static u32 mask_bits(be32 mask, bool *ok)
{
	u32 m = be32_to_cpu(mask), bits = m ? popcount64(m) : 0;

	*ok = !m || m == 0xffffffffu << (32 - bits);
	return bits;
}

static be32 mask_of(u8 plen)
{
	return cpu_to_be32(plen ? 0xffffffffu << (32 - plen) : 0);
}

/* "eth0:1" names an address by its label, "eth0" the first. net->config held. */
static struct inet_address *named(struct net *net, const char *name, struct net_device **d)
{
	char base[IFNAMSIZ];
	struct in_device *in;
	struct inet_address *a;
	u32 i;

	for (i = 0; i < IFNAMSIZ - 1 && name[i] && name[i] != ':'; i++)
		base[i] = name[i];
	base[i] = 0;
	*d = device_by_name(net, base);
	in = *d ? inet_dev(*d, false) : NULL;
	if (!in)
		return NULL;
	LIST_FOR_EACH(a, &in->addrs, node)
		if (!strcmp(a->label, name))
			return a;
	return NULL;
}

static void put_address(struct ifreq *r, be32 a)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = a.raw };

	memcpy(&r->ifr_addr, &in, sizeof(in));
}

static int get_address(struct net *net, unsigned int cmd, struct ifreq *r)
{
	struct net_device *d;
	struct inet_address *a = named(net, r->ifr_name, &d);

	if (!d)
		return -ENODEV;
	if (!a)
		return -EADDRNOTAVAIL;
	switch (cmd) {
	case SIOCGIFADDR:
		put_address(r, addr_v4(&a->local));
		break;
	case SIOCGIFDSTADDR:
		put_address(r, addr_v4(&a->peer));
		break;
	case SIOCGIFBRDADDR:
		put_address(r, addr_v4(&a->broadcast));
		break;
	case SIOCGIFNETMASK:
		put_address(r, mask_of(a->plen));
		break;
	}
	return 0;
}

/* The address class's mask: what SIOCSIFADDR without a mask means since 1983. */
static u8 class_bits(be32 a)
{
	u8 top = (u8)(be32_to_cpu(a) >> 24);

	return top < 128 ? 8 : top < 192 ? 16 : 24;
}

static void set_broadcast(struct inet_address *a)
{
	a->broadcast = addr_from_v4((be32){ 0 });
	if (a->dev->flags & IFF_BROADCAST && a->plen < 31)
		a->broadcast.w[3].raw = a->local.w[3].raw | ~mask_of(a->plen).raw;
	if (!(a->dev->flags & IFF_BROADCAST) || a->plen >= 31)
		a->broadcast.w[3].raw = 0;
}

static int set_address(struct net *net, unsigned int cmd, const struct ifreq *r)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&r->ifr_addr;
	be32 value = { in->sin_addr.s_addr };
	struct inet_address spec = { .valid_until = KTIME_MAX, .preferred_until = KTIME_MAX }, *old;
	struct net_device *d;
	bool ok = true;
	int err;

	if (in->sin_family != AF_INET && cmd != SIOCSIFADDR)
		return -EINVAL;
	old = named(net, r->ifr_name, &d);
	if (!d)
		return -ENODEV;
	if (!old && cmd != SIOCSIFADDR)
		return -EADDRNOTAVAIL;
	if (old)
		spec = *old;
	spec.dev = d;
	spec.flags &= ~(u32)IFA_F_SECONDARY;
	switch (cmd) {
	case SIOCSIFADDR:
		spec.local = spec.peer = addr_from_v4(value);
		spec.plen = d->flags & IFF_POINTOPOINT ? 32 : class_bits(value);
		memcpy(spec.label, r->ifr_name, IFNAMSIZ);
		spec.scope = addr_is_loopback(&spec.local) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
		set_broadcast(&spec);
		break;
	case SIOCSIFNETMASK:
		spec.plen = (u8)mask_bits(value, &ok);
		if (!ok)
			return -EINVAL;
		set_broadcast(&spec);
		break;
	case SIOCSIFBRDADDR:
		spec.broadcast = addr_from_v4(value);
		break;
	case SIOCSIFDSTADDR:
		spec.peer = addr_from_v4(value);
		break;
	}
	if (old)
		inet_address_del(old);
	if (cmd == SIOCSIFADDR && !value.raw)
		return 0;
	if (addr_is_multicast(&spec.local))
		return -EINVAL;
	err = inet_address_add(d, &spec, false);
	if (!err && cmd == SIOCSIFADDR && !device_up(d))
		err = device_change_flags(d, IFF_UP, IFF_UP);
	return err;
}

static long address_ioctl(struct net *net, unsigned int cmd, void __user *arg)
{
	bool get = cmd == SIOCGIFADDR || cmd == SIOCGIFDSTADDR || cmd == SIOCGIFBRDADDR ||
		   cmd == SIOCGIFNETMASK;
	struct ifreq r;
	int err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	r.ifr_name[IFNAMSIZ - 1] = 0;
	if (!get && !capable(CAP_NET_ADMIN))
		return -EPERM;
	mutex_lock(&net->config);
	err = get ? get_address(net, cmd, &r) : set_address(net, cmd, &r);
	mutex_unlock(&net->config);
	return !err && get && copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : err;
}

/* SIOCGIFCONF: all IPv4 addresses by label, as many as there is room for; a NULL buffer: bytes that are needed. */
static long list_addresses(struct net *net, void __user *arg)
{
	struct ifconf conf;
	struct inet_address *a;
	struct net_device *d;
	int n = 0;
	long err = 0;

	if (copy_from_user(&conf, arg, sizeof(conf)))
		return -EFAULT;
	mutex_lock(&net->config);
	LIST_FOR_EACH(d, &net->devices, node) {
		struct in_device *in = inet_dev(d, false);

		if (!in)
			continue;
		LIST_FOR_EACH(a, &in->addrs, node) {
			struct ifreq r = { 0 };

			if (conf.ifc_buf && conf.ifc_len - n < (int)sizeof(r))
				break;
			memcpy(r.ifr_name, a->label[0] ? a->label : d->name, IFNAMSIZ);
			put_address(&r, addr_v4(&a->local));
			if (conf.ifc_buf && !err &&
			    copy_to_user((u8 __user *)conf.ifc_buf + n, &r, sizeof(r)))
				err = -EFAULT;
			n += (int)sizeof(r);
		}
	}
	mutex_unlock(&net->config);
	conf.ifc_len = n;
	return err ? err : copy_to_user(arg, &conf, sizeof(conf)) ? -EFAULT : 0;
}

static long address6_ioctl(struct net *net, unsigned int cmd, void __user *arg)
{
	struct inet_address spec = { .valid_until = KTIME_MAX, .preferred_until = KTIME_MAX }, *old;
	struct in6_ifreq r;
	struct net_device *d;
	int err;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	spec.local = spec.peer = addr_from_bytes(&r.ifr6_addr);
	spec.plen = (u8)MIN(r.ifr6_prefixlen, 255u);
	if (spec.plen > 128 || addr_is_v4(&spec.local) || addr_is_multicast(&spec.local))
		return -EINVAL;
	spec.scope = addr_is_linklocal(&spec.local) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mutex_lock(&net->config);
	d = device_by_index(net, r.ifr6_ifindex);
	old = d ? inet_address_find(d, &spec.local) : NULL;
	if (!d)
		err = -ENODEV;
	else if (cmd == SIOCSIFADDR)
		err = inet_address_add(d, &spec, true);
	else if (old)
		inet_address_del(old), err = 0;
	else
		err = -EADDRNOTAVAIL;
	mutex_unlock(&net->config);
	return err;
}

/* ---- routes: route(8)'s struct rtentry ---- */

static int route_spec(struct net *net, const struct rtentry *rt, const char *name,
		      struct fib_entry *e)
{
	const struct sockaddr_in *dst = (const void *)&rt->rt_dst,
				 *gw = (const void *)&rt->rt_gateway,
				 *mask = (const void *)&rt->rt_genmask;
	struct flow f = { .src = addr_from_v4((be32){ 0 }) };
	struct fib_entry *via;
	bool ok = true;
	u32 bits;

	if (dst->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	bits = rt->rt_flags & RTF_HOST ? 32 : mask_bits((be32){ mask->sin_addr.s_addr }, &ok);
	if (!ok)
		return -EINVAL;
	*e = (struct fib_entry){ .prefix = addr_from_v4((be32){ dst->sin_addr.s_addr }),
				 .plen = (u8)(bits + 96),
				 .type = rt->rt_flags & RTF_REJECT ? RTN_UNREACHABLE : RTN_UNICAST,
				 .table = RT_TABLE_MAIN,
				 .protocol = RTPROT_BOOT,
				 .metric = rt->rt_metric > 0 ? (u32)rt->rt_metric - 1 : 0,
				 .scope = RT_SCOPE_LINK };
	if (e->prefix.w[3].raw & ~mask_of((u8)bits).raw)
		return -EINVAL; /* bits of the host in a network's route */
	if (name[0]) {
		e->dev = device_by_name(net, name);
		if (!e->dev)
			return -ENODEV;
	}
	if (gw->sin_family == AF_INET && gw->sin_addr.s_addr) {
		e->has_gateway = true;
		e->gateway = f.dst = addr_from_v4((be32){ gw->sin_addr.s_addr });
		e->scope = RT_SCOPE_UNIVERSE;
		rcu_read_lock();
		via = fib_lookup(net, &f);
		if (!IS_ERR(via) && !e->dev && !via->has_gateway && via->type == RTN_UNICAST)
			e->dev = via->dev;
		rcu_read_unlock();
	}
	if (rt->rt_flags & RTF_MTU)
		e->mtu = (u32)rt->rt_mtu;
	return e->dev || e->type != RTN_UNICAST ? 0 : e->has_gateway ? -ENETUNREACH : -EINVAL;
}

static long route_ioctl(struct net *net, unsigned int cmd, void __user *arg)
{
	char name[IFNAMSIZ] = { 0 };
	struct rtentry rt;
	struct fib_entry e;
	int err;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&rt, arg, sizeof(rt)))
		return -EFAULT;
	if (rt.rt_dev && copy_from_user(name, (void __user *)rt.rt_dev, sizeof(name) - 1))
		return -EFAULT;
	mutex_lock(&net->config);
	err = route_spec(net, &rt, name, &e);
	if (!err && cmd == SIOCADDRT && e.dev && !device_up(e.dev))
		err = -ENETDOWN;
	if (!err)
		err = cmd == SIOCADDRT ? fib_add(net, &e, NLM_F_CREATE)
				       : (e.protocol = 0, e.type = 0, fib_del(net, &e));
	mutex_unlock(&net->config);
	return err;
}

/* ---- ARP entries ---- */

static struct net_device *arp_device(struct net *net, const struct arpreq *r,
				     const struct inet_addr *a)
{
	struct net_device *d = NULL;
	struct flow f = { .dst = *a, .src = addr_from_v4((be32){ 0 }) };
	struct fib_entry *e;

	if (r->arp_dev[0])
		return device_by_name(net, r->arp_dev);
	rcu_read_lock();
	e = fib_lookup(net, &f);
	if (!IS_ERR(e))
		d = e->dev;
	rcu_read_unlock();
	return d;
}

static int arp_change(unsigned int cmd, struct arpreq *r, struct net_device *d,
		      const struct inet_addr *a)
{
	struct neigh *n = cmd == SIOCSARP ? neigh_get_or_make(d, a) : neigh_find(d, a);

	if (!n)
		return cmd == SIOCSARP ? -ENOBUFS : -ENXIO;
	if (cmd == SIOCSARP) {
		neigh_update(n, (const u8 *)r->arp_ha.sa_data,
			     r->arp_flags & ATF_PERM ? NUD_PERMANENT : NUD_STALE, true);
	} else if (cmd == SIOCDARP) {
		neigh_del(n);
	} else {
		r->arp_ha.sa_family = d->type;
		memcpy(r->arp_ha.sa_data, n->hw, 6);
		r->arp_flags = n->state & NUD_VALID_
				       ? ATF_COM | (n->state & NUD_PERMANENT ? ATF_PERM : 0)
				       : 0;
		memcpy(r->arp_dev, d->name, sizeof(r->arp_dev));
	}
	neigh_put(n);
	return 0;
}

static long arp_ioctl(struct net *net, unsigned int cmd, void __user *arg)
{
	struct net_device *d;
	struct inet_addr a;
	struct arpreq r;
	int err;

	if (cmd != SIOCGARP && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (((struct sockaddr_in *)&r.arp_pa)->sin_family != AF_INET)
		return -EPFNOSUPPORT;
	r.arp_dev[sizeof(r.arp_dev) - 1] = 0;
	a = addr_from_v4((be32){ ((struct sockaddr_in *)&r.arp_pa)->sin_addr.s_addr });
	mutex_lock(&net->config);
	d = arp_device(net, &r, &a);
	err = !d		 ? (r.arp_dev[0] ? -ENODEV : -ENXIO)
	      : d->addr_len != 6 ? -EINVAL
				 : arp_change(cmd, &r, d, &a);
	mutex_unlock(&net->config);
	return !err && cmd == SIOCGARP && copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : err;
}

/* ---- the call ---- */

static int bytes_waiting(struct inet_sock *s)
{
	struct packet *p;
	int n;

	spin_lock(&s->sk.receive_lock);
	p = packet_peek(&s->sk.receive);
	n = p ? (int)p->len : 0;
	spin_unlock(&s->sk.receive_lock);
	return n;
}

long inet_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct inet_sock *s = sock->sk;
	struct net *net = s->sk.net;

	switch (cmd) {
	case FIONREAD:
		return put_user(bytes_waiting(s), (int __user *)arg);
	case TIOCOUTQ:
		return put_user((int)atomic_load(&s->sk.wmem), (int __user *)arg);
	case SIOCSIFADDR:
	case SIOCDIFADDR:
		if (s->v6)
			return address6_ioctl(net, cmd, (void __user *)arg);
		if (cmd == SIOCDIFADDR)
			return -EINVAL;
		return address_ioctl(net, cmd, (void __user *)arg);
	case SIOCGIFCONF:
		return list_addresses(net, (void __user *)arg);
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCSIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCSIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCSIFNETMASK:
		return address_ioctl(net, cmd, (void __user *)arg);
	case SIOCADDRT:
	case SIOCDELRT:
		if (s->v6)
			return -EINVAL; /* struct in6_rtmsg: netlink does that */
		return route_ioctl(net, cmd, (void __user *)arg);
	case SIOCGARP:
	case SIOCSARP:
	case SIOCDARP:
		return arp_ioctl(net, cmd, (void __user *)arg);
	}
	return -ENOTTY;
}
