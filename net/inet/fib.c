// SPDX-License-Identifier: MIT
/*
 * Routing tables: prefix -> what to do with it.
 *
 * A table hashes its entries by prefix and length, and has a bit for each
 * length in use: a lookup tries the lengths that exist, longest first, one probe
 * each. Few lengths exist in practice (a host has four), and the cost depends
 * neither on the number of routes nor on that of connections.
 *
 * Entries of one prefix differ by TOS (IPv4), metric, or device; the smallest metric that
 * fits the flow wins. Entries whose device is down do not count.
 *
 * Locks: net->config to change, RCU to read. Limit: FIB_MAX entries a namespace.
 * Absent: several next hops in one route (ECMP); the first of them is all that rtnetlink takes here.
 */
#include <linux/if.h>
#include <linux/netlink.h>
#include "inet_internal.h"

#define FIB_BUCKETS 256u
#define FIB_MAX 262144u

struct fib_table {
	struct list node;             /* inet_net.tables; net->config, RCU */
	u32 id;                       /* [I] RT_TABLE_* */
	u32 count;                    /* net->config */
	u32 of_length[129];           /* net->config */
	_Atomic u64 lengths[3];       /* bit 128 - plen: longest first */
	struct hlist_head buckets[FIB_BUCKETS];
};

static struct hlist_head *bucket_of(struct fib_table *t, const struct inet_addr *masked, u32 plen)
{
	u64 h = hash_add(hash_add(masked->d[0], masked->d[1]), plen);

	return &t->buckets[h % FIB_BUCKETS];
}

static struct fib_table *table_find(struct net *net, bool v6, u32 id)
{
	struct fib_table *t;

	LIST_FOR_EACH_RCU(t, &net->inet->tables[v6], node)
		if (t->id == id)
			return t;
	return NULL;
}

static struct fib_table *table_make(struct net *net, bool v6, u32 id)
{
	struct fib_table *t = table_find(net, v6, id);

	if (t)
		return t;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return NULL;
	t->id = id;
	list_add_tail_rcu(&net->inet->tables[v6], &t->node);
	return t;
}

/* ---- looking up ---- */

static bool entry_usable(const struct fib_entry *e, int oif, u8 tos)
{
	if (e->tos && e->tos != (tos & IPTOS_RT_MASK_))
		return false;
	if (!e->dev)
		return true;
	if (!device_up(e->dev))
		return false;
	return !oif || e->dev->ifindex == oif || (e->type == RTN_LOCAL && !e->v6);
}

/* Local routes of IPv4 fit any device asked for: who is bound to eth0 may talk to the machine's own addresses. */
static struct fib_entry *bucket_lookup(struct hlist_head *b, const struct inet_addr *masked,
				       u32 plen, int oif, u8 tos)
{
	struct fib_entry *e, *best = NULL;

	HLIST_FOR_EACH_RCU(e, b, node)
	if (e->plen == plen && addr_equal(&e->prefix, masked) && entry_usable(e, oif, tos) &&
	    (!best || e->tos > best->tos || (e->tos == best->tos && e->metric < best->metric)))
		best = e;
	return best;
}

static struct fib_entry *table_lookup(struct fib_table *t, const struct inet_addr *dst, int oif,
				      u8 tos)
{
	for (u32 word = 0; word < 3; word++) {
		u64 bits = atomic_load_explicit(&t->lengths[word], memory_order_acquire);

		while (bits) {
			u32 bit = (u32)__builtin_ctzll(bits), plen = 128 - (word * 64 + bit);
			struct inet_addr masked = addr_masked(dst, plen);
			struct fib_entry *e =
				bucket_lookup(bucket_of(t, &masked, plen), &masked, plen, oif, tos);

			if (e)
				return e;
			bits &= bits - 1;
		}
	}
	return NULL;
}

struct fib_entry *fib_lookup_table(struct net *net, bool v6, u32 table, const struct inet_addr *dst,
				   int oif)
{
	struct fib_table *t = table_find(net, v6, table);

	return t ? table_lookup(t, dst, oif, 0) : NULL;
}

/* What an entry of this type means to who sends. */
static int type_error(u8 type)
{
	switch (type) {
	case RTN_BLACKHOLE:
		return -EINVAL;
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	case RTN_PROHIBIT:
		return -EACCES;
	case RTN_THROW:
		return -EAGAIN; /* this table has no answer: the next rule */
	}
	return 0;
}

struct fib_entry *fib_rule_lookup_table(struct net *net, const struct flow *f, u32 table)
{
	struct fib_table *t = table_find(net, f->v6, table);
	struct fib_entry *e = t ? table_lookup(t, &f->dst, f->oif, f->tos) : NULL;
	int err;

	if (!e)
		return NULL;
	err = type_error(e->type);
	return err == -EAGAIN ? NULL : err ? ERR_PTR(err) : e;
}

/* ---- changing ---- */

static bool same_key(const struct fib_entry *a, const struct fib_entry *b)
{
	return a->plen == b->plen && addr_equal(&a->prefix, &b->prefix) && a->tos == b->tos &&
	       a->metric == b->metric;
}

static bool same_hop(const struct fib_entry *a, const struct fib_entry *b)
{
	return a->dev == b->dev && a->type == b->type && a->has_gateway == b->has_gateway &&
	       a->scope == b->scope && addr_equal(&a->gateway, &b->gateway) &&
	       a->has_src == b->has_src && addr_equal(&a->src, &b->src);
}

static void entry_free(struct rcu_head *h)
{
	struct fib_entry *e = container_of(h, struct fib_entry, rcu);

	if (e->cached)
		route_put(e->cached);
	if (e->dev)
		device_put(e->dev);
	kfree(e);
}

static void notify(struct net *net, const struct fib_entry *e, bool gone)
{
	SET_FOR_EACH(const struct inet_listener, l, inet_listeners)
		if (l->route)
			l->route(net, e, gone);
}

static void entry_remove(struct net *net, struct fib_table *t, struct fib_entry *e)
{
	u32 bit = 128u - e->plen;

	hlist_del_rcu(&e->node);
	t->count--;
	if (!--t->of_length[e->plen])
		atomic_fetch_and(&t->lengths[bit / 64], ~(1ull << (bit % 64)));
	fib_changed(net);
	notify(net, e, true);
	rcu_call(&e->rcu, entry_free);
}

static int entry_insert(struct net *net, struct fib_table *t, const struct fib_entry *spec)
{
	u32 bit = 128u - spec->plen;
	struct fib_entry *e;

	if (t->count >= FIB_MAX)
		return -ENOBUFS;
	e = (void *)kmemdup(spec, sizeof(*spec), GFP_KERNEL);
	if (!e)
		return -ENOBUFS;
	e->cached = NULL;
	if (e->dev)
		device_get(e->dev);
	hlist_add_head_rcu(bucket_of(t, &e->prefix, e->plen), &e->node);
	t->count++;
	if (!t->of_length[e->plen]++)
		atomic_fetch_or(&t->lengths[bit / 64], 1ull << (bit % 64));
	fib_changed(net);
	notify(net, e, false);
	return 0;
}

/* rtnetlink(7): CREATE makes, EXCL refuses what is there, REPLACE takes its place, APPEND stands beside it. */
int fib_add(struct net *net, const struct fib_entry *spec, u32 nlm_flags)
{
	struct fib_table *t = table_make(net, spec->v6, spec->table);
	struct fib_entry *e, *same = NULL;

	if (!t)
		return -ENOBUFS;
	HLIST_FOR_EACH(e, bucket_of(t, &spec->prefix, spec->plen), node) {
		if (!same_key(e, spec))
			continue;
		if (same_hop(e, spec))
			return nlm_flags & NLM_F_REPLACE ? 0 : -EEXIST;
		same = e;
	}
	if (same && nlm_flags & NLM_F_EXCL)
		return -EEXIST;
	if (same && nlm_flags & NLM_F_REPLACE) {
		int err = entry_insert(net, t, spec);

		if (!err)
			entry_remove(net, t, same);
		return err;
	}
	if (same && !(nlm_flags & NLM_F_APPEND) && !spec->v6)
		return -EEXIST;
	if (!same && !(nlm_flags & NLM_F_CREATE))
		return -ENOENT;
	return entry_insert(net, t, spec);
}

/* For routes that routers renew: what is there lives until @spec->expires; never a moment without it. */
int fib_keep(struct net *net, const struct fib_entry *spec)
{
	struct fib_table *t = table_make(net, spec->v6, spec->table);
	struct fib_entry *e;

	if (!t)
		return -ENOBUFS;
	HLIST_FOR_EACH(e, bucket_of(t, &spec->prefix, spec->plen), node)
		if (same_key(e, spec) && same_hop(e, spec)) {
			if (e->expires) /* else somebody gave it for ever */
				WRITE_ONCE(e->expires, spec->expires);
			return 0;
		}
	return fib_add(net, spec, NLM_F_CREATE | NLM_F_APPEND);
}

static bool described_by(const struct fib_entry *e, const struct fib_entry *spec)
{
	return e->plen == spec->plen && addr_equal(&e->prefix, &spec->prefix) &&
	       (!spec->tos || e->tos == spec->tos) &&
	       (!spec->metric || e->metric == spec->metric) &&
	       (!spec->type || e->type == spec->type) &&
	       (!spec->protocol || e->protocol == spec->protocol) &&
	       (!spec->dev || e->dev == spec->dev) &&
	       (!spec->has_gateway ||
		(e->has_gateway && addr_equal(&e->gateway, &spec->gateway))) &&
	       (!spec->has_src || (e->has_src && addr_equal(&e->src, &spec->src)));
}

int fib_del(struct net *net, const struct fib_entry *spec)
{
	struct fib_table *t = table_find(net, spec->v6, spec->table);
	struct fib_entry *e, *best = NULL;

	if (!t)
		return -ESRCH;
	HLIST_FOR_EACH(e, bucket_of(t, &spec->prefix, spec->plen), node)
		if (described_by(e, spec) && (!best || e->metric < best->metric))
			best = e;
	if (!best)
		return -ESRCH;
	entry_remove(net, t, best);
	return 0;
}

/* ---- all of them ---- */

void fib_walk(struct net *net, bool v6, bool (*fn)(const struct fib_entry *e, void *arg), void *arg)
{
	struct fib_table *t;
	struct fib_entry *e;

	LIST_FOR_EACH_RCU(t, &net->inet->tables[v6], node)
		for (u32 i = 0; i < FIB_BUCKETS; i++)
			HLIST_FOR_EACH_RCU(e, &t->buckets[i], node)
				if (!fn(e, arg))
					return;
}

static void remove_if(struct net *net, bool (*wanted)(const struct fib_entry *e, const void *arg),
		      const void *arg)
{
	struct fib_table *t;
	struct fib_entry *e, *tmp;

	for (int v6 = 0; v6 < 2; v6++)
		LIST_FOR_EACH(t, &net->inet->tables[v6], node)
			for (u32 i = 0; i < FIB_BUCKETS && t->count; i++)
				HLIST_FOR_EACH_SAFE(e, tmp, &t->buckets[i], node)
					if (wanted(e, arg))
						entry_remove(net, t, e);
}

static bool of_device(const struct fib_entry *e, const void *d)
{
	return e->dev == d;
}

void fib_flush_device(struct net_device *d)
{
	remove_if(d->net, of_device, d);
}

static bool expired(const struct fib_entry *e, const void *now)
{
	return e->expires && e->expires <= *(const ktime_t *)now;
}

struct earliest {
	ktime_t at;
};

static bool note_expiry(const struct fib_entry *e, void *arg)
{
	struct earliest *w = arg;

	if (e->expires)
		w->at = MIN(w->at, e->expires);
	return true;
}

ktime_t fib_tick(struct net *net, ktime_t now)
{
	struct earliest w = { KTIME_MAX };

	remove_if(net, expired, &now);
	fib_walk(net, true, note_expiry, &w);
	return w.at;
}

/* ---- birth and death ---- */

int fib_init(struct inet_net *n)
{
	static const u32 ids[] = { RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT };

	for (int v6 = 0; v6 < 2; v6++) {
		list_init(&n->tables[v6]);
		list_init(&n->rules[v6]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(ids); i++)
		if (!table_make(n->net, false, ids[i]) ||
		    (i < 2 && !table_make(n->net, true, ids[i])))
			return -ENOMEM;
	return fib_rules_init(n);
}

static bool any(const struct fib_entry *e, const void *arg)
{
	return true;
}

void fib_exit(struct inet_net *n)
{
	struct fib_table *t;

	remove_if(n->net, any, NULL);
	fib_rules_exit(n);
	for (int v6 = 0; v6 < 2; v6++)
		while ((t = list_first(&n->tables[v6], struct fib_table, node))) {
			list_del_rcu(&t->node);
			kfree_rcu(t);
		}
}
