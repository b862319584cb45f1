// SPDX-License-Identifier: MIT
/*
 * Bitmaps in arrays of unsigned long: bit n is bit n % 64 of word n / 64.
 *
 * bitmap_* are plain and want the caller's lock; bit_* act atomically on one
 * bit.  bit_test_and_* are full barriers, bit_set and bit_clear order nothing
 * (bit_clear_release: everything before is visible to who sees it clear).
 * Searches return @nbits when they find nothing.
 */
#pragma once

#define BITMAP_WORD_BITS 64
#define BITMAP_WORDS(nbits) DIV_ROUND_UP((size_t)(nbits), BITMAP_WORD_BITS)
#define BITMAP_DECLARE(name, nbits) ulong name[BITMAP_WORDS(nbits)]

static inline bool bitmap_test(const ulong *map, size_t bit)
{
	return (READ_ONCE(map[bit / BITMAP_WORD_BITS]) >> (bit % BITMAP_WORD_BITS)) & 1;
}

static inline void bitmap_set(ulong *map, size_t bit)
{
	map[bit / BITMAP_WORD_BITS] |= 1ul << (bit % BITMAP_WORD_BITS);
}

static inline void bitmap_clear(ulong *map, size_t bit)
{
	map[bit / BITMAP_WORD_BITS] &= ~(1ul << (bit % BITMAP_WORD_BITS));
}

void bitmap_set_range(ulong *map, size_t start, size_t count);
void bitmap_clear_range(ulong *map, size_t start, size_t count);
/* All bits below @nbits; bits of the last word beyond it become 0 in both cases. */
void bitmap_zero(ulong *map, size_t nbits);
void bitmap_fill(ulong *map, size_t nbits);

/* First set or clear bit at or after @start. */
size_t bitmap_find_next_set(const ulong *map, size_t nbits, size_t start);
size_t bitmap_find_next_zero(const ulong *map, size_t nbits, size_t start);
/*
 * First run of @count clear bits at or after @start whose first bit is a
 * multiple of @align (a power of two; 1 for any).
 */
size_t bitmap_find_zero_area(const ulong *map, size_t nbits, size_t start, size_t count,
			     size_t align);

size_t bitmap_weight(const ulong *map, size_t nbits);		/* how many are set */
bool bitmap_empty(const ulong *map, size_t nbits);
bool bitmap_full(const ulong *map, size_t nbits);
bool bitmap_equal(const ulong *a, const ulong *b, size_t nbits);
bool bitmap_intersects(const ulong *a, const ulong *b, size_t nbits);
/* @dst may be @a or @b. */
void bitmap_and(ulong *dst, const ulong *a, const ulong *b, size_t nbits);
void bitmap_or(ulong *dst, const ulong *a, const ulong *b, size_t nbits);

#define BITMAP_FOR_EACH(bit, map, nbits)                                          \
	for (bit = bitmap_find_next_set(map, nbits, 0); bit < (nbits);            \
	     bit = bitmap_find_next_set(map, nbits, bit + 1))

/* ---- atomic ---- */

static inline void bit_set(ulong *map, size_t bit)
{
	__atomic_fetch_or(&map[bit / BITMAP_WORD_BITS], 1ul << (bit % BITMAP_WORD_BITS),
			  __ATOMIC_RELAXED);
}

static inline void bit_clear(ulong *map, size_t bit)
{
	__atomic_fetch_and(&map[bit / BITMAP_WORD_BITS], ~(1ul << (bit % BITMAP_WORD_BITS)),
			   __ATOMIC_RELAXED);
}

static inline void bit_clear_release(ulong *map, size_t bit)
{
	__atomic_fetch_and(&map[bit / BITMAP_WORD_BITS], ~(1ul << (bit % BITMAP_WORD_BITS)),
			   __ATOMIC_RELEASE);
}

/* Both return the bit's old value. */
static inline bool bit_test_and_set(ulong *map, size_t bit)
{
	ulong mask = 1ul << (bit % BITMAP_WORD_BITS);

	return __atomic_fetch_or(&map[bit / BITMAP_WORD_BITS], mask, __ATOMIC_SEQ_CST) & mask;
}

static inline bool bit_test_and_clear(ulong *map, size_t bit)
{
	ulong mask = 1ul << (bit % BITMAP_WORD_BITS);

	return __atomic_fetch_and(&map[bit / BITMAP_WORD_BITS], ~mask, __ATOMIC_SEQ_CST) & mask;
}
