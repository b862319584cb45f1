// SPDX-License-Identifier: MIT
/*
 * Files of the host for the root: `./tarn run --copy HOST:GUEST`.
 *
 * They come as a cpio archive of the "newc" form (cpio(5)) on a disk of their own, which is read
 * as a stream, so that their size is no matter of memory.  Names are below the root; directories
 * on the way are made.  The host wrote the archive a moment ago, but the root is anybody's: a
 * symbolic link in it is followed as the machine itself would, never out of it (chroot).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "init.h"

enum { HEADER = 110, NAME_MAX_LEN = 4096, PIECE = 256 * 1024 };

/* The fields of a header that we use, in the order of cpio(5). */
struct entry {
	mode_t mode;
	long mtime;
	size_t size, name_len;
	char name[NAME_MAX_LEN];
};

static FILE *archive;

static void get(void *to, size_t n)
{
	if (fread(to, 1, n, archive) != n) {
		errno = EIO;
		fail("cannot read", "the files to copy");
	}
}

static void skip_padding(size_t len)
{
	char pad[4];

	get(pad, -len & 3);
}

/* The @number-th field of eight hexadecimal digits. */
static unsigned long field(const char *header, int number)
{
	char digits[9] = { 0 };

	memcpy(digits, header + 6 + 8 * number, 8);
	return strtoul(digits, NULL, 16);
}

static bool next_entry(struct entry *e)
{
	char header[HEADER];

	get(header, sizeof(header));
	e->mode = (mode_t)field(header, 1);
	e->mtime = (long)field(header, 5);
	e->size = field(header, 6);
	e->name_len = field(header, 11);
	if (memcmp(header, "070701", 6) || e->name_len == 0 || e->name_len > sizeof(e->name)) {
		errno = EINVAL;
		fail("cannot understand", "the files to copy");
	}
	get(e->name, e->name_len);
	e->name[e->name_len - 1] = 0;
	skip_padding(HEADER + e->name_len);
	return strcmp(e->name, "TRAILER!!!") != 0;
}

/* mkdir -p for what stands before the last slash. */
static void make_parents(char *name)
{
	for (char *slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(name, 0755);
		*slash = '/';
	}
}

static void copy_content(int fd, const struct entry *e)
{
	static char piece[PIECE];

	for (size_t left = e->size; left;) {
		size_t n = left < sizeof(piece) ? left : sizeof(piece);

		get(piece, n);
		if (write(fd, piece, n) != (ssize_t)n)
			fail("cannot write", e->name);
		left -= n;
	}
}

static void make_file(const struct entry *e)
{
	int fd;

	unlink(e->name); /* a symbolic link, or a program that runs */
	fd = open(e->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("cannot make", e->name);
	copy_content(fd, e);
	fchmod(fd, e->mode & 07777);
	futimens(fd, (struct timespec[]){ { .tv_sec = e->mtime }, { .tv_sec = e->mtime } });
	close(fd);
}

static void make_symlink(const struct entry *e)
{
	char target[NAME_MAX_LEN];

	if (e->size >= sizeof(target)) {
		errno = ENAMETOOLONG;
		fail("cannot make", e->name);
	}
	get(target, e->size);
	target[e->size] = 0;
	unlink(e->name);
	if (symlink(target, e->name))
		fail("cannot make", e->name);
}

static void make_directory(const struct entry *e)
{
	if (mkdir(e->name, 0755) && errno != EEXIST)
		fail("cannot make", e->name);
	if (chmod(e->name, e->mode & 07777))
		fail("cannot make", e->name);
}

static void unpack(void)
{
	static struct entry e;

	while (next_entry(&e)) {
		make_parents(e.name);
		if (S_ISDIR(e.mode))
			make_directory(&e);
		else if (S_ISLNK(e.mode))
			make_symlink(&e);
		else
			make_file(&e);
		skip_padding(e.size);
	}
}

/* In a child of its own, for chroot(2) cannot be taken back. */
void copy_files(const char *device, const char *root)
{
	int fd = open_device(device, O_RDONLY), status;
	pid_t pid;

	archive = fd < 0 ? NULL : fdopen(fd, "r");
	if (!archive)
		fail("no disk with the files to copy", device);
	pid = fork();
	if (pid == 0) {
		umask(0);
		if (chroot(root) || chdir("/"))
			fail("cannot enter", root);
		unpack();
		_exit(0);
	}
	fclose(archive);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
		errno = EIO;
		fail("cannot copy", "files");
	}
}
