// SPDX-License-Identifier: MIT
/*
 * Receiving: from a driver's poll to the protocol.
 *
 * A frame is counted, its link header parsed, shown to taps, offered to the device's master (a bridge, a VLAN),
 * and handed to the protocol of its type; what nobody wants is dropped. All of it in the
 * receive context, inside rcu_read_lock().
 *
 * Taps see the packet with its link header before ->data and ->mac saying where: each takes what it wants.
 *
 * Not here yet: merging a flow's segments (GRO) in software; devices that do it (virtio) are used so.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/rcu.h>
#include "device_int.h"

static bool tap_wants(const struct packet_tap *t, const struct packet *p, bool out)
{
	return t->protocol == ETH_P_ALL || (!out && t->protocol == p->protocol);
}

static void show_list(struct list *taps, struct packet *p, bool out)
{
	struct packet_tap *t;

	LIST_FOR_EACH_RCU(t, taps, node)
		if (tap_wants(t, p, out))
			t->see(t, p);
}

void taps_show(struct packet *p, bool out)
{
	u8 type = p->pkt_type;

	if (out) {
		p->pkt_type = PACKET_OUTGOING;
		p->mac = packet_offset(p);
	}
	rcu_read_lock();
	show_list(&p->dev->taps, p, out);
	show_list(&p->dev->net->taps, p, out);
	rcu_read_unlock();
	p->pkt_type = type;
}

void packet_tap_add(struct packet_tap *t)
{
	mutex_assert_held(&t->net->config);
	list_add_tail_rcu(t->dev ? &t->dev->taps : &t->net->taps, &t->node);
}

void packet_tap_remove(struct packet_tap *t)
{
	mutex_assert_held(&t->net->config);
	list_del_rcu(&t->node);
	rcu_synchronize();
}

static void deliver(struct packet *p)
{
	SET_FOR_EACH(const struct packet_type, t, packet_types)
		if (t->protocol == p->protocol) {
			t->receive(p);
			return;
		}
	packet_free(p);
}

void device_receive(struct packet *p)
{
	struct net_device *d = p->dev;

	device_count(d, rx_packets, 1);
	device_count(d, rx_bytes, p->len);
	if (unlikely(!device_up(d)) || (d->header && !d->header->parse(p, d))) {
		device_count(d, rx_dropped, 1);
		packet_free(p);
		return;
	}
	if (p->pkt_type == PACKET_MULTICAST)
		device_count(d, rx_multicast, 1);
	p->network = packet_offset(p);
	if (unlikely(!list_empty(&d->taps) || !list_empty(&d->net->taps)))
		taps_show(p, false);
	if (d->rx_handler && d->rx_handler(d, p))
		return;
	deliver(p);
}

void device_receive_merge(struct packet *p)
{
	device_receive(p);
}

void device_receive_flush(void)
{
}

void device_get_stats(const struct net_device *d, struct device_stats *out)
{
	u64 *sum = (u64 *)out;

	*out = (struct device_stats){ 0 };
	FOR_EACH_CPU(cpu)
		for (u32 i = 0; i < sizeof(*out) / sizeof(u64); i++)
			sum[i] += READ_ONCE(((const u64 *)&d->stats[cpu])[i]);
}
