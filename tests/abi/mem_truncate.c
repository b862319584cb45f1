// SPDX-License-Identifier: MIT
/*
 * Files that shrink under their mappings: SIGBUS past the end, zeros in what
 * comes back, private copies gone with what they were copies of.
 */
#include "mem.h"

#include <pthread.h>

#define FILE_PAGES 8
#define SIZE (FILE_PAGES * PAGE)

static const struct where {
	const char *what;
	enum fs fs;
} both[] = {
	{ "disk", FS_DISK },
	{ "memory", FS_MEMORY },
};

static int full_file(enum fs fs, char fill)
{
	int fd = make_file(fs, "f", SIZE);
	char buf[SIZE];

	memset(buf, fill, SIZE);
	CHECK_EQ(pwrite(fd, buf, SIZE, 0), SIZE);
	return fd;
}

TEST_ROWS(shrink_and_grow_shows_zeros, both)
{
	int fd = full_file(row->fs, 'x');
	char *s = map_file(fd, SIZE, MAP_SHARED), *p = map_file(fd, SIZE, MAP_PRIVATE);
	char buf[SIZE];

	CHECK(all_bytes(s, SIZE, 'x') && all_bytes(p, SIZE, 'x'));
	CHECK_EQ(ftruncate(fd, PAGE + 10), 0);
	CHECK_EQ(ftruncate(fd, SIZE), 0);
	CHECK(all_bytes(s, PAGE + 10, 'x') && all_bytes(s + PAGE + 10, SIZE - PAGE - 10, 0));
	CHECK(all_bytes(p, PAGE + 10, 'x') && all_bytes(p + PAGE + 10, SIZE - PAGE - 10, 0));
	CHECK_EQ(pread(fd, buf, SIZE, 0), SIZE);
	CHECK(all_bytes(buf, PAGE + 10, 'x') && all_bytes(buf + PAGE + 10, SIZE - PAGE - 10, 0));
}

TEST_ROWS(private_copies_past_the_end_go, both)
{
	int fd = full_file(row->fs, 'x');
	char *p = map_file(fd, SIZE, MAP_PRIVATE);

	catch_faults();
	memset(p, 'm', SIZE);
	CHECK_EQ(ftruncate(fd, 2 * PAGE + 10), 0);
	CHECK_EQ(load(p + PAGE), 'm');
	CHECK_EQ(load(p + 2 * PAGE + 9), 'm');
	CHECK_EQ(load(p + 3 * PAGE), -SIGBUS);
	CHECK_EQ(store(p + 7 * PAGE, 1), -SIGBUS);
	CHECK_EQ(ftruncate(fd, SIZE), 0);
	CHECK_EQ(load(p + 3 * PAGE), 0);
}

/* The copy of the page that the end lies in is the program's: truncation does not touch its bytes. */
TEST_ROWS(private_copy_of_the_last_page_stays_whole, both)
{
	int fd = full_file(row->fs, 'x');
	char *p = map_file(fd, SIZE, MAP_PRIVATE);

	p[PAGE] = 'm';
	CHECK_EQ(ftruncate(fd, PAGE + 100), 0);
	CHECK(p[PAGE] == 'm' && all_bytes(p + PAGE + 1, PAGE - 1, 'x'));
}

TEST_ROWS(truncation_reaches_all_processes, both)
{
	int fd = full_file(row->fs, 'x'), go[2], done[2];
	char *s = map_file(fd, SIZE, MAP_SHARED), *p = map_file(fd, SIZE, MAP_PRIVATE), c;
	pid_t pid[3];

	CHECK(!pipe(go) && !pipe(done));
	catch_faults();
	p[5 * PAGE] = 'm';
	for (int i = 0; i < 3; i++)
		pid[i] = CHILD({
			CHECK(load(s + 5 * PAGE) == 'x' && load(p + 5 * PAGE) == 'm');
			CHECK_EQ(write(done[1], "x", 1), 1);
			CHECK_EQ(read(go[0], &c, 1), 1);
			CHECK_EQ(load(s + 5 * PAGE), -SIGBUS);
			CHECK_EQ(load(p + 5 * PAGE), -SIGBUS);
			CHECK_EQ(load(s), 'x');
		});
	for (int i = 0; i < 3; i++)
		CHECK_EQ(read(done[0], &c, 1), 1);
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	CHECK_EQ(write(go[1], "xxx", 3), 3);
	for (int i = 0; i < 3; i++)
		WAIT_OK(pid[i]);
}

TEST_ROWS(open_with_o_trunc_unmaps, both)
{
	int fd = full_file(row->fs, 'x'), again;
	char *s = map_file(fd, SIZE, MAP_SHARED), path[64];

	catch_faults();
	CHECK_EQ(load(s), 'x');
	sprintf(path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_TRUNC);
	CHECK(again >= 0);
	CHECK_EQ(load(s), -SIGBUS);
	CHECK_EQ(pwrite(again, "y", 1, 0), 1);
	CHECK_EQ(load(s), 'y');
	CHECK_EQ(load(s + PAGE), -SIGBUS);
}

TEST_ROWS(growing_makes_pages_reachable, both)
{
	int fd = make_file(row->fs, "f", 1);
	char *s = map_file(fd, SIZE, MAP_SHARED);

	catch_faults();
	CHECK_EQ(store(s + PAGE, 'a'), -SIGBUS);
	CHECK_EQ(ftruncate(fd, PAGE + 1), 0);
	CHECK_EQ(store(s + PAGE, 'a'), 0);
	CHECK_EQ(load(s + 2 * PAGE), -SIGBUS);
	CHECK_EQ(pwrite(fd, "b", 1, SIZE - 1), 1);
	CHECK_EQ(load(s + SIZE - 1), 'b');
}

TEST_ROWS(punched_pages_are_zero_and_copies_stay, both)
{
	int fd = full_file(row->fs, 'x');
	char *s = map_file(fd, SIZE, MAP_SHARED), *p = map_file(fd, SIZE, MAP_PRIVATE);

	CHECK(all_bytes(s, SIZE, 'x'));
	p[3 * PAGE] = 'm';
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE + 100, 4 * PAGE), 0);
	CHECK(all_bytes(s, PAGE + 100, 'x') && all_bytes(s + PAGE + 100, 4 * PAGE, 0) &&
	      all_bytes(s + 5 * PAGE + 100, SIZE - 5 * PAGE - 100, 'x'));
	CHECK(p[3 * PAGE] == 'm' && all_bytes(p + 3 * PAGE + 1, PAGE - 1, 'x'));
	CHECK(all_bytes(p + 2 * PAGE, PAGE, 0));
	s[3 * PAGE] = 'n';
	CHECK_EQ(p[3 * PAGE], 'm');
}

TEST_ROWS(truncation_finds_moved_and_split_mappings, both)
{
	int fd = full_file(row->fs, 'x');
	char *s = map_file(fd, SIZE, MAP_SHARED), *moved;

	catch_faults();
	CHECK(all_bytes(s, SIZE, 'x'));
	CHECK_EQ(mprotect(s + 2 * PAGE, PAGE, PROT_READ), 0);
	moved = mremap(s + 4 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       map_anon(2));
	CHECK(moved != MAP_FAILED);
	CHECK_EQ(load(moved + PAGE), 'x');
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	CHECK_EQ(load(s), 'x');
	CHECK(load(s + PAGE) == -SIGBUS && load(s + 2 * PAGE) == -SIGBUS &&
	      load(moved) == -SIGBUS && load(moved + PAGE) == -SIGBUS);
	CHECK(load(s + 4 * PAGE) == -SIGSEGV && load(s + 6 * PAGE) == -SIGBUS);
}

/* ---- races ---- */

/*
 * Two threads touch page 1 as fast as they can while the file shrinks and
 * grows.  Each round ends with the file short and everybody standing still:
 * then nothing may be left to see of page 1.
 */
static struct {
	char *volatile page;
	pthread_barrier_t barrier;
	_Atomic bool pause, stop;
} race;

static void touch_for_a_round(bool storing)
{
	sigjmp_buf buf;

	landing = &buf;
	while (!race.pause) {
		if (sigsetjmp(buf, 1))
			continue;
		if (storing)
			*(volatile char *)race.page = 'm';
		else
			(void)*(volatile char *)race.page;
	}
}

static void *toucher(void *storing)
{
	for (;;) {
		pthread_barrier_wait(&race.barrier);
		if (race.stop)
			return NULL;
		touch_for_a_round(storing != NULL);
		pthread_barrier_wait(&race.barrier);
	}
}

static void start_touching(pthread_t t[2], char *page)
{
	land_after(SIGBUS);
	race.page = page;
	CHECK(!pthread_barrier_init(&race.barrier, NULL, 3));
	CHECK(!pthread_create(&t[0], NULL, toucher, NULL));
	CHECK(!pthread_create(&t[1], NULL, toucher, "storing"));
}

static void stop_touching(pthread_t t[2])
{
	race.stop = true;
	pthread_barrier_wait(&race.barrier);
	CHECK(!pthread_join(t[0], NULL) && !pthread_join(t[1], NULL));
}

static int load_now(const volatile char *p)
{
	sigjmp_buf buf;

	landing = &buf;
	return sigsetjmp(buf, 1) ? -SIGBUS : (unsigned char)*p;
}

static const struct race_row {
	const char *what;
	enum fs fs;
	int flags;
	bool splitting; /* the mapping is cut in two and joined again all the time */
} races[] = {
	{ "shared_disk", FS_DISK, MAP_SHARED, false },
	{ "shared_memory", FS_MEMORY, MAP_SHARED, false },
	{ "private_disk", FS_DISK, MAP_PRIVATE, false },
	{ "private_memory", FS_MEMORY, MAP_PRIVATE, false },
	{ "split_shared_disk", FS_DISK, MAP_SHARED, true },
	{ "split_shared_memory", FS_MEMORY, MAP_SHARED, true },
	{ "split_private_disk", FS_DISK, MAP_PRIVATE, true },
};

static _Atomic bool splitter_stop;

static void *splitter(void *base)
{
	while (!splitter_stop) {
		CHECK_EQ(mprotect(base, PAGE, PROT_READ), 0);
		CHECK_EQ(mprotect(base, PAGE, RW), 0);
	}
	return NULL;
}

static void shrink_and_grow(int fd)
{
	race.pause = false;
	pthread_barrier_wait(&race.barrier);
	for (int k = 0; k < 4; k++) {
		CHECK_EQ(ftruncate(fd, SIZE), 0);
		sched_yield();
		CHECK_EQ(ftruncate(fd, PAGE), 0);
	}
	race.pause = true;
	pthread_barrier_wait(&race.barrier);
}

/* A private copy, too: it went into memory before the truncation's end or after its beginning, never stays. */
TEST_ROWS(no_page_outlives_truncation, races)
{
	int fd = make_file(row->fs, "f", SIZE);
	char *p = map_file(fd, SIZE, row->flags);
	long long end = now_ns() + RACE_NS;
	pthread_t t[2], s;

	start_touching(t, p + PAGE);
	if (row->splitting)
		CHECK(!pthread_create(&s, NULL, splitter, p));
	while (now_ns() < end) {
		shrink_and_grow(fd);
		CHECK_EQ(load_now(p + PAGE), -SIGBUS);
		CHECK_EQ(ftruncate(fd, SIZE), 0);
		CHECK_EQ(load_now(p + PAGE), 0);
		CHECK_EQ(ftruncate(fd, PAGE), 0);
	}
	stop_touching(t);
	splitter_stop = true;
	if (row->splitting)
		CHECK(!pthread_join(s, NULL));
}

/* write(2) appends, truncate cuts: what is read is what was written, or zero, in whole. */
TEST_ROWS(append_against_truncate, both)
{
	int fd = make_file(row->fs, "f", 0);
	long long end = now_ns() + 300000000;
	char buf[3 * PAGE];
	pid_t pid = CHILD({
		memset(buf, 'w', sizeof(buf));
		for (unsigned int i = 0; now_ns() < end; i++)
			CHECK(pwrite(fd, buf, 1 + i * 7 % sizeof(buf), i * 131 % (2 * PAGE)) > 0);
	});

	for (unsigned int i = 0; now_ns() < end; i++) {
		ssize_t n;

		CHECK_EQ(ftruncate(fd, i * 17 % (3 * PAGE)), 0);
		n = pread(fd, buf, sizeof(buf), 0);
		CHECK(n >= 0);
		for (ssize_t k = 0; k < n; k++)
			CHECK(buf[k] == 0 || buf[k] == 'w');
	}
	WAIT_OK(pid);
}
