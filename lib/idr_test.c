// SPDX-License-Identifier: MIT
/* Ids: lowest free and cyclic allocation against an array of flags. */
/* test-sources: lib/idr.c lib/radix.c lib/radix_search.c */
#include <tarn/idr.h>
#include <linux/errno.h>
#include "test.h"

#define IDS 500

static int lowest_free(void *const *taken, unsigned min, unsigned max)
{
	for (; min <= max; min++)
		if (!taken[min])
			return (int)min;
	return -ENOSPC;
}

static void random_step(struct idr *idr, void **taken, void *ptr)
{
	unsigned min = (unsigned)test_random_below(IDS);
	unsigned max = min + (unsigned)test_random_below(IDS - min);
	unsigned id = (unsigned)test_random_below(IDS);
	int got;

	switch (test_random_below(3)) {
	case 0:
		got = idr_alloc(idr, ptr, min, max);
		EXPECT_EQ(got, lowest_free(taken, min, max));
		if (got >= 0)
			taken[got] = ptr;
		break;
	case 1:
		EXPECT_EQ(idr_remove(idr, id), taken[id]);
		taken[id] = NULL;
		break;
	default:
		EXPECT_EQ(idr_alloc_at(idr, ptr, id), taken[id] ? -EEXIST : 0);
		if (!taken[id])
			taken[id] = ptr;
		break;
	}
}

TEST(idr_random)
{
	static void *taken[IDS];
	static u64 objects[64];
	struct idr idr = IDR_INIT;
	u64 *ptr;
	u32 id, seen = 0;
	unsigned step, i;

	for (step = 0; step < 20000; step++)
		random_step(&idr, taken, &objects[test_random_below(64)]);
	for (i = 0; i < IDS; i++)
		EXPECT_EQ(idr_find(&idr, i), taken[i]);
	IDR_FOR_EACH(&idr, ptr, id) {
		for (; seen < id; seen++)
			EXPECT(!taken[seen]);
		EXPECT_EQ(ptr, taken[seen++]);
		EXPECT_EQ(idr_remove(&idr, id), ptr);
	}
	for (; seen < IDS; seen++)
		EXPECT(!taken[seen]);
	EXPECT(idr_empty(&idr));
}

TEST(idr_cyclic_reuses_late)
{
	struct idr idr = IDR_INIT;
	u64 object;
	int i;

	for (i = 300; i < 310; i++)
		EXPECT_EQ(idr_alloc_cyclic(&idr, &object, 300, 319), i);
	idr_remove(&idr, 305);
	for (i = 310; i < 320; i++)
		EXPECT_EQ(idr_alloc_cyclic(&idr, &object, 300, 319), i);
	EXPECT_EQ(idr_alloc_cyclic(&idr, &object, 300, 319), 305);
	EXPECT_EQ(idr_alloc_cyclic(&idr, &object, 300, 319), -ENOSPC);
	idr_remove(&idr, 319);
	EXPECT_EQ(idr_alloc_cyclic(&idr, &object, 300, 319), 319);
	idr_remove(&idr, 300);
	EXPECT_EQ(idr_alloc_cyclic(&idr, &object, 300, 319), 300);
	for (i = 300; i < 320; i++)
		EXPECT(idr_remove(&idr, (u32)i));
}

TEST(idr_null_reserves)
{
	struct idr idr = IDR_INIT;
	u64 object, *ptr;
	u32 id = 0;

	EXPECT_EQ(idr_alloc(&idr, NULL, 1, IDR_MAX), 1);
	EXPECT_EQ(idr_find(&idr, 1), NULL);
	EXPECT(!idr_next(&idr, &id));
	EXPECT_EQ(idr_alloc(&idr, &object, 1, IDR_MAX), 2);
	ptr = idr_next(&idr, &id);
	EXPECT(ptr == &object && id == 2);
	EXPECT_EQ(idr_replace(&idr, 1, &object), NULL);
	EXPECT_EQ(idr_find(&idr, 1), &object);
	EXPECT_EQ(idr_replace(&idr, 77, &object), NULL);
	EXPECT_EQ(idr_find(&idr, 77), NULL);
	idr_remove(&idr, 1);
	idr_remove(&idr, 2);
}

TEST(idr_limits)
{
	struct idr idr = IDR_INIT;
	u64 object;

	EXPECT_EQ(idr_alloc(&idr, &object, IDR_MAX, ~0u), IDR_MAX);
	EXPECT_EQ(idr_alloc(&idr, &object, IDR_MAX, ~0u), -ENOSPC);
	EXPECT_EQ(idr_alloc(&idr, &object, 5, 4), -ENOSPC);
	test_alloc_fail_after(0);
	EXPECT_EQ(idr_alloc(&idr, &object, 5, 5), -ENOMEM);
	test_alloc_fail_after(-1);
	EXPECT_EQ(idr_remove(&idr, IDR_MAX), &object);
}
