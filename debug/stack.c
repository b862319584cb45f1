// SPDX-License-Identifier: MIT
/*
 * How deep kernel stacks get: each is painted when it is made, and when its thread is gone, the
 * lowest byte that lost its paint tells.  A new maximum is logged once, with the thread's name, and
 * /proc/stack-depth shows it.
 *
 * The paint is renewed where the thread wrote, so that the next one's depth is its own.
 */
#include <tarn/printk.h>
#include <tarn/proc.h>
#include <tarn/stack.h>
#include <tarn/string.h>
#include <tarn/thread.h>

#define PAINT 0x5353535353535353ul
#define LOG_STEP 512 /* smaller steps are not worth a line */

void *memset_unchecked(void *dst, int c, size_t n);

static struct spinlock deepest_lock = SPINLOCK_INIT("stack depth", LR_LEAF);
static size_t deepest GUARDED_BY(&deepest_lock);
static char deepest_name[16] GUARDED_BY(&deepest_lock);

void stack_paint(void *stack)
{
	memset_unchecked(stack, (u8)PAINT, KSTACK_SIZE);
}

void stack_reuse(void *stack)
{
	*(u64 *)stack = PAINT;
}

static size_t stack_used(const void *stack)
{
	const u64 *word = stack;
	size_t n = 0;

	while (n < KSTACK_SIZE / sizeof(u64) && word[n] == PAINT)
		n++;
	return KSTACK_SIZE - n * sizeof(u64);
}

void stack_measure(const struct thread *t)
{
	size_t used = stack_used(t->kstack);
	bool news;
	u64 flags;

	memset_unchecked((char *)t->kstack + KSTACK_SIZE - used, (u8)PAINT, used);
	flags = spin_lock_irqsave(&deepest_lock);
	news = used >= deepest + LOG_STEP;
	if (used > deepest) {
		deepest = used;
		strscpy(deepest_name, t->comm, sizeof(deepest_name));
	}
	spin_unlock_irqrestore(&deepest_lock, flags);
	if (news)
		pr_info("stack: %s (%d) used %zu bytes of %u", t->comm, t->tid, used, KSTACK_SIZE);
}

static int depth_show(struct strbuf *out)
{
	char name[16];
	size_t used;
	u64 flags = spin_lock_irqsave(&deepest_lock);

	used = deepest;
	strscpy(name, deepest_name, sizeof(name));
	spin_unlock_irqrestore(&deepest_lock, flags);
	strbuf_printf(out, "%zu of %u %s\n", used, KSTACK_SIZE, name);
	return 0;
}

static const struct proc_entry depth_entry = { .path = "stack-depth", .show = depth_show };
SECTION_SET(proc_entries, depth_entry);
