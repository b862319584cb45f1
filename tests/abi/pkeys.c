// SPDX-License-Identifier: MIT
/*
 * Protection keys, pkeys(7): allocation, pages with a key, the register in signal frames, fork and threads, and
 * memory that may only be executed.  On a CPU without keys all but one case are skipped.
 */
#include "abi.h"
#include <pthread.h>
#include <setjmp.h>
#include <ucontext.h>

#define PAGE 4096
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)
#define DENY_ACCESS 1u
#define DENY_WRITE 2u
#define INITIAL 0x55555554u /* every key but 0 denies access */
#ifndef SEGV_PKUERR
#define SEGV_PKUERR 4
#endif

static uint32_t rdpkru(void)
{
	uint32_t v, zero;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(v), "=d"(zero) : "c"(0));
	return v;
}

static void wrpkru(uint32_t v)
{
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(v), "c"(0), "d"(0) : "memory");
}

static void set_rights(int key, uint32_t rights)
{
	wrpkru((rdpkru() & ~(3u << 2 * key)) | rights << 2 * key);
}

static int alloc_key(unsigned int rights)
{
	return (int)syscall(SYS_pkey_alloc, 0, rights);
}

static bool has_keys(void)
{
	char line[8192];
	FILE *f = fopen("/proc/cpuinfo", "r");
	bool has = false;

	while (f && !has && fgets(line, sizeof(line), f))
		has = !strncmp(line, "flags", 5) && strstr(line, " ospke");
	if (f)
		fclose(f);
	return has;
}

#define NEED_KEYS()                                 \
	do {                                        \
		if (!has_keys())                    \
			SKIP("the CPU has no keys"); \
	} while (0)

/* ---- an access, and what it brings ---- */

static sigjmp_buf back;
static siginfo_t seen;
static uint32_t pkru_in_handler;

static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	pkru_in_handler = rdpkru();
	seen = *info;
	siglongjmp(back, 1);
}

/* True: it was allowed.  A handler that jumps away leaves the register as the kernel set it: put it back. */
static bool touch(volatile char *p, bool write)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	uint32_t before = rdpkru();

	sigaction(SIGSEGV, &sa, NULL);
	if (sigsetjmp(back, 1)) {
		wrpkru(before);
		return false;
	}
	if (write)
		*p = 'w';
	else
		(void)*p;
	return true;
}

#define ALLOWED(p, write) CHECK(touch((p), (write)))
#define DENIED(p, write, key)                                      \
	do {                                                       \
		CHECK(!touch((p), (write)));                       \
		CHECK_EQ(seen.si_code, SEGV_PKUERR);               \
		CHECK_EQ((unsigned long)seen.si_addr, (unsigned long)(p)); \
		CHECK_EQ(seen.si_pkey, (key));                     \
		CHECK_EQ(pkru_in_handler, INITIAL);                \
	} while (0)

static char *page_with(int key, int prot)
{
	char *p = mmap(NULL, PAGE, RW, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	p[0] = 'a';
	CHECK_EQ(syscall(SYS_pkey_mprotect, p, PAGE, prot, key), 0);
	return p;
}

/* What /proc/self/smaps says of the mapping at @p; -1: nothing. */
static int shown_key(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false;
	char line[512];
	int key = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)p && (unsigned long)p < end;
		else if (inside && sscanf(line, "ProtectionKey: %d", &key) == 1)
			break;
	}
	fclose(f);
	return key;
}

/* ---- allocation ---- */

TEST(keys_are_fifteen_and_come_back)
{
	bool taken[16] = { true };

	NEED_KEYS();
	for (int i = 1; i < 16; i++) {
		int key = alloc_key(0);

		CHECK(key > 0 && key < 16 && !taken[key]);
		taken[key] = true;
	}
	CHECK_ERR(alloc_key(0), ENOSPC);
	CHECK_EQ(syscall(SYS_pkey_free, 7), 0);
	CHECK_ERR(syscall(SYS_pkey_free, 7), EINVAL);
	CHECK_EQ(alloc_key(0), 7);
	CHECK_EQ(syscall(SYS_pkey_free, 0), 0); /* no key is holy */
	CHECK_EQ(alloc_key(0), 0);
}

TEST(bad_arguments)
{
	char *p = mmap(NULL, PAGE, RW, ANON, -1, 0);

	CHECK_ERR(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_alloc, 0, 4), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_free, -1), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_free, 16), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, RW, 16), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, RW, -2), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, RW, 9), EINVAL); /* not allocated */
	CHECK_EQ(syscall(SYS_pkey_mprotect, p, 0, RW, 9), 0);
	CHECK_ERR(syscall(SYS_pkey_mprotect, p + 1, PAGE, RW, 9), EINVAL);
	CHECK_EQ(syscall(SYS_pkey_mprotect, p, PAGE, RW, -1), 0);
}

TEST(the_rights_asked_for_are_set)
{
	int key;

	NEED_KEYS();
	CHECK_EQ(rdpkru(), INITIAL);
	key = alloc_key(DENY_WRITE);
	CHECK_EQ(rdpkru() >> 2 * key & 3, DENY_WRITE);
	CHECK_EQ(alloc_key(0), key + 1);
	CHECK_EQ(rdpkru() >> 2 * (key + 1) & 3, 0);
}

/* ---- pages ---- */

static const struct {
	const char *what;
	unsigned int rights;
	bool read, write;
} rights_rows[] = {
	{ "all", 0, true, true },
	{ "read", DENY_WRITE, true, false },
	{ "none", DENY_ACCESS, false, false },
	{ "neither", DENY_ACCESS | DENY_WRITE, false, false },
};

TEST_ROWS(rights, rights_rows)
{
	int key;
	char *p, *fresh;

	NEED_KEYS();
	key = alloc_key(row->rights);
	p = page_with(key, RW);
	fresh = mmap(NULL, PAGE, RW, ANON, -1, 0); /* no page is there yet */
	CHECK_EQ(syscall(SYS_pkey_mprotect, fresh, PAGE, RW, key), 0);
	for (int i = 0; i < 2; i++, p = fresh) {
		if (row->read)
			ALLOWED(p, false);
		else
			DENIED(p, false, key);
		if (row->write)
			ALLOWED(p, true);
		else
			DENIED(p, true, key);
	}
}

TEST(the_register_decides_at_each_access)
{
	int key;
	char *p;

	NEED_KEYS();
	key = alloc_key(0);
	p = page_with(key, RW);
	for (int i = 0; i < 50; i++) {
		set_rights(key, DENY_ACCESS);
		DENIED(p, false, key);
		set_rights(key, DENY_WRITE);
		ALLOWED(p, false);
		DENIED(p, true, key);
		set_rights(key, 0);
		ALLOWED(p, true);
	}
}

TEST(system_calls_obey_the_register)
{
	int key, fds[2];
	char *p;

	NEED_KEYS();
	key = alloc_key(0);
	p = page_with(key, RW);
	CHECK_EQ(pipe(fds), 0);
	set_rights(key, DENY_ACCESS);
	CHECK_ERR(write(fds[1], p, 1), EFAULT);
	CHECK_EQ(write(fds[1], "xy", 2), 2);
	CHECK_ERR(read(fds[0], p, 1), EFAULT);
	set_rights(key, DENY_WRITE);
	CHECK_ERR(read(fds[0], p, 1), EFAULT);
	CHECK_EQ(write(fds[1], p, 1), 1);
	set_rights(key, 0);
	CHECK_EQ(read(fds[0], p, 1), 1);
}

TEST(mprotect_keeps_the_key)
{
	int key;
	char *p;

	NEED_KEYS();
	key = alloc_key(0);
	p = page_with(key, RW);
	CHECK_EQ(shown_key(p), key);
	CHECK_EQ(mprotect(p, PAGE, PROT_READ), 0);
	CHECK_EQ(shown_key(p), key);
	CHECK_EQ(mprotect(p, PAGE, PROT_NONE), 0);
	CHECK_EQ(mprotect(p, PAGE, RW), 0);
	CHECK_EQ(shown_key(p), key);
	set_rights(key, DENY_ACCESS);
	DENIED(p, false, key);
	CHECK_EQ(syscall(SYS_pkey_mprotect, p, PAGE, RW, 0), 0);
	ALLOWED(p, true);
	CHECK_EQ(shown_key(p), 0);
}

TEST(a_missing_right_of_the_mapping_is_no_matter_of_keys)
{
	int key;
	char *p;

	NEED_KEYS();
	key = alloc_key(0);
	p = page_with(key, PROT_READ);
	CHECK(!touch(p, true));
	CHECK_EQ(seen.si_code, SEGV_ACCERR);
	set_rights(key, DENY_ACCESS);
	DENIED(p, true, key); /* both: the key is named */
}

/* ---- who has which register ---- */

static int handler_key;
static uint32_t in_handler;

static void on_usr1(int sig)
{
	(void)sig;
	in_handler = rdpkru();
	set_rights(handler_key, DENY_ACCESS | DENY_WRITE); /* its own: gone when it returns */
}

TEST(handlers_have_their_own_register)
{
	uint32_t before;

	NEED_KEYS();
	handler_key = alloc_key(DENY_WRITE);
	before = rdpkru();
	signal(SIGUSR1, on_usr1);
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(in_handler, INITIAL);
	CHECK_EQ(rdpkru(), before);
}

static void *in_thread(void *arg)
{
	*(uint32_t *)arg = rdpkru();
	wrpkru(0);
	return NULL;
}

TEST(children_and_threads_begin_with_the_same)
{
	uint32_t mine, theirs = 0;
	pthread_t t;
	int key, status;
	pid_t pid;

	NEED_KEYS();
	key = alloc_key(DENY_WRITE);
	mine = rdpkru();
	CHECK_EQ(pthread_create(&t, NULL, in_thread, &theirs), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(theirs, mine);
	CHECK_EQ(rdpkru(), mine);
	pid = fork();
	if (!pid) {
		bool same = rdpkru() == mine;

		_exit(same && !syscall(SYS_pkey_free, key) && alloc_key(0) == key ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(syscall(SYS_pkey_free, key), 0); /* the child's was another */
}

TEST(the_register_survives_other_threads_of_the_cpu)
{
	int key;

	NEED_KEYS();
	key = alloc_key(0);
	for (uint32_t i = 0; i < 200; i++) {
		set_rights(key, i & 3);
		if (!fork()) {
			wrpkru(0);
			_exit(0);
		}
		CHECK(wait(NULL) > 0);
		CHECK_EQ(rdpkru() >> 2 * key & 3, i & 3);
	}
}

/* ---- memory that may only be executed ---- */

static const unsigned char return_42[] = { 0xb8, 42, 0, 0, 0, 0xc3 };

TEST(exec_only_memory_runs_and_cannot_be_read)
{
	char *p;
	int key;

	NEED_KEYS();
	p = mmap(NULL, PAGE, RW, ANON, -1, 0);
	memcpy(p, return_42, sizeof(return_42));
	CHECK_EQ(mprotect(p, PAGE, PROT_EXEC), 0);
	key = shown_key(p);
	CHECK(key > 0);
	CHECK_EQ(((int (*)(void))p)(), 42);
	DENIED(p, false, key);
	CHECK_ERR(syscall(SYS_pkey_free, key), EINVAL); /* it is not the program's */
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, RW, key), EINVAL);
	CHECK_EQ(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
	CHECK_EQ(shown_key(p), 0);
	ALLOWED(p, false);
}

TEST(mmap_of_exec_only_memory)
{
	char *p;

	NEED_KEYS();
	p = mmap(NULL, PAGE, PROT_EXEC, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK(shown_key(p) > 0);
	DENIED(p, false, shown_key(p));
}

TEST(exec_only_without_a_key_left_can_be_read)
{
	char *p;

	NEED_KEYS();
	while (alloc_key(0) > 0)
		;
	p = mmap(NULL, PAGE, PROT_EXEC, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(shown_key(p), 0);
	ALLOWED(p, false);
}
