// SPDX-License-Identifier: MIT
/*
 * Regions of extended attributes: random changes against a model, and random
 * damage that must be noticed or harmless.
 * test-sources: fs/ext4/xattr_region.c fs/ext4/acl.c lib/string.c
 */
#include "pure.h"
#include "test.h"

#define BYTES 512
#define NAMES 12
#define VALUE_MAX 90

struct model {
	bool there;
	u32 size;
	u8 value[VALUE_MAX];
};

static struct xattr_region region_over(u8 *mem, bool block)
{
	u32 head = block ? sizeof(struct ext4_xattr_header) : 0;

	return (struct xattr_region){ .base = mem, .first = mem + head, .end = mem + BYTES, .block = block };
}

static struct xattr_name name_of(u32 i, char *buf)
{
	snprintf(buf, 32, "%.*s%u", (int)(i % 5) * 3, "attribute-name", i);
	return (struct xattr_name){ .index = (u8)(1 + i % 3), .len = (u8)strlen(buf), .suffix = buf };
}

static void check_all(struct xattr_region *r, const struct model *m)
{
	EXPECT(!ext4_region_problem(r));
	for (u32 i = 0; i < NAMES; i++) {
		char buf[32];
		struct xattr_name n = name_of(i, buf);
		struct ext4_xattr_entry *e = ext4_region_find(r, &n);

		EXPECT_EQ(!!e, m[i].there);
		if (!e || !m[i].there)
			continue;
		EXPECT_EQ(le32_to_cpu(e->value_size), m[i].size);
		EXPECT(!memcmp(r->base + le16_to_cpu(e->value_offs), m[i].value, m[i].size));
		EXPECT_EQ(!!e->hash.raw, r->block);
	}
}

static void random_changes(bool block)
{
	static u8 mem[BYTES];
	struct model m[NAMES] = { 0 };
	struct xattr_region r = region_over(mem, block);

	memset(mem, 0, sizeof(mem));
	for (int step = 0; step < 3000; step++) {
		u32 i = (u32)test_random_below(NAMES), size = (u32)test_random_below(VALUE_MAX);
		u8 value[VALUE_MAX];
		char buf[32];
		struct xattr_name n = name_of(i, buf);

		if (test_random_below(3) == 0) {
			EXPECT_EQ(ext4_region_set(&r, &n, NULL, 0), 0);
			m[i].there = false;
		} else {
			for (u32 k = 0; k < size; k++)
				value[k] = (u8)test_random();
			if (ext4_region_set(&r, &n, value, size) == 0) {
				m[i].there = true;
				m[i].size = size;
				memcpy(m[i].value, value, size);
			}
		}
		check_all(&r, m);
	}
}

TEST(xattr_region_in_inode)
{
	random_changes(false);
}

TEST(xattr_region_in_block)
{
	random_changes(true);
}

TEST(xattr_block_entries_are_sorted)
{
	u8 mem[BYTES] = { 0 };
	struct xattr_region r = region_over(mem, true);
	struct ext4_xattr_entry *e;
	u32 last = 0;

	for (u32 i = NAMES; i--;) {
		char buf[32];
		struct xattr_name n = name_of(i, buf);

		ext4_region_set(&r, &n, "v", 1);
	}
	for (e = ext4_region_first(&r); !ext4_xattr_last(e); e = ext4_xattr_next(e)) {
		u32 key = (u32)e->name_index << 8 | e->name_len;

		EXPECT(key >= last);
		last = key;
	}
}

TEST(xattr_region_full_changes_nothing)
{
	u8 mem[BYTES] = { 0 }, before[BYTES], value[BYTES] = { 1 };
	struct xattr_region r = region_over(mem, false);
	struct xattr_name n = { .index = 1, .len = 1, .suffix = "a" };

	EXPECT_EQ(ext4_region_set(&r, &n, value, 100), 0);
	memcpy(before, mem, BYTES);
	EXPECT_EQ(ext4_region_set(&r, &n, value, BYTES), -ENOSPC);
	EXPECT(!memcmp(before, mem, BYTES));
}

TEST(xattr_region_damage_is_found_or_harmless)
{
	for (int round = 0; round < 20000; round++) {
		u8 *mem = calloc(1, BYTES); /* its ends are watched by the sanitizer */
		struct xattr_region r = region_over(mem, round & 1);
		char buf[32];

		for (u32 i = 0; i < 6; i++) {
			struct xattr_name n = name_of(i, buf);

			ext4_region_set(&r, &n, "some value or other", (u32)test_random_below(19));
		}
		for (u64 k = 1 + test_random_below(4); k--;)
			mem[test_random_below(BYTES)] = (u8)test_random();
		if (!ext4_region_problem(&r)) {
			struct xattr_name n = name_of((u32)test_random_below(8), buf);

			ext4_region_find(&r, &n);
			ext4_region_hash(&r);
			ext4_region_set(&r, &n, test_random() & 1 ? "another" : NULL, 7);
		}
		free(mem);
	}
}

TEST(xattr_values_that_overlap_are_noticed)
{
	for (u32 step = 0; step <= 8; step += 4) {
		u8 mem[BYTES] = { 0 }, value[96] = { 1 };
		struct xattr_region r = region_over(mem, true);
		struct xattr_name a = { .index = 1, .len = 1, .suffix = "a" };
		struct xattr_name b = { .index = 1, .len = 1, .suffix = "b" };

		EXPECT_EQ(ext4_region_set(&r, &a, value, 96), 0);
		EXPECT_EQ(ext4_region_set(&r, &b, value, 93), 0);
		EXPECT(!ext4_region_problem(&r));
		ext4_region_find(&r, &b)->value_offs = cpu_to_le16((u16)(BYTES - 192 + step));
		EXPECT_EQ(!!ext4_region_problem(&r), step != 0);
	}
}

/* ---- ACLs ---- */

TEST(acl_as_getxattr_shows_it)
{
	static const u8 disk[] = { 1, 0, 0, 0, 1, 0, 6, 0, 2, 0, 4, 0, 232, 3, 0, 0,
				   4, 0, 4, 0, 16, 0, 6, 0, 32, 0, 4, 0 };
	static const u8 user[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 232, 3, 0, 0,
				   4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 6, 0, 255, 255, 255, 255,
				   32, 0, 4, 0, 255, 255, 255, 255 };
	u8 shown[sizeof(user)];

	EXPECT_EQ(ext4_acl_from_disk(disk, sizeof(disk), NULL), sizeof(user));
	EXPECT_EQ(ext4_acl_from_disk(disk, sizeof(disk), shown), sizeof(user));
	EXPECT(!memcmp(user, shown, sizeof(user)));
}

TEST(acl_nonsense_on_the_disk)
{
	EXPECT_EQ(ext4_acl_from_disk("\3\0\0\0", 4, NULL), -EUCLEAN);
	EXPECT_EQ(ext4_acl_from_disk("\1\0\0", 3, NULL), -EUCLEAN);
	EXPECT_EQ(ext4_acl_from_disk("\1\0\0\0\1\0", 6, NULL), -EUCLEAN);
	EXPECT_EQ(ext4_acl_from_disk("\1\0\0\0\2\0\4", 7, NULL), -EUCLEAN);
}
