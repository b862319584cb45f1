// SPDX-License-Identifier: MIT
/*
 * The error queue, ip(7) IP_RECVERR: what came back about datagrams that were sent, with the bytes quoted, who said
 * so, and to whom it had gone. It has the room of the receive buffer.
 */
#include <linux/ip.h>
#include "inet_internal.h"

#include <linux/errqueue.h>

struct error_cb { /* in packet_cb() of what waits */
	struct inet_addr dst, offender;
	u32 info;
	u16 err;
	be16 port;
	u8 origin, type, code;
};

static void queue(struct inet_sock *s, struct packet *p, const struct error_cb *cb)
{
	*packet_cb(p, struct error_cb) = *cb;
	sock_queue_error(&s->sk, p);
}

/* Who sent the ICMP message: its own header is still there, before the quote. */
static struct inet_addr sender_of(struct packet *p)
{
	const u8 *h = packet_header(p, p->network);

	return h[0] >> 4 == 4 ? addr_from_v4(be32_at(h + 12)) : addr_from_bytes(h + 8);
}

void inet_queue_icmp_error(struct inet_sock *s, struct packet *quoted, int err, u8 type, u8 code,
			   u32 info, be16 port, u32 data_off)
{
	const struct inet_in *in = packet_cb(quoted, struct inet_in);
	bool v6 = !addr_is_v4(&in->dst);
	struct error_cb cb = { .dst = in->dst,
			       .offender = sender_of(quoted),
			       .info = info,
			       .err = (u16)err,
			       .port = port,
			       .origin = v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP,
			       .type = type,
			       .code = code };
	struct packet *p = packet_clone(quoted, GFP_ATOMIC);

	if (!p)
		return;
	packet_consume(p, MIN(data_off, p->len));
	queue(s, p, &cb);
}

void inet_queue_local_error(struct inet_sock *s, int err, const struct inet_addr *dst, be16 port,
			    u32 info)
{
	struct error_cb cb = { .dst = *dst,
			       .info = info,
			       .err = (u16)err,
			       .port = port,
			       .origin = SO_EE_ORIGIN_LOCAL };
	struct packet *p = packet_alloc(GFP_ATOMIC);

	if (p)
		queue(s, p, &cb);
}

/* ---- read ---- */

struct answer4 {
	struct sock_extended_err ee;
	struct sockaddr_in offender;
};
struct answer6 {
	struct sock_extended_err ee;
	struct sockaddr_in6 offender;
};

static void put_answer(struct inet_sock *s, struct msg *m, const struct error_cb *cb)
{
	struct sock_extended_err ee = { .ee_errno = cb->err,
					.ee_origin = cb->origin,
					.ee_type = cb->type,
					.ee_code = cb->code,
					.ee_info = cb->info };
	bool icmp = cb->origin != SO_EE_ORIGIN_LOCAL;

	if (s->v6) {
		struct answer6 a = { .ee = ee };

		if (icmp)
			inet_addr_put(s, &a.offender, &cb->offender, (be16){ 0 }, s->bound_if);
		put_cmsg(m, IPPROTO_IPV6, IPV6_RECVERR, &a, sizeof(a));
	} else {
		struct answer4 a = { .ee = ee };

		if (icmp)
			inet_addr_put(s, &a.offender, &cb->offender, (be16){ 0 }, 0);
		put_cmsg(m, IPPROTO_IP, IP_RECVERR, &a, sizeof(a));
	}
}

ssize_t inet_recv_error(struct inet_sock *s, struct msg *m, u32 flags)
{
	struct packet *p = sock_receive_error(&s->sk);
	const struct error_cb *cb;
	ssize_t n;

	if (!p)
		return -EAGAIN;
	if (list_empty(&s->sk.errors.list)) /* SO_ERROR was about this one */
		atomic_store(&s->sk.error, 0);
	cb = packet_cb(p, struct error_cb);
	n = inet_copy_datagram(s, m, p, 0, flags & ~(u32)MSG_TRUNC);
	if (n >= 0) {
		m->flags |= MSG_ERRQUEUE;
		m->namelen =
			m->name ? inet_addr_put(s, m->name, &cb->dst, cb->port, s->bound_if) : 0;
		put_answer(s, m, cb);
	}
	packet_free(p);
	return n;
}
