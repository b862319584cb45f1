// SPDX-License-Identifier: MIT
/*
 * Threads that touch memory while others change the map of it: nobody ever sees
 * a page of something else, and no store is lost that had a page to go to.
 *
 * Addresses that a race unmaps are held by PROT_NONE mappings until its threads
 * have their stacks, or the stacks would be placed there.
 */
#include "mem.h"

#include <pthread.h>

static char *volatile area;
static _Atomic bool stop;
static long long deadline;

static void begin(void)
{
	land_after(SIGSEGV);
	land_after(SIGBUS);
	deadline = now_ns() + RACE_NS;
}

static bool running(void)
{
	return !stop && now_ns() < deadline;
}

/* A load or a store that may fault; *value is what was loaded. */
static bool try_load(volatile uint32_t *p, uint32_t *value)
{
	sigjmp_buf buf;

	landing = &buf;
	if (sigsetjmp(buf, 0))
		return false;
	*value = *p;
	return true;
}

static bool try_store(volatile uint32_t *p, uint32_t value)
{
	sigjmp_buf buf;

	landing = &buf;
	if (sigsetjmp(buf, 0))
		return false;
	*p = value;
	return true;
}

static void run_two(void *(*a)(void *), void *(*b)(void *), void (*main_part)(void))
{
	pthread_t t[2];

	begin();
	CHECK(!pthread_create(&t[0], NULL, a, NULL) && !pthread_create(&t[1], NULL, b, NULL));
	main_part();
	CHECK(!pthread_join(t[0], NULL) && !pthread_join(t[1], NULL));
}

/* ---- mapping and unmapping under readers ---- */

#define MAGIC 0x5eed0000u

static void *read_magic_or_nothing(void *unused)
{
	uint32_t v;

	(void)unused;
	while (running())
		for (int i = 0; i < 4; i++)
			if (try_load((uint32_t *)(area + i * PAGE), &v))
				CHECK(v == 0 || v == (MAGIC | i));
	return NULL;
}

static void map_fill_unmap(void)
{
	char *other = map_anon(4);

	while (running()) {
		CHECK(mmap(area, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == area);
		for (unsigned int i = 0; i < 4; i++)
			*(uint32_t *)(area + i * PAGE) = MAGIC | i;
		CHECK_EQ(munmap(area, 4 * PAGE), 0);
		/* Whoever gets the frames now fills them with something else. */
		memset(other, 0x99, 4 * PAGE);
		CHECK_EQ(madvise(other, 4 * PAGE, MADV_DONTNEED), 0);
	}
}

TEST(readers_of_a_mapping_that_comes_and_goes)
{
	area = map_anon(4);
	run_two(read_magic_or_nothing, read_magic_or_nothing, map_fill_unmap);
}

/* ---- rights taken and given under a writer ---- */

static _Atomic uint32_t stores;

static void *count_up_while_allowed(void *unused)
{
	(void)unused;
	while (running())
		if (try_store((uint32_t *)area, stores + 1))
			stores++;
	return NULL;
}

static void *idle(void *unused)
{
	return unused;
}

static void forbid_and_allow(void)
{
	while (running()) {
		uint32_t before, after;

		CHECK_EQ(mprotect(area, PAGE, PROT_READ), 0);
		before = *(volatile uint32_t *)area;
		for (int i = 0; i < 50; i++)
			after = *(volatile uint32_t *)area;
		CHECK_EQ(before, after); /* nobody stores once mprotect has returned */
		CHECK_EQ(mprotect(area, PAGE, RW), 0);
	}
}

TEST(no_store_after_mprotect_returned)
{
	area = map_anon(1);
	run_two(count_up_while_allowed, idle, forbid_and_allow);
	CHECK_EQ(*(uint32_t *)area, stores);
}

/* ---- pages moved under a writer ---- */

static char *volatile places[2];
static _Atomic uint32_t moved_stores;

static void *store_wherever_it_is(void *unused)
{
	(void)unused;
	while (running())
		for (int k = 0; k < 2; k++)
			if (try_store((uint32_t *)places[k], moved_stores + 1))
				moved_stores++;
	return NULL;
}

static void move_back_and_forth(void)
{
	for (int k = 0; running(); k ^= 1)
		CHECK(mremap(places[k], PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, places[k ^ 1]) ==
		      places[k ^ 1]);
}

static const struct moved {
	const char *what;
	int fs; /* -1: anonymous */
} moveds[] = { { "anon", -1 }, { "disk", FS_DISK }, { "memory", FS_MEMORY } };

/* The one page of memory that there is has the last store. */
TEST_ROWS(stores_follow_a_moving_page, moveds)
{
	char *hole = mmap(NULL, 1025 * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	uint32_t v = 0;

	CHECK(hole != MAP_FAILED);
	places[0] = hole;
	places[1] = hole + 1024 * PAGE;
	if (row->fs < 0)
		CHECK(mmap(hole, PAGE, RW, ANON | MAP_FIXED, -1, 0) == hole);
	else
		CHECK(mmap(hole, PAGE, RW, MAP_SHARED | MAP_FIXED,
			   make_file((enum fs)row->fs, "f", PAGE), 0) == hole);
	run_two(store_wherever_it_is, idle, move_back_and_forth);
	CHECK(try_load((uint32_t *)places[0], &v) || try_load((uint32_t *)places[1], &v));
	CHECK_EQ(v, moved_stores);
}

/* ---- pages thrown away under writers ---- */

static void *store_ones(void *unused)
{
	(void)unused;
	while (running())
		for (int i = 0; i < 8; i++)
			*(volatile uint32_t *)(area + i * PAGE) = 1;
	return NULL;
}

static void throw_away(void)
{
	while (running()) {
		CHECK_EQ(madvise(area, 8 * PAGE, MADV_DONTNEED), 0);
		for (int i = 0; i < 8; i++) {
			CHECK(*(volatile uint32_t *)(area + i * PAGE) <= 1);
			CHECK_EQ(*(volatile uint32_t *)(area + i * PAGE + 64), 0);
		}
	}
}

TEST(dontneed_under_writers_gives_zero_or_their_store)
{
	area = map_anon(8);
	run_two(store_ones, store_ones, throw_away);
}

/* ---- writeback under writers: what was stored before fsync and munmap is on the disk ---- */

static int file;

static void *clean_all_the_time(void *unused)
{
	(void)unused;
	while (running())
		CHECK_EQ(fsync(file), 0);
	return NULL;
}

static _Atomic uint32_t last_store;

static void *store_while_mapped(void *unused)
{
	(void)unused;
	while (running())
		if (try_store((uint32_t *)area, last_store + 1))
			last_store++;
	return NULL;
}

static void map_and_unmap_file(void)
{
	while (running()) {
		CHECK(mmap(area, PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0) == area);
		sched_yield();
		CHECK(mmap(area, PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0) == area);
	}
}

/* A store that slips in while munmap and writeback are at work must be dirty afterwards. */
TEST(store_beside_munmap_and_writeback_is_not_lost)
{
	uint32_t v;

	file = make_file(FS_DISK, "f", PAGE);
	area = mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0);
	run_two(store_while_mapped, clean_all_the_time, map_and_unmap_file);
	evict(file);
	CHECK_EQ(pread(file, &v, 4, 0), 4);
	CHECK_EQ(v, last_store);
}

/* ---- faults of many threads on one page ---- */

static pthread_barrier_t gate;

static void *touch_all(void *n)
{
	pthread_barrier_wait(&gate);
	for (int i = 0; i < 64; i++)
		__atomic_fetch_add((uint32_t *)(area + i * PAGE) + (long)n, 1, __ATOMIC_RELAXED);
	return NULL;
}

static const struct first {
	const char *what;
	int fs, flags;
} firsts[] = {
	{ "anon", -1, ANON },
	{ "shared_disk", FS_DISK, MAP_SHARED },
	{ "private_disk", FS_DISK, MAP_PRIVATE },
	{ "shared_memory", FS_MEMORY, MAP_SHARED },
};

TEST_ROWS(first_touch_by_four_threads, firsts)
{
	CHECK(!pthread_barrier_init(&gate, NULL, 4));
	for (int round = 0; round < 20; round++) {
		int fd = row->fs < 0 ? -1 : make_file((enum fs)row->fs, "f", 64 * PAGE);
		pthread_t t[4];

		area = mmap(NULL, 64 * PAGE, RW, row->flags, fd, 0);
		CHECK(area != MAP_FAILED);
		for (long i = 0; i < 4; i++)
			CHECK(!pthread_create(&t[i], NULL, touch_all, (void *)i));
		for (int i = 0; i < 4; i++)
			CHECK(!pthread_join(t[i], NULL));
		for (int i = 0; i < 64; i++)
			for (int k = 0; k < 4; k++)
				CHECK_EQ(((uint32_t *)(area + i * PAGE))[k], 1);
		CHECK_EQ(munmap(area, 64 * PAGE), 0);
		close(fd);
	}
}
