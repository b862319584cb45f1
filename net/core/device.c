// SPDX-License-Identifier: MIT
/*
 * Network devices: life, names, and what can be set (contract: include/tarn/net/device.h).
 *
 * A device is made by its driver, registered in a namespace, and found there by name or index. Whoever keeps a
 * pointer to it beyond RCU or net->config counts it. Unregistering takes it down, tells the
 * listeners (which flush what refers to it), waits for the count, and frees it: no reference is ever the
 * last but that one, so device_put() does not free.
 *
 * net->config orders all changes; flags, MTU and carrier are read without it.
 * Sending and receiving are in device_tx.c and device_rx.c. Not here yet: renaming and moving between namespaces.
 */
#include <linux/if_arp.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/printf.h>
#include <tarn/rcu.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/time.h>
#include "device_int.h"

#define QUEUE_LEN 1000u
#define MAX_NUMBER 1000000u
/* What SIOCSIFFLAGS and RTM_NEWLINK may change (dev_change_flags() of Linux). */
#define FLAGS_SETTABLE \
	(IFF_UP | IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_DYNAMIC | IFF_MULTICAST | \
	 IFF_PORTSEL | \
	 IFF_AUTOMEDIA | IFF_PROMISC | IFF_ALLMULTI)

/* ---- finding ---- */

struct net_device *device_by_index(struct net *net, int ifindex) NO_LOCK_CHECK /* RCU, or config */
{
	struct net_device *d;

	LIST_FOR_EACH_RCU(d, &net->devices, node)
		if (d->ifindex == ifindex)
			return d;
	return NULL;
}

struct net_device *device_by_name(struct net *net, const char *name) NO_LOCK_CHECK /* RCU, or config */
{
	struct net_device *d;

	LIST_FOR_EACH_RCU(d, &net->devices, node)
		if (!strncmp(d->name, name, IFNAMSIZ))
			return d;
	return NULL;
}

struct net_device *device_get_by_index(struct net *net, int ifindex)
{
	struct net_device *d;

	rcu_read_lock();
	d = device_by_index(net, ifindex);
	if (d && !ref_get_unless_zero(&d->refs))
		d = NULL;
	rcu_read_unlock();
	return d;
}

void device_get(struct net_device *d)
{
	ref_get(&d->refs);
}

void device_put(struct net_device *d)
{
	ref_put(&d->refs);
}

/* ---- life ---- */

void device_setup(struct net_device *d, u32 nr_tx, u32 nr_rx)
{
	d->nr_tx = nr_tx;
	d->nr_rx = nr_rx;
	d->tx_queue_len = QUEUE_LEN;
	d->operstate = IF_OPER_UNKNOWN;
	atomic_store(&d->carrier, true);
	list_init(&d->multicast);
	list_init(&d->taps);
	spin_init(&d->mc_lock, "multicast", LR_NET_MC);
	ref_init(&d->refs, 1);
}

/* As Linux's dev_valid_name(): what a path of sysfs and an "eth0:1" could not say is no name. */
static bool name_is_valid(const char *name)
{
	size_t n = strnlen(name, IFNAMSIZ);

	if (!n || n == IFNAMSIZ || str_eq(name, ".") || str_eq(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || *name == ' ' ||
		    (*name >= '\t' && *name <= '\r'))
			return false;
	return true;
}

/* "eth%d" becomes the first that is free. */
static int choose_name(struct net_device *d, struct net *net)
{
	char name[IFNAMSIZ], *percent = NULL;

	for (char *c = d->name; *c && !percent; c++)
		if (c[0] == '%' && c[1] == 'd' && !c[2])
			percent = c;
	if (!name_is_valid(d->name))
		return -EINVAL;
	if (!percent)
		return device_by_name(net, d->name) ? -EEXIST : 0;
	*percent = 0;
	for (u32 i = 0; i < MAX_NUMBER; i++) {
		if (snprintf(name, sizeof(name), "%s%u", d->name, i) >= (int)sizeof(name))
			return -EINVAL;
		if (device_by_name(net, name))
			continue;
		memcpy(d->name, name, sizeof(name));
		return 0;
	}
	return -ENFILE;
}

void device_notify(struct net_device *d, enum net_event e)
{
	atomic_fetch_add(&d->net->generation, 1);
	for (int rank = 0; rank <= LISTENER_RANKS; rank++) {
		SET_FOR_EACH(const struct net_listener, l, net_listeners)
			if (l->rank == rank)
				l->event(d, e);
	}
}

static int make_queues(struct net_device *d)
{
	d->tx = kcalloc(d->nr_tx, sizeof(*d->tx), GFP_KERNEL);
	d->stats = kcalloc(nr_cpus, sizeof(*d->stats), GFP_KERNEL);
	if (!d->tx || !d->stats) {
		kfree(d->tx);
		kfree(d->stats);
		return -ENOMEM;
	}
	for (u32 i = 0; i < d->nr_tx; i++)
		tx_queue_init(&d->tx[i]);
	return 0;
}

int device_register(struct net_device *d, struct net *net)
{
	int err;

	mutex_assert_held(&net->config);
	err = choose_name(d, net);
	if (!err)
		err = make_queues(d);
	if (err)
		return err;
	d->net = net;
	d->ifindex = net->next_ifindex++;
	if (net == &init_net)
		net_sysfs_add(d);
	list_add_tail_rcu(&net->devices, &d->node);
	device_notify(d, NETDEV_REGISTER);
	return 0;
}

static void purge_queues(struct net_device *d)
{
	for (u32 i = 0; i < d->nr_tx; i++) {
		spin_lock(&d->tx[i].lock);
		packet_queue_purge(&d->tx[i].waiting);
		spin_unlock(&d->tx[i].lock);
	}
}

static void take_down(struct net_device *d)
{
	if (!device_up(d))
		return;
	device_notify(d, NETDEV_GOING_DOWN);
	atomic_fetch_and(&d->flags, ~(u32)IFF_UP);
	rcu_synchronize(); /* nobody is about to send */
	if (d->ops->stop)
		d->ops->stop(d);
	purge_queues(d);
	device_notify(d, NETDEV_DOWN);
}

void device_unregister(struct net_device *d)
{
	struct net *net = d->net;

	mutex_assert_held(&net->config);
	take_down(d);
	list_del_rcu(&d->node);
	device_notify(d, NETDEV_UNREGISTER);
	rcu_synchronize();
	while (ref_read(&d->refs) > 1)
		sleep_ns(NSEC_PER_MSEC);
	for (u32 i = 0; i < d->nr_tx; i++)
		rx_disable(&d->tx[i].drain);
	kfree(d->tx);
	kfree(d->stats);
	if (d->ops->free)
		d->ops->free(d);
}

/* ---- what can be set ---- */

u32 device_flags(const struct net_device *d)
{
	u32 flags = atomic_load_explicit(&d->flags, memory_order_relaxed) &
		    ~(u32)(IFF_RUNNING | IFF_LOWER_UP);

	if (flags & IFF_UP && atomic_load_explicit(&d->carrier, memory_order_relaxed))
		flags |= IFF_RUNNING | IFF_LOWER_UP;
	return flags;
}

static int bring_up(struct net_device *d)
{
	int err = d->ops->open ? d->ops->open(d) : 0;

	if (err)
		return err;
	atomic_fetch_or(&d->flags, IFF_UP);
	if (d->ops->set_rx_mode)
		d->ops->set_rx_mode(d);
	device_notify(d, NETDEV_UP);
	return 0;
}

int device_change_flags(struct net_device *d, u32 flags, u32 mask)
{
	u32 was = atomic_load(&d->flags), is;
	int err = 0;

	mutex_assert_held(&d->net->config);
	mask &= FLAGS_SETTABLE;
	is = (was & ~mask) | (flags & mask);
	if ((was ^ is) & IFF_PROMISC)
		d->promiscuity += is & IFF_PROMISC ? 1 : -1;
	if ((was ^ is) & IFF_ALLMULTI)
		d->allmulti += is & IFF_ALLMULTI ? 1 : -1;
	atomic_store(&d->flags, (is & ~(u32)IFF_UP) | (was & IFF_UP));
	if ((was ^ is) & IFF_UP) {
		if (is & IFF_UP)
			err = bring_up(d);
		else
			take_down(d);
	} else if (was != is) {
		device_notify(d, NETDEV_CHANGE);
	}
	if ((was ^ is) & (IFF_PROMISC | IFF_ALLMULTI) && device_up(d) && d->ops->set_rx_mode)
		d->ops->set_rx_mode(d);
	return err;
}

/* A tap wants all frames: @by is 1 or -1. */
void device_promiscuity(struct net_device *d, int by)
{
	mutex_assert_held(&d->net->config);
	d->promiscuity += by;
	if (device_up(d) && d->ops->set_rx_mode)
		d->ops->set_rx_mode(d);
}

int device_set_mtu(struct net_device *d, u32 mtu)
{
	int err;

	mutex_assert_held(&d->net->config);
	if (mtu == d->mtu)
		return 0;
	if (mtu < d->min_mtu || mtu > d->max_mtu)
		return -EINVAL;
	err = d->ops->set_mtu ? d->ops->set_mtu(d, mtu) : 0;
	if (err)
		return err;
	WRITE_ONCE(d->mtu, mtu);
	device_notify(d, NETDEV_MTU);
	return 0;
}

int device_set_mac(struct net_device *d, const u8 *addr)
{
	int err;

	mutex_assert_held(&d->net->config);
	if (!d->ops->set_mac)
		return -EOPNOTSUPP;
	err = d->ops->set_mac(d, addr);
	if (err)
		return err;
	memcpy(d->addr, addr, d->addr_len);
	device_notify(d, NETDEV_ADDR);
	return 0;
}

int device_rename(struct net_device *d, const char *name)
{
	return strncmp(d->name, name, IFNAMSIZ) ? -EOPNOTSUPP : 0;
}

/* Only flags change here: who must be told of it sleeps, so that is left to the one who calls device_notify(). */
void device_set_carrier(struct net_device *d, bool on)
{
	atomic_store(&d->carrier, on);
	d->operstate = on ? IF_OPER_UP : IF_OPER_DOWN;
}

/* ---- multicast groups of the link layer ---- */

struct mc_addr {
	struct list node;
	u32 users;
	u8 addr[DEVICE_ADDR_MAX];
};

static struct mc_addr *mc_find(struct net_device *d, const u8 *addr)
{
	struct mc_addr *m;

	LIST_FOR_EACH(m, &d->multicast, node)
		if (!memcmp(m->addr, addr, d->addr_len))
			return m;
	return NULL;
}

int device_multicast(struct net_device *d, const u8 *addr, bool add)
{
	struct mc_addr *fresh = add ? kzalloc(sizeof(*fresh), GFP_ATOMIC) : NULL, *m;
	int err = 0;

	spin_lock(&d->mc_lock);
	m = mc_find(d, addr);
	if (m && add) {
		m->users++;
	} else if (m && --m->users == 0) {
		list_del(&m->node);
		fresh = m;
	} else if (!m && add && fresh) {
		memcpy(fresh->addr, addr, d->addr_len);
		fresh->users = 1;
		list_add_tail(&d->multicast, &fresh->node);
		fresh = NULL;
	} else if (!m) {
		err = add ? -ENOMEM : -ENOENT;
	}
	spin_unlock(&d->mc_lock);
	kfree(fresh);
	if (!err && device_up(d) && d->ops->set_rx_mode)
		d->ops->set_rx_mode(d);
	return err;
}
