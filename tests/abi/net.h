// SPDX-License-Identifier: MIT
/* For cases about the network: a namespace of their own with the loopback up, addresses, sockets in one line. */
#pragma once

#include "abi.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static inline void loopback_up(void)
{
	struct ifreq r = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(r.ifr_name, "lo");
	CHECK(s >= 0);
	CHECK(ioctl(s, SIOCGIFFLAGS, &r) == 0);
	if (!(r.ifr_flags & IFF_UP)) {
		r.ifr_flags |= IFF_UP;
		CHECK(ioctl(s, SIOCSIFFLAGS, &r) == 0);
	}
	close(s);
}

/* Ports, groups and counters of other cases are not seen. A kernel without network namespaces runs the case in the one it has. */
static inline bool own_net(void)
{
	bool alone = !unshare(CLONE_NEWNET);

	if (!alone && errno == EPERM)
		SKIP("not allowed to make a network namespace");
	loopback_up();
	return alone;
}

union addr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage room;
};

/* "127.0.0.1" or "::1", and a port; its length in *len. */
static inline union addr addr_of(const char *text, int port, socklen_t *len)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	if (strchr(text, ':')) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons((uint16_t)port);
		CHECK_EQ(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
		*len = sizeof(a.in6);
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons((uint16_t)port);
		CHECK_EQ(inet_pton(AF_INET, text, &a.in.sin_addr), 1);
		*len = sizeof(a.in);
	}
	return a;
}

static inline int bind_to(int s, const char *text, int port)
{
	socklen_t len;
	union addr a = addr_of(text, port, &len);

	return bind(s, &a.any, len);
}

static inline int connect_to(int s, const char *text, int port)
{
	socklen_t len;
	union addr a = addr_of(text, port, &len);

	return connect(s, &a.any, len);
}

static inline ssize_t send_to(int s, const void *buf, size_t n, const char *text, int port)
{
	socklen_t len;
	union addr a = addr_of(text, port, &len);

	return sendto(s, buf, n, 0, &a.any, len);
}

static inline int port_of(int s)
{
	union addr a;
	socklen_t len = sizeof(a);

	CHECK(getsockname(s, &a.any, &len) == 0);
	return ntohs(a.any.sa_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
}

/* A datagram socket bound to @text and a port of the kernel's choice. */
static inline int udp_at(const char *text)
{
	int s = socket(strchr(text, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	CHECK(s >= 0);
	CHECK(bind_to(s, text, 0) == 0);
	return s;
}

/* What poll(2) says within ten seconds, if @events come at all; else at once. */
static inline int polled(int s, int events, int ms)
{
	struct pollfd p = { .fd = s, .events = (short)events };

	CHECK(poll(&p, 1, ms) >= 0);
	return p.revents;
}

static inline int get_int(int s, int level, int name)
{
	int v = -12345;
	socklen_t len = sizeof(v);

	CHECK(getsockopt(s, level, name, &v, &len) == 0);
	return v;
}

static inline int set_int(int s, int level, int name, int v)
{
	return setsockopt(s, level, name, &v, sizeof(v));
}
