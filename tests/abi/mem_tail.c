// SPDX-License-Identifier: MIT
/*
 * Bytes past the end of a file are zero when they come into the file, whatever
 * a mapping stored there before and however the file grows: cached, or written
 * back, thrown out and read from the disk again.
 *
 * In memory only the cut is tested: Linux's tmpfs lets what a mapping stored past
 * the end come into the file.
 */
#include "mem.h"

#include <linux/falloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/sendfile.h>

#define GARBAGE 16            /* pages of it: 64 KiB */
#define ROOM (GARBAGE * PAGE)

static void by_truncate(int fd, size_t end)
{
	CHECK_EQ(ftruncate(fd, (off_t)end), 0);
}

static void by_write_past(int fd, size_t end)
{
	CHECK_EQ(pwrite(fd, "e", 1, (off_t)end - 1), 1);
}

static void by_seek_and_write(int fd, size_t end)
{
	CHECK_EQ(lseek(fd, (off_t)end - 1, SEEK_SET), (off_t)end - 1);
	CHECK_EQ(write(fd, "e", 1), 1);
}

static void by_fallocate(int fd, size_t end)
{
	int err = fallocate(fd, 0, 0, (off_t)end);

	if (err && errno == EOPNOTSUPP)
		SKIP("no fallocate here");
	CHECK_EQ(err, 0);
}

static void by_sendfile_to_end(int fd, size_t end)
{
	int from = make_file(FS_MEMORY, "from", 1);
	off_t at = 0;

	CHECK_EQ(lseek(fd, (off_t)end - 1, SEEK_SET), (off_t)end - 1);
	CHECK_EQ(sendfile(fd, from, &at, 1), 1);
}

static void by_store_after_truncate(int fd, size_t end)
{
	char *p;

	CHECK_EQ(ftruncate(fd, (off_t)end), 0);
	p = map_file(fd, end, MAP_SHARED);
	p[end - 1] = 'e';
	CHECK_EQ(munmap(p, end), 0);
}

struct growth {
	const char *what;
	enum fs fs;
	void (*grow)(int fd, size_t end);
	bool evicted; /* before the growth: the page comes from the disk */
};

static const struct growth on_disk[] = {
	{ "truncate", FS_DISK, by_truncate, false },
	{ "truncate_evicted", FS_DISK, by_truncate, true },
	{ "write_past", FS_DISK, by_write_past, false },
	{ "write_past_evicted", FS_DISK, by_write_past, true },
	{ "seek", FS_DISK, by_seek_and_write, false },
	{ "seek_evicted", FS_DISK, by_seek_and_write, true },
	{ "fallocate", FS_DISK, by_fallocate, false },
	{ "fallocate_evicted", FS_DISK, by_fallocate, true },
	{ "sendfile", FS_DISK, by_sendfile_to_end, false },
	{ "sendfile_evicted", FS_DISK, by_sendfile_to_end, true },
	{ "store", FS_DISK, by_store_after_truncate, false },
	{ "store_evicted", FS_DISK, by_store_after_truncate, true },
};

static const struct growth in_memory[] = {
	{ "truncate", FS_MEMORY, by_truncate, false },
	{ "write_past", FS_MEMORY, by_write_past, false },
	{ "seek", FS_MEMORY, by_seek_and_write, false },
	{ "fallocate", FS_MEMORY, by_fallocate, false },
	{ "sendfile", FS_MEMORY, by_sendfile_to_end, false },
	{ "store", FS_MEMORY, by_store_after_truncate, false },
};

static const size_t sizes[] = { 1, 511, 512, 1024, 1025, 2048, 4000, 4095 };
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

/* The page that the end lies in is stored full through a mapping, then the file grows. */
static void spoil(int fd, size_t size, bool written_back)
{
	size_t last = size / PAGE * PAGE;
	char *p = map_file(fd, last + PAGE, MAP_SHARED);

	memset(p + size, 0xee, last + PAGE - size);
	if (written_back)
		CHECK_EQ(msync(p, last + PAGE, MS_SYNC), 0);
	CHECK_EQ(munmap(p, last + PAGE), 0);
}

/* File bytes [from, to) are zero to read(2) and to a load; the last may be the growth's own. */
static void check_zero(int fd, size_t from, size_t to)
{
	static char buf[ROOM + PAGE];
	char *p = map_file(fd, to, MAP_SHARED);

	CHECK_EQ(pread(fd, buf, to - from, (off_t)from), to - from);
	CHECK(all_bytes(buf, to - from - 1, 0));
	CHECK(all_bytes(p + from, to - from - 1, 0));
	CHECK_EQ(munmap(p, to), 0);
}

TEST_ROWS(growing_over_garbage_shows_zeros, on_disk)
{
	for (size_t i = 0; i < NSIZES; i++) {
		size_t size = 2 * PAGE + sizes[i];

		for (int far = 0; far < 2; far++) {
			size_t end = far ? size + 5 * PAGE : size + 1;
			int fd = make_file(row->fs, "f", size);

			spoil(fd, size, row->evicted);
			if (row->evicted)
				evict(fd);
			row->grow(fd, end);
			check_zero(fd, size, end);
			evict(fd);
			check_zero(fd, size, end);
			close(fd);
		}
	}
}

/* Sixteen pages of data are cut off at many places; none of it comes back. */
static void cut_and_grow(const struct growth *how)
{
	static char data[ROOM];

	memset(data, 0xdd, ROOM);
	for (size_t cut = 1; cut < ROOM; cut += 3 * PAGE + 777) {
		int fd = make_file(how->fs, "f", 0);

		CHECK_EQ(pwrite(fd, data, ROOM, 0), ROOM);
		if (how->evicted)
			evict(fd);
		CHECK_EQ(ftruncate(fd, (off_t)cut), 0);
		if (how->evicted)
			evict(fd);
		how->grow(fd, ROOM);
		check_zero(fd, cut, ROOM);
		evict(fd);
		check_zero(fd, cut, ROOM);
		close(fd);
	}
}

TEST_ROWS(cut_data_never_comes_back, on_disk)
{
	cut_and_grow(row);
}

TEST_ROWS(cut_data_never_comes_back_in_memory, in_memory)
{
	cut_and_grow(row);
}

TEST(bytes_past_the_end_are_zero_in_each_new_mapping)
{
	for (size_t i = 0; i < NSIZES; i++) {
		int fd = make_file(FS_DISK, "f", 0);
		char *p;

		CHECK_EQ(pwrite(fd, "data", 4, (off_t)sizes[i]), 4);
		evict(fd);
		p = map_file(fd, 2 * PAGE, MAP_PRIVATE);
		CHECK(all_bytes(p + (sizes[i] + 4) % PAGE, sizes[i] + 4 >= PAGE ? 0 : PAGE - sizes[i] - 4, 0));
		close(fd);
	}
}

/* A page that was written through a mapping past the end: only the file's part reaches the disk. */
TEST(garbage_does_not_reach_the_disk)
{
	int fd = make_file(FS_DISK, "f", 100);
	char *p = map_file(fd, PAGE, MAP_SHARED);

	memset(p, 0xee, PAGE);
	CHECK_EQ(msync(p, PAGE, MS_SYNC), 0);
	CHECK_EQ(munmap(p, PAGE), 0);
	evict(fd);
	p = map_file(fd, PAGE, MAP_SHARED);
	CHECK(all_bytes(p, 100, (char)0xee) && all_bytes(p + 100, PAGE - 100, 0));
}

/* A write that ends inside the page: what lies behind it is the file's old data or zero, never memory's. */
TEST(short_write_into_fresh_pages)
{
	static const size_t lens[] = { 1, 100, 1023, 1024, 1025, 4095 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (size_t at = 0; at < 2; at++) {
			int fd = make_file(FS_DISK, "f", 3 * PAGE);
			char buf[3 * PAGE];

			memset(buf, 'w', sizeof(buf));
			CHECK_EQ(pwrite(fd, buf, lens[i], (off_t)(PAGE + at * 7)), lens[i]);
			evict(fd);
			CHECK_EQ(pread(fd, buf, 3 * PAGE, 0), 3 * PAGE);
			CHECK(all_bytes(buf, PAGE + at * 7, 0));
			CHECK(all_bytes(buf + PAGE + at * 7, lens[i], 'w'));
			CHECK(all_bytes(buf + PAGE + at * 7 + lens[i], 2 * PAGE - at * 7 - lens[i], 0));
			close(fd);
		}
}

/* ---- stores to a page whose file changes under it ---- */

/* Byte @at of a page that was writable before the file grew over it. */
TEST_ROWS(store_where_the_file_grew_reaches_the_disk, on_disk)
{
	for (size_t i = 0; i < NSIZES; i++) {
		size_t at = sizes[i] + (PAGE - sizes[i]) / 2;
		int fd = make_file(FS_DISK, "f", sizes[i]);
		char *p = map_file(fd, PAGE, MAP_SHARED), got;

		p[0] = 'a';
		if (row->evicted) /* on the disk, and writable once more */
			CHECK_EQ(fsync(fd), 0);
		p[0] = 'b';
		row->grow(fd, 3 * PAGE);
		p[at] = 's';
		CHECK_EQ(munmap(p, PAGE), 0);
		evict(fd);
		CHECK(pread(fd, &got, 1, 0) == 1 && got == 'b');
		CHECK(pread(fd, &got, 1, (off_t)at) == 1);
		CHECK_EQ(got, 's');
		close(fd);
	}
}

/* The hole is in the middle of a page that stays, and stays writable. */
TEST(store_into_a_hole_of_a_page_reaches_the_disk)
{
	static char data[3 * PAGE];
	int fd = make_file(FS_DISK, "f", 0);
	char *p;

	memset(data, 'd', sizeof(data));
	CHECK_EQ(pwrite(fd, data, sizeof(data), 0), sizeof(data));
	CHECK_EQ(fsync(fd), 0);
	p = map_file(fd, 3 * PAGE, MAP_SHARED);
	p[PAGE] = 'w';
	p[2 * PAGE] = 'w';
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE + 1024, PAGE) < 0)
		SKIP("no holes here");
	CHECK(all_bytes(p + PAGE + 1024, PAGE, 0));
	p[PAGE + 1500] = 's';
	p[2 * PAGE + 500] = 's';
	CHECK_EQ(munmap(p, 3 * PAGE), 0);
	evict(fd);
	CHECK_EQ(pread(fd, data, sizeof(data), 0), sizeof(data));
	CHECK_EQ(data[PAGE + 1500], 's');
	CHECK_EQ(data[2 * PAGE + 500], 's');
	CHECK(all_bytes(data + PAGE + 1024, 476, 0) && all_bytes(data + 2 * PAGE, 500, 0));
	CHECK_EQ(data[2 * PAGE + 1024], 'd');
	close(fd);
}

#define VIEWS 300 /* writeback takes the right to store from one after the other: it needs a while */

static struct {
	int fd;
	unsigned delay;
	atomic_uint go, done; /* rounds */
	atomic_bool stop;
} writer;

static void *write_back_each_round(void *arg)
{
	(void)arg;
	for (unsigned round = 1;; round++) {
		while (atomic_load(&writer.go) != round)
			if (atomic_load(&writer.stop))
				return NULL;
		for (volatile unsigned i = 0; i < writer.delay; i++)
			;
		CHECK_EQ(sync_file_range(writer.fd, 0, PAGE, SYNC_FILE_RANGE_WRITE), 0);
		atomic_store(&writer.done, round);
	}
}

/*
 *   a thread                            writeback of page 0, the last
 *   write(2) behind the end begins
 *                                       the file ends at byte 100
 *   the file ends in page 2
 *   a store to byte 200, in the file    some view is still writable
 *                                       zeros from byte 100 on
 */
TEST(store_after_growth_beside_writeback_stays)
{
	char *first, *last, *view[VIEWS];
	long long end = now_ns() + 5 * RACE_NS;
	pthread_t thread;
	char got;

	writer.fd = make_file(FS_DISK, "f", 100);
	for (size_t i = 0; i < VIEWS; i++)
		view[i] = map_file(writer.fd, PAGE, MAP_SHARED);
	first = view[0];
	last = view[VIEWS - 1];
	CHECK(!pthread_create(&thread, NULL, write_back_each_round, NULL));
	for (unsigned round = 1; now_ns() < end; round++) {
		CHECK_EQ(ftruncate(writer.fd, 100), 0);
		for (size_t i = 0; i < VIEWS; i++)
			view[i][0] = (char)round;
		writer.delay = round % 64 * 16;
		atomic_store(&writer.go, round);
		CHECK_EQ(pwrite(writer.fd, "e", 1, 2 * PAGE), 1);
		last[200] = 's';
		first[300] = 's';
		while (atomic_load(&writer.done) != round)
			;
		if (last[200] != 's' || first[300] != 's')
			ABI_FAIL("round %u: stores are gone: %#x %#x", round, last[200], first[300]);
	}
	atomic_store(&writer.stop, true);
	CHECK(!pthread_join(thread, NULL));
	for (size_t i = 0; i < VIEWS; i++)
		CHECK_EQ(munmap(view[i], PAGE), 0);
	evict(writer.fd);
	CHECK(pread(writer.fd, &got, 1, 200) == 1 && got == 's');
}
