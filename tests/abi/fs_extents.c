// SPDX-License-Identifier: MIT
/*
 * A file's extents: what fallocate(2) reserves, what writes make of it, and what
 * FIEMAP tells about it.
 *
 * A file system without FIEMAP skips these cases.
 */
#include "abi.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define PAGE 4096
#define MB (1 << 20)
#define MAX_EXTENTS 256

struct extents {
	struct fiemap head;
	struct fiemap_extent at[MAX_EXTENTS];
};

/* The extents in [start, start + length); what cannot be asked here is skipped. */
static unsigned map_extents(int fd, struct extents *out, uint64_t start, uint64_t length)
{
	memset(out, 0, sizeof(*out));
	out->head.fm_start = start;
	out->head.fm_length = length;
	out->head.fm_extent_count = MAX_EXTENTS;
	if (ioctl(fd, FS_IOC_FIEMAP, out) < 0 && (errno == EOPNOTSUPP || errno == ENOTTY))
		SKIP("no FIEMAP here");
	CHECK(out->head.fm_mapped_extents < MAX_EXTENTS);
	return out->head.fm_mapped_extents;
}

static int create(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);

	CHECK(fd >= 0);
	return fd;
}

static void reserve(int fd, off_t at, off_t len)
{
	if (fallocate(fd, 0, at, len) < 0 && errno == EOPNOTSUPP)
		SKIP("no fallocate here");
	CHECK(fallocate(fd, 0, at, len) == 0);
}

/* ---- converting ---- */

static void check_page(int fd, off_t at, char want)
{
	char page[PAGE];

	CHECK_EQ(pread(fd, page, PAGE, at), PAGE);
	for (unsigned i = 0; i < PAGE; i++)
		if (page[i] != want)
			ABI_FAIL("byte %lld is %#x, want %#x", (long long)at + i, page[i], want);
}

struct place {
	const char *what;
	uint64_t offset; /* in the extent */
};
static const struct place places[] = {
	{ "at_its_start", 0 },
	{ "in_its_middle", 400 << 10 },
};

/*
 * An extent holds less than 128 MB, so reserving 10 MB after 10 MB makes one of at most 120 MB and then
 * begins another, which touches it on the disk: only their length keeps the two apart, and a piece that a
 * write cuts off the second would fit into the first.
 */
TEST_ROWS(write_into_an_extent_that_touches_a_long_one, places)
{
	static struct extents m;
	int fd = create("f");
	char page[PAGE];
	unsigned n;

	for (off_t at = 0; at < 300 * MB; at += 10 * MB)
		reserve(fd, at, 10 * MB);
	n = map_extents(fd, &m, 0, 300 * MB);
	memset(page, 'x', PAGE);
	for (unsigned i = 0; i < n; i++)
		if (m.at[i].fe_length > row->offset + 2 * PAGE)
			CHECK_EQ(pwrite(fd, page, PAGE, m.at[i].fe_logical + row->offset), PAGE);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	for (unsigned i = 0; i < n; i++) {
		off_t at = (off_t)(m.at[i].fe_logical + row->offset);

		if (m.at[i].fe_length <= row->offset + 2 * PAGE)
			continue;
		if (at)
			check_page(fd, at - PAGE, 0);
		check_page(fd, at, 'x');
		check_page(fd, at + PAGE, 0);
	}
	close(fd);
}

/* ---- FIEMAP ---- */

struct question {
	const char *what;
	uint64_t start, length;
	unsigned extents; /* of those at 0, 1 and 2 MB, half a MB long each */
	int err;
};
static const struct question questions[] = {
	{ "everything", 0, FIEMAP_MAX_OFFSET, 3, 0 },
	{ "from_the_middle", MB, FIEMAP_MAX_OFFSET, 2, 0 },
	{ "to_the_last_byte_there_is", MB, FIEMAP_MAX_OFFSET - MB, 2, 0 },
	{ "nearly_everything", 0, FIEMAP_MAX_OFFSET - 5000, 3, 0 },
	{ "the_first", 0, 1000, 1, 0 },
	{ "a_hole", MB - 5000, 5000, 0, 0 },
	{ "behind_the_end", 5 * MB, FIEMAP_MAX_OFFSET, 0, 0 },
	{ "nothing", 0, 0, 0, EINVAL },
	{ "from_where_no_file_reaches", FIEMAP_MAX_OFFSET - 1, 1, 0, EFBIG },
};

TEST_ROWS(fiemap_of, questions)
{
	static struct extents m;
	static char data[MB / 2];
	int fd = create("f");
	unsigned counted;

	memset(data, 'x', sizeof(data));
	for (off_t at = 0; at < 3 * MB; at += MB)
		CHECK_EQ(pwrite(fd, data, sizeof(data), at), sizeof(data));
	map_extents(fd, &m, 0, 1); /* skips the case where there is no FIEMAP */
	CHECK_EQ(fsync(fd), 0);
	if (row->err) {
		m.head.fm_start = row->start;
		m.head.fm_length = row->length;
		CHECK_ERR(ioctl(fd, FS_IOC_FIEMAP, &m), row->err);
		return;
	}
	counted = map_extents(fd, &m, row->start, row->length);
	CHECK_EQ(counted, row->extents);
	for (unsigned i = 0; i < counted; i++) {
		CHECK_EQ(m.at[i].fe_logical, (row->start + MB - 1) / MB * MB + i * MB);
		CHECK(m.at[i].fe_physical);
	}
	m.head.fm_extent_count = 0;
	CHECK_EQ(ioctl(fd, FS_IOC_FIEMAP, &m), 0);
	CHECK_EQ(m.head.fm_mapped_extents, row->extents);
}
