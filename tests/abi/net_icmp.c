// SPDX-License-Identifier: MIT
/* ICMP: echo by raw and ping sockets, filters, what raw sockets see and may send. */
#include "net.h"
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

static uint16_t checksum(const void *data, size_t n)
{
	const uint16_t *w = data;
	uint32_t sum = 0;

	for (; n > 1; n -= 2)
		sum += *w++;
	if (n)
		sum += *(const uint8_t *)w;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

struct echo {
	uint8_t type, code;
	uint16_t sum, id, seq;
	char data[8];
};

static struct echo request(uint8_t type, uint16_t seq)
{
	struct echo e = { .type = type, .id = htons(77), .seq = htons(seq), .data = "abcdefg" };

	e.sum = checksum(&e, sizeof(e));
	return e;
}

TEST(raw_echo)
{
	struct {
		struct iphdr ip;
		struct echo e;
	} in;
	struct echo out = request(ICMP_ECHO, 1);
	int s = (own_net(), socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));

	CHECK_EQ(send_to(s, &out, sizeof(out), "127.0.0.1", 0), sizeof(out));
	do /* the request comes by, too */
		CHECK_EQ(recv(s, &in, sizeof(in), 0), sizeof(in));
	while (in.e.type != ICMP_ECHOREPLY);
	CHECK_EQ(in.ip.version, 4);
	CHECK_EQ(in.ip.ihl, 5);
	CHECK_EQ(ntohs(in.ip.tot_len), sizeof(in));
	CHECK_EQ(in.ip.saddr, htonl(INADDR_LOOPBACK));
	CHECK_EQ(checksum(&in.ip, 20), 0);
	CHECK_EQ(checksum(&in.e, sizeof(in.e)), 0);
	CHECK(!memcmp(in.e.data, out.data, 8));
	CHECK_EQ(in.e.id, out.id);
}

TEST(raw_filter)
{
	struct {
		struct iphdr ip;
		struct echo e;
	} in;
	struct echo out = request(ICMP_ECHO, 1);
	uint32_t filter = ~(1u << ICMP_ECHOREPLY), told = 0;
	socklen_t len = sizeof(told);
	int s = (own_net(), socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));

	CHECK(setsockopt(s, 255 /* SOL_RAW */, 1 /* ICMP_FILTER */, &filter, sizeof(filter)) == 0);
	CHECK(getsockopt(s, 255, 1, &told, &len) == 0);
	CHECK_EQ(told, filter);
	CHECK_EQ(send_to(s, &out, sizeof(out), "127.0.0.1", 0), sizeof(out));
	CHECK_EQ(recv(s, &in, sizeof(in), 0), sizeof(in));
	CHECK_EQ(in.e.type, ICMP_ECHOREPLY);
}

TEST(raw_echo_six)
{
	struct echo out = request(ICMP6_ECHO_REQUEST, 1), in;
	int s = (own_net(), socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));

	out.sum = 0; /* the kernel's: it has the pseudo-header */
	CHECK_EQ(send_to(s, &out, sizeof(out), "::1", 0), sizeof(out));
	do
		CHECK_EQ(recv(s, &in, sizeof(in), 0), sizeof(in));
	while (in.type != ICMP6_ECHO_REPLY);
	CHECK(!memcmp(in.data, out.data, 8));
	CHECK(in.sum != 0);
}

TEST(header_included)
{
	struct {
		struct iphdr ip;
		char data[4];
	} out = { .ip = { .version = 4, .ihl = 5, .ttl = 9, .protocol = 200, .daddr = htonl(INADDR_LOOPBACK) }, .data = "abc" }, in;
	int s, r;

	own_net();
	s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	r = socket(AF_INET, SOCK_RAW, 200);
	CHECK_EQ(get_int(s, IPPROTO_IP, IP_HDRINCL), 1);
	CHECK_EQ(get_int(r, IPPROTO_IP, IP_HDRINCL), 0);
	CHECK_EQ(send_to(s, &out, sizeof(out), "127.0.0.1", 0), sizeof(out));
	CHECK_EQ(recv(r, &in, sizeof(in), 0), sizeof(in));
	CHECK_EQ(in.ip.ttl, 9);
	CHECK_EQ(in.ip.saddr, htonl(INADDR_LOOPBACK)); /* filled in, with id, length, checksum */
	CHECK(in.ip.id != 0);
	CHECK_EQ(ntohs(in.ip.tot_len), sizeof(in));
	CHECK_EQ(checksum(&in.ip, 20), 0);
	CHECK(!memcmp(in.data, "abc", 4));
	out.ip.ihl = 4;
	CHECK_ERR(send_to(s, &out, sizeof(out), "127.0.0.1", 0), EINVAL);
	CHECK_ERR(send_to(s, &out, 19, "127.0.0.1", 0), EINVAL);
}

TEST(raw_protocols_do_not_mix)
{
	char buf[64];
	int a = (own_net(), socket(AF_INET, SOCK_RAW, 201)), b = socket(AF_INET, SOCK_RAW, 202);

	CHECK_EQ(send_to(a, "one", 3, "127.0.0.1", 0), 3);
	CHECK_EQ(recv(a, buf, sizeof(buf), 0), 23);
	CHECK_ERR(recv(b, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

TEST(raw_fragments_come_whole)
{
	static char out[40000], in[40100];
	int s = (own_net(), socket(AF_INET, SOCK_RAW, 203));

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 13 + i / 300);
	CHECK(set_int(s, SOL_SOCKET, SO_RCVBUF, 200000) == 0);
	CHECK_EQ(send_to(s, out, sizeof(out), "127.0.0.1", 0), sizeof(out));
	CHECK_EQ(recv(s, in, sizeof(in), 0), sizeof(out) + 20);
	CHECK(!memcmp(in + 20, out, sizeof(out)));
}

static void let_ping(const char *range)
{
	int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, range, strlen(range)), strlen(range));
	close(fd);
}

static const struct {
	const char *what, *to;
	int protocol, ask, reply;
} pings[] = {
	{ "four", "127.0.0.1", IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY },
	{ "six", "::1", IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY },
};

TEST_ROWS(ping_socket, pings)
{
	struct echo out = request((uint8_t)row->ask, 5), in;
	union addr from;
	socklen_t len = sizeof(from);
	int s;

	own_net();
	let_ping("0 2147483647");
	s = socket(strchr(row->to, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM, row->protocol);
	CHECK(s >= 0);
	CHECK_EQ(send_to(s, &out, sizeof(out), row->to, 0), sizeof(out));
	CHECK_EQ(recvfrom(s, &in, sizeof(in), 0, &from.any, &len), sizeof(in));
	CHECK_EQ(in.type, row->reply);
	CHECK_EQ(in.seq, out.seq);
	CHECK_EQ(ntohs(in.id), port_of(s));
	CHECK(!memcmp(in.data, out.data, 8));
	out.type = 13; /* a timestamp request is not for the unprivileged */
	CHECK_ERR(send_to(s, &out, sizeof(out), row->to, 0), EINVAL);
	CHECK_ERR(send_to(s, &out, 7, row->to, 0), EINVAL);
}

TEST(ping_is_for_the_group)
{
	own_net();
	let_ping("1 0"); /* nobody: the default */
	CHECK_ERR(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), EACCES);
	let_ping("0 0");
	CHECK(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) >= 0);
	let_ping("1 0");
}
