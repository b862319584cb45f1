// SPDX-License-Identifier: MIT
/*
 * lo: what is sent comes in again.
 *
 * Sending only queues on the sender's CPU and asks for the receive context: a packet that receiving
 * code answers with waits its turn, so nothing recurses and no lock is held over both sides. A
 * queue is its CPU's own, which is not preempted between two lines here: it has no lock.
 *
 * Packets stay charged to their sender until they are received, so a sender cannot run
 * ahead of his buffer. Checksums and segments stay as they are (NF_LOOPBACK): the bytes never leave memory.
 */
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#define LO_MTU 65536u
#define LO_BACKLOG 1000u /* packets a CPU: net.core.netdev_max_backlog's default */

struct loop_cpu {
	struct rx_poll poll;
	struct packet_queue queue; /* this CPU's */
} CACHE_ALIGNED;

static int loop_poll(struct rx_poll *r, int budget)
{
	struct loop_cpu *c = container_of(r, struct loop_cpu, poll);
	struct packet *p;
	int n = 0;

	while (n < budget && (p = packet_dequeue(&c->queue)) != NULL) {
		packet_orphan(p);
		if (p->route) {
			route_put(p->route);
			p->route = NULL;
		}
		device_receive(p);
		n++;
	}
	return n;
}

static int loop_transmit(struct net_device *d, struct packet *p, u32 queue)
{
	struct loop_cpu *c = (struct loop_cpu *)d->driver + cpu_id();

	if (c->queue.count >= LO_BACKLOG) {
		device_count(d, tx_dropped, 1);
		packet_free(p);
		return TX_OK;
	}
	device_count(d, tx_packets, 1);
	device_count(d, tx_bytes, p->len);
	packet_enqueue(&c->queue, p);
	rx_schedule(&c->poll);
	return TX_OK;
}

static void loop_stop(struct net_device *d)
{
	struct loop_cpu *c = d->driver;

	FOR_EACH_CPU(cpu) {
		rx_disable(&c[cpu].poll);
		packet_queue_purge(&c[cpu].queue);
		rx_enable(&c[cpu].poll);
	}
}

static void loop_free(struct net_device *d)
{
	kfree(d->driver);
	kfree(d);
}

static const struct net_device_ops loop_ops = {
	.transmit = loop_transmit,
	.stop = loop_stop,
	.free = loop_free,
};

static struct net_device *loop_new(void)
{
	struct net_device *d = kzalloc(sizeof(*d), GFP_KERNEL);
	struct loop_cpu *c = kcalloc(nr_cpus, sizeof(*c), GFP_KERNEL);

	if (!d || !c) {
		kfree(d);
		kfree(c);
		return NULL;
	}
	device_setup(d, nr_cpus, nr_cpus);
	FOR_EACH_CPU(cpu) {
		rx_poll_init(&c[cpu].poll, loop_poll);
		packet_queue_init(&c[cpu].queue);
	}
	d->driver = c;
	return d;
}

int loopback_init(struct net *net)
{
	struct net_device *d = loop_new();
	int err;

	if (!d)
		return -ENOMEM;
	ether_setup(d);
	memcpy(d->name, "lo", 3);
	memset(d->broadcast, 0, sizeof(d->broadcast));
	d->type = ARPHRD_LOOPBACK;
	d->mtu = LO_MTU;
	d->min_mtu = 0;
	d->max_mtu = 0x7fffffff;
	d->features = NF_CSUM | NF_RXCSUM | NF_SG | NF_TSO4 | NF_TSO6 | NF_UDP_GSO | NF_LOOPBACK |
		      NF_NO_ARP;
	atomic_store(&d->flags, IFF_LOOPBACK);
	d->ops = &loop_ops;
	mutex_lock(&net->config);
	err = device_register(d, net);
	if (!err) {
		device_get(d);
		net->loopback = d;
	}
	mutex_unlock(&net->config);
	if (err)
		loop_free(d);
	return err;
}

static const struct net_part loop_part = { .name = "loopback", .rank = 12, .init = loopback_init };
SECTION_SET(net_parts, loop_part);
