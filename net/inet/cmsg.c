// SPDX-License-Identifier: MIT
/*
 * Control messages of ip(7), ipv6(7) and udp(7): what one sendmsg(2) asks for, what recvmsg(2) is told.
 * Control data is a user's: each header's length is checked against what is left.
 */
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <tarn/cred.h>
#include <tarn/process.h>
#include "inet_internal.h"

/* ---- to send ---- */

struct cmsg {
	const struct abi_cmsghdr *h;
	const void *data;
	size_t len;
};

/* An int, or a byte where @short_ok: in *out. */
static int int_of(const struct cmsg *c, bool short_ok, int low, int high, int *out)
{
	if (c->len == sizeof(int))
		memcpy(out, c->data, sizeof(int));
	else if (short_ok && c->len == 1)
		*out = *(const u8 *)c->data;
	else
		return -EINVAL;
	return *out < low || *out > high ? -EINVAL : 0;
}

static int ip_message(const struct cmsg *c, struct inet_send_info *info)
{
	struct in_pktinfo pi;

	switch (c->h->cmsg_type) {
	case IP_TTL:
		return int_of(c, false, 1, 255, &info->ttl);
	case IP_TOS:
		return int_of(c, true, 0, 255, &info->tos);
	case IP_PKTINFO:
		if (c->len != sizeof(pi))
			return -EINVAL;
		memcpy(&pi, c->data, sizeof(pi));
		if (pi.ipi_ifindex)
			info->oif = pi.ipi_ifindex;
		info->src = addr_from_v4((be32){ pi.ipi_spec_dst.s_addr });
		return 0;
	}
	return -EINVAL;
}

static int pktinfo6(const struct inet_sock *s, const struct cmsg *c, bool v6,
		    struct inet_send_info *info)
{
	struct in6_pktinfo pi;
	struct inet_addr a;
	bool ok;

	if (c->len < sizeof(pi))
		return -EINVAL;
	memcpy(&pi, c->data, sizeof(pi));
	a = addr_from_bytes(&pi.ipi6_addr);
	if (pi.ipi6_ifindex) {
		if (s->bound_if && s->bound_if != (int)pi.ipi6_ifindex)
			return -EINVAL;
		info->oif = (int)pi.ipi6_ifindex;
	}
	if (addr_is_zero(&a))
		return 0;
	if (addr_is_v4(&a) == v6)
		return -EINVAL;
	rcu_read_lock();
	ok = inet_addr_is_local(s->sk.net, &a, NULL) || s->freebind || s->transparent;
	rcu_read_unlock();
	info->src = a;
	return ok ? 0 : -EINVAL;
}

static int ipv6_message(const struct inet_sock *s, const struct cmsg *c, bool v6,
			struct inet_send_info *info)
{
	int v, err;

	switch (c->h->cmsg_type) {
	case IPV6_PKTINFO:
	case IPV6_2292PKTINFO:
		return pktinfo6(s, c, v6, info);
	case IPV6_HOPLIMIT:
	case IPV6_2292HOPLIMIT:
		return int_of(c, false, -1, 255, &info->ttl);
	case IPV6_TCLASS:
		return int_of(c, false, -1, 255, &info->tos);
	case IPV6_DONTFRAG:
		return int_of(c, false, 0, 1, &info->dontfrag);
	case IPV6_FLOWINFO:
		err = int_of(c, false, -0x7fffffff - 1, 0x7fffffff, &v);
		if (!err)
			info->flowlabel = be32_to_cpu((be32){ (u32)v }) & 0xfffff;
		return err;
	}
	return -EINVAL;
}

static int socket_message(const struct cmsg *c)
{
	switch (c->h->cmsg_type) {
	case SO_MARK:
		/* Absent: the socket's counts. */
		return capable(CAP_NET_RAW) || capable(CAP_NET_ADMIN) ? -EINVAL : -EPERM;
	case SCM_RIGHTS:
	case SCM_CREDENTIALS:
		return 0; /* another family's: ignored, as on Linux */
	}
	return -EINVAL;
}

static int one_message(const struct inet_sock *s, const struct cmsg *c, bool v6,
		       struct inet_send_info *info)
{
	switch (c->h->cmsg_level) {
	case SOL_SOCKET:
		return socket_message(c);
	case IPPROTO_IP:
		return v6 ? 0 : ip_message(c, info);
	case IPPROTO_IPV6:
		return s->v6 ? ipv6_message(s, c, v6, info) : 0;
	case IPPROTO_UDP:
		if (s->sk.protocol != IPPROTO_UDP)
			return 0;
		if (c->h->cmsg_type != UDP_SEGMENT || c->len != sizeof(u16))
			return -EINVAL;
		memcpy(&info->gso_size, c->data, sizeof(u16));
		return 0;
	}
	return 0;
}

int inet_cmsg_parse(const struct inet_sock *s, const struct msg *m, bool v6,
		    struct inet_send_info *info)
{
	size_t at = 0, left;
	int err;

	info->ttl = info->tos = info->dontfrag = -1;
	while (m->control && m->controllen - at >= sizeof(struct abi_cmsghdr)) {
		struct cmsg c = { .h = (const void *)((const u8 *)m->control + at) };

		left = m->controllen - at;
		if (c.h->cmsg_len < sizeof(*c.h) || c.h->cmsg_len > left)
			return -EINVAL;
		c.data = c.h + 1;
		c.len = c.h->cmsg_len - sizeof(*c.h);
		err = one_message(s, &c, v6, info);
		if (err)
			return err;
		if (ABI_CMSG_ALIGN(c.h->cmsg_len) >= left)
			break;
		at += ABI_CMSG_ALIGN(c.h->cmsg_len);
	}
	return 0;
}

/* ---- received ---- */

static void put_pktinfo4(struct inet_sock *s, struct msg *m, const struct inet_in *in)
{
	struct in_pktinfo pi = { .ipi_ifindex = in->iif };
	struct inet_addr spec = in->dst;
	struct net_device *d;

	if (in->flags & (INET_IN_MULTICAST | INET_IN_BROADCAST)) {
		rcu_read_lock();
		d = device_by_index(s->sk.net, in->iif);
		if (!d || !inet_select_source(s->sk.net, d, &in->src, RT_SCOPE_LINK, &spec))
			spec = addr_from_v4((be32){ 0 });
		rcu_read_unlock();
	}
	pi.ipi_spec_dst.s_addr = addr_v4(&spec).raw;
	pi.ipi_addr.s_addr = addr_v4(&in->dst).raw;
	put_cmsg(m, IPPROTO_IP, IP_PKTINFO, &pi, sizeof(pi));
}

static void put_options(struct msg *m, struct packet *p, const struct inet_in *in)
{
	if (in->options_len)
		put_cmsg(m, IPPROTO_IP, IP_RECVOPTS, packet_header(p, p->network) + 20,
			 in->options_len);
}

static void put_original_dst(struct inet_sock *s, struct msg *m, struct packet *p,
			     const struct inet_in *in)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = addr_v4(&in->dst).raw };

	memcpy(&to.sin_port, packet_header(p, p->transport) + 2, 2);
	put_cmsg(m, IPPROTO_IP, IP_ORIGDSTADDR, &to, sizeof(to));
}

static void put4(struct inet_sock *s, struct msg *m, struct packet *p, const struct inet_in *in)
{
	u32 want = s->cmsg_wanted;
	int ttl = in->ttl;

	if (want & INET_WANT(PKTINFO))
		put_pktinfo4(s, m, in);
	if (want & INET_WANT(TTL))
		put_cmsg(m, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (want & INET_WANT(TOS))
		put_cmsg(m, IPPROTO_IP, IP_TOS, &in->tos, 1);
	if (want & INET_WANT(RECVOPTS))
		put_options(m, p, in);
	if (want & INET_WANT(ORIGDST) && p->transport != NO_HEADER)
		put_original_dst(s, m, p, in);
}

static void put6(struct inet_sock *s, struct msg *m, struct packet *p, const struct inet_in *in)
{
	u32 want = s->cmsg_wanted, flow = get_be32(packet_header(p, p->network)) & 0x0fffffffu;
	int v;
	be32 info;

	if (want & INET_WANT(HOPLIMIT)) {
		v = in->ttl;
		put_cmsg(m, IPPROTO_IPV6, IPV6_HOPLIMIT, &v, sizeof(v));
	}
	if (want & INET_WANT(HOPLIMIT_OLD)) {
		v = in->ttl;
		put_cmsg(m, IPPROTO_IPV6, IPV6_2292HOPLIMIT, &v, sizeof(v));
	}
	if (want & INET_WANT(TCLASS)) {
		v = in->tos;
		put_cmsg(m, IPPROTO_IPV6, IPV6_TCLASS, &v, sizeof(v));
	}
	if (want & INET_WANT(FLOWINFO) && flow) {
		info = cpu_to_be32(flow);
		put_cmsg(m, IPPROTO_IPV6, IPV6_FLOWINFO, &info, sizeof(info));
	}
}

void inet_cmsg_put(struct inet_sock *s, struct msg *m, struct packet *p)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	struct socket *sock = READ_ONCE(s->sk.socket);
	u32 drops = atomic_load_explicit(&s->sk.drops, memory_order_relaxed);

	if (sock && sock->opt.rxq_ovfl && drops)
		put_cmsg(m, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops));
	if (sock && sock->opt.rcvmark)
		put_cmsg(m, SOL_SOCKET, SO_MARK, &p->mark, sizeof(p->mark));
	if (!s->cmsg_wanted)
		return;
	if (s->cmsg_wanted & (INET_WANT(PKTINFO6) | INET_WANT(PKTINFO_OLD))) {
		struct in6_pktinfo pi = { .ipi6_ifindex = in->iif };

		memcpy(&pi.ipi6_addr, &in->dst, 16);
		if (s->cmsg_wanted & INET_WANT(PKTINFO6))
			put_cmsg(m, IPPROTO_IPV6, IPV6_PKTINFO, &pi, sizeof(pi));
		if (s->cmsg_wanted & INET_WANT(PKTINFO_OLD))
			put_cmsg(m, IPPROTO_IPV6, IPV6_2292PKTINFO, &pi, sizeof(pi));
	}
	if (addr_is_v4(&in->dst))
		put4(s, m, p, in);
	else
		put6(s, m, p, in);
}
