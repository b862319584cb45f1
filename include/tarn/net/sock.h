// SPDX-License-Identifier: MIT
/*
 * struct sock: what sockets of the packet families (inet, packet, netlink) have in common: owner, queues,
 * accounts.  net/core/sock.c.  (AF_UNIX keeps its own: it has no packets.)
 *
 * Two kinds of visitors: threads in system calls, which copy from and to user
 * space and may sleep, and the receive context, which may not. So the lock has
 * two layers, like this:
 *
 *	system call                        receive context
 *	sock_lock():                       spin_lock(&sk->lock)
 *	  spin_lock; wait while owned;     if (!sk->owned)
 *	  owned = true; spin_unlock            work on the packet
 *	... may sleep ...                  else
 *	sock_unlock():                         sock_backlog_add(): the owner will
 *	  spin_lock; work on the backlog;  spin_unlock
 *	  owned = false; wake; spin_unlock
 *
 * Protocol code runs with "the socket locked": owned by this thread, or the spinlock held by the
 * receive context. It never sleeps and never copies to user space itself.
 *
 * Accounts: wmem and rmem count truesize of packets on their way out, and received ones that
 * nobody read; the user pays by CHARGE_SOCKET_BYTES in steps; a namespace-wide and a machine-wide
 * limit stand above (tcp_mem and kin).
 */
#pragma once

#include <tarn/net/packet.h>
#include <tarn/net/rx.h>
#include <tarn/socket.h>
#include <tarn/waitq.h>

struct net;
struct user;
struct filter;

struct sock {
	struct spinlock lock;              /* LR_SOCK; two (listener, then child): LR_SOCK_CHILD */
	bool owned GUARDED_BY(&lock);      /* a thread has it */
	bool dead GUARDED_BY(&lock);       /* no socket: closed by its user, living on for the protocol */
	struct waitq owner_wait;           /* who waits to own it */
	struct packet_queue backlog GUARDED_BY(&lock);
	_Atomic u32 backlog_bytes;         /* truesize of what was put there since it was last empty */
	_Atomic bool defer;                /* sock_defer() */
	_Atomic u8 shutdown;               /* [a] SOCK_SHUT_*: socket locked to write */
	struct refcount refs;              /* the socket, tables, timers, packets on their way */
	struct socket *socket;             /* [owned or lock] NULL: dead */
	struct net *net;                   /* [I] a user of it (kernel's own sockets: not) */
	struct user *user;                 /* [I] who made it, counted: pays */
	u32 uid;                           /* [I] of the inode: REUSEPORT, /proc/net/tcp */
	u16 family, type, protocol;        /* [I] */
	_Atomic int error;                 /* SO_ERROR: positive */
	struct waitq wait;                 /* readers, writers, poll */
	struct packet_queue receive GUARDED_BY(&receive_lock); /* datagrams; TCP's in-order data */
	struct packet_queue errors GUARDED_BY(&receive_lock);  /* MSG_ERRQUEUE */
	struct spinlock receive_lock;      /* LR_SOCK_QUEUE: datagram sockets are filled under it alone, without lock */
	_Atomic u32 wmem, rmem;            /* truesize bytes */
	_Atomic u32 paid;                  /* what ->user is charged */
	_Atomic u32 drops;                 /* SO_RXQ_OVFL, /proc/net/udp */
	struct filter *filter;             /* RCU; SO_ATTACH_FILTER; lock to change */
	const struct sock_ops *ops;        /* [I] */
	struct rcu_head rcu;
};

#define SOCK_SHUT_RECEIVE BIT(0)
#define SOCK_SHUT_SEND BIT(1)
#define SOCK_MIN_BUF 4608u /* what Linux raises SO_SNDBUF to: one packet may always be sent */

struct sock_ops {
	const char *name;                  /* "TCP", for /proc/net/protocols */
	size_t size;                       /* of the protocol's struct, whose first member is struct sock */
	/* A packet of the backlog, socket locked by its owner. Owns @p. */
	void (*backlog_receive)(struct sock *sk, struct packet *p);
	/* Work put off while owned (timers that fired): called by sock_unlock() when sock_defer() asked. */
	void (*deferred)(struct sock *sk);
	void (*destroy)(struct sock *sk);  /* the last reference went; RCU has passed */
};

/* Zeroed beyond struct sock, refs 1; NULL. @gfp GFP_ATOMIC in the receive context (a connection that came in). */
struct sock *sock_alloc(struct net *net, const struct sock_ops *ops, int family, int type,
			int protocol, gfp_t gfp);
/* Who pays for it, and whose it is: at socket(2) the caller, for an accepted connection its listener's. */
void sock_set_user(struct sock *sk, struct user *user, u32 uid);
void sock_get(struct sock *sk);
void sock_put(struct sock *sk);

void sock_lock(struct sock *sk);       /* may sleep */
void sock_unlock(struct sock *sk);
/* Receive context, lock held, owned: false if the backlog is full (the packet stays the caller's: drop it). */
bool WARN_UNUSED sock_backlog_add(struct sock *sk, struct packet *p) MUST_HOLD(&sk->lock);

/* Receive context, lock held, owned: ->deferred is to be called. */
void sock_defer(struct sock *sk);

/*
 * Sleeps until woken with events of @events, socket given up meanwhile: 0, -ERESTARTSYS, -ETIMEDOUT; -EAGAIN at
 * once with
 * @deadline 0. Owner only. For conditions that change under the lock: what is queued without it, sock_receive()
 * waits for.
 */
int sock_wait(struct sock *sk, u32 events, ktime_t deadline);
/* Readers, writers, pollers and SIGIO hear of @events (POLL*). */
void sock_wake(struct sock *sk, u32 events);
void sock_set_error(struct sock *sk, int err);
/* 0 or -errno, once. */
int sock_take_error(struct sock *sk);

/*
 * A received packet goes to the datagram queue: runs the filter, charges, wakes. 0; -ENOMEM: SO_RCVBUF is full,
 * -EPERM: filtered: the packet is freed in any case.
 */
int sock_queue_receive(struct sock *sk, struct packet *p);
/*
 * The next datagram, waiting as @flags and the timeout say; ERR_PTR; NULL: shut down for reading. It is the
 * caller's; with MSG_PEEK it is a clone, and @offset (SO_PEEK_OFF; NULL: 0) skips as many bytes of the queue
 * and returns what is left to skip.
 */
struct packet *sock_receive(struct sock *sk, u32 flags, u32 *offset);
/* MSG_ERRQUEUE: the next one, or NULL. */
struct packet *sock_receive_error(struct sock *sk);
/* To the error queue, which has room as the receive queue; wakes POLLERR. False: freed. */
bool sock_queue_error(struct sock *sk, struct packet *p);
/* Room for a datagram on SO_SNDBUF, waiting if allowed: 0 or -errno. Not with the socket locked. */
int sock_wait_for_room(struct sock *sk, u32 flags);
/* POLL* of a datagram socket. */
u32 sock_poll(struct sock *sk, struct poll_wait *w);
void sock_refund(struct sock *sk); /* net/core/sock.c: the socket goes */
void sock_init(void); /* boot */
