// SPDX-License-Identifier: MIT
/* madvise: each advice's effect and errors; membarrier's commands. */
#include "mem.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/uio.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* A file "f" whose page i is filled with 'a' + i. */
static int lettered_file(size_t pages)
{
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char buf[PAGE];

	CHECK(fd >= 0);
	for (size_t i = 0; i < pages; i++) {
		memset(buf, (int)('a' + i), PAGE);
		CHECK_EQ(write(fd, buf, PAGE), PAGE);
	}
	return fd;
}

TEST(advice_argument_errors)
{
	char *p = map_anon(3);

	CHECK_ERR(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERR(madvise(p, PAGE, 0x1234), EINVAL);
	CHECK_ERR(madvise(p, -PAGE * 2 + 1, MADV_DONTNEED), EINVAL);
	CHECK_EQ(madvise(p, 0, MADV_DONTNEED), 0);
	CHECK_ERR(madvise(p, 0, 0x1234), EINVAL);
	CHECK_EQ(madvise((void *)PAGE, 0, MADV_NORMAL), 0);
	CHECK_ERR(madvise((void *)(0x7ffffffff000ul - PAGE), 4 * PAGE, MADV_DONTNEED), ENOMEM);
}

TEST(advice_over_a_hole_is_taken_and_enomem)
{
	static const int all[] = { MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_NORMAL,
				   MADV_SEQUENTIAL, MADV_RANDOM, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP,
				   MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_WILLNEED };
	char *p = map_anon(5);

	CHECK(!munmap(p + 2 * PAGE, PAGE));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		errno = 0;
		if (madvise(p, 5 * PAGE, all[i]) != -1 || errno != ENOMEM)
			/* Linux looks for a file first and says so */
			CHECK(all[i] == MADV_WILLNEED && errno == EBADF);
	}
	p[0] = p[4 * PAGE] = 1;
	CHECK_ERR(madvise(p, 5 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK(p[0] == 0 && p[4 * PAGE] == 0); /* what is mapped, on both sides, was advised */
	CHECK_ERR(madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED), ENOMEM);
}

TEST(dontneed_of_shared_memory_keeps_it)
{
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, lettered_file(2), 0);

	p[0] = q[0] = 7;
	CHECK(!madvise(p, 2 * PAGE, MADV_DONTNEED) && !madvise(q, 2 * PAGE, MADV_DONTNEED));
	CHECK(p[0] == 7 && q[0] == 7 && q[PAGE] == 'b');
}

TEST(dontneed_of_a_part)
{
	char *p = map_anon(4);

	memset(p, 3, 4 * PAGE);
	CHECK(!madvise(p + PAGE, 1, MADV_DONTNEED)); /* lengths are rounded up */
	CHECK(p[0] == 3 && p[PAGE] == 0 && p[2 * PAGE - 1] == 0 && p[2 * PAGE] == 3);
}

TEST(dontneed_in_the_child_is_the_childs)
{
	char *p = map_anon(2);

	memset(p, 3, 2 * PAGE);
	WAIT_OK(CHILD({
		CHECK(!madvise(p, 2 * PAGE, MADV_DONTNEED));
		CHECK(p[0] == 0);
	}));
	CHECK(p[0] == 3 && p[PAGE] == 3);
}

TEST(advice_against_locked_pages)
{
	char *p = map_anon(2);

	CHECK(!mlock(p, 2 * PAGE));
	p[0] = 1;
	CHECK_ERR(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERR(madvise(p, PAGE, MADV_COLD), EINVAL);
	CHECK_ERR(madvise(p, PAGE, MADV_PAGEOUT), EINVAL);
	CHECK_EQ(p[0], 1);
	CHECK(!munlock(p, 2 * PAGE));
	CHECK(!madvise(p, PAGE, MADV_DONTNEED));
	CHECK_EQ(p[0], 0);
}

TEST(free_of_what_is_not_anonymous)
{
	char *shm = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *file, *p = map_anon(2);

	file = mmap(NULL, PAGE, RW, MAP_PRIVATE, lettered_file(1), 0);
	CHECK_ERR(madvise(shm, PAGE, MADV_FREE), EINVAL);
	CHECK_ERR(madvise(file, PAGE, MADV_FREE), EINVAL);
	memset(p, 5, 2 * PAGE);
	CHECK(!madvise(p, 2 * PAGE, MADV_FREE));
	CHECK(p[0] == 5 || p[0] == 0);
	p[PAGE] = 6; /* written again: stays */
	CHECK_EQ(p[PAGE], 6);
	CHECK(p[PAGE + 1] == 5 || p[PAGE + 1] == 0);
}

TEST(cold_and_pageout_keep_bytes)
{
	char *p = map_anon(16), *q = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, lettered_file(4), 0);

	for (int i = 0; i < 16; i++)
		p[i * PAGE] = (char)(i + 1);
	q[PAGE] = 'X';
	CHECK(!madvise(p, 16 * PAGE, MADV_COLD) && !madvise(q, 4 * PAGE, MADV_COLD));
	CHECK(!madvise(p, 16 * PAGE, MADV_PAGEOUT) && !madvise(q, 4 * PAGE, MADV_PAGEOUT));
	for (int i = 0; i < 16; i++)
		CHECK_EQ(p[i * PAGE], i + 1);
	CHECK(q[0] == 'a' && q[PAGE] == 'X' && q[3 * PAGE] == 'd');
}

TEST(willneed_reads_ahead)
{
	int fd = lettered_file(64);
	char *p;

	CHECK(!fsync(fd));
	CHECK(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	p = mmap(NULL, 64 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(!madvise(p, 64 * PAGE, MADV_WILLNEED));
	for (int i = 0; i < 200 && !(resident(p) && resident(p + 63 * PAGE)); i++)
		sleep_ms(10);
	CHECK(resident(p) && resident(p + 31 * PAGE) && resident(p + 63 * PAGE));
}

TEST(dontfork_leaves_a_hole_in_the_child)
{
	char *p = map_anon(3);

	memset(p, 1, 3 * PAGE);
	CHECK(!madvise(p + PAGE, PAGE, MADV_DONTFORK));
	WAIT_OK(CHILD({
		unsigned char in;

		CHECK_ERR(mincore(p + PAGE, PAGE, &in), ENOMEM);
		CHECK(p[0] == 1 && p[2 * PAGE] == 1);
	}));
	CHECK(!madvise(p + PAGE, PAGE, MADV_DOFORK));
	WAIT_OK(CHILD(CHECK_EQ(p[PAGE], 1)));
}

TEST(wipeonfork_wipes_and_goes_on)
{
	char *p = map_anon(3), *shm = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *file;

	file = mmap(NULL, PAGE, RW, MAP_PRIVATE, lettered_file(1), 0);
	CHECK_ERR(madvise(shm, PAGE, MADV_WIPEONFORK), EINVAL);
	CHECK_ERR(madvise(file, PAGE, MADV_WIPEONFORK), EINVAL);
	memset(p, 1, 3 * PAGE);
	CHECK(!madvise(p + PAGE, PAGE, MADV_WIPEONFORK));
	WAIT_OK(CHILD({
		CHECK(p[0] == 1 && p[PAGE] == 0 && p[2 * PAGE] == 1);
		p[PAGE] = 4;
		WAIT_OK(CHILD(CHECK_EQ(p[PAGE], 0))); /* the child has it too */
		CHECK(!madvise(p + PAGE, PAGE, MADV_KEEPONFORK));
		WAIT_OK(CHILD(CHECK_EQ(p[PAGE], 4)));
	}));
	CHECK_EQ(p[PAGE], 1);
}

TEST(remove_punches_a_hole)
{
	int fd = lettered_file(4);
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0), *priv, *ro, *anon = map_anon(1), c;

	CHECK(!madvise(p + PAGE, 2 * PAGE, MADV_REMOVE));
	CHECK(p[0] == 'a' && p[PAGE] == 0 && p[2 * PAGE] == 0 && p[3 * PAGE] == 'd');
	CHECK_EQ(pread(fd, &c, 1, PAGE), 1);
	CHECK_EQ(c, 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 4 * PAGE);
	priv = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK_ERR(madvise(priv, PAGE, MADV_REMOVE), EACCES);
	ro = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("f", O_RDONLY), 0);
	CHECK_ERR(madvise(ro, PAGE, MADV_REMOVE), EACCES);
	CHECK_ERR(madvise(anon, PAGE, MADV_REMOVE), EINVAL);
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(p, 8, 2 * PAGE);
	CHECK(!madvise(p, PAGE, MADV_REMOVE));
	CHECK(p[0] == 0 && p[PAGE] == 8);
}

TEST(remove_punched_locked_pages)
{
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, lettered_file(4), 0), *priv;

	CHECK_EQ(mlock(p + 2 * PAGE, PAGE), 0);
	CHECK_ERR(madvise(p, 4 * PAGE, MADV_REMOVE), EINVAL);
	CHECK(p[0] == 0 && p[PAGE] == 0 && p[2 * PAGE] == 'c' && p[3 * PAGE] == 'd');
	CHECK_EQ(munlock(p, 4 * PAGE), 0);
	CHECK(!madvise(p, 4 * PAGE, MADV_REMOVE));
	CHECK_EQ(p[2 * PAGE], 0);
	priv = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_LOCKED, lettered_file(1), 0);
	CHECK_ERR(madvise(priv, PAGE, MADV_REMOVE), EINVAL);
}

TEST(remove_took_a_hole_at_the_end_for_memory_without_a_file)
{
	char *p = mmap(NULL, 6 * PAGE, RW, MAP_SHARED, lettered_file(6), 0);

	CHECK(!munmap(p + 2 * PAGE, PAGE));
	CHECK(!munmap(p + 5 * PAGE, PAGE));
	CHECK_ERR(madvise(p, 5 * PAGE, MADV_REMOVE), ENOMEM);
	CHECK(p[0] == 0 && p[4 * PAGE] == 0);
	p[0] = p[4 * PAGE] = 1;
	CHECK_ERR(madvise(p, 6 * PAGE, MADV_REMOVE), ENOMEM);
	CHECK(p[0] == 0 && p[4 * PAGE] == 0);
	CHECK_ERR(madvise(p + 5 * PAGE, PAGE, MADV_REMOVE), ENOMEM);
	CHECK(mmap(p + 5 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) != MAP_FAILED);
	CHECK_ERR(madvise(p, 6 * PAGE, MADV_REMOVE), EINVAL);
}

TEST(populate_read_and_write)
{
	char *p = map_anon(8), *ro = mmap(NULL, 2 * PAGE, PROT_READ, ANON, -1, 0);
	char *none = mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0), *file;
	int fd = lettered_file(2);

	CHECK(!madvise(p, 4 * PAGE, MADV_POPULATE_WRITE));
	CHECK(resident(p) && resident(p + 3 * PAGE) && !resident(p + 4 * PAGE));
	CHECK(!madvise(p, 8 * PAGE, MADV_POPULATE_READ));
	CHECK(!madvise(ro, 2 * PAGE, MADV_POPULATE_READ));
	CHECK_ERR(madvise(ro, 2 * PAGE, MADV_POPULATE_WRITE), EINVAL);
	CHECK_ERR(madvise(none, PAGE, MADV_POPULATE_READ), EINVAL);
	file = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(!madvise(file, 2 * PAGE, MADV_POPULATE_WRITE));
	CHECK_ERR(madvise(file, 4 * PAGE, MADV_POPULATE_READ), EFAULT); /* where a touch is SIGBUS */
	CHECK(!munmap(p + 6 * PAGE, PAGE));
	CHECK_ERR(madvise(p, 8 * PAGE, MADV_POPULATE_READ), ENOMEM);
	file = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(!madvise(file, 2 * PAGE, MADV_POPULATE_WRITE));
	CHECK_EQ(file[PAGE], 'b');
}

static char *crowded; /* 256 pages that eight threads advise at once */

static void *advise_all_over(void *arg)
{
	static const int hints[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTFORK, MADV_DOFORK,
				     MADV_WILLNEED, MADV_DONTDUMP, MADV_DODUMP };
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < 1000; i++) {
		char *at = crowded + rand_r(&seed) % 256 * PAGE;

		CHECK(!madvise(at, PAGE, hints[rand_r(&seed) % 8]) || errno == EBADF);
		CHECK_EQ(at[9], 4);
		at[10]++;
	}
	return NULL;
}

TEST(advice_from_many_threads)
{
	pthread_t t[8];

	crowded = map_anon(256);
	memset(crowded, 4, 256 * PAGE);
	for (long i = 0; i < 8; i++)
		CHECK(!pthread_create(&t[i], NULL, advise_all_over, (void *)(i + 1)));
	for (int i = 0; i < 8; i++)
		CHECK(!pthread_join(t[i], NULL));
	for (int i = 0; i < 256; i++)
		CHECK(crowded[i * PAGE] == 4 && crowded[(i + 1) * PAGE - 1] == 4);
}

TEST(hints_change_nothing)
{
	char *p = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, lettered_file(8), 0);

	CHECK(!madvise(p, 8 * PAGE, MADV_SEQUENTIAL));
	CHECK(!madvise(p + PAGE, PAGE, MADV_RANDOM));
	for (int i = 0; i < 8; i++)
		CHECK_EQ(p[i * PAGE], 'a' + i);
	CHECK(!madvise(p, 8 * PAGE, MADV_NORMAL));
}

/* ---- membarrier ---- */

static long membarrier(int cmd, unsigned flags)
{
	return syscall(SYS_membarrier, cmd, flags, 0);
}

TEST(membarrier_query_and_errors)
{
	long cmds = membarrier(MEMBARRIER_CMD_QUERY, 0);

	CHECK(cmds > 0 && cmds & MEMBARRIER_CMD_PRIVATE_EXPEDITED && cmds & MEMBARRIER_CMD_GLOBAL_EXPEDITED);
	CHECK_ERR(membarrier(MEMBARRIER_CMD_QUERY, 1), EINVAL);
	CHECK_ERR(membarrier(1 << 20, 0), EINVAL);
	CHECK_ERR(membarrier(-1, 0), EINVAL);
}

TEST(membarrier_needs_its_registration)
{
	/* Each kind has its own. */
	CHECK_ERR(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM);
	CHECK_ERR(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), EPERM);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0), 0);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0), 0);
	CHECK_ERR(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0);
	CHECK_ERR(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), EPERM);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0), 0);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), 0);
	WAIT_OK(CHILD(CHECK_EQ(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0))); /* fork keeps it */
}
