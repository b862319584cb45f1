// SPDX-License-Identifier: MIT
/*
 * The mlock family: VM_LOCKED on mappings, and their pages brought in.
 *
 * Reclaim passes over pages that a locked mapping shows; there is no separate
 * list for them.
 */
#include <linux/mman.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/process.h>
#include <tarn/syscall.h>
#include "mm_int.h"
#include "vma.h"

static bool may_lock(void)
{
	return rlimit_cur(RLIMIT_MEMLOCK) || capable(CAP_IPC_LOCK);
}

static u64 locked_in(struct mm *mm, u64 start, u64 end)
{
	u64 pages = 0;

	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		if (v->flags & VM_LOCKED)
			pages += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return pages;
}

static int page_range(unsigned long start, size_t len, u64 *from, u64 *to)
{
	*from = ALIGN_DOWN(start, PAGE_SIZE);
	*to = ALIGN_UP(start + len, PAGE_SIZE);
	if (start + len < start || *to < *from)
		return -EINVAL;
	return *to > USER_END ? -ENOMEM : 0;
}

/* As far as the range is mapped: what lies behind a hole stays as it is. */
static int change_locks(struct mm *mm, u64 from, u64 to, u32 set, u32 clear, struct list *dead)
{
	u64 hole = vma_mapped_until(mm, from, to);
	int err = from < hole ? change_flags(mm, from, hole, set, clear, dead) : 0;

	return !err && hole < to ? -ENOMEM : err;
}

static int lock_range(struct mm *mm, u64 from, u64 to, u32 set, u32 clear)
{
	struct list dead;
	int err;

	list_init(&dead);
	err = rwsem_write_lock_killable(&mm->map_lock);
	if (err)
		return err;
	if (set && check_lock_limit(mm, ((to - from) >> PAGE_SHIFT) - locked_in(mm, from, to)))
		err = -ENOMEM;
	if (!err)
		err = change_locks(mm, from, to, set, clear, &dead);
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	return err;
}

static long do_mlock(unsigned long start, size_t len, u32 flags)
{
	struct mm *mm = current->mm;
	u64 from, to;
	int err;

	if (!may_lock())
		return -EPERM;
	err = page_range(start, len, &from, &to);
	if (err || from == to)
		return err;
	err = lock_range(mm, from, to, flags, VM_LOCKONFAULT & ~flags);
	if (err || flags & VM_LOCKONFAULT)
		return err;
	err = populate_range(mm, from, to, POPULATE_LOCKED);
	if (err == -ENOMEM)
		return -EAGAIN;
	return err && err != -EINTR ? -ENOMEM : err; /* a page that cannot be had; the range stays locked */
}

long sys_mlock(unsigned long start, size_t len)
{
	return do_mlock(start, len, VM_LOCKED);
}

long sys_mlock2(unsigned long start, size_t len, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return do_mlock(start, len, flags ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED);
}

long sys_munlock(unsigned long start, size_t len)
{
	u64 from, to;
	int err = page_range(start, len, &from, &to);

	if (err || from == to)
		return err;
	return lock_range(current->mm, from, to, 0, VM_LOCKED | VM_LOCKONFAULT);
}

/* Flags of every present mapping, and of those to come. */
static int lock_all(struct mm *mm, u32 now, u32 future, bool change_now)
{
	struct list dead;
	struct vma *v;
	int err;

	list_init(&dead);
	err = rwsem_write_lock_killable(&mm->map_lock);
	if (err)
		return err;
	if (now && check_lock_limit(mm, (u64)(mm->total_vm - mm->locked_vm)))
		err = -ENOMEM;
	if (!err) {
		mm->def_flags = future;
		for (v = change_now ? vma_first(mm) : NULL; v; v = vma_next(v)) {
			if (!(v->flags & VM_IO))
				vma_set_flags(v, (v->flags & ~(u32)(VM_LOCKED | VM_LOCKONFAULT)) | now);
			v = vma_merge(v, &dead);
		}
	}
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	return err;
}

long sys_mlockall(int flags)
{
	struct mm *mm = current->mm;
	u32 bits = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	int err;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock())
		return -EPERM;
	err = lock_all(mm, flags & MCL_CURRENT ? bits : 0, flags & MCL_FUTURE ? bits : 0,
		       flags & MCL_CURRENT);
	if (!err && (flags & (MCL_CURRENT | MCL_ONFAULT)) == MCL_CURRENT)
		(void)populate_range(mm, 0, USER_END, POPULATE_AS_MAPPED);
	return err;
}

long sys_munlockall(void)
{
	return lock_all(current->mm, 0, 0, true);
}
