// SPDX-License-Identifier: MIT
/* How cost grows with processes, threads, children to reap, signals that wait, arguments of a program. */
#include "row.h"
#include <dirent.h>
#include <pthread.h>
#include <spawn.h>
#include <linux/futex.h>

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static pid_t last_child;

static void make_processes(void)
{
	for (long i = 0; i < size; i++) {
		last_child = MUST(fork());
		if (!last_child)
			sleep_for_ever();
	}
}

static void end_processes(void)
{
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
}

static void fork_wait(unsigned long n)
{
	TIMES(n) {
		pid_t pid = MUST(fork());

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void kill_none(unsigned long n)
{
	TIMES(n)
		MUST(kill(last_child, 0));
}

static void wait_nohang(unsigned long n)
{
	TIMES(n)
		MUST(waitpid(-1, NULL, WNOHANG));
}

static void list_proc(unsigned long n)
{
	static char text[32768];
	int fd = MUST(open("/proc", O_RDONLY | O_DIRECTORY));

	TIMES(n) {
		lseek(fd, 0, SEEK_SET);
		while (syscall(SYS_getdents64, fd, text, sizeof(text)) > 0)
			;
	}
	close(fd);
}

/* ---- @size zombies, reaped: the time of one ---- */

static void make_zombies(void)
{
	siginfo_t info;

	for (long i = 0; i < size; i++) {
		pid_t pid = MUST(fork());

		if (!pid)
			_exit(0);
		waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	}
}

static void reap(unsigned long n)
{
	TIMES(n)
		MUST(wait(NULL));
}

/* ---- @size threads ---- */

static uint32_t word;

static void *sleeper(void *p)
{
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return p;
}

static void *nothing(void *p)
{
	return p;
}

static pthread_attr_t small;

static void make_threads(void)
{
	pthread_t t;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	for (long i = 0; i < size; i++)
		if (pthread_create(&t, &small, sleeper, NULL))
			die("pthread_create");
}

static void thread_life(unsigned long n)
{
	TIMES(n) {
		pthread_t t;

		if (pthread_create(&t, &small, nothing, NULL))
			die("pthread_create");
		pthread_join(t, NULL);
	}
}

static void signal_ignored(unsigned long n)
{
	signal(SIGUSR1, SIG_IGN);
	TIMES(n)
		kill(getpid(), SIGUSR1);
}

static void getrusage_all(unsigned long n)
{
	struct rusage u;

	TIMES(n)
		getrusage(RUSAGE_SELF, &u);
}

static void wake_other(unsigned long n)
{
	static uint32_t unused;

	TIMES(n)
		syscall(SYS_futex, &unused, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- @size signals that wait ---- */

static void queue_signals(void)
{
	union sigval v = { .sival_int = 1 };
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigaddset(&s, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (long i = 0; i < size; i++)
		MUST(sigqueue(getpid(), SIGRTMIN, v));
}

static void queue_take(unsigned long n)
{
	union sigval v = { .sival_int = 2 };
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 1);
	TIMES(n) {
		MUST(sigqueue(getpid(), SIGRTMIN + 1, v));
		sigwaitinfo(&s, NULL);
	}
}

/* ---- exec with @size KiB of arguments ---- */

static char *arguments[1024];

static void make_arguments(void)
{
	arguments[0] = "/proc/self/exe";
	arguments[1] = "--nothing";
	for (long i = 0; i < size; i++) {
		arguments[i + 2] = calloc(1, 1024);
		memset(arguments[i + 2], 'a', 1023);
	}
}

static void spawn(unsigned long n)
{
	char *none[] = { NULL };

	TIMES(n) {
		pid_t pid;

		if (posix_spawn(&pid, arguments[0], NULL, NULL, arguments, none))
			die("posix_spawn");
		waitpid(pid, NULL, 0);
	}
}

#define AMONG .setup = make_processes, .cleanup = end_processes
#define WITH_THREADS .setup = make_threads

static const struct row rows[] = {
	SIZES("fork, wait among processes", 1, 10, 100, 1000, .run = fork_wait, AMONG),
	SIZES("kill 0 among processes", 1, 10, 100, 1000, .run = kill_none, AMONG),
	SIZES("wait WNOHANG, children", 1, 10, 100, 1000, .run = wait_nohang, AMONG),
	SIZES("list /proc, processes", 1, 10, 100, 1000, .run = list_proc, AMONG),
	SIZED("reap one of children", 10, .run = reap, .before = make_zombies, .fixed = 10),
	SIZED("reap one of children", 100, .run = reap, .before = make_zombies, .fixed = 100),
	SIZED("reap one of children", 1000, .run = reap, .before = make_zombies, .fixed = 1000),
	SIZED("reap one of children", 4000, .run = reap, .before = make_zombies, .fixed = 4000),
	SIZES("thread life among threads", 1, 10, 100, 1000, .run = thread_life, WITH_THREADS),
	SIZES("signal ignored, threads", 1, 10, 100, 1000, .run = signal_ignored, WITH_THREADS),
	SIZES("getrusage, threads", 1, 10, 100, 1000, .run = getrusage_all, WITH_THREADS),
	SIZES("futex wake of none, waiters", 1, 10, 100, 1000, .run = wake_other, WITH_THREADS),
	SIZES("fork, wait with threads", 1, 10, 100, 1000, .run = fork_wait, WITH_THREADS),
	SIZES("sigqueue, take, others wait", 1, 10, 100, 1000, .run = queue_take, .setup = queue_signals),
	SIZES("spawn, KiB of arguments", 1, 16, 64, 512, .run = spawn, .setup = make_arguments),
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
