// SPDX-License-Identifier: MIT
/*
 * getdents(2): a directory's entries, with cookies that stay valid.
 *
 * With dir_index, entries come in the order of their hashes and a cookie is the
 * hash: 31 bits of the major and 32 of the minor one.  Adding, removing and
 * splitting do not move a name in that order, so a reader that comes back with
 * a cookie misses nothing and sees nothing twice.  A directory of one block is
 * read in this order too, for it may become hashed in the meantime.
 *   0: "."   1: ".."   2: the first name   END: no more
 * Names with equal hashes share a cookie: file->private then counts how many of
 * them this reader has had.
 *
 * Without dir_index a cookie is a byte offset; blocks are walked from their
 * start, so an offset whose entry is gone leads to the next one.
 *
 * Locks: the directory's inode->lock shared, the file's pos_lock.
 */
#include <linux/fs.h>
#include "ext4.h"

#define POS_DOTDOT 1ull
#define POS_FIRST 2ull
#define POS_END 0x7fffffffffffffffull

struct named {
	u64 pos;
	struct ext4_dirent *de;
};

/* The names of a leaf, and of those chained to it, sorted. */
struct gather {
	struct named *list;     /* and, from cap on, as much room for sorting */
	u32 n, cap;
	struct buffer **held;   /* their blocks */
	u32 nheld;
	u64 next;               /* cookie where the next leaf begins */
	u8 version;             /* of the hash */
};

/* How many of the names at @pos were returned. */
struct tie {
	u64 pos;
	u32 count;
};

static u8 dirent_type(const struct ext4_dirent *de)
{
	/* DT_*: the type bits of the mode, shifted down */
	static const u8 types[] = { 0, S_IFREG >> 12, S_IFDIR >> 12, S_IFCHR >> 12, S_IFBLK >> 12,
				    S_IFIFO >> 12, S_IFSOCK >> 12, S_IFLNK >> 12 };

	return de->file_type < ARRAY_SIZE(types) ? types[de->file_type] : 0;
}

static bool emit(struct dir_emit *d, const struct ext4_dirent *de, u64 next)
{
	return d->emit(d, de->name, de->name_len, le32_to_cpu(de->ino), dirent_type(de), next);
}

/* ---- gathering ---- */

/* Empty again, for the next leaf. */
static void gather_reset(struct gather *g)
{
	for (u32 i = 0; i < g->nheld; i++)
		buffer_put(g->held[i]);
	g->nheld = 0;
	g->n = 0;
}

static void gather_free(struct gather *g)
{
	gather_reset(g);
	kfree(g->held);
	kfree(g->list);
}

static int gather_add(struct gather *g, u64 pos, struct ext4_dirent *de)
{
	if (g->n == g->cap) {
		u32 cap = g->cap ? g->cap * 2 : 128;
		struct named *list = krealloc(g->list, 2 * cap * sizeof(*list), GFP_KERNEL);

		if (!list)
			return -ENOMEM;
		g->list = list;
		g->cap = cap;
	}
	g->list[g->n++] = (struct named){ .pos = pos, .de = de };
	return 0;
}

static int gather_hold(struct gather *g, struct buffer *bh)
{
	struct buffer **held = krealloc(g->held, (g->nheld + 1) * sizeof(*held), GFP_KERNEL);

	if (!held)
		return -ENOMEM;
	g->held = held;
	held[g->nheld++] = bh;
	return 0;
}

static u64 hash_pos(const struct ext4_hash *hash)
{
	u64 pos = (u64)(hash->major >> 1) << 32 | hash->minor;

	return MAX(pos, POS_FIRST);
}

static bool is_dots(const struct ext4_dirent *de)
{
	return de->name[0] == '.' &&
	       (de->name_len == 1 || (de->name_len == 2 && de->name[1] == '.'));
}

static int gather_leaf(struct inode *dir, struct gather *g, u32 lblk, u64 from)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	struct buffer *bh = ext4_dir_read(dir, lblk, DIR_LEAF);
	struct ext4_dirent *de;
	struct ext4_hash hash;
	int err;

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	err = gather_hold(g, bh);
	if (err) {
		buffer_put(bh);
		return err;
	}
	for (de = ext4_dir_first(fs, bh->data); de && !err; de = ext4_dir_next(fs, bh->data, de)) {
		if (!de->ino.raw || !de->name_len || is_dots(de))
			continue;
		err = ext4_htree_hash(dir, g->version, de->name, de->name_len, &hash);
		if (!err && hash_pos(&hash) >= from)
			err = gather_add(g, hash_pos(&hash), de);
	}
	return err;
}

/* [@from, @mid) and [@mid, @end), both sorted, to the same places of @out.  Equal ones keep their order. */
static void merge(const struct named *in, struct named *out, u32 from, u32 mid, u32 end)
{
	u32 a = from, b = mid;

	for (u32 i = from; i < end; i++)
		out[i] = a < mid && (b == end || in[a].pos <= in[b].pos) ? in[a++] : in[b++];
}

/*
 * By merging ever longer runs: half the comparisons of sort(), and none of them
 * a call, which is most of the time of a listing. Names with equal hashes stay
 * in the order in which the directory has them.
 */
static void gather_sort(struct gather *g)
{
	struct named *in = g->list, *out;

	if (g->n < 2) /* no list at all, perhaps */
		return;
	out = in + g->cap;
	for (u32 run = 1; run < g->n; run *= 2) {
		struct named *old = in;

		for (u32 from = 0; from < g->n; from += 2 * run)
			merge(in, out, from, MIN(from + run, g->n), MIN(from + 2 * run, g->n));
		in = out;
		out = old;
	}
	if (in != g->list)
		memcpy(g->list, in, g->n * sizeof(*in));
}

/* All names of the leaf that @from falls into, from there on. */
static int gather_from(struct inode *dir, struct gather *g, u64 from)
{
	u32 major = (u32)(from >> 32) << 1, lblk = 0, steps = ext4_dir_blocks(dir);
	bool chained = false;
	u64 next = ~0ull;
	int err = ext4_htree_version(dir, &g->version);

	g->next = POS_END;
	if (err)
		return err;
	if (!(EXT4_I(dir)->flags & IFL_INDEX)) {
		err = gather_leaf(dir, g, 0, from);
	} else {
		do {
			err = ext4_htree_leaf_at(dir, major, &lblk, &next, &chained);
			if (!err)
				err = gather_leaf(dir, g, lblk, from);
			/* The chained leaf's pair is the hash with bit 0 set: search for just that. */
			major = (u32)next;
		} while (!err && chained && steps--);
		if (next != ~0ull)
			g->next = MAX(next >> 1 << 32, POS_FIRST);
	}
	if (!err)
		gather_sort(g);
	return err;
}

/* ---- hashed order ---- */

static u32 tie_skip(struct file *f, u64 pos)
{
	const struct tie *t = f->private;

	return t && t->pos == pos ? t->count : 0;
}

static void tie_note(struct file *f, u64 pos, u32 count)
{
	struct tie *t = f->private;

	if (!t && !count)
		return;
	if (!t)
		t = f->private = kzalloc(sizeof(*t), GFP_KERNEL);
	if (t)
		*t = (struct tie){ .pos = pos, .count = count };
}

/* False: the reader's buffer is full, *pos says where to go on. */
static bool emit_gathered(struct file *f, struct dir_emit *d, const struct gather *g, u64 *pos)
{
	u32 i = MIN(tie_skip(f, *pos), g->n), same = i;

	for (; i < g->n; i++) {
		u64 here = g->list[i].pos, next = i + 1 < g->n ? g->list[i + 1].pos : g->next;

		if (here != *pos) {
			*pos = here;
			same = 0;
		}
		if (!emit(d, g->list[i].de, next)) {
			tie_note(f, here, same);
			return false;
		}
		same++;
		if (next != here)
			same = 0;
		*pos = next;
		/* The reader may keep no more than this cookie: remember how far into the tie it is. */
		if (same)
			tie_note(f, next, same);
	}
	*pos = g->next;
	return true;
}

/* One leaf.  1: the reader's buffer is full. */
static int iterate_leaf(struct inode *dir, struct file *f, struct dir_emit *d, struct gather *g, u64 *pos)
{
	u64 from = *pos;
	int err = gather_from(dir, g, from);

	if (err)
		return err;
	if (!emit_gathered(f, d, g, pos))
		return 1;
	if (*pos <= from) /* a tree that leads back: the image is bad */
		return ext4_corrupt(EXT4_FS(dir), dir->ino, "directory index runs in a circle");
	return fatal_signal_pending() ? -EINTR : 0;
}

static int iterate_hashed(struct inode *dir, struct file *f, struct dir_emit *d, u64 *pos)
{
	struct gather g = { 0 };
	int ret = 0;

	while (*pos < POS_END && !ret) {
		ret = iterate_leaf(dir, f, d, &g, pos);
		gather_reset(&g);
		cond_resched();
	}
	gather_free(&g);
	return MIN(ret, 0);
}

/* "." and "..": false when the buffer is full. */
static int iterate_dots(struct inode *dir, struct dir_emit *d, u64 *pos)
{
	struct ext4_entry e;
	u32 parent;
	int err;

	if (*pos == 0) {
		if (!d->emit(d, ".", 1, dir->ino, S_IFDIR >> 12, POS_DOTDOT))
			return 1;
		*pos = POS_DOTDOT;
	}
	if (*pos == POS_DOTDOT) {
		err = ext4_dir_find_dotdot(dir, &e);
		if (err)
			return err;
		parent = le32_to_cpu(e.de->ino);
		buffer_put(e.bh);
		if (!d->emit(d, "..", 2, parent, S_IFDIR >> 12, POS_FIRST))
			return 1;
		*pos = POS_FIRST;
	}
	return 0;
}

/* ---- linear order ---- */

/* 1: the buffer is full. */
static int iterate_block(struct inode *dir, struct dir_emit *d, u64 *pos)
{
	struct ext4_fs *fs = EXT4_FS(dir);
	u32 lblk = (u32)(*pos >> fs->block_bits);
	u64 start = (u64)lblk << fs->block_bits;
	struct buffer *bh = ext4_dir_read(dir, lblk, DIR_ANY);
	struct ext4_dirent *de;
	int full = 0;

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	de = ext4_verified(bh, VERIFIED_INDEX) && lblk ? NULL : ext4_dir_first(fs, bh->data);
	for (; de && !full; de = ext4_dir_next(fs, bh->data, de)) {
		u64 at = start + (u64)((char *)de - (char *)bh->data);
		u64 next = at + ext4_rec_len(de, fs->block_size);

		if (at < *pos || !de->ino.raw)
			continue;
		full = !emit(d, de, next);
		*pos = full ? at : next;
	}
	if (!full)
		*pos = start + fs->block_size;
	buffer_put(bh);
	return full;
}

static int iterate_linear(struct inode *dir, struct dir_emit *d, u64 *pos)
{
	while (*pos < inode_size(dir)) {
		int ret = iterate_block(dir, d, pos);

		if (ret)
			return ret < 0 ? ret : 0;
		if (fatal_signal_pending())
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int ext4_iterate(struct file *f, struct dir_emit *d, u64 *pos)
{
	struct inode *dir = f->inode;
	int ret;

	if (!(EXT4_FS(dir)->compat & COMPAT_DIR_INDEX) ||
	    (!(EXT4_I(dir)->flags & IFL_INDEX) && ext4_dir_blocks(dir) > 1))
		return iterate_linear(dir, d, pos);
	ret = iterate_dots(dir, d, pos);
	if (ret)
		return ret < 0 ? ret : 0;
	return iterate_hashed(dir, f, d, pos);
}

static loff_t ext4_dir_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	loff_t base = whence == SEEK_CUR ? f->pos : whence == SEEK_END ? (loff_t)POS_END : 0;

	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
		return -EINVAL;
	tie_note(f, 0, 0);
	f->pos = offset;
	return offset;
}

static void ext4_dir_release(struct file *f)
{
	kfree(f->private);
	f->private = NULL;
}

const struct file_ops ext4_dir_fops = {
	.iterate = ext4_iterate,
	.llseek = ext4_dir_llseek,
	.release = ext4_dir_release,
	.ioctl = ext4_ioctl,
	.fsync = ext4_fsync,
};
