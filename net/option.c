// SPDX-License-Identifier: MIT
/*
 * setsockopt(2): SOL_SOCKET here, socket(7); the rest is the family's.  Getting is in option_get.c.
 *
 * Values are copied from user space in one place, and no more of them than the
 * option has (or, for a family's, OPTION_MAX): families see kernel memory only.
 * Tests: tests/abi/unix_options.c.
 */
#include <arch/uaccess.h>
#include <asm/socket.h>
#include <linux/time_types.h>
#include <linux/net_tstamp.h>
#include <tarn/cred.h>
#include <tarn/fd.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/proc.h>
#include <tarn/syscall.h>
#include "net_internal.h"

#define SNDBUF_MIN 4608u
#define RCVBUF_MIN 2304u

int net_wmem_max = SOCKET_BUF_DEFAULT, net_rmem_max = SOCKET_BUF_DEFAULT;
int net_wmem_default = SOCKET_BUF_DEFAULT, net_rmem_default = SOCKET_BUF_DEFAULT;

static const struct sysctl wmem_max_sysctl = {
	.path = "net/core/wmem_max", .value = &net_wmem_max, .min = SNDBUF_MIN, .max = 0x7fffffff,
};
SECTION_SET(sysctls, wmem_max_sysctl);
static const struct sysctl rmem_max_sysctl = {
	.path = "net/core/rmem_max", .value = &net_rmem_max, .min = RCVBUF_MIN, .max = 0x7fffffff,
};
SECTION_SET(sysctls, rmem_max_sysctl);
static const struct sysctl wmem_default_sysctl = {
	.path = "net/core/wmem_default", .value = &net_wmem_default, .min = SNDBUF_MIN, .max = 0x7fffffff,
};
SECTION_SET(sysctls, wmem_default_sysctl);
static const struct sysctl rmem_default_sysctl = {
	.path = "net/core/rmem_default", .value = &net_rmem_default, .min = RCVBUF_MIN, .max = 0x7fffffff,
};
SECTION_SET(sysctls, rmem_default_sysctl);

int net_somaxconn = SOMAXCONN;
static const struct sysctl somaxconn_sysctl = {
	.path = "net/core/somaxconn", .value = &net_somaxconn, .min = 0, .max = 0x7fffffff,
};
SECTION_SET(sysctls, somaxconn_sysctl);

/* ---- options that are on or off ---- */

static const struct {
	int name;
	size_t at; /* of the bool in struct socket_options */
} switches[] = {
#define SWITCH(option, field) { option, offsetof(struct socket_options, field) }
	SWITCH(SO_DEBUG, debug),
	SWITCH(SO_REUSEADDR, reuseaddr),
	SWITCH(SO_REUSEPORT, reuseport),
	SWITCH(SO_KEEPALIVE, keepalive),
	SWITCH(SO_BROADCAST, broadcast),
	SWITCH(SO_OOBINLINE, oobinline),
	SWITCH(SO_DONTROUTE, dontroute),
	SWITCH(SO_NO_CHECK, no_check),
	SWITCH(SO_PASSCRED, passcred),
	SWITCH(SO_PASSSEC, passsec),
	SWITCH(SO_RCVMARK, rcvmark),
	SWITCH(SO_RXQ_OVFL, rxq_ovfl),
	SWITCH(SO_WIFI_STATUS, wifi_status),
	SWITCH(SO_NOFCS, nofcs),
	SWITCH(SO_SELECT_ERR_QUEUE, select_err_queue),
	SWITCH(SO_LOCK_FILTER, lock_filter),
#undef SWITCH
};

bool *option_switch(struct socket *s, int name)
{
	for (u32 i = 0; i < ARRAY_SIZE(switches); i++)
		if (switches[i].name == name)
			return (bool *)((u8 *)&s->opt + switches[i].at);
	return NULL;
}

static bool may_mark(void)
{
	return capable(CAP_NET_RAW) || capable(CAP_NET_ADMIN);
}

static int set_switch(struct socket *s, int name, bool on)
{
	bool *flag = option_switch(s, name);

	if (!flag)
		return -ENOPROTOOPT;
	if (name == SO_DEBUG && on && !capable(CAP_NET_ADMIN))
		return -EACCES;
	if (name == SO_LOCK_FILTER && *flag && !on)
		return -EPERM;
	if (name == SO_REUSEPORT && on && s->family != AF_INET && s->family != AF_INET6)
		return -EOPNOTSUPP;
	*flag = on;
	return 0;
}

/* ---- sizes and times ---- */

/* The kernel doubles what is asked, to have room for its own book-keeping (socket(7)). */
static u32 buffer_size(u32 asked, u32 min)
{
	return MAX(MIN(asked, 0x3fffffffu) * 2, min);
}

static void set_sndbuf(struct socket *s, u32 asked)
{
	s->opt.bufs_locked |= SOCK_SNDBUF_LOCK;
	WRITE_ONCE(s->opt.sndbuf, buffer_size(asked, SNDBUF_MIN));
	if (s->ops->sndbuf_changed)
		s->ops->sndbuf_changed(s);
}

static void set_rcvbuf(struct socket *s, u32 asked)
{
	s->opt.bufs_locked |= SOCK_RCVBUF_LOCK;
	WRITE_ONCE(s->opt.rcvbuf, buffer_size(asked, RCVBUF_MIN));
}

static int force_buffer(struct socket *s, int name, int value)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (name == SO_SNDBUFFORCE)
		set_sndbuf(s, (u32)MAX(value, 0));
	else
		set_rcvbuf(s, (u32)MAX(value, 0));
	return 0;
}

static int set_timeout(ktime_t *out, const struct __kernel_sock_timeval *tv)
{
	if (tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return -EDOM;
	if (tv->tv_sec < 0)
		*out = 0;
	else if ((!tv->tv_sec && !tv->tv_usec) || (u64)tv->tv_sec > KTIME_MAX / 4 / NSEC_PER_SEC)
		*out = KTIME_MAX;
	else
		*out = (u64)tv->tv_sec * NSEC_PER_SEC + (u64)tv->tv_usec * NSEC_PER_USEC;
	return 0;
}

static void set_linger(struct socket *s, const struct abi_linger *l)
{
	s->opt.linger = l->l_onoff;
	if (l->l_onoff)
		s->opt.linger_seconds = l->l_linger;
}

/* SO_TIMESTAMP and its variants: the last one that was switched on counts. */
static void set_timestamp(struct socket *s, int name, bool on)
{
	s->opt.timestamp = on;
	s->opt.timestamp_ns = on && (name == SO_TIMESTAMPNS_OLD || name == SO_TIMESTAMPNS_NEW);
	if (on)
		s->opt.timestamp_new = name == SO_TIMESTAMP_NEW || name == SO_TIMESTAMPNS_NEW;
}

static int set_timestamping(struct socket *s, int name, u32 flags)
{
	if (flags & ~(u32)SOF_TIMESTAMPING_MASK)
		return -EINVAL;
	s->opt.timestamp_new = name == SO_TIMESTAMPING_NEW;
	s->opt.timestamping = flags;
	return 0;
}

static void set_pacing(struct socket *s, const u8 *val, int len, int value)
{
	if (len >= (int)sizeof(u64))
		memcpy(&s->opt.max_pacing_rate, val, sizeof(u64));
	else
		s->opt.max_pacing_rate = value == -1 ? ~0ull : (u32)value;
}

/* ---- numbers ---- */

static int set_busy_poll(struct socket *s, int value)
{
	if (value > s->opt.busy_poll && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (value < 0)
		return -EINVAL;
	s->opt.busy_poll = value;
	return 0;
}

/* Options with a rule who may set them to what. */
static int set_ruled(struct socket *s, int name, int value)
{
	switch (name) {
	case SO_PRIORITY:
		if ((value < 0 || value > 6) && !may_mark())
			return -EPERM;
		s->opt.priority = value;
		return 0;
	case SO_MARK:
		if (!may_mark())
			return -EPERM;
		s->opt.mark = value;
		return 0;
	case SO_BUSY_POLL:
		return set_busy_poll(s, value);
	case SO_BINDTOIFINDEX:
		if (value < 0)
			return -EINVAL;
		if (s->opt.ifindex && !capable(CAP_NET_RAW))
			return -EPERM;
		s->opt.ifindex = value;
		return 0;
	case SO_BUF_LOCK:
		if (value & ~(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK))
			return -EINVAL;
		s->opt.bufs_locked = (u32)value;
		return 0;
	case SO_TXREHASH:
		if (value < -1 || value > 1)
			return -EINVAL;
		s->opt.txrehash = value < 0 ? 1 : (u8)value;
		return 0;
	case SO_PEEK_OFF:
		if (!s->ops->peek_off)
			return -EOPNOTSUPP;
		s->opt.peek_off = value;
		return 0;
	case SO_RESERVE_MEM:
		return value < 0 ? -EINVAL : -EOPNOTSUPP;
	case SO_ZEROCOPY:
		return -EOPNOTSUPP; /* TCP's and UDP's */
	case SO_DETACH_FILTER:
		return s->opt.lock_filter ? -EPERM : -ENOENT; /* none can be attached */
	}
	return -ENOPROTOOPT;
}

static int set_number(struct socket *s, int name, int value)
{
	switch (name) {
	case SO_SNDBUF:
		set_sndbuf(s, MIN((u32)value, (u32)READ_ONCE(net_wmem_max)));
		return 0;
	case SO_RCVBUF:
		set_rcvbuf(s, MIN((u32)value, (u32)READ_ONCE(net_rmem_max)));
		return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		return force_buffer(s, name, value);
	case SO_RCVLOWAT:
		s->opt.rcvlowat = value < 0 ? 0x7fffffff : value ? value : 1;
		return 0;
	case SO_BSDCOMPAT:
	case SO_CNX_ADVICE:
		return 0; /* as Linux: for the programs of old, for TCP */
	case SO_INCOMING_CPU:
		s->opt.incoming_cpu = value;
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		set_timestamp(s, name, value != 0);
		return 0;
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		return set_timestamping(s, name, (u32)value);
	}
	return set_ruled(s, name, value);
}

/* ---- the call ---- */

/* Bytes that a SOL_SOCKET option takes at most. */
static int option_size(int name, int len)
{
	switch (name) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return sizeof(struct __kernel_sock_timeval);
	case SO_LINGER:
		return sizeof(struct abi_linger);
	case SO_MAX_PACING_RATE:
		return len < (int)sizeof(u64) ? sizeof(int) : sizeof(u64);
	case SO_BINDTODEVICE:
		return 15; /* IFNAMSIZ - 1 */
	}
	return sizeof(int);
}

/* There is no device to bind to yet: the empty name unbinds. */
static int bind_device(struct socket *s, const char *name, int len)
{
	if (s->opt.ifindex && !capable(CAP_NET_RAW))
		return -EPERM;
	if (len && name[0])
		return -ENODEV;
	s->opt.ifindex = 0;
	return 0;
}

static int set_socket(struct socket *s, int name, const u8 *val, int len)
{
	int value, err;

	if (name == SO_BINDTODEVICE)
		return bind_device(s, (const char *)val, len);
	if (len < option_size(name, len))
		return -EINVAL;
	switch (name) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&s->opt.rcvtimeo, (const void *)val);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&s->opt.sndtimeo, (const void *)val);
	case SO_LINGER:
		set_linger(s, (const void *)val);
		return 0;
	}
	memcpy(&value, val, sizeof(value));
	if (name == SO_MAX_PACING_RATE) {
		set_pacing(s, val, len, value);
		return 0;
	}
	err = set_switch(s, name, value != 0);
	if (err == -ENOPROTOOPT)
		err = set_number(s, name, value);
	if (err == -ENOPROTOOPT && s->ops->setsockopt)
		err = s->ops->setsockopt(s, SOL_SOCKET, name, val, len);
	return err;
}

static int set_family(struct socket *s, int level, int name, const void __user *uval, int len)
{
	int room = MIN(len, OPTION_MAX), err;
	void *val;

	if (!s->ops->setsockopt)
		return -EOPNOTSUPP;
	val = kzalloc((size_t)MAX(room, 8), GFP_KERNEL);
	if (!val)
		return -ENOMEM;
	err = room ? copy_from_user(val, uval, (size_t)room) : 0;
	if (!err)
		err = s->ops->setsockopt(s, level, name, val, room);
	kfree(val);
	return err;
}

static int set_option(struct socket *s, int level, int name, const void __user *uval, int len)
{
	u64 val[2] = { 0 };
	int size;

	if (level != SOL_SOCKET)
		return set_family(s, level, name, uval, len);
	size = MIN(len, option_size(name, len));
	if (size && copy_from_user(val, uval, (size_t)size))
		return -EFAULT;
	return set_socket(s, name, (const u8 *)val, len);
}

long sys_setsockopt(int fd, int level, int name, const void __user *val, int len)
{
	struct fdref r;
	struct socket *s;
	long err;

	if (len < 0)
		return -EINVAL;
	r = fd_ref((unsigned int)fd);
	if (!r.file)
		return -EBADF;
	s = file_socket(r.file);
	err = s ? set_option(s, level, name, val, len) : -ENOTSOCK;
	fd_unref(r);
	return err;
}
