// SPDX-License-Identifier: MIT
/* Who is at the other end: SO_PEERCRED, SO_PEERGROUPS, SCM_CREDENTIALS; and files in messages. */
#include "abi.h"

#include <grp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static void pair(int s[2], int type)
{
	CHECK(!socketpair(AF_UNIX, type, 0, s));
}

static struct ucred peer_of(int s)
{
	struct ucred c = { -2, 1, 1 };
	socklen_t len = sizeof(c);

	CHECK(!getsockopt(s, SOL_SOCKET, SO_PEERCRED, &c, &len) && len == sizeof(c));
	return c;
}

static void want_credentials(int s)
{
	int one = 1;

	CHECK(!setsockopt(s, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
}

/* Receives up to @len bytes: how many; *c gets the credentials, pid -1 when none came. */
static ssize_t receive(int s, char *buf, size_t len, struct ucred *c)
{
	char control[256];
	struct iovec v = { buf, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s, &m, MSG_DONTWAIT);

	c->pid = -1;
	for (struct cmsghdr *h = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL; h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_type == SCM_CREDENTIALS)
			memcpy(c, CMSG_DATA(h), sizeof(*c));
	return n;
}

static ssize_t send_as(int s, struct ucred c)
{
	char control[CMSG_SPACE(sizeof(c))] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_CREDENTIALS;
	h->cmsg_len = CMSG_LEN(sizeof(c));
	memcpy(CMSG_DATA(h), &c, sizeof(c));
	return sendmsg(s, &m, 0);
}

static int listener(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	CHECK(s >= 0 && !bind(s, (void *)&a, sizeof(a)) && !listen(s, 5));
	return s;
}

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	CHECK(s >= 0 && !connect(s, (void *)&a, sizeof(a)));
	return s;
}

TEST(peer_of_a_fresh_socket_and_a_listener)
{
	struct ucred c = peer_of(socket(AF_UNIX, SOCK_STREAM, 0));

	CHECK(c.pid == 0 && c.uid == (uid_t)-1 && c.gid == (gid_t)-1);
	c = peer_of(listener("l")); /* itself: what its clients will see */
	CHECK(c.pid == getpid() && c.uid == getuid());
}

/* The effective ids at listen(2) and connect(2) count. */
TEST(peers_are_who_listened_and_who_connected)
{
	struct ucred c;
	int l, a, d;

	CHECK(!chmod(".", 0777) && !setresuid(0, 7, 0));
	l = listener("l");
	CHECK(!setresuid(0, 0, 0) && !setresgid(0, 9, 0) && !setresuid(0, 8, 0));
	CHECK(!setresuid(0, 0, 0));
	a = dial("l");
	CHECK(!setresgid(0, 0, 0));
	d = accept(l, NULL, NULL);
	c = peer_of(a);
	CHECK(c.uid == 7 && c.gid == 0);
	c = peer_of(d);
	CHECK(c.uid == 0 && c.gid == 9);
}

TEST(groups_of_the_peer)
{
	gid_t groups[3] = { 5, 6, 7 }, got[3] = { 0 };
	socklen_t len = sizeof(got);
	int s[2], fresh = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_ERR(getsockopt(fresh, SOL_SOCKET, SO_PEERGROUPS, got, &len), ENODATA);
	CHECK(!setgroups(3, groups));
	pair(s, SOCK_STREAM);
	len = 4;
	CHECK_ERR(getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, got, &len), ERANGE);
	CHECK_EQ(len, 12);
	CHECK(!getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, got, &len) && len == 12);
	CHECK(!memcmp(got, groups, sizeof(got)));
}

/* Nobody had asked for them when it was sent. */
TEST(data_sent_before_so_passcred_has_no_sender)
{
	struct ucred c;
	char buf[8];
	int s[2];

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		pair(s, type);
		CHECK_EQ(write(s[0], "x", 1), 1);
		want_credentials(s[1]);
		CHECK_EQ(receive(s[1], buf, 8, &c), 1);
		CHECK(c.pid == 0 && c.uid == 65534 && c.gid == 65534);
	}
}

/* Either end that has the option is enough, and a connection not accepted yet. */
TEST(who_notes_the_sender)
{
	struct ucred c;
	char buf[8];
	int s[2], l, a, d;

	pair(s, SOCK_STREAM);
	want_credentials(s[0]);
	CHECK_EQ(write(s[0], "x", 1), 1);
	want_credentials(s[1]);
	CHECK(receive(s[1], buf, 8, &c) == 1 && c.pid == getpid());
	l = listener("l");
	a = dial("l");
	CHECK_EQ(write(a, "x", 1), 1);
	d = accept(l, NULL, NULL);
	want_credentials(d);
	CHECK(receive(d, buf, 8, &c) == 1 && c.pid == getpid());
	want_credentials(l);
	a = dial("l");
	d = accept(l, NULL, NULL); /* inherits the option */
	CHECK_EQ(write(a, "x", 1), 1);
	CHECK(receive(d, buf, 8, &c) == 1 && c.pid == getpid());
}

/* Of a message the real ids are told, of a connection the effective ones. */
TEST(the_sender_is_a_real_id)
{
	struct ucred c;
	char buf[8];
	int s[2];

	pair(s, SOCK_STREAM);
	want_credentials(s[1]);
	CHECK(!setresuid(0, 7, 0) && write(s[0], "x", 1) == 1);
	CHECK(receive(s[1], buf, 8, &c) == 1 && c.uid == 0);
	CHECK(send_as(s[0], (struct ucred){ getpid(), 7, 0 }) == 1);
	CHECK(receive(s[1], buf, 8, &c) == 1 && c.uid == 7);
}

TEST(one_read_mixes_no_two_senders)
{
	struct ucred c;
	char buf[8];
	int s[2];

	pair(s, SOCK_STREAM);
	CHECK_EQ(write(s[0], "a", 1), 1);
	WAIT_OK(CHILD(CHECK_EQ(write(s[0], "b", 1), 1)));
	CHECK_EQ(receive(s[1], buf, 8, &c), 2); /* nobody asks who */
	want_credentials(s[1]);
	CHECK_EQ(write(s[0], "a", 1), 1);
	CHECK_EQ(write(s[0], "a", 1), 1);
	WAIT_OK(CHILD(CHECK_EQ(write(s[0], "b", 1), 1)));
	CHECK(receive(s[1], buf, 8, &c) == 2 && c.pid == getpid());
	CHECK(receive(s[1], buf, 8, &c) == 1 && c.pid != getpid() && c.pid > 0); /* dead by now */
}

static const struct {
	const char *what;
	pid_t pid; /* 0: one's own; -1: one that is no more */
	uid_t uid;
	gid_t gid;
	bool user;
	int err;
} claims[] = {
	{ "own", 0, 0, 0, false, 0 },
	{ "root_says_init", 1, 77, 78, false, 0 },
	{ "a_dead_process", -1, 0, 0, false, ESRCH },
	{ "no_uid", 0, (uid_t)-1, 0, false, EINVAL },
	{ "no_gid", 0, 0, (gid_t)-1, false, EINVAL },
	{ "a_user_own", 0, 54321, 54321, true, 0 },
	{ "a_user_says_init", 1, 54321, 54321, true, EPERM },
	{ "a_user_says_root", 0, 0, 54321, true, EPERM },
	{ "a_user_says_group_root", 0, 54321, 0, true, EPERM },
};

TEST_ROWS(claiming_to_be, claims)
{
	pid_t pid = row->pid ? row->pid : getpid();
	int s[2];

	if (row->pid < 0) {
		pid = CHILD();
		WAIT_OK(pid);
	}
	pair(s, SOCK_DGRAM);
	want_credentials(s[1]);
	if (row->user)
		CHECK(!setresgid(54321, 54321, 54321) && !setresuid(54321, 54321, 54321));
	if (row->err)
		CHECK_ERR(send_as(s[0], (struct ucred){ pid, row->uid, row->gid }), row->err);
	else
		CHECK_EQ(send_as(s[0], (struct ucred){ pid, row->uid, row->gid }), 1);
}

/* ---- files ---- */

static ssize_t send_files(int sock, const int *fds, size_t n)
{
	char control[CMSG_SPACE(300 * sizeof(int))] = { 0 };
	struct iovec v = { "f", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	return syscall(SYS_sendmsg, sock, &m, 0); /* musl has less room */
}

TEST(at_most_253_files_a_message)
{
	int fds[254], s[2];

	pair(s, SOCK_STREAM);
	for (int i = 0; i < 254; i++)
		fds[i] = s[0];
	CHECK_ERR(send_files(s[0], fds, 254), EINVAL);
	CHECK_EQ(send_files(s[0], fds, 253), 1);
	fds[3] = 999;
	CHECK_ERR(send_files(s[0], fds, 5), EBADF);
}

static int lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* A control buffer that cannot be written: no descriptor that nobody knows of. */
TEST(files_for_a_bad_buffer_stayed_open)
{
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = (void *)4096, .msg_controllen = 64 };
	int s[2], before;

	pair(s, SOCK_STREAM);
	CHECK_EQ(send_files(s[0], s, 2), 1);
	before = lowest_fd();
	CHECK_EQ(recvmsg(s[1], &m, 0), 1);
	CHECK(m.msg_flags & MSG_CTRUNC);
	CHECK_EQ(lowest_fd(), before);
}

TEST(files_come_with_a_receive_of_length_0)
{
	char control[64];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	int s[2];

	pair(s, SOCK_STREAM);
	CHECK_EQ(send_files(s[0], s, 1), 1);
	CHECK_EQ(recvmsg(s[1], &m, 0), 0);
	CHECK_EQ(m.msg_controllen, CMSG_SPACE(sizeof(int)));
}
