// SPDX-License-Identifier: MIT
/* What files cost, on ext4: names made and removed, cached data read and written, data brought to the disk. */
#include "row.h"
#include <dirent.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#define FILE_SIZE (16 * MIB)
#define IN_DIRECTORY 100

static int fd, other, ends[2];
static char buffer[MIB];

#define ROW(name, body)                                                                            \
	static void name(unsigned long n)                                                          \
	{                                                                                          \
		TIMES(n) {                                                                         \
			body;                                                                      \
		}                                                                                  \
	}

static void make_file(void)
{
	fd = MUST(open("bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	for (size_t i = 0; i < FILE_SIZE / MIB; i++)
		MUST(write(fd, buffer, MIB));
	fsync(fd);
	MUST(lseek(fd, 0, SEEK_SET));
}

static void make_two(void)
{
	make_file();
	other = MUST(open("bench-other", O_RDWR | O_CREAT | O_TRUNC, 0600));
}

static void make_directory(void)
{
	char name[64];

	mkdir("bench-dir", 0700);
	for (int i = 0; i < IN_DIRECTORY; i++) {
		snprintf(name, sizeof(name), "bench-dir/name-%d", i);
		close(MUST(open(name, O_CREAT | O_WRONLY, 0600)));
	}
	fd = MUST(open("bench-dir", O_RDONLY | O_DIRECTORY));
}

static void make_pipe(void)
{
	make_file();
	MUST(pipe(ends));
	other = MUST(open("/dev/null", O_WRONLY));
}

static void remove_all(void)
{
	unlink("bench-file");
	unlink("bench-other");
}

/* ---- names ---- */

ROW(create_unlink, close(MUST(open("bench-new", O_CREAT | O_WRONLY, 0600))); MUST(unlink("bench-new")))
ROW(rename_back, MUST(rename("bench-file", "bench-moved")); MUST(rename("bench-moved", "bench-file")))
ROW(rename_over, close(MUST(open("bench-new", O_CREAT | O_WRONLY, 0600)));
    MUST(rename("bench-new", "bench-other")))
ROW(link_unlink, MUST(link("bench-file", "bench-new")); MUST(unlink("bench-new")))
ROW(symlink_unlink, MUST(symlink("bench-file", "bench-new")); MUST(unlink("bench-new")))
ROW(mkdir_rmdir, MUST(mkdir("bench-new", 0700)); MUST(rmdir("bench-new")))
ROW(chmod_call, MUST(chmod("bench-file", 0600)))
ROW(touch_call, MUST(utimensat(AT_FDCWD, "bench-file", NULL, 0)))

static void create_write_unlink(unsigned long n)
{
	TIMES(n) {
		int new = MUST(open("bench-new", O_CREAT | O_WRONLY, 0600));

		MUST(write(new, buffer, 4096));
		close(new);
		unlink("bench-new");
	}
}

static void list(unsigned long n)
{
	TIMES(n) {
		lseek(fd, 0, SEEK_SET);
		while (syscall(SYS_getdents64, fd, buffer, 32768) > 0)
			;
	}
}

/* ---- cached data ---- */

ROW(read_byte, MUST(pread(fd, buffer, 1, 0)))
ROW(read_page, MUST(pread(fd, buffer, 4096, (off_t)(i_ * 4096 % FILE_SIZE))))
ROW(read_megabyte, MUST(pread(fd, buffer, MIB, (off_t)(i_ * MIB % FILE_SIZE))))
ROW(write_byte, MUST(pwrite(fd, buffer, 1, 0)))
ROW(write_page, MUST(pwrite(fd, buffer, 4096, (off_t)(i_ * 4096 % FILE_SIZE))))
ROW(write_megabyte, MUST(pwrite(fd, buffer, MIB, (off_t)(i_ * MIB % FILE_SIZE))))
ROW(seek, MUST(lseek(fd, (off_t)(i_ % FILE_SIZE), SEEK_SET)))
ROW(seek_hole, MUST(lseek(fd, 0, SEEK_HOLE)))
ROW(truncate_page, MUST(pwrite(other, buffer, 4096, 0)); MUST(ftruncate(other, 0)))
ROW(allocate, MUST(fallocate(other, 0, 0, MIB)); MUST(ftruncate(other, 0)))
ROW(sendfile_64k, off_t at = 0; MUST(sendfile(other, fd, &at, 65536)))
ROW(copy_64k, loff_t a = 0; loff_t b = 0; MUST(copy_file_range(fd, &a, other, &b, 65536, 0)))
ROW(splice_64k, loff_t at = 0; MUST(splice(fd, &at, ends[1], NULL, 65536, 0));
    MUST(splice(ends[0], NULL, other, NULL, 65536, 0)))
ROW(append, MUST(write(other, buffer, 128)))

static void empty_other(void)
{
	MUST(ftruncate(other, 0));
	MUST(lseek(other, 0, SEEK_SET));
}

static void vectors(unsigned long n)
{
	struct iovec v[16];

	for (size_t i = 0; i < COUNT(v); i++)
		v[i] = (struct iovec){ buffer + i * 256, 256 };
	TIMES(n) {
		MUST(pwritev(fd, v, COUNT(v), 0));
		MUST(preadv(fd, v, COUNT(v), 0));
	}
}

static void map_look(unsigned long n)
{
	TIMES(n) {
		char *p = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0);

		for (size_t i = 0; i < MIB; i += PAGE)
			(void)*(volatile char *)(p + i);
		munmap(p, MIB);
	}
}

static void memfd_life(unsigned long n)
{
	TIMES(n) {
		int m = MUST((int)syscall(SYS_memfd_create, "bench", 0));

		MUST(write(m, buffer, 65536));
		close(m);
	}
}

/* ---- to the disk ---- */

ROW(write_fsync, MUST(pwrite(fd, buffer, 4096, 0)); MUST(fsync(fd)))
ROW(append_sync, MUST(write(other, buffer, 4096)); MUST(fdatasync(other)))

static char *mapped;

static void map_it(void)
{
	make_file();
	mapped = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

ROW(store_msync, mapped[0]++; MUST(msync(mapped, PAGE, MS_SYNC)))

/* ---- locks, attributes ---- */

ROW(flock_call, flock(fd, LOCK_EX); flock(fd, LOCK_UN))

static void record_lock(unsigned long n)
{
	struct flock l = { .l_whence = SEEK_SET, .l_len = 10 };

	TIMES(n) {
		l.l_type = F_WRLCK;
		MUST(fcntl(fd, F_SETLK, &l));
		l.l_type = F_UNLCK;
		MUST(fcntl(fd, F_SETLK, &l));
	}
}

ROW(set_attribute, MUST(fsetxattr(fd, "user.bench", "value", 5, 0)))
ROW(get_attribute, MUST(fgetxattr(fd, "user.bench", buffer, 64)))

static void with_attribute(void)
{
	make_file();
	set_attribute(1);
}

static void statvfs_call(unsigned long n)
{
	struct statvfs s;

	TIMES(n)
		MUST(statvfs(".", &s));
}

#define ON_FILE .setup = make_file, .cleanup = remove_all
#define ON_TWO .setup = make_two, .cleanup = remove_all

static const struct row rows[] = {
	{ .name = "create, unlink", .run = create_unlink },
	{ .name = "create, write 4 KiB, unlink", .run = create_write_unlink },
	{ .name = "rename, there and back", .run = rename_back, ON_FILE },
	{ .name = "create, rename over", .run = rename_over, ON_TWO },
	{ .name = "link, unlink", .run = link_unlink, ON_FILE },
	{ .name = "symlink, unlink", .run = symlink_unlink, ON_FILE },
	{ .name = "mkdir, rmdir", .run = mkdir_rmdir },
	{ .name = "chmod", .run = chmod_call, ON_FILE },
	{ .name = "utimensat", .run = touch_call, ON_FILE },
	{ .name = "list 100 names", .run = list, .setup = make_directory },
	{ .name = "read 1 B, cached", .run = read_byte, ON_FILE },
	{ .name = "read 4 KiB, cached", .run = read_page, ON_FILE },
	{ .name = "read 1 MiB, cached", .run = read_megabyte, ON_FILE },
	{ .name = "write 1 B, cached", .run = write_byte, ON_FILE },
	{ .name = "write 4 KiB, cached", .run = write_page, ON_FILE },
	{ .name = "write 1 MiB, cached", .run = write_megabyte, ON_FILE },
	{ .name = "lseek", .run = seek, ON_FILE },
	{ .name = "lseek SEEK_HOLE", .run = seek_hole, ON_FILE },
	{ .name = "write 4 KiB, truncate", .run = truncate_page, ON_TWO },
	{ .name = "fallocate 1 MiB, truncate", .run = allocate, ON_TWO },
	{ .name = "sendfile 64 KiB to a file", .run = sendfile_64k, ON_TWO, .before = empty_other, .fixed = 64 },
	{ .name = "copy_file_range 64 KiB", .run = copy_64k, ON_TWO },
	{ .name = "splice 64 KiB by a pipe", .run = splice_64k, .setup = make_pipe, .cleanup = remove_all },
	{ .name = "append 128 B", .run = append, ON_TWO, .before = empty_other, .fixed = 5000 },
	{ .name = "pwritev, preadv of 16", .run = vectors, ON_FILE },
	{ .name = "map 1 MiB, look, unmap", .run = map_look, ON_FILE },
	{ .name = "memfd, write 64 KiB, close", .run = memfd_life },
	{ .name = "write 4 KiB, fsync", .run = write_fsync, ON_FILE },
	{ .name = "append 4 KiB, fdatasync", .run = append_sync, ON_TWO, .before = empty_other, .fixed = 20 },
	{ .name = "store, msync", .run = store_msync, .setup = map_it, .cleanup = remove_all },
	{ .name = "flock, unlock", .run = flock_call, ON_FILE },
	{ .name = "record lock, unlock", .run = record_lock, ON_FILE },
	{ .name = "setxattr", .run = set_attribute, ON_FILE },
	{ .name = "getxattr", .run = get_attribute, .setup = with_attribute, .cleanup = remove_all },
	{ .name = "statvfs", .run = statvfs_call },
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
