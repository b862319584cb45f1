// SPDX-License-Identifier: MIT
/*
 * The tree of mappings, and the one search for free addresses.
 *
 * The tree is sorted by start; mappings never overlap.  Each node knows the
 * usable hole below it (down to its neighbour, less the guard gap of a mapping
 * that grows down) and the largest such hole in its subtree, so that finding
 * room for mmap, mremap or shmat is a walk down, not a walk along.
 *
 * Locks: mm->map_lock, shared to look, exclusive to change.  This file knows
 * nothing of pages and files, and runs in the host's unit tests.
 */
#include <tarn/mm.h>
#include "vma.h"

static struct vma *vma_of(struct rb_node *n)
{
	return rb_entry_or_null(n, struct vma, node);
}

static struct vma *vma_before(struct vma *v)
{
	return vma_of(rb_prev(&v->node));
}

struct vma *vma_next(struct vma *v)
{
	return vma_of(rb_next(&v->node));
}

struct vma *vma_prev(struct vma *v)
{
	return vma_before(v);
}

struct vma *vma_first(struct mm *mm)
{
	return vma_of(rb_first(&mm->vmas));
}

static struct vma *vma_last(struct mm *mm)
{
	return vma_of(rb_last(&mm->vmas));
}

/* ---- the summary each node carries ---- */

static bool update_max_gap(struct rb_node *n)
{
	struct vma *v = vma_of(n);
	u64 max = v->gap_before;

	if (n->left)
		max = MAX(max, vma_of(n->left)->max_gap);
	if (n->right)
		max = MAX(max, vma_of(n->right)->max_gap);
	if (max == v->max_gap)
		return false;
	v->max_gap = max;
	return true;
}

static const struct rb_augment gap_augment = { .update = update_max_gap };

/* Where the hole below @v ends. */
static u64 hole_end(const struct vma *v)
{
	u64 guard = v->flags & VM_GROWSDOWN ? STACK_GUARD_GAP : 0;

	return v->start > guard ? v->start - guard : 0;
}

static u64 gap_of(struct vma *v, struct vma *prev)
{
	u64 from = prev ? prev->end : 0;
	u64 to = hole_end(v);

	return to > from ? to - from : 0;
}

static void refresh(struct vma *v)
{
	v->gap_before = gap_of(v, vma_before(v));
	rb_update(&v->node, &gap_augment);
}

void vma_refresh_gaps(struct vma *v)
{
	struct vma *next = vma_next(v);

	refresh(v);
	if (next)
		refresh(next);
}

/* ---- membership ---- */

void vma_tree_insert(struct mm *mm, struct vma *v)
{
	struct rb_node *parent = NULL, **link = &mm->vmas.node;
	struct vma *next;

	while (*link) {
		struct vma *at = vma_of(*link);

		assert(v->end <= at->start || v->start >= at->end);
		parent = *link;
		link = v->start < at->start ? &parent->left : &parent->right;
	}
	v->gap_before = v->max_gap = 0;
	rb_insert(&mm->vmas, &v->node, parent, link, &gap_augment);
	mm->nr_vmas++;
	refresh(v);
	next = vma_next(v);
	if (next)
		refresh(next);
}

void vma_tree_append(struct mm *mm, struct vma *last, struct vma *v)
{
	struct rb_node *parent = last ? &last->node : NULL;

	v->gap_before = v->max_gap = gap_of(v, last);
	rb_insert(&mm->vmas, &v->node, parent, last ? &parent->right : &mm->vmas.node,
		  &gap_augment);
	mm->nr_vmas++;
}

void vma_tree_remove(struct mm *mm, struct vma *v)
{
	struct vma *next = vma_next(v);

	rb_erase(&mm->vmas, &v->node, &gap_augment);
	mm->nr_vmas--;
	atomic_store_explicit(&mm->last_vma, NULL, memory_order_relaxed);
	if (next)
		refresh(next);
}

/* ---- looking up ---- */

struct vma *vma_find(struct mm *mm, u64 addr)
{
	struct vma *hint = atomic_load_explicit(&mm->last_vma, memory_order_relaxed);
	struct rb_node *n = mm->vmas.node;
	struct vma *best = NULL;

	if (hint && addr >= hint->start && addr < hint->end)
		return hint;
	while (n) {
		struct vma *v = vma_of(n);

		if (addr < v->end) {
			best = v;
			if (addr >= v->start)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	if (best && addr >= best->start)
		atomic_store_explicit(&mm->last_vma, best, memory_order_relaxed);
	return best;
}

struct vma *vma_at(struct mm *mm, u64 addr)
{
	struct vma *v = vma_find(mm, addr);

	return v && v->start <= addr ? v : NULL;
}

bool vma_range_free(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_find(mm, start);

	return !v || (v->start >= end && hole_end(v) >= end);
}

u64 vma_mapped_until(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_find(mm, start);

	for (; v && v->start <= start && start < end; v = vma_next(v))
		start = v->end;
	return MIN(start, end);
}

/* ---- room ---- */

struct gap_query {
	u64 len, low, high;
};

/* The highest place in the hole [from, to) that suits; 0: none. */
static u64 place_in(u64 from, u64 to, const struct gap_query *q)
{
	from = MAX(from, q->low);
	to = MIN(to, q->high);
	return to > from && to - from >= q->len ? to - q->len : 0;
}

/* The highest place in a hole below a node of this subtree; 0: none.  As deep as the tree is high. */
static u64 search(struct rb_node *n, const struct gap_query *q)
{
	while (n) {
		struct vma *v = vma_of(n);
		u64 from, at;

		if (v->max_gap < q->len)
			return 0;
		if (v->end < q->high) {
			at = search(n->right, q);
			if (at)
				return at;
		}
		from = hole_end(v) - v->gap_before;
		at = v->gap_before ? place_in(from, hole_end(v), q) : 0;
		if (at)
			return at;
		if (v->start <= q->low)
			return 0;
		n = n->left;
	}
	return 0;
}

u64 vma_find_gap(struct mm *mm, u64 len, u64 low, u64 high)
{
	struct gap_query q = { .len = len, .low = low, .high = high };
	struct vma *last = vma_last(mm);
	u64 at = place_in(last ? last->end : 0, high, &q);

	return at ? at : search(mm->vmas.node, &q);
}
