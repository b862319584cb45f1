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
#include <tarn/radix.h>
#include <tarn/lib_alloc.h>
#include <tarn/math.h>
#include <tarn/string.h>
#include <linux/errno.h>

#define RADIX_BITS  6
#define RADIX_SLOTS (1u << RADIX_BITS)
#define RADIX_LEVELS 11			/* 11 * 6 bits cover 64 */
#define NODE_MARK   1ul

struct radix_node {
	u8 rcu_space[LIB_RCU_SPACE];	/* lib_free_rcu's; readers never look */
	struct radix_node *parent;	/* NULL at the top */
	u8 shift;			/* [I] index bits below this node's slots */
	u8 offset;			/* which slot of the parent we are */
	u16 count;			/* slots that are not NULL */
	u64 full;
	u64 tags[RADIX_TAGS];
	void *slots[RADIX_SLOTS];	/* entries (shift 0) or nodes */
};

_Static_assert(sizeof(struct radix_node) == 16 + 8 + 8 + 8 + 24 + 512, "see lib_alloc.h");

static bool is_node(const void *top)
{
	return (ulong)top & NODE_MARK;
}

static struct radix_node *to_node(const void *top)
{
	return (struct radix_node *)((ulong)top & ~NODE_MARK);
}

static void *load_slot(void *const *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static void publish(void **slot, void *value)
{
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

/* Bitmaps are hints to lock-free readers: single, untorn accesses. */
static void assign_bit(u64 *map, unsigned bit, bool on)
{
	WRITE_ONCE(*map, on ? *map | 1ull << bit : *map & ~(1ull << bit));
}

static unsigned slot_of(const struct radix_node *node, u64 index)
{
	return (index >> node->shift) & (RADIX_SLOTS - 1);
}

/* Largest index a tree with this node on top can hold. */
static u64 max_index(unsigned shift)
{
	return shift + RADIX_BITS >= 64 ? ~0ull : (1ull << (shift + RADIX_BITS)) - 1;
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

/* ---- searching ---- */

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
