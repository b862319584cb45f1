// SPDX-License-Identifier: MIT
/*
 * System call dispatch.  The table is made from abi/syscall.tbl.
 *
 * A call that is not there returns ENOSYS and is logged once for each number, so
 * the log tells what a distribution misses without filling: every program's C
 * library probes some (rseq), and a program may choose its name and any number.
 */
#include <arch/frame.h>
#include <arch/thread.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/nospec.h>
#include <tarn/printk.h>
#include <tarn/signal.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

struct syscall_entry {
	syscall_fn *fn;
	const char *name;
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-function-type" /* every handler takes its arguments from six registers */
static const struct syscall_entry table[] = {
#include <syscall_table.inc>
};
#pragma GCC diagnostic pop

/* Name of call @number, NULL if there is none. */
static const char *syscall_name(u64 number)
{
	return number < ARRAY_SIZE(table) ? table[number].name : NULL;
}

static _Atomic bool logged[ARRAY_SIZE(table) + 1]; /* [a] the last is for all numbers beyond the table */

static void log_absent(u64 number)
{
	const char *name = syscall_name(number);

	if (atomic_exchange(&logged[MIN(number, ARRAY_SIZE(table))], true))
		return;
	pr_debug("%s[%d]: system call %llu (%s) is not there", current->comm, current->tid,
		(unsigned long long)number, name ? name : "unknown");
}

void syscall_dispatch(struct regs *regs)
{
	u64 number = regs_call_number(regs);
	long ret;

	if (likely(number < ARRAY_SIZE(table) && table[number].fn)) {
		number = index_nospec(number, ARRAY_SIZE(table));
		ret = table[number].fn(regs_call_arg(regs, 0), regs_call_arg(regs, 1),
				       regs_call_arg(regs, 2), regs_call_arg(regs, 3),
				       regs_call_arg(regs, 4), regs_call_arg(regs, 5));
	} else {
		log_absent(number);
		ret = -ENOSYS;
	}
	regs_set_result(regs, (u64)ret);
}
