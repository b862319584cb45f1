// SPDX-License-Identifier: MIT
/* The tree of mappings (vma.c): map_lock exclusive to change, shared to look. */
#pragma once

#include <tarn/mm.h>

/* Kept free below a mapping that grows down: a frame this large cannot step over it. */
#define STACK_GUARD_GAP (256 * PAGE_SIZE)

struct vma *vma_prev(struct vma *v);
void vma_tree_insert(struct mm *mm, struct vma *v);
/* Behind @last, which is the highest (NULL: the tree is empty). */
void vma_tree_append(struct mm *mm, struct vma *last, struct vma *v);
void vma_tree_remove(struct mm *mm, struct vma *v);
/* @v's bounds or growing changed: its hole and its neighbour's. */
void vma_refresh_gaps(struct vma *v);
/* Nothing is mapped in [start, end), and it keeps off the guard gap above. */
bool vma_range_free(struct mm *mm, u64 start, u64 end);
/* The first address of [start, end) that is in no mapping; @end: there is none. */
u64 vma_mapped_until(struct mm *mm, u64 start, u64 end);
/* The highest free range of @len bytes within [low, high), guard gaps kept; 0: none. */
u64 vma_find_gap(struct mm *mm, u64 len, u64 low, u64 high);
