// SPDX-License-Identifier: MIT
/* First lines of scripts. */
/* test-sources: kernel/exec/script.c */
#include "test.h"

#include <tarn/errno.h>

#include "script.h"

TEST(script_lines)
{
	static const struct {
		const char *line;
		int err;
		const char *interp, *arg;
	} rows[] = {
		{ "#!/bin/sh\n", 0, "/bin/sh", NULL },
		{ "#!/bin/sh", 0, "/bin/sh", NULL },
		{ "#! \t/bin/sh \t\n", 0, "/bin/sh", NULL },
		{ "#!/bin/sh -e\necho", 0, "/bin/sh", "-e" },
		{ "#!/usr/bin/env  python3 -u  \n", 0, "/usr/bin/env", "python3 -u" },
		{ "#!a\n", 0, "a", NULL },
		{ "#!\n", -ENOEXEC, NULL, NULL },
		{ "#!  \n/bin/sh\n", -ENOEXEC, NULL, NULL },
		{ "#!", -ENOEXEC, NULL, NULL },
		{ "#", -ENOEXEC, NULL, NULL },
		{ "", -ENOEXEC, NULL, NULL },
		{ "echo", -ENOEXEC, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char head[SCRIPT_LINE + 1] = { 0 };
		char *interp, *arg;

		ROW(rows[i].line);
		strcpy(head, rows[i].line);
		EXPECT_EQ(script_parse(head, strlen(rows[i].line), &interp, &arg), rows[i].err);
		if (rows[i].err)
			continue;
		EXPECT_STR(interp, rows[i].interp);
		EXPECT((arg == NULL) == (rows[i].arg == NULL));
		if (arg && rows[i].arg)
			EXPECT_STR(arg, rows[i].arg);
	}
}

/* A name must not be cut: that would run another program. */
TEST(script_name_fills_the_buffer)
{
	char head[SCRIPT_LINE + 1] = "#!";
	char *interp, *arg;

	memset(head + 2, 'x', SCRIPT_LINE - 2);
	EXPECT_EQ(script_parse(head, SCRIPT_LINE, &interp, &arg), -ENOEXEC);
}

TEST(script_argument_is_cut)
{
	char head[SCRIPT_LINE + 1] = "#!/bin/sh ";
	char *interp, *arg;

	memset(head + 10, 'x', SCRIPT_LINE - 10);
	ASSERT(script_parse(head, SCRIPT_LINE, &interp, &arg) == 0);
	EXPECT_STR(interp, "/bin/sh");
	EXPECT_EQ(strlen(arg), SCRIPT_LINE - 10);
}

TEST(script_nul_ends_the_name)
{
	char head[SCRIPT_LINE + 1] = "#!/bin/sh\0junk\n";
	char *interp, *arg;

	ASSERT(script_parse(head, 15, &interp, &arg) == 0);
	EXPECT_STR(interp, "/bin/sh");
	EXPECT(arg == NULL);
}
