// SPDX-License-Identifier: MIT
/* Reading ELF files: see elf.h. */
#include "elf.h"

#include <tarn/errno.h>
#include <tarn/math.h>
#include <tarn/string.h>

#define INTERP_MAX 4096

int elf_check_header(const void *head, size_t n, u64 *phoff, u32 *phnum)
{
	const Elf64_Ehdr *h = head;

	if (n < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if ((h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_machine != EM_X86_64)
		return -ENOEXEC;
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum < 1 || h->e_phnum > ELF_MAX_PHDRS)
		return -ENOEXEC;
	if (h->e_phoff > (u64)INT64_MAX - h->e_phnum * sizeof(Elf64_Phdr))
		return -ENOEXEC;
	*phoff = h->e_phoff;
	*phnum = h->e_phnum;
	return 0;
}

static bool power_of_two(u64 x)
{
	return x && !(x & (x - 1));
}

static bool segment_ok(const Elf64_Phdr *ph, u64 user_end)
{
	u64 end;

	if (ph->p_filesz > ph->p_memsz || ph->p_memsz > user_end)
		return false;
	if (add_overflow(ph->p_vaddr, ph->p_memsz, &end) || end > user_end)
		return false;
	if (ph->p_filesz && ph->p_offset > (u64)INT64_MAX - ph->p_filesz - PAGE_SIZE)
		return false;
	/* A page of the file becomes a page of memory, so both have the same remainder. */
	return !ph->p_filesz || (ph->p_vaddr - ph->p_offset) % PAGE_SIZE == 0;
}

static int add_segment(struct elf_info *out, const Elf64_Phdr *ph, u64 user_end)
{
	struct elf_segment *last = out->nr_segments ? &out->segments[out->nr_segments - 1] : NULL;

	if (!ph->p_memsz)
		return 0;
	if (!segment_ok(ph, user_end) || out->nr_segments == ELF_MAX_SEGMENTS)
		return -EINVAL;
	if (last && ph->p_vaddr < last->vaddr + last->memsz)
		return -EINVAL;
	if (!last)
		out->low = ALIGN_DOWN(ph->p_vaddr, PAGE_SIZE);
	out->high = ALIGN_UP(ph->p_vaddr + ph->p_memsz, PAGE_SIZE);
	if (power_of_two(ph->p_align) && ph->p_align <= 1ul << 30)
		out->align = MAX(out->align, ph->p_align);
	out->segments[out->nr_segments++] = (struct elf_segment){
		.vaddr = ph->p_vaddr,
		.memsz = ph->p_memsz,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.flags = ph->p_flags,
	};
	return 0;
}

static int set_interp(struct elf_info *out, const Elf64_Phdr *ph)
{
	if (out->interp_len)
		return 0; /* the first counts */
	if (ph->p_filesz < 2 || ph->p_filesz > INTERP_MAX || ph->p_offset > (u64)INT64_MAX - INTERP_MAX)
		return -ENOEXEC;
	out->interp_offset = ph->p_offset;
	out->interp_len = ph->p_filesz;
	return 0;
}

/* The program headers' own address, for AT_PHDR: in the segment that loads them. */
static void find_phdr_vaddr(struct elf_info *out, u64 phoff)
{
	for (u32 i = 0; i < out->nr_segments; i++) {
		const struct elf_segment *s = &out->segments[i];

		if (phoff >= s->offset && phoff - s->offset < s->filesz) {
			out->phdr_vaddr = phoff - s->offset + s->vaddr;
			return;
		}
	}
}

int elf_parse(const void *head, const Elf64_Phdr *ph, u32 phnum, u64 user_end, struct elf_info *out)
{
	const Elf64_Ehdr *h = head;
	int err = 0;

	memset(out, 0, sizeof(*out));
	out->pie = h->e_type == ET_DYN;
	out->entry = h->e_entry;
	out->phnum = phnum;
	out->align = PAGE_SIZE;
	for (u32 i = 0; i < phnum && !err; i++) {
		if (ph[i].p_type == PT_LOAD)
			err = add_segment(out, &ph[i], user_end);
		else if (ph[i].p_type == PT_INTERP)
			err = set_interp(out, &ph[i]);
		else if (ph[i].p_type == PT_GNU_STACK)
			out->exec_stack = ph[i].p_flags & PF_X;
	}
	if (err)
		return err;
	if (!out->nr_segments)
		return -ENOEXEC;
	if (out->entry >= user_end)
		return -EINVAL;
	find_phdr_vaddr(out, h->e_phoff);
	return 0;
}
