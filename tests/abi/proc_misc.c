// SPDX-License-Identifier: MIT
/* arch_prctl, personality, nice values of many, limits of others, fields of /proc that had nothing behind them. */
#include "abi.h"

#include <pthread.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>

TEST(arch_prctl_cpuid)
{
	uint64_t base;

	CHECK_EQ(syscall(SYS_arch_prctl, 0x1011 /* ARCH_GET_CPUID */, 0), 1);
	if (syscall(SYS_arch_prctl, 0x1012 /* ARCH_SET_CPUID */, 1) < 0)
		CHECK_EQ(errno, ENODEV); /* the CPU cannot */
	CHECK_EQ(syscall(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &base), 0);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x1003, 1), EFAULT);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, 1ul << 47), EPERM);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, -1l), EPERM);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x1999, 0), EINVAL);
}

TEST(personality_is_told_and_kept)
{
	CHECK_EQ(personality(0xffffffff), 0);
	CHECK_EQ(personality(ADDR_NO_RANDOMIZE | 8), 0);
	CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE | 8);
	WAIT_OK(CHILD(CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE | 8);));
	CHECK_EQ(personality(0), ADDR_NO_RANDOMIZE | 8);
}

TEST(tid_address)
{
	uint64_t at = 1;
	int word;

	CHECK_EQ(syscall(SYS_set_tid_address, &word), getpid());
	CHECK_EQ(prctl(PR_GET_TID_ADDRESS, &at), 0);
	CHECK_EQ(at, (uint64_t)&word);
	CHECK_ERR(prctl(PR_GET_TID_ADDRESS, 1), EFAULT);
}

/* ---- nice values ---- */

static volatile pid_t other;

static void *tell_tid(void *go_on)
{
	other = (pid_t)syscall(SYS_gettid);
	while (!*(volatile int *)go_on)
		sleep_ms(5);
	return NULL;
}

/* setpriority of a group or a user changed main threads only. */
TEST(nice_of_many_is_that_of_all_threads)
{
	static int go_on;
	pthread_t t;

	CHECK(!setpgid(0, 0) && !pthread_create(&t, NULL, tell_tid, &go_on));
	while (!other)
		sleep_ms(1);
	CHECK(!setpriority(PRIO_PROCESS, 0, 3));
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)other), 0);
	CHECK(!setpriority(PRIO_PGRP, 0, 5));
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)other), 5);
	CHECK(!setpriority(PRIO_PROCESS, (id_t)other, 2));
	CHECK_EQ(getpriority(PRIO_PGRP, 0), 2);
	go_on = 1;
	pthread_join(t, NULL);
}

TEST(priority_errors)
{
	CHECK_ERR(setpriority(3, 0, 0), EINVAL);
	CHECK_ERR(setpriority(-1, 0, 0), EINVAL);
	CHECK_ERR(setpriority(PRIO_PROCESS, 999999, 0), ESRCH);
	CHECK_ERR(setpriority(PRIO_PGRP, 999999, 0), ESRCH);
	CHECK_ERR(setpriority(PRIO_USER, 54321, 0), ESRCH);
	CHECK_ERR(setpriority(PRIO_PROCESS, (id_t)-1, 0), ESRCH);
	CHECK_ERR(getpriority(PRIO_USER, 54321), ESRCH);
	if (geteuid())
		return;
	CHECK(!setpriority(PRIO_PROCESS, 0, 5));
	CHECK(!setresuid(1234, 1234, 1234));
	CHECK_ERR(setpriority(PRIO_PROCESS, 1, 5), EPERM);
	CHECK_ERR(setpriority(PRIO_PROCESS, 0, 4), EACCES);
	CHECK(!setpriority(PRIO_PROCESS, 0, 99));
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
	CHECK_EQ(getpriority(PRIO_USER, 0), 19);
}

/* ---- limits of others ---- */

TEST(limits_of_others)
{
	struct rlimit old, new = { 100, 100 };
	pid_t pid;

	if (geteuid())
		SKIP("needs root");
	pid = CHILD(pause(););
	CHECK(!prlimit(pid, RLIMIT_NOFILE, &new, &old));
	CHECK(!prlimit(pid, RLIMIT_NOFILE, NULL, &old));
	CHECK_EQ(old.rlim_cur, 100);
	CHECK_ERR(prlimit(999999, RLIMIT_NOFILE, NULL, &old), ESRCH);
	CHECK_ERR(prlimit(pid, 99, NULL, &old), EINVAL);
	CHECK_ERR(prlimit(pid, RLIMIT_NOFILE, &(struct rlimit){ 2, 1 }, NULL), EINVAL);
	CHECK(!setresuid(1234, 1234, 1234));
	CHECK_ERR(prlimit(pid, RLIMIT_NOFILE, NULL, &old), EPERM);
	CHECK_ERR(prlimit(pid, RLIMIT_NOFILE, &new, NULL), EPERM);
	CHECK(!prlimit(getpid(), RLIMIT_NOFILE, &new, NULL));
	CHECK_ERR(prlimit(0, RLIMIT_NOFILE, &(struct rlimit){ 100, 101 }, NULL), EPERM);
}
