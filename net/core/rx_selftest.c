// SPDX-License-Identifier: MIT
/* tarn.test=rx: polls run once, where they should, are held back when asked, and timers are never early. */
#include <arch/time.h>
#include <tarn/boot_test.h>
#include <tarn/net/rx.h>
#include <tarn/thread.h>
#include <tarn/time.h>

#define SOME 1000
#define TIMERS 64

struct counter {
	struct rx_poll poll;
	_Atomic int left;   /* packets that wait */
	_Atomic int done, runs, outside;
};

static int count_poll(struct rx_poll *r, int budget)
{
	struct counter *c = container_of(r, struct counter, poll);
	int n = MIN(budget, atomic_load(&c->left));

	atomic_fetch_sub(&c->left, n);
	atomic_fetch_add(&c->done, n);
	atomic_fetch_add(&c->runs, 1);
	if (!in_rx())
		atomic_fetch_add(&c->outside, 1);
	return n;
}

static bool comes_true(_Atomic int *v, int want)
{
	for (int i = 0; i < 5000 && atomic_load(v) != want; i++)
		sleep_ns(NSEC_PER_MSEC);
	return atomic_load(v) == want;
}

static const char *polls(void)
{
	static struct counter c;

	rx_poll_init(&c.poll, count_poll);
	atomic_store(&c.left, SOME);
	rx_schedule(&c.poll);
	rx_schedule(&c.poll);
	if (!comes_true(&c.done, SOME))
		return "a poll with more than a budget did not finish";
	if (atomic_load(&c.outside))
		return "a poll ran outside of the receive context";
	rx_disable(&c.poll);
	atomic_store(&c.left, 1);
	rx_schedule(&c.poll);
	sleep_ns(20 * NSEC_PER_MSEC);
	if (atomic_load(&c.done) != SOME)
		return "a disabled poll ran";
	rx_enable(&c.poll);
	if (!comes_true(&c.done, SOME + 1))
		return "what was asked for while it was disabled was lost";
	return NULL;
}

struct alarm {
	struct net_timer timer;
	ktime_t at;
};
static _Atomic int fired, early;

static void alarm_fires(struct net_timer *t)
{
	if (net_now() < container_of(t, struct alarm, timer)->at)
		atomic_fetch_add(&early, 1);
	atomic_fetch_add(&fired, 1);
}

static const char *timers(void)
{
	static struct alarm a[TIMERS], far;
	ktime_t now = net_now();

	for (u32 i = 0; i < TIMERS; i++) {
		net_timer_init(&a[i].timer, alarm_fires);
		a[i].at = now + i * i * 300000ull; /* up to 1.2 s: two rings */
		net_timer_arm(&a[i].timer, a[i].at);
	}
	net_timer_init(&far.timer, alarm_fires);
	net_timer_arm(&far.timer, now + 100000 * NSEC_PER_SEC);
	if (!net_timer_cancel(&far.timer) || net_timer_cancel(&far.timer))
		return "cancelling does not tell whether it was armed";
	if (!comes_true(&fired, TIMERS))
		return "a timer did not fire";
	return atomic_load(&early) ? "a timer fired early" : NULL;
}

static const char *rx_test(void)
{
	const char *err = polls();

	return err ? err : timers();
}

static const struct boot_test test = { .name = "rx", .run = rx_test };
SECTION_SET(boot_tests, test);
