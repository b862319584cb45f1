// SPDX-License-Identifier: MIT
/*
 * Futexes: sleeping on a word of user memory.
 *
 * A waiter stands in the hash bucket of its key, which mm_futex_key() makes: of
 * a private futex (mm, address), of a shared one in a file mapping (inode,
 * offset), so that two mappings of one page meet.
 *
 *   waiter                              waker (user space changed the word first)
 *   lock bucket, count++
 *   word still the expected one?        count == 0: nobody to wake (A)
 *   queue, unlock, sleep                else lock bucket, unqueue, wake
 *
 * (A) is sound because the waiter counts itself before it reads the word, and
 * the waker has written the word before it reads the count: one sees the other.
 *
 * The word is read under the bucket's spinlock with the form that does not
 * fault; when the page is not there the lock is dropped and it is fetched.
 *
 * Not there: priority inheritance (FUTEX_LOCK_PI and its kin), FUTEX_FD.
 */
#include <linux/futex.h>
#include <linux/time.h>
#include <arch/time.h>
#include <arch/uaccess.h>
#include <tarn/errno.h>
#include <tarn/futex.h>
#include <tarn/hash.h>
#include <tarn/mm.h>
#include <tarn/process.h>
#include <tarn/signal.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>
#include "time/time.h"

#define BUCKETS 1024u

struct bucket {
	struct spinlock lock; /* rank LR_FUTEX */
	struct list waiters GUARDED_BY(&lock);
	_Atomic u32 count;    /* [a] waiters here or about to be */
} CACHE_ALIGNED;

struct waiter {
	struct list node;
	struct futex_key key;
	struct bucket *_Atomic bucket; /* where it is queued: that bucket's lock to change; NULL: woken */
	struct thread *thread;
	u32 bitset;
};

/* When a wait ends: of monotonic time (KTIME_MAX: never), or of the wall clock, which may be set meanwhile. */
struct wait_end {
	bool realtime;
	ktime_t at;
};

static struct bucket buckets[BUCKETS] = {
	[0 ... BUCKETS - 1] = { .lock = SPINLOCK_INIT("futex", LR_FUTEX) },
};

static struct bucket *key_bucket(const struct futex_key *k)
{
	return &buckets[hash_add(hash_add(k->word0, k->word1), k->offset) % BUCKETS];
}

static bool key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->word0 == b->word0 && a->word1 == b->word1 && a->offset == b->offset;
}

#define KEY_SHARED 1u /* in the offset, whose low bits are 0: a shared futex never meets a private one */

/* A shared futex must be there, as on Linux: past the end of its file there is none (EFAULT). */
static NOINLINE int check_there(u32 __user *uaddr)
{
	u32 word;

	if (likely(!copy_from_user_nofault(&word, uaddr, sizeof(word))))
		return 0;
	return get_user(word, uaddr);
}

static ALWAYS_INLINE int get_key(u32 __user *uaddr, bool shared, struct futex_key *key)
{
	int err;

	if ((u64)uaddr % sizeof(u32))
		return -EINVAL;
	if (!user_range_ok(uaddr, sizeof(u32)))
		return -EFAULT;
	err = mm_futex_key((u64)uaddr, shared, false, key);
	if (err || !shared)
		return err;
	key->offset |= KEY_SHARED;
	return check_there(uaddr);
}

static void bucket_ready(struct bucket *b) MUST_HOLD(&b->lock)
{
	if (unlikely(!b->waiters.next))
		list_init(&b->waiters);
}

/* Only ever waits for the bucket it was moved from. */
static void unqueue_locked(struct waiter *w, struct bucket *b) MUST_HOLD(&b->lock)
{
	list_del(&w->node);
	atomic_fetch_sub(&b->count, 1);
}

/* The waiter's frame may be gone once its bucket is NULL; its thread lives on through RCU. */
static void wake_waiter(struct waiter *w, struct bucket *b) MUST_HOLD(&b->lock)
{
	struct thread *t = w->thread;

	unqueue_locked(w, b);
	atomic_store_explicit(&w->bucket, NULL, memory_order_release);
	thread_wake(t);
}

static u32 wake_key(struct bucket *b, const struct futex_key *key, u32 n, u32 bitset)
	MUST_HOLD(&b->lock)
{
	struct waiter *w, *next;
	u32 woken = 0;

	bucket_ready(b);
	LIST_FOR_EACH_SAFE (w, next, &b->waiters, node) {
		if (woken >= n)
			break;
		if (!key_equal(&w->key, key) || !(w->bitset & bitset))
			continue;
		wake_waiter(w, b);
		woken++;
	}
	return woken;
}

static bool bucket_empty(struct bucket *b)
{
	atomic_thread_fence(memory_order_seq_cst); /* (A) */
	return atomic_load_explicit(&b->count, memory_order_relaxed) == 0;
}

/* The count is an int, and Linux looks at it after it woke one: 0 and less wake one. */
static long futex_wake(u32 __user *uaddr, bool shared, int count, u32 bitset)
{
	u32 woken, n = (u32)MAX(count, 1);
	struct futex_key key;
	struct bucket *b;
	int err = bitset ? get_key(uaddr, shared, &key) : -EINVAL;

	if (err)
		return err;
	b = key_bucket(&key);
	if (bucket_empty(b))
		return 0;
	spin_lock(&b->lock);
	woken = wake_key(b, &key, n, bitset);
	spin_unlock(&b->lock);
	return woken;
}

long futex_wake_user(u32 __user *uaddr, int n, bool shared)
{
	return futex_wake(uaddr, shared, n, FUTEX_BITSET_MATCH_ANY);
}

/* Reads *uaddr with @b locked; -EAGAIN: the lock was dropped to fetch the page, start again. */
static int read_word_locked(struct bucket *b, u32 __user *uaddr, u32 *out) NO_LOCK_CHECK
{
	int err = copy_from_user_nofault(out, uaddr, sizeof(*out));

	if (likely(!err))
		return 0;
	atomic_fetch_sub(&b->count, 1);
	spin_unlock(&b->lock);
	err = get_user(*out, uaddr);
	return err ? err : -EAGAIN;
}

/* Queues @w if the word is still @val: 0, -EWOULDBLOCK, -EFAULT. */
static int queue_waiter(struct waiter *w, u32 __user *uaddr, u32 val) NO_LOCK_CHECK
{
	struct bucket *b = key_bucket(&w->key);
	u32 now;
	int err;

	do {
		atomic_fetch_add(&b->count, 1); /* before the word is read: see (A) */
		spin_lock(&b->lock);
		err = read_word_locked(b, uaddr, &now);
	} while (err == -EAGAIN);
	if (err)
		return err;
	if (now == val) {
		bucket_ready(b);
		atomic_store_explicit(&w->bucket, b, memory_order_relaxed);
		list_add_tail(&b->waiters, &w->node);
	} else {
		atomic_fetch_sub(&b->count, 1);
		err = -EWOULDBLOCK;
	}
	spin_unlock(&b->lock);
	return err;
}

/* False: a waker was first, and @w counts as woken. */
static bool leave_queue(struct waiter *w)
{
	struct bucket *b;

	while ((b = atomic_load_explicit(&w->bucket, memory_order_acquire))) {
		bool mine;

		spin_lock(&b->lock);
		mine = atomic_load_explicit(&w->bucket, memory_order_relaxed) == b;
		if (mine)
			unqueue_locked(w, b);
		spin_unlock(&b->lock);
		if (mine)
			return true; /* else it was requeued or woken meanwhile */
	}
	return false;
}

static bool schedule_until(const struct wait_end *end)
{
	return end->realtime ? schedule_realtime((s64)end->at) : schedule_deadline(end->at);
}

static int wait_queued(struct waiter *w, const struct wait_end *end)
{
	int err = 0;

	for (;;) {
		thread_set_state(TS_INTERRUPTIBLE);
		if (!atomic_load_explicit(&w->bucket, memory_order_acquire))
			break;
		if (signal_pending()) {
			err = -ERESTARTSYS;
			break;
		}
		if (schedule_until(end)) {
			err = -ETIMEDOUT;
			break;
		}
	}
	thread_set_state(TS_RUNNING);
	return leave_queue(w) ? err : 0;
}

static int futex_wait(u32 __user *uaddr, bool shared, u32 val, const struct wait_end *end, u32 bitset)
{
	struct waiter w = { .thread = current, .bitset = bitset };
	int err;

	if (!bitset)
		return -EINVAL;
	err = get_key(uaddr, shared, &w.key);
	if (!err)
		err = queue_waiter(&w, uaddr, val);
	return err ? err : wait_queued(&w, end);
}

#define RESTART_SHARED 1u
#define RESTART_REALTIME 2u

/* restart_syscall(2): the end stays the one of the first call. */
static long wait_restart(struct thread *t)
{
	u64 *a = t->restart.arg;
	struct wait_end end = { a[4] & RESTART_REALTIME, a[2] };
	int err = futex_wait((u32 __user *)a[0], a[4] & RESTART_SHARED, (u32)a[1], &end, (u32)a[3]);

	return err == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : err;
}

static long wait_call(u32 __user *uaddr, bool shared, u32 val, const struct wait_end *end, u32 bitset)
{
	struct thread *t = current;
	int err = futex_wait(uaddr, shared, val, end, bitset);

	if (err != -ERESTARTSYS || (!end->realtime && end->at == KTIME_MAX))
		return err;
	t->restart.fn = wait_restart;
	t->restart.arg[0] = (u64)uaddr;
	t->restart.arg[1] = val;
	t->restart.arg[2] = end->at;
	t->restart.arg[3] = bitset;
	t->restart.arg[4] = (shared ? RESTART_SHARED : 0) | (end->realtime ? RESTART_REALTIME : 0);
	return -ERESTART_RESTARTBLOCK;
}

static void lock_two(struct bucket *a, struct bucket *b) NO_LOCK_CHECK
{
	if (a == b) {
		spin_lock(&a->lock);
		return;
	}
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct bucket *a, struct bucket *b) NO_LOCK_CHECK
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

static u32 requeue_locked(struct bucket *from, const struct futex_key *k1, struct bucket *to,
			  const struct futex_key *k2, u32 limit)
{
	struct waiter *w, *next;
	u32 moved = 0;

	assert_held(&from->lock);
	assert_held(&to->lock);
	LIST_FOR_EACH_SAFE (w, next, &from->waiters, node) {
		if (moved >= limit)
			break;
		if (!key_equal(&w->key, k1))
			continue;
		w->key = *k2; /* the same key: it stays where it is, but counts */
		moved++;
		if (from == to)
			continue;
		list_move_tail(&to->waiters, &w->node);
		atomic_fetch_add(&to->count, 1);
		atomic_fetch_sub(&from->count, 1);
		atomic_store_explicit(&w->bucket, to, memory_order_release);
	}
	return moved;
}

/* @expected NULL: FUTEX_REQUEUE, which does not look at the word. */
static long futex_requeue(u32 __user *uaddr, u32 __user *uaddr2, bool shared, int nwake,
			  int nmove, const u32 *expected) NO_LOCK_CHECK
{
	struct futex_key k1, k2;
	struct bucket *b1, *b2;
	u32 now, woken, moved;
	int err;

	if (nwake < 0 || nmove < 0)
		return -EINVAL;
	err = get_key(uaddr, shared, &k1);
	if (!err)
		err = get_key(uaddr2, shared, &k2);
	if (err)
		return err;
	b1 = key_bucket(&k1);
	b2 = key_bucket(&k2);
again:
	lock_two(b1, b2);
	if (expected && copy_from_user_nofault(&now, uaddr, sizeof(now))) {
		unlock_two(b1, b2);
		err = get_user(now, uaddr);
		if (err)
			return err;
		goto again;
	}
	if (expected && now != *expected) {
		unlock_two(b1, b2);
		return -EAGAIN;
	}
	bucket_ready(b1);
	bucket_ready(b2);
	woken = wake_key(b1, &k1, (u32)nwake, FUTEX_BITSET_MATCH_ANY);
	moved = requeue_locked(b1, &k1, b2, &k2, (u32)nmove);
	unlock_two(b1, b2);
	return (long)woken + moved; /* futex(2) says otherwise of FUTEX_REQUEUE; this is what Linux does */
}

static bool op_compare(u32 op, u32 old, u32 arg, bool *result)
{
	s32 a = (s32)old, b = (s32)arg;

	switch (op) {
	case FUTEX_OP_CMP_EQ:
		*result = a == b;
		return true;
	case FUTEX_OP_CMP_NE:
		*result = a != b;
		return true;
	case FUTEX_OP_CMP_LT:
		*result = a < b;
		return true;
	case FUTEX_OP_CMP_LE:
		*result = a <= b;
		return true;
	case FUTEX_OP_CMP_GT:
		*result = a > b;
		return true;
	case FUTEX_OP_CMP_GE:
		*result = a >= b;
		return true;
	}
	return false;
}

/*
 * FUTEX_WAKE_OP.  The operation is atomic on the word itself, so it needs no
 * bucket lock: a waiter that queues on uaddr2 after it sees the new value.
 */
static long futex_wake_op(u32 __user *uaddr, u32 __user *uaddr2, bool shared, int nwake,
			  int nwake2, u32 code)
{
	u32 op = (code >> 28) & 7, cmp = (code >> 24) & 15;
	u32 arg = (u32)((s32)(code << 8) >> 20), cmparg = (u32)((s32)(code << 20) >> 20), old;
	struct futex_key key;
	bool second;
	long woken, more;
	int err;

	if ((code >> 28) & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	err = get_key(uaddr, shared, &key);
	if (!err)
		err = get_key(uaddr2, shared, &key);
	if (!err)
		err = user_futex_op32(uaddr2, (int)op, arg, &old);
	if (err)
		return err;
	if (!op_compare(cmp, old, cmparg, &second))
		return -ENOSYS; /* after the operation was done, as on Linux */
	woken = futex_wake(uaddr, shared, nwake, FUTEX_BITSET_MATCH_ANY);
	if (woken < 0 || !second)
		return woken;
	more = futex_wake(uaddr2, shared, nwake2, FUTEX_BITSET_MATCH_ANY);
	return more < 0 ? more : woken + more;
}

static int wait_end_of(const void __user *timeout, int op, struct wait_end *end)
{
	bool absolute = (op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	ktime_t t;
	int err;

	*end = (struct wait_end){ .at = KTIME_MAX };
	if (!timeout)
		return 0;
	err = ktime_from_user_timespec(&t, timeout);
	if (err)
		return err;
	end->realtime = absolute && op & FUTEX_CLOCK_REALTIME;
	end->at = absolute ? t : ktime_add(arch_clock_ns(), t);
	return 0;
}

static long futex_wait_op(u32 __user *uaddr, int op, u32 val, const void __user *timeout,
			  u32 bitset)
{
	struct wait_end end;
	int err = wait_end_of(timeout, op, &end);

	return err ? err : wait_call(uaddr, !(op & FUTEX_PRIVATE_FLAG), val, &end, bitset);
}

long sys_futex(u32 __user *uaddr, int op, u32 val, const void __user *timeout, u32 __user *uaddr2,
	       u32 val3)
{
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	int cmd = op & FUTEX_CMD_MASK;
	u32 val2 = (u32)(u64)timeout;

	if (op & FUTEX_CLOCK_REALTIME && cmd != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait_op(uaddr, op, val, timeout, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait_op(uaddr, op, val, timeout, val3);
	case FUTEX_WAKE:
		return futex_wake(uaddr, shared, (int)val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(uaddr, shared, (int)val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(uaddr, uaddr2, shared, (int)val, (int)val2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(uaddr, uaddr2, shared, (int)val, (int)val2, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(uaddr, uaddr2, shared, (int)val, (int)val2, val3);
	}
	return -ENOSYS;
}
