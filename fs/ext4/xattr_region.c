// SPDX-License-Identifier: MIT
/*
 * One region of extended attributes: entries grow from the front, values from
 * the back.  The same for the space behind an inode's fields and for a block;
 * a block's entries are sorted and carry hashes.
 *
 * Pure: works on memory, tested on the host.  A region is checked as a whole
 * (ext4_region_problem) before anything else here touches it.
 */
#include "pure.h"

#define PAD(size) ALIGN_UP((u32)(size), 4u)

static u32 entry_size(u32 name_len)
{
	return PAD(sizeof(struct ext4_xattr_entry) + name_len);
}

/* Does @e's value lie over that of an entry before it? */
static bool value_overlaps(const struct xattr_region *r, const struct ext4_xattr_entry *e)
{
	u32 from = le16_to_cpu(e->value_offs), to = from + PAD(le32_to_cpu(e->value_size));
	const struct ext4_xattr_entry *o = ext4_region_first(r);

	for (; o != e; o = ext4_xattr_next(o)) {
		u32 offs = le16_to_cpu(o->value_offs), size = PAD(le32_to_cpu(o->value_size));

		if (size && from < offs + size && offs < to)
			return true;
	}
	return false;
}

const char *ext4_region_problem(const struct xattr_region *r)
{
	const struct ext4_xattr_entry *e = ext4_region_first(r);
	const u8 *last;
	u32 room = (u32)(r->end - r->base);

	for (;; e = ext4_xattr_next(e)) {
		if ((const u8 *)e + 4 > r->end)
			return "attribute entries run past the end";
		if (ext4_xattr_last(e))
			break;
		if ((const u8 *)e + sizeof(*e) > r->end || (const u8 *)ext4_xattr_next(e) + 4 > r->end)
			return "attribute entry runs past the end";
		if (e->value_inum.raw)
			return "attribute value in an inode";
	}
	last = (const u8 *)e + 4;
	for (e = ext4_region_first(r); !ext4_xattr_last(e); e = ext4_xattr_next(e)) {
		u32 offs = le16_to_cpu(e->value_offs), size = le32_to_cpu(e->value_size);

		if (!size)
			continue;
		if (size > room || offs > room - size || r->base + offs < last || offs & 3 ||
		    PAD(size) > room - offs)
			return "attribute value outside its place";
		if (value_overlaps(r, e)) /* closing the gap of one would move the other past the end */
			return "attribute values overlap";
	}
	return NULL;
}

struct ext4_xattr_entry *ext4_region_find(const struct xattr_region *r, const struct xattr_name *n)
{
	struct ext4_xattr_entry *e = ext4_region_first(r);

	for (; !ext4_xattr_last(e); e = ext4_xattr_next(e))
		if (e->name_index == n->index && e->name_len == n->len &&
		    !memcmp(e->name, n->suffix, n->len))
			return e;
	return NULL;
}

bool ext4_region_empty(const struct xattr_region *r)
{
	return ext4_xattr_last(ext4_region_first(r));
}

/* ---- hashes ---- */

static u32 rotl(u32 x, u32 n)
{
	return x << n | x >> (32 - n);
}

static u32 entry_hash(const struct xattr_region *r, const struct ext4_xattr_entry *e)
{
	u32 hash = 0, size = le32_to_cpu(e->value_size);
	const u8 *value = r->base + le16_to_cpu(e->value_offs);

	for (u32 i = 0; i < e->name_len; i++)
		hash = rotl(hash, 5) ^ (u8)e->name[i];
	for (u32 i = 0; i < size; i += 4)
		hash = rotl(hash, 16) ^ get_le32(value + i);
	return hash;
}

u32 ext4_region_hash(const struct xattr_region *r)
{
	const struct ext4_xattr_entry *e = ext4_region_first(r);
	u32 hash = 0;

	for (; !ext4_xattr_last(e); e = ext4_xattr_next(e)) {
		if (!e->hash.raw)
			return 0; /* not to be shared */
		hash = rotl(hash, 16) ^ le32_to_cpu(e->hash);
	}
	return hash;
}

/* ---- changing ---- */

/* Where the entries end, and where the lowest value begins. */
static void measure(const struct xattr_region *r, u8 **entries_end, u32 *min_offs)
{
	struct ext4_xattr_entry *e = ext4_region_first(r);

	*min_offs = (u32)(r->end - r->base);
	for (; !ext4_xattr_last(e); e = ext4_xattr_next(e))
		if (e->value_size.raw)
			*min_offs = MIN(*min_offs, (u32)le16_to_cpu(e->value_offs));
	*entries_end = (u8 *)e;
}

/* Closes the gap that @gone's value leaves: lower values move up. */
static void remove_value(struct xattr_region *r, const struct ext4_xattr_entry *gone)
{
	u32 offs = le16_to_cpu(gone->value_offs), size = PAD(le32_to_cpu(gone->value_size)), min;
	struct ext4_xattr_entry *e = ext4_region_first(r);
	u8 *entries_end;

	if (!size)
		return;
	measure(r, &entries_end, &min);
	memmove(r->base + min + size, r->base + min, offs - min);
	memset(r->base + min, 0, size);
	for (; !ext4_xattr_last(e); e = ext4_xattr_next(e))
		if (e->value_size.raw && le16_to_cpu(e->value_offs) < offs)
			e->value_offs = cpu_to_le16((u16)(le16_to_cpu(e->value_offs) + size));
}

static void remove_entry(struct xattr_region *r, struct ext4_xattr_entry *e)
{
	u32 size = entry_size(e->name_len), min;
	u8 *entries_end;

	remove_value(r, e);
	measure(r, &entries_end, &min);
	memmove(e, (u8 *)e + size, (size_t)(entries_end - (u8 *)e) - size);
	memset(entries_end - size, 0, size);
}

static int name_cmp(const struct ext4_xattr_entry *e, const struct xattr_name *n)
{
	if (e->name_index != n->index)
		return (int)e->name_index - n->index;
	if (e->name_len != n->len)
		return (int)e->name_len - n->len;
	return memcmp(e->name, n->suffix, n->len);
}

static void add_entry(struct xattr_region *r, const struct xattr_name *n, const void *value, u32 size)
{
	struct ext4_xattr_entry *e = ext4_region_first(r);
	u32 need = entry_size(n->len), min;
	u8 *entries_end;

	measure(r, &entries_end, &min);
	while (!ext4_xattr_last(e) && (!r->block || name_cmp(e, n) < 0))
		e = ext4_xattr_next(e);
	memmove((u8 *)e + need, e, (size_t)(entries_end - (u8 *)e));
	memset(e, 0, need);
	memset(entries_end + need, 0, 4);
	e->name_index = n->index;
	e->name_len = n->len;
	e->value_size = cpu_to_le32(size);
	memcpy(e->name, n->suffix, n->len);
	if (size) {
		min -= PAD(size);
		memset(r->base + min, 0, PAD(size));
		memcpy(r->base + min, value, size);
		e->value_offs = cpu_to_le16((u16)min);
	}
	if (r->block)
		e->hash = cpu_to_le32(entry_hash(r, e));
}

int ext4_region_set(struct xattr_region *r, const struct xattr_name *n, const void *value, u32 size)
{
	struct ext4_xattr_entry *old = ext4_region_find(r, n);
	u8 *entries_end;
	u32 min, room;

	if (value) {
		measure(r, &entries_end, &min);
		room = (u32)(r->base + min - entries_end) - 4;
		if (old)
			room += entry_size(n->len) + PAD(le32_to_cpu(old->value_size));
		if (size > UINT16_MAX || entry_size(n->len) + PAD(size) > room)
			return -ENOSPC;
	}
	if (old)
		remove_entry(r, old);
	if (value)
		add_entry(r, n, value, size);
	return 0;
}
