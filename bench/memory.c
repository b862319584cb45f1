// SPDX-License-Identifier: MIT
/*
 * What memory costs: one line a row for bench/memory, "name<tab>nanoseconds".
 *
 *     memory [WORD]      only the rows that have WORD in their name
 *
 * Each row runs its operation in batches and prints the time of one operation in the least disturbed batch.
 * Anonymous memory is measured with 4 KiB pages (MADV_NOHUGEPAGE) and, where it says so, with 2 MiB ones.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define MIB (1ul << 20)
#define HUGE (2 * MIB)
#define BATCHES 7

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

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

/* ---- rows: each takes a batch's time, and says how many operations that were ---- */

static char *area; /* 64 MiB with 4 KiB pages */
static char *large; /* the same with 2 MiB pages */
static int file;   /* 64 MiB, cached */
static char *buffer; /* 1 MiB */

static unsigned long getppid_calls(void)
{
	for (int i = 0; i < 100000; i++)
		syscall(SYS_getppid);
	return 100000;
}

static unsigned long first_touch(void)
{
	touch(area, 64 * MIB);
	return 64 * MIB / PAGE;
}

static unsigned long first_touch_large(void)
{
	touch(large, 64 * MIB);
	return 64 * MIB / PAGE;
}

static unsigned long fork_and_wait(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return 20;
}

static unsigned long map_unmap_page(void)
{
	for (int i = 0; i < 20000; i++) {
		void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, PAGE);
	}
	return 20000;
}

static unsigned long map_touch_unmap(void)
{
	for (int i = 0; i < 100; i++) {
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		touch(p, MIB);
		munmap(p, MIB);
	}
	return 100;
}

static unsigned long read_file(size_t at_once)
{
	for (off_t at = 0; at < (off_t)(64 * MIB); at += (off_t)at_once)
		if (pread(file, buffer, at_once, at) != (ssize_t)at_once)
			die("pread");
	return 64 * MIB / at_once;
}

static unsigned long read_large(void)
{
	return read_file(MIB);
}

static unsigned long read_small(void)
{
	return read_file(PAGE);
}

static unsigned long map_file(void)
{
	char *p = mmap(NULL, 64 * MIB, PROT_READ, MAP_SHARED, file, 0);

	if (p == MAP_FAILED)
		die("mmap a file");
	look(p, 64 * MIB);
	munmap(p, 64 * MIB);
	return 64 * MIB / PAGE;
}

/* The child holds the other reference until the batch is over. */
static pid_t holder;
static int hold[2];

static void fork_holder(void)
{
	touch(area, 16 * MIB);
	if (pipe(hold))
		die("pipe");
	holder = fork();
	if (holder < 0)
		die("fork");
	if (!holder) {
		close(hold[1]);
		_exit(read(hold[0], buffer, 1) < 0);
	}
	close(hold[0]);
}

static void end_holder(void)
{
	close(hold[1]);
	waitpid(holder, NULL, 0);
}

static unsigned long store_after_fork(void)
{
	touch(area, 16 * MIB);
	return 16 * MIB / PAGE;
}

static unsigned long protect(size_t len, int times)
{
	for (int i = 0; i < times; i++) {
		mprotect(area, len, PROT_READ);
		mprotect(area, len, PROT_READ | PROT_WRITE);
		touch(area, len);
	}
	return (unsigned long)times;
}

static unsigned long protect_page(void)
{
	return protect(PAGE, 10000);
}

static unsigned long protect_megabyte(void)
{
	return protect(MIB, 200);
}

static unsigned long grow_heap(void)
{
	char *start = (char *)syscall(SYS_brk, 0);

	for (size_t i = 1; i <= 2000; i++) {
		if ((char *)syscall(SYS_brk, start + i * PAGE) != start + i * PAGE)
			die("brk");
		touch(start + (i - 1) * PAGE, PAGE);
	}
	syscall(SYS_brk, start);
	return 2000;
}

/* ---- running them ---- */

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

static const struct row {
	const char *name;
	unsigned long (*run)(void);
	void (*before)(void), (*after)(void); /* each batch, untimed */
} rows[] = {
	{ "getppid", getppid_calls, NULL, NULL },
	{ "first touch, a page of 64 MiB", first_touch, empty_areas, NULL },
	{ "first touch, the same, 2 MiB pages", first_touch_large, empty_areas, NULL },
	{ "fork, exit, wait: 1 MiB", fork_and_wait, touch_megabyte, NULL },
	{ "fork, exit, wait: 64 MiB", fork_and_wait, touch_small_pages, NULL },
	{ "fork, exit, wait: 64 MiB, 2 MiB pages", fork_and_wait, touch_large_pages, NULL },
	{ "mmap, munmap 4 KiB", map_unmap_page, NULL, NULL },
	{ "mmap, touch, munmap 1 MiB", map_touch_unmap, NULL, NULL },
	{ "read 1 MiB of a cached file", read_large, NULL, NULL },
	{ "read 4 KiB of a cached file", read_small, NULL, NULL },
	{ "mapped page of a cached file", map_file, NULL, NULL },
	{ "store to a page after fork", store_after_fork, fork_holder, end_holder },
	{ "mprotect 4 KiB, back, store", protect_page, touch_megabyte, NULL },
	{ "mprotect 1 MiB, back, store", protect_megabyte, touch_megabyte, NULL },
	{ "grow the heap by a page, store", grow_heap, empty_areas, NULL },
};

static uint64_t batch(const struct row *r)
{
	unsigned long n;
	uint64_t t;

	if (r->before)
		r->before();
	t = now();
	n = r->run();
	t = (now() - t) * 100 / n;
	if (r->after)
		r->after();
	return t;
}

static void prepare(void)
{
	area = map(64 * MIB, MADV_NOHUGEPAGE);
	large = map(64 * MIB, MADV_HUGEPAGE);
	buffer = map(MIB, MADV_NOHUGEPAGE);
	memset(buffer, 1, MIB);
	file = open("/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0)
		die("/bench-file");
	for (int i = 0; i < 64; i++)
		if (write(file, buffer, MIB) != (ssize_t)MIB)
			die("write");
	fsync(file);
}

int main(int argc, char **argv)
{
	prepare();
	touch_small_pages(); /* memory that the machine has not used before costs more */
	touch_large_pages();
	for (const struct row *r = rows; r < rows + sizeof(rows) / sizeof(*rows); r++) {
		uint64_t best = UINT64_MAX, t;

		if (argc > 1 && !strstr(r->name, argv[1]))
			continue;
		for (int i = 0; i < BATCHES; i++) {
			t = batch(r);
			best = t < best ? t : best;
		}
		printf("%s\t%llu.%02llu\n", r->name, (unsigned long long)best / 100,
		       (unsigned long long)best % 100);
		fflush(stdout);
	}
	return 0;
}
