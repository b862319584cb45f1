// SPDX-License-Identifier: MIT
/*
 * remap_file_pages(2): other pages of the file in a part of its mapping.
 *
 * As Linux since 4.0 has it: the part becomes a mapping of its own, with the
 * new offset.  Mappings that count their users (System V segments) are not for
 * it.
 */
#include <linux/mman.h>
#include <tarn/errno.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include "mm_int.h"

#define KEPT_FLAGS                                                                              \
	(VM_SHARED | VM_READ | VM_WRITE | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_LOCKED)

/* [start, end) lies in shared mappings of one file, alike but for their offsets. */
static struct vma *source(struct mm *mm, u64 start, u64 end)
{
	struct vma *first = vma_at(mm, start), *v = first;

	if (!v || !(v->flags & VM_SHARED) || !vma_mapping(v) || v->ops)
		return NULL;
	while (v->end < end) {
		struct vma *next = vma_next(v);

		if (!next || next->start != v->end || next->file != v->file ||
		    next->flags != first->flags)
			return NULL;
		v = next;
	}
	return first;
}

long sys_remap_file_pages(unsigned long start, unsigned long size, unsigned long prot,
			  unsigned long pgoff, unsigned long flags)
{
	struct map_request req = {
		.addr = ALIGN_DOWN(start, PAGE_SIZE),
		.len = ALIGN_DOWN(size, PAGE_SIZE),
		.pgoff = pgoff,
		.fixed = true,
		.populate = !(flags & MAP_NONBLOCK),
	};
	struct mm *mm = current->mm;
	struct vma *v;
	s64 at;

	if (prot || req.addr + req.len <= req.addr || pgoff + (req.len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	rwsem_read_lock(&mm->map_lock);
	v = source(mm, req.addr, req.addr + req.len);
	if (v) {
		req.file = file_get(v->file);
		req.vm_flags = v->flags & KEPT_FLAGS;
	}
	rwsem_read_unlock(&mm->map_lock);
	if (!v)
		return -EINVAL;
	at = file_reaches(req.file, pgoff, req.len >> PAGE_SHIFT) ? mm_map(mm, &req) : -EOVERFLOW;
	file_put(req.file);
	return at < 0 ? at : 0;
}
