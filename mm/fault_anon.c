// SPDX-License-Identifier: MIT
/*
 * Anonymous memory: first touch and copy-on-write.
 *
 * An anonymous page has one reference for each entry that points at it, in any
 * address space, and one of the swap cache's if it is there.  A store through a read-only entry may therefore keep the page
 * if the reference is the only one: nobody else can gain one meanwhile, because
 * fork needs our map_lock exclusively.  Passing references (a pin, a late page
 * cache lookup) only cause a copy too many.
 *
 * The displaced page is put after the flush: another thread of this process
 * may read it through its TLB until then.
 */
#include <tarn/errno.h>
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"

static void add_rss(_Atomic s64 *rss, s64 n)
{
	atomic_fetch_add_explicit(rss, n, memory_order_relaxed);
}

static int map_zero_page(struct vma *v, u64 addr, struct page *table)
{
	pte_t *pte = pt_entry(table, addr);

	spin_lock(&table->pt_lock);
	if (pte_none(pte_load(pte)))
		pte_store(pte, pte_make(page_to_pfn(zero_page), vma_pte_bits(v) | PTE_SPECIAL));
	spin_unlock(&table->pt_lock);
	return 0;
}

int fault_anon(struct vma *v, u64 addr, bool write)
{
	struct page *p, *table;
	pte_t *pte;

	if (write && huge_fault(v, addr))
		return 0;
	table = pt_get(v->mm, addr);
	if (!table)
		return -ENOMEM;
	if (!write)
		return map_zero_page(v, addr, table);
	p = page_alloc_one(GFP_USER_ZERO, PS_ANON);
	if (!p)
		return -ENOMEM;
	v->has_anon = true;
	pte = pt_entry(table, addr);
	spin_lock(&table->pt_lock);
	if (pte_none(pte_load(pte))) {
		pte_store(pte, pte_make(page_to_pfn(p), vma_pte_bits(v) | PTE_WRITE | PTE_DIRTY));
		p = NULL;
	}
	spin_unlock(&table->pt_lock);
	if (p)
		page_put(p);
	else
		add_rss(&v->mm->rss_anon, 1);
	return 0;
}

/* The entry @old, which pointed at a counted page, was replaced by an anonymous one: no CPU may use it now. */
static void displaced(struct vma *v, u64 addr, pte_t old)
{
	struct page *p;

	tlb_flush_range(v->mm, addr, addr + PAGE_SIZE);
	if (!pte_counted(old)) {
		add_rss(&v->mm->rss_anon, 1);
		return;
	}
	p = pte_page(old);
	if (p->state != PS_ANON)
		add_rss(&v->mm->rss_anon, 1);
	if (p->state == PS_CACHE) {
		add_rss(vma_is_shmem(v) ? &v->mm->rss_shmem : &v->mm->rss_file, -1);
		page_mapcount_dec(p);
	}
	swap_put_page(p);
}

static u64 private_bits(const struct vma *v)
{
	u64 bits = vma_pte_bits(v) | PTE_DIRTY;

	/* A debugger may write where the program may not. */
	return v->flags & VM_WRITE ? bits | PTE_WRITE : bits;
}

static struct page *make_copy(const struct page *src)
{
	struct page *p = page_alloc_one(src ? GFP_USER : GFP_USER_ZERO, PS_ANON);

	if (p && src)
		copy_page(page_address(p), page_address(src));
	return p;
}

/* The same frame in the same way; the CPU may have set the accessed bit since. */
static bool same_entry(pte_t a, pte_t b)
{
	return (a.v & ~PTE_ACCESSED) == (b.v & ~PTE_ACCESSED);
}

int install_private(struct vma *v, u64 addr, pte_t old, struct page *src)
{
	struct page *table = pt_get(v->mm, addr);
	struct page *p;
	pte_t *pte, new;
	bool done;

	p = table ? make_copy(src) : NULL;
	if (!p)
		return -ENOMEM;
	v->has_anon = true;
	new = pte_make(page_to_pfn(p), private_bits(v));
	pte = pt_entry(table, addr);
	spin_lock(&table->pt_lock);
	done = same_entry(pte_load(pte), old);
	if (done)
		pte_store(pte, new);
	spin_unlock(&table->pt_lock);
	if (!done)
		page_put(p);
	else if (pte_none(old))
		add_rss(&v->mm->rss_anon, 1);
	else
		displaced(v, addr, old);
	return 0;
}

int fault_cow(struct vma *v, u64 addr)
{
	struct page *table = pt_find(v->mm, addr);
	struct page *p;
	pte_t *pte, e;
	int err;

	if (!table)
		return 0;
	pte = pt_entry(table, addr);
	spin_lock(&table->pt_lock);
	e = pte_load(pte);
	if (!pte_mapped(e) || e.v & PTE_WRITE) {
		spin_unlock(&table->pt_lock);
		return 0;
	}
	if (!pte_counted(e)) {
		spin_unlock(&table->pt_lock);
		return install_private(v, addr, e, NULL);
	}
	p = pte_page(e);
	if (p->state == PS_ANON && (atomic_load(&p->refs) == 1 || swap_reuse(p))) {
		if (v->flags & VM_WRITE)
			pte_store(pte, (pte_t){ (e.v & ~PTE_UNTOUCHED) | PTE_WRITE | PTE_DIRTY |
						PTE_ACCESSED });
		spin_unlock(&table->pt_lock);
		tlb_flush_local(addr);
		return 0;
	}
	page_get(p);
	spin_unlock(&table->pt_lock);
	err = p->state == PS_CACHE ? fault_copy(v, addr, e, p) : install_private(v, addr, e, p);
	swap_put_page(p);
	return err;
}
