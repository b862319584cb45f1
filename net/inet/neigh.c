// SPDX-License-Identifier: MIT
/*
 * Neighbours: who on a link has an IP address, for ARP and ND alike (RFC 4861 7.3.2 has the states).
 *
 *	         asked 3 times: FAILED, waiting packets are refused
 *	INCOMPLETE ----answer----> REACHABLE --30 s--> STALE --used--> DELAY --5 s--> PROBE --3 asks--> FAILED
 *	                               ^-------------- confirmed, by ARP, ND or TCP ------|
 *
 * FAILED is not kept against anybody: the next packet asks anew. Packets wait in a
 * bounded queue, the oldest is dropped. Each packet looks its neighbour up, so no
 * socket keeps an address that changed.
 *
 * Limits: net.ipv4.neigh.default.gc_thresh3 entries a namespace; above gc_thresh2 unused ones give way.
 * Locks: neigh_lock for the chains (RCU to read), neigh->lock for state and queue. The timer holds a reference.
 */
#include <linux/if.h>
#include "inet_internal.h"

#define NEIGH_WAITING 101u                  /* packets; Linux: unres_qlen 101 */
#define REACHABLE_NS (30 * NSEC_PER_SEC)
#define DELAY_NS (5 * NSEC_PER_SEC)
#define RETRANS_NS NSEC_PER_SEC
#define PROBES 3u
#define GC_BUCKETS 32u                      /* looked at for room, at most */

/* ---- life ---- */

static void neigh_free(struct rcu_head *h)
{
	struct neigh *n = container_of(h, struct neigh, rcu);

	packet_queue_purge(&n->waiting);
	device_put(n->dev);
	kfree(n);
}

void neigh_put(struct neigh *n)
{
	if (ref_put(&n->refs))
		rcu_call(&n->rcu, neigh_free);
}

static struct hlist_head *bucket_of(struct net_device *d, const struct inet_addr *a)
{
	u64 key[3] = { a->d[0], a->d[1], (u64)d->ifindex };

	return &d->net->inet->neighs[net_hash(d->net, key, sizeof(key)) % NEIGH_BUCKETS];
}

static struct neigh *find(struct hlist_head *b, struct net_device *d, const struct inet_addr *a)
{
	struct neigh *n;

	HLIST_FOR_EACH_RCU(n, b, node)
		if (n->dev == d && addr_equal(&n->addr, a))
			return n;
	return NULL;
}

struct neigh *neigh_find(struct net_device *d, const struct inet_addr *a)
{
	struct neigh *n;

	rcu_read_lock();
	n = find(bucket_of(d, a), d, a);
	if (n && !ref_get_unless_zero(&n->refs))
		n = NULL;
	rcu_read_unlock();
	return n;
}

static void notify(struct neigh *n, bool gone)
{
	SET_FOR_EACH(const struct inet_listener, l, inet_listeners)
		if (l->neigh)
			l->neigh(n->dev->net, n, gone);
}

/* Takes the waiting packets along; they are told of outside of the lock. */
static void take_waiting(struct neigh *n, struct packet_queue *out) MUST_HOLD(&n->lock)
{
	struct packet *p;

	while ((p = packet_dequeue(&n->waiting)))
		packet_enqueue(out, p);
}

/* Out of the table; the table's reference is dropped.  Once. */
void neigh_del(struct neigh *n)
{
	struct inet_net *in = n->dev->net->inet;
	struct packet_queue q;
	bool was_dead;

	packet_queue_init(&q);
	spin_lock(&n->lock);
	was_dead = n->dead;
	n->dead = true;
	take_waiting(n, &q);
	if (net_timer_cancel(&n->timer))
		ref_put(&n->refs); /* the timer's: the caller and the table have theirs */
	spin_unlock(&n->lock);
	packet_queue_purge(&q);
	if (was_dead)
		return;
	spin_lock(&in->neigh_lock);
	hlist_del_rcu(&n->node);
	spin_unlock(&in->neigh_lock);
	atomic_fetch_sub(&in->nr_neighs, 1);
	notify(n, true);
	neigh_put(n);
}

/* One that nobody asked for of late, counted; NULL. */
static struct neigh *find_victim(struct inet_net *in, bool any_state)
{
	u32 start = inet_random() % NEIGH_BUCKETS;
	struct neigh *n;

	for (u32 i = 0; i < GC_BUCKETS; i++)
		HLIST_FOR_EACH_RCU(n, &in->neighs[(start + i) % NEIGH_BUCKETS], node) {
			u8 state = READ_ONCE(n->state);

			if (state & (NUD_PERMANENT | NUD_NOARP) || (!any_state && state & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE)))
				continue;
			if (ref_get_unless_zero(&n->refs))
				return n;
		}
	return NULL;
}

static bool make_room(struct inet_net *in)
{
	u32 count = atomic_load(&in->nr_neighs);
	struct neigh *n;

	if (count < (u32)in->conf.gc_thresh2)
		return true;
	rcu_read_lock();
	n = find_victim(in, count >= (u32)in->conf.gc_thresh3);
	rcu_read_unlock();
	if (n) {
		neigh_del(n);
		neigh_put(n);
	}
	return atomic_load(&in->nr_neighs) < (u32)in->conf.gc_thresh3;
}

static void neigh_timer(struct net_timer *t);

struct neigh *neigh_get_or_make(struct net_device *d, const struct inet_addr *a)
{
	struct inet_net *in = d->net->inet;
	struct neigh *n = neigh_find(d, a), *other;

	if (n || !make_room(in))
		return n;
	n = kzalloc(sizeof(*n), GFP_ATOMIC);
	if (!n)
		return NULL;
	spin_init(&n->lock, "neigh", LR_NEIGH);
	ref_init(&n->refs, 2); /* the table's and the caller's */
	n->dev = d;
	device_get(d);
	n->addr = *a;
	n->used = n->updated = net_now();
	packet_queue_init(&n->waiting);
	net_timer_init(&n->timer, neigh_timer);
	spin_lock(&in->neigh_lock);
	other = find(bucket_of(d, a), d, a);
	if (other && ref_get_unless_zero(&other->refs)) {
		spin_unlock(&in->neigh_lock);
		device_put(d);
		kfree(n);
		return other;
	}
	hlist_add_head_rcu(bucket_of(d, a), &n->node);
	spin_unlock(&in->neigh_lock);
	atomic_fetch_add(&in->nr_neighs, 1);
	return n;
}

/* ---- sending ---- */

/* Packets that leave through here have had nothing put before their IP header yet. */
static int send_to(struct packet *p, struct net_device *d, const u8 *hw)
{
	int err = d->header ? d->header->create(p, d, p->protocol, hw, NULL) : 0;

	if (err) {
		packet_free(p);
		return err;
	}
	return device_send(p);
}

static void flush_waiting(struct packet_queue *q, struct net_device *d, const u8 *hw)
{
	struct packet *p;

	while ((p = packet_dequeue(q)))
		send_to(p, d, hw);
}

/* Nobody answered: the senders hear of it as of any router that cannot reach a host. */
static void refuse_waiting(struct packet_queue *q, struct net *net)
{
	struct packet *p;

	while ((p = packet_dequeue(q))) {
		icmp_send(net, p, 3, 1, 0); /* destination unreachable, host */
		packet_free(p);
	}
}

static void arm(struct neigh *n, u64 ns) MUST_HOLD(&n->lock)
{
	if (!n->dead && net_timer_arm(&n->timer, net_now() + ns))
		ref_get(&n->refs);
}

static void set_state(struct neigh *n, u8 state) MUST_HOLD(&n->lock)
{
	WRITE_ONCE(n->state, state);
	n->updated = net_now();
	n->probes = 0;
	switch (state) {
	case NUD_REACHABLE: /* RFC 4861 6.3.2: from half to one and a half times the base */
		n->confirmed = n->updated;
		arm(n, REACHABLE_NS / 2 + inet_random() % REACHABLE_NS);
		break;
	case NUD_DELAY:
		arm(n, DELAY_NS);
		break;
	case NUD_PROBE:
	case NUD_INCOMPLETE:
		arm(n, RETRANS_NS);
		break;
	}
}

static void solicit(struct neigh *n, const u8 *hw)
{
	if (addr_is_v4(&n->addr))
		arp_solicit(n->dev, &n->addr, hw);
	else
		nd_solicit(n->dev, &n->addr, hw);
}

static void wait_for_answer(struct neigh *n, struct packet *p) MUST_HOLD(&n->lock)
{
	if (n->waiting.count >= NEIGH_WAITING)
		packet_free(packet_dequeue(&n->waiting));
	packet_enqueue(&n->waiting, p);
}

static int send_by(struct neigh *n, struct packet *p)
{
	bool ask = false;
	u8 hw[DEVICE_ADDR_MAX];

	spin_lock(&n->lock);
	n->used = net_now();
	if (n->state & NUD_VALID_) {
		if (n->state == NUD_STALE)
			set_state(n, NUD_DELAY);
		memcpy(hw, n->hw, sizeof(hw));
		spin_unlock(&n->lock);
		return send_to(p, n->dev, hw);
	}
	if (n->dead) {
		spin_unlock(&n->lock);
		packet_free(p);
		return -EHOSTUNREACH;
	}
	if (n->state != NUD_INCOMPLETE) {
		set_state(n, NUD_INCOMPLETE);
		n->probes = 1;
		ask = true;
	}
	wait_for_answer(n, p);
	spin_unlock(&n->lock);
	if (ask)
		solicit(n, NULL);
	return 0;
}

/* Groups and devices without addresses need nobody to be asked: RFC 1112 6.4, RFC 2464 7. */
static bool known_address(const struct net_device *d, const struct inet_addr *next, u8 kind, u8 *hw)
{
	if (d->flags & (IFF_LOOPBACK | IFF_NOARP) || !d->header) {
		memcpy(hw, d->addr, DEVICE_ADDR_MAX);
		return true;
	}
	if (kind == ROUTE_BROADCAST) {
		memcpy(hw, d->broadcast, DEVICE_ADDR_MAX);
		return true;
	}
	if (!addr_is_multicast(next))
		return false;
	mcast_hw_address(next, hw);
	return true;
}

int neigh_send(struct packet *p, struct net_device *d, const struct inet_addr *next, u8 kind)
{
	u8 hw[DEVICE_ADDR_MAX];
	struct neigh *n;
	int err;

	if (known_address(d, next, kind, hw))
		return send_to(p, d, hw);
	n = neigh_get_or_make(d, next);
	if (!n) {
		packet_free(p);
		return -ENOBUFS;
	}
	err = send_by(n, p);
	neigh_put(n);
	return err;
}

/* ---- what is heard ---- */

void neigh_update(struct neigh *n, const u8 *hw, u8 state, bool override)
{
	struct packet_queue q;
	u8 copy[DEVICE_ADDR_MAX];
	bool changed;

	packet_queue_init(&q);
	spin_lock(&n->lock);
	changed = hw && memcmp(n->hw, hw, n->dev->addr_len);
	if (n->dead || (n->state & NUD_PERMANENT && !override) ||
	    (changed && n->state & NUD_VALID_ && !override)) {
		/* Somebody else claims it: not believed, but looked into (RFC 4861 7.2.5). */
		if (!n->dead && n->state == NUD_REACHABLE)
			set_state(n, NUD_STALE);
		spin_unlock(&n->lock);
		return;
	}
	if (changed || !(n->state & NUD_VALID_))
		memcpy(n->hw, hw ? hw : n->hw, n->dev->addr_len);
	if (state != NUD_STALE || changed || !(n->state & NUD_VALID_))
		set_state(n, state);
	if (n->state & NUD_VALID_)
		take_waiting(n, &q);
	memcpy(copy, n->hw, sizeof(copy));
	spin_unlock(&n->lock);
	flush_waiting(&q, n->dev, copy);
	notify(n, false);
}

void neigh_confirm(struct net_device *d, const struct inet_addr *a)
{
	struct neigh *n = neigh_find(d, a);

	if (!n)
		return;
	spin_lock(&n->lock);
	if (n->state & (NUD_STALE | NUD_DELAY | NUD_PROBE))
		set_state(n, NUD_REACHABLE);
	else if (n->state == NUD_REACHABLE)
		n->confirmed = net_now();
	spin_unlock(&n->lock);
	neigh_put(n);
}

/* ---- time ---- */

/* What comes next. True: somebody must be asked. */
static bool next_state(struct neigh *n, struct packet_queue *refused) MUST_HOLD(&n->lock)
{
	switch (n->state) {
	case NUD_REACHABLE:
		if (n->confirmed + REACHABLE_NS > net_now())
			arm(n, REACHABLE_NS);
		else
			set_state(n, NUD_STALE);
		return false;
	case NUD_DELAY:
		set_state(n, NUD_PROBE);
		n->probes = 1;
		return true;
	case NUD_PROBE:
	case NUD_INCOMPLETE:
		if (n->probes < PROBES) {
			n->probes++;
			arm(n, RETRANS_NS);
			return true;
		}
		set_state(n, NUD_FAILED);
		take_waiting(n, refused);
		return false;
	}
	return false;
}

static void neigh_timer(struct net_timer *t)
{
	struct neigh *n = container_of(t, struct neigh, timer);
	struct packet_queue refused;
	u8 hw[DEVICE_ADDR_MAX];
	bool ask, known;

	packet_queue_init(&refused);
	spin_lock(&n->lock);
	ask = !n->dead && next_state(n, &refused);
	known = n->state == NUD_PROBE;
	memcpy(hw, n->hw, sizeof(hw));
	spin_unlock(&n->lock);
	if (ask)
		solicit(n, known ? hw : NULL);
	refuse_waiting(&refused, n->dev->net);
	neigh_put(n);
}

/* ---- all of them ---- */

void neigh_walk(struct net *net, bool (*fn)(struct neigh *n, void *arg), void *arg)
{
	struct neigh *n;

	rcu_read_lock();
	for (u32 i = 0; i < NEIGH_BUCKETS; i++)
		HLIST_FOR_EACH_RCU(n, &net->inet->neighs[i], node)
			if (!fn(n, arg))
				goto out;
out:
	rcu_read_unlock();
}

static struct neigh *first_of(struct inet_net *in, u32 bucket, struct net_device *d)
{
	struct neigh *n;

	rcu_read_lock();
	HLIST_FOR_EACH_RCU(n, &in->neighs[bucket], node)
		if ((!d || n->dev == d) && ref_get_unless_zero(&n->refs))
			break;
	rcu_read_unlock();
	return n;
}

static void flush(struct inet_net *in, struct net_device *d)
{
	struct neigh *n;

	for (u32 i = 0; i < NEIGH_BUCKETS; i++)
		while ((n = first_of(in, i, d))) {
			neigh_del(n);
			neigh_put(n);
		}
}

void neigh_flush_device(struct net_device *d)
{
	flush(d->net->inet, d);
}

void neigh_exit(struct inet_net *n)
{
	flush(n, NULL);
}
