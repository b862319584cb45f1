// SPDX-License-Identifier: MIT
/*
 * Page faults: who is at fault, the program or its pages?
 *
 * A fault takes map_lock shared, finds the mapping, checks the permission and
 * hands over to fault_anon.c or fault_file.c.  0 means "try the instruction
 * again": somebody else may have been faster, or a stack was grown.
 *
 *   entry      access       mapping            what happens
 *   none       read         anonymous          the zero page, read-only
 *   none       write        anonymous          a zeroed page, or 2 MiB of them (huge.c)
 *   none       any          file               page cache page (copied if private and written)
 *   swap       any          -                  the page comes back, writable if it is ours alone
 *   read-only  write        private            copy, or reuse if nobody else has the page
 *   read-only  write        shared             make_writable, dirty, writable
 *   writable   any          -                  stale TLB entry: forgotten
 *
 * A write needs VM_WRITE, always.
 */
#include <arch/pkeys.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <tarn/errno.h>
#include <tarn/process.h>
#include "mm_int.h"
#include "page_int.h"
#include "pgtable.h"
#include "swap.h"
#include "vma.h"
#include "vmstat.h"

struct page *zero_page;

void fault_init(void)
{
	zero_page = page_alloc_one(GFP_KERNEL | GFP_ZERO, PS_KERNEL);
	if (!zero_page)
		boot_fail("not enough memory for the zero page");
}

/* Another's address space is looked at whatever one's own keys say. */
static ALWAYS_INLINE bool key_ok(const struct vma *v, u32 fault_flags)
{
	return fault_flags & FAULT_EXEC ||
	       arch_pkey_allows(vma_pkey(v), fault_flags & FAULT_WRITE) || v->mm != current->mm;
}

static bool access_ok(const struct vma *v, u32 fault_flags)
{
	if (unlikely(!key_ok(v, fault_flags)))
		return false;
	if (fault_flags & FAULT_WRITE)
		return v->flags & VM_WRITE;
	if (fault_flags & FAULT_EXEC)
		return v->flags & VM_EXEC;
	return v->flags & (VM_READ | VM_WRITE | VM_EXEC);
}

/* ---- the growing stack ---- */

static bool guard_gap_ok(struct vma *v, u64 start)
{
	struct vma *prev = vma_prev(v);

	if (start < STACK_GUARD_GAP)
		return false;
	if (!prev || !(prev->flags & (VM_READ | VM_WRITE | VM_EXEC)) || prev->flags & VM_GROWSDOWN)
		return !prev || prev->end <= start;
	return prev->end <= start - STACK_GUARD_GAP;
}

int expand_stack(struct vma *v, u64 addr)
{
	struct mm *mm = v->mm;
	u64 start = ALIGN_DOWN(addr, PAGE_SIZE);
	u64 pages = (v->start - start) >> PAGE_SHIFT;

	if (start >= v->start)
		return 0;
	if (v->end - start > rlimit_cur(RLIMIT_STACK) || start < vm_mmap_min_addr ||
	    !guard_gap_ok(v, start) || check_limits(mm, pages, v->flags))
		return -ENOMEM;
	if (v->flags & VM_LOCKED && check_lock_limit(mm, pages))
		return -ENOMEM;
	if (v->flags & VM_ACCOUNT && mm_commit(pages))
		return -ENOMEM;
	vma_set_bounds(v, start, v->end);
	return 0;
}

/* With map_lock held exclusively for a moment; shared again on return (the checker knows no downgrade). */
static struct vma *grow_to(struct mm *mm, u64 addr) NO_LOCK_CHECK
{
	struct vma *v;

	rwsem_read_unlock(&mm->map_lock);
	rwsem_write_lock(&mm->map_lock);
	v = vma_find(mm, addr);
	if (v && v->start > addr && (!(v->flags & VM_GROWSDOWN) || expand_stack(v, addr)))
		v = NULL;
	rwsem_downgrade(&mm->map_lock);
	return v;
}

static struct vma *find_or_grow(struct mm *mm, u64 addr)
{
	struct vma *v = vma_find(mm, addr);

	if (!v || v->start <= addr)
		return v;
	return v->flags & VM_GROWSDOWN ? grow_to(mm, addr) : NULL;
}

/* ---- one page ---- */

int fault_in_page(struct vma *v, u64 addr, bool write, bool *major)
{
	pte_t e = pt_peek(v->mm, addr);

	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	if (pte_mapped(e)) {
		if (!write || e.v & PTE_WRITE) {
			tlb_flush_local(addr);
			return 0;
		}
		if (pte_leaf(e) && huge_reuse(v, addr))
			return 0;
		return v->flags & VM_SHARED ? fault_shared_write(v, addr) : fault_cow(v, addr);
	}
	if (pte_swap(e))
		return fault_swap(v, addr, e, write, GFP_USER, major);
	return vma_is_anon(v) ? fault_anon(v, addr, write) : fault_file(v, addr, write, major);
}

/* ---- from the trap ---- */

static void count_fault(bool major)
{
	vm_count(major ? VM_MAJFAULT : VM_FAULT, 1);
	if (major)
		current->maj_flt++;
	else
		current->min_flt++;
}

#define RECLAIM_TRIES 4

/*
 * Something could not be had: make room, or let others run, then try again.  It may have been asked for
 * under a spinlock, without reclaim (a tree's node): so that comes before anybody is killed.
 */
static int wait_for_memory(unsigned int *tries)
{
	if (fatal_signal_pending())
		return -1;
	if (++*tries > 100)
		return SIGKILL;
	if (page_free_frames() > page_marks.low) { /* what was missing was not frames, or they came back */
		sleep_ns(NSEC_PER_MSEC);
		return 0;
	}
	if (*tries <= RECLAIM_TRIES && reclaim_pages(64, GFP_USER))
		return 0;
	if (!oom_kill(GFP_USER, 0))
		sleep_ns(10 * NSEC_PER_MSEC);
	return 0;
}

/* 0, a signal with *code, or -ENOMEM. */
static int fault_once(struct mm *mm, u64 addr, u32 fault_flags, int *code, bool *throttle)
{
	bool write = fault_flags & FAULT_WRITE, major = false;
	struct vma *v;
	int err = 0;

	rwsem_read_lock(&mm->map_lock);
	v = find_or_grow(mm, addr);
	if (!v) {
		*code = SEGV_MAPERR;
		err = SIGSEGV;
	} else if (!access_ok(v, fault_flags)) {
		*code = key_ok(v, fault_flags) ? SEGV_ACCERR : SEGV_PKUERR;
		err = SIGSEGV;
	} else {
		*throttle = write && v->flags & VM_SHARED && v->file;
		err = fault_in_page(v, addr, write, &major);
		count_fault(major);
	}
	rwsem_read_unlock(&mm->map_lock);
	if (err < 0 && err != -ENOMEM) {
		*code = BUS_ADRERR;
		err = err == -EINTR ? 0 : SIGBUS; /* interrupted: only by death */
	}
	return err;
}

int mm_fault(u64 addr, u32 fault_flags, int *code)
{
	struct mm *mm = current->mm;
	unsigned int tries = 0;
	bool throttle = false;
	int err;

	if (!mm || addr >= USER_END) {
		*code = SEGV_MAPERR;
		return SIGSEGV;
	}
	while ((err = fault_once(mm, addr, fault_flags, code, &throttle)) == -ENOMEM) {
		err = wait_for_memory(&tries);
		if (err)
			return err;
	}
	if (!err && fatal_signal_pending() && !(fault_flags & FAULT_USER))
		return -1;
	if (!err && throttle)
		balance_dirty();
	return err;
}

/* ---- in advance ---- */

#define POPULATE_BATCH 64 /* pages with map_lock held at a stretch */

static bool populate_write(const struct vma *v, enum populate how)
{
	if (how == POPULATE_WRITE)
		return true;
	return how != POPULATE_READ && (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
}

/* mmap and mlock: what was mapped may be gone again. */
static bool passes_holes(enum populate how)
{
	return how == POPULATE_AS_MAPPED || how == POPULATE_LOCKED;
}

/* @v has no pages to bring in. */
static int populate_refused(const struct vma *v, enum populate how)
{
	if (how == POPULATE_LOCKED)
		return v->flags & VM_IO ? 0 : -EFAULT;
	return how == POPULATE_AS_MAPPED ? 0 : -EINVAL;
}

static bool entry_suits(struct mm *mm, u64 addr, bool write)
{
	pte_t e = pt_peek(mm, addr);

	return pte_mapped(e) && (!write || e.v & PTE_WRITE);
}

/* A few tries: a page may be truncated or reclaimed under us each time. */
static int populate_page(struct vma *v, u64 addr, bool write)
{
	bool major = false;
	int err = 0;

	for (int try = 0; try < 10 && !err; try++) {
		if (entry_suits(v->mm, addr, write))
			return 0;
		err = fault_in_page(v, addr, write, &major);
	}
	return err;
}

/* One batch from *addr on, which moves; map_lock shared. */
static int populate_some(struct mm *mm, u64 *addr, u64 end, enum populate how)
{
	struct vma *v = vma_find(mm, *addr);
	u64 stop;
	int err;

	if (!v || v->start >= end || (v->start > *addr && !passes_holes(how))) {
		*addr = end;
		return passes_holes(how) ? 0 : -ENOMEM;
	}
	*addr = MAX(*addr, v->start);
	stop = MIN(MIN(v->end, end), *addr + POPULATE_BATCH * PAGE_SIZE);
	if (!access_ok(v, populate_write(v, how) ? FAULT_WRITE : 0) || v->flags & VM_IO) {
		*addr = v->end;
		return populate_refused(v, how);
	}
	for (; *addr < stop; *addr += PAGE_SIZE) {
		err = populate_page(v, *addr, populate_write(v, how));
		if (err && how != POPULATE_AS_MAPPED)
			return err;
		if (err == -ENOMEM)
			return err;
	}
	return 0;
}

int populate_range(struct mm *mm, u64 start, u64 end, enum populate how)
{
	int err = 0;

	while (start < end && !err) {
		if (fatal_signal_pending())
			return -EINTR;
		rwsem_read_lock(&mm->map_lock);
		err = populate_some(mm, &start, end, how);
		rwsem_read_unlock(&mm->map_lock);
		cond_resched();
	}
	return err;
}
