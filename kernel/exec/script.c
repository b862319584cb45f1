// SPDX-License-Identifier: MIT
/* The first line of a script: see script.h. */
#include "script.h"

#include <tarn/errno.h>
#include <tarn/string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Ends the line at its newline.  A line that fills the whole buffer is cut, but never within the name. */
static int end_line(char *head, size_t n)
{
	char *nl = memchr(head, '\n', n);
	size_t i = 2;

	if (nl) {
		*nl = 0;
		return 0;
	}
	head[n] = 0;
	if (n < SCRIPT_LINE)
		return 0;
	while (i < n && is_blank(head[i]))
		i++;
	while (i < n && !is_blank(head[i]) && head[i])
		i++;
	return i < n ? 0 : -ENOEXEC;
}

int script_parse(char *head, size_t n, char **interp, char **arg)
{
	char *end, *p;

	if (n < 2 || head[0] != '#' || head[1] != '!' || end_line(head, n))
		return -ENOEXEC;
	p = head + 2;
	end = p + strlen(p);
	while (end > p && is_blank(end[-1]))
		*--end = 0;
	while (is_blank(*p))
		p++;
	if (!*p)
		return -ENOEXEC;
	*interp = p;
	while (*p && !is_blank(*p))
		p++;
	*arg = NULL;
	if (!*p)
		return 0;
	*p++ = 0;
	while (is_blank(*p))
		p++;
	if (*p)
		*arg = p; /* all the rest is one argument, blanks and all */
	return 0;
}
