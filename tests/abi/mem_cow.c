// SPDX-License-Identifier: MIT
/*
 * Copy-on-write: after fork each process sees its own stores and nobody else's,
 * however deep the tree and in whatever order its members die.
 */
#include "mem.h"

#include <pthread.h>
#include <spawn.h>

extern char **environ;

#define PAGES 6
#define DEPTH 4 /* the root and three generations below */

static const struct tree {
	const char *what;
	char order[DEPTH]; /* of exits, by depth; the root is 0 and last or first */
	bool file;
} trees[] = {
	{ "anon_123", { 1, 2, 3 }, false }, { "anon_132", { 1, 3, 2 }, false },
	{ "anon_213", { 2, 1, 3 }, false }, { "anon_231", { 2, 3, 1 }, false },
	{ "anon_312", { 3, 1, 2 }, false }, { "anon_321", { 3, 2, 1 }, false },
	{ "file_123", { 1, 2, 3 }, true },  { "file_132", { 1, 3, 2 }, true },
	{ "file_213", { 2, 1, 3 }, true },  { "file_231", { 2, 3, 1 }, true },
	{ "file_312", { 3, 1, 2 }, true },  { "file_321", { 3, 2, 1 }, true },
};

/* Shared by the tree, to take turns. */
struct board {
	_Atomic int ready, turn;
	_Atomic bool failed;
	_Atomic int gone[DEPTH];
};

static void await(_Atomic int *v, int want)
{
	while (*v < want)
		usleep(1000);
}

/*
 * Page n belongs to generation n, who wrote its number there before it forked;
 * page 4 everybody writes; page 5 nobody.
 */
static bool sees_right(const char *p, int depth)
{
	for (int d = 0; d < DEPTH; d++)
		if (!all_bytes(p + d * PAGE, PAGE, d <= depth ? (char)('a' + d) : 'o'))
			return false;
	return all_bytes(p + 4 * PAGE, PAGE, (char)('A' + depth)) && all_bytes(p + 5 * PAGE, PAGE, 'o');
}

static void live(struct board *b, char *p, int depth, const char *order)
{
	memset(p + depth * PAGE, 'a' + depth, PAGE);
	if (depth < DEPTH - 1) {
		pid_t pid = fork();

		if (pid == 0) {
			live(b, p, depth + 1, order);
			_exit(0);
		}
	}
	memset(p + 4 * PAGE, 'A' + depth, PAGE);
	b->ready++;
	await(&b->ready, DEPTH);
	if (depth == 0)
		return;
	for (int i = 0; i < DEPTH - 1; i++) {
		await(&b->turn, i);
		if (!sees_right(p, depth))
			b->failed = true;
		if (order[i] != depth)
			continue;
		b->turn++;
		_exit(0);
	}
}

TEST_ROWS(tree_of_forks, trees)
{
	struct board *b = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = make_file(FS_DISK, "f", PAGES * PAGE);
	char *p;

	CHECK(b != MAP_FAILED);
	p = map_file(fd, PAGES * PAGE, MAP_SHARED);
	memset(p, 'o', PAGES * PAGE);
	p = row->file ? map_file(fd, PAGES * PAGE, MAP_PRIVATE) : map_anon(PAGES);
	if (!row->file)
		memset(p, 'o', PAGES * PAGE);
	live(b, p, 0, row->order);
	await(&b->turn, DEPTH - 1);
	CHECK(!b->failed);
	CHECK(sees_right(p, 0));
	memset(p, 'z', PAGES * PAGE);
	CHECK(all_bytes(p, PAGES * PAGE, 'z'));
}

/* ---- what the child does to its mappings is the child's ---- */

static void child_unmaps(char *p)
{
	CHECK_EQ(munmap(p, 2 * PAGE), 0);
}

static void child_protects(char *p)
{
	CHECK_EQ(mprotect(p, 2 * PAGE, PROT_NONE), 0);
}

static void child_moves(char *p)
{
	CHECK(mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
}

static void child_dontneeds(char *p)
{
	CHECK_EQ(madvise(p, 2 * PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(p[0], 0);
}

static void child_maps_over(char *p)
{
	CHECK(mmap(p, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p);
	p[0] = 'c';
}

static void child_reads_into(char *p)
{
	CHECK_EQ(read(open("/dev/zero", O_RDONLY), p, 2 * PAGE), 2 * PAGE);
}

static const struct deed {
	const char *what;
	void (*deed)(char *p);
} deeds[] = {
	{ "munmap", child_unmaps },     { "mprotect", child_protects },  { "mremap", child_moves },
	{ "dontneed", child_dontneeds }, { "map_fixed", child_maps_over }, { "read", child_reads_into },
};

TEST_ROWS(parent_is_untouched_by, deeds)
{
	char *p = map_anon(2);

	memset(p, 'p', 2 * PAGE);
	WAIT_OK(CHILD({ row->deed(p); }));
	CHECK(all_bytes(p, 2 * PAGE, 'p'));
	memset(p, 'q', 2 * PAGE);
	CHECK(all_bytes(p, 2 * PAGE, 'q'));
}

TEST(child_is_untouched_by_parent)
{
	char *p = map_anon(2), c;
	int go[2];
	pid_t pid;

	CHECK_EQ(pipe(go), 0);
	memset(p, 'p', 2 * PAGE);
	pid = CHILD({
		CHECK_EQ(read(go[0], &c, 1), 1);
		CHECK(all_bytes(p, 2 * PAGE, 'p'));
	});
	p[0] = 'x';
	CHECK_EQ(read(open("/dev/zero", O_RDONLY), p + PAGE, PAGE), PAGE);
	CHECK_EQ(munmap(p, PAGE), 0);
	CHECK_EQ(write(go[1], "g", 1), 1);
	WAIT_OK(pid);
}

TEST(zero_page_is_never_written)
{
	char *p = map_anon(4);

	CHECK(all_bytes(p, 4 * PAGE, 0));
	for (int i = 0; i < 3; i++)
		WAIT_OK(CHILD({
			CHECK(all_bytes(p, 4 * PAGE, 0));
			memset(p, 'c', 4 * PAGE);
		}));
	memset(p + PAGE, 'p', PAGE);
	CHECK(all_bytes(p, PAGE, 0) && all_bytes(p + 2 * PAGE, 2 * PAGE, 0));
	CHECK(all_bytes(map_anon(4), 4 * PAGE, 0));
}

TEST(private_file_copies_are_inherited)
{
	int fd = make_file(FS_DISK, "f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE, MAP_PRIVATE);

	p[0] = 'b';
	WAIT_OK(CHILD({
		CHECK(p[0] == 'b' && p[PAGE] == 0);
		p[PAGE] = 'c';
		CHECK_EQ(pwrite(fd, "d", 1, 2 * PAGE), 1);
	}));
	CHECK(p[0] == 'b' && p[PAGE] == 0 && p[2 * PAGE] == 'd');
}

/* ---- threads ---- */

static char *page;
static pthread_barrier_t gate;

static void *store_own_byte(void *n)
{
	pthread_barrier_wait(&gate);
	page[(long)n] = (char)((long)n + 1);
	return NULL;
}

/* Several threads break the same copy at once: each store must be in the one copy that wins. */
TEST(threads_copy_one_page_at_once)
{
	page = map_anon(1);
	CHECK(!pthread_barrier_init(&gate, NULL, 4));
	for (int round = 0; round < 150; round++) {
		int go[2];
		pthread_t t[4];
		pid_t pid;
		char c;

		CHECK_EQ(pipe(go), 0);
		memset(page, 0, PAGE);
		pid = CHILD({
			close(go[1]);
			CHECK_EQ(read(go[0], &c, 1), 0);
			CHECK(all_bytes(page, PAGE, 0));
		});
		for (long i = 0; i < 4; i++)
			CHECK(!pthread_create(&t[i], NULL, store_own_byte, (void *)i));
		for (int i = 0; i < 4; i++)
			CHECK(!pthread_join(t[i], NULL));
		for (int i = 0; i < 4; i++)
			CHECK_EQ(page[i], i + 1);
		close(go[0]), close(go[1]);
		WAIT_OK(pid);
	}
}

static volatile unsigned long *first, *second;
static _Atomic bool stop;

static void *count_in_two_pages(void *unused)
{
	(void)unused;
	while (!stop) {
		++*first;
		++*second;
	}
	return NULL;
}

/* A fork beside a writer is one moment: of two numbers counted in turn it sees them at most one apart, still. */
TEST(fork_beside_a_writer_is_one_moment)
{
	char *p = map_anon(2);
	pthread_t t;

	first = (void *)p;
	second = (void *)(p + PAGE);
	CHECK(!pthread_create(&t, NULL, count_in_two_pages, NULL));
	for (int i = 0; i < 100; i++)
		WAIT_OK(CHILD({
			unsigned long a = *first, b = *second;

			CHECK(a - b <= 1);
			sleep_ms(1);
			CHECK(*first == a && *second == b);
		}));
	stop = true;
	CHECK(!pthread_join(t, NULL));
}

/* ---- vfork, posix_spawn ---- */

TEST(vfork_child_shares_memory_and_mappings)
{
	volatile char *volatile made = NULL;
	char *volatile p = map_anon(1);
	pid_t pid = vfork();

	if (pid == 0) {
		p[0] = 'v';
		made = mmap(NULL, PAGE, RW, ANON, -1, 0);
		made[0] = 'w';
		_exit(0);
	}
	WAIT_OK(pid);
	CHECK_EQ(p[0], 'v');
	CHECK_EQ(made[0], 'w');
}

TEST(spawned_program_leaves_memory_alone)
{
	char *argv[] = { "true", NULL };
	char *p = map_anon(8);
	pid_t pid;

	memset(p, 's', 8 * PAGE);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ), 0);
		p[i] = 't';
		WAIT_OK(pid);
		CHECK(all_bytes(p, i + 1, 't') && all_bytes(p + i + 1, 8 * PAGE - i - 1, 's'));
	}
}

/* ---- MADV_DONTNEED ---- */

static const struct drop {
	const char *what;
	enum fs fs;
	int flags;
	char after; /* what a page with 'f' in the file and 's' stored shows afterwards */
} drops[] = {
	{ "private_disk", FS_DISK, MAP_PRIVATE, 'f' },
	{ "shared_disk", FS_DISK, MAP_SHARED, 's' },
	{ "private_memory", FS_MEMORY, MAP_PRIVATE, 'f' },
	{ "shared_memory", FS_MEMORY, MAP_SHARED, 's' },
};

TEST_ROWS(dontneed, drops)
{
	int fd = make_file(row->fs, "f", 0);
	char data[2 * PAGE], *p;

	memset(data, 'f', sizeof(data));
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	p = map_file(fd, 2 * PAGE, row->flags);
	memset(p, 's', PAGE);
	CHECK_EQ(madvise(p, 2 * PAGE, MADV_DONTNEED), 0);
	CHECK(all_bytes(p, PAGE, row->after) && all_bytes(p + PAGE, PAGE, 'f'));
	CHECK_EQ(pread(fd, data, 1, 0), 1);
	CHECK_EQ(data[0], row->after);
}

TEST(dontneed_of_shared_anon_keeps_the_bytes)
{
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	memset(p, 's', 2 * PAGE);
	CHECK_EQ(madvise(p, 2 * PAGE, MADV_DONTNEED), 0);
	CHECK(all_bytes(p, 2 * PAGE, 's'));
	WAIT_OK(CHILD({ p[PAGE] = 'c'; }));
	CHECK_EQ(p[PAGE], 'c');
}
