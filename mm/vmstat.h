// SPDX-License-Identifier: MIT
/*
 * Per-CPU event and page counters, summed when somebody asks.  A CPU's own
 * counter is changed without a lock: between two blocking points for most,
 * with interrupts off for those an interrupt handler changes too (marked irq).
 * A page may be counted up on one CPU and down on another: only sums mean
 * anything.
 */
#pragma once

#include <tarn/cpu.h>
#include <tarn/page.h>

enum vm_counter {
	VM_PAGES_FIRST,                             /* irq: one for each enum page_state */
	VM_ALLOC = VM_PAGES_FIRST + PS_COUNT,       /* irq */
	VM_FREE,                                    /* irq */
	VM_KSTACKS,                                 /* pages */
	VM_VMALLOC,                                 /* pages mapped there, the kernel's stacks too */
	VM_FAULT,
	VM_MAJFAULT,
	VM_PGIN,                                    /* pages read into the cache; irq */
	VM_PGOUT,                                   /* irq */
	VM_DIRTY,                                   /* irq */
	VM_WRITEBACK,                               /* irq */
	VM_SHMEM,
	VM_MAPPED,                                  /* pages of files that page tables show */
	VM_SCANNED,
	VM_RECLAIMED,
	VM_OOM_KILLS,
	VM_SWAPIN,                                  /* pages read from swap */
	VM_SWAPOUT,                                 /* pages written to it */
	VM_ANON_LEAVES,                             /* 2 MiB entries */
	VM_THP_ALLOC,
	VM_THP_FALLBACK,
	VM_THP_SPLIT,
	VM_COUNTERS,
};

struct vm_counters {
	s64 n[VM_COUNTERS];
} CACHE_ALIGNED;
DECLARE_PERCPU(struct vm_counters, vm_counters);

/* Not from interrupt handlers, or with interrupts off. */
static inline void vm_count(enum vm_counter c, s64 delta)
{
	this_percpu(vm_counters)->n[c] += delta;
}
static inline void vm_count_irq(enum vm_counter c, s64 delta)
{
	u64 flags = irq_save();

	this_percpu(vm_counters)->n[c] += delta;
	irq_restore(flags);
}
/* Never below 0. */
u64 vm_sum(enum vm_counter c);
