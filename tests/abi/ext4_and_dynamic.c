// SPDX-License-Identifier: MIT
/*
 * The 22 checks this project began with: file data and names on the disk's ext4, and the
 * distribution's own dynamic programs.
 *
 * A program that is not there is skipped, so that the cases of files run anywhere.  What a case
 * must be told comes by the environment (tests/system/test_dynamic.py sets it):
 *
 *   TARN_SCRATCH      a block device with an ext4 of no value, for the remount
 *   TARN_LARGE        a large program or library
 *   TARN_LARGE_SHA256 its checksum, computed elsewhere from the disk's image
 */
#include "abi.h"

#include <dirent.h>
#include <elf.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define PAGE 4096
#define OUTPUT_MAX (256 << 10)

/* ---- helpers ---- */

static int create(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0644);

	CHECK(fd >= 0);
	return fd;
}

static long size_of(const char *path)
{
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	return st.st_size;
}

/* The file holds exactly these bytes, read through a descriptor of its own. */
static void check_content(const char *path, const void *want, size_t n)
{
	char *got = malloc(n + 1);
	int fd = open(path, O_RDONLY);

	CHECK(got && fd >= 0);
	CHECK_EQ(read(fd, got, n + 1), n);
	CHECK(!memcmp(got, want, n));
	CHECK_EQ(close(fd), 0);
	free(got);
}

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)((i * 131 + i / 251 + seed) >> 1);
}

/* Runs argv with standard output and error on one pipe; the text ends up in a static buffer.
 * It must exit with 0. */
static const char *output_of(char *const argv[], char *const env[])
{
	static char text[OUTPUT_MAX];
	size_t n = 0;
	ssize_t got;
	int p[2], status;
	pid_t pid;

	CHECK_EQ(pipe(p), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		execve(argv[0], argv, env);
		_exit(127);
	}
	close(p[1]);
	while ((got = read(p[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	CHECK_EQ(got, 0);
	text[n] = 0;
	close(p[0]);
	status = wait_status(pid);
	if (status)
		ABI_FAIL("%s: status %#x, says: %s", argv[0], status, text);
	return text;
}

#define RUN(...) output_of((char *const[]){ __VA_ARGS__, NULL }, environ)

/* The first of these paths that is there, or NULL. */
static char *present(const char *const *paths)
{
	for (; *paths; paths++)
		if (access(*paths, X_OK) == 0)
			return (char *)*paths;
	return NULL;
}

#define PRESENT(...) present((const char *const[]){ __VA_ARGS__, NULL })

/* The program asks for a dynamic loader. */
static bool is_dynamic(const char *path)
{
	unsigned char head[PAGE];
	const Elf64_Ehdr *eh = (const void *)head;
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0);
	CHECK(read(fd, head, sizeof(head)) > (ssize_t)sizeof(*eh));
	close(fd);
	CHECK(!memcmp(eh->e_ident, ELFMAG, SELFMAG));
	for (int i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = (const void *)(head + eh->e_phoff + i * sizeof(*ph));

		if (ph->p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* Everything @program would load, by its own loader's account. */
static const char *libraries_of(const char *program)
{
	char *const env[] = { "LD_TRACE_LOADED_OBJECTS=1", NULL };
	char *musl = PRESENT("/lib/ld-musl-x86_64.so.1");

	if (musl && !PRESENT("/lib64/ld-linux-x86-64.so.2"))
		return RUN(musl, "--list", (char *)program);
	return output_of((char *const[]){ (char *)program, NULL }, env);
}

/* ---- file data ---- */

TEST(write)
{
	unsigned char data[3 * PAGE + 77];
	int fd = create("f");

	fill(data, sizeof(data), 1);
	CHECK_EQ(write(fd, data, 1000), 1000);
	CHECK_EQ(write(fd, data + 1000, sizeof(data) - 1000), sizeof(data) - 1000);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), sizeof(data));
	CHECK_EQ(fsync(fd), 0);
	check_content("f", data, sizeof(data));
}

TEST(writev)
{
	struct iovec v[] = { { "one ", 4 }, { NULL, 0 }, { "two ", 4 }, { "three", 5 } };
	int fd = create("f");

	CHECK_EQ(writev(fd, v, 4), 13);
	check_content("f", "one two three", 13);
	CHECK_ERR(writev(fd, v, -1), EINVAL);
	CHECK_EQ(size_of("f"), 13);
}

TEST(pwrite)
{
	int fd = create("f");

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(pwrite(fd, "abc", 3, 4), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	check_content("f", "0123abc789", 10);
	CHECK_EQ(pwrite(fd, "end", 3, 12), 3); /* the gap reads as zeros */
	check_content("f", "0123abc789\0\0end", 15);
	CHECK_ERR(pwrite(fd, "x", 1, -1), EINVAL);
}

TEST(pread)
{
	char got[8] = "";
	int fd = create("f");

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(pread(fd, got, 4, 3), 4);
	CHECK(!memcmp(got, "3456", 4));
	CHECK_EQ(pread(fd, got, 8, 7), 3);
	CHECK_EQ(pread(fd, got, 8, 10), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_ERR(pread(fd, got, 1, -1), EINVAL);
}

TEST(append)
{
	int a, b;

	write_file("f", "head ", 5);
	a = open("f", O_WRONLY | O_APPEND);
	b = open("f", O_WRONLY | O_APPEND);
	CHECK(a >= 0 && b >= 0);
	CHECK_EQ(write(a, "a1 ", 3), 3);
	CHECK_EQ(write(b, "b1 ", 3), 3);
	CHECK_EQ(lseek(a, 0, SEEK_SET), 0);
	CHECK_EQ(write(a, "a2", 2), 2);
	check_content("f", "head a1 b1 a2", 13);
}

TEST(ftruncate)
{
	unsigned char data[3 * PAGE], want[5 * PAGE] = { 0 };
	int fd = create("f");

	fill(data, sizeof(data), 2);
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	CHECK_EQ(ftruncate(fd, PAGE + 100), 0);
	CHECK_EQ(ftruncate(fd, sizeof(want)), 0); /* what was cut off stays gone */
	memcpy(want, data, PAGE + 100);
	check_content("f", want, sizeof(want));
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(size_of("f"), 0);
	CHECK_ERR(ftruncate(fd, -1), EINVAL);
}

TEST(mmap_shared)
{
	unsigned char data[2 * PAGE], *map;
	int fd = create("f");

	fill(data, sizeof(data), 3);
	CHECK_EQ(ftruncate(fd, sizeof(data)), 0);
	map = mmap(NULL, sizeof(data), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	memcpy(map, data, sizeof(data));
	check_content("f", data, sizeof(data)); /* before any msync */
	CHECK_EQ(pwrite(fd, "seen", 4, PAGE - 2), 4);
	CHECK(!memcmp(map + PAGE - 2, "seen", 4));
	WAIT_OK(CHILD({ map[5] = 0xa5; }));
	CHECK_EQ(map[5], 0xa5);
	memcpy(data + PAGE - 2, "seen", 4);
	data[5] = 0xa5;
	CHECK_EQ(msync(map, sizeof(data), MS_SYNC), 0);
	CHECK_EQ(munmap(map, sizeof(data)), 0);
	check_content("f", data, sizeof(data));
}

TEST(mmap_unaligned_length)
{
	const size_t n = PAGE + 123;
	unsigned char data[PAGE + 123], *map;
	int fd = create("f");

	fill(data, n, 4);
	CHECK_EQ(write(fd, data, n), n);
	map = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	CHECK(!memcmp(map, data, n));
	for (size_t i = n; i < 2 * PAGE; i++)
		CHECK_EQ(map[i], 0); /* the last page's tail: zero, and there */
	map[n - 1] = 0x77;
	map[n] = 0x88; /* past the end: must never reach the file */
	CHECK_EQ(munmap(map, n), 0);
	data[n - 1] = 0x77;
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(size_of("f"), n);
	check_content("f", data, n);
	CHECK_ERR(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, EINVAL);
}

TEST(sendfile)
{
	const size_t n = 5 * PAGE + 9;
	unsigned char data[5 * PAGE + 9];
	off_t at = 7;
	int in = create("in"), out = create("out");

	fill(data, n, 5);
	CHECK_EQ(write(in, data, n), n);
	for (size_t left = n - 7; left;) {
		ssize_t sent = sendfile(out, in, &at, left);

		CHECK(sent > 0);
		left -= sent;
	}
	CHECK_EQ(at, n);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), n); /* an offset given leaves the file's own alone */
	CHECK_EQ(sendfile(out, in, &at, 10), 0);
	check_content("out", data + 7, n - 7);
}

/* ---- names ---- */

TEST(mkdir)
{
	struct stat st;

	umask(022);
	CHECK_EQ(mkdir("d", 0777), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0755);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(mkdir("d/e", 0700), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK_EQ(st.st_nlink, 3);
	CHECK_ERR(mkdir("d", 0777), EEXIST);
	CHECK_ERR(mkdir("none/d", 0777), ENOENT);
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK_EQ(rmdir("d/e"), 0);
	CHECK_EQ(rmdir("d"), 0);
}

TEST(readdir)
{
	enum { FILES = 300 };
	bool seen[FILES] = { false };
	int dots = 0, files = 0;
	struct dirent *e;
	char name[64];
	DIR *d;

	CHECK_EQ(mkdir("d", 0755), 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "d/a-name-of-some-length-%d", i);
		write_file(name, "", 0);
	}
	d = opendir("d");
	CHECK(d);
	while (errno = 0, (e = readdir(d))) {
		int i;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) {
			dots++;
			continue;
		}
		CHECK_EQ(sscanf(e->d_name, "a-name-of-some-length-%d", &i), 1);
		CHECK(i >= 0 && i < FILES && !seen[i]);
		CHECK_EQ(e->d_type, DT_REG);
		seen[i] = true;
		files++;
	}
	CHECK_EQ(errno, 0);
	CHECK_EQ(dots, 2);
	CHECK_EQ(files, FILES);
	closedir(d);
}

TEST(rename)
{
	struct stat before, after;

	write_file("a", "new", 3);
	write_file("b", "old", 3);
	CHECK_EQ(stat("a", &before), 0);
	CHECK_EQ(rename("a", "b"), 0);
	CHECK_EQ(stat("b", &after), 0);
	CHECK_EQ(before.st_ino, after.st_ino);
	CHECK_ERR(access("a", F_OK), ENOENT);
	check_content("b", "new", 3);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(rename("b", "d/c"), 0);
	check_content("d/c", "new", 3);
	CHECK_ERR(rename("d", "d/inside"), EINVAL);
	CHECK_ERR(rename("d/c", "d"), ENOTEMPTY);
}

TEST(unlink)
{
	char got[4];
	struct stat st;
	int fd = create("f");

	CHECK_EQ(write(fd, "data", 4), 4);
	CHECK_EQ(link("f", "g"), 0);
	CHECK_EQ(unlink("f"), 0);
	CHECK_ERR(open("f", O_RDONLY), ENOENT);
	CHECK_EQ(unlink("g"), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(pread(fd, got, 4, 0), 4); /* open: its bytes live on */
	CHECK(!memcmp(got, "data", 4));
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERR(unlink("d"), EISDIR);
	CHECK_ERR(unlink("f"), ENOENT);
}

TEST(symlink)
{
	char target[201], got[256];
	struct stat st;

	write_file("f", "through", 7);
	CHECK_EQ(symlink("f", "short"), 0);
	check_content("short", "through", 7);
	memset(target, '/', 200); /* too long for the inode: a block of its own */
	memcpy(target, "./", 2);
	strcpy(target + 199, "f");
	CHECK_EQ(symlink(target, "long"), 0);
	check_content("long", "through", 7);
	CHECK_EQ(readlink("long", got, sizeof(got)), 200);
	CHECK(!memcmp(got, target, 200));
	CHECK_EQ(lstat("long", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_size, 200);
	CHECK_EQ(symlink("loop", "loop"), 0);
	CHECK_ERR(open("loop", O_RDONLY), ELOOP);
}

/* Unmounting drops every inode, so the mode that is seen next was read from the disk. */
TEST(chmod_over_remount)
{
	const char *disk = getenv("TARN_SCRATCH");
	struct stat st;

	if (!disk)
		SKIP("TARN_SCRATCH names no disk");
	CHECK_EQ(mkdir("m", 0755), 0);
	CHECK_EQ(mount(disk, "m", "ext4", 0, ""), 0);
	unlink("m/f");
	write_file("m/f", "kept", 4);
	CHECK_EQ(chmod("m/f", 04751), 0);
	CHECK_EQ(umount("m"), 0);
	CHECK_ERR(access("m/f", F_OK), ENOENT);
	CHECK_EQ(mount(disk, "m", "ext4", MS_RDONLY, ""), 0);
	CHECK_EQ(stat("m/f", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 04751);
	check_content("m/f", "kept", 4);
	CHECK_ERR(chmod("m/f", 0600), EROFS);
	CHECK_EQ(umount("m"), 0);
}

/* ---- the distribution's dynamic programs ---- */

TEST(busybox)
{
	char *busybox = PRESENT("/bin/busybox", "/usr/bin/busybox");

	if (!busybox || !is_dynamic(busybox))
		SKIP("no dynamic busybox");
	CHECK(strstr(RUN(busybox), "BusyBox v"));
	CHECK(!strcmp(RUN(busybox, "sh", "-c", "echo $((6 * 7)) | busybox cat; exit 0"), "42\n"));
	CHECK(!strcmp(RUN(busybox, "expr", "3", "+", "4"), "7\n"));
}

TEST(openrc)
{
	char *openrc = PRESENT("/sbin/openrc", "/usr/sbin/openrc");
	char *status = PRESENT("/bin/rc-status", "/usr/bin/rc-status");

	if (!openrc || !status)
		SKIP("no OpenRC");
	CHECK(is_dynamic(openrc));
	CHECK(strstr(RUN(openrc, "--version"), "openrc (OpenRC) "));
	CHECK(strstr(RUN(status, "--version"), "rc-status (OpenRC) "));
}

TEST(file)
{
	char *file = PRESENT("/usr/bin/file");

	if (!file)
		SKIP("no file");
	write_file("script", "#!/bin/sh\necho\n", 15);
	CHECK(is_dynamic(file));
	CHECK(strstr(RUN(file, "script"), "script: POSIX shell script, ASCII text executable"));
	CHECK(strstr(RUN(file, "-L", file), "ELF 64-bit LSB"));
	CHECK(strstr(RUN(file, "-L", file), "dynamically linked"));
}

TEST(curl_version)
{
	char *curl = PRESENT("/usr/bin/curl");
	const char *says;

	if (!curl)
		SKIP("no curl");
	CHECK(strstr(libraries_of(curl), "libcrypto.so."));
	says = RUN(curl, "--version");
	CHECK(!strncmp(says, "curl ", 5));
	CHECK(strstr(says, " OpenSSL/"));
	CHECK(strstr(says, "\nProtocols: "));
}

TEST(apk_version)
{
	char *apk = PRESENT("/sbin/apk");

	if (!apk)
		SKIP("no apk");
	CHECK(strstr(libraries_of(apk), "libcrypto.so."));
	CHECK(!strncmp(RUN(apk, "--version"), "apk-tools ", 10));
}

/* Read by the distribution's sha256sum, and mapped by us and piped into it: one answer. */
TEST(large_checksum)
{
	char *large = getenv("TARN_LARGE"), *want = getenv("TARN_LARGE_SHA256");
	char *sum = PRESENT("/usr/bin/sha256sum");
	char piped[PATH_MAX];
	unsigned char *map;
	size_t n;
	int fd;

	if (!large || !want || !sum)
		SKIP("TARN_LARGE and TARN_LARGE_SHA256 name no file");
	CHECK_EQ(strlen(want), 64);
	CHECK(!strncmp(RUN(sum, large), want, 64));
	fd = open(large, O_RDONLY);
	CHECK(fd >= 0);
	n = size_of(large);
	CHECK(n > 1 << 20);
	map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(map != MAP_FAILED);
	write_file("copy", map, n);
	snprintf(piped, sizeof(piped), "cat copy | %s", sum);
	CHECK(!strncmp(RUN("/bin/sh", "-c", piped), want, 64));
}

/* Loading a library runs its constructors: one that crashes, or that the loader cannot place, ends
 * or complains.  Each library alone, then all in one process; maps shows that they were there. */
TEST(constructors)
{
	static char all[16384] = "LD_PRELOAD=", maps[OUTPUT_MAX];
	char *one, *found[64];
	char *curl = PRESENT("/usr/bin/curl"), *cat = PRESENT("/usr/bin/cat", "/bin/cat");
	char *line, *save = NULL;
	int n = 0;

	if (!curl || !cat)
		SKIP("no curl");
	strcpy(maps, libraries_of(curl));
	for (line = strtok_r(maps, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char path[PATH_MAX];

		if (sscanf(line, " %*s => %4095s", path) != 1 || path[0] != '/')
			continue;
		CHECK(n < 64);
		CHECK((found[n++] = realpath(path, NULL)));
		CHECK(strlen(all) + strlen(path) + 2 < sizeof(all));
		strcat(strcat(all, n > 1 ? ":" : ""), path);
	}
	CHECK(n >= 5);
	for (int i = 0; i < n; i++) {
		CHECK(asprintf(&one, "LD_PRELOAD=%s", found[i]) > 0);
		CHECK(!strcmp(output_of((char *const[]){ cat, "/dev/null", NULL },
					(char *const[]){ one, NULL }), ""));
	}
	strcpy(maps, output_of((char *const[]){ cat, "/proc/self/maps", NULL },
			       (char *const[]){ all, NULL }));
	CHECK(!strstr(maps, "ERROR"));
	for (int i = 0; i < n; i++)
		if (!strstr(maps, found[i]))
			ABI_FAIL("%s was not loaded: %s", found[i], maps);
}
