// SPDX-License-Identifier: MIT
/*
 * UDP (RFC 768, RFC 8200 8.1): datagrams to sockets.
 *
 * Sockets are hashed by local address and port with the namespace's secret, so one port
 * shared by many addresses does not make a long chain. A datagram looks in two chains: its
 * own destination's, and that of sockets bound to no address. The best score wins: a connected socket must fit the
 * peer; each field that it names and that fits counts (Linux's rule). Equals with SO_REUSEPORT share by the flow's
 * hash.
 *
 * Multicasts and broadcasts go to every socket that fits, each a copy.
 *
 * Locks: a chain's spinlock; the socket found is held by a reference, and its queue has its own lock.
 */
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include "udp.h"

#define GROUP_BATCH 16u

static struct sock_bucket *bucket_of(struct net *net, const struct inet_addr *a, be16 port)
{
	u64 key[3] = { a->d[0], a->d[1], port.raw };

	if (addr_is_any(a))
		key[0] = key[1] = 0; /* 0.0.0.0 and :: in one chain: :: has IPv4's, too */
	return &net->inet->udp[net_hash(net, key, sizeof(key)) % UDP_BUCKETS];
}

void udp_unhash(struct inet_sock *s)
{
	struct sock_bucket *b = s->hashed_in;

	if (!b)
		return;
	spin_lock(&b->lock);
	list_del_init(&s->hash_node);
	spin_unlock(&b->lock);
	s->hashed_in = NULL;
	sock_put(&s->sk);
}

/* By its present rcv_addr and port.  Socket locked. */
void udp_hash(struct inet_sock *s)
{
	struct sock_bucket *b = bucket_of(s->sk.net, &s->rcv_addr, s->sport);

	if (s->hashed_in == b)
		return;
	sock_get(&s->sk);
	udp_unhash(s);
	spin_lock(&b->lock);
	list_add_tail(&b->socks, &s->hash_node);
	spin_unlock(&b->lock);
	s->hashed_in = b;
}

/* ---- lookup ---- */

struct udp_key {
	struct inet_addr src, dst;
	be16 sport, dport;
	int iif;
};

/* Negative: not for @s. */
static int score(const struct inet_sock *s, const struct udp_key *k)
{
	bool v4 = addr_is_v4(&k->dst);
	int n = !s->v6 ? 2 : 1;

	if (s->sport.raw != k->dport.raw || (v4 ? s->v6 && s->v6only : !s->v6))
		return -1;
	if (!addr_is_any(&s->rcv_addr)) {
		if (!addr_equal(&s->rcv_addr, &k->dst))
			return -1;
	} else if (addr_is_v4(&s->rcv_addr) != v4 && !addr_is_zero(&s->rcv_addr)) {
		return -1;
	}
	if (s->connected) {
		if (!addr_equal(&s->dst, &k->src) || s->dport.raw != k->sport.raw)
			return -1;
		n += 8;
	}
	if (inet_bound_if(s)) {
		if (inet_bound_if(s) != k->iif)
			return -1;
		n += 4;
	}
	return n;
}

static bool reuses(const struct inet_sock *s)
{
	const struct socket *sock = READ_ONCE(s->sk.socket);

	return sock && sock->opt.reuseport;
}

/* The best of one chain, counted; of equals that share a port, one by the flow's hash. */
static struct inet_sock *bucket_lookup(struct net *net, struct sock_bucket *b,
				       const struct udp_key *k, u64 *hash)
{
	struct inet_sock *s, *best = NULL;
	int top = -1, n;
	u32 equals = 0;

	spin_lock(&b->lock);
	LIST_FOR_EACH(s, &b->socks, hash_node) {
		n = score(s, k);
		if (n < 0 || n < top)
			continue;
		if (n > top) {
			top = n;
			best = s;
			equals = 1;
		} else if (reuses(s) && reuses(best) && !s->connected) {
			if (!*hash)
				*hash = net_hash(net, k, offsetof(struct udp_key, iif));
			equals++; /* the i-th of equals takes it with chance 1/i, but always the same one for a flow */
			if (hash_add(*hash, equals) % equals == 0)
				best = s;
		}
	}
	if (best)
		sock_get(&best->sk);
	spin_unlock(&b->lock);
	return best;
}

static struct inet_sock *lookup(struct net *net, const struct udp_key *k)
{
	struct inet_addr any = { .d = { 0 } };
	struct inet_sock *s;
	u64 hash = 0;

	s = bucket_lookup(net, bucket_of(net, &k->dst, k->dport), k, &hash);
	return s ? s : bucket_lookup(net, bucket_of(net, &any, k->dport), k, &hash);
}

/* ---- one socket gets it ---- */

static bool no_csum_ok(const struct inet_sock *s, struct packet *p)
{
	const struct udp_header *h = (void *)packet_header(p, p->transport);

	return h->csum.raw || p->csum_state == CSUM_PARTIAL ||
	       READ_ONCE(((const struct udp_sock *)s)->no_check6_rx);
}

static void queue_one(struct net *net, struct inet_sock *s, struct packet *p)
{
	bool v6 = !addr_is_v4(&packet_cb(p, struct inet_in)->dst);
	const struct inet_in *in = packet_cb(p, struct inet_in);
	int err;

	/* RFC 8200 8.1, 6935: only who asked for it (UDP_NO_CHECK6_RX) takes a datagram that nothing protects. */
	if (v6 && !no_csum_ok(s, p)) {
		inet_count(net, true, UDP_IN_CSUM_ERRORS);
		inet_count(net, true, UDP_IN_ERRORS);
		packet_free(p);
		return;
	}
	if ((!v6 && s->min_ttl > in->ttl) || (v6 && s->min_hops6 > in->ttl)) {
		packet_free(p);
		return;
	}
	err = sock_queue_receive(&s->sk, p);
	if (err == -ENOMEM) {
		inet_count(net, v6, UDP_RCVBUF_ERRORS);
		inet_count(net, v6, UDP_IN_ERRORS);
	} else if (!err) {
		inet_count(net, v6, UDP_IN_DATAGRAMS);
	}
}

/* ->data at the UDP header; a train of datagrams (UDP_SEGMENT over loopback) is cut for whom wants none. */
static void give(struct net *net, struct inet_sock *s, struct packet *p)
{
	struct udp_sock *u = (struct udp_sock *)s;
	struct list parts = LIST_INIT(parts);
	struct inet_in in = *packet_cb(p, struct inet_in);
	struct packet *part;

	if (!p->gso_size || p->gso_type != GSO_UDP ||
	    atomic_load_explicit(&u->gro, memory_order_relaxed)) {
		packet_pull(p, sizeof(struct udp_header));
		queue_one(net, s, p);
		return;
	}
	packet_push(p, (u32)(p->transport - p->network));
	if (packet_segment(p, &parts))
		return;
	while ((part = list_first(&parts, struct packet, node))) {
		list_del(&part->node);
		*packet_cb(part, struct inet_in) = in;
		packet_pull(part, (u32)(part->transport - part->network) +
					  (u32)sizeof(struct udp_header));
		queue_one(net, s, part);
	}
}

/* ---- groups ---- */

/* Up to GROUP_BATCH members after the first @skip, counted. */
static u32 members(struct sock_bucket *b, const struct udp_key *k, u32 skip, struct inet_sock **out)
{
	struct inet_sock *s;
	u32 n = 0;

	spin_lock(&b->lock);
	LIST_FOR_EACH(s, &b->socks, hash_node) {
		if (score(s, k) < 0 ||
		    (addr_is_multicast(&k->dst) && !inet_wants_group(s, &k->dst, k->iif)))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		sock_get(&s->sk);
		out[n++] = s;
		if (n == GROUP_BATCH)
			break;
	}
	spin_unlock(&b->lock);
	return n;
}

static u32 give_chain(struct net *net, struct sock_bucket *b, const struct udp_key *k,
		      struct packet *p)
{
	struct inet_sock *batch[GROUP_BATCH];
	u32 n, total = 0;

	do {
		n = members(b, k, total, batch);
		for (u32 i = 0; i < n; i++) {
			struct packet *copy = packet_clone(p, GFP_ATOMIC);

			if (copy)
				give(net, batch[i], copy);
			sock_put(&batch[i]->sk);
		}
		total += n;
	} while (n == GROUP_BATCH);
	return total;
}

static void give_group(struct net *net, const struct udp_key *k, struct packet *p)
{
	struct inet_addr any = { .d = { 0 } };
	struct sock_bucket *own = bucket_of(net, &k->dst, k->dport),
			   *all = bucket_of(net, &any, k->dport);
	u32 n = give_chain(net, own, k, p);

	if (all != own)
		n += give_chain(net, all, k, p);
	if (!n)
		inet_count(net, !addr_is_v4(&k->dst), UDP_IGNORED_MULTI);
	packet_free(p);
}

/* ---- receive ---- */

/* Header there, length believable, checksum right. */
static bool check(struct net *net, struct packet *p, bool v6)
{
	const struct udp_header *h;
	u32 len;

	if (!packet_need(p, sizeof(*h)))
		return false;
	h = (void *)p->data;
	len = be16_to_cpu(h->len);
	if (len < sizeof(*h) || len > p->len)
		return false;
	if (len < p->len)
		packet_trim(p, len);
	if (!h->csum.raw && p->csum_state != CSUM_PARTIAL)
		return true; /* RFC 768: none was made; IPv6's sockets want one, see queue_one() */
	if (inet_csum_ok(p, IPPROTO_UDP))
		return true;
	inet_count(net, v6, UDP_IN_CSUM_ERRORS);
	return false;
}

static void udp_receive(struct net *net, struct packet *p)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	bool v6 = !addr_is_v4(&in->dst);
	const struct udp_header *h;
	struct inet_sock *s;
	struct udp_key k;

	if (!check(net, p, v6)) {
		inet_count(net, v6, UDP_IN_ERRORS);
		packet_free(p);
		return;
	}
	h = (void *)p->data;
	k = (struct udp_key){
		.src = in->src, .dst = in->dst, .sport = h->sport, .dport = h->dport, .iif = in->iif
	};
	if (in->flags & (INET_IN_MULTICAST | INET_IN_BROADCAST)) {
		give_group(net, &k, p);
		return;
	}
	s = lookup(net, &k);
	if (s) {
		give(net, s, p);
		sock_put(&s->sk);
		return;
	}
	inet_count(net, v6, UDP_NO_PORTS);
	icmp_port_unreachable(net, p);
	packet_free(p);
}

/* ---- errors ---- */

/* ip(7), IP_RECVERR: without it a connected socket alone hears of errors, and of fatal ones alone. */
static void tell(struct inet_sock *s, struct packet *p, const struct udp_key *k, u8 type, u8 code,
		 u32 info)
{
	bool v6 = !addr_is_v4(&k->dst), hard;
	int err = icmp_errno(v6, type, code, &hard);
	bool too_big = v6 ? type == 2 : type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED;
	struct flow f = { .src = k->dst, .dst = k->src, .v6 = v6 };

	if (type == ICMP_SOURCE_QUENCH && !v6)
		return;
	if (too_big) {
		route_set_pmtu(s->sk.net, &f, info);
		if ((v6 ? s->pmtudisc6 : s->pmtudisc) == IP_PMTUDISC_DONT)
			return;
		err = EMSGSIZE;
		hard = true;
	}
	if (v6 ? s->recverr6 : s->recverr)
		inet_queue_icmp_error(s, p, err, type, code, info, k->sport,
				      sizeof(struct udp_header));
	else if (!hard || !s->connected)
		return;
	sock_set_error(&s->sk, err);
}

static void udp_error(struct net *net, struct packet *p, u8 type, u8 code, u32 info)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	const struct udp_header *h = (void *)p->data;
	/* Seen from a datagram that would come back: the quoted source is us. */
	struct udp_key k = {
		.src = in->dst, .dst = in->src, .sport = h->dport, .dport = h->sport, .iif = in->iif
	};
	struct inet_sock *s = lookup(net, &k);

	if (!s)
		return;
	tell(s, p, &k, type, code, info);
	sock_put(&s->sk);
}

static const struct transport udp_transport = { .protocol = IPPROTO_UDP,
						.receive = udp_receive,
						.error = udp_error };
SECTION_SET(transports, udp_transport);
