// SPDX-License-Identifier: MIT
/*
 * Promised memory: how much private writable memory programs may ask for.
 *
 * vm_overcommit_memory, as proc_sys_vm(5) has it: 0 refuses only a single
 * request larger than all memory and swap; 1 refuses nothing; 2 keeps the sum of
 * promises below the limit.  Of that, all but the administrator leave
 * admin_reserve_kbytes free, so that one can still log in, and each process
 * leaves a part of what it has itself, up to user_reserve_kbytes, so that one
 * program alone cannot take all.
 *
 * Counted are private writable mappings, shared anonymous memory and System V
 * segments as a whole, and tmpfs files (memfd too) page by page as they fill.
 *
 * The sum is one atomic: it changes once a system call, or with a page of tmpfs.
 */
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "page_int.h"
#include "swap.h"

#define KB_TO_PAGES(kb) ((kb) >> (PAGE_SHIFT - 10))

u32 vm_overcommit_memory;
u32 vm_overcommit_ratio = 50;
u64 vm_overcommit_kbytes;
u64 vm_admin_reserve_kbytes = 8192;
u64 vm_user_reserve_kbytes = 131072;
u32 vm_max_map_count = 65530;
u64 vm_mmap_min_addr = 65536;

static _Atomic s64 committed;

u64 commit_used(void)
{
	return (u64)MAX(atomic_load_explicit(&committed, memory_order_relaxed), (s64)0);
}

u64 commit_limit(void)
{
	if (vm_overcommit_kbytes)
		return KB_TO_PAGES(vm_overcommit_kbytes) + swap_total_slots();
	return page_managed_frames() * vm_overcommit_ratio / 100 + swap_total_slots();
}

/* What current must leave free of the limit. */
static u64 reserve(void)
{
	u64 pages = capable(CAP_SYS_ADMIN) ? 0 : KB_TO_PAGES(READ_ONCE(vm_admin_reserve_kbytes));

	if (current->mm)
		pages += MIN((u64)current->mm->total_vm / 32,
			     KB_TO_PAGES(READ_ONCE(vm_user_reserve_kbytes)));
	return pages;
}

/* @pages of the @used ones are the question. */
static bool allowed(u64 pages, u64 used)
{
	if (vm_overcommit_memory == 1)
		return true;
	if (vm_overcommit_memory == 0)
		return pages <= page_managed_frames() + swap_total_slots();
	return used + reserve() < commit_limit();
}

bool mm_may_commit(u64 pages)
{
	return allowed(pages, commit_used() + pages);
}

void mm_count_committed(s64 pages)
{
	atomic_fetch_add_explicit(&committed, pages, memory_order_relaxed);
}

int mm_commit(u64 pages)
{
	mm_count_committed((s64)pages);
	if (allowed(pages, commit_used()))
		return 0;
	mm_uncommit(pages);
	return -ENOMEM;
}

void mm_uncommit(u64 pages)
{
	mm_count_committed(-(s64)pages);
}
