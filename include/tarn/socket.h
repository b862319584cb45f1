// SPDX-License-Identifier: MIT
/*
 * Sockets: the family-independent part.  net/socket.c; families in net/unix/ and later net/inet/.
 * A socket is a file; its family's ops do the work.
 */
#pragma once

#include <abi_socket.h>
#include <tarn/errno.h>
#include <tarn/iov.h>
#include <tarn/time.h>

struct file;
struct inode;
struct path;
struct poll_wait;
struct socket;

struct msg {
	struct iov_iter iter;
	void *name;              /* kernel copy of the address, ABI_SOCKADDR_MAX bytes */
	int namelen;             /* in: given; out: filled */
	void *control;           /* kernel copy of the control data to send, or NULL */
	size_t controllen;
	void __user *ucontrol;   /* where received control messages go */
	size_t ucontrol_len;     /* room left */
	u32 flags;               /* MSG_*; out: MSG_TRUNC, MSG_CTRUNC, MSG_EOR */
};

/*
 * All may sleep; no locks held by the caller.  NULL means -EOPNOTSUPP.
 * sendmsg, recvmsg return bytes or -errno and raise no signal: the caller sends SIGPIPE for -EPIPE.
 */
struct proto_ops {
	int family;
	int (*bind)(struct socket *s, const void *addr, int len);
	int (*connect)(struct socket *s, const void *addr, int len, u32 file_flags);
	int (*listen)(struct socket *s, int backlog);
	int (*accept)(struct socket *s, struct socket *new_sock, u32 file_flags);
	int (*socketpair)(struct socket *a, struct socket *b);
	int (*getname)(struct socket *s, void *addr, bool peer); /* length */
	ssize_t (*sendmsg)(struct socket *s, struct msg *m, u32 flags);
	ssize_t (*recvmsg)(struct socket *s, struct msg *m, u32 flags);
	int (*shutdown)(struct socket *s, int how);
	u32 (*poll)(struct socket *s, struct poll_wait *w);
	long (*ioctl)(struct socket *s, unsigned int cmd, unsigned long arg);
	/* @val in the kernel: @len bytes, at most OPTION_MAX. */
	int (*setsockopt)(struct socket *s, int level, int name, const void *val, int len);
	/* Fills @val, which has room for *len bytes, and says in *len how many; with -ERANGE how many it takes. */
	int (*getsockopt)(struct socket *s, int level, int name, void *val, int *len);
	void (*sndbuf_changed)(struct socket *s); /* SO_SNDBUF was set */
	void (*release)(struct socket *s);
	bool peek_off;                  /* has SO_PEEK_OFF: recvmsg heeds opt.peek_off */
};
#define OPTION_MAX 4096

/* SOL_SOCKET options that every family has.  Written by setsockopt, read by anybody: no lock, each is one word. */
struct socket_options {
	u32 sndbuf, rcvbuf;             /* bytes */
	int rcvlowat;
	ktime_t rcvtimeo, sndtimeo;     /* ns; KTIME_MAX: none */
	int priority, mark, ifindex, incoming_cpu, busy_poll, linger_seconds;
	int peek_off;                   /* where MSG_PEEK looks next; negative: always at the start */
	u32 bufs_locked;                /* SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK: sizes the user chose */
	u32 timestamping;               /* SOF_TIMESTAMPING_* */
	u64 max_pacing_rate;
	u8 txrehash;
	bool debug, reuseaddr, reuseport, keepalive, broadcast, oobinline, dontroute, no_check;
	bool passcred, passsec, linger, rcvmark, rxq_ovfl, wifi_status, nofcs, select_err_queue;
	bool lock_filter;
	bool timestamp, timestamp_ns, timestamp_new; /* which of SO_TIMESTAMP's four */
};

struct socket {
	int family, type, protocol;     /* [I] */
	struct socket_options opt;
	_Atomic int *error;             /* [I] SO_ERROR: a positive errno, taken by whoever reports it; the family's */
	_Atomic u64 cookie;             /* [a] SO_COOKIE; 0: nobody asked yet */
	const struct proto_ops *ops;    /* [I] */
	void *sk;                       /* the family's own [I] */
	struct file *file;              /* [I] not counted */
	struct inode *inode;            /* [I] */
};

/* The socket behind @f, or NULL. */
struct socket *file_socket(struct file *f);
/* A socket and its file for @family; accept passes the listener's ops and makes ->sk itself. ERR_PTR. */
struct file *socket_file_new(int family, int type, int protocol, const struct proto_ops *ops, u32 flags);
/* Takes the pending error: 0 or -errno. */
static inline int socket_take_error(struct socket *s)
{
	return atomic_load_explicit(s->error, memory_order_relaxed) ? -atomic_exchange(s->error, 0) : 0;
}
/* When a call that waits now gives up: KTIME_MAX never, 0 at once. @timeo one of the options. */
static inline ktime_t socket_deadline(ktime_t timeo, bool nonblock)
{
	if (nonblock)
		return 0;
	return timeo == KTIME_MAX ? KTIME_MAX : ktime_add(clock_monotonic(), timeo);
}
/* What an interrupted wait returns: with a timeout set, calls are not restarted (signal(7)). */
static inline int socket_intr(ktime_t timeo)
{
	return timeo == KTIME_MAX ? -ERESTARTSYS : -EINTR;
}

/* Family @family makes sockets with @create: 0 or -errno (-ESOCKTNOSUPPORT, -EPROTONOSUPPORT). */
int socket_register_family(int family, int (*create)(struct socket *s, int type, int protocol));
/* Adds a received control message, or sets MSG_CTRUNC when there is no room.  -EFAULT: there was no memory there. */
int put_cmsg(struct msg *m, int level, int type, const void *data, size_t len);
/* SO_TIMESTAMP and its variants: the time of arrival @when (CLOCK_REALTIME, ns; 0: now) as a control message. */
void put_timestamp(struct msg *m, const struct socket *s, ktime_t when);
void unix_init(void); /* AF_UNIX; once, before user space */
