// SPDX-License-Identifier: MIT
/* Threads: clone, futexes, TLS, exits, exec among threads, scheduling calls. */
#include "abi.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

static long futex(void *addr, int op, uint32_t val, const struct timespec *t, void *addr2,
		  uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, t, addr2, val3);
}

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	CHECK(!pthread_create(t, NULL, fn, arg));
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static __thread int tls = 5;

static void *add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

TEST(mutex_between_eight_threads)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		start(&t[i], add_many, NULL);
	for (int i = 0; i < 8; i++)
		CHECK(!pthread_join(t[i], NULL));
	CHECK_EQ(counter, 160000);
}

static void *set_tls(void *arg)
{
	CHECK_EQ(tls, 5);
	tls = (int)(long)arg;
	sched_yield();
	sleep_ms(1);
	return (void *)(long)tls;
}

TEST(tls_is_per_thread)
{
	pthread_t t[20];
	void *r;

	for (long i = 0; i < 20; i++)
		start(&t[i], set_tls, (void *)i);
	for (long i = 0; i < 20; i++)
		CHECK(!pthread_join(t[i], &r) && (long)r == i);
	CHECK_EQ(tls, 5);
}

static volatile int turn;

static void *ping(void *arg)
{
	int me = (int)(long)arg;

	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&lock);
		while (turn != me)
			pthread_cond_wait(&cond, &lock);
		turn = !me;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

TEST(condition_ping_pong)
{
	pthread_t a, b;

	start(&a, ping, (void *)0);
	start(&b, ping, (void *)1);
	CHECK(!pthread_join(a, NULL) && !pthread_join(b, NULL));
}

TEST(futex_errors_and_timeouts)
{
	uint32_t word = 1;
	struct timespec t = { 0, 50000000 }, abs;
	long long begin = now_ns();

	CHECK_ERR(futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0), EAGAIN);
	CHECK_ERR(futex(&word, FUTEX_WAIT_PRIVATE, 1, &t, NULL, 0), ETIMEDOUT);
	CHECK(now_ns() - begin >= 50000000);
	CHECK_ERR(futex((char *)&word + 1, FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((void *)16, FUTEX_WAIT, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
	t.tv_nsec = 2000000000;
	CHECK_ERR(futex(&word, FUTEX_WAIT, 1, &t, NULL, 0), EINVAL);
	clock_gettime(CLOCK_REALTIME, &abs);
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &abs, NULL, ~0u),
		  ETIMEDOUT);
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

TEST(futex_shared_between_processes)
{
	uint32_t *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = CHILD({
		while (*(volatile uint32_t *)w == 0)
			if (futex(w, FUTEX_WAIT, 0, NULL, NULL, 0))
				CHECK(errno == EAGAIN || errno == EINTR);
	});

	sleep_ms(50);
	*(volatile uint32_t *)w = 1;
	CHECK_EQ(futex(w, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
	WAIT_OK(pid);
}

static uint32_t word_a, word_b;
static _Atomic int woken;

static void *wait_a(void *arg)
{
	(void)arg;
	CHECK(!futex(&word_a, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
	woken++;
	return NULL;
}

TEST(futex_requeue_moves_waiters)
{
	pthread_t t[5];

	for (int i = 0; i < 5; i++)
		start(&t[i], wait_a, NULL);
	sleep_ms(100);
	CHECK_ERR(futex(&word_a, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &word_b, 7), EAGAIN);
	CHECK_EQ(futex(&word_a, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &word_b, 0), 5);
	sleep_ms(50);
	CHECK_EQ(woken, 1);
	CHECK_EQ(futex(&word_a, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
	CHECK_EQ(futex(&word_b, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 4);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
}

TEST(robust_mutex_tells_owner_died)
{
	pthread_mutexattr_t a;
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				  -1, 0);

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	CHECK(!pthread_mutex_init(m, &a));
	WAIT_OK(CHILD(CHECK(!pthread_mutex_lock(m))));
	CHECK_EQ(pthread_mutex_lock(m), EOWNERDEAD);
	CHECK(!pthread_mutex_consistent(m) && !pthread_mutex_unlock(m));
}

TEST(semaphore_between_processes)
{
	sem_t *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	CHECK(!sem_init(s, 1, 0) && !sem_init(s + 1, 1, 0));
	pid = CHILD(for (int i = 0; i < 500; i++) {
		CHECK(!sem_wait(s));
		CHECK(!sem_post(s + 1));
	});
	for (int i = 0; i < 500; i++) {
		CHECK(!sem_post(s));
		CHECK(!sem_wait(s + 1));
	}
	WAIT_OK(pid);
}

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

TEST(exit_group_ends_all_threads)
{
	int st = wait_status(CHILD({
		pthread_t t;

		for (int i = 0; i < 5; i++)
			start(&t, sleep_forever, NULL);
		exit(4);
	}));

	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 4);
}

static void *exit_process(void *arg)
{
	(void)arg;
	_exit(11);
}

TEST(exit_from_another_thread)
{
	int st = wait_status(CHILD({
		pthread_t t;

		start(&t, exit_process, NULL);
		for (;;)
			pause();
	}));

	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 11);
}

static void *outlive(void *arg)
{
	(void)arg;
	sleep_ms(100);
	_exit(12);
}

TEST(leader_may_leave_first)
{
	int st = wait_status(CHILD({
		pthread_t t;

		start(&t, outlive, NULL);
		pthread_exit(NULL);
	}));

	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 12);
}

static void *outlive_signals(void *arg)
{
	(void)arg;
	sleep_ms(3000);
	_exit(14);
}

/* The one thread left was not told of a signal to the process unless it was the main one. */
struct signal_row {
	const char *what;
	int sig;
};
static const struct signal_row signals_after_main[] = {
	{ "kill", SIGKILL },
	{ "terminate", SIGTERM },
};

TEST_ROWS(signal_when_only_another_thread_is_left, signals_after_main)
{
	const struct signal_row *r = row;
	pid_t pid = CHILD({
		pthread_t t;

		start(&t, outlive_signals, NULL);
		pthread_exit(NULL);
	});
	int st;

	sleep_ms(300); /* until the main thread has left */
	CHECK(!kill(pid, r->sig));
	st = wait_status(pid);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == r->sig);
}

static void *exec_shell(void *arg)
{
	char script[64];

	snprintf(script, sizeof(script), "test $$ = %d && exit 13", getpid());
	execl("/bin/sh", "sh", "-c", script, NULL);
	return arg;
}

TEST(exec_from_another_thread_takes_the_leaders_pid)
{
	int st = wait_status(CHILD({
		pthread_t t;

		start(&t, sleep_forever, NULL);
		start(&t, exec_shell, NULL);
		for (;;)
			pause();
	}));

	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 13);
}

static void *exec_shell_beside_another(void *gate)
{
	pthread_barrier_wait(gate);
	return exec_shell(NULL);
}

/* Each kills the other and one wins; once each waited for what the other held. */
TEST(exec_from_two_threads_at_once)
{
	for (int i = 0; i < 20; i++) {
		int st = wait_status(CHILD({
			pthread_barrier_t gate;
			pthread_t t;

			CHECK(!pthread_barrier_init(&gate, NULL, 2));
			start(&t, exec_shell_beside_another, &gate);
			start(&t, exec_shell_beside_another, &gate);
			for (;;)
				pause();
		}));

		CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 13);
	}
}

static volatile pid_t handler_tid;

static void note_tid(int sig)
{
	(void)sig;
	handler_tid = (pid_t)syscall(SYS_gettid);
}

static void *wait_signal(void *arg)
{
	*(volatile pid_t *)arg = (pid_t)syscall(SYS_gettid);
	while (!handler_tid)
		sleep_ms(1);
	return NULL;
}

TEST(tgkill_reaches_that_thread)
{
	volatile pid_t tid = 0;
	pthread_t t;

	signal(SIGUSR1, note_tid);
	start(&t, wait_signal, (void *)&tid);
	while (!tid)
		sleep_ms(1);
	CHECK(!syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
	pthread_join(t, NULL);
	CHECK_EQ(handler_tid, tid);
	/* join returns a moment before the kernel has let the thread go. */
	for (int i = 0; i < 1000 && !syscall(SYS_tgkill, getpid(), tid, SIGUSR1); i++)
		sleep_ms(1);
	CHECK_ERR(syscall(SYS_tgkill, getpid(), tid, SIGUSR1), ESRCH);
}

TEST(process_signal_avoids_blocking_thread)
{
	volatile pid_t tid = 0;
	sigset_t s;
	pthread_t t;

	signal(SIGUSR1, note_tid);
	start(&t, wait_signal, (void *)&tid);
	while (!tid)
		sleep_ms(1);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	CHECK(!pthread_sigmask(SIG_BLOCK, &s, NULL));
	CHECK(!kill(getpid(), SIGUSR1));
	pthread_join(t, NULL);
	CHECK_EQ(handler_tid, tid);
}

static void *quick(void *arg)
{
	return arg;
}

TEST(thousand_threads_come_and_go)
{
	for (int i = 0; i < 1000; i++) {
		pthread_t t;

		start(&t, quick, NULL);
		CHECK(!pthread_join(t, NULL));
	}
}

static void *fork_in_thread(void *arg)
{
	WAIT_OK(CHILD(CHECK(syscall(SYS_gettid) == getpid())));
	return arg;
}

TEST(fork_from_threads)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		start(&t[i], fork_in_thread, NULL);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(t[i], NULL));
}

static char *fault_pages;

static void *fault_in(void *arg)
{
	for (long i = (long)arg; i < 2048; i += 4) {
		fault_pages[i * 4096] = (char)i;
		if (i % 64 == 0)
			madvise(fault_pages + (i ^ 1) * 4096, 4096, MADV_DONTNEED);
	}
	return NULL;
}

TEST(faults_and_unmaps_from_four_threads)
{
	pthread_t t[4];

	for (int round = 0; round < 10; round++) {
		fault_pages = mmap(NULL, 2048 * 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(fault_pages != MAP_FAILED);
		for (long i = 0; i < 4; i++)
			start(&t[i], fault_in, (void *)i);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		CHECK(!munmap(fault_pages, 2048 * 4096));
	}
}

TEST(affinity_and_getcpu)
{
	cpu_set_t set, one;

	CHECK(!sched_getaffinity(0, sizeof(set), &set));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		CHECK(!sched_setaffinity(0, sizeof(one), &one));
		CHECK_EQ(sched_getcpu(), cpu);
	}
	CPU_ZERO(&one);
	CHECK_ERR(sched_setaffinity(0, sizeof(one), &one), EINVAL);
}

TEST(priorities_and_policies)
{
	struct sched_param p = { 0 };

	CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
	CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, 77, &p), EINVAL);
	errno = 0;
	CHECK(nice(5) == 5 && errno == 0);
}

TEST(clone3_and_set_tid_address)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(3);
	CHECK(pid > 0);
	int st = wait_status((pid_t)pid);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 3);
	CHECK_ERR(syscall(SYS_clone3, &args, 8), EINVAL);
	args.flags = 1ull << 60;
	CHECK_ERR(syscall(SYS_clone3, &args, sizeof(args)), EINVAL);
	CHECK_EQ(syscall(SYS_set_tid_address, NULL), syscall(SYS_gettid));
}

TEST(thread_pointer_must_be_an_address)
{
	CHECK_ERR(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, NULL, NULL, 1ul << 63), EPERM);
	CHECK_ERR(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, NULL, NULL, 1ul << 47), EPERM);
}

/* clone(2) takes any byte for a signal. */
TEST(exit_signals_that_are_no_signals)
{
	static const int signals[] = { 65, 73, 128, 200, 255 };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		long pid = syscall(SYS_clone, signals[i], 0, NULL, NULL, 0);
		int st;

		if (pid == 0)
			_exit(4);
		CHECK(pid > 0);
		CHECK(waitpid((pid_t)pid, &st, __WALL) == pid && WIFEXITED(st) && WEXITSTATUS(st) == 4);
	}
}
