// SPDX-License-Identifier: MIT
/*
 * Stores into files through shared mappings, then one trigger of writeback, then
 * waiting to be killed with the machine (test_writeback.py).
 *
 *   writeback DIRECTORY TRIGGER SECONDS
 *
 * Two files of FILE_SIZE bytes: `old` was on the disk before, full of 'o'; `hole`
 * has a size but no blocks.  Both become full of 'n'.  "ready" is printed when
 * the trigger promises that this is on the disk, or, for triggers that come by
 * themselves, after SECONDS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILE_SIZE (2ul << 20)
#define PAGE 4096ul

static const char *const names[] = { "old", "hole" };

static void need(int ok, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_file(int i)
{
	int fd = open(names[i], O_RDWR | O_CREAT, 0644);

	need(fd >= 0, names[i]);
	return fd;
}

static void make_files(void)
{
	static char data[FILE_SIZE];
	int old = open_file(0), hole = open_file(1);

	memset(data, 'o', FILE_SIZE);
	need(write(old, data, FILE_SIZE) == FILE_SIZE, "write");
	need(ftruncate(hole, FILE_SIZE) == 0, "ftruncate");
	sync();
}

static char *store(int i)
{
	int fd = open_file(i);
	char *p = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	need(p != MAP_FAILED, "mmap");
	memset(p, 'n', FILE_SIZE);
	close(fd);
	return p;
}

static void trigger_msync(void)
{
	for (int i = 0; i < 2; i++)
		need(msync(store(i), FILE_SIZE, MS_SYNC) == 0, "msync");
}

static void on_each(int (*call)(int fd))
{
	for (int i = 0; i < 2; i++) {
		store(i);
		need(call(open_file(i)) == 0, "fsync");
	}
}

static void trigger_fsync(void)
{
	on_each(fsync);
}

static void trigger_fdatasync(void)
{
	on_each(fdatasync);
}

static void trigger_sync(void)
{
	store(0);
	store(1);
	sync();
}

static void trigger_syncfs(void)
{
	store(0);
	store(1);
	need(syncfs(open_file(0)) == 0, "syncfs");
}

static void trigger_munmap(void)
{
	for (int i = 0; i < 2; i++)
		need(munmap(store(i), FILE_SIZE) == 0, "munmap");
}

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value), path);
	close(fd);
}

/* As munmap, but a second is old enough, and the flusher looks twice a second. */
static void trigger_settings(void)
{
	set("/proc/sys/vm/dirty_expire_centisecs", "100");
	set("/proc/sys/vm/dirty_writeback_centisecs", "50");
	trigger_munmap();
}

/* A process that stores and ends without another word. */
static void trigger_exit(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		store(0);
		store(1);
		_exit(0);
	}
	need(waitpid(pid, NULL, 0) == pid, "waitpid");
}

static size_t resident(int i)
{
	static unsigned char vec[FILE_SIZE / PAGE];
	int fd = open_file(i);
	char *p = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	size_t n = 0;

	need(p != MAP_FAILED && mincore(p, FILE_SIZE, vec) == 0, "mincore");
	munmap(p, FILE_SIZE);
	close(fd);
	for (size_t k = 0; k < FILE_SIZE / PAGE; k++)
		n += vec[k] & 1;
	return n;
}

/* Takes memory, little by little so that the disk has the time to make room, until it is killed. */
static pid_t start_hog(void)
{
	size_t step = 1 << 18;
	pid_t pid = fork();

	need(pid >= 0, "fork");
	while (pid == 0) {
		char *more = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (more != MAP_FAILED)
			memset(more, 1, step);
		usleep(2000);
	}
	return pid;
}

/*
 * Memory fills up until the files' pages are gone: within less time than they would go by themselves.
 * They are the last that can go, so the hog may find no more and be killed just then.
 */
static void trigger_pressure(void)
{
	time_t start = time(NULL);
	pid_t hog = 0;

	trigger_munmap();
	while (resident(0) + resident(1)) {
		need(time(NULL) < start + 20, "pages stay in memory");
		if (!hog || waitpid(hog, NULL, WNOHANG) == hog)
			hog = start_hog();
		usleep(2000);
	}
	if (hog)
		kill(hog, SIGKILL);
}

static _Atomic int storing;

static void *sync_meanwhile(void *arg)
{
	while (storing)
		sync();
	return arg;
}

static long dirty_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	need(f != NULL, "/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "Dirty:", 6))
			kb = strtol(line + 6, NULL, 10);
	fclose(f);
	return kb;
}

/* The last of many stores falls into a sync(2) that is under way, at whatever point: the next one has it. */
static void trigger_busy(void)
{
	for (int round = 0; round < 400; round++) {
		char *p = store(0);
		pthread_t syncer;

		storing = 1;
		need(!pthread_create(&syncer, NULL, sync_meanwhile, NULL), "pthread_create");
		for (int i = 0; i <= round % 20; i++) {
			p[i * PAGE] = 'n';
			usleep((unsigned int)(round * 7 % 100));
		}
		storing = 0;
		pthread_join(syncer, NULL);
		sync();
		need(dirty_kb() == 0, "something is dirty after sync");
		munmap(p, FILE_SIZE);
	}
	trigger_sync();
}

static const struct {
	const char *name;
	void (*run)(void);
} triggers[] = {
	{ "msync", trigger_msync }, { "fsync", trigger_fsync },   { "fdatasync", trigger_fdatasync },
	{ "sync", trigger_sync },   { "busy", trigger_busy },	{ "syncfs", trigger_syncfs }, { "pressure", trigger_pressure },
	{ "munmap", trigger_munmap }, { "exit", trigger_exit },
	{ "settings", trigger_settings },
};

int main(int argc, char **argv)
{
	need(argc == 4 && chdir(argv[1]) == 0, "usage");
	make_files();
	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++)
		if (!strcmp(triggers[i].name, argv[2]))
			triggers[i].run();
	sleep((unsigned int)atoi(argv[3]));
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
