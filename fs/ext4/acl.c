// SPDX-License-Identifier: MIT
/*
 * POSIX ACLs as the disk has them (version 1, only named users and groups have
 * an id) shown in the form of getxattr(2) (version 2, every entry has one).
 * Permission checks do not look at them, so none can be set: see CAVEATS.
 */
#include "pure.h"

#define VERSION_USER 2u
#define VERSION_DISK 1u
#define TAG_USER 0x02u
#define TAG_GROUP 0x08u
#define ID_NONE 0xffffffffu

static bool has_id(u32 tag)
{
	return tag == TAG_USER || tag == TAG_GROUP;
}

ssize_t ext4_acl_from_disk(const void *in, size_t size, void *out)
{
	const u8 *p = in, *end = p + size;
	u8 *to = out;
	size_t n = 4;

	if (size < 4 || get_le32(p) != VERSION_DISK)
		return -EUCLEAN;
	if (to)
		put_le32(to, VERSION_USER);
	for (p += 4; p < end;) {
		u32 len;

		if (end - p < 4)
			return -EUCLEAN;
		len = has_id(get_le16(p)) ? 8 : 4;
		if ((size_t)(end - p) < len)
			return -EUCLEAN;
		if (to) {
			memcpy(to + n, p, len);
			if (len == 4)
				put_le32(to + n + 4, ID_NONE);
		}
		n += 8;
		p += len;
	}
	return (ssize_t)n;
}
