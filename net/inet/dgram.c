// SPDX-License-Identifier: MIT
/*
 * What UDP, raw and ping sockets share: the route of one message, connect(2) as a filter, shutdown, flows.
 *
 * A message's destination, source, device, TTL and TOS come from the address given, from control
 * messages, from connect(2) and from options, in this order.
 */
#include <linux/if.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include "inet_internal.h"

void inet_sock_flow(const struct inet_sock *s, struct flow *f)
{
	*f = (struct flow){
		.src = s->src,
		.dst = s->dst,
		.sport = s->sport,
		.dport = s->dport,
		.protocol = (u8)s->sk.protocol,
		.v6 = !addr_is_v4(&s->dst),
		.oif = inet_bound_if(s),
		.uid = s->sk.uid,
		.transparent = s->transparent || s->freebind,
	};
	f->tos = f->v6 ? (u8)MAX(s->tclass6, (s16)0) : s->tos;
	f->flowlabel = f->v6 ? s->flowlabel : 0;
	if (s->sk.socket) {
		f->mark = (u32)s->sk.socket->opt.mark;
		f->dontroute = s->sk.socket->opt.dontroute;
	}
}

struct route *inet_sock_route(struct inet_sock *s)
{
	struct route *r = s->route;
	struct flow f;

	if (r && route_valid(s->sk.net, r)) {
		route_get(r);
		return r;
	}
	inet_sock_flow(s, &f);
	r = route_out(s->sk.net, &f);
	if (IS_ERR(r))
		return r;
	route_put(s->route);
	s->route = r;
	route_get(r);
	return r;
}

/* ---- one message ---- */

static bool to_group(const struct inet_addr *a)
{
	return addr_is_multicast(a);
}

static void fill_cork(const struct inet_sock *s, const struct flow *f,
		      const struct inet_send_info *info, struct inet_cork *c)
{
	int ttl;

	if (f->v6)
		ttl = to_group(&f->dst) ? (s->mc_hops6 >= 0 ? s->mc_hops6 : 1)
					: MAX(s->hops6, (s16)0);
	else
		ttl = to_group(&f->dst) ? s->mc_ttl : s->ttl;
	*c = (struct inet_cork){
		.ttl = (u8)(info->ttl >= 0 ? info->ttl : ttl),
		.tos = f->tos,
		.pmtudisc = f->v6 ? s->pmtudisc6 : s->pmtudisc,
		.options = s->options,
		.options_len = s->options_len,
		.nofrag = f->v6 && (info->dontfrag >= 0 ? info->dontfrag : s->dontfrag6),
	};
	if (f->v6 != s->v6)
		c->options_len = 0; /* of the other family */
}

static bool may_broadcast(const struct inet_sock *s)
{
	return s->sk.socket && s->sk.socket->opt.broadcast;
}

struct route *inet_send_route(struct inet_sock *s, struct flow *f, const struct inet_addr *dst,
			      be16 port, int scope, const struct inet_send_info *info, u32 flags,
			      struct inet_cork *cork)
{
	bool plain = dst == &s->dst && addr_is_any(&info->src) && !info->oif && info->tos < 0 &&
		     !(flags & MSG_DONTROUTE);
	struct route *r;

	inet_sock_flow(s, f);
	f->dst = *dst;
	f->dport = port;
	f->v6 = !addr_is_v4(dst);
	if (f->v6 != !addr_is_v4(&f->src)) /* :: bound, sends IPv4 (or the other way) */
		f->src = f->v6 ? (struct inet_addr){ .d = { 0 } } : addr_from_v4((be32){ 0 });
	if (!addr_is_any(&info->src))
		f->src = info->src;
	if (info->oif || scope)
		f->oif = info->oif ? info->oif : scope;
	f->tos = info->tos >= 0 ? (u8)info->tos : f->v6 ? (u8)MAX(s->tclass6, (s16)0) : s->tos;
	if (info->flowlabel)
		f->flowlabel = info->flowlabel;
	f->dontroute |= !!(flags & MSG_DONTROUTE);
	if (to_group(dst)) {
		if (!f->oif)
			f->oif = s->mc_index;
		if (addr_is_any(&f->src) && !f->v6 && addr_is_v4(&s->mc_src))
			f->src = s->mc_src;
	}
	if (f->v6 && s->bound_if && f->oif != s->bound_if && !to_group(dst))
		return ERR_PTR(-EINVAL);
	r = plain && !to_group(dst) ? inet_sock_route(s) : route_out(s->sk.net, f);
	if (IS_ERR(r))
		return r;
	if (addr_is_any(&f->src))
		f->src = r->src;
	if (addr_is_any(&f->dst))
		f->dst = f->v6 ? (struct inet_addr){ .b = { [15] = 1 } } : f->src;
	if (r->kind == ROUTE_BROADCAST && !may_broadcast(s)) {
		route_put(r);
		return ERR_PTR(-EACCES);
	}
	fill_cork(s, f, info, cork);
	return r;
}

/* ---- connect ---- */

int inet_dgram_connect(struct inet_sock *s, const struct inet_addr *a, be16 port, int scope)
{
	struct inet_addr dst = *a;
	struct route *r;
	struct flow f;

	if (addr_is_any(&dst) && s->v6 && !addr_is_v4(&dst)) /* connect to :: is to ::1 (BSD) */
		dst = (struct inet_addr){ .b = { [15] = 1 } };
	if (s->v6 && addr_is_v4(&dst) && s->v6only)
		return -ENETUNREACH;
	if (addr_is_linklocal(&dst) && !scope && !s->bound_if)
		return -EINVAL;
	if (scope && s->bound_if && scope != s->bound_if)
		return -EINVAL;
	inet_sock_flow(s, &f);
	f.dst = dst;
	f.dport = port;
	f.v6 = !addr_is_v4(&dst);
	if (f.v6 == addr_is_v4(&f.src))
		f.src = f.v6 ? (struct inet_addr){ .d = { 0 } } : addr_from_v4((be32){ 0 });
	if (scope)
		f.oif = scope;
	if (addr_is_multicast(&dst) && !f.oif)
		f.oif = s->mc_index;
	r = route_out(s->sk.net, &f);
	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	if (r->kind == ROUTE_BROADCAST && !may_broadcast(s)) {
		route_put(r);
		return -EACCES;
	}
	if (addr_is_any(&f.src))
		f.src = r->src;
	if (addr_is_any(&s->src))
		s->src = f.src;
	if (addr_is_any(&s->rcv_addr))
		s->rcv_addr = f.src;
	s->dst = addr_is_any(&f.dst) ? f.src : f.dst;
	s->dport = port;
	if (scope)
		s->bound_if = scope;
	route_put(s->route);
	s->route = r;
	return 0;
}

/* connect(2) with AF_UNSPEC: nobody's any more. An address that connect chose is forgotten, one that was bound
 * stays. */
void inet_dgram_disconnect(struct inet_sock *s)
{
	struct inet_addr any = s->v6 ? (struct inet_addr){ .d = { 0 } } : addr_from_v4((be32){ 0 });

	s->dst = any;
	s->dport.raw = 0;
	if (!s->bound_addr)
		s->rcv_addr = s->src = any;
	route_put(s->route);
	s->route = NULL;
}

int inet_dgram_shutdown(struct socket *sock, int how)
{
	struct inet_sock *s = sock->sk;
	int err = 0;

	sock_lock(&s->sk);
	if (addr_is_any(&s->dst) || !s->connected)
		err = -ENOTCONN;
	atomic_fetch_or(&s->sk.shutdown, (u8)(how + 1)); /* as Linux: readers wake though it says ENOTCONN */
	sock_unlock(&s->sk);
	sock_wake(&s->sk, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	return err;
}

u32 inet_dgram_poll(struct socket *sock, struct poll_wait *w)
{
	struct inet_sock *s = sock->sk;

	return sock_poll(&s->sk, w);
}

ssize_t inet_copy_datagram(struct inet_sock *s, struct msg *m, struct packet *p, u32 from,
			   u32 flags)
{
	u32 have = p->len - MIN(from, p->len), n = (u32)MIN((size_t)have, m->iter.count);

	if (packet_to_iov(p, from, &m->iter, n) != n)
		return -EFAULT;
	if (n < have)
		m->flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? have : n;
}
