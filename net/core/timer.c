// SPDX-License-Identifier: MIT
/*
 * Timers of the network: a wheel for each CPU, so that arming costs the same with ten of them or a
 * million (contract: include/tarn/net/rx.h).
 *
 * A wheel has three rings of 256 slots: of one tick (2^-8 s), of 256 ticks (1 s), and of
 * 65,536 ticks (256 s). A timer lies in the first ring whose turn reaches its time. When a ring
 * has gone round, the next slot of the ring above is taken apart and its timers are placed anew. What is
 * due later than the last ring reaches (18 hours) waits in its last slot and is placed again.
 *
 * The wheel's clock (`now`) follows real time in steps, when the wheel's kernel timer says that a slot
 * with something in it is due; it runs as a poll in the receive context. The kernel timer is set to
 * the first slot in use of the first ring, or to the point where a slot of the others comes down.
 *
 * Locks: the wheel's, held while a timer moves, not while it fires. Tests: tests/net on the host.
 */
#include <tarn/cpu.h>
#include <tarn/lock.h>
#include <tarn/net/rx.h>
#include <tarn/panic.h>
#include <tarn/slab.h>
#include <tarn/time.h>

#define TICK_SHIFT 22                 /* 2^22 ns: 4.19 ms, near 2^-8 s */
#define RING_BITS 8
#define RING (1u << RING_BITS)
#define RINGS 3
#define ARMING 0xffffffffu             /* cpu_plus_1 while it is being placed */

struct wheel {
	struct spinlock lock;         /* LR_NET_TIMER */
	u64 now GUARDED_BY(&lock);    /* ticks: all before it has fired */
	u64 armed GUARDED_BY(&lock);  /* the kernel timer's tick; ~0: not armed */
	struct list slots[RINGS][RING] GUARDED_BY(&lock);
	u64 used[RINGS][RING / 64] GUARDED_BY(&lock); /* a bit for each slot that may have something */
	struct timer timer;
	struct rx_poll poll;
};

static struct wheel *wheels[MAX_CPUS]; /* [I] after boot */

/* ---- slots ---- */

static struct list *slot_of(struct wheel *w, u64 tick) MUST_HOLD(&w->lock)
{
	u64 delta = tick > w->now ? tick - w->now : 0;
	u32 ring = 0, i;

	if (tick < w->now)
		tick = w->now;
	while (ring < RINGS - 1 && delta >= 1ull << (RING_BITS * (ring + 1)))
		ring++;
	if (delta >= 1ull << (RING_BITS * RINGS))
		tick = w->now + (1ull << (RING_BITS * RINGS)) - (1ull << (RING_BITS * (RINGS - 1)));
	i = (u32)(tick >> (RING_BITS * ring)) & (RING - 1);
	w->used[ring][i / 64] |= 1ull << (i % 64);
	return &w->slots[ring][i];
}

static void place(struct wheel *w, struct net_timer *t) MUST_HOLD(&w->lock)
{
	/* Never early: the tick that ends after it. */
	list_add_tail(slot_of(w, (t->expires >> TICK_SHIFT) + 1), &t->node);
}

/* The next slot in use of @ring from index @from on, in its order of time: how many slots on; RING: none. */
static u32 next_used(struct wheel *w, u32 ring, u32 from) MUST_HOLD(&w->lock)
{
	for (u32 step = 0; step < RING; step++) {
		u32 i = (from + step) & (RING - 1);

		if (!w->used[ring][i / 64]) {
			step += 63 - (i & 63);
			continue;
		}
		if (w->used[ring][i / 64] >> (i % 64) & 1)
			return step;
	}
	return RING;
}

/* The tick at which something is to be done; ~0: nothing is armed. */
static u64 next_event(struct wheel *w) MUST_HOLD(&w->lock)
{
	u64 best = ~0ull;

	for (u32 ring = 0; ring < RINGS; ring++) {
		u64 at = w->now >> (RING_BITS * ring);
		u32 first = ring ? 1 : 0; /* the slot that a higher ring is in came down when it began */
		u32 step = next_used(w, ring, (u32)(at + first) & (RING - 1));

		if (step < RING)
			best = MIN(best, (at + first + step) << (RING_BITS * ring));
	}
	return best;
}

static void set_timer(struct wheel *w) MUST_HOLD(&w->lock)
{
	u64 next = next_event(w);

	if (next == w->armed || next == ~0ull)
		return;
	w->armed = next;
	timer_arm(&w->timer, next << TICK_SHIFT);
}

/* ---- arming ---- */

void net_timer_init(struct net_timer *t, void (*fn)(struct net_timer *t))
{
	t->fn = fn;
	atomic_store_explicit(&t->cpu_plus_1, 0, memory_order_relaxed);
}

/* The wheel that has @t, locked; NULL: not armed. */
static struct wheel *lock_wheel(struct net_timer *t) NO_LOCK_CHECK
{
	u32 cpu;

	while ((cpu = atomic_load_explicit(&t->cpu_plus_1, memory_order_acquire)) != 0) {
		struct wheel *w;

		if (unlikely(cpu == ARMING)) {
			cpu_relax();
			continue;
		}
		w = wheels[cpu - 1];
		spin_lock(&w->lock);
		if (atomic_load_explicit(&t->cpu_plus_1, memory_order_relaxed) == cpu)
			return w;
		spin_unlock(&w->lock);
	}
	return NULL;
}

static void take_out(struct net_timer *t)
{
	list_del(&t->node);
	atomic_store_explicit(&t->cpu_plus_1, 0, memory_order_release);
}

bool net_timer_cancel(struct net_timer *t) NO_LOCK_CHECK
{
	struct wheel *w = lock_wheel(t);

	if (!w)
		return false;
	take_out(t);
	spin_unlock(&w->lock);
	return true;
}

/* A wheel in which nothing is armed has stood still: it goes on from now. */
static void catch_up(struct wheel *w) MUST_HOLD(&w->lock)
{
	u64 now = net_now() >> TICK_SHIFT;

	if (w->armed == ~0ull && next_event(w) == ~0ull)
		w->now = MAX(w->now, now);
}

/* Of several who arm one timer at once each moves it in turn: who has put ARMING there may. */
bool net_timer_arm(struct net_timer *t, ktime_t expires)
{
	u32 cpu = cpu_id(), none = 0;
	struct wheel *w = wheels[cpu];
	bool was = false;

	do {
		was |= net_timer_cancel(t);
		none = 0;
	} while (!atomic_compare_exchange_strong(&t->cpu_plus_1, &none, ARMING));
	spin_lock(&w->lock);
	catch_up(w);
	t->expires = MIN(expires, KTIME_MAX >> 1);
	place(w, t);
	atomic_store_explicit(&t->cpu_plus_1, cpu + 1, memory_order_release);
	set_timer(w);
	spin_unlock(&w->lock);
	return !was;
}

/* ---- firing ---- */

/* Takes the slots of higher rings apart that begin at w->now. */
static void come_down(struct wheel *w) MUST_HOLD(&w->lock)
{
	for (u32 ring = 1; ring < RINGS && !(w->now & ((1ull << (RING_BITS * ring)) - 1)); ring++) {
		u32 i = (u32)(w->now >> (RING_BITS * ring)) & (RING - 1);
		struct list found = LIST_INIT(found);
		struct net_timer *t, *tmp;

		list_splice_tail(&found, &w->slots[ring][i]);
		w->used[ring][i / 64] &= ~(1ull << (i % 64));
		LIST_FOR_EACH_SAFE(t, tmp, &found, node) {
			list_del(&t->node);
			place(w, t);
		}
	}
}

/* Fires the timers of the present slot, at most @budget: how many. */
static int fire_slot(struct wheel *w, int budget) MUST_HOLD(&w->lock)
{
	u32 i = (u32)w->now & (RING - 1);
	struct net_timer *t;
	int n = 0;

	while (n < budget && (t = list_first(&w->slots[0][i], struct net_timer, node)) != NULL) {
		take_out(t);
		spin_unlock(&w->lock);
		t->fn(t);
		spin_lock(&w->lock);
		n++;
	}
	if (list_empty(&w->slots[0][i]))
		w->used[0][i / 64] &= ~(1ull << (i % 64));
	return n;
}

/* To the next point where something is to be done, not past @now. */
static void step_on(struct wheel *w, u64 now) MUST_HOLD(&w->lock)
{
	u64 next;

	w->now++;
	come_down(w);
	next = next_event(w);
	if (next > w->now) {
		w->now = MIN(next, now + 1);
		come_down(w);
	}
}

static int wheel_poll(struct rx_poll *r, int budget)
{
	struct wheel *w = container_of(r, struct wheel, poll);
	u64 now = net_now() >> TICK_SHIFT;
	int n = 0;

	spin_lock(&w->lock);
	w->armed = ~0ull;
	while (w->now <= now && n < budget) {
		n += fire_slot(w, budget - n);
		if (n < budget)
			step_on(w, now);
	}
	if (n < budget)
		set_timer(w);
	spin_unlock(&w->lock);
	return n;
}

static void wheel_due(struct timer *t)
{
	rx_schedule(&container_of(t, struct wheel, timer)->poll);
}

static struct wheel *wheel_new(void) NO_LOCK_CHECK /* nobody else has it yet */
{
	struct wheel *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		panic("no memory for the network's timers");
	spin_init(&w->lock, "net timers", LR_NET_TIMER);
	timer_init(&w->timer, wheel_due);
	rx_poll_init(&w->poll, wheel_poll);
	w->armed = ~0ull;
	w->now = net_now() >> TICK_SHIFT;
	for (u32 i = 0; i < RINGS * RING; i++)
		list_init(&w->slots[i / RING][i % RING]);
	return w;
}

void net_timers_init(void)
{
	FOR_EACH_CPU(cpu)
		wheels[cpu] = wheel_new();
}
