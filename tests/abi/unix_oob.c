// SPDX-License-Identifier: MIT
/*
 * Urgent bytes (MSG_OOB) and SO_PEEK_OFF, as short scripts: what each step gave
 * is compared with what it gives on Linux 6.1.
 *
 *   s...  send       o...  send with MSG_OOB    rN  recv of N       pN  peek
 *   u     recv(MSG_OOB)    U  peek at it        a   SIOCATMARK      q   FIONREAD
 *   P     poll       i  SO_OOBINLINE            kN  SO_PEEK_OFF     K   its value
 *
 * A receive gives its bytes, "." at none, "!E" EAGAIN, "!I" EINVAL.
 */
#include "abi.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef SIOCATMARK
#define SIOCATMARK 0x8905
#endif

struct script {
	const char *what, *steps, *want;
};

static int numeric_option(int s, int name, int value, bool set)
{
	socklen_t len = sizeof(value);

	if (set)
		CHECK(!setsockopt(s, SOL_SOCKET, name, &value, len));
	else
		CHECK(!getsockopt(s, SOL_SOCKET, name, &value, &len));
	return value;
}

static void add_receive(char *out, int s, size_t n, int flags)
{
	char buf[64] = { 0 };
	ssize_t got = recv(s, buf, n, flags | MSG_DONTWAIT);

	if (got < 0)
		strcat(out, errno == EAGAIN ? "!E" : errno == EINVAL ? "!I" : "!?");
	else
		strcat(out, got ? buf : ".");
}

static void add_poll(char *out, int s)
{
	struct pollfd p = { s, POLLIN | POLLPRI, 0 };

	CHECK(poll(&p, 1, 0) >= 0);
	strcat(out, p.revents & POLLPRI ? "P" : "-");
	strcat(out, p.revents & POLLIN ? "I" : "-");
}

static void step(char *out, const char *word, int s[2])
{
	int v = 0;
	char number[16];
	size_t n = strlen(word + 1);

	switch (word[0]) {
	case 's':
	case 'o':
		CHECK_EQ(send(s[0], word + 1, n, word[0] == 'o' ? MSG_OOB : 0), n);
		return;
	case 'r':
	case 'p':
		add_receive(out, s[1], strtoul(word + 1, NULL, 10), word[0] == 'p' ? MSG_PEEK : 0);
		break;
	case 'u':
	case 'U':
		add_receive(out, s[1], 1, MSG_OOB | (word[0] == 'U' ? MSG_PEEK : 0));
		break;
	case 'a':
	case 'q':
		CHECK(!ioctl(s[1], word[0] == 'a' ? SIOCATMARK : (int)FIONREAD, &v));
		sprintf(number, "%d", v);
		strcat(out, number);
		break;
	case 'P':
		add_poll(out, s[1]);
		break;
	case 'i':
		numeric_option(s[1], SO_OOBINLINE, 1, true);
		return;
	case 'k':
		numeric_option(s[1], SO_PEEK_OFF, atoi(word + 1), true);
		return;
	case 'K':
		sprintf(number, "%d", numeric_option(s[1], SO_PEEK_OFF, 0, false));
		strcat(out, number);
		break;
	}
	strcat(out, " ");
}

static void play(const struct script *row, int type)
{
	char out[256] = "", steps[128], *save, *word;
	int s[2];

	CHECK(!socketpair(AF_UNIX, type, 0, s));
	strcpy(steps, row->steps);
	for (word = strtok_r(steps, " ", &save); word; word = strtok_r(NULL, " ", &save))
		step(out, word, s);
	if (strcmp(out, row->want))
		ABI_FAIL("\"%s\" gives \"%s\", want \"%s\"", row->steps, out, row->want);
}

static const struct script urgent[] = {
	{ "the_last_byte", "oabc P q r10 a u P r10", "PI 3 ab 1 c -I !E " },
	{ "taken_first", "oabc u P r10 r10", "c -I ab !E " },
	{ "none", "sab u", "!I " },
	{ "peeked", "oab U U u u", "b b b !I " },
	{ "thrown_away_by_the_next_read", "oab r10 r10 scd r10", "a !E cd " },
	{ "a_read_ends_before_it", "oab scd r10 a r10 u", "a 1 cd !I " },
	{ "a_second_one_replaces_it", "oab ocd r10 u", "abc d " },
	{ "inline", "i oab scd u r10 a r10", "!I a 1 bcd " },
	{ "inline_alone", "i oa a r10 P", "1 a -- " },
	{ "not_at_the_mark", "oab a r1 a", "0 a 1 " },
	{ "alone", "oa P u P r10", "PI a -I !E " },
	{ "peek_ends_before_it", "oab scd p10", "a " },
	{ "taken_then_more", "oab scd r1 u q", "a b 2 " },
};
TEST_ROWS(urgent, urgent)
{
	play(row, SOCK_STREAM);
}

static const struct script peeks[] = {
	{ "off_by_default", "sabc p2 p2 K", "ab ab -1 " },
	{ "moves_on", "sabcdef k0 p2 p2 K p9 K", "ab cd 4 ef 6 " },
	{ "back_by_reads", "sabcdef k0 p4 r3 K p9", "abcd abc 1 ef " },
	{ "over_pieces", "sab scd sef k3 p9 K", "def 6 " },
	{ "beyond", "sab k5 p9 K", "!E 5 " },
	{ "off_again", "sab k1 p9 k-1 p9", "b ab " },
	{ "reads_do_not_heed_it", "sabcd k2 r3 K", "abc 0 " },
};
TEST_ROWS(peek_off_of_a_stream, peeks)
{
	play(row, SOCK_STREAM);
}

static const struct script message_peeks[] = {
	{ "off_by_default", "sabc sd p2 p2 K", "ab ab -1 " },
	{ "in_a_message", "sabc sde k0 p2 p9 p9 K", "ab c de 5 " },
	{ "back_by_reads", "sabc sde k0 p9 p1 r9 K p9", "abc d abc 1 e " },
	{ "beyond", "sab k2 p9 K", "!E 2 " },
	{ "read_short", "sabc sde k1 r1 K p9", "a 0 de " },
};
TEST_ROWS(peek_off_of_datagrams, message_peeks)
{
	play(row, SOCK_DGRAM);
}
TEST_ROWS(peek_off_of_packets, message_peeks)
{
	play(row, SOCK_SEQPACKET);
}

/* A peek behind all there is waits for more. (A stream's finds the old bytes again on Linux 6.1, which is its fault.) */
TEST(peek_off_waits_for_what_comes)
{
	char buf[8];
	int s[2];
	pid_t pid;

	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	CHECK_EQ(send(s[0], "ab", 2, 0), 2);
	numeric_option(s[1], SO_PEEK_OFF, 2, true);
	pid = CHILD({
		sleep_ms(100);
		CHECK_EQ(send(s[0], "cd", 2, 0), 2);
	});
	CHECK(recv(s[1], buf, 8, MSG_PEEK) == 2 && !memcmp(buf, "cd", 2));
	WAIT_OK(pid);
}

static const struct {
	const char *what;
	int option, type;
	bool ns;
} stamps[] = {
	{ "us", SO_TIMESTAMP, SCM_TIMESTAMP, false },
	{ "ns", SO_TIMESTAMPNS, SCM_TIMESTAMPNS, true },
	{ "new_us", 63, 63, false },
	{ "new_ns", 64, 64, true },
};

/* The time of sending, when the receiver had the option by then; else that of the receive. */
TEST_ROWS(timestamp, stamps)
{
	char control[256], byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h;
	struct timespec now;
	long long t[2];
	int s[2];

	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	numeric_option(s[1], row->option, 1, true);
	CHECK_EQ(send(s[0], "x", 1, 0), 1);
	CHECK(!clock_gettime(CLOCK_REALTIME, &now));
	sleep_ms(50);
	CHECK_EQ(recvmsg(s[1], &m, 0), 1);
	h = CMSG_FIRSTHDR(&m);
	CHECK(h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == row->type);
	CHECK_EQ(h->cmsg_len, CMSG_LEN(sizeof(t)));
	memcpy(t, CMSG_DATA(h), sizeof(t));
	if (!row->ns)
		t[1] *= 1000;
	CHECK(t[0] * 1000000000 + t[1] <= now.tv_sec * 1000000000ll + now.tv_nsec);
	CHECK(t[0] * 1000000000 + t[1] > now.tv_sec * 1000000000ll + now.tv_nsec - 2000000000);
}

TEST(streams_have_no_timestamps)
{
	char control[256], byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int s[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	numeric_option(s[1], SO_TIMESTAMP, 1, true);
	CHECK(send(s[0], "x", 1, 0) == 1 && recvmsg(s[1], &m, 0) == 1);
	CHECK_EQ(m.msg_controllen, 0);
}
