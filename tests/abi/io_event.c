// SPDX-License-Identifier: MIT
/* Pipes, poll, select, epoll, eventfd, timerfd, splice. */
#include "abi.h"
#include "proc.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static void pipe_nonblocking(int fds[2])
{
	CHECK(!pipe2(fds, O_NONBLOCK));
}

static size_t fill(int fd)
{
	char block[4096] = { 0 };
	size_t total = 0;
	ssize_t n;

	while ((n = write(fd, block, sizeof(block))) > 0)
		total += (size_t)n;
	CHECK_EQ(errno, EAGAIN);
	return total;
}

TEST(pipe_end_of_file_and_sigpipe)
{
	int fds[2];
	char c;

	CHECK(!pipe(fds));
	CHECK(write(fds[1], "ab", 2) == 2 && !close(fds[1]));
	CHECK(read(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 0);
	CHECK(!pipe(fds) && !close(fds[0]));
	WAIT_SIGNAL(CHILD(write(fds[1], "x", 1)), SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(fds[1], "x", 1), EPIPE);
}

TEST(pipe_capacity)
{
	int fds[2], n;

	pipe_nonblocking(fds);
	CHECK_EQ(fill(fds[1]), 65536);
	CHECK(!ioctl(fds[0], FIONREAD, &n) && n == 65536);
	CHECK_EQ(fcntl(fds[1], F_GETPIPE_SZ), 65536);
	CHECK_ERR(fcntl(fds[1], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK_EQ(fcntl(fds[1], F_SETPIPE_SZ, 131072), 131072);
	CHECK_EQ(fill(fds[1]), 65536);
}

TEST(pipe_writes_are_atomic)
{
	int fds[2];
	char block[512];
	pid_t kids[4];

	CHECK(!pipe(fds));
	for (int k = 0; k < 4; k++)
		kids[k] = CHILD({
			memset(block, 'a' + k, sizeof(block));
			for (int i = 0; i < 200; i++)
				CHECK_EQ(write(fds[1], block, sizeof(block)), sizeof(block));
		});
	close(fds[1]);
	for (int i = 0; i < 800; i++) {
		size_t have = 0;

		while (have < sizeof(block)) {
			ssize_t n = read(fds[0], block + have, sizeof(block) - have);

			CHECK(n > 0);
			have += (size_t)n;
		}
		for (size_t j = 1; j < sizeof(block); j++)
			CHECK_EQ(block[j], block[0]);
	}
	for (int k = 0; k < 4; k++)
		WAIT_OK(kids[k]);
}

TEST(pipe_large_transfer)
{
	static char block[100000];
	int fds[2];
	size_t total = 0;
	unsigned sum = 0;
	pid_t pid;

	CHECK(!pipe(fds));
	pid = CHILD({
		close(fds[0]);
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (char)i;
		for (int i = 0; i < 50; i++)
			CHECK_EQ(write(fds[1], block, sizeof(block)), sizeof(block));
	});
	close(fds[1]);
	for (ssize_t n; (n = read(fds[0], block, 7777)) > 0; total += (size_t)n)
		for (ssize_t i = 0; i < n; i++)
			sum += (unsigned char)block[i] != (unsigned char)((total + (size_t)i) % 100000);
	CHECK_EQ(total, 5000000);
	CHECK_EQ(sum, 0);
	WAIT_OK(pid);
}

TEST(fifo_open_rules)
{
	int r, w;

	CHECK(!mkfifo("p", 0644));
	CHECK_ERR(open("p", O_WRONLY | O_NONBLOCK), ENXIO);
	r = open("p", O_RDONLY | O_NONBLOCK);
	CHECK(r >= 0);
	w = open("p", O_WRONLY | O_NONBLOCK);
	CHECK(w >= 0 && write(w, "x", 1) == 1);
	CHECK(!close(w) && !close(r));
	WAIT_OK(CHILD({
		pid_t pid = CHILD({
			int fd = open("p", O_WRONLY); /* waits for a reader */

			CHECK(write(fd, "hi", 2) == 2);
		});
		char buf[4];
		int fd = open("p", O_RDONLY);

		CHECK_EQ(read(fd, buf, 4), 2);
		CHECK_EQ(read(fd, buf, 4), 0);
		WAIT_OK(pid);
	}));
}

TEST(poll_masks)
{
	struct pollfd p[3];
	int fds[2];

	pipe_nonblocking(fds);
	p[0] = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	p[1] = (struct pollfd){ .fd = fds[1], .events = POLLOUT };
	p[2] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = 7 };
	CHECK_EQ(poll(p, 3, 0), 1);
	CHECK(p[0].revents == 0 && p[1].revents == POLLOUT && p[2].revents == 0);
	fill(fds[1]);
	CHECK_EQ(poll(p, 2, 0), 1);
	CHECK(p[0].revents == POLLIN && p[1].revents == 0);
	close(fds[0]);
	p[0].fd = 999;
	CHECK_EQ(poll(p, 2, 0), 2);
	CHECK(p[0].revents == POLLNVAL && p[1].revents & POLLERR);
	pipe_nonblocking(fds);
	close(fds[1]);
	p[0] = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	CHECK(poll(p, 1, 0) == 1 && p[0].revents == POLLHUP);
}

static short mounts_changed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* Each open file is told of each change once, and of none before it was opened. */
TEST(poll_tells_of_changed_mounts)
{
	int before, after;

	if (!unshare(CLONE_NEWNS)) /* others mount too, on a machine that knows namespaces */
		CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	before = open("/proc/self/mounts", O_RDONLY);
	CHECK_EQ(mounts_changed(before), 0);
	mkdir("m", 0755);
	if (mount("none", "m", "tmpfs", 0, ""))
		SKIP("cannot mount here");
	after = open("/proc/self/mounts", O_RDONLY);
	CHECK_EQ(mounts_changed(before), POLLPRI | POLLERR);
	CHECK_EQ(mounts_changed(before), 0);
	CHECK_EQ(mounts_changed(after), 0);
	CHECK(!umount("m"));
	CHECK_EQ(mounts_changed(before), POLLPRI | POLLERR);
	CHECK_EQ(mounts_changed(after), POLLPRI | POLLERR);
}

TEST(poll_waits_and_times_out)
{
	struct pollfd p;
	int fds[2];
	long long begin = now_ns();
	pid_t pid;

	CHECK(!pipe(fds));
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	CHECK_EQ(poll(&p, 1, 60), 0);
	CHECK(now_ns() - begin >= 60000000);
	pid = CHILD({
		sleep_ms(50);
		write(fds[1], "x", 1);
	});
	CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
	WAIT_OK(pid);
}

TEST(select_sets)
{
	struct timeval t = { 0, 50000 };
	fd_set r, w;
	int fds[2];

	CHECK(!pipe(fds));
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(fds[0], &r);
	FD_SET(fds[1], &w);
	CHECK_EQ(select(fds[1] + 1, &r, &w, NULL, NULL), 1);
	CHECK(!FD_ISSET(fds[0], &r) && FD_ISSET(fds[1], &w));
	FD_ZERO(&r);
	FD_SET(fds[0], &r);
	CHECK_EQ(select(fds[0] + 1, &r, NULL, NULL, &t), 0);
	close(fds[0]);
	FD_SET(fds[0], &r);
	CHECK_ERR(select(fds[0] + 1, &r, NULL, NULL, NULL), EBADF);
}

static int ep_add(int ep, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

TEST(epoll_level_and_edge)
{
	struct epoll_event e[4];
	int ep = epoll_create1(0), a[2], b[2];
	char c;

	CHECK(!pipe(a) && !pipe(b));
	CHECK(!ep_add(ep, a[0], EPOLLIN) && !ep_add(ep, b[0], EPOLLIN | EPOLLET));
	CHECK_EQ(epoll_wait(ep, e, 4, 0), 0);
	CHECK(write(a[1], "1", 1) == 1 && write(b[1], "1", 1) == 1);
	CHECK_EQ(epoll_wait(ep, e, 4, 0), 2);
	CHECK_EQ(epoll_wait(ep, e, 4, 0), 1); /* only the level-triggered one again */
	CHECK(e[0].data.fd == a[0] && e[0].events == EPOLLIN);
	CHECK(write(b[1], "2", 1) == 1); /* a new edge */
	CHECK_EQ(epoll_wait(ep, e, 4, 0), 2);
	CHECK(read(a[0], &c, 1) == 1);
	CHECK_EQ(epoll_wait(ep, e, 4, 0), 0);
	close(a[1]);
	CHECK(epoll_wait(ep, e, 4, 0) == 1 && e[0].events == EPOLLHUP);
}

TEST(epoll_oneshot_mod_del)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT }, got;
	int ep = epoll_create1(0), fds[2];

	CHECK(!pipe(fds) && write(fds[1], "x", 1) == 1);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e));
	CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e), EEXIST);
	CHECK(epoll_wait(ep, &got, 1, 0) == 1 && epoll_wait(ep, &got, 1, 0) == 0);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_MOD, fds[0], &e) && epoll_wait(ep, &got, 1, 0) == 1);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL));
	CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL), ENOENT);
	CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
	CHECK_ERR(epoll_wait(ep, &got, 0, 0), EINVAL);
	write_file("f", "", 0);
	CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, open("f", O_RDONLY), &e), EPERM);
}

TEST(epoll_nests_without_loops)
{
	struct epoll_event got;
	int a = epoll_create1(0), b = epoll_create1(0), fds[2];

	CHECK(!pipe(fds) && !ep_add(a, b, EPOLLIN) && !ep_add(b, fds[0], EPOLLIN));
	CHECK_ERR(ep_add(b, a, EPOLLIN), ELOOP);
	CHECK_EQ(epoll_wait(a, &got, 1, 0), 0);
	CHECK(write(fds[1], "x", 1) == 1 && epoll_wait(a, &got, 1, 100) == 1);
}

TEST(epoll_forgets_closed_files)
{
	struct epoll_event got;
	int ep = epoll_create1(0), fds[2], copy;

	CHECK(!pipe(fds) && write(fds[1], "x", 1) == 1 && !ep_add(ep, fds[0], EPOLLIN));
	copy = dup(fds[0]);
	close(fds[0]);
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 1); /* the open file lives on */
	close(copy);
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
}

TEST(epoll_wakes_from_another_process)
{
	struct epoll_event got;
	int ep = epoll_create1(0), fds[2];
	pid_t pid;

	CHECK(!pipe(fds) && !ep_add(ep, fds[0], EPOLLIN | EPOLLET));
	pid = CHILD(for (int i = 0; i < 100; i++) {
		sleep_ms(1);
		CHECK_EQ(write(fds[1], "x", 1), 1);
	});
	for (int n = 0; n < 100;) {
		char buf[64];

		CHECK_EQ(epoll_wait(ep, &got, 1, 5000), 1);
		n += (int)read(fds[0], buf, sizeof(buf));
	}
	WAIT_OK(pid);
}

TEST(eventfd_counts)
{
	uint64_t v = 5;
	int fd = eventfd(3, EFD_NONBLOCK), sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);

	CHECK(write(fd, &v, 8) == 8 && read(fd, &v, 8) == 8 && v == 8);
	CHECK_ERR(read(fd, &v, 8), EAGAIN);
	v = ~0ull;
	CHECK_ERR(write(fd, &v, 8), EINVAL);
	v = ~0ull - 1;
	CHECK_EQ(write(fd, &v, 8), 8);
	v = 1;
	CHECK_ERR(write(fd, &v, 8), EAGAIN);
	CHECK(read(sem, &v, 8) == 8 && v == 1 && read(sem, &v, 8) == 8 && v == 1);
	CHECK_ERR(read(sem, &v, 8), EAGAIN);
	CHECK_ERR(read(fd, &v, 4), EINVAL);
}

TEST(timerfd_expires)
{
	struct itimerspec its = { { 0, 20000000 }, { 0, 20000000 } }, left;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	CHECK(fd >= 0 && !timerfd_settime(fd, 0, &its, NULL));
	CHECK_ERR(read(fd, &n, 8), EAGAIN);
	CHECK_EQ(poll(&p, 1, 1000), 1);
	sleep_ms(70);
	CHECK(read(fd, &n, 8) == 8 && n >= 3);
	CHECK(!timerfd_gettime(fd, &left) && left.it_interval.tv_nsec == 20000000);
	memset(&its, 0, sizeof(its));
	CHECK(!timerfd_settime(fd, 0, &its, NULL));
	CHECK_EQ(poll(&p, 1, 50), 0);
}

TEST(timerfd_of_a_nanosecond)
{
	struct itimerspec its = { { 0, 1 }, { 0, 1 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	uint64_t n = 0;

	CHECK(fd >= 0 && !timerfd_settime(fd, 0, &its, NULL));
	sleep_ms(50);
	CHECK(read(fd, &n, 8) == 8 && n >= 50000000);
	its.it_interval.tv_sec = INT64_MAX / 1000000000;
	CHECK(!timerfd_settime(fd, 0, &its, NULL));
	sleep_ms(50);
	CHECK(read(fd, &n, 8) == 8 && n == 1);
}

TEST(splice_between_pipe_and_file)
{
	int fds[2], fd = open("f", O_CREAT | O_RDWR, 0644);
	char buf[6] = { 0 };
	loff_t off = 2;

	CHECK(!pipe(fds) && write(fd, "abcdef", 6) == 6);
	CHECK_EQ(splice(fd, &off, fds[1], NULL, 4, 0), 4);
	CHECK(off == 6 && read(fds[0], buf, 6) == 4 && !memcmp(buf, "cdef", 4));
	CHECK_EQ(write(fds[1], "XY", 2), 2);
	off = 0;
	CHECK_EQ(splice(fds[0], NULL, fd, &off, 2, 0), 2);
	CHECK(pread(fd, buf, 6, 0) == 6 && !memcmp(buf, "XYcdef", 6));
	CHECK_ERR(splice(fd, NULL, fd, NULL, 1, 0), EINVAL);
}

/* ---- wake-ups that reach their sleeper ---- */

/* A write of a page that was woken took one of sixteen places and told nobody of the others. */
TEST(splice_into_a_pipe_kept_the_wake_up)
{
	int p[2], fd = open("f", O_CREAT | O_RDWR, 0644);
	static char block[65536];
	pid_t splicer, writer;

	CHECK(!pipe(p) && write(fd, block, 4096) == 4096);
	CHECK_EQ(write(p[1], block, sizeof(block)), (ssize_t)sizeof(block));
	splicer = CHILD({
		loff_t off = 0;

		alarm(5);
		CHECK_EQ(splice(fd, &off, p[1], NULL, 4096, 0), 4096);
	});
	wait_asleep(splicer);
	writer = CHILD({
		alarm(5);
		CHECK_EQ(write(p[1], "w", 1), 1);
	});
	wait_asleep(writer);
	CHECK_EQ(read(p[0], block, sizeof(block)), (ssize_t)sizeof(block));
	WAIT_OK(splicer);
	WAIT_OK(writer);
}

/* tee takes nothing, so what woke it is still there for a reader. */
TEST(tee_kept_the_wake_up)
{
	int from[2], to[2];
	pid_t teer, reader;

	CHECK(!pipe(from) && !pipe(to));
	teer = CHILD({
		alarm(5);
		CHECK_EQ(tee(from[0], to[1], 4096, 0), 1);
	});
	wait_asleep(teer);
	reader = CHILD({
		char c;

		alarm(5);
		CHECK_EQ(read(from[0], &c, 1), 1);
	});
	wait_asleep(reader);
	CHECK_EQ(write(from[1], "x", 1), 1);
	WAIT_OK(reader);
	CHECK_EQ(write(from[1], "y", 1), 1); /* the reader may have been the first */
	WAIT_OK(teer);
}

/* One write fills two places and wakes one reader. */
TEST(splice_out_of_a_pipe_kept_the_wake_up)
{
	int p[2], fd = open("f", O_CREAT | O_RDWR, 0644);
	static char block[8192];
	pid_t splicer, reader;

	CHECK(!pipe(p));
	splicer = CHILD({
		alarm(5);
		CHECK_EQ(splice(p[0], NULL, fd, NULL, 4096, 0), 4096);
	});
	wait_asleep(splicer);
	reader = CHILD({
		alarm(5);
		CHECK_EQ(read(p[0], block, 4096), 4096);
	});
	wait_asleep(reader);
	CHECK_EQ(write(p[1], block, sizeof(block)), (ssize_t)sizeof(block));
	WAIT_OK(splicer);
	WAIT_OK(reader);
}

/* What splice had in its hands was not in the pipe: a reader took that for the end. */
TEST(splice_between_pipes_hid_the_data)
{
	static char block[65536];
	int from[2], to[2];
	pid_t splicer;
	char c = 0;

	CHECK(!pipe(from) && !pipe(to));
	CHECK_EQ(write(to[1], block, sizeof(block)), (ssize_t)sizeof(block));
	CHECK_EQ(write(from[1], "x", 1), 1);
	splicer = CHILD({
		close(from[1]);
		alarm(5);
		CHECK_EQ(splice(from[0], NULL, to[1], NULL, 4096, 0), 0);
	});
	CHECK(!close(from[1]));
	wait_asleep(splicer);
	CHECK(read(from[0], &c, 1) == 1 && c == 'x');
	CHECK_EQ(read(to[0], block, sizeof(block)), (ssize_t)sizeof(block));
	WAIT_OK(splicer);
}

static void no_action(int sig __attribute__((unused))) {}

TEST(splice_to_a_socket_hid_the_data)
{
	static char block[65536];
	struct sigaction act = { .sa_handler = no_action };
	pid_t splicer, reader;
	int p[2], s[2];

	CHECK(!pipe(p) && !socketpair(AF_UNIX, SOCK_STREAM, 0, s) && !sigaction(SIGUSR1, &act, NULL));
	while (send(s[0], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	CHECK(write(p[1], "x", 1) == 1 && !close(p[1])); /* Linux keeps the pipe locked while it waits for the socket */
	splicer = CHILD({
		alarm(5);
		CHECK_ERR(splice(p[0], NULL, s[0], NULL, 1, 0), EINTR);
	});
	wait_asleep(splicer);
	reader = CHILD({
		char c = 0;

		alarm(5);
		CHECK(read(p[0], &c, 1) == 1 && c == 'x');
	});
	sleep_ms(50);
	CHECK(!kill(splicer, SIGUSR1));
	WAIT_OK(splicer);
	WAIT_OK(reader);
}

static int polled_set;
static time_t polled_until;

static void *poll_the_set(void *unused __attribute__((unused)))
{
	struct pollfd p = { .fd = polled_set, .events = POLLIN };

	while (time(NULL) < polled_until)
		CHECK(poll(&p, 1, 0) >= 0);
	return NULL;
}

/* poll(2) on a set had the ready list in its hands; who looked meanwhile slept on. */
TEST(epoll_wait_slept_beside_a_poll_of_the_set)
{
	struct epoll_event ev = { .events = EPOLLIN };
	pthread_t t[2];

	polled_set = epoll_create1(0);
	CHECK(!epoll_ctl(polled_set, EPOLL_CTL_ADD, eventfd(1, 0), &ev));
	polled_until = time(NULL) + 3;
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&t[i], NULL, poll_the_set, NULL));
	while (time(NULL) < polled_until) {
		long long before = now_ns();

		CHECK_EQ(epoll_wait(polled_set, &ev, 1, 10000), 1);
		CHECK(now_ns() - before < 8000000000ll);
	}
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_join(t[i], NULL));
}

/* A set in a set by many descriptors, and so on: one wake-up would go thirty times thirty ways. */
TEST(epoll_refuses_too_many_ways)
{
	int set[3], low = eventfd(0, 0), err = 0;
	struct epoll_event ev = { .events = EPOLLIN };

	for (int i = 0; i < 3; i++)
		set[i] = epoll_create1(0);
	CHECK(!epoll_ctl(set[0], EPOLL_CTL_ADD, low, &ev));
	for (int i = 0; i < 30; i++)
		CHECK(!epoll_ctl(set[1], EPOLL_CTL_ADD, dup(set[0]), &ev));
	for (int i = 0; i < 30 && !err; i++)
		err = epoll_ctl(set[2], EPOLL_CTL_ADD, dup(set[1]), &ev) ? errno : 0;
	CHECK_EQ(err, EINVAL);
	CHECK_EQ(write(low, &(uint64_t){ 1 }, 8), 8);
	CHECK_EQ(epoll_wait(set[2], &ev, 1, 0), 1);
	for (int i = 0; i < 2; i++)
		CHECK(!close(set[i]));
}
