// SPDX-License-Identifier: MIT
/*
 * The network of a machine whose distribution does not start its own: QEMU's user network has the same
 * addresses in every machine (-netdev user), so nothing need be asked for.
 *
 *	10.0.2.15/24 and fec0::15/64 are ours, .2 is the router, .3 the resolver
 *
 * lo comes up in any case. What the kernel does not have is left out without a word: a command that needs no
 * network runs all the same. The resolver's file is mounted over the distribution's, whose disk stays as it was.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "init.h"

static const char card[] = "eth0";

/* <linux/ipv6.h> has it, and does not go with the C library's headers. */
struct in6_request {
	struct in6_addr addr;
	unsigned int prefix;
	int ifindex;
};

static struct sockaddr inet_address(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr out;

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&out, &in, sizeof(out));
	return out;
}

static void bring_up(int s, const char *name)
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(s, SIOCGIFFLAGS, &r))
		return;
	r.ifr_flags |= IFF_UP;
	ioctl(s, SIOCSIFFLAGS, &r);
}

static void set_address(int s, unsigned long request, const char *text)
{
	struct ifreq r = {.ifr_addr = inet_address(text)};

	memcpy(r.ifr_name, card, sizeof(card));
	ioctl(s, request, &r);
}

static void ipv4(int s)
{
	struct rtentry rt = {
		.rt_dst = inet_address("0.0.0.0"),
		.rt_genmask = inet_address("0.0.0.0"),
		.rt_gateway = inet_address("10.0.2.2"),
		.rt_flags = RTF_UP | RTF_GATEWAY,
	};

	set_address(s, SIOCSIFADDR, "10.0.2.15");
	set_address(s, SIOCSIFNETMASK, "255.255.255.0");
	bring_up(s, card);
	ioctl(s, SIOCADDRT, &rt);
}

/* The router's announcements would do the same some seconds later. */
static void ipv6(int ifindex)
{
	struct in6_request a = {.prefix = 64, .ifindex = ifindex};
	struct in6_rtmsg rt = {.rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_metric = 1024, .rtmsg_ifindex = ifindex};
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return;
	inet_pton(AF_INET6, "fec0::15", &a.addr);
	inet_pton(AF_INET6, "fec0::2", &rt.rtmsg_gateway);
	ioctl(s, SIOCSIFADDR, &a);
	ioctl(s, SIOCADDRT, &rt);
	close(s);
}

static void resolver(void)
{
	static const char path[] = "/run/tarn/resolv.conf", usual[] = "/etc/resolv.conf";
	FILE *f;

	mkdir("/run/tarn", 0755);
	f = fopen(path, "w");
	if (!f)
		return;
	fprintf(f, "nameserver 10.0.2.3\n");
	fclose(f);
	if (mount(path, usual, NULL, MS_BIND, NULL) && access(usual, F_OK))
		(void)!symlink(path, usual);
}

void network_up(bool user_network)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned int ifindex;

	if (s < 0)
		return;
	bring_up(s, "lo");
	ifindex = if_nametoindex(card);
	if (user_network && ifindex) {
		ipv4(s);
		ipv6((int)ifindex);
		resolver();
	}
	close(s);
}
