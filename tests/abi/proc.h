// SPDX-License-Identifier: MIT
/*
 * What /proc tells, read in whole.
 *
 * There is one buffer: what slurp() and smaps_of() give is good until the next file is
 * read.  It is static and stdio is not used, because reading must change nothing of what
 * is read.  Larger than it need be it would be seen in Committed_AS (mem_limits).
 */
#pragma once
#include "abi.h"

static inline char *slurp(const char *path)
{
	static char text[1 << 18];
	int fd = open(path, O_RDONLY);
	size_t n = 0;
	ssize_t got;

	CHECK(fd >= 0);
	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	CHECK(got == 0 && n < sizeof(text) - 1);
	close(fd);
	text[n] = 0;
	return text;
}

/* The value of the line "Name: ..." in @lines; -1: none. */
static inline long value_in(const char *lines, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = lines; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
		if (!strncmp(at, name, n) && at[n] == ':')
			return atol(at + n + 1);
	return -1;
}

static inline long proc_kb(const char *path, const char *name)
{
	return value_in(slurp(path), name);
}

static inline long status_kb(const char *name)
{
	return proc_kb("/proc/self/status", name);
}

static inline bool is_tarn(void)
{
	return strstr(slurp("/proc/version"), "Tarn") != NULL;
}

/* Sets a file of /proc/sys; false: it may not be set here. */
static inline bool set_sys(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	close(fd);
	return ok;
}

/* smaps of the mapping that holds @addr: the text from its first line on, cut before the next mapping. */
static inline char *smaps_of(const void *addr)
{
	unsigned long start, end, at = (unsigned long)addr;
	char *found = NULL;

	for (char *line = slurp("/proc/self/smaps"); *line; line = strchr(line, '\n') + 1) {
		if (sscanf(line, "%lx-%lx ", &start, &end) != 2)
			continue;
		if (found) {
			*line = 0;
			break;
		}
		if (at >= start && at < end)
			found = line;
	}
	CHECK(found);
	return found;
}

/* How many mappings lie in [p, p + size). */
static inline int count_mappings(const char *p, size_t size)
{
	unsigned long start, end, from = (unsigned long)p;
	int n = 0;

	for (char *line = slurp("/proc/self/maps"); *line; line = strchr(line, '\n') + 1) {
		CHECK_EQ(sscanf(line, "%lx-%lx", &start, &end), 2);
		n += end > from && start < from + size;
	}
	return n;
}

/* Until process or thread @id sleeps, so that what it waits for can be let come: ten seconds at most. */
static inline void wait_asleep(pid_t id)
{
	char path[48];

	sprintf(path, "/proc/%d/task/%d/stat", id, id);
	for (int i = 0; i < 5000; i++) {
		if (strstr(slurp(path), ") S "))
			return;
		sleep_ms(2);
	}
	CHECK(!"it sleeps");
}
