// SPDX-License-Identifier: MIT
/* Another process's memory: process_vm_readv, process_vm_writev, /proc/PID/mem, process_madvise. */
#include "mem.h"

#include <sys/prctl.h>
#include <sys/uio.h>

static char *map_prot(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * PAGE, prot, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* A child that sleeps until it is killed; it has a copy of all we have now. */
static pid_t sleeper(void)
{
	return CHILD(for (;;) pause());
}

static void end(pid_t pid)
{
	CHECK(!kill(pid, SIGKILL));
	WAIT_SIGNAL(pid, SIGKILL);
}

static ssize_t vm_read(pid_t pid, void *local, void *remote, size_t n)
{
	struct iovec l = { local, n }, r = { remote, n };

	return process_vm_readv(pid, &l, 1, &r, 1, 0);
}

static ssize_t vm_write(pid_t pid, void *local, void *remote, size_t n)
{
	struct iovec l = { local, n }, r = { remote, n };

	return process_vm_writev(pid, &l, 1, &r, 1, 0);
}

static int open_mem(pid_t pid, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return open(path, flags);
}

TEST(vm_readv_and_writev_move_bytes)
{
	char *p = map_anon(8), *buf = map_anon(8);
	pid_t pid;

	for (size_t i = 0; i < 8 * PAGE; i++)
		p[i] = (char)(i * 7 + i / PAGE);
	pid = sleeper();
	memset(p, 0, 8 * PAGE);
	CHECK_EQ(vm_read(pid, buf, p + 5, 7 * PAGE), 7 * PAGE);
	for (size_t i = 0; i < 7 * PAGE; i++)
		CHECK_EQ(buf[i], (char)((i + 5) * 7 + (i + 5) / PAGE));
	memset(buf, 9, 3 * PAGE);
	CHECK_EQ(vm_write(pid, buf, p + 100, 3 * PAGE), 3 * PAGE);
	CHECK_EQ(p[100], 0); /* ours is another copy */
	CHECK_EQ(vm_read(pid, buf + 3 * PAGE, p, 4 * PAGE), 4 * PAGE);
	CHECK_EQ(buf[3 * PAGE + 99], (char)(99 * 7));
	CHECK_EQ(buf[3 * PAGE + 100], 9);
	CHECK_EQ(buf[6 * PAGE + 99], 9);
	end(pid);
}

TEST(vm_writev_breaks_copy_on_write)
{
	char *p = map_anon(1), c = 'b', got;
	pid_t pid;

	p[0] = 'a';
	pid = sleeper();
	CHECK_EQ(vm_write(pid, &c, p, 1), 1);
	CHECK_EQ(p[0], 'a');
	CHECK_EQ(vm_read(pid, &got, p, 1), 1);
	CHECK_EQ(got, 'b');
	end(pid);
}

TEST(vm_vectors_of_unlike_shape)
{
	char *p = map_anon(2), out[64] = { 0 };
	struct iovec r[3] = { { p, 5 }, { p + PAGE - 3, 6 }, { p + 50, 4 } };
	struct iovec l[4] = { { out, 1 }, { out + 1, 0 }, { out + 1, 9 }, { out + 10, 30 } };
	pid_t pid;

	memcpy(p, "abcde", 5);
	memcpy(p + PAGE - 3, "fghijk", 6);
	memcpy(p + 50, "lmno", 4);
	pid = sleeper();
	CHECK_EQ(process_vm_readv(pid, l, 4, r, 3, 0), 15);
	CHECK(!strcmp(out, "abcdefghijklmno"));
	memset(out, 0, sizeof(out));
	CHECK_EQ(process_vm_readv(pid, l, 3, r, 3, 0), 10); /* ours are smaller: no error */
	CHECK(!strcmp(out, "abcdefghij"));
	end(pid);
}

TEST(vm_partial_up_to_the_hole)
{
	char *p = map_anon(4), *buf = map_anon(4);
	struct iovec l = { buf, 4 * PAGE }, r[2] = { { p, PAGE }, { p + 2 * PAGE, PAGE } };
	pid_t pid;

	memset(p, 5, 4 * PAGE);
	CHECK(!munmap(p + 2 * PAGE, PAGE));
	pid = sleeper();
	CHECK_EQ(vm_read(pid, buf, p, 4 * PAGE), 2 * PAGE);
	CHECK_EQ(vm_write(pid, buf, p + 1, 4 * PAGE), 2 * PAGE - 1);
	CHECK_EQ(process_vm_readv(pid, &l, 1, r, 2, 0), PAGE);
	CHECK_ERR(vm_read(pid, buf, p + 2 * PAGE, PAGE), EFAULT);
	CHECK_ERR(vm_read(pid, buf, (void *)0xffff800000000000, 8), EFAULT);
	end(pid);
}

TEST(vm_obeys_the_others_protection)
{
	char *ro = map_prot(1, PROT_READ), *none = map_prot(1, PROT_NONE), c = 0;
	pid_t pid = sleeper();

	CHECK_EQ(vm_read(pid, &c, ro, 1), 1);
	CHECK_ERR(vm_write(pid, &c, ro, 1), EFAULT);
	CHECK_ERR(vm_read(pid, &c, none, 1), EFAULT);
	CHECK_ERR(vm_write(pid, &c, none, 1), EFAULT);
	end(pid);
}

TEST(vm_bad_buffer_of_ours_is_efault)
{
	char *p = map_anon(2), *buf = map_anon(2);
	pid_t pid;

	p[0] = 1;
	CHECK(!munmap(buf + PAGE, PAGE));
	pid = sleeper();
	CHECK_ERR(vm_read(pid, (void *)8, p, 4), EFAULT);
	CHECK_EQ(vm_read(pid, buf, p, 2 * PAGE), PAGE);
	end(pid);
}

TEST(vm_argument_errors)
{
	char c[8];
	struct iovec one = { c, 1 }, many[1025], neg = { c, -1 }, zero = { c, 0 };
	pid_t pid = sleeper();

	for (int i = 0; i < 1025; i++)
		many[i] = one;
	CHECK_ERR(process_vm_readv(pid, &one, 1, &one, 1, 1), EINVAL);
	CHECK_ERR(process_vm_readv(pid, many, 1025, &one, 1, 0), EINVAL);
	CHECK_ERR(process_vm_readv(pid, &one, 1, many, 1025, 0), EINVAL);
	CHECK_EQ(process_vm_readv(pid, many, 1024, many, 1024, 0), 1024);
	CHECK_ERR(process_vm_readv(pid, &neg, 1, &one, 1, 0), EINVAL);
	CHECK_ERR(process_vm_readv(pid, &one, 1, &neg, 1, 0), EINVAL);
	CHECK_ERR(process_vm_readv(pid, (void *)8, 1, &one, 1, 0), EFAULT);
	CHECK_ERR(process_vm_readv(pid, &one, 1, (void *)8, 1, 0), EFAULT);
	CHECK_EQ(process_vm_readv(pid, &one, 1, &zero, 1, 0), 0);
	CHECK_EQ(process_vm_readv(pid, &zero, 1, (void *)8, 1, 0), 0); /* nothing to move: not looked at */
	CHECK_EQ(process_vm_readv(pid, &one, 1, NULL, 0, 0), 0);
	end(pid);
	CHECK_ERR(vm_read(pid, c, c, 1), ESRCH);
	CHECK_ERR(vm_read(0x3ffffff, c, c, 1), ESRCH);
}

TEST(vm_of_a_zombie_is_esrch)
{
	pid_t pid = CHILD({});
	siginfo_t si;
	char c;

	CHECK(!waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
	CHECK_ERR(vm_read(pid, &c, &c, 1), ESRCH);
	WAIT_OK(pid);
}

TEST(vm_of_oneself)
{
	char a[100], b[100];

	memset(a, 4, sizeof(a));
	CHECK_EQ(vm_read(getpid(), b, a, 100), 100);
	CHECK(!memcmp(a, b, 100));
}

static void become_traceable(uid_t uid)
{
	become(uid);
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
}

TEST(vm_permission_is_ptraces)
{
	char c = 0, *p = map_anon(1);
	pid_t other, same, hidden;

	if (geteuid())
		SKIP("needs root to be somebody else");
	p[0] = 3;
	other = CHILD({
		become_traceable(111);
		for (;;)
			pause();
	});
	same = CHILD({
		become_traceable(222);
		p[0] = 6;
		for (;;)
			pause();
	});
	hidden = CHILD({
		become_traceable(222);
		CHECK(!prctl(PR_SET_DUMPABLE, 0));
		p[0] = 6;
		for (;;)
			pause();
	});
	/* Until each is what it is to be. */
	while (vm_read(same, &c, p, 1) != 1 || c != 6)
		sleep_ms(5);
	while (vm_read(hidden, &c, p, 1) != 1 || c != 6)
		sleep_ms(5);
	CHECK_EQ(vm_read(other, &c, p, 1), 1); /* with CAP_SYS_PTRACE, any */
	WAIT_OK(CHILD({
		become_traceable(222);
		CHECK_EQ(vm_read(same, &c, p, 1), 1);
		CHECK_ERR(vm_read(other, &c, p, 1), EPERM);
		CHECK_ERR(vm_read(hidden, &c, p, 1), EPERM);
		CHECK_ERR(vm_read(1, &c, p, 1), EPERM);
		CHECK_ERR(open_mem(hidden, O_RDONLY), EACCES);
	}));
	end(other);
	end(same);
	end(hidden);
}

TEST(vm_write_to_shared_file_is_in_the_file)
{
	char *p, c = 'x', got;
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	pid_t pid;

	CHECK(!ftruncate(fd, PAGE));
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	pid = sleeper();
	CHECK_EQ(vm_write(pid, &c, p + 7, 1), 1);
	CHECK_EQ(pread(fd, &got, 1, 7), 1);
	CHECK_EQ(got, 'x');
	CHECK_EQ(p[7], 'x');
	end(pid);
}

TEST(vm_of_processes_that_come_and_go)
{
	char *p = map_anon(64), *buf = map_anon(64);
	long long end = now_ns() + 1000000000;

	memset(p, 7, 64 * PAGE);
	while (now_ns() < end) {
		pid_t pid = CHILD({
			memset(p, 8, 32 * PAGE);
			munmap(p + 48 * PAGE, 16 * PAGE);
		});
		ssize_t n;

		for (int i = 0; i < 50; i++) {
			n = vm_read(pid, buf, p, 64 * PAGE);
			CHECK(n > 0 || (n == -1 && (errno == ESRCH || errno == EFAULT)));
			for (ssize_t at = 0; at < n; at += PAGE)
				CHECK(buf[at] == 7 || buf[at] == 8);
			if (n == -1)
				break;
			CHECK(vm_write(pid, buf + 40 * PAGE, p + 40 * PAGE, PAGE) == PAGE || errno == ESRCH);
		}
		WAIT_OK(pid);
	}
	CHECK_EQ(p[40 * PAGE], 7);
}

/* ---- /proc/PID/mem ---- */

TEST(proc_mem_reads_and_writes)
{
	char *p = map_anon(3), buf[PAGE], c;
	pid_t pid;
	int fd;

	memset(p, 8, 3 * PAGE);
	pid = sleeper();
	fd = open_mem(pid, O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, buf, PAGE, (off_t)(p + 50)), PAGE);
	CHECK(buf[0] == 8 && buf[PAGE - 1] == 8);
	CHECK_EQ(pwrite(fd, "hello", 5, (off_t)(p + PAGE - 2)), 5);
	CHECK_EQ(pread(fd, buf, 5, (off_t)(p + PAGE - 2)), 5);
	CHECK(!memcmp(buf, "hello", 5));
	CHECK_EQ(p[PAGE - 2], 8);
	CHECK_EQ(lseek(fd, (off_t)p, SEEK_SET), (off_t)p);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), (off_t)p + 1);
	end(pid);
	close(fd);
}

TEST(proc_mem_goes_past_protection)
{
	char *ro = map_anon(1), *none = map_anon(1), buf[4];
	int fd = open_mem(getpid(), O_RDWR);

	strcpy(ro, "abc");
	strcpy(none, "def");
	CHECK(!mprotect(ro, PAGE, PROT_READ) && !mprotect(none, PAGE, PROT_NONE));
	CHECK_EQ(pwrite(fd, "X", 1, (off_t)ro + 1), 1);
	CHECK(!strcmp(ro, "aXc"));
	CHECK_EQ(pread(fd, buf, 4, (off_t)none), 4);
	CHECK(!strcmp(buf, "def"));
	CHECK_EQ(pwrite(fd, "Y", 1, (off_t)none), 1);
	CHECK(!mprotect(none, PAGE, PROT_READ));
	CHECK(!strcmp(none, "Yef"));
	WAIT_SIGNAL(CHILD(ro[0] = 1), SIGSEGV); /* which does not make it writable */
}

/* What a debugger has read of PROT_NONE pages stays closed to the program. */
TEST(proc_mem_opens_no_page_for_the_program)
{
	int fd = open_mem(getpid(), O_RDWR), file = make_file(FS_DISK, "f", 20 * PAGE);
	char *none = mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0), buf[4];
	char *pages = mmap(NULL, 20 * PAGE, PROT_NONE, MAP_SHARED, file, 0);

	CHECK(none != MAP_FAILED && pages != MAP_FAILED);
	CHECK_EQ(pwrite(file, "abcd", 4, 3 * PAGE), 4);
	CHECK_EQ(pread(fd, buf, 4, (off_t)none), 4);
	CHECK(!memcmp(buf, "\0\0\0", 4));
	CHECK_EQ(pread(fd, buf, 4, (off_t)pages + 3 * (off_t)PAGE), 4);
	CHECK(!memcmp(buf, "abcd", 4));
	catch_faults();
	CHECK_EQ(load(none), -SIGSEGV);
	for (size_t i = 0; i < 20; i++)
		CHECK_EQ(load(pages + i * PAGE), -SIGSEGV);
	CHECK(!mprotect(pages, 20 * PAGE, PROT_READ));
	CHECK_EQ(load(pages + 3 * PAGE), 'a');
}

TEST(proc_mem_write_to_program_text_is_private)
{
	int fd = open_mem(getpid(), O_RDWR), exe = open("/proc/self/exe", O_RDONLY);
	unsigned char *code = (unsigned char *)(uintptr_t)&end, was = *code, other = was ^ 0xff;

	/* A debugger's breakpoint: the program's page changes, the file does not. */
	CHECK(exe >= 0);
	CHECK_EQ(pwrite(fd, &other, 1, (off_t)code), 1);
	CHECK_EQ(*(volatile unsigned char *)code, other);
	CHECK_EQ(pwrite(fd, &was, 1, (off_t)code), 1);
	CHECK_EQ(*(volatile unsigned char *)code, was);
}

TEST(proc_mem_errors)
{
	char *p = map_anon(3), *shared, buf[3 * PAGE];
	int fd = open_mem(getpid(), O_RDWR), file = open("f", O_RDWR | O_CREAT, 0600);

	memset(p, 1, 3 * PAGE);
	CHECK(!munmap(p + 2 * PAGE, PAGE));
	CHECK_EQ(pread(fd, buf, 3 * PAGE, (off_t)p), 2 * PAGE);
	CHECK_ERR(pread(fd, buf, 8, (off_t)(p + 2 * PAGE)), EIO);
	CHECK_ERR(pwrite(fd, buf, 8, (off_t)(p + 2 * PAGE)), EIO);
	CHECK_ERR(pread(fd, buf, 8, 0), EIO);
	CHECK_ERR(pread(fd, (void *)8, 8, (off_t)p), EFAULT);
	CHECK_ERR(pwrite(fd, (void *)8, 8, (off_t)p), EFAULT);
	CHECK_EQ(pread(fd, buf, 0, 0), 0);
	CHECK_ERR(lseek(fd, 0, SEEK_END), EINVAL);
	/* A shared mapping that may not be written stays what the file says. */
	CHECK(!ftruncate(file, PAGE));
	shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("f", O_RDONLY), 0);
	CHECK(shared != MAP_FAILED);
	CHECK_ERR(pwrite(fd, buf, 1, (off_t)shared), EIO);
}

TEST(proc_mem_of_the_dead_is_empty)
{
	char buf[8], *p = map_anon(1);
	pid_t pid;
	int fd;

	p[0] = 1;
	pid = sleeper();
	fd = open_mem(pid, O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, buf, 8, (off_t)p), 8);
	end(pid);
	CHECK_EQ(pread(fd, buf, 8, (off_t)p), 0);
	CHECK_EQ(pwrite(fd, buf, 8, (off_t)p), 0);
}

/* ---- process_madvise ---- */

static long pmadvise(int pidfd, struct iovec *v, unsigned long n, int advice, unsigned flags)
{
	return syscall(SYS_process_madvise, pidfd, v, n, advice, flags);
}

TEST(process_madvise_advises_another)
{
	char *p = map_anon(4), c;
	struct iovec v[2] = { { p, PAGE }, { p + 2 * PAGE, PAGE } };
	struct iovec odd = { p + 1, PAGE };
	pid_t pid;
	int fd;

	memset(p, 5, 4 * PAGE);
	pid = sleeper();
	fd = syscall(SYS_pidfd_open, pid, 0);
	CHECK(fd >= 0);
	CHECK_EQ(pmadvise(fd, v, 2, MADV_COLD, 0), 2 * PAGE);
	CHECK_EQ(pmadvise(fd, v, 2, MADV_PAGEOUT, 0), 2 * PAGE);
	CHECK_EQ(pmadvise(fd, v, 2, MADV_WILLNEED, 0), 2 * PAGE);
	CHECK_EQ(vm_read(pid, &c, p, 1), 1);
	CHECK_EQ(c, 5);
	CHECK_ERR(pmadvise(fd, v, 2, MADV_DONTNEED, 0), EINVAL); /* not what another may do to it */
	CHECK_ERR(pmadvise(fd, v, 2, 12345, 0), EINVAL);
	CHECK_ERR(pmadvise(fd, v, 2, MADV_COLD, 1), EINVAL);
	CHECK_ERR(pmadvise(fd, &odd, 1, MADV_COLD, 0), EINVAL);
	CHECK_ERR(pmadvise(-1, v, 2, MADV_COLD, 0), EBADF);
	CHECK_ERR(pmadvise(0, v, 2, MADV_COLD, 0), EBADF);
	CHECK_ERR(pmadvise(fd, (void *)8, 2, MADV_COLD, 0), EFAULT);
	end(pid);
	CHECK_ERR(pmadvise(fd, v, 2, MADV_COLD, 0), ESRCH);
}

TEST(process_madvise_needs_sys_nice)
{
	char *p = map_anon(1);
	struct iovec v = { p, PAGE };
	pid_t pid;
	int fd;

	if (geteuid())
		SKIP("needs root to be somebody else");
	p[0] = 1;
	pid = CHILD({
		become_traceable(222);
		p[0] = 2;
		for (;;)
			pause();
	});
	while (vm_read(pid, p, p, 1) != 1 || p[0] != 2)
		sleep_ms(5);
	fd = syscall(SYS_pidfd_open, pid, 0);
	WAIT_OK(CHILD({
		become_traceable(222);
		CHECK_ERR(pmadvise(fd, &v, 1, MADV_COLD, 0), EPERM);
	}));
	end(pid);
}
