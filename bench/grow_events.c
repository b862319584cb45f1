// SPDX-License-Identifier: MIT
/* How cost grows with descriptors, what is waited for, timers, record locks, watches, bytes and messages queued. */
#include "row.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static int fd, other, ends[2];
static char buffer[MIB];
static struct pollfd *polled;

/* ---- @size descriptors ---- */

static void make_descriptors(void)
{
	fd = MUST(open("/dev/null", O_RDWR));
	for (long i = 0; i < size; i++)
		other = MUST(dup(fd));
}

static void dup_close(unsigned long n)
{
	TIMES(n)
		close(MUST(dup(fd)));
}

static void write_last(unsigned long n)
{
	TIMES(n)
		MUST(write(other, buffer, 1));
}

static void fork_wait(unsigned long n)
{
	TIMES(n) {
		pid_t pid = MUST(fork());

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void list_fds(unsigned long n)
{
	int dir = MUST(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));

	TIMES(n) {
		lseek(dir, 0, SEEK_SET);
		while (syscall(SYS_getdents64, dir, buffer, 32768) > 0)
			;
	}
}

/* ---- @size waited for ---- */

static void make_pollable(void)
{
	struct epoll_event e = { .events = EPOLLIN };

	polled = calloc((size_t)size, sizeof(*polled));
	other = MUST(epoll_create1(0));
	for (long i = 0; i < size; i++) {
		polled[i].fd = MUST(eventfd(0, EFD_NONBLOCK));
		polled[i].events = POLLIN;
		e.data.fd = polled[i].fd;
		MUST(epoll_ctl(other, EPOLL_CTL_ADD, polled[i].fd, &e));
	}
	fd = MUST(eventfd(0, EFD_NONBLOCK));
}

static void poll_all(unsigned long n)
{
	TIMES(n)
		MUST(poll(polled, (nfds_t)size, 0));
}

static void epoll_none(unsigned long n)
{
	struct epoll_event e[8];

	TIMES(n)
		MUST(epoll_wait(other, e, 8, 0));
}

static void epoll_one(unsigned long n)
{
	struct epoll_event e[8];
	uint64_t one = 1;

	TIMES(n) {
		MUST(write(polled[size / 2].fd, &one, 8));
		MUST(epoll_wait(other, e, 8, 0));
		MUST(read(polled[size / 2].fd, &one, 8));
	}
}

static void epoll_change(unsigned long n)
{
	struct epoll_event e = { .events = EPOLLIN };

	TIMES(n) {
		MUST(epoll_ctl(other, EPOLL_CTL_ADD, fd, &e));
		MUST(epoll_ctl(other, EPOLL_CTL_DEL, fd, &e));
	}
}

/* ---- @size timers that run ---- */

static timer_t *timers;
static struct itimerspec when = { .it_value = { .tv_sec = 1000 } };

static void make_timers(void)
{
	struct sigevent none = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

	timers = calloc((size_t)size, sizeof(*timers));
	for (long i = 0; i < size; i++) {
		MUST(timer_create(CLOCK_MONOTONIC, &none, &timers[i]));
		when.it_value.tv_sec = 1000 + i;
		MUST(timer_settime(timers[i], 0, &when, NULL));
	}
}

static void set_timer(unsigned long n)
{
	TIMES(n) {
		unsigned long i = i_ * 7919;

		when.it_value.tv_sec = 1000 + (long)(i % 1000);
		MUST(timer_settime(timers[i % (unsigned long)size], 0, &when, NULL));
	}
}

static void make_timerfds(void)
{
	for (long i = 0; i < size; i++) {
		fd = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
		when.it_value.tv_sec = 1000 + i;
		MUST(timerfd_settime(fd, 0, &when, NULL));
	}
}

static void set_timerfd(unsigned long n)
{
	TIMES(n) {
		when.it_value.tv_sec = 1000 + (long)(i_ * 7919 % 1000);
		MUST(timerfd_settime(fd, 0, &when, NULL));
	}
}

static void sleep_short(unsigned long n)
{
	struct timespec t = { 0, 1000 };

	TIMES(n)
		nanosleep(&t, NULL);
}

/* ---- @size record locks of a file ---- */

static void lock(short type, long at)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	MUST(fcntl(fd, F_SETLK, &l));
}

static void make_locks(void)
{
	fd = MUST(open("grow-locked", O_RDWR | O_CREAT, 0600));
	for (long i = 0; i < size; i++)
		lock(F_WRLCK, 2 * i);
}

static void lock_unlock(unsigned long n)
{
	TIMES(n) {
		long at = 2 * (long)(i_ * 7919 % (unsigned long)size) + 1;

		lock(F_RDLCK, at);
		lock(F_UNLCK, at);
	}
}

static void lock_elsewhere(unsigned long n)
{
	fd = MUST(open("grow-other", O_RDWR | O_CREAT, 0600));
	TIMES(n) {
		lock(F_WRLCK, 0);
		lock(F_UNLCK, 0);
	}
}

/* ---- @size watches ---- */

static void make_watches(void)
{
	char name[48];

	fd = MUST(inotify_init1(IN_NONBLOCK));
	for (long i = 0; i < size; i++) {
		snprintf(name, sizeof(name), "grow-watched-%ld", i);
		close(MUST(open(name, O_WRONLY | O_CREAT, 0600)));
		MUST(inotify_add_watch(fd, name, IN_ATTRIB));
		unlink(i ? name : "grow-none");
	}
	close(MUST(open("grow-new", O_WRONLY | O_CREAT, 0600)));
}

static void watch_life(unsigned long n)
{
	TIMES(n) {
		inotify_rm_watch(fd, MUST(inotify_add_watch(fd, "grow-new", IN_ATTRIB)));
		read(fd, buffer, sizeof(buffer));
	}
}

static void watch_event(unsigned long n)
{
	read(fd, buffer, sizeof(buffer));
	TIMES(n) {
		chmod("grow-watched-0", 0600);
		MUST(read(fd, buffer, sizeof(buffer)));
	}
}

/* Many who watch one file: each event goes to all. */
static void make_watchers(void)
{
	close(MUST(open("grow-new", O_WRONLY | O_CREAT, 0600)));
	for (long i = 0; i < size; i++)
		MUST(inotify_add_watch(MUST(inotify_init1(0)), "grow-new", IN_ATTRIB));
}

static void event_for_all(unsigned long n)
{
	TIMES(n)
		chmod("grow-new", 0600);
}

/* ---- @size bytes, messages ---- */

static void make_pipe(void)
{
	MUST(pipe(ends));
	MUST(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
}

static void make_stream(void)
{
	int room = 4 << 20;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
}

static void write_read(unsigned long n)
{
	TIMES(n) {
		MUST(write(ends[1], buffer, (size_t)size));
		for (long got = 0; got < size;)
			got += MUST(read(ends[0], buffer, sizeof(buffer)));
	}
}

static void queue_messages(void)
{
	make_stream();
	for (long i = 0; i < size; i++)
		MUST(write(ends[1], buffer, 16));
}

static void pass_message(unsigned long n)
{
	TIMES(n) {
		MUST(write(ends[1], buffer, 16));
		MUST(read(ends[0], buffer, 16));
	}
}

#define POLLED .setup = make_pollable
#define OPEN .setup = make_descriptors

static const struct row rows[] = {
	SIZES("dup, close among descriptors", 10, 100, 1000, 10000, .run = dup_close, OPEN),
	SIZES("write to the last descriptor", 10, 100, 1000, 10000, .run = write_last, OPEN),
	SIZES("fork, wait with descriptors", 10, 100, 1000, 10000, .run = fork_wait, OPEN),
	SIZES("list /proc/self/fd", 10, 100, 1000, 10000, .run = list_fds, OPEN),
	SIZES("poll of descriptors", 1, 10, 100, 1000, .run = poll_all, POLLED),
	SIZES("epoll_wait, none ready of", 1, 10, 100, 1000, .run = epoll_none, POLLED),
	SIZES("epoll_wait, one ready of", 1, 10, 100, 1000, .run = epoll_one, POLLED),
	SIZES("epoll_ctl add, delete among", 1, 10, 100, 1000, .run = epoll_change, POLLED),
	SIZES("timer_settime among timers", 1, 10, 100, 1000, .run = set_timer, .setup = make_timers),
	SIZES("timerfd_settime among", 1, 10, 100, 1000, .run = set_timerfd, .setup = make_timerfds),
	SIZES("nanosleep 1 us among timers", 1, 10, 100, 1000, .run = sleep_short, .setup = make_timers),
	SIZES("lock, unlock among locks", 10, 100, 1000, 10000, .run = lock_unlock, .setup = make_locks),
	SIZES("lock another file, locks", 10, 100, 1000, 10000, .run = lock_elsewhere, .setup = make_locks),
	SIZES("inotify add, remove among", 10, 100, 1000, 4000, .run = watch_life, .setup = make_watches),
	SIZES("inotify event, watches", 10, 100, 1000, 4000, .run = watch_event, .setup = make_watches),
	SIZES3("inotify event, watchers", 1, 10, 100, .run = event_for_all, .setup = make_watchers),
	SIZES("pipe in and out, bytes", 16, 1024, 65536, 1048576, .run = write_read, .setup = make_pipe),
	SIZES("socket in and out, bytes", 16, 1024, 65536, 1048576, .run = write_read, .setup = make_stream),
	SIZES("socket message, others queued", 1, 10, 100, 200, .run = pass_message, .setup = queue_messages),
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
