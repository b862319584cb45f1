// SPDX-License-Identifier: MIT
/*
 * Reassembly: RFC 815's task, RFC 8200 4.5, RFC 5722 and 6946 for both families.
 *
 * Fragments of a datagram are in a tree by offset. One that repeats another exactly is ignored; one that overlaps
 * in any other way kills the datagram (RFC 5722). A datagram has a fixed time from its first fragment on, whatever
 * follows; datagrams of a family stand in a list by that time, so one timer a namespace serves all.
 *
 * Limits: FRAGMENTS_MAX a datagram, 65,535 bytes; net.ipv4.ipfrag_high_thresh bytes of real memory a namespace
 * and family: beyond that the oldest datagrams go. One spinlock (LR_NET_FRAG) a namespace.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <tarn/rbtree.h>
#include "inet_internal.h"

#define FRAG_BUCKETS 128u
#define FRAGMENTS_MAX 256u

struct frag_key {
	struct inet_addr src, dst;
	u32 id;
	int iif;      /* IPv6 link-local addresses mean something per link */
	u16 protocol;
	u16 v6;
	u32 unused;   /* keys are hashed and compared as bytes: nothing between or behind the fields */
};
_Static_assert(sizeof(struct frag_key) == 48, "no padding");

struct frag_cb { /* in packet_cb() */
	struct rb_node rb;
	u32 from, len;
};

struct datagram {
	struct hlist_node node;
	struct list age;          /* frag_table.ages */
	struct frag_key key;
	struct rb_root tree;
	ktime_t expires;
	u32 have, total;          /* bytes; total 0: the last fragment is not here */
	u32 fragments, memory;
	bool ce;
};

struct frag_table {
	struct net *net;
	struct spinlock lock;     /* LR_NET_FRAG: everything */
	struct hlist_head buckets[FRAG_BUCKETS] GUARDED_BY(&lock);
	struct list ages[2] GUARDED_BY(&lock);
	u32 memory[2] GUARDED_BY(&lock);
	struct net_timer timer;
	bool dying GUARDED_BY(&lock);
};

static struct frag_cb *cb_of(struct packet *p)
{
	return packet_cb(p, struct frag_cb);
}

static struct packet *packet_of(struct rb_node *n)
{
	return (struct packet *)((u8 *)rb_entry(n, struct frag_cb, rb) -
				 offsetof(struct packet, cb));
}

/* ---- life of a datagram ---- */

/* Off the table; its fragments stay in the tree. */
static void detach(struct frag_table *t, struct datagram *d) MUST_HOLD(&t->lock)
{
	hlist_del(&d->node);
	list_del(&d->age);
	t->memory[d->key.v6] -= d->memory + (u32)sizeof(*d);
}

static void destroy(struct datagram *d)
{
	struct rb_node *n;

	while ((n = rb_first(&d->tree))) {
		rb_erase(&d->tree, n, NULL);
		packet_free(packet_of(n));
	}
	kfree(d);
}

static void drop_datagram(struct frag_table *t, struct datagram *d) MUST_HOLD(&t->lock)
{
	inet_count(t->net, d->key.v6, IP_REASM_FAILS);
	detach(t, d);
	destroy(d);
}

/* Time ran out: the sender is told if its first fragment came (RFC 792, RFC 8200 4.5). No lock. */
static void tell_timeout(struct net *net, struct datagram *d)
{
	struct rb_node *n = rb_first(&d->tree);
	struct packet *p = n ? packet_of(n) : NULL;

	inet_count(net, d->key.v6, IP_REASM_TIMEOUT);
	inet_count(net, d->key.v6, IP_REASM_FAILS);
	if (!p || cb_of(p)->from)
		return;
	if (d->key.v6)
		icmp6_send(net, p, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME, 0);
	else
		icmp_send(net, p, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
}

static struct datagram *take_expired(struct frag_table *t, ktime_t now, ktime_t *next)
{
	struct datagram *d, *found = NULL;

	*next = KTIME_MAX;
	spin_lock(&t->lock);
	for (int v6 = 0; v6 < 2 && !found; v6++) {
		d = list_first(&t->ages[v6], struct datagram, age);
		if (d && d->expires <= now)
			found = d;
		else if (d)
			*next = MIN(*next, d->expires);
	}
	if (found)
		detach(t, found);
	spin_unlock(&t->lock);
	return found;
}

static void frag_timer(struct net_timer *timer)
{
	struct frag_table *t = container_of(timer, struct frag_table, timer);
	ktime_t now = net_now(), next;
	struct datagram *d;

	while ((d = take_expired(t, now, &next))) {
		tell_timeout(t->net, d);
		destroy(d);
	}
	spin_lock(&t->lock);
	if (next != KTIME_MAX && !t->dying)
		net_timer_arm(&t->timer, next);
	spin_unlock(&t->lock);
}

static u32 bucket_of(struct net *net, const struct frag_key *k)
{
	return net_hash(net, k, sizeof(*k)) % FRAG_BUCKETS;
}

static struct datagram *find_or_make(struct frag_table *t, const struct frag_key *k)
	MUST_HOLD(&t->lock)
{
	struct hlist_head *b = &t->buckets[bucket_of(t->net, k)];
	const struct inet_conf *c = &t->net->inet->conf;
	struct datagram *d;

	HLIST_FOR_EACH(d, b, node)
		if (!memcmp(&d->key, k, sizeof(*k)))
			return d;
	d = kzalloc(sizeof(*d), GFP_ATOMIC);
	if (!d)
		return NULL;
	d->key = *k;
	d->expires = net_now() + (u64)(k->v6 ? c->frag6_time : c->frag_time) * NSEC_PER_SEC;
	hlist_add_head(b, &d->node);
	list_add_tail(&t->ages[k->v6], &d->age);
	t->memory[k->v6] += sizeof(*d);
	if (!t->dying && (!net_timer_armed(&t->timer) || t->timer.expires > d->expires))
		net_timer_arm(&t->timer, d->expires);
	return d;
}

/* ---- adding ---- */

/* 0: in the tree; 1: a repetition, ignored; -1: overlaps or contradicts: the datagram is dead. */
static int insert(struct datagram *d, struct packet *p)
{
	struct rb_node *parent = NULL, **link = &d->tree.node;
	u32 from = cb_of(p)->from, end = from + cb_of(p)->len;

	while (*link) {
		const struct frag_cb *o;

		parent = *link;
		o = rb_entry(parent, struct frag_cb, rb);
		if (end <= o->from)
			link = &parent->left;
		else if (from >= o->from + o->len)
			link = &parent->right;
		else
			return from >= o->from && end <= o->from + o->len ? 1 : -1;
	}
	rb_insert(&d->tree, &cb_of(p)->rb, parent, link, NULL);
	d->have += cb_of(p)->len;
	d->memory += p->truesize;
	d->fragments++;
	return 0;
}

/* Lengths that contradict each other: two ends, or bytes behind the end. */
static bool fits(struct datagram *d, const struct frag_cb *f, bool more)
{
	u32 end = f->from + f->len;
	struct rb_node *last = rb_last(&d->tree);

	if (!more) {
		if (d->total && d->total != end)
			return false;
		if (last && rb_entry(last, struct frag_cb, rb)->from +
					    rb_entry(last, struct frag_cb, rb)->len >
				    end)
			return false;
		d->total = end;
		return true;
	}
	return !d->total || end <= d->total;
}

/* All there: one packet, headers of the first. @d is detached; it is gone afterwards. NULL: no room. */
static struct packet *join(struct datagram *d)
{
	struct rb_node *n = rb_first(&d->tree);
	struct packet *whole = packet_of(n), *p;
	bool ok = true;

	rb_erase(&d->tree, n, NULL);
	while (ok && (n = rb_first(&d->tree))) {
		rb_erase(&d->tree, n, NULL);
		p = packet_of(n);
		ok = packet_join(whole, p);
		if (!ok)
			packet_free(p);
	}
	whole->ip_ect_ce |= d->ce;
	destroy(d);
	if (ok)
		return whole;
	packet_free(whole);
	return NULL;
}

static void evict(struct frag_table *t, bool v6) MUST_HOLD(&t->lock)
{
	const struct inet_conf *c = &t->net->inet->conf;
	u32 limit = (u32)(v6 ? c->frag6_high : c->frag_high);
	struct datagram *d;

	while (t->memory[v6] > limit && (d = list_first(&t->ages[v6], struct datagram, age)))
		drop_datagram(t, d);
}

/* A fragment, ->data at its payload. *complete: the datagram, detached, if this was the last that lacked. */
static void add_fragment(struct frag_table *t, struct packet *p, const struct frag_key *k,
			 bool more, struct datagram **complete)
{
	struct datagram *d;
	int bad;

	*complete = NULL;
	spin_lock(&t->lock);
	evict(t, k->v6);
	d = find_or_make(t, k);
	if (!d) {
		spin_unlock(&t->lock);
		packet_free(p);
		return;
	}
	bad = fits(d, cb_of(p), more) && d->fragments < FRAGMENTS_MAX ? insert(d, p) : -1;
	if (!bad) {
		t->memory[k->v6] += p->truesize;
		d->ce |= p->ip_ect_ce;
	}
	if (bad < 0)
		drop_datagram(t, d);
	else if (d->total && d->have == d->total) {
		detach(t, d);
		*complete = d;
	}
	spin_unlock(&t->lock);
	if (bad)
		packet_free(p);
}

/* ---- the two formats ---- */

/* Past the headers; *more; what add_fragment() needs in cb and @k.  False: malformed. */
static bool take_apart4(struct packet *p, struct frag_key *k, bool *more)
{
	const struct ip4_header *h = (void *)p->data;
	u32 hlen = (h->version_ihl & 15u) * 4, frag = be16_to_cpu(h->frag),
	    from = (frag & IP4_OFFSET) * 8;

	*k = (struct frag_key){ .src = addr_from_v4(h->src), .dst = addr_from_v4(h->dst), .id = be16_to_cpu(h->id),
				.protocol = h->protocol };
	*more = frag & IP4_MF;
	packet_pull(p, hlen);
	*cb_of(p) = (struct frag_cb){ .from = from, .len = p->len };
	return p->len && from + p->len <= PACKET_MAX - hlen && !(*more && p->len % 8);
}

static bool take_apart6(struct packet *p, struct frag_key *k, bool *more, u8 *next)
{
	const struct ip6_header *ip = (void *)packet_header(p, p->network);
	const struct ip6_frag_header *h = (void *)p->data;
	u32 frag = be16_to_cpu(h->frag), from = frag & ~7u;

	*k = (struct frag_key){ .src = addr_from_bytes(ip->src), .dst = addr_from_bytes(ip->dst), .id = h->id.raw,
				.v6 = 1, .iif = p->dev->ifindex };
	*more = frag & 1;
	*next = h->next;
	packet_pull(p, sizeof(*h));
	*cb_of(p) = (struct frag_cb){ .from = from, .len = p->len };
	/* The unfragmentable part counts, too: 64 KiB are those after the IPv6 header. */
	return p->len && from + p->len + (u32)(packet_offset(p) - p->network) <= PACKET_MAX &&
	       !(*more && p->len % 8);
}

/* The headers of the first fragment now speak of the whole. */
static struct packet *finish(struct packet *p, bool v6, u8 *next)
{
	u32 headers = (u32)(packet_offset(p) - p->network);

	if (p->len + headers > PACKET_MAX) {
		packet_free(p);
		return NULL;
	}
	p->csum_state = CSUM_NONE;
	if (v6) {
		struct ip6_header *h = (void *)packet_header(p, p->network);

		h->payload = cpu_to_be16((u16)(p->len + headers - sizeof(*h)));
		*next = (p->data - sizeof(struct ip6_frag_header))[0];
	} else {
		struct ip4_header *h = packet_push(p, headers);

		h->total = cpu_to_be16((u16)p->len);
		h->frag.raw = 0;
		h->csum.raw = 0;
		h->csum.raw = ip4_checksum(h, headers);
	}
	return p;
}

struct packet *frag_receive(struct net *net, struct packet *p, bool v6, u32 frag_header_at,
			    u8 *next)
{
	struct datagram *complete;
	struct frag_key k;
	bool more;

	inet_count(net, v6, IP_REASM_REQDS);
	if ((v6 && !packet_need(p, sizeof(struct ip6_frag_header))) ||
	    !(v6 ? take_apart6(p, &k, &more, next) : take_apart4(p, &k, &more))) {
		inet_count(net, v6, IP_REASM_FAILS);
		packet_free(p);
		return NULL;
	}
	if (!cb_of(p)->from && !more) /* RFC 6946: atomic, and no business of others with its id */
		return p;
	packet_orphan(p);
	add_fragment(net->inet->frag, p, &k, more, &complete);
	if (!complete)
		return NULL;
	p = join(complete);
	p = p ? finish(p, v6, next) : NULL;
	inet_count(net, v6, p ? IP_REASM_OKS : IP_REASM_FAILS);
	return p;
}

/* ---- birth and death ---- */

int frag_init(struct inet_net *n)
{
	struct frag_table *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->net = n->net;
	spin_init(&t->lock, "fragments", LR_NET_FRAG);
	list_init(&t->ages[0]);
	list_init(&t->ages[1]);
	net_timer_init(&t->timer, frag_timer);
	n->frag = t;
	return 0;
}

void frag_exit(struct inet_net *n)
{
	struct frag_table *t = n->frag;
	struct datagram *d;

	spin_lock(&t->lock);
	t->dying = true;
	for (int v6 = 0; v6 < 2; v6++)
		while ((d = list_first(&t->ages[v6], struct datagram, age)))
			drop_datagram(t, d);
	spin_unlock(&t->lock);
	net_timer_cancel(&t->timer);
	rcu_synchronize(); /* a timer that runs elsewhere is over */
	kfree(t);
}
