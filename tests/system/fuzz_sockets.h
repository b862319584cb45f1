// SPDX-License-Identifier: MIT
/* fuzz_calls.c: Unix sockets, what goes through them and what is asked of them. */
#pragma once
#include "fuzz.h"

#include <linux/sockios.h>

static long type_of_socket(void)
{
	return ONE_OF(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW) |
	       (one_in(4) ? 0 : SOCK_NONBLOCK) | (one_in(8) ? (int)odd() : 0);
}

static void make_pair(void)
{
	int s[2];

	if (syscall(SYS_socketpair, AF_UNIX, type_of_socket(), about(2), one_in(40) ? memory() : s))
		return;
	put(s[0], SOCKET);
	put(s[1], SOCKET);
}

static void make_socket(void)
{
	put(syscall(SYS_socket, one_in(16) ? odd() : AF_UNIX, type_of_socket(), about(2)), SOCKET);
}

/* Few names, so that sockets meet: two paths, three abstract ones, the empty one, nonsense. */
static long name_of_socket(struct sockaddr_un *a)
{
	long n;

	memset(a, 0, sizeof(*a));
	a->sun_family = one_in(16) ? (sa_family_t)odd() : AF_UNIX;
	switch (below(8)) {
	case 0: n = 0; break;
	case 1: n = sizeof(a->sun_path); memset(a->sun_path, 'x', sizeof(a->sun_path)); break;
	case 2: case 3: n = 5; strcpy(a->sun_path, one_in(2) ? "sock" : "a"); break;
	default: n = 1 + (long)below(3); break;
	}
	n += (long)offsetof(struct sockaddr_un, sun_path);
	return one_in(20) ? odd() : n;
}

static void call_bind(void)
{
	struct sockaddr_un a;
	long n = name_of_socket(&a);

	syscall(SYS_bind, fd_of(SOCKET), one_in(20) ? memory() : &a, n);
}

static void call_connect(void)
{
	struct sockaddr_un a;
	long n = name_of_socket(&a);

	syscall(SYS_connect, fd_of(SOCKET), one_in(20) ? memory() : &a, n);
}

static void call_listen(void)
{
	int fd = fd_of(SOCKET);

	if (syscall(SYS_listen, fd, about(4)) == 0)
		for (int i = 0; i < POOL; i++)
			if (pool[i].fd == fd)
				pool[i].kind = LISTENER;
}

static void call_accept(void)
{
	put(syscall(SYS_accept4, fd_of(LISTENER), one_in(2) ? NULL : memory(), memory(),
		    bits(SOCK_NONBLOCK | SOCK_CLOEXEC)),
	    SOCKET);
}

static void call_shutdown(void)
{
	syscall(SYS_shutdown, fd_of(SOCKET), about(3));
}

static void call_names(void)
{
	unsigned int n = (unsigned int)odd();

	syscall(one_in(2) ? SYS_getsockname : SYS_getpeername, fd_of(SOCKET), memory(), one_in(8) ? memory() : &n);
}

static const unsigned long MSG_FLAGS = MSG_OOB | MSG_PEEK | MSG_DONTROUTE | MSG_TRUNC | MSG_CTRUNC | MSG_EOR |
	MSG_NOSIGNAL | MSG_MORE | MSG_WAITFORONE | MSG_CMSG_CLOEXEC | MSG_ERRQUEUE | MSG_CONFIRM;

static long message_flags(void)
{
	return bits(MSG_FLAGS) | (one_in(8) ? 0 : MSG_DONTWAIT) | (one_in(30) ? MSG_WAITALL : 0);
}

static unsigned int vector(struct iovec *v, unsigned int max)
{
	unsigned int n = below(max + 1);

	for (unsigned int i = 0; i < n; i++)
		v[i] = (struct iovec){ memory(), one_in(24) ? (size_t)odd() : below(one_in(8) ? 60000 : 300) };
	return n;
}

/* Control messages that fit, and such that lie about their length, level and type. */
static size_t control(char *c, size_t room)
{
	size_t used = 0;

	for (unsigned int i = below(3); i > 0; i--) {
		struct cmsghdr *h = (struct cmsghdr *)(c + used);
		unsigned int fds = one_in(30) ? 253 + below(2) : below(6);

		if (used + CMSG_SPACE(fds * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred)) > room)
			break;
		h->cmsg_level = one_in(20) ? (int)odd() : SOL_SOCKET;
		h->cmsg_type = one_in(20) ? (int)odd() : one_in(4) ? SCM_CREDENTIALS : SCM_RIGHTS;
		for (unsigned int j = 0; j < fds; j++)
			((int *)CMSG_DATA(h))[j] = fd_of(one_in(2) ? SOCKET : ANY);
		if (h->cmsg_type == SCM_CREDENTIALS && !one_in(8)) {
			*(struct ucred *)CMSG_DATA(h) = (struct ucred){ one_in(6) ? (int)odd() : getpid(),
									 getuid(), getgid() };
			fds = sizeof(struct ucred) / sizeof(int);
		}
		h->cmsg_len = one_in(16) ? (size_t)odd() : CMSG_LEN(fds * sizeof(int));
		used += CMSG_SPACE(fds * sizeof(int));
	}
	return one_in(20) ? (size_t)odd() : used;
}

static void message(struct msghdr *m, struct iovec *v, struct sockaddr_un *a, char *c, size_t room, bool send)
{
	*m = (struct msghdr){ .msg_iov = v };
	m->msg_iovlen = one_in(30) ? (int)odd() : (int)vector(v, 4);
	if (one_in(4)) {
		m->msg_namelen = (socklen_t)name_of_socket(a);
		m->msg_name = one_in(8) ? memory() : a;
	}
	if (one_in(2)) {
		m->msg_controllen = (socklen_t)(send ? control(c, room) : one_in(3) ? (size_t)odd() : room);
		m->msg_control = one_in(16) ? memory() : c;
	}
}

static void call_sendmsg(void)
{
	_Alignas(8) char c[3000];
	struct sockaddr_un a;
	struct iovec v[4];
	struct msghdr m;

	message(&m, v, &a, c, sizeof(c), true);
	syscall(SYS_sendmsg, fd_of(SOCKET), one_in(40) ? memory() : &m, message_flags());
}

/* The descriptors that came are kept, or lost, which is the point with cycles of them. */
static void take_files(struct msghdr *m, char *c, size_t room)
{
	if (m->msg_control != c || m->msg_controllen > room)
		return;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h && h->cmsg_len >= sizeof(*h); h = CMSG_NXTHDR(m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			for (size_t i = 0; i < (h->cmsg_len - sizeof(*h)) / sizeof(int); i++)
				put(((int *)CMSG_DATA(h))[i], SOCKET);
}

static void call_recvmsg(void)
{
	_Alignas(8) char c[3000];
	struct sockaddr_un a;
	struct iovec v[4];
	struct msghdr m;

	message(&m, v, &a, c, sizeof(c), false);
	if (syscall(SYS_recvmsg, fd_of(SOCKET), one_in(40) ? memory() : &m, message_flags()) >= 0)
		take_files(&m, c, sizeof(c));
}

static void call_many(void)
{
	struct mmsghdr m[3];
	struct iovec v[3][4];
	struct sockaddr_un a[3];
	_Alignas(8) char c[3][600];
	struct timespec t = { about(2), one_in(8) ? odd() : 1000 };
	bool send = one_in(2);

	for (int i = 0; i < 3; i++)
		message(&m[i].msg_hdr, v[i], &a[i], c[i], sizeof(c[i]), send);
	if (send)
		syscall(SYS_sendmmsg, fd_of(SOCKET), m, one_in(8) ? odd() & 3 : 3, message_flags());
	else
		syscall(SYS_recvmmsg, fd_of(SOCKET), m, 3, message_flags(), one_in(2) ? &t : NULL);
}

static void call_sendto(void)
{
	struct sockaddr_un a;
	long n = name_of_socket(&a);

	if (one_in(2))
		syscall(SYS_sendto, fd_of(SOCKET), memory(), about(5000), message_flags(), one_in(3) ? &a : NULL, n);
	else
		syscall(SYS_recvfrom, fd_of(SOCKET), memory(), about(5000), message_flags(),
			one_in(3) ? memory() : NULL, memory());
}

static void call_options(void)
{
	long level = one_in(20) ? odd() : SOL_SOCKET, name = about(80);
	int value[4] = { (int)odd(), (int)odd(), (int)odd(), (int)odd() };
	unsigned int n = one_in(8) ? (unsigned int)odd() : ONE_OF(4u, 8u, 12u, 16u);

	if (one_in(2))
		syscall(SYS_setsockopt, fd_of(SOCKET), level, name, one_in(12) ? memory() : value, (long)n);
	else
		syscall(SYS_getsockopt, fd_of(SOCKET), level, name, memory(), one_in(12) ? memory() : &n);
}

static void call_socket_ioctl(void)
{
	long value = odd();
	unsigned long what = ONE_OF(SIOCINQ, SIOCOUTQ, SIOCATMARK, SIOCSPGRP, SIOCGPGRP, FIOASYNC, FIONBIO, FIOSETOWN,
				    FIOGETOWN, SIOCGSTAMP_OLD, 0x89e0ul, SIOCGIFCONF, SIOCGIFNAME);

	/* A process group to signal: this one's, not another's. */
	if (what == SIOCSPGRP || what == FIOSETOWN)
		value = one_in(2) ? getpid() : 0;
	syscall(SYS_ioctl, fd_of(SOCKET), what, one_in(8) ? memory() : &value);
}

static void (*const socket_calls[])(void) = {
	make_pair, make_socket, call_bind, call_connect, call_connect, call_listen, call_accept, call_accept,
	call_shutdown, call_names, call_sendmsg, call_sendmsg, call_sendmsg, call_recvmsg, call_recvmsg,
	call_many, call_sendto, call_options, call_options, call_socket_ioctl,
};
