// SPDX-License-Identifier: MIT
/*
 * Extended attributes: behind the inode's fields while they fit, else in a
 * block of their own.  The block may be shared by several inodes (refcount);
 * who changes it then gets a copy.
 *
 * Locks: xattr_lock, shared to look.  Changes of the raw inode also take its
 * buffer's lock.
 */
#include <linux/xattr.h>
#include "ext4.h"

/* ---- names ---- */

static const struct {
	u8 index;
	bool whole;             /* the prefix is the whole name */
	const char *prefix;
} prefixes[] = {
	{ 1, false, "user." },
	{ 2, true, "system.posix_acl_access" },
	{ 3, true, "system.posix_acl_default" },
	{ 4, false, "trusted." },
	{ 6, false, "security." },
	{ 7, false, "system." },
};

static int parse_name(const char *name, struct xattr_name *out)
{
	for (u32 i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *suffix;

		if (!str_starts_with(name, prefixes[i].prefix))
			continue;
		suffix = name + strlen(prefixes[i].prefix);
		if (prefixes[i].whole && *suffix)
			continue;
		if (prefixes[i].index == 7)
			return -EOPNOTSUPP; /* "system." is not for anybody to invent in */
		if (!prefixes[i].whole && !*suffix)
			return -EINVAL;
		if (strlen(suffix) > 255)
			return -ERANGE;
		*out = (struct xattr_name){ .index = prefixes[i].index,
					    .len = (u8)strlen(suffix),
					    .suffix = suffix };
		return 0;
	}
	return -EOPNOTSUPP;
}

static const char *prefix_of(u8 index)
{
	for (u32 i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (prefixes[i].index == index)
			return prefixes[i].prefix;
	return NULL;
}

static bool is_acl(const struct xattr_name *n)
{
	return n->index == 2 || n->index == 3;
}

/* ---- the two places ---- */

/* False: the inode has no room, or (unless @create) no attributes. */
static bool inode_region(struct inode *inode, struct ext4_disk_inode *di, bool create,
			 struct xattr_region *r)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u32 start = INODE_SIZE_OLD + EXT4_I(inode)->extra_isize;
	u8 *p = (u8 *)di + start;

	if (fs->inode_size == INODE_SIZE_OLD || start + 8 > fs->inode_size ||
	    !EXT4_I(inode)->extra_isize)
		return false;
	if (get_le32(p) != XATTR_MAGIC) {
		if (!create)
			return false;
		memset(p, 0, fs->inode_size - start);
		put_le32(p, XATTR_MAGIC);
	}
	*r = (struct xattr_region){ .base = p + 4, .first = p + 4, .end = (u8 *)di + fs->inode_size };
	return true;
}

static void block_region(struct buffer *bh, struct xattr_region *r)
{
	u8 *p = bh->data;

	*r = (struct xattr_region){ .base = p,
				    .first = p + sizeof(struct ext4_xattr_header),
				    .end = p + bh->size,
				    .block = true };
}

static const char *block_problem(struct inode *inode, struct buffer *bh)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct ext4_xattr_header *h = bh->data;
	struct xattr_region r;

	if (le32_to_cpu(h->magic) != XATTR_MAGIC || le32_to_cpu(h->blocks) != 1 || !h->refcount.raw)
		return "damaged attribute block";
	if (fs->metadata_csum &&
	    le32_to_cpu(h->checksum) != ext4_xattr_block_csum(fs, bh->block, h))
		return "attribute block checksum is wrong";
	block_region(bh, &r);
	return ext4_region_problem(&r);
}

/* The attribute block, checked; NULL if there is none. */
static struct buffer *read_block(struct inode *inode)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct buffer *bh;
	const char *problem;

	if (!EXT4_I(inode)->file_acl)
		return NULL;
	bh = ext4_bread(fs, EXT4_I(inode)->file_acl);
	if (IS_ERR(bh) || ext4_verified(bh, VERIFIED_XATTR))
		return bh;
	problem = block_problem(inode, bh);
	if (problem) {
		buffer_put(bh);
		return ERR_PTR(ext4_corrupt(fs, inode->ino, "%s", problem));
	}
	ext4_set_verified(bh, VERIFIED_XATTR);
	return bh;
}

static void block_changed(struct ext4_handle *h, struct buffer *bh)
{
	struct ext4_xattr_header *x = bh->data;
	struct xattr_region r;

	block_region(bh, &r);
	x->hash = cpu_to_le32(ext4_region_hash(&r));
	if (h->fs->metadata_csum)
		x->checksum = cpu_to_le32(ext4_xattr_block_csum(h->fs, bh->block, x));
	ext4_dirty(h, bh);
}

/* Both regions of an inode for a look or a change. */
struct xattr_view {
	struct buffer *inode_bh, *block_bh;
	struct ext4_disk_inode *di;
	struct xattr_region in, out;
	bool has_in, has_out;
};

static void view_close(struct xattr_view *v)
{
	buffer_put(v->inode_bh);
	buffer_put(v->block_bh);
}

static int view_open(struct inode *inode, bool create, struct xattr_view *v)
{
	const char *problem = NULL;
	int err;

	*v = (struct xattr_view){ 0 };
	err = ext4_raw_inode(EXT4_FS(inode), inode->ino, &v->inode_bh, &v->di);
	if (err)
		return err;
	buffer_lock(v->inode_bh);
	v->has_in = inode_region(inode, v->di, create, &v->in);
	if (v->has_in)
		problem = ext4_region_problem(&v->in);
	buffer_unlock(v->inode_bh);
	if (problem) {
		view_close(v);
		return ext4_corrupt(EXT4_FS(inode), inode->ino, "%s", problem);
	}
	v->block_bh = read_block(inode);
	if (IS_ERR(v->block_bh)) {
		err = (int)PTR_ERR(v->block_bh);
		v->block_bh = NULL;
		view_close(v);
		return err;
	}
	v->has_out = v->block_bh != NULL;
	if (v->has_out)
		block_region(v->block_bh, &v->out);
	return 0;
}

/* ---- getting and listing ---- */

static ssize_t copy_value(const struct xattr_region *r, const struct ext4_xattr_entry *e,
			  const struct xattr_name *n, void *value, size_t size)
{
	const void *data = r->base + le16_to_cpu(e->value_offs);
	ssize_t len = le32_to_cpu(e->value_size);

	if (is_acl(n))
		len = ext4_acl_from_disk(data, (size_t)len, NULL);
	if (len < 0 || !size)
		return len;
	if ((size_t)len > size)
		return -ERANGE;
	if (is_acl(n))
		return ext4_acl_from_disk(data, le32_to_cpu(e->value_size), value);
	memcpy(value, data, (size_t)len);
	return len;
}

ssize_t ext4_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_xattr_entry *e = NULL;
	struct xattr_name n = { 0 };
	struct xattr_view v;
	ssize_t ret = parse_name(name, &n);

	if (ret)
		return ret;
	rwsem_read_lock(&ei->xattr_lock);
	ret = view_open(inode, false, &v);
	if (!ret) {
		ret = -ENODATA;
		if (v.has_in && (e = ext4_region_find(&v.in, &n)) != NULL)
			ret = copy_value(&v.in, e, &n, value, size);
		else if (v.has_out && (e = ext4_region_find(&v.out, &n)) != NULL)
			ret = copy_value(&v.out, e, &n, value, size);
		view_close(&v);
	}
	rwsem_read_unlock(&ei->xattr_lock);
	return ret;
}

static ssize_t list_region(const struct xattr_region *r, char *list, size_t size, ssize_t at)
{
	const struct ext4_xattr_entry *e = ext4_region_first(r);

	for (; !ext4_xattr_last(e); e = ext4_xattr_next(e)) {
		const char *prefix = prefix_of(e->name_index);
		size_t plen, len;

		if (!prefix)
			continue;
		plen = strlen(prefix);
		len = plen + e->name_len + 1;
		if (size) {
			if ((size_t)at + len > size)
				return -ERANGE;
			memcpy(list + at, prefix, plen);
			memcpy(list + at + plen, e->name, e->name_len);
			list[(size_t)at + len - 1] = 0;
		}
		at += (ssize_t)len;
	}
	return at;
}

ssize_t ext4_listxattr(struct inode *inode, char *list, size_t size)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct xattr_view v;
	ssize_t ret;

	rwsem_read_lock(&ei->xattr_lock);
	ret = view_open(inode, false, &v);
	if (!ret) {
		if (v.has_in)
			ret = list_region(&v.in, list, size, 0);
		if (ret >= 0 && v.has_out)
			ret = list_region(&v.out, list, size, ret);
		view_close(&v);
	}
	rwsem_read_unlock(&ei->xattr_lock);
	return ret;
}

/* ---- setting ---- */

/* One reference of a block less; the last frees it.  Its content is otherwise untouched. */
static int block_drop(struct ext4_handle *h, struct inode *inode, struct buffer *bh)
{
	struct ext4_xattr_header *x = bh->data;
	u64 block = bh->block;
	int err = ext4_access(h, bh);
	bool last;

	if (err)
		return err;
	EXT4_I(inode)->file_acl = 0;
	buffer_lock(bh); /* another inode that shares the block may drop it, too */
	last = le32_to_cpu(x->refcount) == 1;
	if (!last) {
		le32_add(&x->refcount, (u32)-1);
		block_changed(h, bh);
	}
	buffer_unlock(bh);
	if (last)
		return ext4_free_blocks(h, inode, block, 1, true);
	spin_lock(&inode->spin);
	inode->blocks -= h->fs->block_size >> 9;
	spin_unlock(&inode->spin);
	return 0;
}

/* A block that is this inode's alone: new, or a copy of a shared one, or the one it has. */
static int own_block(struct ext4_handle *h, struct inode *inode, struct xattr_view *v)
{
	struct ext4_xattr_header *x;
	struct buffer *bh;
	u32 count = 1;
	u64 block;
	int err;

	if (v->has_out && le32_to_cpu(((struct ext4_xattr_header *)v->block_bh->data)->refcount) == 1)
		return ext4_access(h, v->block_bh);
	err = ext4_alloc_blocks(h, inode, 0, &count, false, &block);
	if (err)
		return err;
	bh = ext4_new_block(h, inode, block);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	x = bh->data;
	if (v->has_out)
		memcpy(bh->data, v->block_bh->data, bh->size);
	x->magic = cpu_to_le32(XATTR_MAGIC);
	x->refcount = cpu_to_le32(1);
	x->blocks = cpu_to_le32(1);
	ext4_set_verified(bh, VERIFIED_XATTR);
	err = v->has_out ? block_drop(h, inode, v->block_bh) : 0;
	buffer_put(v->block_bh);
	v->block_bh = bh;
	v->has_out = true;
	block_region(bh, &v->out);
	EXT4_I(inode)->file_acl = bh->block;
	return err;
}

static int set_in_inode(struct ext4_handle *h, struct xattr_view *v, const struct xattr_name *n,
			const void *value, u32 size)
{
	int err;

	if (!v->has_in)
		return value ? -ENOSPC : 0;
	err = ext4_access(h, v->inode_bh);
	if (err)
		return err;
	buffer_lock(v->inode_bh);
	err = ext4_region_set(&v->in, n, value, size);
	buffer_unlock(v->inode_bh);
	return err;
}

static int set_in_block(struct ext4_handle *h, struct inode *inode, struct xattr_view *v,
			const struct xattr_name *n, const void *value, u32 size)
{
	int err;

	if (!value && (!v->has_out || !ext4_region_find(&v->out, n)))
		return 0;
	err = own_block(h, inode, v);
	if (err)
		return err;
	err = ext4_region_set(&v->out, n, value, size);
	if (ext4_region_empty(&v->out)) {
		int e = block_drop(h, inode, v->block_bh);

		return err ? err : e;
	}
	block_changed(h, v->block_bh);
	return err;
}

static int check_flags(const struct xattr_view *v, const struct xattr_name *n, const void *value,
		       int flags)
{
	bool exists = (v->has_in && ext4_region_find(&v->in, n)) ||
		      (v->has_out && ext4_region_find(&v->out, n));

	if (exists && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!exists && (!value || (flags & XATTR_REPLACE)))
		return -ENODATA;
	return 0;
}

static int set_somewhere(struct ext4_handle *h, struct inode *inode, const struct xattr_name *n,
			 const void *value, u32 size, int flags)
{
	struct xattr_view v;
	int err = view_open(inode, value != NULL, &v);

	if (err)
		return err;
	err = check_flags(&v, n, value, flags);
	if (!err) {
		err = set_in_inode(h, &v, n, value, size);
		if (!err) {
			err = set_in_block(h, inode, &v, n, NULL, 0);
		} else if (err == -ENOSPC) {
			err = set_in_block(h, inode, &v, n, value, size);
			if (!err)
				err = set_in_inode(h, &v, n, NULL, 0);
		}
	}
	view_close(&v);
	if (err)
		return err;
	if (value)
		ext4_feature_use_compat(h, COMPAT_EXT_ATTR);
	inode_touch(inode, ATTR_CTIME);
	return 0;
}

static int set_locked(struct inode *inode, const struct xattr_name *n, const void *value, u32 size,
		      int flags)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_handle h;
	int err = ext4_start(&h, EXT4_FS(inode), CREDITS_ALLOC), e;

	if (err)
		return err;
	rwsem_write_lock(&ei->xattr_lock);
	err = set_somewhere(&h, inode, n, value, size, flags);
	rwsem_write_unlock(&ei->xattr_lock);
	rwsem_read_lock(&ei->map_lock);
	e = ext4_write_inode(&h, inode);
	rwsem_read_unlock(&ei->map_lock);
	err = err ? err : e;
	e = ext4_stop(&h);
	return err ? err : e;
}

int ext4_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct xattr_name n = { 0 };
	int err = parse_name(name, &n);

	if (err)
		return err;
	/* What would not be obeyed is not taken: programs then fall back to the mode. */
	if (value && is_acl(&n))
		return -EOPNOTSUPP;
	if (size > EXT4_FS(inode)->block_size)
		return -ENOSPC;
	return set_locked(inode, &n, value, (u32)size, flags);
}

int ext4_xattr_release(struct ext4_handle *h, struct inode *inode)
{
	struct buffer *bh = read_block(inode);
	int err;

	if (!bh)
		return 0;
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	err = block_drop(h, inode, bh);
	buffer_put(bh);
	return err;
}
