// SPDX-License-Identifier: MIT
/*
 * A small system call fuzzer, as an ordinary user inside a machine (test_fuzz_calls.py):
 *
 *     fuzz_calls SECONDS [SEED]
 *
 * trinity (test_trinity.py) throws anything at everything, and knows no Unix sockets.  Here objects
 * that belong together are made and used together - pairs of sockets with descriptors under way,
 * sets and what they watch, both ends of ptys and pipes - with values of which every few are hostile.
 *
 * Time is cut into episodes.  Each has a seed of its own, written to /dev/kmsg before, so that the
 * console tells which episode a panic ended: `fuzz_calls 3 SEED` begins with the same one.  In an
 * episode two processes of uid 65534 share one open file table's files, and each has two threads;
 * that is where races come from, and why a seed repeats the calls and not their order.
 *
 * Found is: what the kernel says on the console; a process that SIGKILL does not end within a
 * minute; files, sockets or ptys that stay when all processes are gone.
 */
#include "fuzz.h"
#include "fuzz_sockets.h"
#include "fuzz_events.h"
#include "fuzz_files.h"
#include "fuzz_memory.h"
#include "fuzz_tasks.h"

#include <pthread.h>
#include <sys/resource.h>

#define USER 65534
#define EPISODE_SECONDS 3
#define GONE_SECONDS 60

/* Those that make up an episode: one or two of them, or all. */
static const struct topic {
	const char *name;
	void (*const *calls)(void);
	unsigned int n;
} topics[] = {
	{ "sockets", socket_calls, N(socket_calls) }, { "events", event_calls, N(event_calls) },
	{ "files", file_calls, N(file_calls) },	      { "memory", memory_calls, N(memory_calls) },
	{ "tasks", task_calls, N(task_calls) },
};
static unsigned int in_use[N(topics)], n_in_use;
static long files_before, sockets_before;

static void say(const char *path, const char *fmt, ...)
{
	char line[200];
	va_list ap;
	int fd = open(path, O_WRONLY);

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (fd >= 0) {
		write(fd, line, strlen(line));
		close(fd);
	}
}

/* ---- one process of an episode ---- */

/* A store or a jump where nothing is: go on with the next call. */
static void on_fault(int sig)
{
	if (may_jump)
		siglongjmp(jump, sig);
	_exit(1);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void set_signals(void)
{
	struct itimerval often = { { 0, 50000 }, { 0, 50000 } };

	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_IGN);
	for (int sig = 34; sig < 64; sig++)
		signal(sig, SIG_IGN);
	struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct sigaction wake = { .sa_handler = on_signal };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGALRM, &wake, NULL);
	sigaction(SIGCHLD, &wake, NULL);
	setitimer(ITIMER_REAL, &often, NULL); /* ends calls that would wait for ever */
}

static void *run_calls(void *seed)
{
	random_state = (uint64_t)(uintptr_t)seed * 0x9e3779b97f4a7c15u + 1;
	for (;;) {
		const struct topic *t = &topics[in_use[below(n_in_use)]];

		/* A signal's handler may jump out of any call: each begins with what it needs. */
		if (!sigsetjmp(jump, 0)) {
			may_jump = 1;
			t->calls[below(t->n)]();
		}
		may_jump = 0;
	}
	return NULL;
}

static void limit(int what, rlim_t n)
{
	setrlimit(what, &(struct rlimit){ n, n });
}

static void become_user(void)
{
	limit(RLIMIT_NPROC, 40);
	limit(RLIMIT_AS, 192 << 20);
	limit(RLIMIT_FSIZE, 1 << 20);
	limit(RLIMIT_NOFILE, 256);
	setgroups(0, NULL);
	if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		_exit(2);
}

static _Noreturn void episode(void)
{
	uint64_t seed;
	pthread_t thread;
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd); /* output is for the starter alone */
	close(null);
	setsid();
	become_user();
	set_signals();
	make_places();
	for (int i = 0; i < 6; i++) {
		make_pair();
		make_pipe();
		open_something();
	}
	seed = any();
	if (fork() == 0)
		seed += 77;
	pthread_create(&thread, NULL, run_calls, (void *)(uintptr_t)(seed + 1));
	run_calls((void *)(uintptr_t)seed);
	_exit(0);
}

/* ---- who starts them and looks what stays ---- */

static long first_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	if (fd >= 0) {
		read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	return atol(text);
}

static long lines(const char *path)
{
	FILE *f = fopen(path, "r");
	long n = 0;

	for (int c; f && (c = getc(f)) != EOF;)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

/* Everything of the user's: -1 means all that may be signalled. */
static void kill_all(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setresuid(USER, USER, USER);
		kill(-1, SIGKILL);
		_exit(0);
	}
}

/* All are children of this process by now or will be: it adopts orphans. */
static bool all_gone(uint64_t seed)
{
	for (int tenths = 0; tenths < GONE_SECONDS * 10; tenths++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return true;
		if (tenths % 10 == 0)
			kill_all(); /* those that were forked meanwhile */
		usleep(100000);
	}
	printf("episode %llu: a process outlived SIGKILL\n", (unsigned long long)seed);
	return false;
}

/* System V segments outlive all who attached them. */
static void remove_segments(void)
{
	struct shmid_ds d;
	int id, last = shmctl(0, SHM_INFO, &d);

	for (int i = 0; i <= last; i++)
		if ((id = shmctl(i, SHM_STAT, &d)) >= 0)
			shmctl(id, IPC_RMID, NULL);
}

/* What the user made is freed when nobody is left, if not at once: the kernel has its own threads. */
static bool nothing_stays(uint64_t seed)
{
	long f = 0, s = 0, ptys = 0;

	for (int i = 0; i < 300; i++) {
		f = first_number("/proc/sys/fs/file-nr");
		s = lines("/proc/net/unix");
		ptys = first_number("/proc/sys/kernel/pty/nr");
		if (f <= files_before && s <= sockets_before && ptys == 0)
			return true;
		usleep(100000);
	}
	printf("episode %llu: files %ld, before %ld; sockets %ld, before %ld; ptys %ld\n",
	       (unsigned long long)seed, f, files_before, s, sockets_before, ptys);
	return false;
}

static void choose_topics(uint64_t seed)
{
	char names[64] = "";

	random_state = seed * 0x2545f4914f6cdd1du + 1;
	n_in_use = below(3) ? 1 + below(2) : N(topics);
	for (unsigned int i = 0; i < n_in_use; i++) {
		in_use[i] = n_in_use == N(topics) ? i : below(N(topics));
		strcat(strcat(names, " "), topics[in_use[i]].name);
	}
	say("/dev/kmsg", "fuzz_calls: seed %llu:%s\n", (unsigned long long)seed, names);
}

static bool run_episode(uint64_t seed)
{
	pid_t pid;

	choose_topics(seed);
	mount("fuzz", "/tmp", "tmpfs", 0, "size=32m,mode=1777");
	if (chdir(seed % 2 ? "/tmp" : "/var/fuzz"))
		return false;
	pid = fork();
	if (pid == 0)
		episode();
	sleep(EPISODE_SECONDS);
	if (!all_gone(seed))
		return false;
	remove_segments();
	chdir("/");
	if (umount("/tmp")) {
		printf("episode %llu: /tmp is busy: %s\n", (unsigned long long)seed, strerror(errno));
		return false;
	}
	return nothing_stays(seed);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL) * 1000 + getpid();
	int episodes = atoi(argc > 1 ? argv[1] : "0") / EPISODE_SECONDS;

	if (argc > 1 && episodes == 0)
		return 0; /* what fuzzed processes execute */
	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	mkdir("/var", 0755);
	mkdir("/var/fuzz", 01777);
	chmod("/var/fuzz", 01777);
	mount("proc", "/proc", "proc", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666,mode=0620");
	files_before = first_number("/proc/sys/fs/file-nr") + 4; /* those of init come and go */
	sockets_before = lines("/proc/net/unix");
	for (int i = 0; i < episodes; i++)
		if (!run_episode(seed + (uint64_t)i))
			return 1;
	printf("%d episodes\n", episodes);
	return 0;
}
