// SPDX-License-Identifier: MIT
/* The hardware's clocks.  kernel/time turns them into Linux's. */
#pragma once

/* Finds and calibrates: TSC against PIT, HPET or pvclock.  Boot CPU, once. */
void arch_time_init(void);
/* Checks the TSC across CPUs; called after smp_init(). */
void arch_time_check(void);
/* Nanoseconds since boot, monotonic over all CPUs.  Any context, no lock. */
ktime_t arch_clock_ns(void);
/* Interrupt on this CPU at @deadline (arch_clock_ns time; KTIME_MAX cancels); the handler is timer_interrupt().
 * Interrupts off. */
void arch_timer_set(ktime_t deadline);
struct regs;
/* Called by arch from the timer interrupt, interrupts off, inside irq_depth: kernel/time/timer.c. */
void timer_interrupt(const struct regs *regs);
/* Seconds since 1970 from the battery clock (CMOS), 0 if there is none. */
u64 arch_rtc_read(void);
/* Sets it: 0, -ENODEV, -EINVAL (no such year in its two digits and a century). */
int arch_rtc_set(u64 seconds);
void delay_us(unsigned int us);

/* Busy clock facts for the vDSO: ns = ((tsc - base) * mult >> shift) + offset.  false: the TSC is not to be
 * trusted and the vDSO must make the call. */
struct arch_clock_params {
	u64 base, offset;
	u32 mult, shift;
};
bool arch_clock_params(struct arch_clock_params *p);

/* vDSO: its pages (an ELF image), and the data page it reads, both page aligned in the kernel image.
 * exec maps the data page (read only) directly below the image (read, execute). */
extern const char vdso_start[], vdso_end[];
struct vdso_data {
	u32 seq;      /* odd while written */
	u32 use_tsc;  /* 0: make the system call */
	struct arch_clock_params clock;
	u64 realtime_offset; /* ns to add to monotonic for CLOCK_REALTIME */
};
extern struct vdso_data *vdso_data; /* one page */
