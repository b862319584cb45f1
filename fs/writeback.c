// SPDX-License-Identifier: MIT
/*
 * Dirty files on their way to disk: the flusher thread, throttling, sync(2).
 *
 * The flusher wakes every five seconds (vm.dirty_writeback_centisecs) and writes
 * the inodes that would have been dirty for more than thirty
 * (vm.dirty_expire_centisecs) when it wakes next, so that thirty seconds is what
 * a crash can cost; when more than the background limit is dirty it is woken at
 * once and writes the oldest first until there is less.  Who makes pages dirty
 * beyond the hard limit waits for it.
 */
#include <tarn/block.h>
#include <tarn/inode.h>
#include <tarn/printk.h>
#include <tarn/super.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>
#include <tarn/work.h>

#include "internal.h"

#define NSEC_PER_CENTISEC (10 * NSEC_PER_MSEC)
#define THROTTLE_STEP (50 * NSEC_PER_MSEC)
#define CALLS_PER_CHECK 16

static struct waitq flusher_waitq = WAITQ_INIT(flusher_waitq);
static struct waitq throttled_waitq = WAITQ_INIT(throttled_waitq);
static _Atomic bool flusher_asked;
static _Atomic bool memory_short; /* reclaim met dirty pages: write, however young they are */
static _Atomic u32 balance_calls;
static _Atomic u32 progress; /* inodes written: what throttled writers wait for */

static bool over_background(void)
{
	struct dirty_state s;

	dirty_get_state(&s);
	return s.dirty > s.background_limit;
}

/* When the flusher looks by itself; 0: never. */
static ktime_t period(void)
{
	return READ_ONCE(vm_dirty_writeback_centisecs) * NSEC_PER_CENTISEC;
}

static bool is_due(const struct inode *inode, ktime_t now)
{
	ktime_t expire = READ_ONCE(vm_dirty_expire_centisecs) * NSEC_PER_CENTISEC;

	return inode->dirtied_at + expire <= now + period();
}

/* The oldest dirty inode of @sb with a reference, if it is to be written now. */
static struct inode *take_due(struct super *sb, ktime_t now, bool all)
{
	struct inode *inode;

	for (;;) {
		spin_lock(&sb->inodes_lock);
		inode = list_first(&sb->dirty, struct inode, dirty_node);
		if (!inode || (!all && !is_due(inode, now)) || inode->dirtied_at > now) {
			spin_unlock(&sb->inodes_lock);
			return NULL;
		}
		list_del_init(&inode->dirty_node);
		rcu_read_lock(); /* keeps the struct until we have tried */
		spin_unlock(&sb->inodes_lock);
		if (inode_grab(inode)) {
			rcu_read_unlock();
			return inode;
		}
		rcu_read_unlock();
	}
}

/* What has its time up goes with the file system's own blocks, through which it is found after a crash. */
static void flush_super(struct super *sb, void *arg)
{
	ktime_t now = clock_monotonic();
	struct inode *inode;
	bool expired = false;

	while ((inode = take_due(sb, now, over_background() || *(bool *)arg)) != NULL) {
		expired |= is_due(inode, now);
		inode_writeback(inode, false);
		inode_put(inode);
		atomic_fetch_add(&progress, 1);
		waitq_wake_all(&throttled_waitq, 0);
		cond_resched();
	}
	if (expired && sb->ops && sb->ops->sync)
		(void)sb->ops->sync(sb, false);
}

static int flusher(void *arg)
{
	/* Writing makes pages clean, so it may use the reserve and never waits for reclaim. */
	current->flags |= TF_RECLAIM;
	for (;;) {
		ktime_t pause = period();
		bool all;

		(void)WAIT_EVENT(&flusher_waitq, atomic_load(&flusher_asked), TS_IDLE,
				 pause ? clock_monotonic() + pause : KTIME_MAX, false);
		atomic_store(&flusher_asked, false);
		all = atomic_exchange(&memory_short, false);
		super_for_each(flush_super, &all);
		waitq_wake_all(&throttled_waitq, 0);
	}
	return 0;
}

static void ask_flusher(void)
{
	if (!atomic_exchange(&flusher_asked, true))
		waitq_wake_one(&flusher_waitq, 0);
}

static void flush_for_reclaim(void)
{
	atomic_store(&memory_short, true);
	ask_flusher();
}

void balance_dirty_now(void)
{
	struct dirty_state s;

	for (;;) {
		u32 seen = atomic_load(&progress);

		dirty_get_state(&s);
		if (s.dirty <= s.background_limit && s.dirty + s.writeback <= s.limit)
			return;
		ask_flusher();
		if (s.dirty + s.writeback <= s.limit || fatal_signal_pending())
			return;
		(void)WAIT_EVENT(&throttled_waitq, atomic_load(&progress) != seen, TS_KILLABLE,
				 clock_monotonic() + THROTTLE_STEP, false);
	}
}

/* Small writes look only now and then. */
void balance_dirty(void)
{
	if (atomic_fetch_add_explicit(&balance_calls, 1, memory_order_relaxed) % CALLS_PER_CHECK)
		return;
	balance_dirty_now();
}

/* ---- sync(2) ---- */

static void sync_super(struct super *sb, void *wait)
{
	super_sync(sb, wait != NULL);
}

void vfs_sync(void)
{
	struct bdev *b = NULL;

	super_for_each(sync_super, NULL); /* all in flight first */
	super_for_each(sync_super, &flusher_waitq);
	while ((b = bdev_next(b)) != NULL)
		bdev_sync(b);
}

void writeback_init(void)
{
	reclaim_set_flusher(flush_for_reclaim);
	if (IS_ERR(kthread_start(flusher, NULL, "flusher")))
		panic("no memory for the flusher thread");
}
