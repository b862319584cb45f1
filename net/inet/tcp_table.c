// SPDX-License-Identifier: MIT
/*
 * TCP: who a segment is for.
 *
 * One table a namespace holds all that has both ends: connections, half-open ones (tcp_request) and what is left
 * of closed ones (tcp_timewait), each by the struct tcp_hashed inside of it. So an arriving segment costs one
 * look-up whatever became of its connection, and a tuple can only be one of them: a request becomes a
 * connection, a connection a TIME_WAIT by tcp_table_replace(), with no moment in between where neither is found.
 *
 * The hash is SipHash under the namespace's secret: nobody outside can aim at a chain. Readers walk
 * under RCU and take a reference that may fail (the object is on its way out); a chain may be changing under
 * them, so a miss is looked up again under the chain's lock only where it matters: never for packets, whose
 * senders repeat them.
 *
 * Listeners stand in a small table by port.  The most particular one wins: a bound address and a bound
 * device count; of several equal ones (SO_REUSEPORT) the tuple's hash picks, always the same.
 */
#include <tarn/hash.h>
#include <tarn/rcu.h>
#include "tcp.h"

static u32 tcp_key_hash(const struct net *net, const struct tcp_key *k)
{
	return (u32)net_hash(net, k, offsetof(struct tcp_key, rport) + sizeof(k->rport));
}

static bool key_equal(const struct tcp_key *a, const struct tcp_key *b)
{
	return a->lport.raw == b->lport.raw && a->rport.raw == b->rport.raw &&
	       addr_equal(&a->remote, &b->remote) && addr_equal(&a->local, &b->local);
}

void tcp_key_of(const struct inet_sock *s, struct tcp_key *k)
{
	*k = (struct tcp_key){ .local = s->rcv_addr, .remote = s->dst, .lport = s->sport, .rport = s->dport };
}

struct tcp_hashed *tcp_lookup(struct net *net, const struct tcp_key *k)
{
	struct tcp_net *n = tcp_net(net);
	struct hlist_head *head = &n->table[tcp_key_hash(net, k) & n->mask];
	struct tcp_hashed *h;

	HLIST_FOR_EACH_RCU(h, head, node)
		if (key_equal(&h->key, k))
			return ref_get_unless_zero(h->refs) ? h : NULL;
	return NULL;
}

static struct spinlock *chain_lock(struct tcp_net *n, u32 hash)
{
	return &n->locks[hash % TCP_LOCKS].lock;
}

static struct tcp_hashed *find_locked(struct hlist_head *head, const struct tcp_key *k)
{
	struct tcp_hashed *h;

	HLIST_FOR_EACH_RCU(h, head, node)
		if (key_equal(&h->key, k))
			return h;
	return NULL;
}

bool tcp_table_insert(struct net *net, struct tcp_hashed *h)
{
	struct tcp_net *n = tcp_net(net);
	u32 hash = tcp_key_hash(net, &h->key);
	struct hlist_head *head = &n->table[hash & n->mask];
	struct spinlock *l = chain_lock(n, hash & n->mask);
	bool free;

	spin_lock(l);
	free = !find_locked(head, &h->key);
	if (free) {
		hlist_add_head_rcu(head, &h->node);
		h->in_table = true;
	}
	spin_unlock(l);
	return free;
}

bool tcp_table_replace(struct net *net, struct tcp_hashed *old, struct tcp_hashed *new)
{
	struct tcp_net *n = tcp_net(net);
	u32 hash = tcp_key_hash(net, &old->key);
	struct hlist_head *head = &n->table[hash & n->mask];
	struct spinlock *l = chain_lock(n, hash & n->mask);
	bool there;

	spin_lock(l);
	there = old->in_table;
	if (there) {
		hlist_add_head_rcu(head, &new->node);
		new->in_table = true;
		hlist_del_rcu(&old->node);
		old->in_table = false;
	}
	spin_unlock(l);
	return there;
}

bool tcp_table_remove(struct net *net, struct tcp_hashed *h)
{
	struct tcp_net *n = tcp_net(net);
	struct spinlock *l = chain_lock(n, tcp_key_hash(net, &h->key) & n->mask);
	bool there;

	spin_lock(l);
	there = h->in_table;
	if (there) {
		hlist_del_rcu(&h->node);
		h->in_table = false;
	}
	spin_unlock(l);
	return there;
}

/* ---- listeners ---- */

static struct list *listen_chain(struct tcp_net *n, u16 port)
{
	return &n->listening[hash_u64(port) % TCP_LISTEN_BUCKETS];
}

void tcp_listen_insert(struct tcp_sock *t)
{
	struct tcp_net *n = tcp_net(tcp_sock(t)->net);

	spin_lock(&n->listen_lock);
	list_add_tail_rcu(listen_chain(n, t->inet.num), &t->inet.hash_node);
	spin_unlock(&n->listen_lock);
}

void tcp_listen_remove(struct tcp_sock *t)
{
	struct tcp_net *n = tcp_net(tcp_sock(t)->net);

	spin_lock(&n->listen_lock);
	list_del_rcu(&t->inet.hash_node);
	spin_unlock(&n->listen_lock);
}

/* How well listener @i fits; <0: not at all. */
static int listen_score(const struct inet_sock *i, const struct tcp_seg *s)
{
	bool v4 = addr_is_v4(&s->key.local);
	int score = !i->v6 && v4;

	if (i->sport.raw != s->key.lport.raw || (v4 ? i->v6only : !i->v6))
		return -1;
	if (i->bound_if) {
		if (i->bound_if != s->iif)
			return -1;
		score += 4;
	}
	if (!addr_is_any(&i->rcv_addr)) {
		if (!addr_equal(&i->rcv_addr, &s->key.local))
			return -1;
		score += 2;
	}
	return score;
}

/* The best one; of @equal ones with the same score that number @pick. */
static struct tcp_sock *best_listener(struct list *chain, const struct tcp_seg *s, u32 pick,
				      u32 *equal)
{
	struct tcp_sock *found = NULL, *t;
	int best = -1;

	*equal = 0;
	LIST_FOR_EACH_RCU(t, chain, inet.hash_node) {
		int score = listen_score(&t->inet, s);

		if (score < 0 || score < best)
			continue;
		*equal = score > best ? 1 : *equal + 1;
		if (score > best || *equal - 1 == pick)
			found = t;
		best = score;
	}
	return found;
}

struct tcp_sock *tcp_listen_lookup(struct net *net, const struct tcp_seg *s)
{
	struct list *chain = listen_chain(tcp_net(net), be16_to_cpu(s->key.lport));
	u32 equal;
	struct tcp_sock *t = best_listener(chain, s, 0, &equal);

	if (equal > 1)
		t = best_listener(chain, s, (u32)((u64)tcp_key_hash(net, &s->key) * equal >> 32),
				  &equal);
	return t && ref_get_unless_zero(&tcp_sock(t)->refs) ? t : NULL;
}
