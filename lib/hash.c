// SPDX-License-Identifier: MIT
/*
 * Seeded hash of bytes (contract: include/tarn/hash.h).
 *
 * Sixteen bytes a step: each half is mixed with a secret and the running hash,
 * and the 128-bit product of the two is folded to 64.  One multiplication a
 * step is about as fast as memory; the seed enters every product, so collisions
 * cannot be prepared without it.
 */
#include <tarn/hash.h>
#include <tarn/endian.h>

#define SECRET_A 0x9e3779b97f4a7c15ull	/* 2^64 / golden ratio */
#define SECRET_B 0xc2b2ae3d27d4eb4full	/* a prime with even bits */
#define SECRET_C 0x165667b19e3779f9ull	/* the same */

static u64 fold(u64 a, u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (u64)product ^ (u64)(product >> 64);
}

/* Up to 8 bytes as a number; the length is hashed apart, so zeros do not alias. */
static u64 load_tail(const u8 *p, size_t len)
{
	if (len >= 8)
		return get_le64(p);
	if (len >= 4)	/* two overlapping words cover 4 to 7 bytes */
		return get_le32(p) | (u64)get_le32(p + len - 4) << 32;
	if (len)	/* first, middle, last cover 1 to 3 */
		return p[0] | (u64)p[len / 2] << 8 | (u64)p[len - 1] << 16;
	return 0;
}

u64 hash_bytes(u64 seed, const void *data, size_t len)
{
	const u8 *p = data;
	u64 hash = seed ^ fold(seed ^ SECRET_A, len ^ SECRET_B);
	u64 low, high;

	for (; len > 16; p += 16, len -= 16)
		hash = fold(get_le64(p) ^ SECRET_B, get_le64(p + 8) ^ hash);
	low = load_tail(p, len < 8 ? len : 8);
	high = len > 8 ? load_tail(p + 8, len - 8) : 0;
	hash = fold(low ^ SECRET_B, high ^ hash);
	return fold(hash ^ SECRET_C, SECRET_A);
}
