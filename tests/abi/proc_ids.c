// SPDX-License-Identifier: MIT
/*
 * Who may signal whom across a change of program or user: exit signals, PR_SET_PDEATHSIG, SIGCONT in a session.
 */
#include "abi.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static pid_t clone_with_signal(int sig)
{
	return (pid_t)syscall(SYS_clone, sig, 0, 0, 0, 0);
}

/*
 * A child made with exit signal @sig ends when its parent has become cat, which reads until this case lets it
 * go.  Returns cat's wait status.
 */
static int exec_before_the_child_ends(int sig)
{
	int hold[2], gone[2], feed[2];
	char c;
	pid_t pid;

	CHECK(!pipe2(hold, O_CLOEXEC) && !pipe2(gone, O_CLOEXEC) && !pipe2(feed, O_CLOEXEC));
	pid = CHILD({
		if (!clone_with_signal(sig)) {
			close(hold[1]);
			read(hold[0], &c, 1); /* until the exec */
			_exit(0);
		}
		dup2(feed[0], 0);
		execl("/bin/cat", "cat", NULL);
	});
	close(hold[1]);
	close(gone[1]);
	CHECK_EQ(read(gone[0], &c, 1), 0); /* the child has exited */
	sleep_ms(50);
	close(feed[1]);
	return wait_status(pid);
}

/* Who execs a set-uid program could have it killed by a child made before. */
TEST(exit_signal_does_not_outlive_the_parents_exec)
{
	CHECK_EQ(exec_before_the_child_ends(SIGKILL), 0);
	CHECK_EQ(exec_before_the_child_ends(SIGUSR1), 0);
}

TEST(exit_signal_is_sent_to_the_program_that_chose_it)
{
	siginfo_t si;
	sigset_t s;
	pid_t pid;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	pid = clone_with_signal(SIGUSR1);
	if (!pid)
		_exit(3);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	CHECK_EQ(si.si_pid, pid);
	CHECK_EQ(si.si_code, CLD_EXITED);
	CHECK_EQ(waitpid(pid, NULL, __WCLONE), pid);
}

/* ---- PR_SET_PDEATHSIG ---- */

static int told[2];

static void *fork_and_leave(void *arg)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		sigset_t s;
		siginfo_t si;

		sigemptyset(&s);
		sigaddset(&s, SIGUSR1);
		sigprocmask(SIG_BLOCK, &s, NULL);
		CHECK(!prctl(PR_SET_PDEATHSIG, SIGUSR1));
		CHECK_EQ(write(told[1], "r", 1), 1);
		CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
		CHECK_EQ(si.si_code, SI_USER);
		CHECK_EQ(si.si_pid, getppid()); /* the process is still there: only the thread went */
		_exit(0);
	}
	*(pid_t *)arg = pid;
	read(told[0], &(char){ 0 }, 1);
	return NULL;
}

TEST(pdeathsig_comes_when_the_parent_thread_ends)
{
	pthread_t t;
	pid_t pid;

	CHECK(!pipe(told));
	CHECK(!pthread_create(&t, NULL, fork_and_leave, &pid));
	CHECK(!pthread_join(t, NULL));
	WAIT_OK(pid);
}

static void nap(void)
{
	sleep_ms(300);
}

/* The parent who dies signals as itself: it may not kill what has other ids. */
TEST(pdeathsig_needs_the_parents_right)
{
	int st[2];
	pid_t pid;
	char c = 0;

	if (geteuid())
		SKIP("needs root");
	CHECK(!pipe(st) && !pipe(told));
	pid = CHILD({
		if (!CHILD({
			    CHECK(!prctl(PR_SET_PDEATHSIG, SIGKILL));
			    write(told[1], "r", 1);
			    nap();
			    write(st[1], "l", 1); /* alive */
		    }))
			_exit(0);
		read(told[0], &c, 1);
		CHECK(!setresuid(4321, 4321, 4321));
	});
	WAIT_OK(pid);
	close(st[1]);
	CHECK_EQ(read(st[0], &c, 1), 1);
}

/* ---- kill(2) by ids ---- */

static const struct kill_row {
	const char *what;
	uid_t me[3], he[3]; /* real, effective, saved */
	int sig;
	bool session; /* the same as ours */
	int err;
} kill_rows[] = {
	{ "same", { 1, 1, 1 }, { 1, 1, 1 }, SIGTERM, true, 0 },
	{ "real_to_real", { 1, 2, 2 }, { 1, 3, 3 }, SIGTERM, true, 0 },
	{ "real_to_saved", { 1, 2, 2 }, { 3, 3, 1 }, SIGTERM, true, 0 },
	{ "effective_to_real", { 2, 1, 2 }, { 1, 3, 3 }, SIGTERM, true, 0 },
	{ "effective_to_saved", { 2, 1, 2 }, { 3, 3, 1 }, SIGTERM, true, 0 },
	{ "to_effective_is_not_enough", { 1, 1, 1 }, { 3, 1, 3 }, SIGTERM, true, EPERM },
	{ "from_saved_is_not_enough", { 2, 2, 1 }, { 1, 1, 1 }, SIGTERM, true, EPERM },
	{ "to_root", { 1, 1, 1 }, { 0, 0, 0 }, SIGTERM, true, EPERM },
	{ "from_effective_root", { 1, 0, 1 }, { 3, 3, 3 }, SIGTERM, false, 0 },
	{ "from_real_root_alone", { 0, 1, 1 }, { 3, 3, 3 }, SIGTERM, false, EPERM },
	{ "cont_in_the_session", { 1, 1, 1 }, { 3, 3, 3 }, SIGCONT, true, 0 },
	{ "cont_elsewhere", { 1, 1, 1 }, { 3, 3, 3 }, SIGCONT, false, EPERM },
	{ "stop_in_the_session", { 1, 1, 1 }, { 3, 3, 3 }, SIGSTOP, true, EPERM },
};

TEST_ROWS(kill_needs, kill_rows)
{
	int ready[2];
	pid_t he, me;
	char c;

	if (geteuid())
		SKIP("needs root");
	CHECK(!pipe(ready));
	he = CHILD({
		if (!row->session)
			CHECK(setsid() > 0);
		CHECK(!setresuid(row->he[0], row->he[1], row->he[2]));
		CHECK_EQ(write(ready[1], "r", 1), 1);
		pause();
	});
	CHECK_EQ(read(ready[0], &c, 1), 1);
	me = CHILD({
		CHECK(!setresuid(row->me[0], row->me[1], row->me[2]));
		CHECK_EQ(kill(he, row->sig) ? errno : 0, row->err);
		if (!row->err && row->sig == SIGTERM)
			_exit(0);
		CHECK_EQ(syscall(SYS_tgkill, he, he, row->sig) ? errno : 0, row->err);
		CHECK_EQ(syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, he, 0), row->sig, NULL, 0) ? errno : 0,
			 row->err);
	});
	WAIT_OK(me);
	kill(he, SIGKILL);
	wait_status(he);
}
