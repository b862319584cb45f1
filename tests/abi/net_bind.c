// SPDX-License-Identifier: MIT
/* bind(2) of AF_INET and AF_INET6 datagram sockets: who may share a port with whom, which addresses are taken. */
#include "net.h"

#ifndef SO_REUSEPORT
#define SO_REUSEPORT 15
#endif

enum { ADDR = 1, PORT = 2, ONLY6 = 4, MAPPED_OFF = 0 };

static int make(const char *text, int flags)
{
	int s = socket(strchr(text, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	CHECK(s >= 0);
	if (flags & ADDR)
		CHECK(set_int(s, SOL_SOCKET, SO_REUSEADDR, 1) == 0);
	if (flags & PORT)
		CHECK(set_int(s, SOL_SOCKET, SO_REUSEPORT, 1) == 0);
	if (flags & ONLY6)
		CHECK(set_int(s, IPPROTO_IPV6, IPV6_V6ONLY, 1) == 0);
	return s;
}

/* The first is bound, then the second to the same port. */
static const struct {
	const char *what, *first;
	int first_flags;
	const char *second;
	int second_flags, err;
} pairs[] = {
	{ "same address", "127.0.0.1", 0, "127.0.0.1", 0, EADDRINUSE },
	{ "other address", "127.0.0.1", 0, "127.0.0.2", 0, 0 },
	{ "any, then one", "0.0.0.0", 0, "127.0.0.1", 0, EADDRINUSE },
	{ "one, then any", "127.0.0.1", 0, "0.0.0.0", 0, EADDRINUSE },
	{ "any twice", "0.0.0.0", 0, "0.0.0.0", 0, EADDRINUSE },
	{ "both reuseaddr", "127.0.0.1", ADDR, "127.0.0.1", ADDR, 0 },
	{ "first reuseaddr", "127.0.0.1", ADDR, "127.0.0.1", 0, EADDRINUSE },
	{ "second reuseaddr", "127.0.0.1", 0, "127.0.0.1", ADDR, EADDRINUSE },
	{ "both reuseport", "127.0.0.1", PORT, "127.0.0.1", PORT, 0 },
	{ "first reuseport", "127.0.0.1", PORT, "127.0.0.1", 0, EADDRINUSE },
	{ "second reuseport", "127.0.0.1", 0, "127.0.0.1", PORT, EADDRINUSE },
	{ "addr and port", "127.0.0.1", ADDR, "127.0.0.1", PORT, EADDRINUSE },
	{ "any reuseaddr both", "0.0.0.0", ADDR, "127.0.0.1", ADDR, 0 },
	{ "any reuseport both", "0.0.0.0", PORT, "127.0.0.1", PORT, 0 },
	{ "six any, then four any", "::", 0, "0.0.0.0", 0, EADDRINUSE },
	{ "four any, then six any", "0.0.0.0", 0, "::", 0, EADDRINUSE },
	{ "six any, then four one", "::", 0, "127.0.0.1", 0, EADDRINUSE },
	{ "four one, then six any", "127.0.0.1", 0, "::", 0, EADDRINUSE },
	{ "six only, then four any", "::", ONLY6, "0.0.0.0", 0, 0 },
	{ "four any, then six only", "0.0.0.0", 0, "::", ONLY6, 0 },
	{ "six one, then four any", "::1", 0, "0.0.0.0", 0, 0 },
	{ "six one, then four one", "::1", 0, "127.0.0.1", 0, 0 },
	{ "six one twice", "::1", 0, "::1", 0, EADDRINUSE },
	{ "six any, then six one", "::", 0, "::1", 0, EADDRINUSE },
	{ "six only, then six one", "::", ONLY6, "::1", 0, EADDRINUSE },
	{ "mapped, then four", "::ffff:127.0.0.1", 0, "127.0.0.1", 0, EADDRINUSE },
	{ "mapped, then other four", "::ffff:127.0.0.1", 0, "127.0.0.2", 0, 0 },
	{ "mapped, then six one", "::ffff:127.0.0.1", 0, "::1", 0, 0 },
	{ "mapped any, then six one", "::ffff:0.0.0.0", 0, "::1", 0, 0 },
	{ "mapped any, then four one", "::ffff:0.0.0.0", 0, "127.0.0.1", 0, EADDRINUSE },
	{ "six any and four any reuseaddr", "::", ADDR, "0.0.0.0", ADDR, 0 },
	{ "six any and four any reuseport", "::", PORT, "0.0.0.0", PORT, 0 },
};

TEST_ROWS(bind_pair, pairs)
{
	int a, b, port;

	own_net();
	a = make(row->first, row->first_flags);
	b = make(row->second, row->second_flags);
	CHECK(bind_to(a, row->first, 0) == 0);
	port = port_of(a);
	CHECK(port > 0);
	if (row->err)
		CHECK_ERR(bind_to(b, row->second, port), row->err);
	else
		CHECK(bind_to(b, row->second, port) == 0);
}

static const struct {
	const char *what, *addr;
	int port, err;
} places[] = {
	{ "loopback", "127.0.0.1", 0, 0 },
	{ "all of 127", "127.255.255.254", 0, 0 },
	{ "broadcast of loopback", "127.255.255.255", 0, 0 },
	{ "nobody's", "192.0.2.1", 0, EADDRNOTAVAIL },
	{ "a group", "224.0.0.5", 0, 0 },
	{ "limited broadcast", "255.255.255.255", 0, 0 },
	{ "six loopback", "::1", 0, 0 },
	{ "six nobody's", "2001:db8::1", 0, EADDRNOTAVAIL },
	{ "six link-local without scope", "fe80::1", 0, EINVAL },
	{ "six group", "ff02::5", 0, EINVAL },
	{ "six wide group", "ff0e::5", 0, 0 },
	{ "mapped", "::ffff:127.0.0.1", 0, 0 },
	{ "mapped nobody's", "::ffff:192.0.2.1", 0, EADDRNOTAVAIL },
};

TEST_ROWS(bind_address, places)
{
	int s = (own_net(), make(row->addr, 0));

	if (row->err)
		CHECK_ERR(bind_to(s, row->addr, row->port), row->err);
	else
		CHECK(bind_to(s, row->addr, row->port) == 0);
}

TEST(bind_twice_is_refused)
{
	int s = (own_net(), udp_at("127.0.0.1"));

	CHECK_ERR(bind_to(s, "127.0.0.1", 0), EINVAL);
}

TEST(bind_lengths_and_families)
{
	int s4, s6;
	socklen_t len;
	union addr a;

	own_net();
	s4 = make("0.0.0.0", 0);
	s6 = make("::", 0);
	a = addr_of("127.0.0.1", 0, &len);
	CHECK_ERR(bind(s4, &a.any, 15), EINVAL);
	CHECK_ERR(bind(s6, &a.any, len), EINVAL);
	a = addr_of("::1", 0, &len);
	CHECK_ERR(bind(s4, &a.any, len), EAFNOSUPPORT);
	CHECK_ERR(bind(s6, &a.any, 23), EINVAL);
	CHECK(bind(s6, &a.any, 24) == 0); /* without a scope: RFC 2133 */
	a = addr_of("0.0.0.0", 0, &len);
	a.in.sin_family = AF_UNSPEC;
	CHECK(bind(s4, &a.any, len) == 0);
	s4 = make("0.0.0.0", 0);
	a = addr_of("127.0.0.1", 0, &len);
	a.in.sin_family = AF_UNSPEC;
	CHECK_ERR(bind(s4, &a.any, len), EAFNOSUPPORT);
}

TEST(bind_mapped_needs_dual_stack)
{
	int s = (own_net(), make("::", ONLY6));

	CHECK_ERR(bind_to(s, "::ffff:127.0.0.1", 0), EINVAL);
}

TEST(v6only_only_before_bind)
{
	int s = (own_net(), udp_at("::"));

	CHECK_ERR(set_int(s, IPPROTO_IPV6, IPV6_V6ONLY, 1), EINVAL);
}

TEST(freebind_takes_what_is_not_here)
{
	int s = (own_net(), make("0.0.0.0", 0));

	CHECK(set_int(s, IPPROTO_IP, IP_FREEBIND, 1) == 0);
	CHECK(bind_to(s, "192.0.2.1", 0) == 0);
}

TEST(ports_the_kernel_picks_are_in_the_range)
{
	own_net();
	for (int i = 0; i < 100; i++) {
		int s = udp_at(i & 1 ? "::1" : "127.0.0.1"), port = port_of(s);

		CHECK(port >= 32768 && port <= 60999);
	}
}

TEST(port_is_free_after_close)
{
	int s = (own_net(), udp_at("127.0.0.1")), port = port_of(s);

	close(s);
	s = make("127.0.0.1", 0);
	CHECK(bind_to(s, "127.0.0.1", port) == 0);
}

TEST(privileged_port_needs_capability)
{
	own_net();
	WAIT_OK(CHILD({
		int s;

		CHECK(setuid(12345) == 0);
		s = make("127.0.0.1", 0);
		CHECK_ERR(bind_to(s, "127.0.0.1", 1023), EACCES);
		CHECK(bind_to(s, "127.0.0.1", 1024) == 0);
	}));
}

TEST(reuseport_is_for_one_user)
{
	int a, port;

	own_net();
	a = make("127.0.0.1", PORT);
	CHECK(bind_to(a, "127.0.0.1", 0) == 0);
	port = port_of(a);
	WAIT_OK(CHILD({
		int s;

		CHECK(setuid(12345) == 0);
		s = make("127.0.0.1", PORT);
		CHECK_ERR(bind_to(s, "127.0.0.1", port), EADDRINUSE);
	}));
}

static const struct {
	const char *what;
	int family, type, protocol, err;
} kinds[] = {
	{ "udp", AF_INET, SOCK_DGRAM, 0, 0 },
	{ "udp by number", AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0 },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0, 0 },
	{ "datagram tcp", AF_INET, SOCK_DGRAM, IPPROTO_TCP, EPROTONOSUPPORT },
	{ "stream udp", AF_INET, SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT },
	{ "raw without protocol", AF_INET, SOCK_RAW, 0, EPROTONOSUPPORT },
	{ "raw", AF_INET, SOCK_RAW, IPPROTO_ICMP, 0 },
	{ "raw any protocol", AF_INET, SOCK_RAW, 200, 0 },
	{ "negative protocol", AF_INET, SOCK_DGRAM, -1, EINVAL },
	{ "protocol too large", AF_INET, SOCK_DGRAM, 1000, EINVAL },
	{ "seqpacket", AF_INET, SOCK_SEQPACKET, 0, ESOCKTNOSUPPORT },
	{ "type 6", AF_INET, 6, 0, ESOCKTNOSUPPORT },
	{ "icmp for six", AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, EPROTONOSUPPORT },
};

TEST_ROWS(socket_kind, kinds)
{
	own_net();
	if (row->err)
		CHECK_ERR(socket(row->family, row->type, row->protocol), row->err);
	else
		CHECK(socket(row->family, row->type, row->protocol) >= 0);
}

TEST(raw_needs_capability)
{
	own_net();
	WAIT_OK(CHILD({
		CHECK(setuid(12345) == 0);
		CHECK_ERR(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
		CHECK_ERR(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), EPERM);
	}));
}
