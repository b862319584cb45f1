// SPDX-License-Identifier: MIT
/* The tree of mappings against a plain array: lookups, holes, guard gaps. */
/* test-sources: mm/vma.c lib/rbtree.c */
#include <tarn/mm.h>
#include "test.h"
#include "vma.h"

#define MAX_VMAS 64
#define SPACE (4096 * PAGE_SIZE)

static struct vma pool[MAX_VMAS];
static bool used[MAX_VMAS];
static struct mm mm;

static void reset(void)
{
	mm = (struct mm){ 0 };
	for (int i = 0; i < MAX_VMAS; i++) {
		pool[i] = (struct vma){ .mm = &mm };
		used[i] = false;
	}
}

static void add(int i, u64 start, u64 end, u32 flags)
{
	pool[i].start = start;
	pool[i].end = end;
	pool[i].flags = flags;
	used[i] = true;
	vma_tree_insert(&mm, &pool[i]);
}

/* ---- the model ---- */

static struct vma *model_find(u64 addr)
{
	struct vma *best = NULL;

	for (int i = 0; i < MAX_VMAS; i++)
		if (used[i] && pool[i].end > addr && (!best || pool[i].start < best->start))
			best = &pool[i];
	return best;
}

/* Where what @v keeps for itself begins: its guard gap ends at the neighbour below. */
static u64 model_from(const struct vma *v)
{
	u64 guard = v->flags & VM_GROWSDOWN ? STACK_GUARD_GAP : 0;
	u64 from = v->start > guard ? v->start - guard : 0;

	for (int i = 0; i < MAX_VMAS; i++)
		if (used[i] && pool[i].end <= v->start && pool[i].end > from)
			from = pool[i].end;
	return from;
}

static bool model_free(u64 start, u64 end)
{
	for (int i = 0; i < MAX_VMAS; i++)
		if (used[i] && start < pool[i].end && end > model_from(&pool[i]))
			return false;
	return true;
}

static u64 model_gap(u64 len, u64 low, u64 high)
{
	for (u64 at = high >= len ? high - len : 0; at >= low && at; at -= PAGE_SIZE)
		if (model_free(at, at + len))
			return at;
	return 0;
}

/* ---- tests ---- */

TEST(gap_in_an_empty_tree_is_at_the_top)
{
	reset();
	EXPECT_EQ(vma_find_gap(&mm, PAGE_SIZE, PAGE_SIZE, SPACE), SPACE - PAGE_SIZE);
	EXPECT_EQ(vma_find_gap(&mm, SPACE, PAGE_SIZE, SPACE), 0);
	EXPECT(!vma_find(&mm, 0));
}

TEST(gap_below_a_stack_keeps_the_guard)
{
	u64 stack = 2048 * PAGE_SIZE;

	reset();
	add(0, stack, SPACE, VM_GROWSDOWN);
	EXPECT_EQ(vma_find_gap(&mm, PAGE_SIZE, PAGE_SIZE, SPACE), stack - STACK_GUARD_GAP - PAGE_SIZE);
	EXPECT(!vma_range_free(&mm, stack - PAGE_SIZE, stack));
	EXPECT(vma_range_free(&mm, stack - STACK_GUARD_GAP - PAGE_SIZE, stack - STACK_GUARD_GAP));
	/* It grows: the guard moves with it. */
	pool[0].start -= 16 * PAGE_SIZE;
	vma_refresh_gaps(&pool[0]);
	EXPECT_EQ(vma_find_gap(&mm, PAGE_SIZE, PAGE_SIZE, SPACE),
		  stack - STACK_GUARD_GAP - 17 * PAGE_SIZE);
}

TEST(neighbours_without_a_hole_offer_none)
{
	reset();
	add(0, 100 * PAGE_SIZE, 200 * PAGE_SIZE, 0);
	add(1, 200 * PAGE_SIZE, SPACE, 0);
	EXPECT_EQ(vma_find_gap(&mm, PAGE_SIZE, 100 * PAGE_SIZE, SPACE), 0);
	EXPECT_EQ(vma_find_gap(&mm, PAGE_SIZE, PAGE_SIZE, SPACE), 99 * PAGE_SIZE);
	vma_tree_remove(&mm, &pool[0]);
	used[0] = false;
	EXPECT_EQ(vma_find_gap(&mm, 100 * PAGE_SIZE, PAGE_SIZE, SPACE), 100 * PAGE_SIZE);
}

static u64 model_mapped_until(u64 start, u64 end)
{
	for (u64 at = start; at < end; at += PAGE_SIZE) {
		struct vma *v = model_find(at);

		if (!v || v->start > at)
			return at;
	}
	return end;
}

static u64 random_page(u64 limit)
{
	return (1 + test_random() % (limit / PAGE_SIZE - 1)) * PAGE_SIZE;
}

static void random_change(void)
{
	int i = (int)(test_random() % MAX_VMAS);
	u64 start, end;

	if (used[i]) {
		vma_tree_remove(&mm, &pool[i]);
		used[i] = false;
		return;
	}
	start = random_page(SPACE);
	end = start + random_page(64 * PAGE_SIZE);
	for (int k = 0; k < MAX_VMAS; k++)
		if (used[k] && start < pool[k].end && end > pool[k].start)
			return;
	add(i, start, end, test_random() % 8 ? 0 : VM_GROWSDOWN);
}

TEST(random_changes_match_the_model)
{
	reset();
	for (int round = 0; round < 3000; round++) {
		u64 addr = random_page(SPACE), len = random_page(200 * PAGE_SIZE);
		u64 low = random_page(SPACE / 2), high = low + random_page(SPACE / 2);

		random_change();
		ASSERT(vma_find(&mm, addr) == model_find(addr));
		ASSERT(vma_mapped_until(&mm, addr, addr + len) == model_mapped_until(addr, addr + len));
		ASSERT(vma_range_free(&mm, addr, addr + len) == model_free(addr, addr + len));
		ASSERT(vma_find_gap(&mm, len, low, high) == model_gap(len, low, high));
	}
}
