// SPDX-License-Identifier: MIT
/* sched_setscheduler(2), sched_setattr(2), affinity: sizes, errors, and what an ordinary user may ask for. */
#include "abi.h"

#include <sched.h>
#include <sys/resource.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
	char more[4096 - 56 + 16];
};

static long setattr(struct attr *a)
{
	return syscall(SYS_sched_setattr, 0, a, 0);
}

static long getattr(struct attr *a, unsigned int size)
{
	return syscall(SYS_sched_getattr, 0, a, size, 0);
}

static long setsched(int policy, int priority)
{
	struct sched_param p = { .sched_priority = priority };

	return syscall(SYS_sched_setscheduler, 0, policy, &p);
}

static const struct {
	const char *what;
	uint32_t size;
	int dirty; /* a byte that is not 0 at this offset */
	int err;
} sizes[] = {
	{ "0 is the first", 0, 0, 0 }, { "47", 47, 0, E2BIG }, { "48", 48, 0, 0 }, { "56", 56, 0, 0 },
	{ "64 of zeros", 64, 0, 0 }, { "64 with more", 64, 60, E2BIG }, { "4096", 4096, 0, 0 },
	{ "4096 with more", 4096, 4095, E2BIG }, { "4097", 4097, 0, E2BIG }, { "most", 0xffffffff, 0, E2BIG },
};

TEST_ROWS(setattr_size, sizes)
{
	static struct attr a;

	a.size = row->size;
	if (row->dirty)
		((char *)&a)[row->dirty] = 1;
	if (!row->err) {
		CHECK(!setattr(&a));
		return;
	}
	CHECK_ERR(setattr(&a), row->err);
	CHECK_EQ(a.size, 56); /* what the kernel knows */
}

static const struct {
	const char *what;
	struct attr a;
	int err;
} wishes[] = {
	{ "nice is clamped", { .size = 48, .nice = 1000 }, 0 },
	{ "policy 9", { .size = 48, .policy = 9 }, EINVAL },
	{ "negative policy", { .size = 48, .policy = 0x80000000 }, EINVAL },
	{ "fair with a priority", { .size = 48, .priority = 1 }, EINVAL },
	{ "fifo without one", { .size = 48, .policy = 1 }, EINVAL },
	{ "fifo 100", { .size = 48, .policy = 1, .priority = 100 }, EINVAL },
	{ "fifo, most", { .size = 48, .policy = 1, .priority = 0xffffffff }, EINVAL },
	{ "unknown flag", { .size = 48, .flags = 0x100 }, EINVAL },
	{ "utilization in a short struct", { .size = 48, .flags = 0x20 }, EINVAL },
	{ "keep all", { .size = 48, .flags = 0x18, .policy = 1 }, 0 },
	{ "keep all does not look at the nice value", { .size = 48, .flags = 0x18, .nice = -20 }, 0 },
	{ "keep all, but not a priority", { .size = 48, .flags = 0x18, .priority = 7 }, EINVAL },
	{ "deadline without its times", { .size = 48, .policy = 6 }, EINVAL },
};

TEST_ROWS(setattr_wish, wishes)
{
	struct attr a = row->a;

	if (row->err)
		CHECK_ERR(setattr(&a), row->err);
	else
		CHECK(!setattr(&a));
}

TEST(getattr_sizes)
{
	struct attr a;

	CHECK_ERR(getattr(&a, 47), EINVAL);
	CHECK_ERR(getattr(&a, 4097), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, 48, 1), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getattr, -1, &a, 48, 0), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getattr, 0x3fffff, &a, 48, 0), ESRCH);
	CHECK_ERR(getattr((void *)8, 48), EFAULT);
	memset(&a, 0xee, sizeof(a));
	CHECK(!getattr(&a, 48) && a.size == 48 && (uint8_t)((char *)&a)[48] == 0xee);
	CHECK(!getattr(&a, 4096) && a.size == 56);
}

TEST(getattr_tells_what_counts)
{
	struct attr a;

	CHECK(!setpriority(PRIO_PROCESS, 0, 5));
	CHECK(!getattr(&a, 48));
	CHECK_EQ(a.nice, 5);
	CHECK_EQ(a.priority, 0);
	if (setsched(SCHED_FIFO, 3))
		SKIP("needs to be privileged");
	CHECK(!getattr(&a, 48));
	CHECK_EQ(a.nice, 0);
	CHECK_EQ(a.priority, 3);
}

static const struct {
	const char *what;
	int policy, priority, err;
} policies[] = {
	{ "negative", -1, 0, EINVAL }, { "unknown", 9, 0, EINVAL }, { "deadline", 6, 0, EINVAL },
	{ "iso", 4, 0, EINVAL }, { "fair with priority", SCHED_OTHER, 1, EINVAL },
	{ "batch with priority", SCHED_BATCH, 1, EINVAL }, { "rr 0", SCHED_RR, 0, EINVAL },
	{ "rr -1", SCHED_RR, -1, EINVAL }, { "fifo 100", SCHED_FIFO, 100, EINVAL },
	{ "batch", SCHED_BATCH, 0, 0 }, { "idle", SCHED_IDLE, 0, 0 },
};

TEST_ROWS(setscheduler_of, policies)
{
	if (row->err)
		CHECK_ERR(setsched(row->policy, row->priority), row->err);
	else
		CHECK(!setsched(row->policy, row->priority));
}

TEST(setscheduler_errors_in_their_order)
{
	struct sched_param p = { 0 };

	CHECK_ERR(syscall(SYS_sched_setscheduler, -1, 0, &p), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, 0, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0x3fffff, 0, (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0x3fffff, 0, &p), ESRCH);
	CHECK_ERR(syscall(SYS_sched_setparam, 0x3fffff, &p), ESRCH);
	CHECK_ERR(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getscheduler, -1), EINVAL);
}

/* ---- an ordinary user ---- */

static void ordinary(int rtprio)
{
	struct rlimit r = { rtprio, rtprio }, none = { 0, 0 };

	if (getuid())
		SKIP("needs to begin privileged");
	if (setrlimit(RLIMIT_RTPRIO, &r))
		SKIP("a root without CAP_SYS_RESOURCE");
	CHECK(!setrlimit(RLIMIT_NICE, &none));
	CHECK(!setuid(54321));
}

TEST(user_without_a_limit_gets_no_real_time)
{
	ordinary(0);
	CHECK_ERR(setsched(SCHED_FIFO, 1), EPERM);
	CHECK_ERR(setsched(SCHED_FIFO, 0), EINVAL);
}

TEST(user_within_his_limit)
{
	ordinary(5);
	CHECK(!setsched(SCHED_RR, 5));
	CHECK_ERR(setsched(SCHED_RR, 6), EPERM);
	CHECK(!setsched(SCHED_FIFO, 4));
	CHECK(!setsched(SCHED_OTHER, 0));
}

TEST(user_does_not_leave_idle_or_reset_on_fork)
{
	ordinary(0);
	CHECK(!setsched(SCHED_IDLE | SCHED_RESET_ON_FORK, 0));
	CHECK_ERR(setsched(SCHED_OTHER | SCHED_RESET_ON_FORK, 0), EPERM);
	CHECK_ERR(setsched(SCHED_IDLE, 0), EPERM);
	CHECK(!setsched(SCHED_IDLE | SCHED_RESET_ON_FORK, 0));
	WAIT_OK(CHILD({ CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_IDLE); }));
}

TEST(real_time_is_reset_at_fork)
{
	if (setsched(SCHED_FIFO | SCHED_RESET_ON_FORK, 1))
		SKIP("needs to be privileged");
	WAIT_OK(CHILD({ CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER); }));
}

TEST(user_lowers_himself_only)
{
	struct attr a = { .size = 48, .nice = 5 };

	ordinary(0);
	CHECK(!setattr(&a));
	a.nice = 4;
	CHECK_ERR(setattr(&a), EPERM);
	a = (struct attr){ .size = 48, .flags = 0x10 /* keep params */, .policy = SCHED_BATCH };
	CHECK(!setattr(&a));
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
	CHECK_ERR(syscall(SYS_sched_setscheduler, getppid(), SCHED_OTHER, &(struct sched_param){ 0 }), EPERM);
}

/* ---- affinity ---- */

TEST(affinity_errors)
{
	unsigned long mask[16] = { 0 };

	CHECK_ERR(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setaffinity, 0, 0, mask), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setaffinity, 0, 8, (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_sched_setaffinity, 0x3fffff, 8, mask), ESRCH);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 0, mask), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 12, mask), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0x3fffff, sizeof(mask), mask), ESRCH);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, sizeof(mask), (void *)8), EFAULT);
	CHECK(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) >= 8);
	CHECK(mask[0]);
	mask[0] &= -mask[0];
	CHECK(!syscall(SYS_sched_setaffinity, 0, 1, mask) || mask[0] > 255);
}
