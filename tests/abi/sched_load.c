// SPDX-License-Identifier: MIT
/* Who gets the CPUs when more want them than there are: real-time threads, limits on CPU time, balance, load. */
#include "abi.h"

#include <sched.h>
#include <sys/resource.h>

static void burn_ms(long ms)
{
	for (long long end = now_ns() + ms * 1000000ll; now_ns() < end;)
		;
}

static void burn(void)
{
	for (;;)
		;
}

static int real_time(int policy, int priority)
{
	struct sched_param p = { .sched_priority = priority };

	return (int)syscall(SYS_sched_setscheduler, 0, policy, &p);
}

static double cpu_time_of(pid_t pid)
{
	clockid_t clock = (clockid_t)((~(unsigned int)pid << 3) | 2);
	struct timespec t;

	CHECK(!clock_gettime(clock, &t));
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- real time ---- */

/* A FIFO thread of the highest priority on every CPU, that never sleeps: the rest goes on, slowly. */
TEST(real_time_hogs_leave_a_shell_alive)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	long long begin, took;
	pid_t p[64];

	OWN_MACHINE();
	for (long i = 0; i < n; i++)
		p[i] = CHILD({
			CHECK(!real_time(SCHED_FIFO, 99));
			burn();
		});
	sleep_ms(1500);
	begin = now_ns();
	WAIT_OK(CHILD({ execl("/bin/sh", "sh", "-c", "true", NULL); }));
	took = now_ns() - begin;
	for (long i = 0; i < n; i++) {
		double cpu = cpu_time_of(p[i]);

		kill(p[i], SIGKILL);
		wait_status(p[i]);
		CHECK(cpu > 0.5);
	}
	printf("# a shell took %lld ms\n", took / 1000000);
	CHECK(took < 10000000000);
}

static const char *sysctl_of(const char *path, const char *value)
{
	static char text[32];
	int fd = open(path, value ? O_RDWR : O_RDONLY);
	ssize_t n;

	CHECK(fd >= 0);
	if (value) {
		CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
		lseek(fd, 0, SEEK_SET);
	}
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n] = 0;
	close(fd);
	return text;
}

TEST(real_time_share_is_a_sysctl)
{
	CHECK_EQ(atoi(sysctl_of("/proc/sys/kernel/sched_rt_period_us", NULL)), 1000000);
	CHECK_EQ(atoi(sysctl_of("/proc/sys/kernel/sched_rt_runtime_us", NULL)), 950000);
	OWN_MACHINE();
	CHECK_EQ(atoi(sysctl_of("/proc/sys/kernel/sched_rt_runtime_us", "-1")), -1);
	CHECK_EQ(atoi(sysctl_of("/proc/sys/kernel/sched_rt_runtime_us", "950000")), 950000);
}

static volatile sig_atomic_t xcpu;

static void count(int sig)
{
	(void)sig;
	xcpu++;
}

static void on_one_cpu(void)
{
	unsigned long one = 1;

	CHECK(!syscall(SYS_sched_setaffinity, 0, sizeof(one), &one));
}

/* SIGXCPU at the soft limit, SIGKILL at the hard one; a thread that sleeps now and then begins anew. */
TEST(rttime_of_a_hog)
{
	struct rlimit r = { 200000, 600000 };
	int status;
	pid_t p;

	OWN_MACHINE();
	p = CHILD({
		signal(SIGXCPU, SIG_DFL);
		CHECK(!setrlimit(RLIMIT_RTTIME, &r));
		CHECK(!real_time(SCHED_FIFO, 1));
		burn();
	});
	status = wait_status(p);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
	p = CHILD({
		signal(SIGXCPU, count);
		CHECK(!setrlimit(RLIMIT_RTTIME, &r));
		CHECK(!real_time(SCHED_RR, 1));
		while (!xcpu)
			;
		CHECK(!getrlimit(RLIMIT_RTTIME, &r));
		CHECK_EQ(r.rlim_cur, 1200000);
		burn();
	});
	WAIT_SIGNAL(p, SIGKILL);
	WAIT_OK(CHILD({
		signal(SIGXCPU, count);
		CHECK(!setrlimit(RLIMIT_RTTIME, &r));
		CHECK(!real_time(SCHED_FIFO, 1));
		for (int i = 0; i < 10; i++) {
			burn_ms(60);
			sleep_ms(1);
		}
		CHECK_EQ(xcpu, 0);
	}));
}

/* ---- CPU time ---- */

TEST(xcpu_comes_before_the_kill)
{
	struct rlimit r = { 1, 2 };
	int pipes[2];
	char c = 0;
	pid_t p;

	CHECK(!pipe(pipes));
	p = CHILD({
		signal(SIGXCPU, count);
		CHECK(!setrlimit(RLIMIT_CPU, &r));
		while (!xcpu)
			;
		CHECK(!getrlimit(RLIMIT_CPU, &r));
		CHECK_EQ(r.rlim_cur, 2);
		write(pipes[1], "x", 1);
		burn();
	});
	WAIT_SIGNAL(p, SIGKILL);
	CHECK(fcntl(pipes[0], F_SETFL, O_NONBLOCK) == 0 && read(pipes[0], &c, 1) == 1 && c == 'x');
}

TEST(cpu_limit_counts_threads_that_ended)
{
	struct rlimit r = { 1, 3 };
	int status;
	pid_t p = CHILD({
		signal(SIGXCPU, SIG_DFL);
		CHECK(!setrlimit(RLIMIT_CPU, &r));
		for (;;) {
			pid_t c = (pid_t)syscall(SYS_clone, 0x10000 | 0x800 | 0x100 /* THREAD, SIGHAND, VM */,
						 NULL, NULL, NULL, 0);

			(void)c;
			burn_ms(20);
			if (c == 0)
				syscall(SYS_exit, 0);
		}
	});

	status = wait_status(p);
	CHECK(WIFSIGNALED(status));
}

/* ---- balance ---- */

/* Eight hogs, of which those on one CPU go: those that stay even out, though no CPU is ever idle. */
TEST(busy_cpus_even_out)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double before[8], least = 1e9, most = 0;
	pid_t p[8];
	int n = 5;

	OWN_MACHINE();
	if (cpus < 2)
		SKIP("needs two CPUs");
	for (int i = 0; i < n; i++)
		p[i] = CHILD({
			unsigned long one = i ? 1 : 2;
			unsigned long both = 3;

			CHECK(!syscall(SYS_sched_setaffinity, 0, sizeof(one), &one));
			burn_ms(300); /* one alone on CPU 1, four on CPU 0 */
			CHECK(!syscall(SYS_sched_setaffinity, 0, sizeof(both), &both));
			burn();
		});
	sleep_ms(1000);
	for (int i = 0; i < n; i++)
		before[i] = cpu_time_of(p[i]);
	sleep_ms(4000);
	for (int i = 0; i < n; i++) {
		double used = cpu_time_of(p[i]) - before[i];

		least = used < least ? used : least;
		most = used > most ? used : most;
	}
	for (int i = 0; i < n; i++) {
		kill(p[i], SIGKILL);
		wait_status(p[i]);
	}
	printf("# least %.2f s, most %.2f s\n", least, most);
	CHECK(least > 0 && most / least < 2.6);
}

/* A hog of SCHED_IDLE weighs nothing: the two that count do not share a CPU because of it. */
TEST(weights_count_in_the_balance)
{
	double before[3], used[3];
	pid_t p[3];

	OWN_MACHINE();
	if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
		SKIP("needs two CPUs, no more");
	for (int i = 0; i < 3; i++)
		p[i] = CHILD({
			unsigned long one = i ? 1 : 2;
			unsigned long both = 3;

			if (!i)
				CHECK(!real_time(SCHED_IDLE, 0));
			CHECK(!syscall(SYS_sched_setaffinity, 0, sizeof(one), &one));
			burn_ms(200);
			CHECK(!syscall(SYS_sched_setaffinity, 0, sizeof(both), &both));
			burn();
		});
	sleep_ms(1000);
	for (int i = 0; i < 3; i++)
		before[i] = cpu_time_of(p[i]);
	sleep_ms(2000);
	for (int i = 0; i < 3; i++) {
		used[i] = cpu_time_of(p[i]) - before[i];
		kill(p[i], SIGKILL);
		wait_status(p[i]);
	}
	printf("# idle %.2f s, the others %.2f s and %.2f s\n", used[0], used[1], used[2]);
	CHECK(used[1] > 1.4 && used[2] > 1.4 && used[0] < 0.6);
}

/* ---- load ---- */

TEST(idle_kernel_threads_are_no_load)
{
	char text[64] = "";
	double first, last;
	int fd;

	OWN_MACHINE();
	/* Nothing runs: whatever the tests before left, it falls. */
	fd = open("/proc/loadavg", O_RDONLY);
	CHECK(fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0);
	first = atof(text);
	sleep_ms(20000);
	CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	last = atof(text);
	printf("# %.2f, then %.2f\n", first, last);
	CHECK(last < first * 0.9 || last < 0.1);
}

TEST(idle_kernel_threads_do_not_look_busy)
{
	on_one_cpu();
	OWN_MACHINE();
	for (int pid = 2; pid < 40; pid++) {
		char path[64], text[512] = "", *state;
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) > 0 && (state = strrchr(text, ')')))
			CHECK(state[2] != 'D');
		close(fd);
	}
}
