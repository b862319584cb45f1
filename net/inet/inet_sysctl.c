// SPDX-License-Identifier: MIT
/*
 * net.ipv4 and net.ipv6 settings that do what they say, each of its reader's namespace.
 *
 * Not here, and absent in /proc/sys: those of single devices (net.ipv4.conf, net.ipv6.conf, neigh), TCP's.
 */
#include <linux/capability.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include "inet_internal.h"

#define SETTING(name, at_path, low, high)                                                      \
	static int *name##_at(const struct namespaces *ns)                                     \
	{                                                                                      \
		return &current_net()->inet->conf.name;                                        \
	}                                                                                      \
	static const struct sysctl name##_sysctl = { \
		.path = at_path, .at = name##_at, .min = (low), .max = (high), \
	}; \
	SECTION_SET(sysctls, name##_sysctl)

SETTING(ip_forward, "net/ipv4/ip_forward", 0, 1);
SETTING(ip6_forward, "net/ipv6/conf/all/forwarding", 0, 1);
SETTING(default_ttl, "net/ipv4/ip_default_ttl", 1, 255);
SETTING(default_hops, "net/ipv6/conf/all/hop_limit", 1, 255);
SETTING(unprivileged_port, "net/ipv4/ip_unprivileged_port_start", 0, 65535);
SETTING(echo_ignore_all, "net/ipv4/icmp_echo_ignore_all", 0, 1);
SETTING(echo_ignore_broadcasts, "net/ipv4/icmp_echo_ignore_broadcasts", 0, 1);
SETTING(no_pmtu_disc, "net/ipv4/ip_no_pmtu_disc", 0, 1);
SETTING(nonlocal_bind, "net/ipv4/ip_nonlocal_bind", 0, 1);
SETTING(nonlocal_bind6, "net/ipv6/ip_nonlocal_bind", 0, 1);
SETTING(bindv6only, "net/ipv6/bindv6only", 0, 1);
SETTING(frag_high, "net/ipv4/ipfrag_high_thresh", 0, 0x7fffffff);
SETTING(frag_time, "net/ipv4/ipfrag_time", 0, 86400);
SETTING(frag6_high, "net/ipv6/ip6frag_high_thresh", 0, 0x7fffffff);
SETTING(frag6_time, "net/ipv6/ip6frag_time", 0, 86400);
SETTING(gc_thresh2, "net/ipv4/neigh/default/gc_thresh2", 0, 1 << 20);
SETTING(gc_thresh3, "net/ipv4/neigh/default/gc_thresh3", 1, 1 << 20);
SETTING(igmp_max_memberships, "net/ipv4/igmp_max_memberships", 0, 65535);

/* ---- two numbers ---- */

/* The next number of *text, spaces before it skipped. */
static bool take_number(const char **text, u64 *out)
{
	const char *p = *text;

	while (*p == ' ' || *p == '\t')
		p++;
	if (*p < '0' || *p > '9')
		return false;
	for (*out = 0; *p >= '0' && *p <= '9'; p++) {
		*out = *out * 10 + (u64)(*p - '0');
		if (*out > 0xffffffffu)
			return false;
	}
	*text = p;
	return true;
}

static bool take_pair(const char *text, u64 *a, u64 *b)
{
	if (!take_number(&text, a) || !take_number(&text, b))
		return false;
	while (*text == ' ' || *text == '\t' || *text == '\n')
		text++;
	return !*text;
}

static int port_range_show(struct strbuf *out)
{
	const struct inet_conf *c = &current_net()->inet->conf;

	strbuf_printf(out, "%d\t%d\n", READ_ONCE(c->port_first), READ_ONCE(c->port_last));
	return 0;
}

static ssize_t port_range_write(const char *text, size_t n)
{
	struct inet_conf *c = &current_net()->inet->conf;
	u64 a, b;

	if (!take_pair(text, &a, &b) || !a || a > b || b > 65535)
		return -EINVAL;
	WRITE_ONCE(c->port_first, (int)a); /* a reader between the two sees one of them: range() bears it */
	WRITE_ONCE(c->port_last, (int)b);
	return (ssize_t)n;
}
static const struct proc_entry port_range_entry = {
	.path = "sys/net/ipv4/ip_local_port_range",
	.show = port_range_show,
	.write = port_range_write,
};
SECTION_SET(proc_entries, port_range_entry);

static int ping_range_show(struct strbuf *out)
{
	const struct inet_conf *c = &current_net()->inet->conf;

	strbuf_printf(out, "%u\t%u\n", (u32)READ_ONCE(c->ping_first), (u32)READ_ONCE(c->ping_last));
	return 0;
}

static ssize_t ping_range_write(const char *text, size_t n)
{
	struct inet_conf *c = &current_net()->inet->conf;
	u64 a, b;

	if (!take_pair(text, &a, &b) || a > 0x7fffffff || b > 0x7fffffff)
		return -EINVAL;
	if (b < a) { /* nobody: as Linux writes it down */
		a = 1;
		b = 0;
	}
	WRITE_ONCE(c->ping_first, (int)a);
	WRITE_ONCE(c->ping_last, (int)b);
	return (ssize_t)n;
}
static const struct proc_entry ping_range_entry = {
	.path = "sys/net/ipv4/ping_group_range", .show = ping_range_show, .write = ping_range_write,
};
SECTION_SET(proc_entries, ping_range_entry);
