// SPDX-License-Identifier: MIT
/* Memory that runs: text that nobody changes under a program, pages that are written or run, not both. */
#include "mem.h"

static void copy_program(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	char buf[65536];
	ssize_t n;

	CHECK(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		CHECK_EQ(write(out, buf, n), n);
	CHECK(n == 0 && close(in) == 0 && close(out) == 0);
}

/* This program runs again: its output is none of ours. */
static void be_quiet(void)
{
	CHECK_EQ(dup2(open("/dev/null", O_WRONLY), 1), 1);
}

/* A copy of this very program that waits for its standard input to end. */
static pid_t run_copy(const char *path, int *to_it)
{
	int p[2];
	pid_t pid;

	copy_program("/proc/self/exe", path);
	CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(p[0], 0);
		be_quiet();
		execl(path, path, "wait_for_input", NULL);
		_exit(127);
	}
	close(p[0]);
	*to_it = p[1];
	return pid;
}

/* Runs as a case of its own, too, and then finds its input at an end or not at all. */
TEST(wait_for_input)
{
	char c;

	write_file("running", "", 0);
	if (isatty(0))
		return;
	while (read(0, &c, 1) > 0)
		;
}

static void await_running(const char *path, pid_t pid)
{
	char link[64], target[PATH_MAX];

	sprintf(link, "/proc/%d/exe", pid);
	for (int i = 0; i < 2000; i++) {
		ssize_t n = readlink(link, target, sizeof(target) - 1);

		if (n > 0 && !memcmp(target + n - strlen(path), path, strlen(path)))
			return;
		sleep_ms(1);
	}
	ABI_FAIL("it does not run");
}

TEST(running_program_cannot_be_written)
{
	int to_it;
	pid_t pid = run_copy("prog", &to_it);

	await_running("prog", pid);
	CHECK_ERR(open("prog", O_WRONLY), ETXTBSY);
	CHECK_ERR(open("prog", O_RDWR), ETXTBSY);
	CHECK_ERR(open("prog", O_RDONLY | O_TRUNC), ETXTBSY);
	CHECK_ERR(truncate("prog", 0), ETXTBSY);
	CHECK(open("prog", O_RDONLY) >= 0);
	CHECK_EQ(unlink("prog"), 0); /* the name may go */
	close(to_it);
	WAIT_OK(pid);
}

TEST(ended_program_can_be_written)
{
	int to_it, fd;
	pid_t pid = run_copy("prog", &to_it);

	await_running("prog", pid);
	close(to_it);
	WAIT_OK(pid);
	fd = open("prog", O_RDWR);
	CHECK(fd >= 0);
}

TEST(file_open_for_writing_cannot_be_run)
{
	int fd;

	copy_program("/proc/self/exe", "prog");
	fd = open("prog", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_ERR(execl("prog", "prog", "-l", NULL), ETXTBSY);
	close(fd);
	fd = open("prog", O_RDONLY);
	WAIT_OK(CHILD({
		be_quiet();
		execl("prog", "prog", "-l", NULL);
		_exit(126);
	}));
}

TEST(no_page_of_a_program_is_both)
{
	unsigned long start, end;
	char line[512], perm[8];
	FILE *f = fopen("/proc/self/maps", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		CHECK_EQ(sscanf(line, "%lx-%lx %4s", &start, &end, perm), 3);
		CHECK(!(perm[1] == 'w' && perm[2] == 'x'));
	}
}

static int answer(void)
{
	return 42;
}

TEST(own_text_cannot_be_stored_into)
{
	catch_faults();
	CHECK_EQ(store((char *)answer, 0), -SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK_EQ(answer(), 42);
}

/* Made writable for a moment it is a private copy: this process's, not the file's. */
TEST(patched_text_is_private)
{
	int (*volatile call)(void) = answer;
	char *at = (char *)((unsigned long)answer & ~(PAGE - 1));

	CHECK_EQ(mprotect(at, 2 * PAGE, RW | PROT_EXEC), 0);
	memcpy((char *)answer, "\xb8\x07\x00\x00\x00\xc3", 6); /* mov $7, %eax; ret */
	CHECK_EQ(mprotect(at, 2 * PAGE, PROT_READ | PROT_EXEC), 0);
	CHECK_EQ(call(), 7);
	WAIT_OK(CHILD({ CHECK_EQ(call(), 7); }));
	WAIT_OK(CHILD({
		be_quiet();
		execl("/proc/self/exe", "again", "own_text_cannot_be_stored_into", NULL);
	}));
}

static const char code[2][6] = { "\xb8\x01\x00\x00\x00\xc3", "\xb8\x02\x00\x00\x00\xc3" };

TEST(code_written_then_run)
{
	char *p = map_anon(1);
	int (*fn)(void) = (int (*)(void))(void *)p;

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(mprotect(p, PAGE, RW), 0);
		memcpy(p, code[i % 2], 6);
		CHECK_EQ(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
		CHECK_EQ(fn(), i % 2 + 1);
	}
}

/* Two views of one file, one to write and one to run. */
TEST(code_written_through_another_mapping)
{
	int fd = make_file(FS_MEMORY, "jit", PAGE);
	char *w = map_file(fd, PAGE, MAP_SHARED);
	char *x = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	int (*fn)(void) = (int (*)(void))(void *)x;

	CHECK(x != MAP_FAILED);
	for (int i = 0; i < 50; i++) {
		memcpy(w, code[i % 2], 6);
		CHECK_EQ(fn(), i % 2 + 1);
	}
	catch_faults();
	CHECK_EQ(store(x, 0), -SIGSEGV);
}

TEST(code_that_write_puts_into_the_file)
{
	int fd = make_file(FS_DISK, "code", PAGE);
	char *x = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	int (*fn)(void) = (int (*)(void))(void *)x;

	CHECK(x != MAP_FAILED);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(pwrite(fd, code[i % 2], 6, 0), 6);
		CHECK_EQ(fn(), i % 2 + 1);
	}
}

TEST(program_in_memory_runs)
{
	int in = open("/proc/self/exe", O_RDONLY), fd = memfd_create("prog", MFD_CLOEXEC);
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		CHECK_EQ(write(fd, buf, n), n);
	WAIT_OK(CHILD({
		char *argv[] = { "prog", "own_text_cannot_be_stored_into", NULL };
		int ro;
		char path[64];

		be_quiet();
		sprintf(path, "/proc/self/fd/%d", fd);
		ro = open(path, O_RDONLY | O_CLOEXEC);
		close(fd);
		syscall(SYS_execveat, ro, "", argv, NULL, AT_EMPTY_PATH);
		_exit(126);
	}));
}
