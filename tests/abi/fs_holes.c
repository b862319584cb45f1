// SPDX-License-Identifier: MIT
/* Holes and data as lseek(2) tells them; whiteouts; limits of open files. */
#include "abi.h"

#include <grp.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define K 1024L

static int fresh(void)
{
	struct statfs s;
	int fd = open("f", O_CREAT | O_TRUNC | O_RDWR, 0600);

	CHECK(fd >= 0 && !fstatfs(fd, &s));
	if (s.f_type != 0xef53)
		SKIP("not on ext4");
	return fd;
}

static void put(int fd, off_t at, size_t n)
{
	static char data[64 * K];

	CHECK_EQ(pwrite(fd, data, n, at), n);
}

/* The first data from @pos on is [start, end). */
static void expect(int fd, off_t pos, off_t start, off_t end)
{
	CHECK_EQ(lseek(fd, pos, SEEK_DATA), start);
	CHECK_EQ(lseek(fd, start, SEEK_HOLE), end);
}

TEST(all_of_a_file_was_data)
{
	for (int synced = 0; synced < 2; synced++) {
		int fd = fresh();

		CHECK(!ftruncate(fd, 300 * K));
		put(fd, 36 * K, 100);
		put(fd, 192 * K, 8 * K);
		if (synced)
			fsync(fd);
		expect(fd, 0, 36 * K, 40 * K);
		expect(fd, 37 * K, 37 * K, 40 * K);
		expect(fd, 40 * K, 192 * K, 200 * K);
		CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
		CHECK_EQ(lseek(fd, 200 * K, SEEK_HOLE), 200 * K);
		CHECK_ERR(lseek(fd, 200 * K, SEEK_DATA), ENXIO);
		CHECK_ERR(lseek(fd, 300 * K, SEEK_HOLE), ENXIO);
		put(fd, 298 * K, 4 * K);
		expect(fd, 200 * K, 296 * K, 302 * K);
	}
}

TEST(reserved_blocks_are_holes)
{
	int fd = fresh();

	CHECK(!fallocate(fd, 0, 0, 256 * K));
	CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
	CHECK_EQ(lseek(fd, 5, SEEK_HOLE), 5);
	put(fd, 64 * K, 4 * K);
	expect(fd, 0, 64 * K, 68 * K);
	fsync(fd);
	expect(fd, 0, 64 * K, 68 * K);
	CHECK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 64 * K, 4 * K));
	CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
}

TEST(a_store_through_a_mapping_is_data_at_once)
{
	int fd = fresh();
	char *p;

	CHECK(!ftruncate(fd, 64 * K));
	p = mmap(NULL, 64 * K, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	p[20 * K] = 1;
	expect(fd, 0, 20 * K, 24 * K);
}

/* ---- RENAME_WHITEOUT ---- */

static int move(const char *a, const char *b, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags);
}

static void check_whiteout(const char *name)
{
	struct stat st;

	CHECK(!lstat(name, &st));
	CHECK_EQ(st.st_mode, S_IFCHR);
	CHECK_EQ(st.st_rdev, 0);
	CHECK_EQ(st.st_nlink, 1);
}

static const struct {
	const char *what, *where;
	bool tmpfs;
} places[] = {
	{ "ext4", ".", false },
	{ "tmpfs", "m", true },
};

TEST_ROWS(rename_leaves_a_whiteout, places)
{
	struct stat st;

	if (row->tmpfs) {
		CHECK(!mkdir("m", 0755));
		if (mount("t", "m", "tmpfs", 0, NULL))
			SKIP("no mounts");
	}
	CHECK(!chdir(row->where) && !mkdir("d", 0755) && !mkdir("e", 0755));
	write_file("f", "x", 1);
	write_file("t", "yy", 2);
	CHECK(!move("f", "g", RENAME_WHITEOUT));
	check_whiteout("f");
	CHECK(!stat("g", &st) && st.st_size == 1);
	CHECK(!move("g", "t", RENAME_WHITEOUT)); /* over something */
	check_whiteout("g");
	CHECK(!stat("t", &st) && st.st_size == 1);
	CHECK(!move("t", "e/t", RENAME_WHITEOUT));
	check_whiteout("t");
	CHECK(!move("d", "e/d", RENAME_WHITEOUT));
	check_whiteout("d");
	CHECK(!stat("e/d", &st) && S_ISDIR(st.st_mode));
	CHECK(!stat("e", &st));
	CHECK_EQ(st.st_nlink, 3);
	CHECK_ERR(move("f", "e", RENAME_WHITEOUT | RENAME_EXCHANGE), EINVAL);
	CHECK_ERR(move("missing", "f", RENAME_WHITEOUT), ENOENT);
	CHECK_ERR(open("f", O_RDONLY), ENXIO);
	CHECK(!unlink("f") && !unlink("g") && !unlink("t") && !unlink("d"));
	CHECK(!rmdir("e/d") && !unlink("e/t") && !rmdir("e"));
	CHECK(!chdir("/"));
}

TEST(whiteouts_were_roots_alone)
{
	if (geteuid())
		SKIP("needs root");
	CHECK(!chmod(".", 0777) && !setgroups(0, NULL) && !setresgid(1000, 1000, 1000) &&
	      !setresuid(1000, 1000, 1000));
	CHECK(!mknod("w", S_IFCHR, 0));
	check_whiteout("w");
	CHECK_ERR(mknod("b", S_IFBLK, 0), EPERM);
	CHECK_ERR(mknod("c", S_IFCHR, makedev(1, 3)), EPERM);
	write_file("f", "x", 1);
	CHECK(!move("f", "g", RENAME_WHITEOUT));
	check_whiteout("f");
}

/* ---- fs.file-max, file-nr, nr_open ---- */

static long number(const char *name)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atol(text);
}

static void set_number(const char *name, long value)
{
	char path[64], text[64];
	int fd, n = snprintf(text, sizeof(text), "%ld\n", value);

	OWN_MACHINE();
	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, n), n);
	close(fd);
}

TEST(a_user_opened_files_without_end)
{
	long max = number("file-max");
	pid_t pid;
	int status;

	CHECK(max >= 8192);
	set_number("file-max", number("file-nr") + 200);
	pid = CHILD({
		CHECK(!setgroups(0, NULL) && !setresgid(1000, 1000, 1000) && !setresuid(1000, 1000, 1000));
		for (int i = 0; i < 1000 && open("/", O_PATH) >= 0; i++)
			;
		CHECK_EQ(errno, ENFILE);
		CHECK_ERR(socket(1, 1, 0), ENFILE);
		sleep_ms(10000);
	});
	sleep_ms(1000);
	CHECK(open("/", O_RDONLY) >= 0); /* root still can */
	CHECK(number("file-nr") > 150);
	kill(pid, SIGKILL);
	status = wait_status(pid);
	set_number("file-max", max);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(number("file-max"), max);
	set_number("file-max", LONG_MAX);
	CHECK_EQ(number("file-max"), LONG_MAX);
	set_number("file-max", max);
}

TEST(nr_open_bounds_the_limit_of_descriptors)
{
	long old = number("nr_open");
	struct rlimit r = { 2000, 2000 }, big = { 5000, 5000 };

	CHECK_EQ(old, 1048576);
	set_number("nr_open", 4096);
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &big), EPERM);
	CHECK(!setrlimit(RLIMIT_NOFILE, &r));
	set_number("nr_open", old);
	CHECK(!setrlimit(RLIMIT_NOFILE, &big));
}

/* ---- what a user can make tmpfs keep ---- */

TEST(tmpfs_did_not_charge_long_links_and_user_attributes)
{
	char text[2000];
	struct statfs a, b;
	struct stat st;

	CHECK(!mkdir("m", 0755));
	if (mount("t", "m", "tmpfs", 0, "size=16k"))
		SKIP("no mounts");
	memset(text, 'x', sizeof(text));
	text[127] = 0;
	CHECK(!statfs("m", &a) && !symlink(text, "m/short") && !statfs("m", &b));
	CHECK_EQ(a.f_bfree, b.f_bfree);
	text[127] = 'x';
	text[1999] = 0;
	CHECK(!symlink(text, "m/long") && !statfs("m", &b) && !lstat("m/long", &st));
	CHECK_EQ(a.f_bfree, b.f_bfree + 1);
	CHECK_EQ(st.st_size, 1999);
	CHECK_EQ(st.st_blocks, 8);
	CHECK(!symlink(text, "m/2") && !symlink(text, "m/3") && !symlink(text, "m/4"));
	CHECK_ERR(symlink(text, "m/5"), ENOSPC);
	CHECK(!unlink("m/2") && !unlink("m/3") && !unlink("m/4") && !unlink("m/long") && !statfs("m", &b));
	CHECK_EQ(a.f_bfree, b.f_bfree);
	write_file("m/f", "", 0);
	ONLY_6_1(); /* 6.6 has them, and charges them */
	CHECK_ERR(setxattr("m/f", "user.a", text, 1000, 0), EOPNOTSUPP);
	CHECK_ERR(getxattr("m/f", "user.a", text, 1000), EOPNOTSUPP);
	CHECK(!setxattr("m/f", "trusted.a", text, 1000, 0));
}

TEST(a_temporary_file_in_a_removed_directory)
{
	close(fresh());
	CHECK(!mkdir("d", 0755) && !chdir("d") && !rmdir("../d"));
	CHECK_ERR(open(".", O_TMPFILE | O_RDWR, 0600), EPERM);
}

TEST(names_in_sys_were_missing_instead_of_forbidden)
{
	struct stat st;

	if (stat("/sys/kernel", &st))
		SKIP("no /sys");
	write_file("f", "x", 1);
	CHECK_ERR(link("f", "/sys/kernel/x"), EXDEV);
	CHECK_ERR(mkdir("/sys/kernel/x", 0755), EPERM);
	CHECK_ERR(open("/sys/kernel/x", O_CREAT | O_RDWR, 0600), EACCES);
	CHECK_ERR(stat("/sys/kernel/x", &st), ENOENT);
}
