// SPDX-License-Identifier: MIT
/*
 * fork's copy of an address space.
 *
 * Mappings are copied all; pages only where the child could not find them
 * again: anonymous pages of mappings that ever had one.  They become read-only
 * on both sides and are shared by reference count; a swap entry counts its slot
 * once more.  What comes from a file's cache, and the zero page, the child
 * faults in by itself, sixteen at a time.
 *
 * A leaf is shared as it is, for one count more (leaf.c): the child mostly goes
 * before anybody stores.
 *
 * A table of 512 entries is copied under its lock and the child's, so that
 * truncation, which meets the elder of two mappings of the same pages first
 * (file_maps.c), meets an entry in the parent before or in both after.
 *
 * Locks: both map_locks, exclusive, the parent's first.  Nobody runs in the child
 * yet, but reclaim finds it, and so do the trees of its files.
 */
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"
#include "vma.h"

struct fork_copy {
	struct mm *from, *to;
	bool protected; /* an entry of the parent lost its write bit */
	s64 anon, swap;
};

/* What the child gets for @src: the parent's entry, which is read-only from now on. */
static pte_t protect(struct fork_copy *c, pte_t *src)
{
	pte_t e = pte_load(src);

	if (e.v & PTE_WRITE) {
		e = pte_clear_bits(src, PTE_WRITE);
		e.v &= ~(u64)PTE_WRITE;
		c->protected = true;
	}
	return e;
}

/* 0, or -ENOMEM: a swap slot cannot be counted any higher. */
static int copy_entry(struct fork_copy *c, pte_t *src, pte_t *dst)
{
	pte_t e = pte_load(src);

	if (pte_swap(e)) {
		if (swap_dup(pte_swap_slot(e)))
			return -ENOMEM;
		pte_store(dst, e);
		c->swap++;
		return 0;
	}
	if (!pte_counted(e) || pte_page(e)->state != PS_ANON)
		return 0;
	e = protect(c, src);
	page_get(pte_page(e));
	pte_store(dst, e);
	c->anon++;
	return 0;
}

static int copy_table(struct fork_copy *c, struct page *src, u64 addr, u64 end)
{
	struct page *dst = pt_get(c->to, addr);
	int err = 0;

	if (!dst)
		return -ENOMEM;
	spin_lock(&src->pt_lock);
	spin_lock_nested(&dst->pt_lock);
	for (; addr < end && !err; addr += PAGE_SIZE)
		err = copy_entry(c, pt_entry(src, addr), pt_entry(dst, addr));
	spin_unlock(&dst->pt_lock);
	spin_unlock(&src->pt_lock);
	return err;
}

/* The leaf at @addr of @src; -EAGAIN: it has been split meanwhile. */
static int copy_leaf(struct fork_copy *c, const struct pt_place *src, u64 addr)
{
	struct page *dst = pt_get_upper(c->to, addr);
	struct page *spare = dst ? leaf_spare_alloc(c->to, GFP_KERNEL) : NULL;
	pte_t e;

	if (!spare)
		return -ENOMEM;
	if (!pt_lock_place(src, addr)) {
		leaf_spare_free(c->to, spare);
		return -EAGAIN;
	}
	spin_lock_nested(&dst->pt_lock);
	e = protect(c, leaf_entry(src->table, addr));
	row_get(pte_page(e));
	leaf_set(dst, addr, e, spare);
	spin_unlock(&dst->pt_lock);
	spin_unlock(&src->table->pt_lock);
	c->anon += HUGE_FRAMES;
	return 0;
}

static int copy_pages(struct fork_copy *c, u64 start, u64 end)
{
	struct pt_place at;
	u64 addr = start;

	while ((addr = pt_next(c->from, addr, end, &at)) < end) {
		u64 stop = MIN(end, pt_table_end(addr));
		int err;

		err = at.leaf ? copy_leaf(c, &at, addr) : copy_table(c, at.table, addr, stop);
		if (err == -ENOMEM)
			return err;
		if (!err)
			addr = stop;
		cond_resched();
	}
	return 0;
}

/* The child's mapping, linked behind @last; NULL: no memory. */
static struct vma *copy_vma(struct mm *to, struct vma *v, struct vma *last)
{
	struct vma *copy;

	if (v->flags & VM_ACCOUNT && mm_commit(vma_pages(v)))
		return NULL;
	copy = vma_copy(v, to, v->start, v->end, v->pgoff);
	if (!copy) {
		if (v->flags & VM_ACCOUNT)
			mm_uncommit(vma_pages(v));
		return NULL;
	}
	copy->flags &= ~(u32)(VM_LOCKED | VM_LOCKONFAULT);
	if (v->flags & VM_WIPEONFORK)
		copy->has_anon = false;
	vma_link_last(copy, last);
	return copy;
}

static int copy_all(struct fork_copy *c)
{
	struct vma *last = NULL;
	int err = 0;

	for (struct vma *v = vma_first(c->from); v && !err; v = vma_next(v)) {
		if (v->flags & VM_DONTCOPY)
			continue;
		last = copy_vma(c->to, v, last);
		if (!last)
			return -ENOMEM;
		if (v->has_anon && !(v->flags & VM_WIPEONFORK))
			err = copy_pages(c, v->start, v->end);
	}
	return err;
}

static void copy_layout(struct mm *to, const struct mm *from)
{
	to->mmap_base = from->mmap_base;
	to->start_code = from->start_code;
	to->end_code = from->end_code;
	to->start_data = from->start_data;
	to->end_data = from->end_data;
	to->start_brk = from->start_brk;
	to->brk = from->brk;
	to->start_stack = from->start_stack;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->vdso_base = from->vdso_base;
	for (size_t i = 0; i < ARRAY_SIZE(to->auxv); i++)
		to->auxv[i] = from->auxv[i];
	to->auxv_len = from->auxv_len;
	to->membarrier_state = from->membarrier_state;
	to->thp_disabled = from->thp_disabled;
	to->pkeys = from->pkeys;
	to->exec_only_key = from->exec_only_key;
}

struct mm *mm_fork(struct mm *old)
{
	struct mm *mm = mm_create();
	struct fork_copy c = { .from = old, .to = mm };
	int err;

	if (!mm)
		return ERR_PTR(-ENOMEM);
	err = rwsem_write_lock_killable(&old->map_lock);
	if (err) {
		mm_put(mm);
		return ERR_PTR(err);
	}
	rwsem_write_lock_nested(&mm->map_lock); /* reclaim finds it already (mm_next_get) */
	copy_layout(mm, old);
	err = copy_all(&c);
	mm->rss_anon = c.anon;
	mm->swap_used = c.swap;
	rwsem_write_unlock(&mm->map_lock);
	if (c.protected)
		tlb_flush_mm(old);
	mm->exe_file = old->exe_file ? file_get(old->exe_file) : NULL;
	rwsem_write_unlock(&old->map_lock);
	if (err) {
		mm_put(mm);
		return ERR_PTR(err);
	}
	return mm;
}
