// SPDX-License-Identifier: MIT
/* Clocks, sleeps, timers. */
#include "abi.h"

#include <sys/time.h>
#include <sys/times.h>

TEST(clocks_do_not_go_back)
{
	long long last = 0;

	for (int i = 0; i < 100000; i++) {
		long long t = now_ns();

		CHECK(t >= last);
		last = t;
	}
}

TEST(call_and_vdso_agree)
{
	struct timespec a, b, c;

	for (int i = 0; i < 200; i++) {
		CHECK(!clock_gettime(CLOCK_MONOTONIC, &a));
		CHECK(!syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &b));
		CHECK(!clock_gettime(CLOCK_MONOTONIC, &c));
		long long x = a.tv_sec * 1000000000ll + a.tv_nsec;
		long long y = b.tv_sec * 1000000000ll + b.tv_nsec;
		long long z = c.tv_sec * 1000000000ll + c.tv_nsec;
		CHECK(x <= y && y <= z);
	}
}

TEST(realtime_is_now)
{
	struct timespec ts;
	struct timeval tv;

	CHECK(!clock_gettime(CLOCK_REALTIME, &ts) && !gettimeofday(&tv, NULL));
	CHECK(ts.tv_sec > 1700000000 && labs(ts.tv_sec - tv.tv_sec) <= 1);
	CHECK(labs(time(NULL) - ts.tv_sec) <= 1);
	CHECK_ERR(clock_gettime(99, &ts), EINVAL);
	CHECK(!clock_getres(CLOCK_MONOTONIC, &ts) && ts.tv_sec == 0 && ts.tv_nsec >= 1);
}

TEST(coarse_is_close)
{
	struct timespec fine, coarse;

	CHECK(!clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse));
	CHECK(!clock_gettime(CLOCK_MONOTONIC, &fine));
	long long d = (fine.tv_sec - coarse.tv_sec) * 1000000000ll + fine.tv_nsec - coarse.tv_nsec;
	CHECK(d >= 0 && d < 200000000);
}

TEST(cpu_clocks_count_work)
{
	struct timespec a, b, t0, t1;
	long long end;
	volatile int x = 0;

	CHECK(!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a) &&
	      !clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0));
	sleep_ms(100);
	CHECK(!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b));
	CHECK((b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec < 80000000);
	for (end = now_ns() + 100000000; now_ns() < end;)
		x++;
	CHECK(!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1));
	CHECK((t1.tv_sec - t0.tv_sec) * 1000000000ll + t1.tv_nsec - t0.tv_nsec > 10000000);
	CHECK(times(NULL) != (clock_t)-1 && clock() > 0);
}

TEST(sleeps_are_long_enough)
{
	for (int i = 0; i < 20; i++) {
		struct timespec t = { 0, 3000000 };
		long long begin = now_ns();

		CHECK(!nanosleep(&t, NULL));
		CHECK(now_ns() - begin >= 3000000);
	}
	struct timespec bad = { 0, 1000000000 };
	CHECK_ERR(nanosleep(&bad, NULL), EINVAL);
	bad = (struct timespec){ -1, 0 };
	CHECK_ERR(nanosleep(&bad, NULL), EINVAL);
}

TEST(absolute_sleep)
{
	struct timespec t;

	CHECK(!clock_gettime(CLOCK_MONOTONIC, &t));
	t.tv_nsec += 50000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
	CHECK(now_ns() >= t.tv_sec * 1000000000ll + t.tv_nsec);
	t.tv_sec = 1;
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL), 0);
}

static volatile int ticks;

static void tick(int sig)
{
	(void)sig;
	ticks++;
}

TEST(itimer_repeats)
{
	struct itimerval v = { { 0, 20000 }, { 0, 20000 } }, left;

	signal(SIGALRM, tick);
	CHECK(!setitimer(ITIMER_REAL, &v, NULL));
	while (ticks < 3)
		pause();
	CHECK(!getitimer(ITIMER_REAL, &left) && left.it_interval.tv_usec == 20000);
	memset(&v, 0, sizeof(v));
	CHECK(!setitimer(ITIMER_REAL, &v, &left));
}

TEST(alarm_returns_what_was_left)
{
	signal(SIGALRM, tick);
	alarm(0);
	CHECK_EQ(alarm(100), 0);
	unsigned left = alarm(0);
	CHECK(left == 100 || left == 99);
}

TEST(posix_timer_overruns)
{
	struct itimerspec its = { { 0, 5000000 }, { 0, 5000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN,
			       .sigev_value.sival_int = 321 };
	sigset_t s;
	siginfo_t si;
	timer_t t;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	CHECK(!sigprocmask(SIG_BLOCK, &s, NULL) && !timer_create(CLOCK_MONOTONIC, &ev, &t));
	CHECK(!timer_settime(t, 0, &its, NULL));
	sleep_ms(60);
	CHECK(sigwaitinfo(&s, &si) == SIGRTMIN && si.si_code == SI_TIMER);
	CHECK(si.si_value.sival_int == 321 && si.si_overrun >= 5);
	CHECK(!timer_delete(t));
	CHECK_ERR(syscall(SYS_timer_delete, 12345), EINVAL);
}

/* Their call-backs take longer than their period: the rest of the system must get its turn all the same. */
TEST(many_fast_timers_leave_time_for_others)
{
	struct itimerspec its = { { 0, 1 }, { 0, 1 } }, left;
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	struct sigevent ignored = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t t;

	signal(SIGUSR1, SIG_IGN);
	WAIT_OK(CHILD({
		for (int i = 0; i < 400; i++) {
			CHECK(!timer_create(CLOCK_MONOTONIC, i % 2 ? &none : &ignored, &t));
			CHECK(!timer_settime(t, 0, &its, NULL));
		}
		sleep_ms(100);
		CHECK(!timer_gettime(t, &left) && left.it_interval.tv_nsec == 1);
	}));
}

TEST(setting_the_clock_needs_privilege)
{
	struct timespec t = { 1, 0 };

	WAIT_OK(CHILD({
		if (!getuid())
			CHECK(!setuid(1000));
		CHECK_ERR(clock_settime(CLOCK_REALTIME, &t), EPERM);
		CHECK_ERR(clock_settime(CLOCK_MONOTONIC, &t), EINVAL);
	}));
}
