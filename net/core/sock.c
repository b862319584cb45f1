// SPDX-License-Identifier: MIT
/*
 * struct sock: life, the lock of two layers, queues and accounts (contract: include/tarn/net/sock.h).
 *
 * The backlog is bounded by both buffers' sizes: a thread that holds its socket for long
 * loses packets as if its receive buffer were full.  A sender's wakeup and a
 * receiver's are never lost: who changes the state wakes after it, and waiters
 * look again after they are on the queue (tarn/waitq.h).
 *
 * Accounts and datagram queues are in sock_queue.c.
 */
#include <linux/socket.h>
#include <tarn/cred.h>
#include <tarn/errptr.h>
#include <tarn/net/netns.h>
#include <tarn/net/sock.h>
#include <tarn/poll.h>
#include <tarn/slab.h>
#include <tarn/string.h>

struct sock *sock_alloc(struct net *net, const struct sock_ops *ops, int family, int type,
			int protocol, gfp_t gfp)
{
	struct sock *sk = kzalloc(ops->size, gfp);

	if (!sk)
		return NULL;
	spin_init(&sk->lock, ops->name, LR_SOCK);
	spin_init(&sk->receive_lock, "sock receive", LR_SOCK_QUEUE);
	waitq_init(&sk->owner_wait);
	waitq_init(&sk->wait);
	packet_queue_init(&sk->backlog);
	packet_queue_init(&sk->receive);
	packet_queue_init(&sk->errors);
	ref_init(&sk->refs, 1);
	net_get(net);
	sk->net = net;
	sk->family = (u16)family;
	sk->type = (u16)type;
	sk->protocol = (u16)protocol;
	sk->ops = ops;
	return sk;
}

void sock_set_user(struct sock *sk, struct user *user, u32 uid)
{
	user_get(user);
	sk->user = user;
	sk->uid = uid;
}

void sock_get(struct sock *sk)
{
	ref_get(&sk->refs);
}

static void sock_free(struct rcu_head *h)
{
	struct sock *sk = container_of(h, struct sock, rcu);

	if (sk->ops->destroy)
		sk->ops->destroy(sk);
	packet_queue_purge(&sk->backlog);
	packet_queue_purge(&sk->receive);
	packet_queue_purge(&sk->errors);
	sock_refund(sk);
	if (sk->user)
		user_put(sk->user);
	net_put(sk->net);
	kfree(sk);
}

void sock_put(struct sock *sk)
{
	if (ref_put(&sk->refs))
		rcu_call(&sk->rcu, sock_free);
}

/* ---- the lock ---- */

void sock_lock(struct sock *sk) NO_LOCK_CHECK
{
	spin_lock(&sk->lock);
	while (unlikely(sk->owned)) {
		spin_unlock(&sk->lock);
		wait_event(&sk->owner_wait, !READ_ONCE(sk->owned));
		spin_lock(&sk->lock);
	}
	sk->owned = true;
	spin_unlock(&sk->lock);
}

/* What came in while the socket was owned. More may come meanwhile; the last look is under the lock that lets go. */
static void work_backlog(struct sock *sk) MUST_HOLD(&sk->lock)
{
	struct packet *p;

	while ((p = packet_dequeue(&sk->backlog)) != NULL) {
		spin_unlock(&sk->lock);
		sk->ops->backlog_receive(sk, p);
		cond_resched();
		spin_lock(&sk->lock);
	}
	atomic_store_explicit(&sk->backlog_bytes, 0, memory_order_relaxed);
}

void sock_unlock(struct sock *sk)
{
	spin_lock(&sk->lock);
	for (;;) {
		work_backlog(sk);
		if (!atomic_exchange_explicit(&sk->defer, false, memory_order_relaxed))
			break;
		spin_unlock(&sk->lock);
		sk->ops->deferred(sk);
		spin_lock(&sk->lock);
	}
	sk->owned = false;
	spin_unlock(&sk->lock);
	if (unlikely(waitq_active(&sk->owner_wait)))
		waitq_wake_all(&sk->owner_wait, 0);
}

static u32 send_limit(const struct sock *sk)
{
	return sk->socket ? READ_ONCE(sk->socket->opt.sndbuf) : SOCK_MIN_BUF;
}

static u32 receive_limit(const struct sock *sk)
{
	return sk->socket ? READ_ONCE(sk->socket->opt.rcvbuf) : SOCK_MIN_BUF;
}

bool sock_backlog_add(struct sock *sk, struct packet *p)
{
	u64 limit = (u64)send_limit(sk) + receive_limit(sk);

	if (atomic_load_explicit(&sk->backlog_bytes, memory_order_relaxed) + (u64)p->truesize >
	    limit)
		return false;
	atomic_fetch_add_explicit(&sk->backlog_bytes, p->truesize, memory_order_relaxed);
	packet_enqueue(&sk->backlog, p);
	return true;
}

void sock_defer(struct sock *sk)
{
	atomic_store_explicit(&sk->defer, true, memory_order_relaxed);
}

/* ---- waiting ---- */

int sock_wait(struct sock *sk, u32 events, ktime_t deadline)
{
	struct wait_entry e;
	int err = 0;

	if (!deadline)
		return -EAGAIN;
	waitq_entry_init(&e);
	waitq_prepare(&sk->wait, &e, TS_INTERRUPTIBLE, false);
	e.events = events ? events | POLLERR | POLLHUP : 0;
	sock_unlock(sk); /* may run the backlog, whose wake-ups find us on the queue */
	if (thread_sleep_interrupted(TS_INTERRUPTIBLE))
		err = -ERESTARTSYS;
	else if (schedule_deadline(deadline))
		err = -ETIMEDOUT;
	waitq_finish(&e);
	sock_lock(sk);
	return err;
}

void sock_wake(struct sock *sk, u32 events)
{
	if (waitq_active(&sk->wait))
		waitq_wake_all(&sk->wait, events);
}

void sock_set_error(struct sock *sk, int err)
{
	atomic_store(&sk->error, err < 0 ? -err : err);
	sock_wake(sk, POLLERR);
}

int sock_take_error(struct sock *sk)
{
	return atomic_load_explicit(&sk->error, memory_order_relaxed)
		       ? -atomic_exchange(&sk->error, 0)
		       : 0;
}
