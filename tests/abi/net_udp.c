// SPDX-License-Identifier: MIT
/* UDP over the loopback: delivery, connected sockets, truncation, control messages, corking, errors, poll bits. */
#include "net.h"
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <sys/uio.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static const struct {
	const char *what, *bound, *to;
} ways[] = {
	{ "four", "127.0.0.1", "127.0.0.1" },
	{ "six", "::1", "::1" },
	{ "four any", "0.0.0.0", "127.0.0.1" },
	{ "six any", "::", "::1" },
	{ "six any, from four", "::", "127.0.0.1" },
	{ "mapped, from four", "::ffff:127.0.0.1", "127.0.0.1" },
	{ "to 0.0.0.0 is to oneself", "127.0.0.1", "0.0.0.0" },
	{ "to :: is to oneself", "::1", "::" },
	{ "another loopback address", "127.9.8.7", "127.9.8.7" },
};

TEST_ROWS(datagram, ways)
{
	char buf[16];
	union addr from;
	socklen_t len = sizeof(from);
	int r, s;

	own_net();
	r = udp_at(row->bound);
	s = socket(strchr(row->to, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	CHECK_EQ(send_to(s, "hello", 5, row->to, port_of(r)), 5);
	CHECK_EQ(recvfrom(r, buf, sizeof(buf), 0, &from.any, &len), 5);
	CHECK(!memcmp(buf, "hello", 5));
	CHECK_EQ(ntohs(from.any.sa_family == AF_INET6 ? from.in6.sin6_port : from.in.sin_port), port_of(s));
	CHECK_EQ(from.any.sa_family, strchr(row->bound, ':') ? AF_INET6 : AF_INET);
	/* and back */
	CHECK_EQ(sendto(r, "world!", 6, 0, &from.any, len), 6);
	CHECK_EQ(recv(s, buf, sizeof(buf), 0), 6);
}

TEST(mapped_sender_is_shown_mapped)
{
	union addr from;
	socklen_t len = sizeof(from);
	int r, s;
	char c;

	own_net();
	r = udp_at("::");
	s = udp_at("127.0.0.1");
	CHECK_EQ(send_to(s, "x", 1, "127.0.0.1", port_of(r)), 1);
	CHECK_EQ(recvfrom(r, &c, 1, 0, &from.any, &len), 1);
	CHECK_EQ(len, sizeof(from.in6));
	CHECK(IN6_IS_ADDR_V4MAPPED(&from.in6.sin6_addr));
}

static const struct {
	const char *what;
	size_t n;
} sizes[] = { { "empty", 0 }, { "one", 1 }, { "a page", 4096 }, { "some pages", 20000 }, { "the largest", 65507 } };

TEST_ROWS(sizes_arrive_whole, sizes)
{
	static unsigned char out[65507], in[65507];
	int r, s;

	own_net();
	r = udp_at("127.0.0.1");
	s = udp_at("127.0.0.1");
	for (size_t i = 0; i < row->n; i++)
		out[i] = (unsigned char)(i * 7 + i / 251);
	CHECK_EQ(send_to(s, out, row->n, "127.0.0.1", port_of(r)), row->n);
	CHECK_EQ(recv(r, in, sizeof(in), 0), row->n);
	CHECK(!memcmp(in, out, row->n));
}

TEST(too_large_a_datagram)
{
	static char out[65536];
	int s = (own_net(), udp_at("127.0.0.1"));

	CHECK_ERR(send_to(s, out, 65508, "127.0.0.1", 9), EMSGSIZE);
	CHECK_ERR(send_to(s, out, 65536, "127.0.0.1", 9), EMSGSIZE);
}

TEST(truncation)
{
	char buf[4];
	struct iovec v = { buf, 4 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int r, n;

	own_net();
	r = udp_at("127.0.0.1");
	for (int i = 0; i < 4; i++)
		CHECK_EQ(send_to(r, "0123456789", 10, "127.0.0.1", port_of(r)), 10);
	CHECK_EQ(recv(r, buf, 4, MSG_PEEK | MSG_TRUNC), 10);
	CHECK_EQ(recv(r, buf, 4, 0), 4);
	CHECK_EQ(recv(r, buf, 4, MSG_TRUNC), 10);
	CHECK_EQ(recvmsg(r, &m, 0), 4);
	CHECK_EQ(m.msg_flags, MSG_TRUNC);
	CHECK(ioctl(r, FIONREAD, &n) == 0);
	CHECK_EQ(n, 10);
	CHECK_EQ(recv(r, NULL, 0, 0), 0);
	CHECK_ERR(recv(r, buf, 4, MSG_DONTWAIT), EAGAIN);
}

TEST(connected_hears_its_peer_alone)
{
	char buf[8];
	int r, friend, stranger;

	own_net();
	r = udp_at("127.0.0.1");
	friend = udp_at("127.0.0.1");
	stranger = udp_at("127.0.0.1");
	CHECK(connect_to(r, "127.0.0.1", port_of(friend)) == 0);
	send_to(stranger, "no", 2, "127.0.0.1", port_of(r));
	CHECK_EQ(send_to(friend, "yes", 3, "127.0.0.1", port_of(r)), 3);
	CHECK_EQ(recv(r, buf, sizeof(buf), 0), 3);
	CHECK_ERR(recv(r, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	/* and another of the same port, not connected, gets the rest */
}

TEST(the_connected_one_comes_first)
{
	char buf[8];
	int any, conn, peer, port;

	own_net();
	any = socket(AF_INET, SOCK_DGRAM, 0);
	conn = socket(AF_INET, SOCK_DGRAM, 0);
	set_int(any, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(conn, SOL_SOCKET, SO_REUSEADDR, 1);
	CHECK(bind_to(conn, "127.0.0.1", 0) == 0);
	port = port_of(conn);
	peer = udp_at("127.0.0.1");
	CHECK(connect_to(conn, "127.0.0.1", port_of(peer)) == 0);
	CHECK(bind_to(any, "127.0.0.1", port) == 0);
	CHECK_EQ(send_to(peer, "a", 1, "127.0.0.1", port), 1);
	CHECK_EQ(recv(conn, buf, 8, 0), 1);
	CHECK_EQ(send_to(any, "bb", 2, "127.0.0.1", port), 2);
	CHECK_EQ(recv(any, buf, 8, 0), 2);
}

TEST(connect_chooses_an_address_and_unspec_forgets_it)
{
	union addr a;
	socklen_t len = sizeof(a);
	int s = (own_net(), socket(AF_INET, SOCK_DGRAM, 0));

	CHECK_ERR(getpeername(s, &a.any, &len), ENOTCONN);
	CHECK(connect_to(s, "127.0.0.1", 9) == 0);
	CHECK(getsockname(s, &a.any, &len) == 0);
	CHECK_EQ(a.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	CHECK(a.in.sin_port != 0);
	CHECK(getpeername(s, &a.any, &len) == 0);
	CHECK_EQ(ntohs(a.in.sin_port), 9);
	a.any.sa_family = AF_UNSPEC;
	CHECK(connect(s, &a.any, sizeof(a.in)) == 0);
	CHECK_ERR(getpeername(s, &a.any, &len), ENOTCONN);
	CHECK(getsockname(s, &a.any, &len) == 0);
	CHECK_EQ(a.in.sin_addr.s_addr, 0);
	CHECK_EQ(a.in.sin_port, 0);
}

static const struct {
	const char *what, *to;
	int port, err;
} bad_targets[] = {
	{ "port 0", "127.0.0.1", 0, EINVAL },
	{ "no route", "192.0.2.1", 9, ENETUNREACH },
	{ "no route six", "2001:db8::1", 9, ENETUNREACH },
	{ "broadcast", "127.255.255.255", 9, EACCES },
	{ "limited broadcast", "255.255.255.255", 9, ENETUNREACH },
};

TEST_ROWS(send_refused, bad_targets)
{
	int s;

	if (!own_net() && row->err == ENETUNREACH)
		SKIP("the machine's own namespace may have routes");
	s = socket(strchr(row->to, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	CHECK_ERR(send_to(s, "x", 1, row->to, row->port), row->err);
}

TEST(send_without_address)
{
	int s = (own_net(), socket(AF_INET, SOCK_DGRAM, 0));
	union addr a;
	socklen_t len;

	CHECK_ERR(send(s, "x", 1, 0), EDESTADDRREQ);
	CHECK_ERR(send(s, "x", 1, MSG_OOB), EOPNOTSUPP);
	a = addr_of("::1", 9, &len);
	CHECK_ERR(sendto(s, "x", 1, 0, &a.any, len), EAFNOSUPPORT);
	a = addr_of("127.0.0.1", 9, &len);
	CHECK_ERR(sendto(s, "x", 1, 0, &a.any, 8), EINVAL);
}

static const struct {
	const char *what, *to;
} homes[] = { { "four", "127.0.0.1" }, { "six", "::1" } };

TEST_ROWS(refused_port_is_told, homes)
{
	int gone = (own_net(), udp_at(row->to)), port = port_of(gone), s = udp_at(row->to);

	close(gone);
	CHECK(connect_to(s, row->to, port) == 0);
	CHECK_EQ(send(s, "x", 1, 0), 1);
	CHECK(polled(s, POLLIN, 10000) & POLLERR);
	CHECK_EQ(get_int(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	CHECK_EQ(get_int(s, SOL_SOCKET, SO_ERROR), 0);
	CHECK_EQ(send(s, "x", 1, 0), 1);
	CHECK(polled(s, POLLIN, 10000) & POLLERR);
	CHECK_ERR(recv(s, NULL, 0, MSG_DONTWAIT), ECONNREFUSED);
	CHECK_ERR(recv(s, NULL, 0, MSG_DONTWAIT), EAGAIN);
}

TEST(unconnected_does_not_hear_of_it)
{
	int gone = (own_net(), udp_at("127.0.0.1")), port = port_of(gone), s = udp_at("127.0.0.1");
	char c;

	close(gone);
	CHECK_EQ(send_to(s, "x", 1, "127.0.0.1", port), 1);
	CHECK_EQ(send_to(s, "y", 1, "127.0.0.1", port_of(s)), 1); /* comes after the error would */
	CHECK_EQ(recv(s, &c, 1, 0), 1);
	CHECK_EQ(get_int(s, SOL_SOCKET, SO_ERROR), 0);
}

TEST(error_queue)
{
	union {
		char room[256];
		struct cmsghdr align;
	} control;
	char buf[16];
	union addr name;
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_name = &name, .msg_namelen = sizeof(name),
			    .msg_control = control.room, .msg_controllen = sizeof(control) };
	struct sock_extended_err ee;
	struct sockaddr_in offender;
	struct cmsghdr *c;
	int gone, port, s;

	own_net();
	gone = udp_at("127.0.0.1");
	port = port_of(gone);
	s = udp_at("127.0.0.1");
	close(gone);
	CHECK(set_int(s, IPPROTO_IP, IP_RECVERR, 1) == 0);
	CHECK_EQ(send_to(s, "payload", 7, "127.0.0.1", port), 7);
	CHECK(polled(s, 0, 10000) & POLLERR);
	CHECK_EQ(recvmsg(s, &m, MSG_ERRQUEUE), 7);
	CHECK(!memcmp(buf, "payload", 7));
	CHECK(m.msg_flags & MSG_ERRQUEUE);
	CHECK_EQ(ntohs(name.in.sin_port), port);
	c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR);
	memcpy(&ee, CMSG_DATA(c), sizeof(ee));
	memcpy(&offender, CMSG_DATA(c) + sizeof(ee), sizeof(offender));
	CHECK_EQ(ee.ee_errno, ECONNREFUSED);
	CHECK_EQ(ee.ee_origin, SO_EE_ORIGIN_ICMP);
	CHECK_EQ(ee.ee_type, 3);
	CHECK_EQ(ee.ee_code, 3);
	CHECK_EQ(offender.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	CHECK_ERR(recvmsg(s, &m, MSG_ERRQUEUE), EAGAIN);
	CHECK_EQ(get_int(s, SOL_SOCKET, SO_ERROR), 0);
}

static const struct {
	const char *what, *at;
	int level, option, type;
	size_t len;
} messages[] = {
	{ "pktinfo", "127.0.0.1", IPPROTO_IP, IP_PKTINFO, IP_PKTINFO, 12 },
	{ "ttl", "127.0.0.1", IPPROTO_IP, IP_RECVTTL, IP_TTL, 4 },
	{ "tos", "127.0.0.1", IPPROTO_IP, IP_RECVTOS, IP_TOS, 1 },
	{ "original destination", "127.0.0.1", IPPROTO_IP, IP_RECVORIGDSTADDR, IP_RECVORIGDSTADDR, 16 },
	{ "pktinfo six", "::1", IPPROTO_IPV6, IPV6_RECVPKTINFO, IPV6_PKTINFO, 20 },
	{ "hop limit", "::1", IPPROTO_IPV6, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT, 4 },
	{ "traffic class", "::1", IPPROTO_IPV6, IPV6_RECVTCLASS, IPV6_TCLASS, 4 },
};

TEST_ROWS(control_message, messages)
{
	union {
		char room[256];
		struct cmsghdr align;
	} control;
	char buf[16];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int s = (own_net(), udp_at(row->at));

	CHECK(set_int(s, row->level, row->option, 1) == 0);
	CHECK_EQ(send_to(s, "x", 1, row->at, port_of(s)), 1);
	CHECK_EQ(recvmsg(s, &m, 0), 1);
	c = CMSG_FIRSTHDR(&m);
	CHECK(c);
	CHECK_EQ(c->cmsg_level, row->level);
	CHECK_EQ(c->cmsg_type, row->type);
	CHECK_EQ(c->cmsg_len, CMSG_LEN(row->len));
	CHECK(!CMSG_NXTHDR(&m, c));
	if (row->type == IP_TTL && row->level == IPPROTO_IP)
		CHECK_EQ(*(int *)CMSG_DATA(c), 64);
	if (row->type == IP_PKTINFO && row->level == IPPROTO_IP) {
		struct in_pktinfo p;

		memcpy(&p, CMSG_DATA(c), sizeof(p));
		CHECK_EQ(p.ipi_ifindex, if_nametoindex("lo"));
		CHECK_EQ(p.ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
		CHECK_EQ(p.ipi_spec_dst.s_addr, htonl(INADDR_LOOPBACK));
	}
}

TEST(ttl_and_tos_of_one_message)
{
	union {
		char room[CMSG_SPACE(sizeof(int)) * 2];
		struct cmsghdr align;
	} control = { { 0 } };
	socklen_t len;
	union addr to;
	char buf[4];
	struct iovec v = { buf, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int s = (own_net(), udp_at("127.0.0.1"));

	to = addr_of("127.0.0.1", port_of(s), &len);
	m.msg_name = &to;
	m.msg_namelen = len;
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_TTL;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(c) = 7;
	c = CMSG_NXTHDR(&m, c);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_TOS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(c) = 0x48;
	CHECK_EQ(sendmsg(s, &m, 0), 1);
	set_int(s, IPPROTO_IP, IP_RECVTTL, 1);
	set_int(s, IPPROTO_IP, IP_RECVTOS, 1);
	m.msg_controllen = sizeof(control);
	CHECK_EQ(recvmsg(s, &m, 0), 1);
	c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_type == IP_TTL);
	CHECK_EQ(*(int *)CMSG_DATA(c), 7);
	c = CMSG_NXTHDR(&m, c);
	CHECK(c && c->cmsg_type == IP_TOS);
	CHECK_EQ(*CMSG_DATA(c), 0x48);
}

TEST(cork_makes_one_datagram)
{
	char buf[16];
	int r = (own_net(), udp_at("127.0.0.1")), s = udp_at("127.0.0.1");

	CHECK(connect_to(s, "127.0.0.1", port_of(r)) == 0);
	CHECK_EQ(send(s, "ab", 2, MSG_MORE), 2);
	CHECK_EQ(send(s, "cd", 2, MSG_MORE), 2);
	CHECK_EQ(send(s, "e", 1, 0), 1);
	CHECK_EQ(recv(r, buf, sizeof(buf), 0), 5);
	CHECK(!memcmp(buf, "abcde", 5));
	CHECK(set_int(s, IPPROTO_UDP, UDP_CORK, 1) == 0);
	CHECK_EQ(send(s, "12", 2, 0), 2);
	CHECK_EQ(send(s, "34", 2, 0), 2);
	CHECK_ERR(recv(r, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	CHECK(set_int(s, IPPROTO_UDP, UDP_CORK, 0) == 0);
	CHECK_EQ(recv(r, buf, sizeof(buf), 0), 4);
	CHECK(!memcmp(buf, "1234", 4));
}

TEST(segments_become_datagrams)
{
	static char out[2500], in[4000];
	int r = (own_net(), udp_at("127.0.0.1")), s = udp_at("127.0.0.1");

	for (int i = 0; i < 2500; i++)
		out[i] = (char)(i * 31 + i / 100);
	CHECK(set_int(s, IPPROTO_UDP, UDP_SEGMENT, 1000) == 0);
	CHECK_EQ(send_to(s, out, 2500, "127.0.0.1", port_of(r)), 2500);
	CHECK_EQ(recv(r, in, sizeof(in), 0), 1000);
	CHECK(!memcmp(in, out, 1000));
	CHECK_EQ(recv(r, in, sizeof(in), 0), 1000);
	CHECK(!memcmp(in, out + 1000, 1000));
	CHECK_EQ(recv(r, in, sizeof(in), 0), 500);
	CHECK(!memcmp(in, out + 2000, 500));
}

TEST(poll_bits)
{
	int s = (own_net(), udp_at("127.0.0.1")), all = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM;

	CHECK_EQ(polled(s, all, 0), POLLOUT | POLLWRNORM);
	CHECK_EQ(send_to(s, "x", 1, "127.0.0.1", port_of(s)), 1);
	CHECK_EQ(polled(s, POLLIN, 10000), POLLIN);
	CHECK_EQ(polled(s, all, 0), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

TEST(shutdown_of_datagrams)
{
	int s = (own_net(), udp_at("127.0.0.1"));
	char c;

	CHECK_ERR(shutdown(s, SHUT_RD), ENOTCONN);
	CHECK_EQ(recv(s, &c, 1, 0), 0); /* it was shut all the same */
	s = udp_at("127.0.0.1");
	CHECK(connect_to(s, "127.0.0.1", 9) == 0);
	CHECK(shutdown(s, SHUT_WR) == 0);
	CHECK_ERR(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(shutdown(s, SHUT_RDWR) == 0);
	CHECK(polled(s, POLLIN | POLLRDHUP, 0) == (POLLIN | POLLRDHUP | POLLHUP));
}

TEST(full_receive_buffer_drops)
{
	char buf[1000];
	int r = (own_net(), udp_at("127.0.0.1")), s = udp_at("127.0.0.1"), got = 0;

	CHECK(set_int(r, SOL_SOCKET, SO_RCVBUF, 4096) == 0);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(send_to(s, buf, sizeof(buf), "127.0.0.1", port_of(r)), 1000);
	while (recv(r, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		got++;
	CHECK(got > 0 && got < 100);
	CHECK_EQ(send_to(s, "end", 3, "127.0.0.1", port_of(r)), 3);
	CHECK_EQ(recv(r, buf, sizeof(buf), 0), 3);
}

TEST(reuseport_shares_flows)
{
	int a = (own_net(), socket(AF_INET, SOCK_DGRAM, 0)), b = socket(AF_INET, SOCK_DGRAM, 0), port, na = 0, nb = 0;
	char c;

	set_int(a, SOL_SOCKET, SO_REUSEPORT, 1);
	set_int(b, SOL_SOCKET, SO_REUSEPORT, 1);
	CHECK(bind_to(a, "127.0.0.1", 0) == 0);
	port = port_of(a);
	CHECK(bind_to(b, "127.0.0.1", port) == 0);
	for (int i = 0; i < 64; i++) {
		int s = udp_at("127.0.0.1");

		CHECK_EQ(send_to(s, "x", 1, "127.0.0.1", port), 1);
		close(s);
	}
	while (na + nb < 64) {
		struct pollfd p[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };

		CHECK(poll(p, 2, 10000) > 0);
		if (p[0].revents)
			na += recv(a, &c, 1, 0) == 1;
		if (p[1].revents)
			nb += recv(b, &c, 1, 0) == 1;
	}
	CHECK(na > 0 && nb > 0);
}

TEST(multicast_comes_back)
{
	struct ip_mreq m = { 0 };
	char buf[8];
	int r = (own_net(), socket(AF_INET, SOCK_DGRAM, 0)), s = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(bind_to(r, "224.1.2.3", 0) == 0);
	inet_pton(AF_INET, "224.1.2.3", &m.imr_multiaddr);
	inet_pton(AF_INET, "127.0.0.1", &m.imr_interface);
	CHECK(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) == 0);
	CHECK(setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &m.imr_interface, 4) == 0);
	CHECK_EQ(send_to(s, "group", 5, "224.1.2.3", port_of(r)), 5);
	CHECK_EQ(recv(r, buf, sizeof(buf), 0), 5);
}
