// SPDX-License-Identifier: MIT
/* The ELF checks against headers that a file system, a linker or an attacker may hand us. */
/* test-sources: kernel/exec/elf.c */
#include "test.h"

#include <tarn/errno.h>

#include "elf.h"

#define END 0x7ffffffff000ul

struct image {
	Elf64_Ehdr h;
	Elf64_Phdr ph[8];
	u32 n;
};

static struct image good(void)
{
	struct image g = {
		.h = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = 0x401000,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
		.ph = {
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000,
			  .p_filesz = 0x1800, .p_memsz = 0x1800, .p_align = 0x1000 },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x1800,
			  .p_vaddr = 0x402800, .p_filesz = 0x100, .p_memsz = 0x5000, .p_align = 0x1000 },
		},
		.n = 2,
	};

	return g;
}

static int parse(const struct image *g, struct elf_info *info)
{
	u64 phoff;
	u32 phnum;
	int err = elf_check_header(&g->h, sizeof(g->h), &phoff, &phnum);

	return err ? err : elf_parse(&g->h, g->ph, g->n, END, info);
}

TEST(elf_good_program)
{
	struct image g = good();
	struct elf_info e;

	ASSERT(parse(&g, &e) == 0);
	EXPECT_EQ(e.nr_segments, 2);
	EXPECT_EQ(e.low, 0x400000);
	EXPECT_EQ(e.high, 0x408000);
	EXPECT_EQ(e.phdr_vaddr, 0x400040);
	EXPECT_EQ(e.entry, 0x401000);
	EXPECT(!e.pie);
	EXPECT(!e.exec_stack);
	EXPECT_EQ(e.interp_len, 0);
}

TEST(elf_header_refusals)
{
	static const struct {
		const char *what;
		size_t offset, size;
		u64 value;
	} rows[] = {
		{ "magic", 0, 1, 0x7e },
		{ "32 bit", EI_CLASS, 1, ELFCLASS32 },
		{ "big endian", EI_DATA, 1, ELFDATA2MSB },
		{ "object file", offsetof(Elf64_Ehdr, e_type), 2, ET_REL },
		{ "core file", offsetof(Elf64_Ehdr, e_type), 2, ET_CORE },
		{ "arm", offsetof(Elf64_Ehdr, e_machine), 2, EM_AARCH64 },
		{ "phentsize 0", offsetof(Elf64_Ehdr, e_phentsize), 2, 0 },
		{ "phentsize 64", offsetof(Elf64_Ehdr, e_phentsize), 2, 64 },
		{ "phnum 0", offsetof(Elf64_Ehdr, e_phnum), 2, 0 },
		{ "phnum 65535", offsetof(Elf64_Ehdr, e_phnum), 2, 65535 },
		{ "phoff beyond any file", offsetof(Elf64_Ehdr, e_phoff), 8, ~0ull },
		{ "phoff at the edge", offsetof(Elf64_Ehdr, e_phoff), 8, INT64_MAX - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image g = good();
		struct elf_info e;

		ROW(rows[i].what);
		memcpy((char *)&g.h + rows[i].offset, &rows[i].value, rows[i].size);
		EXPECT_EQ(parse(&g, &e), -ENOEXEC);
	}
}

TEST(elf_truncated_header)
{
	struct image g = good();
	u64 phoff;
	u32 phnum;

	for (size_t n = 0; n < sizeof(g.h); n++)
		EXPECT_EQ(elf_check_header(&g.h, n, &phoff, &phnum), -ENOEXEC);
}

TEST(elf_segment_refusals)
{
	static const struct {
		const char *what;
		Elf64_Phdr ph; /* replaces the second segment */
		int err;
	} rows[] = {
		{ "file larger than memory", { PT_LOAD, PF_R, 0, 0x402000, 0, 0x2000, 0x1000, 0 }, -EINVAL },
		{ "memory past the user half", { PT_LOAD, PF_R, 0, 0x402000, 0, 0, END, 0 }, -EINVAL },
		{ "address in the kernel half", { PT_LOAD, PF_R, 0, 0xffff800000000000, 0, 0, 1, 0 }, -EINVAL },
		{ "address wraps", { PT_LOAD, PF_R, 0, ~0ull - 0xfff, 0, 0, 0x2000, 0 }, -EINVAL },
		{ "memory size wraps", { PT_LOAD, PF_R, 0, 0x402000, 0, 0, ~0ull, 0 }, -EINVAL },
		{ "offset beyond any file", { PT_LOAD, PF_R, ~0ull - 0xfff, 0x402000, 0, 0x10, 0x10, 0 }, -EINVAL },
		{ "offset and address differ in the page", { PT_LOAD, PF_R, 0x1801, 0x402800, 0, 0x10, 0x10, 0 }, -EINVAL },
		{ "overlaps the first", { PT_LOAD, PF_R, 0x17ff, 0x4017ff, 0, 0x10, 0x10, 0 }, -EINVAL },
		{ "below the first", { PT_LOAD, PF_R, 0, 0x300000, 0, 0x10, 0x10, 0 }, -EINVAL },
		{ "directly after the first", { PT_LOAD, PF_R, 0x1800, 0x401800, 0, 0x10, 0x10, 0 }, 0 },
		{ "empty", { PT_LOAD, PF_R, 0, 0, 0, 0, 0, 0 }, 0 },
		{ "all zeros, ends at the top", { PT_LOAD, PF_R, 0, 0x402000, 0, 0, END - 0x402000, 0 }, 0 },
		{ "interpreter name too short", { PT_INTERP, PF_R, 0, 0, 0, 1, 1, 0 }, -ENOEXEC },
		{ "interpreter name too long", { PT_INTERP, PF_R, 0, 0, 0, 4097, 4097, 0 }, -ENOEXEC },
		{ "interpreter name nowhere", { PT_INTERP, PF_R, ~0ull, 0, 0, 20, 20, 0 }, -ENOEXEC },
		{ "interpreter", { PT_INTERP, PF_R, 0x200, 0, 0, 28, 28, 0 }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image g = good();
		struct elf_info e;

		ROW(rows[i].what);
		g.ph[1] = rows[i].ph;
		EXPECT_EQ(parse(&g, &e), rows[i].err);
	}
}

TEST(elf_nothing_to_load)
{
	struct image g = good();
	struct elf_info e;

	g.ph[0].p_type = g.ph[1].p_type = PT_NOTE;
	EXPECT_EQ(parse(&g, &e), -ENOEXEC);
}

TEST(elf_entry_outside)
{
	struct image g = good();
	struct elf_info e;

	g.h.e_entry = END;
	EXPECT_EQ(parse(&g, &e), -EINVAL);
}

TEST(elf_first_interpreter_counts)
{
	struct image g = good();
	struct elf_info e;

	g.ph[2] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = 0x300, .p_filesz = 10 };
	g.ph[3] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = 0x400, .p_filesz = 20 };
	g.n = 4;
	ASSERT(parse(&g, &e) == 0);
	EXPECT_EQ(e.interp_offset, 0x300);
	EXPECT_EQ(e.interp_len, 10);
}

TEST(elf_stack_and_alignment)
{
	struct image g = good();
	struct elf_info e;

	g.ph[1].p_align = 0x200000;
	g.ph[2] = (Elf64_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X };
	g.n = 3;
	ASSERT(parse(&g, &e) == 0);
	EXPECT(e.exec_stack);
	EXPECT_EQ(e.align, 0x200000);
	g.ph[1].p_align = 0x300000; /* no power of two: not believed */
	ASSERT(parse(&g, &e) == 0);
	EXPECT_EQ(e.align, 0x1000);
}

/* Whatever the program headers say, what comes out can be mapped. */
TEST(elf_random_headers_stay_in_bounds)
{
	for (int round = 0; round < 20000; round++) {
		struct image g = good();
		struct elf_info e;
		u64 end = 0;

		g.n = 8;
		for (u32 i = 0; i < sizeof(g.ph) / 8; i++)
			if (test_random() % 3 == 0)
				((u64 *)g.ph)[i] = test_random() >> test_random() % 64;
		if (parse(&g, &e))
			continue;
		for (u32 i = 0; i < e.nr_segments; i++) {
			const struct elf_segment *s = &e.segments[i];

			ASSERT(s->filesz <= s->memsz && s->vaddr >= end);
			end = s->vaddr + s->memsz;
			ASSERT(end > s->vaddr && end <= END);
		}
	}
}
