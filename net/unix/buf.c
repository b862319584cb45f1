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
 * That weight is also charged, until the message is read or thrown away, also
 * after the sender closed: connections that nobody accepts hold bytes, and no
 * descriptor.  The sending socket's maker pays, in steps of 8 KiB, and for the
 * first one to the end of the socket: most messages cost no charge.  A user who
 * sends through another's socket is charged as well.  A user without
 * CAP_SYS_RESOURCE may have a quarter of memory in sockets, then gets ENOBUFS.
 * Tests: tests/abi/unix_limits.c.
 */
#include <tarn/cred.h>
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

/*
 * What is charged, besides UNIX_KEPT, while @wmem bytes are under way.  Each change of wmem is one atomic step from one
 * value to the next, so who changes it charges just the difference of these two, and only when it is not 0.
 */
static inline u32 charged_at(u32 wmem)
{
	return ALIGN_DOWN(wmem, UNIX_KEPT);
}

/* The first message of a socket: what unix_put() takes back. */
static bool charge_kept(struct unix_sock *u)
{
	if (!unix_charge(u->user, UNIX_KEPT))
		return false;
	if (atomic_exchange(&u->kept, true)) /* another thread sent the first too */
		charge_drop(u->user, CHARGE_SOCKET_BYTES, UNIX_KEPT);
	return true;
}

/* @n bytes less are under way. */
static inline void weigh_less(struct unix_sock *u, u32 n)
{
	u32 had = atomic_fetch_sub(&u->wmem, n), less = charged_at(had) - charged_at(had - n);

	if ((had - n) * 2ull <= READ_ONCE(u->sndbuf))
		unix_wake(u, POLLOUT | POLLWRNORM, UNIX_WAKE_ALL);
	if (unlikely(less))
		charge_drop(u->user, CHARGE_SOCKET_BYTES, less);
}

/* One who may not is charged for a moment: taking the weight back takes back just what it charged. */
static NOINLINE bool weigh_more_charged(struct unix_sock *u, u32 from, u32 to)
{
	u32 n = charged_at(to) - charged_at(from);
	bool ok = !n || unix_charge(u->user, n);

	if (!ok)
		charge_try(u->user, CHARGE_SOCKET_BYTES, n, CHARGE_NO_LIMIT);
	if (ok && (atomic_load_explicit(&u->kept, memory_order_relaxed) || charge_kept(u)))
		return true;
	weigh_less(u, to - from);
	return false;
}

static inline bool weigh_more(struct unix_sock *u, u32 n)
{
	u32 had = atomic_fetch_add(&u->wmem, n);

	if (likely(charged_at(had) == charged_at(had + n) && atomic_load_explicit(&u->kept, memory_order_relaxed)))
		return true;
	return weigh_more_charged(u, had, had + n);
}

/* Who sends through another user's socket: counted, to be put by uncharge_guest(). False: over the limit. */
static NOINLINE bool charge_guest(struct unix_buf *b, struct user *user)
{
	if (!unix_charge(user, b->weight))
		return false;
	user_get(user);
	b->guest = user;
	return true;
}

static void uncharge(struct unix_buf *b)
{
	struct unix_sock *u = b->sender;

	weigh_less(u, b->weight);
	if (unlikely(b->guest))
		charge_return(b->guest, CHARGE_SOCKET_BYTES, b->weight);
	unix_put(u);
}

static bool charge(struct unix_buf *b, struct unix_sock *u)
{
	struct user *user = current->cred->user;

	b->guest = NULL;
	if (unlikely(user != u->user) && !charge_guest(b, user))
		return false;
	if (weigh_more(u, b->weight))
		return true;
	if (b->guest)
		charge_return(b->guest, CHARGE_SOCKET_BYTES, b->weight);
	return false;
}

/* ---- one message ---- */

/* Room for @len bytes, charged; NULL: -ENOBUFS. */
static struct unix_buf *buf_alloc(struct unix_sock *u, size_t len)
{
	struct unix_buf *b = kmalloc(sizeof(*b) + len, GFP_KERNEL);

	if (!b)
		return NULL;
	b->weight = buf_weight(len);
	if (!charge(b, u)) {
		kfree(b);
		return NULL;
	}
	unix_get(u);
	b->sender = u;
	b->cred = UNIX_NO_CRED;
	b->files = NULL;
	b->when = 0;
	b->len = (u32)len;
	b->off = 0;
	b->has_cred = b->peeked = false;
	return b;
}

struct unix_buf *unix_buf_make(struct unix_sock *u, struct msg *m, size_t len, struct scm *scm)
{
	struct unix_buf *b = buf_alloc(u, len);

	if (!b)
		return ERR_PTR(-ENOBUFS);
	if (iov_copy_from(b->data, &m->iter, len) != len) {
		unix_buf_free(b);
		return ERR_PTR(-EFAULT);
	}
	b->has_cred = scm->has_cred;
	if (b->has_cred)
		b->cred = scm->cred;
	if (unlikely(scm->files)) {
		b->files = scm->files;
		scm->files = NULL;
		list_init(&b->files_node);
		unix_inflight(b->files, 1);
	}
	return b;
}

void unix_buf_note_asked(struct unix_buf *b, struct unix_sock *u, struct unix_sock *to)
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

int unix_wait_room_slow(struct unix_sock *u, u32 flags)
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
