// SPDX-License-Identifier: MIT
/*
 * Radix tree searches: ranges of entries, tagged ones, holes.
 *
 * The bitmaps of radix_node.h name the slots worth entering; see radix.c for how
 * they are kept and what a reader without the writers' lock may count on.
 */
#include "radix_node.h"

#define ANY_ENTRY (-1)			/* in place of a tag */

/* First slot of @node from @from on that may lead to a match; RADIX_SLOTS if none. */
static unsigned next_slot(const struct radix_node *node, unsigned from, int tag)
{
	u64 map;

	if (tag == ANY_ENTRY && node->shift) {
		while (from < RADIX_SLOTS && !READ_ONCE(node->slots[from]))
			from++;
		return from;
	}
	map = tag == ANY_ENTRY ? READ_ONCE(node->full) : READ_ONCE(node->tags[tag]);
	map &= ~0ull << from;
	return map ? (unsigned)__builtin_ctzll(map) : RADIX_SLOTS;
}

/* Move *index behind the aligned block of @mask + 1 around it; false when that is beyond @last. */
static bool skip_block(u64 *index, u64 mask, u64 last)
{
	u64 end = *index | mask;

	if (end >= last)
		return false;
	*index = end + 1;
	return true;
}

/* Let *index point to the start of @slot of @node, unless it is inside it already. */
static void enter_slot(u64 *index, const struct radix_node *node, unsigned slot)
{
	if (slot != slot_of(node, *index))
		*index = (*index & ~max_index(node->shift)) | (u64)slot << node->shift;
}

/*
 * The leaf with the first match at or after *index, which moves to the match.
 * Whenever a subtree disappoints, *index moves behind it and the walk starts
 * again at the top: simple, and @top stays valid for a lock-free reader.
 */
static struct radix_node *scan_to_leaf(struct radix_node *top, u64 *index, u64 last, int tag)
{
	struct radix_node *node = top;

	for (;;) {
		unsigned slot = next_slot(node, slot_of(node, *index), tag);
		struct radix_node *next;

		if (slot == RADIX_SLOTS) {
			if (!skip_block(index, max_index(node->shift), last))
				return NULL;
			node = top;
			continue;
		}
		enter_slot(index, node, slot);
		if (*index > last)
			return NULL;
		if (!node->shift)
			return node;
		next = load_slot(&node->slots[slot]);
		if (next) {
			node = next;
			continue;
		}
		if (!skip_block(index, (1ull << node->shift) - 1, last))
			return NULL;
		node = top;
	}
}

/* Where a search puts what it finds. */
struct haul {
	void **out;
	u64 *indexes;
	unsigned max;
	unsigned count;
};

static void haul_add(struct haul *haul, void *entry, u64 index)
{
	if (haul->indexes)
		haul->indexes[haul->count] = index;
	haul->out[haul->count++] = entry;
}

/* Take the matches of one leaf from *index on. */
static void haul_leaf(struct haul *haul, const struct radix_node *leaf, u64 index, u64 last,
		      int tag)
{
	u64 base = index & ~(u64)(RADIX_SLOTS - 1);
	unsigned slot = slot_of(leaf, index);

	while (haul->count < haul->max) {
		void *entry;

		slot = next_slot(leaf, slot, tag);
		if (slot == RADIX_SLOTS || base + slot > last)
			return;
		entry = load_slot(&leaf->slots[slot]);
		if (entry)
			haul_add(haul, entry, base + slot);
		if (++slot == RADIX_SLOTS)
			return;
	}
}

static unsigned gang_lookup(const struct radix_root *root, struct haul *haul, u64 index, u64 last,
			    int tag)
{
	void *top = load_slot(&root->top);
	struct radix_node *leaf;

	if (!top || index > last || !haul->max)
		return 0;
	if (tag != ANY_ENTRY && !radix_tagged(root, (enum radix_tag)tag))
		return 0;
	if (!is_node(top)) {
		if (index == 0)
			haul_add(haul, top, 0);
		return haul->count;
	}
	if (index > max_index(to_node(top)->shift))
		return 0;
	last = MIN(last, max_index(to_node(top)->shift));
	while (haul->count < haul->max) {
		leaf = scan_to_leaf(to_node(top), &index, last, tag);
		if (!leaf)
			break;
		haul_leaf(haul, leaf, index, last, tag);
		if (!skip_block(&index, RADIX_SLOTS - 1, last))
			break;
	}
	return haul->count;
}

unsigned radix_gang_lookup(const struct radix_root *root, void **out, u64 *indexes, u64 first,
			   u64 last, unsigned max)
{
	struct haul haul = { .out = out, .indexes = indexes, .max = max };

	return gang_lookup(root, &haul, first, last, ANY_ENTRY);
}

unsigned radix_gang_lookup_tag(const struct radix_root *root, void **out, u64 *indexes, u64 first,
			       u64 last, unsigned max, enum radix_tag tag)
{
	struct haul haul = { .out = out, .indexes = indexes, .max = max };

	return gang_lookup(root, &haul, first, last, (int)tag);
}

/* The first index >= *index without an entry below @top; false if there is none. */
static bool find_hole(const struct radix_node *top, u64 *index)
{
	const struct radix_node *node = top;

	while (*index <= max_index(top->shift)) {
		u64 holes = ~READ_ONCE(node->full) & (~0ull << slot_of(node, *index));
		unsigned slot = holes ? (unsigned)__builtin_ctzll(holes) : RADIX_SLOTS;

		if (slot == RADIX_SLOTS) {
			if (!skip_block(index, max_index(node->shift), ~0ull))
				return false;
			node = top;
			continue;
		}
		enter_slot(index, node, slot);
		if (!node->shift)
			return true;
		node = load_slot(&node->slots[slot]);
		if (!node)
			return true;
	}
	return true;			/* the tree is not tall enough to have it */
}

bool radix_next_hole(const struct radix_root *root, u64 first, u64 last, u64 *hole)
{
	void *top = load_slot(&root->top);
	u64 index = first;

	if (is_node(top)) {
		if (!find_hole(to_node(top), &index))
			return false;
	} else if (top && index == 0) {
		index = 1;
	}
	if (index > last)
		return false;
	*hole = index;
	return true;
}
