// SPDX-License-Identifier: MIT
/*
 * Intrusive red-black trees, plain or augmented.
 *
 * The tree knows no keys: the caller walks down from root->node with its own
 * comparison, remembers the parent and the link (&parent->left or ->right, or
 * &root->node), and hands both to rb_insert.
 *
 *	struct rb_node *parent = NULL, **link = &root->node;
 *
 *	while (*link) {
 *		parent = *link;
 *		link = key < rb_entry(parent, struct thing, rb)->key ? &parent->left
 *								     : &parent->right;
 *	}
 *	rb_insert(root, &thing->rb, parent, link, NULL);
 *
 * Augmentation: each node may carry a summary of its subtree (largest gap,
 * largest end).  rb_augment.update recomputes one node's summary from its own
 * value and its children's summaries and says whether it changed.  The tree
 * calls it bottom-up wherever shape or membership changes.  When the caller
 * changes a node's own value, it calls rb_update.
 *
 * Every tree must see the same @aug on every call.  No locks inside.
 */
#pragma once

struct rb_node {
	ulong parent_color;		/* parent pointer | RB_BLACK; see lib/rbtree.c */
	struct rb_node *left;
	struct rb_node *right;
};

struct rb_root {
	struct rb_node *node;		/* NULL: empty */
};

struct rb_augment {
	/* Recompute @node's summary from itself and its children; true if it changed. */
	bool (*update)(struct rb_node *node);
};

#define RB_ROOT_INIT { .node = NULL }
#define rb_entry(ptr, type, member) container_of(ptr, type, member)
/* The same for a pointer that may be NULL. */
#define rb_entry_or_null(ptr, type, member)                                       \
	({                                                                        \
		struct rb_node *rn_ = (ptr);                                      \
		rn_ ? rb_entry(rn_, type, member) : NULL;                         \
	})

static inline bool rb_empty(const struct rb_root *root)
{
	return !root->node;
}

static inline struct rb_node *rb_parent(const struct rb_node *node)
{
	return (struct rb_node *)(node->parent_color & ~3ul);
}

/* A node that is in no tree is its own parent: rb_clear marks it, rb_is_clear asks. */
static inline void rb_clear(struct rb_node *node)
{
	node->parent_color = (ulong)node;
}

static inline bool rb_is_clear(const struct rb_node *node)
{
	return node->parent_color == (ulong)node;
}

/* Hang @node at *@link below @parent (NULL: @link is &root->node) and rebalance. */
void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link, const struct rb_augment *aug);
/* Take @node, which is in the tree, out.  Its fields are stale afterwards. */
void rb_erase(struct rb_root *root, struct rb_node *node, const struct rb_augment *aug);
/* Put @new in @old's place; the caller promises that it sorts the same. */
void rb_replace(struct rb_root *root, struct rb_node *old, struct rb_node *new,
		const struct rb_augment *aug);
/* @node's own value changed: bring its summary and its ancestors' up to date. */
void rb_update(struct rb_node *node, const struct rb_augment *aug);

/* In key order; NULL at the ends. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);
