// SPDX-License-Identifier: MIT
/*
 * /proc/net of IPv4 and IPv6: route, ipv6_route, arp, if_inet6, udp, udp6, raw, raw6, icmp, icmp6.
 * Formats are what proc(5) and the programs that read them (route, arp, netstat, ss -f) know, byte by byte.
 */
#include <linux/if.h>
#include <linux/route.h>
#include <linux/ipv6_route.h>
#include <tarn/inode.h>
#include <tarn/proc.h>
#include <tarn/printf.h>
#include "inet_internal.h"

/* ---- routes ---- */

static u32 flags4(const struct fib_entry *e)
{
	u32 f = e->type == RTN_UNREACHABLE || e->type == RTN_PROHIBIT ? RTF_REJECT : 0;

	return RTF_UP | f | (e->has_gateway ? RTF_GATEWAY : 0) | (e->plen == 128 ? RTF_HOST : 0);
}

/* Words are printed as they lie in memory: that is how route(8) reads them. */
static bool show_route(const struct fib_entry *e, void *arg)
{
	struct strbuf *out = arg, line = STRBUF_INIT;
	u32 mask = cpu_to_be32(e->plen > 96 ? 0xffffffffu << (128 - e->plen) : 0).raw;

	if (e->table != RT_TABLE_MAIN || e->type == RTN_BROADCAST || e->type == RTN_MULTICAST)
		return true;
	strbuf_printf(&line, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%d\t%08X\t%d\t%u\t%u",
		      e->dev ? e->dev->name : "*", addr_v4(&e->prefix).raw,
		      e->has_gateway ? addr_v4(&e->gateway).raw : 0, flags4(e), 0, 0,
		      (int)e->metric, mask, (int)e->advmss, e->window, 0u);
	strbuf_pad(&line, 127);
	strbuf_printf(out, "%s\n", strbuf_str(&line));
	strbuf_free(&line);
	return true;
}

static int route_show(struct strbuf *out)
{
	strbuf_puts(out, "Iface\tDestination\tGateway "
			 "\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	strbuf_pad(out, 127);
	strbuf_putc(out, '\n');
	mutex_lock(&current_net()->config); /* not RCU: the text may grow, and that may sleep */
	fib_walk(current_net(), false, show_route, out);
	mutex_unlock(&current_net()->config);
	return 0;
}
static const struct proc_entry route_entry = { .path = "net/route", .show = route_show };
SECTION_SET(proc_entries, route_entry);

static void put_hex(struct strbuf *out, const void *p, u32 n)
{
	for (u32 i = 0; i < n; i++)
		strbuf_printf(out, "%02x", ((const u8 *)p)[i]);
}

static bool show_route6(const struct fib_entry *e, void *arg)
{
	static const struct inet_addr none;
	struct strbuf *out = arg;
	u32 flags = RTF_UP | (e->has_gateway ? RTF_GATEWAY : 0) | (e->plen == 128 ? RTF_HOST : 0) |
		    (e->expires ? RTF_EXPIRES : 0) |
		    (e->protocol == RTPROT_RA ? RTF_ADDRCONF | RTF_DEFAULT : 0) |
		    (e->type == RTN_LOCAL ? RTF_LOCAL : 0) |
		    (e->dev ? 0 : RTF_REJECT | RTF_NONEXTHOP);

	put_hex(out, &e->prefix, 16);
	strbuf_printf(out, " %02x ", e->plen);
	put_hex(out, &none, 16);
	strbuf_puts(out, " 00 ");
	put_hex(out, e->has_gateway ? &e->gateway : &none, 16);
	strbuf_printf(out, " %08x %08x %08x %08x %8s\n", e->type == RTN_LOCAL ? 0 : e->metric, 1u,
		      0u, flags, e->dev ? e->dev->name : "lo");
	return true;
}

static int route6_show(struct strbuf *out)
{
	mutex_lock(&current_net()->config);
	fib_walk(current_net(), true, show_route6, out);
	mutex_unlock(&current_net()->config);
	return 0;
}
static const struct proc_entry route6_entry = { .path = "net/ipv6_route", .show = route6_show };
SECTION_SET(proc_entries, route6_entry);

/* ---- neighbours, addresses ---- */

/*
 * What is walked under a spinlock or RCU must not grow the text, which may sleep: room is made before, by the number of
 * things to tell; what came since then and does not fit is left out.
 */
#define LINE_MAX 256u
static bool has_room(const struct strbuf *out)
{
	return out->cap >= out->len + LINE_MAX;
}

static int make_room(struct strbuf *out, u32 lines)
{
	return strbuf_reserve(out, out->len + (lines + 16u) * (size_t)LINE_MAX);
}

static bool show_arp(struct neigh *n, void *arg)
{
	struct strbuf *out = arg;
	const u8 *a = n->addr.b + 12, *h = n->hw;
	char ip[20], hw[20];

	if (!has_room(out))
		return false;
	if (!addr_is_v4(&n->addr) || n->state & NUD_NOARP)
		return true;
	snprintf(ip, sizeof(ip), "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	snprintf(hw, sizeof(hw), "%02x:%02x:%02x:%02x:%02x:%02x", h[0], h[1], h[2], h[3], h[4],
		 h[5]);
	strbuf_printf(out, "%-16s 0x%-10x0x%-10x%-17s     %-8s %s\n", ip, n->dev->type,
		      n->state & NUD_VALID_ ? 2 | (n->state & NUD_PERMANENT ? 4 : 0) : 0, hw, "*",
		      n->dev->name);
	return true;
}

static int arp_show(struct strbuf *out)
{
	strbuf_puts(
		out,
		"IP address       HW type     Flags       HW address            Mask     Device\n");
	if (make_room(out, atomic_load(&current_net()->inet->nr_neighs)))
		return -ENOMEM;
	neigh_walk(current_net(), show_arp, out);
	return 0;
}
static const struct proc_entry arp_entry = { .path = "net/arp", .show = arp_show };
SECTION_SET(proc_entries, arp_entry);

/* As ipv6(7)'s programs know them: host, link, site, global. */
static u32 scope_shown(const struct inet_addr *a)
{
	u8 scope = addr_scope6(a);

	return addr_is_loopback(a) ? 0x10 : scope == 2 ? 0x20 : scope == 5 ? 0x40 : 0;
}

static int if_inet6_show(struct strbuf *out)
{
	struct net_device *d;
	struct inet_address *a;

	mutex_lock(&current_net()->config);
	LIST_FOR_EACH(d, &current_net()->devices, node) {
		struct in_device *in = inet_dev(d, true);

		if (!in)
			continue;
		LIST_FOR_EACH(a, &in->addrs, node) {
			put_hex(out, &a->local, 16);
			strbuf_printf(out, " %02x %02x %02x %02x %8s\n", (u32)d->ifindex, a->plen,
				      scope_shown(&a->local),
				      (u8)atomic_load(&a->flags), d->name);
		}
	}
	mutex_unlock(&current_net()->config);
	return 0;
}
static const struct proc_entry if_inet6_entry = { .path = "net/if_inet6", .show = if_inet6_show };
SECTION_SET(proc_entries, if_inet6_entry);

/* ---- sockets ---- */

static void put_end(struct strbuf *out, bool v6, const struct inet_addr *a, u16 port)
{
	if (!v6)
		strbuf_printf(out, "%08X:%04X", addr_v4(a).raw, port);
	else
		strbuf_printf(out, "%08X%08X%08X%08X:%04X", a->w[0].raw, a->w[1].raw, a->w[2].raw,
			      a->w[3].raw, port);
}

static void show_sock(struct strbuf *out, struct inet_sock *s, u32 slot)
{
	struct socket *sock = rcu_dereference(s->sk.socket);

	strbuf_printf(out, "%5u: ", slot);
	put_end(out, s->v6, &s->rcv_addr, s->num);
	strbuf_putc(out, ' ');
	put_end(out, s->v6, &s->dst, be16_to_cpu(s->dport));
	strbuf_printf(out, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %p %u",
		      s->connected ? 1 : 7, atomic_load(&s->sk.wmem), atomic_load(&s->sk.rmem), 0,
		      0ul, 0, s->sk.uid, 0, sock && sock->inode ? (ulong)sock->inode->ino : 0ul,
		      (int)ref_read(&s->sk.refs), (void *)0, atomic_load(&s->sk.drops));
	if (!s->v6)
		strbuf_pad(out, 127);
	strbuf_putc(out, '\n');
}

static bool of_kind(const struct inet_sock *s, int type, int protocol)
{
	return s->sk.type == type && (type == SOCK_RAW || s->sk.protocol == protocol);
}

static int socks_show(struct strbuf *out, bool v6, int type, int protocol)
{
	struct inet_net *n = current_net()->inet;
	struct inet_sock *s;
	u32 slot = 0;

	if (v6) {
		strbuf_puts(
			out,
			"  sl  local_address                         remote_address                "
			"        st tx_queue "
			"rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n");
	} else {
		strbuf_puts(out, type == SOCK_DGRAM && protocol == IPPROTO_UDP
					 ? "   sl  local_address rem_address   st tx_queue "
					   "rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
					   "pointer drops"
					 : "  sl  local_address rem_address   st tx_queue rx_queue "
					   "tr tm->when retrnsmt   uid  timeout inode ref "
					   "pointer drops");
		strbuf_pad(out, 127);
		strbuf_putc(out, '\n');
	}
	if (make_room(out, atomic_load(&n->nr_socks[0]) + atomic_load(&n->nr_socks[1]) +
				   atomic_load(&n->nr_socks[2])))
		return -ENOMEM;
	rcu_read_lock();
	spin_lock(&n->all_lock);
	LIST_FOR_EACH(s, &n->all, net_node)
		if (has_room(out) && s->v6 == v6 && of_kind(s, type, protocol) &&
		    (s->num || type == SOCK_RAW))
			show_sock(out, s, slot++);
	spin_unlock(&n->all_lock);
	rcu_read_unlock();
	return 0;
}
#define SOCKS(name, v6, type, protocol)                                              \
	static int name##_show(struct strbuf *out)                                   \
	{                                                                            \
		return socks_show(out, v6, type, protocol);                          \
	}                                                                            \
	static const struct proc_entry name##_entry = { \
		.path = "net/" #name, .show = name##_show, \
	}; \
	SECTION_SET(proc_entries, name##_entry)
SOCKS(udp, false, SOCK_DGRAM, IPPROTO_UDP);
SOCKS(udp6, true, SOCK_DGRAM, IPPROTO_UDP);
SOCKS(raw, false, SOCK_RAW, 0);
SOCKS(raw6, true, SOCK_RAW, 0);
SOCKS(icmp, false, SOCK_DGRAM, IPPROTO_ICMP);
SOCKS(icmp6, true, SOCK_DGRAM, IPPROTO_ICMPV6);
