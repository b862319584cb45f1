// SPDX-License-Identifier: MIT
/* Connections of Unix sockets: order of errors, ends and resets, what poll(2) says after each shutdown, names, length 0. */
#include "abi.h"

#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static void pair(int s[2], int type)
{
	CHECK(!socketpair(AF_UNIX, type, 0, s));
}

static struct sockaddr_un name_of(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path);
	return a;
}

static int bound(const char *path, int type)
{
	struct sockaddr_un a = name_of(path);
	int s = socket(AF_UNIX, type, 0);

	CHECK(s >= 0 && !bind(s, (void *)&a, sizeof(a)));
	return s;
}

static int pending_error(int s)
{
	int v = -1;
	socklen_t len = sizeof(v);

	CHECK(!getsockopt(s, SOL_SOCKET, SO_ERROR, &v, &len));
	return v;
}

static int poll_bits(int s)
{
	struct pollfd p = { s, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0 };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static const struct {
	const char *what;
	int type;
	int how;           /* shutdown of the first end; -1: it is closed, -2: with unread data */
	int mine, theirs;  /* poll's bits */
} ends[] = {
	{ "stream_open", SOCK_STREAM, 3, POLLOUT, POLLOUT },
	{ "stream_rd", SOCK_STREAM, SHUT_RD, POLLIN | POLLOUT | POLLRDHUP, POLLOUT },
	{ "stream_wr", SOCK_STREAM, SHUT_WR, POLLOUT, POLLIN | POLLOUT | POLLRDHUP },
	{ "stream_rdwr", SOCK_STREAM, SHUT_RDWR, POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
	  POLLIN | POLLOUT | POLLRDHUP | POLLHUP },
	{ "stream_closed", SOCK_STREAM, -1, 0, POLLIN | POLLOUT | POLLRDHUP | POLLHUP },
	{ "stream_reset", SOCK_STREAM, -2, 0, POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR },
	{ "packets_rd", SOCK_SEQPACKET, SHUT_RD, POLLIN | POLLOUT | POLLRDHUP, POLLOUT },
	{ "packets_wr", SOCK_SEQPACKET, SHUT_WR, POLLOUT, POLLIN | POLLOUT | POLLRDHUP },
	{ "packets_closed", SOCK_SEQPACKET, -1, 0, POLLIN | POLLOUT | POLLRDHUP | POLLHUP },
	{ "packets_reset", SOCK_SEQPACKET, -2, 0, POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR },
	{ "datagrams_rd", SOCK_DGRAM, SHUT_RD, POLLIN | POLLOUT | POLLRDHUP, POLLOUT },
	{ "datagrams_wr", SOCK_DGRAM, SHUT_WR, POLLOUT, POLLOUT },
	{ "datagrams_rdwr", SOCK_DGRAM, SHUT_RDWR, POLLIN | POLLOUT | POLLRDHUP | POLLHUP, POLLOUT },
	{ "datagrams_closed", SOCK_DGRAM, -1, 0, POLLOUT },
	{ "datagrams_closed_unread", SOCK_DGRAM, -2, 0, POLLOUT },
};

TEST_ROWS(poll_after, ends)
{
	int s[2];

	pair(s, row->type);
	if (row->how == -2)
		CHECK_EQ(write(s[1], "x", 1), 1);
	if (row->how < 0)
		CHECK(!close(s[0]));
	else if (row->how < 3)
		CHECK(!shutdown(s[0], row->how));
	if (row->how >= 0)
		CHECK_EQ(poll_bits(s[0]), row->mine);
	CHECK_EQ(poll_bits(s[1]), row->theirs);
}

static const struct {
	const char *what;
	int type, bits;
} fresh[] = {
	{ "stream", SOCK_STREAM, POLLOUT | POLLHUP },
	{ "packets", SOCK_SEQPACKET, POLLOUT | POLLHUP },
	{ "datagrams", SOCK_DGRAM, POLLOUT },
};

TEST_ROWS(poll_of_a_fresh_socket, fresh)
{
	CHECK_EQ(poll_bits(socket(AF_UNIX, row->type, 0)), row->bits);
}

/* The reset stays in SO_ERROR while sends fail with EPIPE; the first receive takes it. */
TEST(reset_is_told_after_epipe)
{
	char c;
	int s[2];

	pair(s, SOCK_STREAM);
	CHECK(write(s[1], "unread", 6) == 6 && write(s[0], "ab", 2) == 2);
	CHECK(!close(s[0]));
	WAIT_SIGNAL(CHILD(write(s[1], "x", 1)), SIGPIPE);
	CHECK_ERR(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(read(s[1], &c, 1) == 1 && c == 'a');
	CHECK(read(s[1], &c, 1) == 1 && c == 'b');
	CHECK_ERR(read(s[1], &c, 1), ECONNRESET);
	CHECK_EQ(read(s[1], &c, 1), 0);
	CHECK_EQ(pending_error(s[1]), 0);
}

TEST(so_error_takes_the_reset)
{
	char c;
	int s[2];

	pair(s, SOCK_STREAM);
	CHECK(write(s[1], "unread", 6) == 6 && !close(s[0]));
	CHECK_EQ(pending_error(s[1]), ECONNRESET);
	CHECK_EQ(pending_error(s[1]), 0);
	CHECK_EQ(read(s[1], &c, 1), 0);
}

/* Of packets the error goes before what is queued. */
TEST(reset_of_packets_goes_first)
{
	char c;
	int s[2];

	pair(s, SOCK_SEQPACKET);
	CHECK(write(s[1], "x", 1) == 1 && write(s[0], "y", 1) == 1 && !close(s[0]));
	CHECK_ERR(recv(s[1], &c, 1, 0), ECONNRESET);
	CHECK(recv(s[1], &c, 1, 0) == 1 && c == 'y');
	CHECK_EQ(recv(s[1], &c, 1, 0), 0);
	CHECK_ERR(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(a_listener_that_closes_resets_who_waited)
{
	struct sockaddr_un a = name_of("l");
	int l = bound("l", SOCK_STREAM), c = socket(AF_UNIX, SOCK_STREAM, 0), d;
	char byte;

	CHECK(!listen(l, 3) && !connect(c, (void *)&a, sizeof(a)) && write(c, "q", 1) == 1);
	CHECK(!close(l));
	CHECK_EQ(poll_bits(c), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
	CHECK_ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(read(c, &byte, 1), ECONNRESET);
	CHECK_EQ(read(c, &byte, 1), 0);
	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED);
	d = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERR(connect(d, (void *)&a, sizeof(a)), ECONNREFUSED);
}

TEST(a_listener_shut_refuses_and_hands_out_what_it_has)
{
	struct sockaddr_un a = name_of("l");
	int l = bound("l", SOCK_STREAM), c = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(!listen(l, 3) && !connect(c, (void *)&a, sizeof(a)) && !shutdown(l, SHUT_RD));
	CHECK_ERR(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof(a)), ECONNREFUSED);
	CHECK(accept(l, NULL, NULL) >= 0);
	CHECK_ERR(accept(l, NULL, NULL), EINVAL);
}

TEST(connect_and_its_errors)
{
	struct sockaddr_un a = name_of("l"), none = name_of("none");
	int l = bound("l", SOCK_STREAM), c = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED);
	CHECK(!listen(l, 3) && !connect(c, (void *)&a, sizeof(a)));
	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), EISCONN);
	CHECK_ERR(connect(c, (void *)&none, sizeof(none)), ENOENT);
	CHECK_ERR(connect(l, (void *)&a, sizeof(a)), EINVAL);
	CHECK_ERR(listen(c, 1), EINVAL);
	CHECK_ERR(accept(c, NULL, NULL), EINVAL);
	CHECK_ERR(accept(socket(AF_UNIX, SOCK_DGRAM, 0), NULL, NULL), EOPNOTSUPP);
	CHECK_ERR(listen(socket(AF_UNIX, SOCK_DGRAM, 0), 1), EOPNOTSUPP);
	CHECK_ERR(sendto(c, "x", 1, 0, (void *)&a, sizeof(a)), EISCONN);
	CHECK_ERR(sendto(socket(AF_UNIX, SOCK_STREAM, 0), "x", 1, 0, (void *)&a, sizeof(a)), EOPNOTSUPP);
	a.sun_family = AF_UNSPEC;
	CHECK_ERR(connect(c, (void *)&a, sizeof(a)), EINVAL);
	CHECK_ERR(shutdown(c, 3), EINVAL);
	CHECK_ERR(shutdown(c, -1), EINVAL);
	CHECK(!shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RDWR));
}

/* recvfrom(2) of a stream tells the name of a bound sender, as of datagrams. */
TEST(a_bound_stream_peer_had_no_name)
{
	struct sockaddr_un a = name_of("server"), from;
	int l = bound("server", SOCK_STREAM), c = bound("client", SOCK_STREAM), d;
	socklen_t len = sizeof(from);
	char byte;

	CHECK(!listen(l, 1) && !connect(c, (void *)&a, sizeof(a)));
	d = accept(l, (void *)&from, &len);
	CHECK(d >= 0 && len == 9 && !strcmp(from.sun_path, "client"));
	CHECK_EQ(write(c, "x", 1), 1);
	len = sizeof(from);
	CHECK(recvfrom(d, &byte, 1, 0, (void *)&from, &len) == 1);
	CHECK(len == 9 && !strcmp(from.sun_path, "client"));
	CHECK_EQ(write(d, "x", 1), 1);
	len = sizeof(from);
	CHECK(recvfrom(c, &byte, 1, 0, (void *)&from, &len) == 1);
	CHECK(len == 9 && !strcmp(from.sun_path, "server"));
}

/* recv(2) of length 0 waits as any other; read(2) of length 0 does not. */
TEST(receive_of_length_0)
{
	char c;
	int s[2], n;

	pair(s, SOCK_STREAM);
	CHECK_ERR(recv(s[0], &c, 0, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(read(s[0], &c, 0), 0);
	CHECK_EQ(write(s[1], "ab", 2), 2);
	CHECK_EQ(recv(s[0], &c, 0, MSG_DONTWAIT), 0);
	CHECK(!ioctl(s[0], FIONREAD, &n) && n == 2);
	CHECK_EQ(send(s[1], "", 0, 0), 0);
	CHECK(!ioctl(s[0], FIONREAD, &n) && n == 2);
	pair(s, SOCK_DGRAM);
	CHECK(send(s[1], "", 0, 0) == 0 && send(s[1], "xyz", 3, 0) == 3);
	CHECK_EQ(recv(s[0], &c, 0, 0), 0);
	CHECK_EQ(recv(s[0], &c, 0, 0), 0);
	CHECK_ERR(recv(s[0], &c, 0, MSG_DONTWAIT), EAGAIN);
}

TEST(bytes_in_queues)
{
	int s[2], n;

	pair(s, SOCK_STREAM);
	CHECK(write(s[0], "abc", 3) == 3 && write(s[0], "de", 2) == 2);
	CHECK(!ioctl(s[1], FIONREAD, &n) && n == 5);
	CHECK(!ioctl(s[0], TIOCOUTQ, &n) && n == 1536); /* with Linux's buffers */
	pair(s, SOCK_SEQPACKET);
	CHECK(write(s[0], "abc", 3) == 3 && write(s[0], "de", 2) == 2);
	CHECK(!ioctl(s[1], FIONREAD, &n) && n == 5);
	pair(s, SOCK_DGRAM);
	CHECK(write(s[0], "abc", 3) == 3 && write(s[0], "de", 2) == 2);
	CHECK(!ioctl(s[1], FIONREAD, &n) && n == 3);
}

/* ---- datagrams ---- */

TEST(datagrams_shut_for_reading)
{
	char c;
	int s[2];

	pair(s, SOCK_DGRAM);
	CHECK(!shutdown(s[0], SHUT_RD));
	CHECK_ERR(send(s[1], "x", 1, 0), EPIPE);
	CHECK_EQ(recv(s[0], &c, 1, 0), 0);
	CHECK_ERR(recv(s[0], &c, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(!shutdown(s[1], SHUT_WR));
	CHECK_ERR(send(s[1], "x", 1, 0), EPIPE); /* no SIGPIPE */
}

TEST(a_datagram_peer_that_closed)
{
	int s[2];

	pair(s, SOCK_DGRAM);
	CHECK(!close(s[0]));
	CHECK_ERR(send(s[1], "x", 1, 0), ECONNREFUSED);
	CHECK_ERR(send(s[1], "x", 1, 0), ENOTCONN);
}

/* A peer that connects elsewhere throws away what was sent to it, and tells. */
TEST(a_datagram_peer_that_left)
{
	struct sockaddr_un none = { .sun_family = AF_UNSPEC };
	char c;
	int s[2];

	pair(s, SOCK_DGRAM);
	CHECK_EQ(send(s[1], "x", 1, 0), 1);
	CHECK(!connect(s[0], (void *)&none, sizeof(none)));
	CHECK_EQ(pending_error(s[1]), ECONNRESET);
	CHECK_ERR(recv(s[0], &c, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(s[1], "y", 1, 0), 1);
	CHECK_ERR(send(s[0], "x", 1, 0), ENOTCONN);
	CHECK(recv(s[0], &c, 1, 0) == 1 && c == 'y');
}

TEST(a_connected_datagram_socket_hears_its_peer_only)
{
	struct sockaddr_un a = name_of("a"), b = name_of("b");
	int x = bound("a", SOCK_DGRAM), y = bound("b", SOCK_DGRAM), z = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK(!connect(x, (void *)&b, sizeof(b)));
	CHECK_ERR(sendto(z, "x", 1, 0, (void *)&a, sizeof(a)), EPERM);
	CHECK_ERR(connect(z, (void *)&a, sizeof(a)), EPERM);
	CHECK_EQ(sendto(y, "x", 1, 0, (void *)&a, sizeof(a)), 1);
	CHECK_EQ(sendto(x, "x", 1, 0, (void *)&b, sizeof(b)), 1);
	CHECK_ERR(send(z, "x", 1, MSG_OOB), EOPNOTSUPP);
	CHECK_ERR(recv(z, &a, 1, MSG_OOB), EOPNOTSUPP);
}

/* net.unix.max_dgram_qlen: 10, for strangers; one more than that fits. */
TEST(datagrams_of_strangers_are_few)
{
	struct sockaddr_un a = name_of("a");
	int l = bound("a", SOCK_DGRAM), c = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), n = 0;
	int stranger = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char byte;

	CHECK(!connect(c, (void *)&a, sizeof(a)));
	while (write(c, "x", 1) == 1)
		n++;
	CHECK(errno == EAGAIN && n == 11);
	CHECK_EQ(poll_bits(c), 0);
	CHECK_ERR(sendto(stranger, "x", 1, 0, (void *)&a, sizeof(a)), EAGAIN);
	CHECK_EQ(poll_bits(stranger), POLLOUT);
	CHECK(read(l, &byte, 1) == 1);
	CHECK_EQ(poll_bits(c), POLLOUT);
}

TEST(small_messages_fit_as_many_as_on_linux)
{
	int s[2], n;

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		pair(s, type | SOCK_NONBLOCK);
		for (n = 0; write(s[0], "m", 1) == 1; n++)
			;
		CHECK(errno == EAGAIN);
		CHECK_EQ(n, 278);
	}
}

/* A bound socket makes no second node, whatever name it asks for. */
TEST(bind_again)
{
	struct sockaddr_un a = name_of("a"), b = name_of("b"), slash = name_of("c/");
	int s = bound("a", SOCK_STREAM);
	socklen_t family = sizeof(sa_family_t);

	CHECK_ERR(bind(s, (void *)&a, sizeof(a)), EADDRINUSE);
	CHECK_ERR(bind(s, (void *)&b, sizeof(b)), EINVAL);
	CHECK_ERR(access("b", F_OK), ENOENT);
	CHECK(!bind(s, (void *)&b, family)); /* autobind of what has a name */
	b.sun_path[0] = 0;
	CHECK_ERR(bind(s, (void *)&b, sizeof(b)), EINVAL);
	CHECK_ERR(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&slash, sizeof(slash)), ENOENT);
}

TEST(the_node_of_a_socket_obeys_umask_and_directory)
{
	struct sockaddr_un a = name_of("d/s"), b = name_of("d/t");
	struct stat st;

	CHECK(!mkdir("d", 0755) && !chmod(".", 0755));
	umask(027);
	CHECK(bound("d/s", SOCK_STREAM) >= 0 && !stat("d/s", &st));
	CHECK_EQ(st.st_mode, S_IFSOCK | 0750);
	WAIT_OK(CHILD({
		CHECK(!setuid(54321));
		CHECK_ERR(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&b, sizeof(b)), EACCES);
		CHECK_ERR(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof(a)), EACCES);
		CHECK_ERR(sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (void *)&a, sizeof(a)), EACCES);
	}));
}
