// SPDX-License-Identifier: MIT
/*
 * Id allocation (contract: include/tarn/idr.h): a radix tree plus a cursor.
 *
 * The tree knows its holes exactly, so the lowest free id costs one descent
 * however many are taken.
 */
#include <tarn/idr.h>
#include <linux/errno.h>

/* Stands in the tree for a NULL pointer; only its address counts. */
static ulong reserved_mark;
#define RESERVED ((void *)&reserved_mark)

static void *to_entry(void *ptr)
{
	return ptr ? ptr : RESERVED;
}

static void *from_entry(void *entry)
{
	return entry == RESERVED ? NULL : entry;
}

void idr_init(struct idr *idr)
{
	*idr = (struct idr)IDR_INIT;
}

int idr_alloc(struct idr *idr, void *ptr, u32 min, u32 max)
{
	u64 id;
	int err;

	if (!radix_next_hole(&idr->tree, min, MIN(max, IDR_MAX), &id))
		return -ENOSPC;
	err = radix_insert(&idr->tree, id, to_entry(ptr));
	return err ? err : (int)id;
}

int idr_alloc_cyclic(struct idr *idr, void *ptr, u32 min, u32 max)
{
	u32 start = idr->cursor;
	int id = -ENOSPC;

	if (start > min && start <= max)
		id = idr_alloc(idr, ptr, start, max);
	else
		start = max;
	if (id == -ENOSPC)
		id = idr_alloc(idr, ptr, min, start);
	if (id >= 0)
		idr->cursor = (u32)id + 1;
	return id;
}

int idr_alloc_at(struct idr *idr, void *ptr, u32 id)
{
	return radix_insert(&idr->tree, id, to_entry(ptr));
}

void *idr_find(const struct idr *idr, u32 id)
{
	return from_entry(radix_lookup(&idr->tree, id));
}

void *idr_replace(struct idr *idr, u32 id, void *ptr)
{
	return from_entry(radix_replace(&idr->tree, id, to_entry(ptr)));
}

void *idr_remove(struct idr *idr, u32 id)
{
	return from_entry(radix_delete(&idr->tree, id));
}

void *idr_next(const struct idr *idr, u32 *id)
{
	u64 index = *id;
	void *entry;

	/* A handful would be quicker for walks, but would show ids freed since. */
	while (radix_gang_lookup(&idr->tree, &entry, &index, index, IDR_MAX, 1)) {
		if (entry != RESERVED) {
			*id = (u32)index;
			return entry;
		}
		index++;
	}
	return NULL;
}
