// SPDX-License-Identifier: MIT
/* TCP over loopback as programs see it: calls in each state, poll's bits as a matrix, errors reported once, ends, options. */
#include "net.h"
#include <linux/sockios.h>
#include <netinet/tcp.h>

enum state {
	FRESH, LISTENING, LISTENING_FULL, CONNECTED, WITH_DATA, PEER_SHUT, PEER_SHUT_DATA, WE_SHUT, BOTH_SHUT, PEER_RESET,
	REFUSED, PEER_CLOSED_UNREAD, READ_SHUT,
};

struct pair {
	int l, a, b; /* listener; who connected; who was accepted */
};

static struct pair pair_of(const char *host)
{
	struct pair p = { .l = socket(strchr(host, ':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0) };

	CHECK(p.l >= 0);
	CHECK(bind_to(p.l, host, 0) == 0);
	CHECK(listen(p.l, 5) == 0);
	p.a = socket(strchr(host, ':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	CHECK(connect_to(p.a, host, port_of(p.l)) == 0);
	p.b = accept(p.l, NULL, NULL);
	CHECK(p.b >= 0);
	return p;
}

static void reset_by(int s)
{
	struct linger l = { 1, 0 };

	CHECK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	CHECK(close(s) == 0);
}

/* Waits until poll says one of @events. */
static void until(int s, int events)
{
	CHECK(polled(s, events, 10000) & events);
}

static int refused(void)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), other = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(bind_to(other, "127.0.0.1", 0) == 0);
	CHECK_ERR(connect_to(s, "127.0.0.1", port_of(other)), EINPROGRESS);
	until(s, POLLERR);
	return s;
}

/* A socket in state @st. */
static int socket_in(enum state st)
{
	struct pair p;
	int s;

	switch (st) {
	case FRESH:
		return socket(AF_INET, SOCK_STREAM, 0);
	case LISTENING:
		return pair_of("127.0.0.1").l;
	case LISTENING_FULL:
		p = pair_of("127.0.0.1");
		s = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect_to(s, "127.0.0.1", port_of(p.l)) == 0);
		until(p.l, POLLIN);
		return p.l;
	case REFUSED:
		return refused();
	default:
		p = pair_of("127.0.0.1");
	}
	switch (st) {
	case WITH_DATA:
		CHECK_EQ(send(p.b, "abc", 3, 0), 3);
		until(p.a, POLLIN);
		break;
	case PEER_SHUT_DATA:
		CHECK_EQ(send(p.b, "abc", 3, 0), 3);
		/* fall through */
	case PEER_SHUT:
		CHECK(shutdown(p.b, SHUT_WR) == 0);
		until(p.a, POLLRDHUP);
		break;
	case WE_SHUT:
		CHECK(shutdown(p.a, SHUT_WR) == 0);
		until(p.b, POLLRDHUP);
		break;
	case READ_SHUT:
		CHECK(shutdown(p.a, SHUT_RD) == 0);
		break;
	case BOTH_SHUT:
		CHECK(shutdown(p.b, SHUT_WR) == 0);
		until(p.a, POLLRDHUP);
		CHECK(shutdown(p.a, SHUT_WR) == 0);
		break;
	case PEER_CLOSED_UNREAD:
		CHECK_EQ(send(p.a, "abc", 3, 0), 3);
		until(p.b, POLLIN);
		CHECK(close(p.b) == 0);
		until(p.a, POLLERR);
		break;
	case PEER_RESET:
		reset_by(p.b);
		until(p.a, POLLERR);
		break;
	default:
		break;
	}
	return p.a;
}

/* ---- poll ---- */

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM)
#define IN_ (POLLIN | POLLRDNORM)
#define OUT_ (POLLOUT | POLLWRNORM)

static const struct {
	const char *what;
	enum state st;
	int bits;
} poll_rows[] = {
	{ "fresh", FRESH, OUT_ | POLLHUP },
	{ "listening", LISTENING, 0 },
	{ "connection_waits", LISTENING_FULL, IN_ },
	{ "connected", CONNECTED, OUT_ },
	{ "data", WITH_DATA, IN_ | OUT_ },
	{ "peer_shut", PEER_SHUT, IN_ | OUT_ | POLLRDHUP },
	{ "peer_shut_data", PEER_SHUT_DATA, IN_ | OUT_ | POLLRDHUP },
	{ "we_shut", WE_SHUT, OUT_ },
	{ "both_shut", BOTH_SHUT, IN_ | OUT_ | POLLRDHUP | POLLHUP },
	{ "shut_rd", READ_SHUT, IN_ | OUT_ | POLLRDHUP },
	{ "reset", PEER_RESET, IN_ | OUT_ | POLLRDHUP | POLLHUP | POLLERR },
	{ "refused", REFUSED, IN_ | OUT_ | POLLRDHUP | POLLHUP | POLLERR },
	{ "closed_with_unread", PEER_CLOSED_UNREAD, IN_ | OUT_ | POLLRDHUP | POLLHUP | POLLERR },
};
TEST_ROWS(tcp_poll, poll_rows)
{
	own_net();
	CHECK_EQ(polled(socket_in(row->st), ALL, 0), row->bits);
}

/* ---- calls in each state: what they return, the first and the second time ---- */

enum call { RECV, SEND, CONNECT, ACCEPT, LISTEN, SHUT, PEERNAME, ERROR, PEEK, OOB };

static int call_on(int s, enum call c)
{
	char buf[8];
	socklen_t len = sizeof(union addr);
	union addr a;
	int r = 0;

	errno = 0;
	switch (c) {
	case RECV: r = (int)recv(s, buf, sizeof(buf), MSG_DONTWAIT); break;
	case PEEK: r = (int)recv(s, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK); break;
	case OOB: r = (int)recv(s, buf, 1, MSG_DONTWAIT | MSG_OOB); break;
	case SEND: r = (int)send(s, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL); break;
	case CONNECT: r = connect_to(s, "127.0.0.1", 9); break;
	case ACCEPT: r = fcntl(s, F_SETFL, O_NONBLOCK) ? -1 : accept(s, NULL, NULL); break;
	case LISTEN: r = listen(s, 1); break;
	case SHUT: r = shutdown(s, SHUT_RDWR); break;
	case PEERNAME: r = getpeername(s, &a.any, &len); break;
	case ERROR: return get_int(s, SOL_SOCKET, SO_ERROR);
	}
	return r < 0 ? -errno : r;
}

static const struct {
	const char *what;
	enum state st;
	enum call c;
	int first, second;
} call_rows[] = {
	{ "fresh_recv", FRESH, RECV, -ENOTCONN, -ENOTCONN },
	{ "fresh_send", FRESH, SEND, -EPIPE, -EPIPE },
	{ "fresh_accept", FRESH, ACCEPT, -EINVAL, -EINVAL },
	{ "fresh_shutdown", FRESH, SHUT, -ENOTCONN, -ENOTCONN },
	{ "fresh_peername", FRESH, PEERNAME, -ENOTCONN, -ENOTCONN },
	{ "fresh_listen", FRESH, LISTEN, 0, 0 },
	{ "listening_recv", LISTENING, RECV, -ENOTCONN, -ENOTCONN },
	{ "listening_send", LISTENING, SEND, -EPIPE, -EPIPE },
	{ "listening_connect", LISTENING, CONNECT, -EISCONN, -EISCONN },
	{ "listening_accept", LISTENING, ACCEPT, -EAGAIN, -EAGAIN },
	{ "listening_shutdown", LISTENING, SHUT, 0, -ENOTCONN },
	{ "connected_recv", CONNECTED, RECV, -EAGAIN, -EAGAIN },
	{ "connected_oob", CONNECTED, OOB, -EINVAL, -EINVAL },
	{ "connected_connect", CONNECTED, CONNECT, -EISCONN, -EISCONN },
	{ "connected_listen", CONNECTED, LISTEN, -EINVAL, -EINVAL },
	{ "connected_accept", CONNECTED, ACCEPT, -EINVAL, -EINVAL },
	{ "connected_send", CONNECTED, SEND, 1, 1 },
	{ "data_recv", WITH_DATA, RECV, 3, -EAGAIN },
	{ "data_peek", WITH_DATA, PEEK, 3, 3 },
	{ "peer_shut_recv", PEER_SHUT, RECV, 0, 0 },
	{ "peer_shut_send", PEER_SHUT, SEND, 1, 1 },
	{ "peer_shut_data_recv", PEER_SHUT_DATA, RECV, 3, 0 },
	{ "we_shut_send", WE_SHUT, SEND, -EPIPE, -EPIPE },
	{ "we_shut_recv", WE_SHUT, RECV, -EAGAIN, -EAGAIN },
	{ "shut_rd_recv", READ_SHUT, RECV, 0, 0 },
	{ "reset_recv", PEER_RESET, RECV, -ECONNRESET, 0 },
	{ "reset_send", PEER_RESET, SEND, -ECONNRESET, -EPIPE },
	{ "reset_error", PEER_RESET, ERROR, ECONNRESET, 0 },
	{ "reset_peername", PEER_RESET, PEERNAME, -ENOTCONN, -ENOTCONN },
	{ "unread_recv", PEER_CLOSED_UNREAD, RECV, -ECONNRESET, 0 },
	{ "refused_recv", REFUSED, RECV, -ECONNREFUSED, 0 },
	{ "refused_error", REFUSED, ERROR, ECONNREFUSED, 0 },
	{ "refused_send", REFUSED, SEND, -ECONNREFUSED, -EPIPE },
};
TEST_ROWS(tcp_call, call_rows)
{
	int s;

	own_net();
	s = socket_in(row->st);
	CHECK_EQ(call_on(s, row->c), row->first);
	CHECK_EQ(call_on(s, row->c), row->second);
}

/* ---- streams ---- */

static const struct {
	const char *what;
	const char *host;
	size_t chunk;
} stream_rows[] = {
	{ "v4_small", "127.0.0.1", 100 },
	{ "v4_large", "127.0.0.1", 65536 },
	{ "v6_large", "::1", 65536 },
	{ "v4_odd", "127.0.0.1", 12345 },
};
TEST_ROWS(tcp_stream, stream_rows)
{
	size_t total = row->chunk * 200, got = 0;
	static unsigned char buf[65536];
	struct pair p;
	pid_t child;

	own_net();
	p = pair_of(row->host);
	child = CHILD({
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = (unsigned char)(i * 7);
		for (int i = 0; i < 200; i++)
			CHECK_EQ(send(p.a, buf, row->chunk, 0), row->chunk);
	});
	close(p.a);
	while (got < total) {
		ssize_t n = recv(p.b, buf, sizeof(buf), 0);

		CHECK(n > 0);
		for (ssize_t i = 0; i < n; i++)
			CHECK(buf[i] == (unsigned char)((got + (size_t)i) % row->chunk * 7));
		got += (size_t)n;
	}
	CHECK_EQ(recv(p.b, buf, 1, 0), 0);
	WAIT_OK(child);
}

TEST(tcp_waitall_and_peek)
{
	struct pair p;
	char buf[8];
	pid_t child;

	own_net();
	p = pair_of("127.0.0.1");
	CHECK_EQ(send(p.a, "abcd", 4, 0), 4);
	CHECK_EQ(recv(p.b, buf, 2, MSG_PEEK), 2);
	child = CHILD({
		sleep_ms(50);
		CHECK_EQ(send(p.a, "efgh", 4, 0), 4);
	});
	CHECK_EQ(recv(p.b, buf, 8, MSG_WAITALL), 8);
	CHECK(!memcmp(buf, "abcdefgh", 8));
	WAIT_OK(child);
}

TEST(tcp_urgent)
{
	struct pair p;
	char buf[8];
	int mark;

	own_net();
	p = pair_of("127.0.0.1");
	CHECK_EQ(send(p.a, "abc", 3, MSG_OOB), 3);
	until(p.b, POLLPRI);
	CHECK_EQ(recv(p.b, buf, 8, 0), 2);
	CHECK(ioctl(p.b, SIOCATMARK, &mark) == 0 && mark == 1);
	CHECK_EQ(recv(p.b, buf, 1, MSG_OOB), 1);
	CHECK_EQ(buf[0], 'c');
	CHECK_ERR(recv(p.b, buf, 1, MSG_OOB), EINVAL);
	CHECK_EQ(send(p.a, "d", 1, 0), 1);
	until(p.b, POLLIN);
	CHECK_EQ(recv(p.b, buf, 8, 0), 1);
	CHECK_EQ(buf[0], 'd');
}

TEST(tcp_queues)
{
	struct pair p;
	int n = -1;

	own_net();
	p = pair_of("127.0.0.1");
	CHECK_EQ(send(p.a, "abcde", 5, 0), 5);
	until(p.b, POLLIN);
	CHECK(ioctl(p.b, SIOCINQ, &n) == 0);
	CHECK_EQ(n, 5);
	do
		CHECK(ioctl(p.a, SIOCOUTQ, &n) == 0);
	while (n);
	CHECK_ERR(ioctl(p.l, SIOCINQ, &n), EINVAL);
}

TEST(tcp_connect_waits_and_names)
{
	struct pair p;
	union addr a, b;
	socklen_t la = sizeof(a), lb = sizeof(b);

	own_net();
	p = pair_of("127.0.0.1");
	CHECK(getsockname(p.a, &a.any, &la) == 0);
	CHECK(getpeername(p.b, &b.any, &lb) == 0);
	CHECK_EQ(la, lb);
	CHECK(!memcmp(&a, &b, la));
	CHECK_EQ(port_of(p.b), port_of(p.l));
}

TEST(tcp_reconnect_after_refusal)
{
	struct pair p;
	int s;

	own_net();
	p = pair_of("127.0.0.1");
	s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERR(connect_to(s, "127.0.0.1", 1), ECONNREFUSED);
	CHECK(connect_to(s, "127.0.0.1", port_of(p.l)) == 0);
	CHECK_EQ(send(s, "x", 1, 0), 1);
}

TEST(tcp_send_timeout_when_nobody_reads)
{
	struct timeval tv = { 0, 100000 };
	static char buf[1 << 20];
	struct pair p;
	ssize_t n;

	own_net();
	p = pair_of("127.0.0.1");
	CHECK(setsockopt(p.a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
	do
		n = send(p.a, buf, sizeof(buf), 0);
	while (n > 0);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(polled(p.a, POLLOUT, 0), 0);
	while (recv(p.b, buf, sizeof(buf), MSG_DONTWAIT) > 0 || !polled(p.a, POLLOUT, 0))
		;
}

/* ---- options ---- */

static const struct {
	const char *what;
	int name, set, err, got;
} option_rows[] = {
	{ "nodelay", TCP_NODELAY, 7, 0, 1 },
	{ "cork", TCP_CORK, 1, 0, 1 },
	{ "keepidle", TCP_KEEPIDLE, 100, 0, 100 },
	{ "keepidle_0", TCP_KEEPIDLE, 0, EINVAL, 0 },
	{ "keepidle_large", TCP_KEEPIDLE, 32768, EINVAL, 0 },
	{ "keepintvl", TCP_KEEPINTVL, 5, 0, 5 },
	{ "keepcnt", TCP_KEEPCNT, 127, 0, 127 },
	{ "keepcnt_large", TCP_KEEPCNT, 128, EINVAL, 0 },
	{ "syncnt", TCP_SYNCNT, 3, 0, 3 },
	{ "syncnt_large", TCP_SYNCNT, 128, EINVAL, 0 },
	{ "linger2", TCP_LINGER2, 10, 0, 10 },
	{ "linger2_none", TCP_LINGER2, -5, 0, -1 },
	{ "defer_accept", TCP_DEFER_ACCEPT, 1, 0, 1 },
	{ "defer_accept_2", TCP_DEFER_ACCEPT, 2, 0, 3 },
	{ "user_timeout", TCP_USER_TIMEOUT, 1234, 0, 1234 },
	{ "user_timeout_negative", TCP_USER_TIMEOUT, -1, EINVAL, 0 },
	{ "maxseg_small", TCP_MAXSEG, 87, EINVAL, 0 },
	{ "maxseg_large", TCP_MAXSEG, 32768, EINVAL, 0 },
	{ "unknown", 12345, 1, ENOPROTOOPT, 0 },
};
TEST_ROWS(tcp_option, option_rows)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (row->err) {
		CHECK_ERR(setsockopt(s, IPPROTO_TCP, row->name, &row->set, sizeof(int)), row->err);
		return;
	}
	CHECK(setsockopt(s, IPPROTO_TCP, row->name, &row->set, sizeof(int)) == 0);
	CHECK_EQ(get_int(s, IPPROTO_TCP, row->name), row->got);
}

TEST(tcp_congestion)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	char name[16] = { 0 };
	socklen_t len = sizeof(name);

	CHECK(getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
	CHECK_EQ(len, 16);
	CHECK(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0);
	CHECK(getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
	CHECK(!strcmp(name, "reno"));
	CHECK_ERR(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8), ENOENT);
}

TEST(tcp_info_of_a_connection)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);
	struct pair p;

	own_net();
	p = pair_of("127.0.0.1");
	CHECK_EQ(send(p.a, "abc", 3, 0), 3);
	until(p.b, POLLIN);
	CHECK(getsockopt(p.b, IPPROTO_TCP, TCP_INFO, &i, &len) == 0);
	CHECK_EQ(i.tcpi_state, TCP_ESTABLISHED);
	CHECK(i.tcpi_options & TCPI_OPT_TIMESTAMPS && i.tcpi_options & TCPI_OPT_SACK && i.tcpi_options & TCPI_OPT_WSCALE);
	CHECK(i.tcpi_snd_mss > 500 && i.tcpi_rtt > 0 && i.tcpi_snd_cwnd >= 10);
}
