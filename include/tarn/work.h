// SPDX-License-Identifier: MIT
/* Kernel threads and deferred work.  kernel/sched/kthread.c, work.c. */
#pragma once

#include <tarn/list.h>
#include <tarn/time.h>

struct thread;

/* Starts a kernel thread; it runs in process 2's group (kthreadd-like) with no mm.  ERR_PTR(-ENOMEM). */
struct thread *kthread_start(int (*fn)(void *arg), void *arg, const char *name_fmt, ...)
	PRINTF_LIKE(3, 4);

struct work {
	struct list node;
	void (*fn)(struct work *w);
	bool pending;
};
void work_init(struct work *w, void (*fn)(struct work *w));
/* Runs once soon in a worker thread, irqs on, may sleep.  Any context.  False: was pending already. */
bool work_queue(struct work *w);
/* Waits until it neither runs nor is pending. */
void work_flush(struct work *w);

struct delayed_work {
	struct work work;
	struct timer timer;
};
void delayed_work_init(struct delayed_work *d, void (*fn)(struct work *w));
void delayed_work_queue(struct delayed_work *d, u64 delay_ns);
void delayed_work_cancel_sync(struct delayed_work *d);
