// SPDX-License-Identifier: MIT
/*
 * Allocation failures in turn, inside a machine with a debug kernel (docs/debugging.md):
 *
 *     fail_sweep FIRST LAST STEP
 *
 * For each N a child arms /proc/fail-nth with N and goes through all steps of a mixed workload.
 * Every step works by itself and leaves nothing that the next one needs.  So:
 *
 *   before the Nth allocation   every step succeeds
 *   the step it falls into      succeeds, or fails with an errno for want of memory
 *   after it                    every step succeeds again
 *   afterwards                  the child has come to its end, its files can be removed, and the
 *                               golden files that nobody wrote to are what they were
 *
 * What breaks this is printed; the exit status says whether anything was.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define GOLDEN 4
#define GOLDEN_SIZE (300 * 1000)
#define HANG_SECONDS 60

/* Ends the step with errno (or EPROTO: a wrong answer) when @cond is false. */
#define TRY(cond)                                 \
	do {                                      \
		if (!(cond)) {                    \
			failed_line = __LINE__;   \
			return errno ? errno : EPROTO; \
		}                                 \
	} while (0)

static int failed_line;
static char buffer[64 * 1024];

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/* ---- the steps: 0 or an errno ---- */

static int step_files(void)
{
	struct stat st;
	int fd;

	TRY((fd = open("file", O_CREAT | O_RDWR, 0644)) >= 0);
	for (int i = 0; i < 8; i++)
		TRY(write(fd, buffer, sizeof(buffer)) == sizeof(buffer));
	TRY(!fsync(fd));
	TRY(!ftruncate(fd, 100000) && !fstat(fd, &st) && st.st_size == 100000);
	TRY(pread(fd, buffer, 5000, 98000) == 2000);
	TRY(!close(fd));
	TRY(!rename("file", "renamed") && !link("renamed", "linked") && !symlink("linked", "symbolic"));
	TRY(!stat("symbolic", &st) && st.st_nlink == 2);
	TRY(!setxattr("linked", "user.mood", "calm", 4, 0));
	TRY(getxattr("renamed", "user.mood", buffer, 100) == 4);
	return 0;
}

static int step_directories(void)
{
	struct dirent *e;
	char name[32];
	int n = 0;
	DIR *d;

	TRY(!mkdir("dir", 0755));
	for (int i = 0; i < 60; i++) {
		int fd;

		snprintf(name, sizeof(name), "dir/a-rather-long-name-%d", i);
		TRY((fd = open(name, O_CREAT | O_WRONLY | O_EXCL, 0600)) >= 0 && !close(fd));
	}
	TRY((d = opendir("dir")));
	while ((e = readdir(d)))
		n++;
	closedir(d);
	TRY(n == 62);
	for (int i = 0; i < 60; i += 2) {
		snprintf(name, sizeof(name), "dir/a-rather-long-name-%d", i);
		TRY(!unlink(name));
	}
	return 0;
}

static int step_holes(void)
{
	int fd, out;

	TRY((fd = open("sparse", O_CREAT | O_RDWR, 0644)) >= 0);
	TRY(pwrite(fd, "x", 1, 5 << 20) == 1);
	TRY(!fallocate(fd, 0, 0, 1 << 20));
	TRY(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 65536));
	TRY(pread(fd, buffer, 4096, 3 << 20) == 4096 && buffer[7] == 0);
	TRY((out = open("copy", O_CREAT | O_RDWR, 0644)) >= 0);
	TRY(sendfile(out, fd, NULL, 70000) > 0);
	TRY(copy_file_range(fd, NULL, out, NULL, 50000, 0) > 0);
	TRY(!fdatasync(out));
	close(fd);
	close(out);
	return 0;
}

static int step_anonymous_memory(void)
{
	size_t size = 7 << 18; /* never a huge page */
	char *p, *q;

	TRY((p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) !=
	    MAP_FAILED);
	memset(p, 1, size);
	TRY(!mprotect(p + 8192, 4096, PROT_READ));
	TRY(!madvise(p + size / 2, 65536, MADV_DONTNEED) && p[size / 2] == 0);
	TRY((q = mremap(p, 8192, 4 << 20, MREMAP_MAYMOVE)) != MAP_FAILED && q[5] == 1);
	TRY(!mlock(q, 4096) && !munlock(q, 4096));
	TRY(!munmap(q, 4 << 20) && !munmap(p + 8192, size - 8192));
	return 0;
}

static int step_mapped_file(void)
{
	char *shared, *private;
	int fd;

	TRY((fd = open("mapped", O_CREAT | O_RDWR, 0644)) >= 0 && !ftruncate(fd, 200000));
	TRY((shared = mmap(NULL, 200000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) != MAP_FAILED);
	TRY((private = mmap(NULL, 200000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)) != MAP_FAILED);
	for (int i = 0; i < 200000; i += 4096)
		shared[i] = 'm';
	private[8192] = 'p';
	TRY(!msync(shared, 200000, MS_SYNC));
	TRY(pread(fd, buffer, 1, 8192) == 1 && buffer[0] == 'm');
	TRY(!munmap(shared, 200000) && !munmap(private, 200000));
	close(fd);
	return 0;
}

static int step_fork(void)
{
	volatile char *p;
	pid_t pid;

	TRY((p = mmap(NULL, 1 << 19, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) !=
	    MAP_FAILED);
	for (int i = 0; i < 1 << 19; i += 4096)
		p[i] = 3;
	TRY((pid = fork()) >= 0);
	if (!pid) {
		for (int i = 0; i < 1 << 19; i += 4096)
			p[i] = 4;
		_exit(0);
	}
	TRY(wait_for(pid) == 0);
	TRY(p[4096] == 3 && !munmap((void *)p, 1 << 19));
	return 0;
}

static int step_pipes(void)
{
	int p[2], q[2];

	TRY(!pipe(p) && !pipe2(q, O_NONBLOCK));
	TRY(write(p[1], buffer, 40000) == 40000);
	TRY(tee(p[0], q[1], 20000, 0) > 0);
	TRY(splice(p[0], NULL, q[1], NULL, 8000, SPLICE_F_NONBLOCK) > 0);
	TRY(read(q[0], buffer, 20000) > 0);
	close(p[0]), close(p[1]), close(q[0]), close(q[1]);
	return 0;
}

static int step_sockets(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "socket" };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { buffer, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int s[2], listener, client, server;

	TRY(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ CMSG_LEN(sizeof(int)), 0, SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &s[0], sizeof(int));
	TRY(sendmsg(s[0], &m, 0) == 100 && recvmsg(s[1], &m, 0) == 100);
	if (m.msg_flags & MSG_CTRUNC) /* no room for the descriptor: it is lost, the bytes are not */
		return ENOMEM;
	TRY(CMSG_FIRSTHDR(&m));
	memcpy(&client, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	close(s[0]), close(s[1]), close(client);
	TRY((listener = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	TRY(!bind(listener, (void *)&name, sizeof(name)) && !listen(listener, 4));
	TRY((client = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	TRY(!connect(client, (void *)&name, sizeof(name)));
	TRY((server = accept(listener, NULL, NULL)) >= 0);
	TRY(send(client, buffer, 10000, MSG_NOSIGNAL) > 0 && recv(server, buffer, 10000, 0) > 0);
	close(listener), close(client), close(server);
	return 0;
}

static int step_events(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1000 };
	struct epoll_event e = { .events = EPOLLIN };
	int ep, ev, timer, notify, sig, fd;
	uint64_t one = 1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	TRY((ep = epoll_create1(0)) >= 0 && (ev = eventfd(0, EFD_NONBLOCK)) >= 0);
	TRY((timer = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
	TRY(!timerfd_settime(timer, 0, &soon, NULL));
	TRY((sig = signalfd(-1, &set, SFD_NONBLOCK)) >= 0);
	TRY((notify = inotify_init1(IN_NONBLOCK)) >= 0);
	TRY(inotify_add_watch(notify, ".", IN_CREATE) >= 0);
	TRY((fd = open("watched", O_CREAT | O_WRONLY, 0600)) >= 0);
	TRY(!epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e) && !epoll_ctl(ep, EPOLL_CTL_ADD, timer, &e));
	TRY(write(ev, &one, sizeof(one)) == sizeof(one));
	TRY(epoll_wait(ep, &e, 1, 1000) == 1);
	close(ep), close(ev), close(timer), close(sig), close(notify), close(fd);
	return 0;
}

static void *thread_main(void *arg)
{
	memset(arg, 5, 8192);
	return arg;
}

static int step_threads(void)
{
	pthread_t t[3];
	void *out;

	for (int i = 0; i < 3; i++) {
		errno = pthread_create(&t[i], NULL, thread_main, buffer + i * 8192);
		if (errno) {
			int err = errno;

			while (i--)
				pthread_join(t[i], &out);
			return err;
		}
	}
	for (int i = 0; i < 3; i++)
		TRY(!pthread_join(t[i], &out));
	return 0;
}

static int step_locks_and_timers(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 10 };
	struct itimerspec later = { .it_value.tv_sec = 100 };
	timer_t timer;
	int fd;

	TRY((fd = open("locked", O_CREAT | O_RDWR, 0644)) >= 0);
	TRY(!fcntl(fd, F_SETLK, &l));
	l.l_start = 100;
	TRY(!fcntl(fd, F_SETLK, &l));
	TRY(!flock(fd, LOCK_EX));
	close(fd);
	TRY(!timer_create(CLOCK_MONOTONIC, NULL, &timer));
	TRY(!timer_settime(timer, 0, &later, NULL) && !timer_delete(timer));
	return 0;
}

static int step_proc(void)
{
	static const char *const names[] = { "/proc/self/maps", "/proc/self/status", "/proc/meminfo",
					     "/proc/mounts", "/proc/self/smaps", "/proc/stat",
					     "/sys/devices/system/cpu/online" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int fd;

		TRY((fd = open(names[i], O_RDONLY)) >= 0);
		TRY(read(fd, buffer, sizeof(buffer)) > 0);
		close(fd);
	}
	return 0;
}

static int in_tmpfs(void)
{
	int fd;

	TRY(!mkdir("mnt/sub", 0755));
	TRY((fd = open("mnt/sub/file", O_CREAT | O_RDWR, 0644)) >= 0);
	TRY(write(fd, buffer, 50000) == 50000 && !close(fd));
	TRY(!rename("mnt/sub/file", "mnt/file") && !symlink("x", "mnt/link"));
	return 0;
}

static int step_tmpfs(void)
{
	int err;

	TRY(!mkdir("mnt", 0755));
	TRY(!mount("tmpfs", "mnt", "tmpfs", 0, "mode=0755"));
	err = in_tmpfs();
	if (!umount2("mnt", MNT_DETACH))
		return err;
	if (errno != ENOMEM || err)
		return errno;
	TRY(!umount2("mnt", MNT_DETACH));
	return ENOMEM;
}

static int step_terminal(void)
{
	int master, slave;

	TRY((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
	TRY(!grantpt(master) && !unlockpt(master));
	TRY((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
	TRY(write(master, "echo\n", 5) == 5 && read(slave, buffer, 100) == 5);
	close(slave), close(master);
	return 0;
}

static int step_shared_memory(void)
{
	char *p;
	int id, fd;

	TRY((fd = memfd_create("sweep", MFD_ALLOW_SEALING)) >= 0);
	TRY(write(fd, buffer, 20000) == 20000 && !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	close(fd);
	TRY((id = shmget(IPC_PRIVATE, 20000, 0600)) >= 0);
	p = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	TRY(p != (void *)-1);
	memset(p, 1, 20000);
	TRY(!shmdt(p));
	return 0;
}

/* What a shell that finds no memory says is its own affair: only whether it works without. */
static int step_shell(void)
{
	pid_t pid;
	int status;

	TRY((pid = vfork()) >= 0);
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "echo one two | cat >out; ls / >list; cat out >>list", NULL);
		_exit(126);
	}
	status = wait_for(pid);
	return status ? ENOMEM : 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} steps[] = {
	{ "files", step_files },
	{ "directories", step_directories },
	{ "holes", step_holes },
	{ "anonymous memory", step_anonymous_memory },
	{ "mapped file", step_mapped_file },
	{ "fork", step_fork },
	{ "pipes", step_pipes },
	{ "sockets", step_sockets },
	{ "events", step_events },
	{ "threads", step_threads },
	{ "locks and timers", step_locks_and_timers },
	{ "/proc", step_proc },
	{ "tmpfs", step_tmpfs },
	{ "terminal", step_terminal },
	{ "shared memory", step_shared_memory },
	{ "shell", step_shell },
};
#define STEPS (sizeof(steps) / sizeof(*steps))

/* ---- the injector ---- */

/* How many allocations are still to come before one fails; 0: it has happened (also to us). */
static long left(void)
{
	char text[32] = "";
	int fd = open("/proc/fail-nth", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '0';
	if (fd >= 0)
		close(fd);
	return atol(text);
}

static bool arm(long n)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", n);
	int fd = open("/proc/fail-nth", O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, (size_t)len) == len;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ENFILE: what pipe(2) makes of it, on Linux as well. */
static bool for_want_of_memory(int err)
{
	return err == ENOMEM || err == EAGAIN || err == ENOBUFS || err == ENFILE;
}

/* Descriptors a step left open when it failed. */
static void close_leftovers(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
}

/* In the child: 0, or 1 when something went wrong that no lack of memory explains. */
static int workload(long n)
{
	int bad = 0;

	if (!arm(n))
		return 1;
	for (size_t i = 0; i < STEPS; i++) {
		bool before = left() > 0, after;
		int err;

		errno = 0;
		err = steps[i].run();

		close_leftovers();
		after = left() > 0;
		if (!err || (before && !after && for_want_of_memory(err)))
			continue;
		printf("not ok: point %ld, step %s: %s at line %d, %s\n", n, steps[i].name,
		       strerror(err), failed_line,
		       after ? "nothing failed yet" : before ? "the failing step" : "after the failure");
		bad = 1;
	}
	fflush(stdout);
	return bad;
}

/* ---- between the points ---- */

static unsigned char golden_byte(int file, int at)
{
	return (unsigned char)((unsigned)(at * 2654435761u + (unsigned)file * 40503u) >> 13);
}

static void golden_make(void)
{
	static unsigned char text[GOLDEN_SIZE];
	char name[32];

	for (int f = 0; f < GOLDEN; f++) {
		int fd;

		snprintf(name, sizeof(name), "/golden/%d", f);
		for (int i = 0; i < GOLDEN_SIZE; i++)
			text[i] = golden_byte(f, i);
		fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
		if (fd < 0 || write(fd, text, GOLDEN_SIZE) != GOLDEN_SIZE || fsync(fd) || close(fd))
			exit(2);
	}
}

static bool golden_check(void)
{
	static unsigned char text[GOLDEN_SIZE];
	char name[32];

	for (int f = 0; f < GOLDEN; f++) {
		int fd;

		snprintf(name, sizeof(name), "/golden/%d", f);
		fd = open(name, O_RDONLY);
		if (fd < 0 || read(fd, text, GOLDEN_SIZE) != GOLDEN_SIZE || close(fd))
			return false;
		for (int i = 0; i < GOLDEN_SIZE; i++)
			if (text[i] != golden_byte(f, i))
				return false;
	}
	return true;
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (fd >= 0) {
		(void)!write(fd, "3", 1);
		close(fd);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* Status of @pid; -1: it hangs. */
static int await(pid_t pid)
{
	struct timespec nap = { .tv_nsec = 2000000 };
	time_t end = time(NULL) + HANG_SECONDS;
	int status;

	while (time(NULL) < end) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		nanosleep(&nap, NULL);
	}
	return -1;
}

/* True when the point left everything as it should be. */
static bool point(long n)
{
	pid_t pid;
	int status;
	bool ok = true;

	if (mkdir("/work", 0755) || (pid = fork()) < 0) {
		printf("not ok: point %ld cannot start: %s\n", n, strerror(errno));
		return false;
	}
	if (!pid) {
		if (chdir("/work"))
			_exit(1);
		_exit(workload(n));
	}
	status = await(pid);
	arm(0);
	if (status == -1) {
		printf("not ok: point %ld hangs\n", n);
		return false;
	}
	if (WIFSIGNALED(status))
		printf("not ok: point %ld: killed by signal %d\n", n, WTERMSIG(status));
	ok = status == 0;
	if (nftw("/work", remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT)) {
		printf("not ok: point %ld: its files cannot be removed: %s\n", n, strerror(errno));
		return false;
	}
	if (!golden_check()) {
		printf("not ok: point %ld: a golden file has changed\n", n);
		ok = false;
	}
	return ok;
}

int main(int argc, char **argv)
{
	long points = 0, bad = 0, first, last, step;

	if (argc != 4)
		return 2;
	first = atol(argv[1]), last = atol(argv[2]), step = atol(argv[3]);
	mkdir("/golden", 0755);
	golden_make();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (long n = first; n <= last && bad < 20; n += step, points++) {
		bad += !point(n);
		if (points % 50 == 49) {
			printf("# %ld points, at %ld\n", points + 1, n);
			drop_caches();
		}
	}
	printf("%ld points, %ld bad\n", points, bad);
	sync();
	return bad != 0;
}
