// SPDX-License-Identifier: MIT
/*
 * connect(2), listen(2), accept(2) of stream and sequenced-packet sockets.
 *
 * connect makes the server's end at once (an embryo, complete but without a
 * file), ties it to the client and leaves it in the listener's queue; accept
 * gives it a file.  So a client can write before it is accepted, and a listener
 * that closes resets those it never accepted.
 */
#include <linux/fcntl.h>
#include <tarn/cred.h>
#include <tarn/errptr.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include "unix.h"

int unix_listen(struct socket *s, int backlog)
{
	struct unix_sock *u = s->sk;
	const struct cred *old = NULL;
	int err = 0;

	spin_lock(&u->lock);
	if (!u->addr)
		err = -EINVAL;
	else if (u->state != UNIX_FRESH && u->state != UNIX_LISTEN)
		err = -EINVAL;
	if (!err) {
		u->state = UNIX_LISTEN;
		u->backlog = (u32)backlog;
		old = unix_note_peer(u);
	}
	spin_unlock(&u->lock);
	if (old)
		cred_put(old);
	if (!err)
		waitq_wake_all(&u->peer_wait, POLLOUT);
	return err;
}

static bool backlog_free(struct unix_sock *l)
{
	return READ_ONCE(l->waiting) <= READ_ONCE(l->backlog) || READ_ONCE(l->state) != UNIX_LISTEN ||
	       (READ_ONCE(l->shutdown) & UNIX_SHUT_RD);
}

/* The embryo and the client become each other's peers. Both locked but for the embryo, which nobody knows. */
static void tie(struct unix_sock *client, struct unix_sock *listener, struct unix_sock *embryo) NO_LOCK_CHECK
{
	unix_get(client);
	unix_get(embryo);
	embryo->peer = client;
	client->peer = embryo;
	embryo->state = client->state = UNIX_CONNECTED;
	unix_note_peer(embryo);
	client->peer_cred = cred_get(listener->peer_cred);
	client->peer_pid = listener->peer_pid;
	embryo->addr = listener->addr;
	ref_get(&embryo->addr->refs);
	embryo->listener = listener;
}

/* 0, -EAGAIN (the queue is full), -ECONNREFUSED, -EISCONN, -EINVAL. */
static int try_connect(struct unix_sock *u, struct unix_sock *l, struct unix_sock *embryo)
{
	int err = 0;

	unix_lock_two(u, l);
	if (l->state != UNIX_LISTEN || (l->shutdown & UNIX_SHUT_RD))
		err = -ECONNREFUSED;
	else if (l->waiting > l->backlog)
		err = -EAGAIN;
	else if (u->state == UNIX_CONNECTED)
		err = -EISCONN;
	else if (u->state != UNIX_FRESH)
		err = -EINVAL;
	if (!err) {
		tie(u, l, embryo);
		list_add_tail(&l->embryos, &embryo->embryo_node);
		l->waiting++;
	}
	unix_unlock_two(u, l);
	if (!err)
		unix_wake(l, POLLIN | POLLRDNORM, 1);
	return err;
}

static int wait_backlog(struct socket *s, struct unix_sock *l, ktime_t deadline)
{
	int err = wait_event_deadline(&l->peer_wait, backlog_free(l), deadline);

	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err ? socket_intr(s->opt.sndtimeo) : 0;
}

static int connect_to(struct socket *s, const struct sockaddr_un *un, int len, u32 file_flags)
{
	ktime_t deadline = socket_deadline(s->opt.sndtimeo, file_flags & O_NONBLOCK);
	struct unix_sock *u = s->sk, *l, *embryo = unix_alloc(u->type);
	int err;

	if (!embryo)
		return -ENOBUFS;
	for (;;) {
		/* Anew each time: the listener may have been replaced meanwhile. */
		l = unix_find(un, len, u->type);
		if (IS_ERR(l)) {
			err = (int)PTR_ERR(l);
			break;
		}
		err = try_connect(u, l, embryo);
		if (err == -EAGAIN && deadline)
			err = wait_backlog(s, l, deadline);
		else if (!err)
			embryo = NULL;
		unix_put(l);
		if (err || !embryo)
			break;
	}
	if (embryo)
		unix_put(embryo);
	return err;
}

int unix_connect(struct socket *s, const void *addr, int len, u32 file_flags)
{
	struct unix_sock *u = s->sk;
	int err = unix_check_address(addr, len);

	if (err)
		return err;
	if (s->opt.passcred && !READ_ONCE(u->addr)) {
		err = unix_autobind(u);
		if (err)
			return err;
	}
	return connect_to(s, addr, len, file_flags);
}

/* ---- accept ---- */

static struct unix_sock *take_embryo(struct unix_sock *l)
{
	struct unix_sock *e;

	spin_lock(&l->lock);
	e = list_first(&l->embryos, struct unix_sock, embryo_node);
	if (e) {
		list_del_init(&e->embryo_node);
		l->waiting--;
	}
	spin_unlock(&l->lock);
	return e;
}

static bool accept_ready(struct unix_sock *l)
{
	return !list_empty(&l->embryos) || (READ_ONCE(l->shutdown) & UNIX_SHUT_RD);
}

int unix_accept(struct socket *s, struct socket *new_sock, u32 file_flags)
{
	struct unix_sock *l = s->sk, *e;
	ktime_t deadline = socket_deadline(s->opt.rcvtimeo, file_flags & O_NONBLOCK);
	int err;

	while (!(e = take_embryo(l))) {
		if (READ_ONCE(l->state) != UNIX_LISTEN || (READ_ONCE(l->shutdown) & UNIX_SHUT_RD))
			return -EINVAL;
		if (!deadline)
			return -EAGAIN;
		err = WAIT_EVENT(&l->wait, accept_ready(l), TS_INTERRUPTIBLE, deadline, true);
		if (err == -ETIMEDOUT)
			return -EAGAIN;
		if (err) {
			if (accept_ready(l)) /* somebody else's wake-up, perhaps */
				unix_wake(l, POLLIN | POLLRDNORM, 1);
			return socket_intr(s->opt.rcvtimeo);
		}
	}
	if (waitq_active(&l->peer_wait))
		waitq_wake_all(&l->peer_wait, POLLOUT | POLLWRNORM);
	spin_lock(&e->lock);
	e->socket = new_sock;
	e->sndbuf = new_sock->opt.sndbuf;
	new_sock->sk = e;
	new_sock->error = &e->error;
	new_sock->opt.passcred = s->opt.passcred;
	new_sock->opt.passsec = s->opt.passsec;
	spin_unlock(&e->lock);
	return 0;
}
