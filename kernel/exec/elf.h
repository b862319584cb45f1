// SPDX-License-Identifier: MIT
/*
 * Reading ELF files: checks only, no kernel, so that it runs on the host too.
 *
 * Nothing of a file is believed: counts, sizes and offsets are checked for
 * overflow and against the user address space before anybody maps by them.
 */
#pragma once

#include <linux/elf.h>

#define ELF_MAX_PHDRS (65536 / sizeof(Elf64_Phdr))
#define ELF_MAX_SEGMENTS 64

struct elf_segment {
	u64 vaddr, memsz;   /* as in the file: not aligned */
	u64 offset, filesz; /* filesz <= memsz */
	u32 flags;          /* PF_* */
};

struct elf_info {
	bool pie;              /* ET_DYN: may be loaded anywhere */
	u64 entry;
	u64 phdr_vaddr;        /* where the program headers appear in memory; 0: they do not */
	u32 phnum;
	u64 interp_offset;     /* PT_INTERP's text; length 0: none */
	u64 interp_len;
	bool exec_stack;
	u64 low, high;         /* page aligned span of all segments */
	u64 align;             /* what the load address must be a multiple of; >= a page */
	u32 nr_segments;
	struct elf_segment segments[ELF_MAX_SEGMENTS]; /* rising, not overlapping */
};

/* The header: 0 and the place of the program headers, or -ENOEXEC. @n bytes of the file are at @head. */
int elf_check_header(const void *head, size_t n, u64 *phoff, u32 *phnum);
/* The program headers (@phnum of them): 0, -ENOEXEC (not a program), -EINVAL (segments make no sense). */
int elf_parse(const void *head, const Elf64_Phdr *ph, u32 phnum, u64 user_end, struct elf_info *out);
