// SPDX-License-Identifier: MIT
/*
 * Whom an error of writeback is told, and how often (test_writeback_errors.py).
 *
 *   writeback_errors DIRECTORY DEVICE
 *
 * On DIRECTORY's file system writes to the first page of `bad` fail, and to the
 * inode of `worse`; on DEVICE those to the first page.  Each case prints its
 * name and what the calls gave in order: an errno's name, or ok.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096

static const char *device;
static char page[PAGE] __attribute__((aligned(PAGE)));

static void need(int ok, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static void gave(long result)
{
	printf(" %s", result >= 0 ? "ok" : errno == EIO ? "EIO" : strerror(errno));
	fflush(stdout);
}

static int open_for(const char *name, int flags)
{
	int fd = open(name, O_RDWR | flags);

	need(fd >= 0, name);
	return fd;
}

static void store(int fd)
{
	page[0]++;
	need(pwrite(fd, page, PAGE, 0) == PAGE, "pwrite");
}

/* A store of somebody else's fails, and he is gone. */
static void fail_elsewhere(const char *name)
{
	int fd = open_for(name, 0);

	store(fd);
	close(fd);
	sync();
}

/* No error is left that the next open would be told. */
static void settle(void)
{
	const char *const names[] = { "bad", "good", device };

	sync();
	for (int i = 0; i < 3; i++) {
		int fd = open_for(names[i], 0);

		(void)fsync(fd);
		(void)syncfs(fd);
		close(fd);
	}
}

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value), path);
	close(fd);
}

static void by_flusher(void)
{
	sleep(4);
}

static void told_once_each(const char *name, void (*trigger)(void))
{
	int a = open_for(name, 0), b = open_for(name, 0), c;

	store(a);
	trigger();
	gave(fsync(a));
	gave(fsync(a));
	gave(fsync(b));
	c = open_for(name, 0);
	gave(fsync(c));
	close(a);
	close(b);
	close(c);
}

static void case_flusher(void)
{
	told_once_each("bad", by_flusher);
}

static void case_sync(void)
{
	told_once_each("bad", sync);
}

static void case_device_flusher(void)
{
	told_once_each(device, by_flusher);
}

static void case_device_sync(void)
{
	told_once_each(device, sync);
}

static void case_opened_later(void)
{
	int a, b;

	fail_elsewhere("bad");
	a = open_for("bad", 0);
	gave(fsync(a));
	b = open_for("bad", 0);
	gave(fsync(b));
	close(a);
	close(b);
}

static void case_device_opened_later(void)
{
	int a;

	fail_elsewhere(device);
	a = open_for(device, 0);
	gave(fsync(a));
	gave(fsync(a));
	close(a);
}

static void case_dup(void)
{
	int a = open_for("bad", 0), b = dup(a);

	store(a);
	sync();
	gave(fsync(a));
	gave(fsync(b));
	close(a);
	close(b);
}

static void case_fsync_itself(void)
{
	int a = open_for("bad", 0), b = open_for("bad", 0);

	store(a);
	gave(fsync(a));
	gave(fsync(a));
	gave(fsync(b));
	close(a);
	close(b);
}

static long call_fdatasync(int fd)
{
	return fdatasync(fd);
}

static long call_msync(int fd)
{
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	long result;

	need(p != MAP_FAILED, "mmap");
	result = msync(p, PAGE, MS_SYNC);
	munmap(p, PAGE);
	return result;
}

static long call_write(int fd)
{
	return pwrite(fd, page, PAGE, PAGE);
}

static long call_rwf_dsync(int fd)
{
	struct iovec v = { page, PAGE };

	return syscall(SYS_pwritev2, fd, &v, 1, (long)PAGE, 0l, RWF_DSYNC);
}

static long call_range_wait(int fd)
{
	return sync_file_range(fd, PAGE, PAGE, SYNC_FILE_RANGE_WAIT_BEFORE);
}

static long call_range_write(int fd)
{
	return sync_file_range(fd, 0, PAGE, SYNC_FILE_RANGE_WRITE);
}

/* The good page beside the bad one: the error is the earlier one. */
static void told_by(int flags, long (*call)(int fd))
{
	int a = open_for("bad", flags);

	fail_elsewhere("bad");
	gave(call(a));
	gave(fsync(a));
	close(a);
}

static void case_fdatasync(void)
{
	told_by(0, call_fdatasync);
}

static void case_msync(void)
{
	told_by(0, call_msync);
}

static void case_o_sync(void)
{
	told_by(O_SYNC, call_write);
}

static void case_o_dsync(void)
{
	told_by(O_DSYNC, call_write);
}

static void case_rwf_dsync(void)
{
	told_by(0, call_rwf_dsync);
}

static void case_range_wait(void)
{
	told_by(0, call_range_wait);
}

static void case_range_write(void)
{
	told_by(0, call_range_write);
}

static void case_syncfs(void)
{
	int a = open_for("good", 0), b = open_for("good", 0), c;

	fail_elsewhere("bad");
	gave(syncfs(a));
	gave(syncfs(a));
	gave(syncfs(b));
	gave(fsync(b));
	c = open_for("good", 0);
	gave(syncfs(c));
	close(c);
	c = open_for("bad", 0);
	gave(fsync(c));
	close(a);
	close(b);
	close(c);
}

static void case_syncfs_itself(void)
{
	int a = open_for("good", 0), b = open_for("bad", 0);

	store(b);
	gave(syncfs(a));
	gave(syncfs(a));
	gave(fsync(b));
	gave(syncfs(b));
	close(a);
	close(b);
}

/* A device's first page cannot be written, the one behind it can. */
static void device_write(int flags)
{
	int a = open_for(device, flags);

	gave(pwrite(a, page, PAGE, 0));
	gave(pwrite(a, page, PAGE, PAGE));
	gave(fsync(a));
	close(a);
}

static void case_device_o_sync(void)
{
	device_write(O_SYNC);
}

static void case_device_o_dsync(void)
{
	device_write(O_DSYNC);
}

/* A new mode goes to the inode's block, which nobody writes but the flusher and sync. */
static void case_metadata(void)
{
	int a = open_for("good", 0), b = open_for("worse", 0);

	need(fchmod(b, 0600) == 0, "fchmod");
	sync();
	gave(syncfs(a));
	gave(syncfs(a));
	gave(fsync(a));
	gave(fsync(a));
	gave(syncfs(b));
	close(a);
	close(b);
}

#define CASE(name) { #name, case_##name }

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	CASE(flusher),	    CASE(sync),		 CASE(opened_later),  CASE(dup),
	CASE(fsync_itself), CASE(fdatasync),	 CASE(msync),	      CASE(o_sync),
	CASE(o_dsync),	    CASE(rwf_dsync),	 CASE(range_wait),    CASE(range_write),
	CASE(syncfs),	    CASE(syncfs_itself), CASE(device_flusher), CASE(device_sync),
	CASE(device_opened_later), CASE(device_o_sync), CASE(device_o_dsync),
	CASE(metadata),
};

int main(int argc, char **argv)
{
	need(argc == 3 && chdir(argv[1]) == 0, "usage");
	device = argv[2];
	set("/proc/sys/vm/dirty_expire_centisecs", "20");
	set("/proc/sys/vm/dirty_writeback_centisecs", "20");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		settle();
		printf("%s:", cases[i].name);
		cases[i].run();
		puts("");
	}
	return 0;
}
