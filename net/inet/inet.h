// SPDX-License-Identifier: MIT
/*
 * What the parts of net/inet offer each other: addresses, flows, routes, sending, transports.
 *
 * Both families live in one house.  Above IP an address is always 128 bits, an IPv4 one in its mapped form
 * ::ffff:a.b.c.d: sockets, tables and transports are written once; a table's hash and comparison are two words.
 * Only ip4_*.c, arp.c and icmp4.c know 32-bit addresses, only ip6_*.c, nd.c and icmp6.c what is IPv6's own.
 *
 * Who calls whom, downward:
 *
 *	sockets (af_inet.c, tcp_socket.c, udp_socket.c, raw.c, ping.c)
 *	transports (tcp_*.c, udp.c)                     struct transport: IP calls up by it
 *	IP (ip4_in/out, ip6_in/out, frag, icmp)         inet_send()
 *	routes (route.c, rule.c), addresses (addr.c)    route_out(), route_in()
 *	neighbours (neigh.c, arp.c, nd.c)               neigh_send()
 *	net/core: device_send()
 */
#pragma once

#include <linux/in.h>
#include <linux/in6.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/net/packet.h>
#include <tarn/net/sock.h>

/* ---- addresses ---- */

struct inet_addr {
	union {
		u8 b[16];
		be32 w[4];
		u64 d[2];
	};
};

static inline struct inet_addr addr_from_v4(be32 a)
{
	return (struct inet_addr){ .w = { { 0 }, { 0 }, BE32_CONST(0xffff), a } };
}
static inline bool addr_is_v4(const struct inet_addr *a)
{
	return !a->d[0] && be32_to_cpu(a->w[2]) == 0xffff;
}
static inline be32 addr_v4(const struct inet_addr *a)
{
	return a->w[3];
}
static inline bool addr_equal(const struct inet_addr *a, const struct inet_addr *b)
{
	return a->d[0] == b->d[0] && a->d[1] == b->d[1];
}
/* 0.0.0.0 or ::. */
static inline bool addr_is_any(const struct inet_addr *a)
{
	return !a->d[0] && (!a->d[1] || (be32_to_cpu(a->w[2]) == 0xffff && !a->w[3].raw));
}
bool addr_is_multicast(const struct inet_addr *a);
bool addr_is_loopback(const struct inet_addr *a);
bool addr_is_linklocal(const struct inet_addr *a); /* fe80::/10; needs a scope id */

/* ---- routes ---- */

/* What a packet asks routing: for sockets what they are bound to, filled in by the answer. */
struct flow {
	struct inet_addr src, dst;    /* src any: to be selected (RFC 6724) */
	be16 sport, dport;
	u8 protocol;
	u8 tos;                       /* DSCP and ECN bits: TOS, traffic class */
	bool v6;                      /* the packet will be IPv6's */
	bool dontroute, transparent;
	int oif, iif;                 /* SO_BINDTODEVICE, IP_PKTINFO, scope id; 0: any */
	u32 mark, uid;
	u32 flowlabel;                /* 20 bits */
};

enum route_kind { ROUTE_UNICAST, ROUTE_LOCAL, ROUTE_BROADCAST, ROUTE_MULTICAST };

/*
 * The answer: where to.  Counted, kept by sockets; valid while its generation is the table's
 * (route_valid()), else asked anew.  Path MTU is a property of it (RFC 1191, 8201).
 */
struct route {
	struct refcount refs;
	u32 generation;               /* [I] of the namespace's tables when it was made */
	u8 kind;                      /* [I] enum route_kind */
	bool v6;                      /* [I] */
	struct net_device *dev;       /* [I] counted */
	struct inet_addr gateway;     /* [I] next hop; any: the destination itself */
	struct inet_addr src;         /* [I] preferred source */
	_Atomic u32 mtu;              /* bytes of an IP packet; learned ones expire at mtu_expires */
	_Atomic u64 mtu_expires;      /* 0: the device's or the route's own */
	u32 advmss, initcwnd, window, rto_min; /* [I] metrics (RTAX_*); 0: not set */
	bool mtu_locked;              /* [I] */
	struct rcu_head rcu;
};

/* Routes an outgoing flow; fills flow->src and oif. ERR_PTR(-ENETUNREACH, -EHOSTUNREACH, -EACCES, -EINVAL ...). */
struct route *route_out(struct net *net, struct flow *f);
void route_get(struct route *r);
void route_put(struct route *r);
bool route_valid(struct net *net, const struct route *r);
/* "Fragmentation needed" said @mtu: lowers it for the destination of @f, for 10 minutes, not below 552 (v6: 1280). */
void route_set_pmtu(struct net *net, const struct flow *f, u32 mtu);
u32 route_mtu(const struct route *r);

/* ---- sending ---- */

/* What a socket adds to the IP header. */
struct inet_cork {
	u8 ttl;                       /* 0: the default of route and namespace; multicast's own */
	u8 tos;
	u8 pmtudisc;                  /* IP_PMTUDISC_* */
	bool hdrincl, nofrag;
	const void *options;          /* IPv4 options, or IPv6 extension headers; owner: the caller */
	u32 options_len;
};
/*
 * Gives @p (transport header at ->data, ->transport set) its IP header and sends it by @r, whose reference stays
 * the caller's. Fragments if it is larger than the MTU and may be; GSO packets are cut below. Owns @p. 0,
 * -EMSGSIZE, -ENOBUFS ... Any but interrupt context. Does not recurse into receiving.
 */
int inet_send(struct net *net, struct packet *p, struct route *r, const struct flow *f,
	      const struct inet_cork *c);

/* ---- receiving ---- */

/* In packet_cb() of what transports receive. */
struct inet_in {
	struct inet_addr src, dst;
	int iif;                      /* where it came in; loopback's for our own */
	u16 options_len;              /* IPv4 options, at network + 20 */
	u8 ttl, tos;                  /* also hop limit, traffic class */
	u8 flags;                     /* INET_IN_* */
	u32 transport_seq;            /* TCP's: it keeps its own in the rest of cb */
};
#define INET_IN_MULTICAST BIT(0)
#define INET_IN_BROADCAST BIT(1)
#define INET_IN_ROUTED BIT(2)     /* came by strict or loose source route */

struct transport {
	u8 protocol;                  /* IPPROTO_* */
	/*
	 * @p: ->data at the transport header, trimmed to IP's length, reassembled, ->transport set, cb is struct
	 * inet_in. Owns it. Receive context, inside rcu_read_lock().
	 */
	void (*receive)(struct net *net, struct packet *p);
	/*
	 * An ICMP error about a packet that we sent: @p->data at the quoted transport header (8 bytes at least),
	 * cb's src is ours, dst the peer's as in the quoted packet; @type, @code, @info (MTU, pointer) in v6's
	 * or v4's terms by addr_is_v4.
	 * @p stays the caller's. A learned path MTU is the transport's to set (route_set_pmtu()), once it believes
	 * the quote.
	 */
	void (*error)(struct net *net, struct packet *p, u8 type, u8 code, u32 info);
};
/* SECTION_SET(transports, x). */

/* ICMP errors that transports and forwarding ask for; limited in rate; @about stays the caller's. In
 * IPv4's terms, translated if it was an IPv6 packet. */
void icmp_send(struct net *net, struct packet *about, u8 type, u8 code, u32 info);
void icmp_port_unreachable(struct net *net, struct packet *about);

/* Pseudo-header's sum (RFC 9293 3.1, 8200 8.1), not folded, of @len transport bytes. */
u32 inet_pseudo_csum(const struct inet_addr *src, const struct inet_addr *dst, u8 protocol,
		     u32 len);

/* ---- sockets ---- */

struct inet_sock {
	struct sock sk;
	struct inet_addr rcv_addr;    /* bound to; any: all. Socket locked to change, RCU to read */
	struct inet_addr src;         /* what packets get: differs for multicast */
	struct inet_addr dst;         /* connected to; any: not */
	be16 sport, dport;
	u16 num;                      /* local port, host order: 0 not bound */
	bool v6only, v6;              /* AF_INET6 socket; packets may still be IPv4's */
	bool transparent, freebind, recverr, hdrincl;
	u8 ttl, mc_ttl, tos, min_ttl, pmtudisc; /* ttl 0: default */
	bool mc_loop, mc_all;
	u32 cmsg_wanted;              /* IP_PKTINFO, IP_RECVTTL ... as bits */
	int mc_index, bound_if;       /* IP_MULTICAST_IF, SO_BINDTODEVICE */
	struct inet_addr mc_src;
	struct list memberships;      /* multicast groups; socket locked */
	void *options;                /* IP_OPTIONS or IPV6_RTHDR...; kmalloc; socket locked */
	u32 options_len, flowlabel;
	struct route *route;          /* cached, counted; socket locked */
	s16 hops6, mc_hops6, tclass6; /* IPV6_UNICAST_HOPS, _MULTICAST_HOPS, IPV6_TCLASS; -1: default */
	u8 pmtudisc6;
	u8 min_hops6;
	bool recverr6, dontfrag6, mc_all6, no_port;
	bool bound_addr, bound_port;  /* by bind(2): rcv_addr, num; not chosen by connect(2) or a send */
	bool connected;               /* datagram sockets: dst and dport are a filter */
	_Atomic bool listening;       /* TCP: two listeners never share a port by REUSEADDR */
	struct list bind_node;        /* of its port's bucket; the bucket's lock */
	struct port_bucket *bucket;
	struct sock_bucket *hashed_in; /* NULL: in no lookup table; socket locked */
	struct list hash_node;        /* of a lookup table; its bucket's lock, RCU to read */
	struct list net_node;         /* all of the namespace and protocol: /proc/net/tcp */
};

/*
 * Ports: one table a namespace and protocol, shared by both families, one rule of conflict (net/inet/port.c).
 * inet_bind_port() takes @want (0: picks one) for the socket's rcv_addr and bound_if, under one lock with the check:
 * 0, -EADDRINUSE. -EACCES below net.ipv4.ip_unprivileged_port_start is the caller's.
 */
int inet_bind_port(struct inet_sock *s, u16 want);
void inet_unbind_port(struct inet_sock *s);
/* connect(2) of an unbound TCP socket: a port for this very pair (RFC 6056, keyed): @check says if the 4-tuple is
 * free and takes it. */
int inet_connect_port(struct inet_sock *s, int (*check)(struct inet_sock *s, u16 port));
/* listen(2) of a bound socket, ->listening set: does anybody bound meanwhile forbid it? 0, -EADDRINUSE. */
int inet_recheck_port(struct inet_sock *s);
/* An accepted connection keeps its listener's port in use. Any but interrupt context. */
void inet_inherit_port(struct inet_sock *child, struct inet_sock *listener);
/* Fresh from sock_alloc(): lists, defaults of ip(7) and ipv6(7). */
void inet_sock_setup(struct inet_sock *s, bool v6);

/* Address of @uaddr for @s's family (the IPv4 form too): fills *a, *port, *scope. -EINVAL, -EAFNOSUPPORT. */
int inet_addr_get(const struct inet_sock *s, const void *uaddr, int len, struct inet_addr *a,
		  be16 *port, int *scope);
/* And back, as sockaddr_in or sockaddr_in6 by the socket's family: its length. */
int inet_addr_put(const struct inet_sock *s, void *uaddr, const struct inet_addr *a, be16 port,
		  int scope);
/* The route of a connected socket, asked anew if it is not valid any more: counted for the caller; ERR_PTR. Socket
 * locked. */
struct route *inet_sock_route(struct inet_sock *s);
/* A flow from what the socket is bound and connected to. */
void inet_sock_flow(const struct inet_sock *s, struct flow *f);

/* SOL_IP and SOL_IPV6 options, for all protocols here (net/inet/option4.c, option6.c). */
int inet_setsockopt(struct socket *s, int level, int name, const void *val, int len);
int inet_getsockopt(struct socket *s, int level, int name, void *val, int *len);

/* What a kind of socket is: SECTION_SET(inet_kinds, x); af_inet.c looks (type, protocol) up at socket(2). */
struct inet_kind {
	int type, protocol;           /* protocol 0: the type's default, IPPROTO_IP given by the user */
	const struct proto_ops *ops4, *ops6;
	const struct sock_ops *sock_ops;
	bool needs_net_raw;
	bool own_ports;               /* TCP's and UDP's: in the port table under sk.protocol */
	int (*init)(struct inet_sock *s); /* 0 or -errno */
};
