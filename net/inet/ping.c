// SPDX-License-Identifier: MIT
/*
 * Ping sockets, icmp(7): SOCK_DGRAM with IPPROTO_ICMP or ICMPV6. Who is in net.ipv4.ping_group_range may send echo
 * requests without privilege; the id is the socket's port, so replies find their asker and nobody else.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <tarn/cred.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include "inet_internal.h"

#define PING_BUCKETS 16u

static struct sock_bucket *bucket_of(struct net *net, u16 id)
{
	return &net->inet->ping[id % PING_BUCKETS];
}

/* ---- ids ---- */

static bool id_taken(struct sock_bucket *b, const struct inet_sock *s, u16 id)
{
	struct inet_sock *o;

	LIST_FOR_EACH(o, &b->socks, hash_node)
		if (o->num == id && o->v6 == s->v6)
			return true;
	return false;
}

static int take_id(struct inet_sock *s, u16 id)
{
	struct sock_bucket *b = bucket_of(s->sk.net, id);
	int err = 0;

	spin_lock(&b->lock);
	if (id_taken(b, s, id)) {
		err = -EADDRINUSE;
	} else {
		sock_get(&s->sk);
		s->num = id;
		s->sport = cpu_to_be16(id);
		s->hashed_in = b;
		list_add_tail(&b->socks, &s->hash_node);
	}
	spin_unlock(&b->lock);
	return err;
}

/* Socket locked. */
static int need_id(struct inet_sock *s, u16 want)
{
	u32 start = inet_random();

	if (s->num)
		return 0;
	if (want)
		return take_id(s, want);
	for (u32 i = 0; i < 65536; i++) {
		u16 id = (u16)(start + i);

		if (id && !take_id(s, id))
			return 0;
	}
	return -EADDRINUSE;
}

static void drop_id(struct inet_sock *s)
{
	struct sock_bucket *b = s->hashed_in;

	if (!b)
		return;
	spin_lock(&b->lock);
	list_del_init(&s->hash_node);
	spin_unlock(&b->lock);
	s->hashed_in = NULL;
	s->num = 0;
	s->sport.raw = 0;
	sock_put(&s->sk);
}

/* The socket with @id at @local; counted. */
static struct inet_sock *lookup(struct net *net, bool v6, u16 id, const struct inet_addr *local,
				int iif)
{
	struct sock_bucket *b = bucket_of(net, id);
	struct inet_sock *s, *found = NULL;

	spin_lock(&b->lock);
	LIST_FOR_EACH(s, &b->socks, hash_node)
		if (s->num == id && s->v6 == v6 &&
		    (addr_is_any(&s->rcv_addr) || addr_equal(&s->rcv_addr, local)) &&
		    (!inet_bound_if(s) || inet_bound_if(s) == iif)) {
			found = s;
			sock_get(&s->sk);
			break;
		}
	spin_unlock(&b->lock);
	return found;
}

/* ---- in ---- */

void ping_receive(struct net *net, struct packet *p, bool v6)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	const struct icmp_header *h = (void *)p->data;
	struct inet_sock *s = lookup(net, v6, be16_to_cpu(h->id), &in->dst, in->iif);
	struct packet *copy;

	if (!s)
		return;
	copy = packet_clone(p, GFP_ATOMIC);
	if (copy)
		sock_queue_receive(&s->sk, copy);
	sock_put(&s->sk);
}

/* ->data at the quoted ICMP header: ours, so its id is the socket's. */
void ping_error(struct net *net, struct packet *p, bool v6, u8 type, u8 code, u32 info)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	const struct icmp_header *h = (void *)p->data;
	struct inet_sock *s;
	bool hard;
	int err = icmp_errno(v6, type, code, &hard);

	if (h->type != (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO))
		return;
	s = lookup(net, v6, be16_to_cpu(h->id), &in->src, in->iif);
	if (!s)
		return;
	if (v6 ? s->recverr6 : s->recverr)
		inet_queue_icmp_error(s, p, err, type, code, info, (be16){ 0 }, sizeof(*h));
	if ((v6 ? s->recverr6 : s->recverr) || (hard && s->connected))
		sock_set_error(&s->sk, err);
	sock_put(&s->sk);
}

/* ---- out ---- */

static int destination(struct inet_sock *s, const struct msg *m, struct inet_addr *dst, int *scope)
{
	be16 port;
	int err;

	*scope = 0;
	if (!m->namelen) {
		if (!s->connected)
			return -EDESTADDRREQ;
		*dst = s->dst;
		return 0;
	}
	err = inet_addr_get(s, m->name, m->namelen, dst, &port, scope);
	return !err && s->v6 == addr_is_v4(dst) ? -EINVAL : err;
}

/* Type, code and id are not the sender's to choose: an echo request with this socket's id. */
static int take_payload(struct inet_sock *s, struct packet *p, struct msg *m)
{
	struct icmp_header h;
	size_t n = m->iter.count - sizeof(h);
	ssize_t got;

	if (iov_copy_from(&h, &m->iter, sizeof(h)) != sizeof(h))
		return -EFAULT;
	if (h.type != (s->v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO) || h.code)
		return -EINVAL;
	h.id = s->sport;
	h.csum.raw = 0;
	memcpy(packet_put(p, sizeof(h)), &h, sizeof(h));
	while (n) {
		got = packet_from_iov(p, &m->iter, n, GFP_KERNEL);
		if (got <= 0)
			return got ? (int)got : -EFAULT;
		n -= (size_t)got;
	}
	return 0;
}

static void set_checksum(struct packet *p, const struct flow *f)
{
	struct icmp_header *h = (void *)p->data;
	u32 seed = f->v6 ? inet_pseudo_csum(&f->src, &f->dst, IPPROTO_ICMPV6, p->len) : 0;

	h->csum.raw = csum_fold(packet_csum(p, 0, p->len, seed));
	p->csum_state = CSUM_NONE;
	p->transport = packet_offset(p);
}

static int prepare(struct inet_sock *s, struct msg *m, u32 flags, struct flow *f,
		   struct inet_cork *c, struct route **r, u8 *options)
{
	struct inet_send_info info = { 0 };
	struct inet_addr dst;
	int scope, err;

	err = destination(s, m, &dst, &scope);
	if (!err)
		err = need_id(s, 0);
	if (!err)
		err = inet_cmsg_parse(s, m, s->v6, &info);
	if (err)
		return err;
	*r = inet_send_route(s, f, &dst, (be16){ 0 }, scope, &info, flags, c);
	if (IS_ERR(*r))
		return (int)PTR_ERR(*r);
	inet_cork_own(c, options);
	return 0;
}

static ssize_t ping_sendmsg(struct socket *sock, struct msg *m, u32 flags)
{
	struct inet_sock *s = sock->sk;
	size_t n = m->iter.count;
	u8 options[IP_OPTIONS_MAX_];
	struct inet_cork cork;
	struct packet *p;
	struct route *r;
	struct flow f;
	int err;

	if (n > 65535)
		return -EMSGSIZE;
	if (n < sizeof(struct icmp_header))
		return -EINVAL;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = sock_wait_for_room(&s->sk, flags);
	if (err)
		return err;
	sock_lock(&s->sk);
	err = prepare(s, m, flags, &f, &cork, &r, options);
	sock_unlock(&s->sk);
	if (err)
		return err;
	p = packet_alloc(GFP_KERNEL);
	err = p ? take_payload(s, p, m) : -ENOBUFS;
	if (err) {
		packet_free(p);
	} else {
		set_checksum(p, &f);
		p->mark = f.mark;
		packet_charge_send(p, &s->sk);
		err = inet_send(s->sk.net, p, r, &f, &cork);
	}
	route_put(r);
	return err ? err : (ssize_t)n;
}

static ssize_t ping_recvmsg(struct socket *sock, struct msg *m, u32 flags)
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
	n = inet_copy_datagram(s, m, p, 0, flags & ~(u32)MSG_TRUNC);
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

/* ---- bind, connect, life ---- */

static int ping_bind(struct socket *sock, const void *addr, int len)
{
	struct inet_sock *s = sock->sk;
	struct inet_addr a;
	bool multicast;
	be16 port;
	int scope, err = inet_addr_get(s, addr, len, &a, &port, &scope);

	if (!err && s->v6 == addr_is_v4(&a))
		err = -EAFNOSUPPORT;
	if (err)
		return err;
	sock_lock(&s->sk);
	err = inet_check_bind_addr(s, &a, scope, &multicast);
	if (!err && multicast)
		err = -EADDRNOTAVAIL;
	if (!err && s->num)
		err = -EINVAL;
	if (!err)
		err = need_id(s, be16_to_cpu(port));
	if (!err) {
		s->rcv_addr = s->src = a;
		s->bound_addr = !addr_is_any(&a);
		s->bound_if = scope ? scope : s->bound_if;
	}
	sock_unlock(&s->sk);
	return err;
}

static int ping_connect(struct socket *sock, const void *addr, int len, u32 file_flags)
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
			err = need_id(s, 0);
		if (!err)
			err = inet_dgram_connect(s, &a, port, scope);
		s->connected |= !err;
	}
	sock_unlock(&s->sk);
	return err;
}

static void ping_release(struct socket *sock)
{
	struct inet_sock *s = sock->sk;

	sock_lock(&s->sk);
	drop_id(s);
	sock_unlock(&s->sk);
	inet_leave_all(s);
	inet_all_remove(s, 2);
	inet_sock_orphan(s);
	sock->sk = NULL;
	sock_put(&s->sk);
}

static void ping_destroy(struct sock *sk)
{
	inet_sock_free((struct inet_sock *)sk);
}

static bool in_range(const struct net *net)
{
	const struct inet_conf *c = &net->inet->conf;
	const struct cred *cred = current_cred();
	u32 low = (u32)READ_ONCE(c->ping_first), high = (u32)READ_ONCE(c->ping_last);

	if (cred->egid >= low && cred->egid <= high)
		return true;
	for (u32 i = 0; i < cred->ngroups; i++)
		if (cred->groups[i] >= low && cred->groups[i] <= high)
			return true;
	return false;
}

static int ping_init(struct inet_sock *s)
{
	if (!in_range(s->sk.net))
		return -EACCES;
	inet_all_add(s, 2);
	return 0;
}

#define PING_OPS(fam) \
	{ \
		.family = (fam), .bind = ping_bind, .connect = ping_connect, \
		.getname = inet_getname, \
		.sendmsg = ping_sendmsg, .recvmsg = ping_recvmsg, .shutdown = inet_dgram_shutdown, \
		.poll = inet_dgram_poll, .ioctl = inet_ioctl, .setsockopt = inet_setsockopt, \
		.getsockopt = inet_getsockopt, .release = ping_release, \
	}
static const struct proto_ops ping_ops4 = PING_OPS(AF_INET);
static const struct proto_ops ping_ops6 = PING_OPS(AF_INET6);
static const struct sock_ops ping_sock_ops = { .name = "PING",
					       .size = sizeof(struct inet_sock),
					       .destroy = ping_destroy };

static const struct inet_kind ping_kind4 = { .type = SOCK_DGRAM,
					     .protocol = IPPROTO_ICMP,
					     .ops4 = &ping_ops4,
					     .sock_ops = &ping_sock_ops,
					     .init = ping_init };
SECTION_SET(inet_kinds, ping_kind4);
static const struct inet_kind ping_kind6 = { .type = SOCK_DGRAM,
					     .protocol = IPPROTO_ICMPV6,
					     .ops6 = &ping_ops6,
					     .sock_ops = &ping_sock_ops,
					     .init = ping_init };
SECTION_SET(inet_kinds, ping_kind6);
