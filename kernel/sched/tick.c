// SPDX-License-Identifier: MIT
/*
 * The tick, and who used the time.
 *
 * A busy CPU has a tick every TICK_NS: it ends a thread's turn, samples whether
 * the interrupt came from user mode, and reports to RCU.  An idle CPU has none:
 * the last one finds it idle and is not armed again.
 *
 * A thread's CPU time is exact (se.sum_exec); its split into user and system is
 * as the ticks saw it.
 */
#include <arch/frame.h>
#include <arch/time.h>
#include <tarn/math.h>
#include <tarn/net/rx.h>
#include <tarn/process.h>
#include "../time/time.h"
#include "sched.h"

#define LOAD_PERIOD_NS (5 * NSEC_PER_SEC)
#define LOAD_SHIFT 16
#define BALANCE_TICKS 8 /* a busy CPU looks at the others every 32 ms, each at another tick */

/* e^(-5s/1min), e^(-5s/5min), e^(-5s/15min) in 16.16 */
static const u64 load_decay[3] = { 60296, 64453, 65173 };
static u64 load_average[3]; /* written by the load timer alone */
static struct timer load_timer;
_Atomic u64 sched_forks;

static void account(struct runq *rq, struct thread *t, ktime_t now, bool user)
{
	u64 delta = now - rq->accounted;

	rq->accounted = now;
	if (!user)
		rq->times.system += delta;
	else if (t->se.nice > 0)
		rq->times.nice += delta;
	else
		rq->times.user += delta;
}

void account_leave_idle(struct runq *rq, ktime_t now)
{
	rq->times.idle += now - rq->accounted;
	rq->accounted = now;
	atomic_fetch_and_explicit(&idle_mask, ~BIT(rq->cpu), memory_order_relaxed);
}

/* What no tick saw is taken for the program's own. */
void account_enter_idle(struct runq *rq, struct thread *prev, ktime_t now)
{
	account(rq, prev, now, !(prev->flags & TF_KTHREAD));
}

static void sample(struct thread *t, bool user)
{
	_Atomic u64 *sum = user ? &t->utime : &t->stime;

	atomic_fetch_add_explicit(sum, TICK_NS, memory_order_relaxed);
}

/* Throttled real-time threads make way for fair ones, and come back. */
static bool other_class_waits(struct runq *rq, ktime_t now) MUST_HOLD(&rq->lock)
{
	if (policy_is_rt(&rq->curr->se))
		return rt_gives_way(rq);
	if (likely(list_empty(&rq->rt)))
		return false;
	rt_period(rq, now);
	return !rq->rt_throttled;
}

static void tick(struct timer *timer)
{
	struct runq *rq = container_of(timer, struct runq, tick);
	bool user = rq->tick_regs && regs_from_user(rq->tick_regs), waiting;
	struct thread *t = current;
	ktime_t now = arch_clock_ns();

	if (t == rq->idle)
		return;
	if (user)
		rcu_quiescent();
	account(rq, t, now, user);
	sample(t, user);
	spin_lock(&rq->lock);
	waiting = rq->nr_running > 1;
	if ((runq_update(rq, now) && waiting) || (waiting && other_class_waits(rq, now)))
		runq_resched(rq);
	spin_unlock(&rq->lock);
	if (waiting)
		kick_an_idle_cpu();
	if (nr_cpus > 1 && (++rq->ticks + rq->cpu) % BALANCE_TICKS == 0)
		balance(rq);
	if (!(t->flags & TF_KTHREAD))
		cpu_timers_tick(t, user, TICK_NS);
	deferred_wakes();
	rx_tick();
	timer_arm(timer, now + TICK_NS);
}

void tick_init(struct runq *rq)
{
	timer_init(&rq->tick, tick);
}

static u64 active_threads(void)
{
	s64 n = 0;

	FOR_EACH_CPU (c)
		n += (s64)READ_UNLOCKED(runqs[c].nr_running) + READ_ONCE(runqs[c].nr_uninterruptible);
	return n < 0 ? 0 : (u64)n;
}

static void load_tick(struct timer *timer)
{
	u64 active = active_threads() << LOAD_SHIFT;

	for (int i = 0; i < 3; i++)
		load_average[i] = (load_average[i] * load_decay[i] +
				   active * ((1u << LOAD_SHIFT) - load_decay[i])) >>
				  LOAD_SHIFT;
	timer_arm(timer, timer->expires + LOAD_PERIOD_NS);
}

void load_init(void)
{
	timer_init(&load_timer, load_tick);
	timer_arm(&load_timer, arch_clock_ns() + LOAD_PERIOD_NS);
}

void sched_get_stats(struct sched_stats *out)
{
	*out = (struct sched_stats){ 0 };
	for (int i = 0; i < 3; i++)
		out->load[i] = READ_ONCE(load_average[i]);
	FOR_EACH_CPU (c) {
		out->running += READ_UNLOCKED(runqs[c].nr_running);
		out->ctxt_switches += READ_ONCE(runqs[c].switches);
	}
	out->forks = atomic_load(&sched_forks);
	process_counts(&out->total, &out->last_pid);
}

void sched_cpu_times(u32 cpu, struct cpu_times *out)
{
	struct runq *rq = &runqs[cpu];
	u64 flags = spin_lock_irqsave(&rq->lock);
	u64 delta = arch_clock_ns() - rq->accounted;

	*out = rq->times;
	if (rq->curr == rq->idle)
		out->idle += delta;
	else
		out->user += delta;
	spin_unlock_irqrestore(&rq->lock, flags);
}

static u64 exec_time(struct thread *t)
{
	u64 flags, sum;
	struct runq *rq;

	if (t == current) {
		flags = irq_save();
		sum = t->se.sum_exec + (arch_clock_ns() - t->se.exec_start);
		irq_restore(flags);
		return sum;
	}
	rq = thread_runq_lock(t, &flags);
	assert_held(&rq->lock);
	sum = t->se.sum_exec;
	if (rq->curr == t)
		sum += arch_clock_ns() - t->se.exec_start;
	spin_unlock_irqrestore(&rq->lock, flags);
	return sum;
}

void thread_cpu_times(struct thread *t, u64 *utime, u64 *stime)
{
	u64 u = atomic_load_explicit(&t->utime, memory_order_relaxed);
	u64 s = atomic_load_explicit(&t->stime, memory_order_relaxed);
	u64 sum = exec_time(t);

	*stime = s ? mul_div_u64(sum, s, u + s) : 0;
	*utime = sum - *stime;
}
