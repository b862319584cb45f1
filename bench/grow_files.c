// SPDX-License-Identifier: MIT
/* How the cost of files grows: names in a directory, names in a path, links, MiB of a file, vectors of a write. */
#include "row.h"
#include <sys/uio.h>
#include <sys/xattr.h>

static int fd;
static char buffer[MIB];

/* ---- directories of @size names ---- */

static const char *nth(long i)
{
	static char name[64];

	snprintf(name, sizeof(name), "grow-dir/a-name-of-some-length-%ld", i);
	return name;
}

static void make_directory(void)
{
	mkdir("grow-dir", 0700);
	for (long i = 0; i < size; i++)
		close(MUST(open(nth(i), O_CREAT | O_WRONLY, 0600)));
	fd = MUST(open("grow-dir", O_RDONLY | O_DIRECTORY));
}

static void remove_directory(void)
{
	for (long i = 0; i < size; i++)
		unlink(nth(i));
	rmdir("grow-dir");
}

static void create_among(unsigned long n)
{
	TIMES(n) {
		close(MUST(open("grow-dir/new", O_CREAT | O_WRONLY, 0600)));
		unlink("grow-dir/new");
	}
}

static void find_among(unsigned long n)
{
	struct stat s;

	TIMES(n)
		MUST(stat(nth((long)(i_ * 7919 % (unsigned long)size)), &s));
}

static void miss_among(unsigned long n)
{
	struct stat s;

	TIMES(n)
		stat("grow-dir/missing", &s);
}

static void rename_among(unsigned long n)
{
	char first[64];

	strcpy(first, nth(0));
	TIMES(n) {
		MUST(rename(first, "grow-dir/moved"));
		MUST(rename("grow-dir/moved", first));
	}
}

/* The time of the whole list. */
static void list(unsigned long n)
{
	TIMES(n) {
		lseek(fd, 0, SEEK_SET);
		while (syscall(SYS_getdents64, fd, buffer, 32768) > 0)
			;
	}
}

/* ---- paths of @size names, links of @size steps ---- */

static char deep[4096];

static void make_deep(void)
{
	strcpy(deep, "grow-d");
	mkdir(deep, 0700);
	for (long i = 1; i < size; i++)
		mkdir(strcat(deep, "/d"), 0700);
}

static void stat_deep(unsigned long n)
{
	struct stat s;

	TIMES(n)
		MUST(stat(deep, &s));
}

static void in_deep(void)
{
	make_deep();
	MUST(chdir(deep));
}

static void getcwd_deep(unsigned long n)
{
	TIMES(n)
		syscall(SYS_getcwd, buffer, 4096);
}

static void make_links(void)
{
	char from[32], to[32];

	for (long i = 0; i < size; i++) {
		snprintf(to, sizeof(to), "grow-link-%ld", i);
		snprintf(from, sizeof(from), "grow-link-%ld", i + 1);
		unlink(to);
		MUST(symlink(i + 1 < size ? from : "/dev/null", to));
	}
	strcpy(deep, "grow-link-0");
}

/* ---- a file of @size MiB ---- */

static void empty_file(void)
{
	fd = MUST(open("grow-file", O_RDWR | O_CREAT | O_TRUNC, 0600));
}

static void fill(void)
{
	for (long i = 0; i < size; i++)
		MUST(pwrite(fd, buffer, MIB, i * (long)MIB));
}

static void make_file(void)
{
	empty_file();
	fill();
	fsync(fd);
}

static void remove_file(void)
{
	unlink("grow-file");
}

/* A page of the file that no pattern foretells. */
static off_t some_page(unsigned long i)
{
	return (off_t)(i * 2654435761u % ((unsigned long)size * MIB / PAGE) * PAGE);
}

static void read_somewhere(unsigned long n)
{
	TIMES(n)
		MUST(pread(fd, buffer, PAGE, some_page(i_)));
}

static void write_somewhere(unsigned long n)
{
	TIMES(n)
		MUST(pwrite(fd, buffer, PAGE, some_page(i_)));
}

static void map_somewhere(unsigned long n)
{
	TIMES(n) {
		char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, some_page(i_));

		(void)*(volatile char *)p;
		munmap(p, PAGE);
	}
}

/* The time of a whole file: written and cut, read, brought to the disk, removed. */
static void write_and_cut(unsigned long n)
{
	TIMES(n) {
		fill();
		MUST(ftruncate(fd, 0));
	}
}

static void read_whole(unsigned long n)
{
	TIMES(n)
		for (long i = 0; i < size; i++)
			MUST(pread(fd, buffer, MIB, i * (long)MIB));
}

static void write_and_sync(unsigned long n)
{
	TIMES(n) {
		fill();
		MUST(fsync(fd));
	}
}

static void scatter_and_sync(unsigned long n)
{
	TIMES(n) {
		for (unsigned long i = 0; i < 256; i++)
			MUST(pwrite(fd, buffer, PAGE, some_page(i + 256 * i_)));
		MUST(fsync(fd));
	}
}

static void sparse_file(void)
{
	empty_file();
	MUST(ftruncate(fd, size * (long)MIB));
}

static void allocate_and_cut(unsigned long n)
{
	TIMES(n) {
		MUST(fallocate(fd, 0, 0, size * (long)MIB));
		MUST(ftruncate(fd, 0));
	}
}

/* ---- @size vectors, attributes ---- */

static void open_null(void)
{
	fd = MUST(open("/dev/null", O_WRONLY));
}

static void write_vectors(unsigned long n)
{
	struct iovec v[1024];

	for (long i = 0; i < size; i++)
		v[i] = (struct iovec){ buffer + i * 16, 16 };
	TIMES(n)
		MUST(writev(fd, v, (int)size));
}

static void make_attributes(void)
{
	char name[32];

	empty_file();
	for (long i = 0; i < size; i++) {
		snprintf(name, sizeof(name), "user.a%ld", i);
		MUST(fsetxattr(fd, name, "value", 5, 0));
	}
}

static void list_attributes(unsigned long n)
{
	TIMES(n)
		MUST(flistxattr(fd, buffer, 65536));
}

#define IN_DIR .setup = make_directory, .cleanup = remove_directory
#define ON_FILE .setup = make_file, .cleanup = remove_file
#define ON_EMPTY .setup = empty_file, .cleanup = remove_file

static const struct row rows[] = {
	SIZES("create, unlink among names", 10, 100, 1000, 10000, .run = create_among, IN_DIR),
	SIZES("stat among names", 10, 100, 1000, 10000, .run = find_among, IN_DIR),
	SIZES("stat of none among names", 10, 100, 1000, 10000, .run = miss_among, IN_DIR),
	SIZES("rename among names", 10, 100, 1000, 10000, .run = rename_among, IN_DIR),
	SIZES("list names", 10, 100, 1000, 10000, .run = list, IN_DIR),
	SIZES("stat, names deep", 1, 8, 32, 128, .run = stat_deep, .setup = make_deep),
	SIZES("getcwd, names deep", 1, 8, 32, 128, .run = getcwd_deep, .setup = in_deep),
	SIZES("stat through links", 1, 4, 16, 39, .run = stat_deep, .setup = make_links),
	SIZES("read 4 KiB of a file, MiB", 1, 8, 64, 256, .run = read_somewhere, ON_FILE),
	SIZES("write 4 KiB in a file, MiB", 1, 8, 64, 128, .run = write_somewhere, ON_FILE),
	SIZES("map a page of a file, MiB", 1, 8, 64, 256, .run = map_somewhere, ON_FILE),
	SIZES("write a file and cut it, MiB", 1, 8, 32, 128, .run = write_and_cut, ON_EMPTY),
	SIZES("read a file, MiB", 1, 8, 64, 256, .run = read_whole, ON_FILE),
	SIZES3("write a file, fsync, MiB", 1, 8, 32, .run = write_and_sync, ON_EMPTY),
	SIZES("256 random pages, fsync, MiB", 1, 8, 64, 256, .run = scatter_and_sync, ON_FILE),
	SIZES("read 4 KiB of a hole, MiB", 1, 16, 256, 4096, .run = read_somewhere, .setup = sparse_file,
	      .cleanup = remove_file, .fixed = 256),
	SIZES3("fallocate, cut, MiB", 1, 16, 256, .run = allocate_and_cut, ON_EMPTY),
	SIZES("writev of vectors", 1, 8, 64, 1024, .run = write_vectors, .setup = open_null),
	SIZES3("listxattr of attributes", 1, 8, 64, .run = list_attributes, .setup = make_attributes,
	       .cleanup = remove_file),
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
