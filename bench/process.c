// SPDX-License-Identifier: MIT
/* What processes and threads cost: made, replaced, ended, waited for. */
#include "row.h"
#include <pthread.h>
#include <sched.h>
#include <spawn.h>

extern char **environ;

static void fork_wait(unsigned long n)
{
	TIMES(n) {
		pid_t pid = MUST(fork());

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

/* Apart: what the compiler keeps in registers across vfork() is the child's too. */
static __attribute__((noinline)) pid_t vfork_exit(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid;
}

static void vfork_wait(unsigned long n)
{
	TIMES(n)
		waitpid(MUST(vfork_exit()), NULL, 0);
}

static void fork_touch(unsigned long n)
{
	static char data[64 * PAGE];

	TIMES(n) {
		pid_t pid = MUST(fork());

		if (!pid) {
			for (size_t i = 0; i < sizeof(data); i += PAGE)
				*(volatile char *)(data + i) = 1;
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void spawn(unsigned long n, char **argv)
{
	TIMES(n) {
		pid_t pid;

		if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ))
			die(argv[0]);
		waitpid(pid, NULL, 0);
	}
}

static void spawn_self(unsigned long n)
{
	char *argv[] = { "/proc/self/exe", "--nothing", NULL };

	spawn(n, argv);
}

static void spawn_shell(unsigned long n)
{
	char *argv[] = { "/bin/sh", "-c", ":", NULL };

	spawn(n, argv);
}

static void spawn_pipeline(unsigned long n)
{
	char *argv[] = { "/bin/sh", "-c", "echo hello | cat | cat >/dev/null", NULL };

	spawn(n, argv);
}

static void fork_exec(unsigned long n)
{
	TIMES(n) {
		pid_t pid = MUST(fork());

		if (!pid) {
			execl("/proc/self/exe", "bench", "--nothing", (char *)NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
}

static void *nothing(void *p)
{
	return p;
}

static void thread_life(unsigned long n)
{
	TIMES(n) {
		pthread_t t;

		if (pthread_create(&t, NULL, nothing, NULL))
			die("pthread_create");
		pthread_join(t, NULL);
	}
}

static void ten_threads(unsigned long n)
{
	TIMES(n) {
		pthread_t t[10];

		for (size_t i = 0; i < COUNT(t); i++)
			if (pthread_create(&t[i], NULL, nothing, NULL))
				die("pthread_create");
		for (size_t i = 0; i < COUNT(t); i++)
			pthread_join(t[i], NULL);
	}
}

static void wait_for_none(unsigned long n)
{
	TIMES(n)
		waitpid(-1, NULL, WNOHANG);
}

static void sleeping_child(void)
{
	if (MUST(fork()) == 0)
		for (;;)
			pause();
}

static void kill_child(unsigned long n)
{
	TIMES(n) {
		pid_t pid = MUST(fork());

		if (!pid)
			for (;;)
				pause();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void stop_continue(unsigned long n)
{
	pid_t pid = MUST(fork());
	int status;

	if (!pid)
		for (;;)
			pause();
	TIMES(n) {
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		kill(pid, SIGCONT);
		waitpid(pid, &status, WCONTINUED);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void setpgid_call(unsigned long n)
{
	TIMES(n)
		setpgid(0, 0);
}

static void getpriority_call(unsigned long n)
{
	TIMES(n)
		getpriority(PRIO_PROCESS, 0);
}

static void affinity_call(unsigned long n)
{
	cpu_set_t s;

	TIMES(n)
		sched_getaffinity(0, sizeof(s), &s);
}

static void read_stat(unsigned long n)
{
	char text[4096];

	TIMES(n) {
		int fd = MUST(open("/proc/self/stat", O_RDONLY));

		MUST(read(fd, text, sizeof(text)));
		close(fd);
	}
}

static void read_maps(unsigned long n)
{
	char text[8192];

	TIMES(n) {
		int fd = MUST(open("/proc/self/maps", O_RDONLY));

		MUST(read(fd, text, sizeof(text)));
		close(fd);
	}
}

static void read_status(unsigned long n)
{
	char text[8192];

	TIMES(n) {
		int fd = MUST(open("/proc/self/status", O_RDONLY));

		MUST(read(fd, text, sizeof(text)));
		close(fd);
	}
}

static const struct row rows[] = {
	{ .name = "fork, exit, wait", .run = fork_wait },
	{ .name = "vfork, exit, wait", .run = vfork_wait },
	{ .name = "fork, 64 pages stored to, wait", .run = fork_touch },
	{ .name = "fork, exec, wait: static", .run = fork_exec },
	{ .name = "posix_spawn, wait: static", .run = spawn_self },
	{ .name = "sh -c :", .run = spawn_shell },
	{ .name = "sh -c 'echo | cat | cat'", .run = spawn_pipeline },
	{ .name = "thread, made and joined", .run = thread_life },
	{ .name = "10 threads, made and joined", .run = ten_threads },
	{ .name = "wait, no child has ended", .run = wait_for_none, .setup = sleeping_child },
	{ .name = "fork, SIGKILL, wait", .run = kill_child },
	{ .name = "stop, wait, continue, wait", .run = stop_continue },
	{ .name = "setpgid", .run = setpgid_call },
	{ .name = "getpriority", .run = getpriority_call },
	{ .name = "sched_getaffinity", .run = affinity_call },
	{ .name = "/proc/self/stat", .run = read_stat },
	{ .name = "/proc/self/status", .run = read_status },
	{ .name = "/proc/self/maps", .run = read_maps },
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
