// SPDX-License-Identifier: MIT
/*
 * What grows: stacks down to their limit and their guard gap, the heap up to its
 * neighbours.
 *
 * Each case about stacks makes a MAP_GROWSDOWN mapping of its own in a window of
 * free addresses, so that it knows its neighbours.
 */
#include "mem.h"
#include "proc.h"

#define GAP (256 * PAGE)       /* Linux's stack_guard_gap */
#define WINDOW (2048 * PAGE)

/* Nothing is mapped in [window, window + WINDOW) but a stack of one page at the top. */
static char *window;

static char *make_stack(void)
{
	char *p = mmap(NULL, WINDOW + 2 * GAP, PROT_NONE, ANON | MAP_NORESERVE, -1, 0), *s;

	CHECK(p != MAP_FAILED);
	CHECK_EQ(munmap(p, WINDOW + 2 * GAP), 0);
	window = p + GAP;
	s = mmap(window + WINDOW - PAGE, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	CHECK(s == window + WINDOW - PAGE);
	catch_faults();
	return s;
}

/* The lowest page below @s that stores can grow the stack to, page by page. */
static char *grow_down(char *s)
{
	while (store(s - PAGE, 1) == 0)
		s -= PAGE;
	return s;
}

/* ---- stacks ---- */

TEST(stack_grows_to_its_limit_and_not_further)
{
	char *s = make_stack();

	set_limit(RLIMIT_STACK, 64 * PAGE);
	CHECK(grow_down(s) == window + WINDOW - 64 * PAGE);
	CHECK_EQ(fault_sig, SIGSEGV);
	CHECK_EQ(fault_code, SEGV_MAPERR);
}

TEST(stack_grows_by_many_pages_at_once)
{
	char *s = make_stack();

	CHECK_EQ(store(s - 50 * PAGE, 7), 0);
	CHECK_EQ(count_mappings(s - 50 * PAGE, 51 * PAGE), 1);
	CHECK(all_bytes(s - 49 * PAGE, 49 * PAGE, 0));
}

TEST(stack_grows_for_the_kernel_too)
{
	char *s = make_stack();

	CHECK_EQ(read(open("/dev/zero", O_RDONLY), s - 3 * PAGE, 2 * PAGE), 2 * PAGE);
	CHECK_EQ(write(open("/dev/null", O_WRONLY), s - 5 * PAGE, PAGE), PAGE);
	CHECK_EQ(store(s - 3 * PAGE, 1), 0);
}

static const struct neighbour {
	const char *what;
	int prot;
	bool gap; /* is the guard gap kept from it? */
} neighbours[] = {
	{ "writable", RW, true },
	{ "read_only", PROT_READ, true },
	{ "executable", PROT_READ | PROT_EXEC, true },
	{ "prot_none", PROT_NONE, false },
};

TEST_ROWS(stack_stops_before_neighbour, neighbours)
{
	char *s = make_stack(), *low = window + 1024 * PAGE;

	CHECK(mmap(low, PAGE, row->prot, ANON | MAP_FIXED, -1, 0) == low);
	CHECK(grow_down(s) == low + PAGE + (row->gap ? GAP : 0));
}

TEST(mapping_is_not_placed_in_the_gap)
{
	char *s = make_stack(), *p;

	/* Everything but the gap and the page above it is taken. */
	CHECK(mmap(window, WINDOW - PAGE - GAP, PROT_NONE, ANON | MAP_FIXED | MAP_NORESERVE, -1, 0) ==
	      window);
	for (int i = 0; i < 64; i++) {
		p = mmap(s - 16 * PAGE, PAGE, RW, ANON, -1, 0);
		CHECK(p != MAP_FAILED);
		CHECK(p + PAGE <= s - GAP || p > s);
	}
	p = mmap(s - 16 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	CHECK(p == s - 16 * PAGE); /* who insists gets it */
	CHECK_EQ(store(s - PAGE, 1), -SIGSEGV);
}

TEST(gap_opens_when_the_neighbour_goes)
{
	char *s = make_stack(), *low = s - 100 * PAGE;

	CHECK(mmap(low, PAGE, RW, ANON | MAP_FIXED, -1, 0) == low);
	CHECK_EQ(store(s - PAGE, 1), -SIGSEGV);
	CHECK_EQ(munmap(low, PAGE), 0);
	CHECK_EQ(store(s - PAGE, 1), 0);
	CHECK_EQ(store(s - 99 * PAGE, 1), 0);
}

TEST(two_stacks_keep_apart)
{
	char *s = make_stack(), *low = window + 1000 * PAGE;

	CHECK(mmap(low, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0) == low);
	low[0] = 'l';
	while (s > low + PAGE && store(s - PAGE, 'u') == 0)
		s -= PAGE;
	CHECK(low[0] == 'l' && s[0] == 'u');
	CHECK_EQ(store(low - PAGE, 'm'), 0);
	CHECK_EQ(count_mappings(low - PAGE, s - low + 2 * PAGE), 2);
}

static char *volatile overflow_at;

static void on_overflow(int sig, siginfo_t *si, void *ctx)
{
	(void)ctx;
	CHECK_EQ(sig, SIGSEGV);
	overflow_at = si->si_addr;
	_exit(overflow_at ? 0 : 1);
}

static int recurse(int n)
{
	volatile char frame[4096];

	frame[0] = (char)n;
	return n < 1 << 30 ? recurse(n + 1) + frame[0] : 0;
}

TEST(overflow_is_handled_on_the_other_stack)
{
	struct sigaction sa = { .sa_sigaction = on_overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t other = { .ss_sp = map_anon(16), .ss_size = 16 * PAGE };

	set_limit(RLIMIT_STACK, 1 << 20);
	CHECK_EQ(sigaltstack(&other, NULL), 0);
	CHECK_EQ(sigaction(SIGSEGV, &sa, NULL), 0);
	WAIT_OK(CHILD({ recurse(0); }));
}

TEST(overflow_without_other_stack_kills)
{
	struct sigaction sa = { .sa_sigaction = on_overflow, .sa_flags = SA_SIGINFO };

	set_limit(RLIMIT_STACK, 1 << 20);
	CHECK_EQ(sigaction(SIGSEGV, &sa, NULL), 0);
	WAIT_SIGNAL(CHILD({ recurse(0); }), SIGSEGV);
}

TEST(child_grows_its_own_stack)
{
	char *s = make_stack();

	WAIT_OK(CHILD({ CHECK_EQ(store(s - 20 * PAGE, 'c'), 0); }));
	CHECK_EQ(count_mappings(s - 20 * PAGE, 20 * PAGE), 0);
	CHECK_EQ(load(s - 20 * PAGE), 0);
}

/* ---- the heap ---- */

TEST(heap_stops_at_a_neighbour)
{
	char *b = kbrk(0), *wall = (char *)(((unsigned long)b + 20 * PAGE) & ~(PAGE - 1));

	CHECK(mmap(wall, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == wall);
	wall[0] = 'w';
	CHECK(kbrk(wall + PAGE) == b);
	CHECK(kbrk(wall + 1) == b);
	CHECK(kbrk(wall + 100 * PAGE) == b);
	CHECK(kbrk(b + PAGE) == b + PAGE);
	memset(b, 'h', PAGE);
	CHECK_EQ(wall[0], 'w');
	CHECK_EQ(munmap(wall, PAGE), 0);
	CHECK(kbrk(wall + PAGE) == wall + PAGE);
}

TEST(heap_is_zero_when_it_comes_back)
{
	char *b = (char *)(((unsigned long)kbrk(0) + PAGE - 1) & ~(PAGE - 1));

	CHECK(kbrk(b + 8 * PAGE) == b + 8 * PAGE);
	memset(b, 'h', 8 * PAGE);
	CHECK(kbrk(b + PAGE) == b + PAGE);
	catch_faults();
	CHECK_EQ(load(b + 2 * PAGE), -SIGSEGV);
	CHECK(kbrk(b + 8 * PAGE) == b + 8 * PAGE);
	CHECK(all_bytes(b, PAGE, 'h') && all_bytes(b + PAGE, 7 * PAGE, 0));
}

TEST(heap_by_odd_bytes)
{
	char *b = (char *)(((unsigned long)kbrk(0) + PAGE - 1) & ~(PAGE - 1));

	CHECK(kbrk(b + 1) == b + 1);
	CHECK(kbrk(b + 100) == b + 100);
	b[PAGE - 1] = 1; /* the page is there in whole */
	CHECK(kbrk(b + PAGE) == b + PAGE);
	catch_faults();
	CHECK_EQ(store(b + PAGE, 1), -SIGSEGV);
	CHECK(kbrk(b + PAGE + 1) == b + PAGE + 1);
	CHECK_EQ(store(b + PAGE, 1), 0);
}

TEST(heap_below_its_start_is_refused)
{
	char *b = kbrk(0);

	CHECK(kbrk((char *)0x1000) == b);
	CHECK(kbrk((char *)0x7ffffffff000) == b);
	CHECK(kbrk((char *)-1) == b);
}

TEST(heap_with_a_hole_grows_on)
{
	char *b = (char *)(((unsigned long)kbrk(0) + PAGE - 1) & ~(PAGE - 1));

	CHECK(kbrk(b + 4 * PAGE) == b + 4 * PAGE);
	memset(b, 'h', 4 * PAGE);
	CHECK_EQ(munmap(b + PAGE, PAGE), 0);
	CHECK(kbrk(b + 8 * PAGE) == b + 8 * PAGE);
	CHECK(b[0] == 'h' && b[2 * PAGE] == 'h' && b[7 * PAGE] == 0);
	catch_faults();
	CHECK_EQ(load(b + PAGE), -SIGSEGV);
}
