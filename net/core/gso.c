// SPDX-License-Identifier: MIT
/*
 * Cutting a large packet into segments: what a device without TSO would have done.
 *
 * A GSO packet has one set of headers before up to 64 KiB of payload. Each
 * segment gets a copy of the headers and a slice of the payload (pages
 * shared), and then what differs:
 *
 *	IPv4   total length, identification + i (RFC 6864: any, as DF is set; Linux counts up), header checksum
 *	IPv6   payload length
 *	TCP    sequence number + i * gso_size; CWR in the first only (RFC 3168 6.1.2), FIN and PSH in the last only
 *	UDP    length (UDP_SEGMENT, udp(7))
 *	sum    CSUM_PARTIAL again: the field's pseudo-header sum with the new length
 *
 * The headers are checked here once more: a packet may come from a tun device or
 * another machine.  Tests: tests/net/packet.c.
 */
#include <linux/in.h>
#include <tarn/errno.h>
#include <tarn/string.h>
#include "packet_int.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

struct cut {
	struct packet *p;
	u32 headers;          /* bytes before the payload, from ->data */
	u32 transport;        /* of these, where the transport's begin */
	u32 network;
	bool v4, udp;
};

static bool cut_headers(struct packet *p, struct cut *c)
{
	u32 at = packet_offset(p), size;
	u8 *th;

	if (p->transport == NO_HEADER || p->network == NO_HEADER || p->network < at ||
	    p->transport < p->network + 20u)
		return false;
	c->network = p->network - at;
	c->transport = p->transport - at;
	if (!packet_need(p, c->transport + (c->udp ? 8 : 20)))
		return false;
	th = packet_header(p, p->transport);
	size = c->udp ? 8 : (u32)(th[12] >> 4) * 4;
	c->headers = c->transport + size;
	return size >= (c->udp ? 8 : 20) && packet_need(p, c->headers);
}

/* True if @p may be cut: known kind, right headers, a checksum state that can be carried over. */
static bool cut_check(struct packet *p, struct cut *c)
{
	u8 version;

	c->p = p;
	c->udp = p->gso_type == GSO_UDP;
	if (p->gso_type == GSO_NONE || !p->gso_size || p->csum_state != CSUM_PARTIAL ||
	    !cut_headers(p, c))
		return false;
	if (p->csum_start != p->transport || p->csum_offset != (c->udp ? 6 : 16))
		return false;
	version = packet_header(p, p->network)[0];
	c->v4 = version >> 4 == 4;
	if (c->v4)
		return p->gso_type != GSO_TCP6 &&
		       p->network + (version & 15) * 4u == p->transport &&
		       packet_header(p, p->network)[9] == (c->udp ? IPPROTO_UDP : IPPROTO_TCP);
	return version >> 4 == 6 && p->gso_type != GSO_TCP4 && p->transport >= p->network + 40u;
}

static void fix_v4(u8 *h, u32 header_len, u32 len, u32 index)
{
	u16 sum;

	put_be16(h + 2, (u16)len);
	put_be16(h + 4, (u16)(get_be16(h + 4) + index));
	h[10] = h[11] = 0;
	sum = csum_fold(csum_bytes(h, header_len, 0));
	memcpy(h + 10, &sum, sizeof(sum));
}

/* The pseudo-header's sum in the field, which has the whole packet's length in it, gets the segment's. */
static void fix_pseudo(u8 *field, u32 whole, u32 part)
{
	u16 was = cpu_to_be16((u16)whole).raw, is = cpu_to_be16((u16)part).raw, sum;

	memcpy(&sum, field, sizeof(sum));
	sum = csum_fold16((u32)sum + (u16)~was + is);
	memcpy(field, &sum, sizeof(sum));
}

static void fix_tcp(u8 *th, u32 offset, bool first, bool last)
{
	put_be32(th + 4, get_be32(th + 4) + offset);
	if (!first)
		th[13] &= (u8)~TCP_CWR;
	if (!last)
		th[13] &= (u8) ~(TCP_FIN | TCP_PSH);
}

/* Headers for the segment with payload from @offset on, which @s holds. */
static void finish_segment(const struct cut *c, struct packet *s, u32 index, u32 offset)
{
	struct packet *p = c->p;
	u32 part = s->len, at = PACKET_HEADROOM - c->headers;
	u8 *h = packet_push(s, c->headers), *th = h + c->transport;
	bool last = offset + part == p->len - c->headers;

	memcpy(h, p->data, c->headers);
	if (c->v4)
		fix_v4(h + c->network, c->transport - c->network, s->len - c->network, index);
	else
		put_be16(h + c->network + 4, (u16)(s->len - c->network - 40));
	if (c->udp)
		put_be16(th + 4, (u16)(s->len - c->transport));
	else
		fix_tcp(th, offset, !index, last);
	fix_pseudo(th + p->csum_offset, p->len - c->transport, s->len - c->transport);
	s->network = (u16)(at + c->network);
	s->transport = s->csum_start = (u16)(at + c->transport);
	s->mac = p->mac == NO_HEADER ? NO_HEADER : (u16)(p->mac - packet_offset(p) + at);
	s->csum_state = CSUM_PARTIAL;
	s->csum_offset = p->csum_offset;
}

static void inherit(struct packet *s, const struct packet *p)
{
	s->protocol = p->protocol;
	s->pkt_type = p->pkt_type;
	s->hash = p->hash;
	s->mark = p->mark;
	s->priority = p->priority;
	s->vlan_tci = p->vlan_tci;
	s->vlan_present = p->vlan_present;
	s->dev = p->dev;
	s->stamp = p->stamp;
	memcpy(s->cb, p->cb, sizeof(s->cb));
}

static int cut_all(const struct cut *c, struct list *out)
{
	struct packet *p = c->p;
	u32 payload = p->len - c->headers;

	for (u32 offset = 0, i = 0; offset < payload; offset += p->gso_size, i++) {
		u32 part = MIN((u32)p->gso_size, payload - offset);
		struct packet *s = packet_slice(p, c->headers + offset, part, GFP_ATOMIC);

		if (!s)
			return -ENOMEM;
		inherit(s, p);
		finish_segment(c, s, i, offset);
		list_add_tail(out, &s->node);
	}
	return 0;
}

int packet_segment(struct packet *p, struct list *out)
{
	struct list made = LIST_INIT(made);
	struct packet *s;
	struct cut c;
	int err = -EINVAL;

	if (cut_check(p, &c) && c.headers <= PACKET_HEADROOM && c.headers < p->len)
		err = cut_all(&c, &made);
	while (err && (s = list_first(&made, struct packet, node)) != NULL) {
		list_del(&s->node);
		packet_free(s);
	}
	list_splice_tail(out, &made);
	packet_free(p);
	return err;
}
