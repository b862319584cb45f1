// SPDX-License-Identifier: MIT
/*
 * Sort an array in place: heapsort, O(n log n) always, no memory, no recursion.
 * Not stable.  @cmp gives <0, 0, >0; @arg is handed to it.
 */
#pragma once

typedef int (*sort_cmp_fn)(const void *a, const void *b, void *arg);

void sort(void *base, size_t count, size_t size, sort_cmp_fn cmp, void *arg);
