// SPDX-License-Identifier: MIT
/*
 * What talking costs: pipes, Unix sockets, terminals, event counters, futexes, signals; inside one process, and
 * there and back between two.
 *
 * Tests of "there and back" have a partner: a child or a thread that answers each message until the row ends.
 */
#include "row.h"
#include <pthread.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <linux/futex.h>

static int there[2], back[2];
static char buffer[65536];
static size_t length = 1;

/* Read @length bytes however they come. */
static void read_all(int fd)
{
	for (size_t got = 0; got < length;) {
		ssize_t n = read(fd, buffer, length - got);

		if (n <= 0)
			_exit(0);
		got += (size_t)n;
	}
}

/* ---- one process ---- */

static void make_pipe(void)
{
	MUST(pipe(there));
}

static void make_pipe_4k(void)
{
	length = 4096;
	make_pipe();
}

static void make_pipe_64k(void)
{
	length = 65536;
	make_pipe();
}

static void make_pair(void)
{
	int s[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	there[0] = s[0], there[1] = s[1];
}

static void make_pair_4k(void)
{
	length = 4096;
	make_pair();
}

static void make_datagrams(void)
{
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, there));
}

static void make_packets(void)
{
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, there));
}

static void make_terminal(void)
{
	struct termios t;

	MUST(openpty(&there[1], &there[0], NULL, NULL, NULL));
	tcgetattr(there[0], &t);
	cfmakeraw(&t);
	tcsetattr(there[0], TCSANOW, &t);
}

static void write_read(unsigned long n)
{
	TIMES(n) {
		MUST(write(there[1], buffer, length));
		read_all(there[0]);
	}
}

static void pipe_life(unsigned long n)
{
	TIMES(n) {
		make_pipe();
		close(there[0]);
		close(there[1]);
	}
}

static void pair_life(unsigned long n)
{
	TIMES(n) {
		make_pair();
		close(there[0]);
		close(there[1]);
	}
}

static void terminal_life(unsigned long n)
{
	TIMES(n) {
		MUST(openpty(&there[0], &there[1], NULL, NULL, NULL));
		close(there[0]);
		close(there[1]);
	}
}

static int listener;
static struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "bench-socket" };

static void make_listener(void)
{
	unlink(at.sun_path);
	listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
	MUST(bind(listener, (struct sockaddr *)&at, sizeof(at)));
	MUST(listen(listener, 5));
}

static void connect_accept(unsigned long n)
{
	TIMES(n) {
		int s = MUST(socket(AF_UNIX, SOCK_STREAM, 0));

		MUST(connect(s, (struct sockaddr *)&at, sizeof(at)));
		close(MUST(accept(listener, NULL, NULL)));
		close(s);
	}
}

static void pass_descriptor(unsigned long n)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { buffer, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };

	TIMES(n) {
		m.msg_controllen = sizeof(control);
		memcpy(CMSG_DATA(&control.align), &there[0], sizeof(int));
		MUST(sendmsg(there[1], &m, 0));
		MUST(recvmsg(there[0], &m, 0));
		close(*(int *)(void *)CMSG_DATA(&control.align));
	}
}

/* ---- two processes ---- */

static void answer(void)
{
	pid_t pid = MUST(fork());

	if (pid)
		return;
	for (;;) {
		read_all(there[0]);
		if (write(back[1], buffer, length) < 0)
			_exit(0);
	}
}

static void two_pipes(void)
{
	MUST(pipe(there));
	MUST(pipe(back));
	answer();
}

static void two_pipes_4k(void)
{
	length = 4096;
	two_pipes();
}

static void both_ways(int type)
{
	int s[2];

	MUST(socketpair(AF_UNIX, type, 0, s));
	there[1] = back[0] = s[0];
	there[0] = back[1] = s[1];
	answer();
}

static void two_streams(void)
{
	both_ways(SOCK_STREAM);
}

static void two_datagrams(void)
{
	both_ways(SOCK_DGRAM);
}

static void two_counters(void)
{
	there[0] = there[1] = MUST(eventfd(0, 0));
	back[0] = back[1] = MUST(eventfd(0, 0));
	length = 8;
	buffer[0] = 1;
	answer();
}

static void two_terminals(void)
{
	make_terminal();
	back[0] = there[1];
	back[1] = there[0];
	answer();
}

static void ping(unsigned long n)
{
	TIMES(n) {
		MUST(write(there[1], buffer, length));
		read_all(back[0]);
	}
}

/* A child that takes all it gets. */
static void drain(void)
{
	length = sizeof(buffer);
	if (MUST(fork()) == 0)
		while (read(there[0], buffer, length) > 0)
			;
}

static void drained_pipe(void)
{
	make_pipe();
	drain();
}

static void drained_stream(void)
{
	make_pair();
	drain();
}

static void send_only(unsigned long n)
{
	TIMES(n)
		MUST(write(there[1], buffer, length));
}

/* ---- signals and futexes, there and back ---- */

static pid_t partner;

static void signal_partner(void)
{
	pid_t me = getpid();
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	partner = MUST(fork());
	while (!partner) {
		sigwaitinfo(&s, NULL);
		kill(me, SIGUSR1);
	}
}

static void signal_ping(unsigned long n)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	TIMES(n) {
		kill(partner, SIGUSR1);
		sigwaitinfo(&s, NULL);
	}
}

static _Atomic uint32_t turn;

static void wait_turn(uint32_t mine)
{
	while ((turn & 1) != mine)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1 - mine, NULL, NULL, 0);
}

static void pass_turn(uint32_t to)
{
	turn = to;
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *futex_answer(void *unused)
{
	for (;;) {
		wait_turn(1);
		pass_turn(0);
	}
	return unused;
}

static void futex_partner(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, futex_answer, NULL))
		die("pthread_create");
}

static void futex_ping(unsigned long n)
{
	TIMES(n) {
		pass_turn(1);
		wait_turn(0);
	}
}

/* ---- switches ---- */

static void yielding_partner(void)
{
	if (MUST(fork()) == 0)
		for (;;)
			syscall(SYS_sched_yield);
}

static void yield(unsigned long n)
{
	TIMES(n)
		syscall(SYS_sched_yield);
}

static int shm;

static void make_shm(void)
{
	shm = MUST(shmget(IPC_PRIVATE, MIB, 0600));
}

static void remove_shm(void)
{
	shmctl(shm, IPC_RMID, NULL);
}

static void shm_attach(unsigned long n)
{
	TIMES(n)
		shmdt(shmat(shm, NULL, 0));
}

static const struct row rows[] = {
	{ .name = "pipe, 1 B in and out", .run = write_read, .setup = make_pipe },
	{ .name = "pipe, 4 KiB in and out", .run = write_read, .setup = make_pipe_4k },
	{ .name = "pipe, 64 KiB in and out", .run = write_read, .setup = make_pipe_64k },
	{ .name = "pipe, made and closed", .run = pipe_life },
	{ .name = "stream socket, 1 B in and out", .run = write_read, .setup = make_pair },
	{ .name = "stream socket, 4 KiB in and out", .run = write_read, .setup = make_pair_4k },
	{ .name = "datagram socket, 1 B in and out", .run = write_read, .setup = make_datagrams },
	{ .name = "packet socket, 1 B in and out", .run = write_read, .setup = make_packets },
	{ .name = "socketpair, made and closed", .run = pair_life },
	{ .name = "socket, connect, accept, close", .run = connect_accept, .setup = make_listener },
	{ .name = "a descriptor passed", .run = pass_descriptor, .setup = make_pair },
	{ .name = "pty, 1 B in and out", .run = write_read, .setup = make_terminal },
	{ .name = "pty, made and closed", .run = terminal_life },
	{ .name = "pipes, there and back", .run = ping, .setup = two_pipes },
	{ .name = "pipes, 4 KiB there and back", .run = ping, .setup = two_pipes_4k },
	{ .name = "stream sockets, there and back", .run = ping, .setup = two_streams },
	{ .name = "datagram sockets, there and back", .run = ping, .setup = two_datagrams },
	{ .name = "eventfds, there and back", .run = ping, .setup = two_counters },
	{ .name = "pty, there and back", .run = ping, .setup = two_terminals },
	{ .name = "signals, there and back", .run = signal_ping, .setup = signal_partner },
	{ .name = "futexes, there and back", .run = futex_ping, .setup = futex_partner },
	{ .name = "pipe, 64 KiB to a reader", .run = send_only, .setup = drained_pipe },
	{ .name = "stream socket, 64 KiB to a reader", .run = send_only, .setup = drained_stream },
	{ .name = "sched_yield, two processes", .run = yield, .setup = yielding_partner },
	{ .name = "shmat, shmdt", .run = shm_attach, .setup = make_shm, .cleanup = remove_shm },
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
