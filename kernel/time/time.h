// SPDX-License-Identifier: MIT
/* Shared among the files of kernel/time and the tick. */
#pragma once

#include <linux/time.h>
#include <tarn/thread.h>
#include <tarn/time.h>

struct process;

/* itimer.c: the tick found @t running for @ns; ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU. */
void cpu_timers_tick(struct thread *t, bool user, u64 ns);
/* posix_timer.c */
void posix_timers_delete_all(struct process *p);
/* clock.c: ns of any clock of clock_gettime(2): 0 or -EINVAL. */
int clock_read(int clock, s64 *out);
/* The monotonic time of @at on @clock (REALTIME or MONOTONIC and their like). */
ktime_t clock_to_monotonic(int clock, s64 at);
bool clock_is_realtime(int clock);
/* Next expiry after @now on the raster of @interval from @last; *missed gets the points skipped. */
ktime_t timer_forward(ktime_t last, u64 interval, ktime_t now, u64 *missed);
