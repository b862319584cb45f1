// SPDX-License-Identifier: MIT
/* Files against whoever would use them to get more rights: set-id bits, sticky directories, scoped walks. */
#include "abi.h"

#include <elf.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

#define USER 65534
#define OTHER 1234
#define RACE_NS 1500000000ll

static void become(uid_t uid)
{
	CHECK(!setgroups(0, NULL) && !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid));
}

static void as_root(void)
{
	if (geteuid())
		SKIP("needs root");
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	CHECK(!lstat(name, &st));
	return st.st_mode & 07777;
}

/* ---- owner and mode change together ---- */

/* An ELF program of a few instructions: exit(geteuid() == 0). */
static void write_tiny(const char *name)
{
	static const unsigned char code[] = {
		0xb8, 107, 0, 0, 0,     /* mov eax, geteuid */
		0x0f, 0x05,             /* syscall */
		0x31, 0xff,             /* xor edi, edi */
		0x85, 0xc0,             /* test eax, eax */
		0x40, 0x0f, 0x94, 0xc7, /* sete dil */
		0xb8, 60, 0, 0, 0,      /* mov eax, exit */
		0x0f, 0x05,             /* syscall */
	};
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr p;
		unsigned char code[sizeof(code)];
	} f = {
		.e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		       .e_entry = 0x400000 + sizeof(f.e) + sizeof(f.p), .e_phoff = sizeof(f.e),
		       .e_ehsize = sizeof(f.e), .e_phentsize = sizeof(f.p), .e_phnum = 1 },
		.p = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000,
		       .p_filesz = sizeof(f), .p_memsz = sizeof(f), .p_align = 4096 },
	};

	memcpy(f.code, code, sizeof(code));
	write_file(name, &f, sizeof(f));
}

/* A user's set-user-id program that root takes over runs as its old owner or without the bit, never as root. */
TEST(chown_of_a_set_uid_file_while_it_is_executed_gave_root)
{
	long long end = now_ns() + RACE_NS;
	pid_t keeper;
	int status;

	as_root();
	CHECK(!chmod(".", 0755));
	write_tiny("s");
	keeper = CHILD({
		for (;;)
			if (chown("s", USER, USER) || chmod("s", 04755) || chown("s", 0, 0))
				_exit(1);
	});
	while (now_ns() < end) {
		pid_t pid = vfork();

		if (!pid) {
			syscall(SYS_setresuid, OTHER, OTHER, OTHER);
			execl("./s", "s", NULL);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
	kill(keeper, SIGKILL);
	WAIT_SIGNAL(keeper, SIGKILL);
}

/* ---- scoped walks ---- */

static int scoped(int dir, const char *name, int flags, unsigned long long resolve)
{
	struct open_how how = { .flags = (unsigned long long)flags, .resolve = resolve };

	if (flags & O_CREAT)
		how.mode = 0600;
	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

/* box/in/deep is moved out of the box and back while names go down and up through it. */
static void rename_race(unsigned long long resolve, bool by_cwd)
{
	long long end = now_ns() + RACE_NS;
	struct stat st;
	pid_t mover;
	int box, at;

	CHECK(!mkdir("box", 0755) && !mkdir("box/in", 0755) && !mkdir("box/in/deep", 0755));
	box = open("box", O_PATH | O_DIRECTORY);
	CHECK(box >= 0);
	mover = CHILD({
		for (;;)
			if (rename("box/in/deep", "deep") || rename("deep", "box/in/deep"))
				_exit(1);
	});
	if (by_cwd) {
		CHECK(!fchdir(box));
		box = AT_FDCWD;
	}
	for (int i = 0; now_ns() < end; i++) {
		at = scoped(box, "in/deep/../../escaped", O_CREAT | O_RDWR, resolve);
		if (at < 0)
			CHECK(errno == EAGAIN || errno == ENOENT || errno == EXDEV);
		else
			close(at);
		CHECK_ERR(fstatat(box, "../../escaped", &st, 0), ENOENT);
		CHECK_ERR(fstatat(box, "../escaped", &st, 0), ENOENT);
	}
	kill(mover, SIGKILL);
	WAIT_SIGNAL(mover, SIGKILL);
}

TEST(creation_below_escaped_when_a_directory_was_renamed)
{
	rename_race(RESOLVE_BENEATH, false);
}

TEST(creation_in_root_escaped_when_a_directory_was_renamed)
{
	rename_race(RESOLVE_IN_ROOT, false);
}

TEST(creation_below_the_working_directory_escaped)
{
	rename_race(RESOLVE_BENEATH, true);
}

TEST(creation_over_a_mount_point_crossed_it_in_spite_of_no_xdev)
{
	as_root();
	write_file("f", "f", 1);
	write_file("g", "g", 1);
	if (mount("g", "f", NULL, MS_BIND, NULL))
		SKIP("no mounts");
	CHECK_ERR(scoped(AT_FDCWD, "f", O_CREAT | O_RDWR, RESOLVE_NO_XDEV), EXDEV);
	CHECK_ERR(scoped(AT_FDCWD, "f", O_CREAT | O_EXCL | O_RDWR, RESOLVE_NO_XDEV), EXDEV);
	CHECK_ERR(scoped(AT_FDCWD, "f", O_CREAT | O_EXCL | O_RDWR, 0), EEXIST);
	CHECK(!umount("f"));
}

/* ---- proc_sys_fs(5), protected_* ---- */

static void setting(const char *name, char value)
{
	char path[64];
	int fd;

	OWN_MACHINE();
	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, &value, 1), 1);
	close(fd);
}

static char setting_of(const char *name)
{
	char path[64], c = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &c, 1), 1);
	close(fd);
	return c;
}

TEST(protected_settings_begin_as_debians)
{
	OWN_MACHINE();
	CHECK_EQ(setting_of("protected_symlinks"), '1');
	CHECK_EQ(setting_of("protected_hardlinks"), '1');
	CHECK_EQ(setting_of("protected_fifos"), '0');
	CHECK_EQ(setting_of("protected_regular"), '0');
}

/* A directory "t" with @mode of root's, with a link, a file and a fifo of OTHER's that anybody may use. */
static void sticky(mode_t mode)
{
	CHECK(!chmod(".", 0755));
	write_file("target", "x", 1);
	CHECK(!chmod("target", 0666));
	CHECK(!mkdir("t", 0700) && !symlink("../target", "t/link") && !symlink("..", "t/up"));
	CHECK(!lchown("t/link", OTHER, OTHER) && !lchown("t/up", OTHER, OTHER));
	write_file("t/file", "x", 1);
	CHECK(!chmod("t/file", 0666) && !chown("t/file", OTHER, OTHER));
	CHECK(!mkfifo("t/fifo", 0666) && !chmod("t/fifo", 0666) && !chown("t/fifo", OTHER, OTHER));
	CHECK(!mknod("t/null", S_IFCHR | 0666, 1 << 8 | 3) && !chmod("t/null", 0666));
	CHECK(!chown("t/null", OTHER, OTHER));
	CHECK(!chmod("t", mode));
}

static const struct {
	const char *what;
	mode_t dir;
	uid_t who;
	const char *name;
	int flags, want; /* errno */
} links[] = {
	{ "a_strangers", 01777, USER, "t/link", O_RDONLY, EACCES },
	{ "roots_too", 01777, 0, "t/link", O_RDONLY, EACCES },
	{ "his_own", 01777, OTHER, "t/link", O_RDONLY, 0 },
	{ "with_creat", 01777, USER, "t/link", O_RDWR | O_CREAT, EACCES },
	{ "not_for_all", 01775, USER, "t/link", O_RDONLY, 0 },
	{ "not_sticky", 0777, USER, "t/link", O_RDONLY, 0 },
	{ "in_the_middle", 01777, USER, "t/up/target", O_RDONLY, 0 },
	{ "with_a_slash", 01777, USER, "t/up/", O_RDONLY, EACCES },
	{ "not_followed", 01777, USER, "t/link", O_RDONLY | O_NOFOLLOW, ELOOP },
	{ "behind_a_link", 01777, USER, "outer", O_RDONLY, EACCES },
};

TEST_ROWS(protected_symlinks, links)
{
	as_root();
	setting("protected_symlinks", '1');
	sticky(row->dir);
	CHECK(!symlink("t/link", "outer"));
	if (row->who)
		become(row->who);
	if (row->want)
		CHECK_ERR(open(row->name, row->flags, 0600), row->want);
	else
		CHECK(open(row->name, row->flags, 0600) >= 0);
}

static const struct {
	const char *what;
	char level;
	mode_t dir;
	uid_t who;
	const char *name;
	int flags, want;
} found[] = {
	{ "a_file_at_0", '0', 01777, USER, "t/file", O_CREAT | O_RDWR, 0 },
	{ "a_file_at_1", '1', 01777, USER, "t/file", O_CREAT | O_RDWR, EACCES },
	{ "a_file_for_root", '1', 01777, 0, "t/file", O_CREAT | O_RDWR, EACCES },
	{ "his_own_file", '1', 01777, OTHER, "t/file", O_CREAT | O_RDWR, 0 },
	{ "without_creat", '1', 01777, USER, "t/file", O_RDWR, 0 },
	{ "exclusive", '1', 01777, USER, "t/file", O_CREAT | O_EXCL | O_RDWR, EEXIST },
	{ "for_a_group_at_1", '1', 01775, USER, "t/file", O_CREAT | O_RDWR, 0 },
	{ "for_a_group_at_2", '2', 01775, USER, "t/file", O_CREAT | O_RDWR, EACCES },
	{ "not_sticky", '2', 0777, USER, "t/file", O_CREAT | O_RDWR, 0 },
	{ "a_fifo_at_0", '0', 01777, USER, "t/fifo", O_CREAT | O_RDWR, 0 },
	{ "a_fifo_at_1", '1', 01777, USER, "t/fifo", O_CREAT | O_RDWR, EACCES },
	{ "a_fifo_for_a_group_at_2", '2', 01775, USER, "t/fifo", O_CREAT | O_RDWR, EACCES },
	{ "a_device_at_0", '0', 01777, USER, "t/null", O_CREAT | O_RDWR, EACCES },
};

TEST_ROWS(protected_files_and_fifos, found)
{
	int status;
	pid_t pid;

	as_root();
	setting("protected_regular", row->level);
	setting("protected_fifos", row->level);
	sticky(row->dir);
	pid = CHILD({
		if (row->who)
			become(row->who);
		if (row->want)
			CHECK_ERR(open(row->name, row->flags, 0600), row->want);
		else
			CHECK(open(row->name, row->flags, 0600) >= 0);
	});
	status = wait_status(pid);
	setting("protected_regular", '0');
	setting("protected_fifos", '0');
	CHECK_EQ(status, 0);
}

static const struct {
	const char *what;
	mode_t mode;
	uid_t owner, who;
	int want;
} hard[] = {
	{ "of_what_he_may_write", 0666, OTHER, USER, 0 },
	{ "of_what_he_may_read", 0644, OTHER, USER, EPERM },
	{ "of_a_set_uid_file", 04777, OTHER, USER, EPERM },
	{ "of_a_set_gid_file", 02777, OTHER, USER, EPERM },
	{ "of_his_own", 04700, USER, USER, 0 },
	{ "by_root", 04700, USER, 0, 0 },
};

TEST_ROWS(protected_hardlinks, hard)
{
	as_root();
	setting("protected_hardlinks", '1');
	CHECK(!chmod(".", 0777));
	write_file("f", "f", 1);
	CHECK(!chown("f", row->owner, row->owner) && !chmod("f", row->mode));
	if (row->who)
		become(row->who);
	if (row->want)
		CHECK_ERR(link("f", "l"), row->want);
	else
		CHECK(!link("f", "l"));
}

/* ---- set-group-id of new files ---- */

TEST(the_umask_decided_whether_a_strangers_file_kept_set_group_id)
{
	as_root();
	CHECK(!mkdir("d", 0777) && !chown("d", 0, 4321) && !chmod("d", 02777) && !chmod(".", 0755));
	become(USER);
	umask(010);
	CHECK(open("d/f", O_CREAT | O_RDWR, 02770) >= 0);
	CHECK_EQ(mode_of("d/f"), 0760);
	CHECK(!mknod("d/n", S_IFREG | 02770, 0));
	CHECK_EQ(mode_of("d/n"), 0760);
	CHECK(open("d/p", O_CREAT | O_RDWR, 02760) >= 0);
	CHECK_EQ(mode_of("d/p"), 02760);
	CHECK(!mkdir("d/s", 0777));
	CHECK_EQ(mode_of("d/s"), 02767);
}
