// SPDX-License-Identifier: MIT
/*
 * kernel_hog KIND: a user fills memory with what the kernel keeps for him, while
 * a process of root's, larger than any of his, sits beside it.
 *
 * Prints how the user's process ended and that root's is still there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 12345
#define MIB (1ul << 20)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Signals queued to oneself. */
static int more_signals(void)
{
	union sigval v = { 0 };

	return sigqueue(getpid(), SIGRTMIN, v);
}

static const struct kind {
	const char *name;
	int (*more)(void); /* -1: there is no more to be had */
} kinds[] = {
	{ "signals", more_signals },
};

static void fill(const struct kind *k)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (!k->more())
		;
	for (;;) { /* the rest by pages of its own, so that somebody must go */
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			_exit(0);
		memset(p, 1, MIB);
	}
}

static pid_t start_hog(const struct kind *k)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	pid_t pid = fork();

	if (pid)
		return pid;
	if (setrlimit(RLIMIT_SIGPENDING, &none) || syscall(SYS_setgroups, 0, NULL) || setgid(USER) ||
	    setuid(USER))
		die("become a user");
	fill(k);
	return 0;
}

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	fprintf(stderr, "kernel_hog: no kind %s\n", name);
	exit(2);
}

/* Something that root runs and that holds more pages than the user's process ever has. */
static pid_t start_innocent(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	char *p = mmap(NULL, 12 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	memset(p, 1, 12 * MIB);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const struct kind *k = find_kind(argc > 1 ? argv[1] : "");
	pid_t innocent = start_innocent(), hog;
	int status;

	sleep(1);
	hog = start_hog(k);
	if (hog < 0 || waitpid(hog, &status, 0) != hog)
		die("the user's process");
	printf("hog: %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	printf("innocent: %s\n", waitpid(innocent, &status, WNOHANG) == 0 ? "alive" : "gone");
	return kill(innocent, SIGKILL);
}
