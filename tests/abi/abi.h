// SPDX-License-Identifier: MIT
/*
 * The frame of an ABI test program: ordinary Linux C, TAP on standard output.
 *
 *   TEST(name) { CHECK(...); }      one case, run in a process of its own
 *   TEST_ROWS(name, rows) { ... }   one case for each row of a table; see below
 *
 * A case passes when its process exits 0: a failed CHECK says where and why and
 * ends it, a signal or 30 seconds end it too.  Each case starts in an empty
 * directory.  `program NAME...` runs only those; `program -l` lists them.
 *
 * What a case expects is what Linux does: it must pass there first.
 */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ABI_TIME_LIMIT 30
#define ABI_SKIP 77 /* exit status of a case that cannot run here */

struct abi_case {
	const char *name;
	void (*fn)(void);
	void (*row_fn)(const void *row); /* instead of fn: a row of a table */
	const void *row;
	struct abi_case *next;
};
static struct abi_case *abi_first, **abi_last = &abi_first;

static inline void abi_add(struct abi_case *c)
{
	*abi_last = c;
	abi_last = &c->next;
}

static inline void abi_add_row(const char *name, const char *what, void (*fn)(const void *),
			       const void *row)
{
	struct abi_case *c = calloc(1, sizeof(*c));
	char *full = malloc(strlen(name) + strlen(what) + 2);

	if (!c || !full)
		abort();
	sprintf(full, "%s.%s", name, what);
	*c = (struct abi_case){ .name = full, .row_fn = fn, .row = row };
	abi_add(c);
}

#define TEST(name)                                                            \
	static void test_##name(void);                                        \
	static struct abi_case case_##name = { #name, test_##name, NULL, NULL, NULL }; \
	__attribute__((constructor)) static void register_##name(void)        \
	{                                                                     \
		abi_add(&case_##name);                                        \
	}                                                                     \
	static void test_##name(void)

/*
 * A case for each element of the array @rows, called name.what: a row is a
 * struct whose first member is `const char *what`.  The body finds it in @row.
 */
#define TEST_ROWS(name, rows)                                                 \
	static void test_##name(const __typeof__((rows)[0]) *row);            \
	static void row_##name(const void *row)                               \
	{                                                                     \
		test_##name(row);                                             \
	}                                                                     \
	__attribute__((constructor)) static void register_##name(void)        \
	{                                                                     \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof((rows)[0]); i_++) \
			abi_add_row(#name, (rows)[i_].what, row_##name, &(rows)[i_]); \
	}                                                                     \
	static void test_##name(const __typeof__((rows)[0]) *row)

#define ABI_FAIL(...)                                                         \
	do {                                                                  \
		printf("# %s:%d: ", __FILE__, __LINE__);                      \
		printf(__VA_ARGS__);                                          \
		printf("\n");                                                 \
		fflush(stdout);                                               \
		_exit(1);                                                     \
	} while (0)

/* True, or the case fails; errno is shown. */
#define CHECK(cond)                                                           \
	do {                                                                  \
		if (!(cond))                                                  \
			ABI_FAIL("%s (errno %d: %s)", #cond, errno, strerror(errno)); \
	} while (0)
#define CHECK_EQ(a, b)                                                        \
	do {                                                                  \
		long long a_ = (long long)(a), b_ = (long long)(b);           \
		if (a_ != b_)                                                 \
			ABI_FAIL("%s is %lld, want %s = %lld (errno %d)", #a, a_, #b, b_, errno); \
	} while (0)
/* The call fails with -1 and this errno. */
#define CHECK_ERR(call, err)                                                  \
	do {                                                                  \
		errno = 0;                                                    \
		long long r_ = (long long)(call);                             \
		if (r_ != -1 || errno != (err))                               \
			ABI_FAIL("%s gives %lld errno %d (%s), want errno %d (%s)", #call, r_, \
				 errno, strerror(errno), (err), strerror(err)); \
	} while (0)
#define SKIP(why)                                                             \
	do {                                                                  \
		printf("# skipped: %s\n", why);                               \
		fflush(stdout);                                               \
		_exit(ABI_SKIP);                                              \
	} while (0)

/* What Tarn answers is what Linux 6.1 with Debian's settings does; the host may run another. */
static inline bool is_6_1(void)
{
	struct utsname u;

	return !uname(&u) && !strncmp(u.release, "6.1.", 4);
}

#define ONLY_6_1()                                                            \
	do {                                                                  \
		if (!is_6_1())                                                \
			SKIP("other kernels than 6.1 answer otherwise");      \
	} while (0)

/* Ends a case that changes the whole machine's settings, unless the machine is there for these tests (tests/abi/run). */
#define OWN_MACHINE()                                                         \
	do {                                                                  \
		if (!getenv("ABI_OWN_MACHINE"))                               \
			SKIP("it would disturb others on this machine");      \
	} while (0)

/* Forks; in the child runs the block and exits 0.  Use: pid_t p = CHILD({ ... }); */
#define CHILD(...)                                                            \
	({                                                                    \
		fflush(stdout);                                               \
		pid_t child_ = fork();                                        \
		CHECK(child_ >= 0);                                           \
		if (child_ == 0) {                                            \
			__VA_ARGS__;                                          \
			fflush(stdout);                                       \
			_exit(0);                                             \
		}                                                             \
		child_;                                                       \
	})

static inline int wait_status(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	return status;
}
/* The child must have exited 0. */
#define WAIT_OK(pid) CHECK_EQ(wait_status(pid), 0)
/* The child must have been killed by @sig. */
#define WAIT_SIGNAL(pid, sig)                                                 \
	do {                                                                  \
		int st_ = wait_status(pid);                                   \
		if (!WIFSIGNALED(st_) || WTERMSIG(st_) != (sig))              \
			ABI_FAIL("status %#x, want signal %d", st_, (sig));   \
	} while (0)

static inline void write_file(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, data, n), n);
	CHECK_EQ(close(fd), 0);
}

static inline void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static inline long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* ---- running ---- */

static inline int abi_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int abi_run_case(const struct abi_case *c)
{
	char dir[] = "abi.XXXXXX";
	int status = -1;
	pid_t pid;

	fflush(stdout);
	if (!mkdtemp(dir))
		return -1;
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		alarm(ABI_TIME_LIMIT);
		if (chdir(dir))
			_exit(1);
		if (c->fn)
			c->fn();
		else
			c->row_fn(c->row);
		fflush(stdout);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0)
		kill(-pid, SIGKILL); /* what a failed case left running */
	nftw(dir, abi_remove, 16, FTW_DEPTH | FTW_PHYS);
	return status;
}

static inline bool abi_wanted(const struct abi_case *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], c->name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	int n = 0, failed = 0;

	if (argc == 2 && !strcmp(argv[1], "-l")) {
		for (struct abi_case *c = abi_first; c; c = c->next)
			puts(c->name);
		return 0;
	}
	for (struct abi_case *c = abi_first; c; c = c->next) {
		int status;

		if (!abi_wanted(c, argc, argv))
			continue;
		status = abi_run_case(c);
		n++;
		if (WIFEXITED(status) && WEXITSTATUS(status) == ABI_SKIP) {
			printf("ok %d - %s # SKIP\n", n, c->name);
			continue;
		}
		if (WIFSIGNALED(status))
			printf("# killed by signal %d%s\n", WTERMSIG(status),
			       WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
		failed += status != 0;
		printf("%sok %d - %s\n", status ? "not " : "", n, c->name);
		fflush(stdout);
	}
	printf("1..%d\n", n);
	return failed != 0;
}
