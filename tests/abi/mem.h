// SPDX-License-Identifier: MIT
/*
 * What the memory tests share: files on either kind of file system, mappings,
 * recognizable contents, caught faults, other users and limits.
 *
 * FS_DISK is a file in the case's directory (ext4, where the tests matter),
 * FS_MEMORY a memfd: the same code as a file on tmpfs.
 */
#pragma once
#include "abi.h"

#include <setjmp.h>
#include <sys/resource.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define HUGE (2ul << 20)
#define HUGE_PAGES (HUGE / PAGE)
#define RACE_NS 400000000ll /* how long threads race */

/* ---- files and mappings ---- */

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

/* @n aligned 2 MiB ranges that ask for huge pages, with room of one more on either side of them. */
static inline char *map_huge(size_t n)
{
	char *p = map_anon((n + 3) * HUGE_PAGES);
	char *at = (char *)(((uintptr_t)p + 2 * HUGE - 1) & ~(HUGE - 1));

	CHECK(!munmap(p, (size_t)(at - p)));
	CHECK(!munmap(at + n * HUGE, (size_t)(p + (n + 3) * HUGE - at) - n * HUGE));
	madvise(at, n * HUGE, MADV_HUGEPAGE);
	return at;
}

/* The call itself: musl's brk() refuses, and its malloc is not in the way. */
static inline char *kbrk(const void *to)
{
	return (char *)syscall(SYS_brk, to);
}

static inline bool resident(char *p)
{
	unsigned char in;

	CHECK(!mincore(p, PAGE, &in));
	return in & 1;
}

/* Written back and, where nobody maps it, out of the page cache: what comes next is the disk's. */
static inline void evict(int fd)
{
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

/* ---- contents ---- */

static inline bool all_bytes(const volatile char *p, size_t n, char want)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != want)
			return false;
	return true;
}

/* One word of page i, not always at the same place, says which page it is; @salt tells generations apart. */
static inline uint32_t *stamp_of(const char *p, size_t i)
{
	return (uint32_t *)(p + i * PAGE + i % 1000 * 4);
}

static inline void stamp_pages(char *p, size_t first, size_t pages, unsigned salt)
{
	for (size_t i = first; i < first + pages; i++)
		*stamp_of(p, i) = (uint32_t)i * 2654435761u + salt;
}

static inline bool stamped(const char *p, size_t first, size_t pages, unsigned salt)
{
	for (size_t i = first; i < first + pages; i++)
		if (*stamp_of(p, i) != (uint32_t)i * 2654435761u + salt)
			return false;
	return true;
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

/* Threads have no fault_buf in common: the one that faults goes on at its own *landing. */
static _Thread_local sigjmp_buf *landing;

static void on_fault_in_thread(int sig)
{
	(void)sig;
	siglongjmp(*landing, 1);
}

static inline void land_after(int sig)
{
	struct sigaction sa = { .sa_handler = on_fault_in_thread, .sa_flags = SA_NODEFER };

	CHECK(!sigaction(sig, &sa, NULL));
}

/* ---- who, and how much ---- */

#define STRANGER 12345 /* a user who owns nothing */

/* Root's groups and capabilities are gone, too. */
static inline void become(uid_t uid)
{
	CHECK(!syscall(SYS_setgroups, 0, NULL));
	CHECK(!setresgid(uid, uid, uid) && !setresuid(uid, uid, uid));
}

static inline void set_limit(int which, rlim_t to)
{
	struct rlimit r = { to, to };

	CHECK(!setrlimit(which, &r));
}
