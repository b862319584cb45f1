// SPDX-License-Identifier: MIT
/*
 * Ports: who may have which. One table a namespace, by protocol and port, shared by both families.
 *
 * Two sockets conflict on a port if they could get the same packet: a family and a local address in
 * common (an unbound address has all, :: also IPv4's unless IPV6_V6ONLY) and devices that do not exclude each
 * other. Then they need each other's consent, as Linux has it:
 *
 *	SO_REUSEADDR on both    UDP: yes.  TCP: yes, unless one of them listens
 *	SO_REUSEPORT on both    if the same user made them
 *
 * Check and reservation are one step under the port's lock. A port that the kernel picks (0) is one that
 * nobody has at all, whatever the options: random start (RFC 6056), then upward.
 *
 * Tests: tests/abi/net_bind.c, a table from Linux.
 */
#include "inet_internal.h"

static struct port_slot *slot_of(struct net *net, u16 port)
{
	return &net->inet->ports[port % PORT_BUCKETS];
}

static struct port_bucket *find(struct port_slot *slot, u16 port, u8 protocol)
	MUST_HOLD(&slot->lock)
{
	struct port_bucket *b;

	HLIST_FOR_EACH(b, &slot->buckets, node)
		if (b->port == port && b->protocol == protocol)
			return b;
	return NULL;
}

/* ---- conflicts ---- */

static bool has_v4(const struct inet_sock *s)
{
	return addr_is_v4(&s->rcv_addr) || (addr_is_zero(&s->rcv_addr) && !s->v6only);
}

static bool has_v6(const struct inet_sock *s)
{
	return !addr_is_v4(&s->rcv_addr);
}

static bool share_address(const struct inet_sock *a, const struct inet_sock *b)
{
	bool any = addr_is_any(&a->rcv_addr) || addr_is_any(&b->rcv_addr);

	if (!(has_v4(a) && has_v4(b)) && !(has_v6(a) && has_v6(b)))
		return false;
	return any || addr_equal(&a->rcv_addr, &b->rcv_addr);
}

static bool consent(const struct inet_sock *a, const struct inet_sock *b)
{
	const struct socket *sa = READ_ONCE(a->sk.socket), *sb = READ_ONCE(b->sk.socket);

	if (!sa || !sb) /* a connection whose user closed it: it had its listener's options */
		return a->sk.protocol == IPPROTO_TCP && sa ? sa->opt.reuseaddr : false;
	if (sa->opt.reuseaddr && sb->opt.reuseaddr && !atomic_load(&a->listening) &&
	    !atomic_load(&b->listening))
		return true;
	if (sa->opt.reuseaddr && sb->opt.reuseaddr && a->sk.protocol != IPPROTO_TCP)
		return true;
	return sa->opt.reuseport && sb->opt.reuseport && a->sk.uid == b->sk.uid;
}

static bool conflict(const struct inet_sock *a, const struct inet_sock *b)
{
	int if_a = inet_bound_if(a), if_b = inet_bound_if(b);

	if (a == b || (if_a && if_b && if_a != if_b))
		return false;
	return share_address(a, b) && !consent(a, b);
}

static bool bucket_conflict(struct port_bucket *b, const struct inet_sock *s)
{
	struct inet_sock *o;

	LIST_FOR_EACH(o, &b->socks, bind_node)
		if (conflict(s, o))
			return true;
	return false;
}

/* ---- taking ---- */

static struct port_bucket *bucket_make(struct port_slot *slot, u16 port, u8 protocol)
	MUST_HOLD(&slot->lock)
{
	struct port_bucket *b = kzalloc(sizeof(*b), GFP_ATOMIC);

	if (!b)
		return NULL;
	b->port = port;
	b->protocol = protocol;
	list_init(&b->socks);
	hlist_add_head(&slot->buckets, &b->node);
	return b;
}

static void join(struct port_bucket *b, struct inet_sock *s, u16 port)
{
	list_add_tail(&b->socks, &s->bind_node);
	s->bucket = b;
	s->num = port;
	s->sport = cpu_to_be16(port);
}

/* @alone: nobody else may have it. */
static int take(struct inet_sock *s, u16 port, bool alone)
{
	struct port_slot *slot = slot_of(s->sk.net, port);
	struct port_bucket *b;
	int err = 0;

	spin_lock(&slot->lock);
	b = find(slot, port, (u8)s->sk.protocol);
	if (b && (alone || bucket_conflict(b, s)))
		err = -EADDRINUSE;
	else if (!b)
		b = bucket_make(slot, port, (u8)s->sk.protocol);
	if (!err && !b)
		err = -ENOBUFS;
	if (!err) {
		b->by_connect = false;
		join(b, s, port);
	}
	spin_unlock(&slot->lock);
	return err;
}

/* The range, and where in it the search begins. */
static u32 range(const struct net *net, u32 *first)
{
	const struct inet_conf *c = &net->inet->conf;
	u32 low = (u32)READ_ONCE(c->port_first), high = (u32)READ_ONCE(c->port_last);

	*first = low;
	return high >= low ? high - low + 1 : 1;
}

int inet_bind_port(struct inet_sock *s, u16 want)
{
	u32 first, n = range(s->sk.net, &first), start = inet_random();

	if (want)
		return take(s, want, false);
	for (u32 i = 0; i < n; i++)
		if (!take(s, (u16)(first + (start + i) % n), true))
			return 0;
	return -EADDRINUSE;
}

int inet_recheck_port(struct inet_sock *s)
{
	struct port_slot *slot = slot_of(s->sk.net, s->num);
	bool bad;

	spin_lock(&slot->lock);
	bad = s->bucket && bucket_conflict(s->bucket, s);
	spin_unlock(&slot->lock);
	return bad ? -EADDRINUSE : 0;
}

static int try_connect(struct inet_sock *s, u16 port, int (*check)(struct inet_sock *s, u16 port))
{
	struct port_slot *slot = slot_of(s->sk.net, port);
	struct port_bucket *b;
	bool fresh = false;
	int err = 0;

	spin_lock(&slot->lock);
	b = find(slot, port, (u8)s->sk.protocol);
	if (b && !b->by_connect) {
		spin_unlock(&slot->lock);
		return -EADDRINUSE;
	}
	if (!b) {
		b = bucket_make(slot, port, (u8)s->sk.protocol);
		fresh = true;
		if (b)
			b->by_connect = true;
		else
			err = -ENOBUFS;
	}
	if (!err)
		err = check(s, port);
	if (!err)
		join(b, s, port);
	else if (b && fresh) {
		hlist_del(&b->node);
		kfree(b);
	}
	spin_unlock(&slot->lock);
	return err;
}

/* RFC 6056 algorithm 3: the start is a keyed hash of the pair, so neither side can guess another pair's next port. */
int inet_connect_port(struct inet_sock *s, int (*check)(struct inet_sock *s, u16 port))
{
	u64 key[5] = { s->src.d[0], s->src.d[1], s->dst.d[0], s->dst.d[1], s->dport.raw };
	u32 first, n = range(s->sk.net, &first);
	u32 start = (u32)net_hash(s->sk.net, key, sizeof(key)) +
		    atomic_fetch_add(&s->sk.net->inet->ids[key[4] % 64], 2);
	int err = -EADDRNOTAVAIL;

	for (u32 i = 0; i < n && err; i++) {
		err = try_connect(s, (u16)(first + (start + i) % n), check);
		if (err == -ENOBUFS)
			return err;
	}
	return err ? -EADDRNOTAVAIL : 0;
}

void inet_inherit_port(struct inet_sock *child, struct inet_sock *listener)
{
	struct port_slot *slot = slot_of(listener->sk.net, listener->num);

	spin_lock(&slot->lock);
	if (listener->bucket)
		join(listener->bucket, child, listener->num);
	spin_unlock(&slot->lock);
}

void inet_unbind_port(struct inet_sock *s)
{
	struct port_slot *slot = slot_of(s->sk.net, s->num);
	struct port_bucket *b;

	spin_lock(&slot->lock);
	b = s->bucket;
	if (b) {
		list_del_init(&s->bind_node);
		s->bucket = NULL;
		if (list_empty(&b->socks)) {
			hlist_del(&b->node);
			kfree(b);
		}
	}
	s->num = 0;
	s->sport.raw = 0;
	spin_unlock(&slot->lock);
}
