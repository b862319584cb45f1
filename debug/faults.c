// SPDX-License-Identifier: MIT
/*
 * Planted faults: one for each kind of error the debug kernel is to find (tarn.test=fault-...).
 *
 * Each test commits its error and must not come back: tests/system/test_debug_kernel.py asserts
 * what the console says.  tarn.test=all leaves them out.  The volatile variables keep the
 * compiler from seeing the error, and warning of it.
 */
#include <tarn/lock.h>
#include <tarn/page.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <tarn/vmalloc.h>
#include "planted.h"

static volatile size_t forty = 40;
static volatile int big = 0x7fffffff;
static volatile u8 sink;
static u8 table[40];

/* ---- KASan ---- */

FAULT(heap_write, "heap-write")
{
	volatile u8 *p = kmalloc(40, GFP_KERNEL);

	p[forty] = 1;
}

FAULT(heap_read, "heap-read")
{
	volatile u8 *p = kmalloc(40, GFP_KERNEL);

	sink = p[forty];
}

FAULT(heap_copy, "heap-copy")
{
	u8 *p = kzalloc(40, GFP_KERNEL), *q = kzalloc(64, GFP_KERNEL);

	memcpy(p, q, forty + 1);
	sink = p[0];
}

FAULT(large, "large-write")
{
	volatile u8 *p = kmalloc(20000, GFP_KERNEL);

	p[forty * 500] = 1;
}

FAULT(use_after_free, "use-after-free")
{
	volatile u8 *p = kmalloc(40, GFP_KERNEL);

	kfree((void *)p);
	p[8] = 1;
}

FAULT(double_free, "double-free")
{
	void *p = kmalloc(40, GFP_KERNEL), *q = kmalloc(40, GFP_KERNEL);

	kfree(p);
	kfree(q);
	kfree(p);
}

FAULT(inner_free, "inner-free")
{
	char *p = kmalloc(64, GFP_KERNEL);

	kfree(p + 16);
}

FAULT(page, "page-after-free")
{
	volatile u8 *p = pages_alloc(GFP_KERNEL, 0);

	pages_free((void *)p, 0);
	sink = p[100];
}

FAULT(stack, "stack-overflow")
{
	volatile u8 local[40];

	memset((void *)local, 0, sizeof(local));
	*((volatile u8 *)local + forty) = 1;
}

FAULT(global, "global-overflow")
{
	*(volatile u8 *)&table[forty] = 1;
}

FAULT(vmalloc_tail, "vmalloc-tail")
{
	volatile u8 *p = vmalloc(10000);

	p[forty * 250] = 1;
}

FAULT(vmalloc_guard, "vmalloc-guard")
{
	u64 *p = vmalloc(2 * PAGE_SIZE);

	/* Past the area, without the compiler's check: the unmapped page behind it. */
	__asm__ volatile("movq %%rax, (%0)" ::"r"((char *)p + 2 * PAGE_SIZE) : "memory");
}

/* A store that no compiler sees, as a device's or through a stale TLB entry. */
FAULT(free_page_store, "free-page-store")
{
	u64 *p = pages_alloc(GFP_KERNEL, 0), *again;

	pages_free(p, 0);
	__asm__ volatile("movq $1, 64(%0)" ::"r"(p) : "memory");
	do
		again = pages_alloc(GFP_KERNEL, 0);
	while (again && again != p);
}

/* ---- UBSan ---- */

FAULT(shift, "shift")
{
	sink = (u8)(1 << forty);
}

FAULT(overflow, "overflow")
{
	big = big + 1;
}

FAULT(index, "index")
{
	sink = table[forty];
}

FAULT(boolean, "bool")
{
	volatile u8 raw = 2;

	sink = *(volatile bool *)&raw;
}

/* ---- locks ---- */

FAULT(lock_order, "lock-order")
{
	struct spinlock high, low;

	spin_init(&high, "fault high", LR_SPIN_FIRST);
	spin_init(&low, "fault low", LR_LEAF);
	spin_lock(&low);
	spin_lock(&high);
	spin_unlock(&high);
	spin_unlock(&low);
}

FAULT(reclaim_lock, "reclaim-lock")
{
	struct mutex mutex;

	mutex_init(&mutex, "fault map", LR_FS_INODE_MAP);
	mutex_lock(&mutex);
	kfree(kmalloc(40, GFP_NOFS));
	kfree(kmalloc(40, GFP_KERNEL));
	mutex_unlock(&mutex);
}

FAULT(atomic_sleep, "atomic-sleep")
{
	struct spinlock spin;
	struct mutex mutex;

	spin_init(&spin, "fault spin", LR_LEAF);
	mutex_init(&mutex, "fault mutex", LR_SLEEP_LEAF);
	spin_lock(&spin);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	spin_unlock(&spin);
}

/* ---- the kernel stack ---- */

static NOINLINE int deeper(int n)
{
	volatile u8 local[256];

	local[0] = (u8)n;
	return n ? deeper(n + 1) + local[0] : 0;
}

FAULT(stack_depth, "stack-depth")
{
	sink = (u8)deeper(1);
}
