// SPDX-License-Identifier: MIT
/* The ends of ranges and the order of refusals in mmap(2), mremap(2) and madvise(2). */
#include "mem.h"
#include "proc.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define HUGE_FLAG_BITS 0x54000000 /* MAP_HUGE_2MB without MAP_HUGETLB */

enum which { BAD, FILE_RW, FILE_RO, NONE };

/* The call itself: musl's mmap() judges lengths and offsets before the kernel does. */
static const struct mmap_row {
	const char *what;
	uintptr_t addr;
	size_t len;
	int prot, flags;
	enum which fd;
	unsigned long off;
	int err;
} mmap_rows[] = {
	{ "length_0_of_nothing", 0, 0, RW, ANON, NONE, 0, EINVAL },
	{ "length_0_of_a_bad_descriptor", 0, 0, RW, MAP_PRIVATE, BAD, 0, EBADF },
	{ "length_0_of_a_file", 0, 0, RW, MAP_PRIVATE, FILE_RW, 0, EINVAL },
	{ "wrapping_length_of_a_bad_descriptor", 0, -1ul, RW, MAP_PRIVATE, BAD, 0, EBADF },
	{ "odd_offset_of_a_bad_descriptor", 0, PAGE, RW, MAP_PRIVATE, BAD, 5, EINVAL },
	{ "no_sharing_of_a_bad_descriptor", 0, PAGE, RW, 0, BAD, 0, EBADF },
	{ "no_sharing_of_a_file", 0, PAGE, RW, 0, FILE_RW, 0, EINVAL },
	{ "both_sharings_of_nothing", 0, PAGE, RW, ANON | MAP_SHARED, NONE, 0, EINVAL },
	{ "length_that_rounds_to_0", 0, -1ul, RW, ANON, NONE, 0, ENOMEM },
	{ "length_of_all", 0, -PAGE, RW, ANON, NONE, 0, ENOMEM },
	{ "odd_fixed_address", 1, PAGE, RW, ANON | MAP_FIXED, NONE, 0, EINVAL },
	{ "fixed_at_the_kernels_end", -PAGE, PAGE, RW, ANON | MAP_FIXED, NONE, 0, ENOMEM },
	{ "hint_at_the_kernels_end", -PAGE, PAGE, RW, ANON, NONE, 0, 0 },
	{ "growing_file", 0, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, FILE_RW, 0, EINVAL },
	{ "growing_shared", 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, NONE, 0, EINVAL },
	{ "huge_file_that_is_none", 0, PAGE, RW, MAP_PRIVATE | MAP_HUGETLB, FILE_RW, 0, EINVAL },
	{ "huge_size_without_huge", 0, PAGE, RW, ANON | HUGE_FLAG_BITS, NONE, 0, 0 },
	{ "unknown_flag", 0, PAGE, RW, MAP_PRIVATE | 0x1000000, FILE_RW, 0, 0 },
	{ "unknown_flag_validated", 0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x1000000, FILE_RO, 0, EOPNOTSUPP },
	{ "validated_of_nothing", 0, PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, NONE, 0, EINVAL },
	{ "offset_beyond_loff_t", 0, PAGE, PROT_READ, MAP_SHARED, FILE_RW, 0x7ffffffffffff000, EOVERFLOW },
	{ "last_offset", 0, PAGE, PROT_READ, MAP_SHARED, FILE_RW, 0x7fffffffffffe000, 0 },
	{ "offset_beyond_before_mode", 0, PAGE, RW, MAP_SHARED, FILE_RO, 0x7ffffffffffff000, EOVERFLOW },
	{ "store_to_what_is_read_only", 0, PAGE, RW, MAP_SHARED, FILE_RO, 0, EACCES },
};

TEST_ROWS(mmap_refuses, mmap_rows)
{
	int rw = make_file(FS_DISK, "f", 4 * PAGE);
	int fds[] = { 999, rw, open("f", O_RDONLY), -1 };
	long at = syscall(SYS_mmap, row->addr, row->len, row->prot, row->flags, fds[row->fd], row->off);

	if (row->err) {
		CHECK_EQ(at, -1);
		CHECK_EQ(errno, row->err);
	} else {
		CHECK(at != -1);
	}
}

/* Nothing of the source is lost, and what is mapped behind the hole stays (the place may be cleared or not). */
TEST(a_failed_fixed_mremap_keeps_its_source)
{
	char *p = map_anon(4), *q = map_anon(10);

	p[0] = 'a';
	p[3 * PAGE] = 'd';
	CHECK(!mprotect(p, PAGE, PROT_READ)); /* the range lies in two mappings */
	q[9 * PAGE] = 'q';
	CHECK_ERR((long)mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q), EFAULT);
	CHECK(p[0] == 'a' && p[3 * PAGE] == 'd' && q[9 * PAGE] == 'q');
}

/* The length is judged with the mapping: where there is none that comes first. */
TEST(mremap_of_length_0)
{
	char *p = map_anon(2);

	CHECK_ERR((long)mremap(p, 0, PAGE, MREMAP_MAYMOVE), EINVAL);
	CHECK(!munmap(p, PAGE));
	CHECK_ERR((long)mremap(p, 0, PAGE, MREMAP_MAYMOVE), EFAULT);
}

static const struct advice_row {
	const char *what;
	long start; /* pages from that of 5, of which the third is a hole */
	size_t len;
	int advice, err;
} advice_rows[] = {
	{ "length_0", 0, 0, MADV_DONTNEED, 0 },
	{ "length_0_unknown", 0, 0, 99, EINVAL },
	{ "one_byte", 0, 1, MADV_DONTNEED, 0 },
	{ "wraps", 0, -PAGE, MADV_NORMAL, EINVAL },
	{ "rounds_to_0", 0, -1ul, MADV_NORMAL, EINVAL },
	{ "hole_dontneed", 0, 5 * PAGE, MADV_DONTNEED, ENOMEM },
	{ "hole_normal", 0, 5 * PAGE, MADV_NORMAL, ENOMEM },
	{ "hole_pageout", 0, 5 * PAGE, MADV_PAGEOUT, ENOMEM },
	{ "hole_populate", 0, 5 * PAGE, MADV_POPULATE_READ, ENOMEM },
	{ "remove_private", 0, PAGE, MADV_REMOVE, EINVAL },
};

TEST_ROWS(madvise_answers, advice_rows)
{
	char *p = map_anon(5);

	CHECK(!munmap(p + 2 * PAGE, PAGE));
	if (row->err)
		CHECK_ERR(madvise(p + row->start, row->len, row->advice), row->err);
	else
		CHECK_EQ(madvise(p + row->start, row->len, row->advice), 0);
}

/* Stores of 4 KiB from a buffer that is just read, not there, or ends: as many bytes as there are. */
TEST(large_writes_from_buffers_that_end)
{
	int fd = make_file(FS_DISK, "f", 0);
	char *p = map_anon(3), back[PAGE];

	for (size_t i = 0; i < 2 * PAGE; i++)
		p[i] = (char)(i * 7 + i / 256);
	CHECK(!munmap(p + 2 * PAGE, PAGE));
	for (size_t left = 1; left < PAGE; left += left < 130 ? 1 : 61) {
		const char *from = p + 2 * PAGE - left;

		CHECK_EQ(pwrite(fd, from, PAGE, 0), left);
		CHECK_EQ(pread(fd, back, left, 0), left);
		CHECK(!memcmp(back, from, left));
	}
	CHECK_ERR(pwrite(fd, p + 2 * PAGE, PAGE, 0), EFAULT);
}

/* "sh" is for what may be stored to: a shared mapping of a file open for reading alone has only "ms". */
TEST(smaps_showed_read_only_files_as_shared)
{
	int rw = make_file(FS_DISK, "f", PAGE), ro = open("f", O_RDONLY);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0), *line;
	char *q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, rw, 0);

	CHECK(p != MAP_FAILED && q != MAP_FAILED);
	line = strstr(smaps_of(p), "VmFlags:");
	CHECK(line && !strstr(line, " sh ") && strstr(line, " ms "));
	line = strstr(smaps_of(q), "VmFlags:");
	CHECK(line && strstr(line, " sh ") && strstr(line, " ms "));
}
