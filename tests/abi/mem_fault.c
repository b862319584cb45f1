// SPDX-License-Identifier: MIT
/*
 * Bad accesses: the signal, its code and its address for the program's own, EFAULT
 * and a right partial count where the kernel copies for it.
 */
#include "mem.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum access { READ, WRITE, EXEC };

/*
 * Places, two pages each with the fault in the second; made afresh for each
 * case.  The first is readable and writable where the kind allows.
 */
static char *unmapped(void)
{
	char *p = map_anon(2);

	CHECK_EQ(munmap(p + PAGE, PAGE), 0);
	return p;
}

static char *with_prot(int prot)
{
	char *p = map_anon(2);

	p[PAGE] = 1;
	CHECK_EQ(mprotect(p + PAGE, PAGE, prot), 0);
	return p;
}

static char *prot_none(void)
{
	return with_prot(PROT_NONE);
}

static char *read_only(void)
{
	return with_prot(PROT_READ);
}

static char *not_executable(void)
{
	return map_anon(2);
}

static char *untouched_read_only(void)
{
	return mmap(NULL, 2 * PAGE, PROT_READ, ANON, -1, 0);
}

static char *map_new_file(size_t size, int prot, int flags)
{
	int fd = make_file(FS_DISK, "f", size);
	char *p = mmap(NULL, 2 * PAGE, prot, flags, fd, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static char *past_end_shared(void)
{
	return map_new_file(PAGE, RW, MAP_SHARED);
}

static char *past_end_private(void)
{
	return map_new_file(PAGE, RW, MAP_PRIVATE);
}

static char *past_end_executable(void)
{
	return map_new_file(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE);
}

static char *past_end_memfd(void)
{
	return map_file(make_file(FS_MEMORY, "f", 1), 2 * PAGE, MAP_SHARED);
}

static char *read_only_private_file(void)
{
	return map_new_file(2 * PAGE, PROT_READ, MAP_PRIVATE);
}

static char *read_only_shared_file(void)
{
	return map_new_file(2 * PAGE, PROT_READ, MAP_SHARED);
}

static char *file_not_executable(void)
{
	return map_new_file(2 * PAGE, RW, MAP_PRIVATE);
}

/* Read first: the page of the cache is there, read-only. */
static char *loaded_read_only_private_file(void)
{
	char *p = read_only_private_file();

	CHECK_EQ(p[PAGE], 0);
	return p;
}

/* Written once as a private copy, then forbidden. */
static char *own_copy_made_read_only(void)
{
	char *p = map_new_file(2 * PAGE, RW, MAP_PRIVATE);

	p[PAGE] = 1;
	CHECK_EQ(mprotect(p, 2 * PAGE, PROT_READ), 0);
	return p;
}

static char *null_page(void)
{
	return (char *)-PAGE;
}

static char *kernel_half(void)
{
	return (char *)0xffff880000000000ul;
}

static const struct bad {
	const char *what;
	char *(*place)(void);
	enum access access;
	int sig, code;
	size_t offset; /* of the access */
	size_t addr;   /* where the fault is, from the place */
} bads[] = {
	{ "read_unmapped", unmapped, READ, SIGSEGV, SEGV_MAPERR, PAGE + 123, PAGE + 123 },
	{ "write_unmapped", unmapped, WRITE, SIGSEGV, SEGV_MAPERR, PAGE + 1, PAGE + 1 },
	{ "exec_unmapped", unmapped, EXEC, SIGSEGV, SEGV_MAPERR, PAGE + 16, PAGE + 16 },
	{ "read_null", null_page, READ, SIGSEGV, SEGV_MAPERR, PAGE + 8, PAGE + 8 },
	{ "write_null", null_page, WRITE, SIGSEGV, SEGV_MAPERR, PAGE, PAGE },
	{ "exec_null", null_page, EXEC, SIGSEGV, SEGV_MAPERR, PAGE, PAGE },
	{ "read_kernel", kernel_half, READ, SIGSEGV, SEGV_MAPERR, PAGE, PAGE },
	{ "write_kernel", kernel_half, WRITE, SIGSEGV, SEGV_MAPERR, PAGE + 9, PAGE + 9 },
	{ "read_prot_none", prot_none, READ, SIGSEGV, SEGV_ACCERR, PAGE + 4095, PAGE + 4095 },
	{ "write_prot_none", prot_none, WRITE, SIGSEGV, SEGV_ACCERR, PAGE, PAGE },
	{ "exec_prot_none", prot_none, EXEC, SIGSEGV, SEGV_ACCERR, PAGE, PAGE },
	{ "write_read_only", read_only, WRITE, SIGSEGV, SEGV_ACCERR, PAGE + 77, PAGE + 77 },
	{ "write_untouched_read_only", untouched_read_only, WRITE, SIGSEGV, SEGV_ACCERR, PAGE, PAGE },
	{ "exec_data", not_executable, EXEC, SIGSEGV, SEGV_ACCERR, PAGE + 64, PAGE + 64 },
	{ "exec_file_data", file_not_executable, EXEC, SIGSEGV, SEGV_ACCERR, PAGE, PAGE },
	{ "write_private_file", read_only_private_file, WRITE, SIGSEGV, SEGV_ACCERR, PAGE + 5, PAGE + 5 },
	{ "write_loaded_private_file", loaded_read_only_private_file, WRITE, SIGSEGV, SEGV_ACCERR,
	  PAGE + 5, PAGE + 5 },
	{ "write_own_copy", own_copy_made_read_only, WRITE, SIGSEGV, SEGV_ACCERR, PAGE + 5, PAGE + 5 },
	{ "write_shared_file", read_only_shared_file, WRITE, SIGSEGV, SEGV_ACCERR, PAGE + 5, PAGE + 5 },
	{ "read_past_end_shared", past_end_shared, READ, SIGBUS, BUS_ADRERR, PAGE + 9, PAGE + 9 },
	{ "write_past_end_shared", past_end_shared, WRITE, SIGBUS, BUS_ADRERR, PAGE + 9, PAGE + 9 },
	{ "read_past_end_private", past_end_private, READ, SIGBUS, BUS_ADRERR, PAGE + 9, PAGE + 9 },
	{ "write_past_end_private", past_end_private, WRITE, SIGBUS, BUS_ADRERR, PAGE + 9, PAGE + 9 },
	{ "exec_past_end", past_end_executable, EXEC, SIGBUS, BUS_ADRERR, PAGE + 16, PAGE + 16 },
	{ "read_past_end_memfd", past_end_memfd, READ, SIGBUS, BUS_ADRERR, PAGE, PAGE },
	{ "write_past_end_memfd", past_end_memfd, WRITE, SIGBUS, BUS_ADRERR, PAGE, PAGE },
	/* Eight bytes from four below the border: the address is the border's. */
	{ "read_across_into_unmapped", unmapped, READ, SIGSEGV, SEGV_MAPERR, PAGE - 4, PAGE },
	{ "write_across_into_read_only", read_only, WRITE, SIGSEGV, SEGV_ACCERR, PAGE - 4, PAGE },
	{ "write_across_the_end", past_end_shared, WRITE, SIGBUS, BUS_ADRERR, PAGE - 4, PAGE },
};

static void do_access(char *at, enum access access)
{
	switch (access) {
	case READ:
		__asm__ volatile("movq (%0), %%rax" ::"r"(at) : "rax", "memory");
		return;
	case WRITE:
		__asm__ volatile("movq %0, (%0)" ::"r"(at) : "memory");
		return;
	case EXEC:
		((void (*)(void))at)();
	}
}

TEST_ROWS(bad_access, bads)
{
	char *p = row->place();

	CHECK(p != MAP_FAILED);
	catch_faults();
	fault_sig = 0;
	if (!sigsetjmp(fault_buf, 1)) {
		do_access(p + row->offset, row->access);
		ABI_FAIL("did not fault");
	}
	CHECK_EQ(fault_sig, row->sig);
	CHECK_EQ(fault_code, row->code);
	CHECK_EQ((unsigned long)fault_addr, (unsigned long)p + row->addr);
}

/* A non-canonical address never gets to a page table: the CPU's general protection. */
TEST(non_canonical_address_has_no_si_addr)
{
	catch_faults();
	CHECK_EQ(load((char *)0x0100000000000000ul), -SIGSEGV);
	CHECK_EQ(fault_code, SI_KERNEL);
	CHECK(fault_addr == NULL);
}

TEST(fault_is_gone_once_the_page_is_allowed)
{
	char *p = prot_none() + PAGE;

	catch_faults();
	CHECK_EQ(load(p), -SIGSEGV);
	CHECK_EQ(mprotect(p, PAGE, PROT_READ), 0);
	CHECK_EQ(load(p), 1);
	CHECK_EQ(store(p, 2), -SIGSEGV);
	CHECK_EQ(mprotect(p, PAGE, RW), 0);
	CHECK_EQ(store(p, 2), 0);
	CHECK_EQ(load(p), 2);
}

static char *fixable;

static void fix_it(int sig, siginfo_t *si, void *ctx)
{
	(void)sig, (void)ctx;
	CHECK(si->si_addr == fixable);
	CHECK_EQ(mprotect(fixable, PAGE, RW), 0);
}

/* The handler allows the page and returns: the same instruction runs again and succeeds. */
TEST(handler_repairs_and_the_store_happens)
{
	struct sigaction sa = { .sa_sigaction = fix_it, .sa_flags = SA_SIGINFO };

	fixable = map_anon(1);
	CHECK(!sigaction(SIGSEGV, &sa, NULL));
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(mprotect(fixable, PAGE, i % 2 ? PROT_READ : PROT_NONE), 0);
		*(volatile char *)fixable = (char)i;
		CHECK_EQ(*fixable, (char)i);
	}
}

/* ---- the kernel copies: EFAULT and counts ---- */

#define GOOD 100 /* bytes before the bad page */

struct ends {
	int fd, other; /* of a file, a pipe or a socket pair: @other goes out */
};

static void open_file(struct ends *e)
{
	static char data[4 * PAGE];

	e->fd = e->other = make_file(FS_DISK, "data", 0);
	memset(data, 'd', sizeof(data));
	CHECK_EQ(pwrite(e->fd, data, sizeof(data), 0), sizeof(data));
}

static void open_memfd(struct ends *e)
{
	static char data[4 * PAGE];

	e->fd = e->other = make_file(FS_MEMORY, "data", 0);
	memset(data, 'd', sizeof(data));
	CHECK_EQ(pwrite(e->fd, data, sizeof(data), 0), sizeof(data));
}

static void open_pipe(struct ends *e)
{
	int p[2];
	char data[2 * GOOD] = { 'd' };

	CHECK_EQ(pipe2(p, O_NONBLOCK), 0);
	e->fd = p[0];
	e->other = p[1];
	CHECK_EQ(write(p[1], data, sizeof(data)), sizeof(data));
}

static void open_zero(struct ends *e)
{
	e->fd = e->other = open("/dev/zero", O_RDWR);
	CHECK(e->fd >= 0);
}

static ssize_t do_read(struct ends *e, char *p, size_t n)
{
	return read(e->fd, p, n);
}

static ssize_t do_write(struct ends *e, char *p, size_t n)
{
	return write(e->other, p, n);
}

static ssize_t do_readv(struct ends *e, char *p, size_t n)
{
	struct iovec v[2] = { { p, n / 2 }, { p + n / 2, n - n / 2 } };

	return readv(e->fd, v, 2);
}

static ssize_t do_writev(struct ends *e, char *p, size_t n)
{
	struct iovec v[2] = { { p, n / 2 }, { p + n / 2, n - n / 2 } };

	return writev(e->other, v, 2);
}

static const struct copy {
	const char *what;
	void (*open)(struct ends *e);
	ssize_t (*call)(struct ends *e, char *p, size_t n);
	char *(*place)(void);
} copies[] = {
	{ "read_file_into_unmapped", open_file, do_read, unmapped },
	{ "read_file_into_read_only", open_file, do_read, read_only },
	{ "read_file_past_end_of_mapping", open_file, do_read, past_end_shared },
	{ "read_memfd_into_prot_none", open_memfd, do_read, prot_none },
	{ "readv_file_into_unmapped", open_file, do_readv, unmapped },
	{ "read_zero_into_unmapped", open_zero, do_read, unmapped },
	{ "write_file_from_unmapped", open_file, do_write, unmapped },
	{ "write_file_from_prot_none", open_file, do_write, prot_none },
	{ "write_file_past_end_of_mapping", open_file, do_write, past_end_private },
	{ "write_memfd_from_unmapped", open_memfd, do_write, unmapped },
	{ "writev_file_from_unmapped", open_file, do_writev, unmapped },
};

/*
 * All that lay before the bad page is transferred and counted, the position
 * moves by as much; from the bad page on it is EFAULT, never a signal.
 */
TEST_ROWS(copy_stops_at_bad_page, copies)
{
	struct ends e;
	char *bad = row->place() + PAGE;
	off_t before;

	row->open(&e);
	before = lseek(e.fd, 0, SEEK_SET);
	CHECK_EQ(row->call(&e, bad - GOOD, 3 * GOOD), GOOD);
	if (before == 0 && row->open != open_zero)
		CHECK_EQ(lseek(e.fd, 0, SEEK_CUR), GOOD);
	CHECK_ERR(row->call(&e, bad, GOOD), EFAULT);
	if (before == 0 && row->open != open_zero)
		CHECK_EQ(lseek(e.fd, 0, SEEK_CUR), GOOD);
}

TEST(pipe_copies_give_efault_and_lose_nothing)
{
	struct ends e;
	char *bad = unmapped() + PAGE, buf[2 * GOOD];

	open_pipe(&e);
	CHECK_ERR(read(e.fd, bad, GOOD), EFAULT);
	CHECK_EQ(read(e.fd, buf, sizeof(buf)), 2 * GOOD);
	CHECK_ERR(write(e.other, bad, GOOD), EFAULT);
	CHECK_ERR(read(e.fd, buf, sizeof(buf)), EAGAIN);
}

TEST(socket_copies_give_efault)
{
	char *bad = unmapped() + PAGE;
	int s[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	CHECK_ERR(send(s[0], bad, GOOD, 0), EFAULT);
	CHECK_EQ(send(s[0], "hello", 5, 0), 5);
	CHECK_ERR(recv(s[1], bad, GOOD, 0), EFAULT);
}

TEST(structs_at_bad_addresses_give_efault)
{
	char *bad = unmapped() + PAGE;

	CHECK_ERR(syscall(SYS_stat, ".", bad), EFAULT);
	CHECK_ERR(syscall(SYS_stat, bad, bad), EFAULT);
	bad[-1] = 'x'; /* a name without an end */
	CHECK_ERR(open(bad - 1, O_RDONLY), EFAULT);
	CHECK_ERR(syscall(SYS_pipe, bad - 4), EFAULT);
	CHECK_ERR(syscall(SYS_getrandom, bad, 16, 0), EFAULT);
	CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad), EFAULT);
	CHECK_ERR(syscall(SYS_getcwd, bad, 100), EFAULT);
}

/* The kernel's store into a shared mapping counts as the program's: the file has it, dirty. */
TEST(kernel_stores_into_clean_shared_page)
{
	int fd = make_file(FS_DISK, "f", PAGE);
	char *p = map_file(fd, PAGE, MAP_SHARED), c;

	CHECK_EQ(p[0], 0);
	CHECK_EQ(msync(p, PAGE, MS_SYNC), 0);
	CHECK_EQ(read(open("/proc/self/comm", O_RDONLY), p + 8, 1), 1);
	CHECK_EQ(munmap(p, PAGE), 0);
	evict(fd);
	CHECK_EQ(pread(fd, &c, 1, 8), 1);
	CHECK(c != 0);
}
