// SPDX-License-Identifier: MIT
/* SOL_SOCKET's options on a Unix socket, one row each: what setting gives, what getting tells, and how long it is. */
#include "abi.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/* The names with 64-bit times: asm-generic/socket.h. */
#define SO_TIMESTAMP_NEW 63
#define SO_TIMESTAMPNS_NEW 64
#define SO_RCVTIMEO_NEW 66
#define SO_SNDTIMEO_NEW 67
#define ANY (-1) /* not looked at */
#define NO_SET (-1)

struct option_row {
	const char *what;
	int name;
	int value, size;       /* set first, @size bytes; NO_SET */
	int set_errno;
	int room;              /* for getsockopt */
	int get_errno;
	int length;            /* what it returns */
	long long got;         /* its first eight bytes at most, little endian */
	bool user;             /* as an ordinary user */
};

static const struct option_row rows[] = {
	{ "debug", SO_DEBUG, 1, 4, 0, 64, 0, 4, 1, false },
	{ "debug_by_a_user", SO_DEBUG, 1, 4, EACCES, 64, 0, 4, 0, true },
	{ "debug_off_by_a_user", SO_DEBUG, 0, 4, 0, 64, 0, 4, 0, true },
	{ "reuseaddr", SO_REUSEADDR, 7, 4, 0, 64, 0, 4, 1, false },
	{ "reuseaddr_long", SO_REUSEADDR, 7, 60, 0, 64, 0, 4, 1, false },
	{ "reuseaddr_short", SO_REUSEADDR, 7, 3, EINVAL, 2, 0, 2, 0, false },
	{ "reuseaddr_empty", SO_REUSEADDR, 7, 0, EINVAL, 0, 0, 0, ANY, false },
	{ "reuseport", SO_REUSEPORT, 1, 4, EOPNOTSUPP, 64, 0, 4, 0, false },
	{ "reuseport_off", SO_REUSEPORT, 0, 4, 0, 64, 0, 4, 0, false },
	{ "type", SO_TYPE, 1, 4, ENOPROTOOPT, 64, 0, 4, SOCK_STREAM, false },
	{ "protocol", SO_PROTOCOL, 1, 4, ENOPROTOOPT, 64, 0, 4, 0, false },
	{ "domain", SO_DOMAIN, 1, 4, ENOPROTOOPT, 64, 0, 4, AF_UNIX, false },
	{ "domain_one_byte", SO_DOMAIN, NO_SET, NO_SET, 0, 1, 0, 1, AF_UNIX, false },
	{ "error", SO_ERROR, 1, 4, ENOPROTOOPT, 64, 0, 4, 0, false },
	{ "acceptconn", SO_ACCEPTCONN, 1, 4, ENOPROTOOPT, 64, 0, 4, 0, false },
	{ "negative_room", SO_TYPE, NO_SET, NO_SET, 0, -1, EINVAL, ANY, ANY, false },
	{ "negative_size", SO_REUSEADDR, 1, -2, EINVAL, 64, 0, 4, 0, false },
	{ "dontroute", SO_DONTROUTE, 2, 4, 0, 64, 0, 4, 1, false },
	{ "broadcast", SO_BROADCAST, 2, 4, 0, 64, 0, 4, 1, false },
	{ "keepalive", SO_KEEPALIVE, -1, 4, 0, 64, 0, 4, 1, false },
	{ "oobinline", SO_OOBINLINE, 1, 4, 0, 64, 0, 4, 1, false },
	{ "no_check", SO_NO_CHECK, 5, 4, 0, 64, 0, 4, 1, false },
	{ "bsdcompat", SO_BSDCOMPAT, 5, 4, 0, 64, 0, 4, 0, false },
	{ "sndbuf_default", SO_SNDBUF, NO_SET, NO_SET, 0, 64, 0, 4, 212992, false },
	{ "sndbuf_doubled", SO_SNDBUF, 5000, 4, 0, 64, 0, 4, 10000, false },
	{ "sndbuf_min", SO_SNDBUF, 0, 4, 0, 64, 0, 4, 4608, false },
	{ "sndbuf_max", SO_SNDBUF, 1 << 30, 4, 0, 64, 0, 4, 425984, false },
	{ "sndbuf_negative", SO_SNDBUF, -1, 4, 0, 64, 0, 4, 425984, false },
	{ "rcvbuf_default", SO_RCVBUF, NO_SET, NO_SET, 0, 64, 0, 4, 212992, false },
	{ "rcvbuf_min", SO_RCVBUF, 1, 4, 0, 64, 0, 4, 2304, false },
	{ "rcvbuf_negative", SO_RCVBUF, -1, 4, 0, 64, 0, 4, 425984, false },
	{ "sndbufforce", SO_SNDBUFFORCE, 1 << 20, 4, 0, 64, ENOPROTOOPT, ANY, ANY, false },
	{ "sndbufforce_by_a_user", SO_SNDBUFFORCE, 1, 4, EPERM, 64, ENOPROTOOPT, ANY, ANY, true },
	{ "rcvbufforce_by_a_user", SO_RCVBUFFORCE, 1, 4, EPERM, 64, ENOPROTOOPT, ANY, ANY, true },
	{ "rcvlowat", SO_RCVLOWAT, 5, 4, 0, 64, 0, 4, 5, false },
	{ "rcvlowat_zero", SO_RCVLOWAT, 0, 4, 0, 64, 0, 4, 1, false },
	{ "rcvlowat_negative", SO_RCVLOWAT, -3, 4, 0, 64, 0, 4, INT_MAX, false },
	{ "sndlowat", SO_SNDLOWAT, 5, 4, ENOPROTOOPT, 64, 0, 4, 1, false },
	{ "priority", SO_PRIORITY, 6, 4, 0, 64, 0, 4, 6, true },
	{ "priority_by_a_user", SO_PRIORITY, 7, 4, EPERM, 64, 0, 4, 0, true },
	{ "priority_by_root", SO_PRIORITY, 70, 4, 0, 64, 0, 4, 70, false },
	{ "mark", SO_MARK, 9, 4, 0, 64, 0, 4, 9, false },
	{ "mark_by_a_user", SO_MARK, 9, 4, EPERM, 64, 0, 4, 0, true },
	{ "rcvmark", 75, 1, 4, 0, 64, 0, 4, 1, false },
	{ "rcvmark_by_a_user", 75, 1, 4, 0, 64, 0, 4, 1, true },
	{ "linger_default", SO_LINGER, NO_SET, NO_SET, 0, 64, 0, 8, 0, false },
	{ "linger_short", SO_LINGER, 1, 4, EINVAL, 6, 0, 6, 0, false },
	{ "rcvtimeo_default", SO_RCVTIMEO, NO_SET, NO_SET, 0, 64, 0, 16, 0, false },
	{ "rcvtimeo_short", SO_RCVTIMEO, 1, 8, EINVAL, 8, 0, 8, 0, false },
	{ "sndtimeo_new", SO_SNDTIMEO_NEW, NO_SET, NO_SET, 0, 64, 0, 16, 0, false },
	{ "passcred", SO_PASSCRED, 3, 4, 0, 64, 0, 4, 1, false },
	{ "passsec", SO_PASSSEC, 3, 4, 0, 64, 0, 4, 1, false },
	{ "peersec", SO_PEERSEC, NO_SET, NO_SET, 0, 64, ENOPROTOOPT, ANY, ANY, false },
	{ "passpidfd", 76, 1, 4, ENOPROTOOPT, 64, ENOPROTOOPT, ANY, ANY, false },
	{ "peerpidfd", 77, 1, 4, ENOPROTOOPT, 64, ENOPROTOOPT, ANY, ANY, false },
	{ "peercred_set", SO_PEERCRED, 1, 4, ENOPROTOOPT, 64, 0, 12, ANY, false },
	{ "peercred_short", SO_PEERCRED, NO_SET, NO_SET, 0, 6, 0, 6, ANY, false },
	{ "timestamp", SO_TIMESTAMP, 1, 4, 0, 64, 0, 4, 1, false },
	{ "timestampns", SO_TIMESTAMPNS, 1, 4, 0, 64, 0, 4, 1, false },
	{ "timestamp_new", SO_TIMESTAMP_NEW, 1, 4, 0, 64, 0, 4, 1, false },
	{ "timestampns_new", SO_TIMESTAMPNS_NEW, 1, 4, 0, 64, 0, 4, 1, false },
	{ "timestamping", SO_TIMESTAMPING, 0x18, 4, 0, 64, 0, 8, 0x18, false },
	{ "timestamping_unknown", SO_TIMESTAMPING, 1 << 30, 4, EINVAL, 64, 0, 8, 0, false },
	{ "rxq_ovfl", SO_RXQ_OVFL, 1, 4, 0, 64, 0, 4, 1, false },
	{ "wifi_status", SO_WIFI_STATUS, 1, 4, 0, 64, 0, 4, 1, false },
	{ "nofcs", SO_NOFCS, 1, 4, 0, 64, 0, 4, 1, false },
	{ "select_err_queue", SO_SELECT_ERR_QUEUE, 1, 4, 0, 64, 0, 4, 1, false },
	{ "peek_off_default", SO_PEEK_OFF, NO_SET, NO_SET, 0, 64, 0, 4, 0xffffffff, false },
	{ "peek_off", SO_PEEK_OFF, 4, 4, 0, 64, 0, 4, 4, false },
	{ "peek_off_negative", SO_PEEK_OFF, -5, 4, 0, 64, 0, 4, 0xfffffffb, false },
	{ "lock_filter", SO_LOCK_FILTER, 1, 4, 0, 64, 0, 4, 1, false },
	{ "detach_filter", SO_DETACH_FILTER, 1, 4, ENOENT, 64, ENOPROTOOPT, ANY, ANY, false },
	{ "get_filter", SO_GET_FILTER, NO_SET, NO_SET, 0, 64, 0, 0, ANY, false },
	{ "max_pacing_rate", SO_MAX_PACING_RATE, 77, 4, 0, 4, 0, 4, 77, false },
	{ "max_pacing_rate_default", SO_MAX_PACING_RATE, NO_SET, NO_SET, 0, 64, 0, 8, -1, false },
	{ "max_pacing_rate_default_short", SO_MAX_PACING_RATE, NO_SET, NO_SET, 0, 4, 0, 4, 0xffffffff, false },
	{ "incoming_cpu_default", SO_INCOMING_CPU, NO_SET, NO_SET, 0, 64, 0, 4, 0xffffffff, false },
	{ "incoming_cpu", SO_INCOMING_CPU, 1, 4, 0, 64, 0, 4, 1, false },
	{ "incoming_napi_id", SO_INCOMING_NAPI_ID, 1, 4, ENOPROTOOPT, 64, 0, 4, 0, false },
	{ "cnx_advice", SO_CNX_ADVICE, 1, 4, 0, 64, ENOPROTOOPT, ANY, ANY, false },
	{ "cookie_short", SO_COOKIE, 1, 4, ENOPROTOOPT, 4, EINVAL, ANY, ANY, false },
	{ "cookie", SO_COOKIE, NO_SET, NO_SET, 0, 64, 0, 8, ANY, false },
	{ "zerocopy", SO_ZEROCOPY, 1, 4, EOPNOTSUPP, 64, 0, 4, 0, false },
	{ "meminfo", SO_MEMINFO, NO_SET, NO_SET, 0, 64, 0, 36, 212992ll << 32, false },
	{ "bindtoifindex", SO_BINDTOIFINDEX, NO_SET, NO_SET, 0, 64, 0, 4, 0, false },
	{ "bindtoifindex_negative", SO_BINDTOIFINDEX, -1, 4, EINVAL, 64, 0, 4, 0, false },
	{ "bindtodevice_none", SO_BINDTODEVICE, 0, 4, 0, 64, 0, 0, ANY, false },
	{ "bindtodevice_unknown", SO_BINDTODEVICE, 'z', 2, ENODEV, 64, 0, 0, ANY, false },
	{ "peername_wrong_length", SO_PEERNAME, NO_SET, NO_SET, 0, 64, EINVAL, ANY, ANY, false },
	{ "peername", SO_PEERNAME, NO_SET, NO_SET, 0, 2, 0, 2, AF_UNIX, false },
	{ "busy_poll", 46, 0, 4, 0, 64, 0, 4, 0, true },
	{ "busy_poll_by_a_user", 46, 50, 4, EPERM, 64, 0, 4, 0, true },
	{ "busy_poll_by_root", 46, 50, 4, 0, 64, 0, 4, 50, false },
	{ "netns_cookie", 71, NO_SET, NO_SET, 0, 8, 0, 8, 1, false },
	{ "netns_cookie_long", 71, NO_SET, NO_SET, 0, 64, EINVAL, ANY, ANY, false },
	{ "buf_lock", 72, 3, 4, 0, 64, 0, 4, 3, false },
	{ "buf_lock_unknown", 72, 4, 4, EINVAL, 64, 0, 4, 0, false },
	{ "reserve_mem", 73, 1, 4, EOPNOTSUPP, 64, 0, 4, 0, false },
	{ "txrehash", 74, 0, 4, 0, 64, 0, 4, 0, false },
	{ "txrehash_default", 74, NO_SET, NO_SET, 0, 64, 0, 4, 0, false },
	{ "unknown", 999, 1, 4, ENOPROTOOPT, 64, ENOPROTOOPT, ANY, ANY, false },
	{ "unknown_negative", -1, 1, 4, ENOPROTOOPT, 64, ENOPROTOOPT, ANY, ANY, false },
};

static void pair(int s[2], int type)
{
	CHECK(!socketpair(AF_UNIX, type, 0, s));
}

/* By the settings of net.core, or by what was added since. */
static bool differs_by_kernel(int name)
{
	switch (name) {
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_MEMINFO:
	case 46: /* SO_BUSY_POLL */
	case 71: /* SO_NETNS_COOKIE */
	case 74: /* SO_TXREHASH */
	case 76: /* SO_PASSPIDFD */
	case 77: /* SO_PEERPIDFD */
		return true;
	}
	return false;
}

TEST_ROWS(option, rows)
{
	unsigned char in[64] = { 0 }, out[64];
	long long got = 0;
	socklen_t len = (socklen_t)row->room;
	int s[2];

	if (differs_by_kernel(row->name))
		ONLY_6_1();
	pair(s, SOCK_STREAM);
	if (row->user)
		CHECK(!setuid(54321));
	memcpy(in, &row->value, sizeof(row->value));
	memset(out, 0xee, sizeof(out));
	if (row->size != NO_SET && row->set_errno)
		CHECK_ERR(setsockopt(s[0], SOL_SOCKET, row->name, in, (socklen_t)row->size), row->set_errno);
	else if (row->size != NO_SET)
		CHECK(!setsockopt(s[0], SOL_SOCKET, row->name, in, (socklen_t)row->size));
	if (row->get_errno) {
		CHECK_ERR(getsockopt(s[0], SOL_SOCKET, row->name, out, &len), row->get_errno);
		return;
	}
	CHECK(!getsockopt(s[0], SOL_SOCKET, row->name, out, &len));
	CHECK_EQ(len, row->length);
	memcpy(&got, out, len < 8 ? len : 8);
	if (row->got != ANY || row->name == SO_MAX_PACING_RATE)
		CHECK_EQ(got, row->got);
	CHECK(len == sizeof(out) || out[len] == 0xee);
}

TEST(other_levels_have_no_options)
{
	int s[2], v = 0;
	socklen_t len = sizeof(v);

	pair(s, SOCK_STREAM);
	CHECK_ERR(getsockopt(s[0], 6, 1, &v, &len), EOPNOTSUPP);
	CHECK_ERR(setsockopt(s[0], 6, 1, &v, sizeof(v)), EOPNOTSUPP);
	CHECK_ERR(setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, (void *)8, 4), EFAULT);
	CHECK_ERR(getsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, (void *)8, &len), EFAULT);
	CHECK_ERR(getsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, &v, (void *)8), EFAULT);
	CHECK_ERR(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &v, 4), EBADF);
	CHECK_ERR(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &v, 4), ENOTSOCK);
}

/* A length that reaches beyond what is mapped: only the option's own bytes are read. */
TEST(a_long_length_reads_no_further_than_the_option)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int s[2], one = 1;

	pair(s, SOCK_STREAM);
	CHECK(page != MAP_FAILED && !munmap(page + 4096, 4096));
	memcpy(page + 4092, &one, sizeof(one));
	CHECK(!setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, page + 4092, 4000));
}

static const struct {
	const char *what;
	int name;
	long sec, usec;
	int err;
	long got_sec, got_usec;
} timeouts[] = {
	{ "plain", SO_RCVTIMEO, 3, 500000, 0, 3, 500000 },
	{ "rounded_up", SO_RCVTIMEO, 0, 1, 0, 0, 4000 },
	{ "none", SO_SNDTIMEO, 0, 0, 0, 0, 0 },
	{ "negative", SO_SNDTIMEO, -1, 0, 0, 0, 0 },
	{ "huge", SO_RCVTIMEO, LONG_MAX / 2, 0, 0, 0, 0 },
	{ "a_second_of_us", SO_RCVTIMEO, 0, 1000000, EDOM, 0, 0 },
	{ "negative_us", SO_RCVTIMEO, 0, -1, EDOM, 0, 0 },
	{ "new_names", SO_RCVTIMEO_NEW, 7, 8000, 0, 7, 8000 },
};

TEST_ROWS(timeout, timeouts)
{
	struct timeval tv = { row->sec, row->usec };
	socklen_t len = sizeof(tv);
	int s[2];

	pair(s, SOCK_DGRAM);
	if (row->err)
		CHECK_ERR(setsockopt(s[0], SOL_SOCKET, row->name, &tv, sizeof(tv)), row->err);
	else
		CHECK(!setsockopt(s[0], SOL_SOCKET, row->name, &tv, sizeof(tv)));
	tv = (struct timeval){ 1, 1 };
	CHECK(!getsockopt(s[0], SOL_SOCKET, row->name, &tv, &len) && len == sizeof(tv));
	CHECK_EQ(tv.tv_sec, row->got_sec);
	CHECK_EQ(tv.tv_usec, row->got_usec);
}

TEST(linger_keeps_its_seconds_when_off)
{
	struct linger l = { 5, 30 };
	socklen_t len = sizeof(l);
	int s[2];

	pair(s, SOCK_STREAM);
	CHECK(!setsockopt(s[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	CHECK(!getsockopt(s[0], SOL_SOCKET, SO_LINGER, &l, &len) && l.l_onoff == 1 && l.l_linger == 30);
	l = (struct linger){ 0, 99 };
	CHECK(!setsockopt(s[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	CHECK(!getsockopt(s[0], SOL_SOCKET, SO_LINGER, &l, &len) && l.l_onoff == 0 && l.l_linger == 30);
}

static const struct {
	const char *what;
	int on[2];
	int want[4]; /* TIMESTAMP, TIMESTAMPNS, and the new ones */
} stamps[] = {
	{ "us_then_ns", { SO_TIMESTAMP, SO_TIMESTAMPNS }, { 0, 1, 0, 0 } },
	{ "ns_then_us", { SO_TIMESTAMPNS, SO_TIMESTAMP }, { 1, 0, 0, 0 } },
	{ "old_then_new", { SO_TIMESTAMP, SO_TIMESTAMP_NEW }, { 0, 0, 1, 0 } },
	{ "new_then_new_ns", { SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW }, { 0, 0, 1, 1 } },
};

TEST_ROWS(one_timestamp_option_replaces_another, stamps)
{
	static const int names[] = { SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW };
	int s[2], one = 1, v;
	socklen_t len = sizeof(v);

	pair(s, SOCK_DGRAM);
	for (int i = 0; i < 2; i++)
		CHECK(!setsockopt(s[0], SOL_SOCKET, row->on[i], &one, sizeof(one)));
	for (int i = 0; i < 4; i++) {
		CHECK(!getsockopt(s[0], SOL_SOCKET, names[i], &v, &len));
		CHECK_EQ(v, row->want[i]);
	}
}

TEST(cookies_tell_sockets_apart)
{
	unsigned long long a, b, again;
	socklen_t len = sizeof(a);
	int s[2];

	pair(s, SOCK_STREAM);
	CHECK(!getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &a, &len));
	CHECK(!getsockopt(s[1], SOL_SOCKET, SO_COOKIE, &b, &len));
	CHECK(!getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &again, &len));
	CHECK(a != b && a == again && a);
}
