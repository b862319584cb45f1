// SPDX-License-Identifier: MIT
/*
 * Policy routing: rules, by preference, say which table a flow looks in.
 *
 * A new namespace has 0: local, 32766: main and (IPv4) 32767: default. While there are no others,
 * their conditions need no look.
 *
 * Locks: net->config to change, RCU to read. Limit: RULES_MAX.
 */
#include <linux/fib_rules.h>
#include "inet_internal.h"

#define RULES_MAX 4096u

static bool name_fits(struct net *net, const char *name, int ifindex)
{
	struct net_device *d = name[0] ? device_by_name(net, name) : NULL;

	return !name[0] || (d && d->ifindex == ifindex);
}

static bool rule_fits(struct net *net, const struct fib_rule *r, const struct flow *f)
{
	bool fits = name_fits(net, r->oif, f->oif) && !((f->mark ^ r->mark) & r->mark_mask) &&
		    (!r->tos || r->tos == (f->tos & IPTOS_RT_MASK_)) &&
		    addr_prefix_equal(&f->src, &r->src, r->src_len) &&
		    addr_prefix_equal(&f->dst, &r->dst, r->dst_len);

	/* What we send ourselves "comes in" by the loopback. */
	if (fits && r->iif[0])
		fits = name_fits(net, r->iif, f->iif ? f->iif : net->loopback->ifindex);
	return fits != r->invert;
}

static int action_error(u8 action)
{
	switch (action) {
	case FR_ACT_UNREACHABLE:
		return -ENETUNREACH;
	case FR_ACT_PROHIBIT:
		return -EACCES;
	case FR_ACT_BLACKHOLE:
		return -EINVAL;
	}
	return 0;
}

struct fib_entry *fib_lookup(struct net *net, const struct flow *f)
{
	struct fib_entry *e;
	struct fib_rule *r;

	LIST_FOR_EACH_RCU(r, &net->inet->rules[f->v6], node) {
		if (!rule_fits(net, r, f))
			continue;
		if (r->action == FR_ACT_NOP)
			continue;
		if (r->action != FR_ACT_TO_TBL)
			return ERR_PTR(action_error(r->action));
		e = fib_rule_lookup_table(net, f, r->table);
		if (e)
			return e;
	}
	return ERR_PTR(-ENETUNREACH);
}

static void notify_change(struct net *net)
{
	fib_changed(net);
}

int fib_rule_add(struct net *net, const struct fib_rule *spec)
{
	struct list *rules = &net->inet->rules[spec->v6];
	struct fib_rule *r, *copy;
	u32 n = 0;

	LIST_FOR_EACH(r, rules, node)
		n++;
	if (n >= RULES_MAX)
		return -ENOBUFS;
	copy = (void *)kmemdup(spec, sizeof(*spec), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	LIST_FOR_EACH(r, rules, node)
		if (r->pref > spec->pref)
			break;
	list_add_tail_rcu(&r->node, &copy->node); /* before @r, or, after a full walk, at the end */
	notify_change(net);
	return 0;
}

static bool described_by(const struct fib_rule *r, const struct fib_rule *s)
{
	return r->pref == s->pref && (!s->action || r->action == s->action) &&
	       (!s->table || r->table == s->table) && (!s->mark || r->mark == s->mark) &&
	       (!s->tos || r->tos == s->tos) &&
	       (!s->src_len || (r->src_len == s->src_len && addr_equal(&r->src, &s->src))) &&
	       (!s->dst_len || (r->dst_len == s->dst_len && addr_equal(&r->dst, &s->dst))) &&
	       (!s->iif[0] || !strcmp(r->iif, s->iif)) && (!s->oif[0] || !strcmp(r->oif, s->oif));
}

int fib_rule_del(struct net *net, const struct fib_rule *spec)
{
	struct fib_rule *r;

	LIST_FOR_EACH(r, &net->inet->rules[spec->v6], node)
		if (described_by(r, spec)) {
			list_del_rcu(&r->node);
			kfree_rcu(r);
			notify_change(net);
			return 0;
		}
	return -ENOENT;
}

void fib_rule_walk(struct net *net, bool v6, bool (*fn)(const struct fib_rule *r, void *arg),
		   void *arg)
{
	struct fib_rule *r;

	LIST_FOR_EACH_RCU(r, &net->inet->rules[v6], node)
		if (!fn(r, arg))
			return;
}

int fib_rules_init(struct inet_net *n)
{
	static const struct {
		u32 pref, table;
	} rows[] = { { 0, RT_TABLE_LOCAL }, { 32766, RT_TABLE_MAIN }, { 32767, RT_TABLE_DEFAULT } };
	int err = 0;

	for (int v6 = 0; v6 < 2; v6++)
		for (u32 i = 0; i < (v6 ? 2u : 3u) && !err; i++) {
			struct fib_rule r = { .pref = rows[i].pref,
					      .table = rows[i].table,
					      .v6 = v6,
					      .action = FR_ACT_TO_TBL,
					      .protocol = RTPROT_KERNEL };

			err = fib_rule_add(n->net, &r);
		}
	return err;
}

void fib_rules_exit(struct inet_net *n)
{
	struct fib_rule *r;

	for (int v6 = 0; v6 < 2; v6++)
		while ((r = list_first(&n->rules[v6], struct fib_rule, node))) {
			list_del_rcu(&r->node);
			kfree_rcu(r);
		}
}
