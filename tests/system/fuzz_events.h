// SPDX-License-Identifier: MIT
/* fuzz_calls.c: what waits and tells - epoll, inotify, timers, signals, futexes, owners of descriptors. */
#pragma once
#include "fuzz.h"

#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

/* Mostly soon, now and then never, nonsense or long ago. */
static struct timespec some_time(void)
{
	if (one_in(6))
		return (struct timespec){ odd(), odd() };
	return (struct timespec){ one_in(8) ? 1 : 0, (long)below(3000000) };
}

static void make_event_source(void)
{
	uint64_t set = any();

	switch (below(5)) {
	case 0: put(syscall(SYS_epoll_create1, bits(EPOLL_CLOEXEC)), EPOLL); break;
	case 1: put(syscall(SYS_inotify_init1, bits(IN_CLOEXEC) | IN_NONBLOCK), INOTIFY); break;
	case 2: put(syscall(SYS_eventfd2, odd(), bits(EFD_SEMAPHORE | EFD_CLOEXEC) | EFD_NONBLOCK), EVENTFD); break;
	case 3: put(syscall(SYS_timerfd_create, about(12), bits(TFD_CLOEXEC) | TFD_NONBLOCK), TIMERFD); break;
	case 4:
		put(syscall(SYS_signalfd4, one_in(2) ? -1 : fd_of(SIGNALFD), &set, 8,
			bits(SFD_CLOEXEC) | SFD_NONBLOCK), SIGNALFD);
		break;
	}
}

static void call_epoll_ctl(void)
{
	struct epoll_event e = { (uint32_t)(one_in(4) ? any() : any() & (EPOLLIN | EPOLLOUT | EPOLLET | EPOLLONESHOT)),
				 { .u64 = any() } };

	syscall(SYS_epoll_ctl, fd_of(EPOLL), one_in(20) ? odd() : 1 + below(3),
		one_in(4) ? fd_of(EPOLL) : fd_of((enum kind)below(PIDFD + 1)), one_in(20) ? memory() : &e);
}

static void call_epoll_wait(void)
{
	struct epoll_event e[8];
	struct timespec t = some_time();
	uint64_t mask = any();

	if (one_in(2))
		syscall(SYS_epoll_pwait, fd_of(EPOLL), one_in(8) ? memory() : e, about(8), one_in(4) ? odd() : 0,
			one_in(2) ? NULL : &mask, 8);
	else
		syscall(SYS_epoll_pwait2, fd_of(EPOLL), e, about(8), &t, one_in(2) ? NULL : &mask, 8);
}

static void call_watch(void)
{
	if (one_in(4))
		syscall(SYS_inotify_rm_watch, fd_of(INOTIFY), about(6));
	else
		syscall(SYS_inotify_add_watch, fd_of(INOTIFY), path(),
			one_in(4) ? (long)(uint32_t)any() : IN_ALL_EVENTS);
}

static void call_timerfd(void)
{
	struct itimerspec t = { some_time(), some_time() };

	if (one_in(5))
		syscall(SYS_timerfd_gettime, fd_of(TIMERFD), memory());
	else
		syscall(SYS_timerfd_settime, fd_of(TIMERFD), bits(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET), &t,
			one_in(2) ? NULL : memory());
}

static void call_timer(void)
{
	struct sigevent e = { .sigev_notify = (int)about(5), .sigev_signo = (int)about(64) };
	struct itimerspec t = { some_time(), some_time() };
	long id = about(8);
	int made;

	if (one_in(3))
		((int *)&e)[4] = (int)syscall(SYS_gettid); /* sigev_notify_thread_id */
	switch (below(5)) {
	case 0: syscall(SYS_timer_create, about(12), one_in(8) ? NULL : &e, one_in(16) ? memory() : &made); break;
	case 1: syscall(SYS_timer_settime, id, bits(TIMER_ABSTIME), &t, one_in(2) ? NULL : memory()); break;
	case 2: syscall(SYS_timer_gettime, id, memory()); break;
	case 3: syscall(SYS_timer_getoverrun, id); break;
	case 4: syscall(SYS_timer_delete, id); break;
	}
}

/* No signal goes to anybody but this process: its starter must live. */
static void call_signal(void)
{
	long sig = about(65);
	siginfo_t info;
	pid_t pid = getpid();

	memset(&info, (int)any(), sizeof(info));
	info.si_code = one_in(2) ? SI_QUEUE : (int)odd();
	switch (sig) {
	case SIGKILL: case SIGSTOP:
		return;
	}
	switch (below(4)) {
	case 0: syscall(SYS_kill, pid, sig); break;
	case 1: syscall(SYS_tgkill, pid, one_in(4) ? (long)pid : syscall(SYS_gettid), sig); break;
	case 2: syscall(SYS_rt_sigqueueinfo, pid, sig, one_in(8) ? memory() : &info); break;
	case 3: syscall(SYS_rt_tgsigqueueinfo, pid, syscall(SYS_gettid), sig, &info); break;
	}
}

/* Handlers stay as they are: without them the process would not last.  Masks, stacks and waits change. */
static void call_signal_state(void)
{
	uint64_t mask = any() & ~(1ull << (SIGALRM - 1));
	struct timespec t = some_time();
	stack_t s = { memory(), (int)about(4), (size_t)odd() };

	if (t.tv_sec > 1)
		t.tv_sec = 0;
	switch (below(5)) {
	case 0:
		syscall(SYS_rt_sigprocmask, about(3), &mask, one_in(4) ? memory() : NULL,
			one_in(16) ? odd() : 8);
		break;
	case 1: syscall(SYS_rt_sigtimedwait, &mask, one_in(2) ? memory() : NULL, &t, 8); break;
	case 2: syscall(SYS_rt_sigpending, memory(), about(16)); break;
	case 3: syscall(SYS_sigaltstack, one_in(4) ? memory() : &s, one_in(2) ? memory() : NULL); break;
	case 4: syscall(SYS_rt_sigaction, about(65), NULL, memory(), 8); break;
	}
}

static void call_futex(void)
{
	static uint32_t words[4];
	uint32_t *a = one_in(4) ? memory() : &words[below(4)], *b = one_in(4) ? memory() : &words[below(4)];
	struct timespec t = { 0, (long)below(2000000) };
	long op = about(14) | bits(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

	/* A wait without an end would end only by the alarm: give all a time, which others take as a number. */
	syscall(SYS_futex, a, op, about(3), one_in(8) ? (void *)odd() : (void *)&t, b, odd());
}

static void call_poll(void)
{
	struct pollfd p[6];
	struct timespec t = some_time();
	uint64_t mask = any();
	unsigned int n = below(7);

	for (unsigned int i = 0; i < n; i++)
		p[i] = (struct pollfd){ fd_of((enum kind)below(PIDFD + 1)), (short)any(), 0 };
	switch (below(3)) {
	case 0: syscall(SYS_poll, one_in(12) ? memory() : p, one_in(16) ? odd() : n, about(3)); break;
	case 1: syscall(SYS_ppoll, p, (long)n, &t, one_in(2) ? NULL : &mask, 8); break;
	case 2:
		syscall(SYS_pselect6, about(300), memory(), memory(), memory(), &t,
			one_in(8) ? memory() : NULL);
		break;
	}
}

/* Owners may be this process only. */
static void call_owner(void)
{
	struct { int type, pid; } owner = { (int)about(3), one_in(2) ? 0 : getpid() };
	int fd = fd_of(ANY);

	switch (below(5)) {
	case 0: syscall(SYS_fcntl, fd, F_SETOWN, (long)owner.pid); break;
	case 1: syscall(SYS_fcntl, fd, F_SETOWN_EX, &owner); break;
	case 2: syscall(SYS_fcntl, fd, F_SETSIG, about(65)); break;
	case 3:
		syscall(SYS_fcntl, fd, F_SETFL,
			bits(O_ASYNC | O_APPEND | O_NOATIME | O_DIRECT) | (one_in(6) ? 0 : O_NONBLOCK));
		break;
	case 4: syscall(SYS_fcntl, fd, ONE_OF(F_GETOWN, F_GETOWN_EX, F_GETSIG, F_GETFL, 17), memory()); break;
	}
}

static void (*const event_calls[])(void) = {
	make_event_source, make_event_source, call_epoll_ctl, call_epoll_ctl, call_epoll_ctl, call_epoll_wait,
	call_watch, call_watch, call_timerfd, call_timer, call_timer, call_signal, call_signal_state, call_futex,
	call_poll, call_owner,
};
