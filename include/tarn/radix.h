// SPDX-License-Identifier: MIT
/*
 * Radix tree: u64 index -> pointer, with three tags per entry.
 *
 * Made for the page cache (tags dirty, writeback, towrite) and the id
 * allocator.  64 slots a node; a tree with only index 0 needs no node at all.
 * Tags and "this subtree is full" are summarised upward, so tagged lookups and
 * hole searches skip what cannot match.
 *
 * Entries are pointers that are not NULL and whose bit 0 is clear.
 *
 * Locks: writers (insert, delete, replace, tag changes) are serialised by the
 * caller.  The lookups are also safe without that lock inside an RCU read
 * section: nodes go through lib_free_rcu.  Such a reader may see an entry that
 * was removed a moment ago, so it must take its reference conditionally and
 * then check that the entry is still the right one.
 *
 * Memory: radix_insert takes nodes from lib_alloc_atomic, so it may run under a
 * spinlock.  It may give -ENOMEM and then has changed nothing.  Nothing else
 * allocates.
 */
#pragma once

enum radix_tag {
	RADIX_TAG_0,
	RADIX_TAG_1,
	RADIX_TAG_2,
	RADIX_TAGS,
};

struct radix_root {
	void *top;			/* NULL, the entry of index 0, or a node | 1 */
	u32 tags;			/* bit per tag: some entry has it */
};

#define RADIX_INIT { .top = NULL, .tags = 0 }

void radix_init(struct radix_root *root);

static inline bool radix_empty(const struct radix_root *root)
{
	return !READ_ONCE(root->top);
}

/* 0, -EEXIST (the entry there stays), -ENOMEM.  The new entry has no tags. */
int radix_insert(struct radix_root *root, u64 index, void *entry) WARN_UNUSED;
void *radix_lookup(const struct radix_root *root, u64 index);
/* Returns what was there (NULL: nothing was) and drops its tags. */
void *radix_delete(struct radix_root *root, u64 index);
/* Exchange the entry at @index, keeping tags; the old one, or NULL and no change if none. */
void *radix_replace(struct radix_root *root, u64 index, void *entry);

/*
 * Collect up to @max entries with first <= index <= last, ascending, into @out
 * and, unless NULL, their indexes into @indexes.  Returns how many.
 */
unsigned radix_gang_lookup(const struct radix_root *root, void **out, u64 *indexes, u64 first,
			   u64 last, unsigned max);
unsigned radix_gang_lookup_tag(const struct radix_root *root, void **out, u64 *indexes, u64 first,
			       u64 last, unsigned max, enum radix_tag tag);

/* Tags exist on present entries only: setting one elsewhere returns false. */
bool radix_tag_set(struct radix_root *root, u64 index, enum radix_tag tag);
bool radix_tag_clear(struct radix_root *root, u64 index, enum radix_tag tag);
bool radix_tag_get(const struct radix_root *root, u64 index, enum radix_tag tag);

/* Has any entry this tag? */
static inline bool radix_tagged(const struct radix_root *root, enum radix_tag tag)
{
	return READ_ONCE(root->tags) & (1u << tag);
}

/* Smallest index in [first, last] without an entry; false if all are taken. */
bool radix_next_hole(const struct radix_root *root, u64 first, u64 last, u64 *hole);
