// SPDX-License-Identifier: MIT
/*
 * Sleeping for a time: nanosleep(2), clock_nanosleep(2), and the kernel's own.
 *
 * A relative sleep that a signal interrupts continues through restart_syscall(2)
 * to its first end, however often it is interrupted.  A sleep to a point of the
 * realtime clock looks again when that clock is set.
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
	ktime_t end = arch_clock_ns() + ns;

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

static int sleep_realtime(int clock, s64 at)
{
	struct wait_entry e = { 0 };
	int err = 0;

	for (;;) {
		waitq_prepare(&clock_set_waitq, &e, TS_INTERRUPTIBLE, false);
		if (clock_to_monotonic(clock, at) <= arch_clock_ns())
			break;
		if (signal_pending()) {
			err = -ERESTARTNOHAND;
			break;
		}
		schedule_deadline(clock_to_monotonic(clock, at));
	}
	waitq_finish(&e);
	return err;
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
	current->restart.arg[0] = arch_clock_ns() + ns;
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
		return sleep_realtime(clock, (s64)at);
	return sleep_until_interruptible(at) ? -ERESTARTNOHAND : 0;
}

/* A process's CPU time advances in ticks as others see it: look again each time it could have arrived. */
static long sleep_cpu_time(int flags, ktime_t t)
{
	s64 now;
	int err = clock_read(CLOCK_PROCESS_CPUTIME_ID, &now);
	s64 end = flags & TIMER_ABSTIME ? (s64)t : now + (s64)t;

	while (!err && now < end) {
		if (sleep_until_interruptible(arch_clock_ns() + (u64)(end - now)))
			return -ERESTARTNOHAND;
		err = clock_read(CLOCK_PROCESS_CPUTIME_ID, &now);
	}
	return err;
}

long sys_clock_nanosleep(int clock, int flags, const void __user *req, void __user *rem)
{
	ktime_t t;
	int err;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_PROCESS_CPUTIME_ID:
		break;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	err = ktime_from_user_timespec(&t, req);
	if (err)
		return err;
	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		return sleep_cpu_time(flags, t);
	return flags & TIMER_ABSTIME ? sleep_absolute(clock, t) : sleep_relative(t, rem);
}
