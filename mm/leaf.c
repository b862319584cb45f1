// SPDX-License-Identifier: MIT
/*
 * Leaves: 2 MiB of anonymous memory behind one level 1 entry.
 *
 * Under a leaf are 512 ordinary anonymous frames in an aligned row (there are no
 * compound pages).  All leaves that show a row hold one reference of each frame
 * together, and the first frame's mapcount says how many leaves they are: fork
 * and the end of the child change one counter, not 512.  A split puts a level 0
 * table with 512 entries in a leaf's place, and each entry needs a reference of
 * its own: those of the last leaf are theirs, beside other leaves they are taken.
 * What follows is the business of whoever needed single pages.
 *
 *   first store -> leaf --split--> level 0 table
 *                   |  \--fork---> the same leaf, read-only, in two address spaces
 *                   +---zap------> none
 *
 * A split never fails: each leaf has a spare table, kept in a chain at its level
 * 1 table (pt_spare).  A leaf lies in one mapping: vma_split, the only place
 * that cuts mappings, splits it.  A leaf is dirty, as every anonymous page that
 * was stored to: the CPU can add only the accessed bit to it.
 *
 * No CPU may hold one address in a large and a small TLB entry at a time (some
 * stop with a machine check).  So a split takes the leaf's present bit away,
 * flushes, and only then puts the table in; who faults meanwhile comes again.
 *
 * Lock: pt_lock of the level 1 table.  A split flushes other CPUs under it:
 * interrupts are on wherever a table is locked.
 */
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"
#include "vmstat.h"

struct page *leaf_spare_alloc(struct mm *mm, gfp_t gfp)
{
	struct page *p = page_alloc_one(gfp, PS_TABLE);

	if (!p)
		return NULL;
	spin_init(&p->pt_lock, "page table", LR_PT);
	p->pt_spare = NULL;
	atomic_fetch_add_explicit(&mm->table_pages, 1, memory_order_relaxed);
	return p;
}

void leaf_spare_free(struct mm *mm, struct page *spare)
{
	atomic_fetch_sub_explicit(&mm->table_pages, 1, memory_order_relaxed);
	page_put(spare);
}

static struct page *spare_take(struct page *up) MUST_HOLD(&up->pt_lock)
{
	struct page *spare = up->pt_spare;

	assert(spare);
	up->pt_spare = spare->pt_spare;
	spare->pt_spare = NULL;
	vm_count(VM_ANON_LEAVES, -1);
	return spare;
}

void leaf_set(struct page *up, u64 addr, pte_t e, struct page *spare)
{
	assert(IS_ALIGNED(addr | pte_phys(e), HUGE_SIZE) && e.v & PTE_HUGE && e.v & PTE_DIRTY);
	spare->pt_spare = up->pt_spare;
	up->pt_spare = spare;
	pte_store(leaf_entry(up, addr), e);
	vm_count(VM_ANON_LEAVES, 1);
}

pte_t leaf_take(struct page *up, u64 addr, struct page **spare)
{
	*spare = spare_take(up);
	return pte_take(leaf_entry(up, addr));
}

/* ---- rows ---- */

void row_put(struct page *first)
{
	if (atomic_fetch_sub_explicit(&first->mapcount, 1, memory_order_acq_rel) > 1)
		return;
	if (page_test(first, PG_ROW_HELD))
		page_clear(first, PG_ROW_HELD);
	/* What others have, too, may be in the swap cache by their doing. */
	for (unsigned int n = page_put_row(first); n < HUGE_FRAMES; n++)
		swap_put_page(first + n);
}

/* A leaf of it, whose table is locked, gives way to entries. */
static void row_split(struct page *first)
{
	if (row_leaves(first) == 1) { /* nobody can copy it meanwhile */
		page_clear(first, PG_ROW_HELD);
		atomic_store_explicit(&first->mapcount, 0, memory_order_release);
		return;
	}
	page_set(first, PG_ROW_HELD);
	for (unsigned int i = 0; i < HUGE_FRAMES; i++)
		page_get(first + i);
	row_put(first); /* perhaps the last, by now */
}

/* ---- leaves ---- */

pte_t leaf_split_locked(struct mm *mm, struct page *up, u64 addr)
{
	u64 base = ALIGN_DOWN(addr, HUGE_SIZE);
	pte_t *slot = leaf_entry(up, addr);
	struct page *spare = spare_take(up);
	pte_t *pte = page_address(spare);
	pte_t e = pte_clear_bits(slot, PTE_PRESENT);

	if (pte_present(e))
		tlb_flush_range(mm, base, base + HUGE_SIZE);
	row_split(pte_page(e));
	for (u64 at = base; at < base + HUGE_SIZE; at += PAGE_SIZE)
		*pte++ = leaf_piece(e, at);
	spare->pt_va = base;
	e = pt_make_table(page_to_pfn(spare));
	pte_store(slot, e);
	vm_count(VM_THP_SPLIT, 1);
	return e;
}

pte_t leaf_split(struct mm *mm, struct page *up, u64 addr)
{
	pte_t e;

	spin_lock(&up->pt_lock);
	e = pte_load(leaf_entry(up, addr));
	if (pte_leaf(e))
		e = leaf_split_locked(mm, up, addr);
	spin_unlock(&up->pt_lock);
	return e;
}

/* Each frame has one reference, the leaves': who held others let them go. */
static bool nobody_holds(const struct page *first)
{
	u64 refs = 0;

	for (unsigned int i = 0; i < HUGE_FRAMES; i++)
		refs += atomic_load_explicit(&first[i].refs, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire); /* what they stored is seen */
	return refs == HUGE_FRAMES; /* nobody has less than one */
}

/*
 * In this order: who takes references beside the leaves says so first, with a
 * leaf of his own, and only then stops being counted.
 */
bool leaf_is_sole(pte_t e)
{
	struct page *first = pte_page(e);

	if (row_leaves(first) != 1)
		return false;
	if (likely(!page_test(first, PG_ROW_HELD)))
		return true;
	if (!nobody_holds(first))
		return false;
	page_clear(first, PG_ROW_HELD); /* only by our leaf, which is locked, could it be set again */
	return true;
}
