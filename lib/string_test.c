// SPDX-License-Identifier: MIT
/* lib/string.c against the C library, on random strings over a tiny alphabet, and its own calls. */
/* test-sources: lib/string.c */
#include <tarn/string.h>
#include <linux/errno.h>
#include "string_names.h"
#include "test.h"

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

/* Random length below @size, bytes from a few letters; the block ends where the string does. */
static char *random_string(size_t size)
{
	size_t len = test_random_below(size), i;
	char *s = malloc(len + 1);

	for (i = 0; i < len; i++)
		s[i] = "abAB\xff"[test_random_below(5)];
	s[len] = '\0';
	return s;
}

static void compare_pair(const char *a, const char *b)
{
	size_t n = test_random_below(20), la = strlen(a), lb = strlen(b);
	size_t common = MIN(la, lb);

	EXPECT_EQ(sign(lib_strcmp(a, b)), sign(strcmp(a, b)));
	EXPECT_EQ(sign(lib_strncmp(a, b, n)), sign(strncmp(a, b, n)));
	EXPECT_EQ(sign(lib_strcasecmp(a, b)), sign(strcasecmp(a, b)));
	EXPECT_EQ(sign(lib_memcmp(a, b, common)), sign(memcmp(a, b, common)));
	EXPECT_EQ(lib_strstr(a, b), strstr(a, b));
	EXPECT_EQ(lib_strspn(a, b), strspn(a, b));
	EXPECT_EQ(lib_strcspn(a, b), strcspn(a, b));
	EXPECT_EQ(str_starts_with(a, b), strncmp(a, b, lb) == 0);
}

static void compare_one(const char *s)
{
	size_t max = test_random_below(20), len = strlen(s);
	int c = "abAB\xff\0z"[test_random_below(7)];

	EXPECT_EQ(lib_strlen(s), len);
	EXPECT_EQ(lib_strnlen(s, max), strnlen(s, max));
	EXPECT_EQ(lib_strchr(s, c), strchr(s, c));
	EXPECT_EQ(lib_strrchr(s, c), strrchr(s, c));
	EXPECT_EQ(lib_strchrnul(s, c), strchr(s, c) ? strchr(s, c) : s + len);
	EXPECT_EQ(lib_memchr(s, c, len), memchr(s, c, len));
}

TEST(string_like_libc)
{
	int round;

	for (round = 0; round < 20000; round++) {
		char *a = random_string(24), *b = random_string(round % 2 ? 4 : 24);

		compare_one(a);
		compare_pair(a, b);
		compare_pair(a, a);
		free(a);
		free(b);
	}
}

TEST(strsep_like_libc)
{
	static const char *const rows[] = { "", ",", "a", "a,b", ",a,;b,", "a;;b" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char mine[16], theirs[16], *p = mine, *q = theirs, *word;

		ROW(rows[i]);
		strcpy(mine, rows[i]);
		strcpy(theirs, rows[i]);
		while ((word = strsep(&q, ",;")) != NULL)
			EXPECT_STR(lib_strsep(&p, ",;"), word);
		EXPECT(!lib_strsep(&p, ",;"));
	}
}

TEST(strscpy_cuts)
{
	char buf[4] = "zzz";

	EXPECT_EQ(strscpy(buf, "abc", 4), 3);
	EXPECT_STR(buf, "abc");
	EXPECT_EQ(strscpy(buf, "wxyz", 4), -E2BIG);
	EXPECT_STR(buf, "wxy");
	EXPECT_EQ(strscpy(buf, "", 1), 0);
	EXPECT_STR(buf, "");
	EXPECT_EQ(strscpy(buf, "", 0), -E2BIG);
}

TEST(memchr_inv_finds_the_odd_byte)
{
	u8 block[50];
	size_t n, odd;

	for (n = 0; n <= sizeof(block); n++) {
		memset(block, 0xe5, sizeof(block));
		EXPECT_EQ(memchr_inv(block, 0xe5, n), NULL);
		for (odd = 0; odd < n; odd++) {
			block[odd] = 0;
			EXPECT_EQ(memchr_inv(block, 0xe5, n), block + odd);
			block[odd] = 0xe5;
		}
	}
}

TEST(generic_blocks_like_libc)
{
	u8 mine[64], theirs[64];
	int round;
	size_t i;

	for (round = 0; round < 5000; round++) {
		size_t n = test_random_below(30), from = test_random_below(30),
		       to = test_random_below(30);

		for (i = 0; i < sizeof(mine); i++)
			mine[i] = theirs[i] = (u8)test_random();
		EXPECT_EQ(lib_memmove_generic(mine + to, mine + from, n), mine + to);
		memmove(theirs + to, theirs + from, n);
		EXPECT(memcmp(mine, theirs, 64) == 0);
		lib_memset_generic(mine + to, 0x1a5, n);
		memset(theirs + to, 0x1a5, n);
		EXPECT(memcmp(mine, theirs, 64) == 0);
		lib_memcpy_generic(mine + 32, mine, n);
		memcpy(theirs + 32, theirs, n);
		EXPECT(memcmp(mine, theirs, 64) == 0);
	}
}
