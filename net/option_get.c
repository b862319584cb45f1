// SPDX-License-Identifier: MIT
/*
 * getsockopt(2): SOL_SOCKET here, socket(7); the rest is the family's.
 *
 * An answer is made in kernel memory, by the family too, and copied to user
 * space in one place: as much as the caller has room for, and its length.
 * Tests: tests/abi/unix_options.c.
 */
#include <arch/uaccess.h>
#include <asm/socket.h>
#include <linux/time_types.h>
#include <tarn/fd.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include "net_internal.h"

#define JIFFY (4 * NSEC_PER_MSEC) /* what Linux rounds timeouts to, and tells: HZ is 250 */

/* An answer: @len bytes, of which the caller gets what his @room takes. */
struct answer {
	void *val;
	int room, len;
};

static int answer(struct answer *a, const void *data, int size)
{
	a->len = MIN(a->room, size);
	memcpy(a->val, data, (size_t)a->len);
	return 0;
}

static int answer_number(struct answer *a, int value)
{
	return answer(a, &value, sizeof(value));
}

static int answer_timeout(struct answer *a, ktime_t t)
{
	struct __kernel_sock_timeval tv = { 0 };

	if (t != KTIME_MAX) {
		t = (t + JIFFY - 1) / JIFFY * JIFFY;
		tv.tv_sec = (s64)(t / NSEC_PER_SEC);
		tv.tv_usec = (s64)(t % NSEC_PER_SEC / NSEC_PER_USEC);
	}
	return answer(a, &tv, sizeof(tv));
}

static int answer_timestamp(struct answer *a, const struct socket_options *o, int name)
{
	bool ns = name == SO_TIMESTAMPNS_OLD || name == SO_TIMESTAMPNS_NEW;
	bool new = name == SO_TIMESTAMP_NEW || name == SO_TIMESTAMPNS_NEW;

	/* As on Linux the new microseconds are "on" with the new nanoseconds too. */
	return answer_number(a, o->timestamp && o->timestamp_new == new && (o->timestamp_ns == ns || (new && !ns)));
}

/* Eight bytes or nothing. */
static int answer_u64(struct answer *a, u64 value)
{
	return a->room < (int)sizeof(value) ? -EINVAL : answer(a, &value, sizeof(value));
}

static int answer_pacing(struct answer *a, u64 rate)
{
	u32 low = (u32)MIN(rate, 0xffffffffull);

	return a->room < (int)sizeof(rate) ? answer(a, &low, sizeof(low)) : answer(a, &rate, sizeof(rate));
}

static u64 cookie_of(struct socket *s)
{
	static _Atomic u64 last;
	u64 none = 0, mine;

	if (!atomic_load(&s->cookie)) {
		mine = atomic_fetch_add(&last, 1) + 1;
		atomic_compare_exchange_strong(&s->cookie, &none, mine);
	}
	return atomic_load(&s->cookie);
}

/* Linux refuses a room larger than the name, and cuts the name to a smaller one. */
static int answer_peername(struct answer *a, struct socket *s)
{
	u8 addr[ABI_SOCKADDR_MAX];
	int len = s->ops->getname ? s->ops->getname(s, addr, true) : -ENOTCONN;

	if (len < 0)
		return -ENOTCONN;
	return len < a->room ? -EINVAL : answer(a, addr, len);
}

/* Options that are one int: 0 or -ENOPROTOOPT. */
static int number_of(struct socket *s, int name, int *out)
{
	const struct socket_options *o = &s->opt;

	switch (name) {
	case SO_TYPE:
		*out = s->type;
		return 0;
	case SO_DOMAIN:
		*out = s->family;
		return 0;
	case SO_PROTOCOL:
		*out = s->protocol;
		return 0;
	case SO_ERROR:
		*out = -socket_take_error(s);
		return 0;
	case SO_SNDBUF:
		*out = (int)o->sndbuf;
		return 0;
	case SO_RCVBUF:
		*out = (int)o->rcvbuf;
		return 0;
	case SO_RCVLOWAT:
		*out = o->rcvlowat;
		return 0;
	case SO_SNDLOWAT:
		*out = 1;
		return 0;
	case SO_PRIORITY:
		*out = o->priority;
		return 0;
	case SO_MARK:
		*out = o->mark;
		return 0;
	case SO_PEEK_OFF:
		*out = o->peek_off;
		return s->ops->peek_off ? 0 : -EOPNOTSUPP;
	case SO_INCOMING_CPU:
		*out = o->incoming_cpu;
		return 0;
	case SO_BUSY_POLL:
		*out = o->busy_poll;
		return 0;
	case SO_BINDTOIFINDEX:
		*out = o->ifindex;
		return 0;
	case SO_BUF_LOCK:
		*out = (int)o->bufs_locked;
		return 0;
	case SO_TXREHASH:
		*out = o->txrehash;
		return 0;
	case SO_BSDCOMPAT:
	case SO_INCOMING_NAPI_ID:
	case SO_ZEROCOPY:
	case SO_RESERVE_MEM:
		*out = 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

/* Options that are more than an int. */
static int get_wide(struct socket *s, int name, struct answer *a)
{
	struct abi_linger l = { s->opt.linger, s->opt.linger_seconds };
	u64 timestamping = s->opt.timestamping; /* with the index of a clock, none */

	switch (name) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return answer_timeout(a, s->opt.rcvtimeo);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return answer_timeout(a, s->opt.sndtimeo);
	case SO_LINGER:
		return answer(a, &l, sizeof(l));
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		return answer_timestamp(a, &s->opt, name);
	case SO_TIMESTAMPING_OLD:
		return answer(a, &timestamping, sizeof(timestamping));
	case SO_MAX_PACING_RATE:
		return answer_pacing(a, s->opt.max_pacing_rate);
	case SO_COOKIE:
		return answer_u64(a, cookie_of(s));
	case SO_NETNS_COOKIE:
		return a->room > (int)sizeof(u64) ? -EINVAL : answer_u64(a, 1); /* the first and only one */
	case SO_PEERNAME:
		return answer_peername(a, s);
	case SO_BINDTODEVICE:
	case SO_GET_FILTER:
		return answer(a, "", 0);
	}
	return -ENOPROTOOPT;
}

static int get_socket(struct socket *s, int name, struct answer *a)
{
	const bool *flag = option_switch(s, name);
	int value = 0, err;

	if (flag)
		return answer_number(a, *flag);
	err = number_of(s, name, &value);
	if (!err)
		return answer_number(a, value);
	if (err == -ENOPROTOOPT)
		err = get_wide(s, name, a);
	if (err == -ENOPROTOOPT && s->ops->getsockopt) {
		a->len = a->room;
		err = s->ops->getsockopt(s, SOL_SOCKET, name, a->val, &a->len);
	}
	return err;
}

static int get_family(struct socket *s, int level, int name, struct answer *a)
{
	if (!s->ops->getsockopt)
		return -EOPNOTSUPP;
	a->len = a->room;
	return s->ops->getsockopt(s, level, name, a->val, &a->len);
}

#define ANSWER_SMALL ABI_SOCKADDR_MAX /* no option of SOL_SOCKET is longer, but for one */
#define ANSWER_MAX (65536 * 4)        /* SO_PEERGROUPS: NGROUPS_MAX of them */

static int get_option(struct socket *s, int level, int name, void __user *uval, int __user *ulen)
{
	u64 small[ANSWER_SMALL / sizeof(u64)];
	struct answer a = { .val = small };
	int err;

	if (get_user(a.room, ulen))
		return -EFAULT;
	if (a.room < 0)
		return -EINVAL;
	a.room = MIN(a.room, level == SOL_SOCKET && name != SO_PEERGROUPS ? ANSWER_SMALL : ANSWER_MAX);
	if (a.room > ANSWER_SMALL)
		a.val = kmalloc((size_t)a.room, GFP_KERNEL);
	if (!a.val)
		return -ENOMEM;
	err = level == SOL_SOCKET ? get_socket(s, name, &a) : get_family(s, level, name, &a);
	if (!err && a.len && copy_to_user(uval, a.val, (size_t)MIN(a.len, a.room)))
		err = -EFAULT;
	/* SO_PEERGROUPS says with ERANGE how much room it needs. */
	if ((!err || err == -ERANGE) && put_user(a.len, ulen))
		err = -EFAULT;
	if (a.val != small)
		kfree(a.val);
	return err;
}

long sys_getsockopt(int fd, int level, int name, void __user *val, int __user *len)
{
	struct fdref r = fd_ref((unsigned int)fd);
	struct socket *s;
	long err;

	if (!r.file)
		return -EBADF;
	s = file_socket(r.file);
	err = s ? get_option(s, level, name, val, len) : -ENOTSOCK;
	fd_unref(r);
	return err;
}
