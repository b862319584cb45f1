// SPDX-License-Identifier: MIT
/*
 * virtio-net (virtio 1.1, 5.1): one pair of queues; checksums and TCP segmentation left to the device both ways.
 *
 * Receiving. The ring is kept full of whole frames (4 KiB). With MRG_RXBUF a packet takes as many as it
 * needs and its first one says how many; without, GUEST_TSO is not asked for and a frame is enough. A small packet is
 * copied into its struct and its frame goes back to the ring, a larger one keeps its frames. What the device
 * writes is not believed: lengths, the number of buffers and the offsets of checksums are checked here.
 *
 * One poll serves both queues: the interrupt only schedules it; the ring's events stay off while it works, and
 * after switching them on it looks once more (queue.c's virtq_enable_cb()).
 *
 * Sending. The header of 12 bytes lies in the packet's scratch space, a descriptor of its own. Finished packets are
 * collected by the next send, by the poll, or by a timer when neither comes: the interrupt is on
 * only while the ring is full.
 *
 * Locks: the receive ring belongs to the poll, the transmit ring to the device's transmit queue lock.
 * Not used: the control queue (the device then passes all frames; those for others are told by their address), more
 * pairs of queues. Tests: tests/system/test_network.py.
 */
#include <arch/mmu.h>
#include <linux/if_ether.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/printk.h>
#include <tarn/random.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/virtio.h>
#include <tarn/work.h>

#define HEADER 12u                    /* struct virtio_net_hdr_v1 */
#define COPY_BELOW PACKET_INLINE
#define MAX_PIECES 32u
#define FREE_TO_WAKE 48u              /* descriptors free again before a stopped queue goes on */
#define REAP_AFTER (8 * NSEC_PER_MSEC)
#define REFILL_AFTER (20 * NSEC_PER_MSEC)
_Static_assert(sizeof(struct virtio_net_hdr_v1) == HEADER, "virtio 1.1, 5.1.6");

struct vnet {
	struct net_device d;
	struct virtio_dev *v;         /* [I] */
	struct virtq *rx, *tx;        /* [I] */
	struct rx_poll poll;
	struct net_timer timer;       /* reaps sends, refills: armed by the poll and by transmit */
	struct work changed;          /* the configuration did */
	u32 tx_out;                   /* packets that the device has: d.tx[0].lock */
	u32 rx_posted;                /* frames that it has: the poll's */
	bool mergeable;               /* [I] */
};

/* ---- sending ---- */

static void reap(struct vnet *n) MUST_HOLD(&n->d.tx[0].lock)
{
	struct packet *p;

	while ((p = virtq_get(n->tx, NULL)) != NULL) {
		n->tx_out--;
		packet_free(p);
	}
}

static void fill_header(struct packet *p, struct virtio_net_hdr_v1 *h)
{
	static const u8 kinds[] = {
		[GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4, [GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6
	};
	u16 at = packet_offset(p);

	*h = (struct virtio_net_hdr_v1){ 0 };
	if (p->csum_state == CSUM_PARTIAL) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = p->csum_start - at;
		h->csum_offset = p->csum_offset;
	}
	if (p->gso_type == GSO_TCP4 || p->gso_type == GSO_TCP6) {
		h->gso_type = kinds[p->gso_type];
		h->gso_size = p->gso_size;
		h->hdr_len = p->transport != NO_HEADER && p->transport >= at
				     ? (u16)(p->transport - at + 20)
				     : 0;
	}
}

/* One descriptor for the header, one for each piece of the packet: their number, 0: too many. */
static u32 describe(struct packet *p, struct virtq_buf *bufs)
{
	u32 n = 1;

	bufs[0] = (struct virtq_buf){ virt_to_phys(p->cb), HEADER };
	for (struct packet *q = p; q; q = q->more) {
		if (n + 1 + q->nr_frags > MAX_PIECES)
			return 0;
		if (q->head_len)
			bufs[n++] = (struct virtq_buf){ virt_to_phys(q->data), q->head_len };
		for (u32 i = 0; i < q->nr_frags; i++)
			bufs[n++] = (struct virtq_buf){
				page_phys(q->frags[i].page) + q->frags[i].offset, q->frags[i].len
			};
	}
	return n;
}

/* The ring is full: an interrupt is asked for, unless something was finished by now. */
static bool must_wait(struct vnet *n, u32 need) MUST_HOLD(&n->d.tx[0].lock)
{
	tx_queue_stop(&n->d, 0);
	if (virtq_enable_cb(n->tx))
		return true;
	virtq_disable_cb(n->tx);
	reap(n);
	if (virtq_free_slots(n->tx) < need) {
		virtq_enable_cb(n->tx);
		rx_schedule(&n->poll);
		return true;
	}
	atomic_store(&n->d.tx[0].stopped, false);
	return false;
}

static int vnet_transmit(struct net_device *d, struct packet *p, u32 queue) NO_LOCK_CHECK /* d->tx[0].lock is held */
{
	struct vnet *n = container_of(d, struct vnet, d);
	struct virtq_buf bufs[MAX_PIECES];
	u32 need, len = p->len;

	reap(n);
	need = describe(p, bufs);
	if (need && virtq_free_slots(n->tx) < need && must_wait(n, need))
		return TX_BUSY;
	fill_header(p, packet_cb(p, struct virtio_net_hdr_v1));
	if (!need || virtq_add(n->tx, bufs, need, 0, p)) {
		device_count(d, tx_errors, 1);
		packet_free(p);
		return TX_OK;
	}
	virtq_kick(n->tx);
	n->tx_out++;
	device_count(d, tx_packets, 1);
	device_count(d, tx_bytes, len);
	if (!net_timer_armed(&n->timer))
		net_timer_arm(&n->timer, net_now() + REAP_AFTER);
	return TX_OK;
}

/* True: packets are still out. */
static bool collect(struct vnet *n) NO_LOCK_CHECK
{
	bool wake, left;

	spin_lock(&n->d.tx[0].lock);
	reap(n);
	wake = atomic_load(&n->d.tx[0].stopped) && virtq_free_slots(n->tx) >= FREE_TO_WAKE;
	if (wake)
		virtq_disable_cb(n->tx);
	else if (atomic_load(&n->d.tx[0].stopped) && !virtq_enable_cb(n->tx))
		rx_schedule(&n->poll);
	left = n->tx_out;
	spin_unlock(&n->d.tx[0].lock);
	if (wake)
		tx_queue_wake(&n->d, 0);
	return left;
}

/* ---- receiving ---- */

static bool post(struct vnet *n, struct page *page)
{
	struct virtq_buf buf = { page_phys(page), PAGE_SIZE };

	if (virtq_add(n->rx, &buf, 0, 1, page)) {
		page_put(page);
		return false;
	}
	n->rx_posted++;
	return true;
}

static void refill(struct vnet *n)
{
	struct page *page;
	bool any = false;

	while (virtq_free_slots(n->rx) && !virtq_broken(n->rx)) {
		page = page_alloc(GFP_ATOMIC, 0, PS_KERNEL);
		if (!page || !post(n, page))
			break;
		any = true;
	}
	if (any)
		virtq_kick(n->rx);
	if (n->rx_posted < virtq_free_slots(n->rx) && !net_timer_armed(&n->timer))
		net_timer_arm(&n->timer, net_now() + REFILL_AFTER); /* no memory: try later */
}

static struct page *take(struct vnet *n, u32 *len)
{
	struct page *page = virtq_get(n->rx, len);

	if (page)
		n->rx_posted--;
	return page;
}

/* The header's promises about the packet, checked; p->data is the frame's first byte. */
static bool apply_header(struct packet *p, const struct virtio_net_hdr_v1 *h)
{
	u32 field = (u32)h->csum_start + h->csum_offset + 2,
	    gso = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (h->csum_start < ETH_HLEN || field > p->len || !packet_need(p, field))
			return false;
		p->csum_state = CSUM_PARTIAL;
		p->csum_start = (u16)(packet_offset(p) + h->csum_start);
		p->csum_offset = h->csum_offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		p->csum_state = CSUM_VALID;
	}
	if (gso == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if ((gso != VIRTIO_NET_HDR_GSO_TCPV4 && gso != VIRTIO_NET_HDR_GSO_TCPV6) || !h->gso_size ||
	    p->csum_state != CSUM_PARTIAL || h->csum_offset != 16)
		return false;
	p->gso_type = gso == VIRTIO_NET_HDR_GSO_TCPV4 ? GSO_TCP4 : GSO_TCP6;
	p->gso_size = h->gso_size;
	p->gso_segs = (u16)DIV_ROUND_UP(p->len, p->gso_size);
	return true;
}

/* The first frame's bytes behind the header: copied if they are few, else the frame itself. */
static void add_first(struct vnet *n, struct packet *p, struct page *page, u32 len)
{
	const u8 *data = (u8 *)page_address(page) + HEADER;
	u32 bytes = len - HEADER;

	if (bytes <= COPY_BELOW) {
		memcpy(packet_put(p, bytes), data, bytes);
		post(n, page);
	} else if (!packet_add_page(p, page, HEADER, bytes)) {
		page_put(page);
	}
}

/* The other frames of a packet. All are taken, also if it is lost: the count says what belongs together. */
static bool add_rest(struct vnet *n, struct packet *p, u32 buffers)
{
	bool ok = true;
	u32 len;

	while (--buffers) {
		struct page *page = take(n, &len);

		if (!page)
			return false;
		if (!ok || !p || !len || len > PACKET_MAX - p->len ||
		    !packet_add_page(p, page, 0, len)) {
			page_put(page);
			ok = false;
		}
	}
	return ok;
}

/* One packet whose first frame is @page; NULL: bad, or no memory. */
static struct packet *gather(struct vnet *n, struct page *page, u32 len)
{
	struct virtio_net_hdr_v1 h;
	struct packet *p = packet_alloc(GFP_ATOMIC);
	u32 buffers;
	bool ok;

	memcpy(&h, page_address(page), sizeof(h));
	buffers = n->mergeable && len >= HEADER ? h.num_buffers : 1;
	ok = p && len >= HEADER + ETH_HLEN && buffers;
	if (ok)
		add_first(n, p, page, len);
	else
		post(n, page);
	if (buffers > 1)
		ok = add_rest(n, ok ? p : NULL, MIN(buffers, PACKET_FRAGS + 1)) && ok;
	if (ok && apply_header(p, &h))
		return p;
	packet_free(p);
	return NULL;
}

static int receive(struct vnet *n, int budget)
{
	struct page *page;
	int done = 0;
	u32 len;

	while (done < budget && (page = take(n, &len)) != NULL) {
		struct packet *p = gather(n, page, len);

		done++;
		if (!p) {
			device_count(&n->d, rx_errors, 1);
			continue;
		}
		p->dev = &n->d;
		device_receive_merge(p);
	}
	return done;
}

static int vnet_poll(struct rx_poll *r, int budget)
{
	struct vnet *n = container_of(r, struct vnet, poll);
	int done = 0;

	collect(n);
	do {
		virtq_disable_cb(n->rx);
		done += receive(n, budget - done);
		refill(n);
	} while (done < budget && !virtq_enable_cb(n->rx));
	device_receive_flush();
	return done;
}

/* Any interrupt of ours, and the timer: the poll looks at everything. */
static void vnet_interrupt(struct virtq *q)
{
	rx_schedule(&((struct vnet *)virtq_private(q))->poll);
}

static void vnet_timer(struct net_timer *t)
{
	struct vnet *n = container_of(t, struct vnet, timer);

	if (collect(n))
		net_timer_arm(t, net_now() + REAP_AFTER);
	rx_schedule(&n->poll);
}

/* ---- the device ---- */

static int vnet_open(struct net_device *d)
{
	struct vnet *n = container_of(d, struct vnet, d);

	rx_enable(&n->poll);
	rx_schedule(&n->poll); /* fills the ring */
	return 0;
}

static void vnet_stop(struct net_device *d)
{
	rx_disable(&container_of(d, struct vnet, d)->poll);
}

static const struct net_device_ops vnet_ops = {
	.open = vnet_open,
	.stop = vnet_stop,
	.transmit = vnet_transmit,
};

static bool link_is_up(struct vnet *n)
{
	u16 status = VIRTIO_NET_S_LINK_UP;

	if (n->v->features & BIT(VIRTIO_NET_F_STATUS))
		n->v->ops->config_read(n->v, offsetof(struct virtio_net_config, status), &status,
				       sizeof(status));
	return status & VIRTIO_NET_S_LINK_UP;
}

static void vnet_changed(struct work *w)
{
	struct vnet *n = container_of(w, struct vnet, changed);
	bool up = link_is_up(n);

	mutex_lock(&n->d.net->config);
	if (up != atomic_load(&n->d.carrier)) {
		device_set_carrier(&n->d, up);
		device_notify(&n->d, NETDEV_CHANGE);
	}
	mutex_unlock(&n->d.net->config);
}

static void config_interrupt(struct virtio_dev *v)
{
	work_queue(&((struct vnet *)v->driver)->changed);
}

static void read_config(struct vnet *n)
{
	struct net_device *d = &n->d;
	u16 mtu = ETH_DATA_LEN;

	if (n->v->features & BIT(VIRTIO_NET_F_MAC)) {
		n->v->ops->config_read(n->v, offsetof(struct virtio_net_config, mac), d->addr,
				       ETH_ALEN);
	} else {
		random_bytes(d->addr, ETH_ALEN);
		d->addr[0] = (u8)((d->addr[0] & 0xfe) | 2); /* locally administered, one host's */
	}
	memcpy(d->perm_addr, d->addr, ETH_ALEN);
	if (n->v->features & BIT(VIRTIO_NET_F_MTU))
		n->v->ops->config_read(n->v, offsetof(struct virtio_net_config, mtu), &mtu,
				       sizeof(mtu));
	if (mtu >= ETH_MIN_MTU && (mtu <= ETH_DATA_LEN || n->mergeable))
		d->mtu = d->max_mtu = mtu;
}

static u32 features_of(u64 f)
{
	u32 nf = NF_SG;

	if (f & BIT(VIRTIO_NET_F_CSUM))
		nf |= NF_CSUM | (f & BIT(VIRTIO_NET_F_HOST_TSO4) ? NF_TSO4 : 0) |
		      (f & BIT(VIRTIO_NET_F_HOST_TSO6) ? NF_TSO6 : 0);
	if (f & BIT(VIRTIO_NET_F_GUEST_CSUM))
		nf |= NF_RXCSUM;
	return nf;
}

static int setup_queues(struct vnet *n)
{
	n->rx = n->v->ops->queue_setup(n->v, 0, vnet_interrupt);
	if (IS_ERR(n->rx))
		return (int)PTR_ERR(n->rx);
	n->tx = n->v->ops->queue_setup(n->v, 1, vnet_interrupt);
	if (IS_ERR(n->tx))
		return (int)PTR_ERR(n->tx);
	virtq_set_private(n->rx, n);
	virtq_set_private(n->tx, n);
	virtq_disable_cb(n->tx);
	return 0;
}

static int start(struct vnet *n)
{
	int err;

	read_config(n);
	device_set_carrier(&n->d, link_is_up(n));
	n->v->driver = n;
	n->v->config_changed = config_interrupt;
	mutex_lock(&init_net.config);
	err = device_register(&n->d, &init_net);
	mutex_unlock(&init_net.config);
	if (!err)
		virtio_device_ready(n->v);
	return err;
}

static int vnet_probe(struct virtio_dev *v)
{
	struct vnet *n = kzalloc(sizeof(*n), GFP_KERNEL);
	int err;

	if (!n)
		return -ENOMEM;
	n->v = v;
	n->mergeable = v->features & BIT(VIRTIO_NET_F_MRG_RXBUF);
	rx_poll_init(&n->poll, vnet_poll);
	net_timer_init(&n->timer, vnet_timer);
	work_init(&n->changed, vnet_changed);
	device_setup(&n->d, 1, 1);
	ether_setup(&n->d);
	memcpy(n->d.name, "eth%d", 6);
	n->d.ops = &vnet_ops;
	n->d.driver = n;
	n->d.dev.parent = &v->dev;
	n->d.features = n->d.hw_features = features_of(v->features);
	err = setup_queues(n);
	if (!err)
		err = start(n);
	if (err)
		kfree(n); /* the device is told that we failed: it uses nothing of ours */
	return err;
}

/* What depends on something else is asked for only with it (5.1.3.1), and large packets only if frames may be
 * merged. */
static u64 choose(u64 offered)
{
	u64 guest = BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6);
	u64 host = BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6);

	if (!(offered & BIT(VIRTIO_NET_F_GUEST_CSUM)) || !(offered & BIT(VIRTIO_NET_F_MRG_RXBUF)))
		offered &= ~guest;
	if (!(offered & BIT(VIRTIO_NET_F_CSUM)))
		offered &= ~host;
	return offered;
}

static const struct virtio_driver virtio_net = {
	.name = "virtio-net",
	.id = VIRTIO_ID_NET,
	.wanted_features = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |
			   BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
			   BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
			   BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
			   BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6),
	.choose = choose,
	.probe = vnet_probe,
};
SECTION_SET(virtio_drivers, virtio_net);
