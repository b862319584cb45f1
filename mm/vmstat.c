// SPDX-License-Identifier: MIT
/* Sums of the per-CPU counters, and the picture of memory that /proc/meminfo shows. */
#include <tarn/pagecache.h>
#include "mm_int.h"
#include "page_int.h"
#include "slab_int.h"
#include "swap.h"
#include "vmstat.h"

DEFINE_PERCPU(struct vm_counters, vm_counters);

u64 vm_sum(enum vm_counter c)
{
	s64 sum = 0;

	if (nr_cpus <= 1)
		return (u64)MAX(this_percpu(vm_counters)->n[c], (s64)0);
	FOR_EACH_CPU(cpu)
		sum += READ_ONCE(percpu_of(vm_counters, cpu)->n[c]);
	return (u64)MAX(sum, (s64)0);
}

static u64 pages_in_state(enum page_state s)
{
	return vm_sum(VM_PAGES_FIRST + s);
}

/*
 * Free pages above the mark below which reclaim begins, and of what can be
 * dropped the part that is not needed at once: half, at most that mark.
 */
static u64 available(const struct mem_stats *m)
{
	u64 files = m->active_file + m->inactive_file, objects = m->slab_reclaimable;
	u64 low = page_marks.low;

	return (m->free > low ? m->free - low : 0) + files - MIN(files / 2, low) + objects -
	       MIN(objects / 2, low);
}

void mem_get_stats(struct mem_stats *out)
{
	u64 used = 0;

	*out = (struct mem_stats){ 0 };
	for (enum page_state s = PS_KERNEL; s < PS_TAIL; s++)
		used += pages_in_state(s);
	out->total = page_managed_frames();
	out->free = out->total > used ? out->total - used : 0;
	out->reserved = page_ram_frames() - out->total;
	out->cached = pages_in_state(PS_CACHE);
	out->anon = pages_in_state(PS_ANON);
	out->slab = pages_in_state(PS_SLAB);
	out->slab_reclaimable = MIN(slab_reclaimable_pages(), out->slab);
	out->tables = pages_in_state(PS_TABLE);
	out->kstacks = vm_sum(VM_KSTACKS);
	out->vmalloc = vm_sum(VM_VMALLOC);
	lru_get_sizes(&out->active_file, &out->inactive_file);
	out->active_anon = out->anon;
	out->dirty = vm_sum(VM_DIRTY);
	out->writeback = vm_sum(VM_WRITEBACK);
	out->mapped = vm_sum(VM_MAPPED);
	out->shmem = vm_sum(VM_SHMEM);
	out->swap_total = swap_total_slots();
	out->swap_free = swap_free_slots();
	out->swap_cached = swap_cached_pages();
	out->pswpin = vm_sum(VM_SWAPIN);
	out->pswpout = vm_sum(VM_SWAPOUT);
	out->committed = commit_used();
	out->commit_limit = commit_limit();
	out->pgfault = vm_sum(VM_FAULT);
	out->pgmajfault = vm_sum(VM_MAJFAULT);
	out->pgpgin = vm_sum(VM_PGIN);
	out->pgpgout = vm_sum(VM_PGOUT);
	out->pgalloc = vm_sum(VM_ALLOC);
	out->pgfree = vm_sum(VM_FREE);
	out->oom_kills = vm_sum(VM_OOM_KILLS);
	out->available = available(out);
	out->anon_huge = vm_sum(VM_ANON_LEAVES) * HUGE_FRAMES;
	out->thp_alloc = vm_sum(VM_THP_ALLOC);
	out->thp_fallback = vm_sum(VM_THP_FALLBACK);
	out->thp_split = vm_sum(VM_THP_SPLIT);
}
