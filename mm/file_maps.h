// SPDX-License-Identifier: MIT
/* The mappings of one file, by the pages they show (file_maps.c): mapping->vmas_lock held for all of it. */
#pragma once

#include <tarn/mm.h>

void file_maps_add(struct rb_root *root, struct vma *v);
void file_maps_remove(struct rb_root *root, struct vma *v);
/* @v has another end; its first page is the same. */
void file_maps_resize(struct vma *v);
/* The mappings that show any of pages [first, last], in order of their first pages, then of their age. */
struct vma *file_maps_first(const struct rb_root *root, u64 first, u64 last);
struct vma *file_maps_next(struct vma *v, u64 first, u64 last);
#define FILE_MAPS_FOR_EACH(v, root, first, last) \
	for ((v) = file_maps_first(root, first, last); (v); (v) = file_maps_next(v, first, last))
