// SPDX-License-Identifier: MIT
/*
 * struct net: a network namespace.  Nothing of the network is global: devices, addresses, routes,
 * neighbours, ports, connections, sysctls and counters hang here.  net/core/netns.c.
 *
 * Life: counted twice. `users` are what makes it alive: processes (struct
 * namespaces), sockets made by user space, open /proc/PID/ns/net files, bind
 * mounts of these. With the last one gone it dies in a worker: devices go down and are
 * removed (physical ones return to init_net), then the families' parts in reverse
 * order, each waiting for RCU. `refs` keep the struct itself for those that must look at it
 * later (TIME_WAIT, timers never do: they are flushed by death).
 */
#pragma once

#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/refcount.h>

struct inet_net;      /* net/inet: both families */
struct tcp_net;       /* net/inet/tcp_*.c */
struct netlink_net;   /* net/netlink */
struct packet_net;    /* net/packet */
struct user_ns;

struct net {
	struct refcount users, refs;
	u64 ino;                       /* [I] of /proc/PID/ns/net; SO_NETNS_COOKIE */
	u64 secret[2];                 /* [I] SipHash key of all keyed hashes, ISNs, ports, ids */
	struct mutex config;           /* devices, addresses, routes, rules: who changes them. Readers use RCU */
	struct list devices GUARDED_BY(&config); /* net_device.node, by ifindex */
	_Atomic u32 generation;        /* [a] raised by each change under config: dumps that span one tell */
	int next_ifindex GUARDED_BY(&config);
	struct net_device *loopback;   /* [I] after init, counted */
	struct list taps;              /* packet_tap.node of those that see all devices: RCU; config */
	struct inet_net *inet;         /* [I] the families' own, made and freed by their ops */
	struct tcp_net *tcp;
	struct netlink_net *netlink;
	struct packet_net *packet;
	struct list node;              /* all namespaces; net/core/netns.c */
};

extern struct net init_net;

/* What a family or subsystem does at birth and death of a namespace: SECTION_SET(net_parts, x), run by rank, undone
 * in reverse. */
struct net_part {
	const char *name;
	int rank;                       /* inet 10, tcp 11, the loopback device 12, netlink 20, packet 30 */
	int (*init)(struct net *net);   /* 0 or -errno */
	void (*exit)(struct net *net);  /* may sleep; the namespace has no user, its devices are gone */
};

struct net *net_new(void);          /* users 1; ERR_PTR */
void net_put(struct net *net);      /* drops a user; any context */
static inline void net_get(struct net *net)
{
	ref_get(&net->users);
}
struct net *current_net(void);      /* of the calling thread; not counted: it lives as long as the thread stays in it */
void net_init(void);                /* boot */

/* SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, 2012) under the namespace's secret: what others see or could aim at. */
u64 siphash(const u64 key[2], const void *data, size_t len);
u64 net_hash(const struct net *net, const void *data, size_t len);
