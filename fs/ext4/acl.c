// SPDX-License-Identifier: MIT
/*
 * POSIX ACLs between two forms: that of getxattr(2) (version 2, every entry
 * with an id) and the disk's (version 1, only named users and groups have one).
 * Permission checks do not look at them: see CAVEATS.
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

static bool tag_known(u32 tag)
{
	/* USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER */
	return tag == 0x01 || tag == 0x02 || tag == 0x04 || tag == 0x08 || tag == 0x10 || tag == 0x20;
}

ssize_t ext4_acl_to_disk(const void *in, size_t size, void *out)
{
	const u8 *p = in, *end = p + size;
	u8 *to = out;
	size_t n = 4;

	if (size < 4 || (size - 4) % 8 || get_le32(p) != VERSION_USER)
		return -EINVAL;
	if (to)
		put_le32(to, VERSION_DISK);
	for (p += 4; p < end; p += 8) {
		u32 tag = get_le16(p), len = has_id(tag) ? 8 : 4;

		if (!tag_known(tag) || get_le16(p + 2) > 7)
			return -EINVAL;
		if (to)
			memcpy(to + n, p, len);
		n += len;
	}
	return (ssize_t)n;
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
