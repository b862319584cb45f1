// SPDX-License-Identifier: MIT
/* Kernel threads: a function that runs in kernel_process with no address space. */
#include <stdarg.h>
#include <arch/thread.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/printf.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/vmalloc.h>
#include <tarn/work.h>
#include "sched.h"

struct kthread_start_args {
	int (*fn)(void *arg);
	void *arg;
};

static void kthread_main(void *data)
{
	struct kthread_start_args args = *(struct kthread_start_args *)data;

	kfree(data);
	thread_exit(args.fn(args.arg));
}

struct thread *kthread_start(int (*fn)(void *arg), void *arg, const char *name_fmt, ...)
{
	struct kthread_start_args *args = kmalloc(sizeof(*args), GFP_KERNEL);
	struct thread *t = thread_alloc();
	va_list ap;

	if (!args || !t || process_adopt_kthread(t) != 0) {
		if (t) {
			kstack_free(t->kstack);
			t->kstack = NULL;
			thread_put(t);
		}
		kfree(args);
		return ERR_PTR(-ENOMEM);
	}
	args->fn = fn;
	args->arg = arg;
	va_start(ap, name_fmt);
	vscnprintf(t->comm, sizeof(t->comm), name_fmt, ap);
	va_end(ap);
	sched_fork(t);
	arch_thread_init_kernel(t, kthread_main, args);
	sched_start(t);
	return t;
}
