// SPDX-License-Identifier: MIT
/*
 * 2 MiB entries that several processes show: each sees its own stores, whoever
 * splits, unmaps, pins or ends first.
 */
#include "mem.h"
#include "proc.h"

#include <sys/uio.h>

/* Two huge pages, stamped. */
static char *stamped_huge(void)
{
	char *p = map_huge(2);

	stamp_pages(p, 0, 2 * HUGE_PAGES, 1);
	return p;
}

/* A child that runs @work when it is told to, and ends when it is told to. */
struct child {
	pid_t pid;
	int go, done;
};

static struct child start_child(void (*work)(char *p), char *p)
{
	int go[2], done[2];
	char c = 0;
	struct child child;

	CHECK(!pipe(go) && !pipe(done));
	child.pid = CHILD({
		close(go[1]);
		CHECK_EQ(read(go[0], &c, 1), 1);
		work(p);
		CHECK_EQ(write(done[1], &c, 1), 1);
		CHECK_EQ(read(go[0], &c, 1), 1);
	});
	close(go[0]);
	close(done[1]);
	child.go = go[1];
	child.done = done[0];
	return child;
}

static void run_child(struct child *c)
{
	char byte = 0;

	CHECK_EQ(write(c->go, &byte, 1), 1);
	CHECK_EQ(read(c->done, &byte, 1), 1);
}

static void end_child(struct child *c)
{
	char byte = 0;

	CHECK_EQ(write(c->go, &byte, 1), 1);
	WAIT_OK(c->pid);
	close(c->go);
	close(c->done);
}

static void look(char *p)
{
	CHECK(stamped(p, 0, 2 * HUGE_PAGES, 1));
}

static void store_one(char *p)
{
	*stamp_of(p, 7) = 77;
	CHECK(stamped(p, 0, 7, 1) && stamped(p, 8, 2 * HUGE_PAGES - 8, 1));
}

static void store_all(char *p)
{
	stamp_pages(p, 0, 2 * HUGE_PAGES, 2);
	CHECK(stamped(p, 0, 2 * HUGE_PAGES, 2));
}

static void unmap_half(char *p)
{
	CHECK(!munmap(p + 100 * PAGE, HUGE));
	CHECK(stamped(p, 0, 100, 1) && stamped(p, 100 + HUGE_PAGES, HUGE_PAGES - 100, 1));
}

static void unmap_all(char *p)
{
	CHECK(!munmap(p, 2 * HUGE));
}

static void protect_some(char *p)
{
	CHECK(!mprotect(p + 3 * PAGE, PAGE, PROT_READ));
	CHECK(!mprotect(p + 3 * PAGE, PAGE, RW));
	store_one(p);
}

static void move_away(char *p)
{
	char *to = map_huge(2);

	CHECK(mremap(p, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	look(to);
	store_one(to);
}

/* A child of the child: the row has one leaf more. */
static void fork_again(char *p)
{
	WAIT_OK(CHILD(store_one(p)));
	look(p);
}

static void drop_some(char *p)
{
	CHECK(!madvise(p + 5 * PAGE, 3 * PAGE, MADV_DONTNEED));
	CHECK(*stamp_of(p, 6) == 0);
}

static const struct {
	const char *what;
	void (*work)(char *p);
} works[] = {
	{ "look", look },           { "store_one", store_one },     { "store_all", store_all },
	{ "unmap_half", unmap_half }, { "unmap_all", unmap_all },   { "protect_some", protect_some },
	{ "move_away", move_away }, { "fork_again", fork_again },   { "drop_some", drop_some },
};

#define WORKS (sizeof(works) / sizeof(works[0]))

/* Two children do any two things in turn, then we store: nobody sees what another did. */
TEST_ROWS(each_of_three_has_its_own, works)
{
	for (size_t i = 0; i < WORKS; i++) {
		char *p = stamped_huge();
		struct child a = start_child(row->work, p), b = start_child(works[i].work, p);

		run_child(&a);
		look(p);
		if (i % 2)
			end_child(&a);
		run_child(&b);
		look(p);
		store_all(p);
		if (!(i % 2))
			end_child(&a);
		end_child(&b);
		CHECK(stamped(p, 0, 2 * HUGE_PAGES, 2));
		*stamp_of(p, 3) = 3;
		CHECK(!munmap(p, 2 * HUGE));
	}
}

/* We store while the children still share, and split on our side first. */
TEST_ROWS(the_parent_stores_first, works)
{
	char *p = stamped_huge();
	struct child a = start_child(row->work, p), b = start_child(look, p);

	*stamp_of(p, 300) = 3;
	run_child(&a);
	CHECK(*stamp_of(p, 300) == 3 && stamped(p, 301, 2 * HUGE_PAGES - 301, 1));
	end_child(&a);
	store_all(p);
	run_child(&b);
	end_child(&b);
	CHECK(stamped(p, 0, 2 * HUGE_PAGES, 2));
}

/* A child keeps a page that it shares in a pipe, and unmaps it: what the parent stores later is not for it. */
TEST(a_pinned_page_of_a_row_showed_later_stores)
{
	char *p = stamped_huge(), got[PAGE];
	int pipes[2], told[2], go[2];
	char c = 0;

	CHECK(!pipe(pipes) && !pipe(told) && !pipe(go));
	p[9 * PAGE] = 'a';
	pid_t pid = CHILD({
		struct iovec v = { p + 9 * PAGE, PAGE };

		CHECK_EQ(vmsplice(pipes[1], &v, 1, 0), PAGE);
		CHECK(!munmap(p, 2 * HUGE));
		CHECK_EQ(write(told[1], &c, 1), 1);
		CHECK_EQ(read(go[0], &c, 1), 1);
		CHECK_EQ(read(pipes[0], got, PAGE), PAGE);
		CHECK_EQ(got[0], 'a');
	});
	CHECK_EQ(read(told[0], &c, 1), 1);
	p[9 * PAGE] = 's'; /* a secret */
	CHECK_EQ(write(go[1], &c, 1), 1);
	WAIT_OK(pid);
	CHECK_EQ(p[9 * PAGE], 's');
}

/* A debugger's store into what a child shares is for the child alone. */
TEST(a_forced_store_went_into_a_shared_row)
{
	char *p = stamped_huge();
	int fd;

	CHECK(!mprotect(p, 2 * HUGE, PROT_READ));
	WAIT_OK(CHILD({
		fd = open("/proc/self/mem", O_RDWR);
		CHECK_EQ(pwrite(fd, "x", 1, (off_t)(uintptr_t)(p + 9 * PAGE + 1)), 1);
		CHECK_EQ(p[9 * PAGE + 1], 'x');
	}));
	CHECK(p[9 * PAGE + 1] != 'x');
	look(p);
}

/* What several show is shared, and ours alone when they are gone. */
TEST(smaps_of_a_row_counts_all_its_leaves)
{
	char *p = stamped_huge();
	struct child a, b;
	long pss = value_in(smaps_of(p), "Pss");

	CHECK_EQ(pss, 2 * HUGE >> 10);
	a = start_child(look, p);
	b = start_child(look, p);
	CHECK_EQ(value_in(smaps_of(p), "Pss"), pss / 3);
	CHECK_EQ(value_in(smaps_of(p), "Private_Dirty"), 0);
	run_child(&a);
	run_child(&b);
	end_child(&a);
	end_child(&b);
	CHECK_EQ(value_in(smaps_of(p), "Private_Dirty"), pss);
}
