// SPDX-License-Identifier: MIT
/* memfd_create and file seals. */
#include "mem.h"

#include <linux/memfd.h>
#include <pthread.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define KNOWN_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static int new_memfd(const char *name, unsigned flags)
{
	return syscall(SYS_memfd_create, name, flags);
}

/* A sealable file of @pages pages with @seals on it. */
static int sealed(int pages, int seals)
{
	int fd = new_memfd("s", MFD_ALLOW_SEALING);

	CHECK(fd >= 0);
	CHECK(!ftruncate(fd, pages * PAGE));
	if (seals)
		CHECK_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

TEST(memfd_flags_and_names)
{
	char name[300];
	int fd = new_memfd("", 0);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fcntl(new_memfd("x", MFD_CLOEXEC), F_GETFD), FD_CLOEXEC);
	CHECK_ERR(new_memfd("x", 0x40000000), EINVAL);
	CHECK_ERR(new_memfd((char *)8, 0), EFAULT);
	memset(name, 'n', sizeof(name));
	name[249] = 0;
	CHECK(new_memfd(name, 0) >= 0);
	name[249] = 'n';
	name[250] = 0;
	CHECK_ERR(new_memfd(name, 0), EINVAL);
	CHECK(new_memfd("with/slash and space", 0) >= 0);
}

TEST(memfd_hugetlb_needs_a_pool)
{
	int fd = new_memfd("h", MFD_HUGETLB);
	char *p;

	/* Without the file system none is made; with it, there is no page to map. */
	if (fd < 0) {
		CHECK(errno == EINVAL || errno == ENODEV || errno == ENOENT || errno == EPERM || errno == ENOSYS);
		return;
	}
	CHECK(!ftruncate(fd, 2 << 20));
	p = mmap(NULL, 2 << 20, RW, MAP_SHARED, fd, 0);
	CHECK(p == MAP_FAILED && errno == ENOMEM);
}

TEST(memfd_is_a_file)
{
	int fd = new_memfd("file", 0);
	char buf[64], link[32], *p;
	struct stat st;
	ssize_t n;

	CHECK_EQ(write(fd, "hello", 5), 5);
	CHECK(!fstat(fd, &st));
	CHECK(S_ISREG(st.st_mode) && st.st_size == 5 && st.st_nlink == 0 && (st.st_mode & 0777) == 0777);
	CHECK(!ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK(!memcmp(p, "hello", 6));
	p[PAGE] = 9;
	CHECK_EQ(pread(fd, buf, 1, PAGE), 1);
	CHECK_EQ(buf[0], 9);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, sizeof(buf) - 1);
	CHECK(n > 0);
	buf[n] = 0;
	CHECK(!strcmp(buf, "/memfd:file (deleted)"));
	CHECK(open(link, O_RDONLY) >= 0);
}

TEST(seals_without_allow_sealing)
{
	int fd = new_memfd("x", 0);

	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
}

TEST(seals_add_up)
{
	int fd = sealed(1, 0);

	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, 0), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0), EPERM);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

TEST(seal_errors)
{
	int fd = sealed(1, 0), file = open("f", O_CREAT | O_RDWR, 0600), pipes[2], ro;
	char link[32];

	CHECK(!pipe(pipes));
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x8000), EINVAL);
	CHECK_ERR(fcntl(pipes[0], F_GET_SEALS), EINVAL);
	CHECK_ERR(fcntl(pipes[1], F_ADD_SEALS, F_SEAL_GROW), EINVAL);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ro = open(link, O_RDONLY);
	CHECK(ro >= 0);
	CHECK_EQ(fcntl(ro, F_GET_SEALS), 0);
	CHECK_ERR(fcntl(ro, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK(file >= 0);
	CHECK(fcntl(file, F_GET_SEALS) == -1 || fcntl(file, F_GET_SEALS) == F_SEAL_SEAL);
}

TEST(seal_grow)
{
	int fd = sealed(2, F_SEAL_GROW);
	char buf[PAGE];

	memset(buf, 1, PAGE);
	CHECK_ERR(ftruncate(fd, 2 * PAGE + 1), EPERM);
	CHECK(!ftruncate(fd, PAGE));
	CHECK_ERR(ftruncate(fd, 2 * PAGE), EPERM);
	CHECK_EQ(pwrite(fd, buf, PAGE, 0), PAGE);
	CHECK_ERR(pwrite(fd, buf, 1, PAGE), EPERM);
	CHECK_ERR(fallocate(fd, 0, 0, 2 * PAGE), EPERM);
	CHECK(!fallocate(fd, 0, 0, PAGE));
	CHECK(!ftruncate(fd, 0));
}

TEST(seal_grow_cuts_a_write_at_the_end)
{
	int fd = sealed(1, F_SEAL_GROW);
	char buf[PAGE + 10];
	ssize_t n;

	memset(buf, 1, sizeof(buf));
	/* One call may write up to the end and stop there, or refuse: the file must not grow. */
	n = pwrite(fd, buf, PAGE + 10, 0);
	CHECK(n == (ssize_t)PAGE || (n == -1 && errno == EPERM));
	CHECK_EQ(lseek(fd, 0, SEEK_END), PAGE);
}

TEST(seal_shrink)
{
	int fd = sealed(2, F_SEAL_SHRINK);

	CHECK_ERR(ftruncate(fd, PAGE), EPERM);
	CHECK_ERR(ftruncate(fd, 0), EPERM);
	CHECK(!ftruncate(fd, 2 * PAGE));
	CHECK(!ftruncate(fd, 3 * PAGE));
	CHECK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	CHECK_ERR(open("/proc/self/fd/99999", O_RDWR | O_TRUNC), ENOENT);
}

TEST(seal_write)
{
	int fd = sealed(2, F_SEAL_WRITE);
	char *p;

	CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	CHECK(!ftruncate(fd, PAGE)); /* the size is another seal's matter */
	CHECK(!ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED);
	p[0] = 1;
	CHECK_EQ(pread(fd, p + 1, 1, 0), 1);
	CHECK_EQ(p[1], 0);
}

TEST(seal_write_is_busy_with_a_writable_mapping)
{
	int fd = sealed(1, 0);
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);

	CHECK(p != MAP_FAILED);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), EBUSY);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	CHECK(!mprotect(p, PAGE, PROT_READ));
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY); /* it could become writable again */
	CHECK(!munmap(p, PAGE));
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(seal_write_is_busy_with_a_childs_mapping)
{
	int fd = sealed(1, 0);
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	pid_t pid = CHILD(for (;;) pause());

	CHECK(!munmap(p, PAGE));
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK(!kill(pid, SIGKILL));
	WAIT_SIGNAL(pid, SIGKILL);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(seal_write_with_private_and_readonly_mappings)
{
	int fd = sealed(2, 0), ro;
	char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0), *q, link[32];

	CHECK(p != MAP_FAILED);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ro = open(link, O_RDONLY);
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	CHECK(q != MAP_FAILED);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	CHECK_ERR(mprotect(q, PAGE, RW), EACCES);
	p[0] = 3;
	CHECK_EQ(q[0], 0);
}

TEST(seal_future_write)
{
	int fd = sealed(2, 0);
	char *old = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), *q, c;

	CHECK(old != MAP_FAILED);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	old[0] = 7; /* who had it keeps it */
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	CHECK_EQ(c, 7);
	CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(q != MAP_FAILED);
	CHECK_EQ(q[0], 7);
	CHECK_ERR(mprotect(q, PAGE, RW), EACCES);
	CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_FUTURE_WRITE);
}

TEST(seals_are_the_files_not_the_descriptors)
{
	int fd = sealed(1, 0), other;
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	other = open(link, O_RDWR);
	CHECK(other >= 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0);
	CHECK_EQ(fcntl(other, F_GET_SEALS) & KNOWN_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK);
	CHECK_ERR(write(other, "x", 1), EPERM);
	CHECK_ERR(open(link, O_RDWR | O_TRUNC), EPERM);
	close(fd);
	CHECK_ERR(write(other, "x", 1), EPERM);
}

TEST(sealed_file_is_executable_memory)
{
	int fd = sealed(1, 0);
	int (*fn)(void);

	CHECK_EQ(pwrite(fd, "\xb8\x07\x00\x00\x00\xc3", 6, 0), 6);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	fn = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	CHECK(fn != MAP_FAILED);
	CHECK_EQ(fn(), 7);
}

/* ---- seals against a write under way ---- */

#define LONG (6 * HUGE)

struct late_write {
	int fd;
	const char *from;
	size_t n;
	off_t at;
	ssize_t done;
};

static void *write_once(void *arg)
{
	struct late_write *w = arg;

	w->done = pwrite(w->fd, w->from, w->n, w->at);
	return NULL;
}

struct late_seal {
	int fd, seals, done;
	off_t watch; /* its byte is looked at as soon as the seals are there */
	char then;
	off_t size;
};

static void *seal_once(void *arg)
{
	struct late_seal *s = arg;
	struct stat st;

	s->done = fcntl(s->fd, F_ADD_SEALS, s->seals);
	CHECK(!fstat(s->fd, &st));
	s->size = st.st_size;
	CHECK_EQ(pread(s->fd, &s->then, 1, s->watch), 1);
	return NULL;
}

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	CHECK(!pthread_create(t, NULL, fn, arg));
}

struct seal_race {
	const char *what;
	int seals;
	off_t late_at;
};
static const struct seal_race seal_races[] = {
	{ "write", F_SEAL_WRITE, 0 },
	{ "future_write", F_SEAL_FUTURE_WRITE, 0 },
	{ "grow", F_SEAL_GROW, LONG },
};

/* One write has the file, the seal waits behind it, another write behind the seal. */
TEST_ROWS(write_that_waited_changed_a_sealed_file, seal_races)
{
	int fd = new_memfd("s", MFD_ALLOW_SEALING);
	char *zeros = map_anon(LONG / PAGE), *ones = map_anon(LONG / PAGE), now;
	struct late_write first = { .fd = fd, .from = zeros, .n = LONG };
	struct late_write late = { .fd = fd, .from = ones, .n = LONG, .at = row->late_at };
	struct late_seal seal = { .fd = fd, .seals = row->seals, .watch = LONG - 1 };
	pthread_t t[3];
	struct stat st;

	memset(ones, 1, LONG);
	memset(zeros, 0, LONG);
	start(&t[0], write_once, &first);
	do
		CHECK(!fstat(fd, &st));
	while (!st.st_size);
	start(&t[1], seal_once, &seal);
	sleep_ms(3);
	start(&t[2], write_once, &late);
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(t[i], NULL));
	CHECK_EQ(first.done, LONG);
	CHECK_EQ(seal.done, 0);
	CHECK_EQ(pread(fd, &now, 1, LONG - 1), 1);
	CHECK_EQ(now, seal.then);
	if (row->seals & F_SEAL_GROW) {
		CHECK(!fstat(fd, &st));
		CHECK_EQ(st.st_size, seal.size);
	}
}

TEST(empty_write_to_a_sealed_file)
{
	int fd = sealed(1, F_SEAL_WRITE);

	CHECK_EQ(pwrite(fd, "x", 0, 0), 0);
}
