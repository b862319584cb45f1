// SPDX-License-Identifier: MIT
/* Advisory locks: fcntl(2)'s record locks, flock(2): waiting, deadlocks, ranges, limits. */
#include "abi.h"

#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/time.h>

static int lock_at(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &fl);
}

static int lock_file(void)
{
	int fd = open("lock", O_RDWR | O_CREAT, 0666);

	CHECK(fd >= 0);
	return fd;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A wait that nobody ends is EINTR after @seconds, not a test that hangs. */
static void end_waits_after(unsigned int seconds)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds);
}

/* A child that runs @fn and gives its result as exit status. */
static pid_t start(int (*fn)(int fd))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn(lock_file()));
	CHECK(pid > 0);
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Waits for byte 0 and then, having it, holds it for a while. */
static int take_0_briefly(int fd)
{
	end_waits_after(10);
	return lock_at(fd, F_SETLKW, F_WRLCK, 0, 1) ? errno : 0;
}

/*
 * Byte 0 goes from one holder to the next while somebody waits for it; the second
 * holder then waits for that somebody's byte 1.  The waiter's edge led to the first
 * holder still, so nobody saw the circle.
 */
static int hold_0_then_want_1(int fd)
{
	end_waits_after(10);
	if (lock_at(fd, F_SETLKW, F_WRLCK, 0, 1))
		return errno;
	sleep_ms(500); /* the waiter has found its next blocker */
	return lock_at(fd, F_SETLKW, F_WRLCK, 1, 1) ? errno : 0;
}

static int hold_1_then_want_0(int fd)
{
	end_waits_after(10);
	if (lock_at(fd, F_SETLKW, F_WRLCK, 1, 1))
		return errno;
	sleep_ms(300);
	return lock_at(fd, F_SETLKW, F_WRLCK, 0, 1) ? errno : 0;
}

TEST(setlkw_waited_for_who_had_gone)
{
	int fd = lock_file(), a, b;
	pid_t one, zero;

	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 1));
	zero = start(hold_0_then_want_1); /* waits for us at once, so it is first */
	sleep_ms(100);
	one = start(hold_1_then_want_0);
	sleep_ms(600); /* both wait for byte 0, which is ours */
	CHECK(!lock_at(fd, F_SETLK, F_UNLCK, 0, 1));
	a = finish(zero);
	b = finish(one);
	/* One of them is told, the other gets its lock when that one has ended. */
	CHECK((a == EDEADLK && b == 0) || (a == 0 && (b == EDEADLK || b == 0)));
}

/* The waiter's old holder is free of guilt once it has let go. */
TEST(edeadlk_for_a_circle_that_was_no_more)
{
	int fd = lock_file(), other = lock_file();
	pid_t waiter;

	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 1));
	waiter = start(take_0_briefly);
	sleep_ms(200);
	CHECK(!lock_at(fd, F_SETLK, F_UNLCK, 0, 1));
	CHECK_EQ(finish(waiter), 0);
	end_waits_after(5);
	CHECK(!lock_at(other, F_SETLKW, F_WRLCK, 0, 1));
}

static int want_5_holding_6(int fd)
{
	end_waits_after(10);
	if (lock_at(fd, F_SETLK, F_WRLCK, 6, 1))
		return 100;
	return lock_at(fd, F_SETLKW, F_WRLCK, 5, 1) ? errno : 0;
}

TEST(plain_deadlock_is_found)
{
	int fd = lock_file();
	pid_t child;

	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 5, 1));
	child = start(want_5_holding_6);
	sleep_ms(300);
	end_waits_after(10);
	CHECK_ERR(lock_at(fd, F_SETLKW, F_WRLCK, 6, 1), EDEADLK);
	CHECK(!lock_at(fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK_EQ(finish(child), 0);
}

static int ofd_wants_5(int fd)
{
	end_waits_after(1);
	return lock_at(fd, F_OFD_SETLKW, F_WRLCK, 5, 1) ? errno : 0;
}

/* An open file description is nobody: no circle goes through it. */
TEST(ofd_locks_know_no_deadlock)
{
	int fd = lock_file();
	pid_t child;

	CHECK(!lock_at(fd, F_OFD_SETLK, F_WRLCK, 5, 1));
	child = start(ofd_wants_5);
	CHECK_EQ(finish(child), EINTR);
	CHECK_ERR(lock_at(lock_file(), F_SETLK, F_WRLCK, 5, 1), EAGAIN);
}

/* ---- waiters are woken ---- */

static int wait_for_range(int fd)
{
	end_waits_after(5);
	return lock_at(fd, F_SETLKW, F_WRLCK, 10, 1) ? errno : 0;
}

struct let_go {
	const char *what;
	short type;
	off_t start, len;
};
static const struct let_go ways[] = {
	{ "all of it", F_UNLCK, 0, 0 },
	{ "a hole in the middle", F_UNLCK, 10, 1 },
	{ "its head", F_UNLCK, 0, 11 },
	{ "its tail", F_UNLCK, 10, 90 },
};

TEST_ROWS(part_of_a_lock_goes_and_wakes, ways)
{
	int fd = lock_file();
	pid_t child;

	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 100));
	child = start(wait_for_range);
	sleep_ms(150);
	CHECK(!lock_at(fd, F_SETLK, row->type, row->start, row->len));
	CHECK_EQ(finish(child), 0);
}

static int read_lock_range(int fd)
{
	end_waits_after(5);
	return lock_at(fd, F_SETLKW, F_RDLCK, 10, 1) ? errno : 0;
}

TEST(write_lock_becomes_read_lock_and_wakes_readers)
{
	int fd = lock_file();
	pid_t child;

	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 100));
	child = start(read_lock_range);
	sleep_ms(150);
	CHECK(!lock_at(fd, F_SETLK, F_RDLCK, 0, 100));
	CHECK_EQ(finish(child), 0);
}

TEST(close_of_another_descriptor_lets_go)
{
	int fd = lock_file(), other = lock_file();
	pid_t child;

	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 100));
	child = start(wait_for_range);
	sleep_ms(150);
	close(other);
	CHECK_EQ(finish(child), 0);
}

static int flock_shared(int fd)
{
	end_waits_after(5);
	return flock(fd, LOCK_SH) ? errno : 0;
}

TEST(flock_made_shared_wakes)
{
	int fd = lock_file();
	pid_t child;

	CHECK(!flock(fd, LOCK_EX));
	child = start(flock_shared);
	sleep_ms(150);
	CHECK(!flock(fd, LOCK_SH));
	CHECK_EQ(finish(child), 0);
}

/* ---- ranges, types, the order of errors ---- */

#define TOP INT64_MAX

struct range {
	const char *what;
	int cmd;
	short type, whence;
	off_t start, len;
	int err;
};
static const struct range ranges[] = {
	{ "ends at the last byte", F_SETLK, F_WRLCK, SEEK_SET, TOP, 1, 0 },
	{ "ends after the last byte", F_SETLK, F_WRLCK, SEEK_SET, TOP, 2, EOVERFLOW },
	{ "longest length", F_SETLK, F_WRLCK, SEEK_SET, 0, TOP, 0 },
	{ "longest length at 1", F_SETLK, F_WRLCK, SEEK_SET, 1, TOP, 0 },
	{ "longest length at 2", F_SETLK, F_WRLCK, SEEK_SET, 2, TOP, EOVERFLOW },
	{ "end of file and more", F_SETLK, F_WRLCK, SEEK_END, TOP, 0, EOVERFLOW },
	{ "end of file and less", F_SETLK, F_WRLCK, SEEK_END, -100, 0, 0 },
	{ "before the file", F_SETLK, F_WRLCK, SEEK_END, -101, 0, EINVAL },
	{ "position and more", F_SETLK, F_WRLCK, SEEK_CUR, TOP, 0, EOVERFLOW },
	{ "negative start", F_SETLK, F_WRLCK, SEEK_SET, -1, 0, EINVAL },
	{ "lowest start", F_SETLK, F_WRLCK, SEEK_SET, INT64_MIN, 0, EINVAL },
	{ "length backwards", F_SETLK, F_WRLCK, SEEK_SET, 10, -10, 0 },
	{ "length backwards too far", F_SETLK, F_WRLCK, SEEK_SET, 10, -11, EINVAL },
	{ "lowest length", F_SETLK, F_WRLCK, SEEK_SET, TOP, INT64_MIN, EINVAL },
	{ "bad whence", F_SETLK, F_WRLCK, 3, 0, 0, EINVAL },
	{ "bad type", F_SETLK, 9, SEEK_SET, 0, 0, EINVAL },
	{ "bad type of a bad range", F_SETLK, 9, SEEK_SET, TOP, 2, EOVERFLOW },
	{ "asked with a bad type of a bad range", F_GETLK, 9, SEEK_SET, TOP, 2, EINVAL },
	{ "asked about nothing", F_GETLK, F_UNLCK, SEEK_SET, 0, 0, EINVAL },
	{ "unlock at the end", F_SETLK, F_UNLCK, SEEK_SET, TOP, 0, 0 },
};

TEST_ROWS(lock_range, ranges)
{
	struct flock fl = { .l_type = row->type, .l_whence = row->whence, .l_start = row->start,
			    .l_len = row->len };
	int fd = lock_file();

	CHECK(!ftruncate(fd, 100));
	CHECK_EQ(lseek(fd, 50, SEEK_SET), 50);
	if (row->err)
		CHECK_ERR(fcntl(fd, row->cmd, &fl), row->err);
	else
		CHECK(!fcntl(fd, row->cmd, &fl));
}

TEST(lock_modes_and_pids)
{
	struct flock fl = { .l_type = F_WRLCK, .l_pid = 1 };
	int fd = lock_file(), rd = open("lock", O_RDONLY);

	CHECK_ERR(lock_at(rd, F_SETLK, F_WRLCK, 0, 0), EBADF);
	CHECK_ERR(fcntl(rd, F_OFD_SETLK, &fl), EBADF);
	CHECK_ERR(fcntl(fd, F_OFD_SETLK, &fl), EINVAL);
	CHECK_ERR(fcntl(fd, F_OFD_GETLK, &fl), EINVAL);
	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 0));
	/* Who has it is told; an OFD lock has no process. */
	fl = (struct flock){ .l_type = F_RDLCK, .l_start = 7, .l_len = 1 };
	CHECK(!fcntl(rd, F_OFD_GETLK, &fl));
	CHECK_EQ(fl.l_type, F_WRLCK);
	CHECK_EQ(fl.l_pid, getpid());
	CHECK_EQ(fl.l_start, 0);
	CHECK_EQ(fl.l_len, 0);
	CHECK(!lock_at(fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK(!lock_at(fd, F_OFD_SETLK, F_WRLCK, 3, 9));
	fl = (struct flock){ .l_type = F_RDLCK };
	CHECK(!fcntl(rd, F_GETLK, &fl));
	CHECK_EQ(fl.l_pid, -1);
	CHECK_EQ(fl.l_start, 3);
	CHECK_EQ(fl.l_len, 9);
}

TEST(flock_errors)
{
	int fd = lock_file(), path = open("lock", O_PATH), other = open("lock", O_RDONLY);

	CHECK_ERR(flock(fd, LOCK_SH | LOCK_EX), EINVAL);
	CHECK_ERR(flock(fd, 0), EINVAL);
	CHECK_ERR(flock(path, LOCK_SH), EBADF);
	CHECK(!flock(fd, LOCK_EX));
	CHECK_ERR(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK(!flock(fd, LOCK_SH));
	CHECK(!flock(other, LOCK_SH));
	/* A failed change has let go of what was there. */
	CHECK_ERR(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK(!flock(other, LOCK_EX | LOCK_NB));
}

/* ---- many of them ---- */

/* 5,000 locks of one file made each lock call on any other cost milliseconds. */
TEST(many_locks_of_one_file_slowed_all_others)
{
	int many = open("many", O_RDWR | O_CREAT, 0666), fd = lock_file();
	long long start;

	for (int i = 0; i < 5000; i++)
		CHECK(!lock_at(many, F_SETLK, F_WRLCK, 2 * i, 1));
	start = now_ns();
	for (int i = 0; i < 1000; i++) {
		CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 0));
		CHECK(!lock_at(fd, F_SETLK, F_UNLCK, 0, 0));
	}
	CHECK(now_ns() - start < 1000000000);
}

/* /proc/locks ended after 64 KiB. */
TEST(proc_locks_shows_them_all)
{
	int fd = lock_file(), n = 0;
	char line[200], want[40];
	struct stat st;
	FILE *f;

	CHECK(!fstat(fd, &st));
	for (int i = 0; i < 3000; i++)
		CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 2 * i, 1));
	snprintf(want, sizeof(want), ":%llu ", (unsigned long long)st.st_ino);
	f = fopen("/proc/locks", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, want) && strstr(line, "POSIX");
	fclose(f);
	CHECK_EQ(n, 3000);
}

TEST(proc_locks_shows_who_waits)
{
	int fd = lock_file(), found = 0;
	char line[200], want[20];
	pid_t child;
	FILE *f;

	CHECK(!lock_at(fd, F_SETLK, F_WRLCK, 0, 100));
	child = start(wait_for_range);
	sleep_ms(300);
	snprintf(want, sizeof(want), " %d ", child);
	f = fopen("/proc/locks", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		found += strstr(line, want) && strstr(line, "-> POSIX");
	fclose(f);
	CHECK_EQ(found, 1);
	CHECK(!lock_at(fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK_EQ(finish(child), 0);
}

/* Waiters, holders and signals in disorder: each wait ends, by the lock, EDEADLK or EINTR. */
TEST(many_waiters_in_disorder)
{
	pid_t kids[5];

	for (int k = 0; k < 5; k++)
		kids[k] = CHILD({
			struct itimerval tick = { { 0, 20000 }, { 0, 20000 } };
			struct sigaction sa = { .sa_handler = on_alarm };
			int fd = lock_file();

			srand((unsigned int)k);
			sigaction(SIGALRM, &sa, NULL);
			setitimer(ITIMER_REAL, &tick, NULL);
			for (int i = 0; i < 400; i++) {
				short type = (short[]){ F_RDLCK, F_WRLCK, F_UNLCK }[rand() % 3];

				if (lock_at(fd, F_SETLKW, type, rand() % 8, rand() % 4 + 1))
					CHECK(errno == EDEADLK || errno == EINTR);
			}
		});
	for (int k = 0; k < 5; k++)
		WAIT_OK(kids[k]);
}
