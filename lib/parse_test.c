// SPDX-License-Identifier: MIT
/* Number and word parsing, row by row. */
/* test-sources: lib/parse.c */
#include <tarn/parse.h>
#include <linux/errno.h>
#include "test.h"

TEST(parse_u64_rows)
{
	static const struct {
		const char *text;
		unsigned base;
		int err;
		u64 value;
	} rows[] = {
		{ "0", 10, 0, 0 },
		{ "0", 0, 0, 0 },
		{ "42\n", 10, 0, 42 },
		{ "0x2a", 0, 0, 42 },
		{ "0X2A", 16, 0, 42 },
		{ "052", 0, 0, 42 },
		{ "zz", 36, 0, 35 * 36 + 35 },
		{ "18446744073709551615", 10, 0, ~0ull },
		{ "18446744073709551616", 10, -ERANGE, 0 },
		{ "0xffffffffffffffff", 0, 0, ~0ull },
		{ "0x10000000000000000", 0, -ERANGE, 0 },
		{ "99999999999999999999999999", 10, -ERANGE, 0 },
		{ "", 10, -EINVAL, 0 },
		{ "\n", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
		{ "1 ", 10, -EINVAL, 0 },
		{ "1\n\n", 10, -EINVAL, 0 },
		{ "-1", 10, -EINVAL, 0 },
		{ "+1", 10, -EINVAL, 0 },
		{ "12a", 10, -EINVAL, 0 },
		{ "0x", 0, -EINVAL, 0 },
		{ "0x2a", 10, -EINVAL, 0 },
		{ "08", 0, -EINVAL, 0 },
		{ "2", 2, -EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 value = 0;

		ROW(rows[i].text);
		EXPECT_EQ(parse_u64(rows[i].text, rows[i].base, &value), rows[i].err);
		EXPECT_EQ(value, rows[i].value);
	}
}

TEST(parse_signed_and_narrow)
{
	s64 s = 0;
	u32 u = 0;
	int i = 0;

	EXPECT(!parse_s64("-9223372036854775808", 10, &s) && s == INT64_MIN);
	EXPECT(!parse_s64("+9223372036854775807", 10, &s) && s == INT64_MAX);
	EXPECT_EQ(parse_s64("9223372036854775808", 10, &s), -ERANGE);
	EXPECT_EQ(parse_s64("-9223372036854775809", 10, &s), -ERANGE);
	EXPECT_EQ(parse_s64("--1", 10, &s), -EINVAL);
	EXPECT_EQ(parse_s64("-", 10, &s), -EINVAL);
	EXPECT(!parse_s64("-0x10", 0, &s) && s == -16);
	EXPECT(!parse_u32("4294967295", 10, &u) && u == ~0u);
	EXPECT_EQ(parse_u32("4294967296", 10, &u), -ERANGE);
	EXPECT(!parse_int("-2147483648\n", 10, &i) && i == INT32_MIN);
	EXPECT_EQ(parse_int("2147483648", 10, &i), -ERANGE);
}

TEST(parse_size_rows)
{
	static const struct {
		const char *text;
		int err;
		u64 value;
	} rows[] = {
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "4G", 0, 4ull << 30 },
		{ "16k\n", 0, 16384 },
		{ "0x10M", 0, 16ull << 20 },
		{ "1T", 0, 1ull << 40 },
		{ "15E", 0, 15ull << 60 },
		{ "16E", -ERANGE, 0 },
		{ "G", -EINVAL, 0 },
		{ "4GB", -EINVAL, 0 },
		{ "4 G", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 value = 0;

		ROW(rows[i].text);
		EXPECT_EQ(parse_size(rows[i].text, &value), rows[i].err);
		EXPECT_EQ(value, rows[i].value);
	}
}

TEST(parse_prefix_moves_on)
{
	const char *s = "12:0x1f,rest";
	u64 value = 0;

	EXPECT(!parse_u64_prefix(&s, 0, &value) && value == 12);
	EXPECT_STR(s, ":0x1f,rest");
	EXPECT_EQ(parse_u64_prefix(&s, 0, &value), -EINVAL);
	EXPECT_STR(s, ":0x1f,rest");
	s++;
	EXPECT(!parse_u64_prefix(&s, 16, &value) && value == 31);
	EXPECT_STR(s, ",rest");
}

TEST(parse_words)
{
	char text[] = "  root=/dev/vda1\tquiet \"a b\"c  x=\"\"  open=\"to the end";
	char *s = text;

	EXPECT_STR(parse_word(&s), "root=/dev/vda1");
	EXPECT_STR(parse_word(&s), "quiet");
	EXPECT_STR(parse_word(&s), "a bc");
	EXPECT_STR(parse_word(&s), "x=");
	EXPECT_STR(parse_word(&s), "open=to the end");
	EXPECT(!parse_word(&s));
	EXPECT(!parse_word(&s));
}

TEST(parse_trims)
{
	char a[] = " \t a b \n", b[] = "   ", c[] = "";

	EXPECT_STR(parse_trim(a), "a b");
	EXPECT_STR(parse_trim(b), "");
	EXPECT_STR(parse_trim(c), "");
}
