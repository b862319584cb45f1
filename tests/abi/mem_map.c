// SPDX-License-Identifier: MIT
/* Address spaces: mmap, munmap, mprotect, mremap, brk, madvise, copy-on-write, faults. */
#include "mem.h"

/* The statement faults with this signal, code and address. */
#define FAULTS(statement, sig, code, addr)                                    \
	do {                                                                  \
		fault_sig = 0;                                                \
		if (!sigsetjmp(fault_buf, 1)) {                               \
			statement;                                            \
			ABI_FAIL("%s did not fault", #statement);             \
		}                                                             \
		CHECK_EQ(fault_sig, sig);                                     \
		CHECK_EQ(fault_code, code);                                   \
		CHECK((char *)fault_addr == (char *)(addr));                  \
	} while (0)

TEST(anon_is_zero_and_private)
{
	char *p = map_anon(16);

	for (size_t i = 0; i < 16 * PAGE; i++)
		CHECK(p[i] == 0);
	memset(p, 7, 16 * PAGE);
	WAIT_OK(CHILD({
		CHECK(p[0] == 7 && p[16 * PAGE - 1] == 7);
		p[0] = 9;
	}));
	CHECK(p[0] == 7);
}

TEST(shared_anon_is_shared)
{
	char *p = mmap(NULL, PAGE * 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	WAIT_OK(CHILD(p[PAGE * 3] = 5));
	CHECK_EQ(p[PAGE * 3], 5);
	CHECK_EQ(p[0], 0);
}

TEST(cow_three_forks_deep)
{
	char *p = map_anon(8);

	memset(p, 1, 8 * PAGE);
	WAIT_OK(CHILD({
		p[0] = 2;
		WAIT_OK(CHILD({
			CHECK(p[0] == 2);
			p[PAGE] = 3;
			WAIT_OK(CHILD({
				CHECK(p[0] == 2 && p[PAGE] == 3);
				p[0] = p[PAGE] = p[2 * PAGE] = 4;
			}));
			CHECK(p[0] == 2 && p[PAGE] == 3 && p[2 * PAGE] == 1);
		}));
		CHECK(p[0] == 2 && p[PAGE] == 1);
	}));
	for (int i = 0; i < 8; i++)
		CHECK_EQ(p[i * PAGE], 1);
}

TEST(cow_after_parent_writes)
{
	int to_child[2], to_parent[2];
	char *p = map_anon(1), c;
	pid_t pid;

	CHECK(!pipe(to_child) && !pipe(to_parent));
	p[0] = 'a';
	pid = CHILD({
		CHECK_EQ(read(to_child[0], &c, 1), 1);
		CHECK_EQ(p[0], 'a');
		p[0] = 'c';
		CHECK_EQ(write(to_parent[1], "x", 1), 1);
		CHECK_EQ(read(to_child[0], &c, 1), 1);
		CHECK_EQ(p[0], 'c');
	});
	p[0] = 'b';
	CHECK_EQ(write(to_child[1], "x", 1), 1);
	CHECK_EQ(read(to_parent[0], &c, 1), 1);
	CHECK_EQ(p[0], 'b');
	CHECK_EQ(write(to_child[1], "x", 1), 1);
	WAIT_OK(pid);
}

TEST(munmap_middle_splits)
{
	char *p = map_anon(5);

	memset(p, 1, 5 * PAGE);
	CHECK(!munmap(p + 2 * PAGE, PAGE));
	catch_faults();
	CHECK(p[PAGE] == 1 && p[3 * PAGE] == 1);
	FAULTS(p[2 * PAGE] = 1, SIGSEGV, SEGV_MAPERR, p + 2 * PAGE);
	CHECK(!munmap(p, 5 * PAGE));
	FAULTS(p[0] = 1, SIGSEGV, SEGV_MAPERR, p);
}

TEST(munmap_errors)
{
	char *p = map_anon(1);

	CHECK_ERR(munmap(p + 1, PAGE), EINVAL);
	CHECK_ERR(munmap(p, 0), EINVAL);
	CHECK(!munmap(p, PAGE));
	CHECK(!munmap(p, PAGE)); /* nothing there is not an error */
}

TEST(mmap_errors)
{
	CHECK_ERR((long)mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_PRIVATE, 999, 0), EBADF);
	CHECK_ERR((long)mmap((void *)1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, (size_t)1 << 62, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERR((long)syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, 0, 1), EINVAL);
}

TEST(mmap_file_permissions)
{
	int ro, wo;

	write_file("f", "x", 1);
	ro = open("f", O_RDONLY);
	wo = open("f", O_WRONLY);
	CHECK(ro >= 0 && wo >= 0);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0), EACCES);
	CHECK_ERR((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, ro, 0) != MAP_FAILED);
}

TEST(mprotect_shared_ro_file_refuses_write)
{
	char *p;
	int fd;

	write_file("f", "x", 1);
	fd = open("f", O_RDONLY);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK_ERR(mprotect(p, PAGE, RW), EACCES);
}

TEST(mmap_hint_is_taken_when_free)
{
	char *p = map_anon(4);

	CHECK(!munmap(p, 4 * PAGE));
	CHECK(mmap(p + PAGE, PAGE, RW, ANON, -1, 0) == p + PAGE);
	CHECK(mmap(p + PAGE, PAGE, RW, ANON, -1, 0) != p + PAGE); /* taken now: placed elsewhere */
}

TEST(map_fixed_replaces)
{
	char *p = map_anon(3);

	memset(p, 1, 3 * PAGE);
	CHECK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE);
	CHECK(p[0] == 1 && p[PAGE] == 0 && p[2 * PAGE] == 1);
}

TEST(map_fixed_noreplace_refuses)
{
	char *p = map_anon(3);

	CHECK_ERR((long)mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK(!munmap(p + PAGE, PAGE));
	CHECK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p + PAGE);
}

TEST(map_32bit_is_low)
{
	char *p = mmap(NULL, PAGE, RW, ANON | MAP_32BIT, -1, 0);

	CHECK(p != MAP_FAILED && (uintptr_t)p + PAGE <= 0x80000000ul);
	*p = 1;
}

TEST(map_populate_is_resident)
{
	unsigned char vec[4];
	char *p = mmap(NULL, 4 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);

	CHECK(p != MAP_FAILED && !mincore(p, 4 * PAGE, vec));
	for (int i = 0; i < 4; i++)
		CHECK(vec[i] & 1);
}

TEST(mprotect_part_and_back)
{
	char *p = map_anon(3);

	memset(p, 1, 3 * PAGE);
	catch_faults();
	CHECK(!mprotect(p + PAGE, PAGE, PROT_READ));
	p[0] = p[2 * PAGE] = 2;
	FAULTS(p[PAGE] = 2, SIGSEGV, SEGV_ACCERR, p + PAGE);
	CHECK(!mprotect(p + PAGE, PAGE, PROT_NONE));
	FAULTS((void)*(volatile char *)(p + PAGE), SIGSEGV, SEGV_ACCERR, p + PAGE);
	CHECK(!mprotect(p + PAGE, PAGE, RW));
	CHECK_EQ(p[PAGE], 1);
	p[PAGE] = 3;
}

TEST(mprotect_hole_gives_enomem)
{
	char *p = map_anon(3);

	CHECK(!munmap(p + PAGE, PAGE));
	CHECK_ERR(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK_ERR(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL);
}

TEST(exec_needs_prot_exec)
{
	unsigned char *p = (unsigned char *)map_anon(1);

	p[0] = 0xc3; /* ret */
	catch_faults();
	FAULTS(((void (*)(void))p)(), SIGSEGV, SEGV_ACCERR, p);
	CHECK(!mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	((void (*)(void))p)();
}

TEST(write_to_readonly_private_file_page_is_segv)
{
	char *p;
	int fd;

	write_file("f", "hello", 5);
	fd = open("f", O_RDONLY);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	catch_faults();
	FAULTS(p[0] = 'j', SIGSEGV, SEGV_ACCERR, p);
	CHECK(p[0] == 'h');
}

TEST(null_and_kernel_addresses_fault)
{
	catch_faults();
	FAULTS(*(volatile char *)8 = 1, SIGSEGV, SEGV_MAPERR, (char *)8);
	FAULTS(*(volatile char *)0xffffffff80000000ul = 1, SIGSEGV, SEGV_MAPERR,
	       (char *)0xffffffff80000000ul);
	/* A non-canonical address has no page: the CPU does not tell which it was. */
	FAULTS(*(volatile char *)0x8000000000000000ul = 1, SIGSEGV, SI_KERNEL, NULL);
}

TEST(syscalls_with_bad_pointers_give_efault)
{
	int fds[2];

	CHECK(!pipe(fds));
	CHECK_ERR(write(fds[1], (void *)8, 4), EFAULT);
	CHECK_ERR(write(fds[1], (void *)0xffffffff80000000ul, 4), EFAULT);
	CHECK_ERR(write(fds[1], (void *)0x00007ffffffff000ul, 4), EFAULT);
	CHECK_ERR(syscall(SYS_pipe2, (void *)16, 0), EFAULT);
	CHECK_ERR(syscall(SYS_openat, AT_FDCWD, (void *)16, 0), EFAULT);
	CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)0xffff800000000000ul), EFAULT);
}

TEST(copy_over_a_hole_is_short)
{
	char *p = map_anon(2);
	int fd = open("f", O_CREAT | O_RDWR, 0644);

	memset(p, 'x', 2 * PAGE);
	CHECK(!munmap(p + PAGE, PAGE) && fd >= 0);
	CHECK_EQ(write(fd, p + PAGE - 10, 20), 10);
	CHECK_EQ(pread(fd, p, 20, 0), 10);
}

TEST(mremap_grow_in_place_or_move)
{
	char *p = map_anon(8), *q;

	memset(p, 3, 8 * PAGE);
	CHECK(!munmap(p + 2 * PAGE, 2 * PAGE));
	q = mremap(p, 2 * PAGE, 4 * PAGE, 0); /* room behind it: stays */
	CHECK(q == p && q[PAGE] == 3 && q[2 * PAGE] == 0);
	CHECK_ERR((long)mremap(p, 4 * PAGE, 64 * PAGE, 0), ENOMEM);
	q = mremap(p, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p && q[0] == 3 && q[PAGE] == 3 && q[63 * PAGE] == 0);
	catch_faults();
	FAULTS((void)*(volatile char *)p, SIGSEGV, SEGV_MAPERR, p);
}

TEST(mremap_shrink_frees_tail)
{
	char *p = map_anon(4);

	memset(p, 3, 4 * PAGE);
	CHECK(mremap(p, 4 * PAGE, PAGE, 0) == p);
	catch_faults();
	FAULTS((void)*(volatile char *)(p + PAGE), SIGSEGV, SEGV_MAPERR, p + PAGE);
}

TEST(mremap_fixed_moves_over)
{
	char *p = map_anon(2), *q = map_anon(2);

	p[0] = 1;
	q[0] = 2;
	CHECK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK_EQ(q[0], 1);
	CHECK_ERR((long)mremap(q, PAGE, PAGE, MREMAP_FIXED, p), EINVAL);
	CHECK_ERR((long)mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE),
		  EINVAL);
}

TEST(mremap_shared_keeps_sharing)
{
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;

	p[0] = 1;
	q = mremap(p, 2 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q[0] == 1);
	WAIT_OK(CHILD(q[PAGE] = 9));
	CHECK_EQ(q[PAGE], 9);
}

TEST(mremap_unmapped_is_efault)
{
	char *p = map_anon(1);

	CHECK(!munmap(p, PAGE));
	CHECK_ERR((long)mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
}

TEST(mremap_dontunmap_leaves_empty)
{
	char *p = map_anon(2), *q;

	memset(p, 5, 2 * PAGE);
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	CHECK(q != MAP_FAILED && q != p);
	CHECK(q[0] == 5 && q[PAGE] == 5 && p[0] == 0 && p[PAGE] == 0);
}

TEST(brk_grows_and_shrinks)
{
	char *start = kbrk(NULL), *end;

	end = kbrk(start + 5 * PAGE);
	CHECK(end == start + 5 * PAGE);
	for (size_t i = 0; i < 5 * PAGE; i++)
		CHECK(start[i] == 0);
	memset(start, 1, 5 * PAGE);
	CHECK(kbrk(start + PAGE) == start + PAGE);
	CHECK(kbrk(start + 3 * PAGE) == start + 3 * PAGE);
	CHECK(start[0] == 1 && start[2 * PAGE + PAGE / 2] == 0);
}

TEST(brk_stops_at_a_mapping)
{
	char *start = kbrk(NULL);
	char *wall = (char *)(((uintptr_t)start + 16 * PAGE) & ~(PAGE - 1));

	CHECK(mmap(wall, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == wall);
	*wall = 42;
	CHECK(kbrk(wall + PAGE) == start); /* refused: unchanged */
	CHECK(kbrk(wall + 64 * PAGE) == start);
	CHECK_EQ(*wall, 42);
}

TEST(brk_obeys_rlimit_data)
{
	char *start = kbrk(NULL);

	set_limit(RLIMIT_DATA, 0);
	CHECK(kbrk(start + (1 << 20)) == start);
}

TEST(rlimit_as_limits_mmap)
{
	set_limit(RLIMIT_AS, 64 << 20);
	CHECK_ERR((long)mmap(NULL, 128 << 20, RW, ANON, -1, 0), ENOMEM);
	CHECK(mmap(NULL, 1 << 20, RW, ANON, -1, 0) != MAP_FAILED);
}

static int use_stack(int depth)
{
	volatile char block[4096];

	memset((void *)block, depth, sizeof(block));
	return depth ? use_stack(depth - 1) + block[17] : block[5];
}

TEST(stack_grows)
{
	CHECK(use_stack(1000) != 1); /* 4 MiB of the usual 8 */
}

TEST(stack_overflow_is_segv)
{
	WAIT_SIGNAL(CHILD({
			    set_limit(RLIMIT_STACK, 256 << 10);
			    use_stack(100000);
		    }),
		    SIGSEGV);
}

TEST(growsdown_mapping_grows)
{
	char *p = mmap(NULL, 600 * PAGE, PROT_NONE, ANON, -1, 0), *g;

	CHECK(p != MAP_FAILED && !munmap(p, 600 * PAGE));
	g = mmap(p + 590 * PAGE, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	CHECK(g != MAP_FAILED);
	g[0] = 1;
	g[-1] = 2; /* the page below */
	g[-3 * (long)PAGE] = 3;
	CHECK(g[-1] == 2 && g[-3 * (long)PAGE] == 3);
}

TEST(madvise_dontneed_zeroes_anon)
{
	char *p = map_anon(4);

	memset(p, 1, 4 * PAGE);
	CHECK(!madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
	CHECK(p[0] == 1 && p[PAGE] == 0 && p[2 * PAGE] == 0 && p[3 * PAGE] == 1);
}

TEST(madvise_dontneed_refills_private_file)
{
	char *p;
	int fd;

	write_file("f", "original", 8);
	fd = open("f", O_RDWR);
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	memcpy(p, "changed!", 8);
	CHECK(!madvise(p, PAGE, MADV_DONTNEED));
	CHECK(!memcmp(p, "original", 8));
}

TEST(madvise_errors)
{
	char *p = map_anon(2);

	CHECK_ERR(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERR(madvise(p, PAGE, 12345), EINVAL);
	CHECK(!munmap(p + PAGE, PAGE));
	CHECK_ERR(madvise(p, 2 * PAGE, MADV_WILLNEED), ENOMEM);
	CHECK(!madvise(p, 0, MADV_DONTNEED));
}

TEST(madvise_free_keeps_or_zeroes)
{
	char *p = map_anon(4);

	memset(p, 1, 4 * PAGE);
	CHECK(!madvise(p, 4 * PAGE, MADV_FREE));
	for (int i = 0; i < 4; i++)
		CHECK(p[i * PAGE] == 0 || p[i * PAGE] == 1);
	p[0] = 2; /* a write after MADV_FREE stays */
	CHECK_EQ(p[0], 2);
}

TEST(madvise_dontfork_and_wipeonfork)
{
	char *a = map_anon(1), *b = map_anon(1);
	int st;

	a[0] = b[0] = 1;
	CHECK(!madvise(a, PAGE, MADV_DONTFORK) && !madvise(b, PAGE, MADV_WIPEONFORK));
	WAIT_OK(CHILD(CHECK(b[0] == 0)));
	st = wait_status(CHILD(a[0] = 2));
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
	CHECK(a[0] == 1 && b[0] == 1);
}

TEST(mincore_tells_residence)
{
	unsigned char vec[4] = { 0 };
	char *p = map_anon(4);

	p[PAGE] = 1;
	CHECK(!mincore(p, 4 * PAGE, vec));
	CHECK(!(vec[0] & 1) && (vec[1] & 1) && !(vec[2] & 1));
	CHECK_ERR(mincore(p + 1, PAGE, vec), EINVAL);
	CHECK(!munmap(p + 3 * PAGE, PAGE));
	CHECK_ERR(mincore(p, 4 * PAGE, vec), ENOMEM);
}

TEST(mlock_faults_in_and_counts)
{
	unsigned char vec[2] = { 0 };
	char *p = map_anon(2);

	if (mlock(p, 2 * PAGE) < 0 && (errno == EPERM || errno == ENOMEM))
		SKIP("no locked memory allowed here");
	CHECK(!mincore(p, 2 * PAGE, vec) && (vec[0] & 1) && (vec[1] & 1));
	CHECK(!munlock(p, 2 * PAGE));
	CHECK(!munmap(p, PAGE));
	CHECK_ERR(mlock(p, 2 * PAGE), ENOMEM);
}

/* The unlocked rest of a partly locked range is no hole. */
TEST(munlock_of_partly_locked_range)
{
	char *p = map_anon(3);

	if (mlock(p, PAGE) < 0 && (errno == EPERM || errno == ENOMEM))
		SKIP("no locked memory allowed here");
	CHECK(!munlock(p, 3 * PAGE));
	CHECK(!mlock(p + PAGE, PAGE));
	CHECK(!munlock(p, 3 * PAGE));
}

TEST(fork_keeps_layout_and_protection)
{
	char *p = map_anon(2);

	p[0] = 1;
	CHECK(!mprotect(p, PAGE, PROT_READ));
	WAIT_SIGNAL(CHILD(p[0] = 2), SIGSEGV);
	WAIT_OK(CHILD(p[PAGE] = 2));
}

TEST(thousand_mappings_split_and_join)
{
	char *p = map_anon(2000);

	for (int i = 0; i < 2000; i += 2)
		CHECK(!mprotect(p + i * PAGE, PAGE, PROT_READ));
	for (int i = 1; i < 2000; i += 2)
		p[i * PAGE] = 1;
	CHECK(!mprotect(p, 2000 * PAGE, RW));
	for (int i = 0; i < 2000; i++)
		p[i * PAGE] = 2;
	for (int i = 0; i < 2000; i += 3)
		CHECK(!munmap(p + i * PAGE, PAGE));
	CHECK(!munmap(p, 2000 * PAGE));
}

TEST(large_mapping_is_sparse)
{
	size_t size = 8ul << 30;
	char *p = mmap(NULL, size, RW, ANON | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	for (size_t at = 0; at < size; at += size / 64)
		p[at] = (char)(at / (size / 64));
	for (size_t at = 0; at < size; at += size / 64)
		CHECK(p[at] == (char)(at / (size / 64)));
	CHECK(!munmap(p, size));
}

TEST(maps_file_shows_mappings)
{
	char line[512], want[64];
	char *p = map_anon(3);
	bool found = false;
	FILE *f;

	CHECK(!mprotect(p + PAGE, PAGE, PROT_READ | PROT_EXEC));
	snprintf(want, sizeof(want), "%lx-%lx r-xp", (ulong)(p + PAGE), (ulong)(p + 2 * PAGE));
	f = fopen("/proc/self/maps", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		found |= !strncmp(line, want, strlen(want));
	CHECK(found);
}

TEST(vfork_shares_until_exec)
{
	volatile int value = 1;
	pid_t pid = vfork();

	if (pid == 0) {
		value = 2;
		_exit(0);
	}
	CHECK_EQ(value, 2);
	WAIT_OK(pid);
}
