// SPDX-License-Identifier: MIT
/*
 * Uses features of a mounted file system, or mounts one: ext4_features WHAT ...
 *   plain DIR, attributes DIR, large DIR      makes files of that kind
 *   links DIR     DIR/full, which says it has 64999 links, takes one directory more and no other
 *   mounts DEVICE ro|rw, refused DEVICE ro|rw ERRNO, remount_refused DEVICE ERRNO
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int fail(const char *what)
{
	printf("not ok: %s: %s\n", what, strerror(errno));
	return 1;
}

static int open_new(const char *name)
{
	return open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
}

static int plain(void)
{
	int fd = open_new("file");

	if (fd < 0 || write(fd, "text", 4) != 4 || fsync(fd) || close(fd))
		return fail("file");
	if (mkdir("dir", 0755) || symlink("dir", "link") || rename("file", "dir/file"))
		return fail("names");
	return 0;
}

/* One that lies in the inode, where there is room, and one that needs a block. */
static int attributes(void)
{
	char value[900];
	int fd = open_new("file");

	memset(value, 'x', sizeof(value));
	if (fd < 0 || fsetxattr(fd, "user.small", "1", 1, 0) || fsetxattr(fd, "user.big", value, sizeof(value), 0))
		return fail("fsetxattr");
	return close(fd);
}

static int large(void)
{
	int fd = open_new("file");

	if (fd < 0 || ftruncate(fd, 0x80000000ll) || fsync(fd) || close(fd))
		return fail("a file of 2 GiB");
	return 0;
}

static int link_count(const char *dir)
{
	struct stat st;

	return stat(dir, &st) ? -1 : (int)st.st_nlink;
}

static int links(void)
{
	if (mkdir("full/one", 0755) || mkdir("other", 0755) || link_count("full") != 65000)
		return fail("the last directory");
	if (mkdir("full/two", 0755) == 0 || errno != EMLINK)
		return fail("mkdir: EMLINK");
	if (rename("other", "full/two") == 0 || errno != EMLINK)
		return fail("rename: EMLINK");
	if (rename("other", "full/one") || link_count("full") != 65000)
		return fail("rename in place of a directory");
	if (rmdir("full/one") || link_count("full") != 64999)
		return fail("rmdir");
	return 0;
}

static int try_mount(const char *device, const char *how)
{
	return mount(device, "/mnt", "ext4", strcmp(how, "ro") ? 0 : MS_RDONLY, NULL);
}

static int refused(const char *device, const char *how, int want)
{
	errno = 0;
	if (try_mount(device, how) == 0 || errno != want)
		return fail("a mount to be refused");
	return 0;
}

static int remount_refused(const char *device, int want)
{
	if (try_mount(device, "ro"))
		return fail("mount");
	errno = 0;
	if (mount(NULL, "/mnt", NULL, MS_REMOUNT, NULL) == 0 || errno != want)
		return fail("a remount to be refused");
	return umount("/mnt") ? fail("umount") : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "refused") && argc == 5)
		return refused(argv[2], argv[3], atoi(argv[4]));
	if (!strcmp(what, "remount_refused") && argc == 4)
		return remount_refused(argv[2], atoi(argv[3]));
	if (!strcmp(what, "mounts") && argc == 4)
		return try_mount(argv[2], argv[3]) || umount("/mnt") ? fail("mount") : 0;
	if (argc != 3 || chdir(argv[2]))
		return fail("arguments");
	if (!strcmp(what, "plain"))
		return plain();
	if (!strcmp(what, "attributes"))
		return attributes();
	if (!strcmp(what, "large"))
		return large();
	if (!strcmp(what, "links"))
		return links();
	return fail("what to do");
}
