// SPDX-License-Identifier: MIT
/*
 * What a full disk does to data that was written and not yet placed, inside a machine:
 *
 *     full_disk CASE DIRECTORY [UID]
 *
 * test_full_disk.py tells the cases.  Exit status 0, or a line that says what was wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MB (1 << 20)
#define CHECK(cond)                                                                     \
	do {                                                                            \
		if (!(cond)) {                                                          \
			printf("line %d: %s: %s\n", __LINE__, #cond, strerror(errno));  \
			exit(1);                                                        \
		}                                                                       \
	} while (0)

static char buffer[MB];
static off_t block; /* bytes */

static int create(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);

	CHECK(fd >= 0);
	return fd;
}

static unsigned long free_blocks(void)
{
	struct statvfs st;

	CHECK(statvfs(".", &st) == 0);
	return st.f_bfree;
}

/* ---- promised: data waits for its place, others take what they can get ---- */

static void take_by_fallocate(void)
{
	int fd = create("taken");
	off_t at = 0;

	for (off_t step = 8 * MB; step >= block; step /= 2)
		while (fallocate(fd, 0, at, step) == 0)
			at += step;
	CHECK(errno == ENOSPC && at);
	close(fd);
}

static void take_by_directories(void)
{
	char name[32];

	for (unsigned i = 0; i < 600; i++) {
		sprintf(name, "dir%u", i);
		if (mkdir(name, 0755) < 0)
			break;
	}
	CHECK(errno == ENOSPC);
}

/* Too long for an inode, each another: a block of its own. */
static void take_by_attributes(void)
{
	char name[32], value[700];

	memset(value, 'v', sizeof(value));
	for (unsigned i = 0; i < 600; i++) {
		sprintf(name, "file%u", i);
		close(create(name));
		memcpy(value, name, strlen(name));
		if (setxattr(name, "user.a", value, sizeof(value), 0) < 0)
			break;
	}
	CHECK(errno == ENOSPC);
}

static void check_data(int fd)
{
	CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (off_t at = 0; at < 4 * MB; at += MB) {
		memset(buffer, 0, MB);
		CHECK(pread(fd, buffer, MB, at) == MB);
		for (unsigned i = 0; i < MB; i++)
			CHECK(buffer[i] == 'd');
	}
}

static void promised(void (*take)(void))
{
	int fd = create("data");

	memset(buffer, 'd', MB);
	for (off_t at = 0; at < 4 * MB; at += MB)
		CHECK(pwrite(fd, buffer, MB, at) == MB);
	take_by_fallocate();
	if (take)
		take();
	CHECK(fsync(fd) == 0);
	check_data(fd);
}

/* ---- split: the last block holds the data, and its tree wants one more ---- */

#define TREES 64
#define ROOT_EXTENTS 4 /* in an inode; the next one takes a block for the tree */
#define STEP 8192      /* two pages: what is written there is an extent of its own */

static void make_tree(unsigned i)
{
	char name[32];
	int fd;

	sprintf(name, "tree%u", i);
	fd = create(name);
	CHECK(fallocate(fd, 0, 0, ROOT_EXTENTS * STEP) == 0);
	close(fd);
}

/* Writes into blocks that are its own already: only its tree needs a block more. */
static void grow_tree(unsigned i)
{
	char name[32];
	int fd;

	sprintf(name, "tree%u", i);
	fd = open(name, O_RDWR);
	CHECK(fd >= 0);
	for (unsigned k = 0; k < ROOT_EXTENTS - 1; k++)
		CHECK(pwrite(fd, "t", 1, k * STEP) == 1);
	CHECK(fsync(fd) == 0);
	close(fd);
}

/* Again and again: what is promised and not placed yet needs some room besides. */
static void fill_disk(void)
{
	int fd = create("filler");
	off_t at = 0, start;

	do {
		start = at;
		for (off_t step = MB; step >= block; step /= 2)
			while (pwrite(fd, buffer, (size_t)step, at) == step)
				at += step;
		CHECK(errno == ENOSPC);
		CHECK(fsync(fd) == 0);
	} while (at > start);
	close(fd);
}

static void split(void)
{
	int fd = create("data");

	for (unsigned i = 0; i < TREES; i++)
		make_tree(i);
	for (unsigned k = 0; k < ROOT_EXTENTS; k++)
		CHECK(pwrite(fd, "d", 1, k * STEP) == 1);
	CHECK(fsync(fd) == 0);
	CHECK(pwrite(fd, "d", 1, ROOT_EXTENTS * STEP) == 1); /* promised, not placed */
	fill_disk();
	for (unsigned i = 0; i < TREES && free_blocks(); i++)
		grow_tree(i);
	if (fsync(fd) < 0) /* no promise was made for its tree: this may fail, and nothing more */
		CHECK(errno == ENOSPC);
	CHECK(unlink("filler") == 0);
	memset(buffer, 'd', MB);
	for (off_t at = 0; at < 4 * MB; at += MB)
		CHECK(pwrite(fd, buffer, MB, at) == MB);
	CHECK(fsync(fd) == 0);
	check_data(fd);
}

int main(int argc, char **argv)
{
	struct statvfs st;

	CHECK(argc > 2 && chmod(argv[2], 0777) == 0 && chdir(argv[2]) == 0);
	if (argc > 3)
		CHECK(setuid((uid_t)atoi(argv[3])) == 0);
	CHECK(statvfs(".", &st) == 0);
	block = (off_t)st.f_bsize;
	if (!strcmp(argv[1], "fallocate"))
		promised(NULL);
	else if (!strcmp(argv[1], "directories"))
		promised(take_by_directories);
	else if (!strcmp(argv[1], "attributes"))
		promised(take_by_attributes);
	else
		split();
	puts("good");
	return 0;
}
