// SPDX-License-Identifier: MIT
/*
 * Ethernet's header (IEEE 802.3): 6 bytes whom to, 6 whom from, 2 what.
 *
 * A type below 0x600 is a length: then an 802.2 frame follows, which only taps want. One VLAN
 * tag (802.1Q) is taken off and kept beside the packet.  An address whose first byte is odd is a group's.
 */
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <tarn/errno.h>
#include <tarn/net/device.h>
#include <tarn/string.h>

#define LOWEST_TYPE 0x600
#define TX_QUEUE_LEN 1000u

static int eth_create(struct packet *p, struct net_device *d, u16 protocol, const u8 *daddr,
		      const u8 *saddr)
{
	u8 *h;

	if (packet_offset(p) < ETH_HLEN)
		return -ENOBUFS;
	h = packet_push(p, ETH_HLEN);
	memcpy(h, daddr, ETH_ALEN);
	memcpy(h + 6, saddr ? saddr : d->addr, ETH_ALEN);
	put_be16(h + 12, protocol);
	p->mac = packet_offset(p);
	p->protocol = protocol;
	return 0;
}

static u8 kind_of(const struct net_device *d, const u8 *daddr)
{
	if (daddr[0] & 1)
		return memcmp(daddr, d->broadcast, ETH_ALEN) ? PACKET_MULTICAST : PACKET_BROADCAST;
	return memcmp(daddr, d->addr, ETH_ALEN) ? PACKET_OTHERHOST : PACKET_HOST;
}

/* The tag goes, and the addresses move up to the type. */
static bool take_vlan(struct packet *p)
{
	u8 *h;

	if (!packet_need(p, ETH_HLEN + 4))
		return false;
	h = p->data;
	p->vlan_tci = get_be16(h + 14);
	p->vlan_present = true;
	memmove(h + 4, h, 12);
	packet_pull(p, 4);
	return true;
}

static bool eth_parse(struct packet *p, struct net_device *d)
{
	u16 type;

	if (!packet_need(p, ETH_HLEN))
		return false;
	p->pkt_type = kind_of(d, p->data);
	type = get_be16(p->data + 12);
	if (type == ETH_P_8021Q && !p->vlan_present) {
		if (!take_vlan(p))
			return false;
		type = get_be16(p->data + 12);
	}
	p->mac = packet_offset(p);
	p->protocol = type < LOWEST_TYPE ? ETH_P_802_2 : type;
	packet_pull(p, ETH_HLEN);
	return true;
}

const struct header_ops eth_header_ops = { .create = eth_create, .parse = eth_parse };

void ether_setup(struct net_device *d)
{
	d->type = ARPHRD_ETHER;
	d->addr_len = ETH_ALEN;
	d->header_len = ETH_HLEN;
	d->mtu = ETH_DATA_LEN;
	d->min_mtu = ETH_MIN_MTU;
	d->max_mtu = ETH_DATA_LEN;
	d->header = &eth_header_ops;
	d->tx_queue_len = TX_QUEUE_LEN;
	memset(d->broadcast, 0xff, ETH_ALEN);
	atomic_store(&d->flags, IFF_BROADCAST | IFF_MULTICAST);
}
