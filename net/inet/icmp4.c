// SPDX-License-Identifier: MIT
/*
 * ICMP (RFC 792, 1122 3.2.2, 1812 4.3): echo, errors that we send, errors that we get.
 *
 * An error is sent about a first fragment to a host's address from a host's address, never about an
 * error, and within a budget that is partly random: who counts our errors learns nothing (CVE-2020-25705).
 * A received one is believed as far as it quotes a packet from one of our addresses; the transport checks the rest.
 */
#include <linux/icmp.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include "inet_internal.h"

#define QUOTE_MAX 576u          /* RFC 1812 4.3.2.3: the whole error at most */
#define ICMP_PER_SECOND 1000u   /* net.ipv4.icmp_msgs_per_sec */
#define ICMP_BURST 50u

/* ---- the budget ---- */

bool icmp_allowed(struct net *net)
{
	struct inet_net *n = net->inet;
	ktime_t now = net_now();
	bool ok;

	spin_lock(&n->icmp_lock);
	n->icmp_tokens =
		MIN(n->icmp_tokens + (now - n->icmp_filled) / (NSEC_PER_SEC / ICMP_PER_SECOND),
		    (u64)ICMP_BURST);
	n->icmp_filled = now - (now - n->icmp_filled) % (NSEC_PER_SEC / ICMP_PER_SECOND);
	ok = n->icmp_tokens;
	if (ok)
		n->icmp_tokens -= MIN(n->icmp_tokens, (u64)(inet_random() % 3)); /* 0 to 2: one on average */
	spin_unlock(&n->icmp_lock);
	return ok;
}

/* ---- sending ---- */

static int output4(struct net *net, struct packet *p, struct flow *f, u8 tos)
{
	struct inet_cork cork = { .tos = tos, .pmtudisc = IP_PMTUDISC_DONT };
	struct icmp_header *h = (void *)p->data;
	struct route *r;
	u32 sum;
	int err;

	h->csum.raw = 0;
	sum = packet_csum(p, 0, p->len, 0);
	h->csum.raw = inet_fold(sum);
	p->csum_state = CSUM_NONE;
	p->transport = packet_offset(p);
	f->protocol = IPPROTO_ICMP;
	r = route_out(net, f);
	if (IS_ERR(r)) {
		packet_free(p);
		return (int)PTR_ERR(r);
	}
	inet_count(net, false, ICMP_OUT_MSGS);
	err = inet_send(net, p, r, f, &cork);
	route_put(r);
	return err;
}

/* May an error be sent about the packet with header @h? */
static bool may_complain(struct net *net, struct packet *about, const struct ip4_header *h,
			 const u8 *transport, u32 have)
{
	struct inet_addr src = addr_from_v4(h->src), dst = addr_from_v4(h->dst);

	if (about->pkt_type == PACKET_BROADCAST || about->pkt_type == PACKET_MULTICAST)
		return false;
	if (addr_is_any(&src) || addr_is_multicast(&src) || addr_is_multicast(&dst) ||
	    be16_to_cpu(h->frag) & IP4_OFFSET || inet_addr_is_broadcast(net, &dst, NULL) ||
	    inet_addr_is_broadcast(net, &src, NULL))
		return false;
	if (h->protocol == IPPROTO_ICMP) /* only about requests and replies of echo, timestamp, mask */
		return have >= 1 &&
		       (transport[0] == ICMP_ECHO || transport[0] == ICMP_ECHOREPLY ||
			(transport[0] >= ICMP_TIMESTAMP && transport[0] <= ICMP_ADDRESSREPLY));
	return true;
}

/* From the network header on, whatever ->data points at now. NULL: the header is not there. */
static const u8 *quoted_start(struct packet *about, u32 *linear, u32 *extra)
{
	u8 *start = packet_header(about, about->network);

	if (about->network == NO_HEADER || start > about->data + about->head_len)
		return NULL;
	*linear = (u32)(about->data + about->head_len - start);
	*extra = about->len - about->head_len;
	return start;
}

/* Appends up to @max bytes of @about, from its network header on, to @p. */
void icmp_quote(struct packet *p, struct packet *about, u32 max)
{
	u32 linear, extra, n;
	const u8 *start = quoted_start(about, &linear, &extra);
	u8 *to;

	if (!start)
		return;
	n = MIN(linear, max);
	to = packet_put(p, n);
	if (!to) { /* longer than the linear part: as much as fits */
		n = MIN(n, 128u);
		to = packet_put(p, n);
		if (!to)
			return;
		memcpy(to, start, n);
		return;
	}
	memcpy(to, start, n);
	n = MIN(extra, max - n);
	to = n ? packet_put(p, n) : NULL;
	if (to)
		packet_read(about, about->head_len, to, n);
}

void icmp4_send(struct net *net, struct packet *about, u8 type, u8 code, u32 info)
{
	u32 linear, extra, hlen;
	const u8 *start = quoted_start(about, &linear, &extra);
	const struct ip4_header *h = (void *)start;
	struct flow f = { 0 };
	struct icmp_header *ih;
	struct packet *p;

	if (!start || linear < 20)
		return;
	hlen = (h->version_ihl & 15u) * 4;
	if (hlen < 20 || hlen > linear || !may_complain(net, about, h, start + hlen, linear - hlen))
		return;
	if (about->dev && !(about->dev->flags & IFF_LOOPBACK) && !icmp_allowed(net)) {
		inet_count(net, false, ICMP_OUT_LIMITED);
		return;
	}
	p = packet_alloc(GFP_ATOMIC);
	if (!p)
		return;
	ih = packet_put(p, sizeof(*ih));
	*ih = (struct icmp_header){ .type = type, .code = code, .info = cpu_to_be32(info) };
	icmp_quote(p, about, QUOTE_MAX - 20 - sizeof(*ih));
	p->mark = about->mark;
	f.dst = addr_from_v4(h->src);
	f.src = addr_from_v4(h->dst);
	if (!inet_addr_is_local(net, &f.src, NULL))
		f.src = addr_from_v4((be32){ 0 });
	inet_count(net, false, ICMP_OUT_ERRORS);
	output4(net, p, &f, (h->tos & 0x1e) | 0xc0 /* internetwork control: RFC 1812 4.3.2.5 */);
}

/* ---- receiving ---- */

/* The request itself goes back, as a reply. */
static void echo(struct net *net, struct packet *p)
{
	struct inet_in in = *packet_cb(p, struct inet_in);
	struct icmp_header *h = (void *)p->data;
	struct flow f = { .dst = in.src, .src = in.dst };

	if (net->inet->conf.echo_ignore_all ||
	    (in.flags & (INET_IN_BROADCAST | INET_IN_MULTICAST) &&
	     net->inet->conf.echo_ignore_broadcasts)) {
		packet_free(p);
		return;
	}
	if (in.flags & (INET_IN_BROADCAST | INET_IN_MULTICAST))
		f.src = addr_from_v4((be32){ 0 });
	packet_orphan(p);
	h->type = ICMP_ECHOREPLY;
	output4(net, p, &f, in.tos);
}

/* RFC 1191 7: routers of old that name no MTU. */
static u32 guess_mtu(u32 old)
{
	static const u16 plateaus[] = {
		32000, 17914, 8166, 4352, 2002, 1492, 576, 296, 216, 128, 68
	};

	for (u32 i = 0; i < ARRAY_SIZE(plateaus); i++)
		if (plateaus[i] < old)
			return plateaus[i];
	return 68;
}

/* Makes ->data the quoted transport header and cb its addresses.  False: no quote of ours. */
static bool take_quote(struct net *net, struct packet *p, u8 *protocol, u32 *total)
{
	const struct ip4_header *q;
	struct inet_in *in = packet_cb(p, struct inet_in);
	u32 hlen;

	packet_pull(p, sizeof(struct icmp_header));
	if (!packet_need(p, sizeof(*q)))
		return false;
	q = (void *)p->data;
	hlen = (q->version_ihl & 15u) * 4;
	if (q->version_ihl >> 4 != 4 || hlen < 20 || be16_to_cpu(q->frag) & IP4_OFFSET ||
	    !packet_need(p, hlen + 8))
		return false;
	q = (void *)p->data;
	in->src = addr_from_v4(q->src);
	in->dst = addr_from_v4(q->dst);
	*protocol = q->protocol;
	*total = be16_to_cpu(q->total);
	if (!inet_addr_is_local(net, &in->src, NULL) || addr_is_multicast(&in->dst))
		return false;
	packet_pull(p, hlen);
	p->transport = packet_offset(p);
	return true;
}

static void error(struct net *net, struct packet *p)
{
	struct icmp_header h = *(struct icmp_header *)p->data;
	u32 info = be32_to_cpu(h.info), total;
	u8 protocol;

	if (!take_quote(net, p, &protocol, &total)) {
		inet_count(net, false, ICMP_IN_ERRORS);
		packet_free(p);
		return;
	}
	if (h.type == ICMP_DEST_UNREACH && h.code == ICMP_FRAG_NEEDED) {
		info &= 0xffff;
		if (info < 68)
			info = guess_mtu(total);
	} else if (h.type == ICMP_PARAMETERPROB) {
		info >>= 24;
	}
	transport_error(net, p, protocol, h.type, h.code, info);
	packet_free(p);
}

static bool checksum_ok(struct packet *p)
{
	if (p->csum_state == CSUM_VALID || p->csum_state == CSUM_PARTIAL)
		return true;
	return !inet_fold(packet_csum(p, 0, p->len, 0));
}

void icmp4_receive(struct net *net, struct packet *p)
{
	const struct icmp_header *h;

	inet_count(net, false, ICMP_IN_MSGS);
	if (!packet_need(p, sizeof(*h)) || !checksum_ok(p)) {
		inet_count(net, false, ICMP_IN_CSUM_ERRORS);
		inet_count(net, false, ICMP_IN_ERRORS);
		packet_free(p);
		return;
	}
	h = (void *)p->data;
	switch (h->type) {
	case ICMP_ECHO:
		echo(net, p);
		return;
	case ICMP_ECHOREPLY:
		ping_receive(net, p, false);
		break;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
	case ICMP_SOURCE_QUENCH:
		error(net, p);
		return;
	}
	packet_free(p); /* redirects are not obeyed, other questions not answered: CAVEATS.md */
}

/* ---- for all ---- */

/* By the version at the network header; v4's words become v6's (RFC 7915 5.2's table, backwards). */
void icmp_send(struct net *net, struct packet *about, u8 type, u8 code, u32 info)
{
	if (about->network == NO_HEADER)
		return;
	if (*packet_header(about, about->network) >> 4 == 4)
		icmp4_send(net, about, type, code, info);
	else if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
		icmp6_send(net, about, 2, 0, info);
	else if (type == ICMP_DEST_UNREACH)
		icmp6_send(net, about, 1,
			   code == ICMP_PORT_UNREACH   ? 4
			   : code == ICMP_HOST_UNREACH ? 3
			   : code == ICMP_PKT_FILTERED ? 1
						       : 0,
			   0);
	else if (type == ICMP_TIME_EXCEEDED)
		icmp6_send(net, about, 3, code, 0);
}

void icmp_port_unreachable(struct net *net, struct packet *about)
{
	icmp_send(net, about, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
}

/* Linux's errors of ip(7) and icmp(7); v6's of RFC 4443 3. */
int icmp_errno(bool v6, u8 type, u8 code, bool *hard)
{
	static const struct {
		u8 err, fatal;
	} v4_codes[] = {
		{ ENETUNREACH, 0 },  { EHOSTUNREACH, 0 }, { ENOPROTOOPT, 1 },  { ECONNREFUSED, 1 },
		{ EMSGSIZE, 0 },     { EOPNOTSUPP, 0 },	  { ENETUNREACH, 1 },  { EHOSTDOWN, 1 },
		{ ENONET, 1 },	     { ENETUNREACH, 1 },  { EHOSTUNREACH, 1 }, { ENETUNREACH, 0 },
		{ EHOSTUNREACH, 0 }, { EHOSTUNREACH, 1 }, { EHOSTUNREACH, 1 }, { EHOSTUNREACH, 1 },
	};
	static const struct {
		u8 err, fatal;
	} v6_codes[] = {
		{ ENETUNREACH, 0 },  { EACCES, 1 }, { EHOSTUNREACH, 0 }, { EHOSTUNREACH, 0 },
		{ ECONNREFUSED, 1 }, { EACCES, 1 }, { EACCES, 1 },
	};

	*hard = false;
	if (!v6) {
		if (type == ICMP_DEST_UNREACH && code < ARRAY_SIZE(v4_codes)) {
			*hard = v4_codes[code].fatal;
			return v4_codes[code].err;
		}
		*hard = type == ICMP_PARAMETERPROB;
		return type == ICMP_PARAMETERPROB ? EPROTO : EHOSTUNREACH;
	}
	switch (type) {
	case 1:
		*hard = code < ARRAY_SIZE(v6_codes) && v6_codes[code].fatal;
		return code < ARRAY_SIZE(v6_codes) ? v6_codes[code].err : EPROTO;
	case 2:
		return EMSGSIZE;
	case 3:
		return EHOSTUNREACH;
	}
	*hard = true;
	return EPROTO;
}
