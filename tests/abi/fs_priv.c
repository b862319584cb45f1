// SPDX-License-Identifier: MIT
/* When the rights that a file gives (set-id bits, security.capability) go, and what chattr's flags forbid. */
#include "abi.h"

#include <grp.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define USER 65534

static void as_root(void)
{
	if (geteuid())
		SKIP("needs root");
	CHECK(!chmod(".", 0777));
	umask(0);
}

static void become_user(void)
{
	CHECK(!setgroups(0, NULL) && !setresgid(USER, USER, USER) && !setresuid(USER, USER, USER));
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	CHECK(!lstat(name, &st));
	return st.st_mode & 07777;
}

static int open_rw(void)
{
	int fd = open("f", O_RDWR);

	CHECK(fd >= 0);
	return fd;
}

static void by_write(void)
{
	CHECK_EQ(write(open_rw(), "x", 1), 1);
}
static void by_nothing(void)
{
	CHECK_EQ(write(open_rw(), "x", 0), 0);
}
static void by_truncate(void)
{
	CHECK(!truncate("f", 3));
}
static void by_same_size(void)
{
	CHECK(!ftruncate(open_rw(), 5));
}
static void by_open(void)
{
	CHECK(open("f", O_RDWR | O_TRUNC) >= 0);
}
static void by_fallocate(void)
{
	CHECK(!fallocate(open_rw(), 0, 0, 100));
}
static void by_copy(void)
{
	CHECK_EQ(copy_file_range(open("g", O_RDONLY), NULL, open_rw(), NULL, 3, 0), 3);
}
static void by_splice(void)
{
	int p[2];

	CHECK(!pipe(p) && write(p[1], "abc", 3) == 3);
	CHECK_EQ(splice(p[0], NULL, open_rw(), NULL, 3, 0), 3);
}
static void by_sendfile(void)
{
	CHECK_EQ(sendfile(open_rw(), open("g", O_RDONLY), NULL, 3), 3);
}
static void by_chown(void)
{
	CHECK(!chown("f", USER, USER));
}
static void by_empty_chown(void)
{
	CHECK(!chown("f", -1, -1));
}
static void by_utime(void)
{
	CHECK(!utimensat(AT_FDCWD, "f", NULL, 0));
}
static void by_refused_chown(void)
{
	CHECK_ERR(chown("f", -1, -1), EPERM);
}

static const struct {
	const char *what;
	void (*act)(void);
	uid_t owner;
	bool root;
	mode_t before, after;
} drops[] = {
	{ "write", by_write, 0, false, 06777, 0777 },
	{ "write_by_root", by_write, 0, true, 06777, 06777 },
	{ "write_of_nothing", by_nothing, 0, false, 06777, 06777 },
	{ "write_without_group_execute", by_write, 0, false, 06766, 0766 },
	{ "write_by_a_member", by_write, USER, false, 02766, 02766 },
	{ "truncate", by_truncate, 0, false, 06777, 0777 },
	{ "truncate_by_root", by_truncate, 0, true, 06777, 06777 },
	{ "ftruncate_to_the_same", by_same_size, 0, false, 06777, 0777 },
	{ "open_with_trunc", by_open, 0, false, 06777, 0777 },
	{ "fallocate", by_fallocate, 0, false, 06777, 0777 },
	{ "copy_file_range", by_copy, 0, false, 06777, 0777 },
	{ "splice", by_splice, 0, false, 06777, 0777 },
	{ "sendfile", by_sendfile, 0, false, 06777, 0777 },
	{ "chown_by_root", by_chown, 0, true, 06777, 0777 },
	{ "chown_to_himself", by_chown, USER, false, 06777, 0777 },
	{ "chown_of_nothing", by_empty_chown, USER, false, 06777, 0777 },
	{ "chown_of_nothing_by_root", by_empty_chown, 0, true, 06777, 0777 },
	{ "chown_without_group_execute", by_chown, USER, false, 06766, 02766 },
	{ "chown_of_nothing_of_anothers", by_refused_chown, 0, false, 06777, 06777 },
	{ "touch", by_utime, USER, false, 06777, 06777 },
};

TEST_ROWS(set_id_bits_go_at, drops)
{
	as_root();
	write_file("f", "12345", 5);
	write_file("g", "12345", 5);
	CHECK(!chown("f", row->owner, row->owner) && !chmod("f", row->before));
	WAIT_OK(CHILD({
		if (!row->root)
			become_user();
		row->act();
	}));
	CHECK_EQ(mode_of("f"), row->after);
}

/* Not of regular files only. */
TEST(chown_left_the_bits_of_fifos_devices_and_sockets)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	static const char *const names[] = { "fifo", "null", "sock" };

	as_root();
	CHECK(!mkfifo("fifo", 0600) && !mknod("null", S_IFCHR | 0600, 1 << 8 | 3));
	CHECK(!bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof(a)));
	for (int i = 0; i < 3; i++) {
		CHECK(!chmod(names[i], 06777) && !chown(names[i], 1, 1));
		CHECK_EQ(mode_of(names[i]), 0777);
	}
	CHECK(!mkdir("dir", 0777) && !chmod("dir", 06777) && !chown("dir", 1, 1));
	CHECK_EQ(mode_of("dir"), 06777);
}

TEST(a_write_to_a_device_left_its_bits)
{
	int fd;

	as_root();
	CHECK(!mknod("null", S_IFCHR | 0666, 1 << 8 | 3) && !chmod("null", 06777));
	become_user();
	fd = open("null", O_WRONLY);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1);
	CHECK_EQ(mode_of("null"), 06777);
}

/* ---- file capabilities ---- */

static const unsigned int caps[] = { 0x02000001, 1 << 10, 0, 0, 0 }; /* cap_net_bind_service, effective */

static const struct {
	const char *what;
	void (*act)(void);
	bool gone;
} cap_rows[] = {
	{ "write", by_write, true },
	{ "write_of_nothing", by_nothing, false },
	{ "truncate", by_truncate, true },
	{ "fallocate", by_fallocate, true },
	{ "copy_file_range", by_copy, true },
	{ "splice", by_splice, true },
	{ "chown", by_chown, true },
	{ "touch", by_utime, false },
};

TEST_ROWS(file_capabilities_survived, cap_rows)
{
	char value[64];

	as_root();
	write_file("f", "12345", 5);
	write_file("g", "12345", 5);
	CHECK(!setxattr("f", "security.capability", caps, sizeof(caps), 0));
	row->act(); /* also root's */
	CHECK_EQ(getxattr("f", "security.capability", value, sizeof(value)), row->gone ? -1 : 20);
	CHECK(!setxattr("f", "security.capability", caps, sizeof(caps), 0));
	by_write();
	CHECK_ERR(getxattr("f", "security.capability", value, sizeof(value)), ENODATA);
}

/* ---- chattr +i, +a ---- */

static int flag_fd = -1;

static void set_flags(int flags)
{
	if (ioctl(flag_fd, FS_IOC_SETFLAGS, &flags))
		SKIP("no chattr here");
}

static int flags_of(int fd)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		SKIP("no chattr here");
	return flags;
}

TEST(immutable_did_not_hold_against_descriptors_opened_before)
{
	int fd, in, old, p[2];
	char *map;

	as_root();
	write_file("f", "12345", 5);
	write_file("g", "12345", 5);
	fd = open_rw();
	flag_fd = open("f", O_RDONLY);
	in = open("g", O_RDONLY);
	old = flags_of(flag_fd);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && !pipe(p) && write(p[1], "abc", 3) == 3);
	set_flags(old | FS_IMMUTABLE_FL);
	CHECK_ERR(write(fd, "x", 1), EPERM);
	CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERR(ftruncate(fd, 1), EPERM);
	CHECK_ERR(fallocate(fd, 0, 0, 100), EPERM);
	CHECK_ERR(copy_file_range(in, NULL, fd, NULL, 3, 0), EPERM);
	CHECK_ERR(splice(p[0], NULL, fd, NULL, 3, 0), EPERM);
	CHECK_ERR(sendfile(fd, in, NULL, 3), EPERM);
	CHECK_ERR(fchmod(fd, 0600), EPERM);
	CHECK_ERR(fchown(fd, 0, 0), EPERM);
	CHECK_ERR(futimens(fd, NULL), EPERM);
	CHECK_ERR(fsetxattr(fd, "user.a", "x", 1, 0), EPERM);
	CHECK_ERR(link("f", "l"), EPERM);
	CHECK_ERR(unlink("f"), EPERM);
	CHECK_ERR(open("f", O_RDWR), EPERM);
	WAIT_SIGNAL(CHILD({ map[0] = 'x'; }), SIGBUS);
	set_flags(old);
	CHECK_EQ(write(fd, "x", 1), 1);
}

TEST(append_only_did_not_hold_against_descriptors_opened_before)
{
	struct timespec set[2] = { { 1, 0 }, { 1, 0 } };
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct timespec half[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	int fd, old;

	as_root();
	write_file("f", "12345", 5);
	fd = open_rw();
	flag_fd = open("f", O_RDONLY);
	old = flags_of(flag_fd);
	set_flags(old | FS_APPEND_FL);
	CHECK_ERR(ftruncate(fd, 1), EPERM);
	CHECK_ERR(truncate("f", 1), EPERM);
	CHECK(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100));
	CHECK_ERR(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 100), EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
	CHECK_ERR(futimens(fd, set), EPERM);
	CHECK_ERR(futimens(fd, half), EPERM);
	CHECK(!futimens(fd, now) && !futimens(fd, NULL));
	CHECK_ERR(open("f", O_RDWR), EPERM);
	CHECK_ERR(open("f", O_RDWR | O_APPEND | O_TRUNC), EPERM);
	CHECK_ERR(unlink("f"), EPERM);
	fd = open("f", O_RDWR | O_APPEND);
	CHECK(fd >= 0);
	CHECK_ERR(fcntl(fd, F_SETFL, 0), EPERM);
	set_flags(old);
}
