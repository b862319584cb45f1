// SPDX-License-Identifier: MIT
/* Options of UDP and TCP that were kept without any effect. */
#include "net.h"
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>

#define NO_CHECK6_TX 101
#define NO_CHECK6_RX 102
#define NOTSENT_LOWAT 25

static int set(int s, int level, int name, int value)
{
	return setsockopt(s, level, name, &value, sizeof(value));
}

/* RFC 6935: a datagram over IPv6 may go without a checksum, and is taken by who asked for such alone. */
TEST(udp6_without_a_checksum)
{
	int r, s;
	char c;

	own_net();
	r = udp_at("::1");
	s = udp_at("::1");
	CHECK(!set(s, IPPROTO_UDP, NO_CHECK6_TX, 1));
	CHECK_EQ(send_to(s, "a", 1, "::1", port_of(r)), 1);
	CHECK(!set(s, IPPROTO_UDP, NO_CHECK6_TX, 0));
	CHECK_EQ(send_to(s, "b", 1, "::1", port_of(r)), 1);
	CHECK_EQ(recv(r, &c, 1, 0), 1);
	CHECK_EQ(c, 'b');
	CHECK(!set(s, IPPROTO_UDP, NO_CHECK6_TX, 1) && !set(r, IPPROTO_UDP, NO_CHECK6_RX, 1));
	CHECK_EQ(send_to(s, "c", 1, "::1", port_of(r)), 1);
	CHECK_EQ(recv(r, &c, 1, 0), 1);
	CHECK_EQ(c, 'c');
}

/* tcp(7): no more than so many bytes wait to be sent for the first time, however large SO_SNDBUF is. */
TEST(tcp_notsent_lowat_ends_writing)
{
	static char block[16384];
	struct pollfd p = { .events = POLLOUT };
	int l, a, b, waiting;

	own_net();
	l = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(!set(l, SOL_SOCKET, SO_RCVBUF, 8192) && !bind_to(l, "127.0.0.1", 0) && !listen(l, 1));
	a = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(!set(a, SOL_SOCKET, SO_SNDBUF, 200000));
	CHECK(!connect_to(a, "127.0.0.1", port_of(l)));
	b = accept(l, NULL, NULL);
	CHECK(b >= 0);
	CHECK(!set(a, IPPROTO_TCP, NOTSENT_LOWAT, 20000));
	CHECK(!fcntl(a, F_SETFL, O_NONBLOCK));
	while (send(a, block, sizeof(block), 0) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	p.fd = a;
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK(!ioctl(a, SIOCOUTQNSD, &waiting));
	CHECK(waiting >= 20000 && waiting <= 20000 + (int)sizeof(block));
	while (recv(b, block, sizeof(block), MSG_DONTWAIT) > 0 || !poll(&p, 1, 10))
		;
	CHECK_EQ(poll(&p, 1, 0), 1);
}
