// SPDX-License-Identifier: MIT
/* fuzz_calls.c: mappings of an arena that all threads store to meanwhile. */
#pragma once
#include "fuzz.h"

#include <sys/shm.h>

static int segments[4];

static long pages(void)
{
	return one_in(10) ? odd() : (long)(1 + below(12)) * PAGE;
}

/* MAP_FIXED only within the arena: the program's own mappings must stay. */
static void call_mmap(void)
{
	static const unsigned long MAPS = MAP_NORESERVE | MAP_POPULATE | MAP_LOCKED | MAP_GROWSDOWN |
					  MAP_STACK | MAP_NONBLOCK;
	long kind = ONE_OF(MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE), n = (long)(1 + below(8)) * PAGE;
	long flags = kind | bits(MAPS), fd = fd_of(REGULAR);
	char *where = address();

	if (one_in(2))
		flags |= MAP_ANONYMOUS;
	flags |= one_in(8) ? 0x100000 : MAP_FIXED; /* MAP_FIXED_NOREPLACE */
	if (where + n > arena + ARENA_PAGES * PAGE)
		return;
	if (one_in(16))
		syscall(SYS_mmap, odd(), odd(), about(8), flags & ~MAP_FIXED, fd, odd());
	syscall(SYS_mmap, where, n, bits(PROT_READ | PROT_WRITE | PROT_EXEC), flags, fd, (long)below(8) * PAGE);
}

/* A range that begins in the arena and does not leave it, or one that can do no harm. */
static long within(const char *where)
{
	long n = pages();

	return n > 0 && n <= arena + ARENA_PAGES * PAGE - where ? n : one_in(2) ? PAGE : -n;
}

static void call_change(void)
{
	char *a = address(), *b = address();
	long n = within(a), to = within(b);
	struct iovec l = { memory(), below(9000) }, r = { a, (size_t)n };

	if (n <= 0 || to <= 0)
		n = to = PAGE;
	switch (below(10)) {
	case 0: syscall(SYS_munmap, a, n); break;
	case 1: syscall(SYS_mprotect, a, n, bits(PROT_READ | PROT_WRITE | PROT_EXEC)); break;
	case 2:
		syscall(SYS_mremap, a, one_in(8) ? 0 : n, to,
			MREMAP_MAYMOVE | MREMAP_FIXED | (one_in(6) ? 4 : 0), b);
		break;
	case 3:
		syscall(SYS_mremap, a, one_in(8) ? odd() : n,
			one_in(8) ? odd() & 0xffffff : n - PAGE, bits(1));
		break;
	case 4:
		syscall(SYS_madvise, a, n, one_in(8) ? odd() : ONE_OF(0, 1, 2, 3, 4, 8, 9, 10, 11,
			14, 15, 16, 17, 18, 19, 20, 21, 22, 23));
		break;
	case 5: syscall(SYS_msync, a, n, bits(7)); break;
	case 6: syscall(ONE_OF(SYS_mlock, SYS_munlock, SYS_mlock2), a, n, bits(1)); break;
	case 7: syscall(SYS_mincore, a, one_in(8) ? odd() : n, memory()); break;
	case 8: syscall(SYS_remap_file_pages, a, n, 0, about(16), 0); break;
	case 9:
		syscall(one_in(2) ? SYS_process_vm_readv : SYS_process_vm_writev, getpid(), &l,
			about(1), &r, 1, 0);
		break;
	}
}

static void call_touch(void)
{
	for (int i = 0; i < 16; i++) {
		volatile char *p = (char *)address() + below(PAGE);

		if (one_in(2))
			*p = (char)i;
		else
			(void)*p;
	}
}

/* Attached where nothing of the program's is; found again by address. */
static void call_shm(void)
{
	unsigned int i = below(4);

	switch (below(4)) {
	case 0: {
		long id = syscall(SYS_shmget, IPC_PRIVATE, one_in(8) ? odd() : 1 + below(9) * PAGE, 0600 | IPC_CREAT);

		if (id >= 0) {
			syscall(SYS_shmctl, segments[i], IPC_RMID, NULL);
			segments[i] = (int)id;
		}
		break;
	}
	case 1: syscall(SYS_shmat, segments[i], address(), SHM_REMAP | bits(SHM_RDONLY | SHM_RND | SHM_EXEC)); break;
	case 2: syscall(SYS_shmdt, address()); break;
	case 3:
		syscall(SYS_shmctl, one_in(8) ? odd() : segments[i], ONE_OF(IPC_RMID, IPC_STAT,
			SHM_LOCK, SHM_UNLOCK, SHM_STAT, SHM_INFO), memory());
		break;
	}
}

/* The arena is one mapping again. */
static void call_afresh(void)
{
	mmap(arena, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void (*const memory_calls[])(void) = {
	call_mmap, call_mmap, call_mmap, call_change, call_change, call_change, call_change,
	call_touch, call_touch, call_touch, call_shm, call_afresh,
};
