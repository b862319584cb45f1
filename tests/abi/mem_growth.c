// SPDX-License-Identifier: MIT
/*
 * What grows with the number of mappings and segments: not the price of one.
 *
 * Each case does the same work beside few things and beside many, and compares
 * the least disturbed of some tries; a walk along all of them would cost more
 * than ten times as much.
 */
#include "mem.h"

#include <sys/shm.h>

#define FEW 100
#define MANY 12000
#define TIMES 6      /* what many may cost of what few do */
#define TRIES 7

/* The least time of some tries of @work, in ns. */
static long long best(void (*work)(void))
{
	long long least = LLONG_MAX;

	for (int i = 0; i < TRIES; i++) {
		long long t = now_ns();

		work();
		t = now_ns() - t;
		least = t < least ? t : least;
	}
	return least;
}

static void compare(long long few, long long many)
{
	if (many > few * TIMES)
		ABI_FAIL("%lld ns beside %d, %lld ns beside %d", few, FEW, many, MANY);
}

/* ---- mappings of one file: its pages find who shows them ---- */

static int fd;
static char *shown; /* the first pages, mapped once more */

/* Mappings of the pages from @from to @to, one each, which cannot join: every other page of the address space. */
static void map_pages(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		CHECK(mmap(NULL, PAGE, i % 2 ? PROT_READ : RW, MAP_SHARED, fd, (off_t)(i * PAGE)) !=
		      MAP_FAILED);
}

static void prepare(enum fs fs)
{
	fd = make_file(fs, "f", (MANY + 64) * PAGE);
	shown = map_file(fd, 64 * PAGE, MAP_SHARED);
}

/* Writing a page back protects it wherever it is mapped. */
static void write_back(void)
{
	for (int i = 0; i < 16; i++) {
		shown[i * PAGE]++;
		CHECK(!msync(shown + i * PAGE, PAGE, MS_SYNC));
	}
}

TEST(writeback_walked_all_mappings_of_the_file)
{
	long long few;

	prepare(FS_DISK);
	map_pages(64, 64 + FEW);
	few = best(write_back);
	map_pages(64 + FEW, 64 + MANY);
	compare(few, best(write_back));
}

/* A hole takes the pages from whoever maps them. */
static void punch(void)
{
	for (int i = 0; i < 64; i++) {
		shown[i * PAGE] = 1;
		CHECK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * (off_t)PAGE, PAGE));
	}
}

TEST(truncation_walked_all_mappings_of_the_file)
{
	long long few;

	prepare(FS_MEMORY);
	map_pages(64, 64 + FEW);
	few = best(punch);
	map_pages(64 + FEW, 64 + MANY);
	compare(few, best(punch));
}

/* ---- System V segments ---- */

static void find_keys(void)
{
	for (int i = 0; i < 1000; i++)
		CHECK(shmget(0x7a000000 + i % FEW, 0, 0) >= 0);
}

static void make_segments(int from, int to)
{
	for (int i = from; i < to; i++)
		CHECK(shmget(0x7a000000 + i, PAGE, IPC_CREAT | IPC_EXCL | 0600) >= 0);
}

static void remove_segments(int from, int to)
{
	for (int i = from; i < to; i++)
		CHECK(!shmctl(shmget(0x7a000000 + i, 0, 0), IPC_RMID, NULL));
}

#define SEGMENTS 4000 /* kernel.shmmni is 4096 */

TEST(a_segment_was_searched_by_key_along_all)
{
	long long few, many;

	OWN_MACHINE();
	make_segments(0, FEW);
	few = best(find_keys);
	remove_segments(0, FEW);
	make_segments(FEW, SEGMENTS);
	make_segments(0, FEW); /* those that are asked for come last */
	many = best(find_keys);
	remove_segments(0, SEGMENTS);
	compare(few, many);
}
