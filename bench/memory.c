// SPDX-License-Identifier: MIT
/*
 * What memory costs: faults, fork, mappings, cached files that are mapped.
 *
 * Anonymous memory is measured with 4 KiB pages (MADV_NOHUGEPAGE) and, where it says so, with 2 MiB ones.
 */
#include "row.h"

#define HUGE (2 * MIB)

/* An aligned mapping, alone: nothing beside it that a later mapping would join. */
static char *map(size_t len, int advice)
{
	char *p = mmap(NULL, len + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));

	if (p == MAP_FAILED)
		die("mmap");
	if (at > p)
		munmap(p, (size_t)(at - p));
	munmap(at + len, (size_t)(p + HUGE - at));
	madvise(at, len, advice);
	return at;
}

static void touch(char *p, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		*(volatile char *)(p + i) = 1;
}

static void look(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		(void)*(const volatile char *)(p + i);
}

static char *area; /* 64 MiB with 4 KiB pages */
static char *large; /* the same with 2 MiB pages */
static int file;   /* 64 MiB, cached */

static void first_touch(unsigned long n)
{
	touch(area, n * PAGE);
}

static void first_touch_large(unsigned long n)
{
	touch(large, n * PAGE);
}

static void fork_and_wait(unsigned long n)
{
	TIMES(n) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void map_unmap_page(unsigned long n)
{
	TIMES(n) {
		void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, PAGE);
	}
}

static void map_touch_unmap(unsigned long n)
{
	TIMES(n) {
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		touch(p, MIB);
		munmap(p, MIB);
	}
}

static void map_file(unsigned long n)
{
	char *p = mmap(NULL, n * PAGE, PROT_READ, MAP_SHARED, file, 0);

	if (p == MAP_FAILED)
		die("mmap a file");
	look(p, n * PAGE);
	munmap(p, n * PAGE);
}

/* The child holds the other reference until the batch is over. */
static pid_t holder;
static int hold[2];

static void fork_holder(void)
{
	char c;

	touch(area, 16 * MIB);
	if (pipe(hold))
		die("pipe");
	holder = fork();
	if (holder < 0)
		die("fork");
	if (!holder) {
		close(hold[1]);
		_exit(read(hold[0], &c, 1) < 0);
	}
	close(hold[0]);
}

static void end_holder(void)
{
	close(hold[1]);
	waitpid(holder, NULL, 0);
}

static void store_after_fork(unsigned long n)
{
	touch(area, n * PAGE);
}

static void protect(size_t len, unsigned long n)
{
	TIMES(n) {
		mprotect(area, len, PROT_READ);
		mprotect(area, len, PROT_READ | PROT_WRITE);
		touch(area, len);
	}
}

static void protect_page(unsigned long n)
{
	protect(PAGE, n);
}

static void protect_megabyte(unsigned long n)
{
	protect(MIB, n);
}

static void grow_heap(unsigned long n)
{
	char *start = (char *)syscall(SYS_brk, 0);

	for (size_t i = 1; i <= n; i++) {
		if ((char *)syscall(SYS_brk, start + i * PAGE) != start + i * PAGE)
			die("brk");
		touch(start + (i - 1) * PAGE, PAGE);
	}
	syscall(SYS_brk, start);
}

/* ---- what is there before a batch ---- */

static void empty_areas(void)
{
	madvise(area, 64 * MIB, MADV_DONTNEED);
	madvise(large, 64 * MIB, MADV_DONTNEED);
}

static void touch_megabyte(void)
{
	empty_areas();
	touch(area, MIB);
}

static void touch_small_pages(void)
{
	empty_areas();
	touch(area, 64 * MIB);
}

static void touch_large_pages(void)
{
	empty_areas();
	touch(large, 64 * MIB);
}

/* Memory that the machine has not used before costs more: all has been used when measuring starts. */
static void prepare(void)
{
	area = map(64 * MIB, MADV_NOHUGEPAGE);
	large = map(64 * MIB, MADV_HUGEPAGE);
	touch(area, 64 * MIB);
	touch(large, 64 * MIB);
}

static void make_file(void)
{
	prepare();
	file = MUST(open("bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	for (size_t i = 0; i < 64; i++)
		MUST(write(file, large + i * MIB, MIB));
	fsync(file);
}

static void remove_file(void)
{
	unlink("bench-file");
}

#define ROW(text, f, ...) { .name = text, .run = f, .setup = prepare, __VA_ARGS__ }
#define PAGES_OF(bytes) .fixed = (bytes) / PAGE

static const struct row rows[] = {
	ROW("first touch, a page of 64 MiB", first_touch, .before = empty_areas, PAGES_OF(64 * MIB)),
	ROW("first touch, 2 MiB pages", first_touch_large, .before = empty_areas, PAGES_OF(64 * MIB)),
	ROW("fork, wait: 1 MiB", fork_and_wait, .before = touch_megabyte, .fixed = 20),
	ROW("fork, wait: 64 MiB", fork_and_wait, .before = touch_small_pages, .fixed = 20),
	ROW("fork, wait: 64 MiB, 2 MiB pages", fork_and_wait, .before = touch_large_pages, .fixed = 20),
	ROW("mmap, munmap 4 KiB", map_unmap_page),
	ROW("mmap, touch, munmap 1 MiB", map_touch_unmap),
	{ .name = "mapped page of a cached file", .run = map_file, .setup = make_file, PAGES_OF(64 * MIB),
	  .cleanup = remove_file },
	ROW("store to a page after fork", store_after_fork, .before = fork_holder, .after = end_holder,
	    PAGES_OF(16 * MIB)),
	ROW("mprotect 4 KiB, back, store", protect_page, .before = touch_megabyte, .fixed = 5000),
	ROW("mprotect 1 MiB, back, store", protect_megabyte, .before = touch_megabyte, .fixed = 100),
	ROW("grow the heap by a page, store", grow_heap, .before = empty_areas, .fixed = 2000),
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
