// SPDX-License-Identifier: MIT
/*
 * Promised memory: how much private writable memory programs may ask for.
 *
 * vm_overcommit_memory, as proc_sys_vm(5) has it: 0 refuses only a single
 * request larger than all memory; 1 refuses nothing; 2 keeps the sum of
 * promises below the limit, of which 3 % are kept for root.
 *
 * The sum is one atomic: it changes once a system call, not once a page.
 */
#include <tarn/cred.h>
#include <tarn/errno.h>
#include "mm_int.h"
#include "page_int.h"

u32 vm_overcommit_memory;
u32 vm_overcommit_ratio = 50;
u64 vm_overcommit_kbytes;
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
		return vm_overcommit_kbytes >> (PAGE_SHIFT - 10);
	return page_managed_frames() * vm_overcommit_ratio / 100;
}

static bool allowed(u64 pages)
{
	u64 limit;

	if (vm_overcommit_memory == 1)
		return true;
	if (vm_overcommit_memory == 0)
		return pages <= page_managed_frames();
	limit = commit_limit();
	if (!capable(CAP_SYS_ADMIN))
		limit -= limit / 32;
	return commit_used() <= limit;
}

int mm_commit(u64 pages)
{
	atomic_fetch_add_explicit(&committed, (s64)pages, memory_order_relaxed);
	if (allowed(pages))
		return 0;
	mm_uncommit(pages);
	return -ENOMEM;
}

void mm_uncommit(u64 pages)
{
	atomic_fetch_sub_explicit(&committed, (s64)pages, memory_order_relaxed);
}
