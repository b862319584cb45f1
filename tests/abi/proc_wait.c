// SPDX-License-Identifier: MIT
/*
 * Waiting for children: what ends a wait and what does not, whose children count, the order of the dead; orphaned
 * groups; descriptors for processes.
 */
#include "abi.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#define __WALL 0x40000000
#define __WCLONE 0x80000000
#endif

static int pidfd_open_(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static long waitid_(int type, long id, siginfo_t *si, int options)
{
	return syscall(SYS_waitid, type, id, si, options, NULL);
}

static void until_zombie(pid_t pid)
{
	siginfo_t si;

	CHECK(!waitid_(P_PID, pid, &si, WEXITED | WNOWAIT | __WALL));
}

/* ---- what ends a wait ---- */

TEST(wait_for_stops_does_not_wait_for_a_zombie)
{
	pid_t pid = CHILD(_exit(3));
	siginfo_t si;

	until_zombie(pid);
	CHECK_ERR(waitid_(P_ALL, 0, &si, WSTOPPED), ECHILD);
	CHECK_ERR(waitid_(P_PID, pid, &si, WSTOPPED), ECHILD);
	CHECK_ERR(waitid_(P_PGID, getpgrp(), &si, WCONTINUED), ECHILD);
	CHECK_ERR(waitid_(P_ALL, 0, &si, WSTOPPED | WNOHANG), ECHILD);
	CHECK(!waitid_(P_ALL, 0, &si, WSTOPPED | WEXITED));
	CHECK_EQ(si.si_pid, pid);
}

TEST(zombies_come_in_the_order_of_birth)
{
	pid_t pid[6];

	for (int i = 0; i < 6; i++)
		pid[i] = CHILD(pause());
	for (int i = 5; i >= 0; i--) {
		kill(pid[i], SIGKILL);
		until_zombie(pid[i]);
	}
	for (int i = 0; i < 6; i++)
		CHECK_EQ(wait(NULL), pid[i]);
	CHECK_ERR(wait(NULL), ECHILD);
}

TEST(zombies_are_passed_by_for_the_group_asked)
{
	pid_t mine = CHILD(_exit(1)), other = CHILD({
		setpgid(0, 0);
		_exit(2);
	});
	int st;

	until_zombie(mine);
	until_zombie(other);
	CHECK_EQ(waitpid(-other, &st, 0), other);
	CHECK_EQ(WEXITSTATUS(st), 2);
	CHECK_ERR(waitpid(-other, &st, 0), ECHILD);
	CHECK_EQ(waitpid(0, &st, 0), mine);
}

static const struct clone_row {
	const char *what;
	int exit_signal;
	int options;
	bool seen;
} clone_rows[] = {
	{ "sigchld_plain", SIGCHLD, 0, true },
	{ "sigchld_wclone", SIGCHLD, (int)__WCLONE, false },
	{ "sigchld_wall", SIGCHLD, __WALL, true },
	{ "none_plain", 0, 0, false },
	{ "none_wclone", 0, (int)__WCLONE, true },
	{ "none_wall", 0, __WALL, true },
	{ "wall_beats_wclone", SIGCHLD, (int)(__WALL | __WCLONE), true },
};

TEST_ROWS(clone_child, clone_rows)
{
	pid_t pid = (pid_t)syscall(SYS_clone, row->exit_signal, 0, 0, 0, 0);

	if (!pid)
		_exit(0);
	until_zombie(pid);
	errno = 0;
	CHECK_EQ(waitpid(-1, NULL, row->options | WNOHANG), row->seen ? pid : -1);
	CHECK_EQ(errno, row->seen ? 0 : ECHILD);
}

/* ---- whose children ---- */

static pid_t threads_child;

static void *make_and_stay(void *fd)
{
	char c;

	threads_child = CHILD(pause());
	CHECK_EQ(write(((int *)fd)[1], "m", 1), 1);
	read(((int *)fd)[2], &c, 1);
	CHECK_EQ(waitpid(threads_child, NULL, WNOHANG | __WNOTHREAD), 0);
	return NULL;
}

TEST(other_threads_children_are_not_waited_for_with_wnothread)
{
	int p[4];
	pthread_t t;
	char c;

	CHECK(!pipe(p) && !pipe(p + 2));
	CHECK(!pthread_create(&t, NULL, make_and_stay, p));
	CHECK_EQ(read(p[0], &c, 1), 1);
	CHECK_ERR(waitpid(-1, NULL, WNOHANG | __WNOTHREAD), ECHILD);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), 0);
	CHECK_EQ(write(p[3], "x", 1), 1);
	CHECK(!pthread_join(t, NULL));
	sleep_ms(50); /* the thread's end hands its children to another of the process */
	CHECK_EQ(waitpid(-1, NULL, WNOHANG | __WNOTHREAD), 0);
	kill(threads_child, SIGKILL);
	WAIT_SIGNAL(threads_child, SIGKILL);
}

/* ---- orphans ---- */

/* A stopped job gets SIGHUP and SIGCONT when its last link to the session's other groups ends. */
TEST(stopped_group_is_hung_up_when_orphaned)
{
	int p[2], st;
	pid_t job = 0;

	CHECK(!pipe(p));
	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid_t shell = CHILD({
		pid_t pid;

		CHECK(setsid() > 0);
		pid = CHILD({
			setpgid(0, 0);
			raise(SIGSTOP);
			_exit(0);
		});
		CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
		CHECK_EQ(write(p[1], &pid, sizeof(pid)), sizeof(pid));
	});

	CHECK_EQ(read(p[0], &job, sizeof(job)), sizeof(job));
	WAIT_OK(shell);
	WAIT_SIGNAL(job, SIGHUP);
}

/* Two links: the end of one changes nothing. */
static void lose_one_of_two_links(void)
{
	pid_t a, b;
	int st;

	CHECK(setsid() > 0);
	a = CHILD({
		setpgid(0, 0);
		raise(SIGSTOP);
		_exit(0);
	});
	CHECK_EQ(waitpid(a, &st, WUNTRACED), a);
	b = CHILD(CHECK(!setpgid(0, a)));
	WAIT_OK(b);
	CHECK_EQ(waitpid(a, &st, WNOHANG | WCONTINUED), 0);
	kill(a, SIGKILL);
	WAIT_SIGNAL(a, SIGKILL);
}

TEST(stopped_group_with_another_link_stays)
{
	WAIT_OK(CHILD(lose_one_of_two_links()));
}

/* Many children end at once and are reaped, by their parent or by who inherits them. */
TEST(many_children_end_and_are_inherited)
{
	enum { N = 400 };
	pid_t mid;
	int n = 0;

	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	mid = CHILD({
		for (int i = 0; i < N; i++)
			CHILD({
				if (i & 1)
					_exit(0);
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				if (getppid() == 1)
					_exit(0);
				pause();
			});
		sleep_ms(100);
	});

	WAIT_OK(mid);
	while (wait(NULL) > 0)
		n++;
	CHECK_EQ(n, N);
}

/* ---- descriptors for processes ---- */

TEST(pidfd_wait_that_would_block)
{
	pid_t pid = CHILD(pause());
	int fd = pidfd_open_(pid, O_NONBLOCK);
	siginfo_t si;

	CHECK(fd >= 0);
	CHECK_ERR(waitid_(P_PIDFD, fd, &si, WEXITED), EAGAIN);
	CHECK(!waitid_(P_PIDFD, fd, &si, WEXITED | WNOHANG));
	CHECK(!syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
	until_zombie(pid);
	CHECK(!waitid_(P_PIDFD, fd, &si, WEXITED));
	CHECK_ERR(waitid_(P_PIDFD, fd, &si, WEXITED), ECHILD);
	CHECK_ERR(waitid_(P_PIDFD, 0, &si, WEXITED), EBADF);
	CHECK_ERR(waitpid(INT_MIN, NULL, 0), ESRCH);
}

/* What killall and procps do. */
TEST(signal_by_a_directory_of_proc)
{
	pid_t pid = CHILD(pause());
	char path[64];
	int dir, task, path_only;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	path_only = open(path, O_PATH);
	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, pid);
	task = open(path, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0 && task >= 0);
	CHECK(!syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0));
	CHECK_ERR(syscall(SYS_pidfd_send_signal, path_only, 0, NULL, 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, task, 0, NULL, 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, open("/proc", O_RDONLY), 0, NULL, 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, dir, 65, NULL, 0), EINVAL);
	CHECK(!syscall(SYS_pidfd_send_signal, dir, SIGKILL, NULL, 0));
	WAIT_SIGNAL(pid, SIGKILL);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0), ESRCH);
}

TEST(file_of_another_process)
{
	int p[2], fd, got;
	pid_t pid;
	char c;

	CHECK(!pipe(p));
	pid = CHILD({
		close(p[0]);
		pause();
	});
	fd = pidfd_open_(pid, 0);
	got = (int)syscall(SYS_pidfd_getfd, fd, p[1], 0);
	CHECK(got >= 0);
	CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(got, "x", 1), 1);
	CHECK_EQ(read(p[0], &c, 1), 1);
	sleep_ms(100);
	CHECK_ERR(syscall(SYS_pidfd_getfd, fd, p[0], 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 999, 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_getfd, fd, -1, 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 1, 1), EINVAL);
	CHECK_ERR(syscall(SYS_pidfd_getfd, p[0], 1, 0), EBADF);
	kill(pid, SIGKILL);
	wait_status(pid);
	CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 0, 0), ESRCH);
}

TEST(file_of_a_process_that_may_not_be_looked_into)
{
	pid_t pid;

	if (geteuid())
		SKIP("needs root");
	pid = CHILD({
		pid_t root = getppid();

		CHECK(!setresuid(1234, 1234, 1234));
		CHECK_ERR(syscall(SYS_pidfd_getfd, pidfd_open_(root, 0), 0, 0), EPERM);
	});
	WAIT_OK(pid);
}

/* ---- signalfd ---- */

/* Children that polled a signalfd they share leave nothing behind, and an epoll set of theirs still works. */
TEST(signalfd_outlives_those_who_polled_it)
{
	struct epoll_event ev = { .events = EPOLLIN }, out;
	sigset_t s;
	int fd, e;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	fd = signalfd(-1, &s, SFD_NONBLOCK);
	e = epoll_create1(0);
	CHECK(fd >= 0 && e >= 0);
	/* The set stands on the queue of the child that put the file in. */
	WAIT_OK(CHILD(CHECK(!epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev))));
	for (int i = 0; i < 50; i++)
		WAIT_OK(CHILD({
			struct pollfd p = { .fd = fd, .events = POLLIN };

			CHECK_EQ(poll(&p, 1, 0), 0);
		}));
	raise(SIGUSR1);
	CHECK_EQ(epoll_wait(e, &out, 1, 0) >= 0, 1);
	CHECK(!epoll_ctl(e, EPOLL_CTL_DEL, fd, NULL));
	CHECK(!epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev));
	CHECK_EQ(epoll_wait(e, &out, 1, 1000), 1);
}

/* A second signal of a kind that is pending already is no event. */
TEST(signalfd_edge_comes_once_for_a_pending_signal)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET }, out;
	sigset_t s;
	int fd, e;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	fd = signalfd(-1, &s, SFD_NONBLOCK);
	e = epoll_create1(0);
	CHECK(!epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev));
	raise(SIGUSR1); /* to the thread */
	CHECK_EQ(epoll_wait(e, &out, 1, 1000), 1);
	raise(SIGUSR1);
	CHECK_EQ(epoll_wait(e, &out, 1, 50), 0);
}
