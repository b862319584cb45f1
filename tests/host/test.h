// SPDX-License-Identifier: MIT
/*
 * The unit tests' whole framework.
 *
 *	TEST(ring_wraps)
 *	{
 *		EXPECT_EQ(ring_write(&ring, "abc", 3), 3);
 *	}
 *
 * A failed EXPECT marks the test and goes on; ASSERT leaves the function.  In a
 * table test, ROW(name) at the top of the loop names the row in messages.
 * Output is TAP; see README.md for how tests are found and built.
 */
#pragma once

#include <stdlib.h>
#include <tarn/printf.h>
#include <tarn/string.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *test);
void test_fail(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
void test_row(const char *name);
bool test_eq(u64 got, u64 want, const char *file, int line, const char *what);
bool test_str(const char *got, const char *want, const char *file, int line, const char *what);

/* Repeatable random numbers: each test starts with the same seed (TEST_SEED overrides). */
u64 test_random(void);
static inline u64 test_random_below(u64 n)
{
	return test_random() % n;
}

#define TEST(id)                                                                  \
	static void test_##id(void);                                              \
	__attribute__((constructor)) static void register_##id(void)              \
	{                                                                         \
		static struct test test = { .name = #id, .run = test_##id };      \
		test_register(&test);                                             \
	}                                                                         \
	static void test_##id(void)

#define ROW(name) test_row(name)

#define EXPECT(cond)                                                              \
	({                                                                        \
		bool ok_ = (cond);                                                \
		if (!ok_)                                                         \
			test_fail(__FILE__, __LINE__, "%s", #cond);               \
		ok_;                                                              \
	})
/* Integers and pointers of any type, compared as 64 bits. */
#define EXPECT_EQ(got, want)                                                      \
	test_eq((u64)(got), (u64)(want), __FILE__, __LINE__, #got " == " #want)
#define EXPECT_STR(got, want) test_str(got, want, __FILE__, __LINE__, #got)
#define ASSERT(cond)                                                              \
	do {                                                                      \
		if (!EXPECT(cond))                                                \
			return;                                                   \
	} while (0)

/* ---- what tests/host/alloc.c offers beside lib_alloc ---- */

/* Let the next @n allocations work and all further ones fail; -1: never fail (the start). */
void test_alloc_fail_after(long n);
/* Hold back lib_free_rcu until test_rcu_barrier; without it memory is freed at once. */
void test_rcu_defer(bool defer);
void test_rcu_barrier(void);
/* Blocks that are allocated now. */
long test_alloc_count(void);
