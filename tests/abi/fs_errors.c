// SPDX-License-Identifier: MIT
/* Positions, lengths and flags at the ends of their ranges: which error, and in which order. */
#include "abi.h"

#include <linux/fs.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#define FAR 0x7fffffffffffffffll

static int file_of(const char *name, size_t n)
{
	char data[8192];
	int fd;

	memset(data, 'a', sizeof(data));
	write_file(name, data, n);
	fd = open(name, O_RDWR);
	CHECK(fd >= 0);
	return fd;
}

/* ---- positions ---- */

TEST(lseek_overflow_was_eoverflow)
{
	int fd = file_of("f", 10);

	CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
	CHECK_ERR(lseek(fd, FAR, SEEK_CUR), EINVAL);
	CHECK_ERR(lseek(fd, FAR, SEEK_END), EINVAL);
	CHECK_ERR(lseek(fd, FAR, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, -6, SEEK_CUR), EINVAL);
	CHECK_ERR(lseek(fd, LLONG_MIN, SEEK_END), EINVAL);
	CHECK_ERR(lseek(fd, -1, SEEK_DATA), ENXIO);
	CHECK_ERR(lseek(fd, LLONG_MIN, SEEK_HOLE), ENXIO);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
}

static const struct {
	const char *what, *path;
} far_files[] = {
	{ "ext4", "f" },
	{ "proc", "/proc/self/maps" },
	{ "tmpfs", "/dev/shm/far" },
	{ "zero", "/dev/zero" },
};

/* A position and a length that pass the largest position together. */
TEST_ROWS(reads_and_writes_at_the_last_position, far_files)
{
	struct iovec v = { (char[16]){ 0 }, 16 };
	char buf[16];
	int fd;

	if (*row->path == 'f' || strstr(row->path, "shm"))
		close(open(row->path, O_CREAT | O_RDWR, 0600));
	fd = open(row->path, strstr(row->path, "proc") ? O_RDONLY : O_RDWR);
	if (fd < 0)
		SKIP("not here");
	CHECK_ERR(pread(fd, buf, 16, FAR), EINVAL);
	CHECK_ERR(pread(fd, buf, 16, FAR - 15), EINVAL);
	CHECK_ERR(preadv(fd, &v, 1, FAR), EINVAL);
	CHECK(pread(fd, buf, 0, FAR) == 0);
	if (!strstr(row->path, "proc")) {
		CHECK_ERR(pwrite(fd, buf, 16, FAR), EINVAL);
		CHECK_ERR(pwritev(fd, &v, 1, FAR - 3), EINVAL);
	}
	unlink("/dev/shm/far");
}

TEST(pwrite_beyond_the_largest_file)
{
	int fd = file_of("f", 10);

	CHECK_ERR(pwrite(fd, "x", 1, FAR - 1), EFBIG);
	CHECK_EQ(pread(fd, (char[1]){ 0 }, 1, FAR - 1), 0);
	CHECK_ERR(ftruncate(fd, FAR), EFBIG);
	CHECK_ERR(fallocate(fd, 0, FAR - 1, 1), EFBIG);
	CHECK_ERR(fallocate(fd, 0, FAR, 1), EFBIG);
}

TEST(errors_of_read_and_write_come_in_order)
{
	int rd = (file_of("f", 10), open("f", O_RDONLY)), wr = open("f", O_WRONLY), dir = open(".", O_RDONLY);

	CHECK_ERR(read(wr, (void *)-1, 1), EBADF);
	CHECK_ERR(write(rd, (void *)-1, 1), EBADF);
	CHECK_ERR(read(rd, (void *)-1, 1), EFAULT);
	CHECK_ERR(read(rd, (char[1]){ 0 }, (size_t)-1), EFAULT);
	CHECK_ERR(read(rd, NULL, 1), EFAULT);
	CHECK_EQ(read(rd, NULL, 0), 0);
	CHECK_EQ(read(rd, (char[16]){ 0 }, 16), 10);
	CHECK_EQ(read(rd, NULL, 1), 0); /* at the end */
	CHECK_ERR(read(dir, (char[1]){ 0 }, 1), EISDIR);
	CHECK_ERR(write(dir, "x", 1), EBADF);
	CHECK_ERR(pread(rd, (char[1]){ 0 }, 1, -1), EINVAL);
	CHECK_ERR(pread(-1, (char[1]){ 0 }, 1, -1), EINVAL);
}

/* ---- vectors ---- */

TEST(a_bad_later_vector_ends_the_transfer_there)
{
	char a[4], *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[2] = { { a, 4 }, { hole, 4 } };
	int fd = file_of("f", 10);

	CHECK_EQ(readv(fd, v, 2), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(writev(fd, v, 2), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);
	v[1].iov_base = (void *)-4096;
	CHECK_ERR(readv(fd, v, 2), EFAULT);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);
	v[1] = (struct iovec){ a, (size_t)-1 };
	CHECK_ERR(readv(fd, v, 2), EINVAL);
	v[0].iov_base = hole;
	v[1] = (struct iovec){ a, 4 };
	CHECK_ERR(readv(fd, v, 2), EFAULT);
	CHECK_ERR(writev(fd, v, 2), EFAULT);
	CHECK_ERR(readv(fd, v, -1), EINVAL);
	CHECK_ERR(readv(fd, v, 1025), EINVAL);
	CHECK_EQ(readv(fd, v, 0), 0);
}

static ssize_t pv2(long call, int fd, const struct iovec *v, off_t pos, int flags)
{
	return syscall(call, fd, v, 1, pos, 0, flags);
}

TEST(rwf_append_was_refused_without_o_append)
{
	struct iovec v = { "zz", 2 };
	int fd = file_of("f", 10);
	char b[16];

	CHECK_EQ(pv2(SYS_pwritev2, fd, &v, 0, RWF_APPEND), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 12);
	CHECK(pread(fd, b, 2, 10) == 2 && !memcmp(b, "zz", 2));
	CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	CHECK_EQ(pv2(SYS_pwritev2, fd, &v, -1, RWF_APPEND), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 14);
	v.iov_base = b;
	CHECK_EQ(pv2(SYS_preadv2, fd, &v, 0, RWF_APPEND), 2);
	CHECK_EQ(pv2(SYS_pwritev2, fd, &v, 0, RWF_DSYNC | RWF_SYNC | RWF_HIPRI), 2);
	CHECK_ERR(pv2(SYS_pwritev2, fd, &v, 0, 0x4000), EOPNOTSUPP);
	CHECK_ERR(pv2(SYS_preadv2, fd, &v, -2, 0), EINVAL);
}

/* More of what the order of checks decides. */
TEST(flags_of_nothing_are_not_looked_at)
{
	struct iovec v = { NULL, 0 };
	int fd = file_of("f", 10), p[2];

	CHECK(!pipe(p));
	CHECK_EQ(pv2(SYS_preadv2, fd, &v, 0, 0x1000), 0);
	CHECK_ERR(pv2(SYS_preadv2, p[0], &v, 0, 0x1000), ESPIPE);
}

TEST(select_of_a_path_descriptor_was_ebadf)
{
	int fd = open(".", O_PATH);
	struct timeval tv = { 0, 0 };
	fd_set r;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	CHECK_EQ(select(fd + 1, &r, NULL, NULL, &tv), 1);
	CHECK(FD_ISSET(fd, &r));
	close(fd);
	CHECK_ERR(select(fd + 1, &r, NULL, NULL, &tv), EBADF);
}

static volatile siginfo_t seen;

static void on_xfsz(int sig, siginfo_t *i, void *ctx)
{
	(void)sig, (void)ctx;
	memcpy((void *)&seen, i, sizeof(seen));
}

TEST(sigxfsz_comes_from_the_process_itself)
{
	struct sigaction sa = { .sa_sigaction = on_xfsz, .sa_flags = SA_SIGINFO };
	struct rlimit r = { 100, RLIM_INFINITY };
	int fd = file_of("f", 10);

	CHECK(!sigaction(SIGXFSZ, &sa, NULL) && !setrlimit(RLIMIT_FSIZE, &r));
	CHECK_EQ(pwrite(fd, (char[20]){ 0 }, 20, 90), 10);
	CHECK_EQ(seen.si_signo, 0);
	CHECK_ERR(pwrite(fd, "x", 1, 100), EFBIG);
	CHECK_EQ(seen.si_signo, SIGXFSZ);
	CHECK_EQ(seen.si_code, SI_USER);
	CHECK_EQ(seen.si_pid, getpid());
	CHECK_EQ(seen.si_uid, getuid());
	seen.si_signo = 0;
	CHECK_ERR(ftruncate(fd, 101), EFBIG);
	CHECK_EQ(seen.si_signo, SIGXFSZ);
	seen.si_signo = 0;
	CHECK_ERR(fallocate(fd, 0, 0, 101), EFBIG);
	CHECK_EQ(seen.si_signo, SIGXFSZ);
}

/* ---- open ---- */

static const struct {
	const char *what, *name;
	int flags, want;
} opens[] = {
	{ "a_directory_direct", ".", O_RDONLY | O_DIRECT, EINVAL },
	{ "a_proc_file_direct", "/proc/self/maps", O_RDONLY | O_DIRECT, EINVAL },
	{ "a_device_direct", "/dev/null", O_RDONLY | O_DIRECT, EINVAL },
	{ "a_file_direct", "f", O_RDONLY | O_DIRECT, 0 },
	{ "path_drops_creat", "f", O_PATH | O_CREAT | O_EXCL, 0 },
	{ "path_drops_directory_with_creat", ".", O_PATH | O_CREAT | O_DIRECTORY, 0 },
	{ "path_drops_tmpfile", "f", O_PATH | (O_TMPFILE & ~O_DIRECTORY), 0 },
	{ "path_drops_trunc", "f", O_PATH | O_TRUNC | O_WRONLY, 0 },
	{ "path_drops_direct", ".", O_PATH | O_DIRECT, 0 },
	{ "tmpfile_read_only", ".", O_TMPFILE | O_RDONLY, EINVAL },
	{ "bad_flags_before_bad_name", "", O_TMPFILE | O_RDONLY, EINVAL },
	{ "bad_flags_before_bad_address", NULL, O_TMPFILE | O_RDONLY, EINVAL },
	{ "creat_of_a_directory_for_reading", ".", O_CREAT, EISDIR },
	{ "exclusive_without_creat", "f", O_EXCL, 0 },
};

TEST_ROWS(open_flags, opens)
{
	write_file("f", "x", 1);
	if (row->want)
		CHECK_ERR(syscall(SYS_open, row->name, row->flags, 0600), row->want);
	else
		CHECK(syscall(SYS_open, row->name, row->flags, 0600) >= 0);
}

TEST(a_full_table_came_before_bad_flags)
{
	struct rlimit r = { 3, 3 };

	CHECK(!setrlimit(RLIMIT_NOFILE, &r));
	CHECK_ERR(open(".", O_TMPFILE | O_RDONLY), EINVAL);
	CHECK_ERR(open("", O_RDONLY), ENOENT);
	CHECK_ERR(open("missing", O_RDONLY), EMFILE);
	CHECK_ERR(syscall(SYS_open, NULL, O_RDONLY), EFAULT);
}

TEST(setting_direct_on_what_has_none)
{
	int fd = open(".", O_RDONLY);

	CHECK_ERR(fcntl(fd, F_SETFL, O_DIRECT), EINVAL);
	fd = open("/dev/null", O_RDONLY);
	CHECK_ERR(fcntl(fd, F_SETFL, O_DIRECT), EINVAL);
}

/* ---- others ---- */

TEST(mmap_of_nothing_from_a_bad_descriptor)
{
	CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == EBADF);
	CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
}

TEST(ficlone_was_no_ioctl)
{
	int a = file_of("a", 4096), b = file_of("b", 4096);
	struct file_clone_range r = { .src_fd = a };

	CHECK_ERR(ioctl(b, FICLONE, a), EOPNOTSUPP);
	CHECK_ERR(ioctl(b, FICLONERANGE, &r), EOPNOTSUPP);
	CHECK_ERR(ioctl(b, FICLONE, -1), EBADF);
	CHECK_ERR(ioctl(b, FICLONERANGE, NULL), EFAULT);
	CHECK_ERR(ioctl(open("a", O_RDONLY), FICLONE, b), EBADF);
	CHECK_ERR(ioctl(open(".", O_RDONLY), FICLONE, b), EISDIR);
	CHECK_ERR(ioctl(b, FICLONE, open("/dev/null", O_RDWR)), EXDEV);
}

TEST(copy_file_range_at_the_ends)
{
	int a = file_of("a", 100), b = file_of("b", 10), end;
	off_t from = 0, to = 0;

	from = FAR;
	CHECK_EQ(copy_file_range(a, &from, b, NULL, 100, 0), 0);
	from = 100;
	CHECK_EQ(copy_file_range(a, &from, b, NULL, (size_t)1 << 62, 0), 0);
	from = 0;
	to = FAR - 10;
	CHECK_ERR(copy_file_range(a, &from, b, &to, 5, 0), EFBIG);
	to = 50;
	CHECK_ERR(copy_file_range(a, &from, a, &to, 60, 0), EINVAL);
	end = open("b", O_WRONLY | O_APPEND);
	CHECK_ERR(copy_file_range(a, NULL, end, NULL, 5, 0), EBADF);
	from = -1;
	CHECK_ERR(copy_file_range(a, &from, b, NULL, 5, 0), EOVERFLOW);
	from = -10;
	CHECK_ERR(copy_file_range(a, &from, b, NULL, 5, 0), EINVAL);
	from = 0;
	CHECK_ERR(copy_file_range(open("/proc/self/maps", O_RDONLY), NULL, b, NULL, 5, 0), EXDEV);
}

TEST(select_wrote_the_time_left_for_sticky_timeouts)
{
	struct timeval tv = { 5, 0 };
	fd_set w;
	int p[2];

	if (syscall(SYS_personality, 0x4000000) < 0)
		SKIP("no personality");
	CHECK(!pipe(p));
	FD_ZERO(&w);
	FD_SET(p[1], &w);
	CHECK_EQ(syscall(SYS_select, p[1] + 1, NULL, &w, NULL, &tv), 1);
	CHECK(tv.tv_sec == 5 && tv.tv_usec == 0);
}

static long magic_of(int fd)
{
	struct statfs s;

	CHECK(fd >= 0 && !fstatfs(fd, &s));
	CHECK_EQ(s.f_bsize, 4096);
	CHECK_EQ(s.f_namelen, 255);
	return s.f_type;
}

TEST(fstatfs_of_what_has_no_name)
{
	int p[2];

	CHECK(!pipe(p));
	CHECK_EQ(magic_of(p[0]), 0x50495045);
	CHECK_EQ(magic_of(socket(AF_UNIX, SOCK_STREAM, 0)), 0x534f434b);
	CHECK_EQ(magic_of(eventfd(0, 0)), 0x09041934);
	CHECK_EQ(magic_of(epoll_create1(0)), 0x09041934);
	CHECK_EQ(magic_of(memfd_create("m", 0)), 0x01021994);
}

/* Such files have no pages: making them shorter was a panic. */
TEST(truncate_of_files_made_of_text)
{
	static const char *const names[] = { "/proc/version", "/proc/self/stat", "/sys/kernel/mm/transparent_hugepage/enabled" };

	if (geteuid())
		SKIP("needs root");
	for (int i = 0; i < 3; i++) {
		if (access(names[i], F_OK))
			continue;
		CHECK(!truncate(names[i], 0) && !truncate(names[i], 5000));
		CHECK(open(names[i], O_RDONLY | O_TRUNC) >= 0 || errno == EACCES);
	}
}
