// SPDX-License-Identifier: MIT
/* A reader of cpio archives in "newc" format (cpio(5)), without side effects. */
#pragma once

struct cpio {
	const u8 *data;
	size_t size, at;
};

struct cpio_entry {
	const char *name;   /* NUL-terminated inside the archive */
	u32 name_len;
	const u8 *body;
	u32 size;
	u32 ino, mode, uid, gid, nlink, mtime;
	u32 dev_major, dev_minor, rdev_major, rdev_minor;
};

/* 1 and *@e; 0 at the end of the archive (c->at behind its trailer); -EINVAL when it is damaged. */
int cpio_next(struct cpio *c, struct cpio_entry *e);
