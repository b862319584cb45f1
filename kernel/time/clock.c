// SPDX-License-Identifier: MIT
/*
 * The clocks: monotonic time comes from arch, the wall clock is monotonic time
 * plus an offset, CPU-time clocks ask the scheduler.  Also the vDSO's page.
 *
 * BOOTTIME is MONOTONIC (nothing suspends), TAI is REALTIME plus the offset
 * that adjtimex(2) set.
 */
#include <linux/time.h>
#include <arch/time.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/math.h>
#include <tarn/printk.h>
#include <tarn/process.h>
#include <tarn/waitq.h>
#include "../boot.h"
#include "clock.h"
#include "time.h"

static _Atomic s64 realtime_offset;  /* [a] ns from monotonic to realtime */
static struct spinlock vdso_lock = SPINLOCK_INIT("vdso", LR_LEAF);
_Atomic s32 clock_tai_offset;        /* [a] seconds */
_Atomic u64 clock_set_count;
struct waitq clock_set_waitq = WAITQ_INIT(clock_set_waitq);

/* As Linux: so near the end of time nothing would last, and nobody's clock is there. */
#define REALTIME_MAX ((s64)(KTIME_MAX >> 1) - 30 * 365 * 24 * 3600 * (s64)NSEC_PER_SEC)

ktime_t clock_monotonic(void)
{
	return arch_clock_ns();
}

s64 clock_realtime(void)
{
	return (s64)arch_clock_ns() + atomic_load_explicit(&realtime_offset, memory_order_relaxed);
}

struct timespec64 realtime_now(void)
{
	u64 ns = (u64)clock_realtime();

	return (struct timespec64){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };
}

/* Reading the clock is as cheap as reading a cached copy of it. */
struct timespec64 realtime_coarse(void)
{
	return realtime_now();
}

u64 clock_boot_seconds(void)
{
	return (u64)atomic_load(&realtime_offset) / NSEC_PER_SEC;
}

/* Readers retry while seq is odd or has moved: kernel/vdso reads in the same order. */
static void vdso_update(void)
{
	struct vdso_data *d = vdso_data;
	u64 flags = spin_lock_irqsave(&vdso_lock);
	u32 seq = d->seq;

	WRITE_ONCE(d->seq, seq + 1);
	atomic_thread_fence(memory_order_release);
	d->use_tsc = arch_clock_params(&d->clock);
	d->realtime_offset = (u64)atomic_load(&realtime_offset);
	atomic_thread_fence(memory_order_release);
	WRITE_ONCE(d->seq, seq + 2);
	spin_unlock_irqrestore(&vdso_lock, flags);
}

static void set_offset(s64 offset)
{
	atomic_store(&realtime_offset, offset);
	vdso_update();
}

int clock_set_realtime(s64 ns)
{
	s64 offset = ns - (s64)arch_clock_ns();

	if (ns < 0 || ns >= REALTIME_MAX || offset < 0)
		return -EINVAL;
	set_offset(offset);
	atomic_fetch_add(&clock_set_count, 1);
	timers_clock_was_set();
	waitq_wake_all(&clock_set_waitq, 0);
	return 0;
}

void time_init(void)
{
	u64 seconds = arch_rtc_read();

	if (!seconds)
		pr_warn("No battery clock: the wall clock starts at 1970");
	set_offset(MAX((s64)(seconds * NSEC_PER_SEC) - (s64)arch_clock_ns(), (s64)0));
}

void time_check_done(void)
{
	vdso_update();
}

bool clock_is_realtime(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
	       clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static s64 tai_offset(int clock)
{
	return clock == CLOCK_TAI ? atomic_load(&clock_tai_offset) * (s64)NSEC_PER_SEC : 0;
}

static s64 realtime_of(int clock)
{
	return clock_realtime() + tai_offset(clock);
}

s64 clock_to_realtime(int clock, s64 at)
{
	s64 r;

	if (at == (s64)(KTIME_MAX >> 1))
		return at; /* never stays never */
	if (sub_overflow(at, tai_offset(clock), &r))
		r = (s64)(KTIME_MAX >> 1);
	return r;
}

ktime_t realtime_to_monotonic(s64 at)
{
	s64 offset = atomic_load_explicit(&realtime_offset, memory_order_relaxed);

	if (at >= (s64)(KTIME_MAX >> 1))
		return KTIME_MAX;
	return at <= offset ? 0 : (ktime_t)(at - offset); /* offset is never negative */
}

/*
 * CPU-time clocks of others are negative numbers: ~pid above three bits, of
 * which 4 says thread and the rest which time (0 all, 1 user, 2 all).
 */
static int thread_clock(pid_t tid, u64 *u, u64 *s)
{
	struct thread *t = tid ? thread_find_get(tid) : current;

	if (!t)
		return -EINVAL;
	if (tid && t->process != current->process) {
		thread_put(t);
		return -EINVAL;
	}
	thread_cpu_times(t, u, s);
	if (tid)
		thread_put(t);
	return 0;
}

static int process_clock(pid_t pid, u64 *u, u64 *s)
{
	struct process *p;

	if (!pid) {
		process_cpu_times(current->process, u, s);
		return 0;
	}
	p = process_find_get(pid);
	if (!p)
		return -EINVAL;
	process_cpu_times(p, u, s);
	process_put(p);
	return 0;
}

static int cpu_clock_read(int clock, s64 *out)
{
	pid_t id = ~(clock >> 3);
	u64 u, s;
	int err;

	if ((clock & 3) == 3)
		return -EINVAL;
	err = clock & 4 ? thread_clock(id, &u, &s) : process_clock(id, &u, &s);
	if (!err)
		*out = (s64)((clock & 3) == 1 ? u : u + s);
	return err;
}

int clock_read(int clock, s64 *out)
{
	u64 u, s;

	if (clock < 0)
		return cpu_clock_read(clock, out);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		*out = realtime_of(clock);
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*out = (s64)arch_clock_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		process_cpu_times(current->process, &u, &s);
		break;
	case CLOCK_THREAD_CPUTIME_ID:
		thread_cpu_times(current, &u, &s);
		break;
	default:
		return -EINVAL;
	}
	*out = (s64)(u + s);
	return 0;
}

void process_cpu_times(struct process *p, u64 *utime, u64 *stime)
{
	u64 irq, u, s;
	struct sighand *sh = process_lock_signals(p, &irq);
	struct thread *t;

	*utime = p->dead_threads.utime;
	*stime = p->dead_threads.stime;
	LIST_FOR_EACH (t, &p->threads, group_node) {
		thread_cpu_times(t, &u, &s);
		*utime += u;
		*stime += s;
	}
	process_unlock_signals(sh, irq);
}
