// SPDX-License-Identifier: MIT
/*
 * Messages under way and the memory they hold.
 *
 * A sender may have SO_SNDBUF bytes under way; whoever reads gives them back
 * and wakes the sender when half is free again, so that the two do not switch
 * for each message.
 */
#include <tarn/errptr.h>
#include <tarn/poll.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "unix.h"

static u32 buf_weight(size_t len)
{
	return (u32)ALIGN_UP(len + sizeof(struct unix_buf), 64);
}

bool unix_has_room(struct unix_sock *u)
{
	return atomic_load_explicit(&u->wmem, memory_order_relaxed) < READ_ONCE(u->sndbuf);
}

bool unix_is_writable(struct unix_sock *u)
{
	return atomic_load(&u->wmem) * 4ull <= READ_ONCE(u->sndbuf);
}

static void uncharge(struct unix_sock *u, u32 n)
{
	u32 left = atomic_fetch_sub(&u->wmem, n) - n;

	if (left * 2ull <= u->sndbuf && waitq_active(&u->wait))
		waitq_wake_all(&u->wait, POLLOUT | POLLWRNORM);
	unix_put(u);
}

struct unix_buf *unix_buf_make(struct unix_sock *u, struct msg *m, size_t len, struct scm *scm)
{
	struct unix_buf *b = kmalloc(sizeof(*b) + len, GFP_KERNEL);

	if (!b)
		return ERR_PTR(-ENOMEM);
	if (iov_copy_from(b->data, &m->iter, len) != len) {
		kfree(b);
		return ERR_PTR(-EFAULT);
	}
	b->len = (u32)len;
	b->off = 0;
	b->charge = buf_weight(len);
	b->cred = scm->cred;
	b->files = scm->files;
	scm->files = NULL;
	if (b->files)
		unix_inflight(b->files, 1);
	b->sender = u;
	b->from = READ_ONCE(u->addr);
	if (b->from)
		ref_get(&b->from->refs);
	unix_get(u);
	atomic_fetch_add(&u->wmem, b->charge);
	return b;
}

void unix_buf_free(struct unix_buf *b)
{
	if (b->files) {
		unix_inflight(b->files, -1);
		unix_files_free_later(b->files);
	}
	if (b->from)
		unix_addr_put(b->from);
	uncharge(b->sender, b->charge);
	kfree(b);
}

static bool room_or_end(struct unix_sock *u)
{
	return unix_has_room(u) || (READ_ONCE(u->shutdown) & UNIX_SHUT_WR) || atomic_load(&u->error);
}

int unix_wait_room(struct unix_sock *u, u32 flags)
{
	ktime_t timeo, deadline;
	int err;

	if (unix_has_room(u))
		return 0;
	timeo = u->socket->opt.sndtimeo;
	if (flags & MSG_DONTWAIT)
		return -EAGAIN;
	deadline = socket_deadline(timeo, false);
	err = wait_event_deadline(&u->wait, room_or_end(u), deadline);
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err ? socket_intr(timeo) : 0;
}
