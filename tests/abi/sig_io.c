// SPDX-License-Identifier: MIT
/*
 * Signal-driven I/O: O_ASYNC, FIOASYNC, F_SETOWN and its kin (fcntl(2), "Managing signals"): who is told,
 * of what, with which siginfo, and who may not be told.
 */
#include "abi.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#ifndef F_SETSIG
#define F_SETSIG 10
#define F_GETSIG 11
#endif
#ifndef FIOSETOWN
#define FIOSETOWN 0x8901
#define FIOGETOWN 0x8903
#endif
#define OWNER_TID 0
#define OWNER_PID 1
#define OWNER_PGRP 2

struct owner_ex {
	int type;
	pid_t pid;
};

static void block(int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	CHECK(!sigprocmask(SIG_BLOCK, &s, NULL));
}

/* The next @sig within @ms milliseconds into *si: 0; -1: none came. */
static int next_signal(int sig, siginfo_t *si, long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	return sigtimedwait(&s, si, &t) == sig ? 0 : -1;
}

static void set_async(int fd, bool on)
{
	int fl = fcntl(fd, F_GETFL);

	CHECK(!fcntl(fd, F_SETFL, on ? fl | O_ASYNC : fl & ~O_ASYNC));
}

/* @fd tells this process by real-time signal @sig. */
static void own_with(int fd, int sig)
{
	block(sig);
	CHECK(!fcntl(fd, F_SETOWN, getpid()));
	CHECK(!fcntl(fd, F_SETSIG, sig));
	set_async(fd, true);
}

static void check_told(int fd, int sig, int code, long band)
{
	siginfo_t si = { 0 };

	CHECK(!next_signal(sig, &si, 2000));
	CHECK_EQ(si.si_code, code);
	CHECK_EQ(si.si_fd, fd);
	CHECK_EQ(si.si_band, band);
}

static void check_quiet(int sig)
{
	siginfo_t si;

	CHECK_EQ(next_signal(sig, &si, 50), -1);
}

/* ---- the owner ---- */

TEST(owner_is_set_and_told_by_number_and_type)
{
	struct owner_ex ex = { 9, 9 };
	int p[2];

	CHECK(!pipe(p));
	CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
	CHECK(!fcntl(p[0], F_GETOWN_EX, &ex));
	CHECK_EQ(ex.type, OWNER_TID);
	CHECK_EQ(ex.pid, 0);
	CHECK(!fcntl(p[0], F_SETOWN, getpid()));
	CHECK_EQ(fcntl(p[0], F_GETOWN), getpid());
	CHECK(!fcntl(p[0], F_GETOWN_EX, &ex));
	CHECK(ex.type == OWNER_PID && ex.pid == getpid());
	CHECK(!fcntl(p[0], F_SETOWN, 0));
	CHECK(!fcntl(p[0], F_GETOWN_EX, &ex));
	CHECK(ex.type == OWNER_PID && ex.pid == 0);
	ex = (struct owner_ex){ OWNER_TID, gettid() };
	CHECK(!fcntl(p[0], F_SETOWN_EX, &ex));
	CHECK_EQ(fcntl(p[0], F_GETOWN), gettid());
	ex = (struct owner_ex){ OWNER_PGRP, getpgrp() };
	CHECK(!fcntl(p[0], F_SETOWN_EX, &ex));
	ex = (struct owner_ex){ 9, 9 };
	CHECK(!fcntl(p[0], F_GETOWN_EX, &ex));
	CHECK(ex.type == OWNER_PGRP && ex.pid == getpgrp());
	/* The C library may turn a group's negative number into an error; the kernel's answer is what counts. */
	CHECK(!fcntl(p[0], F_SETOWN, -getpgrp()));
	CHECK_EQ(syscall(SYS_fcntl, p[0], F_GETOWN) == -getpgrp() || errno == getpgrp(), 1);
}

TEST(owner_nobody_has_is_refused)
{
	struct owner_ex ex = { OWNER_PID, 99999999 };
	int p[2];

	CHECK(!pipe(p));
	CHECK_ERR(fcntl(p[0], F_SETOWN, 99999999), ESRCH);
	CHECK_ERR(fcntl(p[0], F_SETOWN, -99999999), ESRCH);
	CHECK_ERR(fcntl(p[0], F_SETOWN, INT_MIN), EINVAL);
	CHECK_ERR(fcntl(p[0], F_SETOWN_EX, &ex), ESRCH);
	ex = (struct owner_ex){ 3, getpid() };
	CHECK_ERR(fcntl(p[0], F_SETOWN_EX, &ex), EINVAL);
	ex = (struct owner_ex){ OWNER_TID, -1 };
	CHECK_ERR(fcntl(p[0], F_SETOWN_EX, &ex), ESRCH);
	CHECK_ERR(fcntl(p[0], F_SETOWN_EX, (void *)8), EFAULT);
	CHECK_ERR(fcntl(p[0], F_GETOWN_EX, (void *)8), EFAULT);
	CHECK_ERR(fcntl(p[0], F_SETSIG, 65), EINVAL);
	CHECK_ERR(fcntl(p[0], F_SETSIG, -1), EINVAL);
	CHECK_EQ(fcntl(p[0], F_GETSIG), 0);
	CHECK(!fcntl(p[0], F_SETSIG, 64));
	CHECK_EQ(fcntl(p[0], F_GETSIG), 64);
	CHECK_ERR(fcntl(open(".", O_PATH), F_SETOWN, getpid()), EBADF);
}

TEST(owner_that_died_is_forgotten)
{
	pid_t pid = CHILD(pause());
	int p[2];

	CHECK(!pipe(p));
	CHECK(!fcntl(p[0], F_SETOWN, pid));
	CHECK_EQ(fcntl(p[0], F_GETOWN), pid);
	kill(pid, SIGKILL);
	WAIT_SIGNAL(pid, SIGKILL);
	CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
	set_async(p[0], true);
	CHECK_EQ(write(p[1], "x", 1), 1); /* nobody to tell */
}

TEST(socket_owner_by_ioctl)
{
	int s[2], who = getpid(), got = -1;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	CHECK(!ioctl(s[0], FIOSETOWN, &who));
	CHECK(!ioctl(s[0], FIOGETOWN, &got));
	CHECK_EQ(got, getpid());
	CHECK_EQ(fcntl(s[0], F_GETOWN), getpid());
	who = -getpgrp();
	CHECK(!ioctl(s[0], FIOSETOWN, &who));
	CHECK(!ioctl(s[0], FIOGETOWN, &got));
	CHECK_EQ(got, -getpgrp());
	who = 99999999;
	CHECK_ERR(ioctl(s[0], FIOSETOWN, &who), ESRCH);
}

/* ---- what is told ---- */

TEST(pipe_tells_its_reader)
{
	int p[2], sig = SIGRTMIN + 3;

	CHECK(!pipe(p));
	own_with(p[0], sig);
	check_quiet(sig);
	CHECK_EQ(write(p[1], "x", 1), 1);
	check_told(p[0], sig, POLL_IN, POLLIN | POLLRDNORM);
	check_quiet(sig);
	CHECK_EQ(write(p[1], "y", 1), 1); /* also when there was data */
	check_told(p[0], sig, POLL_IN, POLLIN | POLLRDNORM);
	close(p[1]);
	check_told(p[0], sig, POLL_IN, POLLIN | POLLRDNORM);
}

TEST(fifo_and_dup_tell_with_the_descriptor_of_setfl)
{
	int sig = SIGRTMIN + 3, r, w, d;

	CHECK(!mkfifo("f", 0600));
	r = open("f", O_RDONLY | O_NONBLOCK);
	w = open("f", O_WRONLY);
	CHECK(r >= 0 && w >= 0);
	own_with(r, sig);
	d = dup(r);
	close(r); /* the open file lives on, and si_fd is what it was */
	CHECK_EQ(write(w, "x", 1), 1);
	check_told(r, sig, POLL_IN, POLLIN | POLLRDNORM);
	set_async(d, false);
	CHECK_EQ(write(w, "x", 1), 1);
	check_quiet(sig);
}

TEST(pipe_tells_its_writer_of_room)
{
	char buf[65536] = { 0 };
	int p[2], sig = SIGRTMIN + 3;

	CHECK(!pipe2(p, O_NONBLOCK));
	CHECK_EQ(write(p[1], buf, sizeof(buf)), sizeof(buf));
	own_with(p[1], sig);
	CHECK_EQ(read(p[0], buf, sizeof(buf)), sizeof(buf));
	check_told(p[1], sig, POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
}

static const struct socket_row {
	const char *what;
	int type;
} socket_rows[] = {
	{ "stream", SOCK_STREAM },
	{ "datagram", SOCK_DGRAM },
	{ "seqpacket", SOCK_SEQPACKET },
};

TEST_ROWS(socket_tells, socket_rows)
{
	int s[2], sig = SIGRTMIN + 3, one = 1;
	char c;

	CHECK(!socketpair(AF_UNIX, row->type, 0, s));
	block(sig);
	CHECK(!fcntl(s[0], F_SETOWN, getpid()));
	CHECK(!fcntl(s[0], F_SETSIG, sig));
	CHECK(!ioctl(s[0], FIOASYNC, &one));
	CHECK(fcntl(s[0], F_GETFL) & O_ASYNC);
	CHECK_EQ(send(s[1], "x", 1, 0), 1);
	check_told(s[0], sig, POLL_IN, POLLIN | POLLRDNORM);
	CHECK_EQ(send(s[0], "x", 1, 0), 1);
	CHECK_EQ(recv(s[1], &c, 1, 0), 1); /* room where there was room already */
	check_quiet(sig);
	if (row->type != SOCK_DGRAM) {
		close(s[1]);
		check_told(s[0], sig, POLL_HUP, POLLHUP | POLLERR);
	}
}

TEST(socket_tells_of_room_after_there_was_none)
{
	char buf[4096] = { 0 };
	int s[2], sig = SIGRTMIN + 3;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	own_with(s[0], sig);
	while (send(s[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	while (recv(s[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	check_told(s[0], sig, POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
}

TEST(listener_tells_of_a_connection)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), sig = SIGRTMIN + 3;

	CHECK(!bind(l, (void *)&a, sizeof(a)) && !listen(l, 5));
	own_with(l, sig);
	CHECK(!connect(c, (void *)&a, sizeof(a)));
	check_told(l, sig, POLL_IN, POLLIN | POLLRDNORM);
}

TEST(inotify_tells)
{
	int fd = inotify_init1(IN_NONBLOCK), sig = SIGRTMIN + 3;

	CHECK(inotify_add_watch(fd, ".", IN_CREATE) > 0);
	own_with(fd, sig);
	write_file("new", "x", 1);
	check_told(fd, sig, POLL_IN, POLLIN | POLLRDNORM);
}

/* A pty pair whose slave is the controlling terminal of a fresh session. */
static void open_terminal(int *master, int *slave)
{
	char name[32];
	int n, unlock = 0;

	CHECK(setsid() > 0);
	*master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	CHECK(*master >= 0);
	CHECK(!ioctl(*master, TIOCSPTLCK, &unlock) && !ioctl(*master, TIOCGPTN, &n));
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	*slave = open(name, O_RDWR);
	CHECK(*slave >= 0);
}

TEST(terminal_is_owned_by_its_foreground_group)
{
	pid_t pid = CHILD({
		int m, s;

		open_terminal(&m, &s);
		block(SIGIO);
		set_async(s, true);
		struct owner_ex ex = { 9, 9 };

		CHECK(!fcntl(s, F_GETOWN_EX, &ex));
		CHECK_EQ(ex.type, OWNER_PGRP);
		CHECK_EQ(ex.pid, getpgrp());
		CHECK_EQ(write(m, "line\n", 5), 5);
		siginfo_t si = { 0 };

		CHECK(!next_signal(SIGIO, &si, 2000));
	});

	WAIT_OK(pid);
}

TEST(plain_sigio_has_no_details)
{
	siginfo_t si = { 0 };
	int p[2];

	block(SIGIO);
	CHECK(!pipe(p));
	CHECK(!fcntl(p[0], F_SETOWN, getpid()));
	set_async(p[0], true);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK(!next_signal(SIGIO, &si, 2000));
	CHECK_EQ(si.si_code, SI_KERNEL);
	CHECK_EQ(si.si_fd, 0);
}

TEST(sigio_by_setsig_has_details)
{
	int p[2];

	CHECK(!pipe(p));
	own_with(p[0], SIGIO);
	CHECK_EQ(write(p[1], "x", 1), 1);
	check_told(p[0], SIGIO, POLL_IN, POLLIN | POLLRDNORM);
}

/* These signals' codes mean something else: SI_SIGIO stands there. */
TEST(setsig_to_a_signal_with_codes_of_its_own)
{
	int p[2];

	CHECK(!pipe(p));
	own_with(p[0], SIGCHLD);
	CHECK_EQ(write(p[1], "x", 1), 1);
	check_told(p[0], SIGCHLD, SI_SIGIO, POLLIN | POLLRDNORM);
}

TEST(full_queue_falls_back_to_sigio)
{
	struct rlimit none = { 0, 0 };
	int p[2], sig = SIGRTMIN + 3;
	siginfo_t si = { 0 };

	CHECK(!pipe(p));
	block(SIGIO);
	own_with(p[0], sig);
	CHECK(!setrlimit(RLIMIT_SIGPENDING, &none));
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK(!next_signal(SIGIO, &si, 2000));
	check_quiet(sig);
}

TEST(group_owner_tells_each_member)
{
	int p[2], ready[2];
	pid_t pid[2];
	char c;

	CHECK(!setpgid(0, 0));
	CHECK(!pipe(p) && !pipe(ready));
	block(SIGIO);
	for (int i = 0; i < 2; i++)
		pid[i] = CHILD({
			siginfo_t si;

			CHECK_EQ(write(ready[1], "r", 1), 1);
			CHECK(!next_signal(SIGIO, &si, 5000));
		});
	for (int i = 0; i < 2; i++)
		CHECK_EQ(read(ready[0], &c, 1), 1);
	CHECK(!fcntl(p[0], F_SETOWN, -getpgrp()));
	set_async(p[0], true);
	CHECK_EQ(write(p[1], "x", 1), 1);
	WAIT_OK(pid[0]);
	WAIT_OK(pid[1]);
}

/* ---- who may not be told ---- */

static int signalled(pid_t pid)
{
	int st;

	sleep_ms(100);
	return waitpid(pid, &st, WNOHANG) == pid && WIFSIGNALED(st) ? WTERMSIG(st) : 0;
}

/* The rights are those of who named the owner, not of who writes. */
TEST(owner_is_signalled_only_with_the_setters_rights)
{
	int p[2];
	pid_t other, pid;

	if (geteuid())
		SKIP("needs root");
	CHECK(!pipe(p));
	other = CHILD(prctl(PR_SET_PDEATHSIG, SIGKILL); pause());
	pid = CHILD({
		CHECK(!setresuid(1234, 1234, 1234));
		CHECK(!fcntl(p[0], F_SETOWN, other)); /* allowed; it is the sending that is judged */
		CHECK(!fcntl(p[0], F_SETSIG, SIGTERM));
		set_async(p[0], true);
	});
	WAIT_OK(pid);
	CHECK_EQ(write(p[1], "x", 1), 1); /* by root */
	CHECK_EQ(signalled(other), 0);
	CHECK(!fcntl(p[0], F_SETOWN, other));
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(signalled(other), SIGTERM);
}

/* ---- files without ---- */

TEST(files_without_sigio_say_so_to_the_ioctl_only)
{
	int one = 1, fds[3] = { eventfd(0, 0), epoll_create1(0), open("f", O_CREAT | O_RDWR, 0600) };

	for (int i = 0; i < 3; i++) {
		CHECK_ERR(ioctl(fds[i], FIOASYNC, &one), ENOTTY);
		set_async(fds[i], true);
		CHECK(!(fcntl(fds[i], F_GETFL) & O_ASYNC));
	}
	CHECK_ERR(ioctl(fds[0], FIOASYNC, (void *)8), EFAULT);
}

/* Registered descriptors that are closed while others write: nothing stays behind. */
TEST(close_races_with_the_writer)
{
	int ctl[2];
	pid_t pid;

	signal(SIGIO, SIG_IGN);
	CHECK(!pipe(ctl));
	for (int i = 0; i < 300; i++) {
		int s[2];
		char c;

		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		CHECK(!fcntl(s[0], F_SETOWN, getpid()));
		set_async(s[0], true);
		pid = CHILD({
			close(s[0]);
			signal(SIGPIPE, SIG_IGN);
			CHECK_EQ(write(ctl[1], "g", 1), 1);
			for (int k = 0; k < 20; k++)
				send(s[1], "x", 1, MSG_NOSIGNAL);
		});
		CHECK_EQ(read(ctl[0], &c, 1), 1);
		close(s[0]);
		close(s[1]);
		WAIT_OK(pid);
	}
}
