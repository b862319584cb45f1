// SPDX-License-Identifier: MIT
/* fuzz_calls.c: processes and what is asked of them and set for them. */
#pragma once
#include "fuzz.h"

#include <linux/sched.h>
#include <sys/resource.h>

static pid_t children[8];

/* Descriptors and directories shared or not; the child makes a few calls, or another program. */
static void call_clone(void)
{
	long flags = bits(CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_PIDFD | CLONE_IO | CLONE_CLEAR_SIGHAND);
	int pidfd = -1;
	long pid;

	flags &= ~(long)(CLONE_VM | CLONE_VFORK | CLONE_THREAD);
	pid = syscall(SYS_clone, flags | (one_in(4) ? about(64) : SIGCHLD), 0, &pidfd, memory(), 0);
	if (pid == 0) {
		if (one_in(3))
			syscall(SYS_execve, "/bin/fuzz_calls", (char *[]){ "fuzz_calls", "0", NULL },
				one_in(4) ? memory() : NULL);
		for (unsigned int i = below(40); i > 0; i--)
			call_descriptors();
		if (one_in(8))
			pause();
		_exit(0);
	}
	if (pid > 0)
		children[below(8)] = (pid_t)pid;
	if (flags & CLONE_PIDFD)
		put(pidfd, PIDFD);
}

static pid_t child(void)
{
	pid_t pid = children[below(8)];

	return pid > 0 && !one_in(4) ? pid : getpid();
}

static void call_wait(void)
{
	long how = WNOHANG | bits(WUNTRACED | WCONTINUED | WNOWAIT | WEXITED | 0x60000000);

	if (one_in(2))
		syscall(SYS_waitid, about(4), one_in(3) ? (long)fd_of(PIDFD) : (long)child(), memory(), how,
			one_in(2) ? NULL : memory());
	else
		syscall(SYS_wait4, about(3) - 2, memory(), how, one_in(2) ? NULL : memory());
}

static void call_pidfd(void)
{
	pid_t pid = child();

	switch (below(4)) {
	case 0: put(syscall(SYS_pidfd_open, pid, bits(O_NONBLOCK)), PIDFD); break;
	case 1: put(syscall(SYS_pidfd_getfd, fd_of(PIDFD), about(60), one_in(20)), ANY); break;
	case 2:
		syscall(SYS_pidfd_send_signal, fd_of(PIDFD), ONE_OF(0, SIGCONT, SIGUSR1, 40),
			one_in(2) ? NULL : memory(), one_in(20));
		break;
	case 3:
		if (pid != getpid())
			syscall(SYS_kill, pid, ONE_OF(SIGSTOP, SIGCONT, SIGKILL, SIGTERM, SIGUSR1));
		break;
	}
}

static void call_group(void)
{
	switch (below(7)) {
	case 0: syscall(SYS_setpgid, child(), one_in(2) ? 0 : child()); break;
	case 1: syscall(SYS_getsid, about(100)); break;
	case 2: syscall(SYS_setpriority, about(3), child(), about(19)); break;
	case 3: syscall(SYS_sched_setaffinity, child(), about(16), memory()); break;
	case 4: syscall(SYS_sched_setscheduler, child(), about(7), memory()); break;
	case 5: syscall(SYS_sched_setattr, child(), memory(), 0); break;
	case 6: syscall(SYS_sched_getattr, child(), memory(), about(100), 0); break;
	}
}

static void call_state(void)
{
	long which = one_in(2) ? RLIMIT_NOFILE : RLIMIT_SIGPENDING;
	struct rlimit lower = { 30 + below(200), 200 };
	static const long names[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_DUMPABLE,
				      PR_GET_DUMPABLE, PR_SET_TIMERSLACK, PR_SET_CHILD_SUBREAPER, PR_SET_THP_DISABLE,
				      PR_GET_TID_ADDRESS, PR_CAP_AMBIENT, PR_SET_KEEPCAPS, PR_SET_SECUREBITS };

	switch (below(9)) {
	case 0: syscall(SYS_prctl, names[below(N(names))], one_in(2) ? about(64) : (long)memory(), 0, 0, 0); break;
	case 1: syscall(SYS_prlimit64, child(), about(16), NULL, memory()); break;
	case 2: syscall(SYS_prlimit64, 0, which, &lower, NULL); break;
	case 3: syscall(SYS_getrusage, about(2) - 1, memory()); break;
	case 4: syscall(SYS_capget, memory(), memory()); break;
	case 5: syscall(SYS_getgroups, about(10), memory()); break;
	case 6: syscall(SYS_clock_gettime, odd(), memory()); break;
	case 7: syscall(SYS_clock_nanosleep, about(12), bits(1), memory(), memory()); break;
	case 8: syscall(SYS_membarrier, bits(0x1ff), 0, 0); break;
	}
}

/* Calls with a name space, a limit or a file system in mind, which an ordinary user may not make. */
static void call_forbidden(void)
{
	switch (below(9)) {
	case 0: syscall(SYS_mount, memory(), path(), ONE_NAME_OF("tmpfs", "proc", ""), odd(), memory()); break;
	case 1: syscall(SYS_umount2, path(), bits(15)); break;
	case 2: syscall(SYS_chroot, path()); break;
	case 3: syscall(SYS_setresuid, about(3) - 1, about(3) - 1, about(3) - 1); break;
	case 4: syscall(SYS_sethostname, memory(), about(65)); break;
	case 5: syscall(SYS_clock_settime, about(3), memory()); break;
	case 6: syscall(SYS_swapon, path(), odd()); break;
	case 7: syscall(SYS_ptrace, about(20), child(), memory(), memory()); break;
	case 8: syscall(450 + below(80), odd(), odd(), memory(), odd()); break;
	}
}

static void (*const task_calls[])(void) = {
	call_clone, call_clone, call_wait, call_wait, call_pidfd, call_pidfd, call_group, call_state, call_forbidden,
};
