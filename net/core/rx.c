// SPDX-License-Identifier: MIT
/*
 * The receive context: polls, where they run, and when a thread takes over (contract: include/tarn/net/rx.h).
 *
 * States of a poll (bits of ->state):
 *	WANTED      somebody asked for it since it last began
 *	QUEUED      it is on a CPU's list, or runs there: on one CPU at a time
 *	DISABLED    it does not run; WANTED is remembered for rx_enable()
 * Who sets QUEUED puts it on his CPU's list; rx_run() takes it off, clears WANTED and calls it. A request that
 * comes meanwhile sets WANTED again, which is seen when the poll returns: nothing is lost, nothing runs twice.
 *
 * A run is at most RUN_BUDGET packets. If more waits after it, "net/N" is woken, and until that thread
 * finds the list empty nobody else runs polls there: then the scheduler, not the wire, says how the
 * CPU is shared.
 *
 * A thread that blocks runs the polls on its own stack, if enough of that is left: the packet it waits for may be
 * among them, and then it goes on without a switch.
 *
 * Tests: tarn.test=rx.
 */
#include <arch/cpu.h>
#include <arch/time.h>
#include <tarn/errptr.h>
#include <tarn/net/rx.h>
#include <tarn/panic.h>
#include <tarn/rcu.h>
#include <tarn/thread.h>
#include <tarn/time.h>
#include <tarn/waitq.h>
#include <tarn/work.h>

#define RX_WANTED BIT(0)
#define RX_QUEUED BIT(1)
#define RX_DISABLED BIT(2)

#define RUN_BUDGET 256
#define POLL_BUDGET 64                /* of one source: then the next one's turn */
#define STACK_NEEDED (KSTACK_SIZE / 2)

struct rx_cpu {
	struct list polls;            /* irqs off */
	bool running;                 /* inside rx_run() */
	bool thread_has_it;           /* net/N does the polling */
	struct thread *thread;        /* [I] after boot; NULL: not yet */
	struct waitq wait;
	u32 cpu;                      /* [I] */
};

DEFINE_PERCPU(bool, rx_pending);
static DEFINE_PERCPU(struct rx_cpu, rx_cpu);

void rx_poll_init(struct rx_poll *r, int (*poll)(struct rx_poll *r, int budget))
{
	r->poll = poll;
	atomic_store_explicit(&r->state, 0, memory_order_relaxed);
}

/* Onto this CPU's list, and whoever runs here is told. */
static void enqueue(struct rx_poll *r)
{
	u64 flags = irq_save();

	list_add_tail(&this_percpu(rx_cpu)->polls, &r->node);
	*this_percpu(rx_pending) = true;
	rx_switched_to(current);
	irq_restore(flags);
}

void rx_switched_to(struct thread *t)
{
	if (!(t->flags & (TF_KTHREAD | TF_IDLE)))
		atomic_fetch_or_explicit(&t->pending, TP_NET, memory_order_relaxed);
	else if (!(t->flags & TF_IDLE)) /* idle looks before it halts */
		this_cpu()->need_resched = true;
}

void rx_schedule(struct rx_poll *r)
{
	u32 old = atomic_load_explicit(&r->state, memory_order_relaxed), new;

	do {
		new = old | RX_WANTED;
		if (!(old & RX_DISABLED))
			new |= RX_QUEUED;
	} while (!atomic_compare_exchange_weak(&r->state, &old, new));
	if (new & ~old & RX_QUEUED)
		enqueue(r);
}

void rx_disable(struct rx_poll *r)
{
	atomic_fetch_or(&r->state, RX_DISABLED);
	while (atomic_load(&r->state) & RX_QUEUED)
		sleep_ns(NSEC_PER_MSEC);
}

void rx_enable(struct rx_poll *r)
{
	if (atomic_fetch_and(&r->state, ~(u32)RX_DISABLED) & RX_WANTED)
		rx_schedule(r);
}

bool in_rx(void)
{
	return this_percpu(rx_cpu)->running;
}

/* ---- running ---- */

static struct rx_poll *next_poll(struct rx_cpu *c)
{
	struct rx_poll *r;

	irq_disable();
	r = list_first(&c->polls, struct rx_poll, node);
	if (r)
		list_del(&r->node);
	irq_enable();
	return r;
}

/* Back to the list's end if it was asked for, else it is free to be queued anywhere. */
static void poll_done(struct rx_cpu *c, struct rx_poll *r)
{
	u32 old = atomic_load_explicit(&r->state, memory_order_relaxed), new;

	do {
		new = old;
		if (!(old & RX_WANTED) || old & RX_DISABLED)
			new &= ~(u32)RX_QUEUED;
	} while (!atomic_compare_exchange_weak(&r->state, &old, new));
	if (!(new & RX_QUEUED))
		return;
	irq_disable();
	list_add_tail(&c->polls, &r->node);
	irq_enable();
}

static int run_poll(struct rx_cpu *c, struct rx_poll *r, int budget)
{
	int n = 0;

	if (!(atomic_load(&r->state) & RX_DISABLED)) {
		atomic_fetch_and(&r->state, ~(u32)RX_WANTED);
		rcu_read_lock();
		n = r->poll(r, budget);
		rcu_read_unlock();
		if (n >= budget)
			atomic_fetch_or(&r->state, RX_WANTED);
	}
	poll_done(c, r);
	return n;
}

/* Polls until the list is empty or the budget used up: true if it is empty. */
static bool run_all(struct rx_cpu *c)
{
	int left = RUN_BUDGET;
	struct rx_poll *r;

	c->running = true;
	while (left > 0 && (r = next_poll(c)) != NULL)
		left -= run_poll(c, r, MIN(left, POLL_BUDGET)) + 1;
	c->running = false;
	irq_disable();
	*this_percpu(rx_pending) = !list_empty(&c->polls);
	irq_enable();
	return !rx_is_pending();
}

static void hand_over(struct rx_cpu *c)
{
	if (!c->thread)
		return;
	c->thread_has_it = true;
	waitq_wake_all(&c->wait, 0);
}

void rx_run(void)
{
	struct rx_cpu *c = this_percpu(rx_cpu);

	if (!rx_is_pending() || c->running || c->thread_has_it)
		return;
	if (!run_all(c))
		hand_over(c);
}

static bool stack_is_short(void)
{
	return (char *)__builtin_frame_address(0) - (char *)current->kstack < (long)STACK_NEEDED;
}

/*
 * Not for a thread that ends, and not below a lock: who sleeps holding one lets others wait long enough. The
 * thread may be woken by what runs here; its state is then RUNNING and schedule() comes back at once.
 */
void rx_run_before_switch(void)
{
	struct rx_cpu *c = this_percpu(rx_cpu);

	if (c->running || c->thread_has_it || !c->thread)
		return;
	if (atomic_load_explicit(&current->state, memory_order_relaxed) == TS_DEAD ||
	    stack_is_short())
		hand_over(c);
	else
		rx_run();
}

void rx_tick(void)
{
	struct rx_cpu *c = this_percpu(rx_cpu);

	if (rx_is_pending() && !c->running && !c->thread_has_it)
		this_cpu()->need_resched = true;
}

/* ---- the thread ---- */

static int net_thread(void *arg)
{
	struct rx_cpu *c = arg;

	for (;;) {
		WAIT_EVENT(&c->wait, READ_ONCE(c->thread_has_it), TS_IDLE, KTIME_MAX, false);
		if (unlikely(c != this_percpu(rx_cpu))) { /* new, or somebody moved it */
			sched_set_affinity(current, BIT(c->cpu));
			continue;
		}
		if (run_all(c)) {
			c->thread_has_it = false;
			continue;
		}
		sched_yield_current();
	}
	return 0;
}

void rx_init(void)
{
	FOR_EACH_CPU(cpu)
		list_init(&percpu_of(rx_cpu, cpu)->polls);
	FOR_EACH_CPU(cpu) {
		struct rx_cpu *c = percpu_of(rx_cpu, cpu);
		struct thread *t;

		c->cpu = cpu;
		waitq_init(&c->wait);
		t = kthread_start(net_thread, c, "net/%u", cpu);
		if (IS_ERR(t))
			panic("no memory for net/%u", cpu);
		sched_set_affinity(t, BIT(cpu));
		c->thread = t;
	}
}

ktime_t net_now(void)
{
	return arch_clock_ns();
}
