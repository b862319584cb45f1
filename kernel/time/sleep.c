// SPDX-License-Identifier: MIT
/*
 * Sleeping for a time: nanosleep(2), clock_nanosleep(2), and the kernel's own.
 *
 * A relative sleep that a signal interrupts continues through restart_syscall(2)
 * to its first end, however often it is interrupted.  A sleep to a point of the
 * realtime clock follows when that clock is set.  CPU time is looked at again each
 * time the end could have come.
 */
#include <linux/time.h>
#include <arch/time.h>
#include <arch/uaccess.h>
#include <tarn/errno.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>
#include "time.h"

void sleep_ns(u64 ns)
{
	ktime_t end = ktime_add(arch_clock_ns(), ns);

	do {
		thread_set_state(TS_UNINTERRUPTIBLE);
	} while (!schedule_deadline(end) && arch_clock_ns() < end);
}

int sleep_until_interruptible(ktime_t deadline)
{
	for (;;) {
		thread_set_state(TS_INTERRUPTIBLE);
		if (signal_pending()) {
			thread_set_state(TS_RUNNING);
			return -ERESTARTSYS;
		}
		if (schedule_deadline(deadline) || arch_clock_ns() >= deadline)
			return 0;
	}
}

static int sleep_realtime(s64 at)
{
	for (;;) {
		thread_set_state(TS_INTERRUPTIBLE);
		if (signal_pending()) {
			thread_set_state(TS_RUNNING);
			return -ERESTARTNOHAND;
		}
		if (schedule_realtime(at) || clock_realtime() >= at)
			return 0;
	}
}

static int report_left(void __user *rem, ktime_t end)
{
	ktime_t now = arch_clock_ns();

	return rem ? ktime_to_user_timespec(rem, end > now ? end - now : 0) : 0;
}

static long sleep_restart(struct thread *t)
{
	ktime_t end = t->restart.arg[0];
	void __user *rem = (void __user *)t->restart.arg[1];

	if (sleep_until_interruptible(end) == 0)
		return 0;
	if (report_left(rem, end))
		return -EFAULT;
	t->restart.fn = sleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_relative(u64 ns, void __user *rem)
{
	current->restart.arg[0] = ktime_add(arch_clock_ns(), ns);
	current->restart.arg[1] = (u64)rem;
	return sleep_restart(current);
}

long sys_nanosleep(const void __user *req, void __user *rem)
{
	ktime_t t;
	int err = ktime_from_user_timespec(&t, req);

	return err ? err : sleep_relative(t, rem);
}

static long sleep_absolute(int clock, ktime_t at)
{
	if (clock_is_realtime(clock))
		return sleep_realtime(clock_to_realtime(clock, (s64)at));
	return sleep_until_interruptible(at) ? -ERESTARTNOHAND : 0;
}

/* ---- CPU time ---- */

/* Till @clock shows @end. It advances in ticks as others see it, and not faster than its threads run. */
static int sleep_cpu_until(int clock, ktime_t end)
{
	s64 now;
	int err;

	while (!(err = clock_read(clock, &now)) && (ktime_t)now < end)
		if (sleep_until_interruptible(ktime_add(arch_clock_ns(), end - (ktime_t)now)))
			return -ERESTARTNOHAND;
	return err;
}

static long cpu_sleep_restart(struct thread *t)
{
	ktime_t end = t->restart.arg[0];
	void __user *rem = (void __user *)t->restart.arg[1];
	int clock = (int)t->restart.arg[2], err = sleep_cpu_until(clock, end);
	s64 now;

	if (err != -ERESTARTNOHAND)
		return err;
	err = clock_read(clock, &now);
	if (!err && rem)
		err = ktime_to_user_timespec(rem, end > (ktime_t)now ? end - (ktime_t)now : 0);
	if (err)
		return err;
	t->restart.fn = cpu_sleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_cpu_time(int clock, int flags, ktime_t t, void __user *rem)
{
	s64 now;
	int err = clock_read(clock, &now);

	if (err)
		return err;
	if (flags & TIMER_ABSTIME)
		return sleep_cpu_until(clock, t);
	current->restart.arg[0] = ktime_add((ktime_t)now, t);
	current->restart.arg[1] = (u64)rem;
	current->restart.arg[2] = (u64)clock;
	return cpu_sleep_restart(current);
}

/* A thread that waits for its own CPU time would wait for ever. */
static int cpu_clock_sleeps(int clock)
{
	pid_t id = ~(clock >> 3);

	if ((clock & 7) == 3)
		return -EOPNOTSUPP; /* the clock of a descriptor: clocks that are devices */
	if ((clock & 3) == 3 || (clock & 4 && (!id || id == current->tid)))
		return -EINVAL;
	return 0;
}

static int clock_sleeps(int clock)
{
	if (clock < 0)
		return cpu_clock_sleeps(clock);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_PROCESS_CPUTIME_ID:
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP;
	}
	return -EINVAL;
}

long sys_clock_nanosleep(int clock, int flags, const void __user *req, void __user *rem)
{
	ktime_t t;
	int err = clock_sleeps(clock);

	if (!err)
		err = ktime_from_user_timespec(&t, req);
	if (err)
		return err;
	if (clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID)
		return sleep_cpu_time(clock, flags, t, rem);
	return flags & TIMER_ABSTIME ? sleep_absolute(clock, t) : sleep_relative(t, rem);
}
