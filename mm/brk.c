// SPDX-License-Identifier: MIT
/*
 * brk(2).  The heap is an ordinary anonymous mapping in the tree: it grows only
 * into addresses that nothing else has, and its end is what the tree says.
 */
#include <tarn/errno.h>
#include <tarn/process.h>
#include <tarn/syscall.h>
#include "mm_int.h"
#include "vma.h"

#define HEAP_FLAGS \
	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_HEAP | VM_ACCOUNT)

int mm_setup_brk(struct mm *mm, u64 brk_start)
{
	if (brk_start >= USER_END)
		return -ENOMEM;
	rwsem_write_lock(&mm->map_lock);
	mm->start_brk = mm->brk = brk_start;
	rwsem_write_unlock(&mm->map_lock);
	return 0;
}

/* The heap's mapping grows from page @from to page @to, both aligned. */
static int grow(struct mm *mm, u64 from, u64 to, struct list *dead)
{
	u64 pages = (to - from) >> PAGE_SHIFT;
	u32 flags = HEAP_FLAGS | mm->def_flags;
	struct vma *v;

	if (!vma_range_free(mm, from, to + PAGE_SIZE) || mm->nr_vmas > vm_max_map_count)
		return -ENOMEM;
	if (check_limits(mm, pages, flags))
		return -ENOMEM;
	if (flags & VM_LOCKED && check_lock_limit(mm, pages))
		return -EAGAIN;
	if (mm_commit(pages))
		return -ENOMEM;
	v = vma_alloc(mm);
	if (!v) {
		mm_uncommit(pages);
		return -ENOMEM;
	}
	v->start = from;
	v->end = to;
	v->flags = flags;
	v->pgoff = from >> PAGE_SHIFT;
	vma_link(v);
	vma_merge(v, dead);
	return 0;
}

static bool within_limit(struct mm *mm, u64 brk)
{
	u64 used = brk - mm->start_brk + mm->end_data - mm->start_data;

	return used <= rlimit_cur(RLIMIT_DATA);
}

static int set_brk(struct mm *mm, u64 brk, struct list *dead, bool *fill)
{
	u64 old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
	u64 new_end = ALIGN_UP(brk, PAGE_SIZE);
	int err = 0;

	if (brk < mm->start_brk || brk >= USER_END - PAGE_SIZE || !within_limit(mm, brk))
		return -ENOMEM;
	if (new_end < old_end)
		err = unmap_locked(mm, new_end, old_end, dead);
	else if (new_end > old_end)
		err = grow(mm, old_end, new_end, dead);
	if (err)
		return err;
	*fill = new_end > old_end && (mm->def_flags & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED;
	mm->brk = brk;
	return 0;
}

/* The new break, or the old one when it could not be moved: that is how brk(2) fails. */
long sys_brk(unsigned long brk)
{
	struct mm *mm = current->mm;
	struct list dead;
	bool fill = false;
	u64 old;

	list_init(&dead);
	if (rwsem_write_lock_killable(&mm->map_lock))
		return -EINTR;
	old = mm->brk;
	(void)set_brk(mm, brk, &dead, &fill);
	brk = mm->brk;
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	if (fill)
		(void)populate_range(mm, ALIGN_UP(old, PAGE_SIZE), brk, POPULATE_AS_MAPPED);
	return (long)brk;
}
