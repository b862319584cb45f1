// SPDX-License-Identifier: MIT
/* Clocks and timers.  kernel/time/. */
#pragma once

#include <tarn/rbtree.h>
#include <tarn/lock.h>

struct waitq;

/* @a + @b, KTIME_MAX (never) where that is past the end of time: users give any number. */
static inline ktime_t ktime_add(ktime_t a, u64 b)
{
	ktime_t sum = a + b;

	return sum < a ? KTIME_MAX : sum;
}

struct timespec64 {
	s64 tv_sec;
	s64 tv_nsec;
};

ktime_t clock_monotonic(void); /* ns since boot, = CLOCK_BOOTTIME here */
s64 clock_realtime(void);      /* ns since 1970 */
struct timespec64 realtime_now(void);
/* For inode times: cached at each timer tick or read when cheap; never goes back. */
struct timespec64 realtime_coarse(void);
/* settimeofday, clock_settime, adjtimex: timers at a point of the wall clock follow.  -EINVAL: before boot would be
 * before 1970, or near the end of time. */
int clock_set_realtime(s64 ns);
/* How often that happened [a], and who wants to be woken then (timerfd). */
extern _Atomic u64 clock_set_count;
extern struct waitq clock_set_waitq;
u64 clock_boot_seconds(void); /* realtime at boot, for /proc/stat's btime */

/* -EFAULT, -EINVAL (tv_nsec out of range or negative seconds).  Clamped to KTIME_MAX - 1. */
int ktime_from_user_timespec(ktime_t *out, const void __user *ts);
int ktime_from_user_itimerspec(ktime_t *value, ktime_t *interval, const void __user *its);
int ktime_from_user_timeval(ktime_t *out, const void __user *tv);
int ktime_to_user_timespec(void __user *ts, ktime_t t);

/* A one-shot call-back at a point of arch_clock_ns time, from the timer interrupt: irqs off, no sleeping. */
struct timer {
	struct rb_node node;
	ktime_t expires;
	void (*fn)(struct timer *t);
	_Atomic bool busy;   /* [a] bit lock of timer_arm and timer_cancel */
	u32 cpu;             /* whose tree it is in; busy */
	bool realtime;       /* and which of its trees: @expires is of the wall clock; busy */
	_Atomic bool queued; /* [a] that tree's lock to write */
};
void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Arms or re-arms; any context. */
void timer_arm(struct timer *t, ktime_t expires);
/* The same for a point of the wall clock: it follows when that clock is set. */
void timer_arm_realtime(struct timer *t, s64 at);
/* True if it was pending.  The call-back may still be running on another CPU. */
bool timer_cancel(struct timer *t);
/* And waits for a running call-back; not from the call-back itself; irqs on. */
bool timer_cancel_sync(struct timer *t);

/* Next expiry after @now on the raster of @interval from @last; *missed gets the points skipped. */
ktime_t timer_forward(ktime_t last, u64 interval, ktime_t now, u64 *missed);

struct process;
struct thread;
struct ksiginfo;
struct posix_timer;
/* A signal of @timer leaves its queue: si_overrun is filled in.  sighand->lock held. */
void posix_timer_dequeued(struct posix_timer *timer, struct ksiginfo *info);
/* A signal of @timer was thrown away: the timer goes on. sighand->lock held. */
void posix_timer_dropped(struct posix_timer *timer);
/* @signals (a mask) are handled or blocked from now on: timers that stood still because they were ignored go on.
 * sighand->lock held. */
void posix_timers_wanted(struct process *p, u64 signals);
/* SIGALRM left the queue: ITIMER_REAL's next period begins. sighand->lock held. */
void itimer_real_dequeued(struct process *p);
/* fork: a new process has no timers.  @p is not yet visible. */
void process_timers_init(struct process *p);
/* exec: timer_create(2)'s timers go, setitimer(2)'s stay. */
void process_timers_exec(struct process *p);
/* The last of @t's CPU time becomes its process's; @t is current. */
void cpu_timers_thread_exit(struct thread *t);
/* exit, last thread: all go.  May sleep. */
void process_timers_exit(struct process *p);

/* CPU time of all threads of @p, also those that exited. */
void process_cpu_times(struct process *p, u64 *utime, u64 *stime);

/* schedule() with a limit at a point of the wall clock, wherever that is set meanwhile; true if the limit passed. */
bool schedule_realtime(s64 at);

/* The sleeping forms: 0 or -ERESTARTSYS when interruptible. */
void sleep_ns(u64 ns);
int sleep_until_interruptible(ktime_t deadline);
