// SPDX-License-Identifier: MIT
/*
 * TCP: a namespace's part: its table, its settings, its numbers for new connections.
 *
 * Initial sequence numbers (RFC 6528): a keyed hash of the tuple plus a clock of 64 ns ticks. Each tuple has a
 * sequence space of its own that only rises, and nobody outside learns another's. Timestamp offsets likewise.
 *
 * The table does not grow: 2^14 chains for the first namespace, 2^10 for others.
 */
#include <tarn/slab.h>
#include "tcp.h"

#define ISN_TICK_NS 64u

static u32 keyed(const struct net *net, const struct tcp_key *k, u32 salt)
{
	u8 in[offsetof(struct tcp_key, rport) + 2 + sizeof(salt)];

	memcpy(in, k, sizeof(in) - sizeof(salt));
	memcpy(in + sizeof(in) - sizeof(salt), &salt, sizeof(salt));
	return (u32)net_hash(net, in, sizeof(in));
}

u32 tcp_isn(const struct net *net, const struct tcp_key *k)
{
	return keyed(net, k, 'I') + (u32)(net_now() / ISN_TICK_NS);
}

u32 tcp_ts_offset(const struct net *net, const struct tcp_key *k)
{
	return keyed(net, k, 'T');
}

static void defaults(struct tcp_net *n)
{
	n->sack = n->timestamps = n->window_scaling = n->syncookies = n->dsack = 1;
	n->ecn = 2; /* when the peer asks */
	n->syn_retries = 6;
	n->synack_retries = 5;
	n->retries2 = 15;
	n->orphan_retries = 0;
	n->fin_timeout = 60;
	n->keepalive_time = 7200;
	n->keepalive_intvl = 75;
	n->keepalive_probes = 9;
	n->max_syn_backlog = 1024;
	n->max_tw_buckets = 16384;
	n->slow_start_after_idle = n->moderate_rcvbuf = 1;
	n->challenge_ack_limit = 1000;
	n->rmem[0] = 4096;
	n->rmem[1] = 131072;
	n->rmem[2] = 6291456;
	n->wmem[0] = 4096;
	n->wmem[1] = 16384;
	n->wmem[2] = 4194304;
}

static int tcp_net_init(struct net *net)
{
	u32 chains = net == &init_net ? 1u << 14 : 1u << 10;
	struct tcp_net *n = kzalloc(sizeof(*n), GFP_KERNEL);

	if (!n)
		return -ENOMEM;
	n->table = kcalloc(chains, sizeof(*n->table), GFP_KERNEL);
	if (!n->table) {
		kfree(n);
		return -ENOMEM;
	}
	n->mask = chains - 1;
	for (u32 i = 0; i < TCP_LOCKS; i++)
		spin_init(&n->locks[i].lock, "tcp table", LR_SOCK_TABLE);
	for (u32 i = 0; i < TCP_LISTEN_BUCKETS; i++)
		list_init(&n->listening[i]);
	spin_init(&n->listen_lock, "tcp listen", LR_SOCK_TABLE);
	spin_init(&n->timewait_lock, "tcp time wait", LR_SOCK_TABLE);
	list_init(&n->timewaits);
	defaults(n);
	net->tcp = n;
	return 0;
}

static void flush_timewaits(struct tcp_net *n)
{
	struct tcp_timewait *w;

	for (;;) {
		spin_lock(&n->timewait_lock);
		w = list_first(&n->timewaits, struct tcp_timewait, node);
		if (w)
			ref_get(&w->refs);
		spin_unlock(&n->timewait_lock);
		if (!w)
			return;
		tcp_timewait_drop(w);
		tcp_timewait_put(w);
	}
}

/* No socket is left: each was a user of the namespace. */
static void tcp_net_exit(struct net *net)
{
	struct tcp_net *n = net->tcp;

	flush_timewaits(n);
	rcu_synchronize();
	kfree(n->table);
	kfree(n);
	net->tcp = NULL;
}

static const struct net_part tcp_net_part = {
	.name = "tcp",
	.rank = 11,
	.init = tcp_net_init,
	.exit = tcp_net_exit,
};
SECTION_SET(net_parts, tcp_net_part);
