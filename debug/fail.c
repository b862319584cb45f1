// SPDX-License-Identifier: MIT
/*
 * Failing allocations on purpose: each page_alloc() and kmem_cache_alloc() in scope - so kmalloc,
 * vmalloc, page tables and user memory too - counts down, and the one that reaches zero gets NULL.
 *
 *   echo N   >/proc/fail-nth     the Nth allocation of the writer and its children from now on fails
 *   echo N,M >/proc/fail-nth     and every Mth after it
 *   echo 0   >/proc/fail-nth     no more; does not put the writer in scope
 *   cat /proc/fail-nth           how many are still to come; 0: it has happened
 *   tarn.fail=N[,M]              the same for every thread, from the start of the first program
 *
 * There is one countdown for the machine; children inherit their maker's scope.  Interrupt handlers
 * are out of scope, because whom they interrupt is chance.  Each refusal is logged with its callers.
 */
#include <stdatomic.h>
#include <arch/boot.h>
#include <tarn/cmdline.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/fail.h>
#include <tarn/panic.h>
#include <tarn/parse.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/proc.h>
#include <tarn/string.h>
#include <tarn/thread.h>

#define CALLERS 8

static _Atomic s64 countdown; /* [a] allocations until one fails; 0 and less: none will */
static _Atomic s64 interval;  /* [a] then again after so many; 0: once */
static _Atomic bool everybody; /* [a] every thread is in scope */

struct callers {
	u32 seen, skip;
	size_t len;
	char text[400];
};

static void add_caller(void *arg, u64 addr)
{
	struct callers *c = arg;
	char name[64];

	if (c->seen++ < c->skip || c->seen > c->skip + CALLERS)
		return;
	if (!symbol_format(addr - 1, name, sizeof(name)))
		return;
	if (strchr(name, '+'))
		*strchr(name, '+') = '\0';
	c->len += (size_t)scnprintf(c->text + c->len, sizeof(c->text) - c->len, " < %s", name);
}

static NOINLINE void report(size_t size)
{
	struct callers c = { .skip = 3 };

	arch_backtrace(NULL, add_caller, &c);
	printk(LOG_NOTICE, "fail: %s (%d) gets no %zu bytes%s", current->comm, current->tid, size,
	       c.text);
}

static bool in_scope(void)
{
	const struct thread *t = current;

	return t && (t->flags & TF_FAIL || atomic_load_explicit(&everybody, memory_order_relaxed)) &&
	       !this_cpu()->irq_depth;
}

bool fail_allocation(size_t size, gfp_t gfp)
{
	s64 left;

	if (likely(atomic_load_explicit(&countdown, memory_order_relaxed) <= 0) || !in_scope())
		return false;
	left = atomic_fetch_sub(&countdown, 1) - 1;
	if (left)
		return false;
	atomic_store(&countdown, atomic_load(&interval));
	report(size);
	return true;
}

void fail_inherit(struct thread *child)
{
	child->flags |= current->flags & TF_FAIL;
}

/* "N" or "N,M", perhaps with a new line. */
static int arm(const char *text)
{
	u64 first, again = 0;

	if (parse_u64_prefix(&text, 10, &first))
		return -EINVAL;
	if (*text == ',' ? parse_u64(text + 1, 10, &again) != 0 : *text && !str_eq(text, "\n"))
		return -EINVAL;
	atomic_store(&countdown, 0);
	atomic_store(&interval, (s64)again);
	atomic_store(&countdown, (s64)first);
	return 0;
}

void fail_from_cmdline(void)
{
	char text[48];

	if (cmdline_find("tarn.fail", 0, text, sizeof(text)) && arm(text) == 0)
		atomic_store(&everybody, true);
}

static int fail_show(struct strbuf *out)
{
	s64 left = atomic_load(&countdown);

	strbuf_printf(out, "%ld\n", (long)MAX(left, 0));
	return 0;
}

static ssize_t fail_write(const char *text, size_t n)
{
	int err = arm(text);

	if (!err && atomic_load(&countdown) > 0)
		current->flags |= TF_FAIL;
	return err ? err : (ssize_t)n;
}

static const struct proc_entry fail_entry = {
	.path = "fail-nth",
	.show = fail_show,
	.write = fail_write,
};
SECTION_SET(proc_entries, fail_entry);
