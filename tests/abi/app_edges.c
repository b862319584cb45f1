// SPDX-License-Identifier: MIT
/* Small differences that programs met: which error comes first, and what is none. */
#include "abi.h"

#include <sys/xattr.h>

TEST(sync_file_range_looked_at_its_numbers_before_the_descriptor)
{
	int path = open(".", O_PATH);

	CHECK(path >= 0);
	CHECK_ERR(sync_file_range(-1, 0, 10, 8), EBADF);
	CHECK_ERR(sync_file_range(-1, -1, 10, SYNC_FILE_RANGE_WRITE), EBADF);
	CHECK_ERR(sync_file_range(path, 0, -1, SYNC_FILE_RANGE_WRITE), EBADF);
	CHECK_ERR(sync_file_range(0, 0, 10, 8), EINVAL);
	CHECK_ERR(sync_file_range(0, -1, 10, 0), EINVAL);
}

TEST(readahead_of_a_file_without_pages_was_an_error)
{
	int fd = open("/proc/self/stat", O_RDONLY), dir = open("/", O_RDONLY), p[2];

	CHECK(fd >= 0 && dir >= 0 && !pipe(p));
	CHECK_EQ(readahead(fd, 0, 10), 0);
	CHECK_EQ(readahead(fd, -1, 10), 0);
	CHECK_ERR(readahead(dir, 0, 10), EINVAL);
	CHECK_ERR(readahead(p[0], 0, 10), EINVAL);
	CHECK_ERR(readahead(p[1], 0, 10), EBADF);
}

/* Where no attribute can be set there is none to list; only setting and getting is refused. */
TEST(listing_attributes_where_there_are_none_was_an_error)
{
	char list[100];
	int fd = open("/proc/self/stat", O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(listxattr("/proc/self/stat", list, sizeof(list)), 0);
	CHECK_EQ(llistxattr("/proc/self/exe", list, sizeof(list)), 0);
	CHECK_EQ(flistxattr(fd, NULL, 0), 0);
	CHECK_ERR(getxattr("/proc/self/stat", "user.a", list, sizeof(list)), EOPNOTSUPP);
	CHECK_ERR(setxattr("/proc/self/stat", "user.a", "x", 1, 0), EOPNOTSUPP);
}
