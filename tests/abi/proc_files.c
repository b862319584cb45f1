// SPDX-License-Identifier: MIT
/* What files of /proc say, in the form programs parse: names, counts, states of the living and the dead. */
#include "abi.h"
#include "proc.h"

#include <grp.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define NOBODY 65534

static int listed(const char *dir)
{
	char buf[4096];
	int fd = open(dir, O_RDONLY | O_DIRECTORY), n = 0;
	long got;

	CHECK(fd >= 0);
	while ((got = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < got; at += *(unsigned short *)(buf + at + 16))
			n += buf[at + 19] != '.';
	CHECK_EQ(got, 0);
	close(fd);
	return n;
}

/* ---- names ---- */

static const struct {
	const char *what, *path;
	int err;
} names[] = {
	{ "fd", "/proc/self/fd/0", 0 },
	{ "fd_with_zeros", "/proc/self/fd/00", ENOENT },
	{ "fd_signed", "/proc/self/fd/+0", ENOENT },
	{ "fd_negative", "/proc/self/fd/-1", ENOENT },
	{ "fd_huge", "/proc/self/fd/99999999999", ENOENT },
	{ "fd_wraps", "/proc/self/fd/4294967296", ENOENT },
	{ "fdinfo_with_zeros", "/proc/self/fdinfo/00", ENOENT },
	{ "pid_zero", "/proc/0", ENOENT },
	{ "pid_with_zeros", "/proc/01", ENOENT },
	{ "pid_wraps", "/proc/4294967297", ENOENT },
	{ "children_of_the_process", "/proc/self/children", ENOENT },
	{ "children_of_the_thread", "/proc/thread-self/children", 0 },
};

TEST_ROWS(a_name_is_there_or_not, names)
{
	if (row->err)
		CHECK_ERR(access(row->path, F_OK), row->err);
	else
		CHECK_EQ(access(row->path, F_OK), 0);
}

/* ---- descriptors ---- */

TEST(fdinfo_tells_close_on_exec)
{
	char path[64];
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	CHECK(strtol(strstr(slurp(path), "flags:") + 6, NULL, 8) & O_CLOEXEC);
	CHECK(!fcntl(fd, F_SETFD, 0));
	CHECK(!(strtol(strstr(slurp(path), "flags:") + 6, NULL, 8) & O_CLOEXEC));
	CHECK(!fcntl(fd, F_SETFD, FD_CLOEXEC));
	CHECK(strtol(strstr(slurp(path), "flags:") + 6, NULL, 8) & O_CLOEXEC);
}

/* The directory belongs to root now, but its reader to the process. */
TEST(own_descriptors_after_seteuid)
{
	struct stat st;
	char target[64];

	if (getuid())
		SKIP("only root becomes somebody else");
	CHECK(!setegid(NOBODY) && !seteuid(NOBODY));
	CHECK(!stat("/proc/self/fd", &st));
	CHECK_EQ(st.st_uid, 0);
	CHECK(listed("/proc/self/fd") >= 3);
	CHECK(readlink("/proc/self/fd/0", target, sizeof(target)) > 0);
	CHECK(listed("/proc/self/fdinfo") >= 3);
	CHECK(strstr(slurp("/proc/self/fdinfo/0"), "pos:"));
}

/* ---- status, stat ---- */

TEST(status_has_the_lines_of_linux)
{
	static const char *const order[] = { "Threads", "SigQ", "SigPnd" };
	char *text = slurp("/proc/self/status"), *at = text;

	for (int i = 0; i < 3; i++) {
		char line[32];

		snprintf(line, sizeof(line), "\n%s:\t", order[i]);
		at = strstr(at, line);
		CHECK(at);
	}
	CHECK(strstr(text, "\nCoreDumping:\t0\nTHP_enabled:\t1\n"));
	CHECK(strstr(text, "\nMems_allowed_list:\t0\n"));
}

TEST(status_counts_queued_signals)
{
	char *text = strstr(slurp("/proc/self/status"), "SigQ:");
	struct rlimit r;
	long before, after, limit;
	sigset_t set;

	CHECK(!getrlimit(RLIMIT_SIGPENDING, &r));
	CHECK_EQ(sscanf(text, "SigQ:\t%ld/%ld", &before, &limit), 2);
	CHECK_EQ(limit, (long)r.rlim_cur);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	for (int i = 0; i < 5; i++)
		CHECK(!sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i }));
	CHECK_EQ(sscanf(strstr(slurp("/proc/self/status"), "SigQ:"), "SigQ:\t%ld/", &after), 1);
	CHECK(after >= before + 5);
}

TEST(a_zombie_has_one_thread)
{
	char path[64];
	pid_t pid = CHILD(_exit(0));

	sleep_ms(100);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	CHECK(strstr(slurp(path), "State:\tZ"));
	CHECK_EQ(value_in(slurp(path), "Threads"), 1);
	WAIT_OK(pid);
}

static void *wait_for_end(void *arg)
{
	pause();
	return arg;
}

TEST(task_counts_its_threads)
{
	struct stat st;
	pthread_t t;

	CHECK(!stat("/proc/self/task", &st));
	CHECK_EQ(st.st_nlink, 3);
	for (int i = 0; i < 70; i++)
		CHECK(!pthread_create(&t, NULL, wait_for_end, NULL));
	CHECK(!stat("/proc/self/task", &st));
	CHECK_EQ(st.st_nlink, 73);
	CHECK_EQ(listed("/proc/self/task"), 71); /* more than one batch of ids */
}

TEST(children_of_a_thread)
{
	char want[64];
	pid_t a = CHILD(pause()), b = CHILD(pause());

	snprintf(want, sizeof(want), "%d %d ", a, b);
	CHECK(!strcmp(slurp("/proc/thread-self/children"), want));
	kill(a, SIGKILL);
	WAIT_SIGNAL(a, SIGKILL);
	snprintf(want, sizeof(want), "%d ", b);
	CHECK(!strcmp(slurp("/proc/thread-self/children"), want));
	kill(b, SIGKILL);
}

/* ---- the dead ---- */

TEST(directories_of_a_dead_process)
{
	char path[64], buf[512];
	pid_t pid = CHILD(pause());
	int dir, task, fds, status;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0);
	task = openat(dir, "task", O_RDONLY);
	fds = openat(dir, "fd", O_RDONLY);
	status = openat(dir, "status", O_RDONLY);
	CHECK(task >= 0 && fds >= 0 && status >= 0);
	kill(pid, SIGKILL);
	WAIT_SIGNAL(pid, SIGKILL);
	CHECK_ERR(syscall(SYS_getdents64, dir, buf, sizeof(buf)), ENOENT);
	CHECK_ERR(syscall(SYS_getdents64, task, buf, sizeof(buf)), ENOENT);
	CHECK_ERR(syscall(SYS_getdents64, fds, buf, sizeof(buf)), ENOENT);
	CHECK_ERR(read(status, buf, sizeof(buf)), ESRCH);
	CHECK(openat(dir, "statm", O_RDONLY) < 0 && (errno == ENOENT || errno == ESRCH));
	CHECK_ERR(access(path, F_OK), ENOENT);
}

/* ---- small files ---- */

static long io_value(const char *name)
{
	return value_in(slurp("/proc/self/io"), name);
}

TEST(io_counts_calls_and_bytes)
{
	static char block[8192];
	long rchar, wchar, syscr, syscw;
	int fds[2];

	CHECK(!pipe(fds));
	rchar = io_value("rchar");
	wchar = io_value("wchar");
	syscr = io_value("syscr");
	syscw = io_value("syscw");
	CHECK(rchar >= 0 && wchar >= 0 && syscr > 0 && syscw >= 0);
	CHECK_EQ(write(fds[1], block, sizeof(block)), sizeof(block));
	CHECK_EQ(read(fds[0], block, sizeof(block)), sizeof(block));
	CHECK(io_value("rchar") >= rchar + 8192);
	CHECK_EQ(io_value("wchar"), wchar + 8192);
	CHECK(io_value("syscr") > syscr);
	CHECK_EQ(io_value("syscw"), syscw + 1);
	CHECK(io_value("read_bytes") >= 0 && io_value("write_bytes") >= 0);
}

TEST(user_namespace_files)
{
	int fd;

	CHECK(!strcmp(slurp("/proc/self/uid_map"), "         0          0 4294967295\n"));
	CHECK(!strcmp(slurp("/proc/self/gid_map"), "         0          0 4294967295\n"));
	CHECK(!strcmp(slurp("/proc/self/setgroups"), "allow\n"));
	if (getuid())
		SKIP("not root");
	fd = open("/proc/self/uid_map", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_ERR(write(fd, "0 0 1\n", 6), EPERM);
	fd = open("/proc/self/setgroups", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_ERR(write(fd, "deny", 4), EPERM);
}

TEST(timer_slack)
{
	int fd = open("/proc/self/timerslack_ns", O_RDWR);

	CHECK(fd >= 0);
	CHECK_EQ(atol(slurp("/proc/self/timerslack_ns")), prctl(PR_GET_TIMERSLACK));
	CHECK_EQ(write(fd, "70000\n", 6), 6);
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
	CHECK_ERR(write(fd, "abc", 3), EINVAL);
	CHECK(!prctl(PR_SET_TIMERSLACK, 80000));
	CHECK_EQ(atol(slurp("/proc/self/timerslack_ns")), 80000);
}

TEST(oom_score_follows_its_adjustment)
{
	long plain, more, least;

	if (getuid())
		SKIP("not root");
	CHECK(set_sys("/proc/self/oom_score_adj", "0"));
	plain = atol(slurp("/proc/self/oom_score"));
	CHECK(set_sys("/proc/self/oom_score_adj", "500"));
	more = atol(slurp("/proc/self/oom_score"));
	if (!set_sys("/proc/self/oom_score_adj", "-1000"))
		SKIP("a root without CAP_SYS_RESOURCE");
	least = atol(slurp("/proc/self/oom_score"));
	CHECK(plain >= 600 && plain < 1334);
	CHECK(more >= plain + 300 && more <= plain + 360);
	CHECK_EQ(least, 0);
}

TEST(interrupts_are_counted)
{
	long before = atol(strstr(slurp("/proc/stat"), "\nintr ") + 6), after;

	sleep_ms(200);
	after = atol(strstr(slurp("/proc/stat"), "\nintr ") + 6);
	CHECK(before > 0 && after > before);
}

/* hostnamed waits like this for another name. */
TEST(polling_the_host_name)
{
	int fd = open("/proc/sys/kernel/hostname", O_RDONLY);
	struct pollfd p = { fd, POLLPRI, 0 };
	char old[65];

	if (getuid())
		SKIP("not root");
	OWN_MACHINE();
	CHECK(!gethostname(old, sizeof(old)));
	CHECK_EQ(poll(&p, 1, 0), 0);
	WAIT_OK(CHILD({
		pid_t setter = CHILD({
			sleep_ms(100);
			CHECK(!sethostname("other", 5));
		});

		CHECK_EQ(poll(&p, 1, 5000), 1);
		CHECK_EQ(p.revents, POLLERR | POLLPRI);
		CHECK_EQ(poll(&p, 1, 0), 0); /* told once */
		WAIT_OK(setter);
	}));
	CHECK(!sethostname(old, strlen(old)));
	p.events = POLLIN;
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN | POLLERR);
}

TEST(polling_a_setting_that_never_changes)
{
	struct pollfd p = { open("/proc/sys/kernel/pid_max", O_RDONLY), POLLIN | POLLPRI, 0 };

	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
}

TEST(io_counts_what_moves_to_and_from_disks)
{
	static char block[1 << 20];
	struct rusage before, after;
	long read_bytes, write_bytes;
	int fd = open("file", O_CREAT | O_RDWR, 0600);

	OWN_MACHINE(); /* on a disk, and its caches may be dropped */
	CHECK(fd >= 0 && !getrusage(RUSAGE_SELF, &before));
	write_bytes = io_value("write_bytes");
	CHECK_EQ(write(fd, block, sizeof(block)), sizeof(block));
	CHECK(!fsync(fd));
	CHECK(io_value("write_bytes") >= write_bytes + (long)sizeof(block));
	CHECK(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	read_bytes = io_value("read_bytes");
	CHECK_EQ(pread(fd, block, sizeof(block), 0), sizeof(block));
	CHECK(io_value("read_bytes") >= read_bytes + (long)sizeof(block));
	CHECK(!getrusage(RUSAGE_SELF, &after));
	CHECK(after.ru_inblock >= before.ru_inblock + (long)sizeof(block) / 512);
	CHECK(after.ru_oublock >= before.ru_oublock + (long)sizeof(block) / 512);
}
