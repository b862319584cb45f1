// SPDX-License-Identifier: MIT
/*
 * mremap(2): growing, shrinking and moving mappings.
 *
 * A move makes the new mapping, makes its page tables, then moves entries from
 * table to table; nothing can fail once the first entry moved.  A leaf moves
 * whole if its new place is aligned too, else it is split first.  For a file
 * mapping that happens under mapping->vmas_lock, flush included, so that
 * truncation and writeback, which walk the file's mappings under it, see each
 * page in exactly one of the two places, and no TLB reaches it by the other.
 */
#include <linux/mman.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include "gather.h"
#include "mm_int.h"
#include "pgtable.h"
#include "vma.h"

struct remap {
	struct mm *mm;
	u64 addr, old_len, new_len, new_addr;
	unsigned long flags;
	struct list dead;
	u64 fill_from, fill_to; /* to be locked in memory afterwards */
};

/* ---- moving entries ---- */

/* The table that will take what is at @addr, made for the place @to; false: no memory. */
static bool make_table(struct mm *mm, const struct pt_place *at, u64 addr, u64 to)
{
	struct page *up;

	if (!at->leaf)
		return pt_get(mm, to);
	up = IS_ALIGNED(to, HUGE_SIZE) ? pt_get_upper(mm, to) : NULL;
	if (up && pte_none(pte_load(leaf_entry(up, to))))
		return true;
	(void)leaf_split(mm, at->table, addr);
	return pt_get(mm, to);
}

static int make_tables(struct remap *r, u64 len)
{
	struct pt_place at;
	u64 off;

	for (off = 0; off < len;) {
		u64 addr = pt_next(r->mm, r->addr + off, r->addr + len, &at);
		u64 to;

		off = addr - r->addr;
		if (off >= len)
			break;
		to = r->new_addr + off;
		if (!make_table(r->mm, &at, addr, to))
			return -ENOMEM;
		off += MIN(pt_table_end(addr) - addr, pt_table_end(to) - to);
	}
	return 0;
}

/* What is new at an address counts as changed there: pagemap(5) readers go by address. */
static pte_t moved(pte_t e)
{
	return pte_mapped(e) ? (pte_t){ e.v & ~PTE_UNTOUCHED } : e;
}

/* The leaf at @from, if one was left there for @to: false if not. */
static bool move_leaf(struct mm *mm, u64 from, u64 to)
	NO_LOCK_CHECK /* one table or two */
{
	struct page *src = pt_find_upper(mm, from);
	struct page *dst = pt_find_upper(mm, to);
	struct page *spare;
	pte_t e;

	if (!src || !pte_leaf(pte_load(leaf_entry(src, from))))
		return false;
	spin_lock(&src->pt_lock);
	if (src != dst)
		spin_lock_nested(&dst->pt_lock);
	e = leaf_take(src, from, &spare);
	leaf_set(dst, to, moved(e), spare);
	if (src != dst)
		spin_unlock(&dst->pt_lock);
	spin_unlock(&src->pt_lock);
	return true;
}

/* @n entries from @from to @to; both tables exist, or the first does not and nothing is there. */
static void move_some(struct mm *mm, u64 from, u64 to, u64 n)
	NO_LOCK_CHECK /* one table or two */
{
	struct page *src = pt_find(mm, from);
	struct page *dst = pt_find(mm, to);

	if (!src || !dst)
		return;
	spin_lock(&src->pt_lock);
	if (src != dst)
		spin_lock_nested(&dst->pt_lock);
	for (; n--; from += PAGE_SIZE, to += PAGE_SIZE)
		if (!pte_none(pte_load(pt_entry(src, from))))
			pte_store(pt_entry(dst, to), moved(pte_take(pt_entry(src, from))));
	if (src != dst)
		spin_unlock(&dst->pt_lock);
	spin_unlock(&src->pt_lock);
}

static void move_entries(struct remap *r, struct vma *v, u64 len)
	NO_LOCK_CHECK /* no mapping, no lock */
{
	struct mapping *m = vma_mapping(v);

	if (m)
		spin_lock(&m->vmas_lock);
	for (u64 off = 0; off < len;) {
		u64 from = r->addr + off, to = r->new_addr + off;
		u64 step = MIN(pt_table_end(from) - from, pt_table_end(to) - to);

		step = MIN(step, len - off);
		if (step < HUGE_SIZE || !move_leaf(r->mm, from, to))
			move_some(r->mm, from, to, step >> PAGE_SHIFT);
		off += step;
	}
	tlb_flush_range(r->mm, r->addr, r->addr + len);
	if (m)
		spin_unlock(&m->vmas_lock);
}

/* ---- moving a mapping ---- */

static void undo_new(struct remap *r)
{
	(void)unmap_locked(r->mm, r->new_addr, r->new_addr + r->new_len, &r->dead);
}

/* What stays of the old place; @v covers exactly [addr, addr + old_len). */
static int leave_old(struct remap *r, struct vma *v)
{
	if (!(r->flags & MREMAP_DONTUNMAP))
		return r->old_len ? unmap_locked(r->mm, r->addr, r->addr + r->old_len, &r->dead) : 0;
	vma_set_flags(v, v->flags & ~(u32)(VM_LOCKED | VM_LOCKONFAULT));
	return 0;
}

/* A move may cut its source twice and add a mapping: nothing is begun that cannot end. */
static bool no_room_for_cuts(const struct mm *mm)
{
	return mm->nr_vmas + 3 >= vm_max_map_count;
}

static s64 move(struct remap *r, struct vma *v)
{
	u64 moved = MIN(r->old_len, r->new_len);
	struct vma *copy;
	int err;

	if (no_room_for_cuts(r->mm))
		return -ENOMEM;
	if (r->old_len) {
		err = split_range(r->mm, r->addr, r->addr + r->old_len);
		if (err)
			return err;
		v = vma_at(r->mm, r->addr);
	}
	if (v->flags & VM_ACCOUNT && mm_commit(r->new_len >> PAGE_SHIFT))
		return -ENOMEM;
	copy = vma_copy(v, r->mm, r->new_addr, r->new_addr + r->new_len, vma_index(v, r->addr));
	if (!copy) {
		if (v->flags & VM_ACCOUNT)
			mm_uncommit(r->new_len >> PAGE_SHIFT);
		return -ENOMEM;
	}
	vma_link(copy);
	err = make_tables(r, moved);
	if (err) {
		undo_new(r);
		return err;
	}
	move_entries(r, v, moved);
	err = leave_old(r, v);
	if (copy->flags & VM_LOCKED) {
		r->fill_from = r->new_addr + moved;
		r->fill_to = r->new_addr + r->new_len;
	}
	vma_merge(copy, &r->dead);
	return err ? err : (s64)r->new_addr;
}

/* ---- judging ---- */

/* The mapping, if the whole old range lies in it and may become new_len long. */
static int find_source(struct remap *r, struct vma **out)
{
	struct vma *v = vma_at(r->mm, r->addr);
	u64 more = r->new_len > r->old_len ? r->new_len - r->old_len : 0;
	u64 grows = r->flags & MREMAP_DONTUNMAP ? r->new_len : more;
	int err;

	if (!v)
		return -EFAULT;
	if (!r->old_len && !(v->flags & VM_SHARED))
		return -EINVAL;
	if (r->old_len > v->end - r->addr)
		return -EFAULT;
	if (r->flags & MREMAP_DONTUNMAP && v->flags & (VM_DONTEXPAND | VM_IO))
		return -EINVAL;
	if (more && v->flags & (VM_DONTEXPAND | VM_IO))
		return -EFAULT;
	if (more && !file_reaches(v->file, vma_index(v, r->addr), r->new_len >> PAGE_SHIFT))
		return -EINVAL;
	if (v->flags & VM_LOCKED && more) {
		err = check_lock_limit(r->mm, more >> PAGE_SHIFT);
		if (err)
			return err;
	}
	*out = v;
	return grows ? check_limits(r->mm, grows >> PAGE_SHIFT, v->flags) : 0;
}

/* Where the program wants it; with MREMAP_FIXED whatever is there goes. */
static int judge_place(const struct remap *r)
{
	if (!IS_ALIGNED(r->new_addr, PAGE_SIZE) || r->new_len > USER_END ||
	    r->new_addr > USER_END - r->new_len)
		return -EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -EINVAL;
	if (r->flags & MREMAP_FIXED && r->new_addr < vm_mmap_min_addr && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	/* The old length may be 0, which overlaps nothing: clearing the place would take the source. */
	return r->flags & MREMAP_FIXED && r->new_addr == r->addr ? -EFAULT : 0;
}

static int clear_place(struct remap *r)
{
	if (!(r->flags & MREMAP_FIXED))
		return 0;
	return unmap_locked(r->mm, r->new_addr, r->new_addr + r->new_len, &r->dead);
}

/* What a shrinking call leaves behind the new length. */
static int cut_tail(struct remap *r, u64 old_end)
{
	u64 end = r->addr + r->new_len;

	return old_end > end ? unmap_locked(r->mm, end, old_end, &r->dead) : 0;
}

/*
 * Everything that can be refused is refused before anything is lost; Linux 6.1
 * clears the place first and fails then (CAVEATS.md).
 */
static s64 to_fixed(struct remap *r)
{
	u64 old_end = r->addr + r->old_len;
	int err = judge_place(r);
	struct vma *v;
	s64 at;

	if (err)
		return err;
	r->old_len = MIN(r->old_len, r->new_len);
	err = find_source(r, &v);
	if (!err && no_room_for_cuts(r->mm))
		err = -ENOMEM;
	if (!err)
		err = clear_place(r);
	if (!err)
		err = cut_tail(r, old_end);
	if (err)
		return err;
	if (!(r->flags & MREMAP_FIXED)) {
		at = find_room(r->mm, r->new_addr, r->new_len, false);
		if (at < 0)
			return at;
		r->new_addr = (u64)at;
	}
	return move(r, vma_at(r->mm, r->addr)); /* it may have been cut meanwhile */
}

static bool can_grow_here(struct remap *r, struct vma *v)
{
	u64 end = r->addr + r->new_len;

	return r->old_len && v->end == r->addr + r->old_len && end > r->addr && end <= USER_END &&
	       vma_range_free(r->mm, v->end, end);
}

static s64 grow_here(struct remap *r, struct vma *v)
{
	u64 more = (r->new_len - r->old_len) >> PAGE_SHIFT;

	if (v->flags & VM_ACCOUNT && mm_commit(more))
		return -ENOMEM;
	if (v->flags & VM_LOCKED) {
		r->fill_from = v->end;
		r->fill_to = r->addr + r->new_len;
	}
	vma_set_bounds(v, v->start, r->addr + r->new_len);
	vma_merge(v, &r->dead);
	return (s64)r->addr;
}

static s64 remap_locked(struct remap *r)
{
	struct vma *v;
	s64 at;
	int err;

	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return to_fixed(r);
	if (r->old_len && r->old_len >= r->new_len) {
		v = vma_at(r->mm, r->addr);
		if (!v)
			return -EFAULT;
		err = cut_tail(r, r->addr + r->old_len);
		return err ? err : (s64)r->addr;
	}
	err = find_source(r, &v);
	if (err)
		return err;
	if (can_grow_here(r, v))
		return grow_here(r, v);
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	at = find_room(r->mm, 0, r->new_len, false);
	if (at < 0)
		return at;
	r->new_addr = (u64)at;
	return move(r, v);
}

static bool flags_ok(unsigned long flags, u64 old_len, u64 new_len)
{
	if (flags & ~(unsigned long)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return false;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return false;
	return !(flags & MREMAP_DONTUNMAP) || old_len == new_len;
}

long sys_mremap(unsigned long addr, unsigned long old_len, unsigned long new_len,
		unsigned long flags, unsigned long new_addr)
{
	struct remap r = {
		.mm = current->mm,
		.addr = addr,
		.old_len = ALIGN_UP(old_len, PAGE_SIZE),
		.new_len = ALIGN_UP(new_len, PAGE_SIZE),
		.new_addr = new_addr,
		.flags = flags,
	};
	s64 at;

	if (!flags_ok(flags, r.old_len, r.new_len) || !IS_ALIGNED(addr, PAGE_SIZE) || !r.new_len ||
	    addr >= USER_END)
		return -EINVAL;
	if (r.old_len > r.new_len && r.old_len > USER_END - addr)
		return -EINVAL; /* what would be cut off reaches beyond the program's part */
	list_init(&r.dead);
	if (rwsem_write_lock_killable(&r.mm->map_lock))
		return -EINTR;
	at = remap_locked(&r);
	rwsem_write_unlock(&r.mm->map_lock);
	vma_free_list(&r.dead);
	if (at >= 0 && r.fill_from < r.fill_to)
		(void)populate_range(r.mm, r.fill_from, r.fill_to, POPULATE_AS_MAPPED);
	return at;
}
