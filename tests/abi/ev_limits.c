// SPDX-License-Identifier: MIT
/*
 * What one ordinary user can make the kernel keep: pipes, watches, queued events,
 * locks, epoll items.  At each limit he gets the errno of its man page, and root
 * still starts a program within a second.
 */
#include "abi.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>

#define NOBODY 65534

static long sysctl_read(const char *name)
{
	char path[100];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	f = fopen(path, "r");
	CHECK(f && fscanf(f, "%ld", &value) == 1);
	fclose(f);
	return value;
}

static void sysctl_write(const char *name, long value)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	f = fopen(path, "w");
	CHECK(f && fprintf(f, "%ld\n", value) > 0);
	CHECK(!fclose(f));
}

static void become_nobody(void)
{
	struct rlimit many = { 4096, 4096 };

	CHECK(!setrlimit(RLIMIT_NOFILE, &many));
	CHECK(!chmod(".", 0777));
	CHECK(!setresgid(NOBODY, NOBODY, NOBODY));
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
}

/* A user holds what @eat took, in as many processes as it needs, while root works. */
static void root_works_beside(void (*eat)(void))
{
	int ready[2];
	long long start;
	pid_t eater, root;
	char c;

	if (getuid())
		SKIP("needs root");
	OWN_MACHINE();
	CHECK(!pipe(ready));
	eater = fork();
	if (eater == 0) {
		become_nobody();
		eat();
		CHECK_EQ(write(ready[1], "r", 1), 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	CHECK_EQ(read(ready[0], &c, 1), 1);
	start = now_ns();
	root = fork();
	if (root == 0) {
		execl("/bin/sh", "sh", "-c", "/bin/true; /bin/echo -n; /bin/ls / >/dev/null", NULL);
		_exit(127);
	}
	WAIT_OK(root);
	CHECK(now_ns() - start < 1000000000);
	kill(eater, SIGKILL);
	WAIT_SIGNAL(eater, SIGKILL);
}

static void eat_pipes(void)
{
	static char data[65536];
	long soft = sysctl_read("pipe-user-pages-soft");
	int p[2];

	for (long pages = 0; pages < soft; pages += 16) {
		CHECK(!pipe2(p, O_NONBLOCK));
		CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), 65536);
		CHECK_EQ(write(p[1], data, sizeof(data)), sizeof(data));
	}
	CHECK(!pipe2(p, O_NONBLOCK));
	CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), 8192);
	CHECK_ERR(fcntl(p[1], F_SETPIPE_SZ, 16384), EPERM);
	CHECK_EQ(fcntl(p[1], F_SETPIPE_SZ, 4096), 4096);
}

TEST(pipes_of_a_user_had_no_limit)
{
	root_works_beside(eat_pipes);
}

static void eat_pipes_hard(void)
{
	int p[2], n = 0;

	while (n < 1000 && !pipe(p))
		n++;
	CHECK_EQ(errno, ENFILE);
	CHECK_EQ(n, 2);
}

TEST(hard_limit_of_pipe_pages)
{
	if (getuid())
		SKIP("needs root");
	OWN_MACHINE();
	sysctl_write("pipe-user-pages-hard", 40);
	sysctl_write("pipe-user-pages-soft", 0);
	root_works_beside(eat_pipes_hard);
	sysctl_write("pipe-user-pages-hard", 0);
	sysctl_write("pipe-user-pages-soft", 16384);
}

static void eat_pipe_size(void)
{
	int p[2];

	CHECK(!pipe(p));
	CHECK_ERR(fcntl(p[0], F_SETPIPE_SZ, 2 << 20), EPERM);
	CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, 1 << 20), 1 << 20);
}

TEST(pipe_max_size_is_for_ordinary_users)
{
	root_works_beside(eat_pipe_size);
}

static void eat_instances(void)
{
	long max = sysctl_read("inotify/max_user_instances");

	for (long i = 0; i < max; i++)
		CHECK(inotify_init() >= 0);
	CHECK_ERR(inotify_init(), EMFILE);
}

TEST(inotify_instances_had_no_limit)
{
	root_works_beside(eat_instances);
}

static void eat_watches(void)
{
	int in = inotify_init();
	char name[20];

	for (int i = 0; i < 100; i++) {
		sprintf(name, "w%d", i);
		CHECK(!mkdir(name, 0755));
		if (inotify_add_watch(in, name, IN_MODIFY) < 0) {
			CHECK_EQ(errno, ENOSPC);
			CHECK_EQ(i, 50);
			/* What ends is free again. */
			CHECK(!inotify_rm_watch(in, 1));
			CHECK(inotify_add_watch(in, name, IN_MODIFY) > 0);
			return;
		}
	}
	ABI_FAIL("no limit");
}

TEST(inotify_watches_had_no_limit_for_a_user)
{
	long had = sysctl_read("inotify/max_user_watches");

	CHECK(had >= 8192);
	if (getuid())
		SKIP("needs root");
	OWN_MACHINE();
	sysctl_write("inotify/max_user_watches", 50);
	root_works_beside(eat_watches);
	sysctl_write("inotify/max_user_watches", had);
}

/* All of a user's queues filled with long names. */
static void eat_events(void)
{
	enum { SETS = 100, FILES = 1000 };
	char name[201];

	memset(name, 'n', 200);
	name[200] = '\0';
	for (int i = 0; i < SETS; i++)
		CHECK_EQ(inotify_add_watch(inotify_init1(IN_NONBLOCK), ".", IN_CREATE | IN_DELETE), 1);
	for (int i = 0; i < FILES; i++) {
		close(open(name, O_RDWR | O_CREAT, 0600));
		unlink(name);
	}
}

TEST(queued_events_of_a_user)
{
	root_works_beside(eat_events);
}

static void eat_items(void)
{
	int ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };

	for (int i = 0; i < 200; i++)
		if (epoll_ctl(ep, EPOLL_CTL_ADD, eventfd(0, 0), &ev)) {
			CHECK_EQ(errno, ENOSPC);
			CHECK(i >= 100);
			return;
		}
	ABI_FAIL("no limit");
}

TEST(epoll_items_had_no_limit)
{
	long had = sysctl_read("epoll/max_user_watches");

	CHECK(had > 1000);
	if (getuid())
		SKIP("needs root");
	OWN_MACHINE();
	sysctl_write("epoll/max_user_watches", 100);
	root_works_beside(eat_items);
	sysctl_write("epoll/max_user_watches", had);
}

/* Linux has no limit of its own; where there is one it is ENOLCK, and unlocking always works. */
static void eat_locks(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };
	char name[20];
	int fd = -1, n;

	for (n = 0; n < 100000; n++) {
		if (n % 100 == 0) { /* a file's locks are a list */
			sprintf(name, "l%d", n / 100);
			fd = open(name, O_RDWR | O_CREAT, 0600);
			CHECK(fd >= 0);
		}
		fl.l_start = n % 100 * 2;
		if (fcntl(fd, F_SETLK, &fl)) {
			CHECK_EQ(errno, ENOLCK);
			break;
		}
	}
	CHECK(n >= 1024);
	fl = (struct flock){ .l_type = F_UNLCK };
	CHECK(!fcntl(fd, F_SETLK, &fl));
	fl.l_type = F_WRLCK;
	CHECK(!fcntl(fd, F_SETLK, &fl));
}

TEST(file_locks_of_a_user)
{
	root_works_beside(eat_locks);
}
