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
bool clock_is_realtime(int clock);
/* When the wall clock shows @at, as it is set now; 0: long ago; KTIME_MAX: never. */
ktime_t realtime_to_monotonic(s64 at);
/* @at of @clock, which clock_is_realtime(), on the wall clock itself. */
s64 clock_to_realtime(int clock, s64 at);
/* timer.c: the wall clock was set; interrupts on. */
void timers_clock_was_set(void);
