// SPDX-License-Identifier: MIT
/*
 * FIFO and RR threads: who is first, and that they leave something for the rest.
 *
 * They run before all fair threads, so one that never sleeps would end everything
 * else on its CPU. So, as on Linux, of each kernel.sched_rt_period_us they may use
 * kernel.sched_rt_runtime_us (-1: all of it):
 *
 *   free -> throttled, when the time is used up -> free, in a later period
 *
 * While a CPU is throttled its fair threads go first. Unlike on Linux 6.1 a real-time
 * thread still runs then when there is no fair one: an idle CPU helps nobody.
 * The period moves along when time is charged and at the tick.
 *
 * Locks: the run queue's.  Tests: tests/abi/sched_load.c.
 */
#include <tarn/printk.h>
#include <tarn/proc.h>
#include "sched.h"

static int rt_period_us = 1000000, rt_runtime_us = 950000;

static const struct sysctl period_sysctl = {
	.path = "kernel/sched_rt_period_us", .value = &rt_period_us, .min = 1, .max = INT32_MAX
};
SECTION_SET(sysctls, period_sysctl);
static const struct sysctl runtime_sysctl = {
	.path = "kernel/sched_rt_runtime_us", .value = &rt_runtime_us, .min = -1, .max = INT32_MAX
};
SECTION_SET(sysctls, runtime_sysctl);

void rt_insert(struct runq *rq, struct thread *t, bool first)
{
	struct list *at = rq->rt.next;

	while (at != &rq->rt) {
		const struct thread *o = LIST_ENTRY(at, struct thread, se.rt_node);

		if (o->se.rt_priority < t->se.rt_priority ||
		    (first && o->se.rt_priority == t->se.rt_priority))
			break;
		at = at->next;
	}
	list_add_tail(at, &t->se.rt_node);
}

/* What a period holds; KTIME_MAX: no limit. */
static u64 runtime_ns(u64 period)
{
	int us = READ_ONCE(rt_runtime_us);
	u64 ns = us < 0 ? KTIME_MAX : (u64)us * NSEC_PER_USEC;

	return ns >= period ? KTIME_MAX : ns;
}

void rt_period(struct runq *rq, ktime_t now)
{
	u64 period = (u64)READ_ONCE(rt_period_us) * NSEC_PER_USEC, runtime = runtime_ns(period), n;

	if (now - rq->rt_period_start >= period) {
		n = (now - rq->rt_period_start) / period;
		rq->rt_period_start += n * period;
		rq->rt_time -= runtime == KTIME_MAX ? rq->rt_time : MIN(rq->rt_time, n * runtime);
	}
	if (rq->rt_throttled && rq->rt_time < runtime)
		rq->rt_throttled = false;
}

void rt_charge(struct runq *rq, u64 delta, ktime_t now)
{
	static bool told;

	rt_period(rq, now);
	if (rq->rt_throttled)
		return; /* what it gets beyond its share takes nothing from anybody */
	rq->rt_time += delta;
	if (rq->rt_time < runtime_ns((u64)READ_ONCE(rt_period_us) * NSEC_PER_USEC))
		return;
	rq->rt_throttled = true;
	if (!READ_ONCE(told)) {
		WRITE_ONCE(told, true);
		pr_warn("sched: RT throttling activated");
	}
}
