// SPDX-License-Identifier: MIT
/*
 * AF_INET and AF_INET6 sockets: making one, addresses in and out, bind(2), getsockname(2); what datagram sockets
 * of all protocols share is in dgram.c.
 *
 * Tests: tests/abi/net_bind.c, net_udp.c.
 */
#include <linux/capability.h>
#include <tarn/cred.h>
#include <tarn/process.h>
#include <tarn/radix.h>
#include "inet_internal.h"

#define IPPROTO_LIMIT 263 /* IPPROTO_MAX of Linux, with MPTCP's number below it */
#define SIN6_OLD_LEN 24   /* without sin6_scope_id: RFC 2133 */

/* ---- life ---- */

void inet_sock_setup(struct inet_sock *s, bool v6)
{
	s->v6 = v6;
	s->v6only = v6 && READ_ONCE(s->sk.net->inet->conf.bindv6only);
	s->rcv_addr = s->src = v6 ? (struct inet_addr){ .d = { 0 } } : addr_from_v4((be32){ 0 });
	s->dst = s->mc_src = s->rcv_addr;
	s->mc_ttl = 1;
	s->mc_loop = s->mc_all = s->mc_all6 = true;
	s->pmtudisc = s->pmtudisc6 =
		READ_ONCE(s->sk.net->inet->conf.no_pmtu_disc) ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	s->hops6 = s->mc_hops6 = s->tclass6 = -1;
	list_init(&s->memberships);
	list_init(&s->bind_node);
	list_init(&s->hash_node);
	list_init(&s->net_node);
}

void inet_sock_free(struct inet_sock *s)
{
	route_put(s->route);
	kfree(s->options);
}

/* Its user closed it: what still finds it finds no socket. */
void inet_sock_orphan(struct inet_sock *s)
{
	atomic_store(&s->sk.shutdown, SOCK_SHUT_RECEIVE | SOCK_SHUT_SEND);
	spin_lock(&s->sk.lock);
	s->sk.dead = true;
	rcu_assign(s->sk.socket, NULL);
	spin_unlock(&s->sk.lock);
}

void inet_all_add(struct inet_sock *s, u32 kind)
{
	struct inet_net *n = s->sk.net->inet;

	spin_lock(&n->all_lock);
	list_add_tail_rcu(&n->all, &s->net_node);
	spin_unlock(&n->all_lock);
	atomic_fetch_add(&n->nr_socks[kind], 1);
}

void inet_all_remove(struct inet_sock *s, u32 kind)
{
	struct inet_net *n = s->sk.net->inet;

	spin_lock(&n->all_lock);
	list_del_rcu(&s->net_node);
	spin_unlock(&n->all_lock);
	atomic_fetch_sub(&n->nr_socks[kind], 1);
}

/* Types known at all, and with this protocol: socket(2)'s two errors. */
static const struct inet_kind *find_kind(int type, int protocol, bool v6, int *err)
{
	int want = protocol		 ? protocol
		   : type == SOCK_STREAM ? IPPROTO_TCP
		   : type == SOCK_DGRAM	 ? IPPROTO_UDP
					 : 0;

	*err = -ESOCKTNOSUPPORT;
	SET_FOR_EACH(const struct inet_kind, k, inet_kinds) {
		if (k->type != type || !(v6 ? k->ops6 : k->ops4))
			continue;
		*err = -EPROTONOSUPPORT;
		if (want && (k->protocol == want || !k->protocol))
			return k;
	}
	return NULL;
}

static int create(struct socket *s, int type, int protocol, bool v6)
{
	const struct inet_kind *k;
	struct inet_sock *is;
	int err;

	if (protocol < 0 || protocol >= IPPROTO_LIMIT)
		return -EINVAL;
	k = find_kind(type, protocol, v6, &err);
	if (!k)
		return err;
	if (k->needs_net_raw && !capable(CAP_NET_RAW))
		return -EPERM;
	is = (struct inet_sock *)sock_alloc(current_net(), k->sock_ops, v6 ? AF_INET6 : AF_INET,
					    type, k->protocol ? k->protocol : protocol, GFP_KERNEL);
	if (!is)
		return -ENOBUFS;
	sock_set_user(&is->sk, current_cred()->user, current_cred()->fsuid);
	inet_sock_setup(is, v6);
	s->protocol = is->sk.protocol;
	s->ops = v6 ? k->ops6 : k->ops4;
	s->sk = is;
	s->error = &is->sk.error;
	is->sk.socket = s;
	err = k->init ? k->init(is) : 0;
	if (err) {
		is->sk.socket = NULL;
		s->sk = NULL;
		sock_put(&is->sk);
	}
	return err;
}

static int create4(struct socket *s, int type, int protocol)
{
	return create(s, type, protocol, false);
}

static int create6(struct socket *s, int type, int protocol)
{
	return create(s, type, protocol, true);
}

void inet_families_init(void)
{
	socket_register_family(AF_INET, create4);
	socket_register_family(AF_INET6, create6);
}

/* ---- addresses in and out ---- */

int inet_addr_get(const struct inet_sock *s, const void *uaddr, int len, struct inet_addr *a,
		  be16 *port, int *scope)
{
	const struct sockaddr_in *in = uaddr;
	const struct sockaddr_in6 *in6 = uaddr;

	*scope = 0;
	if (len < (int)sizeof(in->sin_family))
		return -EINVAL;
	if (!s->v6 || in->sin_family == AF_INET) {
		if (len < (int)sizeof(*in))
			return -EINVAL;
		if (in->sin_family != AF_INET)
			return -EAFNOSUPPORT;
		if (s->v6 && s->v6only)
			return -ENETUNREACH;
		*a = addr_from_v4((be32){ in->sin_addr.s_addr });
		*port = (be16){ in->sin_port };
		return 0;
	}
	if (len < SIN6_OLD_LEN)
		return -EINVAL;
	if (in6->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	*a = addr_from_bytes(&in6->sin6_addr);
	*port = (be16){ in6->sin6_port };
	if (len >= (int)sizeof(*in6) &&
	    (addr_is_linklocal(a) || (addr_is_multicast(a) && addr_scope6(a) <= 2)))
		*scope = (int)in6->sin6_scope_id;
	return 0;
}

int inet_addr_put(const struct inet_sock *s, void *uaddr, const struct inet_addr *a, be16 port,
		  int scope)
{
	struct sockaddr_in *in = uaddr;
	struct sockaddr_in6 *in6 = uaddr;

	if (!s->v6) {
		memset(in, 0, sizeof(*in));
		in->sin_family = AF_INET;
		in->sin_port = port.raw;
		in->sin_addr.s_addr = addr_is_v4(a) ? addr_v4(a).raw : 0;
		return sizeof(*in);
	}
	memset(in6, 0, sizeof(*in6));
	in6->sin6_family = AF_INET6;
	in6->sin6_port = port.raw;
	memcpy(&in6->sin6_addr, a, 16);
	if (addr_is_linklocal(a))
		in6->sin6_scope_id = (u32)scope;
	return sizeof(*in6);
}

int inet_getname(struct socket *s, void *addr, bool peer)
{
	struct inet_sock *is = s->sk;

	if (!peer)
		return inet_addr_put(is, addr,
				     addr_is_any(&is->rcv_addr) ? &is->src : &is->rcv_addr,
				     is->sport, is->bound_if);
	if (!is->dport.raw)
		return -ENOTCONN;
	return inet_addr_put(is, addr, &is->dst, is->dport, is->bound_if);
}

/* ---- bind ---- */

static bool foreign_ok(const struct inet_sock *s, bool v6)
{
	const struct inet_conf *c = &s->sk.net->inet->conf;

	return s->freebind || s->transparent ||
	       (v6 ? READ_ONCE(c->nonlocal_bind6) : READ_ONCE(c->nonlocal_bind));
}

/* May @s be bound to @a?  *multicast: it receives there, but does not send from it. */
int inet_check_bind_addr(struct inet_sock *s, const struct inet_addr *a, int scope, bool *multicast)
{
	struct net *net = s->sk.net;
	bool v6 = !addr_is_v4(a), ok;

	*multicast = addr_is_multicast(a);
	if (s->v6 && !v6 && s->v6only)
		return -EINVAL;
	if (v6 && scope && s->bound_if && s->bound_if != scope)
		return -EINVAL;
	if (v6 && (addr_is_linklocal(a) || (*multicast && addr_scope6(a) <= 2)) && !scope &&
	    !s->bound_if)
		return -EINVAL; /* RFC 4007: which link? */
	if (addr_is_any(a) || *multicast)
		return 0;
	rcu_read_lock();
	if (scope && !device_by_index(net, scope)) {
		rcu_read_unlock();
		return -ENODEV;
	}
	if (inet_addr_is_broadcast(net, a, NULL)) {
		*multicast = true;
		ok = true;
	} else {
		ok = inet_addr_is_local(net, a, NULL);
	}
	rcu_read_unlock();
	return ok || foreign_ok(s, v6) ? 0 : -EADDRNOTAVAIL;
}

/* bind(2)'s own rules for addresses: an AF_UNSPEC of 0.0.0.0 passes as AF_INET, IPv4's on IPv6 sockets only mapped. */
static int bind_addr_get(struct inet_sock *s, const void *addr, int len, struct inet_addr *a,
			 be16 *port, int *scope)
{
	const struct sockaddr_in *in = addr;
	struct sockaddr_in copy;

	if (s->v6 && len < SIN6_OLD_LEN)
		return -EINVAL;
	if (s->v6 && in->sin_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!s->v6 && len >= (int)sizeof(*in) && in->sin_family == AF_UNSPEC &&
	    !in->sin_addr.s_addr) {
		copy = *in;
		copy.sin_family = AF_INET;
		return inet_addr_get(s, &copy, sizeof(copy), a, port, scope);
	}
	return inet_addr_get(s, addr, len, a, port, scope);
}

static int bind_locked(struct inet_sock *s, const struct inet_addr *a, be16 port, int scope)
{
	struct inet_addr old = s->rcv_addr, old_src = s->src;
	int old_if = s->bound_if, err;
	bool multicast;

	err = inet_check_bind_addr(s, a, scope, &multicast);
	if (err)
		return err;
	if (port.raw && be16_to_cpu(port) < READ_ONCE(s->sk.net->inet->conf.unprivileged_port) &&
	    !capable(CAP_NET_BIND_SERVICE))
		return -EACCES;
	if (s->num || (s->dport.raw && s->sk.protocol == IPPROTO_TCP))
		return -EINVAL;
	s->rcv_addr = *a;
	s->src = multicast ? (addr_is_v4(a) ? addr_from_v4((be32){ 0 })
					    : (struct inet_addr){ .d = { 0 } })
			   : *a;
	if (scope)
		s->bound_if = scope;
	err = inet_bind_port(s, be16_to_cpu(port));
	if (err) {
		s->rcv_addr = old;
		s->src = old_src;
		s->bound_if = old_if;
	} else {
		s->bound_addr = !addr_is_any(a);
		s->bound_port = port.raw;
		if (s->sk.protocol == IPPROTO_UDP)
			udp_hash(s);
	}
	return err;
}

int inet_bind(struct socket *sock, const void *addr, int len)
{
	struct inet_sock *s = sock->sk;
	struct inet_addr a;
	be16 port;
	int scope, err;

	err = bind_addr_get(s, addr, len, &a, &port, &scope);
	if (err)
		return err;
	sock_lock(&s->sk);
	err = bind_locked(s, &a, port, scope);
	sock_unlock(&s->sk);
	return err;
}
