// SPDX-License-Identifier: MIT
/* epoll_ctl's and epoll_pwait2's answers, sets in sets over time; eventfds; lseek of files without a position. */
#include "abi.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

static int add(int set, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev);
}

/* ---- epoll_ctl ---- */

enum { SET, OTHER_SET, PIPE, FILE_, DIR_, CLOSED, EVENTFD, EXCLUSIVE_PIPE, NEW_PIPE };

static int fd_of(int kind, int set)
{
	int p[2];

	switch (kind) {
	case SET:
		return set;
	case OTHER_SET:
		return epoll_create1(0);
	case PIPE: /* in the set */
		CHECK(!pipe(p) && !add(set, p[0], EPOLLIN));
		return p[0];
	case EXCLUSIVE_PIPE:
		CHECK(!pipe(p) && !add(set, p[0], EPOLLIN | EPOLLEXCLUSIVE));
		return p[0];
	case NEW_PIPE:
		CHECK(!pipe(p));
		return p[0];
	case FILE_:
		return open("f", O_CREAT | O_RDWR, 0600);
	case DIR_:
		return open(".", O_RDONLY);
	case EVENTFD:
		return eventfd(0, 0);
	}
	return 999;
}

static const struct ctl_row {
	const char *what;
	int set, op, fd;
	uint32_t events;
	int err;
} ctl_rows[] = {
	{ "add", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN, 0 },
	{ "add_twice", SET, EPOLL_CTL_ADD, PIPE, EPOLLIN, EEXIST },
	{ "add_itself", SET, EPOLL_CTL_ADD, SET, EPOLLIN, EINVAL },
	{ "add_file", SET, EPOLL_CTL_ADD, FILE_, EPOLLIN, EPERM },
	{ "add_directory", SET, EPOLL_CTL_ADD, DIR_, EPOLLIN, EPERM },
	{ "add_closed", SET, EPOLL_CTL_ADD, CLOSED, EPOLLIN, EBADF },
	{ "to_closed", CLOSED, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN, EBADF },
	{ "to_no_set", EVENTFD, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN, EINVAL },
	{ "file_to_no_set", EVENTFD, EPOLL_CTL_ADD, FILE_, EPOLLIN, EPERM },
	{ "file_to_no_set_del", EVENTFD, EPOLL_CTL_DEL, FILE_, EPOLLIN, EPERM },
	{ "del_file", SET, EPOLL_CTL_DEL, FILE_, EPOLLIN, EPERM },
	{ "del_none", SET, EPOLL_CTL_DEL, NEW_PIPE, 0, ENOENT },
	{ "mod_none", SET, EPOLL_CTL_MOD, NEW_PIPE, EPOLLIN, ENOENT },
	{ "mod", SET, EPOLL_CTL_MOD, PIPE, EPOLLOUT, 0 },
	{ "del", SET, EPOLL_CTL_DEL, PIPE, 0, 0 },
	{ "odd_op", SET, 9, NEW_PIPE, EPOLLIN, EINVAL },
	{ "odd_op_of_a_file", SET, 9, FILE_, EPOLLIN, EPERM },
	{ "exclusive", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 0 },
	{ "exclusive_wakeup", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN | EPOLLWAKEUP | EPOLLEXCLUSIVE, 0 },
	{ "exclusive_oneshot", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN | EPOLLONESHOT | EPOLLEXCLUSIVE, EINVAL },
	{ "exclusive_priority", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLPRI | EPOLLEXCLUSIVE, EINVAL },
	{ "exclusive_hangup", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLRDHUP | EPOLLEXCLUSIVE, EINVAL },
	{ "exclusive_set", SET, EPOLL_CTL_ADD, OTHER_SET, EPOLLIN | EPOLLEXCLUSIVE, EINVAL },
	{ "exclusive_by_mod", SET, EPOLL_CTL_MOD, PIPE, EPOLLIN | EPOLLEXCLUSIVE, EINVAL },
	{ "exclusive_changed", SET, EPOLL_CTL_MOD, EXCLUSIVE_PIPE, EPOLLIN, EINVAL },
	{ "exclusive_del", SET, EPOLL_CTL_DEL, EXCLUSIVE_PIPE, EPOLLIN | EPOLLEXCLUSIVE, 0 },
	{ "exclusive_mod_of_none", SET, EPOLL_CTL_MOD, NEW_PIPE, EPOLLIN | EPOLLEXCLUSIVE, EINVAL },
	{ "wakeup", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN | EPOLLWAKEUP, 0 },
	{ "oneshot", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN | EPOLLONESHOT, 0 },
	{ "no_events", SET, EPOLL_CTL_ADD, NEW_PIPE, 0, 0 },
	{ "unknown_events", SET, EPOLL_CTL_ADD, NEW_PIPE, EPOLLIN | 1u << 20, 0 },
};

TEST_ROWS(ctl, ctl_rows)
{
	struct epoll_event ev = { .events = row->events };
	int set = epoll_create1(0), fd = fd_of(row->fd, set);

	set = row->set == SET ? set : fd_of(row->set, set);
	if (row->err)
		CHECK_ERR(epoll_ctl(set, row->op, fd, &ev), row->err);
	else
		CHECK(!epoll_ctl(set, row->op, fd, &ev));
}

TEST(ctl_reads_the_event_first)
{
	int set = epoll_create1(0), p[2];

	CHECK(!pipe(p));
	CHECK_ERR(syscall(SYS_epoll_ctl, 999, EPOLL_CTL_ADD, p[0], 1), EFAULT);
	CHECK_ERR(syscall(SYS_epoll_ctl, set, 9, p[0], 1), EFAULT);
	CHECK_ERR(syscall(SYS_epoll_ctl, set, EPOLL_CTL_DEL, p[0], 1), ENOENT);
	CHECK_ERR(syscall(SYS_epoll_create, 0), EINVAL);
	CHECK_ERR(syscall(SYS_epoll_create, -1), EINVAL);
	CHECK_ERR(epoll_create1(1), EINVAL);
}

TEST(oneshot_comes_again_after_mod)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
	int set = epoll_create1(0), p[2];

	CHECK(!pipe(p) && !add(set, p[0], EPOLLIN | EPOLLONESHOT));
	write(p[1], "x", 1);
	CHECK_EQ(epoll_wait(set, &ev, 1, 1000), 1);
	close(p[1]); /* not even the end of file comes */
	CHECK_EQ(epoll_wait(set, &ev, 1, 50), 0);
	CHECK_ERR(add(set, p[0], EPOLLIN), EEXIST);
	ev.events = EPOLLIN;
	CHECK(!epoll_ctl(set, EPOLL_CTL_MOD, p[0], &ev));
	CHECK_EQ(epoll_wait(set, &ev, 1, 1000), 1);
	CHECK_EQ(ev.events, EPOLLIN | EPOLLHUP);
}

/* ---- sets in sets ---- */

/* A set that held others, and holds them no more, may go below others again. */
TEST(set_that_held_sets_stayed_deep)
{
	int chain[5], outer = epoll_create1(0), out2 = epoll_create1(0);

	for (int i = 0; i < 5; i++)
		chain[i] = epoll_create1(0);
	for (int i = 0; i < 4; i++)
		CHECK(!add(chain[i], chain[i + 1], EPOLLIN)); /* chain[0] holds four below one another */
	CHECK(!epoll_ctl(chain[0], EPOLL_CTL_DEL, chain[1], NULL));
	CHECK(!add(outer, chain[0], EPOLLIN)); /* which holds none now */
	CHECK(!add(out2, outer, EPOLLIN));
	close(chain[4]); /* and one that is closed, out of the middle */
	close(chain[3]);
	CHECK(!add(chain[0], chain[1], EPOLLIN));
	int fd = eventfd(1, 0);
	struct epoll_event ev;
	CHECK(!add(chain[2], fd, EPOLLIN));
	CHECK_EQ(epoll_wait(out2, &ev, 1, 1000), 1);
	CHECK_EQ(ev.data.fd, outer);
}

TEST(set_in_itself_by_others)
{
	int a = epoll_create1(0), b = epoll_create1(0), c = epoll_create1(0);

	CHECK(!add(a, b, EPOLLIN) && !add(b, c, EPOLLIN));
	CHECK_ERR(add(c, a, EPOLLIN), ELOOP);
	CHECK(!epoll_ctl(a, EPOLL_CTL_DEL, b, NULL));
	CHECK(!add(c, a, EPOLLIN));
}

/* ---- epoll_pwait2 ---- */

static long pwait2(int set, void *ev, int max, const void *t, const void *mask, size_t size)
{
	return syscall(441, set, ev, max, t, mask, size);
}

TEST(pwait2_errors)
{
	struct timespec zero = { 0, 0 };
	struct epoll_event ev[2];
	int set = epoll_create1(0), fd = eventfd(0, 0);
	uint64_t mask = 0;
	long long start = now_ns();

	CHECK_ERR(pwait2(set, ev, 0, &zero, NULL, 0), EINVAL);
	CHECK_ERR(pwait2(set, ev, -1, &zero, NULL, 0), EINVAL);
	CHECK_ERR(pwait2(set, ev, INT_MAX, &zero, NULL, 0), EINVAL);
	CHECK_ERR(pwait2(set, ev, 1, &(struct timespec){ 0, 1000000000 }, NULL, 0), EINVAL);
	CHECK_ERR(pwait2(set, ev, 1, &(struct timespec){ -1, 0 }, NULL, 0), EINVAL);
	CHECK_ERR(pwait2(set, ev, 1, (void *)1, NULL, 0), EFAULT);
	CHECK_ERR(pwait2(set, ev, 1, &zero, &mask, 4), EINVAL);
	CHECK_ERR(pwait2(set, ev, 1, &zero, (void *)1, 8), EFAULT);
	CHECK_ERR(pwait2(999, ev, 1, &zero, NULL, 0), EBADF);
	CHECK_ERR(pwait2(fd, ev, 1, &zero, NULL, 0), EINVAL);
	CHECK_ERR(pwait2(set, (void *)-4096l, 1, &zero, NULL, 0), EFAULT);
	CHECK_EQ(pwait2(set, ev, 1, &(struct timespec){ 0, 20000000 }, &mask, 8), 0);
	CHECK(now_ns() - start >= 20000000);
	CHECK(!add(set, fd, EPOLLIN | EPOLLOUT));
	CHECK_EQ(pwait2(set, ev, 1, &(struct timespec){ LONG_MAX, 0 }, NULL, 99), 1);
	CHECK_ERR(epoll_wait(set, NULL, 1, 0), EFAULT);
	CHECK_EQ(epoll_wait(set, ev, 1, 0), 1); /* what could not be told is there still */
}

/* ---- eventfds ---- */

TEST(eventfd_semaphore)
{
	int fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v, most = UINT64_MAX - 1;
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	for (int i = 0; i < 3; i++)
		CHECK(read(fd, &v, 8) == 8 && v == 1);
	CHECK_ERR(read(fd, &v, 8), EAGAIN);
	CHECK_EQ(write(fd, &most, 8), 8);
	v = 1;
	CHECK_ERR(write(fd, &v, 8), EAGAIN);
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	CHECK(read(fd, &v, 8) == 8 && v == 1);
	CHECK(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLOUT));
	v = UINT64_MAX;
	CHECK_ERR(write(fd, &v, 8), EINVAL);
	CHECK_ERR(write(fd, &v, 7), EINVAL);
	CHECK_ERR(read(fd, &v, 7), EINVAL);
	v = 0;
	CHECK_EQ(write(fd, &v, 8), 8);
	CHECK_ERR(eventfd(0, 2), EINVAL);
}

/* ---- lseek ---- */

static int make_eventfd(void) { return eventfd(1, 0); }
static int make_set(void) { return epoll_create1(0); }
static int make_inotify(void) { return inotify_init1(0); }
static int make_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, 0); }
static int make_pidfd(void) { return (int)syscall(434, getpid(), 0); }
static int make_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static int make_pipe(void)
{
	int p[2];

	return pipe(p) ? -1 : p[0];
}
static int make_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return signalfd(-1, &set, 0);
}

static const struct seek_row {
	const char *what;
	int (*make)(void);
	bool moves;
} seek_rows[] = {
	{ "eventfd", make_eventfd, true },
	{ "epoll", make_set, true },
	{ "inotify", make_inotify, true },
	{ "timerfd", make_timerfd, true },
	{ "signalfd", make_signalfd, true },
	{ "pidfd", make_pidfd, false },
	{ "socket", make_socket, false },
	{ "pipe", make_pipe, false },
};

TEST_ROWS(lseek_of, seek_rows)
{
	int fd = row->make();
	char c;

	CHECK(fd >= 0);
	for (int whence = SEEK_SET; whence <= SEEK_HOLE; whence++)
		if (row->moves)
			CHECK_EQ(lseek(fd, 5, whence), 0);
		else
			CHECK_ERR(lseek(fd, 5, whence), ESPIPE);
	CHECK_ERR(lseek(fd, 0, 9), EINVAL);
	if (row->make == make_pidfd)
		ONLY_6_1(); /* pidfds became files of a file system of their own */
	CHECK_ERR(pread(fd, &c, 1, 0), ESPIPE);
	CHECK_ERR(pwrite(fd, &c, 1, 0), ESPIPE);
}
