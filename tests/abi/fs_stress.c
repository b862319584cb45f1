// SPDX-License-Identifier: MIT
/*
 * Random file operations against a model kept in memory: whatever a file or a
 * directory is asked, it must answer as the model does.  FS_STRESS_SEED repeats
 * a run, FS_STRESS_OPS makes it longer, FS_STRESS_KEEP names a directory whose
 * files stay for a look from outside (e2fsck, another kernel).
 */
#include "abi.h"
#include <dirent.h>
#include <sys/stat.h>

#define FILES 24
#define MAX_SIZE 400000

static uint64_t rng_state = 88172645463325252ull;

static uint64_t rnd(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static unsigned below(unsigned n)
{
	return (unsigned)(rnd() % n);
}

static unsigned env_number(const char *name, unsigned fallback)
{
	const char *s = getenv(name);

	return s ? (unsigned)strtoul(s, NULL, 0) : fallback;
}

/* The test's directory, or the one that is to be kept. */
static void enter(const char *sub)
{
	const char *keep = getenv("FS_STRESS_KEEP");
	char path[300];

	rng_state ^= (uint64_t)env_number("FS_STRESS_SEED", 1) << 20;
	if (!keep)
		return;
	snprintf(path, sizeof(path), "%s/%s", keep, sub);
	mkdir(keep, 0755);
	CHECK(mkdir(path, 0755) == 0 && chdir(path) == 0);
}

/* ---- one file's bytes ---- */

struct model {
	char name[64];
	bool exists;
	size_t size;
	unsigned char *data;    /* MAX_SIZE bytes, zero behind size */
};
static struct model files[FILES];

static void fill(unsigned char *p, size_t n)
{
	uint64_t v = rnd();

	for (size_t i = 0; i < n; i++) {
		if (i % 8 == 0)
			v = v * 6364136223846793005ull + 1442695040888963407ull;
		p[i] = (unsigned char)(v >> (i % 8 * 8));
	}
}

static int open_model(struct model *m)
{
	int fd = open(m->name, O_RDWR | O_CREAT, 0644);

	CHECK(fd >= 0);
	m->exists = true;
	return fd;
}

static void op_write(struct model *m)
{
	size_t pos = below(MAX_SIZE), len = 1 + below(below(4) ? 9000 : 120000);
	int fd = open_model(m);

	if (below(3) == 0)
		pos = m->size;
	if (pos >= MAX_SIZE)
		pos = 0;
	if (len > MAX_SIZE - pos)
		len = MAX_SIZE - pos;
	fill(m->data + pos, len);
	CHECK(pwrite(fd, m->data + pos, len, (off_t)pos) == (ssize_t)len);
	if (pos + len > m->size)
		m->size = pos + len;
	if (below(20) == 0)
		CHECK(fsync(fd) == 0);
	close(fd);
}

static void op_truncate(struct model *m)
{
	size_t size = below(MAX_SIZE);
	int fd = open_model(m);

	if (below(4) == 0)
		size = 0;
	CHECK(ftruncate(fd, (off_t)size) == 0);
	if (size < m->size)
		memset(m->data + size, 0, m->size - size);
	m->size = size;
	close(fd);
}

static void op_punch(struct model *m)
{
	size_t pos = below(MAX_SIZE), len = 1 + below(50000);
	int fd = open_model(m);

	if (fallocate(fd, 1 | 2 /* KEEP_SIZE | PUNCH_HOLE */, (off_t)pos, (off_t)len) == 0) {
		size_t end = pos + len < m->size ? pos + len : m->size;

		if (pos < end)
			memset(m->data + pos, 0, end - pos);
	} else {
		CHECK(errno == EOPNOTSUPP);
	}
	close(fd);
}

static void op_allocate(struct model *m)
{
	size_t pos = below(MAX_SIZE / 2), len = 1 + below(50000);
	int keep = (int)below(2), fd = open_model(m);

	if (fallocate(fd, keep, (off_t)pos, (off_t)len) == 0) {
		if (!keep && pos + len > m->size)
			m->size = pos + len;
	} else {
		CHECK(errno == EOPNOTSUPP);
	}
	close(fd);
}

static void op_mmap(struct model *m)
{
	size_t pos, len;
	unsigned char *p;
	int fd;

	if (!m->size)
		return;
	fd = open_model(m);
	p = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	pos = below((unsigned)m->size);
	len = 1 + below(5000);
	if (len > m->size - pos)
		len = m->size - pos;
	CHECK(memcmp(p + pos, m->data + pos, len) == 0);
	fill(m->data + pos, len);
	memcpy(p + pos, m->data + pos, len);
	if (m->size % 4096) /* garbage behind the end must never become content */
		p[m->size] = 0x5a;
	if (below(4) == 0)
		CHECK(msync(p, m->size, MS_SYNC) == 0);
	munmap(p, m->size);
	close(fd);
}

static void check_file(struct model *m)
{
	unsigned char *got = malloc(MAX_SIZE + 1);
	struct stat st;
	ssize_t n;
	int fd;

	CHECK(stat(m->name, &st) == (m->exists ? 0 : -1));
	if (!m->exists) {
		free(got);
		return;
	}
	fd = open(m->name, O_RDONLY);
	CHECK(fd >= 0);
	n = read(fd, got, MAX_SIZE + 1);
	close(fd);
	if (st.st_size != (off_t)m->size || n != (ssize_t)m->size)
		ABI_FAIL("%s: size %lld, read %zd, should be %zu", m->name, (long long)st.st_size, n,
			 m->size);
	for (size_t i = 0; i < m->size; i++)
		if (got[i] != m->data[i])
			ABI_FAIL("%s: byte %zu of %zu is %02x, should be %02x", m->name, i, m->size,
				 got[i], m->data[i]);
	free(got);
}

static void op_rename(struct model *m)
{
	struct model *to = &files[below(FILES)], tmp;

	if (!m->exists || m == to)
		return;
	CHECK(rename(m->name, to->name) == 0);
	/* The contents move, the names stay. */
	tmp = *m;
	m->data = to->data;
	m->size = 0;
	m->exists = false;
	memset(m->data, 0, MAX_SIZE);
	to->data = tmp.data;
	to->size = tmp.size;
	to->exists = true;
}

static void op_unlink(struct model *m)
{
	CHECK(unlink(m->name) == (m->exists ? 0 : -1));
	m->exists = false;
	m->size = 0;
	memset(m->data, 0, MAX_SIZE);
}

/* The next look at the files comes from the disk, as far as the kernel lets go of clean pages. */
static void drop_pages(void)
{
	sync();
	for (unsigned i = 0; i < FILES; i++) {
		int fd = files[i].exists ? open(files[i].name, O_RDONLY) : -1;

		if (fd < 0)
			continue;
		CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		close(fd);
	}
}

TEST(bytes_of_files)
{
	unsigned ops = env_number("FS_STRESS_OPS", 600);

	enter("bytes");
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(files[i].name, sizeof(files[i].name), "f%u", i);
		files[i].data = calloc(1, MAX_SIZE);
	}
	for (unsigned i = 0; i < ops; i++) {
		struct model *m = &files[below(FILES)];

		switch (below(16)) {
		case 0:
			op_truncate(m);
			break;
		case 1:
			op_punch(m);
			break;
		case 2:
			op_allocate(m);
			break;
		case 3:
		case 4:
			op_mmap(m);
			break;
		case 5:
			op_rename(m);
			break;
		case 6:
			op_unlink(m);
			break;
		case 7:
		case 8:
			check_file(m);
			break;
		default:
			op_write(m);
		}
		if (i % 200 == 199)
			drop_pages();
	}
	for (unsigned i = 0; i < FILES; i++)
		check_file(&files[i]);
	drop_pages();
	for (unsigned i = 0; i < FILES; i++)
		check_file(&files[i]);
}

/* ---- ranges of a large file: extents that reach their greatest length, are cut and joined again ---- */

#define LARGE_PAGES 57344u /* 224 MB */
#define PAGE 4096
#define RUN 64u            /* pages of one write */

static unsigned char page_byte[LARGE_PAGES]; /* what each page is full of */

static void large_write(int fd)
{
	static unsigned char buf[RUN * PAGE];
	unsigned n = 1 + below(below(3) ? 3 : RUN), at = below(LARGE_PAGES - n);
	unsigned char value = (unsigned char)(1 + below(255));

	memset(buf, value, n * PAGE);
	memset(page_byte + at, value, n);
	CHECK(pwrite(fd, buf, n * PAGE, (off_t)at * PAGE) == (ssize_t)(n * PAGE));
	if (below(3) == 0)
		CHECK(fsync(fd) == 0);
}

static void large_allocate(int fd)
{
	unsigned n = 1 + below(below(2) ? 100 : LARGE_PAGES / 3), at = below(LARGE_PAGES - n);

	if (fallocate(fd, 1 /* KEEP_SIZE */, (off_t)at * PAGE, (off_t)n * PAGE) < 0)
		CHECK(errno == EOPNOTSUPP);
}

static void large_punch(int fd)
{
	unsigned n = 1 + below(below(4) ? 100 : LARGE_PAGES / 8), at = below(LARGE_PAGES - n);

	if (fallocate(fd, 1 | 2 /* KEEP_SIZE | PUNCH_HOLE */, (off_t)at * PAGE, (off_t)n * PAGE) == 0)
		memset(page_byte + at, 0, n);
	else
		CHECK(errno == EOPNOTSUPP);
}

static void large_check(int fd, unsigned at, unsigned n)
{
	static unsigned char buf[RUN * PAGE], want[PAGE];

	CHECK(pread(fd, buf, n * PAGE, (off_t)at * PAGE) == (ssize_t)(n * PAGE));
	for (unsigned i = 0; i < n; i++) {
		memset(want, page_byte[at + i], PAGE);
		if (memcmp(buf + i * PAGE, want, PAGE))
			ABI_FAIL("page %u has %#x, should be %#x", at + i, buf[i * PAGE], want[0]);
	}
}

static void large_check_all(int fd)
{
	CHECK(fsync(fd) == 0);
	CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (unsigned at = 0; at < LARGE_PAGES; at += RUN)
		large_check(fd, at, RUN);
}

TEST(ranges_of_a_large_file)
{
	unsigned ops = env_number("FS_STRESS_OPS", 600);
	int fd;

	enter("ranges");
	fd = open("large", O_RDWR | O_CREAT, 0644);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)LARGE_PAGES * PAGE) == 0);
	for (unsigned i = 0; i < ops; i++) {
		switch (below(8)) {
		case 0:
			large_punch(fd);
			break;
		case 1:
		case 2:
			large_allocate(fd);
			break;
		case 3:
			large_check(fd, below(LARGE_PAGES - RUN), RUN);
			break;
		default:
			large_write(fd);
		}
	}
	large_check_all(fd);
	close(fd);
}

/* ---- names ---- */

#define NAMES 3000

static bool present[NAMES];

static void name_of(unsigned i, char *out)
{
	static const char pad[] = "a-name-of-some-length-so-that-blocks-fill";

	sprintf(out, "%.*s%u", (int)(i * 7 % 40), pad, i);
}

/* Every name once, none that is not there. */
static void check_names(void)
{
	static unsigned char seen[NAMES];
	struct dirent *d;
	DIR *dir = opendir(".");

	CHECK(dir != NULL);
	memset(seen, 0, sizeof(seen));
	while ((d = readdir(dir))) {
		char want[64];
		unsigned i;

		if (d->d_name[0] == '.')
			continue;
		i = (unsigned)strtoul(d->d_name + strcspn(d->d_name, "0123456789"), NULL, 10);
		CHECK(i < NAMES);
		name_of(i, want);
		if (strcmp(want, d->d_name))
			ABI_FAIL("strange name %s", d->d_name);
		if (seen[i]++)
			ABI_FAIL("%s came twice", d->d_name);
	}
	closedir(dir);
	for (unsigned i = 0; i < NAMES; i++)
		if (seen[i] != present[i])
			ABI_FAIL("name %u: listed %d, should be %d", i, seen[i], present[i]);
}

static void toggle(unsigned i)
{
	char name[64];
	struct stat st;

	name_of(i, name);
	CHECK(lstat(name, &st) == (present[i] ? 0 : -1));
	if (present[i])
		CHECK(unlink(name) == 0);
	else if (i % 5 == 0)
		CHECK(symlink(name, name) == 0);
	else
		CHECK(mknod(name, S_IFREG | 0600, 0) == 0);
	present[i] = !present[i];
}

TEST(names_of_a_large_directory)
{
	unsigned ops = env_number("FS_STRESS_OPS", 600) * 8;

	enter("names");
	for (unsigned i = 0; i < NAMES; i += 2)
		toggle(i);
	check_names();
	for (unsigned i = 0; i < ops; i++)
		toggle(below(NAMES));
	check_names();
}

/* Names that are removed and added while a reader is under way: the others come exactly once. */
TEST(readdir_beside_changes)
{
	static unsigned char seen[NAMES];
	struct dirent *d;
	unsigned count = 0;
	char name[64];
	DIR *dir;

	enter("beside");
	for (unsigned i = 0; i < NAMES; i++)
		toggle(i);
	dir = opendir(".");
	CHECK(dir != NULL);
	while ((d = readdir(dir))) {
		unsigned i = (unsigned)strtoul(d->d_name + strcspn(d->d_name, "0123456789"), NULL, 10);

		if (d->d_name[0] == '.')
			continue;
		if (d->d_name[0] == 'n') /* new-N, made below */
			continue;
		CHECK(i < NAMES && !seen[i]++);
		if (count++ % 3 == 0) {
			sprintf(name, "new-%u", i);
			CHECK(mknod(name, S_IFREG | 0600, 0) == 0);
			name_of((i * 31 + 7) % NAMES, name);
			if ((i * 31 + 7) % NAMES % 2) /* odd ones may go */
				unlink(name);
		}
	}
	closedir(dir);
	for (unsigned i = 0; i < NAMES; i += 2)
		if (!seen[i])
			ABI_FAIL("name %u was missed", i);
}

/* ---- trees ---- */

TEST(directories_move)
{
	char a[64], b[64];
	struct stat st;

	enter("trees");
	for (unsigned i = 0; i < 40; i++) {
		sprintf(a, "d%u", i);
		CHECK(mkdir(a, 0755) == 0);
		sprintf(a, "d%u/sub", i);
		CHECK(mkdir(a, 0755) == 0);
		sprintf(a, "d%u/sub/file", i);
		CHECK(mknod(a, S_IFREG | 0644, 0) == 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		unsigned x = below(40), y = below(40);

		sprintf(a, "d%u/sub", x);
		sprintf(b, "d%u/sub%s", y, stat(a, &st) ? "" : "-moved");
		if (rename(a, b) == 0)
			CHECK(rename(b, a) == 0);
		sprintf(b, "d%u/sub", y);
		if (x != y)
			CHECK(syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* EXCHANGE */) == 0);
	}
	for (unsigned i = 0; i < 40; i++) {
		sprintf(a, "d%u", i);
		CHECK(stat(a, &st) == 0 && st.st_nlink == 3);
		sprintf(a, "d%u/sub/..", i);
		sprintf(b, "d%u", i);
		struct stat up, self;
		CHECK(stat(a, &up) == 0 && stat(b, &self) == 0 && up.st_ino == self.st_ino);
		CHECK(rmdir(b) == -1 && errno == ENOTEMPTY);
	}
	for (unsigned i = 0; i < 40; i += 2) {
		sprintf(a, "d%u/sub/file", i);
		CHECK(unlink(a) == 0);
		sprintf(a, "d%u/sub", i);
		CHECK(rmdir(a) == 0);
		sprintf(a, "d%u", i);
		CHECK(rmdir(a) == 0);
	}
}

TEST(unlinked_but_open)
{
	char buf[5000], got[5000];
	int fd;

	enter("orphan");
	fill((unsigned char *)buf, sizeof(buf));
	for (unsigned i = 0; i < 20; i++) {
		fd = open("gone", O_RDWR | O_CREAT | O_EXCL, 0600);
		CHECK(fd >= 0);
		CHECK(write(fd, buf, sizeof(buf)) == sizeof(buf));
		CHECK(unlink("gone") == 0);
		CHECK(pread(fd, got, sizeof(got), 0) == sizeof(got) && !memcmp(buf, got, sizeof(got)));
		CHECK(ftruncate(fd, 100) == 0 && pread(fd, got, sizeof(got), 0) == 100);
		close(fd);
	}
}

