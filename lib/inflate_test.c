// SPDX-License-Identifier: MIT
/* Inflate against what gzip(1) makes, and against damage. */
/* test-sources: lib/inflate.c lib/crc.c lib/string.c */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <tarn/inflate.h>
#include "test.h"

#define SIZE 300000

/* Words, runs and noise, so that stored, fixed and dynamic blocks and long matches all come. */
static void make_data(u8 *data, size_t size, int kind)
{
	for (size_t i = 0; i < size; i++) {
		if (kind == 0)
			data[i] = (u8)test_random();
		else if (kind == 1)
			data[i] = 'a';
		else
			data[i] = i > 1000 && test_random_below(8) ? data[i - 1 - test_random_below(999)] :
								     (u8)('a' + test_random_below(20));
	}
}

/* gzip(1)'s output for @data. */
static size_t gzip(const u8 *data, size_t size, int level, u8 *out, size_t room)
{
	char name[] = "/tmp/inflate_test.XXXXXX", command[100];
	int fd = mkstemp(name);
	FILE *p;
	size_t n;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	close(fd);
	snprintf(command, sizeof(command), "gzip -n -%d <%s", level, name);
	p = popen(command, "r");
	n = p ? fread(out, 1, room, p) : 0;
	if (p)
		pclose(p);
	unlink(name);
	return n;
}

TEST(inflate_undoes_gzip)
{
	static const size_t sizes[] = { 0, 1, 100, 70000, SIZE };
	static u8 data[SIZE], packed[2 * SIZE], back[SIZE];

	for (int kind = 0; kind < 3; kind++)
		for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++)
			for (int level = 1; level <= 9; level += 4) {
				size_t n, used = 0;

				make_data(data, sizes[s], kind);
				n = gzip(data, sizes[s], level, packed, sizeof(packed));
				EXPECT(n > 0);
				EXPECT_EQ(gzip_inflate(packed, n, &used, back, sizes[s]), sizes[s]);
				EXPECT_EQ(used, n);
				EXPECT(memcmp(data, back, sizes[s]) == 0);
				if (sizes[s])
					EXPECT_EQ(gzip_inflate(packed, n, &used, back, sizes[s] - 1), -ENOSPC);
			}
}

TEST(inflate_survives_damage)
{
	static u8 data[20000], packed[40000], bad[40000], back[20000];
	size_t n, used;

	make_data(data, sizeof(data), 2);
	n = gzip(data, sizeof(data), 6, packed, sizeof(packed));
	for (int i = 0; i < 3000; i++) {
		size_t cut = n;
		ssize_t ret;

		memcpy(bad, packed, n);
		if (i & 1)
			cut = test_random_below(n);
		else
			bad[10 + test_random_below(n - 10)] ^= (u8)(1 + test_random_below(255));
		ret = gzip_inflate(bad, cut, &used, back, sizeof(back));
		EXPECT(ret == -EINVAL || ret == -ENOSPC);
	}
}
