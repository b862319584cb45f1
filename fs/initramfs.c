// SPDX-License-Identifier: MIT
/*
 * The initramfs: cpio archives, one after another, each plain or gzip'ed, into
 * the root file system.
 *
 * Hard links: entries of one inode number share a file; the contents come with
 * the last.  Names are taken relative to the root; existing files are replaced,
 * existing directories kept.
 */
#include <linux/fcntl.h>
#include <tarn/inflate.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <tarn/vmalloc.h>

#include "cpio.h"
#include "internal.h"

/* The first name of a file with several. */
struct seen {
	struct list node;
	u32 ino, dev_major, dev_minor;
	char name[];
};

static struct seen *find_seen(struct list *links, const struct cpio_entry *e)
{
	struct seen *s;

	LIST_FOR_EACH(s, links, node)
		if (s->ino == e->ino && s->dev_major == e->dev_major &&
		    s->dev_minor == e->dev_minor)
			return s;
	return NULL;
}

static int remember(struct list *links, const struct cpio_entry *e)
{
	struct seen *s = kmalloc(sizeof(*s) + e->name_len + 1, GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	s->ino = e->ino;
	s->dev_major = e->dev_major;
	s->dev_minor = e->dev_minor;
	memcpy(s->name, e->name, e->name_len + 1);
	list_add(links, &s->node);
	return 0;
}

static void forget_all(struct list *links)
{
	struct seen *s;

	while ((s = list_first(links, struct seen, node)) != NULL) {
		list_del(&s->node);
		kfree(s);
	}
}

/* Owner, mode and time exactly as in the archive, whatever the umask. */
static int set_attributes(const struct cpio_entry *e)
{
	struct setattr own = { .valid = ATTR_UID | ATTR_GID, .uid = e->uid, .gid = e->gid };
	struct setattr rest = {
		.valid = ATTR_MTIME | ATTR_MTIME_SET | ATTR_ATIME | ATTR_ATIME_SET,
		.atime = { .tv_sec = e->mtime },
		.mtime = { .tv_sec = e->mtime },
	};
	struct path p;
	int err = path_lookup(e->name, 0, &p);

	if (err)
		return err;
	if (!mode_is_lnk(e->mode)) {
		rest.valid |= ATTR_MODE;
		rest.mode = e->mode & 07777;
	}
	err = path_setattr(&p, &own);
	if (!err)
		err = path_setattr(&p, &rest);
	path_put(&p);
	return err;
}

static int write_body(const struct cpio_entry *e)
{
	struct file *f = file_open(e->name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	loff_t pos = 0;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	while ((u64)pos < e->size) {
		ssize_t n = kernel_write(f, e->body + pos, e->size - (u64)pos, &pos);

		if (n <= 0) {
			file_put(f);
			return n ? (int)n : -EIO;
		}
	}
	file_put(f);
	return 0;
}

static int make_file(struct list *links, const struct cpio_entry *e)
{
	struct seen *first = e->nlink > 1 ? find_seen(links, e) : NULL;
	int err;

	if (first) {
		err = kernel_link(first->name, e->name);
		if (err && err != -EEXIST)
			return err;
		return e->size ? write_body(e) : 0;
	}
	err = e->nlink > 1 ? remember(links, e) : 0;
	return err ? err : write_body(e);
}

static int make_symlink(const struct cpio_entry *e)
{
	char *target = kmalloc((size_t)e->size + 1, GFP_KERNEL);
	int err;

	if (!target)
		return -ENOMEM;
	memcpy(target, e->body, e->size);
	target[e->size] = '\0';
	err = *target && e->size < PATH_MAX_LEN ? kernel_symlink(target, e->name) : -EINVAL;
	kfree(target);
	return err;
}

static int make_entry(struct list *links, const struct cpio_entry *e)
{
	int err;

	switch (e->mode & S_IFMT) {
	case S_IFDIR:
		err = kernel_mkdir(e->name, 0700);
		break;
	case S_IFREG:
		err = make_file(links, e);
		break;
	case S_IFLNK:
		err = make_symlink(e);
		break;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		err = kernel_mknod(e->name, (e->mode & S_IFMT) | 0600,
				   KDEV(e->rdev_major, e->rdev_minor));
		break;
	default:
		return -EINVAL;
	}
	if (err == -EEXIST)
		err = 0;
	return err ? err : set_attributes(e);
}

static int unpack_archive(struct cpio *c)
{
	struct list links = LIST_INIT(links);
	struct cpio_entry e;
	int more, err = 0;

	while (!err && (more = cpio_next(c, &e)) > 0) {
		if (!e.name_len)
			continue;
		/* The root itself is there already; its attributes are the archive's. */
		err = str_eq(e.name, ".") ? set_attributes(&e) : make_entry(&links, &e);
		if (err)
			pr_err("initramfs: %s: error %d", e.name, -err);
		cond_resched();
	}
	forget_all(&links);
	return err ? err : more;
}

static int unpack_plain(const u8 *data, size_t size, size_t *consumed)
{
	struct cpio c = { .data = data, .size = size };
	int err = unpack_archive(&c);

	*consumed = c.at;
	return err;
}

static int unpack_gzip(const u8 *data, size_t size, size_t *consumed)
{
	size_t room = MIN(size * 4, (size_t)1 << 30), inner;
	ssize_t n = -ENOSPC;
	u8 *out = NULL;
	int err;

	/* The size in the trailer cannot be found behind padding, so: twice as much when it was too
	 * little; at most 1032 to 1 is possible. */
	for (; n == -ENOSPC && room <= (size_t)2 << 30; room *= 2) {
		vfree(out);
		out = vmalloc(room);
		if (!out)
			return -ENOMEM;
		n = gzip_inflate(data, size, consumed, out, room);
	}
	err = n < 0 ? (int)n : 0;
	for (size_t at = 0; !err && at < (size_t)n; at += inner) {
		inner = 1;
		if (out[at]) /* zeros between archives are padding */
			err = unpack_plain(out + at, (size_t)n - at, &inner);
	}
	vfree(out);
	return err;
}

/* What every archive may count on, as Linux's built-in one gives it: a console for init. */
static void make_defaults(void)
{
	struct setattr a = { .valid = ATTR_MODE, .mode = 0755 };
	struct path root;

	fs_get_root(&root);
	(void)path_setattr(&root, &a);
	path_put(&root);
	(void)kernel_mkdir("/dev", 0755);
	(void)kernel_mknod("/dev/console", S_IFCHR | 0600, KDEV(5, 1));
	(void)kernel_mkdir("/root", 0700);
}

int initramfs_unpack(const void *image, size_t size)
{
	const u8 *data = image;
	size_t at = 0, used;
	int err;

	make_defaults();
	while (at < size) {
		if (!data[at]) {
			at++;
			continue;
		}
		if (size - at > 18 && data[at] == 0x1f && data[at + 1] == 0x8b) {
			err = unpack_gzip(data + at, size - at, &used);
		} else if (size - at > 6 && memcmp(data + at, "07070", 5) == 0) {
			err = unpack_plain(data + at, size - at, &used);
		} else {
			pr_err("initramfs: only cpio (newc), plain or gzip, is understood; found %02x %02x",
			       data[at], size - at > 1 ? data[at + 1] : 0);
			return -EINVAL;
		}
		if (err)
			return err;
		at += used;
	}
	return 0;
}
