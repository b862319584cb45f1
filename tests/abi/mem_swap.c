// SPDX-License-Identifier: MIT
/* Swap: swapon, swapoff, and contents that survive every way out of memory and back. */
#include "mem.h"
#include "proc.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>

#define AREA_PAGES 4096ul /* 16 MiB */

/* ---- areas ---- */

/* What mkswap writes into the first page. */
static void make_header(const char *path, uint32_t last_page, uint32_t version, uint32_t bad)
{
	static char page[PAGE];
	uint32_t *info = (uint32_t *)(page + 1024);
	int fd = open(path, O_RDWR);

	memset(page, 0, sizeof(page));
	info[0] = version;
	info[1] = last_page;
	info[2] = bad ? 1 : 0;
	memcpy(info + 3, "0123456789abcdef", 16);
	strcpy((char *)(info + 7), "abi test");
	info[128] = bad;
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	CHECK(fd >= 0);
	CHECK_EQ(pwrite(fd, page, PAGE, 0), PAGE);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(close(fd), 0);
}

/* A file of @pages without holes. */
static void make_solid_file(const char *path, size_t pages)
{
	static char block[64 * PAGE];
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);

	CHECK(fd >= 0);
	for (size_t i = 0; i < pages; i += 64)
		CHECK_EQ(write(fd, block, sizeof(block)), sizeof(block));
	CHECK_EQ(close(fd), 0);
}

static void make_area(const char *path)
{
	make_solid_file(path, AREA_PAGES);
	make_header(path, AREA_PAGES - 1, 1, 0);
}

/* Not everybody may: containers, file systems that cannot. */
static void need_swapon(const char *path, int flags)
{
	if (swapon(path, flags) == 0)
		return;
	if ((errno == EPERM || errno == ENOSYS || errno == EINVAL) && !is_tarn())
		SKIP("swapon is not permitted here");
	CHECK(!"swapon");
}

static void swap_begin(void)
{
	make_area("area");
	need_swapon("area", 0);
}

static void swap_end(void)
{
	CHECK_EQ(swapoff("area"), 0);
	CHECK_EQ(unlink("area"), 0);
}

/* A case in a child of its own, so that one that fails or hangs leaves no area in use. */
static void run_and_clean(void (*body)(void))
{
	int status = wait_status(CHILD({
		alarm(ABI_TIME_LIMIT - 5);
		body();
	}));

	(void)swapoff("area");
	(void)swapoff("second");
	if (WIFSIGNALED(status))
		ABI_FAIL("killed by signal %d", WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}

#define SWAP_TEST(name)                                                       \
	static void body_##name(void);                                        \
	TEST(name)                                                            \
	{                                                                     \
		run_and_clean(body_##name);                                   \
	}                                                                     \
	static void body_##name(void)

/* ---- pages ---- */

static void fill(char *p, size_t pages, unsigned int seed)
{
	for (size_t i = 0; i < pages; i++)
		for (size_t j = 0; j < PAGE / sizeof(unsigned int); j++)
			((unsigned int *)(p + i * PAGE))[j] = seed + (unsigned int)(i * 2654435761u + j);
}

static bool holds(const char *p, size_t pages, unsigned int seed)
{
	for (size_t i = 0; i < pages; i++)
		for (size_t j = 0; j < PAGE / sizeof(unsigned int); j++)
			if (((const unsigned int *)(p + i * PAGE))[j] !=
			    seed + (unsigned int)(i * 2654435761u + j))
				return false;
	return true;
}

static char *map_filled(size_t pages, unsigned int seed)
{
	char *p = map_anon(pages);

	fill(p, pages, seed);
	return p;
}

static long swapped_kb(void)
{
	return status_kb("VmSwap");
}

/* Most of it is in swap, or the case fails.  Writing takes its time. */
static void page_out(char *p, size_t pages)
{
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(madvise(p, pages * PAGE, MADV_PAGEOUT), 0);
		if (swapped_kb() >= (long)(pages * 4 * 3 / 4))
			return;
		sleep_ms(20);
	}
	ABI_FAIL("only %ld kB of %lu are in swap", swapped_kb(), (unsigned long)pages * 4);
}

/* ---- the calls ---- */

SWAP_TEST(swapon_judges_its_arguments)
{
	make_area("area");
	need_swapon("area", 0);
	CHECK_ERR(swapon("area", 0), EBUSY);
	CHECK_EQ(swapoff("area"), 0);
	CHECK_ERR(swapon("area", 0x80000), EINVAL);
	CHECK_ERR(swapon("absent", 0), ENOENT);
	CHECK_ERR(swapon((char *)1, 0), EFAULT);
	CHECK_ERR(swapon("/dev/null", 0), EINVAL);
	CHECK_ERR(swapoff("area"), EINVAL);
	CHECK_ERR(swapoff("absent"), ENOENT);
}

SWAP_TEST(swapon_needs_a_privilege)
{
	make_area("area");
	need_swapon("area", 0);
	CHECK_EQ(chmod("area", 0666), 0);
	WAIT_OK(CHILD({
		CHECK_EQ(setuid(65534), 0);
		CHECK_ERR(swapoff("area"), EPERM);
		CHECK_ERR(swapon("area", 0), EPERM);
	}));
	swap_end();
}

SWAP_TEST(swapon_judges_the_header)
{
	make_area("area");
	need_swapon("area", 0);
	CHECK_EQ(swapoff("area"), 0);
	make_header("area", AREA_PAGES, 1, 0);
	CHECK_ERR(swapon("area", 0), EINVAL); /* longer than the file */
	make_header("area", 0, 1, 0);
	CHECK_ERR(swapon("area", 0), EINVAL);
	make_header("area", AREA_PAGES - 1, 2, 0);
	CHECK_ERR(swapon("area", 0), EINVAL);
	make_header("area", AREA_PAGES - 1, 1, 7);
	CHECK_ERR(swapon("area", 0), EINVAL); /* bad pages: only on a device */
	make_solid_file("area", 64);
	CHECK_ERR(swapon("area", 0), EINVAL); /* no signature */
}

SWAP_TEST(swapon_refuses_holes)
{
	make_area("area");
	need_swapon("area", 0);
	CHECK_EQ(swapoff("area"), 0);
	CHECK_EQ(truncate("area", 64 * PAGE), 0);
	CHECK_EQ(truncate("area", AREA_PAGES * PAGE), 0);
	CHECK_ERR(swapon("area", 0), EINVAL);
	CHECK_EQ(unlink("area"), 0); /* nothing stayed behind */
}

SWAP_TEST(swap_file_cannot_be_touched)
{
	char byte = 1;
	int fd;

	swap_begin();
	fd = open("area", O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, &byte, 1, 0), 1);
	CHECK_ERR(pwrite(fd, &byte, 1, PAGE), ETXTBSY);
	CHECK_ERR(ftruncate(fd, 0), ETXTBSY);
	CHECK_ERR(fallocate(fd, 0, 0, PAGE), ETXTBSY);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), ETXTBSY);
	CHECK_ERR(unlink("area"), EPERM);
	CHECK_ERR(rename("area", "elsewhere"), EPERM);
	CHECK_EQ(close(fd), 0);
	swap_end();
}

/* Who mapped it before it became one still shows it. */
SWAP_TEST(remove_punched_a_swap_file)
{
	char *p;
	int fd;

	make_area("area");
	fd = open("area", O_RDWR);
	p = map_file(fd, AREA_PAGES * PAGE, MAP_SHARED);
	need_swapon("area", 0);
	CHECK_ERR(madvise(p + PAGE, PAGE, MADV_REMOVE), ETXTBSY);
	CHECK_EQ(swapoff("area"), 0);
	CHECK_EQ(madvise(p + PAGE, PAGE, MADV_REMOVE), 0);
	CHECK_EQ(close(fd), 0);
}

SWAP_TEST(swap_shows_in_proc_and_sysinfo)
{
	long before = proc_kb("/proc/meminfo", "SwapTotal");
	struct sysinfo si;
	char line[512];
	bool seen = false;
	FILE *f;

	make_area("area");
	need_swapon("area", SWAP_FLAG_PREFER | 5);
	CHECK_EQ(proc_kb("/proc/meminfo", "SwapTotal") - before, (AREA_PAGES - 1) * 4);
	CHECK(proc_kb("/proc/meminfo", "SwapFree") <= proc_kb("/proc/meminfo", "SwapTotal"));
	CHECK_EQ(sysinfo(&si), 0);
	CHECK_EQ((long)(si.totalswap * si.mem_unit / 1024), proc_kb("/proc/meminfo", "SwapTotal"));
	f = fopen("/proc/swaps", "r");
	CHECK(f && fgets(line, sizeof(line), f));
	CHECK(!strcmp(line, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"));
	while (fgets(line, sizeof(line), f)) {
		char name[256], type[64];
		long size, used, prio;

		CHECK_EQ(sscanf(line, "%255s %63s %ld %ld %ld", name, type, &size, &used, &prio), 5);
		if (!strstr(name, "/area"))
			continue;
		seen = true;
		CHECK(!strcmp(type, "file"));
		CHECK_EQ(size, (AREA_PAGES - 1) * 4);
		CHECK_EQ(prio, 5);
	}
	fclose(f);
	CHECK(seen);
	swap_end();
	CHECK_EQ(proc_kb("/proc/meminfo", "SwapTotal"), before);
}

/* ---- contents ---- */

SWAP_TEST(swapped_pages_keep_their_contents)
{
	char *p;

	swap_begin();
	p = map_filled(1000, 1);
	page_out(p, 1000);
	CHECK(status_kb("VmRSS") < 4000 + 3000);
	CHECK(holds(p, 1000, 1));
	fill(p, 500, 2);
	page_out(p, 1000);
	CHECK(holds(p, 500, 2));
	CHECK(holds(p + 500 * PAGE, 1, 1 + 500u * 2654435761u));
	CHECK_EQ(munmap(p, 1000 * PAGE), 0);
	CHECK(swapped_kb() < 100);
	swap_end();
}

SWAP_TEST(swapped_pages_read_then_written)
{
	char *p;

	swap_begin();
	p = map_filled(500, 3);
	page_out(p, 500);
	CHECK(holds(p, 500, 3)); /* in by reading: the slot may stay */
	fill(p, 500, 4);         /* and is given up or out of date now */
	page_out(p, 500);
	CHECK(holds(p, 500, 4));
	page_out(p, 500);        /* clean ones go without being written */
	CHECK(holds(p, 500, 4));
	swap_end();
}

SWAP_TEST(fork_shares_swapped_pages)
{
	char *p;
	pid_t kids[3];

	swap_begin();
	p = map_filled(600, 5);
	page_out(p, 600);
	for (int i = 0; i < 3; i++)
		kids[i] = CHILD({
			if (i == 1)
				CHECK(holds(p, 600, 5));
			fill(p, 300, 100 + (unsigned int)i);
			page_out(p, 300);
			CHECK(holds(p, 300, 100 + (unsigned int)i));
			CHECK(holds(p + 300 * PAGE, 300, 5 + 300u * 2654435761u));
		});
	fill(p, 100, 6);
	for (int i = 0; i < 3; i++)
		WAIT_OK(kids[i]);
	CHECK(holds(p, 100, 6));
	CHECK(holds(p + 100 * PAGE, 500, 5 + 100u * 2654435761u));
	swap_end();
}

SWAP_TEST(shared_copy_on_write_pages_leave_when_all_let_go)
{
	int ready[2], go[2];
	char *p, c;
	pid_t kid;

	swap_begin();
	CHECK(!pipe(ready) && !pipe(go));
	p = map_filled(400, 7);
	kid = CHILD({
		CHECK_EQ(madvise(p, 400 * PAGE, MADV_PAGEOUT), 0); /* Linux passes over shared pages */
		CHECK_EQ(write(ready[1], "x", 1), 1);
		CHECK_EQ(read(go[0], &c, 1), 1);
		CHECK(holds(p, 400, 7));
	});
	CHECK_EQ(read(ready[0], &c, 1), 1);
	CHECK(holds(p, 400, 7));
	CHECK_EQ(madvise(p, 400 * PAGE, MADV_PAGEOUT), 0);
	fill(p, 10, 7);
	CHECK_EQ(write(go[1], "x", 1), 1);
	WAIT_OK(kid);
	CHECK(holds(p, 400, 7));
	swap_end();
}

/* ---- 2 MiB pages, where the machine makes them ---- */

static char *map_huge_filled(size_t n, unsigned int seed)
{
	char *p = map_huge(n);

	fill(p, n * HUGE_PAGES, seed);
	return p;
}

SWAP_TEST(huge_pages_go_in_pieces)
{
	char *p = map_huge_filled(2, 3);

	swap_begin();
	page_out(p, 2 * HUGE_PAGES);
	CHECK(holds(p, 2 * HUGE_PAGES, 3));
	fill(p, 2 * HUGE_PAGES, 4);
	page_out(p + PAGE, HUGE_PAGES); /* across the border */
	CHECK(holds(p, 2 * HUGE_PAGES, 4));
	swap_end();
	CHECK(holds(p, 2 * HUGE_PAGES, 4));
}

/* One process has the 2 MiB whole, the other lets its pages go: both keep what they see. */
SWAP_TEST(huge_page_shared_with_one_who_swaps)
{
	char *p = map_huge_filled(1, 5);

	swap_begin();
	WAIT_OK(CHILD({
		CHECK_EQ(madvise(p, HUGE, MADV_PAGEOUT), 0); /* Linux passes over shared pages */
		CHECK(holds(p, HUGE_PAGES / 2, 5));
		fill(p, HUGE_PAGES / 4, 6);
		CHECK(holds(p, HUGE_PAGES / 4, 6));
	}));
	CHECK(holds(p, HUGE_PAGES, 5));
	fill(p, HUGE_PAGES, 7);
	CHECK(holds(p, HUGE_PAGES, 7));
	WAIT_OK(CHILD(CHECK_EQ(madvise(p, HUGE, MADV_PAGEOUT), 0)));
	CHECK_EQ(munmap(p, HUGE), 0);
	CHECK_EQ(swapped_kb(), 0);
	swap_end();
}

SWAP_TEST(mprotect_on_swapped_pages)
{
	char *p;

	swap_begin();
	p = map_filled(300, 8);
	page_out(p, 300);
	CHECK_EQ(mprotect(p, 300 * PAGE, PROT_READ), 0);
	CHECK(holds(p, 300, 8));
	page_out(p, 300);
	CHECK_EQ(mprotect(p, 300 * PAGE, PROT_NONE), 0);
	CHECK_EQ(madvise(p, 300 * PAGE, MADV_PAGEOUT), 0);
	WAIT_SIGNAL(CHILD(*(volatile char *)p = 1), SIGSEGV);
	CHECK_EQ(mprotect(p, 300 * PAGE, RW), 0);
	CHECK(holds(p, 300, 8));
	fill(p, 300, 9);
	page_out(p, 300);
	CHECK(holds(p, 300, 9));
	swap_end();
}

SWAP_TEST(mremap_moves_swapped_pages)
{
	char *p, *q;

	swap_begin();
	p = map_filled(700, 10);
	page_out(p, 700);
	q = mmap(NULL, 2000 * PAGE, PROT_NONE, ANON, -1, 0);
	CHECK(q != MAP_FAILED);
	q = mremap(p, 700 * PAGE, 1400 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 3 * PAGE);
	CHECK(q != MAP_FAILED);
	CHECK(holds(q, 700, 10));
	CHECK_EQ(q[700 * PAGE], 0);
	swap_end();
}

/* Linux leaves a slot whose page was being written to the next who looks for memory. */
static long free_swap_kb(void)
{
	long lazy = is_tarn() ? 0 : proc_kb("/proc/meminfo", "SwapCached");

	return proc_kb("/proc/meminfo", "SwapFree") + lazy;
}

SWAP_TEST(dontneed_frees_swapped_pages)
{
	long free_kb;
	char *p;

	swap_begin();
	p = map_filled(800, 11);
	page_out(p, 800);
	free_kb = proc_kb("/proc/meminfo", "SwapFree");
	CHECK_EQ(madvise(p, 800 * PAGE, MADV_DONTNEED), 0);
	CHECK(swapped_kb() < 100);
	for (int i = 0; free_swap_kb() < free_kb + 800 * 3; i++, sleep_ms(20))
		CHECK(i < 500); /* the last ones were still being written */
	for (size_t i = 0; i < 800 * PAGE; i += PAGE)
		CHECK_EQ(p[i], 0);
	swap_end();
}

SWAP_TEST(mlock_brings_swapped_pages_in)
{
	unsigned char in[200];
	char *p;

	swap_begin();
	p = map_filled(200, 12);
	page_out(p, 200);
	CHECK_EQ(mlock(p, 200 * PAGE), 0);
	CHECK_EQ(mincore(p, 200 * PAGE, in), 0);
	for (int i = 0; i < 200; i++)
		CHECK(in[i] & 1);
	CHECK_ERR(madvise(p, 200 * PAGE, MADV_PAGEOUT), EINVAL);
	CHECK(holds(p, 200, 12));
	swap_end();
}

SWAP_TEST(private_file_copies_are_swapped)
{
	char *p;
	int fd;

	swap_begin();
	make_solid_file("data", 128);
	fd = open("data", O_RDWR);
	p = mmap(NULL, 128 * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(fd >= 0 && p != MAP_FAILED);
	fill(p, 64, 13);
	page_out(p, 64);
	CHECK(holds(p, 64, 13));
	CHECK_EQ(p[64 * PAGE], 0);
	CHECK_EQ(munmap(p, 128 * PAGE), 0);
	CHECK_EQ(close(fd), 0);
	swap_end();
}

SWAP_TEST(kernel_reads_and_writes_swapped_pages)
{
	int pipes[2];
	char *p;

	swap_begin();
	CHECK(!pipe(pipes));
	p = map_filled(16, 14);
	page_out(p, 16);
	CHECK_EQ(write(pipes[1], p, 4 * PAGE), 4 * PAGE); /* copy_from_user faults */
	CHECK_EQ(read(pipes[0], p + 8 * PAGE, 4 * PAGE), 4 * PAGE);
	CHECK(holds(p + 8 * PAGE, 4, 14));
	CHECK(holds(p, 8, 14));
	swap_end();
}

SWAP_TEST(smaps_counts_swapped_pages)
{
	long swap, pss;
	char *p, *s;

	swap_begin();
	p = map_filled(256, 15);
	page_out(p, 256);
	s = smaps_of(p);
	swap = value_in(s, "Swap");
	pss = value_in(s, "SwapPss");
	CHECK(swap >= 256 * 3 && swap <= 256 * 4 + 64);
	CHECK(pss > 0 && pss <= swap);
	swap_end();
}

/* ---- swapoff ---- */

SWAP_TEST(swapoff_brings_everything_back)
{
	char *p, *q;
	pid_t kid;
	int go[2];
	char c;

	swap_begin();
	CHECK(!pipe(go));
	p = map_filled(600, 16);
	q = map_filled(300, 17);
	page_out(p, 600);
	page_out(q, 300);
	kid = CHILD({
		CHECK_EQ(read(go[0], &c, 1), 1);
		CHECK(holds(p, 600, 16));
	});
	CHECK_EQ(mprotect(q, 300 * PAGE, PROT_NONE), 0);
	swap_end();
	CHECK_EQ(swapped_kb(), 0);
	CHECK_EQ(mprotect(q, 300 * PAGE, RW), 0);
	CHECK(holds(p, 600, 16));
	CHECK(holds(q, 300, 17));
	CHECK_EQ(write(go[1], "x", 1), 1);
	WAIT_OK(kid);
}

SWAP_TEST(swapoff_while_pages_are_used)
{
	char *p;
	pid_t kids[2];

	swap_begin();
	p = map_filled(600, 18);
	for (int k = 0; k < 2; k++)
		kids[k] = CHILD({
			for (int i = 0; i < 10; i++) {
				CHECK_EQ(madvise(p, 600 * PAGE, MADV_PAGEOUT), 0);
				if (k)
					WAIT_OK(CHILD(CHECK(holds(p, 600, 18 + (unsigned int)i * 7))));
				fill(p, 600, 25 + (unsigned int)i * 7);
				CHECK(holds(p, 600, 25 + (unsigned int)i * 7));
			}
		});
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(swapoff("area"), 0);
		CHECK_EQ(swapon("area", 0), 0);
	}
	for (int k = 0; k < 2; k++)
		WAIT_OK(kids[k]);
	CHECK(holds(p, 600, 18));
	swap_end();
}

SWAP_TEST(two_areas_by_priority)
{
	char *p;

	swap_begin();
	make_area("second");
	need_swapon("second", SWAP_FLAG_PREFER | 10);
	p = map_filled(500, 19);
	page_out(p, 500);
	CHECK_EQ(swapoff("area"), 0);
	CHECK(swapped_kb() >= 1400); /* they went to the second */
	CHECK(holds(p, 500, 19));
	page_out(p, 500);
	CHECK_EQ(swapoff("second"), 0);
	CHECK(holds(p, 500, 19));
}

/* ---- shared memory ---- */

/*
 * Every page is stored to and stays as it is, so that none has a slot any more.  The slot of one that
 * came back while it was being written is free only when that write is over.
 */
static void fill_again(char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		((volatile char *)p)[i * PAGE] = ((volatile char *)p)[i * PAGE];
	for (int i = 0; i < 100 && proc_kb("/proc/meminfo", "Writeback"); i++)
		sleep_ms(10);
}

/* Shared pages leave memory for fresh slots. */
static void squeeze_out(char *p, size_t pages)
{
	long before;

	fill_again(p, pages);
	before = proc_kb("/proc/meminfo", "SwapFree");

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(madvise(p, pages * PAGE, MADV_PAGEOUT), 0);
		if (before - proc_kb("/proc/meminfo", "SwapFree") >= (long)(pages * 4 * 3 / 4))
			return;
		sleep_ms(20);
	}
	ABI_FAIL("SwapFree fell only from %ld to %ld kB", before, proc_kb("/proc/meminfo", "SwapFree"));
}

SWAP_TEST(shared_memory_is_swapped)
{
	static char buf[8 * PAGE];
	struct stat st;
	char *p, *q;
	int fd;

	swap_begin();
	fd = make_file(FS_MEMORY, "swapped", 600 * PAGE);
	p = map_file(fd, 600 * PAGE, MAP_SHARED);
	fill(p, 500, 20);
	squeeze_out(p, 500);
	q = map_file(fd, 600 * PAGE, MAP_SHARED);
	CHECK(holds(q, 500, 20)); /* by a fault through another mapping */
	CHECK_EQ(munmap(q, 600 * PAGE), 0); /* Linux lets only go what one maps */
	squeeze_out(p, 500);
	CHECK_EQ(pread(fd, buf, sizeof(buf), 16 * PAGE), sizeof(buf));
	CHECK(holds(buf, 8, 20 + 16u * 2654435761u));
	memset(buf, 1, sizeof(buf));
	CHECK_EQ(pwrite(fd, buf, 100, 32 * PAGE + 50), 100);
	fill(p + 32 * PAGE, 1, 20 + 32u * 2654435761u);
	CHECK(holds(p, 500, 20));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_blocks, 500 * 8);
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 500 * PAGE);
	squeeze_out(p, 500);
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 500 * PAGE); /* in swap is no hole */
	CHECK_EQ(lseek(fd, 499 * PAGE, SEEK_DATA), 499 * PAGE);
	WAIT_OK(CHILD(CHECK(holds(p, 500, 20))));
	swap_end();
	CHECK(holds(p, 500, 20));
}

/* MADV_PAGEOUT by one who only maps them took pages from under another's lock. */
SWAP_TEST(pageout_leaves_what_another_has_locked)
{
	char *p;
	int fd;

	swap_begin();
	fd = make_file(FS_MEMORY, "locked", 200 * PAGE);
	p = map_file(fd, 200 * PAGE, MAP_SHARED);
	fill(p, 200, 22);
	CHECK(!mlock(p, 100 * PAGE));
	WAIT_OK(CHILD({
		char *q = map_file(fd, 200 * PAGE, MAP_SHARED);

		CHECK(holds(q, 200, 22));
		for (int i = 0; i < 5; i++) {
			CHECK(!madvise(q, 200 * PAGE, MADV_PAGEOUT));
			sleep_ms(20);
		}
	}));
	CHECK_EQ(value_in(smaps_of(p), "Rss"), 400);
	CHECK_EQ(value_in(smaps_of(p), "Locked"), 400);
	CHECK(holds(p, 200, 22));
	CHECK(!munmap(p, 200 * PAGE) && !close(fd));
	swap_end();
}

SWAP_TEST(truncate_frees_swapped_shared_memory)
{
	char *p;
	int fd;

	swap_begin();
	fd = make_file(FS_MEMORY, "swapped", 512 * PAGE);
	p = map_file(fd, 512 * PAGE, MAP_SHARED);
	fill(p, 512, 21);
	squeeze_out(p, 512);
	CHECK_EQ(ftruncate(fd, 100 * PAGE + 10), 0);
	CHECK_EQ(ftruncate(fd, 512 * PAGE), 0);
	CHECK(holds(p, 100, 21));
	for (size_t i = 100 * PAGE + 10; i < 512 * PAGE; i++)
		CHECK_EQ(p[i], 0);
	fill(p, 512, 22);
	squeeze_out(p, 512);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * PAGE, 50 * PAGE), 0);
	for (size_t i = 10 * PAGE; i < 60 * PAGE; i++)
		CHECK_EQ(p[i], 0);
	CHECK(holds(p, 10, 22));
	CHECK(holds(p + 60 * PAGE, 452, 22 + 60u * 2654435761u));
	squeeze_out(p, 400);
	CHECK_EQ(munmap(p, 512 * PAGE), 0);
	CHECK_EQ(close(fd), 0); /* the slots go with the file */
	swap_end();
}

SWAP_TEST(private_copies_of_swapped_shared_memory)
{
	char *p, *q;
	int fd;

	swap_begin();
	fd = make_file(FS_MEMORY, "swapped", 300 * PAGE);
	p = map_file(fd, 300 * PAGE, MAP_SHARED);
	fill(p, 300, 23);
	squeeze_out(p, 300);
	q = mmap(NULL, 300 * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(q != MAP_FAILED);
	CHECK(holds(q, 300, 23));
	fill(q, 150, 24);
	page_out(q, 150);
	CHECK_EQ(madvise(p, 300 * PAGE, MADV_PAGEOUT), 0);
	CHECK(holds(q, 150, 24));
	CHECK(holds(p, 300, 23));
	swap_end();
	CHECK(holds(q, 150, 24));
}

/* Reads what is there again and again, until nothing is: each of @rounds times that *round moves. */
static void read_until_empty(int fd, volatile int *round, volatile int *done, int rounds)
{
	static char buf[8 * PAGE];
	ssize_t n;

	for (int r = 1; r <= rounds; r++) {
		while (*round != r)
			sched_yield();
		while ((n = pread(fd, buf, sizeof(buf), 0)) > 0)
			for (ssize_t i = 0; i < n; i++)
				CHECK_EQ(buf[i], 'x');
		CHECK_EQ(n, 0);
		*done = r;
	}
}

/* A reader brings pages back while the file loses them: it sees no zeros and leaves no page behind the end. */
SWAP_TEST(reader_of_swapped_pages_meets_truncation)
{
	enum { ROUNDS = 300, SIZE = 8 * 4096 };
	volatile int *shared = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static char block[SIZE];
	struct stat st;
	pid_t reader;
	int fd;

	CHECK(shared != MAP_FAILED);
	swap_begin();
	fd = make_file(FS_MEMORY, "swapped", 8 * PAGE);
	memset(block, 'x', SIZE);
	reader = CHILD(read_until_empty(fd, shared, shared + 1, ROUNDS));
	for (int r = 1; r <= ROUNDS; r++) {
		char *p = map_file(fd, 8 * PAGE, MAP_SHARED);

		CHECK_EQ(pwrite(fd, block, SIZE, 0), SIZE);
		for (int i = 0; i < 8; i++)
			CHECK_EQ(p[i * PAGE], 'x');
		CHECK_EQ(madvise(p, SIZE, MADV_PAGEOUT), 0);
		CHECK_EQ(munmap(p, SIZE), 0);
		shared[0] = r;
		usleep((unsigned int)(r * 7 % 50));
		CHECK_EQ(ftruncate(fd, 0), 0);
		while (shared[1] != r)
			sched_yield();
		CHECK_EQ(fstat(fd, &st), 0);
		CHECK_EQ(st.st_blocks, 0);
		CHECK_EQ(ftruncate(fd, SIZE), 0);
		CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
		CHECK_EQ(ftruncate(fd, 0), 0);
	}
	WAIT_OK(reader);
	CHECK_EQ(close(fd), 0);
	swap_end();
}

/* Pages out once for each new *round; negative: the end. */
static void page_out_each_round(int fd, volatile int *round, volatile int *done)
{
	char *p = map_file(fd, 16 * PAGE, MAP_SHARED);

	for (int r = 0; r >= 0; r = *round) {
		if (r == *done)
			continue;
		CHECK_EQ(madvise(p, 16 * PAGE, MADV_PAGEOUT), 0);
		*done = r;
	}
}

/* The pager rests, and the slots of the last round are free again. */
static void wait_for_slots(volatile int *done, int round, long long end)
{
	struct sysinfo si = { 0 };

	while ((*done != round || !si.freeswap) && now_ns() < end) {
		sched_yield();
		CHECK_EQ(sysinfo(&si), 0);
	}
}

/* Two pages find a slot; each of the others is taken in hand and given back, while the file loses them all. */
SWAP_TEST(truncation_passed_over_pages_that_found_no_slot)
{
	volatile int *shared = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static char block[16 * PAGE];
	long long end = now_ns() + 8 * RACE_NS;
	struct stat st;
	pid_t pager;
	int fd;

	CHECK(shared != MAP_FAILED);
	make_solid_file("area", 64);
	make_header("area", 2, 1, 0);
	need_swapon("area", 0);
	fd = make_file(FS_MEMORY, "swapped", sizeof(block));
	memset(block, 'x', sizeof(block));
	pager = CHILD(page_out_each_round(fd, shared, shared + 1));
	for (int r = 1; now_ns() < end; r++) {
		CHECK_EQ(pwrite(fd, block, sizeof(block), 0), sizeof(block));
		shared[0] = r;
		for (volatile int i = r * 7 % 4000; i; i--)
			;
		CHECK_EQ(ftruncate(fd, 0), 0);
		CHECK_EQ(fstat(fd, &st), 0);
		CHECK_EQ(st.st_blocks, 0);
		CHECK_EQ(ftruncate(fd, sizeof(block)), 0);
		CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
		wait_for_slots(shared + 1, r, end);
	}
	shared[0] = -1;
	WAIT_OK(pager);
	swap_end();
}
