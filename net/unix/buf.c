// SPDX-License-Identifier: MIT
/*
 * Messages under way and the memory they hold.
 *
 * A sender may have SO_SNDBUF bytes under way; whoever reads gives them back
 * and wakes the sender when half is free again, so that the two do not switch
 * for each message.  A message weighs what Linux's socket buffers of its length
 * do, which is more than it costs here: programs see the same number of small
 * messages fit.
 *
 * What it costs is charged to the sending user until it is read or thrown away,
 * also after the sender closed: connections that nobody accepts hold bytes, and
 * no descriptor.  A user without CAP_SYS_RESOURCE may have a quarter of memory
 * in sockets, then gets ENOBUFS.
 * Tests: tests/abi/unix_limits.c.
 */
#include <tarn/errptr.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "unix.h"

/* Linux's struct sk_buff, the part behind its data, and how much data is not in pages of its own. */
#define SKB_HEAD 256u
#define SKB_TAIL 320u
#define SKB_LINEAR_MAX (4 * PAGE_SIZE - SKB_TAIL)

static u32 buf_weight(size_t len)
{
	size_t linear = MIN(len, (size_t)SKB_LINEAR_MAX);
	size_t block = ALIGN_UP(linear, 64) + SKB_TAIL, size = 512;

	while (size < block)
		size *= 2;
	return (u32)(size + SKB_HEAD + ALIGN_UP(len - linear, PAGE_SIZE));
}

bool unix_has_room(struct unix_sock *u)
{
	return atomic_load_explicit(&u->wmem, memory_order_relaxed) < READ_ONCE(u->sndbuf);
}

bool unix_is_writable(struct unix_sock *u)
{
	return atomic_load(&u->wmem) * 4ull <= READ_ONCE(u->sndbuf);
}

/* ---- charging ---- */

static u64 user_limit(void)
{
	static u64 quarter; /* [I] after the first call */
	struct mem_stats st;

	if (!READ_ONCE(quarter)) {
		mem_get_stats(&st);
		WRITE_ONCE(quarter, st.total / 4 * PAGE_SIZE);
	}
	return quarter;
}

bool unix_charge(struct user *user, u64 n)
{
	if (charge_try(user, CHARGE_SOCKET_BYTES, n, user_limit()))
		return true;
	return capable(CAP_SYS_RESOURCE) && charge_try(user, CHARGE_SOCKET_BYTES, n, CHARGE_NO_LIMIT);
}

/* The socket's maker usually sends, whom the sender's reference keeps. */
static struct user *charge_sender(struct unix_sock *u, u64 n)
{
	struct user *user = current->cred->user;

	if (!unix_charge(user, n))
		return NULL;
	if (user != u->user)
		user_get(user);
	return user;
}

static void uncharge(struct unix_buf *b)
{
	struct unix_sock *u = b->sender;
	u32 left = atomic_fetch_sub(&u->wmem, b->weight) - b->weight;

	if (left * 2ull <= READ_ONCE(u->sndbuf))
		unix_wake(u, POLLOUT | POLLWRNORM, UNIX_WAKE_ALL);
	charge_drop(b->user, CHARGE_SOCKET_BYTES, b->cost);
	if (b->user != u->user)
		user_put(b->user);
	unix_put(u);
}

/* ---- one message ---- */

/* Room for @len bytes, charged; NULL and *err. */
static struct unix_buf *buf_alloc(struct unix_sock *u, size_t len, int *err)
{
	u32 cost = (u32)(sizeof(struct unix_buf) + len);
	struct user *user = charge_sender(u, cost);
	struct unix_buf *b;

	*err = -ENOBUFS;
	if (!user)
		return NULL;
	b = kmalloc(cost, GFP_KERNEL);
	if (!b) {
		charge_drop(user, CHARGE_SOCKET_BYTES, cost);
		if (user != u->user)
			user_put(user);
		return NULL;
	}
	unix_get(u);
	b->sender = u;
	b->user = user;
	b->cred = UNIX_NO_CRED;
	b->files = NULL;
	b->when = 0;
	b->weight = buf_weight(len);
	b->cost = cost;
	b->len = (u32)len;
	b->off = 0;
	b->has_cred = b->peeked = false;
	list_init(&b->files_node);
	atomic_fetch_add(&u->wmem, b->weight);
	return b;
}

struct unix_buf *unix_buf_make(struct unix_sock *u, struct msg *m, size_t len, struct scm *scm)
{
	int err;
	struct unix_buf *b = buf_alloc(u, len, &err);

	if (!b)
		return ERR_PTR(err);
	if (iov_copy_from(b->data, &m->iter, len) != len) {
		unix_buf_free(b);
		return ERR_PTR(-EFAULT);
	}
	b->has_cred = scm->has_cred;
	if (b->has_cred)
		b->cred = scm->cred;
	b->files = scm->files;
	scm->files = NULL;
	if (b->files)
		unix_inflight(b->files, 1);
	return b;
}

void unix_buf_note(struct unix_buf *b, struct unix_sock *u, struct unix_sock *to)
{
	const struct socket_options *mine = u->socket ? &u->socket->opt : NULL;
	const struct socket_options *theirs = to->socket ? &to->socket->opt : NULL;
	const struct cred *c = current->cred;

	if (!b->has_cred && (!theirs || theirs->passcred || (mine && mine->passcred)))
		b->cred = (struct abi_ucred){ .pid = current->process->pid, .uid = c->uid, .gid = c->gid };
	if (theirs && theirs->timestamp)
		b->when = (ktime_t)clock_realtime();
}

void unix_buf_free(struct unix_buf *b)
{
	if (b->files) {
		unix_inflight(b->files, -1);
		unix_files_free_later(b->files);
	}
	uncharge(b);
	kfree(b);
}

/* ---- waiting for room ---- */

static bool room_or_end(struct unix_sock *u)
{
	return unix_has_room(u) || (READ_ONCE(u->shutdown) & UNIX_SHUT_WR) || atomic_load(&u->error);
}

int unix_wait_room(struct unix_sock *u, u32 flags)
{
	ktime_t timeo = 0, deadline = 0;
	int err;

	for (;;) {
		err = unix_take_error(u);
		if (err)
			return err;
		if (READ_ONCE(u->shutdown) & UNIX_SHUT_WR)
			return -EPIPE;
		if (unix_has_room(u))
			return 0;
		if (flags & MSG_DONTWAIT)
			return -EAGAIN;
		if (!deadline) {
			timeo = u->socket->opt.sndtimeo;
			deadline = socket_deadline(timeo, false);
		}
		err = wait_event_deadline(&u->wait, room_or_end(u), deadline);
		if (err == -ETIMEDOUT)
			return -EAGAIN;
		if (err)
			return socket_intr(timeo);
	}
}
