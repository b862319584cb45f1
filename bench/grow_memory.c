// SPDX-License-Identifier: MIT
/* How the cost of memory grows: the number of mappings, and the MiB that are there. */
#include "row.h"

static char *area;

static char *anonymous(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, len, MADV_NOHUGEPAGE);
	return p;
}

static void touch(char *p, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		*(volatile char *)(p + i) = 1;
}

/* ---- @size mappings: every other page has other rights, so that they do not join ---- */

static void make_mappings(void)
{
	area = anonymous((size_t)size * PAGE);
	for (long i = 0; i < size; i += 2)
		MUST(mprotect(area + (size_t)i * PAGE, PAGE, PROT_READ));
}

static char *some_mapping(unsigned long i)
{
	return area + (i * 7919 % (unsigned long)size | 1) * PAGE;
}

static void map_unmap(unsigned long n)
{
	TIMES(n)
		munmap(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), PAGE);
}

static void fault(unsigned long n)
{
	TIMES(n) {
		char *p = some_mapping(i_);

		*(volatile char *)p = 1;
		madvise(p, PAGE, MADV_DONTNEED);
	}
}

static void split_join(unsigned long n)
{
	TIMES(n) {
		char *p = some_mapping(i_);

		MUST(mprotect(p, PAGE, PROT_READ));
		MUST(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	}
}

static void fork_wait(unsigned long n)
{
	TIMES(n) {
		pid_t pid = MUST(fork());

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void read_maps(unsigned long n)
{
	static char text[65536];

	TIMES(n) {
		int fd = MUST(open("/proc/self/maps", O_RDONLY));

		while (read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
	}
}

static void unmap_all(unsigned long n)
{
	(void)n;
	munmap(area, (size_t)size * PAGE);
}

/* ---- @size MiB ---- */

static size_t bytes(void)
{
	return (size_t)size * MIB;
}

static void make_area(void)
{
	area = anonymous(bytes());
}

static void fill_area(void)
{
	make_area();
	touch(area, bytes());
}

static void first_touch(unsigned long n)
{
	(void)n;
	touch(area, bytes());
}

static void unmap(unsigned long n)
{
	(void)n;
	munmap(area, bytes());
}

static void unmap_after(void)
{
	munmap(area, bytes());
}

static void dont_need(unsigned long n)
{
	(void)n;
	madvise(area, bytes(), MADV_DONTNEED);
}

static void protect_all(unsigned long n)
{
	TIMES(n) {
		mprotect(area, bytes(), PROT_READ);
		mprotect(area, bytes(), PROT_READ | PROT_WRITE);
	}
}

static void move_all(unsigned long n)
{
	char *to = mmap(NULL, bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TIMES(n) {
		char *from = area;

		area = mremap(from, bytes(), bytes(), MREMAP_MAYMOVE | MREMAP_FIXED, to);
		if (area == MAP_FAILED)
			die("mremap");
		to = from;
	}
}

static void mincore_all(unsigned long n)
{
	unsigned char *v = malloc(bytes() / PAGE);

	TIMES(n)
		MUST(mincore(area, bytes(), v));
	free(v);
}

static const struct row rows[] = {
	SIZES("mmap, munmap among mappings", 10, 100, 1000, 10000, .run = map_unmap, .setup = make_mappings),
	SIZES("fault among mappings", 10, 100, 1000, 10000, .run = fault, .setup = make_mappings),
	SIZES("split, join among mappings", 10, 100, 1000, 10000, .run = split_join, .setup = make_mappings),
	SIZES("fork, wait with mappings", 10, 100, 1000, 10000, .run = fork_wait, .setup = make_mappings),
	SIZES("/proc/self/maps of mappings", 10, 100, 1000, 10000, .run = read_maps, .setup = make_mappings),
	SIZES("munmap of mappings", 10, 100, 1000, 10000, .run = unmap_all, .before = make_mappings, .fixed = 1),
	SIZES("first touch, MiB", 1, 16, 64, 256, .run = first_touch, .before = make_area,
	      .after = unmap_after, .fixed = 1),
	SIZES("munmap, MiB", 1, 16, 64, 256, .run = unmap, .before = fill_area, .fixed = 1),
	SIZES("MADV_DONTNEED, MiB", 1, 16, 64, 256, .run = dont_need, .before = fill_area,
	      .after = unmap_after, .fixed = 1),
	SIZES("fork, wait, MiB", 1, 16, 64, 256, .run = fork_wait, .setup = fill_area),
	SIZES("mprotect, back, MiB", 1, 16, 64, 256, .run = protect_all, .setup = fill_area),
	SIZES("mremap, MiB", 1, 16, 64, 256, .run = move_all, .setup = fill_area),
	SIZES3("mincore, MiB", 1, 16, 256, .run = mincore_all, .setup = fill_area),
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
