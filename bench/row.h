// SPDX-License-Identifier: MIT
/*
 * What every measuring program of bench/ shares: a table of rows, run one after the other.
 *
 *     PROGRAM [-q|-c] [WORD]  only the rows with WORD in their name; -q: one short batch a row;
 *                             -c: the clock counts instructions, and short batches are as exact as long ones
 *
 * Each row runs in a process of its own, so that what it leaves behind (memory, descriptors, threads) does not
 * weigh on the next, and one that fails ends only itself.  The row's operation runs in batches, long enough
 * that the clock does not count, and the least disturbed batch is what counts: "name<tab>nanoseconds", or
 * "name<tab>failed".
 *
 * To add a row: a function that does the operation @n times and a line in the table.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define MIB (1ul << 20)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define TIMES(n) for (unsigned long i_ = 0; i_ < (n); i_++)

struct row {
	const char *name;
	void (*run)(unsigned long n);
	void (*setup)(void);            /* once, untimed */
	void (*before)(void);           /* before each batch, untimed */
	void (*after)(void);            /* after each batch, untimed */
	unsigned long fixed;            /* operations in a batch; 0: as many as fill it */
	long size;                      /* growth: how many there are; SIZES() */
	void (*cleanup)(void);          /* once: what the process's end does not take away */
};

static long size; /* the row's */
static unsigned long batch_ns = 12000000;
static int batches = 5;

__attribute__((unused, noreturn)) static void die(const char *what)
{
	perror(what);
	_exit(1);
}

/* What must not fail, or the row means nothing. */
#define MUST(x)                                                                                    \
	({                                                                                         \
		__typeof__(x) got_ = (x);                                                          \
		if (got_ == (__typeof__(x))-1)                                                     \
			die(#x);                                                                   \
		got_;                                                                              \
	})

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t batch(const struct row *r, unsigned long n)
{
	uint64_t t;

	if (r->before)
		r->before();
	t = now();
	r->run(n);
	t = now() - t;
	if (r->after)
		r->after();
	return t;
}

/* How many operations fill a batch. */
static unsigned long calibrate(const struct row *r)
{
	unsigned long n = 1;
	uint64_t t;

	while ((t = batch(r, n)) < batch_ns / 4 && n < 1ul << 30)
		n *= t < batch_ns / 64 ? 8 : 2;
	n = (unsigned long)((double)n * (double)batch_ns / (double)(t ? t : 1));
	return n ? n : 1;
}

static void measure(const struct row *r)
{
	unsigned long n;
	uint64_t best = UINT64_MAX;

	size = r->size;
	if (r->setup)
		r->setup();
	n = r->fixed ? r->fixed : calibrate(r);
	if (r->fixed > 16 && batches == 1)
		n = r->fixed / 16;
	for (int i = 0; i < batches; i++) {
		uint64_t t = batch(r, n);

		best = t < best ? t : best;
	}
	printf("%s\t%.2f\n", r->name, (double)best / (double)n);
	fflush(stdout);
	if (r->cleanup)
		r->cleanup();
}

/* The row and all its children are one process group, which ends with it. */
static void run_row(const struct row *r)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		setpgid(0, 0);
		alarm(30);
		measure(r);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	if (status)
		printf("%s\tfailed\n", r->name);
	fflush(stdout);
}

static int run_rows(const struct row *rows, size_t count, int argc, char **argv)
{
	struct rlimit many = { 65536, 65536 };
	const char *word = "";

	if (argc > 1 && !strcmp(argv[1], "--nothing")) /* what rows execute */
		return 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-q"))
			batch_ns = 1000000, batches = 1;
		else if (!strcmp(argv[i], "-c"))
			batch_ns = 2000000, batches = 3;
		else
			word = argv[i];
	}
	setrlimit(RLIMIT_NOFILE, &many);
	for (const struct row *r = rows; r < rows + count; r++)
		if (strstr(r->name, word))
			run_row(r);
	return 0;
}

/* Growth: the same operation beside 10, 100 ... other things of its kind; one row a size. */
#define SIZED(text, n, ...) { .name = text ", " #n, .size = n, __VA_ARGS__ }
#define SIZES3(text, a, b, c, ...)                                                                 \
	SIZED(text, a, __VA_ARGS__), SIZED(text, b, __VA_ARGS__), SIZED(text, c, __VA_ARGS__)
#define SIZES(text, a, b, c, d, ...)                                                               \
	SIZES3(text, a, b, c, __VA_ARGS__), SIZED(text, d, __VA_ARGS__)

#endif
