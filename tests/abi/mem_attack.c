// SPDX-License-Identifier: MIT
/* The memory calls with arguments that an attacker would choose: refused, and nobody else notices. */
#include "mem.h"

static long remap_pages(void *p, size_t len, int prot, size_t pgoff, int flags)
{
	return syscall(SYS_remap_file_pages, p, len, prot, pgoff, flags);
}

/* The place to be cleared was the source: a NULL dereference. */
TEST(mremap_of_length_0_onto_itself)
{
	become(STRANGER);
	for (int huge = 0; huge < 2; huge++) {
		size_t len = huge ? 4 * HUGE : 2 * PAGE;
		char *p = mmap(NULL, len, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		CHECK(p != MAP_FAILED);
		p[0] = 1;
		CHECK_ERR((long)mremap(p, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p), EFAULT);
	}
}

TEST(mremap_of_length_0_over_the_rest_of_itself)
{
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;

	CHECK(p != MAP_FAILED);
	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)('a' + i);
	q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE);
	CHECK(q == p + PAGE);
	CHECK(p[0] == 'a' && q[0] == 'a' && q[PAGE] == 'b' && p[3 * PAGE] == 'd');
	/* The place begins below the source and covers it. */
	CHECK_ERR((long)mremap(p + PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p), EINVAL);
}

#define TOP 0x7ffffffff000ul /* the end of a program's addresses */

static const struct remap_row {
	const char *what;
	size_t offset; /* of the source in a shared mapping of 4 pages */
	size_t old_len, new_len;
	int flags;
	uintptr_t to;  /* with MREMAP_FIXED */
	int err;
} remap_rows[] = {
	{ "old_wraps_to_0", 0, -1ul, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000000, 0 },
	{ "old_ends_beyond_all", 0, -PAGE, PAGE, 0, 0, EINVAL },
	{ "old_ends_beyond_all_fixed", 0, -PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000000, EINVAL },
	{ "new_of_all", 0, PAGE, TOP, MREMAP_MAYMOVE, 0, ENOMEM },
	{ "new_wraps_to_0", 0, PAGE, -1ul, MREMAP_MAYMOVE, 0, EINVAL },
	{ "new_ends_beyond_all", 0, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, TOP - PAGE, EINVAL },
	{ "new_wraps_around", 0, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, -PAGE, EINVAL },
	{ "new_at_page_0", 0, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0, EPERM },
	{ "dup_from_the_middle", PAGE, 0, PAGE, MREMAP_MAYMOVE, 0, 0 },
	{ "dup_from_behind", 4 * PAGE, 0, PAGE, MREMAP_MAYMOVE, 0, EFAULT },
};

TEST_ROWS(mremap_of_hostile_ranges, remap_rows)
{
	char *room = mmap(NULL, 6 * PAGE, PROT_NONE, ANON, -1, 0), *p;
	void *to = (void *)row->to, *q;

	CHECK(room != MAP_FAILED);
	p = mmap(room, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(p == room && !munmap(p + 4 * PAGE, 2 * PAGE));
	become(STRANGER);
	q = (void *)syscall(SYS_mremap, p + row->offset, row->old_len, row->new_len, row->flags, to);
	if (row->err) {
		CHECK_EQ(errno, row->err);
		CHECK(q == MAP_FAILED);
	} else {
		CHECK(q != MAP_FAILED);
	}
}

/* No position of a file lies beyond LLONG_MAX, and page numbers do not wrap around to its first page. */
TEST(mappings_reach_no_further_than_files)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE);
	char *p = map_file(fd, 2 * PAGE, MAP_SHARED);

	CHECK_ERR((long)mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0x7ffffffffffff000), EOVERFLOW);
	CHECK_ERR((long)mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, -PAGE), EOVERFLOW);
	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0x7fffffffffffe000) != MAP_FAILED);
	CHECK_ERR(remap_pages(p, PAGE, 0, 1ul << 52, 0), EOVERFLOW);
	CHECK_ERR(remap_pages(p, PAGE, 0, ~0ul, 0), EINVAL);
	catch_faults();
	CHECK_EQ(load(p), 0);
}

/* What others read of a file cannot be pushed out by whoever may only read it, which would show who reads. */
TEST(pageout_dropped_pages_of_files_that_are_not_ours)
{
	int fd = make_file(FS_DISK, "f", 0);
	char data[4 * PAGE], *p;

	memset(data, 7, sizeof(data));
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	CHECK(!fsync(fd) && !fchmod(fd, 0644));
	CHECK_EQ(pread(fd, data, sizeof(data), 0), sizeof(data));
	p = mmap(NULL, sizeof(data), PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && resident(p) && resident(p + 3 * PAGE));
	WAIT_OK(CHILD({
		char *q;
		int in;

		in = open("f", O_RDONLY); /* the directory is root's */
		become(STRANGER);
		q = mmap(NULL, sizeof(data), PROT_READ, MAP_SHARED, in, 0);
		CHECK(q != MAP_FAILED);
		CHECK_EQ(madvise(q, sizeof(data), MADV_COLD), 0);
		CHECK_EQ(madvise(q, sizeof(data), MADV_PAGEOUT), 0);
		q = mmap(NULL, sizeof(data), PROT_READ, MAP_PRIVATE, in, 0);
		CHECK_EQ(madvise(q, sizeof(data), MADV_PAGEOUT), 0);
	}));
	for (int i = 0; i < 4; i++)
		CHECK(resident(p + i * PAGE));
}

/* To whom the file is not all of it seems to be there: Linux since 5.0. */
TEST(mincore_told_what_others_read)
{
	int fd = make_file(FS_DISK, "f", 64 * PAGE);
	char *p = map_file(fd, 64 * PAGE, MAP_SHARED);

	CHECK(!fchmod(fd, 0644));
	CHECK(!resident(p + 40 * PAGE));
	become(STRANGER);
	CHECK(resident(p + 40 * PAGE));
	CHECK(!resident(map_anon(1)));
}
