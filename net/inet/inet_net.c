// SPDX-License-Identifier: MIT
/*
 * A namespace's part of net/inet, from birth to death; the table of transports; the door out (inet_send())
 * and the door up (inet_deliver()).
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include "inet_internal.h"

/* ---- transports ---- */

static const struct transport *by_protocol[256]; /* [I] after boot */

static void transports_init(void)
{
	SET_FOR_EACH(const struct transport, t, transports)
		by_protocol[t->protocol] = t;
}

void inet_deliver(struct net *net, struct packet *p, u8 protocol, bool v6)
{
	const struct transport *t = by_protocol[protocol];
	bool taken = raw_receive(net, p, protocol, v6);

	if (protocol == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		if (v6)
			icmp6_receive(net, p);
		else
			icmp4_receive(net, p);
		return;
	}
	if (protocol == IPPROTO_IGMP && !v6) {
		mcast_receive_igmp(net, p);
		return;
	}
	if (t) {
		t->receive(net, p);
		return;
	}
	if (!taken) {
		inet_count(net, v6, IP_IN_UNKNOWN_PROTOS);
		if (v6)
			icmp6_send(net, p, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, 6);
		else
			icmp_send(net, p, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
	}
	packet_free(p);
}

bool transport_error(struct net *net, struct packet *p, u8 protocol, u8 type, u8 code, u32 info)
{
	bool v6 = !addr_is_v4(&packet_cb(p, struct inet_in)->src);
	const struct transport *t = by_protocol[protocol];

	raw_error(net, p, protocol, v6, type, code, info);
	if (protocol == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		ping_error(net, p, v6, type, code, info);
	else if (t && t->error)
		t->error(net, p, type, code, info);
	return t;
}

/* ---- checksums ---- */

/* Sums of words as they lie in memory, like tarn/net/packet.h's. */
u32 inet_pseudo_csum(const struct inet_addr *src, const struct inet_addr *dst, u8 protocol, u32 len)
{
	u64 sum = (u64)cpu_to_be32(len).raw + cpu_to_be32(protocol).raw;
	u32 from = addr_is_v4(src) && addr_is_v4(dst) ? 3 : 0;

	for (u32 i = from; i < 4; i++)
		sum += (u64)src->w[i].raw + dst->w[i].raw;
	sum = (sum & 0xffffffffu) + (sum >> 32);
	return (u32)sum + (u32)(sum >> 32);
}

bool inet_csum_ok(struct packet *p, u8 protocol)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);

	if (p->csum_state == CSUM_VALID || p->csum_state == CSUM_PARTIAL)
		return true;
	if (inet_fold(packet_csum(p, 0, p->len,
				  inet_pseudo_csum(&in->src, &in->dst, protocol, p->len))))
		return false;
	p->csum_state = CSUM_VALID;
	return true;
}

/* ---- out ---- */

int inet_send(struct net *net, struct packet *p, struct route *r, const struct flow *f,
	      const struct inet_cork *c)
{
	int err;

	rcu_read_lock(); /* the route's device stays */
	err = f->v6 ? ip6_send(net, p, r, f, c) : ip4_send(net, p, r, f, c);
	rcu_read_unlock();
	return err;
}

/* ---- birth and death ---- */

static void buckets_init(struct sock_bucket *b, u32 n, const char *name)
{
	for (u32 i = 0; i < n; i++) {
		spin_init(&b[i].lock, name, LR_SOCK_TABLE);
		list_init(&b[i].socks);
	}
}

static const struct inet_conf defaults = {
	.default_ttl = 64,
	.default_hops = 64,
	.port_first = 32768,
	.port_last = 60999,
	.unprivileged_port = 1024,
	.ping_first = 1,
	.ping_last = 0,
	.echo_ignore_broadcasts = 1,
	.icmp_ratelimit = 1000,
	.frag_high = 4 << 20,
	.frag_time = 30,
	.frag6_high = 4 << 20,
	.frag6_time = 60,
	.gc_thresh2 = 512,
	.gc_thresh3 = 1024,
	.igmp_max_memberships = 20,
};

static int inet_net_init(struct net *net)
{
	struct inet_net *n = kzalloc(sizeof(*n), GFP_KERNEL);
	int err;

	if (!n)
		return -ENOMEM;
	n->net = net;
	net->inet = n;
	n->conf = defaults;
	if (net == &init_net) {
		transports_init();
		inet_families_init();
	}
	spin_init(&n->route_lock, "routes", LR_NET_FRAG);
	list_init(&n->routes);
	spin_init(&n->pmtu_lock, "path MTUs", LR_NEIGH);
	spin_init(&n->neigh_lock, "neighbours", LR_NET_FRAG);
	spin_init(&n->icmp_lock, "icmp budget", LR_NEIGH);
	spin_init(&n->all_lock, "inet sockets", LR_SOCK_TABLE);
	list_init(&n->all);
	for (u32 i = 0; i < PORT_BUCKETS; i++)
		spin_init(&n->ports[i].lock, "ports", LR_PORTS);
	buckets_init(n->udp, UDP_BUCKETS, "udp");
	buckets_init(n->raw, RAW_BUCKETS, "raw");
	buckets_init(n->ping, ARRAY_SIZE(n->ping), "ping");
	for (u32 i = 0; i < ARRAY_SIZE(n->ids); i++)
		atomic_store(&n->ids[i], inet_random());
	inet_loop_init(n);
	inet_tick_init(n);
	err = frag_init(n);
	if (!err)
		err = fib_init(n);
	return err;
}

/* Devices and sockets are gone already: what is left is what nobody holds. */
static void inet_net_exit(struct net *net)
{
	struct inet_net *n = net->inet;

	inet_tick_exit(n);
	neigh_exit(n);
	fib_exit(n);
	pmtu_exit(n);
	inet_loop_exit(n);
	if (n->frag)
		frag_exit(n);
	rcu_synchronize();
	kfree_rcu(n);
}

static const struct net_part inet_part = {
	.name = "inet", .rank = 10, .init = inet_net_init, .exit = inet_net_exit
};
SECTION_SET(net_parts, inet_part);

static const struct net_listener inet_devices = { .rank = 10, .event = addr_device_event };
SECTION_SET(net_listeners, inet_devices);
