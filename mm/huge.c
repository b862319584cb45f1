// SPDX-License-Identifier: MIT
/*
 * Transparent huge pages: when 2 MiB are mapped at once, and when they stay so.
 *
 * The first store to an aligned 2 MiB range of one anonymous mapping that has no
 * page table yet takes 512 frames in a row and maps them by one level 1 entry, a
 * leaf (leaf.c).  It needs a row that lies ready: nobody waits, reclaims or
 * moves pages for it; otherwise, and everywhere else, pages are 4 KiB.
 *
 * A read maps the ordinary zero page, and the range stays with 4 KiB pages until
 * its page table goes: under a shared map_lock, tables do not go, and a memory
 * of zeros that somebody will write is mostly written first.  There is no
 * khugepaged either, which would gather small pages into large ones.
 *
 * After fork both sides have the leaf read-only.  A store then makes it writable
 * in place if all its pages are ours alone again (the child is gone: the usual
 * case); else it is split and one page is copied.
 */
#include <tarn/errno.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "page_int.h"
#include "pgtable.h"
#include "vmstat.h"

/* Below so much memory the pages that are never used cost more than the misses that are saved. */
#define SMALL_MACHINE ((512ul << 20) >> PAGE_SHIFT)

enum huge_mode huge_mode = HUGE_ALWAYS;

void huge_init(void)
{
	if (page_managed_frames() < SMALL_MACHINE)
		huge_mode = HUGE_NEVER;
}

int mm_set_thp_disabled(bool disabled)
{
	struct mm *mm = current->mm;
	int err = rwsem_write_lock_killable(&mm->map_lock);

	if (err)
		return err;
	mm->thp_disabled = disabled;
	rwsem_write_unlock(&mm->map_lock);
	return 0;
}

static bool wanted(const struct vma *v)
{
	enum huge_mode mode = READ_ONCE(huge_mode);

	if (mode == HUGE_NEVER || v->flags & VM_NOHUGEPAGE || v->mm->thp_disabled)
		return false;
	return mode == HUGE_ALWAYS || v->flags & VM_HUGEPAGE;
}

static bool fits(const struct vma *v, u64 base)
{
	return base >= v->start && base < v->end && v->end - base >= HUGE_SIZE;
}

bool huge_eligible(const struct vma *v)
{
	return vma_is_anon(v) && fits(v, ALIGN_UP(v->start, HUGE_SIZE)) && wanted(v);
}

/* The leaf for [base, base + 2 MiB), if nothing is there yet: false if there is. */
static bool install(struct vma *v, struct page *up, u64 base, struct page *row, struct page *spare)
{
	u64 bits = vma_pte_bits(v) | PTE_WRITE | PTE_DIRTY | PTE_HUGE;
	bool empty;

	v->has_anon = true;
	row_init(row);
	spin_lock(&up->pt_lock);
	empty = pte_none(pte_load(leaf_entry(up, base)));
	if (empty)
		leaf_set(up, base, pte_make(page_to_pfn(row), bits), spare);
	spin_unlock(&up->pt_lock);
	if (empty)
		atomic_fetch_add_explicit(&v->mm->rss_anon, HUGE_FRAMES, memory_order_relaxed);
	return empty;
}

bool huge_fault(struct vma *v, u64 addr)
{
	u64 base = ALIGN_DOWN(addr, HUGE_SIZE);
	struct page *up, *spare, *row;
	pte_t e;

	if (!fits(v, base) || !wanted(v))
		return false;
	up = pt_get_upper(v->mm, base);
	e = up ? pte_load(leaf_entry(up, base)) : (pte_t){ 0 };
	if (!up || !pte_none(e))
		return pte_leaf(e); /* another thread was faster */
	spare = leaf_spare_alloc(v->mm, GFP_KERNEL | GFP_NORETRY);
	row = spare ? page_alloc_row(PS_ANON) : NULL;
	vm_count(row ? VM_THP_ALLOC : VM_THP_FALLBACK, 1);
	if (row && !install(v, up, base, row, spare)) {
		row_put(row);
		leaf_spare_free(v->mm, spare);
	} else if (!row && spare) {
		leaf_spare_free(v->mm, spare);
	}
	return row;
}

bool huge_reuse(struct vma *v, u64 addr)
{
	struct page *up = pt_find_upper(v->mm, addr);
	pte_t *slot = leaf_entry(up, addr);
	bool done = false;
	pte_t e;

	spin_lock(&up->pt_lock);
	e = pte_load(slot);
	if (!pte_leaf(e) || e.v & PTE_WRITE) {
		done = true; /* somebody was faster */
	} else if (v->flags & VM_WRITE && leaf_is_sole(e)) {
		pte_store(slot, (pte_t){ (e.v & ~PTE_UNTOUCHED) | PTE_WRITE | PTE_ACCESSED });
		done = true;
	}
	spin_unlock(&up->pt_lock);
	if (done)
		tlb_flush_local(addr);
	return done;
}
