// SPDX-License-Identifier: MIT
/*
 * Protection keys of an address space, pkeys(7).
 *
 * mm->pkeys has a bit for each key in use; key 0 is everybody's, from the start.  A mapping has its key in
 * vma->flags (VM_PKEY), so that splitting, joining and copying need no care.  pkey_free(2) does not look for
 * pages that still have the key, as on Linux.
 *
 * Memory with PROT_EXEC alone gets a key of its own, taken when first wanted, whose pages the thread that asked
 * can run and not read.  To a program that key looks unallocated.
 *
 * On a CPU without keys mm->pkeys is 0: there is none to allocate, and none that is valid.
 * Lock: mm->map_lock.  Tests: tests/abi/pkeys.c.
 */
#include <asm/mman.h>
#include <arch/pkeys.h>
#include <tarn/errno.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include "mm_int.h"

void pkeys_init(struct mm *mm)
{
	mm->pkeys = cpu_has_pkeys ? 1 : 0;
	mm->exec_only_key = -1;
}

bool pkey_is_allocated(const struct mm *mm, int key)
{
	return key >= 0 && key < PKEYS && key != mm->exec_only_key && mm->pkeys & BIT(key);
}

/* The lowest free key, or -1. */
static int take_key(struct mm *mm)
{
	int key = __builtin_ctz(~(u32)mm->pkeys);

	if (!cpu_has_pkeys || key >= PKEYS)
		return -1;
	mm->pkeys |= (u16)BIT(key);
	return key;
}

/* This thread, too, may not read its pages: it could have changed its mind, or be another. */
static int exec_only_key(struct mm *mm)
{
	if (mm->exec_only_key < 0)
		mm->exec_only_key = (s8)take_key(mm);
	if (mm->exec_only_key >= 0 && arch_pkey_allows((unsigned int)mm->exec_only_key, false))
		arch_pkey_set((unsigned int)mm->exec_only_key, PKEY_DISABLE_ACCESS);
	return mm->exec_only_key;
}

u32 pkey_for_protect(const struct vma *v, bool exec_only, int key)
{
	bool was = (v->flags & (VM_READ | VM_WRITE | VM_EXEC)) == VM_EXEC &&
		   (int)vma_pkey(v) == v->mm->exec_only_key;

	if (key != -1)
		return (u32)key;
	if (exec_only) {
		key = exec_only_key(v->mm);
		return key > 0 ? (u32)key : vma_pkey(v);
	}
	return was ? 0 : vma_pkey(v);
}

u32 pkey_flags_exec_only(struct mm *mm)
{
	int key = -1;

	if (!cpu_has_pkeys || rwsem_write_lock_killable(&mm->map_lock))
		return 0;
	key = exec_only_key(mm);
	rwsem_write_unlock(&mm->map_lock);
	return key > 0 ? (u32)key << VM_PKEY_SHIFT : 0;
}

u32 mm_pkey_at(struct mm *mm, u64 addr)
{
	const struct vma *v;
	u32 key;

	rwsem_read_lock(&mm->map_lock);
	v = vma_at(mm, addr);
	key = v ? vma_pkey(v) : 0;
	rwsem_read_unlock(&mm->map_lock);
	return key;
}

long sys_pkey_alloc(unsigned long flags, unsigned long rights)
{
	struct mm *mm = current->mm;
	int key;

	if (flags || rights & ~(unsigned long)PKEY_ACCESS_MASK)
		return -EINVAL;
	rwsem_write_lock(&mm->map_lock);
	key = take_key(mm);
	rwsem_write_unlock(&mm->map_lock);
	if (key < 0)
		return -ENOSPC;
	arch_pkey_set((unsigned int)key, (u32)rights);
	return key;
}

long sys_pkey_free(int key)
{
	struct mm *mm = current->mm;
	long err = -EINVAL;

	rwsem_write_lock(&mm->map_lock);
	if (pkey_is_allocated(mm, key)) {
		mm->pkeys &= (u16)~BIT(key);
		err = 0;
	}
	rwsem_write_unlock(&mm->map_lock);
	return err;
}
