// SPDX-License-Identifier: MIT
/*
 * Counters for programs: /proc/net/snmp (RFC 4293, 4113), snmp6. Lines of names, lines of numbers. Counted are those of
 * enum inet_counter; TCP's line is absent.
 */
#include <tarn/proc.h>
#include "inet_internal.h"

static unsigned long long get(enum inet_counter c, bool v6)
{
	return atomic_load_explicit(&current_net()->inet->counters[v6][c], memory_order_relaxed);
}
#define N(name) get(name, false)

static int snmp_show(struct strbuf *out)
{
	const struct inet_conf *c = &current_net()->inet->conf;

	strbuf_puts(out, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors "
			 "ForwDatagrams InUnknownProtos InDiscards "
			 "InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds "
			 "ReasmOKs ReasmFails FragOKs "
			 "FragFails FragCreates\n");
	strbuf_printf(out,
		      "Ip: %d %d %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu "
		      "%llu %llu %llu %llu\n",
		      c->ip_forward ? 1 : 2, c->default_ttl, N(IP_IN_RECEIVES), N(IP_IN_HDR_ERRORS),
		      N(IP_IN_ADDR_ERRORS), N(IP_FORWARDED), N(IP_IN_UNKNOWN_PROTOS),
		      N(IP_IN_DISCARDS), N(IP_IN_DELIVERS), N(IP_OUT_REQUESTS), N(IP_OUT_DISCARDS),
		      N(IP_OUT_NO_ROUTES), N(IP_REASM_TIMEOUT), N(IP_REASM_REQDS), N(IP_REASM_OKS),
		      N(IP_REASM_FAILS), N(IP_FRAG_OKS), N(IP_FRAG_FAILS), N(IP_FRAG_CREATES));
	strbuf_puts(out,
		    "Icmp: InMsgs InErrors InCsumErrors OutMsgs OutErrors OutRateLimitGlobal\n");
	strbuf_printf(out, "Icmp: %llu %llu %llu %llu %llu %llu\n", N(ICMP_IN_MSGS),
		      N(ICMP_IN_ERRORS), N(ICMP_IN_CSUM_ERRORS), N(ICMP_OUT_MSGS),
		      N(ICMP_OUT_ERRORS), N(ICMP_OUT_LIMITED));
	strbuf_puts(out, "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors "
			 "InCsumErrors IgnoredMulti\n");
	strbuf_printf(out, "Udp: %llu %llu %llu %llu %llu %llu %llu %llu\n", N(UDP_IN_DATAGRAMS),
		      N(UDP_NO_PORTS), N(UDP_IN_ERRORS), N(UDP_OUT_DATAGRAMS), N(UDP_RCVBUF_ERRORS),
		      N(UDP_SNDBUF_ERRORS), N(UDP_IN_CSUM_ERRORS), N(UDP_IGNORED_MULTI));
	return 0;
}
static const struct proc_entry snmp_entry = { .path = "net/snmp", .show = snmp_show };
SECTION_SET(proc_entries, snmp_entry);

static int snmp6_show(struct strbuf *out)
{
	static const struct {
		const char *name;
		enum inet_counter c;
	} rows[] = {
		{ "Ip6InReceives", IP_IN_RECEIVES },
		{ "Ip6InHdrErrors", IP_IN_HDR_ERRORS },
		{ "Ip6InAddrErrors", IP_IN_ADDR_ERRORS },
		{ "Ip6InUnknownProtos", IP_IN_UNKNOWN_PROTOS },
		{ "Ip6InDelivers", IP_IN_DELIVERS },
		{ "Ip6OutForwDatagrams", IP_FORWARDED },
		{ "Ip6OutRequests", IP_OUT_REQUESTS },
		{ "Ip6ReasmTimeout", IP_REASM_TIMEOUT },
		{ "Ip6ReasmReqds", IP_REASM_REQDS },
		{ "Ip6ReasmOKs", IP_REASM_OKS },
		{ "Ip6ReasmFails", IP_REASM_FAILS },
		{ "Ip6FragOKs", IP_FRAG_OKS },
		{ "Ip6FragFails", IP_FRAG_FAILS },
		{ "Ip6FragCreates", IP_FRAG_CREATES },
		{ "Icmp6InMsgs", ICMP_IN_MSGS },
		{ "Icmp6InErrors", ICMP_IN_ERRORS },
		{ "Icmp6OutMsgs", ICMP_OUT_MSGS },
		{ "Icmp6OutErrors", ICMP_OUT_ERRORS },
		{ "Icmp6InCsumErrors", ICMP_IN_CSUM_ERRORS },
		{ "Udp6InDatagrams", UDP_IN_DATAGRAMS },
		{ "Udp6NoPorts", UDP_NO_PORTS },
		{ "Udp6InErrors", UDP_IN_ERRORS },
		{ "Udp6OutDatagrams", UDP_OUT_DATAGRAMS },
		{ "Udp6RcvbufErrors", UDP_RCVBUF_ERRORS },
		{ "Udp6SndbufErrors", UDP_SNDBUF_ERRORS },
		{ "Udp6InCsumErrors", UDP_IN_CSUM_ERRORS },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		strbuf_printf(out, "%-32s\t%llu\n", rows[i].name, get(rows[i].c, true));
	return 0;
}
static const struct proc_entry snmp6_entry = { .path = "net/snmp6", .show = snmp6_show };
SECTION_SET(proc_entries, snmp6_entry);
