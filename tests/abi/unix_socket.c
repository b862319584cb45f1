// SPDX-License-Identifier: MIT
/* AF_UNIX sockets: stream, datagram, seqpacket; names, credentials, descriptors. */
#include "abi.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un name_of(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path);
	return a;
}

static int listener(const char *path, int type)
{
	struct sockaddr_un a = name_of(path);
	int s = socket(AF_UNIX, type, 0);

	CHECK(s >= 0 && !bind(s, (void *)&a, sizeof(a)));
	if (type != SOCK_DGRAM)
		CHECK(!listen(s, 5));
	return s;
}

static int dial(const char *path, int type)
{
	struct sockaddr_un a = name_of(path);
	int s = socket(AF_UNIX, type, 0);

	CHECK(s >= 0 && !connect(s, (void *)&a, sizeof(a)));
	return s;
}

static void pair(int s[2], int type)
{
	CHECK(!socketpair(AF_UNIX, type, 0, s));
}

TEST(stream_connect_accept)
{
	int l = listener("s", SOCK_STREAM), c, a;
	char buf[8] = { 0 };
	struct stat st;

	CHECK(!stat("s", &st) && S_ISSOCK(st.st_mode));
	c = dial("s", SOCK_STREAM);
	a = accept(l, NULL, NULL);
	CHECK(a >= 0 && write(c, "hello", 5) == 5 && read(a, buf, 8) == 5);
	CHECK(!strcmp(buf, "hello") && send(a, "back", 4, 0) == 4 && recv(c, buf, 8, 0) == 4);
	close(c);
	CHECK_EQ(read(a, buf, 8), 0);
	CHECK_ERR(send(a, "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(names_and_errors)
{
	struct sockaddr_un a = name_of("s"), got;
	socklen_t len = sizeof(got);
	int l = listener("s", SOCK_STREAM), c, s = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_ERR(bind(s, (void *)&a, sizeof(a)), EADDRINUSE);
	CHECK(!getsockname(l, (void *)&got, &len) && !strcmp(got.sun_path, "s"));
	c = dial("s", SOCK_STREAM);
	len = sizeof(got);
	CHECK(!getpeername(c, (void *)&got, &len) && !strcmp(got.sun_path, "s"));
	a = name_of("none");
	CHECK_ERR(connect(s, (void *)&a, sizeof(a)), ENOENT);
	write_file("plain", "", 0);
	a = name_of("plain");
	CHECK_ERR(connect(s, (void *)&a, sizeof(a)), ECONNREFUSED);
	close(l);
	a = name_of("s");
	CHECK_ERR(connect(s, (void *)&a, sizeof(a)), ECONNREFUSED);
	CHECK_ERR(getpeername(s, (void *)&got, &len), ENOTCONN);
	CHECK_ERR(send(s, "x", 1, 0), ENOTCONN);
	CHECK_ERR(listen(0, 5), ENOTSOCK);
	CHECK_ERR(socket(AF_UNIX, 6, 0), ESOCKTNOSUPPORT);
	CHECK_ERR(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
}

TEST(abstract_names)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len;
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), pid = getpid();

	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			  (size_t)sprintf(a.sun_path + 1, "tarn-test-%d", pid));
	CHECK(!bind(l, (void *)&a, len) && !listen(l, 1) && !connect(c, (void *)&a, len));
	CHECK(accept(l, NULL, NULL) >= 0);
	close(l);
	CHECK_ERR(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len), ECONNREFUSED);
}

TEST(datagrams_keep_boundaries)
{
	struct sockaddr_un from, to = name_of("d");
	socklen_t len = sizeof(from);
	int d = listener("d", SOCK_DGRAM), s = listener("e", SOCK_DGRAM);
	char buf[16];

	CHECK_EQ(sendto(s, "one", 3, 0, (void *)&to, sizeof(to)), 3);
	CHECK_EQ(sendto(s, "second", 6, 0, (void *)&to, sizeof(to)), 6);
	CHECK_EQ(recvfrom(d, buf, 16, 0, (void *)&from, &len), 3);
	CHECK(!strcmp(from.sun_path, "e"));
	CHECK_EQ(recv(d, buf, 3, MSG_TRUNC), 6); /* the rest is dropped, the length told */
	CHECK_ERR(recv(d, buf, 3, MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(send(s, "x", 1, 0), ENOTCONN);
	close(d);
	CHECK_ERR(sendto(s, "x", 1, 0, (void *)&to, sizeof(to)), ECONNREFUSED);
}

TEST(seqpacket_keeps_boundaries)
{
	int s[2];
	char buf[16];

	pair(s, SOCK_SEQPACKET);
	CHECK(send(s[0], "abc", 3, 0) == 3 && send(s[0], "de", 2, 0) == 2);
	CHECK(recv(s[1], buf, 16, 0) == 3 && recv(s[1], buf, 16, 0) == 2);
	close(s[0]);
	CHECK_EQ(recv(s[1], buf, 16, 0), 0);
}

TEST(peek_waitall_shutdown)
{
	int s[2];
	char buf[16];
	pid_t pid;

	pair(s, SOCK_STREAM);
	CHECK(send(s[0], "abc", 3, 0) == 3 && recv(s[1], buf, 16, MSG_PEEK) == 3);
	CHECK(recv(s[1], buf, 2, 0) == 2 && buf[0] == 'a');
	pid = CHILD({
		sleep_ms(50);
		CHECK_EQ(send(s[0], "defg", 4, 0), 4);
	});
	CHECK(recv(s[1], buf, 5, MSG_WAITALL) == 5 && !memcmp(buf, "cdefg", 5));
	WAIT_OK(pid);
	CHECK(!shutdown(s[0], SHUT_WR));
	CHECK_EQ(recv(s[1], buf, 1, 0), 0);
	CHECK_EQ(send(s[1], "still", 5, 0), 5);
	CHECK_ERR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	WAIT_SIGNAL(CHILD(send(s[0], "x", 1, 0)), SIGPIPE);
}

static ssize_t try_send_fd(int sock, int fd)
{
	char c = 'f', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	return sendmsg(sock, &m, 0);
}

static void send_fd(int sock, int fd)
{
	CHECK_EQ(try_send_fd(sock, fd), 1);
}

static int recv_fd(int sock, int flags)
{
	char c, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h;
	int fd;

	CHECK_EQ(recvmsg(sock, &m, flags), 1);
	h = CMSG_FIRSTHDR(&m);
	CHECK(h && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA(h), sizeof(int));
	return fd;
}

TEST(descriptors_travel)
{
	int s[2], fd, got;
	char buf[8];

	pair(s, SOCK_STREAM);
	fd = open("f", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(write(fd, "data", 4), 4);
	send_fd(s[0], fd);
	close(fd);
	WAIT_OK(CHILD({
		got = recv_fd(s[1], MSG_CMSG_CLOEXEC);
		CHECK(fcntl(got, F_GETFD) == FD_CLOEXEC);
		CHECK_EQ(lseek(got, 0, SEEK_CUR), 4); /* the same open file */
		CHECK(pread(got, buf, 4, 0) == 4 && !memcmp(buf, "data", 4));
	}));
}

TEST(descriptor_cycles_are_collected)
{
	for (int i = 0; i < 300; i++) {
		int s[2];

		pair(s, SOCK_STREAM);
		send_fd(s[0], s[1]); /* a socket in flight inside itself */
		send_fd(s[1], s[0]);
		close(s[0]);
		close(s[1]);
	}
}

TEST(peer_credentials)
{
	struct ucred c;
	socklen_t len = sizeof(c);
	int s[2];

	pair(s, SOCK_STREAM);
	CHECK(!getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &c, &len));
	CHECK(c.pid == getpid() && c.uid == getuid() && c.gid == getgid());
}

TEST(passcred_gives_credentials)
{
	char c, control[256];
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h;
	int s[2], one = 1;

	pair(s, SOCK_DGRAM);
	CHECK(!setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	CHECK(send(s[0], "x", 1, 0) == 1 && recvmsg(s[1], &m, 0) == 1);
	h = CMSG_FIRSTHDR(&m);
	CHECK(h && h->cmsg_type == SCM_CREDENTIALS);
	CHECK_EQ(((struct ucred *)CMSG_DATA(h))->pid, getpid());
}

TEST(poll_and_nonblocking)
{
	struct pollfd p;
	int l = listener("s", SOCK_STREAM), s[2], n;
	static char block[65536];

	CHECK(!fcntl(l, F_SETFL, O_NONBLOCK));
	CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
	p = (struct pollfd){ .fd = l, .events = POLLIN };
	CHECK_EQ(poll(&p, 1, 0), 0);
	dial("s", SOCK_STREAM);
	CHECK(poll(&p, 1, 0) == 1 && accept4(l, NULL, NULL, SOCK_CLOEXEC) >= 0);
	pair(s, SOCK_STREAM | SOCK_NONBLOCK);
	while (write(s[0], block, sizeof(block)) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	p = (struct pollfd){ .fd = s[0], .events = POLLIN | POLLOUT };
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK(!ioctl(s[1], FIONREAD, &n) && n > 4096);
	while (read(s[1], block, sizeof(block)) > 0)
		;
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	close(s[1]);
	CHECK(poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLIN)) == (POLLHUP | POLLIN));
}

TEST(stream_bulk)
{
	static char block[50000];
	int s[2];
	size_t total = 0;
	pid_t pid;

	pair(s, SOCK_STREAM);
	pid = CHILD({
		close(s[1]);
		for (int i = 0; i < 100; i++)
			for (size_t done = 0; done < sizeof(block);) {
				ssize_t n = write(s[0], block + done, sizeof(block) - done);

				CHECK(n > 0);
				done += (size_t)n;
			}
	});
	close(s[0]);
	for (ssize_t n; (n = read(s[1], block, sizeof(block))) > 0;)
		total += (size_t)n;
	CHECK_EQ(total, 5000000);
	WAIT_OK(pid);
}

static unsigned long known_sockets(void)
{
	FILE *f = fopen("/proc/net/unix", "r");
	unsigned long n = 0;
	char line[512];

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		n++;
	fclose(f);
	return n;
}

/* The last reference to each is in a message, so closing them releases nothing that could start a search. */
TEST(cycles_made_without_a_release_piled_up)
{
	unsigned long before = known_sockets();

	for (int i = 0; i < 12000; i++) {
		int s[2];

		pair(s, SOCK_STREAM);
		send_fd(s[0], s[1]); /* each in its own queue */
		send_fd(s[1], s[0]);
		close(s[0]);
		close(s[1]);
	}
	CHECK(known_sockets() - before < 20000);
}

static time_t race_end;

static void *open_and_close_pairs(void *unused __attribute__((unused)))
{
	int s[2];

	while (time(NULL) < race_end) {
		pair(s, SOCK_STREAM);
		close(s[0]);
		close(s[1]);
	}
	return NULL;
}

/* A socket without references stood in the list for a moment, and the reader took one. */
TEST(proc_net_unix_met_dying_sockets)
{
	pthread_t t[2];

	race_end = time(NULL) + 3;
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&t[i], NULL, open_and_close_pairs, NULL));
	while (time(NULL) < race_end)
		CHECK(known_sockets() > 0);
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_join(t[i], NULL));
}

/* Sent and closed, a file needs no descriptor: a user could have any number of them open. */
TEST(files_in_flight_had_no_limit)
{
	struct rlimit limit = { 20, 20 };
	int s[2], n = 0;

	CHECK(!setrlimit(RLIMIT_NOFILE, &limit) && !setuid(54321));
	pair(s, SOCK_STREAM);
	while (n < 40 && try_send_fd(s[0], s[1]) == 1)
		n++;
	CHECK_EQ(errno, ETOOMANYREFS);
	CHECK_EQ(n, 21);
	for (int i = 0; i < 21; i++)
		close(recv_fd(s[1], 0));
	send_fd(s[0], s[1]);
}
