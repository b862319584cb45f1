// SPDX-License-Identifier: MIT
/*
 * Blocks of directories: chains of entries.
 *
 * A leaf is a chain of entries that covers the block; an entry with inode 0 is
 * free space, and deleting an entry gives its space to the one before.  With
 * checksums the last 12 bytes are an entry-shaped tail.  Index blocks of hashed
 * directories look like one free entry (after "." and ".." in the first block).
 *
 * A leaf is walked once when it comes into the cache (ext4_dir_read) and, since
 * a bad image may show the same block twice, every step afterwards still checks
 * that the next entry lies inside.
 *
 * Locks: the directory's inode->lock.
 */
#include "ext4.h"

#define REC_LEN_MAX_CODE 0xfffcu

u32 ext4_rec_len(const struct ext4_dirent *de, u32 block_size)
{
	u32 raw = le16_to_cpu(de->rec_len);

	return raw == 0xffff || raw == 0 ? block_size : raw;
}

void ext4_set_rec_len(struct ext4_dirent *de, u32 len)
{
	de->rec_len = cpu_to_le16((u16)(len > REC_LEN_MAX_CODE ? 0xffff : len));
}

u32 ext4_dir_usable(const struct ext4_fs *fs)
{
	return fs->block_size - (fs->metadata_csum ? DIR_TAIL_SIZE : 0);
}

u32 ext4_dir_blocks(const struct inode *dir)
{
	return (u32)(inode_size(dir) >> EXT4_FS(dir)->block_bits);
}

/* @de lies inside and so does all that it says. */
static bool entry_ok(const struct ext4_fs *fs, const void *block, const struct ext4_dirent *de)
{
	u32 off = (u32)((const char *)de - (const char *)block), room = ext4_dir_usable(fs) - off;
	u32 len;

	if (off > ext4_dir_usable(fs) || room < 12)
		return false;
	len = ext4_rec_len(de, fs->block_size);
	return len >= 12 && !(len & 3) && len <= room && len >= ext4_dirent_size(de->name_len);
}

struct ext4_dirent *ext4_dir_first(const struct ext4_fs *fs, void *block)
{
	return entry_ok(fs, block, block) ? block : NULL;
}

struct ext4_dirent *ext4_dir_next(const struct ext4_fs *fs, void *block, struct ext4_dirent *de)
{
	struct ext4_dirent *next;

	next = (struct ext4_dirent *)((char *)de + ext4_rec_len(de, fs->block_size));
	return entry_ok(fs, block, next) ? next : NULL;
}

/* ---- checking and checksums ---- */

static struct ext4_dir_tail *leaf_tail(const struct ext4_fs *fs, void *block)
{
	return (struct ext4_dir_tail *)((char *)block + fs->block_size - DIR_TAIL_SIZE);
}

static bool tail_present(const struct ext4_fs *fs, void *block)
{
	const struct ext4_dir_tail *t = leaf_tail(fs, block);

	return !t->zero_ino.raw && le16_to_cpu(t->rec_len) == DIR_TAIL_SIZE && !t->zero_name_len &&
	       t->type == DIR_TAIL_TYPE;
}

void ext4_dir_init_tail(struct ext4_fs *fs, void *block)
{
	if (fs->metadata_csum)
		*leaf_tail(fs, block) = (struct ext4_dir_tail){
			.rec_len = cpu_to_le16(DIR_TAIL_SIZE), .type = DIR_TAIL_TYPE
		};
}

/* Index blocks: where count and limit stand; 0 if it is not an index block. */
static u32 index_entries_offset(const struct ext4_fs *fs, void *block)
{
	const struct ext4_dirent *de = block;

	if (ext4_rec_len(de, fs->block_size) == fs->block_size && !de->ino.raw)
		return DX_NODE_ENTRIES_OFFSET;
	if (ext4_rec_len(de, fs->block_size) == 12) {
		de = (const struct ext4_dirent *)((char *)block + 12);
		if (ext4_rec_len(de, fs->block_size) == fs->block_size - 12)
			return DX_ROOT_ENTRIES_OFFSET;
	}
	return 0;
}

static const char *index_problem(struct inode *dir, void *block)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	u32 offset = index_entries_offset(fs, block), room, limit, count;
	const struct ext4_dx_countlimit *cl;
	const struct ext4_dx_tail *tail;

	if (!offset)
		return "not an index block";
	cl = (const void *)((char *)block + offset);
	limit = le16_to_cpu(cl->limit);
	count = le16_to_cpu(cl->count);
	room = (fs->block_size - offset - (fs->metadata_csum ? sizeof(*tail) : 0)) /
	       sizeof(struct ext4_dx_entry);
	if (limit != room || !count || count > limit)
		return "impossible index counts";
	if (!fs->metadata_csum)
		return NULL;
	tail = (const void *)((char *)block + offset + limit * sizeof(struct ext4_dx_entry));
	if (ext4_dx_csum(EXT4_I(dir)->csum_seed, block, offset, count, tail) !=
	    le32_to_cpu(tail->checksum))
		return "index checksum is wrong";
	return NULL;
}

static const char *leaf_problem(struct inode *dir, void *block)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	struct ext4_dirent *de;
	u32 off = 0;

	if (fs->metadata_csum) {
		if (!tail_present(fs, block))
			return "directory block without a checksum";
		if (ext4_dir_csum(EXT4_I(dir)->csum_seed, block, fs->block_size) !=
		    le32_to_cpu(leaf_tail(fs, block)->checksum))
			return "directory block checksum is wrong";
	}
	for (; off < ext4_dir_usable(fs); off += ext4_rec_len(de, fs->block_size)) {
		de = (struct ext4_dirent *)((char *)block + off);
		if (!entry_ok(fs, block, de))
			return "damaged directory entry";
		if (le32_to_cpu(de->ino) > fs->inodes_count)
			return "directory entry with an impossible inode";
	}
	return NULL;
}

static struct buffer *check(struct inode *dir, struct buffer *bh, u32 lblk,
			    enum dir_block_kind kind)
{
	u32 mark = kind == DIR_INDEX ? VERIFIED_INDEX : VERIFIED_LEAF;
	const char *problem;

	if (ext4_verified(bh, mark))
		return bh;
	problem = kind == DIR_INDEX ? index_problem(dir, bh->data) : leaf_problem(dir, bh->data);
	if (problem) {
		buffer_put(bh);
		return ERR_PTR(ext4_corrupt(EXT4_FS(dir), dir->ino, "block %u: %s", lblk, problem));
	}
	ext4_set_verified(bh, mark);
	return bh;
}

/* ---- reading and adding ---- */

static int dir_map(struct inode *dir, u32 lblk, u64 *block)
{
	struct ext4_map map = { .lblk = lblk, .len = 1 };
	int err;

	if (lblk >= ext4_dir_blocks(dir))
		return ext4_corrupt(EXT4_FS(dir), dir->ino, "block %u is past the directory's end", lblk);
	err = ext4_map_blocks(NULL, dir, &map, 0);
	if (err)
		return err;
	if (map.flags != MAP_MAPPED)
		return ext4_corrupt(EXT4_FS(dir), dir->ino, "hole at block %u of a directory", lblk);
	*block = map.pblk;
	return 0;
}

struct buffer *ext4_dir_read(struct inode *dir, u32 lblk, enum dir_block_kind kind)
{
	struct buffer *bh;
	u64 block = 0;
	int err = dir_map(dir, lblk, &block);

	if (err)
		return ERR_PTR(err);
	bh = ext4_bread(EXT4_FS(dir), block);
	if (IS_ERR(bh))
		return bh;
	if (kind == DIR_ANY) { /* a linear walk over a directory that has an index: skip that */
		if (ext4_verified(bh, VERIFIED_LEAF | VERIFIED_INDEX))
			return bh;
		kind = (EXT4_I(dir)->flags & IFL_INDEX) &&
				       index_entries_offset(EXT4_FS(dir), bh->data) ?
			       DIR_INDEX :
			       DIR_LEAF;
	}
	return check(dir, bh, lblk, kind);
}

struct buffer *ext4_dir_append(struct ext4_handle *h, struct inode *dir, u32 *lblk)
{
	struct ext4_map map = { .lblk = ext4_dir_blocks(dir), .len = 1 };
	struct buffer *bh;
	int err;

	if (map.lblk >= 0x7fffffffu >> h->fs->block_bits && !(h->fs->incompat & INCOMPAT_LARGEDIR))
		return ERR_PTR(-ENOSPC);
	err = ext4_map_blocks(h, dir, &map, MAP_CREATE);
	if (err)
		return ERR_PTR(err);
	bh = ext4_new_buffer(h, dir, map.pblk);
	if (IS_ERR(bh))
		return bh;
	atomic_store(&dir->size, (u64)(map.lblk + 1) << h->fs->block_bits);
	*lblk = map.lblk;
	return bh;
}

void ext4_dir_leaf_changed(struct ext4_handle *h, struct inode *dir, struct buffer *bh)
{
	if (h->fs->metadata_csum)
		leaf_tail(h->fs, bh->data)->checksum = cpu_to_le32(
			ext4_dir_csum(EXT4_I(dir)->csum_seed, bh->data, h->fs->block_size));
	ext4_set_verified(bh, VERIFIED_LEAF);
	ext4_dirty(h, bh);
}

/* ---- entries of a leaf ---- */

struct ext4_dirent *ext4_leaf_find(const struct ext4_fs *fs, void *block, const char *name, u32 len)
{
	struct ext4_dirent *de = ext4_dir_first(fs, block);

	for (; de; de = ext4_dir_next(fs, block, de))
		if (de->name_len == len && de->ino.raw && !memcmp(de->name, name, len))
			return de;
	return NULL;
}

static void fill_entry(struct ext4_dirent *de, const char *name, u32 len, u32 ino, u8 type)
{
	de->ino = cpu_to_le32(ino);
	de->name_len = (u8)len;
	de->file_type = type;
	memcpy(de->name, name, len);
	memset(de->name + len, 0, ext4_dirent_size(len) - 8 - len);
}

bool ext4_leaf_insert(const struct ext4_fs *fs, void *block, const char *name, u32 len, u32 ino, u8 type)
{
	struct ext4_dirent *de = ext4_dir_first(fs, block);
	u32 need = ext4_dirent_size(len);

	for (; de; de = ext4_dir_next(fs, block, de)) {
		u32 rec = ext4_rec_len(de, fs->block_size);
		u32 used = de->ino.raw ? ext4_dirent_size(de->name_len) : 0;

		if (rec - used < need)
			continue;
		if (used) {
			ext4_set_rec_len(de, used);
			de = (struct ext4_dirent *)((char *)de + used);
			ext4_set_rec_len(de, rec - used);
		}
		fill_entry(de, name, len, ino, type);
		return true;
	}
	return false;
}

void ext4_leaf_delete(const struct ext4_fs *fs, void *block, struct ext4_dirent *de)
{
	struct ext4_dirent *prev = ext4_dir_first(fs, block), *next;

	if (prev != de)
		while (prev && (next = ext4_dir_next(fs, block, prev)) != de)
			prev = next;
	if (prev && prev != de)
		ext4_set_rec_len(prev, ext4_rec_len(prev, fs->block_size) +
					       ext4_rec_len(de, fs->block_size));
	de->ino = cpu_to_le32(0);
	de->name_len = 0;
	de->file_type = 0;
}

u8 ext4_file_type(const struct ext4_fs *fs, mode_t mode)
{
	static const u8 types[16] = { [S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2, [S_IFCHR >> 12] = 3,
				      [S_IFBLK >> 12] = 4, [S_IFIFO >> 12] = 5, [S_IFSOCK >> 12] = 6,
				      [S_IFLNK >> 12] = 7 };

	return ext4_has_incompat(fs, INCOMPAT_FILETYPE) ? types[(mode & S_IFMT) >> 12] : 0;
}
