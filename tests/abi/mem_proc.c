// SPDX-License-Identifier: MIT
/* What /proc tells of memory: maps, smaps, smaps_rollup, statm, status, pagemap, clear_refs, meminfo, vmstat. */
#include "mem.h"
#include "proc.h"

#include <ctype.h>
#include <sys/prctl.h>

/* The next line of *at, terminated; NULL at the end. */
static char *next_line(char **at)
{
	char *line = *at, *end = line ? strchr(line, '\n') : NULL;

	if (!end)
		return NULL;
	*end = 0;
	*at = end + 1;
	return line;
}

/* The line of maps that holds @addr, whole. */
static char *map_line(void *addr)
{
	char *at = slurp("/proc/self/maps"), *line;

	while ((line = next_line(&at))) {
		unsigned long start, end;

		CHECK_EQ(sscanf(line, "%lx-%lx", &start, &end), 2);
		if ((unsigned long)addr >= start && (unsigned long)addr < end)
			return line;
	}
	return NULL;
}

static const char *map_name(void *addr)
{
	char *line = map_line(addr);

	CHECK(line);
	return strlen(line) > 73 ? line + 73 : "";
}

/* smaps of the mapping that begins at @addr. */
static char *smap_of(void *addr)
{
	char *s = smaps_of(addr);

	CHECK_EQ(strtoul(s, NULL, 16), (unsigned long)addr);
	return s;
}

/* ---- maps ---- */

TEST(maps_lines_are_in_columns)
{
	char *at = slurp("/proc/self/maps"), *line;
	unsigned long last = 0;
	int n = 0;

	while ((line = next_line(&at))) {
		unsigned long start, end, off, ino;
		unsigned major, minor;
		char perms[5];
		int used;

		CHECK_EQ(sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &start, &end, perms, &off, &major, &minor,
				&ino, &used), 7);
		CHECK(start >= last && end > start && start % PAGE == 0 && end % PAGE == 0);
		CHECK(strchr("r-", perms[0]) && strchr("w-", perms[1]) && strchr("x-", perms[2]) &&
		      strchr("ps", perms[3]));
		/* A name stands in column 73; without one the line ends in a space. */
		CHECK(line[used] == 0 ? line[used - 1] == ' ' : used == 73);
		last = end;
		n++;
	}
	CHECK(n >= 5);
}

TEST(maps_names)
{
	static int data = 1;
	char here, *heap = kbrk(NULL), *p, exe[PATH_MAX] = { 0 };
	int fd;

	CHECK(kbrk(heap + PAGE) == heap + PAGE);
	CHECK(!strcmp(map_name(heap), "[heap]"));
	CHECK(!strcmp(map_name(&here), "[stack]"));
	CHECK(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	CHECK(!strcmp(map_name(&data), exe));
	CHECK(!strcmp(map_name((void *)(uintptr_t)&map_name), exe));
	CHECK(strstr(slurp("/proc/self/maps"), "[vdso]\n"));
	CHECK(strstr(slurp("/proc/self/maps"), "[vvar]\n"));
	CHECK(!strcmp(map_name(map_anon(1)), ""));
	p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(!strcmp(map_name(p), "/dev/zero (deleted)"));
	fd = syscall(SYS_memfd_create, "some name", 0);
	CHECK(!ftruncate(fd, PAGE));
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(!strcmp(map_name(p), "/memfd:some name (deleted)"));
	fd = open("gone", O_RDWR | O_CREAT, 0600);
	CHECK(!ftruncate(fd, PAGE) && !unlink("gone"));
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(strstr(map_name(p), "/gone (deleted)"));
	fd = open("new\nline", O_RDWR | O_CREAT, 0600);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(strstr(map_name(p), "/new\\012line"));
}

TEST(maps_offset_device_inode)
{
	unsigned long off, ino;
	unsigned major, minor;
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	struct stat st;
	char *p;

	CHECK(!ftruncate(fd, 8 * PAGE) && !fstat(fd, &st));
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 3 * PAGE);
	CHECK_EQ(sscanf(map_line(p), "%*x-%*x %*s %lx %x:%x %lu", &off, &major, &minor, &ino), 4);
	CHECK(off == 3 * PAGE && ino == st.st_ino);
	/* Anonymous memory has none of them. */
	CHECK(strstr(map_line(map_anon(1)), " 00000000 00:00 0 "));
}

TEST(maps_join_and_split)
{
	char *p = map_anon(6), *line;
	unsigned long start, end;

	line = map_line(p + 3 * PAGE);
	CHECK_EQ(sscanf(line, "%lx-%lx", &start, &end), 2);
	CHECK(start <= (unsigned long)p && end >= (unsigned long)p + 6 * PAGE);
	CHECK(!mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ));
	line = map_line(p + 3 * PAGE);
	CHECK_EQ(sscanf(line, "%lx-%lx", &start, &end), 2);
	CHECK(start == (unsigned long)p + 2 * PAGE && end == (unsigned long)p + 4 * PAGE);
	CHECK(strstr(line, " r--p "));
	CHECK(!mprotect(p + 2 * PAGE, 2 * PAGE, RW));
	line = map_line(p + 3 * PAGE);
	CHECK_EQ(sscanf(line, "%lx-%lx", &start, &end), 2);
	CHECK(start <= (unsigned long)p && end >= (unsigned long)p + 6 * PAGE);
}

/* ---- smaps ---- */

static const char *const smap_names[] = {
	"Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Shared_Clean", "Shared_Dirty", "Private_Clean",
	"Private_Dirty", "Referenced", "Anonymous", "LazyFree", "AnonHugePages", "ShmemPmdMapped",
	"Shared_Hugetlb", "Private_Hugetlb", "Swap", "SwapPss", "Locked",
};

TEST(smaps_lines_are_in_columns)
{
	char *s = smap_of(map_anon(5)), *line;

	CHECK((line = next_line(&s)));
	for (size_t i = 0; i < sizeof(smap_names) / sizeof(*smap_names);) {
		char want[64];
		long kb;

		CHECK((line = next_line(&s)));
		if (strncmp(line, smap_names[i], strlen(smap_names[i])) || line[strlen(smap_names[i])] != ':')
			continue; /* a later kernel's further line */
		kb = atol(line + strlen(smap_names[i]) + 1);
		snprintf(want, sizeof(want), "%s:%*s%8ld kB", smap_names[i], 15 - (int)strlen(smap_names[i]), "", kb);
		CHECK(!strcmp(line, want));
		i++;
	}
	CHECK((line = next_line(&s)));
	CHECK(!strncmp(line, "THPeligible:", 12));
	do
		CHECK((line = next_line(&s)));
	while (strncmp(line, "VmFlags: ", 9));
	CHECK(line[strlen(line) - 1] == ' ');
}

TEST(smaps_counts_anonymous_pages)
{
	char *p = map_anon(8), *s;

	CHECK(!madvise(p, 8 * PAGE, MADV_NOHUGEPAGE) || errno == EINVAL);
	p[0] = p[PAGE] = p[5 * PAGE] = 1;
	if (is_6_1()) /* the zero page is nobody's; later kernels count it */
		CHECK_EQ(*(volatile char *)(p + 6 * PAGE), 0);
	s = smap_of(p);
	CHECK_EQ(value_in(s, "Size"), 32);
	CHECK_EQ(value_in(s, "Rss"), 12);
	CHECK_EQ(value_in(s, "Pss"), 12);
	CHECK_EQ(value_in(s, "Anonymous"), 12);
	CHECK_EQ(value_in(s, "Private_Dirty"), 12);
	CHECK_EQ(value_in(s, "Shared_Dirty") + value_in(s, "Shared_Clean") + value_in(s, "Private_Clean"), 0);
	CHECK_EQ(value_in(s, "Referenced"), 12);
	CHECK_EQ(value_in(s, "Locked"), 0);
	CHECK(!munmap(p, 8 * PAGE));
}

TEST(smaps_shares_pages_after_fork)
{
	char *p = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0), *s, c;
	int go[2], done[2];
	pid_t pid;

	CHECK(!madvise(p, 8 * PAGE, MADV_NOHUGEPAGE) || errno == EINVAL);
	memset(p, 1, 8 * PAGE);
	CHECK(!pipe(go) && !pipe(done));
	pid = CHILD({
		p[0] = p[PAGE] = 2;
		CHECK_EQ(write(done[1], "x", 1), 1);
		CHECK_EQ(read(go[0], &c, 1), 1);
	});
	CHECK_EQ(read(done[0], &c, 1), 1);
	s = smap_of(p);
	CHECK_EQ(value_in(s, "Rss"), 32);
	CHECK_EQ(value_in(s, "Pss"), 8 + 24 / 2);
	CHECK_EQ(value_in(s, "Shared_Dirty"), 24);
	CHECK_EQ(value_in(s, "Private_Dirty"), 8);
	CHECK_EQ(write(go[1], "x", 1), 1);
	WAIT_OK(pid);
	CHECK_EQ(value_in(smap_of(p), "Pss"), 32);
}

TEST(smaps_of_files)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	char *p, *q, *s, buf[PAGE];

	memset(buf, 5, PAGE);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(write(fd, buf, PAGE), PAGE);
	CHECK(!fsync(fd));
	p = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(((volatile char *)p)[i * PAGE], 5);
	s = smap_of(p);
	CHECK_EQ(value_in(s, "Rss"), 32);
	CHECK_EQ(value_in(s, "Pss"), 32);
	CHECK_EQ(value_in(s, "Private_Clean"), 32);
	CHECK_EQ(value_in(s, "Anonymous"), 0);
	p[0] = 1;
	s = smap_of(p);
	CHECK_EQ(value_in(s, "Private_Dirty"), 4);
	CHECK_EQ(value_in(s, "Private_Clean"), 28);
	q = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE, fd, 0);
	for (int i = 0; i < 8; i++)
		CHECK(((volatile char *)q)[i * PAGE]);
	s = smap_of(q);
	CHECK_EQ(value_in(s, "Rss"), 32);
	CHECK_EQ(value_in(s, "Pss"), 16);
	CHECK_EQ(value_in(s, "Shared_Clean") + value_in(s, "Shared_Dirty"), 32);
	q[PAGE] = 9; /* its own copy now */
	s = smap_of(q);
	CHECK_EQ(value_in(s, "Anonymous"), 4);
	CHECK_EQ(value_in(s, "Private_Dirty"), 4);
	CHECK_EQ(value_in(s, "Pss"), 4 + 28 / 2);
	CHECK_EQ(value_in(smap_of(p), "Pss"), 4 + 28 / 2);
}

TEST(smaps_flags)
{
	char *p = map_anon(2), *s;

	s = smap_of(p);
	CHECK(strstr(s, "VmFlags: rd wr mr mw me ac "));
	CHECK(!mlock(p, 2 * PAGE) && !madvise(p, 2 * PAGE, MADV_DONTFORK) && !madvise(p, 2 * PAGE, MADV_DONTDUMP));
	s = smap_of(p);
	CHECK(strstr(s, " lo ") && strstr(s, " dc ") && strstr(s, " dd "));
	CHECK_EQ(value_in(s, "Locked"), 8);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(strstr(smap_of(p), "VmFlags: rd sh mr mw me ms "));
}

TEST(smaps_rollup_is_the_sum)
{
	static const char *const names[] = { "Rss", "Shared_Clean", "Shared_Dirty", "Private_Clean",
					     "Private_Dirty", "Anonymous" };
	long sum[6] = { 0 }, pss = 0, got;
	char *at, *line;

	memset(map_anon(50), 1, 50 * PAGE);
	slurp("/proc/self/smaps"); /* touches what reading touches */
	at = slurp("/proc/self/smaps");
	while ((line = next_line(&at)))
		for (int i = 0; i < 6; i++) {
			size_t n = strlen(names[i]);

			if (!strncmp(line, names[i], n) && line[n] == ':')
				sum[i] += atol(line + n + 1);
			if (i == 0 && !strncmp(line, "Pss:", 4))
				pss += atol(line + 4);
		}
	at = slurp("/proc/self/smaps_rollup");
	CHECK(strstr(at, " ---p 00000000 00:00 0 "));
	CHECK(!strncmp(at + 73, "[rollup]\n", 9));
	for (int i = 0; i < 6; i++) {
		got = value_in(at, names[i]);
		CHECK(got >= sum[i] - 16 && got <= sum[i] + 16);
	}
	got = value_in(at, "Pss");
	CHECK(got >= pss - 16 && got <= pss + 64); /* the sum rounds once */
	CHECK(value_in(at, "Pss_Anon") >= 200);
	CHECK(value_in(at, "Pss_File") >= 0 && value_in(at, "Pss_Shmem") >= 0);
	CHECK(labs(value_in(at, "Pss_Anon") + value_in(at, "Pss_File") + value_in(at, "Pss_Shmem") - got) <= 3);
}

/* ---- status and statm ---- */

TEST(status_rss_is_the_sum_of_its_kinds)
{
	char *anon = map_anon(256), *shm, *s;
	long rss, sum = 0;
	char *line;

	memset(anon, 1, 256 * PAGE);
	shm = mmap(NULL, 256 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(shm, 1, 256 * PAGE);
	s = slurp("/proc/self/status");
	rss = value_in(s, "VmRSS");
	CHECK_EQ(value_in(s, "RssAnon") + value_in(s, "RssFile") + value_in(s, "RssShmem"), rss);
	CHECK(value_in(s, "RssShmem") >= 1024 - 300); /* counters may lag by a batch of pages */
	CHECK(value_in(s, "RssAnon") >= 1024 - 300);
	CHECK(value_in(s, "VmHWM") >= rss);
	CHECK(value_in(s, "VmPeak") >= value_in(s, "VmSize"));
	s = slurp("/proc/self/smaps");
	while ((line = next_line(&s)))
		if (!strncmp(line, "Rss:", 4))
			sum += atol(line + 4);
	CHECK(labs(sum - status_kb("VmRSS")) <= 600);
}

TEST(status_lines_are_in_columns)
{
	static const char *const names[] = { "VmPeak", "VmSize", "VmLck", "VmPin", "VmHWM", "VmRSS", "RssAnon",
					     "RssFile", "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE",
					     "VmSwap", "HugetlbPages" };
	char *at = slurp("/proc/self/status"), *line;

	do
		CHECK((line = next_line(&at)));
	while (strncmp(line, "VmPeak", 6));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char want[64];

		snprintf(want, sizeof(want), "%s:\t%8ld kB", names[i], atol(line + strlen(names[i]) + 1));
		CHECK(!strcmp(line, want));
		CHECK((line = next_line(&at)));
	}
}

TEST(status_sizes_follow_mappings)
{
	long size = status_kb("VmSize"), data = status_kb("VmData"), peak;
	char *p = map_anon(256);

	CHECK_EQ(status_kb("VmSize"), size + 1024);
	CHECK_EQ(status_kb("VmData"), data + 1024);
	CHECK(!mprotect(p, 128 * PAGE, PROT_READ));
	CHECK_EQ(status_kb("VmData"), data + 512);
	peak = status_kb("VmPeak");
	CHECK(!munmap(p, 256 * PAGE));
	CHECK_EQ(status_kb("VmSize"), size);
	CHECK_EQ(status_kb("VmPeak"), peak);
	CHECK(peak >= size + 1024);
}

TEST(status_peak_survives_dontneed)
{
	char *p = map_anon(1024);
	long rss;

	memset(p, 1, 1024 * PAGE);
	rss = status_kb("VmRSS");
	CHECK(!madvise(p, 1024 * PAGE, MADV_DONTNEED));
	CHECK(status_kb("VmRSS") < rss - 3000);
	ONLY_6_1(); /* later the peak is noted from counters of each CPU, which are not exact */
	CHECK(status_kb("VmHWM") >= rss - 300);
}

TEST(statm_is_status_in_pages)
{
	long v[7], rss;
	char *s;

	memset(map_anon(100), 1, 100 * PAGE);
	s = slurp("/proc/self/statm");
	CHECK_EQ(sscanf(s, "%ld %ld %ld %ld %ld %ld %ld", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]), 7);
	CHECK(v[4] == 0 && v[6] == 0);
	s = slurp("/proc/self/status");
	CHECK_EQ(v[0] * 4, value_in(s, "VmSize"));
	rss = value_in(s, "VmRSS");
	CHECK(labs(v[1] * 4 - rss) <= 300);
	CHECK(labs(v[2] * 4 - (value_in(s, "RssFile") + value_in(s, "RssShmem"))) <= 300);
	CHECK_EQ(v[3] * 4, value_in(s, "VmExe"));
	CHECK_EQ(v[5] * 4, value_in(s, "VmData") + value_in(s, "VmStk"));
}

TEST(stat_vsize_and_rss)
{
	char *s = slurp("/proc/self/stat"), *at = strrchr(s, ')');
	unsigned long vsize = 0;
	long rss = 0;

	CHECK(at);
	CHECK_EQ(sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %lu %ld",
			&vsize, &rss), 2);
	s = slurp("/proc/self/status");
	CHECK_EQ(vsize / 1024, value_in(s, "VmSize"));
	CHECK(labs(rss * 4 - value_in(s, "VmRSS")) <= 300);
}

/* ---- pagemap ---- */

#define PM_PRESENT (1ull << 63)
#define PM_SWAP (1ull << 62)
#define PM_FILE (1ull << 61)
#define PM_EXCLUSIVE (1ull << 56)
#define PM_FRAME ((1ull << 55) - 1)

static uint64_t pagemap_of(void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t word;

	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, &word, 8, (unsigned long)addr / PAGE * 8), 8);
	close(fd);
	return word;
}

TEST(pagemap_bits)
{
	char *p = map_anon(4), *shm, c;
	int go[2], done[2];
	pid_t pid;

	CHECK(!madvise(p, 4 * PAGE, MADV_NOHUGEPAGE) || errno == EINVAL);
	p[PAGE] = 1;
	CHECK_EQ(pagemap_of(p) & (PM_PRESENT | PM_SWAP | PM_FRAME), 0);
	CHECK_EQ(pagemap_of(p + PAGE) & (PM_PRESENT | PM_SWAP | PM_FILE | PM_EXCLUSIVE), PM_PRESENT | PM_EXCLUSIVE);
	shm = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shm[0] = 1;
	CHECK_EQ(pagemap_of(shm) & (PM_PRESENT | PM_FILE | PM_EXCLUSIVE), PM_PRESENT | PM_FILE | PM_EXCLUSIVE);
	CHECK(!pipe(go) && !pipe(done));
	pid = CHILD({
		c = shm[0];
		CHECK_EQ(write(done[1], "x", 1), 1);
		CHECK_EQ(read(go[0], &c, 1), 1);
	});
	CHECK_EQ(read(done[0], &c, 1), 1);
	CHECK_EQ(pagemap_of(p + PAGE) & PM_EXCLUSIVE, 0);
	CHECK_EQ(pagemap_of(shm) & PM_EXCLUSIVE, 0);
	CHECK_EQ(write(go[1], "x", 1), 1);
	WAIT_OK(pid);
	CHECK_EQ(pagemap_of(shm) & PM_EXCLUSIVE, PM_EXCLUSIVE);
	CHECK(!munmap(p + PAGE, PAGE));
	CHECK_EQ(pagemap_of(p + PAGE) & PM_PRESENT, 0);
}

TEST(pagemap_shows_the_same_frame)
{
	int fd = syscall(SYS_memfd_create, "m", 0);
	char *p, *q;

	if (geteuid())
		SKIP("frame numbers are for the privileged");
	CHECK(!ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, PAGE);
	p[PAGE] = q[0] = 1;
	if (!(pagemap_of(q) & PM_FRAME))
		SKIP("this kernel hides frames from root too");
	CHECK_EQ(pagemap_of(q) & PM_FRAME, pagemap_of(p + PAGE) & PM_FRAME);
	CHECK((pagemap_of(p) & PM_FRAME) != (pagemap_of(q) & PM_FRAME));
}

TEST(pagemap_hides_frames)
{
	char *p = map_anon(1);

	if (geteuid())
		SKIP("needs root to drop capabilities");
	p[0] = 1;
	become(STRANGER);
	CHECK(!prctl(PR_SET_DUMPABLE, 1)); /* or our own files in /proc are root's */
	CHECK_EQ(pagemap_of(p) & (PM_PRESENT | PM_FRAME), PM_PRESENT);
}

TEST(pagemap_reads_whole_words)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t w[3];
	char *p = map_anon(3);

	p[0] = p[2 * PAGE] = 1;
	CHECK_ERR(pread(fd, w, 7, 0), EINVAL);
	CHECK_ERR(pread(fd, w, 8, 4), EINVAL);
	CHECK_EQ(pread(fd, w, 24, (unsigned long)p / PAGE * 8), 24);
	CHECK(w[0] & PM_PRESENT && !(w[1] & PM_PRESENT) && w[2] & PM_PRESENT);
	CHECK_EQ(pread(fd, w, 8, 0), 8);
	CHECK_EQ(w[0] & PM_PRESENT, 0);
	CHECK_EQ(pread(fd, w, 8, 1l << 50), 0);
	CHECK_EQ(lseek(fd, (unsigned long)p / PAGE * 8, SEEK_SET), (long)((unsigned long)p / PAGE * 8));
	CHECK_EQ(read(fd, w, 8), 8);
	CHECK(w[0] & PM_PRESENT);
}

/* ---- clear_refs ---- */

static ssize_t clear_refs(const char *what)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	ssize_t n = write(fd, what, strlen(what));

	close(fd);
	return n;
}

TEST(clear_refs_forgets_accesses)
{
	char *p = map_anon(16);
	int fd;

	CHECK(!madvise(p, 16 * PAGE, MADV_NOHUGEPAGE) || errno == EINVAL);
	memset(p, 1, 16 * PAGE);
	CHECK_EQ(value_in(smap_of(p), "Referenced"), 64);
	CHECK_EQ(clear_refs("1"), 1);
	CHECK_EQ(value_in(smap_of(p), "Referenced"), 0);
	CHECK_EQ(value_in(smap_of(p), "Rss"), 64);
	p[3 * PAGE] = 2; /* seen only once the TLB forgot the page: Linux does not hurry it */
	CHECK(value_in(smap_of(p), "Referenced") <= 4);
	CHECK(!madvise(p, PAGE, MADV_DONTNEED));
	p[0] = 1;
	CHECK(value_in(smap_of(p), "Referenced") >= 4);
	CHECK_EQ(clear_refs("3\n"), 2); /* files only */
	CHECK(value_in(smap_of(p), "Referenced") >= 4);
	CHECK_EQ(clear_refs("2"), 1);
	CHECK_EQ(value_in(smap_of(p), "Referenced"), 0);
	CHECK_EQ(clear_refs("4"), 1);
	CHECK_ERR(clear_refs("0"), EINVAL);
	CHECK_ERR(clear_refs("6"), EINVAL);
	CHECK_ERR(clear_refs("x"), EINVAL);
	CHECK(open("/proc/self/clear_refs", O_WRONLY) >= 0);
	fd = open("/proc/self/clear_refs", O_RDONLY);
	if (fd >= 0) /* root may open what has no read permission */
		CHECK(read(fd, p, 1) == -1 && errno == EINVAL);
}

#define PM_SOFT_DIRTY (1ull << 55)

TEST(soft_dirty_tells_what_was_stored_to)
{
	char *p = map_anon(8), *shm = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;
	int fd;

	CHECK(!madvise(p, 8 * PAGE, MADV_NOHUGEPAGE) || errno == EINVAL);
	memset(p, 1, 8 * PAGE);
	shm[0] = shm[PAGE] = 1;
	if (!(pagemap_of(p) & PM_SOFT_DIRTY))
		SKIP("this kernel keeps no soft-dirty bits");
	CHECK_EQ(clear_refs("4"), 1);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(pagemap_of(p + i * PAGE) & PM_SOFT_DIRTY, 0);
	CHECK_EQ(pagemap_of(shm) & PM_SOFT_DIRTY, 0);
	p[3 * PAGE] = 2;
	CHECK_EQ(((volatile char *)p)[4 * PAGE], 1);
	shm[PAGE] = 3;
	for (int i = 0; i < 8; i++)
		CHECK_EQ(!!(pagemap_of(p + i * PAGE) & PM_SOFT_DIRTY), i == 3);
	CHECK(!(pagemap_of(shm) & PM_SOFT_DIRTY) && pagemap_of(shm + PAGE) & PM_SOFT_DIRTY);
	CHECK(p[3 * PAGE] == 2 && p[4 * PAGE] == 1);
	/* A new mapping is all new, though nobody touched it. */
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(pagemap_of(q) & PM_SOFT_DIRTY);
	/* The kernel's own stores count as well. */
	CHECK_EQ(pread(open("/proc/self/exe", O_RDONLY), p + 6 * PAGE, 1, 0), 1);
	CHECK(pagemap_of(p + 6 * PAGE) & PM_SOFT_DIRTY);
	/* Writing a file's page to the disk makes it clean for the disk, not for the watcher. */
	fd = open("f", O_RDWR | O_CREAT, 0600);
	CHECK(!ftruncate(fd, PAGE));
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	q[0] = 1;
	CHECK_EQ(clear_refs("4"), 1);
	CHECK_EQ(pagemap_of(q) & PM_SOFT_DIRTY, 0);
	q[0] = 2;
	CHECK(!fsync(fd));
	CHECK(pagemap_of(q) & PM_SOFT_DIRTY);
	/* What moved is new where it is now. */
	q = mmap(NULL, 8 * PAGE, PROT_NONE, ANON, -1, 0);
	CHECK(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK(pagemap_of(q + PAGE) & PM_SOFT_DIRTY);
	CHECK_EQ(q[PAGE], 1);
	WAIT_OK(CHILD({
		q[0] = 5;
		CHECK_EQ(clear_refs("4"), 1);
		CHECK_EQ(q[0], 5);
		q[0] = 6;
		CHECK(q[0] == 6 && pagemap_of(q) & PM_SOFT_DIRTY);
	}));
	CHECK_EQ(q[0], 1);
}

TEST(clear_refs_resets_the_peak)
{
	char *p = map_anon(2048);

	memset(p, 1, 2048 * PAGE);
	CHECK(!munmap(p, 2048 * PAGE));
	CHECK(status_kb("VmHWM") >= 8000);
	CHECK_EQ(clear_refs("5"), 1);
	CHECK(status_kb("VmHWM") < 8000);
}

/* ---- the machine ---- */

TEST(meminfo_adds_up)
{
	static const char *const names[] = {
		"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active", "Inactive",
		"Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped", "Shmem", "KReclaimable",
		"Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "CommitLimit", "Committed_AS",
		"VmallocTotal", "VmallocUsed",
	};
	long v[sizeof(names) / sizeof(*names)];
	char *s = slurp("/proc/meminfo");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char line[64], *at;

		v[i] = value_in(s, names[i]);
		if (v[i] < 0)
			ABI_FAIL("no %s", names[i]);
		snprintf(line, sizeof(line), "%s:%*s%8ld kB\n", names[i], 15 - (int)strlen(names[i]), "", v[i]);
		at = strstr(s, line);
		if (!at)
			ABI_FAIL("%s is not in its columns", names[i]);
	}
	CHECK(v[1] < v[0] && v[2] < v[0] && v[2] > 0);
	CHECK(labs(v[6] - v[8] - v[10]) <= 4096 && labs(v[7] - v[9] - v[11]) <= 4096);
	CHECK_EQ(v[20], v[21] + v[22]);
	CHECK(v[19] >= v[21]);
	CHECK(v[1] + v[3] + v[4] + v[16] + v[20] + v[23] + v[24] <= v[0] + 4096);
	CHECK(v[4] >= v[18]); /* shared memory is in Cached */
	CHECK(v[13] <= v[12]);
}

static long meminfo(const char *name)
{
	return proc_kb("/proc/meminfo", name);
}

TEST(meminfo_follows_use)
{
	long anon, shmem, mapped, tables, avail;
	char *p, *q;

	OWN_MACHINE();
	anon = meminfo("AnonPages");
	avail = meminfo("MemAvailable");
	p = map_anon(32768);
	memset(p, 1, 32768 * PAGE);
	CHECK(meminfo("AnonPages") >= anon + 131072 - 1024);
	CHECK(meminfo("MemAvailable") <= avail - 131072 / 2); /* Linux does not count what its CPUs keep free */
	CHECK(!munmap(p, 32768 * PAGE));
	CHECK(meminfo("AnonPages") <= anon + 1024);
	shmem = meminfo("Shmem");
	mapped = meminfo("Mapped");
	p = mmap(NULL, 1024 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, 1024 * PAGE);
	CHECK(meminfo("Shmem") >= shmem + 4096 - 512);
	CHECK(meminfo("Mapped") >= mapped + 4096 - 512);
	q = mremap(p, 0, 1024 * PAGE, MREMAP_MAYMOVE); /* mapped twice: still once in memory */
	CHECK(q != MAP_FAILED);
	for (int i = 0; i < 1024; i++)
		CHECK_EQ(((volatile char *)q)[i * PAGE], 1);
	CHECK(meminfo("Mapped") <= mapped + 4096 + 1024);
	CHECK(!munmap(q, 1024 * PAGE) && !munmap(p, 1024 * PAGE));
	CHECK(meminfo("Shmem") <= shmem + 512 && meminfo("Mapped") <= mapped + 512);
	tables = meminfo("PageTables");
	p = mmap(NULL, 1ul << 32, RW, ANON | MAP_NORESERVE, -1, 0);
	CHECK(!madvise(p, 1ul << 32, MADV_NOHUGEPAGE) || errno == EINVAL);
	for (int i = 0; i < 1024; i++)
		p[(unsigned long)i << 22] = 1;
	CHECK(meminfo("PageTables") >= tables + 4096 - 64);
	CHECK(status_kb("VmPTE") >= 4096);
	CHECK(!munmap(p, 1ul << 32));
	CHECK(meminfo("PageTables") <= tables + 512);
}

TEST(vmstat_counts)
{
	static const char *const names[] = { "nr_free_pages", "nr_inactive_anon", "nr_active_anon", "nr_inactive_file",
					     "nr_active_file", "nr_anon_pages", "nr_mapped", "nr_file_pages",
					     "nr_dirty", "nr_writeback", "nr_shmem", "nr_slab_reclaimable",
					     "nr_slab_unreclaimable", "nr_page_table_pages", "nr_kernel_stack",
					     "pgpgin", "pgpgout", "pgfault", "pgmajfault", "pgfree", "oom_kill" };
	long faults[2];

	for (int round = 0; round < 2; round++) {
		char *s = slurp("/proc/vmstat");

		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			char want[64], *at;

			snprintf(want, sizeof(want), "%s ", names[i]);
			at = strstr(s, want);
			if (!at || (at != s && at[-1] != '\n') || !isdigit(at[strlen(want)]))
				ABI_FAIL("no %s", names[i]);
			if (!strcmp(names[i], "pgfault"))
				faults[round] = atol(at + strlen(want));
		}
		if (!round) {
			char *p = map_anon(500);

			CHECK(!madvise(p, 500 * PAGE, MADV_NOHUGEPAGE) || errno == EINVAL);
			memset(p, 1, 500 * PAGE);
		}
	}
	CHECK(faults[1] - faults[0] >= 500);
}

TEST(proc_memory_files_are_private)
{
	static const char *const names[] = { "maps", "smaps", "smaps_rollup", "pagemap", "mem" };
	char path[64];
	pid_t pid;

	if (geteuid())
		SKIP("needs root to be somebody else");
	pid = CHILD(for (;;) pause());
	WAIT_OK(CHILD({
		become(STRANGER);
		for (int i = 0; i < 5; i++) {
			snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
			CHECK_ERR(open(path, O_RDONLY), EACCES);
		}
		snprintf(path, sizeof(path), "/proc/%d/statm", pid);
		CHECK(open(path, O_RDONLY) >= 0);
	}));
	CHECK(!kill(pid, SIGKILL));
	WAIT_SIGNAL(pid, SIGKILL);
}

/* Thousands of mappings: read in odd pieces and at once the text is the same, and a far part alone, too. */
TEST(long_maps_in_pieces)
{
	static char whole[1 << 20], parts[1 << 20];
	size_t len = 0, got = 0;
	ssize_t n;
	int fd;

	for (int i = 0; i < 3000; i++)
		CHECK(mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_NONE, ANON, -1, 0) != MAP_FAILED);
	fd = open("/proc/self/maps", O_RDONLY);
	CHECK(fd >= 0);
	while ((n = read(fd, whole + len, sizeof(whole) - len)) > 0)
		len += (size_t)n;
	CHECK(n == 0 && len > 100000);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, parts + got, 777)) > 0)
		got += (size_t)n;
	CHECK_EQ(got, len);
	CHECK(!memcmp(whole, parts, len));
	CHECK_EQ(pread(fd, parts, 100, (off_t)len / 2), 100);
	CHECK(!memcmp(parts, whole + len / 2, 100));
}

/* A set-user-ID program could be looked at with a descriptor opened before its exec. */
struct before_exec {
	const char *what;
	ssize_t read; /* what reading gives afterwards */
};
static const struct before_exec before_exec[] = {
	{ "maps", 0 },
	{ "smaps", 0 },
	{ "environ", 0 },
	{ "smaps_rollup", -ESRCH },
};

TEST_ROWS(a_text_opened_before_exec_shows_nothing_of_the_new_program, before_exec)
{
	int done[2], hold[2], go[2], fd;
	char path[64], buf[256];
	ssize_t n;
	pid_t pid;

	CHECK(!pipe2(done, O_CLOEXEC) && !pipe2(hold, O_CLOEXEC) && !pipe2(go, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		dup2(hold[0], 0);
		if (read(go[0], buf, 1) == 1)
			execl("/bin/sh", "sh", "-c", "read x", NULL);
		_exit(1);
	}
	close(done[1]);
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, row->what);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(go[1], "", 1), 1);
	CHECK_EQ(read(done[0], buf, 1), 0); /* exec closed it */
	n = read(fd, buf, sizeof(buf));
	CHECK_EQ(n < 0 ? -errno : n, row->read);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}
