// SPDX-License-Identifier: MIT
/* The radix tree's node, shared by radix.c (lookups and changes) and radix_search.c. */
#pragma once

#include <tarn/lib_alloc.h>
#include <tarn/radix.h>

#define RADIX_BITS  6
#define RADIX_SLOTS (1u << RADIX_BITS)
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

static inline bool is_node(const void *top)
{
	return (ulong)top & NODE_MARK;
}

static inline struct radix_node *to_node(const void *top)
{
	return (struct radix_node *)((ulong)top & ~NODE_MARK);
}

static inline void *load_slot(void *const *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static inline unsigned slot_of(const struct radix_node *node, u64 index)
{
	return (index >> node->shift) & (RADIX_SLOTS - 1);
}

/* Largest index a tree with this node on top can hold. */
static inline u64 max_index(unsigned shift)
{
	return shift + RADIX_BITS >= 64 ? ~0ull : (1ull << (shift + RADIX_BITS)) - 1;
}
