// SPDX-License-Identifier: MIT
/*
 * mprotect(2) and munmap(2) on parts: each page has the rights that were given to
 * it last, and /proc/self/maps shows as few mappings as that needs.
 */
#include "mem.h"
#include "proc.h"

#define PAGES 6

static const struct step {
	const char *what;
	int count; /* mappings afterwards */
	struct {
		int first, pages, prot;
	} calls[4];
	const char *perms; /* of each page: rwx as digits 4 2 1, u for unmapped */
} steps[] = {
	{ "whole", 1, { { 0, 6, PROT_READ } }, "444444" },
	{ "first", 2, { { 0, 1, PROT_READ } }, "466666" },
	{ "last", 2, { { 5, 1, PROT_READ } }, "666664" },
	{ "middle", 3, { { 2, 2, PROT_READ } }, "664466" },
	{ "middle_and_back", 1, { { 2, 2, PROT_READ }, { 2, 2, RW } }, "666666" },
	{ "two_that_meet", 2, { { 0, 2, PROT_READ }, { 2, 2, PROT_READ } }, "444466" },
	{ "over_a_border", 2, { { 0, 3, PROT_READ }, { 2, 4, PROT_NONE } }, "440000" },
	{ "hole_filled", 1, { { 1, 4, PROT_READ }, { 0, 1, PROT_READ }, { 5, 1, PROT_READ } }, "444444" },
	{ "every_second", 6, { { 0, 1, PROT_READ }, { 2, 1, PROT_READ }, { 4, 1, PROT_READ } }, "464646" },
	{ "none_in_the_middle", 3, { { 1, 4, PROT_NONE } }, "600006" },
	{ "three_kinds", 3, { { 0, 2, PROT_NONE }, { 2, 2, PROT_READ } }, "004466" },
	{ "unmap_middle", 2, { { 2, 2, -1 } }, "66uu66" },
	{ "unmap_over_a_border", 1, { { 0, 3, PROT_READ }, { 2, 4, -1 } }, "44uuuu" },
	{ "unmap_edges", 1, { { 0, 1, -1 }, { 5, 1, -1 } }, "u6666u" },
};

static char *fresh(int kind)
{
	char *p;

	if (kind == 0)
		return map_anon(PAGES);
	p = map_file(make_file(kind == 2 ? FS_MEMORY : FS_DISK, "f", PAGES * PAGE), PAGES * PAGE,
		     kind == 3 ? MAP_PRIVATE : MAP_SHARED);
	return p;
}

/* With room on both sides, so that no neighbour joins. */
static char *fenced(int kind)
{
	char *fence = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *p = fresh(kind);

	CHECK(fence != MAP_FAILED && p != MAP_FAILED);
	CHECK(mremap(p, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fence + PAGE) ==
	      fence + PAGE);
	return fence + PAGE;
}

static void check_page(char *p, char perm, int n)
{
	int got = load(p), put = store(p, (char)(n + 1));

	if (perm == 'u' || perm == '0')
		CHECK(got == -SIGSEGV && put == -SIGSEGV);
	else
		CHECK(got == n + 1 && put == (perm == '6' ? 0 : -SIGSEGV));
	if (put)
		CHECK_EQ(fault_code, perm == 'u' ? SEGV_MAPERR : SEGV_ACCERR);
}

static void run_steps(const struct step *s, int kind)
{
	char *p = fenced(kind);

	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = (char)(i + 1);
	for (int i = 0; i < 4 && s->calls[i].pages; i++) {
		char *at = p + s->calls[i].first * PAGE;
		size_t len = s->calls[i].pages * PAGE;

		CHECK_EQ(s->calls[i].prot < 0 ? munmap(at, len) : mprotect(at, len, s->calls[i].prot), 0);
	}
	CHECK_EQ(count_mappings(p, PAGES * PAGE), s->count);
	for (int i = 0; i < PAGES; i++)
		check_page(p + i * PAGE, s->perms[i], i);
}

TEST_ROWS(parts, steps)
{
	catch_faults();
	for (int kind = 0; kind < 4; kind++)
		run_steps(row, kind);
}

TEST(protecting_over_a_hole_stops_there)
{
	char *p = map_anon(6);

	CHECK_EQ(munmap(p + 3 * PAGE, PAGE), 0);
	CHECK_ERR(mprotect(p, 6 * PAGE, PROT_READ), ENOMEM);
	catch_faults();
	CHECK_EQ(store(p, 1), -SIGSEGV); /* what lies before the hole changed */
	CHECK_EQ(store(p + 5 * PAGE, 1), 0);
}

TEST(odd_length_protects_the_whole_page)
{
	char *p = map_anon(2);

	CHECK_EQ(mprotect(p, 1, PROT_READ), 0);
	catch_faults();
	CHECK_EQ(store(p + PAGE - 1, 1), -SIGSEGV);
	CHECK_EQ(store(p + PAGE, 1), 0);
	CHECK_ERR(syscall(SYS_mprotect, p + 1, PAGE, RW), EINVAL); /* musl would round it down */
}

/* A page that was read-only and clean must not become writable without a fault: the file would not know. */
TEST(writable_again_still_marks_dirty)
{
	int fd = make_file(FS_DISK, "f", PAGE);
	char *p = map_file(fd, PAGE, MAP_SHARED), c;

	p[0] = '1';
	CHECK_EQ(mprotect(p, PAGE, PROT_READ), 0);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(mprotect(p, PAGE, RW), 0);
	p[0] = '2';
	CHECK_EQ(munmap(p, PAGE), 0);
	evict(fd);
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	CHECK_EQ(c, '2');
}

TEST(prot_none_keeps_the_bytes)
{
	char *p = map_anon(3);

	memset(p, 'k', 3 * PAGE);
	CHECK_EQ(mprotect(p, 3 * PAGE, PROT_NONE), 0);
	WAIT_OK(CHILD({
		CHECK_EQ(mprotect(p, 3 * PAGE, RW), 0);
		CHECK(all_bytes(p, 3 * PAGE, 'k'));
		memset(p, 'c', 3 * PAGE);
	}));
	CHECK_EQ(mprotect(p, 3 * PAGE, PROT_READ), 0);
	CHECK(all_bytes(p, 3 * PAGE, 'k'));
}

TEST(neighbours_of_one_kind_join)
{
	char *p = mmap(NULL, 6 * PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 1; i < 5; i += 2)
		CHECK(mmap(p + i * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + i * PAGE);
	CHECK_EQ(count_mappings(p, 6 * PAGE), 5);
	CHECK(mmap(p + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + 2 * PAGE);
	CHECK_EQ(count_mappings(p, 6 * PAGE), 3);
}

TEST(file_neighbours_join_only_in_file_order)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE);
	char *p = mmap(NULL, 6 * PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == p + PAGE);
	CHECK(mmap(p + 2 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, PAGE) == p + 2 * PAGE);
	CHECK_EQ(count_mappings(p + PAGE, 2 * PAGE), 1);
	CHECK(mmap(p + 3 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, PAGE) == p + 3 * PAGE);
	CHECK_EQ(count_mappings(p + PAGE, 3 * PAGE), 2);
}
