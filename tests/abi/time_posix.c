// SPDX-License-Identifier: MIT
/* timer_create(2), setitimer(2), and clocks that are set. */
#include "abi.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timex.h>

#include <linux/futex.h>

static int create(clockid_t clock, int notify, int sig)
{
	struct sigevent ev = { .sigev_notify = notify, .sigev_signo = sig };
	int id = -1;

	return syscall(SYS_timer_create, clock, &ev, &id) ? -1 : id;
}

static int settime(int id, int flags, long long value, long long interval)
{
	struct itimerspec its = { { interval / 1000000000, interval % 1000000000 },
				  { value / 1000000000, value % 1000000000 } };

	return (int)syscall(SYS_timer_settime, id, flags, &its, NULL);
}

static volatile sig_atomic_t hits;

static void count(int sig)
{
	(void)sig;
	hits++;
}

/* ---- what they cost their maker ---- */

TEST(timers_are_charged_as_queued_signals)
{
	struct rlimit few = { 10, 10 };
	int n = 0, last = -1, id;

	CHECK(getuid() || (!setgid(54321) && !setuid(54321)));
	CHECK(!setrlimit(RLIMIT_SIGPENDING, &few));
	while (n < 20 && (id = create(CLOCK_MONOTONIC, SIGEV_NONE, 0)) >= 0) {
		CHECK_EQ(id, last + 1);
		last = id;
		n++;
	}
	CHECK_EQ(n, 10);
	CHECK_ERR(create(CLOCK_MONOTONIC, SIGEV_NONE, 0), EAGAIN);
	CHECK(!syscall(SYS_timer_delete, 3));
	CHECK(create(CLOCK_MONOTONIC, SIGEV_NONE, 0) >= 0);
	CHECK_ERR(create(CLOCK_MONOTONIC, SIGEV_NONE, 0), EAGAIN);
}

TEST(timers_go_with_their_process_and_their_charge)
{
	struct rlimit few = { 10, 10 };

	CHECK(getuid() || (!setgid(54322) && !setuid(54322)));
	CHECK(!setrlimit(RLIMIT_SIGPENDING, &few));
	for (int i = 0; i < 5; i++)
		WAIT_OK(CHILD({
			for (int k = 0; k < 10; k++)
				CHECK(create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1) >= 0);
		}));
}

static const struct {
	const char *what;
	int notify, sig, err;
} events[] = {
	{ "none needs no signal", SIGEV_NONE, 1000, 0 },
	{ "signal 0", SIGEV_SIGNAL, 0, EINVAL },
	{ "signal 65", SIGEV_SIGNAL, 65, EINVAL },
	{ "signal 64", SIGEV_SIGNAL, 64, 0 },
	{ "thread without a thread", SIGEV_SIGNAL | SIGEV_THREAD_ID, SIGUSR1, EINVAL },
	{ "none to a thread", SIGEV_NONE | SIGEV_THREAD_ID, SIGUSR1, EINVAL },
	{ "unknown", 77, SIGUSR1, EINVAL },
};

TEST_ROWS(timer_events, events)
{
	if (row->err)
		CHECK_ERR(create(CLOCK_MONOTONIC, row->notify, row->sig), row->err);
	else
		CHECK(create(CLOCK_MONOTONIC, row->notify, row->sig) >= 0);
}

/*
 * Nobody looks at them; whoever else is there must not notice them. (Linux before 6.13 lets each of them run on
 * at the tick's pace: with many more than these it fails this.)
 */
TEST(ignored_and_unread_timers_leave_the_machine_alone)
{
	pid_t p[4];
	long long begin, took = 0;

	for (int i = 0; i < 4; i++)
		p[i] = CHILD({
			signal(SIGUSR1, SIG_IGN);
			if (!getuid())
				CHECK(!setgid(54323) && !setuid(54323));
			for (int k = 0; k < 250; k++) {
				int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);

				if (id < 0)
					break;
				CHECK(!settime(id, 0, 1, 1));
			}
			pause();
		});
	sleep_ms(1500);
	for (int i = 0; i < 20; i++) {
		begin = now_ns();
		sleep_ms(10);
		WAIT_OK(CHILD({}));
		took = now_ns() - begin > took ? now_ns() - begin : took;
	}
	for (int i = 0; i < 4; i++) {
		kill(p[i], SIGKILL);
		wait_status(p[i]);
	}
	printf("# longest of 20 forks: %lld us\n", took / 1000);
	CHECK(took < 1000000000);
}

/* ---- ignored, and then not ---- */

TEST(timer_goes_on_when_its_signal_gets_a_handler)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);

	signal(SIGUSR1, SIG_IGN);
	CHECK(id >= 0 && !settime(id, 0, 20000000, 20000000));
	sleep_ms(110);
	signal(SIGUSR1, count);
	sleep_ms(200);
	CHECK(hits >= 2);
	CHECK(!syscall(SYS_timer_delete, id));
}

TEST(timer_counts_what_was_ignored)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN), n;
	sigset_t s;

	signal(SIGRTMIN, SIG_IGN);
	CHECK(id >= 0 && !settime(id, 0, 20000000, 20000000));
	sleep_ms(210);
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, NULL);
	signal(SIGRTMIN, count);
	CHECK_EQ(sigwaitinfo(&s, NULL), SIGRTMIN);
	n = (int)syscall(SYS_timer_getoverrun, id);
	if (n < 7 || n > 40)
		ABI_FAIL("%d overruns", n);
}

TEST(timer_whose_signal_is_blocked_while_ignored)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);
	struct timespec second = { 1, 0 };
	sigset_t s;

	ONLY_6_1();
	signal(SIGUSR1, SIG_IGN);
	CHECK(id >= 0 && !settime(id, 0, 10000000, 10000000));
	sleep_ms(50);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	CHECK_EQ(sigtimedwait(&s, NULL, &second), SIGUSR1);
	CHECK_EQ(sigtimedwait(&s, NULL, &second), SIGUSR1);
}

TEST(itimer_stops_while_its_signal_is_not_taken)
{
	struct itimerval v = { { 0, 10000 }, { 0, 10000 } }, left;
	sigset_t s;

	signal(SIGALRM, count);
	sigemptyset(&s);
	sigaddset(&s, SIGALRM);
	sigprocmask(SIG_BLOCK, &s, NULL);
	CHECK(!setitimer(ITIMER_REAL, &v, NULL));
	sleep_ms(50);
	CHECK(!getitimer(ITIMER_REAL, &left));
	CHECK_EQ(left.it_value.tv_usec, 0);
	CHECK_EQ(left.it_interval.tv_usec, 10000);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	CHECK_EQ(hits, 1);
	sleep_ms(100);
	CHECK(hits >= 2);
	v.it_value.tv_usec = 0;
	CHECK(!setitimer(ITIMER_REAL, &v, &left));
	CHECK(left.it_value.tv_usec > 0);
	hits = 0;
	sleep_ms(30);
	CHECK_EQ(hits, 0);
}

TEST(itimer_ends_when_its_signal_is_ignored)
{
	struct itimerval v = { { 0, 10000 }, { 0, 10000 } }, left;

	signal(SIGALRM, SIG_IGN);
	CHECK(!setitimer(ITIMER_REAL, &v, NULL));
	sleep_ms(50);
	signal(SIGALRM, count);
	sleep_ms(50);
	CHECK_EQ(hits, 0);
	CHECK(!getitimer(ITIMER_REAL, &left) && !left.it_value.tv_usec);
}

/* A settime while the call-back is on its way on another CPU: the new setting keeps its first period. */
TEST(settime_beside_an_expiry_skips_nothing)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN);
	struct timespec soon = { 0, 500000000 };
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (int i = 0; i < 300; i++) {
		struct timespec now = { 0, 0 };

		CHECK(!settime(id, 0, 1000 + i % 50 * 1000, 100000));
		for (volatile int k = 0; k < i % 40 * 100; k++)
			;
		CHECK(!settime(id, 0, 3000000, 60000000000));
		/* One may be left of the first setting; then the second one's comes in its time. */
		CHECK_EQ(sigtimedwait(&s, NULL, &soon), SIGRTMIN);
		sleep_ms(4);
		sigtimedwait(&s, NULL, &now);
		CHECK(!settime(id, 0, 0, 0));
		while (sigtimedwait(&s, NULL, &now) > 0)
			;
	}
}

/* ---- an absolute time of the wall clock ---- */

TEST(realtime_expiry_of_1970_counts_its_overruns)
{
	int id = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN);
	struct timespec now;
	siginfo_t si;
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, NULL);
	CHECK(!settime(id, TIMER_ABSTIME, 1, 10000000000));
	CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN);
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK(labs(si.si_overrun - now.tv_sec / 10) < 5);
	CHECK(!settime(id, TIMER_ABSTIME, 1, 1));
	CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN);
	CHECK_EQ(si.si_overrun, INT_MAX);
}

static void step_clock(long seconds)
{
	struct timespec t;

	CHECK(!clock_gettime(CLOCK_REALTIME, &t));
	t.tv_sec += seconds;
	CHECK(!clock_settime(CLOCK_REALTIME, &t));
}

/* Waits for a time 1,000 s ahead on the wall clock, in one of the ways; the child exits 0 when that came. */
static void wait_far(int how)
{
	struct timespec t;
	struct itimerspec its;
	uint32_t word = 7;
	int id;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 1000;
	switch (how) {
	case 0:
		CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL), 0);
		break;
	case 1:
		CHECK_ERR(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 7, &t, NULL, ~0u),
			  ETIMEDOUT);
		break;
	case 2:
		id = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1);
		signal(SIGUSR1, count);
		its = (struct itimerspec){ { 0, 0 }, t };
		CHECK(!syscall(SYS_timer_settime, id, TIMER_ABSTIME, &its, NULL));
		pause();
		CHECK_EQ(hits, 1);
		break;
	case 3:
		CHECK_EQ(clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &t, NULL), 0);
		break;
	}
}

static const struct {
	const char *what;
	int how;
} far_waits[] = { { "clock_nanosleep", 0 }, { "futex", 1 }, { "timer", 2 }, { "clock_nanosleep tai", 3 } };

TEST_ROWS(absolute_wait_follows_a_set_clock, far_waits)
{
	int status = 0;
	pid_t p;

	OWN_MACHINE();
	p = CHILD({ wait_far(row->how); });
	sleep_ms(100);
	CHECK_EQ(waitpid(p, &status, WNOHANG), 0);
	step_clock(2000);
	sleep_ms(500);
	CHECK_EQ(waitpid(p, &status, WNOHANG), p);
	CHECK_EQ(status, 0);
	step_clock(-2000);
}

TEST(relative_wait_does_not_follow_a_set_clock)
{
	struct timespec rel = { 1000, 0 };
	pid_t p;

	OWN_MACHINE();
	p = CHILD({ clock_nanosleep(CLOCK_REALTIME, 0, &rel, NULL); });
	sleep_ms(100);
	step_clock(2000);
	sleep_ms(300);
	CHECK_EQ(waitpid(p, NULL, WNOHANG), 0);
	step_clock(-2000);
	kill(p, SIGKILL);
	wait_status(p);
}

TEST(adjtimex_steps_move_waiters_too)
{
	struct timex tx = { .modes = ADJ_SETOFFSET, .time = { 2000, 0 } };
	int status = 0;
	pid_t p;

	OWN_MACHINE();
	p = CHILD({ wait_far(0); });
	sleep_ms(100);
	CHECK(adjtimex(&tx) >= 0);
	sleep_ms(500);
	CHECK_EQ(waitpid(p, &status, WNOHANG), p);
	tx = (struct timex){ .modes = ADJ_SETOFFSET, .time = { -2000, 0 } };
	CHECK(adjtimex(&tx) >= 0);
}

TEST(clock_cannot_be_set_before_boot_or_past_the_end)
{
	struct timespec t = { 0, 0 };
	struct timex tx = { .modes = ADJ_SETOFFSET, .time = { LONG_MAX, 0 } };

	OWN_MACHINE();
	CHECK_ERR(clock_settime(CLOCK_REALTIME, &t), EINVAL);
	t.tv_sec = LONG_MAX;
	CHECK_ERR(clock_settime(CLOCK_REALTIME, &t), EINVAL);
	CHECK(adjtimex(&tx) == -1);
	tx.time.tv_sec = LONG_MIN;
	CHECK(adjtimex(&tx) == -1);
}
