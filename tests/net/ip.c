// SPDX-License-Identifier: MIT
/*
 * The simulator's IP layer: 20 bytes of IPv4 header around what TCP sends, taken off before it receives; routes that
 * lead to the wire; ports by counting.  It stands for net/inet's own where TCP alone is looked at.
 */
#include <linux/if_ether.h>
#include "sim.h"

#define IP_HEADER 20u

static struct sim_host *host_of(struct net *net)
{
	return container_of(net, struct sim_host, net);
}

/* ---- routes ---- */

struct route *route_out(struct net *net, struct flow *f)
{
	struct route *r = kzalloc(sizeof(*r), GFP_ATOMIC);

	if (!r)
		return ERR_PTR(-ENOBUFS);
	ref_init(&r->refs, 1);
	r->src = host_of(net)->addr;
	r->mtu = sim_wire.mtu ? sim_wire.mtu : 1500;
	if (addr_is_any(&f->src))
		f->src = r->src;
	return r;
}
void route_put(struct route *r)
{
	if (ref_put(&r->refs))
		kfree(r);
}
u32 route_mtu(const struct route *r)
{
	return r->mtu;
}
struct route *inet_sock_route(struct inet_sock *s)
{
	struct flow f;

	if (s->route && s->route->mtu != (sim_wire.mtu ? sim_wire.mtu : 1500)) {
		route_put(s->route);
		s->route = NULL;
	}
	if (!s->route) {
		inet_sock_flow(s, &f);
		s->route = route_out(s->sk.net, &f);
		if (IS_ERR(s->route)) {
			s->route = NULL;
			return ERR_PTR(-ENOBUFS);
		}
	}
	ref_get(&s->route->refs);
	return s->route;
}
void inet_sock_flow(const struct inet_sock *s, struct flow *f)
{
	*f = (struct flow){ .src = s->src, .dst = s->dst, .sport = s->sport, .dport = s->dport, .protocol = IPPROTO_TCP };
}
void inet_sock_free(struct inet_sock *s)
{
	if (s->route)
		route_put(s->route);
}

/* ---- ports ---- */

static u16 next_port = 32768;

int inet_connect_port(struct inet_sock *s, int (*check)(struct inet_sock *s, u16 port))
{
	for (u32 i = 0; i < 28000; i++) {
		u16 port = (u16)(32768 + (next_port++ - 32768) % 28000);

		if (!check(s, port)) {
			s->num = port;
			return 0;
		}
	}
	return -EADDRNOTAVAIL;
}

void inet_inherit_port(struct inet_sock *child, struct inet_sock *listener)
{
	child->num = listener->num;
}
void inet_unbind_port(struct inet_sock *s)
{
}
void inet_sock_setup(struct inet_sock *s, bool v6)
{
	list_init(&s->hash_node);
}
void route_set_pmtu(struct net *net, const struct flow *f, u32 mtu)
{
	sim_wire.mtu = mtu;
}

/* ---- sums ---- */

u64 net_hash(const struct net *net, const void *data, size_t len)
{
	u64 h = net->secret[0], state;

	for (size_t i = 0; i < len; i++) {
		state = h ^ ((const u8 *)data)[i];
		h = host_random(&state);
	}
	return h;
}

u32 inet_pseudo_csum(const struct inet_addr *src, const struct inet_addr *dst, u8 protocol, u32 len)
{
	u8 pseudo[12];
	be32 a = addr_v4(src), b = addr_v4(dst);

	memcpy(pseudo, &a, 4);
	memcpy(pseudo + 4, &b, 4);
	pseudo[8] = 0;
	pseudo[9] = protocol;
	put_be16(pseudo + 10, (u16)len);
	return csum_bytes(pseudo, sizeof(pseudo), 0);
}

/* ---- out ---- */

void sim_wire_send(struct sim_host *from, struct packet *p);

static void put_header(struct packet *p, const struct flow *f)
{
	u8 *h = packet_push(p, IP_HEADER);
	be32 src = addr_v4(&f->src), dst = addr_v4(&f->dst);
	be16 sum;

	memset(h, 0, IP_HEADER);
	h[0] = 0x45;
	h[1] = f->tos;
	put_be16(h + 2, (u16)p->len);
	h[6] = 0x40;
	h[8] = 64;
	h[9] = IPPROTO_TCP;
	memcpy(h + 12, &src, 4);
	memcpy(h + 16, &dst, 4);
	sum.raw = csum_fold(csum_bytes(h, IP_HEADER, 0));
	memcpy(h + 10, &sum, 2);
	p->network = packet_offset(p);
	p->protocol = ETH_P_IP;
}

static void emit(struct sim_host *h, struct packet *p)
{
	if (p->csum_state == CSUM_PARTIAL && !packet_csum_complete(p))
		panic("a checksum outside of its packet");
	if (h->outgoing)
		h->outgoing(h, p);
	else
		sim_wire_send(h, p);
}

int inet_send(struct net *net, struct packet *p, struct route *r, const struct flow *f, const struct inet_cork *c)
{
	struct list out = LIST_INIT(out);
	struct packet *one;

	put_header(p, f);
	if (p->gso_type == GSO_NONE) {
		EXPECT(p->len <= route_mtu(r));
		emit(host_of(net), p);
		return 0;
	}
	if (packet_segment(p, &out))
		return -ENOBUFS;
	while ((one = list_first(&out, struct packet, node)) != NULL) {
		list_del(&one->node);
		EXPECT(one->len <= route_mtu(r));
		emit(host_of(net), one);
	}
	return 0;
}

/* ---- in ---- */

static const struct transport *tcp_transport(void)
{
	SET_FOR_EACH(const struct transport, t, transports)
		if (t->protocol == IPPROTO_TCP)
			return t;
	return NULL;
}

void sim_deliver(struct sim_host *h, struct packet *p)
{
	struct inet_in in = { .iif = 2, .ttl = 64 };
	u8 head[IP_HEADER];
	be32 src, dst;

	if (p->len < IP_HEADER || !packet_need(p, IP_HEADER)) {
		packet_free(p);
		return;
	}
	memcpy(head, p->data, IP_HEADER);
	if (csum_fold(csum_bytes(head, IP_HEADER, 0)) || get_be16(head + 2) > p->len || head[0] != 0x45 ||
	    get_be16(head + 2) < IP_HEADER) {
		packet_free(p);
		return;
	}
	packet_trim(p, get_be16(head + 2));
	packet_pull(p, IP_HEADER);
	memcpy(&src, head + 12, 4);
	memcpy(&dst, head + 16, 4);
	in.src = addr_from_v4(src);
	in.dst = addr_from_v4(dst);
	in.tos = head[1];
	*packet_cb(p, struct inet_in) = in;
	p->transport = packet_offset(p);
	rcu_read_lock();
	tcp_transport()->receive(&h->net, p);
	rcu_read_unlock();
}
