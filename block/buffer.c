// SPDX-License-Identifier: MIT
/*
 * Buffers: named blocks of a device's page cache, for file system metadata.
 *
 * A page of the device's cache carries, in page->private, the list of buffers
 * over its blocks: one for 4 KiB blocks, up to eight for 512 bytes, all of one
 * size, in rising order.  Finding a buffer is finding its page.
 *
 * States of a buffer:  empty -> up to date <-> dirty
 *   The page is PG_UPTODATE once all of its buffers are.  A dirty buffer makes
 *   its page dirty; the page's writeback (cache.c) writes only the blocks that
 *   are dirty, never their neighbours, which may be a file's data.
 *
 * References: a buffer in use (refs > 0) holds a reference of its page, so
 *   reclaim leaves the page alone.  Idle buffers go with their page.
 *
 * Locks: a hashed spinlock (list_lock) guards a page's list and the step of a
 *   buffer's refs from 0; the page lock serialises reading in and attaching.
 *   BUF_LOCKED is the lock on the contents, waited for on hashed queues.
 */
#include <tarn/block.h>
#include <tarn/buffer.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/hash.h>
#include <tarn/inode.h>
#include <tarn/pagecache.h>
#include <tarn/panic.h>
#include <tarn/refcount.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/waitq.h>
#include "block.h"

#define LISTS_HASH 64
#define WAIT_HASH 64

static struct kmem_cache *buffer_cache;
static struct spinlock list_locks[LISTS_HASH];
static struct waitq wait_queues[WAIT_HASH];

static struct spinlock *list_lock(const struct page *p)
{
	return &list_locks[page_to_pfn(p) % LISTS_HASH];
}

static struct waitq *buffer_waitq(const struct buffer *bh)
{
	return &wait_queues[((ulong)bh >> 6) % WAIT_HASH];
}

static u32 flags_of(const struct buffer *bh)
{
	return atomic_load_explicit(&bh->flags, memory_order_acquire);
}

static u32 set_flags(struct buffer *bh, u32 flags)
{
	return atomic_fetch_or(&bh->flags, flags);
}

static u32 clear_flags(struct buffer *bh, u32 flags)
{
	return atomic_fetch_and(&bh->flags, ~flags);
}

static u32 offset_in_page(const struct buffer *bh)
{
	return (u32)((ulong)bh->data & (PAGE_SIZE - 1));
}

/* ---- a page's list ---- */

static void free_list(struct buffer *bh)
{
	while (bh) {
		struct buffer *next = bh->next_in_page;

		kmem_cache_free(buffer_cache, bh);
		bh = next;
	}
}

static struct buffer *make_list(struct bdev *b, struct page *p, u32 size)
{
	u32 n = (u32)(PAGE_SIZE / size), flags = page_test(p, PG_UPTODATE) ? BUF_UPTODATE : 0;
	struct buffer *list = NULL;

	while (n--) {
		struct buffer *bh = kmem_cache_alloc(buffer_cache, GFP_NOFS);

		if (!bh) {
			free_list(list);
			return NULL;
		}
		*bh = (struct buffer){
			.bdev = b,
			.block = p->index * (PAGE_SIZE / size) + n,
			.size = size,
			.flags = flags,
			.data = (char *)page_address(p) + n * size,
			.page = p,
			.next_in_page = list,
		};
		list = bh;
	}
	return list;
}

static bool list_busy(const struct buffer *bh)
{
	for (; bh; bh = bh->next_in_page)
		if (atomic_load(&bh->refs) || (flags_of(bh) & BUF_DIRTY) || bh->private)
			return true;
	return false;
}

/* Detaches an idle list; false if one of its buffers is in use. */
static bool detach_list(struct page *p)
{
	struct buffer *list;

	spin_lock(list_lock(p));
	list = p->private;
	if (list_busy(list)) {
		spin_unlock(list_lock(p));
		return false;
	}
	page_clear(p, PG_PRIVATE);
	p->private = NULL;
	spin_unlock(list_lock(p));
	free_list(list);
	return true;
}

void buffers_invalidate(struct page *p)
{
	/* If a buffer is in use the list stays, and so does the page: reclaim looks again. */
	if (page_test(p, PG_PRIVATE))
		detach_list(p);
}

/* The buffer of @block on @p with a reference, or NULL if there is none of @size. */
static struct buffer *list_find(struct page *p, u64 block, u32 size)
{
	struct buffer *bh;

	spin_lock(list_lock(p));
	bh = page_test(p, PG_PRIVATE) ? p->private : NULL;
	if (bh && bh->size != size)
		bh = NULL;
	while (bh && bh->block != block)
		bh = bh->next_in_page;
	if (bh && atomic_fetch_add(&bh->refs, 1) == 0)
		page_get(p);
	spin_unlock(list_lock(p));
	return bh;
}

/* Page locked.  Gives the page buffers of @size; others are dropped if they are idle. */
static int attach(struct bdev *b, struct page *p, u32 size)
{
	struct buffer *have = page_test(p, PG_PRIVATE) ? p->private : NULL;
	struct buffer *list;

	if (have && have->size == size)
		return 0;
	page_wait_writeback(p); /* its end looks at the list */
	if (have && !detach_list(p))
		return -EBUSY;
	list = make_list(b, p, size);
	if (!list)
		return -ENOMEM;
	spin_lock(list_lock(p));
	p->private = list;
	page_set(p, PG_PRIVATE);
	spin_unlock(list_lock(p));
	return 0;
}

static bool all_uptodate(const struct page *p)
{
	for (const struct buffer *bh = p->private; bh; bh = bh->next_in_page)
		if (!(flags_of(bh) & BUF_UPTODATE))
			return false;
	return true;
}

/* Page locked. */
static void buffer_now_uptodate(struct buffer *bh)
{
	set_flags(bh, BUF_UPTODATE);
	clear_flags(bh, BUF_ERROR);
	if (!page_test(bh->page, PG_UPTODATE) && all_uptodate(bh->page))
		page_set(bh->page, PG_UPTODATE);
}

/* ---- reading ---- */

/* Page locked. */
static int read_block(struct buffer *bh)
{
	int err = bio_page_wait(bh->bdev, BIO_READ, bh->page, offset_in_page(bh), bh->size,
				bh->block * bh->size);

	if (err) {
		set_flags(bh, BUF_ERROR);
		return err;
	}
	clear_flags(bh, BUF_VERIFIED | BUF_PRIVATE_MASK);
	buffer_now_uptodate(bh);
	return 0;
}

int buffers_read_page(struct page *p)
{
	u64 bytes = bdev_bytes(((struct buffer *)p->private)->bdev);

	for (struct buffer *bh = p->private; bh; bh = bh->next_in_page) {
		int err = 0;

		if (flags_of(bh) & BUF_UPTODATE)
			continue;
		if ((bh->block + 1) * bh->size <= bytes)
			err = read_block(bh);
		else
			memset(bh->data, 0, bh->size);
		if (err)
			return err;
	}
	return 0;
}

/* Is the block inside the device? */
static bool block_exists(const struct bdev *b, u64 block, u32 size)
{
	assert(size >= SECTOR_SIZE && size <= PAGE_SIZE && !(size & (size - 1)));
	return block < bdev_bytes(b) / size;
}

static u64 page_of(u64 block, u32 size)
{
	return block / (PAGE_SIZE / size);
}

struct buffer *buffer_find(struct bdev *b, u64 block, u32 size)
{
	struct page *p = pagecache_find(b->inode->mapping, page_of(block, size));
	struct buffer *bh;

	if (!p)
		return NULL;
	bh = list_find(p, block, size);
	page_put(p);
	if (bh && !(flags_of(bh) & BUF_UPTODATE)) {
		buffer_put(bh);
		return NULL;
	}
	return bh;
}

/* The page of @block, locked, with buffers of @size attached. */
static struct page *grab_page(struct bdev *b, u64 block, u32 size)
{
	struct mapping *m = b->inode->mapping;
	struct page *p = pagecache_grab(m, page_of(block, size), GFP_NOFS);
	int err;

	if (!p) /* nor in the reserve: a file system in the middle of a change had rather wait */
		p = pagecache_grab(m, page_of(block, size), m->gfp);
	if (!p)
		return ERR_PTR(-ENOMEM);
	err = attach(b, p, size);
	if (err) {
		page_unlock(p);
		page_put(p);
		return ERR_PTR(err);
	}
	return p;
}

static void release_page(struct page *p)
{
	page_unlock(p);
	page_put(p);
}

struct buffer *buffer_read(struct bdev *b, u64 block, u32 size)
{
	struct buffer *bh = buffer_find(b, block, size);
	struct page *p;
	int err = 0;

	if (likely(bh != NULL))
		return bh;
	if (!block_exists(b, block, size))
		return ERR_PTR(-EIO);
	/* A page nobody has read yet is read whole: metadata has metadata for neighbours. */
	p = pagecache_read_page(b->inode->mapping, page_of(block, size));
	if (!IS_ERR(p))
		page_put(p);
	p = grab_page(b, block, size);
	if (IS_ERR(p))
		return ERR_CAST(p);
	bh = list_find(p, block, size);
	if (!(flags_of(bh) & BUF_UPTODATE))
		err = read_block(bh);
	release_page(p);
	if (err) {
		buffer_put(bh);
		return ERR_PTR(err);
	}
	return bh;
}

struct buffer *buffer_get_new(struct bdev *b, u64 block, u32 size)
{
	struct buffer *bh;
	struct page *p;

	if (!block_exists(b, block, size))
		return ERR_PTR(-EIO);
	p = grab_page(b, block, size);
	if (IS_ERR(p))
		return ERR_CAST(p);
	bh = list_find(p, block, size);
	buffer_now_uptodate(bh);
	clear_flags(bh, BUF_PRIVATE_MASK);
	set_flags(bh, BUF_VERIFIED);
	release_page(p);
	return bh;
}

void buffer_prefetch(struct bdev *b, u64 block, u32 size)
{
	struct mapping *m = b->inode->mapping;
	struct page *p;

	if (!block_exists(b, block, size))
		return;
	p = pagecache_find(m, page_of(block, size));
	if (p) { /* there, or on its way */
		page_put(p);
		return;
	}
	p = pagecache_grab(m, page_of(block, size), GFP_NOFS | GFP_NORETRY);
	if (!p)
		return;
	if (page_test(p, PG_UPTODATE | PG_PRIVATE))
		page_unlock(p);
	else
		m->ops->read_pages(m, &p, 1);
	page_put(p);
}

/* ---- references ---- */

void buffer_get(struct buffer *bh)
{
	ref_raise(&bh->refs);
}

void buffer_put(struct buffer *bh)
{
	struct page *p;
	u32 old;

	if (!bh)
		return;
	p = bh->page;
	old = atomic_load(&bh->refs);
	while (old > 1 && old < REF_TOO_MANY)
		if (atomic_compare_exchange_weak(&bh->refs, &old, old - 1))
			return;
	/* The last one, most likely: the step to 0 and the page's reference belong together. */
	spin_lock(list_lock(p));
	old = ref_lower(&bh->refs);
	spin_unlock(list_lock(p));
	if (old == 1)
		page_put(p);
}

/* ---- writing ---- */

/*
 * The order matters: writeback clears PG_DIRTY, then BUF_DIRTY, then reads the
 * data.  So a change made before BUF_DIRTY was found set is still written.
 */
bool buffer_dirty(struct buffer *bh)
{
	if (unlikely(!(flags_of(bh) & BUF_UPTODATE)))
		return false;
	if (!(set_flags(bh, BUF_DIRTY) & BUF_DIRTY))
		page_mark_dirty(bh->page);
	return true;
}

/* It is about to be written: what became of the write before no longer counts. */
static bool take_dirty(struct buffer *bh)
{
	if (!(clear_flags(bh, BUF_DIRTY) & BUF_DIRTY))
		return false;
	clear_flags(bh, BUF_ERROR);
	return true;
}

bool buffers_next_dirty(struct page *p, u32 *offset, u32 *len)
{
	struct buffer *bh = p->private;
	u32 end;

	while (bh && (offset_in_page(bh) < *offset || !take_dirty(bh)))
		bh = bh->next_in_page;
	if (!bh)
		return false;
	*offset = offset_in_page(bh);
	end = *offset + bh->size;
	for (bh = bh->next_in_page; bh && take_dirty(bh); bh = bh->next_in_page)
		end += bh->size;
	*len = end - *offset;
	return true;
}

void buffers_mark_written(struct page *p, u32 from, u32 to)
{
	for (struct buffer *bh = p->private; bh; bh = bh->next_in_page)
		if (offset_in_page(bh) < to && offset_in_page(bh) + bh->size > from) {
			buffer_now_uptodate(bh);
			set_flags(bh, BUF_DIRTY);
			clear_flags(bh, BUF_VERIFIED | BUF_PRIVATE_MASK);
		}
}

void buffers_write_failed(struct page *p, u32 offset, u32 len)
{
	for (struct buffer *bh = p->private; bh; bh = bh->next_in_page)
		if (offset_in_page(bh) >= offset && offset_in_page(bh) < offset + len)
			set_flags(bh, BUF_ERROR);
}

int buffer_sync(struct buffer *bh)
{
	u64 first = bh->block * bh->size;
	int err;

	clear_flags(bh, BUF_ERROR);
	err = mapping_write_range(bh->bdev->inode->mapping, first, first + bh->size - 1);
	if (err)
		return -EIO;
	return flags_of(bh) & BUF_ERROR ? -EIO : 0;
}

/* A write already on its way must land before the block's next owner writes there. */
static void forget_one(struct bdev *b, u64 block, u32 size)
{
	struct buffer *bh = buffer_find(b, block, size);
	struct page *p;

	if (!bh)
		return;
	p = bh->page;
	page_lock(p);
	clear_flags(bh, BUF_DIRTY | BUF_UPTODATE | BUF_VERIFIED | BUF_PRIVATE_MASK);
	page_clear(p, PG_UPTODATE);
	page_wait_writeback(p);
	page_unlock(p);
	buffer_put(bh);
}

void buffer_forget(struct bdev *b, u64 block, u64 count, u32 size)
{
	for (; count--; block++)
		forget_one(b, block, size);
}

/* ---- the lock on the contents ---- */

void buffer_lock(struct buffer *bh)
{
	if (set_flags(bh, BUF_LOCKED) & BUF_LOCKED)
		wait_event(buffer_waitq(bh), !(set_flags(bh, BUF_LOCKED) & BUF_LOCKED));
}

void buffer_unlock(struct buffer *bh)
{
	u32 old = clear_flags(bh, BUF_LOCKED);

	assert(old & BUF_LOCKED);
	if (waitq_active(buffer_waitq(bh)))
		waitq_wake_all(buffer_waitq(bh), 0);
}

void buffer_init(void)
{
	buffer_cache = kmem_cache_create("buffer", sizeof(struct buffer), 0, NULL);
	if (!buffer_cache)
		panic("no memory for buffers");
	for (int i = 0; i < LISTS_HASH; i++)
		spin_init(&list_locks[i], "buffer_list", LR_LEAF);
	for (int i = 0; i < WAIT_HASH; i++)
		waitq_init(&wait_queues[i]);
}
