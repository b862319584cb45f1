// SPDX-License-Identifier: MIT
/*
 * mprotect(2): new permissions for mappings and for the entries of their pages.
 *
 * An entry never gains the write bit here unless its page is anonymous and ours
 * alone; every other store faults once and is judged there.  PROT_NONE keeps
 * the frame in a blocked entry, which neither program nor kernel can follow.
 *
 * pkey_mprotect(2) is the same with a protection key: pkeys.c has those.
 */
#include <linux/mman.h>
#include <tarn/errno.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include "gather.h"
#include "mm_int.h"
#include "pgtable.h"
#include "vma.h"

static bool may_write(const struct vma *v, pte_t e)
{
	struct page *p;

	if (!(v->flags & VM_WRITE))
		return false;
	if (e.v & PTE_WRITE)
		return true;
	if (v->flags & VM_SHARED || !pte_counted(e))
		return false;
	if (pte_leaf(e))
		return leaf_is_sole(e);
	p = pte_page(e);
	return p->state == PS_ANON && atomic_load(&p->refs) == 1;
}

static pte_t with_new_bits(const struct vma *v, pte_t e)
{
	u64 keep = e.v & (PTE_ADDR_MASK | PTE_ACCESSED | PTE_DIRTY | PTE_SPECIAL | PTE_HUGE);
	u64 bits = vma_pte_bits(v) & ~(u64)PTE_ACCESSED;

	if (may_write(v, e))
		bits |= PTE_WRITE | PTE_DIRTY;
	return (pte_t){ keep | bits };
}

/* Taken out for a moment: the CPU must not add bits to a copy. */
static void change_entry(const struct vma *v, pte_t *pte)
{
	pte_store(pte, with_new_bits(v, pte_take(pte)));
}

static void change_table(struct gather *g, struct vma *v, struct page *table, u64 addr, u64 end)
{
	for (; addr < end; addr += PAGE_SIZE) {
		pte_t *pte = pt_entry(table, addr);

		if (!pte_mapped(pte_load(pte)))
			continue;
		change_entry(v, pte);
		gather_addr(g, addr);
	}
}

static void change_entries(struct gather *g, struct vma *v)
{
	struct pt_place at;
	u64 addr = v->start;

	while ((addr = pt_next(v->mm, addr, v->end, &at)) < v->end) {
		u64 stop = MIN(v->end, pt_table_end(addr));

		if (!pt_lock_place(&at, addr))
			continue;
		if (at.leaf) {
			change_entry(v, leaf_entry(at.table, addr));
			gather_range(g, addr, stop);
		} else {
			change_table(g, v, at.table, addr, stop);
		}
		spin_unlock(&at.table->pt_lock);
		addr = stop;
		cond_resched();
	}
}

/* The promise that becoming writable is; adds VM_ACCOUNT to *flags. */
static int account(struct vma *v, u32 *flags)
{
	if (!vma_accountable(*flags) || vma_accountable(v->flags))
		return 0;
	/* RLIMIT_DATA counts it from now on; RLIMIT_AS did before. */
	if (check_limits(v->mm, vma_pages(v), *flags) && !check_limits(v->mm, vma_pages(v), v->flags))
		return -ENOMEM;
	if (*flags & VM_ACCOUNT || !mm_promises(*flags & VM_NORESERVE))
		return 0;
	*flags |= VM_ACCOUNT;
	return mm_commit(vma_pages(v));
}

/* What is asked for: VM_READ and its like, and the protection key, -1: mprotect(2)'s. */
struct wish {
	u32 access;
	bool exec_only; /* PROT_EXEC and nothing else */
	int key;
};

static int protect_vma(struct gather *g, struct vma *v, const struct wish *wish)
{
	u32 access = wish->access;
	u32 flags = (v->flags & ~(u32)(VM_READ | VM_WRITE | VM_EXEC | VM_PKEY)) | access |
		    pkey_for_protect(v, wish->exec_only, wish->key) << VM_PKEY_SHIFT;
	u32 may = (v->flags / VM_MAYREAD) & (VM_READ | VM_WRITE | VM_EXEC);
	int err;

	if (access & ~may)
		return -EACCES;
	if (flags == v->flags)
		return 0;
	err = account(v, &flags);
	if (err)
		return err;
	vma_set_flags(v, flags);
	change_entries(g, v);
	return 0;
}

_Static_assert(VM_MAYREAD / VM_READ == VM_MAYWRITE / VM_WRITE &&
		       VM_MAYREAD / VM_READ == VM_MAYEXEC / VM_EXEC,
	       "MAY bits are the access bits shifted");

static int protect_locked(struct mm *mm, u64 start, u64 end, const struct wish *wish,
			  struct list *dead)
{
	struct gather g;
	struct vma *v;
	u64 at = start;
	int err;

	v = vma_at(mm, start);
	if (!v)
		return -ENOMEM;
	err = split_range(mm, start, end);
	if (err)
		return err;
	gather_begin(&g, mm, false);
	for (v = vma_at(mm, start); v && v->start < end && !err; v = vma_next(v)) {
		if (v->start > at) {
			err = -ENOMEM;
			break;
		}
		err = protect_vma(&g, v, wish);
		if (!err)
			v = vma_merge(v, dead);
		at = v->end; /* of what it became: it may have joined its right neighbour */
	}
	gather_end(&g);
	return !err && at < end ? -ENOMEM : err;
}

/* PROT_GROWSDOWN: from the bottom of the stack that holds @start. */
static int lower_start(struct mm *mm, unsigned long prot, u64 *start)
{
	struct vma *v;

	if (!(prot & PROT_GROWSDOWN))
		return prot & PROT_GROWSUP ? -EINVAL : 0;
	v = vma_at(mm, *start);
	if (!v)
		return -ENOMEM;
	if (!(v->flags & VM_GROWSDOWN))
		return -EINVAL;
	*start = v->start;
	return 0;
}

static long protect(u64 start, u64 len, unsigned long prot, int pkey)
{
	struct mm *mm = current->mm;
	u64 end = start + ALIGN_UP(len, PAGE_SIZE);
	const struct wish wish = {
		.access = (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
			  (prot & PROT_EXEC ? VM_EXEC : 0),
		.exec_only = (prot & ~(unsigned long)(PROT_GROWSDOWN | PROT_GROWSUP)) == PROT_EXEC,
		.key = pkey,
	};
	struct list dead;
	int err;

	if (!IS_ALIGNED(start, PAGE_SIZE) ||
	    (prot & PROT_GROWSDOWN && prot & PROT_GROWSUP))
		return -EINVAL;
	if (!len)
		return 0;
	if (end <= start || end > USER_END)
		return -ENOMEM;
	if (prot & ~(unsigned long)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM |
				    PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	list_init(&dead);
	err = rwsem_write_lock_killable(&mm->map_lock);
	if (err)
		return err;
	err = pkey == -1 || pkey_is_allocated(mm, pkey) ? lower_start(mm, prot, &start) : -EINVAL;
	if (!err)
		err = protect_locked(mm, start, end, &wish, &dead);
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	return err;
}

long sys_mprotect(unsigned long start, size_t len, unsigned long prot)
{
	return protect(start, len, prot, -1);
}

long sys_pkey_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey)
{
	return protect(start, len, prot, pkey);
}
