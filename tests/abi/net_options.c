// SPDX-License-Identifier: MIT
/* SOL_IP and SOL_IPV6 options of datagram sockets: defaults, ranges, errors, lengths. */
#include "net.h"
#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static const struct {
	const char *what;
	int family, level, name, initial;
	int good[3], ngood;  /* values that are taken and told again */
	int bad[3], nbad, err;
} rows[] = {
#define V4(n) #n, AF_INET, IPPROTO_IP, n
#define V6(n) #n, AF_INET6, IPPROTO_IPV6, n
	{ V4(IP_TTL), 64, { 1, 255, 7 }, 3, { 0, 256, -2 }, 3, EINVAL },
	{ V4(IP_TOS), 0, { 0x10, 0xff, 0 }, 3, { 0 }, 0, 0 },
	{ V4(IP_MTU_DISCOVER), 1, { 0, 2, 5 }, 3, { -1, 6, 100 }, 3, EINVAL },
	{ V4(IP_RECVERR), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_PKTINFO), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_RECVTTL), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_RECVTOS), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_RECVORIGDSTADDR), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_MULTICAST_TTL), 1, { 0, 255, 3 }, 3, { -2, 256, 1000 }, 3, EINVAL },
	{ V4(IP_MULTICAST_LOOP), 1, { 0, 1, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_MULTICAST_ALL), 1, { 0, 1, 0 }, 2, { 2, -1, 7 }, 3, EINVAL },
	{ V4(IP_FREEBIND), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_TRANSPARENT), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V4(IP_MINTTL), 0, { 255, 0, 1 }, 3, { -1, 256, 1000 }, 3, EINVAL },
	{ V4(IP_BIND_ADDRESS_NO_PORT), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V6(IPV6_V6ONLY), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V6(IPV6_UNICAST_HOPS), 64, { 0, 255, 7 }, 3, { -2, 256, 1000 }, 3, EINVAL },
	{ V6(IPV6_MULTICAST_HOPS), 1, { 0, 255, 7 }, 3, { -2, 256, 1000 }, 3, EINVAL },
	{ V6(IPV6_TCLASS), 0, { 255, 16, 0 }, 3, { -2, 256, 1000 }, 3, EINVAL },
	{ V6(IPV6_MULTICAST_LOOP), 1, { 0, 1, 0 }, 2, { 2, -1, 7 }, 3, EINVAL },
	{ V6(IPV6_RECVPKTINFO), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V6(IPV6_RECVHOPLIMIT), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V6(IPV6_RECVTCLASS), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V6(IPV6_RECVERR), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V6(IPV6_DONTFRAG), 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ V6(IPV6_MTU_DISCOVER), 1, { 0, 2, 5 }, 3, { -1, 6, 100 }, 3, EINVAL },
	{ "UDP_CORK", AF_INET, IPPROTO_UDP, UDP_CORK, 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
	{ "UDP_SEGMENT", AF_INET, IPPROTO_UDP, UDP_SEGMENT, 0, { 1000, 65535, 0 }, 3, { -1, 65536, 1 << 20 }, 3, EINVAL },
	{ "UDP_GRO", AF_INET, IPPROTO_UDP, UDP_GRO, 0, { 1, 0, 0 }, 2, { 0 }, 0, 0 },
};

TEST_ROWS(option_number, rows)
{
	int s = (own_net(), socket(row->family, SOCK_DGRAM, 0)), now;

	CHECK(s >= 0);
	CHECK_EQ(get_int(s, row->level, row->name), row->initial);
	for (int i = 0; i < row->ngood; i++) {
		CHECK(set_int(s, row->level, row->name, row->good[i]) == 0);
		CHECK_EQ(get_int(s, row->level, row->name), row->good[i]);
	}
	now = get_int(s, row->level, row->name);
	for (int i = 0; i < row->nbad; i++) {
		CHECK_ERR(set_int(s, row->level, row->name, row->bad[i]), row->err);
		CHECK_EQ(get_int(s, row->level, row->name), now);
	}
}

TEST(unknown_options)
{
	int s4, s6, v = 1;

	own_net();
	s4 = socket(AF_INET, SOCK_DGRAM, 0);
	s6 = socket(AF_INET6, SOCK_DGRAM, 0);
	CHECK_ERR(set_int(s4, IPPROTO_IP, 9999, v), ENOPROTOOPT);
	CHECK_ERR(set_int(s6, IPPROTO_IPV6, 9999, v), ENOPROTOOPT);
	CHECK_ERR(set_int(s4, IPPROTO_UDP, 9999, v), ENOPROTOOPT);
	CHECK_ERR(set_int(s4, IPPROTO_IP, IP_HDRINCL, v), ENOPROTOOPT);
}

TEST(a_byte_is_enough_for_ip)
{
	unsigned char b = 9;
	socklen_t len = 1;
	int s = (own_net(), socket(AF_INET, SOCK_DGRAM, 0));

	CHECK(setsockopt(s, IPPROTO_IP, IP_TTL, &b, 1) == 0);
	CHECK_EQ(get_int(s, IPPROTO_IP, IP_TTL), 9);
	b = 0;
	CHECK(getsockopt(s, IPPROTO_IP, IP_TTL, &b, &len) == 0);
	CHECK_EQ(len, 1);
	CHECK_EQ(b, 9);
	CHECK(setsockopt(s, IPPROTO_IP, IP_MULTICAST_LOOP, "\0", 1) == 0);
	CHECK_EQ(get_int(s, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
}

TEST(a_byte_is_too_short_for_ipv6)
{
	unsigned char b = 9;
	int s = (own_net(), socket(AF_INET6, SOCK_DGRAM, 0));

	CHECK_ERR(setsockopt(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &b, 1), EINVAL);
}

TEST(mtu_of_a_connected_socket)
{
	int s = (own_net(), socket(AF_INET, SOCK_DGRAM, 0)), v;
	socklen_t len = sizeof(v);

	CHECK_ERR(getsockopt(s, IPPROTO_IP, 14 /* IP_MTU */, &v, &len), ENOTCONN);
	CHECK(connect_to(s, "127.0.0.1", 9) == 0);
	CHECK(get_int(s, IPPROTO_IP, 14) >= 65535);
}

TEST(memberships)
{
	struct ip_mreq m = { 0 };
	int s = (own_net(), socket(AF_INET, SOCK_DGRAM, 0));

	inet_pton(AF_INET, "224.1.2.3", &m.imr_multiaddr);
	inet_pton(AF_INET, "127.0.0.1", &m.imr_interface);
	CHECK(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) == 0);
	CHECK_ERR(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), EADDRINUSE);
	CHECK(setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)) == 0);
	CHECK_ERR(setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)), EADDRNOTAVAIL);
	CHECK_ERR(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, 4), EINVAL);
	inet_pton(AF_INET, "10.1.2.3", &m.imr_multiaddr);
	CHECK_ERR(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), EINVAL);
	inet_pton(AF_INET, "224.1.2.3", &m.imr_multiaddr);
	inet_pton(AF_INET, "192.0.2.9", &m.imr_interface);
	CHECK_ERR(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), ENODEV);
}

TEST(memberships_are_limited)
{
	struct ip_mreq m = { 0 };
	int s = (own_net(), socket(AF_INET, SOCK_DGRAM, 0)), n = 0;

	inet_pton(AF_INET, "127.0.0.1", &m.imr_interface);
	for (; n < 1000; n++) {
		m.imr_multiaddr.s_addr = htonl(0xe0010000u + (unsigned)n);
		if (setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)))
			break;
	}
	CHECK_EQ(errno, ENOBUFS);
	CHECK_EQ(n, 20);
}

TEST(memberships_six)
{
	struct ipv6_mreq m = { .ipv6mr_interface = 1 };
	int s = (own_net(), socket(AF_INET6, SOCK_DGRAM, 0));

	inet_pton(AF_INET6, "ff02::1234", &m.ipv6mr_multiaddr);
	CHECK(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)) == 0);
	CHECK_ERR(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)), EADDRINUSE);
	CHECK(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof(m)) == 0);
	CHECK_ERR(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof(m)), EADDRNOTAVAIL);
	m.ipv6mr_interface = 9999;
	CHECK_ERR(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)), ENODEV);
	inet_pton(AF_INET6, "2001:db8::1", &m.ipv6mr_multiaddr);
	CHECK_ERR(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)), EINVAL);
}

TEST(transparent_needs_capability)
{
	own_net();
	WAIT_OK(CHILD({
		int s;

		CHECK(setuid(12345) == 0);
		s = socket(AF_INET, SOCK_DGRAM, 0);
		CHECK_ERR(set_int(s, IPPROTO_IP, IP_TRANSPARENT, 1), EPERM);
		CHECK(set_int(s, IPPROTO_IP, IP_FREEBIND, 1) == 0);
	}));
}
