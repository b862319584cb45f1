// SPDX-License-Identifier: MIT
/*
 * Does memory come back?  (test_leaks.py)
 *
 *   leaks exec ROUNDS         fork, exec, exit
 *   leaks tmpfs ROUNDS        mount, some files and directories, unmount
 *   leaks ext4 ROUNDS         the same on /dev/vdb
 *
 * A tenth of the rounds warms up; then free memory is measured before and after
 * the rest, both times with dirty data written, caches dropped and what the
 * caches still hold counted as free.  One line: KiB before, KiB after.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE "/mnt"

static void need(int ok, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- rounds ---- */

static void round_exec(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execl("/proc/self/exe", "leaks", "end", NULL);
		_exit(127);
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "child");
}

static void use(void)
{
	static char data[20000];
	int fd;
	char *p;

	need(mkdir(PLACE "/d", 0755) == 0, "mkdir");
	fd = open(PLACE "/d/f", O_RDWR | O_CREAT, 0644);
	need(fd >= 0 && write(fd, data, sizeof(data)) == sizeof(data), "write");
	p = mmap(NULL, sizeof(data), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED, "mmap");
	p[5000] = 1;
	need(munmap(p, sizeof(data)) == 0 && close(fd) == 0, "close");
	need(symlink("f", PLACE "/d/l") == 0 && rename(PLACE "/d/f", PLACE "/g") == 0, "rename");
	need(access(PLACE "/absent", F_OK) < 0, "access");
}

static void clean_up(void)
{
	need(unlink(PLACE "/d/l") == 0 && rmdir(PLACE "/d") == 0 && unlink(PLACE "/g") == 0, "unlink");
}

static void round_tmpfs(void)
{
	need(mount("none", PLACE, "tmpfs", 0, NULL) == 0, "mount");
	use();
	need(umount(PLACE) == 0, "umount");
}

static void round_ext4(void)
{
	need(mount("/dev/vdb", PLACE, "ext4", 0, NULL) == 0, "mount");
	use();
	clean_up();
	need(umount(PLACE) == 0, "umount");
}

/* ---- measuring ---- */

static long field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	need(fd >= 0 && write(fd, "3", 1) == 1 && close(fd) == 0, "drop_caches");
}

static long free_kib(void)
{
	static char text[8192];
	int fd;
	ssize_t n;

	for (int i = 0; i < 3; i++) {
		drop_caches();
		usleep(200000); /* what dies by call-back, and the threads that free it */
	}
	fd = open("/proc/meminfo", O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	need(fd >= 0 && n > 0, "meminfo");
	close(fd);
	text[n] = 0;
	return field(text, "\nMemFree:") + field(text, "\nActive(file):") +
	       field(text, "\nInactive(file):") + field(text, "\nSReclaimable:");
}

int main(int argc, char **argv)
{
	void (*one)(void) = round_exec;
	long rounds, before;

	if (argc == 2)
		return strcmp(argv[1], "end") != 0;
	need(argc == 3, "usage");
	rounds = atol(argv[2]);
	if (!strcmp(argv[1], "tmpfs"))
		one = round_tmpfs;
	else if (!strcmp(argv[1], "ext4"))
		one = round_ext4;
	for (long i = 0; i < rounds / 10; i++)
		one();
	before = free_kib();
	for (long i = 0; i < rounds; i++)
		one();
	printf("%ld %ld\n", before, free_kib());
	return 0;
}
