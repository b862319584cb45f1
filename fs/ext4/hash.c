// SPDX-License-Identifier: MIT
/*
 * Hashes of names, by which indexed directories are ordered.
 *
 * Pure.  The three algorithms exist twice, for names of signed and unsigned
 * bytes, because the first implementation used plain char and disks carry the
 * difference.  Half MD4 and TEA mix the name, in groups of 32 or 16 bytes, into
 * the file system's seed; short groups are padded with their length.
 */
#include "pure.h"

#define HASH_EOF 0x7fffffffu    /* readdir's end mark: no name may have it */

static u32 rotl(u32 x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* Byte @i of the name as the version sees it. */
static u32 name_byte(const char *name, u32 i, bool is_unsigned)
{
	return is_unsigned ? (u32)(u8)name[i] : (u32)(s32)(s8)name[i];
}

static u32 hash_legacy(const char *name, u32 len, bool is_unsigned)
{
	u32 hash, hash0 = 0x12a3fe2d, hash1 = 0x37abe8f9;

	for (u32 i = 0; i < len; i++) {
		hash = hash1 + (hash0 ^ (name_byte(name, i, is_unsigned) * 7152373u));
		if (hash & 0x80000000u)
			hash -= 0x7fffffffu;
		hash1 = hash0;
		hash0 = hash;
	}
	return hash0 << 1;
}

/* Four bytes, the first the highest.  Those over 127 borrow from the one before if they are signed. */
static u32 whole_word(const char *name, bool is_unsigned)
{
	u32 word = get_be32(name);

	if (is_unsigned || !(word & 0x80808080u))
		return word;
	word = 0;
	for (u32 i = 0; i < 4; i++)
		word = name_byte(name, i, false) + (word << 8);
	return word;
}

/* @words words from the next bytes of the name; what it lacks is filled with its length. */
static void name_words(const char *name, u32 len, u32 *out, u32 words, bool is_unsigned)
{
	u32 pad = len | len << 8, val, n = 0;

	pad |= pad << 16;
	val = pad;
	if (len > words * 4)
		len = words * 4;
	for (; len >= 4; len -= 4, name += 4)
		out[n++] = whole_word(name, is_unsigned);
	for (u32 i = 0; i < len; i++)
		val = name_byte(name, i, is_unsigned) + (val << 8);
	if (n < words)
		out[n++] = val;
	while (n < words)
		out[n++] = pad;
}

static void tea_transform(u32 buf[4], const u32 in[4])
{
	u32 sum = 0, b0 = buf[0], b1 = buf[1];

	for (int i = 0; i < 16; i++) {
		sum += 0x9e3779b9u;
		b0 += ((b1 << 4) + in[0]) ^ (b1 + sum) ^ ((b1 >> 5) + in[1]);
		b1 += ((b0 << 4) + in[2]) ^ (b0 + sum) ^ ((b0 >> 5) + in[3]);
	}
	buf[0] += b0;
	buf[1] += b1;
}

/* MD4's three round functions (RFC 1320). */
static u32 md4_f(u32 x, u32 y, u32 z)
{
	return z ^ (x & (y ^ z));
}
static u32 md4_g(u32 x, u32 y, u32 z)
{
	return (x & y) + ((x ^ y) & z);
}
static u32 md4_h(u32 x, u32 y, u32 z)
{
	return x ^ y ^ z;
}

/* MD4 with two words a step left out: eight steps a round instead of sixteen.  Unrolled, or every step
 * would look its places up: a listing hashes each name. */
static void half_md4_transform(u32 buf[4], const u32 in[8])
{
	static const u8 order[3][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 },
					{ 1, 3, 5, 7, 0, 2, 4, 6 },
					{ 3, 7, 2, 6, 1, 5, 0, 4 } };
	static const u8 shift[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	static const u32 add[3] = { 0, 0x5a827999u, 0x6ed9eba1u };
	u32 v[4] = { buf[0], buf[1], buf[2], buf[3] };

#pragma GCC unroll 3
	for (int round = 0; round < 3; round++)
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++) {
			/* The roles a, b, c, d move one place back each step. */
			u32 *a = &v[-i & 3], b = v[(1 - i) & 3], c = v[(2 - i) & 3],
			    d = v[(3 - i) & 3];
			u32 f = round == 0 ? md4_f(b, c, d) :
				round == 1 ? md4_g(b, c, d) : md4_h(b, c, d);

			*a = rotl(*a + f + in[order[round][i]] + add[round], shift[round][i & 3]);
		}
	for (int i = 0; i < 4; i++)
		buf[i] += v[i];
}

static void hash_half_md4(u32 buf[4], const char *name, u32 len, bool is_unsigned)
{
	u32 in[8];

	for (s64 left = len; left > 0; left -= 32, name += 32) {
		name_words(name, (u32)left, in, 8, is_unsigned);
		half_md4_transform(buf, in);
	}
}

static void hash_tea(u32 buf[4], const char *name, u32 len, bool is_unsigned)
{
	u32 in[4];

	for (s64 left = len; left > 0; left -= 16, name += 16) {
		name_words(name, (u32)left, in, 4, is_unsigned);
		tea_transform(buf, in);
	}
}

bool ext4_name_hash(const u32 seed[4], u8 version, const char *name, u32 len, struct ext4_hash *out)
{
	static const u32 md4_init[4] = { 0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u };
	bool is_unsigned = version >= HASH_UNSIGNED;
	u32 buf[4];

	memcpy(buf, seed[0] | seed[1] | seed[2] | seed[3] ? seed : md4_init, sizeof(buf));
	switch (is_unsigned ? version - HASH_UNSIGNED : version) {
	case HASH_LEGACY:
		*out = (struct ext4_hash){ .major = hash_legacy(name, len, is_unsigned) };
		break;
	case HASH_HALF_MD4:
		hash_half_md4(buf, name, len, is_unsigned);
		*out = (struct ext4_hash){ .major = buf[1], .minor = buf[2] };
		break;
	case HASH_TEA:
		hash_tea(buf, name, len, is_unsigned);
		*out = (struct ext4_hash){ .major = buf[0], .minor = buf[1] };
		break;
	default:
		return false;
	}
	out->major &= ~1u;
	if (out->major == HASH_EOF << 1)
		out->major = (HASH_EOF - 1) << 1;
	return true;
}
