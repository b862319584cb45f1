// SPDX-License-Identifier: MIT
/* Bitmaps: ranges, searches and set operations (contract: include/tarn/bitmap.h). */
#include <tarn/bitmap.h>
#include <tarn/math.h>
#include <tarn/string.h>

/* The bits of a word from @start % 64 up. */
static ulong mask_from(size_t start)
{
	return ~0ul << (start % BITMAP_WORD_BITS);
}

/* The bits of the last word that belong to a map of @nbits. */
static ulong mask_last(size_t nbits)
{
	return ~0ul >> (-nbits % BITMAP_WORD_BITS);
}

/* The mask of the first word of [start, end), and the end of what that word holds. */
static ulong piece(size_t start, size_t end, size_t *next)
{
	*next = (start / BITMAP_WORD_BITS + 1) * BITMAP_WORD_BITS;
	return *next <= end ? mask_from(start) : mask_from(start) & mask_last(end);
}

void bitmap_set_range(ulong *map, size_t start, size_t count)
{
	size_t end = start + count, next;

	for (; start < end; start = next)
		map[start / BITMAP_WORD_BITS] |= piece(start, end, &next);
}

void bitmap_clear_range(ulong *map, size_t start, size_t count)
{
	size_t end = start + count, next;

	for (; start < end; start = next)
		map[start / BITMAP_WORD_BITS] &= ~piece(start, end, &next);
}

void bitmap_zero(ulong *map, size_t nbits)
{
	memset(map, 0, BITMAP_WORDS(nbits) * sizeof(ulong));
}

void bitmap_fill(ulong *map, size_t nbits)
{
	bitmap_zero(map, nbits);
	bitmap_set_range(map, 0, nbits);
}

/* First bit at or after @start that is set in map ^ @flip (0 or all ones). */
static ALWAYS_INLINE size_t find_next(const ulong *map, size_t nbits, size_t start, ulong flip)
{
	size_t i = start / BITMAP_WORD_BITS;
	ulong word;

	if (start >= nbits)
		return nbits;
	word = (READ_ONCE(map[i]) ^ flip) & mask_from(start);
	while (!word) {
		if (++i >= BITMAP_WORDS(nbits))
			return nbits;
		word = READ_ONCE(map[i]) ^ flip;
	}
	return MIN(i * BITMAP_WORD_BITS + (size_t)__builtin_ctzl(word), nbits);
}

size_t bitmap_find_next_set(const ulong *map, size_t nbits, size_t start)
{
	return find_next(map, nbits, start, 0);
}

size_t bitmap_find_next_zero(const ulong *map, size_t nbits, size_t start)
{
	return find_next(map, nbits, start, ~0ul);
}

size_t bitmap_find_zero_area(const ulong *map, size_t nbits, size_t start, size_t count,
			     size_t align)
{
	for (;;) {
		size_t end;

		start = ALIGN_UP(bitmap_find_next_zero(map, nbits, start), align);
		if (start >= nbits || nbits - start < count)
			return nbits;
		end = bitmap_find_next_set(map, start + count, start);
		if (end == start + count)
			return start;
		start = end + 1;
	}
}

/* Word @i with the bits beyond the map's end cut off. */
static ulong word_of(const ulong *map, size_t nbits, size_t i)
{
	ulong word = READ_ONCE(map[i]);

	return i == nbits / BITMAP_WORD_BITS ? word & mask_last(nbits) : word;
}

size_t bitmap_weight(const ulong *map, size_t nbits)
{
	size_t i, weight = 0;

	for (i = 0; i < BITMAP_WORDS(nbits); i++)
		weight += popcount64(word_of(map, nbits, i));
	return weight;
}

bool bitmap_empty(const ulong *map, size_t nbits)
{
	return bitmap_find_next_set(map, nbits, 0) == nbits;
}

bool bitmap_full(const ulong *map, size_t nbits)
{
	return bitmap_find_next_zero(map, nbits, 0) == nbits;
}

bool bitmap_equal(const ulong *a, const ulong *b, size_t nbits)
{
	size_t i;

	for (i = 0; i < BITMAP_WORDS(nbits); i++)
		if (word_of(a, nbits, i) != word_of(b, nbits, i))
			return false;
	return true;
}

bool bitmap_intersects(const ulong *a, const ulong *b, size_t nbits)
{
	size_t i;

	for (i = 0; i < BITMAP_WORDS(nbits); i++)
		if (word_of(a, nbits, i) & word_of(b, nbits, i))
			return true;
	return false;
}

void bitmap_and(ulong *dst, const ulong *a, const ulong *b, size_t nbits)
{
	size_t i;

	for (i = 0; i < BITMAP_WORDS(nbits); i++)
		dst[i] = a[i] & b[i];
}

void bitmap_or(ulong *dst, const ulong *a, const ulong *b, size_t nbits)
{
	size_t i;

	for (i = 0; i < BITMAP_WORDS(nbits); i++)
		dst[i] = a[i] | b[i];
}
