// SPDX-License-Identifier: MIT
/*
 * Read-copy-update, cheap because the kernel is not preempted: a read section
 * is any stretch without a blocking point, and a context switch, the idle loop
 * and user mode are quiescent.  kernel/sched/rcu.c.
 */
#pragma once

#include <stdatomic.h>

struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *h);
};

/* Marks the section for the reader and for debug builds, which panic on a sleep inside. */
void rcu_read_lock(void);
void rcu_read_unlock(void);
/* @fn(@h) runs in a kernel thread, irqs on, after every present reader is done.  Any context. */
void rcu_call(struct rcu_head *h, void (*fn)(struct rcu_head *h));
/* Waits for every present reader.  May sleep. */
void rcu_synchronize(void);
/* The scheduler and the idle loop report here. */
void rcu_quiescent(void);

#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_assign(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
