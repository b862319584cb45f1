// SPDX-License-Identifier: MIT
/*
 * System calls that read and set clocks.
 *
 * adjtimex(2) steps the clock and keeps the values a time daemon reads back;
 * it does not slew: there is no frequency correction, and asking for one fails.
 */
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/times.h>
#include <linux/timex.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/math.h>
#include <tarn/process.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include "../sched/sched.h"
#include "clock.h"
#include "time.h"

#define USER_HZ 100
#define TICK_US 10000

static struct timezone time_zone; /* settimeofday(2)'s second argument: kept, not used */

long sys_clock_gettime(int clock, void __user *tp)
{
	s64 ns;
	int err = clock_read(clock, &ns);

	return err ? err : ktime_to_user_timespec(tp, (ktime_t)ns);
}

long sys_clock_getres(int clock, void __user *tp)
{
	bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
	s64 ns;
	int err = clock_read(clock, &ns);

	if (err || !tp)
		return err;
	return ktime_to_user_timespec(tp, coarse ? TICK_NS : 1);
}

long sys_clock_settime(int clock, const void __user *tp)
{
	ktime_t t;
	int err;

	if (clock != CLOCK_REALTIME && clock >= 0)
		return -EINVAL;
	err = ktime_from_user_timespec(&t, tp);
	if (err)
		return err;
	if (clock < 0) { /* CPU time, which nobody can set */
		s64 now;

		return clock_read(clock, &now) ? -EINVAL : -EPERM;
	}
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	return clock_set_realtime((s64)t);
}

long sys_gettimeofday(void __user *tv, void __user *tz)
{
	struct timespec64 now = realtime_now();
	struct __kernel_old_timeval k = { .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	int err = 0;

	if (tv)
		err = copy_to_user(tv, &k, sizeof(k));
	if (!err && tz)
		err = copy_to_user(tz, &time_zone, sizeof(time_zone));
	return err;
}

long sys_settimeofday(const void __user *tv, const void __user *tz)
{
	struct timezone zone;
	ktime_t t = 0;
	int err = tv ? ktime_from_user_timeval(&t, tv) : 0;

	if (!err && tz)
		err = copy_from_user(&zone, tz, sizeof(zone));
	if (err)
		return err;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (tz) {
		if (zone.tz_minuteswest > 15 * 60 || zone.tz_minuteswest < -15 * 60)
			return -EINVAL;
		time_zone = zone;
	}
	return tv ? clock_set_realtime((s64)t) : 0;
}

long sys_time(long __user *t)
{
	long now = (long)realtime_now().tv_sec;
	int err = t ? put_user(now, t) : 0;

	return err ? err : now;
}

static long to_hz(u64 ns)
{
	return (long)(ns / (NSEC_PER_SEC / USER_HZ));
}

long sys_times(void __user *buf)
{
	struct process *p = current->process;
	struct tms k;
	u64 u, s, irq;

	process_cpu_times(p, &u, &s);
	if (buf) {
		struct sighand *sh = process_lock_signals(p, &irq);

		k = (struct tms){ .tms_utime = to_hz(u),
				  .tms_stime = to_hz(s),
				  .tms_cutime = to_hz(p->children_usage.utime),
				  .tms_cstime = to_hz(p->children_usage.stime) };
		process_unlock_signals(sh, irq);
		if (copy_to_user(buf, &k, sizeof(k)))
			return -EFAULT;
	}
	return to_hz(clock_monotonic());
}

/* What adjtimex(2) keeps; the lock of this struct's users is the big picture of one daemon. */
static struct {
	struct spinlock lock;
	long maxerror, esterror, constant;
	int status;
} ntp = { .lock = SPINLOCK_INIT("ntp", LR_LEAF),
	  .maxerror = 16000000,
	  .esterror = 16000000,
	  .constant = 2,
	  .status = STA_UNSYNC };

static int step_clock(const struct __kernel_timex *tx)
{
	s64 unit = tx->modes & ADJ_NANO ? 1 : (s64)NSEC_PER_USEC;
	s64 limit = (s64)NSEC_PER_SEC / unit, step;

	if (tx->time.tv_usec < 0 || tx->time.tv_usec >= limit)
		return -EINVAL;
	if (mul_overflow((s64)tx->time.tv_sec, (s64)NSEC_PER_SEC, &step) ||
	    add_overflow(step, tx->time.tv_usec * unit, &step) ||
	    add_overflow(step, clock_realtime(), &step))
		return -EINVAL;
	return clock_set_realtime(step);
}

static int apply_timex(const struct __kernel_timex *tx)
{
	u64 flags;

	if (tx->modes & ADJ_SETOFFSET) {
		int err = step_clock(tx);

		if (err)
			return err;
	}
	if (tx->modes & ADJ_TAI)
		atomic_store(&clock_tai_offset, (s32)tx->constant);
	flags = spin_lock_irqsave(&ntp.lock);
	if (tx->modes & ADJ_MAXERROR)
		ntp.maxerror = tx->maxerror;
	if (tx->modes & ADJ_ESTERROR)
		ntp.esterror = tx->esterror;
	if (tx->modes & ADJ_TIMECONST)
		ntp.constant = tx->constant;
	if (tx->modes & ADJ_STATUS)
		ntp.status = (ntp.status & STA_RONLY) | (tx->status & ~STA_RONLY);
	spin_unlock_irqrestore(&ntp.lock, flags);
	return 0;
}

static void fill_timex(struct __kernel_timex *tx)
{
	struct timespec64 now = realtime_now();
	u32 modes = tx->modes;
	u64 flags;

	memset(tx, 0, sizeof(*tx));
	tx->modes = modes;
	flags = spin_lock_irqsave(&ntp.lock);
	tx->maxerror = ntp.maxerror;
	tx->esterror = ntp.esterror;
	tx->constant = ntp.constant;
	tx->status = ntp.status;
	spin_unlock_irqrestore(&ntp.lock, flags);
	tx->precision = 1;
	tx->tolerance = 32768000;
	tx->tick = TICK_US;
	tx->tai = atomic_load(&clock_tai_offset);
	tx->time.tv_sec = now.tv_sec;
	tx->time.tv_usec = tx->status & STA_NANO ? now.tv_nsec : now.tv_nsec / 1000;
}

#define ADJ_ADJTIME 0x8000        /* of ADJ_OFFSET_SINGLESHOT: adjtime(3)'s form */
#define ADJ_OFFSET_READONLY 0x2000 /* of ADJ_OFFSET_SS_READ */

/* Bits that say nothing are ignored, as on Linux; asking for what is so already is no slewing. */
static int check_timex(const struct __kernel_timex *tx)
{
	bool adjtime = tx->modes & ADJ_ADJTIME;

	if (adjtime && !(tx->modes & ADJ_OFFSET))
		return -EINVAL;
	if (adjtime ? !(tx->modes & ADJ_OFFSET_READONLY) : tx->modes != 0)
		if (!capable(CAP_SYS_TIME))
			return -EPERM;
	if (!adjtime && tx->modes & ADJ_TICK && (tx->tick < TICK_US * 9 / 10 || tx->tick > TICK_US * 11 / 10))
		return -EINVAL;
	if (tx->modes & ADJ_SETOFFSET && !capable(CAP_SYS_TIME))
		return -EPERM;
	if (adjtime)
		return tx->modes & ADJ_OFFSET_READONLY || !tx->offset ? 0 : -EOPNOTSUPP;
	if ((tx->modes & ADJ_OFFSET && tx->offset) || (tx->modes & ADJ_FREQUENCY && tx->freq) ||
	    (tx->modes & ADJ_TICK && tx->tick != TICK_US))
		return -EOPNOTSUPP;
	return 0;
}

static long do_adjtimex(void __user *utx)
{
	struct __kernel_timex tx;
	int err = copy_from_user(&tx, utx, sizeof(tx));

	if (err)
		return err;
	err = check_timex(&tx);
	if (err)
		return err;
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ) {
		err = apply_timex(&tx);
		if (err)
			return err;
	}
	fill_timex(&tx);
	err = copy_to_user(utx, &tx, sizeof(tx));
	if (err)
		return err;
	return tx.status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

long sys_adjtimex(void __user *tx)
{
	return do_adjtimex(tx);
}

long sys_clock_adjtime(int clock, void __user *tx)
{
	s64 now;
	int err;

	if (clock == CLOCK_REALTIME)
		return do_adjtimex(tx);
	err = clock_read(clock, &now);
	return err ? err : -EOPNOTSUPP;
}
