// SPDX-License-Identifier: MIT
/*
 * Edges of ext4 that a program can reach: positions in directories, listings in
 * small pieces. Any other file system passes them too.
 */
#include "abi.h"

#define MANY 700 /* names: more than a block of 4 KiB holds, so the directory has an index */

struct dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static void make_names(int count)
{
	char name[64];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "d/name-of-a-file-%05d", i);
		CHECK_EQ(mknod(name, S_IFREG | 0644, 0), 0);
	}
}

static int open_dir(int names)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	make_names(names);
	return open("d", O_RDONLY | O_DIRECTORY);
}

/* From where the position is to the end, with a buffer of @size; -1: it failed.  Counts each name in @seen. */
static int list_rest(int fd, size_t size, unsigned char *seen, int names)
{
	_Alignas(8) char buf[32768];
	int total = 0;
	long n;

	while ((n = syscall(SYS_getdents64, fd, buf, size)) > 0)
		for (long at = 0; at < n;) {
			struct dirent64 *d = (void *)(buf + at);
			int i;

			CHECK(d->reclen >= 24 && at + d->reclen <= n && d->ino);
			at += d->reclen;
			total++;
			if (sscanf(d->name, "name-of-a-file-%d", &i) != 1)
				continue;
			CHECK(i >= 0 && i < names);
			seen[i]++;
			CHECK(total <= names + 2);
		}
	return n < 0 ? -1 : total;
}

static void check_whole(int fd, size_t size, int names)
{
	unsigned char seen[MANY] = { 0 };

	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(list_rest(fd, size, seen, names), names + 2);
	for (int i = 0; i < names; i++)
		CHECK_EQ(seen[i], 1);
}

static const struct dir_row {
	const char *what;
	int names;
} dirs[] = { { "empty", 0 }, { "one_block", 20 }, { "indexed", MANY } };

TEST_ROWS(any_position_of_a_directory, dirs)
{
	static const long long at[] = { 1, 2, 3, 11, 12, 4095, 4096, 4097, 1ll << 31, (1ll << 32) - 1, 1ll << 32,
					(1ll << 32) + 1, 0x7ffffffe00000000, 0x7ffffffeffffffff,
					0x7fffffff00000000, LLONG_MAX - 1, LLONG_MAX, LLONG_MIN, -1 };
	unsigned char seen[MANY] = { 0 };
	int fd = open_dir(row->names);

	CHECK(fd >= 0);
	for (unsigned i = 0; i < sizeof(at) / sizeof(*at); i++)
		for (int whence = SEEK_SET; whence <= SEEK_END; whence++)
			if (lseek(fd, at[i], whence) >= 0)
				list_rest(fd, 32768, seen, row->names);
	check_whole(fd, 32768, row->names);
}

TEST_ROWS(small_pieces_show_each_name_once, dirs)
{
	int fd = open_dir(row->names);

	CHECK(fd >= 0);
	check_whole(fd, 64, row->names);
	check_whole(fd, 200, row->names);
	check_whole(fd, 2048, row->names);
}

/* A cookie leads to the entry behind the one that gave it. */
TEST(a_cookie_goes_on_where_it_was_given)
{
	_Alignas(8) char buf[40], next[40]; /* one name of ours, or ".", not two */
	struct dirent64 *d = (void *)buf, *e = (void *)next;
	int fd = open_dir(MANY), other = open("d", O_RDONLY | O_DIRECTORY);

	CHECK(fd >= 0 && other >= 0);
	CHECK(syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(lseek(other, d->off, SEEK_SET), d->off);
		CHECK(syscall(SYS_getdents64, other, next, sizeof(next)) > 0);
		CHECK(syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0);
		CHECK(!strcmp(d->name, e->name));
	}
}

/* Names that come and go while it is listed do not hide or double the others. */
TEST(names_that_go_while_listing_hide_no_other)
{
	unsigned char seen[MANY] = { 0 };
	_Alignas(8) char buf[2048];
	int fd = open_dir(MANY);
	long n;

	CHECK(fd >= 0);
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			struct dirent64 *d = (void *)(buf + at);
			char path[300];
			int i;

			at += d->reclen;
			if (sscanf(d->name, "name-of-a-file-%d", &i) != 1)
				continue;
			seen[i]++;
			snprintf(path, sizeof(path), "d/%s", d->name);
			CHECK_EQ(unlink(path), 0);
		}
	CHECK_EQ(n, 0);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_EQ(rmdir("d"), 0);
}
