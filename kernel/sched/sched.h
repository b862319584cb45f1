// SPDX-License-Identifier: MIT
/*
 * Run queues, shared among the files of kernel/sched.
 *
 * Each CPU has one struct runq.  Its lock is taken with interrupts off; two
 * together only by a trylock of the second.  The running thread is in no tree:
 * it is put back when it is switched away and still wants to run.
 */
#pragma once

#include <linux/sched.h>
#include <tarn/cpu.h>
#include <tarn/lock.h>
#include <tarn/rbtree.h>
#include <tarn/thread.h>
#include <tarn/time.h>

#define NICE_0_WEIGHT 1024u
#define IDLE_POLICY_WEIGHT 3u
#define SLICE_NS (3 * NSEC_PER_MSEC)      /* a fair thread's turn when others wait */
#define WAKE_GRAN_NS (1 * NSEC_PER_MSEC)  /* a turn is not cut by a wake-up before this */
#define RR_SLICE_NS (100 * NSEC_PER_MSEC)
#define TICK_NS (4 * NSEC_PER_MSEC)

/* Sleepers that are part of the load: they wait for a device or a lock, not for somebody's pleasure. */
#define LOAD_STATES (BIT(TS_UNINTERRUPTIBLE) | BIT(TS_KILLABLE))

/* se.on_rq */
enum { RQ_NO, RQ_YES, RQ_MOVING };

struct runq {
	struct spinlock lock;
	u32 cpu;                       /* [I] */
	struct thread *curr GUARDED_BY(&lock);
	struct thread *idle;           /* [I] */
	u32 nr_running GUARDED_BY(&lock); /* curr included, idle not; others read it stale */

	/* Fair class: tree by deadline.  Average of vruntimes by weight: base + avg_sum / load. */
	struct rb_root fair GUARDED_BY(&lock);
	u64 base GUARDED_BY(&lock);
	s64 avg_sum GUARDED_BY(&lock); /* sum of weight * (vruntime - base) over the tree */
	u64 load GUARDED_BY(&lock);    /* sum of weights over the tree */

	struct list rt GUARDED_BY(&lock); /* waiting FIFO and RR threads, highest priority first */
	u64 rt_time GUARDED_BY(&lock);    /* ns they had in this period: rt.c */
	ktime_t rt_period_start GUARDED_BY(&lock);
	bool rt_throttled GUARDED_BY(&lock);

	u64 pressure GUARDED_BY(&lock);   /* of all that are runnable; others read it stale: place.c */

	/* The switch under way: set by schedule(), used by sched_finish_switch() */
	struct thread *moving;         /* prev must go to another CPU */
	struct list dead;              /* dead threads (se.rt_node) whose stacks are to be freed */

	/* The tick: this CPU only, irqs off */
	struct timer tick;
	u32 ticks;                     /* counted, for what is done at some of them */
	const struct regs *tick_regs;  /* what the timer interrupt interrupted */
	ktime_t accounted;             /* up to here the times below are summed */
	struct cpu_times times;
	u64 switches;
	s64 nr_uninterruptible;        /* threads asleep; may be negative on one CPU, the sum is right */
} CACHE_ALIGNED;

extern struct runq runqs[MAX_CPUS];
extern _Atomic u64 idle_mask; /* [a] bit per CPU with nothing to do */
extern _Atomic u64 sched_forks;

static inline struct runq *this_runq(void)
{
	return &runqs[cpu_id()];
}
static inline bool policy_is_rt(const struct sched_entity *se)
{
	return se->policy == SCHED_FIFO || se->policy == SCHED_RR;
}

/* ---- fair.c ---- */
u32 weight_of(int policy, int nice);
void fair_insert(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock);
void fair_remove(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock);
/* @t comes to @rq after a sleep or from another CPU: its lag becomes a place in time. */
void fair_place(struct runq *rq, struct thread *t, bool fresh) MUST_HOLD(&rq->lock);
/* @t leaves @rq: remembers what it is owed. */
void fair_leave(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock);
/* Best waiting thread that is eligible, or NULL; does not remove it. */
struct thread *fair_best(struct runq *rq) MUST_HOLD(&rq->lock);
bool fair_before(struct runq *rq, struct thread *a, struct thread *b) MUST_HOLD(&rq->lock);
/*
 * The running @t gives up its turn as if it had used it, when others wait and it is not ahead of
 * them already: so that yielding often does not move its deadline, which ends its next turn, far away.
 */
void fair_yield(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock);
/* @t ran for @delta ns; true: its turn is over. */
bool fair_charge(struct runq *rq, struct thread *t, u64 delta) MUST_HOLD(&rq->lock);

/* ---- rt.c ---- */
/* @first: before its equals. */
void rt_insert(struct runq *rq, struct thread *t, bool first) MUST_HOLD(&rq->lock);
/* A real-time thread ran for @delta. */
void rt_charge(struct runq *rq, u64 delta, ktime_t now) MUST_HOLD(&rq->lock);
/* A new period may have begun. */
void rt_period(struct runq *rq, ktime_t now) MUST_HOLD(&rq->lock);
/* Real-time threads had their share and fair ones wait. */
static inline bool rt_gives_way(const struct runq *rq) MUST_HOLD(&rq->lock)
{
	return rq->rt_throttled && !rb_empty(&rq->fair);
}

/* ---- queue.c ---- */
struct runq *thread_runq_lock(struct thread *t, u64 *flags);
void runq_enqueue(struct runq *rq, struct thread *t, bool fresh) MUST_HOLD(&rq->lock);
void runq_dequeue(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock);
/* The running thread keeps its claim but goes back among the waiting. */
void runq_put_back(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock);
/* Takes the next thread to run out of the queue; idle if none. */
struct thread *runq_pick(struct runq *rq) MUST_HOLD(&rq->lock);
/* Charges curr up to now; true: its turn is over. */
bool runq_update(struct runq *rq, ktime_t now) MUST_HOLD(&rq->lock);
void runq_resched(struct runq *rq) MUST_HOLD(&rq->lock);
/* A waiting thread came: should curr give way? */
void runq_check_preempt(struct runq *rq, struct thread *t) MUST_HOLD(&rq->lock);

/* ---- place.c ---- */
u32 place_thread(struct thread *t, bool fresh);
/* Moves a waiting thread of a busy CPU to @rq, which has nothing to do. */
bool steal_work(struct runq *rq) MUST_HOLD(&rq->lock);
void kick_an_idle_cpu(void);
/* A busy CPU takes a waiting thread from a busier one if that makes the two more alike. Interrupts off. */
void balance(struct runq *rq);
/* How much @t presses on its CPU. */
u32 pressure_of(const struct thread *t);
void enqueue_moving(struct thread *t, bool fresh);

/* ---- tick.c ---- */
void tick_init(struct runq *rq);
void account_leave_idle(struct runq *rq, ktime_t now);
void account_enter_idle(struct runq *rq, struct thread *prev, ktime_t now);
void load_init(void);

/* ---- switch.c ---- */

/* ---- rcu.c ---- */
void rcu_init(void);
void rcu_enter_idle(void);
void rcu_leave_idle(void);
void rcu_wake_pending(void); /* where no lock is held */
void work_init_workers(void);
/* What printk and rcu_call could not do under their callers' locks. */
void deferred_wakes(void);
