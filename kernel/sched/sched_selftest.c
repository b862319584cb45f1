// SPDX-License-Identifier: MIT
/*
 * Boot tests of threads, locks, time and RCU (tarn.test=sched and its like).
 * They run in thread 1 with all CPUs up.
 */
#include <arch/time.h>
#include <tarn/boot_test.h>
#include <tarn/errptr.h>
#include <tarn/rcu.h>
#include <tarn/string.h>
#include <tarn/waitq.h>
#include <tarn/work.h>
#include "sched.h"

#define THREADS 8
#define ROUNDS 2000

/* What the threads of one test share. */
static struct {
	struct mutex lock;
	struct rwsem sem;
	struct waitq waitq;
	u64 counter;             /* lock */
	u64 pair[2];             /* sem: always equal to each other for a reader */
	_Atomic u32 turn;
	_Atomic u32 torn;
	_Atomic u32 running;
} t;

static void thread_done(void)
{
	atomic_fetch_sub(&t.running, 1);
	waitq_wake_all(&t.waitq, 0);
}

static const char *run_threads(u32 n, int (*fn)(void *arg))
{
	mutex_init(&t.lock, "test", LR_SLEEP_LEAF);
	rwsem_init(&t.sem, "test", LR_SLEEP_LEAF);
	waitq_init(&t.waitq);
	atomic_store(&t.torn, 0);
	atomic_store(&t.running, n);
	for (u32 i = 0; i < n; i++)
		if (IS_ERR(kthread_start(fn, (void *)(u64)i, "test/%u", i)))
			return "no memory for a thread";
	wait_event(&t.waitq, atomic_load(&t.running) == 0);
	/* Until the last one is out of its wake-up. */
	sleep_ns(NSEC_PER_MSEC);
	return NULL;
}

static int count_up(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		mutex_lock(&t.lock);
		t.counter++;
		if (i % 64 == 0)
			sched_yield_current();
		mutex_unlock(&t.lock);
	}
	thread_done();
	return 0;
}

static const char *test_mutex(void)
{
	const char *why;

	t.counter = 0;
	why = run_threads(THREADS, count_up);
	if (!why && t.counter != THREADS * ROUNDS)
		why = "two threads were in the mutex at once";
	return why;
}

static int read_or_write(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		if ((u64)arg % 4 == 0) {
			rwsem_write_lock(&t.sem);
			t.pair[0]++;
			cond_resched();
			t.pair[1]++;
			rwsem_write_unlock(&t.sem);
		} else {
			rwsem_read_lock(&t.sem);
			if (READ_ONCE(t.pair[0]) != READ_ONCE(t.pair[1]))
				atomic_store(&t.torn, 1);
			rwsem_read_unlock(&t.sem);
		}
	}
	thread_done();
	return 0;
}

static const char *test_rwsem(void)
{
	const char *why = run_threads(THREADS, read_or_write);

	return why ? why : atomic_load(&t.torn) ? "a reader saw half a write" : NULL;
}

/* Each waits for its number: every wake-up counts. */
static int pass_on(void *arg)
{
	u32 me = (u32)(u64)arg;

	for (int i = 0; i < ROUNDS / 4; i++) {
		wait_event(&t.waitq, atomic_load(&t.turn) % 4 == me);
		atomic_fetch_add(&t.turn, 1);
		waitq_wake_all(&t.waitq, 0);
	}
	thread_done();
	return 0;
}

static const char *test_wakeups(void)
{
	atomic_store(&t.turn, 0);
	return run_threads(4, pass_on);
}

/* Frames with a queue in them come and go; a waker that is late writes into the next one. */
struct stack_event {
	struct waitq waitq;
	_Atomic bool fired;
	u8 after[64];
};

static struct stack_event *_Atomic stack_event;

static int fire_events(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct stack_event *e;

		while (!(e = atomic_exchange(&stack_event, NULL)))
			sched_yield_current();
		waitq_fire(&e->waitq, &e->fired);
	}
	thread_done();
	return 0;
}

static __attribute__((noinline)) bool wait_on_the_stack(void)
{
	struct stack_event e = { .fired = false };

	waitq_init(&e.waitq);
	memset(e.after, 0x5a, sizeof(e.after));
	atomic_store(&stack_event, &e);
	waitq_await(&e.waitq, &e.fired);
	return !memchr_inv(e.after, 0x5a, sizeof(e.after));
}

static __attribute__((noinline)) bool frame_stays_as_it_is(void)
{
	volatile u8 frame[sizeof(struct stack_event) * 2];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = 0xa5;
	for (size_t i = 0; i < sizeof(frame); i++)
		if (frame[i] != 0xa5)
			return false;
	return true;
}

static int await_events(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		if (!wait_on_the_stack() || !frame_stays_as_it_is())
			atomic_store(&t.torn, 1);
	thread_done();
	return 0;
}

static int fire_or_await(void *arg)
{
	return arg ? fire_events(NULL) : await_events(NULL);
}

static const char *test_queue_on_a_stack(void)
{
	const char *why = run_threads(2, fire_or_await);

	return why ? why : atomic_load(&t.torn) ? "a waker wrote into a frame that was gone" : NULL;
}

static const char *test_sleep(void)
{
	static const u64 lengths[] = { 100 * NSEC_PER_USEC, NSEC_PER_MSEC, 20 * NSEC_PER_MSEC };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		ktime_t start = arch_clock_ns(), took;

		sleep_ns(lengths[i]);
		took = arch_clock_ns() - start;
		if (took < lengths[i])
			return "a sleep was too short";
		if (took > lengths[i] + 500 * NSEC_PER_MSEC)
			return "a sleep was far too long";
	}
	return NULL;
}

static const char *test_rcu(void)
{
	for (int i = 0; i < 10; i++)
		rcu_synchronize();
	return NULL;
}

static _Atomic u32 works_done;

static void work_counts(struct work *w)
{
	sleep_ns(NSEC_PER_MSEC);
	atomic_fetch_add(&works_done, 1);
}

static const char *test_work(void)
{
	static struct work w;
	static struct delayed_work d;

	work_init(&w, work_counts);
	delayed_work_init(&d, work_counts);
	atomic_store(&works_done, 0);
	work_queue(&w);
	work_flush(&w);
	if (atomic_load(&works_done) != 1)
		return "work_flush() came back before the work was done";
	delayed_work_queue(&d, 5 * NSEC_PER_MSEC);
	sleep_ns(100 * NSEC_PER_MSEC);
	if (atomic_load(&works_done) != 2)
		return "delayed work did not run";
	delayed_work_queue(&d, NSEC_PER_SEC);
	delayed_work_cancel_sync(&d);
	return atomic_load(&works_done) == 2 ? NULL : "cancelled work ran";
}

static const char *test_affinity(void)
{
	for (u32 c = 0; c < nr_cpus; c++) {
		sched_set_affinity(current, BIT(c));
		if (cpu_id() != c)
			return "a thread runs where it may not";
		sleep_ns(NSEC_PER_MSEC);
		if (cpu_id() != c)
			return "a thread woke where it may not";
	}
	sched_set_affinity(current, ~0ull);
	return NULL;
}

#define YIELDS 20000
#define YIELD_TEST_NS (10 * NSEC_PER_SEC)

static int yield_then_work(void *arg)
{
	ktime_t end = arch_clock_ns() + YIELD_TEST_NS;

	sched_set_affinity(current, BIT(0));
	for (int i = 0; i < YIELDS; i++)
		sched_yield_current();
	while (!atomic_load(&t.turn) && arch_clock_ns() < end)
		cond_resched();
	thread_done();
	return 0;
}

static int sleep_beside_the_work(void *arg)
{
	ktime_t start;

	sched_set_affinity(current, BIT(0));
	sleep_ns(50 * NSEC_PER_MSEC);
	for (int i = 0; i < 20; i++) {
		start = arch_clock_ns();
		sleep_ns(20 * NSEC_PER_USEC);
		if (arch_clock_ns() - start > YIELD_TEST_NS / 5)
			atomic_store(&t.torn, 1);
	}
	atomic_store(&t.turn, 1);
	thread_done();
	return 0;
}

static int yield_or_sleep(void *arg)
{
	return arg ? sleep_beside_the_work(NULL) : yield_then_work(NULL);
}

/* Each yield moved the end of the thread's next turn away by a slice: who slept beside it woke a minute later. */
static const char *test_yields_do_not_add_up(void)
{
	const char *why;

	atomic_store(&t.turn, 0);
	why = run_threads(2, yield_or_sleep);
	return why ? why : atomic_load(&t.torn) ? "a thread that had yielded kept the CPU" : NULL;
}

static const struct boot_test mutex_test = { "mutex", test_mutex };
static const struct boot_test rwsem_test = { "rwsem", test_rwsem };
static const struct boot_test wakeup_test = { "wakeups", test_wakeups };
static const struct boot_test stack_queue_test = { "queue_on_a_stack", test_queue_on_a_stack };
static const struct boot_test sleep_test = { "sleep", test_sleep };
static const struct boot_test rcu_test = { "rcu", test_rcu };
static const struct boot_test work_test = { "work", test_work };
static const struct boot_test affinity_test = { "affinity", test_affinity };
static const struct boot_test yield_test = { "yields_do_not_add_up", test_yields_do_not_add_up };
SECTION_SET(boot_tests, mutex_test);
SECTION_SET(boot_tests, rwsem_test);
SECTION_SET(boot_tests, wakeup_test);
SECTION_SET(boot_tests, stack_queue_test);
SECTION_SET(boot_tests, sleep_test);
SECTION_SET(boot_tests, rcu_test);
SECTION_SET(boot_tests, work_test);
SECTION_SET(boot_tests, affinity_test);
SECTION_SET(boot_tests, yield_test);
