// SPDX-License-Identifier: MIT
/*
 * The radix tree against a plain array, at several scales of index (the array's
 * slot i stands for index i * stride + base, and strides up to 2^57 make tall,
 * sparse trees), with failing allocations, and with lock-free readers.
 */
/* test-sources: lib/radix.c lib/radix_search.c */
#include <pthread.h>
#include <tarn/lib_alloc.h>
#include <tarn/radix.h>
#include <linux/errno.h>
#include "test.h"

#define SLOTS 300

struct model {
	u64 base, stride;
	void *entry[SLOTS];
	u8 tags[SLOTS];
};

static u64 index_of(const struct model *m, unsigned slot)
{
	return m->base + slot * m->stride;
}

/* A pointer that is only a number: even and not NULL. */
static void *make_entry(u64 number)
{
	return (void *)(ulong)(number * 2 + 2);
}

static void check_slot(const struct radix_root *root, const struct model *m, unsigned slot)
{
	u64 index = index_of(m, slot);
	unsigned tag;

	EXPECT_EQ(radix_lookup(root, index), m->entry[slot]);
	if (m->stride > 1)
		EXPECT_EQ(radix_lookup(root, index + 1), 0);
	for (tag = 0; tag < RADIX_TAGS; tag++)
		EXPECT_EQ(radix_tag_get(root, index, tag), m->tags[slot] >> tag & 1);
}

/* Search [slot first, slot last] with a batch size that makes it stop midway; tag -1: any. */
static void check_gang(const struct radix_root *root, const struct model *m, unsigned first,
		       unsigned last, int tag)
{
	void *out[SLOTS];
	u64 indexes[SLOTS];
	unsigned max = 1 + (unsigned)test_random_below(SLOTS);
	unsigned n, i = 0, slot;

	if (tag < 0)
		n = radix_gang_lookup(root, out, indexes, index_of(m, first), index_of(m, last),
				      max);
	else
		n = radix_gang_lookup_tag(root, out, indexes, index_of(m, first),
					  index_of(m, last), max, (enum radix_tag)tag);
	for (slot = first; slot <= last && i < max; slot++) {
		if (!m->entry[slot] || (tag >= 0 && !(m->tags[slot] >> tag & 1)))
			continue;
		if (!EXPECT(i < n))
			return;
		EXPECT_EQ(indexes[i], index_of(m, slot));
		EXPECT_EQ(out[i], m->entry[slot]);
		i++;
	}
	EXPECT_EQ(n, i);
}

static void check_all(const struct radix_root *root, const struct model *m)
{
	unsigned slot, tag, tagged = 0, first, last;
	bool any = false;

	for (slot = 0; slot < SLOTS; slot++) {
		check_slot(root, m, slot);
		tagged |= m->tags[slot];
		any |= m->entry[slot] != NULL;
	}
	EXPECT_EQ(radix_empty(root), !any);
	for (tag = 0; tag < RADIX_TAGS; tag++)
		EXPECT_EQ(radix_tagged(root, tag), tagged >> tag & 1);
	first = (unsigned)test_random_below(SLOTS);
	last = first + (unsigned)test_random_below(SLOTS - first);
	check_gang(root, m, first, last, -1);
	check_gang(root, m, first, last, (int)test_random_below(RADIX_TAGS));
	check_gang(root, m, 0, SLOTS - 1, -1);
}

/* Only for stride 1: between the model's slots all is hole otherwise. */
static void check_hole(const struct radix_root *root, const struct model *m)
{
	unsigned first = (unsigned)test_random_below(SLOTS);
	unsigned last = first + (unsigned)test_random_below(SLOTS - first);
	unsigned want = first;
	u64 hole = 0;
	bool found = radix_next_hole(root, index_of(m, first), index_of(m, last), &hole);

	while (want <= last && m->entry[want])
		want++;
	EXPECT_EQ(found, want <= last);
	if (found)
		EXPECT_EQ(hole, index_of(m, want));
}

static void random_step(struct radix_root *root, struct model *m, bool filling)
{
	unsigned slot = (unsigned)test_random_below(SLOTS);
	unsigned tag = (unsigned)test_random_below(RADIX_TAGS);
	u64 index = index_of(m, slot);
	void *entry = make_entry(test_random_below(1000000));
	bool present = m->entry[slot] != NULL;

	switch (test_random_below(filling ? 6 : 8)) {
	case 0:
	case 1:
		EXPECT_EQ(radix_insert(root, index, entry), present ? -EEXIST : 0);
		if (!present)
			m->entry[slot] = entry;
		break;
	case 2:
		EXPECT_EQ(radix_replace(root, index, entry), m->entry[slot]);
		if (present)
			m->entry[slot] = entry;
		break;
	case 3:
		EXPECT_EQ(radix_tag_set(root, index, tag), present);
		if (present)
			m->tags[slot] |= (u8)(1u << tag);
		break;
	case 4:
		EXPECT_EQ(radix_tag_clear(root, index, tag), m->tags[slot] >> tag & 1);
		m->tags[slot] &= (u8)~(1u << tag);
		break;
	default:
		if (filling && test_random_below(4))
			break;
		EXPECT_EQ(radix_delete(root, index), m->entry[slot]);
		m->entry[slot] = NULL;
		m->tags[slot] = 0;
		break;
	}
}

static void empty(struct radix_root *root, struct model *m)
{
	unsigned slot;

	for (slot = 0; slot < SLOTS; slot++)
		EXPECT_EQ(radix_delete(root, index_of(m, slot)), m->entry[slot]);
	EXPECT(radix_empty(root));
	EXPECT_EQ(root->tags, 0);
}

TEST(radix_random)
{
	static const struct {
		const char *what;
		u64 base, stride;
	} rows[] = {
		{ "dense from 0",	0,			1 },
		{ "dense across 64",	60,			1 },
		{ "dense at 2^32",	(1ull << 32) - 100,	1 },
		{ "dense at the end",	~0ull - SLOTS + 1,	1 },
		{ "one a leaf",		0,			64 },
		{ "odd stride",		7,			1237 },
		{ "one a subtree",	0,			1ull << 24 },
		{ "spread over all",	5,			1ull << 55 },
	};
	size_t row;
	unsigned step;

	for (row = 0; row < ARRAY_SIZE(rows); row++) {
		static struct model m;
		struct radix_root root = RADIX_INIT;

		ROW(rows[row].what);
		m = (struct model){ .base = rows[row].base, .stride = rows[row].stride };
		for (step = 0; step < 8000; step++) {
			random_step(&root, &m, (step / 2000) % 2 == 0);
			if (step % 37 == 0)
				check_all(&root, &m);
			if (m.stride == 1)
				check_hole(&root, &m);
		}
		empty(&root, &m);
	}
}

TEST(radix_single_entry_needs_no_memory)
{
	struct radix_root root = RADIX_INIT;
	long blocks = test_alloc_count();

	EXPECT_EQ(radix_insert(&root, 0, make_entry(1)), 0);
	EXPECT(radix_tag_set(&root, 0, RADIX_TAG_1));
	EXPECT_EQ(test_alloc_count(), blocks);
	EXPECT_EQ(radix_insert(&root, 1, make_entry(2)), 0);
	EXPECT(radix_tag_get(&root, 0, RADIX_TAG_1));
	EXPECT(!radix_tag_get(&root, 1, RADIX_TAG_1));
	EXPECT_EQ(radix_delete(&root, 1), make_entry(2));
	EXPECT_EQ(test_alloc_count(), blocks);
	EXPECT(radix_tag_get(&root, 0, RADIX_TAG_1));
	EXPECT_EQ(radix_delete(&root, 0), make_entry(1));
	EXPECT(!radix_tagged(&root, RADIX_TAG_1));
}

TEST(radix_out_of_memory_changes_nothing)
{
	static const u64 indexes[] = { 0, 5, 64, 70, 1ull << 30, 1ull << 40, ~0ull, 3 };
	struct radix_root root = RADIX_INIT;
	unsigned i, j;
	long limit;

	for (i = 0; i < ARRAY_SIZE(indexes); i++) {
		int err = -ENOMEM;

		for (limit = 0; err; limit++) {
			long blocks = test_alloc_count();

			ASSERT(limit < 100);
			test_alloc_fail_after(limit);
			err = radix_insert(&root, indexes[i], make_entry(i));
			test_alloc_fail_after(-1);
			if (!err)
				break;
			EXPECT_EQ(err, -ENOMEM);
			EXPECT_EQ(test_alloc_count(), blocks);
			EXPECT_EQ(radix_lookup(&root, indexes[i]), 0);
		}
		for (j = 0; j <= i; j++)
			EXPECT_EQ(radix_lookup(&root, indexes[j]), make_entry(j));
	}
	for (i = 0; i < ARRAY_SIZE(indexes); i++)
		EXPECT_EQ(radix_delete(&root, indexes[i]), make_entry(i));
}

#define CROWD 9000			/* more than two full nodes of the second level */

/* A crowded tree with few holes: leaves and the nodes above them fill up and open again. */
TEST(radix_holes_of_a_crowded_tree)
{
	static bool present[CROWD];
	struct radix_root root = RADIX_INIT;
	unsigned i, step;
	u64 hole = 0;

	for (i = 0; i < CROWD; i++) {
		EXPECT_EQ(radix_insert(&root, i, make_entry(i)), 0);
		present[i] = true;
	}
	for (step = 0; step < 3000; step++) {
		unsigned first = (unsigned)test_random_below(CROWD), want = first;
		unsigned victim = (unsigned)test_random_below(CROWD);

		while (want < CROWD && present[want])
			want++;
		EXPECT(radix_next_hole(&root, first, ~0ull, &hole));
		EXPECT_EQ(hole, want);
		if (want < CROWD && test_random_below(3)) {
			EXPECT_EQ(radix_insert(&root, want, make_entry(want)), 0);
			present[want] = true;
		} else {
			EXPECT_EQ(radix_delete(&root, victim) != NULL, present[victim]);
			present[victim] = false;
		}
	}
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(radix_delete(&root, i) != NULL, present[i]);
}

TEST(radix_hole_at_the_edges)
{
	struct radix_root root = RADIX_INIT;
	u64 hole = 0;

	EXPECT(radix_next_hole(&root, 7, 7, &hole) && hole == 7);
	EXPECT(!radix_next_hole(&root, 8, 7, &hole));
	EXPECT_EQ(radix_insert(&root, 0, make_entry(0)), 0);
	EXPECT(radix_next_hole(&root, 0, ~0ull, &hole) && hole == 1);
	EXPECT(!radix_next_hole(&root, 0, 0, &hole));
	EXPECT_EQ(radix_insert(&root, ~0ull, make_entry(1)), 0);
	EXPECT(!radix_next_hole(&root, ~0ull, ~0ull, &hole));
	EXPECT(radix_next_hole(&root, ~0ull - 1, ~0ull, &hole) && hole == ~0ull - 1);
	EXPECT(radix_delete(&root, 0) && radix_delete(&root, ~0ull));
}

/* ---- readers without a lock ---- */

struct race {
	struct radix_root root;
	bool stop;			/* [a] */
	bool wrong;			/* [a] a reader saw what was never there */
};

/* Index i only ever holds make_entry(i); even indexes below 64 always hold it. */
static void *race_reader(void *arg)
{
	struct race *race = arg;
	void *out[16];
	u64 indexes[16];
	u64 i;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		for (i = 0; i < 5000; i += 7) {
			void *entry = radix_lookup(&race->root, i);
			unsigned n = radix_gang_lookup(&race->root, out, indexes, i, i + 500, 16);

			if (entry ? entry != make_entry(i) : i < 64 && i % 2 == 0)
				__atomic_store_n(&race->wrong, true, __ATOMIC_RELAXED);
			while (n--)
				if (out[n] != make_entry(indexes[n]) || indexes[n] < i)
					__atomic_store_n(&race->wrong, true, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

TEST(radix_readers_race_a_writer)
{
	static struct race race;
	pthread_t readers[2];
	unsigned round, i;

	test_rcu_defer(true);
	for (i = 0; i < 64; i += 2)
		ASSERT(radix_insert(&race.root, i, make_entry(i)) == 0);
	for (i = 0; i < 2; i++)
		ASSERT(pthread_create(&readers[i], NULL, race_reader, &race) == 0);
	for (round = 0; round < 60; round++) {
		unsigned top = round % 2 ? 5000 : 90;

		for (i = 1; i < top; i += 2)
			EXPECT_EQ(radix_insert(&race.root, i, make_entry(i)), 0);
		for (i = 1; i < top; i += 2)
			EXPECT_EQ(radix_delete(&race.root, i), make_entry(i));
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	EXPECT(!race.wrong);
	for (i = 0; i < 64; i += 2)
		EXPECT(radix_delete(&race.root, i));
}
