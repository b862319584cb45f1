// SPDX-License-Identifier: MIT
/* Bitmaps against an array of bools. */
/* test-sources: lib/bitmap.c */
#include <tarn/bitmap.h>
#include "test.h"

#define BITS 333			/* not a multiple of 64, on purpose */

static size_t model_next(const bool *model, size_t start, bool value)
{
	for (; start < BITS; start++)
		if (model[start] == value)
			return start;
	return BITS;
}

static size_t model_area(const bool *model, size_t start, size_t count, size_t align)
{
	for (start = ALIGN_UP(start, align); start + count <= BITS; start += align) {
		size_t n = 0;

		while (n < count && !model[start + n])
			n++;
		if (n == count)
			return start;
	}
	return BITS;
}

static void check(const ulong *map, const bool *model)
{
	size_t start = test_random_below(BITS + 1), weight = 0, i;
	size_t count = 1 + test_random_below(20), align = 1ul << test_random_below(5);

	for (i = 0; i < BITS; i++) {
		EXPECT_EQ(bitmap_test(map, i), model[i]);
		weight += model[i];
	}
	EXPECT_EQ(bitmap_weight(map, BITS), weight);
	EXPECT_EQ(bitmap_empty(map, BITS), weight == 0);
	EXPECT_EQ(bitmap_full(map, BITS), weight == BITS);
	EXPECT_EQ(bitmap_find_next_set(map, BITS, start), model_next(model, start, true));
	EXPECT_EQ(bitmap_find_next_zero(map, BITS, start), model_next(model, start, false));
	EXPECT_EQ(bitmap_find_zero_area(map, BITS, start, count, align),
		  model_area(model, start, count, align));
}

TEST(bitmap_random)
{
	BITMAP_DECLARE(map, BITS);
	bool model[BITS] = { false };
	unsigned step;

	bitmap_zero(map, BITS);
	for (step = 0; step < 5000; step++) {
		size_t start = test_random_below(BITS);
		size_t count = test_random_below(MIN(BITS - start, 1 + test_random_below(150)) + 1);
		bool set = test_random_below(2);

		if (set)
			bitmap_set_range(map, start, count);
		else
			bitmap_clear_range(map, start, count);
		memset(model + start, set, count);
		check(map, model);
	}
	bitmap_fill(map, BITS);
	memset(model, 1, BITS);
	check(map, model);
	bitmap_zero(map, BITS);
	memset(model, 0, BITS);
	check(map, model);
}

TEST(bitmap_single_bits)
{
	BITMAP_DECLARE(map, 130) = { 0 };
	size_t bit, sum = 0;

	bitmap_set(map, 64);
	bit_set(map, 129);
	EXPECT(!bit_test_and_set(map, 0));
	EXPECT(bit_test_and_set(map, 0));
	BITMAP_FOR_EACH(bit, map, 130)
		sum = sum * 1000 + bit;
	EXPECT_EQ(sum, 64129);
	EXPECT(bit_test_and_clear(map, 129));
	EXPECT(!bit_test_and_clear(map, 129));
	bit_clear(map, 0);
	bitmap_clear(map, 64);
	bit_set(map, 5);
	bit_clear_release(map, 5);
	EXPECT(bitmap_empty(map, 130));
}

TEST(bitmap_sets)
{
	BITMAP_DECLARE(a, 70) = { 0xf0, 1 };
	BITMAP_DECLARE(b, 70) = { 0x30, 2 };
	BITMAP_DECLARE(c, 70);

	EXPECT(bitmap_intersects(a, b, 70));
	bitmap_and(c, a, b, 70);
	EXPECT(c[0] == 0x30 && c[1] == 0);
	bitmap_or(c, a, b, 70);
	EXPECT(c[0] == 0xf0 && c[1] == 3);
	EXPECT(!bitmap_equal(a, c, 70));
	c[1] = 1 | ~0ul << 6;		/* bits beyond the end do not count */
	EXPECT(bitmap_equal(a, c, 70));
	EXPECT_EQ(bitmap_weight(c, 70), 5);
	EXPECT_EQ(bitmap_find_next_set(c, 70, 65), 70);
}
