// SPDX-License-Identifier: MIT
/*
 * One truth for a file's bytes: whoever changes them, by whatever call, all
 * others see it at once, through whatever call, on disk and in memory alike.
 */
#include "mem.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

#define SIZE (6 * PAGE)

/* Where changes are made: inside a page, at its edges, across several. */
static const struct {
	off_t at;
	size_t len;
} spans[] = {
	{ 0, 1 },        { 1, 4095 },         { 4095, 1 },       { 4095, 2 },      { 4096, 4096 },
	{ 100, 3 * 4096 }, { 2 * 4096 - 7, 14 }, { 5 * 4096, 4096 }, { 6 * 4096 - 1, 1 }, { 0, 6 * 4096 },
};
#define SPANS (sizeof(spans) / sizeof(spans[0]))

/* ---- ways to change a file ---- */

struct party {
	int fd;         /* the file */
	char *shared;   /* MAP_SHARED of all of it, touched before */
	int scratch;    /* a file of this party's own, as large */
	int pipe[2];
	char buf[SIZE];
};

static void by_write(struct party *p, off_t at, size_t n)
{
	CHECK_EQ(lseek(p->fd, at, SEEK_SET), at);
	CHECK_EQ(write(p->fd, p->buf, n), n);
}

static void by_pwrite(struct party *p, off_t at, size_t n)
{
	CHECK_EQ(pwrite(p->fd, p->buf, n, at), n);
}

static void by_pwritev(struct party *p, off_t at, size_t n)
{
	struct iovec v[3] = { { p->buf, n / 3 },
			      { p->buf + n / 3, n / 3 },
			      { p->buf + n / 3 * 2, n - n / 3 * 2 } };

	CHECK_EQ(pwritev(p->fd, v, 3, at), n);
}

static void by_store(struct party *p, off_t at, size_t n)
{
	memcpy(p->shared + at, p->buf, n);
}

/* read(2) from elsewhere straight into the mapping: the kernel stores. */
static void by_read_into_mapping(struct party *p, off_t at, size_t n)
{
	CHECK_EQ(pwrite(p->scratch, p->buf, n, 0), n);
	CHECK_EQ(pread(p->scratch, p->shared + at, n, 0), n);
}

static void by_sendfile(struct party *p, off_t at, size_t n)
{
	off_t from = 0;

	CHECK_EQ(pwrite(p->scratch, p->buf, n, 0), n);
	CHECK_EQ(lseek(p->fd, at, SEEK_SET), at);
	CHECK_EQ(sendfile(p->fd, p->scratch, &from, n), n);
}

static void by_splice(struct party *p, off_t at, size_t n)
{
	loff_t to = at;

	CHECK_EQ(write(p->pipe[1], p->buf, n), n);
	while (to < (loff_t)(at + n))
		CHECK(splice(p->pipe[0], NULL, p->fd, &to, at + n - to, 0) > 0);
}

static void by_copy_file_range(struct party *p, off_t at, size_t n)
{
	loff_t from = 0, to = at;

	CHECK_EQ(pwrite(p->scratch, p->buf, n, 0), n);
	while (from < (loff_t)n)
		CHECK(copy_file_range(p->scratch, &from, p->fd, &to, n - from, 0) > 0);
}

/* ---- ways to look at it ---- */

static void see_read(struct party *p, off_t at, size_t n)
{
	CHECK_EQ(lseek(p->fd, at, SEEK_SET), at);
	CHECK_EQ(read(p->fd, p->buf, n), n);
}

static void see_preadv(struct party *p, off_t at, size_t n)
{
	struct iovec v[2] = { { p->buf, n / 2 }, { p->buf + n / 2, n - n / 2 } };

	CHECK_EQ(preadv(p->fd, v, 2, at), n);
}

static void see_load(struct party *p, off_t at, size_t n)
{
	memcpy(p->buf, p->shared + at, n);
}

static void see_fresh_shared(struct party *p, off_t at, size_t n)
{
	char *m = map_file(p->fd, SIZE, MAP_SHARED);

	memcpy(p->buf, m + at, n);
	CHECK_EQ(munmap(m, SIZE), 0);
}

static void see_fresh_private(struct party *p, off_t at, size_t n)
{
	char *m = map_file(p->fd, SIZE, MAP_PRIVATE);

	memcpy(p->buf, m + at, n);
	CHECK_EQ(munmap(m, SIZE), 0);
}

/* write(2) elsewhere straight from the mapping: the kernel loads. */
static void see_write_from_mapping(struct party *p, off_t at, size_t n)
{
	CHECK_EQ(pwrite(p->scratch, p->shared + at, n, 0), n);
	CHECK_EQ(pread(p->scratch, p->buf, n, 0), n);
}

static void see_sendfile(struct party *p, off_t at, size_t n)
{
	size_t got = 0;

	while (got < n) {
		off_t from = at + (off_t)got;
		ssize_t k = sendfile(p->pipe[1], p->fd, &from, n - got);

		CHECK(k > 0);
		CHECK_EQ(read(p->pipe[0], p->buf + got, k), k);
		got += k;
	}
}

static void see_splice(struct party *p, off_t at, size_t n)
{
	size_t got = 0;

	while (got < n) {
		loff_t from = at + (off_t)got;
		ssize_t k = splice(p->fd, &from, p->pipe[1], NULL, n - got, 0);

		CHECK(k > 0);
		CHECK_EQ(read(p->pipe[0], p->buf + got, k), k);
		got += k;
	}
}

static void see_copy_file_range(struct party *p, off_t at, size_t n)
{
	loff_t from = at, to = 0;

	while (to < (loff_t)n)
		CHECK(copy_file_range(p->fd, &from, p->scratch, &to, n - to, 0) > 0);
	CHECK_EQ(pread(p->scratch, p->buf, n, 0), n);
}

static void (*const ways_to_see[])(struct party *, off_t, size_t) = {
	see_read,      see_preadv,   see_load,   see_fresh_shared,    see_fresh_private,
	see_write_from_mapping, see_sendfile, see_splice, see_copy_file_range,
};
#define WAYS (sizeof(ways_to_see) / sizeof(ways_to_see[0]))

/* ---- two processes ---- */

static struct party *join(enum fs fs, int fd, const char *scratch)
{
	struct party *p = calloc(1, sizeof(*p));

	CHECK(p);
	p->fd = fd;
	p->shared = map_file(fd, SIZE, MAP_SHARED);
	CHECK(all_bytes(p->shared, SIZE, 0));
	p->scratch = make_file(fs, scratch, SIZE);
	CHECK_EQ(pipe(p->pipe), 0);
	return p;
}

static char value(unsigned int round, size_t i)
{
	return (char)(round * 37 + i * 11 + i / 4096 + 1);
}

static void signal_other(int fd)
{
	CHECK_EQ(write(fd, "x", 1), 1);
}

static void wait_other(int fd)
{
	char c;

	CHECK_EQ(read(fd, &c, 1), 1);
}

/* The looker: after each change, all ways must agree. */
static void look(struct party *p, int from, int to)
{
	signal_other(to); /* it has mapped and touched everything */
	for (unsigned int round = 0; round < SPANS; round++) {
		wait_other(from);
		for (size_t w = 0; w < WAYS; w++) {
			size_t n = spans[round].len;

			memset(p->buf, 0, n);
			ways_to_see[w](p, spans[round].at, n);
			for (size_t i = 0; i < n; i++)
				if (p->buf[i] != value(round, i))
					ABI_FAIL("round %u way %zu byte %zu of %zu: %d, want %d", round,
						 w, i, n, p->buf[i], value(round, i));
		}
		signal_other(to);
	}
}

static const struct change {
	const char *what;
	enum fs fs;
	void (*change)(struct party *p, off_t at, size_t n);
} changes[] = {
	{ "write_disk", FS_DISK, by_write },
	{ "write_memory", FS_MEMORY, by_write },
	{ "pwrite_disk", FS_DISK, by_pwrite },
	{ "pwrite_memory", FS_MEMORY, by_pwrite },
	{ "pwritev_disk", FS_DISK, by_pwritev },
	{ "pwritev_memory", FS_MEMORY, by_pwritev },
	{ "store_disk", FS_DISK, by_store },
	{ "store_memory", FS_MEMORY, by_store },
	{ "read_into_mapping_disk", FS_DISK, by_read_into_mapping },
	{ "read_into_mapping_memory", FS_MEMORY, by_read_into_mapping },
	{ "sendfile_disk", FS_DISK, by_sendfile },
	{ "sendfile_memory", FS_MEMORY, by_sendfile },
	{ "splice_disk", FS_DISK, by_splice },
	{ "splice_memory", FS_MEMORY, by_splice },
	{ "copy_file_range_disk", FS_DISK, by_copy_file_range },
	{ "copy_file_range_memory", FS_MEMORY, by_copy_file_range },
};

TEST_ROWS(other_process_sees, changes)
{
	int fd = make_file(row->fs, "f", SIZE), there[2], back[2];
	struct party *p;
	pid_t pid;

	CHECK(!pipe(there) && !pipe(back));
	pid = CHILD({ look(join(row->fs, fd, "scratch2"), there[0], back[1]); });
	p = join(row->fs, fd, "scratch");
	wait_other(back[0]);
	for (unsigned int round = 0; round < SPANS; round++) {
		size_t n = spans[round].len;

		for (size_t i = 0; i < n; i++)
			p->buf[i] = value(round, i);
		row->change(p, spans[round].at, n);
		signal_other(there[1]);
		if (round == SPANS / 2) /* and in the middle of it, to disk and back */
			evict(fd);
		wait_other(back[0]);
	}
	WAIT_OK(pid);
}

/* ---- side by side without waiting for each other ---- */

static const struct {
	const char *what;
	enum fs fs;
	bool by_store; /* else pwrite */
	bool evicting;  /* a third process throws the pages out all the time */
} growing[] = {
	{ "store_disk", FS_DISK, true, false },
	{ "store_disk_evicted", FS_DISK, true, true },
	{ "pwrite_disk", FS_DISK, false, false },
	{ "pwrite_disk_evicted", FS_DISK, false, true },
	{ "store_memory", FS_MEMORY, true, false },
	{ "pwrite_memory", FS_MEMORY, false, false },
};

/*
 * A number that only grows must never be seen to shrink: that would be an old copy of
 * the page.  One byte, because nobody promises that read(2) copies more at once.
 */
TEST_ROWS(a_growing_number_never_shrinks, growing)
{
	int fd = make_file(row->fs, "f", PAGE);
	volatile uint8_t *n = (void *)map_file(fd, PAGE, MAP_SHARED);
	long long end = now_ns() + 400000000;
	pid_t writer, evictor = 0;
	uint8_t last = 0;

	writer = CHILD({
		for (uint8_t i = 1; i < 255 && now_ns() < end; i++) {
			if (row->by_store)
				n[36] = i;
			else
				CHECK_EQ(pwrite(fd, &i, 1, 36), 1);
			sleep_ms(1);
		}
	});
	if (row->evicting)
		evictor = CHILD({
			CHECK_EQ(munmap((void *)n, PAGE), 0);
			while (now_ns() < end)
				evict(fd);
		});
	while (now_ns() < end) {
		uint8_t seen = n[36], read_after;
		volatile uint8_t *other;

		CHECK(seen >= last);
		CHECK_EQ(pread(fd, &read_after, 1, 36), 1);
		CHECK(read_after >= seen);
		other = (void *)map_file(fd, PAGE, MAP_PRIVATE);
		last = other[36];
		CHECK(last >= read_after);
		CHECK_EQ(munmap((void *)other, PAGE), 0);
		if (row->evicting)
			madvise((void *)n, PAGE, MADV_DONTNEED);
	}
	WAIT_OK(writer);
	if (evictor)
		WAIT_OK(evictor);
}

/* ---- private mappings: what they see of later changes ---- */

static const struct {
	const char *what;
	enum fs fs;
	bool written; /* a store of our own before; else at most a load */
	bool loaded;
	bool by_store; /* the later change: a store through a shared mapping, else pwrite */
} privates[] = {
	{ "untouched_pwrite_disk", FS_DISK, false, false, false },
	{ "loaded_pwrite_disk", FS_DISK, false, true, false },
	{ "loaded_store_disk", FS_DISK, false, true, true },
	{ "stored_pwrite_disk", FS_DISK, true, false, false },
	{ "stored_store_disk", FS_DISK, true, true, true },
	{ "untouched_store_memory", FS_MEMORY, false, false, true },
	{ "loaded_pwrite_memory", FS_MEMORY, false, true, false },
	{ "stored_pwrite_memory", FS_MEMORY, true, true, false },
};

TEST_ROWS(private_page, privates)
{
	int fd = make_file(row->fs, "f", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE, MAP_PRIVATE);
	char *s = map_file(fd, 2 * PAGE, MAP_SHARED);
	char c;

	CHECK_EQ(pwrite(fd, "old", 3, 10), 3);
	if (row->loaded)
		CHECK_EQ(p[10], 'o');
	if (row->written)
		p[100] = 'm';
	if (row->by_store)
		memcpy(s + 10, "new", 3);
	else
		CHECK_EQ(pwrite(fd, "new", 3, 10), 3);
	CHECK(!memcmp(p + 10, row->written ? "old" : "new", 3));
	CHECK_EQ(pread(fd, &c, 1, 100), 1);
	CHECK_EQ(c, 0);
	CHECK_EQ(s[100], 0);
	/* The neighbour is untouched in any case. */
	CHECK_EQ(pwrite(fd, "next", 4, PAGE), 4);
	CHECK(!memcmp(p + PAGE, "next", 4));
}

TEST(two_shared_mappings_at_odd_offsets)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE);
	char *a = map_file(fd, 4 * PAGE, MAP_SHARED);
	char *b = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, PAGE);

	CHECK(b != MAP_FAILED);
	a[PAGE + 5] = 1;
	b[PAGE + 6] = 2;
	CHECK_EQ(b[5], 1);
	CHECK_EQ(a[2 * PAGE + 6], 2);
}

TEST(odd_length_maps_the_whole_page)
{
	int fd = make_file(FS_DISK, "f", 2 * PAGE);
	char *p = mmap(NULL, PAGE + 1, RW, MAP_SHARED, fd, 0);
	char c;

	CHECK(p != MAP_FAILED);
	p[2 * PAGE - 1] = 'z';
	CHECK_EQ(pread(fd, &c, 1, 2 * PAGE - 1), 1);
	CHECK_EQ(c, 'z');
	CHECK_EQ(munmap(p, PAGE + 1), 0);
}

TEST(o_direct_reads_what_was_stored)
{
	int fd = make_file(FS_DISK, "f", 4 * PAGE), direct = open("f", O_RDWR | O_DIRECT);
	char *p = map_file(fd, 4 * PAGE, MAP_SHARED);
	char *buf = map_anon(1);

	if (direct < 0)
		SKIP("no O_DIRECT here");
	memset(p + PAGE, 'd', PAGE);
	CHECK_EQ(pread(direct, buf, PAGE, PAGE), PAGE);
	CHECK(all_bytes(buf, PAGE, 'd'));
	memset(buf, 'e', PAGE);
	CHECK_EQ(pwrite(direct, buf, PAGE, 2 * PAGE), PAGE);
	CHECK(all_bytes(p + 2 * PAGE, PAGE, 'e'));
}
