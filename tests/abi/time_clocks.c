// SPDX-License-Identifier: MIT
/* Which clock does what: sleeping on it, setting it, its resolution; adjtimex(2)'s modes; timer slack. */
#include "abi.h"

#include <sys/prctl.h>
#include <sys/timex.h>

#include <pthread.h>

#define CPU_CLOCK(pid, thread) ((clockid_t)((~(unsigned int)(pid) << 3) | ((thread) ? 4 : 0) | 2))

static long nano(clockid_t clock, int flags, struct timespec *t, struct timespec *rem)
{
	return syscall(SYS_clock_nanosleep, clock, flags, t, rem);
}

static const struct {
	const char *what;
	clockid_t clock;
	int err;
} sleeps[] = {
	{ "own thread's CPU time", CLOCK_THREAD_CPUTIME_ID, EOPNOTSUPP },
	{ "own thread by number", CPU_CLOCK(0, true), EINVAL },
	{ "raw", CLOCK_MONOTONIC_RAW, EOPNOTSUPP },
	{ "coarse", CLOCK_MONOTONIC_COARSE, EOPNOTSUPP },
	{ "real coarse", CLOCK_REALTIME_COARSE, EOPNOTSUPP },
	{ "unknown", 99, EINVAL },
	{ "no such process", CPU_CLOCK(0x3fffff, false), EINVAL },
	{ "monotonic", CLOCK_MONOTONIC, 0 },
	{ "boot", CLOCK_BOOTTIME, 0 },
	{ "tai", CLOCK_TAI, 0 },
};

TEST_ROWS(clock_nanosleep_on, sleeps)
{
	struct timespec t = { 0, 1000000 };

	if (row->err)
		CHECK_ERR(nano(row->clock, 0, &t, NULL), row->err);
	else
		CHECK_EQ(nano(row->clock, 0, &t, NULL), 0);
}

TEST(clock_nanosleep_own_thread_by_its_id)
{
	struct timespec t = { 0, 1000000 };

	CHECK_ERR(nano(CPU_CLOCK(gettid(), true), 0, &t, NULL), EINVAL);
}

static void *burn(void *arg)
{
	for (;;)
		;
	return arg;
}

TEST(clock_nanosleep_of_a_process_cpu_time)
{
	struct timespec t = { 0, 50000000 }, a, b;
	pthread_t th;

	CHECK(!pthread_create(&th, NULL, burn, NULL));
	CHECK(!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a));
	CHECK_EQ(nano(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL), 0);
	CHECK(!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b));
	CHECK((b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec >= 50000000);
}

TEST(clock_nanosleep_of_another_process_cpu_time)
{
	struct timespec t = { 0, 50000000 };
	pid_t p = CHILD({ burn(NULL); });

	CHECK_EQ(nano(CPU_CLOCK(p, false), 0, &t, NULL), 0);
	kill(p, SIGKILL);
	wait_status(p);
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(cpu_time_sleep_tells_what_is_left)
{
	struct timespec t = { 100, 0 }, rem = { 0, 0 };
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGALRM, &sa, NULL);
	ualarm(50000, 0);
	CHECK_ERR(nano(CLOCK_PROCESS_CPUTIME_ID, 0, &t, &rem), EINTR);
	CHECK(rem.tv_sec == 99 || rem.tv_sec == 100);
}

static const struct {
	const char *what;
	clockid_t clock;
	int err;
} sets[] = {
	{ "monotonic", CLOCK_MONOTONIC, EINVAL },
	{ "tai", CLOCK_TAI, EINVAL },
	{ "boot", CLOCK_BOOTTIME, EINVAL },
	{ "coarse", CLOCK_REALTIME_COARSE, EINVAL },
	{ "CPU time", CLOCK_PROCESS_CPUTIME_ID, EINVAL },
	{ "CPU time by number", CPU_CLOCK(0, false), EPERM },
	{ "no such process", CPU_CLOCK(0x3fffff, false), EINVAL },
	{ "unknown", 99, EINVAL },
};

TEST_ROWS(clock_settime_of, sets)
{
	struct timespec t = { 1700000000, 0 };

	CHECK_ERR(syscall(SYS_clock_settime, row->clock, &t), row->err);
}

static const struct {
	const char *what;
	unsigned int modes;
	long tick;
	int err;
} modes[] = {
	{ "nothing", 0, 0, 0 },
	{ "an unknown bit", 0x0040, 0, 0 },
	{ "adjtime's read", ADJ_OFFSET_SS_READ, 0, 0 },
	{ "adjtime without its offset bit", 0x8000, 0, EINVAL },
	{ "a tick too long", ADJ_TICK, 11001, EINVAL },
	{ "a tick too short", ADJ_TICK, 8999, EINVAL },
	{ "the tick as it is", ADJ_TICK, 10000, 0 },
};

TEST_ROWS(adjtimex_modes, modes)
{
	struct timex tx = { .modes = row->modes, .tick = row->tick };

	OWN_MACHINE();
	if (row->err) {
		CHECK_ERR(adjtimex(&tx), row->err);
		return;
	}
	CHECK(adjtimex(&tx) >= 0);
	CHECK_EQ(tx.tick, 10000);
}

TEST(adjtimex_of_an_ordinary_user)
{
	struct timex tx = { .modes = ADJ_STATUS };

	CHECK(getuid() || !setuid(1000));
	CHECK_ERR(adjtimex(&tx), EPERM);
	tx.modes = 0x0040;
	CHECK_ERR(adjtimex(&tx), EPERM);
	tx.modes = ADJ_OFFSET_SS_READ;
	CHECK(adjtimex(&tx) >= 0);
	CHECK_ERR(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_clock_adjtime, 99, &tx), EINVAL);
}

TEST(timer_slack_of_a_child)
{
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);
	CHECK(!prctl(PR_SET_TIMERSLACK, 70000));
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
	WAIT_OK(CHILD({
		CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
		CHECK(!prctl(PR_SET_TIMERSLACK, 1));
		CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1);
		CHECK(!prctl(PR_SET_TIMERSLACK, 0)); /* the default: what the maker had */
		CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
	}));
}
