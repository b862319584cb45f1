// SPDX-License-Identifier: MIT
/*
 * UDP sockets, udp(7): sending with corking and segmentation, receiving, connecting.
 *
 * A datagram is built in one packet: header room, then the user's bytes in pages. Uncorked it never
 * takes the socket's lock for longer than to look at its route. Corked (UDP_CORK, MSG_MORE) the
 * packet stays in the socket until the cork is drawn.
 *
 * Limits: SO_SNDBUF for what is on its way, 65,507 bytes a datagram, UDP_SEGMENT at most 64 pieces.
 */
#include <linux/capability.h>
#include <linux/ip.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include "udp.h"

#define SEGMENTS_MAX 64u

/* ---- sending ---- */

/* The checksum is left to the device, or to the end of the way: it may never be needed. */
static void put_header(struct inet_sock *s, struct packet *p, const struct flow *f)
{
	struct udp_header *h = packet_push(p, sizeof(*h));
	bool none = f->v6 ? ((struct udp_sock *)s)->no_check6_tx
			  : s->sk.socket && s->sk.socket->opt.no_check;

	*h = (struct udp_header){ .sport = s->sport, .dport = f->dport, .len = cpu_to_be16((u16)p->len) };
	p->transport = packet_offset(p);
	if (none) {
		p->csum_state = CSUM_NONE;
		return;
	}
	h->csum.raw = csum_fold16(inet_pseudo_csum(&f->src, &f->dst, IPPROTO_UDP, p->len));
	p->csum_state = CSUM_PARTIAL;
	p->csum_start = p->transport;
	p->csum_offset = offsetof(struct udp_header, csum);
}

static int set_gso(struct inet_sock *s, struct packet *p, const struct route *r,
		   const struct flow *f, u16 gso)
{
	u32 headers = (f->v6 ? 40u : 20u) + (u32)sizeof(struct udp_header);

	if (!gso)
		return 0;
	if (gso + headers > route_mtu(r))
		return -EINVAL;
	if (p->len > gso * SEGMENTS_MAX ||
	    (f->v6 ? ((struct udp_sock *)s)->no_check6_tx : s->sk.socket->opt.no_check))
		return -EINVAL;
	if (p->len <= gso)
		return 0;
	p->gso_type = GSO_UDP;
	p->gso_size = gso;
	p->gso_segs = (u16)DIV_ROUND_UP(p->len, (u32)gso);
	return 0;
}

/* Owns @p, the payload. */
static int push(struct inet_sock *s, struct packet *p, struct route *r, const struct flow *f,
		const struct inet_cork *c, u16 gso)
{
	struct net *net = s->sk.net;
	int err = set_gso(s, p, r, f, gso);

	if (err) {
		packet_free(p);
		return err;
	}
	put_header(s, p, f);
	p->mark = f->mark;
	p->priority = (u32)s->sk.socket->opt.priority;
	packet_charge_send(p, &s->sk);
	err = inet_send(net, p, r, f, c);
	if (!err)
		inet_count(net, f->v6, UDP_OUT_DATAGRAMS);
	else if (err == -ENOBUFS)
		inet_count(net, f->v6, UDP_SNDBUF_ERRORS);
	if (err == -EMSGSIZE && (f->v6 ? s->recverr6 : s->recverr))
		inet_queue_local_error(s, EMSGSIZE, &f->dst, f->dport, route_mtu(r));
	return err == -ENOBUFS && !(f->v6 ? s->recverr6 : s->recverr) ? 0 : err; /* lost on the way, as datagrams are */
}

static int append(struct packet *p, struct msg *m, u32 limit)
{
	size_t n = m->iter.count;
	ssize_t got;

	if (p->len + n > limit)
		return -EMSGSIZE;
	while (n) {
		got = packet_from_iov(p, &m->iter, n, GFP_KERNEL);
		if (got <= 0)
			return got ? (int)got : -EFAULT;
		n -= (size_t)got;
	}
	return 0;
}

static u32 payload_limit(bool v6)
{
	return v6 ? 65535u - 8 : 65535u - 28;
}

static void drop_pending(struct udp_sock *u)
{
	packet_free(u->pending);
	u->pending = NULL;
	route_put(u->route);
	u->route = NULL;
}

int udp_push_pending(struct udp_sock *u)
{
	struct packet *p = u->pending;
	int err;

	u->pending = NULL;
	err = push(&u->inet, p, u->route, &u->flow, &u->cork, u->pending_gso);
	route_put(u->route);
	u->route = NULL;
	return err;
}

/* Where to: the address given, or the peer. A datagram's port is never 0. */
static int destination(struct inet_sock *s, const struct msg *m, struct inet_addr *dst, be16 *port,
		       int *scope)
{
	const struct sockaddr_in *in = m->name;
	int err;

	*scope = 0;
	if (m->namelen && !(s->v6 && m->namelen >= 2 && in->sin_family == AF_UNSPEC)) {
		struct sockaddr_in copy;

		if (!s->v6 && m->namelen >= (int)sizeof(*in) && in->sin_family == AF_UNSPEC) {
			copy = *in;
			copy.sin_family = AF_INET;
			err = inet_addr_get(s, &copy, sizeof(copy), dst, port, scope);
		} else {
			err = inet_addr_get(s, m->name, m->namelen, dst, port, scope);
		}
		if (!err && !port->raw)
			err = -EINVAL;
		if (!err && addr_is_any(dst) && !addr_is_v4(dst))
			*dst = (struct inet_addr){ .b = { [15] = 1 } };
		return err;
	}
	if (!s->connected)
		return -EDESTADDRREQ;
	*dst = s->dst;
	*port = s->dport;
	return 0;
}

static int autobind(struct inet_sock *s)
{
	int err;

	if (s->num)
		return 0;
	err = inet_bind_port(s, 0);
	if (err)
		return err == -EADDRINUSE ? -EAGAIN : err;
	udp_hash(s);
	return 0;
}

struct sending {
	struct inet_send_info info;
	struct inet_addr dst;
	be16 port;
	int scope;
	struct flow flow;
	struct inet_cork cork;
	u8 options[IP_OPTIONS_MAX_];
	struct route *route;
};

/* All that is to be known before bytes are copied.  Socket locked. */
static int prepare(struct inet_sock *s, const struct msg *m, u32 flags, struct sending *d)
{
	struct udp_sock *u = (struct udp_sock *)s;
	bool to_peer;
	int err;

	err = destination(s, m, &d->dst, &d->port, &d->scope);
	if (!err)
		err = autobind(s);
	if (err)
		return err;
	to_peer = s->connected && d->port.raw == s->dport.raw && addr_equal(&d->dst, &s->dst) &&
		  !d->scope;
	d->info.gso_size = u->gso_size;
	err = inet_cmsg_parse(s, m, !addr_is_v4(&d->dst), &d->info);
	if (err)
		return err;
	d->route = inet_send_route(s, &d->flow, to_peer ? &s->dst : &d->dst, d->port, d->scope,
				   &d->info, flags, &d->cork);
	if (IS_ERR(d->route))
		return (int)PTR_ERR(d->route);
	inet_cork_own(&d->cork, d->options);
	return 0;
}

static ssize_t send_corked(struct udp_sock *u, struct msg *m, u32 flags)
{
	struct inet_sock *s = &u->inet;
	struct sending d = { 0 };
	size_t n = m->iter.count;
	int err = 0;

	if (!u->pending) {
		err = prepare(s, m, flags, &d);
		if (err)
			return err;
		u->pending = packet_alloc(GFP_KERNEL);
		if (!u->pending) {
			route_put(d.route);
			return -ENOBUFS;
		}
		u->flow = d.flow;
		u->cork = d.cork;
		inet_cork_own(&u->cork, u->options);
		u->route = d.route;
		u->pending_gso = d.info.gso_size;
	}
	err = append(u->pending, m, payload_limit(u->flow.v6));
	if (err) {
		drop_pending(u);
	} else if (!u->corked && !(flags & MSG_MORE)) {
		err = udp_push_pending(u);
	} else {
		packet_charge_send(u->pending, &s->sk); /* what stays is charged, too */
	}
	return err ? err : (ssize_t)n;
}

static ssize_t send_now(struct inet_sock *s, struct msg *m, u32 flags)
{
	struct sending d = { 0 };
	size_t n = m->iter.count;
	struct packet *p;
	int err;

	err = sock_wait_for_room(&s->sk, flags);
	if (err)
		return err;
	sock_lock(&s->sk);
	err = prepare(s, m, flags, &d);
	sock_unlock(&s->sk);
	if (err)
		return err;
	p = packet_alloc(GFP_KERNEL);
	err = p ? append(p, m, payload_limit(d.flow.v6)) : -ENOBUFS;
	if (err)
		packet_free(p);
	else if (flags & MSG_CONFIRM)
		neigh_confirm(d.route->dev,
			      addr_is_zero(&d.route->gateway) ? &d.flow.dst : &d.route->gateway);
	if (!err)
		err = push(s, p, d.route, &d.flow, &d.cork, d.info.gso_size);
	route_put(d.route);
	return err ? err : (ssize_t)n;
}

static ssize_t udp_sendmsg(struct socket *sock, struct msg *m, u32 flags)
{
	struct udp_sock *u = sock->sk;
	ssize_t ret;

	if (m->iter.count > 65535)
		return -EMSGSIZE;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (likely(!READ_ONCE(u->pending) && !READ_ONCE(u->corked) && !(flags & MSG_MORE)))
		return send_now(&u->inet, m, flags);
	sock_lock(&u->inet.sk);
	ret = send_corked(u, m, flags);
	sock_unlock(&u->inet.sk);
	return ret;
}

/* ---- receiving ---- */

static void put_name(struct inet_sock *s, struct msg *m, struct packet *p)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	const struct udp_header *h = (void *)packet_header(p, p->transport);

	m->namelen = m->name ? inet_addr_put(s, m->name, &in->src, h->sport, in->iif) : 0;
}

static void put_gro(struct udp_sock *u, struct msg *m, const struct packet *p)
{
	int size = p->gso_size;

	if (p->gso_size && atomic_load_explicit(&u->gro, memory_order_relaxed))
		put_cmsg(m, IPPROTO_UDP, UDP_GRO, &size, sizeof(size));
}

static ssize_t udp_recvmsg(struct socket *sock, struct msg *m, u32 flags)
{
	struct udp_sock *u = sock->sk;
	s32 peek = READ_ONCE(sock->opt.peek_off);
	u32 from = flags & MSG_PEEK && peek > 0 ? (u32)peek : 0;
	struct packet *p;
	ssize_t n;

	m->namelen = 0;
	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(&u->inet, m, flags);
	p = sock_receive(&u->inet.sk, flags, &from);
	if (IS_ERR_OR_NULL(p))
		return p ? PTR_ERR(p) : 0;
	n = inet_copy_datagram(&u->inet, m, p, from, flags);
	if (n >= 0) {
		if (peek >= 0)
			WRITE_ONCE(sock->opt.peek_off, flags & MSG_PEEK
							       ? peek + (s32)MIN((u32)n, p->len)
							       : MAX(peek - (s32)p->len, 0));
		put_name(&u->inet, m, p);
		put_timestamp(m, sock, p->stamp);
		put_gro(u, m, p);
		inet_cmsg_put(&u->inet, m, p);
	}
	packet_free(p);
	return n;
}

/* ---- connect ---- */

static int connect_locked(struct inet_sock *s, const void *addr, int len)
{
	struct inet_addr a;
	be16 port;
	int scope, err;

	if (len >= 2 && ((const struct sockaddr_in *)addr)->sin_family == AF_UNSPEC) {
		s->connected = false;
		inet_dgram_disconnect(s);
		if (!s->bound_port && s->num) {
			udp_unhash(s);
			inet_unbind_port(s);
		} else if (s->num) {
			udp_hash(s);
		}
		return 0;
	}
	err = inet_addr_get(s, addr, len, &a, &port, &scope);
	if (!err)
		err = autobind(s);
	if (!err)
		err = inet_dgram_connect(s, &a, port, scope);
	if (!err) {
		s->connected = true;
		udp_hash(s);
	}
	return err;
}

static int udp_connect(struct socket *sock, const void *addr, int len, u32 file_flags)
{
	struct inet_sock *s = sock->sk;
	int err;

	if (len < 2)
		return -EINVAL;
	sock_lock(&s->sk);
	err = connect_locked(s, addr, len);
	sock_unlock(&s->sk);
	return err;
}

/* ---- the end ---- */

static void udp_release(struct socket *sock)
{
	struct udp_sock *u = sock->sk;
	struct inet_sock *s = &u->inet;

	sock_lock(&s->sk);
	drop_pending(u);
	udp_unhash(s);
	if (s->num)
		inet_unbind_port(s);
	sock_unlock(&s->sk);
	inet_leave_all(s);
	inet_all_remove(s, 0);
	inet_sock_orphan(s);
	sock->sk = NULL;
	sock_put(&s->sk);
}

static void udp_destroy(struct sock *sk)
{
	inet_sock_free((struct inet_sock *)sk);
}

/* ---- the kind ---- */

static int udp_init(struct inet_sock *s)
{
	inet_all_add(s, 0);
	return 0;
}

#define UDP_OPS(fam) \
	{ \
		.family = (fam), .bind = inet_bind, .connect = udp_connect, \
		.getname = inet_getname, \
		.sendmsg = udp_sendmsg, .recvmsg = udp_recvmsg, .shutdown = inet_dgram_shutdown, \
		.poll = inet_dgram_poll, .ioctl = inet_ioctl, .setsockopt = udp_setsockopt, \
		.getsockopt = udp_getsockopt, .release = udp_release, .peek_off = true, \
	}
static const struct proto_ops udp_ops4 = UDP_OPS(AF_INET);
static const struct proto_ops udp_ops6 = UDP_OPS(AF_INET6);
static const struct sock_ops udp_sock_ops = { .name = "UDP",
					      .size = sizeof(struct udp_sock),
					      .destroy = udp_destroy };

static const struct inet_kind udp_kind = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_UDP,
	.ops4 = &udp_ops4,
	.ops6 = &udp_ops6,
	.sock_ops = &udp_sock_ops,
	.own_ports = true,
	.init = udp_init,
};
SECTION_SET(inet_kinds, udp_kind);
