// SPDX-License-Identifier: MIT
/*
 * What is due now and then on devices: probes for duplicates, lifetimes of addresses and routes, router
 * solicitations, multicast reports.
 *
 * These change what net->config guards, so they run in a worker. One timer a namespace asks for it at the
 * earliest moment that anybody named; the worker looks at all devices and arms it anew. No object has a timer
 * of its own, hence none can fire for one that is gone.
 */
#include "inet_internal.h"

static void tick_timer_fired(struct net_timer *t)
{
	struct inet_net *n = container_of(t, struct inet_net, tick_timer);

	if (!atomic_load(&n->dying))
		work_queue(&n->tick);
}

static void tick_work(struct work *w)
{
	struct inet_net *n = container_of(w, struct inet_net, tick);
	ktime_t now = net_now(), next = KTIME_MAX;
	struct net_device *d;

	if (atomic_load(&n->dying))
		return;
	mutex_lock(&n->net->config);
	ra_work(n);
	next = fib_tick(n->net, now);
	LIST_FOR_EACH(d, &n->net->devices, node) {
		next = MIN(next, addr_tick(d, now));
		next = MIN(next, nd_tick(d, now));
		next = MIN(next, mcast_tick(d, now));
	}
	mutex_unlock(&n->net->config);
	if (next != KTIME_MAX)
		inet_tick_soon(n->net, next);
}

/* Earlier than what is armed: moved.  A race with the worker costs at most one look too many. */
void inet_tick_soon(struct net *net, ktime_t at)
{
	struct inet_net *n = net->inet;

	if (atomic_load(&n->dying))
		return;
	if (!net_timer_armed(&n->tick_timer) || READ_ONCE(n->tick_timer.expires) > at)
		net_timer_arm(&n->tick_timer, at);
}

void inet_tick_init(struct inet_net *n)
{
	net_timer_init(&n->tick_timer, tick_timer_fired);
	work_init(&n->tick, tick_work);
	spin_init(&n->ra_lock, "router advertisements", LR_NEIGH);
	list_init(&n->ras);
}

/* The worker may arm the timer once more, and the timer ask the worker: `dying` ends that, in this order. */
void inet_tick_exit(struct inet_net *n)
{
	atomic_store(&n->dying, true);
	net_timer_cancel(&n->tick_timer);
	rcu_synchronize();
	work_flush(&n->tick);
	net_timer_cancel(&n->tick_timer);
	rcu_synchronize();
	ra_work(n);
}
