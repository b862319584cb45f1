// SPDX-License-Identifier: MIT
/*
 * timerfd_create(2): a timer as a file; a read gives the number of expirations.
 *
 *   disarmed -> armed -> expired -> armed, when somebody reads or asks; or disarmed
 *
 * A periodic timer that expired is not armed again until it is read or its time is
 * asked for, and the periods that passed are counted then: one that nobody reads
 * costs nothing, whatever its period.
 *
 * When the realtime clock is set, the kernel's timers follow by themselves. A timer
 * with TFD_TIMER_CANCEL_ON_SET is cancelled when clock_set_count has moved since it
 * was last told; a kernel thread wakes those who wait for one.
 *
 * Locks: t->lock (LR_DEVICE, irqs off: the timer interrupt takes it);
 *   cancel_lock over it guards the list of timers with CANCEL_ON_SET.
 */
#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>
#include <tarn/work.h>

struct timerfd {
	struct spinlock lock;
	struct timer timer;
	int clock;                                 /* [I] CLOCK_* */
	int settime_flags GUARDED_BY(&lock);
	bool realtime GUARDED_BY(&lock);           /* expires is wall clock time */
	bool armed GUARDED_BY(&lock);
	bool expired GUARDED_BY(&lock);            /* periodic, and its next point is yet to be counted */
	bool may_cancel GUARDED_BY(&lock);         /* as settime_flags say */
	u64 told GUARDED_BY(&lock);                /* clock_set_count that its user knows of */
	ktime_t expires GUARDED_BY(&lock);         /* next expiry */
	u64 interval GUARDED_BY(&lock);            /* ns, 0: once */
	u64 ticks GUARDED_BY(&lock);               /* expirations not read yet */
	struct waitq waitq;
	struct list cancel_node GUARDED_BY(&cancel_lock);
};

static struct mutex cancel_lock = MUTEX_INIT(cancel_lock, "timerfd cancel", LR_SLEEP_LEAF);
static struct list cancel_timers GUARDED_BY(&cancel_lock) = LIST_INIT(cancel_timers);
static bool watcher_started GUARDED_BY(&cancel_lock);

static bool is_realtime(const struct timerfd *t)
{
	return t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM;
}

static ktime_t now_for(const struct timerfd *t) MUST_HOLD(&t->lock)
{
	return t->realtime ? (ktime_t)clock_realtime() : clock_monotonic();
}

static void arm_locked(struct timerfd *t) MUST_HOLD(&t->lock)
{
	t->armed = true;
	if (t->realtime)
		timer_arm_realtime(&t->timer, (s64)MIN(t->expires, KTIME_MAX >> 1));
	else
		timer_arm(&t->timer, t->expires);
}

/* ---- expiry ---- */

static void timerfd_fired(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	u64 flags = spin_lock_irqsave(&t->lock);
	bool rang = false;

	if (t->armed && now_for(t) >= t->expires) {
		t->ticks++;
		t->armed = false;
		t->expired = t->interval != 0;
		rang = true;
	} else if (t->armed && !atomic_load(&timer->queued)) {
		arm_locked(t); /* the clock was set back meanwhile */
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (rang)
		waitq_wake_all(&t->waitq, POLLIN | POLLRDNORM);
}

/* Counts the points that passed since it expired, and goes on to the next. */
static void catch_up(struct timerfd *t) MUST_HOLD(&t->lock)
{
	u64 missed;

	if (!t->expired)
		return;
	t->expired = false;
	t->expires = timer_forward(t->expires, t->interval, now_for(t), &missed);
	t->ticks += missed;
	arm_locked(t);
}

static bool cancelled(const struct timerfd *t) NO_LOCK_CHECK /* pollers look without the lock */
{
	return READ_ONCE(t->may_cancel) && READ_ONCE(t->told) != atomic_load(&clock_set_count);
}

/* True once for each time that the clock was set. */
static bool take_cancelled(struct timerfd *t) MUST_HOLD(&t->lock)
{
	bool yes = cancelled(t);

	t->told = atomic_load(&clock_set_count);
	return yes;
}

static int clock_watcher(void *arg)
{
	struct wait_entry e = { 0 };
	struct timerfd *t;

	for (;;) {
		/* Stay on the queue while working: a setting meanwhile makes schedule() return at once. */
		waitq_prepare(&clock_set_waitq, &e, TS_IDLE, false);
		schedule();
		mutex_lock(&cancel_lock);
		LIST_FOR_EACH(t, &cancel_timers, cancel_node)
			waitq_wake_all(&t->waitq, POLLIN | POLLRDNORM);
		mutex_unlock(&cancel_lock);
	}
	return 0;
}

static void watch_clock(struct timerfd *t, bool watch)
{
	mutex_lock(&cancel_lock);
	if (watch && !watcher_started)
		watcher_started = !IS_ERR(kthread_start(clock_watcher, NULL, "timerfd"));
	list_del_init(&t->cancel_node);
	if (watch)
		list_add_tail(&cancel_timers, &t->cancel_node);
	mutex_unlock(&cancel_lock);
}

/* ---- the file ---- */

/* Takes what there is: the count, 0, or -ECANCELED. */
static s64 timerfd_take(struct timerfd *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	s64 got;

	if (take_cancelled(t)) {
		t->expired = false;
		got = -ECANCELED;
	} else {
		catch_up(t);
		got = (s64)MIN(t->ticks, (u64)INT64_MAX);
	}
	t->ticks = 0;
	spin_unlock_irqrestore(&t->lock, flags);
	return got;
}

static bool timerfd_ready(struct timerfd *t) NO_LOCK_CHECK /* a hint: timerfd_take() looks under the lock */
{
	return READ_ONCE(t->ticks) || cancelled(t);
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

	t->armed = t->expired = false;
	spin_unlock_irqrestore(&t->lock, flags);
	timer_cancel_sync(&t->timer);
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	watch_clock(t, false);
	timerfd_stop(t);
	kfree(t);
}

/* Time to the next expiry, and the period. */
static void state_locked(struct timerfd *t, struct __kernel_itimerspec *out) MUST_HOLD(&t->lock)
{
	ktime_t now = now_for(t);
	u64 left = t->armed && t->expires > now ? t->expires - now : 0;

	out->it_value.tv_sec = (s64)(left / NSEC_PER_SEC);
	out->it_value.tv_nsec = (s64)(left % NSEC_PER_SEC);
	out->it_interval.tv_sec = (s64)(t->interval / NSEC_PER_SEC);
	out->it_interval.tv_nsec = (s64)(t->interval % NSEC_PER_SEC);
}

/* The same for who asks by a call: what expired goes on. */
static void timerfd_state(struct timerfd *t, struct __kernel_itimerspec *out)
{
	u64 flags = spin_lock_irqsave(&t->lock);

	catch_up(t);
	state_locked(t, out);
	spin_unlock_irqrestore(&t->lock, flags);
}

static void timerfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct timerfd *t = f->private;
	struct __kernel_itimerspec s;
	u64 irq = spin_lock_irqsave(&t->lock), ticks = t->ticks;
	int flags = t->settime_flags;

	state_locked(t, &s);
	spin_unlock_irqrestore(&t->lock, irq);
	strbuf_printf(out,
		      "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%lld, %lld)\n"
		      "it_interval: (%lld, %lld)\n",
		      t->clock, (unsigned long long)ticks, (unsigned int)flags, s.it_value.tv_sec, s.it_value.tv_nsec, s.it_interval.tv_sec,
		      s.it_interval.tv_nsec);
}

static const struct file_ops timerfd_fops = {
	.llseek = llseek_nowhere,
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
	list_init(&t->cancel_node);
	t->clock = clock;
	f = file_anon("anon_inode:[timerfd]", &timerfd_fops, t, O_RDWR | (flags & TFD_NONBLOCK));
	if (IS_ERR(f)) {
		kfree(t);
		return PTR_ERR(f);
	}
	return fd_add(f, flags & TFD_CLOEXEC);
}

/* 0, or -ECANCELED: the clock was set since its user last looked; the timer is armed all the same. */
static int timerfd_arm(struct timerfd *t, int flags, ktime_t value, ktime_t interval)
{
	bool absolute = flags & TFD_TIMER_ABSTIME;
	bool may_cancel = absolute && is_realtime(t) && flags & TFD_TIMER_CANCEL_ON_SET;
	int err = 0;
	u64 irq;

	timerfd_stop(t);
	watch_clock(t, may_cancel);
	irq = spin_lock_irqsave(&t->lock);
	t->settime_flags = flags;
	if (!t->may_cancel)
		t->told = atomic_load(&clock_set_count);
	t->may_cancel = may_cancel;
	t->ticks = 0;
	t->expired = false; /* a read may have armed it again since it was stopped */
	t->interval = interval;
	t->realtime = absolute && is_realtime(t);
	t->armed = false;
	if (value) {
		t->expires = absolute ? value : ktime_add(clock_monotonic(), value);
		arm_locked(t);
		if (absolute && take_cancelled(t))
			err = -ECANCELED;
	} else {
		timer_cancel(&t->timer);
	}
	spin_unlock_irqrestore(&t->lock, irq);
	return err;
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
	struct __kernel_itimerspec was;
	ktime_t value, interval;
	struct file *f;
	int err;

	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	err = ktime_from_user_itimerspec(&value, &interval, uvalue);
	if (err)
		return err;
	f = timerfd_get(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	timerfd_state(f->private, &was);
	err = timerfd_arm(f->private, flags, value, interval);
	file_put(f);
	if (err)
		return err;
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
