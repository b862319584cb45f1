// SPDX-License-Identifier: MIT
/*
 * The vDSO in a program's address space: the page it reads ([vvar]), and right
 * above it the image ([vdso]).  Both are pages of the kernel image, shared by
 * everybody and never freed.
 */
#include "internal.h"

#include <arch/mmu.h>
#include <arch/time.h>
#include <tarn/page.h>

/* A frame of the kernel image has no references of its own; one that stays keeps it from reaching 0. */
static struct page *image_page_get(const void *addr)
{
	struct page *p = virt_to_page(addr);
	u32 none = 0;

	atomic_compare_exchange_strong(&p->refs, &none, 1);
	page_get(p);
	return p;
}

static int vdso_fault(struct vma *v, u64 pgoff, bool write, struct page **page)
{
	const char *addr = vdso_start + (pgoff << PAGE_SHIFT);

	if (addr >= vdso_end)
		return -EFAULT;
	*page = image_page_get(addr);
	return 0;
}

static const char *vdso_name(struct vma *v)
{
	return "[vdso]";
}

static int vvar_fault(struct vma *v, u64 pgoff, bool write, struct page **page)
{
	if (pgoff || write)
		return -EFAULT;
	*page = image_page_get(vdso_data);
	return 0;
}

static const char *vvar_name(struct vma *v)
{
	return "[vvar]";
}

static const struct vm_ops vdso_ops = { .fault = vdso_fault, .name = vdso_name };
static const struct vm_ops vvar_ops = { .fault = vvar_fault, .name = vvar_name };

int vdso_map(struct mm *mm)
{
	u64 size = ALIGN_UP((u64)(vdso_end - vdso_start), PAGE_SIZE);
	struct map_request r = {
		.len = PAGE_SIZE + size,
		.vm_flags = VM_READ | VM_MAYREAD | VM_IO | VM_DONTEXPAND | VM_DONTDUMP,
		.ops = &vvar_ops,
	};
	s64 at;

	if (!size)
		return 0;
	at = mm_map(mm, &r);
	if (at < 0)
		return (int)at;
	r.addr = (u64)at + PAGE_SIZE;
	r.len = size;
	r.fixed = true;
	/* VM_MAYWRITE: a debugger's breakpoint gets a private copy. */
	r.vm_flags = VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_DONTEXPAND;
	r.ops = &vdso_ops;
	at = mm_map(mm, &r);
	if (at < 0)
		return (int)at;
	mm->vdso_base = (u64)at;
	return 0;
}
