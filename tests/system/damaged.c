// SPDX-License-Identifier: MIT
/*
 * Steps on a file system whose image is damaged, for test_damaged_disk.py.
 *
 *   damaged COMMAND PATH [NUMBER or NAME]...
 *
 * One line for each step that a command makes: its name and 0 or the error's
 * number.  `all` does everything to everything, and its answers do not matter.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int failed(long ret)
{
	return ret < 0 ? errno : 0;
}

/* ---- one thing ---- */

/* @n files whose names are as long as names can be. */
static int create(const char *dir, int n)
{
	char path[512];
	int err = 0;

	for (int i = 0; i < n && !err; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%0255d", dir, i);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
		err = failed(fd);
		if (!err)
			close(fd);
	}
	return err;
}

/* Every second KiB gets a place on the disk, @n of them. */
static int place(const char *path, int first, int n)
{
	int fd = open(path, O_WRONLY), err = failed(fd);

	for (int i = 0; i < n && !err; i++)
		err = failed(fallocate(fd, 0, (off_t)(first + 2 * i) * 1024, 1024));
	close(fd);
	return err;
}

/* ---- everything ---- */

static void attributes(const char *path)
{
	char names[4096], value[4096];
	ssize_t len = llistxattr(path, names, sizeof(names));

	for (char *p = names; len > 0 && p < names + len; p += strlen(p) + 1) {
		lgetxattr(path, p, value, sizeof(value));
		lremovexattr(path, p);
	}
	memset(value, 'x', sizeof(value));
	lsetxattr(path, "user.small", value, 10, 0);
	lsetxattr(path, "user.large", value, 600, 0);
	lremovexattr(path, "user.small");
}

static void file(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK);
	static char buf[65536];

	if (fd < 0)
		return;
	for (int i = 0; i < 64 && read(fd, buf, sizeof(buf)) > 0; i++)
		;
	for (int i = 0; i < 40; i++)
		pwrite(fd, "new", 3, (off_t)i * 3 * 1024);
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * 1024, 20 * 1024);
	fallocate(fd, 0, 1 << 20, 64 * 1024);
	ftruncate(fd, 7000);
	close(fd);
}

static void everything(const char *path, int depth)
{
	char below[4096];
	struct stat st;
	struct dirent *e;
	DIR *d;
	int n = 0;

	attributes(path);
	if (lstat(path, &st))
		return;
	readlink(path, below, sizeof(below));
	if (S_ISREG(st.st_mode) && (depth < 2 || st.st_ino % 4 == 0))
		file(path);
	d = S_ISDIR(st.st_mode) && depth < 5 ? opendir(path) : NULL;
	if (!d)
		return;
	while ((e = readdir(d)) && n++ < 200) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%.255s", path, e->d_name);
		everything(below, depth + 1);
		if (n % 3 == 0 && unlink(below))
			rmdir(below);
	}
	closedir(d);
	create(path, 12);
	snprintf(below, sizeof(below), "%s/new", path);
	mkdir(below, 0755);
	snprintf(below, sizeof(below), "%s/link", path);
	sync();
	symlink("0123456789012345678901234567890123456789012345678901234567890123456789", below);
}

int main(int argc, char **argv)
{
	const char *what = argv[1], *path = argv[2], *name = argc > 3 ? argv[3] : "";
	int n = atoi(name), err = 0;
	char value[256];

	if (!strcmp(what, "create"))
		err = create(path, n);
	else if (!strcmp(what, "place"))
		err = place(path, n, atoi(argv[4]));
	else if (!strcmp(what, "getxattr"))
		err = failed(getxattr(path, name, value, sizeof(value)));
	else if (!strcmp(what, "removexattr"))
		err = failed(removexattr(path, name));
	else if (!strcmp(what, "truncate"))
		err = failed(truncate(path, n));
	else if (!strcmp(what, "all"))
		everything(path, 0);
	else
		err = EINVAL;
	printf("%s %d\n", what, err);
	return 0;
}
