// SPDX-License-Identifier: MIT
/*
 * Loading ELF programs: reading the headers, then mapping program and
 * interpreter.
 *
 * elf_prepare() runs while a failure can still be reported to the old program;
 * elf_load() when it is gone.  An ET_DYN program with an interpreter goes to
 * two thirds of the address space, moved by a random number of pages; an
 * interpreter, and a static ET_DYN program (which may be an interpreter run by
 * hand), goes where mappings go.
 */
#include "internal.h"

#include <arch/mmu.h>
#include <tarn/file.h>
#include <tarn/random.h>

#define PIE_BASE ALIGN_DOWN(USER_END / 3 * 2, PAGE_SIZE)
#define PIE_RANDOM_PAGES (1ul << 28)

/* ---- reading ---- */

static int read_exactly(struct file *f, void *buf, size_t n, u64 offset)
{
	loff_t pos = (loff_t)offset;
	ssize_t got = kernel_read(f, buf, n, &pos);

	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -ENOEXEC;
}

static struct elf_info *read_elf(struct file *f, const void *head, size_t n)
{
	struct elf_info *info = NULL;
	Elf64_Phdr *ph = NULL;
	u64 phoff;
	u32 phnum;
	int err = elf_check_header(head, n, &phoff, &phnum);

	if (err)
		return ERR_PTR(err);
	ph = kmalloc(phnum * sizeof(*ph), GFP_KERNEL);
	info = kmalloc(sizeof(*info), GFP_KERNEL);
	err = ph && info ? read_exactly(f, ph, phnum * sizeof(*ph), phoff) : -ENOMEM;
	if (!err)
		err = elf_parse(head, ph, phnum, USER_END, info);
	kfree(ph);
	if (!err)
		return info;
	kfree(info);
	return ERR_PTR(err);
}

static char *read_interp_name(struct file *f, const struct elf_info *elf)
{
	char *name = kmalloc(elf->interp_len, GFP_KERNEL);
	int err;

	if (!name)
		return ERR_PTR(-ENOMEM);
	err = read_exactly(f, name, elf->interp_len, elf->interp_offset);
	if (!err && name[elf->interp_len - 1] != 0)
		err = -ENOEXEC;
	if (!err)
		return name;
	kfree(name);
	return ERR_PTR(err);
}

static int open_interp(struct exec *x)
{
	char head[sizeof(Elf64_Ehdr)];
	char *name = read_interp_name(x->file, x->elf);
	int err;

	if (IS_ERR(name))
		return (int)PTR_ERR(name);
	x->interp = exec_open_name(name);
	kfree(name);
	if (IS_ERR(x->interp)) {
		err = (int)PTR_ERR(x->interp);
		x->interp = NULL;
		return err;
	}
	err = read_exactly(x->interp, head, sizeof(head), 0);
	if (err)
		return err == -ENOEXEC ? -ELIBBAD : err;
	x->interp_elf = read_elf(x->interp, head, sizeof(head));
	if (!IS_ERR(x->interp_elf))
		return 0;
	err = (int)PTR_ERR(x->interp_elf);
	x->interp_elf = NULL;
	return err == -ENOEXEC ? -ELIBBAD : err;
}

int elf_prepare(struct exec *x)
{
	int err;

	x->elf = read_elf(x->file, x->head, x->head_len);
	if (IS_ERR(x->elf)) {
		err = (int)PTR_ERR(x->elf);
		x->elf = NULL;
		return err;
	}
	return x->elf->interp_len ? open_interp(x) : 0;
}

/* ---- mapping ---- */

static u32 segment_vm_flags(const struct elf_segment *s)
{
	u32 flags = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	if (s->flags & PF_R)
		flags |= VM_READ;
	if (s->flags & PF_W)
		flags |= VM_WRITE;
	if (s->flags & PF_X)
		flags |= VM_EXEC;
	return flags;
}

static int map_anonymous(struct mm *mm, u64 start, u64 end, u32 flags)
{
	struct map_request r = {
		.addr = start,
		.len = end - start,
		.vm_flags = flags,
		.fixed = true,
	};
	s64 at = end > start ? mm_map(mm, &r) : 0;

	return at < 0 ? (int)at : 0;
}

/* The file's part, then what the file does not have: zeros. */
static int map_segment(struct mm *mm, struct file *f, const struct elf_segment *s, u64 bias)
{
	u64 start = s->vaddr + bias, file_end = start + s->filesz;
	u64 skew = start % PAGE_SIZE, zero_page = start - skew;
	struct map_request r = {
		.addr = start - skew,
		.len = ALIGN_UP(s->filesz + skew, PAGE_SIZE),
		.vm_flags = segment_vm_flags(s),
		.fixed = true,
		.file = f,
		.pgoff = (s->offset - skew) >> PAGE_SHIFT,
	};
	s64 at;

	if (s->filesz) {
		at = mm_map(mm, &r);
		if (at < 0)
			return (int)at;
		zero_page = ALIGN_UP(file_end, PAGE_SIZE);
		/* The rest of the last file page is the file's next bytes: only zeros may be seen there. */
		if (s->memsz > s->filesz && s->flags & PF_W &&
		    clear_user((void __user *)file_end, zero_page - file_end))
			return -EFAULT;
	}
	return map_anonymous(mm, zero_page, ALIGN_UP(start + s->memsz, PAGE_SIZE), r.vm_flags);
}

/* A free place for the whole image where mappings go; nobody else maps into this mm yet. */
static s64 find_place(struct mm *mm, const struct elf_info *elf)
{
	u64 slack = elf->align - PAGE_SIZE;
	struct map_request r = {
		.len = elf->high - elf->low + slack,
		.vm_flags = VM_NORESERVE | VM_MAYREAD,
	};
	s64 at = mm_map(mm, &r);
	int err;

	if (at < 0)
		return at;
	err = mm_unmap(mm, (u64)at, r.len);
	return err ? err : (s64)ALIGN_UP((u64)at, elf->align);
}

static s64 choose_base(struct mm *mm, const struct elf_info *elf, bool program)
{
	u64 base = PIE_BASE;

	if (!elf->pie)
		return (s64)elf->low;
	if (!program || !elf->interp_len)
		return find_place(mm, elf);
	if (exec_randomizes())
		base += random_u64() % PIE_RANDOM_PAGES * PAGE_SIZE;
	return (s64)ALIGN_DOWN(base, elf->align);
}

static int map_image(struct mm *mm, struct file *f, const struct elf_info *elf, bool program,
		     u64 *bias)
{
	s64 base = choose_base(mm, elf, program);
	int err = 0;

	if (base < 0)
		return (int)base;
	if ((u64)base + (elf->high - elf->low) > USER_END)
		return -ENOMEM;
	*bias = (u64)base - elf->low;
	for (u32 i = 0; i < elf->nr_segments && !err; i++)
		err = map_segment(mm, f, &elf->segments[i], *bias);
	return err;
}

static void note_extent(struct mm *mm, const struct elf_info *elf, u64 bias)
{
	mm->start_code = mm->start_data = ~0ul;
	for (u32 i = 0; i < elf->nr_segments; i++) {
		const struct elf_segment *s = &elf->segments[i];
		u64 start = s->vaddr + bias, end = start + s->filesz;

		mm->start_code = MIN(mm->start_code, start);
		if (s->flags & PF_X)
			mm->end_code = MAX(mm->end_code, end);
		mm->start_data = start;
		mm->end_data = MAX(mm->end_data, end);
	}
}

int elf_load(struct exec *x, struct loaded *out)
{
	struct mm *mm = current->mm;
	int err = map_image(mm, x->file, x->elf, true, &out->bias);

	if (err)
		return err;
	note_extent(mm, x->elf, out->bias);
	out->entry = x->elf->entry + out->bias;
	out->brk = x->elf->high + out->bias;
	/* Beside mappings a heap would have no room to grow. */
	if (x->elf->pie && !x->interp_elf)
		out->brk = PIE_BASE;
	if (!x->interp_elf)
		return 0;
	err = map_image(mm, x->interp, x->interp_elf, false, &out->interp_bias);
	if (!err)
		out->entry = x->interp_elf->entry + out->interp_bias;
	return err;
}
