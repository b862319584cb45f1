// SPDX-License-Identifier: MIT
/*
 * Path MTU (RFC 1191, 8201): "too big" notes a destination for PMTU_LIFE in a table of its own,
 * bounded, keyed by a secret hash. It says nothing about ports (CVE-2021-20322). Transports call
 * route_set_pmtu() once they believe the quoted packet.
 */
#include "inet_internal.h"

#define PMTU_LIFE (600 * NSEC_PER_SEC)
#define PMTU_MIN4 552u   /* net.ipv4.route.min_pmtu */
#define MTU_MIN6 1280u   /* RFC 8200 5 */

static struct hlist_head *pmtu_bucket(struct net *net, const struct inet_addr *dst)
{
	return &net->inet->pmtu[net_hash(net, dst, sizeof(*dst)) % PMTU_BUCKETS];
}

struct pmtu *pmtu_find(struct net *net, const struct inet_addr *dst)
{
	struct pmtu *m;

	HLIST_FOR_EACH_RCU(m, pmtu_bucket(net, dst), node)
		if (addr_equal(&m->dst, dst))
			return m;
	return NULL;
}

static void pmtu_remove(struct inet_net *n, struct pmtu *m)
{
	hlist_del_rcu(&m->node);
	atomic_fetch_sub(&n->nr_pmtu, 1);
	kfree_rcu(m);
}

/* What is out of date in this bucket goes, and, in a full table, the one that ends first. */
static void pmtu_make_room(struct inet_net *n, struct hlist_head *b, ktime_t now)
{
	struct pmtu *m, *tmp, *oldest = NULL;
	u32 here = 0;

	HLIST_FOR_EACH_SAFE(m, tmp, b, node) {
		if (m->expires <= now) {
			pmtu_remove(n, m);
			continue;
		}
		here++;
		if (!oldest || m->expires < oldest->expires)
			oldest = m;
	}
	if (oldest && here >= PMTU_MAX / PMTU_BUCKETS)
		pmtu_remove(n, oldest);
}

void route_set_pmtu(struct net *net, const struct flow *f, u32 mtu)
{
	struct inet_net *n = net->inet;
	struct hlist_head *b = pmtu_bucket(net, &f->dst);
	ktime_t now = net_now();
	struct pmtu *m;

	mtu = MAX(mtu, f->v6 ? MTU_MIN6 : PMTU_MIN4);
	spin_lock(&n->pmtu_lock);
	m = pmtu_find(net, &f->dst);
	if (m && m->expires > now && m->mtu <= mtu) {
		spin_unlock(&n->pmtu_lock); /* no news */
		return;
	}
	if (m)
		pmtu_remove(n, m);
	pmtu_make_room(n, b, now);
	m = kzalloc(sizeof(*m), GFP_ATOMIC);
	if (m) {
		m->dst = f->dst;
		m->mtu = mtu;
		m->expires = now + PMTU_LIFE;
		hlist_add_head_rcu(b, &m->node);
		atomic_fetch_add(&n->nr_pmtu, 1);
		atomic_fetch_add(&n->generation, 1); /* routes in sockets are asked for anew */
	}
	spin_unlock(&n->pmtu_lock);
}

void pmtu_exit(struct inet_net *n)
{
	struct pmtu *m, *tmp;

	spin_lock(&n->pmtu_lock);
	for (u32 i = 0; i < PMTU_BUCKETS; i++)
		HLIST_FOR_EACH_SAFE(m, tmp, &n->pmtu[i], node)
			pmtu_remove(n, m);
	spin_unlock(&n->pmtu_lock);
}
