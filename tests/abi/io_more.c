// SPDX-License-Identifier: MIT
/* Pipes, readiness and Unix sockets in depth: what the simpler programs beside this one do not reach. */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static void pair(int type, int fd[2])
{
	CHECK_EQ(socketpair(AF_UNIX, type, 0, fd), 0);
}

static int ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* ---- pipes ---- */

TEST(pipe_small_writes_are_atomic)
{
	char buf[4096], page[4096];
	int fd[2];
	pid_t kids[4];

	CHECK_EQ(pipe(fd), 0);
	for (int k = 0; k < 4; k++) {
		kids[k] = fork();
		if (kids[k] == 0) {
			memset(buf, 'a' + k, sizeof(buf));
			for (int i = 0; i < 200; i++)
				if (write(fd[1], buf, 1000 + k) != 1000 + k)
					_exit(1);
			_exit(0);
		}
	}
	close(fd[1]);
	for (size_t total = 0;;) {
		ssize_t n = read(fd[0], page, 1);

		if (n == 0) {
			CHECK_EQ(total, 200 * (4000 + 6));
			break;
		}
		CHECK_EQ(n, 1);
		size_t rest = 1000 + (size_t)(page[0] - 'a') - 1, got = 0;
		while (got < rest) {
			n = read(fd[0], page + 1 + got, rest - got);
			CHECK(n > 0);
			got += (size_t)n;
		}
		for (size_t i = 1; i <= rest; i++)
			CHECK(page[i] == page[0]);
		total += rest + 1;
	}
	for (int k = 0; k < 4; k++) {
		int st;

		CHECK_EQ(waitpid(kids[k], &st, 0), kids[k]);
		CHECK_EQ(st, 0);
	}
}

TEST(pipe_nonblocking_fills_to_its_size)
{
	char buf[4096] = { 0 };
	int fd[2], n;
	long total = 0;

	CHECK_EQ(pipe2(fd, O_NONBLOCK), 0);
	while ((n = (int)write(fd[1], buf, sizeof(buf))) > 0)
		total += n;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(total, 65536);
	CHECK_EQ(fcntl(fd[1], F_GETPIPE_SZ), 65536);
	CHECK_EQ(ioctl(fd[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 65536);
	CHECK_EQ(ready(fd[1], POLLOUT), 0);
	CHECK_EQ(fcntl(fd[1], F_SETPIPE_SZ, 131072), 131072);
	CHECK_EQ(ready(fd[1], POLLOUT), POLLOUT);
	CHECK_ERR(fcntl(fd[1], F_SETPIPE_SZ, 4096), EBUSY);
}

TEST(pipe_packets_stay_apart)
{
	char buf[100];
	int fd[2];

	CHECK_EQ(pipe2(fd, O_DIRECT), 0);
	CHECK_EQ(write(fd[1], "one", 3), 3);
	CHECK_EQ(write(fd[1], "three", 5), 5);
	CHECK_EQ(read(fd[0], buf, 100), 3);
	CHECK_EQ(read(fd[0], buf, 2), 2);
	close(fd[1]);
	CHECK_EQ(read(fd[0], buf, 100), 0);
}

TEST(fifo_opens_wait_for_each_other)
{
	char c;
	int fd, st;

	CHECK_EQ(mkfifo("f", 0600), 0);
	CHECK_ERR(open("f", O_WRONLY | O_NONBLOCK), ENXIO);
	fd = open("f", O_RDONLY | O_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_EQ(ready(fd, POLLIN), 0);
	CHECK_EQ(read(fd, &c, 1), 0);
	close(fd);
	if (fork() == 0) {
		fd = open("f", O_WRONLY);
		_exit(fd < 0 || write(fd, "x", 1) != 1);
	}
	fd = open("f", O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(wait(&st) > 0, 1);
	CHECK_EQ(st, 0);
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK_EQ(ready(fd, POLLIN), POLLHUP);
}

TEST(tee_and_splice_between_pipes)
{
	char buf[16];
	int a[2], b[2];

	CHECK_EQ(pipe(a), 0);
	CHECK_EQ(pipe(b), 0);
	CHECK_EQ(write(a[1], "hello", 5), 5);
	CHECK_EQ(tee(a[0], b[1], 100, 0), 5);
	CHECK_EQ(write(b[1], "!", 1), 1);
	CHECK_EQ(read(b[0], buf, 16), 6);
	CHECK(memcmp(buf, "hello!", 6) == 0);
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, 3, 0), 3);
	CHECK_EQ(read(b[0], buf, 16), 3);
	CHECK_EQ(read(a[0], buf, 16), 2);
	CHECK(memcmp(buf, "lo", 2) == 0);
	CHECK_ERR(splice(a[0], NULL, b[1], NULL, 3, SPLICE_F_NONBLOCK), EAGAIN);
}

TEST(sendfile_to_a_socket)
{
	static char data[300000], back[300000];
	int fd[2], file = open("data", O_RDWR | O_CREAT, 0600), st;
	off_t off = 1000;
	size_t got = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 1000);
	CHECK_EQ(write(file, data, sizeof(data)), sizeof(data));
	pair(SOCK_STREAM, fd);
	if (fork() == 0) {
		close(fd[0]);
		while (off < (off_t)sizeof(data))
			if (sendfile(fd[1], file, &off, sizeof(data)) <= 0)
				_exit(1);
		_exit(0);
	}
	close(fd[1]);
	for (ssize_t n; (n = read(fd[0], back + got, sizeof(back) - got)) > 0;)
		got += (size_t)n;
	CHECK_EQ(got, sizeof(data) - 1000);
	CHECK(memcmp(back, data + 1000, got) == 0);
	CHECK(wait(&st) > 0 && st == 0);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), sizeof(data));
}

/* ---- more than a pipe takes, from the only thread there is ---- */

enum into { BY_SPLICE, BY_SENDFILE, BY_VMSPLICE };

struct overfull {
	const char *what;
	enum into by;
	bool memory;  /* a memfd, not a file on the disk */
	int slots;
	bool begun;   /* something is in the pipe */
};
static const struct overfull overfulls[] = {
	{ "splice", BY_SPLICE, false, 16, false },
	{ "splice_begun", BY_SPLICE, false, 16, true },
	{ "splice_small", BY_SPLICE, false, 4, false },
	{ "splice_one_slot", BY_SPLICE, false, 1, false },
	{ "splice_memory", BY_SPLICE, true, 16, true },
	{ "sendfile", BY_SENDFILE, false, 16, false },
	{ "sendfile_begun", BY_SENDFILE, false, 16, true },
	{ "sendfile_small", BY_SENDFILE, false, 4, false },
	{ "sendfile_memory", BY_SENDFILE, true, 16, true },
	{ "vmsplice", BY_VMSPLICE, false, 16, false },
	{ "vmsplice_begun", BY_VMSPLICE, false, 4, true },
};

#define MORE (20 * 4096l)

static ssize_t put_in(const struct overfull *o, int file, char *data, int pipe_end, bool nonblock)
{
	struct iovec v = { data, MORE };

	switch (o->by) {
	case BY_SPLICE:
		return splice(file, NULL, pipe_end, NULL, MORE, nonblock ? SPLICE_F_NONBLOCK : 0);
	case BY_SENDFILE:
		CHECK_EQ(fcntl(pipe_end, F_SETFL, nonblock ? O_NONBLOCK : 0), 0);
		return sendfile(pipe_end, file, NULL, MORE);
	default:
		return vmsplice(pipe_end, &v, 1, nonblock ? SPLICE_F_NONBLOCK : 0);
	}
}

TEST_ROWS(filling_a_pipe_slept_in_the_middle, overfulls)
{
	static char data[MORE] __attribute__((aligned(4096))), back[MORE];
	ssize_t room = (row->slots - row->begun) * 4096l;
	int fds[2], file = row->memory ? memfd_create("data", 0) : open("data", O_RDWR | O_CREAT, 0600);

	alarm(5);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 1000);
	CHECK_EQ(write(file, data, sizeof(data)), sizeof(data));
	CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(fcntl(fds[1], F_SETPIPE_SZ, row->slots * 4096), row->slots * 4096);
	if (row->begun)
		CHECK_EQ(write(fds[1], "begun", 5), 5);
	CHECK_EQ(put_in(row, file, data, fds[1], false), room);
	CHECK_ERR(put_in(row, file, data, fds[1], true), EAGAIN);
	if (row->by != BY_VMSPLICE)
		CHECK_EQ(lseek(file, 0, SEEK_CUR), room);
	if (row->begun)
		CHECK_EQ(read(fds[0], back, 5), 5);
	CHECK_EQ(read(fds[0], back, sizeof(back)), room);
	CHECK(memcmp(back, data, (size_t)room) == 0);
}

TEST(splice_lost_what_a_full_pipe_did_not_take)
{
	int fds[2], socks[2];
	char buf[8];

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
	CHECK_EQ(write(fds[1], "full", 4), 4);
	pair(SOCK_STREAM, socks);
	CHECK_EQ(write(socks[1], "kept", 4), 4);
	CHECK_ERR(splice(socks[0], NULL, fds[1], NULL, 4, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(read(fds[0], buf, 8), 4);
	CHECK_EQ(splice(socks[0], NULL, fds[1], NULL, 4, SPLICE_F_NONBLOCK), 4);
	CHECK_EQ(read(fds[0], buf, 8), 4);
	CHECK(memcmp(buf, "kept", 4) == 0);
}

/* ---- epoll ---- */

static int watch(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, op, fd, &ev);
}

static int events_now(int ep, struct epoll_event *ev)
{
	return epoll_wait(ep, ev, 8, 0);
}

TEST(epoll_edge_and_oneshot)
{
	struct epoll_event ev[8];
	int fd[2], ep = epoll_create1(0);

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(watch(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLET), 0);
	CHECK_EQ(events_now(ep, ev), 0);
	CHECK_EQ(write(fd[1], "a", 1), 1);
	CHECK_EQ(events_now(ep, ev), 1);
	CHECK_EQ(events_now(ep, ev), 0);
	CHECK_EQ(write(fd[1], "b", 1), 1);
	CHECK_EQ(events_now(ep, ev), 1);
	CHECK_EQ(watch(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLONESHOT), 0);
	CHECK_EQ(events_now(ep, ev), 1);
	CHECK_EQ(write(fd[1], "c", 1), 1);
	CHECK_EQ(events_now(ep, ev), 0);
	CHECK_EQ(watch(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN), 0);
	CHECK_EQ(events_now(ep, ev), 1);
	CHECK_EQ(events_now(ep, ev), 1);
	CHECK_EQ(ev[0].events, EPOLLIN);
	close(fd[1]);
	CHECK_EQ(events_now(ep, ev), 1);
	CHECK_EQ(ev[0].events, EPOLLIN | EPOLLHUP);
	close(fd[0]);
	CHECK_EQ(events_now(ep, ev), 0);
}

TEST(epoll_errors)
{
	int fd[2], ep = epoll_create1(0), file = open("x", O_CREAT | O_RDWR, 0600);
	struct epoll_event ev;

	CHECK_EQ(pipe(fd), 0);
	CHECK_ERR(watch(ep, EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
	CHECK_ERR(watch(ep, EPOLL_CTL_ADD, ep, EPOLLIN), EINVAL);
	CHECK_ERR(watch(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN), ENOENT);
	CHECK_ERR(watch(fd[0], EPOLL_CTL_ADD, fd[1], EPOLLIN), EINVAL);
	CHECK_EQ(watch(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN), 0);
	CHECK_ERR(watch(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN), EEXIST);
	CHECK_ERR(epoll_wait(ep, &ev, 0, 0), EINVAL);
	CHECK_ERR(watch(ep, EPOLL_CTL_ADD, fd[1], EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
	CHECK_EQ(watch(ep, EPOLL_CTL_ADD, fd[1], EPOLLEXCLUSIVE | EPOLLIN), 0);
	CHECK_ERR(watch(ep, EPOLL_CTL_MOD, fd[1], EPOLLIN), EINVAL);
}

TEST(epoll_nested)
{
	struct epoll_event ev[8];
	int fd[2], in = epoll_create1(0), mid = epoll_create1(0), out = epoll_create1(0);

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(watch(in, EPOLL_CTL_ADD, fd[0], EPOLLIN), 0);
	CHECK_EQ(watch(mid, EPOLL_CTL_ADD, in, EPOLLIN), 0);
	CHECK_EQ(watch(out, EPOLL_CTL_ADD, mid, EPOLLIN | EPOLLET), 0);
	CHECK_ERR(watch(in, EPOLL_CTL_ADD, out, EPOLLIN), ELOOP);
	CHECK_EQ(events_now(out, ev), 0);
	CHECK_EQ(write(fd[1], "a", 1), 1);
	CHECK_EQ(ready(mid, POLLIN), POLLIN);
	CHECK_EQ(events_now(out, ev), 1);
	CHECK_EQ(ev[0].data.fd, mid);
	CHECK_EQ(events_now(mid, ev), 1);
	CHECK_EQ(events_now(in, ev), 1);
	CHECK_EQ(ev[0].data.fd, fd[0]);
}

TEST(epoll_dup_keeps_the_watch)
{
	struct epoll_event ev[8];
	int fd[2], ep = epoll_create1(0), copy;

	CHECK_EQ(pipe(fd), 0);
	copy = dup(fd[0]);
	CHECK_EQ(watch(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN), 0);
	close(fd[0]);
	CHECK_EQ(write(fd[1], "a", 1), 1);
	CHECK_EQ(events_now(ep, ev), 1);
	close(copy);
	CHECK_EQ(events_now(ep, ev), 0);
}

/* ---- select, ppoll, signalfd, timerfd ---- */

TEST(select_reports_and_counts)
{
	struct timeval tv = { 5, 0 };
	fd_set in, out;
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(fd[0], &in);
	FD_SET(fd[1], &out);
	CHECK_EQ(select(fd[1] + 1, &in, &out, NULL, &tv), 1);
	CHECK(!FD_ISSET(fd[0], &in) && FD_ISSET(fd[1], &out));
	CHECK(tv.tv_sec == 4 || tv.tv_sec == 5);
	tv = (struct timeval){ 0, 20000 };
	FD_ZERO(&in);
	FD_SET(fd[0], &in);
	CHECK_EQ(select(fd[0] + 1, &in, NULL, NULL, &tv), 0);
	CHECK(tv.tv_sec == 0);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	FD_SET(fd[0], &in);
	CHECK_EQ(select(1024, &in, NULL, NULL, NULL), 1);
	close(fd[0]);
	FD_SET(fd[0], &in);
	CHECK_ERR(select(fd[0] + 1, &in, NULL, NULL, NULL), EBADF);
}

static volatile int got_signal;
static void on_signal(int sig)
{
	got_signal = sig;
}

TEST(ppoll_opens_the_mask_for_its_time)
{
	struct timespec limit = { 5, 0 };
	sigset_t none, usr1, now;

	signal(SIGUSR1, on_signal);
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &usr1, NULL), 0);
	raise(SIGUSR1);
	CHECK_EQ(got_signal, 0);
	CHECK_ERR(ppoll(NULL, 0, &limit, &none), EINTR);
	CHECK_EQ(got_signal, SIGUSR1);
	CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &now), 0);
	CHECK(sigismember(&now, SIGUSR1));
}

TEST(signalfd_reads_what_is_blocked)
{
	struct epoll_event ev[8];
	struct signalfd_siginfo si[2];
	int ep = epoll_create1(0), fd;
	union sigval v = { .sival_int = 42 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_EQ(watch(ep, EPOLL_CTL_ADD, fd, EPOLLIN), 0);
	CHECK_ERR(read(fd, si, sizeof(si)), EAGAIN);
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	CHECK_EQ(sigqueue(getpid(), SIGRTMIN, v), 0);
	CHECK_EQ(epoll_wait(ep, ev, 8, 1000), 1);
	CHECK_EQ(read(fd, si, sizeof(si)), sizeof(si));
	CHECK_EQ(si[0].ssi_signo, SIGUSR1);
	CHECK_EQ(si[0].ssi_pid, getpid());
	CHECK_EQ(si[1].ssi_signo, SIGRTMIN);
	CHECK_EQ(si[1].ssi_int, 42);
	CHECK_EQ(events_now(ep, ev), 0);
}

TEST(timerfd_absolute_and_periodic)
{
	struct itimerspec t = { .it_interval = { 0, 20000000 } };
	uint64_t n, sum = 0;
	int fd = timerfd_create(CLOCK_REALTIME, 0);

	CHECK_EQ(clock_gettime(CLOCK_REALTIME, &t.it_value), 0);
	t.it_value.tv_nsec += 30000000;
	if (t.it_value.tv_nsec >= 1000000000) {
		t.it_value.tv_nsec -= 1000000000;
		t.it_value.tv_sec++;
	}
	CHECK_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL), 0);
	while (sum < 4) {
		CHECK_EQ(read(fd, &n, 8), 8);
		sum += n;
	}
	CHECK_EQ(timerfd_gettime(fd, &t), 0);
	CHECK(t.it_value.tv_sec == 0 && t.it_value.tv_nsec <= 20000000 && t.it_value.tv_nsec > 0);
	memset(&t, 0, sizeof(t));
	CHECK_EQ(timerfd_settime(fd, 0, &t, NULL), 0);
	CHECK_EQ(ready(fd, POLLIN), 0);
}

/* ---- Unix sockets ---- */

static void send_fd(int sock, int fd)
{
	char ctl[CMSG_SPACE(sizeof(int))] = { 0 }, c = 'f';
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	CHECK_EQ(sendmsg(sock, &m, 0), 1);
}

static int receive_fd(int sock, int flags, int *msg_flags)
{
	char ctl[CMSG_SPACE(sizeof(int))] = { 0 }, c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *h;
	int fd;

	CHECK_EQ(recvmsg(sock, &m, flags), 1);
	*msg_flags = m.msg_flags;
	h = CMSG_FIRSTHDR(&m);
	CHECK(h && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

TEST(files_travel_and_peeks_double_them)
{
	int s[2], p[2], fd, fd2, flags;
	char c;

	pair(SOCK_STREAM, s);
	CHECK_EQ(pipe(p), 0);
	send_fd(s[0], p[0]);
	close(p[0]);
	fd2 = receive_fd(s[1], MSG_PEEK, &flags);
	fd = receive_fd(s[1], MSG_CMSG_CLOEXEC, &flags);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(write(p[1], "xy", 2), 2);
	CHECK(read(fd, &c, 1) == 1 && c == 'x');
	CHECK(read(fd2, &c, 1) == 1 && c == 'y');
}

/* Two sockets in each other's queues, both closed: the pipe they carry must see its end. */
TEST(cycles_in_flight_are_collected)
{
	int a[2], b[2], p[2];
	char c;

	CHECK_EQ(pipe(p), 0);
	pair(SOCK_STREAM, a);
	pair(SOCK_DGRAM, b);
	send_fd(a[0], p[1]);
	send_fd(a[0], b[0]);
	send_fd(a[0], b[1]);
	send_fd(b[0], a[1]);
	send_fd(b[0], a[0]);
	close(p[1]);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
	/* Linux collects at a later close or send at the latest. */
	for (int i = 0; i < 100 && !(ready(p[0], POLLIN) & POLLHUP); i++) {
		int t[2];

		pair(SOCK_STREAM, t);
		close(t[0]);
		close(t[1]);
		usleep(10000);
	}
	CHECK_EQ(read(p[0], &c, 1), 0);
}

TEST(stream_flags)
{
	char buf[16];
	int s[2];

	pair(SOCK_STREAM, s);
	CHECK_EQ(send(s[0], "abc", 3, 0), 3);
	CHECK_EQ(send(s[0], "def", 3, 0), 3);
	CHECK_EQ(recv(s[1], buf, 4, MSG_PEEK), 4);
	CHECK_EQ(recv(s[1], buf, 5, MSG_WAITALL), 5);
	CHECK(memcmp(buf, "abcde", 5) == 0);
	CHECK_EQ(recv(s[1], buf, 16, MSG_DONTWAIT), 1);
	CHECK_ERR(recv(s[1], buf, 16, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
	CHECK_EQ(recv(s[1], buf, 16, 0), 0);
	CHECK_EQ(ready(s[1], POLLIN | POLLRDHUP | POLLOUT), POLLIN | POLLRDHUP | POLLOUT);
	CHECK_EQ(send(s[1], "x", 1, 0), 1);
	CHECK_EQ(recv(s[0], buf, 16, 0), 1);
	close(s[0]);
	CHECK_ERR(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(ready(s[1], POLLIN) & POLLHUP);
}

TEST(unread_data_resets_the_peer)
{
	char c;
	int s[2];

	pair(SOCK_STREAM, s);
	CHECK_EQ(send(s[0], "x", 1, 0), 1);
	CHECK_EQ(send(s[1], "y", 1, 0), 1);
	close(s[1]);
	CHECK_EQ(recv(s[0], &c, 1, 0), 1);
	CHECK_ERR(recv(s[0], &c, 1, 0), ECONNRESET);
	CHECK_EQ(recv(s[0], &c, 1, 0), 0);
}

TEST(stream_backpressure_and_wakeup)
{
	static char buf[100000];
	int s[2], st;
	long total = 0;
	ssize_t n;

	pair(SOCK_STREAM, s);
	CHECK_EQ(fcntl(s[0], F_SETFL, O_NONBLOCK), 0);
	while ((n = send(s[0], buf, sizeof(buf), 0)) > 0)
		total += n;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(ready(s[0], POLLOUT), 0);
	if (fork() == 0) {
		usleep(50000);
		for (long left = total; left > 0; left -= n)
			if ((n = recv(s[1], buf, sizeof(buf), 0)) <= 0)
				_exit(1);
		_exit(0);
	}
	struct pollfd p = { .fd = s[0], .events = POLLOUT };
	CHECK_EQ(poll(&p, 1, 5000), 1);
	CHECK(wait(&st) > 0 && st == 0);
}

TEST(datagrams_keep_their_edges)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "d" }, from;
	socklen_t len = sizeof(from);
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	char buf[8];

	CHECK_ERR(sendto(b, "x", 1, 0, (void *)&un, sizeof(un)), ENOENT);
	CHECK_EQ(bind(a, (void *)&un, sizeof(un)), 0);
	CHECK_ERR(bind(b, (void *)&un, sizeof(un)), EADDRINUSE);
	CHECK_EQ(bind(b, (void *)&un, sizeof(sa_family_t)), 0);
	CHECK_EQ(sendto(b, "0123456789", 10, 0, (void *)&un, sizeof(un)), 10);
	CHECK_EQ(sendto(b, "", 0, 0, (void *)&un, sizeof(un)), 0);
	CHECK_EQ(recvfrom(a, buf, 4, MSG_TRUNC, (void *)&from, &len), 10);
	CHECK_EQ(len, sizeof(sa_family_t) + 6);
	CHECK(from.sun_path[0] == 0);
	CHECK_EQ(sendto(a, "r", 1, 0, (void *)&from, len), 1);
	CHECK_EQ(recv(b, buf, 8, 0), 1);
	CHECK_EQ(recv(a, buf, 4, 0), 0);
	CHECK_EQ(connect(b, (void *)&un, sizeof(un)), 0);
	close(a);
	CHECK_ERR(send(b, "x", 1, 0), ECONNREFUSED);
	CHECK_ERR(send(b, "x", 1, 0), ENOTCONN);
}

TEST(sequenced_packets)
{
	char buf[8];
	int s[2];

	pair(SOCK_SEQPACKET, s);
	CHECK_EQ(send(s[0], "abcdef", 6, 0), 6);
	CHECK_EQ(send(s[0], "gh", 2, 0), 2);
	CHECK_EQ(recv(s[1], buf, 3, 0), 3);
	CHECK_EQ(recv(s[1], buf, 8, 0), 2);
	close(s[0]);
	CHECK_EQ(recv(s[1], buf, 8, 0), 0);
	CHECK_ERR(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(listeners_and_backlogs)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "l" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c[4], n = 0, fd, value;
	socklen_t len = sizeof(value);
	char x;

	CHECK_EQ(bind(l, (void *)&un, sizeof(un)), 0);
	c[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERR(connect(c[0], (void *)&un, sizeof(un)), ECONNREFUSED);
	CHECK_EQ(listen(l, 1), 0);
	CHECK_EQ(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &value, &len), 0);
	CHECK_EQ(value, 1);
	CHECK_EQ(connect(c[0], (void *)&un, sizeof(un)), 0);
	CHECK_ERR(connect(c[0], (void *)&un, sizeof(un)), EISCONN);
	for (n = 1; n < 4; n++) {
		c[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(c[n], (void *)&un, sizeof(un)))
			break;
	}
	CHECK_EQ(n, 2);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(write(c[0], "z", 1), 1);
	fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &x, 1), 1);
	close(l);
	CHECK_ERR(read(c[1], &x, 1), ECONNRESET);
	CHECK_EQ(unlink("l"), 0);
}

TEST(timeouts)
{
	struct timeval tv = { 0, 30000 };
	int s[2];
	char c;

	pair(SOCK_STREAM, s);
	CHECK_EQ(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	CHECK_ERR(recv(s[0], &c, 1, 0), EAGAIN);
}

TEST(many_messages_in_one_call)
{
	char out[3][4] = { "one", "two", "thr" }, in[3][8];
	struct mmsghdr m[3] = { 0 };
	struct iovec iov[3];
	int s[2];

	pair(SOCK_DGRAM, s);
	for (int i = 0; i < 3; i++) {
		iov[i] = (struct iovec){ out[i], 3 };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	CHECK_EQ(sendmmsg(s[0], m, 3, 0), 3);
	for (int i = 0; i < 3; i++)
		iov[i] = (struct iovec){ in[i], 8 };
	CHECK_EQ(recvmmsg(s[1], m, 3, MSG_WAITFORONE, NULL), 3);
	CHECK_EQ(m[1].msg_len, 3);
	CHECK(memcmp(in[1], "two", 3) == 0);
}
