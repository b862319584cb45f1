// SPDX-License-Identifier: MIT
/* Times at the ends of their ranges, by each way of waiting. */
#include "abi.h"

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/futex.h>

static volatile sig_atomic_t hits;

static void count(int sig)
{
	(void)sig;
	hits++;
}

static const struct {
	const char *what;
	struct timespec t;
} long_times[] = {
	{ "all of it", { LONG_MAX, 999999999 } },
	{ "292 years", { 9223372036, 854775807 } },
	{ "292 years less one", { 9223372036, 854775806 } },
	{ "584 years", { 18446744073, 709551615 } },
	{ "146 years", { 4611686018, 427387904 } },
};

/* Nothing comes before its time: each way of waiting, interrupted after a moment, is still there. */
TEST_ROWS(longest_times_do_not_come_at_once, long_times)
{
	struct timeval tv = { row->t.tv_sec, 0 };
	uint32_t word = 0;
	int pipes[2], ep, socks[2];
	sigset_t s;

	CHECK(!pipe(pipes) && !socketpair(AF_UNIX, SOCK_DGRAM, 0, socks));
	ep = epoll_create1(0);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	for (int how = 0; how < 13; how++) {
		struct timespec t = row->t;
		int status;
		pid_t p = CHILD({
			fd_set set;
			char c;

			FD_ZERO(&set);
			FD_SET(pipes[0], &set);
			switch (how) {
			case 0: nanosleep(&t, NULL); break;
			case 1: clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL); break;
			case 2: clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL); break;
			case 3: syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0); break;
			case 4: syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &t, NULL, ~0u); break;
			case 5: syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &t, NULL, ~0u);
				break;
			case 6: ppoll(NULL, 0, &t, NULL); break;
			case 7: pselect(pipes[0] + 1, &set, NULL, NULL, &t, NULL); break;
			case 8: sigtimedwait(&s, NULL, &t); break;
			case 9: clock_nanosleep(CLOCK_REALTIME, 0, &t, NULL); break;
			case 10:
				if (setsockopt(socks[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
					pause();
				recv(socks[0], &c, 1, 0);
				break;
			case 11: clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL); break;
			case 12: clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &t, NULL); break;
			}
		});

		sleep_ms(25);
		if (waitpid(p, &status, WNOHANG))
			ABI_FAIL("wait %d ended", how);
		kill(p, SIGKILL);
		wait_status(p);
	}
	close(ep);
}

TEST_ROWS(longest_timers_do_not_fire, long_times)
{
	struct itimerspec its = { row->t, row->t };
	struct itimerval v = { { row->t.tv_sec, 0 }, { row->t.tv_sec, 0 } };
	clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };

	signal(SIGUSR1, count);
	for (int i = 0; i < 8; i++) {
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
		int id = -1;

		CHECK(!syscall(SYS_timer_create, clocks[i / 2], &ev, &id));
		CHECK(!syscall(SYS_timer_settime, id, i % 2 ? TIMER_ABSTIME : 0, &its, NULL));
		CHECK(!syscall(SYS_timer_gettime, id, &its));
		CHECK(its.it_value.tv_sec > 1000000000);
		its = (struct itimerspec){ row->t, row->t };
	}
	signal(SIGALRM, count);
	CHECK(!setitimer(ITIMER_REAL, &v, NULL));
	sleep_ms(30);
	CHECK_EQ(hits, 0);
}
