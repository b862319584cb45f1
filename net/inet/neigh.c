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
 * Limit: NEIGH_WAITING packets for one. Lock: neigh->lock for state and queue. The timer holds a reference.
 * The table of all is in neigh_table.c.
 */
#include <linux/if.h>
#include "inet_internal.h"

#define NEIGH_WAITING 101u                  /* packets; Linux: unres_qlen 101 */
#define REACHABLE_NS (30 * NSEC_PER_SEC)
#define DELAY_NS (5 * NSEC_PER_SEC)
#define RETRANS_NS NSEC_PER_SEC
#define PROBES 3u

/* Takes the waiting packets along; they are told of outside of the lock. */
void neigh_take_waiting(struct neigh *n, struct packet_queue *out) MUST_HOLD(&n->lock)
{
	struct packet *p;

	while ((p = packet_dequeue(&n->waiting)))
		packet_enqueue(out, p);
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
		neigh_take_waiting(n, &q);
	memcpy(copy, n->hw, sizeof(copy));
	spin_unlock(&n->lock);
	flush_waiting(&q, n->dev, copy);
	neigh_notify(n, false);
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
		neigh_take_waiting(n, refused);
		return false;
	}
	return false;
}

void neigh_timer(struct net_timer *t)
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
