// SPDX-License-Identifier: MIT
/* What single system calls cost: the shortest, descriptors, paths, signals, timers, waiting for events. */
#include "row.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <linux/futex.h>

static int fd, other;
static char buffer[65536];

#define ROW(name, body)                                                                            \
	static void name(unsigned long n)                                                          \
	{                                                                                          \
		TIMES(n)                                                                           \
			body;                                                                      \
	}

/* ---- short ones ---- */

static void open_null(void)
{
	fd = MUST(open("/dev/null", O_RDWR));
}

static void open_zero(void)
{
	fd = MUST(open("/dev/zero", O_RDWR));
}

ROW(getppid_call, syscall(SYS_getppid))
ROW(gettid_call, syscall(SYS_gettid))
ROW(getuid_call, syscall(SYS_getuid))
ROW(umask_call, umask(022))
ROW(yield_call, syscall(SYS_sched_yield))
ROW(bad_call, syscall(9999))
ROW(write_null, MUST(write(fd, buffer, 1)))
ROW(read_zero, MUST(read(fd, buffer, 1)))
ROW(read_zero_large, MUST(read(fd, buffer, sizeof(buffer))))
ROW(fcntl_call, fcntl(fd, F_GETFL))
ROW(dup_close, close(MUST(dup(fd))))
ROW(prctl_call, prctl(PR_GET_DUMPABLE))

static void uname_call(unsigned long n)
{
	struct utsname u;

	TIMES(n)
		MUST(uname(&u));
}

static void getrusage_call(unsigned long n)
{
	struct rusage u;

	TIMES(n)
		MUST(getrusage(RUSAGE_SELF, &u));
}

static void getrlimit_call(unsigned long n)
{
	struct rlimit r;

	TIMES(n)
		syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &r);
}

static void clock_by_call(unsigned long n)
{
	struct timespec t;

	TIMES(n)
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
}

static void clock_by_vdso(unsigned long n)
{
	TIMES(n)
		now();
}

static void cpu_clock(unsigned long n)
{
	struct timespec t;

	TIMES(n)
		syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t);
}

/* ---- paths ---- */

#define DEEP "bench-d/a/b/c/d/e/f/g"

static void make_deep(void)
{
	char path[] = DEEP;

	for (char *p = path; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(path, 0700);
			*p = '/';
		}
	mkdir(path, 0700);
	symlink("/dev/null", "bench-link");
}

static void stat_path(const char *path, unsigned long n)
{
	struct stat s;

	TIMES(n)
		stat(path, &s);
}

static void stat_one(unsigned long n)
{
	stat_path("/dev/null", n);
}

static void stat_deep(unsigned long n)
{
	stat_path(DEEP, n);
}

static void stat_missing(unsigned long n)
{
	stat_path("bench-missing", n);
}

static void stat_link(unsigned long n)
{
	stat_path("bench-link", n);
}

static void fstat_call(unsigned long n)
{
	struct stat s;

	TIMES(n)
		MUST(syscall(SYS_fstat, fd, &s));
}

ROW(access_call, access("/dev/null", R_OK))
ROW(open_close, close(MUST(open("/dev/null", O_RDONLY))))
ROW(open_missing, open("bench-missing", O_RDONLY))
ROW(getcwd_call, syscall(SYS_getcwd, buffer, sizeof(buffer)))
ROW(chdir_call, chdir("."))
ROW(readlink_call, MUST(readlink("bench-link", buffer, sizeof(buffer))))

/* ---- signals ---- */

static void on_signal(int sig)
{
	(void)sig;
}

static void with_handler(void)
{
	signal(SIGUSR1, on_signal);
}

static void with_ignored(void)
{
	signal(SIGUSR1, SIG_IGN);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	mprotect((void *)((uintptr_t)info->si_addr & ~(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE);
}

static char *page;

static void with_fault_handler(void)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &act, NULL);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*page = 1;
}

static void fault_signal(unsigned long n)
{
	TIMES(n) {
		mprotect(page, PAGE, PROT_NONE);
		*(volatile char *)page = 1;
	}
}

ROW(kill_self, kill(getpid(), SIGUSR1))
ROW(kill_nothing, kill(getpid(), 0))

static void mask_call(unsigned long n)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	TIMES(n)
		sigprocmask(i_ & 1 ? SIG_BLOCK : SIG_UNBLOCK, &s, NULL);
}

static void sigaction_call(unsigned long n)
{
	struct sigaction act = { .sa_handler = on_signal };

	TIMES(n)
		sigaction(SIGUSR2, &act, NULL);
}

static void block_usr1(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	fd = signalfd(-1, &s, 0);
}

static void queue_and_wait(unsigned long n)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	TIMES(n) {
		kill(getpid(), SIGUSR1);
		sigwaitinfo(&s, NULL);
	}
}

static void read_signalfd(unsigned long n)
{
	TIMES(n) {
		kill(getpid(), SIGUSR1);
		MUST(read(fd, buffer, sizeof(struct signalfd_siginfo)));
	}
}

/* ---- timers ---- */

static timer_t timer;
static const struct itimerspec far = { .it_value = { .tv_sec = 1000 } };

static void make_timer(void)
{
	struct sigevent none = { .sigev_notify = SIGEV_NONE };

	MUST(timer_create(CLOCK_MONOTONIC, &none, &timer));
	fd = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
}

static void timer_life(unsigned long n)
{
	struct sigevent none = { .sigev_notify = SIGEV_NONE };

	TIMES(n) {
		MUST(timer_create(CLOCK_MONOTONIC, &none, &timer));
		timer_delete(timer);
	}
}

ROW(set_timer, timer_settime(timer, 0, &far, NULL))
ROW(set_timerfd, timerfd_settime(fd, 0, &far, NULL))
ROW(alarm_call, alarm(30))

static void sleep_short(unsigned long n)
{
	struct timespec t = { 0, 1 };

	prctl(PR_SET_TIMERSLACK, 1);
	TIMES(n)
		nanosleep(&t, NULL);
}

/* ---- waiting for events ---- */

static struct pollfd polled[100];
static int epoll;

static void make_pollable(void)
{
	struct epoll_event e = { .events = EPOLLIN };

	epoll = MUST(epoll_create1(0));
	for (size_t i = 0; i < COUNT(polled); i++) {
		polled[i].fd = MUST(eventfd(0, 0));
		polled[i].events = POLLIN;
		epoll_ctl(epoll, EPOLL_CTL_ADD, polled[i].fd, &e);
	}
	fd = MUST(eventfd(0, EFD_NONBLOCK));
	other = MUST(inotify_init1(IN_NONBLOCK));
	close(MUST(open("bench-watched", O_CREAT | O_WRONLY, 0600)));
}

static void make_ready(void)
{
	uint64_t one = 1;

	make_pollable();
	MUST(write(polled[50].fd, &one, 8));
}

ROW(poll_one, poll(polled, 1, 0))
ROW(poll_ten, poll(polled, 10, 0))
ROW(poll_hundred, poll(polled, 100, 0))

static void select_hundred(unsigned long n)
{
	struct timeval zero = { 0, 0 };
	fd_set s;

	TIMES(n) {
		FD_ZERO(&s);
		for (size_t i = 0; i < COUNT(polled); i++)
			FD_SET(polled[i].fd, &s);
		select(polled[99].fd + 1, &s, NULL, NULL, &zero);
	}
}

static void epoll_look(unsigned long n)
{
	struct epoll_event e[8];

	TIMES(n)
		MUST(epoll_wait(epoll, e, 8, 0));
}

static void epoll_change(unsigned long n)
{
	struct epoll_event e = { .events = EPOLLIN };

	TIMES(n) {
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &e);
	}
}

static void epoll_modify(unsigned long n)
{
	struct epoll_event e = { .events = EPOLLIN };

	TIMES(n)
		epoll_ctl(epoll, EPOLL_CTL_MOD, polled[0].fd, &e);
}

static void event_write_read(unsigned long n)
{
	uint64_t one = 1;

	TIMES(n) {
		write(fd, &one, 8);
		read(fd, &one, 8);
	}
}

static void watch_life(unsigned long n)
{
	TIMES(n)
		inotify_rm_watch(other, MUST(inotify_add_watch(other, "bench-watched", IN_ATTRIB)));
}

static void watch_event(unsigned long n)
{
	inotify_add_watch(other, "bench-watched", IN_ATTRIB);
	TIMES(n) {
		chmod("bench-watched", 0600);
		MUST(read(other, buffer, sizeof(buffer)));
	}
}

static uint32_t word;

ROW(futex_wake, syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
ROW(futex_mismatch, syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0))

static const struct row rows[] = {
	{ .name = "getppid", .run = getppid_call },
	{ .name = "gettid", .run = gettid_call },
	{ .name = "getuid", .run = getuid_call },
	{ .name = "umask", .run = umask_call },
	{ .name = "sched_yield, alone", .run = yield_call },
	{ .name = "a call that is none", .run = bad_call },
	{ .name = "uname", .run = uname_call },
	{ .name = "getrusage", .run = getrusage_call },
	{ .name = "prlimit", .run = getrlimit_call },
	{ .name = "prctl", .run = prctl_call },
	{ .name = "clock_gettime, call", .run = clock_by_call },
	{ .name = "clock_gettime, vDSO", .run = clock_by_vdso },
	{ .name = "clock_gettime, CPU time", .run = cpu_clock },
	{ .name = "write 1 B to /dev/null", .run = write_null, .setup = open_null },
	{ .name = "read 1 B of /dev/zero", .run = read_zero, .setup = open_zero },
	{ .name = "read 64 KiB of /dev/zero", .run = read_zero_large, .setup = open_zero },
	{ .name = "fcntl F_GETFL", .run = fcntl_call, .setup = open_null },
	{ .name = "dup, close", .run = dup_close, .setup = open_null },
	{ .name = "fstat", .run = fstat_call, .setup = open_null },
	{ .name = "stat /dev/null", .run = stat_one },
	{ .name = "stat, 8 names deep", .run = stat_deep, .setup = make_deep },
	{ .name = "stat of what is not there", .run = stat_missing },
	{ .name = "stat through a symlink", .run = stat_link, .setup = make_deep },
	{ .name = "access", .run = access_call },
	{ .name = "open, close", .run = open_close },
	{ .name = "open of what is not there", .run = open_missing },
	{ .name = "getcwd", .run = getcwd_call },
	{ .name = "chdir .", .run = chdir_call },
	{ .name = "readlink", .run = readlink_call, .setup = make_deep },
	{ .name = "kill, handler, return", .run = kill_self, .setup = with_handler },
	{ .name = "kill, ignored", .run = kill_self, .setup = with_ignored },
	{ .name = "kill 0", .run = kill_nothing },
	{ .name = "SIGSEGV, handler, mprotect", .run = fault_signal, .setup = with_fault_handler },
	{ .name = "sigprocmask", .run = mask_call },
	{ .name = "sigaction", .run = sigaction_call },
	{ .name = "kill, sigwaitinfo", .run = queue_and_wait, .setup = block_usr1 },
	{ .name = "kill, read signalfd", .run = read_signalfd, .setup = block_usr1 },
	{ .name = "timer_create, delete", .run = timer_life },
	{ .name = "timer_settime", .run = set_timer, .setup = make_timer },
	{ .name = "timerfd_settime", .run = set_timerfd, .setup = make_timer },
	{ .name = "alarm", .run = alarm_call },
	{ .name = "nanosleep 1 ns", .run = sleep_short },
	{ .name = "poll 1", .run = poll_one, .setup = make_pollable },
	{ .name = "poll 10", .run = poll_ten, .setup = make_pollable },
	{ .name = "poll 100", .run = poll_hundred, .setup = make_pollable },
	{ .name = "select 100", .run = select_hundred, .setup = make_pollable },
	{ .name = "epoll_wait, none of 100 ready", .run = epoll_look, .setup = make_pollable },
	{ .name = "epoll_wait, one of 100 ready", .run = epoll_look, .setup = make_ready },
	{ .name = "epoll_ctl add, delete", .run = epoll_change, .setup = make_pollable },
	{ .name = "epoll_ctl modify", .run = epoll_modify, .setup = make_pollable },
	{ .name = "eventfd write, read", .run = event_write_read, .setup = make_pollable },
	{ .name = "inotify add, remove", .run = watch_life, .setup = make_pollable },
	{ .name = "inotify chmod, read", .run = watch_event, .setup = make_pollable },
	{ .name = "futex wake, nobody waits", .run = futex_wake },
	{ .name = "futex wait, wrong value", .run = futex_mismatch },
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
