// SPDX-License-Identifier: MIT
/* The tree of a file's mappings against a plain array: who shows a range, in which order. */
/* test-sources: mm/file_maps.c lib/rbtree.c */
#include <tarn/mm.h>
#include "file_maps.h"
#include "test.h"

#define MAX_VMAS 96
#define FILE_PAGES 200ul

static struct vma pool[MAX_VMAS];
static u64 born[MAX_VMAS]; /* 0: not in the tree */
static u64 births;
static struct rb_root root;

static void reset(void)
{
	root = (struct rb_root)RB_ROOT_INIT;
	births = 0;
	for (int i = 0; i < MAX_VMAS; i++) {
		pool[i] = (struct vma){ .start = PAGE_SIZE };
		born[i] = 0;
	}
}

static void add(int i, u64 first, u64 pages)
{
	pool[i].pgoff = first;
	pool[i].end = pool[i].start + pages * PAGE_SIZE;
	born[i] = ++births;
	file_maps_add(&root, &pool[i]);
}

static bool shows(const struct vma *v, u64 first, u64 last)
{
	return v->pgoff <= last && v->pgoff + (v->end - v->start) / PAGE_SIZE > first;
}

static int model_count(u64 first, u64 last)
{
	int n = 0;

	for (int i = 0; i < MAX_VMAS; i++)
		n += born[i] && shows(&pool[i], first, last);
	return n;
}

static bool in_order(const struct vma *a, const struct vma *b)
{
	return a->pgoff < b->pgoff || (a->pgoff == b->pgoff && born[a - pool] < born[b - pool]);
}

/* True if the walk meets exactly those that the array has, in order. */
static bool walk_agrees(u64 first, u64 last)
{
	struct vma *v, *before = NULL;
	int n = 0;

	FILE_MAPS_FOR_EACH(v, &root, first, last) {
		if (!shows(v, first, last) || (before && !in_order(before, v)))
			return false;
		before = v;
		n++;
	}
	return n == model_count(first, last);
}

TEST(an_empty_tree_shows_nothing)
{
	reset();
	EXPECT(!file_maps_first(&root, 0, ~0ul));
}

TEST(equal_first_pages_come_by_age)
{
	reset();
	for (int i = 0; i < 20; i++)
		add(i, 7, (u64)(20 - i));
	EXPECT(walk_agrees(0, ~0ul));
	EXPECT(file_maps_first(&root, 7, 7) == &pool[0]);
	EXPECT(file_maps_next(&pool[0], 7, 7) == &pool[1]);
}

TEST(a_long_one_before_many_short_ones_is_found)
{
	reset();
	add(0, 0, FILE_PAGES);
	for (int i = 1; i < 90; i++)
		add(i, (u64)i, 1);
	EXPECT(file_maps_first(&root, 150, 150) == &pool[0]);
	EXPECT(!file_maps_next(&pool[0], 150, 150));
	pool[0].end = pool[0].start + 10 * PAGE_SIZE;
	file_maps_resize(&pool[0]);
	EXPECT(!file_maps_first(&root, 150, 150));
	EXPECT(walk_agrees(9, 9));
}

/* One random step: a mapping comes, goes, or gets another end. */
static void step(void)
{
	int i = (int)(test_random() % MAX_VMAS);
	u64 pages = 1 + test_random() % 30;

	if (!born[i]) {
		add(i, test_random() % FILE_PAGES, pages);
	} else if (test_random() % 2) {
		file_maps_remove(&root, &pool[i]);
		born[i] = 0;
	} else {
		pool[i].end = pool[i].start + pages * PAGE_SIZE;
		file_maps_resize(&pool[i]);
	}
}

TEST(random_mappings_agree_with_the_array)
{
	reset();
	for (int n = 0; n < 20000; n++) {
		u64 first = test_random() % FILE_PAGES;

		step();
		EXPECT(walk_agrees(first, first));
		EXPECT(walk_agrees(first, first + test_random() % 20));
	}
}
