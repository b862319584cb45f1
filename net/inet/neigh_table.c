// SPDX-License-Identifier: MIT
/*
 * The table of neighbours of a namespace: finding, making, forgetting. What they know is neigh.c's.
 *
 * Limits: net.ipv4.neigh.default.gc_thresh3 entries a namespace; above gc_thresh2 one that is not in use gives way for
 * each new one.
 * Locks: neigh_lock for the chains (RCU to read), then each one's own.
 */
#include "inet_internal.h"

#define GC_BUCKETS 32u /* looked at for room, at most */

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

void neigh_notify(struct neigh *n, bool gone)
{
	SET_FOR_EACH(const struct inet_listener, l, inet_listeners)
		if (l->neigh)
			l->neigh(n->dev->net, n, gone);
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
	neigh_take_waiting(n, &q);
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
	neigh_notify(n, true);
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

			if (state & (NUD_PERMANENT | NUD_NOARP) ||
			    (!any_state && state & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE)))
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
