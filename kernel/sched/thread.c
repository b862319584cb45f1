// SPDX-License-Identifier: MIT
/*
 * A thread's scheduling state: its birth, and changes of nice, policy and
 * affinity.  Idle threads are made here too; CPU 0's is the thread that booted.
 */
#include <arch/boot.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/vmalloc.h>
#include "../boot.h"
#include "sched.h"

static struct thread boot_thread;
static struct thread idle_threads[MAX_CPUS - 1];

static void idle_init(struct thread *t, u32 cpu) NO_LOCK_CHECK /* the CPU schedules nothing yet */
{
	t->flags = TF_KTHREAD | TF_IDLE;
	t->cpu = cpu;
	t->se.affinity = BIT(cpu);
	t->se.weight = IDLE_POLICY_WEIGHT;
	t->process = &kernel_process;
	t->cred = &root_cred;
	atomic_store(&t->on_cpu, true);
	ref_init(&t->refs, 1);
	spin_init(&t->lock, "thread", LR_LEAF);
	list_init(&t->sig.items);
	scnprintf(t->comm, sizeof(t->comm), "swapper/%u", cpu);
	runqs[cpu].idle = t;
	runqs[cpu].curr = t;
}

void sched_boot_thread(void)
{
	struct cpu *cpu = this_cpu();

	cpu->running = &boot_thread;
	cpu->idle = &boot_thread;
	idle_init(&boot_thread, 0);
}

void sched_init(void)
{
	for (u32 c = 0; c < MAX_CPUS; c++) {
		struct runq *rq = &runqs[c];

		spin_init(&rq->lock, "runq", LR_RUNQ);
		rq->cpu = c;
		list_init(&rq->rt);
		list_init(&rq->dead);
		tick_init(rq);
	}
	rcu_init();
}

struct thread *sched_idle_create(u32 cpu)
{
	struct thread *t = &idle_threads[cpu - 1];

	t->kstack = kstack_alloc();
	if (!t->kstack)
		panic("no memory for the idle thread of CPU %u", cpu);
	idle_init(t, cpu);
	return t;
}

static void plain_entity(struct sched_entity *se)
{
	*se = (struct sched_entity){
		.policy = SCHED_NORMAL,
		.weight = NICE_0_WEIGHT,
		.affinity = ~0ull,
		.rr_left = RR_SLICE_NS,
	};
}

void sched_fork(struct thread *t)
{
	const struct sched_entity *parent = &current->se;

	plain_entity(&t->se);
	t->cpu = cpu_id();
	atomic_store(&t->on_cpu, false);
#ifdef TARN_DEBUG
	t->held = kzalloc(1024, GFP_KERNEL);
#endif
	if (t->flags & TF_KTHREAD || current->flags & TF_KTHREAD)
		return;
	t->se.affinity = parent->affinity;
	t->se.nice = parent->nice;
	/* sched(7): what is above the ordinary is not inherited; SCHED_BATCH and SCHED_IDLE are not above it. */
	if (parent->reset_on_fork && policy_is_rt(parent)) {
		t->se.nice = 0;
	} else {
		t->se.policy = parent->policy;
		t->se.rt_priority = parent->rt_priority;
		if (parent->reset_on_fork)
			t->se.nice = MAX(parent->nice, (s8)0);
	}
	t->se.weight = weight_of(t->se.policy, t->se.nice);
}

/* @change with @t out of its queue, so that no sum goes wrong. */
static void change_entity(struct thread *t, void (*change)(struct thread *t, const int *arg),
			  const int *arg)
{
	u64 flags;
	struct runq *rq = thread_runq_lock(t, &flags);
	bool queued;

	assert_held(&rq->lock);
	queued = t->se.on_rq == RQ_YES && t != rq->curr;
	if (queued)
		runq_dequeue(rq, t);
	change(t, arg);
	if (queued) {
		runq_enqueue(rq, t, false);
		runq_check_preempt(rq, t);
	} else if (t == rq->curr && t != rq->idle) {
		rq->pressure -= t->se.pressure;
		t->se.pressure = pressure_of(t);
		rq->pressure += t->se.pressure;
		runq_resched(rq);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
}

static void change_nice(struct thread *t, const int *arg)
{
	t->se.nice = (s8)arg[0];
	t->se.weight = weight_of(t->se.policy, t->se.nice);
}

int sched_set_nice(struct thread *t, int nice)
{
	if (nice < -20 || nice > 19)
		return -EINVAL;
	change_entity(t, change_nice, &nice);
	return 0;
}

static void change_policy(struct thread *t, const int *arg)
{
	t->se.policy = (u8)arg[0];
	t->se.rt_priority = (u8)arg[1];
	t->se.rr_left = RR_SLICE_NS;
	t->se.weight = weight_of(t->se.policy, t->se.nice);
}

int sched_set_policy(struct thread *t, int policy, int rt_priority)
{
	int arg[2] = { policy, rt_priority };
	bool rt = policy == SCHED_FIFO || policy == SCHED_RR;

	if (!rt && policy != SCHED_NORMAL && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return -EINVAL;
	if (rt ? rt_priority < 1 || rt_priority > 99 : rt_priority != 0)
		return -EINVAL;
	change_entity(t, change_policy, arg);
	return 0;
}

int sched_set_affinity(struct thread *t, u64 mask)
{
	u64 online = nr_cpus >= 64 ? ~0ull : BIT(nr_cpus) - 1, flags;
	struct runq *rq;

	if (!(mask & online))
		return -EINVAL;
	rq = thread_runq_lock(t, &flags);
	assert_held(&rq->lock);
	t->se.affinity = mask;
	if (mask & BIT(rq->cpu) || t->se.on_rq != RQ_YES) {
		spin_unlock_irqrestore(&rq->lock, flags);
		return 0;
	}
	if (t == rq->curr) { /* schedule() sees that it must go */
		runq_resched(rq);
		spin_unlock_irqrestore(&rq->lock, flags);
		if (t == current)
			cond_resched();
		return 0;
	}
	runq_dequeue(rq, t);
	t->se.on_rq = RQ_MOVING;
	spin_unlock_irqrestore(&rq->lock, flags);
	enqueue_moving(t, false);
	return 0;
}
