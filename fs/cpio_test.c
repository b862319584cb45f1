// SPDX-License-Identifier: MIT
/* The cpio reader: a good archive, and every way to be wrong. */
/* test-sources: fs/cpio.c lib/string.c lib/parse.c */
#include <errno.h>
#include <stdio.h>
#include "cpio.h"
#include "test.h"

static size_t add(u8 *out, size_t at, const char *name, u32 mode, const char *body)
{
	size_t nlen = strlen(name) + 1, blen = strlen(body);

	at += (size_t)sprintf((char *)out + at,
			      "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 7u, mode, 1u,
			      2u, 1u, 99u, (u32)blen, 8u, 1u, 4u, 64u, (u32)nlen, 0u);
	memcpy(out + at, name, nlen);
	at = ALIGN_UP(at + nlen, 4ul);
	memcpy(out + at, body, blen);
	return ALIGN_UP(at + blen, 4ul);
}

static size_t make(u8 *out)
{
	size_t n = add(out, 0, "etc", 040755, "");

	n = add(out, n, "etc/motd", 0100644, "hello");
	return add(out, n, "TRAILER!!!", 0, "");
}

TEST(cpio_reads_entries)
{
	u8 data[1000] = { 0 };
	struct cpio c = { data, make(data), 0 };
	struct cpio_entry e;

	EXPECT_EQ(cpio_next(&c, &e), 1);
	EXPECT_STR(e.name, "etc");
	EXPECT_EQ(e.mode, 040755);
	EXPECT_EQ(cpio_next(&c, &e), 1);
	EXPECT_STR(e.name, "etc/motd");
	EXPECT_EQ(e.size, 5);
	EXPECT(memcmp(e.body, "hello", 5) == 0);
	EXPECT_EQ(e.uid, 1);
	EXPECT_EQ(e.gid, 2);
	EXPECT_EQ(e.mtime, 99);
	EXPECT_EQ(e.rdev_major, 4);
	EXPECT_EQ(e.rdev_minor, 64);
	EXPECT_EQ(cpio_next(&c, &e), 0);
	EXPECT_EQ(c.at, c.size);
}

/* Each copy is as long as its data, so that the sanitizer sees a byte too far. */
TEST(cpio_truncated_anywhere_is_an_error)
{
	u8 data[1000] = { 0 };
	size_t n = make(data);

	for (size_t cut = 0; cut < n; cut++) {
		u8 *copy = malloc(cut ? cut : 1);
		struct cpio c = { copy, cut, 0 };
		struct cpio_entry e;
		int more;

		memcpy(copy, data, cut);
		while ((more = cpio_next(&c, &e)) > 0)
			;
		/* Only the padding behind the trailer may be missing. */
		EXPECT(more == -EINVAL || cut + 4 > n);
		free(copy);
	}
}

TEST(cpio_damaged_headers)
{
	u8 data[1000];
	size_t n;

	for (int i = 0; i < 20000; i++) {
		struct cpio_entry e;
		struct cpio c;
		u8 *copy;

		memset(data, 0, sizeof(data));
		n = make(data);
		copy = malloc(n);
		memcpy(copy, data, n);
		copy[test_random_below(n)] = (u8)test_random();
		c = (struct cpio){ copy, n, 0 };
		while (cpio_next(&c, &e) > 0)
			EXPECT(strlen(e.name) == e.name_len);
		free(copy);
	}
}
