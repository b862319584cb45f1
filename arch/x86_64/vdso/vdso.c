// SPDX-License-Identifier: MIT
/*
 * The vDSO: clock calls without entering the kernel (vdso(7)).
 *
 * Runs in user mode, mapped into every program, directly above a read-only page
 * that holds struct vdso_data.  kernel/time writes that page under its sequence
 * counter.  Whatever cannot be answered here becomes the system call.
 */
#include <arch/time.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>

#define EXPORT(name) \
	extern typeof(__vdso_##name) name __attribute__((weak, alias("__vdso_" #name)))

extern const struct vdso_data vdso_data_page __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int clock, struct __kernel_timespec *ts);
int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz);
int __vdso_clock_getres(int clock, struct __kernel_timespec *ts);
long __vdso_time(long *out);
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused);

static inline long call2(long number, long a, long b)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(number), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline u64 read_tsc(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (u64)hi << 32 | lo;
}

/* Monotonic nanoseconds, plus the offset to wall time if @wall; false: make the call. */
static inline bool clock_now(bool wall, u64 *ns)
{
	const volatile struct vdso_data *d = &vdso_data_page;
	u32 seq;

	do {
		u64 delta;

		while ((seq = d->seq) & 1)
			__builtin_ia32_pause();
		barrier();
		if (!d->use_tsc)
			return false;
		delta = read_tsc() - d->clock.base;
		*ns = (u64)((unsigned __int128)delta * d->clock.mult >> d->clock.shift) +
		      d->clock.offset + (wall ? d->realtime_offset : 0);
		barrier();
	} while (d->seq != seq);
	return true;
}

static inline bool clock_known(int clock, bool *wall)
{
	*wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	return *wall || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
	       clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

int __vdso_clock_gettime(int clock, struct __kernel_timespec *ts)
{
	bool wall;
	u64 ns;

	if (!clock_known(clock, &wall) || !clock_now(wall, &ns))
		return (int)call2(__NR_clock_gettime, clock, (long)ts);
	ts->tv_sec = (long long)(ns / 1000000000);
	ts->tv_nsec = (long long)(ns % 1000000000);
	return 0;
}
EXPORT(clock_gettime);

int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz)
{
	u64 ns;

	if (tz || !clock_now(true, &ns))
		return (int)call2(__NR_gettimeofday, (long)tv, (long)tz);
	if (tv) {
		tv->tv_sec = (long)(ns / 1000000000);
		tv->tv_usec = (long)(ns % 1000000000 / 1000);
	}
	return 0;
}
EXPORT(gettimeofday);

int __vdso_clock_getres(int clock, struct __kernel_timespec *ts)
{
	return (int)call2(__NR_clock_getres, clock, (long)ts);
}
EXPORT(clock_getres);

long __vdso_time(long *out)
{
	u64 ns;
	long now;

	if (!clock_now(true, &ns))
		return call2(__NR_time, (long)out, 0);
	now = (long)(ns / 1000000000);
	if (out)
		*out = now;
	return now;
}
EXPORT(time);

/* The limit of a segment that every CPU has with its own number: arch/x86_64/gdt.c. */
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused)
{
	unsigned int limit;

	__asm__ volatile("lsl %1, %0" : "=r"(limit) : "r"(0x7b));
	if (cpu)
		*cpu = limit & 0xfff;
	if (node)
		*node = 0;
	return 0;
}
EXPORT(getcpu);
