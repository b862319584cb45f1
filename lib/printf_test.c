// SPDX-License-Identifier: MIT
/* lib_snprintf against the C library: flags, widths, precisions, lengths, and short buffers. */
/* test-sources: lib/printf.c */
/* test-flags: -Wno-format -Wno-format-extra-args -Wno-format-truncation */
#include <limits.h>
#include <tarn/printf.h>
#include "test.h"

static const char *const lengths[] = { "hh", "h", "", "l", "ll", "z", "j", "t" };
static const u64 values[] = {
	0, 1, 7, 8, 9, 10, 127, 128, 255, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff,
	0x123456789abcdef0, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
};

/* One format, one value, both printers. */
static void same(const char *fmt, unsigned length, u64 value)
{
	char mine[128], theirs[128];
	int n, want;

	if (length >= 3) {
		n = lib_snprintf(mine, sizeof(mine), fmt, value);
		want = snprintf(theirs, sizeof(theirs), fmt, value);
	} else {
		n = lib_snprintf(mine, sizeof(mine), fmt, (unsigned)value);
		want = snprintf(theirs, sizeof(theirs), fmt, (unsigned)value);
	}
	ROW(fmt);
	EXPECT_EQ(n, want);
	EXPECT_STR(mine, theirs);
	ROW(NULL);
}

static void make_format(char *fmt, unsigned flags, const char *size, unsigned length,
			char conversion)
{
	static const char flag_chars[] = "-+ #0";
	unsigned i;

	*fmt++ = '%';
	for (i = 0; i < 5; i++)
		if (flags >> i & 1)
			*fmt++ = flag_chars[i];
	sprintf(fmt, "%s%s%c", size, lengths[length], conversion);
}

TEST(printf_integers_like_libc)
{
	static const char *const sizes[] = { "",   "1",  "5",   "12",  "30",  ".0",
					     ".1", ".6", ".25", "12.6", "3.9", "9." };
	static const char conversions[] = "diuoxX";
	unsigned flags, size, length, conversion, value;
	char fmt[32];

	for (flags = 0; flags < 32; flags++)
		for (size = 0; size < ARRAY_SIZE(sizes); size++)
			for (length = 0; length < ARRAY_SIZE(lengths); length++)
				for (conversion = 0; conversions[conversion]; conversion++) {
					make_format(fmt, flags, sizes[size], length,
						    conversions[conversion]);
					for (value = 0; value < ARRAY_SIZE(values); value++)
						same(fmt, length, values[value]);
				}
}

TEST(printf_other_conversions)
{
	char buf[64];

#define CASE(want, ...)                                                           \
	do {                                                                      \
		EXPECT_EQ(lib_snprintf(buf, sizeof(buf), __VA_ARGS__), strlen(want)); \
		EXPECT_STR(buf, want);                                            \
	} while (0)
	CASE("", "%s", "");
	CASE("[  ab]", "[%4s]", "ab");
	CASE("[ab  ]", "[%-4s]", "ab");
	CASE("[  ab]", "[%*s]", 4, "ab");
	CASE("[ab  ]", "[%*s]", -4, "ab");
	CASE("[abc]", "[%.3s]", "abcdef");
	CASE("[abc]", "[%.*s]", 3, "abcdef");
	CASE("[abcdef]", "[%.*s]", -1, "abcdef");
	CASE("[]", "[%.0s]", "abcdef");
	CASE("(null)", "%s", (char *)NULL);
	CASE("[  x]", "[%3c]", 'x');
	CASE("[x  ]", "[%-3c]", 'x');
	CASE("100%", "%d%%", 100);
	CASE("0x1234", "%p", (void *)0x1234);
	CASE("0x0", "%p", (void *)NULL);
	CASE("[0xffff800000001000]", "[%p]", (void *)0xffff800000001000);
	CASE("[00042]", "[%0*d]", 5, 42);
	CASE("a 1 b 2 c", "a %d b %u c", 1, 2u);
#undef CASE
}

TEST(printf_unterminated_precision_string)
{
	char raw[3] = { 'a', 'b', 'c' }, buf[8];	/* no NUL: must not be read beyond */

	EXPECT_EQ(lib_snprintf(buf, sizeof(buf), "%.3s", raw), 3);
	EXPECT_STR(buf, "abc");
}

TEST(printf_short_buffers)
{
	char want[16], buf[16];
	size_t size;

	for (size = 0; size < 16; size++) {
		memset(buf, 'z', sizeof(buf));
		snprintf(want, sizeof(want), "%.*s", size ? (int)size - 1 : 0, "ab-00042.");
		EXPECT_EQ(lib_snprintf(buf, size, "ab%06d%s", -42, "."), 9);
		if (size)
			EXPECT_STR(buf, want);
		EXPECT_EQ(buf[size], 'z');
		EXPECT_EQ(scnprintf(buf, size, "ab%06d%s", -42, "."), size ? MIN(size - 1, 9ul) : 0);
	}
	EXPECT_EQ(lib_snprintf(NULL, 0, "%d", 12345), 5);
}

TEST(printf_huge_width_is_cut)
{
	EXPECT_EQ(lib_snprintf(NULL, 0, "%*d", INT_MIN, 1), 65535);
	EXPECT_EQ(lib_snprintf(NULL, 0, "%99999999999d", 1), 65535);
}
