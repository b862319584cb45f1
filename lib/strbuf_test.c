// SPDX-License-Identifier: MIT
/* Growable text: growth, escapes, padding, and memory that runs out anywhere. */
/* test-sources: lib/strbuf.c lib/printf.c */
#include <tarn/strbuf.h>
#include <linux/errno.h>
#include "test.h"

TEST(strbuf_grows)
{
	struct strbuf sb = STRBUF_INIT;
	char want[5000] = "";
	size_t n = 0;
	int i;

	EXPECT_STR(strbuf_str(&sb), "");
	for (i = 0; i < 500; i++) {
		strbuf_printf(&sb, "%d,", i);
		n += (size_t)sprintf(want + n, "%d,", i);
	}
	strbuf_putc(&sb, '!');
	strbuf_puts(&sb, "end");
	strbuf_append(&sb, "xyz", 2);
	strcat(want, "!endxy");
	EXPECT_STR(strbuf_str(&sb), want);
	EXPECT_EQ(sb.len, strlen(want));
	strbuf_reset(&sb);
	EXPECT_STR(strbuf_str(&sb), "");
	strbuf_free(&sb);
	EXPECT_EQ(sb.cap, 0);
}

TEST(strbuf_print_longer_than_the_room)
{
	struct strbuf sb = STRBUF_INIT;
	char line[1000];

	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	strbuf_printf(&sb, "%s%d", line, 7);
	EXPECT_EQ(sb.len, 1000);
	EXPECT(strbuf_str(&sb)[999] == '7' && strbuf_str(&sb)[1000] == '\0');
	strbuf_free(&sb);
}

TEST(strbuf_escapes_and_pads)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_escape(&sb, "a b\tc\\d\n#\xff", " \t\n\\#\xff");
	EXPECT_STR(strbuf_str(&sb), "a\\040b\\011c\\134d\\012\\043\\377");
	strbuf_reset(&sb);
	strbuf_puts(&sb, "line\nName:");
	strbuf_pad(&sb, 8);
	strbuf_puts(&sb, "x");
	strbuf_pad(&sb, 3);
	EXPECT_STR(strbuf_str(&sb), "line\nName:   x");
	strbuf_free(&sb);
}

/* Write the same text with ever more memory: either all of it or a remembered error. */
TEST(strbuf_remembers_enomem)
{
	long limit;

	for (limit = 0;; limit++) {
		struct strbuf sb = STRBUF_INIT;
		int i, err;

		ASSERT(limit < 20);
		test_alloc_fail_after(limit);
		for (i = 0; i < 300; i++) {
			strbuf_printf(&sb, "%04d", i);
			strbuf_puts(&sb, "abc");
			strbuf_putc(&sb, '\n');
			EXPECT_EQ(strlen(strbuf_str(&sb)), sb.len);
		}
		test_alloc_fail_after(-1);
		err = sb.error;
		EXPECT(err ? err == -ENOMEM : sb.len == 300 * 8);
		strbuf_puts(&sb, "more");
		EXPECT_EQ(sb.len == 300 * 8 + 4, !err);
		strbuf_free(&sb);
		if (!err)
			return;
	}
}
