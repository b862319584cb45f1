// SPDX-License-Identifier: MIT
/* timerfd_create(2): what is counted and when, clocks that are set, errors. */
#include "abi.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET 2
#endif

static int settime(int fd, int flags, long long value, long long interval)
{
	struct itimerspec its = { { interval / 1000000000, interval % 1000000000 },
				  { value / 1000000000, value % 1000000000 } };

	return timerfd_settime(fd, flags, &its, NULL);
}

static int make(int clock)
{
	int fd = timerfd_create(clock, TFD_NONBLOCK);

	CHECK(fd >= 0);
	return fd;
}

static long long ticks(int fd)
{
	uint64_t n = 0;

	CHECK_EQ(read(fd, &n, 8), 8);
	return (long long)n;
}

TEST(unread_timer_counts_when_read)
{
	int fd = make(CLOCK_MONOTONIC);
	uint64_t n;

	CHECK(!settime(fd, 0, 20000000, 20000000));
	CHECK_ERR(read(fd, &n, 8), EAGAIN);
	sleep_ms(210);
	n = (uint64_t)ticks(fd);
	CHECK(n >= 9 && n <= 30);
	CHECK_ERR(read(fd, &n, 8), EAGAIN);
	sleep_ms(50);
	CHECK(ticks(fd) >= 1);
}

TEST(gettime_of_an_expired_timer_goes_on)
{
	int fd = make(CLOCK_MONOTONIC);
	struct itimerspec left;

	CHECK(!settime(fd, 0, 20000000, 50000000));
	sleep_ms(40);
	CHECK(!timerfd_gettime(fd, &left));
	CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 50000000);
	CHECK_EQ(left.it_interval.tv_nsec, 50000000);
	CHECK(ticks(fd) >= 1);
}

TEST(gettime_of_a_disarmed_timer)
{
	int fd = make(CLOCK_MONOTONIC);
	struct itimerspec left;

	CHECK(!settime(fd, 0, 1000000, 0));
	sleep_ms(20);
	CHECK(!timerfd_gettime(fd, &left));
	CHECK(!left.it_value.tv_sec && !left.it_value.tv_nsec);
	CHECK_EQ(ticks(fd), 1);
	CHECK(!settime(fd, 0, 0, 5000000000));
	CHECK(!timerfd_gettime(fd, &left));
	CHECK(!left.it_value.tv_sec && !left.it_value.tv_nsec && left.it_interval.tv_sec == 5);
}

TEST(settime_forgets_what_was_not_read)
{
	int fd = make(CLOCK_MONOTONIC);
	uint64_t n;

	CHECK(!settime(fd, 0, 1000000, 1000000));
	sleep_ms(20);
	CHECK(!settime(fd, 0, 10000000000, 1000000));
	CHECK_ERR(read(fd, &n, 8), EAGAIN);
}

TEST(absolute_time_of_1970_counts_all)
{
	int fd = make(CLOCK_REALTIME);
	struct timespec now;
	long long n;

	CHECK(!settime(fd, TFD_TIMER_ABSTIME, 1, 1000000000));
	sleep_ms(5);
	n = ticks(fd);
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK(llabs(n - now.tv_sec) <= 2);
}

TEST(a_nanosecond_is_a_period)
{
	int fd = make(CLOCK_MONOTONIC);
	long long begin = now_ns(), n;

	CHECK(!settime(fd, 0, 1, 1));
	sleep_ms(50);
	n = ticks(fd);
	CHECK(n >= 45000000 && n <= now_ns() - begin);
	for (int i = 0; i < 100; i++) {
		struct pollfd p = { fd, POLLIN, 0 };

		CHECK_EQ(poll(&p, 1, 1000), 1);
		CHECK(ticks(fd) > 0);
	}
}

/* 2,000 of them, which would fire a thousand times a second each if anybody looked. */
TEST(unread_timers_leave_the_machine_alone)
{
	long long begin, took = 0;
	pid_t p[2];

	for (int i = 0; i < 2; i++)
		p[i] = CHILD({
			for (int k = 0; k < 1000; k++) {
				int fd = timerfd_create(CLOCK_MONOTONIC, 0);

				if (fd < 0)
					break;
				CHECK(!settime(fd, 0, 1, 1));
			}
			pause();
		});
	sleep_ms(500);
	for (int i = 0; i < 10; i++) {
		begin = now_ns();
		sleep_ms(10);
		WAIT_OK(CHILD({}));
		took = now_ns() - begin > took ? now_ns() - begin : took;
	}
	for (int i = 0; i < 2; i++) {
		kill(p[i], SIGKILL);
		wait_status(p[i]);
	}
	CHECK(took < 1000000000);
}

/* ---- a clock that is set ---- */

static long long realtime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void step_clock(long seconds)
{
	struct timespec t;

	CHECK(!clock_gettime(CLOCK_REALTIME, &t));
	t.tv_sec += seconds;
	CHECK(!clock_settime(CLOCK_REALTIME, &t));
}

#define FAR 1000000000000ll

TEST(cancelled_when_the_clock_is_set)
{
	int fd = make(CLOCK_REALTIME), both = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	struct pollfd p = { fd, POLLIN, 0 };
	uint64_t n;

	OWN_MACHINE();
	CHECK(!settime(fd, both, realtime() + FAR, 0));
	CHECK_EQ(poll(&p, 1, 0), 0);
	step_clock(1);
	CHECK_EQ(poll(&p, 1, 0), 1); /* at once: not when somebody gets round to it */
	CHECK_ERR(read(fd, &n, 8), ECANCELED);
	CHECK_ERR(read(fd, &n, 8), EAGAIN);
	step_clock(-1);
	CHECK_ERR(read(fd, &n, 8), ECANCELED);
	step_clock(1);
	CHECK_ERR(settime(fd, both, realtime() + FAR, 0), ECANCELED);
	CHECK(!settime(fd, both, realtime() + FAR, 0));
	CHECK(!settime(fd, TFD_TIMER_ABSTIME, realtime() + FAR, 0));
	step_clock(-1);
	CHECK_ERR(read(fd, &n, 8), EAGAIN);
}

TEST(waiters_are_told_of_a_cancelled_timer)
{
	int fd = timerfd_create(CLOCK_REALTIME, 0);
	pid_t p, q;

	OWN_MACHINE();
	CHECK(!settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, realtime() + FAR, 0));
	p = CHILD({
		uint64_t n;

		CHECK_ERR(read(fd, &n, 8), ECANCELED);
	});
	q = CHILD({
		int own = timerfd_create(CLOCK_REALTIME, 0), ep = epoll_create1(0);
		struct epoll_event e = { .events = EPOLLIN };

		CHECK(!settime(own, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, realtime() + FAR, 0));
		CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, own, &e));
		CHECK_EQ(epoll_wait(ep, &e, 1, 5000), 1);
	});
	sleep_ms(200);
	step_clock(1);
	WAIT_OK(p);
	WAIT_OK(q);
	step_clock(-1);
}

TEST(absolute_timers_follow_the_clock_and_relative_do_not)
{
	int absolute = make(CLOCK_REALTIME), relative = make(CLOCK_REALTIME), back = make(CLOCK_REALTIME);
	uint64_t n;

	OWN_MACHINE();
	CHECK(!settime(absolute, TFD_TIMER_ABSTIME, realtime() + FAR, 0));
	CHECK(!settime(relative, 0, FAR, 0));
	step_clock(2000);
	sleep_ms(50);
	CHECK_EQ(ticks(absolute), 1);
	CHECK_ERR(read(relative, &n, 8), EAGAIN);
	CHECK(!settime(back, TFD_TIMER_ABSTIME, realtime() + 300000000, 0));
	step_clock(-2000);
	sleep_ms(500);
	CHECK_ERR(read(back, &n, 8), EAGAIN);
}

/* ---- errors ---- */

static const struct {
	const char *what;
	int flags;
	struct itimerspec its;
	int err;
} bad[] = {
	{ "too many nanoseconds", 0, { { 0, 0 }, { 0, 1000000000 } }, EINVAL },
	{ "negative nanoseconds", 0, { { 0, -1 }, { 0, 1 } }, EINVAL },
	{ "negative seconds", 0, { { 0, 0 }, { -1, 5 } }, EINVAL },
	{ "unknown flag", 8, { { 0, 0 }, { 0, 5 } }, EINVAL },
	{ "all of time", 0, { { LONG_MAX, 999999999 }, { LONG_MAX, 999999999 } }, 0 },
	{ "all of time, absolutely", 1, { { LONG_MAX, 999999999 }, { LONG_MAX, 999999999 } }, 0 },
};

TEST_ROWS(timerfd_settime_of, bad)
{
	int clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
	uint64_t n;

	for (int i = 0; i < 3; i++) {
		int fd = make(clocks[i]);

		if (row->err) {
			CHECK_ERR(timerfd_settime(fd, row->flags, &row->its, NULL), row->err);
			continue;
		}
		CHECK(!timerfd_settime(fd, row->flags, &row->its, NULL));
		sleep_ms(5);
		CHECK_ERR(read(fd, &n, 8), EAGAIN);
	}
}

TEST(timerfd_errors)
{
	struct itimerspec its = { { 0, 0 }, { 1, 0 } };
	int fd = make(CLOCK_MONOTONIC);
	uint64_t n;

	CHECK_ERR(timerfd_settime(0, 0, &its, NULL), EINVAL);
	CHECK_ERR(timerfd_settime(99, 0, &its, NULL), EBADF);
	CHECK_ERR(timerfd_settime(fd, 0, (void *)8, NULL), EFAULT);
	CHECK_ERR(timerfd_create(99, 0), EINVAL);
	CHECK_ERR(timerfd_create(CLOCK_TAI, 0), EINVAL);
	CHECK_ERR(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	CHECK_ERR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	CHECK_ERR(read(fd, &n, 4), EINVAL);
}
