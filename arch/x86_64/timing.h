// SPDX-License-Identifier: MIT
/* Reference clocks that calibrate the TSC and the LAPIC timer. */
#pragma once

u64 tsc_khz(void);

/* pit.c: the old timer's channel 2, 1193182 Hz, 16 bits, counting down. */
#define PIT_HZ 1193182
bool pit_start(void); /* false: there is none */
u16 pit_read(void);

/* hpet.c */
bool hpet_init(void); /* false: there is none */
u64 hpet_read(void);  /* wraps at 2^32 or 2^64: hpet_mask() */
u64 hpet_mask(void);
u64 hpet_period_fs(void);
