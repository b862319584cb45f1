// SPDX-License-Identifier: MIT
/*
 * Large anonymous memory: what a program stored stays what it is while the 2 MiB
 * mappings under it are made, shared, cut and moved.
 *
 * Contents must hold whether or not the machine has transparent huge pages; cases
 * that look for them (AnonHugePages) say they are skipped where it has none.
 */
#include "mem.h"
#include "proc.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"

static long smaps(const void *addr, const char *name)
{
	return value_in(smaps_of(addr), name);
}

static bool file_says(const char *path, const char *word)
{
	return strstr(slurp(path), word);
}

/* True if a huge page is what a store gets where one is asked for. */
static bool have_huge(void)
{
	char *p;

	if (access(THP "enabled", F_OK) || file_says(THP "enabled", "[never]"))
		return false;
	p = map_huge(1);
	p[0] = 1;
	return smaps(p, "AnonHugePages") == 2048;
}

TEST(huge_is_zero_and_private)
{
	char *p = map_huge(4);

	for (size_t i = 0; i < 4; i++)
		p[i * HUGE + i * 5 * PAGE] = 0;
	CHECK(all_bytes(p, 4 * HUGE, 0));
	stamp_pages(p, 0, 4 * HUGE_PAGES, 1);
	CHECK(stamped(p, 0, 4 * HUGE_PAGES, 1));
	CHECK(!madvise(p, 4 * HUGE, MADV_DONTNEED));
	CHECK(all_bytes(p, 4 * HUGE, 0));
}

TEST(huge_read_first)
{
	char *p = map_huge(2);

	CHECK(all_bytes(p, 2 * HUGE, 0));
	stamp_pages(p, 0, 2 * HUGE_PAGES, 1);
	CHECK(stamped(p, 0, 2 * HUGE_PAGES, 1));
}

TEST(huge_in_smaps_and_meminfo)
{
	char *p = map_huge(4);

	if (!have_huge())
		SKIP("no huge pages here");
	CHECK_EQ(smaps(p, "AnonHugePages"), 0);
	CHECK_EQ(smaps(p, "THPeligible"), 1);
	for (size_t i = 0; i < 4; i++)
		p[i * HUGE] = 1;
	CHECK_EQ(smaps(p, "AnonHugePages"), 8192);
	CHECK_EQ(smaps(p, "Rss"), 8192);
	CHECK_EQ(smaps(p, "Private_Dirty"), 8192);
	CHECK(!munmap(p + HUGE + 7 * PAGE, PAGE));
	CHECK_EQ(smaps(p, "AnonHugePages"), 2048);
	CHECK_EQ(smaps(p, "Rss"), 2048 + 7 * 4);
	CHECK_EQ(smaps(p + 2 * HUGE, "AnonHugePages"), 4096);
	CHECK(!madvise(p + 3 * HUGE, HUGE, MADV_DONTNEED));
	CHECK_EQ(smaps(p + 3 * HUGE, "AnonHugePages"), 2048);
}

TEST(huge_needs_room)
{
	char *p = map_huge(2);

	if (!have_huge())
		SKIP("no huge pages here");
	/* Only the second range lies whole in the mapping. */
	CHECK(!munmap(p, PAGE));
	p[PAGE] = p[HUGE] = 1;
	CHECK_EQ(smaps(p + PAGE, "AnonHugePages"), 2048);
	CHECK_EQ(smaps(p + PAGE, "Rss"), 2048 + 4);
	CHECK(!munmap(p + 2 * HUGE - PAGE, PAGE));
	CHECK(!munmap(p + HUGE, PAGE));
	CHECK_EQ(smaps(p + PAGE, "THPeligible"), 0);
}

TEST(huge_advice)
{
	char *p = map_huge(2);

	if (!have_huge())
		SKIP("no huge pages here");
	CHECK(!madvise(p, HUGE, MADV_NOHUGEPAGE));
	p[0] = p[HUGE] = 1;
	CHECK_EQ(smaps(p, "AnonHugePages"), 0);
	CHECK_EQ(smaps(p, "Rss"), 4);
	CHECK_EQ(smaps(p, "THPeligible"), 0);
	CHECK_EQ(smaps(p + HUGE, "AnonHugePages"), 2048);
	CHECK_ERR(madvise(p, 2 * HUGE + HUGE, MADV_HUGEPAGE), ENOMEM);
	CHECK_ERR(madvise(p + 1, HUGE, MADV_HUGEPAGE), EINVAL);
}

/* Of a thread's stack a few pages are used: since 6.7 MAP_STACK asks for small ones (Tarn does, too). */
static bool stacks_may_be_large(void)
{
	int major = 0, minor = 0;
	struct utsname u;

	CHECK(!uname(&u));
	sscanf(u.release, "%d.%d", &major, &minor);
	return !is_tarn() && major * 100 + minor < 607;
}

TEST(map_stack_keeps_small_pages)
{
	char *p = mmap(NULL, 4 * HUGE, RW, ANON | MAP_STACK, -1, 0);

	CHECK(p != MAP_FAILED);
	if (stacks_may_be_large())
		SKIP("a Linux before 6.7");
	for (size_t i = 1; i < 4; i++)
		p[i * HUGE - PAGE] = 1;
	CHECK_EQ(smaps(p, "AnonHugePages"), 0);
	CHECK_EQ(smaps(p, "THPeligible"), 0);
}

TEST(thp_disable)
{
	char *p = map_huge(2);

	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
	CHECK_ERR(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 1), EINVAL);
	CHECK_ERR(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
	CHECK_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	p[0] = 1;
	CHECK_EQ(smaps(p, "AnonHugePages"), 0);
	WAIT_OK(CHILD({
		CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
		p[HUGE] = 1;
		CHECK_EQ(smaps(p, "AnonHugePages"), 0);
		CHECK_EQ(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
	}));
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	CHECK_EQ(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
	if (have_huge()) {
		p[HUGE] = 1;
		CHECK_EQ(smaps(p, "AnonHugePages"), 2048);
	}
}

TEST(thp_switch)
{
	int fd = open(THP "enabled", O_RDWR);
	char was[64] = "", *from, *to;
	char *p;

	if (fd < 0)
		SKIP("no switch, or not ours to turn");
	CHECK(read(fd, was, sizeof(was) - 1) > 0);
	from = strchr(was, '[');
	to = strchr(was, ']');
	CHECK(from && to);
	CHECK_ERR(pwrite(fd, "sometimes", 9, 0), EINVAL);
	CHECK_EQ(pwrite(fd, "never\n", 6, 0), 6);
	CHECK(file_says(THP "enabled", "[never]") && file_says(THP "enabled", "always"));
	p = map_huge(1);
	p[0] = 1;
	CHECK_EQ(smaps(p, "AnonHugePages"), 0);
	CHECK_EQ(pwrite(fd, "madvise", 7, 0), 7);
	p = map_huge(1);
	p[0] = 1;
	CHECK_EQ(smaps(p, "AnonHugePages"), 2048);
	CHECK_EQ(pwrite(fd, "always", 6, 0), 6);
	CHECK(file_says(THP "hpage_pmd_size", "2097152"));
	CHECK_EQ(pwrite(fd, from + 1, (size_t)(to - from - 1), 0), to - from - 1);
}

/* ---- cutting ---- */

struct cut {
	size_t first, pages;
};
static const struct cut cuts[] = {
	{ 0, 1 },
	{ 1, 1 },
	{ HUGE_PAGES - 1, 1 },
	{ HUGE_PAGES, 1 },
	{ HUGE_PAGES - 1, 2 },
	{ HUGE_PAGES / 2, HUGE_PAGES },
	{ 1, HUGE_PAGES - 2 },
	{ 0, HUGE_PAGES },
	{ HUGE_PAGES, HUGE_PAGES },
	{ HUGE_PAGES / 2, 2 * HUGE_PAGES },
	{ 1, 3 * HUGE_PAGES - 2 },
	{ HUGE_PAGES + 1, 1 },
	{ HUGE_PAGES - 1, HUGE_PAGES + 2 },
};
#define FOR_EACH_CUT(c) for (const struct cut *c = cuts; c < cuts + sizeof(cuts) / sizeof(*cuts); c++)

/* All but the pages of @c hold what was filled into the three ranges at @p. */
static void check_rest(const char *p, const struct cut *c, unsigned salt)
{
	CHECK(stamped(p, 0, c->first, salt));
	CHECK(stamped(p, c->first + c->pages, 3 * HUGE_PAGES - c->first - c->pages, salt));
}

TEST(huge_munmap_cuts)
{
	FOR_EACH_CUT(c) {
		char *p = map_huge(3), *hole = p + c->first * PAGE;
		unsigned char vec[1];

		stamp_pages(p, 0, 3 * HUGE_PAGES, 7);
		CHECK(!munmap(hole, c->pages * PAGE));
		check_rest(p, c, 7);
		CHECK_ERR(mincore(hole, PAGE, vec), ENOMEM);
		CHECK(mmap(hole, c->pages * PAGE, RW, ANON | MAP_FIXED, -1, 0) == hole);
		CHECK(all_bytes(hole, c->pages * PAGE, 0));
		stamp_pages(p, c->first, c->pages, 8);
		CHECK(stamped(p, c->first, c->pages, 8));
		check_rest(p, c, 7);
		CHECK(!munmap(p, 3 * HUGE));
	}
}

TEST(huge_madvise_cuts)
{
	FOR_EACH_CUT(c) {
		char *p = map_huge(3);

		stamp_pages(p, 0, 3 * HUGE_PAGES, 7);
		CHECK(!madvise(p + c->first * PAGE, c->pages * PAGE, MADV_COLD));
		CHECK(stamped(p, 0, 3 * HUGE_PAGES, 7));
		CHECK(!madvise(p + c->first * PAGE, c->pages * PAGE, MADV_DONTNEED));
		CHECK(all_bytes(p + c->first * PAGE, c->pages * PAGE, 0));
		check_rest(p, c, 7);
		CHECK(!munmap(p, 3 * HUGE));
	}
}

TEST(huge_mprotect_cuts)
{
	FOR_EACH_CUT(c) {
		char *p = map_huge(3), *part = p + c->first * PAGE;
		int fds[2];

		CHECK(!pipe(fds));
		stamp_pages(p, 0, 3 * HUGE_PAGES, 7);
		CHECK(!mprotect(part, c->pages * PAGE, PROT_READ));
		CHECK(stamped(p, 0, 3 * HUGE_PAGES, 7));
		WAIT_SIGNAL(CHILD(part[c->pages * PAGE - 1] = 1), SIGSEGV);
		WAIT_SIGNAL(CHILD(part[0] = 1), SIGSEGV);
		stamp_pages(p, 0, c->first, 8);
		stamp_pages(p, c->first + c->pages, 3 * HUGE_PAGES - c->first - c->pages, 8);
		CHECK(!mprotect(part, c->pages * PAGE, PROT_NONE));
		CHECK_ERR(write(fds[1], part, 1), EFAULT);
		CHECK_ERR(write(fds[1], part + c->pages * PAGE - 1, 1), EFAULT);
		check_rest(p, c, 8);
		CHECK(!mprotect(part, c->pages * PAGE, RW));
		CHECK(stamped(p, c->first, c->pages, 7));
		stamp_pages(p, c->first, c->pages, 8);
		CHECK(stamped(p, 0, 3 * HUGE_PAGES, 8));
		close(fds[0]);
		close(fds[1]);
		CHECK(!munmap(p, 3 * HUGE));
	}
}

TEST(huge_mprotect_whole)
{
	char *p = map_huge(2);

	stamp_pages(p, 0, 2 * HUGE_PAGES, 1);
	CHECK(!mprotect(p, 2 * HUGE, PROT_READ));
	CHECK(stamped(p, 0, 2 * HUGE_PAGES, 1));
	CHECK(!mprotect(p, 2 * HUGE, PROT_NONE));
	WAIT_SIGNAL(CHILD((void)*(volatile char *)p), SIGSEGV);
	CHECK(!munmap(p + 3 * PAGE, PAGE)); /* cut while nobody may look */
	CHECK(!mprotect(p, 3 * PAGE, RW) && !mprotect(p + 4 * PAGE, 2 * HUGE - 4 * PAGE, RW));
	stamp_pages(p, 0, 3, 2);
	CHECK(stamped(p, 0, 3, 2) && stamped(p, 4, 2 * HUGE_PAGES - 4, 1));
}

/* ---- moving ---- */

TEST(huge_mremap_all_alignments)
{
	static const size_t shifts[] = { 0, 1, HUGE_PAGES / 2, HUGE_PAGES - 1 };

	FOR_EACH_CUT(c) {
		for (size_t s = 0; s < sizeof(shifts) / sizeof(*shifts); s++) {
			char *p = map_huge(3), *room = map_huge(5);
			char *to = room + HUGE + (c->first + shifts[s]) % HUGE_PAGES * PAGE;
			char *from = p + c->first * PAGE, *base;

			stamp_pages(p, 0, 3 * HUGE_PAGES, 3);
			CHECK(mremap(from, c->pages * PAGE, c->pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				     to) == to);
			base = to - c->first * PAGE; /* where page 0 would be */
			CHECK(stamped(base, c->first, c->pages, 3));
			check_rest(p, c, 3);
			stamp_pages(base, c->first, c->pages, 4);
			CHECK(stamped(base, c->first, c->pages, 4));
			munmap(p, 3 * HUGE);
			CHECK(!munmap(room, 5 * HUGE));
		}
	}
}

TEST(huge_mremap_grow_and_shrink)
{
	char *p = map_huge(3);

	stamp_pages(p, 0, 3 * HUGE_PAGES, 3);
	CHECK(mremap(p, 3 * HUGE, HUGE + 5 * PAGE, 0) == p);
	CHECK(stamped(p, 0, HUGE_PAGES + 5, 3));
	p = mremap(p, HUGE + 5 * PAGE, 8 * HUGE, MREMAP_MAYMOVE);
	CHECK(p != MAP_FAILED);
	CHECK(stamped(p, 0, HUGE_PAGES + 5, 3));
	CHECK(all_bytes(p + HUGE + 5 * PAGE, 7 * HUGE - 5 * PAGE, 0));
	stamp_pages(p, 0, 8 * HUGE_PAGES, 4);
	CHECK(stamped(p, 0, 8 * HUGE_PAGES, 4));
}

TEST(huge_mremap_keeps_leaf)
{
	char *p = map_huge(2), *to = map_huge(2);

	if (!have_huge())
		SKIP("no huge pages here");
	stamp_pages(p, 0, 2 * HUGE_PAGES, 3);
	CHECK(mremap(p, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	CHECK_EQ(smaps(to, "AnonHugePages"), 4096);
	CHECK(stamped(to, 0, 2 * HUGE_PAGES, 3));
}

/* ---- fork ---- */

TEST(huge_fork_copies)
{
	char *p = map_huge(4);

	stamp_pages(p, 0, 4 * HUGE_PAGES, 1);
	WAIT_OK(CHILD({
		CHECK(stamped(p, 0, 4 * HUGE_PAGES, 1));
		stamp_pages(p, 5, HUGE_PAGES, 2);
		CHECK(stamped(p, 5, HUGE_PAGES, 2));
		CHECK(stamped(p, 0, 5, 1) && stamped(p, HUGE_PAGES + 5, 3 * HUGE_PAGES - 5, 1));
		CHECK(!munmap(p + 2 * HUGE, HUGE));
	}));
	CHECK(stamped(p, 0, 4 * HUGE_PAGES, 1));
	stamp_pages(p, 0, 4 * HUGE_PAGES, 3); /* alone again */
	CHECK(stamped(p, 0, 4 * HUGE_PAGES, 3));
}

TEST(huge_fork_tree)
{
	char *p = map_huge(2);

	stamp_pages(p, 0, 2 * HUGE_PAGES, 0);
	WAIT_OK(CHILD({
		stamp_pages(p, 0, 1, 1);
		WAIT_OK(CHILD({
			stamp_pages(p, 1, 1, 2);
			CHECK(!mprotect(p + HUGE, PAGE, PROT_READ));
			WAIT_OK(CHILD({
				CHECK(stamped(p, 0, 1, 1) && stamped(p, 1, 1, 2));
				CHECK(stamped(p, 2, 2 * HUGE_PAGES - 2, 0));
				stamp_pages(p, 0, HUGE_PAGES, 9);
				WAIT_SIGNAL(CHILD(p[HUGE] = 1), SIGSEGV);
			}));
			CHECK(stamped(p, 1, 1, 2) && stamped(p, 2, 2 * HUGE_PAGES - 2, 0));
		}));
		CHECK(stamped(p, 0, 1, 1) && stamped(p, 1, 2 * HUGE_PAGES - 1, 0));
	}));
	CHECK(stamped(p, 0, 2 * HUGE_PAGES, 0));
}

TEST(huge_fork_parent_writes)
{
	int to_child[2], to_parent[2];
	char *p = map_huge(2), c;
	pid_t pid;

	CHECK(!pipe(to_child) && !pipe(to_parent));
	stamp_pages(p, 0, 2 * HUGE_PAGES, 1);
	pid = CHILD({
		CHECK_EQ(read(to_child[0], &c, 1), 1);
		CHECK(stamped(p, 0, 2 * HUGE_PAGES, 1));
		stamp_pages(p, 0, 2 * HUGE_PAGES, 2);
		CHECK_EQ(write(to_parent[1], "x", 1), 1);
		CHECK_EQ(read(to_child[0], &c, 1), 1);
		CHECK(stamped(p, 0, 2 * HUGE_PAGES, 2));
	});
	stamp_pages(p, 100, HUGE_PAGES, 3);
	CHECK_EQ(write(to_child[1], "x", 1), 1);
	CHECK_EQ(read(to_parent[0], &c, 1), 1);
	CHECK(stamped(p, 0, 100, 1) && stamped(p, 100, HUGE_PAGES, 3));
	CHECK(stamped(p, HUGE_PAGES + 100, HUGE_PAGES - 100, 1));
	CHECK_EQ(write(to_child[1], "x", 1), 1);
	WAIT_OK(pid);
}

TEST(huge_fork_advice)
{
	char *p = map_huge(3);

	stamp_pages(p, 0, 3 * HUGE_PAGES, 1);
	CHECK(!madvise(p + PAGE, PAGE, MADV_DONTFORK));
	CHECK(!madvise(p + HUGE, HUGE, MADV_WIPEONFORK));
	WAIT_OK(CHILD({
		unsigned char vec[1];

		CHECK(stamped(p, 0, 1, 1) && stamped(p, 2, HUGE_PAGES - 2, 1));
		CHECK(stamped(p, 2 * HUGE_PAGES, HUGE_PAGES, 1));
		CHECK(all_bytes(p + HUGE, HUGE, 0));
		CHECK_ERR(mincore(p + PAGE, PAGE, vec), ENOMEM);
	}));
	CHECK(stamped(p, 0, 3 * HUGE_PAGES, 1));
}

/* ---- by other ways than the program's own stores ---- */

TEST(huge_kernel_writes)
{
	char *p = map_huge(2);
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	CHECK(fd >= 0);
	stamp_pages(p, 0, 2 * HUGE_PAGES, 1);
	CHECK_EQ(write(fd, p, 2 * HUGE), 2 * HUGE);
	CHECK(!madvise(p, 2 * HUGE, MADV_DONTNEED));
	CHECK_EQ(pread(fd, p + PAGE, HUGE, PAGE), HUGE);
	CHECK(stamped(p, 1, HUGE_PAGES, 1));
	CHECK(all_bytes(p, PAGE, 0));
}

TEST(huge_through_proc_mem)
{
	char *p = map_huge(2), word[16];
	int fd = open("/proc/self/mem", O_RDWR);

	CHECK(fd >= 0);
	stamp_pages(p, 0, 2 * HUGE_PAGES, 1);
	strcpy(p + HUGE - 4, "across it");
	CHECK_EQ(pread(fd, word, 10, (off_t)(uintptr_t)(p + HUGE - 4)), 10);
	CHECK(!strcmp(word, "across it"));
	CHECK(!mprotect(p, 2 * HUGE, PROT_READ));
	CHECK_EQ(pwrite(fd, "ACROSS IT", 10, (off_t)(uintptr_t)(p + HUGE - 4)), 10);
	CHECK(!strcmp(p + HUGE - 4, "ACROSS IT"));
	CHECK(stamped(p, 0, HUGE_PAGES - 1, 1) && stamped(p, HUGE_PAGES + 1, HUGE_PAGES - 1, 1));
}

TEST(huge_mincore)
{
	char *p = map_huge(2);
	unsigned char vec[2 * HUGE_PAGES];

	CHECK(!mincore(p, 2 * HUGE, vec));
	CHECK(!(vec[0] & 1) && !(vec[2 * HUGE_PAGES - 1] & 1));
	p[5 * PAGE] = 1;
	CHECK(!mincore(p, 2 * HUGE, vec));
	CHECK(vec[5] & 1);
	CHECK(!(vec[HUGE_PAGES] & 1));
	CHECK_EQ(vec[0] & 1, smaps(p, "AnonHugePages") == 2048);
}

TEST(huge_locked)
{
	char *p = map_huge(2);

	CHECK(!mlock(p, HUGE + PAGE));
	stamp_pages(p, 0, 2 * HUGE_PAGES, 1);
	CHECK_ERR(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
	CHECK(!munlock(p, 2 * HUGE));
	CHECK(stamped(p, 0, 2 * HUGE_PAGES, 1));
}

TEST(huge_heap)
{
	char *start = kbrk(NULL), *p = (char *)(((uintptr_t)start + HUGE - 1) & ~(HUGE - 1));

	CHECK(kbrk(p + 4 * HUGE + 123) == p + 4 * HUGE + 123);
	stamp_pages(p, 0, 3 * HUGE_PAGES, 1);
	CHECK(kbrk(p + HUGE + 3 * PAGE + 1) == p + HUGE + 3 * PAGE + 1);
	CHECK(stamped(p, 0, HUGE_PAGES + 3, 1));
	CHECK(kbrk(p + 3 * HUGE) == p + 3 * HUGE);
	CHECK(stamped(p, 0, HUGE_PAGES + 3, 1));
	CHECK(all_bytes(p + HUGE + 4 * PAGE, 2 * HUGE - 4 * PAGE, 0));
	CHECK(kbrk(start) == start);
}

/* ---- threads ---- */

#define THREADS 4
static char *shared;
static _Atomic bool done_with;

static void *stamp_share(void *arg)
{
	size_t me = (size_t)arg;

	for (size_t i = me; i < 8 * HUGE_PAGES; i += THREADS)
		stamp_pages(shared, i, 1, 5);
	return NULL;
}

TEST(huge_threads_first_touch)
{
	pthread_t t[THREADS];

	for (int round = 0; round < 5; round++) {
		shared = map_huge(8);
		for (size_t i = 0; i < THREADS; i++)
			CHECK(!pthread_create(&t[i], NULL, stamp_share, (void *)i));
		for (size_t i = 0; i < THREADS; i++)
			CHECK(!pthread_join(t[i], NULL));
		CHECK(stamped(shared, 0, 8 * HUGE_PAGES, 5));
		CHECK(!munmap(shared, 8 * HUGE));
	}
}

/* Counts in its own pages without a pause: no count may get lost whatever happens to the mapping. */
static void *count_up(void *arg)
{
	size_t me = (size_t)arg;
	unsigned long n = 0;

	while (!done_with) {
		for (size_t i = 0; i < HUGE_PAGES / 8; i++) {
			volatile unsigned long *w = (void *)(shared + (i * 8 + 1 + me) * PAGE);

			if (*w != n)
				return (void *)1;
			*w = n + 1;
		}
		n++;
	}
	return NULL;
}

/* Others store while the leaf is cut by @cut, which works on pages that are divisible by 8. */
static void race(int rounds, void (*cut)(char *page))
{
	pthread_t t[THREADS];
	void *failed;

	for (int round = 0; round < rounds; round++) {
		shared = map_huge(1);
		shared[0] = 0; /* stored to first: a leaf */
		done_with = false;
		for (size_t i = 0; i < THREADS; i++)
			CHECK(!pthread_create(&t[i], NULL, count_up, (void *)i));
		sleep_ms(2);
		for (size_t i = 0; i < HUGE_PAGES; i += 128) {
			cut(shared + i * PAGE);
			sleep_ms(1);
		}
		done_with = true;
		for (size_t i = 0; i < THREADS; i++) {
			CHECK(!pthread_join(t[i], &failed));
			CHECK(!failed);
		}
		CHECK(!munmap(shared, HUGE));
	}
}

static void cut_munmap(char *page)
{
	CHECK(!munmap(page, PAGE));
}
static void cut_mprotect(char *page)
{
	CHECK(!mprotect(page, PAGE, PROT_READ));
}
static void cut_dontneed(char *page)
{
	*(volatile char *)page = 1;
	CHECK(!madvise(page, PAGE, MADV_DONTNEED));
	CHECK(!*(volatile char *)page);
}
static void cut_fork(char *page)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		memset(page, 1, PAGE);
		_exit(0);
	}
	WAIT_OK(pid);
	CHECK(!*(volatile char *)page);
}

TEST(huge_threads_munmap)
{
	race(3, cut_munmap);
}
TEST(huge_threads_mprotect)
{
	race(3, cut_mprotect);
}
TEST(huge_threads_dontneed)
{
	race(3, cut_dontneed);
}
TEST(huge_threads_fork)
{
	race(1, cut_fork);
}

/* Memory comes back: more in all than the test machine has. */
TEST(huge_is_freed)
{
	for (int i = 0; i < 48; i++) {
		char *p = map_huge(16);

		for (size_t j = 0; j < 16; j++)
			p[j * HUGE] = 1;
		if (i % 2)
			CHECK(!munmap(p + HUGE / 2, 7 * HUGE));
		munmap(p, 16 * HUGE);
	}
}
