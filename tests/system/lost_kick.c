// SPDX-License-Identifier: MIT
/*
 * Half seconds of work that keeps a small disk's queue short and never empty for long, so that
 * the kernel and the device meet at each index (test_lost_kick.py).
 *
 *   lost_kick DIRECTORY ROUNDS
 *
 * WORKERS processes write a file, fsync it, drop its pages, read it back, and
 * remove it.  Each round's work is counted; "rounds N" is printed at the end.
 * What fails is a machine that says nothing any more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define BLOCKS 12
#define BLOCK 4096

static void need(int ok, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void one_file(const char *name, int turn)
{
	static char data[BLOCK], back[BLOCK];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	need(fd >= 0, name);
	memset(data, 'a' + turn % 26, BLOCK);
	for (int i = 0; i < BLOCKS; i++)
		need(pwrite(fd, data, BLOCK, (off_t)i * 2 * BLOCK) == BLOCK, "write");
	need(fsync(fd) == 0, "fsync");
	need(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise");
	for (int i = 0; i < BLOCKS; i++) {
		need(pread(fd, back, BLOCK, (off_t)i * 2 * BLOCK) == BLOCK, "read");
		need(memcmp(data, back, BLOCK) == 0, "what was written");
	}
	need(close(fd) == 0 && unlink(name) == 0, "remove");
}

static void work(int worker, double end)
{
	char name[32];
	int turn = 0;

	snprintf(name, sizeof(name), "file%d", worker);
	do
		one_file(name, turn++);
	while (now() < end);
	exit(0);
}

static void one_round(void)
{
	double end = now() + 0.5;
	int status;

	for (int i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		need(pid >= 0, "fork");
		if (pid == 0)
			work(i, end);
	}
	for (int i = 0; i < WORKERS; i++)
		need(wait(&status) > 0 && status == 0, "a worker");
}

int main(int argc, char **argv)
{
	int rounds = argc == 3 ? atoi(argv[2]) : 0;

	need(rounds > 0 && chdir(argv[1]) == 0, "usage: lost_kick DIRECTORY ROUNDS");
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < rounds; i++) {
		one_round();
		if (i % 50 == 49)
			printf("%d\n", i + 1);
	}
	printf("rounds %d\n", rounds);
	return 0;
}
