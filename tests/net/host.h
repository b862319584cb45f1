// SPDX-License-Identifier: MIT
/* What the shims and the tests of the network's host build offer each other.  See README.md. */
#pragma once

#include <tarn/slab.h>
#include "net/inet/tcp.h"

/* The C library's: the code is compiled as the kernel is, without its headers. */
void *malloc(size_t n);
void *aligned_alloc(size_t align, size_t n);
void free(void *p);
int printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void NORETURN abort(void);
void NORETURN exit(int status);
long strtol(const char *s, char **end, int base);
char *getenv(const char *name);
int fflush(void *f);

/* ---- shim.c ---- */

extern ktime_t host_clock;            /* virtual, ns */
extern long host_blocks, host_frames; /* allocated now */
extern long host_fail_after;          /* allocations until all fail; -1: none does */
void host_init(void);
void host_rcu_run(void);              /* a quiet point: what was put off happens */
bool host_timer_next(ktime_t *when);  /* the earliest armed timer */
void host_timers_run(void);           /* those that are due at host_clock */
u32 host_timers_armed(void);

u64 host_random(u64 *state);
/* 0 .. @n - 1 */
static inline u32 host_below(u64 *state, u32 n)
{
	return (u32)(host_random(state) % n);
}

/* ---- tests ---- */

struct net_test {
	const char *name;
	void (*run)(void);
};
#define NET_TEST(id)                                                              \
	static void test_##id(void);                                              \
	static const struct net_test net_test_##id = { #id, test_##id };          \
	SECTION_SET(net_tests, net_test_##id);                                    \
	static void test_##id(void)

void host_fail(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define EXPECT(cond)                                                              \
	({                                                                        \
		bool ok_ = (cond);                                                \
		if (!ok_)                                                         \
			host_fail(__FILE__, __LINE__, "%s", #cond);               \
		ok_;                                                              \
	})
#define EXPECT_EQ(got, want)                                                      \
	({                                                                        \
		long long g_ = (long long)(got), w_ = (long long)(want);          \
		if (g_ != w_)                                                     \
			host_fail(__FILE__, __LINE__, #got " is %lld, not %lld", g_, w_); \
		g_ == w_;                                                         \
	})
