// SPDX-License-Identifier: MIT
/* Pipes, splice(2), sendfile(2), eventfd(2): broken pipes, edges, what cannot splice, ends of ranges. */
#include "abi.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void catch_signal(int sig)
{
	struct sigaction sa = { .sa_handler = count_signal };

	CHECK(!sigaction(sig, &sa, NULL));
}

/* The reader leaves while a write has put in a part: the part is the result, the signal comes all the same. */
TEST(write_that_ended_short_raised_no_sigpipe)
{
	static char data[200000];
	int p[2];
	pid_t child;
	ssize_t n;

	CHECK(!pipe(p));
	catch_signal(SIGPIPE);
	child = fork();
	if (child == 0) {
		close(p[1]);
		sleep_ms(300);
		_exit(0);
	}
	close(p[0]);
	n = write(p[1], data, sizeof(data));
	CHECK_EQ(n, 65536);
	CHECK_EQ(signals, 1);
	WAIT_OK(child);
	CHECK_ERR(write(p[1], data, 1), EPIPE);
	CHECK_EQ(signals, 2);
}

/* Edges: a reader or writer that did not sleep is no news to EPOLLET. */
static int edges(int ep)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, 0) == 1 ? (int)ev.events : 0;
}

TEST(partial_read_of_a_pipe_was_an_edge)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int p[2], ep = epoll_create1(0);
	char b[10];

	CHECK(!pipe(p));
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	CHECK_EQ(write(p[1], "abcdef", 6), 6);
	CHECK_EQ(edges(ep), EPOLLIN);
	CHECK_EQ(read(p[0], b, 2), 2);
	CHECK_EQ(edges(ep), 0);
	CHECK_EQ(write(p[1], "g", 1), 1);
	CHECK_EQ(edges(ep), EPOLLIN);
}

TEST(write_with_room_left_was_an_edge)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	int p[2], ep = epoll_create1(0);

	CHECK(!pipe(p));
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &ev));
	CHECK_EQ(edges(ep), EPOLLOUT);
	CHECK_EQ(write(p[1], "a", 1), 1);
	CHECK_EQ(edges(ep), 0);
}

/* Many sleepers on both sides: nobody is forgotten now that fewer wake-ups are passed on. */
TEST(sleepers_of_a_pipe_all_get_their_part)
{
	enum { EACH = 8, BYTES = 20000 };
	int p[2], total = 0;
	pid_t kids[2 * EACH];

	CHECK(!pipe(p));
	for (int i = 0; i < 2 * EACH; i++)
		kids[i] = CHILD({
			char b[100] = { 0 };

			for (int left = BYTES; left > 0;) {
				int n = i < EACH ? (int)read(p[0], b, (size_t)(left < 100 ? left : 100)) :
						   (int)write(p[1], b, (size_t)(left < 100 ? left : 100));

				CHECK(n > 0);
				left -= n;
			}
		});
	for (int i = 0; i < 2 * EACH; i++) {
		WAIT_OK(kids[i]);
		total++;
	}
	CHECK_EQ(total, 2 * EACH);
}

/* ---- splice ---- */

TEST(splice_nonblock_waited_for_a_socket)
{
	int s[2], p[2];
	char b[10];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	CHECK(!pipe(p));
	alarm(5);
	CHECK_ERR(splice(s[1], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(write(s[0], "abc", 3), 3);
	CHECK_EQ(splice(s[1], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK), 3);
	CHECK_EQ(read(p[0], b, 10), 3);
	close(s[0]);
	CHECK_EQ(splice(s[1], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK), 0);
}

TEST(what_cannot_splice)
{
	int p[2], e = eventfd(0, EFD_NONBLOCK), d = open(".", O_RDONLY), f, s[2];
	loff_t off = 0;

	write_file("f", "0123456789", 10);
	f = open("f", O_RDWR);
	CHECK(!pipe(p));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	CHECK_EQ(write(p[1], "12345678", 8), 8);
	CHECK_ERR(splice(p[0], NULL, e, NULL, 8, 0), EINVAL);
	CHECK_ERR(splice(e, NULL, p[1], NULL, 8, 0), EINVAL);
	CHECK_ERR(splice(d, NULL, p[1], NULL, 8, 0), EINVAL);
	CHECK_ERR(splice(s[0], &off, p[1], NULL, 8, 0), EINVAL);
	CHECK_ERR(sendfile(e, f, NULL, 8), EINVAL);
	CHECK_ERR(sendfile(f, d, &off, 5), EINVAL);
	CHECK_EQ(splice(-1, NULL, -1, NULL, 0, ~0u), 0);
	CHECK_ERR(tee(-1, -1, 0, ~0u), EINVAL);
	CHECK_EQ(tee(-1, -1, 0, 0), 0);
}

TEST(transfers_past_the_last_position)
{
	int f, g = open("g", O_RDWR | O_CREAT, 0600), p[2];
	off_t off = 5, *read_only;
	loff_t at = INT64_MAX - 5;

	write_file("f", "0123456789", 10);
	f = open("f", O_RDONLY);
	CHECK(!pipe(p));
	CHECK_ERR(sendfile(g, f, &off, INT64_MAX), EINVAL);
	off = 0;
	CHECK_EQ(sendfile(g, f, &off, INT64_MAX), 10);
	CHECK_ERR(splice(f, &at, p[1], NULL, 6, 0), EINVAL);
	CHECK_EQ(splice(f, &at, p[1], NULL, 5, 0), 0);
	/* An offset that cannot be written: EFAULT, the data has gone. */
	read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(!ftruncate(g, 0));
	CHECK_EQ(lseek(g, 0, SEEK_SET), 0);
	CHECK_ERR(sendfile(g, f, read_only, 4), EFAULT);
	CHECK_EQ(lseek(g, 0, SEEK_END), 4);
}

/* ---- eventfd ---- */

TEST(eventfd_put_a_number_together_from_a_vector)
{
	uint64_t one = 1, two = 2, got;
	struct iovec halves[2] = { { &one, 4 }, { (char *)&one + 4, 4 } };
	struct iovec both[2] = { { &one, 8 }, { &two, 8 } };
	int e = eventfd(0, EFD_NONBLOCK);

	CHECK_ERR(writev(e, halves, 2), EINVAL);
	CHECK_EQ(writev(e, both, 2), 16);
	CHECK_EQ(read(e, &got, 8), 8);
	CHECK_EQ(got, 3);
	CHECK_ERR(write(e, &one, 7), EINVAL);
}
