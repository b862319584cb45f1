// SPDX-License-Identifier: MIT
/*
 * ARP (RFC 826): IPv4's question who has an address on an Ethernet.
 *
 * We answer for our own addresses of any device (arp_ignore 0, as Linux does), and for those that permanent proxy
 * entries name. A question tells of its sender, too: it is learned if it asked us. Answers nobody waits for
 * change only neighbours that are known already.
 */
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include "inet_internal.h"

static void arp_send(struct net_device *d, u16 op, be32 sender_ip, be32 target_ip,
		     const u8 *target_hw, const u8 *to)
{
	struct packet *p;
	struct arp_header *h;

	if (d->flags & (IFF_NOARP | IFF_LOOPBACK) || d->addr_len != 6 || !d->header)
		return;
	p = packet_alloc(GFP_ATOMIC);
	if (!p)
		return;
	h = packet_put(p, sizeof(*h));
	p->network = packet_offset(p);
	p->protocol = ETH_P_ARP;
	p->dev = d;
	*h = (struct arp_header){ .hw_type = cpu_to_be16(ARPHRD_ETHER), .protocol = cpu_to_be16(ETH_P_IP), .hw_len = 6,
				  .protocol_len = 4, .op = cpu_to_be16(op) };
	memcpy(h->sender_hw, d->addr, 6);
	memcpy(h->sender_ip, &sender_ip, 4);
	if (target_hw)
		memcpy(h->target_hw, target_hw, 6);
	memcpy(h->target_ip, &target_ip, 4);
	if (d->header->create(p, d, ETH_P_ARP, to ? to : d->broadcast, NULL))
		packet_free(p);
	else
		device_send(p);
}

void arp_solicit(struct net_device *d, const struct inet_addr *addr, const u8 *hw)
{
	struct inet_addr src;
	bool have;

	rcu_read_lock();
	have = inet_select_source(d->net, d, addr, RT_SCOPE_LINK, &src);
	rcu_read_unlock();
	if (have)
		arp_send(d, ARPOP_REQUEST, addr_v4(&src), addr_v4(addr), NULL, hw);
}

static bool valid(struct packet *p, const struct arp_header *h)
{
	struct net_device *d = p->dev;

	return d->addr_len == 6 && !(d->flags & (IFF_NOARP | IFF_LOOPBACK)) &&
	       p->pkt_type != PACKET_OTHERHOST &&
	       (be16_to_cpu(h->hw_type) == ARPHRD_ETHER ||
		be16_to_cpu(h->hw_type) == ARPHRD_IEEE802) &&
	       be16_to_cpu(h->protocol) == ETH_P_IP && h->hw_len == 6 && h->protocol_len == 4;
}

static void learn(struct net_device *d, const struct inet_addr *who, const u8 *hw, bool make,
		  bool reply, bool to_us)
{
	struct neigh *n = make ? neigh_get_or_make(d, who) : neigh_find(d, who);

	if (!n)
		return;
	/* An address that was heard of less than a second ago is not replaced: two hosts that claim it would fight. */
	neigh_update(n, hw, reply && to_us ? NUD_REACHABLE : NUD_STALE,
		     !(n->state & NUD_VALID_) || net_now() - n->updated > NSEC_PER_SEC);
	neigh_put(n);
}

static bool proxied(struct net_device *d, const struct inet_addr *a)
{
	struct neigh *n = neigh_find(d, a);
	bool yes = n && n->flags & NTF_PROXY && n->state & NUD_PERMANENT;

	if (n)
		neigh_put(n);
	return yes;
}

static void arp_receive(struct packet *p)
{
	struct net_device *d = p->dev;
	struct arp_header h;
	struct inet_addr sender, target;
	bool for_us;
	u16 op;

	if (!packet_need(p, sizeof(h))) {
		packet_free(p);
		return;
	}
	memcpy(&h, p->data, sizeof(h));
	op = be16_to_cpu(h.op);
	sender = addr_from_v4(be32_at(h.sender_ip));
	target = addr_from_v4(be32_at(h.target_ip));
	if (!valid(p, &h) || !inet_dev(d, false) || (op != ARPOP_REQUEST && op != ARPOP_REPLY) ||
	    addr_is_multicast(&target) || addr_is_loopback(&target) || addr_is_multicast(&sender) ||
	    h.sender_hw[0] & 1) {
		packet_free(p);
		return;
	}
	for_us = inet_addr_is_local(d->net, &target, NULL);
	if (op == ARPOP_REQUEST && (for_us || proxied(d, &target)) && !addr_is_loopback(&target))
		arp_send(d, ARPOP_REPLY, addr_v4(&target), addr_v4(&sender), h.sender_hw,
			 h.sender_hw);
	if (!addr_is_any(&sender) && !inet_addr_is_local(d->net, &sender, NULL))
		learn(d, &sender, h.sender_hw, op == ARPOP_REQUEST && for_us, op == ARPOP_REPLY,
		      p->pkt_type == PACKET_HOST);
	packet_free(p);
}

static const struct packet_type arp_type = { .protocol = ETH_P_ARP, .receive = arp_receive };
SECTION_SET(packet_types, arp_type);
