// SPDX-License-Identifier: MIT
/*
 * Raw sockets, what comes in, raw(7): every one of the protocol that fits gets a copy, before the transport sees
 * the packet: whole IPv4 packets, IPv6's without the header. Sending, options and life are in raw_socket.c.
 *
 * Tests: tests/abi/net_icmp.c.
 */
#include "raw.h"

#define RAW_BATCH 16u

/* ---- in ---- */

static bool filtered(const struct raw_sock *r, const struct packet *p, u8 protocol)
{
	u8 type = p->head_len ? p->data[0] : 0;

	if (protocol == IPPROTO_ICMP && !r->inet.v6)
		return type < 32 && READ_ONCE(r->filter4) & 1u << type;
	if (protocol == IPPROTO_ICMPV6 && r->inet.v6)
		return READ_ONCE(r->filter6[type / 32]) & 1u << (type % 32);
	return false;
}

static bool fits(const struct inet_sock *s, const struct packet *p, u8 protocol, bool v6)
{
	const struct inet_in *in = packet_cb((struct packet *)p, struct inet_in);

	if (s->v6 != v6 || s->sk.protocol != protocol ||
	    (inet_bound_if(s) && inet_bound_if(s) != in->iif))
		return false;
	if (!addr_is_any(&s->rcv_addr) && !addr_equal(&s->rcv_addr, &in->dst))
		return false;
	if (s->connected && !addr_equal(&s->dst, &in->src))
		return false;
	if (in->flags & INET_IN_MULTICAST && !inet_wants_group(s, &in->dst, in->iif))
		return false;
	return !filtered((const struct raw_sock *)s, p, protocol);
}

static u32 members(struct sock_bucket *b, struct packet *p, u8 protocol, bool v6, u32 skip,
		   struct inet_sock **out)
{
	struct inet_sock *s;
	u32 n = 0;

	spin_lock(&b->lock);
	LIST_FOR_EACH(s, &b->socks, hash_node) {
		if (!fits(s, p, protocol, v6))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		sock_get(&s->sk);
		out[n++] = s;
		if (n == RAW_BATCH)
			break;
	}
	spin_unlock(&b->lock);
	return n;
}

/* IPV6_CHECKSUM on: what does not add up is not for this socket (RFC 3542 3.1). ICMPv6 is always checked. */
static bool checksum_wrong(const struct raw_sock *r, struct packet *p, u8 protocol)
{
	if (!r->inet.v6 || (r->checksum < 0 && protocol != IPPROTO_ICMPV6))
		return false;
	return !inet_csum_ok(p, protocol);
}

static void give(struct inet_sock *s, struct packet *p, u8 protocol, bool v6)
{
	struct packet *copy = checksum_wrong((struct raw_sock *)s, p, protocol)
				      ? NULL
				      : packet_clone(p, GFP_ATOMIC);

	if (!copy)
		return;
	if (!packet_csum_complete(copy)) { /* readers see real checksums */
		packet_free(copy);
		return;
	}
	if (!v6)
		packet_push(copy, (u32)(copy->transport - copy->network));
	sock_queue_receive(&s->sk, copy);
}

bool raw_receive(struct net *net, struct packet *p, u8 protocol, bool v6)
{
	struct sock_bucket *b = raw_bucket(net, protocol);
	struct inet_sock *batch[RAW_BATCH];
	u32 n, total = 0;

	if (list_empty(&b->socks))
		return false;
	if (p->len && !p->head_len && !packet_need(p, 1))
		return false;
	do {
		n = members(b, p, protocol, v6, total, batch);
		for (u32 i = 0; i < n; i++) {
			give(batch[i], p, protocol, v6);
			sock_put(&batch[i]->sk);
		}
		total += n;
	} while (n == RAW_BATCH);
	return total;
}

/* cb's src is ours, dst the peer. Sockets that fit the quoted packet turned round. */
void raw_error(struct net *net, struct packet *p, u8 protocol, bool v6, u8 type, u8 code, u32 info)
{
	const struct inet_in *in = packet_cb(p, struct inet_in);
	struct sock_bucket *b = raw_bucket(net, protocol);
	struct inet_sock *s, *found[RAW_BATCH];
	u32 n = 0;
	bool hard;
	int err = icmp_errno(v6, type, code, &hard);

	if (list_empty(&b->socks))
		return;
	spin_lock(&b->lock);
	LIST_FOR_EACH(s, &b->socks, hash_node)
		if (s->v6 == v6 && s->sk.protocol == protocol && n < RAW_BATCH &&
		    (addr_is_any(&s->rcv_addr) || addr_equal(&s->rcv_addr, &in->src)) &&
		    (!s->connected || addr_equal(&s->dst, &in->dst))) {
			sock_get(&s->sk);
			found[n++] = s;
		}
	spin_unlock(&b->lock);
	for (u32 i = 0; i < n; i++) {
		bool wants = v6 ? found[i]->recverr6 : found[i]->recverr;

		if (wants)
			inet_queue_icmp_error(found[i], p, err, type, code, info, (be16){ 0 }, 0);
		if (wants || (hard && found[i]->connected))
			sock_set_error(&found[i]->sk, err);
		sock_put(&found[i]->sk);
	}
}
