// SPDX-License-Identifier: MIT
/*
 * The cpio parser.  Header: a magic and 13 fields of 8 hexadecimal digits;
 * name and contents follow, each padded to 4 bytes from the archive's start.
 * Any length is checked against what is there before it is used.
 */
#include <linux/errno.h>
#include <tarn/parse.h>
#include <tarn/string.h>

#include "cpio.h"

#define HEADER_SIZE 110
#define FIELDS 13
#define NAME_MAX_SIZE 4096

static bool read_fields(const u8 *p, u32 *out)
{
	for (int f = 0; f < FIELDS; f++) {
		u32 v = 0;

		for (int i = 0; i < 8; i++) {
			int digit = char_digit((char)*p++);

			if (digit < 0 || digit > 15)
				return false;
			v = v << 4 | (u32)digit;
		}
		out[f] = v;
	}
	return true;
}

/* @len bytes at c->at, padded: moves behind them; NULL if they are not there. */
static const u8 *take(struct cpio *c, size_t len)
{
	const u8 *p = c->data + c->at;

	if (len > c->size - c->at)
		return NULL;
	c->at = MIN(ALIGN_UP(c->at + len, 4ul), c->size);
	return p;
}

int cpio_next(struct cpio *c, struct cpio_entry *e)
{
	const u8 *head = c->data + c->at, *name;
	u32 v[FIELDS];

	if (c->size - c->at < HEADER_SIZE)
		return -EINVAL;
	if (memcmp(head, "070701", 6) != 0 && memcmp(head, "070702", 6) != 0)
		return -EINVAL;
	if (!read_fields(head + 6, v))
		return -EINVAL;
	c->at += HEADER_SIZE;
	*e = (struct cpio_entry){
		.ino = v[0], .mode = v[1], .uid = v[2], .gid = v[3], .nlink = v[4], .mtime = v[5],
		.size = v[6], .dev_major = v[7], .dev_minor = v[8], .rdev_major = v[9],
		.rdev_minor = v[10],
	};
	if (!v[11] || v[11] > NAME_MAX_SIZE)
		return -EINVAL;
	name = take(c, v[11]);
	if (!name || name[v[11] - 1] || memchr(name, 0, v[11] - 1))
		return -EINVAL;
	e->name = (const char *)name;
	e->name_len = v[11] - 1;
	e->body = take(c, e->size);
	if (!e->body)
		return -EINVAL;
	return !str_eq(e->name, "TRAILER!!!");
}
