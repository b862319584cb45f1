// SPDX-License-Identifier: MIT
/*
 * Hashed directories: an index over the leaves, ordered by the hash of names.
 *
 * Block 0 is the root: "." and "..", a header, then pairs (hash, block) in
 * rising order; the first pair has no hash, its place holds limit and count.
 * A pair's block holds names whose hash is not less than its own and less than
 * the next pair's.  Between root and leaves there may be one or two levels of
 * index nodes.  When a split has to part names of one hash, the right half's
 * pair has bit 0 set: who looks for that hash looks there too.
 *
 * Splitting works from above: room is made in the index first (a new node, or a
 * new level), then the leaf's entries are sorted by hash and the upper half, by
 * size, moves to a new block.
 *
 * Locks: the directory's inode->lock.
 */
#include <tarn/dentry.h>
#include <tarn/sort.h>
#include "ext4.h"

#define LEVELS_MAX 3u           /* index levels, root included (the third: large_dir) */
#define ENTRIES_MAX 512u        /* of the shortest names in a 4 KiB leaf: 340 */

struct frame {
	struct buffer *bh;
	struct ext4_dx_entry *entries;
	u32 at;                 /* the pair that was chosen */
};

/* The way from the root to a leaf. */
struct dx_path {
	struct frame frame[LEVELS_MAX];
	u32 levels;             /* frames in use */
	struct ext4_hash hash;
};

/* ---- a node ---- */

static struct ext4_dx_countlimit *countlimit(const struct frame *f)
{
	return (struct ext4_dx_countlimit *)f->entries;
}

static u32 dx_count(const struct frame *f)
{
	return le16_to_cpu(countlimit(f)->count);
}

static u32 dx_limit(const struct frame *f)
{
	return le16_to_cpu(countlimit(f)->limit);
}

static u32 dx_room(const struct ext4_fs *fs, u32 offset)
{
	u32 bytes = fs->block_size - offset - (fs->metadata_csum ? sizeof(struct ext4_dx_tail) : 0);

	return bytes / sizeof(struct ext4_dx_entry);
}

static void dx_changed(struct ext4_handle *h, struct inode *dir, struct frame *f)
{
	u32 offset = (u32)((char *)f->entries - (char *)f->bh->data);
	struct ext4_dx_tail *tail = (struct ext4_dx_tail *)(f->entries + dx_limit(f));

	if (h->fs->metadata_csum)
		tail->checksum = cpu_to_le32(ext4_dx_csum(EXT4_I(dir)->csum_seed, f->bh->data, offset,
							  dx_count(f), tail));
	ext4_set_verified(f->bh, VERIFIED_INDEX);
	ext4_dirty(h, f->bh);
}

static struct ext4_dx_root_info *root_info(const struct buffer *bh)
{
	return (struct ext4_dx_root_info *)((char *)bh->data + DX_ROOT_INFO_OFFSET);
}

/* The last pair whose hash is <= @hash. */
static u32 dx_search(const struct frame *f, u32 hash)
{
	u32 lo = 1, hi = dx_count(f);

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (le32_to_cpu(f->entries[mid].hash) > hash)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo - 1;
}

static u32 dx_block(const struct frame *f)
{
	return le32_to_cpu(f->entries[f->at].block) & 0x0fffffff;
}

/* ---- the path ---- */

/*
 * The pairs are where the block's place in the tree wants them.  That it was
 * checked does not say so: then it decided itself whether it is root or node.
 */
static bool frame_ok(const struct ext4_fs *fs, const struct frame *f)
{
	u32 offset = (u32)((char *)f->entries - (char *)f->bh->data);
	u32 first = offset == DX_ROOT_ENTRIES_OFFSET ? 12 : fs->block_size;

	return ext4_rec_len(f->bh->data, fs->block_size) == first &&
	       dx_limit(f) == dx_room(fs, offset) && dx_count(f) && dx_count(f) <= dx_limit(f);
}

/* The node that frame[@level - 1] points to becomes frame[@level], with its first pair. */
static int read_node(struct inode *dir, struct dx_path *path, u32 level)
{
	struct frame f = { .bh = ext4_dir_read(dir, dx_block(&path->frame[level - 1]), DIR_INDEX) };
	bool ok;

	if (IS_ERR(f.bh))
		return (int)PTR_ERR(f.bh);
	f.entries = (struct ext4_dx_entry *)((char *)f.bh->data + DX_NODE_ENTRIES_OFFSET);
	ok = frame_ok(EXT4_FS(dir), &f);
	for (u32 i = 0; ok && i < level; i++)
		ok = path->frame[i].bh != f.bh;
	if (!ok) {
		buffer_put(f.bh);
		return ext4_corrupt(EXT4_FS(dir), dir->ino, "index node is a root, or above itself");
	}
	path->frame[level] = f;
	return 0;
}

static void dx_path_put(struct dx_path *path)
{
	for (u32 i = 0; i < path->levels; i++)
		buffer_put(path->frame[i].bh);
	path->levels = 0;
}

static int read_root(struct inode *dir, struct dx_path *path, u32 *levels)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	struct buffer *bh = ext4_dir_read(dir, 0, DIR_INDEX);
	const struct ext4_dx_root_info *info;

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	path->frame[0] = (struct frame){
		.bh = bh,
		.entries = (struct ext4_dx_entry *)((char *)bh->data + DX_ROOT_ENTRIES_OFFSET),
	};
	path->levels = 1;
	info = root_info(bh);
	*levels = info->indirect_levels + 1u;
	if (info->info_length != sizeof(*info) || info->zero.raw ||
	    *levels > (fs->incompat & INCOMPAT_LARGEDIR ? 3u : 2u) ||
	    !frame_ok(fs, &path->frame[0])) {
		dx_path_put(path);
		return ext4_corrupt(fs, dir->ino, "damaged directory index");
	}
	return 0;
}

/* Frames from the root to the last index node, by path->hash.major. */
static int walk(struct inode *dir, struct dx_path *path)
{
	u32 levels = 1, major = path->hash.major;
	int err = read_root(dir, path, &levels);

	if (err)
		return err;
	for (;;) {
		struct frame *f = &path->frame[path->levels - 1];

		f->at = dx_search(f, major);
		if (path->levels == levels)
			return 0;
		err = read_node(dir, path, path->levels);
		if (err) {
			dx_path_put(path);
			return err;
		}
		path->levels++;
	}
}

/* On to the next leaf.  1: there, *hash its pair's; 0: that was the last; -errno. */
static int next_leaf(struct inode *dir, struct dx_path *path, u32 *hash)
{
	u32 level = path->levels - 1;

	while (path->frame[level].at + 1 >= dx_count(&path->frame[level])) {
		if (!level)
			return 0;
		level--;
	}
	path->frame[level].at++;
	*hash = le32_to_cpu(path->frame[level].entries[path->frame[level].at].hash);
	while (++level < path->levels) {
		struct buffer *old = path->frame[level].bh;
		int err = read_node(dir, path, level);

		if (err)
			return err;
		buffer_put(old);
	}
	return 1;
}

/* ---- hashes ---- */

/* The version in the root, with the file system's signedness added. */
static u8 effective_version(const struct ext4_fs *fs, u8 version)
{
	return version <= HASH_TEA ? version + fs->hash_unsigned : version;
}

int ext4_htree_hash(struct inode *dir, u8 version, const char *name, u32 len, struct ext4_hash *out)
{
	struct ext4_fs *fs = EXT4_FS(dir);

	if (!ext4_name_hash(fs->hash_seed, effective_version(fs, version), name, len, out))
		return ext4_corrupt(fs, dir->ino, "unknown directory hash %u", version);
	return 0;
}

int ext4_htree_version(struct inode *dir, u8 *version)
{
	struct buffer *bh;

	*version = EXT4_FS(dir)->hash_version;
	if (!(EXT4_I(dir)->flags & IFL_INDEX))
		return 0;
	bh = ext4_dir_read(dir, 0, DIR_INDEX);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	*version = root_info(bh)->hash_version;
	buffer_put(bh);
	return 0;
}

static int walk_to_name(struct inode *dir, const char *name, u32 len, struct dx_path *path)
{
	u8 version;
	int err;

	*path = (struct dx_path){ 0 };
	err = ext4_htree_version(dir, &version);
	if (!err)
		err = ext4_htree_hash(dir, version, name, len, &path->hash);
	return err ? err : walk(dir, path);
}

/* ---- finding ---- */

int ext4_htree_find(struct inode *dir, const struct qstr *name, struct ext4_entry *out)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	struct dx_path path;
	u32 hash, steps = ext4_dir_blocks(dir);
	int err = walk_to_name(dir, name->name, name->len, &path);

	if (err)
		return err;
	do {
		out->bh = ext4_dir_read(dir, dx_block(&path.frame[path.levels - 1]), DIR_LEAF);
		if (IS_ERR(out->bh)) {
			err = (int)PTR_ERR(out->bh);
			break;
		}
		out->de = ext4_leaf_find(fs, out->bh->data, name->name, name->len);
		if (out->de) {
			dx_path_put(&path);
			return 0;
		}
		buffer_put(out->bh);
		err = next_leaf(dir, &path, &hash);
		/* Only a chain of the same hash goes on. */
		if (err == 1 && (hash & ~1u) == path.hash.major && (hash & 1) && steps--)
			continue;
		err = err < 0 ? err : -ENOENT;
	} while (err == 1);
	dx_path_put(&path);
	out->bh = NULL;
	return err;
}

int ext4_htree_leaf_at(struct inode *dir, u32 major, u32 *lblk, u64 *next, bool *chained)
{
	struct dx_path path = { .hash = { .major = major } };
	u32 hash;
	int err = walk(dir, &path);

	if (err)
		return err;
	*lblk = dx_block(&path.frame[path.levels - 1]);
	err = next_leaf(dir, &path, &hash);
	*next = err == 1 ? hash : ~0ull;
	*chained = err == 1 && (hash & 1);
	dx_path_put(&path);
	return err < 0 ? err : 0;
}

/* ---- making room in the index ---- */

/* Behind the chosen pair.  The caller made room; it is gone if a block that was written since is this one too. */
static int dx_insert(struct inode *dir, struct frame *f, u32 hash, u32 block)
{
	u32 n = dx_count(f), at = f->at;

	if (at >= n || !frame_ok(EXT4_FS(dir), f) || n == dx_limit(f))
		return ext4_corrupt(EXT4_FS(dir), dir->ino, "index node changed on the way");
	memmove(&f->entries[at + 2], &f->entries[at + 1], (n - at - 1) * sizeof(*f->entries));
	f->entries[at + 1].hash = cpu_to_le32(hash);
	f->entries[at + 1].block = cpu_to_le32(block);
	countlimit(f)->count = cpu_to_le16((u16)(n + 1));
	return 0;
}

static struct buffer *new_index_node(struct ext4_handle *h, struct inode *dir, u32 *lblk,
				     struct frame *f)
{
	struct buffer *bh = ext4_dir_append(h, dir, lblk);

	if (IS_ERR(bh))
		return bh;
	ext4_set_rec_len(bh->data, bh->size);
	f->bh = bh;
	f->entries = (struct ext4_dx_entry *)((char *)bh->data + DX_NODE_ENTRIES_OFFSET);
	countlimit(f)->limit = cpu_to_le16((u16)dx_room(h->fs, DX_NODE_ENTRIES_OFFSET));
	return bh;
}

/* Copies pairs [from, to) of @src to the empty node @dst. */
static void dx_copy(struct frame *dst, const struct frame *src, u32 from, u32 to)
{
	struct ext4_dx_countlimit limits = *countlimit(dst);

	memcpy(dst->entries, &src->entries[from], (to - from) * sizeof(*src->entries));
	limits.count = cpu_to_le16((u16)(to - from));
	*countlimit(dst) = limits;
}

/* The root's pairs go one level down. */
static int add_level(struct ext4_handle *h, struct inode *dir, struct dx_path *path)
{
	struct frame *root = &path->frame[0], node = { 0 };
	u32 levels = root_info(root->bh)->indirect_levels + 2u, n = dx_count(root), lblk;
	struct buffer *bh;
	int err;

	if (levels > (h->fs->incompat & INCOMPAT_LARGEDIR ? 3u : 2u))
		return -ENOSPC;
	err = ext4_access(h, root->bh);
	if (err)
		return err;
	bh = new_index_node(h, dir, &lblk, &node);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	dx_copy(&node, root, 0, n);
	countlimit(root)->count = cpu_to_le16(1);
	root->entries[0].block = cpu_to_le32(lblk);
	root_info(root->bh)->indirect_levels++;
	dx_changed(h, dir, &node);
	dx_changed(h, dir, root);
	buffer_put(bh);
	return 0;
}

/* The node at @level is full, its parent is not: the upper half of its pairs goes to a new node. */
static int split_node(struct ext4_handle *h, struct inode *dir, struct dx_path *path, u32 level)
{
	struct frame *full = &path->frame[level], *up = full - 1, node = { 0 };
	u32 n = dx_count(full), half = n / 2, lblk;
	u32 hash = le32_to_cpu(full->entries[half].hash);
	struct buffer *bh;
	int err = ext4_access(h, full->bh);

	if (!err)
		err = ext4_access(h, up->bh);
	if (err)
		return err;
	bh = new_index_node(h, dir, &lblk, &node);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	err = dx_insert(dir, up, hash, lblk);
	if (!err) {
		dx_copy(&node, full, half, n);
		countlimit(full)->count = cpu_to_le16((u16)half);
		dx_changed(h, dir, &node);
		dx_changed(h, dir, full);
		dx_changed(h, dir, up);
	}
	buffer_put(bh);
	return err;
}

/* One step; 1: the path is stale, walk again; 0: the last node has room. */
static int make_index_room(struct ext4_handle *h, struct inode *dir, struct dx_path *path)
{
	s32 level = (s32)path->levels - 1;
	int err;

	if (dx_count(&path->frame[level]) < dx_limit(&path->frame[level]))
		return 0;
	while (level > 0 &&
	       dx_count(&path->frame[level - 1]) >= dx_limit(&path->frame[level - 1]))
		level--;
	err = level ? split_node(h, dir, path, (u32)level) : add_level(h, dir, path);
	return err ? err : 1;
}

/* ---- splitting a leaf ---- */

struct hashed {
	u32 major;
	u16 offset, size;
};

static int hashed_cmp(const void *a, const void *b, void *arg)
{
	const struct hashed *x = a, *y = b;

	return x->major < y->major ? -1 : x->major > y->major;
}

/* The entries of a leaf by rising hash; how many, or -errno. */
static int sort_leaf(struct inode *dir, struct buffer *bh, u8 version, struct hashed *out)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	struct ext4_dirent *de = ext4_dir_first(fs, bh->data);
	int n = 0;

	for (; de; de = ext4_dir_next(fs, bh->data, de)) {
		struct ext4_hash hash;
		int err;

		if (!de->ino.raw || !de->name_len)
			continue;
		if (n == ENTRIES_MAX)
			return ext4_corrupt(fs, dir->ino, "too many entries in a block");
		err = ext4_htree_hash(dir, version, de->name, de->name_len, &hash);
		if (err)
			return err;
		out[n++] = (struct hashed){ .major = hash.major,
					    .offset = (u16)((char *)de - (char *)bh->data),
					    .size = (u16)ext4_dirent_size(de->name_len) };
	}
	sort(out, (size_t)n, sizeof(*out), hashed_cmp, NULL);
	return n;
}

/* How many of the first entries stay: those that fill half of the block, at least one of each side. */
static u32 split_point(const struct hashed *map, u32 n, u32 usable)
{
	u32 size = 0, i;

	for (i = 0; i < n - 1; i++) {
		size += map[i].size;
		if (size > usable / 2)
			break;
	}
	return MAX(i, 1u);
}

/* Writes entries [from, to) of @src (a copy of a leaf) as the whole content of @block. */
static void pack_leaf(struct ext4_fs *fs, void *block, const void *src, const struct hashed *map,
		      u32 from, u32 to)
{
	u32 usable = ext4_dir_usable(fs), off = 0;
	struct ext4_dirent *de = block;

	memset(block, 0, fs->block_size);
	ext4_dir_init_tail(fs, block);
	ext4_set_rec_len(de, usable);
	for (u32 i = from; i < to; i++) {
		de = (struct ext4_dirent *)((char *)block + off);
		memcpy(de, (const char *)src + map[i].offset, map[i].size);
		ext4_set_rec_len(de, i + 1 == to ? usable - off : map[i].size);
		off += map[i].size;
	}
}

struct split_space {
	struct hashed map[ENTRIES_MAX];
	u8 copy[4096];
};

static int split_with(struct ext4_handle *h, struct inode *dir, struct frame *f, struct buffer *leaf,
		      u8 version, struct split_space *s)
{
	struct ext4_fs *fs = h->fs;
	struct buffer *right;
	u32 lblk, keep, hash;
	int n = sort_leaf(dir, leaf, version, s->map), err;

	if (n < 2)
		return n < 0 ? n : ext4_corrupt(fs, dir->ino, "a full block without names");
	err = ext4_access(h, leaf);
	if (!err)
		err = ext4_access(h, f->bh);
	if (err)
		return err;
	right = ext4_dir_append(h, dir, &lblk);
	if (IS_ERR(right))
		return (int)PTR_ERR(right);
	keep = split_point(s->map, (u32)n, ext4_dir_usable(fs));
	hash = s->map[keep].major | (s->map[keep].major == s->map[keep - 1].major);
	err = dx_insert(dir, f, hash, lblk);
	if (!err) {
		memcpy(s->copy, leaf->data, fs->block_size);
		pack_leaf(fs, right->data, s->copy, s->map, keep, (u32)n);
		pack_leaf(fs, leaf->data, s->copy, s->map, 0, keep);
		ext4_dir_leaf_changed(h, dir, right);
		ext4_dir_leaf_changed(h, dir, leaf);
		dx_changed(h, dir, f);
	}
	buffer_put(right);
	return err;
}

static int split_leaf(struct ext4_handle *h, struct inode *dir, struct dx_path *path,
		      struct buffer *leaf)
{
	struct split_space *s = kmalloc(sizeof(*s), GFP_NOFS);
	int err;

	if (!s)
		return -ENOMEM;
	err = split_with(h, dir, &path->frame[path->levels - 1], leaf,
			 root_info(path->frame[0].bh)->hash_version, s);
	kfree(s);
	return err;
}

/* ---- adding ---- */

/* 0: added; 1: the tree changed to make room, try again; -errno. */
static int try_add(struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, u8 type)
{
	struct buffer *leaf;
	struct dx_path path;
	int err = walk_to_name(dir, name->name, name->len, &path);

	if (err)
		return err;
	leaf = ext4_dir_read(dir, dx_block(&path.frame[path.levels - 1]), DIR_LEAF);
	if (IS_ERR(leaf)) {
		dx_path_put(&path);
		return (int)PTR_ERR(leaf);
	}
	err = ext4_access(h, leaf);
	if (!err && ext4_leaf_insert(h->fs, leaf->data, name->name, name->len, ino, type)) {
		ext4_dir_leaf_changed(h, dir, leaf);
	} else if (!err) {
		err = make_index_room(h, dir, &path);
		if (!err)
			err = split_leaf(h, dir, &path, leaf);
		err = err < 0 ? err : 1;
	}
	buffer_put(leaf);
	dx_path_put(&path);
	return err;
}

int ext4_htree_add(struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, u8 type)
{
	int err = 1;

	/* Each round splits something; the bound is for trees that a bad image made. */
	for (int round = 0; err == 1; round++)
		err = round < 64 ? try_add(h, dir, name, ino, type) : -ENOSPC;
	return err;
}

/* ---- from linear to indexed ---- */

static void make_root(struct ext4_fs *fs, struct buffer *bh, struct frame *f)
{
	struct ext4_dirent *dotdot = (struct ext4_dirent *)((char *)bh->data + 12);
	struct ext4_dx_root_info *info = root_info(bh);

	memset((char *)bh->data + DX_ROOT_INFO_OFFSET, 0, fs->block_size - DX_ROOT_INFO_OFFSET);
	ext4_set_rec_len(dotdot, fs->block_size - 12);
	info->hash_version = fs->hash_version;
	info->info_length = sizeof(*info);
	f->bh = bh;
	f->entries = (struct ext4_dx_entry *)((char *)bh->data + DX_ROOT_ENTRIES_OFFSET);
	countlimit(f)->limit = cpu_to_le16((u16)dx_room(fs, DX_ROOT_ENTRIES_OFFSET));
	countlimit(f)->count = cpu_to_le16(1);
	f->entries[0].block = cpu_to_le32(1);
}

/* "." and ".." must be where the root wants them. */
static bool starts_with_dots(const struct ext4_fs *fs, const void *block)
{
	const struct ext4_dirent *dot = block, *dotdot = (const void *)((const char *)block + 12);

	return ext4_rec_len(dot, fs->block_size) == 12 && dot->name_len == 1 && dot->name[0] == '.' &&
	       dotdot->name_len == 2 && dotdot->name[0] == '.' && dotdot->name[1] == '.';
}

int ext4_htree_convert(struct ext4_handle *h, struct inode *dir)
{
	struct buffer *root = ext4_dir_read(dir, 0, DIR_LEAF), *leaf;
	struct ext4_fs *fs = h->fs;
	struct frame f = { 0 };
	struct ext4_dirent *de;
	u32 lblk, off, n = 0;
	int err;

	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	err = starts_with_dots(fs, root->data) ? ext4_access(h, root) :
						 ext4_corrupt(fs, dir->ino, "no . and .. in front");
	leaf = err ? ERR_PTR(err) : ext4_dir_append(h, dir, &lblk);
	if (IS_ERR(leaf)) {
		buffer_put(root);
		return (int)PTR_ERR(leaf);
	}
	/* Everything behind ".." moves to the leaf as it stands; the chain is made again. */
	ext4_dir_init_tail(fs, leaf->data);
	ext4_set_rec_len(leaf->data, ext4_dir_usable(fs));
	off = 12 + ext4_rec_len((struct ext4_dirent *)((char *)root->data + 12), fs->block_size);
	de = off < ext4_dir_usable(fs) ? (struct ext4_dirent *)((char *)root->data + off) : NULL;
	for (; de && n < ENTRIES_MAX; de = ext4_dir_next(fs, root->data, de), n++)
		if (de->ino.raw)
			ext4_leaf_insert(fs, leaf->data, de->name, de->name_len, le32_to_cpu(de->ino),
					 de->file_type);
	make_root(fs, root, &f);
	EXT4_I(dir)->flags |= IFL_INDEX;
	ext4_dir_leaf_changed(h, dir, leaf);
	dx_changed(h, dir, &f);
	buffer_put(leaf);
	buffer_put(root);
	return 0;
}
