// SPDX-License-Identifier: MIT
/*
 * Sending: from the neighbour layer to a driver's ring.
 *
 * What the device cannot do is done here in software, in this order: taps see the frame as it is, a
 * GSO packet is cut, a VLAN tag put in, the checksum completed. Then the queue: while
 * the driver has room packets go to it directly; when its ring is full it stops the queue, packets wait in a
 * FIFO of tx_queue_len, and when the ring has room again a poll sends what waits. Beyond that length they are
 * dropped and the sender may hear -ENOBUFS.
 *
 * A queue's lock is held over ops->transmit(), which only fills a ring: nothing is received from here.
 */
#include <linux/if_ether.h>
#include <tarn/errno.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/rcu.h>
#include <tarn/string.h>
#include "device_int.h"

static int drop(struct net_device *d, struct packet *p, int err)
{
	device_count(d, tx_dropped, 1);
	packet_free(p);
	return err;
}

/* Straight to the driver if nothing waits before it, else it waits. */
static int queue_packet(struct net_device *d, struct packet *p)
{
	u32 n = d->ops->pick_queue ? d->ops->pick_queue(d, p) : cpu_id() % d->nr_tx;
	struct tx_queue *q = &d->tx[n];
	bool room = true;

	spin_lock(&q->lock);
	if (packet_peek(&q->waiting) || atomic_load(&q->stopped) ||
	    d->ops->transmit(d, p, n) == TX_BUSY) {
		room = q->waiting.count < d->tx_queue_len;
		if (room)
			packet_enqueue(&q->waiting, p);
	}
	spin_unlock(&q->lock);
	return room ? 0 : drop(d, p, -ENOBUFS);
}

/* 802.1Q: the tag goes between the addresses and the type. */
static bool insert_vlan(struct packet *p)
{
	u8 *h;

	if (!packet_need(p, ETH_HLEN) || packet_offset(p) < 4)
		return false;
	h = packet_push(p, 4);
	memmove(h, h + 4, 12);
	put_be16(h + 12, ETH_P_8021Q);
	put_be16(h + 14, p->vlan_tci);
	p->vlan_present = false;
	return true;
}

static int send_one(struct net_device *d, struct packet *p)
{
	if (p->vlan_present && !(d->features & NF_VLAN_OUT) && !insert_vlan(p))
		return drop(d, p, -EINVAL);
	if (p->csum_state == CSUM_PARTIAL && !(d->features & (NF_CSUM | NF_LOOPBACK)) &&
	    !packet_csum_complete(p))
		return drop(d, p, -EINVAL);
	return queue_packet(d, p);
}

static bool device_cuts(const struct net_device *d, const struct packet *p)
{
	static const u32 wanted[] = {
		[GSO_TCP4] = NF_TSO4, [GSO_TCP6] = NF_TSO6, [GSO_UDP] = NF_UDP_GSO
	};

	return d->features & (wanted[p->gso_type] | NF_LOOPBACK);
}

static int send_cut(struct net_device *d, struct packet *p)
{
	struct list parts = LIST_INIT(parts);
	int err = packet_segment(p, &parts);

	if (err)
		device_count(d, tx_dropped, 1);
	while ((p = list_first(&parts, struct packet, node)) != NULL) {
		int one;

		list_del(&p->node);
		one = send_one(d, p);
		err = err ? err : one;
	}
	return err;
}

int device_send(struct packet *p)
{
	struct net_device *d = p->dev;

	if (unlikely(!device_up(d)))
		return drop(d, p, -ENETDOWN);
	if (unlikely(!list_empty(&d->taps) || !list_empty(&d->net->taps)))
		taps_show(p, true);
	if (p->gso_type != GSO_NONE && !device_cuts(d, p))
		return send_cut(d, p);
	return send_one(d, p);
}

/* ---- the driver's side ---- */

/* Sends what waited; what is still too much waits on. */
static int drain(struct rx_poll *r, int budget)
{
	struct tx_queue *q = container_of(r, struct tx_queue, drain);
	struct packet *p;
	int n = 0;

	spin_lock(&q->lock);
	while (n < budget && !atomic_load(&q->stopped) &&
	       (p = packet_dequeue(&q->waiting)) != NULL) {
		struct net_device *d = p->dev;

		if (d->ops->transmit(d, p, (u32)(q - d->tx)) == TX_BUSY) {
			list_add(&q->waiting.list, &p->node);
			q->waiting.count++;
			q->waiting.bytes += p->len;
			break;
		}
		n++;
	}
	spin_unlock(&q->lock);
	return n;
}

void tx_queue_init(struct tx_queue *q)
{
	spin_init(&q->lock, "net tx", LR_NET_TX);
	packet_queue_init(&q->waiting);
	rx_poll_init(&q->drain, drain);
}

void tx_queue_stop(struct net_device *d, u32 queue)
{
	atomic_store(&d->tx[queue].stopped, true);
}

void tx_queue_wake(struct net_device *d, u32 queue)
{
	if (atomic_exchange(&d->tx[queue].stopped, false))
		rx_schedule(&d->tx[queue].drain);
}
