// SPDX-License-Identifier: MIT
/* Heapsort against qsort: sizes of elements and arrays, many equal keys, sorted input. */
/* test-sources: lib/sort.c */
#include <tarn/sort.h>
#include "test.h"

static size_t element_size;

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, element_size);
}

static int compare_counting(const void *a, const void *b, void *arg)
{
	++*(u64 *)arg;
	return memcmp(a, b, element_size);
}

static void round_of(size_t count, size_t size, unsigned alphabet)
{
	u8 *mine = malloc(count * size + 1), *theirs = malloc(count * size + 1);
	u64 compares = 0, limit = 2;
	size_t i;

	for (i = 0; i < count * size; i++)
		mine[i] = theirs[i] = (u8)test_random_below(alphabet);
	element_size = size;
	sort(mine, count, size, compare_counting, &compares);
	qsort(theirs, count, size, compare);
	EXPECT(memcmp(mine, theirs, count * size) == 0);
	for (i = count; i; i /= 2)
		limit += 2 * count;
	EXPECT(compares <= limit);
	compares = 0;
	sort(mine, count, size, compare_counting, &compares);
	EXPECT(memcmp(mine, theirs, count * size) == 0 && compares <= limit);
	free(mine);
	free(theirs);
}

TEST(sort_random)
{
	static const size_t sizes[] = { 1, 2, 3, 8, 12, 16, 31 };
	size_t count, i;

	for (count = 0; count < 70; count++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			round_of(count, sizes[i], count % 2 ? 256 : 2);
	round_of(10000, 8, 256);
}
