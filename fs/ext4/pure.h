// SPDX-License-Identifier: MIT
/*
 * The parts of ext4 that work on memory alone: tested on the host without a
 * kernel around them.
 */
#pragma once

#include <tarn/errno.h>
#include <tarn/string.h>
#include "format.h"

/* ---- hash.c ---- */
struct ext4_hash {
	u32 major, minor;       /* major: bit 0 clear */
};
/* False: an unknown version. */
bool ext4_name_hash(const u32 seed[4], u8 version, const char *name, u32 len, struct ext4_hash *out);

/* ---- xattr_region.c ---- */
/* One place that holds attributes. */
struct xattr_region {
	u8 *base;                       /* value offsets count from here */
	u8 *first, *end;                /* entries begin; bytes end */
	bool block;                     /* sorted, with hashes */
};
struct xattr_name {
	u8 index;
	u8 len;
	const char *suffix;
};
/* NULL, or what is wrong with it. */
const char *ext4_region_problem(const struct xattr_region *r);
struct ext4_xattr_entry *ext4_region_find(const struct xattr_region *r, const struct xattr_name *n);
/* @value NULL: remove.  0 or -ENOSPC, nothing changed. */
int ext4_region_set(struct xattr_region *r, const struct xattr_name *n, const void *value, u32 size);
bool ext4_region_empty(const struct xattr_region *r);
/* The hash of all entries, for a block's header. */
u32 ext4_region_hash(const struct xattr_region *r);
static inline struct ext4_xattr_entry *ext4_region_first(const struct xattr_region *r)
{
	return (struct ext4_xattr_entry *)r->first;
}
static inline bool ext4_xattr_last(const struct ext4_xattr_entry *e)
{
	return get_le32(e) == 0;
}
static inline struct ext4_xattr_entry *ext4_xattr_next(const struct ext4_xattr_entry *e)
{
	return (struct ext4_xattr_entry *)((u8 *)e + ALIGN_UP(sizeof(*e) + e->name_len, 4ul));
}

/* ---- acl.c ---- */
/* From the disk's form to that of getxattr(2).  Bytes or -EUCLEAN; @out NULL: only the length. */
ssize_t ext4_acl_from_disk(const void *in, size_t size, void *out);
