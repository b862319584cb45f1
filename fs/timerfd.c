// SPDX-License-Identifier: MIT
/*
 * timerfd_create(2): a timer as a file; a read gives the number of expirations.
 *
 * Expiry times are kept in the clock's own time and turned into monotonic time
 * for the kernel's timer.  When the realtime clock is set, a kernel thread (made
 * with the first absolute realtime timer) arms these anew and marks those with
 * TFD_TIMER_CANCEL_ON_SET, whose reads then give ECANCELED.
 *
 * Locks: t->lock (LR_DEVICE, irqs off: the timer interrupt takes it);
 *   realtime_lock over it guards the list of realtime timers.
 */
#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/syscall.h>
#include <tarn/vfs.h>
#include <tarn/waitq.h>
#include <tarn/work.h>

struct timerfd {
	struct spinlock lock;
	struct timer timer;
	int clock;                  /* [I] CLOCK_* */
	int settime_flags;          /* lock */
	bool armed;                 /* lock */
	bool cancelled;             /* lock: the clock was set under CANCEL_ON_SET */
	s64 expires;                /* lock: next expiry in the clock's time */
	u64 interval;               /* lock: ns, 0: once */
	u64 ticks;                  /* lock: expirations not read yet */
	struct waitq waitq;
	struct list realtime_node;  /* realtime_lock */
};

static struct mutex realtime_lock = MUTEX_INIT(realtime_lock, "timerfd realtime", LR_SLEEP_LEAF);
static struct list realtime_timers = LIST_INIT(realtime_timers);
static bool watcher_started; /* realtime_lock */

static bool is_realtime(const struct timerfd *t)
{
	return t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM;
}

static s64 clock_now(const struct timerfd *t)
{
	return is_realtime(t) ? clock_realtime() : (s64)clock_monotonic();
}

static ktime_t monotonic_of(const struct timerfd *t, s64 at)
{
	s64 left = at - clock_now(t);
	ktime_t now = clock_monotonic();

	return left <= 0 ? now : now + (u64)left;
}

/* ---- expiry ---- */

static void timerfd_fired(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	u64 flags = spin_lock_irqsave(&t->lock);
	bool rang = false;
	s64 now = clock_now(t);

	if (t->armed && now >= t->expires) {
		u64 n = t->interval ? (u64)(now - t->expires) / t->interval + 1 : 1;

		t->ticks += n;
		t->expires += (s64)(n * t->interval);
		t->armed = t->interval != 0;
		rang = true;
	}
	/* Too early happens when the clock was set back: wait on.  Ticks that come faster are counted all the same. */
	if (t->armed)
		timer_arm(&t->timer, MAX(monotonic_of(t, t->expires), clock_monotonic() + TIMER_MIN_PERIOD_NS));
	spin_unlock_irqrestore(&t->lock, flags);
	if (rang)
		waitq_wake_all(&t->waitq, POLLIN | POLLRDNORM);
}

static void clock_was_set(struct timerfd *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	int both = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;

	if ((t->settime_flags & both) == both)
		t->cancelled = true;
	if (t->armed && (t->settime_flags & TFD_TIMER_ABSTIME))
		timer_arm(&t->timer, monotonic_of(t, t->expires));
	spin_unlock_irqrestore(&t->lock, flags);
	waitq_wake_all(&t->waitq, POLLIN | POLLRDNORM);
}

static int clock_watcher(void *arg)
{
	struct wait_entry e = { 0 };
	struct timerfd *t;

	for (;;) {
		/* Stay on the queue while working: a setting meanwhile makes schedule() return at once. */
		waitq_prepare(&clock_set_waitq, &e, TS_UNINTERRUPTIBLE, false);
		schedule();
		mutex_lock(&realtime_lock);
		LIST_FOR_EACH(t, &realtime_timers, realtime_node)
			clock_was_set(t);
		mutex_unlock(&realtime_lock);
	}
	return 0;
}

static void watch_clock(struct timerfd *t)
{
	mutex_lock(&realtime_lock);
	if (!watcher_started)
		watcher_started = !IS_ERR(kthread_start(clock_watcher, NULL, "timerfd"));
	if (list_empty(&t->realtime_node))
		list_add_tail(&realtime_timers, &t->realtime_node);
	mutex_unlock(&realtime_lock);
}

/* ---- the file ---- */

/* Takes what there is: the count, 0, or -ECANCELED. */
static s64 timerfd_take(struct timerfd *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	s64 got = (s64)t->ticks;

	t->ticks = 0;
	if (t->cancelled) {
		t->cancelled = false;
		got = -ECANCELED;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return got;
}

static bool timerfd_ready(struct timerfd *t)
{
	return READ_ONCE(t->ticks) || READ_ONCE(t->cancelled);
}

static ssize_t timerfd_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct timerfd *t = f->private;
	s64 got;
	int err;

	if (to->count < sizeof(got))
		return -EINVAL;
	while (!(got = timerfd_take(t))) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&t->waitq, timerfd_ready(t));
		if (err)
			return err;
	}
	if (got < 0)
		return got;
	return iov_copy_to(to, &got, sizeof(got)) == sizeof(got) ? (ssize_t)sizeof(got) : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_wait *w)
{
	struct timerfd *t = f->private;

	poll_on(w, &t->waitq);
	return timerfd_ready(t) ? POLLIN | POLLRDNORM : 0;
}

/* Disarms for good: the call-back arms again, so both orders must end disarmed. */
static void timerfd_stop(struct timerfd *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);

	t->armed = false;
	spin_unlock_irqrestore(&t->lock, flags);
	timer_cancel_sync(&t->timer);
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	mutex_lock(&realtime_lock);
	list_del_init(&t->realtime_node);
	mutex_unlock(&realtime_lock);
	timerfd_stop(t);
	kfree(t);
}

/* Time to the next expiry, and the period. */
static void timerfd_state(struct timerfd *t, struct __kernel_itimerspec *out)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	s64 left = t->armed ? MAX(t->expires - clock_now(t), (s64)1) : 0;

	out->it_value.tv_sec = left / (s64)NSEC_PER_SEC;
	out->it_value.tv_nsec = left % (s64)NSEC_PER_SEC;
	out->it_interval.tv_sec = (s64)(t->interval / NSEC_PER_SEC);
	out->it_interval.tv_nsec = (s64)(t->interval % NSEC_PER_SEC);
	spin_unlock_irqrestore(&t->lock, flags);
}

static void timerfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct timerfd *t = f->private;
	struct __kernel_itimerspec s;

	timerfd_state(t, &s);
	strbuf_printf(out,
		      "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%lld, %lld)\n"
		      "it_interval: (%lld, %lld)\n",
		      t->clock, (unsigned long long)t->ticks, (unsigned int)t->settime_flags,
		      s.it_value.tv_sec, s.it_value.tv_nsec, s.it_interval.tv_sec,
		      s.it_interval.tv_nsec);
}

static const struct file_ops timerfd_fops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.show_fdinfo = timerfd_show_fdinfo,
};

/* ---- the calls ---- */

long sys_timerfd_create(int clock, int flags)
{
	struct timerfd *t;
	struct file *f;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	switch (clock) {
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		if (!capable(CAP_WAKE_ALARM))
			return -EPERM;
		break;
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		break;
	default:
		return -EINVAL;
	}
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	spin_init(&t->lock, "timerfd", LR_DEVICE);
	timer_init(&t->timer, timerfd_fired);
	waitq_init(&t->waitq);
	list_init(&t->realtime_node);
	t->clock = clock;
	f = file_anon("anon_inode:[timerfd]", &timerfd_fops, t, O_RDWR | (flags & TFD_NONBLOCK));
	if (IS_ERR(f)) {
		kfree(t);
		return PTR_ERR(f);
	}
	return fd_add(f, flags & TFD_CLOEXEC);
}

static void timerfd_arm(struct timerfd *t, int flags, ktime_t value, ktime_t interval)
{
	u64 irq;

	timerfd_stop(t);
	if (is_realtime(t) && (flags & TFD_TIMER_ABSTIME))
		watch_clock(t);
	irq = spin_lock_irqsave(&t->lock);
	t->settime_flags = flags;
	t->cancelled = false;
	t->ticks = 0;
	t->interval = MIN(interval, (ktime_t)INT64_MAX / 4);
	t->armed = value != 0;
	if (t->armed) {
		t->expires = flags & TFD_TIMER_ABSTIME ? (s64)MIN(value, (ktime_t)INT64_MAX)
						       : clock_now(t) + (s64)MIN(value, (ktime_t)INT64_MAX / 2);
		timer_arm(&t->timer, monotonic_of(t, t->expires));
	}
	spin_unlock_irqrestore(&t->lock, irq);
}

/* The file of @fd with a reference; ERR_PTR(-EBADF, -EINVAL). */
static struct file *timerfd_get(int fd)
{
	struct file *f = fd_get((unsigned int)fd);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->ops == &timerfd_fops)
		return f;
	file_put(f);
	return ERR_PTR(-EINVAL);
}

long sys_timerfd_settime(int fd, int flags, const void __user *uvalue, void __user *old)
{
	const struct __kernel_itimerspec __user *in = uvalue;
	struct __kernel_itimerspec was;
	ktime_t value, interval;
	struct file *f;
	int err;

	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	err = ktime_from_user_timespec(&interval, &in->it_interval);
	if (!err)
		err = ktime_from_user_timespec(&value, &in->it_value);
	if (err)
		return err;
	f = timerfd_get(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	timerfd_state(f->private, &was);
	timerfd_arm(f->private, flags, value, interval);
	file_put(f);
	return old ? copy_to_user(old, &was, sizeof(was)) : 0;
}

long sys_timerfd_gettime(int fd, void __user *value)
{
	struct __kernel_itimerspec now;
	struct file *f = timerfd_get(fd);

	if (IS_ERR(f))
		return PTR_ERR(f);
	timerfd_state(f->private, &now);
	file_put(f);
	return copy_to_user(value, &now, sizeof(now));
}
