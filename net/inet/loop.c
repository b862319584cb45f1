// SPDX-License-Identifier: MIT
/*
 * Our own multicasts and broadcasts come back to us, as if the device had received them. They wait in a queue
 * for the receive context: sending never calls receiving, however deep in locks the sender is.
 *
 * Limit: LOOP_MAX packets a namespace; more are dropped, as on a wire.
 */
#include "inet_internal.h"
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define LOOP_MAX 1000u

void inet_loop(struct net *net, struct packet *p)
{
	struct inet_net *n = net->inet;
	bool full;

	p->network = packet_offset(p);
	p->pkt_type = PACKET_LOOPBACK;
	packet_orphan(p);
	spin_lock(&n->loop_lock);
	full = n->loop_queue.count >= LOOP_MAX;
	if (!full)
		packet_enqueue(&n->loop_queue, p);
	spin_unlock(&n->loop_lock);
	if (full)
		packet_free(p);
	else
		rx_schedule(&n->loop);
}

static struct packet *take(struct inet_net *n)
{
	struct packet *p;

	spin_lock(&n->loop_lock);
	p = packet_dequeue(&n->loop_queue);
	spin_unlock(&n->loop_lock);
	return p;
}

static int loop_poll(struct rx_poll *r, int budget)
{
	struct inet_net *n = container_of(r, struct inet_net, loop);
	struct packet *p;
	int done = 0;

	rcu_read_lock();
	while (done < budget && (p = take(n))) {
		if (p->protocol == ETH_P_IPV6)
			ip6_receive(p);
		else
			ip4_receive(p);
		done++;
	}
	rcu_read_unlock();
	return done;
}

void inet_loop_init(struct inet_net *n)
{
	spin_init(&n->loop_lock, "inet loop", LR_NET_TX);
	packet_queue_init(&n->loop_queue);
	rx_poll_init(&n->loop, loop_poll);
}

void inet_loop_exit(struct inet_net *n)
{
	rx_disable(&n->loop);
	packet_queue_purge(&n->loop_queue);
}
