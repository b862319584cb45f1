// SPDX-License-Identifier: MIT
/*
 * Radix tree (contract: include/tarn/radix.h).
 *
 * A node covers 64^k consecutive indexes, k = 1 for leaves; ->shift is 6(k-1).
 * root->top is the tallest node, just tall enough for the largest index present
 * when the tree last grew; a lone entry at index 0 sits in root->top itself,
 * which spares the many one-page files a node.  The lowest bit of root->top
 * tells the two apart; below that, ->shift tells what slots hold.
 *
 * Each node sums up its slots in bitmaps: full (leaf: slot taken; above: every
 * index below it taken) and tags[] (leaf: entry tagged; above: some entry below
 * is).  They are exact, so a search never enters a subtree in vain, holes
 * included.
 *
 * Readers without the writers' lock: a slot is published with a release store
 * after what it points at is complete, and read with acquire.  A node that left
 * the tree keeps its slots until the grace period ends, so a reader inside it
 * goes on to entries that were current when it started.  parent and the bitmaps
 * are for writers, and for readers only as hints that the slot itself confirms.
 */
#include <tarn/math.h>
#include <tarn/string.h>
#include <linux/errno.h>
#include "radix_node.h"

#define RADIX_LEVELS 11			/* 11 * 6 bits cover 64 */

static void publish(void **slot, void *value)
{
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

/* Bitmaps are hints to lock-free readers: single, untorn accesses. */
static void assign_bit(u64 *map, unsigned bit, bool on)
{
	WRITE_ONCE(*map, on ? *map | 1ull << bit : *map & ~(1ull << bit));
}

void radix_init(struct radix_root *root)
{
	*root = (struct radix_root)RADIX_INIT;
}

/* The leaf that covers @index, or NULL. */
static struct radix_node *find_leaf(const struct radix_root *root, u64 index)
{
	void *top = load_slot(&root->top);
	struct radix_node *node;

	if (!is_node(top))
		return NULL;
	node = to_node(top);
	if (index > max_index(node->shift))
		return NULL;
	while (node && node->shift)
		node = load_slot(&node->slots[slot_of(node, index)]);
	return node;
}

void *radix_lookup(const struct radix_root *root, u64 index)
{
	void *top = load_slot(&root->top);
	struct radix_node *node;

	if (!is_node(top))
		return index == 0 ? top : NULL;
	node = to_node(top);
	if (index > max_index(node->shift))
		return NULL;
	for (;;) {
		void *slot = load_slot(&node->slots[slot_of(node, index)]);

		if (!node->shift || !slot)
			return slot;
		node = slot;
	}
}

/* ---- growing ---- */

static struct radix_node *node_new(unsigned shift)
{
	struct radix_node *node = lib_alloc_atomic(sizeof(*node));

	if (node) {
		memset(node, 0, sizeof(*node));
		node->shift = (u8)shift;
	}
	return node;
}

/* Nodes that an insertion will need, taken before anything changes. */
struct spares {
	struct radix_node *node[2 * RADIX_LEVELS];
	unsigned count;
};

static struct radix_node *spare_take(struct spares *spares, unsigned shift)
{
	struct radix_node *node = spares->node[--spares->count];

	node->shift = (u8)shift;
	return node;
}

static int spares_fill(struct spares *spares, unsigned want)
{
	spares->count = 0;
	while (spares->count < want) {
		struct radix_node *node = node_new(0);

		if (!node) {
			while (spares->count)
				lib_free(spares->node[--spares->count]);
			return -ENOMEM;
		}
		spares->node[spares->count++] = node;
	}
	return 0;
}

/* The shift of the top node a tree needs to hold @index. */
static unsigned shift_for(u64 index)
{
	unsigned width = bit_width(index | 1);

	return (width - 1) / RADIX_BITS * RADIX_BITS;
}

/* How many nodes are missing for @index: levels on top, then the path down. */
static unsigned nodes_missing(const struct radix_root *root, u64 index)
{
	struct radix_node *node;
	unsigned levels = shift_for(index) / RADIX_BITS + 1;
	unsigned have;

	if (!is_node(root->top))
		/* The path to @index; the one to the lone entry 0 if they part. */
		return levels + (root->top ? levels - 1 : 0);
	node = to_node(root->top);
	have = node->shift / RADIX_BITS + 1;
	if (index > max_index(node->shift))
		return (levels - have) + (levels - 1);
	while (node->shift) {
		struct radix_node *next = node->slots[slot_of(node, index)];

		if (!next)
			return node->shift / RADIX_BITS;
		node = next;
	}
	return 0;
}

/* Is every slot of @node completely taken? */
static bool node_is_full(const struct radix_node *node)
{
	return node->full == ~0ull;
}

/* Put another level above the current top, which becomes slot 0 of it. */
static void grow_top(struct radix_root *root, struct radix_node *new)
{
	unsigned tag;

	new->slots[0] = is_node(root->top) ? to_node(root->top) : root->top;
	new->count = 1;
	for (tag = 0; tag < RADIX_TAGS; tag++)
		new->tags[tag] = root->tags >> tag & 1;
	if (is_node(root->top)) {
		struct radix_node *old = to_node(root->top);

		old->parent = new;
		old->offset = 0;
		new->full = node_is_full(old);
	} else {
		new->full = 1;
	}
	publish(&root->top, (void *)((ulong)new | NODE_MARK));
}

/* Make the tree tall enough for @index. */
static void grow(struct radix_root *root, u64 index, struct spares *spares)
{
	if (!root->top) {
		struct radix_node *new = spare_take(spares, shift_for(index));

		publish(&root->top, (void *)((ulong)new | NODE_MARK));
		return;
	}
	if (!is_node(root->top))
		grow_top(root, spare_take(spares, 0));
	while (index > max_index(to_node(root->top)->shift))
		grow_top(root, spare_take(spares, to_node(root->top)->shift + RADIX_BITS));
}

/* Walk down to the leaf of @index, adding nodes on the way. */
static struct radix_node *grow_path(struct radix_root *root, u64 index, struct spares *spares)
{
	struct radix_node *node = to_node(root->top);

	while (node->shift) {
		unsigned slot = slot_of(node, index);
		struct radix_node *next = node->slots[slot];

		if (!next) {
			next = spare_take(spares, node->shift - RADIX_BITS);
			next->parent = node;
			next->offset = (u8)slot;
			node->count++;
			publish(&node->slots[slot], next);
		}
		node = next;
	}
	return node;
}

/* A slot became completely taken: tell the ancestors as far as it matters. */
static void mark_full(struct radix_node *node, unsigned slot)
{
	for (;;) {
		assign_bit(&node->full, slot, true);
		if (!node_is_full(node) || !node->parent)
			return;
		slot = node->offset;
		node = node->parent;
	}
}

static void mark_not_full(struct radix_node *node, unsigned slot)
{
	for (;;) {
		bool was_full = node_is_full(node);

		assign_bit(&node->full, slot, false);
		if (!was_full || !node->parent)
			return;
		slot = node->offset;
		node = node->parent;
	}
}

int radix_insert(struct radix_root *root, u64 index, void *entry)
{
	struct spares spares;
	struct radix_node *leaf;
	unsigned slot;
	int err;

	if (!root->top && index == 0) {
		publish(&root->top, entry);
		return 0;
	}
	leaf = find_leaf(root, index);
	if (!leaf) {
		if (index == 0 && !is_node(root->top))
			return -EEXIST;
		err = spares_fill(&spares, nodes_missing(root, index));
		if (err)
			return err;
		grow(root, index, &spares);
		leaf = grow_path(root, index, &spares);
	}
	slot = slot_of(leaf, index);
	if (leaf->slots[slot])
		return -EEXIST;
	publish(&leaf->slots[slot], entry);
	leaf->count++;
	mark_full(leaf, slot);
	return 0;
}

/* ---- tags ---- */

static void leaf_tag_clear(struct radix_root *root, struct radix_node *node, unsigned slot,
			   unsigned tag)
{
	for (;;) {
		assign_bit(&node->tags[tag], slot, false);
		if (node->tags[tag])
			return;
		if (!node->parent)
			break;
		slot = node->offset;
		node = node->parent;
	}
	WRITE_ONCE(root->tags, root->tags & ~(1u << tag));
}

bool radix_tag_set(struct radix_root *root, u64 index, enum radix_tag tag)
{
	struct radix_node *node = find_leaf(root, index);
	unsigned slot;

	if (!radix_lookup(root, index))
		return false;
	for (; node; node = node->parent) {
		slot = slot_of(node, index);
		if (node->tags[tag] & (1ull << slot))
			return true;		/* then the ancestors know */
		assign_bit(&node->tags[tag], slot, true);
	}
	WRITE_ONCE(root->tags, root->tags | 1u << tag);
	return true;
}

/* False: there was no entry, or it had no such tag. */
bool radix_tag_clear(struct radix_root *root, u64 index, enum radix_tag tag)
{
	struct radix_node *leaf = find_leaf(root, index);

	if (!radix_tag_get(root, index, tag))
		return false;
	if (leaf)
		leaf_tag_clear(root, leaf, slot_of(leaf, index), tag);
	else
		WRITE_ONCE(root->tags, root->tags & ~(1u << tag));
	return true;
}

bool radix_tag_get(const struct radix_root *root, u64 index, enum radix_tag tag)
{
	struct radix_node *leaf = find_leaf(root, index);

	if (leaf)
		return READ_ONCE(leaf->tags[tag]) >> slot_of(leaf, index) & 1;
	return index == 0 && !is_node(READ_ONCE(root->top)) && radix_tagged(root, tag);
}

/* ---- removing ---- */

/* Free empty nodes from @node up. */
static void prune(struct radix_root *root, struct radix_node *node)
{
	while (!node->count) {
		struct radix_node *parent = node->parent;

		if (!parent) {
			publish(&root->top, NULL);
			lib_free_rcu(node);
			return;
		}
		WRITE_ONCE(parent->slots[node->offset], NULL);
		parent->count--;
		lib_free_rcu(node);
		node = parent;
	}
}

/* Drop levels that only lead to slot 0. */
static void shrink(struct radix_root *root)
{
	while (is_node(root->top)) {
		struct radix_node *top = to_node(root->top);
		struct radix_node *below = top->slots[0];

		if (top->count != 1 || !below)
			return;
		if (top->shift) {
			below->parent = NULL;
			publish(&root->top, (void *)((ulong)below | NODE_MARK));
		} else {
			publish(&root->top, below);
		}
		lib_free_rcu(top);
	}
}

void *radix_delete(struct radix_root *root, u64 index)
{
	struct radix_node *leaf = find_leaf(root, index);
	void *old = radix_lookup(root, index);
	unsigned slot, tag;

	if (!old)
		return NULL;
	if (!leaf) {
		WRITE_ONCE(root->top, NULL);
		WRITE_ONCE(root->tags, 0);
		return old;
	}
	slot = slot_of(leaf, index);
	for (tag = 0; tag < RADIX_TAGS; tag++)
		if (leaf->tags[tag] & (1ull << slot))
			leaf_tag_clear(root, leaf, slot, tag);
	mark_not_full(leaf, slot);
	WRITE_ONCE(leaf->slots[slot], NULL);
	leaf->count--;
	prune(root, leaf);
	shrink(root);
	return old;
}

void *radix_replace(struct radix_root *root, u64 index, void *entry)
{
	struct radix_node *leaf = find_leaf(root, index);
	void **slot;
	void *old;

	if (leaf)
		slot = &leaf->slots[slot_of(leaf, index)];
	else if (index == 0 && !is_node(root->top))
		slot = &root->top;
	else
		return NULL;
	old = *slot;
	if (old)
		publish(slot, entry);
	return old;
}
