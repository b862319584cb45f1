// SPDX-License-Identifier: MIT
/*
 * A directory's entries: find, add, remove; and an empty directory's first
 * block.  Linear directories are walked here, hashed ones by htree.c.
 *
 * With the dir_index feature a directory is linear while it has one block and
 * becomes hashed when that is full.  Without, it grows block by block.
 *
 * Locks: the directory's inode->lock.
 */
#include <tarn/dentry.h>

#include "ext4.h"

static bool ext4_dir_indexed(const struct inode *dir)
{
	return (EXT4_FS(dir)->compat & COMPAT_DIR_INDEX) && (EXT4_I(dir)->flags & IFL_INDEX);
}

/* ---- finding ---- */

static bool is_dot_name(const struct qstr *name)
{
	return name->name[0] == '.' && (name->len == 1 || (name->len == 2 && name->name[1] == '.'));
}

/* In one block, whatever kind it is. */
static int find_in_block(struct inode *dir, u32 lblk, const struct qstr *name, struct ext4_entry *out)
{
	out->bh = ext4_dir_read(dir, lblk, DIR_ANY);
	if (IS_ERR(out->bh)) {
		int err = (int)PTR_ERR(out->bh);

		out->bh = NULL;
		return err;
	}
	out->de = ext4_leaf_find(EXT4_FS(dir), out->bh->data, name->name, name->len);
	if (out->de)
		return 0;
	buffer_put(out->bh);
	out->bh = NULL;
	return -ENOENT;
}

static void prefetch_dir(struct inode *dir, u32 from, u32 blocks)
{
	struct ext4_map map = { .lblk = from, .len = MIN(blocks - from, 8u) };

	if (ext4_map_blocks(NULL, dir, &map, 0) || map.flags != MAP_MAPPED)
		return;
	for (u32 i = 0; i < map.len; i++)
		buffer_prefetch(EXT4_FS(dir)->bdev, map.pblk + i, EXT4_FS(dir)->block_size);
}

static int find_linear(struct inode *dir, const struct qstr *name, struct ext4_entry *out)
{
	u32 blocks = ext4_dir_blocks(dir);

	for (u32 i = 0; i < blocks; i++) {
		int err;

		if (i % 8 == 0 && blocks > 1)
			prefetch_dir(dir, i, blocks);
		err = find_in_block(dir, i, name, out);
		if (err != -ENOENT)
			return err;
		cond_resched();
	}
	return -ENOENT;
}

int ext4_dir_find(struct inode *dir, const struct qstr *name, struct ext4_entry *out)
{
	*out = (struct ext4_entry){ 0 };
	if (name->len > NAME_MAX_LEN)
		return -ENAMETOOLONG;
	if (!ext4_dir_indexed(dir))
		return find_linear(dir, name, out);
	if (is_dot_name(name))
		return ext4_dir_find_dotdot(dir, out);
	return ext4_htree_find(dir, name, out);
}

int ext4_dir_find_dotdot(struct inode *dir, struct ext4_entry *out)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	struct ext4_dirent *de;

	out->bh = ext4_dir_read(dir, 0, DIR_ANY);
	if (IS_ERR(out->bh))
		return (int)PTR_ERR(out->bh);
	de = out->bh->data;
	/* In an index root ".." covers the whole block, past what a leaf's entry may: look by hand. */
	if (ext4_rec_len(de, fs->block_size) >= 12 && ext4_rec_len(de, fs->block_size) <= 24) {
		de = (struct ext4_dirent *)((char *)de + ext4_rec_len(de, fs->block_size));
		if (de->name_len == 2 && de->name[0] == '.' && de->name[1] == '.') {
			out->de = de;
			return 0;
		}
	}
	buffer_put(out->bh);
	out->bh = NULL;
	return ext4_corrupt(fs, dir->ino, "no .. entry");
}

/* ---- adding ---- */

/* 0: added; 1: no room in this block. */
static int add_in_block(struct ext4_handle *h, struct inode *dir, u32 lblk, const struct qstr *name,
			u32 ino, u8 type)
{
	struct buffer *bh = ext4_dir_read(dir, lblk, DIR_LEAF);
	int err;

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	err = ext4_access(h, bh);
	if (!err && !ext4_leaf_insert(h->fs, bh->data, name->name, name->len, ino, type))
		err = 1;
	if (!err)
		ext4_dir_leaf_changed(h, dir, bh);
	buffer_put(bh);
	return err;
}

static int add_new_block(struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino,
			 u8 type)
{
	struct buffer *bh;
	u32 lblk;

	bh = ext4_dir_append(h, dir, &lblk);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	ext4_dir_init_tail(h->fs, bh->data);
	ext4_set_rec_len(bh->data, ext4_dir_usable(h->fs));
	ext4_leaf_insert(h->fs, bh->data, name->name, name->len, ino, type);
	ext4_dir_leaf_changed(h, dir, bh);
	buffer_put(bh);
	EXT4_I(dir)->dir_hint = lblk;
	return 0;
}

/* Blocks before the hint were full last time; they are looked at again when the end is reached. */
static int add_linear(struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, u8 type)
{
	u32 blocks = ext4_dir_blocks(dir), hint = EXT4_I(dir)->dir_hint % MAX(blocks, 1u);

	for (u32 i = 0; i < blocks; i++) {
		u32 lblk = (hint + i) % blocks;
		int err = add_in_block(h, dir, lblk, name, ino, type);

		if (err != 1) {
			EXT4_I(dir)->dir_hint = lblk;
			return err;
		}
	}
	if (blocks == 1 && (h->fs->compat & COMPAT_DIR_INDEX)) {
		int err = ext4_htree_convert(h, dir);

		return err ? err : ext4_htree_add(h, dir, name, ino, type);
	}
	return add_new_block(h, dir, name, ino, type);
}

int ext4_dir_add(struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, mode_t mode)
{
	u8 type = ext4_file_type(h->fs, mode);
	int err;

	if (ext4_dir_indexed(dir)) {
		err = ext4_htree_add(h, dir, name, ino, type);
	} else {
		/* An old kernel without dir_index would not keep the index: neither do we claim it. */
		EXT4_I(dir)->flags &= ~(u32)IFL_INDEX;
		err = add_linear(h, dir, name, ino, type);
	}
	if (err)
		return err;
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return ext4_write_inode(h, dir);
}

/* ---- changing and removing ---- */

static bool is_index_root(const struct inode *dir, const struct buffer *bh)
{
	return ext4_verified(bh, VERIFIED_INDEX);
}

/* ".." of a hashed directory lies in the index root, whose checksum is another. */
static void entry_changed(struct ext4_handle *h, struct inode *dir, struct buffer *bh)
{
	if (!is_index_root(dir, bh)) {
		ext4_dir_leaf_changed(h, dir, bh);
		return;
	}
	if (h->fs->metadata_csum) {
		struct ext4_dx_countlimit *cl =
			(void *)((char *)bh->data + DX_ROOT_ENTRIES_OFFSET);
		struct ext4_dx_tail *tail = (void *)((char *)cl + le16_to_cpu(cl->limit) *
								      sizeof(struct ext4_dx_entry));

		tail->checksum = cpu_to_le32(ext4_dx_csum(EXT4_I(dir)->csum_seed, bh->data,
							  DX_ROOT_ENTRIES_OFFSET,
							  le16_to_cpu(cl->count), tail));
	}
	ext4_dirty(h, bh);
}

int ext4_dir_remove(struct ext4_handle *h, struct inode *dir, struct ext4_entry *e)
{
	int err = ext4_access(h, e->bh);

	if (err)
		return err;
	ext4_leaf_delete(h->fs, e->bh->data, e->de);
	ext4_dir_leaf_changed(h, dir, e->bh);
	EXT4_I(dir)->dir_hint = 0;
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return ext4_write_inode(h, dir);
}

void ext4_dir_set(struct ext4_handle *h, struct inode *dir, struct ext4_entry *e, u32 ino, mode_t mode)
{
	e->de->ino = cpu_to_le32(ino);
	e->de->file_type = ext4_file_type(h->fs, mode);
	entry_changed(h, dir, e->bh);
}

/* ---- whole directories ---- */

int ext4_dir_make_empty(struct ext4_handle *h, struct inode *dir, u32 parent)
{
	u8 type = ext4_file_type(h->fs, S_IFDIR);
	struct ext4_dirent *de;
	struct buffer *bh;
	u32 lblk;

	bh = ext4_dir_append(h, dir, &lblk);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	ext4_dir_init_tail(h->fs, bh->data);
	de = bh->data;
	*de = (struct ext4_dirent){ .ino = cpu_to_le32((u32)dir->ino), .name_len = 1, .file_type = type };
	ext4_set_rec_len(de, 12);
	de->name[0] = '.';
	de = (struct ext4_dirent *)((char *)bh->data + 12);
	*de = (struct ext4_dirent){ .ino = cpu_to_le32(parent), .name_len = 2, .file_type = type };
	ext4_set_rec_len(de, ext4_dir_usable(h->fs) - 12);
	memcpy(de->name, "..", 2);
	ext4_dir_leaf_changed(h, dir, bh);
	buffer_put(bh);
	return 0;
}

static bool has_names(const struct ext4_fs *fs, void *block)
{
	struct ext4_dirent *de = ext4_dir_first(fs, block);

	for (; de; de = ext4_dir_next(fs, block, de)) {
		struct qstr name = { .name = de->name, .len = de->name_len };

		if (de->ino.raw && !(name.len && is_dot_name(&name)))
			return true;
	}
	return false;
}

int ext4_dir_is_empty(struct inode *dir)
{
	u32 blocks = ext4_dir_blocks(dir);

	for (u32 i = 0; i < blocks; i++) {
		struct buffer *bh = ext4_dir_read(dir, i, DIR_ANY);
		bool names;

		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		names = !ext4_verified(bh, VERIFIED_INDEX) && has_names(EXT4_FS(dir), bh->data);
		buffer_put(bh);
		if (names)
			return 0;
		cond_resched();
	}
	return 1;
}
