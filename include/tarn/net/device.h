// SPDX-License-Identifier: MIT
/*
 * Network devices.  net/core/device.c; drivers in drivers/ and net/devices/ (loopback, tun, veth, bridge ...).
 *
 * A driver fills a struct net_device and its ops, and registers it in a
 * namespace. Packets that came in go up through device_receive(), in the receive
 * context; packets that leave come down through device_send(), from anywhere:
 *
 *	inet -> neighbour writes the link header -> device_send()
 *	        -> taps (AF_PACKET) see a clone
 *	        -> GSO, checksum, VLAN: done in software here if the device lacks the feature
 *	        -> the queue (FIFO of tx_queue_len) if the driver is busy, else ops->transmit()
 *
 * Locks: what can be set (name, flags, MTU, address, namespace) is under net->config and read
 * without one; a transmit queue has a spinlock (LR_NET_TX). Life: counted; unregistering takes
 * it out of the namespace, flushes routes, neighbours and queues, waits for RCU and for the count.
 */
#pragma once

#include <linux/if.h>
#include <tarn/device.h>
#include <tarn/net/packet.h>
#include <tarn/net/rx.h>

struct net;
struct net_device;
struct in_device;     /* IPv4's part: addresses, settings; net/inet */
struct in6_device;    /* IPv6's */

#define DEVICE_ADDR_MAX 32

/* What a device can do: bits of ->features; ethtool switches those in ->hw_features. */
#define NF_CSUM BIT(0)        /* CSUM_PARTIAL for any protocol, out */
#define NF_RXCSUM BIT(1)      /* says CSUM_VALID for what it verified */
#define NF_SG BIT(2)          /* fragments, out */
#define NF_TSO4 BIT(3)
#define NF_TSO6 BIT(4)
#define NF_UDP_GSO BIT(5)
#define NF_GRO BIT(6)         /* merge received segments: software */
#define NF_LOOPBACK BIT(7)    /* what is sent comes in again: checksums need not be computed at all */
#define NF_NO_ARP BIT(8)
#define NF_VLAN_OUT BIT(9)    /* puts vlan_tci into the frame itself */

struct device_stats {         /* IFLA_STATS64, /proc/net/dev: per CPU, summed by readers */
	u64 rx_packets, rx_bytes, rx_errors, rx_dropped, rx_over, rx_frame, rx_multicast;
	u64 tx_packets, tx_bytes, tx_errors, tx_dropped, tx_fifo, tx_carrier, collisions;
};

/* All under net->config unless they say otherwise.  NULL: not possible (-EOPNOTSUPP), or nothing to do. */
struct net_device_ops {
	int (*open)(struct net_device *d);      /* IFF_UP: 0 or -errno. May sleep */
	void (*stop)(struct net_device *d);     /* down: no poll, no transmit afterwards. May sleep */
	/*
	 * Sends @p on queue @queue.  TX_OK: the driver owns it now. TX_BUSY: untouched; the driver has called
	 * tx_queue_stop() and will call tx_queue_wake(). The queue's lock held, irqs on, any thread or receive
	 * context.
	 */
	int (*transmit)(struct net_device *d, struct packet *p, u32 queue);
	void (*set_rx_mode)(struct net_device *d);  /* promiscuity, multicast list changed */
	int (*set_mac)(struct net_device *d, const u8 *addr);
	int (*set_mtu)(struct net_device *d, u32 mtu);
	void (*set_features)(struct net_device *d, u32 features);
	u32 (*pick_queue)(struct net_device *d, struct packet *p); /* no lock; NULL: by CPU */
	long (*ioctl)(struct net_device *d, unsigned int cmd, void *ifreq); /* private and MII ones */
	void (*free)(struct net_device *d);         /* the last reference went: frees d's memory. May sleep */
};
#define TX_OK 0
#define TX_BUSY 1

/* The link layer: what is between the device and the protocols. Ethernet's is eth_header_ops (net/core/ethernet.c). */
struct header_ops {
	/* Pushes a link header for ETH_P_@protocol from @saddr (NULL: the device's) to @daddr: 0 or -errno. */
	int (*create)(struct packet *p, struct net_device *d, u16 protocol, const u8 *daddr,
		      const u8 *saddr);
	/* Sets mac, protocol, pkt_type and steps over the header. False: malformed. Receive context. */
	bool (*parse)(struct packet *p, struct net_device *d);
};

struct tx_queue {
	struct spinlock lock;                 /* LR_NET_TX: transmit and the queue below */
	struct packet_queue waiting GUARDED_BY(&lock);
	_Atomic bool stopped;                 /* the driver's ring is full */
	struct rx_poll drain;                 /* sends what waits once the driver woke us */
} CACHE_ALIGNED;

struct net_device {
	char name[IFNAMSIZ];                  /* [I] while registered */
	int ifindex;                          /* [I] while registered */
	u16 type;                             /* [I] ARPHRD_* */
	u8 addr_len, header_len;              /* [I] bytes: 6 and 14 for Ethernet */
	u32 mtu, min_mtu, max_mtu;            /* bytes after the link header; net->config */
	_Atomic u32 flags;                    /* IFF_UP, IFF_BROADCAST ...; net->config to write */
	u32 features, hw_features;            /* NF_* */
	u32 promiscuity, allmulti;            /* counts; net->config */
	u8 addr[DEVICE_ADDR_MAX], broadcast[DEVICE_ADDR_MAX], perm_addr[DEVICE_ADDR_MAX];
	struct list multicast;                /* link-layer groups, counted; mc_lock */
	struct spinlock mc_lock;
	const struct net_device_ops *ops;     /* [I] */
	const struct header_ops *header;      /* [I] NULL: none (tun, raw IP) */
	struct net *net;                      /* not counted; changes only while down, under both configs */
	struct in_device *ip4;                /* RCU; net->config to change */
	struct in6_device *ip6;
	struct list taps;                     /* packet_tap.node, RCU; net->config */
	struct net_device *master;            /* bridge; counted; RCU */
	/* A master's or VLAN's look at what comes in, before the protocols: true if it took @p. Receive context,
	 * RCU. */
	bool (*rx_handler)(struct net_device *d, struct packet *p);
	void *rx_handler_data;
	struct device_stats *stats;           /* per CPU; device_count() */
	struct tx_queue *tx;                  /* [I] nr_tx of them */
	u32 nr_tx, nr_rx;
	u32 tx_queue_len;                     /* packets that wait at most: txqueuelen */
	_Atomic bool carrier;
	u8 operstate;                         /* IF_OPER_*; net->config */
	const char *kind;                     /* IFLA_INFO_KIND: "veth", "bridge" ...; NULL: a real one */
	void *driver;                         /* the driver's own */
	struct device dev;                    /* sysfs: class net */
	struct refcount refs;
	struct list node;                     /* net->devices */
};

/*
 * Registers @d (name may hold "%d") in @net: 0, -EEXIST, -EINVAL (name), -ENOMEM. Notifies NETDEV_REGISTER.
 * net->config held. ether_setup() and device_setup() fill what is common before.
 */
int device_register(struct net_device *d, struct net *net);
/* Out of its namespace, down, everything that refers to it flushed; then its reference is dropped. net->config
 * held; may sleep. */
void device_unregister(struct net_device *d);
void device_setup(struct net_device *d, u32 nr_tx, u32 nr_rx);
void ether_setup(struct net_device *d);
extern const struct header_ops eth_header_ops;

enum net_event {
	NETDEV_REGISTER, NETDEV_UP, NETDEV_GOING_DOWN, NETDEV_DOWN, NETDEV_CHANGE /* carrier, flags */, NETDEV_MTU,
	NETDEV_ADDR, NETDEV_NAME, NETDEV_UNREGISTER,
};

/* By name or index: not counted, inside rcu_read_lock() or net->config; _get: counted. NULL. */
struct net_device *device_by_index(struct net *net, int ifindex);
struct net_device *device_by_name(struct net *net, const char *name);
struct net_device *device_get_by_index(struct net *net, int ifindex);
void device_get(struct net_device *d);
void device_put(struct net_device *d);

/* IFF_UP and others, MTU, address, name: check, do, notify. 0 or -errno. net->config held. */
int device_change_flags(struct net_device *d, u32 flags, u32 mask);
int device_set_mtu(struct net_device *d, u32 mtu);
int device_set_mac(struct net_device *d, const u8 *addr);
int device_rename(struct net_device *d, const char *name);
/* Wants all frames (@by 1), or not any more (-1): counted. */
void device_promiscuity(struct net_device *d, int by);
void device_set_carrier(struct net_device *d, bool on);      /* any but interrupt context */
int device_multicast(struct net_device *d, const u8 *addr, bool add);

/* In: a frame as the wire had it (mac header at ->data; ->dev set). Receive context; owns @p. */
void device_receive(struct packet *p);
/* The same, merged with its flow's neighbours first (GRO); device_receive_flush() at the poll's end. */
void device_receive_merge(struct packet *p);
void device_receive_flush(void);
/* Out: ->dev set, link header in place. Owns @p. 0, or -ENOBUFS: dropped, the sender may hear of it. Any but
 * interrupt context. */
int device_send(struct packet *p);
/* For drivers: the ring is full, has room again. */
void tx_queue_stop(struct net_device *d, u32 queue);
void tx_queue_wake(struct net_device *d, u32 queue);

/* IFF_* as user space sees them: with IFF_RUNNING and IFF_LOWER_UP. */
u32 device_flags(const struct net_device *d);
void device_get_stats(const struct net_device *d, struct device_stats *out);
/* Adds to a counter of this CPU's. Not from interrupts. */
#define device_count(d, field, n) ((d)->stats[cpu_id()].field += (n))
/* SIOCGIF..., SIOCSIF... of devices, for sockets of any family: a long as ioctl(2), -ENOTTY: not one of these. May
 * sleep. */
long device_ioctl(struct net *net, unsigned int cmd, unsigned long arg);
/* All who listen hear of it; net->config held. */
void device_notify(struct net_device *d, enum net_event e);
int loopback_init(struct net *net);

static inline bool device_up(const struct net_device *d)
{
	return atomic_load_explicit(&d->flags, memory_order_relaxed) & IFF_UP;
}

/* ---- who gets what came in ---- */

/* A protocol above Ethernet types: SECTION_SET(packet_types, x). @receive owns @p; ->network is set, ->data there. */
struct packet_type {
	u16 protocol;                         /* ETH_P_*, host order */
	void (*receive)(struct packet *p);    /* receive context, inside rcu_read_lock() */
};
/* A tap sees a clone of everything that goes in or out (net/packet). @dev NULL: of all devices of its namespace. */
struct packet_tap {
	struct list node;
	/* Not its own: it clones what it wants. Any but interrupt context. */
	void (*see)(struct packet_tap *t, struct packet *p);
	u16 protocol;                         /* ETH_P_ALL or one */
	struct net_device *dev;
	struct net *net;
};
void packet_tap_add(struct packet_tap *t);    /* net->config held */
void packet_tap_remove(struct packet_tap *t); /* and waits for RCU */

/* ---- what happens to devices: enum net_event ---- */

/* SECTION_SET(net_listeners, x); called in rank order with net->config held; may sleep. */
struct net_listener {
	int rank;
	void (*event)(struct net_device *d, enum net_event e);
};
