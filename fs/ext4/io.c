// SPDX-License-Identifier: MIT
/*
 * File pages and the disk: reading, and preparing writes.
 *
 * Reading maps runs of blocks and fills bios as long as pages follow each other
 * on the disk; holes and unwritten blocks are zeroed.  With blocks smaller than
 * a page, a page may need several bios: such pages are read at once.
 *
 * Writing is delayed: a block that a write touches first gets only a promise
 * (ext4_reserve), recorded in page->private, a bit per block of the page.  The
 * disk's place is chosen when the page is written back (write.c).  Invariant: a
 * dirty block is mapped or promised; all other blocks of the page are holes and
 * zero.
 *
 * Locks: the page lock guards page->private and serialises with writeback.
 */
#include <tarn/math.h>
#include <tarn/mm.h>
#include "ext4.h"

u32 ext4_page_delayed(const struct page *p)
{
	return page_test(p, PG_PRIVATE) ? (u32)(ulong)p->private : 0;
}

void ext4_page_set_delayed(struct page *p, u32 bits)
{
	/* Unsigned arithmetic wraps: a shrinking page adds the two's complement. */
	atomic_fetch_add(&EXT4_I(p->mapping->host)->delayed,
			 (u32)popcount64(bits) - (u32)popcount64(ext4_page_delayed(p)));
	p->private = (void *)(ulong)bits;
	if (bits)
		page_set(p, PG_PRIVATE);
	else
		page_clear(p, PG_PRIVATE);
}

static u32 blocks_per_page(const struct ext4_fs *fs)
{
	return (u32)(PAGE_SIZE >> fs->block_bits);
}

static u64 page_lblk(const struct ext4_fs *fs, const struct page *p)
{
	return p->index << (PAGE_SHIFT - fs->block_bits);
}

/* ---- reading ---- */

static void read_done(struct bio *bio)
{
	for (u32 i = 0; i < bio->nvecs; i++)
		page_read_done(bio->vecs[i].page, bio->status == 0);
	bio_free(bio);
}

/* Like ext4_map_blocks() for looking, but past the largest block it is all hole. */
static int look(struct inode *inode, u64 lblk, u32 len, struct ext4_map *map)
{
	if (lblk >= ~0u) {
		*map = (struct ext4_map){ .len = len };
		return 0;
	}
	*map = (struct ext4_map){ .lblk = (u32)lblk, .len = MIN(len, ~0u - (u32)lblk) };
	return ext4_map_blocks(NULL, inode, map, 0);
}

int ext4_fill_page(struct inode *inode, struct page *p)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u32 n = blocks_per_page(fs), done = 0;
	u64 lblk = page_lblk(fs, p);
	u64 end = DIV_ROUND_UP(inode_size(inode), (u64)fs->block_size);

	while (done < n) {
		char *to = (char *)page_address(p) + ((size_t)done << fs->block_bits);
		struct ext4_map map = { .len = n - done };
		u32 bytes;
		int err = lblk + done < end ? look(inode, lblk + done, n - done, &map) : 0;

		if (err)
			return err;
		bytes = map.len << fs->block_bits;
		if (map.flags & MAP_MAPPED)
			err = bio_page_wait(fs->bdev, BIO_READ, p, done << fs->block_bits, bytes,
					    map.pblk << fs->block_bits);
		else
			memset(to, 0, bytes);
		if (err)
			return err;
		done += map.len;
	}
	return 0;
}

/* Reads a page on its own, waiting: one in several pieces, or the last of the file. */
static void read_single(struct inode *inode, struct page *p)
{
	page_read_done(p, ext4_fill_page(inode, p) == 0);
}

struct read_run {
	struct inode *inode;
	struct bio *bio;
	u64 next_pblk;          /* where the bio ends */
	struct ext4_map map;    /* the run that was looked up last */
};

static void run_submit(struct read_run *run)
{
	if (run->bio)
		bio_submit(run->bio);
	run->bio = NULL;
}

static void run_add(struct read_run *run, struct page *p, u64 pblk, u32 pages_left)
{
	struct ext4_fs *fs = EXT4_FS(run->inode);
	u64 pos = pblk << fs->block_bits;

	if (run->bio && (pblk != run->next_pblk || !bio_add_page(run->bio, p, 0, PAGE_SIZE)))
		run_submit(run);
	if (!run->bio) {
		run->bio = bio_alloc(fs->bdev, BIO_READ, pos >> SECTOR_SHIFT, pages_left, GFP_NOFS);
		if (!run->bio) {
			page_read_done(p, false);
			return;
		}
		run->bio->done = read_done;
		bio_add_page(run->bio, p, 0, PAGE_SIZE);
	}
	run->next_pblk = pblk + blocks_per_page(fs);
}

/* The page's blocks when they are all mapped in one piece, or all hole; else false. */
static bool whole_page(struct read_run *run, u64 lblk, u32 pages_left, int *err)
{
	u32 n = blocks_per_page(EXT4_FS(run->inode));
	struct ext4_map *map = &run->map;

	*err = 0;
	if (lblk < map->lblk || lblk + n > (u64)map->lblk + map->len)
		*err = look(run->inode, lblk, MIN(n * pages_left, 1u << 20), map);
	return !*err && map->len >= n;
}

void ext4_read_pages(struct mapping *m, struct page **pages, unsigned int n)
{
	struct inode *inode = m->host;
	struct ext4_fs *fs = EXT4_FS(inode);
	struct read_run run = { .inode = inode };
	u64 size = inode_size(inode);

	for (unsigned int i = 0; i < n; i++) {
		struct page *p = pages[i];
		u64 lblk = page_lblk(fs, p);
		int err = 0;

		if ((p->index << PAGE_SHIFT) + PAGE_SIZE > size) {
			run_submit(&run);
			read_single(inode, p);
		} else if (!whole_page(&run, lblk, n - i, &err)) {
			run_submit(&run);
			if (err)
				page_read_done(p, false);
			else
				read_single(inode, p);
			run.map.len = 0;
		} else if (run.map.flags & MAP_MAPPED) {
			run_add(&run, p, run.map.pblk + (lblk - run.map.lblk), n - i);
		} else {
			memset(page_address(p), 0, PAGE_SIZE);
			page_read_done(p, true);
		}
	}
	run_submit(&run);
}

/* ---- preparing a write ---- */

/* Blocks of @p in bytes [from, to) that are neither mapped nor promised get a promise.  Page locked. */
static int promise_blocks(struct inode *inode, struct page *p, u32 from, u32 to)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u32 first = from >> fs->block_bits, end = (to - 1) >> fs->block_bits;
	u32 have = ext4_page_delayed(p), need = 0, count;
	u64 lblk = page_lblk(fs, p);

	for (u32 i = first; i <= end; i++) {
		struct ext4_map map;
		int err;

		if (have & BIT(i))
			continue;
		if (lblk + i >= ~0u)
			return -EFBIG;
		err = look(inode, lblk + i, end - i + 1, &map);
		if (err)
			return err;
		if (map.flags == MAP_HOLE)
			for (u32 k = i; k < i + map.len; k++)
				need |= (u32)BIT(k) & ~have;
		i += map.len - 1;
	}
	count = popcount64(need);
	if (!count)
		return 0;
	if (ext4_reserve(fs, count))
		return -ENOSPC;
	ext4_page_set_delayed(p, have | need);
	return 0;
}

/* The bytes of the last page behind the end of the file are zero, whatever the disk has. */
static void zero_tail(struct inode *inode, struct page *p)
{
	u64 size = inode_size(inode), start = p->index << PAGE_SHIFT;

	if (size < start + PAGE_SIZE) {
		u32 from = size > start ? (u32)(size - start) : 0;

		memset((char *)page_address(p) + from, 0, PAGE_SIZE - from);
	}
}

/* Makes the parts of a page valid that the write [from, to) will not cover. */
static int prepare_page(struct inode *inode, struct page *p, u32 from, u32 to)
{
	u64 start = p->index << PAGE_SHIFT, size = inode_size(inode);
	char *data = page_address(p);

	if (page_test(p, PG_UPTODATE) || to - from == PAGE_SIZE)
		return 0;
	if (start >= size || (from == 0 && start + to >= size)) {
		memset(data, 0, from);
		memset(data + to, 0, PAGE_SIZE - to);
		return 0;
	}
	{
		int err = ext4_fill_page(inode, p);

		if (!err) {
			zero_tail(inode, p);
			page_set(p, PG_UPTODATE);
		}
		return err;
	}
}

/*
 * Where blocks are smaller than a page, growth and holes leave blocks without a
 * place in a page that mappings may store to already.  They lose that right, so
 * that the next store comes to ext4_make_writable() and gets its promise.
 */
void ext4_protect_part(struct inode *inode, u64 pos)
{
	struct page *p;

	if (EXT4_FS(inode)->block_size == PAGE_SIZE || pos % PAGE_SIZE == 0)
		return;
	p = pagecache_find_locked(inode->mapping, pos >> PAGE_SHIFT);
	if (!p)
		return;
	page_mkclean(p);
	page_unlock(p);
	page_put(p);
}

/*
 * Blocks [first, end) were taken from the file, and the page of @pos, which has
 * some of them, stays because of the others: a promise for one of those would
 * bring it back as a block of zeros.  They lose that, what was stored since they
 * went, and the right to be stored to without asking again.
 */
void ext4_forget_part(struct inode *inode, u64 pos, u64 first, u64 end)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct page *p =
		pos % PAGE_SIZE ? pagecache_find_locked(inode->mapping, pos >> PAGE_SHIFT) : NULL;
	u32 gone = 0;

	if (!p)
		return;
	page_mkclean(p);
	for (u32 k = 0; k < blocks_per_page(fs); k++)
		if (page_lblk(fs, p) + k >= first && page_lblk(fs, p) + k < end) {
			memset((char *)page_address(p) + ((size_t)k << fs->block_bits), 0,
			       fs->block_size);
			gone |= (u32)BIT(k);
		}
	gone &= ext4_page_delayed(p);
	if (gone) {
		ext4_unreserve(fs, popcount64(gone));
		ext4_page_set_delayed(p, ext4_page_delayed(p) & ~gone);
	}
	page_unlock(p);
	page_put(p);
}

static int ext4_write_begin(struct mapping *m, u64 pos, u32 len, struct page **out)
{
	struct inode *inode = m->host;
	u32 from = (u32)(pos & (PAGE_SIZE - 1));
	struct page *p;
	int err;

	if (ext4_read_only(EXT4_FS(inode)))
		return -EROFS;
	p = pagecache_grab(m, pos >> PAGE_SHIFT, GFP_USER);
	if (!p)
		return -ENOMEM;
	err = prepare_page(inode, p, from, from + len);
	if (!err)
		err = promise_blocks(inode, p, from, from + len);
	if (err) {
		page_unlock(p);
		page_put(p);
		return err;
	}
	*out = p;
	return 0;
}

static int ext4_write_end(struct mapping *m, u64 pos, u32 len, u32 copied, struct page *p)
{
	struct inode *inode = m->host;
	u64 old_size = inode_size(inode);

	/* A page that the write was to complete is worth nothing if it came short. */
	if (!page_test(p, PG_UPTODATE)) {
		if (copied < len)
			copied = 0;
		else
			page_set(p, PG_UPTODATE);
	}
	if (copied) {
		if (pos + copied > old_size) {
			atomic_store_explicit(&inode->size, pos + copied, memory_order_release);
			inode_mark_dirty(inode);
		}
		page_mark_dirty(p);
	}
	page_unlock(p);
	lru_mark_accessed(p);
	page_put(p);
	if (copied && pos + copied > old_size)
		ext4_protect_part(inode, old_size);
	return (int)copied;
}

static int ext4_make_writable(struct mapping *m, struct page *p)
{
	struct inode *inode = m->host;
	u64 start = p->index << PAGE_SHIFT, size = inode_size(inode);

	if (ext4_read_only(EXT4_FS(inode)))
		return -EROFS;
	if (start >= size)
		return -EINVAL; /* truncated meanwhile: the fault gives SIGBUS */
	return promise_blocks(inode, p, 0, (u32)MIN(size - start, (u64)PAGE_SIZE));
}

/* The page leaves the cache: promises for blocks that were never written go back. */
static void ext4_invalidate(struct page *p)
{
	u32 bits = ext4_page_delayed(p);

	if (!bits)
		return;
	ext4_unreserve(EXT4_FS(p->mapping->host), popcount64(bits));
	ext4_page_set_delayed(p, 0);
}

/* ---- for swapon ---- */

/* A page must be whole and aligned on the disk; more of them in a row when the run is longer. */
static int ext4_swap_place(struct mapping *m, u64 index, u64 *sector, u64 *pages)
{
	struct ext4_fs *fs = EXT4_FS(m->host);
	u32 per_page = (u32)(PAGE_SIZE >> fs->block_bits);
	struct ext4_map map = { .lblk = (u32)(index * per_page),
				.len = (u32)MIN(*pages * per_page, 1ul << 30) };
	int err = ext4_map_blocks(NULL, m->host, &map, 0);

	if (err)
		return err;
	if (!(map.flags & (MAP_MAPPED | MAP_UNWRITTEN)) || map.len < per_page)
		return -EINVAL;
	*pages = map.len / per_page;
	*sector = map.pblk << (fs->block_bits - SECTOR_SHIFT);
	return 0;
}

const struct mapping_ops ext4_mapping_ops = {
	.read_pages = ext4_read_pages,
	.write_begin = ext4_write_begin,
	.write_end = ext4_write_end,
	.make_writable = ext4_make_writable,
	.write_pages = ext4_write_pages,
	.invalidate = ext4_invalidate,
	.dirtied = inode_pages_dirtied,
	.swap_place = ext4_swap_place,
};
