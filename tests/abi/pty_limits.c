// SPDX-License-Identifier: MIT
/* What a user may take of ptys, and what he may do to terminals that are not his. */
#include "abi.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sched.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static long number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atol(text);
}

static void become_nobody(void)
{
	if (getuid())
		SKIP("needs root");
	CHECK(!setgid(65534) && !setuid(65534));
}

static int master_new(void)
{
	int unlock = 0, m = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	if (m >= 0)
		CHECK(!ioctl(m, TIOCSPTLCK, &unlock));
	return m;
}

TEST(pty_nr_counts_pairs)
{
	long before = number("/proc/sys/kernel/pty/nr");
	int m = master_new();

	CHECK(m >= 0);
	CHECK_EQ(number("/proc/sys/kernel/pty/nr"), before + 1);
	CHECK(!close(m));
	CHECK_EQ(number("/proc/sys/kernel/pty/nr"), before);
	CHECK_EQ(number("/proc/sys/kernel/pty/max"), 4096);
	CHECK_EQ(number("/proc/sys/kernel/pty/reserve"), 1024);
}

/* Until the limit; how many. */
static int take_all(int want_errno)
{
	int n = 0;

	while (master_new() >= 0)
		n++;
	CHECK_EQ(errno, want_errno);
	return n;
}

TEST(pty_max_holds)
{
	long nr = number("/proc/sys/kernel/pty/nr");
	char text[32];
	pid_t pid;

	OWN_MACHINE();
	snprintf(text, sizeof(text), "%ld", nr + 5);
	write_file("/proc/sys/kernel/pty/max", text, strlen(text));
	pid = CHILD({
		write_file("/proc/sys/kernel/pty/reserve", "0", 1);
		CHECK_EQ(take_all(ENOSPC), 4); /* one less than the limit says, as ever */
	});
	WAIT_OK(pid);
	write_file("/proc/sys/kernel/pty/max", "4096", 4);
	write_file("/proc/sys/kernel/pty/reserve", "1024", 4);
}

/* Linux keeps the reserve from other mount namespaces; here it is kept from whoever lacks CAP_SYS_RESOURCE. */
TEST(a_user_with_all_ptys_leaves_some_for_root)
{
	char version[256] = "", text[32];
	int fd = open("/proc/version", O_RDONLY), go[2], done[2];
	pid_t pid;
	char c;

	OWN_MACHINE();
	CHECK(read(fd, version, sizeof(version) - 1) > 0);
	if (!strstr(version, "Tarn"))
		SKIP("Linux reserves otherwise");
	CHECK(!pipe(go) && !pipe(done));
	snprintf(text, sizeof(text), "%ld", number("/proc/sys/kernel/pty/nr") + 10);
	write_file("/proc/sys/kernel/pty/max", text, strlen(text));
	write_file("/proc/sys/kernel/pty/reserve", "5", 1);
	pid = CHILD({
		become_nobody();
		CHECK_EQ(take_all(ENOSPC), 4);
		CHECK_EQ(write(done[1], "x", 1), 1);
		CHECK_EQ(read(go[0], &c, 1), 1);
	});
	CHECK_EQ(read(done[0], &c, 1), 1);
	CHECK_EQ(take_all(ENOSPC), 5);
	CHECK_EQ(write(go[1], "x", 1), 1);
	WAIT_OK(pid);
	write_file("/proc/sys/kernel/pty/max", "4096", 4);
	write_file("/proc/sys/kernel/pty/reserve", "1024", 4);
}

/* Each glibc openpty asks for the peer; what it held of the mount made devpts busy for ever. */
TEST(gptpeer_keeps_nothing)
{
	OWN_MACHINE();
	CHECK(!mkdir("pts", 0755));
	if (syscall(SYS_mount, "devpts", "pts", "devpts", 0, "ptmxmode=0666,mode=620"))
		SKIP("no mounts here");
	for (int i = 0; i < 10; i++) {
		int unlock = 0, m = open("pts/ptmx", O_RDWR | O_NOCTTY), s;

		CHECK(m >= 0 && !ioctl(m, TIOCSPTLCK, &unlock));
		s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
		CHECK(s >= 0);
		CHECK(isatty(s));
		CHECK(!close(s) && !close(m));
	}
	CHECK(!syscall(SYS_umount2, "pts", 0));
}

TEST(typing_into_a_terminal_needs_it_to_be_ones_own)
{
	int m = master_new(), s;
	char c;

	CHECK(m >= 0);
	s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	CHECK(s >= 0);
	become_nobody();
	CHECK_ERR(ioctl(s, TIOCSTI, "x"), EPERM);
	CHECK_ERR(ioctl(m, TIOCSTI, "x"), EPERM);
	WAIT_OK(CHILD({
		CHECK(setsid() > 0 && !ioctl(s, TIOCSCTTY, 0));
		CHECK(!ioctl(s, TIOCSTI, "\n"));
		CHECK_EQ(read(s, &c, 1), 1);
		CHECK_ERR(ioctl(m, TIOCSTI, "x"), EPERM);
	}));
}

TEST(a_terminal_of_another_session_is_not_stolen)
{
	int m = master_new(), s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY), go[2];
	pid_t owner;
	char c;

	CHECK(s >= 0 && !pipe(go));
	become_nobody();
	owner = CHILD({
		CHECK(setsid() > 0 && !ioctl(s, TIOCSCTTY, 0));
		CHECK_EQ(write(go[1], "x", 1), 1);
		pause();
	});
	CHECK_EQ(read(go[0], &c, 1), 1);
	WAIT_OK(CHILD({
		CHECK(setsid() > 0);
		CHECK_ERR(ioctl(s, TIOCSCTTY, 0), EPERM);
		CHECK_ERR(ioctl(s, TIOCSCTTY, 1), EPERM);
		CHECK_ERR(ioctl(s, TIOCVHANGUP), EPERM);
	}));
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
}

/* A position beyond any number: nothing is there, and no number comes twice. */
TEST(devpts_far_positions)
{
	DIR *d = opendir("/dev/pts");
	int m = master_new();

	CHECK(d && m >= 0);
	for (int shift = 20; shift < 63; shift++) {
		if (lseek(dirfd(d), 1ll << shift, SEEK_SET) < 0)
			continue;
		char buf[512];

		CHECK_EQ(syscall(SYS_getdents64, dirfd(d), buf, sizeof(buf)), 0);
	}
}

/* Closing, hanging up, taking and letting go at once: nobody may be left with a dead terminal. */
TEST(hangup_races_with_taking_and_letting_go)
{
	long long end = now_ns() + 1000000000;

	while (now_ns() < end) {
		int m = master_new(), s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
		pid_t pid;

		CHECK(s >= 0);
		pid = CHILD({
			close(m);
			signal(SIGHUP, SIG_IGN);
			setsid();
			for (int i = 0; i < 20; i++) {
				ioctl(s, TIOCSCTTY, 0);
				if (fork() == 0)
					{ ioctl(s, TIOCNOTTY); _exit(0); }
				ioctl(s, TIOCNOTTY);
			}
		});
		close(s);
		sched_yield();
		close(m);
		WAIT_OK(pid);
	}
}
