// SPDX-License-Identifier: MIT
/*
 * Who maps a file: from pages of it to the mappings that show them.
 *
 * mapping->vmas is a tree sorted by the first page shown; each node knows the
 * last page that any mapping of its subtree shows.  So who asks for one page of
 * a file with thousands of mappings meets only those that show it, and a
 * logarithm of the others.
 *
 * Of mappings with the same first page the younger comes behind the elder:
 * fork.c counts on meeting the parent's before the child's.
 *
 * Lock: mapping->vmas_lock, for this tree and for start, end and pgoff of each
 * mapping in it.
 *
 * Tests: mm/file_maps_test.c, tests/abi/mem_growth.c.
 */
#include "file_maps.h"

static struct vma *vma_of(struct rb_node *n)
{
	return rb_entry_or_null(n, struct vma, file_node);
}

static u64 last_page(const struct vma *v)
{
	return v->pgoff + ((v->end - v->start) >> PAGE_SHIFT) - 1;
}

static bool update_last(struct rb_node *n)
{
	struct vma *v = vma_of(n);
	u64 last = last_page(v);

	if (n->left)
		last = MAX(last, vma_of(n->left)->file_last);
	if (n->right)
		last = MAX(last, vma_of(n->right)->file_last);
	if (last == v->file_last)
		return false;
	v->file_last = last;
	return true;
}

static const struct rb_augment last_augment = { .update = update_last };

void file_maps_add(struct rb_root *root, struct vma *v)
{
	struct rb_node *parent = NULL, **link = &root->node;

	while (*link) {
		parent = *link;
		link = v->pgoff < vma_of(parent)->pgoff ? &parent->left : &parent->right;
	}
	v->file_last = last_page(v);
	rb_insert(root, &v->file_node, parent, link, &last_augment);
}

void file_maps_remove(struct rb_root *root, struct vma *v)
{
	rb_erase(root, &v->file_node, &last_augment);
}

void file_maps_resize(struct vma *v)
{
	rb_update(&v->file_node, &last_augment);
}

/* ---- who shows [first, last] ---- */

/* The first in order of the subtree @n, of which some mapping reaches @first; NULL: those begin behind @last. */
static struct vma *first_in(struct rb_node *n, u64 first, u64 last)
{
	for (;;) {
		struct vma *v = vma_of(n), *left = vma_of(n->left), *right = vma_of(n->right);

		if (left && left->file_last >= first)
			n = n->left; /* if it begins too late there, so does all that follows */
		else if (v->pgoff > last)
			return NULL;
		else if (last_page(v) >= first)
			return v;
		else if (right && right->file_last >= first)
			n = n->right;
		else
			return NULL;
	}
}

struct vma *file_maps_first(const struct rb_root *root, u64 first, u64 last)
{
	if (!root->node || vma_of(root->node)->file_last < first)
		return NULL;
	return first_in(root->node, first, last);
}

struct vma *file_maps_next(struct vma *v, u64 first, u64 last)
{
	struct rb_node *n = &v->file_node;

	for (;;) {
		struct rb_node *child = n->right;

		if (child && vma_of(child)->file_last >= first)
			return first_in(child, first, last);
		do { /* up to the first of which this was the left side */
			child = n;
			n = rb_parent(n);
			if (!n)
				return NULL;
		} while (n->right == child);
		if (vma_of(n)->pgoff > last)
			return NULL;
		if (last_page(vma_of(n)) >= first)
			return vma_of(n);
	}
}
