// SPDX-License-Identifier: MIT
/*
 * Red-black trees (contract: include/tarn/rbtree.h).
 *
 * The rules: a red node has no red child, and every path from a node down to a
 * missing child (which counts as black) passes the same number of black nodes.
 * So the longest path is at most twice the shortest.
 *
 * The colour is bit 0 of parent_color (nodes are aligned to 8): red 0, black 1.
 *
 * Augmentation costs nothing when @aug is NULL.  With it, membership changes
 * update the path to the root first; a rotation then needs only the two nodes
 * it turns, because the subtree as a whole keeps its members.
 *
 * Mirror images are folded into one by child(node, side).
 */
#include <tarn/rbtree.h>

#define RB_BLACK 1ul

enum side { LEFT, RIGHT };

static bool is_black(const struct rb_node *node)
{
	return !node || (node->parent_color & RB_BLACK);
}

static bool is_red(const struct rb_node *node)
{
	return !is_black(node);
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->parent_color = (ulong)parent | (node->parent_color & RB_BLACK);
}

static void set_black(struct rb_node *node)
{
	node->parent_color |= RB_BLACK;
}

static void set_red(struct rb_node *node)
{
	node->parent_color &= ~RB_BLACK;
}

static void copy_color(struct rb_node *to, const struct rb_node *from)
{
	to->parent_color = (to->parent_color & ~RB_BLACK) | (from->parent_color & RB_BLACK);
}

static ALWAYS_INLINE struct rb_node **child(struct rb_node *node, enum side side)
{
	return side == LEFT ? &node->left : &node->right;
}

static ALWAYS_INLINE enum side other(enum side side)
{
	return side == LEFT ? RIGHT : LEFT;
}

/* Make whoever points at @old (a child of @parent, or the root) point at @new. */
static void replace_child(struct rb_root *root, struct rb_node *parent, struct rb_node *old,
			  struct rb_node *new)
{
	if (!parent)
		root->node = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
}

/* Recompute summaries from @node upward until one stays as it was. */
static void update_path(struct rb_node *node, const struct rb_augment *aug)
{
	while (node && aug->update(node))
		node = rb_parent(node);
}

/*
 * Turn @node down to @side; its child on the other side takes its place.
 *
 *	  node			up
 *	 /    \			  /  \
 *	a      up	->	node  c		(side == LEFT)
 *	      /  \	       /    \
 *	     b    c	      a      b
 */
static void rotate(struct rb_root *root, struct rb_node *node, enum side side,
		   const struct rb_augment *aug)
{
	struct rb_node *up = *child(node, other(side));
	struct rb_node *inner = *child(up, side);
	struct rb_node *parent = rb_parent(node);

	*child(node, other(side)) = inner;
	if (inner)
		set_parent(inner, node);
	replace_child(root, parent, node, up);
	set_parent(up, parent);
	*child(up, side) = node;
	set_parent(node, up);
	if (aug) {
		aug->update(node);
		aug->update(up);
	}
}

/* @node is red; repair a red parent, moving the trouble two levels up each turn. */
static void fix_insert(struct rb_root *root, struct rb_node *node, const struct rb_augment *aug)
{
	struct rb_node *parent;

	while ((parent = rb_parent(node)) && is_red(parent)) {
		/* A red node is never the root, so there is a grandparent. */
		struct rb_node *grand = rb_parent(parent);
		enum side side = grand->left == parent ? LEFT : RIGHT;
		struct rb_node *uncle = *child(grand, other(side));

		if (is_red(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grand);
			node = grand;
			continue;
		}
		if (*child(parent, other(side)) == node) {
			rotate(root, parent, side, aug);
			parent = node;
		}
		set_black(parent);
		set_red(grand);
		rotate(root, grand, other(side), aug);
		break;
	}
	set_black(root->node);
}

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link, const struct rb_augment *aug)
{
	node->parent_color = (ulong)parent;
	node->left = NULL;
	node->right = NULL;
	*link = node;
	if (aug) {
		aug->update(node);
		update_path(parent, aug);
	}
	fix_insert(root, node, aug);
}

/*
 * The subtree on @side of @parent lacks one black node (it may be empty, so the
 * parent is handed in).  Repair, moving the lack one level up each turn.
 */
static void fix_erase(struct rb_root *root, struct rb_node *parent, enum side side,
		      const struct rb_augment *aug)
{
	for (;;) {
		struct rb_node *node = *child(parent, side);
		struct rb_node *sibling = *child(parent, other(side));

		if (is_red(node)) {
			set_black(node);
			return;
		}
		if (is_red(sibling)) {
			/* Turn it into the case of a black sibling. */
			set_black(sibling);
			set_red(parent);
			rotate(root, parent, side, aug);
			sibling = *child(parent, other(side));
		}
		/* The sibling exists: its side has at least one black node more. */
		if (is_black(sibling->left) && is_black(sibling->right)) {
			set_red(sibling);
			if (is_red(parent)) {
				set_black(parent);
				return;
			}
			node = parent;
			parent = rb_parent(node);
			if (!parent)
				return;
			side = parent->left == node ? LEFT : RIGHT;
			continue;
		}
		if (is_black(*child(sibling, other(side)))) {
			set_black(*child(sibling, side));
			set_red(sibling);
			rotate(root, sibling, other(side), aug);
			sibling = *child(parent, other(side));
		}
		copy_color(sibling, parent);
		set_black(parent);
		set_black(*child(sibling, other(side)));
		rotate(root, parent, side, aug);
		return;
	}
}

/* Give @new the position, colour and children of @old. */
static void take_place(struct rb_root *root, struct rb_node *old, struct rb_node *new)
{
	*new = (struct rb_node){ old->parent_color, old->left, old->right };
	replace_child(root, rb_parent(old), old, new);
	if (new->left)
		set_parent(new->left, new);
	if (new->right)
		set_parent(new->right, new);
}

/* Unlink @node, which has at most one child, and repair what that breaks. */
static void erase_simple(struct rb_root *root, struct rb_node *node, const struct rb_augment *aug)
{
	struct rb_node *only = node->left ? node->left : node->right;
	struct rb_node *parent = rb_parent(node);
	enum side side = parent && parent->right == node ? RIGHT : LEFT;

	replace_child(root, parent, node, only);
	if (only)
		set_parent(only, parent);
	if (aug)
		update_path(parent, aug);
	if (is_red(node))
		return;
	if (parent)
		fix_erase(root, parent, side, aug);
	else if (only)
		set_black(only);
}

void rb_erase(struct rb_root *root, struct rb_node *node, const struct rb_augment *aug)
{
	struct rb_node *next;

	if (!node->left || !node->right) {
		erase_simple(root, node, aug);
		return;
	}
	/*
	 * Two children: the successor, which has no left child, leaves its own
	 * place and then takes @node's.
	 */
	next = node->right;
	while (next->left)
		next = next->left;
	erase_simple(root, next, aug);
	take_place(root, node, next);
	if (aug) {
		aug->update(next);
		update_path(rb_parent(next), aug);
	}
}

void rb_replace(struct rb_root *root, struct rb_node *old, struct rb_node *new,
		const struct rb_augment *aug)
{
	take_place(root, old, new);
	if (aug) {
		aug->update(new);
		update_path(rb_parent(new), aug);
	}
}

void rb_update(struct rb_node *node, const struct rb_augment *aug)
{
	update_path(node, aug);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *node = root->node;

	while (node && node->left)
		node = node->left;
	return node;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *node = root->node;

	while (node && node->right)
		node = node->right;
	return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	struct rb_node *parent;

	if (node->right) {
		node = node->right;
		while (node->left)
			node = node->left;
		return (struct rb_node *)node;
	}
	while ((parent = rb_parent(node)) && parent->right == node)
		node = parent;
	return parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	struct rb_node *parent;

	if (node->left) {
		node = node->left;
		while (node->right)
			node = node->right;
		return (struct rb_node *)node;
	}
	while ((parent = rb_parent(node)) && parent->left == node)
		node = parent;
	return parent;
}
