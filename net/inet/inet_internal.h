// SPDX-License-Identifier: MIT
/*
 * What the files of net/inet share among themselves: a namespace's part, a device's part, the tables.
 *
 * Who may change: addresses, routes, rules and groups of devices under net->config; readers use RCU.
 * Neighbours have a lock each and one for their table.  Sockets as tarn/net/sock.h says.
 */
#pragma once

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <tarn/errptr.h>
#include <tarn/hash.h>
#include <tarn/lock.h>
#include <tarn/random.h>
#include <tarn/rcu.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/work.h>
#include "headers.h"
#include "inet.h"

/* ---- counters: /proc/net/snmp, snmp6, netstat ---- */

enum inet_counter {
	IP_IN_RECEIVES,
	IP_IN_HDR_ERRORS,
	IP_IN_ADDR_ERRORS,
	IP_FORWARDED,
	IP_IN_UNKNOWN_PROTOS,
	IP_IN_DISCARDS,
	IP_IN_DELIVERS,
	IP_OUT_REQUESTS,
	IP_OUT_DISCARDS,
	IP_OUT_NO_ROUTES,
	IP_REASM_TIMEOUT,
	IP_REASM_REQDS,
	IP_REASM_OKS,
	IP_REASM_FAILS,
	IP_FRAG_OKS,
	IP_FRAG_FAILS,
	IP_FRAG_CREATES,
	ICMP_IN_MSGS,
	ICMP_IN_ERRORS,
	ICMP_IN_CSUM_ERRORS,
	ICMP_OUT_MSGS,
	ICMP_OUT_ERRORS,
	ICMP_OUT_LIMITED,
	UDP_IN_DATAGRAMS,
	UDP_NO_PORTS,
	UDP_IN_ERRORS,
	UDP_OUT_DATAGRAMS,
	UDP_RCVBUF_ERRORS,
	UDP_SNDBUF_ERRORS,
	UDP_IN_CSUM_ERRORS,
	UDP_IGNORED_MULTI,
	INET_COUNTERS
};

/* ---- a namespace's part ---- */

#define PORT_BUCKETS 256u
#define UDP_BUCKETS 256u
#define RAW_BUCKETS 256u
#define NEIGH_BUCKETS 256u
#define PMTU_BUCKETS 64u
#define PMTU_MAX 1024u         /* learned path MTUs kept: the oldest of a bucket goes */

struct sock_bucket {
	struct spinlock lock;  /* LR_SOCK_TABLE */
	struct list socks;     /* inet_sock.hash_node: changed under lock, RCU to read */
};

/* Ports of one protocol that are in use; one entry a port. */
struct port_bucket {
	struct hlist_node node; /* port_table bucket; its lock */
	struct list socks;      /* inet_sock.bind_node */
	u16 port;
	u8 protocol;
	bool by_connect;        /* taken by connect(2) alone: others may take it the same way, to other peers */
};
struct port_slot {
	struct spinlock lock;   /* LR_PORTS */
	struct hlist_head buckets;
};

/* Settings: net.ipv4 and net.ipv6.  Written by sysctl, read by anybody. */
struct inet_conf {
	int ip_forward, ip6_forward, default_ttl, default_hops;
	int port_first, port_last, unprivileged_port;
	int ping_first, ping_last;
	int echo_ignore_all, echo_ignore_broadcasts, icmp_ratelimit;
	int no_pmtu_disc, nonlocal_bind, nonlocal_bind6, bindv6only;
	int frag_high, frag_time, frag6_high, frag6_time;
	int gc_thresh2, gc_thresh3;
	int igmp_max_memberships;
};

struct fib_table;
struct frag_table;

struct inet_net {
	struct net *net;                      /* [I] */
	struct inet_conf conf;
	struct list tables[2];                /* fib_table.node, of IPv4 and IPv6; net->config, RCU */
	struct list rules[2];                 /* fib_rule.node, by preference */
	_Atomic u32 generation;               /* raised when a route made before may be wrong now */
	struct spinlock route_lock;           /* LR_NET_FRAG: routes given out, so that a device's can be found */
	struct list routes;
	struct spinlock pmtu_lock;            /* LR_NEIGH */
	struct hlist_head pmtu[PMTU_BUCKETS]; /* RCU */
	_Atomic u32 nr_pmtu;
	struct spinlock neigh_lock;           /* LR_NET_FRAG: the neighbour table's chains */
	struct hlist_head neighs[NEIGH_BUCKETS];
	_Atomic u32 nr_neighs;
	struct port_slot ports[PORT_BUCKETS];
	struct sock_bucket udp[UDP_BUCKETS];  /* by local address and port: udp.c */
	struct sock_bucket raw[RAW_BUCKETS];  /* by protocol: raw.c */
	struct sock_bucket ping[16];          /* by id: ping.c */
	struct spinlock all_lock;             /* LR_SOCK_TABLE: inet_sock.net_node below */
	struct list all;                      /* UDP, raw and ping sockets: /proc/net */
	_Atomic u32 nr_socks[3];              /* udp, raw, ping: sockstat */
	struct frag_table *frag;
	_Atomic u32 ids[64];                  /* IPv4 identifications, by destination: ip4_out.c */
	struct rx_poll loop;                  /* multicasts and broadcasts of our own, and errors about them: loop.c */
	struct spinlock loop_lock;            /* LR_NET_TX */
	struct packet_queue loop_queue GUARDED_BY(&loop_lock);
	struct spinlock icmp_lock;            /* LR_NEIGH */
	u64 icmp_tokens GUARDED_BY(&icmp_lock);
	ktime_t icmp_filled GUARDED_BY(&icmp_lock);
	struct net_timer tick_timer;          /* tick.c: asks for `tick` when something of a device is due */
	struct work tick;
	struct spinlock ra_lock;              /* LR_NEIGH */
	struct list ras GUARDED_BY(&ra_lock); /* router advertisements for the worker: ra.c */
	u32 nr_ras GUARDED_BY(&ra_lock);
	_Atomic bool dying;
	_Atomic u64 counters[2][INET_COUNTERS]; /* IPv4's, IPv6's */
};

static inline void inet_count(struct net *net, bool v6, enum inet_counter c)
{
	atomic_fetch_add_explicit(&net->inet->counters[v6][c], 1, memory_order_relaxed);
}

static inline u32 inet_random(void)
{
	return (u32)random_u64();
}

/* ---- a device's part ---- */

struct inet_group { /* a multicast group that somebody here joined */
	struct list node;       /* in_device.groups; net->config, RCU */
	struct inet_addr addr;
	struct net_device *dev;
	u32 users;              /* net->config */
	_Atomic ktime_t report_at; /* IGMP, MLD: when a report is due; KTIME_MAX: none */
	u8 reports_left;
	struct rcu_head rcu;
};

struct inet_address { /* an address of a device */
	struct list node;       /* in_device.addrs; net->config, RCU */
	struct net_device *dev; /* not counted: gone before it */
	struct inet_addr local, peer, broadcast; /* peer: local unless point to point */
	u8 plen;                /* bits of peer, as the family counts them */
	u8 scope;               /* RT_SCOPE_* */
	u8 protocol;            /* IFA_PROTO */
	_Atomic u32 flags;      /* IFA_F_* */
	u32 metric;             /* IFA_RT_PRIORITY */
	char label[IFNAMSIZ];   /* IPv4 */
	ktime_t created, updated;
	ktime_t valid_until, preferred_until; /* KTIME_MAX: for ever */
	u8 probes_left;         /* duplicate detection, RFC 4862 5.4; net->config */
	ktime_t probe_at;       /* when the next probe, or success, is due; net->config */
	struct rcu_head rcu;
};

struct in_device { /* of one family: both look alike */
	struct net_device *dev;
	bool v6;
	struct list addrs;      /* inet_address.node */
	struct list groups;     /* inet_group.node */
	int forwarding, rp_filter, accept_ra, autoconf, dad_transmits, disable;
	u8 hop_limit;           /* IPv6: from router advertisements */
	u32 mtu6;               /* from them, too; 0: the device's */
	u8 rs_left;             /* router solicitations to send; net->config */
	ktime_t rs_at;
	struct rcu_head rcu;
};
/* IPv6's is the same struct under its own name. */
struct in6_device {
	struct in_device in;
};

static inline struct in_device *inet_dev(const struct net_device *d, bool v6)
{
	struct in6_device *d6;

	if (!v6)
		return rcu_dereference(d->ip4);
	d6 = rcu_dereference(d->ip6);
	return d6 ? &d6->in : NULL;
}
struct in_device *inet_dev_make(struct net_device *d, bool v6); /* net->config held; NULL: no memory */

/* ---- addr.c ---- */

/* Adds @spec (its addresses, plen, scope, flags, label, lifetimes) to @d: 0, -EEXIST, -ENOBUFS. net->config held. */
int inet_address_add(struct net_device *d, const struct inet_address *spec, bool v6);
void inet_address_del(struct inet_address *a);           /* net->config held */
struct inet_address *inet_address_find(struct net_device *d, const struct inet_addr *local); /* RCU or net->config */
/* Is @a an address of this namespace (of @dev only, unless NULL)?  Tentative ones are none.  RCU. */
bool inet_addr_is_local(struct net *net, const struct inet_addr *a, const struct net_device *dev);
bool inet_addr_is_broadcast(struct net *net, const struct inet_addr *a,
			    const struct net_device *dev);
/* addr_select.c: the best source for @dst that goes out by @dev. False: there is none. RCU. */
bool inet_select_source(struct net *net, struct net_device *dev, const struct inet_addr *dst,
			u8 scope, struct inet_addr *src);
void addr_device_event(struct net_device *d, enum net_event e);
struct inet_addr addr_masked(const struct inet_addr *a, u32 bits); /* @bits of 128 */
bool addr_prefix_equal(const struct inet_addr *a, const struct inet_addr *b, u32 bits);
static inline struct inet_addr addr_from_bytes(const void *b)
{
	struct inet_addr a;

	__builtin_memcpy(&a, b, 16);
	return a;
}
static inline bool addr_is_zero(const struct inet_addr *a)
{
	return !a->d[0] && !a->d[1];
}
/* RT_SCOPE-like worth of an IPv6 address: 1 interface, 2 link, 5 site, 14 global (RFC 4291 2.7). */
u8 addr_scope6(const struct inet_addr *a);

/* ---- what others hear: netlink's notifications ---- */

struct fib_entry;
struct neigh;
/* SECTION_SET(inet_listeners, x). NULL: not interested. */
struct inet_listener {
	void (*address)(struct net *net, const struct inet_address *a, bool gone);  /* net->config held */
	void (*route)(struct net *net, const struct fib_entry *e, bool gone);       /* net->config held */
	void (*neigh)(struct net *net, struct neigh *n, bool gone); /* no lock; any but interrupt context */
};

/* ---- tick.c: what is due now and then: probes, lifetimes, reports ---- */

void inet_tick_soon(struct net *net, ktime_t at); /* any but interrupt context */
void inet_tick_init(struct inet_net *n);
void inet_tick_exit(struct inet_net *n);
ktime_t addr_tick(struct net_device *d, ktime_t now);   /* net->config held: when again */
ktime_t nd_tick(struct net_device *d, ktime_t now);
ktime_t mcast_tick(struct net_device *d, ktime_t now);
ktime_t fib_tick(struct net *net, ktime_t now);

/* ---- fib.c: routing tables and rules ---- */

struct fib_entry {
	struct hlist_node node;       /* a bucket of its table; net->config, RCU */
	struct inet_addr prefix;
	u8 plen;                      /* of 128: IPv4's + 96 */
	u8 type, protocol, scope, tos; /* RTN_*, RTPROT_*, RT_SCOPE_* */
	bool v6, has_gateway, has_src, mtu_locked;
	u32 metric, table, flags;     /* RTNH_F_ONLINK ... */
	struct net_device *dev;       /* counted; NULL: blackhole and kin */
	struct inet_addr gateway, src;
	u32 mtu, advmss, initcwnd, window, rto_min, hoplimit;
	ktime_t expires;              /* 0: never; router advertisements' */
	struct route *cached;         /* RCU, counted: the answer that has nothing of its own */
	struct rcu_head rcu;
};

struct fib_rule {
	struct list node;             /* inet_net.rules; net->config, RCU */
	u32 pref, table, mark, mark_mask;
	u8 action;                    /* FR_ACT_* */
	u8 protocol, tos, src_len, dst_len; /* lengths of 128 */
	bool v6, invert;
	struct inet_addr src, dst;
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
	struct rcu_head rcu;
};

/* The flags are NLM_F_CREATE, EXCL, REPLACE, APPEND as rtnetlink(7) has them.  net->config held. */
int fib_add(struct net *net, const struct fib_entry *spec, u32 nlm_flags);
int fib_keep(struct net *net, const struct fib_entry *spec); /* adds, or lets it live until ->expires */
/* The first entry that @spec describes (fields that are 0 match all): 0, -ESRCH. */
int fib_del(struct net *net, const struct fib_entry *spec);
/* All entries of a family, in no order: @fn says false to stop. net->config or RCU. */
void fib_walk(struct net *net, bool v6, bool (*fn)(const struct fib_entry *e, void *arg),
	      void *arg);
/* By the rules: an entry, or ERR_PTR(-ENETUNREACH, -EHOSTUNREACH, -EINVAL, -EACCES). RCU. */
struct fib_entry *fib_lookup(struct net *net, const struct flow *f);
/* In one table. @oif 0: any device. NULL: nothing. */
struct fib_entry *fib_lookup_table(struct net *net, bool v6, u32 table, const struct inet_addr *dst,
				   int oif);
void fib_flush_device(struct net_device *d); /* net->config held */
int fib_rule_add(struct net *net, const struct fib_rule *spec);
int fib_rule_del(struct net *net, const struct fib_rule *spec);
void fib_rule_walk(struct net *net, bool v6, bool (*fn)(const struct fib_rule *r, void *arg),
		   void *arg);
#define IPTOS_RT_MASK_ 0x1cu /* the TOS bits that routes and rules know (RFC 1349) */
struct fib_entry *fib_rule_lookup_table(struct net *net, const struct flow *f, u32 table);
int fib_rules_init(struct inet_net *n);
void fib_rules_exit(struct inet_net *n);
int fib_init(struct inet_net *n);
void fib_exit(struct inet_net *n);
static inline void fib_changed(struct net *net)
{
	atomic_fetch_add(&net->inet->generation, 1);
	atomic_fetch_add(&net->generation, 1);
}

/* ---- route.c ---- */

enum route_in {
	ROUTE_IN_LOCAL,
	ROUTE_IN_FORWARD,
	ROUTE_IN_DROP,
	ROUTE_IN_UNREACHABLE,
	ROUTE_IN_PROHIBIT
};
/* What is to become of a packet that came in by @dev. *out: where to if forwarded. RCU. */
enum route_in route_in(struct net *net, struct net_device *dev, const struct flow *f,
		       struct route **out);
void route_flush_device(struct net_device *d);
void pmtu_exit(struct inet_net *n);
struct pmtu { /* pmtu.c: what was learned of a destination */
	struct hlist_node node; /* inet_net.pmtu; pmtu_lock, RCU */
	struct inet_addr dst;   /* [I] */
	u32 mtu;                /* [I] */
	ktime_t expires;        /* [I] */
};
struct pmtu *pmtu_find(struct net *net, const struct inet_addr *dst); /* RCU */

/* ---- neigh.c ---- */

struct neigh {
	struct hlist_node node;          /* inet_net.neighs; neigh_lock, RCU */
	struct spinlock lock;            /* LR_NEIGH: all below */
	struct refcount refs;            /* table, timer, users */
	struct net_device *dev;          /* [I] counted */
	struct inet_addr addr;           /* [I] */
	u8 hw[DEVICE_ADDR_MAX];
	u8 state;                        /* NUD_* */
	u8 flags;                        /* NTF_ROUTER ... */
	u8 probes;
	bool dead;
	ktime_t confirmed, updated, used;
	struct packet_queue waiting;     /* NEIGH_WAITING at most */
	struct net_timer timer;
	struct rcu_head rcu;
};
#define NUD_VALID_ (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

/* Sends @p (IP header at ->data) to @next on @d.  Owns @p. 0 or -errno. */
int neigh_send(struct packet *p, struct net_device *d, const struct inet_addr *next, u8 route_kind);
/* Found, counted, or NULL; neigh_get makes one. */
struct neigh *neigh_find(struct net_device *d, const struct inet_addr *a);
struct neigh *neigh_get_or_make(struct net_device *d, const struct inet_addr *a);
void neigh_put(struct neigh *n);
/* News of @n: its state and hardware address (NULL: none given). @override: may replace another. */
void neigh_update(struct neigh *n, const u8 *hw, u8 state, bool override);
/* Between neigh.c and neigh_table.c. */
void neigh_timer(struct net_timer *t);
void neigh_notify(struct neigh *n, bool gone);
void neigh_take_waiting(struct neigh *n, struct packet_queue *out) MUST_HOLD(&n->lock);
/* An upper layer heard from it (RFC 4861 7.3.1). */
void neigh_confirm(struct net_device *d, const struct inet_addr *a);
void neigh_del(struct neigh *n);
void neigh_flush_device(struct net_device *d);
void neigh_walk(struct net *net, bool (*fn)(struct neigh *n, void *arg), void *arg);
void neigh_exit(struct inet_net *n);
/* arp.c, nd.c: asks for @addr. @hw: its last known address, unicast; NULL: everybody. */
void arp_solicit(struct net_device *d, const struct inet_addr *addr, const u8 *hw);
void nd_solicit(struct net_device *d, const struct inet_addr *addr, const u8 *hw);
/* nd.c: duplicate detection of @a begins; @a may be used already if there is none to do. */
void nd_dad_start(struct inet_address *a);
void nd_device_up(struct net_device *d);
void nd_receive(struct net *net, struct packet *p, u8 type);
/* ra.c */
void ra_link_ready(struct net_device *d);             /* net->config held: the link-local address may be used */
ktime_t ra_tick(struct in_device *in, ktime_t now);   /* net->config held */
void ra_receive(struct net *net, struct packet *p, const struct inet_in *in);
void ra_work(struct inet_net *n);                     /* net->config held, unless dying */

/* ---- IP ---- */

/* In packet_cb() of what goes out below inet_send(): nothing; of what came in: struct inet_in. */
void ip4_receive(struct packet *p);
void ip6_receive(struct packet *p);
int ip4_output(struct net *net, struct packet *p, struct route *r);     /* header there, route known */
int ip6_output(struct net *net, struct packet *p, struct route *r);
int ip4_output_fit(struct net *net, struct packet *p, struct route *r, u32 mtu, bool may);
int ip4_send(struct net *net, struct packet *p, struct route *r, const struct flow *f,
	     const struct inet_cork *c);
int ip6_send(struct net *net, struct packet *p, struct route *r, const struct flow *f,
	     const struct inet_cork *c);
/* To the transport of @protocol, raw sockets first.  @p as struct transport says, owned. */
void inet_deliver(struct net *net, struct packet *p, u8 protocol, bool v6);
bool transport_error(struct net *net, struct packet *p, u8 protocol, u8 type, u8 code, u32 info);
/* loop.c: @p, at its network header, comes in by its ->dev soon, without recursion. Owns it. */
void inet_loop(struct net *net, struct packet *p);
void inet_loop_init(struct inet_net *n);
void inet_loop_exit(struct inet_net *n);
/* frag.c: the whole datagram, or NULL: kept or dropped. Owns @p. */
struct packet *frag_receive(struct net *net, struct packet *p, bool v6, u32 frag_header_at,
			    u8 *next);
int frag_init(struct inet_net *n);
void frag_exit(struct inet_net *n);
u16 ip4_checksum(const void *header, u32 len);
/* A 32-bit sum of words as they lie in memory, folded and complemented: as it is stored; 0: right. */
static inline u16 inet_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~((sum & 0xffff) + (sum >> 16));
}
/* Is the transport checksum at ->data right (pseudo-header of cb)?  Trusts what device or memory vouch for. */
bool inet_csum_ok(struct packet *p, u8 protocol);
void icmp_quote(struct packet *p, struct packet *about, u32 max);

/* ---- ICMP ---- */

void icmp4_receive(struct net *net, struct packet *p);
void icmp6_receive(struct net *net, struct packet *p);
void icmp4_send(struct net *net, struct packet *about, u8 type, u8 code, u32 info);
/* Our own message, type to end at ->data, to @dst; RA, NS and kin: @hops 255. Checksum is done here. Owns @p. */
int icmp6_output(struct net *net, struct packet *p, struct net_device *d,
		 const struct inet_addr *src, const struct inet_addr *dst, u8 hops);
void mcast_receive_igmp(struct net *net, struct packet *p);
void mcast_receive_mld(struct net *net, struct packet *p);
void icmp6_send(struct net *net, struct packet *about, u8 type, u8 code, u32 info);
bool icmp_allowed(struct net *net); /* the rate limit has room: a token is taken */
/* ping.c: an echo reply for a ping socket; the packet stays the caller's. */
void ping_receive(struct net *net, struct packet *p, bool v6);
void ping_error(struct net *net, struct packet *p, bool v6, u8 type, u8 code, u32 info);
bool raw_receive(struct net *net, struct packet *p, u8 protocol, bool v6); /* true: somebody took a copy */
void raw_error(struct net *net, struct packet *p, u8 protocol, bool v6, u8 type, u8 code, u32 info);
/* What an error means to sockets: an errno, and whether it is fatal (unconnected or no RECVERR: only those count). */
int icmp_errno(bool v6, u8 type, u8 code, bool *hard);

/* ---- multicast: mcast.c ---- */

void mcast_hw_address(const struct inet_addr *group, u8 *hw);

int mcast_join(struct net_device *d, const struct inet_addr *group);   /* net->config held; counted */
void mcast_leave(struct net_device *d, const struct inet_addr *group);
bool mcast_joined(const struct net_device *d, const struct inet_addr *group); /* RCU */
void mcast_device_up(struct net_device *d);
void mcast_query(struct net_device *d, const struct inet_addr *group, u32 max_delay_ms);
void mcast_device_gone(struct in_device *in);
/* A socket's membership. */
int inet_join(struct inet_sock *s, const struct inet_addr *group, int ifindex);
int inet_leave(struct inet_sock *s, const struct inet_addr *group, int ifindex);
void inet_leave_all(struct inet_sock *s);
/* Does @s want a packet to group @group that came by @ifindex? */
bool inet_wants_group(const struct inet_sock *s, const struct inet_addr *group, int ifindex);
/* The device for @group: @ifindex, or by route. Counted; NULL. */
struct net_device *mcast_device(struct net *net, const struct inet_addr *group, int ifindex);

/* ---- sockets ---- */

#define INET_WANT(name) (1u << INET_CMSG_##name)
enum inet_cmsg_bit {
	INET_CMSG_PKTINFO,
	INET_CMSG_TTL,
	INET_CMSG_TOS,
	INET_CMSG_RECVOPTS,
	INET_CMSG_RETOPTS,
	INET_CMSG_ORIGDST,
	INET_CMSG_FRAGSIZE,
	INET_CMSG_PKTINFO6,
	INET_CMSG_HOPLIMIT,
	INET_CMSG_TCLASS,
	INET_CMSG_CSUM,
	INET_CMSG_FLOWINFO,
	INET_CMSG_PKTINFO_OLD,
	INET_CMSG_HOPLIMIT_OLD,
};

/* What sendmsg's control messages and flags ask: ip(7), ipv6(7). */
struct inet_send_info {
	struct inet_addr src;   /* any: the socket's */
	int oif, ttl, tos;      /* 0, -1, -1: the socket's */
	int dontfrag;           /* -1 */
	u16 gso_size;           /* UDP_SEGMENT; 0 */
	u32 flowlabel;
};
/* Options of IPv4 that a message takes along: a copy, as the socket's may change while its bytes are fetched. */
#define IP_OPTIONS_MAX_ 40u
static inline void inet_cork_own(struct inet_cork *c, u8 *room)
{
	if (!c->options_len)
		return;
	__builtin_memcpy(room, c->options, MIN(c->options_len, IP_OPTIONS_MAX_));
	c->options = room;
}
/* cmsg.c */
int inet_cmsg_parse(const struct inet_sock *s, const struct msg *m, bool v6,
		    struct inet_send_info *info);
void inet_cmsg_put(struct inet_sock *s, struct msg *m, struct packet *p);
/* error.c: the error queue. */
void inet_queue_icmp_error(struct inet_sock *s, struct packet *quoted, int err, u8 type, u8 code,
			   u32 info, be16 port, u32 data_off);
void inet_queue_local_error(struct inet_sock *s, int err, const struct inet_addr *dst, be16 port,
			    u32 info);
ssize_t inet_recv_error(struct inet_sock *s, struct msg *m, u32 flags);

/* option4.c, option6.c */
int inet_setsockopt6(struct inet_sock *s, int name, const void *val, int len);
int inet_getsockopt6(struct inet_sock *s, int name, void *val, int *len);
int inet_group_request(struct inet_sock *s, int name, const void *val, int len);
int inet_put_number(int v, void *val, int *len);

/* af_inet.c */
void inet_families_init(void);
/* The device that @s is tied to: by a scope id, or by SO_BINDTODEVICE; 0: none. RCU, or the socket's own user. */
static inline int inet_bound_if(const struct inet_sock *s)
{
	const struct socket *sock = READ_ONCE(s->sk.socket);

	return s->bound_if ? s->bound_if : sock ? READ_ONCE(sock->opt.ifindex) : 0;
}
int inet_bind(struct socket *s, const void *addr, int len);
int inet_getname(struct socket *s, void *addr, bool peer);
long inet_ioctl(struct socket *s, unsigned int cmd, unsigned long arg);
void inet_sock_free(struct inet_sock *s); /* for sock_ops.destroy: what the common part holds */
void inet_sock_orphan(struct inet_sock *s);
void inet_all_add(struct inet_sock *s, u32 kind);    /* kind: 0 udp, 1 raw, 2 ping */
void inet_all_remove(struct inet_sock *s, u32 kind);
int inet_check_bind_addr(struct inet_sock *s, const struct inet_addr *a, int scope,
			 bool *multicast);
u32 inet_dgram_poll(struct socket *s, struct poll_wait *w);
int inet_dgram_shutdown(struct socket *s, int how);
/* The parts of connect(2) that UDP, raw and ping share: route, source, destination. Socket locked. */
int inet_dgram_connect(struct inet_sock *s, const struct inet_addr *a, be16 port, int scope);
void inet_dgram_disconnect(struct inet_sock *s);
/* The route, source and cork of one datagram to @dst: what sendmsg of UDP, raw and ping begin with. Counted;
 * ERR_PTR. */
struct route *inet_send_route(struct inet_sock *s, struct flow *f, const struct inet_addr *dst,
			      be16 port, int scope, const struct inet_send_info *info, u32 flags,
			      struct inet_cork *cork);
/* What fits of @p's bytes after @from: their number, or with MSG_TRUNC all there were; -EFAULT. */
ssize_t inet_copy_datagram(struct inet_sock *s, struct msg *m, struct packet *p, u32 from,
			   u32 flags);
/* udp.c */
void udp_hash(struct inet_sock *s);
void udp_unhash(struct inet_sock *s);
