// SPDX-License-Identifier: MIT
/* Processes: fork, exec, exit, wait, groups and sessions, credentials, limits. */
#include "abi.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

TEST(exit_status_and_wait_options)
{
	int st;
	pid_t pid = CHILD(_exit(7));

	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 7);
	CHECK_ERR(waitpid(pid, &st, 0), ECHILD);
	CHECK_ERR(waitpid(-1, &st, WNOHANG), ECHILD);
	CHECK_ERR(waitpid(-1, &st, 0x1000), EINVAL);
	pid = CHILD(pause());
	CHECK_EQ(waitpid(pid, &st, WNOHANG), 0);
	CHECK(!kill(pid, SIGTERM));
	WAIT_SIGNAL(pid, SIGTERM);
}

TEST(wait_any_and_group)
{
	pid_t a = CHILD(_exit(1)), b = CHILD({
		      setpgid(0, 0);
		      _exit(2);
	      });
	int st, seen = 0;

	for (int i = 0; i < 2; i++) {
		pid_t p = wait(&st);

		CHECK(p == a || p == b);
		seen |= 1 << WEXITSTATUS(st);
	}
	CHECK_EQ(seen, 6);
	CHECK_ERR(wait(&st), ECHILD);
}

TEST(waitid_nowait_and_siginfo)
{
	siginfo_t si = { 0 };
	pid_t pid = CHILD(_exit(9));

	CHECK(!waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT));
	CHECK(si.si_pid == pid && si.si_code == CLD_EXITED && si.si_status == 9);
	CHECK_EQ(si.si_signo, SIGCHLD);
	CHECK(!waitid(P_ALL, 0, &si, WEXITED));
	CHECK_ERR(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
	CHECK_ERR(waitid(P_ALL, 0, &si, 0), EINVAL);
}

TEST(stop_and_continue_are_reported)
{
	int st;
	pid_t pid = CHILD(for (;;) pause());

	CHECK(!kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
	CHECK(WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	CHECK_EQ(waitpid(pid, &st, WUNTRACED | WNOHANG), 0); /* told once */
	CHECK(!kill(pid, SIGCONT));
	CHECK_EQ(waitpid(pid, &st, WCONTINUED), pid);
	CHECK(WIFCONTINUED(st));
	CHECK(!kill(pid, SIGKILL));
	WAIT_SIGNAL(pid, SIGKILL);
}

TEST(kill_ends_a_stopped_process)
{
	int st;
	pid_t pid = CHILD(raise(SIGSTOP));

	CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
	CHECK(!kill(pid, SIGKILL));
	WAIT_SIGNAL(pid, SIGKILL);
}

TEST(sigchld_ignored_reaps_by_itself)
{
	signal(SIGCHLD, SIG_IGN);
	CHILD(_exit(3));
	CHECK_ERR(wait(NULL), ECHILD); /* waits for it, then there is none */
}

TEST(orphans_go_to_the_subreaper)
{
	int fds[2];
	pid_t parent = 0;

	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1) && !pipe(fds));
	WAIT_OK(CHILD({
		pid_t me = getpid();

		CHILD({
			while (getppid() == me)
				sleep_ms(5);
			parent = getppid();
			CHECK_EQ(write(fds[1], &parent, sizeof(parent)), sizeof(parent));
		});
	}));
	CHECK_EQ(read(fds[0], &parent, sizeof(parent)), sizeof(parent));
	CHECK_EQ(parent, getpid());
	CHECK(wait(NULL) > 0);
}

TEST(process_groups_and_sessions)
{
	pid_t pid = getpid();

	CHECK(!setpgid(0, 0) && getpgrp() == pid);
	WAIT_OK(CHILD({
		CHECK(getpgrp() == pid && getppid() == pid);
		CHECK(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
		CHECK_ERR(setpgid(0, 0), EPERM); /* a session leader */
	}));
	CHECK_ERR(setsid(), EPERM); /* a group leader */
	CHECK_ERR(setpgid(99999999, 0), ESRCH);
	CHECK_ERR(setpgid(0, -5), EINVAL);
	CHECK_ERR(getpgid(99999999), ESRCH);
}

TEST(kill_reaches_a_group)
{
	pid_t leader, kids[3];

	leader = CHILD({
		setpgid(0, 0);
		pause();
	});
	setpgid(leader, leader);
	for (int i = 0; i < 3; i++) {
		kids[i] = CHILD({
			setpgid(0, leader);
			pause();
		});
		setpgid(kids[i], leader);
	}
	CHECK(!kill(-leader, SIGUSR1));
	WAIT_SIGNAL(leader, SIGUSR1);
	for (int i = 0; i < 3; i++)
		WAIT_SIGNAL(kids[i], SIGUSR1);
	CHECK_ERR(kill(-leader, 0), ESRCH);
}

TEST(setpgid_after_exec_is_refused)
{
	int fds[2];
	char c;
	pid_t pid;

	CHECK(!pipe2(fds, O_CLOEXEC));
	pid = CHILD(execl("/bin/sh", "sh", "-c", "sleep 5; :", NULL));
	close(fds[1]);
	CHECK_EQ(read(fds[0], &c, 1), 0); /* closed by exec */
	CHECK_ERR(setpgid(pid, pid), EACCES);
	kill(pid, SIGKILL);
	wait_status(pid);
}

/* ---- exec ---- */

static int run_shell(const char *script)
{
	int st = wait_status(CHILD({
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(126);
	}));

	CHECK(WIFEXITED(st));
	return WEXITSTATUS(st);
}

TEST(exec_passes_arguments_and_environment)
{
	char *args[] = { "sh", "-c", "test \"$1$2$V\" = 'a bcx' && test $# = 2", "s", "a b", "c",
			 NULL };
	char *env[] = { "V=x", NULL };

	WAIT_OK(CHILD(execve("/bin/sh", args, env)));
}

TEST(exec_errors)
{
	char *args[] = { "x", NULL };

	CHECK_ERR(execve("/nonexistent", args, NULL), ENOENT);
	CHECK_ERR(execve(".", args, NULL), EACCES);
	write_file("plain", "data", 4);
	CHECK_ERR(execve("plain", args, NULL), EACCES);
	CHECK(!chmod("plain", 0755));
	CHECK_ERR(execve("plain", args, NULL), ENOEXEC);
	write_file("elf", "\177ELF\2\1\1", 7); /* truncated header */
	CHECK(!chmod("elf", 0755));
	CHECK_ERR(execve("elf", args, NULL), ENOEXEC);
	write_file("badint", "#!/nonexistent/interp\n", 22);
	CHECK(!chmod("badint", 0755));
	CHECK_ERR(execve("badint", args, NULL), ENOENT);
	CHECK_ERR(execve("plain/x", args, NULL), ENOTDIR);
}

TEST(scripts_take_one_argument)
{
	const char text[] = "#!/bin/sh -e\ntest \"$1\" = hello || exit 3\nfalse\nexit 4\n";
	int st;

	write_file("script", text, sizeof(text) - 1);
	CHECK(!chmod("script", 0755));
	st = wait_status(CHILD(execl("./script", "script", "hello", NULL)));
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 1); /* -e ended it at false */
}

TEST(close_on_exec)
{
	int keep = open("/dev/null", O_RDONLY), gone = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char script[128];

	snprintf(script, sizeof(script), "test -e /proc/self/fd/%d && test ! -e /proc/self/fd/%d",
		 keep, gone);
	CHECK_EQ(run_shell(script), 0);
}

TEST(exec_resets_handlers_keeps_ignored)
{
	signal(SIGUSR1, SIG_IGN);
	CHECK_EQ(run_shell("kill -USR1 $$; exit 5"), 5);
	signal(SIGUSR1, SIG_DFL);
	WAIT_SIGNAL(CHILD({
			    signal(SIGUSR2, (void (*)(int))(void *)exit);
			    execl("/bin/sh", "sh", "-c", "kill -USR2 $$; exit 0", NULL);
		    }),
		    SIGUSR2);
}

TEST(running_file_is_busy)
{
	char path[] = "/proc/self/exe", buf[PATH_MAX];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);

	CHECK(n > 0);
	buf[n] = 0;
	if (access(buf, W_OK))
		SKIP("own file is not writable");
	CHECK_ERR(open(buf, O_WRONLY), ETXTBSY);
}

TEST(long_argument_lists)
{
	size_t n = 200, len = 1000;
	char **args = calloc(n + 5, sizeof(char *)), *big;

	args[0] = "sh";
	args[1] = "-c";
	args[2] = "test $# = 200";
	args[3] = "s";
	for (size_t i = 0; i < n; i++) {
		args[i + 4] = malloc(len);
		memset(args[i + 4], 'x', len - 1);
		args[i + 4][len - 1] = 0;
	}
	WAIT_OK(CHILD(execve("/bin/sh", args, NULL)));
	big = malloc(200000);
	memset(big, 'y', 199999);
	big[199999] = 0;
	args[4] = big; /* one string above MAX_ARG_STRLEN */
	CHECK_ERR(execve("/bin/sh", args, NULL), E2BIG);
}

TEST(many_children)
{
	for (int round = 0; round < 10; round++) {
		pid_t kids[20];

		for (int i = 0; i < 20; i++)
			kids[i] = CHILD(_exit(i));
		for (int i = 0; i < 20; i++) {
			int st = wait_status(kids[i]);

			CHECK(WIFEXITED(st) && WEXITSTATUS(st) == i);
		}
	}
}

/* ---- credentials ---- */

TEST(setuid_drops_for_good)
{
	uid_t r, e, s;

	if (getuid())
		SKIP("needs root");
	WAIT_OK(CHILD({
		CHECK(!setgroups(0, NULL) && !setresgid(1000, 1000, 1000) && !setuid(1000));
		CHECK(!getresuid(&r, &e, &s) && r == 1000 && e == 1000 && s == 1000);
		CHECK_ERR(setuid(0), EPERM);
		CHECK_ERR(setgroups(0, NULL), EPERM);
		CHECK_ERR(chroot("/"), EPERM);
	}));
}

TEST(saved_id_gives_it_back)
{
	uid_t r, e, s;

	if (getuid())
		SKIP("needs root");
	CHECK(!seteuid(1000) && geteuid() == 1000);
	CHECK(!getresuid(&r, &e, &s) && r == 0 && s == 0);
	CHECK(!seteuid(0) && geteuid() == 0);
}

TEST(file_permissions_by_id)
{
	if (getuid())
		SKIP("needs root");
	write_file("secret", "s", 1);
	CHECK(!chmod("secret", 0640) && !chown("secret", 0, 50) && !chmod(".", 0755));
	WAIT_OK(CHILD({
		CHECK(!setgroups(0, NULL) && !setgid(1000) && !setuid(1000));
		CHECK_ERR(open("secret", O_RDONLY), EACCES);
		CHECK_ERR(access("secret", R_OK), EACCES);
		CHECK_ERR(open("new", O_CREAT | O_WRONLY, 0644), EACCES);
		CHECK_ERR(chmod("secret", 0777), EPERM);
		CHECK_ERR(unlink("secret"), EACCES);
	}));
	WAIT_OK(CHILD({
		gid_t g = 50;

		CHECK(!setgroups(1, &g) && !setgid(1000) && !setuid(1000));
		CHECK(open("secret", O_RDONLY) >= 0);
		CHECK_ERR(open("secret", O_RDWR), EACCES);
	}));
}

TEST(kill_permission)
{
	pid_t pid;

	if (getuid())
		SKIP("needs root");
	pid = CHILD(pause());
	WAIT_OK(CHILD({
		CHECK(!setuid(1000));
		CHECK_ERR(kill(pid, SIGTERM), EPERM);
		CHECK_ERR(kill(pid, 0), EPERM);
	}));
	CHECK(!kill(pid, SIGKILL));
	wait_status(pid);
}

/* ---- odds and ends ---- */

TEST(rlimits)
{
	struct rlimit r = { 20, 30 }, got;

	CHECK(!setrlimit(RLIMIT_NOFILE, &r) && !getrlimit(RLIMIT_NOFILE, &got));
	CHECK(got.rlim_cur == 20 && got.rlim_max == 30);
	r.rlim_cur = 40;
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &r), EINVAL);
	CHECK_ERR(getrlimit(99, &r), EINVAL);
	for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;)
		CHECK(fd < 20);
	CHECK_EQ(errno, EMFILE);
}

TEST(fsize_limit_signals)
{
	struct rlimit r = { 100, 100 };
	char buf[200] = { 0 };
	int fd = open("f", O_CREAT | O_WRONLY, 0644);

	CHECK(!setrlimit(RLIMIT_FSIZE, &r));
	CHECK_EQ(write(fd, buf, 200), 100);
	signal(SIGXFSZ, SIG_IGN);
	CHECK_ERR(write(fd, buf, 1), EFBIG);
	signal(SIGXFSZ, SIG_DFL);
	WAIT_SIGNAL(CHILD(write(fd, buf, 1)), SIGXFSZ);
}

TEST(uname_and_sysinfo)
{
	struct utsname u;
	struct sysinfo si;

	CHECK(!uname(&u) && !strcmp(u.sysname, "Linux") && !strcmp(u.machine, "x86_64"));
	CHECK(!sysinfo(&si) && si.totalram > si.freeram && si.procs > 0);
}

TEST(prctl_name_and_pdeathsig)
{
	char name[16] = { 0 };
	int sig = 0;

	CHECK(!prctl(PR_SET_NAME, "a_long_name_of_a_thread"));
	CHECK(!prctl(PR_GET_NAME, name) && !strcmp(name, "a_long_name_of_"));
	CHECK(!prctl(PR_SET_PDEATHSIG, SIGUSR1) && !prctl(PR_GET_PDEATHSIG, &sig));
	CHECK_EQ(sig, SIGUSR1);
	CHECK_ERR(prctl(PR_SET_PDEATHSIG, 100), EINVAL);
	CHECK_ERR(prctl(123456), EINVAL);
}

TEST(rusage_of_children)
{
	struct rusage u;

	WAIT_OK(CHILD({
		while (clock() < CLOCKS_PER_SEC / 10) /* of its own CPU time */
			;
	}));
	CHECK(!getrusage(RUSAGE_CHILDREN, &u));
	CHECK(u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_sec * 1000000 +
		      u.ru_stime.tv_usec >
	      80000);
}

TEST(getrandom_gives_different_bytes)
{
	unsigned char a[64] = { 0 }, b[64] = { 0 };
	int fd = open("/dev/urandom", O_RDONLY);

	CHECK_EQ(syscall(SYS_getrandom, a, sizeof(a), 0), 64);
	CHECK_EQ(read(fd, b, sizeof(b)), 64);
	CHECK(memcmp(a, b, 64));
	CHECK_EQ(syscall(SYS_getrandom, b, sizeof(b), 1 /* NONBLOCK */), 64);
	CHECK(memcmp(a, b, 64));
	CHECK_ERR(syscall(SYS_getrandom, a, 1, 0x100), EINVAL);
}

TEST(unknown_call_is_enosys)
{
	CHECK_ERR(syscall(5000), ENOSYS);
	CHECK_ERR(syscall(-1), ENOSYS);
}

TEST(pidfd_waits_and_signals)
{
	pid_t pid = CHILD(pause());
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(fd >= 0);
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK(!syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	CHECK_EQ(poll(&p, 1, 5000), 1);
	CHECK(p.revents & POLLIN);
	WAIT_SIGNAL(pid, SIGTERM);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}

/* A program that makes its way into a 32-bit segment may fail there as it likes; the kernel does not. */
TEST(system_call_from_32_bit_code)
{
	/* mov $1, %eax; mov $7, %ebx; syscall; int3 */
	static const unsigned char code[] = { 0xb8, 1, 0, 0, 0, 0xbb, 7, 0, 0, 0, 0x0f, 0x05, 0xcc };
	unsigned char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	CHECK(p != MAP_FAILED);
	memcpy(p, code, sizeof(code));
	CHECK(wait_status(CHILD({
		struct {
			uint32_t offset;
			uint16_t selector;
		} to = { (uint32_t)(uintptr_t)p, 0x23 };

		asm volatile("ljmpl *%0" : : "m"(to) : "memory");
	})));
}
