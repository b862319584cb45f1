// SPDX-License-Identifier: MIT
/*
 * Accounts and queues of sockets: who pays for packets, and datagrams between the receive context and readers.
 *
 * wmem and rmem are bytes that packets really take (truesize).  The user is
 * charged in steps of CHARGE_STEP as their sum grows, so that most packets cost him no
 * atomic of his own; `paid` says how much. No user may have more than a quarter of memory in
 * sockets, all together not more than half; what is beyond is dropped as if the socket's buffer were full.
 *
 * Datagrams are queued under receive_lock alone: a reader that holds the socket does not hold up the wire. Readers
 * get the packet itself, or with MSG_PEEK a clone, as another reader may take and free it meanwhile.
 *
 * Tests: tests/net (host), tests/abi/net_*.c.
 */
#include <linux/socket.h>
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/errptr.h>
#include <tarn/net/sock.h>
#include <tarn/poll.h>
#include <tarn/socket.h>
#include <tarn/waitq.h>

#define CHARGE_STEP (64u << 10)

static _Atomic u64 all_paid;     /* of all sockets, in steps */
static u64 user_limit, all_limit; /* [I] after boot */

void sock_init(void)
{
	struct mem_stats st;

	mem_get_stats(&st);
	user_limit = st.total / 4 * PAGE_SIZE;
	all_limit = st.total / 2 * PAGE_SIZE;
}

static bool sock_over_limit(const struct sock *sk)
{
	return atomic_load_explicit(&all_paid, memory_order_relaxed) > all_limit ||
	       (sk->user && charge_of(sk->user, CHARGE_SOCKET_BYTES) > user_limit);
}

/* ---- accounts ---- */

static void pay_step(struct sock *sk)
{
	atomic_fetch_add_explicit(&sk->paid, CHARGE_STEP, memory_order_relaxed);
	atomic_fetch_add_explicit(&all_paid, CHARGE_STEP, memory_order_relaxed);
	if (sk->user)
		charge_try(sk->user, CHARGE_SOCKET_BYTES, CHARGE_STEP, CHARGE_NO_LIMIT);
}

/* Takes a step back if @paid still is what was paid. */
static bool refund_step(struct sock *sk, u32 paid)
{
	if (!atomic_compare_exchange_strong_explicit(&sk->paid, &paid, paid - CHARGE_STEP,
						     memory_order_relaxed, memory_order_relaxed))
		return false;
	atomic_fetch_sub_explicit(&all_paid, CHARGE_STEP, memory_order_relaxed);
	if (sk->user)
		charge_drop(sk->user, CHARGE_SOCKET_BYTES, CHARGE_STEP);
	return true;
}

static u32 in_use(const struct sock *sk)
{
	return atomic_load_explicit(&sk->wmem, memory_order_relaxed) +
	       atomic_load_explicit(&sk->rmem, memory_order_relaxed);
}

static void use(struct sock *sk, _Atomic u32 *counter, u32 n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
	while (unlikely(in_use(sk) > atomic_load_explicit(&sk->paid, memory_order_relaxed)))
		pay_step(sk);
}

static void unuse(struct sock *sk, _Atomic u32 *counter, u32 n)
{
	u32 paid;

	atomic_fetch_sub_explicit(counter, n, memory_order_release);
	paid = atomic_load_explicit(&sk->paid, memory_order_relaxed);
	while (unlikely(paid > in_use(sk) && paid - in_use(sk) > 2 * CHARGE_STEP) &&
	       refund_step(sk, paid))
		paid -= CHARGE_STEP;
}

/* The last packets are gone: everything goes back. */
void sock_refund(struct sock *sk)
{
	u32 paid;

	while ((paid = atomic_load_explicit(&sk->paid, memory_order_relaxed)) != 0)
		refund_step(sk, paid);
}

static u32 send_limit(const struct sock *sk)
{
	const struct socket *s = rcu_dereference(sk->socket);

	return s ? READ_ONCE(s->opt.sndbuf) : SOCK_MIN_BUF;
}

static u32 receive_limit(const struct sock *sk)
{
	const struct socket *s = rcu_dereference(sk->socket);

	return s ? READ_ONCE(s->opt.rcvbuf) : 0;
}

static bool writable(const struct sock *sk)
{
	return atomic_load_explicit(&sk->wmem, memory_order_acquire) < send_limit(sk) / 2;
}

static void sent(struct packet *p)
{
	struct sock *sk = p->sk;

	unuse(sk, &sk->wmem, p->charged);
	rcu_read_lock(); /* ->socket */
	if (waitq_active(&sk->wait) && writable(sk))
		waitq_wake_all(&sk->wait, POLLOUT | POLLWRNORM);
	rcu_read_unlock();
	sock_put(sk);
}

static void received(struct packet *p)
{
	unuse(p->sk, &p->sk->rmem, p->charged);
}

static void charge(struct packet *p, struct sock *sk, _Atomic u32 *counter,
		   void (*pay_back)(struct packet *p))
{
	packet_orphan(p);
	p->sk = sk;
	p->pay_back = pay_back;
	p->charged = p->truesize;
	use(sk, counter, p->charged);
}

void packet_charge_send(struct packet *p, struct sock *sk)
{
	sock_get(sk);
	charge(p, sk, &sk->wmem, sent);
}

/* No reference: the packet does not leave the socket, which throws away what it has before it goes. */
void packet_charge_receive(struct packet *p, struct sock *sk)
{
	charge(p, sk, &sk->rmem, received);
}

/* ---- queues ---- */

/* Onto @q if there is room. receive_lock held. */
static bool put(struct sock *sk, struct packet_queue *q, struct packet *p)
{
	u64 rmem = atomic_load_explicit(&sk->rmem, memory_order_relaxed);

	packet_orphan(p);
	if (rmem + (rmem ? p->truesize : 0) > receive_limit(sk) || unlikely(sock_over_limit(sk)))
		return false;
	if (p->route) {
		route_put(p->route);
		p->route = NULL;
	}
	packet_charge_receive(p, sk);
	packet_enqueue(q, p);
	return true;
}

int sock_queue_receive(struct sock *sk, struct packet *p)
{
	bool ok;

	rcu_read_lock();
	spin_lock(&sk->receive_lock);
	ok = put(sk, &sk->receive, p);
	spin_unlock(&sk->receive_lock);
	rcu_read_unlock();
	if (ok) {
		sock_wake(sk, POLLIN | POLLRDNORM);
		return 0;
	}
	atomic_fetch_add_explicit(&sk->drops, 1, memory_order_relaxed);
	packet_free(p);
	return -ENOMEM;
}

bool sock_queue_error(struct sock *sk, struct packet *p)
{
	bool ok;

	rcu_read_lock();
	spin_lock(&sk->receive_lock);
	ok = put(sk, &sk->errors, p);
	spin_unlock(&sk->receive_lock);
	rcu_read_unlock();
	if (ok)
		sock_wake(sk, POLLERR);
	else
		packet_free(p);
	return ok;
}

struct packet *sock_receive_error(struct sock *sk)
{
	struct packet *p;

	spin_lock(&sk->receive_lock);
	p = packet_dequeue(&sk->errors);
	spin_unlock(&sk->receive_lock);
	return p;
}

/* A clone of the packet that *offset bytes of the queue come before. */
static struct packet *peek(struct sock *sk, u32 *offset) MUST_HOLD(&sk->receive_lock)
{
	u32 skip = offset ? *offset : 0;
	struct packet *p, *c;

	LIST_FOR_EACH(p, &sk->receive.list, node) {
		if (skip >= p->len && skip) {
			skip -= p->len;
			continue;
		}
		c = packet_clone(p, GFP_ATOMIC);
		if (offset)
			*offset = skip;
		return c ? c : ERR_PTR(-ENOMEM);
	}
	return NULL;
}

static struct packet *take(struct sock *sk, u32 flags, u32 *offset)
{
	struct packet *p;

	if (list_empty(&sk->receive.list))
		return NULL;
	spin_lock(&sk->receive_lock);
	p = flags & MSG_PEEK ? peek(sk, offset) : packet_dequeue(&sk->receive);
	spin_unlock(&sk->receive_lock);
	return p;
}

/* Something that ends a reader's wait; the packet, if any, in *out. */
static bool receive_ends(struct sock *sk, u32 flags, u32 *offset, struct packet **out)
{
	int err = sock_take_error(sk);

	*out = err ? ERR_PTR(err) : take(sk, flags, offset);
	return *out ||
	       atomic_load_explicit(&sk->shutdown, memory_order_acquire) & SOCK_SHUT_RECEIVE;
}

struct packet *sock_receive(struct sock *sk, u32 flags, u32 *offset)
{
	ktime_t timeo = sk->socket->opt.rcvtimeo, deadline;
	struct packet *p;
	int err;

	if (receive_ends(sk, flags, offset, &p))
		return p;
	deadline = socket_deadline(timeo, flags & MSG_DONTWAIT);
	if (!deadline)
		return ERR_PTR(-EAGAIN);
	err = WAIT_EVENT(&sk->wait, receive_ends(sk, flags, offset, &p), TS_INTERRUPTIBLE, deadline,
			 true);
	if (err == -ERESTARTSYS)
		return ERR_PTR(socket_intr(timeo));
	return err ? ERR_PTR(-EAGAIN) : p;
}

static bool send_ends(struct sock *sk, int *err)
{
	*err = sock_take_error(sk);
	if (!*err && atomic_load_explicit(&sk->shutdown, memory_order_acquire) & SOCK_SHUT_SEND)
		*err = -EPIPE;
	return *err || atomic_load_explicit(&sk->wmem, memory_order_acquire) < send_limit(sk);
}

int sock_wait_for_room(struct sock *sk, u32 flags)
{
	ktime_t timeo = sk->socket->opt.sndtimeo, deadline;
	int err, wait_err;

	if (unlikely(sock_over_limit(sk)) && !capable(CAP_SYS_RESOURCE))
		return -ENOBUFS;
	if (send_ends(sk, &err))
		return err;
	deadline = socket_deadline(timeo, flags & MSG_DONTWAIT);
	if (!deadline)
		return -EAGAIN;
	wait_err = WAIT_EVENT(&sk->wait, send_ends(sk, &err), TS_INTERRUPTIBLE, deadline, false);
	if (wait_err == -ERESTARTSYS)
		return socket_intr(timeo);
	return wait_err ? -EAGAIN : err;
}

u32 sock_poll(struct sock *sk, struct poll_wait *w)
{
	u8 shut = atomic_load_explicit(&sk->shutdown, memory_order_acquire);
	u32 mask = 0;

	poll_on(w, &sk->wait);
	if (atomic_load_explicit(&sk->error, memory_order_relaxed) || !list_empty(&sk->errors.list))
		mask |= POLLERR;
	if (shut & SOCK_SHUT_RECEIVE)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (shut == (SOCK_SHUT_RECEIVE | SOCK_SHUT_SEND))
		mask |= POLLHUP;
	if (!list_empty(&sk->receive.list))
		mask |= POLLIN | POLLRDNORM;
	if (writable(sk))
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return mask;
}
