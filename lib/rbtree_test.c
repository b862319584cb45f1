// SPDX-License-Identifier: MIT
/*
 * Red-black trees against a sorted array of flags: after every random step the
 * tree's rules, its order and its summaries (subtree size and largest value,
 * one that stops early and one that never may) must hold.
 */
/* test-sources: lib/rbtree.c */
#include <tarn/rbtree.h>
#include "test.h"

#define KEYS 200

struct item {
	unsigned key;
	unsigned weight;
	unsigned count;			/* summary: items in the subtree */
	unsigned heaviest;		/* summary: largest weight in it */
	struct rb_node rb;
};

static struct item *item_of(struct rb_node *node)
{
	return rb_entry_or_null(node, struct item, rb);
}

static bool item_update(struct rb_node *node)
{
	struct item *item = item_of(node), *left = item_of(node->left),
		    *right = item_of(node->right);
	unsigned count = 1 + (left ? left->count : 0) + (right ? right->count : 0);
	unsigned heaviest = item->weight;
	bool changed;

	if (left)
		heaviest = MAX(heaviest, left->heaviest);
	if (right)
		heaviest = MAX(heaviest, right->heaviest);
	changed = count != item->count || heaviest != item->heaviest;
	item->count = count;
	item->heaviest = heaviest;
	return changed;
}

static const struct rb_augment item_aug = { .update = item_update };

static void item_insert(struct rb_root *root, struct item *item, const struct rb_augment *aug)
{
	struct rb_node *parent = NULL, **link = &root->node;

	while (*link) {
		parent = *link;
		link = item->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	rb_insert(root, &item->rb, parent, link, aug);
}

/* Check the subtree at @node; returns its black height, 0 for one already reported. */
static unsigned check(struct rb_node *node, struct rb_node *parent, bool augmented)
{
	bool red = node && !(node->parent_color & 1);
	unsigned left, right;
	struct item *item;

	if (!node)
		return 1;
	EXPECT_EQ(rb_parent(node), parent);
	if (red)
		EXPECT(parent && (parent->parent_color & 1));
	left = check(node->left, node, augmented);
	right = check(node->right, node, augmented);
	EXPECT_EQ(left, right);
	item = item_of(node);
	if (augmented)
		EXPECT(!item_update(&item->rb));
	return left + !red;
}

static void check_order(struct rb_root *root, const bool *present)
{
	struct rb_node *node = rb_first(root), *last = NULL;
	unsigned key;

	for (key = 0; key < KEYS; key++) {
		if (!present[key])
			continue;
		if (!EXPECT(node) || !EXPECT_EQ(item_of(node)->key, key))
			return;
		EXPECT_EQ(rb_prev(node), last);
		last = node;
		node = rb_next(node);
	}
	EXPECT(!node);
	EXPECT_EQ(rb_last(root), last);
}

static void run(const struct rb_augment *aug)
{
	static struct item items[KEYS], twin;
	struct rb_root root = RB_ROOT_INIT;
	bool present[KEYS] = { false };
	unsigned step;

	for (step = 0; step < 20000; step++) {
		/* Drift between filling and emptying, so that all sizes occur. */
		bool filling = (step / 1000) % 2 == 0;
		unsigned key = (unsigned)test_random_below(KEYS);
		struct item *item = &items[key];

		if (!present[key] && (filling || test_random_below(4) == 0)) {
			*item = (struct item){ .key = key,
					       .weight = (unsigned)test_random_below(1000) };
			item_insert(&root, item, aug);
			present[key] = true;
		} else if (present[key] && (!filling || test_random_below(4) == 0)) {
			rb_erase(&root, &item->rb, aug);
			present[key] = false;
		} else if (present[key] && aug) {
			item->weight = (unsigned)test_random_below(1000);
			rb_update(&item->rb, aug);
			twin = *item;
			rb_replace(&root, &item->rb, &twin.rb, aug);
			rb_replace(&root, &twin.rb, &item->rb, aug);
		}
		check(root.node, NULL, aug);
		if (step % 16 == 0)
			check_order(&root, present);
	}
}

TEST(rbtree_random_plain)
{
	run(NULL);
}

TEST(rbtree_random_augmented)
{
	run(&item_aug);
}

TEST(rbtree_ascending_stays_shallow)
{
	enum { N = 4096 };
	static struct item items[N];
	struct rb_root root = RB_ROOT_INIT;
	unsigned i, depth = 0;
	struct rb_node *node;

	for (i = 0; i < N; i++) {
		items[i].key = i;
		item_insert(&root, &items[i], NULL);
	}
	for (node = rb_last(&root); node; node = rb_parent(node))
		depth++;
	EXPECT(depth <= 24);		/* 2 log2(n + 1) */
	for (i = 0; i < N; i++)
		rb_erase(&root, &items[i].rb, NULL);
	EXPECT(rb_empty(&root));
}

TEST(rbtree_clear_marks)
{
	struct rb_root root = RB_ROOT_INIT;
	struct rb_node node;

	rb_clear(&node);
	EXPECT(rb_is_clear(&node));
	rb_insert(&root, &node, NULL, &root.node, NULL);
	EXPECT(!rb_is_clear(&node));
}
