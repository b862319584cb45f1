// SPDX-License-Identifier: MIT
/* Runs the network's host tests: all, or those whose name contains the argument. TAP. */
#include "host.h"

int vprintf(const char *fmt, __builtin_va_list ap);
int main(int argc, char **argv);

static u32 failures;
static const char *running;

void host_fail(const char *file, int line, const char *fmt, ...)
{
	__builtin_va_list ap;

	if (failures++ > 20)
		return;
	printf("# %s: %s:%d: ", running, file, line);
	__builtin_va_start(ap, fmt);
	vprintf(fmt, ap);
	__builtin_va_end(ap);
	printf("\n");
}

static bool contains(const char *s, const char *part)
{
	size_t n = strlen(part);

	for (; *s; s++)
		if (!__builtin_strncmp(s, part, n))
			return true;
	return !n;
}

int main(int argc, char **argv)
{
	u32 n = 0, bad = 0;

	host_init();
	SET_FOR_EACH(const struct net_test, t, net_tests) {
		if (argc > 1 && !contains(t->name, argv[1]))
			continue;
		running = t->name;
		failures = 0;
		t->run();
		bad += failures != 0;
		printf("%sok %u - %s\n", failures ? "not " : "", ++n, t->name);
		fflush(NULL);
	}
	printf("1..%u\n", n);
	return bad != 0;
}
