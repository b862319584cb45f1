// SPDX-License-Identifier: MIT
/*
 * socket(2), bind(2), listen(2), accept(2), connect(2), socketpair(2),
 * getsockname(2), getpeername(2), shutdown(2): arguments in, family's op, result
 * out.
 */
#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include "net_internal.h"

/* ---- addresses ---- */

int address_get(void *addr, const void __user *uaddr, int len)
{
	if (len < 0 || len > ABI_SOCKADDR_MAX)
		return -EINVAL;
	memset(addr, 0, ABI_SOCKADDR_MAX);
	return len ? copy_from_user(addr, uaddr, (size_t)len) : 0;
}

int address_put(const void *addr, int len, void __user *uaddr, int __user *ulen)
{
	int room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(uaddr, addr, (size_t)MIN(room, len)))
		return -EFAULT;
	return put_user(len, ulen);
}

/* The socket of @fd in *r (fd_unref in any case): 0, -EBADF, -ENOTSOCK. */
static int socket_ref(int fd, struct fdref *r, struct socket **s)
{
	*r = fd_ref((unsigned int)fd);
	if (!r->file)
		return -EBADF;
	*s = file_socket(r->file);
	if (*s)
		return 0;
	fd_unref(*r);
	return -ENOTSOCK;
}

/* ---- socket, socketpair ---- */

static int split_type(int type, int *flags)
{
	*flags = type & ~SOCK_TYPE_MASK;
	if (*flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	return type & SOCK_TYPE_MASK;
}

long sys_socket(int family, int type, int protocol)
{
	struct file *f;
	int flags;

	type = split_type(type, &flags);
	if (type < 0)
		return type;
	f = socket_create(family, type, protocol, (u32)flags);
	return IS_ERR(f) ? PTR_ERR(f) : fd_add(f, (u32)flags & O_CLOEXEC);
}

static int pair_connect(struct file *a, struct file *b)
{
	struct socket *s = file_socket(a);

	return s->ops->socketpair ? s->ops->socketpair(s, file_socket(b)) : -EOPNOTSUPP;
}

/* Both numbers reach user space before either file is visible. */
static long pair_fds(struct file *a, struct file *b, u32 cloexec, int __user *ufds)
{
	int fds[2], err;

	err = fds[0] = fd_reserve(0, cloexec);
	if (err < 0)
		return err;
	err = fds[1] = fd_reserve(0, cloexec);
	if (err < 0)
		goto unreserve_first;
	err = copy_to_user(ufds, fds, sizeof(fds));
	if (err)
		goto unreserve_second;
	fd_install((unsigned int)fds[0], a);
	fd_install((unsigned int)fds[1], b);
	return 0;

unreserve_second:
	fd_unreserve((unsigned int)fds[1]);
unreserve_first:
	fd_unreserve((unsigned int)fds[0]);
	return err;
}

long sys_socketpair(int family, int type, int protocol, int __user *fds)
{
	struct file *a, *b;
	long err;
	int flags;

	type = split_type(type, &flags);
	if (type < 0)
		return type;
	a = socket_create(family, type, protocol, (u32)flags);
	if (IS_ERR(a))
		return PTR_ERR(a);
	b = socket_create(family, type, protocol, (u32)flags);
	if (IS_ERR(b)) {
		file_put(a);
		return PTR_ERR(b);
	}
	err = pair_connect(a, b);
	if (!err)
		err = pair_fds(a, b, (u32)flags & O_CLOEXEC, fds);
	if (err) {
		file_put(a);
		file_put(b);
	}
	return err;
}

/* ---- names and connections ---- */

long sys_bind(int fd, const void __user *uaddr, int addrlen)
{
	u8 addr[ABI_SOCKADDR_MAX];
	struct socket *s;
	struct fdref r;
	int err = socket_ref(fd, &r, &s);

	if (err)
		return err;
	err = address_get(addr, uaddr, addrlen);
	if (!err)
		err = s->ops->bind ? s->ops->bind(s, addr, addrlen) : -EOPNOTSUPP;
	fd_unref(r);
	return err;
}

long sys_connect(int fd, const void __user *uaddr, int addrlen)
{
	u8 addr[ABI_SOCKADDR_MAX];
	struct socket *s;
	struct fdref r;
	int err = socket_ref(fd, &r, &s);

	if (err)
		return err;
	err = address_get(addr, uaddr, addrlen);
	if (!err)
		err = s->ops->connect ? s->ops->connect(s, addr, addrlen, r.file->flags)
				      : -EOPNOTSUPP;
	fd_unref(r);
	return err;
}

long sys_listen(int fd, int backlog)
{
	struct socket *s;
	struct fdref r;
	int err = socket_ref(fd, &r, &s);

	if (err)
		return err;
	if ((unsigned int)backlog > (unsigned int)READ_ONCE(net_somaxconn))
		backlog = READ_ONCE(net_somaxconn);
	err = s->ops->listen ? s->ops->listen(s, backlog) : -EOPNOTSUPP;
	fd_unref(r);
	return err;
}

/* The accepted connection as a file; ERR_PTR. */
static struct file *accept_file(struct socket *s, u32 file_flags, int flags)
{
	struct file *f;
	int err;

	if (!s->ops->accept)
		return ERR_PTR(-EOPNOTSUPP);
	f = socket_file_new(s->family, s->type, s->protocol, s->ops, (u32)flags);
	if (IS_ERR(f))
		return f;
	err = s->ops->accept(s, file_socket(f), file_flags);
	if (!err)
		return f;
	file_put(f);
	return ERR_PTR(err);
}

static int put_peer_name(struct file *f, void __user *uaddr, int __user *ulen)
{
	u8 addr[ABI_SOCKADDR_MAX];
	struct socket *s = file_socket(f);
	int len = s->ops->getname(s, addr, true);

	return len < 0 ? -ECONNABORTED : address_put(addr, len, uaddr, ulen);
}

long sys_accept4(int fd, void __user *uaddr, int __user *addrlen, int flags)
{
	struct socket *s;
	struct fdref r;
	struct file *f;
	int new_fd, err;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = socket_ref(fd, &r, &s);
	if (err)
		return err;
	new_fd = fd_reserve(0, (u32)flags & O_CLOEXEC);
	if (new_fd < 0) {
		fd_unref(r);
		return new_fd;
	}
	f = accept_file(s, r.file->flags, flags);
	err = PTR_ERR_OR_ZERO(f);
	if (!err && uaddr) {
		err = put_peer_name(f, uaddr, addrlen);
		if (err)
			file_put(f);
	}
	if (err)
		fd_unreserve((unsigned int)new_fd);
	else
		fd_install((unsigned int)new_fd, f);
	fd_unref(r);
	return err ? err : new_fd;
}

long sys_accept(int fd, void __user *addr, int __user *addrlen)
{
	return sys_accept4(fd, addr, addrlen, 0);
}

static long get_name(int fd, void __user *uaddr, int __user *ulen, bool peer)
{
	u8 addr[ABI_SOCKADDR_MAX];
	struct socket *s;
	struct fdref r;
	int err = socket_ref(fd, &r, &s), len;

	if (err)
		return err;
	len = s->ops->getname ? s->ops->getname(s, addr, peer) : -EOPNOTSUPP;
	fd_unref(r);
	return len < 0 ? len : address_put(addr, len, uaddr, ulen);
}

long sys_getsockname(int fd, void __user *addr, int __user *addrlen)
{
	return get_name(fd, addr, addrlen, false);
}

long sys_getpeername(int fd, void __user *addr, int __user *addrlen)
{
	return get_name(fd, addr, addrlen, true);
}

long sys_shutdown(int fd, int how)
{
	struct socket *s;
	struct fdref r;
	int err = socket_ref(fd, &r, &s);

	if (err)
		return err;
	if (how < SHUT_RD || how > SHUT_RDWR)
		err = -EINVAL;
	else
		err = s->ops->shutdown ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
	fd_unref(r);
	return err;
}
