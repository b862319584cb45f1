// SPDX-License-Identifier: MIT
/* netdevice(7) on the loopback device, which every machine has: what is asked, by sockets of any family, and what is refused. */
#include "abi.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef SIOCGIFTXQLEN
#define SIOCGIFTXQLEN 0x8942
#endif
#ifndef SIOCSIFTXQLEN
#define SIOCSIFTXQLEN 0x8943
#endif

#define NOBODY 65534
#define NOT_SET (-12345)

/* A request about device @name; the int of the union, before and after. */
struct request_row {
	const char *what;
	unsigned long request;
	const char *name;
	int in;
	int error;
	int out;      /* NOT_SET: not looked at */
	bool user;    /* without privilege */
};

static const struct request_row rows[] = {
	{ "index", SIOCGIFINDEX, "lo", 0, 0, 1, true },
	{ "index_of_none", SIOCGIFINDEX, "nosuch0", 0, ENODEV, NOT_SET, true },
	{ "index_of_nothing", SIOCGIFINDEX, "", 0, ENODEV, NOT_SET, true },
	{ "mtu", SIOCGIFMTU, "lo", 0, 0, 65536, true },
	{ "mtu_by_label", SIOCGIFMTU, "lo:7", 0, 0, 65536, true },
	{ "mtu_of_none", SIOCGIFMTU, "nosuch0", 0, ENODEV, NOT_SET, true },
	{ "metric", SIOCGIFMETRIC, "lo", 5, 0, 0, true },
	{ "queue_length", SIOCGIFTXQLEN, "lo", 0, 0, 1000, true },
	{ "set_mtu_as_it_is", SIOCSIFMTU, "lo", 65536, 0, NOT_SET, false },
	{ "set_mtu_negative", SIOCSIFMTU, "lo", -1, EINVAL, NOT_SET, false },
	{ "set_mtu_of_none", SIOCSIFMTU, "nosuch0", 1000, ENODEV, NOT_SET, false },
	{ "set_mtu_by_a_user", SIOCSIFMTU, "lo", 65536, EPERM, NOT_SET, true },
	{ "set_mtu_of_none_by_a_user", SIOCSIFMTU, "nosuch0", 1000, EPERM, NOT_SET, true },
	{ "set_flags_by_a_user", SIOCSIFFLAGS, "lo", IFF_UP, EPERM, NOT_SET, true },
	{ "set_queue_length_by_a_user", SIOCSIFTXQLEN, "lo", 5, EPERM, NOT_SET, true },
	{ "set_queue_length_negative", SIOCSIFTXQLEN, "lo", -1, EINVAL, NOT_SET, false },
	{ "set_metric", SIOCSIFMETRIC, "lo", 1, EOPNOTSUPP, NOT_SET, false },
	{ "rename_by_a_user", SIOCSIFNAME, "lo", 0, EPERM, NOT_SET, true },
};

static void ask(const struct request_row *row, int family)
{
	struct ifreq r = { .ifr_ifindex = row->in };
	int s = socket(family, SOCK_DGRAM, 0);

	CHECK(s >= 0);
	strcpy(r.ifr_name, row->name);
	if (row->user)
		CHECK(!setuid(NOBODY));
	if (row->error)
		CHECK_ERR(ioctl(s, row->request, &r), row->error);
	else
		CHECK_EQ(ioctl(s, row->request, &r), 0);
	if (row->out != NOT_SET)
		CHECK_EQ(r.ifr_ifindex, row->out);
}

TEST_ROWS(unix_socket_asks, rows)
{
	ask(row, AF_UNIX);
}

TEST_ROWS(inet_socket_asks, rows)
{
	ask(row, AF_INET);
}

TEST(name_by_index)
{
	struct ifreq r = { .ifr_ifindex = 1 };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK_EQ(ioctl(s, SIOCGIFNAME, &r), 0);
	CHECK(!strcmp(r.ifr_name, "lo"));
	r.ifr_ifindex = 0;
	CHECK_ERR(ioctl(s, SIOCGIFNAME, &r), ENODEV);
	r.ifr_ifindex = -1;
	CHECK_ERR(ioctl(s, SIOCGIFNAME, &r), ENODEV);
	CHECK_ERR(ioctl(s, SIOCGIFNAME, (void *)8), EFAULT);
}

TEST(loopback_has_an_empty_address)
{
	struct ifreq r = { .ifr_name = "lo" };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	memset(&r.ifr_hwaddr, 0xff, sizeof(r.ifr_hwaddr));
	CHECK_EQ(ioctl(s, SIOCGIFHWADDR, &r), 0);
	CHECK_EQ(r.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
	CHECK(!memcmp(r.ifr_hwaddr.sa_data, "\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 14)); /* six bytes of it */
}

TEST(loopback_flags)
{
	struct ifreq r = { .ifr_name = "lo" };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK_EQ(ioctl(s, SIOCGIFFLAGS, &r), 0);
	CHECK(r.ifr_flags & IFF_LOOPBACK);
	CHECK(!(r.ifr_flags & (IFF_BROADCAST | IFF_POINTOPOINT | IFF_NOARP)));
	CHECK(!(r.ifr_flags & IFF_UP) == !(r.ifr_flags & IFF_RUNNING));
}

TEST(name_without_end)
{
	struct ifreq r;
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	memset(&r, 'x', sizeof(r));
	CHECK_ERR(ioctl(s, SIOCGIFMTU, &r), ENODEV);
}

TEST(proc_net_dev_lists_loopback)
{
	char buf[8192];
	int fd = open("/proc/net/dev", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	CHECK(n > 0);
	buf[n] = 0;
	CHECK(!strncmp(buf, "Inter-|   Receive                                                |  Transmit\n face |bytes ", 80));
	CHECK(strstr(buf, "\n    lo: "));
}

struct sys_row {
	const char *what;
	const char *text;
};

static const struct sys_row sys_rows[] = {
	{ "address", "00:00:00:00:00:00\n" },
	{ "broadcast", "00:00:00:00:00:00\n" },
	{ "addr_len", "6\n" },
	{ "ifindex", "1\n" },
	{ "iflink", "1\n" },
	{ "mtu", "65536\n" },
	{ "type", "772\n" },
	{ "tx_queue_len", "1000\n" },
};

TEST_ROWS(sys_class_net_lo, sys_rows)
{
	char path[100], buf[100];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/lo/%s", row->what);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	n = read(fd, buf, sizeof(buf) - 1);
	CHECK(n > 0);
	buf[n] = 0;
	CHECK(!strcmp(buf, row->text));
}

