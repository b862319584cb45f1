// SPDX-License-Identifier: MIT
/*
 * getdents(2): directory entries into a user buffer.
 *
 * A file system emits names with the cookie of the entry after each; d_off of
 * a record is that cookie, and the directory's position is the cookie of the
 * first entry that did not fit.
 */
#include <abi_fs.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <arch/uaccess.h>
#include <tarn/inode.h>
#include <tarn/notify.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

/* struct linux_dirent of getdents(2): the type is in the record's last byte. */
struct abi_dirent {
	u64 d_ino;
	u64 d_off;
	u16 d_reclen;
	char d_name[];
} PACKED;

struct getdents {
	struct dir_emit emit;
	char __user *at;
	u32 left;
	bool old_format;
	int err;         /* why it ended, unless the buffer was full */
	u32 entries;
	char record[ALIGN_UP(19 + NAME_MAX_LEN + 1, 8)];
};

static u32 fill64(struct getdents *g, const char *name, u32 len, u64 ino, u8 type, u64 next)
{
	struct abi_dirent64 *d = (void *)g->record;
	u32 size = (u32)ALIGN_UP(offsetof(struct abi_dirent64, d_name) + len + 1, 8ul);

	d->d_ino = ino;
	d->d_off = (s64)next;
	d->d_reclen = (u16)size;
	d->d_type = type;
	memcpy(d->d_name, name, len);
	memset(d->d_name + len, 0, size - offsetof(struct abi_dirent64, d_name) - len);
	return size;
}

static u32 fill_old(struct getdents *g, const char *name, u32 len, u64 ino, u8 type, u64 next)
{
	struct abi_dirent *d = (void *)g->record;
	u32 size = (u32)ALIGN_UP(offsetof(struct abi_dirent, d_name) + len + 2, 8ul);

	d->d_ino = ino;
	d->d_off = next;
	d->d_reclen = (u16)size;
	memcpy(d->d_name, name, len);
	memset(d->d_name + len, 0, size - offsetof(struct abi_dirent, d_name) - len);
	g->record[size - 1] = (char)type;
	return size;
}

static bool emit_entry(struct dir_emit *e, const char *name, u32 len, u64 ino, u8 type, u64 next)
{
	struct getdents *g = container_of(e, struct getdents, emit);
	u32 size;

	if (len > NAME_MAX_LEN || !len || memchr(name, '/', len)) {
		g->err = -EIO; /* no directory may hold such a name */
		return false;
	}
	if (signal_pending() && g->entries) {
		g->err = -EINTR;
		return false;
	}
	size = g->old_format ? fill_old(g, name, len, ino, type, next) :
			       fill64(g, name, len, ino, type, next);
	if (size > g->left) {
		if (!g->entries)
			g->err = -EINVAL; /* not even one fits */
		return false;
	}
	if (copy_to_user(g->at, g->record, size)) {
		g->err = -EFAULT;
		return false;
	}
	g->at += size;
	g->left -= size;
	g->entries++;
	return true;
}

static int iterate(struct file *f, struct dir_emit *e)
{
	struct inode *dir = f->inode;
	u64 pos;
	int err;

	if (!f->ops->iterate)
		return -ENOTDIR;
	mutex_lock(&f->pos_lock);
	rwsem_read_lock(&dir->lock);
	if (READ_UNLOCKED(dir->state) & IS_DEAD_DIR) {
		err = -ENOENT;
	} else {
		pos = (u64)f->pos;
		err = f->ops->iterate(f, e, &pos);
		f->pos = (loff_t)pos;
		notify_file(f, IN_ACCESS);
	}
	rwsem_read_unlock(&dir->lock);
	mutex_unlock(&f->pos_lock);
	file_accessed(f);
	return err;
}

static long do_getdents(unsigned int fd, void __user *buf, u32 count, bool old_format)
{
	struct getdents g;
	struct fdref r = fd_ref(fd);
	int err;

	if (!r.file)
		return -EBADF;
	g.emit.emit = emit_entry;
	g.at = buf;
	g.left = MIN(count, 0x7fffffffu);
	g.old_format = old_format;
	g.err = 0;
	g.entries = 0;
	err = iterate(r.file, &g.emit);
	fd_unref(r);
	if (g.entries)
		return (char __user *)g.at - (char __user *)buf;
	return g.err ? g.err : err;
}

long sys_getdents64(unsigned int fd, void __user *buf, unsigned int count)
{
	return do_getdents(fd, buf, count, false);
}

long sys_getdents(unsigned int fd, void __user *buf, unsigned int count)
{
	return do_getdents(fd, buf, count, true);
}
