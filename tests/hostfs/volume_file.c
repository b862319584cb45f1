// SPDX-License-Identifier: MIT
/* The contents and attributes of a mounted disk's files, and a walk over all of it (volume.h). */
#include <stdlib.h>
#include <linux/fs.h>
#include <tarn/slab.h>
#include <tarn/thread.h>
#include "../../fs/internal.h"
#include "../../mm/pagecache_int.h"
#include "host.h"
#include "volume.h"

/* An open file that nobody but one call has. */
static void open_file(struct file *f, struct inode *inode)
{
	*f = (struct file){ .inode = inode, .ops = inode->fops, .mode = FMODE_READ | FMODE_WRITE };
	mutex_init(&f->pos_lock, "pos", LR_FILE_POS);
	readahead_init(&f->ra);
	atomic_store(&f->wb_seen, mapping_sample_error(inode->mapping));
	atomic_store(&f->meta_seen, mapping_sample_error(volume->bdev->inode->mapping));
}

static void close_file(struct file *f)
{
	if (f->ops->release)
		f->ops->release(f);
}

ssize_t vol_write_inode(struct inode *inode, u64 pos, const void *buf, size_t n)
{
	struct iov_iter it;
	loff_t at = (loff_t)pos;
	ssize_t done;

	iov_init_kernel(&it, (void *)buf, n);
	rwsem_write_lock(&inode->lock);
	if (pos > inode_size(inode))
		pagecache_extended(inode->mapping, inode_size(inode));
	done = pagecache_write(inode->mapping, &it, &at);
	rwsem_write_unlock(&inode->lock);
	return done;
}

ssize_t vol_read_inode(struct inode *inode, u64 pos, void *buf, size_t n)
{
	struct iov_iter it;
	struct file f;
	loff_t at = (loff_t)pos;
	ssize_t done;

	open_file(&f, inode);
	iov_init_kernel(&it, buf, n);
	done = pagecache_read(&f, &it, &at);
	close_file(&f);
	return done;
}

ssize_t vol_write(const char *path, u64 pos, const void *buf, size_t n)
{
	struct inode *inode = vol_get(path);
	ssize_t done;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	done = mode_is_reg(inode->mode) ? vol_write_inode(inode, pos, buf, n) : -EINVAL;
	inode_put(inode);
	return done;
}

ssize_t vol_read(const char *path, u64 pos, void *buf, size_t n)
{
	struct inode *inode = vol_get(path);
	ssize_t done;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	done = mode_is_reg(inode->mode) ? vol_read_inode(inode, pos, buf, n) : -EINVAL;
	inode_put(inode);
	return done;
}

static int set_attributes(const char *path, const struct setattr *attr)
{
	struct inode *inode = vol_get(path);
	int err;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	rwsem_write_lock(&inode->lock);
	err = inode->ops->setattr(inode, attr);
	rwsem_write_unlock(&inode->lock);
	inode_put(inode);
	return err;
}

int vol_truncate(const char *path, u64 size)
{
	struct setattr attr = { .valid = ATTR_SIZE, .size = size };

	return set_attributes(path, &attr);
}

int vol_chmod(const char *path, mode_t mode)
{
	struct setattr attr = { .valid = ATTR_MODE, .mode = mode };

	return set_attributes(path, &attr);
}

/* Runs @fn with the file of @path open, its inode locked if @lock. */
static loff_t with_file(const char *path, bool lock, loff_t (*fn)(struct file *f, void *arg), void *arg)
	NO_LOCK_CHECK
{
	struct inode *inode = vol_get(path);
	struct file f;
	loff_t result;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	open_file(&f, inode);
	if (lock)
		rwsem_write_lock(&inode->lock);
	result = fn(&f, arg);
	if (lock)
		rwsem_write_unlock(&inode->lock);
	close_file(&f);
	inode_put(inode);
	assert(host_locks_free());
	return result;
}

struct range {
	int mode;
	u64 pos, len;
};

static loff_t do_fallocate(struct file *f, void *arg)
{
	struct range *r = arg;

	return f->ops->fallocate ? f->ops->fallocate(f, r->mode, r->pos, r->len) : -EOPNOTSUPP;
}

int vol_fallocate(const char *path, int mode, u64 pos, u64 len)
{
	struct range r = { mode, pos, len };

	return (int)with_file(path, true, do_fallocate, &r);
}

static loff_t do_fsync(struct file *f, void *arg)
{
	return f->ops->fsync ? f->ops->fsync(f, 0, ~0ull >> 1, false) : -EINVAL;
}

int vol_fsync(const char *path)
{
	return (int)with_file(path, false, do_fsync, NULL);
}

static loff_t do_seek(struct file *f, void *arg)
{
	struct range *r = arg;
	loff_t at;

	mutex_lock(&f->pos_lock);
	at = f->ops->llseek(f, (loff_t)r->pos, r->mode);
	mutex_unlock(&f->pos_lock);
	return at;
}

loff_t vol_seek(const char *path, loff_t pos, int whence)
{
	struct range r = { whence, (u64)pos, 0 };

	return with_file(path, false, do_seek, &r);
}

static loff_t do_drop(struct file *f, void *arg)
{
	int err = inode_writeback(f->inode, true);

	pagecache_drop_clean(f->inode->mapping, 0, ~0ul);
	return err;
}

int vol_drop_pages(const char *path)
{
	return (int)with_file(path, false, do_drop, NULL);
}

/* ---- extended attributes ---- */

int vol_setxattr(const char *path, const char *name, const void *value, size_t n)
{
	struct inode *inode = vol_get(path);
	int err;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	rwsem_write_lock(&inode->lock);
	err = inode->ops->setxattr(inode, name, value, n, 0);
	rwsem_write_unlock(&inode->lock);
	inode_put(inode);
	return err;
}

ssize_t vol_getxattr(const char *path, const char *name, void *value, size_t n)
{
	struct inode *inode = vol_get(path);
	ssize_t got;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	got = inode->ops->getxattr(inode, name, value, n);
	inode_put(inode);
	return got;
}

ssize_t vol_listxattr(const char *path, char *list, size_t n)
{
	struct inode *inode = vol_get(path);
	ssize_t got;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	got = inode->ops->listxattr(inode, list, n);
	inode_put(inode);
	return got;
}

/* ---- listing ---- */

struct listing {
	struct dir_emit emit;
	void (*each)(const char *name, u32 len, u64 ino, u8 type);
	u64 pos;
	int count, room;
};

/* A few at a time, as getdents(2) with a small buffer. */
static bool emit_name(struct dir_emit *d, const char *name, u32 len, u64 ino, u8 type, u64 next_pos)
{
	struct listing *l = container_of(d, struct listing, emit);

	if (!l->room)
		return false;
	l->room--;
	l->count++;
	if (l->each)
		l->each(name, len, ino, type);
	return true;
}

#define NAMES_MAX 100000 /* no directory here has more: the listing does not end */

static loff_t do_list(struct file *f, void *arg)
{
	struct listing *l = arg;
	int before, err = 0;

	if (!f->ops->iterate)
		return -ENOTDIR;
	do {
		before = l->count;
		l->room = 7;
		mutex_lock(&f->pos_lock);
		rwsem_read_lock(&f->inode->lock);
		err = f->ops->iterate(f, &l->emit, &l->pos);
		rwsem_read_unlock(&f->inode->lock);
		mutex_unlock(&f->pos_lock);
		if (l->count > NAMES_MAX)
			return -ELOOP;
	} while (!err && l->count != before);
	return err;
}

int vol_list(const char *path, void (*each)(const char *name, u32 len, u64 ino, u8 type))
{
	struct listing l = { .emit.emit = emit_name, .each = each };
	int err = (int)with_file(path, false, do_list, &l);

	return err ? err : l.count;
}

/* ---- the whole tree ---- */

#define WALK_NAMES 400
#define WALK_DEPTH 12
static char (*walk_names)[256];
static int walk_count;

static void keep_name(const char *name, u32 len, u64 ino, u8 type)
{
	if (walk_count == WALK_NAMES || len > 255 || memchr(name, '/', len) || memchr(name, 0, len) ||
	    (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
		return;
	memcpy(walk_names[walk_count], name, len);
	walk_names[walk_count++][len] = 0;
}

static int look_at(const char *path, struct inode *inode)
{
	char buf[4096], text[300];
	struct kstat st;
	int err = 0;
	ssize_t n;

	(void)inode->ops->getattr(inode, &st);
	n = vol_listxattr(path, buf, sizeof(buf));
	for (char *name = buf; n > 0 && name < buf + n; name += strlen(name) + 1)
		(void)vol_getxattr(path, name, text, sizeof(text));
	if (mode_is_lnk(inode->mode))
		err = vol_readlink(path, buf, sizeof(buf));
	if (!mode_is_reg(inode->mode))
		return err < 0 ? err : 0;
	for (u64 pos = 0; pos < MIN(inode_size(inode), 64 * 1024ul); pos += sizeof(buf)) {
		n = vol_read_inode(inode, pos, buf, sizeof(buf));
		err = n < 0 ? (int)n : err;
	}
	(void)vol_read_inode(inode, inode_size(inode) - 1, buf, 1);
	(void)vol_seek(path, 0, SEEK_HOLE);
	return err;
}

/* Names in @path are kept one after the other in @walk_names: each level goes on behind its parent's. */
static int walk_below(char *path, u32 depth, int *names)
{
	size_t len = strlen(path);
	int first = walk_count, end, err;

	err = vol_list(path, keep_name);
	end = walk_count;
	for (int i = first; i < end && *names < 4 * WALK_NAMES; i++) {
		struct inode *inode;
		int e = 0;

		++*names;
		if (len + strlen(walk_names[i]) + 2 > 4096)
			continue;
		strscpy(path + len, len ? "/" : "", 4096 - len);
		strscpy(path + strlen(path), walk_names[i], 4096 - strlen(path));
		inode = vol_get(path);
		e = PTR_ERR_OR_ZERO(inode);
		if (!e)
			e = look_at(path, inode);
		if (!e && mode_is_dir(inode->mode) && depth < WALK_DEPTH)
			e = walk_below(path, depth + 1, names);
		if (!IS_ERR(inode))
			inode_put(inode);
		err = err < 0 ? err : e;
		path[len] = 0;
	}
	walk_count = first;
	return err < 0 ? err : 0;
}

int vol_walk(void)
{
	char *path = calloc(1, 4096);
	int names = 0, err;

	walk_names = calloc(WALK_NAMES, sizeof(*walk_names));
	walk_count = 0;
	err = walk_below(path, 0, &names);
	free(path);
	free(walk_names);
	return err ? err : names;
}
