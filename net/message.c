// SPDX-License-Identifier: MIT
/*
 * send(2), recv(2) and their families: headers, vectors and control messages
 * between user space and struct msg.
 */
#include <arch/uaccess.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include <tarn/errptr.h>
#include <tarn/fasync.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include "net_internal.h"

#define CONTROL_MAX 20480u  /* net.core.optmem_max */
#define MMSG_MAX 1024u      /* UIO_MAXIOV: sendmmsg(2) */
#define LENGTH_MAX 0x7ffff000ul

struct abi_mmsghdr {
	struct abi_msghdr hdr;
	u32 len;
	u32 pad;
};
_Static_assert(sizeof(struct abi_mmsghdr) == 64, "x86_64 struct mmsghdr");

int put_cmsg(struct msg *m, int level, int type, const void *data, size_t len)
{
	struct abi_cmsghdr hdr = { .cmsg_len = sizeof(hdr) + len, .cmsg_level = level,
				   .cmsg_type = type };
	size_t space = ABI_CMSG_ALIGN(hdr.cmsg_len);

	if (!m->ucontrol || m->ucontrol_len < sizeof(hdr)) {
		m->flags |= MSG_CTRUNC;
		return 0;
	}
	if (m->ucontrol_len < hdr.cmsg_len) {
		m->flags |= MSG_CTRUNC;
		hdr.cmsg_len = m->ucontrol_len;
		len = hdr.cmsg_len - sizeof(hdr);
	}
	if (copy_to_user(m->ucontrol, &hdr, sizeof(hdr)) ||
	    copy_to_user((u8 __user *)m->ucontrol + sizeof(hdr), data, len))
		return -EFAULT;
	space = MIN(space, m->ucontrol_len);
	m->ucontrol = (u8 __user *)m->ucontrol + space;
	m->ucontrol_len -= space;
	return 0;
}

/* Both forms are two words of 64 bits here; only their types differ. */
void put_timestamp(struct msg *m, const struct socket *s, ktime_t when)
{
	const struct socket_options *o = &s->opt;
	s64 t[2];

	if (!o->timestamp)
		return;
	if (!when)
		when = clock_realtime();
	t[0] = (s64)(when / NSEC_PER_SEC);
	t[1] = (s64)(when % NSEC_PER_SEC / (o->timestamp_ns ? 1 : NSEC_PER_USEC));
	if (o->timestamp_ns)
		put_cmsg(m, SOL_SOCKET, o->timestamp_new ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD, t, sizeof(t));
	else
		put_cmsg(m, SOL_SOCKET, o->timestamp_new ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD, t, sizeof(t));
}

/* ---- sending ---- */

static ssize_t send_one(struct socket *s, struct msg *m, u32 flags)
{
	ssize_t n;

	if (!s->ops->sendmsg)
		return -EOPNOTSUPP;
	if (s->file->flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	m->flags = flags;
	n = s->ops->sendmsg(s, m, flags);
	if (n == -EAGAIN || (n > 0 && m->iter.count))
		fasync_no_room(s->file);
	if (n == -EPIPE && s->type == SOCK_STREAM && !(flags & MSG_NOSIGNAL))
		signal_self(SIGPIPE);
	return n;
}

static long send_buffer(struct socket *s, const void __user *buf, size_t len, u32 flags,
			const void __user *uaddr, int addrlen)
{
	u8 addr[ABI_SOCKADDR_MAX];
	struct msg m = { 0 };
	int err;

	iov_init_user(&m.iter, __force_user(buf), MIN(len, LENGTH_MAX));
	if (uaddr) {
		err = address_get(addr, uaddr, addrlen);
		if (err)
			return err;
		m.name = addr;
		m.namelen = addrlen;
	}
	return send_one(s, &m, flags);
}

static struct fdref socket_fdref(int fd, struct socket **s, int *err)
{
	struct fdref r = fd_ref((unsigned int)fd);

	*s = r.file ? file_socket(r.file) : NULL;
	*err = !r.file ? -EBADF : *s ? 0 : -ENOTSOCK;
	return r;
}

/* After socket_fdref: fd_unref of an empty reference is harmless. */
long sys_sendto(int fd, const void __user *buf, size_t len, unsigned int flags,
		const void __user *addr, int addrlen)
{
	struct socket *s;
	int err;
	struct fdref r = socket_fdref(fd, &s, &err);
	long ret = err ? err : send_buffer(s, buf, len, flags, addr, addrlen);

	fd_unref(r);
	return ret;
}

/* What a header in user space becomes: freed by parts_free. */
struct parts {
	struct abi_msghdr hdr;
	struct iovec stack[IOV_ON_STACK], *heap;
	u8 addr[ABI_SOCKADDR_MAX];
};

static int get_header(struct parts *p, struct msg *m, const struct abi_msghdr __user *uhdr)
{
	memset(m, 0, sizeof(*m));
	p->heap = NULL;
	if (copy_from_user(&p->hdr, uhdr, sizeof(p->hdr)))
		return -EFAULT;
	if (!p->hdr.msg_name)
		p->hdr.msg_namelen = 0;
	if (p->hdr.msg_namelen < 0)
		return -EINVAL;
	p->hdr.msg_namelen = MIN(p->hdr.msg_namelen, ABI_SOCKADDR_MAX);
	if (p->hdr.msg_iovlen > MMSG_MAX)
		return -EMSGSIZE;
	return iov_import(&m->iter, (const struct iovec __user *)p->hdr.msg_iov, p->hdr.msg_iovlen,
			  p->stack, &p->heap);
}

static void parts_free(struct parts *p, struct msg *m)
{
	kfree(p->heap);
	kfree(m->control);
}

static int get_control(struct parts *p, struct msg *m)
{
	size_t len = p->hdr.msg_controllen;

	if (!len)
		return 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	m->control = kmalloc(len, GFP_KERNEL);
	if (!m->control)
		return -ENOMEM;
	m->controllen = len;
	return copy_from_user(m->control, (const void __user *)p->hdr.msg_control, len);
}

static NOINLINE long send_header(struct socket *s, const struct abi_msghdr __user *uhdr, u32 flags)
{
	struct parts p;
	struct msg m;
	long ret = get_header(&p, &m, uhdr);

	if (!ret && p.hdr.msg_namelen) {
		ret = address_get(p.addr, (const void __user *)p.hdr.msg_name, p.hdr.msg_namelen);
		m.name = p.addr;
		m.namelen = p.hdr.msg_namelen;
	}
	if (!ret)
		ret = get_control(&p, &m);
	if (!ret)
		ret = send_one(s, &m, flags);
	parts_free(&p, &m);
	return ret;
}

long sys_sendmsg(int fd, struct abi_msghdr __user *msg, unsigned int flags)
{
	struct socket *s;
	int err;
	struct fdref r;
	long ret;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	r = socket_fdref(fd, &s, &err);
	ret = err ? err : send_header(s, msg, flags);
	fd_unref(r);
	return ret;
}

static long send_many(struct socket *s, struct abi_mmsghdr __user *msgs, u32 count, u32 flags)
{
	long ret = 0;
	u32 done = 0;

	while (done < MIN(count, MMSG_MAX)) {
		ret = send_header(s, &msgs[done].hdr, flags);
		if (ret < 0 || put_user((u32)ret, &msgs[done].len))
			break;
		done++;
		if (signal_pending())
			break;
	}
	return done ? done : ret;
}

long sys_sendmmsg(int fd, void __user *msgs, unsigned int vlen, unsigned int flags)
{
	struct socket *s;
	int err;
	struct fdref r = socket_fdref(fd, &s, &err);
	long ret = err ? err : send_many(s, msgs, vlen, flags);

	fd_unref(r);
	return ret;
}

/* ---- receiving ---- */

static ssize_t receive_one(struct socket *s, struct msg *m, u32 flags)
{
	if (!s->ops->recvmsg)
		return -EOPNOTSUPP;
	if (s->file->flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	m->flags = 0;
	return s->ops->recvmsg(s, m, flags);
}

static long receive_buffer(struct socket *s, void __user *buf, size_t len, u32 flags,
			   void __user *uaddr, int __user *ulen)
{
	u8 addr[ABI_SOCKADDR_MAX];
	struct msg m = { .name = uaddr ? addr : NULL };
	ssize_t n;

	iov_init_user(&m.iter, buf, MIN(len, LENGTH_MAX));
	n = receive_one(s, &m, flags);
	if (n >= 0 && uaddr && address_put(addr, m.namelen, uaddr, ulen))
		return -EFAULT;
	return n;
}

long sys_recvfrom(int fd, void __user *buf, size_t len, unsigned int flags, void __user *addr,
		  int __user *addrlen)
{
	struct socket *s;
	int err;
	struct fdref r = socket_fdref(fd, &s, &err);
	long ret = err ? err : receive_buffer(s, buf, len, flags, addr, addrlen);

	fd_unref(r);
	return ret;
}

static int put_header(struct parts *p, const struct msg *m, struct abi_msghdr __user *uhdr)
{
	size_t control_used = p->hdr.msg_controllen - m->ucontrol_len;

	if (p->hdr.msg_name) {
		if (copy_to_user((void __user *)p->hdr.msg_name, p->addr,
				 (size_t)MIN(p->hdr.msg_namelen, m->namelen)) ||
		    put_user((s32)m->namelen, &uhdr->msg_namelen))
			return -EFAULT;
	}
	if (put_user(m->flags, &uhdr->msg_flags) ||
	    put_user((u64)control_used, &uhdr->msg_controllen))
		return -EFAULT;
	return 0;
}

static NOINLINE long receive_header(struct socket *s, struct abi_msghdr __user *uhdr, u32 flags)
{
	struct parts p;
	struct msg m;
	long ret = get_header(&p, &m, uhdr);

	if (!ret) {
		m.name = p.hdr.msg_name ? p.addr : NULL;
		m.ucontrol = (void __user *)p.hdr.msg_control;
		m.ucontrol_len = p.hdr.msg_controllen;
		ret = receive_one(s, &m, flags);
		if (flags & MSG_CMSG_CLOEXEC)
			m.flags |= MSG_CMSG_CLOEXEC;
	}
	if (ret >= 0 && put_header(&p, &m, uhdr))
		ret = -EFAULT;
	parts_free(&p, &m);
	return ret;
}

long sys_recvmsg(int fd, struct abi_msghdr __user *msg, unsigned int flags)
{
	struct socket *s;
	int err;
	struct fdref r;
	long ret;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	r = socket_fdref(fd, &s, &err);
	ret = err ? err : receive_header(s, msg, flags);
	fd_unref(r);
	return ret;
}

/* The timeout is looked at after each message only, as recvmmsg(2) admits under BUGS. */
static long receive_many(struct socket *s, struct abi_mmsghdr __user *msgs, u32 count, u32 flags,
			 ktime_t deadline)
{
	long ret = socket_take_error(s);
	u32 done = 0;

	if (ret)
		return ret;

	while (done < MIN(count, MMSG_MAX)) {
		ret = receive_header(s, &msgs[done].hdr, flags & ~MSG_WAITFORONE);
		if (ret < 0 || put_user((u32)ret, &msgs[done].len))
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (clock_monotonic() >= deadline || signal_pending())
			break;
	}
	/* An error after some messages is for the next call to see. */
	if (done && ret < 0 && ret != -EAGAIN && ret != -ERESTARTSYS && ret != -EINTR)
		atomic_store(s->error, (int)-ret);
	return done ? done : ret;
}

long sys_recvmmsg(int fd, void __user *msgs, unsigned int vlen, unsigned int flags,
		  void __user *timeout)
{
	ktime_t deadline = KTIME_MAX, ns, now;
	struct socket *s;
	struct fdref r;
	long ret;
	int err;

	if (timeout) {
		err = ktime_from_user_timespec(&ns, timeout);
		if (err)
			return err;
		deadline = ktime_add(clock_monotonic(), ns);
	}
	r = socket_fdref(fd, &s, &err);
	ret = err ? err : receive_many(s, msgs, vlen, flags, deadline);
	fd_unref(r);
	if (ret > 0 && timeout) {
		now = clock_monotonic();
		if (ktime_to_user_timespec(timeout, deadline > now ? deadline - now : 0))
			return -EFAULT;
	}
	return ret;
}
