// SPDX-License-Identifier: MIT
/* How much memory a program may have: RLIMIT_AS, DATA, STACK, MEMLOCK; overcommit; max_map_count; tmpfs. */
#include "mem.h"
#include "proc.h"

#include <pthread.h>
#include <sys/mount.h>

#define MB (1ul << 20)

/* ---- address space ---- */

TEST(rlimit_as_limits_all_that_maps)
{
	char *p = map_anon(1), *heap = kbrk(NULL);

	set_limit(RLIMIT_AS, status_kb("VmSize") * 1024 + 16 * PAGE);
	CHECK_ERR((long)mmap(NULL, 17 * PAGE, PROT_NONE, ANON, -1, 0), ENOMEM);
	CHECK_ERR((long)mmap(NULL, MB, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK_ERR((long)mremap(p, PAGE, 18 * PAGE, MREMAP_MAYMOVE), ENOMEM);
	CHECK(kbrk(heap + 20 * PAGE) == heap);
	p = mmap(NULL, 16 * PAGE, RW, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	/* What a fixed mapping replaces is given back first. */
	CHECK(mmap(p, 16 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, ANON, -1, 0), ENOMEM);
	CHECK(!munmap(p, PAGE));
	CHECK(mmap(NULL, PAGE, RW, ANON, -1, 0) != MAP_FAILED);
}

TEST(rlimit_as_counts_what_dontunmap_leaves)
{
	char *p = map_anon(64);

	set_limit(RLIMIT_AS, status_kb("VmSize") * 1024 + 16 * PAGE);
	CHECK_ERR((long)mremap(p, 64 * PAGE, 64 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), ENOMEM);
	CHECK(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0) != MAP_FAILED);
}

/* Address space that was reserved counts already: an allocator's way to grow under ulimit -v. */
TEST(rlimit_as_does_not_count_reserved_room_twice)
{
	char *p = mmap(NULL, 1000 * PAGE, PROT_NONE, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	set_limit(RLIMIT_AS, status_kb("VmSize") * 1024 + 10 * PAGE);
	CHECK_EQ(mprotect(p, 1000 * PAGE, RW), 0);
	p[999 * PAGE] = 1;
}

/* ---- data ---- */

TEST(rlimit_data_counts_private_writable)
{
	char *p, *ro;

	ro = mmap(NULL, 64 * PAGE, PROT_READ, ANON, -1, 0);
	CHECK(ro != MAP_FAILED);
	set_limit(RLIMIT_DATA, status_kb("VmData") * 1024 + 16 * PAGE);
	CHECK_ERR((long)mmap(NULL, 64 * PAGE, RW, ANON, -1, 0), ENOMEM);
	CHECK(mmap(NULL, 64 * PAGE, PROT_READ, ANON, -1, 0) != MAP_FAILED);
	CHECK(mmap(NULL, 64 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	CHECK_ERR(mprotect(ro, 64 * PAGE, RW), ENOMEM); /* becoming data */
	CHECK(!mprotect(ro, 4 * PAGE, RW));
	p = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_ERR((long)mremap(p, 8 * PAGE, 64 * PAGE, MREMAP_MAYMOVE), ENOMEM);
}

/* ---- stack ---- */

/* Touches a page @depth bytes below here. */
static void __attribute__((noinline)) dive(size_t depth)
{
	volatile char *sp = __builtin_frame_address(0);

	for (size_t at = 0; at < depth; at += PAGE)
		*(sp - at) = 1;
}

TEST(rlimit_stack_stops_growth)
{
	struct rlimit r = { 256 * 1024, RLIM_INFINITY };

	CHECK(!getrlimit(RLIMIT_STACK, &r));
	r.rlim_cur = 256 * 1024;
	CHECK(!setrlimit(RLIMIT_STACK, &r));
	dive(128 * 1024);
	WAIT_SIGNAL(CHILD(dive(512 * 1024)), SIGSEGV);
	r.rlim_cur = MB;
	CHECK(!setrlimit(RLIMIT_STACK, &r));
	dive(512 * 1024);
}

TEST(stack_growth_obeys_rlimit_as)
{
	set_limit(RLIMIT_AS, status_kb("VmSize") * 1024 + 64 * PAGE);
	WAIT_SIGNAL(CHILD(dive(MB)), SIGSEGV);
}

/* ---- locked memory ---- */

TEST(memlock_limit_for_mlock)
{
	char *p = map_anon(16);

	if (geteuid())
		SKIP("needs root to drop capabilities");
	set_limit(RLIMIT_MEMLOCK, 8 * PAGE);
	become(STRANGER);
	CHECK_EQ(mlock(p, 8 * PAGE), 0);
	CHECK_EQ(status_kb("VmLck"), 32);
	CHECK_ERR(mlock(p + 8 * PAGE, 1), ENOMEM);
	CHECK_EQ(mlock(p, 8 * PAGE), 0); /* again the same: no more than before */
	CHECK_ERR(mlock(p, 9 * PAGE), ENOMEM);
	CHECK_EQ(munlock(p + PAGE, 1), 0);
	CHECK_EQ(status_kb("VmLck"), 28);
	CHECK_EQ(mlock(p + 9 * PAGE, 1), 0);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, ANON | MAP_LOCKED, -1, 0), EAGAIN);
	CHECK_ERR(mlockall(MCL_CURRENT), ENOMEM);
	CHECK(!munmap(p, PAGE));
	CHECK_EQ(status_kb("VmLck"), 28);
}

TEST(memlock_limit_of_nothing_is_eperm)
{
	char *p = map_anon(1);

	if (geteuid())
		SKIP("needs root to drop capabilities");
	set_limit(RLIMIT_MEMLOCK, 0);
	become(STRANGER);
	CHECK_ERR(mlock(p, PAGE), EPERM);
	CHECK_ERR(mlockall(MCL_FUTURE), EPERM);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, ANON | MAP_LOCKED, -1, 0), EPERM);
	CHECK_EQ(munlock(p, PAGE), 0);
	CHECK_EQ(munlockall(), 0);
}

TEST(mlock_future_limits_mmap_and_mremap_and_brk)
{
	char *p, *heap = kbrk(NULL);

	if (geteuid())
		SKIP("needs root to drop capabilities");
	heap = (char *)(((unsigned long)heap + PAGE - 1) & -PAGE);
	CHECK(kbrk(heap) == heap);
	set_limit(RLIMIT_MEMLOCK, 8 * PAGE);
	become(STRANGER);
	CHECK_EQ(mlockall(MCL_FUTURE), 0);
	CHECK_EQ(status_kb("VmLck"), 0);
	p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(status_kb("VmLck"), 16);
	CHECK_ERR((long)mmap(NULL, 5 * PAGE, RW, ANON, -1, 0), EAGAIN);
	CHECK_ERR((long)mremap(p, 4 * PAGE, 9 * PAGE, MREMAP_MAYMOVE), EAGAIN);
	CHECK(kbrk(heap + 6 * PAGE) == heap);
	CHECK_EQ(munlockall(), 0);
	CHECK_EQ(status_kb("VmLck"), 0);
	CHECK(mmap(NULL, 64 * PAGE, RW, ANON, -1, 0) != MAP_FAILED);
}

TEST(mlock_brings_in_and_onfault_waits)
{
	char *p = map_anon(4), *q;

	CHECK_EQ(mlock(p, 2 * PAGE), 0);
	CHECK(resident(p) && resident(p + PAGE) && !resident(p + 2 * PAGE));
	CHECK_EQ(syscall(SYS_mlock2, p + 2 * PAGE, 2 * PAGE, 1 /* MLOCK_ONFAULT */), 0);
	CHECK(!resident(p + 2 * PAGE));
	p[2 * PAGE] = 1;
	CHECK(resident(p + 2 * PAGE));
	CHECK_EQ(status_kb("VmLck"), 16);
	CHECK_EQ(mlockall(MCL_FUTURE | MCL_ONFAULT), 0);
	q = map_anon(2);
	CHECK(!resident(q));
	CHECK_EQ(mlockall(MCL_FUTURE), 0);
	q = map_anon(2);
	CHECK(resident(q) && resident(q + PAGE));
	CHECK_EQ(munlockall(), 0);
	q = mmap(NULL, 2 * PAGE, RW, ANON | MAP_LOCKED, -1, 0);
	CHECK(q != MAP_FAILED && resident(q + PAGE));
	CHECK_EQ(status_kb("VmLck"), 8);
}

TEST(mlock_errors)
{
	char *p = map_anon(3);

	CHECK(!munmap(p + 2 * PAGE, PAGE));
	CHECK_ERR(mlock(p, 3 * PAGE), ENOMEM);
	CHECK_ERR(munlock(p, 3 * PAGE), ENOMEM);
	CHECK_ERR(mlock(p, -PAGE), EINVAL);
	CHECK_EQ(mlock(p, 0), 0);
	CHECK_EQ(mlock(p + 5, 1), 0); /* rounded to pages */
	CHECK_ERR(syscall(SYS_mlock2, p, PAGE, 2), EINVAL);
	CHECK_ERR(mlockall(0), EINVAL);
	CHECK_ERR(mlockall(8), EINVAL);
	CHECK_ERR(mlockall(MCL_ONFAULT), EINVAL);
}

TEST(mlock_went_on_behind_a_hole)
{
	char *p = map_anon(6);

	CHECK(!munmap(p + 2 * PAGE, PAGE));
	CHECK_ERR(mlock(p, 6 * PAGE), ENOMEM);
	CHECK_EQ(status_kb("VmLck"), 8);
	CHECK_EQ(mlock(p + 3 * PAGE, 3 * PAGE), 0);
	CHECK_ERR(munlock(p, 6 * PAGE), ENOMEM);
	CHECK_EQ(status_kb("VmLck"), 12);
	CHECK_ERR(munlock(p + 2 * PAGE, 4 * PAGE), ENOMEM);
	CHECK_EQ(status_kb("VmLck"), 12);
	CHECK_ERR(mlock(p + 2 * PAGE, 4 * PAGE), ENOMEM);
	CHECK_EQ(munlock(p + 3 * PAGE, 3 * PAGE), 0);
	CHECK_EQ(status_kb("VmLck"), 0);
}

TEST(mlock_passed_over_pages_nobody_may_touch)
{
	char *p = map_anon(2), *none = mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0);

	CHECK(!mprotect(p + PAGE, PAGE, PROT_NONE));
	CHECK_ERR(mlock(p, 2 * PAGE), ENOMEM);
	CHECK_EQ(status_kb("VmLck"), 8); /* locked all the same */
	CHECK(resident(p));
	CHECK_EQ(syscall(SYS_mlock2, none, PAGE, 1 /* MLOCK_ONFAULT */), 0);
	CHECK_ERR(mlock(none, PAGE), ENOMEM);
	CHECK_EQ(mlock(mmap(NULL, PAGE, PROT_WRITE, ANON, -1, 0), PAGE), 0);
	if (syscall(SYS_pkey_alloc, 0, 0) < 0) /* with protection keys Linux cannot read what may only be executed */
		CHECK_EQ(mlock(mmap(NULL, PAGE, PROT_EXEC, ANON, -1, 0), PAGE), 0);
	CHECK_EQ(mlockall(MCL_CURRENT), 0); /* this one does */
}

static const struct {
	const char *what;
	enum fs fs;
} file_kinds[] = { { "disk", FS_DISK }, { "memory", FS_MEMORY } };

TEST_ROWS(mlock_passed_over_the_end_of_a_file, file_kinds)
{
	int fd = make_file(row->fs, "f", PAGE + 1);
	char *p = map_file(fd, 4 * PAGE, MAP_SHARED);

	CHECK_EQ(mlock(p, 2 * PAGE), 0);
	CHECK_ERR(mlock(p, 3 * PAGE), ENOMEM);
	CHECK_EQ(status_kb("VmLck"), 12);
	CHECK_EQ(syscall(SYS_mlock2, p, 4 * PAGE, 1 /* MLOCK_ONFAULT */), 0);
	CHECK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_LOCKED, fd, 0) != MAP_FAILED);
}

TEST(mlock_is_not_inherited)
{
	char *p = map_anon(2);

	CHECK_EQ(mlock(p, 2 * PAGE), 0);
	CHECK_EQ(mlockall(MCL_FUTURE), 0);
	WAIT_OK(CHILD({
		CHECK_EQ(status_kb("VmLck"), 0);
		p = map_anon(1);
		CHECK_EQ(status_kb("VmLck"), 0);
	}));
	CHECK_EQ(status_kb("VmLck"), 8);
}

/* ---- promises ---- */

TEST(one_request_for_more_than_there_is)
{
	size_t all = (size_t)proc_kb("/proc/meminfo", "MemTotal") * 1024 +
		     (size_t)proc_kb("/proc/meminfo", "SwapTotal") * 1024;
	FILE *f = fopen("/proc/sys/vm/overcommit_memory", "r");
	int mode = -1;
	char *p;

	CHECK(f && fscanf(f, "%d", &mode) == 1);
	if (mode != 0)
		SKIP("another overcommit mode is set");
	CHECK_ERR((long)mmap(NULL, all + 64 * MB, RW, ANON, -1, 0), ENOMEM);
	CHECK(mmap(NULL, all + 64 * MB, RW, ANON | MAP_NORESERVE, -1, 0) != MAP_FAILED);
	p = mmap(NULL, all + 64 * MB, PROT_READ, ANON, -1, 0);
	CHECK(p != MAP_FAILED);                             /* costs nothing yet */
	CHECK_ERR(mprotect(p, all + 64 * MB, RW), ENOMEM);  /* now it would */
	CHECK_ERR((long)mmap(NULL, all + 64 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), ENOMEM);
}

static long committed(void)
{
	return proc_kb("/proc/meminfo", "Committed_AS");
}

TEST(committed_as_adds_up)
{
	char *p, *buf = malloc(MB);
	long before;
	int fd;

	OWN_MACHINE();
	memset(buf, 1, MB);
	before = committed();
	p = mmap(NULL, 64 * MB, RW, ANON, -1, 0);
	CHECK(committed() >= before + 64 * 1024 - 512 && committed() <= before + 65 * 1024);
	WAIT_OK(CHILD(CHECK(committed() >= before + 128 * 1024 - 512))); /* a copy is another promise */
	CHECK(!munmap(p, 32 * MB));
	CHECK(committed() <= before + 33 * 1024);
	CHECK(!munmap(p + 32 * MB, 32 * MB));
	mmap(NULL, 64 * MB, RW, ANON | MAP_NORESERVE, -1, 0);
	mmap(NULL, 64 * MB, PROT_READ, ANON, -1, 0);
	CHECK(committed() <= before + 1024);
	p = mmap(NULL, 16 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(committed() >= before + 16 * 1024 - 512);
	WAIT_OK(CHILD(CHECK(committed() <= before + 18 * 1024))); /* shared: the same promise */
	CHECK(!munmap(p, 16 * MB));
	fd = syscall(SYS_memfd_create, "m", 0);
	CHECK(!ftruncate(fd, 64 * MB));
	CHECK(committed() <= before + 1024); /* its pages count as they come */
	for (int i = 0; i < 8; i++)
		CHECK_EQ(write(fd, buf, MB), MB);
	CHECK(committed() >= before + 8 * 1024 - 512 && committed() <= before + 10 * 1024);
	close(fd);
	CHECK(committed() <= before + 1024);
}

TEST(overcommit_always)
{
	size_t all = (size_t)proc_kb("/proc/meminfo", "MemTotal") * 1024;

	OWN_MACHINE();
	CHECK(set_sys("/proc/sys/vm/overcommit_memory", "1"));
	CHECK(mmap(NULL, 16 * all, RW, ANON, -1, 0) != MAP_FAILED);
	CHECK(set_sys("/proc/sys/vm/overcommit_memory", "0"));
}

TEST(overcommit_never)
{
	long limit_kb, used_kb, over;
	char *p;

	OWN_MACHINE();
	CHECK(set_sys("/proc/sys/vm/overcommit_memory", "2"));
	limit_kb = proc_kb("/proc/meminfo", "CommitLimit");
	used_kb = committed();
	CHECK(limit_kb > used_kb + 64 * 1024);
	over = (limit_kb - used_kb + 1024) * 1024 & -PAGE;
	CHECK_ERR((long)mmap(NULL, over, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERR((long)mmap(NULL, over, RW, ANON | MAP_NORESERVE, -1, 0), ENOMEM); /* not a wish now */
	CHECK_ERR((long)mmap(NULL, over, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK(mmap(NULL, over, PROT_READ, ANON, -1, 0) != MAP_FAILED);
	p = mmap(NULL, 32 * MB, RW, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK(committed() >= used_kb + 32 * 1024);
	/* Two halves that fit one by one do not fit together. */
	p = mmap(NULL, (limit_kb - committed()) * 1024 / 4 * 3 & -PAGE, RW, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_ERR((long)mmap(NULL, (limit_kb - used_kb) * 1024 / 2 & -PAGE, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERR(fork(), ENOMEM); /* all that again */
	CHECK(set_sys("/proc/sys/vm/overcommit_memory", "0"));
}

TEST(overcommit_limit_and_its_files)
{
	long total = proc_kb("/proc/meminfo", "MemTotal"), swap = proc_kb("/proc/meminfo", "SwapTotal");
	long got;

	OWN_MACHINE();
	CHECK(set_sys("/proc/sys/vm/overcommit_ratio", "25"));
	got = proc_kb("/proc/meminfo", "CommitLimit") - swap;
	CHECK(got >= total / 4 - 8 && got <= total / 4 + 8);
	CHECK(set_sys("/proc/sys/vm/overcommit_kbytes", "123456"));
	CHECK_EQ(proc_kb("/proc/meminfo", "CommitLimit") - swap, 123456);
	CHECK(set_sys("/proc/sys/vm/overcommit_ratio", "50"));
	got = proc_kb("/proc/meminfo", "CommitLimit") - swap;
	CHECK(got >= total / 2 - 8 && got <= total / 2 + 8);
	CHECK(!set_sys("/proc/sys/vm/overcommit_memory", "3") && errno == EINVAL);
	CHECK(!set_sys("/proc/sys/vm/overcommit_memory", "x"));
	CHECK(set_sys("/proc/sys/vm/overcommit_memory", "0\n"));
	WAIT_OK(CHILD({
		become(STRANGER);
		CHECK_ERR(open("/proc/sys/vm/overcommit_memory", O_WRONLY), EACCES);
	}));
}

TEST(max_map_count_limits_mappings)
{
	char *p = map_anon(258) + PAGE, was[32] = { 0 };
	int fd = open("/proc/sys/vm/max_map_count", O_RDWR), n;

	OWN_MACHINE();
	CHECK(!munmap(p - PAGE, PAGE) && !munmap(p + 256 * PAGE, PAGE)); /* it joins no neighbour */
	CHECK(read(fd, was, sizeof(was) - 1) > 0);
	CHECK(set_sys("/proc/sys/vm/max_map_count", "100"));
	for (n = 0; n < 128 && !mprotect(p + 2 * n * PAGE, PAGE, PROT_READ); n++)
		;
	CHECK(n > 10 && n < 60 && errno == ENOMEM);
	/* A new mapping may be the one too many, a split not. */
	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK_ERR((long)mremap(p + 200 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), ENOMEM);
	CHECK_ERR(munmap(p + 200 * PAGE, PAGE), ENOMEM); /* a hole makes two of one */
	CHECK(!munmap(p, 256 * PAGE));
	CHECK(set_sys("/proc/sys/vm/max_map_count", was));
}

/* ---- a tmpfs of limited size ---- */

TEST(tmpfs_size_holds_for_mapped_stores)
{
	char *p;
	int fd;

	CHECK(!mkdir("t", 0700));
	if (mount("none", "t", "tmpfs", 0, "size=64k"))
		SKIP("may not mount");
	fd = open("t/f", O_RDWR | O_CREAT, 0600);
	CHECK(!ftruncate(fd, MB));
	p = mmap(NULL, MB, RW, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	for (int i = 0; i < 16; i++)
		p[i * PAGE] = 1;
	WAIT_SIGNAL(CHILD(p[16 * PAGE] = 1), SIGBUS);
	CHECK_ERR(pwrite(fd, "x", 1, 20 * PAGE), ENOSPC);
	CHECK(!ftruncate(fd, 8 * PAGE));
	CHECK(!ftruncate(fd, MB));
	p[20 * PAGE] = 1; /* room again */
	CHECK(!munmap(p, MB) && !close(fd));
	CHECK(!umount("t"));
}

static pthread_barrier_t both;
static int filled[2];

static void *fill_up(void *arg)
{
	int fd = *(int *)arg;

	pthread_barrier_wait(&both);
	for (int i = 0; pwrite(fd, "x", 1, i * PAGE) == 1; i++)
		;
	pthread_barrier_wait(&both);
	return NULL;
}

/* Two who fill it at the same moment may get one page more than there is: what both have must stay writable. */
TEST(tmpfs_stores_to_pages_of_a_file_system_overfull_by_one)
{
	char *p;

	CHECK(!mkdir("t", 0700));
	if (mount("none", "t", "tmpfs", 0, "size=16k"))
		SKIP("may not mount");
	for (int i = 0; i < 2; i++) {
		filled[i] = open(i ? "t/g" : "t/f", O_RDWR | O_CREAT, 0600);
		CHECK(filled[i] >= 0);
	}
	CHECK(!pthread_barrier_init(&both, NULL, 2));
	for (int round = 0; round < 500; round++) {
		pthread_t t;

		CHECK_EQ(pwrite(filled[1], "x", 1, 0), 1);
		p = mmap(NULL, PAGE, RW, MAP_SHARED, filled[1], 0);
		CHECK(p != MAP_FAILED);
		p[0] = 1;
		CHECK(!mprotect(p, PAGE, PROT_READ));
		CHECK(!pthread_create(&t, NULL, fill_up, &filled[1]));
		fill_up(&filled[0]);
		CHECK(!mprotect(p, PAGE, RW));
		p[0] = 2;
		CHECK(!pthread_join(t, NULL) && !munmap(p, PAGE));
		CHECK(!ftruncate(filled[0], 0) && !ftruncate(filled[1], 0));
	}
	CHECK(!close(filled[0]) && !close(filled[1]) && !umount("t"));
}
