// SPDX-License-Identifier: MIT
/*
 * The receive context: where packets that came in are worked on.  net/core/rx.c.
 *
 * The kernel is not preempted inside itself, and the network keeps it so: an
 * interrupt (or a sender on loopback, or a timer) only puts a poll on its CPU's
 * list. Polls run where the CPU could switch threads anyway:
 *
 *	on the way back to user mode      (TP_NET of thread->pending)
 *	in the idle loop, before it halts
 *	in the CPU's thread "net/N"       when a thread blocks or stays in the kernel meanwhile,
 *	                                  or when a budget was used up: the scheduler then
 *	                                  shares the CPU between packets and programs
 *
 * So receive code never interrupts other kernel code of its CPU.  Hence locks
 * that it shares with system calls are plain spinlocks, interrupts stay on, and
 * per-CPU data of the network needs no more than "no blocking point between".
 * Receive code does not sleep and holds no lock when it calls a poll; polls of
 * one CPU do not nest: a packet sent by receive code to loopback waits its turn.
 */
#pragma once

#include <stdatomic.h>
#include <tarn/cpu.h>
#include <tarn/list.h>

/* A source of packets: a device's queue, the loopback of a CPU, due timers. */
struct rx_poll {
	struct list node;            /* the CPU's list; irqs off */
	/* Works on up to @budget packets and returns how many; fewer than @budget: it is idle, has turned its interrupt
	 * on again and looked once more. Receive context. */
	int (*poll)(struct rx_poll *r, int budget);
	_Atomic u32 state;           /* [a] RX_* of net/core/rx.c */
};
void rx_poll_init(struct rx_poll *r, int (*poll)(struct rx_poll *r, int budget));
/* It has work: runs on this CPU soon, once. Any context. */
void rx_schedule(struct rx_poll *r);
/* Never runs again until rx_enable(): waits until a running poll is over. May sleep. */
void rx_disable(struct rx_poll *r);
void rx_enable(struct rx_poll *r);

/* Runs what is scheduled on this CPU, within the budget.  From the places above only; irqs on, no locks. */
void rx_run(void);
/* A thread gives up this CPU: what is scheduled runs at once on its stack, or in "net/N". irqs on, no spinlocks. */
void rx_run_before_switch(void);
struct thread;
/* @t gets this CPU while something is scheduled here: it is told to look. irqs off. */
void rx_switched_to(struct thread *t);
/* Is anything scheduled here? One load. */
DECLARE_PERCPU(bool, rx_pending);
static inline bool rx_is_pending(void)
{
	return READ_ONCE(*this_percpu(rx_pending));
}
/* A tick found the CPU busy in the kernel: its thread takes over. Interrupt context. */
void rx_tick(void);
void rx_init(void); /* boot */
void net_timers_init(void);
/* True inside of rx_run(): what is sent now must not recurse. */
bool in_rx(void);

/*
 * Timers of the network: as struct timer, but @fn runs in the receive context of the CPU that armed it: irqs on,
 * may take spinlocks of sockets. Kept in a wheel of 2^-8 s (net/core/timer.c): arming and cancelling are O(1),
 * a timer fires at most one tick (4 ms) late, never early.
 */
struct net_timer {
	struct list node;
	ktime_t expires;             /* arch_clock_ns time; the wheel's lock */
	void (*fn)(struct net_timer *t);
	_Atomic u32 cpu_plus_1;      /* whose wheel; 0: not armed */
};
void net_timer_init(struct net_timer *t, void (*fn)(struct net_timer *t));
/* Arms, or moves: true if it was not armed before (the caller takes a reference of the object then). Any but
 * interrupt context. */
bool net_timer_arm(struct net_timer *t, ktime_t expires);
/* True if it was armed, and now is not: the caller drops the timer's reference. A running call-back may still be under
 * way elsewhere. */
bool net_timer_cancel(struct net_timer *t);
static inline bool net_timer_armed(const struct net_timer *t)
{
	return atomic_load_explicit(&t->cpu_plus_1, memory_order_relaxed);
}
/* The network's idea of now: arch_clock_ns time, or the simulator's. */
ktime_t net_now(void);
