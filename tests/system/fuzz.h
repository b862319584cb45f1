// SPDX-License-Identifier: MIT
/*
 * What the parts of fuzz_calls.c share: random numbers, hostile values, a pool of descriptors.
 *
 * The pool is shared by the threads of a process and not locked: a descriptor that another thread
 * has just closed, or put anew, is wanted here.
 */
#pragma once
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE 4096
#define ARENA_PAGES 64
#define POOL 48

enum kind { ANY, SOCKET, LISTENER, EPOLL, INOTIFY, TIMERFD, EVENTFD, SIGNALFD, PIPE, REGULAR, DIRECTORY, PTY, PIDFD };

static _Thread_local uint64_t random_state;
static _Thread_local sigjmp_buf jump;
static _Thread_local int may_jump;

static struct { int fd; enum kind kind; } pool[POOL];
static char *arena;       /* mapped and not, as the calls on memory left it */
static char *edge;        /* one page, after which nothing is mapped */
static char buffer[65536];

/* xorshift64*: any state but 0 does. */
static uint64_t any(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1du >> 8;
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)(any() % n);
}

static bool one_in(unsigned int n)
{
	return below(n) == 0;
}

#define ONE_IN_ARRAY(type, ...) (((type[]){ __VA_ARGS__ })[below(N(((type[]){ __VA_ARGS__ })))])
#define ONE_OF(...) ONE_IN_ARRAY(long, __VA_ARGS__)
#define ONE_NAME_OF(...) ONE_IN_ARRAY(char *, __VA_ARGS__)

/* A number that arithmetic goes wrong with. */
static long odd(void)
{
	static const long values[] = {
		0, 1, -1, 2, -2, 7, 8, 63, 64, 255, 4095, 4096, 4097, 65535, 65536, INT_MAX, INT_MIN, INT_MAX - 1L,
		1L << 31, 1L << 32, (1L << 32) - 1, (1L << 44) - 1, 1L << 47, LONG_MAX, LONG_MIN, LONG_MAX - 4095,
		LONG_MAX / 2, -4096, -4095,
	};

	if (one_in(4))
		return (long)(any() >> below(56));
	return values[below(N(values))] + (one_in(8) ? (long)below(5) - 2 : 0);
}

/* Mostly a number below @n that makes sense, now and then any. */
static long about(unsigned int n)
{
	return one_in(12) ? odd() : (long)below(n);
}

/* Some bits of @known; now and then unknown ones with them. */
static long bits(unsigned long known)
{
	unsigned long b = known & any() & (one_in(2) ? any() : ~0ul);

	return (long)(one_in(16) ? b | 1ul << below(33) : b);
}

static void *address(void)
{
	return arena + (long)below(ARENA_PAGES) * PAGE;
}

/* Memory for a call to read or write: mostly there. */
static void *memory(void)
{
	switch (below(16)) {
	case 0: return NULL;
	case 1: return (void *)odd();
	case 2: return edge + PAGE - below(64);
	case 3: return (void *)(0xffff800000000000u + any() % (1ul << 40));
	case 4: return address();
	case 5: return (char *)address() + below(PAGE);
	default: return buffer + below(4096);
	}
}

static int put(long fd, enum kind kind)
{
	unsigned int i = below(POOL);

	if (fd < 0)
		return -1;
	if (pool[i].fd > 2)
		close(pool[i].fd);
	pool[i].fd = (int)fd;
	pool[i].kind = kind;
	return (int)fd;
}

/* A descriptor of this kind if one is found soon; every ninth is of any. */
static int fd_of(enum kind kind)
{
	unsigned int i = below(POOL);

	for (int tries = 0; kind != ANY && !one_in(9) && tries < 2 * POOL && pool[i].kind != kind; tries++)
		i = below(POOL);
	return one_in(60) ? (int)odd() : pool[i].fd;
}

static const char *path(void)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "dir", "dir/a", "dir/b", "dir/dir", "sock", "sock2", "fifo", "link", "", ".", "..",
		"/proc/self/fd", "/proc/self/fdinfo", "/proc/self/task", "/proc/self/mem", "/proc/self/maps",
		"/proc/self/smaps", "/proc/self/pagemap", "/proc/self/status", "/proc/self/environ", "/proc/self/comm",
		"/proc/self/clear_refs", "/proc/self/mountinfo", "/proc/net/unix", "/proc/locks", "/proc/meminfo",
		"/proc/stat", "/proc", "/sys", "/sys/devices", "/dev", "/dev/pts", "/dev/null", "/dev/zero",
		"/dev/full", "/dev/tty", "/dev/ptmx", "/dev/random", "/proc/self/exe", "/proc/thread-self/comm",
	};
	static _Thread_local char name[64];

	if (one_in(8)) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd_of(ANY));
		return name;
	}
	if (one_in(40))
		return memory();
	return one_in(3) ? names[below(N(names))] : names[below(12)];
}

static void make_places(void)
{
	arena = mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || edge == MAP_FAILED)
		_exit(3);
	munmap(edge + PAGE, PAGE);
	for (unsigned int i = 0; i < sizeof(buffer); i++)
		buffer[i] = (char)any();
}
