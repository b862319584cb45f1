// SPDX-License-Identifier: MIT
/* Arithmetic, hashes and byte orders: small things, checked against the compiler's wide types. */
/* test-sources: lib/math.c lib/hash.c */
#include <tarn/endian.h>
#include <tarn/errptr.h>
#include <tarn/hash.h>
#include <tarn/math.h>
#include "test.h"

/* Numbers of all magnitudes, not only huge ones. */
static u64 random_magnitude(void)
{
	return test_random() >> test_random_below(64);
}

TEST(math_mul_div_like_128_bits)
{
	int round;

	for (round = 0; round < 100000; round++) {
		u64 a = random_magnitude(), b = random_magnitude(), d = random_magnitude() | 1;
		unsigned shift = (unsigned)test_random_below(128);
		unsigned __int128 product = (unsigned __int128)a * b, want = product / d;

		EXPECT_EQ(mul_div_u64(a, b, d), want >> 64 ? ~0ull : (u64)want);
		EXPECT_EQ(mul_shr_u64(a, b, shift), (u64)(product >> shift));
		EXPECT_EQ(div_round_up_u64(a, d), a / d + !!(a % d));
		EXPECT_EQ(popcount64(a), __builtin_popcountll(a));
	}
}

TEST(math_powers)
{
	unsigned n;

	EXPECT(!is_pow2(0) && bit_width(0) == 0 && roundup_pow2(0) == 1 && roundup_pow2(1) == 1);
	for (n = 0; n < 64; n++) {
		u64 p = 1ull << n;

		EXPECT(is_pow2(p) && ilog2(p) == n && bit_width(p) == n + 1);
		EXPECT(roundup_pow2(p) == p && rounddown_pow2(p) == p);
		if (n < 2)
			continue;
		EXPECT(!is_pow2(p + 1) && ilog2(p - 1) == n - 1 && ilog2(p + 1) == n);
		EXPECT_EQ(roundup_pow2(p + 1), n == 63 ? 0 : 2 * p);
		EXPECT_EQ(rounddown_pow2(p + 1), p);
		EXPECT_EQ(roundup_pow2(p - 1), p);
	}
}

TEST(math_gcd_and_sizes)
{
	EXPECT_EQ(gcd_u64(0, 5), 5);
	EXPECT_EQ(gcd_u64(12, 18), 6);
	EXPECT_EQ(gcd_u64(1ull << 63, 1ull << 40), 1ull << 40);
	EXPECT_EQ(array_size(10, 20), 200);
	EXPECT_EQ(array_size(1ull << 33, 1ull << 33), SIZE_MAX);
}

TEST(endian_bytes)
{
	u8 bytes[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const be32 constant = BE32_CONST(0x01020304);
	le32 counter = cpu_to_le32(0xfffffffe);

	EXPECT_EQ(get_le16(bytes + 1), 0x0201);
	EXPECT_EQ(get_be16(bytes + 1), 0x0102);
	EXPECT_EQ(get_le32(bytes + 1), 0x04030201);
	EXPECT_EQ(get_be32(bytes + 1), 0x01020304);
	EXPECT_EQ(get_le64(bytes + 1), 0x0807060504030201);
	EXPECT_EQ(get_be64(bytes + 1), 0x0102030405060708);
	EXPECT(memcmp(&constant, bytes + 1, 4) == 0);
	put_be64(bytes + 1, 0x1122334455667788);
	EXPECT_EQ(bytes[1], 0x11);
	put_le16(bytes, 0xabcd);
	EXPECT(bytes[0] == 0xcd && bytes[1] == 0xab);
	EXPECT_EQ(be32_to_cpu(cpu_to_be32(77)), 77);
	le32_add(&counter, 3);
	EXPECT_EQ(le32_to_cpu(counter), 1);
}

TEST(errptr_edges)
{
	int object;

	EXPECT(IS_ERR(ERR_PTR(-1)) && IS_ERR(ERR_PTR(-4095)) && !IS_ERR(ERR_PTR(-4096)));
	EXPECT(!IS_ERR(&object) && !IS_ERR(NULL) && IS_ERR_OR_NULL(NULL));
	EXPECT_EQ(PTR_ERR(ERR_PTR(-ENOENT)), -ENOENT);
	EXPECT_EQ(PTR_ERR_OR_ZERO(&object), 0);
	EXPECT_EQ(PTR_ERR_OR_ZERO(ERR_CAST(ERR_PTR(-EIO))), -EIO);
}

/* 4096 names into 4096 buckets: no bucket of a fair hash holds more than a dozen. */
static unsigned fullest_bucket(u64 seed, u64 (*hash)(u64 seed, unsigned i))
{
	static unsigned buckets[4096];
	unsigned i, most = 0;

	memset(buckets, 0, sizeof(buckets));
	for (i = 0; i < 4096; i++)
		most = MAX(most, ++buckets[hash(seed, i) % 4096]);
	return most;
}

static u64 hash_name(u64 seed, unsigned i)
{
	char name[32];

	return hash_bytes(seed, name, (size_t)sprintf(name, "file-%08u.txt", i));
}

static u64 hash_page(u64 seed, unsigned i)
{
	return hash_u64(seed + i * 4096ull);
}

TEST(hash_spreads)
{
	EXPECT(fullest_bucket(0, hash_name) < 12);
	EXPECT(fullest_bucket(12345, hash_name) < 12);
	EXPECT(fullest_bucket(0xffff888000000000, hash_page) < 12);
}

TEST(hash_sees_every_byte_length_and_seed)
{
	u8 data[64] = { 0 };
	size_t len, i;

	for (len = 1; len <= sizeof(data); len++) {
		u8 *exact = malloc(len);	/* so that reading beyond is caught */
		u64 base;

		memset(exact, 0, len);
		base = hash_bytes(1, exact, len);
		EXPECT(base != hash_bytes(2, exact, len));
		EXPECT(base != hash_bytes(1, data, len - 1));
		for (i = 0; i < len; i++) {
			exact[i] ^= 0x40;
			EXPECT(hash_bytes(1, exact, len) != base);
			exact[i] ^= 0x40;
		}
		EXPECT_EQ(hash_bytes(1, exact, len), base);
		free(exact);
	}
}
