// SPDX-License-Identifier: MIT
/*
 * Heapsort (contract: include/tarn/sort.h).
 *
 * The array is made a heap (no element larger than its parent), then the
 * largest, at the front, is swapped to the end of the shrinking heap again and
 * again.  Chosen over quicksort for its bounded time on hostile input.
 */
#include <tarn/sort.h>
#include <tarn/string.h>

struct array {
	u8 *base;
	size_t size;
	sort_cmp_fn cmp;
	void *arg;
};

static void *at(const struct array *array, size_t i)
{
	return array->base + i * array->size;
}

static bool less(const struct array *array, size_t a, size_t b)
{
	return array->cmp(at(array, a), at(array, b), array->arg) < 0;
}

static void swap(const struct array *array, size_t i, size_t j)
{
	u8 *a = at(array, i), *b = at(array, j);
	size_t left = array->size;

	for (; left >= 8; a += 8, b += 8, left -= 8) {
		u64 x, y;

		__builtin_memcpy(&x, a, 8);
		__builtin_memcpy(&y, b, 8);
		__builtin_memcpy(a, &y, 8);
		__builtin_memcpy(b, &x, 8);
	}
	for (; left; a++, b++, left--) {
		u8 x = *a;

		*a = *b;
		*b = x;
	}
}

/* Element @i may be smaller than its children: let it sink within the first @count. */
static void sink(const struct array *array, size_t i, size_t count)
{
	for (;;) {
		size_t big = 2 * i + 1;

		if (big >= count)
			return;
		if (big + 1 < count && less(array, big, big + 1))
			big++;
		if (!less(array, i, big))
			return;
		swap(array, i, big);
		i = big;
	}
}

void sort(void *base, size_t count, size_t size, sort_cmp_fn cmp, void *arg)
{
	struct array array = { .base = base, .size = size, .cmp = cmp, .arg = arg };
	size_t i;

	for (i = count / 2; i-- > 0;)
		sink(&array, i, count);
	for (i = count; i-- > 1;) {
		swap(&array, 0, i);
		sink(&array, 0, i);
	}
}
