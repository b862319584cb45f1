// SPDX-License-Identifier: MIT
/* setsockopt(2) and getsockopt(2): SOL_SOCKET here, socket(7); the rest is the family's. */
#include <arch/uaccess.h>
#include <asm/socket.h>
#include <linux/time_types.h>
#include <tarn/process.h>
#include <tarn/syscall.h>
#include "net_internal.h"

#define SNDBUF_MIN 4608u
#define RCVBUF_MIN 2304u

struct abi_linger {
	s32 l_onoff, l_linger;
};

/* ---- setting ---- */

/* The kernel doubles what is asked, to have room for its own book-keeping (socket(7)). */
static u32 buffer_size(int asked, u32 min, bool force)
{
	u32 want = asked < 0 ? SOCKET_BUF_DEFAULT : (u32)asked;

	if (!force)
		want = MIN(want, SOCKET_BUF_DEFAULT);
	return MAX(MIN(want, 1u << 30) * 2, min);
}

static int set_timeout(ktime_t *out, const void __user *val, int len)
{
	struct __kernel_old_timeval tv;

	if (len < (int)sizeof(tv))
		return -EINVAL;
	if (copy_from_user(&tv, val, sizeof(tv)))
		return -EFAULT;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0)
		*out = 0;
	else if ((!tv.tv_sec && !tv.tv_usec) || (u64)tv.tv_sec > KTIME_MAX / 4 / NSEC_PER_SEC)
		*out = KTIME_MAX;
	else
		*out = (u64)tv.tv_sec * NSEC_PER_SEC + (u64)tv.tv_usec * NSEC_PER_USEC;
	return 0;
}

static int set_linger(struct socket *s, const void __user *val, int len)
{
	struct abi_linger l;

	if (len < (int)sizeof(l))
		return -EINVAL;
	if (copy_from_user(&l, val, sizeof(l)))
		return -EFAULT;
	s->opt.linger = l.l_onoff;
	s->opt.linger_seconds = l.l_linger;
	return 0;
}

/* The option @name, if it is one of those that are on or off; NULL. */
static bool *flag_of(struct socket *s, int name)
{
	switch (name) {
	case SO_REUSEADDR:
		return &s->opt.reuseaddr;
	case SO_REUSEPORT:
		return &s->opt.reuseport;
	case SO_KEEPALIVE:
		return &s->opt.keepalive;
	case SO_BROADCAST:
		return &s->opt.broadcast;
	case SO_OOBINLINE:
		return &s->opt.oobinline;
	case SO_DONTROUTE:
		return &s->opt.dontroute;
	case SO_PASSCRED:
		return &s->opt.passcred;
	}
	return NULL;
}

static int set_number(struct socket *s, int name, int value)
{
	bool *flag;

	switch (name) {
	case SO_SNDBUF:
		s->opt.sndbuf = buffer_size(value, SNDBUF_MIN, false);
		return 0;
	case SO_RCVBUF:
		s->opt.rcvbuf = buffer_size(value, RCVBUF_MIN, false);
		return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		if (name == SO_SNDBUFFORCE)
			s->opt.sndbuf = buffer_size(value, SNDBUF_MIN, true);
		else
			s->opt.rcvbuf = buffer_size(value, RCVBUF_MIN, true);
		return 0;
	case SO_RCVLOWAT:
		s->opt.rcvlowat = value < 0 ? 0x7fffffff : value ? value : 1;
		return 0;
	case SO_PRIORITY:
		if ((value < 0 || value > 6) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		s->opt.priority = value;
		return 0;
	case SO_MARK:
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		s->opt.mark = value;
		return 0;
	case SO_TYPE:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ERROR:
	case SO_ACCEPTCONN:
		return -ENOPROTOOPT;
	}
	flag = flag_of(s, name);
	if (!flag)
		return -ENOPROTOOPT;
	*flag = value != 0;
	return 0;
}

static int set_socket(struct socket *s, int name, const void __user *val, int len)
{
	int value, err;

	switch (name) {
	case SO_RCVTIMEO:
		return set_timeout(&s->opt.rcvtimeo, val, len);
	case SO_SNDTIMEO:
		return set_timeout(&s->opt.sndtimeo, val, len);
	case SO_LINGER:
		return set_linger(s, val, len);
	}
	if (len < (int)sizeof(int))
		return -EINVAL;
	if (get_user(value, (const int __user *)val))
		return -EFAULT;
	err = set_number(s, name, value);
	if (err == -ENOPROTOOPT && s->ops->setsockopt)
		err = s->ops->setsockopt(s, SOL_SOCKET, name, val, len);
	return err;
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
	if (!s)
		err = -ENOTSOCK;
	else if (level == SOL_SOCKET)
		err = set_socket(s, name, val, len);
	else
		err = s->ops->setsockopt ? s->ops->setsockopt(s, level, name, val, len)
					 : -EOPNOTSUPP;
	fd_unref(r);
	return err;
}

/* ---- getting ---- */

/* Up to *ulen bytes of @data; *ulen becomes how many. */
static int put_value(const void *data, int size, void __user *val, int __user *ulen)
{
	int len;

	if (get_user(len, ulen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = MIN(len, size);
	if (copy_to_user(val, data, (size_t)len))
		return -EFAULT;
	return put_user(len, ulen);
}

static int get_timeout(ktime_t t, void __user *val, int __user *ulen)
{
	struct __kernel_old_timeval tv = { 0 };

	if (t != KTIME_MAX) {
		tv.tv_sec = (long)(t / NSEC_PER_SEC);
		tv.tv_usec = (long)(t % NSEC_PER_SEC / NSEC_PER_USEC);
	}
	return put_value(&tv, sizeof(tv), val, ulen);
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
	}
	return -ENOPROTOOPT;
}

static int get_socket(struct socket *s, int name, void __user *val, int __user *ulen)
{
	struct abi_linger l = { s->opt.linger, s->opt.linger_seconds };
	const bool *flag;
	int value;

	switch (name) {
	case SO_RCVTIMEO:
		return get_timeout(s->opt.rcvtimeo, val, ulen);
	case SO_SNDTIMEO:
		return get_timeout(s->opt.sndtimeo, val, ulen);
	case SO_LINGER:
		return put_value(&l, sizeof(l), val, ulen);
	}
	flag = flag_of(s, name);
	if (flag)
		value = *flag;
	if (flag || !number_of(s, name, &value))
		return put_value(&value, sizeof(value), val, ulen);
	return s->ops->getsockopt ? s->ops->getsockopt(s, SOL_SOCKET, name, val, ulen) : -ENOPROTOOPT;
}

long sys_getsockopt(int fd, int level, int name, void __user *val, int __user *len)
{
	struct fdref r = fd_ref((unsigned int)fd);
	struct socket *s;
	long err;

	if (!r.file)
		return -EBADF;
	s = file_socket(r.file);
	if (!s)
		err = -ENOTSOCK;
	else if (level == SOL_SOCKET)
		err = get_socket(s, name, val, len);
	else
		err = s->ops->getsockopt ? s->ops->getsockopt(s, level, name, val, len) : -EOPNOTSUPP;
	fd_unref(r);
	return err;
}
