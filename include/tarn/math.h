// SPDX-License-Identifier: MIT
/*
 * Integer arithmetic that C leaves to care: overflow, logarithms, wide products.
 *
 * No function here needs the compiler's run-time library (128-bit division and
 * popcount would).
 */
#pragma once

/* *(out) = a op b in its own type; true when that is not the true result. */
#define add_overflow(a, b, out) __builtin_add_overflow(a, b, out)
#define sub_overflow(a, b, out) __builtin_sub_overflow(a, b, out)
#define mul_overflow(a, b, out) __builtin_mul_overflow(a, b, out)

/* n * size for an allocation; SIZE_MAX, which no allocator gives, on overflow. */
static inline size_t array_size(size_t n, size_t size)
{
	size_t bytes;

	return mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes;
}

static inline u64 div_round_up_u64(u64 n, u64 d)	/* does not overflow */
{
	return n / d + (n % d != 0);
}

static inline bool is_pow2(u64 x)
{
	return x && !(x & (x - 1));
}

/* floor(log2(x)); @x must not be 0. */
static inline unsigned ilog2(u64 x)
{
	return 63u - (unsigned)__builtin_clzll(x);
}

/* Bits needed to write @x: 0 for 0, 64 for the largest. */
static inline unsigned bit_width(u64 x)
{
	return x ? ilog2(x) + 1 : 0;
}

/* Smallest power of two >= x: 1 for 0, and 0 when it is 2^64. */
static inline u64 roundup_pow2(u64 x)
{
	unsigned width = x > 1 ? bit_width(x - 1) : 0;

	return width == 64 ? 0 : 1ull << width;
}

/* Largest power of two <= x; @x must not be 0. */
static inline u64 rounddown_pow2(u64 x)
{
	return 1ull << ilog2(x);
}

static inline unsigned popcount64(u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (unsigned)((x * 0x0101010101010101ull) >> 56);
}

/* (a * b) >> shift with a 128-bit product, shift 0 to 127. */
static inline u64 mul_shr_u64(u64 a, u64 b, unsigned shift)
{
	return (u64)(((unsigned __int128)a * b) >> shift);
}

/* a * b / d with a 128-bit product; U64_MAX when the result does not fit.  @d not 0. */
u64 mul_div_u64(u64 a, u64 b, u64 d);
u64 gcd_u64(u64 a, u64 b);
