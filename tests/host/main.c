// SPDX-License-Identifier: MIT
/*
 * Runs the tests that are linked in, in file order, or those whose name
 * contains an argument.  TAP on stdout, "N passed, N failed" at the end; the
 * exit status is 1 if any failed.  A test that leaves library memory allocated
 * fails too.
 */
#include <stdlib.h>
#include "test.h"

static struct test *first_test;
static struct test **last_link = &first_test;
static const char *current_row;
static unsigned failures;		/* in the running test */
static u64 seed, random_state;

void test_register(struct test *test)
{
	*last_link = test;
	last_link = &test->next;
}

void test_row(const char *name)
{
	current_row = name;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	failures++;
	if (failures > 20)		/* a broken loop would drown the rest */
		return;
	printf("# %s:%d: ", file, line);
	if (current_row)
		printf("[%s] ", current_row);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

bool test_eq(u64 got, u64 want, const char *file, int line, const char *what)
{
	if (got != want)
		test_fail(file, line, "%s: got %lld (%#llx), want %lld (%#llx)", what,
			  (long long)got, (long long)got, (long long)want, (long long)want);
	return got == want;
}

bool test_str(const char *got, const char *want, const char *file, int line, const char *what)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;

	if (!same)
		test_fail(file, line, "%s: got \"%s\", want \"%s\"", what, got ? got : "(null)",
			  want ? want : "(null)");
	return same;
}

/* xorshift64*: small, good enough, the same everywhere. */
u64 test_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

static bool run_test(const struct test *test, unsigned number)
{
	long blocks = test_alloc_count();

	failures = 0;
	current_row = NULL;
	random_state = seed;
	test->run();
	current_row = NULL;
	test_alloc_fail_after(-1);
	test_rcu_defer(false);
	test_rcu_barrier();
	if (test_alloc_count() != blocks)
		test_fail(test->name, 0, "%ld blocks leaked", test_alloc_count() - blocks);
	printf("%s %u - %s\n", failures ? "not ok" : "ok", number, test->name);
	return !failures;
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : "";
	const char *env = getenv("TEST_SEED");
	unsigned passed = 0, failed = 0;
	struct test *test;

	seed = env ? strtoull(env, NULL, 0) : 0x7461726e;
	seed = seed ? seed : 1;
	for (test = first_test; test; test = test->next) {
		if (!strstr(test->name, wanted))
			continue;
		if (run_test(test, passed + failed + 1))
			passed++;
		else
			failed++;
		fflush(stdout);
	}
	printf("1..%u\n", passed + failed);
	printf("# %u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
