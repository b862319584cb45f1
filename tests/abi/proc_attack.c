// SPDX-License-Identifier: MIT
/*
 * /proc, /sys and /dev/kmsg under attack: positions no reader would choose, files
 * cut and given away that have no size, what an ordinary user learns of others.
 */
#include "abi.h"
#include "proc.h"

#include <grp.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/uio.h>

#define LAST 0x7fffffffffffffffll
#define NOBODY 65534

static void become_nobody(void)
{
	CHECK(!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) && !setresuid(NOBODY, NOBODY, NOBODY));
}

/* ---- positions ---- */

static const long long positions[] = {
	3, 20, 40, 60, 100, 1000, 1023, 1024, 1025, 40000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff,
	1ll << 32, (1ll << 32) + 2, (1ll << 32) + 1026, 1ll << 40, 1ll << 47, 0x7fffffffffff0000, LAST - 4096,
	LAST - 3, LAST - 2, LAST - 1, LAST,
};

static const struct {
	const char *what, *path;
	long long last; /* the largest position; -1: not asked */
} directories[] = {
	{ "proc", "/proc", 0x7fffffff },
	{ "pid", "/proc/self", 0x7fffffff },
	{ "pid_of_init", "/proc/1", 0x7fffffff },
	{ "fd", "/proc/self/fd", 0x7fffffff },
	{ "fdinfo", "/proc/self/fdinfo", 0x7fffffff },
	{ "task", "/proc/self/task", 0x7fffffff },
	{ "tid", "/proc/thread-self", 0x7fffffff },
	{ "tid_fd", "/proc/thread-self/fd", 0x7fffffff },
	{ "sys", "/proc/sys", 0x7fffffff },
	{ "sys_kernel", "/proc/sys/kernel", 0x7fffffff },
	{ "proc_net", "/proc/net", -1 },
	{ "sysfs", "/sys", 0x7fffffff },
	{ "sysfs_block", "/sys/block", 0x7fffffff },
	{ "sysfs_class", "/sys/class", 0x7fffffff },
	{ "devtmpfs", "/dev", LAST },
	{ "devpts", "/dev/pts", -1 },
	{ "tmpfs", "/dev/shm", LAST },
	{ "here", ".", -1 },
};

/* What getdents64(2) leaves in the buffer is whole: a name in each record, nothing beyond. */
static void check_entries(const char *buf, long n)
{
	for (long at = 0; at < n;) {
		unsigned short len;

		memcpy(&len, buf + at + 16, 2);
		CHECK(len >= 24 && at + len <= n);
		CHECK(memchr(buf + at + 19, 0, len - 19) && buf[at + 19]);
		at += len;
	}
}

/* pid_dir_iterate took the position for an index and read kernel memory. */
TEST_ROWS(getdents_at_any_position, directories)
{
	int fd = open(row->path, O_RDONLY | O_DIRECTORY);
	char buf[8192];

	if (fd < 0)
		SKIP("no such directory");
	for (size_t i = 0; i < sizeof(positions) / sizeof(*positions); i++) {
		long long at = lseek(fd, positions[i], SEEK_SET);
		long n;

		if (row->last >= 0)
			CHECK_EQ(at, positions[i] <= row->last ? positions[i] : -1);
		if (at < 0)
			continue;
		for (int calls = 0; calls < 4; calls++) {
			n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
			CHECK(n >= 0);
			check_entries(buf, n);
		}
	}
}

TEST_ROWS(seeking_past_the_last_position, directories)
{
	int fd = open(row->path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		SKIP("no such directory");
	CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
	CHECK(lseek(fd, LAST, SEEK_CUR) == -1 && (errno == EINVAL || errno == EOVERFLOW));
	CHECK(lseek(fd, LAST - 4, SEEK_CUR) == -1 && (errno == EINVAL || errno == EOVERFLOW));
	CHECK_ERR(lseek(fd, -6, SEEK_CUR), EINVAL);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	lseek(fd, LAST, SEEK_END);
	lseek(fd, -LAST, SEEK_END);
	lseek(fd, -LAST - 1, SEEK_END);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
}

/* A listing told in the smallest pieces is the same listing. */
TEST_ROWS(one_entry_at_a_time, directories)
{
	int fd = open(row->path, O_RDONLY | O_DIRECTORY);
	char buf[280];
	int whole = 0, small = 0;
	long n;

	if (fd < 0)
		SKIP("no such directory");
	if (!strcmp(row->path, "/proc"))
		SKIP("processes come and go");
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n; at += *(unsigned short *)(buf + at + 16))
			whole++;
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	for (;;) {
		long long next;

		n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
		CHECK(n >= 0);
		if (!n)
			break;
		small++;
		memcpy(&next, buf + 8, 8);
		CHECK_EQ(lseek(fd, next, SEEK_SET), next);
	}
	CHECK_EQ(small, whole);
}

static const struct {
	const char *what, *path;
	bool any; /* addresses are positions */
} texts[] = {
	{ "maps", "/proc/self/maps", false },
	{ "smaps", "/proc/self/smaps", false },
	{ "status", "/proc/self/status", false },
	{ "environ", "/proc/self/environ", false },
	{ "mounts", "/proc/self/mounts", false },
	{ "fdinfo", "/proc/self/fdinfo/0", false },
	{ "meminfo", "/proc/meminfo", false },
	{ "locks", "/proc/locks", false },
	{ "hostname", "/proc/sys/kernel/hostname", false },
	{ "sysfs", "/sys/kernel/mm/transparent_hugepage/enabled", false },
	{ "mem", "/proc/self/mem", true },
	{ "pagemap", "/proc/self/pagemap", true },
};

TEST_ROWS(texts_at_any_position, texts)
{
	int fd = open(row->path, O_RDONLY);
	struct iovec v;
	char buf[4096];

	if (fd < 0)
		SKIP("no such file");
	for (size_t i = 0; i < sizeof(positions) / sizeof(*positions); i++) {
		long long at = positions[i];

		CHECK(pread(fd, buf, 64, at) <= 64);
		if (!row->any && at > LAST - 64)
			CHECK_ERR(pread(fd, buf, 64, at), EINVAL);
		v = (struct iovec){ buf, sizeof(buf) };
		preadv(fd, &v, 1, at);
		if (lseek(fd, at, SEEK_SET) == at)
			read(fd, buf, sizeof(buf));
		lseek(fd, LAST, SEEK_CUR);
		lseek(fd, -LAST - 1, SEEK_CUR);
	}
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	if (!row->any && strcmp(row->what, "locks"))
		CHECK(read(fd, buf, sizeof(buf)) > 0);
}

TEST(writing_at_the_last_position)
{
	int fd = open("/proc/self/comm", O_RDWR);

	CHECK(fd >= 0);
	CHECK_EQ(lseek(fd, LAST, SEEK_SET), LAST);
	CHECK_ERR(write(fd, "far", 3), EINVAL);
	CHECK_ERR(pwrite(fd, "x", 1, -1), EINVAL);
}

/* ---- attributes of what has no size ---- */

static const struct {
	const char *what, *path;
	int chmod_err, chown_err; /* 0: done */
	bool kept;                /* and seen afterwards */
} no_size[] = {
	{ "pid_text", "/proc/self/stat", EPERM, 0, false },
	{ "pid_written", "/proc/self/comm", EPERM, 0, false },
	{ "pid_mem", "/proc/self/mem", EPERM, 0, false },
	{ "fdinfo", "/proc/self/fdinfo/1", EPERM, 0, false },
	{ "static", "/proc/meminfo", 0, 0, true },
	{ "sysctl", "/proc/sys/kernel/hostname", EPERM, EPERM, false },
	{ "sysfs", "/sys/kernel/mm/transparent_hugepage/enabled", 0, 0, true },
};

static void check_owner(const char *path, const struct stat *was, bool kept, uid_t uid, gid_t gid)
{
	struct stat now;

	CHECK(!stat(path, &now));
	CHECK_EQ(now.st_uid, kept ? uid : was->st_uid);
	CHECK_EQ(now.st_gid, kept ? gid : was->st_gid);
	CHECK_EQ(now.st_size, was->st_size);
}

/* truncate, O_TRUNC and chown of such a file went to its page cache, which is none. */
TEST_ROWS(files_without_a_size_are_cut_and_given_away, no_size)
{
	struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
	struct stat was, now;
	int fd;

	OWN_MACHINE();
	CHECK(!stat(row->path, &was));
	CHECK_EQ(truncate(row->path, 5), 0);
	CHECK_EQ(truncate(row->path, 0), 0);
	CHECK_ERR(truncate(row->path, 1ll << 32), EFBIG);
	fd = open(row->path, O_RDONLY | O_TRUNC);
	CHECK(fd >= 0 && !close(fd));
	fd = open(row->path, O_WRONLY | O_TRUNC);
	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, 3), 0);
	CHECK_ERR(fallocate(fd, 0, 0, 10), EOPNOTSUPP);
	CHECK_EQ(close(fd), 0);
	check_owner(row->path, &was, false, 0, 0);
	if (row->chmod_err)
		CHECK_ERR(chmod(row->path, 0640), row->chmod_err);
	else
		CHECK_EQ(chmod(row->path, 0640), 0);
	CHECK(!stat(row->path, &now));
	CHECK_EQ(now.st_mode & 07777, row->chmod_err ? was.st_mode & 07777 : 0640);
	if (row->chown_err)
		CHECK_ERR(chown(row->path, 5, 6), row->chown_err);
	else
		CHECK_EQ(chown(row->path, 5, 6), 0);
	check_owner(row->path, &was, row->kept, 5, 6);
	chown(row->path, was.st_uid, was.st_gid);
	chmod(row->path, was.st_mode & 07777);
	CHECK_EQ(utimensat(AT_FDCWD, row->path, times, 0), 0);
}

TEST_ROWS(an_ordinary_user_cuts_files_without_a_size, no_size)
{
	int fd, err;

	if (!strncmp(row->path, "/proc/self", 10)) {
		CHECK_EQ(truncate(row->path, 5), 0);
		fd = open(row->path, O_WRONLY | O_TRUNC);
		CHECK(fd >= 0);
		CHECK_EQ(ftruncate(fd, 4096), 0);
		return;
	}
	if (getuid())
		SKIP("only root becomes somebody else");
	become_nobody();
	CHECK_ERR(truncate(row->path, 5), EACCES);
	err = open(row->path, O_RDONLY | O_TRUNC) < 0 ? errno : 0;
	CHECK_EQ(err, EACCES);
	CHECK_ERR(chmod(row->path, 0777), EPERM);
	CHECK_ERR(chown(row->path, NOBODY, NOBODY), EPERM);
}

TEST(a_process_directory_is_not_given_away)
{
	struct timespec times[2] = { { 1, 2 }, { 3, 4 } };

	CHECK_ERR(chmod("/proc/self", 0700), EPERM);
	CHECK_ERR(chown("/proc/self", 5, 6), EPERM);
	CHECK_ERR(utimensat(AT_FDCWD, "/proc/self", times, 0), EPERM);
	CHECK_ERR(truncate("/proc/self", 0), EISDIR);
	CHECK_ERR(truncate("/proc/sys/kernel", 0), EISDIR);
}

/* Settings are root's by name: a capability to override permissions does not open them (sys_permission). */
TEST(sysctls_are_for_root_not_for_capabilities)
{
	OWN_MACHINE();
	CHECK(!syscall(SYS_setfsuid, NOBODY));
	/* The file system id is another, the effective one is root's. */
	CHECK(set_sys("/proc/sys/kernel/domainname", "example"));
	CHECK_ERR(access("/proc/sys/kernel/hostname", X_OK), EACCES);
	CHECK(set_sys("/proc/sys/kernel/domainname", "(none)"));
}

/* ---- the log ---- */

/* kmsg_read took a lock that read(2) had taken already when the file was shared. */
TEST(kmsg_through_a_shared_file)
{
	char buf[9000];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		SKIP("not root");
	CHECK(dup(fd) >= 0);
	CHECK(read(fd, buf, sizeof(buf)) > 0);
	WAIT_OK(CHILD(CHECK(read(fd, buf, sizeof(buf)) > 0)));
	while (read(fd, buf, sizeof(buf)) > 0 || errno == EPIPE)
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK(read(fd, buf, sizeof(buf)) > 0);
	CHECK(read(fd, buf, sizeof(buf)) > 0);
	CHECK_ERR(lseek(fd, 7, SEEK_SET), ESPIPE);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
	CHECK_ERR(read(fd, buf, 1), EAGAIN);
}

/* A record that does not fit is lost, not met again for ever. */
TEST(kmsg_into_a_small_buffer)
{
	char one[9000], two[9000];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		SKIP("not root");
	n = read(fd, one, sizeof(one));
	CHECK(n > 8);
	CHECK_ERR(read(fd, two, 8), EINVAL);
	n = read(fd, two, sizeof(two));
	CHECK(n > 0);
	CHECK_EQ(atoi(strchr(two, ',') + 1), atoi(strchr(one, ',') + 1) + 2);
}

static void *seek_and_poll(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 200; i++) {
		struct pollfd p = { fd, POLLIN, 0 };

		lseek(fd, 0, i & 1 ? SEEK_END : SEEK_SET);
		poll(&p, 1, 0);
	}
	return NULL;
}

/* A reader that waits for news keeps nobody from the open file. */
TEST(kmsg_waits_without_a_lock)
{
	int fd = open("/dev/kmsg", O_RDWR);
	char buf[9000];
	pid_t reader;

	if (fd < 0)
		SKIP("not root");
	OWN_MACHINE();
	CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
	reader = CHILD(CHECK(read(fd, buf, sizeof(buf)) > 0));
	sleep_ms(100);
	seek_and_poll(&fd);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
	CHECK_EQ(write(fd, "<6>proc_attack: news\n", 21), 21); /* only a whole line wakes readers on Linux */
	WAIT_OK(reader);
}

TEST(the_log_is_not_for_everybody)
{
	char buf[4096];
	int fd;

	if (getuid())
		SKIP("only root becomes somebody else");
	OWN_MACHINE();
	CHECK(set_sys("/proc/sys/kernel/dmesg_restrict", "1"));
	WAIT_OK(CHILD({
		become_nobody();
		CHECK_ERR(open("/dev/kmsg", O_RDONLY), EPERM);
		for (int type = 0; type <= 10; type++)
			CHECK_ERR(klogctl(type, buf, 8), EPERM);
		CHECK_ERR(open("/proc/sys/kernel/dmesg_restrict", O_WRONLY), EACCES);
	}));
	fd = open("/proc/sys/kernel/dmesg_restrict", O_WRONLY);
	CHECK(fd >= 0);
	CHECK(set_sys("/proc/sys/kernel/dmesg_restrict", "0"));
	WAIT_OK(CHILD({
		become_nobody();
		CHECK_ERR(write(fd, "1", 1), EPERM); /* asked at the write, too */
		CHECK(open("/dev/kmsg", O_RDONLY) >= 0);
		CHECK(klogctl(3, buf, sizeof(buf)) > 0);
		CHECK(klogctl(10, NULL, 0) > 0);
		CHECK_ERR(klogctl(2, buf, 8), EPERM);
		CHECK_ERR(klogctl(5, NULL, 0), EPERM);
	}));
	CHECK(set_sys("/proc/sys/kernel/dmesg_restrict", "1"));
	CHECK(!set_sys("/proc/sys/kernel/dmesg_restrict", "2"));
}
