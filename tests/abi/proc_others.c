// SPDX-License-Identifier: MIT
/* What an ordinary user learns of others in /proc, and what is kept from them. */
#include "abi.h"
#include "proc.h"

#include <dirent.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define NOBODY 65534

static void become(uid_t id)
{
	CHECK(!setgroups(0, NULL) && !setresgid(id, id, id) && !setresuid(id, id, id));
	prctl(PR_SET_DUMPABLE, 1);
}

#define ONLY_ROOT()                                       \
	do {                                              \
		if (getuid())                             \
			SKIP("only root becomes others"); \
	} while (0)

static const struct {
	const char *what, *path;
	int flags, err;
} of_init[] = {
	{ "fd", "/proc/1/fd", O_RDONLY, EACCES },
	{ "fd_entry", "/proc/1/fd/0", O_RDONLY, EACCES },
	{ "fdinfo", "/proc/1/fdinfo", O_RDONLY, EACCES },
	{ "fdinfo_entry", "/proc/1/fdinfo/0", O_RDONLY, EACCES },
	{ "mem", "/proc/1/mem", O_RDONLY, EACCES },
	{ "environ", "/proc/1/environ", O_RDONLY, EACCES },
	{ "auxv", "/proc/1/auxv", O_RDONLY, EACCES },
	{ "maps", "/proc/1/maps", O_RDONLY, EACCES },
	{ "smaps", "/proc/1/smaps", O_RDONLY, EACCES },
	{ "pagemap", "/proc/1/pagemap", O_RDONLY, EACCES },
	{ "io", "/proc/1/io", O_RDONLY, EACCES },
	{ "clear_refs", "/proc/1/clear_refs", O_WRONLY, EACCES },
	{ "oom_score_adj", "/proc/1/oom_score_adj", O_WRONLY, EACCES },
	{ "comm", "/proc/1/comm", O_WRONLY, EACCES },
	{ "uid_map", "/proc/1/uid_map", O_WRONLY, EACCES },
	{ "root", "/proc/1/root/etc", O_RDONLY, EACCES },
	{ "cwd", "/proc/1/cwd", O_RDONLY, EACCES },
	{ "exe", "/proc/1/exe", O_RDONLY, EACCES },
	{ "status", "/proc/1/status", O_RDONLY, 0 },
	{ "stat", "/proc/1/stat", O_RDONLY, 0 },
	{ "cmdline", "/proc/1/cmdline", O_RDONLY, 0 },
	{ "task", "/proc/1/task", O_RDONLY, 0 },
	{ "slack", "/proc/1/timerslack_ns", O_RDONLY, 0 },
};

TEST_ROWS(a_stranger_opens, of_init)
{
	int err;

	ONLY_ROOT();
	become(NOBODY);
	err = open(row->path, row->flags) < 0 ? errno : 0;
	CHECK_EQ(err, row->err);
}

/* Looking a number up in fdinfo told whether it is open (Linux before 6.11 tells). */
TEST(fdinfo_does_not_tell_which_descriptors_exist)
{
	struct stat st;
	int there, absent;

	ONLY_ROOT();
	if (!is_tarn())
		SKIP("this Linux may tell");
	become(NOBODY);
	there = stat("/proc/1/fdinfo/0", &st) ? errno : 0;
	absent = stat("/proc/1/fdinfo/999", &st) ? errno : 0;
	CHECK_EQ(there, absent);
	CHECK_EQ(there, EACCES);
}

TEST(anothers_timer_slack)
{
	char path[64], buf[32];
	pid_t other;
	int fd;

	ONLY_ROOT();
	become(NOBODY);
	other = CHILD(pause());
	snprintf(path, sizeof(path), "/proc/%d/timerslack_ns", other);
	fd = open(path, O_RDWR);
	CHECK(fd >= 0);
	CHECK_ERR(read(fd, buf, sizeof(buf)), EPERM);
	CHECK_ERR(write(fd, "1000", 4), EPERM);
	kill(other, SIGKILL);
}

/* ---- an open file kept while the process runs another's program ---- */

#define HELPER "/tmp/proc_others_setid"

/* Becomes a set-user-ID copy of busybox that waits; the parent then tries what it had opened before. */
static pid_t start_and_exec(int go)
{
	return CHILD({
		char c;

		CHECK_EQ(read(go, &c, 1), 1);
		execl(HELPER, "sh", "-c", "sleep 20", (char *)NULL);
		execl("/bin/busybox", "sh", (char *)NULL);
	});
}

static bool copy_set_id(void)
{
	static char block[65536];
	int from = open("/bin/busybox", O_RDONLY), to = open(HELPER, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	ssize_t n;

	if (from < 0 || to < 0)
		return false;
	while ((n = read(from, block, sizeof(block))) > 0)
		CHECK_EQ(write(to, block, (size_t)n), n);
	CHECK(!fchmod(to, 04755) && !close(to));
	return true;
}

TEST(files_opened_before_a_set_user_id_exec)
{
	char path[64], buf[256];
	int go[2], info, io, refs, fds;
	pid_t pid;

	ONLY_ROOT();
	OWN_MACHINE();
	if (!copy_set_id())
		SKIP("no busybox");
	CHECK(!pipe(go));
	become(NOBODY);
	pid = start_and_exec(go[0]);
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/0", pid);
	info = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/io", pid);
	io = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	refs = open(path, O_WRONLY);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = open(path, O_RDONLY);
	CHECK(info >= 0 && io >= 0 && refs >= 0 && fds >= 0);
	CHECK_EQ(write(go[1], "x", 1), 1);
	sleep_ms(500);
	CHECK_ERR(open(path, O_RDONLY), EACCES); /* it is root's now */
	CHECK_ERR(read(io, buf, sizeof(buf)), EACCES);
	if (is_tarn()) {
		/* Linux gives these two; here the right goes with the program. */
		CHECK_ERR(read(info, buf, sizeof(buf)), EACCES);
		CHECK_ERR(syscall(SYS_getdents64, fds, buf, sizeof(buf)), EACCES);
	}
	write(refs, "1", 1); /* of memory that is gone: nothing happens */
}

/* ---- kernel.yama.ptrace_scope ---- */

static int try_memory(pid_t pid)
{
	static char there[8], here[8];
	struct iovec to = { here, 8 }, from = { there, 8 };
	char path[64];
	int fd, err = process_vm_readv(pid, &to, 1, &from, 1, 0) == 8 ? 0 : errno;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	CHECK_EQ(fd >= 0, err == 0); /* one rule for both */
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	CHECK(open(path, O_RDONLY) >= 0); /* reading as such is not ptrace_scope's */
	return err;
}

TEST(ptrace_scope)
{
	static const struct {
		const char *scope;
		int child, brother;
	} rows[] = { { "0", 0, 0 }, { "1", 0, EPERM }, { "2", EPERM, EPERM } };

	ONLY_ROOT();
	OWN_MACHINE();
	for (int i = 0; i < 3; i++) {
		CHECK(set_sys("/proc/sys/kernel/yama/ptrace_scope", rows[i].scope));
		WAIT_OK(CHILD({
			pid_t child;
			pid_t brother;

			become(NOBODY);
			child = CHILD(pause());
			CHECK_EQ(try_memory(child), rows[i].child);
			brother = CHILD(CHECK_EQ(try_memory(child), rows[i].brother));
			WAIT_OK(brother);
			kill(child, SIGKILL);
		}));
	}
	CHECK(set_sys("/proc/sys/kernel/yama/ptrace_scope", "0"));
	CHECK(!set_sys("/proc/sys/kernel/yama/ptrace_scope", "4"));
}

/* ---- addresses ---- */

static void unix_line(char *line, size_t size)
{
	char *text = slurp("/proc/net/unix"), *at = strstr(text, "@proc_others");

	CHECK(at);
	while (at > text && at[-1] != '\n')
		at--;
	snprintf(line, size, "%.40s", at);
}

TEST(socket_addresses_are_not_shown)
{
	struct sockaddr_un a = { AF_UNIX, "\0proc_others" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char line[64], again[64];

	ONLY_ROOT();
	OWN_MACHINE();
	CHECK(!bind(fd, (void *)&a, sizeof(sa_family_t) + 12));
	unix_line(line, sizeof(line));
	unix_line(again, sizeof(again));
	CHECK(!strcmp(line, again)); /* a name for the object, though not its place */
	CHECK(strtoull(line, NULL, 16) < 1ull << 32);
	CHECK(set_sys("/proc/sys/kernel/kptr_restrict", "2"));
	unix_line(line, sizeof(line));
	CHECK_EQ(strtoull(line, NULL, 16), 0);
	CHECK(set_sys("/proc/sys/kernel/kptr_restrict", "1"));
	WAIT_OK(CHILD({
		become(NOBODY);
		unix_line(line, sizeof(line));
		CHECK_EQ(strtoull(line, NULL, 16), 0);
	}));
	CHECK(set_sys("/proc/sys/kernel/kptr_restrict", "0"));
}

/* ---- mounts of /proc that hide ---- */

static bool lists_init(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	CHECK(d);
	while ((e = readdir(d)))
		found |= !strcmp(e->d_name, "1");
	closedir(d);
	return found;
}

static const struct {
	const char *what, *options;
	bool listed;
	int stat_err, open_err;
} hiding[] = {
	{ "off", "hidepid=0", true, 0, 0 },
	{ "no_access", "hidepid=1", true, 0, EPERM },
	{ "invisible", "hidepid=2", false, ENOENT, ENOENT },
	{ "invisible_by_word", "hidepid=invisible", false, ENOENT, ENOENT },
	{ "not_ptraceable", "hidepid=4", false, ENOENT, ENOENT },
	{ "for_others_than_a_group", "hidepid=2,gid=65534", true, 0, 0 },
};

static void look_as_stranger(bool listed, int stat_err, int open_err)
{
	struct stat st;
	int err;

	become(NOBODY);
	CHECK_EQ(lists_init("p"), listed);
	err = stat("p/1", &st) ? errno : 0;
	CHECK_EQ(err, stat_err);
	err = open("p/1/status", O_RDONLY) < 0 ? errno : 0;
	CHECK_EQ(err, open_err);
	CHECK(open("p/self/status", O_RDONLY) >= 0);
	CHECK(open("/proc/1/status", O_RDONLY) >= 0); /* the other mount hides nothing */
}

TEST_ROWS(a_mount_hides_processes, hiding)
{
	ONLY_ROOT();
	OWN_MACHINE();
	CHECK(!chmod(".", 0755) && !mkdir("p", 0755));
	CHECK(!mount("proc", "p", "proc", 0, row->options));
	CHECK(strstr(slurp("p/self/comm"), "proc_others")); /* 1 itself is not looked up: Linux would remember it */
	WAIT_OK(CHILD(look_as_stranger(row->listed, row->stat_err, row->open_err)));
	CHECK(!umount("p"));
}

TEST(hidepid_is_seen_and_changed)
{
	ONLY_ROOT();
	OWN_MACHINE();
	CHECK(!chmod(".", 0755) && !mkdir("p", 0755));
	CHECK_ERR(mount("proc", "p", "proc", 0, "hidepid=3"), EINVAL);
	CHECK_ERR(mount("proc", "p", "proc", 0, "hidepid=no"), EINVAL);
	CHECK_ERR(mount("proc", "p", "proc", 0, "unknown=1"), EINVAL);
	CHECK(!mount("proc", "p", "proc", 0, "hidepid=2,gid=7"));
	CHECK(strstr(slurp("/proc/mounts"), "/p proc rw,relatime,gid=7,hidepid=invisible 0 0"));
	CHECK(!mount("proc", "p", "proc", MS_REMOUNT, "hidepid=0,gid=0"));
	CHECK(!strstr(slurp("/proc/mounts"), "hidepid"));
	CHECK(!umount("p"));
}
