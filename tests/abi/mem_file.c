// SPDX-License-Identifier: MIT
/* One truth for a file's bytes: read, write and mmap of the same file in every order. */
#include "mem.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

static char byte_at(int fd, off_t at)
{
	char c = 0x55;

	CHECK_EQ(pread(fd, &c, 1, at), 1);
	return c;
}

/* The signal that a load gives; 0: none. */
static int touch(const volatile char *p)
{
	int got;

	catch_faults();
	got = load(p);
	return got < 0 ? -got : 0;
}

TEST(store_is_seen_by_read)
{
	int fd = make_file(FS_DISK, "f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE, MAP_SHARED);

	p[10] = 'a';
	p[PAGE + 1] = 'b';
	CHECK(byte_at(fd, 10) == 'a' && byte_at(fd, PAGE + 1) == 'b');
}

TEST(write_is_seen_by_load)
{
	int fd = make_file(FS_DISK, "f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE, MAP_SHARED);

	CHECK_EQ(p[5], 0);
	CHECK_EQ(pwrite(fd, "xyz", 3, 5), 3);
	CHECK(!memcmp(p + 5, "xyz", 3));
	CHECK_EQ(pwrite(fd, "span", 4, PAGE - 2), 4);
	CHECK(!memcmp(p + PAGE - 2, "span", 4));
}

TEST(two_processes_two_mappings)
{
	int fd = make_file(FS_DISK, "f", PAGE), go[2], back[2];
	char *p = map_file(fd, PAGE, MAP_SHARED), c;
	pid_t pid;

	CHECK(!pipe(go) && !pipe(back));
	pid = CHILD({
		int own = open("f", O_RDWR);
		char *q = map_file(own, PAGE, MAP_SHARED);

		CHECK_EQ(read(go[0], &c, 1), 1);
		CHECK_EQ(q[0], 1);
		q[1] = 2;
		CHECK_EQ(pwrite(own, "\3", 1, 2), 1);
		CHECK_EQ(write(back[1], "x", 1), 1);
	});
	p[0] = 1;
	CHECK_EQ(write(go[1], "x", 1), 1);
	CHECK_EQ(read(back[0], &c, 1), 1);
	CHECK(p[1] == 2 && p[2] == 3);
	WAIT_OK(pid);
}

TEST(store_survives_munmap_and_exit)
{
	int fd = make_file(FS_DISK, "f", 3 * PAGE);

	WAIT_OK(CHILD({
		char *p = map_file(fd, 3 * PAGE, MAP_SHARED);

		p[0] = 1;
		CHECK(!munmap(p, PAGE));
		p[PAGE] = 2;
		p[2 * PAGE] = 3;
	}));
	CHECK(byte_at(fd, 0) == 1 && byte_at(fd, PAGE) == 2 && byte_at(fd, 2 * PAGE) == 3);
}

TEST(private_store_stays_private)
{
	int fd = make_file(FS_DISK, "f", PAGE);
	char *p = map_file(fd, PAGE, MAP_PRIVATE);

	p[0] = 1;
	CHECK_EQ(byte_at(fd, 0), 0);
	CHECK_EQ(pwrite(fd, "zz", 2, 0), 2);
	CHECK(p[0] == 1 && p[1] != 'z'); /* the copy was made before: it does not follow */
}

TEST(private_untouched_page_follows_file)
{
	int fd = make_file(FS_DISK, "f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE, MAP_PRIVATE);

	p[0] = 1;
	CHECK_EQ(pwrite(fd, "q", 1, PAGE), 1);
	CHECK_EQ(p[PAGE], 'q');
}

TEST(msync_then_read)
{
	int fd = make_file(FS_DISK, "f", PAGE);
	char *p = map_file(fd, PAGE, MAP_SHARED);

	p[7] = 7;
	CHECK(!msync(p, PAGE, MS_SYNC));
	CHECK_EQ(byte_at(fd, 7), 7);
	p[8] = 8; /* the page was cleaned: this store must be noticed again */
	CHECK(!msync(p, PAGE, MS_ASYNC) && !fsync(fd));
	CHECK_EQ(byte_at(fd, 8), 8);
	CHECK_ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK(!munmap(p, PAGE));
	CHECK_ERR(msync(p, PAGE, MS_SYNC), ENOMEM);
}

TEST(bytes_past_end_are_zero)
{
	int fd = make_file(FS_DISK, "f", 0);
	char *p;

	CHECK_EQ(write(fd, "abc", 3), 3);
	p = map_file(fd, PAGE, MAP_SHARED);
	for (size_t i = 3; i < PAGE; i++)
		CHECK_EQ(p[i], 0);
}

TEST(garbage_past_end_is_never_file_data)
{
	int fd = make_file(FS_DISK, "f", 100);
	char *p = map_file(fd, PAGE, MAP_SHARED), buf[200];

	memset(p + 100, 'G', 200); /* in the page but behind the end */
	CHECK(!ftruncate(fd, 300));
	CHECK_EQ(pread(fd, buf, 200, 100), 200);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(buf[i], 0);
}

TEST(truncate_zeroes_the_tail)
{
	int fd = make_file(FS_DISK, "f", 0);
	char page[PAGE], *p;

	memset(page, 'x', PAGE);
	CHECK_EQ(write(fd, page, PAGE), PAGE);
	p = map_file(fd, PAGE, MAP_SHARED);
	CHECK(!ftruncate(fd, 10));
	CHECK(p[9] == 'x' && p[10] == 0);
	CHECK(!ftruncate(fd, PAGE));
	CHECK(p[9] == 'x' && p[10] == 0 && p[PAGE - 1] == 0);
}

TEST(sixteen_pages_of_tail_garbage)
{
	int fd = make_file(FS_DISK, "f", 0);
	static char block[16 * PAGE], back[16 * PAGE];

	memset(block, 'g', sizeof(block));
	CHECK_EQ(write(fd, block, sizeof(block)), sizeof(block));
	CHECK(!ftruncate(fd, 1) && !ftruncate(fd, sizeof(block)));
	CHECK_EQ(pread(fd, back, sizeof(back), 0), sizeof(back));
	CHECK_EQ(back[0], 'g');
	for (size_t i = 1; i < sizeof(back); i++)
		CHECK_EQ(back[i], 0);
}

TEST(access_past_end_is_sigbus)
{
	int fd = make_file(FS_DISK, "f", PAGE);
	char *p = map_file(fd, 3 * PAGE, MAP_SHARED);

	CHECK_EQ(touch(p), 0);
	CHECK_EQ(touch(p + PAGE), SIGBUS);
	CHECK_EQ(fault_code, BUS_ADRERR);
	CHECK(!ftruncate(fd, 2 * PAGE));
	CHECK_EQ(touch(p + PAGE), 0);
}

TEST(truncate_under_a_mapping_is_sigbus)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE);
	char *shared = map_file(fd, 4 * PAGE, MAP_SHARED), *private = map_file(fd, 4 * PAGE, MAP_PRIVATE);

	memset(shared, 1, 4 * PAGE);
	private[3 * PAGE] = 2; /* a private copy goes too */
	CHECK(!ftruncate(fd, PAGE));
	CHECK(touch(shared) == 0 && touch(shared + PAGE) == SIGBUS);
	CHECK(touch(private + 2 * PAGE) == SIGBUS && touch(private + 3 * PAGE) == SIGBUS);
}

TEST(syscall_on_truncated_mapping_is_efault)
{
	int fd = make_file(FS_DISK, "f", PAGE), fds[2];
	char *p = map_file(fd, PAGE, MAP_SHARED);

	CHECK(!pipe(fds) && !ftruncate(fd, 0));
	CHECK_ERR(write(fds[1], p, 10), EFAULT);
}

TEST(write_from_own_mapping)
{
	int fd = make_file(FS_DISK, "f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE, MAP_SHARED);

	strcpy(p, "self");
	CHECK_EQ(pwrite(fd, p, PAGE, PAGE), PAGE); /* source and target are pages of one file */
	CHECK(!strcmp(p + PAGE, "self"));
	CHECK_EQ(pwrite(fd, p, PAGE, 2), PAGE); /* and even the same page */
}

TEST(read_into_own_mapping)
{
	int fd = make_file(FS_DISK, "f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE, MAP_SHARED);

	strcpy(p, "again");
	CHECK_EQ(pread(fd, p + PAGE, PAGE, 0), PAGE);
	CHECK(!strcmp(p + PAGE, "again"));
}

TEST(vectors_and_append)
{
	int fd = make_file(FS_DISK, "f", 0), app;
	struct iovec v[3] = { { "one", 3 }, { "", 0 }, { "two", 3 } };
	char buf[16] = { 0 }, a[2], b[4];
	struct iovec r[2] = { { a, 2 }, { b, 4 } };

	CHECK_EQ(writev(fd, v, 3), 6);
	app = open("f", O_WRONLY | O_APPEND);
	CHECK_EQ(pwrite(app, "!!", 2, 0), 2); /* Linux appends even with pwrite */
	CHECK_EQ(pread(fd, buf, 16, 0), 8);
	CHECK(!memcmp(buf, "onetwo!!", 8));
	CHECK_EQ(preadv(fd, r, 2, 1), 6);
	CHECK(!memcmp(a, "ne", 2) && !memcmp(b, "two!", 4));
	CHECK_ERR(writev(fd, v, -1), EINVAL);
	CHECK_ERR(writev(fd, v, 1025), EINVAL);
}

TEST(sendfile_sees_mapped_stores)
{
	int in = make_file(FS_DISK, "f", PAGE), out = open("g", O_CREAT | O_RDWR, 0644);
	char *p = map_file(in, PAGE, MAP_SHARED), c = 0;
	off_t off = 4;

	p[4] = 's';
	CHECK_EQ(sendfile(out, in, &off, 10), 10);
	CHECK_EQ(off, 14);
	CHECK_EQ(pread(out, &c, 1, 0), 1);
	CHECK_EQ(c, 's');
}

TEST(copy_file_range_copies)
{
	int in = make_file(FS_DISK, "f", 0), out = open("g", O_CREAT | O_RDWR, 0644);
	off_t from = 2, to = 5;
	char buf[12] = { 0 };

	CHECK_EQ(write(in, "0123456789", 10), 10);
	CHECK_EQ(syscall(SYS_copy_file_range, in, &from, out, &to, 4, 0), 4);
	CHECK(from == 6 && to == 9);
	CHECK_EQ(pread(out, buf, 12, 0), 9);
	CHECK(!memcmp(buf, "\0\0\0\0\0" "2345", 9));
}

TEST(hole_reads_zero_and_is_sparse)
{
	int fd = make_file(FS_DISK, "f", 0);
	struct stat st;
	char c;

	CHECK_EQ(pwrite(fd, "e", 1, 1 << 20), 1);
	CHECK(!fstat(fd, &st));
	CHECK_EQ(st.st_size, (1 << 20) + 1);
	CHECK(st.st_blocks < 64);
	c = byte_at(fd, 12345);
	CHECK_EQ(c, 0);
}

TEST(store_into_hole_allocates)
{
	int fd = make_file(FS_DISK, "f", 1 << 20);
	char *p = map_file(fd, 1 << 20, MAP_SHARED);

	p[500000] = 'h';
	CHECK(!msync(p, 1 << 20, MS_SYNC));
	CHECK_EQ(byte_at(fd, 500000), 'h');
	CHECK_EQ(byte_at(fd, 499999), 0);
}

TEST(shared_map_of_odd_length)
{
	int fd = make_file(FS_DISK, "f", 5000);
	char *p = map_file(fd, 5000, MAP_SHARED);

	p[4999] = 'z';
	CHECK(!msync(p, 5000, MS_SYNC) && !munmap(p, 5000));
	CHECK_EQ(byte_at(fd, 4999), 'z');
	struct stat st;
	CHECK(!fstat(fd, &st) && st.st_size == 5000);
}

TEST(unlinked_file_lives_while_mapped)
{
	int fd = make_file(FS_DISK, "f", PAGE);
	char *p = map_file(fd, PAGE, MAP_SHARED);

	p[0] = 9;
	CHECK(!close(fd) && !unlink("f"));
	CHECK_EQ(p[0], 9);
	p[1] = 8;
	CHECK(!munmap(p, PAGE));
	CHECK_ERR(open("f", O_RDONLY), ENOENT);
}

TEST(mtime_changes_by_store)
{
	int fd = make_file(FS_DISK, "f", PAGE);
	char *p = map_file(fd, PAGE, MAP_SHARED);
	struct stat a, b;

	CHECK(!fstat(fd, &a));
	sleep_ms(20);
	p[0] = 1;
	CHECK(!msync(p, PAGE, MS_SYNC) && !fstat(fd, &b));
	CHECK(b.st_mtim.tv_sec > a.st_mtim.tv_sec || b.st_mtim.tv_nsec > a.st_mtim.tv_nsec);
}

TEST(offset_mapping)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE);
	char *p;

	CHECK_EQ(pwrite(fd, "third", 5, 2 * PAGE), 5);
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 2 * PAGE);
	CHECK(p != MAP_FAILED && !memcmp(p, "third", 5));
	CHECK_ERR((long)syscall(SYS_mmap, NULL, PAGE, RW, MAP_SHARED, fd, 100), EINVAL);
}

TEST(memfd_with_seals)
{
	int fd = (int)syscall(SYS_memfd_create, "m", 2u /* MFD_ALLOW_SEALING */);
	char *p;

	CHECK(fd >= 0 && !ftruncate(fd, PAGE));
	p = map_file(fd, PAGE, MAP_SHARED);
	p[0] = 1;
	CHECK_EQ(byte_at(fd, 0), 1);
	CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	CHECK_ERR(ftruncate(fd, 0), EPERM);
	CHECK_ERR(ftruncate(fd, 2 * PAGE), EPERM);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY); /* a writable mapping exists */
	CHECK(!munmap(p, PAGE) && !fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERR((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}

TEST(race_of_truncate_and_fault)
{
	int fd = make_file(FS_DISK, "f", 8 * PAGE);
	char *p = map_file(fd, 8 * PAGE, MAP_SHARED);
	long long end = now_ns() + 500000000;
	pid_t pid = CHILD({
		while (now_ns() < end)
			for (int i = 0; i < 8; i++) {
				int s = touch(p + i * PAGE);

				CHECK(s == 0 || s == SIGBUS);
			}
	});

	while (now_ns() < end)
		CHECK(!ftruncate(fd, 0) && !ftruncate(fd, 8 * PAGE));
	WAIT_OK(pid);
}
