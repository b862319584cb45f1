// SPDX-License-Identifier: MIT
/* Files and directories: names, links, attributes, descriptors, locks, notifications. */
#include "abi.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>

static void touch(const char *path)
{
	write_file(path, "", 0);
}

TEST(open_flags_and_errors)
{
	touch("f");
	CHECK(!mkdir("d", 0755));
	CHECK_ERR(open("none", O_RDONLY), ENOENT);
	CHECK_ERR(open("f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	CHECK_ERR(open("d", O_WRONLY), EISDIR);
	CHECK_ERR(open("d", O_CREAT, 0600), EISDIR);
	CHECK_ERR(open("f/x", O_RDONLY), ENOTDIR);
	CHECK_ERR(open("f", O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open("", O_RDONLY), ENOENT);
	CHECK_ERR(open("f/", O_RDONLY), ENOTDIR);
	CHECK_ERR(open("new/", O_CREAT | O_WRONLY, 0644), EISDIR);
	CHECK(!symlink("f", "l") && !symlink("loop", "loop"));
	CHECK_ERR(open("l", O_NOFOLLOW), ELOOP);
	CHECK_ERR(open("loop", O_RDONLY), ELOOP);
	CHECK(open("l", O_PATH | O_NOFOLLOW) >= 0);
}

TEST(path_limits)
{
	char name[300], path[PATH_MAX + 10];

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	touch(name);
	CHECK(!unlink(name));
	name[255] = 'n';
	name[256] = 0;
	CHECK_ERR(open(name, O_CREAT, 0600), ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[PATH_MAX - 1] = 0;
	CHECK(open(path, O_RDONLY) >= 0); /* many slashes are one */
	path[PATH_MAX - 1] = '/';
	path[PATH_MAX] = 0;
	CHECK_ERR(open(path, O_RDONLY), ENAMETOOLONG);
}

TEST(umask_and_modes)
{
	struct stat st;

	umask(027);
	CHECK(open("f", O_CREAT | O_WRONLY, 0666) >= 0);
	CHECK(!stat("f", &st) && (st.st_mode & 07777) == 0640);
	CHECK(!mkdir("d", 0777) && !stat("d", &st) && (st.st_mode & 07777) == 0750);
	CHECK(!chmod("f", 06755) && !stat("f", &st));
	CHECK_EQ(st.st_mode & 07777, 06755);
	CHECK_EQ(umask(0), 027);
}

TEST(write_drops_set_id_bits)
{
	struct stat st;
	int fd;

	touch("f");
	CHECK(!chmod("f", 06755));
	if (!getuid())
		CHECK(!chown(".", 1000, 1000) && !chown("f", 1000, 1000) && !chmod("f", 06755));
	WAIT_OK(CHILD({
		if (!getuid())
			CHECK(!setgid(1000) && !setuid(1000));
		fd = open("f", O_WRONLY);
		CHECK(fd >= 0);
		CHECK_EQ(write(fd, "x", 1), 1);
	}));
	CHECK(!stat("f", &st));
	CHECK_EQ(st.st_mode & 07777, 0755);
}

TEST(links_and_counts)
{
	struct stat a, b;

	touch("a");
	CHECK(!link("a", "b") && !stat("a", &a) && !stat("b", &b));
	CHECK(a.st_ino == b.st_ino && a.st_nlink == 2);
	CHECK_ERR(link("a", "b"), EEXIST);
	CHECK_ERR(link("none", "c"), ENOENT);
	CHECK(!mkdir("d", 0755));
	CHECK_ERR(link("d", "e"), EPERM);
	CHECK(!unlink("a") && !stat("b", &b) && b.st_nlink == 1);
	CHECK_ERR(unlink("d"), EISDIR);
	CHECK_ERR(unlink("none"), ENOENT);
}

TEST(directories)
{
	struct stat st;

	CHECK(!mkdir("d", 0755) && !stat("d", &st) && st.st_nlink == 2);
	CHECK(!mkdir("d/e", 0755) && !stat("d", &st) && st.st_nlink == 3);
	CHECK_ERR(mkdir("d", 0755), EEXIST);
	CHECK_ERR(mkdir("none/x", 0755), ENOENT);
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK_ERR(rmdir("d/e/."), EINVAL);
	CHECK_ERR(rmdir("d/e/.."), ENOTEMPTY);
	CHECK(!rmdir("d/e/") && !rmdir("d"));
	touch("f");
	CHECK_ERR(rmdir("f"), ENOTDIR);
}

TEST(removed_cwd)
{
	char buf[100];

	CHECK(!mkdir("d", 0755) && !chdir("d") && !rmdir("../d"));
	CHECK_ERR((long)getcwd(buf, sizeof(buf)) ? 0 : -1, ENOENT);
	CHECK_ERR(open("f", O_CREAT, 0644), ENOENT);
	CHECK_ERR(mkdir("e", 0755), ENOENT);
}

TEST(rename_rules)
{
	struct stat st;

	touch("a");
	write_file("b", "bb", 2);
	CHECK(!rename("a", "b") && !stat("b", &st) && st.st_size == 0);
	CHECK_ERR(rename("a", "c"), ENOENT);
	CHECK(!mkdir("d", 0755) && !mkdir("d/sub", 0755) && !mkdir("e", 0755));
	CHECK_ERR(rename("d", "d/sub/x"), EINVAL);
	CHECK_ERR(rename("e", "d"), ENOTEMPTY);
	CHECK_ERR(rename("b", "e"), EISDIR);
	CHECK_ERR(rename("e", "b"), ENOTDIR);
	CHECK(!rename("d", "e") && !stat("e/sub", &st)); /* over an empty directory */
	touch("x");
	CHECK(!link("x", "y") && !rename("x", "y") && !stat("x", &st)); /* same inode: nothing */
	CHECK_ERR(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "b", 1), EEXIST);
	CHECK(!syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "e", 2)); /* exchange */
	CHECK(!stat("b", &st) && S_ISDIR(st.st_mode) && !stat("b/sub", &st));
}

TEST(rename_updates_dotdot)
{
	struct stat a, b;

	CHECK(!mkdir("p", 0755) && !mkdir("q", 0755) && !mkdir("p/d", 0755));
	CHECK(!rename("p/d", "q/d") && !stat("q", &a) && !stat("q/d/..", &b));
	CHECK(a.st_ino == b.st_ino && a.st_nlink == 3);
}

TEST(symlinks)
{
	char buf[100];
	struct stat st;

	CHECK(!symlink("target", "s") && readlink("s", buf, sizeof(buf)) == 6);
	CHECK(!memcmp(buf, "target", 6) && readlink("s", buf, 3) == 3);
	CHECK(!lstat("s", &st) && S_ISLNK(st.st_mode) && st.st_size == 6);
	CHECK_ERR(stat("s", &st), ENOENT);
	CHECK(open("s", O_CREAT | O_WRONLY, 0644) >= 0); /* makes the target */
	CHECK(!stat("target", &st));
	CHECK_ERR(symlink("", "e"), ENOENT);
	CHECK_ERR(readlink("target", buf, 10), EINVAL);
	CHECK(!mkdir("d", 0755) && !symlink("d", "ld") && !symlink("../target", "d/up"));
	CHECK(!stat("ld/up", &st));
	CHECK_ERR(open("s", O_CREAT | O_EXCL, 0644), EEXIST);
}

TEST(long_symlink)
{
	char text[1000], buf[1000];

	memset(text, 'x', 999);
	text[999] = 0;
	CHECK(!symlink(text, "long"));
	CHECK_EQ(readlink("long", buf, sizeof(buf)), 999);
	CHECK(!memcmp(text, buf, 999));
}

TEST(readdir_sees_all_once)
{
	char name[32], seen[2000] = { 0 };
	struct dirent *e;
	int n = 0;
	DIR *d;

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		touch(name);
	}
	d = opendir(".");
	CHECK(d);
	while ((e = readdir(d))) {
		int i;

		if (sscanf(e->d_name, "file-%d", &i) == 1) {
			CHECK(!seen[i]++);
			CHECK_EQ(e->d_type, DT_REG);
			n++;
		}
	}
	CHECK_EQ(n, 2000);
	rewinddir(d);
	for (n = 0; readdir(d); n++)
		;
	CHECK_EQ(n, 2002);
	closedir(d);
}

TEST(readdir_while_removing)
{
	char name[32];
	struct dirent *e;
	int removed = 0;
	DIR *d;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		touch(name);
	}
	d = opendir(".");
	while ((e = readdir(d)))
		if (e->d_name[0] == 'x') {
			CHECK(!unlink(e->d_name));
			removed++;
		}
	closedir(d);
	CHECK_EQ(removed, 1000); /* none skipped because others went */
}

TEST(seekdir_returns_to_a_place)
{
	char name[32], want[256];
	DIR *d;
	long at = 0;

	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		touch(name);
	}
	d = opendir(".");
	for (int i = 0; i < 150; i++)
		CHECK(readdir(d));
	at = telldir(d);
	strcpy(want, readdir(d)->d_name);
	while (readdir(d))
		;
	seekdir(d, at);
	CHECK(!strcmp(readdir(d)->d_name, want));
}

TEST(unlinked_open_file)
{
	char buf[4] = { 0 };
	struct stat st;
	int fd = open("f", O_CREAT | O_RDWR, 0644);

	CHECK(write(fd, "abc", 3) == 3 && !unlink("f"));
	CHECK(!fstat(fd, &st) && st.st_nlink == 0 && st.st_size == 3);
	CHECK(pread(fd, buf, 3, 0) == 3 && !strcmp(buf, "abc"));
}

TEST(o_tmpfile_and_linkat)
{
	char path[64];
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		SKIP("no O_TMPFILE here");
	CHECK(fd >= 0 && write(fd, "t", 1) == 1 && !fstat(fd, &st) && st.st_nlink == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(!linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	CHECK(!stat("named", &st) && st.st_nlink == 1 && st.st_size == 1);
}

TEST(lseek_forms)
{
	int fd = open("f", O_CREAT | O_RDWR, 0644), fds[2];

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK(lseek(fd, 3, SEEK_SET) == 3 && lseek(fd, 2, SEEK_CUR) == 5 &&
	      lseek(fd, -1, SEEK_END) == 9);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, 0, 99), EINVAL);
	CHECK(lseek(fd, 100, SEEK_SET) == 100 && read(fd, fds, 1) == 0);
	CHECK(!pipe(fds));
	CHECK_ERR(lseek(fds[0], 0, SEEK_SET), ESPIPE);
	CHECK(lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 0, SEEK_HOLE) == 10);
	CHECK_ERR(lseek(fd, 10, SEEK_DATA), ENXIO);
}

TEST(dup_shares_position_and_flags)
{
	int fd = open("f", O_CREAT | O_RDWR, 0644), copy = dup(fd), other;

	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_EQ(lseek(copy, 0, SEEK_CUR), 3);
	CHECK(!fcntl(copy, F_SETFL, O_APPEND) && (fcntl(fd, F_GETFL) & O_APPEND));
	other = fcntl(fd, F_DUPFD_CLOEXEC, 50);
	CHECK(other >= 50 && fcntl(other, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFD) == 0);
	CHECK_EQ(dup2(fd, 60), 60);
	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_ERR(dup3(fd, fd, 0), EINVAL);
	CHECK_ERR(dup2(999, 5), EBADF);
	CHECK_ERR(close(999), EBADF);
	CHECK(!syscall(SYS_close_range, 50, 70, 0));
	CHECK_ERR(fcntl(60, F_GETFD), EBADF);
}

TEST(times_are_set_and_kept)
{
	struct timespec t[2] = { { 1000000000, 123456789 }, { 2000000000, 987654321 } };
	struct stat st;

	touch("f");
	CHECK(!utimensat(AT_FDCWD, "f", t, 0) && !stat("f", &st));
	CHECK(st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 123456789);
	CHECK(st.st_mtim.tv_sec == 2000000000 && st.st_mtim.tv_nsec == 987654321);
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_nsec = UTIME_NOW;
	CHECK(!utimensat(AT_FDCWD, "f", t, 0) && !stat("f", &st));
	CHECK(st.st_atim.tv_sec == 1000000000 && st.st_mtim.tv_sec != 2000000000);
	t[0].tv_nsec = 1000000000;
	CHECK_ERR(utimensat(AT_FDCWD, "f", t, 0), EINVAL);
}

TEST(ctime_and_mtime_follow_changes)
{
	struct stat a, b, c;
	int fd = open("f", O_CREAT | O_WRONLY, 0644);

	CHECK(!fstat(fd, &a));
	sleep_ms(20);
	CHECK(write(fd, "x", 1) == 1 && !fstat(fd, &b));
	CHECK(memcmp(&a.st_mtim, &b.st_mtim, sizeof(a.st_mtim)));
	sleep_ms(20);
	CHECK(!fchmod(fd, 0600) && !fstat(fd, &c));
	CHECK(!memcmp(&b.st_mtim, &c.st_mtim, sizeof(b.st_mtim)) &&
	      memcmp(&b.st_ctim, &c.st_ctim, sizeof(b.st_ctim)));
}

TEST(statx_and_statfs)
{
	unsigned char buf[256];
	struct statfs fs;

	write_file("f", "123", 3);
	CHECK(!syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, buf));
	CHECK_EQ(*(uint64_t *)(buf + 40), 3); /* stx_size */
	CHECK_ERR(syscall(SYS_statx, AT_FDCWD, "f", 0x80000000, 0, buf), EINVAL);
	CHECK(!statfs(".", &fs) && fs.f_bsize > 0 && fs.f_blocks > 0 && fs.f_namelen == 255);
}

TEST(special_nodes)
{
	struct stat st;

	CHECK(!mkfifo("p", 0644) && !stat("p", &st) && S_ISFIFO(st.st_mode));
	if (getuid())
		SKIP("needs root");
	CHECK(!mknod("null", S_IFCHR | 0666, makedev(1, 3)) && !stat("null", &st));
	CHECK(S_ISCHR(st.st_mode) && major(st.st_rdev) == 1 && minor(st.st_rdev) == 3);
}

TEST(device_numbers)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} rows[] = { { "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
		     { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
		     { "/dev/ptmx", 5, 2 } };
	struct stat st;
	char buf[8];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK(!stat(rows[i].path, &st));
		CHECK(major(st.st_rdev) == rows[i].major && minor(st.st_rdev) == rows[i].minor);
	}
	CHECK_EQ(read(open("/dev/null", O_RDONLY), buf, 8), 0);
	CHECK_EQ(read(open("/dev/zero", O_RDONLY), buf, 8), 8);
	CHECK_ERR(write(open("/dev/full", O_WRONLY), buf, 8), ENOSPC);
}

TEST(posix_locks)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
	int fd = open("f", O_CREAT | O_RDWR, 0644);

	CHECK(!fcntl(fd, F_SETLK, &l));
	WAIT_OK(CHILD({
		struct flock m = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5,
				   .l_len = 1 };

		CHECK_ERR(fcntl(fd, F_SETLK, &m), EAGAIN);
		CHECK(!fcntl(fd, F_GETLK, &m) && m.l_type == F_WRLCK && m.l_pid == getppid() &&
		      m.l_start == 0 && m.l_len == 10);
		m.l_type = F_RDLCK;
		m.l_start = 10;
		m.l_len = 0;
		CHECK(!fcntl(fd, F_SETLK, &m));
	}));
	CHECK(!close(open("f", O_RDONLY))); /* closing any descriptor drops all locks */
	WAIT_OK(CHILD({
		struct flock m = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		CHECK(!fcntl(fd, F_SETLK, &m));
	}));
}

TEST(flock_belongs_to_the_open_file)
{
	int a = open("f", O_CREAT | O_RDWR, 0644), b = open("f", O_RDWR);

	CHECK(!flock(a, LOCK_EX | LOCK_NB));
	CHECK_ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK(!flock(a, LOCK_SH) && !flock(b, LOCK_SH | LOCK_NB));
	CHECK(!close(a) && !flock(b, LOCK_EX | LOCK_NB));
}

TEST(inotify_tells)
{
	char buf[4096] __attribute__((aligned(8)));
	struct inotify_event *e = (void *)buf;
	int fd = inotify_init1(IN_NONBLOCK), wd;

	CHECK(fd >= 0);
	wd = inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE | IN_MOVE);
	CHECK(wd >= 0);
	CHECK_ERR(read(fd, buf, sizeof(buf)), EAGAIN);
	touch("new");
	CHECK(read(fd, buf, sizeof(buf)) > 0 && e->wd == wd && e->mask == IN_CREATE);
	CHECK(!strcmp(e->name, "new"));
	CHECK(!rename("new", "old") && read(fd, buf, sizeof(buf)) > 0);
	CHECK(e->mask == IN_MOVED_FROM);
	CHECK(!unlink("old") && read(fd, buf, sizeof(buf)) > 0 && e->mask == IN_DELETE);
	CHECK(!inotify_rm_watch(fd, wd) && read(fd, buf, sizeof(buf)) > 0);
	CHECK_EQ(e->mask, IN_IGNORED);
}

TEST(xattrs)
{
	char buf[100];

	touch("f");
	if (setxattr("f", "user.one", "1", 1, 0) && errno == EOPNOTSUPP)
		SKIP("no user xattrs here");
	CHECK(!setxattr("f", "user.two", "second", 6, XATTR_CREATE));
	CHECK_ERR(setxattr("f", "user.two", "x", 1, XATTR_CREATE), EEXIST);
	CHECK_EQ(getxattr("f", "user.two", buf, sizeof(buf)), 6);
	CHECK_EQ(getxattr("f", "user.two", NULL, 0), 6);
	CHECK_ERR(getxattr("f", "user.two", buf, 2), ERANGE);
	CHECK_ERR(getxattr("f", "user.none", buf, 2), ENODATA);
	CHECK_EQ(listxattr("f", buf, sizeof(buf)), 18);
	CHECK(!removexattr("f", "user.one"));
	CHECK_ERR(removexattr("f", "user.one"), ENODATA);
}

TEST(getcwd_and_proc_links)
{
	char cwd[PATH_MAX], link[PATH_MAX], fd_path[64];
	ssize_t n;
	int fd;

	CHECK(!mkdir("deep", 0755) && !chdir("deep") && getcwd(cwd, sizeof(cwd)));
	n = readlink("/proc/self/cwd", link, sizeof(link));
	CHECK(n == (ssize_t)strlen(cwd) && !memcmp(link, cwd, (size_t)n));
	fd = open("f", O_CREAT | O_RDWR, 0644);
	snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", fd);
	n = readlink(fd_path, link, sizeof(link) - 1);
	CHECK(n > 0);
	link[n] = 0;
	strcat(cwd, "/f");
	CHECK(!strcmp(link, cwd));
	CHECK(!unlink("f"));
	n = readlink(fd_path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	CHECK(strstr(link, "/f (deleted)"));
}

TEST(openat_and_dirfd)
{
	int d;
	struct stat st;

	CHECK(!mkdir("d", 0755));
	d = open("d", O_PATH | O_DIRECTORY);
	CHECK(d >= 0 && openat(d, "f", O_CREAT | O_WRONLY, 0644) >= 0);
	CHECK(!stat("d/f", &st) && !fstatat(d, "f", &st, 0) && !fstatat(d, "", &st, AT_EMPTY_PATH));
	CHECK_ERR(openat(999, "f", O_RDONLY), EBADF);
	CHECK_ERR(openat(open("d/f", O_RDONLY), "x", O_RDONLY), ENOTDIR);
	CHECK_ERR(read(d, &st, 1), EBADF); /* O_PATH */
	CHECK(!unlinkat(d, "f", 0) && !unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
}

TEST(fallocate_and_enospc_free_errors)
{
	int fd = open("f", O_CREAT | O_RDWR, 0644);
	struct stat st;

	if (fallocate(fd, 0, 0, 100000) && errno == EOPNOTSUPP)
		SKIP("no fallocate here");
	CHECK(!fstat(fd, &st) && st.st_size == 100000 && st.st_blocks >= 100000 / 512);
	CHECK(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 200000) && !fstat(fd, &st));
	CHECK_EQ(st.st_size, 100000);
	CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERR(fallocate(fd, 0, -1, 5), EINVAL);
}
