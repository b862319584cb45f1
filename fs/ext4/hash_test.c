// SPDX-License-Identifier: MIT
/*
 * Name hashes against what e2fsprogs' debugfs says (dx_hash -h ... -s ...).
 * test-sources: fs/ext4/hash.c
 */
#include "pure.h"
#include "test.h"

static const u32 seed[4] = { 0x33221100, 0x77665544, 0xbbaa9988, 0xffeeddcc };
static const u32 no_seed[4];
#define LONG_NAME "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"

TEST(hash_known_answers)
{
	static const struct {
		const char *what, *name;
		u8 version;
		u32 major, minor;
	} cases[] = {
		{ "legacy", "file-with-a-rather-long-name-17", HASH_LEGACY, 0x4408806e, 0 },
		{ "legacy, long", LONG_NAME, HASH_LEGACY, 0x1a3e33a2, 0 },
		{ "legacy, bytes over 127", "caf\xc3\xa9-\xff", HASH_LEGACY, 0x65a7ebe0, 0 },
		{ "half md4, a letter", "a", HASH_HALF_MD4, 0x93752ee6, 0x578c30ba },
		{ "half md4", "file-with-a-rather-long-name-17", HASH_HALF_MD4, 0x50f0a702, 0x21defacc },
		{ "half md4, two groups", LONG_NAME, HASH_HALF_MD4, 0xccd5626a, 0x4c79fc89 },
		{ "half md4, bytes over 127", "caf\xc3\xa9-\xff", HASH_HALF_MD4, 0x61758edc,
		  0xc302af40 },
		{ "tea, a letter", "a", HASH_TEA, 0xf9b90e84, 0x211795e4 },
		{ "tea", "file-with-a-rather-long-name-17", HASH_TEA, 0xdcf79c84, 0xa05137f4 },
		{ "tea, four groups", LONG_NAME, HASH_TEA, 0x4a2b6906, 0xf472fbf0 },
		{ "tea, bytes over 127", "caf\xc3\xa9-\xff", HASH_TEA, 0x5557196c, 0x4a4e8988 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ext4_hash h = { 0 };

		ROW(cases[i].what);
		EXPECT(ext4_name_hash(seed, cases[i].version, cases[i].name,
				      (u32)strlen(cases[i].name), &h));
		EXPECT_EQ(h.major, cases[i].major);
		EXPECT_EQ(h.minor, cases[i].minor);
	}
}

TEST(hash_without_seed_takes_md4s)
{
	struct ext4_hash h = { 0 };

	EXPECT(ext4_name_hash(no_seed, HASH_HALF_MD4, "abc", 3, &h));
	EXPECT_EQ(h.major, 0xd196a868);
	EXPECT_EQ(h.minor, 0xc420eb28);
}

TEST(hash_signed_and_unsigned_agree_on_ascii_only)
{
	for (u8 v = HASH_LEGACY; v <= HASH_TEA; v++) {
		struct ext4_hash s = { 0 }, u = { 0 };

		ext4_name_hash(seed, v, "plain", 5, &s);
		ext4_name_hash(seed, v + HASH_UNSIGNED, "plain", 5, &u);
		EXPECT_EQ(s.major, u.major);
		ext4_name_hash(seed, v, "\xe9t\xe9", 3, &s);
		ext4_name_hash(seed, v + HASH_UNSIGNED, "\xe9t\xe9", 3, &u);
		EXPECT(s.major != u.major);
	}
}

TEST(hash_unknown_version_is_refused)
{
	struct ext4_hash h;

	EXPECT(!ext4_name_hash(seed, 6, "x", 1, &h));
	EXPECT(!ext4_name_hash(seed, 255, "x", 1, &h));
}
