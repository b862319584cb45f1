// SPDX-License-Identifier: MIT
/*
 * The simulator: hosts, each a network namespace with one address, on one wire.
 *
 * Time is virtual and everything follows from a seed: the same seed gives the same run. A wire loses, repeats,
 * reorders, delays, corrupts, limits its rate and can be cut for a while.
 */
#pragma once

#include "host.h"

struct wire {
	u32 loss, duplicate, reorder, corrupt; /* in 10,000 */
	ktime_t delay, jitter;
	u64 rate;                              /* bytes a second; 0: no limit */
	u32 queue;                             /* packets that wait for it at most; 0: no limit */
	ktime_t cut_from, cut_until;           /* nothing passes meanwhile */
	u32 mtu;                               /* of IP packets; 0: 1500 */
};

struct sim_host {
	struct net net;
	struct inet_addr addr;
	ktime_t busy_until;                    /* its end of the wire sends until then */
	u32 waiting;
	void (*outgoing)(struct sim_host *h, struct packet *p); /* scripted exchanges take what it sends; NULL: the wire */
};
#define SIM_HOSTS 6
extern struct sim_host sim_hosts[SIM_HOSTS];
extern struct wire sim_wire;
extern u64 sim_seed;
extern u64 sim_sent, sim_lost; /* packets */

void sim_start(u32 hosts, u64 seed);
/* All are gone: checks that nothing is left over. */
void sim_end(void);
/* One event. False: there is none before @limit. */
bool sim_step(ktime_t limit);
/* Runs for @ns of virtual time. */
void sim_run(ktime_t ns);

/* An IPv4 packet comes in at @h. Owns @p; ->data at the IP header. */
void sim_deliver(struct sim_host *h, struct packet *p);

struct tcp_sock *sim_socket(struct sim_host *h);
struct tcp_sock *sim_listen(struct sim_host *h, u16 port, u32 backlog);
int sim_connect(struct tcp_sock *t, struct sim_host *to, u16 port);
struct tcp_sock *sim_accept(struct tcp_sock *l); /* NULL: none */
ssize_t sim_send(struct tcp_sock *t, const void *buf, size_t n, u32 flags);
ssize_t sim_recv(struct tcp_sock *t, void *buf, size_t n);
void sim_shutdown(struct tcp_sock *t);
void sim_close(struct tcp_sock *t, bool reset);
