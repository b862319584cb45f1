// SPDX-License-Identifier: MIT
/* memfd_create(2): what F_SEAL_GROW lets a write do. */
#include "abi.h"

#include <linux/memfd.h>

#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_GROW 4
#endif

struct grow {
	const char *what;
	off_t size, pos;
	size_t len;
	ssize_t written; /* -1: EPERM */
};
static const struct grow grows[] = {
	{ "inside", 5000, 0, 5000, 5000 },
	{ "whole pages fit", 5000, 0, 6000, 4096 },
	{ "none fits", 5000, 4096, 1000, -1 },
	{ "at the end", 5000, 5000, 1, -1 },
	{ "two pages of three", 8192, 0, 12288, 8192 },
	{ "from the middle of a page", 8192, 100, 12288, 8092 },
};

TEST_ROWS(sealed_against_growth_wrote_nothing, grows)
{
	static char data[20000];
	int fd = (int)syscall(SYS_memfd_create, "m", MFD_ALLOW_SEALING);

	CHECK(!ftruncate(fd, row->size));
	CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	if (row->written < 0)
		CHECK_ERR(pwrite(fd, data, row->len, row->pos), EPERM);
	else
		CHECK_EQ(pwrite(fd, data, row->len, row->pos), row->written);
	CHECK_EQ(lseek(fd, 0, SEEK_END), row->size);
}
