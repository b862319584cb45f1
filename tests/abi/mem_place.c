// SPDX-License-Identifier: MIT
/* Where mappings go and what may be done with them: mmap's flags, mremap's errors, msync, mincore, pkeys. */
#include "mem.h"

#include <elf.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define USER_TOP 0x7ffffffff000ul

/* A free range of @pages, found by mapping and unmapping it. */
static char *room(size_t pages)
{
	char *p = map_anon(pages);

	CHECK(!munmap(p, pages * PAGE));
	return p;
}

static bool is_mapped(char *p)
{
	unsigned char in;

	if (!mincore(p, PAGE, &in))
		return true;
	CHECK_EQ(errno, ENOMEM);
	return false;
}

/* ---- mmap ---- */

TEST(mmap_type_must_be_one)
{
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_ANONYMOUS | 0x4, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_ANONYMOUS | 0x3, -1, 0), EINVAL);
}

TEST(mmap_shared_validate_knows_its_flags)
{
	int fd = make_file(FS_DISK, "f", PAGE);

	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE, fd, 0) != MAP_FAILED);
	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_POPULATE, fd, 0) != MAP_FAILED);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x200000, fd, 0), EOPNOTSUPP);
	CHECK_ERR((long)mmap(room(1), PAGE, RW, MAP_SHARED_VALIDATE | MAP_FIXED_NOREPLACE, fd, 0), EOPNOTSUPP);
	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED | 0x200000, fd, 0) != MAP_FAILED); /* unknown: passed over */
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x80000 /* MAP_SYNC */, fd, 0), EOPNOTSUPP);
}

TEST(mmap_offset_errors)
{
	int fd = make_file(FS_DISK, "f", 2 * PAGE);

	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, MAP_SHARED, fd, 100), EINVAL);
	CHECK_ERR(syscall(SYS_mmap, NULL, 2 * PAGE, RW, MAP_SHARED, fd, -PAGE), EOVERFLOW);
	CHECK_ERR(syscall(SYS_mmap, NULL, -1ul, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERR(syscall(SYS_mmap, NULL, USER_TOP + PAGE, RW, ANON, -1, 0), ENOMEM);
}

TEST(mmap_fixed_errors)
{
	char *p = map_anon(2);

	CHECK_ERR(syscall(SYS_mmap, p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERR(syscall(SYS_mmap, USER_TOP, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERR(syscall(SYS_mmap, USER_TOP - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERR(syscall(SYS_mmap, 0xffffffff80000000, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK(is_mapped(p) && is_mapped(p + PAGE));
}

TEST(mmap_odd_hint_was_rounded_up)
{
	char *at = room(16);

	CHECK(mmap(at + 5 * PAGE + 9, PAGE, RW, ANON, -1, 0) == at + 5 * PAGE);
	CHECK(mmap(at + 8 * PAGE - 1, PAGE, RW, ANON, -1, 0) == at + 7 * PAGE);
	CHECK(mmap((void *)(USER_TOP + PAGE), PAGE, RW, ANON, -1, 0) != MAP_FAILED);
}

TEST(mmap_hint_below_the_lowest_is_moved_up)
{
	char *low = mmap((void *)PAGE, PAGE, RW, ANON, -1, 0);

	CHECK(low != MAP_FAILED && (unsigned long)low <= 0x10000);
	CHECK((unsigned long)mmap((void *)(PAGE - 1), PAGE, RW, ANON, -1, 0) > 0x100000); /* no hint at all */
}

TEST(mmap_noreplace)
{
	char *p = map_anon(3), *at;

	p[PAGE] = 4;
	CHECK_ERR((long)mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_ERR((long)mmap(p - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_EQ(p[PAGE], 4);
	CHECK(!munmap(p + PAGE, PAGE));
	at = mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(at == p + PAGE);
	CHECK_EQ(at[0], 0);
}

/* Below it only CAP_SYS_RAWIO may map.  The case is skipped where there is no such place. */
static unsigned long min_addr(void)
{
	unsigned long min = 0;
	FILE *f = fopen("/proc/sys/vm/mmap_min_addr", "r");

	if (geteuid())
		SKIP("needs root to drop capabilities");
	if (!f || fscanf(f, "%lu", &min) != 1 || min < 2 * PAGE)
		SKIP("nothing is forbidden here");
	fclose(f);
	return min;
}

TEST(mmap_below_min_addr_needs_a_capability)
{
	unsigned long min = min_addr();

	WAIT_OK(CHILD({
		CHECK(!setresuid(STRANGER, STRANGER, STRANGER));
		CHECK_ERR((long)mmap((void *)PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0), EPERM);
	}));
	CHECK((unsigned long)mmap((void *)PAGE, PAGE, RW, ANON, -1, 0) >= min); /* a hint is moved up */
}

/* What may only grow may not be changed through a mapping either. */
TEST(append_only_file_is_not_mapped_shared)
{
	int fd = make_file(FS_DISK, "f", PAGE), app, flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) || (flags |= FS_APPEND_FL, ioctl(fd, FS_IOC_SETFLAGS, &flags)))
		SKIP("files cannot be made append-only here");
	app = open("f", O_RDWR | O_APPEND);
	CHECK(app >= 0);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED, app, 0), EACCES);
	CHECK_ERR((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, app, 0), EACCES);
	CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, app, 0) != MAP_FAILED);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("f", O_RDONLY), 0) != MAP_FAILED);
	flags &= ~FS_APPEND_FL;
	CHECK(!ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

/* One PT_LOAD at address 0 and nothing else: the least of a program. */
static void make_null_program(const char *path)
{
	Elf64_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			 .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			 .e_entry = 0x100, .e_phoff = sizeof(e), .e_ehsize = sizeof(e),
			 .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 };
	Elf64_Phdr ph = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x200, .p_memsz = 0x200,
			  .p_align = PAGE };
	/* mov $60, %eax; xor %edi, %edi; syscall: exit(0) */
	static const unsigned char code[] = { 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05 };
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);

	CHECK(fd >= 0);
	CHECK_EQ(pwrite(fd, &e, sizeof(e), 0), sizeof(e));
	CHECK_EQ(pwrite(fd, &ph, sizeof(ph), sizeof(e)), sizeof(ph));
	CHECK_EQ(pwrite(fd, code, sizeof(code), 0x100), sizeof(code));
	CHECK(!ftruncate(fd, 0x200) && !close(fd));
}

TEST(program_below_min_addr_needs_a_capability)
{
	(void)min_addr();
	make_null_program("null");
	WAIT_OK(CHILD(execl("./null", "null", NULL)));
	CHECK(wait_status(CHILD({ /* Linux finds out too late to say more than SIGSEGV */
		become(STRANGER);
		execl("./null", "null", NULL);
		_exit(errno);
	})));
}

TEST(mmap_32bit_runs_out)
{
	char *p;
	int n = 0;

	/* 1 GiB in all: whatever is found lies below 2 GiB, and then there is no more. */
	while ((p = mmap(NULL, 128 << 20, PROT_NONE, ANON | MAP_32BIT | MAP_NORESERVE, -1, 0)) != MAP_FAILED) {
		CHECK((unsigned long)p + (128 << 20) <= 0x80000000);
		CHECK(++n <= 16);
	}
	CHECK_EQ(errno, ENOMEM);
	CHECK(n >= 4);
}

TEST(mmap_hugetlb_without_a_pool)
{
	CHECK_ERR((long)mmap(NULL, 2 << 20, RW, ANON | MAP_HUGETLB, -1, 0), ENOMEM);
	CHECK_ERR((long)mmap(NULL, 2 << 20, RW, MAP_PRIVATE | MAP_HUGETLB,
			     make_file(FS_DISK, "f", PAGE), 0), EINVAL);
}

TEST(mmap_growsdown_of_a_file_or_shared)
{
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN,
			     make_file(FS_DISK, "f", PAGE), 0), EINVAL);
}

static bool can_write(char *p)
{
	int err;

	catch_faults();
	err = store(p, 1);
	CHECK(err == 0 || err == -SIGSEGV);
	return err == 0;
}

TEST(growsdown_keeps_its_guard_gap)
{
	char *base = room(1024), *low = base, *high = base + 600 * PAGE;

	/* 256 pages below a mapping that grows down stay free of what is mapped without a place. */
	CHECK(mmap(low, PAGE, RW, ANON | MAP_FIXED, -1, 0) == low);
	CHECK(mmap(high, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == high);
	CHECK(can_write(high - 1));
	CHECK(can_write(low + (600 - 2) * PAGE));
	CHECK(can_write(low + (256 + 2) * PAGE));
	CHECK(!can_write(low + (256 - 2) * PAGE)); /* inside the gap */
	CHECK(is_mapped(low + 258 * PAGE));
	CHECK(!is_mapped(low + 254 * PAGE));
}

TEST(growsdown_meets_a_prot_none_neighbour)
{
	char *base = room(64), *high = base + 32 * PAGE;

	/* A guard made by the program needs no gap of the kernel's. */
	CHECK(mmap(base, PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0) == base);
	CHECK(mmap(high, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == high);
	CHECK(can_write(base + PAGE));
	CHECK(!can_write(base));
}

TEST(mmap_search_keeps_off_the_gap)
{
	char *base = room(512), *high = base + 300 * PAGE, *p;

	CHECK(mmap(high, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == high);
	for (int i = 0; i < 64; i++) {
		p = mmap(high - (1 + i) * PAGE, PAGE, RW, ANON, -1, 0);
		CHECK(p != MAP_FAILED);
		CHECK(p >= high || p + PAGE <= high - 255 * PAGE);
	}
}

TEST(mmap_write_only_is_readable_here)
{
	char *p = mmap(NULL, PAGE, PROT_WRITE, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	p[0] = 3;
	CHECK_EQ(*(volatile char *)p, 3); /* x86 page tables know no write without read */
}

TEST(mmap_of_what_cannot_be_mapped)
{
	int fds[2], dir = open(".", O_RDONLY);

	CHECK(!pipe(fds));
	CHECK_ERR((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[0], 0), ENODEV);
	CHECK_ERR((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
	CHECK_ERR((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 9999, 0), EBADF);
	CHECK_ERR((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("x", O_CREAT | O_WRONLY, 0600), 0), EACCES);
}

TEST(mmap_dev_zero)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0), *q;

	CHECK(p != MAP_FAILED);
	CHECK_EQ(p[PAGE], 0);
	p[PAGE] = 1;
	q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(q != MAP_FAILED);
	WAIT_OK(CHILD(q[PAGE] = 5));
	CHECK_EQ(q[PAGE], 5);
	CHECK_EQ(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0) == MAP_FAILED, 0);
}

TEST(munmap_whole_range_errors)
{
	CHECK_ERR(munmap((void *)USER_TOP, PAGE), EINVAL);
	CHECK_ERR(munmap((void *)PAGE, -PAGE), EINVAL);
	CHECK_EQ(munmap((void *)(USER_TOP - 64 * PAGE), 0x1), 0);
}

/* ---- mremap ---- */

TEST(mremap_argument_errors)
{
	char *p = map_anon(4), *q = map_anon(8);

	CHECK_ERR((long)mremap(p + 1, PAGE, PAGE, 0), EINVAL);
	CHECK_ERR((long)mremap(p, PAGE, 0, 0), EINVAL);
	CHECK_ERR((long)mremap(p, PAGE, PAGE, 0x40), EINVAL);
	CHECK_ERR((long)mremap(p, PAGE, PAGE, MREMAP_FIXED, q), EINVAL);
	CHECK_ERR((long)mremap(p, PAGE, PAGE, MREMAP_DONTUNMAP), EINVAL);
	CHECK_ERR((long)mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
	CHECK_ERR((long)mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 1), EINVAL);
	CHECK_ERR((long)mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), EINVAL);
	CHECK_ERR((long)mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)USER_TOP), EINVAL);
	CHECK_ERR((long)mremap(p, PAGE, -PAGE, MREMAP_MAYMOVE), ENOMEM);
	CHECK(is_mapped(p) && is_mapped(p + 3 * PAGE) && is_mapped(q));
}

TEST(mremap_needs_the_range_in_one_mapping)
{
	char *p = map_anon(4);

	CHECK(!mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ));
	CHECK_ERR((long)mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK(!munmap(p + 3 * PAGE, PAGE));
	CHECK_ERR((long)mremap(p + 3 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK_ERR((long)mremap(p + 2 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE), EFAULT);
}

TEST(mremap_cannot_grow_here_without_maymove)
{
	char *p = map_anon(3);

	CHECK_ERR((long)mremap(p, PAGE, 2 * PAGE, 0), ENOMEM); /* the middle of a mapping */
	CHECK(!munmap(p + PAGE, PAGE));
	CHECK(mremap(p, PAGE, 2 * PAGE, 0) == p);
	p[PAGE] = 1;
	CHECK_ERR((long)mremap(p, 2 * PAGE, 3 * PAGE, 0), ENOMEM);
}

TEST(mremap_zero_old_size_duplicates_shared)
{
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;
	char *priv = map_anon(1);

	p[PAGE] = 6;
	q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	CHECK_EQ(q[PAGE], 6);
	q[0] = 5;
	CHECK_EQ(p[0], 5);
	CHECK_ERR((long)mremap(priv, 0, PAGE, MREMAP_MAYMOVE), EINVAL);
}

TEST(mremap_dontunmap_of_shared_and_file)
{
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, make_file(FS_DISK, "f", 2 * PAGE), 0), *q;

	CHECK(p != MAP_FAILED);
	p[PAGE] = 2;
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	CHECK(q != MAP_FAILED && q != p);
	CHECK_EQ(q[PAGE], 2);
	CHECK_EQ(p[PAGE], 2); /* faults in from the file again */
	p[PAGE] = 3;
	CHECK_EQ(q[PAGE], 3);
}

TEST(mremap_fixed_shrinks_and_moves)
{
	char *p = map_anon(4), *q = map_anon(8);

	memset(p, 1, 4 * PAGE);
	memset(q, 2, 8 * PAGE);
	CHECK(mremap(p, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE) == q + PAGE);
	CHECK(q[0] == 2 && q[PAGE] == 1 && q[2 * PAGE] == 1 && q[3 * PAGE] == 2);
	for (int i = 0; i < 4; i++)
		CHECK(!is_mapped(p + i * PAGE));
}

TEST(mremap_grow_obeys_rlimit_as)
{
	char *p = map_anon(1);

	set_limit(RLIMIT_AS, 64 << 20);
	CHECK_ERR((long)mremap(p, PAGE, 128 << 20, MREMAP_MAYMOVE), ENOMEM);
	CHECK(is_mapped(p));
}

/* ---- mprotect ---- */

TEST(mprotect_argument_errors)
{
	char *p = map_anon(2);

	CHECK_ERR(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL); /* the C library would round */
	CHECK_ERR(mprotect(p, PAGE, 0x80), EINVAL);
	CHECK_ERR(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
	CHECK_ERR(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN), EINVAL);
	CHECK_ERR(mprotect(p, -PAGE, PROT_READ), ENOMEM);
	CHECK_EQ(mprotect(p, 0, PROT_READ), 0);
	CHECK_ERR(mprotect((void *)(USER_TOP + PAGE), PAGE, PROT_READ), ENOMEM);
}

TEST(mprotect_changes_up_to_the_hole)
{
	char *p = map_anon(3);

	CHECK(!munmap(p + 2 * PAGE, PAGE));
	CHECK_ERR(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK(!can_write(p)); /* what came before it is done */
}

/* ---- protection keys: none here, or those of the CPU ---- */

TEST(pkey_mprotect_without_a_key)
{
	char *p = map_anon(1);
	long r = syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, -1);

	CHECK_EQ(r, 0); /* is mprotect */
	CHECK(!can_write(p));
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, 99), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, 15), EINVAL); /* not allocated */
	CHECK_ERR(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_alloc, 0, 0x10), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_free, 99), EINVAL);
}

static bool cpu_has_keys(void)
{
	char line[4096];
	FILE *f = fopen("/proc/cpuinfo", "r");
	bool has = false;

	while (f && !has && fgets(line, sizeof(line), f))
		has = !strncmp(line, "flags", 5) && strstr(line, " ospke");
	return has;
}

TEST(pkey_alloc_without_keys)
{
	long key;

	if (cpu_has_keys())
		SKIP("the CPU has keys");
	key = syscall(SYS_pkey_alloc, 0, 0);
	CHECK(key == -1 && (errno == ENOSPC || errno == EINVAL)); /* later kernels say EINVAL */
	CHECK_ERR(syscall(SYS_pkey_free, 1), EINVAL);
}

/* ---- msync ---- */

TEST(msync_flags)
{
	char *p = map_file(make_file(FS_DISK, "f", 2 * PAGE), 2 * PAGE, MAP_SHARED), *anon = map_anon(1);

	p[0] = 1;
	CHECK_EQ(msync(p, 2 * PAGE, MS_SYNC), 0);
	CHECK_EQ(msync(p, 2 * PAGE, MS_ASYNC), 0);
	CHECK_EQ(msync(p, 2 * PAGE, 0), 0);
	CHECK_EQ(msync(p, 1, MS_SYNC | MS_INVALIDATE), 0);
	CHECK_EQ(msync(anon, PAGE, MS_SYNC), 0);
	CHECK_EQ(msync(p, 0, MS_SYNC), 0);
	CHECK_ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERR(msync(p, PAGE, 0x80), EINVAL);
	CHECK_ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERR(msync(p, -PAGE, MS_SYNC), ENOMEM);
	CHECK(!munmap(p + PAGE, PAGE));
	CHECK_ERR(msync(p, 2 * PAGE, MS_SYNC), ENOMEM);
	CHECK(!mlock(p, PAGE));
	CHECK_ERR(msync(p, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
}

/* ---- mincore ---- */

TEST(mincore_errors)
{
	char *p = map_anon(3);
	unsigned char v[8];

	CHECK_ERR(mincore(p + 1, PAGE, v), EINVAL);
	CHECK_ERR(mincore(p, PAGE, (void *)8), EFAULT);
	CHECK(!munmap(p + PAGE, PAGE));
	CHECK_ERR(mincore(p, 3 * PAGE, v), ENOMEM);
	CHECK_ERR(mincore((void *)(USER_TOP + PAGE), PAGE, v), ENOMEM);
	CHECK_EQ(mincore(p, 0, v), 0);
	CHECK_EQ(mincore(p, 1, v), 0);
}

TEST(mincore_of_anonymous_memory)
{
	char *p = map_anon(3);
	unsigned char v[3];

	p[PAGE] = 1;
	CHECK(!mincore(p, 3 * PAGE, v));
	CHECK((v[0] & 1) == 0 && (v[1] & 1) == 1 && (v[2] & 1) == 0);
	CHECK(!madvise(p, 3 * PAGE, MADV_DONTNEED));
	CHECK(!mincore(p, 3 * PAGE, v));
	CHECK_EQ(v[1] & 1, 0);
}

TEST(mincore_tells_strangers_nothing_of_files)
{
	unsigned char v[2] = { 0, 0 };
	int fd = make_file(FS_DISK, "f", 2 * PAGE), ro;
	char *p;

	if (geteuid())
		SKIP("needs root to be somebody else");
	CHECK(!fchmod(fd, 0644));
	ro = open("f", O_RDONLY);
	CHECK_EQ(pwrite(fd, "x", 1, 0), 1);
	WAIT_OK(CHILD({
		CHECK(!setresuid(STRANGER, STRANGER, STRANGER));
		p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, ro, 0);
		CHECK(p != MAP_FAILED);
		/* Who could not write the file is told that all of it is there. */
		CHECK(!mincore(p, 2 * PAGE, v));
		CHECK((v[0] & 1) == 1 && (v[1] & 1) == 1);
	}));
}

/* ---- brk ---- */

TEST(brk_below_the_start_changes_nothing)
{
	char *now = kbrk(NULL);

	CHECK(kbrk((void *)1) == now);
	CHECK(kbrk((void *)USER_TOP) == now);
	CHECK(kbrk((void *)-1ul) == now);
	CHECK(kbrk(now + 100) == now + 100); /* to the byte */
	now[99] = 1;
	CHECK(kbrk(now) == now);
}

TEST(brk_again_after_its_pages_were_unmapped)
{
	char *now = kbrk(NULL);
	char *base = (char *)(((unsigned long)now + PAGE - 1) & -PAGE);

	CHECK(kbrk(base + 4 * PAGE) == base + 4 * PAGE);
	memset(base, 7, 4 * PAGE);
	CHECK(!munmap(base + PAGE, PAGE)); /* a hole in the heap is the program's own affair */
	CHECK(kbrk(base + 6 * PAGE) == base + 6 * PAGE);
	CHECK(base[0] == 7 && base[3 * PAGE] == 7 && base[5 * PAGE] == 0);
	CHECK(kbrk(base) == base);
	CHECK(!is_mapped(base + 3 * PAGE));
	CHECK(kbrk(base + 4 * PAGE) == base + 4 * PAGE);
	for (size_t i = 0; i < 4 * PAGE; i += 512)
		CHECK_EQ(base[i], 0);
}

/* ---- remap_file_pages, as Linux emulates it ---- */

TEST(remap_file_pages_rearranges)
{
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, make_file(FS_DISK, "f", 4 * PAGE), 0);

	for (int i = 0; i < 4; i++)
		p[i * PAGE] = 'a' + i;
	CHECK_EQ(syscall(SYS_remap_file_pages, p, PAGE, 0, 3, 0), 0);
	CHECK_EQ(p[0], 'd');
	p[0] = 'z';
	CHECK_EQ(p[3 * PAGE], 'z');
	CHECK_EQ(syscall(SYS_remap_file_pages, p + 2 * PAGE, PAGE, 0, 1, 0), 0);
	CHECK_EQ(p[2 * PAGE], 'b');
	CHECK_ERR(syscall(SYS_remap_file_pages, p, PAGE, PROT_READ, 1, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, map_anon(1), PAGE, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, p, 0, 0, 0, 0), EINVAL);
}

TEST(calls_of_later_kernels_are_told_apart)
{
	/* Present or not, they say so: never a false success. */
	CHECK(syscall(SYS_userfaultfd, 0xffff) == -1 && (errno == ENOSYS || errno == EINVAL || errno == EPERM));
	CHECK(syscall(462 /* mseal */, 1, PAGE, 0xff) == -1 && (errno == ENOSYS || errno == EINVAL));
}
