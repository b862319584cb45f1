// SPDX-License-Identifier: MIT
/*
 * Giving up the CPU, and waking.
 *
 * Who may queue a thread is decided by its state and its run queue's lock:
 *
 *   schedule() on CPU 0                     thread_wake() on CPU 1
 *   (state is SLEEPING, set by the thread)
 *   lock runq                               state: SLEEPING -> RUNNING (A)
 *   state still SLEEPING: on_rq = NO        lock the runq that t->cpu names
 *     else: stay                            on_rq NO and state RUNNING: queue it
 *   switch; the next thread unlocks         else: nothing to do
 *
 * The lock is held until the switch is done, so a waker that sees on_rq NO also
 * knows that the thread's stack is no longer in use.  Of several wakers one wins
 * (A); one that comes late finds the thread queued, or asleep again, and leaves
 * it alone.
 *
 * A dead thread cannot free the stack it stands on: sched_finish_switch() puts
 * it on a list, and the next thread that is back in schedule() frees it.
 */
#include <arch/mmu.h>
#include <arch/time.h>
#include <tarn/net/rx.h>
#include <tarn/printk.h>
#include <tarn/signal.h>
#include <tarn/slab.h>
#include <tarn/stack.h>
#include <tarn/vmalloc.h>
#include "sched.h"

void sched_finish_switch(struct thread *prev) NO_LOCK_CHECK
{
	struct runq *rq = this_runq();
	struct thread *moving = rq->moving;

	rq->moving = NULL;
	if (atomic_load_explicit(&prev->state, memory_order_relaxed) == TS_DEAD)
		list_add_tail(&rq->dead, &prev->se.rt_node);
	atomic_store_explicit(&prev->on_cpu, false, memory_order_release);
	spin_unlock(&rq->lock);
	if (moving)
		enqueue_moving(moving, false);
	if (!rq->tick.queued && current != rq->idle)
		timer_arm(&rq->tick, arch_clock_ns() + TICK_NS);
}

static void free_dead(void)
{
	struct runq *rq = this_runq();
	struct thread *t;
	u64 flags;

	if (likely(list_empty(&rq->dead)))
		return;
	flags = irq_save();
	t = list_first(&rq->dead, struct thread, se.rt_node);
	if (t)
		list_del(&t->se.rt_node);
	irq_restore(flags);
	if (!t)
		return;
	stack_measure(t);
	kstack_free(t->kstack);
	t->kstack = NULL;
#ifdef TARN_DEBUG
	kfree(t->held);
	t->held = NULL;
#endif
	thread_put(t);
}

/* What becomes of the thread that is about to be switched away from. */
static void leave_cpu(struct runq *rq, struct thread *prev, bool preempt) MUST_HOLD(&rq->lock)
{
	u32 state = atomic_load_explicit(&prev->state, memory_order_relaxed);

	if (prev == rq->idle)
		return;
	if (state != TS_RUNNING && !preempt) {
		runq_dequeue(rq, prev);
		if (BIT(state) & LOAD_STATES)
			rq->nr_uninterruptible++;
		prev->nvcsw++;
		prev->se.rt_run = 0;
	} else if (unlikely(!(prev->se.affinity & BIT(rq->cpu)))) {
		runq_dequeue(rq, prev);
		prev->se.on_rq = RQ_MOVING;
		rq->moving = prev;
	} else {
		runq_put_back(rq, prev);
	}
	rq->curr = rq->idle; /* prev counts as waiting, or not at all, until the choice is made */
}

static void do_switch(struct runq *rq, struct thread *prev, struct thread *next, ktime_t now)
	MUST_HOLD(&rq->lock) NO_LOCK_CHECK
{
	rq->curr = next;
	rq->switches++;
	next->se.exec_start = now;
	next->se.turn_start = next->se.sum_exec;
	next->cpu = rq->cpu;
	atomic_store_explicit(&next->on_cpu, true, memory_order_relaxed);
	if (next == rq->idle)
		account_enter_idle(rq, prev, now);
	else if (prev == rq->idle)
		account_leave_idle(rq, now);
	mmu_switch(next->mm);
	sched_finish_switch(arch_switch(prev, next));
}

static void reschedule(bool preempt) NO_LOCK_CHECK
{
	struct thread *prev = current, *next;
	struct cpu *cpu = this_cpu();
	struct runq *rq;
	ktime_t now;

	if (unlikely(!irqs_enabled() || cpu->spin_depth || cpu->irq_depth))
		panic("thread %d (%s) sleeps with interrupts %s, %u spinlocks held", prev->tid,
		      prev->comm, irqs_enabled() ? "on" : "off", cpu->spin_depth);
	if (unlikely(rx_is_pending()))
		rx_run_before_switch();
	irq_disable();
	cpu = this_cpu();
	rq = &runqs[cpu->id];
	spin_lock(&rq->lock);
	cpu->need_resched = false;
	if (atomic_load_explicit(&prev->pending, memory_order_relaxed) & TP_RESCHED)
		atomic_fetch_and(&prev->pending, ~(u32)TP_RESCHED);
	rcu_quiescent();
	now = arch_clock_ns();
	runq_update(rq, now);
	leave_cpu(rq, prev, preempt);
	if (rq->nr_running == 0)
		steal_work(rq);
	next = runq_pick(rq);
	if (unlikely(rx_is_pending()))
		rx_switched_to(next);
	if (next != prev) {
		if (atomic_load_explicit(&prev->state, memory_order_relaxed) == TS_RUNNING)
			prev->nivcsw++;
		do_switch(rq, prev, next, now);
	} else {
		rq->curr = prev;
		spin_unlock(&rq->lock);
	}
	irq_enable();
	free_dead();
}

void schedule(void)
{
	reschedule(false);
}

/* schedule(), but current wants to go on whatever its state. */
static void schedule_preempt(void)
{
	reschedule(true);
}

void cond_resched(void)
{
	if (likely(!READ_ONCE(this_cpu()->need_resched)))
		return;
	if (irqs_enabled() && !this_cpu()->spin_depth && !this_cpu()->irq_depth)
		reschedule(true);
}

/* sched_yield(2): everybody else first. */
void sched_yield_current(void)
{
	u64 flags = irq_save();
	struct runq *rq = this_runq();
	bool alone;

	spin_lock(&rq->lock);
	runq_update(rq, arch_clock_ns());
	alone = rq->nr_running == 1 && !this_cpu()->need_resched;
	if (alone)
		rcu_quiescent();
	else if (current->se.policy == SCHED_RR || current->se.policy == SCHED_FIFO)
		current->se.rr_left = 0;
	else
		fair_yield(rq, current);
	spin_unlock(&rq->lock);
	irq_restore(flags);
	if (!alone)
		schedule_preempt();
}

void sched_exit(void)
{
	thread_set_state(TS_DEAD);
	schedule();
	panic("dead thread %d ran again", current->tid);
}

void sched_start(struct thread *t)
{
	atomic_store_explicit(&t->state, TS_RUNNING, memory_order_relaxed);
	t->se.on_rq = RQ_MOVING;
	atomic_fetch_add_explicit(&sched_forks, 1, memory_order_relaxed);
	enqueue_moving(t, true);
}

/* @t has state RUNNING by our doing: put it on a queue unless it never left one. */
static void make_runnable(struct thread *t, bool was_uninterruptible)
{
	u64 flags;
	struct runq *rq = thread_runq_lock(t, &flags);
	u32 cpu;

	assert_held(&rq->lock);
	if (was_uninterruptible && t->se.on_rq == RQ_NO)
		rq->nr_uninterruptible--;
	if (t->se.on_rq != RQ_NO || atomic_load(&t->state) != TS_RUNNING) {
		spin_unlock_irqrestore(&rq->lock, flags);
		return;
	}
	cpu = place_thread(t, false);
	if (cpu == rq->cpu) {
		runq_enqueue(rq, t, false);
		runq_check_preempt(rq, t);
		spin_unlock_irqrestore(&rq->lock, flags);
		return;
	}
	t->se.on_rq = RQ_MOVING;
	spin_unlock(&rq->lock);
	rq = &runqs[cpu];
	spin_lock(&rq->lock);
	runq_enqueue(rq, t, false);
	runq_check_preempt(rq, t);
	spin_unlock_irqrestore(&rq->lock, flags);
}

bool thread_wake_states(struct thread *t, u32 states)
{
	u32 state = atomic_load(&t->state);

	while (state != TS_RUNNING && state != TS_DEAD && (states & BIT(state))) {
		if (!atomic_compare_exchange_weak(&t->state, &state, TS_RUNNING))
			continue;
		make_runnable(t, BIT(state) & LOAD_STATES);
		return true;
	}
	return false;
}

void thread_kick(struct thread *t)
{
	u32 cpu = READ_ONCE(t->cpu);

	if (t != current && atomic_load(&t->on_cpu) && cpu != cpu_id())
		cpu_kick(cpu);
}

void deferred_wakes(void)
{
	log_wake_readers();
	rcu_wake_pending();
}

void return_to_user_work(struct regs *regs)
{
	u32 p;

	do {
		irq_enable();
		deferred_wakes();
		p = atomic_load(&current->pending);
		if (p & TP_NET) {
			atomic_fetch_and(&current->pending, ~(u32)TP_NET);
			rx_run();
		}
		if (p & TP_RESCHED)
			schedule_preempt();
		if (p & (TP_SIGNAL | TP_EXIT | TP_RESTORE_MASK))
			signal_deliver(regs);
		irq_disable();
		p = atomic_load(&current->pending);
	} while (p & ~(u32)TP_TRACE);
}
