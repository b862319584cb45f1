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

static long long time_of(void (*work)(void))
{
	long long t = now_ns();

	work();
	return now_ns() - t;
}

static void compare(long long few, long long many)
{
	if (many > few * TIMES)
		ABI_FAIL("%lld ns beside %d, %lld ns beside %d", few, FEW, many, MANY);
}

/* ---- mappings of one file: its pages find who shows them ---- */

#define SHOWN 64 /* pages that are mapped once more, together */

static struct place {
	int fd;
	char *shown; /* the first pages of the file */
	long long least;
} places[2], *at;

/* The mappings of one page each cannot join: each lies below the one before. */
static void make_place(struct place *p, enum fs fs, const char *name, size_t mappings)
{
	p->fd = make_file(fs, name, (MANY + SHOWN) * PAGE);
	p->shown = map_file(p->fd, SHOWN * PAGE, MAP_SHARED);
	p->least = LLONG_MAX;
	for (size_t i = SHOWN; i < SHOWN + mappings; i++)
		CHECK(mmap(NULL, PAGE, i % 2 ? PROT_READ : RW, MAP_SHARED, p->fd, (off_t)(i * PAGE)) !=
		      MAP_FAILED);
}

/* Tries take turns: whatever disturbs the machine disturbs both. */
static void compare_files(enum fs fs, void (*work)(void))
{
	make_place(&places[0], fs, "few", FEW);
	make_place(&places[1], fs, "many", MANY);
	for (int i = 0; i < 2 * TRIES; i++) {
		long long t;

		at = &places[i % 2];
		t = time_of(work);
		at->least = t < at->least ? t : at->least;
	}
	compare(places[0].least, places[1].least);
}

/* Writing a page back protects it wherever it is mapped. */
static void write_back(void)
{
	for (int i = 0; i < 16; i++) {
		at->shown[i * PAGE]++;
		CHECK(!msync(at->shown + i * PAGE, PAGE, MS_SYNC));
	}
}

TEST(writeback_walked_all_mappings_of_the_file)
{
	compare_files(FS_DISK, write_back);
}

/* A hole takes the pages from whoever maps them. */
static void punch(void)
{
	for (int i = 0; i < SHOWN; i++) {
		at->shown[i * PAGE] = 1;
		CHECK(!fallocate(at->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * (off_t)PAGE, PAGE));
	}
}

TEST(truncation_walked_all_mappings_of_the_file)
{
	compare_files(FS_MEMORY, punch);
}

/* ---- System V segments ---- */

static void find_keys(void)
{
	for (int i = 0; i < 1000; i++)
		CHECK(shmget(0x7a000000 + i % FEW, 0, 0) >= 0);
}

/* The least time of some tries. */
static long long best(void (*work)(void))
{
	long long least = LLONG_MAX;

	for (int i = 0; i < TRIES; i++) {
		long long t = time_of(work);

		least = t < least ? t : least;
	}
	return least;
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
