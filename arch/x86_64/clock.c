// SPDX-License-Identifier: MIT
/*
 * The clock and the per-CPU timer.
 *
 * arch_clock_ns() is the TSC, scaled by what calibration against the HPET or
 * the PIT found.  After the other CPUs run, arch_time_check() looks for a TSC
 * that goes back from one CPU to the next; then, if there is a HPET, the clock goes
 * on from that, and the vDSO is told to make system calls.
 *
 * States of the clock:  stopped (0) -> TSC -> [HPET]; changed only while the boot
 * CPU alone looks at the clock with interrupts off or all others are in the check.
 *
 * The timer is the LAPIC's, one shot, calibrated in the same window.
 */
#include <arch/time.h>
#include <stdatomic.h>
#include <tarn/cpu.h>
#include <tarn/lock.h>
#include <tarn/printk.h>
#include "apic.h"
#include "smp.h"
#include "timing.h"
#include "x86.h"

#define CALIBRATE_NS 5000000ull
#define CALIBRATE_TRIES 20

/* ns = ((tsc - base) * mult >> shift) + offset */
static struct arch_clock_params tsc_clock; /* [I] after arch_time_init() */
static u64 khz;                            /* [I] */
static bool have_hpet, use_hpet;           /* [I] after arch_time_check() */
static u64 hpet_base, hpet_offset;         /* [I] after the switch to it */
static u64 hpet_mult;                      /* [I] ns per tick, shifted left by 32 */
static u32 timer_mult;                     /* [I] LAPIC counts per 2^20 ns */

u64 tsc_khz(void)
{
	return khz;
}

/* ---- calibration ---- */

/* A reference read between two TSC reads; the tightest of some tries. */
struct sample {
	u64 tsc, ref;
	u32 timer;
};

static struct sample take_sample(u64 (*read)(void))
{
	struct sample best = { 0 };
	u64 best_width = ~0ull;

	for (unsigned int i = 0; i < 6; i++) {
		u64 t0 = rdtsc(), ref = read(), t1 = rdtsc();

		if (t1 - t0 < best_width) {
			best_width = t1 - t0;
			best.tsc = t0 + (t1 - t0) / 2;
			best.ref = ref;
			best.timer = lapic_timer_count();
		}
	}
	return best;
}

static u64 read_pit(void)
{
	return pit_read();
}

/* Nanoseconds between two readings of the reference, at most seconds apart. */
static u64 ref_ns(bool hpet, u64 from, u64 to)
{
	if (hpet)
		return ((to - from) & hpet_mask()) * hpet_period_fs() / 1000000;
	return ((from - to) & 0xffff) * NSEC_PER_SEC / PIT_HZ; /* counts down */
}

static void set_frequency(u64 new_khz)
{
	u32 shift = 32;
	u64 mult;

	/* The largest shift whose multiplier fits 32 bits. */
	do {
		mult = (1000000ull << shift) / new_khz;
	} while (mult >> 32 && shift-- > 0);
	khz = new_khz;
	tsc_clock.mult = (u32)mult;
	tsc_clock.shift = shift;
}

/* One window of CALIBRATE_NS: frequencies in kHz and LAPIC counts per 2^20 ns. */
static bool measure(bool hpet, u64 *tsc, u32 *timer)
{
	u64 (*read)(void) = hpet ? hpet_read : read_pit;
	struct sample a, b;
	u64 ns;

	lapic_timer_set(~0u);
	a = take_sample(read);
	do {
		b = take_sample(read);
		ns = ref_ns(hpet, a.ref, b.ref);
	} while (ns < CALIBRATE_NS && b.tsc - a.tsc < 1000000000ull);
	lapic_timer_set(0);
	if (ns < CALIBRATE_NS)
		return false; /* the reference stands still */
	*tsc = (b.tsc - a.tsc) * 1000000 / ns;
	*timer = (u32)(((u64)(a.timer - b.timer) << 20) / ns);
	return *tsc && *timer;
}

/*
 * The PIT's 16 bits wrap every 55 ms, and an emulator's host may stall us for longer in the
 * middle of a window: a measurement counts when the next one agrees within half a per cent.
 */
static bool calibrate(bool hpet)
{
	u64 tsc, last = 0;
	u32 timer;

	for (unsigned int i = 0; i < CALIBRATE_TRIES; i++) {
		if (!measure(hpet, &tsc, &timer))
			return false;
		if (tsc - last + tsc / 200 <= tsc / 100) {
			set_frequency((tsc + last) / 2);
			timer_mult = timer;
			return true;
		}
		last = tsc;
	}
	return false;
}

/* Without a reference: what CPUID says, if anything. */
static bool calibrate_by_cpuid(void)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);

	if ((cpuid(1, 0).ecx & BIT(31)) && r.eax >= 0x40000010) {
		r = cpuid(0x40000010, 0); /* hypervisors: TSC and bus frequency in kHz */
		if (r.eax && r.ebx) {
			set_frequency(r.eax);
			timer_mult = (u32)(((u64)r.ebx / 16 << 20) / 1000000);
			return true;
		}
	}
	r = cpuid(0, 0).eax >= 0x15 ? cpuid(0x15, 0) : (struct cpuid_regs){ 0 };
	if (r.eax && r.ebx && r.ecx) {
		set_frequency((u64)r.ecx * r.ebx / r.eax / 1000);
		timer_mult = (u32)(((u64)r.ecx / 16 << 20) / NSEC_PER_SEC);
		return true;
	}
	return false;
}

void arch_time_init(void)
{
	const char *by = "nothing: a guess";

	have_hpet = hpet_init();
	if (have_hpet && calibrate(true)) {
		by = "HPET";
	} else if (pit_start() && calibrate(false)) {
		by = "PIT";
	} else if (calibrate_by_cpuid()) {
		by = "CPUID";
	} else {
		set_frequency(1000000);
		timer_mult = (u32)((1ull << 20) / 16);
	}
	tsc_clock.base = rdtsc();
	tsc_clock.offset = 1; /* 0 means "no clock yet" to those who care */
	lapic_timer_mask(false);
	pr_info("TSC at %lu.%03lu MHz by %s", (ulong)(khz / 1000), (ulong)(khz % 1000),
		by);
}

/* ---- reading ---- */

static u64 hpet_clock(void)
{
	static struct spinlock lock = SPINLOCK_INIT("hpet", LR_LEAF);
	static u64 last, wraps; /* lock; a 32-bit counter wraps every few minutes */
	u64 now, flags;

	if (hpet_mask() == ~0ul)
		return hpet_read();
	flags = spin_lock_irqsave(&lock);
	now = hpet_read();
	if (now < last)
		wraps += hpet_mask() + 1;
	last = now;
	now += wraps;
	spin_unlock_irqrestore(&lock, flags);
	return now;
}

ktime_t arch_clock_ns(void)
{
	u64 delta;

	if (unlikely(use_hpet)) {
		delta = hpet_clock() - hpet_base;
		return (u64)((unsigned __int128)delta * hpet_mult >> 32) + hpet_offset;
	}
	delta = rdtsc() - tsc_clock.base;
	return (u64)((unsigned __int128)delta * tsc_clock.mult >> tsc_clock.shift) +
	       tsc_clock.offset;
}

bool arch_clock_params(struct arch_clock_params *p)
{
	*p = tsc_clock;
	return !use_hpet;
}

void delay_us(unsigned int us)
{
	u64 end = rdtsc() + us * (khz ? khz : 1000000) / 1000;

	while ((s64)(end - rdtsc()) > 0)
		cpu_relax();
}

/* ---- the TSC across CPUs ---- */

#define CHECK_ROUNDS 300

static struct {
	_Atomic u32 lock;
	u64 last;     /* lock */
	u64 backward; /* lock: worst step back, in ticks */
} check CACHE_ALIGNED;

/* On all CPUs at once: each reads the TSC under one lock; it must not be below the last reading. */
static void check_tsc(void *unused)
{
	for (unsigned int i = 0; i < CHECK_ROUNDS; i++) {
		u64 now;

		while (atomic_exchange_explicit(&check.lock, 1, memory_order_acquire))
			cpu_relax();
		now = rdtsc();
		if (now < check.last && check.last - now > check.backward)
			check.backward = check.last - now;
		check.last = now;
		atomic_store_explicit(&check.lock, 0, memory_order_release);
	}
}

void arch_time_check(void)
{
	u64 flags;

	if (nr_cpus == 1)
		return;
	cpu_call_start(~0ul, check_tsc, NULL);
	check_tsc(NULL);
	cpu_call_wait();
	if (!check.backward)
		return;
	pr_warn("TSC goes back by %lu ticks between CPUs%s", (ulong)check.backward,
		have_hpet ? ": using the HPET" : ", and there is no HPET");
	if (!have_hpet)
		return;
	flags = irq_save();
	hpet_mult = (hpet_period_fs() << 32) / 1000000;
	hpet_offset = arch_clock_ns();
	hpet_base = hpet_clock();
	use_hpet = true;
	irq_restore(flags);
}

/* ---- the timer ---- */

void arch_timer_set(ktime_t deadline)
{
	u64 now, delta, count;

	if (deadline == KTIME_MAX) {
		lapic_timer_set(0);
		return;
	}
	now = arch_clock_ns();
	delta = deadline > now ? deadline - now : 0;
	delta = MIN(delta, 60 * NSEC_PER_SEC); /* longer: the handler finds it early, sets it again */
	count = (delta * timer_mult >> 20) + 1;
	lapic_timer_set((u32)MIN(count, (u64)0xffffffff));
}
