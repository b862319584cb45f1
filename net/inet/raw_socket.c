// SPDX-License-Identifier: MIT
/*
 * Raw sockets, calls, raw(7): payload goes out under our header, or with IP_HDRINCL the sender's own IPv4 header.
 * CAP_NET_RAW was asked at socket(2).
 *
 * Tests: tests/abi/net_icmp.c.
 */
#include <tarn/poll.h>
#include <tarn/process.h>
#include "raw.h"

#define ICMP_FILTER_OPT 1 /* ICMP_FILTER of <linux/icmp.h>, ICMPV6_FILTER of <linux/icmpv6.h> */
#define ICMPV6_FILTER_OPT 1

/* ---- out ---- */

struct sending {
	struct flow flow;
	struct inet_cork cork;
	u8 options[IP_OPTIONS_MAX_];
	struct route *route;
};

static int prepare(struct inet_sock *s, struct msg *m, u32 flags, struct sending *d)
{
	struct inet_send_info info = { 0 };
	struct inet_addr dst = s->dst;
	int scope = 0, err;
	be16 port;

	if (m->namelen) {
		err = inet_addr_get(s, m->name, m->namelen, &dst, &port, &scope);
		if (!err && s->v6 == addr_is_v4(&dst))
			err = -EINVAL;
		if (err)
			return err;
	} else if (!s->connected) {
		return -EDESTADDRREQ;
	}
	err = inet_cmsg_parse(s, m, s->v6, &info);
	if (err)
		return err;
	d->route = inet_send_route(s, &d->flow, &dst, (be16){ 0 }, scope, &info, flags, &d->cork);
	if (IS_ERR(d->route))
		return (int)PTR_ERR(d->route);
	inet_cork_own(&d->cork, d->options);
	return 0;
}

static struct packet *take_bytes(struct msg *m, int *err)
{
	struct packet *p = packet_alloc(GFP_KERNEL);
	size_t n = m->iter.count;
	ssize_t got;

	*err = p ? 0 : -ENOBUFS;
	while (!*err && n) {
		got = packet_from_iov(p, &m->iter, n, GFP_KERNEL);
		if (got <= 0)
			*err = got ? (int)got : -EFAULT;
		else
			n -= (size_t)got;
	}
	if (!*err)
		return p;
	packet_free(p);
	return NULL;
}

/* The user's own header: lengths and checksum are made right, source and id filled in if 0 (raw(7)). Owns @p. */
static int send_whole(struct inet_sock *s, struct packet *p, struct sending *d)
{
	struct ip4_header *h;
	u32 hlen;
	int err;

	if (p->len < sizeof(*h) || !packet_need(p, sizeof(*h)))
		goto bad;
	hlen = (p->data[0] & 15u) * 4;
	if (hlen < sizeof(*h) || hlen > p->len || !packet_need(p, hlen))
		goto bad;
	if (p->len > route_mtu(d->route)) {
		packet_free(p);
		return -EMSGSIZE;
	}
	h = (void *)p->data;
	if (!h->src.raw)
		h->src = addr_v4(&d->flow.src);
	if (!h->id.raw)
		h->id = cpu_to_be16((u16)inet_random());
	h->total = cpu_to_be16((u16)p->len);
	h->csum.raw = 0;
	h->csum.raw = ip4_checksum(h, hlen);
	p->transport = (u16)(packet_offset(p) + hlen);
	rcu_read_lock();
	err = ip4_output(s->sk.net, p, d->route);
	rcu_read_unlock();
	return err;
bad:
	packet_free(p);
	return -EINVAL;
}

static int set_checksum6(struct raw_sock *r, struct packet *p, const struct flow *f)
{
	int at = f->protocol == IPPROTO_ICMPV6 ? 2 : r->checksum;
	u16 sum = 0;

	if (!f->v6 || at < 0)
		return 0;
	if ((u32)at + 2 > p->len || !packet_need(p, (u32)at + 2))
		return -EINVAL;
	memcpy(p->data + at, &sum, 2);
	sum = csum_fold(
		packet_csum(p, 0, p->len, inet_pseudo_csum(&f->src, &f->dst, f->protocol, p->len)));
	memcpy(p->data + at, &sum, 2);
	return 0;
}

static int send_payload(struct inet_sock *s, struct packet *p, struct sending *d)
{
	int err = set_checksum6((struct raw_sock *)s, p, &d->flow);

	if (err) {
		packet_free(p);
		return err;
	}
	p->transport = packet_offset(p);
	return inet_send(s->sk.net, p, d->route, &d->flow, &d->cork);
}

static ssize_t raw_sendmsg(struct socket *sock, struct msg *m, u32 flags)
{
	struct inet_sock *s = sock->sk;
	size_t n = m->iter.count;
	struct sending d;
	struct packet *p;
	int err;

	if (n > 65535)
		return -EMSGSIZE;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = sock_wait_for_room(&s->sk, flags);
	if (err)
		return err;
	sock_lock(&s->sk);
	err = prepare(s, m, flags, &d);
	sock_unlock(&s->sk);
	if (err)
		return err;
	p = take_bytes(m, &err);
	if (p) {
		p->mark = d.flow.mark;
		packet_charge_send(p, &s->sk);
		err = !s->v6 && s->hdrincl ? send_whole(s, p, &d) : send_payload(s, p, &d);
	}
	route_put(d.route);
	return err ? err : (ssize_t)n;
}

static ssize_t raw_recvmsg(struct socket *sock, struct msg *m, u32 flags)
{
	struct inet_sock *s = sock->sk;
	struct packet *p;
	ssize_t n;

	m->namelen = 0;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(s, m, flags);
	p = sock_receive(&s->sk, flags, NULL);
	if (IS_ERR_OR_NULL(p))
		return p ? PTR_ERR(p) : 0;
	n = inet_copy_datagram(s, m, p, 0, flags);
	if (n >= 0) {
		const struct inet_in *in = packet_cb(p, struct inet_in);

		m->namelen =
			m->name ? inet_addr_put(s, m->name, &in->src, (be16){ 0 }, in->iif) : 0;
		put_timestamp(m, sock, p->stamp);
		inet_cmsg_put(s, m, p);
	}
	packet_free(p);
	return n;
}

/* ---- bind, connect ---- */

static int raw_bind(struct socket *sock, const void *addr, int len)
{
	struct inet_sock *s = sock->sk;
	struct inet_addr a;
	bool multicast;
	be16 port;
	int scope, err = inet_addr_get(s, addr, len, &a, &port, &scope);

	if (!err && s->v6 == addr_is_v4(&a))
		err = s->v6 ? -EADDRNOTAVAIL : -EAFNOSUPPORT;
	if (err)
		return err;
	sock_lock(&s->sk);
	err = s->connected ? -EINVAL : inet_check_bind_addr(s, &a, scope, &multicast);
	if (!err) {
		s->rcv_addr = s->src = a;
		if (multicast)
			s->src = s->v6 ? (struct inet_addr){ .d = { 0 } }
				       : addr_from_v4((be32){ 0 });
		s->bound_addr = !addr_is_any(&a);
		s->bound_if = scope ? scope : s->bound_if;
	}
	sock_unlock(&s->sk);
	return err;
}

static int raw_connect(struct socket *sock, const void *addr, int len, u32 file_flags)
{
	struct inet_sock *s = sock->sk;
	struct inet_addr a;
	be16 port;
	int scope, err = 0;

	if (len < 2)
		return -EINVAL;
	sock_lock(&s->sk);
	if (((const struct sockaddr_in *)addr)->sin_family == AF_UNSPEC) {
		s->connected = false;
		inet_dgram_disconnect(s);
	} else {
		err = inet_addr_get(s, addr, len, &a, &port, &scope);
		if (!err)
			err = inet_dgram_connect(s, &a, port, scope);
		s->connected |= !err;
	}
	sock_unlock(&s->sk);
	return err;
}

/* ---- options ---- */

static int raw_setsockopt(struct socket *sock, int level, int name, const void *val, int len)
{
	struct raw_sock *r = sock->sk;
	int v;

	if (level == IPPROTO_RAW && !r->inet.v6) { /* SOL_RAW */
		if (r->inet.sk.protocol != IPPROTO_ICMP)
			return -EOPNOTSUPP;
		if (name != ICMP_FILTER_OPT)
			return -ENOPROTOOPT;
		memcpy(&r->filter4, val, (size_t)MIN(len, (int)sizeof(r->filter4)));
		return 0;
	}
	if (level == IPPROTO_ICMPV6 && r->inet.v6) {
		if (r->inet.sk.protocol != IPPROTO_ICMPV6)
			return -EOPNOTSUPP;
		if (name != ICMPV6_FILTER_OPT)
			return -ENOPROTOOPT;
		memcpy(r->filter6, val, (size_t)MIN(len, (int)sizeof(r->filter6)));
		return 0;
	}
	if (r->inet.v6 && ((level == IPPROTO_IPV6 && name == IPV6_CHECKSUM) ||
			   (level == IPPROTO_RAW && name == IPV6_CHECKSUM))) {
		if (len < (int)sizeof(v))
			return -EINVAL;
		memcpy(&v, val, sizeof(v));
		if (r->inet.sk.protocol == IPPROTO_ICMPV6 && level == IPPROTO_IPV6)
			return -EINVAL;
		if (v > 0 && v & 1)
			return -EINVAL;
		r->checksum = v < 0 ? -1 : v;
		return 0;
	}
	return inet_setsockopt(sock, level, name, val, len);
}

static int raw_getsockopt(struct socket *sock, int level, int name, void *val, int *len)
{
	struct raw_sock *r = sock->sk;

	if (level == IPPROTO_RAW && !r->inet.v6 && name == ICMP_FILTER_OPT &&
	    r->inet.sk.protocol == IPPROTO_ICMP) {
		*len = MIN(*len, (int)sizeof(r->filter4));
		memcpy(val, &r->filter4, (size_t)*len);
		return 0;
	}
	if (level == IPPROTO_ICMPV6 && r->inet.v6 && name == ICMPV6_FILTER_OPT &&
	    r->inet.sk.protocol == IPPROTO_ICMPV6) {
		*len = MIN(*len, (int)sizeof(r->filter6));
		memcpy(val, r->filter6, (size_t)*len);
		return 0;
	}
	if (level == IPPROTO_IPV6 && r->inet.v6 && name == IPV6_CHECKSUM)
		return inet_put_number(r->checksum, val, len);
	return inet_getsockopt(sock, level, name, val, len);
}

/* ---- life ---- */

static int raw_init(struct inet_sock *s)
{
	struct sock_bucket *b = raw_bucket(s->sk.net, (u8)s->sk.protocol);

	((struct raw_sock *)s)->checksum = -1;
	s->hdrincl = !s->v6 && s->sk.protocol == IPPROTO_RAW;
	s->num = s->sk.protocol;
	sock_get(&s->sk);
	spin_lock(&b->lock);
	list_add_tail(&b->socks, &s->hash_node);
	s->hashed_in = b;
	spin_unlock(&b->lock);
	inet_all_add(s, 1);
	return 0;
}

static void raw_release(struct socket *sock)
{
	struct inet_sock *s = sock->sk;
	struct sock_bucket *b = s->hashed_in;

	spin_lock(&b->lock);
	list_del_init(&s->hash_node);
	spin_unlock(&b->lock);
	sock_put(&s->sk);
	inet_leave_all(s);
	inet_all_remove(s, 1);
	inet_sock_orphan(s);
	sock->sk = NULL;
	sock_put(&s->sk);
}

static void raw_destroy(struct sock *sk)
{
	inet_sock_free((struct inet_sock *)sk);
}

#define RAW_OPS(fam) \
	{ \
		.family = (fam), .bind = raw_bind, .connect = raw_connect, \
		.getname = inet_getname, \
		.sendmsg = raw_sendmsg, .recvmsg = raw_recvmsg, .shutdown = inet_dgram_shutdown, \
		.poll = inet_dgram_poll, .ioctl = inet_ioctl, .setsockopt = raw_setsockopt, \
		.getsockopt = raw_getsockopt, .release = raw_release, \
	}
static const struct proto_ops raw_ops4 = RAW_OPS(AF_INET);
static const struct proto_ops raw_ops6 = RAW_OPS(AF_INET6);
static const struct sock_ops raw_sock_ops = { .name = "RAW",
					      .size = sizeof(struct raw_sock),
					      .destroy = raw_destroy };

static const struct inet_kind raw_kind = { .type = SOCK_RAW,
					   .protocol = 0,
					   .ops4 = &raw_ops4,
					   .ops6 = &raw_ops6,
					   .sock_ops = &raw_sock_ops,
					   .needs_net_raw = true,
					   .init = raw_init };
SECTION_SET(inet_kinds, raw_kind);
