// SPDX-License-Identifier: MIT
/* mremap(2): pages keep their bytes, their sharing and their rights wherever they go. */
#include "mem.h"
#include "proc.h"

#define BIG 1500 /* pages: over several page tables */

/* Free addresses with an odd distance to page table borders. */
static char *odd_room(size_t pages)
{
	char *p = mmap(NULL, (pages + 8) * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK_EQ(munmap(p, (pages + 8) * PAGE), 0);
	return p + 5 * PAGE;
}

static char *anon_private(size_t pages)
{
	return map_anon(pages);
}

static char *anon_shared(size_t pages)
{
	return mmap(NULL, pages * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static char *disk_shared(size_t pages)
{
	return map_file(make_file(FS_DISK, "f", BIG * PAGE), pages * PAGE, MAP_SHARED);
}

static char *disk_private(size_t pages)
{
	return map_file(make_file(FS_DISK, "f", BIG * PAGE), pages * PAGE, MAP_PRIVATE);
}

static char *memory_shared(size_t pages)
{
	return map_file(make_file(FS_MEMORY, "f", BIG * PAGE), pages * PAGE, MAP_SHARED);
}

static const struct kind {
	const char *what;
	char *(*make)(size_t pages);
} kinds[] = {
	{ "anon_private", anon_private }, { "anon_shared", anon_shared },
	{ "disk_shared", disk_shared },   { "disk_private", disk_private },
	{ "memory_shared", memory_shared },
};

TEST_ROWS(move_keeps_all_bytes, kinds)
{
	char *p = row->make(BIG), *to = odd_room(BIG), *q;

	CHECK(p != MAP_FAILED);
	catch_faults();
	stamp_pages(p, 0, BIG, 1);
	q = mremap(p, BIG * PAGE, BIG * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	CHECK(q == to);
	CHECK(stamped(q, 0, BIG, 1));
	CHECK(load(p) == -SIGSEGV && load(p + (BIG - 1) * PAGE) == -SIGSEGV);
	WAIT_OK(CHILD({ CHECK(stamped(q, 0, BIG, 1)); }));
}

/* Only every third page is there: the holes stay holes, and zero. */
TEST_ROWS(move_of_sparse_pages, kinds)
{
	char *p = row->make(BIG), *q;

	for (size_t i = 0; i < BIG; i += 3)
		p[i * PAGE] = (char)(i | 1);
	q = mremap(p, BIG * PAGE, BIG * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd_room(BIG));
	CHECK(q != MAP_FAILED);
	for (size_t i = 0; i < BIG; i++)
		CHECK_EQ(q[i * PAGE], i % 3 ? 0 : (char)(i | 1));
}

TEST_ROWS(back_and_forth, kinds)
{
	char *p = row->make(8), *a = p, *b = odd_room(8);

	stamp_pages(p, 0, 8, 1);
	for (int i = 0; i < 200; i++) {
		char *from = i % 2 ? b : a, *to = i % 2 ? a : b;

		CHECK(mremap(from, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
		CHECK(stamped(to, 0, 8, 1));
	}
}

TEST_ROWS(grow_shows_what_is_behind, kinds)
{
	char *p = row->make(4), *wall, *q;

	stamp_pages(p, 0, 4, 1);
	wall = mmap(p + 4 * PAGE, PAGE, PROT_NONE, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	(void)wall; /* there is something above in any case */
	CHECK_ERR((long)mremap(p, 4 * PAGE, 16 * PAGE, 0), ENOMEM);
	q = mremap(p, 4 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	CHECK(stamped(q, 0, 4, 1));
	catch_faults();
	CHECK_EQ(load(q + 15 * PAGE), row->make == anon_shared ? -SIGBUS : 0);
}

TEST(grow_in_place_joins_the_free_room)
{
	char *at = odd_room(16), *p = mmap(at, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0);

	CHECK(p == at);
	stamp_pages(p, 0, 4, 1);
	CHECK(mremap(p, 4 * PAGE, 16 * PAGE, 0) == p);
	CHECK(stamped(p, 0, 4, 1));
	CHECK(all_bytes(p + 4 * PAGE, 12 * PAGE, 0));
	CHECK_EQ(count_mappings(p, 16 * PAGE), 1);
}

TEST(shrink_with_move)
{
	char *p = map_anon(16), *q;

	stamp_pages(p, 0, 16, 1);
	q = mremap(p, 16 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd_room(16));
	CHECK(q != MAP_FAILED);
	CHECK(stamped(q, 0, 4, 1));
	catch_faults();
	CHECK(load(p) == -SIGSEGV && load(p + 15 * PAGE) == -SIGSEGV && load(q + 4 * PAGE) == -SIGSEGV);
}

TEST(middle_of_a_mapping_moves)
{
	char *p = map_anon(9), *q;

	for (int i = 0; i < 9; i++)
		memset(p + i * PAGE, 'a' + i, PAGE);
	q = mremap(p + 3 * PAGE, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd_room(3));
	CHECK(q != MAP_FAILED);
	CHECK(q[0] == 'd' && q[2 * PAGE] == 'f' && p[0] == 'a' && p[6 * PAGE] == 'g');
	catch_faults();
	CHECK(load(p + 3 * PAGE) == -SIGSEGV && load(p + 5 * PAGE) == -SIGSEGV);
}

TEST(old_length_zero_doubles_a_shared_mapping)
{
	char *p = anon_shared(2), *q;

	p[PAGE] = 's';
	q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	CHECK_EQ(q[PAGE], 's');
	q[0] = 't';
	CHECK_EQ(p[0], 't');
	CHECK_ERR((long)mremap(map_anon(2), 0, 2 * PAGE, MREMAP_MAYMOVE), EINVAL);
}

/* Private copies travel with their mapping, clean pages still follow the file. */
TEST(private_file_pages_travel)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE);
	char *p = map_file(fd, 4 * PAGE, MAP_PRIVATE), *q;

	p[0] = 'm';
	CHECK_EQ(p[PAGE], 0);
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd_room(4));
	CHECK(q != MAP_FAILED);
	CHECK_EQ(pwrite(fd, "f", 1, 0), 1);
	CHECK_EQ(pwrite(fd, "f", 1, PAGE), 1);
	CHECK(q[0] == 'm' && q[PAGE] == 'f');
}

TEST(moved_stores_reach_the_disk)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE);
	char *p = map_file(fd, 4 * PAGE, MAP_SHARED), *q, buf[4 * PAGE];

	memset(p, '1', 2 * PAGE);
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd_room(4));
	CHECK(q != MAP_FAILED);
	CHECK_EQ(msync(q, 4 * PAGE, MS_SYNC), 0);
	memset(q, '2', PAGE); /* after it was cleaned: dirty anew */
	CHECK_EQ(munmap(q, 4 * PAGE), 0);
	evict(fd);
	CHECK_EQ(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	CHECK(all_bytes(buf, PAGE, '2') && all_bytes(buf + PAGE, PAGE, '1') &&
	      all_bytes(buf + 2 * PAGE, 2 * PAGE, 0));
}

TEST(protection_travels)
{
	char *p = map_anon(2), *q;

	p[0] = 'r';
	CHECK_EQ(mprotect(p, 2 * PAGE, PROT_READ), 0);
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd_room(2));
	CHECK(q != MAP_FAILED);
	catch_faults();
	CHECK_EQ(load(q), 'r');
	CHECK_EQ(store(q, 1), -SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
}

TEST(dontunmap_shared_leaves_the_file_behind)
{
	char *p = anon_shared(2), *q;

	p[0] = 's';
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	CHECK(q != MAP_FAILED && q != p);
	CHECK(q[0] == 's' && p[0] == 's');
	p[0] = 't';
	CHECK_EQ(q[0], 't');
}

TEST(move_after_fork_leaves_the_child_alone)
{
	char *p = map_anon(4), *q, c;
	int go[2];
	pid_t pid;

	CHECK_EQ(pipe(go), 0);
	stamp_pages(p, 0, 4, 1);
	pid = CHILD({
		CHECK_EQ(read(go[0], &c, 1), 1);
		CHECK(stamped(p, 0, 4, 1));
	});
	q = mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd_room(8));
	CHECK(q != MAP_FAILED);
	memset(q, 0x77, 8 * PAGE);
	CHECK_EQ(write(go[1], "g", 1), 1);
	WAIT_OK(pid);
}

static const struct refusal {
	const char *what;
	size_t from, old_len, new_len; /* bytes, from the mapping's start */
	int flags;
	long to; /* pages from the mapping's start */
	int err;
} refusals[] = {
	{ "odd_address", 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0, EINVAL },
	{ "new_length_zero", 0, PAGE, 0, MREMAP_MAYMOVE, 0, EINVAL },
	{ "unknown_flag", 0, PAGE, PAGE, 64, 0, EINVAL },
	{ "fixed_without_maymove", 0, PAGE, PAGE, MREMAP_FIXED, 64, EINVAL },
	{ "dontunmap_without_maymove", 0, PAGE, PAGE, MREMAP_DONTUNMAP, 64, EINVAL },
	{ "overlap", 0, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 2, EINVAL },
	{ "old_behind_the_mapping", 0, 64 * PAGE, 65 * PAGE, MREMAP_MAYMOVE, 0, EFAULT },
	{ "unmapped", 32 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0, EFAULT },
	{ "shrink_from_all_there_is", 0, 1ul << 47, PAGE, 0, 0, EINVAL },
	{ "shrink_from_the_kernels_part", 0, 1ul << 48, PAGE, 0, 0, EINVAL },
	{ "shrink_past_the_last_address", 0, -(64 * PAGE), PAGE, MREMAP_MAYMOVE, 0, EINVAL },
	{ "fixed_shrink_from_the_kernels_part", 0, 1ul << 48, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 64, EINVAL },
};

TEST_ROWS(refused, refusals)
{
	char *p = odd_room(96);

	CHECK(mmap(p, 8 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p);
	stamp_pages(p, 0, 8, 1);
	CHECK_ERR((long)mremap(p + row->from, row->old_len, row->new_len, row->flags,
			       p + row->to * (long)PAGE),
		  row->err);
	CHECK(stamped(p, 0, 8, 1));
	CHECK_EQ(count_mappings(p, 8 * PAGE), 1);
}

/* Where the mapping would go is looked at as with MREMAP_FIXED: an odd address once made an odd mapping. */
TEST(dontunmap_refuses_bad_places)
{
	char *p = map_anon(8);
	char *places[] = { odd_room(8) + 0x123, p + 4 * PAGE, p - 4 * PAGE, (char *)(1ul << 47) - PAGE };

	stamp_pages(p, 0, 8, 1);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) /* musl's mremap() keeps the place back */
		CHECK_ERR(syscall(SYS_mremap, p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
				  places[i]), EINVAL);
	CHECK(stamped(p, 0, 8, 1));
}

TEST(refused_move_leaves_the_destination)
{
	char *to = map_anon(4), *from = odd_room(4);

	stamp_pages(to, 0, 4, 2);
	CHECK_ERR((long)mremap(from, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to), EFAULT);
	CHECK(stamped(to, 0, 4, 2));
}
