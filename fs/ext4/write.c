// SPDX-License-Identifier: MIT
/*
 * Writing file pages back: where delayed blocks get their place on the disk.
 *
 * Dirty pages come in batches with rising index.  All pages of a batch are
 * locked; each run of promised blocks is then allocated with one call, so a
 * small file gets its blocks in one piece and a large one in pieces that follow
 * each other.  Then each page leaves for the disk in bios as long as the blocks
 * are contiguous.
 *
 * Unwritten blocks become written when the write is submitted, not when it
 * ended: until then readers find the page in the cache.
 *
 * A page that cannot be placed is dropped with the error noted for fsync(2):
 * promises make that a matter of I/O errors and damage, not of a full disk.  For
 * want of memory nothing is dropped: such a page stays dirty for the next try.
 */
#include <tarn/math.h>
#include "ext4.h"

#define BATCH 48

struct write_ctx {
	struct inode *inode;
	struct mapping *m;
	struct bio *bio;
	u64 next_pblk;          /* where the bio ends */
	struct ext4_map map;    /* a run inside the present batch */
	u32 n;
	struct page *pages[BATCH];      /* NULL: not to be written */
};

static u32 page_blocks(const struct ext4_fs *fs)
{
	return (u32)(PAGE_SIZE >> fs->block_bits);
}

static u32 page_lblk(const struct ext4_fs *fs, const struct page *p)
{
	return (u32)(p->index << (PAGE_SHIFT - fs->block_bits));
}

/* ---- the batch ---- */

static void ctx_submit(struct write_ctx *c)
{
	if (c->bio)
		bio_submit(c->bio);
	c->bio = NULL;
}

static bool wants_writing(struct write_ctx *c, struct page *p, bool wait)
{
	if (p->mapping != c->m || !page_test(p, PG_DIRTY))
		return false;
	if ((p->index << PAGE_SHIFT) >= inode_size(c->inode))
		return false; /* truncation is about to drop it */
	if (page_test(p, PG_WRITEBACK)) {
		if (!wait)
			return false;
		ctx_submit(c); /* it may be ours */
		page_wait_writeback(p);
	}
	return page_test(p, PG_UPTODATE);
}

static void lock_batch(struct write_ctx *c, bool wait)
{
	for (u32 i = 0; i < c->n; i++) {
		struct page *p = c->pages[i];

		if (!page_trylock(p)) {
			ctx_submit(c);
			page_lock(p);
		}
		if (wants_writing(c, p, wait))
			continue;
		page_unlock(p);
		page_put(p);
		c->pages[i] = NULL;
	}
}

/* ---- placing ---- */

/* How much of @p lies in the file: the answer is stale while somebody may make the file grow. */
static u32 bytes_in_file(const struct write_ctx *c, const struct page *p)
{
	u64 size = inode_size(c->inode), start = p->index << PAGE_SHIFT;

	return size > start ? (u32)MIN(size - start, (u64)PAGE_SIZE) : 0;
}

/* The promised blocks of @p among its first @bytes bytes: those behind the end of the file get no place. */
static u32 promised(const struct write_ctx *c, const struct page *p, u32 bytes)
{
	u32 n = DIV_ROUND_UP(bytes, EXT4_FS(c->inode)->block_size);

	return ext4_page_delayed(p) & ((u32)BIT(n) - 1);
}

/* Blocks [@lblk, + count) are on the disk, new or since fallocate: their promises are settled. */
static void settle_promises(struct write_ctx *c, u32 lblk, u32 count)
{
	struct ext4_fs *fs = EXT4_FS(c->inode);
	u32 per = page_blocks(fs);

	for (u32 i = 0; i < c->n; i++) {
		struct page *p = c->pages[i];
		u32 bits, first;

		if (!p || !(bits = ext4_page_delayed(p)))
			continue;
		first = page_lblk(fs, p);
		for (u32 k = 0; k < per; k++)
			if (first + k - lblk < count)
				bits &= ~(u32)BIT(k);
		ext4_page_set_delayed(p, bits);
	}
	ext4_unreserve(fs, count);
}

static int place_run(struct write_ctx *c, u32 lblk, u32 count)
{
	struct ext4_fs *fs = EXT4_FS(c->inode);

	while (count) {
		struct ext4_map map = { .lblk = lblk, .len = count };
		struct ext4_handle h;
		int err = ext4_start(&h, fs, CREDITS_ALLOC), stop;

		if (err)
			return err;
		err = ext4_map_blocks(&h, c->inode, &map, MAP_CREATE | MAP_RESERVED);
		stop = ext4_stop(&h);
		if (err || stop)
			return err ? err : stop;
		settle_promises(c, lblk, map.len);
		lblk += map.len;
		count -= map.len;
	}
	return 0;
}

/* Finds the runs of promised blocks in the batch, in order. */
static int place_batch(struct write_ctx *c)
{
	struct ext4_fs *fs = EXT4_FS(c->inode);
	u32 per = page_blocks(fs), start = 0, count = 0;
	int err;

	for (u32 i = 0; i < c->n; i++) {
		struct page *p = c->pages[i];
		u32 bits = p ? promised(c, p, bytes_in_file(c, p)) : 0;

		for (u32 k = 0; bits && k < per; k++) {
			u32 lblk = page_lblk(fs, p) + k;

			if (!(bits & BIT(k)))
				continue;
			if (count && lblk == start + count) {
				count++;
				continue;
			}
			err = count ? place_run(c, start, count) : 0;
			if (err)
				return err;
			start = lblk;
			count = 1;
		}
	}
	return count ? place_run(c, start, count) : 0;
}

/* ---- writing ---- */

static void write_done(struct bio *bio)
{
	for (u32 i = 0; i < bio->nvecs; i++)
		page_end_writeback(bio->vecs[i].page, bio->status);
	bio_free(bio);
}

/* The rest of the page's writeback: it ends with this piece. */
static void add_piece(struct write_ctx *c, struct page *p, u32 offset, u32 len, u64 pblk)
{
	struct ext4_fs *fs = EXT4_FS(c->inode);

	if (c->bio && (pblk != c->next_pblk || !bio_add_page(c->bio, p, offset, len)))
		ctx_submit(c);
	if (!c->bio) {
		c->bio = bio_alloc(fs->bdev, BIO_WRITE, (pblk << fs->block_bits) >> SECTOR_SHIFT,
				   BIO_MAX_VECS, GFP_NOFS);
		if (!c->bio) {
			page_end_writeback(p, -ENOMEM);
			return;
		}
		c->bio->done = write_done;
		bio_add_page(c->bio, p, offset, len);
	}
	c->next_pblk = pblk + (len >> fs->block_bits);
}

/* Where block @lblk lies, written; up to @max blocks in *len; *pblk 0: a hole. */
static int locate(struct write_ctx *c, u32 lblk, u32 max, u32 *len, u64 *pblk)
{
	struct ext4_map *map = &c->map;
	int err = 0;

	if (lblk - map->lblk >= map->len) {
		*map = (struct ext4_map){ .lblk = lblk, .len = max };
		err = ext4_map_blocks(NULL, c->inode, map, 0);
		if (!err && (map->flags & MAP_UNWRITTEN)) {
			struct ext4_handle h;

			err = ext4_start(&h, EXT4_FS(c->inode), CREDITS_ALLOC);
			if (!err) {
				int stop;

				err = ext4_map_blocks(&h, c->inode, map, MAP_CREATE);
				stop = ext4_stop(&h);
				err = err ? err : stop;
			}
		}
		if (err) {
			map->len = 0;
			return err;
		}
	}
	*len = MIN(max, map->len - (lblk - map->lblk));
	*pblk = map->flags & MAP_MAPPED ? map->pblk + (lblk - map->lblk) : 0;
	return 0;
}

/* Under writeback and locked.  Small blocks: all pieces but the last are written at once. */
static int write_page(struct write_ctx *c, struct page *p, u32 nblocks, u32 run_left)
{
	struct ext4_fs *fs = EXT4_FS(c->inode);
	u32 lblk = page_lblk(fs, p), offset = 0, len = 0, done = 0;
	u64 at = 0, pblk;
	u32 n;
	int err;

	while (done < nblocks) {
		err = locate(c, lblk + done, done ? nblocks - done : MAX(nblocks, run_left), &n, &pblk);
		if (err)
			return err;
		n = MIN(n, nblocks - done);
		if (pblk && len && pblk == at + (len >> fs->block_bits) &&
		    offset + len == done << fs->block_bits) {
			len += n << fs->block_bits;
		} else if (pblk) {
			err = len ? bio_page_wait(fs->bdev, BIO_WRITE, p, offset, len,
						  at << fs->block_bits) : 0;
			if (err)
				return err;
			offset = done << fs->block_bits;
			len = n << fs->block_bits;
			at = pblk;
		}
		done += n;
	}
	if (len)
		add_piece(c, p, offset, len, at);
	else
		page_end_writeback(p, 0);
	return 0;
}

static void drop_promises(struct write_ctx *c, struct page *p, u32 drop)
{
	u32 bits = ext4_page_delayed(p);

	if (bits & drop) {
		ext4_unreserve(EXT4_FS(c->inode), popcount64(bits & drop));
		ext4_page_set_delayed(p, bits & ~drop);
	}
}

/* Under writeback and locked, and it does not leave. */
static void give_up(struct write_ctx *c, struct page *p, int err)
{
	if (err == -ENOMEM) {
		page_mark_dirty(p);
		page_end_writeback(p, 0);
		return;
	}
	drop_promises(c, p, ~0u);
	page_end_writeback(p, err);
}

/*
 * @place_err: why promised blocks have no place.
 *
 * The size counts as it is after page_start_writeback(), which took the right to
 * store from all mappings: before that the file may grow and be stored to where
 * an older size says there is no file.  Blocks that came into the file after
 * place_batch() looked have a promise and no place: the page stays dirty for
 * them.  The promises behind the end are void, whoever stores there asks again.
 */
static int send_page(struct write_ctx *c, struct page *p, u32 run_left, int place_err)
{
	u32 bytes;
	int err;

	if (!page_start_writeback(p))
		return 0;
	bytes = bytes_in_file(c, p);
	drop_promises(c, p, ~promised(c, p, bytes));
	err = ext4_page_delayed(p) ? place_err : 0;
	if (!err) {
		if (ext4_page_delayed(p))
			page_mark_dirty(p);
		err = write_page(c, p, DIV_ROUND_UP(bytes, EXT4_FS(c->inode)->block_size), run_left);
	}
	if (err)
		give_up(c, p, err);
	return err;
}

/*
 * Blocks from page @i on that this batch writes without a gap: only those may
 * be converted together, an unwritten block between them has no data to show.
 */
static u32 run_from(const struct write_ctx *c, u32 i)
{
	struct ext4_fs *fs = EXT4_FS(c->inode);
	u32 first = page_lblk(fs, c->pages[i]), n = 1;
	u64 end = DIV_ROUND_UP(inode_size(c->inode), (u64)fs->block_size);

	while (i + n < c->n && c->pages[i + n] && c->pages[i + n]->index == c->pages[i]->index + n)
		n++;
	return end > first ? (u32)MIN((u64)n * page_blocks(fs), end - first) : 0;
}

static int write_batch(struct write_ctx *c, bool wait)
{
	int place_err, err;

	lock_batch(c, wait);
	place_err = err = place_batch(c);
	c->map.len = 0; /* what was looked up is true while these pages are locked */
	for (u32 i = 0; i < c->n; i++) {
		struct page *p = c->pages[i];
		int e;

		if (!p)
			continue;
		e = send_page(c, p, run_from(c, i), place_err);
		err = err ? err : e;
		page_unlock(p);
		page_put(p);
	}
	return err;
}

int ext4_write_pages(struct mapping *m, struct writeback *wb)
{
	struct write_ctx c = { .inode = m->host, .m = m };
	int err = 0;

	while (wb->budget && (c.n = mapping_next_dirty(m, wb, c.pages,
						       (u32)MIN(wb->budget, (u64)BATCH)))) {
		int e = write_batch(&c, wb->wait);

		if (e && !err)
			err = e;
		if (wb->budget != ~0ull)
			wb->budget -= c.n;
		cond_resched();
	}
	ctx_submit(&c);
	return err;
}
