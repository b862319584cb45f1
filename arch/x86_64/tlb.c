// SPDX-License-Identifier: MIT
/*
 * Which tables a CPU runs on, and making all CPUs forget an entry.
 *
 * mm->cpus has a CPU's bit from before it loads the mm's root until after it
 * has loaded another.  A flusher changes page table entries, then reads mm->cpus:
 *
 *   flusher                          switching CPU
 *   (A) change entry, full barrier   (C) mm->cpus |= bit (atomic: full barrier)
 *   (B) read mm->cpus                (D) load CR3, walk tables
 *
 * Either (B) sees (C) and sends the interrupt, or (D) comes after (A).
 *
 * A kernel thread keeps the tables of the thread before it (lazy): coming back
 * costs nothing.  The first flush of that mm makes the CPU drop to the kernel's
 * own tables instead, and it is not disturbed again.
 */
#include <arch/mmu.h>
#include <tarn/cpu.h>
#include <tarn/mm.h>
#include <tarn/thread.h>
#include "x86.h"

/* Beyond so many pages a whole flush is cheaper. */
#define FLUSH_PAGES_MAX 32

static void load_mm(struct cpu *c, struct mm *mm)
{
	struct mm *old = c->arch.loaded_mm;

	if (mm) {
		mm_hold(mm);
		atomic_fetch_or(&mm->cpus, BIT(c->id));
	}
	c->arch.loaded_mm = mm;
	write_cr3(virt_to_phys(mm ? mm->root : kernel_mm.root));
	if (old) {
		atomic_fetch_and(&old->cpus, ~BIT(c->id));
		mm_drop(old);
	}
}

void mmu_switch(struct mm *mm)
{
	struct cpu *c = this_cpu();

	if (!mm || mm == &kernel_mm) {
		c->arch.lazy_tlb = true;
		return;
	}
	c->arch.lazy_tlb = false;
	if (c->arch.loaded_mm != mm)
		load_mm(c, mm);
}

/* ---- flushing ---- */

struct flush {
	struct mm *mm; /* NULL: the kernel's half */
	u64 start, end;
};

static void flush_all_local(void)
{
	u64 cr4 = read_cr4();

	if (cr4 & X86_CR4_PGE) { /* global entries too */
		write_cr4(cr4 & ~(u64)X86_CR4_PGE);
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
}

/* Interrupts off. */
static void flush_here(const struct flush *f)
{
	struct cpu *c = this_cpu();

	if (f->mm && f->mm != c->arch.loaded_mm)
		return;
	if (f->mm && c->arch.lazy_tlb) {
		load_mm(c, NULL);
		return;
	}
	if (f->end - f->start > FLUSH_PAGES_MAX * PAGE_SIZE) {
		if (f->mm)
			write_cr3(read_cr3());
		else
			flush_all_local();
		return;
	}
	for (u64 a = f->start; a < f->end; a += PAGE_SIZE)
		invlpg(a);
}

static void flush_call(void *arg)
{
	flush_here(arg);
}

static void flush(struct flush *f)
{
	u64 flags = irq_save();
	u64 others;

	flush_here(f);
	irq_restore(flags);
	atomic_thread_fence(memory_order_seq_cst); /* (A): a plain store may have made the change */
	others = f->mm ? atomic_load(&f->mm->cpus) : ~0ul;
	others &= ~BIT(cpu_id());
	if (others)
		cpu_call_mask(others, flush_call, f);
}

void tlb_flush_range(struct mm *mm, u64 start, u64 end)
{
	struct flush f = { mm == &kernel_mm ? NULL : mm, ALIGN_DOWN(start, PAGE_SIZE), end };

	flush(&f);
}

void tlb_flush_mm(struct mm *mm)
{
	struct flush f = { mm == &kernel_mm ? NULL : mm, 0, ~0ul };

	flush(&f);
}

void tlb_flush_local(u64 addr)
{
	invlpg(addr);
}
