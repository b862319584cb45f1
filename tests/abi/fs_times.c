// SPDX-License-Identifier: MIT
/* Access times, block sizes, what statx tells; holes; whiteouts; limits of open files. */
#include "abi.h"

#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/statfs.h>


static int sx(int dir, const char *name, int flags, unsigned int mask, struct statx *x)
{
	return (int)syscall(SYS_statx, dir, name, flags, mask, x);
}

/* ---- access times ---- */

static long atime_of(const char *name)
{
	struct stat st;

	CHECK(!lstat(name, &st));
	return st.st_atim.tv_sec;
}

/* An access time long ago, which relatime moves on. */
static void age(const char *name)
{
	struct timespec t[2] = { { 1000, 0 }, { 1000, 0 } };

	CHECK(!utimensat(AT_FDCWD, name, t, AT_SYMLINK_NOFOLLOW));
	CHECK_EQ(atime_of(name), 1000);
}

TEST(a_read_at_the_end_left_the_access_time)
{
	char c[4];
	int fd;

	write_file("f", "", 0);
	fd = open("f", O_RDONLY);
	age("f");
	CHECK_EQ(read(fd, c, 0), 0);
	CHECK_EQ(atime_of("f"), 1000);
	CHECK_EQ(read(fd, c, 4), 0);
	CHECK(atime_of("f") > 1000);
}

TEST(a_followed_link_kept_its_access_time)
{
	struct stat st;

	CHECK(!mkdir("d", 0755) && !symlink("d", "l") && !symlink("l", "m"));
	write_file("d/f", "x", 1);
	age("l");
	CHECK(!lstat("l", &st));
	CHECK_EQ(atime_of("l"), 1000);
	CHECK(!stat("l/f", &st));
	CHECK(atime_of("l") > 1000);
	age("l");
	age("m");
	CHECK(!stat("m", &st));
	CHECK(atime_of("l") > 1000 && atime_of("m") > 1000);
	age("m");
	CHECK(open("m/new", O_CREAT | O_RDWR, 0600) >= 0);
	CHECK(atime_of("m") > 1000);
	age("m");
	CHECK(readlink("m", (char[8]){ 0 }, 8) == 1);
	CHECK(atime_of("m") > 1000);
}

/* With relatime it moves once, then waits for a change or a day. */
TEST(relatime_moves_once)
{
	struct timespec t[2] = { { 0, UTIME_NOW }, { 1000, 0 } };
	struct stat a, b;
	int fd;

	write_file("f", "x", 1);
	fd = open("f", O_RDONLY);
	CHECK(!utimensat(AT_FDCWD, "f", t, 0)); /* ctime is now, too: not older */
	sleep_ms(20);
	CHECK(read(fd, (char[1]){ 0 }, 1) == 1 && !fstat(fd, &a));
	sleep_ms(20);
	CHECK(pread(fd, (char[1]){ 0 }, 1, 0) == 1 && !fstat(fd, &b));
	CHECK_EQ(a.st_atim.tv_nsec, b.st_atim.tv_nsec);
}

/* ---- stat ---- */

static const struct {
	const char *what, *name;
	long size;
} sizes[] = {
	{ "ext4", ".", 4096 },
	{ "tmpfs", "/dev/shm", 4096 },
	{ "sysfs", "/sys/kernel", 4096 },
	{ "devtmpfs", "/dev/null", 4096 },
	{ "devpts", "/dev/pts", 1024 },
};

TEST_ROWS(st_blksize, sizes)
{
	struct stat st;

	if (stat(row->name, &st))
		SKIP("not here");
	CHECK_EQ(st.st_blksize, row->size);
}

TEST(statx_says_what_it_knows)
{
	struct statx x;
	struct stat st;
	int fd;

	write_file("f", "x", 1);
	CHECK(!sx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN | STATX_MNT_ID, &x));
	CHECK((x.stx_mask & (STATX_BASIC_STATS | STATX_MNT_ID)) == (STATX_BASIC_STATS | STATX_MNT_ID));
	CHECK((x.stx_attributes_mask & (STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX | STATX_ATTR_AUTOMOUNT)) ==
	      (STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX | STATX_ATTR_AUTOMOUNT));
	CHECK(x.stx_mnt_id);
	CHECK(!sx(AT_FDCWD, "/proc/self/maps", 0, STATX_DIOALIGN, &x));
	CHECK(!(x.stx_mask & STATX_DIOALIGN));
	fd = open("f", O_RDONLY);
	CHECK(!sx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x) && !fstat(fd, &st));
	CHECK_EQ(x.stx_ino, st.st_ino);
	CHECK_ERR(sx(AT_FDCWD, "f", 0, STATX__RESERVED, &x), EINVAL);
	CHECK_ERR(sx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, &x), EINVAL);
	CHECK_ERR(sx(AT_FDCWD, "f", 0x8000000, 0, &x), EINVAL);
}

TEST(statx_tells_of_direct_io_on_a_disk)
{
	struct statfs s;
	struct statx x;

	write_file("f", "x", 1);
	CHECK(!statfs(".", &s));
	if (s.f_type != 0xef53)
		SKIP("not on ext4");
	CHECK(!sx(AT_FDCWD, "f", 0, STATX_DIOALIGN, &x));
	CHECK(x.stx_mask & STATX_DIOALIGN);
	CHECK_EQ(x.stx_dio_mem_align, 512);
	CHECK_EQ(x.stx_dio_offset_align, 512);
	CHECK(!sx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
	CHECK(!(x.stx_mask & STATX_DIOALIGN));
	CHECK(!sx(AT_FDCWD, ".", 0, STATX_DIOALIGN, &x));
	CHECK(!(x.stx_mask & STATX_DIOALIGN));
}

TEST(statfs_says_nosymfollow)
{
	struct statfs s;

	if (geteuid())
		SKIP("needs root");
	CHECK(!mkdir("m", 0755));
	if (mount("t", "m", "tmpfs", 256 /* MS_NOSYMFOLLOW */, NULL))
		SKIP("no mounts");
	CHECK(!statfs("m", &s));
	CHECK(s.f_flags & 0x2000);
	CHECK(!symlink("x", "m/l"));
	CHECK_ERR(open("m/l", O_RDONLY), ELOOP);
	CHECK(!umount("m") && !statfs(".", &s));
	CHECK(!(s.f_flags & 0x2000));
}

TEST(umount_of_dot_and_of_what_is_stacked)
{
	struct stat st;

	if (geteuid())
		SKIP("needs root");
	CHECK(!mkdir("m", 0755));
	if (mount("t", "m", "tmpfs", 0, NULL) || mount("t", "m", "tmpfs", 0, NULL))
		SKIP("no mounts");
	write_file("m/top", "x", 1);
	CHECK(!umount("m"));
	CHECK_ERR(stat("m/top", &st), ENOENT);
	CHECK(!chdir("m"));
	CHECK(!mount("t", ".", "tmpfs", 0, NULL));
	CHECK(!umount("."));
	CHECK_ERR(umount("."), EBUSY);
	CHECK(!umount2(".", MNT_DETACH));
	CHECK_ERR(umount2(".", MNT_DETACH), EINVAL);
	CHECK(!chdir(".."));
	CHECK_ERR(umount("../m"), ENOENT);
	CHECK(1);
}

TEST(umount_with_expire_takes_two_calls)
{
	struct stat st;

	if (geteuid())
		SKIP("needs root");
	CHECK(!mkdir("m", 0755));
	if (mount("t", "m", "tmpfs", 0, NULL))
		SKIP("no mounts");
	CHECK_ERR(umount2("m", MNT_EXPIRE | MNT_DETACH), EINVAL);
	CHECK_ERR(umount2("m", MNT_EXPIRE | MNT_FORCE), EINVAL);
	CHECK_ERR(umount2("m", 0x100), EINVAL);
	CHECK_ERR(umount2("m", MNT_EXPIRE), EAGAIN);
	CHECK(!stat("m/.", &st)); /* used: it begins again */
	CHECK_ERR(umount2("m", MNT_EXPIRE), EAGAIN);
	CHECK(!chdir("m"));
	CHECK_ERR(umount2(".", MNT_EXPIRE), EBUSY);
	CHECK(!chdir(".."));
	CHECK_ERR(umount2("m", MNT_EXPIRE), EAGAIN);
	CHECK(!umount2("m", MNT_EXPIRE));
	CHECK_ERR(umount2("m", MNT_EXPIRE), EINVAL);
}
