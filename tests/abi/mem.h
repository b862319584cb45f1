// SPDX-License-Identifier: MIT
/*
 * What the memory tests share: files on either kind of file system, mappings,
 * caught faults, the lines of /proc/self/maps.
 *
 * FS_DISK is a file in the case's directory (ext4, where the tests matter),
 * FS_MEMORY a memfd: the same code as a file on tmpfs.
 */
#pragma once
#include "abi.h"

#include <setjmp.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

enum fs { FS_DISK, FS_MEMORY };

/* An empty file of @size bytes, all hole, open for reading and writing. */
static inline int make_file(enum fs fs, const char *name, size_t size)
{
	int fd = fs == FS_DISK ? open(name, O_CREAT | O_TRUNC | O_RDWR, 0755) :
				 memfd_create(name, 0);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static inline char *map_file(int fd, size_t size, int flags)
{
	char *p = mmap(NULL, size, RW, flags, fd, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static inline char *map_anon(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, RW, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static inline bool all_bytes(const volatile char *p, size_t n, char want)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != want)
			return false;
	return true;
}

/* Written back and, where nobody maps it, out of the page cache: what comes next is the disk's. */
static inline void evict(int fd)
{
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

/* ---- caught faults ---- */

static volatile sig_atomic_t fault_sig, fault_code;
static void *volatile fault_addr;
static sigjmp_buf fault_buf;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	(void)ctx;
	fault_sig = sig;
	fault_code = si->si_code;
	fault_addr = si->si_addr;
	siglongjmp(fault_buf, 1);
}

static inline void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	CHECK(!sigaction(SIGSEGV, &sa, NULL) && !sigaction(SIGBUS, &sa, NULL));
}

/* Reads a byte; its value, or -SIGBUS, -SIGSEGV. */
static inline int load(const volatile char *p)
{
	if (sigsetjmp(fault_buf, 1))
		return -fault_sig;
	return (unsigned char)*p;
}

/* Writes a byte; 0, or -SIGBUS, -SIGSEGV. */
static inline int store(volatile char *p, char c)
{
	if (sigsetjmp(fault_buf, 1))
		return -fault_sig;
	*p = c;
	return 0;
}

/* ---- the address space as /proc tells it ---- */

/* How many mappings lie in [p, p + size).  It maps nothing itself, as stdio might: into that range. */
static inline int count_mappings(const char *p, size_t size)
{
	static char text[1 << 18];
	unsigned long start, end, from = (unsigned long)p;
	int fd = open("/proc/self/maps", O_RDONLY), n = 0;
	size_t len = 0;
	ssize_t got;

	CHECK(fd >= 0);
	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	CHECK(got == 0 && close(fd) == 0);
	text[len] = 0;
	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		CHECK_EQ(sscanf(line, "%lx-%lx", &start, &end), 2);
		n += end > from && start < from + size;
	}
	return n;
}
