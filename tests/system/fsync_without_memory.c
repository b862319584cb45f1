// SPDX-License-Identifier: MIT
/*
 * An fsync(2) that finds no memory, inside a machine with a debug kernel (docs/debugging.md):
 *
 *     fsync_without_memory LAST
 *
 * For each N up to LAST a file full of 'n' that has no blocks yet is synced while the Nth allocation
 * and all that follow fail.  Whatever that call says, nothing is lost: the next one succeeds, and the disk has the bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (64 * 1024)

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static volatile int *please_disarm; /* shared with a process that memory is not withheld from */

static void disarm_when_asked(void)
{
	for (;;) {
		if (*please_disarm) {
			write_text("/proc/fail-nth", "0");
			*please_disarm = 0;
		}
		usleep(100);
	}
}

static pid_t start_disarmer(void)
{
	pid_t pid;

	please_disarm = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(please_disarm != MAP_FAILED, "mmap");
	pid = fork();
	need(pid >= 0, "fork");
	if (!pid)
		disarm_when_asked();
	return pid;
}

/* False: it found no memory. */
static bool sync_while_failing(unsigned int n, int fd)
{
	char text[32];
	bool synced;
	int err;

	snprintf(text, sizeof(text), "%u,1", n);
	write_text("/proc/fail-nth", text);
	synced = fsync(fd) == 0;
	err = errno;
	*please_disarm = 1;
	while (*please_disarm)
		sched_yield();
	errno = err;
	need(synced || err == ENOMEM, "fsync");
	return synced;
}

static bool file_is_right(int fd)
{
	static char data[SIZE];

	need(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "fadvise");
	need(pread(fd, data, SIZE, 0) == SIZE, "read");
	for (size_t i = 0; i < SIZE; i++)
		if (data[i] != 'n')
			return false;
	return true;
}

int main(int argc, char **argv)
{
	unsigned int last = argc == 2 ? (unsigned int)atoi(argv[1]) : 0, refused = 0;
	static char data[SIZE];
	pid_t disarmer = start_disarmer();

	memset(data, 'n', SIZE);
	need(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall"); /* this program's own pages stay */
	for (unsigned int n = 1; n <= last; n++) {
		int fd;

		sync();
		fd = open("file", O_CREAT | O_EXCL | O_RDWR, 0600);
		need(fd >= 0 && write(fd, data, SIZE) == SIZE, "write");
		write_text("/proc/sys/vm/drop_caches", "3"); /* where blocks are free has to be read again */
		refused += !sync_while_failing(n, fd);
		need(fsync(fd) == 0, "the second fsync");
		need(file_is_right(fd), "bytes are lost");
		need(!unlink("file") && !close(fd), "unlink");
	}
	kill(disarmer, SIGKILL);
	printf("%u were refused\n", refused);
	return 0;
}
