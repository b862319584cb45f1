// SPDX-License-Identifier: MIT
/* Signals that are waited for: sigtimedwait(2), and what is an event of a signalfd. */
#include "abi.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>

static siginfo_t seen;

static void note(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)uc;
	seen = *si;
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	CHECK(!sigaction(sig, &sa, NULL));
}

static long timedwait(const uint64_t *set, siginfo_t *si, const struct timespec *t, size_t size)
{
	return syscall(SYS_rt_sigtimedwait, set, si, t, size);
}

TEST(sigtimedwait_errors)
{
	uint64_t set = 1ull << (SIGUSR1 - 1);
	struct timespec zero = { 0, 0 };
	siginfo_t si;

	CHECK_ERR(timedwait(&set, NULL, &zero, 4), EINVAL);
	CHECK_ERR(timedwait((void *)1, NULL, &zero, 8), EFAULT);
	CHECK_ERR(timedwait(&set, NULL, (void *)1, 8), EFAULT);
	CHECK_ERR(timedwait(&set, NULL, &(struct timespec){ 0, 1000000000 }, 8), EINVAL);
	CHECK_ERR(timedwait(&set, NULL, &(struct timespec){ -1, 0 }, 8), EINVAL);
	CHECK_ERR(timedwait(&set, NULL, &zero, 8), EAGAIN);
	sigprocmask(SIG_BLOCK, (sigset_t *)&set, NULL);
	raise(SIGUSR1);
	CHECK_ERR(timedwait(&set, NULL, &(struct timespec){ 0, -1 }, 8), EINVAL); /* and leaves it there */
	CHECK_ERR(timedwait(&set, (void *)1, &zero, 8), EFAULT); /* and has taken it */
	CHECK_ERR(timedwait(&set, &si, &zero, 8), EAGAIN);
	raise(SIGUSR1);
	CHECK_EQ(timedwait(&set, &si, NULL, 8), SIGUSR1);
	CHECK_EQ(si.si_code, SI_TKILL);
	set = 1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1);
	CHECK_ERR(timedwait(&set, NULL, &(struct timespec){ 0, 1000000 }, 8), EAGAIN);
}

TEST(sigtimedwait_takes_before_a_handler)
{
	uint64_t set = 1ull << (SIGUSR1 - 1);
	pid_t me = getpid(), pid;
	siginfo_t si;

	handle(SIGUSR1, note);
	pid = CHILD(sleep_ms(100); kill(me, SIGUSR1););
	CHECK_EQ(timedwait(&set, &si, NULL, 8), SIGUSR1);
	CHECK_EQ(si.si_pid, pid);
	CHECK_EQ(seen.si_signo, 0);
	WAIT_OK(pid);
	handle(SIGUSR2, note);
	pid = CHILD(sleep_ms(100); kill(me, SIGUSR2););
	CHECK_ERR(timedwait(&set, &si, NULL, 8), EINTR);
	CHECK_EQ(seen.si_signo, SIGUSR2);
	WAIT_OK(pid);
}

TEST(sigtimedwait_order)
{
	uint64_t set = ~0ull;
	siginfo_t si;
	int want[] = { SIGUSR1, SIGTERM, SIGRTMIN + 1, SIGRTMIN + 2 };

	sigprocmask(SIG_BLOCK, (sigset_t *)&set, NULL);
	set &= ~(1ull << (SIGALRM - 1));
	for (int i = 3; i >= 0; i--)
		CHECK(!kill(getpid(), want[i]));
	for (int i = 0; i < 4; i++)
		CHECK_EQ(timedwait(&set, &si, NULL, 8), want[i]);
	raise(SIGTERM); /* the thread's own come before the process's */
	kill(getpid(), SIGHUP);
	CHECK_EQ(timedwait(&set, &si, NULL, 8), SIGTERM);
	CHECK_EQ(timedwait(&set, &si, NULL, 8), SIGHUP);
}

TEST(pending_signal_is_no_new_edge_of_a_signalfd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	sigset_t set;
	int fd, ep = epoll_create1(0);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, 0);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	kill(getpid(), SIGUSR1);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 50), 0);
	kill(getpid(), SIGUSR2);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
}
