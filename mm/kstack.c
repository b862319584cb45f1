// SPDX-License-Identifier: MIT
/*
 * Kernel stacks: 16 KiB each, with as much unmapped space below, so that an
 * overflow faults instead of overwriting.
 *
 * The window is an array of 32 KiB slots; a slot's lower half is never mapped.
 *
 *   slot:  | guard, unmapped 16 KiB | stack 16 KiB | next slot's guard ...
 *
 * Life of a stack:  mapped -> in use <-> cached (per CPU, then shared)
 *   Freed stacks stay mapped: kstack_free runs in the scheduler with interrupts
 *   off, where no TLB flush may wait.  Beyond a limit a worker unmaps the
 *   surplus; a slot without memory is on the list of bare slots.
 *
 * Locks: stacks_lock (LR_LEAF, irqs off).  The per-CPU cache: irqs off.
 */
#include <tarn/cpu.h>
#include <tarn/kasan.h>
#include <tarn/slab.h>
#include <tarn/stack.h>
#include <tarn/thread.h>
#include <tarn/vmalloc.h>
#include <tarn/work.h>
#include "mm_int.h"
#include "vmalloc_int.h"
#include "vmstat.h"

#define SLOT_SIZE (2 * KSTACK_SIZE)
#define STACK_PAGES (KSTACK_SIZE >> PAGE_SHIFT)
#define CPU_CACHE 4
#define SHARED_MAX 64u
#define SLOTS_MAX (KSTACK_SPAN / 2 / SLOT_SIZE) /* they begin in the first half of the window */

/* A free stack's link lies in its own lowest bytes. */
struct free_stack {
	struct free_stack *next;
};

/* Slots whose memory was given back: numbers, in a growing array. */
struct bare_slots {
	u32 *slot;
	u32 count, cap;
};

struct cpu_stacks {
	u32 count;
	void *stack[CPU_CACHE];
};
static DEFINE_PERCPU(struct cpu_stacks, cpu_stacks);

static struct spinlock stacks_lock = SPINLOCK_INIT("kstacks", LR_LEAF);
static struct free_stack *shared GUARDED_BY(&stacks_lock);
static u32 nr_shared GUARDED_BY(&stacks_lock);
static struct bare_slots bare GUARDED_BY(&stacks_lock);
static u32 next_slot GUARDED_BY(&stacks_lock);
static struct work trim_work;
static bool trim_ready;

static void *slot_stack(u32 slot)
{
	return (void *)(kernel_at.stacks + (u64)slot * SLOT_SIZE + KSTACK_SIZE);
}

static u32 stack_slot(const void *stack)
{
	return (u32)(((u64)stack - kernel_at.stacks) / SLOT_SIZE);
}

static void *take_cached(void)
{
	u64 flags = irq_save();
	struct cpu_stacks *c = this_percpu(cpu_stacks);
	void *s = c->count ? c->stack[--c->count] : NULL;

	irq_restore(flags);
	return s;
}

static void *take_shared(void)
{
	u64 flags = spin_lock_irqsave(&stacks_lock);
	struct free_stack *s = shared;

	if (s) {
		shared = s->next;
		nr_shared--;
	}
	spin_unlock_irqrestore(&stacks_lock, flags);
	return s;
}

static bool take_slot(u32 *slot)
{
	u64 flags = spin_lock_irqsave(&stacks_lock);
	bool ok = true;

	if (bare.count)
		*slot = bare.slot[--bare.count];
	else if (next_slot < SLOTS_MAX)
		*slot = next_slot++;
	else
		ok = false;
	spin_unlock_irqrestore(&stacks_lock, flags);
	return ok;
}

/* Makes the bare list long enough for every slot handed out so far; may sleep. */
static bool bare_reserve(void)
{
	u32 want = READ_UNLOCKED(next_slot);
	u32 *new, *old;
	u64 flags;

	if (READ_UNLOCKED(bare.cap) >= want)
		return true;
	want = want * 2 + 64;
	new = kmalloc(want * sizeof(*new), GFP_KERNEL);
	if (!new)
		return false;
	flags = spin_lock_irqsave(&stacks_lock);
	if (bare.cap < want) {
		for (u32 i = 0; i < bare.count; i++)
			new[i] = bare.slot[i];
		old = bare.slot;
		bare.slot = new;
		bare.cap = want;
	} else {
		old = new; /* somebody put a longer one there while we slept */
	}
	spin_unlock_irqrestore(&stacks_lock, flags);
	kfree(old);
	return true;
}

static void put_bare(u32 slot)
{
	u64 flags = spin_lock_irqsave(&stacks_lock);

	if (bare.count < bare.cap) /* else its addresses are lost: there are millions */
		bare.slot[bare.count++] = slot;
	spin_unlock_irqrestore(&stacks_lock, flags);
}

/* With the shadow the last owner's frames left. */
static void *stack_get(void)
{
	void *s = take_cached();
	u32 slot;

	if (!s)
		s = take_shared();
	if (s)
		return s;
	if (!take_slot(&slot))
		return NULL;
	s = slot_stack(slot);
	if (!vmalloc_map((u64)s, STACK_PAGES, GFP_KERNEL)) {
		if (bare_reserve())
			put_bare(slot);
		return NULL;
	}
	vm_count(VM_KSTACKS, STACK_PAGES);
	kasan_unpoison(s, KSTACK_SIZE);
	stack_paint(s);
	return s;
}

void *kstack_alloc(void)
{
	void *s = stack_get();

	if (s) {
		kasan_unpoison(s, KSTACK_SIZE);
		stack_reuse(s);
	}
	return s;
}

void kstack_free(void *stack)
{
	struct free_stack *s = stack;
	u64 flags = irq_save();
	struct cpu_stacks *c = this_percpu(cpu_stacks);
	bool surplus;

	if (c->count < CPU_CACHE) {
		c->stack[c->count++] = stack;
		irq_restore(flags);
		return;
	}
	spin_lock(&stacks_lock);
	s->next = shared;
	shared = s;
	surplus = ++nr_shared > SHARED_MAX;
	spin_unlock(&stacks_lock);
	irq_restore(flags);
	if (surplus && trim_ready)
		work_queue(&trim_work);
}

/* Up to @n shared stacks back to the page allocator; how many. */
static u64 trim(u64 n)
{
	u64 done = 0;

	while (done < n && bare_reserve()) {
		void *s = take_shared();

		if (!s)
			break;
		vmalloc_unmap((u64)s, STACK_PAGES);
		vm_count(VM_KSTACKS, -(s64)STACK_PAGES);
		put_bare(stack_slot(s));
		done++;
	}
	return done;
}

static void trim_surplus(struct work *w)
{
	u32 n = READ_UNLOCKED(nr_shared);

	if (n > SHARED_MAX / 2)
		trim(n - SHARED_MAX / 2);
}

static u64 stacks_count(void)
{
	return READ_UNLOCKED(nr_shared);
}

static u64 stacks_scan(u64 n, gfp_t gfp)
{
	return trim(n);
}

static struct shrinker stacks_shrinker = {
	.name = "kernel stacks",
	.count = stacks_count,
	.scan = stacks_scan,
};

void kstack_init(void)
{
	work_init(&trim_work, trim_surplus);
	shrinker_register(&stacks_shrinker);
	trim_ready = true;
}

/* Asked while a fault is handled: whoever holds the lock may be what faulted. */
bool kstack_is_guard(u64 addr)
{
	u64 end = kernel_at.stacks + (u64)READ_UNLOCKED(next_slot) * SLOT_SIZE;

	return addr >= kernel_at.stacks && addr < end &&
	       (addr - kernel_at.stacks) % SLOT_SIZE < KSTACK_SIZE;
}
